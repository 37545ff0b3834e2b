//! A period in which Halo's callbacks were missed, and what was fetched afterwards.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

// Below this, minutes do not tell its length.
const SHORT: SignedDuration = SignedDuration::from_mins(2);

/// A gap that was handled. It is kept only if something was found in it, or could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// From when on something may have been missed.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub since: Timestamp,
    /// Until when.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub until: Timestamp,
    /// Events that were fetched out of Halo's delivery log.
    pub from_log: u64,
    /// Events that stand for a ticket that had changed, where the log told nothing.
    pub from_tickets: u64,
    /// What could not be had, in sentences.
    pub problems: Vec<String>,
}

impl Gap {
    /// Whether there is anything to be told.
    pub fn is_news(&self) -> bool {
        self.from_log + self.from_tickets > 0 || !self.problems.is_empty()
    }

    /// When it was: `between 30 Nov 22:03 and 22:10 UTC`; a short one to the second, so that it has a length.
    pub fn between(&self) -> String {
        let same_day = self.since.strftime("%F").to_string() == self.until.strftime("%F").to_string();
        let time = if self.until.duration_since(self.since) < SHORT { "%H:%M:%S" } else { "%H:%M" };
        let day = if same_day { "" } else { "%d %b " };
        let (since, until) = (self.since.strftime(&format!("%d %b {time}")).to_string(), format!("{day}{time}"));
        format!("between {since} and {} UTC", self.until.strftime(&until))
    }

    /// All there is to tell of it: a sentence each.
    pub fn words(&self) -> Vec<String> {
        self.fetched().into_iter().chain(self.lost()).collect()
    }

    /// What was fetched: a sentence each.
    pub fn fetched(&self) -> Vec<String> {
        let between = self.between();
        let fetched = |count: u64, from: &str| match count {
            0 => None,
            1 => Some(format!("1 event {between} was fetched from {from}")),
            count => Some(format!("{} events {between} were fetched from {from}", super::thousands(count))),
        };
        let found = [fetched(self.from_log, "Halo's log"), fetched(self.from_tickets, "the tickets that had changed")];
        found.into_iter().flatten().collect()
    }

    /// What could not be had: a sentence each.
    pub fn lost(&self) -> Vec<String> {
        let between = self.between();
        self.problems.iter().map(|problem| format!("events may be missing {between}: {problem}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gap_says_how_many_were_fetched_from_where() {
        let mut gap = Gap {
            since: "2026-11-23T02:10:05Z".parse().unwrap(),
            until: "2026-11-23T02:14:00Z".parse().unwrap(),
            from_log: 3,
            from_tickets: 0,
            problems: Vec::new(),
        };
        assert_eq!(gap.fetched(), ["3 events between 23 Nov 02:10 and 02:14 UTC were fetched from Halo's log"]);
        gap.from_log = 0;
        assert!(!gap.is_news());
        gap.from_tickets = 1;
        gap.until = "2026-11-24T02:14:00Z".parse().unwrap();
        gap.problems.push("Halo's log is empty".to_owned());
        assert_eq!(
            gap.fetched(),
            ["1 event between 23 Nov 02:10 and 24 Nov 02:14 UTC was fetched from the tickets that had changed"]
        );
        let lost = ["events may be missing between 23 Nov 02:10 and 24 Nov 02:14 UTC: Halo's log is empty"];
        assert_eq!(gap.lost(), lost);
    }

    #[test]
    fn short_gap_has_length() {
        let gap = Gap {
            since: "2026-11-30T22:03:05Z".parse().unwrap(),
            until: "2026-11-30T22:03:07Z".parse().unwrap(),
            from_log: 0,
            from_tickets: 0,
            problems: vec!["Halo's log is incomplete".to_owned()],
        };
        let lost = ["events may be missing between 30 Nov 22:03:05 and 22:03:07 UTC: Halo's log is incomplete"];
        assert_eq!(gap.lost(), lost);
    }
}
