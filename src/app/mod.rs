//! The terminal interface as a pure state machine: messages in, effects out, no clock and no input or output.
//!
//! [`Model::new`] gives the first state and the first effects; [`update()`] takes one [`message::Message`] at a time and
//! answers with [`effect::Effect`]s; [`next_wake`] says when time itself has to be told. Geometry is decided here, in
//! [`layout`]; [`crate::view`] only reads.
//!
//! ```text
//!   shell     one message at a time; what works everywhere; where to go
//!     |
//!   meaning   what a key and a command mean, from what the screen offers; offers, footer and help are made of it
//!     |
//!   dispatch  to the screen that has the keys: integrations, wizard, panes, popup, palette, each with its controls
//!     |       (their contract is in controls): offers, does, takes text, moves
//!     |
//!   jobs      what runs outside: start, progress, stop, end
//!     |
//!   model     one tree of plain data: shared facts, and each screen's own state
//! ```

pub(crate) mod controls;
mod dispatch;
mod drafts;
pub mod effect;
pub(crate) mod farewell;
pub(crate) mod footer;
pub(crate) mod form;
pub(crate) mod go;
pub(crate) mod header;
mod help;
pub(crate) mod integrations;
pub(crate) mod jobs;
pub mod keymap;
pub(crate) mod layout;
pub(crate) mod meaning;
pub mod message;
pub(crate) mod model;
pub(crate) mod notice;
pub(crate) mod offer;
pub(crate) mod offers;
pub(crate) mod palette;
pub mod panes;
pub(crate) mod parts;
pub(crate) mod popup;
mod replies;

pub(crate) mod service;
mod shell;
pub(crate) mod text;
pub(crate) mod wizard;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use model::{Model, Start, Theme};
pub use shell::{next_wake, update};
