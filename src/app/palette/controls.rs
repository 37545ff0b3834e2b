//! The list of commands under the keys. What is chosen in it is run by the shell.

use crate::app::controls::{Controls, Move, Now, TextInput};
use crate::app::effect::Effect;
use crate::app::keymap::{Binding, Command as C, Place as P};
use crate::app::model::Model;
use crate::app::palette::height;
use crate::app::parts::line::{self, Changed};

/// The list of commands.
pub struct PaletteControls;

impl Controls for PaletteControls {
    fn now(model: &Model, _: P, command: C) -> Now {
        match (&model.palette, command) {
            (Some(palette), C::RunChosen) => Now::unless(palette.refusal()),
            _ => Now::Can,
        }
    }

    fn words(model: &Model, _: P, binding: &Binding) -> Option<String> {
        let chosen = model.palette.as_ref().and_then(|palette| palette.chosen);
        let copies = binding.command == C::RunChosen && matches!(chosen, Some(C::CommandLine(_)));
        copies.then(|| "Copy the command".to_owned())
    }

    fn on(model: &mut Model, _: P, command: C) -> Vec<Effect> {
        if command != C::CloseCommands {
            return Vec::new();
        }
        model.touch();
        match model.palette.take().and_then(|palette| palette.turned_from) {
            None => Vec::new(),
            Some(None) => model.turn_to(None),
            Some(Some(before)) => model.open(&before),
        }
    }

    fn moved(model: &mut Model, _: P, to: Move) {
        let height = height(&model.layout);
        let page = usize::from(model.layout.body.height).saturating_sub(6).max(1);
        if model.palette.as_mut().is_some_and(|palette| palette.moved(to, page, height)) {
            model.touch();
        }
    }

    fn typed(model: &mut Model, _: P, text: TextInput<'_>) -> Option<Vec<Effect>> {
        let height = height(&model.layout);
        let palette = model.palette.as_mut()?;
        let changed = line::search(&mut palette.query, text);
        if changed == Changed::Text {
            palette.searched(height);
        }
        if changed != Changed::Nothing {
            model.touch();
        }
        Some(Vec::new())
    }
}
