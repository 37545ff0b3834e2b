//! What the programs of several machines have sent to a Halo, counted together.

use std::time::Duration;

use super::Session;
use crate::store::error::Trouble;

/// The table that they count in. It is nobody's but this server's, and not of the form; what a crash of the server takes from it
/// is not missed.
const REQUESTS: &str = "pia_halo_requests";

/// Whoever counts holds it: "PiaR".
const LOCK: i64 = 0x5069_6152;

/// No window is longer.
const KEPT: &str = "INTERVAL '70 minutes'";

impl Session {
    /// Makes the table where there is none.
    pub(in crate::store) fn be_able_to_count(&self) -> Result<(), Trouble> {
        // From then on names are those of the store's schema.
        self.form()?;
        if self.has_table(REQUESTS)? {
            return Ok(());
        }
        self.batch(&format!(
            "BEGIN; SELECT pg_advisory_xact_lock({LOCK}); CREATE UNLOGGED TABLE IF NOT EXISTS {REQUESTS}
             (halo TEXT NOT NULL, sent_at TIMESTAMPTZ NOT NULL, requests INTEGER NOT NULL); COMMIT"
        ))
    }

    /// Answers how long ago each request of the last `window` was sent, oldest first, and counts as many more as `take` says. With
    /// an error, the session is of no use any more.
    pub(in crate::store) fn count_requests(
        &self,
        halo: &str,
        window: Duration,
        take: &mut dyn FnMut(&[Duration]) -> usize,
    ) -> Result<Vec<Duration>, Trouble> {
        // Beside the lock of whoever writes the store, which a sync may hold for minutes. What is dated ahead is of a clock that
        // was set back since.
        self.batch(&format!(
            "BEGIN; SELECT pg_advisory_xact_lock({LOCK}); DELETE FROM {REQUESTS}
             WHERE sent_at < clock_timestamp() - {KEPT} OR sent_at > clock_timestamp()"
        ))?;
        let sql = format!(
            "SELECT CAST(extract(epoch FROM clock_timestamp() - sent_at) * 1000000 AS BIGINT), requests FROM {REQUESTS}
             WHERE halo = $1 AND sent_at > clock_timestamp() - make_interval(secs => $2) ORDER BY sent_at"
        );
        let mut before = Vec::new();
        for row in self.wait(self.client.query(&sql, &[&halo, &window.as_secs_f64()]))?? {
            let (age, requests): (i64, i32) = (row.try_get(0)?, row.try_get(1)?);
            let age = Duration::from_micros(u64::try_from(age).unwrap_or(0));
            before.extend(std::iter::repeat_n(age, usize::try_from(requests).unwrap_or(0)));
        }
        let more = i32::try_from(take(&before)).unwrap_or(i32::MAX);
        if more > 0 {
            let sql = format!("INSERT INTO {REQUESTS} VALUES ($1, clock_timestamp(), $2)");
            self.wait(self.client.execute(&sql, &[&halo, &more]))??;
        }
        self.batch("COMMIT")?;
        Ok(before)
    }
}
