//! The simulated Halo's clock: it runs by itself, and a test can push it forward instead of sleeping.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// What the machine's clock shows; in a year that cannot be counted to, a moment with room for what is added to it.
pub(super) fn now() -> Timestamp {
    let last = Timestamp::MAX - SignedDuration::from_hours(24 * 365 * 20);
    Timestamp::try_from(SystemTime::now()).unwrap_or(last).min(last)
}

/// Time since the simulated Halo started. It follows the runtime's clock, so it stands still in a test with paused time.
#[derive(Debug, Clone)]
pub struct Clock {
    started: Instant,
    skipped: Duration,
    stopped: Option<Duration>,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), skipped: Duration::ZERO, stopped: None }
    }

    /// Time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.stopped.unwrap_or_else(|| self.started.elapsed()) + self.skipped
    }

    /// Pushes the clock forward: tokens age, and the rate limit's window rolls on.
    pub fn advance(&mut self, by: Duration) {
        self.skipped += by;
    }

    /// Stops the clock; from here on only [`advance`](Self::advance) moves it.
    pub fn stop(&mut self) {
        self.stopped = Some(self.started.elapsed());
    }
}
