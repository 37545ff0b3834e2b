//! A terminal that reads slowly, or not at all, holds up nothing but itself.

use std::time::Duration;

use pia_halo::demo::Options;
use pia_halo::domain::sync_run::SyncStatus;
use rustix::process::Signal;

use super::{demo, running};
use crate::support::pty::{Pty, key};
use crate::support::walk::Person;
use crate::support::{Profile, until};

#[test]
fn terminal_that_does_not_read_does_not_hold_up_end() {
    let (_home, start) = demo();
    let mut pty = running(start);
    pty.stall(true);
    for columns in 1..=200 {
        pty.resize(300 - columns, 100);
    }
    pty.signal(Signal::TERM);
    assert_eq!(pty.exit_code_within(Duration::from_secs(5)), 143);
}

/// Starts a sync on a terminal that is made bad as soon as it runs, and sees it through.
async fn sync_behind(profile: &Profile, worsen: impl Fn(&Pty)) -> Pty {
    let mut pty = profile.in_terminal().size(200, 60).spawn();
    pty.is_at("Sync Now").await;
    pty.press("Enter").await;
    pty.sees("Syncing").await;
    worsen(&pty);
    let memory = pty.memory();
    // Far more frames than the terminal takes: every size is a whole one.
    for columns in 1..=300 {
        pty.resize(100 + columns % 100, 60);
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let workspace = profile.workspace();
    until(|| {
        let standing = pia_halo::ops::status::standing(&workspace, &"acme".parse().unwrap());
        standing.is_ok_and(|standing| standing.runs.first().is_some_and(|run| run.status == SyncStatus::Complete))
    })
    .await;
    let grown = pty.memory().saturating_sub(memory);
    assert!(grown < 16 * 1024, "{grown} KiB more");
    pty
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_terminal_stops_neither_sync_nor_keys() {
    let profile = Profile::set_up(Options { clients: 3_000, ..Options::default() }).await;
    profile.halo.change(|state| state.behaviour.latency = Duration::from_millis(60));
    let mut pty = sync_behind(&profile, |pty| pty.stall(true)).await;
    pty.send(&key::ctrl('c'));
    assert_eq!(pty.exit_code_within(Duration::from_secs(5)), 0);
    assert!(pty.has_former_modes());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_terminal_stops_neither_sync_nor_keys() {
    let profile = Profile::set_up(Options { clients: 3_000, ..Options::default() }).await;
    profile.halo.change(|state| state.behaviour.latency = Duration::from_millis(60));
    let mut pty = sync_behind(&profile, Pty::slow_down).await;
    pty.send(&key::ctrl('c'));
    assert_eq!(pty.exit_code_within(Duration::from_secs(5)), 0);
    assert!(pty.has_former_modes());
}
