//! `serve`: the daily sync at its time, and the callbacks that Halo sends.
//!
//! ```text
//! receiver ─ gate (who may) ─> intake (one write for many events, then the answer)
//!                                └─ wakes ─> lookups (the ticket behind an event) ─ wakes ─> forwarder (hands it on)
//! scheduler ─ wall clock ─> ops::sync, once for each UTC day
//! ```
//!
//! Nothing ticks: each part sleeps until a callback, a change of the settings, or the one moment that it waits for.

mod clock;
mod connections;
mod forwarder;
mod gate;
mod intake;
mod lookups;
mod metrics;
mod receiver;
mod scheduler;
mod settings_watch;
mod supervisor;

#[cfg(test)]
mod testing;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::forwarder::Destination;

use self::clock::WallClock;
use self::connections::Connections;
use self::gate::Gate;
use self::intake::Intake;
use self::metrics::Metrics;
use self::receiver::Receiver;
use self::scheduler::Scheduler;
use crate::domain::failure::{Failure, FailureKind};
use crate::ops::Workspace;

/// How long a tidy end may take. What is in the middle of something is stopped then: nothing of it is half stored.
const PATIENCE: Duration = Duration::from_secs(8);

/// How the service was asked to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where new events are handed on to.
    pub forward: Option<Destination>,
}

/// What the parts tell each other.
struct Shared {
    workspace: Workspace,
    metrics: Metrics,
    /// An event was stored.
    arrived: Notify,
    /// The ticket of an event is known, or is known not to be.
    looked_up: Notify,
    /// Another program changed the settings: for the scheduler.
    changed: Notify,
    /// The same, for whoever else waits for it.
    reloaded: watch::Sender<()>,
    forwards: bool,
    cancel: CancellationToken,
}

/// Runs the service until it is cancelled. `ready` is told the address once callbacks are taken.
///
/// # Errors
///
/// Where it cannot begin: another one runs, the address is taken, or the store cannot be used.
pub async fn run(
    workspace: Workspace,
    options: Options,
    cancel: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    let _lock = workspace.service_lock().await?;
    let listener = TcpListener::bind(options.listen).await.map_err(|error| {
        Failure::new(FailureKind::LocalState, format!("{} cannot be listened on: {error}", options.listen))
            .hint("choose another address with --listen, or end the program that has this one")
    })?;
    let address = listener.local_addr().map_err(|error| Failure::new(FailureKind::LocalState, error.to_string()))?;
    let gate = Gate::open(&workspace)?;
    let intake = Intake::start(&workspace)?;
    let shared = Arc::new(Shared {
        workspace,
        metrics: Metrics::default(),
        arrived: Notify::new(),
        looked_up: Notify::new(),
        changed: Notify::new(),
        reloaded: watch::Sender::new(()),
        forwards: options.forward.is_some(),
        cancel: cancel.clone(),
    });
    let _watch = settings_watch::start(&shared);

    let tasks = TaskTracker::new();
    tasks.spawn(lookups::run(Arc::clone(&shared)));
    tasks.spawn(Scheduler::new(Arc::clone(&shared), WallClock).run());
    if let Some(destination) = options.forward {
        tasks.spawn(forwarder::run(Arc::clone(&shared), destination)?);
    }
    tasks.spawn(supervisor::run(Arc::clone(&shared)));
    let receiver = Receiver::new(Arc::clone(&shared), gate, intake.door());
    ready(address);
    supervisor::ready();
    tracing::info!(%address, "the service takes callbacks");

    Connections::default().serve(listener, receiver, cancel).await;
    supervisor::stopping();
    tasks.close();
    if tokio::time::timeout(PATIENCE, tasks.wait()).await.is_err() {
        tracing::warn!("a part of the service did not end in time");
    }
    // Last: whoever was promised that an event is stored has it stored.
    intake.finish();
    tracing::info!("the service has ended");
    Ok(())
}
