//! What runs: progress, stopping, waking, and what must not be drawn.

use jiff::SignedDuration;

use crate::app::effect::{Effect, Slot};
use crate::app::footer::hints;
use crate::app::go::Go;
use crate::app::jobs::state::{ApplyWork, SyncEnd, SyncWork};
use crate::app::keymap::Command;
use crate::app::meaning::{Meaning, meaning};
use crate::app::message::{Message, Reply};
use crate::app::popup::{Ask, Popup};
use crate::app::testing::{
    Stage, at, at_configure, at_sync, id, in_panes, key, overview, plan, progress, results, saved, sync_report,
    unproved,
};
use crate::app::wizard::{Item, StepSign, step_sign};
use crate::app::{next_wake, update};
use crate::domain::draft::Step;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::sync_run::{Brake, BudgetWait, SyncProgress, SyncStatus};

/// No tick: idle asks for no wake, and a key without a meaning draws nothing.
#[test]
fn idle_is_asleep_and_key_without_meaning_draws_nothing() {
    let mut stage = in_panes();
    // The age of the last event is told by the minute, and nothing else.
    assert_eq!(next_wake(&stage.model, stage.now), Some(at("2026-11-23T10:54:00Z")));
    stage.model.take_dirty();
    for name in ["z", "F1 Esc"] {
        stage.keys(name);
        if name == "z" {
            assert!(!stage.model.is_dirty(), "{name}");
        }
    }
    stage.model.take_dirty();
    stage.send(Message::Wake);
    stage.keys("Up");
    stage.resize(80, 24);
    assert!(!stage.model.is_dirty(), "nothing moved");
    let same = stage.model.overview.clone();
    stage.reply(Reply::Overview(Ok(same)));
    assert!(!stage.model.is_dirty(), "nothing new");
}

/// A notice about something that goes on goes with it, and with the screen that it was said on.
#[test]
fn notice_of_what_goes_on_goes_with_it() {
    // Enter twice: the second one finds the sync running, and the plan follows it by itself.
    let mut stage = at_sync();
    stage.keys("Enter Enter");
    assert!(stage.notice().starts_with("Already syncing"), "{}", stage.notice());
    stage.reply(Reply::SyncProgress(progress(230, Some(460))));
    assert!(stage.notice().starts_with("Already syncing"), "it still does");
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Complete))));
    assert_eq!(stage.notice(), "");

    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("y y");
    assert!(stage.notice().contains("already running"), "{}", stage.notice());
    let failure = Failure::new(FailureKind::NotReached, "gone");
    stage.reply(Reply::Configured(Err(failure)));
    assert_eq!(stage.notice(), "");

    let mut stage = Stage::with(overview(vec![saved("trial", "Acme trial", false, true, true)]));
    stage.keys("Esc");
    assert!(stage.notice().starts_with("This is the first screen"), "{}", stage.notice());
    stage.send(Message::Go(Go::Saved(id("trial"))));
    assert_eq!(stage.notice(), "", "said of another screen");
}

/// S43, S45: it starts with the key, says Syncing at once, and is told the time by the second.
#[test]
fn running_sync_wakes_by_second() {
    let mut stage = at_sync();
    stage.keys("Enter");
    assert!(stage.model.is_dirty() && stage.model.work.sync.is_running());
    let next = next_wake(&stage.model, stage.now).unwrap();
    assert_eq!(next.duration_since(stage.now), SignedDuration::from_secs(1));
    stage.now = stage.now.checked_add(SignedDuration::from_millis(2_300)).unwrap();
    let next = next_wake(&stage.model, stage.now).unwrap();
    assert_eq!(next.duration_since(stage.now), SignedDuration::from_millis(700));
    let SyncWork::Running(run) = &stage.model.work.sync else { panic!() };
    assert_eq!(run.rate(stage.now), None);
    let pages = |pages, waiting| SyncProgress { pages, waiting, ..progress(230, Some(460)) };
    stage.reply(Reply::SyncProgress(pages(9, None)));
    let SyncWork::Running(run) = &stage.model.work.sync else { panic!() };
    assert_eq!(run.seconds_left(stage.now), None, "a few pages tell nothing");
    stage.reply(Reply::SyncProgress(pages(10, None)));
    let SyncWork::Running(run) = &stage.model.work.sync else { panic!() };
    assert_eq!(run.seconds_left(stage.now), Some(3));
    let until = stage.now.checked_add(SignedDuration::from_secs(8)).unwrap();
    let waiting = Some(BudgetWait { limit: 700, window_seconds: 300, until, one_by_one: false });
    stage.reply(Reply::SyncProgress(pages(10, waiting)));
    let SyncWork::Running(run) = &stage.model.work.sync else { panic!() };
    assert_eq!(run.seconds_left(stage.now), None, "the wait is told by itself");
}

#[test]
fn notice_goes_away_by_itself() {
    let mut stage = in_panes();
    stage.keys("a s s");
    let until = next_wake(&stage.model, stage.now).unwrap();
    assert!(until > stage.now);
    stage.keys("Esc");
    stage.reply(Reply::Synced(Err(Failure::new(FailureKind::Interrupted, "stopped"))));
    stage.now = stage.now.checked_add(SignedDuration::from_secs(60)).unwrap();
    update(&mut stage.model, Message::Wake, stage.now);
    assert!(stage.model.notice.is_none());
    assert_eq!(next_wake(&stage.model, stage.now), Some(at("2026-11-23T10:55:00Z")), "only the age of the last event");
}

/// S46: one key stops it, and what was read is kept.
#[test]
fn esc_stops_sync_that_can_be_resumed() {
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::SyncProgress(progress(34_200, Some(100_000))));
    assert_eq!(stage.keys("Esc"), [Effect::Cancel(Slot::Sync)]);
    assert_eq!(stage.keys("s"), [], "it is stopping");
    stage.reply(Reply::Synced(Err(Failure::new(FailureKind::Interrupted, "stopped"))));
    let SyncWork::Ended(_, SyncEnd::Stopped { read, .. }) = &stage.model.work.sync else { panic!() };
    assert_eq!(*read, 34_200);
    assert_eq!(stage.keys("s"), [Effect::Sync { id: id("acme"), brake: Brake::On }]);
}

/// Where there is room for one key, the Sync pane names its own.
#[test]
fn sync_pane_names_sync_now_first() {
    let mut stage = in_panes();
    stage.keys("1");
    for columns in [200, 80, 48, 40] {
        let (left, _) = hints(&stage.model, columns);
        assert_eq!(left.first().map(|hint| hint.words.as_str()), Some("Sync Now"), "{columns}: {left:?}");
    }
}

/// In a pane that does not show it, too, a stopped sync is told, and how it goes on.
#[test]
fn stopped_sync_is_told_in_every_pane() {
    for pane in ["0", "2", "4", "5"] {
        let mut stage = in_panes();
        stage.keys(pane);
        stage.keys("s");
        stage.keys("Esc");
        stage.reply(Reply::Synced(Err(Failure::new(FailureKind::Interrupted, "stopped"))));
        assert_eq!(stage.notice(), "You stopped the sync. s resumes it.", "{pane}");
        // At a Halo that is silent it has a report.
        stage.model.notice = None;
        stage.keys("s");
        stage.keys("Esc");
        stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Interrupted))));
        assert_eq!(stage.notice(), "You stopped the sync. s resumes it.", "{pane}");
    }
}

#[test]
fn mass_change_asks_and_goes_on_with_yes() {
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::NeedsConfirmation))));
    assert!(matches!(stage.model.popup, Some(Popup::Confirm(_))));
    assert_eq!(stage.keys("Enter"), [], "the focus is on No");
    stage.keys("s");
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::NeedsConfirmation))));
    assert_eq!(stage.keys("y"), [], "no single letter disables clients");
    assert_eq!(stage.keys("Tab Enter"), [Effect::Sync { id: id("acme"), brake: Brake::UpTo(61) }]);
}

#[test]
fn stopped_configure_keeps_what_is_done() {
    let mut stage = at_configure();
    stage.reply(Reply::Planned(Ok(Ok(plan()))));
    stage.keys("y");
    stage.reply(Reply::Applied(results(&plan()).remove(0)));
    assert_eq!(stage.keys("Esc"), [Effect::Cancel(Slot::Configure)]);
    assert_eq!(stage.keys("Enter t"), [], "it is stopping");
    assert!(stage.notice().contains("is stopping"));
    // The object in flight comes to its end, and is told.
    stage.reply(Reply::Applied(results(&plan()).remove(1)));
    stage.reply(Reply::Configured(Err(Failure::new(FailureKind::Interrupted, "stopped"))));
    let ApplyWork::Failed { results, .. } = &stage.model.work.apply else { panic!() };
    assert_eq!(results.len(), 2);
    assert_eq!(stage.keys("Enter"), [Effect::LoadPlan(id("acme"))], "again finishes it");
}

/// No dead end: clients that no sync proves to be all are gone on with after a typed yes, and are shown as not proved.
#[test]
fn unproved_clients_are_gone_on_with_after_typed_yes() {
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::Synced(Ok(unproved())));
    let focus = |stage: &Stage| stage.model.wizard.as_ref().map(|wizard| wizard.focus);
    assert_eq!(focus(&stage), Some(Item::Go));
    assert!(
        matches!(meaning(&stage.model, key("2")), Meaning::Do(Command::LookAtClients)),
        "what is there can be seen"
    );
    assert_eq!(stage.keys("Enter"), []);
    for wrong in ["y", "acm"] {
        stage.type_text(wrong);
        assert_eq!(stage.keys("Enter"), [], "{wrong} is no yes");
        stage.keys("^U");
    }
    stage.type_text("yes");
    assert_eq!(stage.keys("Enter"), [Effect::AgreeUnproved(id("acme"))]);
    assert!(!stage.model.is_synced(), "not before it is noted");
    let effects = stage.reply(Reply::Agreed(Ok(id("acme"))));
    assert!(effects.contains(&Effect::LoadPlan(id("acme"))), "{effects:?}");
    assert_eq!(step_sign(&stage.model, Step::InitialSync), StepSign::Warn);
    // Only a list that is stored, and of this Halo, can be gone on with.
    let mut stage = at_sync();
    stage.keys("Enter");
    stage.reply(Reply::Synced(Ok(sync_report(SyncStatus::Failed))));
    assert!(!stage.model.is_unproved());
}

/// A sync that runs is not cut short by one letter.
#[test]
fn quitting_asks_while_sync_runs() {
    let mut stage = in_panes();
    stage.keys("s q");
    assert!(matches!(&stage.model.popup, Some(Popup::Confirm(question)) if matches!(question.ask, Ask::Quit { .. })));
    assert_eq!(stage.keys("n"), []);
    assert!(stage.model.work.sync.is_running());
    assert_eq!(stage.keys("q y"), [Effect::Quit]);
}

/// A sync of one configuration is never started on top of another's.
#[test]
fn one_sync_at_time_whatever_is_open() {
    let mut stage = Stage::with(overview(vec![
        saved("acme", "Acme MSP", true, true, true),
        saved("trial", "Acme trial", false, true, true),
    ]));
    stage.keys("s ^O Down Enter s");
    let notice = stage.notice();
    assert!(notice.contains("Already syncing Acme MSP"), "{notice}");
}

#[test]
fn failed_draft_and_failed_overview_are_said() {
    let mut stage = Stage::new(80, 24, crate::app::Theme::default());
    stage.reply(Reply::Overview(Err(Failure::new(FailureKind::LocalState, "config.toml is from a newer version"))));
    assert!(stage.model.overview_failed.is_some());
    stage.reply(Reply::DraftFailed(Failure::new(FailureKind::LocalState, "disk full")));
    assert!(stage.notice().contains("disk full"));
}
