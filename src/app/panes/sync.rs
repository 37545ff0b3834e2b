//! The Sync pane under the keys: the history, and what one sync changed.

use crate::app::controls::{Controls, Move, Now};
use crate::app::effect::Effect;
use crate::app::keymap::{Binding, Command as C, Place as P};
use crate::app::layout::Window;
use crate::app::model::Model;
use crate::app::panes::{Pane, history_height, report};
use crate::domain::status::ClientCounts;
use crate::domain::sync_run::{self, SyncReport};

/// The company sync and its history.
pub struct SyncControls;

// The list that is shown, with its rows and its height.
fn list(model: &mut Model) -> (&mut Window, usize, usize) {
    let (of_report, of_history) = (report::height(model), history_height(model));
    let runs = model.facts.standing.as_ref().map_or(0, |standing| standing.runs.len());
    match &mut model.panes.report {
        Some(report) => {
            let rows = report.rows();
            (&mut report.window, rows, of_report)
        }
        None => (&mut model.panes.windows[Pane::Sync as usize], runs, of_history),
    }
}

impl Controls for SyncControls {
    fn now(model: &Model, _: P, command: C) -> Now {
        match command {
            // What is open above it is closed first.
            C::Stop if model.panes.report.is_some() => Now::Hidden,
            C::Changes => report::now(model),
            _ => super::now(model, command),
        }
    }

    fn words(model: &Model, _: P, binding: &Binding) -> Option<String> {
        if binding.command == C::Back && model.panes.report.is_some() {
            return Some("Back".to_owned());
        }
        super::words(model, binding)
    }

    fn on(model: &mut Model, _: P, command: C) -> Vec<Effect> {
        match command {
            C::Changes => report::open(model),
            C::Back if model.panes.report.take().is_some() => {
                model.touch();
                Vec::new()
            }
            _ => super::on(model, command),
        }
    }

    fn moved(model: &mut Model, _: P, to: Move) {
        let (window, rows, height) = list(model);
        if super::move_in(window, rows, height, to) {
            model.touch();
        }
    }

    fn settle(model: &mut Model) {
        let (window, rows, height) = list(model);
        super::settle(window, rows, height);
    }
}

/// How many clients there are: after a run that published nothing as many as before it.
pub fn usage(model: &Model, run: &SyncReport) -> String {
    let stored = model.facts.standing.as_ref().map(|standing| standing.status.clients);
    match stored.filter(|_| !run.status.has_published()) {
        Some(ClientCounts { active, disabled, left_out }) => sync_run::usage(active, disabled, left_out),
        None => run.usage(),
    }
}
