//! The plan: every change that Configure would make in Halo, and the result of each change.

use std::hash::{Hash, Hasher};

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::failure::{Failure, FailureKind};
use super::next::Next;
use super::object::ObjectKind;
use super::owner::Belongs;
use super::untrusted::Untrusted;

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Made anew.
    Create,
    /// Ours, brought back to what it should be.
    Update,
    /// Created earlier by the Pia portal: taken over.
    Adopt,
    /// The tab is linked to a ticket type.
    Link,
    /// The tab is unlinked from a ticket type.
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
    /// As the plan shows it.
    pub name: &'static str,
    /// What Halo holds.
    pub before: Option<String>,
    /// What it will hold.
    pub after: Option<String>,
}

impl FieldChange {
    /// What the mark of a webhook's owner is called.
    pub const OWNER: &str = "owner";

    /// Whether it is that mark: no setting, and not what makes a webhook deliver.
    pub fn is_owner(&self) -> bool {
        self.name == Self::OWNER
    }
}

/// One line of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// To what kind of object.
    pub kind: ObjectKind,
    /// What the object is called in Halo.
    pub name: Untrusted,
    /// Halo's id, where it has one already.
    pub id: Option<String>,
    /// Field by field.
    pub fields: Vec<FieldChange>,
    /// Why.
    pub reason: String,
    /// Who made the difference.
    #[serde(skip)]
    pub cause: Cause,
}

/// Who made the difference between what is wanted and what Halo holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Cause {
    /// Somebody in Halo, as far as is known.
    #[default]
    Halo,
    /// The person's own settings, or they a part of it.
    Settings,
    /// A rotation of ours that is not finished.
    Rotation,
}

/// Why an object differs, or already has a new address, while a rotation of the callback secrets is unfinished.
pub const ROTATING: &str = "the rotation of the callback token is not finished: run Rotate again";

/// Said where nobody can tell whether a ticket type is linked: it is tried, and cannot be read back.
pub const TABS_NOT_TOLD: &str = "Halo does not say whether the Pia Chat Pod is linked";

/// Why a ticket type stays as it is of which nobody makes tickets: nothing of ours is there, and nothing is to be.
pub const LEFT_OUT: &str = "skipped: inactive";

impl Change {
    /// Whether it is left out: then it is not in place.
    pub fn is_left_out(&self) -> bool {
        self.action == Action::Keep && self.reason == LEFT_OUT
    }

    /// Whether it switches a webhook on again.
    pub fn is_off(&self) -> bool {
        let is_it = |field: &FieldChange| field.name == "active" && field.before.as_deref() == Some("false");
        self.kind == ObjectKind::Webhook && self.fields.iter().any(is_it)
    }

    /// Whether it is a link that Halo says nothing of, before and after it is tried.
    pub fn is_untold(&self) -> bool {
        self.action == Action::Link && self.reason == TABS_NOT_TOLD
    }
}

/// The settings want something else than what Configure wrote.
pub const SETTING: &str = "your setting changed";

/// Halo holds something else than what Configure wrote.
pub const CHANGED: &str = "changed in Halo";

/// What Configure made is not there.
pub const MISSING: &str = "missing in Halo";

/// What no run has made yet: it is new here, or was chosen since. It is missing to nobody.
pub const NOT_IN_HALO: &str = "not in Halo yet";

/// A webhook sends nothing, whoever has switched it off.
pub const SWITCHED_OFF: &str = "switched off in Halo";

/// A ticket type does not show the tab.
pub const NOT_LINKED: &str = "not linked to the Pia Chat Pod";

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
    /// What cannot be done and why: a name that is already taken, an event that this Halo does not have.
    pub blocked: Vec<Blocked>,
    /// Objects of somebody else's that have a name like ours: each stands in the reason of ours, too.
    pub warnings: Vec<String>,
    /// Objects of somebody else's that have our names, and could be taken over.
    pub offers: Vec<Offer>,
    /// The ids of those that the person has agreed to take over.
    pub taken: Vec<String>,
    /// Whose the webhooks are.
    pub belongs: Belongs,
    /// What it was made from.
    pub basis: Basis,
    /// When the run of Configure began that it takes back.
    pub undoes: Option<Timestamp>,
}

/// An object that has one of our names and is not ours: made by the portal, as a rule, with another address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// What kind of object.
    pub kind: ObjectKind,
    /// The name that it shares with ours.
    pub name: Untrusted,
    /// Halo's id.
    pub id: String,
    /// What would change in it.
    pub fields: Vec<FieldChange>,
}

impl Offer {
    /// The object, and what would become of it.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let head = format!("{} {} ({})", self.kind.word(), self.name, Untrusted::new(self.id.as_str()).display());
        let field = |field: &FieldChange| {
            let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
            format!("  {}: {} -> {}", field.name, side(&field.before), side(&field.after))
        };
        std::iter::once(head).chain(self.fields.iter().map(field).collect::<Vec<_>>())
    }
}

/// What comes of taking objects over: said before the yes.
pub const TAKING_OVER: &str = "From then on, pia-halo owns them: Configure maintains them, Remove removes them, and \
     configure --roll-back restores their previous state.";

/// A fingerprint of everything that a plan was made from and would send: plans with the same lines can differ in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Basis([u8; 32]);

impl Basis {
    /// The fingerprint, secrets included: it gives none of them away.
    pub fn of(what: &impl Hash) -> Self {
        let mut digest = Digest(Sha256::new());
        what.hash(&mut digest);
        Self(digest.0.finalize().into())
    }
}

struct Digest(Sha256);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Unused: the digest is longer than this.
    fn finish(&self) -> u64 {
        0
    }
}

/// What is to be removed. The tab takes its links along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The webhooks with their events.
    pub webhooks: bool,
    /// The Pia Chat Pod tab with its links.
    pub chat_pod: bool,
    /// The links of the ticket types to the tab.
    pub links: bool,
}

impl Parts {
    /// Everything.
    pub const ALL: Self = Self { webhooks: true, chat_pod: true, links: true };

    /// Whether it is everything.
    pub fn is_all(self) -> bool {
        self.webhooks && self.chat_pod
    }

    /// The command that removes them.
    pub fn command(self) -> Next {
        let named = [(self.webhooks, "webhooks"), (self.chat_pod, "chat-pod"), (self.links && !self.chat_pod, "links")];
        let names: Vec<&str> = named.into_iter().filter(|(is_meant, _)| *is_meant).map(|(_, name)| name).collect();
        if self.is_all() { Next::Remove } else { Next::RemoveOnly(names.join(",")) }
    }
}

/// A name as a person's eye takes it: whatever the case, the spaces and the dashes.
pub fn plain_name(name: &str) -> String {
    let is_between =
        |sign: char| sign.is_whitespace() || matches!(sign, '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    name.chars().filter(|sign| !is_between(*sign)).flat_map(char::to_lowercase).collect()
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

    /// The changes that are "keep".
    pub fn kept(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.action == Action::Keep)
    }

    /// Every change as a person reads them: what is done, and then what stays.
    pub fn listed(&self) -> impl Iterator<Item = &Change> {
        self.pending().chain(self.kept())
    }

    /// The ids of the objects that can be taken over; none where two have one name, and a person has to choose.
    pub fn offered(&self) -> Option<Vec<String>> {
        let mut ours: Vec<_> = self.offers.iter().map(|offer| (offer.kind, plain_name(offer.name.raw()))).collect();
        ours.sort();
        let count = ours.len();
        ours.dedup();
        (count == ours.len()).then(|| self.offers.iter().map(|offer| offer.id.clone()).collect())
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

    /// The headline: `3 to create, 6 to link, 1 unchanged`.
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
            (counts.keep, "unchanged"),
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
    /// Halo accepted it but does not show it.
    Unverified,
    /// Not tried, because something it needs failed.
    Skipped,
}

/// One change with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeResult {
    /// The kind of object.
    pub kind: ObjectKind,
    /// What the object is called in Halo.
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

impl ChangeResult {
    /// Whether it was left out, and so is not in place.
    pub fn is_left_out(&self) -> bool {
        self.action == Action::Keep && self.message.as_deref() == Some(LEFT_OUT)
    }

    /// Whether it is a link that Halo says nothing of: another try says no more.
    pub fn is_untold(&self) -> bool {
        let is_it = |message: &str| message.starts_with(TABS_NOT_TOLD);
        self.outcome == Outcome::Unverified && self.message.as_deref().is_some_and(is_it)
    }

    /// Whether it was done, or there was nothing to do.
    pub fn is_made(&self) -> bool {
        matches!(self.outcome, Outcome::Done | Outcome::Unchanged)
    }
}

/// Of how many changes it is known that they were made, of how many it is not known, and how many are left, of all: `3 made,
/// 1 not known, 10 to do`. What was to be kept is no change.
pub fn how_far(results: &[ChangeResult], all: usize, left: &str) -> String {
    let changes = || results.iter().filter(|result| result.action != Action::Keep);
    let made = changes().filter(|result| result.is_made()).count();
    let unknown = changes().filter(|result| result.outcome == Outcome::Unverified).count();
    let mut parts = vec![format!("{made} made")];
    parts.extend((unknown > 0).then(|| format!("{unknown} not known")));
    let rest = all.saturating_sub(made + unknown);
    parts.extend((rest > 0).then(|| format!("{rest} {left}")));
    parts.join(", ")
}

/// The links that Halo says nothing of, where a run has done everything else.
pub fn untold(results: &[ChangeResult]) -> Vec<&ChangeResult> {
    let open: Vec<_> = results.iter().filter(|result| !result.is_made()).collect();
    if open.iter().all(|result| result.is_untold()) { open } else { Vec::new() }
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
    /// Warnings of the check before it: with an agent that does not see everything, completeness cannot be proved.
    pub warnings: Vec<String>,
    /// What kept the first object from being done: decides the exit code where none was.
    #[serde(skip)]
    pub cause: Option<FailureKind>,
}

impl ConfigureReport {
    /// Whether another run would do no more.
    pub fn is_settled(&self) -> bool {
        self.status.is_complete() || !untold(&self.results).is_empty()
    }

    /// What Halo has said to the writes of each kind: which one it has refused and why, or nothing where it has taken them.
    pub fn writes(&self) -> Vec<(ObjectKind, Option<(&str, &str)>)> {
        let mut said: Vec<(ObjectKind, Option<(&str, &str)>)> = Vec::new();
        for result in self.results.iter().filter(|result| result.action != Action::Keep) {
            let why = match result.outcome {
                Outcome::Failed if self.cause == Some(FailureKind::MissingRight) => {
                    Some((result.name.raw(), result.message.as_deref().unwrap_or_default()))
                }
                Outcome::Done => None,
                _ => continue,
            };
            match said.iter_mut().find(|(kind, _)| *kind == result.kind) {
                Some((_, known)) => *known = known.or(why),
                None => said.push((result.kind, why)),
            }
        }
        said
    }

    /// What was done in Halo could not be noted here.
    pub fn not_noted(&mut self, failure: &Failure) {
        if self.status.is_complete() {
            self.status = ConfigureStatus::PartlyDone;
        }
        self.message = format!("{}; the local record cannot be saved: {failure}", self.message);
        self.cause.get_or_insert(failure.kind.clone());
    }
}
