//! Applying a plan to Halo: the one place that writes there, whatever the plan is for.
//!
//! Every write is written down before it is sent, with what the object was before; it is read back after; and a write
//! whose answer was lost is looked for, never repeated blindly.
//!
//! ```text
//!  mod.rs      one change after the other: intent, sent, read back, outcome
//!  write.rs    what every write answers: as planned? what was there? sent, read back, noted
//!  webhook.rs  event.rs  tab.rs  link.rs      the answers of one kind of object
//!  restore.rs  the answers of a roll back, for any object
//!  record.rs   our own record and the audit trail
//! ```

mod event;
mod link;
mod record;
mod restore;
mod tab;
mod webhook;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use self::write::{Found, Write};
use super::plan::Target;
use super::{Workspace, owner};
use crate::domain::activity::HaloAnswer;
use crate::domain::callback::EventGroup;
use crate::domain::check::Check;
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::Next;
use crate::domain::object::ObjectKind;
use crate::domain::plan::{Action, Blocked, ChangeResult, LEFT_OUT, Outcome, Plan};
use crate::domain::record::BeforeAfter;
use crate::domain::record::Written;
use crate::halo::install::plan::{InstallPlan, Operation, PlanStep};
use crate::halo::install::planner;
use crate::halo::install::snapshot::Snapshot;
use crate::halo::{HaloApi, HaloError, rights};
use crate::store::ConfigureRun;
use crate::words::by_hand;

/// What Configure, Remove and a roll back tell while they work.
pub enum Event<'a> {
    /// A check has its verdict.
    Checked(&'a Check),
    /// An object is done, one way or the other. Said again where a later step has changed the word on it.
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

impl Consent<'_> {
    /// The ids of objects of somebody else's that the person has agreed to take over: each was shown.
    pub(super) fn taken(&self) -> &[String] {
        match self {
            Self::Plan(shown) => &shown.taken,
            Self::WhateverIsDue => &[],
        }
    }

    /// Refuses a plan that is not the one which was shown, and one for what is another machine's.
    pub(super) fn covers(self, workspace: &Workspace, plan: &InstallPlan) -> Result<(), Failure> {
        owner::require(workspace, &plan.belongs).map_err(|failure| owner::with_taken(failure, &plan.taken))?;
        match self {
            Self::Plan(shown) if *shown != plan.shown() => Err(Failure::new(
                FailureKind::NeedsYes,
                "Halo has changed since this plan was made; nothing was written",
            )
            .hint("review the new plan and apply it")),
            _ => Ok(()),
        }
    }
}

/// Asks the write of an operation, whatever kind of object it is about; `$idle` where nothing is sent.
macro_rules! ask {
    ($operation:expr, $write:ident => $answer:expr, $idle:expr) => {
        match $operation {
            Operation::Webhook($write) => $answer,
            Operation::Event($write) => $answer,
            Operation::Tab($write) => $answer,
            Operation::Link($write) => $answer,
            Operation::Restore($write) => $answer,
            Operation::None | Operation::Forget => $idle,
        }
    };
}
use ask;

/// What is said of an object that somebody has changed while the plan was carried out.
const CHANGED: &str = "nothing was sent: it has changed in Halo since the plan was made; review the new plan";

/// What takes a token's place where an object's members are kept.
const TOKEN: &str = "{callback token}";

/// One pass over a plan.
pub(super) struct Apply<'a> {
    workspace: &'a Workspace,
    id: &'a ConfigurationId,
    halo: &'a HaloApi,
    target: &'a Target,
    /// The run that a roll back would undo; none where this is not Configure.
    run: Option<ConfigureRun>,
    /// The webhooks that are known to be in Halo, and ours.
    webhooks: BTreeMap<EventGroup, String>,
    /// The tab that ticket types are linked to, once it is known to be in Halo.
    tab: Option<i64>,
    /// What the plan saw of the objects that it touches.
    seen: Snapshot,
    /// What was there before an object was made again.
    there: Vec<String>,
    /// The guid of that tab, where Halo tells one.
    guid: Option<String>,
    /// Webhooks and tabs that were made again, by the id they had.
    renumbered: BTreeMap<String, String>,
    /// Tabs that a ticket type still shows, and webhooks that an event is still bound to: they stay.
    in_use: BTreeSet<String>,
    /// The tabs that each ticket type was told to show.
    told: BTreeMap<i64, Vec<i64>>,
    /// Whether Halo failed at the last write, and answered what was asked afterwards.
    has_stumbled: bool,
    /// Kinds not tried any more, with the reason; all of them once Halo cannot be reached.
    given_up: Vec<(Option<ObjectKind>, String)>,
    /// What kept the first object from being done.
    cause: Option<FailureKind>,
}

impl<'a> Apply<'a> {
    pub(super) fn new(
        workspace: &'a Workspace,
        id: &'a ConfigurationId,
        target: &'a Target,
        halo: &'a HaloApi,
        run: Option<ConfigureRun>,
    ) -> Self {
        Self {
            workspace,
            id,
            halo,
            target,
            run,
            webhooks: BTreeMap::new(),
            tab: None,
            seen: Snapshot::default(),
            there: Vec::new(),
            guid: None,
            renumbered: BTreeMap::new(),
            in_use: BTreeSet::new(),
            told: BTreeMap::new(),
            has_stumbled: false,
            given_up: Vec::new(),
            cause: None,
        }
    }

    /// What kept the first object from being done, where any was kept.
    pub(super) fn cause(&self) -> Option<FailureKind> {
        self.cause.clone()
    }

    /// Makes every change. From the first write on there is a report, whatever happens: when the local record cannot be
    /// saved, nothing more is written, and the report says so.
    pub(super) async fn all(
        &mut self,
        plan: &InstallPlan,
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Vec<ChangeResult> {
        let mut results = Vec::new();
        self.seen = plan.seen.clone();
        for change in &plan.steps {
            let mut result = ChangeResult {
                kind: change.kind,
                name: change.name.clone(),
                id: change.id.clone(),
                action: change.action,
                outcome: Outcome::Unchanged,
                message: change.is_left_out().then(|| LEFT_OUT.to_owned()),
            };
            let is_mark = change.action == Action::Keep && matches!(change.operation, Operation::Webhook(_));
            let applied =
                if is_mark { self.mark_owner(change, &result).await } else { self.apply(change, &mut result).await };
            if let Err(failure) = applied {
                if result.outcome == Outcome::Unchanged {
                    result.outcome = Outcome::Failed;
                }
                result.message = Some(format!("the local record cannot be saved: {failure}"));
                self.given_up.push((None, format!("not tried: {failure}")));
            }
            results.push(result);
            let narrowed = narrow(&mut results);
            let last = results.len() - 1;
            for at in narrowed.into_iter().filter(|at| *at != last).chain([last]) {
                on_event(Event::Applied(&results[at]));
            }
        }
        self.look_again(plan, &mut results, on_event).await;
        results
    }

    /// A link that Halo did not let go of may have removed with its tab.
    async fn look_again(
        &mut self,
        plan: &InstallPlan,
        results: &mut [ChangeResult],
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) {
        for (change, result) in plan.steps.iter().zip(results) {
            let is_open = change.action == Action::Unlink && result.outcome == Outcome::Unverified;
            if !is_open || !matches!(self.read_back(&change.operation, None).await, Ok(Found::Yes(_))) {
                continue;
            }
            result.outcome = Outcome::Done;
            result.message = Some("removed with its tab".to_owned());
            if let Err(failure) = self.remember(change, result.outcome, result.id.as_deref()) {
                result.message = Some(format!("the local record cannot be saved: {failure}"));
            }
            on_event(Event::Applied(result));
        }
    }

    /// Leaves this machine's mark on a webhook that names no owner and is kept as it is. It delivers without one, and Halo may
    /// not keep it: what becomes of the mark is in the audit trail, and counts for nothing else.
    async fn mark_owner(&mut self, change: &PlanStep, kept: &ChangeResult) -> Result<(), Failure> {
        self.note_kept(change);
        let (given_up, cause) = (self.given_up.clone(), self.cause.clone());
        let marked = self.apply(change, &mut kept.clone()).await;
        (self.given_up, self.cause) = (given_up, cause);
        marked
    }

    /// Makes one change. `result` is right at every moment, also where an error ends it.
    async fn apply(&mut self, change: &PlanStep, result: &mut ChangeResult) -> Result<(), Failure> {
        match &change.operation {
            Operation::None => {
                self.note_kept(change);
                return self.remember_kept(change);
            }
            Operation::Forget => return self.remember(change, Outcome::Done, change.id.as_deref()),
            _ => {}
        }
        if let Some(reason) = self.reason_to_skip(change) {
            result.outcome = Outcome::Skipped;
            result.message = Some(with_clicks(change, reason));
            self.keep_in_use(change, result.outcome);
            return Ok(());
        }

        let proof = match self.proof(&change.operation).await {
            Ok(Some(proof)) => proof,
            Ok(None) => {
                result.outcome = Outcome::Failed;
                result.message = Some(CHANGED.to_owned());
                self.keep_in_use(change, result.outcome);
                return Ok(());
            }
            Err(error) => {
                result.outcome = unsent(&error);
                result.message = Some(format!("nothing was sent: {}", failure_text(&error)));
                self.give_up_after(change.kind, &error);
                self.keep_in_use(change, result.outcome);
                return Ok(());
            }
        };
        let store = &self.workspace.store;
        let write = Written {
            kind: change.kind,
            name: change.name.clone(),
            action: change.action,
            object: change.id.clone(),
            proof,
        };
        let intent = store.begin_intent(self.id, self.run, &write, self.workspace.now())?;
        let (outcome, id, message, answer) = self.carry_out(change).await;
        result.outcome = outcome;
        let is_failed = outcome == Outcome::Failed;
        result.message = message.map(|words| if is_failed { with_clicks(change, words) } else { words });
        // Halo's own refusal is the only word on whether two may have one name.
        if is_failed
            && answer.status == Some(400)
            && let (Some(words), Some(other)) = (&mut result.message, planner::taken_by(&change.reason))
        {
            words.push_str(&format!(". {other}"));
        }
        if id.is_some() {
            result.id = id;
        }
        self.keep_in_use(change, outcome);
        // What Halo made for us is ours, also where it does not look as it should: the next run mends it.
        if matches!(outcome, Outcome::Done | Outcome::Unverified) {
            if let Some(id) = &result.id {
                store.name_object(intent, id)?;
                ask!(&change.operation, write => write.note(self, id).await, ());
            }
            self.remember(change, outcome, result.id.as_deref())?;
        }
        // In this order: a kill in between leaves two lines in the audit trail, and never none.
        self.write_down(change, result, answer)?;
        Ok(store.end_intent(intent, outcome.words(), self.workspace.now())?)
    }

    /// Sends and reads back; once more where Halo has another way, or is known to need a second try.
    ///
    /// With what Halo answered to the last of the two.
    async fn carry_out(&mut self, change: &PlanStep) -> (Outcome, Option<String>, Option<String>, HaloAnswer) {
        let operation = &change.operation;
        // What the write before this one was answered with is no answer to this one.
        self.halo.take_write_status();
        let mut sent = ask!(operation, write => write.send(self).await, Ok(None));
        let mut answer = self.answer(&sent);
        let mut settled = self.settle(operation, &sent).await;
        if settled.0 == Outcome::Unverified
            && operation.has_second_way()
            && sent.is_ok()
            && matches!(self.is_as_planned(operation).await, Ok(true))
        {
            sent = ask!(operation, write => write.send_otherwise(self).await, Ok(None));
            // Where the other way does not exist, nothing was sent, and the first answer is the last.
            let second = self.answer(&sent);
            if second.status.is_some() || sent.as_ref().is_err_and(HaloError::may_have_been_applied) {
                answer = second;
            }
            settled = self.settle(operation, &sent).await;
        }
        match &sent {
            Err(error) if matches!(settled.0, Outcome::Failed | Outcome::Skipped) => {
                self.give_up_after(change.kind, error)
            }
            _ => self.has_stumbled = false,
        }
        let (outcome, id, message) = settled;
        (outcome, id, message, answer)
    }

    /// What Halo answered to the write just sent.
    fn answer(&self, sent: &Result<Option<String>, HaloError>) -> HaloAnswer {
        HaloAnswer {
            status: self.halo.take_write_status(),
            said: sent.as_ref().err().and_then(HaloError::halo_said).map(ToString::to_string),
        }
    }

    /// Reads back what was sent, and says how it stands.
    async fn settle(
        &self,
        operation: &Operation,
        sent: &Result<Option<String>, HaloError>,
    ) -> (Outcome, Option<String>, Option<String>) {
        if let Err(error) = sent
            && !error.may_have_been_applied()
        {
            return (unsent(error), None, Some(failure_text(error)));
        }
        let error = sent.as_ref().err().map(failure_text);
        let some = |id: String| (!id.is_empty()).then_some(id);
        match self.read_back(operation, sent.as_ref().ok().cloned().flatten()).await {
            Ok(Found::Yes(id)) => (Outcome::Done, some(id), None),
            Ok(Found::Differs(id, what)) => {
                let what = error.map_or(what.clone(), |error| write::after_error(error.trim_end_matches('.'), &what));
                (Outcome::Unverified, some(id), Some(what))
            }
            // Halo said that it failed, and it did.
            Ok(Found::Not(_, _)) if error.is_some() => (Outcome::Failed, None, error),
            Ok(Found::Not(id, what)) => (Outcome::Unverified, some(id), Some(what)),
            Ok(Found::No) => {
                let message = error.unwrap_or_else(|| {
                    format!(
                        "Halo said that it was saved, but it is not there. Run Configure again; if it happens again: {}",
                        Next::ByHand
                    )
                });
                (Outcome::Failed, None, Some(message))
            }
            Err(unread) => {
                let message = match unread {
                    HaloError::Cancelled { .. } => "sent, and stopped before it was read back".to_owned(),
                    unread => format!("sent, but it could not be read back: {}", failure_text(&unread)),
                };
                (Outcome::Unverified, None, Some(message))
            }
        }
    }

    /// Whether the object of a change is still as the plan saw it.
    async fn is_as_planned(&self, operation: &Operation) -> Result<bool, HaloError> {
        ask!(operation, write => write.is_as_planned(self).await, Ok(true))
    }

    async fn read_back(&self, operation: &Operation, told: Option<String>) -> Result<Found, HaloError> {
        ask!(operation, write => write.read_back(self, told).await, Ok(Found::Yes(String::new())))
    }

    /// Keeps in mind what is there already, for the changes that build on it.
    fn note_kept(&mut self, change: &PlanStep) {
        let Some(id) = &change.id else { return };
        let group = EventGroup::ALL.into_iter().find(|group| change.name.raw() == group.webhook_name());
        match (change.kind, group) {
            (ObjectKind::Webhook, Some(group)) => {
                self.webhooks.insert(group, id.clone());
            }
            (ObjectKind::CustomTab, _) => self.tab = id.parse().ok(),
            _ => {}
        }
    }

    /// The webhook of a group; empty only where a skipped change has let nothing through.
    fn webhook_id(&self, group: EventGroup) -> &str {
        self.webhooks.get(&group).map_or("", String::as_str)
    }

    /// The id that an object has now.
    fn id_now<'b>(&'b self, was: &'b str) -> &'b str {
        self.renumbered.get(was).map_or(was, String::as_str)
    }

    /// Keeps in mind that an object cannot go because something that belongs to it did not.
    fn keep_in_use(&mut self, change: &PlanStep, outcome: Outcome) {
        self.in_use.extend(ask!(&change.operation, write => write.holds(outcome), None));
    }

    fn reason_to_skip(&self, change: &PlanStep) -> Option<String> {
        let given_up = self.given_up.iter().find(|(kind, _)| kind.is_none_or(|kind| kind == change.kind));
        if let Some((_, reason)) = given_up {
            return Some(reason.clone());
        }
        ask!(&change.operation, write => write.reason_to_skip(self), None)
    }

    /// Decides which later changes are not worth trying after a refusal.
    fn give_up_after(&mut self, kind: ObjectKind, error: &HaloError) {
        let failure = Failure::from(error.clone());
        self.cause.get_or_insert(failure.kind.clone());
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
            // Whether it was done could be read back, so Halo can be reached: it stumbled over this one object.
            FailureKind::NotReached if error.may_have_been_applied() && !self.has_stumbled => self.has_stumbled = true,
            FailureKind::NotReached
            | FailureKind::RateLimited(_)
            | FailureKind::WrongCredentials
            | FailureKind::Interrupted => {
                self.given_up.push((None, format!("not tried: {}", failure.message)));
            }
            _ => {}
        }
    }

    /// What is to be kept of an object before it is written: only a run of Configure can be rolled back. None where the
    /// object is not the one that the plan saw.
    async fn proof(&mut self, operation: &Operation) -> Result<Option<BeforeAfter>, HaloError> {
        if !self.is_as_planned(operation).await? {
            return Ok(None);
        }
        self.there = ask!(operation, write => write.beside(self).await?, Vec::new());
        if self.run.is_none() {
            return Ok(Some(BeforeAfter::default()));
        }
        let proof = ask!(operation, write => write.read_before(self).await?, BeforeAfter::default());
        // Those of a rotation as well: what Halo holds may end in the one before.
        let tokens = self.target.installs.iter().flat_map(|installs| &installs.tokens);
        Ok(Some(tokens.fold(proof, |proof, token| proof.replacing(token.expose(), TOKEN))))
    }
}

/// The writes of a run with the token back in its place.
pub(super) fn with_token(writes: Vec<Written>, target: &Target) -> Vec<Written> {
    let Some(installs) = &target.installs else { return writes };
    let token = installs.secrets.token.expose();
    writes.into_iter().map(|write| Written { proof: write.proof.replacing(TOKEN, token), ..write }).collect()
}

/// What stands before the clicks of a person.
const BY_HAND: &str = ". By hand: ";

/// What could not be taken out through the API can be by hand.
fn with_clicks(change: &PlanStep, words: String) -> String {
    if !change.operation.takes_out() {
        return words;
    }
    format!("{words}{BY_HAND}{}", by_hand::removal_of(change.kind, &change.name.display()))
}

/// What the plan could not do, as results: skipped, with the reason.
pub(super) fn tell_blocked(plan: &InstallPlan, on_event: &mut (dyn FnMut(Event<'_>) + Send)) -> Vec<ChangeResult> {
    let result = |blocked: &Blocked| ChangeResult {
        kind: blocked.kind,
        name: blocked.name.clone(),
        id: None,
        action: Action::Create,
        outcome: Outcome::Skipped,
        message: Some(blocked.reason.clone()),
    };
    let results: Vec<ChangeResult> = plan.blocked.iter().map(result).collect();
    for result in &results {
        on_event(Event::Applied(result));
    }
    results
}

/// How many results there are of each kind: done, and open.
pub(super) fn tally(results: &[ChangeResult]) -> (usize, usize) {
    let count = |outcome| results.iter().filter(|result| result.outcome == outcome).count();
    (count(Outcome::Done), count(Outcome::Failed) + count(Outcome::Unverified) + count(Outcome::Skipped))
}

pub(super) fn failure_text(error: &HaloError) -> String {
    let failure = Failure::from(error.clone());
    match &failure.hint {
        Some(hint) => format!("{failure}. {hint}"),
        None => failure.to_string(),
    }
}

/// Where Halo has taken one of a kind and refused another, the gates are open: what helps is another remedy than where it
/// takes none. Answers which are told anew.
fn narrow(results: &mut [ChangeResult]) -> Vec<usize> {
    let is_taken = |result: &ChangeResult| result.outcome == Outcome::Done && result.action != Action::Keep;
    let taken: BTreeSet<ObjectKind> = results.iter().filter(|own| is_taken(own)).map(|own| own.kind).collect();
    let mut narrowed = Vec::new();
    for (at, result) in results.iter_mut().enumerate().filter(|(_, own)| own.outcome == Outcome::Failed) {
        let Some(message) = result.message.as_mut().filter(|_| taken.contains(&result.kind)) else { continue };
        let refused = message.split_once(". ").filter(|(fact, _)| fact.starts_with("Halo does not let the agent"));
        if let Some((fact, _)) = refused {
            let by_hand = message.split_once(BY_HAND).map_or(String::new(), |(_, clicks)| format!("{BY_HAND}{clicks}"));
            *message = format!("{fact}. {}{by_hand}", rights::this_one(result.kind));
            narrowed.push(at);
        }
    }
    narrowed
}

/// What becomes of an object of which nothing reached Halo: one that a person stopped has not failed.
fn unsent(error: &HaloError) -> Outcome {
    if matches!(error, HaloError::Cancelled { .. } | HaloError::LockLost) { Outcome::Skipped } else { Outcome::Failed }
}
