//! The panes: Sync, Clients, Integration, Activity.

pub mod activity;
mod clients;
mod integration;
mod sync;

pub use clients::card as client_card;

use ratatui::text::Line;

use crate::app::Model;
use crate::app::notice::Tone;
use crate::app::panes::Pane;
use crate::app::panes::integration::repairs;
use crate::domain::status::StepState;

use super::page::Page;
use super::theme::Look;

/// The pane that is shown.
pub fn page(model: &Model, look: Look, columns: usize) -> Page {
    let mut page = Page::new(look, columns);
    match model.panes.pane {
        Pane::Sync => sync::body(model, &mut page),
        Pane::Clients => clients::body(model, &mut page),
        Pane::Integration if model.panes.planning => super::wizard::plan_body(model, &mut page, "Configure"),
        Pane::Integration => integration::body(model, &mut page),
        Pane::Activity => activity::body(model, &mut page),
    }
    page
}

/// The second column.
pub fn detail(model: &Model, look: Look, columns: usize) -> Vec<Line<'static>> {
    match model.panes.pane {
        Pane::Sync => sync::detail(model, look, columns),
        Pane::Clients => clients::detail(model, look, columns),
        Pane::Integration if model.panes.planning => super::wizard::plan_detail(model, look, columns),
        Pane::Integration => integration::detail(model, look, columns),
        Pane::Activity => activity::detail(model, look, columns),
    }
}

/// What the header says.
pub fn state(model: &Model) -> (Tone, String) {
    if model.work.sync.run_of(model.current.as_ref()).is_some() {
        return (Tone::Calm, "Syncing".to_owned());
    }
    match repairs(model) {
        Some(1) => return (Tone::Warn, "1 thing to repair".to_owned()),
        Some(count) if count > 0 => return (Tone::Warn, format!("{count} things to repair")),
        _ => {}
    }
    let Some(saved) = model.current_saved() else { return (Tone::Calm, String::new()) };
    if !saved.status.active {
        return (Tone::Warn, "not active".to_owned());
    }
    let host = saved.configuration.api.url.host();
    match saved.status.steps.credentials {
        StepState::Done => {
            (Tone::Good, format!("{host}   sync {} UTC", saved.configuration.company_sync.daily_sync_time))
        }
        StepState::NotVerified | StepState::Todo => (Tone::Warn, format!("{host}, not verified")),
    }
}
