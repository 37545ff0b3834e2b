//! The company sync: read every client of Halo, prove that it was every one, and only then let the list be seen.
//!
//! Halo caps pages, shifts rows between them while clients come and go, and may count what this agent cannot read. The
//! `engine` decides what to trust; `reading` fetches several pages at a time and keeps every page on disk, so that a
//! killed run can be resumed; the store publishes everything in one step.

mod engine;
mod reading;

use std::num::NonZeroU64;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::engine::{Conclusion, Engine, Rules};
use self::reading::{Reading, SideLists};
use super::holding::sync_holder;
use super::locks::sync_lock;
pub use super::runs::runs;
use super::signals::{Changes, Signals};
use super::{Workspace, check, events, lost_task, take_over};
use crate::coordination::LockError;
use crate::domain::client::DisabledReason;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{BY_SYNC, from_sync, not_told_to};
use crate::domain::include::IncludeRule;
use crate::domain::next::Next;
use crate::domain::status::ClientCounts;
use crate::domain::sync_run::{Brake, ClientChange, Sight, SyncProgress, SyncReport, SyncStatus};
use crate::domain::thousands;
use crate::halo::{HaloApi, HaloError, Token};
use crate::store::{Evidence, Known, Publication, RunId, StoreError};
use crate::words::sync as words;

/// How old the pages of an interrupted run may be to be reused. Clients added or removed since show up in the page that
/// is read again; one that was renamed, moved or set inactive does not, and stays as the page says until the next run.
const FRESHNESS: SignedDuration = SignedDuration::from_mins(10);

/// The most warnings of a run; beyond them it is only said how many there were.
const WARNINGS: usize = 20;

/// How often is looked whether Halo has fallen silent.
const LISTEN: Duration = Duration::from_millis(250);

/// How many clients are named where the run is held.
const NAMED: usize = 10;

/// Runs the sync of the active configuration. The `brake` says what becomes of it where many clients are gone.
///
/// An `Err` means that it could not begin; a run that failed or was stopped is a report.
pub async fn run(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    brake: Brake,
    cancel: CancellationToken,
    mut on_progress: impl FnMut(&SyncProgress) + Send,
) -> Result<SyncReport, Failure> {
    workspace.require_active(id)?;
    let lock = match workspace.lock(&sync_lock(id), "Sync Now") {
        Ok(lock) => lock,
        Err(held @ (LockError::Held(_) | LockError::Foreign { .. })) => return busy(workspace, id, held.into()),
        Err(error) => return Err(error.into()),
    };
    let workspace = &workspace.under(&lock);
    workspace.require_trail()?;
    let halo = workspace.halo(id, &configuration.api).await?.in_background().cancelled_by(cancel);
    workspace.recognise(id, &configuration.api)?;
    if let Some(place) = workspace.sign_in_place(id, &configuration.api)? {
        halo.begin_at(place).await;
    }
    let (started_at, started) = (workspace.now(), Instant::now());
    let run = workspace.store.begin_run(id, started_at)?;

    on_progress(&SyncProgress::default());
    let rule = &configuration.company_sync.include;
    let client_id = &*configuration.api.client_id;
    let course = Run { workspace, id, client_id, halo: halo.clone(), rule, brake, run, started_at, started };
    let mut report = match course.read(&mut on_progress).await {
        Ok(read) => course.publish(read).await?,
        Err(stopped) => course.stop(*stopped)?,
    };
    if report.status.has_published()
        && let Err(failure) = take_over::look_beside_sync(workspace, id, configuration, &halo).await
    {
        tracing::debug!(%failure, "the sync could not look at what Configure made");
    }
    let noted = if report.status.has_published() {
        if workspace.store.forwards_clients(id)? {
            events::wake_forwarder(workspace);
        }
        workspace.remember_verified(id, &configuration.api, &halo).await
    } else if report.pages == 0 {
        // Perhaps it is not there any more that one signs in.
        workspace.store.forget_sign_in_place(id).map_err(Failure::from)
    } else {
        Ok(())
    };
    check::note_rights(workspace, id, report.error.as_ref(), BY_SYNC);
    workspace.note_health(id, from_sync(&report, client_id));
    // The run has ended as it has, whatever comes of this.
    report.warnings.extend(noted.err().map(|failure| failure.to_string()));
    let mut activity = workspace.activity(Some(id), "sync", report.status.code());
    activity.message = Some(report.error.as_ref().map_or_else(|| report.proof(), ToString::to_string));
    workspace.write_down(&activity)?;
    Ok(report)
}

/// The program, in words, that syncs a configuration now and is not this one.
pub fn syncing(workspace: &Workspace, id: &ConfigurationId) -> Option<String> {
    super::holding::syncing(workspace, id)
}

/// What was learnt of Halo's list.
#[derive(Default)]
struct Learnt {
    halo_count: Option<u64>,
    read: u64,
    unread: u64,
    pages: u64,
    resumed_pages: u64,
    would_disable: Option<u64>,
    disabling: Vec<ClientChange>,
    warnings: Vec<String>,
}

impl Learnt {
    fn of(reading: &mut Reading<'_>) -> Self {
        let engine = &reading.engine;
        let mut warnings = std::mem::take(&mut reading.warnings);
        warnings.extend(engine.warnings());
        Self {
            halo_count: engine.count(),
            read: engine.read(),
            unread: engine.unread(),
            pages: engine.pages(),
            resumed_pages: engine.resumed(),
            would_disable: None,
            disabling: Vec::new(),
            warnings,
        }
    }
}

impl Learnt {
    /// Whether the agent is known to see chosen clients only.
    fn sees_chosen(&self) -> bool {
        self.warnings.iter().any(|line| Sight::Chosen.warning() == Some(line))
    }
}

/// A reading with a verdict that may be published.
struct Read {
    learnt: Learnt,
    known: Arc<Known>,
    lists: SideLists,
    proved: Option<u32>,
    unseen: Vec<i64>,
    gone: Vec<i64>,
}

/// A run that publishes nothing, and why.
struct Stopped {
    learnt: Learnt,
    why: Failure,
}

struct Run<'a> {
    workspace: &'a Workspace,
    id: &'a ConfigurationId,
    /// As whom Halo is asked.
    client_id: &'a str,
    halo: HaloApi,
    rule: &'a IncludeRule,
    brake: Brake,
    run: RunId,
    started_at: Timestamp,
    started: Instant,
}

impl Run<'_> {
    async fn read(&self, on_progress: &mut (dyn FnMut(&SyncProgress) + Send)) -> Result<Read, Box<Stopped>> {
        let stopped = |learnt, why| Box::new(Stopped { learnt, why });
        let (workspace, run) = (self.workspace, self.run);
        let (store, owner, now) = (workspace.store.clone(), self.id.clone(), workspace.now());
        let load = move || Ok::<_, Failure>((store.known(&owner)?, store.resume(run, now, FRESHNESS)?));
        // What is stored is looked up while Halo gives the token.
        let (loaded, signed_in) = tokio::join!(tokio::task::spawn_blocking(load), self.sign_in(on_progress));
        let loaded = loaded.map_err(lost_task).and_then(|loaded| loaded);
        let (known, left) =
            signed_in.map_err(Failure::from).and(loaded).map_err(|why| stopped(Learnt::default(), why))?;
        let left = left.map(|left| left.pages).unwrap_or_default();
        let engine = Engine::new(Rules::default(), known.expected(), left, self.brake);
        let mut reading =
            Reading::new(workspace, self.halo.clone(), run, Arc::new(known), self.rule, engine, on_progress);
        let read = reading.run().await;
        reading.given.iter().for_each(|title| check::note_rights(workspace, self.id, None, title));
        reading.refused.drain(..).for_each(|found| check::note_refusal(workspace, self.id, found));
        let learnt = Learnt::of(&mut reading);
        if let Err(why) = read {
            return Err(stopped(learnt, why));
        }
        match reading.engine.conclusion() {
            Some(Conclusion::Publish { proved, unseen, gone }) => {
                let (proved, unseen, gone) = (*proved, unseen.clone(), gone.clone());
                let in_use: Vec<i64> = reading.known.expected().filter_map(|(id, is)| is.then_some(id)).collect();
                let lost: Vec<i64> = gone.iter().copied().filter(|id| in_use.binary_search(id).is_ok()).collect();
                // What the agent may not see any more looks as if it were gone: a person says so, however few they are.
                if learnt.sees_chosen() && !self.brake.lets_pass(lost.len() as u64, 0) {
                    return Err(Box::new(self.held(learnt, &lost, in_use.len() as u64)));
                }
                Ok(Read { learnt, known: reading.known, lists: reading.lists, proved, unseen, gone })
            }
            Some(Conclusion::Hold { gone, active }) => Err(Box::new(self.held(learnt, gone, *active))),
            Some(Conclusion::NoList) => Err(stopped(learnt, words::no_list())),
            None => {
                Err(stopped(learnt, Failure::new(FailureKind::LocalState, "reading the list stopped without a result")))
            }
        }
    }

    /// Stopped until a person has said yes. Whoever confirms has to see what they confirm.
    fn held(&self, mut learnt: Learnt, gone: &[i64], active: u64) -> Stopped {
        match whom(self.workspace, self.id, gone) {
            Ok(disabling) => learnt.disabling = disabling,
            Err(why) => return Stopped { learnt, why },
        }
        learnt.warnings.extend(name_some(&learnt.disabling, self.run.number()));
        learnt.would_disable = Some(gone.len() as u64);
        let why = words::held(&learnt.disabling, active);
        Stopped { learnt, why }
    }

    /// Gets a token, and says so where Halo does not answer.
    async fn sign_in(&self, on_progress: &mut (dyn FnMut(&SyncProgress) + Send)) -> Result<Token, HaloError> {
        let mut signing_in = pin!(self.halo.sign_in());
        let mut progress = SyncProgress::default();
        loop {
            tokio::select! {
                biased;
                done = &mut signing_in => return done,
                () = tokio::time::sleep(LISTEN) => {}
            }
            let usage = self.halo.usage();
            if (usage.silence, usage.waiting) != (progress.silence, progress.waiting) {
                (progress.silence, progress.waiting) = (usage.silence, usage.waiting);
                on_progress(&progress);
            }
        }
    }

    /// Lets what was read be seen, and ends the run with it in one step.
    async fn publish(&self, read: Read) -> Result<SyncReport, Failure> {
        let Read { learnt, known, lists, proved, unseen, gone } = read;
        let (store, run, now) = (self.workspace.store.clone(), self.run, self.workspace.now());
        // Warned of once for this agent of this Halo: a daily run that fails for ever is one that nobody looks at.
        let known_before = not_told_to(&self.workspace.store.health(self.id)?) == Some(self.client_id);
        let is_calm = |sight: Sight| sight == Sight::NotHeard || sight == Sight::NotTold && known_before;
        let calm = [Sight::NotHeard, Sight::NotTold].map(|sight| sight.warning().filter(|_| is_calm(sight)));
        let calm = learnt.warnings.iter().all(|line| calm.contains(&Some(line.as_str())));
        let status = if calm { SyncStatus::Complete } else { SyncStatus::CompleteWithWarnings };
        let unread = learnt.unread;
        let report = self.report(learnt, ClientCounts::default());
        let published = SyncReport { status, proved: proved.is_some(), ..report.clone() };
        let (workspace, started) = (self.workspace.clone(), self.started);
        let (rule, brake) = (self.rule.clone(), self.brake);
        let publish = move || {
            let publication = Publication {
                evidence: proved.map_or(Evidence::Everything, Evidence::Look),
                unseen: &unseen,
                gone: &gone,
                unread,
                proved: proved.is_some(),
                fresh: lists.fresh(),
                rule: &rule,
                brake,
            };
            let tell = |changes, ClientCounts { active, disabled, left_out }| {
                let (finished_at, duration_ms) = (workspace.now(), milliseconds(started.elapsed()));
                let mut told =
                    SyncReport { changes, active, disabled, left_out, finished_at, duration_ms, ..published };
                if active == 0 && left_out > 0 {
                    told.status = SyncStatus::CompleteWithWarnings;
                    told.warnings.push(words::SERVES_NOBODY.to_owned());
                }
                told
            };
            Ok(store.publish(run, &known, &publication, now, tell))
        };
        let published = tokio::task::spawn_blocking(publish).await.map_err(lost_task).flatten();
        let (disabling, why) = match published {
            Ok(Ok(report)) => return Ok(report),
            Ok(Err(StoreError::Held { disabling, active })) => {
                let held = words::held(&disabling, active);
                (disabling, held)
            }
            Ok(Err(error)) => (Vec::new(), error.into()),
            Err(why) => (Vec::new(), why),
        };
        let ClientCounts { active, disabled, left_out } = self.workspace.store.client_counts(self.id)?;
        let mut report = SyncReport { active, disabled, left_out, ..report };
        report.would_disable = (!disabling.is_empty()).then_some(disabling.len() as u64);
        report.warnings.extend(name_some(&disabling, report.run));
        self.end(SyncReport { disabling, ..report }, why)
    }

    fn stop(&self, Stopped { learnt, why }: Stopped) -> Result<SyncReport, Failure> {
        self.end(self.report(learnt, self.workspace.store.client_counts(self.id)?), why)
    }

    /// Ends the run without anything to be seen.
    fn end(&self, mut report: SyncReport, why: Failure) -> Result<SyncReport, Failure> {
        report.status = match why.kind {
            FailureKind::Interrupted => SyncStatus::Interrupted,
            FailureKind::NeedsYes => SyncStatus::NeedsConfirmation,
            _ => SyncStatus::Failed,
        };
        report.warnings.push(why.to_string());
        report.error = Some(why);
        report.duration_ms = milliseconds(self.started.elapsed());
        self.workspace.store.end_run(self.run, &report)?;
        Ok(report)
    }

    fn report(&self, learnt: Learnt, counts: ClientCounts) -> SyncReport {
        let usage = self.halo.usage();
        SyncReport {
            run: self.run.number(),
            halo_count: learnt.halo_count,
            stored: learnt.read,
            pages: learnt.pages,
            resumed_pages: learnt.resumed_pages,
            requests: usage.requests,
            retries: usage.retries,
            rate_limited_ms: milliseconds(usage.waited),
            warnings: shortened(learnt.warnings),
            would_disable: learnt.would_disable,
            disabling: learnt.disabling,
            started_at: self.started_at,
            finished_at: self.workspace.now(),
            ..blank(counts, self.started_at)
        }
    }
}

/// Clients that would be disabled because they are gone, with their names.
fn whom(workspace: &Workspace, id: &ConfigurationId, clients: &[i64]) -> Result<Vec<ClientChange>, Failure> {
    let mut whom = Vec::with_capacity(clients.len());
    for client in clients {
        for row in workspace.store.clients_after(id, client.checked_sub(1), 1)? {
            whom.push(ClientChange::disabled(*client, row.client.name, DisabledReason::NoLongerInHalo));
        }
    }
    Ok(whom)
}

/// For each reason, the first clients that it would disable by name and id, and how many more there are, with where they are
/// listed.
fn name_some(clients: &[ClientChange], run: Option<NonZeroU64>) -> Vec<String> {
    let with = |reason| clients.iter().filter(|client| client.reason == Some(reason)).collect();
    let reasons = DisabledReason::ALL.map(|reason| (reason, with(reason)));
    let there = reasons.into_iter().filter(|(_, clients): &(_, Vec<_>)| !clients.is_empty());
    there.map(|(reason, clients)| name_first(reason.word(), &clients, run)).collect()
}

fn name_first(what: &str, clients: &[&ClientChange], run: Option<NonZeroU64>) -> String {
    let some = clients.iter().take(NAMED).map(|client| format!("{} ({})", client.name.display(), client.id));
    let names = some.collect::<Vec<_>>().join(", ");
    match clients.len().saturating_sub(NAMED) as u64 {
        0 => format!("{what}: {names}"),
        more => {
            let all = run.map(|run| format!(". To see all of them: {}", Next::Run(run.get()))).unwrap_or_default();
            format!("{what}: {names} and {} more{all}", thousands(more))
        }
    }
}

/// So many warnings that somebody can still read them.
fn shortened(mut warnings: Vec<String>) -> Vec<String> {
    if warnings.len() >= WARNINGS {
        let more = thousands((warnings.len() + 2 - WARNINGS) as u64);
        warnings.truncate(WARNINGS - 2);
        warnings.push(format!("and {more} more warnings"));
    }
    warnings
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A report in which nothing has happened.
fn blank(counts: ClientCounts, at: Timestamp) -> SyncReport {
    let ClientCounts { active, disabled, left_out } = counts;
    SyncReport { active, disabled, left_out, ..SyncReport::blank(SyncStatus::Failed, at) }
}

/// The report of a run that never began, because another one is under way. It is not part of the history.
fn busy(workspace: &Workspace, id: &ConfigurationId, failure: Failure) -> Result<SyncReport, Failure> {
    Ok(SyncReport {
        status: SyncStatus::Busy,
        warnings: vec![failure.to_string()],
        error: Some(failure),
        ..blank(workspace.store.client_counts(id)?, workspace.now())
    })
}

/// Runs the sync; where another program is at one already, tells who it is and follows that: the report is that of the
/// other one, or where that ends without any, killed perhaps, of the sync that was asked for. To be cancelled meanwhile
/// ends the following, and not the sync.
pub async fn run_or_follow(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    brake: Brake,
    cancel: CancellationToken,
    mut on_progress: impl FnMut(&SyncProgress) + Send,
    mut on_other: impl FnMut(String) + Send,
) -> Result<SyncReport, Failure> {
    let look = || {
        let id = id.clone();
        workspace.run_blocking(move |workspace| Ok(sync_holder(workspace, &id).map(|holder| holder.to_string())))
    };
    let mut unseen = false;
    loop {
        let before = newest(workspace, id).await?;
        let report = run(workspace, id, configuration, brake, cancel.clone(), &mut on_progress).await?;
        if report.status != SyncStatus::Busy {
            return Ok(report);
        }
        let mut signals = Signals::of(workspace, Changes::STORE);
        let mut told = None;
        while let Some(found) = look().await? {
            if told.as_ref() != Some(&found) {
                on_other(found.clone());
                told = Some(found);
            }
            tokio::select! {
                () = cancel.cancelled() => return Ok(report),
                _ = tokio::time::timeout(LISTEN, signals.wait_for_change()) => {}
            }
        }
        let ended = newest(workspace, id).await?;
        let is_new = |ended: &SyncReport| before.as_ref().is_none_or(|before| before.run != ended.run);
        // One that was killed or stopped is not what was asked for.
        let is_result = |ended: &SyncReport| is_new(ended) && ended.status != SyncStatus::Interrupted;
        if let Some(ended) = ended.filter(is_result) {
            return Ok(ended);
        }
        // A lock that nobody can be seen to hold, and nobody gets, is no sync to wait for.
        if told.is_none() && std::mem::replace(&mut unseen, true) {
            return Ok(report);
        }
    }
}

async fn newest(workspace: &Workspace, id: &ConfigurationId) -> Result<Option<SyncReport>, Failure> {
    let id = id.clone();
    workspace.run_blocking(move |workspace| Ok(runs(workspace, &id, 1)?.into_iter().next())).await
}

/// What a run has changed; none where no such run is remembered.
pub fn changes(workspace: &Workspace, id: &ConfigurationId, run: u64) -> Result<Option<Vec<ClientChange>>, Failure> {
    Ok(workspace.store.changes(id, run)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_warnings_twenty_lines_are_left_with_their_number() {
        let lines = |count: usize| shortened((1..=count).map(|at| format!("warning {at}")).collect());
        assert_eq!(lines(19).len(), 19);
        for count in [20, 21, 40_000] {
            let left = lines(count);
            assert!(left.len() < WARNINGS && left[0] == "warning 1", "{left:?}");
            let more = format!("and {} more warnings", thousands((count + 1 - left.len()) as u64));
            assert_eq!(left.last(), Some(&more));
        }
    }
}
