//! The years that can be counted to, and a moment as it is written.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The moment so long after the beginning of 1970. One beyond the years that there are is read as the last of them, with room
/// for whatever is added to it.
pub fn since_1970(passed: Duration) -> Timestamp {
    let last = Timestamp::MAX - SignedDuration::from_hours(24 * 365 * 20);
    let moment =
        SignedDuration::try_from(passed).ok().and_then(|passed| Timestamp::UNIX_EPOCH.checked_add(passed).ok());
    moment.unwrap_or(last).min(last)
}

/// A moment to the minute: `2026-11-23 04:30 UTC`.
pub fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_of_any_year_is_read_with_room_behind_it() {
        let at = |seconds: u64| since_1970(Duration::from_secs(seconds)).as_second();
        assert_eq!(at(1_795_000_000), 1_795_000_000);
        // The last day of 9999, the year 10000, and as far as a clock goes.
        for seconds in [253_402_214_400, 253_402_300_800, u64::MAX] {
            let last = since_1970(Duration::from_secs(seconds));
            assert!(last.checked_add(SignedDuration::from_hours(24 * 365)).is_ok(), "{last}");
            let time = crate::domain::daily_sync_time::DailySyncTime::parse("04:30").unwrap();
            assert!(time.next_after(last) > last && !time.in_zone(last, &jiff::tz::TimeZone::UTC).is_empty());
        }
    }
}
