//! A short word on what just happened, which goes away by itself.

use jiff::{SignedDuration, Timestamp};

use crate::words::Phrase;
pub use crate::words::Tone;

/// A short word on what just happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub tone: Tone,
    pub text: Phrase,
    /// When it goes away.
    pub until: Timestamp,
}

impl Notice {
    /// A notice that stays long enough to be read.
    pub fn new(tone: Tone, text: impl Into<Phrase>, now: Timestamp) -> Self {
        let text = text.into();
        // Five seconds to notice it, and a second for every fifteen characters.
        let seconds = 5 + text.without_keys().chars().count() as i64 / 15;
        let until = now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
        Self { tone, text, until }
    }
}
