//! A lock by name on a PostgreSQL: an advisory lock of a session of its own, with a note of whoever holds it.

use super::database::{Address, Database, Holding, Session};
use super::error::Trouble;
use super::{Store, StoreError};

/// A lock that ends with its session. The note is in the session's own statement, so that it ends with it, too: whoever may
/// sign in as the same role sees it there.
pub struct NamedLock {
    session: Session,
    pub(super) held: Holding,
    note: String,
}

impl NamedLock {
    /// Takes it, or answers at once with the note of whoever has it; an empty one where another role has it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Server`] with what is in the way.
    pub fn take(server: &Address, name: &str, note: &str) -> Result<Result<Self, Option<String>>, StoreError> {
        let at = |trouble: Trouble| trouble.on(server.shown());
        let session = Session::open(server).map_err(at)?;
        // Whoever has it may give it back before its note is read.
        for _ in 0..2 {
            if let Some(held) = session.try_lock(name, note).map_err(at)? {
                return Ok(Ok(Self { session, held, note: note.to_owned() }));
            }
            if let Some(note) = session.note_of_lock(name).map_err(at)? {
                return Ok(Err(Some(note)));
            }
        }
        Ok(Err(None))
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
