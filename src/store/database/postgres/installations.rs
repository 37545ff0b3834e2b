//! One installation at a time works with a store on a server.
//!
//! Each of its sessions holds a lock in common, which ends with the session; where another installation holds one, nobody comes
//! in. Whose turn it is stands in a table as well: whoever has lost his session, and finds that another one had its turn
//! meanwhile, knows nothing any more.

use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::address::Installation;
use super::{Begun, SIGNED_IN_FROM, Session, number_of};
use crate::store::error::Trouble;

/// Whoever comes in or looks who is there, holds it for that long: "PiaT".
const TURN_LOCK: i64 = 0x5069_6154;

/// What comes first in the number of the lock of an installation: "PiaI".
const INSTALLATION: i32 = 0x5069_6149;

/// The table that says whose turn it is.
const HOSTS: &str = "pia_halo_hosts";

impl Session {
    /// Comes in for this installation, and keeps every other one away until the session ends. `has_form` says whether there is
    /// a store that it could be its turn at.
    pub(in crate::store) fn come_in(&self, own: &Installation, has_form: bool) -> Result<(), Trouble> {
        let number = number_of(&own.key);
        // A session that does nothing is what keeps others away.
        self.batch("SET idle_session_timeout = 0")?;
        let begun = Begun { session: self, is_open: true };
        self.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock({TURN_LOCK})"))?;
        self.require_nobody_else(number)?;
        if has_form {
            self.take_turn(own)?;
        }
        self.batch(&format!("SELECT pg_advisory_lock_shared({INSTALLATION}, {number})"))?;
        begun.commit()
    }

    fn require_nobody_else(&self, number: i32) -> Result<(), Trouble> {
        let sql = format!(
            "SELECT pid = pg_backend_pid(), application_name, CAST(extract(epoch FROM backend_start) AS BIGINT)
             FROM pg_locks LEFT JOIN pg_stat_activity USING (pid)
             WHERE locktype = 'advisory' AND granted AND objsubid = 2
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND CAST(classid AS BIGINT) = {INSTALLATION}
             AND (pid = pg_backend_pid() OR CAST(CAST(objid AS BIGINT) AS BIT(32)) <> CAST({number} AS BIT(32)))
             ORDER BY 1 DESC, 3"
        );
        let rows = self.wait(self.client.query(&sql, &[]))??;
        let Some(row) = rows.first() else { return Ok(()) };
        // A lock from before the session began: it is not for one program.
        if row.try_get(0)? {
            return Err(Trouble::Pooler);
        }
        let (name, since): (Option<String>, Option<i64>) = (row.try_get(1)?, row.try_get(2)?);
        let host = name.and_then(|name| name.strip_prefix(SIGNED_IN_FROM).map(str::to_owned));
        Err(Trouble::InUse { host, since: since.and_then(|since| Timestamp::from_second(since).ok()) })
    }

    fn take_turn(&self, own: &Installation) -> Result<(), Trouble> {
        let is_there = self.wait(self.client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&HOSTS]))??;
        if !is_there.try_get::<_, bool>(0)? {
            self.batch(&format!(
                "CREATE TABLE {HOSTS} (installation TEXT PRIMARY KEY, name TEXT NOT NULL, turn BIGINT NOT NULL, \
                 seen_at TIMESTAMPTZ NOT NULL)"
            ))?;
        }
        let sql = format!("SELECT installation, name, turn FROM {HOSTS} ORDER BY turn DESC LIMIT 1");
        let rows = self.wait(self.client.query(&sql, &[]))??;
        let (mut turn, mut last) = (0, None);
        if let Some(row) = rows.first() {
            turn = row.try_get(2)?;
            last = Some((row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?));
        }
        let is_own = last.as_ref().is_some_and(|(key, _)| *key == own.key);
        let known = own.turn.load(Ordering::SeqCst);
        if known != 0 && !(is_own && known == turn) {
            return Err(Trouble::InUseMeanwhile(last.filter(|_| !is_own).map(|(_, name)| name)));
        }
        if !is_own {
            turn += 1;
        }
        let sql = format!(
            "INSERT INTO {HOSTS} (installation, name, turn, seen_at) VALUES ($1, $2, $3, now())
             ON CONFLICT (installation) DO UPDATE SET name = excluded.name, turn = excluded.turn, seen_at = now()"
        );
        self.wait(self.client.execute(&sql, &[&own.key, &own.name(), &turn]))??;
        own.turn.store(turn, Ordering::SeqCst);
        Ok(())
    }
}
