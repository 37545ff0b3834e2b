//! Every fact that more than one face tells, worded once: the screens, plain mode and the commands take their words from
//! here and add their own marks, colours and keys.

pub mod check;
pub mod event;
pub mod health;
pub mod next;
pub mod phrase;
pub mod plan;
pub mod service;
pub mod step;
pub mod sync;
pub mod time;

pub use phrase::Phrase;

/// How a state is shown: always with its symbol and a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Not as it should be.
    Bad,
    /// Neither.
    Calm,
}
