//! Stopped or killed at any point: whole old data or whole new data, and the next run goes on.

use pia_halo::demo::{Client, Options};
use pia_halo::domain::sync_run::Brake;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{small, stored, truth};
use crate::support::Profile;

#[tokio::test(flavor = "multi_thread")]
async fn failed_sync_keeps_what_was_stored_before() {
    let profile = Profile::synced(small()).await;
    let before = profile.json(["clients", "--status", "all"], 0).await;
    for fault in ["html-with-200", "null-body", "forbidden-clients", "endless-401"] {
        profile.halo.set_fault(fault.parse().unwrap(), true);
        let ran = profile.run(["sync", "--json"]).await;
        assert_eq!(ran.json()["status"], "failed", "{fault}");
        assert_ne!(ran.code, 0, "{fault}");
        profile.halo.set_fault(fault.parse().unwrap(), false);
        assert_eq!(profile.json(["clients", "--status", "all"], 0).await, before, "{fault}");
    }
    profile.run(["sync"]).await.expect(0);
}

/// A sync that was stopped on its way: it has read the first pages and not the last ones.
async fn interrupted(profile: &Profile) {
    profile.halo.clear_requests();
    profile.halo.change(|state| state.behaviour.latency = std::time::Duration::from_millis(60));
    let child = profile.command(["sync", "--json"]).spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    // Signalled as soon as Halo was asked for half of fifty pages: in the middle, and more than can be in the air.
    crate::support::until(|| {
        profile.halo.requests().iter().filter(|request| request.path == "/api/client").count() > 24
    })
    .await;
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["status"], "interrupted");
    profile.halo.change(|state| state.behaviour.latency = std::time::Duration::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_sync_says_so_and_can_be_run_again() {
    let profile = Profile::set_up(Options { clients: 5_000, ..small() }).await;
    interrupted(&profile).await;
    let report = profile.json(["sync"], 0).await;
    assert_eq!((&report["status"], &report["stored"]), (&json!("complete"), &json!(5_000)));
    assert!(report["resumed_pages"].as_u64().unwrap() > 0, "{report}");
}

/// What is as it is stored is not written page by page; a run that is stopped puts it on the disk all the same, and the next
/// one goes on there.
#[tokio::test(flavor = "multi_thread")]
async fn unchanged_list_is_checkpointed_when_run_is_stopped() {
    let profile = Profile::synced(Options { clients: 5_000, ..small() }).await;
    interrupted(&profile).await;
    let report = profile.json(["sync"], 0).await;
    // Twenty-four were asked for; up to sixteen were in the air, and the highest one is read again.
    assert!(report["resumed_pages"].as_u64().unwrap() >= 24 - 16 - 1, "{report}");
    assert_eq!((&report["status"], &report["changes"]["unchanged"]), (&json!("complete"), &json!(5_000)), "{report}");
}

/// A list that stays as it is costs the disk the run's own record: a kill in the middle has nothing to leave behind.
#[tokio::test(flavor = "multi_thread")]
async fn unchanged_list_is_read_without_write_for_its_pages() {
    let profile = Profile::synced(Options { clients: 5_000, ..small() }).await;
    profile.halo.clear_requests();
    profile.halo.change(|state| state.behaviour.latency = std::time::Duration::from_millis(20));
    let mut child = profile.command(["sync", "--json"]).spawn().unwrap();
    crate::support::until(|| profile.halo.requests().len() > 30).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let store = rusqlite::Connection::open(profile.workspace().paths().store()).unwrap();
    let pages: i64 = store.query_row("SELECT count(*) FROM pages", [], |row| row.get(0)).unwrap();
    assert_eq!(pages, 0);
    profile.halo.change(|state| state.behaviour.latency = std::time::Duration::ZERO);
    let report = profile.json(["sync"], 0).await;
    assert_eq!((&report["status"], &report["resumed_pages"]), (&json!("complete"), &json!(0)), "{report}");
}

/// While a slow Halo is read, it is written every twenty seconds.
#[tokio::test(start_paused = true)]
async fn slow_unchanged_list_is_on_disk_now_and_then() {
    let profile = Profile::synced(Options { clients: 3_000, ..small() }).await;
    profile.halo.change(|state| state.behaviour.latency = std::time::Duration::from_secs(8));
    let (workspace, cancel) = (profile.workspace(), CancellationToken::new());
    let (id, configuration) = workspace.active_configuration(None).unwrap();
    let staged = || {
        let store = rusqlite::Connection::open(workspace.paths().store()).unwrap();
        store.query_row("SELECT count(*) FROM pages", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let mut most = 0;
    let report = pia_halo::ops::sync::run(&workspace, &id, &configuration, Brake::On, cancel, |progress| {
        if progress.pages < 30 {
            most = most.max(staged());
        }
    });
    assert_eq!(report.await.unwrap().status.code(), "complete");
    assert!((10..30).contains(&most), "{most} of thirty pages were on the disk before the end");
    assert_eq!(staged(), 0);
}

/// One client deleted and another made between two runs: the count and the first page are as they were. What was read
/// before is thrown away, and no row that slid is left out.
#[tokio::test(flavor = "multi_thread")]
async fn client_deleted_behind_unchanged_count_disables_nobody_else() {
    let profile = Profile::set_up(Options { clients: 5_000, ..small() }).await;
    interrupted(&profile).await;
    profile.halo.change(|state| {
        state.clients.remove(350);
        let last = state.clients.last().map_or(0, |client| client.id);
        state.clients.push(Client::new(last + 1, "Came in between"));
    });
    let report = profile.json(["sync"], 0).await;
    assert_eq!((&report["status"], &report["resumed_pages"]), (&json!("complete"), &json!(0)), "{report}");
    assert_eq!(stored(&profile), truth(&profile));
}
