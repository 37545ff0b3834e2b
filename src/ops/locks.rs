//! The locks of a profile: their names, and all of them taken at once.

use std::time::Instant;

use jiff::Timestamp;

use super::actor::actor_of;
use crate::coordination::{Holder, Lock};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::domain::status::Unanswered;
use crate::settings::{Environment, Paths};

/// The lock of whoever writes into a Halo, or changes which one that is. One for the whole profile: what is being
/// configured stays the active configuration until it is done.
pub(super) const CONFIGURE_LOCK: &str = "configure";

/// The lock of the service.
pub(super) const SERVICE_LOCK: &str = "service";

/// What the service holds its lock for.
pub(super) const SERVE: &str = "serve";

/// What was heard last of the service that holds it, and when.
pub(super) type LastAnswer = Option<(Holder, Option<Unanswered>, Instant)>;

/// What the name of the lock of a sync begins with.
const SYNC: &str = "sync-";

/// The lock of a sync.
pub(super) fn sync_lock(id: &ConfigurationId) -> String {
    format!("{SYNC}{id}")
}

/// Who is at a sync of a configuration now.
pub(super) fn sync_holder(paths: &Paths, id: &ConfigurationId) -> Option<Holder> {
    Lock::holder(&paths.lock(&sync_lock(id)))
}

/// Whether it can be seen that nobody is at a sync of a configuration.
pub(super) fn nobody_syncs(paths: &Paths, id: &ConfigurationId) -> bool {
    Lock::is_free(&paths.lock(&sync_lock(id)))
}

/// The program, in words, that is at a sync of a configuration now and is not this one.
pub(super) fn syncing(paths: &Paths, id: &ConfigurationId) -> Option<String> {
    another(sync_holder(paths, id))
}

/// The program, in words, that writes into Halo now and is not this one.
pub(super) fn configuring(paths: &Paths) -> Option<String> {
    another(Lock::holder(&paths.lock(CONFIGURE_LOCK)))
}

/// Whether somebody writes into a Halo at this moment.
pub(super) fn is_configuring(paths: &Paths) -> bool {
    Lock::holder(&paths.lock(CONFIGURE_LOCK)).is_some()
}

fn another(holder: Option<Holder>) -> Option<String> {
    holder.filter(|holder| holder.pid != std::process::id()).map(|holder| holder.to_string())
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
