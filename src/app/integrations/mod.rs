//! The Integrations page: find Halo PSA, see what is active.

pub(crate) mod controls;
pub(crate) mod state;

use crate::domain::client::fold;
use crate::domain::configuration::ConfigurationId;
use crate::domain::draft::Draft;
use crate::domain::failure::Failure;
use crate::domain::fields::FieldId;
use crate::domain::health::{Finding, State};
use crate::domain::status::{Saved, StepState};
use crate::domain::untrusted::Untrusted;
use crate::words::{self, Phrase, step};

pub use self::state::Card;
use super::effect::Effect;
use super::go::Go;
use super::header::summary;
use super::jobs::health::findings_of;
use super::model::{Model, Screen, is_finished, saved_title};
use super::notice::Tone;
use super::popup::{About, Popup, Typed};
use super::text::{draft_title, without_user};

/// The name of the one integration that this program sets up.
pub const HALO: &str = "Halo PSA";

/// The category that it belongs to.
pub const CATEGORY: &str = "Ticketing";

/// The other integrations that Pia knows in this category.
pub const OTHERS: [&str; 2] = ["Autotask PSA", "ConnectWise Manage"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardState {
    NotConfigured,
    /// Something is typed and not saved.
    Draft,
    /// Saved, but another is active.
    Saved,
    Active,
    /// Active, and something about it is wrong.
    Error,
    /// Active, and something about it needs a look.
    Attention,
    /// Not set up by this program.
    NotHere,
}

impl CardState {
    pub fn word(self) -> &'static str {
        match self {
            Self::NotConfigured => "not configured",
            Self::Draft => "draft",
            Self::Saved => "saved",
            Self::Active => "active",
            Self::Error => "error",
            Self::Attention => words::health::state(State::Watch).1,
            Self::NotHere => "not available here",
        }
    }

    pub fn tone(self) -> Tone {
        match self {
            Self::Active => Tone::Good,
            Self::Draft | Self::Attention => Tone::Warn,
            Self::Error => Tone::Bad,
            Self::NotConfigured | Self::Saved | Self::NotHere => Tone::Calm,
        }
    }
}

/// Every card that is known, before the search.
fn all_cards(model: &Model) -> Vec<Card> {
    let mut cards: Vec<Card> =
        model.overview.configurations.iter().map(|saved| Card::Saved(saved.id.clone())).collect();
    cards.sort_by_key(
        |card| !matches!(card, Card::Saved(id) if model.saved(id).is_some_and(|saved| saved.status.active)),
    );
    if model.overview.draft.as_ref().is_some_and(|draft| draft.configuration.is_none()) {
        // What was begun stands behind what is active, before what only is there.
        cards.insert(usize::from(model.active().is_some()), Card::Draft);
    }
    cards.push(Card::New);
    cards.extend(OTHERS.map(Card::Other));
    cards
}

/// The cards that are listed, and how many there are.
pub fn cards(model: &Model) -> (Vec<Card>, usize) {
    let all = all_cards(model);
    let total = all.len();
    let query = fold(model.integrations.query.value().trim());
    // Without a search only what can be set up here is in the way.
    let wanted = |card: &Card| {
        if query.is_empty() {
            return model.integrations.all || !matches!(card, Card::Other(_));
        }
        let texts = card_texts(model, card);
        query.split_whitespace().all(|word| texts.iter().any(|text| fold(text).contains(word)))
    };
    (all.into_iter().filter(wanted).collect(), total)
}

/// What a card says: the integration, the title, the host.
pub fn card_texts(model: &Model, card: &Card) -> [String; 3] {
    let words = |a: &str, b: String, c: String| [a.to_owned(), b, c];
    match card {
        Card::Saved(id) => match model.saved(id) {
            Some(saved) => words(HALO, saved_title(saved), saved.configuration.api.url.host()),
            None => words(HALO, id.to_string(), String::new()),
        },
        Card::Draft => {
            let draft = model.overview.draft.clone().unwrap_or_default();
            words(HALO, draft_title(&draft), Untrusted::new(without_user(draft.text(FieldId::Url))).display())
        }
        Card::New => words(HALO, "+ new configuration".to_owned(), String::new()),
        Card::Other(name) => words(name, String::new(), String::new()),
    }
}

pub fn card_state(model: &Model, card: &Card) -> Option<CardState> {
    match card {
        Card::Saved(id) => model.saved(id).map(|saved| saved_state(model, saved)),
        Card::Draft => Some(CardState::Draft),
        Card::New if model.overview.configurations.is_empty() && model.overview.draft.is_none() => {
            Some(CardState::NotConfigured)
        }
        Card::New => None,
        Card::Other(_) => Some(CardState::NotHere),
    }
}

// As the header of its panes judges it.
fn saved_state(model: &Model, saved: &Saved) -> CardState {
    match open_issues(model, saved) {
        _ if !saved.status.active => CardState::Saved,
        Some((Tone::Bad, _)) => CardState::Error,
        Some(_) => CardState::Attention,
        // What is not in Halo yet, or not any more, brings no ticket to Pia.
        None if unfinished(saved).is_some() => CardState::Attention,
        None => CardState::Active,
    }
}

fn open_issues(model: &Model, saved: &Saved) -> Option<(Tone, String)> {
    let findings = findings_of(model, &saved.id);
    findings.iter().any(Finding::is_open).then(|| summary(&findings))
}

/// What else there is to say of a saved configuration.
pub fn card_remark(model: &Model, id: &ConfigurationId) -> Option<String> {
    let is_its = |draft: &Draft| draft.configuration.as_ref() == Some(id);
    let draft = model.overview.draft.as_ref().is_some_and(is_its).then(|| "with a draft of changes".to_owned());
    let saved = model.saved(id)?;
    let issues = open_issues(model, saved).map(|(_, words)| words);
    if issues.is_some() || draft.is_some() {
        return Some(issues.into_iter().chain(draft).collect::<Vec<_>>().join(", "));
    }
    unfinished(saved)
}

// What is still to be done for it, the first step first.
fn unfinished(saved: &Saved) -> Option<String> {
    let status = &saved.status;
    let steps = &status.steps;
    for state in [StepState::NeedsReconfigure, StepState::NeedsAttention] {
        if [steps.credentials, steps.configure].contains(&state) {
            return Some(step::state(state).1.to_owned());
        }
    }
    [
        (steps.credentials, "credentials not verified"),
        (
            steps.initial_sync,
            if steps.initial_sync == StepState::NotProved { "clients not proved" } else { "no sync yet" },
        ),
        (
            steps.configure,
            if status.integration.was_configured { "removed from Halo" } else { "not configured in Halo yet" },
        ),
    ]
    .into_iter()
    .find(|(state, _)| *state != StepState::Done)
    .map(|(_, words)| words.to_owned())
}

pub fn selected(model: &Model) -> Option<Card> {
    cards(model).0.get(model.integrations.window.selected).cloned()
}

/// The selection stays with its card, wherever that stands now.
pub fn follow(model: &mut Model) {
    let own = model.integrations.card.clone().filter(|card| matches!(card, Card::Saved(_) | Card::Draft));
    let row = own.and_then(|card| cards(model).0.iter().position(|other| *other == card));
    select(model, row.unwrap_or(model.integrations.window.selected));
}

/// Rows of the list that fit.
pub fn list_height(model: &Model) -> usize {
    usize::from(model.layout.body.height).saturating_sub(7).max(1)
}

pub fn select(model: &mut Model, row: usize) -> bool {
    let rows = cards(model).0.len();
    let height = list_height(model);
    let is_moved = model.integrations.window.select(row, rows, height);
    model.integrations.card = selected(model);
    is_moved
}

/// Goes to the page, from anywhere.
pub fn enter(model: &mut Model) {
    model.touch();
    if model.screen == Screen::Wizard {
        // Whoever leaves a set-up finds it again under the cursor.
        model.point_at_draft();
    }
    model.screen = Screen::Integrations;
    model.facts.revealed = false;
    model.integrations.searching = false;
    model.place_all();
    follow(model);
}

/// That the search has left no card.
pub fn no_match() -> Phrase {
    Phrase::from("No match. Change the search").key(" with ", "search", "").text(".")
}

/// That another integration is set up elsewhere.
pub fn elsewhere(name: &str) -> String {
    format!("{name} is set up in the Pia portal; it is not available here.")
}

/// "Configure": into the wizard where it is not finished, into the panes where it is.
pub fn open_selected(model: &mut Model) -> Vec<Effect> {
    let draft = model.overview.draft.clone();
    match selected(model) {
        Some(Card::Saved(id)) => {
            let finished = model.saved(&id).is_some_and(|saved| is_finished(&saved.status));
            match draft.filter(|draft| draft.configuration.as_ref() == Some(&id) && !finished) {
                Some(draft) => model.go(Go::Draft(Box::new(draft))),
                None => open_saved(model, &id),
            }
        }
        Some(Card::Draft) => model.go(Go::Draft(Box::new(draft.unwrap_or_default()))),
        Some(Card::New) => model.go(Go::New),
        Some(Card::Other(name)) => {
            model.say(Tone::Warn, elsewhere(name));
            Vec::new()
        }
        None => {
            model.say(Tone::Calm, no_match());
            Vec::new()
        }
    }
}

/// The commands are about what is selected: its panes are led to from there.
pub fn open_for_commands(model: &mut Model) -> Vec<Effect> {
    match selected(model) {
        Some(Card::Saved(id)) if model.current.as_ref() != Some(&id) => {
            let leads = model.saved(&id).is_some_and(|saved| is_finished(&saved.status));
            if leads { model.open(&id) } else { Vec::new() }
        }
        _ => Vec::new(),
    }
}

/// Opens a saved configuration where it stands.
pub fn open_saved(model: &mut Model, id: &ConfigurationId) -> Vec<Effect> {
    let Some(saved) = model.saved(id) else { return Vec::new() };
    if !is_finished(&saved.status) {
        return model.go(Go::Unfinished(id.clone()));
    }
    let effects = model.open(id);
    model.go(Go::Panes);
    effects
}

/// "Edit": its settings.
pub fn edit_selected(model: &mut Model) -> Vec<Effect> {
    match selected(model) {
        Some(Card::Saved(id)) => model.go(Go::Edit(id)),
        _ => open_selected(model),
    }
}

/// "Delete": first its id has to be typed.
pub fn ask_to_delete(model: &mut Model) {
    let Some(Card::Saved(id)) = selected(model) else { return };
    model.popup = Some(Popup::Typed(Typed::of_configuration(&id, model.name_of(&id), About::Delete(id.clone()))));
    model.touch();
}

/// What is lost with a configuration that is deleted here, and what stays in its Halo.
pub fn deleting(model: &Model, id: &ConfigurationId) -> Vec<String> {
    let own = model.saved(id);
    let left = own.is_some_and(|saved| !saved.status.integration.objects.is_empty());
    let name = own.map(|own| format!("{}.", saved_title(own)));
    name.into_iter().chain(step::deleting(left)).collect()
}

/// It is deleted, or why not.
pub fn deleted(model: &mut Model, outcome: Result<ConfigurationId, Failure>) -> Vec<Effect> {
    model.touch();
    let id = match outcome {
        Ok(id) => id,
        Err(failure) => {
            model.say_failure(&failure);
            return Vec::new();
        }
    };
    let name = model.saved(&id).map_or_else(|| id.to_string(), saved_title);
    let mut effects = model.forget(&id);
    model.say(Tone::Good, format!("{name} was deleted here. Nothing in its Halo was changed."));
    if model.screen != Screen::Integrations {
        enter(model);
    }
    effects.push(Effect::LoadOverview);
    effects
}
