//! The events, read out.

use super::dialogue::Dialogue;
use super::person::Person;
use super::words::sentence;
use crate::app::effect::Slot;
use crate::app::message::Message;
use crate::app::service::{self, warnings};
use crate::domain::event::Event;
use crate::domain::next::Next;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::tui::hangup::Exit;
use crate::words;
use crate::words::time::moment;

/// Rows that are read out at once.
const PAGE: usize = 10;

impl<P: Person> Dialogue<P> {
    /// How the service stands, what is to be worried about, and the events, newest first.
    pub(super) async fn events(&mut self) -> Result<(), Exit> {
        for slot in [Slot::Status, Slot::Watch] {
            self.send(Message::Read(slot)).await?;
        }
        if let Some(failure) = self.model().panes.events.failed.clone() {
            self.say_failure(&failure);
            return Ok(());
        }
        let service = service::words(self.model()).unwrap_or_default().join(", ");
        self.say(sentence(&service));
        for warning in warnings(self.model()) {
            self.say(format!("Warning: {}.", warning.short()));
        }
        let mut from = 0;
        loop {
            let list = self.model().panes.events.list();
            let (count, total) = (list.len(), list.total());
            let lines: Vec<String> =
                list.events().skip(from).take(PAGE).map(|event| line(self.model().now, event)).collect();
            if count == 0 {
                self.say(format!("No events yet. Halo sends them to {}.", Next::Serve));
            } else if from == 0 {
                self.say(format!("{} events are kept, the newest first.", thousands(total)));
            }
            self.say_all(lines);
            let rest = count.saturating_sub(from + PAGE);
            if rest == 0 {
                self.say(format!(
                    "To list the tickets on the Pia Board: {}. To escalate one: {}",
                    Next::Tickets,
                    Next::Escalate
                ));
                return Ok(());
            }
            if !self.reads_on(rest).await? {
                return Ok(());
            }
            from += PAGE;
        }
    }
}

fn line(now: jiff::Timestamp, event: &Event) -> String {
    let client = event.ticket.as_ref().and_then(|ticket| ticket.client.as_ref());
    let client = client.map(|client| format!(", {}", Untrusted::display(client))).unwrap_or_default();
    let ticket = event.ticket_id.map_or_else(|| "no ticket".to_owned(), |id| format!("ticket {id}"));
    let (_, _, board) = words::event::board(event);
    format!("{} UTC: {}, {ticket}{client}, {board}", moment(now, event.received_at), words::event::name(event))
}
