//! What `configure`, `remove` and `rotate` have in common: the plan is shown and agreed to, and the report told.

use super::exit::ExitCode as _;
use super::output::Output;
use super::{Call, check, plan, prompt};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::Hint;
use crate::domain::owner::Belongs;
use crate::domain::plan::{ChangeResult, ConfigureReport, ConfigureStatus, Outcome, Plan};
use crate::ops::configure::Event;
use crate::ops::{self, Workspace};
use crate::words::typed::ToType;
use crate::words::{self, Tone};

/// How a person is asked to agree to a plan.
pub(super) struct Question<'a> {
    /// The question, with what would be done.
    pub words: String,
    /// What to do where nobody can be asked.
    pub hint: Hint,
    /// Asks, once the plan is on the screen.
    pub ask: &'a dyn Fn(&str) -> bool,
    /// What is said after a no.
    pub no: &'a str,
}

/// Shows the plan and asks; without a terminal, ends with the question.
pub(super) fn agree(call: &mut Call, planned: &Plan, question: Question<'_>) -> Result<(), Failure> {
    let Question { words, hint, ask, no } = question;
    if !call.can_ask() {
        return Err(Failure::new(FailureKind::NeedsYes, words).hint(hint));
    }
    plan::print(&mut call.output, None, planned);
    if ask(&words) { Ok(()) } else { Err(Failure::new(FailureKind::NeedsYes, no)) }
}

/// Asks for a typed word where a configuration belongs to another machine, and nobody has agreed to take it over.
pub(super) fn take_over(call: &Call, workspace: &mut Workspace, belongs: &Belongs) -> Result<(), Failure> {
    let Some(owner) = belongs.other().filter(|_| !workspace.takes_over()) else { return Ok(()) };
    let failure = ops::owner::elsewhere(owner);
    if !call.can_ask() {
        return Err(failure);
    }
    let machine = ToType::new(owner.machine.as_str());
    let (belongs, taking_over) = (words::plan::belongs(owner), words::plan::taking_over(owner));
    if !prompt::typed(&format!("{belongs} {taking_over} Type {} to take it over", machine.asked()), &machine) {
        return Err(failure);
    }
    *workspace = workspace.clone().taking_over(true);
    Ok(())
}

/// Tells how a run ended, and gives its exit code.
pub(super) fn tell(output: &mut Output, report: &ConfigureReport) -> Result<u8, Failure> {
    let failure = failure(report);
    if output.json {
        output.report(report, failure.as_ref())?;
    } else {
        say(output, report);
    }
    Ok(failure.map_or(0, |failure| failure.exit_code()))
}

/// How a run ended, for people: of its objects the printer has told already.
pub(super) fn say(output: &mut Output, report: &ConfigureReport) {
    for verdict in report.refusal.iter().flat_map(|refusal| &refusal.checks) {
        check::print(output, verdict);
    }
    output.line(&report.message);
    check::warn(output, &report.warnings);
}

/// Prints each object as it is done; of JSON there is one object at the end.
pub(super) fn printer(output: &mut Output) -> impl FnMut(Event<'_>) + Send {
    |event| {
        if let Event::Applied(result) = event
            && !output.json
        {
            print(output, result);
        }
    }
}

fn print(output: &mut Output, result: &ChangeResult) {
    let (tone, word) = words::plan::outcome(result);
    let mark = output.sign(tone);
    let id = result.id.as_ref().map(|id| format!("  {id}")).unwrap_or_default();
    output.line(format!("{mark} {word:<12}  {:<12} {}{id}", result.kind.word(), result.name));
    match &result.message {
        Some(message) if matches!(tone, Tone::Good | Tone::Calm) => output.line(format!("                {message}")),
        Some(message) => output.explain("                ", message),
        None => {}
    }
}

/// What a run failed with; none where nothing is left to be done.
pub(super) fn failure(report: &ConfigureReport) -> Option<Failure> {
    let some = report.results.iter().any(|result| result.outcome == Outcome::Done);
    let refusal = report.refusal.as_ref().and_then(|refusal| check::failure(refusal, Some("nothing was written")));
    let kind = match report.status {
        status if status.is_complete() => return None,
        ConfigureStatus::Refused if refusal.is_some() => return refusal,
        ConfigureStatus::PartlyDone if some => FailureKind::PartlyDone,
        // Nothing of it was done: what kept the first one from it is the reason.
        ConfigureStatus::PartlyDone => report.cause.clone().unwrap_or(FailureKind::PartlyDone),
        _ => report.cause.clone().unwrap_or(FailureKind::Declined),
    };
    Some(Failure::new(kind, &report.message))
}
