//! The help under the keys. Its lines are made by the shell, of what is below it.

use crate::app::controls::{Controls, Move};
use crate::app::effect::Effect;
use crate::app::keymap::{Command as C, Place as P};
use crate::app::model::Model;
use crate::app::popup::{Popup, help_height};

/// The keys and the field.
pub struct HelpControls;

impl Controls for HelpControls {
    fn on(model: &mut Model, _: P, _: C) -> Vec<Effect> {
        model.close_popup()
    }

    fn moved(model: &mut Model, _: P, to: Move) {
        let height = help_height(model.size);
        if let Some(Popup::Help(help)) = &mut model.popup {
            let first = to.from(help.first, height).min(help.lines.len().saturating_sub(height));
            if first != help.first {
                help.first = first;
                model.touch();
            }
        }
    }

    fn settle(model: &mut Model) {
        let height = help_height(model.size);
        if let Some(Popup::Help(help)) = &mut model.popup {
            help.first = help.first.min(help.lines.len().saturating_sub(height));
        }
    }
}
