//! Initial Sync: Sync Now, how it goes, the proof, and Pia Escalate To once after it.

use crate::app::effect::Effect;
use crate::app::form::FieldId;
use crate::app::jobs::state::SyncEnd;
use crate::app::model::Model;
use crate::app::notice::Tone;
use crate::app::popup::{About, Popup, Typed};
use crate::domain::configuration::ConfigurationId;
use crate::domain::draft::Step;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::status::StepState;
use crate::words::{self, Phrase};

use super::go;
use super::review::{self, Then};
use super::state::{Item, Wizard};

/// What can have the focus.
pub fn items(model: &Model) -> Vec<Item> {
    let mut items = vec![Item::SyncNow];
    if let Some(SyncEnd::Report(report)) = model.work.sync.end_of(model.current.as_ref()) {
        items.extend((0..report.warnings.len()).map(Item::Warning));
    }
    if may_go_on(model) {
        items.extend([Item::Field(FieldId::EscalateTo), Item::Go]);
    }
    items
}

/// Whether there is a way on: the list is proved complete, or the person may agree to one that is not.
pub fn may_go_on(model: &Model) -> bool {
    (model.is_synced() || model.is_unproved()) && !model.work.sync.is_running()
}

/// Puts the focus on what comes next: Sync Now, then Pia Escalate To once, then on.
pub fn focus(model: &mut Model) {
    let (done, unproved) = (may_go_on(model), model.is_unproved());
    let known = model.facts.lists.are_known();
    let Some(wizard) = model.wizard.as_mut() else { return };
    if wizard.step != Step::InitialSync {
        return;
    }
    wizard.focus = match done {
        false => Item::SyncNow,
        // What is asked there has to be typed: Enter alone does nothing.
        true if unproved => Item::Go,
        true if wizard.form.escalate_to.is_some() || wizard.asked_escalate_to => Item::Go,
        // The agents are on their way from the store: Enter must not pass over a field that cannot be chosen yet.
        true if !known => Item::SyncNow,
        true => Item::Field(FieldId::EscalateTo),
    };
    model.touch();
}

/// The field to begin with where Halo has refused the credentials.
pub fn suspect(model: &Model) -> Option<FieldId> {
    let failure = match model.work.sync.end_of(model.current.as_ref())? {
        SyncEnd::Report(report) => report.error.as_ref()?,
        SyncEnd::Failed(failure) => failure,
        SyncEnd::Stopped { .. } => return None,
    };
    let is_refused = failure.kind == FailureKind::WrongCredentials;
    is_refused.then(|| failure.field.unwrap_or(FieldId::ClientSecret))
}

/// On to Configure; a contact that was just chosen is saved first.
pub fn forward(model: &mut Model) -> Vec<Effect> {
    if let Some(id) = model.current.clone().filter(|_| model.is_unproved()) {
        model.popup = Some(Popup::Typed(Typed::new(words::sync::YES, About::Unproved(id))));
        model.touch();
        return Vec::new();
    }
    if !model.is_synced() {
        let words = Phrase::from("Configure needs a completed sync.").key(" Sync Now is ", "sync_now", ".");
        model.say(Tone::Warn, words);
        return Vec::new();
    }
    if let Some(wizard) = model.wizard.as_mut()
        && wizard.focus == Item::Go
    {
        wizard.asked_escalate_to = true;
    }
    if model.wizard.as_ref().is_some_and(Wizard::is_edited) {
        return review::save(model, Then::Configure);
    }
    go(model, Step::Configure)
}

/// The sync has ended: where the set-up came here by itself, it goes on to the plan by itself. Pia Escalate To may be
/// chosen whenever there is time for it.
pub fn follow(model: &mut Model) -> Vec<Effect> {
    let ends_here = model.popup.is_none() && model.is_synced() && !model.work.sync.is_running();
    let current = model.current.as_ref();
    let here = |wizard: &&mut Wizard| wizard.step == Step::InitialSync && wizard.id.as_ref() == current;
    let Some(wizard) = model.wizard.as_mut().filter(here) else {
        return Vec::new();
    };
    if !std::mem::take(&mut wizard.follows) || !ends_here {
        return Vec::new();
    }
    forward(model)
}

/// What has to be typed is typed: the list is used though it is not proved complete.
pub fn agree(model: &mut Model, id: ConfigurationId) -> Vec<Effect> {
    let is_asked = model.current.as_ref() == Some(&id) && model.is_unproved();
    if is_asked { vec![Effect::AgreeUnproved(id)] } else { Vec::new() }
}

/// It is noted that the person goes on: from here on it is shown as not proved.
pub fn agreed(model: &mut Model, outcome: Result<ConfigurationId, Failure>) -> Vec<Effect> {
    let id = match outcome {
        Ok(id) => id,
        Err(failure) => {
            model.say(Tone::Bad, failure.to_string());
            return Vec::new();
        }
    };
    if model.current.as_ref() == Some(&id)
        && let Some(standing) = &mut model.facts.standing
    {
        standing.status.steps.initial_sync = StepState::NotProved;
    }
    for saved in model.overview.configurations.iter_mut().filter(|saved| saved.id == id) {
        saved.status.steps.initial_sync = StepState::NotProved;
    }
    model.touch();
    let mut effects = vec![Effect::LoadOverview];
    if model.wizard.as_ref().is_some_and(|wizard| wizard.step == Step::InitialSync && wizard.id.as_ref() == Some(&id)) {
        effects.extend(forward(model));
    }
    effects
}

/// The agents have come: Pia Escalate To can be asked for now, once.
pub fn focus_once(model: &mut Model) {
    let waiting =
        model.wizard.as_ref().is_some_and(|wizard| !wizard.asked_escalate_to && wizard.focus == Item::SyncNow);
    if waiting {
        focus(model);
    }
}
