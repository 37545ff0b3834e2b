//! Looks whether the configuration in Halo is still this host's. Nothing else tells: where another host has taken it over,
//! Halo's callbacks only stop.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Shared;
use crate::domain::failure::Failure;
use crate::ops::owner;

/// How often. A loss is known within a minute, the answer's time included.
const EVERY: Duration = Duration::from_secs(45);

/// Runs until the service ends.
pub async fn run(shared: Arc<Shared>) {
    let mut reloaded = shared.reloaded.subscribe();
    while !shared.cancel.is_cancelled() {
        if let Err(failure) = turn(&shared).await {
            tracing::debug!(%failure, "whose the configuration in Halo is could not be asked");
        }
        tokio::select! {
            biased;
            () = shared.cancel.cancelled() => return,
            Ok(()) = reloaded.changed() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn turn(shared: &Shared) -> Result<(), Failure> {
    let workspace = &shared.workspace;
    let Some((id, configuration)) = workspace.run_blocking(owner::installed).await? else { return Ok(()) };
    let belongs = owner::look(workspace, &id, &configuration, shared.cancel.clone()).await?;
    let is_lost = belongs.other().is_some();
    if shared.is_lost.swap(is_lost, Ordering::Relaxed) != is_lost {
        match belongs.other() {
            Some(owner) => tracing::error!(%owner, "another host has the configuration now: nothing is repaired here"),
            None => tracing::info!("the configuration is this host's again"),
        }
        shared.owner_changed.notify_one();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_looked_for_more_than_once_minute() {
        assert!(EVERY + Duration::from_secs(10) < Duration::from_secs(60), "the request takes its time as well");
    }
}
