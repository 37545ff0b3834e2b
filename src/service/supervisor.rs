//! What systemd is told: ready, alive, stopping. Without systemd, nothing.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use super::intake::Queue;

/// Callbacks are taken.
pub fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("receiving callbacks")]);
}

pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "cannot notify systemd");
    }
}

/// Says that the service is alive, as often as systemd wants to hear it; nothing where it does not.
pub async fn run(cancel: CancellationToken, queue: Queue) {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    tokio::select! {
        biased;
        () = cancel.cancelled() => {}
        () = beat(interval, || queue.probe(), || tell(&[NotifyState::Watchdog])) => {}
    }
}

/// Twice in each interval, as long as the thread that stores callbacks answers: alive is who would store the next one.
async fn beat<K: Future<Output = ()>>(interval: Duration, probe: impl Fn() -> K, alive: impl Fn()) {
    let mut pace = tokio::time::interval(interval / 2);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        probe().await;
        alive();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::service::intake::{Intake, unheard};
    use crate::service::testing::Fixture;

    const ASKED: Duration = Duration::from_secs(60);

    /// How often it said that it is alive, within this time.
    async fn beats<K: Future<Output = ()>>(probe: impl Fn() -> K, within: Duration) -> u64 {
        let count = AtomicU64::new(0);
        let counting = beat(ASKED, probe, || _ = count.fetch_add(1, Ordering::Relaxed));
        assert!(tokio::time::timeout(within, counting).await.is_err(), "it goes on for good");
        count.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn watchdog_hears_of_us_twice_in_each_interval() {
        assert_eq!(beats(|| std::future::ready(()), Duration::from_secs(299)).await, 10);
    }

    #[tokio::test]
    async fn thread_that_stores_answers_probe() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let intake = Intake::start(&fixture.shared().workspace).unwrap();
        let queue = intake.queue();
        tokio::time::timeout(ASKED, queue.probe()).await.unwrap();
        drop(queue);
        intake.finish();
    }

    /// Who cannot store callbacks any more is not alive, though its tasks run.
    #[tokio::test(start_paused = true)]
    async fn watchdog_is_silent_while_storing_thread_hangs() {
        let (queue, thread) = unheard();
        assert_eq!(beats(|| queue.probe(), 10 * ASKED).await, 0, "it hangs");
        drop(thread);
        assert_eq!(beats(|| queue.probe(), 10 * ASKED).await, 0, "it is gone");
    }
}
