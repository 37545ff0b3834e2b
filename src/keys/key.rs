//! One key, as the settings write it and as a screen names it.

use serde::{Serialize, Serializer};

/// A key that can be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named as on the keyboard")]
pub enum Key {
    /// A character, as it is typed.
    Letter(char),
    /// A letter with Ctrl.
    Ctrl(char),
    /// F1 to F12.
    F(u8),
    Enter,
    Esc,
    Tab,
    ShiftTab,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Insert,
    Delete,
    Backspace,
}

/// The keys that have a name of their own: as the settings write it, and as a screen shows it.
const NAMED: [(Key, &str, &str); 16] = [
    (Key::Letter(' '), "space", "Space"),
    (Key::Enter, "enter", "Enter"),
    (Key::Esc, "esc", "Esc"),
    (Key::Tab, "tab", "Tab"),
    (Key::ShiftTab, "shift-tab", "Shift-Tab"),
    (Key::Up, "up", "↑"),
    (Key::Down, "down", "↓"),
    (Key::Left, "left", "←"),
    (Key::Right, "right", "→"),
    (Key::PageUp, "page-up", "PgUp"),
    (Key::PageDown, "page-down", "PgDn"),
    (Key::Home, "home", "Home"),
    (Key::End, "end", "End"),
    (Key::Insert, "insert", "Ins"),
    (Key::Delete, "delete", "Del"),
    (Key::Backspace, "backspace", "Backspace"),
];

/// Letters that a terminal does not tell from another key once Ctrl is held.
const SAME: [(char, &str); 4] = [('h', "backspace"), ('i', "tab"), ('j', "enter"), ('m', "enter")];

/// Why a word names no key that can be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAKey {
    /// No key is called that.
    Unknown,
    /// To a terminal it is another key: this one.
    SameAs(&'static str),
}

impl Key {
    /// Reads a key as the settings write it: `s`, `?`, `ctrl-p`, `f5`, `page-up`.
    ///
    /// # Errors
    ///
    /// [`NotAKey`] where no terminal sends such a key, or sends another for it.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let mut characters = text.chars();
        if let (Some(letter), None) = (characters.next(), characters.next()) {
            let plain = !letter.is_whitespace() && !letter.is_control();
            return if plain { Ok(Self::Letter(letter)) } else { Err(NotAKey::Unknown) };
        }
        let text = text.to_ascii_lowercase();
        if let Some((key, _, _)) = NAMED.iter().find(|(_, name, _)| *name == text) {
            return Ok(*key);
        }
        if let Some(letter) = text.strip_prefix("ctrl-") {
            let mut letters = letter.chars();
            return match (letters.next(), letters.next()) {
                (Some(letter @ 'a'..='z'), None) => match SAME.iter().find(|(same, _)| *same == letter) {
                    Some((_, other)) => Err(NotAKey::SameAs(other)),
                    None => Ok(Self::Ctrl(letter)),
                },
                _ => Err(NotAKey::Unknown),
            };
        }
        let number = text.strip_prefix('f').filter(|number| !number.starts_with(['0', '+']));
        match number.and_then(|number| number.parse().ok()) {
            Some(number @ 1..=12) => Ok(Self::F(number)),
            _ => Err(NotAKey::Unknown),
        }
    }

    /// The key as the settings write it.
    pub fn written(self) -> String {
        match (self, self.named()) {
            (_, Some((name, _))) => name.to_owned(),
            (Self::Letter(letter), _) => letter.to_string(),
            (Self::Ctrl(letter), _) => format!("ctrl-{letter}"),
            (Self::F(number), _) => format!("f{number}"),
            // Every other one has its line above.
            (_, None) => String::new(),
        }
    }

    /// The key as a line of keys names it: `^P`.
    pub fn name(self) -> String {
        match (self, self.named()) {
            (Self::Ctrl(letter), _) => format!("^{}", letter.to_ascii_uppercase()),
            _ => self.spoken(),
        }
    }

    /// The key as a sentence names it: `Ctrl-P`.
    pub fn spoken(self) -> String {
        match (self, self.named()) {
            (_, Some((_, shown))) => shown.to_owned(),
            (Self::Ctrl(letter), _) => format!("Ctrl-{}", letter.to_ascii_uppercase()),
            (Self::F(number), _) => format!("F{number}"),
            _ => self.written(),
        }
    }

    fn named(self) -> Option<(&'static str, &'static str)> {
        NAMED.iter().find(|(key, _, _)| *key == self).map(|(_, name, shown)| (*name, *shown))
    }

    /// Whether it would be typed where text is taken.
    pub fn is_letter(self) -> bool {
        matches!(self, Self::Letter(_))
    }

    /// Whether it edits the line where text is taken: it moves the cursor, or deletes, or puts back.
    pub fn edits_text(self) -> bool {
        match self {
            Self::Ctrl(letter) => matches!(letter, 'a' | 'b' | 'e' | 'f' | 'k' | 'u' | 'w' | 'y'),
            Self::Left | Self::Right | Self::Home | Self::End | Self::Delete | Self::Backspace => true,
            _ => false,
        }
    }

    /// The names that a mistyped one may have meant.
    pub fn names() -> Vec<String> {
        let named = NAMED.iter().map(|(_, name, _)| (*name).to_owned());
        let ctrl = ('a'..='z').filter(|letter| SAME.iter().all(|(same, _)| same != letter));
        named.chain((1..=12).map(|number| format!("f{number}"))).chain(ctrl.map(|c| format!("ctrl-{c}"))).collect()
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read_as_it_is_written() {
        let letters = ('!'..='~').map(Key::Letter).chain([Key::Letter('ß')]);
        let named = Key::names().into_iter().map(|name| Key::parse(&name).unwrap());
        for key in letters.chain(named) {
            assert_eq!(Key::parse(&key.written()), Ok(key));
            assert!(!key.name().is_empty() && !key.spoken().is_empty());
        }
        assert_eq!(Key::parse("Ctrl-P"), Ok(Key::Ctrl('p')));
        assert_ne!(Key::parse("S"), Key::parse("s"), "a capital is a key of its own");
        assert_eq!((Key::Ctrl('p').name(), Key::Ctrl('p').spoken()), ("^P".to_owned(), "Ctrl-P".to_owned()));
    }

    #[test]
    fn what_no_terminal_sends_is_no_key() {
        for text in ["", " ", "\t", "f0", "f13", "f01", "f+1", "ctrl-", "ctrl-1", "ctrl-pp", "alt-x", "quit", "\u{1b}"]
        {
            assert_eq!(Key::parse(text), Err(NotAKey::Unknown), "{text:?}");
        }
        assert_eq!(Key::parse("ctrl-i"), Err(NotAKey::SameAs("tab")));
        assert_eq!(Key::parse("ctrl-m"), Err(NotAKey::SameAs("enter")));
    }
}
