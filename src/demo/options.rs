//! How a simulated Halo is to be made.

use super::faults::Fault;
use super::limit::RateLimit;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How a simulated Halo is to be made.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many clients it has, "Unknown" and the inactive ones included.
    pub clients: usize,
    /// The seed of all its data: one seed, one Halo.
    pub seed: u64,
    /// How long each reply takes.
    pub latency: Duration,
    /// The rate limit; none at first, so that a test that is not about it need not wait for it.
    pub rate_limit: Option<RateLimit>,
    /// Where it listens; loopback addresses only.
    pub listen: SocketAddr,
    /// The hazards that are on from the start.
    pub faults: BTreeSet<Fault>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clients: 250,
            seed: 1,
            latency: Duration::ZERO,
            rate_limit: None,
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            faults: BTreeSet::new(),
        }
    }
}
