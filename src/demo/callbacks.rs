//! What an event becomes: one letter for each webhook that is bound to it, in one of the bodies that receivers have
//! met.

use super::behaviour::BodyForm;
use super::faults::Fault;
use super::mailbag::Letter;
use super::reply::Row;
use super::state::{Object, State};
use serde_json::{Value, json};

/// A new ticket was logged.
pub(super) const CREATED: i64 = 3;
/// A ticket was updated by its user.
pub(super) const UPDATED: i64 = 19;
/// A ticket was closed.
pub(super) const CLOSED: i64 = 39;
/// A ticket's status has changed.
pub(super) const STATUS_CHANGED: i64 = 76;
/// A ticket was deleted.
pub(super) const DELETED: i64 = 1072;

/// The status that `open_only` knows to end a ticket.
pub(super) const CLOSED_STATUS: i64 = 9;

/// Whether a status ends a ticket: others of the tenant's own do, too.
pub(super) fn is_final(status: i64) -> bool {
    matches!(status, 8 | CLOSED_STATUS | 13)
}

impl State {
    /// An event has happened to a ticket: every webhook that is on and bound to it gets a letter, with the ticket as it
    /// is now. So the event of a deletion is raised before the ticket is taken away. Nothing is sent here: the letters
    /// are posted outside of the lock.
    pub fn raise(&mut self, eventno: i64, ticket_id: i64) {
        let bare = || Object::new(json!({ "id": ticket_id }));
        let ticket = self.tickets.iter().find(|ticket| ticket.has_id(ticket_id)).cloned().unwrap_or_else(bare);
        let mut bound = Vec::new();
        for webhook in self.webhooks.iter().filter(|webhook| is_outgoing(webhook)) {
            let custom = webhook.flag("custom_payload");
            let rows = self.bindings(webhook.text("id")).filter(|row| fires(row, eventno, &ticket.members));
            bound.extend(rows.map(|row| (webhook.text("id").to_owned(), row.int("id"), custom)));
        }
        let name = self.event_name(eventno);
        let twice = self.behaviour.deliveries_repeated > 0;
        self.behaviour.deliveries_repeated = self.behaviour.deliveries_repeated.saturating_sub(1);
        for (webhook_id, notification_id, custom) in bound {
            let id = self.random.guid();
            let form = match custom {
                true => BodyForm::Custom,
                false if self.has(Fault::CallbacksEventOnly) => BodyForm::EventOnly,
                false => self.behaviour.body_form,
            };
            let body = match form {
                BodyForm::Event | BodyForm::SmallEvent | BodyForm::EventOnly | BodyForm::Array => {
                    let message = self.random.guid_in_sequence();
                    let mut body = event(&id, &message, eventno, &name, &ticket);
                    body["webhook_id"] = webhook_id.as_str().into();
                    body["notification_id"] = notification_id.into();
                    if form != BodyForm::EventOnly {
                        let mut row = self.told(&ticket);
                        row.retain(|member, _| form != BodyForm::SmallEvent || KEY_FIELDS.contains(&member.as_str()));
                        body["ticket"] = super::reply::wire(&row);
                    }
                    body
                }
                BodyForm::Ticket => super::reply::wire(&self.told(&ticket)),
                BodyForm::TicketId => json!({ "ticket_id": ticket_id }),
                BodyForm::EventData => json!({ "event_data": { "id": ticket_id } }),
                BodyForm::Custom => self.custom(&name, &ticket),
            };
            let is_array = form == BodyForm::Array;
            let since = self.clock.now();
            let letter = Letter { id, webhook_id, notification_id, ticket_id, body, is_array, since };
            if twice {
                self.mailbag.put(letter.clone());
            }
            self.mailbag.put(letter);
        }
    }

    /// Raises what a change of a ticket means, by what it was before.
    pub(super) fn raise_changes(&mut self, id: i64, before: &Row) {
        let Some(ticket) = self.tickets.iter().find(|ticket| ticket.has_id(id)) else { return };
        let differs = |(member, value): (&String, &Value)| before.get(member) != Some(value);
        let other = ticket.members.iter().any(|pair| pair.0 != "status_id" && differs(pair));
        let status = ticket.members.get("status_id").filter(|status| before.get("status_id") != Some(status)).cloned();
        if other {
            self.raise(UPDATED, id);
        }
        if let Some(status) = status {
            self.raise(STATUS_CHANGED, id);
            if status.as_i64().is_some_and(is_final) {
                self.raise(CLOSED, id);
            }
        }
    }

    /// The catalogue's words for an event in small letters, as a live delivery had them: "new ticket logged".
    fn event_name(&self, eventno: i64) -> String {
        let row = self.event_catalogue.iter().find(|row| row.has_id(eventno));
        let name = row.map_or_else(|| format!("Event {eventno}"), |row| row.name().replace("$#request", "Ticket"));
        name.trim_end_matches(" - All").to_lowercase()
    }

    /// A ticket as Halo tells it: with the id of its team beside the name.
    pub(super) fn told(&self, ticket: &Object) -> Row {
        let mut row = ticket.members.clone();
        let team = self.teams.iter().find(|team| team.name().eq_ignore_ascii_case(ticket.text("team")));
        row.insert("team_id".into(), team.and_then(|team| team.int("id")).into());
        row.insert("hasbeenclosed".into(), ticket.int("status_id").is_some_and(is_final).into());
        row
    }

    /// What `<<ticket^status^name>>` and its like are filled with.
    fn custom(&self, event: &str, ticket: &Object) -> Value {
        fn named<'a>(mut rows: impl Iterator<Item = &'a Object>, id: Option<i64>) -> Value {
            let row = rows.find(|row| id.is_some_and(|id| row.has_id(id)));
            row.map_or(Value::Null, |row| json!({ "id": id, "name": row.name() }))
        }
        let mut row = self.told(ticket);
        row.insert("status".into(), named(self.statuses.iter(), ticket.int("status_id")));
        let kinds = self.ticket_types.iter().map(|kind| &kind.row);
        row.insert("tickettype".into(), named(kinds, ticket.int("tickettype_id")));
        row.insert("agent".into(), named(self.agents.iter(), ticket.int("agent_id")));
        row.insert("priority".into(), json!({ "id": ticket.int("priority_id"), "name": "Medium" }));
        json!({ "event": event, "ticket": super::reply::wire(&row) })
    }
}

/// Whether Halo delivers to it at all: on, and no runbook.
fn is_outgoing(webhook: &Object) -> bool {
    webhook.flag("active") && !webhook.flag("disabled") && webhook.int("type") == Some(0)
}

/// The one binding that is known to fire: `type` -2 and `delivery_method` 6, with every condition met.
fn fires(row: &Object, eventno: i64, ticket: &Row) -> bool {
    let conditions = row.members.get("conditions").and_then(Value::as_array);
    row.int("type") == Some(-2)
        && row.int("delivery_method") == Some(6)
        && row.int("eventno") == Some(eventno)
        && !row.flag("inactive")
        && conditions.is_none_or(|all| all.iter().all(|condition| is_met(condition, ticket)))
}

/// The kinds of comparison whose numbers are recorded; any other one starts nothing.
fn is_met(condition: &Value, ticket: &Row) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned).to_lowercase();
    let wanted = ["value_int", "value_string"].iter().find_map(|member| condition.get(member).filter(|v| !v.is_null()));
    let field = condition["fieldname"].as_str().unwrap_or_default();
    let (Some(wanted), held) = (wanted.map(text), ticket.get(field).map(text).unwrap_or_default()) else {
        return false;
    };
    match condition["type"].as_i64() {
        Some(0) => held == wanted,
        Some(1) => held != wanted,
        Some(2) => held.contains(&wanted),
        Some(3) => !held.contains(&wanted),
        _ => false,
    }
}

/// What is left of a ticket in a small payload. No source shows the members.
const KEY_FIELDS: [&str; 7] = ["id", "summary", "client_id", "tickettype_id", "status_id", "team_id", "agent_id"];

/// The head of a delivery, and the action where there is one.
fn event(id: &str, message_id: &str, eventno: i64, name: &str, ticket: &Object) -> Value {
    let now = super::clock::now().strftime("%Y-%m-%dT%H:%M:%S%.7fZ").to_string();
    let number = format!("Ticket ID: {:07}", ticket.int("id").unwrap_or(0));
    let message = match eventno {
        CREATED => format!("A new Ticket has been logged. {number}"),
        STATUS_CHANGED => format!("The status has been changed for {number}."),
        _ => format!("{name}. {number}"),
    };
    let mut body = json!({
        "id": id, "escmsg_id": message_id, "event": name, "message": message, "object_id": ticket.int("id"), "agent_id": 3,
        "timestamp": now
    });
    // A status that changes by itself has no action behind it.
    let outcome = match eventno {
        CREATED => "First User Email",
        UPDATED => "Email User",
        _ => return body,
    };
    body["action"] = json!({
        "id": 1, "ticket_id": ticket.int("id"), "outcome": outcome, "note": ticket.text("details"), "who": ticket.text("user_name"),
        "datetime": now
    });
    body
}
