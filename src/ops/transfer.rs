//! The whole store, copied to a PostgreSQL or back from one.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;

use super::actor::actor_of;
use super::locks::hold_everything;
use crate::domain::activity::Activity;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::domain::thousands;
use crate::settings::private_file::{self, Exclusive};
use crate::settings::{Environment, Paths};
use crate::store::{Address, Audit, Proof, Snapshot, Store, StoreError, in_place, transfer};

/// A PostgreSQL that was named.
pub struct Server {
    address: Address,
    store: Store,
}

impl Server {
    /// Signs in, with the password that the file has in which PostgreSQL's own programs look for it.
    ///
    /// # Errors
    ///
    /// What is wrong with the address, the password file or the server.
    pub fn open(url: &str, paths: &Paths, environment: &Environment) -> Result<Self, Failure> {
        let named = environment.get("PGPASSFILE").filter(|file| !file.is_empty()).map(PathBuf::from);
        let file = named.or_else(|| Some(paths.home.as_ref()?.join(".pgpass")));
        let mut address = Address::new(url)?;
        if let Some(file) = file {
            address = address.with_passwords_of(&file, paths.home.as_deref())?;
        }
        Ok(Self { store: Store::on(&address)?, address })
    }

    /// The server and its database, for a person.
    pub fn shown(&self) -> &str {
        self.address.shown()
    }

    /// What is in the store there, in words; none where there is nothing.
    pub fn holds(&self) -> Result<Option<String>, Failure> {
        let (clients, events) = self.store.holds()?;
        let words = || format!("{} clients and {} events", thousands(clients), thousands(events));
        Ok((clients + events > 0).then(words))
    }

    /// Puts everything of this machine's store there, in place of what is there.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Declined`] where this machine has no store; what either store says. The one there is as it was then.
    pub fn take(&self, paths: &Paths, environment: &Environment, now: Timestamp) -> Result<Proof, Failure> {
        let none = || Failure::new(FailureKind::Declined, "there is no store on this machine").hint(Next::Sync);
        let own = Store::open_existing(&paths.store())?.ok_or_else(none)?;
        let proof = transfer(&own, &self.store)?;
        self.note("copied the store to a server", paths, environment, now)?;
        Ok(proof)
    }

    /// Makes this machine's store of what is there.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Declined`] where this machine has a store, [`FailureKind::Busy`] where somebody works with it; what
    /// either store says. This machine has no store then.
    pub fn give(&self, paths: &Paths, environment: &Environment, now: Timestamp) -> Result<Proof, Failure> {
        let _locks = hold_everything(paths, environment, "store copy", now)?;
        if self.holds()?.is_none() {
            return Err(Failure::new(
                FailureKind::Declined,
                format!("there is no copy of a store in {}", self.shown()),
            ));
        }
        let place = paths.store();
        let exclusive = Exclusive::take(&place).map_err(StoreError::from)?;
        if let Some(file) = in_place(&place) {
            let hint = Hint::from("Set it aside first: ").next(Next::SetStoreAside);
            let what = format!("there is a store on this machine: {}", private_file::quoted(&file));
            return Err(Failure::new(FailureKind::Declined, what).hint(hint));
        }
        let folder = place.parent().unwrap_or(&place);
        let beside = tempfile::Builder::new().prefix(".copy-").tempdir_in(folder);
        let beside = beside.map_err(|error| Failure::new(FailureKind::LocalState, error.to_string()))?;
        let file = beside.path().join("pia-halo.db");
        let own = Store::open(&file)?;
        let proof = transfer(&self.store, &own)?;
        drop(own);
        let whole = Snapshot::take(&file)?.ok_or_else(|| Failure::new(FailureKind::LocalState, "the copy is gone"))?;
        exclusive
            .replace_by(|to| whole.write(to, || true).map(drop).map_err(io::Error::other))
            .map_err(StoreError::from)?;
        self.note("copied the store from a server", paths, environment, now)?;
        Ok(proof)
    }

    fn note(&self, action: &str, paths: &Paths, environment: &Environment, now: Timestamp) -> Result<(), Failure> {
        let activity = Activity {
            at: now,
            who: actor_of(environment),
            configuration: None,
            action: action.to_owned(),
            object: Some(self.shown().to_owned()),
            fields: Vec::new(),
            outcome: "done".to_owned(),
            message: None,
            halo: None,
        };
        Audit::new(paths.audit()).anchored(paths.anchor()).append(&activity)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Lock;
    use crate::store::postgres_tests::Server as Postgres;
    use crate::store::test_support::{at, client, id, sync};

    #[test]
    fn store_goes_to_server_and_comes_to_machine_without_one() {
        let Some(postgres) = Postgres::start() else { return };
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let machine = |number: usize| {
            let environment = Environment::from_pairs([("HOME", folders[number].path())]);
            (Paths::from_environment(&environment).unwrap(), environment)
        };
        let ((paths, environment), (other, elsewhere)) = (machine(0), machine(1));
        let open = || Server::open(&postgres.database(), &paths, &environment).unwrap();
        let server = open();
        let none = server.take(&paths, &environment, at(0)).unwrap_err();
        assert_eq!((none.kind, none.message.as_str()), (FailureKind::Declined, "there is no store on this machine"));
        let own = Store::open(&paths.store()).unwrap();
        sync(&own, "acme", 0, &[client(1, "a"), client(2, "b")]);
        assert_eq!(server.holds().unwrap(), None);
        let empty = server.give(&other, &elsewhere, at(1)).unwrap_err();
        assert!(empty.message.starts_with("there is no copy of a store in "), "{empty:?}");
        assert!(!other.store().exists());
        let proof = server.take(&paths, &environment, at(1)).unwrap();
        assert_eq!(server.holds().unwrap().unwrap(), "2 clients and 0 events");
        sync(&own, "acme", 2, &[client(1, "a"), client(2, "b"), client(3, "c")]);
        assert_eq!(server.holds().unwrap().unwrap(), "2 clients and 0 events", "as it was then");

        let lock = Lock::take(&other.lock("service"), "serve", &actor_of(&elsewhere), at(3)).unwrap();
        assert_eq!(server.give(&other, &elsewhere, at(3)).unwrap_err().kind, FailureKind::Busy);
        drop(lock);
        let log = other.store().with_file_name("pia-halo.db-wal");
        std::fs::write(&log, "a log that a lost store has left").unwrap();
        let refused = server.give(&other, &elsewhere, at(3)).unwrap_err();
        assert!(refused.kind == FailureKind::Declined && refused.message.ends_with("pia-halo.db-wal"), "{refused:?}");
        std::fs::remove_file(&log).unwrap();
        assert_eq!(server.give(&other, &elsewhere, at(3)).unwrap(), proof);
        let copy = Store::open(&other.store()).unwrap();
        assert_eq!(copy.clients(&id("acme")).unwrap().len(), 2);
        let folder = other.store().parent().unwrap().to_owned();
        let left = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.file_name()).collect::<Vec<_>>();
        assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".copy-")), "{left:?}");
        let there = server.give(&other, &elsewhere, at(4)).unwrap_err();
        assert!(there.kind == FailureKind::Declined && there.message.starts_with("there is a store on this machine: "));
        let lines = Audit::new(other.audit()).anchored(other.anchor()).recent(1).unwrap();
        assert_eq!(lines[0].action, "copied the store from a server");
    }
}
