//! `check`: the connection and every right that the later steps need.

use serde_json::json;

use super::Call;
use super::exit::ExitCode;
use super::output::{Mark, Output};
use crate::domain::check::{Check, CheckReport, CheckStatus};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::request::{SecretChoice, VerifyRequest};
use crate::ops;

pub(super) async fn run(call: &mut Call) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let (id, configuration, _) = workspace.configuration(call.configuration.as_ref())?;
    let request = VerifyRequest {
        id: Some(id),
        api: configuration.api,
        secret: SecretChoice::Stored,
        pia_screen: Some(configuration.pia_screen),
    };
    report(call, &workspace, &request).await
}

/// Tests a connection and prints the verdicts as they fall.
pub(super) async fn report(
    call: &mut Call,
    workspace: &ops::Workspace,
    request: &VerifyRequest,
) -> Result<u8, Failure> {
    let output = &mut call.output;
    let on_check = |check: &Check| {
        if !output.json {
            print(output, check);
        }
    };
    let report = ops::check::verify(workspace, request, call.cancel.clone(), on_check).await?;
    if output.json {
        output.object(&report)?;
    }
    Ok(exit_code(&report))
}

/// One verdict: a line, and a second one with what to change.
pub(super) fn print(output: &mut Output, check: &Check) {
    let mark = match check.status {
        CheckStatus::Pass => Mark::Good,
        CheckStatus::Warn => Mark::Warning,
        CheckStatus::Fail => Mark::Bad,
        CheckStatus::Skip => Mark::None,
    };
    let word = match check.status {
        CheckStatus::Pass => "pass",
        CheckStatus::Warn => "warn",
        CheckStatus::Fail => "FAIL",
        CheckStatus::Skip => "skip",
    };
    let mark = output.mark(mark);
    output.line(format!("{mark} {word}  {:<21} {}", check.id.title(), check.message));
    if let Some(hint) = &check.hint {
        output.line(format!("        {:<21} {hint}", ""));
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
    let Some(check) = report.first_failure() else { return Ok(0) };
    let kind = check.failure.clone().unwrap_or(FailureKind::Refused);
    let message = format!("the connection test failed: {}: {}; {undone}", check.id.title(), check.message);
    let failure = Failure { hint: check.hint.clone(), ..Failure::new(kind, message) };
    if output.json {
        output.object(&json!({ "error": failure, "checks": report.checks }))?;
    } else {
        output.failure(&failure);
    }
    Ok(failure.exit_code())
}

/// 0 when nothing failed; otherwise the code of what failed first.
pub(super) fn exit_code(report: &CheckReport) -> u8 {
    match report.first_failure() {
        None => 0,
        Some(check) => check.failure.as_ref().map_or(1, ExitCode::exit_code),
    }
}
