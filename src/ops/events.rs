//! The callbacks after they are stored: whose they are, and what the ticket behind each is.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::Workspace;
use crate::domain::callback::EventGroup;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::event::{Body, Event};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::secret::Secret;
use crate::domain::status::ServiceStatus;
use crate::halo::HaloApi;
use crate::settings::{StoredSecrets, new_forward_secret};

/// Events whose tickets are asked for in one go.
const BATCH: usize = 100;

/// Finds the address that a callback came to.
pub fn group(slug: &str) -> Option<EventGroup> {
    EventGroup::ALL.into_iter().find(|group| group.slug() == slug)
}

/// The secrets of every saved configuration: what its callbacks may identify themselves with.
pub fn secrets(workspace: &Workspace) -> Result<BTreeMap<ConfigurationId, StoredSecrets>, Failure> {
    let config = workspace.settings.load()?;
    let of = |id: &ConfigurationId| Ok((id.clone(), workspace.settings.secrets(id)?));
    config.configurations.keys().map(of).collect()
}

/// What events are signed with when they are handed on: made once, and kept.
pub fn forward_secret(workspace: &Workspace, id: &ConfigurationId) -> Result<Secret, Failure> {
    let mut secrets = workspace.settings.secrets(id)?;
    if let Some(secret) = secrets.forward {
        return Ok(secret);
    }
    let secret = new_forward_secret()?;
    secrets.forward = Some(secret.clone());
    workspace.settings.save_secrets(id, &secrets)?;
    Ok(secret)
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

/// The body of an event, to be read by a person; none where it is not kept any more.
pub fn body(workspace: &Workspace, id: &ConfigurationId, number: i64) -> Result<Option<Body>, Failure> {
    Ok(workspace.store.event_body(id, number)?.map(|body| Body::of(&body)))
}

/// Asks Halo for the tickets behind the events that wait for it, one question for each ticket. Says how many events may
/// still be waiting.
///
/// # Errors
///
/// Where Halo was not reached or refused: what was found before is kept, the rest waits.
pub async fn look_up(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    halo: &HaloApi,
    cancel: &CancellationToken,
) -> Result<bool, Failure> {
    let waiting = workspace.store.events_to_look_up(id, BATCH)?;
    // The newest of a ticket's events stands for those before it: Halo tells how the ticket is now.
    let newest: BTreeMap<i64, i64> = waiting.iter().map(|event| (event.ticket_id, event.number)).collect();
    for (ticket_id, number) in newest {
        if cancel.is_cancelled() {
            return Ok(true);
        }
        let board = &configuration.pia_screen.pia_board;
        match halo.ticket(ticket_id).await.map_err(Failure::from) {
            Ok(Some(ticket)) => {
                workspace.store.looked_up(id, number, ticket_id, Ok((&ticket, ticket.is_on(board))))?;
            }
            Ok(None) => {
                let gone = "Halo has no such ticket, or its agent may not see it";
                workspace.store.looked_up(id, number, ticket_id, Err(gone))?;
            }
            // This one ticket cannot be read, the next one may.
            Err(failure) if matches!(failure.kind, FailureKind::Refused | FailureKind::MissingRight) => {
                workspace.store.looked_up(id, number, ticket_id, Err(&failure.to_string()))?;
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(waiting.len() == BATCH)
}
