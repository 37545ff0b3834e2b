//! What the header says at its right, and whether that is green, yellow or red. [`crate::view`] draws it.

use super::form::FieldId;
use super::jobs::health::{findings, findings_of};
use super::jobs::plan;
use super::jobs::state::ApplyWork;
use super::jobs::sync as job;
use super::model::Screen;
use super::notice::Tone;
use super::wizard::credentials::{doubt, known_failure, refused, refused_by_test};
use super::wizard::{Test, Wizard, pia_screen};
use super::{Model, service};
use crate::domain::address::HaloUrl;
use crate::domain::draft::Step;
use crate::domain::health::{Finding, NOT_SET_UP, REMOVED, Rule, State, issues};
use crate::domain::likeness::no_such;
use crate::domain::plan::ConfigureStatus;
use crate::domain::status::ServiceStatus;
use crate::domain::untrusted::Untrusted;
use crate::words::check::is_untested;
use crate::words::health::{self, short};
use crate::words::store::{away, on_server};
use crate::words::time::{ago, moment};

/// How that stands which is on the screen. What comes behind three blanks gives way on a narrow terminal.
pub fn standing(model: &Model) -> (Tone, String) {
    match model.screen {
        Screen::Wizard => connection(model),
        Screen::Panes => state(model),
        Screen::Integrations => active(model),
        Screen::Starting => (Tone::Calm, String::new()),
    }
}

// On the Integrations page: what is active, as its panes say it.
fn active(model: &Model) -> (Tone, String) {
    let Some(saved) = model.active() else { return (Tone::Calm, String::new()) };
    if model.current.as_ref() == Some(&saved.id) {
        return state(model);
    }
    let ((tone, words), host) = (summary(&findings_of(model, &saved.id)), saved.configuration.api.url.host());
    (tone, if words.is_empty() { host } else { format!("{words}   {host}") })
}

// In the panes: the configuration and its issues.
fn state(model: &Model) -> (Tone, String) {
    let Some(saved) = model.current_saved() else { return (Tone::Calm, String::new()) };
    let halo = saved.configuration.api.url.host();
    // Before what it is signed in to, which gives way first.
    let host = match model.status().and_then(on_server) {
        Some(store) => format!("{store}   {halo}"),
        None => halo,
    };
    let syncs = model.work.sync.run_of(model.current.as_ref()).is_some() || job::elsewhere(model).is_some();
    let mut findings = findings(model);
    let applies = model.apply().is_running();
    if applies {
        // What is being put right is not asked for.
        findings.retain(|found| !(found.rule == Rule::Drift && found.is_open()));
    }
    let has_issues = findings.iter().any(Finding::is_open);
    if applies && !has_issues {
        return (Tone::Calm, format!("{} is running   {host}", model.goal().word()));
    }
    // A sync hides no issue, for however long it runs.
    if syncs && !has_issues {
        return (Tone::Calm, format!("Syncing   {host}"));
    }
    if !saved.status.active {
        return (Tone::Warn, format!("not active   {host}"));
    }
    if let Some(since) = model.facts.away_since {
        return (Tone::Bad, format!("{}   {host}", away(model.now, since)));
    }
    if model.facts.standing_failed.is_some() {
        return (Tone::Bad, format!("state cannot be read   {host}"));
    }
    let (tone, words) = summary(&findings);
    // Where nothing runs it, none is promised.
    let runs = service::status(model).is_some_and(|service| service.running);
    let sync = format!("   sync {} UTC", saved.configuration.company_sync.daily_sync_time);
    let sync = if runs { sync.as_str() } else { "" };
    let last = service::status(model).and_then(|service| service.last_event_at);
    let last = last.map_or_else(|| health::NO_EVENT.to_owned(), |at| format!("event {}", ago(model.now, at)));
    if syncs {
        // The sign is that of the issue, and so its words come first.
        return (tone, format!("{words} · syncing   {host}"));
    }
    if has_issues {
        return (tone, format!("{words}   {last}{sync}   {host}"));
    }
    // What is not known, or known and dismissed, keeps it from being green.
    let is_green = tone == Tone::Good;
    let words = if is_green || words.is_empty() { String::new() } else { format!("{words}   ") };
    match service::status(model).filter(|service| service.running) {
        Some(ServiceStatus { since: Some(since), .. }) => {
            let since = moment(model.now, *since);
            let since = since.trim_start_matches("today ");
            let service = format!("service since {since}");
            // Beside what is not known there is room for one of them: the newest event says more.
            let (first, second) = if is_green { (&service, &last) } else { (&last, &service) };
            (tone, format!("{words}{first}   {second}{sync}   {host}"))
        }
        Some(_) => (tone, format!("{words}service running   {last}{sync}   {host}")),
        // Nothing is expected of it yet, and nothing is promised.
        None => (tone, format!("{words}{host}")),
    }
}

/// Everything in one line: how many things need a person, the worst first; what is not known; or that all is well.
pub fn summary(findings: &[Finding]) -> (Tone, String) {
    let open: Vec<&Finding> = issues(findings).into_iter().filter(|finding| finding.is_open()).collect();
    if let Some(worst) = open.first() {
        let (tone, _) = health::state(worst.state);
        let title = short(worst);
        return match open.len() {
            1 => (tone, title.to_owned()),
            count => (tone, format!("{count} issues: {title}")),
        };
    }
    let dismissed = findings.iter().filter(|finding| finding.is_issue()).count();
    let is_unknown = |finding: &&Finding| finding.state == State::Unknown && !finding.is_reported_elsewhere();
    let unknown: Vec<&Finding> = findings.iter().filter(is_unknown).collect();
    // What was never brought in, or was taken out on purpose, is known, and nothing comes in for that.
    let is_out = |finding: &&&Finding| finding.rule == Rule::Drift && [REMOVED, NOT_SET_UP].contains(&&*finding.fact);
    if let Some(gone) = unknown.iter().find(is_out) {
        return (Tone::Warn, gone.fact.clone());
    }
    match (dismissed, unknown.as_slice()) {
        (0, []) if findings.is_empty() => (Tone::Calm, String::new()),
        (0, []) => (Tone::Good, "no issues".to_owned()),
        // Behind it stands that no event has come yet: it is the same.
        (0, unknown) if is_before_first_event(unknown) => (Tone::Calm, String::new()),
        (0, [one]) => (Tone::Calm, format!("unknown: {}", one.rule.title().to_lowercase())),
        (0, many) => (Tone::Calm, format!("{} checks unknown", many.len())),
        (1, _) => (Tone::Calm, "1 dismissed issue".to_owned()),
        (count, _) => (Tone::Calm, format!("{count} dismissed issues")),
    }
}

// Whether nothing but what the first event brings is not known yet.
fn is_before_first_event(unknown: &[&Finding]) -> bool {
    let comes_with_it = |finding: &&Finding| matches!(finding.rule, Rule::Silence | Rule::Lag | Rule::Deliveries);
    unknown.iter().any(|finding| finding.rule == Rule::Silence) && unknown.iter().all(comes_with_it)
}

// In the wizard: how the connection stands.
pub fn connection(model: &Model) -> (Tone, String) {
    let Some(wizard) = &model.wizard else { return (Tone::Calm, String::new()) };
    let host = || {
        let host = HaloUrl::read(wizard.form.text(FieldId::Url)).map(|r| r.address.host());
        Untrusted::new(host.unwrap_or_default()).display()
    };
    match &wizard.test {
        Test::Not | Test::Failed(_) | Test::Broken(_) if wizard.untested => {
            match refused(model).cloned().or_else(|| refused_by_test(wizard)) {
                Some(found) => (Tone::Bad, format!("{}   {}", short(&found), host())),
                None => (Tone::Warn, "not verified".to_owned()),
            }
        }
        Test::Not => (Tone::Calm, "not tested".to_owned()),
        Test::Running { .. } => (Tone::Calm, "testing".to_owned()),
        Test::Before | Test::Passed(_) => {
            let of = |tone, found: &Finding| (tone, short(found).to_owned());
            let known = known_failure(model).map(|found| of(Tone::Bad, found));
            let known = known.or_else(|| doubt(model).map(|found| of(Tone::Warn, &found)));
            // What is edited is not what runs, and hides nothing of that.
            let is_unsaved = wizard.settings && wizard.is_edited();
            // Nor is it green where Halo has not what is typed.
            let unknown = || unknown_team(model).map(|words| (Tone::Warn, words));
            let told = known.or_else(|| known_issues(model)).or_else(|| unfinished(model)).or_else(unknown);
            match (told, is_unsaved) {
                (Some((tone, words)), true) => (tone, format!("{words} · not saved   {}", host())),
                (Some((tone, words)), false) => (tone, format!("{words}   {}", host())),
                (None, true) => (Tone::Warn, format!("not saved   {}", host())),
                // What nobody knows of writing is no reason to be green.
                (None, false) if wizard.test.checks().iter().any(is_untested) => (Tone::Calm, host()),
                (None, false) => (Tone::Good, host()),
            }
        }
        Test::Failed(_) | Test::Broken(_) => (Tone::Bad, "test failed".to_owned()),
    }
}

// The board that Halo has no team for, once the set-up has come past it.
fn unknown_team(model: &Model) -> Option<String> {
    let wizard = model.wizard.as_ref().filter(|wizard| wizard.reached > Step::PiaScreen)?;
    let doubtful = |field: &FieldId| pia_screen::board_warning(model, *field).is_some();
    let field = Wizard::fields(Step::PiaScreen).find(doubtful)?;
    Some(format!("{}: {}", field.info().label, no_such("team", wizard.form.text(field).trim())))
}

// What Configure has not done: beside that the connection is no reason to be green.
fn unfinished(model: &Model) -> Option<(Tone, String)> {
    let is_here = model.wizard.as_ref().is_some_and(|wizard| wizard.id.is_some() && wizard.id == model.current);
    let stopped = plan::how_far(model).is_some_and(|words| words.starts_with("Stopped"));
    let is_open = match model.apply() {
        ApplyWork::Ended { report, .. } => !report.is_settled(),
        ApplyWork::Failed { .. } => true,
        ApplyWork::None | ApplyWork::Running { .. } => false,
    };
    let has_failed = match model.apply() {
        // Where Halo shows nothing of what it has accepted, nothing has its cause.
        ApplyWork::Ended { report, .. } => report.cause.is_some() || report.status == ConfigureStatus::Failed,
        ApplyWork::Failed { .. } => true,
        ApplyWork::None | ApplyWork::Running { .. } => false,
    };
    // A run that failed, or was stopped, is not forgotten with its page.
    let before = findings(model).into_iter().find(|found| found.rule == Rule::Interrupted && found.is_open());
    if let Some(before) = before.filter(|_| is_here && matches!(model.apply(), ApplyWork::None)) {
        return Some((health::state(before.state).0, short(&before).to_owned()));
    }
    let (tone, words) = match (stopped, has_failed) {
        (true, _) => (Tone::Warn, "Configure stopped"),
        (false, true) => (Tone::Bad, "Configure failed"),
        (false, false) => (Tone::Warn, "Configure not finished"),
    };
    (is_here && (is_open || has_failed)).then(|| (tone, words.to_owned()))
}

// What the panes say of what runs already: on its last page, behind that and among the settings the set-up is no greener than
// they are.
fn known_issues(model: &Model) -> Option<(Tone, String)> {
    let is_last = |wizard: &&Wizard| wizard.settings || wizard.step == Step::Finished || model.is_finished_current();
    let wizard = model.wizard.as_ref().filter(is_last)?;
    let is_its = wizard.id.is_some() && wizard.id == model.current;
    let findings = if is_its { findings(model) } else { Vec::new() };
    findings.iter().any(Finding::is_open).then(|| summary(&findings))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: Rule, state: State) -> Finding {
        Finding::new(rule, state, "f")
    }

    /// Whatever is known or not known keeps it from being green.
    #[test]
    fn summary_is_green_only_where_all_is_well_and_known() {
        let well = Rule::ALL.map(|rule| found(rule, State::Well)).to_vec();
        assert_eq!(summary(&well), (Tone::Good, "no issues".to_owned()));
        assert_eq!(summary(&[]).0, Tone::Calm);
        for rule in Rule::ALL {
            for state in [State::Unknown, State::Watch, State::Broken] {
                for dismissed in [false, true] {
                    let mut findings = well.clone();
                    findings[rule as usize] = Finding { dismissed, ..found(rule, state) };
                    assert_ne!(summary(&findings).0, Tone::Good, "{rule:?} {state:?} {dismissed}");
                }
            }
        }
    }

    /// What was removed on purpose is said, and not counted among what nobody knows.
    #[test]
    fn summary_says_that_all_was_removed() {
        let unknown = |rule, fact: &str| Finding::new(rule, State::Unknown, fact);
        let findings = [unknown(Rule::Drift, REMOVED), unknown(Rule::Deliveries, "the webhooks were removed")];
        assert_eq!(summary(&findings), (Tone::Warn, "removed from Halo".to_owned()));
    }

    /// Right after a perfect set-up nothing is wrong, and nothing is counted but that no event has come yet.
    #[test]
    fn what_first_event_brings_is_not_counted_as_unknown() {
        let unknown = |rule| found(rule, State::Unknown);
        let first = [unknown(Rule::Silence), unknown(Rule::Lag), unknown(Rule::Deliveries)];
        assert_eq!(summary(&first), (Tone::Calm, String::new()));
        assert_eq!(summary(&first[1..]).1, "2 checks unknown", "an event has come");
        let more = [unknown(Rule::Silence), unknown(Rule::Drift)];
        assert_eq!(summary(&more).1, "2 checks unknown");
    }

    #[test]
    fn summary_counts_problems_and_names_worst() {
        let mut findings = vec![found(Rule::Drift, State::Watch), found(Rule::Service, State::Broken)];
        assert_eq!(summary(&findings), (Tone::Bad, "2 issues: service not running".to_owned()));
        findings[1].dismissed = true;
        assert_eq!(summary(&findings), (Tone::Warn, "objects differ in Halo".to_owned()));
        findings[0].dismissed = true;
        assert_eq!(summary(&findings), (Tone::Calm, "2 dismissed issues".to_owned()));
    }
}
