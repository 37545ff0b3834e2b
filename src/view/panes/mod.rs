//! The panes: Sync, Clients, Integration, Events, Activity.

pub mod activity;
mod clients;
pub mod events;
mod integration;
mod sync;

pub use clients::card as client_card;

use ratatui::text::Line;

use crate::app::Model;
use crate::app::notice::Tone;
use crate::app::panes::Pane;
use crate::app::panes::integration::repairs;
use crate::app::service;
use crate::domain::status::{ServiceStatus, StepState};

use super::page::Page;
use super::text::{ago, moment};
use super::theme::Look;

/// The pane that is shown.
pub fn page(model: &Model, look: Look, columns: usize) -> Page {
    let mut page = Page::new(look, columns);
    match model.panes.pane {
        Pane::Sync => sync::body(model, &mut page),
        Pane::Clients => clients::body(model, &mut page),
        Pane::Integration if model.panes.planning => super::plan::body(model, &mut page, "Configure"),
        Pane::Integration => integration::body(model, &mut page),
        Pane::Events => events::body(model, &mut page),
        Pane::Activity => activity::body(model, &mut page),
    }
    page
}

/// The second column.
pub fn detail(model: &Model, look: Look, columns: usize) -> Vec<Line<'static>> {
    match model.panes.pane {
        Pane::Sync => sync::detail(model, look, columns),
        Pane::Clients => clients::detail(model, look, columns),
        Pane::Integration if model.panes.planning => super::plan::detail(model, look, columns),
        Pane::Integration => integration::detail(model, look, columns),
        Pane::Events => events::detail(model, look, columns),
        Pane::Activity => activity::detail(model, look, columns),
    }
}

/// What the header says: the state, and behind three blanks what gives way on a narrow terminal.
pub fn state(model: &Model) -> (Tone, String) {
    let Some(saved) = model.current_saved() else { return (Tone::Calm, String::new()) };
    let host = saved.configuration.api.url.host();
    if model.work.sync.run_of(model.current.as_ref()).is_some() {
        return (Tone::Calm, format!("Syncing   {host}"));
    }
    match repairs(model) {
        Some(1) => return (Tone::Warn, format!("1 thing to repair   {host}")),
        Some(count) if count > 0 => return (Tone::Warn, format!("{count} things to repair   {host}")),
        _ => {}
    }
    if !saved.status.active {
        return (Tone::Warn, format!("not active   {host}"));
    }
    let sync = format!("sync {} UTC", saved.configuration.company_sync.daily_sync_time);
    let last = service::status(model).and_then(|service| service.last_event_at);
    let last = last.map_or_else(|| "no event yet".to_owned(), |at| format!("event {}", ago(model.now, at)));
    if let Some(warning) = service::warnings(model).first() {
        let words = match warning {
            // The same said twice.
            service::Warning::Silent(_) => format!("{}   {sync}   {host}", warning.short()),
            _ => format!("{}   {last}   {sync}   {host}", warning.short()),
        };
        return (Tone::Warn, words);
    }
    if saved.status.steps.credentials != StepState::Done {
        return (Tone::Warn, format!("not verified   {host}"));
    }
    match service::status(model).filter(|service| service.running) {
        Some(ServiceStatus { since: Some(since), .. }) => {
            let since = moment(model.now, *since);
            let since = since.trim_start_matches("today ");
            (Tone::Good, format!("service since {since}   {last}   {sync}   {host}"))
        }
        Some(_) => (Tone::Good, format!("service running   {last}   {sync}   {host}")),
        // Nothing is expected of it yet.
        None => (Tone::Good, format!("{host}   {sync}")),
    }
}
