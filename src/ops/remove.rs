//! Remove takes out of Halo what Configure put there, and a roll back brings back what was there before the last run.
//!
//! Both are plans like any other: shown first, agreed to, applied with intents and read-back, and made again as often as
//! it takes. Only what is provably ours is touched; what is gone already is done.

use tokio_util::sync::CancellationToken;

use super::apply::{Apply, Consent, Event, tally, tell_blocked, with_token};
use super::check::Before;
use super::configure::{ended, refused, settle_open_intents};
use super::locks::CONFIGURE_LOCK;
use super::plan::Target;
use super::{Workspace, check};
use crate::coordination::Hold;
use crate::domain::check::{Check, CheckId, CheckReport};
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{Finding, Rule, taken_out};
use crate::domain::next::{Hint, Next};
use crate::domain::object::ObjectKind;
use crate::domain::plan::Parts;
use crate::domain::plan::{ChangeResult, ConfigureReport, ConfigureStatus, Outcome, Plan};
use crate::domain::record::Written;
use crate::halo::HaloApi;
use crate::halo::install::plan::InstallPlan;
use crate::store::ConfigureRun;
use crate::words::by_hand;

/// What is to be taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What Configure put there, as far as these parts go.
    Removal(Parts),
    /// What the last run of Configure changed.
    LastRun,
}

/// Tests the connection, then reads Halo and plans. `Ok(Err(report))` when the test failed. Nothing is written.
pub async fn load(
    workspace: &Workspace,
    id: &ConfigurationId,
    extent: Extent,
    cancel: CancellationToken,
    mut on_check: impl FnMut(&Check) + Send,
) -> Result<Result<Plan, CheckReport>, Failure> {
    let (id, configuration) = &workspace.active_configuration(Some(id))?;
    workspace.recognise(id, &configuration.api)?;
    let work = Work::begin(workspace, id, configuration, extent, cancel).await?;
    Ok(match work.test(Before::Planning, &mut on_check).await? {
        Ok(_) => Ok(work.plan().await?.shown()),
        Err(report) => Err(report),
    })
}

/// Takes out of Halo what the plan says. The configuration has to be the active one.
pub async fn run(
    workspace: &Workspace,
    id: &ConfigurationId,
    extent: Extent,
    consent: Consent<'_>,
    cancel: CancellationToken,
    on_event: impl FnMut(Event<'_>) + Send,
) -> Result<ConfigureReport, Failure> {
    let lock = workspace.lock(CONFIGURE_LOCK, "Remove")?;
    run_locked(workspace, &lock, id, extent, consent, cancel, on_event).await
}

/// The same for whoever holds the lock already.
pub(super) async fn run_locked(
    workspace: &Workspace,
    lock: &Hold,
    id: &ConfigurationId,
    extent: Extent,
    consent: Consent<'_>,
    cancel: CancellationToken,
    mut on_event: impl FnMut(Event<'_>) + Send,
) -> Result<ConfigureReport, Failure> {
    let (id, configuration) = &workspace.active_configuration(Some(id))?;
    let workspace = &workspace.under(lock);
    workspace.recognise_under(lock, id, &configuration.api)?;
    let work = Work::begin(workspace, id, configuration, extent, cancel).await?;
    let warnings = match work.test(Before::Writing, &mut |check: &Check| on_event(Event::Checked(check))).await? {
        Ok(warnings) => warnings,
        Err(report) => {
            workspace.write_down(&workspace.activity(Some(id), extent.word(), "refused"))?;
            return Ok(refused(report));
        }
    };
    let plan = work.plan().await?;
    settle_open_intents(workspace, id, &plan, &ObjectKind::ALL)?;
    consent.covers(workspace, &plan)?;

    let mut apply = Apply::new(workspace, id, &work.target, &work.halo, None);
    let mut results = apply.all(&plan, &mut on_event).await;
    let (status, message) = judge(extent, &results, &plan);
    let noted = work.close(status, tally(&results).0 > 0);
    if let Extent::Removal(parts) = extent
        && !parts.is_all()
    {
        // What is left out on purpose is no drift, for whoever looks at it from elsewhere either.
        let is_out = |result: &&ChangeResult| result.outcome == Outcome::Done;
        let out: Vec<(ObjectKind, String)> =
            results.iter().filter(is_out).map(|result| (result.kind, result.name.display())).collect();
        workspace.note_health(id, (!out.is_empty()).then(|| taken_out(&out)));
    }
    results.extend(tell_blocked(&plan, &mut on_event));
    let report = ConfigureReport { status, results, message, refusal: None, warnings, cause: apply.cause() };
    Ok(ended(workspace, id, (extent.word(), extent.command()), report, noted))
}

/// Forgets the stored secrets of a configuration, once Halo does not use them any more: it is asked once more.
pub async fn forget_secrets(
    workspace: &Workspace,
    id: &ConfigurationId,
    cancel: CancellationToken,
) -> Result<(), Failure> {
    let lock = workspace.lock(CONFIGURE_LOCK, "Remove")?;
    let workspace = &workspace.under(&lock);
    let (id, configuration, _) = &workspace.configuration(Some(id))?;
    let target = Target::new(workspace, id, configuration)?;
    let halo = workspace.halo(id, &configuration.api).await?.cancelled_by(cancel).while_a_person_waits();
    let ours = target.ours();
    if let Some(webhook) = target.existing(&halo).await?.webhooks.iter().find(|webhook| ours.owns_webhook(webhook)) {
        let message = format!("the secrets were kept: {} in Halo still uses them", webhook.name);
        return Err(
            Failure::new(FailureKind::Declined, message).hint(Hint::from("Remove it first: ").next(Next::Remove))
        );
    }
    workspace.require_trail()?;
    workspace.settings.remove_secrets(id)?;
    workspace.forget_verified(id)?;
    workspace.write_down(&workspace.activity(Some(id), "forget the secrets", "done"))
}

impl Extent {
    fn word(self) -> &'static str {
        match self {
            Self::Removal(_) => "remove",
            Self::LastRun => "roll back",
        }
    }

    fn command(self) -> Next {
        match self {
            Self::Removal(parts) => parts.command(),
            Self::LastRun => Next::RollBack,
        }
    }

    /// Whether a check is about something that is needed here. Taking out needs less than installing.
    fn needs(self, check: CheckId) -> bool {
        let parts = match self {
            Self::Removal(parts) => parts,
            Self::LastRun => Parts::ALL,
        };
        match check {
            CheckId::Address | CheckId::Token => true,
            CheckId::Webhooks => parts.webhooks,
            CheckId::CustomTabs | CheckId::TicketTypes => parts.chat_pod || parts.links,
            _ => false,
        }
    }
}

/// Everything that a plan of this kind is made from.
struct Work<'a> {
    workspace: &'a Workspace,
    id: &'a ConfigurationId,
    configuration: &'a Configuration,
    extent: Extent,
    target: Target,
    halo: HaloApi,
    /// The same up to the first write: a person waits.
    reading: HaloApi,
    last_run: Option<(ConfigureRun, Vec<Written>)>,
}

impl<'a> Work<'a> {
    async fn begin(
        workspace: &'a Workspace,
        id: &'a ConfigurationId,
        configuration: &'a Configuration,
        extent: Extent,
        cancel: CancellationToken,
    ) -> Result<Self, Failure> {
        let target = Target::new(workspace, id, configuration)?;
        if extent == Extent::LastRun && target.is_rotating() {
            // What that run wrote and what the rotation did are told apart only once every address has the same token.
            let message = "a rotation of the callback token is not finished; nothing was changed";
            return Err(
                Failure::new(FailureKind::Declined, message).hint(Hint::from("Finish it first: ").next(Next::Rotate))
            );
        }
        let last_run = match extent {
            Extent::Removal(_) => None,
            Extent::LastRun => Some(workspace.store.last_configure_run(id)?.ok_or_else(|| {
                Failure::new(FailureKind::Usage, "there is no run of Configure to roll back; nothing was changed")
                    .hint(Hint::from("To remove everything from Halo: ").next(Next::Remove))
            })?),
        };
        if let Some(owner) = last_run.iter().flat_map(|(_, writes)| writes).find_map(Written::taken_from) {
            // With its address alone, that machine would refuse every callback, and none of its looks would show why.
            let message = format!(
                "the last run took the webhooks over from {owner}, and nobody can bring back the password that they had; \
                 nothing was changed"
            );
            return Err(Failure::new(FailureKind::Declined, message)
                .hint(Hint::from("To have them there again, run there: ").next(Next::TakeOver)));
        }
        let last_run = last_run.map(|(run, writes)| (run, with_token(writes, &target)));
        let halo = workspace.halo(id, &configuration.api).await?.cancelled_by(cancel);
        let reading = halo.while_a_person_waits();
        Ok(Self { workspace, id, configuration, extent, target, halo, reading, last_run })
    }

    /// Tests the connection for what is needed here, and says what there is to look at although it passed.
    async fn test(
        &self,
        before: Before,
        on_check: &mut (dyn FnMut(&Check) + Send),
    ) -> Result<Result<Vec<String>, CheckReport>, Failure> {
        let (extent, api) = (self.extent, &self.configuration.api);
        let needs = |check| extent.needs(check);
        let report = check::needed(self.workspace, &self.reading, self.id, api, needs, before, on_check).await?;
        Ok(if report.ok { Ok(report.warnings()) } else { Err(report) })
    }

    async fn plan(&self) -> Result<InstallPlan, Failure> {
        match (self.extent, &self.last_run) {
            (Extent::Removal(parts), _) => self.target.plan_removal(&self.reading, parts).await,
            (Extent::LastRun, Some((run, writes))) => {
                let plan = self.target.plan_roll_back(&self.reading, writes).await?;
                Ok(InstallPlan { undoes: self.workspace.store.configure_run_began(*run)?, ..plan })
            }
            (Extent::LastRun, None) => Ok(InstallPlan::default()),
        }
    }

    /// Brings our own record in line with how it ended.
    fn close(&self, status: ConfigureStatus, has_changed: bool) -> Result<(), Failure> {
        let store = &self.workspace.store;
        if has_changed {
            store.set_configured_at(self.id, None)?;
        }
        if !status.is_complete() {
            return Ok(());
        }
        match (self.extent, &self.last_run) {
            (Extent::LastRun, Some((run, _))) => store.end_configure_run(*run, self.workspace.now())?,
            // With everything gone there is nothing that a roll back could bring back.
            (Extent::Removal(parts), _) if parts.is_all() => store.forget_configure_runs(self.id)?,
            _ => return Ok(()),
        }
        // What that run did not do is not wanted any more.
        self.workspace.note_health(self.id, [Finding::well(Rule::Interrupted, "what the last one did was taken back")]);
        Ok(())
    }
}

fn judge(extent: Extent, results: &[ChangeResult], plan: &InstallPlan) -> (ConfigureStatus, String) {
    let (done, open) = tally(results);
    let open = open + plan.hindrances().count();
    let (complete, words, none) = match extent {
        Extent::Removal(parts) if parts.is_all() => (
            ConfigureStatus::Removed,
            "Pia has been removed from Halo. Clients and settings are kept",
            "Nothing to remove: there are no Pia objects in Halo",
        ),
        Extent::Removal(_) => (
            ConfigureStatus::Removed,
            "The selected parts have been removed from Halo",
            "The selected parts are not \
                 in Halo",
        ),
        Extent::LastRun => (
            ConfigureStatus::RolledBack,
            "The last run of Configure was rolled back",
            "Nothing to do: nothing that the last run of Configure wrote is in Halo any more",
        ),
    };
    let again = match extent {
        Extent::Removal(_) => format!("run Remove again to continue; by hand: {}", Next::RemoveByHand),
        Extent::LastRun => format!("roll back again to continue; to remove everything: {}", Next::Remove),
    };
    match (done, open) {
        (0, 0) => (ConfigureStatus::NothingToDo, none.to_owned()),
        (_, 0) if matches!(extent, Extent::Removal(parts) if parts.is_all()) => {
            (complete, format!("{words}. {}", by_hand::APPLICATION_OFF))
        }
        (_, 0) => (complete, words.to_owned()),
        (0, _) => (ConfigureStatus::Failed, format!("{open} still in Halo; {again}")),
        _ => (ConfigureStatus::PartlyDone, format!("{done} done, {open} not done; {again}")),
    }
}
