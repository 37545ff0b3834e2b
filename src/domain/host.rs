//! A machine that works with the store on a server, as the others see it.

use jiff::Timestamp;
use serde::Serialize;

/// A machine that works with the store on a server now, or has lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// What it is called.
    pub host: String,
    /// The version of its service; none where it has had none lately.
    pub version: Option<String>,
    /// What its service does.
    pub service: HostService,
    /// Whether a program of it is signed in now.
    pub signed_in: bool,
    /// When the server has heard of it last; none where that is not known, and it is signed in.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub last_seen: Option<Timestamp>,
}

/// What the service of a host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HostService {
    /// What one service alone does.
    Leads,
    /// It receives, and would lead.
    StandsBy,
    /// There is none now.
    NotRunning,
}

impl Host {
    /// Whether anything of it is at work there now.
    pub fn is_there(&self) -> bool {
        self.signed_in || self.service != HostService::NotRunning
    }
}
