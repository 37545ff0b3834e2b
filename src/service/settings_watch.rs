//! What another program changes is taken up without a restart: settings, secrets, and events to be forwarded again.

use std::sync::Arc;

use super::Shared;
use crate::ops::signals::{Changes, Signals};

/// Hears of it from here on.
pub fn start(shared: &Shared) -> Signals {
    Signals::of(&shared.workspace, Changes::SETTINGS | Changes::SECRETS | Changes::SEND_AGAIN)
}

/// Tells it to whoever works by it, until the service ends.
pub async fn follow(shared: Arc<Shared>, mut signals: Signals) {
    loop {
        let changes = tokio::select! {
            biased;
            () = shared.cancel.cancelled() => return,
            changes = signals.wait_for_change() => changes,
        };
        if changes.has(Changes::SETTINGS) {
            shared.changed.notify_one();
        }
        if changes.has(Changes::SETTINGS | Changes::SECRETS) {
            shared.reloaded.send_replace(());
        }
        if changes.has(Changes::SEND_AGAIN) {
            shared.looked_up.notify_one();
        }
    }
}
