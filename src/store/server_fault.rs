//! Why a PostgreSQL cannot be used, with the next step.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;

use crate::domain::calendar::utc;
use crate::domain::failure::FailureKind;
use crate::domain::next::{Hint, Next};
use crate::domain::untrusted::Untrusted;

/// Why a PostgreSQL cannot be used.
#[derive(Debug, Error)]
pub enum ServerFault {
    /// No way there, or none any more.
    #[error("it is not reached: {0}")]
    NotReached(String),
    /// The connection ended before the server could say whether it has kept what was written.
    #[error("it is not known whether it has kept what was written: {0}")]
    Unknown(String),
    /// Somebody who cannot show who he is, or offers no TLS at all.
    #[error("it cannot be trusted: {0}")]
    NotTrusted(String),
    /// The role, its password or the database.
    #[error("the sign-in is refused: {0}")]
    SignIn(String),
    /// The file that `sslrootcert` names.
    #[error("the file of sslrootcert cannot be used: {0}")]
    Authority(String),
    /// The database is not for the store.
    #[error("the database holds tables of another program")]
    Foreign,
    /// Something before it gives a session to several programs.
    #[error("a pooler is before it that gives a session to several programs, so that none can keep others away")]
    Pooler,
    /// An old one.
    #[error("it is version {found}; version {oldest} or newer is needed")]
    Old {
        /// Its version.
        found: i32,
        /// The oldest that will do.
        oldest: i32,
    },
    /// The role has no right to do it.
    #[error("the role may not do this: {0}")]
    NoRight(String),
    /// The store in it was written by a newer pia-halo.
    #[error("the store in it has version {found}; this pia-halo supports version {known}")]
    Newer {
        /// Its version.
        found: i64,
        /// The version that is known.
        known: i64,
    },
    /// Nothing was made in the database yet.
    #[error("there is no store in it yet")]
    NoForm,
    /// The store in it was written by an older pia-halo, and this program only looks.
    #[error("the store in it has version {found}; this pia-halo uses version {known}")]
    Older {
        /// Its version.
        found: i64,
        /// The version that is needed.
        known: i64,
    },
    /// Another installation works with it, and either of them has to be alone.
    #[error("{} works with it{}, and this is only done alone", who(.host.as_deref()), from(*.since))]
    InUse {
        /// The name of its machine, where that is known.
        host: Option<String>,
        /// Since when, where that is known.
        since: Option<Timestamp>,
    },
    /// Another installation was alone with it since this program has begun to work with it.
    #[error("{} has replaced or upgraded what is in it since this program was started", who(.0.as_deref()))]
    InUseMeanwhile(Option<String>),
    /// Another program has been writing for longer than a write takes.
    #[error("{} is writing to it{}", .who.as_deref().unwrap_or("another program"), lasted(*.waited))]
    Busy {
        /// How long it was waited for.
        waited: Duration,
        /// Its name and its machine, where they are known.
        who: Option<String>,
    },
    /// No room.
    #[error("its disk is full")]
    Full,
    /// A row that this program never writes.
    #[error("the store in it cannot be used: {0}")]
    Odd(String),
    /// It is this row that it refuses, and no other.
    #[error("it does not take this: {0}")]
    NotTaken(String),
    /// Whatever else it says.
    #[error("{0}")]
    Said(String),
}

impl ServerFault {
    pub(super) fn kind(&self) -> FailureKind {
        match self {
            Self::NotReached(_) | Self::NotTrusted(_) | Self::Unknown(_) => FailureKind::NotReached,
            Self::Busy { .. } | Self::InUse { .. } | Self::InUseMeanwhile(_) => FailureKind::Busy,
            _ => FailureKind::LocalState,
        }
    }

    pub(super) fn hint(&self) -> Hint {
        let text = match self {
            Self::NoForm => return Hint::from("To make one: ").next(Next::InitStore),
            Self::Older { .. } => return Hint::from("To bring it up to date: ").next(Next::InitStore),
            Self::InUse { .. } => "stop pia-halo on that host, or wait until it has finished; nothing was changed",
            Self::InUseMeanwhile(_) => "start it again: what it knew may not be so any more",
            Self::NotReached(_) => "check the address, and whether the server runs and lets this host in",
            Self::NotTrusted(_) => {
                "check the name in the address; an authority of your own is named with ?sslrootcert=FILE at its end"
            }
            Self::Unknown(_) => "once the server is back, look what is there before you do it again",
            Self::Authority(_) => "name a file with certificates in PEM that you can read",
            Self::Foreign => "name a database of its own: CREATE DATABASE name OWNER role",
            Self::Pooler => {
                "name the server itself, or a pooler that keeps a session for one program; nothing was changed"
            }
            Self::SignIn(_) => "check the role, its password and the name of the database",
            Self::Old { .. } => "update PostgreSQL, or name another server",
            Self::NoRight(_) => "let the role own the database: ALTER DATABASE name OWNER TO role",
            Self::Newer { .. } => "update pia-halo; the store was left untouched",
            Self::Busy { .. } => "try again when it has stopped",
            Self::Full => "make room on the server's disk and try again; what was stored before is untouched",
            Self::Odd(_) | Self::NotTaken(_) | Self::Said(_) => {
                "look into the log of the server; what was stored before is untouched"
            }
        };
        text.into()
    }
}

fn who(name: Option<&str>) -> String {
    name.map_or("another host".to_owned(), |name| Untrusted::new(name).display())
}

fn from(since: Option<Timestamp>) -> String {
    since.map_or_else(String::new, |since| format!(" since {}", utc(since)))
}

/// For how long, where that is seconds.
pub(super) fn lasted(waited: Duration) -> String {
    if waited.as_secs() > 0 { format!(" for {} s", waited.as_secs()) } else { String::new() }
}

/// What the server says, or why it says nothing.
pub(super) fn of_server(error: &tokio_postgres::Error) -> ServerFault {
    use tokio_postgres::error::SqlState;
    let Some(said) = error.as_db_error() else {
        let why = whole(error);
        if why.ends_with("password missing") {
            return ServerFault::SignIn("it wants a password".to_owned());
        }
        let is_odd = rustls_cause(error) || why.contains("does not support TLS");
        let is_gone =
            error.is_closed() || causes(error).any(|cause| cause.is::<io::Error>()) || why.starts_with("timeout");
        return match (is_odd, is_gone) {
            (true, _) => ServerFault::NotTrusted(why),
            (_, true) => ServerFault::NotReached(why),
            _ => ServerFault::Said(why),
        };
    };
    let words = said.message().to_owned();
    match *said.code() {
        SqlState::LOCK_NOT_AVAILABLE => ServerFault::Busy { waited: Duration::ZERO, who: None },
        SqlState::DISK_FULL => ServerFault::Full,
        SqlState::INSUFFICIENT_PRIVILEGE | SqlState::READ_ONLY_SQL_TRANSACTION => ServerFault::NoRight(words),
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION | SqlState::INVALID_CATALOG_NAME => {
            ServerFault::SignIn(words)
        }
        SqlState::QUERY_CANCELED => ServerFault::NotReached("it has taken too long and was stopped there".to_owned()),
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::TOO_MANY_CONNECTIONS => ServerFault::NotReached(words),
        // Data that cannot be kept, a constraint, a limit of the server.
        ref code if ["22", "23", "54"].iter().any(|class| code.code().starts_with(class)) => {
            ServerFault::NotTaken(words)
        }
        _ => ServerFault::Said(words),
    }
}

/// Whether it is TLS that did not come about.
fn rustls_cause(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error).any(|cause| {
        cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref).is_some_and(|inner| inner.is::<rustls::Error>())
    })
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// An error with all that it comes from.
pub(super) fn whole(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
