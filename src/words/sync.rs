//! What a company sync changed.

use crate::domain::sync_run::ChangeCounts;
use crate::domain::thousands;

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
