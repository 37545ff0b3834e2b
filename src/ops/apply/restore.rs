//! Any object that gets its former members back, or is made again with them.

use serde_json::Value;
use uuid::Uuid;

use super::write::{Found, Write, compare, text};
use super::{Apply, event, tab, webhook};
use crate::domain::object::{ObjectKind, same_id};
use crate::domain::record::BeforeAfter;
use crate::domain::secret::Secret;
use crate::halo::HaloError;
use crate::halo::install::existing::ExistingTab;
use crate::halo::install::plan::Restore;

impl Write for Restore {
    async fn is_as_planned(&self, apply: &Apply<'_>) -> Result<bool, HaloError> {
        let Some(id) = self.id.as_deref().filter(|_| !self.members.is_empty()) else { return Ok(true) };
        match (self.kind, id.parse()) {
            (ObjectKind::Webhook, _) => webhook::is_as_planned(apply, id).await,
            (ObjectKind::CustomTab, Ok(number)) => tab::is_as_planned(apply, number).await,
            (ObjectKind::WebhookEvent, Ok(binding)) => {
                event::is_as_planned(apply, parent_now(self, apply), binding).await
            }
            _ => Ok(true),
        }
    }

    async fn beside(&self, apply: &Apply<'_>) -> Result<Vec<String>, HaloError> {
        if self.id.is_some() {
            return Ok(Vec::new());
        }
        Ok(match self.kind {
            ObjectKind::Webhook => apply.halo.webhooks().await?.into_iter().map(|own| own.id).collect(),
            ObjectKind::WebhookEvent => {
                let bindings = apply.halo.bindings(parent_now(self, apply)).await?;
                bindings.iter().map(|own| own.id.to_string()).collect()
            }
            _ => apply.halo.tabs().await?.iter().map(|own| own.id.to_string()).collect(),
        })
    }

    async fn read_before(&self, _: &Apply<'_>) -> Result<BeforeAfter, HaloError> {
        Ok(BeforeAfter::default())
    }

    async fn send(&self, apply: &mut Apply<'_>) -> Result<Option<String>, HaloError> {
        if self.members.is_empty() {
            return Ok(self.id.clone());
        }
        let number = self.id.as_ref().and_then(|id| id.parse().ok());
        match self.kind {
            ObjectKind::Webhook => {
                // Halo never showed the password it had. A copy of ours that is made again gets ours; what leads to somebody
                // else again must not bring them ours, and gets one that nobody knows.
                let password = match &self.id {
                    None => apply.target.installs.as_ref().map(|installs| installs.secrets.password.clone()),
                    Some(_) if self.was_adopted && self.members.text("url").is_some() => {
                        Some(Secret::new(Uuid::new_v4().to_string()))
                    }
                    Some(_) => None,
                };
                apply.halo.put_webhook(self.id.as_deref(), &self.members, password.as_ref()).await
            }
            ObjectKind::WebhookEvent => {
                let members = match number {
                    Some(_) => self.members.clone(),
                    None => self.members.clone().with("webhook_id", parent_now(self, apply)),
                };
                Ok(text(apply.halo.put_binding(number, &members).await?))
            }
            _ => Ok(text(apply.halo.put_tab(number, &self.members).await?)),
        }
    }

    async fn read_back(&self, apply: &Apply<'_>, told: Option<String>) -> Result<Found, HaloError> {
        let Some(id) = self.id.clone().or(told) else { return find_made_again(self, apply).await };
        let now = match (self.kind, id.parse::<i64>().ok()) {
            (ObjectKind::Webhook, _) => apply.halo.webhook_members(&id).await?,
            (ObjectKind::WebhookEvent, Some(number)) => {
                apply.halo.binding_members(parent_now(self, apply), number).await?
            }
            (_, Some(number)) => apply.halo.tab_members(number).await?,
            _ => None,
        };
        // Whose event it is was written under the id that its webhook has now.
        let wanted = match self.kind {
            ObjectKind::WebhookEvent => self.members.clone().with("webhook_id", parent_now(self, apply)),
            _ => self.members.clone(),
        };
        Ok(compare(id, &wanted, now))
    }

    async fn note(&self, apply: &mut Apply<'_>, id: &str) {
        if let (None, Some(was), true) = (&self.id, &self.was, self.kind.is_our_own()) {
            apply.renumbered.insert(was.clone(), id.to_owned());
        }
    }
}

/// The webhook that a restored event belongs to, under the id that it has now.
fn parent_now<'a>(restore: &'a Restore, apply: &'a Apply<'_>) -> &'a str {
    restore.parent.as_deref().map_or("", |parent| apply.id_now(parent))
}

/// An object that was made again and of which Halo told no id: found by what it looks like, and by not having been
/// there before.
async fn find_made_again(restore: &Restore, apply: &Apply<'_>) -> Result<Found, HaloError> {
    let is_fresh = |id: &str| !apply.there.iter().any(|there| same_id(there, id));
    let (name, url) = (restore.members.text("name"), restore.members.text("url"));
    let found = match restore.kind {
        ObjectKind::Webhook => {
            let mut webhooks = apply.halo.webhooks().await?.into_iter();
            let is_it =
                webhooks.find(|own| is_fresh(&own.id) && url == Some(own.url.expose()) && name == Some(own.name.raw()));
            is_it.map(|own| own.id)
        }
        ObjectKind::WebhookEvent => {
            let event = restore.members.get("eventno").and_then(Value::as_i64);
            let bindings = apply.halo.bindings(parent_now(restore, apply)).await?;
            let mut ids = bindings.iter().filter(|own| Some(own.event.0) == event).map(|own| own.id.to_string());
            ids.find(|id| is_fresh(id))
        }
        _ => {
            let tabs = apply.halo.tabs().await?;
            let is_alike =
                |own: &&ExistingTab| name == Some(own.name.raw()) && url == own.url.as_ref().map(|url| url.raw());
            let mut ids = tabs.iter().filter(is_alike).map(|own| own.id.to_string());
            ids.find(|id| is_fresh(id))
        }
    };
    Ok(found.map_or(Found::No, Found::Yes))
}
