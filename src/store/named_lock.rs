//! A lock by name on a PostgreSQL: an advisory lock of a session of its own, with a note of whoever holds it.

use super::StoreError;
use super::database::{Address, Holding, Session};
use super::error::Trouble;

/// A lock that ends with its session. The note is in the session's own statement, so that it ends with it, too: whoever may
/// sign in as the same role sees it there.
pub struct NamedLock {
    session: Session,
    pub(super) held: Holding,
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
                return Ok(Ok(Self { session, held }));
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
}

impl Drop for NamedLock {
    fn drop(&mut self) {
        self.session.unlock(&self.held);
    }
}
