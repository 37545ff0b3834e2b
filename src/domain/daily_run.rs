//! What became of a day's sync.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

/// A day that is over for the daily sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DailyRun {
    /// The day, in UTC.
    pub day: Date,
    /// What became of it.
    pub outcome: DailyOutcome,
    /// When that was known.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub at: Timestamp,
}

/// What became of a day's sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DailyOutcome {
    /// It ran, and what it read was stored.
    Synced,
    /// It ran, and waits for a yes: more clients are gone than a run may disable by itself.
    Held,
    /// It was tried until the next day came, and did not succeed.
    Failed,
    /// The service did not run, and a late run follows.
    Missed,
}

impl DailyOutcome {
    const ALL: [Self; 4] = [Self::Synced, Self::Held, Self::Failed, Self::Missed];

    /// The word for it, as it is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Missed => "missed",
        }
    }

    /// The outcome with this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}
