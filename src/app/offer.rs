//! What a screen offers: a command of its place, its words now, its keys, and whether it can work.

use crate::keys::{Binding, Command, Key, Place};
use crate::words::Phrase;

/// A command of a place, with the keys that lead to it now.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The first of its lines in the table.
    pub binding: &'static Binding,
    /// In which words; without any where the line of keys leaves it out.
    pub words: String,
    pub keys: Vec<Key>,
    /// Why it cannot work now.
    pub refused: Option<Phrase>,
    /// Where it is done, where that is not here.
    pub elsewhere: Option<Place>,
}

impl Offer {
    pub fn command(&self) -> Command {
        self.binding.command
    }

    /// Its words, also where the line of keys leaves it out because another key says the same.
    pub fn title(&self) -> &str {
        if self.words.is_empty() { self.binding.words } else { &self.words }
    }

    /// Its keys by their names.
    pub fn keys(&self) -> String {
        self.keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(" ")
    }
}
