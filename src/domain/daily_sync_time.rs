//! The time of day at which companies are synced: 24-hour, UTC.

use std::fmt;

use jiff::{Timestamp, ToSpan, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// A time of day in UTC, from 00:00 to 23:59.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DailySyncTime {
    hour: i8,
    minute: i8,
}

/// Why a text is no Daily Sync Time, and what would be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TimeError {
    /// Nothing was given.
    #[error("a time is needed, such as 04:30")]
    Empty,
    /// A single digit for the hour or the minute.
    #[error("use two digits each: {0}")]
    TwoDigits(String),
    /// The right time in wide digits, as an editor for Japanese or Chinese writes them.
    #[error("use plain digits: {0}")]
    PlainDigits(String),
    /// am, pm or the like.
    #[error("use 24-hour time without am or pm: {0}")]
    TwelveHour(&'static str),
    /// A zone behind the time.
    #[error("the time is in UTC already; leave the zone out: such as 04:30")]
    Zone,
    /// An hour above 23.
    #[error("hours go from 00 to 23; midnight is 00:00")]
    Hour,
    /// A minute above 59.
    #[error("minutes go from 00 to 59")]
    Minute,
    /// Anything else.
    #[error("not a time; hours and minutes such as 04:30")]
    Shape,
}

/// A text longer than this is no time in any digits.
const LONGEST_GUESS: usize = 16;

/// How far ahead a summer-time change is looked for: every zone that has any has one within a year.
const NEXT_CHANGES: i64 = 366 * 24;

impl DailySyncTime {
    /// The guide's own example, and the value a new configuration starts with.
    pub const EXAMPLE: Self = Self { hour: 4, minute: 30 };

    /// Reads `HH:MM` and nothing else. Blanks around it are forgiven; a different shape is not guessed at, but the
    /// refusal of a shape that can mean one time only says which.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TimeError::Empty);
        }
        Self::exactly(text).unwrap_or_else(|| Err(Self::explain(text)))
    }

    /// The time, or what is wrong with its figures; none where the text has not the shape of one.
    fn exactly(text: &str) -> Option<Result<Self, TimeError>> {
        let bytes = text.as_bytes();
        if let [a, b, b':', c, d] = bytes
            && [a, b, c, d].iter().all(|byte| byte.is_ascii_digit())
        {
            let pair = |tens: &u8, ones: &u8| (tens - b'0') * 10 + (ones - b'0');
            let (hour, minute) = (pair(a, b), pair(c, d));
            return Some(match (hour, minute) {
                (24.., _) => Err(TimeError::Hour),
                (_, 60..) => Err(TimeError::Minute),
                _ => Ok(Self { hour: hour as i8, minute: minute as i8 }),
            });
        }
        None
    }

    fn explain(text: &str) -> TimeError {
        let lower = text.to_ascii_lowercase();
        if lower.ends_with("am") || lower.ends_with("pm") {
            return TimeError::TwelveHour(if lower.ends_with("am") { "such as 04:30" } else { "such as 16:30" });
        }
        if lower.ends_with('z') || lower.ends_with("utc") || lower.ends_with("gmt") || lower.contains('+') {
            return TimeError::Zone;
        }
        if let Some((hour, minute)) = text.split_once(':')
            && let (Ok(hour), Ok(minute)) = (hour.parse::<u8>(), minute.parse::<u8>())
            && hour < 24
            && minute < 60
            && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':')
        {
            return TimeError::TwoDigits(format!("{hour:02}:{minute:02}"));
        }
        let plain: String = text.chars().take(LONGEST_GUESS).nfkc().collect();
        if let (true, Some(Ok(time))) = (plain != text, Self::exactly(&plain)) {
            return TimeError::PlainDigits(time.to_string());
        }
        TimeError::Shape
    }

    /// The moment at which the clock in UTC shows this time on a day.
    pub fn on(self, day: civil::Date) -> Timestamp {
        TimeZone::UTC.to_timestamp(day.at(self.hour, self.minute, 0, 0)).unwrap_or(Timestamp::MAX)
    }

    /// The first moment strictly after `now` at which the clock in UTC shows this time.
    pub fn next_after(self, now: Timestamp) -> Timestamp {
        let today = TimeZone::UTC.to_datetime(now).date();
        let candidate = self.on(today);
        if candidate > now { candidate } else { today.checked_add(1.day()).map_or(Timestamp::MAX, |day| self.on(day)) }
    }

    /// The line beside the field: the same moment as the person's own clock shows it, for the next run after `now`.
    ///
    /// `00:45` read on a summer day in Brisbane gives `10:45 in Australia/Brisbane (+10:00)`.
    pub fn in_zone(self, now: Timestamp, zone: &TimeZone) -> String {
        if zone.is_unknown() {
            return "your time zone is not known here (TZ says it): the time is shown in UTC alone".to_owned();
        }
        let local = self.next_after(now).to_zoned(zone.clone());
        let name = zone.iana_name().unwrap_or("local time");
        format!("{:02}:{:02} in {} ({})", local.hour(), local.minute(), name, local.strftime("%:z"))
    }

    /// When and to what the time on the person's own clock changes next: `from 4 Apr 10:45 (+10:00)`. None where it stays.
    ///
    /// The date is that of the first run at the other time, on the same clock.
    pub fn change_in_zone(self, now: Timestamp, zone: &TimeZone) -> Option<String> {
        let next = self.next_after(now);
        let usual = next.to_zoned(zone.clone()).time();
        let end = next.checked_add(NEXT_CHANGES.hours()).ok()?;
        let changes = zone.following(next).map(|change| change.timestamp()).take_while(|change| *change <= end);
        changes
            .filter_map(|change| change.checked_sub(1.nanosecond()).ok())
            .map(|just_before| self.next_after(just_before).to_zoned(zone.clone()))
            .find(|run| run.time() != usual)
            .map(|run| run.strftime("from %-d %b %H:%M (%:z)").to_string())
    }

    /// The next run, absolute, in UTC: `next run Tue 24 Nov 2026 00:45 UTC, in 13 h 52 min`.
    pub fn next_run_line(self, now: Timestamp) -> String {
        let next = self.next_after(now);
        let wait = next.duration_since(now);
        // A minute that has begun counts: it is never due in no time.
        let minutes = ((wait.as_millis() + 59_999) / 60_000).max(1);
        let wait = match (minutes / 60, minutes % 60) {
            (0, minutes) => format!("{minutes} min"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        };
        format!("next run {} UTC, in {wait}", next.strftime("%a %d %b %Y %H:%M"))
    }
}

impl fmt::Display for DailySyncTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl TryFrom<String> for DailySyncTime {
    type Error = TimeError;
    fn try_from(text: String) -> Result<Self, TimeError> {
        Self::parse(&text)
    }
}

impl From<DailySyncTime> for String {
    fn from(time: DailySyncTime) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_minute_of_day_and_nothing_else_is_time() {
        let mut accepted = 0;
        for hour in 0..=99 {
            for minute in 0..=99 {
                accepted += usize::from(DailySyncTime::parse(&format!("{hour:02}:{minute:02}")).is_ok());
            }
        }
        assert_eq!(accepted, 1_440);
    }

    #[test]
    fn refusal_says_what_would_be_right() {
        let refusal = |text| DailySyncTime::parse(text).unwrap_err().to_string();
        assert_eq!(refusal("4:30"), "use two digits each: 04:30");
        assert_eq!(refusal("24:00"), "hours go from 00 to 23; midnight is 00:00");
        assert_eq!(refusal("04:60"), "minutes go from 00 to 59");
        assert_eq!(refusal("4.30am"), "use 24-hour time without am or pm: such as 04:30");
        assert_eq!(refusal("04:30Z"), "the time is in UTC already; leave the zone out: such as 04:30");
        assert_eq!(refusal("soon"), "not a time; hours and minutes such as 04:30");
        assert_eq!(refusal(""), "a time is needed, such as 04:30");
        assert_eq!(refusal("０４：３０"), "use plain digits: 04:30");
        assert_eq!(refusal("０４：６０"), "not a time; hours and minutes such as 04:30");
        assert_eq!(refusal("٠٤:٣٠"), "not a time; hours and minutes such as 04:30");
    }

    #[test]
    fn guides_own_pair_holds() {
        let zone = TimeZone::get("Australia/Brisbane").unwrap();
        let now: Timestamp = "2026-11-23T10:53:00Z".parse().unwrap();
        let time = DailySyncTime::parse("00:45").unwrap();
        assert_eq!(time.in_zone(now, &zone), "10:45 in Australia/Brisbane (+10:00)");
        assert_eq!(time.next_run_line(now), "next run Tue 24 Nov 2026 00:45 UTC, in 13 h 52 min");
    }

    #[test]
    fn next_is_strictly_later_and_within_day() {
        let now: Timestamp = "2026-12-31T04:30:00Z".parse().unwrap();
        assert_eq!(DailySyncTime::EXAMPLE.next_after(now), "2027-01-01T04:30:00Z".parse().unwrap());
        let before: Timestamp = "2026-12-31T04:29:59Z".parse().unwrap();
        assert_eq!(DailySyncTime::EXAMPLE.next_after(before), "2026-12-31T04:30:00Z".parse().unwrap());
    }
}
