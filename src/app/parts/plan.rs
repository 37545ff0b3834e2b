//! The plan as the set-up and the Integration pane show it: the same keys, the same answers.

use crate::app::controls::{Move, Now};
use crate::app::effect::Effect;
use crate::app::form::FieldId;
use crate::app::jobs::state::{ApplyWork, PlanWork};
use crate::app::jobs::{plan, removal};
use crate::app::keymap::{Binding, Command as C};
use crate::app::model::{Model, Screen};
use crate::app::wizard;

/// What becomes of a command on the plan.
pub fn now(model: &Model, command: C) -> Now {
    match command {
        C::Apply => apply(model),
        C::Continue => Now::only_if(plan::is_settled(model)),
        C::ToField => Now::only_if(plan::waits_for(model).is_some()),
        C::ReadPlan if model.goal().is_install() => Now::unless(plan::load_refusal(model)),
        C::ReadPlan => match model.work.plan {
            PlanWork::Reading { .. } if !model.apply().is_running() => Now::Not("Halo is already being read.".into()),
            _ => Now::unless(removal::refusal(model)),
        },
        C::PartWebhooks | C::PartChatPod | C::PartLinks => removal::choose_now(model, command),
        C::OpenLine | C::CloseLine => {
            let open = model.work.plan_open.contains(&model.work.plan_line);
            match plan::open_refusal(model) {
                None => Now::only_if(open == (command == C::CloseLine)),
                reason => Now::unless(reason),
            }
        }
        C::Stop if model.apply().is_running() => Now::only_if(!model.apply().is_stopping()),
        C::Stop => Now::only_if(matches!(model.work.plan, PlanWork::Reading { .. })),
        C::TakeOver => plan::take_over_now(model),
        C::Pane(_) => Now::unless((model.screen != Screen::Panes).then_some(wizard::NO_PANES)),
        // The set-up alone goes on from here.
        C::PassOver => Now::Hidden,
        _ => Now::Can,
    }
}

fn apply(model: &Model) -> Now {
    if plan::is_unread(model) {
        return Now::Not("The plan just appeared: read it first.".into());
    }
    match (model.apply(), &model.work.plan) {
        (ApplyWork::Running { .. }, _) | (_, PlanWork::Reading { .. }) => Now::unless(plan::apply_refusal(model)),
        (ApplyWork::None, PlanWork::Ready(plan)) if plan.changes_pending() => Now::unless(plan::apply_refusal(model)),
        _ if plan::only_switches(model) => Now::unless(plan::apply_refusal(model)),
        _ => Now::Hidden,
    }
}

/// The words of a command on the plan.
pub fn words(model: &Model, binding: &Binding) -> Option<String> {
    let ready = matches!((model.apply(), &model.work.plan), (ApplyWork::None, PlanWork::Ready(_)));
    let words = match binding.command {
        C::ToField => return plan::waits_for(model).map(to_field),
        C::Apply if plan::only_switches(model) => "Switch",
        C::Apply if !model.goal().is_install() => model.goal().word(),
        C::PartWebhooks | C::PartChatPod | C::PartLinks => return Some(part_words(model, binding)),
        C::ReadPlan if plan::is_settled(model) || ready => "Check Halo again",
        C::ReadPlan if matches!(model.work.plan, PlanWork::None) => "Check Halo",
        C::Back if ready => "Not now",
        _ => return None,
    };
    Some(words.to_owned())
}

/// How the key is called that leads to a field.
pub fn to_field(field: FieldId) -> String {
    format!("Go to {}", field.info().label)
}

// A part of what is removed, and whether its key leaves it out or takes it in.
fn part_words(model: &Model, binding: &Binding) -> String {
    let chosen = model.work.goal.parts().is_some_and(|parts| removal::is_chosen(parts, binding.command));
    let verb = if chosen { "Keep" } else { "Remove" };
    let name = removal::PARTS.iter().find(|(part, _)| *part == binding.command).map_or(binding.words, |(_, name)| name);
    format!("{verb} {name}")
}

/// Does a command of the plan.
pub fn on(model: &mut Model, command: C) -> Vec<Effect> {
    let install = model.goal().is_install();
    match command {
        C::ToField => match plan::waits_for(model) {
            Some(field) => wizard::to_field(model, field),
            None => Vec::new(),
        },
        C::ReadPlan if install => plan::load_plan(model),
        C::ReadPlan => removal::again(model),
        C::PartWebhooks | C::PartChatPod | C::PartLinks => removal::choose(model, command),
        C::Apply => plan::ask(model),
        C::Stop if model.apply().is_running() => plan::stop(model),
        C::Stop => plan::stop_reading(model).into_iter().chain(removal::leave_plan(model)).collect(),
        C::TakeOver => {
            plan::ask_to_take_over(model);
            Vec::new()
        }
        C::OpenLine | C::CloseLine => {
            plan::open(model, command == C::OpenLine);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Moves in the plan.
pub fn moved(model: &mut Model, to: Move) {
    let page = usize::from(model.layout.body.height).saturating_sub(6).max(1);
    plan::move_line(model, to.from(model.work.plan_line, page));
}
