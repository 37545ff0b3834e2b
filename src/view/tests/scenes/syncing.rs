//! Initial Sync, and the choice of an agent after it.

use jiff::SignedDuration;

use crate::app::message::Reply;
use crate::app::testing::{Stage, at_sync, lists, progress, sync_report};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::people::Agent;
use crate::domain::sync_run::{BudgetWait, Silence, SyncProgress, SyncStatus};

use super::{Scenes, busy, unreachable};

fn ended(status: SyncStatus) -> Stage {
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.later(4);
    stage.reply(Reply::Synced(Ok(sync_report(status))));
    stage.reply(Reply::Lists(Ok(lists())));
    stage
}

// Halo's count is one more than the clients that it lists.
fn unproved() -> Stage {
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::Synced(Ok(crate::app::testing::unproved())));
    stage.reply(Reply::Lists(Ok(lists())));
    stage
}

fn running(read: u64, total: Option<u64>) -> Stage {
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::SyncProgress(progress(read, total)));
    stage
}

/// The number of agents in the long list.
pub const AGENTS: i64 = 300;

pub fn add(scenes: &mut Scenes) {
    scenes.add("wizard_sync", at_sync(), |_| {});
    scenes.add("wizard_sync_asking", at_sync(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::SyncProgress(SyncProgress::default()));
    });
    scenes.add("wizard_sync_silent", at_sync(), |stage| {
        stage.keys("Enter");
        stage.later(32);
        let (since, again_at) = (stage.now - SignedDuration::from_secs(32), stage.now + SignedDuration::from_secs(6));
        let silence = Some(Silence { since, attempt: 2, again_at: Some(again_at), refused: None });
        stage.reply(Reply::SyncProgress(SyncProgress { silence, ..SyncProgress::default() }));
    });
    scenes.add("wizard_sync_running", at_sync(), |stage| {
        stage.keys("Enter");
        let mut going = progress(34_200, Some(100_000));
        stage.later(312);
        let until = stage.now + SignedDuration::from_secs(41);
        going.waiting = Some(BudgetWait { limit: 300, window_seconds: 300, until, one_by_one: false });
        stage.reply(Reply::SyncProgress(going));
    });
    scenes.add("wizard_sync_complete", ended(SyncStatus::CompleteWithWarnings), |_| {});
    scenes.add("wizard_sync_warning", ended(SyncStatus::CompleteWithWarnings), |stage| {
        stage.keys("Up");
    });
    scenes.add("wizard_sync_unproved", unproved(), |_| {});
    scenes.add("wizard_sync_unproved_typed", unproved(), |stage| {
        stage.keys("Enter");
        stage.type_text("acme");
    });
    scenes.add("wizard_sync_failed_report", ended(SyncStatus::Failed), |_| {});
    scenes.add("wizard_sync_busy_report", ended(SyncStatus::Busy), |_| {});
    scenes.add("wizard_sync_escalate_to", at_sync(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Complete))));
        stage.reply(Reply::Lists(Ok(lists())));
        stage.keys("Enter");
    });
    scenes.add("wizard_sync_escalate_many", at_sync(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Complete))));
        let mut many = lists();
        many.agents = (1..=AGENTS)
            .map(|id| Agent { id, name: format!("Agent {id:03}").into(), assignable: true, api_only: false })
            .collect();
        stage.reply(Reply::Lists(Ok(many)));
        stage.keys("Enter");
        stage.type_text("agent");
        for _ in 0..40 {
            stage.keys("Down");
        }
    });
    scenes.add("wizard_sync_escalate_none", ended(SyncStatus::Complete), |stage| {
        stage.keys("Enter");
        stage.type_text("zzz");
    });
    scenes.add("wizard_sync_escalate_chosen", ended(SyncStatus::Complete), |stage| {
        stage.keys("Enter Down Enter");
    });
    scenes.add("wizard_sync_escalate_gone", ended(SyncStatus::Complete), |stage| {
        stage.keys("Enter Down Enter");
        let mut fewer = lists();
        fewer.agents.clear();
        stage.reply(Reply::Lists(Ok(fewer)));
    });
    scenes.add("wizard_sync_busy", at_sync(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Synced(Err(busy())));
    });
    scenes.add("wizard_sync_followed", at_sync(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::SyncFollows("Sync Now by dana on jump1 since 10:51:07 UTC (process 4711)".to_owned()));
        stage.later(12);
    });
    scenes.add("wizard_sync_unreachable", at_sync(), |stage| {
        stage.keys("Enter");
        stage.reply(Reply::Synced(Err(unreachable())));
    });
    scenes.add("wizard_sync_stopping", running(34_200, Some(100_000)), |stage| {
        stage.keys("Esc");
    });
    scenes.add("wizard_sync_stopped", at_sync(), |stage| {
        stage.keys("Enter Esc");
        stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Interrupted))));
    });
    scenes.add("wizard_sync_interrupted", running(34_200, None), |stage| {
        stage.keys("Esc");
        stage.reply(Reply::Synced(Err(Failure::new(FailureKind::Interrupted, "stopped"))));
    });
    scenes.add("wizard_sync_mass_change", at_sync(), |stage| {
        stage.keys("Enter");
        let mut report = sync_report(SyncStatus::NeedsConfirmation);
        report.warnings = vec!["61 of 237 clients would be disabled.".to_owned()];
        stage.reply(Reply::Synced(Ok(report)));
    });
    scenes.add("wizard_sync_mass_change_later", at_sync(), |stage| {
        stage.keys("Enter Esc");
        let mut report = sync_report(SyncStatus::NeedsConfirmation);
        report.warnings = vec!["61 of 237 clients would be disabled.".to_owned()];
        stage.keys("2");
        stage.reply(Reply::Synced(Ok(report)));
    });
}
