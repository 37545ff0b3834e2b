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
use crate::app::notice::Tone;
use crate::app::panes::{Pane, integration as objects};
use crate::domain::failure::Failure;

use super::page::{MARGIN, Page};
use super::theme::Styles;

type Body = fn(&Model, &mut Page);
type Detail = fn(&Model, Styles, usize) -> Vec<Line<'static>>;
type Lines = fn(&Model) -> Vec<String>;

// How a pane is drawn, and what stands beside it; what is read out of it, or of the row that is opened where plain mode has
// a way of its own with the rest.
fn drawn(pane: Pane) -> (Body, Detail, Lines) {
    match pane {
        Pane::Overview => (overview::body, overview::detail, overview::lines),
        Pane::Sync => (sync::body, sync::detail, sync::lines),
        Pane::Clients => (clients::body, clients::detail, clients::lines),
        Pane::Integration => (integration::body, integration::detail, objects::lines),
        Pane::Events => (events::body, events::detail, events::lines),
        Pane::Activity => (activity::body, activity::detail, activity::lines),
    }
}

/// Why something could not be read anew; that the server is away is said in the same words everywhere.
fn not_read(model: &Model, page: &mut Page, failure: Option<&Failure>) {
    match (model.away(), failure) {
        (Some(away), _) => page.state(Tone::Bad, &away, MARGIN),
        (None, Some(failure)) => page.failure(failure, MARGIN, &model.keys),
        (None, None) => {}
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

/// The lines of the pane that is shown, as they are read out.
pub fn lines(model: &Model) -> Vec<String> {
    drawn(model.panes.pane).2(model)
}
