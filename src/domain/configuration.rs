//! One configuration: everything the set-up guide asks for, but the secrets.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use super::address::{AuthUrl, HaloUrl, PiaUrl};
use super::chat_pod::ChatPodUrl;
use super::daily_sync_time::DailySyncTime;
use super::include::IncludeRule;
use super::note_outcome::NoteOutcome;
use super::secret::CLIENT_SECRET_LENGTH;
use super::webhook_options::WebhookOptions;

/// The key of a configuration: in the settings, on the command line and in callback addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConfigurationId(String);

/// Why a text is no configuration id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("an id has 1 to 40 small letters, digits and hyphens, and starts with a letter or digit, such as acme")]
pub struct IdError;

impl ConfigurationId {
    const LONGEST: usize = 40;

    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let valid = (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(good) && !text.starts_with('-');
        if valid { Ok(Self(text.to_owned())) } else { Err(IdError) }
    }

    /// Makes a free id out of a Configuration Name or, where that has no usable letter, out of Halo's host.
    pub fn suggest(name: &str, url: Option<&HaloUrl>, taken: impl Fn(&Self) -> bool) -> Self {
        let host = url.map(|url| url.host().split('.').next().unwrap_or_default().to_owned()).unwrap_or_default();
        let base = [slug(name), slug(&host)].into_iter().find(|s| !s.is_empty()).unwrap_or_else(|| "halo".to_owned());
        let mut candidate = Self(base.clone());
        let mut number = 2;
        while taken(&candidate) {
            candidate = Self(format!("{base}-{number}"));
            number += 1;
        }
        candidate
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn slug(text: &str) -> String {
    let mut out = String::new();
    // Decomposed, so that an accent falls off its letter.
    for character in text.nfd().flat_map(char::to_lowercase) {
        if character.is_ascii_alphanumeric() {
            out.push(character);
        } else if (character.is_whitespace() || character.is_ascii_punctuation())
            && !out.is_empty()
            && !out.ends_with('-')
        {
            out.push('-');
        }
        // Room for "-99".
        if out.len() == ConfigurationId::LONGEST - 4 {
            break;
        }
    }
    out.trim_matches('-').to_owned()
}

impl fmt::Display for ConfigurationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for ConfigurationId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ConfigurationId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl From<ConfigurationId> for String {
    fn from(id: ConfigurationId) -> Self {
        id.0
    }
}

/// A Halo agent that escalated tickets go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalateTo {
    /// The agent's id in Halo.
    pub agent_id: i64,
    /// The agent's name when it was chosen, so that a vanished contact can still be named.
    pub name: String,
}

/// The API Credentials section, without the Client Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiCredentials {
    /// Where the Halo is.
    pub url: HaloUrl,
    /// The Client ID of the API application.
    pub client_id: String,
    /// The tenant, only where discovery does not give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The sign-in server, only where it is not on the host of `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_url: Option<AuthUrl>,
    /// Requests per rolling 5 minutes; 0 means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_budget: Option<u32>,
    /// A private certificate authority, trusted besides the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// A command that prints the Client Secret, run without a shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_command: Option<Vec<String>>,
}

impl ApiCredentials {
    /// The ones of a Halo that needs nothing but its address.
    pub fn new(url: HaloUrl, client_id: impl Into<String>) -> Self {
        Self {
            url,
            client_id: client_id.into(),
            tenant: None,
            auth_url: None,
            request_budget: None,
            ca_file: None,
            client_secret_command: None,
        }
    }
}

/// The Company Sync section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompanySync {
    /// When companies are synced each day.
    pub daily_sync_time: DailySyncTime,
    /// Which clients Pia serves; by default all.
    #[serde(default, skip_serializing_if = "IncludeRule::takes_all")]
    pub include: IncludeRule,
}

/// The Pia Screen section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PiaScreen {
    /// The board (a Halo team) that Pia reads tickets from.
    #[serde(default = "PiaScreen::usual_board")]
    pub pia_board: String,
    /// The board that escalated tickets are moved to.
    #[serde(default = "PiaScreen::usual_board")]
    pub escalation_board: String,
    /// The default escalation contact; absent means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_to: Option<EscalateTo>,
    /// The action of Halo's with which notes are added, where it is another than the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note_outcome: Option<NoteOutcome>,
}

impl PiaScreen {
    /// What the board is called for most partners.
    pub fn usual_board() -> String {
        "Pia".to_owned()
    }
}

impl Default for PiaScreen {
    fn default() -> Self {
        let (pia_board, escalation_board) = (Self::usual_board(), Self::usual_board());
        Self { pia_board, escalation_board, escalate_to: None, note_outcome: None }
    }
}

/// The Integration section.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Integration {
    /// Where Halo reaches Pia. Configure needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pia_url: Option<PiaUrl>,
    /// What the Pia Chat Pod shows; by default an address below `pia_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_pod_url: Option<ChatPodUrl>,
    /// How the webhooks behave in Halo; by default as Halo has it, with the safe set of events.
    #[serde(default, skip_serializing_if = "WebhookOptions::is_blank")]
    pub webhook_options: WebhookOptions,
}

impl Integration {
    /// The address of the Pia Chat Pod, given or by default.
    pub fn effective_chat_pod_url(&self) -> Option<ChatPodUrl> {
        self.chat_pod_url.clone().or_else(|| self.pia_url.as_ref().map(ChatPodUrl::below))
    }
}

/// A whole configuration, as it is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Configuration Name: friendly, in any script.
    #[serde(default)]
    pub name: String,
    /// API Credentials.
    pub api: ApiCredentials,
    /// Company Sync.
    pub company_sync: CompanySync,
    /// Pia Screen.
    #[serde(default)]
    pub pia_screen: PiaScreen,
    /// Integration.
    #[serde(default)]
    pub integration: Integration,
}

impl Configuration {
    /// One with these credentials and everything else as it usually is.
    pub fn new(api: ApiCredentials) -> Self {
        Self {
            name: String::new(),
            api,
            company_sync: CompanySync { daily_sync_time: DailySyncTime::EXAMPLE, include: IncludeRule::default() },
            pia_screen: PiaScreen::default(),
            integration: Integration::default(),
        }
    }

    /// Why Halo would never reach the Pia Url.
    pub fn unreachable(&self) -> Option<&'static str> {
        let pia = self.integration.pia_url.as_ref()?;
        pia.unreachable_from(&self.api.url)
    }

    /// The name for a title: the Configuration Name or, without one, Halo's host.
    pub fn title(&self) -> String {
        if self.name.trim().is_empty() { self.api.url.host() } else { self.name.clone() }
    }
}

/// Why a value of a plain text field is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// The field may not be blank.
    #[error("{0} is needed")]
    Missing(&'static str),
    /// Only one line fits.
    #[error("one line only, without control characters")]
    NotOneLine,
    /// Too long.
    #[error("at most {0} characters")]
    TooLong(usize),
}

/// Checks a Configuration Name: optional, one line, kept exactly.
pub fn check_name(text: &str) -> Result<(), TextError> {
    one_line(text, 100)
}

/// Checks a board name: needed, one line.
pub fn check_board(text: &str) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Missing("a board name, usually Pia,"));
    }
    one_line(text, 100)
}

/// Checks a Client ID: needed, one line. Its shape is only ever warned about.
pub fn check_client_id(text: &str) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Missing("the Client ID"));
    }
    one_line(text.trim(), 200)
}

/// What looks wrong with a Client ID. A warning: Halo decides.
pub fn client_id_warning(text: &str) -> Option<String> {
    let text = text.trim();
    let count = text.chars().count();
    let hyphens: Vec<usize> = text.char_indices().filter(|(_, c)| *c == '-').map(|(index, _)| index).collect();
    let shaped = hyphens == [8, 13, 18, 23] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    let characters = if count == 1 { "character" } else { "characters" };
    match count {
        0 => None,
        36 if shaped => None,
        36 => Some("ids look like 0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f; is this the Client ID?".to_owned()),
        _ if count < 36 => Some(format!("{count} {characters}; ids have 36. Was the end cut off?")),
        _ => Some(format!("{count} characters; ids have 36. Was something else copied along?")),
    }
}

/// What looks wrong with a Client Secret, from its length alone: Halo's are two GUIDs joined by a hyphen. A warning.
pub fn client_secret_warning(length: usize) -> Option<String> {
    match length {
        0 | CLIENT_SECRET_LENGTH => None,
        1..CLIENT_SECRET_LENGTH => Some("Halo's secrets have 73 characters. Was the end cut off?".to_owned()),
        _ => Some("Halo's secrets have 73 characters. Was something else copied along?".to_owned()),
    }
}

fn one_line(text: &str, longest: usize) -> Result<(), TextError> {
    if text.chars().any(char::is_control) {
        return Err(TextError::NotOneLine);
    }
    if text.chars().count() > longest { Err(TextError::TooLong(longest)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_made_from_name_in_any_script() {
        let suggest = |name: &str| {
            let url = HaloUrl::read("https://acme.halopsa.com").unwrap().address;
            ConfigurationId::suggest(name, Some(&url), |_| false).to_string()
        };
        assert_eq!(suggest("Acme MSP"), "acme-msp");
        assert_eq!(suggest("  Société Générale!  "), "societe-generale");
        assert_eq!(suggest("北京技术"), "acme");
        assert_eq!(suggest(""), "acme");
        assert!(suggest(&"x".repeat(200)).len() <= 40);
    }

    #[test]
    fn id_that_is_taken_gets_number() {
        let taken = |id: &ConfigurationId| ["acme", "acme-2"].contains(&id.as_str());
        assert_eq!(ConfigurationId::suggest("Acme", None, taken).as_str(), "acme-3");
    }

    #[test]
    fn only_safe_ids_are_read() {
        for bad in ["", "-a", "Acme", "a b", "a/b", "../x", "ä", &"a".repeat(41)] {
            assert_eq!(ConfigurationId::parse(bad), Err(IdError), "{bad}");
        }
        assert!(ConfigurationId::parse("acme-2").is_ok());
    }

    #[test]
    fn client_id_is_warned_about_but_never_refused_for_its_shape() {
        let warning = |text: &str| client_id_warning(text).unwrap_or_default();
        assert_eq!(warning("0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f"), "");
        assert!(warning("0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1").starts_with("35 characters"));
        assert!(warning("0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f1").starts_with("37 characters"));
        assert!(warning("0d0c6d1c_5a0e_4f57_9c1e_b1a5bb3e3a1f").contains("is this the Client ID"));
        assert!(check_client_id("my-client").is_ok());
        assert!(check_client_id("  ").is_err());
    }

    #[test]
    fn client_secret_is_warned_about_by_its_length() {
        assert_eq!((client_secret_warning(0), client_secret_warning(73)), (None, None));
        assert!(client_secret_warning(72).is_some_and(|words| words.contains("cut off")));
        assert!(client_secret_warning(88).is_some_and(|words| words.contains("copied along")));
    }

    #[test]
    fn names_are_kept_exactly_and_boards_are_needed() {
        assert!(check_name("").is_ok());
        assert!(check_name("Ünïcode 北京 \"&\"").is_ok());
        assert_eq!(check_name("two\nlines"), Err(TextError::NotOneLine));
        assert_eq!(check_name(&"x".repeat(101)), Err(TextError::TooLong(100)));
        assert_eq!(check_board(" ").unwrap_err().to_string(), "a board name, usually Pia, is needed");
    }
}
