//! The Overview pane under the keys: what needs a person, and what can be done about it.

use crate::app::controls::{Controls, Move, Now};
use crate::app::effect::Effect;
use crate::app::go::Go;
use crate::app::jobs::{health, prove, sync};
use crate::app::keymap::{Binding, Command as C, Place as P};
use crate::app::model::Model;
use crate::app::panes::Pane;
use crate::domain::health::{Finding, Retry};
use crate::domain::sync_run::Brake;

/// How everything stands.
pub struct OverviewControls;

fn retry(issue: Option<Finding>) -> Option<Retry> {
    issue.filter(Finding::is_issue).and_then(|issue| issue.rule.retry())
}

// The selection stays with the issue that it is on; what is not known gives way to one that comes up.
fn hold(model: &mut Model, list: &[Finding]) {
    let selected = list.get(model.panes.window(Pane::Overview).selected);
    model.panes.issue = selected.filter(|finding| finding.is_issue()).map(|issue| issue.rule);
}

impl OverviewControls {
    fn offer(model: &Model, command: C) -> Now {
        // Asked for each key of the screen: the findings are judged for those alone that are about one.
        let issue = || health::selected(model);
        match command {
            C::Mend => match issue().and_then(|issue| health::mend(model, &issue)) {
                Some(command) => Self::offer(model, command),
                None => Now::Hidden,
            },
            C::Look => health::look_now(model),
            C::Stop if model.work.health_check.as_ref().is_some_and(|look| !look.stopping) => Now::Can,
            C::ProveIt => Now::unless(prove::refusal(model)),
            // Halo is asked again by a key of its own.
            C::Retry => Now::only_if(matches!(retry(issue()), Some(Retry::Sync | Retry::SendAgain))),
            C::Dismiss => Now::only_if(issue().is_some_and(|issue| issue.is_issue())),
            _ => super::now(model, command),
        }
    }

    fn run(model: &mut Model, command: C) -> Vec<Effect> {
        let issue = health::selected(model).zip(model.current.clone());
        match (command, issue) {
            (C::Mend, Some((issue, _))) => {
                health::mend(model, &issue).map(|command| Self::run(model, command)).unwrap_or_default()
            }
            (C::Retry, Some((issue, id))) => match issue.rule.retry() {
                Some(Retry::Sync) => sync::start(model, Brake::On),
                Some(Retry::SendAgain) => vec![Effect::SendAgain(id)],
                _ => Vec::new(),
            },
            (C::Dismiss, Some((issue, _))) => health::ask_to_dismiss(model, &issue),
            (C::InstallService, _) => vec![Effect::LoadInstallation],
            (C::Look, _) => health::look(model),
            (C::Stop, _) if model.work.health_check.as_ref().is_some_and(|look| !look.stopping) => {
                health::stop_look(model)
            }
            // Its stations are shown there.
            (C::ProveIt, _) => {
                let mut effects = super::show(model, Pane::Integration);
                effects.extend(prove::ask(model));
                effects
            }
            (C::CommandLine(at), _) => model.copy_command(at),
            (C::Setting(field), _) => model.go(Go::Setting(field)),
            _ => super::on(model, command),
        }
    }
}

impl Controls for OverviewControls {
    fn now(model: &Model, _: P, command: C) -> Now {
        Self::offer(model, command)
    }

    fn words(model: &Model, place: P, binding: &Binding) -> Option<String> {
        let mends = || health::selected(model).and_then(|issue| health::mend(model, &issue));
        match binding.command {
            C::Mend => {}
            // Enter says the same.
            C::Look if mends() == Some(C::Look) => return Some(String::new()),
            // A light says so where there is reason to.
            C::ProveIt => return Some(String::new()),
            C::Dismiss if health::selected(model).is_some_and(|issue| issue.dismissed) => {
                return Some("Restore".to_owned());
            }
            _ => return super::words(model, binding),
        }
        let mend = mends()?;
        match mend {
            // It is given in a shell, and not here.
            C::CommandLine(_) => return Some("Copy the command".to_owned()),
            C::Setting(field) => return Some(format!("Edit {}", field.info().label)),
            _ => {}
        }
        model.keys.rows(place).find(|(row, _)| row.command == mend).map(|(row, _)| row.words.to_owned())
    }

    fn on(model: &mut Model, _: P, command: C) -> Vec<Effect> {
        Self::run(model, command)
    }

    fn moved(model: &mut Model, _: P, to: Move) {
        let list = health::list(model);
        model.panes.window_mut(Pane::Overview).selected = health::position(model, &list);
        if super::move_in(model.panes.window_mut(Pane::Overview), list.len(), list.len(), to) {
            hold(model, &list);
            model.touch();
        }
    }

    fn settle(model: &mut Model) {
        let list = health::list(model);
        model.panes.window_mut(Pane::Overview).selected = health::position(model, &list);
        super::settle(model.panes.window_mut(Pane::Overview), list.len(), list.len());
        hold(model, &list);
    }
}
