//! A limit of Halo's.

use std::time::Duration;

/// A limit: so many requests in any stretch of so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// Requests in a window.
    pub limit: u32,
    pub window: Duration,
}

/// What is added to a window, because the two ends of a connection do not see a request at the same moment.
pub(super) fn slack(window: Duration) -> Duration {
    (window / 50).min(Duration::from_secs(1))
}
