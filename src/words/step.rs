//! The steps of the set-up.

use super::Tone;
use crate::domain::status::{RECONFIGURE, StepState, Steps};
use crate::domain::step::Step;

pub fn name(step: Step) -> &'static str {
    match step {
        Step::Checklist => "What you need",
        Step::Credentials => "API Credentials",
        Step::CompanySync => "Company Sync",
        Step::PiaScreen => "Pia Screen",
        Step::Integration => "Integration",
        Step::Review => "Review and Save",
        Step::InitialSync => "Initial Sync",
        Step::Configure => "Configure",
        Step::Finished => "Finished",
    }
}

/// What becomes of the settings that are saved.
pub const SETTINGS: &str = "Settings: saved changes apply at once; those of Integration need Re-configure";

/// Said above settings that show what was typed earlier, and when that was.
pub fn draft_is_shown(ago: Option<String>, changes: usize, key: &str) -> String {
    let (ago, changes) = (of(ago), if changes == 1 { "1 change".to_owned() } else { format!("{changes} changes") });
    format!("This is your draft{ago}: {changes}, not saved. {key} discards it.")
}

/// Said where a save is kept from being made by what was typed into a field earlier.
pub fn of_draft(field: &str, ago: Option<String>) -> String {
    format!("Nothing is saved: {field} is from your draft{}, and not what is saved.", of(ago))
}

fn of(ago: Option<String>) -> String {
    ago.map(|ago| format!(" ({ago})")).unwrap_or_default()
}

/// Said of a saved setting that Halo does not have yet.
pub fn unsent() -> String {
    format!("Not in Halo yet: {RECONFIGURE}.")
}

/// The first line of the last page.
pub fn closing(done: bool) -> &'static str {
    if done { "You have finished setting up your Halo PSA integration." } else { "Almost finished. Still to do:" }
}

/// How far a step is.
pub fn state(state: StepState) -> (Tone, &'static str) {
    match state {
        StepState::Done => (Tone::Good, "done"),
        StepState::NotVerified => (Tone::Warn, "not verified"),
        StepState::NotProved => (Tone::Warn, "not proved"),
        StepState::NeedsAttention => (Tone::Warn, "needs attention"),
        StepState::NeedsReconfigure => (Tone::Warn, RECONFIGURE),
        StepState::Todo => (Tone::Calm, "to do"),
    }
}

/// How far each step of a configuration is, in the order of the guide.
pub fn states(steps: &Steps) -> [(Step, StepState); 5] {
    [
        (Step::Credentials, steps.credentials),
        (Step::CompanySync, steps.company_sync),
        (Step::PiaScreen, steps.pia_screen),
        (Step::InitialSync, steps.initial_sync),
        (Step::Configure, steps.configure),
    ]
}

/// What is lost with a configuration that is deleted, and what stays in its Halo.
pub fn deleting(is_in_halo: bool) -> Vec<String> {
    let mut words = vec!["Its settings, secrets, clients and events are deleted here, for good.".to_owned()];
    if is_in_halo {
        let left = "What Configure created stays in its Halo and can no longer be removed from here. To remove it, use \
                    Remove before you delete.";
        words.push(left.to_owned());
    }
    words
}
