//! What time it is.

use std::time::SystemTime;

use jiff::Timestamp;

use crate::domain::calendar;

/// What time it is. A test gives its own.
pub trait Clock: Send + Sync {
    /// The moment; a test may set it.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        calendar::since_1970(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default())
    }
}
