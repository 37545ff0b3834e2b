//! The services that work with a store on a server, as each of them tells the others.

use super::database::{Seen, Service, Session};
use super::error::Trouble;
use super::named_lock::NamedLock;
use super::{Store, StoreError};

impl Store {
    /// Tells the other services of one that stands by, and hears of all of them. None where the store is a file.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the server cannot be asked.
    pub fn meet_services(&self, own: &Service) -> Result<Vec<Seen>, StoreError> {
        self.ask(|db| db.on_session(|session| session.tell_service(own).and_then(|()| session.services("{}"))))
            .map(Option::unwrap_or_default)
    }

    /// Ends whoever has the lock of this name and leads by it, where it is hung. Says whether it was.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the server cannot be asked.
    pub fn end_hung(&self, name: &str) -> Result<bool, StoreError> {
        self.ask(|db| db.on_session(|session| session.end_hung(name))).map(|ended| ended == Some(true))
    }

    /// Notes that nobody leads any more who has: whoever is next does.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the server cannot be asked.
    pub fn follow_leader(&self) -> Result<(), StoreError> {
        self.ask(|db| db.on_session(Session::follow_leader)).map(drop)
    }

    /// Tells the others that a service leads no more, or, where it `ends`, that it is not there any more.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the server cannot be asked.
    pub fn tell_end(&self, own: &Service, ends: bool) -> Result<(), StoreError> {
        self.ask(|db| db.on_session(|session| session.tell_end(&own.run, ends))).map(drop)
    }
}

impl NamedLock {
    /// Tells, in the session of this lock, that a service leads by it, and hears of all services. None where it is lost.
    ///
    /// # Errors
    ///
    /// [`StoreError::Server`] with what is in the way.
    pub fn tell_lead(&self, own: &Service, is_failing: bool) -> Result<Option<Vec<Seen>>, StoreError> {
        let at = |trouble: Trouble| trouble.on("PostgreSQL");
        if !self.session.tell_lead(&self.held, &self.note, own, is_failing).map_err(at)? {
            return Ok(None);
        }
        self.session.services(&self.note).map(Some).map_err(at)
    }
}
