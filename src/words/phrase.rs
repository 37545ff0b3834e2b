//! A sentence that may name keys. It is kept in pieces until it is shown, so that a screen names the keys that the person
//! has now, and plain mode, where nobody presses keys, leaves them out.

use std::fmt;

use crate::keys::{Command, KeyMap, Place};

/// A sentence in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phrase(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A part that is only about a key, with the words around it: ` with ` x.
    Key(&'static str, &'static str, &'static str),
}

impl Phrase {
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Text(text.into()));
        self
    }

    /// Adds a part that names the key of a command, by its name in the settings. Where there are no keys, all of the part
    /// is left out.
    #[must_use]
    pub fn key(mut self, before: &'static str, id: &'static str, after: &'static str) -> Self {
        self.0.push(Piece::Key(before, id, after));
        self
    }

    /// The sentence for a screen.
    pub fn with_keys(&self, keys: &KeyMap) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Key(before, id, after) => format!("{before}{}{after}", key_name(keys, id)),
        };
        self.0.iter().map(piece).collect()
    }

    /// The sentence where nobody presses keys.
    pub fn without_keys(&self) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Key(..) => None,
        };
        self.0.iter().filter_map(text).collect()
    }
}

/// A key as a sentence names it, by the command that it means.
pub fn key_name(keys: &KeyMap, id: &str) -> String {
    if let Some(key) = keys.first(id) {
        return key.spoken();
    }
    // Whoever took its keys away still finds it by its name.
    let commands = keys.key(Command::Commands, Place::Field).map(|key| format!(" ({})", key.spoken()));
    format!("a command{}", commands.unwrap_or_default())
}

impl From<String> for Phrase {
    fn from(text: String) -> Self {
        Self::default().text(text)
    }
}

impl From<&str> for Phrase {
    fn from(text: &str) -> Self {
        Self::default().text(text)
    }
}

impl fmt::Display for Phrase {
    /// The sentence without its keys: whoever shows them has the key map.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Key;

    #[test]
    fn phrase_names_current_key_and_only_where_there_are_keys() {
        let phrase =
            Phrase::from("Halo's own \"with x\". Discard it").key(" with ", "discard_draft", "").text(" first.");
        let changed = [("discard_draft".to_owned(), vec![Key::F(9)])];
        assert_eq!(phrase.with_keys(&KeyMap::default()), "Halo's own \"with x\". Discard it with x first.");
        assert_eq!(
            phrase.with_keys(&KeyMap::overridden(changed.into()).unwrap()),
            "Halo's own \"with x\". Discard it with F9 first."
        );
        assert_eq!(phrase.without_keys(), "Halo's own \"with x\". Discard it first.");
        let none = KeyMap::overridden([("discard_draft".to_owned(), Vec::new())].into()).unwrap();
        assert!(phrase.with_keys(&none).contains("with a command (Ctrl-P)"), "{phrase:?}");
    }
}
