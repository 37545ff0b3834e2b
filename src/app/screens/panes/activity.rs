//! The Activity pane under the keys.

use crate::app::effect::Effect;
use crate::app::keymap::{Binding, Command as C, Place as P};
use crate::app::model::Model;
use crate::app::panes::activity_height;
use crate::app::screen::{Move, Now, Screen};

/// The audit trail.
pub struct Activity;

fn rows(model: &Model) -> usize {
    model.facts.standing.as_ref().map_or(0, |standing| standing.activity.len())
}

impl Screen for Activity {
    fn now(model: &Model, _: P, command: C) -> Now {
        super::now(model, command)
    }

    fn words(model: &Model, _: P, binding: &Binding) -> Option<String> {
        super::words(model, binding)
    }

    fn on(model: &mut Model, _: P, command: C) -> Vec<Effect> {
        super::on(model, command)
    }

    fn moved(model: &mut Model, _: P, to: Move) {
        let (rows, height) = (rows(model), activity_height(model));
        if super::move_in(&mut model.panes.activity, rows, height, to) {
            model.touch();
        }
    }

    fn settle(model: &mut Model) {
        let (rows, height) = (rows(model), activity_height(model));
        super::settle(&mut model.panes.activity, rows, height);
    }
}
