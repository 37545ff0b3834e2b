//! A plan with everything that is needed to carry it out.

use std::ops::Deref;

use jiff::Timestamp;

use super::existing::Existing;
use super::snapshot::Snapshot;
use crate::domain::callback::{EventGroup, EventNumber};
use crate::domain::object::ObjectKind;
use crate::domain::owner::Belongs;
use crate::domain::plan::{Action, Basis, Blocked, Cause, Change, FieldChange, Offer, Plan};
use crate::domain::record::Members;
use crate::domain::untrusted::Untrusted;

/// What has to be sent for a change. Secrets are filled in when it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    None,
    /// Nothing is sent: our own record lets go of an object that is gone.
    Forget,
    Webhook(WebhookWrite),
    /// To the binding of an event.
    Event(EventWrite),
    Tab(TabWrite),
    /// To the list of tabs that a ticket type shows.
    Link(LinkWrite),
    /// To any object: its former members are given back.
    Restore(Restore),
}

/// What is sent for a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WebhookWrite {
    /// Make the webhook of a group.
    Create(EventGroup),
    /// Write the webhook of a group again, under its id.
    Update(EventGroup, String),
    Delete(String),
}

/// What is sent for the binding of an event to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventWrite {
    /// Bind an event to the webhook of a group, under Halo's name for it.
    Bind(EventGroup, EventNumber, Untrusted),
    /// Give an event of a webhook back what makes it fire: its kind, its way of delivery, and no conditions.
    Mend { webhook: String, binding: i64 },
    /// Take a binding away.
    Unbind {
        /// The webhook that it belongs to.
        webhook: String,
        binding: i64,
    },
}

/// What is sent for a tab.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TabWrite {
    /// Make it, as this kind of tab.
    Create(i64),
    /// Write it again, under its id, as this kind of tab where Halo tells one.
    Update(i64, Option<i64>),
    Delete(i64),
}

/// What is sent for a ticket type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LinkWrite {
    /// Make it show a tab; without one, the tab of this plan.
    Add(i64, Option<i64>),
    /// Make it not show a tab any more.
    Remove { ticket_type: i64, tab: i64 },
}

impl Operation {
    /// Whether it takes something out of Halo: done when it is not there any more.
    pub fn takes_out(&self) -> bool {
        matches!(
            self,
            Self::Event(EventWrite::Unbind { .. })
                | Self::Webhook(WebhookWrite::Delete(_))
                | Self::Tab(TabWrite::Delete(_))
                | Self::Link(LinkWrite::Remove { .. })
        )
    }

    /// Whether our record lets go of the object once it is done.
    pub fn lets_go(&self) -> bool {
        match self {
            Self::Forget => true,
            Self::Restore(restore) => restore.was_adopted,
            _ => self.takes_out(),
        }
    }

    /// Whether there is another way to get it done where Halo took it and did not do it. Deletions are known to need a
    /// second try; a link can be set from the tab's side.
    pub fn has_second_way(&self) -> bool {
        self.takes_out() || matches!(self, Self::Link(_))
    }

    /// Whether it gives an object its former members back.
    pub fn restores(&self) -> bool {
        matches!(self, Self::Restore(_))
    }

    /// The webhook or tab that it writes, deletes or is about.
    fn touches(&self) -> Option<(ObjectKind, String)> {
        match self {
            Self::Webhook(WebhookWrite::Update(_, id) | WebhookWrite::Delete(id))
            | Self::Event(EventWrite::Unbind { webhook: id, .. } | EventWrite::Mend { webhook: id, .. }) => {
                Some((ObjectKind::Webhook, id.clone()))
            }
            Self::Tab(TabWrite::Update(id, _) | TabWrite::Delete(id))
            | Self::Link(LinkWrite::Add(_, Some(id)) | LinkWrite::Remove { tab: id, .. }) => {
                Some((ObjectKind::CustomTab, id.to_string()))
            }
            Self::Restore(restore) => match restore.kind {
                ObjectKind::WebhookEvent => Some((ObjectKind::Webhook, restore.parent.clone()?)),
                kind => Some((kind, restore.id.clone()?)),
            },
            _ => None,
        }
    }

    /// The id that an object had which it makes again.
    fn makes_again(&self) -> Option<&str> {
        match self {
            Self::Restore(restore) if restore.kind.is_our_own() => restore.was.as_deref(),
            _ => None,
        }
    }
}

/// An object that is brought back to what it was.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Restore {
    /// What kind of object.
    pub kind: ObjectKind,
    /// The id it has now; none makes it anew.
    pub id: Option<String>,
    /// The id it had, where it is made anew.
    pub was: Option<String>,
    /// The webhook that an event belongs to.
    pub parent: Option<String>,
    pub members: Members,
    /// Whether it was taken over, so that our record lets go of it.
    pub was_adopted: bool,
}

/// A line of the plan with what is sent for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStep {
    /// The line that is shown.
    pub line: Change,
    pub operation: Operation,
}

impl PlanStep {
    /// A step without fields.
    pub fn new(
        action: Action,
        kind: ObjectKind,
        name: impl Into<Untrusted>,
        id: Option<impl ToString>,
        reason: impl Into<String>,
        operation: Operation,
    ) -> Self {
        let (name, id, reason) = (name.into(), id.map(|id| id.to_string()), reason.into());
        Self { line: Change { action, kind, name, id, fields: Vec::new(), reason, cause: Cause::default() }, operation }
    }

    /// What tells it from the other steps of a plan: a ticket type can have lost, or got, the links to several tabs.
    pub(super) fn key(&self) -> String {
        match &self.operation {
            Operation::Link(LinkWrite::Remove { ticket_type, tab } | LinkWrite::Add(ticket_type, Some(tab))) => {
                format!("{ticket_type} {tab}")
            }
            _ => self.line.id.clone().unwrap_or_default(),
        }
    }

    /// The same with these fields.
    #[must_use]
    pub fn with(mut self, fields: Vec<FieldChange>) -> Self {
        self.line.fields = fields;
        self
    }
}

impl Deref for PlanStep {
    type Target = Change;

    fn deref(&self) -> &Change {
        &self.line
    }
}

/// A plan as it is carried out; [`Self::shown`] is what a person agrees to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct InstallPlan {
    /// The steps in the order in which they are taken, those that keep an object included.
    pub steps: Vec<PlanStep>,
    /// What cannot be done, and why.
    pub blocked: Vec<Blocked>,
    /// Objects of somebody else's that have a name like ours.
    pub warnings: Vec<String>,
    /// What could be taken over.
    pub offers: Vec<Offer>,
    /// The ids of what the person has agreed to take over.
    pub taken: Vec<String>,
    /// Whose the webhooks are.
    pub belongs: Belongs,
    /// What Halo held of the objects that it touches.
    pub seen: Snapshot,
    /// When the run of Configure began that it takes back.
    pub undoes: Option<Timestamp>,
}

impl InstallPlan {
    /// Remembers what Halo held of everything that the steps touch.
    pub(super) fn made_from(mut self, held: &Existing) -> Self {
        let operations = || self.steps.iter().map(|step| &step.operation);
        // What is made again has its former id only until then, and somebody else's may have that by now.
        let made_again: Vec<&str> = operations().filter_map(Operation::makes_again).collect();
        let touched: Vec<(ObjectKind, String)> =
            operations().filter_map(Operation::touches).filter(|(_, id)| !made_again.contains(&id.as_str())).collect();
        self.seen = Snapshot::of(&touched, held);
        self
    }

    /// The plan as it is shown, with a fingerprint of all the rest.
    pub fn shown(&self) -> Plan {
        let operations: Vec<&Operation> = self.steps.iter().map(|step| &step.operation).collect();
        Plan {
            changes: self.steps.iter().map(|step| step.line.clone()).collect(),
            blocked: self.blocked.clone(),
            warnings: self.warnings.clone(),
            offers: self.offers.clone(),
            taken: self.taken.clone(),
            belongs: self.belongs.clone(),
            basis: Basis::of(&(operations, &self.seen)),
            undoes: self.undoes,
        }
    }

    /// The steps that change something.
    pub fn pending(&self) -> impl Iterator<Item = &PlanStep> {
        self.steps.iter().filter(|step| step.action != Action::Keep)
    }

    /// Whether carrying it out would change Halo.
    pub fn changes_pending(&self) -> bool {
        self.pending().next().is_some()
    }

    /// Whether it leads a webhook to another address: what came to the one before says nothing of this one.
    pub fn moves_webhooks(&self) -> bool {
        let is_moved =
            |step: &PlanStep| step.kind == ObjectKind::Webhook && step.fields.iter().any(|field| field.name == "url");
        self.pending().any(|step| step.action == Action::Update && is_moved(step))
    }

    /// What keeps it from being finished.
    pub fn hindrances(&self) -> impl Iterator<Item = &Blocked> {
        self.blocked.iter().filter(|blocked| !blocked.only_told)
    }
}
