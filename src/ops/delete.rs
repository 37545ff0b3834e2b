//! A configuration deleted, with all that is known of it here.

use super::Workspace;
use super::locks::{CONFIGURE_LOCK, LEAD_LOCK, SERVICE_LOCK, sync_lock};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::domain::health::{Finding, Rule};
use crate::domain::next::Next;
use crate::settings::Config;
use crate::words::time::short;

/// What stays in Halo when a configuration is deleted, in words: by our record, and by whoever looked there last. Nothing where
/// nothing is known to be there.
pub fn left_in_halo(workspace: &Workspace, id: &ConfigurationId) -> Result<String, Failure> {
    let mut objects = workspace.store.installed(id)?;
    objects.retain(|object| object.kind.is_our_own());
    let drift = workspace.store.health(id)?.into_iter().find(|found| found.rule == Rule::Drift);
    let installed_at = objects.iter().map(|object| object.installed_at).max();
    let Some(known_at) = installed_at.max(drift.as_ref().and_then(|drift| drift.seen_at)) else {
        return Ok(String::new());
    };
    let drift = drift.filter(Finding::is_issue);
    let is_doubtful = |name: &str| drift.iter().flat_map(Finding::objects).any(|other| other == name);
    let (doubtful, there): (Vec<_>, Vec<_>) =
        objects.iter().map(|object| object.name.display()).partition(|name| is_doubtful(name));
    let mut words = Vec::new();
    if !there.is_empty() {
        words.push(format!("still in its Halo: {}", there.join(", ")));
    }
    if let Some(drift) = drift.filter(|_| !doubtful.is_empty()) {
        words.push(format!("changed or gone there: {}", drift.fact));
    }
    if words.is_empty() {
        return Ok(String::new());
    }
    let inactive = (workspace.settings.load()?.active.as_ref() != Some(id)).then_some(id);
    let (as_of, remove) = (short(known_at), Next::Remove.of(inactive));
    Ok(format!("; as far as this store knows, as of {as_of}, {}. To remove them first: {remove}", words.join("; ")))
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
    let _service = workspace.lock_here(SERVICE_LOCK, "delete")?;
    let _lead = workspace.lock(LEAD_LOCK, "delete")?;
    let configure = workspace.lock(CONFIGURE_LOCK, "delete")?;
    let sync = workspace.lock(&sync_lock(id), "delete")?;
    let workspace = &workspace.under(&configure).under(&sync);
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
