//! The callbacks after they are stored: whose they are, and what the ticket behind each is.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::Workspace;
use super::boards::Boards;
use crate::domain::body::Body;
use crate::domain::callback::EventGroup;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::event::{Event, ForwardState};
use crate::domain::failure::Failure;
use crate::domain::health::{Finding, Rule, forwarding_stopped};
use crate::domain::people::Status;
use crate::domain::secret::Secret;
use crate::domain::status::ServiceStatus;
use crate::domain::untrusted::Untrusted;
use crate::halo::{HaloApi, HaloError};
use crate::settings::{StoredSecrets, new_forward_secret, private_file};
use crate::store::ToLookUp;

/// Events whose tickets are asked for in one go.
const BATCH: usize = 100;

/// Finds the address that a callback came to.
pub fn group(slug: &str) -> Option<EventGroup> {
    EventGroup::ALL.into_iter().find(|group| group.slug() == slug)
}

/// An event of Halo's catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CatalogueEvent {
    /// What Halo knows it by.
    pub number: i64,
    /// Halo's name for it.
    pub name: Untrusted,
    /// Whether the settings have Halo tell it.
    pub told: bool,
}

/// Halo's catalogue of events, with those that Halo is to tell.
pub async fn catalogue(
    workspace: &Workspace,
    id: &ConfigurationId,
    cancel: CancellationToken,
) -> Result<Vec<CatalogueEvent>, Failure> {
    let (id, configuration, _) = workspace.configuration(Some(id))?;
    let halo = workspace.halo(&id, &configuration.api).await?.cancelled_by(cancel).while_a_person_waits();
    let options = &configuration.integration.webhook_options;
    let told: Vec<i64> =
        EventGroup::ALL.into_iter().flat_map(|group| group.chosen(options)).map(|event| event.0).collect();
    let events = halo.event_catalogue().await?.into_iter();
    Ok(events.map(|(event, name)| CatalogueEvent { number: event.0, name, told: told.contains(&event.0) }).collect())
}

/// The secrets of every saved configuration: what its callbacks may identify themselves with.
pub fn secrets(workspace: &Workspace) -> Result<BTreeMap<ConfigurationId, StoredSecrets>, Failure> {
    let config = workspace.settings.load()?;
    if config.configurations.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut all = workspace.settings.all_secrets()?;
    let of = |id: ConfigurationId| (id.clone(), all.remove(&id).unwrap_or_default());
    Ok(config.configurations.into_keys().map(of).collect())
}

impl Workspace {
    /// Remembers a secret that this program has read, for as long as it runs.
    pub fn watch_for(&self, secret: &Secret) {
        let mut known = self.read_secrets();
        if !known.contains(secret) {
            known.push(secret.clone());
        }
    }

    /// Every secret that was read so far, wherever it was.
    pub fn read_secrets(&self) -> MutexGuard<'_, Vec<Secret>> {
        self.read_secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What events are signed with when they are forwarded: made once, and kept.
pub fn forward_secret(workspace: &Workspace, id: &ConfigurationId) -> Result<Secret, Failure> {
    if let Some(secret) = workspace.settings.secrets(id)?.forward {
        return Ok(secret);
    }
    workspace.settings.update_secrets(id, |secrets: &mut StoredSecrets| {
        let secret = match &secrets.forward {
            Some(secret) => secret.clone(),
            None => new_forward_secret()?,
        };
        secrets.forward = Some(secret.clone());
        Ok(secret)
    })
}

/// The newest events, how many are kept, and how the service stands: what a screen shows of them, read together.
pub fn recent(
    workspace: &Workspace,
    id: &ConfigurationId,
    limit: usize,
) -> Result<(Vec<Event>, u64, ServiceStatus), Failure> {
    let events = workspace.store.events(id, None, None, limit)?;
    Ok((events, workspace.store.count_events(id)?, super::status::service(workspace, id)?))
}

/// What has come to the newest events since they were read.
pub struct News {
    /// What came in, the oldest first.
    pub new: Vec<Event>,
    /// Those that were asked for, as they are now.
    pub changed: Vec<Event>,
    /// How many are kept.
    pub total: u64,
    /// How the service stands.
    pub service: ServiceStatus,
}

/// The events after the event `newest`, `limit` at most, and how those of `open` are now.
pub fn news(
    workspace: &Workspace,
    id: &ConfigurationId,
    newest: i64,
    open: &[i64],
    limit: usize,
) -> Result<News, Failure> {
    Ok(News {
        new: workspace.store.events(id, Some(newest), None, limit)?,
        changed: workspace.store.events_of(id, open)?,
        total: workspace.store.count_events(id)?,
        service: super::status::service(workspace, id)?,
    })
}

/// The body of an event, to be read by a person; none where it is not kept any more.
pub fn body(workspace: &Workspace, id: &ConfigurationId, number: i64) -> Result<Option<Body>, Failure> {
    Ok(workspace.store.event_body(id, number)?.map(|body| Body::of(&body)))
}

/// Puts an event, or every one that was given up, at the end of what is to be forwarded; says how many. The service that
/// forwards may run already: it is told by a file that comes and goes. Where the other side had stopped it with a 410, it
/// is asked once more.
pub fn send_again(workspace: &Workspace, id: &ConfigurationId, event: Option<&str>) -> Result<u64, Failure> {
    let count = workspace.store.forward_again(id, event)?;
    if is_forwarding_stopped(workspace, id)? {
        workspace.note_health(id, [Finding::well(Rule::Forwarding, "being tried again")]);
    }
    wake_forwarder(workspace);
    Ok(count)
}

/// Whether the other side has said that it wants nothing any more, and nobody has sent again since.
pub fn is_forwarding_stopped(workspace: &Workspace, id: &ConfigurationId) -> Result<bool, Failure> {
    let stopped = forwarding_stopped().object;
    let known = workspace.store.health(id)?;
    Ok(known.iter().any(|known| known.rule == Rule::Forwarding && known.is_issue() && known.object == stopped))
}

/// Tells the service that there is something to forward.
pub(super) fn wake_forwarder(workspace: &Workspace) {
    let signal = workspace.settings.paths().send_again();
    // Where that fails, they are forwarded with the next event, or after the next start.
    let came = private_file::open_private(&signal, false).is_ok();
    if !came || std::fs::remove_file(&signal).is_err() {
        tracing::warn!("the service could not be notified that there is something to forward");
    }
}

/// The waits between tries while Halo, or one ticket of it, cannot be read. The last one repeats.
const WAITS: [SignedDuration; 5] = [
    SignedDuration::from_secs(2),
    SignedDuration::from_secs(10),
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(15),
];

/// How long to wait after so many failures in a row.
pub fn wait_after(failures: usize) -> SignedDuration {
    WAITS[failures.saturating_sub(1).min(WAITS.len() - 1)]
}

/// How long an event waits for a ticket that alone cannot be read.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// So many tickets in a row that cannot be read are not their own fault.
const IN_A_ROW: usize = 3;

/// Where the look-ups are, from one call to the next.
#[derive(Debug, Default)]
pub struct Progress {
    /// The event that was looked at last in this round.
    after: i64,
    /// Tickets that cannot be read for now: how often that was tried, and when it is tried again.
    later: BTreeMap<i64, (usize, Timestamp)>,
    /// Halo's statuses, as they were last read.
    statuses: Vec<Status>,
}

/// What is to be done after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextLookUp {
    /// There is more to look up.
    More,
    /// Nothing before this moment, or before another event.
    At(Option<Timestamp>),
}

/// Asks Halo for the tickets behind the next events that wait for it, one question for each ticket.
///
/// # Errors
///
/// Where Halo was not reached or let nobody in: what was found before is kept, the rest waits. A ticket that alone cannot be
/// read holds up no other.
pub async fn look_up(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    halo: &HaloApi,
    progress: &mut Progress,
    cancel: &CancellationToken,
) -> Result<NextLookUp, Failure> {
    let (of, after) = (id.clone(), progress.after);
    let read = move |workspace: &Workspace| {
        Ok((workspace.store.events_to_look_up(&of, after, BATCH)?, Boards::stored(workspace, &of)?))
    };
    let (waiting, boards) = workspace.run_blocking(read).await?;
    let mut boards = boards.knowing(std::mem::take(&mut progress.statuses));
    // The newest of a ticket's events stands for those before it: Halo tells how the ticket is now.
    let newest: BTreeMap<i64, ToLookUp> = waiting.iter().map(|event| (event.ticket_id, *event)).collect();
    let mut failed_in_a_row = 0;
    for (ticket_id, event) in newest {
        if cancel.is_cancelled() {
            return Ok(NextLookUp::At(None));
        }
        if progress.later.get(&ticket_id).is_some_and(|(_, due)| *due > workspace.now()) {
            continue;
        }
        let found = match halo.ticket(ticket_id).await {
            Ok(Some(ticket)) => boards.name(halo, ticket).await.map(Some),
            other => other,
        };
        let said = match found {
            Ok(Some(ticket)) => {
                let on_board = ticket.stands_on(&configuration.pia_screen.pia_board);
                Ok((ticket, on_board))
            }
            Ok(None) => Err("Halo has no such ticket, or its agent may not see it".to_owned()),
            Err(error @ (HaloError::Declined { .. } | HaloError::MissingRight { .. })) => {
                Err(Failure::from(error).to_string())
            }
            // This one cannot be read now; the next one may be.
            Err(error) if concerns_one(&error) => {
                let known = progress.later.get(&ticket_id).map_or(0, |(tries, _)| *tries);
                // One that could not be read before says nothing new of Halo.
                failed_in_a_row += usize::from(known == 0);
                let is_everybodys = failed_in_a_row >= IN_A_ROW;
                let now = workspace.now();
                if is_everybodys || now.duration_since(event.received_at) < PATIENCE {
                    progress.later.insert(ticket_id, (known + 1, now + wait_after(known + 1)));
                    if is_everybodys {
                        progress.after = 0;
                        return Err(error.into());
                    }
                    tracing::warn!(ticket_id, failure = %Failure::from(error), "a ticket could not be read");
                    continue;
                }
                Err(Failure::from(error).to_string())
            }
            Err(error) => {
                progress.after = 0;
                return Err(error.into());
            }
        };
        failed_in_a_row = 0;
        progress.later.remove(&ticket_id);
        let of = id.clone();
        let write = move |workspace: &Workspace| {
            let said = said.as_ref().map(|(ticket, on_board)| (ticket, *on_board)).map_err(String::as_str);
            Ok(workspace.store.looked_up(&of, event.number, ticket_id, said)?)
        };
        workspace.run_blocking(write).await?;
    }
    progress.statuses = boards.into_statuses();
    match waiting.last() {
        Some(last) if waiting.len() == BATCH => {
            progress.after = last.number;
            Ok(NextLookUp::More)
        }
        _ => {
            progress.after = 0;
            Ok(NextLookUp::At(progress.later.values().map(|(_, due)| *due).min()))
        }
    }
}

/// Whether an error may be one ticket's alone: Halo fails over it, or answers with something else. A gateway's error, a lost
/// connection or a refused sign-in is everybody's.
fn concerns_one(error: &HaloError) -> bool {
    match error {
        HaloError::ServerError { status, .. } => *status == 500,
        HaloError::Unexpected { .. } | HaloError::TooLarge { .. } => true,
        _ => false,
    }
}

/// How many events wait to be forwarded.
///
/// # Errors
///
/// Where the store cannot be read.
pub fn waiting(workspace: &Workspace, id: &ConfigurationId) -> Result<u64, Failure> {
    Ok(workspace.store.forward_counts(id)?.0)
}

/// The newest events, newest first; those after a number oldest first.
pub fn list(
    workspace: &Workspace,
    id: &ConfigurationId,
    after: Option<i64>,
    state: Option<ForwardState>,
    limit: usize,
) -> Result<Vec<Event>, Failure> {
    Ok(workspace.store.events(id, after, state, limit)?)
}

/// An event with its body, by its id.
pub fn one(workspace: &Workspace, id: &ConfigurationId, event: &str) -> Result<Option<(Event, Untrusted)>, Failure> {
    Ok(workspace.store.event(id, event)?)
}
