//! The question before a ticket is escalated, under the keys.

use crate::app::controls::{Controls, Now, TextInput};
use crate::app::effect::Effect;
use crate::app::jobs::escalate as job;
use crate::app::keymap::{Command as C, Place as P};
use crate::app::model::Model;
use crate::app::notice::Tone;
use crate::app::parts::line::{self, Changed};
use crate::app::popup::Popup;

/// The most characters that a note takes.
const NOTE: usize = 1_000;

/// The question before a ticket is escalated.
pub struct EscalateControls;

impl Controls for EscalateControls {
    fn now(model: &Model, _: P, command: C) -> Now {
        match command {
            C::EscalateNow => Now::unless(job::now_refusal(model).or_else(|| job::nothing_to_do(model))),
            _ => Now::Can,
        }
    }

    fn on(model: &mut Model, _: P, command: C) -> Vec<Effect> {
        match command {
            C::EscalateNow => job::escalate(model),
            _ => model.close_popup(),
        }
    }

    fn typed(model: &mut Model, _: P, text: TextInput<'_>) -> Option<Vec<Effect>> {
        // The key that opened the question, pressed twice, is no note.
        if let (TextInput::Key(_), Some(reason)) = (text, job::now_refusal(model)) {
            model.say(Tone::Warn, reason);
        } else if let Some(Popup::Escalate(question)) = &mut model.popup {
            let changed = match text {
                TextInput::Key(_) => line::line(&mut question.note, text, NOTE),
                // A note has no second line here: what stood on several stands beside each other.
                TextInput::Paste(text) => {
                    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                    line::line(&mut question.note, TextInput::Paste(&text), NOTE)
                }
            };
            if changed != Changed::Nothing {
                model.touch();
            }
        }
        Some(Vec::new())
    }
}
