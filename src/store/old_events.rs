//! How long events are kept, and how the old ones go.

use jiff::{SignedDuration, Timestamp};

use super::database::args;
use super::{Store, StoreError};
use crate::domain::event::EVENTS_KEPT_DAYS;

/// How long events are kept.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24 * EVENTS_KEPT_DAYS);

/// How much of the oldest is forgotten in one go. A day's is what there is to forget each day; a clock that was put years
/// ahead must not cost everything.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24 * 2);

/// How long an event that still has to be forwarded is kept beyond that: one that was sent again on its last day is tried
/// for three days. What was never tried in all this time, because nothing is forwarded, goes as well.
pub(super) const KEPT_TO_FORWARD: SignedDuration = SignedDuration::from_hours(24 * 3);

/// Events that are forgotten in one write: a callback that comes meanwhile waits for no more than this.
pub const STEP: usize = 1_000;

impl Store {
    /// What there is to forget at this moment: events that are older than thirty days, those that still have to be forwarded
    /// three days later, and no more than the oldest two days of them, because it is asked for each day.
    pub fn old_events(&self, now: Timestamp) -> Result<OldEvents, StoreError> {
        let ago = |time: SignedDuration| now.checked_sub(time).unwrap_or(Timestamp::MIN).as_millisecond();
        let (done, waiting) = (ago(KEPT), ago(KEPT + KEPT_TO_FORWARD));
        let sql = format!("SELECT min(received_at) FROM events WHERE {OLD}");
        let oldest: Option<i64> = self.ask(|db| db.value(&sql, args![done, waiting]))?;
        let end = oldest.map_or(i64::MIN, |oldest| oldest.saturating_add(FORGOTTEN.as_millis() as i64));
        Ok(OldEvents { done: done.min(end), waiting: waiting.min(end) })
    }

    /// Forgets the oldest of them, [`STEP`] at most. Answers how many: with fewer than that, they are all gone.
    pub fn forget_events(&self, old: OldEvents) -> Result<usize, StoreError> {
        self.with(|inner| {
            let sql = format!(
                "DELETE FROM events WHERE number IN
                 (SELECT number FROM events WHERE {OLD} ORDER BY received_at LIMIT {STEP})"
            );
            let forgotten = self.write_in(&mut inner.database, |db| db.execute(&sql, args![old.done, old.waiting]))?;
            inner.counted.clear();
            Ok(forgotten as usize)
        })
    }
}

/// Events that are to be forgotten: by the moments before which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldEvents {
    done: i64,
    waiting: i64,
}

/// Which events came before the first moment, or, where they still have to be forwarded, before the second.
pub(super) const OLD: &str = "received_at < ?1 AND (forward IS DISTINCT FROM 'pending' OR received_at < ?2)";
