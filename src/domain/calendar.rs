//! The years that can be counted to, and a moment as it is written.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serializer;

/// The moment so long after the beginning of 1970. One beyond the years that there are is read as the last of them, with room
/// for whatever is added to it.
pub fn since_1970(passed: Duration) -> Timestamp {
    let last = Timestamp::MAX - SignedDuration::from_hours(24 * 365 * 20);
    let moment =
        SignedDuration::try_from(passed).ok().and_then(|passed| Timestamp::UNIX_EPOCH.checked_add(passed).ok());
    moment.unwrap_or(last).min(last)
}

/// By how much two clocks may be apart without being wrong.
pub const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(2);

/// Whether something that has happened is dated ahead of now, so that nobody knows how long ago it was.
pub fn lies_ahead(now: Timestamp, at: Timestamp) -> bool {
    at.duration_since(now) > CLOCKS_APART
}

/// A moment to the minute: `2026-11-23 04:30 UTC`.
pub fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A moment without its fraction of a second.
pub fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// A moment for programs: RFC 3339 in UTC with whole seconds, the one form that all of them read.
pub fn rfc3339(at: Timestamp) -> String {
    whole(at).to_string()
}

/// The same as a member in JSON; null where there is none.
pub(crate) fn json<S: Serializer>(
    at: &(impl Copy + Into<Option<Timestamp>>),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match (*at).into() {
        Some(at) => serializer.serialize_str(&rfc3339(at)),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_for_programs_has_whole_seconds_in_utc() {
        let at: Timestamp = "2026-11-23T14:30:59.999999999+10:00".parse().unwrap();
        assert_eq!(rfc3339(at), "2026-11-23T04:30:59Z");
        assert_eq!(json(&Some(at), serde_json::value::Serializer).unwrap(), "2026-11-23T04:30:59Z");
        assert!(json(&None::<Timestamp>, serde_json::value::Serializer).unwrap().is_null());
    }

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
