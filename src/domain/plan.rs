//! The plan: every change that Configure would make in Halo, before it is made; and what came of it.

use serde::Serialize;

use super::callback::{EventGroup, EventNumber};
use super::failure::{Failure, FailureKind};
use super::installation::ObjectKind;
use super::members::Members;
use super::sight::Sight;
use super::untrusted::Untrusted;

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Made anew.
    Create,
    /// Ours, brought back to what it should be.
    Update,
    /// Made earlier by the portal: taken over.
    Adopt,
    /// A ticket type is told to show the tab.
    Link,
    /// A ticket type is told not to show the tab.
    Unlink,
    /// Taken out.
    Delete,
    /// As it should be.
    Keep,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 7] =
        [Self::Create, Self::Update, Self::Adopt, Self::Link, Self::Unlink, Self::Delete, Self::Keep];

    /// The word for JSON and the store.
    pub fn code(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Adopt => "adopt",
            Self::Link => "link",
            Self::Unlink => "unlink",
            Self::Delete => "delete",
            Self::Keep => "keep",
        }
    }

    /// The action that a code stands for.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.code() == code)
    }
}

/// One field of an object, before and after. Secrets in it are already masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// The field.
    pub name: &'static str,
    /// What Halo holds.
    pub before: Option<String>,
    /// What it will hold.
    pub after: Option<String>,
}

/// What has to be sent for a change. Secrets are filled in when it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// One line of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// To what kind of object.
    pub kind: ObjectKind,
    /// Its name.
    pub name: Untrusted,
    /// Halo's id, where it has one already.
    pub id: Option<String>,
    /// Field by field.
    pub fields: Vec<FieldChange>,
    /// Why.
    pub reason: String,
    /// What will be sent.
    #[serde(skip)]
    pub operation: Operation,
}

/// Why an object differs, or has a new address already, while a rotation of the callback secrets is not finished.
pub const ROTATING: &str = "a rotation is under way: pia-halo rotate finishes it";

impl Change {
    /// Whether it is a rotation of ours that made the difference, and nobody in Halo.
    pub fn is_of_rotation(&self) -> bool {
        self.reason == ROTATING
    }
}

/// How many changes of each kind there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct ActionCounts {
    /// Objects made.
    pub create: u64,
    /// Objects mended.
    pub update: u64,
    /// Objects taken over.
    pub adopt: u64,
    /// Ticket types that will show the tab.
    pub link: u64,
    /// Ticket types that will not show it any more.
    pub unlink: u64,
    /// Objects taken out.
    pub delete: u64,
    /// Objects left as they are.
    pub keep: u64,
}

/// Every change, in the order in which it is made.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Plan {
    /// The changes, those that keep an object included.
    pub changes: Vec<Change>,
    /// What cannot be done and why: a name in foreign hands, an event that this Halo does not know.
    pub blocked: Vec<Blocked>,
    /// What it saw of the objects that it touches.
    pub seen: Sight,
}

/// Something that the plan cannot do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blocked {
    /// The kind of object.
    pub kind: ObjectKind,
    /// The name of the object that is wanted.
    pub name: Untrusted,
    /// Why not, as a sentence.
    pub reason: String,
    /// Whether it is only told: the plan is whole without it.
    #[serde(skip)]
    pub only_told: bool,
}

impl Plan {
    /// Whether applying it would change Halo.
    pub fn changes_pending(&self) -> bool {
        self.pending().next().is_some()
    }

    /// What keeps the plan from being finished.
    pub fn hindrances(&self) -> impl Iterator<Item = &Blocked> {
        self.blocked.iter().filter(|blocked| !blocked.only_told)
    }

    /// The changes that are not "keep".
    pub fn pending(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.action != Action::Keep)
    }

    /// What is asked before it is applied.
    pub fn question(&self) -> String {
        format!("Apply this plan to Halo ({})?", self.summary())
    }

    /// How many of each kind.
    pub fn counts(&self) -> ActionCounts {
        let count = |action| self.changes.iter().filter(|change| change.action == action).count() as u64;
        ActionCounts {
            create: count(Action::Create),
            update: count(Action::Update),
            adopt: count(Action::Adopt),
            link: count(Action::Link),
            unlink: count(Action::Unlink),
            delete: count(Action::Delete),
            keep: count(Action::Keep),
        }
    }

    /// The headline: `3 to create, 6 to link, 1 kept`.
    pub fn summary(&self) -> String {
        let counts = self.counts();
        let hindrances = self.hindrances().count() as u64;
        let parts: Vec<String> = [
            (counts.create, "to create"),
            (counts.update, "to update"),
            (counts.adopt, "to take over"),
            (counts.link, "to link"),
            (counts.unlink, "to unlink"),
            (counts.delete, "to delete"),
            (counts.keep, "kept"),
            (hindrances, "blocked"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
        if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") }
    }
}

/// How one change went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done, and read back.
    Done,
    /// Nothing to do.
    Unchanged,
    /// Halo did not do it.
    Failed,
    /// Halo took it but does not show it.
    Unverified,
    /// Not tried, because something it needs failed.
    Skipped,
}

/// One change with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeResult {
    /// The kind of object.
    pub kind: ObjectKind,
    /// Its name.
    pub name: Untrusted,
    /// Halo's id, once it has one.
    pub id: Option<String>,
    /// What was done.
    pub action: Action,
    /// How it went.
    pub outcome: Outcome,
    /// Halo's words, or what to do by hand.
    pub message: Option<String>,
}

/// How Configure, Remove or a roll back ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigureStatus {
    /// Every object is in Halo, read back.
    Configured,
    /// What was ours is out of Halo, read back.
    Removed,
    /// Halo is as it was before the last run of Configure, read back.
    RolledBack,
    /// The callback token and password are new in Halo, read back.
    Rotated,
    /// Every object was there already, or gone already.
    NothingToDo,
    /// Some are, some are not.
    PartlyDone,
    /// None is.
    Failed,
    /// The check before it failed: nothing was written.
    Refused,
}

impl ConfigureStatus {
    /// The words for the audit trail.
    pub fn words(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Removed => "removed",
            Self::RolledBack => "rolled back",
            Self::Rotated => "rotated",
            Self::NothingToDo => "nothing to do",
            Self::PartlyDone => "partly done",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }

    /// Whether nothing is left to be done.
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Configured | Self::Removed | Self::RolledBack | Self::Rotated | Self::NothingToDo)
    }
}

impl Outcome {
    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Unverified => "not verified",
            Self::Skipped => "skipped",
        }
    }
}

/// What Configure, Remove or a roll back did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigureReport {
    /// How it ended.
    pub status: ConfigureStatus,
    /// One line per object.
    pub results: Vec<ChangeResult>,
    /// The sentence for the person.
    pub message: String,
    /// Why the check before it failed.
    #[serde(skip)]
    pub refusal: Option<super::check::CheckReport>,
    /// What the check before it had doubts about: an agent that does not see everything cannot prove that all is done.
    pub warnings: Vec<String>,
    /// What kept the first object from being done: decides the exit code where none was.
    #[serde(skip)]
    pub cause: Option<FailureKind>,
}

impl ConfigureReport {
    /// What was done in Halo could not be noted here.
    pub fn not_noted(&mut self, failure: &Failure) {
        if self.status.is_complete() {
            self.status = ConfigureStatus::PartlyDone;
        }
        self.message = format!("{}; our own record cannot be kept: {failure}", self.message);
        self.cause.get_or_insert(failure.kind.clone());
    }
}
