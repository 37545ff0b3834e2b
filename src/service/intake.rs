//! Storing callbacks before they are answered: one thread writes, and takes into one write whatever waits for it. So the
//! disk is waited for once for many, and nobody is answered before his event is on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::room::Share;
use super::spool::Spool;
use super::throttle::Throttle;
use crate::domain::callback::EventGroup;
use crate::domain::configuration::ConfigurationId;
use crate::domain::event::{EventBody, Incoming};
use crate::domain::failure::{Failure, FailureKind};
use crate::ops::Workspace;
use crate::store::{NewEvent, ServerFault, Store, StoreError};

/// Callbacks that may wait for the writer. Whoever comes after them is told to come again.
const WAITING: usize = 4_096;

/// How soon somebody who only knocks tries again in a crowd.
const CROWD: Duration = Duration::from_millis(50);

/// Callbacks that go into one write.
const BATCH: usize = 1_000;

/// How long another program's write is waited for, and in which steps: between them the end of the service is seen.
const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(250);

/// How long a server may work on a statement of a callback, before it goes into the spool, and on one of what waits there; and
/// how long the end of the service waits for the store.
const STATEMENT: Duration = Duration::from_secs(3);
const OF_SPOOL: Duration = Duration::from_secs(10);
const FINISH: Duration = Duration::from_secs(2);

/// How long whoever sent a callback waits for a server. It may be stored all the same, and is known where it comes again.
const ANSWERED: Duration = Duration::from_secs(10);

/// A callback whose body was read.
#[derive(Debug)]
pub struct Callback {
    pub configuration: ConfigurationId,
    /// Which address it came to.
    pub group: EventGroup,
    pub body: EventBody,
    pub received_at: Timestamp,
    /// Whether its events are to be forwarded.
    pub forward: bool,
    /// What its events without an id are called: the same in the store and in the spool.
    pub name: Uuid,
    /// The memory that its body takes: free again once it is stored.
    pub _room: Share,
}

impl Callback {
    fn events(&self) -> impl Iterator<Item = NewEvent<'_>> {
        self.body.events().zip(0..).map(|(incoming, at)| NewEvent {
            configuration: self.configuration.clone(),
            group: self.group,
            incoming: Incoming {
                id: incoming.id.or_else(|| Some(Uuid::from_u128(self.name.as_u128() ^ at).to_string())),
                ..incoming
            },
            received_at: self.received_at,
            fetched_from: None,
            forward: self.forward,
        })
    }
}

/// What became of the events of a callback: new, and known already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stored {
    /// Events that were stored.
    pub new: usize,
    /// Events that were known already.
    pub known: usize,
}

/// A callback on its way into the store; without one, somebody only asks whether the thread is alive.
struct Job {
    callback: Option<Callback>,
    answer: oneshot::Sender<Result<Stored, NotStored>>,
}

/// The thread that writes.
pub struct Intake {
    jobs: SyncSender<Job>,
    ends: Arc<AtomicBool>,
    /// Nobody says anything there: it closes with the thread.
    ended: Receiver<()>,
    thread: JoinHandle<()>,
    is_on_server: bool,
    spool: Arc<Spool>,
}

/// Where callbacks are handed in. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    jobs: SyncSender<Job>,
    is_on_server: bool,
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
        let store = workspace.place().answering_within(STATEMENT).open()?.patient_for(STEP)?;
        let is_on_server = !store.is_file();
        let ((jobs, waiting), (alive, ended)) = (sync_channel(WAITING), sync_channel(1));
        let ends = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ends);
        let spool = Arc::new(Spool::of(workspace));
        if is_on_server {
            let (drained, place) = (Arc::clone(&spool), workspace.place().answering_within(OF_SPOOL));
            start("spool", move || drained.drain(|| place.open()))?;
        } else {
            spool.drain_into(&store)?;
        }
        let behind = Arc::clone(&spool);
        let thread = start("intake", move || {
            let _alive = alive;
            write_all(&To { store, spool: behind, ends: seen }, &waiting);
        })?;
        Ok(Self { jobs, ends, ended, thread, is_on_server, spool })
    }

    /// Where callbacks are handed in.
    pub fn queue(&self) -> Queue {
        Queue { jobs: self.jobs.clone(), is_on_server: self.is_on_server }
    }

    /// Waits until everything that was handed in is stored, unless another program holds the database, or a server does not
    /// answer: by now everybody who waited for an answer is gone without one, and what was not stored was promised to nobody.
    /// Every queue has to be closed before.
    pub fn finish(self) {
        self.ends.store(true, Ordering::Relaxed);
        self.spool.end();
        drop(self.jobs);
        if self.ended.recv_timeout(FINISH) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the thread that stores callbacks is not waited for: the store does not answer");
        } else if self.thread.join().is_err() {
            tracing::error!("the thread that stores callbacks has failed");
        }
    }
}

impl Queue {
    /// Stores the events of one callback. When this returns they are on the disk.
    pub async fn store(&self, callback: Callback) -> Result<Stored, NotStored> {
        let (answer, stored) = oneshot::channel();
        self.jobs.try_send(Job { callback: Some(callback), answer }).map_err(|error| match error {
            TrySendError::Full(_) => NotStored::Full,
            TrySendError::Disconnected(_) => NotStored::Gone,
        })?;
        // Where nobody answers it ended with the job in its hands.
        let answer = async { stored.await.unwrap_or(Err(NotStored::Gone)) };
        // A file is there, and waited for by the thread.
        if !self.is_on_server {
            return answer.await;
        }
        tokio::time::timeout(ANSWERED, answer).await.unwrap_or(Err(NotStored::Broken))
    }

    /// Comes back once the thread that writes has had its turn: not while it hangs, and never once it is gone.
    pub async fn probe(&self) {
        loop {
            let (answer, heard) = oneshot::channel();
            match self.jobs.try_send(Job { callback: None, answer }) {
                Ok(()) if heard.await.is_ok() => return,
                // A crowd is before it: that is work, and no illness.
                Err(TrySendError::Full(_)) => tokio::time::sleep(CROWD).await,
                _ => std::future::pending().await,
            }
        }
    }
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    let no_thread = |error| Failure::new(FailureKind::LocalState, format!("no thread for the callbacks: {error}"));
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(no_thread)
}

/// Where callbacks go.
struct To {
    store: Store,
    spool: Arc<Spool>,
    ends: Arc<AtomicBool>,
}

fn write_all(to: &To, waiting: &Receiver<Job>) {
    let (not_stored, odd) = (Throttle::default(), Throttle::default());
    write_until_end(to, waiting, &not_stored, &odd);
    if let Some(times) = odd.rest() {
        tracing::warn!(times, "more events were not understood; they were stored as received");
    }
    if let Some(times) = not_stored.rest() {
        tracing::error!(times, "more callbacks could not be stored");
    }
}

fn write_until_end(to: &To, waiting: &Receiver<Job>, not_stored: &Throttle, odd: &Throttle) {
    while let Ok(first) = waiting.recv() {
        let mut jobs = vec![first];
        while jobs.len() < BATCH {
            match waiting.try_recv() {
                Ok(job) => jobs.push(job),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let (callbacks, answers): (Vec<Option<Callback>>, Vec<_>) =
            jobs.into_iter().map(|job| (job.callback, job.answer)).unzip();
        match to.add(&callbacks) {
            Ok(added) => {
                for (stored, answer) in added.stored.into_iter().zip(answers) {
                    // Whoever hung up before the answer has his event stored all the same.
                    let _ = answer.send(Ok(stored));
                }
                if let Some((problem, count)) = added.not_understood
                    && let Some(times) = odd.again_by(count)
                {
                    tracing::warn!(problem, times, "an event was not understood; it was stored as received");
                }
            }
            Err(error) => {
                if let Some(times) = not_stored.again() {
                    tracing::error!(%error, times, "callbacks could not be stored");
                }
                let is_lost = is_lost(&error);
                for answer in answers {
                    let _ = answer.send(Err(if is_lost { NotStored::Gone } else { NotStored::Broken }));
                }
                if is_lost || to.ends.load(Ordering::Relaxed) {
                    return;
                }
            }
        }
    }
}

/// With another file there, or one of another form, only a new start goes on. Where another host has the store now, not even
/// that.
fn is_lost(error: &StoreError) -> bool {
    match error {
        StoreError::Moved { .. } | StoreError::Newer { .. } => true,
        StoreError::Server { fault, .. } => matches!(fault, ServerFault::Newer { .. }) || error.is_taken(),
        _ => false,
    }
}

/// Whether another program's write was waited for.
fn is_busy(error: &StoreError) -> bool {
    matches!(error, StoreError::Busy { .. } | StoreError::Server { fault: ServerFault::Busy { .. }, .. })
}

/// What was added in one write.
#[derive(Default)]
struct Added {
    stored: Vec<Stored>,
    /// Why the first event that was not understood was not, and how many were not.
    not_understood: Option<(String, u64)>,
}

impl To {
    /// Adds them to the store or, where a server has not taken them or others wait there, to the spool.
    fn add(&self, callbacks: &[Option<Callback>]) -> Result<Added, StoreError> {
        let add_there = |spool: &Store| add_once(spool, callbacks);
        if let Some(added) = self.spool.add_behind(add_there) {
            return added;
        }
        match add(&self.store, callbacks, &self.ends) {
            Err(error) if matches!(error, StoreError::Server { .. }) && !is_lost(&error) => {
                tracing::warn!(%error, "callbacks wait in the spool of this host until the store takes them");
                self.spool.begin(add_there)
            }
            other => other,
        }
    }
}

/// Another program's write is waited for; the callbacks wait with it.
fn add(store: &Store, callbacks: &[Option<Callback>], ends: &AtomicBool) -> Result<Added, StoreError> {
    let began = Instant::now();
    loop {
        match add_once(store, callbacks) {
            Err(error) if is_busy(&error) && began.elapsed() < PATIENCE && !ends.load(Ordering::Relaxed) => {}
            other => return other,
        }
    }
}

fn add_once(store: &Store, callbacks: &[Option<Callback>]) -> Result<Added, StoreError> {
    let mut added = Added { stored: vec![Stored::default(); callbacks.len()], not_understood: None };
    let (mut of, mut problem) = (Vec::new(), None::<(String, u64)>);
    let events = callbacks
        .iter()
        .enumerate()
        .flat_map(|(at, callback)| callback.iter().flat_map(Callback::events).map(move |event| (at, event)));
    let events = events.map(|(at, event)| {
        of.push(at);
        if let Some(why) = &event.incoming.not_understood {
            problem.get_or_insert_with(|| (why.clone(), 0)).1 += 1;
        }
        event
    });
    // Nobody who only asks for a sign of life waits for the disk.
    if callbacks.iter().any(Option::is_some) {
        let new = store.add_events(events)?;
        // Where the file was moved meanwhile, they are in one that nobody opens again.
        store.is_current()?;
        for (at, is_new) in of.into_iter().zip(new) {
            let stored = &mut added.stored[at];
            *(if is_new { &mut stored.new } else { &mut stored.known }) += 1;
        }
    }
    added.not_understood = problem;
    Ok(added)
}

/// A queue behind which nobody takes anything, for as long as the other half is kept.
#[cfg(test)]
pub fn unheard() -> (Queue, impl Sized) {
    let (jobs, waiting) = sync_channel(1);
    (Queue { jobs, is_on_server: false }, waiting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::room::Room;

    /// Whether the store has kept them is not known where its answer is lost: in the spool they are the same.
    #[test]
    fn events_without_id_are_called_same_in_store_and_spool() {
        let callback = |name| Callback {
            configuration: "acme".parse().unwrap(),
            group: EventGroup::TicketCreated,
            body: EventBody::read(br#"[{"ticket_id":1},{"ticket_id":1}]"#.to_vec()).unwrap(),
            received_at: Timestamp::UNIX_EPOCH,
            forward: false,
            name,
            _room: Room::default().begin(),
        };
        let one = callback(Uuid::new_v4());
        let ids = |callback: &Callback| callback.events().filter_map(|event| event.incoming.id).collect::<Vec<_>>();
        assert_eq!(ids(&one), ids(&one));
        assert!(ids(&one)[0] != ids(&one)[1] && !ids(&callback(Uuid::new_v4())).contains(&ids(&one)[0]));
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.db")).unwrap();
        assert_eq!(store.add_events(one.events()).unwrap(), [true, true]);
        assert_eq!(store.add_events(one.events()).unwrap(), [false, false]);
    }
}
