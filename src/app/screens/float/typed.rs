//! A yes that has to be typed, under the keys.

use crate::app::effect::Effect;
use crate::app::jobs::removal;
use crate::app::keymap::{Command as C, Place as P};
use crate::app::model::Model;
use crate::app::parts::line;
use crate::app::popup::{Popup, Typed as Question, Wanted};
use crate::app::screen::{Now, Screen, Typed as Text};
use crate::app::wizard::credentials;
use crate::words::Phrase;

/// A yes that has to be typed.
pub struct Typed;

impl Screen for Typed {
    fn now(model: &Model, _: P, command: C) -> Now {
        match (&model.popup, command) {
            (Some(Popup::Typed(typed)), C::Agree) if !typed.is_right() => Now::Not(
                Phrase::from(format!("Type {} to go on", typed.wanted.text()))
                    .key(", or leave with ", "cancel", "")
                    .text("."),
            ),
            _ => Now::Can,
        }
    }

    fn on(model: &mut Model, _: P, command: C) -> Vec<Effect> {
        match command {
            C::Agree => match &model.popup {
                Some(Popup::Typed(question @ Question { wanted: Wanted::Host(host), .. })) if question.is_right() => {
                    let host = host.clone();
                    model.popup = None;
                    credentials::agree(model, host)
                }
                _ => removal::agree(model),
            },
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
