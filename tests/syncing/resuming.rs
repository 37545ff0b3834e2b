//! Stopped or killed at any point: whole old data or whole new data, and the next run goes on.

use pia_halo::demo::{Client, Options};
use serde_json::{Value, json};

use super::{small, stored, truth};
use crate::support::Profile;

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_keeps_what_was_stored_before() {
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
    profile.halo.change(|state| state.behaviour.latency = std::time::Duration::from_millis(20));
    let child = profile.command(["sync", "--json"]).spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    // Signalled as soon as Halo has seen the twelfth page of fifty: certainly in the middle.
    crate::support::until(|| {
        profile.halo.requests().iter().filter(|request| request.path == "/api/client").count() > 12
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
async fn an_interrupted_sync_says_so_and_can_be_run_again() {
    let profile = Profile::set_up(Options { clients: 5_000, ..small() }).await;
    interrupted(&profile).await;
    let report = profile.json(["sync"], 0).await;
    assert_eq!((&report["status"], &report["stored"]), (&json!("complete"), &json!(5_000)));
    assert!(report["resumed_pages"].as_u64().unwrap() > 0, "{report}");
}

/// One client deleted and another made between two runs: the count and the first page are as they were. What was read
/// before is thrown away, and no row that slid is left out.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_deleted_between_two_runs_behind_an_unchanged_count_takes_nobody_with_it() {
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
