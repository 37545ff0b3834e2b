//! One running task per purpose. Starting a slot again cancels what ran there, and what that still says is not heard.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::outside::{Mailbox, Outside, Replies};
use crate::app::effect::{Effect, Slot};
use crate::app::message::Reply;

/// How a slot takes a cancel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nature {
    /// It only reads: its future is dropped, its replies are not heard.
    Reads,
    /// It writes a small thing: it comes to its end, its replies are not heard.
    Writes,
    /// It writes for long: it comes to an early end and says so, which is heard.
    Reports,
}

fn nature(slot: Slot) -> Nature {
    match slot {
        Slot::Overview
        | Slot::Check
        | Slot::Edit
        | Slot::Lists
        | Slot::Plan
        | Slot::Deliveries
        | Slot::Watch
        | Slot::Event
        | Slot::Tickets
        | Slot::Clients
        | Slot::Changes
        | Slot::Status
        | Slot::Callbacks => Nature::Reads,
        Slot::Save | Slot::Activate | Slot::Service | Slot::Draft | Slot::Export | Slot::Issue => Nature::Writes,
        Slot::Sync | Slot::Configure | Slot::Escalate | Slot::Prove | Slot::Look => Nature::Reports,
    }
}

struct Running {
    /// Whose replies are heard; none after a cancel.
    generation: Option<u64>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

/// The running tasks.
pub struct Slots {
    outside: Arc<dyn Outside>,
    mailbox: Arc<Mailbox>,
    running: BTreeMap<Slot, Running>,
    /// Counts the tasks, those that were replaced included.
    tasks: TaskTracker,
    started: u64,
}

impl Slots {
    pub fn new(outside: Arc<dyn Outside>) -> Self {
        let tasks = TaskTracker::new();
        // Closed for waiting only: it counts on.
        tasks.close();
        Self { outside, mailbox: Arc::default(), running: BTreeMap::new(), tasks, started: 0 }
    }

    /// Runs an effect in its slot, in place of what ran there. An effect without a slot is not for here.
    pub fn start(&mut self, effect: Effect) {
        let Some(slot) = effect.slot() else { return };
        let previous = self.running.remove(&slot).map(|old| {
            old.cancel.cancel();
            old.task
        });
        self.started += 1;
        let generation = self.started;
        let cancel = CancellationToken::new();
        let replies = Replies::new(Arc::clone(&self.mailbox), slot, generation);
        let run = run(Arc::clone(&self.outside), effect, nature(slot), replies, cancel.clone(), previous);
        let task = tokio::spawn(self.tasks.track_future(run));
        self.running.insert(slot, Running { generation: Some(generation), cancel, task });
    }

    /// Stops what runs in a slot.
    pub fn cancel(&mut self, slot: Slot) {
        if let Some(running) = self.running.get_mut(&slot) {
            running.cancel.cancel();
            if nature(slot) != Nature::Reports {
                running.generation = None;
            }
        }
    }

    /// The next reply of a run that still counts.
    pub fn next_reply(&self) -> Option<Reply> {
        std::iter::from_fn(|| self.mailbox.take())
            .find(|letter| {
                self.running.get(&letter.slot).is_some_and(|running| running.generation == Some(letter.generation))
            })
            .map(|letter| letter.reply)
    }

    /// Waits until there may be a reply.
    pub async fn replied(&self) {
        self.mailbox.arrival().await;
    }

    /// Whether nothing runs. Every reply is in the mailbox by then.
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits until nothing runs.
    pub async fn idle(&self) {
        self.tasks.wait().await;
    }

    /// Ends everything: small writes are let through, all else is cancelled, and what does not end in time is dropped.
    pub async fn finish(&mut self, patience: Duration) {
        let running = std::mem::take(&mut self.running);
        for (slot, running) in &running {
            if nature(*slot) != Nature::Writes {
                running.cancel.cancel();
            }
        }
        let (slots, tasks): (Vec<Slot>, Vec<JoinHandle<()>>) =
            running.into_iter().map(|(slot, running)| (slot, running.task)).unzip();
        let stop: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
        if tokio::time::timeout(patience, join_all(tasks)).await.is_err() {
            for (slot, task) in slots.iter().zip(stop).filter(|(_, task)| !task.is_finished()) {
                tracing::warn!(?slot, "a task did not stop in time");
                task.abort();
            }
        }
    }
}

async fn run(
    outside: Arc<dyn Outside>,
    effect: Effect,
    nature: Nature,
    replies: Replies,
    cancel: CancellationToken,
    previous: Option<JoinHandle<()>>,
) {
    // Two writers of one thing never overlap: an older draft must not land on top of a newer one.
    if let Some(previous) = previous {
        let _ = previous.await;
    }
    if cancel.is_cancelled() && nature != Nature::Reports {
        return;
    }
    let work = outside.run(effect, replies, cancel.clone());
    if nature == Nature::Reads {
        let _ = cancel.run_until_cancelled(work).await;
    } else {
        work.await;
    }
}

#[cfg(test)]
pub(crate) mod fake {
    use std::sync::Mutex;

    use futures_util::future::BoxFuture;

    use super::*;

    /// What a fake task gets.
    pub type Script = Box<dyn Fn(Effect, Replies, CancellationToken) -> BoxFuture<'static, ()> + Send + Sync>;

    /// A world outside that follows a script and remembers what was asked of it.
    pub struct FakeOutside {
        pub script: Script,
        pub asked: Mutex<Vec<Effect>>,
    }

    impl FakeOutside {
        pub fn new<F>(script: impl Fn(Effect, Replies, CancellationToken) -> F + Send + Sync + 'static) -> Arc<Self>
        where
            F: Future<Output = ()> + Send + 'static,
        {
            let script: Script = Box::new(move |effect, replies, cancel| Box::pin(script(effect, replies, cancel)));
            Arc::new(Self { script, asked: Mutex::default() })
        }
    }

    impl Outside for FakeOutside {
        fn run(&self, effect: Effect, replies: Replies, cancel: CancellationToken) -> BoxFuture<'static, ()> {
            self.asked.lock().unwrap().push(effect.clone());
            (self.script)(effect, replies, cancel)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::sleep;

    use super::fake::FakeOutside;
    use super::*;
    use crate::domain::configuration::ConfigurationId;
    use crate::domain::draft::Draft;
    use crate::domain::failure::{Failure, FailureKind};
    use crate::domain::fields::FieldId;
    use crate::domain::status::Overview;
    use crate::domain::sync_run::Brake;

    fn id(text: &str) -> ConfigurationId {
        text.parse().unwrap()
    }

    fn sync() -> Effect {
        Effect::Sync { id: id("acme"), brake: Brake::On }
    }

    async fn next_within(slots: &Slots, patience: Duration) -> Option<Reply> {
        tokio::time::timeout(patience, async {
            loop {
                if let Some(reply) = slots.next_reply() {
                    return reply;
                }
                slots.replied().await;
            }
        })
        .await
        .ok()
    }

    fn interrupted() -> Reply {
        Reply::Synced(Err(Failure::new(FailureKind::Interrupted, "stopped")))
    }

    #[tokio::test(start_paused = true)]
    async fn starting_again_cancels_first_run_and_its_reply_never_arrives() {
        let runs = AtomicUsize::new(0);
        let outside = FakeOutside::new(move |_, replies: Replies, _| {
            let is_first = runs.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if is_first {
                    // In the mailbox already when the slot is started again.
                    replies.send(Reply::Clients(Ok(Vec::new().into())));
                    std::future::pending::<()>().await;
                }
                replies.send(Reply::Overview(Ok(Overview::default())));
            }
        });
        let mut slots = Slots::new(outside.clone());
        slots.start(Effect::LoadClients(id("acme")));
        while outside.asked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        slots.start(Effect::LoadClients(id("acme")));
        let reply = next_within(&slots, Duration::from_secs(60)).await;
        assert_eq!(reply, Some(Reply::Overview(Ok(Overview::default()))));
        assert_eq!(next_within(&slots, Duration::from_secs(60)).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn cancelled_sync_still_says_how_it_ended() {
        let outside = FakeOutside::new(|_, replies: Replies, cancel: CancellationToken| async move {
            cancel.cancelled().await;
            sleep(Duration::from_millis(500)).await;
            replies.send(interrupted());
        });
        let mut slots = Slots::new(outside);
        slots.start(sync());
        slots.cancel(Slot::Sync);
        assert_eq!(next_within(&slots, Duration::from_secs(60)).await, Some(interrupted()));
    }

    #[tokio::test(start_paused = true)]
    async fn cancelled_read_is_not_heard() {
        let outside = FakeOutside::new(|_, replies: Replies, _| async move {
            sleep(Duration::from_millis(1)).await;
            replies.send(Reply::Clients(Ok(Vec::new().into())));
        });
        let mut slots = Slots::new(outside);
        slots.start(Effect::LoadClients(id("acme")));
        slots.cancel(Slot::Clients);
        assert_eq!(next_within(&slots, Duration::from_secs(60)).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn drafts_are_written_one_after_other() {
        let writing = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&writing);
        let outside = FakeOutside::new(move |_, _, _| {
            let writing = Arc::clone(&writing);
            async move {
                assert_eq!(writing.fetch_add(1, Ordering::SeqCst), 0);
                sleep(Duration::from_millis(100)).await;
                writing.fetch_sub(1, Ordering::SeqCst);
            }
        });
        let mut slots = Slots::new(outside.clone());
        let draft = |name: &str| Draft::default().with(FieldId::Name, name);
        slots.start(Effect::SaveDraft(Box::new(draft("a"))));
        sleep(Duration::from_millis(10)).await;
        slots.start(Effect::SaveDraft(Box::new(draft("b"))));
        slots.start(Effect::SaveDraft(Box::new(draft("c"))));
        slots.finish(Duration::from_secs(2)).await;
        assert_eq!(seen.load(Ordering::SeqCst), 0);
        let asked = outside.asked.lock().unwrap().clone();
        // The one in the middle was overtaken before it began.
        assert_eq!(asked, ["a", "c"].map(|name| Effect::SaveDraft(Box::new(draft(name)))));
    }

    #[tokio::test(start_paused = true)]
    async fn finishing_waits_no_longer_than_its_patience() {
        let outside = FakeOutside::new(|_, _, _| std::future::pending());
        let mut slots = Slots::new(outside);
        slots.start(sync());
        let before = tokio::time::Instant::now();
        slots.finish(Duration::from_secs(2)).await;
        assert_eq!(before.elapsed().as_secs(), 2);
    }
}
