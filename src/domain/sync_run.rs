//! A run of the company sync: how it goes, how it ended, and the proof.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::failure::Failure;
use super::thousands;

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
    /// Held: more clients would vanish than a plain run may disable.
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
            Self::NeedsConfirmation => "Waiting for a yes",
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

/// A run that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyncReport {
    /// How it ended.
    pub status: SyncStatus,
    /// Whether the stored list is every client that Halo has: its own count stood still and equals the unique ids.
    pub proved: bool,
    /// Halo's own count, inactive clients included.
    pub halo_count: Option<u64>,
    /// Unique ids read in this run.
    pub stored: u64,
    /// Stored clients in use after the run.
    pub active: u64,
    /// Stored clients not in use after the run.
    pub disabled: u64,
    /// What changed.
    pub changes: ChangeCounts,
    /// Pages of clients read.
    pub pages: u64,
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
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Why it failed, or who holds the sync. Only the run that has just ended has it, not the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

impl SyncReport {
    /// The proof line: `Halo says 237, stored 237`; what was only read is not called stored.
    pub fn proof(&self) -> String {
        if !self.status.has_published() {
            let read = thousands(self.stored);
            let count =
                self.halo_count.map_or_else(|| "gave no count".to_owned(), |n| format!("says {}", thousands(n)));
            return format!("Halo {count}, read {read}; the stored list is as it was");
        }
        match self.halo_count {
            Some(count) => format!("Halo says {}, stored {}", thousands(count), thousands(self.stored)),
            None => format!("Halo gave no count, stored {}", thousands(self.stored)),
        }
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
    /// Lists already refreshed, with their lengths.
    pub lists: BTreeMap<SideList, u64>,
    /// Requests sent.
    pub requests: u64,
    /// Requests that had to be sent again.
    pub retries: u64,
    /// The wait for the request limit, while there is one.
    pub waiting: Option<BudgetWait>,
}

impl SyncProgress {
    /// How far it is, in a line.
    pub fn line(&self) -> String {
        let read = thousands(self.clients_read);
        let mut line = match self.clients_total {
            Some(total) => format!("Syncing: {read} of {} clients", thousands(total)),
            None => "Syncing".to_owned(),
        };
        if let Some(wait) = &self.waiting {
            line.push_str(&format!(
                "; Halo allows {} requests in {} s, goes on at {} UTC",
                wait.limit,
                wait.window_seconds,
                wait.until.strftime("%H:%M:%S")
            ));
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
}
