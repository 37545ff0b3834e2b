//! What is kept of the set-up whichever screen is shown: the draft, and what ends when the set-up is left.

use super::effect::{Effect, Slot};
use super::model::Model;
use super::wizard::state::{Item, Test};

impl Model {
    /// The focus leaves a field: from now on its error is shown.
    pub(crate) fn leave_field(&mut self) {
        let Some(wizard) = self.wizard.as_mut() else { return };
        wizard.list = None;
        if let Item::Field(field) = wizard.focus {
            wizard.form.leave(field);
        }
    }

    /// Keeps what is typed, where it is not saved.
    pub(crate) fn keep_draft(&mut self) -> Option<Effect> {
        let wizard = self.wizard.as_ref()?;
        if !wizard.is_edited() {
            return None;
        }
        let draft = wizard.draft();
        self.overview.draft = Some(draft.clone());
        Some(Effect::SaveDraft(Box::new(draft)))
    }

    /// Stops a connection test that runs.
    pub(crate) fn stop_test(&mut self) -> Option<Effect> {
        let wizard = self.wizard.as_mut()?;
        if !wizard.test.is_running() {
            return None;
        }
        wizard.test = Test::Not;
        Some(Effect::Cancel(Slot::Check))
    }
}
