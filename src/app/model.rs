//! The model: everything that the screens show, and nothing that they could compute.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::layout::Size;

use crate::domain::callback::{CallbackUrl, EventGroup};
use crate::domain::configuration::ConfigurationId;
use crate::domain::draft::{Draft, Step};
use crate::domain::failure::Failure;
use crate::domain::include::IncludeRule;
use crate::domain::people::Team;
use crate::domain::request::Standing;
use crate::domain::secret::Secret;
use crate::domain::status::{Lists, Overview, Saved, Status, StepState};
use crate::domain::untrusted::Untrusted;
use crate::keys::{COMMAND_LINES, KeyMap};
use crate::words::Phrase;
use crate::words::store::shown_as_of;

use super::effect::{Effect, Slot};
use super::go::Go;
use super::integrations::state::IntegrationsPage;
use super::jobs::state::{ApplyWork, Copying, DeliveryWork, EscalateWork, Goal, SyncEnd, TicketWork, Work};
use super::layout::{Beside, Layout, layout};
use super::notice::{Holds, Notice, Tone};
use super::palette::Palette;
use super::panes::state::Panes;
use super::popup::Popup;
use super::wizard::state::Wizard;

/// How the screens are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Theme {
    /// Without colour: bold, dim and reversed only.
    pub mono: bool,
    /// Without any character beyond ASCII.
    pub ascii: bool,
}

/// What the interface has to be told at its start.
#[derive(Clone, Debug)]
pub struct Start {
    /// The size of the terminal.
    pub size: Size,
    /// The zone that the person lives in.
    pub zone: TimeZone,
    /// How the screens are drawn.
    pub theme: Theme,
    /// Whether this is the demo, on a throw-away profile.
    pub demo: bool,
    /// Whether systemd runs on this machine.
    pub systemd: bool,
    /// What a new configuration's fields begin with.
    pub prefill: Draft,
    /// Which keys mean what.
    pub keys: KeyMap,
    /// What the person can do outside of the program to see callbacks come in; the demo has one.
    pub tip: Option<String>,
}

/// Which screen is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Nothing is known yet.
    Starting,
    /// The integrations and their configurations.
    Integrations,
    /// The set-up, step by step.
    Wizard,
    /// What is seen afterwards.
    Panes,
}

/// What is known of the configuration that is open, and of the surroundings.
#[derive(Debug, Default)]
pub struct Facts {
    /// One line on what to do outside of the program to see callbacks come in: in the demo, how a ticket is made in the
    /// simulated Halo. It stays whichever configuration is open.
    pub tip: Option<String>,
    /// Agents, teams, ticket types.
    pub lists: Lists,
    /// Where it stands, with its history.
    pub standing: Option<Box<Standing>>,
    /// Why that could not be read.
    pub standing_failed: Option<Failure>,
    /// Since when the server cannot be reached that the store is on; what is shown is of before.
    pub away_since: Option<Timestamp>,
    /// The callback addresses.
    pub callbacks: Vec<(EventGroup, CallbackUrl)>,
    /// Why they could not be read.
    pub callbacks_failed: Option<Failure>,
    /// Whether they are shown whole.
    pub revealed: bool,
}

/// The state of the interface.
#[derive(Debug)]
pub struct Model {
    pub(crate) size: Size,
    pub(crate) zone: TimeZone,
    pub(crate) theme: Theme,
    pub(crate) demo: bool,
    /// Whether systemd runs on this machine: without it there is no service to be installed.
    pub(crate) systemd: bool,
    /// What a new configuration's fields begin with.
    pub(crate) prefill: Draft,
    /// Which keys mean what.
    pub(crate) keys: KeyMap,
    /// The moment of the last message.
    pub(crate) now: Timestamp,
    pub(crate) screen: Screen,
    pub(crate) overview: Overview,
    pub(crate) overview_failed: Option<Failure>,
    /// Whether the overview was read: from then on the draft is what the model says, and the file follows.
    pub(crate) owns_draft: bool,
    pub(crate) integrations: IntegrationsPage,
    /// The set-up, kept while other screens are shown.
    pub(crate) wizard: Option<Wizard>,
    /// The configuration that others are told is being changed here.
    pub(crate) editing: Option<ConfigurationId>,
    pub(crate) panes: Panes,
    /// The configuration that is open in the wizard or in the panes.
    pub(crate) current: Option<ConfigurationId>,
    pub(crate) facts: Facts,
    pub(crate) work: Work,
    pub(crate) popup: Option<Popup>,
    /// The commands, where they are open; they float above everything else.
    pub(crate) palette: Option<Palette>,
    pub(crate) notice: Option<Notice>,
    pub(crate) layout: Layout,
    /// Where the shell is to lead once the screen has answered.
    pub(crate) next: Option<Go>,
    dirty: bool,
}

impl Model {
    /// The interface as it starts, and what it wants to know first.
    pub fn new(start: Start) -> (Self, Vec<Effect>) {
        let model = Self {
            size: start.size,
            zone: start.zone,
            theme: start.theme,
            demo: start.demo,
            systemd: start.systemd,
            prefill: start.prefill,
            keys: start.keys,
            now: Timestamp::UNIX_EPOCH,
            screen: Screen::Starting,
            overview: Overview::default(),
            overview_failed: None,
            owns_draft: false,
            integrations: IntegrationsPage::default(),
            wizard: None,
            editing: None,
            panes: Panes::default(),
            current: None,
            facts: Facts { tip: start.tip, ..Facts::default() },
            work: Work::default(),
            popup: None,
            palette: None,
            notice: None,
            layout: layout(start.size, Beside::Nothing),
            next: None,
            dirty: true,
        };
        (model, vec![Effect::LoadOverview])
    }

    /// Whether something visible changed since the last [`Model::take_dirty`].
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// The same, and takes note that it is drawn now.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// Something visible changed.
    pub(crate) fn touch(&mut self) {
        self.dirty = true;
    }

    /// Closes what floats above the screen.
    pub(crate) fn close_popup(&mut self) -> Vec<Effect> {
        self.popup = None;
        self.touch();
        Vec::new()
    }

    /// Asks the shell to lead elsewhere, once the screen has answered.
    pub(crate) fn go(&mut self, go: Go) -> Vec<Effect> {
        self.next = Some(go);
        Vec::new()
    }

    /// Says something in passing.
    pub(crate) fn say(&mut self, tone: Tone, text: impl Into<Phrase>) {
        self.notice = Some(Notice::new(tone, text, self.now));
        self.touch();
    }

    /// Says something that is true for as long as something goes on.
    pub(crate) fn say_while(&mut self, holds: Holds, tone: Tone, text: impl Into<Phrase>) {
        self.say(tone, text);
        if let Some(notice) = &mut self.notice {
            notice.while_so = Some(holds);
        }
    }

    /// Says in passing what failed, and what to do.
    pub(crate) fn say_failure(&mut self, failure: &Failure) {
        let hint = failure.hint.as_ref().map(|hint| Phrase::from(hint).with_keys(&self.keys));
        self.say(Tone::Bad, hint.iter().fold(failure.to_string(), |words, hint| format!("{words}. {hint}")));
    }

    /// Places everything anew.
    pub(crate) fn place_all(&mut self) {
        let beside = match self.screen {
            Screen::Wizard if self.wizard.as_ref().is_some_and(Wizard::is_read) => Beside::Rest,
            Screen::Wizard | Screen::Panes => Beside::Detail,
            Screen::Starting | Screen::Integrations => Beside::Nothing,
        };
        self.layout = layout(self.size, beside);
    }

    /// A saved configuration.
    pub(crate) fn saved(&self, id: &ConfigurationId) -> Option<&Saved> {
        self.overview.configurations.iter().find(|saved| saved.id == *id)
    }

    /// The name of a configuration as the screens show it.
    pub(crate) fn name_of(&self, id: &ConfigurationId) -> String {
        self.saved(id).map_or_else(|| id.to_string(), saved_title)
    }

    /// The active configuration.
    pub(crate) fn active(&self) -> Option<&Saved> {
        self.overview.configurations.iter().find(|saved| saved.status.active)
    }

    /// The configuration that is open, as it is saved.
    pub(crate) fn current_saved(&self) -> Option<&Saved> {
        self.current.as_ref().and_then(|id| self.saved(id))
    }

    /// The saved configuration that a setting is changed of: the one that is open, or else the active one.
    pub(crate) fn with_settings(&self) -> Option<&Saved> {
        self.current_saved().or_else(|| self.active())
    }

    /// The configuration that a command has to name: the active one goes without saying.
    pub(crate) fn for_command_line(&self) -> Option<&ConfigurationId> {
        self.with_settings().filter(|saved| !saved.status.active).map(|saved| &saved.id)
    }

    /// A command of the program, to be run in a shell: there it can be pasted.
    pub(crate) fn copy_command(&mut self, at: usize) -> Vec<Effect> {
        let Some((next, ..)) = COMMAND_LINES.get(at) else { return Vec::new() };
        let line = next.command(self.for_command_line());
        self.work.copying = Some(Copying::Command(line.clone()));
        vec![Effect::Copy(Secret::new(line))]
    }

    /// A Callback URL, which holds a token.
    pub(crate) fn copy_callback(&mut self, at: usize) -> Vec<Effect> {
        let Some((group, url)) = self.facts.callbacks.get(at) else { return Vec::new() };
        let copy = Effect::Copy(url.expose());
        self.work.copying = Some(Copying::Callback(*group));
        vec![copy]
    }

    /// Where the configuration that is open stands; the freshest word on it.
    pub(crate) fn status(&self) -> Option<&Status> {
        let standing = self.facts.standing.as_ref().map(|standing| &standing.status);
        standing.or_else(|| self.current_saved().map(|saved| &saved.status))
    }

    /// That the server with the store cannot be reached, and what is shown is of before; none where it can be.
    pub(crate) fn away(&self) -> Option<String> {
        let named = self.status().and_then(|status| status.store.as_deref());
        self.facts.away_since.map(|since| shown_as_of(named, self.now, since))
    }

    /// Whether the configuration that is open is the active one.
    pub(crate) fn is_active(&self) -> bool {
        self.current_saved().is_some_and(|saved| saved.status.active)
    }

    /// Whether a sync of the configuration that is open was proved complete, or a person agreed to go on without that.
    pub(crate) fn is_synced(&self) -> bool {
        self.status().is_some_and(|status| status.steps.initial_sync != StepState::Todo)
            || self.current.as_ref().is_some_and(|id| self.work.sync.proved(id))
    }

    /// Whether clients are stored that no sync has proved to be all, and nobody has agreed to go on with them yet.
    pub(crate) fn is_unproved(&self) -> bool {
        let published = match self.work.sync.end_of(self.current.as_ref()) {
            Some(SyncEnd::Report(report)) => report.status.has_published(),
            _ => false,
        };
        let before = self.status().and_then(|status| status.last_sync.as_ref());
        // What was read of another Halo counts no more: its lists are gone.
        let published =
            published || (self.facts.lists.are_known() && before.is_some_and(|last| last.status.has_published()));
        published && !self.is_synced() && !self.work.sync.is_running()
    }

    /// Whether every object of the configuration that is open was read back from Halo.
    pub(crate) fn is_configured(&self) -> bool {
        self.status().is_some_and(|status| status.steps.configure.was_finished()) || self.apply().is_configured()
    }

    /// Halo's teams, as far as a sync or a test has read them.
    pub(crate) fn teams(&self) -> &[Team] {
        if !self.facts.lists.teams.is_empty() {
            return &self.facts.lists.teams;
        }
        self.wizard
            .as_ref()
            .and_then(|wizard| wizard.test.report())
            .and_then(|report| report.teams.as_deref())
            .unwrap_or_default()
    }

    /// When they were read.
    pub(crate) fn teams_read_at(&self) -> Option<Timestamp> {
        let tested_at = || self.wizard.as_ref().and_then(|wizard| wizard.tested_at);
        self.facts.lists.read_at.filter(|_| !self.facts.lists.teams.is_empty()).or_else(tested_at)
    }

    /// The name of what is open, fit to be shown.
    pub(crate) fn title(&self) -> String {
        match self.screen {
            Screen::Starting => String::new(),
            Screen::Integrations => "Integrations".to_owned(),
            Screen::Wizard => self.wizard.as_ref().map(Wizard::title).unwrap_or_default(),
            Screen::Panes => self.current_saved().map(saved_title).unwrap_or_default(),
        }
    }

    /// Opens a configuration: forgets what was known of another, and asks what is known of this one.
    pub(crate) fn open(&mut self, id: &ConfigurationId) -> Vec<Effect> {
        let mut effects = self.turn_to(Some(id));
        effects.extend([
            Effect::LoadStatus(id.clone()),
            Effect::LoadLists(id.clone()),
            Effect::LoadCallbacks(id.clone()),
        ]);
        effects
    }

    /// Another configuration is open, or none: what is still being read of the one before is not heard any more. What
    /// is being written, its sync and its Configure, goes on.
    pub(crate) fn turn_to(&mut self, id: Option<&ConfigurationId>) -> Vec<Effect> {
        self.touch();
        if self.current.as_ref() == id {
            return Vec::new();
        }
        let was_open = self.current.is_some();
        self.facts = Facts { tip: self.facts.tip.take(), ..Facts::default() };
        self.panes = Panes::default();
        self.work.forget_plan();
        self.work.deliveries = DeliveryWork::None;
        self.work.tickets = TicketWork::None;
        self.work.board = None;
        if !matches!(self.work.escalate, EscalateWork::Running { .. }) {
            self.work.escalate = EscalateWork::None;
        }
        self.current = id.cloned();
        let reads =
            [Slot::Lists, Slot::Callbacks, Slot::Status, Slot::Clients, Slot::Changes, Slot::Plan, Slot::Deliveries];
        let reads = reads.into_iter().chain([Slot::Watch, Slot::Event, Slot::Tickets]);
        reads.filter(|_| was_open).map(Effect::Cancel).collect()
    }

    /// Forgets a configuration that was deleted, wherever something of it is kept.
    pub(crate) fn forget(&mut self, id: &ConfigurationId) -> Vec<Effect> {
        self.overview.configurations.retain(|saved| saved.id != *id);
        self.wizard.take_if(|wizard| wizard.id.as_ref() == Some(id));
        let mut effects = if self.current.as_ref() == Some(id) { self.turn_to(None) } else { Vec::new() };
        if self.overview.draft.take_if(|draft| draft.configuration.as_ref() == Some(id)).is_some() {
            effects.push(Effect::DiscardDraft);
        }
        effects
    }

    /// Whether a set-up is in memory that can be gone on with.
    pub(crate) fn is_setting_up(&self) -> bool {
        self.wizard.as_ref().is_some_and(|wizard| !wizard.settings)
    }

    /// What a rule would leave out of the clients of the configuration that is open; none while they are being read.
    pub(crate) fn left_out(&self, rule: &IncludeRule) -> Option<String> {
        self.panes.clients.preview(rule)
    }

    /// Whether the configuration that is open is set up to the end.
    pub(crate) fn is_finished_current(&self) -> bool {
        self.current.is_some() && self.status().is_some_and(is_finished)
    }

    /// Whether the service can be installed from here, as a unit of systemd.
    pub(crate) fn can_install_service(&self) -> bool {
        self.install_refusal().is_none()
    }

    /// Why it cannot be.
    pub(crate) fn install_refusal(&self) -> Option<&'static str> {
        match self.status().map(|status| &status.service) {
            None => Some("Save the configuration first."),
            Some(service) if service.running => Some("The service is running already."),
            Some(service) if service.is_silent() => Some("Its process is there: stop it first."),
            Some(_) if !self.systemd => Some("There is no systemd here: let your own supervisor run the service."),
            Some(_) => None,
        }
    }

    /// How Configure stands for the configuration that is open.
    pub(crate) fn apply(&self) -> &ApplyWork {
        const NONE: &ApplyWork = &ApplyWork::None;
        if self.work.apply.id().is_some_and(|id| self.current.as_ref() == Some(id)) { &self.work.apply } else { NONE }
    }

    /// Every place that says how the configuration that is open stands.
    pub(crate) fn statuses(&mut self) -> impl Iterator<Item = &mut Status> {
        let current = self.current.as_ref();
        let saved = self.overview.configurations.iter_mut().filter(move |saved| Some(&saved.id) == current);
        let standing = self.facts.standing.as_mut().map(|standing| &mut standing.status);
        saved.map(|saved| &mut saved.status).chain(standing)
    }

    /// What is in Halo is not what is wanted there any more, or is gone: known before the status is read again, as whoever goes
    /// on at once is not to be shown how it was.
    pub(crate) fn unconfigure(&mut self, is_gone: bool) {
        for status in self.statuses().filter(|status| is_gone || status.integration.is_in_halo()) {
            status.integration.configured_at = None;
            status.steps.configure = if is_gone { StepState::Todo } else { StepState::NeedsReconfigure };
            if is_gone {
                status.integration.objects.clear();
            }
        }
    }

    /// What the plan that is open is for, or what is being done of it.
    pub(crate) fn goal(&self) -> &Goal {
        self.apply().goal().unwrap_or(&self.work.goal)
    }
}

/// The name of a saved configuration, fit to be shown.
pub(crate) fn saved_title(saved: &Saved) -> String {
    Untrusted::new(saved.configuration.title()).display()
}

/// Whether nothing of the set-up is left to do. What was in Halo once is no set-up any more, whatever was changed,
/// removed or moved since: it opens in its panes, which lead on.
pub fn is_finished(status: &Status) -> bool {
    let steps = &status.steps;
    status.integration.was_configured
        || steps.credentials != StepState::Todo
            && steps.initial_sync != StepState::Todo
            && steps.configure.was_finished()
}

/// The first step that is not finished.
pub fn first_unfinished(status: &Status) -> Step {
    let steps = &status.steps;
    [
        (Step::Credentials, steps.credentials == StepState::Todo),
        (Step::CompanySync, steps.company_sync == StepState::Todo),
        (Step::PiaScreen, steps.pia_screen == StepState::Todo),
        (Step::InitialSync, steps.initial_sync == StepState::Todo),
        (Step::Configure, !steps.configure.was_finished()),
    ]
    .into_iter()
    .find(|(_, open)| *open)
    .map_or(Step::Finished, |(step, _)| step)
}
