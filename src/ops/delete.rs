//! A configuration deleted, with all that is known of it here.

use super::Workspace;
use super::locks::{CONFIGURE_LOCK, SERVICE_LOCK, sync_lock};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::settings::Config;

/// The names of what stays in Halo when a configuration is deleted, by our record.
pub fn left_in_halo(workspace: &Workspace, id: &ConfigurationId) -> Result<Vec<String>, Failure> {
    let objects = workspace.store.installed(id)?;
    Ok(objects.iter().filter(|object| object.kind.is_our_own()).map(|object| object.name.display()).collect())
}

/// Deletes a configuration: its settings, its secrets, and what is stored of it. Halo is not touched. What an earlier
/// deletion did not come to is finished.
///
/// # Errors
///
/// Where it is neither saved nor half deleted, where a sync or Configure works with it, or where a file cannot be written.
pub fn delete(workspace: &Workspace, id: &ConfigurationId) -> Result<(), Failure> {
    let stored = workspace.settings.secrets(id)?;
    if stored == Default::default() {
        workspace.configuration(Some(id))?;
    }
    // A service that runs would go on with it.
    let _service = workspace.lock(SERVICE_LOCK, "delete")?;
    let _configure = workspace.lock(CONFIGURE_LOCK, "delete")?;
    let _sync = workspace.lock(&sync_lock(id), "delete")?;
    workspace.require_trail()?;
    workspace.settings.update(|config: &mut Config| {
        config.configurations.remove(id);
        config.active.take_if(|active| active == id);
        Ok::<_, Failure>(())
    })?;
    workspace.settings.remove_secrets(id)?;
    workspace.store.forget(id)?;
    // The file as large as before is no reason to call the deletion failed.
    _ = workspace.store.give_back();
    workspace.write_down(&workspace.activity(Some(id), "delete the configuration", "done"))
}
