//! The company sync: read every client of Halo, prove that it was every one, and only then let the list be seen.
//!
//! Halo caps pages, shifts rows between them while clients come and go, and may count what this agent cannot read.
//! So a list is believed when Halo's own count, unchanged from the first page to the last, equals the unique ids
//! read; otherwise it is read a second time. A stored client that was not seen is asked for by its id before it is
//! disabled (many are looked for in a second reading of the whole list instead), and is never deleted.

use std::collections::HashSet;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Workspace, lost_task};
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::people::{Agent, Team, TicketType};
use crate::domain::sync_run::{ChangeCounts, SideList, SyncProgress, SyncReport, SyncStatus};
use crate::domain::thousands;
use crate::halo::{HaloApi, HaloError};
use crate::store::{FreshLists, LockError, RunId};

/// How often the list is read at most.
const LOOKS: usize = 2;

/// Clients that may vanish in one run without a yes: this many, or a tenth of the active ones if that is more.
const BRAKE: u64 = 20;

/// Missing clients are asked for one by one up to this many; more are looked for in another reading of the list.
const ASKED_BY_ID: usize = 200;

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
    let started_at = workspace.now();
    let started = Instant::now();
    let run = workspace.store.begin_run(id, started_at)?;

    let mut sync = Sync {
        workspace,
        id,
        halo: &halo,
        run,
        yes,
        progress: SyncProgress::default(),
        on_progress: &mut on_progress,
        warnings: Vec::new(),
    };
    sync.tell();
    let ended = sync.read_and_publish().await;
    let (progress, warnings) = (sync.progress, sync.warnings);

    let usage = halo.usage();
    let counts = workspace.store.client_counts(id)?;
    let mut report = SyncReport {
        status: SyncStatus::Failed,
        proved: false,
        halo_count: progress.clients_total,
        stored: progress.clients_read,
        active: counts.active,
        disabled: counts.disabled,
        changes: ChangeCounts::default(),
        pages: progress.pages,
        requests: usage.requests,
        retries: usage.retries,
        rate_limited_ms: milliseconds(usage.waited),
        duration_ms: milliseconds(started.elapsed()),
        warnings,
        started_at,
        finished_at: workspace.now(),
        error: None,
    };
    match ended {
        Ok(Published { status, proved, changes }) => {
            report.status = status;
            report.proved = proved;
            report.changes = changes;
            workspace.remember_verified(id, &configuration.api)?;
        }
        Err(failure) => {
            report.status = match failure.kind {
                FailureKind::Interrupted => SyncStatus::Interrupted,
                FailureKind::NeedsYes => SyncStatus::NeedsConfirmation,
                _ => SyncStatus::Failed,
            };
            report.warnings.push(failure.to_string());
            report.error = Some(failure);
        }
    }
    workspace.store.end_run(run, &report)?;
    let mut activity = workspace.activity(Some(id), "sync", report.status.code());
    activity.message = Some(report.error.as_ref().map_or_else(|| report.proof(), ToString::to_string));
    workspace.write_down(&activity)?;
    Ok(report)
}

fn milliseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The report of a run that never began, because another one is under way. It is not part of the history.
fn busy(workspace: &Workspace, id: &ConfigurationId, failure: Failure) -> Result<SyncReport, Failure> {
    let counts = workspace.store.client_counts(id)?;
    let now: Timestamp = workspace.now();
    Ok(SyncReport {
        status: SyncStatus::Busy,
        proved: false,
        halo_count: None,
        stored: 0,
        active: counts.active,
        disabled: counts.disabled,
        changes: ChangeCounts::default(),
        pages: 0,
        requests: 0,
        retries: 0,
        rate_limited_ms: 0,
        duration_ms: 0,
        warnings: vec![failure.to_string()],
        started_at: now,
        finished_at: now,
        error: Some(failure),
    })
}

struct Published {
    status: SyncStatus,
    proved: bool,
    changes: ChangeCounts,
}

/// One reading of the whole list.
struct Look {
    seen: HashSet<i64>,
    /// Rows without a readable id: Halo counts them, nobody can name them.
    nameless: u64,
    first_count: Option<u64>,
    last_count: Option<u64>,
}

impl Look {
    /// Unique ids read.
    fn unique(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Rows read, those that nobody can name included.
    fn rows(&self) -> u64 {
        self.unique() + self.nameless
    }

    /// Whether Halo's count stood still and equals the unique ids.
    fn is_proved(&self) -> bool {
        self.first_count == self.last_count && self.last_count == Some(self.unique()) && self.nameless == 0
    }
}

#[derive(Default)]
struct SideLists {
    agents: Option<Vec<Agent>>,
    teams: Option<Vec<Team>>,
    ticket_types: Option<Vec<TicketType>>,
}

impl SideLists {
    /// What replaces the stored lists; one that could not be read stays as it is.
    fn fresh(&self) -> FreshLists<'_> {
        FreshLists {
            agents: self.agents.as_deref(),
            teams: self.teams.as_deref(),
            ticket_types: self.ticket_types.as_deref(),
        }
    }
}

struct Sync<'a> {
    workspace: &'a Workspace,
    id: &'a ConfigurationId,
    halo: &'a HaloApi,
    run: RunId,
    yes: bool,
    progress: SyncProgress,
    on_progress: &'a mut (dyn FnMut(&SyncProgress) + Send),
    warnings: Vec<String>,
}

impl Sync<'_> {
    async fn read_and_publish(&mut self) -> Result<Published, Failure> {
        let lists = self.read_lists().await?;
        let mut look = self.look().await?;
        let mut looks = 1;
        while looks < LOOKS && !look.is_proved() {
            look = self.look_again().await?;
            looks += 1;
        }
        let mut missing = self.workspace.store.vanishing(self.run)?;
        if looks < LOOKS && missing.len() > ASKED_BY_ID {
            look = self.look_again().await?;
            missing = self.workspace.store.vanishing(self.run)?;
        }
        let mut proved = look.is_proved();
        if proved {
            let active = self.workspace.store.client_counts(self.id)?.active;
            self.brake(look.unique(), missing.len() as u64, active)?;
            if missing.len() <= ASKED_BY_ID {
                proved = self.ask_by_id(&missing).await?;
            }
        } else {
            self.warnings.push(describe_mismatch(&look));
        }

        let (store, run, now) = (self.workspace.store.clone(), self.run, self.workspace.now());
        let publish = move || store.publish(run, now, lists.fresh(), proved);
        let changes = tokio::task::spawn_blocking(publish).await.map_err(lost_task)??;
        let status = if self.warnings.is_empty() { SyncStatus::Complete } else { SyncStatus::CompleteWithWarnings };
        Ok(Published { status, proved, changes })
    }

    /// Forgets what was read, and reads it again.
    async fn look_again(&mut self) -> Result<Look, Failure> {
        self.workspace.store.restage(self.run)?;
        self.look().await
    }

    /// Reads every page once, in the order of the ids.
    async fn look(&mut self) -> Result<Look, Failure> {
        let mut look = Look { seen: HashSet::new(), nameless: 0, first_count: None, last_count: None };
        self.progress.clients_read = 0;
        for page in 1.. {
            let answer = self.waiting(self.halo.clients_page(page)).await?;
            self.progress.pages += 1;
            if let Some(count) = answer.record_count {
                look.first_count = look.first_count.or(Some(count));
                look.last_count = Some(count);
            }
            let before = look.rows();
            look.seen.extend(answer.clients.iter().map(|client| client.id));
            for bad in &answer.bad_rows {
                match bad.id {
                    Some(id) => _ = look.seen.insert(id),
                    None => look.nameless += 1,
                }
                let id = bad.id.map_or_else(|| "a row without an id".to_owned(), |id| format!("client {id}"));
                self.warnings.push(format!("{id} could not be read: {}", bad.why));
            }
            self.workspace.store.stage(self.run, &answer.clients)?;
            self.progress.clients_read = look.unique();
            self.progress.clients_total = look.last_count;
            self.tell();
            // An empty page is the end; a page with nothing new is Halo repeating itself, and would never end.
            let news = look.rows() > before;
            if !news || look.last_count.is_some_and(|count| look.rows() >= count) {
                break;
            }
        }
        Ok(look)
    }

    /// Stops a run that would disable more clients than anyone expects of one day. A list that is suddenly empty is
    /// what an agent sees that may not see any client.
    fn brake(&self, unique: u64, missing: u64, active: u64) -> Result<(), Failure> {
        let allowed = if unique == 0 { 0 } else { BRAKE.max(active / 10) };
        if self.yes || missing <= allowed {
            return Ok(());
        }
        let (missing, active) = (thousands(missing), thousands(active));
        let message =
            format!("{missing} of {active} active clients are not in Halo's list any more; nothing was changed");
        Err(Failure::new(FailureKind::NeedsYes, message).hint(
            "if Halo's agent may still see all clients and this is right, say yes: pia-halo sync --yes. \
             Otherwise set \"Allow use of all Customers/Clients\" on the agent",
        ))
    }

    /// Asks Halo for each missing client by its id. Says whether all of them are gone for certain.
    async fn ask_by_id(&mut self, missing: &[i64]) -> Result<bool, Failure> {
        let mut certain = true;
        for id in missing {
            match self.waiting(self.halo.client(*id)).await {
                Ok(None) => {}
                Ok(Some(client)) => {
                    self.warnings.push(format!("client {id} was left out of Halo's list, and is still there"));
                    self.workspace.store.stage(self.run, &[client])?;
                }
                Err(failure) if failure.kind == FailureKind::Interrupted => return Err(failure),
                Err(failure) => {
                    self.warnings
                        .push(format!("client {id} is not in Halo's list, and could not be asked for: {failure}"));
                    certain = false;
                }
            }
        }
        Ok(certain)
    }

    async fn read_lists(&mut self) -> Result<SideLists, Failure> {
        let agents = self.waiting(self.halo.agents()).await;
        let agents = self.note(SideList::Agents, agents)?;
        let teams = self.waiting(self.halo.teams()).await;
        let teams = self.note(SideList::Teams, teams)?;
        let ticket_types = self.waiting(self.halo.ticket_types()).await;
        let ticket_types = self.note(SideList::TicketTypes, ticket_types)?;
        Ok(SideLists { agents, teams, ticket_types })
    }

    /// A list that cannot be read is a warning: the clients do not depend on it, and the stored list stands.
    fn note<T>(&mut self, list: SideList, answer: Result<Vec<T>, Failure>) -> Result<Option<Vec<T>>, Failure> {
        match answer {
            Ok(rows) => {
                self.progress.lists.insert(list, rows.len() as u64);
                self.tell();
                Ok(Some(rows))
            }
            Err(failure) if matches!(failure.kind, FailureKind::MissingRight | FailureKind::Refused) => {
                self.warnings.push(format!("{} could not be read: {failure}", list.title()));
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    fn tell(&mut self) {
        let usage = self.halo.usage();
        self.progress.requests = usage.requests;
        self.progress.retries = usage.retries;
        self.progress.waiting = usage.waiting;
        (self.on_progress)(&self.progress);
    }

    /// Awaits an answer, and says so while Halo's request limit is what it waits for.
    async fn waiting<T>(&mut self, question: impl Future<Output = Result<T, HaloError>>) -> Result<T, Failure> {
        let mut waits = self.halo.waits();
        tokio::pin!(question);
        loop {
            tokio::select! {
                biased;
                answer = &mut question => return answer.map_err(Failure::from),
                Ok(()) = waits.changed() => self.tell(),
            }
        }
    }
}

fn describe_mismatch(look: &Look) -> String {
    let read = thousands(look.unique());
    match (look.first_count, look.last_count) {
        (Some(first), Some(last)) if first != last => format!(
            "Halo's list changed while it was read ({} clients, then {}); nothing was disabled",
            thousands(first),
            thousands(last)
        ),
        (_, Some(count)) => {
            format!("Halo says {}, but {read} could be read; nothing was disabled", thousands(count))
        }
        (_, None) => format!("Halo gave no count, so {read} clients cannot be proved complete; nothing was disabled"),
    }
}
