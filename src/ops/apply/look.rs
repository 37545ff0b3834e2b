//! Reading back: accepted is not done.

use super::Apply;
use crate::domain::callback::EventGroup;
use crate::domain::manual;
use crate::domain::object::ObjectKind;
use crate::domain::plan::FieldChange;
use crate::domain::record::Members;
use crate::halo::install::held::{HeldTab, HeldTicketType};
use crate::halo::install::plan::{Operation, Restore};
use crate::halo::install::planner;
use crate::halo::install::snapshot::is_another_tab;
use crate::halo::{HaloApi, HaloError};

/// What a read-back found.
pub(super) enum Found {
    /// It is as it should be, under this id.
    Yes(String),
    /// The object is there, and differs.
    Differs(String, String),
    /// What was to be done to the object was not done.
    Not(String, String),
    /// It is not there.
    No,
}

impl Apply<'_> {
    pub(super) async fn look(&self, operation: &Operation, told: Option<String>) -> Result<Found, HaloError> {
        let halo = self.halo;
        match operation {
            Operation::None | Operation::Forget => Ok(Found::Yes(String::new())),
            Operation::CreateWebhook(group) => self.look_for_webhook(*group, told).await,
            Operation::UpdateWebhook(group, id) => self.look_for_webhook(*group, Some(id.clone())).await,
            Operation::BindEvent(group, event, _) => {
                let bindings = halo.bindings(self.webhook_id(*group)).await?;
                let bound = bindings.iter().find(|binding| binding.event == *event);
                Ok(bound.map_or(Found::No, |own| settled(own.id.to_string(), &planner::binding_fields(own))))
            }
            Operation::MendEvent { webhook, binding } => {
                let now = halo.binding_members(webhook, *binding).await?;
                Ok(compare(binding.to_string(), &HaloApi::firing(), now))
            }
            Operation::UnbindEvent { webhook, binding } => {
                let bindings = halo.bindings(webhook).await?;
                let still = bindings.iter().find(|own| own.id == *binding);
                let by_hand = |name: &str| manual::removal_of(ObjectKind::WebhookEvent, name);
                Ok(gone(binding, still.map(|own| by_hand(&own.name.display()))))
            }
            Operation::DeleteWebhook(id) => {
                let still = halo.webhook(id).await?;
                let by_hand = |name: &str| manual::removal_of(ObjectKind::Webhook, name);
                Ok(gone(id, still.map(|own| by_hand(&own.name.display()))))
            }
            Operation::CreateTab(kind) => self.look_for_tab(told.and_then(|id| id.parse().ok()), *kind).await,
            Operation::UpdateTab(id, kind) => self.look_for_tab(Some(*id), *kind).await,
            Operation::DeleteTab(id) => {
                // Its number can have come to somebody else's tab already.
                let is_it = |now: &HeldTab| self.seen.tab(*id).is_none_or(|seen| !is_another_tab(seen, now));
                let still = halo.tab(*id).await?.filter(is_it);
                let by_hand = |name: &str| manual::removal_of(ObjectKind::CustomTab, name);
                Ok(gone(id, still.map(|own| by_hand(&own.name.display()))))
            }
            Operation::LinkTicketType(id, tab) => {
                let Some(tab) = self.tab_to_link(*tab) else { return Ok(Found::No) };
                let Some(held) = halo.ticket_type(*id).await? else { return Ok(Found::No) };
                Ok(if held.allows_all_tabs || held.tabs.contains(&tab) {
                    self.beside(*id, &held).await?
                } else {
                    let what =
                        format!("Halo did not keep the link. By hand: {}", manual::link_of(&held.name.display()));
                    Found::Not(id.to_string(), what)
                })
            }
            Operation::UnlinkTicketType { ticket_type, tab } => {
                let Some(held) = halo.ticket_type(*ticket_type).await? else {
                    return Ok(Found::Yes(ticket_type.to_string()));
                };
                if !held.tabs.contains(tab) {
                    return self.beside(*ticket_type, &held).await;
                }
                let by_hand = manual::removal_of(ObjectKind::TicketType, &held.name.display());
                Ok(gone(ticket_type, Some(by_hand)))
            }
            Operation::Restore(restore) => self.look_at_restored(restore, told).await,
        }
    }

    /// Whether a ticket type still shows what it was told to show beside our tab: whether Halo replaces the list that
    /// it holds is not known (api facts, section 7), so nothing is taken for granted about the tabs of others.
    async fn beside(&self, id: i64, held: &HeldTicketType) -> Result<Found, HaloError> {
        let told = self.told.get(&id).map_or(&[][..], Vec::as_slice);
        let mut lost = Vec::new();
        for tab in told.iter().filter(|tab| !held.allows_all_tabs && !held.tabs.contains(tab)) {
            // What led to a tab that is gone is no loss.
            if self.halo.tab(*tab).await?.is_some() {
                lost.push(tab.to_string());
            }
        }
        if lost.is_empty() {
            return Ok(Found::Yes(id.to_string()));
        }
        let name = held.name.display();
        let what = format!(
            "Halo dropped other tabs of {name}, those with the ids {}. By hand: allow them there again",
            lost.join(", ")
        );
        Ok(Found::Differs(id.to_string(), what))
    }

    /// Finds the webhook by the id that Halo told or, where the answer was lost, by its address.
    async fn look_for_webhook(&self, group: EventGroup, id: Option<String>) -> Result<Found, HaloError> {
        let draft = self.webhook_draft(group, None);
        let found = match id {
            Some(id) => self.halo.webhook(&id).await?,
            None => self.halo.webhooks().await?.into_iter().find(|webhook| webhook.url == draft.url),
        };
        let Some(webhook) = found else { return Ok(Found::No) };
        let differs = planner::webhook_fields(&webhook, &draft.name, draft.url.expose());
        Ok(settled(webhook.id, &differs))
    }

    async fn look_for_tab(&self, id: Option<i64>, kind: i64) -> Result<Found, HaloError> {
        let draft = self.tab_draft(None, kind);
        let found = match id {
            Some(id) => self.halo.tab(id).await?,
            None => {
                let tabs = self.halo.tabs().await?;
                let leads = tabs.iter().find(|tab| tab.url.as_ref().is_some_and(|url| url.raw() == draft.url));
                leads.cloned()
            }
        };
        let Some(tab) = found else { return Ok(Found::No) };
        let found = settled(tab.id.to_string(), &planner::tab_fields(&tab, &draft.name, &draft.url, Some(kind)));
        Ok(match found {
            Found::Differs(id, what) => {
                Found::Differs(id, format!("{what}. By hand: {}", manual::tab_of(&tab.name.display(), &draft.url)))
            }
            other => other,
        })
    }

    async fn look_at_restored(&self, restore: &Restore, told: Option<String>) -> Result<Found, HaloError> {
        let Some(id) = restore.id.clone().or(told) else { return self.look_for_made_again(restore).await };
        let number = id.parse::<i64>().ok();
        let now = match (restore.kind, number) {
            (ObjectKind::Webhook, _) => self.halo.webhook_members(&id).await?,
            (ObjectKind::WebhookEvent, Some(number)) => {
                self.halo.binding_members(self.parent_now(restore), number).await?
            }
            (_, Some(number)) => self.halo.tab_members(number).await?,
            _ => None,
        };
        // Whose event it is was written under the id that its webhook has now.
        let wanted = match restore.kind {
            ObjectKind::WebhookEvent => restore.members.clone().with("webhook_id", self.parent_now(restore)),
            _ => restore.members.clone(),
        };
        Ok(compare(id, &wanted, now))
    }

    /// An object that was made again and of which Halo told no id: found by what it looks like, and by not
    /// having been there before.
    async fn look_for_made_again(&self, restore: &Restore) -> Result<Found, HaloError> {
        let found = match restore.kind {
            ObjectKind::Webhook => {
                let webhooks = self.halo.webhooks().await?;
                let url = restore.members.text("url");
                webhooks
                    .into_iter()
                    .filter(|own| self.is_fresh(&own.id))
                    .find(|own| url == Some(own.url.expose()) && restore.members.text("name") == Some(own.name.raw()))
                    .map(|own| own.id)
            }
            ObjectKind::WebhookEvent => {
                let event = restore.members.get("eventno").and_then(serde_json::Value::as_i64);
                let bindings = self.halo.bindings(self.parent_now(restore)).await?;
                bindings
                    .iter()
                    .find(|own| Some(own.event.0) == event && self.is_fresh(&own.id.to_string()))
                    .map(|own| own.id.to_string())
            }
            _ => {
                let (name, url) = (restore.members.text("name"), restore.members.text("url"));
                let tabs = self.halo.tabs().await?;
                tabs.iter()
                    .filter(|own| self.is_fresh(&own.id.to_string()))
                    .find(|own| name == Some(own.name.raw()) && url == own.url.as_ref().map(|url| url.raw()))
                    .map(|own| own.id.to_string())
            }
        };
        Ok(found.map_or(Found::No, Found::Yes))
    }
}

/// Whether something that was taken out is gone; otherwise how it is done by hand.
fn gone(id: &impl ToString, by_hand: Option<String>) -> Found {
    match by_hand {
        None => Found::Yes(id.to_string()),
        Some(by_hand) => Found::Not(id.to_string(), format!("Halo still shows it. By hand: {by_hand}")),
    }
}

fn compare(id: String, wanted: &Members, now: Option<Members>) -> Found {
    let Some(now) = now else { return Found::No };
    let wrong: Vec<&str> = wanted.iter().map(|(name, _)| name).filter(|name| !wanted.agree_on(&now, name)).collect();
    kept_something_else(id, &wrong)
}

/// What the plan would change once more has not been kept: read-back and plan judge by one rule.
fn settled(id: String, differs: &[FieldChange]) -> Found {
    let wrong: Vec<&str> = differs.iter().map(|field| field.name).collect();
    kept_something_else(id, &wrong)
}

fn kept_something_else(id: String, wrong: &[&str]) -> Found {
    if wrong.is_empty() {
        return Found::Yes(id);
    }
    Found::Differs(id, format!("Halo kept something else: {}", wrong.join(", ")))
}
