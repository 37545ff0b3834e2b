//! A lock as whoever works holds it: on this machine, and among all that share a store.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::{Lock, Shared};
use crate::store::{Seen, Service, Store, StoreError};

/// A lock that is held until it is dropped: the file of this machine, and with it that of the server where there is one.
pub struct Hold {
    // Dropped first: whoever finds the file free finds the server's free, too.
    server: Option<Arc<Mutex<Shared>>>,
    file: Lock,
}

impl Hold {
    /// Both, each of which was taken.
    pub fn new(file: Lock, server: Option<Shared>) -> Self {
        Self { server: server.map(|shared| Arc::new(Mutex::new(shared))), file }
    }

    /// The same store for whoever writes under it; see [`Store::under`].
    #[must_use]
    pub fn over(&self, store: &Store) -> Store {
        self.server.as_ref().map_or_else(|| store.clone(), |shared| store.under(lock(shared).lock()))
    }

    /// What tells whether it is still held. None where only a file is, which the kernel takes from nobody.
    pub fn watch(&self) -> Option<Watch> {
        self.server.as_ref().map(|shared| Watch(Arc::downgrade(shared)))
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Tells whether a lock is still held. It does not hold it.
#[derive(Clone)]
pub struct Watch(Weak<Mutex<Shared>>);

impl Watch {
    /// Asks the server, and takes no answer for a no.
    pub fn is_held(&self) -> bool {
        self.0.upgrade().is_some_and(|shared| lock(&shared).lock().is_held())
    }

    /// Tells the other services at the store that one leads by this lock, and hears of all of them; none where it is lost.
    ///
    /// # Errors
    ///
    /// Where the server cannot be asked.
    pub fn tell_lead(&self, own: &Service, is_failing: bool) -> Result<Option<Vec<Seen>>, StoreError> {
        self.0.upgrade().map_or(Ok(None), |shared| lock(&shared).lock().tell_lead(own, is_failing))
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
