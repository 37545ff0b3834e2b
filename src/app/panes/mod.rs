//! What is seen once the set-up is finished, a file or a folder each: Overview, Sync, Clients, Integration, Events,
//! Activity; and what works in all of them.

pub(crate) mod activity;
pub mod clients;
pub(crate) mod events;
pub(crate) mod integration;
pub(crate) mod overview;
pub(crate) mod report;
pub(crate) mod state;
pub(crate) mod sync;

use super::controls::{Move, Now};
use super::effect::Effect;
use super::go::Go;
use super::jobs::state::EscalateWork;
use super::jobs::{activate, plan, prove, sync as job};
use super::keymap::{Binding, Command as C};
use super::layout::Window;
use super::model::{Model, Screen};
use crate::domain::sync_run::Brake;

pub use state::Pane;

/// Shows the panes.
pub fn enter(model: &mut Model) -> Vec<Effect> {
    model.screen = Screen::Panes;
    model.panes.from_wizard = false;
    model.popup = None;
    model.facts.revealed = false;
    model.touch();
    model.place_all();
    let pane = model.panes.pane;
    show(model, pane)
}

/// Shows a pane, and asks for what it shows. What was known stays on the screen meanwhile.
pub fn show(model: &mut Model, pane: Pane) -> Vec<Effect> {
    model.touch();
    model.panes.turn_to(pane);
    if !matches!(model.work.escalate, EscalateWork::Running { .. }) {
        model.work.escalate = EscalateWork::None;
    }
    model.facts.revealed = false;
    let Some(id) = model.current.clone() else {
        return Vec::new();
    };
    match pane {
        Pane::Clients => vec![Effect::LoadClients(id)],
        Pane::Integration => {
            let mut effects = vec![Effect::LoadStatus(id.clone()), Effect::LoadCallbacks(id)];
            // Once configured, whether it still is as it should be is worth a look at once.
            if plan::is_again(model) {
                effects.extend(plan::load_plan_unless_there(model));
            }
            effects
        }
        _ => vec![Effect::LoadStatus(id)],
    }
}

/// Looks at the clients from within the set-up.
pub fn peek(model: &mut Model) -> Vec<Effect> {
    model.leave_field();
    let mut effects: Vec<Effect> = model.keep_draft().into_iter().collect();
    model.screen = Screen::Panes;
    model.panes.from_wizard = true;
    model.place_all();
    effects.extend(show(model, Pane::Clients));
    effects
}

/// Rows of the history that fit under what stands above them; on a low terminal a few, and what stands above gives way.
pub fn history_height(model: &Model) -> usize {
    let is_on_server = model.facts.standing.as_ref().is_some_and(|standing| standing.status.store.is_some());
    usize::from(model.layout.body.height).saturating_sub(11 + usize::from(is_on_server)).max(4)
}

/// Rows of objects that fit.
pub fn objects_height(model: &Model) -> usize {
    let callbacks = integration::callbacks(model).len() + 3;
    // What runs takes two lines more than what is known.
    let runs = if integration::checking(model).is_some() { 2 } else { 0 };
    usize::from(model.layout.body.height).saturating_sub(8 + callbacks + prove::lines(model).len() + runs).max(1)
}

// The screen of each pane.
macro_rules! ask_pane {
    ($pane:expr, $what:ident($($given:expr),*)) => {
        match $pane {
            Pane::Overview => panes::overview::OverviewControls::$what($($given),*),
            Pane::Sync => panes::sync::SyncControls::$what($($given),*),
            Pane::Clients => panes::clients::controls::ClientsControls::$what($($given),*),
            Pane::Integration => panes::integration::controls::IntegrationControls::$what($($given),*),
            Pane::Events => panes::events::controls::EventsControls::$what($($given),*),
            Pane::Activity => panes::activity::controls::ActivityControls::$what($($given),*),
        }
    };
}
pub(super) use ask_pane;

/// What becomes of a command that works in every pane.
fn now(model: &Model, command: C) -> Now {
    match command {
        C::SyncNow => Now::unless(job::refusal(model)),
        // Out of a look at the clients Esc leads back into the set-up, where the sync has its own Stop.
        C::Stop => {
            let peeks = model.panes.from_wizard && model.panes.pane != Pane::Sync;
            Now::only_if(!peeks && job::can_stop(model))
        }
        C::Edit => Now::unless(model.current_saved().is_none().then(|| "Nothing to edit.".to_owned())),
        C::Activate => activate::now(model),
        _ => Now::Can,
    }
}

// From the first page there is no way back that is missed.
fn words(model: &Model, binding: &Binding) -> Option<String> {
    (binding.command == C::Back && !model.panes.from_wizard).then(String::new)
}

/// Does what works in every pane.
fn on(model: &mut Model, command: C) -> Vec<Effect> {
    match command {
        C::SyncNow => job::start(model, Brake::On),
        C::Stop => job::stop(model),
        C::Edit => model.current.clone().map(Go::Edit).map(|go| model.go(go)).unwrap_or_default(),
        C::Activate => activate::current(model),
        C::Back if model.panes.from_wizard && model.wizard.is_some() => model.go(Go::Wizard),
        C::Back => model.go(Go::Overview),
        C::Pane(pane) => show(model, pane),
        _ => Vec::new(),
    }
}

/// Moves in a list. Says whether anything moved.
fn move_in(window: &mut Window, rows: usize, height: usize, to: Move) -> bool {
    window.select(to.from(window.selected, height), rows, height)
}

/// Places a list anew: the terminal or the list has another size.
fn settle(window: &mut Window, rows: usize, height: usize) {
    window.select(window.selected, rows, height);
}
