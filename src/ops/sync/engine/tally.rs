//! Warnings, those of one kind counted.

use std::collections::BTreeSet;

use crate::domain::thousands;

/// How many clients of one kind are named.
const NAMED: usize = 5;

/// What was not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rows without an id.
    Nameless,
    /// Clients whose row could not be read; why, as the end of a sentence.
    Unread(String),
    /// Clients that Halo has and left out of its list.
    LeftOut,
    /// Clients that are not in the list and could not be asked for; why.
    Unclear(String),
    /// Something of its own, as a sentence.
    Other(String),
}

/// How often each kind was met, in the order in which they were met first.
#[derive(Debug, Default)]
pub(super) struct Tally(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    kind: Kind,
    nameless: u64,
    ids: BTreeSet<i64>,
}

impl Tally {
    /// Takes in something that was met once, or of one client.
    pub fn add(&mut self, kind: Kind, id: Option<i64>) {
        self.entry(kind).ids.extend(id);
    }

    /// Takes in rows that have no id.
    pub fn add_nameless(&mut self, rows: u64) {
        if rows > 0 {
            self.entry(Kind::Nameless).nameless += rows;
        }
    }

    fn entry(&mut self, kind: Kind) -> &mut Entry {
        let at = self.0.iter().position(|entry| entry.kind == kind).unwrap_or_else(|| {
            self.0.push(Entry { kind, nameless: 0, ids: BTreeSet::new() });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    /// A sentence for each kind.
    pub fn lines(&self) -> Vec<String> {
        self.0.iter().map(Entry::line).collect()
    }
}

impl Entry {
    fn line(&self) -> String {
        let one = self.ids.len() == 1;
        let clients = self.clients();
        match &self.kind {
            Kind::Nameless if self.nameless == 1 => "1 row could not be read: no id".to_owned(),
            Kind::Nameless => format!("{} rows could not be read: no id", thousands(self.nameless)),
            Kind::Unread(why) => format!("{clients} could not be read: {why}"),
            Kind::LeftOut if one => format!("{clients} is missing from Halo's list, but still exists in Halo"),
            Kind::LeftOut => format!("{clients} are missing from Halo's list, but still exist in Halo"),
            Kind::Unclear(why) if one => {
                format!("{clients} is missing from Halo's list, and could not be checked: {why}")
            }
            Kind::Unclear(why) => format!("{clients} are missing from Halo's list, and could not be checked: {why}"),
            Kind::Other(sentence) => sentence.clone(),
        }
    }

    /// `client 7`, or `40 clients (7, 8, 9 and 37 more)`.
    fn clients(&self) -> String {
        let first: Vec<String> = self.ids.iter().take(NAMED).map(ToString::to_string).collect();
        if self.ids.len() == 1 {
            return format!("client {}", first.concat());
        }
        let more = self.ids.len().saturating_sub(NAMED) as u64;
        let more = if more > 0 { format!(" and {} more", thousands(more)) } else { String::new() };
        format!("{} clients ({}{more})", thousands(self.ids.len() as u64), first.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_of_one_kind_are_counted() {
        let mut tally = Tally::default();
        tally.add_nameless(40);
        for id in 1..=8 {
            tally.add(Kind::Unread("unexpected format".to_owned()), Some(id));
        }
        tally.add(Kind::LeftOut, Some(9));
        tally.add_nameless(1_000);
        tally.add_nameless(0);
        tally.add(Kind::LeftOut, Some(9));
        assert_eq!(
            tally.lines(),
            [
                "1,040 rows could not be read: no id",
                "8 clients (1, 2, 3, 4, 5 and 3 more) could not be read: unexpected format",
                "client 9 is missing from Halo's list, but still exists in Halo",
            ]
        );
    }
}
