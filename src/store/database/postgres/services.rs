//! The services that work with a store on a server: each tells the others that it is there and what it can do, and who of them
//! leads.

use jiff::Timestamp;

use super::named::{NOTE, harmless};
use super::{Holding, Session};
use crate::store::error::Trouble;

/// The table that says which services there are. It is nobody's but this server's, and not of the form.
const SERVICES: &str = "pia_halo_services";

/// How long a service is there after it has told so.
const THERE: &str = "INTERVAL '20 seconds'";

/// A leader that has not told for so long is hung, and is ended.
const HUNG: &str = "INTERVAL '60 seconds'";

/// How long a leader may fail for a cause of its own, and how long it does not lead then where another one can.
const FAILS: &str = "INTERVAL '5 minutes'";
const RESTS: &str = "INTERVAL '10 minutes'";

/// How long a service is remembered that is not there any more.
pub(super) const KEPT: &str = "INTERVAL '7 days'";

/// A service, as it tells the others of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// What tells this run of it from every other one.
    pub run: String,
    /// The profile of a machine that it is of.
    pub installation: String,
    /// What its machine is called.
    pub host: String,
    /// Its version.
    pub version: String,
    /// Where it forwards to; none where it does not.
    pub forwards: Option<String>,
    /// Whether it could do what whoever leads has to do, as far as it knows.
    pub is_able: bool,
}

/// A service, as the others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// As [`Service::run`].
    pub run: String,
    /// What its machine is called.
    pub host: String,
    /// Its version.
    pub version: String,
    /// When it was there last, by the server's clock, in microseconds.
    pub(in crate::store) seen_at: i64,
    /// Where it forwards to.
    pub forwards: Option<String>,
    /// Whether it is there now.
    pub is_there: bool,
    /// Whether it leads.
    pub leads: bool,
    /// Whether it can do what whoever leads has to do: it has what it needs, and has not failed at it for minutes.
    pub is_able: bool,
}

impl Seen {
    /// When it was there last, by the server's clock.
    pub fn seen_at(&self) -> Option<Timestamp> {
        Timestamp::from_microsecond(self.seen_at).ok()
    }

    /// How much it can do: one that can do more leads.
    pub fn worth(&self) -> (bool, bool) {
        (self.is_able, self.forwards.is_some())
    }
}

impl Session {
    /// Tells that a service is there that stands by.
    pub(in crate::store) fn tell_service(&self, own: &Service) -> Result<(), Trouble> {
        if !self.has_table(SERVICES)? {
            self.batch(&format!(
                "CREATE TABLE IF NOT EXISTS {SERVICES} (run TEXT PRIMARY KEY, installation TEXT NOT NULL, host TEXT NOT NULL, \
                 version TEXT NOT NULL, seen_at TIMESTAMPTZ NOT NULL, forwards TEXT, able BOOLEAN NOT NULL, leads BOOLEAN NOT NULL, \
                 ended BOOLEAN NOT NULL, pid INTEGER, started BIGINT, failing_since TIMESTAMPTZ, rests_until TIMESTAMPTZ)"
            ))?;
        }
        // One before it on this host, or one that has not been there for long, counts no more.
        let forget = format!(
            "DELETE FROM {SERVICES} WHERE seen_at < now() - {KEPT} OR NOT leads AND run <> $1 AND installation = $2
             AND (ended OR seen_at < now() - {THERE})"
        );
        self.wait(self.client.execute(&forget, &[&own.run, &own.installation]))??;
        let sql = format!(
            "INSERT INTO {SERVICES} (run, installation, host, version, seen_at, forwards, able, leads, ended)
             VALUES ($1, $2, $3, $4, now(), $5, $6, false, false) ON CONFLICT (run) DO UPDATE
             SET seen_at = CASE WHEN {SERVICES}.leads THEN {SERVICES}.seen_at ELSE now() END,
                 forwards = excluded.forwards, able = excluded.able, ended = false"
        );
        let Service { run, installation, host, version, forwards, is_able } = own;
        self.wait(self.client.execute(&sql, &[run, installation, host, version, forwards, is_able]))??;
        Ok(())
    }

    /// Tells, in the session of the lock of whoever leads, that it does: says no where that lock is lost.
    pub(in crate::store) fn tell_lead(
        &self,
        held: &Holding,
        note: &str,
        own: &Service,
        is_failing: bool,
    ) -> Result<bool, Trouble> {
        let ([begin, end], Holding { pid, started, .. }) = (NOTE, held);
        let sql = format!(
            "{begin}{}{end} UPDATE {SERVICES} SET seen_at = now(), leads = true, able = $2, pid = {pid}, started = {started},
             failing_since = CASE WHEN $3 THEN coalesce(failing_since, now()) END
             WHERE run = $1 AND EXISTS (SELECT FROM pg_locks WHERE {} AND pid = pg_backend_pid())",
            harmless(note),
            held.is_there()
        );
        Ok(self.wait(self.client.execute(&sql, &[&own.run, &own.is_able, &is_failing]))?? > 0)
    }

    /// Whoever has led leads no more.
    pub(in crate::store) fn follow_leader(&self) -> Result<(), Trouble> {
        self.batch(&format!("UPDATE {SERVICES} SET leads = false WHERE leads"))
    }

    /// Tells that a service does not lead any more, in order; one that has failed rests. Where it `ends`, it is not there either.
    pub(in crate::store) fn tell_end(&self, run: &str, ends: bool) -> Result<(), Trouble> {
        let sql = format!(
            "UPDATE {SERVICES} SET leads = false, ended = $2, failing_since = NULL,
             rests_until = CASE WHEN failing_since < now() - {FAILS} THEN now() + {RESTS} ELSE rests_until END WHERE run = $1"
        );
        self.wait(self.client.execute(&sql, &[&run, &ends]))??;
        Ok(())
    }

    /// The same for whoever only looks: there may have been none yet.
    pub(in crate::store) fn known_services(&self) -> Result<Vec<Seen>, Trouble> {
        if self.has_table(SERVICES)? { self.services("{}") } else { Ok(Vec::new()) }
    }

    /// Whether the server has this table.
    pub(super) fn has_table(&self, name: &str) -> Result<bool, Trouble> {
        let there = self.wait(self.client.query("SELECT to_regclass($1) IS NOT NULL", &[&name]))??;
        Ok(there.first().map_or(Ok(false), |row| row.try_get(0))?)
    }

    /// The services that are remembered, those that can do most first. Whoever leads asks in the session of its lock, with its note.
    pub(in crate::store) fn services(&self, note: &str) -> Result<Vec<Seen>, Trouble> {
        let [begin, end] = NOTE;
        let sql = format!(
            "{begin}{}{end} SELECT run, host, version, CAST(extract(epoch FROM seen_at) * 1000000 AS BIGINT), forwards,
             NOT ended AND seen_at > now() - {THERE}, leads,
             able AND coalesce(failing_since > now() - {FAILS}, true) AND coalesce(rests_until < now(), true)
             FROM {SERVICES} WHERE seen_at > now() - {KEPT} ORDER BY 8 DESC, forwards IS NULL, host",
            harmless(note)
        );
        let read = |row: &tokio_postgres::Row| {
            Ok(Seen {
                run: row.try_get(0)?,
                host: row.try_get(1)?,
                version: row.try_get(2)?,
                seen_at: row.try_get(3)?,
                forwards: row.try_get(4)?,
                is_there: row.try_get(5)?,
                leads: row.try_get(6)?,
                is_able: row.try_get(7)?,
            })
        };
        self.wait(self.client.query(&sql, &[]))??.iter().map(read).collect()
    }

    /// Ends the session that has the lock of this name, where whoever leads by it has not told for long that it does: it writes
    /// nothing more then. Says whether there was one.
    pub(in crate::store) fn end_hung(&self, name: &str) -> Result<bool, Trouble> {
        let sql = format!(
            "SELECT pg_terminate_backend(lock.pid) FROM pg_locks lock, pg_stat_get_activity(lock.pid) session
             WHERE {} AND coalesce((SELECT max(told.seen_at) FROM {SERVICES} told WHERE told.pid = lock.pid
                 AND told.started = CAST(extract(epoch FROM session.backend_start) * 1000000 AS BIGINT)),
                 session.backend_start) < now() - {HUNG}",
            super::named::is_named_lock(super::named::number_of(name))
        );
        Ok(!self.wait(self.client.query(&sql, &[]))??.is_empty())
    }
}
