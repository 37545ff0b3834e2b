//! What a sync run has changed, client by client, as the store keeps it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::RunId;
use super::database::{Database, args};
use super::error::Trouble;
use crate::domain::client::DisabledReason;
use crate::domain::sync_run::{ChangeKind, ClientChange};
use crate::domain::untrusted::Untrusted;

/// Bytes of a part of a report: a first run has a line for every client, and its report as one text would be in memory
/// three times while it is written.
const PART: usize = 64 << 10;

/// A change report on its way into the store: parts, each a list of lines.
pub(super) struct Report<'a> {
    db: &'a Database,
    run: RunId,
    part: u32,
    lines: Vec<u8>,
}

/// Kind, id, name, name before, and why it is not in use any more: that is left out where there is no such reason.
#[derive(Serialize, Deserialize)]
struct Line<T>(T, i64, T, Option<T>, #[serde(default, skip_serializing_if = "Option::is_none")] Option<T>);

impl<'a> Report<'a> {
    /// The report of this run. What is pushed is written down inside a transaction of the caller.
    pub(super) fn new(db: &'a Database, run: RunId) -> Self {
        Self { db, run, part: 0, lines: Vec::new() }
    }

    pub(super) fn push(
        &mut self,
        id: i64,
        change: ChangeKind,
        name: &str,
        before: Option<&str>,
        reason: Option<DisabledReason>,
    ) -> Result<(), Trouble> {
        let line = Line(change.word(), id, name, before, reason.map(DisabledReason::word));
        self.lines.push(if self.lines.is_empty() { b'[' } else { b',' });
        serde_json::to_writer(&mut self.lines, &line).map_err(|_| Trouble::Content("a change"))?;
        if self.lines.len() < PART { Ok(()) } else { self.write() }
    }

    /// Writes down what is left of it. Answers whether there is anything in the report.
    pub(super) fn finish(mut self) -> Result<bool, Trouble> {
        self.write()?;
        Ok(self.part > 0)
    }

    fn write(&mut self) -> Result<(), Trouble> {
        if self.lines.is_empty() {
            return Ok(());
        }
        self.lines.push(b']');
        let text = std::str::from_utf8(&self.lines).map_err(|_| Trouble::Content("a change"))?;
        let sql = "INSERT INTO change_reports (run, part, changes) VALUES (?1, ?2, ?3)";
        self.db.execute(sql, args![self.run.0, self.part, text])?;
        self.part += 1;
        self.lines.clear();
        Ok(())
    }
}

/// Hands over each line of the report of a run, in the order in which they were written.
pub(super) fn each_change(
    db: &Database,
    run: RunId,
    mut take: impl FnMut(ClientChange) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let odd = || Trouble::Content("a change");
    db.each("SELECT changes FROM change_reports WHERE run = ?1 ORDER BY part", args![run.0], |part| {
        let text: Cow<'_, str> = part.get(0)?;
        for Line(word, id, name, before, why) in serde_json::from_str::<Vec<Line<String>>>(&text).map_err(|_| odd())? {
            let change = ChangeKind::from_word(&word).ok_or_else(odd)?;
            let reason = why.map(|why| DisabledReason::from_word(&why).ok_or_else(odd)).transpose()?;
            take(ClientChange { id, change, name: name.into(), name_before: before.map(Untrusted::new), reason })?;
        }
        Ok(())
    })
}

/// Reads the report of a run back, by kind and id.
pub(super) fn read_changes(db: &Database, run: RunId) -> Result<Vec<ClientChange>, Trouble> {
    let mut changes = Vec::new();
    each_change(db, run, |change| {
        changes.push(change);
        Ok(())
    })?;
    changes.sort_by_key(|line| (line.change, line.id));
    Ok(changes)
}
