//! The steps of the set-up.

use serde::{Deserialize, Serialize};

/// The steps of the wizard. A draft names its step, so that a later version may order them differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// What to have at hand; it can be passed over.
    #[default]
    Checklist,
    /// API Credentials, with the connection test.
    Credentials,
    /// When the clients are read each day.
    CompanySync,
    /// The boards that Pia reads, and who gets what is escalated.
    PiaScreen,
    /// Integration: where Pia is, and the Callback URLs.
    Integration,
    /// Review and Save.
    Review,
    /// Initial Sync, and Pia Escalate To once after it.
    InitialSync,
    /// Configure: test, plan, apply.
    Configure,
    /// What is left to do, and how to start the service.
    Finished,
}

impl Step {
    /// Every step in the order of the guide.
    pub const ALL: [Self; 9] = [
        Self::Checklist,
        Self::Credentials,
        Self::CompanySync,
        Self::PiaScreen,
        Self::Integration,
        Self::Review,
        Self::InitialSync,
        Self::Configure,
        Self::Finished,
    ];
}
