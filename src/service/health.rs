//! Health while nobody looks: after each sync Halo is asked whether everything is still as it was made; every state that
//! changes is written down, logged, shown in the figures and told to a command of the person's.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::Shared;
use super::at_halo::AtHalo;
use super::clock::Moments;
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::domain::health::{Finding, Rule, State, not_told, told_again};
use crate::ops;

/// How often what is known here is judged anew: ages grow without anything that happens.
const EVERY: SignedDuration = SignedDuration::from_mins(5);

/// A look is made after each daily sync; without one, after so long.
const UNSEEN: SignedDuration = SignedDuration::from_hours(25);

/// A rule is told no more often than this.
const BETWEEN: SignedDuration = SignedDuration::from_hours(1);

/// A look that told nothing, such as one with a wrong secret, is repeated no sooner.
const AGAIN: SignedDuration = SignedDuration::from_hours(6);

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a command must not find in its environment.
const SECRETS: [&str; 4] =
    ["PIA_HALO_CLIENT_SECRET", "PIA_HALO_CLIENT_SECRET_FILE", "PIA_HALO_FORWARD_SECRET_FILE", "CREDENTIALS_DIRECTORY"];

/// Runs until the service ends.
pub async fn run(shared: Arc<Shared>, command: Option<Vec<String>>, moments: impl Moments) {
    let mut told = Told::default();
    let mut reloaded = shared.reloaded.subscribe();
    let mut look = false;
    while !shared.cancel.is_cancelled() {
        if let Err(failure) = turn(&shared, command.as_deref(), &mut told, look).await {
            tracing::warn!(%failure, "cannot evaluate the health rules");
        }
        let moment = shared.workspace.now() + EVERY;
        look = tokio::select! {
            biased;
            () = shared.cancel.cancelled() => return,
            () = shared.synced.notified() => true,
            _ = reloaded.changed() => false,
            () = shared.owner_changed.notified() => false,
            () = moments.until(moment) => false,
        };
    }
}

async fn turn(shared: &Shared, command: Option<&[String]>, told: &mut Told, look: bool) -> Result<(), Failure> {
    let workspace = &shared.workspace;
    let active = workspace.run_blocking(|workspace| workspace.active()).await?;
    let Some((id, _)) = active else {
        shared.metrics.health(&[]);
        return Ok(());
    };
    let of = id.clone();
    let (before, is_configured) = workspace.run_blocking(move |workspace| ops::serving::health(workspace, &of)).await?;
    let now = workspace.now();
    let is_due = told.tried.is_none_or(|tried| now.duration_since(tried) >= AGAIN);
    let look = look || (is_configured && is_due && is_unseen(&before, now));
    if look {
        told.tried = Some(now);
    }
    if look {
        let failure = ops::health::look(workspace, &id, shared.cancel.clone(), |_| {}).await?;
        shared.failing.note(AtHalo::Health, failure.as_ref());
        if let Some(failure) = failure {
            tracing::warn!(%failure, "cannot check in Halo whether anything was changed");
        }
    }
    let of = id.clone();
    let findings = workspace.run_blocking(move |workspace| ops::health::evaluate(workspace, &of)).await?;
    shared.metrics.health(&findings);
    let known = told.states.clone();
    for due in told.due(&id, &before, &findings, workspace.now()) {
        if told.logged.insert(due.rule, due.state) != Some(due.state) {
            log(due);
        }
        let (of, rule, state) = (id.clone(), due.rule, due.state);
        if let Some(command) = command.filter(|_| due.is_issue()) {
            let given = tokio::select! {
                () = shared.cancel.cancelled() => return Ok(()),
                given = notify(command, &id, due) => given,
            };
            if let Some(findings) = told.note(workspace, &id, &findings, given.as_ref().err()).await? {
                shared.metrics.health(&findings);
            }
            if given.is_err() {
                told.take_back(rule, known.get(&rule).copied());
                continue;
            }
        }
        workspace.run_blocking(move |workspace| ops::health::told(workspace, &of, rule, state)).await?;
    }
    Ok(())
}

/// Whether nobody has seen for more than a day whether everything is as it was made: at a start, or where the sync is held.
fn is_unseen(before: &[Finding], now: Timestamp) -> bool {
    let drift = before.iter().find(|finding| finding.rule == Rule::Drift);
    drift.and_then(|drift| drift.seen_at).is_none_or(|at| now.duration_since(at) >= UNSEEN)
}

fn log(finding: &Finding) {
    let (rule, fact) = (finding.rule.code(), finding.fact.as_str());
    match finding.state {
        State::Broken => tracing::error!(rule, "{fact}"),
        State::Watch => tracing::warn!(rule, "{fact}"),
        State::Well | State::Unknown => tracing::info!(rule, "{fact}"),
    }
}

/// What was told of each rule, and when it was last told as a problem.
#[derive(Default)]
struct Told {
    of: Option<ConfigurationId>,
    states: BTreeMap<Rule, State>,
    at: BTreeMap<Rule, Timestamp>,
    // When Halo was last asked, whatever came of it.
    tried: Option<Timestamp>,
    // What stands in the log: a notice that is tried again is no news there.
    logged: BTreeMap<Rule, State>,
    // Why the last notice was not given.
    failed: Option<String>,
}

impl Told {
    /// What has changed since it was told; a problem no sooner than an hour after the last one of its rule. What the
    /// service before this one has told is no news; what was only written down is.
    fn due<'a>(
        &mut self,
        id: &ConfigurationId,
        before: &[Finding],
        findings: &'a [Finding],
        now: Timestamp,
    ) -> Vec<&'a Finding> {
        if self.of.as_ref() != Some(id) {
            let states = before.iter().filter_map(|finding| Some((finding.rule, finding.told?))).collect();
            *self = Self { of: Some(id.clone()), states, tried: self.tried, ..Self::default() };
        }
        let mut due = Vec::new();
        for finding in findings {
            let known = self.states.get(&finding.rule).copied().unwrap_or(State::Well);
            // That nobody knows is no news, and neither is the end of it.
            let is_news = known != finding.state && (finding.is_issue() || known >= State::Watch);
            if finding.state == State::Unknown || !is_news {
                continue;
            }
            if finding.is_issue() {
                let last = self.at.get(&finding.rule);
                if finding.dismissed || last.is_some_and(|at| now.duration_since(*at) < BETWEEN) {
                    continue;
                }
                self.at.insert(finding.rule, now);
            }
            self.states.insert(finding.rule, finding.state);
            due.push(finding);
        }
        due
    }
}

impl Told {
    /// What nobody was told is due again at the next turn.
    fn take_back(&mut self, rule: Rule, known: Option<State>) {
        self.at.remove(&rule);
        match known {
            Some(known) => _ = self.states.insert(rule, known),
            None => _ = self.states.remove(&rule),
        }
    }

    /// Writes down whether notices are given, for whoever looks by himself; answers with the findings then, where that is news.
    async fn note(
        &mut self,
        workspace: &ops::Workspace,
        id: &ConfigurationId,
        known: &[Finding],
        why: Option<&String>,
    ) -> Result<Option<Vec<Finding>>, Failure> {
        let is_known = known.iter().any(|finding| finding.rule == Rule::Notices && finding.is_issue());
        let found = match why {
            Some(why) => {
                if self.failed.as_ref() != Some(why) {
                    tracing::warn!("the notify command {why}: its notice is tried again");
                }
                Some(not_told(why))
            }
            None => (is_known || self.failed.is_some()).then(told_again),
        };
        self.failed = why.cloned();
        let Some(found) = found else { return Ok(None) };
        let id = id.clone();
        let write = move |workspace: &ops::Workspace| {
            ops::health::note(workspace, &id, found);
            ops::health::findings(workspace, &id).map(Some)
        };
        workspace.run_blocking(write).await
    }
}

/// Runs the command, without a shell, with the finding as JSON on its standard input. What it prints is nobody's.
///
/// # Errors
///
/// Why nobody was told.
async fn notify(command: &[String], id: &ConfigurationId, finding: &Finding) -> Result<(), String> {
    let [program, arguments @ ..] = command else { return Ok(()) };
    let facts = json!({ "configuration": id.as_str(), "finding": finding });
    let mut process = tokio::process::Command::new(program);
    process.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    SECRETS.iter().for_each(|name| _ = process.env_remove(name));
    let run = async {
        let mut child = process.spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // One that does not read has ended, or knows without.
            _ = input.write_all(format!("{facts}\n").as_bytes()).await;
        }
        child.wait().await
    };
    match tokio::time::timeout(PATIENCE, run).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("failed, {status}")),
        Ok(Err(error)) => Err(format!("cannot be run: {error}")),
        Err(_) => Err(format!("did not finish within {} s", PATIENCE.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::testing::{Fixture, at};

    fn found(rule: Rule, state: State) -> Finding {
        Finding::new(rule, state, "f")
    }

    /// At most one notice a rule and hour; what changed meanwhile is told then, if it still is so.
    #[test]
    fn problem_is_told_once_rule_and_hour() {
        let (id, start) = ("acme".parse().unwrap(), at("2026-11-29T12:00:00Z"));
        let mut told = Told::default();
        let mut due = |state, minutes: i32| {
            let findings = [found(Rule::Drift, state), found(Rule::Disk, State::Unknown)];
            let now = start + SignedDuration::from_mins(1) * minutes;
            told.due(&id, &[], &findings, now).iter().map(|finding| finding.state).collect::<Vec<_>>()
        };
        assert_eq!(due(State::Well, 0), []);
        assert_eq!(due(State::Broken, 1), [State::Broken]);
        assert_eq!(due(State::Broken, 2), []);
        assert_eq!(due(State::Well, 3), [State::Well]);
        assert_eq!(due(State::Broken, 4), [], "told three minutes ago");
        assert_eq!(due(State::Broken, 61), [State::Broken], "still so after the hour");
        assert_eq!(due(State::Unknown, 70), []);
        assert_eq!(due(State::Broken, 200), []);
    }

    /// What was found while the service was off is only written down: nobody was told.
    #[test]
    fn restart_tells_what_nobody_was_told() {
        let (id, now) = ("acme".parse().unwrap(), at("2026-11-29T12:00:00Z"));
        let told = Finding { told: Some(State::Broken), ..found(Rule::Drift, State::Broken) };
        let before = [told, found(Rule::Disk, State::Watch)];
        let findings = [found(Rule::Drift, State::Broken), found(Rule::Disk, State::Watch)];
        let due: Vec<Rule> =
            Told::default().due(&id, &before, &findings, now).iter().map(|finding| finding.rule).collect();
        assert_eq!(due, [Rule::Disk]);
        let dismissed = [Finding { dismissed: true, ..found(Rule::Disk, State::Watch) }];
        assert!(Told::default().due(&id, &[], &dismissed, now).is_empty());
    }

    /// The command gets the facts on standard input, and neither a shell nor a secret.
    #[tokio::test]
    async fn notice_is_json_on_standard_input_of_command() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notice $(id)");
        let tee = ["tee".to_owned(), file.display().to_string()];
        let finding = found(Rule::Drift, State::Broken);
        notify(&tee, &"acme".parse().unwrap(), &finding).await.unwrap();
        let notice: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(notice["configuration"], "acme");
        assert_eq!((&notice["finding"]["rule"], &notice["finding"]["state"]), (&"drift".into(), &"broken".into()));
        // One that cannot be run, and one that ends without reading, hold nothing up.
        notify(&["/nowhere/at/all".to_owned()], &"acme".parse().unwrap(), &finding).await.unwrap_err();
        notify(&["false".to_owned()], &"acme".parse().unwrap(), &finding).await.unwrap_err();
        notify(&["true".to_owned()], &"acme".parse().unwrap(), &finding).await.unwrap();
    }

    /// A notice that could not be given is no notice: it is given once it can be, and until then it is known that it was not.
    #[tokio::test]
    async fn notice_that_was_not_given_is_given_later() {
        let fixture = Fixture::open("2026-11-29T12:00:00Z");
        let (shared, id, mut told) = (fixture.shared(), "acme".parse().unwrap(), Told::default());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("told");
        let tee = ["tee".to_owned(), "-a".to_owned(), file.display().to_string()];
        let nowhere = ["/nowhere/at/all".to_owned()];
        for _ in 0..2 {
            turn(&shared, Some(&nowhere), &mut told, false).await.unwrap();
            let kept = fixture.store().health(&id).unwrap();
            let notices = kept.iter().find(|finding| finding.rule == Rule::Notices).unwrap();
            assert!(notices.is_issue() && notices.fact.contains("cannot be run"), "{notices:?}");
            assert!(
                kept.iter()
                    .all(|finding| finding.rule == Rule::Notices || !finding.is_issue() || finding.told.is_none())
            );
        }
        turn(&shared, Some(&tee), &mut told, false).await.unwrap();
        let said = || std::fs::read_to_string(&file).unwrap();
        assert_eq!(said().matches("\"rule\":\"service\"").count(), 1, "{}", said());
        let notices = |kept: Vec<Finding>| kept.into_iter().find(|finding| finding.rule == Rule::Notices).unwrap();
        assert!(!notices(fixture.store().health(&id).unwrap()).is_issue());
        turn(&shared, Some(&tee), &mut told, false).await.unwrap();
        assert_eq!(said().matches("\"rule\":\"service\"").count(), 1, "told once");
        // The service after one that could tell nobody does it.
        let mut next = Told::default();
        for command in [&nowhere[..], &tee] {
            next.of = None;
            fixture.store().keep_health(&id, &[found(Rule::Service, State::Watch)]).unwrap();
            turn(&shared, Some(command), &mut next, false).await.unwrap();
        }
        assert_eq!(said().matches("\"rule\":\"service\"").count(), 2, "{}", said());
    }

    /// Every rule whose state is known has its figure, and what changed is in the store for whoever looks later.
    #[tokio::test]
    async fn turn_writes_states_down_and_into_figures() {
        let fixture = Fixture::open("2026-11-29T12:00:00Z");
        let shared = fixture.shared();
        turn(&shared, None, &mut Told::default(), false).await.unwrap();
        let figures = shared.metrics.text();
        let findings = ops::health::findings(&shared.workspace, &"acme".parse().unwrap()).unwrap();
        assert_eq!(findings.len(), Rule::ALL.len());
        for finding in findings {
            let name = format!("pia_halo_health{{rule=\"{}\"}}", finding.rule.code());
            assert_eq!(figures.contains(&name), finding.state != State::Unknown, "{name} in {figures}");
        }
        assert!(figures.contains("pia_halo_health{rule=\"credentials\"} 2"), "{figures}");
        let kept = fixture.store().health(&"acme".parse().unwrap()).unwrap();
        let service = kept.iter().find(|finding| finding.rule == Rule::Service).unwrap();
        assert_eq!((service.state, service.since), (State::Watch, Some(at("2026-11-29T12:00:00Z"))));
        assert!(kept.iter().all(|finding| !finding.rule.is_seen()), "nobody has looked");
        fixture.deactivate();
        turn(&shared, None, &mut Told::default(), false).await.unwrap();
        assert!(!shared.metrics.text().contains("pia_halo_health{"), "of nothing nothing is told");
    }

    /// After a sync in any case; otherwise no sooner than hours after a look that told nothing.
    #[tokio::test]
    async fn look_that_told_nothing_is_not_repeated_at_each_turn() {
        let fixture = Fixture::open("2026-11-29T12:00:00Z");
        let (shared, begun, mut told) = (fixture.shared(), fixture.now(), Told::default());
        turn(&shared, None, &mut told, false).await.unwrap();
        assert_eq!(told.tried, None, "nothing was made in Halo yet");
        turn(&shared, None, &mut told, true).await.unwrap();
        assert_eq!(told.tried, Some(begun), "after a sync");
        fixture.store().set_configured_at(&"acme".parse().unwrap(), Some(begun)).unwrap();
        for (minutes, tried) in [(5, 0), (359, 0), (360, 360), (365, 360)] {
            fixture.sleep_until(begun + SignedDuration::from_mins(minutes));
            turn(&shared, None, &mut told, false).await.unwrap();
            assert_eq!(told.tried, Some(begun + SignedDuration::from_mins(tried)), "{minutes}");
        }
    }

    /// Problems alone are told to the command; one that hangs is ended, and holds up no end of the service.
    #[tokio::test]
    async fn command_is_told_problems_and_cannot_hold_service_up() {
        let fixture = Fixture::open("2026-11-29T12:00:00Z");
        let (shared, id) = (fixture.shared(), "acme".parse().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("told");
        let tee = ["tee".to_owned(), "-a".to_owned(), file.display().to_string()];
        let mut told = Told { of: Some(id), ..Told::default() };
        told.states.insert(Rule::Rotation, State::Broken);
        turn(&shared, Some(&tee), &mut told, false).await.unwrap();
        let said = std::fs::read_to_string(&file).unwrap();
        assert!(said.contains("\"rule\":\"service\"") && !said.contains("\"rule\":\"rotation\""), "{said}");

        tokio::time::pause();
        let hangs = ["sleep".to_owned(), "1000".to_owned()];
        let begun = tokio::time::Instant::now();
        notify(&hangs, &"acme".parse().unwrap(), &found(Rule::Drift, State::Broken)).await.unwrap_err();
        assert!((PATIENCE..2 * PATIENCE).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        shared.cancel.cancel();
        let begun = tokio::time::Instant::now();
        turn(&shared, Some(&hangs), &mut Told::default(), false).await.unwrap();
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    }
}
