//! The database and the audit trail.
//!
//! Clients, agents, teams and ticket types as of the last proved sync; recent runs; what Configure created in
//! Halo and what it was about to create; the trail of who did what. Everything that Halo or a person wrote is kept
//! exactly as it came; ids are the only keys.
//!
//! Every call that answers a [`StoreError`] does so if the database cannot be read or written; its own documentation only
//! says what else it refuses.

mod arriving;
mod aside;
mod audit;
mod changes;
mod checkpoint;
mod clients;
mod copy;
mod daily;
mod database;
mod deliveries;
mod error;
mod events;
mod form;
mod gaps;
mod health;
mod installed;
mod intents;
mod lists;
mod named_lock;
mod old_events;
mod outbox;
mod publish;
mod requests;
mod runs;
mod schema;
mod server_fault;
mod services;
mod settings;
mod spool;
mod transfer;

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub use arriving::NewEvent;
pub use aside::{aside_name, in_place, set_aside};
pub use audit::{Audit, Tag};
pub use checkpoint::{Resumable, StagedPage};
pub use copy::{Proof, Snapshot, TableSum, prove};
pub use database::{Address, GoOn, Installation, News, Seen, Service, Told};
pub use error::StoreError;
pub use events::{ToForward, ToLookUp};
pub use installed::Verified;
pub use intents::{ConfigureRun, Intent, IntentId};
pub use lists::FreshLists;
pub use named_lock::NamedLock;
pub use old_events::{KEPT as EVENTS_KEPT, OldEvents, STEP};
pub use outbox::{ClientToForward, ForwardTry};
pub use publish::{Evidence, Known, Publication};
pub use requests::RequestCount;
pub use runs::KEPT as RUNS_KEPT;
pub use server_fault::ServerFault;
pub use spool::Waiting;
pub use transfer::{Figures, Held, Remote, is_same};

use self::database::{Database, Holding};
use self::error::Trouble;
use crate::domain::configuration::ConfigurationId;
use crate::domain::host::Host;
use crate::settings::private_file;

/// The name of this machine, as its system has it.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The version of SQLite.
pub fn sqlite_version() -> &'static str {
    database::sqlite_version()
}

/// A run that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(i64);

impl RunId {
    /// Its number in the history.
    pub fn number(self) -> Option<NonZeroU64> {
        NonZeroU64::new(count_in(self.0))
    }
}

/// The database of one person. A clone is the same connection; every call is short and takes its turn.
///
/// Calls wait up to 5 seconds for another program's write. In asynchronous code, run the longer ones ([`Store::open`],
/// [`Store::publish`], [`Store::clients`]) in a blocking task.
#[derive(Clone)]
pub struct Store {
    path: Arc<PathBuf>,
    /// The files that are open.
    files: Arc<[OpenFile]>,
    /// Whether there was nothing in it before.
    is_new: bool,
    /// Whether there is none, and this is an empty one in memory.
    is_absent: bool,
    /// What it is written under: without one of these locks, nothing is.
    under: Arc<[Holding]>,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    database: Database,
    /// The runs begun here and not ended yet, each with its configuration. Only they can stage and publish.
    open_runs: BTreeMap<RunId, ConfigurationId>,
    /// How many events there were when they were last counted.
    counted: BTreeMap<ConfigurationId, events::Counted>,
}

impl Store {
    /// Opens the database, and makes it, private to its owner, where there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Newer`] and [`StoreError::Corrupt`] leave the file untouched; otherwise what the file system says.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let is_new = std::fs::metadata(path).map_or(true, |file| file.len() == 0);
        schema::open(path).map(|connection| Self { is_new, ..Self::around(path, Database::of(connection)) })
    }

    /// Opens the database on a PostgreSQL, and makes its form where there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Server`] with what is in the way; nothing is changed then.
    pub fn on(server: &Address) -> Result<Self, StoreError> {
        Self::on_server(server, true)
    }

    /// Opens the database on a PostgreSQL where there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Server`] with what is in the way; nothing is changed then.
    pub fn at(server: &Address) -> Result<Self, StoreError> {
        Self::on_server(server, false)
    }

    fn on_server(server: &Address, makes: bool) -> Result<Self, StoreError> {
        let database = Database::on(server, makes).map_err(|trouble| trouble.on(server.shown()))?;
        Ok(Self::around(Path::new(server.shown()), database))
    }

    /// Calls `told` after each write into a store on a server, whoever has written, until that is dropped; none where the store
    /// is a file.
    ///
    /// # Errors
    ///
    /// Where the system gives no thread for it.
    pub fn news(&self, told: impl Fn(Told) + Clone + Send + 'static) -> Result<Option<News>, StoreError> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.database.server().map(|server| News::of(server, told)).transpose()
    }

    /// Opens the database only if it exists. If the folder may not be written, the database is opened for reading.
    ///
    /// # Errors
    ///
    /// As [`Store::open`]; [`StoreError::Full`] where the disk has no room for the files beside it.
    pub fn open_existing(path: &Path) -> Result<Option<Self>, StoreError> {
        Self::existing(path, |path| Ok(schema::open_existing(path)?.map(Database::of)))
    }

    /// The same for whoever only looks, and soon ends: on a full disk, too, where nobody else can have it open meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_to_look(path: &Path) -> Result<Option<Self>, StoreError> {
        Self::existing(path, |path| Ok(schema::open_to_look(path)?.map(Database::of)))
    }

    fn existing(
        path: &Path,
        open: impl FnOnce(&Path) -> Result<Option<Database>, StoreError>,
    ) -> Result<Option<Self>, StoreError> {
        let is_new = std::fs::metadata(path).is_ok_and(|file| file.len() == 0);
        Ok(open(path)?.map(|database| Self { is_new, ..Self::around(path, database) }))
    }

    /// Looks into the database as it was last tidied up, and makes and changes no file, not even beside it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where it is there but cannot be read.
    pub fn glimpse(path: &Path) -> Result<Option<Self>, StoreError> {
        // What is no file is refused: the database would wait for a pipe.
        let Some(target) = private_file::resolve(path).map_err(schema::by_cause)? else { return Ok(None) };
        Ok(Some(Self::around(path, Database::of(schema::open_for_reading(path, &target)?))))
    }

    /// An empty one in memory, for whoever only looks where there is none: what is written into it ends with it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database says so.
    pub fn absent(path: &Path) -> Result<Self, StoreError> {
        let blank = schema::blank().map_err(|error| Trouble::from(error).at(path))?;
        let files = Arc::new([]);
        Ok(Self { files, is_new: true, is_absent: true, ..Self::around(path, Database::of(blank)) })
    }

    fn around(path: &Path, database: Database) -> Self {
        let file = database.is_file().then(|| OpenFile::database(path));
        let files = file.into_iter().chain(OpenFile::beside(&database)).collect();
        let inner = Inner { database, open_runs: BTreeMap::new(), counted: BTreeMap::new() };
        let (path, inner) = (Arc::new(path.to_owned()), Arc::new(Mutex::new(inner)));
        Self { path, files, is_new: false, is_absent: false, under: Arc::new([]), inner }
    }

    /// The same connection, which waits no longer than this for another program's write.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database says so.
    pub fn patient_for(self, patience: Duration) -> Result<Self, StoreError> {
        self.with(|inner| inner.database.set_patience(patience))?;
        Ok(self)
    }

    /// Whether the database was made when it was opened here: there was none, or an empty file.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether there is none where it was looked for.
    pub fn is_absent(&self) -> bool {
        self.is_absent
    }

    /// Where the database is: its file, or the name of the server.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that the files that are open are those at their paths, in a form that this program knows.
    ///
    /// # Errors
    ///
    /// [`StoreError::Moved`] where one was moved, deleted, replaced or emptied, [`StoreError::Newer`] where a newer program has
    /// changed its form.
    pub fn is_current(&self) -> Result<(), StoreError> {
        self.with(|_| Ok(()))
    }

    /// Returns deleted space to the disk if that is most of the file and worth it, by rewriting the rest.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written; nothing of it is lost then.
    pub fn give_back(&self) -> Result<(), StoreError> {
        self.with(|inner| inner.database.give_back())
    }

    /// Asks the database; several answers are of several moments.
    fn ask<R>(&self, work: impl FnOnce(&Database) -> Result<R, Trouble>) -> Result<R, StoreError> {
        self.with(|inner| work(&inner.database))
    }

    /// As [`Database::read`].
    fn read<R>(&self, work: impl FnOnce(&Database) -> Result<R, Trouble>) -> Result<R, StoreError> {
        self.with(|inner| inner.database.read(work))
    }

    /// As [`Database::write`].
    fn write<R>(&self, work: impl FnOnce(&Database) -> Result<R, Trouble>) -> Result<R, StoreError> {
        self.with(|inner| self.write_in(&mut inner.database, work))
    }

    /// The same for whoever has the connection already.
    fn write_in<R>(
        &self,
        database: &mut Database,
        work: impl FnOnce(&Database) -> Result<R, Trouble>,
    ) -> Result<R, Trouble> {
        database.write(|db| self.require_locks(db).and_then(|()| work(db)))
    }

    /// Does something with the connection and puts the path into its errors.
    fn with<R>(&self, work: impl FnOnce(&mut Inner) -> Result<R, Trouble>) -> Result<R, StoreError> {
        // A thread that panicked in here left a transaction, which was rolled back with it: nothing is half done.
        let asked = Instant::now();
        let mut inner: MutexGuard<'_, Inner> = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let done = inner.database.be_ready(asked).and_then(|()| self.check(&inner)).and_then(|()| work(&mut inner));
        let done = done.inspect_err(|trouble| inner.database.note_silence(trouble));
        // Not longer: the work before that was its own.
        let waited = inner.database.patience();
        done.map_err(|trouble| match self.told(trouble, &inner.database) {
            StoreError::Busy { path, .. } => StoreError::Busy { path, waited },
            StoreError::Server { server, fault: ServerFault::Busy { who, .. } } => {
                StoreError::Server { server, fault: ServerFault::Busy { waited, who } }
            }
            other => other,
        })
    }

    /// The server that it is on and its database, for a person; none where it is a file.
    pub fn server(&self) -> Option<String> {
        (!self.is_file()).then(|| self.path.display().to_string())
    }

    /// Whether it is on a server and was opened to look: then nothing is written there.
    pub fn only_looks(&self) -> bool {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.database.server().is_some_and(|server| server.only_looks)
    }

    /// The machines that work with its server now, or have lately.
    pub fn hosts(&self) -> Result<Vec<Host>, StoreError> {
        if self.is_file() { Ok(Vec::new()) } else { self.ask(Database::hosts) }
    }

    /// Whether it is a file of this host.
    pub fn is_file(&self) -> bool {
        self.is_absent || self.files.iter().next().is_some()
    }

    fn told(&self, trouble: Trouble, database: &Database) -> StoreError {
        if database.is_file() { trouble.at(&self.path) } else { trouble.on(&self.path.to_string_lossy()) }
    }

    fn check(&self, inner: &Inner) -> Result<(), Trouble> {
        if let Some(moved) = self.files.iter().find(|file| !file.is_there()) {
            return Err(Trouble::Moved(moved.path.clone()));
        }
        let version = inner.database.version()?;
        let known = schema::VERSION;
        if version > known { Err(Trouble::Newer { found: version, known }) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.path).finish()
    }
}

/// A file of a database, as it was when the database was opened.
struct OpenFile {
    path: PathBuf,
    /// Its device and number.
    is: Option<[u64; 2]>,
    /// Whether there was something in it that never goes.
    had_content: bool,
}

impl OpenFile {
    fn database(path: &Path) -> Self {
        use std::os::unix::fs::MetadataExt;
        let found = std::fs::metadata(path).ok();
        let is = found.as_ref().map(|file| [file.dev(), file.ino()]);
        Self { path: path.to_owned(), is, had_content: found.is_some_and(|file| file.len() > 0) }
    }

    /// The log, which holds what was stored last, and its index.
    fn beside(database: &Database) -> impl Iterator<Item = Self> {
        let written = database.written_file();
        let files =
            ["-wal", "-shm"].into_iter().filter_map(move |ending| Some(schema::beside(written.as_ref()?, ending)));
        // What is in them goes whenever it is in the database.
        files.map(|file| Self { had_content: false, ..Self::database(&file) }).filter(|file| file.is.is_some())
    }

    fn is_there(&self) -> bool {
        let now = Self::database(&self.path);
        now.is == self.is && (now.had_content || !self.had_content)
    }
}

/// A time as a column holds it: RFC 3339 in UTC, to the nanosecond, and readable in any SQLite shell.
fn time_out(time: Timestamp) -> String {
    time.to_string()
}

fn time_in(text: &str) -> Result<Timestamp, Trouble> {
    text.parse().map_err(|_| Trouble::Content("a time"))
}

fn maybe_time_in(text: Option<String>) -> Result<Option<Timestamp>, Trouble> {
    text.as_deref().map(time_in).transpose()
}

/// A count as a column holds it. SQLite's numbers are signed.
fn count_out(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn count_in(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod postgres_tests;
#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
mod tests;
