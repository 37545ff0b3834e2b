//! The contract of a screen: what it offers, what it does, where what is typed goes. The model is one tree of plain data;
//! a screen reads it, changes its own part of it, and says what is to be done outside and where to go.

use crossterm::event::KeyEvent;

use super::effect::Effect;
use super::keymap::{Binding, Command, Place};
use super::model::Model;

/// What becomes of a command now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Now {
    /// It works.
    Can,
    /// It does nothing, and why.
    Not(String),
    /// It has no meaning here: its key may have another one.
    Hidden,
}

impl Now {
    /// It works, unless there is a reason against it.
    pub fn unless(reason: Option<String>) -> Self {
        reason.map_or(Self::Can, Self::Not)
    }

    /// It works where something holds, and has no meaning elsewhere.
    pub fn only_if(holds: bool) -> Self {
        if holds { Self::Can } else { Self::Hidden }
    }
}

/// A move in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// By rows.
    Rows(isize),
    /// By pages.
    Pages(isize),
    /// To the first row.
    First,
    /// To the last.
    Last,
}

impl Move {
    /// What a command means as a move.
    pub fn of(command: Command) -> Option<Self> {
        Some(match command {
            Command::Up => Self::Rows(-1),
            Command::Down => Self::Rows(1),
            Command::PageUp => Self::Pages(-1),
            Command::PageDown => Self::Pages(1),
            Command::First => Self::First,
            Command::Last => Self::Last,
            _ => return None,
        })
    }

    /// The row that it leads to, from one of a list that shows `height` rows; it may lie beyond the last.
    pub fn from(self, row: usize, height: usize) -> usize {
        match self {
            Self::Rows(by) => row.saturating_add_signed(by),
            Self::Pages(by) => row.saturating_add_signed(by.saturating_mul(height as isize)),
            Self::First => 0,
            Self::Last => usize::MAX / 2,
        }
    }
}

/// What is typed or pasted, where it is no command.
#[derive(Clone, Copy)]
pub enum Typed<'a> {
    /// A key.
    Key(KeyEvent),
    /// A pasted text, to the letter.
    Paste(&'a str),
}

/// What every screen answers. The places are those of the key map that belong to it.
pub trait Screen {
    /// What becomes of a command of its places now. Asked once for each of them when the offers are made.
    fn now(_model: &Model, _place: Place, _command: Command) -> Now {
        Now::Can
    }

    /// The words of a command, where those of the table are not the ones; empty where the line of keys leaves it out.
    fn words(_model: &Model, _place: Place, _binding: &Binding) -> Option<String> {
        None
    }

    /// Does a command.
    fn on(model: &mut Model, place: Place, command: Command) -> Vec<Effect>;

    /// Moves in its list.
    fn moved(_model: &mut Model, _place: Place, _to: Move) {}

    /// Takes a text; answers nothing where none is taken.
    fn typed(_model: &mut Model, _place: Place, _text: Typed<'_>) -> Option<Vec<Effect>> {
        None
    }

    /// Places its windows anew; called after each change while it is shown.
    fn settle(_model: &mut Model) {}
}
