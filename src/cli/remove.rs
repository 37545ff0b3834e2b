//! `remove`: take out of Halo what Configure put there, after a look at the plan and a typed word.

use serde_json::json;

use super::args::{Part, Remove};
use super::{Call, configure, plan, prompt};
use crate::domain::configuration::Configuration;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::manual;
use crate::domain::plan::Plan;
use crate::domain::planner::Parts;
use crate::ops;
use crate::ops::Workspace;
use crate::ops::configure::{Consent, Event};
use crate::ops::remove::Extent;

/// How a yes is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// By typing the configuration's id or name.
    Remove,
    /// By a plain yes: nothing goes that was there before.
    RollBack,
}

pub(super) async fn run(call: &mut Call, options: &Remove) -> Result<u8, Failure> {
    let parts = parts(&options.only);
    if options.manual {
        return by_hand(call, parts);
    }
    let workspace = call.workspace()?;
    let extent = Extent::Removal(parts);
    if options.plan {
        let (id, _) = workspace.active_configuration(call.configuration.as_ref())?;
        return match ops::remove::load(&workspace, &id, extent, call.cancel.clone(), |_| {}).await? {
            Ok(planned) => plan::show(call, &planned),
            Err(report) => super::check::refuse(&mut call.output, &report, "nothing was planned"),
        };
    }
    let code = take_out(call, &workspace, extent, Question::Remove, options.yes).await?;
    if options.forget_secrets && code == 0 {
        let (id, _) = workspace.active_configuration(call.configuration.as_ref())?;
        ops::remove::forget_secrets(&workspace, &id, call.cancel.clone()).await?;
        call.output.say("The stored Client Secret and callback secrets of this configuration are forgotten.");
    }
    Ok(code)
}

fn parts(only: &[Part]) -> Parts {
    if only.is_empty() {
        return Parts::ALL;
    }
    let has = |part| only.contains(&part);
    Parts { webhooks: has(Part::Webhooks), chat_pod: has(Part::ChatPod), links: has(Part::Links) }
}

/// Shows the plan, asks, and applies it: for Remove and for a roll back.
pub(super) async fn take_out(
    call: &mut Call,
    workspace: &Workspace,
    extent: Extent,
    question: Question,
    yes: bool,
) -> Result<u8, Failure> {
    let (id, configuration) = workspace.active_configuration(call.configuration.as_ref())?;
    let mut agreed = None;
    if !yes {
        match ops::remove::load(workspace, &id, extent, call.cancel.clone(), |_| {}).await? {
            Ok(planned) => {
                ask(call, &planned, question, id.as_str(), &configuration)?;
                agreed = Some(planned);
            }
            Err(report) => return configure::tell(&mut call.output, &ops::configure::refused(report)),
        }
    }
    let consent = agreed.as_ref().map_or(Consent::WhateverIsDue, Consent::Plan);
    let output = &mut call.output;
    let on_event = |event: Event<'_>| {
        if let Event::Applied(result) = event
            && !output.json
        {
            configure::print(output, result);
        }
    };
    let report = ops::remove::run(workspace, &id, extent, consent, call.cancel.clone(), on_event).await?;
    let code = configure::tell(&mut call.output, &report)?;
    if report.refusal.is_some() && question == Question::Remove {
        call.output.say("By hand: pia-halo remove --manual prints every click.");
    }
    Ok(code)
}

/// Shows the plan and asks; without a terminal, ends with the question.
fn ask(
    call: &mut Call,
    planned: &Plan,
    question: Question,
    id: &str,
    configuration: &Configuration,
) -> Result<(), Failure> {
    if !planned.changes_pending() {
        return Ok(());
    }
    let name = configuration.name.as_str();
    let summary = planned.summary();
    let (words, hint) = match question {
        Question::Remove => {
            (format!("Remove this from Halo ({summary})?"), "say yes with --yes; pia-halo remove --plan shows it")
        }
        Question::RollBack => (format!("Roll the last run of Configure back ({summary})?"), "say yes with --yes"),
    };
    if call.output.json || !prompt::is_possible() {
        return Err(Failure::new(FailureKind::NeedsYes, words).hint(hint));
    }
    plan::print(&mut call.output, planned);
    let agreed = match question {
        Question::Remove => prompt::typed(&format!("Remove this from Halo? Type {id} or {name} to go on"), &[id, name]),
        Question::RollBack => prompt::yes(&words),
    };
    if agreed {
        return Ok(());
    }
    Err(Failure::new(FailureKind::NeedsYes, "not confirmed; nothing was written"))
}

/// The clicks for doing it by hand. Nothing is read and nothing is asked of Halo: it works where the API does not.
fn by_hand(call: &mut Call, parts: Parts) -> Result<u8, Failure> {
    let steps = manual::removal(parts);
    if call.output.json {
        call.output.object(&json!({ "manual": steps }))?;
        return Ok(0);
    }
    for (number, step) in steps.iter().enumerate() {
        call.output.line(format!("{}. {step}", number + 1));
    }
    Ok(0)
}
