//! Every fact that more than one face tells, worded once: the screens, plain mode and the commands take their words from
//! here and add their own marks, colours and keys.

pub(crate) mod check;
pub(crate) mod event;
pub(crate) mod health;
pub(crate) mod next;
pub(crate) mod phrase;
pub(crate) mod plan;
pub(crate) mod service;
pub(crate) mod step;
pub(crate) mod sync;
pub(crate) mod time;

pub use phrase::Phrase;

/// How a state is shown: always with its symbol and a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Warn,
    /// Not as it should be.
    Bad,
    Calm,
}
