//! Where things stand: read from settings and store alone, with no network.

use std::path::Path;

use super::answering::may_work;
use super::health::facts::judge;
use super::holding::{configuring, is_configuring, syncing};
use super::runs::runs;
use super::{Workspace, drafts, spooled, units};
use crate::domain::callback::{CallbackUrl, EventGroup};
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::delivery::Delivery;
use crate::domain::failure::Failure;
use crate::domain::health::saw_owner;
use crate::domain::object::same_id;
use crate::domain::record::InstalledObject;
use crate::domain::request::Standing;
use crate::domain::rotation::RotationStatus;
use crate::domain::status::{
    IntegrationStatus, Known, LastSync, Overview, Saved, ServiceStatus, Status, StepState, Steps, Unrecorded,
};
use crate::domain::sync_run::{RUNS_KEPT, Sight, SyncReport};

/// Days of the daily sync that are shown.
const DAYS: usize = 31;

/// How long a gap in the callbacks is shown.
const GAPS: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 7);

/// Lines of the audit trail that are shown.
const ACTIVITY: usize = 500;

/// Where one configuration stands.
pub fn of(workspace: &Workspace, id: &ConfigurationId) -> Result<Status, Failure> {
    let (id, configuration, active) = workspace.configuration(Some(id))?;
    status(workspace, &id, &configuration, active, runs(workspace, &id, 1)?.first())
}

/// Where one configuration stands, with its runs and the audit trail.
pub fn standing(workspace: &Workspace, id: &ConfigurationId) -> Result<Standing, Failure> {
    whole_standing(workspace, id).map_err(|failure| spooled::and_spooled(failure, workspace.paths()))
}

fn whole_standing(workspace: &Workspace, id: &ConfigurationId) -> Result<Standing, Failure> {
    let (id, configuration, active) = workspace.configuration(Some(id))?;
    let runs = runs(workspace, &id, RUNS_KEPT)?;
    let status = status(workspace, &id, &configuration, active, runs.first())?;
    let hours = workspace.store.events_by_hour(&id, workspace.now())?;
    let (syncing, configuring) = (syncing(workspace, &id), configuring(workspace));
    Ok(Standing { status, runs, activity: workspace.activities(ACTIVITY)?, hours, syncing, configuring })
}

/// Every saved configuration, and the unfinished wizard.
pub fn overview(workspace: &Workspace) -> Result<Overview, Failure> {
    let config = workspace.settings.load()?;
    let mut configurations = Vec::new();
    for (id, configuration) in &config.configurations {
        let active = config.active.as_ref() == Some(id);
        let command = configuration.api.client_secret_command.as_deref();
        let has_secret = workspace.secret_source(Some(id), command)?.is_some();
        configurations.push(Saved {
            id: id.clone(),
            configuration: configuration.clone(),
            has_secret,
            status: status(workspace, id, configuration, active, runs(workspace, id, 1)?.first())?,
        });
    }
    let outside = workspace.secret_source(None, None)?;
    let draft = drafts::load(workspace)?;
    Ok(Overview {
        configurations,
        draft_at: draft.as_ref().and_then(|_| drafts::kept_at(workspace)),
        draft,
        outside_secret: outside.map(|source| source.to_string()),
    })
}

/// The callback addresses of a configuration; none before its first save, or without an address for Pia.
pub fn callbacks(workspace: &Workspace, id: &ConfigurationId) -> Result<Vec<(EventGroup, CallbackUrl)>, Failure> {
    let (id, configuration, _) = workspace.configuration(Some(id))?;
    let stored = workspace.settings.secrets(&id)?;
    let (Some(pia), Some(secrets)) = (&configuration.integration.pia_url, stored.wanted_callback()) else {
        return Ok(Vec::new());
    };
    Ok(EventGroup::ALL.map(|group| (group, CallbackUrl::new(pia, &id, group, &secrets.token))).to_vec())
}

/// Where the secrets cannot be read nothing is said of them here: whoever needs them says why.
fn rotation(workspace: &Workspace, id: &ConfigurationId) -> RotationStatus {
    let stored = workspace.settings.secrets(id).unwrap_or_default();
    let former = stored.former_callback.filter(|former| workspace.now() < former.until);
    RotationStatus { under_way: stored.next_callback.is_some(), former_good_until: former.map(|former| former.until) }
}

/// How the service stands.
pub(super) fn service(workspace: &Workspace, id: &ConfigurationId) -> Result<ServiceStatus, Failure> {
    let service = workspace.service();
    let running = may_work(&service);
    let (holder, unanswered) = service;
    let mut days = workspace.store.days(id)?;
    days.truncate(DAYS);
    let last = workspace.store.events(id, None, None, 1)?.pop();
    let (events_to_forward, undelivered) = workspace.store.forward_counts(id)?;
    Ok(ServiceStatus {
        running,
        unanswered,
        process: holder.as_ref().map(|holder| holder.pid),
        timer: units::timer_runs(Path::new("/"), workspace.settings.paths()),
        since: holder.map(|holder| holder.since),
        last_event_at: last.as_ref().map(|event| event.received_at),
        last_lag_ms: last.and_then(|event| event.lag()).map(|lag| lag.as_millis() as i64),
        gaps: workspace.store.gaps(id, workspace.now() - GAPS)?,
        // The service says in its log what is wrong with it.
        spool: spooled::spooled(workspace.paths()).unwrap_or_default(),
        events_to_forward,
        undelivered,
        clients_to_forward: workspace.store.count_clients_to_forward(id)?,
        days,
    })
}

/// Writes that nobody has seen the end of. While somebody holds the lock they are under way, and not left behind.
fn unfinished(workspace: &Workspace, id: &ConfigurationId) -> Result<usize, Failure> {
    Ok(if is_configuring(workspace) { 0 } else { workspace.store.open_intents(id)?.len() })
}

/// What was read of the webhooks that are installed: of one that was removed nothing is to be said any more.
fn deliveries(
    workspace: &Workspace,
    id: &ConfigurationId,
    installed: &[InstalledObject],
) -> Result<Vec<Delivery>, Failure> {
    let mut read = workspace.store.deliveries(id)?;
    read.retain(|delivery| installed.iter().any(|object| same_id(&object.id, &delivery.id)));
    Ok(read)
}

fn first_sync(workspace: &Workspace, id: &ConfigurationId) -> Result<StepState, Failure> {
    if workspace.store.proved_at(id)?.is_some() {
        return Ok(StepState::Done);
    }
    Ok(if workspace.store.unproved_at(id)?.is_some() { StepState::NotProved } else { StepState::Todo })
}

fn status(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    active: bool,
    last_run: Option<&SyncReport>,
) -> Result<Status, Failure> {
    let verified = workspace.is_verified(id, &configuration.api)?;
    let (configured_at, objects) = (workspace.store.configured_at(id)?, workspace.store.installed(id)?);
    let mut integration = IntegrationStatus {
        configured_at,
        was_configured: workspace.store.has_written(id)?,
        unrecorded: Unrecorded::default(),
        unfinished: unfinished(workspace, id)?,
        left_open: super::full_circle::left_open(workspace, id)?,
        deliveries: deliveries(workspace, id, &objects)?,
        objects,
        rotation: rotation(workspace, id),
    };
    integration.was_configured |= integration.is_in_halo();
    if !integration.was_configured {
        integration.unrecorded = saw_owner(&workspace.store.health(id)?);
    }
    let mut status = Status {
        configuration: id.to_string(),
        name: configuration.name.clone(),
        active,
        halo: workspace.store.release(id)?,
        store: workspace.store.server(),
        hosts: workspace.store.hosts()?,
        steps: Steps {
            credentials: if verified { StepState::Done } else { StepState::NotVerified },
            company_sync: StepState::Done,
            pia_screen: StepState::Done,
            initial_sync: first_sync(workspace, id)?,
            configure: integration.step(),
        },
        last_sync: last_run.map(|run| LastSync {
            status: run.status,
            started_at: run.started_at,
            finished_at: run.finished_at,
            halo_count: run.halo_count,
            stored: run.stored,
            restricted: run.sight().and_then(Sight::is_restricted),
            as_seen: run.as_seen(),
        }),
        next_sync: active.then(|| configuration.company_sync.daily_sync_time.next_after(workspace.now())),
        clients: workspace.store.client_counts(id)?,
        integration,
        service: service(workspace, id)?,
        health: Vec::new(),
        known: Known::default(),
    };
    judge(workspace, id, configuration, &mut status)?;
    status.steps = status.steps.judged(&status.health);
    Ok(status)
}
