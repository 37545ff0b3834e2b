//! Why the store cannot be used, with the next step.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::ErrorCode;
use thiserror::Error;

use super::server_fault::{ServerFault, lasted, of_server, whole};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::domain::sync_run::ClientChange;
use crate::domain::thousands;
use crate::settings::private_file::{FileError, RAISE_LIMIT, quoted};

/// What is said where nobody knows any more that no other machine is at it.
const LOCK_LOST: &str = "the lock that keeps other machines away was lost";

/// Bytes that the database writes in one piece at most: pages with what is before each in its log.
const AT_ONCE: u64 = 128 << 10;

/// Why the store could not do what it was asked. Nothing of a failed call is kept, but for [`ServerFault::Unknown`], which
/// cannot tell.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Written by a newer pia-halo. It is left untouched.
    #[error("{} has version {found}; this pia-halo supports version {known}", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version that is known.
        known: i64,
    },
    /// Not a database, a damaged one, or another program's.
    #[error("{} cannot be used: {why}", path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The database is gone, and its log is still there: the newest events are in the log, and opening a new database would
    /// empty it.
    #[error("{} is missing, but its log is still there; the log may hold events that were received last", path.display())]
    LogAlone {
        /// Where the database was.
        path: PathBuf,
    },
    /// The database, or its log, was moved away, deleted, replaced or emptied since it was opened: what is written would be
    /// in no file that anybody opens.
    #[error("{} was moved, replaced or emptied while it was in use", path.display())]
    Moved {
        /// Where the file was.
        path: PathBuf,
    },
    /// No room.
    #[error("the disk of {} is full", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// It may not grow.
    #[error("{} has reached the limit on the size of files (ulimit -f)", path.display())]
    Limit {
        /// The file.
        path: PathBuf,
    },
    /// No right to read or write.
    #[error("no permission to use {}", path.display())]
    NoPermission {
        /// The file.
        path: PathBuf,
    },
    /// Another program has been writing for longer than a write takes.
    #[error("another program has {} open, and has kept it locked{}", path.display(), lasted(*waited))]
    Busy {
        /// The database.
        path: PathBuf,
        /// For how long it was waited for.
        waited: Duration,
    },
    /// A run that was ended, taken for dead and superseded by a later one, or that read another Halo than the one that is
    /// configured now: its rows are gone.
    #[error("the sync run was superseded by another one, or by another Url")]
    RunGone,
    /// More clients would not be in use any more than a run may disable unasked.
    #[error("{} of {active} active clients would be disabled", disabling.len())]
    Held {
        /// Which ones.
        disabling: Vec<ClientChange>,
        /// Clients in use.
        active: u64,
    },
    /// What was given is no address of a PostgreSQL.
    #[error("this is no address of a PostgreSQL: {why}")]
    NoAddress {
        /// What is wrong with it.
        why: String,
    },
    /// What a PostgreSQL says, or that it says nothing.
    #[error("{server}: {fault}")]
    Server {
        /// Which one.
        server: String,
        /// What it is.
        fault: ServerFault,
    },
    /// The person stopped it.
    #[error("interrupted; nothing was changed")]
    Stopped,
    /// Whatever else the file system says.
    #[error(transparent)]
    File(#[from] FileError),
    /// Whatever else the database says.
    #[error("{}: {why}", path.display())]
    Io {
        /// The database.
        path: PathBuf,
        /// Its words.
        why: String,
    },
}

impl StoreError {
    /// Whether another host works with the store, or has worked with it meanwhile: only a new start goes on.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Server { fault: ServerFault::InUse { .. } | ServerFault::InUseMeanwhile(_), .. })
    }

    /// Whether a server refuses a row for what is in it: the others are none the worse for it.
    pub fn is_of_row(&self) -> bool {
        matches!(self, Self::Server { fault: ServerFault::NotTaken(_), .. })
    }

    /// The next step for the person.
    pub fn hint(&self) -> Option<Hint> {
        let text = match self {
            Self::Newer { path, .. } => format!("update pia-halo; {} was left untouched", path.display()),
            Self::Corrupt { .. } => {
                return Some(
                    Hint::from("Stop the service, move the damaged store away with ")
                        .next(Next::SetStoreAside)
                        .text(", and sync again; objects installed in Halo are recognised by their address"),
                );
            }
            Self::LogAlone { .. } => {
                return Some(
                    Hint::from("Put the database back next to its log, or set the log aside and start over: ")
                        .next(Next::SetStoreAside),
                );
            }
            Self::Held { .. } | Self::Stopped => return None,
            Self::Moved { .. } => "Run this again to use the current file".to_owned(),
            Self::Full { .. } => "make room on the disk and try again; what was stored before is untouched".to_owned(),
            Self::Limit { .. } => RAISE_LIMIT.to_owned(),
            Self::NoPermission { path } => {
                let folder = path.parent().unwrap_or(path);
                let folder = quoted(folder);
                format!("check its owner and mode, and whether the disk is full: ls -la {folder}; df -h {folder}")
            }
            Self::Busy { path, .. } => {
                format!("try again when it has stopped; who has it open: fuser -v {}", quoted(path))
            }
            Self::RunGone => "sync again".to_owned(),
            Self::NoAddress { .. } => "It looks like postgres://role@host/database".to_owned(),
            Self::Server { fault, .. } => return Some(fault.hint()),
            Self::File(error) => error.hint(),
            Self::Io { path, .. } => {
                let folder = path.parent().unwrap_or(path);
                format!("check the disk: df -h {}; what was stored before is untouched", quoted(folder))
            }
        };
        Some(text.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Busy { .. } | StoreError::RunGone | StoreError::File(FileError::Locked { .. }) => {
                FailureKind::Busy
            }
            StoreError::Held { .. } => FailureKind::NeedsYes,
            StoreError::Stopped => FailureKind::Interrupted,
            StoreError::NoAddress { .. } => FailureKind::Usage,
            StoreError::Server { fault, .. } => fault.kind(),
            _ => FailureKind::LocalState,
        };
        let failure = Self::new(kind, error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// An error inside a call, before it is known which file it was.
#[derive(Debug)]
pub(super) enum Trouble {
    /// SQLite's.
    Database(rusqlite::Error),
    /// PostgreSQL's, or of the way there.
    Server(tokio_postgres::Error),
    /// No session, before the server said anything.
    Session(String),
    /// The session ended in the last step of a write, by this.
    Unknown(Box<Trouble>),
    /// See [`ServerFault::Busy`]: who it is.
    Writing(Option<String>),
    /// See [`ServerFault::Authority`].
    Authority(String),
    /// See [`ServerFault::NoForm`].
    NoForm,
    /// See [`ServerFault::Older`].
    OlderForm { found: i64, known: i64 },
    /// See [`ServerFault::InUse`].
    InUse { host: Option<String>, since: Option<Timestamp> },
    /// See [`ServerFault::InUseMeanwhile`].
    InUseMeanwhile(Option<String>),
    /// It was opened to look at.
    OnlyLooks,
    /// See [`ServerFault::Foreign`].
    Foreign,
    /// See [`ServerFault::Pooler`].
    Pooler,
    /// The session is over that had the lock under which this was to be written.
    LockLost,
    /// See [`StoreError::Stopped`].
    Stopped,
    /// See [`ServerFault::Old`].
    OldServer { found: i32, oldest: i32 },
    /// A column holds what this program never writes.
    Content(&'static str),
    /// So many clients are in it, and so many the last sync left.
    Short { found: u64, published: u64 },
    /// What another store has said.
    Elsewhere(Box<StoreError>),
    /// See [`StoreError::RunGone`].
    RunGone,
    /// See [`StoreError::Held`].
    Held { disabling: Vec<ClientChange>, active: u64 },
    /// See [`StoreError::Moved`]: which file.
    Moved(PathBuf),
    /// See [`StoreError::Newer`]: its version, and the newest that this program knows.
    Newer { found: i64, known: i64 },
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Trouble {
    pub(super) fn session(error: impl std::error::Error) -> Self {
        Self::Session(error.to_string())
    }

    /// Whether the session is over, so that nobody knows what the server has made of the last word.
    pub(super) fn has_ended_session(&self) -> bool {
        use tokio_postgres::error::Severity;
        match self {
            Self::Session(_) | Self::Stopped => true,
            Self::Server(error) => error
                .as_db_error()
                .is_none_or(|said| matches!(said.parsed_severity(), None | Some(Severity::Fatal | Severity::Panic))),
            _ => false,
        }
    }

    /// Whether another session has kept a lock for too long.
    pub(super) fn is_lock(&self) -> bool {
        use tokio_postgres::error::SqlState;
        matches!(self, Self::Server(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE))
    }

    /// What it is on a server.
    pub(super) fn on(self, server: &str) -> StoreError {
        let fault = match self {
            Self::Server(error) => of_server(&error),
            Self::Session(why) => ServerFault::NotReached(why),
            Self::Unknown(end) => match end.on(server) {
                StoreError::Server { fault, .. } => ServerFault::Unknown(fault.to_string()),
                other => ServerFault::Unknown(other.to_string()),
            },
            Self::Writing(who) => ServerFault::Busy { waited: Duration::ZERO, who },
            Self::Authority(why) => ServerFault::Authority(why),
            Self::NoForm => ServerFault::NoForm,
            Self::OlderForm { found, known } => ServerFault::Older { found, known },
            Self::InUse { host, since } => ServerFault::InUse { host, since },
            Self::InUseMeanwhile(host) => ServerFault::InUseMeanwhile(host),
            Self::OnlyLooks => ServerFault::NoRight("this program only looks at it".to_owned()),
            Self::Foreign => ServerFault::Foreign,
            Self::Pooler => ServerFault::Pooler,
            Self::LockLost => ServerFault::NotReached(LOCK_LOST.to_owned()),
            Self::Elsewhere(error) => return *error,
            Self::OldServer { found, oldest } => ServerFault::Old { found, oldest },
            Self::Newer { found, known } => ServerFault::Newer { found, known },
            Self::Content(what) => ServerFault::Odd(format!("{what} in it is not readable")),
            other => match other.at(Path::new("")) {
                StoreError::Corrupt { why, .. } | StoreError::Io { why, .. } => ServerFault::Odd(why),
                error => return error,
            },
        };
        StoreError::Server { server: server.to_owned(), fault }
    }

    /// What it is in a file.
    pub(super) fn at(self, path: &Path) -> StoreError {
        match self {
            Self::Database(error) => of_database(error, path),
            Self::Server(error) => StoreError::Io { path: path.to_owned(), why: whole(&error) },
            Self::Session(why) => StoreError::Io { path: path.to_owned(), why },
            Self::Unknown(end) => end.at(path),
            Self::Writing(_) => StoreError::Busy { path: path.to_owned(), waited: Duration::ZERO },
            Self::Authority(why) => StoreError::Io { path: path.to_owned(), why },
            Self::Foreign => {
                StoreError::Corrupt { path: path.to_owned(), why: "it belongs to another program".to_owned() }
            }
            Self::Pooler => StoreError::Io { path: path.to_owned(), why: "a pooler is before it".to_owned() },
            Self::LockLost => StoreError::Io { path: path.to_owned(), why: LOCK_LOST.to_owned() },
            Self::NoForm | Self::OlderForm { .. } => {
                StoreError::Io { path: path.to_owned(), why: "it has another form".to_owned() }
            }
            Self::InUse { .. } | Self::InUseMeanwhile(_) => {
                StoreError::Busy { path: path.to_owned(), waited: Duration::ZERO }
            }
            Self::OnlyLooks => StoreError::NoPermission { path: path.to_owned() },
            Self::Stopped => StoreError::Stopped,
            Self::OldServer { .. } => StoreError::Io { path: path.to_owned(), why: "it is too old".to_owned() },
            Self::Content(what) => {
                StoreError::Corrupt { path: path.to_owned(), why: format!("{what} in it is not readable") }
            }
            Self::Short { found, published } => {
                let why = format!(
                    "it is damaged: it contains {} clients, but the last sync stored {}",
                    thousands(found),
                    thousands(published)
                );
                StoreError::Corrupt { path: path.to_owned(), why }
            }
            Self::Elsewhere(error) => *error,
            Self::RunGone => StoreError::RunGone,
            Self::Held { disabling, active } => StoreError::Held { disabling, active },
            Self::Moved(path) => StoreError::Moved { path },
            Self::Newer { found, known } => StoreError::Newer { path: path.to_owned(), found, known },
        }
    }
}

fn of_database(error: rusqlite::Error, path: &Path) -> StoreError {
    use rusqlite::Error as E;
    let path = path.to_owned();
    match error.sqlite_error_code() {
        // Here a lock was refused for another reason than that somebody has it.
        Some(ErrorCode::SystemIoFailure) if error.sqlite_error().is_some_and(|told| is_of_lock(told.extended_code)) => {
            StoreError::File(FileError::NoLocks { path })
        }
        Some(ErrorCode::NotADatabase) => StoreError::Corrupt { path, why: "it is not a database".to_owned() },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Corrupt { path, why: "it is damaged".to_owned() },
        Some(ErrorCode::DiskFull) => StoreError::Full { path },
        Some(ErrorCode::SystemIoFailure) if is_limited(&path) => StoreError::Limit { path },
        // The files beside a database grow in ways that tell no more than that.
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly) if is_full(&path) => {
            StoreError::Full { path }
        }
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            StoreError::NoPermission { path }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path, waited: Duration::ZERO },
        _ => match error {
            // A column of another kind, or no such table: not what this program made.
            E::FromSqlConversionFailure(..) | E::IntegralValueOutOfRange(..) | E::InvalidColumnType(..) => {
                StoreError::Corrupt { path, why: "a value in it is not readable".to_owned() }
            }
            E::SqliteFailure(failure, Some(words)) if failure.code == ErrorCode::Unknown => {
                StoreError::Corrupt { path, why: words }
            }
            other => StoreError::Io { path, why: other.to_string() },
        },
    }
}

fn is_of_lock(code: i32) -> bool {
    use rusqlite::ffi;
    [
        ffi::SQLITE_IOERR_LOCK,
        ffi::SQLITE_IOERR_RDLOCK,
        ffi::SQLITE_IOERR_UNLOCK,
        ffi::SQLITE_IOERR_CHECKRESERVEDLOCK,
        ffi::SQLITE_IOERR_SHMLOCK,
    ]
    .contains(&code)
}

fn is_full(path: &Path) -> bool {
    path.parent().is_some_and(|folder| rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail == 0))
}

/// Whether the database, or its log beside it, is about as long as a file may be.
fn is_limited(path: &Path) -> bool {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
    let log = path.with_extension("db-wal");
    let longest = [path, &log].into_iter().filter_map(|file| Some(file.metadata().ok()?.len())).max();
    limit.zip(longest).is_some_and(|(limit, longest)| longest.saturating_add(AT_ONCE) > limit)
}

/// An error of the file system, by what the person can do.
pub(super) fn of_io(source: io::Error, doing: &'static str, path: &Path) -> StoreError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { path },
        io::ErrorKind::FileTooLarge => StoreError::Limit { path },
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreError::NoPermission { path },
        _ => StoreError::File(FileError::Io { doing, path, source }),
    }
}
