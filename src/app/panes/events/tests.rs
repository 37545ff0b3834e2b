//! The Events pane: live, searched, opened; and a ticket escalated once.

use jiff::SignedDuration;

use super::*;
use crate::app::effect::Slot;
use crate::app::jobs::escalate::stays_closed;
use crate::app::jobs::state::EscalateWork;
use crate::app::jobs::tickets;
use crate::app::keymap::{Pane, Place, place};
use crate::app::message::{Message, Reply};
use crate::app::notice::Tone;
use crate::app::popup::Popup;
use crate::app::service::{head, warnings};
use crate::app::testing::events::{
    board, escalating, escalation, event, events, in_events, in_tickets, many_events, recent, service,
};
use crate::app::testing::{Stage, at, finished, foreign, id, in_panes, key, overview, saved, standing, status};
use crate::app::{Model, next_wake};
use crate::domain::body::Body;
use crate::domain::failure::FailureKind;
use crate::domain::health::Rule;
use crate::domain::ticket::Known;

fn selected(stage: &Stage) -> Option<i64> {
    stage.model.panes.events.selected().map(|event| event.number)
}

fn shown(stage: &Stage) -> Vec<i64> {
    let events = &stage.model.panes.events;
    (0..events.count()).filter_map(|at| events.row(at)).map(|event| event.number).collect()
}

fn notice(stage: &Stage) -> String {
    stage.notice()
}

/// The store is watched once, from the first pane on, and not again at each key.
#[test]
fn events_are_watched_from_first_pane_on() {
    let mut stage = Stage::new(80, 24, crate::app::Theme::default());
    let effects = stage.reply(Reply::Overview(Ok(finished())));
    let watch = Effect::WatchEvents { id: id("acme"), limit: STEP };
    assert_eq!(effects.iter().filter(|effect| **effect == watch).count(), 1);
    for keys in ["4", "1", "2", "4", "Down", "^O"] {
        assert!(!stage.keys(keys).contains(&watch), "{keys}");
    }
    let mut two =
        overview(vec![saved("acme", "Acme MSP", true, true, true), saved("trial", "Trial", false, true, true)]);
    two.draft = None;
    let mut stage = Stage::with(two);
    let effects = stage.keys("^O Down Enter");
    assert!(effects.contains(&Effect::Cancel(Slot::Watch)), "{effects:?}");
    assert!(effects.contains(&Effect::WatchEvents { id: id("trial"), limit: STEP }), "{effects:?}");
}

/// Who looks at the newest sees the next one; who has selected an event keeps it, on its row of the screen.
#[test]
fn selection_follows_its_event_and_at_top_newest() {
    let mut stage = in_events();
    assert_eq!(selected(&stage), Some(100));
    stage.reply(recent(many_events(103, 8)));
    assert_eq!(selected(&stage), Some(103));
    stage.keys("Down Down");
    assert_eq!(selected(&stage), Some(101));
    stage.reply(recent(many_events(150, 90)));
    assert_eq!(selected(&stage), Some(101));
    let window = stage.model.panes.events.window;
    assert_eq!(window.selected - window.first, 2, "it stands where it stood");
    // It is not kept any more: the next older one has its place.
    stage.reply(recent(many_events(150, 90).into_iter().filter(|event| event.number != 101).collect()));
    assert_eq!(selected(&stage), Some(100));
    stage.keys("Home");
    stage.reply(recent(many_events(151, 20)));
    assert_eq!(selected(&stage), Some(151));
}

/// An event that comes in while another pane is open changes nothing there but what the header says.
#[test]
fn events_are_taken_wherever_one_is() {
    let mut stage = in_panes();
    stage.keys("2 Down");
    let mut new = service();
    new.last_event_at = Some(stage.now);
    let recent = Recent { list: EventList::new(events(), 5), service: new.clone() };
    stage.reply(Reply::Events(Ok(Box::new(recent))));
    assert_eq!(stage.model.status().unwrap().service, new);
    assert_eq!(stage.model.panes.clients.window.selected, 1);
    stage.keys("4");
    assert_eq!(shown(&stage), [100, 99, 98, 97, 96]);
}

#[test]
fn events_are_searched_and_filtered() {
    let mut stage = in_events();
    stage.keys("/");
    assert_eq!(place(&stage.model), Place::EventSearch);
    stage.type_text("STARTER northwind");
    assert_eq!(shown(&stage), [98]);
    stage.keys("^U");
    stage.type_text("33478");
    assert_eq!(shown(&stage), [99]);
    stage.keys("Esc");
    assert_eq!(shown(&stage).len(), 5);
    for wanted in [vec![99], vec![100, 99, 97, 96], vec![98], vec![98], vec![100, 99, 98, 97, 96]] {
        stage.keys("f");
        assert_eq!(shown(&stage), wanted, "{:?}", stage.model.panes.events.filter);
    }
    // The filter goes on working on what comes in.
    stage.keys("f");
    stage.reply(recent(vec![event(101), events().remove(2)]));
    assert_eq!(shown(&stage), [101]);
}

/// The store is read in a bounded way, further back where somebody goes there, and never without an end.
#[test]
fn older_events_are_read_when_their_end_is_reached() {
    let mut stage = in_events();
    let page = |newest: i64, count: usize| {
        let list = EventList::new(many_events(newest, count as i64), 1_000_000);
        Reply::Events(Ok(Box::new(Recent { list, service: service() })))
    };
    stage.reply(page(2_000_000, STEP));
    assert_eq!(stage.keys("Down"), []);
    let mut limit = STEP;
    while limit < state::MOST {
        limit += STEP;
        assert_eq!(stage.keys("End"), [Effect::WatchEvents { id: id("acme"), limit }]);
        let before = selected(&stage);
        assert_eq!(stage.keys("End Down"), [], "it is on its way");
        stage.reply(page(2_000_000, limit));
        assert_eq!(selected(&stage), before);
    }
    assert_eq!(stage.keys("End"), []);
}

#[test]
fn event_is_opened_whole_scrolls_and_closes() {
    let mut stage = in_events();
    let number = 99;
    assert_eq!(stage.keys("Down Enter"), [Effect::LoadEvent { id: id("acme"), number }]);
    assert_eq!(place(&stage.model), Place::EventPage);
    let lines: Vec<String> = (0..90).map(|line| format!("  \"{line}\": 1,")).collect();
    stage.reply(Reply::Event(Ok(Some(Body { lines, cut: 0 }))));
    let first = |stage: &Stage| stage.model.panes.events.open.as_ref().unwrap().text.first;
    stage.keys("End");
    let end = first(&stage);
    assert!(end > 70, "{end}");
    stage.keys("Down PgDn");
    assert_eq!(first(&stage), end);
    stage.keys("PgUp Up");
    assert!(first(&stage) < end - 10);
    // What comes in meanwhile closes nothing; what becomes known of its ticket is seen.
    let mut more = events();
    more[1].ticket_problem = Some("gone".to_owned());
    more.insert(0, event(101));
    stage.reply(recent(more));
    assert_eq!(stage.model.panes.events.open.as_ref().unwrap().event.ticket_problem.as_deref(), Some("gone"));
    stage.keys("Esc");
    assert_eq!((place(&stage.model), selected(&stage)), (Place::Pane(Pane::Events), Some(number)));
    // Its answer is late: nobody looks at it any more.
    stage.keys("Enter");
    assert_eq!(stage.keys("Esc"), [Effect::Cancel(Slot::Event)]);
    stage.reply(Reply::Event(Ok(None)));
    assert!(stage.model.panes.events.open.is_none());
}

#[test]
fn tickets_are_read_when_shown_and_stopped_with_esc() {
    let mut stage = in_events();
    assert_eq!(stage.keys("b"), [Effect::LoadTickets(id("acme"))]);
    assert_eq!(stage.keys("t"), [], "they are being read");
    assert_eq!(stage.keys("Esc"), [Effect::Cancel(Slot::Tickets)]);
    assert_eq!(place(&stage.model), Place::PaneTickets);
    assert_eq!(stage.keys("t"), [Effect::LoadTickets(id("acme"))]);
    stage.reply(Reply::Tickets(Ok(board())));
    stage.keys("Down");
    assert_eq!(stage.keys("t"), [Effect::LoadTickets(id("acme"))]);
    let mut other = board();
    other.tickets.swap(0, 1);
    stage.reply(Reply::Tickets(Ok(other)));
    assert_eq!(tickets::selected(&stage.model).unwrap().id, 33_470, "the same ticket on another row");
    stage.keys("Esc");
    assert_eq!(place(&stage.model), Place::Pane(Pane::Events));
    assert_eq!(stage.keys("b"), [], "they were read");
}

fn note(stage: &Stage) -> Option<&str> {
    match &stage.model.popup {
        Some(Popup::Escalate(question)) => Some(question.note.value()),
        _ => None,
    }
}

/// One key pressed twice, or held down, opens the question and does not answer it.
#[test]
fn question_is_not_answered_by_key_that_opened_it() {
    for keys in ["e Enter", "e e e Enter", "Enter e Enter"] {
        let mut stage = in_tickets();
        assert_eq!(stage.keys(keys), [], "{keys}");
        assert_eq!(note(&stage), Some(""));
        stage.read_plan();
        let mut held = key("Enter");
        held.kind = crossterm::event::KeyEventKind::Repeat;
        assert_eq!(stage.send(Message::Key(held)), []);
        assert_eq!(stage.keys("Enter").len(), 1);
    }
}

/// Enter opens in every list; what writes into Halo has a key of its own, behind the whole ticket.
#[test]
fn enter_opens_ticket_and_writes_nothing() {
    let mut stage = in_tickets();
    for _ in 0..3 {
        assert_eq!(stage.keys("Enter"), []);
        stage.read_plan();
        assert_eq!((place(&stage.model), note(&stage)), (Place::TicketPage, None));
    }
    stage.keys("Esc");
    assert_eq!(place(&stage.model), Place::PaneTickets);
    // The escalation's own key opens the ticket below its question.
    stage.keys("e");
    assert!(note(&stage).is_some());
    stage.keys("Esc");
    assert_eq!(place(&stage.model), Place::TicketPage);
    stage.keys("End PgUp Esc Esc");
    assert_eq!(place(&stage.model), Place::Pane(Pane::Events));
}

#[test]
fn ticket_is_escalated_once_with_its_note() {
    let mut stage = escalating();
    assert_eq!(stage.type_text("eq 1"), []);
    stage.paste("needs\na person\u{1b}");
    assert_eq!(note(&stage), Some("eq 1needs a person"));
    let effect = Effect::Escalate { id: id("acme"), ticket: 33_479, note: Some("eq 1needs a person".to_owned()) };
    assert_eq!(stage.keys("Enter"), [effect]);
    // A second one, of this ticket or of another, has to wait.
    for keys in ["e", "Esc Down e", "Esc e"] {
        assert_eq!(stage.keys(keys), [], "{keys}");
        assert!(notice(&stage).contains("33479 is being escalated"), "{}", notice(&stage));
        assert!(stage.model.popup.is_none());
    }
    assert!(next_wake(&stage.model, stage.now).is_some(), "its seconds are counted");
    stage.reply(Reply::Escalated(Ok(Box::new(escalation()))));
    let EscalateWork::Done { words, .. } = &stage.model.work.escalate else { panic!() };
    assert_eq!(words, "Ticket 33479 is now on Pia Escalations, assigned to Dana Scully; the note is added.");
    let left: Vec<i64> = tickets::tickets(&stage.model).iter().map(|ticket| ticket.id).collect();
    assert_eq!(left, [33_470, 33_401], "it left the board");
    stage.keys("e");
    assert!(note(&stage).is_some());
    stage.keys("Esc");
    assert!(stage.model.popup.is_none());
}

#[test]
fn ticket_of_event_is_escalated_and_refusal_is_shown() {
    let mut stage = in_events();
    stage.keys("End");
    assert_eq!(stage.keys("e"), []);
    assert_eq!(notice(&stage), "This event has no ticket.");
    stage.keys("Home Down Enter e");
    stage.read_plan();
    let effect = Effect::Escalate { id: id("acme"), ticket: 33_478, note: None };
    assert_eq!(stage.keys("Enter"), [effect]);
    stage.keys("1");
    let failure = Failure::new(FailureKind::Declined, "Halo refused to change the ticket");
    stage.reply(Reply::Escalated(Err(Known::Unchanged.because(failure))));
    assert!(notice(&stage).starts_with("Ticket 33478 was not escalated"), "{}", notice(&stage));
    assert_eq!(stage.model.notice.as_ref().unwrap().tone, Tone::Bad);
}

/// A note that Halo did not take stays, is shown and is offered again, for its own ticket alone, until Halo has it.
#[test]
fn note_that_halo_refused_is_kept_and_offered_again() {
    let mut stage = escalating();
    stage.type_text("call back");
    stage.keys("Enter");
    let refused = || Failure::new(FailureKind::MissingRight, "Halo refused to add a note to the ticket");
    stage.reply(Reply::Escalated(Err(Known::NoteMissing.because(refused()))));
    let told = |stage: &Stage| format!("{:?}", head(&stage.model));
    assert!(told(&stage).contains("Your note is kept and offered again: call back"), "{}", told(&stage));
    stage.keys("Esc Down e");
    assert_eq!(note(&stage), Some(""), "another ticket has its own");
    stage.keys("Esc Esc 2 4 b");
    stage.reply(Reply::Tickets(Ok(board())));
    stage.keys("Home e");
    assert_eq!(note(&stage), Some("call back"), "also once another pane was looked at");
    stage.read_plan();
    stage.type_text("!");
    let again = Effect::Escalate { id: id("acme"), ticket: 33_479, note: Some("call back!".to_owned()) };
    assert_eq!(stage.keys("Enter"), [again]);
    stage.reply(Reply::Escalated(Err(Known::NoteUnclear.because(refused()))));
    stage.keys("Home e");
    assert_eq!(note(&stage), Some("call back!"));
    stage.read_plan();
    stage.keys("Enter");
    stage.reply(Reply::Escalated(Ok(Box::new(escalation()))));
    assert!(stage.model.work.notes.is_empty() && !told(&stage).contains("kept"), "Halo has it");
}

/// Only the active configuration changes tickets.
#[test]
fn nothing_is_escalated_in_configuration_that_is_not_active() {
    let mut stage = Stage::with(overview(vec![
        saved("acme", "Acme MSP", true, true, true),
        saved("trial", "Trial", false, true, true),
    ]));
    stage.keys("^O Down Enter 4");
    stage.reply(recent(events()));
    assert_eq!(stage.keys("e"), []);
    assert!(notice(&stage).contains("not active"), "{}", notice(&stage));
}

/// Where another configuration is opened, the answer about the one before is still taken for that one.
#[test]
fn escalation_goes_on_while_another_configuration_is_open() {
    let two = overview(vec![saved("acme", "Acme MSP", true, true, true), saved("trial", "Trial", false, true, true)]);
    let mut stage = Stage::with(two);
    stage.keys("4");
    stage.reply(recent(events()));
    stage.keys("e");
    stage.read_plan();
    stage.keys("Enter ^O Down Enter");
    assert!(matches!(stage.model.work.escalate, EscalateWork::Running { .. }));
    stage.reply(Reply::Escalated(Ok(Box::new(escalation()))));
    assert!(notice(&stage).contains("Ticket 33479 is now on"), "{}", notice(&stage));
}

/// A note may be written and the ticket not be moved yet.
#[test]
fn quitting_asks_while_ticket_is_escalated() {
    let mut stage = in_panes();
    stage.keys("4");
    stage.reply(recent(events()));
    stage.keys("e");
    stage.read_plan();
    stage.keys("Enter");
    assert_eq!(stage.keys("q"), []);
    assert!(
        matches!(&stage.model.popup, Some(Popup::Confirm(confirm)) if confirm.ask.text()[0].contains("is being escalated"))
    );
}

fn with_service(change: impl FnOnce(&mut crate::domain::status::Status)) -> Stage {
    let mut stage = in_panes();
    let mut new = status("Acme MSP", true, true, true);
    change(&mut new);
    stage.reply(Reply::Status(Ok(standing(new))));
    stage
}

#[test]
fn warnings_are_given_where_events_are_expected_and_only_there() {
    let of =
        |stage: &Stage| warnings(&stage.model).iter().map(|warning| (warning.rule, warning.since)).collect::<Vec<_>>();
    assert_eq!(of(&in_panes()), []);
    assert_eq!(of(&with_service(|status| status.service.running = false)), [(Rule::Service, None)]);
    let old = at("2026-11-22T10:53:00Z");
    let silent = with_service(|status| {
        status.service.last_event_at = Some(old);
        status.service.since = Some(at("2026-11-01T00:00:00Z"));
    });
    assert_eq!(of(&silent), [(Rule::Silence, Some(old))]);
    // It has not run for a day yet: nothing could be heard before.
    assert_eq!(of(&with_service(|status| status.service.last_event_at = Some(old))), []);
    let never = |since: Option<&str>| {
        let since = since.map(at);
        with_service(move |status| (status.service.last_event_at, status.service.since) = (None, since))
    };
    assert_eq!(of(&never(None)), [(Rule::Silence, Some(at("2026-11-12T09:14:00Z")))]);
    assert_eq!(of(&never(Some("2026-11-23T09:00:00Z"))), []);
    let off = with_service(|status| {
        status.integration.deliveries = crate::app::testing::deliveries();
        status.integration.deliveries[1].state = crate::domain::delivery::DeliveryState::SwitchedOff;
    });
    assert_eq!(of(&off), [(Rule::WebhookOff, None)]);
    // Before Configure nothing is expected, and of a configuration that is not active neither.
    let new = |status: &mut crate::domain::status::Status| {
        status.service = Default::default();
        (status.integration.configured_at, status.integration.objects) = (None, Vec::new());
    };
    assert_eq!(of(&with_service(new)), []);
}

/// "3 min ago" becomes "4 min ago" by itself, once a minute and not more often; after a day only the sync gets older.
#[test]
fn age_of_last_event_is_told_by_minute_and_then_by_hour() {
    let mut stage = in_panes();
    let mut wakes = Vec::new();
    while let Some(moment) = next_wake(&stage.model, stage.now) {
        wakes.push(moment);
        stage.model.take_dirty();
        stage.now = moment;
        stage.send(Message::Wake);
        assert!(stage.model.is_dirty(), "{moment}: what is shown has changed");
    }
    assert_eq!(wakes[0], at("2026-11-23T10:54:00Z"));
    assert_eq!(wakes[56], at("2026-11-23T11:50:00Z"), "{:?}", wakes.get(56));
    assert_eq!(wakes[57], at("2026-11-23T12:50:00Z"));
    // From then on only how old the sync is means something else.
    assert_eq!(wakes[57 + 23], at("2026-11-24T10:50:00Z"));
    assert_eq!(wakes[57 + 24..], [at("2026-11-25T06:30:04Z")]);
    assert_eq!(warnings(&stage.model).len(), 1, "a day without an event");
    let idle = |model: &Model, now| next_wake(model, now);
    assert_eq!(idle(&stage.model, stage.now + SignedDuration::from_hours(1)), None);
}

/// It stays closed, which whoever hands it over has to know before.
#[test]
fn question_about_closed_ticket_says_that_it_stays_closed() {
    for (status, closed) in [
        ("Resolved", Some("The ticket is closed (Resolved), and escalating does not open it again.")),
        ("In Progress", None),
    ] {
        let mut board = board();
        board.tickets[0].status = Some(foreign(status));
        let mut stage = in_events();
        stage.keys("b");
        stage.reply(Reply::Tickets(Ok(board)));
        stage.keys("e");
        let Some(Popup::Escalate(question)) = &stage.model.popup else { panic!("no question") };
        assert_eq!(stays_closed(question).as_deref(), closed);
    }
}
