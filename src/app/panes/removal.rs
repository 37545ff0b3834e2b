//! Remove, in the Integration pane: choose the parts, read the plan, agree by typing the configuration's id.

use crate::app::effect::{Effect, Slot};
use crate::app::keymap::Command;
use crate::app::model::{Model, Screen};
use crate::app::notice::Tone;
use crate::app::popup::{Popup, Typed};
use crate::app::wizard::{self, configure};
use crate::app::work::{ApplyWork, Goal, PlanWork};
use crate::domain::configuration::ConfigurationId;
use crate::domain::manual;
use crate::domain::plan::Parts;

use super::Pane;

/// The parts that can be chosen, each with its command and its name.
pub const PARTS: [(Command, &str); 3] =
    [(Command::PartWebhooks, "webhooks"), (Command::PartChatPod, "Pia Chat Pod"), (Command::PartLinks, "links")];

/// Whether a part is chosen.
pub fn is_chosen(parts: Parts, part: Command) -> bool {
    match part {
        Command::PartWebhooks => parts.webhooks,
        Command::PartChatPod => parts.chat_pod,
        _ => parts.links || parts.chat_pod,
    }
}

/// What has to be done before Remove can be. It needs no sync: it takes out what is there.
pub fn blocker(model: &Model) -> Option<String> {
    let Some(saved) = model.current_saved() else { return Some("Save the configuration first.".to_owned()) };
    (!saved.status.active).then(|| configure::inactive(model))
}

/// Why nothing can be removed now.
pub fn refusal(model: &Model) -> Option<String> {
    configure::running(model).or_else(|| blocker(model))
}

/// Shows what Remove would take out. Nothing is written.
pub fn open(model: &mut Model) -> Vec<Effect> {
    load(model, Goal::Remove { parts: Parts::ALL, then: None })
}

/// Reads what Halo holds once more, for the same parts.
pub fn again(model: &mut Model) -> Vec<Effect> {
    let goal = model.goal().clone();
    load(model, goal)
}

fn load(model: &mut Model, goal: Goal) -> Vec<Effect> {
    if let Some(reason) = refusal(model) {
        model.say(Tone::Warn, reason);
        return Vec::new();
    }
    let (Some(id), Some(parts)) = (model.current.clone(), goal.parts()) else { return Vec::new() };
    let mut effects: Vec<Effect> = wizard::stop_test(model).into_iter().collect();
    model.work.forget_plan();
    model.work.goal = goal;
    model.work.plan = PlanWork::Reading { since: model.now, checks: Vec::new() };
    model.panes.planning = true;
    model.touch();
    effects.push(Effect::LoadRemoval(id, parts));
    effects
}

/// The clicks that do it without the API, where Halo refuses that or is not reached.
pub fn by_hand(model: &Model) -> Vec<String> {
    let refused = match (model.apply(), &model.work.plan) {
        (ApplyWork::Ended { report, .. }, _) => report.refusal.is_some(),
        (ApplyWork::Failed { .. }, _) => true,
        (ApplyWork::None, plan) => matches!(plan, PlanWork::Refused(_) | PlanWork::Failed(_)),
        (ApplyWork::Running { .. }, _) => false,
    };
    model.goal().parts().filter(|_| refused).map(manual::removal).unwrap_or_default()
}

/// Why a part cannot be chosen or left out now; an empty reason where there is nothing to choose.
pub fn choose_refusal(model: &Model, part: Command) -> Option<String> {
    let chosen_here = matches!(model.work.plan, PlanWork::Reading { .. } | PlanWork::Ready(_) | PlanWork::Refused(_));
    match (model.apply(), &model.work.goal) {
        _ if !chosen_here => Some(String::new()),
        (ApplyWork::None, Goal::Remove { then: Some(_), .. }) => {
            Some("Everything goes before the switch: a part cannot stay.".to_owned())
        }
        (ApplyWork::None, Goal::Remove { parts, .. }) if part == Command::PartLinks && parts.chat_pod => {
            Some("The Pia Chat Pod takes its links along. Leave it out first.".to_owned())
        }
        (ApplyWork::None, Goal::Remove { parts, .. }) => {
            let left = toggled(*parts, part);
            let nothing = !(left.webhooks || left.chat_pod || left.links);
            nothing.then(|| "Something has to be chosen.".to_owned())
        }
        _ => Some(String::new()),
    }
}

fn toggled(parts: Parts, part: Command) -> Parts {
    match part {
        Command::PartWebhooks => Parts { webhooks: !parts.webhooks, ..parts },
        // The tab takes its links along, and with it they stay.
        Command::PartChatPod => Parts { chat_pod: !parts.chat_pod, links: !parts.chat_pod, ..parts },
        _ => Parts { links: !parts.links, ..parts },
    }
}

/// Chooses a part or leaves it out, and plans anew.
pub fn choose(model: &mut Model, part: Command) -> Vec<Effect> {
    match model.work.goal.clone() {
        Goal::Remove { parts, then } => load(model, Goal::Remove { parts: toggled(parts, part), then }),
        Goal::Install => Vec::new(),
    }
}

/// Whether nothing is left to be taken out before the switch that was asked for.
pub fn only_switches(model: &Model) -> bool {
    let nothing = matches!((model.apply(), &model.work.plan), (ApplyWork::None, PlanWork::Ready(plan))
        if !plan.changes_pending() && plan.blocked.is_empty());
    nothing && matches!(model.work.goal, Goal::Remove { then: Some(_), .. })
}

/// "Apply": first the id has to be typed.
pub fn ask(model: &mut Model) -> Vec<Effect> {
    if let Some(reason) = configure::apply_refusal(model) {
        model.say(Tone::Warn, reason);
        return Vec::new();
    }
    if only_switches(model) {
        return configure::apply(model);
    }
    let Some(id) = model.current.clone() else { return Vec::new() };
    model.popup = Some(Popup::Typed(Typed::new(id)));
    model.touch();
    Vec::new()
}

/// Why what is typed agrees to nothing.
pub fn agree_refusal(model: &Model) -> Option<String> {
    match &model.popup {
        Some(Popup::Typed(typed)) if typed.is_right() => None,
        Some(Popup::Typed(typed)) => Some(format!("Type {} to go on, or leave with Esc.", typed.wanted)),
        _ => Some(String::new()),
    }
}

/// What is typed is the id: it begins.
pub fn agree(model: &mut Model) -> Vec<Effect> {
    let Some(Popup::Typed(typed)) = model.popup.take() else { return Vec::new() };
    model.touch();
    if !typed.is_right() || model.current.as_ref() != Some(&typed.wanted) || model.goal().is_install() {
        return Vec::new();
    }
    configure::apply(model)
}

/// From the question whether to switch: the plan that takes out the active one's objects first.
pub fn before_switch(model: &mut Model, wanted: ConfigurationId) -> Vec<Effect> {
    let Some(active) = model.active().map(|saved| saved.id.clone()) else { return Vec::new() };
    if let Some(reason) = configure::running(model) {
        model.say(Tone::Warn, reason);
        return Vec::new();
    }
    let mut effects = Vec::new();
    if model.screen == Screen::Wizard {
        wizard::leave_field(model);
        effects.extend(wizard::keep_draft(model));
    }
    effects.extend(model.open(&active));
    model.screen = Screen::Panes;
    model.panes.pane = Pane::Integration;
    model.panes.from_wizard = false;
    model.facts.revealed = false;
    model.place_all();
    effects.extend(load(model, Goal::Remove { parts: Parts::ALL, then: Some(wanted) }));
    effects
}

/// A plan to remove is only kept while it is looked at: elsewhere it would be taken for one of Configure.
pub fn leave(model: &mut Model) -> Option<Effect> {
    let looked_at = model.screen == Screen::Panes && model.panes.pane == Pane::Integration && model.panes.planning;
    if looked_at || model.work.goal.is_install() || model.work.apply.is_running() {
        return None;
    }
    let reading = matches!(model.work.plan, PlanWork::Reading { .. });
    model.work.forget_plan();
    reading.then_some(Effect::Cancel(Slot::Plan))
}

/// Out of the plan, back to the objects in Halo.
pub fn leave_plan(model: &mut Model) -> Vec<Effect> {
    if model.screen == Screen::Panes {
        model.panes.planning = false;
        let removal = !model.goal().is_install();
        if model.apply().is_complete() || (removal && !model.work.apply.is_running()) {
            model.work.forget_plan();
        }
        // The pane shows again how what is installed stands.
        if removal && configure::is_again(model) {
            model.touch();
            return configure::load_plan_unless_there(model);
        }
    }
    model.touch();
    Vec::new()
}
