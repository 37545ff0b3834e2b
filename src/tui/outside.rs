//! The world outside as the loop sees it: something that runs an effect and answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::app::effect::{Effect, Slot};
use crate::app::message::Reply;

/// Runs effects that have a slot.
pub trait Outside: Send + Sync + 'static {
    /// Runs one effect until its last reply is sent.
    ///
    /// The future is dropped at once when a slot that only reads is cancelled. In the slots that change something
    /// (`Save`, `Draft`, `Sync`, `Configure`, `Escalate`, `Prove`) it is never dropped: it watches `cancel`, comes to a good end by itself,
    /// and for the last three still sends its last reply, which then says that it was interrupted.
    fn run(&self, effect: Effect, replies: Replies, cancel: CancellationToken) -> BoxFuture<'static, ()>;
}

/// Where one run of one effect sends its replies.
#[derive(Clone)]
pub struct Replies {
    mailbox: Arc<Mailbox>,
    slot: Slot,
    generation: u64,
}

impl Replies {
    pub(super) fn new(mailbox: Arc<Mailbox>, slot: Slot, generation: u64) -> Self {
        Self { mailbox, slot, generation }
    }

    /// Sends a reply. Never waits, so that nobody's terminal slows a sync down.
    pub fn send(&self, reply: Reply) {
        self.mailbox.put(Letter { slot: self.slot, generation: self.generation, reply });
    }
}

/// A reply with the run that it comes from.
pub(super) struct Letter {
    pub slot: Slot,
    pub generation: u64,
    pub reply: Reply,
}

/// Replies on their way to the loop.
///
/// Not a bounded channel: a full one would either hold up the sender or lose a last reply. It cannot grow, because of
/// unread progress only the latest is kept, and everything else is one reply for each check or object of a run.
#[derive(Default)]
pub(super) struct Mailbox {
    letters: Mutex<VecDeque<Letter>>,
    arrived: Notify,
}

impl Mailbox {
    fn put(&self, letter: Letter) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let is_older = |old: &&mut Letter| {
            old.slot == letter.slot
                && old.generation == letter.generation
                && matches!(
                    (&old.reply, &letter.reply),
                    (Reply::SyncProgress(_), Reply::SyncProgress(_)) | (Reply::Events(_), Reply::Events(_))
                )
        };
        match letters.iter_mut().find(is_older) {
            Some(old) => *old = letter,
            None => letters.push_back(letter),
        }
        drop(letters);
        self.arrived.notify_one();
    }

    /// The oldest letter.
    pub(super) fn take(&self) -> Option<Letter> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Waits until there may be a letter.
    pub(super) async fn arrival(&self) {
        self.arrived.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sync_run::SyncProgress;

    fn progress(clients_read: u64) -> Reply {
        Reply::SyncProgress(SyncProgress { clients_read, ..SyncProgress::default() })
    }

    #[test]
    fn of_unread_progress_only_latest_is_kept() {
        let mailbox = Arc::new(Mailbox::default());
        let replies = Replies::new(Arc::clone(&mailbox), Slot::Sync, 1);
        for count in 0..10_000 {
            replies.send(progress(count));
        }
        replies.send(Reply::Copied(Ok(())));
        Replies::new(Arc::clone(&mailbox), Slot::Sync, 2).send(progress(1));
        let arrived: Vec<(u64, Reply)> =
            std::iter::from_fn(|| mailbox.take()).map(|letter| (letter.generation, letter.reply)).collect();
        assert_eq!(arrived, [(1, progress(9_999)), (1, Reply::Copied(Ok(()))), (2, progress(1))]);
    }
}
