//! What waits to be posted to the webhooks.

use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// One event for one webhook, on its way.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) id: String,
    pub(super) webhook_id: String,
    pub(super) notification_id: Option<i64>,
    pub(super) ticket_id: i64,
    pub(super) body: Value,
    /// Whether even a single one goes out as an array.
    pub(super) is_array: bool,
    /// When it was put into the mailbag, on the simulated Halo's clock.
    pub(super) since: Duration,
}

/// What waits to be posted, in the order in which it happened.
#[derive(Debug, Default)]
pub(super) struct Mailbag {
    pub(super) letters: VecDeque<Letter>,
    pub(super) filled: Arc<Notify>,
}

impl Mailbag {
    pub(super) fn put(&mut self, letter: Letter) {
        self.letters.push_back(letter);
        self.filled.notify_one();
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Something that decides what is due has changed: the clock, or a webhook.
    pub(super) fn look_again(&self) {
        if !self.letters.is_empty() {
            self.filled.notify_one();
        }
    }
}
