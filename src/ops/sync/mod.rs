//! The company sync: read every client of Halo, prove that it was every one, and only then let the list be seen.
//!
//! Halo caps pages, shifts rows between them while clients come and go, and may count what this agent cannot read. The
//! `engine` decides what to believe; `reading` asks, several pages at a time, and keeps every page on the disk, so that a
//! run that was killed is gone on with; the store makes all of it visible in one step.

mod engine;
mod reading;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::engine::{Engine, Rules, Verdict};
use self::reading::Reading;
use super::{Workspace, lost_task};
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::sync_run::{ChangeCounts, SyncProgress, SyncReport, SyncStatus};
use crate::domain::thousands;
use crate::halo::{HaloApi, Usage};
use crate::store::{Evidence, LockError, Publication, RunId};

/// How old the pages of an interrupted run may be to be gone on with. Clients that came or went since show in the page that
/// is read again; one that was renamed, moved or set inactive does not, and stays as the page says until the next run.
const FRESHNESS: SignedDuration = SignedDuration::from_mins(10);

/// How many clients are named where the run is held.
const NAMED: usize = 10;

/// Runs the sync. `yes` lets more clients be disabled than the brake allows.
///
/// An `Err` means that it could not begin; a run that failed or was stopped is a report.
pub async fn run(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    yes: bool,
    cancel: CancellationToken,
    mut on_progress: impl FnMut(&SyncProgress) + Send,
) -> Result<SyncReport, Failure> {
    let _lock = match workspace.lock(&format!("sync-{id}"), "Sync Now") {
        Ok(lock) => lock,
        Err(held @ LockError::Held(_)) => return busy(workspace, id, held.into()),
        Err(error) => return Err(error.into()),
    };
    let halo = workspace.halo(id, &configuration.api).await?.in_background().cancelled_by(cancel);
    workspace.recognise(id, &configuration.api)?;
    let (started_at, started) = (workspace.now(), Instant::now());
    let run = workspace.store.begin_run(id, started_at)?;

    on_progress(&SyncProgress::default());
    let ended = read_and_publish(workspace, id, halo.clone(), run, yes, &mut on_progress).await;
    let mut report = report(workspace, id, run, started_at, &halo.usage())?;
    report.duration_ms = milliseconds(started.elapsed());
    ended.tell(&mut report);
    if report.status.has_published() {
        workspace.remember_verified(id, &configuration.api)?;
    }
    workspace.store.end_run(run, &report)?;
    let mut activity = workspace.activity(Some(id), "sync", report.status.code());
    activity.message = Some(report.error.as_ref().map_or_else(|| report.proof(), ToString::to_string));
    workspace.write_down(&activity)?;
    Ok(report)
}

/// How a run came out, before it is a report.
#[derive(Default)]
struct Ended {
    status: Option<SyncStatus>,
    proved: bool,
    changes: ChangeCounts,
    halo_count: Option<u64>,
    read: u64,
    pages: u64,
    resumed_pages: u64,
    warnings: Vec<String>,
    error: Option<Failure>,
}

impl Ended {
    fn tell(self, report: &mut SyncReport) {
        report.proved = self.proved;
        report.changes = self.changes;
        report.halo_count = self.halo_count;
        report.stored = self.read;
        report.pages = self.pages;
        report.resumed_pages = self.resumed_pages;
        report.warnings = self.warnings;
        if let Some(status) = self.status {
            report.status = status;
        }
        if let Some(failure) = self.error {
            report.status = match failure.kind {
                FailureKind::Interrupted => SyncStatus::Interrupted,
                FailureKind::NeedsYes => SyncStatus::NeedsConfirmation,
                _ => SyncStatus::Failed,
            };
            report.warnings.push(failure.to_string());
            report.error = Some(failure);
        }
    }
}

async fn read_and_publish(
    workspace: &Workspace,
    id: &ConfigurationId,
    halo: HaloApi,
    run: RunId,
    yes: bool,
    on_progress: &mut (dyn FnMut(&SyncProgress) + Send),
) -> Ended {
    let mut ended = Ended::default();
    let (store, owner, now) = (workspace.store.clone(), id.clone(), workspace.now());
    let load = move || Ok::<_, Failure>((store.known(&owner)?, store.resume(run, now, FRESHNESS)?));
    // What is stored is looked up while Halo gives the token.
    let (loaded, signed_in) = tokio::join!(tokio::task::spawn_blocking(load), halo.sign_in());
    let loaded = loaded.map_err(lost_task).and_then(|loaded| loaded);
    let (known, left) = match signed_in.map_err(Failure::from).and(loaded) {
        Ok(loaded) => loaded,
        Err(failure) => return Ended { error: Some(failure), ..ended },
    };
    let left = left.map(|left| left.pages).unwrap_or_default();
    let engine = Engine::new(Rules::default(), known.expected(), left, yes);
    let mut reading = Reading::new(workspace, halo, run, Arc::new(known), engine, on_progress);
    let read = reading.run().await;
    let engine = &reading.engine;
    ended.halo_count = engine.count();
    ended.read = engine.read();
    ended.pages = engine.pages();
    ended.resumed_pages = engine.resumed();
    ended.warnings = std::mem::take(&mut reading.warnings);
    ended.warnings.extend_from_slice(engine.warnings());
    match read {
        Ok(()) => publish(&mut ended, id, reading).await,
        Err(failure) => ended.error = Some(failure),
    }
    ended
}

async fn publish(ended: &mut Ended, id: &ConfigurationId, reading: Reading<'_>) {
    let (proved, unseen, gone) = match reading.engine.verdict() {
        Some(Verdict::Publish { proved, unseen, gone }) => (*proved, unseen.clone(), gone.clone()),
        Some(Verdict::Hold { gone, active }) => {
            // Whoever is to say yes has to see to what.
            match name_some(reading.workspace, id, gone) {
                Ok(whom) => ended.warnings.push(whom),
                Err(failure) => return ended.error = Some(failure),
            }
            return ended.error = Some(held(gone.len() as u64, *active));
        }
        None => {
            return ended.error = Some(Failure::new(FailureKind::LocalState, "the reading ended without a verdict"));
        }
    };
    let (store, run, now) = (reading.workspace.store.clone(), reading.run, reading.workspace.now());
    let (known, lists) = (reading.known, reading.lists);
    let publish = move || {
        let publication = Publication {
            evidence: proved.map_or(Evidence::Everything, Evidence::Look),
            unseen: &unseen,
            gone: &gone,
            proved: proved.is_some(),
            fresh: lists.fresh(),
        };
        store.publish(run, &known, &publication, now)
    };
    match tokio::task::spawn_blocking(publish).await.map_err(lost_task).and_then(|done| Ok(done?)) {
        Ok(changes) => {
            ended.changes = changes;
            ended.proved = proved.is_some();
            let calm = ended.warnings.is_empty();
            ended.status = Some(if calm { SyncStatus::Complete } else { SyncStatus::CompleteWithWarnings });
        }
        Err(failure) => ended.error = Some(failure),
    }
}

/// The first clients of a list by name and id, and how many more there are.
fn name_some(workspace: &Workspace, id: &ConfigurationId, clients: &[i64]) -> Result<String, Failure> {
    let mut names = Vec::new();
    for client in clients.iter().take(NAMED) {
        let after = client.checked_sub(1);
        for row in workspace.store.clients_after(id, after, 1)? {
            names.push(format!("{} ({client})", row.client.name.display()));
        }
    }
    let more = clients.len().saturating_sub(NAMED) as u64;
    let more = if more > 0 { format!(" and {} more", thousands(more)) } else { String::new() };
    Ok(format!("not in Halo's list any more: {}{more}", names.join(", ")))
}

/// More clients would be disabled than anyone expects of one day.
fn held(gone: u64, active: u64) -> Failure {
    let (gone, active) = (thousands(gone), thousands(active));
    let message = format!("{gone} of {active} active clients are not in Halo's list any more; nothing was changed");
    Failure::new(FailureKind::NeedsYes, message).hint(
        "if Halo's agent may still see all clients and this is right, say yes: pia-halo sync --yes. \
         Otherwise set \"Allow use of all Customers/Clients\" on the agent",
    )
}

fn milliseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The report of a run of which nothing is known yet but what it has asked for.
fn report(
    workspace: &Workspace,
    id: &ConfigurationId,
    run: RunId,
    started_at: Timestamp,
    usage: &Usage,
) -> Result<SyncReport, Failure> {
    Ok(SyncReport {
        run: run.number(),
        requests: usage.requests,
        retries: usage.retries,
        rate_limited_ms: milliseconds(usage.waited),
        finished_at: workspace.now(),
        ..blank(workspace, id, started_at)?
    })
}

/// A report in which nothing has happened.
fn blank(workspace: &Workspace, id: &ConfigurationId, at: Timestamp) -> Result<SyncReport, Failure> {
    let counts = workspace.store.client_counts(id)?;
    Ok(SyncReport {
        run: None,
        status: SyncStatus::Failed,
        proved: false,
        halo_count: None,
        stored: 0,
        active: counts.active,
        disabled: counts.disabled,
        changes: ChangeCounts::default(),
        pages: 0,
        resumed_pages: 0,
        requests: 0,
        retries: 0,
        rate_limited_ms: 0,
        duration_ms: 0,
        warnings: Vec::new(),
        started_at: at,
        finished_at: at,
        error: None,
    })
}

/// The report of a run that never began, because another one is under way. It is not part of the history.
fn busy(workspace: &Workspace, id: &ConfigurationId, failure: Failure) -> Result<SyncReport, Failure> {
    Ok(SyncReport {
        status: SyncStatus::Busy,
        warnings: vec![failure.to_string()],
        error: Some(failure),
        ..blank(workspace, id, workspace.now())?
    })
}
