//! Moments and lengths of time, as a person says them.

use jiff::Timestamp;

use crate::domain::calendar::lies_ahead;

/// A length of time: `41 s`, `5 min 12 s`, `2 h 5 min`.
pub fn duration(seconds: u64) -> String {
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A length of time that was measured: below a second in milliseconds.
pub fn took(milliseconds: u64) -> String {
    if milliseconds < 1_000 { format!("{milliseconds} ms") } else { duration(milliseconds / 1_000) }
}

/// How long ago, up to a day: `6 h ago`; beyond it the date, which is also told of what is dated ahead.
pub fn ago(now: Timestamp, at: Timestamp) -> String {
    match up_to_a_day(now, at) {
        _ if lies_ahead(now, at) => format!("dated {}, in the future", date(now, at)),
        Some((0, _)) => "just now".to_owned(),
        Some((count, unit)) => format!("{count} {unit} ago"),
        None => date(now, at),
    }
}

/// An age, up to a day: `6 h old`; beyond it the date.
pub fn age(now: Timestamp, at: Timestamp) -> String {
    match up_to_a_day(now, at) {
        _ if lies_ahead(now, at) => ago(now, at),
        Some((0, _)) => "just now".to_owned(),
        Some((count, unit)) => format!("{count} {unit} old"),
        None => format!("from {}", date(now, at)),
    }
}

/// Whole minutes or hours since then, none below a minute; nothing where it is a day or more.
fn up_to_a_day(now: Timestamp, at: Timestamp) -> Option<(i64, &'static str)> {
    match now.duration_since(at).as_secs() {
        seconds @ ..3_600 => Some((seconds.max(0) / 60, "min")),
        seconds @ 3_600..86_400 => Some((seconds / 3_600, "h")),
        _ => None,
    }
}

/// A moment in UTC, for a column whose heading says so: `today 04:31`, `19 Nov 04:31`.
pub fn moment(now: Timestamp, at: Timestamp) -> String {
    if now.strftime("%F").to_string() == at.strftime("%F").to_string() {
        at.strftime("today %H:%M").to_string()
    } else {
        date(now, at)
    }
}

/// A moment of the last weeks: `23 Nov 04:30 UTC`.
pub fn short(at: Timestamp) -> String {
    at.strftime("%d %b %H:%M UTC").to_string()
}

/// A moment with its day of the week: `Mon 23 Nov 2026 04:30 UTC`.
pub fn long(at: Timestamp) -> String {
    at.strftime("%a %d %b %Y %H:%M UTC").to_string()
}

fn date(now: Timestamp, at: Timestamp) -> String {
    let same_year = now.strftime("%Y").to_string() == at.strftime("%Y").to_string();
    at.strftime(if same_year { "%d %b %H:%M" } else { "%d %b %Y" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_person_says_them() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-23T10:53:00Z");
        assert_eq!(ago(now, at("2026-11-23T10:52:30Z")), "just now");
        assert_eq!(ago(now, at("2026-11-23T04:31:00Z")), "6 h ago");
        assert_eq!(ago(now, at("2026-11-19T04:31:00Z")), "19 Nov 04:31");
        assert_eq!(ago(now, at("2026-11-23T10:54:30Z")), "just now", "clocks are apart");
        assert_eq!(ago(now, at("2026-12-03T04:31:00Z")), "dated 03 Dec 04:31, in the future");
        assert_eq!(age(now, at("2026-12-03T04:31:00Z")), "dated 03 Dec 04:31, in the future");
        assert_eq!(moment(now, at("2026-11-23T04:31:00Z")), "today 04:31");
        assert_eq!(moment(now, at("2025-11-23T04:31:00Z")), "23 Nov 2025");
        assert_eq!(age(now, at("2026-11-23T04:31:00Z")), "6 h old");
        let said: Vec<String> = [41, 312, 300, 7_500, 7_200].map(duration).to_vec();
        assert_eq!(said, ["41 s", "5 min 12 s", "5 min", "2 h 5 min", "2 h"]);
        assert_eq!((took(412), took(4_120)), ("412 ms".to_owned(), "4 s".to_owned()));
    }
}
