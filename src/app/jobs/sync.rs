//! The company sync: Sync Now, how it goes, how it ended, and the question before many clients are disabled.

use crate::app::effect::{Effect, Slot};
use crate::app::jobs::state::{ApplyWork, HeldSync, PlanWork, SyncEnd, SyncRun, SyncWork};
use crate::app::keymap::{self, Command, Pane, Place};
use crate::app::model::{Model, Screen, saved_title};
use crate::app::notice::{Holds, Tone};
use crate::app::popup::{Ask, Confirm, Popup};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::sync_run::{Brake, SyncProgress, SyncReport, SyncStatus};
use crate::words::Phrase;

use super::plan;

/// Why Sync Now does nothing now.
pub fn refusal(model: &Model) -> Option<Phrase> {
    if let SyncWork::Running(run) = &model.work.sync {
        let since = run.since.strftime("%H:%M");
        let whose = match model.saved(&run.id) {
            Some(saved) if model.current.as_ref() != Some(&run.id) => format!(" {}", saved_title(saved)),
            _ => String::new(),
        };
        if run.stopping {
            return Some(format!("The sync{whose} is stopping. Wait until it has stopped.").into());
        }
        return Some(format!("Already syncing{whose}, since {since} UTC. Wait until it has finished.").into());
    }
    if model.work.apply.is_running() {
        return Some(format!("{} Then Sync Now is available.", plan::running(model).unwrap_or_default()).into());
    }
    if model.current.is_none() {
        return Some("Save the configuration first.".into());
    }
    let known = model.current_saved().is_some();
    (known && !model.is_active()).then(|| plan::inactive(model))
}

/// "Sync Now".
pub fn start(model: &mut Model, brake: Brake) -> Vec<Effect> {
    if let Some(reason) = refusal(model) {
        model.say_while(Holds::Refused(keymap::place(model), Command::SyncNow), Tone::Warn, reason);
        return Vec::new();
    }
    let Some(id) = model.current.clone() else { return Vec::new() };
    if brake == Brake::On
        && let Some(HeldSync { id, gone, reasons }) = model.work.held.take_if(|of| of.id == id)
    {
        // The last one still waits for its answer.
        model.popup = Some(Popup::Confirm(Confirm::new(Ask::MassChange { id, gone, reasons })));
        model.touch();
        return Vec::new();
    }
    model.work.held = None;
    model.work.sync = SyncWork::Running(SyncRun {
        id: id.clone(),
        since: model.now,
        progress: SyncProgress::default(),
        read_at: model.now,
        other: None,
        stopping: false,
    });
    model.touch();
    vec![Effect::Sync { id, brake }]
}

/// Whether the sync of what is open runs, and was not stopped yet.
pub fn can_stop(model: &Model) -> bool {
    model.work.sync.run_of(model.current.as_ref()).is_some_and(|run| !run.stopping)
}

/// "Stop": the list stays as it was. It is over once it says how it ended.
pub fn stop(model: &mut Model) -> Vec<Effect> {
    match &mut model.work.sync {
        SyncWork::Running(run) if !run.stopping => run.stopping = true,
        _ => return Vec::new(),
    }
    model.touch();
    vec![Effect::Cancel(Slot::Sync)]
}

pub fn progress(model: &mut Model, progress: SyncProgress) {
    let now = model.now;
    if let SyncWork::Running(run) = &mut model.work.sync
        && (run.progress != progress || run.other.is_some())
    {
        // The other one has ended without a result, and it is its turn now.
        if run.other.take().is_some() {
            run.since = now;
        }
        if progress.clients_read != run.progress.clients_read {
            run.read_at = now;
        }
        run.progress = progress;
        model.touch();
    }
}

/// The other program that syncs what is open.
pub fn elsewhere(model: &Model) -> Option<&str> {
    let standing =
        model.facts.standing.as_ref().filter(|_| model.work.sync.run_of(model.current.as_ref()).is_none())?;
    standing.syncing.as_deref()
}

/// Another program is at a sync already: that one is shown, and how it ends.
pub fn follows(model: &mut Model, other: String) {
    if let SyncWork::Running(run) = &mut model.work.sync {
        run.other = Some(other);
        model.touch();
    }
}

/// The sync has ended.
pub fn synced(model: &mut Model, outcome: Result<SyncReport, Failure>) -> Vec<Effect> {
    let SyncWork::Running(run) = &model.work.sync else { return Vec::new() };
    let (id, read, stopped) = (run.id.clone(), run.progress.clients_read, run.stopping);
    model.touch();
    let needs_yes = outcome.as_ref().ok().and_then(|report| {
        let (id, reasons) = (id.clone(), report.warnings.clone());
        report.would_disable.map(|gone| HeldSync { id, gone, reasons })
    });
    let end = match outcome {
        Ok(report) => SyncEnd::Report(Box::new(report)),
        Err(failure) if stopped && failure.kind == FailureKind::Interrupted => SyncEnd::Stopped { read },
        Err(failure) => SyncEnd::Failed(failure),
    };
    let was_stopped = match &end {
        SyncEnd::Stopped { .. } => true,
        SyncEnd::Report(report) => stopped && report.status == SyncStatus::Interrupted,
        SyncEnd::Failed(_) => false,
    };
    model.work.sync = SyncWork::Ended(id.clone(), end);
    if was_stopped && model.screen == Screen::Panes && model.panes.pane != Pane::Sync {
        // Its own pane tells it beside the list.
        model.say(Tone::Calm, Phrase::from("You stopped the sync.").key(" ", "sync_now", " resumes it."));
    }
    if let Some(question) = needs_yes {
        ask(model, question);
    }
    let mut effects = vec![Effect::LoadOverview];
    if model.current.as_ref() == Some(&id) {
        if matches!((model.apply(), &model.work.plan), (ApplyWork::None, plan) if !matches!(plan, PlanWork::Reading { .. }))
        {
            // It was made from the lists before this one.
            model.work.forget_plan();
        }
        effects.extend([Effect::LoadStatus(id.clone()), Effect::LoadLists(id.clone()), Effect::LoadClients(id)]);
    }
    effects
}

// Asks about a mass change: at once where the sync is looked at, and never under a finger that types something else.
fn ask(model: &mut Model, question: HeldSync) {
    let looked_at = match keymap::place(model) {
        Place::InitialSync => true,
        // The sync runs, so the field of the contact is not there yet to have the focus.
        Place::Pane(Pane::Sync) => true,
        _ => false,
    };
    if looked_at && model.current.as_ref() == Some(&question.id) {
        let HeldSync { id, gone, reasons } = question;
        let ask = Ask::MassChange { id, gone, reasons };
        model.popup = Some(Popup::Confirm(Confirm::new(ask)));
        return;
    }
    let name = model.saved(&question.id).map_or_else(|| question.id.to_string(), saved_title);
    model.work.held = Some(question);
    model.say_while(
        Holds::Held,
        Tone::Warn,
        Phrase::from(format!("The sync of {name} needs your answer: more clients than usual are gone. Press Sync Now"))
            .key(" (", "sync_now", ")")
            .text("."),
    );
}
