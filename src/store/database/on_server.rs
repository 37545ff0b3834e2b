//! What only a database on a server knows or does; a file answers with nothing.

use std::sync::Arc;

use super::postgres::{FORM, SIGNED_IN_FROM, TELL_SETTINGS, met};
use super::value::args;
use super::{Database, Engine, GoOn, Holding, Installation, Session};
use crate::domain::host::Host;
use crate::store::error::Trouble;

impl Database {
    /// From now on no answer of a server is waited for once this says no.
    pub(in crate::store) fn heed(&self, go_on: &GoOn) {
        if let Engine::Postgres(_, session) = &self.engine {
            session.heed(Arc::clone(go_on));
        }
    }

    /// To the end of this write, what a server is asked again and again is planned once, whatever comes into its tables meanwhile.
    pub(in crate::store) fn plan_once(&self) -> Result<(), Trouble> {
        self.on_session(|session| session.batch("SET LOCAL plan_cache_mode = force_generic_plan")).map(drop)
    }

    /// Makes or upgrades the form on a server, in a write that was begun. That of a file is of now once it is open.
    pub(in crate::store) fn bring_up(&self) -> Result<(), Trouble> {
        if let Engine::Postgres(_, session) = &self.engine { session.bring_up() } else { Ok(()) }
    }

    /// Keeps other installations away from a server as long as this is open.
    pub(in crate::store) fn come_in(&self, own: &Installation, has_form: bool) -> Result<(), Trouble> {
        if let Engine::Postgres(_, session) = &self.engine { session.come_in(own, has_form, own.alone) } else { Ok(()) }
    }

    /// Refuses to go on where a lock on its server was lost.
    pub(in crate::store) fn require_lock(&self, held: &Holding) -> Result<(), Trouble> {
        if let Engine::Postgres(_, session) = &self.engine { session.require_lock(held) } else { Ok(()) }
    }

    /// Asks the session of a server; a file answers with none.
    pub(in crate::store) fn on_session<R>(
        &self,
        ask: impl FnOnce(&Session) -> Result<R, Trouble>,
    ) -> Result<Option<R>, Trouble> {
        if let Engine::Postgres(_, session) = &self.engine { ask(session).map(Some) } else { Ok(None) }
    }

    /// The note of whoever has the lock of this name on its server; an empty one where another role has it.
    pub(in crate::store) fn note_of_lock(&self, name: &str) -> Result<Option<String>, Trouble> {
        if let Engine::Postgres(_, session) = &self.engine { session.note_of_lock(name) } else { Ok(None) }
    }

    /// Tells the other programs at a server, once it is kept, that what hosts have in common is written.
    pub(in crate::store) fn tell_settings(&self) -> Result<(), Trouble> {
        if let Engine::Postgres(_, session) = &self.engine { session.batch(TELL_SETTINGS) } else { Ok(()) }
    }

    /// The machines that work with a server now, or have lately.
    pub(in crate::store) fn hosts(&self) -> Result<Vec<Host>, Trouble> {
        let sql = "SELECT DISTINCT substr(application_name, CAST(?1 AS INTEGER)) FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name LIKE CAST(?2 AS TEXT)
                     AND (?3 = 1 OR pid <> pg_backend_pid()) ORDER BY 1";
        let Engine::Postgres(server, session) = &self.engine else { return Ok(Vec::new()) };
        // Whoever only asks works with nothing.
        let works = i64::from(server.own.is_some());
        let from = i64::try_from(SIGNED_IN_FROM.len() + 1).unwrap_or(1);
        let signed_in = self.rows(sql, args![from, format!("{SIGNED_IN_FROM}%"), works], |row| row.get(0))?;
        Ok(met(&signed_in, &session.known_services()?, &session.came_in()?))
    }

    /// Which machine's copy it is on a server, and as of when; none where it is no copy.
    pub(in crate::store) fn copied(&self) -> Result<Option<(String, String)>, Trouble> {
        let sql = format!("SELECT copied_from, copied_at FROM {FORM}");
        let found: Option<(Option<String>, Option<String>)> =
            self.first(&sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.and_then(|(host, at)| host.zip(at)))
    }

    /// Notes on a server which machine's copy it is, and as of when; that it is none.
    pub(in crate::store) fn set_copied(&self, copied: Option<(&str, &str)>) -> Result<(), Trouble> {
        let (host, at) = copied.unzip();
        let sql = format!("UPDATE {FORM} SET copied_from = CAST(?1 AS TEXT), copied_at = CAST(?2 AS TEXT)");
        if self.is_file() { Ok(()) } else { self.execute(&sql, args![host, at]).map(drop) }
    }
}
