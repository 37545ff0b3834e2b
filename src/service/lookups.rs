//! Asks Halo for the ticket behind each event: a callback's body may say anything, Halo's own answer counts.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::Failure;
use crate::halo::HaloApi;
use crate::ops::events::{self, Next, Progress};

use super::Shared;

/// What is kept from one turn to the next.
#[derive(Default)]
struct Kept {
    /// One handle for as long as its configuration stays as it is: it holds the token.
    halo: Option<(ConfigurationId, Configuration, HaloApi)>,
    progress: Progress,
}

/// Looks up tickets until the service ends.
pub async fn run(shared: Arc<Shared>) {
    let mut failures = 0;
    let mut kept = Kept::default();
    let mut changed = shared.reloaded.subscribe();
    loop {
        let next = tokio::select! {
            biased;
            () = shared.cancel.cancelled() => return,
            next = turn(&shared, &mut kept) => next,
        };
        let wait = match next {
            Ok(next) => {
                failures = 0;
                shared.looked_up.notify_one();
                match next {
                    Next::More => continue,
                    Next::At(moment) => moment.map(|moment| moment.duration_since(shared.workspace.now())),
                }
            }
            Err(failure) => {
                tracing::warn!(%failure, "the tickets behind the events could not be asked for");
                // With what it is told now: the secret may have been replaced since.
                kept.halo = None;
                failures += 1;
                Some(events::wait_after(failures))
            }
        };
        let again = async {
            match wait {
                Some(wait) => tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.cancel.cancelled() => return,
            // While Halo is out of reach, another event is no reason to ask it sooner.
            () = shared.arrived.notified(), if failures == 0 => {}
            Ok(()) = changed.changed() => {}
            () = again => {}
        }
    }
}

async fn turn(shared: &Shared, kept: &mut Kept) -> Result<Next, Failure> {
    let Ok((id, configuration)) = shared.workspace.active_configuration(None) else { return Ok(Next::At(None)) };
    if shared.workspace.store.events_to_look_up(&id, 0, 1)?.is_empty() {
        return Ok(Next::At(None));
    }
    let api = match &kept.halo {
        Some((of, then, api)) if *of == id && then.api == configuration.api => api.clone(),
        _ => {
            kept.progress = Progress::default();
            let api = shared.workspace.halo(&id, &configuration.api).await?;
            api.in_background().cancelled_by(shared.cancel.clone())
        }
    };
    let next =
        events::look_up(&shared.workspace, &id, &configuration, &api, &mut kept.progress, &shared.cancel).await?;
    kept.halo = Some((id, configuration, api));
    Ok(next)
}
