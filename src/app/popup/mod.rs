//! What floats above a screen: a question, a choice, the help, the detail of a client.

pub(crate) mod confirm;
pub(crate) mod escalate;
pub(crate) mod help;
pub(crate) mod typed;

use std::collections::BTreeSet;

use jiff::Timestamp;
use ratatui::layout::Size;
use tui_input::Input;

use crate::domain::client::fold;
use crate::domain::configuration::ConfigurationId;
use crate::domain::fields::FieldId;
use crate::domain::health::Rule;
use crate::domain::merge::{Clash, Conflict};
use crate::domain::people::Agent;
use crate::domain::ticket::Ticket;
use crate::domain::untrusted::Untrusted;
use crate::words::capital;
use crate::words::typed::ToType;

use super::layout::Window;

#[derive(Debug)]
pub enum Popup {
    /// A question with a yes and a no.
    Confirm(Confirm),
    /// The choice of an agent for Pia Escalate To.
    Chooser(Chooser),
    /// The keys and the field.
    Help(Help),
    /// The detail of the selected client, where there is no second column.
    Client,
    /// A yes that has to be typed.
    Typed(Typed),
    /// The question before a ticket is escalated.
    Escalate(Box<Question>),
}

/// The question before a ticket is escalated.
#[derive(Debug)]
pub struct Question {
    pub ticket: i64,
    /// The ticket as it was last read from Halo, where it was.
    pub known: Option<Ticket>,
    /// The note for whoever takes it over.
    pub note: Input,
    /// Since when it stands.
    pub since: Timestamp,
}

/// A yes that has to be typed: too much hangs on it for one key.
#[derive(Debug)]
pub struct Typed {
    pub input: Input,
    pub wanted: ToType,
    /// What it is a yes to.
    pub about: About,
}

/// What is agreed to by typing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// Taking out what a plan says.
    Removal,
    /// Taking over what somebody else made.
    TakeOver,
    /// Taking the configuration over from another machine.
    Owner,
    /// Sending a test ticket round.
    Proof,
    /// Sending the Client Secret to another host than Halo's.
    OtherHost,
    /// Going on with the clients of this configuration, which no sync has proved to be all.
    Unproved(ConfigurationId),
    /// Deleting this configuration here.
    Delete(ConfigurationId),
    /// Deleting the stored secrets of this configuration.
    Forget(ConfigurationId),
    /// Writing the listed clients to the file that is typed.
    Export,
}

/// Said before the Client Secret goes to another host than Halo's.
pub const OTHER_HOST: &str = "The Sign-in Address is on a different host than Url, and the Client Secret is sent to it. \
    Agree only if the people who run your Halo gave you this address.";

impl Typed {
    /// Nothing is typed yet.
    pub fn new(wanted: &str, about: About) -> Self {
        Self { input: Input::default(), wanted: ToType::new(wanted), about }
    }

    /// The id of a configuration, or its name as the screens show it.
    pub fn of_configuration(id: &ConfigurationId, name: String, about: About) -> Self {
        Self { input: Input::default(), wanted: ToType::configuration(id, name), about }
    }

    /// A file to be written, with a name to begin with.
    pub fn file(name: String) -> Self {
        Self { input: Input::new(name), wanted: ToType::default(), about: About::Export }
    }

    /// Whether it is typed.
    pub fn is_right(&self) -> bool {
        let typed = self.input.value();
        if self.about == About::Export { !typed.trim().is_empty() } else { self.wanted.is(typed) }
    }
}

/// A question. The focus stands where nothing is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    pub ask: Ask,
    /// Whether the focus is on yes.
    pub yes: bool,
    /// Whether it is on the third answer, where there is one.
    pub third: bool,
}

impl Confirm {
    /// A question with the focus on the answer that loses nothing.
    pub fn new(ask: Ask) -> Self {
        let yes = matches!(ask, Ask::Continue { .. });
        Self { ask, yes, third: false }
    }

    /// The answer that has the focus.
    pub fn chosen(&self) -> Answer {
        match (self.yes, self.third) {
            (_, true) => Answer::Third,
            (true, _) => Answer::Yes,
            _ => Answer::No,
        }
    }

    /// To the next answer.
    pub fn turn(&mut self) {
        (self.yes, self.third) = match (self.yes, self.third) {
            (true, _) => (false, self.ask.third().is_some()),
            (false, third) => (!third, false),
        };
    }
}

/// An answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
    /// The third one, where there is one.
    Third,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Go on with the draft that was found?
    Continue {
        /// Whose draft, in words.
        title: String,
        /// The step it stands on, in words.
        step: &'static str,
    },
    /// Throw the draft away?
    Discard {
        /// Whose draft, in words.
        title: String,
    },
    /// Leave the active configuration for another?
    Switch {
        wanted: ConfigurationId,
        wanted_name: String,
        active: ConfigurationId,
        active_name: String,
        /// Whether that one has something in its Halo, which can be taken out first.
        has_objects: bool,
    },
    /// Leave no configuration active?
    Deactivate { name: String },
    /// Somebody else has changed the same since it was read: which is to be saved?
    Clash(Box<Deciding>),
    /// Go on without a passed test?
    Untested {
        /// Whether a new Client Secret was typed over a stored one that Halo has not taken: the stored one stays.
        keeps_secret: bool,
        /// Whether one was made, and failed.
        has_failed: bool,
    },
    /// Go on with the name of a team that Halo does not list?
    UnknownTeam {
        field: FieldId,
        typed: String,
        /// What is wrong with it.
        warning: String,
        /// The team that was probably meant.
        meant: Option<String>,
        then: Onward,
    },
    /// More clients would be disabled than a plain run may.
    MassChange {
        id: ConfigurationId,
        /// How many: a yes is for no more than these.
        gone: u64,
        /// What the sync said.
        reasons: Vec<String>,
    },
    /// Install the service under systemd, by these steps?
    InstallService { steps: Vec<String> },
    /// No longer count a problem?
    Dismiss { rule: Rule, fact: String },
    /// End the program, though something would be lost or cut short?
    Quit { reason: String },
}

/// What an answer goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onward {
    /// The next step.
    Step,
    Save,
}

/// A save that somebody else's came before, decided setting by setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deciding {
    /// What is saved now, and what both changed.
    pub clash: Clash,
    /// How many of them are decided.
    pub at: usize,
    /// The keys of those that are saved as they are typed here.
    pub mine: BTreeSet<String>,
}

impl Deciding {
    /// The one that is asked about.
    pub fn conflict(&self) -> Option<&Conflict> {
        self.clash.conflicts.get(self.at)
    }
}

impl Ask {
    pub fn title(&self) -> String {
        match self {
            Self::Continue { .. } => "Found your unfinished set-up: continue?".to_owned(),
            Self::Discard { title } => format!("Discard the draft of {title}?"),
            Self::Switch { active_name, wanted_name, .. } => format!("Switch from {active_name} to {wanted_name}?"),
            Self::Deactivate { name } => format!("Deactivate {name}?"),
            Self::Clash(deciding) => {
                let label = deciding.conflict().map_or("", |conflict| &conflict.label);
                format!("{label}: overwrite their change with yours?")
            }
            Self::Untested { .. } => "Continue without a passed test?".to_owned(),
            Self::UnknownTeam { field, typed, .. } => {
                format!("Keep \"{}\" as {}?", Untrusted::new(typed.as_str()).display(), field.info().label)
            }
            Self::MassChange { gone, .. } => format!(
                "Disable {} {}?",
                crate::domain::thousands(*gone),
                if *gone == 1 { "client" } else { "clients" }
            ),
            Self::InstallService { .. } => "Install and start the service?".to_owned(),
            Self::Dismiss { rule, .. } => format!("Dismiss \"{}\"?", rule.title()),
            Self::Quit { .. } => "Quit now?".to_owned(),
        }
    }

    /// What there is to know before answering, a paragraph each.
    pub fn text(&self) -> Vec<String> {
        match self {
            Self::Continue { title, step } => vec![
                format!("{title}, at the step {step}. Everything is kept except the Client Secret."),
                "Later: it stays on the Integrations page, marked as a draft.".to_owned(),
            ],
            Self::Discard { .. } => vec!["Unsaved changes are lost. Saved configurations stay.".to_owned()],
            Self::Switch { active_name, wanted_name, has_objects, .. } => {
                let mut text = vec![
                    format!(
                        "{active_name} is active, and only one ticketing integration can be active: {wanted_name} takes \
                         its place."
                    ),
                    format!(
                        "Nothing of {active_name} is deleted here: its webhooks and Pia Chat Pod stay in its Halo, and its \
                         daily sync stops."
                    ),
                ];
                let first = "Remove first: shows what is removed from its Halo, and switches once that is done.";
                text.extend(has_objects.then(|| first.to_owned()));
                text
            }
            Self::Deactivate { .. } => {
                vec!["Its daily sync stops. What Configure created in Halo stays there; nothing is deleted.".to_owned()]
            }
            Self::Clash(deciding) => {
                let Some(conflict) = deciding.conflict() else {
                    return Vec::new();
                };
                let (same, yours) = match conflict.is_untouched() {
                    false => ("changed the same field", format!("You typed: {}", conflict.mine)),
                    true => (
                        "changed what your connection was typed for",
                        format!(
                            "You kept: {}, and typed its Client Secret or another part of the connection",
                            conflict.mine
                        ),
                    ),
                };
                let mut text = vec![
                    format!("Someone else saved this configuration since you opened it and {same}."),
                    format!("It was: {}", conflict.was),
                    format!("They saved: {}", conflict.theirs),
                    yours,
                ];
                let left = deciding.clash.conflicts.len() - deciding.at - 1;
                text.extend((left > 0).then(|| format!("{left} more to decide after this one.")));
                text
            }
            Self::Untested { keeps_secret, has_failed } => {
                let stays = "The stored Client Secret stays in use: a new one replaces it only after Halo has \
                     accepted it. What you typed is forgotten.";
                let mut text = vec![
                    match has_failed {
                        true => {
                            "The test failed. The credentials can be saved all the same: shown as failed until it passes."
                        }
                        false => "The credentials can be saved untested: shown as not verified until a test passes.",
                    },
                    "Sync Now and Configure test the connection again before they start.",
                ];
                text.extend(keeps_secret.then_some(stays));
                text.into_iter().map(ToOwned::to_owned).collect()
            }
            Self::UnknownTeam { warning, meant, .. } => {
                let sentence = capital(warning);
                let end = if meant.is_some() && sentence.ends_with('?') { "" } else { "." };
                let until = "Until Halo has a team of that name, Pia finds no tickets there.";
                vec![format!("{sentence}{end}"), until.to_owned()]
            }
            Self::InstallService { steps } => steps.clone(),
            Self::Dismiss { fact, .. } => vec![
                format!("{fact}."),
                "It no longer counts as an issue, on any screen or in any command. It comes back when it changes."
                    .to_owned(),
            ],
            Self::Quit { reason } => vec![reason.clone()],
            Self::MassChange { reasons, .. } => {
                let mut text = reasons.clone();
                text.push("Nothing has been disabled yet. If you did not expect this, check Halo first.".to_owned());
                text
            }
        }
    }

    /// What there is to say of its keys, where nobody answers without one.
    pub fn about_keys(&self) -> Option<&'static str> {
        // This key always quits, whatever the settings say.
        matches!(self, Self::Quit { .. }).then_some("Ctrl-C also quits.")
    }

    pub fn yes(&self) -> &'static str {
        match self {
            Self::Continue { .. } => "Continue",
            Self::Discard { .. } => "Discard",
            Self::Switch { .. } => "Switch",
            Self::Deactivate { .. } => "Deactivate",
            Self::Clash(_) => "Save mine",
            Self::Untested { .. } => "Continue anyway",
            Self::UnknownTeam { .. } => "Keep as typed",
            Self::MassChange { .. } => "Sync and disable",
            Self::InstallService { .. } => "Install",
            Self::Dismiss { .. } => "Dismiss",
            Self::Quit { .. } => "Quit",
        }
    }

    /// The word for a third answer, where there is one.
    pub fn third(&self) -> Option<&'static str> {
        match self {
            Self::Switch { has_objects: true, .. } => Some("Remove first"),
            Self::Clash(_) => Some("Keep theirs"),
            Self::Continue { .. } => Some("Discard"),
            Self::UnknownTeam { meant: Some(_), .. } => Some("Use it"),
            _ => None,
        }
    }

    pub fn no(&self) -> &'static str {
        match self {
            Self::Continue { .. } | Self::Clash(_) => "Later",
            Self::UnknownTeam { .. } => "Back",
            _ => "No",
        }
    }
}

/// The choice of an agent: a search line, and the rows that match it.
#[derive(Debug)]
pub struct Chooser {
    /// What is searched for.
    pub query: Input,
    /// The agents to choose from, by name.
    pub agents: Vec<Agent>,
    /// The rows that match: none stands for "no default escalation".
    pub rows: Vec<Option<usize>>,
    /// The window on the rows.
    pub window: Window,
}

impl Chooser {
    /// A choice of these agents, with one of them selected.
    pub fn new(agents: &[Agent], chosen: Option<i64>, height: usize) -> Self {
        let mut agents: Vec<Agent> = agents.iter().filter(|agent| agent.assignable).cloned().collect();
        agents.sort_by_cached_key(|agent| (fold(agent.name.raw()), agent.id));
        let mut chooser = Self { query: Input::default(), agents, rows: Vec::new(), window: Window::default() };
        chooser.filter(height);
        let row = chooser.rows.iter().position(|row| row.and_then(|at| chooser.agents.get(at)).map(|a| a.id) == chosen);
        chooser.window.select(row.unwrap_or_default(), chooser.rows.len(), height);
        chooser
    }

    /// Matches the rows against the search line.
    pub fn filter(&mut self, height: usize) {
        let query = fold(self.query.value().trim());
        let none = query.is_empty().then_some(None);
        let matching = self.agents.iter().enumerate().filter(|(_, agent)| fold(agent.name.raw()).contains(&query));
        self.rows = none.into_iter().chain(matching.map(|(at, _)| Some(at))).collect();
        self.window = Window::default();
        self.window.select(0, self.rows.len(), height);
    }

    /// The agent of the selected row; the outer none where no row matches.
    pub fn selected(&self) -> Option<Option<&Agent>> {
        self.rows.get(self.window.selected).map(|row| row.and_then(|at| self.agents.get(at)))
    }
}

/// The help: lines made when it is opened, and how far it is scrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    pub lines: Vec<HelpLine>,
    /// The first line shown.
    pub first: usize,
}

/// The columns that the help has for its words.
pub fn help_columns(size: Size) -> usize {
    usize::from(size.width).saturating_sub(8).clamp(20, 70)
}

/// The lines of the help that fit.
pub fn help_height(size: Size) -> usize {
    usize::from(size.height).saturating_sub(6).max(1)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelpLine {
    Title(String),
    /// A key and what it does.
    Key(String, String),
    Text(String),
    Blank,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_question_that_loses_nothing_has_its_focus_on_yes() {
        let id = ConfigurationId::parse("acme").unwrap();
        let name = || "Acme".to_owned();
        for ask in [
            Ask::Discard { title: name() },
            Ask::Switch {
                wanted: id.clone(),
                wanted_name: name(),
                active: id.clone(),
                active_name: name(),
                has_objects: true,
            },
            Ask::Deactivate { name: name() },
            Ask::Untested { keeps_secret: true, has_failed: false },
            Ask::MassChange { id, gone: 61, reasons: vec![] },
            Ask::InstallService { steps: vec![name()] },
            Ask::Dismiss { rule: Rule::Drift, fact: name() },
            Ask::Quit { reason: name() },
        ] {
            assert!(!Confirm::new(ask).yes);
        }
        assert!(Confirm::new(Ask::Continue { title: name(), step: "Sync" }).yes);
    }

    /// S34, S36: the choice is searchable, offers only agents that can be assigned, and "none".
    #[test]
    fn choice_is_searched_without_case_or_accents() {
        let agent = |id, name: &str, assignable| Agent { id, name: name.into(), assignable, api_only: false };
        let agents = [agent(7, "Dana Scully", true), agent(8, "Ångström", true), agent(1, "Unassigned", false)];
        let mut chooser = Chooser::new(&agents, Some(7), 5);
        assert_eq!(chooser.rows.len(), 3);
        assert_eq!(chooser.selected().flatten().map(|agent| agent.id), Some(7));
        chooser.query = Input::new("angst".to_owned());
        chooser.filter(5);
        assert_eq!(chooser.selected().flatten().map(|agent| agent.id), Some(8));
        chooser.query = Input::new("zzz".to_owned());
        chooser.filter(5);
        assert_eq!(chooser.selected(), None);
    }
}
