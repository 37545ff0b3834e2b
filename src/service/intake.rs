//! Storing callbacks before they are answered: one thread writes, and takes into one write whatever waits for it. So the
//! disk is waited for once for many, and nobody is answered before his event is on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::seldom::Seldom;
use crate::domain::failure::{Failure, FailureKind};
use crate::ops::Workspace;
use crate::store::{NewEvent, Store, StoreError};

/// Callbacks that may wait for the writer. Whoever comes after them is told to come again.
const WAITING: usize = 4_096;

/// How soon somebody who only knocks tries again in a crowd.
const CROWD: Duration = Duration::from_millis(50);

/// Events that go into one write.
const BATCH: usize = 1_000;

/// How long another program's write is waited for, and in which steps: between them the end of the service is seen.
const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(250);

/// A callback on its way into the store.
struct Parcel {
    events: Vec<NewEvent>,
    answer: oneshot::Sender<Result<Vec<bool>, ()>>,
}

/// The thread that writes.
pub struct Intake {
    parcels: SyncSender<Parcel>,
    ends: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// Where callbacks are handed in. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    parcels: SyncSender<Parcel>,
}

/// Why events were not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// Too many wait already.
    Full,
    /// The store does not take them.
    Broken,
    /// The thread that writes has ended: the service has to.
    Gone,
}

impl Intake {
    /// Starts the thread, with a connection to the store of its own: a long sync must not hold up a callback's turn.
    pub fn start(workspace: &Workspace) -> Result<Self, Failure> {
        let store = Store::open(workspace.store.path())?.patient_for(STEP)?;
        let (parcels, waiting) = sync_channel(WAITING);
        let ends = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ends);
        let work = move || write_all(&store, &waiting, &seen);
        let thread = std::thread::Builder::new().name("intake".to_owned()).spawn(work);
        let no_thread = |error| Failure::new(FailureKind::LocalState, format!("no thread for the callbacks: {error}"));
        Ok(Self { parcels, ends, thread: thread.map_err(no_thread)? })
    }

    /// Where callbacks are handed in.
    pub fn door(&self) -> Door {
        Door { parcels: self.parcels.clone() }
    }

    /// Waits until everything that was handed in is stored, unless another program holds the database: by now everybody who
    /// waited for an answer is gone without one, and what was not stored was promised to nobody. Every door has to be closed
    /// before.
    pub fn finish(self) {
        self.ends.store(true, Ordering::Relaxed);
        drop(self.parcels);
        if self.thread.join().is_err() {
            tracing::error!("the thread that stores callbacks has failed");
        }
    }
}

impl Door {
    /// Stores the events of one callback; says of each whether it is new. When this returns they are on the disk.
    pub async fn store(&self, events: Vec<NewEvent>) -> Result<Vec<bool>, NotStored> {
        let (answer, stored) = oneshot::channel();
        self.parcels.try_send(Parcel { events, answer }).map_err(|error| match error {
            TrySendError::Full(_) => NotStored::Full,
            TrySendError::Disconnected(_) => NotStored::Gone,
        })?;
        match stored.await {
            Ok(Ok(new)) => Ok(new),
            Ok(Err(())) => Err(NotStored::Broken),
            // It ended with the parcel in its hands.
            Err(_) => Err(NotStored::Gone),
        }
    }

    /// Comes back once the thread that writes has had its turn: not while it hangs, and never once it is gone.
    pub async fn knock(&self) {
        loop {
            let (answer, heard) = oneshot::channel();
            match self.parcels.try_send(Parcel { events: Vec::new(), answer }) {
                Ok(()) if heard.await.is_ok() => return,
                // A crowd is before it: that is work, and no illness.
                Err(TrySendError::Full(_)) => tokio::time::sleep(CROWD).await,
                _ => std::future::pending().await,
            }
        }
    }
}

fn write_all(store: &Store, waiting: &Receiver<Parcel>, ends: &AtomicBool) {
    let not_stored = Seldom::default();
    while let Ok(first) = waiting.recv() {
        let mut parcels = vec![first];
        let mut count = parcels[0].events.len();
        while count < BATCH {
            match waiting.try_recv() {
                Ok(parcel) => {
                    count += parcel.events.len();
                    parcels.push(parcel);
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let (events, answers): (Vec<_>, Vec<_>) =
            parcels.into_iter().map(|parcel| (parcel.events, parcel.answer)).unzip();
        let sizes: Vec<usize> = events.iter().map(Vec::len).collect();
        let events: Vec<NewEvent> = events.into_iter().flatten().collect();
        // Somebody only asked whether the thread is alive.
        if events.is_empty() {
            answers.into_iter().for_each(|answer| _ = answer.send(Ok(Vec::new())));
            continue;
        }
        match add(store, &events, ends) {
            Ok(new) => {
                let mut new = new.into_iter();
                for (answer, size) in answers.into_iter().zip(sizes) {
                    let mine = new.by_ref().take(size).collect();
                    // Whoever hung up before the answer has his event stored all the same.
                    let _ = answer.send(Ok(mine));
                }
            }
            Err(error) => {
                if let Some(times) = not_stored.again() {
                    tracing::error!(%error, times, "callbacks could not be stored");
                }
                for answer in answers {
                    let _ = answer.send(Err(()));
                }
                if ends.load(Ordering::Relaxed) {
                    return;
                }
            }
        }
    }
}

/// Another program's write is waited for; the callbacks wait with it.
fn add(store: &Store, events: &[NewEvent], ends: &AtomicBool) -> Result<Vec<bool>, StoreError> {
    let began = Instant::now();
    loop {
        match store.add_events(events) {
            Err(StoreError::Busy { .. }) if began.elapsed() < PATIENCE && !ends.load(Ordering::Relaxed) => {}
            other => return other,
        }
    }
}

/// A door behind which nobody takes anything, for as long as the other half is kept.
#[cfg(test)]
pub fn unheard() -> (Door, impl Sized) {
    let (parcels, waiting) = sync_channel(1);
    (Door { parcels }, waiting)
}
