//! What systemd is told: ready, alive, stopping. Without systemd, nothing.

use std::sync::Arc;

use sd_notify::NotifyState;

use super::Shared;

/// Callbacks are taken.
pub fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("takes callbacks")]);
}

/// The service ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("ends")]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be told");
    }
}

/// Says that the service is alive, as often as systemd wants to hear it; sleeps for good where it does not.
pub async fn run(shared: Arc<Shared>) {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    loop {
        tell(&[NotifyState::Watchdog]);
        tokio::select! {
            () = shared.cancel.cancelled() => return,
            () = tokio::time::sleep(interval / 2) => {}
        }
    }
}
