//! The state of the set-up: what is typed, where the focus is, how test and save stand.

use jiff::Timestamp;

use crate::app::form::{FIELDS, FieldId, Form, Kind};
use crate::app::text::{draft_title, without_user};
use crate::domain::address::{AuthUrl, HaloUrl};
use crate::domain::check::{Check, CheckId, CheckReport, CheckStatus};
use crate::domain::configuration::{ApiCredentials, Configuration, ConfigurationId};
use crate::domain::draft::{Draft, Step};
use crate::domain::failure::Failure;
use crate::domain::request::SecretChoice;
use crate::domain::secret::holds_client_secret;
use crate::domain::status::{Saved, StepState};

/// The set-up of one configuration.
#[derive(Debug)]
pub struct Wizard {
    /// The configuration, once it is saved.
    pub id: Option<ConfigurationId>,
    pub base: Option<Configuration>,
    /// Whether a Client Secret is stored.
    pub has_secret: bool,
    /// The place outside that gives it, where that is not the store.
    pub outside_secret: Option<String>,
    /// The step that is shown.
    pub step: Step,
    /// The furthest step that was shown.
    pub reached: Step,
    pub form: Form,
    pub focus: Item,
    /// Whether the fields that few need are shown although they are blank.
    pub advanced: bool,
    /// The host, other than Halo's own, that the person agreed to send the Client Secret to.
    pub agreed_host: Option<String>,
    /// The names that nothing in Halo has, and that the person agreed to keep.
    pub agreed_names: Vec<String>,
    /// The connection test.
    pub test: Test,
    /// When it passed or failed here.
    pub tested_at: Option<Timestamp>,
    /// Whether the person agreed to go on without a passed test.
    pub untested: bool,
    /// The suggestions under a board, while they are open.
    pub list: Option<BoardList>,
    pub save: SaveState,
    /// Whether Pia Escalate To was asked for after the first sync.
    pub asked_escalate_to: bool,
    /// Whether the plan follows the sync by itself.
    pub follows: bool,
    /// Whether it was opened to change settings, on one page.
    pub settings: bool,
    /// Whether it was opened from the Integrations page: the way back leads there.
    pub from_card: bool,
    /// Whether what is typed is saved once the test has passed.
    pub saves: bool,
    /// The draft that was found with it, where it is one.
    pub found: Option<Found>,
    /// What was there before anything was typed.
    pub(super) baseline: Draft,
}

/// A draft of changes that was kept earlier: its fields as it has them, and when.
#[derive(Clone, Debug)]
pub struct Found {
    pub at: Option<Timestamp>,
    fields: Vec<(FieldId, String)>,
}

/// Something that can have the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A line of the checklist.
    Need(usize),
    Field(FieldId),
    /// The connection test.
    Test,
    /// One of its results.
    Check(usize),
    /// What to do about one of them, or about a test that could not be made: a stop of its own where the screen is low.
    Advice(usize),
    SyncNow,
    /// A callback address.
    Callback(usize),
    Save,
    /// A warning of the sync.
    Warning(usize),
    /// On to the next step.
    Go,
    /// The plan; which of its lines is kept with the plan.
    Plan,
    /// A line of the last screen.
    Open(usize),
}

impl Wizard {
    fn new(draft: &Draft, saved: Option<&Saved>) -> Self {
        let mut wizard = Self {
            id: saved.map(|saved| saved.id.clone()),
            base: saved.map(|saved| draft.read.as_deref().unwrap_or(&saved.configuration).clone()),
            has_secret: saved.is_some_and(|saved| saved.has_secret),
            outside_secret: None,
            step: draft.step,
            reached: draft.step,
            form: Form::of(draft),
            focus: Item::Need(0),
            advanced: false,
            agreed_host: saved.and_then(|saved| saved.configuration.api.auth_url.as_ref().map(AuthUrl::authority)),
            agreed_names: Vec::new(),
            test: Test::Not,
            tested_at: None,
            untested: false,
            list: None,
            save: if saved.is_some() { SaveState::Saved(None) } else { SaveState::Not },
            // After a first sync of long ago nobody is kept by what may stay blank.
            asked_escalate_to: saved.is_some_and(|saved| saved.status.steps.initial_sync == StepState::Done),
            follows: false,
            settings: false,
            from_card: false,
            saves: false,
            found: None,
            baseline: Draft::default(),
        };
        wizard.baseline = match wizard.id.as_ref().zip(wizard.base.as_ref()) {
            Some((id, base)) => Draft::of(id, base),
            None => Draft::default(),
        };
        if let Some(saved) = saved {
            let now = Draft::of(&saved.id, &saved.configuration);
            let is_same = |field| wizard.form.text(field) == now.text(field);
            let same = CONNECTION.into_iter().all(is_same);
            match saved.status.steps.credentials {
                // A permission that is missing is no reason to test what was not changed.
                StepState::Done | StepState::NeedsAttention if same => wizard.test = Test::Before,
                StepState::NotVerified if same => wizard.untested = true,
                _ => {}
            }
        }
        wizard
    }

    pub fn fresh(prefill: &Draft) -> Self {
        Self::new(&Draft { step: prefill.step.max(Step::Credentials), ..prefill.clone() }, None)
    }

    /// The one of a saved configuration, at a step.
    pub fn of(saved: &Saved, step: Step) -> Self {
        let mut wizard = Self::new(&Draft { step, ..Draft::of(&saved.id, &saved.configuration) }, Some(saved));
        wizard.reached = Step::Finished;
        wizard
    }

    /// On the page of all settings.
    pub fn into_settings(mut self) -> Self {
        (self.settings, self.step, self.reached) = (true, Step::Review, Step::Finished);
        self
    }

    pub fn of_draft(draft: &Draft, saved: Option<&Saved>) -> Self {
        let mut wizard = Self::new(draft, saved);
        if saved.is_none() {
            wizard.step = wizard.step.min(Step::Review);
            wizard.reached = wizard.step;
        }
        wizard
    }

    /// What is typed into it, as the set-up of a new configuration: the one that it changed is deleted.
    pub fn detached(self) -> Self {
        let mut fresh = Self::of_draft(&self.draft().detached(), None);
        (fresh.form.secret, fresh.outside_secret) = (self.form.secret, self.outside_secret);
        fresh.has_secret = fresh.outside_secret.is_some();
        (fresh.from_card, fresh.advanced) = (self.from_card, self.advanced);
        fresh
    }

    /// What is remembered of it across a lost line.
    pub fn draft(&self) -> Draft {
        let draft = Draft {
            configuration: self.id.clone(),
            step: self.step,
            secret_entered: !self.form.secret.is_empty(),
            escalate_to: self.form.escalate_to.clone(),
            read: self.base.clone().map(Box::new),
            ..Draft::default()
        };
        FIELDS.iter().filter(|info| info.is_line()).fold(draft, |draft, info| {
            // One that was typed there is kept nowhere.
            let text = Some(self.form.text(info.id)).filter(|text| !holds_client_secret(text)).unwrap_or_default();
            draft.with(info.id, if info.is_address() { without_user(text) } else { text.to_owned() })
        })
    }

    pub fn is_saving(&self) -> bool {
        matches!(self.save, SaveState::Running { .. })
    }

    /// Whether what is on the page is read line by line: what a test, a plan or a run has come to.
    pub fn is_read(&self) -> bool {
        let is_result = matches!(self.focus, Item::Test | Item::Check(_) | Item::Advice(_));
        is_result || matches!(self.step, Step::Configure | Step::Finished)
    }

    /// Whether something is typed that is not saved.
    pub fn is_edited(&self) -> bool {
        let now = Draft { step: self.baseline.step, ..self.draft() };
        now != self.baseline
    }

    /// What was sent as it was typed is saved now. Where something else is saved of a field, by somebody else, the form
    /// takes that over, unless the field was typed into meanwhile.
    pub fn settle(&mut self, id: ConfigurationId, saved: Configuration, sent: &Configuration, typed: Draft) {
        let mut then =
            Draft { configuration: Some(id.clone()), step: self.baseline.step, secret_entered: false, ..typed };
        for info in FIELDS.iter().filter(|info| info.is_line() && (info.get)(&saved) != (info.get)(sent)) {
            let is = (info.get)(&saved);
            if self.form.text(info.id) == then.text(info.id) {
                self.form.set(info.id, is.clone());
            }
            then = then.with(info.id, is);
        }
        let (is, was) = (&saved.pia_screen.escalate_to, &sent.pia_screen.escalate_to);
        if is != was {
            if self.form.escalate_to == then.escalate_to {
                self.form.escalate_to.clone_from(is);
            }
            then.escalate_to.clone_from(is);
        }
        self.baseline = Draft { read: Some(Box::new(saved.clone())), ..then };
        (self.id, self.base) = (Some(id), Some(saved));
    }

    /// From here on it is a change of what is saved now, and what is typed is this.
    pub fn rebase(&mut self, saved: &Configuration, typed: &Configuration) {
        let Some(id) = self.id.clone() else { return };
        for info in FIELDS.iter().filter(|info| info.is_line()) {
            self.form.set(info.id, (info.get)(typed));
        }
        self.form.escalate_to.clone_from(&typed.pia_screen.escalate_to);
        self.baseline = Draft { step: self.baseline.step, ..Draft::of(&id, saved) };
        self.base = Some(saved.clone());
    }

    /// What a field holds as it is saved, where something else is typed now.
    pub fn was(&self, field: FieldId) -> Option<String> {
        let base = self.base.as_ref()?;
        if field == FieldId::EscalateTo {
            let was = &base.pia_screen.escalate_to;
            return (*was != self.form.escalate_to).then(|| was.as_ref().map(|to| to.name.clone()).unwrap_or_default());
        }
        let was = (field.info().get)(base);
        (field.info().is_line() && was != self.form.value(field)).then_some(was)
    }

    /// Notes that what is typed was kept earlier, and when.
    pub fn note_found(&mut self, at: Option<Timestamp>) {
        let changed = FIELDS.iter().map(|info| info.id).filter(|field| self.was(*field).is_some());
        let fields = changed.map(|field| (field, self.form.text(field).to_owned())).collect();
        self.found = Some(Found { at, fields });
    }

    /// Whether a field holds what a draft of earlier has put there, which is not saved.
    pub fn is_of_draft(&self, field: FieldId) -> bool {
        let has_it =
            |found: &Found| found.fields.iter().any(|(id, text)| *id == field && text == self.form.text(field));
        self.found.as_ref().is_some_and(has_it) && self.was(field).is_some()
    }

    /// How many fields hold something that is not saved.
    pub fn changes(&self) -> usize {
        FIELDS.iter().filter(|info| self.was(info.id).is_some()).count() + usize::from(!self.form.secret.is_empty())
    }

    /// The name for the title line.
    pub fn title(&self) -> String {
        draft_title(&self.draft())
    }

    /// The fields of a step that text or a choice goes into.
    pub fn fields(step: Step) -> impl Iterator<Item = FieldId> {
        FIELDS.iter().filter(move |info| info.step == step && info.kind != Kind::ReadOnly).map(|info| info.id)
    }

    /// Whether Enter stops at a field on its way.
    pub fn stops_at(&self, field: FieldId) -> bool {
        !field.is_rare() || !self.form.text(field).trim().is_empty()
    }

    /// The field that Enter leads to from the one with the focus: the next that still needs something. What may stay as
    /// it is, is reached with Tab.
    pub fn next_field(&self) -> Option<FieldId> {
        let mut fields = self.shown_fields(self.step).skip_while(|field| self.focus != Item::Field(*field)).skip(1);
        fields.find(|field| self.form.error(*field, self.has_secret).is_some())
    }

    /// The field that has the focus, where text goes into it.
    pub fn text_field(&self) -> Option<FieldId> {
        match self.focus {
            Item::Field(field) if field.is_text() => Some(field),
            _ => None,
        }
    }
}

/// How the connection test stands.
#[derive(Debug)]
pub enum Test {
    /// Not tested, with what is typed now.
    Not,
    /// Saved as tested, and unchanged since.
    Before,
    Running {
        since: Timestamp,
        /// The checks that are done.
        checks: Vec<Check>,
    },
    Passed(CheckReport),
    /// Halo answered, and something failed.
    Failed(CheckReport),
    /// It could not be made.
    Broken(Failure),
}

impl Test {
    /// Whether the credentials count as tested.
    pub fn is_passed(&self) -> bool {
        matches!(self, Self::Before | Self::Passed(_))
    }

    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    /// Its report, once it has one.
    pub fn report(&self) -> Option<&CheckReport> {
        match self {
            Self::Passed(report) | Self::Failed(report) => Some(report),
            _ => None,
        }
    }

    /// The places of the checks in the order in which they are shown: what failed first, once all are done. Those that
    /// were skipped share one line.
    pub fn order(&self) -> Vec<usize> {
        let checks = self.checks();
        let mut order: Vec<usize> = (0..checks.len()).filter(|at| checks[*at].status != CheckStatus::Skip).collect();
        if !self.is_running() {
            order.sort_by_key(|at| match checks[*at].status {
                CheckStatus::Fail => 0,
                CheckStatus::Warn => 1,
                CheckStatus::Pass | CheckStatus::Skip => 2,
            });
        }
        order
    }

    /// The checks that are done.
    pub fn checks(&self) -> &[Check] {
        match self {
            Self::Running { checks, .. } => checks,
            Self::Passed(report) | Self::Failed(report) => &report.checks,
            Self::Not | Self::Before | Self::Broken(_) => &[],
        }
    }
}

impl Wizard {
    /// The API Credentials as typed; none while a field is wrong.
    pub fn api(&self) -> Option<ApiCredentials> {
        let url = HaloUrl::read(self.form.text(FieldId::Url)).ok()?.address;
        let client_id = FieldId::ClientId.info().bare(self.form.text(FieldId::ClientId)).to_owned();
        let mut own = Configuration::new(ApiCredentials::new(url, client_id));
        if let Some(base) = self.base.as_ref().map(|base| &base.api) {
            // A command comes before the stored secret: it would hide the one that was typed.
            own.api.client_secret_command = base.client_secret_command.clone().filter(|_| self.form.secret.is_empty());
        }
        for field in [FieldId::AuthUrl, FieldId::Tenant, FieldId::CaFile, FieldId::RequestBudget] {
            field.info().put(&mut own, self.form.text(field));
        }
        Some(own.api)
    }

    /// The host that the Client Secret would be sent to without the person having agreed to it: not Halo's own.
    pub fn unagreed_host(&self) -> Option<String> {
        let api = self.api()?;
        let auth_url = api.auth_url.filter(|auth_url| !auth_url.is_on_host_of(&api.url))?;
        Some(auth_url.authority()).filter(|host| self.agreed_host.as_ref() != Some(host))
    }

    /// Another Halo has another tenant and another sign-in server: those of the saved one go with its Url, and come back
    /// with it.
    pub fn follow_url(&mut self) {
        // What was agreed to was agreed to for that Halo.
        self.agreed_host = None;
        let Some(base) = self.base.clone() else { return };
        let is_same = HaloUrl::read(self.form.text(FieldId::Url)).is_ok_and(|reading| reading.address == base.api.url);
        if is_same {
            self.agreed_host = base.api.auth_url.as_ref().map(AuthUrl::authority);
        }
        for field in [FieldId::AuthUrl, FieldId::Tenant] {
            let saved = (field.info().get)(&base);
            match (is_same, self.form.text(field)) {
                (true, "") => self.form.set(field, saved),
                (false, text) if text == saved => self.form.set(field, ""),
                _ => {}
            }
        }
    }

    /// Whether a field is on its page: those that few need only once they are asked for, or filled.
    pub fn is_shown(&self, field: FieldId) -> bool {
        !field.is_advanced() || self.advanced || !self.form.text(field).is_empty()
    }

    /// The fields of a step that are on its page.
    pub fn shown_fields(&self, step: Step) -> impl Iterator<Item = FieldId> {
        Self::fields(step).filter(|field| self.is_shown(*field))
    }

    /// The lines of the page before Save, in order; every one of them where it is the page of the settings.
    pub fn lines(&self) -> impl Iterator<Item = FieldId> {
        let is_filled = |field: &FieldId| self.settings || !field.is_advanced() || !self.form.text(*field).is_empty();
        FIELDS.iter().filter(|info| info.kind != Kind::ReadOnly).map(|info| info.id).filter(is_filled)
    }

    /// Whether what is typed as Client Secret may not replace the stored one: Halo has not taken it (N12). A test that
    /// failed for a missing right has shown that the secret is good.
    pub fn keeps_secret(&self) -> bool {
        let stored = self.base.is_some() && self.has_secret;
        let taken = self.test.is_passed()
            || self.test.checks().iter().any(|check| check.id == CheckId::Token && check.status == CheckStatus::Pass);
        stored && !self.form.secret.is_empty() && !taken
    }

    /// The line of help of a field, as things stand.
    pub fn help(&self, field: FieldId) -> String {
        match (field, &self.outside_secret) {
            (FieldId::ClientSecret, Some(place)) => {
                format!("blank takes it from {place}; typing stores another one")
            }
            (FieldId::ClientSecret, None) if self.has_secret => {
                "blank keeps the stored one; typing replaces it whole".to_owned()
            }
            _ => field.info().help.to_owned(),
        }
    }

    /// The Client Secret to use.
    pub fn secret_choice(&self) -> SecretChoice {
        if self.form.secret.is_empty() { SecretChoice::Stored } else { SecretChoice::Typed(self.form.secret.secret()) }
    }
}

/// The suggestions under a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoardList {
    pub selected: usize,
    /// Whether every team is listed, or those that match.
    pub all: bool,
}

impl Wizard {
    /// What is typed, with these credentials. What no field asks for stays as it was saved.
    pub fn written(&self, api: ApiCredentials) -> Configuration {
        let mut own = match &self.base {
            Some(base) => Configuration { api, ..base.clone() },
            None => Configuration::new(api),
        };
        for info in FIELDS.iter().filter(|info| info.is_line()) {
            info.put(&mut own, self.form.text(info.id));
        }
        own.pia_screen.escalate_to = self.form.escalate_to.clone();
        own
    }
}

/// What a connection is made of, but the secret.
pub const CONNECTION: [FieldId; 5] =
    [FieldId::Url, FieldId::ClientId, FieldId::AuthUrl, FieldId::Tenant, FieldId::CaFile];

/// How the save stands.
#[derive(Debug)]
pub enum SaveState {
    Not,
    Running {
        /// What is being saved.
        configuration: Box<Configuration>,
        typed: Box<Draft>,
        secret: SecretChoice,
        /// What comes after it.
        then: Then,
    },
    /// Saved, and what changed with it; none where it was saved in an earlier session.
    Saved(Option<Vec<&'static str>>),
    /// Not saved, and why.
    Failed(Failure),
}

/// What comes after a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The person looks at what changed.
    Stay,
    Configure,
    /// The first sync follows by itself, and then the plan.
    Sync,
    End,
}

impl Wizard {
    /// The configuration as typed; where a field is wrong, that field.
    pub fn configuration(&self) -> Result<Configuration, FieldId> {
        if let Some(wrong) = self.lines().find(|field| self.form.error(*field, self.has_secret).is_some()) {
            return Err(wrong);
        }
        Ok(self.written(self.api().ok_or(FieldId::Url)?))
    }
}
