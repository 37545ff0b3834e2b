//! The Integration pane under the keys: the objects in Halo, and the plan.

use crate::app::controls::{Controls, Move, Now};
use crate::app::effect::Effect;
use crate::app::jobs::state::Goal;
use crate::app::jobs::{activate, deliveries, plan, prove, removal};
use crate::app::keymap::{Binding, Command as C, Place as P};
use crate::app::model::Model;
use crate::app::panes::{self, Pane, integration, objects_height};
use crate::app::parts::plan as page;
use crate::app::popup::{About, Popup, Typed};
use crate::app::text::NO_CALLBACKS;

pub struct IntegrationControls;

// The callback addresses are selected like the objects above them.
fn size(model: &Model) -> (usize, usize) {
    let callbacks = integration::callbacks(model).len();
    (integration::objects(model).len() + callbacks, objects_height(model) + callbacks)
}

impl Controls for IntegrationControls {
    fn now(model: &Model, place: P, command: C) -> Now {
        match command {
            C::Activate => activate::now(model),
            _ if place == P::Plan => page::now(model, command),
            C::ToField => Now::only_if(plan::waits_for(model).is_some()),
            C::Configure => Now::unless(plan::blocker(model)),
            C::ReadPlan => Now::unless(plan::load_refusal(model)),
            C::Remove | C::Rotate => Now::unless(removal::refusal(model).or_else(|| removal::nothing_left(model))),
            C::RollBack => Now::unless(removal::refusal(model)),
            C::ForgetSecrets => {
                let runs = model.status().is_some_and(|status| status.service.running);
                Now::unless(runs.then_some("The service is running and needs them. Stop it first."))
            }
            C::ReadDeliveries => Now::unless(deliveries::refusal(model)),
            C::ProveIt => Now::unless(prove::refusal(model)),
            C::Stop
                if prove::can_stop(model)
                    || deliveries::is_reading(model)
                    || integration::checking(model).is_some() =>
            {
                Now::Can
            }
            C::Reveal | C::Copy if model.facts.callbacks.is_empty() => Now::Not(NO_CALLBACKS.into()),
            C::Reveal | C::Copy if integration::callbacks(model).is_empty() => {
                Now::Not("Nothing is installed in Halo, so no Callback URL is in use.".into())
            }
            C::Copy => {
                let none = integration::selected_callback(model).is_none();
                Now::unless(none.then(|| "Select a Callback URL first, with the arrows.".to_owned()))
            }
            _ => panes::now(model, command),
        }
    }

    fn words(model: &Model, place: P, binding: &Binding) -> Option<String> {
        let words = match binding.command {
            _ if place == P::Plan || binding.command == C::ToField => return page::words(model, binding),
            C::Configure if plan::is_again(model) => "Re-configure",
            C::Reveal if model.facts.revealed => "Hide",
            C::Back if prove::has_result(model) => "Clear result",
            _ => return panes::words(model, binding),
        };
        Some(words.to_owned())
    }

    fn on(model: &mut Model, place: P, command: C) -> Vec<Effect> {
        match command {
            C::Continue => {
                model.panes.planning = false;
                let installed = model.goal().is_install() || plan::is_again(model);
                model.work.forget_plan();
                model.touch();
                if installed { plan::load_plan_unless_there(model) } else { Vec::new() }
            }
            C::Back if place == P::Plan => removal::leave_plan(model),
            C::Back if prove::has_result(model) => {
                prove::put_away(model);
                Vec::new()
            }
            C::Activate | C::Pane(_) => panes::on(model, command),
            _ if place == P::Plan || command == C::ToField => page::on(model, command),
            C::Configure => {
                model.panes.planning = true;
                model.touch();
                plan::look_again(model)
            }
            C::ReadPlan => plan::load_plan(model),
            C::Remove => removal::open(model),
            C::RollBack => removal::load(model, Goal::RollBack),
            C::Rotate => removal::load(model, Goal::Rotate),
            C::ForgetSecrets => {
                if let Some(id) = model.current.clone() {
                    model.popup =
                        Some(Popup::Typed(Typed::of_configuration(&id, model.name_of(&id), About::Forget(id.clone()))));
                    model.touch();
                }
                Vec::new()
            }
            C::ReadDeliveries => deliveries::load(model),
            C::ProveIt => prove::ask(model),
            C::Stop if prove::can_stop(model) => prove::stop(model),
            C::Stop if integration::checking(model).is_some() => {
                model.touch();
                plan::stop_reading(model).into_iter().collect()
            }
            C::Stop if deliveries::is_reading(model) => deliveries::stop(model),
            C::Reveal => {
                model.facts.revealed = !model.facts.revealed;
                model.touch();
                Vec::new()
            }
            C::Copy => {
                let at = integration::selected_callback(model).unwrap_or_default();
                model.copy_callback(at)
            }
            _ => panes::on(model, command),
        }
    }

    fn moved(model: &mut Model, place: P, to: Move) {
        if place == P::Plan {
            return page::moved(model, to);
        }
        let (rows, height) = size(model);
        if panes::move_in(model.panes.window_mut(Pane::Integration), rows, height, to) {
            model.panes.object = integration::selected(model);
            model.touch();
        }
    }

    fn settle(model: &mut Model) {
        let (rows, height) = size(model);
        if let Some(row) = integration::kept_row(model) {
            model.panes.window_mut(Pane::Integration).selected = row;
        }
        panes::settle(model.panes.window_mut(Pane::Integration), rows, height);
    }
}
