//! What floats above the screens, under the keys.

pub mod commands;
pub mod confirm;
pub mod escalate;
pub mod help;
pub mod typed;

use crate::app::effect::Effect;
use crate::app::model::Model;

fn close(model: &mut Model) -> Vec<Effect> {
    model.popup = None;
    model.touch();
    Vec::new()
}
