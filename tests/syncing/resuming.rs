//! Stopped or killed at any point: whole old data or whole new data, and the next run goes on.

use pia_halo::demo::Options;
use serde_json::Value;

use super::small;
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

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_sync_says_so_and_can_be_run_again() {
    let profile = Profile::set_up(Options { clients: 5_000, ..small() }).await;
    profile.halo.change(|state| state.behaviour.latency = std::time::Duration::from_millis(20));
    let child = profile.command(["sync", "--json"]).spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    // Signalled as soon as Halo has seen the second page: certainly in the middle.
    crate::support::until(|| {
        profile.halo.requests().iter().filter(|request| request.path == "/api/client").count() > 2
    })
    .await;
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["status"], "interrupted");
    profile.halo.change(|state| state.behaviour.latency = std::time::Duration::ZERO);
    assert_eq!(profile.json(["sync"], 0).await["stored"], 5_000);
}
