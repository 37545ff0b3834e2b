//! What Halo sends while the store is away: kept on this host, and stored in its order once the store is back.
//!
//! Whoever comes while something waits goes behind it. Only once nothing waits, callbacks go into the store again; both are
//! decided under one lock.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Open once it was needed.
    file: Option<Store>,
    /// Something waits in it.
    is_used: bool,
    ends: bool,
}

impl Spool {
    /// The spool of this host, with what was left in it. What the store did not take is tried once more.
    pub fn of(workspace: &Workspace) -> Self {
        Self::at(workspace.paths().spool(), MOST)
    }

    fn at(path: PathBuf, most: u64) -> Self {
        let state = Mutex::new(State { file: None, is_used: false, ends: false });
        let spool = Self { path, most, state, changed: Condvar::new() };
        if let Err(error) = spool.look() {
            tracing::error!(%error, "the spool cannot be read: what waits in it is not stored");
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
        state.is_used = file.spooled()?.waiting > 0;
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
            if file.spool_bytes()? >= self.most {
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
                move_some(&file, store)?;
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
            move_some(&file, store)?;
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
        if file.spooled()?.waiting > 0 {
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
fn move_some(file: &Store, store: &Store) -> Result<(), StoreError> {
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
    match store.add_events(events.iter().map(|(_, event)| event.clone())) {
        Err(error) if error.is_of_row() => {
            for (number, event) in events {
                match store.add_events([event]) {
                    Err(error) if error.is_of_row() => keep(number, &error.to_string())?,
                    other => drop(other?),
                }
            }
        }
        other => drop(other?),
    }
    // Where the file was moved meanwhile, they are in one that nobody opens again.
    store.is_current()?;
    file.leave_spool(last)
}
