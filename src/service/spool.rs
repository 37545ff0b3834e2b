//! What Halo sends while the store is away: kept on this host, and stored in its order once the store is back.
//!
//! Whoever comes while something waits goes behind it. Only once nothing waits, callbacks go into the store again; both are
//! decided under one lock.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::throttle::Throttle;
use crate::ops::Workspace;
use crate::store::{NewEvent, Store, StoreError};

/// Bytes that the spool may take: then whoever sent a callback is told to come again.
const MOST: u64 = 1 << 30;

/// How often a store that is away is tried again.
const TRY: Duration = Duration::from_secs(1);

/// The events that wait on this host.
pub struct Spool {
    path: PathBuf,
    most: u64,
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Open once it was needed.
    file: Option<Store>,
    /// How long what the store does not take is together; none until somebody asks, and where it may have changed.
    refused: Option<u64>,
    /// Something waits in it.
    is_used: bool,
    ends: bool,
}

impl Spool {
    /// The spool of this host, with what was left in it. What the store did not take is tried once more.
    pub fn of(workspace: &Workspace) -> Self {
        let clock = workspace.clone();
        Self::at(workspace.paths().spool(), MOST, move || clock.now())
    }

    fn at(path: PathBuf, most: u64, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let state = Mutex::new(State { file: None, refused: None, is_used: false, ends: false });
        let spool = Self { path, most, now: Box::new(now), state, changed: Condvar::new() };
        if let Err(error) = spool.look() {
            tracing::error!(%error, "the spool cannot be read: what waits in it is not stored");
            // Nothing goes past it, and it is tried again.
            spool.lock().is_used = !matches!(error, StoreError::Corrupt { .. });
        }
        spool
    }

    fn look(&self) -> Result<(), StoreError> {
        if !self.path.exists() {
            return Ok(());
        }
        let mut state = self.lock();
        let file = self.open(&mut state)?;
        file.try_spool_again()?;
        state.is_used = file.has_waiting()?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, state: &mut State) -> Result<Store, StoreError> {
        match &state.file {
            Some(file) => Ok(file.clone()),
            None => Ok(state.file.insert(Store::open(&self.path)?).clone()),
        }
    }

    /// Adds something where others wait already; none where nobody does.
    pub fn add_behind<R>(&self, add: impl Fn(&Store) -> Result<R, StoreError>) -> Option<Result<R, StoreError>> {
        let mut state = self.lock();
        state.is_used.then(|| self.add(&mut state, add))
    }

    /// Adds something that the store has not taken: from now on everybody waits here.
    pub fn begin<R>(&self, add: impl Fn(&Store) -> Result<R, StoreError>) -> Result<R, StoreError> {
        let mut state = self.lock();
        let added = self.add(&mut state, add)?;
        state.is_used = true;
        self.changed.notify_all();
        Ok(added)
    }

    fn add<R>(&self, state: &mut State, add: impl Fn(&Store) -> Result<R, StoreError>) -> Result<R, StoreError> {
        self.add_to_file(state, add).map_err(|error| match error {
            // Unlike the store, the service can do without it.
            StoreError::Moved { .. } | StoreError::Newer { .. } => {
                StoreError::Io { path: self.path.clone(), why: error.to_string() }
            }
            other => other,
        })
    }

    fn add_to_file<R>(
        &self,
        state: &mut State,
        add: impl Fn(&Store) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let mut once = || {
            let file = self.open(state)?;
            file.is_current()?;
            // What is kept for good takes no room from what waits.
            let is_full = file.spool_bytes()? >= self.most && {
                let known = state.refused.map_or_else(|| file.refused_bytes(), Ok)?;
                file.spool_bytes()?.saturating_sub(*state.refused.insert(known)) >= self.most
            };
            if is_full {
                return Err(StoreError::Full { path: self.path.clone() });
            }
            add(&file)
        };
        match once() {
            // Somebody has taken the file away: the next one is another.
            Err(StoreError::Moved { .. }) => {
                state.file = None;
                let file = self.open(state)?;
                add(&file)
            }
            other => other,
        }
    }

    /// Stores what waits, whenever something does, until [`Spool::end`].
    pub fn drain(&self, open: impl Fn() -> Result<Store, StoreError>) {
        let (not_stored, mut store) = (Throttle::default(), None);
        while let Some(file) = self.wait_for_use() {
            let moved = file.and_then(|file| {
                let store = match &store {
                    Some(store) => store,
                    None => store.insert(open()?),
                };
                move_some(&file, store, (self.now)())?;
                self.is_done(&file)
            });
            match moved {
                Ok(false) => {}
                Ok(true) => {
                    // Its session ends with it.
                    store = None;
                    tracing::info!("the store is back, and has everything that waited in the spool");
                }
                Err(error) => {
                    if let Some(times) = not_stored.again() {
                        tracing::warn!(%error, times, "what waits in the spool cannot be stored yet");
                    }
                    self.rest(&error);
                }
            }
        }
    }

    /// Stores everything that waits; of a spool that was left behind beside a store in a file.
    pub fn drain_into(&self, store: &Store) -> Result<(), StoreError> {
        while self.lock().is_used {
            let file = self.open(&mut self.lock())?;
            move_some(&file, store, (self.now)())?;
            self.is_done(&file)?;
        }
        Ok(())
    }

    fn wait_for_use(&self) -> Option<Result<Store, StoreError>> {
        let idle = |state: &mut State| !state.is_used && !state.ends;
        let mut state = self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        (!state.ends).then(|| self.open(&mut state))
    }

    /// Whether nothing waits any more: then callbacks go into the store again.
    fn is_done(&self, file: &Store) -> Result<bool, StoreError> {
        let mut state = self.lock();
        state.refused = None;
        if file.has_waiting()? {
            return Ok(false);
        }
        state.is_used = false;
        drop(state);
        file.give_back()?;
        Ok(true)
    }

    fn rest(&self, error: &StoreError) {
        let mut state = self.lock();
        if matches!(error, StoreError::Moved { .. }) {
            state.file = None;
        }
        _ = self.changed.wait_timeout_while(state, TRY, |state| !state.ends);
    }

    /// Nothing is stored out of it any more: what waits is there for the next start.
    pub fn end(&self) {
        self.lock().ends = true;
        self.changed.notify_all();
    }
}

/// Stores the oldest that wait, and takes them out. Killed in between, they are stored again, and known by their ids. What the
/// store does not take is kept, and holds up nobody.
fn move_some(file: &Store, store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let waiting = file.waiting()?;
    let Some(last) = waiting.last().map(|last| last.number) else { return Ok(()) };
    let keep = |number: i64, why: &str| {
        tracing::error!(number, why, "an event in the spool is not taken by the store: it is kept there");
        file.keep_in_spool(number, why)
    };
    let mut events: Vec<(i64, NewEvent<'static>)> = Vec::with_capacity(waiting.len());
    for one in waiting {
        match one.event {
            Some(event) => events.push((one.number, event)),
            None => keep(one.number, "its row is not readable")?,
        }
    }
    match store.add_late_events(events.iter().map(|(_, event)| event.clone()), now) {
        Err(error) if error.is_of_row() => {
            for (number, event) in events {
                match store.add_late_events([event], now) {
                    Err(error) if error.is_of_row() => keep(number, &error.to_string())?,
                    other => other?,
                }
            }
        }
        other => other?,
    }
    // Where the file was moved meanwhile, they are in one that nobody opens again.
    store.is_current()?;
    file.leave_spool(last)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::callback::EventGroup;
    use crate::domain::event::Incoming;
    use crate::domain::status::Spooled;

    fn event(id: &str, ticket: i64) -> NewEvent<'static> {
        NewEvent {
            configuration: "acme".parse().unwrap(),
            group: EventGroup::TicketCreated,
            incoming: Incoming {
                id: Some(id.to_owned()),
                event: Some("New Ticket Logged".to_owned()),
                ticket_id: Some(ticket),
                sent_at: None,
                not_understood: None,
                body: "{}".into(),
            },
            received_at: "2026-11-23T10:53:00Z".parse().unwrap(),
            fetched_from: None,
            forward: true,
        }
    }

    fn names(store: &Store) -> Vec<String> {
        let events = store.events(&"acme".parse().unwrap(), Some(0), None, 100).unwrap();
        events.into_iter().map(|event| event.id).collect()
    }

    fn spool(folder: &std::path::Path) -> Spool {
        Spool::at(folder.join("spool.db"), MOST, Timestamp::now)
    }

    /// One that is new while others wait goes behind them; once nothing waits, nobody has to.
    #[test]
    fn whoever_comes_while_others_wait_goes_behind() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.db")).unwrap();
        let spool = spool(folder.path());
        let add = |name: &'static str| move |file: &Store| file.add_events([event(name, 1)]);
        assert!(spool.add_behind(add("early")).is_none(), "nobody waits");
        assert_eq!(spool.begin(add("one")).unwrap(), [true]);
        assert_eq!(spool.add_behind(add("two")).unwrap().unwrap(), [true]);
        assert_eq!(spool.add_behind(add("one")).unwrap().unwrap(), [false], "it waits already");
        spool.drain_into(&store).unwrap();
        assert_eq!(names(&store), ["one", "two"]);
        assert!(spool.add_behind(add("three")).is_none());
    }

    /// The program was killed when the store had them, and before they were taken out: also those that shared an id.
    #[test]
    fn what_is_stored_already_is_stored_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.db")).unwrap();
        let first = spool(folder.path());
        first.begin(|file| file.add_events([event("a", 1), event("a", 2), event("b", 1)])).unwrap();
        let waiting = Store::open(&folder.path().join("spool.db")).unwrap().waiting().unwrap();
        store.add_events(waiting.into_iter().filter_map(|waiting| waiting.event)).unwrap();
        let before = names(&store);
        assert_eq!(before.len(), 3);
        drop(first);
        let next = spool(folder.path());
        next.drain_into(&store).unwrap();
        assert_eq!(names(&store), before);
        assert!(next.add_behind(|_| Ok(())).is_none());
        // What another receiver has stored meanwhile under the one id is the same event all the same.
        let other = Store::open(&folder.path().join("other.db")).unwrap();
        other.add_events([event("a", 2)]).unwrap();
        next.begin(|file| file.add_events([event("a", 1), event("a", 2)])).unwrap();
        next.drain_into(&other).unwrap();
        assert_eq!(names(&other).len(), 2);
    }

    /// As long as anything waits, nobody goes past it.
    #[test]
    fn spool_longer_than_one_step_is_emptied_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.db")).unwrap();
        let spool = spool(folder.path());
        spool.begin(|file| file.add_events((0..1_200).map(|number| event(&number.to_string(), number % 3)))).unwrap();
        spool.drain_into(&store).unwrap();
        let events = store.events(&"acme".parse().unwrap(), Some(0), None, 2_000).unwrap();
        let names: Vec<String> = events.into_iter().map(|event| event.id).collect();
        assert_eq!(names, (0..1_200).map(|number| number.to_string()).collect::<Vec<_>>());
        assert!(spool.add_behind(|_| Ok(())).is_none());
    }

    /// A full one takes nothing more, and one whose file was taken away begins anew.
    #[test]
    fn full_spool_takes_nothing_and_lost_one_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        let full = Spool::at(path.clone(), 1, Timestamp::now);
        let refused = full.begin(|file| file.add_events([event("a", 1)]));
        assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
        assert!(full.add_behind(|_| Ok(())).is_none(), "nothing waits");
        let spool = spool(folder.path());
        spool.begin(|file| file.add_events([event("a", 1)])).unwrap();
        for file in ["spool.db", "spool.db-wal", "spool.db-shm"] {
            std::fs::remove_file(folder.path().join(file)).unwrap();
        }
        spool.add_behind(|file| file.add_events([event("b", 1)])).unwrap().unwrap();
        assert_eq!(Store::spooled_at(&path).unwrap().unwrap().waiting, 1);
    }

    /// What the store does not take is kept, for good where nobody looks at it: that is no reason to take nothing more.
    #[test]
    fn what_store_does_not_take_takes_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        let blank = Spool::at(path.clone(), u64::MAX, Timestamp::now);
        blank.begin(|file| file.add_events([event("a", 1)])).unwrap();
        let most = Store::open(&path).unwrap().spool_bytes().unwrap() + 100_000;
        let small = Spool::at(path.clone(), most, Timestamp::now);
        let mut long = event("long", 13);
        long.incoming.body = format!("\"{}\"", "x".repeat(200_000)).into();
        small.add_behind(|file| file.add_events([long.clone()])).unwrap().unwrap();
        let full = small.add_behind(|file| file.add_events([event("b", 1)])).unwrap();
        assert!(matches!(full, Err(StoreError::Full { .. })), "{full:?}");
        let file = Store::open(&path).unwrap();
        let number = file.waiting().unwrap()[1].number;
        file.keep_in_spool(number, "odd").unwrap();
        assert!(!small.is_done(&file).unwrap());
        small.add_behind(|file| file.add_events([event("b", 1)])).unwrap().unwrap();
        assert_eq!(Store::refused_at(&path, 9).unwrap().len(), 1);
        assert_eq!(Store::forget_refused_at(&path, number).unwrap(), 1);
        assert_eq!(Store::spooled_at(&path).unwrap().unwrap(), Spooled { not_taken: 0, ..file.spooled().unwrap() });
    }

    /// The end does not wait for a store that is away.
    #[test]
    fn drain_ends_while_store_is_away() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Arc::new(spool(folder.path()));
        spool.begin(|file| file.add_events([event("a", 1)])).unwrap();
        let drained = Arc::clone(&spool);
        let away = || Err(StoreError::Full { path: "away".into() });
        let thread = std::thread::spawn(move || drained.drain(away));
        spool.end();
        thread.join().unwrap();
        assert!(spool.add_behind(|_| Ok(())).is_some(), "it still waits");
    }
}
