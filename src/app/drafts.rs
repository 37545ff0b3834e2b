//! What is kept of the set-up whichever screen is shown: the draft, and what ends when the set-up is left.

use crate::domain::draft::Step;

use super::effect::{Effect, Slot};
use super::integrations::state::Card;
use super::model::{Model, Screen};
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

    /// Has the draft under the cursor where the configurations are listed.
    pub(crate) fn point_at_draft(&mut self) {
        if let Some(draft) = &self.overview.draft {
            self.integrations.card = Some(draft.configuration.clone().map_or(Card::Draft, Card::Saved));
        }
    }

    /// Keeps what is typed, where it is not saved.
    pub(crate) fn keep_draft(&mut self) -> Option<Effect> {
        let wizard = self.wizard.as_ref()?;
        if !wizard.is_edited() {
            return None;
        }
        let draft = wizard.draft();
        if draft.says_nothing() && self.overview.draft.is_none() {
            return None;
        }
        self.overview.draft = Some(draft.clone());
        self.overview.draft_at = Some(self.now);
        Some(Effect::SaveDraft(Box::new(draft)))
    }

    /// Lets others know which saved configuration is being changed here, while its answers are on the screen.
    pub(crate) fn hold_edit(&mut self) -> Option<Effect> {
        let shown = self.wizard.as_ref().filter(|_| self.screen == Screen::Wizard);
        let changed = shown.filter(|wizard| wizard.step <= Step::Review).and_then(|wizard| wizard.id.clone());
        if self.editing == changed {
            return None;
        }
        self.editing.clone_from(&changed);
        Some(changed.map_or(Effect::Cancel(Slot::Edit), Effect::HoldEdit))
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
