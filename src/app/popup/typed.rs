//! A yes that has to be typed, under the keys.

use crate::app::controls::{Controls, Now, TextInput};
use crate::app::effect::Effect;
use crate::app::go::Go;
use crate::app::keymap::{Binding, Command as C, Place as P};
use crate::app::model::Model;
use crate::app::parts::line::{self, Changed};
use crate::app::popup::{About, Popup};
use crate::words::Phrase;

/// A yes that has to be typed.
pub struct TypedControls;

impl Controls for TypedControls {
    fn now(model: &Model, _: P, command: C) -> Now {
        match (&model.popup, command) {
            (Some(Popup::Typed(typed)), C::Agree) if !typed.is_right() && typed.about == About::Export => {
                Now::Not("Type the name of a file.".into())
            }
            (Some(Popup::Typed(typed)), C::Agree) if !typed.is_right() => {
                Now::Not(Phrase::from(typed.wanted.to_confirm()).key(", or leave with ", "cancel", "").text("."))
            }
            _ => Now::Can,
        }
    }

    fn words(model: &Model, _: P, binding: &Binding) -> Option<String> {
        let Some(Popup::Typed(typed)) = model.popup.as_ref().filter(|_| binding.command == C::Agree) else {
            return None;
        };
        let words = match typed.about {
            About::Removal => return Some(model.work.goal.word().to_owned()),
            About::TakeOver | About::Owner => "Take over",
            About::Proof => "Send",
            About::OtherHost => "Agree",
            About::Unproved(_) => "Continue",
            About::Delete(_) => "Delete",
            About::Forget(_) => "Delete the secrets",
            About::Export => "Export",
        };
        Some(words.to_owned())
    }

    fn on(model: &mut Model, _: P, command: C) -> Vec<Effect> {
        match command {
            C::Agree => model.go(Go::Agreed),
            _ => model.close_popup(),
        }
    }

    fn typed(model: &mut Model, _: P, text: TextInput<'_>) -> Option<Vec<Effect>> {
        if let Some(Popup::Typed(typed)) = &mut model.popup
            && line::search(&mut typed.input, text) != Changed::Nothing
        {
            model.touch();
        }
        Some(Vec::new())
    }
}
