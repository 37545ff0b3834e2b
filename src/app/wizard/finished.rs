//! The last screen of the set-up.

use crate::app::effect::Effect;
use crate::app::jobs::health::findings;
use crate::app::jobs::plan::{how_far, is_settled};
use crate::app::jobs::state::{ApplyWork, SyncEnd};
use crate::app::model::{Model, Screen};
use crate::domain::draft::Step;
use crate::domain::health::Rule;
use crate::domain::plan::ChangeResult;
use crate::domain::status::StepState;
use crate::domain::sync_run::Sight;
use crate::words::health::short;
use crate::words::service;

use super::state::Test;
use super::{credentials, go};

/// Configure has ended: where nothing of it is left, the set-up comes to its last screen by itself.
pub fn follow(model: &mut Model) -> Vec<Effect> {
    let is_free = model.screen == Screen::Wizard && model.popup.is_none() && model.palette.is_none();
    let is_here = model.wizard.as_ref().is_some_and(|wizard| wizard.step == Step::Configure);
    if is_free && is_here && model.apply().is_configured() { go(model, Step::Finished) } else { Vec::new() }
}

/// The steps as the last screen names them: what is done, perhaps with what was said of it, and what is open.
pub fn open_lines(model: &Model) -> Vec<(StepState, &'static str, String)> {
    let Some(wizard) = &model.wizard else { return Vec::new() };
    let doubt = credentials::doubt(model);
    let refused = credentials::refused(model).cloned().or_else(|| credentials::refused_by_test(wizard));
    let verified = match (wizard.test.is_passed(), &wizard.test) {
        (true, _) if credentials::known_failure(model).is_some() || doubt.is_some() => StepState::NeedsAttention,
        (true, _) => StepState::Done,
        (false, _) if refused.is_some() => StepState::NeedsAttention,
        (false, Test::Not) if wizard.untested => StepState::NotVerified,
        _ => model.status().map_or(StepState::Todo, |status| status.steps.credentials),
    };
    let done = |done: bool| if done { StepState::Done } else { StepState::Todo };
    let configured = done(model.is_configured() || is_settled(model));
    let mut lines = [
        (verified, "API Credentials", "edit the configuration and test the connection"),
        (done(wizard.id.is_some() && !wizard.is_edited()), "Saved", "Review and Save"),
        (synced(model), "Initial Sync", "Sync Now, in the Sync pane"),
        (configured, "Configure", "Configure in the Integration pane"),
    ]
    .map(|(state, name, open)| (state, name, if state == StepState::Done { "" } else { open }.to_owned()));
    if let (StepState::Done | StepState::NotProved, Some(SyncEnd::Report(run))) =
        (lines[2].0, model.work.sync.end_of(model.current.as_ref()))
    {
        // It was over in a moment, and led on by itself.
        lines[2].2 = run.usage();
    }
    if let Some(known) = refused.or(doubt) {
        lines[0].2 = short(&known).to_owned();
    }
    match (configured, model.apply()) {
        (StepState::Done, ApplyWork::Ended { report, .. }) => lines[3].2.clone_from(&report.message),
        // It was tried, and is no step that nobody has taken yet.
        (_, ApplyWork::Ended { report, .. }) => {
            let how_far = how_far(model).unwrap_or_else(|| report.message.clone());
            (lines[3].0, lines[3].2) = (StepState::NeedsAttention, how_far);
        }
        (_, ApplyWork::Failed { failure, .. }) => {
            let how_far = how_far(model).unwrap_or_else(|| failure.message.clone());
            (lines[3].0, lines[3].2) = (StepState::NeedsAttention, how_far);
        }
        _ => {}
    }
    let mut lines = Vec::from(lines);
    let findings = findings(model);
    if let Some(boards) = findings.iter().find(|found| found.rule == Rule::Boards && found.is_open()) {
        lines.push((StepState::NeedsAttention, "Pia Screen", boards.fact.clone()));
    }
    lines
}

/// The same as the page lists them: what is left first. With how many those are that come before what is done; all, where
/// nothing is left.
pub fn shown_lines(model: &Model) -> (Vec<(StepState, &'static str, String)>, usize) {
    let mut lines = open_lines(model);
    lines.sort_by_key(|(state, ..)| is_done(*state));
    let left = lines.iter().filter(|(state, ..)| !is_done(*state)).count();
    let first = if left == 0 { lines.len() } else { left };
    (lines, first)
}

/// Whether every step is done, so that none is gone back to.
pub fn is_whole(model: &Model) -> bool {
    let is_edited = model.wizard.as_ref().is_some_and(|wizard| wizard.is_edited());
    !is_edited && open_lines(model).iter().all(|(state, ..)| is_done(*state))
}

/// What Configure did just now, object by object.
pub fn results(model: &Model) -> &[ChangeResult] {
    match model.apply() {
        ApplyWork::Ended { report, .. } if model.apply().is_configured() => &report.results,
        _ => &[],
    }
}

/// What stands below the steps and takes the focus, so that it is read to its end on a low terminal too: what starts the
/// service, and then what Configure did.
pub fn below(model: &Model) -> (usize, usize) {
    let runs = model.status().is_some_and(|status| status.service.running);
    (if runs { 1 } else { service::commands(model.systemd).len() }, results(model).len())
}

/// How far the first sync is. What only this agent is known to see is not proved to be all.
pub fn synced(model: &Model) -> StepState {
    match model.status().map(|status| status.steps.initial_sync) {
        Some(StepState::NotProved) if !model.current.as_ref().is_some_and(|id| model.work.sync.proved(id)) => {
            StepState::NotProved
        }
        _ if model.is_synced() && is_seen_in_part(model) => StepState::NotProved,
        _ if model.is_synced() => StepState::Done,
        _ => StepState::Todo,
    }
}

// Whether Halo may have more clients than the agent of the last sync sees.
fn is_seen_in_part(model: &Model) -> bool {
    match model.work.sync.end_of(model.current.as_ref()) {
        Some(SyncEnd::Report(run)) => matches!(run.sight(), Some(Sight::Chosen | Sight::NotTold)),
        _ => findings(model).iter().any(|found| found.rule == Rule::SyncProved && found.is_reported_elsewhere()),
    }
}

/// Whether nothing of it is left to do.
pub fn is_done(state: StepState) -> bool {
    matches!(state, StepState::Done | StepState::NotProved)
}
