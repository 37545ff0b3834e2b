//! The control address: what a person does in Halo's own screens, for somebody who has only a terminal and wants to see
//! what comes of it. It is no part of Halo: it needs no token, is in no log of requests, and counts against no limit. The
//! simulated Halo listens on loopback addresses only, and so does this.

use super::callbacks::{CREATED, DELETED};
use super::reply::{Reply, Row};
use super::request::Received;
use super::state::{Object, State, next_id};
use serde_json::{Value, json};

/// Below this path, which is none of Halo's, tickets are made, changed and deleted.
pub(super) const TICKETS: &str = "/control/tickets";

/// The members that name another row, which must be there.
const NUMBERS: [&str; 6] = ["client_id", "site_id", "status_id", "tickettype_id", "priority_id", "agent_id"];

/// A status and what is said; the second one is a refusal.
type Done = Result<(u16, Value), (u16, String)>;

/// Answers a request to the control address; none where it is to another one.
pub(super) fn answer(state: &mut State, request: &Received) -> Option<Reply> {
    let rest = request.path.strip_prefix("/control")?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    let below = request.path.strip_prefix(TICKETS).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let done = match (request.method.as_str(), below.map(|id| id.trim_matches('/'))) {
        ("POST", Some("")) => post(request, |members| state.make_ticket(members)),
        ("POST", Some(id)) => number(id).and_then(|id| post(request, |members| state.change_ticket(id, members))),
        ("DELETE", Some(id)) => number(id).and_then(|id| state.delete_ticket(id)),
        _ => Err((404, format!("POST {TICKETS}, POST {TICKETS}/ID and DELETE {TICKETS}/ID are all there is"))),
    };
    Some(match done {
        Ok((status, row)) => Reply::json(status, &row),
        Err((status, text)) => Reply::json(status, &json!({ "error": text })),
    })
}

/// What was sent: one object, or nothing at all.
fn post(request: &Received, work: impl FnOnce(Row) -> Done) -> Done {
    if request.body.trim_ascii().is_empty() {
        return work(Row::new());
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(members)) => work(members),
        _ => Err((400, "send one JSON object, such as {\"summary\":\"Printer is on fire\"}".to_owned())),
    }
}

fn number(id: &str) -> Result<i64, (u16, String)> {
    id.parse().map_err(|_| (404, format!("there is no ticket {id}")))
}

impl State {
    /// Makes a ticket and raises its event. What was not asked for is as in a ticket that somebody wrote an e-mail for, on
    /// the Pia board where there is one.
    pub(super) fn make_ticket(&mut self, members: Row) -> Done {
        self.check(&members)?;
        let now = super::clock::now().strftime("%Y-%m-%dT%H:%M:%S%.7fZ").to_string();
        let client = self.clients.iter().find(|client| !client.inactive && client.id > 1).map(|client| client.id);
        let team = self.teams.iter().find(|team| team.name() == "Pia").or(self.teams.first());
        let id = next_id(&self.tickets);
        let mut ticket = Object::new(json!({
            "id": id, "summary": "Printer is on fire", "details": "It was fine yesterday.", "client_id": client,
            "user_name": "A. Person", "tickettype_id": 1, "status_id": 1, "priority_id": 3, "team": team.map(Object::name),
            "agent_id": 1, "dateoccurred": now, "deadlinedate": "1900-01-01T00:00:00", "use": "ticket"
        }));
        ticket.members.extend(members);
        ticket.set("id", id);
        self.tickets.push(ticket);
        self.name_client(id);
        self.raise(CREATED, id);
        Ok((201, self.ticket_row(id)))
    }

    /// Changes a ticket, and raises what that is: its status, its end, or anything else. Where nothing is different,
    /// nothing has happened.
    pub(super) fn change_ticket(&mut self, id: i64, mut members: Row) -> Done {
        self.check(&members)?;
        members.remove("id");
        let ticket = self.tickets.iter_mut().find(|ticket| ticket.has_id(id));
        let Some(ticket) = ticket else { return Err((404, format!("there is no ticket {id}"))) };
        let before = ticket.members.clone();
        ticket.members.extend(members);
        self.name_client(id);
        self.raise_changes(id, &before);
        Ok((200, self.ticket_row(id)))
    }

    fn delete_ticket(&mut self, id: i64) -> Done {
        let place = self.tickets.iter().position(|ticket| ticket.has_id(id));
        let Some(place) = place else { return Err((404, format!("there is no ticket {id}"))) };
        self.raise(DELETED, id);
        Ok((200, self.tickets.remove(place).wire()))
    }

    /// Whether every row that is named is there; the person is told rather than shown a ticket of nobody.
    fn check(&self, members: &Row) -> Result<(), (u16, String)> {
        for name in NUMBERS {
            let Some(value) = members.get(name) else { continue };
            let Some(id) = value.as_i64() else { return Err((400, format!("{name} is a whole number"))) };
            let known = match name {
                "client_id" => self.clients.iter().any(|client| client.id == id),
                "status_id" => self.statuses.iter().any(|status| status.has_id(id)),
                "tickettype_id" => self.ticket_types.iter().any(|kind| kind.row.has_id(id)),
                "agent_id" => self.agents.iter().any(|agent| agent.has_id(id)),
                _ => true,
            };
            if !known {
                return Err((400, format!("there is no {name} {id}")));
            }
        }
        let team = members.get("team");
        match team.map(|team| team.as_str().is_some_and(|name| self.teams.iter().any(|team| team.name() == name))) {
            Some(false) => Err((400, "team is the name of a team of this Halo".to_owned())),
            _ => Ok(()),
        }
    }

    /// A ticket carries its client's name beside the id.
    fn name_client(&mut self, id: i64) {
        let Some(ticket) = self.tickets.iter_mut().find(|ticket| ticket.has_id(id)) else { return };
        let client = ticket.int("client_id").and_then(|id| self.clients.iter().find(|client| client.id == id));
        if let Some(client) = client {
            ticket.set("client_name", client.name.as_str());
        }
    }

    fn ticket_row(&self, id: i64) -> Value {
        self.tickets.iter().find(|ticket| ticket.has_id(id)).map(Object::wire).unwrap_or_default()
    }
}
