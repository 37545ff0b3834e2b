//! Remove, by questions: the plan, its parts, the id to be typed, and how it ended.

use super::dialogue::{Answer, Dialogue, Picked, Question, quoted};
use super::person::Person;
use super::words;
use crate::app::controls::Now;
use crate::app::go::Go;
use crate::app::jobs::state::{ApplyWork, Goal, PlanWork};
use crate::app::jobs::{plan, removal};
use crate::app::keymap::Command;
use crate::app::message::Message;
use crate::app::model::saved_title;
use crate::app::panes::Pane;
use crate::app::popup::Popup;
use crate::domain::configuration::ConfigurationId;
use crate::domain::plan::Plan;
use crate::domain::secret::Secret;
use crate::tui::hangup::Exit;
use crate::words as told;
use crate::words::typed::ToType;

impl<P: Person> Dialogue<P> {
    /// Remove, from the menu: what Configure put into Halo is taken out again.
    pub(super) async fn remove(&mut self) -> Result<(), Exit> {
        if !self.active().await? {
            return Ok(());
        }
        self.go(Go::Removal).await?;
        self.removal().await
    }

    /// Rotate or roll back, from the menu: shown as a plan, and done on a yes.
    pub(super) async fn change_in_halo(&mut self, command: Command) -> Result<(), Exit> {
        if !self.active().await? {
            return Ok(());
        }
        self.go(Go::Pane(Pane::Integration)).await?;
        self.order(command).await?;
        self.removal().await
    }

    /// The plan to remove that was asked for: shown, asked about, applied. Afterwards nothing is left of it.
    pub(super) async fn removal(&mut self) -> Result<(), Exit> {
        let then = match &self.model().work.goal {
            Goal::Install => return Ok(()),
            Goal::Remove { then, .. } => then.clone(),
            Goal::RollBack | Goal::Rotate => None,
        };
        self.remove_or_not().await?;
        self.go(Go::Pane(Pane::Sync)).await?;
        let Some(wanted) = then else { return Ok(()) };
        if self.model().active().is_none_or(|active| active.id != wanted) {
            self.say("Not switched.");
            return Ok(());
        }
        // From here on it is about the one that is active now: with its draft, where there is one.
        let draft = self.model().overview.draft.clone().filter(|draft| draft.configuration.as_ref() == Some(&wanted));
        let go = draft.map_or_else(|| Go::Saved(wanted.clone()), |draft| Go::Draft(Box::new(draft)));
        self.go(go).await?;
        if self.model().current.as_ref() == Some(&wanted) {
            return Ok(());
        }
        self.go(Go::Integrations).await
    }

    async fn remove_or_not(&mut self) -> Result<(), Exit> {
        let mut shown = false;
        loop {
            let Some(id) = self.model().current.clone() else { return Ok(()) };
            let plan = match (self.model().apply(), &self.model().work.plan) {
                (ApplyWork::None, PlanWork::Ready(plan)) => plan.clone(),
                (ApplyWork::None, PlanWork::None | PlanWork::Reading { .. }) => return Ok(()),
                _ => {
                    if self.say_refused_or_done() || !self.tries_again().await? {
                        return Ok(());
                    }
                    shown = false;
                    self.order(Command::ReadPlan).await?;
                    continue;
                }
            };
            if !std::mem::replace(&mut shown, true) {
                self.say_removal(&plan);
            }
            let switches = matches!(self.model().work.goal, Goal::Remove { then: Some(_), .. });
            // What is chosen can still be chosen otherwise: nothing to do is no end yet.
            let goal = self.model().work.goal.clone();
            let wants_id = goal.wants_id();
            let wanted = ToType::configuration(&id, self.name_of(&id));
            let asked = wanted.asked();
            let prompt = match (plan.changes_pending(), switches) {
                (true, _) if !wants_id => {
                    let word = goal.word();
                    format!("{word} now? y is {word}, n to cancel, d to list every field: ")
                }
                (true, _) if goal == Goal::RollBack => {
                    format!("Type {asked} to roll this back, n to cancel, d to list every field: ")
                }
                (true, true) => {
                    format!("Type {asked} to remove this and switch, n to cancel, d to list every field: ")
                }
                (true, false) => {
                    format!("Type {asked} to remove this, n to cancel, p to choose the parts, d to list every field: ")
                }
                (false, true) if plan::only_switches(self.model()) => {
                    let prompt = "Switch now? y is Switch, n is No, Enter is No: ";
                    if !self.yes_or_no(prompt, Vec::new(), false).await? {
                        return Ok(());
                    }
                    self.order(Command::Apply).await?;
                    continue;
                }
                (false, _) => return Ok(()),
            };
            let details = plan.pending().flat_map(|c| std::iter::once(words::change(c)).chain(words::fields(c)));
            let question = Question::decision(prompt, details.collect());
            let Answer::Line(line) = self.ask(&question).await? else { return Ok(()) };
            let typed = quoted(&line).unwrap_or(line.trim());
            match typed {
                _ if wants_id && wanted.is(typed) => self.agree(id.as_str()).await?,
                "y" | "Y" | "yes" | "Yes" if !wants_id => {
                    self.apply().await?;
                }
                "n" | "N" | "no" | "No" => {
                    self.say(format!("{} was not started; nothing was written.", goal.word()));
                    return Ok(());
                }
                "d" => self.say_all(&question.help),
                "p" if goal.parts().is_some() && !switches => {
                    if self.choose_parts().await? {
                        shown = false;
                    }
                }
                _ if wants_id => self.say(format!("Nothing was written. To go on, type {asked} exactly.")),
                _ => self.say("Answer y, n or d."),
            }
        }
    }

    /// As the keys do it: the question that wants the id, the id, and Enter.
    async fn agree(&mut self, typed: &str) -> Result<(), Exit> {
        if self.apply().await? { self.agree_to(typed).await } else { Ok(()) }
    }

    /// Types what the question that floats wants, and agrees.
    pub(super) async fn agree_to(&mut self, typed: &str) -> Result<(), Exit> {
        if !matches!(self.model().popup, Some(Popup::Typed(_))) {
            return Ok(());
        }
        self.send(Message::Paste(Secret::new(typed))).await?;
        self.order(Command::Agree).await
    }

    /// Says what would be taken out, and what stays.
    fn say_removal(&mut self, plan: &Plan) {
        let (parts, then) = match self.model().work.goal.clone() {
            Goal::Remove { parts, then } => (parts, then),
            goal => {
                self.say_all((goal == Goal::Rotate).then_some(told::plan::ROTATING));
                return match plan.changes_pending() || !plan.blocked.is_empty() {
                    true => self.say_changes(plan),
                    false => self.say(goal.nothing()),
                };
            }
        };
        let named = removal::PARTS.iter().filter(|(part, _)| removal::is_chosen(parts, *part)).map(|(_, name)| *name);
        self.say(format!("To remove: {}.", named.collect::<Vec<_>>().join(", ")));
        match then.as_ref().map(|wanted| self.name_of(wanted)) {
            Some(name) => {
                self.say(format!("{name} becomes active once everything is removed from Halo, not before."));
            }
            None => self.say("Your clients, settings and secrets stay here."),
        }
        if !plan.changes_pending() && plan.blocked.is_empty() {
            let nothing = self.model().work.goal.nothing();
            self.say(nothing);
            return;
        }
        self.say_changes(plan);
    }

    fn name_of(&self, id: &ConfigurationId) -> String {
        self.model().saved(id).map_or_else(|| id.to_string(), saved_title)
    }

    /// Lets the parts be chosen that are taken out. Says whether the plan is another one now.
    async fn choose_parts(&mut self) -> Result<bool, Exit> {
        let Some(parts) = self.model().work.goal.parts() else { return Ok(false) };
        let rows = removal::PARTS.map(|(part, name)| {
            let state = if removal::is_chosen(parts, part) { "selected for removal" } else { "will be kept" };
            format!("{name}: {state}")
        });
        let Picked::Row(row) = self.pick(&rows, None, "Which part").await? else { return Ok(false) };
        let (part, _) = removal::PARTS[row];
        match removal::choose_now(self.model(), part) {
            Now::Can => {}
            Now::Not(reason) => {
                self.say(reason.without_keys());
                return Ok(false);
            }
            Now::Hidden => return Ok(false),
        }
        self.order(part).await?;
        Ok(true)
    }

    /// Says how it ended, or why it cannot begin; whether there is nothing left to do.
    fn say_refused_or_done(&mut self) -> bool {
        match (self.model().apply(), &self.model().work.plan) {
            (ApplyWork::None, PlanWork::Refused(_)) => {
                self.say("The connection test failed, so nothing was changed in Halo.");
            }
            (ApplyWork::None, PlanWork::Failed(failure)) => {
                let failure = failure.clone();
                self.say_failure(&failure);
                self.say("Nothing was written.");
            }
            _ => {
                self.say_how_it_ended();
                if self.model().apply().is_complete() {
                    return true;
                }
            }
        }
        let steps = plan::by_hand(self.model());
        if !steps.is_empty() {
            self.say("By hand, in Halo:");
            self.say_all(super::dialogue::numbered(&steps));
        }
        false
    }

    async fn tries_again(&mut self) -> Result<bool, Exit> {
        let question = Question::decision("Enter reads Halo again, n cancels: ", Vec::new());
        let Answer::Line(line) = self.ask(&question).await? else { return Ok(false) };
        Ok(!matches!(line.trim(), "n" | "N" | "no" | "No"))
    }
}
