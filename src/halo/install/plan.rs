//! A plan with everything that is needed to carry it out.

use std::ops::Deref;

use super::held::Held;
use super::snapshot::Snapshot;
use crate::domain::callback::{EventGroup, EventNumber};
use crate::domain::object::ObjectKind;
use crate::domain::plan::{Action, Basis, Blocked, Change, FieldChange, Plan};
use crate::domain::record::Members;
use crate::domain::untrusted::Untrusted;

/// What has to be sent for a change. Secrets are filled in when it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Nothing.
    None,
    /// Nothing is sent: our own record lets go of an object that is gone.
    Forget,
    /// Make the webhook of a group.
    CreateWebhook(EventGroup),
    /// Write the webhook of a group again, under its id.
    UpdateWebhook(EventGroup, String),
    /// Bind an event to the webhook of a group, under Halo's name for it.
    BindEvent(EventGroup, EventNumber, Untrusted),
    /// Give an event of a webhook back what makes it fire: its kind, its way of delivery, and no conditions.
    MendEvent {
        /// The webhook.
        webhook: String,
        /// The binding.
        binding: i64,
    },
    /// Take a binding away.
    UnbindEvent {
        /// The webhook that it belongs to.
        webhook: String,
        /// The binding.
        binding: i64,
    },
    /// Delete a webhook.
    DeleteWebhook(String),
    /// Make the tab, as this kind of tab.
    CreateTab(i64),
    /// Write the tab again, under its id, as this kind of tab.
    UpdateTab(i64, i64),
    /// Delete a tab.
    DeleteTab(i64),
    /// Make a ticket type show a tab; without one, the tab of this plan.
    LinkTicketType(i64, Option<i64>),
    /// Make a ticket type not show a tab any more.
    UnlinkTicketType {
        /// The ticket type.
        ticket_type: i64,
        /// The tab.
        tab: i64,
    },
    /// Give an object its former members back.
    Restore(Restore),
}

impl Operation {
    /// Whether it takes something out of Halo: done when it is not there any more.
    pub fn takes_out(&self) -> bool {
        matches!(
            self,
            Self::UnbindEvent { .. } | Self::DeleteWebhook(_) | Self::DeleteTab(_) | Self::UnlinkTicketType { .. }
        )
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
    /// What is written.
    pub members: Members,
    /// Whether it was taken over, so that our record lets go of it.
    pub was_adopted: bool,
}

/// A line of the plan with what is sent for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The line that is shown.
    pub line: Change,
    /// What is sent.
    pub operation: Operation,
}

impl Step {
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
        Self { line: Change { action, kind, name, id, fields: Vec::new(), reason }, operation }
    }

    /// The same with these fields.
    #[must_use]
    pub fn with(mut self, fields: Vec<FieldChange>) -> Self {
        self.line.fields = fields;
        self
    }
}

impl Deref for Step {
    type Target = Change;

    fn deref(&self) -> &Change {
        &self.line
    }
}

/// A plan as it is carried out; [`Self::shown`] is what a person agrees to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct InstallPlan {
    /// The steps in the order in which they are taken, those that keep an object included.
    pub steps: Vec<Step>,
    /// What cannot be done, and why.
    pub blocked: Vec<Blocked>,
    /// What Halo held of the objects that it touches.
    pub seen: Snapshot,
}

impl InstallPlan {
    /// Remembers what Halo held of everything that the steps touch.
    pub(super) fn made_from(mut self, held: &Held) -> Self {
        self.seen = Snapshot::of(&self.steps, held);
        self
    }

    /// The plan as it is shown, with a fingerprint of all the rest.
    pub fn shown(&self) -> Plan {
        let operations: Vec<&Operation> = self.steps.iter().map(|step| &step.operation).collect();
        Plan {
            changes: self.steps.iter().map(|step| step.line.clone()).collect(),
            blocked: self.blocked.clone(),
            basis: Basis::of(&(operations, &self.seen)),
        }
    }

    /// The steps that change something.
    pub fn pending(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.action != Action::Keep)
    }

    /// Whether carrying it out would change Halo.
    pub fn changes_pending(&self) -> bool {
        self.pending().next().is_some()
    }

    /// What keeps it from being finished.
    pub fn hindrances(&self) -> impl Iterator<Item = &Blocked> {
        self.blocked.iter().filter(|blocked| !blocked.only_told)
    }
}
