//! The health rules, and their findings.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::next::Hint;

/// What stands before the kind of an object that Halo does not let be written.
pub(super) const WRITING: &str = "writing: ";

// Between the names of what drifted.
pub(super) const NAMES_APART: &str = "\n";

// How a finding begins whose cause another one reports.
const REPORTED: &str = "reported as ";

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Halo accepts the Client ID and the Client Secret.
    Credentials,
    /// Halo answered whoever looked last.
    Halo,
    /// The application and its agent may do what is needed.
    Rights,
    /// The agent sees every client.
    AgentRestricted,
    /// The boards and the contact of the settings are in Halo.
    Boards,
    /// The files of settings and secrets are private and can be read.
    SettingsFiles,
    /// `serve` runs.
    Service,
    /// The clocks of this machine and of Halo agree.
    Clock,
    /// There is room on the disk.
    Disk,
    /// The database is whole.
    Store,
    /// The database is the one that there always was.
    StoreLost,
    /// A sync was made in the last day.
    SyncAge,
    /// No sync waits for a yes.
    SyncHeld,
    /// The last sync was proved complete.
    SyncProved,
    /// No run of Configure was interrupted.
    Interrupted,
    /// The configuration in Halo is this machine's.
    Owner,
    /// What Configure made in Halo is as it was made.
    Drift,
    /// Halo delivers: no webhook is switched off or gone.
    WebhookOff,
    /// The last delivery of each webhook succeeded.
    Deliveries,
    /// Events come in.
    Silence,
    /// Events come in soon after they happened.
    Lag,
    /// No event was missed for good.
    Missed,
    /// Every delivery was understood.
    NotUnderstood,
    /// Every event was forwarded.
    Forwarding,
    /// The certificate at the address of Pia is good.
    Certificate,
    /// No rotation of the callback secrets is unfinished.
    Rotation,
    /// Each escalated ticket has its note.
    EscalationNote,
    /// What changes is told to the command that somebody has named for it.
    Notices,
}

/// The five things that the overview answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// Credentials, rights and settings.
    Credentials,
    /// The service and its machine.
    Service,
    /// The company sync.
    Sync,
    /// What Configure made in Halo.
    Objects,
    /// What Halo delivers.
    Deliveries,
}

impl Light {
    /// Every light, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Credentials, Self::Service, Self::Sync, Self::Objects, Self::Deliveries];
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 28] = [
        Self::Credentials,
        Self::Halo,
        Self::Rights,
        Self::AgentRestricted,
        Self::Boards,
        Self::SettingsFiles,
        Self::Service,
        Self::Clock,
        Self::Disk,
        Self::Store,
        Self::StoreLost,
        Self::SyncAge,
        Self::SyncHeld,
        Self::SyncProved,
        Self::Interrupted,
        Self::Owner,
        Self::Drift,
        Self::WebhookOff,
        Self::Deliveries,
        Self::Silence,
        Self::Lag,
        Self::Missed,
        Self::NotUnderstood,
        Self::Forwarding,
        Self::Certificate,
        Self::Rotation,
        Self::EscalationNote,
        Self::Notices,
    ];

    // Its code, its title, and the light it belongs to.
    fn row(self) -> (&'static str, &'static str, Light) {
        match self {
            Self::Credentials => ("credentials", "Credentials", Light::Credentials),
            Self::Halo => ("halo", "Halo", Light::Credentials),
            Self::Rights => ("rights", "Permissions", Light::Credentials),
            Self::AgentRestricted => ("agent-restricted", "Agent access", Light::Credentials),
            Self::Boards => ("boards", "Boards and contact", Light::Objects),
            Self::SettingsFiles => ("settings-files", "Settings files", Light::Credentials),
            Self::Service => ("service", "Service", Light::Service),
            Self::Clock => ("clock", "Clock", Light::Service),
            Self::Disk => ("disk", "Disk", Light::Service),
            Self::Store => ("store", "Store", Light::Service),
            Self::StoreLost => ("store-lost", "Lost store", Light::Service),
            Self::SyncAge => ("sync-age", "Sync", Light::Sync),
            Self::SyncHeld => ("sync-held", "Confirmation", Light::Sync),
            Self::SyncProved => ("sync-proved", "Sync proof", Light::Sync),
            Self::Interrupted => ("interrupted", "Configure runs", Light::Objects),
            Self::Owner => ("owner", "Owner", Light::Objects),
            Self::Drift => ("drift", "Objects in Halo", Light::Objects),
            Self::WebhookOff => ("webhook-off", "Webhooks", Light::Objects),
            Self::Deliveries => ("deliveries", "Deliveries", Light::Deliveries),
            Self::Silence => ("silence", "Events", Light::Deliveries),
            Self::Lag => ("lag", "Event delay", Light::Deliveries),
            Self::Missed => ("missed", "Missed events", Light::Deliveries),
            Self::NotUnderstood => ("not-understood", "Unreadable events", Light::Deliveries),
            Self::Forwarding => ("forwarding", "Forwarding", Light::Deliveries),
            Self::Certificate => ("certificate", "Certificate", Light::Deliveries),
            Self::Rotation => ("rotation", "Rotation", Light::Deliveries),
            Self::EscalationNote => ("escalation-note", "Escalations", Light::Deliveries),
            Self::Notices => ("notices", "Notices", Light::Service),
        }
    }

    /// Its name in JSON, in figures and on the command line.
    pub fn code(self) -> &'static str {
        self.row().0
    }

    /// Its name on a screen.
    pub fn title(self) -> &'static str {
        self.row().1
    }

    /// The light that it belongs to.
    pub fn light(self) -> Light {
        self.row().2
    }

    /// The rule with a code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.code() == code)
    }

    /// Whether its finding is what somebody saw when Halo, or Pia's address, was asked; every other rule is judged
    /// anew at each look from what is known here.
    pub fn is_seen(self) -> bool {
        matches!(
            self,
            Self::Halo
                | Self::Rights
                | Self::AgentRestricted
                | Self::Clock
                | Self::Store
                | Self::Owner
                | Self::Drift
                | Self::Certificate
                | Self::EscalationNote
        )
    }

    /// What `issues retry` does about it.
    pub fn retry(self) -> Option<Retry> {
        match self {
            Self::SyncAge | Self::StoreLost => Some(Retry::Sync),
            Self::Forwarding => Some(Retry::SendAgain),
            rule if rule.is_seen() && rule != Self::EscalationNote => Some(Retry::Look),
            Self::Credentials | Self::Boards | Self::WebhookOff | Self::Deliveries => Some(Retry::Look),
            _ => None,
        }
    }
}

/// What can be tried again without a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The company sync.
    Sync,
    /// Forwarding again what was given up.
    SendAgain,
    /// Asking Halo once more.
    Look,
}

/// How it is; the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Well,
    /// Nobody has looked, or it could not be told.
    Unknown,
    /// It works, and needs a look.
    Watch,
    /// It does not work.
    Broken,
}

/// What was found of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was checked.
    pub rule: Rule,
    /// The verdict.
    pub state: State,
    /// Since when it is so.
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub since: Option<Timestamp>,
    /// When it was last looked at, where that was not just now.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "crate::domain::calendar::json")]
    pub seen_at: Option<Timestamp>,
    /// What was found, as a sentence without a full stop and without an age.
    pub fact: String,
    /// Of what, where the rule is about several things: a webhook, a ticket, the names of what drifted. A person
    /// dismisses the problem of this thing, in whichever words it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What to do about it.
    pub next: Option<Hint>,
    /// Whether a person has dismissed it. Valid until it changes or gets worse.
    #[serde(default)]
    pub dismissed: bool,
    /// The state of the rule that the service last notified about; only in stored findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<State>,
}

impl Finding {
    /// A finding without an age.
    pub fn new(rule: Rule, state: State, fact: impl Into<String>) -> Self {
        let fact = fact.into();
        Self { rule, state, since: None, seen_at: None, fact, object: None, next: None, dismissed: false, told: None }
    }

    /// All is well.
    pub fn well(rule: Rule, fact: impl Into<String>) -> Self {
        Self::new(rule, State::Well, fact)
    }

    /// Since when.
    #[must_use]
    pub fn since(self, since: impl Into<Option<Timestamp>>) -> Self {
        Self { since: since.into(), ..self }
    }

    /// What it is about.
    #[must_use]
    pub fn about(self, object: impl Into<String>) -> Self {
        Self { object: Some(object.into()), ..self }
    }

    /// What to do next.
    #[must_use]
    pub fn next(self, next: impl Into<Hint>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    /// Whether another one of its rule is as old: what is not known for another reason is not known since another moment.
    pub fn is_same_state(&self, other: &Self) -> bool {
        (self.rule, self.state) == (other.rule, other.state)
            && (self.state != State::Unknown || self.fact == other.fact)
    }

    /// Whether it only says where its cause is reported.
    pub fn is_reported_elsewhere(&self) -> bool {
        let is_of_silence = self.fact == NOT_ANSWERED && self.next.is_none();
        self.state == State::Unknown && (self.fact.starts_with(REPORTED) || is_of_silence)
    }

    /// The light that it belongs to: what Halo does not let be written is no fault of the credentials.
    pub fn light(&self) -> Light {
        if self.is_of_writes() { Light::Objects } else { self.rule.light() }
    }

    /// Whether it is a missing right to write alone: the connection itself is as it should be.
    pub fn is_of_writes(&self) -> bool {
        self.rule == Rule::Rights && self.object.is_some() && self.objects().all(|name| name.starts_with(WRITING))
    }

    /// The names of the objects that it is about.
    pub fn objects(&self) -> impl Iterator<Item = &str> {
        self.object.as_deref().unwrap_or_default().split(NAMES_APART).filter(|name| !name.is_empty())
    }

    /// What a fact about several objects says of one of them: `name (missing in Halo); other (changed in Halo)`.
    pub fn fault_of(&self, name: &str) -> Option<&str> {
        let (_, behind) = self.fact.split_once(&format!("{name} ("))?;
        let end = behind.find("); ").or_else(|| behind.rfind(')'))?;
        Some(&behind[..end]).filter(|fault| !fault.is_empty())
    }

    /// Whether a webhook is off or gone, or is where another rule tells the cause.
    fn is_of_webhook_off(&self) -> bool {
        let is_told_by = |by: Rule| self.fact == format!("{REPORTED}{}", by.code());
        self.rule == Rule::WebhookOff && (self.is_issue() || [Rule::Drift, Rule::Owner].into_iter().any(is_told_by))
    }

    /// Whether it needs a person.
    pub fn is_issue(&self) -> bool {
        self.state >= State::Watch
    }

    /// Whether it needs attention and has not been dismissed.
    pub fn is_open(&self) -> bool {
        self.is_issue() && !self.dismissed
    }

    // What counts most of several: an open problem, then what is dismissed or not known, then what is well.
    fn weight(&self) -> (bool, bool, State) {
        (self.is_open(), self.state != State::Well, self.state)
    }

    /// What a person dismisses: the same state of the same thing.
    pub fn cause(&self) -> String {
        format!("{:?}: {}", self.state, self.object.as_deref().unwrap_or_default())
    }
}

/// What needs attention, the worst and the longest known first.
pub fn issues(findings: &[Finding]) -> Vec<&Finding> {
    let mut issues: Vec<&Finding> = findings.iter().filter(|finding| finding.is_issue()).collect();
    issues.sort_by_key(|finding| (finding.dismissed, std::cmp::Reverse(finding.state), finding.since));
    issues
}

/// The state of a light: that of its worst finding, an open one before a dismissed one; none if there are none.
pub fn light(findings: &[Finding], light: Light) -> Option<&Finding> {
    // What is left to do about one ticket says nothing of what Halo delivers.
    let of = findings.iter().filter(|finding| finding.light() == light && finding.rule != Rule::EscalationNote);
    let delivers = findings.iter().find(|finding| finding.rule == Rule::Deliveries);
    // Whose last deliveries are known to have succeeded is not less known for want of an event.
    let is_well = delivers.is_some_and(|found| found.state == State::Well);
    let of = of
        .filter(|found| !(is_well && found.state == State::Unknown && matches!(found.rule, Rule::Silence | Rule::Lag)));
    // Of equals the first rule of the table counts.
    let worst = of.rev().max_by_key(|finding| finding.weight())?;
    // That a webhook sends no events is known, whichever rule tells why.
    let is_off = worst.fact == NONE_SENDS || findings.iter().any(Finding::is_of_webhook_off);
    let is_cause = |found: &&Finding| matches!(found.rule, Rule::WebhookOff | Rule::Drift | Rule::Owner);
    let causes = findings.iter().filter(|found| light == Light::Deliveries && is_off && found.is_issue());
    let cause = causes.filter(is_cause).max_by_key(|found| (found.rule == Rule::WebhookOff, found.weight()));
    Some(cause.filter(|cause| cause.weight() > worst.weight()).unwrap_or(worst))
}

/// What was known before, and what was found now: a state that has not changed keeps its age.
pub fn aged(before: &[Finding], now: Vec<Finding>) -> Vec<Finding> {
    let age = |finding: Finding| {
        let known = before.iter().find(|known| known.is_same_state(&finding));
        let since = finding.since.or_else(|| known.and_then(|known| known.since));
        Finding { since, ..finding }
    };
    now.into_iter().map(age).collect()
}

/// What is known of deliveries where every webhook is off or gone: another rule tells which.
pub const NONE_SENDS: &str = "no webhook in Halo sends events now";

/// The same where others are on.
pub const ONE_SENDS_NONE: &str = "a webhook in Halo sends no events now";

/// What is known of deliveries where a person took the webhooks out.
pub const WEBHOOKS_REMOVED: &str = "the webhooks were removed";

/// The same of the events that they would bring.
pub(super) const NONE_COMES: &str = "none can arrive: the webhooks were removed";

/// What is known of the objects in a Halo that did not answer.
pub(super) const NOT_ANSWERED: &str = "Halo did not answer";

// Which rule silences which: one cause is reported once. What another owner made of the objects is no drift, as repairing it
// without a take-over is refused; and a webhook that is switched off or gone is drift, too.
const ONE_CAUSE: [(Rule, Rule); 3] =
    [(Rule::Owner, Rule::Drift), (Rule::Owner, Rule::WebhookOff), (Rule::Drift, Rule::WebhookOff)];

/// A finding whose cause another one reports is told as that.
pub(super) fn one_cause(mut judged: Vec<Finding>) -> Vec<Finding> {
    for (by, silenced) in ONE_CAUSE {
        let Some(cause) = judged.iter().find(|finding| finding.rule == by && finding.is_issue()) else { continue };
        // A cause without names is about all there is.
        let names = cause.object.clone();
        let is_named = |finding: &Finding| {
            names.as_deref().is_none_or(|names| {
                finding.object.as_deref().is_some_and(|name| names.split(NAMES_APART).any(|other| other == name))
            })
        };
        for finding in judged.iter_mut().filter(|finding| finding.rule == silenced && finding.is_issue()) {
            if is_named(finding) {
                *finding = reported(finding, by);
            }
        }
    }
    // That Halo does not answer is one cause: what is not known for that has no remedy of its own.
    if judged.iter().any(|finding| finding.rule == Rule::Halo && finding.is_issue()) {
        judged.iter_mut().filter(|finding| finding.fact == NOT_ANSWERED).for_each(|finding| finding.next = None);
    }
    // A log that nobody has read is one thing that is not known, and not two.
    let unread = judged.iter().find(|finding| finding.rule == Rule::Deliveries && finding.state == State::Unknown);
    if let Some(unread) = unread.map(|unread| unread.fact.clone()) {
        let is_same = |finding: &&mut Finding| {
            (finding.rule, finding.state) == (Rule::WebhookOff, State::Unknown) && finding.fact == unread
        };
        judged.iter_mut().filter(is_same).for_each(|finding| *finding = reported(finding, Rule::Deliveries));
    }
    // That no event has come is one thing, too.
    let silent = judged.iter().find(|finding| finding.rule == Rule::Silence && finding.state == State::Unknown);
    if let Some(silent) = silent.map(|silent| silent.fact.clone()) {
        let is_same = |finding: &&mut Finding| {
            (finding.rule, finding.state) == (Rule::Lag, State::Unknown) && finding.fact == silent
        };
        judged.iter_mut().filter(is_same).for_each(|finding| *finding = reported(finding, Rule::Silence));
    }
    judged
}

pub(super) fn reported(finding: &Finding, by: Rule) -> Finding {
    let told = Finding::new(finding.rule, State::Unknown, format!("{REPORTED}{}", by.code()));
    Finding { seen_at: finding.seen_at, ..told }
}
