//! The key map: which keys mean which command in which place. A valid map has no key with two meanings in one
//! place and nobody is locked out; the settings change it, and the interface is read from it.

mod key;
mod rows;
mod table;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Serialize, Serializer};

pub use key::{Key, NotAKey};
pub use rows::{COMMAND_LINE_ROWS, COMMAND_LINES, SETTING_ROWS};
pub use table::{BINDINGS, Binding, Command, Group, Pane, Place, Shown};

/// The default keys, commented: the one place where they are written.
pub const DEFAULTS: &str = include_str!("../../assets/keys.toml");

/// Without these, a person could get stuck: they keep their meaning whatever the settings say.
pub(crate) const KEPT: [Key; 9] =
    [Key::Enter, Key::Esc, Key::Tab, Key::ShiftTab, Key::Up, Key::Down, Key::Left, Key::Right, Key::Ctrl('c')];

static DEFAULT_KEYS: LazyLock<BTreeMap<&'static str, Vec<Key>>> =
    LazyLock::new(|| DEFAULTS.lines().filter_map(default_line).collect());

// The commands that move in a list, by letters too.
const MOVING: [&str; 4] = ["up", "down", "first", "last"];

// `#quit = ["q"]`
fn default_line(line: &'static str) -> Option<(&'static str, Vec<Key>)> {
    let (id, keys) = line.strip_prefix('#')?.split_once(" = [")?;
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let words = keys.split('"').skip(1).step_by(2);
    is_id.then(|| (id, words.filter_map(|word| Key::parse(word).ok()).collect()))
}

/// Why keys are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProblem {
    /// The command whose keys they are.
    pub command: String,
    /// What is wrong, and what would be right.
    pub why: String,
}

/// Which keys mean what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMap {
    overrides: BTreeMap<String, Vec<Key>>,
    /// The keys of each line of the table.
    rows: Vec<Vec<Key>>,
}

impl Default for KeyMap {
    fn default() -> Self {
        Self::of(BTreeMap::new())
    }
}

impl Serialize for KeyMap {
    /// Only what is not as it was shipped.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.overrides.serialize(serializer)
    }
}

impl KeyMap {
    /// The default keys, but for these commands, which have others.
    ///
    /// # Errors
    ///
    /// [`KeyProblem`] where a command is unknown, where a key would mean two things in one place, where one that has to
    /// stay would mean something else, and where a command would lose its key while text is typed.
    pub fn overridden(overrides: BTreeMap<String, Vec<Key>>) -> Result<Self, KeyProblem> {
        for (id, keys) in &overrides {
            check(id, keys).map_err(|why| KeyProblem { command: id.clone(), why })?;
        }
        let map = Self::of(overrides);
        match map.clash() {
            None => Ok(map),
            Some(problem) => Err(problem),
        }
    }

    fn of(overrides: BTreeMap<String, Vec<Key>>) -> Self {
        let keys = |binding: &Binding| {
            let default = DEFAULT_KEYS.get(binding.id).map_or(&[][..], Vec::as_slice);
            let Some(chosen) = overrides.get(binding.id) else {
                // The letters for moving are there beside the arrows: they give way to whoever wants them.
                let gives_way = |key: &Key| key.is_letter() && MOVING.contains(&binding.id);
                let is_wanted = |key: &Key| overrides.values().flatten().any(|wanted| wanted == key);
                return default.iter().copied().filter(|key| !(gives_way(key) && is_wanted(key))).collect();
            };
            let mut keys: Vec<Key> = Vec::new();
            let kept = default.iter().filter(|key| KEPT.contains(key));
            for key in chosen.iter().chain(kept) {
                if !keys.contains(key) {
                    keys.push(*key);
                }
            }
            keys
        };
        let rows = BINDINGS.iter().map(keys).collect();
        Self { overrides, rows }
    }

    /// The name of every command whose keys can be changed.
    pub fn commands() -> Vec<&'static str> {
        DEFAULT_KEYS.keys().copied().collect()
    }

    /// Whether every key is as it was shipped.
    pub fn is_default(&self) -> bool {
        self.overrides.is_empty()
    }

    /// The lines of the table that count in a place, each with the keys that work there: a letter is a letter where text
    /// is taken, and moves nothing where the next one would be.
    pub fn rows(&self, place: Place) -> impl Iterator<Item = (&'static Binding, impl Iterator<Item = Key>)> {
        let rows = BINDINGS.iter().zip(&self.rows).filter(move |(binding, _)| binding.places.contains(&place));
        rows.map(move |(binding, keys)| {
            let leads_into_field = place.is_beside_fields() && MOVING.contains(&binding.id);
            let text = place.takes_text() || leads_into_field;
            (binding, keys.iter().copied().filter(move |key| !(text && key.is_letter())))
        })
    }

    /// The first key that means a command in a place.
    pub fn key(&self, command: Command, place: Place) -> Option<Key> {
        self.rows(place).filter(|(binding, _)| binding.command == command).find_map(|(_, mut keys)| keys.next())
    }

    /// The first key of a command by its name in the settings.
    pub fn first(&self, id: &str) -> Option<Key> {
        BINDINGS.iter().zip(&self.rows).find(|(binding, _)| binding.id == id)?.1.first().copied()
    }

    // The first key with two names in one place.
    fn clash(&self) -> Option<KeyProblem> {
        for place in BINDINGS.iter().flat_map(|binding| binding.places).copied() {
            let mut taken: Vec<(Key, &Binding)> = Vec::new();
            for (binding, keys) in self.rows(place) {
                for key in keys {
                    let other = taken.iter().find(|(other, by)| *other == key && by.id != binding.id);
                    if let Some((_, other)) = other {
                        return Some(self.twice(key, binding, other, place));
                    }
                    taken.push((key, binding));
                }
            }
        }
        None
    }

    fn twice(&self, key: Key, one: &Binding, other: &Binding, place: Place) -> KeyProblem {
        // The one that was changed is the one to fix.
        let (mend, stays) = if self.overrides.contains_key(one.id) { (one, other) } else { (other, one) };
        let (key, stays, here) = (key.written(), stays.id, place.words());
        KeyProblem {
            command: mend.id.to_owned(),
            why: format!("{key} is already the key of {stays} {here}: choose another key, or change {stays}"),
        }
    }
}

// What can be said of one command's keys alone.
fn check(id: &str, keys: &[Key]) -> Result<(), String> {
    let Some(default) = DEFAULT_KEYS.get(id) else { return Err("there is no such command".to_owned()) };
    let places = || BINDINGS.iter().filter(|binding| binding.id == id).flat_map(|binding| binding.places).copied();
    let text = places().find(|place| place.takes_text());
    for key in keys.iter().filter(|key| !default.contains(key)) {
        let written = key.written();
        if KEPT.contains(key) {
            let by = DEFAULT_KEYS.iter().find(|(_, keys)| keys.contains(key)).map_or("another command", |(id, _)| id);
            return Err(format!("{written} is reserved for {by}, so that nobody gets locked out: choose another key"));
        }
        if let Some(place) = text.filter(|_| key.edits_text()) {
            let here = place.words();
            return Err(format!("{written} edits text, and this command is also available {here}: choose another key"));
        }
    }
    let loses = |keys: &[Key]| !keys.is_empty() && keys.iter().all(|key| key.is_letter());
    if let Some(place) = text
        && loses(keys)
        && !loses(default)
        && !default.iter().any(|key| KEPT.contains(key))
    {
        let example = default.iter().find(|key| !key.is_letter()).map(|key| key.written()).unwrap_or_default();
        return Err(format!(
            "this command is also available {}, where characters are text: add another key, such as {example}",
            place.words(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
