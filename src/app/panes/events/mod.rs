//! The Events pane: what Halo has told us, the newest first, as it comes in; one event whole; and beside them the tickets on
//! the Pia Board.

pub(crate) mod controls;
pub(crate) mod list;
pub(crate) mod open;
pub(crate) mod state;

use crate::app::effect::Effect;
use crate::app::jobs::plan;
use crate::app::model::{Model, Screen};
use crate::app::service;
use crate::domain::failure::Failure;

pub use list::{EventList, Filter, Recent};
pub use state::STEP;

/// Rows of the list that fit.
pub fn height(model: &Model) -> usize {
    let tip = usize::from(model.facts.tip.is_some());
    let above = service::head_height(model) + 5 + tip;
    usize::from(model.layout.body.height).saturating_sub(above).max(1)
}

/// The store is watched from the first look at the panes on: the header tells of the last event too. Before that, it is while
/// another program is in Halo: nothing else tells when that is done.
pub fn watch(model: &mut Model) -> Option<Effect> {
    let events = &model.panes.events;
    let waits = model.screen == Screen::Panes || plan::elsewhere(model).is_some();
    if !waits || events.watched == Some(events.limit) {
        return None;
    }
    let (id, limit) = (model.current.clone()?, events.limit);
    model.panes.events.watched = Some(limit);
    Some(Effect::WatchEvents { id, limit })
}

/// Whoever watches begins from the beginning, with a look at everything.
pub fn watch_anew(model: &mut Model) {
    model.panes.events.watched = None;
}

/// The events were read, at the first look or because something changed.
pub fn take(model: &mut Model, outcome: Result<Box<Recent>, Failure>) {
    match outcome {
        Ok(recent) => {
            for status in model.statuses() {
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

/// Whether not every event is listed.
pub fn is_filtered(model: &Model) -> bool {
    let events = &model.panes.events;
    !events.query.value().is_empty() || events.filter != Filter::All
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

/// Rows of tickets that fit.
pub fn tickets_height(model: &Model) -> usize {
    let above = service::head_height(model) + 5;
    usize::from(model.layout.body.height).saturating_sub(above).max(1)
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
