//! `configure`: install or repair everything in Halo, after a look at the plan.

use super::output::{Mark, Output};
use super::{Call, check, plan, prompt};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::plan::{ChangeResult, ConfigureReport, ConfigureStatus, Outcome, Plan};
use crate::ops;
use crate::ops::configure::{Consent, Event};

pub(super) async fn run(call: &mut Call, yes: bool) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let (id, configuration) = workspace.active_configuration(call.configuration.as_ref())?;
    let mut agreed = None;
    if !yes {
        ops::configure::require_sync(&workspace, &id)?;
        match ops::plan::load(&workspace, &id, &configuration, call.cancel.clone(), |_| {}).await? {
            Ok(planned) => {
                ask(call, &planned)?;
                agreed = Some(planned);
            }
            Err(report) => return tell(&mut call.output, &ops::configure::refused(report)),
        }
    }
    let consent = agreed.as_ref().map_or(Consent::WhateverIsDue, Consent::Plan);
    let output = &mut call.output;
    let on_event = |event: Event<'_>| {
        if let Event::Applied(result) = event
            && !output.json
        {
            print(output, result);
        }
    };
    let report = ops::configure::install(&workspace, &id, consent, call.cancel.clone(), on_event).await?;
    tell(&mut call.output, &report)
}

fn tell(output: &mut Output, report: &ConfigureReport) -> Result<u8, Failure> {
    if output.json {
        output.object(report)?;
        return Ok(exit_code(report));
    }
    if let Some(refusal) = &report.refusal {
        for verdict in &refusal.checks {
            check::print(output, verdict);
        }
    }
    output.line(&report.message);
    Ok(exit_code(report))
}

/// Shows the plan and asks; without a terminal, ends with the question.
fn ask(call: &mut Call, planned: &Plan) -> Result<(), Failure> {
    if !planned.changes_pending() {
        return Ok(());
    }
    let question = planned.question();
    if call.output.json || !prompt::is_possible() {
        return Err(Failure::new(FailureKind::NeedsYes, question).hint("say yes with --yes; pia-halo plan shows it"));
    }
    plan::print(&mut call.output, planned);
    if prompt::yes(&question) {
        return Ok(());
    }
    Err(Failure::new(FailureKind::NeedsYes, "not applied; nothing was written"))
}

fn print(output: &mut Output, result: &ChangeResult) {
    let (mark, word) = match result.outcome {
        Outcome::Done => (Mark::Good, "done"),
        Outcome::Unchanged => (Mark::None, "unchanged"),
        Outcome::Failed => (Mark::Bad, "FAILED"),
        Outcome::Unverified => (Mark::Warning, "not verified"),
        Outcome::Skipped => (Mark::Warning, "skipped"),
    };
    let mark = output.mark(mark);
    let id = result.id.as_ref().map(|id| format!("  {id}")).unwrap_or_default();
    output.line(format!("{mark} {word:<12}  {:<12} {}{id}", result.kind.word(), result.name));
    if let Some(message) = &result.message {
        output.line(format!("                {message}"));
    }
}

fn exit_code(report: &ConfigureReport) -> u8 {
    match report.status {
        ConfigureStatus::Configured | ConfigureStatus::NothingToDo => 0,
        ConfigureStatus::PartlyDone => 3,
        ConfigureStatus::Failed => 1,
        ConfigureStatus::Refused => report.refusal.as_ref().map_or(1, check::exit_code),
    }
}
