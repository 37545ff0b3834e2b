//! Runs of the company sync: begun, ended, and remembered with what they changed.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use jiff::Timestamp;

use super::changes::{Report, read_changes};
use super::checkpoint::listed;
use super::clients::counts;
use super::database::{Database, Row, args};
use super::error::Trouble;
use super::{Inner, RunId, Store, StoreError, count_in, count_out, time_in, time_out};
use crate::domain::configuration::ConfigurationId;
use crate::domain::status::ClientCounts;
use crate::domain::sync_run::{ChangeCounts, ClientChange, SyncReport, SyncStatus};

pub use crate::domain::sync_run::RUNS_KEPT as KEPT;

/// What the rows of a run are compared with: the same list, of the same Halo.
pub(super) fn baseline(db: &Database, id: &ConfigurationId) -> Result<String, Trouble> {
    let sql = "SELECT coalesce(halo, '') || ' ' || coalesce(published_at, '') FROM configurations WHERE id = ?1";
    let baseline = db.first(sql, args![id.as_str()], |row| row.get(0))?;
    Ok(baseline.unwrap_or_else(|| " ".to_owned()))
}

impl Inner {
    /// Whose run it is, if it was begun here and has not ended.
    pub(super) fn owner(&self, run: RunId) -> Result<ConfigurationId, Trouble> {
        self.open_runs.get(&run).cloned().ok_or(Trouble::RunGone)
    }
}

impl Store {
    /// Begins a run. An older run of the same configuration that never ended is remembered as interrupted: the caller
    /// holds the lock of the sync, so nobody can be at it any more. Of the pages that earlier runs have left behind, those
    /// of the newest are kept for [`Store::resume`].
    pub fn begin_run(&self, id: &ConfigurationId, now: Timestamp) -> Result<RunId, StoreError> {
        self.with(|inner| {
            inner.open_runs.retain(|_, owner| owner != id);
            let run = self.write_in(&mut inner.database, |db| {
                end_killed(db, id, i64::MAX)?;
                let baseline = baseline(db, id)?;
                let run = db.add(
                    "INSERT INTO runs (configuration, started_at, baseline) VALUES (?1, ?2, ?3)",
                    args![id.as_str(), time_out(now), baseline],
                )?;
                db.execute(
                    "DELETE FROM runs WHERE configuration = ?1 AND id NOT IN
                     (SELECT id FROM runs WHERE configuration = ?1 ORDER BY id DESC LIMIT ?2)",
                    args![id.as_str(), KEPT as i64],
                )?;
                db.execute("DELETE FROM change_reports WHERE run NOT IN (SELECT id FROM runs)", &[])?;
                db.execute(
                    "DELETE FROM pages WHERE run NOT IN (SELECT id FROM runs) OR run IN
                     (SELECT p.run FROM pages p JOIN runs r ON r.id = p.run
                      WHERE r.configuration = ?1 AND p.run < (SELECT max(p2.run) FROM pages p2 JOIN runs r2 ON r2.id = p2.run
                                                              WHERE r2.configuration = ?1))",
                    args![id.as_str()],
                )?;
                Ok(RunId(run))
            })?;
            inner.open_runs.insert(run, id.clone());
            Ok(run)
        })
    }

    /// Ends a run that published nothing and remembers how it went, and of a held one whom it would have disabled. The pages of one that was interrupted or failed stay
    /// for the next one.
    pub fn end_run(&self, run: RunId, report: &SyncReport) -> Result<(), StoreError> {
        self.with(|inner| {
            inner.open_runs.remove(&run);
            self.write_in(&mut inner.database, |db| {
                end(db, run, report)?;
                let mut held = Report::new(db, run);
                for change in &report.disabling {
                    held.push(change.id, change.change, change.name.raw(), None, change.reason)?;
                }
                held.finish().map(drop)
            })
        })
    }

    /// The newest run of a configuration that has not ended, as far as is written down, and is no run of this program.
    pub fn open_run(&self, id: &ConfigurationId) -> Result<Option<RunId>, StoreError> {
        let sql = "SELECT id FROM runs WHERE configuration = ?1 AND status IS NULL ORDER BY id DESC LIMIT 1";
        self.with(|inner| {
            let open = inner.database.first(sql, args![id.as_str()], |row| row.get(0))?;
            Ok(open.map(RunId).filter(|run| !inner.open_runs.contains_key(run)))
        })
    }

    /// Ends a run and those before it that have not ended: whoever was at them is gone, which the caller has seen after it
    /// saw the run open.
    pub fn end_killed(&self, id: &ConfigurationId, run: RunId) -> Result<(), StoreError> {
        self.with(|inner| self.write_in(&mut inner.database, |db| end_killed(db, id, run.0)))
    }

    /// The last runs of a configuration that have ended, newest first. The last 100 are remembered.
    pub fn runs(&self, id: &ConfigurationId, limit: usize) -> Result<Vec<SyncReport>, StoreError> {
        let sql = "SELECT status, halo_count, stored, active, disabled, added, updated, newly_disabled, returned,
                        unchanged, pages, requests, retries, rate_limited_ms, duration_ms, warnings, started_at,
                        finished_at, proved, resumed_pages, id, left_out
                 FROM runs WHERE configuration = ?1 AND status IS NOT NULL ORDER BY id DESC LIMIT ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.ask(|db| db.rows(sql, args![id.as_str(), limit], read_report))
    }

    /// What a remembered run of a configuration changed, by kind and id; none where there is no such run.
    pub fn changes(&self, id: &ConfigurationId, run: u64) -> Result<Option<Vec<ClientChange>>, StoreError> {
        self.ask(|db| {
            let sql = "SELECT id FROM runs WHERE configuration = ?1 AND id = ?2 AND status IS NOT NULL";
            let found = db.first(sql, args![id.as_str(), count_out(run)], |row| row.get(0))?;
            found.map(|run| read_changes(db, RunId(run))).transpose()
        })
    }
}

/// Ends the runs of programs that were killed. When they ended nobody knows: what can be vouched for is what their pages
/// tell, and that the list is as it was.
fn end_killed(db: &Database, id: &ConfigurationId, up_to: i64) -> Result<(), Trouble> {
    let sql = "SELECT id, started_at, (SELECT max(read_at) FROM pages WHERE run = runs.id) FROM runs
               WHERE configuration = ?1 AND status IS NULL AND id <= ?2";
    let killed: Vec<(i64, String, Option<String>)> =
        db.rows(sql, args![id.as_str(), up_to], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    for (run, started, last) in killed {
        let run = RunId(run);
        let started_at = time_in(&started)?;
        let finished_at = last.as_deref().map(time_in).transpose()?.map_or(started_at, |last| last.max(started_at));
        let pages = listed(db, run)?;
        let read: BTreeSet<i64> = pages.iter().flat_map(|page| page.ids.iter().copied()).collect();
        let ClientCounts { active, disabled, left_out } = counts(db, id)?;
        let report = SyncReport {
            finished_at,
            duration_ms: u64::try_from(finished_at.duration_since(started_at).as_millis()).unwrap_or_default(),
            halo_count: pages.iter().rev().find_map(|page| page.record_count),
            stored: read.len() as u64,
            pages: pages.iter().filter(|page| page.page > 0).count() as u64,
            active,
            disabled,
            left_out,
            warnings: vec!["the program stopped before the sync finished".to_owned()],
            ..SyncReport::blank(SyncStatus::Interrupted, started_at)
        };
        end(db, run, &report)?;
    }
    Ok(())
}

/// Writes down how a run went, inside a transaction of the caller.
pub(super) fn end(db: &Database, run: RunId, report: &SyncReport) -> Result<(), Trouble> {
    let warnings = serde_json::to_string(&report.warnings).map_err(|_| Trouble::Content("a warning"))?;
    let changes = report.changes;
    if !matches!(report.status, SyncStatus::Failed | SyncStatus::Interrupted) {
        db.execute("DELETE FROM pages WHERE run = ?1", args![run.0])?;
    }
    db.execute(
        "UPDATE runs SET started_at = ?2, finished_at = ?3, status = ?4, halo_count = ?5, stored = ?6,
            active = ?7, disabled = ?8, added = ?9, updated = ?10, newly_disabled = ?11, returned = ?12,
            unchanged = ?13, pages = ?14, requests = ?15, retries = ?16, rate_limited_ms = ?17,
            duration_ms = ?18, warnings = ?19, proved = ?20,
            resumed_pages = ?21, left_out = ?22
         WHERE id = ?1",
        args![
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
            count_out(report.resumed_pages),
            count_out(report.left_out),
        ],
    )?;
    Ok(())
}

fn read_report(row: &Row<'_>) -> Result<SyncReport, Trouble> {
    let count = |index: usize| row.get(index).map(count_in);
    let status: String = row.get(0)?;
    let warnings: String = row.get(15)?;
    let (started_at, finished_at): (String, String) = (row.get(16)?, row.get(17)?);
    Ok(SyncReport {
        run: NonZeroU64::new(count(20)?),
        proved: row.get(18)?,
        resumed_pages: count(19)?,
        would_disable: None,
        disabling: Vec::new(),
        error: None,
        status: SyncStatus::from_code(&status).ok_or(Trouble::Content("the status of a run"))?,
        halo_count: row.get::<Option<i64>>(1)?.map(count_in),
        stored: count(2)?,
        active: count(3)?,
        disabled: count(4)?,
        left_out: count(21)?,
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
