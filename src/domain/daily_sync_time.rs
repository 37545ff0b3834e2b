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
    /// A single digit for the minute.
    #[error("use two digits for the minutes: {0}")]
    TwoDigits(String),
    /// An hour alone.
    #[error("add the minutes: {0}")]
    NoMinutes(String),
    /// The right time in wide digits, as an editor for Japanese or Chinese writes them.
    #[error("use plain digits: {0}")]
    PlainDigits(String),
    /// An hour that am or pm does not have.
    #[error("with am or pm, hours go from 1 to 12")]
    TwelveHour,
    /// Something behind the time that is no zone.
    #[error("unknown time zone; such as 04:30+02:00, or 04:30 for UTC")]
    Zone,
    /// A zone with summer time: a time in UTC cannot follow it.
    #[error("that zone changes its clocks and UTC does not: type {0} or {1}")]
    Season(String, String),
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

const DAY: i32 = 24 * 60;

/// No zone is further from UTC than this.
const FURTHEST: i32 = 14 * 60;

/// How far ahead a summer-time change is looked for: every zone that has any has one within a year.
const NEXT_CHANGES: i64 = 366 * 24;

impl DailySyncTime {
    /// The guide's own example, and the value a new configuration starts with.
    pub const EXAMPLE: Self = Self { hour: 4, minute: 30 };

    /// Reads `04:30`, `4:30`, `4.30`, `0430`, `4pm` or `4:30 pm`, with blanks around it, and behind it the zone that it is
    /// meant in, where that is not UTC: `14:30+10:00`, `14:30 Australia/Brisbane`. What can mean more than one time is not
    /// guessed at.
    ///
    /// # Errors
    ///
    /// [`TimeError`] with what would be right. A zone with summer time is refused with its two offsets: the time is kept
    /// in UTC, and cannot move with the season.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TimeError::Empty);
        }
        let figures = text.find(|c: char| !c.is_ascii_digit() && !":.".contains(c)).unwrap_or(text.len());
        let (time, behind) = (&text[..figures], text[figures..].trim_start());
        let (half, zone) = match half(behind) {
            Some((is_pm, zone)) => (Some(is_pm), zone),
            None => (None, behind),
        };
        let read = match half {
            Some(is_pm) => Self::in_half(time, is_pm),
            None => Self::exactly(time),
        };
        match read {
            Some(Ok(time)) if zone.is_empty() => Ok(time),
            Some(Ok(time)) => time.said_in(zone).map_err(|error| match Self::explain(text) {
                // What stands behind it is no zone, and something better is known of it.
                TimeError::Shape => error,
                better => better,
            }),
            Some(Err(error)) if zone.is_empty() => Err(error),
            _ => Err(Self::explain(text)),
        }
    }

    /// The time, or what is wrong with its figures; none where the text has not the shape of one.
    fn exactly(text: &str) -> Option<Result<Self, TimeError>> {
        let (hour, minute) = match text.split_once([':', '.']) {
            Some(halves) => halves,
            None if (3..=4).contains(&text.len()) && text.is_ascii() => text.split_at(text.len() - 2),
            None => return None,
        };
        let figures = |text: &str, least: usize| {
            let fits = (least..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            fits.then(|| text.parse::<i8>().ok()).flatten()
        };
        Some(match (figures(hour, 1)?, figures(minute, 2)?) {
            (24.., _) => Err(TimeError::Hour),
            (_, 60..) => Err(TimeError::Minute),
            (hour, minute) => Ok(Self { hour, minute }),
        })
    }

    // The time on a clock of twelve hours, with or without minutes.
    fn in_half(text: &str, is_pm: bool) -> Option<Result<Self, TimeError>> {
        let whole = (1..=2).contains(&text.len()).then(|| format!("{text}:00"));
        let time = match Self::exactly(whole.as_deref().unwrap_or(text))? {
            Ok(time) => time,
            error => return Some(error),
        };
        Some(match time.hour {
            1..=12 => Ok(Self { hour: time.hour % 12 + if is_pm { 12 } else { 0 }, ..time }),
            _ => Err(TimeError::TwelveHour),
        })
    }

    // The time in UTC while a clock in a zone shows this one.
    fn said_in(self, zone: &str) -> Result<Self, TimeError> {
        let minutes = i32::from(self.hour) * 60 + i32::from(self.minute);
        let earlier_by = |offset: i32| {
            let minutes = (minutes - offset).rem_euclid(DAY);
            Self { hour: (minutes / 60) as i8, minute: (minutes % 60) as i8 }
        };
        match &offsets(zone).ok_or(TimeError::Zone)?[..] {
            [offset] => Ok(earlier_by(*offset)),
            [one, other, ..] => {
                let with = |offset: i32| {
                    let sign = if offset < 0 { '-' } else { '+' };
                    format!("{self}{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
                };
                Err(TimeError::Season(with(*one), with(*other)))
            }
            [] => Err(TimeError::Zone),
        }
    }

    fn explain(text: &str) -> TimeError {
        if let Some((hour, minute)) = text.split_once([':', '.'])
            && minute.len() == 1
            && let Some(Ok(time)) = Self::exactly(&format!("{hour}:0{minute}"))
        {
            return TimeError::TwoDigits(time.to_string());
        }
        if text.len() <= 2
            && let Some(time) = Self::exactly(&format!("{text}:00"))
        {
            return time.map_or_else(|error| error, |time| TimeError::NoMinutes(time.to_string()));
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
            return "your time zone is unknown (set TZ): the time is shown in UTC only".to_owned();
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

/// Short names that mean one offset, in minutes, wherever they are used.
const ABBREVIATIONS: [(&str, i32); 12] = [
    ("WET", 0),
    ("WEST", 60),
    ("CET", 60),
    ("CEST", 120),
    ("EET", 120),
    ("EEST", 180),
    ("AWST", 480),
    ("ACST", 570),
    ("AEST", 600),
    ("AEDT", 660),
    ("NZST", 720),
    ("NZDT", 780),
];

/// Which half of a day is named, and what stands behind it. Amsterdam is no half of a day.
fn half(text: &str) -> Option<(bool, &str)> {
    let (word, rest) = text.split_at_checked(2)?;
    let is_pm = match word.to_ascii_lowercase().as_str() {
        "am" => false,
        "pm" => true,
        _ => return None,
    };
    (!rest.starts_with(|next: char| next.is_alphanumeric())).then(|| (is_pm, rest.trim_start()))
}

/// The offsets of a zone from UTC, in minutes, each once. None where nothing is known by that name.
fn offsets(zone: &str) -> Option<Vec<i32>> {
    if ["z", "utc", "gmt"].contains(&zone.to_ascii_lowercase().as_str()) {
        return Some(vec![0]);
    }
    if let Some((_, offset)) = ABBREVIATIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(zone)) {
        return Some(vec![*offset]);
    }
    let behind = ["UTC", "GMT", "utc", "gmt"].iter().find_map(|name| zone.strip_prefix(name));
    let signed = behind.unwrap_or(zone);
    let sign = match signed.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return named(zone),
    };
    let figures = &signed[1..];
    let (hours, minutes) = match figures.split_once(':') {
        Some(halves) => halves,
        None if figures.len() == 4 && figures.is_ascii() => figures.split_at(2),
        None => (figures, "00"),
    };
    let read = |text: &str, longest: i32| {
        let fits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.parse::<i32>().ok()).flatten().filter(|number| *number <= longest)
    };
    let offset = read(hours, FURTHEST / 60)? * 60 + read(minutes, 59).filter(|_| minutes.len() == 2)?;
    (offset <= FURTHEST).then(|| vec![sign * offset])
}

// Those of a zone of the IANA in a year; any year does.
fn named(zone: &str) -> Option<Vec<i32>> {
    let zone = TimeZone::get(zone).ok().filter(|_| zone.contains('/'))?;
    let begin = TimeZone::UTC.to_timestamp(civil::date(2026, 1, 1).at(0, 0, 0, 0)).ok()?;
    let end = begin.checked_add(NEXT_CHANGES.hours()).ok()?;
    let minutes = |at: Timestamp| zone.to_offset(at).seconds() / 60;
    let changes = zone.following(begin).map(|change| change.timestamp()).take_while(|change| *change <= end);
    let mut offsets = vec![minutes(begin)];
    for offset in changes.map(minutes) {
        if !offsets.contains(&offset) {
            offsets.push(offset);
        }
    }
    Some(offsets)
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
                let time = DailySyncTime::parse(&format!("{hour:02}:{minute:02}"));
                accepted += usize::from(time.is_ok());
                assert_eq!(DailySyncTime::parse(&format!("{hour:02}{minute:02}")), time);
                assert_eq!(DailySyncTime::parse(&format!("{hour}:{minute:02}")), time);
                assert_eq!(DailySyncTime::parse(&format!("{hour}.{minute:02}")), time);
            }
        }
        assert_eq!(accepted, 1_440);
    }

    #[test]
    fn refusal_says_what_would_be_right() {
        let refusal = |text| DailySyncTime::parse(text).unwrap_err().to_string();
        assert_eq!(refusal("4:5"), "use two digits for the minutes: 04:05");
        assert_eq!(refusal("24:00"), "hours go from 00 to 23; midnight is 00:00");
        assert_eq!(refusal("04:60"), "minutes go from 00 to 59");
        assert_eq!(refusal("4.5"), "use two digits for the minutes: 04:05");
        assert_eq!(refusal("13 pm"), "with am or pm, hours go from 1 to 12");
        assert_eq!(refusal("0:30am"), "with am or pm, hours go from 1 to 12");
        assert_eq!(refusal("4:60 pm"), "minutes go from 00 to 59");
        assert_eq!(refusal("04:30 Mars/Olympus"), "unknown time zone; such as 04:30+02:00, or 04:30 for UTC");
        assert_eq!(refusal("16"), "add the minutes: 16:00");
        assert_eq!(refusal("25"), "hours go from 00 to 23; midnight is 00:00");
        assert_eq!(refusal("soon"), "not a time; hours and minutes such as 04:30");
        assert_eq!(refusal(""), "a time is needed, such as 04:30");
        assert_eq!(refusal("０４：３０"), "use plain digits: 04:30");
        assert_eq!(refusal("０４：６０"), "not a time; hours and minutes such as 04:30");
        assert_eq!(refusal("٠٤:٣٠"), "not a time; hours and minutes such as 04:30");
    }

    /// A local time with its zone is taken as the same moment in UTC; one that moves with the season is not guessed at.
    #[test]
    fn local_time_with_its_zone_is_taken() {
        for (text, utc) in [
            ("14:30+10:00", "04:30"),
            ("1430 +1000", "04:30"),
            ("14:30 UTC+10", "04:30"),
            ("14:30 Australia/Brisbane", "04:30"),
            ("10:00 Asia/Kathmandu", "04:15"),
            ("0:30+5:30", "19:00"),
            ("20:00-09:30", "05:30"),
            ("04:30Z", "04:30"),
            ("4:30 utc", "04:30"),
            ("4pm", "16:00"),
            ("4:30 PM", "16:30"),
            ("4.30am", "04:30"),
            ("430pm", "16:30"),
            ("12 am", "00:00"),
            ("12:15pm", "12:15"),
            ("2:30pm+10:00", "04:30"),
            ("2.30 pm Australia/Brisbane", "04:30"),
            ("18:00 CET", "17:00"),
            ("6pm cest", "16:00"),
            ("14:30 AEST", "04:30"),
        ] {
            assert_eq!(DailySyncTime::parse(text).map(|time| time.to_string()).as_deref(), Ok(utc), "{text}");
        }
        let said = DailySyncTime::parse("14:30 Australia/Sydney").unwrap_err().to_string();
        assert_eq!(said, "that zone changes its clocks and UTC does not: type 14:30+11:00 or 14:30+10:00");
        let said = DailySyncTime::parse("14:30 Europe/Amsterdam").unwrap_err().to_string();
        assert_eq!(said, "that zone changes its clocks and UTC does not: type 14:30+01:00 or 14:30+02:00");
        assert_eq!(DailySyncTime::parse("04:30 Amsterdam"), Err(TimeError::Zone));
        for none in ["04:30+15", "04:30+1:5", "04:30+", "04:30 +1 +1", "04:30 Brisbane", "04:30+10:60", "04:30 +14:30"]
        {
            assert_eq!(DailySyncTime::parse(none), Err(TimeError::Zone), "{none}");
        }
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
