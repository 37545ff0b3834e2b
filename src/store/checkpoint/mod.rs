//! The checkpoint of a run in progress: the pages that were read, so that a run that was killed is taken up where it stood.
//!
//! A page's row holds the ids that were on it and only those clients that are not stored just so. None of it is visible
//! before the run is published.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::database::{Database, args};
use super::error::Trouble;
use super::{RunId, Store, StoreError, count_in, count_out, time_in, time_out};
use crate::domain::client::{Client, Traits};
use crate::domain::sync_run::ListedPage;
use crate::domain::untrusted::Untrusted;

/// Pages of an interrupted run, to be gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumable {
    /// What the pages said, by number.
    pub pages: Vec<ListedPage>,
}

/// A page that was read in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedPage {
    /// In which look, from 1.
    pub look: u32,
    /// What was on it.
    pub page: ListedPage,
    /// Those of its clients that are not stored just so.
    pub differing: Vec<Client>,
}

/// A page as its row holds it. Ids are written as steps from one to the next: they ascend, and the steps are short.
#[derive(Serialize, Deserialize)]
struct Content<'a> {
    ids: Vec<i64>,
    nameless: u64,
    #[serde(default)]
    newest: Option<i64>,
    #[serde(default)]
    unread: Vec<(i64, String)>,
    #[serde(borrow)]
    rows: Vec<StagedRow<'a>>,
}

/// Id, name, top level, main site, inactive, traits.
type StagedRow<'a> = (i64, Text<'a>, Option<Text<'a>>, Option<Text<'a>>, bool, StagedTraits<'a>);

/// Top level, customer type, custom fields.
type StagedTraits<'a> = (Option<i64>, Option<i64>, Option<Text<'a>>);

/// Text that is borrowed where it can be.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> From<&'a Untrusted> for Text<'a> {
    fn from(text: &'a Untrusted) -> Self {
        Self(text.raw().into())
    }
}

/// The parts of a client that are kept: name, top level, main site, inactive, traits.
pub(super) type Parts<'a> = (&'a str, Option<&'a str>, Option<&'a str>, bool, TraitParts<'a>);

/// Top level, customer type, custom fields.
pub(super) type TraitParts<'a> = (Option<i64>, Option<i64>, Option<&'a str>);

impl Store {
    /// Stages pages of a run, all of them or none. Nothing of them is visible yet. A page that comes twice counts as it
    /// came last.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunGone`] where the run was not begun here or has ended; otherwise where the disk cannot take them,
    /// and then the pages before them are still good.
    pub fn stage(&self, run: RunId, pages: &[StagedPage], now: Timestamp) -> Result<(), StoreError> {
        let rows: Result<Vec<String>, _> = pages.iter().map(content).collect();
        self.with(|inner| {
            inner.owner(run)?;
            let rows = rows.map_err(|_| Trouble::Content("a page"))?;
            // What a power cut takes is read again, and waiting for the disk at every page would take longer than that.
            inner.database.write_soon(|db| {
                self.require_locks(db)?;
                let sql = "INSERT INTO pages (run, look, page, record_count, content, read_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (run, look, page) DO UPDATE SET record_count = excluded.record_count,
                        content = excluded.content, read_at = excluded.read_at";
                let rows = pages.iter().zip(rows).map(|(staged, content)| {
                    let count = staged.page.record_count.map(count_out);
                    args![run.0, staged.look, staged.page.page, count, content, time_out(now)].to_vec()
                });
                db.execute_each(sql, &rows.collect::<Vec<_>>()).map(drop)
            })
        })
    }

    /// Takes over the pages that an earlier run of the same configuration has left behind, as the first look of this one.
    /// They are dropped where they are no use: older than `freshness`, or compared with another list than the stored one.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunGone`] where the run was not begun here or has ended.
    pub fn resume(
        &self,
        run: RunId,
        now: Timestamp,
        freshness: SignedDuration,
    ) -> Result<Option<Resumable>, StoreError> {
        self.with(|inner| {
            let id = inner.owner(run)?;
            self.write_in(&mut inner.database, |db| {
                let left: Option<(i64, u32, String)> = db.first(
                    "SELECT p.run, max(p.look), min(p.read_at) FROM pages p
                     JOIN runs old ON old.id = p.run JOIN runs new ON new.id = ?2
                     WHERE old.configuration = ?1 AND old.id < ?2 AND old.baseline IS NOT DISTINCT FROM new.baseline
                     GROUP BY p.run ORDER BY p.run DESC LIMIT 1",
                    args![id.as_str(), run.0],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
                )?;
                let mut resumable = None;
                if let Some((old, look, oldest)) = left {
                    let age = now.duration_since(time_in(&oldest)?);
                    if !age.is_negative() && age <= freshness {
                        db.execute(
                            "UPDATE pages SET run = ?1, look = 1 WHERE run = ?2 AND look = ?3 AND page > 0",
                            args![run.0, old, look],
                        )?;
                        resumable = Some(Resumable { pages: listed(db, run)? });
                    }
                }
                db.execute(
                    "DELETE FROM pages WHERE run <> ?2 AND run IN (SELECT id FROM runs WHERE configuration = ?1)",
                    args![id.as_str(), run.0],
                )?;
                Ok(resumable.filter(|resumable| !resumable.pages.is_empty()))
            })
        })
    }

    /// Drops the pages that a run has staged or taken over.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunGone`] where the run was not begun here or has ended.
    pub fn drop_pages(&self, run: RunId) -> Result<(), StoreError> {
        self.with(|inner| {
            inner.owner(run)?;
            self.write_in(&mut inner.database, |db| {
                db.execute("DELETE FROM pages WHERE run = ?1", args![run.0]).map(drop)
            })
        })
    }
}

fn content(staged: &StagedPage) -> serde_json::Result<String> {
    serde_json::to_string(&Content {
        ids: steps(&staged.page.ids),
        nameless: staged.page.nameless,
        newest: staged.page.newest,
        unread: staged.page.unread.clone(),
        rows: staged.differing.iter().map(row_of).collect(),
    })
}

fn row_of(client: &Client) -> StagedRow<'_> {
    let (toplevel, main_site) = (client.toplevel.as_ref().map(Text::from), client.main_site.as_ref().map(Text::from));
    let Traits { toplevel_id, customer_type, fields } = &client.traits;
    let traits = (*toplevel_id, *customer_type, fields.as_deref().map(|fields| Text(fields.into())));
    (client.id, Text::from(&client.name), toplevel, main_site, client.inactive, traits)
}

pub(super) fn listed(db: &Database, run: RunId) -> Result<Vec<ListedPage>, Trouble> {
    let sql = "SELECT page, record_count, content FROM pages WHERE run = ?1 ORDER BY page";
    db.rows(sql, args![run.0], |row| {
        let content: Cow<'_, str> = row.get(2)?;
        let content: Content<'_> = serde_json::from_str(&content).map_err(|_| Trouble::Content("a page"))?;
        Ok(ListedPage {
            page: row.get(0)?,
            record_count: row.get::<Option<i64>>(1)?.map(count_in),
            ids: places(&content.ids),
            nameless: content.nameless,
            newest: content.newest,
            unread: content.unread,
        })
    })
}

/// The clients of a page's row.
pub(super) struct Clients<'a>(Vec<StagedRow<'a>>);

impl<'a> Clients<'a> {
    /// Reads them from what the row holds.
    pub(super) fn of(content: &'a str) -> Result<Self, Trouble> {
        let content: Content<'_> = serde_json::from_str(content).map_err(|_| Trouble::Content("a page"))?;
        Ok(Self(content.rows))
    }

    /// Each with its id.
    pub(super) fn each(&self) -> impl Iterator<Item = (i64, Parts<'_>)> {
        self.0.iter().map(|(id, name, toplevel, main_site, inactive, (toplevel_id, customer_type, fields))| {
            let traits = (*toplevel_id, *customer_type, borrowed(fields));
            (*id, (&*name.0, borrowed(toplevel), borrowed(main_site), *inactive, traits))
        })
    }
}

fn borrowed<'a>(text: &'a Option<Text<'_>>) -> Option<&'a str> {
    text.as_ref().map(|text| &*text.0)
}

fn steps(ids: &[i64]) -> Vec<i64> {
    let before = std::iter::once(0).chain(ids.iter().copied());
    ids.iter().zip(before).map(|(id, before)| id.wrapping_sub(before)).collect()
}

fn places(steps: &[i64]) -> Vec<i64> {
    let sum = |at: &mut i64, step: &i64| {
        *at = at.wrapping_add(*step);
        Some(*at)
    };
    steps.iter().scan(0, sum).collect()
}

#[cfg(test)]
mod tests;
