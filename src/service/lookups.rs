//! Asks Halo for the ticket behind each event: a callback's body may say anything, Halo's own answer counts.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::configuration::{ApiCredentials, ConfigurationId};
use crate::domain::failure::Failure;
use crate::halo::HaloApi;
use crate::ops::events::{self, NextLookUp, Progress};
use crate::ops::serving;

use super::Shared;
use super::at_halo::AtHalo;

/// What is kept from one turn to the next.
#[derive(Default)]
struct Kept {
    /// Whose tickets, and in which Halo.
    of: Option<(ConfigurationId, ApiCredentials)>,
    /// One handle for as long as that stays as it is: it holds the token.
    halo: Option<HaloApi>,
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
            next = turn(&shared, &mut kept) => shared.failing.ended(AtHalo::Tickets, next),
        };
        let wait = match next {
            Ok(next) => {
                failures = 0;
                shared.looked_up.notify_one();
                match next {
                    NextLookUp::More => continue,
                    NextLookUp::At(moment) => moment.map(|moment| moment.duration_since(shared.workspace.now())),
                }
            }
            Err(failure) => {
                tracing::warn!(%failure, "cannot read the tickets of the events from Halo");
                // With what it is told now: the secret may have been replaced since. Which tickets wait stays known.
                kept.halo = None;
                // Some may have been found before; the rest is forwarded without its ticket after a while.
                shared.looked_up.notify_one();
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

async fn turn(shared: &Shared, kept: &mut Kept) -> Result<NextLookUp, Failure> {
    let waiting = shared.workspace.run_blocking(serving::waiting_for_lookup).await?;
    let Some((id, configuration)) = waiting else { return Ok(NextLookUp::At(None)) };
    let of = (id, configuration.api.clone());
    if kept.of.as_ref() != Some(&of) {
        *kept = Kept { of: Some(of.clone()), ..Kept::default() };
    }
    let (id, credentials) = of;
    let api = match &kept.halo {
        Some(api) => api.clone(),
        None => {
            let api = shared.workspace.halo(&id, &credentials).await?;
            api.in_background().cancelled_by(shared.cancel.clone())
        }
    };
    let next =
        events::look_up(&shared.workspace, &id, &configuration, &api, &mut kept.progress, &shared.cancel).await?;
    kept.halo = Some(api);
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::callback::EventGroup;
    use crate::domain::event::EventBody;
    use crate::service::testing::Fixture;
    use crate::store::NewEvent;

    /// This Halo cannot be reached.
    #[tokio::test]
    async fn forwarder_is_woken_where_halo_cannot_be_asked() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let shared = fixture.shared_with_forwarding();
        let body = EventBody::read(br#"{"ticket_id":7}"#.to_vec()).unwrap();
        let event = NewEvent {
            configuration: "acme".parse().unwrap(),
            group: EventGroup::TicketCreated,
            incoming: body.events().next().unwrap(),
            fetched_from: None,
            received_at: fixture.now(),
            forward: true,
        };
        fixture.store().add_events([event]).unwrap();
        let look_ups = tokio::spawn(run(Arc::clone(&shared)));
        tokio::time::timeout(Duration::from_secs(60), shared.looked_up.notified()).await.expect("it is woken");
        shared.cancel.cancel();
        look_ups.await.unwrap();
    }
}
