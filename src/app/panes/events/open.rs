//! One event: its ticket as Halo gave it, whether it was forwarded, and its body; and one ticket of the Pia Board.

use crate::app::controls::Move;
use crate::app::effect::{Effect, Slot};
use crate::app::jobs::tickets;
use crate::app::model::Model;
use crate::app::notice::Tone;
use crate::app::service;
use crate::app::text::wrap;
use crate::domain::body::Body;
use crate::domain::event::{EVENTS_KEPT_DAYS, Event, ForwardState, Forwarding};
use crate::domain::failure::Failure;
use crate::domain::next::Next;
use crate::domain::thousands;
use crate::domain::ticket::Ticket;
use crate::domain::untrusted::Untrusted;
use crate::keys::KeyMap;
use crate::words::{self, Phrase};

use super::list::EventList;
pub use super::state::{Line, Opened, OpenedTicket, Text};

/// Columns of the labels.
pub const LABEL: usize = 11;

/// Why none can be opened.
pub fn refusal(model: &Model) -> Option<String> {
    model.panes.events.selected().is_none().then(|| "No event is selected.".to_owned())
}

/// Opens the selected event.
pub fn open(model: &mut Model) -> Vec<Effect> {
    let (Some(event), Some(id)) = (model.panes.events.selected().cloned(), model.current.clone()) else {
        return Vec::new();
    };
    let number = event.number;
    model.panes.events.note_selected();
    model.panes.events.open = Some(Opened { event, body: None, text: Text::default() });
    model.touch();
    vec![Effect::LoadEvent { id, number }]
}

pub fn close(model: &mut Model) -> Vec<Effect> {
    model.touch();
    let unread = model.panes.events.open.take().is_some_and(|opened| opened.body.is_none());
    if unread { vec![Effect::Cancel(Slot::Event)] } else { Vec::new() }
}

/// The body was read.
pub fn read(model: &mut Model, outcome: Result<Option<Body>, Failure>) {
    if let Some(opened) = &mut model.panes.events.open {
        opened.body = Some(outcome);
        model.touch();
    }
}

/// The events were read again: its ticket may be known by now.
pub fn refresh(model: &mut Model) {
    let events = &mut model.panes.events;
    let Some(opened) = &mut events.open else { return };
    if let Some(event) = events.list.events().find(|event| event.number == opened.event.number) {
        opened.event.clone_from(event);
    }
}

pub fn height(model: &Model) -> usize {
    let above = service::head_height(model) + 3;
    usize::from(model.layout.body.height).saturating_sub(above).max(1)
}

/// Opens the selected ticket of the Pia Board.
pub fn open_ticket(model: &mut Model) {
    let Some(ticket) = tickets::selected(model).cloned() else { return };
    model.panes.events.ticket = Some(OpenedTicket { ticket, text: Text::default() });
    model.touch();
}

/// Lays the lines out anew: another width, or something new is known.
pub fn settle(model: &mut Model) {
    let (columns, height) = (usize::from(model.layout.body.width).saturating_sub(6).max(20), height(model));
    let events = &mut model.panes.events;
    if let Some(opened) = &mut events.open {
        let lines = lines(opened, columns, &model.keys);
        opened.text.set(lines, height);
    }
    if let Some(opened) = &mut events.ticket {
        opened.text.set(ticket_lines(&opened.ticket, &events.list, columns), height);
    }
}

/// Scrolls the event or the ticket that is open.
pub fn scroll(model: &mut Model, to: Move) {
    let height = height(model);
    let events = &mut model.panes.events;
    let text = match (&mut events.open, &mut events.ticket) {
        (_, Some(opened)) if events.tickets => Some(&mut opened.text),
        (Some(opened), _) => Some(&mut opened.text),
        _ => None,
    };
    if text.is_some_and(|text| text.scroll(to, height)) {
        model.touch();
    }
}

/// What is known of an event beside its body.
pub fn facts(event: &Event, keys: &KeyMap) -> Vec<(&'static str, String, Tone)> {
    let mut facts = vec![
        ("Received", event.received_at.strftime("%a %d %b %Y %H:%M:%S UTC").to_string(), Tone::Calm),
        ("Event", words::event::name(event), Tone::Calm),
        ("Group", event.group.webhook_name().to_owned(), Tone::Calm),
        ("Ticket", event.ticket_id.map_or_else(|| "none".to_owned(), |id| id.to_string()), Tone::Calm),
    ];
    facts.extend(event.remarks().into_iter().map(|remark| ("", Untrusted::new(remark).display(), Tone::Warn)));
    facts.extend(event.ticket.as_ref().map(ticket_facts).into_iter().flatten());
    facts.extend(
        event.ticket_problem.as_ref().map(|problem| ("", Untrusted::new(problem.as_str()).display(), Tone::Warn)),
    );
    let (tone, _, board) = words::event::board(event);
    facts.push(("Pia Board", board.to_owned(), tone));
    let (tone, handed) = forwarded(event.forwarding.as_ref(), keys);
    facts.push(("Forwarded", handed, tone));
    facts.push(("Id", event.id.clone(), Tone::Calm));
    facts
}

/// What is known of a ticket.
pub fn ticket_facts(ticket: &Ticket) -> Vec<(&'static str, String, Tone)> {
    let agent = match (&ticket.agent, ticket.agent_id) {
        (Some(agent), Some(_)) => agent.display(),
        (None, Some(id)) => format!("agent {id}"),
        (_, None) => "nobody".to_owned(),
    };
    let of = |label, text: &Option<Untrusted>| text.as_ref().map(|text| (label, text.display(), Tone::Calm));
    let known = [
        of("Summary", &ticket.summary),
        of("Client", &ticket.client),
        of("Board", &ticket.team),
        of("Status", &ticket.status),
        of("Type", &ticket.ticket_type),
        Some(("Agent", agent, Tone::Calm)),
    ];
    known.into_iter().flatten().collect()
}

fn forwarded(forwarding: Option<&Forwarding>, keys: &KeyMap) -> (Tone, String) {
    let Some(forwarding) = forwarding else {
        return (Tone::Calm, format!("off; to forward events: {}", Next::ForwardTo));
    };
    let tries = match forwarding.attempts {
        1 => "1 try".to_owned(),
        tries => format!("{} tries", thousands(u64::from(tries))),
    };
    let error = forwarding.last_error.as_ref();
    let error = error.map(|error| format!(": {}", Untrusted::new(error.as_str()).display())).unwrap_or_default();
    match forwarding.state {
        ForwardState::Delivered => (Tone::Good, format!("delivered, {tries}")),
        ForwardState::Pending => {
            let next = forwarding.next_at.map(|at| format!(", next {}", words::time::short(at)));
            (Tone::Calm, format!("waiting, {tries}{}{error}", next.unwrap_or_default()))
        }
        ForwardState::Undelivered => {
            let words = Phrase::from(format!("undelivered, given up after {tries}{error}. To try again: "));
            (Tone::Bad, words.next(&Next::SendAgain).with_keys(keys))
        }
    }
}

fn paired(facts: Vec<(&'static str, String, Tone)>, columns: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for (label, value, tone) in facts {
        for (at, part) in wrap(&value, columns.saturating_sub(LABEL)).into_iter().enumerate() {
            lines.push(Line::Pair(if at == 0 { label } else { "" }, part, tone));
        }
    }
    lines
}

// The ticket as Halo has it, and what its events told.
fn ticket_lines(ticket: &Ticket, list: &EventList, columns: usize) -> Vec<Line> {
    let mut lines = paired(ticket_facts(ticket), columns);
    lines.extend([Line::Blank, Line::Title("Events")]);
    let before = lines.len();
    for event in list.events().filter(|event| event.ticket_id == Some(ticket.id)) {
        let row = format!("{}  {}", words::time::short(event.received_at), words::event::name(event));
        lines.extend(wrap(&row, columns).into_iter().map(Line::Body));
    }
    if lines.len() == before {
        lines.push(Line::Body("None stored.".to_owned()));
    }
    lines
}

fn lines(opened: &Opened, columns: usize, keys: &KeyMap) -> Vec<Line> {
    let mut lines = paired(facts(&opened.event, keys), columns);
    lines.extend([Line::Blank, Line::Title("Body")]);
    match &opened.body {
        None => lines.push(Line::Help("Reading it.".to_owned())),
        Some(Ok(None)) => {
            lines.push(Line::Help(format!("No longer kept: events are kept for {EVENTS_KEPT_DAYS} days.")));
        }
        Some(Err(failure)) => lines.extend(wrap(&failure.to_string(), columns).into_iter().map(Line::Help)),
        Some(Ok(Some(body))) => {
            lines.extend(body.lines.iter().flat_map(|line| indented(line, columns)).map(Line::Body));
            if body.cut > 0 {
                let words =
                    format!("{} more lines. To print them all: {}", thousands(body.cut as u64), Next::ShowEvent);
                lines.extend(wrap(&words, columns).into_iter().map(Line::Help));
            }
        }
    }
    lines
}

// What does not fit goes on below, one step further in.
fn indented(line: &str, columns: usize) -> Vec<String> {
    let text = line.trim_start();
    let indent = (line.len() - text.len()).min(columns / 2);
    let room = columns.saturating_sub(indent + 2).max(8);
    let behind = |at: usize| " ".repeat(if at == 0 { indent } else { indent + 2 });
    wrap(text, room).into_iter().enumerate().map(|(at, part)| behind(at) + &part).collect()
}
