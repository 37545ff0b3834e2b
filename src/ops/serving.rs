//! What `serve` reads and writes down between two pieces of work.

use jiff::Timestamp;
use jiff::civil::Date;

use super::Workspace;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::daily::Daily;
use crate::domain::daily::DailyOutcome;
use crate::domain::delivery::DeliveryState;
use crate::domain::event::ForwardState;
use crate::domain::failure::Failure;
use crate::domain::health::Finding;
use crate::domain::untrusted::Untrusted;
use crate::store::{ClientToForward, ForwardTry, OldEvents, STEP, Store, StoreError, ToForward};

/// The last event and the last daily sync of any configuration.
pub fn last_work(workspace: &Workspace) -> Result<(Option<Timestamp>, Option<Timestamp>), Failure> {
    Ok((workspace.store.last_event_of_all()?, workspace.store.last_daily_sync_of_all()?))
}

/// Why the store would refuse the next start; none where that opens what is there.
pub fn refuses_start(workspace: &Workspace) -> Option<Failure> {
    if is_on_server(workspace) {
        return workspace.place().open().err().map(Failure::from);
    }
    Store::open_existing(workspace.store.path()).err().map(Failure::from)
}

/// Whether the store is on a server, where another host can take it.
pub fn is_on_server(workspace: &Workspace) -> bool {
    !workspace.store.is_file()
}

/// The callbacks that were missed of the active configuration, from when on, and how often that was noted.
pub fn missed(workspace: &Workspace, id: &ConfigurationId) -> Result<Option<(Timestamp, i64)>, Failure> {
    Ok(workspace.store.missed(id)?)
}

/// Notes that callbacks were missed from this moment on: whoever leads looks after them.
pub fn note_missed(workspace: &Workspace, since: Timestamp) -> Result<(), Failure> {
    let Some((id, _)) = workspace.active()? else { return Ok(()) };
    Ok(workspace.store.note_missed(&id, since)?)
}

/// Forgets what was looked after, unless more was missed meanwhile.
pub fn forget_missed(
    workspace: &Workspace,
    id: &ConfigurationId,
    misses: i64,
    until: Timestamp,
) -> Result<(), Failure> {
    Ok(workspace.store.forget_missed(id, misses, until)?)
}

/// That another host works with the store, or has worked with it meanwhile; none where the server does not say so.
pub fn taken(workspace: &Workspace) -> Option<Failure> {
    workspace.store.is_current().err().filter(StoreError::is_taken).map(Failure::from)
}

/// What is counted of the active configuration at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Events that wait to be forwarded.
    pub pending: u64,
    /// Events that could not be forwarded.
    pub given_up: u64,
    /// When the oldest event came in that waits.
    pub oldest_pending: Option<Timestamp>,
    /// When the stored list was last renewed, in whatever way.
    pub last_sync: Option<Timestamp>,
}

/// The figures of the active configuration; none where none is active.
pub fn figures(workspace: &Workspace) -> Result<Option<Figures>, Failure> {
    let Some((id, _)) = workspace.active()? else { return Ok(None) };
    let store = &workspace.store;
    let (pending, given_up) = store.forward_counts(&id)?;
    let oldest_pending = store.oldest_to_forward(&id)?;
    Ok(Some(Figures { pending, given_up, oldest_pending, last_sync: store.published_at(&id)? }))
}

/// The active configuration, while one of its events waits for its ticket to be read.
pub fn waiting_for_lookup(workspace: &Workspace) -> Result<Option<(ConfigurationId, Configuration)>, Failure> {
    let Some((id, configuration)) = workspace.active()? else { return Ok(None) };
    let waits = !workspace.store.events_to_look_up(&id, 0, 1)?.is_empty();
    Ok(waits.then_some((id, configuration)))
}

/// The active configuration with the state of its daily sync.
pub fn daily(
    workspace: &Workspace,
    now: Timestamp,
) -> Result<Option<(ConfigurationId, Configuration, Daily)>, Failure> {
    let Some((id, configuration)) = workspace.active()? else { return Ok(None) };
    let daily = Daily {
        time: configuration.company_sync.daily_sync_time,
        since: workspace.store.served_since(&id, now)?,
        list_at: workspace.store.proved_at(&id)?,
        served: workspace.store.served_days(&id, now)?,
    };
    Ok(Some((id, configuration, daily)))
}

/// Writes down what became of some days.
pub fn note_days(workspace: &Workspace, id: &ConfigurationId, days: &[(Date, DailyOutcome)]) -> Result<(), Failure> {
    Ok(workspace.store.note_days(id, days, workspace.now())?)
}

/// The events that are too old to keep.
pub fn old_events(workspace: &Workspace, now: Timestamp) -> Result<OldEvents, Failure> {
    Ok(workspace.store.old_events(now)?)
}

/// Forgets some of them, so few that callbacks hardly wait; says whether more are left.
pub fn forget_some(workspace: &Workspace, old: OldEvents) -> Result<bool, Failure> {
    Ok(workspace.store.forget_events(old)? >= STEP)
}

/// Gives the space of what was forgotten back to the disk.
pub fn give_space_back(workspace: &Workspace) -> Result<(), Failure> {
    Ok(workspace.store.give_back()?)
}

/// What is known of the health of a configuration, and whether anything was ever installed for it.
pub fn health(workspace: &Workspace, id: &ConfigurationId) -> Result<(Vec<Finding>, bool), Failure> {
    Ok((workspace.store.health(id)?, super::health::is_configured(workspace, id)?))
}

/// Whether Halo was last seen with a webhook switched off.
pub fn saw_switched_off(workspace: &Workspace, id: &ConfigurationId) -> Result<bool, Failure> {
    Ok(workspace.store.deliveries(id)?.iter().any(|verdict| verdict.state == DeliveryState::SwitchedOff))
}

/// What there is to forward.
pub struct Due {
    /// The configuration that has something.
    pub id: ConfigurationId,
    /// Events, of different tickets.
    pub events: Vec<ToForward>,
    pub clients: Vec<ClientToForward>,
    /// When there is something again; only where there is nothing now.
    pub next: Option<Timestamp>,
}

impl Due {
    /// Whether there is nothing now.
    pub fn is_idle(&self) -> bool {
        self.events.is_empty() && self.clients.is_empty()
    }
}

/// How many events and clients are forwarded at once, and until when no client is tried.
pub struct AtOnce {
    pub events: usize,
    pub clients: usize,
    /// Until when no client is tried.
    pub away_until: Option<Timestamp>,
}

/// What there is to forward now; none without an active configuration.
pub fn due(workspace: &Workspace, at_once: &AtOnce) -> Result<Option<Due>, Failure> {
    let Some((id, _)) = workspace.active()? else { return Ok(None) };
    let (store, now) = (&workspace.store, workspace.now());
    if let Some(clients @ 1..) = store.begin_to_forward_clients(&id, now)? {
        tracing::info!(clients, "forwarding clients from now on, starting with the whole list");
    }
    // No more than begin at once: one that only waited for its turn could overtake an older one of its ticket
    // that is sent again meanwhile.
    let events = store.events_to_forward(&id, now, at_once.events)?;
    let away_until = at_once.away_until.filter(|until| now < *until);
    let clients =
        if away_until.is_some() { Vec::new() } else { store.clients_to_forward(&id, now, at_once.clients)? };
    let mut due = Due { id, events, clients, next: None };
    if due.is_idle() {
        let client = if away_until.is_some() { away_until } else { store.next_client_at(&due.id)? };
        due.next = [store.next_forward_at(&due.id)?, client].into_iter().flatten().min();
    }
    Ok(Some(due))
}

/// Notes that nothing is forwarded any more.
pub fn end_forwarding(workspace: &Workspace) -> Result<(), Failure> {
    Ok(workspace.store.end_forwarding_clients()?)
}

/// The body of an event as it came.
pub fn body(workspace: &Workspace, id: &ConfigurationId, event: i64) -> Result<Untrusted, Failure> {
    Ok(workspace.store.event_body(id, event)?.unwrap_or_else(|| Untrusted::new("null")))
}

/// Writes down what a try to hand an event on came to, and when the next one is.
pub fn forwarded(
    workspace: &Workspace,
    id: &ConfigurationId,
    event: i64,
    state: ForwardState,
    next: Option<Timestamp>,
    error: Option<&str>,
) -> Result<(), Failure> {
    Ok(workspace.store.forwarded(id, event, state, next, error, workspace.now())?)
}

/// Writes down what some tries to forward clients came to.
pub fn clients_forwarded(workspace: &Workspace, tries: &[ForwardTry]) -> Result<(), Failure> {
    Ok(workspace.store.clients_forwarded(tries)?)
}
