//! The state of the panes.

use std::num::NonZeroU64;

use crate::app::layout::Window;
use crate::domain::failure::Failure;
use crate::domain::health::Rule;
use crate::domain::object::ObjectKind;
use crate::domain::sync_run::{ClientChange, SyncReport};
pub use crate::keys::Pane;

use super::activity::state::Activities;
use super::clients::state::Clients;
use super::events::state::Events;

#[derive(Debug, Default)]
pub struct Panes {
    pub pane: Pane,
    /// The window on the list of each.
    pub windows: [Window; Pane::ALL.len()],
    /// What a sync changed, where that is looked at in place of the history.
    pub report: Option<Report>,
    /// The problem that is selected in the overview, by its rule: what is found brings them into another order.
    pub issue: Option<Rule>,
    /// What is selected among the objects in Halo: a look into Halo brings them into another order.
    pub object: Option<Selected>,
    pub clients: Clients,
    pub events: Events,
    pub activity: Activities,
    /// Whether the Integration pane shows the plan.
    pub planning: bool,
    /// Whether the panes are looked at from within the set-up, and Esc goes back there.
    pub from_wizard: bool,
}

impl Panes {
    /// Another pane is shown: nothing is open in the one before any more.
    pub(super) fn turn_to(&mut self, pane: Pane) {
        self.pane = pane;
        self.planning = false;
        self.report = None;
        self.clients.leave();
        self.events.leave();
        self.activity.leave();
    }

    /// The window on the list of a pane.
    pub fn window(&self, pane: Pane) -> Window {
        self.windows[pane as usize]
    }

    /// The same, to be moved.
    pub fn window_mut(&mut self, pane: Pane) -> &mut Window {
        &mut self.windows[pane as usize]
    }
}

/// The change report of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// The run: its number in the history.
    pub(super) run: Option<NonZeroU64>,
    /// What it changed, once that was read; none inside where it is not remembered any more.
    pub changes: Option<Result<Option<Vec<ClientChange>>, Failure>>,
    pub window: Window,
}

impl Report {
    pub fn lines(&self) -> &[ClientChange] {
        match &self.changes {
            Some(Ok(Some(changes))) => changes,
            _ => &[],
        }
    }

    /// How many there are.
    pub fn rows(&self) -> usize {
        self.lines().len()
    }

    /// The run as the history has it.
    pub fn run<'a>(&self, runs: &'a [SyncReport]) -> Option<&'a SyncReport> {
        runs.iter().find(|run| self.run.is_some() && run.run == self.run)
    }
}

/// A row of the pane, by what it is rather than by where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// An object in Halo.
    Object(ObjectKind, String),
    /// A callback address.
    Callback(usize),
}
