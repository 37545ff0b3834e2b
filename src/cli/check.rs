//! `check`: the connection and every right that the later steps need.

use std::time::Duration;

use serde_json::json;

use super::exit::ExitCode;
use super::output::Output;
use super::{Call, args, prompt};
use crate::domain::check::{Access, Check, CheckId, CheckReport, Phase, Right, RightState};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::full_circle::{FullCircle, Hop, HopReport};
use crate::domain::request::{SecretChoice, VerifyRequest};
use crate::ops;
use crate::words;
use crate::words::typed::ToType;

pub(super) async fn run(call: &mut Call, options: &args::Check) -> Result<u8, Failure> {
    if options.full_circle {
        return full_circle(call, options).await;
    }
    let workspace = call.workspace()?;
    let (id, configuration, _) = call.chosen(&workspace)?;
    let request = VerifyRequest {
        id: Some(id),
        api: configuration.api,
        secret: SecretChoice::Stored,
        pia_screen: Some(configuration.pia_screen),
    };
    let report = verify(call, &workspace, &request).await?;
    let failure = failure(&report, None);
    if call.output.json {
        call.output.report(&report, failure.as_ref())?;
    }
    let is_missing = |right: &Right| right.state == RightState::Missing;
    if !call.output.json && (options.rights || report.rights.iter().any(is_missing)) {
        print_rights(&mut call.output, &report.rights);
    }
    Ok(failure.map_or(0, |failure| failure.exit_code()))
}

/// What is needed of Halo, when, and where it is ticked.
fn print_rights(output: &mut Output, rights: &[Right]) {
    output.line("");
    let row = |right: &Right| {
        let [title, phases] = right_words(right.id, right.access, right.phases);
        [title, phases, right.state.words().to_owned(), right.place.clone()]
    };
    output.table(["Permission", "Needed for", "State", "Where in Halo"], rights.iter().map(row));
}

/// A right, and when it is needed, in words.
pub(super) fn right_words(id: CheckId, access: Access, phases: &[Phase]) -> [String; 2] {
    let access = match access {
        Access::Read => "read",
        Access::Write => "write",
    };
    let phases: Vec<&str> = phases.iter().map(|phase| phase.word()).collect();
    [format!("{}, {access}", id.title()), phases.join(", ")]
}

/// Follows a ticket all the way round.
async fn full_circle(call: &mut Call, options: &args::Check) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let prepared = ops::full_circle::prepare(&workspace, call.configuration.as_ref())?;
    if !options.yes {
        let question = prepared.question();
        if !call.can_ask() {
            return Err(Failure::new(FailureKind::NeedsYes, question).hint("Confirm with --yes"));
        }
        let wanted = ToType::new("yes");
        if !prompt::typed(&format!("This {question}. {}", wanted.to_confirm()), &wanted) {
            return Err(Failure::new(FailureKind::NeedsYes, "not confirmed; nothing was written"));
        }
    }
    let output = &mut call.output;
    let on_hop = |hop: &HopReport| {
        if !output.json {
            print_hop(output, hop);
        }
    };
    let patience = Duration::from_secs(options.timeout);
    let report = ops::full_circle::prove(&workspace, &prepared, patience, call.cancel.clone(), on_hop).await?;
    let failure = broken(&report);
    if output.json {
        output.report(&report, failure.as_ref())?;
    }
    report.earlier.iter().for_each(|earlier| output.say(earlier.words()));
    Ok(failure.map_or(0, |failure| failure.exit_code()))
}

/// Where the circle broke. Where only the ticket stayed open, part of it is done.
fn broken(report: &FullCircle) -> Option<Failure> {
    let hop = report.hops.iter().find(|hop| Some(hop.hop) == report.broken_at)?;
    let kind = match hop.hop {
        Hop::Closed => FailureKind::PartlyDone,
        _ => hop.failure.clone().unwrap_or(FailureKind::Declined),
    };
    let failure = Failure::new(kind, format!("{}: {}", hop.hop.title(), hop.message));
    Some(Failure { hint: hop.hint.clone(), ..failure })
}

fn print_hop(output: &mut Output, hop: &HopReport) {
    let (tone, word) = words::check::verdict(hop.status);
    let mark = output.sign(tone);
    let after = hop.after_ms.map_or(String::new(), |ms| format!("+{}", words::time::took(ms)));
    output.line(format!("{mark} {word:<7}  {:<15} {after:>11}  {}", hop.hop.title(), hop.message));
    if let Some(hint) = &hop.hint {
        output.line(format!("           {:<15} {:>11}  {hint}", "", ""));
    }
}

/// Tests a connection and prints the verdicts as they fall.
async fn verify(call: &mut Call, workspace: &ops::Workspace, request: &VerifyRequest) -> Result<CheckReport, Failure> {
    let output = &mut call.output;
    let on_check = |check: &Check| {
        if !output.json {
            print(output, check);
        }
    };
    ops::check::verify(workspace, request, call.cancel.clone(), on_check).await
}

/// One verdict: a line, and a second one with what to change.
pub(super) fn print(output: &mut Output, check: &Check) {
    let (tone, word) = words::check::sign(check);
    let mark = output.sign(tone);
    output.line(format!("{mark} {word:<7}  {:<21} {}", check.id.title(), check.message));
    if let Some(hint) = &check.hint {
        output.explain(&format!("           {:<21} ", ""), &hint.to_string());
    }
}

/// What the test that another command makes first had doubts about.
pub(super) fn warn(output: &mut Output, warnings: &[String]) {
    for warning in warnings {
        output.warn(warning);
    }
}

/// The test that another command makes first has failed: says why, and what was not done because of it.
pub(super) fn refuse(output: &mut Output, report: &CheckReport, undone: &str) -> Result<u8, Failure> {
    let Some(failure) = failure(report, Some(undone)) else {
        return Ok(0);
    };
    if output.json {
        output.report(&json!({ "checks": report.checks }), Some(&failure))?;
    } else {
        output.failure(&failure);
    }
    Ok(failure.exit_code())
}

/// What the test failed with, and what was not done because of it.
pub(super) fn failure(report: &CheckReport, undone: Option<&str>) -> Option<Failure> {
    let check = report.first_failure()?;
    let kind = check.failure.clone().unwrap_or(FailureKind::Declined);
    let undone = undone.map_or_else(String::new, |undone| format!("; {undone}"));
    let message = format!("the connection test failed: {}: {}{undone}", check.id.title(), check.message);
    Some(Failure { hint: check.hint.clone(), ..Failure::new(kind, message) })
}
