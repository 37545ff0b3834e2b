//! Reading what Halo holds, and planning what Configure, Remove or a roll back would change. Nothing is written.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::{Workspace, check, delivery, owner};
use crate::domain::callback::{CallbackSecrets, CallbackUrl, EventGroup};
use crate::domain::chat_pod::ChatPodUrl;
use crate::domain::check::{Check, CheckReport};
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::delivery::DeliveryState;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{from_owner, from_plan_and_record};
use crate::domain::next::{Hint, Next};
use crate::domain::object::{ObjectKind, same_id};
use crate::domain::owner::{Belongs, Owner};
use crate::domain::plan::{Action, Change, Parts, Plan};
use crate::domain::record::{InstalledObject, Written};
use crate::domain::secret::Secret;
use crate::domain::untrusted::Untrusted;
use crate::halo::install::existing::{Existing, ExistingTab, ExistingTicketType, ExistingWebhook, Wanted};
use crate::halo::install::plan::InstallPlan;
use crate::halo::install::planner::{self, Current, Ours};
use crate::halo::{HaloApi, HaloError};
use crate::settings::StoredSecrets;

/// Tests the connection, then reads Halo and plans. `Ok(Err(report))` when the test failed.
pub async fn load(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    cancel: CancellationToken,
    on_check: impl FnMut(&Check) + Send,
) -> Result<Result<Plan, CheckReport>, Failure> {
    load_taking(workspace, id, configuration, &[], cancel, on_check).await
}

/// The same with objects of somebody else's, by their ids, that the person may want to take over.
///
/// # Errors
///
/// Also where an id is of nothing that can be taken over.
pub async fn load_taking(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    taken: &[String],
    cancel: CancellationToken,
    on_check: impl FnMut(&Check) + Send,
) -> Result<Result<Plan, CheckReport>, Failure> {
    let read = read(workspace, id, configuration, taken, cancel, on_check).await;
    let kept = match &read {
        Ok(Ok(_)) => None,
        Ok(Err(report)) => report.first_failure().map(check::failure_of),
        Err(failure) => Some(failure.clone()),
    };
    check::note_silence(workspace, id, kept.as_ref());
    read
}

/// Writes down what a plan of everything says of health.
pub(super) fn note(workspace: &Workspace, id: &ConfigurationId, plan: &Plan) -> Result<(), Failure> {
    let (recorded, written) = (workspace.store.installed(id)?, workspace.store.written(id)?);
    workspace.note_health(id, [from_plan_and_record(plan, &recorded, &written), from_owner(&plan.belongs)]);
    delivery::note_seen(workspace, id, &off(plan, &recorded));
    Ok(())
}

// The webhooks of ours that a plan switches on again, or makes anew.
fn off(plan: &Plan, recorded: &[InstalledObject]) -> Vec<(String, DeliveryState)> {
    let is_known = |name: &Untrusted| recorded.iter().any(|own| own.kind == ObjectKind::Webhook && own.name == *name);
    let webhooks = plan.changes.iter().filter(|change| change.kind == ObjectKind::Webhook && is_known(&change.name));
    let state = |change: &Change| match change.action {
        Action::Create => Some(DeliveryState::Missing),
        _ => change.is_off().then_some(DeliveryState::SwitchedOff),
    };
    webhooks.filter_map(|change| Some((change.name.display(), state(change)?))).collect()
}

async fn read(
    workspace: &Workspace,
    id: &ConfigurationId,
    configuration: &Configuration,
    taken: &[String],
    cancel: CancellationToken,
    mut on_check: impl FnMut(&Check) + Send,
) -> Result<Result<Plan, CheckReport>, Failure> {
    workspace.recognise(id, &configuration.api)?;
    let target = Target::to_install(workspace, id, configuration)?.taking(taken);
    let halo = workspace.halo(id, &configuration.api).await?.cancelled_by(cancel).while_a_person_waits();
    let screen = Some(&configuration.pia_screen);
    let report = check::with_halo(&halo, Some(id), &configuration.api, screen, &mut on_check).await?;
    check::note(workspace, id, &report, &halo);
    check::lately::keep(workspace, check::lately::about(id, &halo, &format!("{screen:?}")), &report);
    if !report.ok {
        return Ok(Err(report));
    }
    workspace.remember_verified(id, &configuration.api, &halo).await?;
    let plan = target.plan(&halo).await?.shown();
    if taken.is_empty() {
        note(workspace, id, &plan)?;
    }
    let is_there = |id: &&String| {
        plan.changes.iter().any(|own| own.kind.is_our_own() && own.id.as_ref().is_some_and(|own| same_id(own, id)))
    };
    match taken.iter().find(|id| !is_there(id)) {
        None => Ok(Ok(plan)),
        Some(id) => Err(Failure::new(FailureKind::Usage, format!("there is nothing to take over with the id {id}"))
            .hint(Hint::from("To see what can be taken over, with its id: ").next(Next::Plan))),
    }
}

/// What a configuration wants in Halo, with our record of what is there.
pub(super) struct Target {
    /// None where the configuration does not say enough to install anything: what is there can be taken out all the
    /// same.
    pub(super) installs: Option<Installs>,
    /// What its callback addresses begin with, and its chat pod: by these it knows its own.
    addresses: Option<(String, ChatPodUrl)>,
    pub(super) record: Vec<InstalledObject>,
    /// What Configure wrote, as far back as that is kept.
    written: Vec<Written>,
    here: Owner,
}

/// Everything that an installation is made of.
pub(super) struct Installs {
    pub(super) wanted: Wanted,
    pub(super) secrets: CallbackSecrets,
    /// Every callback token that is known: none of them is kept where an object's members are.
    pub(super) tokens: Vec<Secret>,
}

impl Target {
    pub(super) fn new(
        workspace: &Workspace,
        id: &ConfigurationId,
        configuration: &Configuration,
    ) -> Result<Self, Failure> {
        Self::with(workspace, id, configuration, &workspace.settings.secrets(id)?)
    }

    /// The same with secrets that may not be stored yet. While a rotation is under way, its new ones are what is
    /// wanted: they were stored before Halo heard of them, so whatever Halo sends is taken.
    pub(super) fn with(
        workspace: &Workspace,
        id: &ConfigurationId,
        configuration: &Configuration,
        stored: &StoredSecrets,
    ) -> Result<Self, Failure> {
        let here = owner::here(workspace)?;
        let integration = &configuration.integration;
        let pia = integration.pia_url.as_ref();
        let addresses = pia.map(|pia| CallbackUrl::prefix(pia, id)).zip(integration.effective_chat_pod_url());
        let secrets = stored.wanted_callback().cloned();
        let installs = pia.zip(addresses.clone()).zip(secrets).map(|((pia, (prefix, chat_pod)), secrets)| {
            let urls = |token: &Secret| EventGroup::ALL.map(|group| (group, CallbackUrl::new(pia, id, group, token)));
            let before = stored.callback.as_ref().filter(|_| stored.next_callback.is_some());
            let replaced = before.map(|before| urls(&before.token).to_vec()).unwrap_or_default();
            let webhooks = urls(&secrets.token).to_vec();
            let tokens = stored.every_callback().map(|pair| pair.token.clone()).collect();
            Installs {
                wanted: Wanted {
                    webhooks,
                    callback_prefix: prefix,
                    chat_pod,
                    replaced,
                    taken: Vec::new(),
                    options: integration.webhook_options.clone(),
                    owner: Some(here.clone()),
                },
                secrets,
                tokens,
            }
        });
        let (record, written) = (workspace.store.installed(id)?, workspace.store.written(id)?);
        Ok(Self { installs, addresses, record, written, here })
    }

    /// The same for whoever installs: what is missing for that is said.
    pub(super) fn to_install(
        workspace: &Workspace,
        id: &ConfigurationId,
        configuration: &Configuration,
    ) -> Result<Self, Failure> {
        if let Some(why) = configuration.unreachable() {
            return Err(Failure::new(FailureKind::Usage, format!("the Pia Url is {why}"))
                .hint("set pia_url in the Integration section"));
        }
        let target = Self::new(workspace, id, configuration)?;
        if let Some(installs) = &target.installs {
            fits(&installs.wanted)?;
            return Ok(target);
        }
        if configuration.integration.pia_url.is_none() {
            return Err(Failure::new(FailureKind::Usage, "the Pia Url is not set")
                .hint("set pia_url in the Integration section"));
        }
        Err(Failure::new(FailureKind::LocalState, "the callback token of this configuration is missing")
            .hint("save the configuration again: a new token is made, and Configure installs it"))
    }

    /// The same with objects of somebody else's that the person has agreed to take over.
    pub(super) fn taking(mut self, taken: &[String]) -> Self {
        self.installs.iter_mut().for_each(|installs| installs.wanted.taken = taken.to_vec());
        self
    }

    fn wanted(&self) -> Option<&Wanted> {
        self.installs.as_ref().map(|installs| &installs.wanted)
    }

    /// Whether a rotation was begun and is not finished.
    pub(super) fn is_rotating(&self) -> bool {
        self.wanted().is_some_and(|wanted| !wanted.replaced.is_empty())
    }

    /// What tells our objects from everybody else's.
    pub(super) fn ours(&self) -> Ours<'_> {
        Ours {
            callback_prefix: self.addresses.as_ref().map(|(prefix, _)| prefix.as_str()),
            chat_pod: self.addresses.as_ref().map(|(_, chat_pod)| chat_pod),
            record: &self.record,
        }
    }

    /// Reads Halo and plans what Configure would change.
    pub(super) async fn plan(&self, halo: &HaloApi) -> Result<InstallPlan, Failure> {
        let mut held = self.existing(halo).await?;
        held.ticket_types = self.ticket_types(halo, false).await?;
        held.events = halo.event_catalogue().await?;
        let plan = self.wanted().map(|wanted| planner::plan(wanted, &held, &self.record));
        let mut plan = plan.unwrap_or_default();
        planner::blame(&mut plan, &self.record, &self.written);
        Ok(self.judged(plan, &held.webhooks))
    }

    /// Reads the webhooks and plans what a rotation would change.
    pub(super) async fn plan_rotation(&self, halo: &HaloApi) -> Result<InstallPlan, Failure> {
        let held = Existing { webhooks: self.read_webhooks(halo).await?, ..Existing::default() };
        let plan = self.wanted().map(|wanted| planner::plan_rotation(wanted, &held, &self.record));
        Ok(self.judged(plan.unwrap_or_default(), &held.webhooks))
    }

    /// Reads Halo and plans what Remove would take out.
    pub(super) async fn plan_removal(&self, halo: &HaloApi, parts: Parts) -> Result<InstallPlan, Failure> {
        let mut held = self.existing(halo).await?;
        held.ticket_types = self.ticket_types(halo, true).await?;
        Ok(self.judged(planner::plan_removal(&self.ours(), self.wanted(), &held, parts), &held.webhooks))
    }

    /// Reads Halo and plans what undoes the writes of a run.
    pub(super) async fn plan_roll_back(&self, halo: &HaloApi, writes: &[Written]) -> Result<InstallPlan, Failure> {
        let mut held = self.read(halo, writes).await?;
        held.ticket_types = self.ticket_types(halo, true).await?;
        let mut current: Current = BTreeMap::new();
        for write in writes.iter().filter(|write| matches!(write.action, Action::Update | Action::Adopt)) {
            let Some(id) = write.object.clone().filter(|id| !current.contains_key(&(write.kind, id.clone()))) else {
                continue;
            };
            let number = id.parse::<i64>().ok();
            let members = match (write.kind, number, write.proof.parent.as_deref()) {
                (ObjectKind::Webhook, ..) => halo.webhook_members(&id).await?,
                (ObjectKind::CustomTab, Some(number), _) => halo.tab_members(number).await?,
                (ObjectKind::WebhookEvent, Some(number), Some(webhook)) => {
                    halo.binding_members(webhook, number).await?
                }
                _ => None,
            };
            current.extend(members.map(|members| ((write.kind, id), members)));
        }
        Ok(self.judged(planner::plan_roll_back(&self.ours(), writes, &held, &current), &held.webhooks))
    }

    /// Reads the webhooks, and says whose they are.
    pub(super) async fn belongs(&self, halo: &HaloApi) -> Result<Belongs, HaloError> {
        Ok(self.webhooks(halo).await?.0)
    }

    /// The webhooks, and whose they are.
    pub(super) async fn webhooks(&self, halo: &HaloApi) -> Result<(Belongs, Vec<ExistingWebhook>), HaloError> {
        let webhooks = self.read_webhooks(halo).await?;
        Ok((self.judge(&webhooks), webhooks))
    }

    /// Whose our webhooks are, and those that are taken over; where there are none with our Pia Url, those of the same
    /// configuration with another one.
    fn judge(&self, webhooks: &[ExistingWebhook]) -> Belongs {
        let ours = self.ours();
        let takes = |id: &str| self.wanted().is_some_and(|wanted| wanted.takes(id));
        let our_webhooks = webhooks.iter().filter(|webhook| ours.owns_webhook(webhook) || takes(&webhook.id));
        let our_webhooks = our_webhooks.chain(ours.kin(webhooks));
        Belongs::judge(our_webhooks.map(|webhook| webhook.note.as_ref().map(Untrusted::raw)), &self.here)
    }

    fn judged(&self, plan: InstallPlan, webhooks: &[ExistingWebhook]) -> InstallPlan {
        InstallPlan { belongs: self.judge(webhooks), ..plan }
    }

    /// The webhooks and tabs that Halo holds, those of our record asked for one by one where its lists leave them out.
    pub(super) async fn existing(&self, halo: &HaloApi) -> Result<Existing, HaloError> {
        self.read(halo, &[]).await
    }

    async fn read(&self, halo: &HaloApi, writes: &[Written]) -> Result<Existing, HaloError> {
        let mut webhooks = self.read_webhooks(halo).await?;
        let tabs = self.tabs(halo).await?;
        let ours = self.ours();
        // Only those that may be ours: a foreign webhook's events are none of our business, and cost a request each.
        for webhook in &mut webhooks {
            let is_it = |id: &Option<String>| id.as_ref().is_some_and(|id| same_id(id, &webhook.id));
            let was_written = writes.iter().any(|write| is_it(&write.object) || is_it(&write.proof.parent));
            // What may be taken over is shown with what changes in it.
            let may_be_taken = |group: &EventGroup| planner::is_like(webhook.name.raw(), group.webhook_name());
            if was_written
                || ours.owns_webhook(webhook)
                || ours.may_be_kin(webhook)
                || EventGroup::ALL.iter().any(may_be_taken)
            {
                webhook.bindings = halo.bindings(&webhook.id).await?;
            }
        }
        Ok(Existing { webhooks, tabs, ..Existing::default() })
    }

    /// Reads the tabs, those of our record asked for by their ids where the list leaves them out.
    pub(super) async fn tabs(&self, halo: &HaloApi) -> Result<Vec<ExistingTab>, HaloError> {
        let mut tabs = halo.tabs().await?;
        for own in self.record.iter().filter(|own| own.kind == ObjectKind::CustomTab) {
            if let Ok(id) = own.id.parse()
                && tabs.iter().all(|tab| tab.id != id)
            {
                tabs.extend(halo.tab(id).await?);
            }
        }
        Ok(tabs)
    }

    /// Reads the webhooks, without bindings. A restricted agent's list can be short: what our record holds is asked for
    /// by its id before it counts as gone.
    async fn read_webhooks(&self, halo: &HaloApi) -> Result<Vec<ExistingWebhook>, HaloError> {
        let mut webhooks = halo.webhooks().await?;
        for own in self.record.iter().filter(|own| own.kind == ObjectKind::Webhook) {
            if webhooks.iter().all(|webhook| !same_id(&webhook.id, &own.id)) {
                webhooks.extend(halo.webhook(&own.id).await?);
            }
        }
        // A list may leave the note out: without one in it, the webhook itself is asked for its owner's mark.
        let ours = self.ours();
        let is_like = |name: &str| EventGroup::ALL.iter().any(|group| planner::is_like(name, group.webhook_name()));
        for webhook in webhooks.iter_mut().filter(|webhook| webhook.note.is_none()) {
            if ours.owns_webhook(webhook) || is_like(webhook.name.raw()) {
                webhook.note = halo.webhook(&webhook.id).await?.and_then(|detail| detail.note);
            }
        }
        Ok(webhooks)
    }

    /// Reads the ticket types with the tabs they show. Whoever takes the tab out wants those of the retired ones as well,
    /// and of those that our record has a link to although Halo does not list them.
    async fn ticket_types(&self, halo: &HaloApi, retired: bool) -> Result<Vec<ExistingTicketType>, HaloError> {
        let mut ticket_types = Vec::new();
        for row in halo.ticket_types_with_retired().await? {
            // The list says nothing about tabs, so each type is read by its id.
            let detail = if row.active || retired { halo.ticket_type(row.id).await? } else { None };
            ticket_types.push(match detail {
                Some(detail) => ExistingTicketType { name: row.name, active: row.active && detail.active, ..detail },
                None => ExistingTicketType {
                    id: row.id,
                    name: row.name,
                    active: false,
                    allows_all_tabs: None,
                    tabs: Vec::new(),
                },
            });
        }
        let recorded = self.record.iter().filter(|own| retired && own.kind == ObjectKind::TicketType);
        for id in recorded.filter_map(|own| own.id.parse::<i64>().ok()) {
            if ticket_types.iter().all(|known| known.id != id) {
                ticket_types.extend(halo.ticket_type(id).await?);
            }
        }
        Ok(ticket_types)
    }
}

/// Refuses addresses that Halo's database cuts or chokes on: found out before the first write, and not by it.
fn fits(wanted: &Wanted) -> Result<(), Failure> {
    let callback =
        wanted.webhooks.iter().map(|(_, url)| url.expose().expose().chars().count()).max().unwrap_or_default();
    let pod = wanted.chat_pod.as_str().chars().count();
    let too_long = [
        ("callback address", callback, HaloApi::LONGEST_WEBHOOK_URL, "pia_url"),
        ("address of the Pia Chat Pod", pod, HaloApi::LONGEST_TAB_URL, "chat_pod_url"),
    ];
    match too_long.into_iter().find(|(_, length, longest, _)| length > longest) {
        None => Ok(()),
        Some((what, length, longest, key)) => {
            let message = format!("the {what} has {length} characters, and Halo keeps {longest}; nothing was written");
            Err(Failure::new(FailureKind::Usage, message)
                .hint(format!("use a shorter {key} in the Integration section")))
        }
    }
}
