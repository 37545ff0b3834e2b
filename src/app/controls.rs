//! The contract of a screen, and of what floats above it: what it offers, what it does, where what is typed goes. The
//! model is one tree of plain data; a screen reads it, changes its own part of it, and says what is to be done outside and
//! where to go.

use crossterm::event::KeyEvent;

use super::effect::Effect;
use super::keymap::{Binding, Command, Place};
pub use super::layout::Move;
use super::model::Model;
use crate::words::Phrase;

/// What becomes of a command now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Now {
    Can,
    /// It does nothing, and why.
    Not(Phrase),
    /// It has no meaning here: its key may have another one.
    Hidden,
}

impl Now {
    /// It works, unless there is a reason against it.
    pub fn unless(reason: Option<impl Into<Phrase>>) -> Self {
        reason.map_or(Self::Can, |reason| Self::Not(reason.into()))
    }

    /// It works where something holds, and has no meaning elsewhere.
    pub fn only_if(holds: bool) -> Self {
        if holds { Self::Can } else { Self::Hidden }
    }
}

/// What is typed or pasted, where it is no command.
#[derive(Clone, Copy)]
pub enum TextInput<'a> {
    Key(KeyEvent),
    /// A pasted text, to the letter.
    Paste(&'a str),
}

/// What every screen answers. The places are those of the key map that belong to it.
pub trait Controls {
    /// What becomes of a command of its places now. Asked once for each of them when the offers are made.
    fn now(_model: &Model, _place: Place, _command: Command) -> Now {
        Now::Can
    }

    /// The words of a command, where those of the table are not the ones; empty where the line of keys leaves it out.
    fn words(_model: &Model, _place: Place, _binding: &Binding) -> Option<String> {
        None
    }

    fn on(model: &mut Model, place: Place, command: Command) -> Vec<Effect>;

    /// Moves in its list.
    fn moved(_model: &mut Model, _place: Place, _to: Move) {}

    /// Takes a text; answers nothing where none is taken.
    fn typed(_model: &mut Model, _place: Place, _text: TextInput<'_>) -> Option<Vec<Effect>> {
        None
    }

    /// Places its windows anew; called after each change while it is shown.
    fn settle(_model: &mut Model) {}
}
