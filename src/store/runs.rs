//! Runs of the company sync: rows are staged page by page and become visible in one step, when they are proved.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::error::Trouble;
use super::lists::{self, FreshLists};
use super::{Inner, Store, StoreError, count_in, count_out, time_in, time_out};
use crate::domain::client::Client;
use crate::domain::configuration::ConfigurationId;
use crate::domain::sync_run::{ChangeCounts, SyncReport, SyncStatus};
use crate::domain::untrusted::Untrusted;

/// How many runs of a configuration are remembered.
const KEPT: i64 = 100;

/// A run that was begun here and has not ended.
pub(super) struct OpenRun {
    configuration: ConfigurationId,
    /// Different ids staged so far.
    staged: u64,
}

/// A run that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(i64);

impl Inner {
    /// Whose run it is, if it was begun here and has not ended.
    fn owner(&self, run: RunId) -> Result<ConfigurationId, Trouble> {
        self.open_runs.get(&run).map(|run| run.configuration.clone()).ok_or(Trouble::RunGone)
    }
}

impl Store {
    /// Begins a run. An older run of the same configuration that never ended is remembered as interrupted, and its
    /// staged rows are dropped: the caller holds the lock of the sync, so nobody can be at it any more.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written.
    pub fn begin_run(&self, id: &ConfigurationId, now: Timestamp) -> Result<RunId, StoreError> {
        self.with(|inner| {
            let stale: Vec<RunId> =
                inner.open_runs.iter().filter(|(_, open)| open.configuration == *id).map(|(run, _)| *run).collect();
            for run in stale {
                forget(inner, run)?;
            }
            let transaction = inner.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            // When it ended nobody knows; it did nothing after it began that anybody can vouch for.
            transaction.execute(
                "UPDATE runs SET status = ?2, finished_at = started_at, warnings = ?3
                 WHERE configuration = ?1 AND status IS NULL",
                params![id.as_str(), SyncStatus::Interrupted.code(), r#"["the program ended before the sync did"]"#],
            )?;
            transaction.execute(
                "INSERT INTO runs (configuration, started_at) VALUES (?1, ?2)",
                params![id.as_str(), time_out(now)],
            )?;
            let run = RunId(transaction.last_insert_rowid());
            transaction.execute(
                "DELETE FROM runs WHERE configuration = ?1 AND id NOT IN
                 (SELECT id FROM runs WHERE configuration = ?1 ORDER BY id DESC LIMIT ?2)",
                params![id.as_str(), KEPT],
            )?;
            transaction.commit()?;
            inner.open_runs.insert(run, OpenRun { configuration: id.clone(), staged: 0 });
            Ok(run)
        })
    }

    /// Stages clients of a run: nothing of them is visible yet. A client that comes twice counts once, and its last form
    /// holds. Answers how many different ids the run has staged so far.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunGone`] where the run was not begun here or has ended.
    pub fn stage(&self, run: RunId, clients: &[Client]) -> Result<u64, StoreError> {
        self.with(|inner| {
            let Inner { connection, open_runs } = inner;
            let open = open_runs.get_mut(&run).ok_or(Trouble::RunGone)?;
            let transaction = connection.transaction()?;
            let mut new = 0;
            {
                let mut insert = transaction.prepare_cached(
                    "INSERT OR IGNORE INTO staged (run, id, name, toplevel, main_site, inactive)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?;
                let mut update = transaction.prepare_cached(
                    "UPDATE staged SET name = ?3, toplevel = ?4, main_site = ?5, inactive = ?6
                     WHERE run = ?1 AND id = ?2",
                )?;
                for client in clients {
                    let values = params![
                        run.0,
                        client.id,
                        client.name.raw(),
                        client.toplevel.as_ref().map(Untrusted::raw),
                        client.main_site.as_ref().map(Untrusted::raw),
                        client.inactive,
                    ];
                    if insert.execute(values)? == 1 {
                        new += 1;
                    } else {
                        update.execute(values)?;
                    }
                }
            }
            transaction.commit()?;
            open.staged += new;
            Ok(open.staged)
        })
    }

    /// Drops what a run has staged, so that the list can be read a second time.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunGone`] where the run was not begun here or has ended.
    pub fn restage(&self, run: RunId) -> Result<(), StoreError> {
        self.with(|inner| {
            let Inner { connection, open_runs } = inner;
            let open = open_runs.get_mut(&run).ok_or(Trouble::RunGone)?;
            connection.execute("DELETE FROM staged WHERE run = ?1", params![run.0])?;
            open.staged = 0;
            Ok(())
        })
    }

    /// The clients in use now that the run has not staged, by id: those that publishing would disable because they are
    /// missing.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunGone`] where the run was not begun here or has ended.
    pub fn vanishing(&self, run: RunId) -> Result<Vec<i64>, StoreError> {
        self.with(|inner| {
            let id = inner.owner(run)?;
            let mut statement = inner.connection.prepare_cached(
                "SELECT id FROM clients c WHERE configuration = ?1 AND NOT inactive AND NOT gone
                 AND NOT EXISTS (SELECT 1 FROM staged s WHERE s.run = ?2 AND s.id = c.id) ORDER BY id",
            )?;
            let ids = statement.query_map(params![id.as_str(), run.0], |row| row.get(0))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
    }

    /// Makes the staged clients of a run the stored ones, in one step: a reader sees all of it or nothing. Where the run
    /// is `proved` to have seen every client of Halo, one that it has not seen is disabled as "no longer in Halo"; none is
    /// ever deleted.
    /// Rows that stay as they are, are not written.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunGone`] where the run was not begun here, has ended, or was taken for dead by another program.
    /// Nothing is changed then, nor with any other error.
    pub fn publish(
        &self,
        run: RunId,
        now: Timestamp,
        fresh: FreshLists<'_>,
        proved: bool,
    ) -> Result<ChangeCounts, StoreError> {
        self.with(|inner| {
            let id = inner.owner(run)?;
            let transaction = inner.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let alive: Option<i64> = transaction
                .query_row("SELECT 1 FROM runs WHERE id = ?1 AND status IS NULL", params![run.0], |row| row.get(0))
                .optional()?;
            if alive.is_none() {
                return Err(Trouble::RunGone);
            }
            let changes = publish(&transaction, &id, run, now, proved)?;
            lists::replace(&transaction, &id, fresh, now)?;
            transaction.commit()?;
            Ok(changes)
        })
    }

    /// Ends a run and remembers how it went. Its staged rows are dropped.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written.
    pub fn end_run(&self, run: RunId, report: &SyncReport) -> Result<(), StoreError> {
        self.with(|inner| {
            forget(inner, run)?;
            let warnings = serde_json::to_string(&report.warnings).map_err(|_| Trouble::Content("a warning"))?;
            let changes = report.changes;
            inner.connection.execute(
                "UPDATE runs SET started_at = ?2, finished_at = ?3, status = ?4, halo_count = ?5, stored = ?6,
                    active = ?7, disabled = ?8, added = ?9, updated = ?10, newly_disabled = ?11, returned = ?12,
                    unchanged = ?13, pages = ?14, requests = ?15, retries = ?16, rate_limited_ms = ?17,
                    duration_ms = ?18, warnings = ?19, proved = ?20
                 WHERE id = ?1",
                params![
                    run.0,
                    time_out(report.started_at),
                    time_out(report.finished_at),
                    report.status.code(),
                    report.halo_count.map(count_out),
                    count_out(report.stored),
                    count_out(report.active),
                    count_out(report.disabled),
                    count_out(changes.added),
                    count_out(changes.updated),
                    count_out(changes.disabled),
                    count_out(changes.returned),
                    count_out(changes.unchanged),
                    count_out(report.pages),
                    count_out(report.requests),
                    count_out(report.retries),
                    count_out(report.rate_limited_ms),
                    count_out(report.duration_ms),
                    warnings,
                    report.proved,
                ],
            )?;
            Ok(())
        })
    }

    /// The last runs of a configuration that have ended, newest first. The last 100 are remembered.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn runs(&self, id: &ConfigurationId, limit: usize) -> Result<Vec<SyncReport>, StoreError> {
        self.with(|inner| {
            let mut statement = inner.connection.prepare_cached(
                "SELECT status, halo_count, stored, active, disabled, added, updated, newly_disabled, returned,
                        unchanged, pages, requests, retries, rate_limited_ms, duration_ms, warnings, started_at,
                        finished_at, proved
                 FROM runs WHERE configuration = ?1 AND status IS NOT NULL ORDER BY id DESC LIMIT ?2",
            )?;
            let mut rows = statement.query(params![id.as_str(), i64::try_from(limit).unwrap_or(i64::MAX)])?;
            let mut reports = Vec::new();
            while let Some(row) = rows.next()? {
                reports.push(read_report(row)?);
            }
            Ok(reports)
        })
    }
}

fn forget(inner: &mut Inner, run: RunId) -> Result<(), Trouble> {
    inner.open_runs.remove(&run);
    inner.connection.prepare_cached("DELETE FROM staged WHERE run = ?1")?.execute(params![run.0])?;
    Ok(())
}

/// The conditions under which a stored client `c` and its staged form `s` count as what.
const WAS_ACTIVE: &str = "(NOT c.inactive AND NOT c.gone)";
const DIFFERS: &str = "(c.gone OR c.inactive <> s.inactive OR c.name <> s.name OR c.toplevel IS NOT s.toplevel
                        OR c.main_site IS NOT s.main_site)";
const BOTH: &str = "FROM staged s JOIN clients c ON c.configuration = ?1 AND c.id = s.id WHERE s.run = ?2";

fn publish(
    transaction: &Transaction<'_>,
    id: &ConfigurationId,
    run: RunId,
    now: Timestamp,
    proved: bool,
) -> Result<ChangeCounts, Trouble> {
    let configuration = id.as_str();
    let count = |condition: &str| -> Result<u64, Trouble> {
        let sql = format!("SELECT count(*) {BOTH} AND {condition}");
        Ok(count_in(transaction.query_row(&sql, params![configuration, run.0], |row| row.get(0))?))
    };
    let mut changes = ChangeCounts {
        added: 0,
        disabled: count(&format!("{WAS_ACTIVE} AND s.inactive"))?,
        returned: count(&format!("NOT {WAS_ACTIVE} AND NOT s.inactive"))?,
        updated: count(&format!("{DIFFERS} AND {WAS_ACTIVE} = (NOT s.inactive)"))?,
        unchanged: count(&format!("NOT {DIFFERS}"))?,
    };

    // Missing ones first, while the time at which they were last seen is still known.
    const MISSING: &str = "configuration = ?1 AND NOT gone
        AND NOT EXISTS (SELECT 1 FROM staged s WHERE s.run = ?2 AND s.id = clients.id)";
    transaction.execute(
        &format!(
            "UPDATE clients SET last_seen = coalesce((SELECT published_at FROM configurations WHERE id = ?1), first_seen)
             WHERE last_seen IS NULL AND {MISSING}"
        ),
        params![configuration, run.0],
    )?;
    if proved {
        let active: i64 = transaction.query_row(
            &format!("SELECT count(*) FROM clients WHERE {MISSING} AND NOT inactive"),
            params![configuration, run.0],
            |row| row.get(0),
        )?;
        let all = transaction
            .execute(&format!("UPDATE clients SET gone = 1 WHERE {MISSING}"), params![configuration, run.0])?;
        changes.disabled += count_in(active);
        // Disabled before, now for the other reason.
        changes.updated += (all as u64).saturating_sub(count_in(active));
    }

    transaction.execute(
        &format!(
            "UPDATE clients AS c SET name = s.name, toplevel = s.toplevel, main_site = s.main_site, inactive = s.inactive,
                gone = 0, last_seen = NULL
             FROM staged s
             WHERE s.run = ?2 AND c.configuration = ?1 AND c.id = s.id AND (c.last_seen IS NOT NULL OR {DIFFERS})"
        ),
        params![configuration, run.0],
    )?;
    let added = transaction.execute(
        "INSERT INTO clients (configuration, id, name, toplevel, main_site, inactive, gone, first_seen)
         SELECT ?1, s.id, s.name, s.toplevel, s.main_site, s.inactive, 0, ?3 FROM staged s
         WHERE s.run = ?2 AND NOT EXISTS (SELECT 1 FROM clients c WHERE c.configuration = ?1 AND c.id = s.id)",
        params![configuration, run.0, time_out(now)],
    )?;
    changes.added = added as u64;
    transaction.execute(
        "INSERT INTO configurations (id, published_at, proved_at) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET published_at = excluded.published_at,
            proved_at = coalesce(excluded.proved_at, proved_at)",
        params![configuration, time_out(now), proved.then(|| time_out(now))],
    )?;
    Ok(changes)
}

fn read_report(row: &Row<'_>) -> Result<SyncReport, Trouble> {
    let count = |index| row.get::<_, i64>(index).map(count_in);
    let status: String = row.get(0)?;
    let warnings: String = row.get(15)?;
    let (started_at, finished_at): (String, String) = (row.get(16)?, row.get(17)?);
    Ok(SyncReport {
        proved: row.get(18)?,
        error: None,
        status: SyncStatus::from_code(&status).ok_or(Trouble::Content("the status of a run"))?,
        halo_count: row.get::<_, Option<i64>>(1)?.map(count_in),
        stored: count(2)?,
        active: count(3)?,
        disabled: count(4)?,
        changes: ChangeCounts {
            added: count(5)?,
            updated: count(6)?,
            disabled: count(7)?,
            returned: count(8)?,
            unchanged: count(9)?,
        },
        pages: count(10)?,
        requests: count(11)?,
        retries: count(12)?,
        rate_limited_ms: count(13)?,
        duration_ms: count(14)?,
        warnings: serde_json::from_str(&warnings).map_err(|_| Trouble::Content("a warning"))?,
        started_at: time_in(&started_at)?,
        finished_at: time_in(&finished_at)?,
    })
}

#[cfg(test)]
mod tests;
