//! `doctor`: one line for each rule of health; and `issues`: those that need a person.

use serde_json::json;

use super::Call;
use super::args::{Doctor, Issue, Issues};
use super::exit::ExitCode;
use super::output::Output;
use crate::app::header::summary;
use crate::app::model::first_unfinished;
use crate::domain::calendar::rfc3339;
use crate::domain::check::Check;
use crate::domain::configuration::ConfigurationId;
use crate::domain::exit_code;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{Finding, Rule, State, issues};
use crate::domain::next::Next;
use crate::domain::step::Step;
use crate::ops::{self, Workspace};
use crate::words::health::{NO_EVENT, NOTHING_TO_DO, fact, not_renewed, state};
use crate::words::{self, Tone};

pub(super) async fn run(call: &mut Call, options: &Doctor) -> Result<u8, Failure> {
    let workspace = if options.offline { call.look()? } else { call.workspace()? };
    let id = ops::health::looked_after(&workspace, call.configuration.as_ref())?;
    let (mut kept, begun) = (None, workspace.now());
    if !options.offline {
        let output = &mut call.output;
        let on_check = |check: &Check| output.progress(&format!("Asking Halo: {}", check.id.title()));
        kept = ops::health::look(&workspace, &id, call.cancel.clone(), on_check).await?;
    }
    let findings = ops::health::evaluate(&workspace, &id)?;
    let failure = failure(&findings, kept.as_ref());
    let code = exit_code(&findings, failure.as_ref());
    let now = workspace.now();
    if call.output.json {
        let ok = code == 0;
        let found = json!({ "configuration": id.as_str(), "ok": ok, "findings": findings });
        call.output.report(&found, failure.as_ref())?;
        return Ok(code);
    }
    // What the look could not renew is only known to have been so. The store keeps whole seconds.
    let is_old =
        |finding: &Finding| kept.is_some() && finding.seen_at.is_some_and(|seen| seen.as_second() < begun.as_second());
    for finding in &findings {
        match is_old(finding) {
            true => print_old(&mut call.output, finding, now),
            false => print(&mut call.output, finding, &by_title(finding), now),
        }
    }
    if let Some(failure) = &kept {
        call.output.failure(failure);
    }
    let is_not_known = |finding: &&Finding| finding.state == State::Unknown || is_old(finding);
    let unchecked = findings.iter().filter(is_not_known).filter(|finding| !finding.is_issue());
    let unchecked: Vec<Rule> = unchecked.map(|finding| finding.rule).collect();
    call.output.say(match kept.is_some() && !findings.iter().any(Finding::is_open) {
        true => format!("No issue is known, but {}.", not_checked(&unchecked)),
        false => conclusion(&workspace, &id, &findings)?,
    });
    Ok(code)
}

fn exit_code(findings: &[Finding], failure: Option<&Failure>) -> u8 {
    let open = if findings.iter().any(Finding::is_open) { exit_code::PENDING } else { 0 };
    failure.map_or(open, ExitCode::exit_code)
}

// As for every command: refused before not reached, and both before what only needs a look, which is no failure.
fn failure(findings: &[Finding], kept: Option<&Failure>) -> Option<Failure> {
    let is_broken = |finding: &&Finding| {
        matches!(finding.rule, Rule::Credentials | Rule::Rights) && finding.state == State::Broken && !finding.dismissed
    };
    if let Some(finding) = findings.iter().find(is_broken) {
        let message = format!("{}: {}", finding.rule.title(), finding.fact);
        return Some(Failure { hint: finding.next.clone(), ..Failure::new(FailureKind::WrongCredentials, message) });
    }
    let kept = kept?.clone();
    Some(match kept.kind {
        FailureKind::NotReached | FailureKind::RateLimited(_) => kept,
        FailureKind::WrongCredentials | FailureKind::MissingRight => kept,
        _ => Failure { kind: FailureKind::PartlyDone, ..kept },
    })
}

fn by_title(finding: &Finding) -> String {
    format!("{:<19}", finding.rule.title())
}

// The finding beside its name, which fills its column, and the next step below.
fn print(output: &mut Output, finding: &Finding, name: &str, now: jiff::Timestamp) {
    let (tone, _) = state(finding.state);
    let mark = output.sign(tone);
    let known = if finding.dismissed { " (dismissed)" } else { "" };
    print_words(output, finding, name, mark, &(fact(finding, now) + known));
}

fn print_words(output: &mut Output, finding: &Finding, name: &str, mark: &str, words: &str) {
    output.line(format!("{mark} {name} {words}"));
    if let Some(next) = finding.next.as_ref().filter(|_| finding.state != State::Well) {
        output.line(format!("  {:width$} {next}", "", width = name.len()));
    }
}

fn print_old(output: &mut Output, finding: &Finding, now: jiff::Timestamp) {
    let (tone, _) = state(if finding.is_issue() { finding.state } else { State::Unknown });
    let mark = output.sign(tone);
    print_words(output, finding, &by_title(finding), mark, &not_renewed(finding, now));
}

// Of a set-up that is not finished nobody says that nothing is to be done.
fn conclusion(workspace: &Workspace, id: &ConfigurationId, findings: &[Finding]) -> Result<String, Failure> {
    if findings.iter().any(Finding::is_open) {
        return Ok(sentence(findings));
    }
    let step = first_unfinished(&ops::status::of(workspace, id)?);
    let next = match step {
        Step::Finished => return Ok(sentence(findings)),
        Step::InitialSync => Next::Sync,
        Step::Configure => Next::Configure,
        _ => Next::Wizard,
    };
    Ok(format!("No issue is open. Still to do: {}. To continue: {next}", words::step::name(step)))
}

/// Rules that are named; `doctor` lists more.
const NAMED: usize = 3;

fn not_checked(rules: &[Rule]) -> String {
    let names: Vec<&str> = rules.iter().map(|rule| rule.title()).collect();
    match rules {
        [] => "not every rule could be checked".to_owned(),
        [_] => format!("1 rule could not be checked: {}", names[0]),
        few if few.len() <= NAMED => format!("{} rules could not be checked: {}", few.len(), names.join(", ")),
        many => format!("{} rules could not be checked", many.len()),
    }
}

fn sentence(findings: &[Finding]) -> String {
    match findings.iter().filter(|finding| finding.is_open()).count() {
        0 => {
            let unknown = findings.iter().filter(|finding| finding.state == State::Unknown);
            match unknown.map(|finding| finding.rule).collect::<Vec<_>>().as_slice() {
                [] => format!("{NOTHING_TO_DO}."),
                rules => format!("No issue is open, but {}.", not_checked(rules)),
            }
        }
        1 => "1 issue needs attention.".to_owned(),
        count => format!("{count} issues need attention."),
    }
}

pub(super) async fn list(call: &mut Call, options: Issues) -> Result<u8, Failure> {
    let workspace = if options.what.is_some() { call.workspace()? } else { call.look()? };
    let id = ops::health::looked_after(&workspace, call.configuration.as_ref())?;
    match options.what {
        Some(Issue::Dismiss { id: rule }) => {
            ops::health::dismiss(&workspace, &id, rule, false)?;
            if call.output.json {
                call.output.object(&json!({ "configuration": id.as_str(), "id": rule, "dismissed": true }))?;
            } else {
                call.output.say(format!("{} is dismissed until it changes.", rule.title()));
            }
            return Ok(0);
        }
        Some(Issue::Retry { id: rule }) => {
            let found = ops::health::retry(&workspace, &id, rule, call.cancel.clone()).await?;
            if call.output.json {
                call.output.object(&found)?;
            } else {
                print(&mut call.output, &found, &by_title(&found), workspace.now());
            }
            return Ok(if found.is_open() { FailureKind::PartlyDone.exit_code() } else { 0 });
        }
        None => {}
    }
    let findings = ops::health::findings(&workspace, &id)?;
    let found = issues(&findings);
    if call.output.json {
        let rows: Vec<_> = found.iter().map(|issue| row(issue)).collect();
        call.output.object(&json!({ "configuration": id.as_str(), "issues": rows }))?;
    } else {
        for issue in &found {
            print(&mut call.output, issue, &format!("{:<16}", issue.rule.code()), workspace.now());
        }
        if found.is_empty() {
            call.output.say(conclusion(&workspace, &id, &findings)?);
        }
    }
    Ok(0)
}

// What is tried again without a yes is told: a program need not know the rules.
fn row(issue: &Finding) -> serde_json::Value {
    json!({
        "id": issue.rule, "state": issue.state, "cause": issue.fact, "since": issue.since.map(rfc3339),
        "seen_at": issue.seen_at.map(rfc3339),
        "next": issue.next, "dismissed": issue.dismissed, "can_retry": issue.rule.retry().is_some(),
    })
}

/// What `status` says of all of it in a line.
pub(super) fn line(output: &Output, findings: &[Finding]) -> String {
    let (tone, words) = verdict(findings);
    let more = if findings.iter().any(Finding::is_issue) { " (pia-halo issues)" } else { "" };
    format!("{} Health           {words}{more}", output.sign(tone))
}

// On the screen stands behind it that no event has come.
fn verdict(findings: &[Finding]) -> (Tone, String) {
    let (tone, words) = summary(findings);
    (tone, if words.is_empty() { NO_EVENT.to_owned() } else { words })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_that_could_not_be_checked_is_named() {
        let unknown = |rule| Finding::new(rule, State::Unknown, "f");
        let well = Finding::well(Rule::Drift, "f");
        assert_eq!(sentence(std::slice::from_ref(&well)), format!("{NOTHING_TO_DO}."));
        let one = sentence(&[well, unknown(Rule::Deliveries)]);
        assert_eq!(one, format!("No issue is open, but 1 rule could not be checked: {}.", Rule::Deliveries.title()));
        let two = sentence(&[unknown(Rule::Deliveries), unknown(Rule::Drift)]);
        assert!(two.contains("2 rules could not be checked: ") && two.contains(Rule::Drift.title()), "{two}");
    }

    #[test]
    fn line_of_status_says_what_it_waits_for() {
        let unknown = |rule| Finding::new(rule, State::Unknown, "f");
        let waits = [Finding::well(Rule::Drift, "f"), unknown(Rule::Silence), unknown(Rule::Lag)];
        assert_eq!(verdict(&waits).1, NO_EVENT);
        assert_eq!(verdict(&waits[..1]).1, "no issues");
    }

    #[test]
    fn exit_code_tells_refused_from_unreached_from_worth_look() {
        let found = |rule, state| vec![Finding::new(rule, state, "f")];
        let unreached = Failure::new(FailureKind::NotReached, "f");
        for (findings, kept, code) in [
            (found(Rule::Drift, State::Well), None, 0),
            (found(Rule::Drift, State::Unknown), None, 0),
            (found(Rule::Drift, State::Watch), None, 3),
            (found(Rule::Drift, State::Broken), None, 3),
            (found(Rule::Rights, State::Watch), None, 3),
            (found(Rule::Rights, State::Broken), None, 4),
            (found(Rule::Credentials, State::Broken), Some(&unreached), 4),
            (found(Rule::Drift, State::Broken), Some(&unreached), 5),
            (vec![Finding { dismissed: true, ..Finding::new(Rule::Drift, State::Broken, "f") }], None, 0),
        ] {
            let failure = failure(&findings, kept);
            assert_eq!(exit_code(&findings, failure.as_ref()), code, "{findings:?} {kept:?}");
        }
    }
}
