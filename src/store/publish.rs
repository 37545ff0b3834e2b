//! Publishing: the pages of a run become the stored clients, in one step, and what changed is written down.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;
use rusqlite::{CachedStatement, OptionalExtension, Transaction, TransactionBehavior, params};

use super::changes::Report;
use super::checkpoint::{Parts, each_client};
use super::clients::counts;
use super::error::Trouble;
use super::lists::{self, FreshLists};
use super::runs::{baseline, end};
use super::{RunId, Store, StoreError, time_out};
use crate::domain::client::Client;
use crate::domain::configuration::ConfigurationId;
use crate::domain::status::ClientCounts;
use crate::domain::sync_run::{ChangeCounts, ChangeKind, SyncReport};
use crate::domain::untrusted::Untrusted;

/// What is stored of each client, in little room: enough to tell whether a row of Halo's is as it is stored.
#[derive(Debug, Default)]
pub struct Known {
    clients: HashMap<i64, KnownClient>,
    keys: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct KnownClient {
    /// A print of the whole row; none where the row has to be written anew whatever Halo says.
    print: Option<u64>,
    gone: bool,
    inactive: bool,
}

impl Known {
    fn print(&self, parts: Parts<'_>) -> u64 {
        self.keys.hash_one(parts)
    }

    /// Whether a client is stored exactly as Halo has just listed it.
    pub fn has(&self, client: &Client) -> bool {
        let print = self.clients.get(&client.id).and_then(|known| known.print);
        print.is_some_and(|print| print == self.print(parts(client)))
    }

    /// The clients that a sync has to find again, each with whether it is in use.
    pub fn expected(&self) -> impl Iterator<Item = (i64, bool)> {
        self.clients.iter().filter(|(_, known)| !known.gone).map(|(id, known)| (*id, !known.inactive))
    }
}

fn parts(client: &Client) -> Parts<'_> {
    (
        client.name.raw(),
        client.toplevel.as_ref().map(Untrusted::raw),
        client.main_site.as_ref().map(Untrusted::raw),
        client.inactive,
    )
}

/// Which pages of a run are taken for what Halo has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Those of the one look that was proved, by its number.
    Look(u32),
    /// Those of all looks: none was proved, and each may have seen what the others missed.
    Everything,
}

/// What is to be published.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// The pages that hold.
    pub evidence: Evidence,
    /// The stored clients that these pages do not show.
    pub unseen: &'a [i64],
    /// Those of them that are gone for certain. Nobody else is disabled.
    pub gone: &'a [i64],
    /// Whether the stored list is every client that Halo has, once this is published.
    pub proved: bool,
    /// The lists beside the clients.
    pub fresh: FreshLists<'a>,
}

impl Store {
    /// What is stored of the clients of a configuration, to compare Halo's rows with.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn known(&self, id: &ConfigurationId) -> Result<Known, StoreError> {
        self.with(|inner| {
            let mut statement = inner.connection.prepare_cached(
                "SELECT id, name, toplevel, main_site, inactive, gone, last_seen IS NOT NULL
                 FROM clients WHERE configuration = ?1",
            )?;
            let mut rows = statement.query(params![id.as_str()])?;
            let mut known = Known::default();
            let odd = |_| Trouble::Content("a client");
            while let Some(row) = rows.next()? {
                let (inactive, gone, unseen): (bool, bool, bool) = (row.get(4)?, row.get(5)?, row.get(6)?);
                let parts = (
                    row.get_ref(1)?.as_str().map_err(odd)?,
                    row.get_ref(2)?.as_str_or_null().map_err(odd)?,
                    row.get_ref(3)?.as_str_or_null().map_err(odd)?,
                    inactive,
                );
                let print = (!gone && !unseen).then(|| known.print(parts));
                known.clients.insert(row.get(0)?, KnownClient { print, gone, inactive });
            }
            Ok(known)
        })
    }

    /// Makes what a run has staged the stored clients and ends the run with the report that `tell` makes of it, in one
    /// step: a reader sees all of it or nothing. A client that is gone is disabled as "no longer in Halo"; none is ever
    /// deleted. Rows that stay as they are, are not written.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunGone`] where the run was not begun here, has ended, was taken for dead by another program, or read
    /// another Halo than the one that is configured now. Nothing is changed then, nor with any other error.
    pub fn publish(
        &self,
        run: RunId,
        known: &Known,
        publication: &Publication<'_>,
        now: Timestamp,
        tell: impl FnOnce(ChangeCounts, ClientCounts) -> SyncReport,
    ) -> Result<SyncReport, StoreError> {
        self.with(|inner| {
            let id = inner.owner(run)?;
            let transaction = inner.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let began_with: Option<Option<String>> = transaction
                .query_row("SELECT baseline FROM runs WHERE id = ?1 AND status IS NULL", params![run.0], |row| {
                    row.get(0)
                })
                .optional()?;
            // Ids of one Halo mean nothing in another: what was read of the one is not what the other has.
            if began_with.flatten() != Some(baseline(&transaction, &id)?) {
                return Err(Trouble::RunGone);
            }
            let mut work = Work {
                insert: transaction.prepare_cached(INSERT)?,
                transaction: &transaction,
                id: &id,
                known,
                now: time_out(now),
                counts: ChangeCounts::default(),
                settled: HashSet::new(),
                differed: 0,
                report: Report::default(),
            };
            work.disable(publication)?;
            work.take_over(run, publication.evidence)?;
            let changes = work.finish(run, publication)?;
            lists::replace(&transaction, &id, publication.fresh, now)?;
            let report = tell(changes, counts(&transaction, &id)?);
            end(&transaction, run, &report)?;
            transaction.commit()?;
            inner.open_runs.remove(&run);
            Ok(report)
        })
    }
}

const INSERT: &str = "INSERT INTO clients (configuration, id, name, toplevel, main_site, inactive, gone, first_seen)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)";

struct Work<'a> {
    insert: CachedStatement<'a>,
    transaction: &'a Transaction<'a>,
    id: &'a ConfigurationId,
    known: &'a Known,
    now: String,
    counts: ChangeCounts,
    /// Clients that were taken over already: one that was listed twice counts once, and its last form holds.
    settled: HashSet<i64>,
    /// Expected clients that were seen and are different now.
    differed: u64,
    report: Report,
}

impl Work<'_> {
    /// Missing ones first, while the time at which they were last seen is still known.
    fn disable(&mut self, publication: &Publication<'_>) -> Result<(), Trouble> {
        let id = self.id.as_str();
        let mut last_seen = self.transaction.prepare_cached(
            "UPDATE clients SET last_seen = coalesce((SELECT published_at FROM configurations WHERE id = ?1), first_seen)
             WHERE configuration = ?1 AND id = ?2 AND last_seen IS NULL",
        )?;
        for client in publication.unseen {
            last_seen.execute(params![id, client])?;
        }
        let mut gone = self.transaction.prepare_cached(
            "UPDATE clients SET gone = 1 WHERE configuration = ?1 AND id = ?2 AND NOT gone RETURNING name, inactive",
        )?;
        for client in publication.gone {
            let found: Option<(String, bool)> =
                gone.query_row(params![id, client], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            if let Some((name, inactive)) = found {
                // One that was not in use before is not in use now for another reason.
                let change = if inactive { ChangeKind::Changed } else { ChangeKind::Disabled };
                self.note(*client, change, &name, None)?;
            }
        }
        Ok(())
    }

    fn take_over(&mut self, run: RunId, evidence: Evidence) -> Result<(), Trouble> {
        let (first, last) = match evidence {
            Evidence::Look(look) => (look, look),
            Evidence::Everything => (0, u32::MAX),
        };
        // What was asked for one by one was asked for last.
        let mut pages = self.transaction.prepare_cached(
            "SELECT content FROM pages WHERE run = ?1 AND look BETWEEN ?2 AND ?3 ORDER BY look, page = 0, page",
        )?;
        let mut rows = pages.query(params![run.0, first, last])?;
        while let Some(row) = rows.next()? {
            let content = row.get_ref(0)?.as_str().map_err(|_| Trouble::Content("a page"))?;
            each_client(content, |client, parts| self.take(client, parts))?;
        }
        Ok(())
    }

    fn take(&mut self, client: i64, parts: Parts<'_>) -> Result<(), Trouble> {
        let first_time = self.settled.insert(client);
        let (now_name, now_toplevel, now_site, now_inactive) = parts;
        if first_time && !self.known.clients.contains_key(&client) {
            let row = params![self.id.as_str(), client, now_name, now_toplevel, now_site, now_inactive, self.now];
            self.insert.execute(row)?;
            return self.note(client, ChangeKind::Added, now_name, None);
        }
        let id = self.id.as_str();
        let mut stored = self.transaction.prepare_cached(
            "SELECT name, toplevel, main_site, inactive, gone FROM clients WHERE configuration = ?1 AND id = ?2",
        )?;
        let (name, toplevel, main_site, inactive, gone): (String, Option<String>, Option<String>, bool, bool) = stored
            .query_row(params![id, client], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })?;
        let before = (name.as_str(), toplevel.as_deref(), main_site.as_deref(), inactive);
        let differs = gone || before != parts;
        if first_time && differs {
            let change = match (!gone && !inactive, !now_inactive) {
                (false, true) => ChangeKind::Returned,
                (true, false) => ChangeKind::Disabled,
                _ if name != now_name => ChangeKind::Renamed,
                _ => ChangeKind::Changed,
            };
            self.differed += u64::from(!gone);
            self.note(client, change, now_name, (name != now_name).then_some(name.as_str()))?;
        }
        let mut update = self.transaction.prepare_cached(
            "UPDATE clients SET name = ?3, toplevel = ?4, main_site = ?5, inactive = ?6, gone = 0, last_seen = NULL
             WHERE configuration = ?1 AND id = ?2",
        )?;
        update.execute(params![self.id.as_str(), client, now_name, now_toplevel, now_site, now_inactive])?;
        Ok(())
    }

    fn note(&mut self, id: i64, change: ChangeKind, name: &str, before: Option<&str>) -> Result<(), Trouble> {
        let counts = &mut self.counts;
        *match change {
            ChangeKind::Added => &mut counts.added,
            ChangeKind::Renamed | ChangeKind::Changed => &mut counts.updated,
            ChangeKind::Disabled => &mut counts.disabled,
            ChangeKind::Returned => &mut counts.returned,
        } += 1;
        self.report.push(id, change, name, before)
    }

    fn finish(mut self, run: RunId, publication: &Publication<'_>) -> Result<ChangeCounts, Trouble> {
        let expected = self.known.expected().count() as u64;
        let seen = expected.saturating_sub(publication.unseen.len() as u64);
        self.counts.unchanged = seen.saturating_sub(self.differed);
        self.transaction.execute(
            "INSERT INTO configurations (id, published_at, proved_at) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET published_at = excluded.published_at,
                proved_at = coalesce(excluded.proved_at, proved_at)",
            params![self.id.as_str(), self.now, publication.proved.then_some(&self.now)],
        )?;
        if let Some(text) = self.report.finish() {
            self.transaction.execute(
                "INSERT OR REPLACE INTO change_reports (run, changes) VALUES (?1, ?2)",
                params![run.0, text],
            )?;
        }
        Ok(self.counts)
    }
}
