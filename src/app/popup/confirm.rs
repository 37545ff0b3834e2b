//! A question under the keys. What a yes does is the shell's.

use crate::app::controls::{Controls, Now};
use crate::app::effect::Effect;
use crate::app::go::Go;
use crate::app::keymap::{Binding, Command as C, Place as P};
use crate::app::model::Model;
use crate::app::popup::{Answer, Ask, Confirm, Popup};

/// A question with a yes and a no.
pub struct ConfirmControls;

fn question(model: &Model) -> Option<&Confirm> {
    match &model.popup {
        Some(Popup::Confirm(question)) => Some(question),
        _ => None,
    }
}

impl Controls for ConfirmControls {
    fn now(model: &Model, _: P, command: C) -> Now {
        let Some(question) = question(model) else { return Now::Can };
        match command {
            // Too much hangs on it for one letter.
            C::Yes if matches!(question.ask, Ask::MassChange { .. }) => Now::Not("Press Tab, then Enter.".into()),
            C::ThirdAnswer => Now::only_if(question.ask.third().is_some()),
            _ => Now::Can,
        }
    }

    fn words(model: &Model, _: P, binding: &Binding) -> Option<String> {
        let ask = &question(model)?.ask;
        match binding.command {
            C::No => Some(ask.no().to_owned()),
            C::Yes => Some(ask.yes().to_owned()),
            C::ThirdAnswer => ask.third().map(str::to_owned),
            _ => None,
        }
    }

    fn on(model: &mut Model, _: P, command: C) -> Vec<Effect> {
        let answer = match command {
            C::Yes => Answer::Yes,
            C::No => Answer::No,
            C::ThirdAnswer => Answer::Third,
            C::Answer => question(model).map_or(Answer::No, Confirm::chosen),
            C::OtherAnswer => {
                if let Some(Popup::Confirm(question)) = &mut model.popup {
                    question.turn();
                    model.touch();
                }
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        model.go(Go::Answer(answer))
    }
}
