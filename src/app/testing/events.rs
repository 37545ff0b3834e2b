//! Events and tickets to put on the stage.

use jiff::SignedDuration;

use super::{Stage, at, foreign, in_panes, quoting};
use crate::app::message::Reply;
use crate::app::panes::events::{EventList, Recent};
use crate::domain::callback::EventGroup;
use crate::domain::configuration::EscalateTo;
use crate::domain::event::{Event, ForwardState, Forwarding};
use crate::domain::status::ServiceStatus;
use crate::domain::ticket::{BoardTickets, Escalation, EscalationStatus, Ticket};

pub fn service() -> ServiceStatus {
    ServiceStatus {
        running: true,
        since: Some(at("2026-11-23T09:12:00Z")),
        last_event_at: Some(at("2026-11-23T10:50:00Z")),
        ..ServiceStatus::default()
    }
}

pub fn ticket(id: i64, summary: &str, team: &str) -> Ticket {
    Ticket {
        id,
        summary: Some(foreign(summary)),
        team: Some(foreign(team)),
        team_id: None,
        agent_id: None,
        agent: None,
        status_id: Some(1),
        status: Some(foreign("New")),
        ticket_type_id: Some(1),
        ticket_type: Some(foreign("Incident")),
        client_id: Some(7),
        client: Some(foreign("Northwind Traders")),
    }
}

pub fn event(number: i64) -> Event {
    let back = SignedDuration::from_mins(7) * (100_i32 - number as i32);
    Event {
        number,
        id: quoting(&format!("8c0f3b1e-63d2-4d55-9a56-{number:012}")),
        received_at: at("2026-11-23T10:50:00Z").checked_sub(back).unwrap(),
        sent_at: None,
        fetched_from: None,
        not_understood: None,
        group: EventGroup::TicketCreated,
        event: Some(foreign("New Ticket Logged")),
        ticket_id: Some(33_379 + number),
        on_pia_board: Some(true),
        ticket: Some(ticket(33_379 + number, "Printer is on fire", "Pia")),
        ticket_problem: None,
        forwarding: None,
    }
}

/// Five events of different kinds, the newest first: 100 to 96.
pub fn events() -> Vec<Event> {
    let forwarding = |state, attempts, error: Option<&str>| {
        Some(Forwarding { state, attempts, next_at: None, last_error: error.map(quoting) })
    };
    let delivered = Event { forwarding: forwarding(ForwardState::Delivered, 1, None), ..event(99) };
    let mut elsewhere = Event {
        group: EventGroup::TicketUpdated,
        event: Some(foreign("Ticket Status Changed")),
        on_pia_board: Some(false),
        forwarding: forwarding(ForwardState::Undelivered, 14, Some("answered with 502")),
        ..event(98)
    };
    elsewhere.ticket = Some(ticket(33_477, "New starter on Monday", "Service Desk"));
    let gone = Event {
        on_pia_board: None,
        ticket: None,
        ticket_problem: Some("Halo has no such ticket, or its agent may not see it".to_owned()),
        ..event(97)
    };
    let bare = Event { event: None, ticket_id: None, on_pia_board: None, ticket: None, ..event(96) };
    let new = Event { on_pia_board: None, ticket: None, ..event(100) };
    vec![new, delivered, elsewhere, gone, bare]
}

/// As many as asked for, the newest first.
pub fn many_events(newest: i64, count: i64) -> Vec<Event> {
    (newest - count + 1..=newest).rev().map(|number| Event { number, ..event(number.rem_euclid(100)) }).collect()
}

/// What a look at the store finds.
pub fn recent(events: Vec<Event>) -> Reply {
    let total = events.len() as u64;
    Reply::Events(Ok(Box::new(Recent { list: EventList::new(events, total), service: service() })))
}

/// The Events pane with its events read.
pub fn in_events() -> Stage {
    let mut stage = in_panes();
    let pia = &mut stage.model.overview.configurations[0].configuration.pia_screen;
    pia.escalation_board = "Pia Escalations".to_owned();
    pia.escalate_to = Some(EscalateTo { agent_id: 7, name: quoting("Dana Scully") });
    stage.keys("4");
    stage.reply(recent(events()));
    stage
}

pub fn board() -> BoardTickets {
    let mut taken = ticket(33_470, "VPN drops every hour", "Pia");
    (taken.agent_id, taken.agent) = (Some(7), Some(foreign("Dana Scully")));
    let tickets = vec![ticket(33_479, "Printer is on fire", "Pia"), taken, ticket(33_401, "Reset my password", "Pia")];
    BoardTickets { tickets, cut: false, board_exists: true }
}

/// The tickets on the Pia Board, read.
pub fn in_tickets() -> Stage {
    let mut stage = in_events();
    stage.keys("b");
    stage.reply(Reply::Tickets(Ok(board())));
    stage
}

/// The question before the first of them is escalated, read.
pub fn escalating() -> Stage {
    let mut stage = in_tickets();
    stage.keys("e");
    stage.read_plan();
    stage
}

pub fn escalation() -> Escalation {
    let mut ticket = ticket(33_479, "Printer is on fire", "Pia Escalations");
    (ticket.agent_id, ticket.agent) = (Some(7), Some(foreign("Dana Scully")));
    Escalation { status: EscalationStatus::Escalated, ticket, moved: true, noted: true, closed: None }
}
