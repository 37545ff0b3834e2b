//! The header `Retry-After`: how long a server asks to be left alone.

use std::time::Duration;

use jiff::Timestamp;

/// The longest time that is read out of it; whoever waits has a bound of its own.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How long to wait, by seconds or by any of HTTP's three forms of a date, a day at most. A part of a second, and no wait at
/// all, are a second. What makes no sense counts as not said, and so does a date that is over: clocks differ.
pub fn read(text: &str, now: Timestamp) -> Option<Duration> {
    // A header that came twice is one line with a comma; so is a date, behind the name of its day.
    let first = text.split(',').next().unwrap_or_default().trim();
    let (whole, part) = first.split_once('.').unwrap_or((first, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number(whole) && is_number(part) {
        // More than a number holds is a long time too.
        let asked = whole.parse().map_or(LONGEST, Duration::from_secs);
        let more = Duration::from_secs(u64::from(part.bytes().any(|byte| byte != b'0')));
        return Some(asked.saturating_add(more).clamp(Duration::from_secs(1), LONGEST));
    }
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    let ahead = date.duration_since(now.into()).ok()?;
    Some(ahead.min(LONGEST)).filter(|ahead| !ahead.is_zero())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::fuzz::{lines, text_like, tries};

    fn now() -> Timestamp {
        "2026-11-24T04:30:00Z".parse().unwrap()
    }

    #[test]
    fn seconds_and_dates_are_read_in_every_form() {
        for (text, seconds) in [
            ("300", 300),
            (" 1 ", 1),
            ("007", 7),
            ("120, 120", 120),
            ("0", 1),
            ("0, 5", 1),
            ("2.5", 3),
            ("2.0", 2),
            ("0.001", 1),
            ("Tue, 24 Nov 2026 04:31:30 GMT", 90),
            (" Tue, 24 Nov 2026 04:31:30 GMT ", 90),
            ("Tuesday, 24-Nov-26 04:31:30 GMT", 90),
            ("Tue Nov 24 04:31:30 2026", 90),
        ] {
            assert_eq!(read(text, now()), Some(Duration::from_secs(seconds)), "{text}");
        }
        for long in [
            "86401",
            "4294967297",
            "999999999999999999999999",
            "Sat, 25 Nov 2028 00:00:00 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            assert_eq!(read(long, now()), Some(LONGEST), "{long}");
        }
        for text in [
            "",
            " ",
            "-5",
            "+5",
            "1.",
            ".5",
            "1.5.1",
            "1e3",
            "0x10",
            "٣",
            "soon",
            ",",
            "Tue, 24 Nov 2026 04:29:00 GMT",
            "Tue, 24 Nov 2026 04:30:00 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Tue, 24 Nov 12026 04:31:30 GMT",
            "Tue, 99 Nov 2026 04:31:30 GMT",
            "2026-11-24T04:31:30Z",
        ] {
            assert_eq!(read(text, now()), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(tries())]

        #[test]
        fn fuzzed_retry_after_is_nothing_or_day_at_most(
            text in text_like(lines(include_str!("../../tests/corpus/retry_after.txt"))),
            seconds in -377_705_023_201_i64..=253_402_207_200,
        ) {
            let wait = read(&text, Timestamp::from_second(seconds).unwrap());
            prop_assert!(wait.is_none_or(|wait| !wait.is_zero() && wait <= LONGEST), "{wait:?}");
        }
    }
}
