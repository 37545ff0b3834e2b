//! The last screen of the set-up.

use crate::app::jobs::plan::is_settled;
use crate::app::model::Model;
use crate::domain::status::StepState;

use super::credentials;
use super::state::Test;

/// The steps as the last screen names them: what is done, and what is open.
pub fn open_lines(model: &Model) -> Vec<(StepState, &'static str, &'static str)> {
    let Some(wizard) = &model.wizard else { return Vec::new() };
    let verified = match (wizard.test.is_passed(), &wizard.test) {
        (true, _) if credentials::known_failure(model).is_some() => StepState::NeedsAttention,
        (true, _) => StepState::Done,
        (false, Test::Not) if wizard.untested => StepState::NotVerified,
        _ => model.status().map_or(StepState::Todo, |status| status.steps.credentials),
    };
    let done = |done: bool| if done { StepState::Done } else { StepState::Todo };
    vec![
        (verified, "API Credentials", "edit the configuration and test the connection"),
        (done(wizard.id.is_some() && !wizard.is_edited()), "Saved", "Review and Save"),
        (synced(model), "Initial Sync", "Sync Now, in the Sync pane"),
        (done(model.is_configured() || is_settled(model)), "Configure", "Configure in the Integration pane"),
    ]
}

/// How far the first sync is.
pub fn synced(model: &Model) -> StepState {
    match model.status().map(|status| status.steps.initial_sync) {
        Some(StepState::NotProved) if !model.current.as_ref().is_some_and(|id| model.work.sync.proved(id)) => {
            StepState::NotProved
        }
        _ if model.is_synced() => StepState::Done,
        _ => StepState::Todo,
    }
}

/// Whether nothing of it is left to do.
pub fn is_done(state: StepState) -> bool {
    matches!(state, StepState::Done | StepState::NotProved)
}
