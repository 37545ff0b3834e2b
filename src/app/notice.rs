//! A short word on what just happened, which goes away by itself.

use jiff::{SignedDuration, Timestamp};

use crate::keys::{Command, Place};
use crate::words::Phrase;
pub use crate::words::Tone;

/// A short word on what just happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub tone: Tone,
    pub text: Phrase,
    /// When it goes away.
    pub until: Timestamp,
    /// What it speaks of, where that is something that goes on: it goes with it.
    pub while_so: Option<Holds>,
}

/// As long as what is a notice true?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// As long as this is refused, on this screen.
    Refused(Place, Command),
    /// As long as the end of a paste has not come.
    PasteOpen,
    /// As long as a sync waits for its answer.
    Held,
    /// As long as a save waits for the test.
    Saves,
}

impl Notice {
    /// A notice that stays long enough to be read.
    pub fn new(tone: Tone, text: impl Into<Phrase>, now: Timestamp) -> Self {
        let text = text.into();
        // Five seconds to notice it, and a second for every fifteen characters.
        let seconds = 5 + text.without_keys().chars().count() as i64 / 15;
        let until = now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
        Self { tone, text, until, while_so: None }
    }
}
