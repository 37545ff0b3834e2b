//! The Events pane: events as they come in, one of them whole, the tickets, and an escalation.

use crate::app::message::Reply;
use crate::app::panes::events::{EventList, Recent};
use crate::app::testing::events::{
    board, escalating, escalation, events, in_events, in_tickets, many_events, recent, service,
};
use crate::app::testing::{Stage, at, deliveries, finished, foreign, in_panes, overview, saved, standing, status};
use crate::domain::body::Body;
use crate::domain::delivery::DeliveryState;
use crate::domain::event::FetchedFrom;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::status::{ServiceStatus, Status};
use crate::domain::ticket::{BoardTickets, Known};
use crate::domain::untrusted::Untrusted;

use super::{Scenes, unreachable, unreadable};

// The pane of a configuration that stands so, with these events.
fn standing_so(change: impl FnOnce(&mut Status), events: Vec<crate::domain::event::Event>) -> Stage {
    let mut stage = in_panes();
    let mut new = status("Acme MSP", true, true, true);
    change(&mut new);
    let service = new.service.clone();
    stage.reply(Reply::Status(Ok(standing(new))));
    stage.keys("4");
    let total = events.len() as u64;
    stage.reply(Reply::Events(Ok(Box::new(Recent { list: EventList::new(events, total), service }))));
    stage
}

fn body() -> Body {
    let summary = foreign("Printer is on fire");
    let value = serde_json::json!({
        "id": "8c0f3b1e-63d2-4d55-9a56-000000000099",
        "event": "New Ticket Logged",
        "object_id": 33_478,
        "ticket": {
            "id": 33_478, "summary": summary.raw(), "team": "Pia",
            "details": "The printer on the second floor smokes. It has been switched off, and nobody dares to touch it.",
        },
    });
    Body::of(&Untrusted::new(value.to_string()))
}

fn refusal() -> Failure {
    let mut failure = Failure::new(FailureKind::Declined, "Halo refused to change the ticket")
        .hint("Give the agent the right to re-assign tickets: Configuration › Teams & Agents › Agents › Permissions.");
    failure.halo_said = Some(foreign("You do not have permission to re-assign this ticket"));
    failure.http_status = Some(403);
    failure
}

pub fn add(scenes: &mut Scenes) {
    list(scenes);
    warned(scenes);
    whole(scenes);
    tickets(scenes);
    escalations(scenes);
}

fn list(scenes: &mut Scenes) {
    scenes.add("pane_events", in_events(), |_| {});
    scenes.add("pane_events_reading", Stage::with(finished()), |stage| {
        stage.keys("4");
    });
    scenes.add("pane_events_unreadable", Stage::with(finished()), |stage| {
        stage.keys("4");
        stage.reply(Reply::Events(Err(unreadable())));
    });
    scenes.add("pane_events_none", standing_so(|status| status.service.last_event_at = None, Vec::new()), |_| {});
    scenes.add("pane_events_tip", standing_so(|status| status.service.last_event_at = None, Vec::new()), |stage| {
        let tip = "Make a ticket in the simulated Halo: curl -d '{}' http://127.0.0.1:8478/api/Tickets";
        stage.model.facts.tip = Some(tip.to_owned());
    });
    scenes.add("pane_events_tip_below", in_events(), |stage| {
        stage.model.facts.tip =
            Some("Make a ticket in the simulated Halo: curl http://127.0.0.1:8478/ticket".to_owned());
        stage.reply(recent(many_events(100, 80)));
    });
    let new = overview(vec![saved("acme", "Acme MSP", true, true, false)]);
    scenes.add("pane_events_not_configured", Stage::with(new), |stage| {
        let mut fresh = status("Acme MSP", true, true, false);
        fresh.service = ServiceStatus::default();
        stage.reply(Reply::Status(Ok(standing(fresh))));
        crate::app::panes::enter(&mut stage.model);
        stage.keys("4");
        let service = ServiceStatus::default();
        stage.reply(Reply::Events(Ok(Box::new(Recent { list: EventList::default(), service }))));
    });
    scenes.add("pane_events_many", in_events(), |stage| {
        let list = EventList::new(many_events(40_000, 1_000), 38_211);
        stage.reply(Reply::Events(Ok(Box::new(Recent { list, service: service() }))));
        stage.keys("PgDn PgDn PgDn Down");
        // Two more come in, and what is looked at stays where it is.
        let list = EventList::new(many_events(40_002, 1_000), 38_213);
        stage.reply(Reply::Events(Ok(Box::new(Recent { list, service: service() }))));
    });
    scenes.add("pane_events_search", in_events(), |stage| {
        stage.keys("/");
        stage.type_text("printer 3347");
    });
    scenes.add("pane_events_no_match", in_events(), |stage| {
        stage.keys("/");
        stage.type_text("zzz");
    });
    for (name, times) in [
        ("pane_events_on_board", 1),
        ("pane_events_created", 2),
        ("pane_events_updated", 3),
        ("pane_events_undelivered", 4),
    ] {
        scenes.add(name, in_events(), |stage| {
            (0..times).for_each(|_| drop(stage.keys("f")));
        });
    }
}

fn warned(scenes: &mut Scenes) {
    let off = |status: &mut Status| {
        status.integration.deliveries = deliveries();
        status.integration.deliveries[1].state = DeliveryState::SwitchedOff;
    };
    scenes.add("pane_events_switched_off", standing_so(off, events()), |_| {});
    let down = |status: &mut Status| {
        status.service = ServiceStatus { last_event_at: service().last_event_at, ..ServiceStatus::default() };
    };
    scenes.add("pane_events_not_running", standing_so(down, events()), |_| {});
    let silent = |status: &mut Status| {
        status.service.since = Some(at("2026-11-16T09:12:00Z"));
        status.service.last_event_at = Some(at("2026-11-22T10:15:00Z"));
    };
    let late = |status: &mut Status| status.service.last_lag_ms = Some(720_000);
    scenes.add("pane_events_late", standing_so(late, events()), |_| {});
    let mut old = many_events(95, 3);
    for event in &mut old {
        event.received_at -= jiff::SignedDuration::from_hours(24);
    }
    scenes.add("pane_events_silent", standing_so(silent, old), |_| {});
}

fn whole(scenes: &mut Scenes) {
    scenes.add("event", in_events(), |stage| {
        stage.keys("Down Enter");
        stage.reply(Reply::Event(Ok(Some(body()))));
    });
    let mut odd = events();
    let head = "EOF while parsing a string at line 1 column 80; its members: id, event, summary";
    odd[0].not_understood = Some(head.to_owned());
    odd[0].fetched_from = Some(FetchedFrom::HaloLog);
    scenes.add("event_remarks", standing_so(|_| {}, odd), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Event(Ok(Some(body()))));
    });
    scenes.add("event_end", in_events(), |stage| {
        stage.keys("Down Down Enter");
        stage.reply(Reply::Event(Ok(Some(Body { cut: 4_711, ..body() }))));
        stage.keys("End");
    });
    scenes.add("event_reading", in_events(), |stage| {
        stage.keys("Enter");
    });
    scenes.add("event_without_ticket", in_events(), |stage| {
        stage.keys("Down Down Down Enter");
        stage.reply(Reply::Event(Ok(None)));
    });
    scenes.add("event_unreadable", in_events(), |stage| {
        stage.keys("End Enter");
        stage.reply(Reply::Event(Err(unreadable())));
    });
}

fn tickets(scenes: &mut Scenes) {
    scenes.add("pane_tickets", in_tickets(), |stage| {
        stage.keys("Down");
    });
    scenes.add("pane_ticket", in_tickets(), |stage| {
        stage.keys("Enter");
    });
    scenes.add("pane_tickets_reading", in_events(), |stage| {
        stage.keys("b");
        stage.later(2);
    });
    scenes.add("pane_tickets_stopped", in_events(), |stage| {
        stage.keys("b Esc");
    });
    scenes.add("pane_tickets_none", in_events(), |stage| {
        stage.keys("b");
        stage.reply(Reply::Tickets(Ok(BoardTickets { tickets: Vec::new(), cut: false, board_exists: false })));
    });
    scenes.add("pane_tickets_failed", in_tickets(), |stage| {
        stage.later(180);
        stage.keys("t");
        stage.reply(Reply::Tickets(Err(unreachable())));
    });
    scenes.add("pane_tickets_many", in_events(), |stage| {
        stage.keys("b");
        let one = board().tickets.remove(0);
        let tickets = (0..400).map(|id| crate::domain::ticket::Ticket { id: 40_000 - id, ..one.clone() }).collect();
        stage.reply(Reply::Tickets(Ok(BoardTickets { tickets, cut: true, board_exists: true })));
        stage.keys("PgDn PgDn");
    });
}

fn escalations(scenes: &mut Scenes) {
    scenes.add("escalate", escalating(), |stage| {
        stage.type_text("the printer needs a person");
    });
    scenes.add("escalate_unread", in_events(), |stage| {
        stage.keys("e");
    });
    scenes.add("escalate_taken", in_tickets(), |stage| {
        stage.keys("Down Enter");
    });
    scenes.add("escalate_running", escalating(), |stage| {
        stage.keys("Enter");
        stage.later(2);
        stage.keys("e");
    });
    scenes.add("escalate_done", escalating(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Escalated(Ok(Box::new(escalation()))));
    });
    scenes.add("escalate_refused", escalating(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Escalated(Err(Known::Unchanged.because(refusal()))));
    });
    scenes.add("escalate_without_note", escalating(), |stage| {
        stage.type_text("call back");
        stage.keys("Enter");
        let hint = "Escalate it again with the same note: what is already done is not repeated";
        let failure = Failure::new(FailureKind::PartlyDone, "Halo gave no answer in time").hint(hint);
        stage.reply(Reply::Escalated(Err(Known::NoteMissing.because(failure))));
    });
    scenes.add("escalate_refused_elsewhere", escalating(), |stage| {
        stage.keys("Enter 2");
        stage.reply(Reply::Escalated(Err(Known::Unchanged.because(refusal()))));
    });
}
