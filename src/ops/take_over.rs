//! Whose a configuration in Halo is: looked at in Halo, written down, and taken over by this machine.

use tokio_util::sync::CancellationToken;

use super::Workspace;
use super::apply::Apply;
use super::delivery;
use super::locks::CONFIGURE_LOCK;
use super::plan::Target;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::delivery::DeliveryState;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{Rule, State, from_owner, gone_or_off};
use crate::domain::next::{Hint, Next};
use crate::domain::object::{ObjectKind, same_id};
use crate::domain::owner::Belongs;
use crate::domain::plan::{Action, ChangeResult, MISSING, Outcome, SWITCHED_OFF};
use crate::domain::record::InstalledObject;
use crate::halo::HaloApi;
use crate::halo::install::plan::PlanStep;

/// The active configuration, where something of it is in Halo by our own record.
///
/// # Errors
///
/// Where settings or store cannot be read.
pub fn installed(workspace: &Workspace) -> Result<Option<(ConfigurationId, Configuration)>, Failure> {
    let Some((id, configuration)) = workspace.active()? else { return Ok(None) };
    Ok((!workspace.store.installed(&id)?.is_empty()).then_some((id, configuration)))
}

/// Whether the active configuration was another machine's when that was last looked at.
pub fn was_lost(workspace: &Workspace) -> bool {
    let known = workspace.active().ok().flatten();
    let known = known.and_then(|(id, _)| workspace.store.health(&id).ok()).unwrap_or_default();
    known.iter().any(|finding| finding.rule == Rule::Owner && finding.state == State::Broken)
}

/// Asks Halo, while a person waits, who owns the webhooks of a configuration, and writes the answer down.
///
/// # Errors
///
/// Where Halo cannot be asked.
pub async fn look(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    cancel: CancellationToken,
) -> Result<Belongs, Failure> {
    let halo = workspace.halo(id, &configuration.api).await?.cancelled_by(cancel).while_a_person_waits();
    look_with(workspace, id, configuration, &halo).await
}

/// The same with a handle of the caller's: the service asks in the background.
///
/// # Errors
///
/// As [`look`].
pub async fn look_with(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    halo: &HaloApi,
) -> Result<Belongs, Failure> {
    let belongs = Target::new(workspace, id, configuration)?.belongs(halo).await?;
    workspace.note_health(id, [from_owner(&belongs)]);
    Ok(belongs)
}

/// Takes a configuration over from another machine: its webhooks carry this machine's mark from then on, and lead here. What
/// else differs is Configure's.
///
/// # Errors
///
/// Where Halo cannot be read, or does not keep what is written.
pub async fn take_over(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    cancel: CancellationToken,
) -> Result<(), Failure> {
    let lock = workspace.lock(CONFIGURE_LOCK, "take over")?;
    let workspace = &workspace.under(&lock);
    workspace.recognise_under(&lock, id, &configuration.api)?;
    let target = Target::to_install(workspace, id, configuration)?;
    let halo = workspace.halo(id, &configuration.api).await?.cancelled_by(cancel);
    let mut plan = target.plan(&halo.while_a_person_waits()).await?;
    let is_ours = |action| matches!(action, Action::Update | Action::Adopt);
    // The tab of another Pia Url is known by the webhooks beside it, which lead here afterwards.
    let is_tab = |step: &PlanStep| step.kind == ObjectKind::CustomTab && step.action == Action::Adopt;
    plan.steps.retain(|step| is_tab(step) || (step.kind == ObjectKind::Webhook && is_ours(step.action)));
    let run = Some(workspace.store.begin_configure_run(id, workspace.now())?);
    let results = Apply::new(workspace, id, &target, &halo, run).all(&plan, &mut |_| {}).await;
    let belongs = target.belongs(&halo).await?;
    workspace.note_health(id, [from_owner(&belongs)]);
    let is_done = |result: &&ChangeResult| matches!(result.outcome, Outcome::Done | Outcome::Unchanged);
    let (ours, theirs): (Vec<_>, Vec<_>) = results.iter().partition(is_done);
    let is_here = matches!(belongs, Belongs::Here(_)) && theirs.is_empty();
    let outcome = match is_here {
        true => "done",
        false if ours.is_empty() => "failed",
        false => "half done",
    };
    let mut activity = workspace.activity(Some(id), "take over", outcome);
    activity.message = results.iter().find_map(|result| result.message.clone());
    workspace.write_down(&activity)?;
    if is_here {
        return Ok(());
    }
    let why = activity.message.unwrap_or_else(|| "Halo did not save the new owner".to_owned());
    let message = match ours.is_empty() {
        true => format!("the takeover failed: {why}"),
        false => {
            format!("the takeover is half done: {} now here, {} not yet: {why}", names(&ours), names(&theirs))
        }
    };
    Err(Failure::new(FailureKind::PartlyDone, message)
        .hint(Hint::from("Finish it: ").next(Next::TakeOver).text("; see the plan: ").next(Next::Plan)))
}

fn names(results: &[&ChangeResult]) -> String {
    let names: Vec<String> = results.iter().map(|result| result.name.display()).collect();
    if names.is_empty() { "its mark".to_owned() } else { names.join(", ") }
}

/// Looks at the end of a sync at the webhooks and the tab that Configure made, as far as two lists tell: whose they are, and
/// what is gone or switched off. Only a whole look says that all is well.
///
/// # Errors
///
/// Where Halo cannot be asked.
pub(super) async fn look_beside_sync(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    halo: &HaloApi,
) -> Result<(), Failure> {
    let target = Target::new(workspace, id, configuration)?;
    if target.record.is_empty() || configuration.integration.pia_url.is_none() {
        return Ok(());
    }
    let (belongs, webhooks) = target.webhooks(halo).await?;
    let tabs = target.tabs(halo).await?;
    let fault = |own: &InstalledObject| match own.kind {
        ObjectKind::Webhook => match webhooks.iter().find(|webhook| same_id(&webhook.id, &own.id)) {
            None => Some(MISSING),
            Some(webhook) => (!webhook.active).then_some(SWITCHED_OFF),
        },
        ObjectKind::CustomTab => {
            let is_there = tabs.iter().any(|tab| tab.id.to_string() == own.id);
            (!is_there).then_some(MISSING)
        }
        _ => None,
    };
    let faults = target.record.iter().filter_map(|own| Some((own, fault(own)?)));
    let faults: Vec<(String, &str)> = faults.map(|(own, fault)| (own.name.display(), fault)).collect();
    workspace.note_health(id, [from_owner(&belongs)].into_iter().chain(gone_or_off(&faults)));
    let state = |fault: &str| if fault == MISSING { DeliveryState::Missing } else { DeliveryState::SwitchedOff };
    let off: Vec<_> = faults.iter().map(|(name, fault)| (name.clone(), state(fault))).collect();
    delivery::note_seen(workspace, id, &off);
    Ok(())
}
