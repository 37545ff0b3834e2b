//! Asks Halo for the ticket behind each event: a callback's body may say anything, Halo's own answer counts.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::halo::HaloApi;
use crate::ops::events;

use super::Shared;

/// The waits between tries while Halo is not reached.
const WAITS: [Duration; 5] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(900),
];

/// Looks up tickets until the service ends.
pub async fn run(shared: Arc<Shared>) {
    let mut failures = 0;
    // One handle for as long as its configuration stays as it is: it holds the token and keeps the request budget.
    let mut halo: Option<(ConfigurationId, crate::domain::configuration::Configuration, HaloApi)> = None;
    loop {
        let more = tokio::select! {
            biased;
            () = shared.cancel.cancelled() => return,
            more = turn(&shared, &mut halo) => more,
        };
        let wait = match more {
            Ok(true) => {
                failures = 0;
                shared.looked_up.notify_one();
                continue;
            }
            Ok(false) => {
                failures = 0;
                shared.looked_up.notify_one();
                None
            }
            Err(failure) => {
                tracing::warn!(%failure, "the tickets behind the events could not be asked for");
                halo = None;
                let wait = WAITS[failures.min(WAITS.len() - 1)];
                failures += 1;
                Some(wait)
            }
        };
        let again = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.cancel.cancelled() => return,
            () = shared.arrived.notified(), if wait.is_none() => {}
            () = again => {}
        }
    }
}

async fn turn(
    shared: &Shared,
    halo: &mut Option<(ConfigurationId, crate::domain::configuration::Configuration, HaloApi)>,
) -> Result<bool, Failure> {
    let Ok((id, configuration)) = shared.workspace.active_configuration(None) else { return Ok(false) };
    if shared.workspace.store.events_to_look_up(&id, 1)?.is_empty() {
        return Ok(false);
    }
    let api = match halo {
        Some((of, then, api)) if *of == id && then.api == configuration.api => api.clone(),
        _ => shared.workspace.halo(&id, &configuration.api).await?.in_background().cancelled_by(shared.cancel.clone()),
    };
    let more = events::look_up(&shared.workspace, &id, &configuration, &api, &shared.cancel).await?;
    *halo = Some((id, configuration, api));
    Ok(more)
}
