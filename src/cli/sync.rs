//! `sync`: the company sync, now.

use super::{Call, prompt};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::sync_run::{SyncProgress, SyncReport, SyncStatus};
use crate::domain::thousands;
use crate::ops;

pub(super) async fn run(call: &mut Call, yes: bool) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let (id, configuration) = workspace.active_configuration(call.configuration.as_ref())?;
    let mut report = once(call, &workspace, &id, &configuration, yes).await?;
    if report.status == SyncStatus::NeedsConfirmation && !call.output.json && prompt::is_possible() {
        let question = report.error.as_ref().map(ToString::to_string).unwrap_or_default();
        call.output.warn(question);
        if prompt::yes("Disable them?") {
            report = once(call, &workspace, &id, &configuration, true).await?;
        }
    }
    print(call, &report)?;
    Ok(exit_code(&report))
}

async fn once(
    call: &mut Call,
    workspace: &ops::Workspace,
    id: &crate::domain::configuration::ConfigurationId,
    configuration: &crate::domain::configuration::Configuration,
    yes: bool,
) -> Result<SyncReport, Failure> {
    let output = &mut call.output;
    output.say("Syncing");
    let on_progress = |progress: &SyncProgress| output.progress(&progress.line());
    ops::sync::run(workspace, id, configuration, yes, call.cancel.clone(), on_progress).await
}

fn print(call: &mut Call, report: &SyncReport) -> Result<(), Failure> {
    let output = &mut call.output;
    if output.json {
        return output.object(report);
    }
    match report.status {
        SyncStatus::Busy => output.line(report.status.word()),
        _ => output.line(format!("{}: {}", report.status.word(), report.proof())),
    }
    if report.status.has_published() {
        let changes = &report.changes;
        output.line(format!(
            "{} added, {} updated, {} disabled, {} returned, {} unchanged",
            thousands(changes.added),
            thousands(changes.updated),
            thousands(changes.disabled),
            thousands(changes.returned),
            thousands(changes.unchanged)
        ));
        output.line(format!("{} active, {} disabled", thousands(report.active), thousands(report.disabled)));
        let changed = changes.added + changes.updated + changes.disabled + changes.returned;
        if let (Some(run), true) = (report.run, changed > 0) {
            output.line(format!("Each of them: pia-halo history {run}"));
        }
    }
    for warning in &report.warnings {
        output.warn(format!("  {warning}"));
    }
    if let Some(hint) = report.error.as_ref().and_then(|error| error.hint.as_ref()) {
        output.warn(format!("  {hint}"));
    }
    Ok(())
}

fn exit_code(report: &SyncReport) -> u8 {
    match &report.error {
        None if report.proved => 0,
        // Read and kept, but not known to be all of them.
        None => 3,
        Some(Failure { kind: FailureKind::NeedsYes, .. }) => 3,
        Some(error) => error.exit_code(),
    }
}
