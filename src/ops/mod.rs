//! The use cases: the terminal interface, the command line and the service call them, and have no rules of
//! their own.
//!
//! Every use-case takes a [`Workspace`], reports as it goes through a plain callback, and answers with a type of the
//! domain or a [`Failure`] that says what to do next.

pub mod activate;
mod actor;
mod answering;
mod apply;
mod archive;
pub(crate) mod aside;
mod authorities;
pub(crate) mod backup;
mod behind;
mod boards;
pub mod catch_up;
pub(crate) mod check;
pub mod clients;
mod clock;
pub mod configure;
pub(crate) mod delete;
pub mod delivery;
pub(crate) mod drafts;
pub mod events;
pub(crate) mod full_circle;
pub(crate) mod health;
mod holding;
mod installation;
pub(crate) mod leading;
mod locks;
pub(crate) mod owner;
mod pg_service;
pub(crate) mod place;
pub mod plan;
mod proxy;
mod recognise;
pub mod remove;
pub(crate) mod report;
pub(crate) mod restored;
pub mod rotate;
mod runs;
pub(crate) mod serving;
pub(crate) mod setup;
pub(crate) mod sharing;
pub(crate) mod signals;
pub(crate) mod spooled;
pub mod status;
pub(crate) mod support;
pub mod sync;
pub(crate) mod take_over;
pub(crate) mod tickets;
mod trail;
pub(crate) mod transfer;
pub(crate) mod units;
mod workspace;

pub use clock::{Clock, SystemClock};
pub use workspace::{Prompt, Workspace};

use crate::domain::failure::{Failure, FailureKind};

/// The failure of a task that ended without an answer: it panicked or was aborted.
fn lost_task(_: tokio::task::JoinError) -> Failure {
    Failure::new(FailureKind::LocalState, "an internal task stopped without a result")
        .hint("see the log; what was done before is kept")
}
