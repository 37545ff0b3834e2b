//! What a use-case is asked for and what it answers, where more than one room has to say it.

use super::activity::Activity;
use super::callback::{CallbackUrl, EventGroup};
use super::configuration::{ApiCredentials, Configuration, ConfigurationId, PiaScreen};
use super::secret::Secret;
use super::status::Status;
use super::sync_run::SyncReport;

/// Where the Client Secret of a check or a save comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretChoice {
    /// It was typed just now.
    Typed(Secret),
    /// The stored one, or the one a command gives.
    Stored,
}

/// A connection test, of what is typed rather than of what is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyRequest {
    /// The configuration whose stored secret is used, once it is saved.
    pub id: Option<ConfigurationId>,
    /// What to test.
    pub api: ApiCredentials,
    /// With which secret.
    pub secret: SecretChoice,
    /// The boards and the contact, where they are known already.
    pub pia_screen: Option<PiaScreen>,
}

/// A save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaveRequest {
    /// Which configuration; none makes a new one.
    pub id: Option<ConfigurationId>,
    /// What was read before it was changed; none of a new one. What another person has saved since is kept.
    pub read: Option<Configuration>,
    /// What to save.
    pub configuration: Configuration,
    /// The secret to store with it.
    pub secret: SecretChoice,
    /// Whether the connection was tested with exactly these credentials.
    pub verified: bool,
}

/// What a save did.
#[derive(Clone, Debug, PartialEq)]
pub struct SaveReport {
    /// The configuration's id.
    pub id: ConfigurationId,
    /// As it is saved now.
    pub configuration: Box<Configuration>,
    /// What changed, by the guide's names; everything for a new one.
    pub changed: Vec<&'static str>,
    /// What somebody else changed since it was read, and was kept.
    pub kept: Vec<String>,
    /// Whether it speaks of another Halo than before.
    pub moved: bool,
    /// Whether it is the active configuration now.
    pub active: bool,
    /// Whether its credentials were tested, now or before.
    pub tested: bool,
    /// The callback addresses.
    pub callbacks: Vec<(EventGroup, CallbackUrl)>,
}

impl SaveReport {
    /// What comes of a configuration that speaks of another Halo than before.
    pub const MOVED: &str = "The Url or tenant changed, so this is treated as another Halo. Sync before you configure: \
         until then, the clients stay as they are. What Configure created in the old Halo stays there.";

    /// What is said of another person's changes; none where there were none.
    pub fn kept_words(&self) -> Option<String> {
        let names = self.kept.join(", ");
        (!names.is_empty()).then(|| format!("Changed by someone else since you opened it, and kept: {names}."))
    }
}

/// Where a configuration stands, with its history.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Where it stands.
    pub status: Status,
    /// The last syncs, newest first.
    pub runs: Vec<SyncReport>,
    /// The audit trail, newest first.
    pub activity: Vec<Activity>,
    /// Events of each hour of the last day, the oldest first.
    pub hours: Vec<u64>,
    /// Another program that syncs it now, in words.
    pub syncing: Option<String>,
    /// Another program that writes into Halo now, in words.
    pub configuring: Option<String>,
}

/// Which configuration is active.
#[derive(Clone, Debug, PartialEq)]
pub enum Activation {
    /// This one, or none.
    Active(Option<ConfigurationId>),
    /// Another one is: a yes is needed to switch.
    NeedsYes {
        /// The one that was asked for.
        wanted: ConfigurationId,
        /// The one that is active.
        active: ConfigurationId,
        /// What people call that one.
        active_name: String,
    },
}
