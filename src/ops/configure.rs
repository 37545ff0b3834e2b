//! Configure: installs and repairs what Pia needs in Halo, and rolls back its last run.
//!
//! The connection is tested first, unless that was done for the plan a moment ago; nothing is written when that fails. What is applied is the plan that was
//! shown: if Halo has changed since, it stops. How a plan is applied is in `ops/apply`.

use tokio_util::sync::CancellationToken;

use super::apply::{Apply, tally, tell_blocked};
pub use super::apply::{Consent, Event};
use super::locks::CONFIGURE_LOCK;
use super::plan::Target;
use super::workspace::INTERRUPTED;
use super::{Workspace, check, delivery, owner};
use crate::domain::check::{Check, CheckReport};
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{
    Finding, Rule, State, before_first_write, from_owner, from_plan_and_record, from_run, from_untold, none_failed,
};
use crate::domain::next::{Hint, Next};
use crate::domain::object::{ObjectKind, same_id};
use crate::domain::owner::Belongs;
use crate::domain::plan::{
    Action, ChangeResult, ConfigureReport, ConfigureStatus, Outcome, TABS_NOT_TOLD, how_far, untold,
};
use crate::halo::HaloApi;
use crate::halo::install::plan::{InstallPlan, Operation, PlanStep};
use crate::store::Intent;

/// Installs or repairs everything in Halo that the active configuration wants.
pub async fn install(
    workspace: &Workspace,
    id: &ConfigurationId,
    consent: Consent<'_>,
    cancel: CancellationToken,
    mut on_event: impl FnMut(Event<'_>) + Send,
) -> Result<ConfigureReport, Failure> {
    let lock = workspace.lock(CONFIGURE_LOCK, "Configure")?;
    let workspace = &workspace.under(&lock);
    let (id, configuration) = &workspace.active_configuration(Some(id))?;
    workspace.recognise_under(&lock, id, &configuration.api)?;
    require_sync(workspace, id)?;
    let target = Target::to_install(workspace, id, configuration)?.taking(consent.taken());
    let halo = workspace.halo(id, &configuration.api).await?.cancelled_by(cancel);
    // Up to the first write a person waits; what was begun is worth more than ten seconds.
    let reading = halo.while_a_person_waits();

    // Where the line drops before the first write, the next start has to know of it.
    let is_first = workspace.store.configured_at(id)?.is_none();
    let known = workspace.store.health(id)?.into_iter().find(|known| known.rule == Rule::Interrupted);
    let is_news = is_first && known.as_ref().is_none_or(|known| !known.is_issue());
    if is_news {
        workspace.note_health(id, [before_first_write()]);
    }
    let read = read(workspace, (id, configuration), &target, (&halo, &reading), &consent, &mut on_event).await;
    if is_news && !matches!(&read, Err(failure) if failure.kind == FailureKind::Interrupted) {
        workspace.note_health(id, [known.unwrap_or_else(none_failed)]);
    }
    let (report, plan) = match read? {
        Ok(read) => read,
        Err(report) => return Ok(refused(report)),
    };

    let run =
        if plan.changes_pending() { Some(workspace.store.begin_configure_run(id, workspace.now())?) } else { None };
    let mut apply = Apply::new(workspace, id, &target, &halo, run);
    if run.is_some() {
        // What was found before it is not so any more, also where it is killed half-way.
        workspace.note_health(id, [not_looked_at(), from_owner(&plan.belongs)]);
    }
    let mut results = apply.all(&plan, &mut on_event).await;
    let (status, mut message) = judge(&results, &plan, apply.cause());
    if target.is_rotating() {
        message.push_str(&format!("; a rotation is not finished: {} finishes it", Next::Rotate));
    }
    results.extend(tell_blocked(&plan, &mut on_event));
    let warnings = [report.warnings(), plan.warnings.clone()].concat();
    let report = ConfigureReport { status, results, message, refusal: None, warnings, cause: apply.cause() };
    // Of this run, and not of one before that ended in the same way.
    let told = Finding { since: Some(workspace.now()), ..from_run(&report) };
    // One that takes over is the only one that is allowed to go on.
    let told = match plan.belongs.other().filter(|_| told.is_issue()) {
        Some(_) => told.next(Hint::from("Finish it: ").next(Next::taking_over(&plan.taken))),
        None => told,
    };
    let untold = from_untold(&report);
    workspace.note_health(id, std::iter::once(told).chain(untold.clone()));
    // What Halo says nothing of keeps nothing from being in place.
    let configured_at = report.is_settled().then(|| workspace.now());
    let is_written = |result: &ChangeResult| {
        result.kind == ObjectKind::Webhook && result.outcome == Outcome::Done && result.action != Action::Keep
    };
    if configured_at.is_some() || report.results.iter().any(is_written) {
        // The run is over: what it did to Halo is reported whatever happens to the store.
        if let Err(failure) = delivery::forget_repaired(workspace, id, plan.moves_webhooks()) {
            tracing::warn!(%failure, "what was read of the webhooks could not be forgotten");
        }
    }
    if configured_at.is_some() {
        let fact = "unchanged since Configure";
        let here = Belongs::Here(owner::here(workspace)?);
        workspace.note_health(id, [untold.unwrap_or(Finding::well(Rule::Drift, fact)), from_owner(&here)]);
        // From now on somebody relies on it; what comes of the look is told by the overview.
        if let Err(failure) = super::health::look_at_store(workspace, id).await {
            tracing::warn!(%failure, "the database could not be looked at");
        }
    } else if !report.results.iter().any(|result| matches!(result.outcome, Outcome::Done | Outcome::Unverified)) {
        // Nothing came of it: Halo is as it was read.
        let recorded = workspace.store.installed(id).unwrap_or_default();
        let written = workspace.store.written(id).unwrap_or_default();
        workspace.note_health(id, [from_plan_and_record(&plan.shown(), &recorded, &written)]);
    }
    let noted = workspace.store.set_configured_at(id, configured_at);
    let noted = noted.and_then(|()| configured_at.map_or(Ok(()), |at| workspace.store.set_on_at(id, at)));
    Ok(ended(workspace, id, ("configure", Next::Configure), report, noted.map_err(Failure::from)))
}

/// Tests the connection and plans, unless that was done a moment ago: nothing is written into Halo. The report alone where
/// the test fails.
async fn read(
    workspace: &Workspace,
    (id, configuration): (&ConfigurationId, &Configuration),
    target: &Target,
    (halo, reading): (&HaloApi, &HaloApi),
    consent: &Consent<'_>,
    on_event: &mut (impl FnMut(Event<'_>) + Send),
) -> Result<Result<(CheckReport, InstallPlan), CheckReport>, Failure> {
    let screen = Some(&configuration.pia_screen);
    let mut on_check = |check: &Check| on_event(Event::Checked(check));
    let lately = check::lately::take(workspace, check::lately::about(id, reading, &format!("{screen:?}")));
    let report = if let Some(report) = lately {
        report.checks.iter().for_each(on_check);
        report
    } else {
        let report = check::with_halo(reading, Some(id), &configuration.api, screen, &mut on_check).await?;
        check::note(workspace, id, &report, halo);
        if !report.ok {
            workspace.write_down(&workspace.activity(Some(id), "configure", "refused"))?;
            return Ok(Err(report));
        }
        workspace.remember_verified(id, &configuration.api, halo).await?;
        report
    };
    let plan = target.plan(reading).await?;
    settle_open_intents(workspace, id, &plan, &ObjectKind::ALL)?;
    consent.covers(workspace, &plan)?;
    Ok(Ok((report, plan)))
}

/// Switches those of our webhooks on again that Halo has switched off, by their ids, and changes nothing else: one that
/// somebody has changed in more is left for a person. Answers how many are on again.
///
/// # Errors
///
/// Where Halo cannot be read, or somebody else is at Configure.
pub async fn switch_on(
    workspace: &Workspace,
    id: &ConfigurationId,
    off: &[String],
    cancel: CancellationToken,
) -> Result<usize, Failure> {
    let lock = workspace.lock(CONFIGURE_LOCK, "the service")?;
    let workspace = &workspace.under(&lock);
    let (id, configuration) = &workspace.active_configuration(Some(id))?;
    workspace.recognise_under(&lock, id, &configuration.api)?;
    let target = Target::to_install(workspace, id, configuration)?;
    let halo = workspace.halo(id, &configuration.api).await?.in_background().cancelled_by(cancel);
    let mut plan = target.plan(&halo).await?;
    let is_only_off = |step: &PlanStep| {
        (step.kind, step.action) == (ObjectKind::Webhook, Action::Update)
            && step.id.as_ref().is_some_and(|id| off.iter().any(|off| same_id(off, id)))
            && step.fields.iter().filter(|field| !field.is_owner()).map(|field| field.name).eq(["active"])
    };
    owner::require(workspace, &plan.belongs)?;
    plan.steps.retain(is_only_off);
    if plan.steps.is_empty() {
        return Ok(0);
    }
    let run = Some(workspace.store.begin_configure_run(id, workspace.now())?);
    let results = Apply::new(workspace, id, &target, &halo, run).all(&plan, &mut |_| {}).await;
    let (done, open) = tally(&results);
    if open == 0 {
        // The next look, of whichever host, does not take what a person switches off for Halo's doing.
        workspace.store.set_on_at(id, workspace.now())?;
    }
    let outcome = if open == 0 { "done" } else { "failed" };
    let mut activity = workspace.activity(Some(id), "switch webhooks on again", outcome);
    activity.message = results.iter().find_map(|result| result.message.clone());
    workspace.write_down(&activity)?;
    Ok(done)
}

/// Writes down how a run ended. It has written into Halo: whatever fails from here on, there is a report.
pub(super) fn ended(
    workspace: &Workspace,
    id: &ConfigurationId,
    (action, again): (&str, Next),
    mut report: ConfigureReport,
    noted: Result<(), Failure>,
) -> ConfigureReport {
    check::note_writes(workspace, id, &report, &again);
    let mut activity = workspace.activity(Some(id), action, report.status.words());
    activity.message = Some(report.message.clone());
    if let Err(failure) = noted.and_then(|()| workspace.write_down(&activity)) {
        report.not_noted(&failure);
    }
    report
}

/// Pia has to know the clients before Halo starts to send their events.
pub fn require_sync(workspace: &Workspace, id: &ConfigurationId) -> Result<(), Failure> {
    if workspace.store.proved_at(id)?.is_some() || workspace.store.unproved_at(id)?.is_some() {
        return Ok(());
    }
    let message = "no complete sync yet, so Pia does not know your clients; nothing was written";
    let hint = match workspace.store.published_at(id)? {
        Some(_) => {
            let again = Hint::from("Run the sync again: ").next(Next::Sync);
            again.text(". Or continue with the stored clients: ").next(Next::ConfigureUnproved)
        }
        None => Hint::from("Run the first sync: ").next(Next::Sync),
    };
    Err(Failure::new(FailureKind::Declined, message).hint(hint))
}

/// Goes on with the stored list, though no sync has proved it complete: a person has agreed to that.
///
/// # Errors
///
/// Where no list is stored.
pub fn agree_unproved(workspace: &Workspace, id: &ConfigurationId) -> Result<(), Failure> {
    if workspace.store.proved_at(id)?.is_some() {
        return Ok(());
    }
    if !workspace.store.agree_unproved(id, workspace.now())? {
        return require_sync(workspace, id);
    }
    workspace.write_down(&workspace.activity(Some(id), "continue with a list that is not proved complete", "agreed"))
}

/// What an earlier run began and did not see the end of: the plan was made from what Halo holds, so it tells. Of the kinds
/// that the plan is about, and of no others.
pub(super) fn settle_open_intents(
    workspace: &Workspace,
    id: &ConfigurationId,
    plan: &InstallPlan,
    kinds: &[ObjectKind],
) -> Result<(), Failure> {
    for intent in workspace.store.open_intents(id)?.into_iter().filter(|intent| kinds.contains(&intent.kind)) {
        let found = read_back_later(was_done(&intent, plan));
        workspace.store.end_intent(intent.id, found, workspace.now())?;
        let mut activity = workspace.activity(Some(id), INTERRUPTED, found);
        activity.object = Some(intent.name.display());
        workspace.write_down(&activity)?;
    }
    Ok(())
}

/// The outcome of a write that a run which was killed has left open.
pub(super) fn read_back_later(was_done: bool) -> &'static str {
    if was_done { "read back later: in place" } else { "read back later: not as planned" }
}

/// Whether a plan that was made after an intent shows that it was carried out.
fn was_done(intent: &Intent, plan: &InstallPlan) -> bool {
    let mut of_object = plan.steps.iter().filter(|change| {
        change.kind == intent.kind
            && match &intent.object {
                Some(id) => change.id.as_ref() == Some(id),
                None => change.name == intent.name,
            }
    });
    // Whatever has to be made, linked or forgotten is not there; what is kept, mended, taken over or taken out is.
    let is_there = |change: &PlanStep| {
        !matches!(change.action, Action::Create | Action::Link) && change.operation != Operation::Forget
    };
    match intent.action {
        Action::Delete | Action::Unlink => !of_object.any(is_there),
        // Still to be mended: it was not. Still to be given back: it was.
        // Ours by its address alone: it leads to us already. Another address still to be written: it does not.
        Action::Adopt => {
            of_object.any(|change| is_there(change) && change.fields.iter().all(|field| field.name != "url"))
        }
        Action::Update => {
            of_object.any(|change| is_there(change) && (change.action != Action::Update || change.operation.restores()))
        }
        _ => of_object.any(is_there),
    }
}

/// The report of a run whose connection test failed: not one write was made.
pub fn refused(report: CheckReport) -> ConfigureReport {
    let message = match report.first_failure() {
        Some(check) => format!("{}: {}; nothing was written", check.id.title(), check.message),
        None => "the connection test failed; nothing was written".to_owned(),
    };
    ConfigureReport {
        status: ConfigureStatus::Refused,
        results: Vec::new(),
        message,
        warnings: report.warnings(),
        refusal: Some(report),
        cause: None,
    }
}

fn not_looked_at() -> Finding {
    Finding::new(Rule::Drift, State::Unknown, "not looked at since the last Configure")
        .next(Hint::from("Check now: ").next(Next::Doctor))
}

// The guide's own words where a webhook was installed; what was only mended or linked is called that.
fn success(results: &[ChangeResult]) -> &'static str {
    let installs = |result: &ChangeResult| {
        result.kind == ObjectKind::Webhook && matches!(result.action, Action::Create | Action::Adopt)
    };
    match results.iter().any(installs) {
        true => "Webhook install was successful",
        false => "All changes were made",
    }
}

fn judge(results: &[ChangeResult], plan: &InstallPlan, cause: Option<FailureKind>) -> (ConfigureStatus, String) {
    let (done, open) = tally(results);
    let blocked = plan.hindrances().count();
    let left = if cause == Some(FailureKind::Interrupted) { "to do" } else { "not made" };
    let changes = results.iter().filter(|result| result.action != Action::Keep).count();
    let far = how_far(results, changes + blocked, left);
    let own = |result: &&ChangeResult| matches!(result.kind, ObjectKind::Webhook | ObjectKind::CustomTab);
    let kept = results.iter().filter(own).filter(|result| result.outcome == Outcome::Unchanged).count();
    match (done, open + blocked) {
        (0, 0) => (ConfigureStatus::NothingToDo, "Everything is in place already".to_owned()),
        (_, 0) => (ConfigureStatus::Configured, success(results).to_owned()),
        // Another run would say no more.
        _ if blocked == 0 && !untold(results).is_empty() => {
            (ConfigureStatus::PartlyDone, format!("{far}: {TABS_NOT_TOLD}"))
        }
        (0, _) if kept == 0 => (ConfigureStatus::Failed, format!("{far}. Fix that and run Configure again.")),
        _ => (ConfigureStatus::PartlyDone, format!("{far}. It is safe to run Configure again.")),
    }
}
