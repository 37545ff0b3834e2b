//! The Activity pane under the keys.

use crate::app::controls::{Controls, Move, Now, TextInput};
use crate::app::effect::Effect;
use crate::app::keymap::{Binding, Command as C, Place as P};
use crate::app::model::Model;
use crate::app::panes::{self, Pane, activity};
use crate::app::parts::line::{self, Changed};

pub struct ActivityControls;

/// Rows of the audit trail that fit; without a second column, what it would say stands below the selected row.
pub fn height(model: &Model) -> usize {
    let below = if model.layout.detail.is_some() { 0 } else { 3 };
    usize::from(model.layout.body.height).saturating_sub(5 + below + hosts_height(model)).max(4)
}

// The hosts above it, with the line below them.
fn hosts_height(model: &Model) -> usize {
    match activity::hosts(model) {
        ([], _) => 0,
        (hosts, left_out) => hosts.len() + usize::from(left_out > 0) + 1,
    }
}

// Lists anew from the first row on.
fn searched(model: &mut Model) {
    *model.panes.window_mut(Pane::Activity) = Default::default();
    activity::list(model);
    model.touch();
}

impl Controls for ActivityControls {
    fn now(model: &Model, _: P, command: C) -> Now {
        match command {
            C::OpenLine | C::CloseLine => {
                let run = activity::selected(model).filter(|row| row.inner > 0);
                Now::only_if(run.is_some_and(|row| row.is_open == (command == C::CloseLine)))
            }
            C::Stop if model.panes.activity.is_filtered() => Now::Hidden,
            _ => panes::now(model, command),
        }
    }

    fn words(model: &Model, place: P, binding: &Binding) -> Option<String> {
        match binding.command {
            C::Filter => Some(format!("Show {}", model.panes.activity.filter.next().word())),
            C::Back if place == P::Pane(Pane::Activity) && model.panes.activity.is_filtered() => {
                Some("Clear".to_owned())
            }
            _ if place == P::Pane(Pane::Activity) => panes::words(model, binding),
            _ => None,
        }
    }

    fn on(model: &mut Model, place: P, command: C) -> Vec<Effect> {
        match command {
            C::Search | C::LeaveSearch => {
                model.panes.activity.searching = command == C::Search;
                model.touch();
            }
            // What is searched for goes first; only then the way leads elsewhere.
            C::Back if place == P::ActivitySearch || model.panes.activity.is_filtered() => {
                model.panes.activity.query.reset();
                model.panes.activity.searching = false;
                if place != P::ActivitySearch {
                    model.panes.activity.filter = Default::default();
                }
                searched(model);
            }
            C::Filter => {
                model.panes.activity.filter = model.panes.activity.filter.next();
                searched(model);
            }
            C::OpenLine | C::CloseLine => activity::turn(model),
            _ => return panes::on(model, command),
        }
        Vec::new()
    }

    fn moved(model: &mut Model, _: P, to: Move) {
        let (rows, height) = (model.panes.activity.rows.len(), height(model));
        if panes::move_in(model.panes.window_mut(Pane::Activity), rows, height, to) {
            model.touch();
        }
    }

    fn typed(model: &mut Model, place: P, text: TextInput<'_>) -> Option<Vec<Effect>> {
        if place != P::ActivitySearch {
            return None;
        }
        match line::search(&mut model.panes.activity.query, text) {
            Changed::Text => searched(model),
            Changed::Cursor => model.touch(),
            Changed::Nothing => {}
        }
        Some(Vec::new())
    }

    fn settle(model: &mut Model) {
        activity::list(model);
        let (rows, height) = (model.panes.activity.rows.len(), height(model));
        panes::settle(model.panes.window_mut(Pane::Activity), rows, height);
    }
}
