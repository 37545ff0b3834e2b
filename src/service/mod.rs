//! `serve`: the daily sync at its time, and the callbacks that Halo sends.
//!
//! ```text
//! receiver ─ auth (who may) ─> intake (one write for many events, then the answer)
//!                                ├─ store on a server that is away ─> spool (a file, until it is back)
//!                                ├─ wakes ─> lookups (the ticket behind an event) ─ wakes ─┐
//!                                └─ wakes ────────────────────────────────────────────────┴─> forwarder (hands it on)
//! leading ─── on a server, one service at a time leads: what follows is its work, and the others only receive
//! scheduler ─ wall clock ─> ops::sync, once for each UTC day
//! health ──── after each sync ─> has anything changed in Halo? reports it
//! missed ──── a callback was refused ─> notes it in the store, for the catch-up of whoever leads
//! catch-up ── at the start ─> fetches the events that were missed while the service was not running
//! owner ───── every 45 s ─> does the configuration in Halo still belong to this machine?
//! expiry ──── wall clock ─> deletes the secrets that a rotation has replaced
//! ```
//!
//! Each part sleeps until a callback arrives, the settings change, or its next moment has come.

mod at_halo;
mod auth;
mod busy;
mod catch_up;
mod clock;
mod connections;
mod expiry;
mod forwarder;
mod health;
mod intake;
mod leading;
mod lookups;
mod losses;
mod metrics;
mod missed;
mod owner;
mod receiver;
mod room;
mod scheduler;
mod settings_watch;
mod spool;
mod supervisor;
mod taken;
mod throttle;

#[cfg(test)]
mod testing;

use std::net::SocketAddr;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::forwarder::Destination;

use self::at_halo::Failing;
use self::auth::Auth;
use self::connections::Connections;
use self::intake::Intake;
use self::metrics::Metrics;
use self::receiver::Receiver;
use crate::domain::daily_sync_time::DailySyncTime;
use crate::domain::failure::{Failure, FailureKind};
use crate::ops::leading::Others;
use crate::ops::{Workspace, serving};

/// Time for the parts to stop cleanly after the connections had their [`connections::LAST`]: together well below the
/// ten seconds after which a supervisor kills the process. What still runs is stopped then; nothing is left half
/// stored.
const PATIENCE: Duration = Duration::from_secs(4);

/// Where the service listens.
#[derive(Debug)]
pub enum Listen {
    /// At an address of its own.
    At(SocketAddr),
    /// On a socket that systemd holds: what comes in while the service is restarted waits in it.
    Handed(std::net::TcpListener),
}

/// Tells at which time the daily sync runs from now on, seen at a moment; without one, that nothing is active.
pub type TellDaily = fn(Option<DailySyncTime>, Timestamp);

/// Tells who leads from now on, of several services at one store: this one, or another one, in words.
pub type TellLead = fn(Option<&str>);

/// How the service was asked to run.
#[derive(Debug)]
pub struct Options {
    pub listen: Listen,
    /// Where new events are forwarded to.
    pub forward: Option<Destination>,
    /// The command that is run for each new issue, with its arguments.
    pub notify: Option<Vec<String>>,
    /// How whoever sits in front of it is told when the daily sync runs from now on.
    pub tell: Option<TellDaily>,
    /// The same of who leads.
    pub tell_lead: Option<TellLead>,
}

/// What a part works with: while it leads, under the lock of the leader, and until that ends.
struct Shared {
    workspace: Workspace,
    cancel: CancellationToken,
    hub: Arc<Hub>,
}

impl Deref for Shared {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.hub
    }
}

/// What the parts tell each other.
#[derive(Default)]
struct Hub {
    metrics: Metrics,
    /// An event was stored.
    arrived: Notify,
    /// For the forwarder: an event was stored, its ticket is known or is known not to be, or Halo could not be asked.
    looked_up: Notify,
    /// Another program changed the settings: for the scheduler.
    changed: Notify,
    /// The same, for whoever else waits for it.
    reloaded: watch::Sender<()>,
    forwards: bool,
    /// Another service at the store forwards: what comes in is kept for it.
    others_forward: AtomicBool,
    /// The one that forwards elsewhere, or alone, as it was told last.
    differs: Mutex<Option<String>>,
    /// What whoever leads has failed at in Halo, for a cause of this host.
    failing: Failing,
    /// Its daily sync is under way: it gives its lead to nobody meanwhile.
    is_syncing: AtomicBool,
    /// A daily sync has ended well: for whoever looks whether everything is as it was made.
    synced: Notify,
    /// A callback was refused or could not be stored: what Halo had to say may have been missed.
    missed: Notify,
    /// That was noted in the store, here or by another service.
    missed_noted: Notify,
    /// The thread that stores callbacks has ended by itself.
    intake_gone: AtomicBool,
    /// Another host has taken the store.
    taken: OnceLock<Failure>,
    /// The configuration in Halo is another machine's: nothing is repaired or fetched here.
    is_lost: AtomicBool,
    /// It became another machine's, or this one's again.
    owner_changed: Notify,
    tell: Option<TellDaily>,
    tell_lead: Option<TellLead>,
    /// It led until the service was to end.
    led_to_end: AtomicBool,
    /// What was missed was fetched, as far as anybody knows of it.
    is_caught_up: AtomicBool,
}

impl Hub {
    /// Whether events are to be forwarded.
    fn forwards(&self) -> bool {
        self.forwards || self.others_forward.load(Ordering::Relaxed)
    }

    /// Takes up what the other services at the store are.
    fn hear(&self, others: &Others) {
        self.others_forward.store(others.forward, Ordering::Relaxed);
        let mut told = self.differs.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != others.differs {
            if let Some(host) = &others.differs {
                tracing::warn!(
                    host,
                    "this service forwards elsewhere, or not at all: start all with the same --forward-to"
                );
            }
            told.clone_from(&others.differs);
        }
    }
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
    let mut lock = workspace.service_lock().await?;
    let listener = listen(options.listen).await?;
    let address = listener.local_addr().map_err(|error| Failure::new(FailureKind::LocalState, error.to_string()))?;
    // Whoever looks can ask there whether it works.
    lock.listens(address)?;
    let auth = Arc::new(Auth::open(&workspace)?);
    let intake = Intake::start(&workspace)?;
    let metrics = Metrics::default();
    let (last_event, last_daily_sync) = serving::last_work(&workspace)?;
    metrics.begun(last_event, last_daily_sync);
    let work = leading::Work { forward: options.forward, notify: options.notify };
    let is_lost = crate::ops::take_over::was_lost(&workspace);
    let hub = Hub {
        metrics,
        forwards: work.forward.is_some(),
        is_lost: AtomicBool::new(is_lost),
        tell: options.tell,
        tell_lead: options.tell_lead,
        ..Hub::default()
    };
    let shared = Arc::new(Shared { workspace, cancel: cancel.clone(), hub: Arc::new(hub) });
    let signals = settings_watch::start(&shared);

    let parts = Parts::new(cancel.clone());
    parts.start("settings", settings_watch::follow(Arc::clone(&shared), signals));
    if serving::is_on_server(&shared.workspace) {
        parts.start("auth", auth::follow(Arc::clone(&shared), Arc::clone(&auth)));
    }
    // What cannot be forwarded to is told at once, whoever leads.
    if let Some(destination) = work.forward.clone() {
        drop(forwarder::run(Arc::clone(&shared), destination)?);
    }
    parts.start("missed", missed::run(Arc::clone(&shared)));
    parts.start("leading", leading::run(Arc::clone(&shared), work, parts.beside()));
    parts.start("taken", taken::run(Arc::clone(&shared)));
    let receiver = Receiver::new(Arc::clone(&shared), auth, intake.queue());
    ready(address);
    supervisor::ready();
    parts.start("supervisor", supervisor::run(cancel.clone(), intake.queue()));
    tracing::info!(%address, "the service is receiving callbacks");

    Connections::default().serve(listener, receiver, cancel).await;
    supervisor::stopping();
    let ended = parts.end().await;
    // Last: whoever was promised that an event is stored has it stored.
    intake.finish();
    // Whoever stood by does not know what the leader has missed, and what was not fetched yet is not done with.
    if shared.led_to_end.load(Ordering::Relaxed) && shared.is_caught_up.load(Ordering::Relaxed) {
        note_end(&shared.workspace).await;
    }
    tracing::info!("the service has stopped");
    if let Some(failure) = shared.taken.get() {
        return Err(failure.clone());
    }
    if shared.intake_gone.load(Ordering::Relaxed) {
        // Where a start would be refused for the same cause, that is told, and not the thread that has met it.
        let refused = shared.workspace.run_blocking(|workspace| Ok(serving::refuses_start(workspace))).await;
        return Err(refused.ok().flatten().unwrap_or_else(|| failed("the thread that stores callbacks")));
    }
    ended
}

async fn listen(listen: Listen) -> Result<TcpListener, Failure> {
    let unusable = |what: &dyn std::fmt::Display, error| {
        Failure::new(FailureKind::LocalState, format!("cannot listen on {what}: {error}"))
    };
    match listen {
        Listen::At(address) => TcpListener::bind(address).await.map_err(|error| {
            unusable(&address, error)
                .hint("Choose another address with --listen, or stop the program that uses this one")
        }),
        Listen::Handed(socket) => {
            let taken = socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket));
            taken.map_err(|error| unusable(&"the socket that systemd holds", error))
        }
    }
}

/// Records that nothing was missed until now. A stop does not wait long for another program's write: without that, the
/// next start checks a longer period than it has to.
async fn note_end(workspace: &Workspace) {
    match tokio::time::timeout(Duration::from_secs(1), workspace.run_blocking(crate::ops::catch_up::note_complete))
        .await
    {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => tracing::warn!(%failure, "cannot record when the service stopped"),
        Err(_) => tracing::warn!("cannot record when the service stopped: the database is busy"),
    }
}

/// The tasks of the service. Each runs until the service stops; if one fails, the service stops, because nobody would
/// notice a daily sync that has silently stopped.
struct Parts {
    tasks: TaskTracker,
    cancel: CancellationToken,
    failed: Arc<OnceLock<&'static str>>,
}

impl Parts {
    fn new(cancel: CancellationToken) -> Self {
        Self { tasks: TaskTracker::new(), cancel, failed: Arc::default() }
    }

    /// Others, that end by themselves; if one fails, the service stops as well.
    fn beside(&self) -> Self {
        Self { tasks: TaskTracker::new(), cancel: self.cancel.clone(), failed: Arc::clone(&self.failed) }
    }

    fn start(&self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        let (cancel, failed) = (self.cancel.clone(), Arc::clone(&self.failed));
        self.tasks.spawn(async move {
            if AssertUnwindSafe(part).catch_unwind().await.is_err() {
                tracing::error!(part = name, "a part of the service has failed");
                _ = failed.set(name);
                cancel.cancel();
            }
        });
    }

    /// Waits for the end of all of them, for a while: one may wait for a server that says nothing.
    async fn wait(&self, patience: Duration) {
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!("a part of the service did not stop in time");
        }
    }

    async fn end(self) -> Result<(), Failure> {
        self.wait(PATIENCE).await;
        match self.failed.get() {
            None => Ok(()),
            Some(part) => Err(failed(part)),
        }
    }
}

fn failed(part: &str) -> Failure {
    Failure::new(FailureKind::Declined, format!("a part of the service has failed: {part}"))
        .hint("Start the service again; everything stored is intact")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn part_that_fails_ends_service_with_failure() {
        let cancel = CancellationToken::new();
        let parts = Parts::new(cancel.clone());
        let waits = cancel.clone();
        parts.start("waits", async move { waits.cancelled().await });
        parts.start("breaks", async { panic!("as a test wants it") });
        cancel.cancelled().await;
        let failure = parts.end().await.unwrap_err();
        assert!(failure.to_string().contains("breaks"), "{failure}");
        assert_eq!(failure.kind, FailureKind::Declined);
    }

    /// A part that hears nothing holds the end up for a while, and not for good.
    #[tokio::test(start_paused = true)]
    async fn part_that_does_not_end_is_left_in_time() {
        let parts = Parts::new(CancellationToken::new());
        parts.start("deaf", std::future::pending());
        let began = tokio::time::Instant::now();
        parts.end().await.unwrap();
        assert!(began.elapsed() + connections::LAST < Duration::from_secs(9), "{:?}", began.elapsed());
    }
}
