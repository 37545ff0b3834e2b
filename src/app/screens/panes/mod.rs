//! The panes under the keys, and what works in all of them.

pub(crate) mod activity;
pub(crate) mod clients;
pub(crate) mod events;
pub(crate) mod integration;
pub(crate) mod overview;
pub(crate) mod sync;

use crate::app::effect::Effect;
use crate::app::go::Go;
use crate::app::jobs::{activate, sync as job};
use crate::app::keymap::{Binding, Command as C};
use crate::app::layout::Window;
use crate::app::model::Model;
use crate::app::panes::show;
use crate::app::screen::{Move, Now};
use crate::domain::sync_run::Brake;

// The screen of each pane.
macro_rules! ask_pane {
    ($pane:expr, $what:ident($($given:expr),*)) => {
        match $pane {
            Pane::Overview => panes::overview::Overview::$what($($given),*),
            Pane::Sync => panes::sync::Sync::$what($($given),*),
            Pane::Clients => panes::clients::Clients::$what($($given),*),
            Pane::Integration => panes::integration::Integration::$what($($given),*),
            Pane::Events => panes::events::Events::$what($($given),*),
            Pane::Activity => panes::activity::Activity::$what($($given),*),
        }
    };
}
pub(super) use ask_pane;

/// What becomes of a command that works in every pane.
fn now(model: &Model, command: C) -> Now {
    match command {
        C::SyncNow => Now::unless(job::refusal(model)),
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
