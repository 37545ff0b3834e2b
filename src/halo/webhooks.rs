//! Webhooks, the events they are bound to, and Halo's catalogue of events.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::wire::{Each, Flag, Int, Text};
use super::{BadReply, HaloApi, HaloError, said};
use crate::domain::callback::EventNumber;
use crate::domain::object::same_id;
use crate::domain::record::Members;
use crate::domain::secret::Secret;
use crate::domain::untrusted::Untrusted;
use crate::domain::webhook_options::HaloOptions;
use crate::halo::install::existing::{Binding, ExistingWebhook, Making};

pub(super) const PATH: &str = "/api/Webhook";
const BINDINGS: &str = "/api/Notification";

/// An ordinary outgoing webhook; 1 is a runbook in the same table.
const OUTGOING: i64 = 0;
/// POST, in the numbers of webhooks.
const POST: i64 = 0;
/// Basic, in the numbers of webhooks.
const BASIC: i64 = 1;
/// Each event in a delivery of its own.
const ONE_BY_ONE: i64 = 0;
/// The type of a binding that fires.
const BINDING_TYPE: i64 = -2;
/// Delivery by webhook.
const BY_WEBHOOK: i64 = 6;
/// The members that are read before a change and can be written to bring a webhook back. Its password is not among
/// them: Halo never shows it.
const KEPT: [&str; 26] = [
    "name",
    "type",
    "url",
    "content_type",
    "authentication_type",
    "method",
    "basic_username",
    "active",
    "disabled",
    "payload_type",
    "note",
    "batch_method",
    "batch_delay_seconds",
    "batch_limit",
    "infinite_loop_threshold",
    "notify_on_failure",
    "auto_disable_attempts",
    "log_retention_policy_days",
    "custom_payload",
    "encrypt_request",
    "use_lightweight_logs",
    "certificate_id",
    "icon",
    "group_id",
    "algorithm",
    "digest",
];
/// The same for a binding. Its `guid` never is: a known one would move somebody else's.
const BINDING_KEPT: [&str; 10] = [
    "webhook_id",
    "eventno",
    "name",
    "type",
    "delivery_method",
    "agent_id",
    "conditions",
    "inactive",
    "filter_type",
    "restriction_type",
];
/// The lookup that holds the catalogue of events.
const EVENTS: &str = "64";

/// A webhook as it should be: POST, JSON, Basic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDraft {
    /// Halo's GUID; none makes a new one.
    pub id: Option<String>,
    /// The name; Halo wants it unique.
    pub name: String,
    /// Where it posts to.
    pub url: Secret,
    /// The Basic user.
    pub username: String,
    /// The Basic password. Halo never gives it back; without it, the one that Halo holds is kept.
    pub password: Option<Secret>,
    /// Whether Halo delivers to it.
    pub active: bool,
    /// Whether Halo told its other switch, `disabled`: what was not read is not written.
    pub tells_disabled: bool,
    /// What Halo tells that it makes of an event: what no event can be read from is taken back.
    pub making: Making,
    /// The options that are written.
    pub options: HaloOptions,
    /// The note with its owner's mark; none leaves it as it is.
    pub note: Option<String>,
}

impl WebhookDraft {
    /// The members that are written, without the password.
    pub fn members(&self) -> Members {
        let members = Members::default()
            .with("name", self.name.as_str())
            .with("type", OUTGOING)
            .with("url", self.url.expose())
            .with("method", POST)
            .with("content_type", "application/json")
            .with("authentication_type", BASIC)
            .with("basic_username", self.username.as_str())
            .with("batch_method", ONE_BY_ONE)
            .with("active", self.active);
        let members = self.note.iter().fold(members, |members, note| members.with("note", note.as_str()));
        let members = self.making.unreadable().fold(members, |members, name| members.with(name, false));
        let options = self.options.members().into_iter();
        let members = options.fold(members, |members, (name, value)| members.with(name, value));
        // Halo switches a webhook off by either, so both are written to switch it on again.
        if self.tells_disabled && self.active { members.with("disabled", false) } else { members }
    }
}

#[derive(Deserialize)]
struct WebhookRow {
    #[serde(default)]
    id: Text,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    r#type: Int,
    #[serde(default)]
    url: Text,
    #[serde(default)]
    active: Flag,
    #[serde(default)]
    disabled: Flag,
    #[serde(default)]
    method: Int,
    #[serde(default)]
    content_type: Text,
    #[serde(default)]
    authentication_type: Int,
    #[serde(default)]
    basic_username: Text,
    #[serde(default)]
    batch_method: Int,
    #[serde(default)]
    custom_payload: Flag,
    #[serde(default)]
    encrypt_request: Flag,
    #[serde(default)]
    note: Text,
    #[serde(default)]
    log_retention_policy_days: Int,
    #[serde(default)]
    notify_on_failure: Flag,
    #[serde(default)]
    auto_disable_attempts: Int,
}

impl WebhookRow {
    fn existing(self) -> Option<ExistingWebhook> {
        Some(ExistingWebhook {
            // An id is one word to us; one that is more than that is shown like any text, and asked for never.
            id: self.id.untrusted()?.display(),
            name: Untrusted::new(self.name.0.unwrap_or_default()),
            url: Secret::new(self.url.0.unwrap_or_default()),
            // Halo switches a webhook off by either.
            active: self.active.0 != Some(false) && !self.disabled.is_set(),
            tells_disabled: self.disabled.0.is_some(),
            method: self.method.0,
            content_type: self.content_type.untrusted(),
            authentication_type: self.authentication_type.0,
            basic_username: self.basic_username.untrusted(),
            batch_method: self.batch_method.0,
            making: Making {
                kind: self.r#type.0,
                custom_payload: self.custom_payload.0,
                encrypt_request: self.encrypt_request.0,
            },
            note: self.note.untrusted(),
            options: HaloOptions {
                log_days: self.log_retention_policy_days.0,
                notifies: self.notify_on_failure.0,
                attempts: self.auto_disable_attempts.0,
            },
            bindings: Vec::new(),
        })
    }
}

#[derive(Deserialize)]
struct BindingRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    eventno: Int,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    webhook_id: Text,
    #[serde(default)]
    delivery_method: Int,
    #[serde(default)]
    r#type: Int,
    #[serde(default)]
    conditions: Each<serde_json::Value>,
    #[serde(default)]
    inactive: Flag,
}

/// A webhook's own list of its bindings.
#[derive(Deserialize)]
struct EventsRow {
    #[serde(default)]
    id: Text,
    #[serde(default)]
    events: Option<Each<EventIdRow>>,
}

#[derive(Clone, Deserialize)]
struct EventIdRow {
    #[serde(default)]
    id: Int,
}

#[derive(Deserialize)]
struct EventRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    name: Text,
}

/// A webhook's id as a part of an address. Ids come from Halo, and one such as `../Client/7` must not lead elsewhere.
pub(super) fn safe_id<'a>(does: &'static str, id: &'a str) -> Result<&'a str, HaloError> {
    let is_safe = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_safe { Ok(id) } else { Err(HaloError::OddId { does }) }
}

impl HaloApi {
    /// Characters that Halo keeps of the address of a webhook.
    pub const LONGEST_WEBHOOK_URL: usize = 500;

    /// Every ordinary outgoing webhook, without bindings.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn webhooks(&self) -> Result<Vec<ExistingWebhook>, HaloError> {
        let call = self.get("list the webhooks", PATH, &[("type", "0")]);
        let rows = self.read_list::<WebhookRow>(call, &["webhooks", "results"]).await?.rows;
        // A filter that Halo does not know is no filter, so it is applied here too.
        let outgoing = rows.into_iter().filter(|row| row.r#type.0.unwrap_or(OUTGOING) == OUTGOING);
        Ok(outgoing.filter_map(WebhookRow::existing).collect())
    }

    /// One webhook, without bindings; `None` where Halo has none with this id.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn webhook(&self, id: &str) -> Result<Option<ExistingWebhook>, HaloError> {
        let does = "read a webhook";
        let Ok(id) = safe_id(does, id) else { return Ok(None) };
        let mut call = self.one(does, Method::GET, PATH, id);
        call.query.push(("includedetails", "true".to_owned()));
        let Some(row) = self.read_one::<WebhookRow>(call).await? else { return Ok(None) };
        let held = row.existing().filter(|held| same_id(&held.id, id));
        held.map(Some).ok_or(HaloError::Unexpected { does, what: BadReply::OtherObject })
    }

    /// The events that a webhook is bound to.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn bindings(&self, webhook_id: &str) -> Result<Vec<Binding>, HaloError> {
        let call = self.get("list the events of a webhook", BINDINGS, &[("webhook_id", webhook_id)]);
        let rows = self.read_list::<BindingRow>(call, &["notifications", "results"]).await?.rows;
        // A filter that Halo does not know is no filter, and these rows may be deleted later: only
        // those count that say whose they are or, where none does, that the webhook itself names.
        let named = match rows.iter().all(|row| row.webhook_id.0.is_none()) && !rows.is_empty() {
            true => self.events_of_webhook(webhook_id).await?,
            false => Vec::new(),
        };
        let is_ours = |row: &BindingRow| match &row.webhook_id.0 {
            Some(id) => same_id(id, webhook_id),
            None => row.id.0.is_some_and(|id| named.contains(&id)),
        };
        Ok(rows
            .into_iter()
            .filter(is_ours)
            .filter_map(|row| {
                let name = Untrusted::new(row.name.0.unwrap_or_default());
                Some(Binding {
                    id: row.id.0?,
                    event: EventNumber(row.eventno.0?),
                    name,
                    kind: row.r#type.0,
                    delivery: row.delivery_method.0,
                    conditions: row.conditions.0.len(),
                    inactive: row.inactive.0,
                })
            })
            .collect())
    }

    /// The ids of the bindings that a webhook itself shows.
    async fn events_of_webhook(&self, id: &str) -> Result<Vec<i64>, HaloError> {
        let does = "read which webhook the listed events belong to";
        let mut call = self.one(does, Method::GET, PATH, safe_id(does, id)?);
        call.query.push(("includedetails", "true".to_owned()));
        let Some(row) = self.read_one::<EventsRow>(call).await? else { return Ok(Vec::new()) };
        let is_it = row.id.0.as_ref().is_some_and(|own| same_id(own, id));
        let events = row.events.filter(|_| is_it).ok_or(HaloError::Unexpected { does, what: BadReply::OtherObject })?;
        Ok(events.0.iter().filter_map(|event| event.id.0).collect())
    }

    /// Makes a webhook or changes one; gives the id that Halo's reply names, if it names one. Halo drops events sent
    /// along: bind them with [`HaloApi::bind_event`]. Read back afterwards.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn save_webhook(&self, draft: &WebhookDraft) -> Result<Option<String>, HaloError> {
        let does = "save the webhook";
        let mut webhook = draft.members().to_json();
        if let Some(id) = &draft.id {
            webhook["id"] = safe_id(does, id)?.into();
        }
        if let Some(password) = &draft.password {
            webhook["basic_password"] = password.expose().into();
        }
        let mut call = self.post(does, PATH, webhook);
        call.hide.push(draft.url.clone());
        call.hide.extend(draft.password.clone());
        self.write(call).await
    }

    /// The members of a webhook as Halo has them; `None` where it has none with this id.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn webhook_members(&self, id: &str) -> Result<Option<Members>, HaloError> {
        let does = "read a webhook";
        let Ok(id) = safe_id(does, id) else { return Ok(None) };
        match self.read_one::<Members>(self.one(does, Method::GET, PATH, id)).await? {
            Some(members) if members.has_id(id) => Ok(Some(members.only(&KEPT))),
            Some(_) => Err(HaloError::Unexpected { does, what: BadReply::OtherObject }),
            None => Ok(None),
        }
    }

    /// Writes members of a webhook; without an id it makes one. Gives the id that Halo's reply names, if it names one.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn put_webhook(
        &self,
        id: Option<&str>,
        members: &Members,
        password: Option<&Secret>,
    ) -> Result<Option<String>, HaloError> {
        let does = "save the webhook";
        let mut webhook = members.to_json();
        if let Some(id) = id {
            webhook["id"] = safe_id(does, id)?.into();
        }
        if let Some(password) = password {
            webhook["basic_password"] = password.expose().into();
        }
        let mut call = self.post(does, PATH, webhook);
        call.hide.extend(members.text("url").map(Secret::new));
        call.hide.extend(password.cloned());
        self.write(call).await
    }

    /// Deletes a webhook; one that is already gone is done. Take its events off first: whether they go with it is not
    /// known.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn delete_webhook(&self, id: &str) -> Result<(), HaloError> {
        let does = "delete the webhook";
        let id = safe_id(does, id)?;
        self.delete(self.one(does, Method::DELETE, PATH, id)).await
    }

    /// Binds an event to a webhook; gives the id of the binding that Halo's reply names, if it names one. No `guid` is
    /// ever sent: a known one would move somebody else's binding here.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn bind_event(
        &self,
        webhook_id: &str,
        event: EventNumber,
        name: &Untrusted,
    ) -> Result<Option<i64>, HaloError> {
        let binding = json!({
            "guid": null,
            "webhook_id": webhook_id,
            "eventno": event.0,
            "name": name.raw(),
            "type": BINDING_TYPE,
            "delivery_method": BY_WEBHOOK,
            "agent_id": 0,
            "conditions": [],
        });
        let id = self.write(self.post("add an event to the webhook", BINDINGS, binding)).await?;
        Ok(id.and_then(|id| id.trim().parse().ok()))
    }

    /// The members of a binding as Halo has them; `None` where the webhook has no such binding.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn binding_members(&self, webhook_id: &str, id: i64) -> Result<Option<Members>, HaloError> {
        let call = self.get("list the events of a webhook", BINDINGS, &[("webhook_id", webhook_id)]);
        let rows = self.read_list::<Members>(call, &["notifications", "results"]).await?.rows;
        let is_ours = |row: &Members| row.text("webhook_id").is_none_or(|whose| same_id(whose, webhook_id));
        let is_it = |row: &Members| row.has_id(&id.to_string()) && is_ours(row);
        Ok(rows.into_iter().find(is_it).map(|row| row.only(&BINDING_KEPT)))
    }

    /// Writes members of a binding; without an id it makes one. Gives the id that Halo's reply names, if it names one.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn put_binding(&self, id: Option<i64>, members: &Members) -> Result<Option<i64>, HaloError> {
        let mut binding = members.to_json();
        if let Some(id) = id {
            binding["id"] = id.into();
        }
        let id = self.write(self.post("save an event of the webhook", BINDINGS, binding)).await?;
        Ok(id.and_then(|id| id.trim().parse().ok()))
    }

    /// What makes a binding fire: its kind, its way of delivery, and no conditions.
    pub fn firing() -> Members {
        let members = Members::default().with("type", BINDING_TYPE).with("delivery_method", BY_WEBHOOK);
        members.with("conditions", Vec::<serde_json::Value>::new())
    }

    /// Takes an event off a webhook; a binding that is already gone is done.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn unbind_event(&self, id: i64) -> Result<(), HaloError> {
        let does = "remove an event from the webhook";
        self.delete(self.one(does, Method::DELETE, BINDINGS, &id.to_string())).await
    }

    /// Halo's catalogue of events, by number. Where a number occurs twice, the name of the form that fires for webhooks
    /// is kept: "Assigned" forms never do.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn event_catalogue(&self) -> Result<Vec<(EventNumber, Untrusted)>, HaloError> {
        let call = self.get("list its events", "/api/Lookup", &[("lookupid", EVENTS)]);
        let rows = self.read_list::<EventRow>(call, &["results"]).await?.rows;
        let mut catalogue: BTreeMap<EventNumber, Untrusted> = BTreeMap::new();
        for row in rows {
            let (Some(number), Some(name)) = (row.id.0, row.name.filled()) else { continue };
            let name = Untrusted::new(said::in_words(name));
            let assigned = |name: &Untrusted| name.raw().contains("Assigned");
            catalogue
                .entry(EventNumber(number))
                .and_modify(|held| {
                    if assigned(held) && !assigned(&name) {
                        *held = name.clone();
                    }
                })
                .or_insert(name);
        }
        Ok(catalogue.into_iter().collect())
    }
}
