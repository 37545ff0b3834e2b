//! A rotation: the callback token and password are replaced, and the former ones stay good for a while.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde::Serialize;

use super::plan::{ConfigureReport, Plan};

/// How long the former token and password stay good: Halo may have callbacks under way, and tries some again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap(SignedDuration);

impl Overlap {
    /// The usual one: a day.
    pub const USUAL: Self = Self(SignedDuration::from_hours(24));
    /// None: the former ones are refused at once.
    pub const NONE: Self = Self(SignedDuration::ZERO);

    /// The longest. Whoever rotates wants the former ones to end.
    const LONGEST: SignedDuration = SignedDuration::from_hours(30 * 24);

    /// When it ends, if it begins now.
    pub fn until(self, now: Timestamp) -> Timestamp {
        // So near the end of time that it does not matter.
        now.checked_add(self.0).unwrap_or(Timestamp::MAX)
    }
}

impl FromStr for Overlap {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a length of time such as 24h, 90m, 7d or 0";
        let text = text.trim();
        if text == "0" {
            return Ok(Self::NONE);
        }
        let span: Span = text.parse().map_err(|_| FORM)?;
        let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| FORM)?;
        match length {
            length if length.is_negative() => Err(FORM),
            length if length > Self::LONGEST => Err("at most 30 days"),
            length => Ok(Self(length)),
        }
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

/// What a rotation would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRotation {
    /// The webhooks that get the new address.
    pub plan: Plan,
    /// Whether it goes on with one that was begun earlier, with the same token.
    pub goes_on: bool,
}

/// What is said of a configuration's rotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct RotationStatus {
    /// Whether one was begun and is not finished.
    pub under_way: bool,
    /// Until when the former token and password are good; none where they are not any more.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub former_good_until: Option<Timestamp>,
}

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RotationReport {
    #[serde(flatten)]
    pub report: ConfigureReport,
    /// Until when the former token and password are good; none where the rotation is not finished, or there is no overlap.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub former_good_until: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_length_of_time_of_at_most_thirty_days() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for (text, until) in [
            ("24h", "2026-11-24T12:00:00Z"),
            ("90m", "2026-11-23T13:30:00Z"),
            (" 1h 30m ", "2026-11-23T13:30:00Z"),
            ("7d", "2026-11-30T12:00:00Z"),
            ("30d", "2026-12-23T12:00:00Z"),
            ("0", "2026-11-23T12:00:00Z"),
            ("0s", "2026-11-23T12:00:00Z"),
        ] {
            assert_eq!(text.parse::<Overlap>().unwrap().until(now), until.parse().unwrap(), "{text}");
        }
        for text in ["", "24", "-1h", "1h ago", "soon", "31d", "5y", "721h"] {
            assert!(text.parse::<Overlap>().is_err(), "{text}");
        }
        assert_eq!("1d".parse::<Overlap>().unwrap().to_string(), "24h");
    }
}
