//! Health: what the rules say of a configuration, a look at Halo for those that nothing here can tell, and the issues that
//! need a person.

mod certificate;
pub(super) mod facts;

use tokio_util::sync::CancellationToken;

use super::plan::{self, Target};
use super::{Workspace, check, delivery, events, status, sync};
use crate::domain::check::Check;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::delivery::Delivery;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{Finding, Retry, Rule, State, from_owner};
use crate::domain::next::{Hint, Next};
use crate::domain::sync_run::Brake;
use crate::halo::HaloApi;

/// The configuration that is looked after: the active one, by its id or without.
///
/// # Errors
///
/// Where another one is active, or none.
pub fn looked_after(workspace: &Workspace, id: Option<&ConfigurationId>) -> Result<ConfigurationId, Failure> {
    workspace.active_configuration(id).map(|(id, _)| id)
}

/// Every finding of a configuration, without a request.
///
/// # Errors
///
/// Where settings or store cannot be read.
pub fn findings(workspace: &Workspace, id: &ConfigurationId) -> Result<Vec<Finding>, Failure> {
    Ok(status::of(workspace, id)?.health)
}

/// Looks at everything that only a request can tell, and writes down what was found. What kept it from looking further
/// is the answer: Halo was not reached, for example.
///
/// # Errors
///
/// Where it could not begin: settings or store cannot be used, or it was interrupted.
pub async fn look(
    workspace: &Workspace,
    id: &ConfigurationId,
    cancel: CancellationToken,
    mut on_check: impl FnMut(&Check) + Send,
) -> Result<Option<Failure>, Failure> {
    let (id, configuration) = &workspace.active_configuration(Some(id))?;
    look_at_store(workspace, id).await?;
    // Where a proxy is meant and not named well, the look at Halo says so; this one would go past it.
    if workspace.require_sound_proxy().is_ok()
        && workspace.require_usable_authorities().is_ok()
        && let Some(found) = certificate::look(workspace, configuration).await
    {
        workspace.note_health(id, [found]);
    }
    let kept = match ask(workspace, id, configuration, cancel, &mut on_check).await {
        Ok(kept) => kept,
        Err(failure) if failure.kind == FailureKind::Interrupted => return Err(failure),
        Err(failure) => {
            check::note_rights(workspace, id, Some(&failure), Rule::Drift.title());
            Some(failure)
        }
    };
    check::note_silence(workspace, id, kept.as_ref());
    Ok(kept)
}

/// Looks whether the database is whole. Reads all of it.
pub(super) async fn look_at_store(workspace: &Workspace, id: &ConfigurationId) -> Result<(), Failure> {
    let of = id.clone();
    let whole = move |workspace: &Workspace| {
        let fault = workspace.store.fault()?;
        workspace.note_health(&of, [store(fault, workspace.store.is_file())]);
        Ok(())
    };
    workspace.run_blocking(whole).await
}

async fn ask(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    cancel: CancellationToken,
    on_check: &mut (dyn FnMut(&Check) + Send),
) -> Result<Option<Failure>, Failure> {
    workspace.recognise(id, &configuration.api)?;
    let halo = workspace.halo(id, &configuration.api).await?.cancelled_by(cancel.clone()).while_a_person_waits();
    let screen = Some(&configuration.pia_screen);
    let report = check::with_halo(&halo, Some(id), &configuration.api, screen, on_check).await?;
    check::note(workspace, id, &report, &halo);
    check::keep_lists(workspace, id, &configuration.api, &report);
    if !report.ok {
        return Ok(report.first_failure().map(check::failure_of));
    }
    workspace.remember_verified(id, &configuration.api, &halo).await?;
    if !is_configured(workspace, id)? {
        // The store may be a new one, and the objects in Halo all the same.
        if let Ok(target) = Target::new(workspace, id, configuration) {
            workspace.note_health(id, [from_owner(&target.belongs(&halo).await?)]);
        }
        return Ok(None);
    }
    look_at_objects(workspace, id, configuration, &halo).await?;
    let before: Vec<String> = off(&workspace.store.deliveries(id)?).collect();
    match delivery::read(workspace, id, cancel).await {
        Err(failure) if failure.kind != FailureKind::Declined => return Err(failure),
        // Halo may switch one off at any delivery: then what was seen of it before is not so any more.
        Ok(read) if off(&read).ne(before) => look_at_objects(workspace, id, configuration, &halo).await?,
        _ => {}
    }
    Ok(None)
}

// The names of the webhooks that are off or gone.
fn off(read: &[Delivery]) -> impl Iterator<Item = String> {
    read.iter().filter(|delivery| delivery.state.sends_nothing()).map(|delivery| delivery.webhook.clone())
}

// Compares the objects in Halo with what the settings want there.
async fn look_at_objects(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    halo: &HaloApi,
) -> Result<(), Failure> {
    let Ok(target) = Target::to_install(workspace, id, configuration) else { return Ok(()) };
    let plan = target.plan(halo).await?.shown();
    plan::note(workspace, id, &plan)
}

/// Whether anything was ever installed.
pub(super) fn is_configured(workspace: &Workspace, id: &ConfigurationId) -> Result<bool, Failure> {
    Ok(workspace.store.configured_at(id)?.is_some() || !workspace.store.installed(id)?.is_empty())
}

fn store(fault: Option<String>, is_file: bool) -> Finding {
    match fault {
        None if is_file => Finding::well(Rule::Store, "the database is intact"),
        // Nothing of it was read: its pages are nobody else's to see.
        None => Finding::well(Rule::Store, "PostgreSQL answers; it checks its own files"),
        Some(fault) => Finding::new(Rule::Store, State::Broken, format!("the database is damaged: {fault}"))
            .next(Hint::from("Stop the service, then ").next(Next::SetStoreAside).text(" and ").next(Next::Sync)),
    }
}

/// Says that the cause of an issue is known: it is not counted any more until it changes. Or, with `undo`, takes that back.
///
/// # Errors
///
/// Where there is no such issue, or it cannot be written down.
pub fn dismiss(workspace: &Workspace, id: &ConfigurationId, rule: Rule, undo: bool) -> Result<(), Failure> {
    let issue = issue(workspace, id, rule)?;
    let cause = issue.cause();
    workspace.require_trail()?;
    workspace.store.dismiss(id, rule, (!undo).then_some(cause.as_str()))?;
    let action = if undo { "count an issue again" } else { "dismiss an issue" };
    let mut activity = workspace.activity(Some(id), action, "done");
    activity.object = Some(rule.code().to_owned());
    activity.message = Some(issue.fact);
    workspace.write_down(&activity)
}

/// Tries again what an issue is about, and says what is found of its rule afterwards.
///
/// # Errors
///
/// Where there is no such issue, where nothing can be tried without a yes, or what the try itself says.
pub async fn retry(
    workspace: &Workspace,
    id: &ConfigurationId,
    rule: Rule,
    cancel: CancellationToken,
) -> Result<Finding, Failure> {
    let issue = issue(workspace, id, rule)?;
    let (id, configuration) = workspace.active_configuration(Some(id))?;
    match rule.retry() {
        Some(Retry::Sync) => {
            let report = sync::run(workspace, &id, &configuration, Brake::On, cancel, |_| {}).await?;
            if let Some(error) = report.error {
                return Err(error);
            }
        }
        Some(Retry::SendAgain) => _ = events::send_again(workspace, &id, None)?,
        Some(Retry::Look) => {
            if let Some(failure) = look(workspace, &id, cancel, |_| {}).await? {
                return Err(failure);
            }
        }
        None => {
            let failure = Failure::new(FailureKind::Usage, format!("{} cannot be retried", rule.code()));
            return Err(issue.next.into_iter().fold(failure, Failure::hint));
        }
    }
    let found = findings(workspace, &id)?.into_iter().find(|finding| finding.rule == rule);
    found.ok_or_else(|| none(rule))
}

fn issue(workspace: &Workspace, id: &ConfigurationId, rule: Rule) -> Result<Finding, Failure> {
    let findings = findings(workspace, id)?;
    findings.into_iter().find(|finding| finding.rule == rule && finding.is_issue()).ok_or_else(|| none(rule))
}

fn none(rule: Rule) -> Failure {
    Failure::new(FailureKind::Usage, format!("there is no issue {}", rule.code()))
        .hint(Hint::from("List them: ").next(Next::Issues))
}

/// Writes down what the service has found of itself.
pub fn note(workspace: &Workspace, id: &ConfigurationId, found: Finding) {
    workspace.note_health(id, [found]);
}

/// Writes down which state of a rule was told to people: the next service does not tell it again.
///
/// # Errors
///
/// Where it cannot be written down.
pub fn told(workspace: &Workspace, id: &ConfigurationId, rule: Rule, state: State) -> Result<(), Failure> {
    Ok(workspace.store.told_health(id, rule, state)?)
}

/// Writes down every state that has changed, so that its age is known to whoever looks later. Answers with the findings.
///
/// # Errors
///
/// Where settings or store cannot be read.
pub fn evaluate(workspace: &Workspace, id: &ConfigurationId) -> Result<Vec<Finding>, Failure> {
    let findings = findings(workspace, id)?;
    let before = workspace.store.health(id)?;
    let is_new = |finding: &&Finding| !before.iter().any(|known| known.is_same_state(finding));
    let now = workspace.now();
    let told = |rule| before.iter().find(|known| known.rule == rule).and_then(|known| known.told);
    let dated =
        |finding: &Finding| Finding { since: finding.since.or(Some(now)), told: told(finding.rule), ..finding.clone() };
    // What was judged and not seen is judged anew each time: written down, it would be taken for seen.
    let is_kept = |finding: &&Finding| !finding.rule.is_seen() || finding.seen_at.is_some();
    // While nobody looked it may have been well, and be a problem again.
    let dismissed = workspace.store.dismissed(id)?;
    let is_over =
        |finding: &Finding| finding.state == State::Well && dismissed.iter().any(|(rule, _)| *rule == finding.rule);
    let is_news = |finding: &&Finding| is_new(finding) || is_over(finding);
    let new: Vec<Finding> = findings.iter().filter(is_kept).filter(is_news).map(dated).collect();
    if !new.is_empty() && !workspace.store.only_looks() {
        workspace.store.keep_health(id, &new)?;
    }
    Ok(findings)
}
