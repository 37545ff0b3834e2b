//! The Activity pane: the audit trail, a run with its lines together, searched and filtered.

pub(crate) mod controls;
pub(crate) mod state;

use crate::app::layout::LOW;
use crate::app::model::Model;
use crate::domain::activity::Activity;
use crate::domain::host::Host;

pub use state::{Filter, Row, ended};

/// The audit trail, the newest line first.
pub fn lines(model: &Model) -> &[Activity] {
    model.facts.standing.as_ref().map_or(&[], |standing| &standing.activity)
}

/// The hosts that work with the store, where it is on a server: as many as leave room for the trail, and how many are left out.
pub fn hosts(model: &Model) -> (&[Host], usize) {
    let all = model.status().map_or(&[][..], |status| &status.hosts);
    let room = usize::from(model.layout.body.height).saturating_sub(usize::from(LOW)).max(2);
    let shown = if model.layout.body.height < LOW {
        0
    } else if all.len() > room {
        room - 1
    } else {
        all.len()
    };
    (&all[..shown], all.len() - shown)
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
