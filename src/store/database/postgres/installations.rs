//! Who works with a store on a server: several installations at once, or one that has to be alone.
//!
//! Each session holds a lock of its installation, which ends with it, and that of whoever is alone one more: nobody comes in beside
//! it, and it comes in beside nobody. How often somebody was alone stands in a table: whoever has lost his session, and finds
//! that somebody was meanwhile, knows nothing any more.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use super::address::Installation;
use super::named::number_of;
use super::services::KEPT;
use super::{Begun, SIGNED_IN_FROM, Session};
use crate::store::error::Trouble;

/// Whoever comes in or looks who is there, holds it for that long: "PiaT".
const TURN_LOCK: i64 = 0x5069_6154;

/// What comes first in the number of the lock of an installation: "PiaI".
const INSTALLATION: i32 = 0x5069_6149;

/// The same of one that is alone: "PiaA".
const ALONE: i32 = 0x5069_6141;

/// The table that says who was in, and in which turn: one who is alone begins the next.
const HOSTS: &str = "pia_halo_hosts";

/// How long it may do nothing in between.
const COMING_IN: Duration = Duration::from_secs(10);

/// How often, and how soon again, whoever of the same name is in is waited for.
const TRIES: usize = 60;
const TRY: Duration = Duration::from_millis(50);

impl Session {
    /// Comes in for this installation until the session ends, and keeps every other one away where it is `alone`. `has_form` says
    /// whether there is a store that it could be in.
    pub(in crate::store) fn come_in(&self, own: &Installation, has_form: bool, alone: bool) -> Result<(), Trouble> {
        // A session that does nothing is what keeps others away.
        self.batch("SET idle_session_timeout = 0")?;
        for _ in 0..TRIES {
            match self.try_to_come_in(own, has_form, alone) {
                // The program that has just ended here: its session is about to.
                Err(Trouble::InUse { host: Some(host), .. }) if host == own.name() => thread::park_timeout(TRY),
                other => return other,
            }
        }
        self.try_to_come_in(own, has_form, alone)
    }

    fn try_to_come_in(&self, own: &Installation, has_form: bool, alone: bool) -> Result<(), Trouble> {
        let number = number_in(own);
        let begun = self.begin_turn()?;
        self.require_nobody_else(number, if alone { INSTALLATION } else { ALONE })?;
        if has_form {
            self.take_turn(own, alone)?;
        }
        for class in [INSTALLATION].into_iter().chain(alone.then_some(ALONE)) {
            self.batch(&format!("SELECT pg_advisory_lock_shared({class}, {number})"))?;
        }
        begun.commit()
    }

    /// Which hosts have come in lately, and when last, by the server's clock.
    pub(in crate::store) fn came_in(&self) -> Result<BTreeMap<String, Option<Timestamp>>, Trouble> {
        if !self.has_table(HOSTS)? {
            return Ok(BTreeMap::new());
        }
        let sql = format!(
            "SELECT name, CAST(extract(epoch FROM max(seen_at)) * 1000000 AS BIGINT) FROM {HOSTS}
             WHERE seen_at > now() - {KEPT} GROUP BY name"
        );
        let read = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, Timestamp::from_microsecond(row.try_get(1)?).ok()));
        self.wait(self.client.query(&sql, &[]))??.iter().map(read).collect()
    }

    /// Is not alone any more.
    pub(in crate::store) fn let_others_in(&self, own: &Installation) -> Result<(), Trouble> {
        self.batch(&format!("SELECT pg_advisory_unlock_shared({ALONE}, {})", number_in(own)))
    }

    /// Every host that comes in waits for its end: one that was stopped in the middle is ended there.
    fn begin_turn(&self) -> Result<Begun<'_>, Trouble> {
        let begun = Begun { session: self, is_open: true };
        let idle = self.idle.min(COMING_IN).as_millis().max(1);
        self.batch(&format!(
            "BEGIN; SET LOCAL idle_in_transaction_session_timeout = {idle}; SELECT pg_advisory_xact_lock({TURN_LOCK})"
        ))?;
        Ok(begun)
    }

    /// Refuses where another installation has a lock of this class.
    fn require_nobody_else(&self, number: i32, class: i32) -> Result<(), Trouble> {
        let sql = format!(
            "SELECT pid = pg_backend_pid(), application_name, CAST(extract(epoch FROM backend_start) AS BIGINT)
             FROM pg_locks LEFT JOIN pg_stat_activity USING (pid)
             WHERE locktype = 'advisory' AND granted AND objsubid = 2
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND CAST(classid AS BIGINT) IN ({INSTALLATION}, {ALONE})
             AND (pid = pg_backend_pid() OR CAST(classid AS BIGINT) = {class}
                  AND CAST(CAST(objid AS BIGINT) AS BIT(32)) <> CAST({number} AS BIT(32)))
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

    fn take_turn(&self, own: &Installation, alone: bool) -> Result<(), Trouble> {
        // Nothing is altered that need not be: a dump that is being made would have to be waited for.
        let sql = "SELECT attname = 'session' FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0";
        let columns = self.wait(self.client.query(sql, &[&HOSTS]))??;
        let columns = columns.iter().map(|row| row.try_get(0)).collect::<Result<Vec<bool>, _>>()?;
        if columns.is_empty() {
            self.batch(&format!(
                "CREATE TABLE {HOSTS} (installation TEXT PRIMARY KEY, name TEXT NOT NULL, turn BIGINT NOT NULL, \
                 session TEXT NOT NULL, seen_at TIMESTAMPTZ NOT NULL)"
            ))?;
        } else if !columns.contains(&true) {
            self.batch(&format!("ALTER TABLE {HOSTS} ADD COLUMN session TEXT NOT NULL DEFAULT ''"))?;
        }
        let sql = format!("SELECT name, turn FROM {HOSTS} ORDER BY turn DESC, seen_at DESC LIMIT 1");
        let rows = self.wait(self.client.query(&sql, &[]))??;
        let (mut turn, mut last) = (1, None);
        if let Some(row) = rows.first() {
            (last, turn) = (Some(row.try_get(0)?), row.try_get(1)?);
        }
        let known = own.turn.load(Ordering::SeqCst);
        if known != 0 && known != turn {
            return Err(Trouble::InUseMeanwhile(last));
        }
        turn += i64::from(alone);
        let sql = format!(
            "INSERT INTO {HOSTS} (installation, name, turn, session, seen_at) VALUES ($1, $2, $3, $4, now())
             ON CONFLICT (installation) DO UPDATE
             SET name = excluded.name, turn = excluded.turn, session = excluded.session, seen_at = now()"
        );
        self.wait(self.client.execute(&sql, &[&own.key, &own.name(), &turn, &own.group]))??;
        own.turn.store(turn, Ordering::SeqCst);
        Ok(())
    }
}

/// What the programs of an installation that run now have in common, as a number.
fn number_in(own: &Installation) -> i32 {
    number_of(&format!("{} {}", own.key, own.group))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::postgres_tests::Postgres;
    use crate::store::{Address, Store};

    /// One that was stopped while it came in keeps the others out for seconds, and not for good.
    #[test]
    fn host_that_stops_while_it_comes_in_is_not_waited_for() {
        let Some(server) = Postgres::start() else { return };
        let mut address = Address::new(&server.new_database("turns")).unwrap();
        address.idle = Duration::from_millis(300);
        let stopped = Session::open(&address).unwrap();
        let begun = stopped.begin_turn().unwrap();
        Store::on(&address.of(Installation::new("key".to_owned(), "jump2".to_owned()))).unwrap();
        assert!(stopped.batch("SELECT 1").is_err(), "the server has ended it");
        drop(begun);
    }
}
