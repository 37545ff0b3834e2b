//! An unfinished wizard: what was typed, as it was typed. Never a secret.

use serde::{Deserialize, Serialize};

use super::configuration::{Configuration, ConfigurationId, EscalateTo};

/// The steps of the wizard. A draft names its step, so that a later version may order them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// What you need.
    Checklist,
    /// API Credentials, with the connection test.
    Credentials,
    /// Company Sync.
    CompanySync,
    /// Pia Screen.
    PiaScreen,
    /// Integration: where Pia is, and the Callback URLs.
    Integration,
    /// Review and Save.
    Review,
    /// Initial Sync, and Pia Escalate To once after it.
    InitialSync,
    /// Configure: test, plan, apply.
    Configure,
    /// Finished.
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

/// What the wizard remembers across a lost line: every field as typed, and where the person was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// The configuration being edited; none while it is new.
    pub configuration: Option<ConfigurationId>,
    /// Where the person was.
    pub step: Step,
    /// Configuration Name.
    pub name: String,
    /// Url.
    pub url: String,
    /// Client ID.
    pub client_id: String,
    /// Whether a Client Secret had been typed: it has to be typed again.
    pub secret_entered: bool,
    /// Daily Sync Time.
    pub daily_sync_time: String,
    /// Pia Board.
    pub pia_board: String,
    /// Pia Escalate To.
    pub escalate_to: Option<EscalateTo>,
    /// Pia Escalation Board.
    pub escalation_board: String,
    /// Where Halo reaches Pia.
    pub pia_url: String,
    /// The address of the Pia Chat Pod, where it is not the default.
    pub chat_pod_url: String,
}

impl Default for Draft {
    /// An empty wizard, with the guide's defaults.
    fn default() -> Self {
        Self {
            configuration: None,
            step: Step::Checklist,
            name: String::new(),
            url: String::new(),
            client_id: String::new(),
            secret_entered: false,
            daily_sync_time: String::new(),
            pia_board: "Pia".to_owned(),
            escalate_to: None,
            escalation_board: "Pia".to_owned(),
            pia_url: String::new(),
            chat_pod_url: String::new(),
        }
    }
}

impl Draft {
    /// The draft with which a saved configuration is edited.
    pub fn of(id: &ConfigurationId, configuration: &Configuration) -> Self {
        let text = |text: Option<String>| text.unwrap_or_default();
        Self {
            configuration: Some(id.clone()),
            step: Step::Credentials,
            name: configuration.name.clone(),
            url: configuration.api.url.to_string(),
            client_id: configuration.api.client_id.clone(),
            secret_entered: false,
            daily_sync_time: configuration.company_sync.daily_sync_time.to_string(),
            pia_board: configuration.pia_screen.pia_board.clone(),
            escalate_to: configuration.pia_screen.escalate_to.clone(),
            escalation_board: configuration.pia_screen.escalation_board.clone(),
            pia_url: text(configuration.integration.pia_url.as_ref().map(ToString::to_string)),
            chat_pod_url: text(configuration.integration.chat_pod_url.as_ref().map(ToString::to_string)),
        }
    }
}
