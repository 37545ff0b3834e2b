//! What several programs agree on: who does something alone, and since when.
//!
//! A lock has a name, and a holder who has signed it: who, on which machine, since when, what for. It is never waited for and
//! never taken away, and it ends with its holder, even a killed one. Between the programs of one machine it is a file, whose
//! lock the kernel holds ([`Lock`]); between those of several it is one of a PostgreSQL, which ends with the holder's session
//! ([`Shared`]). Whoever works holds both ([`Hold`]), and asks whether it is so still: a session can be lost.

mod files;
mod hold;
mod server;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::files::Lock;
pub use self::hold::{Hold, Watch};
pub use self::server::Shared;
use crate::domain::activity::Actor;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::untrusted::Untrusted;
use crate::settings::private_file::FileError;
use crate::store::{StoreError, host_name};

/// What tells this run of the program from every other one, on whatever machine. Two machines have the same processes, by number.
static RUN: LazyLock<String> =
    LazyLock::new(|| getrandom::u64().map_or_else(|_| String::new(), |run| format!("{run:016x}")));

/// Who holds a lock. Only for people: whether it is held, the kernel alone says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The person, and the account where it is another one.
    pub user: String,
    /// The machine.
    pub host: String,
    /// Since when.
    pub since: Timestamp,
    /// What for: `sync`, `configure` …
    pub what: String,
    /// Where it listens, once it does: there it can be asked whether it still works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listens: Option<SocketAddr>,
    /// Which run of the program it is; nothing where that is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run: String,
    /// Which profile of which machine it is of, where a server keeps the lock: two may have the same name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub installation: String,
}

impl Holder {
    /// Whether it is this process.
    pub fn is_self(&self) -> bool {
        self.pid == std::process::id() && !self.run.is_empty() && self.run == *RUN
    }

    /// Whether it is on this machine.
    pub fn is_here(&self) -> bool {
        self.host == host_name()
    }

    /// This program, on a machine that is called so.
    fn this(what: &str, who: &Actor, host: &str, now: Timestamp) -> Self {
        Self {
            pid: std::process::id(),
            user: who.account(),
            host: host.to_owned(),
            since: now,
            what: what.to_owned(),
            listens: None,
            run: RUN.clone(),
            installation: String::new(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| Untrusted::new(text).display();
        write!(f, "{} by {} on {}", shown(&self.what), shown(&self.user), shown(&self.host))?;
        write!(f, " since {} UTC (process {})", self.since.strftime("%H:%M:%S"), self.pid)
    }
}

/// Whoever holds a lock; who, where that can be seen.
#[derive(Debug, PartialEq, Eq)]
pub struct Whoever(pub Option<Holder>);

impl fmt::Display for Whoever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(holder) => holder.fmt(f),
            None => f.write_str(UNSEEN),
        }
    }
}

/// Somebody whose note cannot be read.
const UNSEEN: &str = "another program";

/// Why a lock was not taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// Somebody has it; who, unless the note cannot be read.
    #[error("already running: {}", .0.as_ref().map_or(UNSEEN.to_owned(), ToString::to_string))]
    Held(Option<Box<Holder>>),
    /// A program that is not this one has it.
    #[error("{program} (process {pid}) holds the lock {}, and is not pia-halo", path.display())]
    Foreign {
        /// Its name.
        program: String,
        /// Its process.
        pid: u32,
        /// The lock.
        path: PathBuf,
    },
    /// The lock's file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The server that holds the locks of several machines cannot be used.
    #[error(transparent)]
    Server(#[from] StoreError),
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        let said = error.to_string();
        match error {
            LockError::Held(_) | LockError::Foreign { .. } => Self::new(FailureKind::Busy, said)
                .hint("wait until it has finished, or stop that program; nothing was changed"),
            LockError::File(file) => Self::new(FailureKind::LocalState, said).hint(file.hint()),
            LockError::Server(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two machines have the same processes by number, and two containers the same name as well.
    #[test]
    fn process_of_same_number_elsewhere_is_another_one() {
        let this = Holder::this("sync", &Actor::default(), &host_name(), Timestamp::UNIX_EPOCH);
        assert!(this.is_self());
        for run in ["", "0123456789abcdef"] {
            assert!(!Holder { run: run.to_owned(), ..this.clone() }.is_self());
        }
    }
}
