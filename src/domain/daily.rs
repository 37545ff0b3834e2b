//! Which daily sync is due, and what became of a day's: one for each UTC day, at the Daily Sync Time.
//!
//! A run belongs to the day whose time it serves. What was served is remembered as days and not as a moment, so that a
//! clock that is put forward or back, a machine that slept, or a changed Daily Sync Time never makes a second run for
//! the same day.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Serialize;

use super::daily_sync_time::DailySyncTime;

/// A run that begins later than this after its time is a late run.
pub const PUNCTUAL: SignedDuration = SignedDuration::from_mins(2);

/// Days without a run that are written down at once: a clock that jumps by years must not fill the history.
const LONGEST_GAP: usize = 366;

/// What is known about the daily runs of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daily {
    /// When a run is due on each day.
    pub time: DailySyncTime,
    /// When the service first looked after this configuration: no day before it was missed.
    pub since: Timestamp,
    /// How old the stored list is; none where there is none.
    pub list_at: Option<Timestamp>,
    /// The days that had their run, or were written down as missed.
    pub served: BTreeSet<Date>,
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// A run is due.
    Now {
        /// The day that it serves.
        day: Date,
        /// Whether its time is long past.
        late: bool,
        /// Days before it that had no run, and get none any more: one late run counts for all of them.
        missed: Vec<Date>,
    },
    /// Nothing before this moment.
    At(Timestamp),
}

impl Daily {
    /// What is due at this moment.
    pub fn due(&self, now: Timestamp) -> Due {
        let today = TimeZone::UTC.to_datetime(now).date();
        let latest = if now >= self.time.on(today) { today } else { before(today) };
        let slot = self.time.on(latest);
        // Where the service is new, a list that is older than the last due time gets a late run as a missed day does.
        let is_due = slot >= self.since || self.list_at.is_some_and(|list| list < slot);
        if is_due && slot <= now && !self.served.contains(&latest) {
            let late = now.duration_since(slot) > PUNCTUAL;
            return Due::Now { day: latest, late, missed: self.missed_before(latest) };
        }
        let mut next = after(latest);
        while self.served.contains(&next) && next < Date::MAX {
            next = after(next);
        }
        Due::At(self.time.on(next))
    }

    fn missed_before(&self, day: Date) -> Vec<Date> {
        let mut missed = Vec::new();
        let mut earlier = before(day);
        while missed.len() < LONGEST_GAP
            && earlier > Date::MIN
            && self.time.on(earlier) >= self.since
            && !self.served.contains(&earlier)
        {
            missed.push(earlier);
            earlier = before(earlier);
        }
        missed.reverse();
        missed
    }
}

fn before(day: Date) -> Date {
    day.checked_sub(1.day()).unwrap_or(Date::MIN)
}

fn after(day: Date) -> Date {
    day.checked_add(1.day()).unwrap_or(Date::MAX)
}

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn daily(since: &str, served: &[&str]) -> Daily {
        Daily {
            time: DailySyncTime::EXAMPLE,
            since: at(since),
            list_at: None,
            served: served.iter().map(|text| day(text)).collect(),
        }
    }

    #[test]
    fn list_older_than_last_due_time_is_caught_up_at_first_start() {
        let mut daily = daily("2026-11-23T12:00:00Z", &[]);
        let now = at("2026-11-23T12:00:00Z");
        assert_eq!(
            daily.due(now),
            Due::At(at("2026-11-24T04:30:00Z")),
            "nothing is stored: the first sync is a person's"
        );
        daily.list_at = Some(at("2026-11-23T05:00:00Z"));
        assert_eq!(daily.due(now), Due::At(at("2026-11-24T04:30:00Z")));
        daily.list_at = Some(at("2026-10-01T05:00:00Z"));
        assert_eq!(daily.due(now), Due::Now { day: day("2026-11-23"), late: true, missed: Vec::new() });
        daily.served.insert(day("2026-11-23"));
        assert_eq!(daily.due(now), Due::At(at("2026-11-24T04:30:00Z")), "once");
    }

    #[test]
    fn run_is_due_at_its_time_and_not_again_that_day() {
        let mut daily = daily("2026-11-20T12:00:00Z", &[]);
        assert_eq!(daily.due(at("2026-11-20T12:00:00Z")), Due::At(at("2026-11-21T04:30:00Z")), "nothing was missed");
        let now = at("2026-11-21T04:30:00Z");
        assert_eq!(daily.due(now), Due::Now { day: day("2026-11-21"), late: false, missed: vec![] });
        daily.served.insert(day("2026-11-21"));
        assert_eq!(daily.due(now), Due::At(at("2026-11-22T04:30:00Z")));
    }

    /// R46: one late run, whatever was missed, and it is known what.
    #[test]
    fn days_without_machine_get_one_run_and_are_named() {
        for (off, missed) in [(1, 0), (2, 1), (30, 29)] {
            let daily = daily("2026-01-01T00:00:00Z", &["2026-03-01"]);
            let back = at("2026-03-01T10:00:00Z") + SignedDuration::from_hours(24 * off);
            let Due::Now { day: due, late, missed: days } = daily.due(back) else { panic!("{off} days") };
            assert_eq!(due, TimeZone::UTC.to_datetime(back).date());
            assert!(late);
            assert_eq!(days.len(), missed, "{off} days");
            assert_eq!(days.first().copied(), (missed > 0).then(|| day("2026-03-02")));
        }
        // Back before today's time: the run of yesterday comes late, and today's still comes at its time.
        let mut daily = daily("2026-01-01T00:00:00Z", &["2026-03-01"]);
        let back = at("2026-03-03T03:00:00Z");
        assert_eq!(daily.due(back), Due::Now { day: day("2026-03-02"), late: true, missed: vec![] });
        daily.served.insert(day("2026-03-02"));
        assert_eq!(daily.due(back), Due::At(at("2026-03-03T04:30:00Z")));
    }

    /// R47: an hour forward or back, ten years forward and home again, and 1970.
    #[test]
    fn clock_that_jumps_makes_no_second_run() {
        let mut daily = daily("2026-11-01T00:00:00Z", &["2026-11-22", "2026-11-23"]);
        assert_eq!(daily.due(at("2026-11-23T03:40:00Z")), Due::At(at("2026-11-24T04:30:00Z")), "an hour back");
        assert_eq!(daily.due(at("1970-01-01T05:00:00Z")), Due::At(at("1970-01-02T04:30:00Z")));
        let Due::Now { day: due, missed, .. } = daily.due(at("2036-11-23T05:00:00Z")) else { panic!() };
        assert_eq!((due, missed.len()), (day("2036-11-23"), LONGEST_GAP));
        daily.served.insert(due);
        daily.served.extend(missed);
        assert_eq!(daily.due(at("2026-11-23T12:00:00Z")), Due::At(at("2026-11-24T04:30:00Z")), "home again");
        assert!(matches!(daily.due(at("2026-11-24T04:30:00Z")), Due::Now { .. }));
        for extreme in [Timestamp::MIN, Timestamp::MAX] {
            daily.due(extreme);
        }
    }

    #[test]
    fn changed_time_makes_no_second_run_of_day() {
        let mut daily = daily("2026-11-01T00:00:00Z", &["2026-11-22", "2026-11-23"]);
        for time in ["00:00", "05:00", "23:59"] {
            daily.time = DailySyncTime::parse(time).unwrap();
            let Due::At(moment) = daily.due(at("2026-11-23T12:00:00Z")) else { panic!("{time}") };
            assert_eq!(TimeZone::UTC.to_datetime(moment).date(), day("2026-11-24"), "{time}");
        }
    }

    /// R45: each of the 1,440 times, over 400 days, the program on and off by seed. Who had a chance is counted in plain
    /// minutes, apart from every calendar: a day has one if the program ran between its time and that of the next day.
    #[test]
    fn every_day_that_had_chance_runs_once_at_each_of_1440_times() {
        const DAY: i64 = 1_440;
        let began = at("2026-02-01T00:00:00Z");
        let moment = |minute: i64| began + SignedDuration::from_mins(minute);
        let mut seed = 45_u64;
        let mut random = |below: i64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as i64 % below
        };
        for minute in 0..DAY {
            let time = DailySyncTime::parse(&format!("{:02}:{:02}", minute / 60, minute % 60)).unwrap();
            let since = random(DAY);
            let mut daily = Daily { time, since: moment(since), list_at: None, served: BTreeSet::new() };
            let (mut ran, mut lost, mut chances) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
            let mut on = since;
            while on < 400 * DAY {
                let off = on + random(7 * DAY);
                let day_of = |at: i64| (at - minute).div_euclid(DAY);
                chances.extend((day_of(on)..=day_of(off)).filter(|day| day * DAY + minute >= since));
                let mut now = on;
                while now <= off {
                    match daily.due(moment(now)) {
                        Due::Now { day, missed, .. } => {
                            ran.push(day);
                            lost.extend(missed.iter().copied());
                            daily.served.insert(day);
                            daily.served.extend(missed);
                        }
                        Due::At(next) => now = (next.as_second() - began.as_second()) / 60,
                    }
                }
                on = off + 1 + random(4 * DAY);
            }
            let first = TimeZone::UTC.to_datetime(began).date();
            let wanted: Vec<Date> = chances.iter().map(|day| first.checked_add(day.days()).unwrap()).collect();
            assert_eq!(ran, wanted, "{time}: each once, in order");
            assert!(ran.iter().all(|day| !lost.contains(day)), "{time}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        /// R45: the program runs and does not run by seed, over 400 days: one run for every day whose time came while it
        /// ran or before it ran next, each other day written down as missed, and never two.
        #[test]
        fn every_day_has_one_run_or_is_known_as_missed(
            minute in 0_i8..60, hour in 0_i8..24, start in 0_i64..86_400,
            naps in prop::collection::vec((0_i64..200_000, 0_i64..400_000), 1..120),
        ) {
            let time = DailySyncTime::parse(&format!("{hour:02}:{minute:02}")).unwrap();
            let began = at("2026-02-01T00:00:00Z") + SignedDuration::from_secs(start);
            let mut daily = Daily { time, since: began, list_at: None, served: BTreeSet::new() };
            let mut runs: BTreeMap<Date, u32> = BTreeMap::new();
            let mut lost: BTreeSet<Date> = BTreeSet::new();
            let end = began + SignedDuration::from_hours(24 * 400);
            let mut now = began;
            'naps: for (awake, asleep) in naps {
                let until = now + SignedDuration::from_secs(awake);
                while now <= until {
                    match daily.due(now) {
                        Due::Now { day, missed, .. } => {
                            *runs.entry(day).or_default() += 1;
                            lost.extend(missed.iter().copied());
                            daily.served.insert(day);
                            daily.served.extend(missed);
                        }
                        Due::At(next) if next > until => break,
                        Due::At(next) => {
                            prop_assert!(next > now);
                            now = next;
                        }
                    }
                    if now > end {
                        break 'naps;
                    }
                }
                now = until + SignedDuration::from_secs(asleep);
            }
            prop_assert!(runs.values().all(|count| *count == 1));
            prop_assert!(runs.keys().all(|day| !lost.contains(day)));
            // No day between the first and the last run is forgotten.
            if let (Some(first), Some(last)) = (runs.keys().next(), runs.keys().next_back()) {
                let mut day = *first;
                while day < *last {
                    prop_assert!(runs.contains_key(&day) || lost.contains(&day), "{day}");
                    day = after(day);
                }
            }
        }
    }
}
