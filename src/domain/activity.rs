//! The audit trail: who did what, when, and what came of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who is acting: the operating system's user, and where an SSH session comes from.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Actor {
    /// The user's name.
    pub user: String,
    /// The address an SSH session comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_from: Option<String>,
}

/// One line of the audit trail. Secrets in it are masked before it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: Actor,
    /// The configuration, where one is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// What was done: `save`, `activate`, `sync`, `create webhook` …
    pub action: String,
    /// To what: the name of an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<ActivityField>,
    /// How it ended: `done`, `failed` …
    pub outcome: String,
    /// Halo's answer, or what there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityField {
    /// The field.
    pub name: String,
    /// Before.
    pub before: Option<String>,
    /// After.
    pub after: Option<String>,
}
