//! Delivery proof: what Halo's own log says of each webhook that we installed. Nothing is written into Halo.

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Workspace;
use crate::domain::configuration::ConfigurationId;
use crate::domain::delivery::{Delivery, DeliveryState};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::saw_owner;
use crate::domain::next::{Hint, Next};
use crate::domain::object::{ObjectKind, same_id};
use crate::domain::secret::Secret;
use crate::domain::status::{NOT_IN_STORE, Unrecorded};
use crate::halo::delivery::{Findings, WebhookState, judge};

/// That no webhook is on record: there is none yet, or Halo holds some that this store has lost sight of.
pub(super) fn no_webhook(workspace: &Workspace, id: &ConfigurationId, so: &str) -> Result<Failure, Failure> {
    let install = Hint::from("Install them: ").next(Next::Configure);
    let (fact, hint) = match saw_owner(&workspace.store.health(id)?) {
        Unrecorded::Nothing => (format!("no webhook is installed yet, so {so}"), install),
        Unrecorded::NotKnown => {
            let look = Hint::from("Look there: ").next(Next::Plan).text(", or install them: ").next(Next::Configure);
            (format!("no webhook is known here, and no look in Halo has succeeded yet, so {so}"), look)
        }
        Unrecorded::Something => (NOT_IN_STORE.to_owned(), install),
    };
    Ok(Failure::new(FailureKind::Declined, fact).hint(hint))
}

/// Reads the log of each of our webhooks, and remembers the verdicts.
///
/// Halo's API has no known call that fires a test, so none is fired: what is judged is what Halo has really delivered.
pub async fn read(
    workspace: &Workspace,
    id: &ConfigurationId,
    cancel: CancellationToken,
) -> Result<Vec<Delivery>, Failure> {
    let (id, configuration, _) = workspace.configuration(Some(id))?;
    workspace.recognise(&id, &configuration.api)?;
    let mut installed = workspace.store.installed(&id)?;
    installed.retain(|object| object.kind == ObjectKind::Webhook);
    if installed.is_empty() {
        return Err(no_webhook(workspace, &id, "nothing can be delivered")?);
    }
    installed.sort_by(|a, b| a.name.cmp(&b.name));
    let secrets = workspace.settings.secrets(&id)?;
    let hide: Vec<&Secret> = secrets.every_callback().flat_map(|pair| [&pair.token, &pair.password]).collect();

    let halo = workspace.halo(&id, &configuration.api).await?.cancelled_by(cancel).while_a_person_waits();
    let mut states = halo.webhook_states().await?;
    let (mut verdicts, on_at) = (Vec::new(), workspace.store.on_at(&id)?);
    for object in &installed {
        let state = states.get_mut(&object.id.to_ascii_lowercase());
        let log = match &state {
            None => Ok(Vec::new()),
            Some(_) => halo.deliveries(&object.id, &hide).await.map_err(Failure::from),
        };
        if let Err(failure) = &log
            && !matches!(failure.kind, FailureKind::MissingRight | FailureKind::Declined)
        {
            return Err(failure.clone());
        }
        let log = log.map_err(|failure| failure.to_string());
        // A webhook that nothing is bound to has nothing to deliver. Only then is it worth a request.
        if let (Some(state), Ok([])) = (state, log.as_deref()) {
            state.events = halo.bindings(&object.id).await.ok().map(|bindings| bindings.len());
        }
        let name = object.name.display();
        let findings = Findings {
            name: &name,
            id: &object.id,
            installed_at: object.installed_at,
            on_at,
            webhook: states.get(&object.id.to_ascii_lowercase()),
            log: log.as_deref().map_err(String::as_str),
        };
        verdicts.push(judge(&findings, workspace.now()));
    }
    workspace.store.remember_deliveries(&id, &verdicts)?;
    Ok(verdicts)
}

/// Forgets what was read of the webhooks, where one of them was off or missing: Configure has switched it on, or made it anew,
/// since then. Whether they deliver is not known until the log is read again.
pub(super) fn forget_repaired(workspace: &Workspace, id: &ConfigurationId, is_moved: bool) -> Result<(), Failure> {
    if is_moved || workspace.store.deliveries(id)?.iter().any(|delivery| delivery.state.sends_nothing()) {
        workspace.store.remember_deliveries(id, &[])?;
    }
    Ok(())
}

/// What a look at the webhooks themselves says of their deliveries, by the names of those that are off or gone: such a one sends
/// nothing, whatever its log said before, and of one that is on again the log has to be read.
pub(super) fn note_seen(workspace: &Workspace, id: &ConfigurationId, off: &[(String, DeliveryState)]) {
    // Whoever may only read looks all the same.
    if let Err(error) = write_seen(workspace, id, off) {
        tracing::debug!(%error, "what was seen of the webhooks could not be saved");
    }
}

fn write_seen(workspace: &Workspace, id: &ConfigurationId, off: &[(String, DeliveryState)]) -> Result<(), Failure> {
    let mut known = workspace.store.deliveries(id)?;
    let state = |name: &str| off.iter().find(|(other, _)| other == name).map(|(_, state)| *state);
    if known.iter().any(|delivery| delivery.state.sends_nothing() && state(&delivery.webhook).is_none()) {
        return Ok(workspace.store.remember_deliveries(id, &[])?);
    }
    let (before, now) = (known.clone(), workspace.now());
    for own in workspace.store.installed(id)?.iter().filter(|own| own.kind == ObjectKind::Webhook) {
        let name = own.name.display();
        let Some(state) = state(&name) else { continue };
        let held = WebhookState { active: false, switched_off_at: None, log_days: None, events: None };
        let seen = judge(
            &Findings {
                name: &name,
                id: &own.id,
                installed_at: own.installed_at,
                on_at: None,
                webhook: (state == DeliveryState::SwitchedOff).then_some(&held),
                log: Ok(&[]),
            },
            now,
        );
        match known.iter_mut().find(|delivery| same_id(&delivery.id, &own.id)) {
            Some(known) if known.state == state => {}
            Some(known) => {
                let (last_at, last_success_at) = (known.last_at, known.last_success_at);
                *known = Delivery { last_at, last_success_at, ..seen };
            }
            None => known.push(seen),
        }
    }
    if known != before {
        workspace.store.remember_deliveries(id, &known)?;
    }
    Ok(())
}

/// From when on a delivery to one of our webhooks has failed since a moment, whatever came after it; none where each came.
///
/// # Errors
///
/// Where Halo's log cannot be read.
pub async fn failed_since(
    workspace: &Workspace,
    id: &ConfigurationId,
    since: Timestamp,
    cancel: CancellationToken,
) -> Result<Option<Timestamp>, Failure> {
    let (id, configuration, _) = workspace.configuration(Some(id))?;
    let halo = workspace.halo(&id, &configuration.api).await?.in_background().cancelled_by(cancel);
    let mut failed: Option<Timestamp> = None;
    for object in workspace.store.installed(&id)?.iter().filter(|object| object.kind == ObjectKind::Webhook) {
        let found = halo.failed_since(&object.id, since).await?;
        failed = failed.into_iter().chain(found).min();
    }
    Ok(failed)
}
