//! The locks of a profile: their names, and all of them taken at once.

use jiff::Timestamp;

use super::actor::actor_of;
use crate::coordination::Lock;
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::settings::{Environment, Paths};

/// The lock of whoever writes into a Halo, or changes which one that is. One for the whole profile: what is being
/// configured stays the active configuration until it is done.
pub(super) const CONFIGURE_LOCK: &str = "configure";

/// The lock of the service.
pub(super) const SERVICE_LOCK: &str = "service";

/// The lock of the one service, of all at a store, that syncs, looks, forwards and repairs.
pub(super) const LEAD_LOCK: &str = "lead";

/// What the service holds its lock for.
pub(super) const SERVE: &str = "serve";

/// What the name of the lock of a sync begins with.
const SYNC: &str = "sync-";

/// The lock of a sync.
pub(super) fn sync_lock(id: &ConfigurationId) -> String {
    format!("{SYNC}{id}")
}

/// Keeps the service, every sync and Configure from working while the locks are held.
pub(super) fn hold_everything(
    paths: &Paths,
    environment: &Environment,
    what: &str,
    now: Timestamp,
) -> Result<Vec<Lock>, Failure> {
    let actor = actor_of(environment);
    // Of whatever configuration there is or was one: which there are may stand on a server.
    let files = std::fs::read_dir(&paths.data_dir).into_iter().flatten().flatten();
    let names = files.filter_map(|file| file.file_name().to_str()?.strip_suffix(".lock").map(str::to_owned));
    let syncs = names.filter(|name| name.starts_with(SYNC));
    let all = [SERVICE_LOCK.to_owned(), CONFIGURE_LOCK.to_owned()].into_iter().chain(syncs);
    all.map(|name| Ok(Lock::take(&paths.lock(&name), what, &actor, now)?)).collect()
}
