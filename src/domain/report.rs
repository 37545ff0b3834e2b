//! A month, and what is told of it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::activity::{Activity, Chain};
use super::callback::EventGroup;
use super::daily::{DailyOutcome, DailyRun};
use super::gap::Gap;
use super::health::Finding;
use super::sync_run::{ClientChange, SyncReport};

/// A month of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month(Date);

impl Month {
    /// The last one that is over.
    pub fn last_whole(now: Timestamp) -> Self {
        let this = day_of(now).first_of_month();
        Self(this.yesterday().map_or(this, Date::first_of_month))
    }

    /// Its days.
    pub fn days(self) -> impl Iterator<Item = Date> {
        self.0.series(1.day()).take_while(move |day| self.has_day(*day))
    }

    /// Its first moment.
    pub fn begins(self) -> Timestamp {
        beginning(self.0)
    }

    /// The first moment after it.
    pub fn ends(self) -> Timestamp {
        self.0.last_of_month().tomorrow().map_or(Timestamp::MAX, beginning)
    }

    /// Whether a moment lies in it.
    pub fn has(self, at: Timestamp) -> bool {
        (self.begins()..self.ends()).contains(&at)
    }

    /// Whether a day lies in it.
    pub fn has_day(self, day: Date) -> bool {
        day.first_of_month() == self.0
    }

    /// How a person calls it: `October 2026`.
    pub fn name(self) -> String {
        self.0.strftime("%B %Y").to_string()
    }
}

/// The day of a moment, in UTC.
pub fn day_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

fn beginning(day: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX)
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m"))
    }
}

impl FromStr for Month {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_form = text.len() == "2026-10".len();
        let first = is_form.then(|| format!("{text}-01").parse::<Date>().ok()).flatten();
        first.map(Self).ok_or("a month is needed: such as 2026-10")
    }
}

/// What is known of a month.
#[derive(Clone, Debug)]
pub struct MonthReport {
    /// Which.
    pub month: Month,
    /// When it was put together: what is open is so at this moment.
    pub made_at: Timestamp,
    /// The name of the configuration.
    pub title: String,
    /// The address of its Halo.
    pub halo: String,
    /// The syncs, the oldest first, each with the clients it changed.
    pub runs: Vec<(SyncReport, Vec<ClientChange>)>,
    /// The first sync that is remembered, where earlier ones of the month may be forgotten.
    pub runs_since: Option<Timestamp>,
    /// What the service has written down of days of its daily sync.
    pub days: Vec<DailyRun>,
    /// The first day of which a sync, or the want of one, is known.
    pub known_since: Option<Date>,
    /// Since when the store knows anything, where it has taken the place of another one after the month began.
    pub store_since: Option<Timestamp>,
    /// What each webhook brought.
    pub events: Vec<(EventGroup, EventCounts)>,
    /// From when on events are kept, where that is later than the month begins.
    pub events_since: Option<Timestamp>,
    /// Gaps in the callbacks that ended in the month.
    pub gaps: Vec<Gap>,
    /// The lines of the audit trail, the oldest first.
    pub activity: Vec<Activity>,
    /// Whether the audit trail is whole.
    pub trail: Chain,
    /// What needs attention, the worst first.
    pub open: Vec<Finding>,
}

impl MonthReport {
    /// The days that are over, from the first of which anything is known, and this one once it has a sync; each with what became
    /// of its sync. Whoever ran it, a day whose clients were read and stored has one.
    pub fn sync_days(&self) -> Vec<(Date, Option<DailyOutcome>)> {
        let stored = self.runs.iter().map(|(run, _)| run).filter(|run| run.status.has_published());
        let stored: BTreeSet<Date> = stored.map(|run| day_of(run.started_at)).collect();
        let outcome = |day: Date| {
            let noted = self.days.iter().find(|noted| noted.day == day).map(|noted| noted.outcome);
            if stored.contains(&day) { Some(DailyOutcome::Synced) } else { noted }
        };
        let (today, days) = (day_of(self.made_at), self.month.days().map(|day| (day, outcome(day))));
        days.filter(|(day, outcome)| {
            let is_over = *day < today || *day == today && *outcome == Some(DailyOutcome::Synced);
            is_over && self.known_since.is_some_and(|since| *day >= since)
        })
        .collect()
    }
}

/// How many events there were, and what became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct EventCounts {
    /// All that came in.
    pub received: u64,
    /// Those of them that were missed and fetched later.
    pub fetched: u64,
    /// Those of them that were not understood.
    pub not_understood: u64,
    /// Forwarded.
    pub delivered: u64,
    /// Waiting to be forwarded.
    pub pending: u64,
    /// Given up.
    pub undelivered: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sync_run::SyncStatus;

    #[test]
    fn month_is_read_and_has_its_days_and_no_others() {
        let month: Month = "2026-02".parse().unwrap();
        assert_eq!((month.to_string(), month.name()), ("2026-02".to_owned(), "February 2026".to_owned()));
        for (at, is_in) in [
            ("2026-01-31T23:59:59.999Z", false),
            ("2026-02-01T00:00:00Z", true),
            ("2026-02-28T23:59:59.999Z", true),
            ("2026-03-01T00:00:00Z", false),
        ] {
            assert_eq!(month.has(at.parse().unwrap()), is_in, "{at}");
        }
        for wrong in ["", "2026", "2026-13", "2026-2", "26-02", "2026-02-01", "2026-02-", "february"] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }

    /// Those of a timer count like those of the service; a day on which nothing was stored is one without, whatever ran.
    #[test]
    fn days_with_sync_are_days_and_not_rows_of_service() {
        let run = |at: &str, status| {
            let at = at.parse().unwrap();
            let run = SyncReport { started_at: at, finished_at: at, ..SyncReport::blank(status, at) };
            (run, Vec::new())
        };
        let noted = |day: &str, outcome| DailyRun { day: day.parse().unwrap(), outcome, at: Timestamp::UNIX_EPOCH };
        let (complete, failed) = (SyncStatus::Complete, SyncStatus::Failed);
        let report = MonthReport {
            month: "2026-02".parse().unwrap(),
            made_at: "2026-02-08T12:00:00Z".parse().unwrap(),
            title: String::new(),
            halo: String::new(),
            runs: vec![
                run("2026-02-03T04:30:00Z", complete),
                run("2026-02-03T09:00:00Z", complete),
                run("2026-02-04T04:30:00Z", failed),
                run("2026-02-06T23:59:59Z", complete),
            ],
            runs_since: None,
            days: vec![noted("2026-02-05", DailyOutcome::Synced), noted("2026-02-07", DailyOutcome::Missed)],
            known_since: Some("2026-02-02".parse().unwrap()),
            events: Vec::new(),
            events_since: None,
            store_since: None,
            gaps: Vec::new(),
            activity: Vec::new(),
            trail: Chain::default(),
            open: Vec::new(),
        };
        let told: Vec<(i8, Option<DailyOutcome>)> =
            report.sync_days().into_iter().map(|(day, outcome)| (day.day(), outcome)).collect();
        let synced = Some(DailyOutcome::Synced);
        let missed = Some(DailyOutcome::Missed);
        assert_eq!(told, [(2, None), (3, synced), (4, None), (5, synced), (6, synced), (7, missed)]);
        assert!(MonthReport { known_since: None, ..report }.sync_days().is_empty());
    }

    #[test]
    fn last_whole_month_is_one_before_this() {
        for (now, last) in [
            ("2026-11-30T23:59:59Z", "2026-10"),
            ("2026-12-01T00:00:00Z", "2026-11"),
            ("2027-01-01T00:00:00Z", "2026-12"),
        ] {
            assert_eq!(Month::last_whole(now.parse().unwrap()).to_string(), last, "{now}");
        }
    }
}
