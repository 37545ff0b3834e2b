//! Moments of the wall clock, for the screen.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};

use crate::domain::calendar;

/// What the machine's clock shows.
pub(super) fn now() -> Timestamp {
    calendar::since_1970(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default())
}

/// A moment that lies so far ahead, for the screen.
pub(super) fn show(ahead: Duration) -> Timestamp {
    let now = now();
    SignedDuration::try_from(ahead).ok().and_then(|ahead| now.checked_add(ahead).ok()).unwrap_or(now)
}
