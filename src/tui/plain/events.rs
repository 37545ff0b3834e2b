//! The events and the tickets, read out.

use super::dialogue::{Answer, Dialogue, PAGE, Picked, Question};
use super::person::Person;
use super::words::{failure, sentence};
use crate::app::effect::Slot;
use crate::app::go::Go;
use crate::app::jobs::escalate::stays_closed;
use crate::app::jobs::state::{EscalateWork, TicketWork};
use crate::app::jobs::tickets;
use crate::app::keymap::{Command, Pane};
use crate::app::message::Message;
use crate::app::panes::events::open::ticket_facts;
use crate::app::popup::Popup;
use crate::app::service::{self, warnings};
use crate::domain::event::Event;
use crate::domain::next::Next;
use crate::domain::secret::Secret;
use crate::domain::thousands;
use crate::domain::ticket::Ticket;
use crate::domain::untrusted::Untrusted;
use crate::tui::hangup::Exit;
use crate::words;
use crate::words::health::short;
use crate::words::time::moment;

impl<P: Person> Dialogue<P> {
    /// How the service stands, what is to be worried about, and the events, newest first.
    pub(super) async fn events(&mut self) -> Result<(), Exit> {
        self.read_events().await?;
        if let Some(failure) = self.model().panes.events.failed.clone() {
            self.say_failure(&failure);
            return Ok(());
        }
        let service = service::words(self.model()).unwrap_or_default().join(", ");
        self.say(sentence(&service));
        for warning in warnings(self.model()) {
            self.say(format!("Warning: {}.", short(&warning)));
        }
        let mut from = 0;
        loop {
            let (events, now) = (&self.model().panes.events, self.model().now);
            let (count, total) = (events.count(), events.list().total());
            let rows = (from..count).take(PAGE).filter_map(|at| events.row(at));
            let lines: Vec<String> = rows.map(|event| event_line(now, event)).collect();
            if count == 0 && total > 0 {
                self.say("No event matches.");
            } else if count == 0 {
                self.say(format!("No events yet. Halo sends them to {}.", Next::Serve));
            } else if from == 0 {
                self.say(match total {
                    1 => "1 event is kept.".to_owned(),
                    _ => format!("{} events are kept, the newest first.", thousands(total)),
                });
            }
            self.say_all(lines);
            let rest = count.saturating_sub(from + PAGE);
            if rest == 0 {
                return Ok(());
            }
            if !self.reads_on(rest).await? {
                return Ok(());
            }
            from += PAGE;
        }
    }

    /// Reads the events, and how the service stands.
    pub(super) async fn read_events(&mut self) -> Result<(), Exit> {
        for slot in [Slot::Status, Slot::Watch] {
            self.send(Message::Read(slot)).await?;
        }
        Ok(())
    }

    /// The open tickets on the Pia Board: one of them whole, and handed over to people on a yes.
    pub(super) async fn tickets(&mut self) -> Result<(), Exit> {
        self.go(Go::Pane(Pane::Events)).await?;
        if !self.model().panes.events.tickets {
            self.order(Command::Tickets).await?;
        }
        if let TicketWork::Failed(failure) = &self.model().work.tickets {
            let failure = failure.clone();
            self.say_failure(&failure);
            return Ok(());
        }
        let all = tickets::tickets(self.model());
        let listed: Vec<String> = all.iter().take(PAGE).map(ticket_line).collect();
        if listed.is_empty() {
            self.say("No open tickets on this board.");
            return Ok(());
        }
        if all.len() > PAGE {
            let words =
                format!("The newest {PAGE} of {}. To list them all: {}", thousands(all.len() as u64), Next::Tickets);
            self.say(words);
        }
        let Picked::Row(row) = self.pick(&listed, None, "Which ticket").await? else { return Ok(()) };
        for command in std::iter::once(Command::First).chain(std::iter::repeat_n(Command::Down, row)) {
            self.order(command).await?;
        }
        self.order(Command::OpenTicket).await?;
        let facts = self.model().panes.events.ticket.as_ref().map(|opened| ticket_facts(&opened.ticket));
        self.say_all(facts.into_iter().flatten().map(|(label, value, _)| format!("{label}: {value}")));
        self.escalate().await?;
        self.order(Command::Back).await
    }

    async fn escalate(&mut self) -> Result<(), Exit> {
        if !self.yes_or_no("Escalate it? y is Escalate, n is No, Enter is No: ", Vec::new(), false).await? {
            return Ok(());
        }
        self.order(Command::Escalate).await?;
        let Some(Popup::Escalate(question)) = &self.model().popup else { return Ok(()) };
        let closed = stays_closed(question);
        self.say_all(closed);
        let prompt = "Optional note for the next agent, Enter leaves it out, < escalates nothing: ";
        let Answer::Line(note) = self.ask(&Question::text(prompt.to_owned(), Vec::new())).await? else {
            return self.order(Command::ClosePopup).await;
        };
        self.send(Message::Paste(Secret::new(note.trim()))).await?;
        self.order(Command::EscalateNow).await?;
        let told: Vec<String> = match &self.model().work.escalate {
            EscalateWork::Done { words, .. } => vec![words.clone()],
            EscalateWork::Failed { ticket, unfinished, .. } => {
                std::iter::once(format!("{}.", unfinished.known.words(*ticket)))
                    .chain(failure(&unfinished.failure))
                    .collect()
            }
            _ => Vec::new(),
        };
        self.say_all(told);
        Ok(())
    }
}

fn ticket_line(ticket: &Ticket) -> String {
    let text = |text: &Option<Untrusted>| text.as_ref().map(|text| format!(", {}", text.display())).unwrap_or_default();
    format!("{}{}{}{}", ticket.id, text(&ticket.summary), text(&ticket.client), text(&ticket.status))
}

/// An event, as a line.
pub(super) fn event_line(now: jiff::Timestamp, event: &Event) -> String {
    let client = event.ticket.as_ref().and_then(|ticket| ticket.client.as_ref());
    let client = client.map(|client| format!(", {}", Untrusted::display(client))).unwrap_or_default();
    let ticket = event.ticket_id.map_or_else(|| "no ticket".to_owned(), |id| format!("ticket {id}"));
    let (_, _, board) = words::event::board(event);
    format!("{} UTC: {}, {ticket}{client}, {board}", moment(now, event.received_at), words::event::name(event))
}
