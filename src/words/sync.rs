//! What a company sync changed, how it ended, and why it was held.

use jiff::Timestamp;

use crate::domain::client::DisabledReason;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::sync_run::{ChangeCounts, ClientChange, Silence, SyncReport, SyncStatus, confirm};
use crate::domain::thousands;

use super::time::{duration, took};
use super::{Tone, capital};

/// What it means to go on with clients that no sync has proved to be all.
pub const UNPROVED: &str = "This sync could not prove that the list is complete. If a client is missing, its tickets \
    still arrive, but Pia does not know the client. The list is marked \"not proved\" until a later sync proves it.";

/// What is typed to go on with them. Nothing is deleted by it, so no name has to be looked up.
pub const YES: &str = "yes";

/// How many clients changed, and what happened to them.
pub fn parts(changes: &ChangeCounts) -> [(u64, &'static str); 4] {
    [
        (changes.added, "added"),
        (changes.updated, "changed"),
        (changes.disabled, "disabled"),
        (changes.returned, "returned"),
    ]
}

/// The same in a line, without what did not happen: that no client was disabled says nothing of how many are.
pub fn counts(changes: &ChangeCounts) -> String {
    let there = parts(changes).into_iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = there.map(|(count, what)| format!("{} {what}", thousands(count))).collect();
    if words.is_empty() { "no client changed".to_owned() } else { words.join(", ") }
}

/// That one is under way, and whose.
pub fn under_way(holder: &str) -> String {
    format!("Syncing: {holder}")
}

/// How many clients changed in all.
pub fn changed(changes: &ChangeCounts) -> u64 {
    parts(changes).iter().map(|(count, _)| count).sum()
}

/// The word for the end of a sync.
pub fn status(status: SyncStatus) -> (Tone, &'static str) {
    match status {
        SyncStatus::Complete => (Tone::Good, status.word()),
        SyncStatus::Failed => (Tone::Bad, status.word()),
        SyncStatus::Interrupted => (Tone::Warn, "Interrupted (resumable)"),
        _ => (Tone::Warn, status.word()),
    }
}

/// A sync that a person stopped.
pub fn stopped(read: u64) -> String {
    format!("{} after {} clients. The list is unchanged.", status(SyncStatus::Interrupted).1, thousands(read))
}

/// What the next sync does with the pages that an interrupted one has read.
pub fn resumes(key: &str, read: u64) -> String {
    format!("{key} goes on from the {} it has read, for 10 min", pages(read))
}

/// The warning of a run after which Pia serves nobody.
pub const SERVES_NOBODY: &str =
    "the rule in [company_sync] leaves out every client in use, so Pia serves nobody: is it spelled as in Halo?";

/// Said with the failure of a sync that was started here.
pub const FAILED: &str = "The stored list is unchanged. Sync Now tries again.";

/// That a sync ended, when, and how.
pub fn ended(report: &SyncReport) -> String {
    let finished = report.finished_at.strftime("%H:%M UTC");
    match report.status {
        SyncStatus::Busy => format!("Another sync was running at {finished}: nothing was read."),
        status => format!("{} at {finished}{}", self::status(status).1, after(report)),
    }
}

/// How long it took, behind how it ended; nothing where nobody knows.
pub fn after(report: &SyncReport) -> String {
    report.measured_ms().map_or_else(String::new, |ms| format!(", took {}", took(ms)))
}

/// `1 page`, `1,200 pages`.
pub fn pages(pages: u64) -> String {
    if pages == 1 { "1 page".to_owned() } else { format!("{} pages", thousands(pages)) }
}

/// That another program is at a sync already.
pub fn follows(other: &str) -> String {
    format!("Another sync is running: {other}. Its result appears here.")
}

/// The same where Sync Now was pressed meanwhile.
pub fn waits_for(other: &str) -> String {
    format!("Another sync is running: {other}. Its result appears here; if it ends without one, yours starts.")
}

/// That Halo does not answer, or refuses, and how it goes on.
pub fn silent(silence: &Silence, now: Timestamp) -> String {
    let seconds = |from: Timestamp, to: Timestamp| duration(to.duration_since(from).as_secs().max(0).unsigned_abs());
    let (attempt, again_at) = (silence.attempt, silence.again_at.filter(|at| at.duration_since(now).as_secs() > 0));
    match (silence.refused, again_at) {
        (Some(refused), Some(at)) => {
            format!("{}: trying again, attempt {attempt} in {}.", capital(refused), seconds(now, at))
        }
        (Some(refused), None) => format!("{}: trying again, attempt {attempt}.", capital(refused)),
        (None, again_at) => {
            let for_long = format!("Halo has not answered for {}", seconds(silence.since, now));
            match again_at {
                Some(at) => format!("{for_long}. Trying again: attempt {attempt} in {}.", seconds(now, at)),
                None => format!("{for_long}. Attempt {attempt} is waiting; it tries again by itself."),
            }
        }
    }
}

/// Neither rows nor a count: nothing shows that this is Halo's list, and nobody could act on an empty one.
pub fn no_list() -> Failure {
    Failure::new(FailureKind::Declined, "Halo sent an empty list and no count when asked to list the clients")
        .hint("Check the Url and what is in between: a proxy may answer in Halo's place")
}

/// The sync is held: more clients would go out of use than anyone expects in a day.
pub fn held(disabling: &[ClientChange], active: u64) -> Failure {
    let count = |reason| disabling.iter().filter(|client| client.reason == Some(reason)).count() as u64;
    let there = DisabledReason::ALL.into_iter().filter(|reason| count(*reason) > 0);
    let reasons: Vec<_> =
        there.clone().map(|reason| format!("{} {}", thousands(count(reason)), reason.word())).collect();
    let otherwise: Vec<_> = there.map(otherwise).collect();
    let message = format!(
        "{} of {} active clients would be disabled: {}; nothing was changed",
        thousands(disabling.len() as u64),
        thousands(active),
        reasons.join(", ")
    );
    Failure::new(FailureKind::NeedsYes, message).hint(confirm(&otherwise.join("; ")))
}

/// What to change where clients are not to go for this reason.
fn otherwise(reason: DisabledReason) -> &'static str {
    match reason {
        DisabledReason::InactiveInHalo => "set them active again in Halo",
        DisabledReason::NoLongerInHalo => "set \"Allow use of all Customers/Clients\" on the agent",
        DisabledReason::LeftOut => "change Clients Served",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_happen_is_not_counted() {
        let first = ChangeCounts { added: 250, ..ChangeCounts::default() };
        assert_eq!(counts(&first), "250 added");
        assert_eq!(counts(&ChangeCounts { disabled: 2, ..first }), "250 added, 2 disabled");
        assert_eq!(counts(&ChangeCounts { unchanged: 250, ..ChangeCounts::default() }), "no client changed");
    }

    /// Refused is not silent.
    #[test]
    fn refusal_is_not_called_silence() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let at = |seconds| now + jiff::SignedDuration::from_secs(seconds);
        let silence = |again_at, refused| Silence { since: at(-9), attempt: 2, again_at, refused };
        let told = |again_at, refused| silent(&silence(again_at, refused), now);
        let refused = Some("cannot connect to Halo");
        assert_eq!(told(Some(at(4)), refused), "Cannot connect to Halo: trying again, attempt 2 in 4 s.");
        assert_eq!(told(None, refused), "Cannot connect to Halo: trying again, attempt 2.");
        assert_eq!(told(Some(at(4)), None), "Halo has not answered for 9 s. Trying again: attempt 2 in 4 s.");
    }
}
