//! Handing a ticket over to people: the question, and what came of it.

use jiff::{SignedDuration, Timestamp};
use tui_input::Input;

use crate::app::effect::Effect;
use crate::app::jobs::state::EscalateWork;
use crate::app::model::Model;
use crate::app::notice::Tone;
use crate::app::popup::{Popup, Question};
use crate::domain::ticket::{Escalation, Known, Ticket, Unfinished};
use crate::domain::untrusted::Untrusted;
use crate::keys::Pane;
use crate::words;

use super::tickets::selected;

/// How long a question stands before a key can answer it: whoever presses one key twice has not read it.
const READING: SignedDuration = SignedDuration::from_millis(500);

// What `e` is about: the ticket, and what is known of it.
fn meant(model: &Model) -> Option<(i64, Option<&Ticket>)> {
    let events = &model.panes.events;
    if events.tickets {
        let ticket = events.ticket.as_ref().map(|opened| &opened.ticket).or_else(|| selected(model))?;
        return Some((ticket.id, Some(ticket)));
    }
    let event = events.open.as_ref().map(|opened| &opened.event).or_else(|| events.selected())?;
    // The newest word on it may have come with a later event.
    let newest = events.list().events().filter(|other| other.ticket_id == event.ticket_id);
    let known = newest.filter_map(|other| other.ticket.as_ref()).next();
    event.ticket_id.map(|id| (id, known))
}

/// Why no ticket can be escalated now.
pub fn refusal(model: &Model) -> Option<String> {
    if let EscalateWork::Running { ticket, .. } = &model.work.escalate {
        return Some(format!("Ticket {ticket} is being escalated. One at a time."));
    }
    if !model.is_active() {
        return Some("This configuration is not active: only the active one changes tickets.".to_owned());
    }
    if meant(model).is_none() {
        let events = &model.panes.events;
        let none = if events.tickets || events.selected().is_none() {
            "No ticket is selected."
        } else {
            "This event has no ticket."
        };
        return Some(none.to_owned());
    }
    None
}

/// Asks before a ticket is escalated.
pub fn ask(model: &mut Model) -> Vec<Effect> {
    let Some((ticket, known)) = meant(model) else { return Vec::new() };
    let known = known.cloned();
    let kept = model.current.clone().and_then(|id| model.work.notes.get(&(id, ticket)).cloned());
    let note = kept.map_or_else(Input::default, Input::new);
    let question = Question { ticket, known, note, since: model.now };
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

/// Whoever answers line by line has read the question.
pub fn note_read(model: &mut Model) {
    if let Some(Popup::Escalate(question)) = &mut model.popup {
        question.since = Timestamp::MIN;
    }
}

/// Why the question cannot be answered now.
pub fn now_refusal(model: &Model) -> Option<String> {
    accepts_from(model)
        .filter(|from| model.now < *from)
        .map(|_| "This question just appeared: read it first.".to_owned())
}

/// What the escalation makes of the ticket: the name of each thing, what it is now, and what it becomes.
pub fn changes(model: &Model, question: &Question) -> [(&'static str, String, String); 2] {
    let pia = model.current_saved().map(|saved| saved.configuration.pia_screen.clone()).unwrap_or_default();
    let known = question.known.as_ref();
    let text = |text: Option<&Untrusted>, none: &str| text.map_or_else(|| none.to_owned(), Untrusted::display);
    let unread = "not read yet";
    let from_board = text(known.and_then(|ticket| ticket.team.as_ref()), if known.is_some() { "–" } else { unread });
    let from_agent = match known {
        Some(Ticket { agent_id: None, .. }) => NOBODY.to_owned(),
        Some(ticket) => text(ticket.agent.as_ref(), "an agent"),
        None => unread.to_owned(),
    };
    let to_agent = pia.escalate_to.map_or_else(|| NOBODY.to_owned(), |to| Untrusted::new(to.name).display());
    let to_board = Untrusted::new(pia.escalation_board).display();
    [("Board", from_board, to_board), ("Agent", from_agent, to_agent)]
}

const NOBODY: &str = "nobody";

/// Why the escalation has nothing to do: the ticket is where it would go, and there is no note for it.
pub fn nothing_to_do(model: &Model) -> Option<String> {
    let Some(Popup::Escalate(question)) = &model.popup else { return None };
    let is_same = changes(model, question).iter().all(|(_, before, after)| before == after);
    let nothing = is_same && question.note.value().trim().is_empty();
    nothing.then(|| "The ticket is there already. Type a note to add it, or leave with Esc.".to_owned())
}

/// That the ticket is over already, as far as its status says so by its name.
pub fn stays_closed(question: &Question) -> Option<String> {
    question.known.as_ref().and_then(Ticket::sounds_over).map(words::tickets::stays_closed)
}

/// The answer is yes.
pub fn escalate(model: &mut Model) -> Vec<Effect> {
    let (Some(Popup::Escalate(question)), Some(id)) = (model.popup.take(), model.current.clone()) else {
        return Vec::new();
    };
    model.touch();
    if let Some(reason) = refusal(model) {
        model.say(Tone::Warn, reason);
        return Vec::new();
    }
    let ticket = question.ticket;
    let note = Some(question.note.value().trim().to_owned()).filter(|note| !note.is_empty());
    model.work.escalate = EscalateWork::Running { id: id.clone(), ticket, note: note.clone(), since: model.now };
    vec![Effect::Escalate { id, ticket, note }]
}

pub fn escalated(model: &mut Model, outcome: Result<Escalation, Unfinished>) {
    let EscalateWork::Running { id, ticket, note: given, .. } = &model.work.escalate else { return };
    let (id, ticket, given) = (id.clone(), *ticket, given.clone());
    model.work.notes.remove(&(id.clone(), ticket));
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
            if let Some(given) = given.filter(|_| unfinished.known != Known::Unrecorded) {
                model.work.notes.insert((id.clone(), ticket), given);
            }
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
    if let Some(opened) = model.panes.events.ticket.as_mut().filter(|opened| opened.ticket.id == now.id) {
        opened.ticket = now.clone();
    }
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
    words::tickets::escalated(done, board.unwrap_or_default(), false) + "."
}
