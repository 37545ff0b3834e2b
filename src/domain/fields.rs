//! The fields of a configuration: one row of a table each. The wizard's form, its review and its draft, the settings and
//! answers files, what a save changed and plain mode are all made from it.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::address::{AddressError, AuthUrl, HaloUrl, Note, PiaUrl, Reading};
use super::chat_pod::ChatPodUrl;
use super::configuration::{Configuration, check_board, check_client_id, check_name, client_id_warning};
use super::daily_sync_time::{DailySyncTime, TimeError};
use super::include::IncludeRule;
use super::secret::holds_client_secret;
use super::step::Step;
use super::untrusted::without_margin;
use super::webhook_options::WebhookOptions;

/// A field, by the guide's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldId {
    /// Configuration Name.
    Name,
    /// Url.
    Url,
    /// Client ID.
    ClientId,
    /// Client Secret.
    ClientSecret,
    /// Authentication Token.
    Token,
    /// Sign-in Address.
    AuthUrl,
    /// Tenant.
    Tenant,
    /// CA File.
    CaFile,
    /// Request Budget.
    RequestBudget,
    /// Daily Sync Time.
    DailySyncTime,
    /// Clients Served.
    Include,
    /// Pia Board.
    PiaBoard,
    /// Pia Escalate To.
    EscalateTo,
    /// Pia Escalation Board.
    EscalationBoard,
    /// Pia Url.
    PiaUrl,
    /// Chat Pod Url.
    ChatPodUrl,
    /// Webhook Options.
    WebhookOptions,
}

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line, kept to the letter.
    Text,
    /// A line without blanks or quotes around it.
    Trimmed,
    /// An address, in any spelling people use.
    Address,
    /// A line with suggestions from Halo's teams.
    Board,
    /// The Client Secret.
    Secret,
    /// One of Halo's agents, or none.
    Choice,
    /// A whole number.
    Number,
    /// Nothing: it fills itself.
    ReadOnly,
}

/// Everything there is to know about a field.
#[derive(Clone, Copy, Debug)]
pub struct FieldInfo {
    /// How the program names it; a person never sees it.
    pub id: FieldId,
    /// Its key in the settings and in an answers file, with its table; blank where it has none.
    pub key: &'static str,
    /// The step it stands on.
    pub step: Step,
    /// What it takes.
    pub kind: Kind,
    /// Its name, as the guide has it.
    pub label: &'static str,
    /// One line under the value while the field has the focus.
    pub help: &'static str,
    /// The longer help.
    pub more: &'static str,
    /// A value as it could be.
    pub example: &'static str,
    /// What a new set-up begins with.
    pub default: &'static str,
    /// What a blank one means; none where it is needed.
    pub blank: Option<&'static str>,
    /// What belongs behind the value, such as its zone.
    pub unit: &'static str,
    /// The most characters it takes.
    pub longest: usize,
    /// What a text that is not blank is.
    pub read: fn(&str) -> Result<Taken, Refused>,
    /// Its value, as a person writes it; blank where it has none.
    pub get: fn(&Configuration) -> String,
    /// Puts a text in that [`FieldInfo::read`] takes: use [`FieldInfo::put`].
    pub set: fn(&mut Configuration, &str),
}

/// What a text is, read as a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The value as it is saved.
    pub value: String,
    /// What was changed in it, or is worth a second look.
    pub notes: Vec<Note>,
    /// What looks wrong although it can be saved.
    pub doubt: Option<String>,
}

/// Why a text is no value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong, and what would be right.
    pub why: String,
    /// What was probably meant.
    pub better: Option<String>,
}

/// The table of the fields.
pub const FIELDS: [FieldInfo; 17] = [
    FieldInfo {
        id: FieldId::Name,
        key: "name",
        step: Step::Credentials,
        kind: Kind::Text,
        label: "Configuration Name",
        help: "any name you like; optional",
        more: "Names this configuration on every screen, in plans and in the audit trail. Kept exactly as typed, in any script.",
        example: "Acme MSP",
        default: "",
        blank: Some("blank: the host's name is shown instead"),
        unit: "",
        longest: 100,
        read: |text| kept(text, check_name(text)),
        get: |own| own.name.clone(),
        set: |own, text| own.name = text.to_owned(),
    },
    FieldInfo {
        id: FieldId::Url,
        key: "api.url",
        step: Step::Credentials,
        kind: Kind::Address,
        label: "Url",
        help: "the address of your Halo, as in your browser",
        more: "Any form works: parts that are not needed are dropped, and you see which. https only. Halo shows it as \
               Resource Server at Configuration › Integrations › Halo PSA API › API Details.",
        example: "https://yourcompany.halopsa.com",
        default: "",
        blank: None,
        unit: "",
        longest: 400,
        read: |text| address(HaloUrl::read(text), HaloUrl::as_str),
        get: |own| own.api.url.to_string(),
        set: |own, text| put(&mut own.api.url, HaloUrl::read(text).map(|reading| reading.address)),
    },
    FieldInfo {
        id: FieldId::ClientId,
        key: "api.client_id",
        step: Step::Credentials,
        kind: Kind::Trimmed,
        label: "Client ID",
        help: "from your API application in Halo; copy it after saving the application",
        more: "Halo shows it at Configuration › Integrations › Halo PSA API › View Applications. It changes when \
               you first save the application, so copy it afterwards.",
        example: "0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f",
        default: "",
        blank: None,
        unit: "",
        longest: 200,
        read: client_id,
        get: |own| own.api.client_id.clone(),
        set: |own, text| own.api.client_id = text.trim().to_owned(),
    },
    FieldInfo {
        id: FieldId::ClientSecret,
        key: "",
        step: Step::Credentials,
        kind: Kind::Secret,
        label: "Client Secret",
        help: "shown once, when you create the application in Halo",
        more: "Masked while you type and never shown again. Typing replaces the whole secret; Ctrl-U clears it. Stored \
               in a separate file that only you can read.",
        example: "two GUIDs with a hyphen between them",
        default: "",
        blank: None,
        unit: "",
        longest: 1_000,
        read: |text| kept(text, Ok::<(), String>(())),
        get: |_| String::new(),
        set: |_, _| {},
    },
    FieldInfo {
        id: FieldId::Token,
        key: "",
        step: Step::Credentials,
        kind: Kind::ReadOnly,
        label: "Authentication Token",
        help: "generated by the test",
        more: "You can skip this field: the token is generated automatically and renewed when it expires. It is never \
               shown.",
        example: "valid until 11:53 UTC",
        default: "",
        blank: None,
        unit: "",
        longest: 0,
        read: |text| kept(text, Ok::<(), String>(())),
        get: |_| String::new(),
        set: |_, _| {},
    },
    FieldInfo {
        id: FieldId::AuthUrl,
        key: "api.auth_url",
        step: Step::Credentials,
        kind: Kind::Address,
        label: "Sign-in Address",
        help: "only if Halo's sign-in is elsewhere; blank asks Halo",
        more: "The Client Secret is sent there. Blank is right for almost everyone: Halo reports its sign-in server. One \
               on another host is used only if you enter it here and agree to it.",
        example: "https://login.acme.example/auth",
        default: "",
        blank: Some("blank: as reported by Halo"),
        unit: "",
        longest: 400,
        read: |text| address(AuthUrl::read(text), AuthUrl::as_str),
        get: |own| own.api.auth_url.as_ref().map(ToString::to_string).unwrap_or_default(),
        set: |own, text| own.api.auth_url = AuthUrl::read(text).ok().map(|reading| reading.address),
    },
    FieldInfo {
        id: FieldId::Tenant,
        key: "api.tenant",
        step: Step::Credentials,
        kind: Kind::Trimmed,
        label: "Tenant",
        help: "only if Halo does not report it",
        more: "Halo shows it at Configuration › Integrations › Halo PSA API › API Details. Leave it blank if Halo reports it.",
        example: "acme",
        default: "",
        blank: Some("blank: as reported by Halo"),
        unit: "",
        longest: 200,
        read: tenant,
        get: |own| own.api.tenant.clone().unwrap_or_default(),
        set: |own, text| own.api.tenant = Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
    },
    FieldInfo {
        id: FieldId::CaFile,
        key: "api.ca_file",
        step: Step::Credentials,
        kind: Kind::Trimmed,
        label: "CA File",
        help: "a private certificate authority, trusted in addition",
        more: "The path of a file in PEM form, for a Halo whose certificate is signed by your own authority. Nobody else may \
               be able to write to it.",
        example: "/etc/ssl/acme-ca.pem",
        default: "",
        blank: Some("blank: only the system's"),
        unit: "",
        longest: 1_000,
        read: ca_file,
        get: |own| own.api.ca_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
        set: |own, text| own.api.ca_file = Some(PathBuf::from(text.trim())).filter(|path| path.is_absolute()),
    },
    FieldInfo {
        id: FieldId::RequestBudget,
        key: "api.request_budget",
        step: Step::Credentials,
        kind: Kind::Number,
        label: "Request Budget",
        help: "requests per 5 minutes; blank means 630 of Halo's 700",
        more: "How many requests this program sends to Halo per 5 minutes. A lower number leaves more for your other \
               integrations; 0 means no limit.",
        example: "630",
        default: "",
        blank: Some("blank: 630 per 5 minutes"),
        unit: " per 5 minutes",
        longest: 10,
        read: request_budget,
        get: |own| own.api.request_budget.map(|budget| budget.to_string()).unwrap_or_default(),
        set: |own, text| own.api.request_budget = text.trim().parse().ok(),
    },
    FieldInfo {
        id: FieldId::DailySyncTime,
        key: "company_sync.daily_sync_time",
        step: Step::CompanySync,
        kind: Kind::Trimmed,
        label: "Daily Sync Time",
        help: "time in UTC, such as 04:30 or 4:30 am; or local: 14:30+10:00",
        more: "When clients are synced each day, in UTC: 04:30, 4.30, 0430 or 4:30 am. A local time needs its \
               zone, such as 14:30+10:00 or 14:30 Australia/Brisbane, and is stored as UTC.",
        example: "04:30",
        default: "04:30",
        blank: None,
        unit: " UTC",
        longest: 40,
        read: time,
        get: |own| own.company_sync.daily_sync_time.to_string(),
        set: |own, text| put(&mut own.company_sync.daily_sync_time, DailySyncTime::parse(text)),
    },
    FieldInfo {
        id: FieldId::Include,
        key: "company_sync.include",
        step: Step::CompanySync,
        kind: Kind::Trimmed,
        label: "Clients Served",
        help: "a rule such as: top level = Customers; blank means all clients",
        more: "Which clients Pia serves. Separate conditions with ; (all must match): top level = \
               name or id, type = Halo's number of the customer type, CF... = value of that custom field. Separate \
               alternative values with commas. All clients are still read; the others are kept as left out \
               by rule. A custom field costs one request per client.",
        example: "top level = Customers; type = 1, 3; CFTier = Gold",
        default: "",
        blank: Some("all clients"),
        unit: "",
        longest: 400,
        read: |text| {
            IncludeRule::parse(text).map_or_else(
                |error| kept("", Err::<(), _>(error)),
                |rule| kept(&rule.to_string(), Ok::<(), String>(())),
            )
        },
        get: |own| own.company_sync.include.to_string(),
        set: |own, text| put(&mut own.company_sync.include, IncludeRule::parse(text)),
    },
    FieldInfo {
        id: FieldId::PiaBoard,
        key: "pia_screen.pia_board",
        step: Step::PiaScreen,
        kind: Kind::Board,
        label: "Pia Board",
        help: "the board Pia reads tickets from, usually Pia",
        more: "A board is a team in Halo, spelled exactly as in Halo. Only teams that the API agent belongs to are \
               suggested, but you can type any name.",
        example: "Pia",
        default: "Pia",
        blank: None,
        unit: "",
        longest: 100,
        read: |text| kept(text.trim(), check_board(text)),
        get: |own| own.pia_screen.pia_board.clone(),
        set: |own, text| own.pia_screen.pia_board = text.trim().to_owned(),
    },
    FieldInfo {
        id: FieldId::EscalateTo,
        key: "pia_screen.escalate_to",
        step: Step::PiaScreen,
        kind: Kind::Choice,
        label: "Pia Escalate To",
        help: "the agent who gets escalated tickets; blank means none",
        more: "The default escalation contact: an agent in Halo. The list fills with the first sync. Blank means no \
               default escalation.",
        example: "Dana Scully",
        default: "",
        blank: Some("no default escalation"),
        unit: "",
        longest: 0,
        read: |text| kept(text, Ok::<(), String>(())),
        get: |own| match &own.pia_screen.escalate_to {
            Some(contact) => format!("{} ({})", contact.name, contact.agent_id),
            None => String::new(),
        },
        set: |_, _| {},
    },
    FieldInfo {
        id: FieldId::EscalationBoard,
        key: "pia_screen.escalation_board",
        step: Step::PiaScreen,
        kind: Kind::Board,
        label: "Pia Escalation Board",
        help: "the board escalated tickets move to, usually Pia",
        more: "A board is a team in Halo, spelled exactly as in Halo. It can be the same as the Pia Board.",
        example: "Pia",
        default: "Pia",
        blank: None,
        unit: "",
        longest: 100,
        read: |text| kept(text.trim(), check_board(text)),
        get: |own| own.pia_screen.escalation_board.clone(),
        set: |own, text| own.pia_screen.escalation_board = text.trim().to_owned(),
    },
    FieldInfo {
        id: FieldId::PiaUrl,
        key: "integration.pia_url",
        step: Step::Integration,
        kind: Kind::Address,
        label: "Pia Url",
        help: "public https address where Halo can reach this service; needed before Configure",
        more: "Your own address, usually of the reverse proxy in front of this service. Halo sends its callbacks to it \
               and loads the Pia Chat Pod from it, so Halo must be able to reach it: by https, and where your Halo is in \
               the cloud, from the internet.",
        example: "https://pia.acme.example",
        default: "",
        blank: Some("blank: needed before Configure"),
        unit: "",
        longest: 400,
        read: pia_url,
        get: |own| own.integration.pia_url.as_ref().map(ToString::to_string).unwrap_or_default(),
        set: |own, text| own.integration.pia_url = PiaUrl::read(text).ok().map(|reading| reading.address),
    },
    FieldInfo {
        id: FieldId::ChatPodUrl,
        key: "integration.chat_pod_url",
        step: Step::Integration,
        kind: Kind::Trimmed,
        label: "Chat Pod Url",
        help: "page in the Pia Chat Pod; blank: the default under Pia Url",
        more: "A page of your Pia: pia-halo serves none, so the default needs a proxy that passes /pod on to Pia. Kept \
               exactly as typed. Halo fills in its variables: $FAULTID, which is required, is the ticket and \
               $LOGGEDINAGENTID the agent.",
        example: "https://pia.acme.example/pod?ticket=$FAULTID&agent=$LOGGEDINAGENTID",
        default: "",
        blank: Some("blank"),
        unit: "",
        longest: 1_000,
        read: |text| kept(text.trim(), ChatPodUrl::parse(text)),
        get: |own| own.integration.chat_pod_url.as_ref().map(|url| url.as_str().to_owned()).unwrap_or_default(),
        set: |own, text| own.integration.chat_pod_url = ChatPodUrl::parse(text).ok(),
    },
    FieldInfo {
        id: FieldId::WebhookOptions,
        key: "integration.webhook_options",
        step: Step::Integration,
        kind: Kind::Trimmed,
        label: "Webhook Options",
        help: "such as: log days = 60; switch off after = 20; blank: as set in Halo",
        more: "How Halo's webhooks for Pia behave. Separate options with ; (those left out stay as set in Halo). \
               events = numbers of Halo's catalogue (see events --catalogue; default: the safe set), log days = how \
               long Halo keeps its delivery log, notify on failure = yes or no, switch off after = failures, 0 for \
               never, switch on again = yes: if Halo switches a webhook off, the service switches it on again.",
        example: "log days = 60; notify on failure = yes; switch off after = 20",
        default: "",
        blank: Some("as set in Halo"),
        unit: "",
        longest: 400,
        read: |text| {
            WebhookOptions::parse(text).map_or_else(
                |error| kept("", Err::<(), _>(error)),
                |options| kept(&options.to_string(), Ok::<(), String>(())),
            )
        },
        get: |own| own.integration.webhook_options.to_string(),
        set: |own, text| put(&mut own.integration.webhook_options, WebhookOptions::parse(text)),
    },
];

impl FieldId {
    /// Its row in the table.
    pub fn info(self) -> &'static FieldInfo {
        // The table has a row for every field: a test counts them.
        FIELDS.iter().find(|info| info.id == self).unwrap_or(&FIELDS[0])
    }

    /// Whether text is typed into it.
    pub fn is_text(self) -> bool {
        !matches!(self.info().kind, Kind::Choice | Kind::ReadOnly)
    }

    /// Whether few people need it: as long as it is blank, Enter passes over it and nobody is asked for it.
    pub fn is_rare(self) -> bool {
        matches!(self, Self::Include | Self::WebhookOptions)
    }

    /// Whether it is needed by few: it is shown once it is asked for, or filled.
    pub fn is_advanced(self) -> bool {
        matches!(self, Self::AuthUrl | Self::Tenant | Self::CaFile | Self::RequestBudget | Self::WebhookOptions)
    }

    /// Whether it may stay blank.
    pub fn may_be_blank(self) -> bool {
        self.info().blank.is_some()
    }
}

impl FieldInfo {
    /// Whether it is a line of text that may be written down: not the Client Secret.
    pub fn is_line(&self) -> bool {
        self.id.is_text() && self.kind != Kind::Secret
    }

    /// Whether it leads somewhere: what such a text holds in front of an `@` may be a password.
    pub fn is_address(&self) -> bool {
        self.kind == Kind::Address || self.id == FieldId::ChatPodUrl
    }

    /// The table of the settings that it is in, and its key there.
    pub fn table_and_key(&self) -> (&'static str, &'static str) {
        self.key.rsplit_once('.').unwrap_or(("", self.key))
    }

    /// Its key without the table, as a draft has it.
    pub fn short_key(&self) -> &'static str {
        self.table_and_key().1
    }

    /// A text without what a copy brings along at its ends: blanks of any kind and invisible characters. What is kept to the
    /// letter keeps them, and an address says what is wrong with it.
    pub fn bare<'t>(&self, text: &'t str) -> &'t str {
        match self.kind {
            Kind::Trimmed | Kind::Board | Kind::Number => without_margin(text),
            Kind::Text | Kind::Address | Kind::Secret | Kind::Choice | Kind::ReadOnly => text,
        }
    }

    /// Puts a text in that [`FieldInfo::take`] takes.
    pub fn put(&self, own: &mut Configuration, text: &str) {
        (self.set)(own, self.bare(text));
    }

    /// Reads a text, which may be blank where the field may be.
    ///
    /// # Errors
    ///
    /// [`Refused`] where it is no value of this field.
    pub fn take(&self, text: &str) -> Result<Taken, Refused> {
        let text = self.bare(text);
        if holds_client_secret(text) {
            return Err(Refused { why: MISPLACED.to_owned(), better: None });
        }
        if self.blank.is_some() && text.trim().is_empty() {
            return kept("", Ok::<(), String>(()));
        }
        (self.read)(text)
    }
}

/// A Client Secret in a field that is shown and kept.
pub const MISPLACED: &str = "this looks like a Client Secret, which has a field of its own";

fn kept<T, E: Display>(text: &str, checked: Result<T, E>) -> Result<Taken, Refused> {
    let taken = Taken { value: text.to_owned(), notes: Vec::new(), doubt: None };
    checked.map(|_| taken).map_err(|error| Refused { why: error.to_string(), better: None })
}

fn tenant(text: &str) -> Result<Taken, Refused> {
    let is_line = !text.trim().is_empty() && !text.chars().any(char::is_control);
    kept(text.trim(), if is_line { Ok(()) } else { Err("one line is needed, such as acme; or leave the key out") })
}

// Relative to what? The service starts elsewhere than the person does.
fn ca_file(text: &str) -> Result<Taken, Refused> {
    let is_absolute = Path::new(text.trim()).is_absolute();
    kept(
        text.trim(),
        if is_absolute { Ok(()) } else { Err("an absolute path is needed, such as /etc/ssl/acme-ca.pem") },
    )
}

fn request_budget(text: &str) -> Result<Taken, Refused> {
    let number = text.trim().parse::<u32>();
    let why = "must be a whole number of requests per 5 minutes, such as 630, or 0 for no limit";
    kept(&number.as_ref().map(u32::to_string).unwrap_or_default(), number.map_err(|_| why))
}

fn client_id(text: &str) -> Result<Taken, Refused> {
    kept(text.trim(), check_client_id(text)).map(|taken| Taken { doubt: client_id_warning(text), ..taken })
}

fn address<T>(reading: Result<Reading<T>, AddressError>, text: fn(&T) -> &str) -> Result<Taken, Refused> {
    let reading = reading.map_err(|error| Refused { why: error.to_string(), better: error.suggestion() })?;
    Ok(Taken { value: text(&reading.address).to_owned(), notes: reading.notes, doubt: None })
}

fn pia_url(text: &str) -> Result<Taken, Refused> {
    let example = || "not an address; such as https://pia.acme.example".to_owned();
    match PiaUrl::read(text) {
        Err(AddressError::Shape) => Err(Refused { why: example(), better: None }),
        reading => address(reading, PiaUrl::as_str),
    }
}

fn time(text: &str) -> Result<Taken, Refused> {
    let time = DailySyncTime::parse(text).map_err(|error| {
        let better = match &error {
            TimeError::TwoDigits(better) | TimeError::PlainDigits(better) | TimeError::NoMinutes(better) => {
                Some(better.clone())
            }
            _ => None,
        };
        Refused { why: error.to_string(), better }
    })?;
    kept(&time.to_string(), Ok::<(), String>(()))
}

fn put<T, E>(place: &mut T, value: Result<T, E>) {
    if let Ok(value) = value {
        *place = value;
    }
}
