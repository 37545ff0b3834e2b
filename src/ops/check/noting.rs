//! What a test says of health, written down.

use crate::domain::check::{Check, CheckReport, CheckStatus};
use crate::domain::configuration::{ApiCredentials, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{
    Finding, Rule, State, allowed, answered, beside_refused_writes, clock, from_check, from_failure, not_answered,
    not_told_to, refused, write_refused, writing,
};
use crate::domain::next::Next;
use crate::domain::plan::ConfigureReport;
use crate::halo::HaloApi;
use crate::ops::Workspace;
use crate::store::FreshLists;

/// Writes down what a test of what is saved says of its health.
pub(in crate::ops) fn note(workspace: &Workspace, id: &ConfigurationId, report: &CheckReport, halo: &HaloApi) {
    let known = workspace.store.health(id).unwrap_or_default();
    let mut found: Vec<Finding> =
        from_check(report).into_iter().map(|found| beside_refused_writes(&known, found)).collect();
    // What a sync has warned of stays known as that.
    if not_told_to(&known).is_some() {
        found.retain(|found| (found.rule, found.state) != (Rule::AgentRestricted, State::Unknown));
    }
    found.extend(halo.clock_ahead().map(|ahead| clock(ahead, workspace.now())));
    let failure = report.first_failure().map(failure_of);
    found.extend(was_answered(report).then(answered));
    workspace.note_health(id, found);
    note_silence(workspace, id, failure.as_ref());
}

/// Keeps the lists that a test of what is saved has read anyway, once a sync has read them before: a form that is opened
/// afterwards judges by them.
pub(in crate::ops) fn keep_lists(
    workspace: &Workspace,
    id: &ConfigurationId,
    api: &ApiCredentials,
    report: &CheckReport,
) {
    let (agents, teams, ticket_types) = (&report.agents, &report.teams, &report.ticket_types);
    let fresh =
        FreshLists { agents: agents.as_deref(), teams: teams.as_deref(), ticket_types: ticket_types.as_deref() };
    let keep = || {
        // What is stored may be of another Halo still: the next sync sees to that.
        if workspace.store.lists(id)?.are_known() && !workspace.is_another_halo(id, api)? {
            workspace.store.keep_lists(id, fresh, workspace.now())?;
        }
        Ok::<_, Failure>(())
    };
    // Whoever may only read tests all the same.
    if let Err(error) = keep() {
        tracing::debug!(%error, "the lists that the test has read could not be saved");
    }
}

/// What Halo has refused to somebody who is not a test, or has allowed.
pub(in crate::ops) fn note_rights(workspace: &Workspace, id: &ConfigurationId, failure: Option<&Failure>, by: &str) {
    let Ok(known) = workspace.store.health(id) else { return };
    match failure {
        Some(failure) => {
            from_failure(failure).into_iter().for_each(|found| note_refusal(workspace, id, found.about(by)))
        }
        None => workspace.note_health(id, allowed(&known, by)),
    }
}

/// What Halo has said to the writes of a run: nothing else can tell, and so it outlasts the program.
pub(in crate::ops) fn note_writes(workspace: &Workspace, id: &ConfigurationId, report: &ConfigureReport, again: &Next) {
    for (kind, why) in report.writes() {
        match why {
            Some((name, why)) => note_refusal(workspace, id, write_refused(kind, name, why, again.clone())),
            None => note_rights(workspace, id, None, &writing(kind)),
        }
    }
}

/// The same of a refusal that has its words already.
pub(in crate::ops) fn note_refusal(workspace: &Workspace, id: &ConfigurationId, found: Finding) {
    let known = workspace.store.health(id).unwrap_or_default();
    workspace.note_health(id, [refused(&known, found)]);
}

/// What a check that failed is, for whoever needed it.
pub(in crate::ops) fn failure_of(check: &Check) -> Failure {
    let kind = check.failure.clone().unwrap_or(FailureKind::Declined);
    let failure = Failure::new(kind, format!("{}: {}", check.id.title(), check.message));
    Failure { hint: check.hint.clone(), ..failure }
}

/// Whether Halo was asked and has answered, whatever it said.
pub(in crate::ops) fn was_answered(report: &CheckReport) -> bool {
    let kept = report.first_failure().and_then(|check| check.failure.as_ref());
    report.checks.iter().any(|check| check.status != CheckStatus::Skip) && kept != Some(&FailureKind::NotReached)
}

/// Halo was asked, and what kept it from an answer: one that is not reached has shown nothing of what is in it.
pub(in crate::ops) fn note_silence(workspace: &Workspace, id: &ConfigurationId, kept: Option<&Failure>) {
    if let Some(failure) = kept.filter(|failure| failure.kind == FailureKind::NotReached)
        && let Ok(before) = workspace.store.health(id)
    {
        workspace.note_health(id, not_answered(&before, failure));
    }
}
