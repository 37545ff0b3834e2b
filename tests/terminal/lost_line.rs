//! A lost line: gone within a second, with everything as a later start needs it.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use pia_halo::demo::Options;
use pia_halo::domain::sync_run::SyncStatus;
use rustix::process::Signal;

use super::tmux::Tmux;
use super::{demo, running};
use crate::support::pty::{Pty, Start};
use crate::support::walk::Person;
use crate::support::{Profile, until};

/// The limit is one second; the process also has to be started and waited for on a busy machine.
const WITHIN_A_SECOND: Duration = Duration::from_millis(1_500);

#[test]
fn lost_line_ends_program_within_second() {
    let (_home, start) = demo();
    let mut pty = running(start);
    pty.hang_up();
    assert_eq!(pty.exit_code_within(WITHIN_A_SECOND), 129);
}

/// A profile whose sync takes long enough to lose the line in its middle.
async fn slow_profile() -> Profile {
    let profile = Profile::set_up(Options { clients: 9_000, ..Options::default() }).await;
    profile.halo.change(|state| state.behaviour.latency = Duration::from_millis(200));
    profile
}

/// A sync runs, and a second configuration is being typed.
async fn at_work(start: Start) -> Pty {
    let mut pty = start.spawn();
    pty.is_at("Sync Now").await;
    pty.press("Enter").await;
    pty.sees("Syncing").await;
    pty.wait("how far it is", |screen| ["of 9,000", "elapsed", " page"].iter().all(|word| screen.contains(word))).await;
    pty.press("^O").await;
    pty.sees("View All").await;
    pty.press("Down").await;
    pty.sees("▸ Halo PSA   + new").await;
    pty.press("Enter").await;
    pty.is_at("Configuration Name").await;
    pty.type_text("Beta Ltd").await;
    pty
}

/// The sync has said how it ended, what was typed is kept, the lock is free and the store opens: the next sync completes.
async fn assert_left_in_order(profile: &Profile) {
    let workspace = profile.workspace();
    let standing = pia_halo::ops::status::standing(&workspace, &"acme".parse().unwrap()).unwrap();
    assert_eq!(standing.runs.first().map(|run| run.status), Some(SyncStatus::Interrupted));
    let draft = std::fs::read_to_string(profile.folder.path().join("state/pia-halo/draft.toml")).unwrap();
    assert!(draft.contains("Beta Ltd"), "{draft}");
    profile.halo.change(|state| state.behaviour.latency = Duration::ZERO);
    profile.run(["sync"]).await.expect(0).says("9,000");
}

#[tokio::test(flavor = "multi_thread")]
async fn line_lost_in_middle_of_sync_leaves_everything_in_order() {
    let profile = slow_profile().await;
    let mut pty = at_work(profile.in_terminal()).await;
    pty.hang_up();
    assert_eq!(pty.exit_code_within(WITHIN_A_SECOND), 129);
    assert_left_in_order(&profile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hang_up_signal_during_sync_leaves_everything_in_order() {
    let profile = slow_profile().await;
    let mut pty = at_work(profile.in_terminal()).await;
    pty.signal(Signal::HUP);
    assert_eq!(pty.exit_code_within(WITHIN_A_SECOND), 129);
    pty.assert_restored();
    assert_left_in_order(&profile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn line_lost_without_controlling_terminal_is_harmless() {
    let profile = slow_profile().await;
    let mut pty = at_work(profile.in_terminal().without_controlling_terminal()).await;
    pty.hang_up();
    assert_eq!(pty.exit_code_within(WITHIN_A_SECOND), 129);
    assert_left_in_order(&profile).await;
}

/// As under `ssh -t host wrapper`: the wrapper leads the session, ignores hang-ups, and so does its child.
#[tokio::test(flavor = "multi_thread")]
async fn line_lost_under_leader_ignoring_hang_ups_is_harmless() {
    let profile = slow_profile().await;
    let script = "trap '' HUP; \"$0\"; code=$?; echo $code > code; exit $code";
    let mut pty = at_work(profile.in_terminal_by("sh", ["-c", script, env!("CARGO_BIN_EXE_pia-halo")])).await;
    pty.hang_up();
    // The leader waits for its child, so that its end is the end of both.
    assert_eq!(pty.exit_code_within(WITHIN_A_SECOND), 129);
    assert_eq!(std::fs::read_to_string(profile.folder.path().join("code")).unwrap().trim(), "129");
    assert_left_in_order(&profile).await;
}

/// The program sits in a write that the terminal does not take when the terminal goes away.
#[tokio::test(flavor = "multi_thread")]
async fn line_lost_in_middle_of_write_leaves_everything_in_order() {
    let profile = slow_profile().await;
    let mut pty = at_work(profile.in_terminal()).await;
    pty.stall(true);
    let columns = Cell::new(200);
    pty.wait_for("a write that waits", |_| {
        // Every size is a whole frame.
        columns.set(columns.get() % 100 + 150);
        pty.resize(columns.get(), 100);
        pty.is_in_write()
    });
    pty.hang_up();
    assert_eq!(pty.exit_code_within(WITHIN_A_SECOND), 129);
    assert_left_in_order(&profile).await;
}

#[test]
fn lost_line_ends_program_under_parent_that_ignores_hang_ups() {
    let home = tempfile::tempdir().unwrap();
    let mut pty = running(Start::pia_halo_ignoring_hangup(home.path(), ["demo"]));
    pty.hang_up();
    assert_eq!(pty.exit_code_within(WITHIN_A_SECOND), 129);
}

#[tokio::test(flavor = "multi_thread")]
async fn end_of_tmux_in_middle_of_sync_leaves_everything_in_order() {
    let profile = slow_profile().await;
    let Some(tmux) = Tmux::start(&profile) else { return };
    let keys = [
        ("▸ Sync Now", "Enter"),
        ("of 9,000", "C-o"),
        ("View All", "Down"),
        ("▸ Halo PSA   + new", "Enter"),
        ("▸ Configuration Name", "Beta Ltd"),
    ];
    for (words, key) in keys {
        tmux.sees(words);
        tmux.run(["send-keys", key]).unwrap();
    }
    tmux.sees("Beta Ltd");
    let pid = tmux.run(["display-message", "-p", "#{pane_pid}"]).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    assert!(Path::new(&stat).exists());
    tmux.run(["kill-server"]).unwrap();
    let began = Instant::now();
    // Where nobody waits for it, what is left of it is a name without a process.
    until(|| std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "))).await;
    assert!(began.elapsed() < WITHIN_A_SECOND, "{:?}", began.elapsed());
    assert_left_in_order(&profile).await;
}
