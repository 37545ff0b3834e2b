//! What is seen once the set-up is finished: Overview, Sync, Clients, Integration, Events, Activity.

pub mod clients;
pub(crate) mod events;
pub(crate) mod integration;
pub(crate) mod report;
pub(crate) mod state;

use super::effect::Effect;
use super::jobs::{plan, prove};
use super::model::{Model, Screen};
use super::work::EscalateWork;

pub use state::Pane;

/// Shows the panes.
pub fn enter(model: &mut Model) -> Vec<Effect> {
    model.screen = Screen::Panes;
    model.panes.from_wizard = false;
    model.popup = None;
    model.facts.revealed = false;
    model.touch();
    model.place_all();
    let pane = model.panes.pane;
    show(model, pane)
}

/// Shows a pane, and asks for what it shows. What was known stays on the screen meanwhile.
pub fn show(model: &mut Model, pane: Pane) -> Vec<Effect> {
    model.touch();
    model.panes.pane = pane;
    model.panes.planning = false;
    model.panes.report = None;
    model.panes.clients.searching = false;
    model.panes.events.searching = false;
    model.panes.events.open = None;
    if !matches!(model.work.escalate, EscalateWork::Running { .. }) {
        model.work.escalate = EscalateWork::None;
    }
    model.facts.revealed = false;
    let Some(id) = model.current.clone() else {
        return Vec::new();
    };
    match pane {
        Pane::Clients => vec![Effect::LoadClients(id)],
        Pane::Integration => {
            let mut effects = vec![Effect::LoadStatus(id.clone()), Effect::LoadCallbacks(id)];
            // Once configured, whether it still is as it should be is worth a look at once.
            if plan::is_again(model) {
                effects.extend(plan::load_plan_unless_there(model));
            }
            effects
        }
        _ => vec![Effect::LoadStatus(id)],
    }
}

/// Looks at the clients from within the set-up.
pub fn peek(model: &mut Model) -> Vec<Effect> {
    model.leave_field();
    let mut effects: Vec<Effect> = model.keep_draft().into_iter().collect();
    model.screen = Screen::Panes;
    model.panes.from_wizard = true;
    model.place_all();
    effects.extend(show(model, Pane::Clients));
    effects
}

/// Rows of the history that fit under what stands above them; on a low terminal a few, and what stands above gives way.
pub fn history_height(model: &Model) -> usize {
    usize::from(model.layout.body.height).saturating_sub(11).max(4)
}

/// Rows of objects that fit.
pub fn objects_height(model: &Model) -> usize {
    let callbacks = model.facts.callbacks.len() + 3;
    usize::from(model.layout.body.height).saturating_sub(8 + callbacks + prove::lines(model).len()).max(1)
}
