//! The set-up, step by step. Going back always works and keeps what was typed; only going forward is checked.

pub(crate) mod answers;
pub(crate) mod checklist;
pub(crate) mod company_sync;
pub(crate) mod controls;
pub(crate) mod credentials;
pub(crate) mod finished;
pub(crate) mod initial_sync;
pub(crate) mod pia_screen;
pub(crate) mod review;
pub(crate) mod state;
pub(crate) mod steps;

use crate::domain::check::CheckReport;
use crate::domain::configuration::{ConfigurationId, EscalateTo};
use crate::domain::draft::{Draft, Step};
use crate::domain::failure::Failure;

use crate::words::{self, Phrase};

use super::effect::Effect;
use super::form::FieldId;
use super::go::Go;
use super::jobs::plan;
use super::model::{Model, Screen};
use super::notice::Tone;
use super::popup::{Answer, Onward};
use super::text::draft_title;

pub use super::model::{first_unfinished, is_finished};
pub use state::{Item, SaveState, Test, Wizard};
pub use steps::{STEPS, StepSign, items, step_sign};

/// Said when a set-up is left.
pub const KEPT: &str = "What you typed is kept as a draft. Nothing is lost.";

/// Why the key of a pane leads nowhere.
pub const NO_PANES: &str = "The panes open once the set-up is finished.";

/// Said where a draft is found whose Client Secret was typed.
pub const SECRET_LOST: &str = "Type the Client Secret again: drafts never hold it.";

pub fn show(model: &mut Model, mut wizard: Wizard) -> Vec<Effect> {
    // A variable or a credential of the service comes before what is stored.
    wizard.outside_secret.clone_from(&model.overview.outside_secret);
    wizard.has_secret |= wizard.outside_secret.is_some();
    let (id, step) = (wizard.id.clone(), wizard.step);
    wizard.from_card = model.screen == Screen::Integrations;
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
        note_found(model);
        return come_back(model);
    }
    let saved = draft.configuration.as_ref().and_then(|id| model.saved(id)).cloned();
    let given = model.overview.outside_secret.is_some();
    let lost = draft.secret_entered && !given && !saved.as_ref().is_some_and(|saved| saved.has_secret);
    let finished = saved.as_ref().is_some_and(|saved| is_finished(&saved.status));
    let wizard = Wizard::of_draft(draft, saved.as_ref());
    let effects = show(model, if finished { wizard.into_settings() } else { wizard });
    note_found(model);
    if lost {
        model.say(Tone::Warn, SECRET_LOST);
    }
    effects
}

// What is shown was typed earlier, and may be forgotten.
fn note_found(model: &mut Model) {
    let at = model.overview.draft_at;
    model.wizard.iter_mut().filter(|wizard| wizard.settings).for_each(|wizard| wizard.note_found(at));
}

/// Shows the set-up that is in memory again.
pub fn come_back(model: &mut Model) -> Vec<Effect> {
    let Some(wizard) = &model.wizard else { return Vec::new() };
    let (id, step) = (wizard.id.clone(), wizard.step);
    model.screen = Screen::Wizard;
    model.popup = None;
    let mut effects = match &id {
        Some(id) if model.current.as_ref() != Some(id) => model.open(id),
        Some(_) => Vec::new(),
        None => model.turn_to(None),
    };
    effects.extend(arrive(model, step));
    effects
}

/// Shows the set-up of a saved configuration where it is not finished.
pub fn unfinished(model: &mut Model, id: &ConfigurationId) -> Vec<Effect> {
    let Some(saved) = model.saved(id).cloned() else { return Vec::new() };
    if another_draft(model, Some(id)) {
        return Vec::new();
    }
    let step = first_unfinished(&saved.status);
    show(model, Wizard::of(&saved, step))
}

/// Shows the set-up of a new configuration. A draft of one has its own card; there is one draft.
pub fn new(model: &mut Model) -> Vec<Effect> {
    if model.overview.draft.is_some() {
        another_draft(model, None);
        if model.notice.is_none() {
            let words = Phrase::from("There is already a draft. Continue it or discard it");
            model.say(Tone::Warn, words.key(" with ", "discard_draft", "").text(" first."));
        }
        return Vec::new();
    }
    let fresh = Wizard::fresh(&model.prefill);
    show(model, fresh)
}

/// Says that a draft of something else is in the way: there is one draft, and it is never overwritten unasked.
pub fn another_draft(model: &mut Model, id: Option<&ConfigurationId>) -> bool {
    let Some(draft) = model.overview.draft.as_ref().filter(|draft| draft.configuration.as_ref() != id) else {
        return false;
    };
    let title = draft_title(draft);
    let words = Phrase::from(format!("There is already a draft of {title}. Continue it or discard it"));
    model.say(Tone::Warn, words.key(" with ", "discard_draft", "").text(" first."));
    // Whoever is sent there finds it under the cursor.
    model.point_at_draft();
    true
}

/// "Edit": the settings of a saved configuration on one page, or its draft.
pub fn edit(model: &mut Model, id: &ConfigurationId) -> Vec<Effect> {
    let draft = model.overview.draft.clone().filter(|draft| draft.configuration.as_ref() == Some(id));
    if let Some(draft) = draft {
        return resume_draft(model, &draft);
    }
    if another_draft(model, Some(id)) {
        return Vec::new();
    }
    let Some(saved) = model.saved(id).cloned() else { return Vec::new() };
    show(model, Wizard::of(&saved, Step::Review).into_settings())
}

/// One setting of what is open, or else of the active configuration: from anywhere.
pub fn setting(model: &mut Model, field: FieldId) -> Vec<Effect> {
    let open = |model: &Model| model.screen == Screen::Wizard && model.wizard.as_ref().is_some_and(|w| w.settings);
    let mut effects = Vec::new();
    if let Some(wizard) = model.wizard.as_mut().filter(|wizard| model.screen == Screen::Wizard && wizard.id.is_some()) {
        // What is typed stays typed.
        wizard.settings = true;
    } else if let Some(id) = model.with_settings().map(|saved| saved.id.clone()) {
        effects.extend(edit(model, &id));
    }
    if open(model) {
        if model.wizard.as_ref().is_some_and(|wizard| wizard.step != Step::Review) {
            effects.extend(go(model, Step::Review));
        }
        set_focus(model, Item::Field(field));
    }
    effects
}

/// Says that what keeps a save from being made is no change of now.
pub fn say_of_draft(model: &mut Model, field: FieldId) {
    let Some(found) = model.wizard.as_ref().and_then(|wizard| wizard.found.as_ref()) else { return };
    let words = words::step::of_draft(field.info().label, found.at.map(|at| words::time::ago(model.now, at)));
    model.say(Tone::Warn, Phrase::from(words).key(" Discard it with ", "discard_changes", "."));
}

/// The connection test has ended; what waited for it is saved.
pub fn tested(model: &mut Model, outcome: Result<CheckReport, Failure>) -> Vec<Effect> {
    let mut effects = credentials::verified(model, outcome);
    let Some(wizard) = model.wizard.as_mut() else { return effects };
    let waited = std::mem::take(&mut wizard.saves);
    let saves = waited && wizard.test.is_passed();
    if waited && !saves {
        let of_draft = state::CONNECTION.into_iter().find(|field| wizard.is_of_draft(*field));
        of_draft.into_iter().for_each(|field| say_of_draft(model, field));
    }
    if saves && model.popup.is_some() {
        // Nothing happens under a question.
        let words = Phrase::from("The test has passed, and nothing is saved yet.");
        model.say(Tone::Warn, words.key(" Save with ", "save", "."));
    } else if saves {
        effects.extend(go(model, Step::Review));
        effects.extend(review::save(model, review::Then::Stay));
    }
    effects
}

/// By a section of the settings: the first field of the next one, or of the one before; Save is the last.
pub fn move_section(model: &mut Model, by: isize) {
    let Some(wizard) = &model.wizard else { return };
    let mut starts: Vec<Item> = Vec::new();
    let mut last = None;
    for field in wizard.lines() {
        if last.replace(field.info().step) != Some(field.info().step) {
            starts.push(Item::Field(field));
        }
    }
    starts.push(Item::Save);
    let here = |item: &Item| match (wizard.focus, item) {
        (Item::Field(at), Item::Field(start)) => at.info().step == start.info().step,
        (at, start) => at == *start,
    };
    let at = starts.iter().position(here).unwrap_or_default();
    let to = at.saturating_add_signed(by).min(starts.len() - 1);
    set_focus(model, starts[to]);
}

/// Puts the focus where a step begins, and asks for what it shows.
pub fn arrive(model: &mut Model, step: Step) -> Vec<Effect> {
    model.touch();
    model.facts.revealed = false;
    let Some(wizard) = model.wizard.as_mut() else { return Vec::new() };
    wizard.step = step;
    // A setting that was looked up by its name is left for what follows.
    wizard.settings &= step <= Step::Review;
    wizard.reached = wizard.reached.max(step);
    wizard.list = None;
    wizard.saves = false;
    let id = wizard.id.clone();
    wizard.focus = match step {
        Step::Checklist => Item::Need(0),
        Step::Review if wizard.settings => wizard.lines().next().map_or(Item::Save, Item::Field),
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
        (Step::CompanySync | Step::PiaScreen, Some(id)) => effects.push(Effect::LoadLists(id)),
        (Step::Integration, Some(id)) => effects.push(Effect::LoadCallbacks(id)),
        (Step::InitialSync, _) => initial_sync::focus(model),
        (Step::Configure, _) => effects.extend(plan::load_plan_unless_there(model)),
        (Step::Finished, Some(id)) => effects.extend([Effect::LoadStatus(id), Effect::LoadOverview]),
        _ => {}
    }
    effects
}

/// The step Configure, from wherever the set-up stands.
pub fn configure(model: &mut Model) -> Vec<Effect> {
    model.screen = Screen::Wizard;
    go(model, Step::Configure)
}

/// Changes the step: the draft is kept.
pub fn go(model: &mut Model, step: Step) -> Vec<Effect> {
    model.leave_field();
    let mut effects = arrive(model, step);
    effects.extend(model.keep_draft());
    effects
}

/// Puts the set-up away; what is typed and not saved is kept as a draft.
pub fn put_away(model: &mut Model) -> Option<Effect> {
    let draft = model.keep_draft();
    model.wizard = None;
    draft
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

/// By a number of items through what is read. No field gets the focus by it: what was a key a moment ago would be text there.
pub fn scroll(model: &mut Model, by: isize) {
    let items = items(model);
    let Some(wizard) = model.wizard.as_ref() else { return };
    let at = items.iter().position(|item| *item == wizard.focus).unwrap_or_default();
    let to = at.saturating_add_signed(by).min(items.len().saturating_sub(1));
    let is_read = |at: &usize| !matches!(items[*at], Item::Field(_));
    // As far as that, or else to the first beyond it.
    let found = if to >= at {
        (at + 1..=to).rev().find(is_read).or_else(|| (to + 1..items.len()).find(is_read))
    } else {
        (to..at).find(is_read).or_else(|| (0..to).rev().find(is_read))
    };
    if let Some(at) = found {
        set_focus(model, items[at]);
    }
}

/// Gives the focus to an item.
pub fn set_focus(model: &mut Model, item: Item) {
    if model.wizard.as_ref().is_none_or(|wizard| wizard.focus == item) {
        return;
    }
    model.leave_field();
    if let Some(wizard) = model.wizard.as_mut() {
        if !matches!(item, Item::Callback(_)) {
            model.facts.revealed = false;
        }
        // One that few need is on its page from here on.
        wizard.advanced |= matches!(item, Item::Field(field) if !wizard.is_shown(field));
        if let Some(step) = steps::own_step(wizard, item) {
            wizard.step = step;
            wizard.reached = wizard.reached.max(step);
        }
        wizard.focus = item;
    }
    model.touch();
}

/// To a field that stands in the way: on its step, or once the set-up is finished among the settings.
pub fn to_field(model: &mut Model, field: FieldId) -> Vec<Effect> {
    if model.screen == Screen::Wizard { point_at(model, field) } else { setting(model, field) }
}

/// Shows where a field is wrong, on its own step.
fn point_at(model: &mut Model, field: FieldId) -> Vec<Effect> {
    // Every field is on the page before Save.
    let is_here = |wizard: &Wizard| [field.info().step, Step::Review].contains(&wizard.step);
    let elsewhere = model.wizard.as_ref().is_some_and(|wizard| !is_here(wizard));
    let effects = if elsewhere { go(model, field.info().step) } else { Vec::new() };
    if let Some(wizard) = model.wizard.as_mut() {
        wizard.list = None;
        wizard.advanced |= !wizard.is_shown(field);
        wizard.focus = Item::Field(field);
        let _ = wizard.form.insist(&[field], wizard.has_secret);
    }
    model.touch();
    effects
}

/// Enter on a field: the next field or, on the last one, forward.
pub fn enter_on_field(model: &mut Model) -> Vec<Effect> {
    let Some(wizard) = model.wizard.as_ref() else { return Vec::new() };
    match wizard.next_field() {
        _ if wizard.step == Step::Review => {
            set_focus(model, Item::Save);
            Vec::new()
        }
        Some(next) => {
            set_focus(model, Item::Field(next));
            Vec::new()
        }
        None if wizard.step == Step::Credentials && matches!(wizard.focus, Item::Field(_)) => {
            set_focus(model, Item::Test);
            let is_passed = model.wizard.as_ref().is_some_and(|wizard| wizard.test.is_passed());
            if is_passed && credentials::known_failure(model).is_none() {
                Vec::new()
            } else {
                credentials::start(model)
            }
        }
        // Save, the first sync and the plan follow one another: what is to be written into Halo is asked behind them.
        _ if wizard.step == Step::Integration && wizard.id.is_none() => review::save(model, review::Then::Sync),
        _ => forward(model),
    }
}

/// Forward, where the step allows it.
pub fn forward(model: &mut Model) -> Vec<Effect> {
    model.leave_field();
    let Some(wizard) = model.wizard.as_mut() else { return Vec::new() };
    let fields: Vec<FieldId> = Wizard::fields(wizard.step).collect();
    if let Some(field) = wizard.form.insist(&fields, wizard.has_secret) {
        return point_at(model, field);
    }
    if wizard.step == Step::PiaScreen && pia_screen::ask_for_team(model, Onward::Step) {
        return Vec::new();
    }
    let Some(wizard) = model.wizard.as_mut() else { return Vec::new() };
    match wizard.step {
        Step::Checklist => go(model, Step::Credentials),
        step if wizard.settings && step < Step::Review => go(model, Step::Review),
        Step::Credentials => go(model, Step::CompanySync),
        Step::CompanySync => go(model, Step::PiaScreen),
        Step::PiaScreen => go(model, Step::Integration),
        Step::Integration => go(model, Step::Review),
        Step::Review => review::forward(model),
        Step::InitialSync => initial_sync::forward(model),
        Step::Configure => go(model, Step::Finished),
        // Pia Escalate To was chosen here.
        Step::Finished if wizard.is_edited() && wizard.id.is_some() => review::save(model, review::Then::End),
        Step::Finished => forward_from_end(model),
    }
}

/// Saves what is typed; a team that Halo does not list is asked about first.
pub fn save(model: &mut Model) -> Vec<Effect> {
    if review::save_refusal(model).is_none() && pia_screen::ask_for_team(model, Onward::Save) {
        return Vec::new();
    }
    review::save(model, review::Then::Stay)
}

/// Goes on with the name of a team as it is typed, or with the one that was meant; else back into its field.
pub fn answer_for_team(
    model: &mut Model,
    field: FieldId,
    (typed, meant): (String, Option<String>),
    then: Onward,
    answer: Answer,
) -> Vec<Effect> {
    let mut effects = Vec::new();
    match (answer, meant) {
        (Answer::Yes, _) => model.wizard.iter_mut().for_each(|wizard| wizard.agreed_names.push(typed.clone())),
        (Answer::Third, Some(meant)) => {
            model.wizard.iter_mut().for_each(|wizard| wizard.form.set(field, meant.as_str()));
            effects.extend(edited(model, field));
        }
        _ => return to_field(model, field),
    }
    effects.extend(match then {
        Onward::Step => forward(model),
        Onward::Save => save(model),
    });
    effects
}

// From the last page on to the panes.
fn forward_from_end(model: &mut Model) -> Vec<Effect> {
    let effects: Vec<Effect> = put_away(model).into_iter().collect();
    model.go(Go::Panes);
    effects
}

/// Back: always works, and keeps what was typed.
pub fn back(model: &mut Model) -> Vec<Effect> {
    let Some(wizard) = model.wizard.as_ref() else { return Vec::new() };
    let saved = wizard.id.is_some();
    match wizard.step {
        Step::Checklist => leave(model),
        step if wizard.settings && step < Step::Review => {
            let mut effects: Vec<Effect> = model.stop_test().into_iter().collect();
            effects.extend(go(model, Step::Review));
            effects
        }
        Step::Review if wizard.settings => leave(model),
        Step::Credentials if saved => leave(model),
        // Behind what is finished there is nothing to go back to.
        Step::Finished if finished::is_whole(model) => forward_from_end(model),
        step => {
            let at = Step::ALL.iter().position(|other| *other == step).unwrap_or_default();
            go(model, Step::ALL[at.saturating_sub(1)])
        }
    }
}

/// Leaves the set-up; what is typed is kept as a draft.
pub fn leave(model: &mut Model) -> Vec<Effect> {
    model.leave_field();
    let mut effects: Vec<Effect> = model.stop_test().into_iter().collect();
    let draft = model.keep_draft();
    let kept = draft.is_some();
    effects.extend(draft);
    let from_card = model.wizard.as_ref().is_some_and(|wizard| wizard.from_card);
    model.go(if model.is_finished_current() && !from_card { Go::Panes } else { Go::Integrations });
    if kept {
        model.say(Tone::Good, KEPT);
    } else {
        model.wizard = None;
    }
    effects
}

/// Answers a field whole; what is typed is kept.
pub fn answer(model: &mut Model, field: FieldId, text: &str) -> Vec<Effect> {
    let agent = text.parse::<i64>().ok().and_then(|id| model.facts.lists.agents.iter().find(|agent| agent.id == id));
    let agent = agent.map(|agent| EscalateTo { agent_id: agent.id, name: agent.name.display() });
    let Some(wizard) = model.wizard.as_mut() else { return Vec::new() };
    let mut effects = Vec::new();
    if field == FieldId::EscalateTo {
        wizard.form.escalate_to = agent;
        wizard.asked_escalate_to = true;
        model.touch();
    } else {
        wizard.form.answer(field, text);
        effects = edited(model, field);
        if let Some(wizard) = model.wizard.as_mut() {
            wizard.list = None;
        }
    }
    effects.extend(model.keep_draft());
    effects
}

/// A field was changed.
pub fn edited(model: &mut Model, field: FieldId) -> Vec<Effect> {
    model.touch();
    let mut effects = Vec::new();
    if field == FieldId::ClientSecret || state::CONNECTION.contains(&field) {
        effects.extend(model.stop_test());
        if let Some(wizard) = model.wizard.as_mut() {
            if field == FieldId::Url {
                wizard.follow_url();
            }
            wizard.test = Test::Not;
            wizard.untested = false;
        }
    }
    if let Some(wizard) = model.wizard.as_mut() {
        wizard.saves = false;
    }
    if let Some(wizard) = model.wizard.as_mut()
        && matches!(wizard.save, SaveState::Failed(_))
    {
        wizard.save = SaveState::Not;
    }
    pia_screen::suggest(model, field);
    effects
}
