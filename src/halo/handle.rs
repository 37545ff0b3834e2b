//! What a handle asks for: as a person, in passing, in the background, to be given up or not. All share one token, one gate and
//! one pool of connections.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::HaloApi;
use super::governor::Urgency;
use super::retry::{Cause, Lost, OF_A_PERSON, Patience};

/// Says whether whoever writes may still do so. It may take a moment.
pub type MayWrite = Arc<dyn Fn() -> bool + Send + Sync>;

/// Refuses a write that may not be sent any more. What is asked for that may wait for a server.
pub(super) async fn require(may_write: Option<&MayWrite>) -> Result<(), Lost> {
    let Some(may_write) = may_write.cloned() else { return Ok(()) };
    match tokio::task::spawn_blocking(move || may_write()).await {
        Ok(true) => Ok(()),
        _ => Err(Lost { cause: Cause::Forbidden, sent: false }),
    }
}

impl HaloApi {
    /// A handle that takes a 401 for an answer, and asks for no other token: where it is known that this Halo answers
    /// so although the token is good.
    #[must_use]
    pub fn without_renewal(&self) -> Self {
        Self { renews: false, ..self.clone() }
    }

    /// A handle that gives up what somebody waits for after about ten seconds in vain, over all its requests together, until
    /// one of them is answered. Where nobody looks on, it is the same handle. Not for writes: the wait for one that is on its
    /// way is worth more than ten seconds.
    #[must_use]
    pub fn while_a_person_waits(&self) -> Self {
        if !self.shared.connection.attended {
            return self.clone();
        }
        let in_vain = Some(self.in_vain.clone().unwrap_or_default());
        Self { patience: self.patience.of_a_person(), in_vain, ..self.clone() }.giving_up_at_limit()
    }

    /// A handle that says at once when Halo's request limit opens again, where that is longer than a person waits.
    #[must_use]
    pub fn giving_up_at_limit(self) -> Self {
        Self { limit_patience: OF_A_PERSON, ..self }
    }

    /// A handle for what is only nice to have: each request is given up after this time, and takes nothing of the patience
    /// for others.
    #[must_use]
    pub fn in_passing(&self, most: Duration) -> Self {
        let patience = Patience {
            total: self.patience.total.min(most),
            attempt: self.patience.attempt.min(most),
            ..self.patience
        };
        Self { patience, in_vain: None, ..self.clone() }
    }

    /// A handle whose requests let those of a person pass, and which waits for Halo's request limit as long as it takes. It counts
    /// from zero.
    #[must_use]
    pub fn in_background(&self) -> Self {
        let held_before = self.shared.governor.held_up();
        let counters = Arc::default();
        Self { counters, urgency: Urgency::Background, held_before, limit_until: None, ..self.clone() }
    }

    /// A handle that asks before each write whether it may still be sent, and sends nothing where it may not.
    #[must_use]
    pub fn writing_while(&self, may_write: MayWrite) -> Self {
        Self { may_write: Some(may_write), ..self.clone() }
    }

    /// A handle whose every wait, for the limit, the network or a retry, ends at once when `token` is cancelled.
    #[must_use]
    pub fn cancelled_by(&self, token: CancellationToken) -> Self {
        Self { cancel: token, ..self.clone() }
    }
}
