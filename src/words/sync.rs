//! What a company sync changed.

use crate::domain::sync_run::{ChangeCounts, SyncReport, SyncStatus};
use crate::domain::thousands;

use super::time::took;

/// What it means to go on with clients that no sync has proved to be all.
pub const UNPROVED: &str = "This sync could not prove that the list is complete, so a client may be missing: its tickets \
    still come in, but Pia does not know its company. The list is marked \"not proved\" until a later sync proves it.";

/// How many clients changed, by what happened to them.
pub fn counts(changes: &ChangeCounts) -> String {
    format!(
        "{} added, {} changed, {} disabled, {} returned",
        thousands(changes.added),
        thousands(changes.updated),
        thousands(changes.disabled),
        thousands(changes.returned)
    )
}

/// How many clients changed in all.
pub fn changed(changes: &ChangeCounts) -> u64 {
    changes.added + changes.updated + changes.disabled + changes.returned
}

/// The word for the end of a sync.
pub fn status(status: SyncStatus) -> &'static str {
    if status == SyncStatus::Interrupted { "Interrupted (resumable)" } else { status.word() }
}

/// That a sync ended, when, and how.
pub fn ended(report: &SyncReport) -> String {
    let finished = report.finished_at.strftime("%H:%M UTC");
    match report.status {
        SyncStatus::Busy => format!("Busy at {finished}: nothing was read."),
        status => format!("{} at {finished}, took {}", self::status(status), took(report.duration_ms)),
    }
}
