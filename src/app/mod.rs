//! The terminal interface as a pure state machine: messages in, effects out, no clock and no input or output.
//!
//! [`Model::new`] gives the first state and the first effects; [`update()`] takes one [`message::Message`] at a time and
//! answers with [`effect::Effect`]s; [`next_wake`] says when time itself has to be told. Geometry is decided here, in
//! [`layout`]; [`crate::view`] only reads.
//!
//! ```text
//!   shell     one message at a time; what works everywhere; where to go
//!     |
//!   hints     keys and commands, from what the screen offers
//!     |
//!   screens   one a screen: offers, does, takes text, moves      (the contract is in screen)
//!     |
//!   jobs      what runs outside: start, progress, stop, end
//!     |
//!   model     one tree of plain data: shared facts, and each screen's own state
//! ```

mod drafts;
pub mod effect;
pub mod farewell;
pub mod form;
pub mod go;
pub mod hints;
pub mod integrations;
pub mod jobs;
pub mod keymap;
pub mod layout;
pub mod message;
pub mod model;
pub mod notice;
pub mod offer;
pub mod palette;
pub mod panes;
pub mod parts;
pub mod popup;
mod replies;
pub mod screen;
pub mod screens;
pub mod service;
mod shell;
pub mod text;
pub mod wizard;
pub mod work;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use model::{Model, Start, Theme};
pub use shell::{next_wake, update};
