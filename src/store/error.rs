//! Why the store cannot be used, with the next step.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::ErrorCode;
use thiserror::Error;

use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::domain::sync_run::ClientChange;
use crate::domain::thousands;
use crate::settings::private_file::{FileError, RAISE_LIMIT, quoted};

/// Bytes that the database writes in one piece at most: pages with what is before each in its log.
const AT_ONCE: u64 = 128 << 10;

/// Why the store could not do what it was asked. Nothing of a failed call is kept.
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
    #[error("{count} of {active} active clients would be disabled")]
    Held {
        /// Those that the rule of which clients Pia serves leaves out.
        disabling: Vec<ClientChange>,
        /// How many, those included that are gone.
        count: u64,
        /// Clients in use.
        active: u64,
    },
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

/// For how long, where that is seconds.
fn lasted(waited: Duration) -> String {
    if waited.as_secs() > 0 { format!(" for {} s", waited.as_secs()) } else { String::new() }
}

impl StoreError {
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
            Self::Held { .. } => return None,
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
    /// A column holds what this program never writes.
    Content(&'static str),
    /// So many clients are in it, and so many the last sync left.
    Short { found: u64, published: u64 },
    /// See [`StoreError::RunGone`].
    RunGone,
    /// See [`StoreError::Held`].
    Held { disabling: Vec<ClientChange>, count: u64, active: u64 },
    /// See [`StoreError::Moved`]: which file.
    Moved(PathBuf),
    /// See [`StoreError::Newer`]: its version, and the newest that this program knows.
    Newer { found: i64, known: i64 },
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Trouble {
    pub(super) fn at(self, path: &Path) -> StoreError {
        match self {
            Self::Database(error) => of_database(error, path),
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
            Self::RunGone => StoreError::RunGone,
            Self::Held { disabling, count, active } => StoreError::Held { disabling, count, active },
            Self::Moved(path) => StoreError::Moved { path },
            Self::Newer { found, known } => StoreError::Newer { path: path.to_owned(), found, known },
        }
    }
}

fn of_database(error: rusqlite::Error, path: &Path) -> StoreError {
    use rusqlite::Error as E;
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::Corrupt { path, why: "it is not a database".to_owned() },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Corrupt { path, why: "it is damaged".to_owned() },
        Some(ErrorCode::DiskFull) => StoreError::Full { path },
        Some(ErrorCode::SystemIoFailure) if is_limited(&path) => StoreError::Limit { path },
        // The files beside a database grow in ways that tell no more than that.
        Some(ErrorCode::SystemIoFailure) if is_full(&path) => StoreError::Full { path },
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
