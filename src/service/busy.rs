//! Whom a connection serves at a moment: what the receiver says, and the connections act on.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Whom a connection serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// Nobody who may, or nobody at this moment.
    Stranger,
    /// Somebody who may, and has not said all yet.
    Reading,
    /// Somebody who may, and waits for his answer.
    Waiting,
}

/// Whom a connection serves, for whoever has to close one.
#[derive(Clone, Default)]
pub struct Busy(Arc<AtomicU8>);

/// While it lives, the connection serves somebody who may.
pub struct Serving(Arc<AtomicU8>);

impl Busy {
    /// Somebody who may is served from now on.
    pub fn begin(&self) -> Serving {
        self.0.store(Serves::Reading as u8, Ordering::Relaxed);
        Serving(Arc::clone(&self.0))
    }

    /// Whether that is whom it serves now.
    pub fn is(&self, serves: Serves) -> bool {
        self.0.load(Ordering::Relaxed) == serves as u8
    }
}

impl Serving {
    pub fn waits(&self) {
        self.0.store(Serves::Waiting as u8, Ordering::Relaxed);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.store(Serves::Stranger as u8, Ordering::Relaxed);
    }
}
