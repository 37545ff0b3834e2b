//! What a sync changed, client by client, in place of the history.

use std::num::NonZeroU64;

use crate::app::effect::Effect;
use crate::app::layout::Window;
use crate::app::model::Model;
use crate::domain::failure::Failure;
use crate::domain::sync_run::{ClientChange, SyncReport};

/// The change report of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// The run: its number in the history.
    run: Option<NonZeroU64>,
    /// What it changed, once that was read; none inside where it is not remembered any more.
    pub changes: Option<Result<Option<Vec<ClientChange>>, Failure>>,
    /// The window on it.
    pub window: Window,
}

impl Report {
    /// The lines.
    pub fn lines(&self) -> &[ClientChange] {
        match &self.changes {
            Some(Ok(Some(changes))) => changes,
            _ => &[],
        }
    }

    /// How many there are.
    pub fn rows(&self) -> usize {
        self.lines().len()
    }

    /// The run as the history has it.
    pub fn run<'a>(&self, model: &'a Model) -> Option<&'a SyncReport> {
        model.facts.standing.as_ref()?.runs.iter().find(|run| self.run.is_some() && run.run == self.run)
    }
}

fn selected(model: &Model) -> Option<NonZeroU64> {
    model.facts.standing.as_ref()?.runs.get(model.panes.history.selected)?.run
}

/// Why no report can be opened; an empty reason where one is open.
pub fn refusal(model: &Model) -> Option<String> {
    if model.panes.report.is_some() {
        return Some(String::new());
    }
    selected(model).is_none().then(|| "There is no sync to look at yet.".to_owned())
}

/// Opens the report of the selected run.
pub fn open(model: &mut Model) -> Vec<Effect> {
    let (Some(run), Some(id)) = (selected(model), model.current.clone()) else { return Vec::new() };
    model.panes.report = Some(Report { run: Some(run), ..Report::default() });
    model.touch();
    vec![Effect::LoadChanges { id, run: run.get() }]
}

/// It was read.
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
