//! The facts that the rules of health judge by, gathered without a request.

use std::path::Path;

use jiff::SignedDuration;

use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::Failure;
use crate::domain::health::{Facts, findings};
use crate::domain::status::{Known, Status};
use crate::ops::holding::syncing;
use crate::ops::{Workspace, units};
use crate::settings::{SettingsError, secret_source};

/// Runs that are looked at: so many can fail in a row before the last good one is not seen.
const RUNS: usize = 50;

/// How long a delivery that was not understood is worth a look.
const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Gathers what the rules judge by, and judges.
pub(in crate::ops) fn judge(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    status: &mut Status,
) -> Result<(), Failure> {
    if !status.active {
        return Ok(());
    }
    let store = &workspace.store;
    let command = configuration.api.client_secret_command.as_deref();
    let secrets = workspace.settings.secrets(id).map(drop);
    let secret = secret_source(&workspace.settings, workspace.environment(), Some(id), command);
    status.known = Known {
        free: free(workspace),
        // What cannot be read is told once, with its cause.
        has_secret: secret.as_ref().map_or(true, Option::is_some),
        settings: secrets.and(secret.map(drop)).err().map(told),
        not_understood: store.not_understood(id, workspace.now() - WEEK)?,
        heard: store.last_deliveries(id)?,
        runs: store.runs(id, RUNS)?,
        published_at: store.published_at(id)?,
        syncing: syncing(workspace, id),
        has_unit: units::has_service(Path::new("/")),
        lists: store.lists(id)?,
        before: store.health(id)?,
        dismissed: store.dismissed(id)?,
    };
    status.health = findings(&Facts { now: workspace.now(), configuration, status });
    Ok(())
}

fn told(error: SettingsError) -> (String, Option<String>) {
    let failure = Failure::from(error);
    (failure.to_string(), failure.hint.map(|hint| hint.to_string()))
}

fn free(workspace: &Workspace) -> Option<u64> {
    // With a store on a server, what comes in while that is away is kept here.
    let file = if workspace.store.is_file() { workspace.store.path() } else { &workspace.paths().spool() };
    // Where there is no store yet, its folder may be to come as well.
    let room = rustix::fs::statvfs(file.ancestors().skip(1).find(|folder| folder.exists())?).ok()?;
    Some(room.f_bavail.saturating_mul(room.f_frsize))
}
