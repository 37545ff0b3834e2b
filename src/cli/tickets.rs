//! `tickets` and `escalate`: what stands on the Pia Board, and handing it over to people.

use serde_json::json;

use super::Call;
use super::args::Escalate;
use crate::domain::failure::Failure;
use crate::domain::next::Next;
use crate::domain::ticket::Ticket;
use crate::domain::untrusted::Untrusted;
use crate::{ops, words};

pub(super) async fn list(call: &mut Call) -> Result<u8, Failure> {
    let workspace = call.read()?;
    let (id, configuration) = call.active(&workspace)?;
    let found = ops::tickets::on_pia_board(&workspace, &id, &configuration, call.cancel.clone()).await?;
    let board = Untrusted::new(&*configuration.pia_screen.pia_board);
    if call.output.json {
        let object = json!({
            "board": board,
            "board_exists": found.board_exists,
            "tickets": found.tickets,
            "cut": found.cut,
        });
        call.output.object(&object)?;
        return Ok(0);
    }
    for ticket in &found.tickets {
        call.output.line(line(ticket));
    }
    if found.tickets.is_empty() {
        call.output.say(format!("No open tickets on the board {board}."));
    }
    if !found.board_exists {
        let check = call.next(&Next::Check);
        call.output.warn(format!("Halo has no team {board}: it may have been renamed. To check it: {check}"));
    }
    if found.cut {
        call.output.warn("There may be more: not all open tickets were read.");
    }
    Ok(0)
}

pub(super) async fn escalate(call: &mut Call, options: Escalate) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let (id, configuration, _) = call.chosen(&workspace)?;
    let note = options.note.as_deref();
    let cancel = call.cancel.clone();
    let done = ops::tickets::escalate(&workspace, &id, &configuration, options.ticket, note, cancel).await;
    let done = done.map_err(|unfinished| unfinished.told(options.ticket))?;
    if call.output.json {
        call.output.object(&done)?;
        return Ok(0);
    }
    let has_note = note.is_some_and(|note| !note.trim().is_empty());
    call.output.line(words::tickets::escalated(&done, &configuration.pia_screen.escalation_board, has_note));
    Ok(0)
}

fn line(ticket: &Ticket) -> String {
    let word = |text: &Option<Untrusted>| text.as_ref().map_or("–".to_owned(), ToString::to_string);
    let client = crate::view::text::pad(&word(&ticket.client), 24);
    let status = crate::view::text::pad(&word(&ticket.status), 16);
    format!("{:>8}  {client}  {status}  {}", ticket.id, word(&ticket.summary))
}
