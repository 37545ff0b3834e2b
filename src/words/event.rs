//! A callback of Halo's: what happened, and whether its ticket is Pia's business.

use super::Tone;
use crate::domain::event::Event;
use crate::domain::next::Next;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;

/// What happened, in Halo's words, else by the address it came to.
pub fn name(event: &Event) -> String {
    event.event.as_ref().map_or_else(|| event.group.slug().replace('-', " "), Untrusted::display)
}

/// Whether the ticket is on the Pia Board: in a narrow column below that name, and in words.
pub fn board(event: &Event) -> (Tone, &'static str, &'static str) {
    match (event.on_pia_board, event.ticket_id, &event.ticket_problem) {
        (Some(true), ..) => (Tone::Good, "yes", "on the Pia Board"),
        (Some(false), ..) => (Tone::Calm, "no", "on another board"),
        (None, None, _) => (Tone::Calm, "–", "no ticket"),
        (None, _, Some(_)) => (Tone::Warn, "unknown", "board unknown"),
        (None, ..) => (Tone::Calm, "…", "board not read yet"),
    }
}

/// Events that are not forwarded yet.
pub fn waiting(count: u64) -> String {
    let (events, are) = if count == 1 { ("event", "is") } else { ("events", "are") };
    format!("{} {events} {are} waiting to be forwarded; {} shows each one's tries.", thousands(count), Next::Events)
}
