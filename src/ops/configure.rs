//! Configure: the one use-case that changes Halo.
//!
//! The connection is tested first, and nothing is written when that fails. What is applied is the plan that was
//! shown: if Halo has changed since, it stops. Every write is written down before it is sent, and read back after;
//! a write whose answer was lost is looked for, never repeated blindly.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::plan::Target;
use super::{Workspace, check};
use crate::domain::activity::HaloAnswer;
use crate::domain::callback::{BASIC_USER, EventGroup};
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::check::{Check, CheckReport};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::installation::{InstalledObject, ObjectKind};
use crate::domain::plan::{Action, Change, ChangeResult, ConfigureReport, ConfigureStatus, Operation, Outcome, Plan};
use crate::halo::{HaloApi, HaloError, TabDraft, WebhookDraft};

/// What Configure tells while it works.
pub enum Event<'a> {
    /// A check has its verdict.
    Checked(&'a Check),
    /// An object is done, one way or the other.
    Applied(&'a ChangeResult),
}

/// What the person has agreed to.
#[derive(Clone, Copy, Debug)]
pub enum Consent<'a> {
    /// This plan, and nothing else.
    Plan(&'a Plan),
    /// Whatever is due: said before anything was shown, as by `--yes`.
    WhateverIsDue,
}

/// The lock of whoever writes into a Halo, or changes which one that is. One for the whole profile: what is being
/// configured stays the active configuration until it is done.
pub(super) const CONFIGURE_LOCK: &str = "configure";

/// Installs or repairs everything in Halo that the active configuration wants.
pub async fn install(
    workspace: &Workspace,
    id: &ConfigurationId,
    consent: Consent<'_>,
    cancel: CancellationToken,
    mut on_event: impl FnMut(Event<'_>) + Send,
) -> Result<ConfigureReport, Failure> {
    let _lock = workspace.lock(CONFIGURE_LOCK, "Configure")?;
    let (id, configuration) = &workspace.active_configuration(Some(id))?;
    workspace.recognise(id, &configuration.api)?;
    require_sync(workspace, id)?;
    let target = Target::new(workspace, id, configuration)?;
    let halo = workspace.halo(id, &configuration.api).await?.cancelled_by(cancel);

    let screen = Some(&configuration.pia_screen);
    let mut on_check = |check: &Check| on_event(Event::Checked(check));
    let report = check::with_halo(&halo, Some(id), &configuration.api, screen, &mut on_check).await?;
    if !report.ok {
        workspace.write_down(&workspace.activity(Some(id), "configure", "refused"))?;
        return Ok(refused(report));
    }
    workspace.remember_verified(id, &configuration.api)?;

    let plan = target.plan(&halo).await?;
    settle_open_intents(workspace, id, &plan)?;
    if let Consent::Plan(shown) = consent
        && *shown != plan
    {
        return Err(Failure::new(
            FailureKind::NeedsYes,
            "Halo has changed since this plan was made; nothing was written",
        )
        .hint("look at the new plan and apply that"));
    }

    let mut results = Apply::new(workspace, id, &target, &halo).all(&plan, &mut on_event).await;
    let (status, message) = judge(&results, &plan);
    for blocked in &plan.blocked {
        let result = ChangeResult {
            kind: blocked.kind,
            name: blocked.name.clone(),
            id: None,
            action: Action::Create,
            outcome: Outcome::Skipped,
            message: Some(blocked.reason.clone()),
        };
        on_event(Event::Applied(&result));
        results.push(result);
    }
    let complete = matches!(status, ConfigureStatus::Configured | ConfigureStatus::NothingToDo);
    workspace.store.set_configured_at(id, complete.then(|| workspace.now()))?;
    let mut activity = workspace.activity(Some(id), "configure", status_word(status));
    activity.message = Some(message.clone());
    workspace.write_down(&activity)?;
    Ok(ConfigureReport { status, results, message, refusal: None })
}

/// Pia has to know the companies before Halo starts to tell it of their tickets.
pub fn require_sync(workspace: &Workspace, id: &ConfigurationId) -> Result<(), Failure> {
    if workspace.store.proved_at(id)?.is_some() {
        return Ok(());
    }
    let message = "no sync yet that was proved complete: Pia does not know the companies; nothing was written";
    Err(Failure::new(FailureKind::Refused, message).hint("run the company sync first: pia-halo sync"))
}

/// What an earlier run began and did not see the end of: the plan was made from what Halo holds, so it tells.
fn settle_open_intents(workspace: &Workspace, id: &ConfigurationId, plan: &Plan) -> Result<(), Failure> {
    for intent in workspace.store.open_intents(id)? {
        // Still to be made means that it was not; anything else, and be it to be taken over, is there.
        let is_missing = |change: &Change| matches!(change.action, Action::Create | Action::Link);
        let mut pending = plan.pending().filter(|change| is_missing(change));
        let found = if pending.any(|change| change.kind == intent.kind && change.name == intent.name) {
            "read back later: not as it should be"
        } else {
            "read back later: done"
        };
        workspace.store.end_intent(intent.id, found, workspace.now())?;
        let mut activity = workspace.activity(Some(id), "found after an interrupted run", found);
        activity.object = Some(intent.name.display());
        workspace.write_down(&activity)?;
    }
    Ok(())
}

/// The report of a run whose connection test failed: not one write was made.
pub fn refused(report: CheckReport) -> ConfigureReport {
    let message = match report.first_failure() {
        Some(check) => format!("{}: {}; nothing was written", check.id.title(), check.message),
        None => "the connection test failed; nothing was written".to_owned(),
    };
    ConfigureReport { status: ConfigureStatus::Refused, results: Vec::new(), message, refusal: Some(report) }
}

fn judge(results: &[ChangeResult], plan: &Plan) -> (ConfigureStatus, String) {
    let count = |outcome| results.iter().filter(|result| result.outcome == outcome).count();
    let done = count(Outcome::Done);
    let own = |result: &&ChangeResult| matches!(result.kind, ObjectKind::Webhook | ObjectKind::CustomTab);
    let kept = results.iter().filter(own).filter(|result| result.outcome == Outcome::Unchanged).count();
    let open =
        count(Outcome::Failed) + count(Outcome::Unverified) + count(Outcome::Skipped) + plan.hindrances().count();
    match (done, open) {
        (0, 0) => (ConfigureStatus::NothingToDo, "Everything is in Halo already".to_owned()),
        (_, 0) => (ConfigureStatus::Configured, "Webhook install was successful".to_owned()),
        (0, _) if kept == 0 => {
            (ConfigureStatus::Failed, format!("{open} not done; run Configure again once that is mended"))
        }
        _ => (
            ConfigureStatus::PartlyDone,
            format!("{done} done, {open} not: each says why; running Configure again makes nothing twice"),
        ),
    }
}

fn status_word(status: ConfigureStatus) -> &'static str {
    match status {
        ConfigureStatus::Configured => "configured",
        ConfigureStatus::NothingToDo => "nothing to do",
        ConfigureStatus::PartlyDone => "partly done",
        ConfigureStatus::Failed => "failed",
        ConfigureStatus::Refused => "refused",
    }
}

/// One pass over a plan.
struct Apply<'a> {
    workspace: &'a Workspace,
    id: &'a ConfigurationId,
    target: &'a Target,
    halo: &'a HaloApi,
    /// The webhooks that are known to be in Halo, and ours.
    webhooks: BTreeMap<EventGroup, String>,
    /// The tab that ticket types are linked to, once it is known to be in Halo.
    tab: Option<i64>,
    /// Kinds not tried any more, with the reason; all of them once Halo cannot be reached.
    given_up: Vec<(Option<ObjectKind>, String)>,
}

/// What a read-back found.
enum Found {
    /// The object is there as it should be, under this id.
    Yes(String),
    /// The object is there, and differs.
    Differs(String, String),
    /// It is not there.
    No,
}

impl<'a> Apply<'a> {
    fn new(workspace: &'a Workspace, id: &'a ConfigurationId, target: &'a Target, halo: &'a HaloApi) -> Self {
        Self { workspace, id, target, halo, webhooks: BTreeMap::new(), tab: None, given_up: Vec::new() }
    }

    /// Makes every change. From the first write on there is a report, whatever happens: when our own record cannot be
    /// kept, nothing more is written, and the report says so.
    async fn all(&mut self, plan: &Plan, on_event: &mut (dyn FnMut(Event<'_>) + Send)) -> Vec<ChangeResult> {
        let mut results = Vec::new();
        for change in &plan.changes {
            let mut result = ChangeResult {
                kind: change.kind,
                name: change.name.clone(),
                id: change.id.clone(),
                action: change.action,
                outcome: Outcome::Unchanged,
                message: None,
            };
            if let Err(failure) = self.apply(change, &mut result).await {
                if result.outcome == Outcome::Unchanged {
                    result.outcome = Outcome::Failed;
                }
                result.message = Some(format!("our own record cannot be kept: {failure}"));
                self.given_up.push((None, format!("not tried: {failure}")));
            }
            on_event(Event::Applied(&result));
            results.push(result);
        }
        results
    }

    /// Makes one change. `result` is right at every moment, also where an error ends it.
    async fn apply(&mut self, change: &Change, result: &mut ChangeResult) -> Result<(), Failure> {
        if change.operation == Operation::None {
            self.take_note(change, change.id.as_deref());
            return Ok(());
        }
        if let Some(reason) = self.reason_to_skip(change) {
            result.outcome = Outcome::Skipped;
            result.message = Some(reason);
            return Ok(());
        }

        let store = &self.workspace.store;
        let (kind, action) = (change.kind, change.action.code());
        let intent = store.begin_intent(self.id, kind, &change.name, action, self.workspace.now())?;
        // What the write before this one was answered with is no answer to this one.
        self.halo.take_write_status();
        let sent = self.send(&change.operation).await;
        let answer = HaloAnswer {
            status: self.halo.take_write_status(),
            said: sent.as_ref().err().and_then(HaloError::halo_said).map(ToString::to_string),
        };
        let (outcome, id, message) = match &sent {
            Err(error) if !error.may_have_been_applied() => (Outcome::Failed, None, Some(failure_text(error))),
            _ => {
                let told = sent.as_ref().ok().cloned().flatten();
                self.settle(&change.operation, told, sent.as_ref().err()).await
            }
        };
        result.outcome = outcome;
        result.message = message;
        if id.is_some() {
            result.id = id;
        }
        if let Err(error) = &sent
            && outcome == Outcome::Failed
        {
            self.give_up_after(kind, error);
        }
        // What Halo made for us is ours, also where it does not look as it should: the next run mends it.
        if matches!(outcome, Outcome::Done | Outcome::Unverified) {
            self.take_note(change, result.id.as_deref());
            self.remember(change, outcome, result.id.as_deref())?;
        }
        self.workspace.store.end_intent(intent, outcome_word(outcome), self.workspace.now())?;
        self.write_down(change, result, answer)
    }

    /// Keeps in mind what later changes build on.
    fn take_note(&mut self, change: &Change, id: Option<&str>) {
        let Some(id) = id else { return };
        match change.kind {
            ObjectKind::Webhook => {
                let group = EventGroup::ALL.into_iter().find(|group| change.name.raw() == group.webhook_name());
                if let Some(group) = group {
                    self.webhooks.insert(group, id.to_owned());
                }
            }
            ObjectKind::CustomTab => self.tab = id.parse().ok(),
            ObjectKind::WebhookEvent | ObjectKind::TicketType => {}
        }
    }

    fn reason_to_skip(&self, change: &Change) -> Option<String> {
        let given_up = self.given_up.iter().find(|(kind, _)| kind.is_none_or(|kind| kind == change.kind));
        if let Some((_, reason)) = given_up {
            return Some(reason.clone());
        }
        match &change.operation {
            Operation::BindEvent(group, ..) | Operation::UnbindEvent(group, _)
                if !self.webhooks.contains_key(group) =>
            {
                Some(format!("{} is not in Halo", group.webhook_name()))
            }
            Operation::LinkTicketType(_) if self.tab.is_none() => {
                Some(format!("{} is not in Halo", ChatPodUrl::TAB_NAME))
            }
            _ => None,
        }
    }

    /// Decides which later changes are not worth trying after a refusal.
    fn give_up_after(&mut self, kind: ObjectKind, error: &HaloError) {
        let failure = Failure::from(error.clone());
        match failure.kind {
            FailureKind::MissingRight => {
                let reason = format!("not tried: {}", failure.message);
                // A webhook's events fall under the same right as the webhook itself.
                if kind == ObjectKind::Webhook {
                    self.given_up.push((Some(ObjectKind::WebhookEvent), reason.clone()));
                }
                // One ticket type can be closed to an agent that may write the others.
                if kind != ObjectKind::TicketType {
                    self.given_up.push((Some(kind), reason));
                }
            }
            FailureKind::NotReached
            | FailureKind::RateLimited(_)
            | FailureKind::WrongCredentials
            | FailureKind::Interrupted => {
                self.given_up.push((None, format!("not tried: {}", failure.message)));
            }
            _ => {}
        }
    }

    /// The webhook of a group; empty only where [`Self::reason_to_skip`] has let nothing through.
    fn webhook_id(&self, group: EventGroup) -> &str {
        self.webhooks.get(&group).map_or("", String::as_str)
    }

    async fn send(&self, operation: &Operation) -> Result<Option<String>, HaloError> {
        let text = |id: Option<i64>| id.map(|id| id.to_string());
        match operation {
            Operation::None => Ok(None),
            Operation::CreateWebhook(group) => self.halo.save_webhook(&self.webhook_draft(*group, None)).await,
            Operation::UpdateWebhook(group, id) => {
                self.halo.save_webhook(&self.webhook_draft(*group, Some(id.clone()))).await
            }
            Operation::BindEvent(group, event, name) => {
                Ok(text(self.halo.bind_event(self.webhook_id(*group), *event, name).await?))
            }
            Operation::UnbindEvent(_, id) => self.halo.unbind_event(*id).await.map(|()| None),
            Operation::CreateTab => Ok(text(self.halo.save_tab(&self.tab_draft(None)).await?)),
            Operation::UpdateTab(id) => Ok(text(self.halo.save_tab(&self.tab_draft(Some(*id))).await?)),
            Operation::LinkTicketType(id) => {
                let Some(tab) = self.tab else { return Ok(None) };
                // Whether Halo replaces the list or adds to it is not recorded (api facts, section 7): the whole
                // wanted list is sent, from what is there at this moment.
                let Some(held) = self.halo.ticket_type(*id).await? else {
                    return Err(HaloError::NotFound { does: "read the ticket type" });
                };
                if held.tabs.contains(&tab) {
                    return Ok(None);
                }
                let mut tabs = held.tabs;
                tabs.push(tab);
                self.halo.set_tabs(*id, &tabs).await.map(|()| None)
            }
        }
    }

    fn webhook_draft(&self, group: EventGroup, id: Option<String>) -> WebhookDraft {
        let url = self.target.wanted.webhooks.iter().find(|(own, _)| *own == group).map(|(_, url)| url.expose());
        WebhookDraft {
            id,
            name: group.webhook_name().to_owned(),
            url: url.unwrap_or_else(|| crate::domain::secret::Secret::new("")),
            username: BASIC_USER.to_owned(),
            password: Some(self.target.secrets.password.clone()),
            active: true,
        }
    }

    fn tab_draft(&self, id: Option<i64>) -> TabDraft {
        TabDraft { id, name: ChatPodUrl::TAB_NAME.to_owned(), url: self.target.wanted.chat_pod.as_str().to_owned() }
    }

    /// Reads back what was sent, and says how it stands.
    async fn settle(
        &self,
        operation: &Operation,
        told: Option<String>,
        error: Option<&HaloError>,
    ) -> (Outcome, Option<String>, Option<String>) {
        let error = error.map(failure_text);
        match self.look(operation, told).await {
            Ok(Found::Yes(id)) => (Outcome::Done, (!id.is_empty()).then_some(id), None),
            Ok(Found::Differs(id, what)) => (Outcome::Unverified, (!id.is_empty()).then_some(id), Some(what)),
            Ok(Found::No) => {
                let message = error.unwrap_or_else(|| {
                    "Halo accepted it but does not show it; look at it in Halo and run Configure again".to_owned()
                });
                (Outcome::Failed, None, Some(message))
            }
            Err(unread) => {
                let message = format!("sent, but it could not be read back: {}", failure_text(&unread));
                (Outcome::Unverified, None, Some(message))
            }
        }
    }

    async fn look(&self, operation: &Operation, told: Option<String>) -> Result<Found, HaloError> {
        match operation {
            Operation::None => Ok(Found::Yes(String::new())),
            Operation::CreateWebhook(group) => self.look_for_webhook(*group, told).await,
            Operation::UpdateWebhook(group, id) => self.look_for_webhook(*group, Some(id.clone())).await,
            Operation::BindEvent(group, event, _) => {
                let bindings = self.halo.bindings(self.webhook_id(*group)).await?;
                let bound = bindings.iter().find(|binding| binding.event == *event);
                Ok(bound.map_or(Found::No, |binding| Found::Yes(binding.id.to_string())))
            }
            Operation::UnbindEvent(group, id) => {
                let bindings = self.halo.bindings(self.webhook_id(*group)).await?;
                let still = bindings.iter().any(|binding| binding.id == *id);
                let what = "Halo still shows this event".to_owned();
                Ok(if still { Found::Differs(id.to_string(), what) } else { Found::Yes(id.to_string()) })
            }
            Operation::CreateTab => self.look_for_tab(told.and_then(|id| id.parse().ok())).await,
            Operation::UpdateTab(id) => self.look_for_tab(Some(*id)).await,
            Operation::LinkTicketType(id) => {
                let Some(tab) = self.tab else { return Ok(Found::No) };
                let Some(held) = self.halo.ticket_type(*id).await? else { return Ok(Found::No) };
                Ok(if held.allows_all_tabs || held.tabs.contains(&tab) {
                    Found::Yes(id.to_string())
                } else {
                    Found::Differs(
                        id.to_string(),
                        "Halo did not keep the link. By hand: Configuration › Tickets › Ticket Types › this type › \
                         allow the custom tab Pia Chat Pod"
                            .to_owned(),
                    )
                })
            }
        }
    }

    /// Finds the webhook by the id that Halo told or, where the answer was lost, by its address.
    async fn look_for_webhook(&self, group: EventGroup, id: Option<String>) -> Result<Found, HaloError> {
        let draft = self.webhook_draft(group, None);
        let found = match id {
            Some(id) => self.halo.webhook(&id).await?,
            None => self.halo.webhooks().await?.into_iter().find(|webhook| webhook.url == draft.url),
        };
        let Some(webhook) = found else { return Ok(Found::No) };
        let mut wrong = Vec::new();
        if webhook.name.raw() != draft.name {
            wrong.push("name");
        }
        if webhook.url != draft.url {
            wrong.push("url");
        }
        if !webhook.active {
            wrong.push("active");
        }
        if webhook.basic_username.as_ref().is_some_and(|user| user.raw() != draft.username) {
            wrong.push("basic_username");
        }
        Ok(settled(webhook.id, &wrong))
    }

    async fn look_for_tab(&self, id: Option<i64>) -> Result<Found, HaloError> {
        let draft = self.tab_draft(None);
        let found = match id {
            Some(id) => self.halo.tab(id).await?,
            None => {
                let tabs = self.halo.tabs().await?;
                tabs.into_iter().find(|tab| tab.url.as_ref().is_some_and(|url| url.raw() == draft.url))
            }
        };
        let Some(tab) = found else { return Ok(Found::No) };
        let mut wrong = Vec::new();
        if tab.name.raw() != draft.name {
            wrong.push("name");
        }
        if tab.url.as_ref().is_none_or(|url| url.raw() != draft.url) {
            wrong.push("url");
        }
        Ok(settled(tab.id.to_string(), &wrong))
    }

    /// Keeps our own record in step with what was read back.
    fn remember(&self, change: &Change, outcome: Outcome, id: Option<&str>) -> Result<(), Failure> {
        let Some(id) = id else { return Ok(()) };
        let (store, kind) = (&self.workspace.store, change.kind);
        let is_own = matches!(kind, ObjectKind::Webhook | ObjectKind::CustomTab);
        if outcome == Outcome::Unverified && !is_own {
            return Ok(());
        }
        if matches!(change.operation, Operation::UnbindEvent(..)) {
            store.forget_installed(self.id, ObjectKind::WebhookEvent, id)?;
            return Ok(());
        }
        // An object made anew takes the place of the one that is gone.
        let gone = self.target.record.iter().filter(|own| own.kind == kind && own.name == change.name && own.id != id);
        for own in gone.filter(|_| is_own) {
            store.forget_installed(self.id, kind, &own.id)?;
        }
        // A ticket type is Halo's own: the link to it is remembered under its id.
        let installed_at = self.workspace.now();
        let object = InstalledObject { kind, id: id.to_owned(), name: change.name.clone(), installed_at };
        Ok(store.record_installed(self.id, &object)?)
    }

    fn write_down(&self, change: &Change, result: &ChangeResult, answer: HaloAnswer) -> Result<(), Failure> {
        let action = format!("{} {}", change.action.code(), change.kind.word());
        let mut activity = self.workspace.activity(Some(self.id), &action, outcome_word(result.outcome));
        activity.object = Some(change.name.display());
        activity.message.clone_from(&result.message);
        activity.halo = Some(answer);
        activity.fields = change
            .fields
            .iter()
            .map(|field| crate::domain::activity::ActivityField {
                name: field.name.to_owned(),
                before: field.before.clone(),
                after: field.after.clone(),
            })
            .collect();
        self.workspace.write_down(&activity)
    }
}

fn settled(id: String, wrong: &[&str]) -> Found {
    if wrong.is_empty() {
        return Found::Yes(id);
    }
    Found::Differs(id, format!("Halo kept something else: {}", wrong.join(", ")))
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Unchanged => "unchanged",
        Outcome::Failed => "failed",
        Outcome::Unverified => "not verified",
        Outcome::Skipped => "skipped",
    }
}

fn failure_text(error: &HaloError) -> String {
    let failure = Failure::from(error.clone());
    match &failure.hint {
        Some(hint) => format!("{failure}. {hint}"),
        None => failure.to_string(),
    }
}
