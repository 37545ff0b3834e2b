//! A run of the company sync: how it goes, how it ended, the proof, and what it changed.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

pub use super::brake::Brake;
use super::client::DisabledReason;
use super::failure::Failure;
use super::next::{Hint, Next};
use super::thousands;
use super::untrusted::{Exact, Untrusted};

/// How many runs of a configuration are remembered.
pub const RUNS_KEPT: usize = 100;

/// Which clients the agent sees, as far as Halo was heard on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// All of them.
    All,
    /// Chosen ones only.
    Chosen,
    /// Halo refused to tell. Its word stays the same from day to day: it makes the first run one with warnings, and in those
    /// after it stands behind the figures.
    NotTold,
    /// The question failed. This alone makes no run one with warnings: the next may well be answered.
    NotHeard,
}

impl Sight {
    /// The warning of a run.
    pub fn warning(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::Chosen => Some(
                "the agent sees chosen clients only, so Halo may have more: \
                 set \"Allow use of all Customers/Clients\" of the agent or its role to Yes",
            ),
            Self::NotTold => Some(
                "Halo does not tell whether this agent sees all clients, so it may have more: \
                 check \"Allow use of all Customers/Clients\" of the agent and its role",
            ),
            Self::NotHeard => {
                Some("whether this agent sees all clients could not be found out; the next sync asks again")
            }
        }
    }

    /// What stands behind the figures of a run.
    pub fn caveat(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Chosen => ", as this agent sees it",
            Self::NotTold | Self::NotHeard => ", as far as this agent sees; whether that is all is not known",
        }
    }

    /// Whether it is chosen clients only; none where nobody knows.
    pub fn is_restricted(self) -> Option<bool> {
        match self {
            Self::All => Some(false),
            Self::Chosen => Some(true),
            Self::NotTold | Self::NotHeard => None,
        }
    }
}

/// How to go on with a sync that is on hold. `otherwise`: what to change where the clients are not to go.
pub fn confirm(otherwise: &str) -> Hint {
    Hint::from("If this is right, confirm: ").next(Next::SyncYes).text(format!(". Otherwise {otherwise}"))
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncStatus {
    /// Halo's count and the unique ids read agree.
    Complete,
    /// The list is usable, but something about it could not be proved; nothing was disabled on a guess.
    CompleteWithWarnings,
    /// Not completed; what was stored before stands.
    Failed,
    /// Stopped by a person, a signal or the end of its process.
    Interrupted,
    /// Another run holds the lock.
    Busy,
    /// On hold: more clients would be disabled than a run may disable without confirmation.
    NeedsConfirmation,
}

impl SyncStatus {
    /// The word for the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Complete => "Complete",
            Self::CompleteWithWarnings => "Complete with warnings",
            Self::Failed => "Failed",
            Self::Interrupted => "Interrupted",
            Self::Busy => "Busy",
            Self::NeedsConfirmation => "Waiting for confirmation",
        }
    }

    /// The word for JSON and the store.
    pub fn code(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::CompleteWithWarnings => "complete_with_warnings",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Busy => "busy",
            Self::NeedsConfirmation => "needs_confirmation",
        }
    }

    /// The status that a code stands for.
    pub fn from_code(code: &str) -> Option<Self> {
        [
            Self::Complete,
            Self::CompleteWithWarnings,
            Self::Failed,
            Self::Interrupted,
            Self::Busy,
            Self::NeedsConfirmation,
        ]
        .into_iter()
        .find(|status| status.code() == code)
    }

    /// Whether the stored list was renewed by the run.
    pub fn has_published(self) -> bool {
        matches!(self, Self::Complete | Self::CompleteWithWarnings)
    }
}

/// What a run did to the stored clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct ChangeCounts {
    /// New in Halo.
    pub added: u64,
    /// Changed in Halo.
    pub updated: u64,
    /// Newly disabled, for either reason.
    pub disabled: u64,
    /// In Halo and active again.
    pub returned: u64,
    /// As they were.
    pub unchanged: u64,
}

/// What one page of Halo's client list said, without the clients themselves.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ListedPage {
    /// The number of the page, from 1. Clients that were asked for one by one make a page 0.
    pub page: u32,
    /// Halo's own count of all clients, as this page gave it.
    pub record_count: Option<u64>,
    /// The ids on the page, in its order.
    pub ids: Vec<i64>,
    /// Rows without a readable id: Halo counts them, and nobody can name them.
    pub nameless: u64,
    /// The highest id of the list before the page was read, where that is known.
    pub newest: Option<i64>,
    /// The ids of rows that could not be read beyond them, each with why, as the end of a sentence.
    pub unread: Vec<(i64, String)>,
}

/// What happened to one client in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// New in Halo.
    Added,
    /// It has another name.
    Renamed,
    /// Something else about it is different: its top level, its main site, or why it is not in use.
    Changed,
    /// Not in use any more.
    Disabled,
    /// In use again.
    Returned,
}

impl ChangeKind {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 5] = [Self::Added, Self::Renamed, Self::Changed, Self::Disabled, Self::Returned];

    /// The word for the screen, JSON and the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Renamed => "renamed",
            Self::Changed => "changed",
            Self::Disabled => "disabled",
            Self::Returned => "returned",
        }
    }

    /// The word in the report of a run: one that is held has disabled nobody yet.
    pub fn word_in(self, status: SyncStatus) -> &'static str {
        match (self, status) {
            (Self::Disabled, SyncStatus::NeedsConfirmation) => "would be disabled",
            _ => self.word(),
        }
    }

    /// The kind that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What is told of a client that is forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// A sync has changed it.
    Change(ChangeKind),
    /// Somebody asked for the whole list, or it takes the place of more changes than are kept.
    Snapshot,
}

impl ClientEvent {
    /// The word for the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Change(change) => change.word(),
            Self::Snapshot => "snapshot",
        }
    }

    /// What a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        if word == Self::Snapshot.word() { Some(Self::Snapshot) } else { ChangeKind::from_word(word).map(Self::Change) }
    }

    /// The name of the event without what it is about.
    pub fn word_of_event(self) -> &'static str {
        self.event().trim_start_matches("client.")
    }

    /// The name of the event.
    pub fn event(self) -> &'static str {
        match self {
            Self::Change(ChangeKind::Added) => "client.added",
            Self::Change(ChangeKind::Renamed | ChangeKind::Changed) => "client.updated",
            Self::Change(ChangeKind::Disabled) => "client.disabled",
            Self::Change(ChangeKind::Returned) => "client.returned",
            Self::Snapshot => "client.snapshot",
        }
    }
}

/// A line of a run's change report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientChange {
    /// Halo's id of the client.
    pub id: i64,
    /// What happened to it.
    pub change: ChangeKind,
    /// Its name after the run.
    pub name: Untrusted,
    /// Its name before the run, where that was another one.
    pub name_before: Option<Untrusted>,
    /// Why it is not in use any more, where it was until then.
    pub reason: Option<DisabledReason>,
}

impl ClientChange {
    /// One that is not in use any more.
    pub fn disabled(id: i64, name: Untrusted, reason: DisabledReason) -> Self {
        Self { id, change: ChangeKind::Disabled, name, name_before: None, reason: Some(reason) }
    }
}

/// Written out as one row of `history RUN --format json`: for scripts, so with the names as Halo wrote them.
impl Serialize for ClientChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            id: i64,
            change: ChangeKind,
            name: Exact<'a>,
            name_before: Option<Exact<'a>>,
            disabled_reason: Option<&'static str>,
        }
        Row {
            id: self.id,
            change: self.change,
            name: self.name.exact(),
            name_before: self.name_before.as_ref().map(Untrusted::exact),
            disabled_reason: self.reason.map(DisabledReason::word),
        }
        .serialize(serializer)
    }
}

/// A run that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyncReport {
    /// The number of the run in the history; none for one that never began.
    pub run: Option<NonZeroU64>,
    /// How it ended.
    pub status: SyncStatus,
    /// Whether the stored list is every client that Halo has: its own count stood still and equals the unique ids.
    pub proved: bool,
    /// Halo's own count, inactive clients included.
    pub halo_count: Option<u64>,
    /// Unique ids read in this run; where no pass was proved, those of all its passes and those that were asked for one by one.
    pub stored: u64,
    /// Stored clients in use after the run.
    pub active: u64,
    /// Stored clients not in use after the run.
    pub disabled: u64,
    /// Those of them that only the rule of which clients Pia serves leaves out.
    pub left_out: u64,
    /// What changed.
    pub changes: ChangeCounts,
    /// Pages of clients read.
    pub pages: u64,
    /// Pages of an interrupted run that did not have to be read again.
    pub resumed_pages: u64,
    /// Requests sent, those of the lists included.
    pub requests: u64,
    /// Requests that had to be sent again.
    pub retries: u64,
    /// Time spent waiting for Halo's request limit.
    pub rate_limited_ms: u64,
    /// The whole time.
    pub duration_ms: u64,
    /// What was not as it should be, each as a sentence.
    pub warnings: Vec<String>,
    /// When it began.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub finished_at: Timestamp,
    /// How many clients would go out of use, where that is more than a run may disable unasked. Not in the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_disable: Option<u64>,
    /// Each of them. The history has them as what the run changed, had it not been held.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disabling: Vec<ClientChange>,
    /// Why it failed, or who holds the sync. Only the run that has just ended has it, not the history.
    #[serde(skip)]
    pub error: Option<Failure>,
}

impl SyncReport {
    /// One in which nothing has happened.
    pub fn blank(status: SyncStatus, at: Timestamp) -> Self {
        Self {
            run: None,
            status,
            proved: false,
            halo_count: None,
            stored: 0,
            active: 0,
            disabled: 0,
            left_out: 0,
            changes: ChangeCounts::default(),
            pages: 0,
            resumed_pages: 0,
            requests: 0,
            retries: 0,
            rate_limited_ms: 0,
            duration_ms: 0,
            warnings: Vec::new(),
            started_at: at,
            finished_at: at,
            would_disable: None,
            disabling: Vec::new(),
            error: None,
        }
    }

    /// How long it took. Of one whose program was killed nobody measured it: known is at most when it read its last page.
    pub fn measured_ms(&self) -> Option<u64> {
        let is_known = self.duration_ms > 0 || self.status != SyncStatus::Interrupted;
        is_known.then_some(self.duration_ms)
    }

    /// How many clients are in use and how many are not: `230 active, 7 disabled, 3 of them left out by rule`.
    pub fn usage(&self) -> String {
        usage(self.active, self.disabled, self.left_out)
    }

    /// Which clients the agent sees: what is complete for it may not be all of Halo's. None where the run ended before that was
    /// asked, or had nobody to ask for.
    pub fn sight(&self) -> Option<Sight> {
        let warns = |sight: &Sight| sight.warning().is_some_and(|line| self.warnings.iter().any(|said| said == line));
        let doubt = [Sight::Chosen, Sight::NotTold, Sight::NotHeard].into_iter().find(warns);
        doubt.or_else(|| (self.status.has_published() && self.stored > 0).then_some(Sight::All))
    }

    /// What is said behind the figures where they may not be all of Halo's.
    pub fn as_seen(&self) -> &'static str {
        self.sight().map_or("", Sight::caveat)
    }

    /// The proof line: `Halo says 237, stored 237`; what was only read is not called stored, and what an agent sees is not
    /// called all.
    pub fn proof(&self) -> String {
        if !self.status.has_published() {
            if self.pages == 0 && self.stored == 0 && self.halo_count.is_none() {
                return "Nothing was read; list unchanged".to_owned();
            }
            let read = thousands(self.stored);
            let count =
                self.halo_count.map_or_else(|| "gave no count".to_owned(), |n| format!("says {}", thousands(n)));
            return format!("Halo {count}, read {read}; list unchanged");
        }
        let seen = self.as_seen();
        match self.halo_count {
            Some(count) => format!("Halo says {}, stored {}{seen}", thousands(count), thousands(self.stored)),
            None => format!("Halo gave no count, stored {}{seen}", thousands(self.stored)),
        }
    }
}

/// How many clients are in use and how many are not: `230 active, 7 disabled, 3 of them left out by rule`.
pub fn usage(active: u64, disabled: u64, left_out: u64) -> String {
    let used = format!("{} active, {} disabled", thousands(active), thousands(disabled));
    match left_out {
        0 => used,
        left_out => format!("{used}, {} of them left out by rule", thousands(left_out)),
    }
}

/// The lists that a sync refreshes beside the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SideList {
    /// Halo's agents.
    Agents,
    /// Halo's teams.
    Teams,
    /// Halo's ticket types.
    TicketTypes,
}

impl SideList {
    /// The word for the screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Agents => "Agents",
            Self::Teams => "Teams",
            Self::TicketTypes => "Ticket types",
        }
    }
}

/// How a run stands at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SyncProgress {
    /// Unique clients read so far.
    pub clients_read: u64,
    /// Halo's count, once the first page has told it.
    pub clients_total: Option<u64>,
    /// Pages read.
    pub pages: u64,
    /// Pages of an interrupted run that need not be read again.
    pub resumed_pages: u64,
    /// Lists already refreshed, with their lengths.
    pub lists: BTreeMap<SideList, u64>,
    /// Requests sent.
    pub requests: u64,
    /// Requests that had to be sent again.
    pub retries: u64,
    /// The wait for the request limit, while there is one.
    pub waiting: Option<BudgetWait>,
    /// How much of the request limit is used; none as long as no limit is known.
    pub budget: Option<RequestBudget>,
    /// Halo does not answer.
    pub silence: Option<Silence>,
}

/// How much of Halo's request limit is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestBudget {
    /// Requests that count at the moment.
    pub used: u32,
    /// Requests allowed in the window: from the settings, or learnt from a refusal.
    pub limit: u32,
    /// The window in seconds.
    pub window_seconds: u64,
    /// When the next request may be sent; none while it may be at once.
    pub more_at: Option<Timestamp>,
}

impl SyncProgress {
    /// How far it is, in a line.
    pub fn line(&self) -> String {
        let read = thousands(self.clients_read);
        let mut line = match self.clients_total {
            Some(total) => format!("Syncing: {read} of {} clients", thousands(total)),
            None => "Syncing".to_owned(),
        };
        match self.pages {
            0 => {}
            1 => line.push_str(", 1 page"),
            pages => line.push_str(&format!(", {} pages", thousands(pages))),
        }
        if self.resumed_pages > 0 {
            line.push_str(&format!("; {} pages reused from an interrupted sync", self.resumed_pages));
        }
        if let (None, Some(budget)) = (&self.waiting, &self.budget) {
            line.push_str(&format!("; {} of {} requests used", budget.used, budget.limit));
        }
        if let Some(wait) = &self.waiting {
            line.push_str(&format!(
                "; Halo allows {} requests in {} s, continues at {} UTC",
                wait.limit,
                wait.window_seconds,
                wait.until.strftime("%H:%M:%S")
            ));
        }
        if let Some(silence) = &self.silence {
            let since = silence.since.strftime("%H:%M:%S");
            line.push_str(&format!("; no answer from Halo since {since} UTC, attempt {}", silence.attempt));
        }
        line
    }
}

/// A wait for Halo's request limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetWait {
    /// Requests allowed in the window.
    pub limit: u32,
    /// The window in seconds.
    pub window_seconds: u64,
    /// When it goes on.
    pub until: Timestamp,
    /// Whether it is one of many short ones: each request waits for an earlier one to count no more.
    pub one_by_one: bool,
}

impl BudgetWait {
    /// For how long a short wait is still told when it is over: the next one comes at once.
    const LINGERS: SignedDuration = SignedDuration::from_secs(2);

    /// How many seconds it is still waited: nothing takes less time than this.
    pub fn seconds(&self, now: Timestamp) -> u64 {
        u64::try_from(self.until.duration_since(now).as_secs()).unwrap_or(0)
    }

    /// Whether it is still waited.
    pub fn lasts(&self, now: Timestamp) -> bool {
        let lingers = if self.one_by_one { Self::LINGERS } else { SignedDuration::ZERO };
        now.duration_since(self.until) < lingers
    }
}

/// Nothing usable has come back from Halo for so long that somebody wonders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Since when.
    pub since: Timestamp,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// When the next one begins; none while one is under way.
    pub again_at: Option<Timestamp>,
    /// What came back instead, at once: a refusal is no silence.
    pub refused: Option<&'static str>,
}
