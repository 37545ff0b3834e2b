//! What floats above the screens, under the keys.

pub(crate) mod commands;
pub(crate) mod confirm;
pub(crate) mod escalate;
pub(crate) mod help;
pub(crate) mod typed;

use crate::app::effect::Effect;
use crate::app::model::Model;

fn close(model: &mut Model) -> Vec<Effect> {
    model.popup = None;
    model.touch();
    Vec::new()
}
