//! The days that had their daily sync, and those that were missed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;

use super::database::args;
use super::error::Trouble;
use super::{Store, StoreError, maybe_time_in, time_in, time_out};
use crate::domain::configuration::ConfigurationId;
use crate::domain::daily::{DailyOutcome, DailyRun};

/// Days that are remembered.
const KEPT: i64 = 800;

impl Store {
    /// When the service first looked after a configuration: from now on, where it never has. A first look by a clock that
    /// was ahead and has been put right since is taken back, as long as no day is written down: otherwise nothing would be
    /// due until that date.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read, or written where there is something new to write.
    pub fn served_since(&self, id: &ConfigurationId, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.with(|inner| {
            let sql = "SELECT served_since, EXISTS (SELECT 1 FROM daily WHERE configuration = ?1)
                       FROM configurations WHERE id = ?1";
            let found: Option<(Option<String>, bool)> =
                inner.database.first(sql, args![id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let (since, has_days) = found.unwrap_or_default();
            if let Some(since) = maybe_time_in(since)?
                && (since <= now || has_days)
            {
                return Ok(since);
            }
            self.write_in(&mut inner.database, |db| {
                db.execute(
                    "INSERT INTO configurations (id, served_since) VALUES (?1, ?2)
                     ON CONFLICT (id) DO UPDATE SET served_since = excluded.served_since",
                    args![id.as_str(), time_out(now)],
                )
            })?;
            Ok(now)
        })
    }

    /// Writes days down, each once: what a day was written down as first is what it stays. Days that a clock ahead of this
    /// one called missed are forgotten: they are still to come.
    pub fn note_days(
        &self,
        id: &ConfigurationId,
        days: &[(Date, DailyOutcome)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|db| {
            db.execute(
                "DELETE FROM daily WHERE configuration = ?1 AND outcome = ?2 AND at > ?3",
                args![id.as_str(), DailyOutcome::Missed.word(), time_out(now)],
            )?;
            for (day, outcome) in days {
                db.execute(
                    "INSERT INTO daily (configuration, day, outcome, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                    args![id.as_str(), day.to_string(), outcome.word(), time_out(now)],
                )?;
            }
            db.execute(
                "DELETE FROM daily WHERE configuration = ?1 AND day NOT IN
                 (SELECT day FROM daily WHERE configuration = ?1 ORDER BY day DESC LIMIT ?2)",
                args![id.as_str(), KEPT],
            )?;
            Ok(())
        })
    }

    /// The days that are written down, the newest first.
    pub fn days(&self, id: &ConfigurationId) -> Result<Vec<DailyRun>, StoreError> {
        let sql = "SELECT day, outcome, at FROM daily WHERE configuration = ?1 ORDER BY day DESC";
        self.ask(|db| {
            db.rows(sql, args![id.as_str()], |row| {
                let (day, outcome, at): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(DailyRun {
                    day: day.parse().map_err(|_| Trouble::Content("a day"))?,
                    outcome: DailyOutcome::of_word(&outcome).ok_or(Trouble::Content("what became of a day"))?,
                    at: time_in(&at)?,
                })
            })
        })
    }

    /// When a day of any configuration was last written down that had its run, whatever became of that.
    pub fn last_daily_sync_of_all(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT at FROM daily WHERE outcome <> ?1";
        let missed = DailyOutcome::Missed.word();
        let times = self.ask(|db| db.rows(sql, args![missed], |row| time_in(&row.get::<String>(0)?)))?;
        Ok(times.into_iter().max())
    }

    /// The days that need no run any more. One that was called missed later than `now` was so by a clock that was ahead.
    pub fn served_days(&self, id: &ConfigurationId, now: Timestamp) -> Result<BTreeSet<Date>, StoreError> {
        let counts = |run: &DailyRun| run.outcome != DailyOutcome::Missed || run.at <= now;
        Ok(self.days(id)?.into_iter().filter(counts).map(|run| run.day).collect())
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::store::test_support::{id, store};

    #[test]
    fn day_stays_what_it_was_written_down_as() {
        let (_folder, store) = store();
        let now: Timestamp = "2026-11-23T10:53:00Z".parse().unwrap();
        let day: Date = "2026-11-23".parse().unwrap();
        assert_eq!(store.served_since(&id("acme"), now).unwrap(), now);
        let later = now + jiff::SignedDuration::from_secs(60);
        assert_eq!(store.served_since(&id("acme"), later).unwrap(), now);
        store.note_days(&id("acme"), &[(day, DailyOutcome::Synced)], now).unwrap();
        store.note_days(&id("acme"), &[(day, DailyOutcome::Missed)], later).unwrap();
        assert_eq!(store.days(&id("acme")).unwrap(), [DailyRun { day, outcome: DailyOutcome::Synced, at: now }]);
        assert!(store.served_days(&id("trial"), now).unwrap().is_empty());
        let earlier = now - jiff::SignedDuration::from_secs(60);
        store.note_days(&id("trial"), &[(day, DailyOutcome::Failed)], earlier).unwrap();
        store.note_days(&id("trial"), &[(day.tomorrow().unwrap(), DailyOutcome::Missed)], later).unwrap();
        assert_eq!(store.last_daily_sync_of_all().unwrap(), Some(now), "a missed one was none");
    }

    #[test]
    fn first_look_by_clock_ahead_is_taken_back() {
        let (_folder, store) = store();
        let [now, ahead] = ["2026-11-23T10:53:00Z", "2036-11-23T10:53:00Z"].map(|text| text.parse().unwrap());
        assert_eq!(store.served_since(&id("acme"), ahead).unwrap(), ahead);
        assert_eq!(store.served_since(&id("acme"), now).unwrap(), now);
        assert_eq!(store.served_since(&id("acme"), ahead).unwrap(), now);
        store.note_days(&id("acme"), &[("2026-11-24".parse().unwrap(), DailyOutcome::Synced)], now).unwrap();
        let earlier: Timestamp = "1970-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(store.served_since(&id("acme"), earlier).unwrap(), now);
    }

    #[test]
    fn days_of_two_years_are_kept() {
        let (_folder, store) = store();
        let now: Timestamp = "2026-11-23T10:53:00Z".parse().unwrap();
        let first: Date = "2020-01-01".parse().unwrap();
        let days: Vec<_> = (0..900).map(|n| (first.checked_add(n.days()).unwrap(), DailyOutcome::Missed)).collect();
        store.note_days(&id("acme"), &days, now).unwrap();
        let kept = store.served_days(&id("acme"), now).unwrap();
        assert_eq!((kept.len() as i64, kept.last()), (KEPT, days.last().map(|(day, _)| day)));
    }
}
