//! A rotation: Halo gets a new callback token and password, and the former ones stay good for an overlap.
//!
//! No true event is lost at any point, because of the order:
//!
//! ```text
//!  1  the next pair is stored            from here on it is accepted, and so is the present one
//!  2  both webhooks get it               by the one writer: intent, sent, read back
//!  3  Halo shows both with it            only then
//!  4  next -> present -> former          in one save; the former is accepted until the overlap ends
//! ```
//!
//! Whatever ends it on the way leaves the next pair stored. The next run goes on with that one: there is never a third.

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::apply::{Apply, Consent, Event};
use super::check::Before;
use super::configure::{ended, refused, settle_open_intents};
use super::locks::CONFIGURE_LOCK;
use super::plan::Target;
use super::{Workspace, check, events, owner};
use crate::domain::calendar::utc;
use crate::domain::callback::CallbackSecrets;
use crate::domain::check::{Check, CheckId, CheckReport};
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::domain::object::ObjectKind;
use crate::domain::plan::{Action, ChangeResult, ConfigureReport, ConfigureStatus, Outcome};
use crate::domain::rotation::{Overlap, PlannedRotation, RotationReport};
use crate::halo::HaloApi;
use crate::halo::install::plan::InstallPlan;
use crate::settings::{StoredSecrets, new_callback_secrets};

/// The word for the audit trail.
const ROTATE: &str = "rotate";

/// How a rotation was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long the former pair stays good.
    pub overlap: Overlap,
    /// Whether the overlap of the last rotation may be cut short.
    pub end_overlap: bool,
}

/// Tests the connection, then reads Halo and plans. `Ok(Err(report))` when the test failed. Nothing is stored or written.
pub async fn load(
    workspace: &Workspace,
    id: &ConfigurationId,
    terms: Terms,
    cancel: CancellationToken,
    mut on_check: impl FnMut(&Check) + Send,
) -> Result<Result<PlannedRotation, CheckReport>, Failure> {
    let (id, configuration) = &workspace.active_configuration(Some(id))?;
    workspace.recognise(id, &configuration.api)?;
    let work = Work::begin(workspace, id, configuration, terms, cancel).await?;
    let report = work.test(Before::Planning, &mut on_check).await?;
    if !report.ok {
        return Ok(Err(report));
    }
    Ok(Ok(PlannedRotation { plan: work.plan().await?.shown(), goes_on: work.goes_on }))
}

/// Rotates, or finishes what an earlier run began. The configuration has to be the active one.
pub async fn run(
    workspace: &Workspace,
    id: &ConfigurationId,
    terms: Terms,
    consent: Consent<'_>,
    cancel: CancellationToken,
    mut on_event: impl FnMut(Event<'_>) + Send,
) -> Result<RotationReport, Failure> {
    let lock = workspace.lock(CONFIGURE_LOCK, "Rotate")?;
    let workspace = &workspace.under(&lock);
    let (id, configuration) = &workspace.active_configuration(Some(id))?;
    workspace.recognise_under(&lock, id, &configuration.api)?;
    let work = Work::begin(workspace, id, configuration, terms, cancel).await?;
    let report = work.test(Before::Writing, &mut |check: &Check| on_event(Event::Checked(check))).await?;
    if !report.ok {
        workspace.write_down(&workspace.activity(Some(id), ROTATE, "refused"))?;
        return Ok(RotationReport { report: refused(report), former_good_until: None });
    }
    let warnings = report.warnings();
    let plan = work.plan().await?;
    settle_open_intents(workspace, id, &plan, &[ObjectKind::Webhook])?;
    consent.covers(workspace, &plan)?;

    work.store_next()?;
    let mut apply = Apply::new(workspace, id, &work.target, &work.halo, None);
    let results = apply.all(&plan, &mut on_event).await;
    // Not what was answered to the writes, but what Halo shows afterwards: only that ends the former pair some day.
    let shown = work.target.plan_rotation(&work.halo).await;
    let (status, message, former_good_until) = match &shown {
        Ok(shown) if !shown.changes_pending() && shown.blocked.is_empty() => {
            let until = work.finish()?;
            (ConfigureStatus::Rotated, finished(until), until)
        }
        shown => {
            let (status, message) = judge(&results, shown.as_ref());
            (status, message, None)
        }
    };
    let report = ConfigureReport { status, results, message, refusal: None, warnings, cause: apply.cause() };
    Ok(RotationReport { report: ended(workspace, id, (ROTATE, Next::Rotate), report, Ok(())), former_good_until })
}

/// Everything that a rotation is made from.
struct Work<'a> {
    workspace: &'a Workspace,
    id: &'a ConfigurationId,
    configuration: &'a Configuration,
    terms: Terms,
    next: CallbackSecrets,
    goes_on: bool,
    target: Target,
    halo: HaloApi,
    /// The same up to the first write: a person waits.
    reading: HaloApi,
}

impl<'a> Work<'a> {
    async fn begin(
        workspace: &'a Workspace,
        id: &'a ConfigurationId,
        configuration: &'a Configuration,
        terms: Terms,
        cancel: CancellationToken,
    ) -> Result<Self, Failure> {
        let mut stored = workspace.settings.secrets(id)?;
        let goes_on = stored.next_callback.is_some();
        // What is said here of what is missing is what Configure says.
        Target::to_install(workspace, id, configuration)?;
        let next = match &stored.next_callback {
            Some(next) => next.clone(),
            None => new_callback_secrets()?,
        };
        stored.next_callback = Some(next.clone());
        let target = Target::with(workspace, id, configuration, &stored)?;
        let halo = workspace.halo(id, &configuration.api).await?.cancelled_by(cancel);
        let reading = halo.while_a_person_waits();
        Ok(Self { workspace, id, configuration, terms, next, goes_on, target, halo, reading })
    }

    /// Tests the connection for what is needed here.
    async fn test(&self, before: Before, on_check: &mut (dyn FnMut(&Check) + Send)) -> Result<CheckReport, Failure> {
        let needs = |check| matches!(check, CheckId::Address | CheckId::Token | CheckId::Webhooks);
        check::needed(self.workspace, &self.reading, self.id, &self.configuration.api, needs, before, on_check).await
    }

    /// The plan, where the webhooks are as Configure has left them.
    async fn plan(&self) -> Result<InstallPlan, Failure> {
        let plan = self.target.plan_rotation(&self.reading).await?;
        // What another machine has made of them is refused to Configure as well. Whose they are comes first: what is stored
        // here of the last rotation is not what its Halo has.
        if !plan.blocked.is_empty() {
            owner::require(self.workspace, &plan.belongs)?;
        }
        if !self.goes_on {
            keep_overlap(&self.workspace.settings.secrets(self.id)?, self.terms, self.workspace.now())?;
        }
        if plan.blocked.is_empty() {
            return Ok(plan);
        }
        let message =
            format!("the webhooks are not as Configure installs them ({}); nothing was written", hindrances(&plan));
        Err(Failure::new(FailureKind::Declined, message)
            .hint(Hint::from("First ").next(Next::Configure).text(", then rotate")))
    }

    /// Stores the next pair, before Halo hears of it.
    fn store_next(&self) -> Result<(), Failure> {
        if self.goes_on {
            return Ok(());
        }
        self.workspace.settings.update_secrets(self.id, |secrets: &mut StoredSecrets| {
            if secrets.next_callback.is_some() {
                return Err(changed_meanwhile());
            }
            secrets.next_callback = Some(self.next.clone());
            secrets.forget_expired(self.workspace.now());
            Ok(())
        })?;
        self.workspace.write_down(&self.workspace.activity(Some(self.id), ROTATE, "new token and password made"))
    }

    /// Lets the next pair take its place. Says until when the one before it is good.
    fn finish(&self) -> Result<Option<Timestamp>, Failure> {
        let now = self.workspace.now();
        let until = self.terms.overlap.until(now);
        self.workspace.settings.update_secrets(self.id, |secrets: &mut StoredSecrets| {
            if secrets.next_callback.as_ref() != Some(&self.next) {
                return Err(changed_meanwhile());
            }
            secrets.finish_rotation(until, now);
            Ok(secrets.former_callback.as_ref().map(|former| former.until))
        })
    }
}

/// Forgets, for every saved configuration, the former pair whose time is over. Says when the next one's is.
pub fn forget_former(workspace: &Workspace) -> Result<Option<Timestamp>, Failure> {
    let now = workspace.now();
    let mut next: Option<Timestamp> = None;
    for (id, secrets) in events::secrets(workspace)? {
        match secrets.former_callback.map(|former| former.until) {
            Some(until) if until <= now => {
                workspace.settings.update_secrets(&id, |secrets: &mut StoredSecrets| {
                    secrets.forget_expired(now);
                    Ok::<_, Failure>(())
                })?;
                tracing::info!(configuration = %id, "the old callback token is deleted");
            }
            Some(until) => next = Some(next.map_or(until, |next| next.min(until))),
            None => {}
        }
    }
    Ok(next)
}

fn changed_meanwhile() -> Failure {
    Failure::new(FailureKind::Busy, "another program has changed the callback secrets just now")
        .hint("rotate again: it continues with what is stored")
}

/// Refuses to end the overlap of the last rotation unasked: Halo may have callbacks under way that it protects. That is
/// also what keeps a rotation, run once more because nobody saw its end, from becoming a second one.
fn keep_overlap(stored: &StoredSecrets, terms: Terms, now: Timestamp) -> Result<(), Failure> {
    let Some(former) = stored.former_callback.as_ref().filter(|former| now < former.until && !terms.end_overlap) else {
        return Ok(());
    };
    let until = utc(former.until);
    let message = format!(
        "the last rotation is finished, and the old token and password work until {until}; nothing was \
             changed"
    );
    Err(Failure::new(FailureKind::NeedsYes, message).hint("wait until then, or rotate now with --end-overlap"))
}

fn finished(until: Option<Timestamp>) -> String {
    let former = match until {
        Some(until) => format!("work until {}", utc(until)),
        None => "are refused from now on".to_owned(),
    };
    format!("Halo has the new callback token and password; the old ones {former}")
}

/// How it stands where Halo does not show both webhooks with the new address, and as Configure installs them.
fn judge(results: &[ChangeResult], shown: Result<&InstallPlan, &Failure>) -> (ConfigureStatus, String) {
    let again = "both tokens work, so no events are lost";
    let finish = "rotate again to finish with the same token";
    match shown {
        Ok(shown) if !shown.blocked.is_empty() => {
            let message = format!("{}; {again}; run {}, then {finish}", hindrances(shown), Next::Configure);
            (ConfigureStatus::PartlyDone, message)
        }
        Ok(shown) => {
            let new = shown.steps.iter().filter(|change| change.action == Action::Keep).count();
            let status = if new == 0 { ConfigureStatus::Failed } else { ConfigureStatus::PartlyDone };
            (status, format!("{new} of {} webhooks have the new token; {again}; {finish}", shown.steps.len()))
        }
        Err(failure) => {
            let sent = results.iter().any(|result| matches!(result.outcome, Outcome::Done | Outcome::Unverified));
            let status = if sent { ConfigureStatus::PartlyDone } else { ConfigureStatus::Failed };
            (status, format!("Halo could not be read back: {failure}; {again}; {finish}"))
        }
    }
}

/// What is not as Configure installs it.
fn hindrances(plan: &InstallPlan) -> String {
    let open: Vec<String> =
        plan.blocked.iter().map(|blocked| format!("{}: {}", blocked.name, blocked.reason)).collect();
    open.join("; ")
}
