//! The full circle: a ticket made in Halo, followed to where its event ends.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::check::CheckStatus;
use super::failure::{Failure, FailureKind};
use super::next::{Hint, Next};
use super::untrusted::Untrusted;

/// How long the event is waited for where nobody says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// What a yes is needed to.
pub fn question(board: &Untrusted, client: &str) -> String {
    format!(
        "makes a ticket in Halo on the board \"{board}\" for {client}, waits for its event and closes the ticket; Halo \
         sends whatever it sends for a new ticket"
    )
}

/// A station on the way of the event, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hop {
    /// Halo has the ticket.
    Made,
    /// Halo's log has its delivery.
    Logged,
    /// The callback address took the delivery.
    Delivered,
    /// The service here has stored the event.
    Stored,
    /// Pia took the event from the service.
    Forwarded,
    /// The ticket is closed again.
    Closed,
}

impl Hop {
    /// The words for it on a screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Made => "Ticket made",
            Self::Logged => "In Halo's log",
            Self::Delivered => "Delivered",
            Self::Stored => "Stored here",
            Self::Forwarded => "Forwarded",
            Self::Closed => "Ticket closed",
        }
    }
}

/// What became of one station.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HopReport {
    pub hop: Hop,
    pub status: CheckStatus,
    /// When it was reached: Halo's time for what Halo does, ours for the rest.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub at: Option<Timestamp>,
    /// How long after the ticket was made that was, by our own clock.
    pub after_ms: Option<u64>,
    /// What was found, fit to be shown.
    pub message: String,
    pub hint: Option<Hint>,
    /// The kind of failure, where Halo or this machine failed.
    #[serde(skip)]
    pub failure: Option<FailureKind>,
}

impl HopReport {
    /// A station with no time to it.
    pub fn new(hop: Hop, status: CheckStatus, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { hop, status, at: None, after_ms: None, message, hint: None, failure: None }
    }

    /// The way ends here.
    pub fn broken(hop: Hop, message: impl Into<String>, hint: impl Into<Hint>) -> Self {
        Self { hint: Some(hint.into()), ..Self::new(hop, CheckStatus::Fail, message) }
    }

    /// The way ends here, because something failed.
    pub fn failed(hop: Hop, failure: Failure) -> Self {
        let report = Self::new(hop, CheckStatus::Fail, failure.to_string());
        Self { hint: failure.hint, failure: Some(failure.kind), ..report }
    }

    /// When it was reached.
    #[must_use]
    pub fn reached(self, at: Option<Timestamp>, after_ms: u64) -> Self {
        Self { at, after_ms: Some(after_ms), ..self }
    }
}

/// How the whole way went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FullCircle {
    /// Whether no station broke.
    pub ok: bool,
    /// The ticket, once Halo had it.
    pub ticket: Option<i64>,
    /// The first station that was not reached.
    pub broken_at: Option<Hop>,
    pub hops: Vec<HopReport>,
    /// The tickets of earlier runs that were still open, and what became of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
}

/// A ticket that an earlier run had left open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Earlier {
    pub ticket: i64,
    /// Why it is open still; none where it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Earlier {
    /// What became of it.
    pub fn words(&self) -> String {
        match &self.problem {
            None => format!("Ticket {} of an earlier full-circle test was still open and is now closed.", self.ticket),
            Some(problem) => format!(
                "Ticket {} of an earlier full-circle test is still open: {problem}. Close it in Halo by hand.",
                self.ticket
            ),
        }
    }
}

/// A test ticket that a run has left open in Halo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOpen {
    /// Its number, where the run lived to hear it.
    pub ticket: Option<i64>,
    /// What it is called.
    pub summary: String,
}

impl LeftOpen {
    /// What there is to do about it.
    pub fn words(&self) -> Hint {
        let ticket = match self.ticket {
            Some(ticket) => format!("Ticket {ticket} (\"{}\") was left open", self.summary),
            None => format!("A ticket \"{}\" may have been left open", self.summary),
        };
        Hint::from(format!("{ticket} in Halo by a full-circle test. To close it: ")).next(Next::FullCircle)
    }
}

impl FullCircle {
    /// Sums the stations up.
    pub fn of(ticket: Option<i64>, hops: Vec<HopReport>, earlier: Vec<Earlier>) -> Self {
        let broken_at = hops.iter().find(|hop| hop.status == CheckStatus::Fail).map(|hop| hop.hop);
        Self { ok: broken_at.is_none(), ticket, broken_at, hops, earlier }
    }
}
