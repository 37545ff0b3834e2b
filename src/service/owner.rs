//! Looks whether the configuration in Halo is still this machine's. Nothing else tells: where another machine has taken it over,
//! Halo's callbacks only stop.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Shared;
use super::at_halo::AtHalo;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::Failure;
use crate::domain::owner::Belongs;
use crate::ops::{health, take_over};

/// How often. A loss is known within a minute, the answer's time included.
const EVERY: Duration = Duration::from_secs(45);

/// Runs until the service ends.
pub async fn run(shared: Arc<Shared>) {
    let mut reloaded = shared.reloaded.subscribe();
    while !shared.cancel.is_cancelled() {
        if let Err(failure) = turn(&shared).await {
            tracing::debug!(%failure, "cannot check which machine the configuration belongs to");
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
    let Some(installed) = workspace.run_blocking(take_over::installed).await? else {
        // Nothing is looked at any more.
        [AtHalo::Owner, AtHalo::Missed, AtHalo::Health].iter().for_each(|what| shared.failing.note(*what, None));
        return Ok(());
    };
    let belongs = shared.failing.ended(AtHalo::Owner, look(shared, &installed).await)?;
    shared.failing.forget();
    tell(shared, installed.0, &belongs).await
}

async fn look(shared: &Shared, of: &(ConfigurationId, Configuration)) -> Result<Belongs, Failure> {
    let (workspace, (id, configuration)) = (&shared.workspace, of);
    let halo = workspace.halo(&of.0, &configuration.api).await?.in_background().cancelled_by(shared.cancel.clone());
    take_over::look_with(workspace, id, configuration, &halo).await
}

/// Says that the owner has changed. The figures follow at once: the part that judges everything may be at a long look.
async fn tell(shared: &Shared, id: ConfigurationId, belongs: &Belongs) -> Result<(), Failure> {
    let is_lost = belongs.other().is_some();
    if shared.is_lost.swap(is_lost, Ordering::Relaxed) == is_lost {
        return Ok(());
    }
    match belongs.other() {
        Some(owner) => {
            tracing::error!(%owner, "the configuration now belongs to another machine: no repairs from here")
        }
        None => tracing::info!("the configuration belongs to this machine again"),
    }
    shared.owner_changed.notify_one();
    let findings = shared.workspace.run_blocking(move |workspace| health::findings(workspace, &id)).await?;
    shared.metrics.health(&findings);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::FailureKind;
    use crate::domain::health::from_owner;
    use crate::domain::owner::Owner;
    use crate::service::testing::{Fixture, at};

    /// Nothing but the look itself is waited for: what it has found is in the figures right after it.
    #[tokio::test]
    async fn loss_is_in_figures_as_soon_as_it_was_seen() {
        let fixture = Fixture::open("2026-11-29T12:00:00Z");
        let (shared, id): (_, ConfigurationId) = (fixture.shared(), "acme".parse().unwrap());
        let jump2 = Owner::new("jump2", "dana", at("2026-11-29T11:59:00Z"), "key");
        for (belongs, figure) in [(Belongs::Elsewhere(jump2.clone()), 2), (Belongs::Here(jump2), 0)] {
            shared.workspace.note_health(&id, [from_owner(&belongs)]);
            tell(&shared, id.clone(), &belongs).await.unwrap();
            let text = shared.metrics.text();
            assert!(text.contains(&format!("pia_halo_health{{rule=\"owner\"}} {figure}")), "{text}");
        }
    }

    /// Nothing is installed any more, as after Remove: what failed there says nothing of this host now. A sync is still made.
    #[tokio::test]
    async fn what_failed_is_forgotten_where_nothing_is_looked_at() {
        let fixture = Fixture::open("2026-11-29T12:00:00Z");
        let (shared, failure) = (fixture.shared(), Failure::new(FailureKind::NotReached, "no answer"));
        shared.failing.note(AtHalo::Owner, Some(&failure));
        turn(&shared).await.unwrap();
        assert!(!shared.failing.is_any());
        shared.failing.note(AtHalo::Sync, Some(&failure));
        turn(&shared).await.unwrap();
        assert!(shared.failing.is_any());
    }

    #[test]
    fn loss_is_looked_for_more_than_once_minute() {
        assert!(EVERY + Duration::from_secs(10) < Duration::from_secs(60), "the request takes its time as well");
    }
}
