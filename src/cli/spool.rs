//! `store spool`: what waits on this host for the store, and what that does not take.

use serde_json::json;

use super::args::Spool;
use super::{Call, off_the_threads, prompt};
use crate::domain::calendar::utc;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::status::NotTaken;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::ops::{Clock as _, SystemClock, spooled};
use crate::settings::Paths;

/// How many of those that the store does not take are told, the oldest first.
const SHOWN: usize = 100;

pub(super) async fn run(call: &mut Call, options: &Spool) -> Result<u8, Failure> {
    let paths = Paths::from_environment(&call.environment)?;
    let of = paths.clone();
    let look = move || Ok((spooled::spooled(&of)?, spooled::refused(&of, SHOWN)?));
    let (spool, refused) = off_the_threads(look).await?;
    if !options.forget {
        if call.output.json {
            call.output.object(&json!({ "status": "found", "spool": spool, "refused": refused }))?;
            return Ok(0);
        }
        let words: Vec<String> = spool.waits().into_iter().chain(spool.refused()).collect();
        if words.is_empty() {
            call.output.line("Nothing waits on this host for the store");
        }
        words.into_iter().for_each(|words| call.output.line(words));
        refused.iter().for_each(|event| call.output.line(line(event)));
        return Ok(0);
    }
    let held = spool.refused();
    if let Some(held) = held.as_ref().filter(|_| !options.consent.yes) {
        if !call.can_ask() {
            let hint = "confirm with --yes; nothing was changed";
            return Err(Failure::new(FailureKind::NeedsYes, format!("{held}, and would be forgotten")).hint(hint));
        }
        refused.iter().for_each(|event| call.output.line(line(event)));
        if !prompt::yes(&format!("{held}. Forget what is kept?")) {
            return Err(Failure::new(FailureKind::NeedsYes, "nothing was changed"));
        }
    }
    // No more than were there when somebody looked.
    let (count, environment) = (usize::try_from(spool.not_taken).unwrap_or(usize::MAX), call.environment.clone());
    let forget = move || {
        let last = spooled::refused(&paths, count)?.last().map(|event| event.number);
        last.map_or(Ok(0), |last| spooled::forget_refused(&paths, &environment, last, SystemClock.now()))
    };
    let forgotten = off_the_threads(forget).await?;
    let status = if forgotten > 0 { "forgotten" } else { "nothing_to_do" };
    if call.output.json {
        call.output.object(&json!({ "status": status, "forgotten": forgotten }))?;
    } else {
        let events = if forgotten == 1 { "event was" } else { "events were" };
        call.output.line(format!("{} {events} forgotten that the store does not take", thousands(forgotten)));
    }
    Ok(0)
}

fn line(event: &NotTaken) -> String {
    let shown = |text: &str| Untrusted::new(text).display();
    let at = event.received_at.map_or_else(|| "at an unknown time".to_owned(), utc);
    let name = event.event.as_deref().map_or_else(String::new, |name| format!(" {}", shown(name)));
    let ticket = event.ticket_id.map_or_else(String::new, |ticket| format!(" ticket {ticket}"));
    format!("{at} {}{name}{ticket}: {}", shown(&event.configuration), shown(&event.why))
}
