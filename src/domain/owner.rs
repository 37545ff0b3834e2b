//! Which machine a configuration in Halo belongs to: the owner that Configure records in the note of its webhooks.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::calendar::{rfc3339, utc};
use super::untrusted::Untrusted;

/// What a mark begins and ends with. Whatever a person writes before and after it is theirs.
const BEGIN: &str = "[pia-halo owner: ";
const END: char = ']';
const BETWEEN: &str = " | ";

/// Characters of a name that a mark takes.
const LONGEST_NAME: usize = 60;

/// Characters that Halo keeps of a webhook's note.
const LONGEST_NOTE: usize = 4_000;

/// A machine that has configured Halo.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Owner {
    #[serde(rename = "host")]
    pub machine: String,
    /// The person who configured it.
    pub person: String,
    /// Since when it is theirs.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub since: Timestamp,
    /// What distinguishes this machine from a copy of its files on another one.
    #[serde(skip)]
    key: String,
    /// Whether it is this machine, and only another folder.
    #[serde(skip)]
    is_beside: bool,
}

impl Owner {
    /// A machine, by its name and by a key that no other one has.
    pub fn new(machine: &str, person: &str, since: Timestamp, key: &str) -> Self {
        Self { machine: name(machine), person: name(person), since, key: name(key), is_beside: false }
    }

    /// The same as seen from this machine: where both have one name, it is the folder of settings that differs.
    #[must_use]
    pub fn seen_from(self, here: &Self) -> Self {
        Self { is_beside: self.machine == here.machine && !self.is(here), ..self }
    }

    /// Its machine, or what it is beside this one.
    pub fn place(&self) -> String {
        if self.is_beside { format!("another folder on {}", self.machine) } else { self.machine.clone() }
    }

    /// Whether both are the same machine, whoever worked there and when.
    pub fn is(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// The owner that a note names.
    pub fn of_note(note: &str) -> Option<Self> {
        let (_, mark, _) = split(note)?;
        let mut parts = mark.split(BETWEEN.trim());
        let (machine, person, since, key) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self::new(machine, person, since.trim().parse().ok()?, key))
    }

    /// A note with this owner's mark in place of the one that is there. One that has no room for it stays as it is.
    pub fn marked(&self, note: &str) -> String {
        if Self::of_note(note).is_some_and(|known| known.is(self)) {
            return note.to_owned();
        }
        let mark =
            format!("{BEGIN}{}{END}", [&*self.machine, &self.person, &rfc3339(self.since), &self.key].join(BETWEEN));
        let marked = match split(note) {
            Some((before, _, after)) => format!("{before}{mark}{after}"),
            None if note.trim().is_empty() => mark,
            None => format!("{}\n{mark}", note.trim_end()),
        };
        if marked.chars().count() > LONGEST_NOTE { note.to_owned() } else { marked }
    }
}

/// Host, person and time, as a sentence names them.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, since {})", self.place(), self.person, utc(self.since))
    }
}

/// Whose the webhooks of a configuration are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Belongs {
    /// Halo holds none of them.
    #[default]
    Nowhere,
    /// Nobody has marked them.
    ToNobody,
    Here(Owner),
    Elsewhere(Owner),
}

impl Belongs {
    /// What the notes of the webhooks say; of several owners the last one counts.
    pub fn judge<'a>(notes: impl IntoIterator<Item = Option<&'a str>>, here: &Owner) -> Self {
        let owners: Vec<Option<Owner>> = notes.into_iter().map(|note| note.and_then(Owner::of_note)).collect();
        let is_empty = owners.is_empty();
        match owners.into_iter().flatten().max_by_key(|owner| (owner.since, !owner.is(here))) {
            Some(owner) if owner.is(here) => Self::Here(owner),
            Some(owner) => Self::Elsewhere(owner.seen_from(here)),
            None if is_empty => Self::Nowhere,
            None => Self::ToNobody,
        }
    }

    /// The other machine that they belong to.
    pub fn other(&self) -> Option<&Owner> {
        if let Self::Elsewhere(owner) = self { Some(owner) } else { None }
    }
}

fn split(note: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = note.split_once(BEGIN)?;
    let (mark, after) = rest.split_once(END)?;
    Some((before, mark, after))
}

// Halo's text, or this machine's: never more than a word to a screen, and never what ends a mark.
fn name(text: &str) -> String {
    let shown = Untrusted::new(text.trim()).display();
    shown.chars().map(|sign| if matches!(sign, '|' | '[' | ']') { '_' } else { sign }).take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(machine: &str, since: &str) -> Owner {
        Owner::new(machine, "dana", since.parse().unwrap(), &format!("key of {machine}"))
    }

    #[test]
    fn mark_is_read_back_whatever_stands_around_it() {
        let jump1 = owner("jump1", "2026-11-29T12:00:00Z");
        for note in ["", "  ", "Made by Pia.", "Ask Tom\nbefore you change this"] {
            let marked = jump1.marked(note);
            assert!(marked.starts_with(note.trim_end()), "{marked}");
            assert_eq!(Owner::of_note(&marked), Some(jump1.clone()), "{marked}");
            assert_eq!(Owner::of_note(&format!("<p>{marked}</p>")), Some(jump1.clone()));
            assert_eq!(jump1.marked(&marked), marked, "once");
        }
        assert_eq!(jump1.to_string(), "jump1 (dana, since 2026-11-29 12:00 UTC)");
        for none in ["", "[pia-halo owner: ]", "[pia-halo owner: a | b | c | d]", "[pia-halo owner: a | b"] {
            assert_eq!(Owner::of_note(none), None, "{none}");
        }
    }

    #[test]
    fn mark_of_another_machine_is_replaced_and_its_text_kept() {
        let (jump1, jump2) = (owner("jump1", "2026-11-29T12:00:00Z"), owner("jump2", "2026-11-29T13:00:00Z"));
        let marked = jump2.marked(&format!("{} by hand", jump1.marked("See wiki.")));
        assert_eq!(Owner::of_note(&marked), Some(jump2.clone()));
        assert!(marked.starts_with("See wiki.\n[") && marked.ends_with("] by hand") && !marked.contains("jump1"));
        let full = "x".repeat(LONGEST_NOTE);
        assert_eq!(jump2.marked(&full), full, "Halo would refuse a longer one");
        let odd = Owner::new("ju|mp]1\u{1b}[31m", &"d".repeat(200), jump1.since, "k");
        assert_eq!(Owner::of_note(&odd.marked("")), Some(odd));
    }

    /// Two folders of one machine have one name.
    #[test]
    fn owner_in_another_folder_of_machine_is_told_apart() {
        let owner = |key| Owner::new("vm", "dana", "2026-11-29T12:00:00Z".parse().unwrap(), key);
        let (here, other) = (owner("a"), owner("b").marked(""));
        let belongs = Belongs::judge([Some(other.as_str())], &here);
        let told = belongs.other().unwrap();
        assert_eq!(told.to_string(), "another folder on vm (dana, since 2026-11-29 12:00 UTC)");
        assert_eq!(Owner::of_note(&told.marked("")), Some(owner("b")), "its mark is the same");
        assert_eq!(owner("a").seen_from(&here).place(), "vm");
    }

    #[test]
    fn last_mark_counts_where_webhooks_differ() {
        let (jump1, jump2) = (owner("jump1", "2026-11-29T12:00:00Z"), owner("jump2", "2026-11-29T13:00:00Z"));
        let (one, two) = (jump1.marked(""), jump2.marked(""));
        let judge = |notes: [Option<&str>; 2]| Belongs::judge(notes, &jump1);
        assert_eq!(judge([Some(&one), Some(&two)]), Belongs::Elsewhere(jump2));
        assert_eq!(judge([Some(&one), None]), Belongs::Here(jump1.clone()));
        assert_eq!(judge([None, Some("a note")]), Belongs::ToNobody);
        assert_eq!(Belongs::judge([], &jump1), Belongs::Nowhere);
    }
}
