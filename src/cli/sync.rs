//! `sync`: the company sync, now.

use super::exit::ExitCode as _;
use super::{Call, prompt};
use crate::domain::failure::Failure;
use crate::domain::next::Next;
use crate::domain::sync_run::{Brake, SyncProgress, SyncReport, SyncStatus};
use crate::domain::thousands;
use crate::ops;
use crate::words;

pub(super) async fn run(call: &mut Call, yes: bool) -> Result<u8, Failure> {
    let workspace = call.workspace()?;
    let (id, configuration, _) = call.chosen(&workspace)?;
    let mut brake = if yes { Brake::Off } else { Brake::On };
    let report = loop {
        let mut report = once(call, &workspace, &id, &configuration, brake).await?;
        let Some(gone) = report.would_disable.filter(|_| call.can_ask()) else {
            break report;
        };
        for warning in report.warnings.drain(..) {
            call.output.warn(warning);
        }
        if !prompt::yes("Disable them?") {
            break report;
        }
        brake = Brake::UpTo(gone);
    };
    print(call, &report)?;
    Ok(report.exit_code())
}

async fn once(
    call: &mut Call,
    workspace: &ops::Workspace,
    id: &crate::domain::configuration::ConfigurationId,
    configuration: &crate::domain::configuration::Configuration,
    brake: Brake,
) -> Result<SyncReport, Failure> {
    let output = &mut call.output;
    output.say("Syncing");
    let on_progress = |progress: &SyncProgress| output.progress(&progress.line());
    ops::sync::run(workspace, id, configuration, brake, call.cancel.clone(), on_progress).await
}

fn print(call: &mut Call, report: &SyncReport) -> Result<(), Failure> {
    let output = &mut call.output;
    if output.json {
        return output.report(report, report.error.as_ref());
    }
    match report.status {
        SyncStatus::Busy => output.line(report.status.word()),
        _ => output.line(format!("{}: {}", report.status.word(), report.proof())),
    }
    if report.status.has_published() {
        let changes = &report.changes;
        let counts = words::sync::counts(changes);
        output.line(format!("{counts}, {} unchanged", thousands(changes.unchanged)));
        output.line(report.usage());
        if let (Some(run), true) = (report.run, words::sync::changed(changes) > 0) {
            output.line(format!("To see each change: {}", Next::Run(run.get())));
        }
    }
    for warning in &report.warnings {
        output.warn(format!("  {warning}"));
    }
    if let Some(hint) = report.error.as_ref().and_then(|error| error.hint.as_ref()) {
        let hint = output.hint(hint);
        output.warn(format!("  {hint}"));
    }
    Ok(())
}
