//! The Activity pane under the keys.

use crate::app::controls::{Controls, Move, Now};
use crate::app::effect::Effect;
use crate::app::keymap::{Binding, Command as C, Place as P};
use crate::app::model::Model;
use crate::app::panes::Pane;

pub struct Activity;

fn rows(model: &Model) -> usize {
    model.facts.standing.as_ref().map_or(0, |standing| standing.activity.len())
}

/// Rows of the audit trail that fit; without a second column, what it would say stands below the selected row.
pub fn height(model: &Model) -> usize {
    let below = if model.layout.detail.is_some() { 0 } else { 3 };
    usize::from(model.layout.body.height).saturating_sub(5 + below).max(4)
}

impl Controls for Activity {
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
        let (rows, height) = (rows(model), height(model));
        if super::move_in(model.panes.window_mut(Pane::Activity), rows, height, to) {
            model.touch();
        }
    }

    fn settle(model: &mut Model) {
        let (rows, height) = (rows(model), height(model));
        super::settle(model.panes.window_mut(Pane::Activity), rows, height);
    }
}
