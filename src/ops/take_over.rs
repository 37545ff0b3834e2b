//! Whose a configuration in Halo is: looked at in Halo, written down, and taken over by this machine.

use tokio_util::sync::CancellationToken;

use super::Workspace;
use super::apply::Apply;
use super::locks::CONFIGURE_LOCK;
use super::plan::Target;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{Rule, State, from_owner};
use crate::domain::next::{Hint, Next};
use crate::domain::object::ObjectKind;
use crate::domain::owner::Belongs;
use crate::domain::plan::Action;
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
    let is_here = matches!(belongs, Belongs::Here(_));
    let mut activity = workspace.activity(Some(id), "take over", if is_here { "done" } else { "failed" });
    activity.message = results.into_iter().find_map(|result| result.message);
    workspace.write_down(&activity)?;
    if is_here {
        return Ok(());
    }
    let why = activity.message.unwrap_or_else(|| "Halo did not save the new owner".to_owned());
    Err(Failure::new(FailureKind::PartlyDone, format!("the takeover failed: {why}"))
        .hint(Hint::from("See the plan: ").next(Next::Plan)))
}
