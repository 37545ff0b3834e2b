//! What a sync run has changed, client by client, as the store keeps it.

use rusqlite::{Connection, params};

use super::error::Trouble;
use crate::domain::sync_run::{ChangeKind, ClientChange};
use crate::domain::untrusted::Untrusted;

/// A change report as its row holds it: one text, because a first run has a line for every client.
#[derive(Default)]
pub(super) struct Report(String);

/// Kind, id, name, name before.
type Line<'a> = (&'a str, i64, &'a str, Option<&'a str>);

impl Report {
    pub(super) fn push(
        &mut self,
        id: i64,
        change: ChangeKind,
        name: &str,
        before: Option<&str>,
    ) -> Result<(), Trouble> {
        let line: Line<'_> = (change.word(), id, name, before);
        let line = serde_json::to_string(&line).map_err(|_| Trouble::Content("a change"))?;
        self.0.push(if self.0.is_empty() { '[' } else { ',' });
        self.0.push_str(&line);
        Ok(())
    }

    /// Writes it down as the report of the run with this number, if there is anything in it, and answers its text.
    pub(super) fn keep(mut self, connection: &Connection, run: i64) -> Result<Option<String>, Trouble> {
        if self.0.is_empty() {
            return Ok(None);
        }
        self.0.push(']');
        connection
            .execute("INSERT OR REPLACE INTO change_reports (run, changes) VALUES (?1, ?2)", params![run, self.0])?;
        Ok(Some(self.0))
    }
}

/// Reads a report back, by kind and id.
pub(super) fn read_changes(text: Option<&str>) -> Result<Vec<ClientChange>, Trouble> {
    type Owned = (String, i64, String, Option<String>);
    let odd = || Trouble::Content("a change");
    let lines: Vec<Owned> = text.map_or(Ok(Vec::new()), serde_json::from_str).map_err(|_| odd())?;
    let mut changes = Vec::with_capacity(lines.len());
    for (word, id, name, before) in lines {
        let change = ChangeKind::from_word(&word).ok_or_else(odd)?;
        changes.push(ClientChange { id, change, name: name.into(), name_before: before.map(Untrusted::new) });
    }
    changes.sort_by_key(|line| (line.change, line.id));
    Ok(changes)
}
