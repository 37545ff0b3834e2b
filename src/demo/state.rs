//! Everything that the simulated Halo knows, open to tests: they add, rename and delete behind a client's back.

use super::application::{Application, Token};
use super::behaviour::Behaviour;
use super::clock::Clock;
use super::faults::Fault;
use super::limit::Window;
use super::log::RecordedRequest;
use super::mailbag::Mailbag;
use super::random::Random;
use super::reply::{ErrorForm, Reply, Row, database_error, members, wire};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// A client (a customer). Kept apart from the other rows because there can be a hundred thousand.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// Its id; ids have gaps.
    pub id: i64,
    /// Its name, unique in letters of any case.
    pub name: String,
    /// The id of the top level that it is under.
    pub toplevel_id: i64,
    /// Halo's number of its customer type.
    pub customer_type: i64,
    /// Its custom field "CFTier": what is displayed.
    pub tier: &'static str,
    /// Its main site's name; a null member is left out of the row.
    pub main_site_name: Option<String>,
    /// Whether it is inactive, and so left out of plain lists.
    pub inactive: bool,
    /// Whether a restricted agent may see it.
    pub allowed: bool,
    /// Whether it has a history, so that it can be made inactive but not deleted.
    pub has_history: bool,
    /// Laid over its row on the wire: any member, of any type; null takes a member away.
    pub overrides: Row,
}

impl Client {
    /// An active client of this id and name under the first top level.
    #[must_use]
    pub fn new(id: i64, name: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
            toplevel_id: 1,
            customer_type: 1,
            tier: "Standard",
            main_site_name: Some("Main".into()),
            inactive: false,
            allowed: true,
            has_history: false,
            overrides: Row::new(),
        }
    }
}

/// Any other object: its members as they go over the wire.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object {
    /// What a read shows.
    pub members: Row,
    /// What can be written and is never read back: passwords and secrets.
    pub write_only: Row,
    /// Whether a restricted agent is kept from seeing it.
    pub hidden_from_restricted: bool,
    /// Whether it was made through the API since the start.
    pub made_by_api: bool,
}

impl Object {
    /// An object with the members of a JSON object.
    #[must_use]
    pub fn new(members: Value) -> Self {
        Self { members: super::reply::members(members), ..Self::default() }
    }

    /// A member's text; empty when it is absent or no text.
    #[must_use]
    pub fn text(&self, member: &str) -> &str {
        self.members.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// A member's whole number.
    #[must_use]
    pub fn int(&self, member: &str) -> Option<i64> {
        self.members.get(member).and_then(Value::as_i64)
    }

    /// Whether a member is `true`.
    #[must_use]
    pub fn flag(&self, member: &str) -> bool {
        self.members.get(member).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Sets a member.
    pub fn set(&mut self, member: &str, value: impl Into<Value>) {
        self.members.insert(member.to_owned(), value.into());
    }

    /// What people call it: Halo keeps it in the member `name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// Whether the member `id` is this number.
    #[must_use]
    pub fn has_id(&self, id: i64) -> bool {
        self.int("id") == Some(id)
    }

    /// Whether its texts fit into these columns: member, column and characters of UTF-16.
    pub(super) fn fits(&self, table: &str, columns: &[(&str, &str, usize)]) -> Result<(), Reply> {
        let is_long = |(member, _, length): &&(&str, &str, usize)| self.text(member).encode_utf16().count() > *length;
        let Some((member, column, length)) = columns.iter().find(is_long) else { return Ok(()) };
        let begin: String = self.text(member).chars().take(*length).collect();
        Err(database_error(
            2628,
            &format!(
                "String or binary data would be truncated in table 'D_DEMO.dbo.{table}', column '{column}'. Truncated value: \
                 '{begin}'.\r\nThe statement has been terminated."
            ),
        ))
    }

    pub(super) fn wire(&self) -> Value {
        wire(&self.members)
    }
}

/// A row that lets a custom tab show on a ticket type (IframeTabRequestType).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TabLink {
    /// The row's own id.
    pub id: i64,
    /// The tab that may show.
    pub iframetab_id: i64,
}

/// A ticket type with the part that its list row does not show: which custom tabs it allows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TicketType {
    /// Its list row.
    pub row: Object,
    /// Whether it is retired, and listed only with `showinactive=true`.
    pub inactive: bool,
    /// Whether it shows every custom tab already, so that no link is needed.
    pub allow_all_tabs: bool,
    /// The tabs that it allows.
    pub links: Vec<TabLink>,
    /// Whether writes to this one ticket type are refused with 403.
    pub locked: bool,
}

/// An answer that a test lays down beforehand, for a request that matches.
#[derive(Debug, Clone)]
pub struct Scripted {
    /// The method, in capitals.
    pub method: &'static str,
    /// How the path begins, in lower case.
    pub path: String,
    /// How many matching requests are let through first.
    pub skip: u32,
    /// How many requests are answered by it after that.
    pub times: u32,
    /// Whether the request is carried out before it is answered so.
    pub apply: bool,
    /// The answer.
    pub answer: ScriptedAnswer,
}

/// What a [`Scripted`] answer is.
#[derive(Debug, Clone)]
pub enum ScriptedAnswer {
    /// This reply.
    Reply {
        /// The status.
        status: u16,
        /// The `Content-Type`, if any.
        content_type: &'static str,
        /// Further headers, names in lower case.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// The connection ends without a byte of reply.
    Reset,
    /// Nothing, while the connection stays open.
    Silence,
}

/// What is called with every request before it is answered; see [`State::on_request`].
pub type Hook = Box<dyn FnMut(&mut State, &RecordedRequest) + Send>;

/// The whole state of the simulated Halo.
pub struct State {
    /// The clients, ascending by id at first.
    pub clients: Vec<Client>,
    /// The top levels: id to name.
    pub toplevels: BTreeMap<i64, String>,
    /// The agents.
    pub agents: Vec<Object>,
    /// The teams, which are what Pia calls boards.
    pub teams: Vec<Object>,
    /// The ticket types.
    pub ticket_types: Vec<TicketType>,
    /// The ticket statuses.
    pub statuses: Vec<Object>,
    /// The clients' contacts.
    pub users: Vec<Object>,
    /// The clients' sites.
    pub sites: Vec<Object>,
    /// The tickets.
    pub tickets: Vec<Object>,
    /// The actions on the tickets, above all notes, in the order in which they were added.
    pub actions: Vec<Object>,
    /// The event catalogue, Lookup 64.
    pub event_catalogue: Vec<Object>,
    /// The webhooks; `basic_password` is among what can only be written.
    pub webhooks: Vec<Object>,
    /// The event bindings and the agents' own notifications.
    pub notifications: Vec<Object>,
    /// The log of deliveries.
    pub webhook_events: Vec<Object>,
    /// The custom tabs.
    pub tabs: Vec<Object>,
    /// What InstanceInfo shows.
    pub instance: Object,
    /// The tenant's name.
    pub tenant: String,
    /// The API applications; the first one's credentials are those that [`SimulatedHalo`](super::SimulatedHalo) names.
    pub applications: Vec<Application>,
    /// The hazards that are on.
    pub faults: BTreeSet<Fault>,
    /// Switches and figures.
    pub behaviour: Behaviour,
    /// Answers laid down beforehand; the first that matches is used.
    pub scripted: Vec<Scripted>,
    /// Called with every request before it is answered, to change things at an exact point of a client's work.
    pub on_request: Option<Hook>,
    /// The clock.
    pub clock: Clock,
    pub(super) mailbag: Mailbag,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) window: Window,
    pub(super) requests: Vec<RecordedRequest>,
    pub(super) random: Random,
    pub(super) chance: Random,
    pub(super) seed: u64,
    pub(super) base: String,
    pub(super) tried_deletes: BTreeSet<String>,
    pub(super) refusals: usize,
    /// Answers in the cache, until then on the clock.
    pub(super) remembered: BTreeMap<String, (Duration, Reply)>,
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("State")
            .field("clients", &self.clients.len())
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Whether a hazard is on.
    #[must_use]
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Switches a hazard on or off.
    pub fn set_fault(&mut self, fault: Fault, on: bool) {
        if on {
            self.faults.insert(fault);
        } else {
            self.faults.remove(&fault);
        }
        if fault == Fault::DeleteNeedsTwoTries {
            self.tried_deletes.clear();
        }
        match fault {
            Fault::WebhookSwitchedOff if on => self.switch_webhooks_off(),
            Fault::ForbiddenOneTicketType => {
                if let Some(kind) = self.ticket_type_mut("Incident") {
                    kind.locked = on;
                }
            }
            Fault::IframeIsTypeTwo if on => {
                for tab in self.tabs.iter_mut().filter(|tab| !tab.text("url").is_empty()) {
                    tab.set("type", 2);
                }
            }
            Fault::WebhookNameTaken => self.take_name(on),
            _ => {}
        }
    }

    /// Switches every webhook off that was made through the API, as Halo does after failures.
    pub fn switch_webhooks_off(&mut self) {
        let by_disabled = self.behaviour.switches_off_by_disabled;
        for webhook in self.webhooks.iter_mut().filter(|webhook| webhook.made_by_api) {
            switch_off(webhook, by_disabled);
        }
    }

    /// Gives the name of one of our webhooks to somebody else's, or takes that away again.
    fn take_name(&mut self, on: bool) {
        const URL: &str = "https://automation.example.invalid/in";
        self.webhooks.retain(|webhook| webhook.text("url") != URL);
        if on {
            let mut members = new_webhook();
            let id = self.random.guid();
            for (member, value) in [("id", &*id), ("name", "Pia - Ticket Created"), ("url", URL)] {
                members.insert(member.to_owned(), value.into());
            }
            members.insert("active".to_owned(), true.into());
            self.webhooks.push(Object { members, ..Object::default() });
        }
    }

    /// Makes every token invalid at once.
    pub fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }

    /// The client of this id.
    pub fn client_mut(&mut self, id: i64) -> Option<&mut Client> {
        self.clients.iter_mut().find(|client| client.id == id)
    }

    /// The ticket type of this name.
    pub fn ticket_type_mut(&mut self, name: &str) -> Option<&mut TicketType> {
        self.ticket_types.iter_mut().find(|kind| kind.row.name() == name)
    }

    /// The webhook of this name.
    #[must_use]
    pub fn webhook(&self, name: &str) -> Option<&Object> {
        self.webhooks.iter().find(|webhook| webhook.name() == name)
    }

    /// The webhook of this name.
    pub fn webhook_mut(&mut self, name: &str) -> Option<&mut Object> {
        self.webhooks.iter_mut().find(|webhook| webhook.name() == name)
    }

    /// The tab of this name.
    #[must_use]
    pub fn tab(&self, name: &str) -> Option<&Object> {
        self.tabs.iter().find(|tab| tab.name() == name)
    }

    /// The tab of this name.
    pub fn tab_mut(&mut self, name: &str) -> Option<&mut Object> {
        self.tabs.iter_mut().find(|tab| tab.name() == name)
    }

    /// The event bindings of a webhook.
    pub fn bindings<'a>(&'a self, webhook_id: &'a str) -> impl Iterator<Item = &'a Object> {
        self.notifications.iter().filter(move |row| row.text("webhook_id").eq_ignore_ascii_case(webhook_id))
    }

    /// What a client could have changed, in a stable order and with what is write-only: for comparing before with
    /// after.
    #[must_use]
    pub fn snapshot(&self) -> Value {
        let rows = |objects: &[Object]| {
            let mut rows: Vec<Value> = objects
                .iter()
                .map(|object| {
                    let mut row = object.members.clone();
                    row.extend(object.write_only.clone());
                    Value::Object(row)
                })
                .collect();
            rows.sort_by_key(|row| (row["id"].as_i64(), row["id"].to_string()));
            rows
        };
        let mut clients: Vec<&Client> = self.clients.iter().collect();
        clients.sort_by(|one, two| (one.id, &one.name).cmp(&(two.id, &two.name)));
        let clients: Vec<Value> = clients
            .iter()
            .map(|client| {
                json!({ "id": client.id, "name": client.name, "toplevel_id": client.toplevel_id,
                        "main_site_name": client.main_site_name, "inactive": client.inactive, "overrides": client.overrides })
            })
            .collect();
        let mut kinds: Vec<Value> = self
            .ticket_types
            .iter()
            .map(|kind| {
                let mut row = kind.row.members.clone();
                let mut links: Vec<(i64, i64)> = kind.links.iter().map(|link| (link.iframetab_id, link.id)).collect();
                links.sort_unstable();
                row.insert("inactive".into(), kind.inactive.into());
                row.insert("allowall_iframe_customtabs".into(), kind.allow_all_tabs.into());
                let links: Vec<Value> =
                    links.iter().map(|(tab, id)| json!({ "id": id, "iframetab_id": tab })).collect();
                row.insert("allowed_iframe_customtabs".into(), links.into());
                Value::Object(row)
            })
            .collect();
        kinds.sort_by_key(|row| row["id"].as_i64());
        json!({
            "clients": clients, "agents": rows(&self.agents), "teams": rows(&self.teams), "ticket_types": kinds,
            "webhooks": rows(&self.webhooks), "notifications": rows(&self.notifications), "tabs": rows(&self.tabs),
            "tickets": rows(&self.tickets), "actions": rows(&self.actions),
        })
    }

    /// A refusal with a text of Halo's, in the form that is switched on.
    pub(super) fn refuse(&mut self, text: &str) -> Reply {
        let form = if self.has(Fault::ErrorForms) {
            self.refusals += 1;
            ErrorForm::ALL[self.refusals % ErrorForm::ALL.len()]
        } else {
            self.behaviour.error_form
        };
        form.refuse(text)
    }

    /// The reply to a write: 201 with a single object for an array of one.
    pub(super) fn created(&self, mut rows: Vec<Value>) -> Reply {
        let as_array = self.behaviour.array_reply || self.has(Fault::ArrayReply) || rows.len() != 1;
        let body = if as_array { Value::Array(rows) } else { rows.pop().unwrap_or_default() };
        Reply::json(201, &body)
    }

    /// The reply to a deletion: 200 with no body, or with the object.
    pub(super) fn deleted(&self, row: &Value) -> Reply {
        if self.behaviour.delete_returns_object { Reply::json(200, row) } else { Reply::empty(200) }
    }
}

/// Switches a webhook off as Halo does after failures: by either of two members, and with the time of it.
pub(super) fn switch_off(webhook: &mut Object, by_disabled: bool) {
    if by_disabled {
        webhook.set("disabled", true);
    } else {
        webhook.set("active", false);
    }
    webhook.set("last_auto_disable_date", super::clock::now().strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string());
}

/// What a new webhook has where nothing was sent.
pub(super) fn new_webhook() -> Row {
    members(json!({
        "type": 0, "method": 0, "content_type": "application/json", "authentication_type": 0, "certificate_id": 0, "active": false,
        "last_status": 0, "custom_payload": false, "payload_type": 0, "batch_method": 0, "batch_delay_seconds": 30, "batch_limit": 0,
        "infinite_loop_threshold": 5, "auto_disable_attempts": 0, "log_retention_policy_days": 30, "notify_on_failure": false,
        "algorithm": 0, "digest": 0, "inbound_authentication_type": 0, "initial_verification_type": 0, "group_id": 0,
        "library_licence_name": "", "log_ticket_attempts": 0, "major_version_number": 0, "minor_version_number": 0,
        "patch_version_number": 0, "multiple_execution_mode": 0, "notify_on_failure_tech": -1, "notify_on_failure_template": 32,
        "last_auto_disable_date": "1900-01-01T00:00:00",
        "runbook_start_type": 0, "safe_instances": 0, "use_lightweight_logs": false
    }))
}

/// One more than the greatest id, as Halo itself picks them.
pub(super) fn next_id(objects: &[Object]) -> i64 {
    objects.iter().filter_map(|object| object.int("id")).max().unwrap_or(0) + 1
}
