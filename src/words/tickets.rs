//! What became of a ticket.

use crate::domain::ticket::Escalation;
use crate::domain::untrusted::Untrusted;

/// That a ticket is over, before it is escalated.
pub fn stays_closed(status: &Untrusted) -> String {
    format!("The ticket is closed ({}), and escalating does not open it again.", status.display())
}

/// What an escalation has done, or found done; the board as Halo names it, or else as it was asked for.
pub fn escalated(done: &Escalation, board: &str, has_note: bool) -> String {
    let board = done.ticket.team.as_ref().map_or_else(|| Untrusted::new(board).display(), Untrusted::display);
    let stands = if done.moved { "is now" } else { "was already" };
    let noted = match (done.noted, has_note) {
        (true, _) => "; the note is added",
        (false, true) => "; it has that note already",
        (false, false) => "",
    };
    let closed = done.closed.as_ref().map_or_else(String::new, |status| {
        format!("; it is still closed in Halo ({}): open it there if somebody is to work on it", status.display())
    });
    format!("Ticket {} {stands} on {board}, {}{noted}{closed}", done.ticket.id, done.ticket.holder())
}
