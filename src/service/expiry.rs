//! What a rotation has replaced is forgotten when its overlap ends. That it is refused from then on is the auth's to see to,
//! whether it is forgotten or not.

use std::sync::Arc;

use super::Shared;
use super::clock::Moments;
use crate::ops;

/// Runs until the service ends. Sleeps until the next overlap ends, or until the secrets change.
pub async fn run(shared: Arc<Shared>, moments: impl Moments) {
    let mut reloaded = shared.reloaded.subscribe();
    while !shared.cancel.is_cancelled() {
        let wait = shared.workspace.run_blocking(ops::rotate::forget_former).await.unwrap_or_else(|failure| {
            tracing::warn!(%failure, "cannot delete the expired callback secrets now; they are rejected anyway");
            None
        });
        let moment = async {
            match wait {
                Some(moment) => moments.until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shared.cancel.cancelled() => return,
            _ = reloaded.changed() => {}
            () = moment => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::testing::{Fixture, at};
    use super::*;
    use crate::domain::configuration::ConfigurationId;
    use crate::domain::failure::Failure;
    use crate::settings::{Config, FormerCallback, StoredSecrets, new_callback_secrets};

    /// Of a test: what it waits for takes milliseconds.
    const DEADLINE: std::time::Duration = std::time::Duration::from_secs(60);

    struct Leaps(Arc<Fixture>);

    impl Moments for Leaps {
        async fn until(&self, moment: Timestamp) {
            if !self.0.leap_to(moment) {
                std::future::pending::<()>().await;
            }
        }
    }

    fn store(fixture: &Fixture, id: &ConfigurationId, until: &str) {
        let former = FormerCallback { secrets: new_callback_secrets().unwrap(), until: at(until) };
        let keep = |secrets: &mut StoredSecrets| {
            secrets.callback.get_or_insert(new_callback_secrets()?);
            secrets.former_callback = Some(former);
            Ok::<_, Failure>(())
        };
        fixture.settings().update_secrets(id, keep).unwrap();
    }

    fn former(fixture: &Fixture, id: &ConfigurationId) -> Option<Timestamp> {
        fixture.settings().secrets(id).unwrap().former_callback.map(|former| former.until)
    }

    /// R74: at the end of the overlap the former pair goes out of the file, and not before.
    #[tokio::test]
    async fn service_forgets_former_pair_when_its_overlap_ends() {
        let fixture = Fixture::open("2026-11-23T12:00:00Z");
        let [acme, beta] = ["acme", "beta"].map(|id| id.parse::<ConfigurationId>().unwrap());
        let copy = |config: &mut Config| {
            let configuration = config.configurations[&acme].clone();
            config.configurations.insert(beta.clone(), configuration);
            Ok::<_, Failure>(())
        };
        fixture.settings().update(copy).unwrap();
        let (first, second) = ("2026-11-24T12:00:00Z", "2026-11-26T12:00:00Z");
        store(&fixture, &acme, first);
        store(&fixture, &beta, second);
        let shared = fixture.shared();
        for (end, left) in [("2026-11-24T11:59:59Z", Some(at(first))), ("2026-11-25T12:00:00Z", None)] {
            fixture.end_at(at(end));
            tokio::select! {
                () = run(Arc::clone(&shared), Leaps(Arc::clone(&fixture))) => {}
                ended = tokio::time::timeout(DEADLINE, fixture.ended()) => ended.expect("nobody waits for the other's end"),
            }
            assert_eq!((former(&fixture, &acme), former(&fixture, &beta)), (left, Some(at(second))), "{end}");
        }
    }

    #[tokio::test]
    async fn overlap_that_begins_while_service_runs_is_taken_up() {
        let fixture = Fixture::open("2026-11-23T12:00:00Z");
        let acme: ConfigurationId = "acme".parse().unwrap();
        fixture.end_at(at("2026-11-25T00:00:00Z"));
        let shared = fixture.shared();
        let rotates = async {
            // By now the service has found nothing to wait for.
            tokio::task::yield_now().await;
            store(&fixture, &acme, "2026-11-24T12:00:00Z");
            shared.reloaded.send_replace(());
            while former(&fixture, &acme).is_some() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = run(Arc::clone(&shared), Leaps(Arc::clone(&fixture))) => {}
            ended = tokio::time::timeout(DEADLINE, rotates) => ended.unwrap(),
        }
        assert_eq!(fixture.now(), at("2026-11-24T12:00:00Z"));
    }
}
