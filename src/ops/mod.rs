//! The use-cases, once: the terminal interface, the command line and the service call them, and hold no rule of
//! their own.
//!
//! Every use-case takes a [`Workspace`], reports as it goes through a plain callback, and answers with a type of the
//! domain or a [`Failure`] that says what to do next.

pub mod activate;
mod actor;
mod apply;
mod archive;
pub mod aside;
pub mod backup;
mod boards;
pub mod catch_up;
pub mod check;
pub mod clients;
pub mod configure;
pub mod delete;
pub mod delivery;
pub mod drafts;
pub mod events;
pub mod full_circle;
pub mod health;
mod host;
mod locks;
pub mod owner;
pub mod plan;
pub mod remove;
pub mod rotate;
pub mod serving;
pub mod setup;
pub mod signals;
pub mod status;
pub mod support;
pub mod sync;
pub mod tickets;
mod workspace;

pub use workspace::{Clock, Prompt, SystemClock, Workspace};

use crate::domain::failure::{Failure, FailureKind};

/// The failure of a task that ended without an answer: it panicked or was aborted.
fn lost_task(_: tokio::task::JoinError) -> Failure {
    Failure::new(FailureKind::LocalState, "a task of the program ended without an answer")
        .hint("see the log; what was done before is kept")
}
