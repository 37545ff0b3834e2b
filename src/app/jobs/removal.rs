//! Remove, in the Integration pane: choose the parts, read the plan, agree by typing the configuration's id.

use crate::app::controls::Now;
use crate::app::effect::{Effect, Slot};
use crate::app::jobs::state::{ApplyWork, Goal, PlanWork};
use crate::app::keymap::Command;
use crate::app::model::{Model, Screen};
use crate::app::notice::Tone;
use crate::app::popup::{About, Popup};
use crate::domain::configuration::ConfigurationId;
use crate::domain::plan::Parts;
use crate::domain::status::Unrecorded;

use crate::keys::Pane;
use crate::words::Phrase;

use super::plan;

/// The parts that can be chosen, each with its command and its name.
pub const PARTS: [(Command, &str); 3] =
    [(Command::PartWebhooks, "webhooks"), (Command::PartChatPod, "Pia Chat Pod"), (Command::PartLinks, "links")];

pub fn is_chosen(parts: Parts, part: Command) -> bool {
    match part {
        Command::PartWebhooks => parts.webhooks,
        Command::PartChatPod => parts.chat_pod,
        _ => parts.links || parts.chat_pod,
    }
}

/// Why nothing can be removed now.
pub fn refusal(model: &Model) -> Option<Phrase> {
    plan::running(model).map(Phrase::from).or_else(|| plan::removal_blocker(model))
}

/// Why there is nothing to take out or to rotate: a removal took everything.
pub fn nothing_left(model: &Model) -> Option<Phrase> {
    let integration = &model.status()?.integration;
    let is_empty = integration.was_configured && !integration.is_in_halo() && integration.unfinished == 0;
    (is_empty && integration.unrecorded == Unrecorded::Nothing).then(|| "Nothing of Pia is in Halo.".into())
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

/// Shows what Remove, a roll back or a rotation would change. Nothing is written.
pub fn load(model: &mut Model, goal: Goal) -> Vec<Effect> {
    if let Some(reason) = refusal(model) {
        model.say(Tone::Warn, reason);
        return Vec::new();
    }
    let Some(id) = model.current.clone() else { return Vec::new() };
    let read = match &goal {
        Goal::Remove { parts, .. } => Effect::LoadRemoval(id, *parts),
        Goal::RollBack => Effect::LoadRollBack(id),
        Goal::Rotate => Effect::LoadRotation(id),
        Goal::Install => return Vec::new(),
    };
    let mut effects: Vec<Effect> = model.stop_test().into_iter().collect();
    model.work.forget_plan();
    model.work.goal = goal;
    model.work.plan = PlanWork::Reading { since: model.now, checks: Vec::new() };
    model.panes.planning = true;
    model.touch();
    effects.push(read);
    effects
}

/// Whether a part can be chosen or left out now.
pub fn choose_now(model: &Model, part: Command) -> Now {
    let chosen_here = matches!(model.work.plan, PlanWork::Reading { .. } | PlanWork::Ready(_) | PlanWork::Refused(_));
    let (ApplyWork::None, Goal::Remove { parts, then }) = (model.apply(), &model.work.goal) else {
        return Now::Hidden;
    };
    if !chosen_here {
        return Now::Hidden;
    }
    if then.is_some() {
        return Now::Not("Everything must be removed before the switch.".into());
    }
    if part == Command::PartLinks && parts.chat_pod {
        return Now::Not("Removing the Pia Chat Pod removes its links too. Deselect it first.".into());
    }
    let left = toggled(*parts, part);
    let nothing = !(left.webhooks || left.chat_pod || left.links);
    Now::unless(nothing.then(|| "Select at least one part.".to_owned()))
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
        Goal::Install | Goal::RollBack | Goal::Rotate => Vec::new(),
    }
}

/// What is typed is the id: it begins.
pub fn agree(model: &mut Model) -> Vec<Effect> {
    let Some(Popup::Typed(typed)) = model.popup.take() else { return Vec::new() };
    model.touch();
    let is_current = model.current.as_ref().is_some_and(|id| id.as_str() == typed.wanted.word());
    match typed.about {
        _ if !typed.is_right() || !is_current => Vec::new(),
        About::TakeOver if model.goal().is_install() => plan::take_over(model),
        About::Removal if !model.goal().is_install() => plan::apply(model),
        _ => Vec::new(),
    }
}

/// From the question whether to switch: the plan that takes out the active one's objects first.
pub fn before_switch(model: &mut Model, wanted: ConfigurationId) -> Vec<Effect> {
    let Some(active) = model.active().map(|saved| saved.id.clone()) else {
        return Vec::new();
    };
    if let Some(reason) = plan::running(model) {
        model.say(Tone::Warn, reason);
        return Vec::new();
    }
    let mut effects = Vec::new();
    if model.screen == Screen::Wizard {
        model.leave_field();
        effects.extend(model.keep_draft());
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
        if removal && plan::is_again(model) {
            model.touch();
            return plan::load_plan_unless_there(model);
        }
    }
    model.touch();
    Vec::new()
}
