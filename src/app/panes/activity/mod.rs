//! The Activity pane: the audit trail, a run with its lines together, searched and filtered.

pub(crate) mod controls;
pub(crate) mod state;

use crate::app::model::Model;
use crate::domain::activity::Activity;

pub use state::{Filter, Row, ended};

/// The audit trail, the newest line first.
pub fn lines(model: &Model) -> &[Activity] {
    model.facts.standing.as_ref().map_or(&[], |standing| &standing.activity)
}

/// Lists anew what is shown of it.
pub fn list(model: &mut Model) {
    let lines = model.facts.standing.as_ref().map_or(&[][..], |standing| &standing.activity);
    model.panes.activity.list(lines);
}

/// The selected row.
pub fn selected(model: &Model) -> Option<Row> {
    model.panes.activity.rows.get(model.panes.window(super::Pane::Activity).selected).copied()
}

/// Opens or closes the selected run.
pub fn turn(model: &mut Model) {
    let row = model.panes.window(super::Pane::Activity).selected;
    let lines = model.facts.standing.as_ref().map_or(&[][..], |standing| &standing.activity);
    model.panes.activity.turn(row, lines);
    model.touch();
}
