//! Locks taken and looked at. On a server, what one host does alone it does alone among all that share the store; the service,
//! drafts and backups are each host's own.

use std::time::Duration;

use super::Workspace;
use super::locks::{CONFIGURE_LOCK, SERVE, SERVICE_LOCK, sync_lock};
use crate::coordination::{Hold, Holder, Lock, LockError, Shared, Watch, Whoever};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::store::StoreError;

/// How often a lock without a name on it is tried, and how long in between.
const LOOKS: usize = 5;
const LOOK: Duration = Duration::from_millis(40);

impl Workspace {
    /// Takes a lock, among all that share the store, held until it is dropped or the program ends. What is done under it is done
    /// in [`Workspace::under`].
    pub(super) fn lock(&self, name: &str, what: &str) -> Result<Hold, LockError> {
        let file = self.lock_here(name, what)?;
        // A program of this installation that has it there has its file no more: it was killed.
        let there = |server| Shared::take(server, name, what, self.actor(), self.now());
        let server = self.place().server().map(there).transpose()?;
        Ok(Hold::new(file, server))
    }

    /// Takes a lock of this host alone.
    pub(super) fn lock_here(&self, name: &str, what: &str) -> Result<Lock, LockError> {
        Lock::take(&self.paths().lock(name), what, self.actor(), self.now())
    }

    /// Takes the lock of the service: one for each profile.
    pub async fn service_lock(&self) -> Result<Lock, Failure> {
        for _ in 0..LOOKS {
            match self.lock_here(SERVICE_LOCK, SERVE) {
                // Perhaps somebody only looks who has it.
                Err(LockError::Held(None)) => tokio::time::sleep(LOOK).await,
                other => return Ok(other?),
            }
        }
        Ok(self.lock_here(SERVICE_LOCK, SERVE)?)
    }

    /// The same workspace for whoever works under a lock: once that is lost, nothing is written any more, into the store or into
    /// Halo, as if the program had been killed.
    #[must_use]
    pub(super) fn under(&self, lock: &Hold) -> Self {
        self.writing_under(lock.over(&self.store), lock.watch())
    }

    /// Whether every lock that this works under is still held, as far as a server answers.
    pub fn holds_locks(&self) -> bool {
        self.under.iter().all(Watch::is_held)
    }

    /// Who has a lock now; none where nobody has it.
    pub(super) fn holder(&self, name: &str) -> Result<Option<Whoever>, StoreError> {
        if self.store.is_file() {
            return Ok(Lock::holder(&self.paths().lock(name)).map(|holder| Whoever(Some(holder))));
        }
        Shared::holder_by(&self.store, name)
    }
}

/// Who is at a sync of a configuration now, as far as that is known.
pub(super) fn sync_holder(workspace: &Workspace, id: &ConfigurationId) -> Option<Holder> {
    known(workspace, &sync_lock(id))
}

/// Whether it can be seen that nobody is at a sync of a configuration.
pub(super) fn nobody_syncs(workspace: &Workspace, id: &ConfigurationId) -> bool {
    let name = sync_lock(id);
    if workspace.store.is_file() {
        return Lock::is_free(&workspace.paths().lock(&name));
    }
    matches!(workspace.holder(&name), Ok(None))
}

/// The program, in words, that is at a sync of a configuration now and is not this one.
pub(super) fn syncing(workspace: &Workspace, id: &ConfigurationId) -> Option<String> {
    another(sync_holder(workspace, id))
}

/// The program, in words, that writes into Halo now and is not this one.
pub(super) fn configuring(workspace: &Workspace) -> Option<String> {
    another(known(workspace, CONFIGURE_LOCK))
}

/// Whether somebody may be writing into a Halo at this moment.
pub(super) fn is_configuring(workspace: &Workspace) -> bool {
    !matches!(workspace.holder(CONFIGURE_LOCK), Ok(None))
}

fn known(workspace: &Workspace, name: &str) -> Option<Holder> {
    workspace.holder(name).ok().flatten()?.0
}

fn another(holder: Option<Holder>) -> Option<String> {
    holder.filter(|holder| !holder.is_self()).map(|holder| holder.to_string())
}
