//! `remove`: take out of Halo what Configure put there, after a look at the plan and a typed word.

use std::ops::ControlFlow;

use serde_json::json;

use super::args::{Part, Remove};
use super::{Call, plan, planned, prompt};
use crate::domain::check::Check;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::Failure;
use crate::domain::next::{Hint, Next};
use crate::domain::plan::Parts;
use crate::domain::plan::Plan;
use crate::ops;
use crate::ops::Workspace;
use crate::ops::configure::Consent;
use crate::ops::remove::Extent;
use crate::words::by_hand;
use crate::words::typed::ToType;

/// What is asked, and how a yes is given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question<'a> {
    /// By typing the configuration's id or name.
    Remove,
    /// The same, and then this configuration becomes the active one.
    RemoveAndSwitch(&'a ConfigurationId),
    /// By a plain yes: nothing goes that was there before.
    RollBack,
}

pub(super) async fn run(call: &mut Call, options: &Remove) -> Result<u8, Failure> {
    let parts = parts(&options.only);
    if options.manual {
        return by_hand(call, parts);
    }
    let workspace = call.workspace()?.taking_over(options.owner.take_over);
    let extent = Extent::Removal(parts);
    if options.plan {
        let (id, configuration) = call.active(&workspace)?;
        let mut warnings = Vec::new();
        let on_check = |check: &Check| warnings.extend(check.warning());
        return match ops::remove::load(&workspace, &id, extent, call.cancel.clone(), on_check).await? {
            Ok(shown) => plan::show(call, (&id, &configuration, true), &shown, &warnings),
            Err(report) => super::check::refuse(&mut call.output, &report, "nothing was planned"),
        };
    }
    let code = Box::pin(take_out(call, workspace.clone(), extent, Question::Remove, options.consent.yes)).await?;
    if options.forget_secrets && code == 0 {
        let (id, _) = call.active(&workspace)?;
        ops::remove::forget_secrets(&workspace, &id, call.cancel.clone()).await?;
        call.output.say("The stored Client Secret and callback secrets of this configuration have been deleted.");
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
    mut workspace: Workspace,
    extent: Extent,
    question: Question<'_>,
    yes: bool,
) -> Result<u8, Failure> {
    let (id, configuration) = call.active(&workspace)?;
    let agreed = match agree(call, &mut workspace, (&id, &configuration), extent, question, yes).await? {
        ControlFlow::Continue(agreed) => agreed,
        ControlFlow::Break(code) => return Ok(code),
    };
    let consent = agreed.as_ref().map_or(Consent::WhateverIsDue, Consent::Plan);
    let (cancel, on_event) = (call.cancel.clone(), planned::printer(&mut call.output));
    let report = ops::remove::run(&workspace, &id, extent, consent, cancel, on_event).await?;
    let code = planned::tell(&mut call.output, &report)?;
    if report.refusal.is_some() && matches!(question, Question::Remove) {
        let by_hand = call.next(&Next::RemoveByHand);
        call.output.say(format!("To do it by hand: {by_hand} prints every step."));
    }
    Ok(code)
}

/// The plan that somebody has seen and agreed to, and none where everything was agreed to beforehand; the exit code
/// where the test of the connection said no.
pub(super) async fn agree(
    call: &mut Call,
    workspace: &mut Workspace,
    (id, configuration): (&ConfigurationId, &Configuration),
    extent: Extent,
    question: Question<'_>,
    yes: bool,
) -> Result<ControlFlow<u8, Option<Plan>>, Failure> {
    if yes {
        return Ok(ControlFlow::Continue(None));
    }
    let mut warnings = Vec::new();
    let on_check = |check: &Check| warnings.extend(check.warning());
    match ops::remove::load(workspace, id, extent, call.cancel.clone(), on_check).await? {
        Ok(shown) => {
            super::check::warn(&mut call.output, &warnings);
            planned::take_over(call, workspace, &shown.belongs)?;
            ask(call, &shown, question, id, configuration)?;
            Ok(ControlFlow::Continue(Some(shown)))
        }
        Err(report) => planned::tell(&mut call.output, &ops::configure::refused(report)).map(ControlFlow::Break),
    }
}

/// Shows the plan and asks; without a terminal, ends with the question.
fn ask(
    call: &mut Call,
    shown: &Plan,
    question: Question<'_>,
    id: &ConfigurationId,
    configuration: &Configuration,
) -> Result<(), Failure> {
    if !shown.changes_pending() && !matches!(question, Question::RemoveAndSwitch(_)) {
        return Ok(());
    }
    if call.can_ask() {
        call.output.line(plan::title(id, configuration));
    }
    let summary = shown.summary();
    let (words, hint) = match question {
        Question::Remove => (
            format!("Remove this from Halo ({summary})?"),
            Hint::from("Confirm with --yes. To see the plan: ").next(Next::RemovePlan),
        ),
        Question::RemoveAndSwitch(wanted) => (
            format!("Remove what {id} has in Halo ({summary}) and switch to {wanted}?"),
            Hint::from("Confirm with --yes. To see the plan: ").next(Next::RemovePlan),
        ),
        Question::RollBack => {
            (format!("Roll back the last run of Configure ({summary})?"), Hint::from("Confirm with --yes"))
        }
    };
    let wanted = ToType::configuration(id, configuration.title());
    let ask = |words: &str| match question {
        Question::Remove => prompt::typed(&format!("Remove this from Halo? {}", wanted.to_confirm()), &wanted),
        Question::RemoveAndSwitch(_) if shown.changes_pending() => {
            prompt::typed(&format!("{words} {}", wanted.to_confirm()), &wanted)
        }
        Question::RemoveAndSwitch(_) | Question::RollBack => prompt::yes(words),
    };
    planned::agree(call, shown, planned::Question { words, hint, ask: &ask, no: "not confirmed; nothing was written" })
}

/// The clicks for doing it by hand. Nothing is read and nothing is asked of Halo: it works where the API does not.
fn by_hand(call: &mut Call, parts: Parts) -> Result<u8, Failure> {
    let steps = by_hand::removal(parts);
    if call.output.json {
        call.output.object(&json!({ "manual": steps }))?;
        return Ok(0);
    }
    for (number, step) in steps.iter().enumerate() {
        call.output.line(format!("{}. {step}", number + 1));
    }
    Ok(0)
}
