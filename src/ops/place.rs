//! Where the store is: a file of this machine, or the PostgreSQL that the settings name. Only here it is opened.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::installation;
use super::pg_service::{self, Filled};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::halo::{Governors, SharedCount};
use crate::settings::private_file::quoted;
use crate::settings::{Environment, Paths, Settings, SharedStore, store_password};
use crate::store::{Address, RequestCount, Store, StoreError, in_place};

/// Where the store is, and what it is opened for.
#[derive(Clone)]
pub struct Place {
    /// As it stands in the settings.
    said: Option<SharedStore>,
    at: At,
    entry: Entry,
}

#[derive(Clone)]
enum At {
    File(PathBuf),
    Server(Box<Address>),
}

/// What a store is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Work,
    /// To print what is there, and to end.
    Look,
    /// To read for a while, or with something to note beside it: on a server, where another host may be at work, to look.
    Read,
}

impl Place {
    /// The one that these settings name.
    ///
    /// # Errors
    ///
    /// What is wrong with the address, or with the file of its password.
    pub(super) fn of(settings: &Settings, environment: &Environment, entry: Entry) -> Result<Self, Failure> {
        let (paths, said) = (settings.paths(), settings.store()?);
        let at = match &said {
            None => At::File(paths.store()),
            Some(shared) => {
                if entry == Entry::Work {
                    require_no_file(paths)?;
                }
                let server = saved(shared, paths, environment)?.for_people();
                At::Server(Box::new(match entry {
                    Entry::Work => server.of(installation::here(paths, environment)?),
                    Entry::Look | Entry::Read => server.to_look(),
                }))
            }
        };
        Ok(Self { said, at, entry })
    }

    /// A server that the settings need not name, to look at.
    pub(super) fn on(server: &Address) -> Self {
        Self { said: None, at: At::Server(Box::new(server.clone().to_look())), entry: Entry::Look }
    }

    /// As it stands in the settings; none where it is a file of this machine.
    pub(super) fn said(&self) -> Option<&SharedStore> {
        self.said.as_ref()
    }

    /// The same for connections over which a server has to answer soon, or is taken to be gone.
    #[must_use]
    pub fn answering_within(&self, limit: Duration) -> Self {
        let at = match &self.at {
            At::Server(server) => At::Server(Box::new(Address::clone(server).answering_within(limit))),
            file @ At::File(_) => file.clone(),
        };
        Self { at, ..self.clone() }
    }

    /// The server that it is on; none where it is a file of this machine.
    pub(super) fn server(&self) -> Option<&Address> {
        if let At::Server(address) = &self.at { Some(address) } else { None }
    }

    /// What keeps to Halo's limit: on a server, together with every program that works with it.
    pub(super) fn governors(&self) -> Governors {
        let count = |server| Governors::counting(Arc::new(Together(RequestCount::on(server))));
        self.server().map_or_else(Governors::default, count)
    }

    /// Opens it, each time with a connection of its own.
    ///
    /// # Errors
    ///
    /// What the store says. On a server it is not made: somebody else's address would get one. Nor is one made to look into it.
    pub fn open(&self) -> Result<Store, StoreError> {
        match (&self.at, self.entry) {
            (At::File(path), Entry::Look) if in_place(path).is_none() => Store::absent(path),
            (At::File(path), Entry::Work | Entry::Read) => {
                Store::open_existing(path)?.map_or_else(|| Store::open(path), Ok)
            }
            (At::File(path), Entry::Look) => Store::open_to_look(path)?.map_or_else(|| Store::open(path), Ok),
            (At::Server(address), _) => Store::at(address),
        }
    }
}

/// The count on a server, for what keeps to Halo's limit.
struct Together(RequestCount);

impl SharedCount for Together {
    fn count(&self, halo: &str, window: Duration, take: &mut dyn FnMut(&[Duration]) -> usize) -> Option<Vec<Duration>> {
        self.0.count(halo, window, take)
    }
}

/// The server that the settings name, with its password.
///
/// # Errors
///
/// What is wrong with the address, or with the file of its password.
pub(super) fn saved(shared: &SharedStore, paths: &Paths, environment: &Environment) -> Result<Address, Failure> {
    address(shared.url.as_str(), paths, environment).map_err(|failure| match failure.kind {
        FailureKind::Usage => {
            let message = format!("{}: store.url: {}", paths.config().display(), failure.message);
            Failure { message, ..failure }
        }
        _ => failure,
    })
}

/// A server, with the password that the command of the settings prints, where they name this server and one; otherwise the one
/// of the service that the address names, or that the file has in which PostgreSQL's own programs look for it.
///
/// # Errors
///
/// What is wrong with the address, the command, or that file.
pub(super) fn address(url: &str, paths: &Paths, environment: &Environment) -> Result<Address, Failure> {
    let named = environment.get("PGPASSFILE").filter(|file| !file.is_empty()).map(PathBuf::from);
    let file = named.or_else(|| Some(paths.home.as_ref()?.join(".pgpass")));
    let Filled { url: whole, password } = pg_service::filled(url, environment, paths.home.as_deref())?;
    let address = Address::new(&whole)?.called(&installation::name(environment));
    let named_here = Settings::new(paths.clone()).store().ok().flatten().filter(|shared| shared.url.as_str() == url);
    if let Some(command) = named_here.and_then(|shared| shared.password_command) {
        let password = store_password(&command, environment)?;
        let environment = environment.clone();
        let again = move || match store_password(&command, &environment) {
            Ok(password) => Some(password),
            Err(error) => {
                tracing::warn!(%error, "no other password of the PostgreSQL is to be had");
                None
            }
        };
        return Ok(address.with_password(&password).asking_again(again));
    }
    Ok(match (password, file) {
        (Some(password), _) => address.with_password(&password),
        (None, Some(file)) => address.with_passwords_of(&file, paths.home.as_deref())?,
        (None, None) => address,
    })
}

/// Refuses to work on a server while a store in a file lies here: what is in it would be left behind without a word, and a
/// service that has not stopped may still write into it.
///
/// # Errors
///
/// [`FailureKind::LocalState`] with the file, and what to do with it.
pub(super) fn require_no_file(paths: &Paths) -> Result<(), Failure> {
    let Some(file) = in_place(&paths.store()) else { return Ok(()) };
    let message = format!("config.toml names a PostgreSQL, and there is a store in a file as well: {}", quoted(&file));
    let along = "To bring it along: store copy --to with the same address and --switch; to leave it behind: ";
    Err(Failure::new(FailureKind::LocalState, message).hint(Hint::from(along).next(Next::SetStoreAside)))
}

/// The server that the settings name, for a person; the address as it stands there where a service says the rest.
pub fn shown(shared: &SharedStore) -> String {
    let url = shared.url.as_str();
    Address::new(url).map_or_else(|_| url.to_owned(), |address| address.shown().to_owned())
}

/// Refuses what can be done with a file of this machine only.
///
/// # Errors
///
/// [`FailureKind::Declined`] with where the store is and what to do there.
pub(super) fn require_file(paths: &Paths, what: &str, instead: &str) -> Result<(), Failure> {
    let Some(shared) = Settings::new(paths.clone()).store()? else { return Ok(()) };
    let shown = shown(&shared);
    let message = format!("{what} is for a store in a file, and the store is on {shown}; nothing was changed");
    Err(Failure::new(FailureKind::Declined, message).hint(Hint::from(instead.to_owned())))
}
