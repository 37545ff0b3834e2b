//! The set-up, step by step. Going back always works and keeps what was typed; only going forward is checked.

pub mod checklist;
pub mod configure;
pub mod credentials;
pub mod initial_sync;
pub mod pia_screen;
pub mod review;
pub mod steps;

use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::draft::{Draft, Step};
use crate::domain::status::{Saved, StepState};

use super::effect::{Effect, Slot};
use super::form::{FIELDS, FieldId, Form, Kind};
use super::integrations;
use super::model::{Model, Screen};
use super::notice::Tone;
use super::panes;
use super::text::without_user;

pub use credentials::Test;
pub use pia_screen::BoardList;
pub use review::SaveState;
pub use steps::{Mark, STEPS, connection, first_unfinished, is_finished, items, mark, step_name};

/// Said when a set-up is left.
pub const KEPT: &str = "What you typed is kept as a draft. Nothing is lost.";

/// Said where a draft is found whose Client Secret was typed.
pub const SECRET_LOST: &str = "The Client Secret has to be typed again: a draft never holds it.";

/// The set-up of one configuration.
#[derive(Debug)]
pub struct Wizard {
    /// The configuration, once it is saved.
    pub id: Option<ConfigurationId>,
    /// As it is saved.
    pub base: Option<Configuration>,
    /// Whether a Client Secret is stored.
    pub has_secret: bool,
    /// The place outside that gives it, where that is not the store.
    pub outside_secret: Option<String>,
    /// The step that is shown.
    pub step: Step,
    /// The furthest step that was shown.
    pub reached: Step,
    /// What is typed.
    pub form: Form,
    /// What has the focus.
    pub focus: Item,
    /// The connection test.
    pub test: Test,
    /// Whether the person agreed to go on without a passed test.
    pub untested: bool,
    /// The suggestions under a board, while they are open.
    pub list: Option<BoardList>,
    /// The save.
    pub save: SaveState,
    /// Whether Pia Escalate To was asked for after the first sync.
    pub asked_escalate_to: bool,
    /// What was there before anything was typed.
    baseline: Draft,
}

/// Something that can have the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A line of the checklist.
    Need(usize),
    /// A field.
    Field(FieldId),
    /// The connection test.
    Test,
    /// One of its results.
    Check(usize),
    /// Sync Now.
    SyncNow,
    /// A callback address.
    Callback(usize),
    /// A line of the review.
    Line(FieldId),
    /// Save.
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
            base: saved.map(|saved| saved.configuration.clone()),
            has_secret: saved.is_some_and(|saved| saved.has_secret),
            outside_secret: None,
            step: draft.step,
            reached: draft.step,
            form: Form::of(draft),
            focus: Item::Need(0),
            test: Test::Not,
            untested: false,
            list: None,
            save: if saved.is_some() { SaveState::Saved(None) } else { SaveState::Not },
            asked_escalate_to: false,
            baseline: Draft::default(),
        };
        wizard.baseline = match saved {
            Some(saved) => Draft::of(&saved.id, &saved.configuration),
            None => Draft::default(),
        };
        if let Some(saved) = saved {
            let is_same = |field| wizard.form.text(field) == wizard.baseline.text(field);
            let same = is_same(FieldId::Url) && is_same(FieldId::ClientId);
            match saved.status.steps.credentials {
                StepState::Done if same => wizard.test = Test::Before,
                StepState::NotVerified if same => wizard.untested = true,
                _ => {}
            }
        }
        wizard
    }

    /// A new one.
    pub fn fresh(prefill: &Draft) -> Self {
        Self::new(prefill, None)
    }

    /// The one of a saved configuration, at a step.
    pub fn of(saved: &Saved, step: Step) -> Self {
        let mut wizard = Self::new(&Draft { step, ..Draft::of(&saved.id, &saved.configuration) }, Some(saved));
        wizard.reached = Step::Finished;
        wizard
    }

    /// The one of a draft.
    pub fn of_draft(draft: &Draft, saved: Option<&Saved>) -> Self {
        let mut wizard = Self::new(draft, saved);
        if saved.is_none() {
            wizard.step = wizard.step.min(Step::Review);
            wizard.reached = wizard.step;
        }
        wizard
    }

    /// What is remembered of it across a lost line.
    pub fn draft(&self) -> Draft {
        let draft = Draft {
            configuration: self.id.clone(),
            step: self.step,
            secret_entered: !self.form.secret.is_empty(),
            escalate_to: self.form.escalate_to.clone(),
            ..Draft::default()
        };
        FIELDS.iter().filter(|info| info.is_line()).fold(draft, |draft, info| {
            let text = self.form.text(info.id);
            draft.with(info.id, if info.is_address() { without_user(text) } else { text.to_owned() })
        })
    }

    /// Whether something is typed that is not saved.
    pub fn is_edited(&self) -> bool {
        let now = Draft { step: self.baseline.step, ..self.draft() };
        now != self.baseline
    }

    /// What was typed then is saved now.
    pub fn settle(&mut self, typed: Draft) {
        self.baseline =
            Draft { configuration: self.id.clone(), step: self.baseline.step, secret_entered: false, ..typed };
    }

    /// The name for the title line.
    pub fn title(&self) -> String {
        integrations::draft_title(self.form.text(FieldId::Name).trim())
    }

    /// The fields of a step that text or a choice goes into.
    pub fn fields(step: Step) -> impl Iterator<Item = FieldId> {
        FIELDS.iter().filter(move |info| info.step == step && info.kind != Kind::ReadOnly).map(|info| info.id)
    }

    /// The field that has the focus, where text goes into it.
    pub fn text_field(&self) -> Option<FieldId> {
        match self.focus {
            Item::Field(field) if field.is_text() => Some(field),
            _ => None,
        }
    }
}

/// Shows a set-up.
pub fn show(model: &mut Model, mut wizard: Wizard) -> Vec<Effect> {
    // A variable or a credential of the service comes before what is stored.
    wizard.outside_secret.clone_from(&model.overview.outside_secret);
    wizard.has_secret |= wizard.outside_secret.is_some();
    let (id, step) = (wizard.id.clone(), wizard.step);
    model.screen = Screen::Wizard;
    model.popup = None;
    let mut effects = match &id {
        Some(id) => model.open(id),
        None => model.turn_to(None),
    };
    if model.overview.draft.is_none() {
        effects.extend(put_away(model));
    }
    model.wizard = Some(wizard);
    effects.extend(arrive(model, step));
    effects
}

/// Goes on with a draft; with the one in memory where it is the same, the Client Secret included.
pub fn resume_draft(model: &mut Model, draft: &Draft) -> Vec<Effect> {
    // What is in memory is never older than what was kept of it.
    let same = |wizard: &Wizard| wizard.id == draft.configuration && (wizard.is_edited() || wizard.draft() == *draft);
    if model.wizard.as_ref().is_some_and(same) {
        return come_back(model);
    }
    let saved = draft.configuration.as_ref().and_then(|id| model.saved(id)).cloned();
    let given = model.overview.outside_secret.is_some();
    let lost = draft.secret_entered && !given && !saved.as_ref().is_some_and(|saved| saved.has_secret);
    let effects = show(model, Wizard::of_draft(draft, saved.as_ref()));
    if lost {
        model.say(Tone::Warn, SECRET_LOST);
    }
    effects
}

/// Shows the set-up that is in memory again.
pub fn come_back(model: &mut Model) -> Vec<Effect> {
    let Some(wizard) = &model.wizard else { return Vec::new() };
    let (id, step) = (wizard.id.clone(), wizard.step);
    model.screen = Screen::Wizard;
    model.popup = None;
    let mut effects = match &id {
        Some(id) if model.current.as_ref() != Some(id) => model.open(id),
        _ => Vec::new(),
    };
    effects.extend(arrive(model, step));
    effects
}

/// Says that a draft of something else is in the way: there is one draft, and it is never overwritten unasked.
pub fn another_draft(model: &mut Model, id: Option<&ConfigurationId>) -> bool {
    let Some(draft) = model.overview.draft.as_ref().filter(|draft| draft.configuration.as_ref() != id) else {
        return false;
    };
    let title = integrations::draft_title(draft.name());
    model.say(Tone::Warn, format!("There is a draft of {title}: continue it, or discard it with x, first."));
    true
}

/// "Edit": a saved configuration from its first step, or its draft.
pub fn edit(model: &mut Model, id: &ConfigurationId) -> Vec<Effect> {
    let draft = model.overview.draft.clone().filter(|draft| draft.configuration.as_ref() == Some(id));
    if let Some(draft) = draft {
        return resume_draft(model, &draft);
    }
    if another_draft(model, Some(id)) {
        return Vec::new();
    }
    let Some(saved) = model.saved(id).cloned() else { return Vec::new() };
    show(model, Wizard::of(&saved, Step::Credentials))
}

/// Puts the focus where a step begins, and asks for what it shows.
pub fn arrive(model: &mut Model, step: Step) -> Vec<Effect> {
    model.touch();
    model.facts.revealed = false;
    let Some(wizard) = model.wizard.as_mut() else { return Vec::new() };
    wizard.step = step;
    wizard.reached = wizard.reached.max(step);
    wizard.list = None;
    let id = wizard.id.clone();
    wizard.focus = match step {
        Step::Checklist => Item::Need(0),
        Step::Review => Item::Save,
        Step::InitialSync => Item::SyncNow,
        Step::Configure => Item::Plan,
        Step::Finished => Item::Open(0),
        _ => {
            let has_secret = wizard.has_secret;
            let needed = |field: &FieldId| wizard.form.error(*field, has_secret).is_some();
            let first = Wizard::fields(step).next();
            match Wizard::fields(step).find(needed) {
                // A new configuration begins at its name, though that may stay blank.
                Some(FieldId::Url) if wizard.form.text(FieldId::Name).is_empty() => Item::Field(FieldId::Name),
                Some(field) => Item::Field(field),
                None if step == Step::Credentials => Item::Test,
                None => first.map_or(Item::Go, Item::Field),
            }
        }
    };
    model.place_all();
    let mut effects = Vec::new();
    match (step, id) {
        (Step::PiaScreen, Some(id)) => effects.push(Effect::LoadLists(id)),
        (Step::Integration, Some(id)) => effects.push(Effect::LoadCallbacks(id)),
        (Step::InitialSync, _) => initial_sync::focus(model),
        (Step::Configure, _) => effects.extend(configure::load_plan_unless_there(model)),
        (Step::Finished, Some(id)) => effects.extend([Effect::LoadStatus(id), Effect::LoadOverview]),
        _ => {}
    }
    effects
}

/// Changes the step: the draft is kept.
pub fn go(model: &mut Model, step: Step) -> Vec<Effect> {
    leave_field(model);
    let mut effects = arrive(model, step);
    effects.extend(keep_draft(model));
    effects
}

/// Keeps what is typed, where it is not saved.
pub fn keep_draft(model: &mut Model) -> Option<Effect> {
    let wizard = model.wizard.as_ref()?;
    if !wizard.is_edited() {
        return None;
    }
    let draft = wizard.draft();
    model.overview.draft = Some(draft.clone());
    Some(Effect::SaveDraft(Box::new(draft)))
}

/// Puts the set-up away; what is typed and not saved is kept as a draft.
pub fn put_away(model: &mut Model) -> Option<Effect> {
    let draft = keep_draft(model);
    model.wizard = None;
    draft
}

/// The focus leaves a field: from now on its error is shown.
pub fn leave_field(model: &mut Model) {
    let Some(wizard) = model.wizard.as_mut() else { return };
    wizard.list = None;
    if let Item::Field(field) = wizard.focus {
        wizard.form.leave(field);
    }
}

/// Moves the focus by a number of items; round the ends only where `around`.
pub fn move_focus(model: &mut Model, by: isize, around: bool) {
    let items = items(model);
    let Some(wizard) = model.wizard.as_ref() else { return };
    let at = items.iter().position(|item| *item == wizard.focus).unwrap_or_default() as isize;
    let last = items.len() as isize - 1;
    let to = if around { (at + by).rem_euclid(items.len().max(1) as isize) } else { (at + by).clamp(0, last.max(0)) };
    if let Some(item) = items.get(to as usize).copied() {
        set_focus(model, item);
    }
}

/// Gives the focus to an item.
pub fn set_focus(model: &mut Model, item: Item) {
    if model.wizard.as_ref().is_none_or(|wizard| wizard.focus == item) {
        return;
    }
    leave_field(model);
    if let Some(wizard) = model.wizard.as_mut() {
        if !matches!(item, Item::Callback(_)) {
            model.facts.revealed = false;
        }
        wizard.focus = item;
    }
    model.touch();
}

/// Shows where a field is wrong, on its own step.
fn point_at(model: &mut Model, field: FieldId) -> Vec<Effect> {
    let elsewhere = model.wizard.as_ref().is_some_and(|wizard| wizard.step != field.info().step);
    let effects = if elsewhere { go(model, field.info().step) } else { Vec::new() };
    if let Some(wizard) = model.wizard.as_mut() {
        wizard.list = None;
        wizard.focus = Item::Field(field);
        let _ = wizard.form.insist(&[field], wizard.has_secret);
    }
    model.touch();
    effects
}

/// Enter on a field: the next field or, on the last one, forward.
pub fn enter_on_field(model: &mut Model) -> Vec<Effect> {
    let Some(wizard) = model.wizard.as_ref() else { return Vec::new() };
    let fields: Vec<FieldId> = Wizard::fields(wizard.step).collect();
    let at = fields.iter().position(|field| wizard.focus == Item::Field(*field));
    match at {
        Some(at) if at + 1 < fields.len() => {
            set_focus(model, Item::Field(fields[at + 1]));
            Vec::new()
        }
        Some(_) if wizard.step == Step::Credentials => {
            set_focus(model, Item::Test);
            if model.wizard.as_ref().is_some_and(|wizard| wizard.test.is_passed()) {
                Vec::new()
            } else {
                credentials::start(model)
            }
        }
        _ => forward(model),
    }
}

/// Forward, where the step allows it.
pub fn forward(model: &mut Model) -> Vec<Effect> {
    leave_field(model);
    let Some(wizard) = model.wizard.as_mut() else { return Vec::new() };
    let fields: Vec<FieldId> = Wizard::fields(wizard.step).collect();
    if let Some(field) = wizard.form.insist(&fields, wizard.has_secret) {
        return point_at(model, field);
    }
    match wizard.step {
        Step::Checklist => go(model, Step::Credentials),
        Step::Credentials => go(model, Step::CompanySync),
        Step::CompanySync => go(model, Step::PiaScreen),
        Step::PiaScreen => go(model, Step::Integration),
        Step::Integration => go(model, Step::Review),
        Step::Review => review::forward(model),
        Step::InitialSync => initial_sync::forward(model),
        Step::Configure => go(model, Step::Finished),
        Step::Finished => {
            let mut effects: Vec<Effect> = put_away(model).into_iter().collect();
            effects.extend(panes::enter(model));
            effects
        }
    }
}

/// Back: always works, and keeps what was typed.
pub fn back(model: &mut Model) -> Vec<Effect> {
    let Some(wizard) = model.wizard.as_ref() else { return Vec::new() };
    let saved = wizard.id.is_some();
    match wizard.step {
        Step::Checklist => leave(model),
        Step::Credentials if saved => leave(model),
        step => {
            let at = Step::ALL.iter().position(|other| *other == step).unwrap_or_default();
            go(model, Step::ALL[at.saturating_sub(1)])
        }
    }
}

/// Leaves the set-up; what is typed is kept as a draft.
pub fn leave(model: &mut Model) -> Vec<Effect> {
    leave_field(model);
    let mut effects: Vec<Effect> = stop_test(model).into_iter().collect();
    let draft = keep_draft(model);
    let kept = draft.is_some();
    effects.extend(draft);
    let to_panes = model.is_finished_current();
    if to_panes {
        effects.extend(panes::enter(model));
    } else {
        integrations::enter(model);
    }
    if kept {
        model.say(Tone::Good, KEPT);
    } else {
        model.wizard = None;
    }
    effects
}

/// Stops a connection test that runs.
pub fn stop_test(model: &mut Model) -> Option<Effect> {
    let wizard = model.wizard.as_mut()?;
    if !wizard.test.is_running() {
        return None;
    }
    wizard.test = Test::Not;
    Some(Effect::Cancel(Slot::Check))
}

/// A field was changed.
pub fn edited(model: &mut Model, field: FieldId) -> Vec<Effect> {
    model.touch();
    let mut effects = Vec::new();
    if matches!(field, FieldId::Url | FieldId::ClientId | FieldId::ClientSecret) {
        effects.extend(stop_test(model));
        if let Some(wizard) = model.wizard.as_mut() {
            wizard.test = Test::Not;
            wizard.untested = false;
        }
    }
    if let Some(wizard) = model.wizard.as_mut()
        && matches!(wizard.save, SaveState::Failed(_))
    {
        wizard.save = SaveState::Not;
    }
    pia_screen::suggest(model, field);
    effects
}

impl Model {
    /// Whether the configuration that is open is set up to the end.
    pub(crate) fn is_finished_current(&self) -> bool {
        self.current.is_some() && self.status().is_some_and(is_finished)
    }
}
