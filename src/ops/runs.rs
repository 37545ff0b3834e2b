//! The runs of the sync that are remembered.

use super::Workspace;
use super::holding::nobody_syncs;
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::domain::sync_run::SyncReport;

/// The last runs, newest first. One whose program was killed is told as interrupted from then on, and not only once
/// somebody begins the next.
pub fn runs(workspace: &Workspace, id: &ConfigurationId, limit: usize) -> Result<Vec<SyncReport>, Failure> {
    // In this order: a run is begun under the lock, and ended before it is let go.
    if let Some(open) = workspace.store.open_run(id)?
        && nobody_syncs(workspace, id)
        && let Err(error) = workspace.store.end_killed(id, open)
    {
        tracing::warn!(%error, "a sync that was killed could not be written down");
    }
    Ok(workspace.store.runs(id, limit)?)
}
