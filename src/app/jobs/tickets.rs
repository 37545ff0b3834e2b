//! The open tickets on the Pia Board, as Halo has them.

use crate::app::effect::{Effect, Slot};
use crate::app::jobs::state::TicketWork;
use crate::app::model::Model;
use crate::app::notice::Tone;
use crate::domain::failure::Failure;
use crate::domain::ticket::{BoardTickets, Ticket};
use crate::words::Phrase;

/// The tickets as they were last read.
pub fn tickets(model: &Model) -> &[Ticket] {
    model.work.board.as_ref().map_or(&[], |(_, board)| &board.tickets)
}

pub fn selected(model: &Model) -> Option<&Ticket> {
    tickets(model).get(model.panes.events.board.selected)
}

/// Why the tickets cannot be read now.
pub fn read_refusal(model: &Model) -> Option<String> {
    matches!(model.work.tickets, TicketWork::Reading { .. }).then(|| "The tickets are already being read.".to_owned())
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
    model.say(Tone::Calm, Phrase::from("Stopped.").key(" Read the tickets with ", "check_halo", "."));
    vec![Effect::Cancel(Slot::Tickets)]
}

pub fn take(model: &mut Model, outcome: Result<BoardTickets, Failure>) {
    if !matches!(model.work.tickets, TicketWork::Reading { .. }) {
        return;
    }
    let before = selected(model).map(|ticket| ticket.id);
    model.work.tickets = match outcome {
        Ok(board) => {
            let row = before.and_then(|id| board.tickets.iter().position(|ticket| ticket.id == id));
            if let Some(opened) = &mut model.panes.events.ticket
                && let Some(ticket) = board.tickets.iter().find(|ticket| ticket.id == opened.ticket.id)
            {
                opened.ticket = ticket.clone();
            }
            model.work.board = Some((model.now, board));
            model.panes.events.board.selected = row.unwrap_or_default();
            TicketWork::None
        }
        Err(failure) => TicketWork::Failed(failure),
    };
    model.touch();
}
