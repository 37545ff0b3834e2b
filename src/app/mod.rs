//! The terminal interface as a pure state machine: messages in, effects out, no clock and no input or output.
//!
//! [`Model::new`] gives the first state and the first effects; [`update()`] takes one [`message::Message`] at a time and
//! answers with [`effect::Effect`]s; [`next_wake`] says when time itself has to be told. Geometry is decided here, in
//! [`layout`]; [`crate::view`] only reads.

mod answer;
pub mod effect;
pub mod form;
pub mod integrations;
pub mod keymap;
pub mod layout;
pub mod message;
pub mod model;
mod moving;
pub mod notice;
pub mod palette;
pub mod panes;
pub mod popup;
mod reply;
pub mod text;
mod typing;
pub mod update;
pub mod wizard;
pub mod work;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use model::{Model, Start, Theme};
pub use update::{next_wake, update};
