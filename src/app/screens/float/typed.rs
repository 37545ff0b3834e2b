//! A yes that has to be typed, under the keys.

use crate::app::effect::Effect;
use crate::app::jobs::removal;
use crate::app::keymap::{Command as C, Place as P};
use crate::app::model::Model;
use crate::app::parts::line;
use crate::app::popup::Popup;
use crate::app::screen::{Now, Screen, Typed as Text};
use crate::words::Phrase;

/// A yes that has to be typed.
pub struct Typed;

impl Screen for Typed {
    fn now(model: &Model, _: P, command: C) -> Now {
        match (&model.popup, command) {
            (Some(Popup::Typed(typed)), C::Agree) if !typed.is_right() => Now::Not(
                Phrase::from(format!("Type {} to go on", typed.wanted)).key(", or leave with ", "cancel", "").text("."),
            ),
            _ => Now::Can,
        }
    }

    fn on(model: &mut Model, _: P, command: C) -> Vec<Effect> {
        match command {
            C::Agree => removal::agree(model),
            _ => super::close(model),
        }
    }

    fn typed(model: &mut Model, _: P, text: Text<'_>) -> Option<Vec<Effect>> {
        if let Some(Popup::Typed(typed)) = &mut model.popup
            && line::search(&mut typed.input, text)
        {
            model.touch();
        }
        Some(Vec::new())
    }
}
