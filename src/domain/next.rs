//! What to do next, as data: a command line names the command, and the interface names the key that does the same.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::configuration::ConfigurationId;
use super::for_shell;

/// A step that a person can take. `Display` gives the command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named after their commands")]
pub enum Next {
    Wizard,
    Help,
    SetupAnswers,
    SetupPlain,
    SetupSecret,
    AnswersTemplate,
    DemoServe,
    Check,
    FullCircle,
    Doctor,
    Issues,
    /// With the code of the rule.
    Dismiss(&'static str),
    /// With the code of the rule.
    Retry(&'static str),
    Sync,
    SyncYes,
    History,
    Run(u64),
    Plan,
    Configure,
    ConfigureUnproved,
    TakeOver,
    /// With the ids of what is taken over by name.
    TakeOverAdopting(String),
    /// With the ids, once they are known; else with `ID` in their place.
    Adopt(Option<String>),
    AdoptYes(String),
    ByHand,
    RollBack,
    Remove,
    /// What of it, as the option says.
    RemoveOnly(String),
    RemovePlan,
    RemoveByHand,
    Rotate,
    Status,
    Audit,
    Report,
    Support,
    Backup,
    Restore,
    Serve,
    ServeVerbose,
    InstallService,
    ForwardTo,
    Deliveries,
    ConfigPath,
    ConfigEdit,
    Events,
    Undelivered,
    SendAgain,
    ShowEvent,
    Tickets,
    Escalate,
    /// With `ID` where none is known.
    Activate(Option<ConfigurationId>),
    ActivateYes(ConfigurationId),
    SetStoreAside,
    InitStore,
    NewStoreKey,
    Spool,
    Completions,
}

impl Next {
    /// A take-over, with the ids of what is taken over by name.
    pub fn taking_over(taken: &[String]) -> Self {
        if taken.is_empty() { Self::TakeOver } else { Self::TakeOverAdopting(taken.join(",")) }
    }

    /// The command without the program's name.
    fn arguments(&self) -> String {
        let fixed = match self {
            Self::Wizard => "",
            Self::Help => "--help",
            Self::SetupAnswers => "setup --answers FILE",
            Self::SetupPlain => "setup --plain",
            Self::SetupSecret => "setup --client-secret-file FILE",
            Self::AnswersTemplate => "setup --print-template",
            Self::DemoServe => "demo --serve",
            Self::Check => "check",
            Self::FullCircle => "check --full-circle",
            Self::Doctor => "doctor",
            Self::Issues => "issues",
            Self::Dismiss(rule) => return format!("issues dismiss {rule}"),
            Self::Retry(rule) => return format!("issues retry {rule}"),
            Self::Sync => "sync",
            Self::SyncYes => "sync --yes",
            Self::History => "history",
            Self::Run(run) => return format!("history {run}"),
            Self::Plan => "plan",
            Self::Configure => "configure",
            Self::ConfigureUnproved => "configure --unproved",
            Self::TakeOver => "configure --take-over",
            Self::TakeOverAdopting(ids) => return format!("configure --take-over --adopt {}", for_shell(ids)),
            Self::Adopt(None) => "configure --adopt ID",
            Self::Adopt(Some(ids)) => return format!("configure --adopt {}", for_shell(ids)),
            Self::AdoptYes(ids) => return format!("configure --adopt {} --yes", for_shell(ids)),
            Self::ByHand => "configure --manual",
            Self::RollBack => "configure --roll-back",
            Self::Remove => "remove",
            Self::RemoveOnly(parts) => return format!("remove --only {parts}"),
            Self::RemovePlan => "remove --plan",
            Self::RemoveByHand => "remove --manual",
            Self::Rotate => "rotate",
            Self::Status => "status",
            Self::Audit => "audit",
            Self::Report => "report",
            Self::Support => "support",
            Self::Backup => "backup FILE",
            Self::Restore => "restore FILE",
            Self::Serve => "serve",
            Self::ServeVerbose => "serve -v",
            Self::InstallService => "service install",
            Self::ForwardTo => "serve --forward-to URL",
            Self::Deliveries => "deliveries",
            Self::ConfigPath => "config path",
            Self::ConfigEdit => "config edit",
            Self::Events => "events",
            Self::Undelivered => "events --undelivered",
            Self::SendAgain => "events --send-again all",
            Self::ShowEvent => "events --show ID --json",
            Self::Tickets => "tickets",
            Self::Escalate => "escalate TICKET",
            Self::Activate(None) => "activate ID",
            Self::Activate(Some(id)) => return format!("activate {id}"),
            Self::ActivateYes(id) => return format!("activate {id} --yes"),
            Self::SetStoreAside => "store set-aside",
            Self::InitStore => "store init",
            Self::NewStoreKey => "store key --new",
            Self::Spool => "store spool",
            Self::Completions => "completions bash",
        };
        fixed.to_owned()
    }

    /// Whether it is about one configuration, and not about all of them or about the program.
    fn is_of_configuration(&self) -> bool {
        !matches!(
            self,
            Self::Wizard
                | Self::Help
                | Self::SetupPlain
                | Self::AnswersTemplate
                | Self::DemoServe
                | Self::Serve
                | Self::ServeVerbose
                | Self::InstallService
                | Self::ForwardTo
                | Self::ConfigPath
                | Self::ConfigEdit
                | Self::Activate(_)
                | Self::ActivateYes(_)
                | Self::Support
                | Self::Backup
                | Self::Restore
                | Self::SetStoreAside
                | Self::InitStore
                | Self::NewStoreKey
                | Self::Spool
                | Self::Completions
        )
    }

    /// The command, with the configuration that was asked for.
    pub fn command(&self, configuration: Option<&ConfigurationId>) -> String {
        let arguments = self.arguments();
        let gap = if arguments.is_empty() { "" } else { " " };
        match configuration.filter(|_| self.is_of_configuration()) {
            Some(id) => format!("pia-halo{gap}{arguments} --configuration {id}"),
            None => format!("pia-halo{gap}{arguments}"),
        }
    }

    /// Whether only the active configuration can do it.
    fn is_of_active(&self) -> bool {
        matches!(
            self,
            Self::FullCircle
                | Self::Doctor
                | Self::Issues
                | Self::Dismiss(_)
                | Self::Retry(_)
                | Self::Sync
                | Self::SyncYes
                | Self::Configure
                | Self::ConfigureUnproved
                | Self::TakeOver
                | Self::TakeOverAdopting(_)
                | Self::Adopt(_)
                | Self::AdoptYes(_)
                | Self::RollBack
                | Self::Remove
                | Self::RemovePlan
                | Self::Rotate
        )
    }

    /// The way to it: an inactive configuration is named, or activated first where the command refuses it.
    pub fn of(&self, inactive: Option<&ConfigurationId>) -> String {
        match inactive {
            Some(id) if self.is_of_active() => {
                format!("{}, then {}", Self::Activate(Some(id.clone())), self.command(Some(id)))
            }
            id => self.command(id),
        }
    }

    /// One of each kind: what a test runs.
    pub fn every() -> Vec<Self> {
        let named = [Self::Run(7), Self::Adopt(Some("7,8".to_owned())), Self::AdoptYes("7".to_owned())];
        let named =
            named.into_iter().chain([Self::TakeOverAdopting("7".to_owned()), Self::RemoveOnly("webhooks".to_owned())]);
        let id = ConfigurationId::parse("acme");
        let activated = id.into_iter().flat_map(|id| [Self::Activate(Some(id.clone())), Self::ActivateYes(id)]);
        Self::known().into_iter().chain(named).chain(activated).collect()
    }

    // Each that names nothing of its own.
    fn known() -> Vec<Self> {
        vec![
            Self::Wizard,
            Self::Help,
            Self::SetupAnswers,
            Self::SetupPlain,
            Self::SetupSecret,
            Self::AnswersTemplate,
            Self::DemoServe,
            Self::Check,
            Self::FullCircle,
            Self::Doctor,
            Self::Issues,
            Self::Dismiss("missed"),
            Self::Dismiss("drift"),
            Self::Retry("forwarding"),
            Self::Sync,
            Self::SyncYes,
            Self::History,
            Self::Plan,
            Self::Configure,
            Self::ConfigureUnproved,
            Self::TakeOver,
            Self::Adopt(None),
            Self::ByHand,
            Self::RollBack,
            Self::Remove,
            Self::RemovePlan,
            Self::RemoveByHand,
            Self::Rotate,
            Self::Status,
            Self::Audit,
            Self::Report,
            Self::Support,
            Self::Backup,
            Self::Restore,
            Self::Serve,
            Self::ServeVerbose,
            Self::InstallService,
            Self::ForwardTo,
            Self::Deliveries,
            Self::ConfigPath,
            Self::ConfigEdit,
            Self::Events,
            Self::Undelivered,
            Self::SendAgain,
            Self::ShowEvent,
            Self::Tickets,
            Self::Escalate,
            Self::Activate(None),
            Self::SetStoreAside,
            Self::InitStore,
            Self::NewStoreKey,
            Self::Spool,
            Self::Completions,
        ]
    }

    /// Those that a text may begin with: the known ones, and one with the ids that stand in it. They are anybody's, and end where
    /// a plain id does.
    fn known_at(text: &str) -> Vec<Self> {
        let mut known = Self::known();
        let ids = text.strip_prefix("pia-halo configure --adopt ").unwrap_or_default();
        let end = ids.find(|c: char| !(c.is_ascii_alphanumeric() || "-,".contains(c))).unwrap_or(ids.len());
        let ids = ids[..end].trim_end_matches(',');
        known.extend((!ids.is_empty() && ids != "ID").then(|| Self::Adopt(Some(ids.to_owned()))));
        known
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.command(None))
    }
}

/// The advice of a failure: text, and the steps in it. `Display` and JSON show the steps as commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint(Vec<Part>);

/// A part of a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Words.
    Text(String),
    /// A step, named in the way of whoever shows it.
    Next(Next),
}

impl Hint {
    /// Adds words.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Part::Text(text.into()));
        self
    }

    /// Adds a step.
    #[must_use]
    pub fn next(mut self, next: Next) -> Self {
        self.0.push(Part::Next(next));
        self
    }

    /// Adds another hint after it.
    #[must_use]
    pub fn and(mut self, between: &str, other: impl Into<Self>) -> Self {
        self = self.text(between);
        self.0.extend(other.into().0);
        self
    }

    #[cfg(test)]
    pub(crate) fn contains(&self, words: &str) -> bool {
        self.to_string().contains(words)
    }

    /// A text with its steps, by the commands that it names.
    pub fn read(text: &str) -> Self {
        const PROGRAM: &str = "pia-halo";
        let (mut hint, mut rest) = (Self::default(), text);
        let mut begun = 0;
        while let Some(at) = rest[begun..].find(PROGRAM).map(|at| at + begun) {
            let named = |next: &Next| {
                let behind = rest[at..].strip_prefix(&next.command(None));
                // Of a longer command it is another step.
                behind.is_some_and(|behind| {
                    !behind.starts_with(|c: char| c.is_alphanumeric() || c == '-') && !behind.starts_with(" -")
                })
            };
            match Next::known_at(&rest[at..]).into_iter().filter(named).max_by_key(|next| next.command(None).len()) {
                Some(next) => {
                    let behind = at + next.command(None).len();
                    hint = if at > 0 { hint.text(&rest[..at]) } else { hint }.next(next);
                    (rest, begun) = (&rest[behind..], 0);
                }
                None => begun = at + PROGRAM.len(),
            }
        }
        if rest.is_empty() { hint } else { hint.text(rest) }
    }

    /// Its parts, one after the other.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The same with other words in the place of some.
    #[must_use]
    pub fn reworded(self, reword: impl Fn(&str) -> String) -> Self {
        let part = |part| match part {
            Part::Text(text) => Part::Text(reword(&text)),
            next @ Part::Next(_) => next,
        };
        Self(self.0.into_iter().map(part).collect())
    }

    /// In words, with commands that name the configuration that was asked for.
    pub fn with_commands(&self, configuration: Option<&ConfigurationId>) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Next(next) => next.command(configuration),
        };
        self.0.iter().map(part).collect()
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_commands(None))
    }
}

impl Serialize for Hint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

// What was written down names its commands: the steps are found again by them.
impl<'de> Deserialize<'de> for Hint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::read(&text))
    }
}

impl From<&str> for Hint {
    fn from(text: &str) -> Self {
        Self::default().text(text)
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Self {
        Self::default().text(text)
    }
}

impl From<Next> for Hint {
    fn from(next: Next) -> Self {
        Self::default().next(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hint_names_command_and_configuration_in_force() {
        let hint = Hint::from("Run the first sync: ").next(Next::Sync).text(".");
        assert_eq!(hint.to_string(), "Run the first sync: pia-halo sync.");
        let id = ConfigurationId::parse("acme").unwrap();
        assert_eq!(hint.with_commands(Some(&id)), "Run the first sync: pia-halo sync --configuration acme.");
        assert_eq!(Next::Activate(Some(id.clone())).command(Some(&id)), "pia-halo activate acme");
        assert_eq!(serde_json::to_string(&hint).unwrap(), "\"Run the first sync: pia-halo sync.\"");
    }

    /// Without its id it would be the active configuration's.
    #[test]
    fn way_of_inactive_configuration_names_it() {
        let id = ConfigurationId::parse("second").unwrap();
        let second = |next: Next| next.of(Some(&id));
        assert_eq!(second(Next::Remove), "pia-halo activate second, then pia-halo remove --configuration second");
        assert_eq!(second(Next::Plan), "pia-halo plan --configuration second");
        assert_eq!(Next::Remove.of(None), "pia-halo remove");
    }

    #[test]
    fn hint_read_back_has_its_steps_again() {
        for next in Next::known() {
            let hint = Hint::from("See it: ").next(next).text("; or ").next(Next::SyncYes);
            let text = serde_json::to_string(&hint).unwrap();
            assert_eq!(serde_json::from_str::<Hint>(&text).unwrap(), hint, "{text}");
        }
        for text in ["", "no step", "pia-halo configure --adopt 7,8 adds it", "pia-halox"] {
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(serde_json::from_str::<Hint>(&json).unwrap().to_string(), text);
        }
    }
}
