//! The screens: which of them has the keys, and the one place that forwards to it.

use super::controls::{Controls, Move, Now, TextInput};
use super::effect::Effect;
use super::keymap::{Binding, Command, Pane, Place as P};
use super::model::{Model, Screen};
use super::{integrations, palette, panes, popup, wizard};

/// A screen at its start: nothing is known yet, and nothing is offered but what works everywhere.
struct Starting;

impl Controls for Starting {
    fn on(_: &mut Model, _: P, _: Command) -> Vec<Effect> {
        Vec::new()
    }
}

// Asks the screen that a place belongs to.
macro_rules! ask {
    ($model:expr, $place:expr, $what:ident($($given:expr),*)) => {
        match $place {
            P::Palette => palette::controls::PaletteControls::$what($($given),*),
            P::Confirm => popup::confirm::ConfirmControls::$what($($given),*),
            P::HelpPage => popup::help::HelpControls::$what($($given),*),
            P::Typed => popup::typed::TypedControls::$what($($given),*),
            P::Escalate => popup::escalate::EscalateControls::$what($($given),*),
            P::Starting => Starting::$what($($given),*),
            P::Cards | P::CardSearch => integrations::controls::IntegrationsControls::$what($($given),*),
            P::Pane(pane) => panes::ask_pane!(pane, $what($($given),*)),
            P::ClientSearch | P::ClientPage => panes::ask_pane!(Pane::Clients, $what($($given),*)),
            P::Plan if $model.screen == Screen::Panes => panes::ask_pane!(Pane::Integration, $what($($given),*)),
            P::ActivitySearch => panes::ask_pane!(Pane::Activity, $what($($given),*)),
            P::EventSearch | P::EventPage | P::PaneTickets | P::TicketPage => {
                panes::ask_pane!(Pane::Events, $what($($given),*))
            }
            P::Checklist
            | P::Field
            | P::FieldList
            | P::Choice
            | P::Test
            | P::SyncButton
            | P::Callbacks
            | P::Setting
            | P::SettingChoice
            | P::Review
            | P::InitialSync
            | P::Plan
            | P::Finished
            | P::Chooser => wizard::controls::WizardControls::$what($($given),*),
        }
    };
}

/// What becomes of a command of a place now.
pub fn now(model: &Model, place: P, command: Command) -> Now {
    ask!(model, place, now(model, place, command))
}

/// The words of a command of a place.
pub fn words(model: &Model, place: P, binding: &Binding) -> String {
    let words: Option<String> = ask!(model, place, words(model, place, binding));
    words.unwrap_or_else(|| binding.words.to_owned())
}

/// Does a command of a place.
pub fn on(model: &mut Model, place: P, command: Command) -> Vec<Effect> {
    ask!(model, place, on(model, place, command))
}

/// Moves in the list of a place.
pub fn moved(model: &mut Model, place: P, to: Move) {
    ask!(model, place, moved(model, place, to));
}

/// Takes a text where the place takes one.
pub fn typed(model: &mut Model, place: P, text: TextInput<'_>) -> Option<Vec<Effect>> {
    ask!(model, place, typed(model, place, text))
}

/// Places the windows of a place anew.
pub fn settle(model: &mut Model, place: P) {
    ask!(model, place, settle(model));
}
