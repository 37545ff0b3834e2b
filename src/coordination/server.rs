//! Locks between the programs of several machines: those of a PostgreSQL, each of a session of its own.

use std::time::Duration;

use jiff::Timestamp;

use super::{Holder, LockError, Whoever};
use crate::domain::activity::Actor;
use crate::store::{Address, NamedLock, Store, StoreError};

/// How long the end of a session is waited for whose program was killed.
const ENDS: Duration = Duration::from_secs(3);

/// A lock that is held until it is dropped, or until the session ends: with the program or the server, and within a minute of
/// the machine.
pub struct Shared {
    lock: NamedLock,
}

impl Shared {
    /// Takes the lock of this name in a database, or says who holds it: at once, unless that is a program of this installation,
    /// which was killed then.
    ///
    /// # Errors
    ///
    /// [`LockError::Held`] where another program has it, [`LockError::Server`] where the server cannot be used.
    pub fn take(server: &Address, name: &str, what: &str, who: &Actor, now: Timestamp) -> Result<Self, LockError> {
        let own = server.installation();
        let is_own = |holder: &Holder| !own.is_empty() && holder.installation == own;
        Self::take_after(server, name, what, (who, now), (ENDS, is_own))
    }

    /// The same, and whoever holds it is waited for until so much time has passed.
    ///
    /// # Errors
    ///
    /// As [`Shared::take`].
    pub fn take_within(
        server: &Address,
        name: &str,
        what: &str,
        (who, now): (&Actor, Timestamp),
        patience: Duration,
    ) -> Result<Self, LockError> {
        Self::take_after(server, name, what, (who, now), (patience, |_: &Holder| true))
    }

    fn take_after(
        server: &Address,
        name: &str,
        what: &str,
        (who, now): (&Actor, Timestamp),
        (patience, worth): (Duration, impl Fn(&Holder) -> bool),
    ) -> Result<Self, LockError> {
        let own = server.installation().to_owned();
        let holder = Holder { installation: own, ..Holder::this(what, who, server.host(), now) };
        let note = serde_json::to_string(&holder).unwrap_or_default();
        let worth = |note: &str| read(note).is_some_and(|holder| worth(&holder));
        match NamedLock::take(server, name, &note, (patience, worth))? {
            Ok(lock) => Ok(Self { lock }),
            Err(note) => Err(LockError::Held(note.and_then(|note| read(&note)).map(Box::new))),
        }
    }

    /// Who holds the lock of this name now.
    ///
    /// # Errors
    ///
    /// [`LockError::Server`] where the server cannot be used.
    pub fn holder(server: &Address, name: &str) -> Result<Option<Whoever>, LockError> {
        Ok(NamedLock::note(server, name)?.map(|note| Whoever(read(&note))))
    }

    /// Whoever holds a lock there now, whatever it is called.
    ///
    /// # Errors
    ///
    /// [`LockError::Server`] where the server cannot be used.
    pub fn holders(server: &Address) -> Result<Vec<Whoever>, LockError> {
        Ok(NamedLock::notes(server)?.iter().map(|note| Whoever(read(note))).collect())
    }

    /// The same by a session that is open already.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the server cannot be asked.
    pub fn holder_by(store: &Store, name: &str) -> Result<Option<Whoever>, StoreError> {
        Ok(store.note_of_lock(name)?.map(|note| Whoever(read(&note))))
    }

    /// The lock itself, by which whoever works under it sees whether it is still there.
    pub fn lock(&self) -> &NamedLock {
        &self.lock
    }
}

/// A note that somebody else wrote, or one that is cut off, tells nothing.
fn read(note: &str) -> Option<Holder> {
    serde_json::from_str(note).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;
    use crate::store::postgres_tests::Postgres;
    use crate::store::test_support::at;

    fn actor() -> Actor {
        Actor { user: "ada */ /* '".to_owned(), ..Actor::default() }
    }

    /// The same promises, between machines.
    #[test]
    fn lock_of_server_ends_with_its_session_and_names_its_holder() {
        let Some(postgres) = Postgres::start() else { return };
        let address = Address::new(&postgres.new_database("locks")).unwrap();
        let take = |name: &str, second| Shared::take(&address, name, "sync", &actor(), at(second));
        let held = take("sync-acme", 0).unwrap();
        let holder = Holder::this("sync", &actor(), address.host(), at(0));
        for _ in 0..2 {
            let Err(LockError::Held(told)) = take("sync-acme", 1) else { panic!() };
            assert_eq!(told.as_deref(), Some(&holder));
        }
        assert_eq!(Shared::holder(&address, "sync-acme").unwrap(), Some(Whoever(Some(holder.clone()))));
        assert!(held.lock().is_held());
        // That was asked in the session of the lock, and its note is there still.
        assert_eq!(Shared::holder(&address, "sync-acme").unwrap(), Some(Whoever(Some(holder.clone()))));
        let store = Store::on(&address).unwrap();
        assert_eq!(Shared::holder_by(&store, "sync-acme").unwrap(), Some(Whoever(Some(holder.clone()))));
        // What another role does, a role does not see; that it has it, it does.
        postgres.sql("locks", "CREATE ROLE guest LOGIN");
        let guest = Address::new(&format!("{}/locks", postgres.url().replace("pia@", "guest@"))).unwrap();
        assert_eq!(Shared::holder(&guest, "sync-acme").unwrap(), Some(Whoever(None)));
        let refused = Shared::take(&guest, "sync-acme", "sync", &actor(), at(1));
        assert!(matches!(refused, Err(LockError::Held(None))));
        // Another name, and another database, is another lock.
        drop(take("sync-beta", 1).unwrap());
        let other = Address::new(&postgres.new_database("other")).unwrap();
        drop(Shared::take(&other, "sync-acme", "sync", &actor(), at(1)).unwrap());
        // Its program was killed: the server ends the session.
        postgres.sql("locks", "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'");
        while Shared::holder(&address, "sync-acme").unwrap().is_some() {}
        assert!(!held.lock().is_held());
        let again = take("sync-acme", 2).unwrap();
        assert!(!held.lock().is_held(), "it is another's");
        drop((held, again));
        assert_eq!(Shared::holder(&address, "sync-acme").unwrap(), None, "given back, not only left");
    }

    /// Of many at once one has it, and the others are told.
    #[test]
    fn one_of_many_gets_lock_of_server() {
        let Some(postgres) = Postgres::start() else { return };
        let address = Address::new(&postgres.new_database("locks")).unwrap();
        let (together, have) = (Barrier::new(8), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    together.wait();
                    let taken = Shared::take(&address, "sync-acme", "sync", &Actor::default(), at(0));
                    have.fetch_add(usize::from(taken.is_ok()), Ordering::SeqCst);
                    assert!(matches!(taken, Ok(_) | Err(LockError::Held(_))));
                    together.wait();
                });
            }
        });
        assert_eq!(have.load(Ordering::SeqCst), 1);
    }
}
