//! The Events pane: what Halo has told us, the newest first, as it comes in; one event whole; and beside them the tickets on
//! the Pia Board.

mod list;
pub mod open;
pub mod tickets;

use tui_input::Input;

use crate::app::effect::Effect;
use crate::app::layout::Window;
use crate::app::model::{Model, Screen};
use crate::domain::event::Event;
use crate::domain::failure::Failure;

use super::Pane;

pub use list::{EventList, Filter, Recent};

/// How many events are read at first, and how many more whenever their end is reached.
pub const STEP: usize = 1_000;

/// The most that are held: further back the command reads.
pub const MOST: usize = 20_000;

/// The events.
#[derive(Debug)]
pub struct Events {
    list: EventList,
    /// The rows of the list that match.
    shown: Vec<usize>,
    /// What is searched for.
    pub query: Input,
    /// Whether the search line has the focus.
    pub searching: bool,
    /// Which events are listed.
    pub filter: Filter,
    /// The window on the rows.
    pub window: Window,
    /// The event that is selected, whatever comes in; none at the top, where the newest is.
    selected: Option<i64>,
    /// Whether the store was read.
    pub read: bool,
    /// Why it could not be.
    pub failed: Option<Failure>,
    /// How many events are wanted.
    limit: usize,
    /// How many are being watched; none before the first look.
    watched: Option<usize>,
    /// The event that is looked at whole.
    pub open: Option<open::Opened>,
    /// Whether the tickets on the Pia Board are shown in place of the events.
    pub tickets: bool,
    /// The window on those.
    pub board: Window,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            list: EventList::default(),
            shown: Vec::new(),
            query: Input::default(),
            searching: false,
            filter: Filter::default(),
            window: Window::default(),
            selected: None,
            read: false,
            failed: None,
            limit: STEP,
            watched: None,
            open: None,
            tickets: false,
            board: Window::default(),
        }
    }
}

impl Events {
    /// Takes the newest events over. Who looks at the newest goes on doing so; who has selected another one keeps it.
    pub fn fill(&mut self, list: EventList) {
        self.read = true;
        self.failed = None;
        self.list = list;
        self.search();
    }

    /// Rows that are listed.
    pub fn count(&self) -> usize {
        self.shown.len()
    }

    /// The events that were read.
    pub fn list(&self) -> &EventList {
        &self.list
    }

    /// A listed row.
    pub fn row(&self, at: usize) -> Option<&Event> {
        self.list.event(*self.shown.get(at)?)
    }

    /// The selected event.
    pub fn selected(&self) -> Option<&Event> {
        self.row(self.window.selected)
    }

    /// Remembers what is selected.
    pub fn note_selected(&mut self) {
        self.selected = self.selected().filter(|_| self.window.selected > 0).map(|event| event.number);
    }

    /// Lists what matches the search line and the filter.
    pub fn search(&mut self) {
        self.shown = self.list.listed(self.filter, self.query.value());
        // The numbers fall from row to row. One that is not listed any more leaves its place to the next older one.
        let at =
            |number: i64| self.shown.partition_point(|row| self.list.event(*row).is_some_and(|e| e.number > number));
        let kept = self.selected.filter(|_| !self.searching).map(at).unwrap_or_default();
        let kept = kept.min(self.shown.len().saturating_sub(1));
        // What comes in above does not move what is looked at.
        let moved = kept as isize - self.window.selected as isize;
        self.window.first = if kept == 0 { 0 } else { self.window.first.saturating_add_signed(moved).min(kept) };
        self.window.selected = kept;
    }

    /// Whether all that is kept was read, or as much as may be.
    fn is_all(&self) -> bool {
        self.list.len() as u64 >= self.list.total() || self.list.len() < self.limit || self.limit >= MOST
    }

    /// The end of the rows was reached: the next look reads further back.
    pub fn note_end(&mut self, row: usize) {
        if !self.tickets && row + 1 >= self.shown.len() && self.read && !self.is_all() {
            self.limit = (self.limit + STEP).min(MOST);
        }
    }
}

/// Rows of the list that fit.
pub fn height(model: &Model) -> usize {
    let tip = usize::from(model.facts.tip.is_some());
    let above = super::service::head_height(model) + 5 + tip;
    usize::from(model.layout.body.height).saturating_sub(above).max(1)
}

/// The store is watched from the first look at the panes on: the header tells of the last event too.
pub fn watch(model: &mut Model) -> Option<Effect> {
    let events = &model.panes.events;
    if model.screen != Screen::Panes || events.watched == Some(events.limit) {
        return None;
    }
    let (id, limit) = (model.current.clone()?, events.limit);
    model.panes.events.watched = Some(limit);
    Some(Effect::WatchEvents { id, limit })
}

/// The events were read, at the first look or because something changed.
pub fn take(model: &mut Model, outcome: Result<Box<Recent>, Failure>) {
    match outcome {
        Ok(recent) => {
            for status in super::service::statuses(model) {
                status.service.clone_from(&recent.service);
            }
            model.panes.events.fill(recent.list);
            open::refresh(model);
        }
        Err(failure) => model.panes.events.failed = Some(failure),
    }
    if model.screen == Screen::Panes {
        settle(model);
    }
}

/// The search line was changed.
pub fn searched(model: &mut Model) {
    model.panes.events.search();
    settle(model);
}

/// The filter was changed.
pub fn filter(model: &mut Model) {
    model.panes.events.filter = model.panes.events.filter.next();
    model.panes.events.search();
    settle(model);
}

/// Leaves the search line for the list.
pub fn leave_search(model: &mut Model) {
    model.panes.events.searching = false;
    model.panes.events.note_selected();
}

/// Whether the list of events has the screen.
pub fn is_listed(model: &Model) -> bool {
    let events = &model.panes.events;
    model.panes.pane == Pane::Events && !events.tickets && events.open.is_none()
}

fn settle(model: &mut Model) {
    let height = height(model);
    let events = &mut model.panes.events;
    let (row, rows) = (events.window.selected, events.shown.len());
    events.window.select(row, rows, height);
    if events.searching {
        events.note_selected();
    }
    model.touch();
}

#[cfg(test)]
mod tests;
