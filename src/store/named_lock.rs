//! A lock by name on a PostgreSQL: an advisory lock of a session of its own, with a note of whoever holds it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::database::{Address, Database, Holding, Session};
use super::error::Trouble;
use super::{Store, StoreError};

/// How often somebody who is waited for is looked after.
const LOOK: Duration = Duration::from_millis(50);

/// A lock that ends with its session. The note is in the session's own statement, so that it ends with it, too: whoever may
/// sign in as the same role sees it there.
pub struct NamedLock {
    pub(super) session: Session,
    pub(super) held: Holding,
    pub(super) note: String,
}

impl NamedLock {
    /// Takes it, or answers with the note of whoever has it; an empty one where another role has it. Whoever is `worth` it by
    /// the note is waited for, in the one session, until this much time has passed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Server`] with what is in the way.
    pub fn take(
        server: &Address,
        name: &str,
        note: &str,
        (patience, worth): (Duration, impl Fn(&str) -> bool),
    ) -> Result<Result<Self, Option<String>>, StoreError> {
        let at = |trouble: Trouble| trouble.on(server.shown());
        let (session, began) = (Session::open(server).map_err(at)?, Instant::now());
        let mut was_gone = false;
        loop {
            if let Some(held) = session.try_lock(name, note).map_err(at)? {
                return Ok(Ok(Self { session, held, note: note.to_owned() }));
            }
            match session.note_of_lock(name).map_err(at)? {
                Some(note) if worth(&note) && began.elapsed() < patience => thread::park_timeout(LOOK),
                Some(note) => return Ok(Err(Some(note))),
                // Whoever had it has given it back before its note was read.
                None if was_gone && began.elapsed() >= patience => return Ok(Err(None)),
                None => was_gone = true,
            }
        }
    }

    /// The note of whoever has it now; an empty one where another role has it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Server`] with what is in the way.
    pub fn note(server: &Address, name: &str) -> Result<Option<String>, StoreError> {
        let at = |trouble: Trouble| trouble.on(server.shown());
        Session::open(server).and_then(|session| session.note_of_lock(name)).map_err(at)
    }

    /// The notes of all who have one there now; an empty one for another role's.
    ///
    /// # Errors
    ///
    /// [`StoreError::Server`] with what is in the way.
    pub fn notes(server: &Address) -> Result<Vec<String>, StoreError> {
        let at = |trouble: Trouble| trouble.on(server.shown());
        Session::open(server).and_then(|session| session.notes()).map_err(at)
    }

    /// Whether it is still held, as far as the server answers: asked in its own session.
    pub fn is_held(&self) -> bool {
        self.session.has_lock(&self.held, &self.note)
    }
}

impl Store {
    /// The same store for whoever writes under a lock: once that is lost, every write is refused and taken back.
    #[must_use]
    pub fn under(&self, lock: &NamedLock) -> Self {
        let under = self.under.iter().copied().chain([lock.held]).collect();
        Self { under, ..self.clone() }
    }

    /// The same store for whoever writes under the locks of another one at the same server.
    #[must_use]
    pub fn locked_as(&self, other: &Self) -> Self {
        Self { under: Arc::clone(&other.under), ..self.clone() }
    }

    /// As [`NamedLock::note`], by the session of the store; none where that is a file.
    pub fn note_of_lock(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.ask(|db| db.note_of_lock(name))
    }

    /// Refuses to go on without a lock that it is written under, inside a transaction of the caller: whoever gets that lock
    /// next writes after it.
    pub(super) fn require_locks(&self, db: &Database) -> Result<(), Trouble> {
        self.under.iter().try_for_each(|held| db.require_lock(held))
    }
}

impl Drop for NamedLock {
    fn drop(&mut self) {
        self.session.unlock(&self.held);
    }
}
