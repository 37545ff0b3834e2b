//! Initial Sync: Sync Now, how it goes, the proof, and Pia Escalate To once after it.

use crate::app::effect::Effect;
use crate::app::form::FieldId;
use crate::app::model::Model;
use crate::app::notice::Tone;
use crate::app::work::SyncEnd;
use crate::domain::draft::Step;
use crate::words::Phrase;

use super::go;
use super::review::{self, Then};
use super::state::{Item, Wizard};

/// What can have the focus.
pub fn items(model: &Model) -> Vec<Item> {
    let mut items = vec![Item::SyncNow];
    if let Some(SyncEnd::Report(report)) = model.work.sync.end_of(model.current.as_ref()) {
        items.extend((0..report.warnings.len()).map(Item::Warning));
    }
    if model.is_synced() && !model.work.sync.is_running() {
        items.extend([Item::Field(FieldId::EscalateTo), Item::Go]);
    }
    items
}

/// Puts the focus on what comes next: Sync Now, then Pia Escalate To once, then on.
pub fn focus(model: &mut Model) {
    let done = model.is_synced() && !model.work.sync.is_running();
    let known = model.facts.lists.synced;
    let Some(wizard) = model.wizard.as_mut() else { return };
    if wizard.step != Step::InitialSync {
        return;
    }
    wizard.focus = match done {
        false => Item::SyncNow,
        true if wizard.form.escalate_to.is_some() || wizard.asked_escalate_to => Item::Go,
        // The agents are on their way from the store: Enter must not pass over a field that cannot be chosen yet.
        true if !known => Item::SyncNow,
        true => Item::Field(FieldId::EscalateTo),
    };
    model.touch();
}

/// On to Configure; a contact that was just chosen is saved first.
pub fn forward(model: &mut Model) -> Vec<Effect> {
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

/// The agents have come: Pia Escalate To can be asked for now, once.
pub fn focus_once(model: &mut Model) {
    let waiting =
        model.wizard.as_ref().is_some_and(|wizard| !wizard.asked_escalate_to && wizard.focus == Item::SyncNow);
    if waiting {
        focus(model);
    }
}
