//! What a yes does.

use crate::domain::configuration::ConfigurationId;
use crate::domain::sync_run::Brake;

use super::effect::Effect;
use super::integrations;
use super::keymap;
use super::model::Model;
use super::notice::Tone;
use super::panes::removal;
use super::popup::{Ask, Confirm, Popup};
use super::update::quit;
use super::wizard::{self, credentials, initial_sync};

/// Asks whether to switch, because of something that ended outside: never under a finger that types something else.
pub fn ask_to_switch(
    model: &mut Model,
    wanted: ConfigurationId,
    wanted_name: String,
    (active, active_name): (ConfigurationId, String),
) {
    if model.popup.is_some() || keymap::place(model).takes_text() {
        let words = format!("{wanted_name} is not active: {active_name} is. Activate it on the Integrations page.");
        model.say(Tone::Warn, words);
        return;
    }
    let has_objects = integrations::has_objects(model);
    model.popup =
        Some(Popup::Confirm(Confirm::new(Ask::Switch { wanted, wanted_name, active, active_name, has_objects })));
    model.touch();
}

/// Gives the third answer, where there is one.
pub fn third(model: &mut Model) -> Vec<Effect> {
    let Some(Popup::Confirm(confirm)) = model.popup.take() else { return Vec::new() };
    model.touch();
    match confirm.ask {
        Ask::Switch { wanted, has_objects: true, .. } => removal::before_switch(model, wanted),
        _ => Vec::new(),
    }
}

/// Answers the question that floats: with yes, with no, or with what has the focus.
pub fn answer(model: &mut Model, yes: Option<bool>) -> Vec<Effect> {
    if yes.is_none() && matches!(&model.popup, Some(Popup::Confirm(confirm)) if confirm.third) {
        return third(model);
    }
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
        Ask::Switch { wanted, active, .. } => vec![Effect::Activate { id: wanted, replacing: Some(active) }],
        Ask::Deactivate { .. } => vec![Effect::Deactivate],
        Ask::Untested { .. } => credentials::pass_over(model),
        Ask::MassChange { id, gone, .. } if model.current.as_ref() == Some(&id) => {
            initial_sync::start(model, Brake::UpTo(gone))
        }
        Ask::MassChange { .. } => Vec::new(),
        Ask::Quit { .. } => quit(model),
    }
}
