//! The wording of everything that is shown in more than one place: the screens, plain mode and the commands use it from
//! here and add their own marks, colours and keys.

pub(crate) mod audit;
pub(crate) mod by_hand;
pub(crate) mod check;
pub(crate) mod event;
pub(crate) mod health;
pub(crate) mod next;
pub(crate) mod phrase;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod service;
pub(crate) mod step;
pub(crate) mod store;
pub(crate) mod sync;
pub(crate) mod time;
pub(crate) mod typed;

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
