//! Locks by name: advisory locks, each with a note of whoever has it in the last statement of its session.

use sha2::{Digest as _, Sha256};

use super::{GRACE, Session, wait};
use crate::store::error::Trouble;

/// What comes first in the number of every lock by name: "PiaN".
const NAMED_LOCK: i32 = 0x5069_614e;

/// What a note is between in the statement that takes a lock.
pub(super) const NOTE: [&str; 2] = ["/* ", " */"];

impl Session {
    /// Takes the lock of this name until the session ends; none where another one has it. The note says who has it.
    pub(in crate::store) fn try_lock(&self, name: &str, note: &str) -> Result<Option<Holding>, Trouble> {
        let number = number_of(name);
        // A session that has it is given it once more.
        let sql = format!("SELECT FROM pg_locks WHERE {} AND pid = pg_backend_pid()", is_named_lock(number));
        if !self.wait(self.client.query(&sql, &[]))??.is_empty() {
            return Err(Trouble::Pooler);
        }
        let (note, [begin, end]) = (harmless(note), NOTE);
        // A session that does nothing is what holds it. What it tells of its holder need not be on the disk.
        self.batch("SET idle_session_timeout = 0; SET synchronous_commit = off")?;
        let sql = format!(
            "SELECT pg_try_advisory_lock({NAMED_LOCK}, {number}), pg_backend_pid(), {} {begin}{note}{end}",
            started("pg_backend_pid()")
        );
        let taken = self.wait(self.client.query_one(&sql, &[]))??;
        let holding = Holding { number, pid: taken.try_get(1)?, started: taken.try_get(2)? };
        Ok(taken.try_get::<_, bool>(0)?.then_some(holding))
    }

    /// Gives a lock back, so that whoever comes next finds it free.
    pub(in crate::store) fn unlock(&self, held: &Holding) {
        let sql = format!("SELECT pg_advisory_unlock({NAMED_LOCK}, {})", held.number);
        // It ends with the session in any case.
        if !self.has_ended() {
            _ = wait(self.client.batch_execute(&sql), GRACE, None);
        }
    }

    /// Refuses to go on where another session has lost its lock, or is this one: then a pooler gives it to others, too.
    pub(in crate::store) fn require_lock(&self, held: &Holding) -> Result<(), Trouble> {
        let sql = format!("SELECT pid = pg_backend_pid() FROM pg_locks WHERE {}", held.is_there());
        match self.query(&self.prepare(&sql)?, &[])?.first() {
            Some(row) if row.try_get(0)? => Err(Trouble::Pooler),
            Some(_) => Ok(()),
            None => Err(Trouble::LockLost),
        }
    }

    /// Whether this session still has its lock, as far as the server answers. The note stays where others read it.
    pub(in crate::store) fn has_lock(&self, held: &Holding, note: &str) -> bool {
        let [begin, end] = NOTE;
        let is_own = format!("{} AND pid = pg_backend_pid()", held.is_there());
        let sql = format!("{begin}{}{end} SELECT FROM pg_locks WHERE {is_own}", harmless(note));
        matches!(self.wait(self.client.query(&sql, &[])), Ok(Ok(found)) if !found.is_empty())
    }

    /// The notes of all who have a lock by name in this database, in the order in which their sessions began.
    pub(in crate::store) fn notes(&self) -> Result<Vec<String>, Trouble> {
        let sql = format!(
            "SELECT query FROM pg_stat_activity JOIN pg_locks USING (pid)
             WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND CAST(classid AS BIGINT) = {NAMED_LOCK}
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY backend_start"
        );
        let rows = self.wait(self.client.query(&sql, &[]))??;
        let notes = rows.iter().map(|row| row.try_get::<_, Option<String>>(0)).collect::<Result<Vec<_>, _>>()?;
        Ok(notes.into_iter().map(|query| note_in(query).unwrap_or_default()).collect())
    }

    /// The note of whoever has the lock of this name in this database; an empty one where another role has it.
    pub(in crate::store) fn note_of_lock(&self, name: &str) -> Result<Option<String>, Trouble> {
        let sql = format!(
            "SELECT query FROM pg_stat_activity JOIN pg_locks USING (pid)
             WHERE {}",
            is_named_lock(number_of(name))
        );
        let rows = self.wait(self.client.query(&sql, &[]))??;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(note_in(row.try_get(0)?).unwrap_or_default()))
    }
}

/// Which session has a lock by name.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Holding {
    number: i32,
    pub(super) pid: i32,
    /// When it began, in microseconds: a server that was started again gives the same numbers to others.
    pub(super) started: i64,
}

impl Holding {
    /// What is so of its row in `pg_locks` while that session has it.
    pub(super) fn is_there(&self) -> String {
        let Self { number, pid, started: began } = self;
        format!("{} AND pid = {pid} AND {} = {began}", is_named_lock(*number), started(&pid.to_string()))
    }
}

/// When the session of this process of the server began.
fn started(pid: &str) -> String {
    let micros = "CAST(extract(epoch FROM backend_start) * 1000000 AS BIGINT)";
    format!("(SELECT {micros} FROM pg_stat_get_activity({pid}))")
}

/// A note of which nothing can end the comment that it is in, or begin another one: JSON can say a letter by its number.
pub(super) fn harmless(note: &str) -> String {
    note.replace('*', "\\u002a").replace('/', "\\u002f")
}

/// The note in the last statement of a session.
fn note_in(query: Option<String>) -> Option<String> {
    let [begin, end] = NOTE;
    Some(query?.split_once(begin)?.1.rsplit_once(end)?.0.to_owned())
}

/// What is so of a lock by name in `pg_locks`, once somebody has it.
pub(super) fn is_named_lock(number: i32) -> String {
    format!(
        "locktype = 'advisory' AND granted AND objsubid = 2
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND CAST(classid AS BIGINT) = {NAMED_LOCK} AND CAST(CAST(objid AS BIGINT) AS BIT(32)) = CAST({number} AS BIT(32))"
    )
}

/// The number of a name.
pub(super) fn number_of(name: &str) -> i32 {
    let sum = Sha256::digest(name);
    i32::from_be_bytes([sum[0], sum[1], sum[2], sum[3]])
}

#[cfg(test)]
mod tests {
    use super::super::Address;
    use super::*;
    use crate::store::postgres_tests::Postgres;

    /// As behind a pooler that gives one session of the server to several programs.
    #[test]
    fn lock_is_not_believed_in_session_that_others_have_too() {
        let Some(postgres) = Postgres::start() else { return };
        let address = Address::new(&postgres.new_database("locks")).unwrap();
        let [session, other] = [(); 2].map(|()| Session::open(&address).unwrap());
        let held = session.try_lock("copy", "{}").unwrap().unwrap();
        other.require_lock(&held).unwrap();
        assert!(other.try_lock("copy", "{}").unwrap().is_none());
        assert!(matches!(session.require_lock(&held), Err(Trouble::Pooler)));
        assert!(matches!(session.try_lock("copy", "{}"), Err(Trouble::Pooler)));
        // After a restart of the server somebody else's session may have the number of ours.
        let former = Holding { started: held.started - 1, ..held };
        assert!(session.has_lock(&held, "{}") && !session.has_lock(&former, "{}"));
        assert!(matches!(other.require_lock(&former), Err(Trouble::LockLost)));
        session.unlock(&held);
        assert!(matches!(other.require_lock(&held), Err(Trouble::LockLost)));
        other.try_lock("copy", "{}").unwrap().unwrap();
    }
}
