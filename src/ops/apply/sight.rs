//! A last look before a write: whether what it would change is still what its plan was made from.

use super::Apply;
use crate::domain::object::{ObjectKind, same_id};
use crate::halo::HaloError;
use crate::halo::install::plan::Operation;
use crate::halo::install::snapshot::{same_tab, same_webhook};

impl Apply<'_> {
    /// Whether the object of a change is still as the plan saw it. One that is gone is for the write itself to find.
    pub(super) async fn is_as_planned(&self, operation: &Operation) -> Result<bool, HaloError> {
        match operation {
            Operation::UpdateWebhook(_, id) | Operation::DeleteWebhook(id) => self.webhook_is_as_planned(id).await,
            Operation::UpdateTab(id, _)
            | Operation::DeleteTab(id)
            | Operation::LinkTicketType(_, Some(id))
            | Operation::UnlinkTicketType { tab: id, .. } => self.tab_is_as_planned(*id).await,
            Operation::UnbindEvent { webhook, binding } | Operation::MendEvent { webhook, binding } => {
                self.binding_is_as_planned(webhook, *binding).await
            }
            Operation::Restore(restore) => {
                let Some(id) = restore.id.as_deref().filter(|_| !restore.members.is_empty()) else { return Ok(true) };
                match (restore.kind, id.parse()) {
                    (ObjectKind::Webhook, _) => self.webhook_is_as_planned(id).await,
                    (ObjectKind::CustomTab, Ok(tab)) => self.tab_is_as_planned(tab).await,
                    (ObjectKind::WebhookEvent, Ok(binding)) => {
                        self.binding_is_as_planned(self.parent_now(restore), binding).await
                    }
                    _ => Ok(true),
                }
            }
            _ => Ok(true),
        }
    }

    async fn webhook_is_as_planned(&self, id: &str) -> Result<bool, HaloError> {
        let Some(seen) = self.seen.webhook(id) else { return Ok(true) };
        Ok(self.halo.webhook(id).await?.is_none_or(|now| same_webhook(seen, &now)))
    }

    async fn tab_is_as_planned(&self, id: i64) -> Result<bool, HaloError> {
        let Some(seen) = self.seen.tab(id) else { return Ok(true) };
        Ok(self.halo.tab(id).await?.is_none_or(|now| same_tab(seen, &now)))
    }

    async fn binding_is_as_planned(&self, webhook: &str, id: i64) -> Result<bool, HaloError> {
        let Some(seen) = self.seen.binding(webhook, id) else { return Ok(true) };
        let now = self.halo.bindings(webhook).await?.into_iter().find(|own| own.id == id);
        Ok(now.is_none_or(|now| now == *seen))
    }

    /// Keeps in mind what is there before an object is made again: where its answer is lost, it is none of these.
    pub(super) async fn note_what_is_there(&mut self, operation: &Operation) -> Result<(), HaloError> {
        let Operation::Restore(restore) = operation else { return Ok(()) };
        if restore.id.is_some() {
            return Ok(());
        }
        self.there = match restore.kind {
            ObjectKind::Webhook => self.halo.webhooks().await?.into_iter().map(|own| own.id).collect(),
            ObjectKind::WebhookEvent => {
                let bindings = self.halo.bindings(self.parent_now(restore)).await?;
                bindings.iter().map(|own| own.id.to_string()).collect()
            }
            _ => self.halo.tabs().await?.iter().map(|own| own.id.to_string()).collect(),
        };
        Ok(())
    }

    /// Whether something was not there before the write.
    pub(super) fn is_fresh(&self, id: &str) -> bool {
        !self.there.iter().any(|there| same_id(there, id))
    }
}
