//! What a sync changed, client by client, in place of the history.

use std::num::NonZeroU64;

use crate::app::controls::Now;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::domain::failure::Failure;
use crate::domain::sync_run::ClientChange;

use super::state::{Pane, Report};

fn selected(model: &Model) -> Option<NonZeroU64> {
    model.facts.standing.as_ref()?.runs.get(model.panes.window(Pane::Sync).selected)?.run
}

/// Whether a report can be opened now.
pub fn now(model: &Model) -> Now {
    if model.panes.report.is_some() {
        return Now::Hidden;
    }
    Now::unless(selected(model).is_none().then(|| "No sync yet.".to_owned()))
}

/// Opens the report of the selected run.
pub fn open(model: &mut Model) -> Vec<Effect> {
    let (Some(run), Some(id)) = (selected(model), model.current.clone()) else { return Vec::new() };
    model.panes.report = Some(Report { run: Some(run), ..Report::default() });
    model.touch();
    vec![Effect::LoadChanges { id, run: run.get() }]
}

pub fn read(model: &mut Model, outcome: Result<Option<Vec<ClientChange>>, Failure>) {
    if let Some(report) = &mut model.panes.report {
        report.changes = Some(outcome);
        model.touch();
    }
}

/// Lines that fit under what stands above them.
pub fn height(model: &Model) -> usize {
    usize::from(model.layout.body.height).saturating_sub(9).max(4)
}
