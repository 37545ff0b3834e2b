//! Fetches what Halo wanted to tell while nobody listened: after a start, and after callbacks that were refused.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Shared;
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::ops::{catch_up, delivery, events};

/// After the first callback that was refused: what refuses them may go on for a while.
const SETTLES: Duration = Duration::from_secs(30);

/// The least time between two looks that refused callbacks ask for: anybody can have one refused.
const BETWEEN: Duration = Duration::from_secs(600);

/// A refused callback was sent shortly before.
const BEFORE: SignedDuration = SignedDuration::from_mins(1);

/// Runs until the service ends.
pub async fn run(shared: Arc<Shared>) {
    let mut reloaded = shared.reloaded.subscribe();
    let (mut failures, mut refused_at, mut looked_after) = (0, None, None);
    loop {
        let wait = match turn(&shared, &mut refused_at, &mut looked_after).await {
            Ok(()) => {
                failures = 0;
                None
            }
            Err(failure) => {
                tracing::warn!(%failure, "what was missed could not be asked for; it is tried again");
                failures += 1;
                Some(Duration::try_from(events::wait_after(failures)).unwrap_or_default())
            }
        };
        let again = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shared.cancel.cancelled() => return,
            () = shared.missed.notified() => {
                refused_at = refused_at.or_else(|| shared.workspace.now().checked_sub(BEFORE).ok());
                tokio::select! {
                    () = shared.cancel.cancelled() => return,
                    () = tokio::time::sleep(SETTLES) => {}
                }
            }
            // Another configuration may be the active one now.
            Ok(()) = reloaded.changed() => {}
            () = again => {}
        }
    }
}

/// Whose gap was looked after, and when.
type LookedAfter = Option<(ConfigurationId, tokio::time::Instant)>;

async fn turn(
    shared: &Shared,
    refused_at: &mut Option<Timestamp>,
    looked_after: &mut LookedAfter,
) -> Result<(), Failure> {
    let workspace = &shared.workspace;
    let active = workspace.apart(|workspace| workspace.the_active_configuration()).await?;
    let Some((id, configuration)) = active else { return Ok(()) };
    if let Some((_, last)) = looked_after.as_ref().filter(|(of, _)| *of == id) {
        if refused_at.is_none() {
            return Ok(());
        }
        tokio::select! {
            () = shared.cancel.cancelled() => return Ok(()),
            () = tokio::time::sleep_until(*last + BETWEEN) => {}
        }
    }
    let until = workspace.now();
    let halo = workspace.halo(&id, &configuration.api).await?.in_background().cancelled_by(shared.cancel.clone());
    let gap = catch_up::run(workspace, &id, &halo, *refused_at, until, shared.forwards).await?;
    *looked_after = Some((id.clone(), tokio::time::Instant::now()));
    *refused_at = None;
    let Some(gap) = gap else { return Ok(()) };
    for words in gap.words() {
        tracing::warn!("{words}");
    }
    if gap.from_log + gap.from_tickets > 0 {
        shared.arrived.notify_one();
        shared.looked_up.notify_one();
    }
    // Halo may have switched a webhook off meanwhile: the status names it.
    if let Err(failure) = delivery::read(workspace, &id, shared.cancel.clone()).await
        && !catch_up::is_final(&failure)
    {
        tracing::warn!(%failure, "the state of the webhooks could not be asked for");
    }
    Ok(())
}
