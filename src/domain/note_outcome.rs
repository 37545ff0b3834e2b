//! What a note is added by in Halo.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::untrusted::{Untrusted, same_name};

/// The action of Halo's with which a note is added: Halo calls it an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NoteOutcome {
    Number(i64),
    Name(String),
}

impl NoteOutcome {
    /// The number of the one that every Halo has for a note of which the client reads nothing.
    const BUILT_IN: i64 = 7;

    /// Whether an action of Halo's is this one.
    pub fn is(&self, (id, name): &(i64, Untrusted)) -> bool {
        match self {
            Self::Number(number) => number == id,
            Self::Name(own) => same_name(name.raw(), own),
        }
    }

    /// The other one that may be there where Halo does not take this one: a name may have been changed, and a number
    /// differs between Halos.
    #[must_use]
    pub fn other(&self) -> Self {
        if *self == Self::Number(Self::BUILT_IN) { Self::default() } else { Self::Number(Self::BUILT_IN) }
    }
}

impl Default for NoteOutcome {
    fn default() -> Self {
        Self::Name("Private Note".to_owned())
    }
}

impl fmt::Display for NoteOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "\"{name}\""),
        }
    }
}
