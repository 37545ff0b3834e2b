//! Until when no callback was missed, and the gaps that were looked after.

use jiff::Timestamp;

use super::arriving::{self, NewEvent};
use super::database::{Database, args};
use super::error::Trouble;
use super::events::moment;
use super::{Store, StoreError};
use crate::domain::configuration::ConfigurationId;
use crate::domain::event::FetchedFrom;
use crate::domain::gap::Gap;

/// Gaps of a configuration that are kept.
const KEPT: i64 = 100;

impl Store {
    /// Until when nothing was missed, as far as it is known: what was written down, or the last callback after it. None for
    /// a configuration that no service has looked after.
    pub fn complete_until(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        let sql =
            "SELECT complete_until, (SELECT received_at FROM events WHERE configuration = ?1 AND fetched_from IS NULL
                       ORDER BY number DESC LIMIT 1) FROM configurations WHERE id = ?1 AND complete_until IS NOT NULL";
        self.ask(|db| {
            let found: Option<(i64, Option<i64>)> =
                db.first(sql, args![id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            found.map(|(written, event)| moment(event.map_or(written, |event| event.max(written)))).transpose()
        })
    }

    /// Writes down that nothing was missed until this moment.
    pub fn note_complete(&self, id: &ConfigurationId, until: Timestamp) -> Result<(), StoreError> {
        self.write(|db| complete(db, id, until))
    }

    /// Remembers that callbacks were missed from this moment on, whichever host has missed them, until that is looked after.
    pub fn note_missed(&self, id: &ConfigurationId, since: Timestamp) -> Result<(), StoreError> {
        self.write(|db| {
            db.execute(
                "INSERT INTO configurations (id, missed_since, misses) VALUES (?1, ?2, 1)
                 ON CONFLICT (id) DO UPDATE SET misses = configurations.misses + 1, missed_since =
                     CASE WHEN configurations.missed_since < excluded.missed_since THEN configurations.missed_since
                     ELSE excluded.missed_since END",
                args![id.as_str(), since.as_millisecond()],
            )?;
            Ok(())
        })
    }

    /// From when on callbacks were missed that nobody has looked after, and how often that was noted; none where none were.
    pub fn missed(&self, id: &ConfigurationId) -> Result<Option<(Timestamp, i64)>, StoreError> {
        let sql = "SELECT missed_since, misses FROM configurations WHERE id = ?1 AND missed_since IS NOT NULL";
        self.ask(|db| {
            let found: Option<(i64, i64)> = db.first(sql, args![id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            found.map(|(since, misses)| Ok((moment(since)?, misses))).transpose()
        })
    }

    /// Forgets it once it was looked after until this moment. Where more was noted meanwhile, what is left begins there.
    pub fn forget_missed(&self, id: &ConfigurationId, misses: i64, until: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE configurations SET missed_since = CASE WHEN misses = ?2 THEN NULL
                   WHEN missed_since < ?3 THEN ?3 ELSE missed_since END WHERE id = ?1 AND missed_since IS NOT NULL";
        self.write(|db| db.execute(sql, args![id.as_str(), misses, until.as_millisecond()]).map(drop))
    }

    /// Stores the events of a gap that are not there yet, and writes the gap down, in one write: killed before it, the
    /// next look finds the same gap. Answers the gap with what was new.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written; then nothing of it is.
    pub fn close_gap<'a>(
        &self,
        id: &ConfigurationId,
        gap: Gap,
        events: impl IntoIterator<Item = NewEvent<'a>>,
    ) -> Result<Gap, StoreError> {
        self.write(|db| {
            let mut gap = Gap { from_log: 0, from_tickets: 0, ..gap };
            for event in events {
                if arriving::insert(db, &event)? {
                    match event.fetched_from {
                        Some(FetchedFrom::Tickets) => gap.from_tickets += 1,
                        _ => gap.from_log += 1,
                    }
                }
            }
            if gap.is_news() {
                let text = serde_json::to_string(&gap).map_err(|_| Trouble::Content("a gap"))?;
                let [since, until] = [gap.since, gap.until].map(Timestamp::as_millisecond);
                db.execute(
                    "INSERT INTO gaps (configuration, since, until, gap) VALUES (?1, ?2, ?3, ?4)",
                    args![id.as_str(), since, until, text],
                )?;
                db.execute(
                    "DELETE FROM gaps WHERE configuration = ?1 AND number <=
                     (SELECT number FROM gaps WHERE configuration = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
                    args![id.as_str(), KEPT],
                )?;
            }
            complete(db, id, gap.until)?;
            Ok(gap)
        })
    }

    /// The gaps that ended after a moment, the newest first.
    pub fn gaps(&self, id: &ConfigurationId, after: Timestamp) -> Result<Vec<Gap>, StoreError> {
        self.ask(|db| {
            let sql = "SELECT gap FROM gaps WHERE configuration = ?1 AND until > ?2 ORDER BY number DESC";
            let texts = db.rows(sql, args![id.as_str(), after.as_millisecond()], |row| row.get::<String>(0))?;
            // What another version of this program wrote and this one does not understand is no news any more.
            Ok(texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
        })
    }
}

fn complete(db: &Database, id: &ConfigurationId, until: Timestamp) -> Result<(), Trouble> {
    db.execute(
        "INSERT INTO configurations (id, complete_until) VALUES (?1, ?2)
         ON CONFLICT (id) DO UPDATE SET complete_until = excluded.complete_until",
        args![id.as_str(), until.as_millisecond()],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{at, id, store};

    /// Whoever keeps on being refused, such as a forger, does not keep the whole past open.
    #[test]
    fn what_was_looked_after_is_left_behind_although_more_is_missed() {
        let (_folder, store) = store();
        let acme = id("acme");
        store.note_missed(&acme, at(10)).unwrap();
        let (since, misses) = store.missed(&acme).unwrap().unwrap();
        assert_eq!(since.as_second(), at(10).as_second());
        store.note_missed(&acme, at(30)).unwrap();
        store.forget_missed(&acme, misses, at(40)).unwrap();
        let (since, misses) = store.missed(&acme).unwrap().unwrap();
        assert_eq!(since.as_second(), at(40).as_second());
        store.forget_missed(&acme, misses, at(50)).unwrap();
        assert_eq!(store.missed(&acme).unwrap(), None);
    }
}
