//! Whether callbacks arrive: the verdict on the deliveries of each webhook.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::next::{Hint, Next};

/// How it stands with the deliveries of one webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// The last one was answered with a success.
    Delivered,
    /// Answered with 401 or 403.
    Unauthorised,
    /// Answered with 404 or 410.
    NotFound,
    /// Answered with a server error.
    ServerError,
    /// Not answered in time.
    TimeOut,
    /// The address was not reached: name, network, TLS.
    NotReached,
    /// Answered with something else that is no success.
    OtherAnswer,
    /// Sent, and Halo shows no answer.
    NoAnswer,
    /// Halo does not deliver: the webhook is switched off.
    SwitchedOff,
    /// Nothing was delivered since it was installed.
    Never,
    /// The webhook is not in Halo any more.
    Missing,
    /// The log could not be read.
    Unreadable,
}

impl DeliveryState {
    /// Whether something that happened in Halo did not come here.
    pub fn loses_events(self) -> bool {
        !matches!(self, Self::Delivered | Self::Never | Self::Missing | Self::Unreadable)
    }

    /// Whether the webhook sends nothing at all: Halo has switched it off, or holds it no more.
    pub fn sends_nothing(self) -> bool {
        matches!(self, Self::SwitchedOff | Self::Missing)
    }

    /// Whether nothing is to be done about it.
    pub fn is_fine(self) -> bool {
        self == Self::Delivered
    }
}

/// The verdict on the deliveries of one webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The webhook's name.
    pub webhook: String,
    pub id: String,
    pub state: DeliveryState,
    /// Halo's time of the last delivery.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub last_at: Option<Timestamp>,
    /// The status that it was answered with.
    pub http_status: Option<u16>,
    /// How long it took, as Halo writes it; the unit is not documented.
    pub duration: Option<String>,
    /// What Halo or the other end said of it.
    pub error: Option<String>,
    /// Halo's time of the last delivery that succeeded, among those that were looked at.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub last_success_at: Option<Timestamp>,
    /// Whether Halo itself has switched it off, and no person.
    #[serde(default)]
    pub off_by_halo: bool,
    /// Whether no event is bound to it in Halo, as far as was asked.
    #[serde(skip)]
    pub unbound: bool,
    /// What was found, in one sentence.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// When Halo was asked.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub read_at: Timestamp,
}

/// What to do about a delivery that was answered with 401 or 403. Which of the two it was, nobody can tell from here.
pub fn let_in() -> Hint {
    let proxy = "if a proxy in front of pia-halo asks for a login, exempt the callback path; otherwise Halo has another \
                 password: set a new one with ";
    Hint::from(proxy).next(Next::Rotate)
}

/// What is said of a verdict that is overtaken.
pub const OVERTAKEN: &str = "; an event came in since";

impl Delivery {
    /// Whether an event came in after Halo was asked: that one is not in the verdict.
    pub fn is_overtaken(&self, last_event: Option<Timestamp>) -> bool {
        last_event.is_some_and(|at| self.read_at < at)
    }

    /// How long it took: as `say` says a number of milliseconds, and in Halo's own words where it writes no number.
    pub fn took(&self, say: impl FnOnce(u64) -> String) -> Option<String> {
        let text = self.duration.as_ref()?;
        Some(text.parse::<f64>().map_or_else(|_| text.clone(), |number| say(number.round_ties_even() as u64)))
    }
}
