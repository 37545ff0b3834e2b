//! What a yes does.

use super::effect::Effect;
use super::model::Model;
use super::notice::Tone;
use super::popup::{Ask, Popup};
use super::update::quit;
use super::wizard::{self, credentials, initial_sync};

/// Answers the question that floats: with yes, with no, or with what has the focus.
pub fn answer(model: &mut Model, yes: Option<bool>) -> Vec<Effect> {
    let Some(Popup::Confirm(confirm)) = model.popup.take() else { return Vec::new() };
    model.touch();
    if !yes.unwrap_or(confirm.yes) {
        return Vec::new();
    }
    match confirm.ask {
        Ask::Continue { .. } => {
            let draft = model.overview.draft.clone().unwrap_or_default();
            wizard::resume_draft(model, &draft)
        }
        Ask::Discard { .. } => {
            model.overview.draft = None;
            model.wizard = None;
            model.say(Tone::Calm, "The draft is discarded.");
            vec![Effect::DiscardDraft]
        }
        Ask::Switch { wanted, .. } => vec![Effect::Activate { id: wanted, switch: true }],
        Ask::Deactivate { .. } => vec![Effect::Deactivate],
        Ask::Untested => credentials::pass_over(model),
        Ask::MassChange { id, .. } if model.current.as_ref() == Some(&id) => initial_sync::start(model, true),
        Ask::MassChange { .. } => Vec::new(),
        Ask::Quit { .. } => quit(model),
    }
}
