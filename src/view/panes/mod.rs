//! The panes: Overview, Sync, Clients, Integration, Events, Activity.

mod activity;
mod clients;
pub(crate) mod events;
mod integration;
mod overview;
mod sync;

pub use clients::card as client_card;

use ratatui::text::Line;

use crate::app::Model;
use crate::app::jobs::health::findings;
use crate::app::notice::Tone;
use crate::app::panes::Pane;
use crate::app::service;
use crate::domain::health::Finding;
use crate::domain::status::ServiceStatus;
use crate::words::health::summary;

use super::page::Page;
use super::text::{ago, moment};
use super::theme::Styles;

type Body = fn(&Model, &mut Page);
type Detail = fn(&Model, Styles, usize) -> Vec<Line<'static>>;
type Lines = fn(&Model) -> Vec<String>;

// How a pane is drawn, and what stands beside it; how it is read out, unless plain mode has a way of its own with it.
fn drawn(pane: Pane) -> (Body, Detail, Option<Lines>) {
    match pane {
        Pane::Overview => (overview::body, overview::detail, Some(overview::lines)),
        Pane::Sync => (sync::body, sync::detail, None),
        Pane::Clients => (clients::body, clients::detail, None),
        Pane::Integration => (integration::body, integration::detail, None),
        Pane::Events => (events::body, events::detail, None),
        Pane::Activity => (activity::body, activity::detail, Some(activity::lines)),
    }
}

/// The pane that is shown.
pub fn page(model: &Model, styles: Styles, columns: usize) -> Page {
    let mut page = Page::new(styles, columns);
    drawn(model.panes.pane).0(model, &mut page);
    page
}

/// The second column.
pub fn detail(model: &Model, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    drawn(model.panes.pane).1(model, styles, columns)
}

/// Whether a pane is read out line by line.
pub fn is_read(pane: Pane) -> bool {
    drawn(pane).2.is_some()
}

/// The lines of the pane that is shown, as they are read out.
pub fn lines(model: &Model) -> Vec<String> {
    drawn(model.panes.pane).2.map(|lines| lines(model)).unwrap_or_default()
}

/// What the header says: the state, and behind three blanks what gives way on a narrow terminal.
pub fn state(model: &Model) -> (Tone, String) {
    let Some(saved) = model.current_saved() else { return (Tone::Calm, String::new()) };
    let host = saved.configuration.api.url.host();
    if model.work.sync.run_of(model.current.as_ref()).is_some() {
        return (Tone::Calm, format!("Syncing   {host}"));
    }
    if !saved.status.active {
        return (Tone::Warn, format!("not active   {host}"));
    }
    if model.facts.standing_failed.is_some() {
        return (Tone::Bad, format!("state cannot be read   {host}"));
    }
    let findings = findings(model);
    let (tone, words) = summary(&findings);
    let sync = format!("sync {} UTC", saved.configuration.company_sync.daily_sync_time);
    let last = service::status(model).and_then(|service| service.last_event_at);
    let last = last.map_or_else(|| "no event yet".to_owned(), |at| format!("event {}", ago(model.now, at)));
    if findings.iter().any(Finding::is_open) {
        return (tone, format!("{words}   {last}   {sync}   {host}"));
    }
    // What is not known, or known and dismissed, keeps it from being green.
    let is_green = tone == Tone::Good;
    let words = if is_green { String::new() } else { format!("{words}   ") };
    match service::status(model).filter(|service| service.running) {
        Some(ServiceStatus { since: Some(since), .. }) => {
            let since = moment(model.now, *since);
            let since = since.trim_start_matches("today ");
            let service = format!("service since {since}");
            // Beside what is not known there is room for one of them: the newest event says more.
            let (first, second) = if is_green { (&service, &last) } else { (&last, &service) };
            (tone, format!("{words}{first}   {second}   {sync}   {host}"))
        }
        Some(_) => (tone, format!("{words}service running   {last}   {sync}   {host}")),
        // Nothing is expected of it yet, and nothing is promised.
        None => (tone, format!("{words}{host}")),
    }
}
