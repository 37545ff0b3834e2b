//! The memory for bodies: back-pressure over all that are being read at once. Whoever needs more than there is waits, with
//! nothing of his read meanwhile; and who holds memory and sends next to nothing gives way to him.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The longest body: a full ticket is 83 kB, and Halo may send two hundred in one call.
pub const LARGEST: usize = 16 << 20;

/// What each body may take without asking: enough for what happened, without its ticket.
const FREE: usize = 8 << 10;

/// What a body of unknown length asks for next. Behind that it may be of any length.
pub const USUAL: usize = 128 << 10;

/// What all bodies may take together, beside the free part of each.
const ROOM: usize = 24 << 20;

/// Who sends less than this in a second is slow, once he had his time to begin.
const SLOW: usize = 64 << 10;
const BEGIN: Duration = Duration::from_secs(1);

/// How long somebody waits for room.
const PATIENCE: Duration = Duration::from_secs(60);

/// The room. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Room(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    next: u64,
    readers: BTreeMap<u64, Reader>,
}

/// Somebody who holds room and sends.
#[derive(Debug)]
struct Reader {
    since: Instant,
    read: usize,
    gives_way: CancellationToken,
}

/// The share of the room that one body has, until it is dropped.
#[derive(Debug)]
pub struct Share {
    room: Room,
    number: u64,
    size: usize,
    gives_way: CancellationToken,
}

impl Room {
    /// Begins with nothing but the free part.
    pub fn begin(&self) -> Share {
        let mut state = self.lock();
        state.next += 1;
        let (number, gives_way) = (state.next, CancellationToken::new());
        Share { room: self.clone(), number, size: 0, gives_way }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// How long the body may be.
    pub fn capacity(&self) -> usize {
        self.size.max(FREE)
    }

    /// Waits until the body may be this long; says whether it may.
    pub async fn grow(&mut self, size: usize) -> bool {
        let size = size.min(ROOM);
        let until = Instant::now() + PATIENCE;
        loop {
            let room = self.room.clone();
            let freed = room.0.freed.notified();
            if self.take(size) {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            // Somebody who was quick may be slow by then.
            _ = tokio::time::timeout(BEGIN, freed).await;
        }
    }

    fn take(&mut self, size: usize) -> bool {
        let mut state = self.room.lock();
        if state.used - self.size + size > ROOM {
            let now = Instant::now();
            let is_slow = |reader: &&Reader| {
                let time = now.duration_since(reader.since);
                time >= BEGIN && (reader.read as u128) < SLOW as u128 * time.as_millis() / 1_000
            };
            if let Some(slow) = state.readers.values().find(is_slow) {
                slow.gives_way.cancel();
            }
            return false;
        }
        state.used = state.used - self.size + size;
        self.size = size;
        // Waiting was no slowness of his.
        let reader = Reader { since: Instant::now(), read: 0, gives_way: self.gives_way.clone() };
        state.readers.insert(self.number, reader);
        true
    }

    /// So much more was read.
    pub fn has_read(&self, bytes: usize) {
        if let Some(reader) = self.room.lock().readers.get_mut(&self.number) {
            reader.read += bytes;
        }
    }

    /// Somebody waits, and this one is slow.
    pub async fn gives_way(&self) {
        self.gives_way.cancelled().await;
    }

    /// The body is whole: it is kept until it is stored.
    pub fn is_whole(&self) {
        self.room.lock().readers.remove(&self.number);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.room.lock();
        state.used -= self.size;
        state.readers.remove(&self.number);
        drop(state);
        self.room.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn body_waits_for_room_and_gets_it_when_another_is_stored() {
        let room = Room::default();
        let (mut first, mut second) = (room.begin(), room.begin());
        assert!(first.capacity() == FREE && first.grow(LARGEST).await);
        first.is_whole();
        let waits = tokio::spawn(async move { second.grow(LARGEST).await });
        tokio::time::sleep(PATIENCE / 2).await;
        assert!(!waits.is_finished(), "32 MiB are more than there is");
        drop(first);
        assert!(waits.await.unwrap());
        assert_eq!(room.lock().used, 0);
        let (mut first, mut second) = (room.begin(), room.begin());
        assert!(first.grow(LARGEST).await);
        first.is_whole();
        assert!(!second.grow(LARGEST).await, "nobody waits for good");
    }

    #[tokio::test(start_paused = true)]
    async fn slow_body_gives_way_and_quick_one_does_not() {
        let room = Room::default();
        let (mut quick, mut slow, mut next) = (room.begin(), room.begin(), room.begin());
        assert!(quick.grow(12 << 20).await && slow.grow(12 << 20).await);
        quick.has_read(4 << 20);
        slow.has_read(10);
        let ends = async {
            slow.gives_way().await;
            drop(slow);
        };
        let began = Instant::now();
        let (takes, ()) = tokio::join!(next.grow(USUAL), ends);
        assert!(takes && began.elapsed() <= 2 * BEGIN, "{:?}", began.elapsed());
        assert!(!quick.gives_way.is_cancelled());
    }
}
