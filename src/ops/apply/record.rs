//! Our own record of what is in Halo, and the audit trail.

use super::write::Write;
use super::{Apply, ask};
use crate::domain::activity::{ActivityField, HaloAnswer};
use crate::domain::failure::Failure;
use crate::domain::object::ObjectKind;
use crate::domain::plan::{Action, ChangeResult, Outcome};
use crate::domain::record::InstalledObject;
use crate::halo::install::plan::{Operation, PlanStep};
use crate::halo::install::planner;

impl Apply<'_> {
    /// Keeps our own record in step with what was read back.
    pub(super) fn remember(&self, change: &PlanStep, outcome: Outcome, id: Option<&str>) -> Result<(), Failure> {
        let Some(id) = id else { return Ok(()) };
        let (store, kind) = (&self.workspace.store, change.kind);
        let is_own = matches!(kind, ObjectKind::Webhook | ObjectKind::CustomTab);
        let lets_go = change.operation.lets_go();
        if change.operation.restores() && !lets_go {
            return Ok(());
        }
        if outcome == Outcome::Unverified && (!is_own || lets_go) {
            return Ok(());
        }
        if lets_go {
            return Ok(store.forget_installed(self.id, kind, id)?);
        }
        // An object made anew takes the place of the one that is gone.
        let gone = self.target.record.iter().filter(|own| own.kind == kind && own.name == change.name && own.id != id);
        for own in gone.filter(|_| kind != ObjectKind::TicketType) {
            store.forget_installed(self.id, kind, &own.id)?;
        }
        // A ticket type is Halo's own: the link to it is remembered under its id.
        let installed_at = self.workspace.now();
        let identity = ask!(&change.operation, write => write.identity(self), None);
        let object = InstalledObject { kind, id: id.to_owned(), name: change.name.clone(), installed_at, identity };
        Ok(store.record_installed(self.id, &object)?)
    }

    /// Of what was taken over all that hangs on it is ours, too: the events and links that are kept as they are.
    pub(super) fn remember_kept(&self, change: &PlanStep) -> Result<(), Failure> {
        let identity = match change.kind {
            ObjectKind::WebhookEvent => None,
            ObjectKind::TicketType if change.reason == planner::LINKED => self.tab.map(|tab| tab.to_string()),
            _ => return Ok(()),
        };
        let Some(id) = change.id.clone().filter(|_| self.run.is_some() && change.action == Action::Keep) else {
            return Ok(());
        };
        let (kind, name, installed_at) = (change.kind, change.name.clone(), self.workspace.now());
        if self.target.record.iter().any(|own| own.kind == kind && own.id == id) {
            return Ok(());
        }
        let object = InstalledObject { kind, id, name, installed_at, identity };
        Ok(self.workspace.store.record_installed(self.id, &object)?)
    }

    pub(super) fn write_down(
        &self,
        change: &PlanStep,
        result: &ChangeResult,
        answer: HaloAnswer,
    ) -> Result<(), Failure> {
        // What is kept and written all the same gets its owner's mark.
        let verb = if change.action == Action::Keep { "mark" } else { change.action.code() };
        let action = format!("{verb} {}", change.kind.word());
        let mut activity = self.workspace.activity(Some(self.id), &action, result.outcome.words());
        activity.object = Some(change.name.display());
        activity.message.clone_from(&result.message);
        activity.halo = Some(answer);
        activity.fields = change
            .fields
            .iter()
            .map(|field| ActivityField {
                name: field.name.to_owned(),
                before: field.before.clone(),
                after: field.after.clone(),
            })
            .collect();
        self.workspace.write_down(&activity)
    }
}
