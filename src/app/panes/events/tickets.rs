//! The open tickets on the Pia Board, and handing one over to people.

use jiff::{SignedDuration, Timestamp};
use tui_input::Input;

use crate::app::effect::{Effect, Slot};
use crate::app::keymap::spoken;
use crate::app::model::Model;
use crate::app::notice::Tone;
use crate::app::popup::Popup;
use crate::app::work::{EscalateWork, TicketWork};
use crate::domain::failure::Failure;
use crate::domain::ticket::{BoardTickets, Escalation, Ticket, Unfinished};
use crate::domain::untrusted::Untrusted;

use super::super::Pane;

/// How long a question stands before a key can answer it: whoever presses one key twice has not read it.
const READING: SignedDuration = SignedDuration::from_millis(500);

/// The question before a ticket is escalated.
#[derive(Debug)]
pub struct Question {
    /// The ticket.
    pub ticket: i64,
    /// The ticket as it was last read from Halo, where it was.
    pub known: Option<Ticket>,
    /// The note for whoever takes it over.
    pub note: Input,
    /// Since when it stands.
    pub since: Timestamp,
}

/// The tickets as they were last read.
pub fn tickets(model: &Model) -> &[Ticket] {
    model.work.board.as_ref().map_or(&[], |(_, board)| &board.tickets)
}

/// The selected ticket.
pub fn selected(model: &Model) -> Option<&Ticket> {
    tickets(model).get(model.panes.events.board.selected)
}

/// Rows of tickets that fit.
pub fn height(model: &Model) -> usize {
    let above = super::super::service::head_height(model) + 5;
    usize::from(model.layout.body.height).saturating_sub(above).max(1)
}

/// From the events to the tickets, and back.
pub fn turn(model: &mut Model) -> Vec<Effect> {
    model.panes.events.tickets = !model.panes.events.tickets;
    model.panes.events.searching = false;
    model.touch();
    if model.panes.events.tickets && model.work.board.is_none() && read_refusal(model).is_none() {
        return read(model);
    }
    Vec::new()
}

/// Why the tickets cannot be read now.
pub fn read_refusal(model: &Model) -> Option<String> {
    matches!(model.work.tickets, TicketWork::Reading { .. }).then(|| "The tickets are being read already.".to_owned())
}

/// Reads them from Halo.
pub fn read(model: &mut Model) -> Vec<Effect> {
    let Some(id) = model.current.clone() else { return Vec::new() };
    model.work.tickets = TicketWork::Reading { since: model.now };
    model.touch();
    vec![Effect::LoadTickets(id)]
}

/// Stops reading them. What was read before stays.
pub fn stop(model: &mut Model) -> Vec<Effect> {
    model.work.tickets = TicketWork::None;
    model.say(Tone::Calm, format!("Stopped. {} reads the tickets.", spoken(model, "check_halo")));
    vec![Effect::Cancel(Slot::Tickets)]
}

/// They were read.
pub fn take(model: &mut Model, outcome: Result<BoardTickets, Failure>) {
    if !matches!(model.work.tickets, TicketWork::Reading { .. }) {
        return;
    }
    let before = selected(model).map(|ticket| ticket.id);
    model.work.tickets = match outcome {
        Ok(board) => {
            let row = before.and_then(|id| board.tickets.iter().position(|ticket| ticket.id == id));
            model.work.board = Some((model.now, board));
            model.panes.events.board.selected = row.unwrap_or_default();
            TicketWork::None
        }
        Err(failure) => TicketWork::Failed(failure),
    };
    model.touch();
}

// What `e` is about: the ticket, and what is known of it.
fn meant(model: &Model) -> Option<(i64, Option<&Ticket>)> {
    let events = &model.panes.events;
    if events.tickets {
        return selected(model).map(|ticket| (ticket.id, Some(ticket)));
    }
    let event = events.open.as_ref().map(|opened| &opened.event).or_else(|| events.selected())?;
    // The newest word on it may have come with a later event.
    let newest = events.list().events().filter(|other| other.ticket_id == event.ticket_id);
    let known = newest.filter_map(|other| other.ticket.as_ref()).next();
    event.ticket_id.map(|id| (id, known))
}

/// Why no ticket can be escalated now.
pub fn escalate_refusal(model: &Model) -> Option<String> {
    if let EscalateWork::Running { ticket, .. } = &model.work.escalate {
        return Some(format!("Ticket {ticket} is being escalated: one at a time."));
    }
    if !model.is_active() {
        return Some("This configuration is not active: only the active one changes tickets.".to_owned());
    }
    if meant(model).is_none() {
        let events = &model.panes.events;
        let none = if events.tickets || events.selected().is_none() {
            "No ticket is selected."
        } else {
            "This event names no ticket."
        };
        return Some(none.to_owned());
    }
    None
}

/// Asks before a ticket is escalated.
pub fn ask(model: &mut Model) -> Vec<Effect> {
    let Some((ticket, known)) = meant(model) else { return Vec::new() };
    let question = Question { ticket, known: known.cloned(), note: Input::default(), since: model.now };
    model.popup = Some(Popup::Escalate(Box::new(question)));
    model.touch();
    Vec::new()
}

/// From when on the question that floats can be answered.
pub fn accepts_from(model: &Model) -> Option<Timestamp> {
    match &model.popup {
        Some(Popup::Escalate(question)) => question.since.checked_add(READING).ok(),
        _ => None,
    }
}

/// Why the question cannot be answered now.
pub fn now_refusal(model: &Model) -> Option<String> {
    accepts_from(model)
        .filter(|from| model.now < *from)
        .map(|_| "The question has only just come up: read it first.".to_owned())
}

/// The answer is yes.
pub fn escalate(model: &mut Model) -> Vec<Effect> {
    let (Some(Popup::Escalate(question)), Some(id)) = (model.popup.take(), model.current.clone()) else {
        return Vec::new();
    };
    model.touch();
    if let Some(reason) = escalate_refusal(model) {
        model.say(Tone::Warn, reason);
        return Vec::new();
    }
    let ticket = question.ticket;
    let note = Some(question.note.value().trim().to_owned()).filter(|note| !note.is_empty());
    model.work.escalate = EscalateWork::Running { id: id.clone(), ticket, since: model.now };
    vec![Effect::Escalate { id, ticket, note }]
}

/// It has ended.
pub fn escalated(model: &mut Model, outcome: Result<Escalation, Unfinished>) {
    let EscalateWork::Running { id, ticket, .. } = &model.work.escalate else { return };
    let (id, ticket) = (id.clone(), *ticket);
    let is_shown = model.panes.pane == Pane::Events && model.current.as_ref() == Some(&id);
    model.work.escalate = match outcome {
        Ok(done) => {
            let words = words(model, &done);
            if !is_shown {
                model.say(Tone::Good, words.clone());
            }
            note(model, &done.ticket);
            EscalateWork::Done { id, words }
        }
        Err(unfinished) => {
            if !is_shown {
                model.say(Tone::Bad, format!("{}: {}", unfinished.known.words(ticket), unfinished.failure));
            }
            EscalateWork::Failed { id, ticket, unfinished }
        }
    };
    model.touch();
}

// The list says of the ticket what Halo says of it now; where it left the board, it leaves the list.
fn note(model: &mut Model, now: &Ticket) {
    let board = model.current_saved().map(|saved| saved.configuration.pia_screen.pia_board.clone()).unwrap_or_default();
    let Some((_, read)) = &mut model.work.board else { return };
    let Some(at) = read.tickets.iter().position(|ticket| ticket.id == now.id) else { return };
    if now.is_on(&board) {
        read.tickets[at] = now.clone();
    } else {
        read.tickets.remove(at);
    }
}

fn words(model: &Model, done: &Escalation) -> String {
    let board = model.current_saved().map(|saved| saved.configuration.pia_screen.escalation_board.as_str());
    let team = done.ticket.team.as_ref().map(Untrusted::display);
    let board = team.or_else(|| board.map(|board| Untrusted::new(board).display())).unwrap_or_default();
    let agent = match (&done.ticket.agent, done.ticket.agent_id) {
        (Some(agent), Some(_)) => format!("assigned to {agent}"),
        (None, Some(agent)) => format!("assigned to agent {agent}"),
        (_, None) => "unassigned".to_owned(),
    };
    let stands = if done.moved { "stands" } else { "stood already" };
    let noted = if done.noted { "; the note is added" } else { "" };
    format!("Ticket {} {stands} on {board}, {agent}{noted}.", done.ticket.id)
}
