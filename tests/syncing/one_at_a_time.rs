//! One sync at a time: across threads and programs.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{small, stored, truth};
use crate::support::Profile;

/// S44: one at a time, also across programs; the second one says who holds it.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_sync_at_the_same_time_is_busy_and_says_who_holds_it() {
    let profile = Profile::set_up(small()).await;
    let lock = profile.workspace().settings.paths().lock("sync-acme");
    let somebody = pia_halo::domain::activity::Actor { user: "fox".to_owned(), ssh_from: None };
    let held = pia_halo::store::Lock::take(&lock, "Sync Now", &somebody, jiff::Timestamp::now()).unwrap();
    let report = profile.json(["sync"], 6).await;
    assert_eq!(report["status"], "busy");
    assert!(report["error"]["message"].as_str().unwrap().contains("fox"), "{report}");
    drop(held);
    profile.run(["sync"]).await.expect(0);
}

/// A Halo that fails until it is told not to: whoever syncs is kept busy, as long as the test wants.
fn keep_busy(profile: &Profile, busy: bool) {
    profile.halo.change(|state| {
        state.behaviour.server_error_percent = if busy { 100 } else { 0 };
        state.set_fault("server-errors".parse().unwrap(), busy);
    });
}

fn start(profile: &Profile) -> Child {
    profile.command(["sync", "--json"]).spawn().unwrap()
}

async fn has_begun(profile: &Profile) {
    crate::support::until(|| !profile.halo.requests().is_empty()).await;
}

async fn end(child: Child) -> (i32, Value) {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    (output.status.code().unwrap_or(-1), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// R40: two, four and sixteen at once. One runs, the others say who does, and the list is right.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_programs_at_once_one_syncs_and_the_others_say_who() {
    let profile = Profile::set_up(small()).await;
    for (programs, rounds) in [(2, 2), (4, 2), (16, 1)] {
        for _ in 0..rounds {
            keep_busy(&profile, true);
            profile.halo.clear_requests();
            let mut running: Vec<Child> = (0..programs).map(|_| start(&profile)).collect();
            let mut busy = 0;
            while running.len() > 1 {
                crate::support::until_with(&mut running, |child| child.try_wait().unwrap().is_some()).await;
                let at = running.iter_mut().position(|child| child.try_wait().unwrap().is_some()).unwrap();
                let (code, report) = end(running.swap_remove(at)).await;
                assert_eq!((code, &report["status"]), (6, &json!("busy")), "{report}");
                assert!(report["error"]["message"].as_str().unwrap().contains("by dana"), "{report}");
                busy += 1;
            }
            keep_busy(&profile, false);
            let (code, report) = end(running.remove(0)).await;
            assert_eq!((code, &report["status"], busy), (0, &json!("complete"), programs - 1), "{report}");
            assert_eq!(stored(&profile), truth(&profile));
        }
    }
}

/// R42: a holder that is killed frees the lock at once; one that is stopped is named and never robbed.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_holder_frees_the_lock_and_a_stopped_one_keeps_it() {
    let profile = Profile::set_up(small()).await;
    keep_busy(&profile, true);
    let mut killed = start(&profile);
    has_begun(&profile).await;
    profile.json(["sync"], 6).await;
    killed.kill().unwrap();
    killed.wait().unwrap();

    profile.halo.clear_requests();
    let stopped = start(&profile);
    has_begun(&profile).await;
    let pid = Pid::from_child(&stopped);
    kill_process(pid, Signal::STOP).unwrap();
    keep_busy(&profile, false);
    for _ in 0..3 {
        let report = profile.json(["sync"], 6).await;
        let message = report["error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("(process {})", stopped.id())), "{message}");
    }
    assert!(stored(&profile).is_empty(), "nobody has synced past it");
    kill_process(pid, Signal::CONT).unwrap();
    let (code, report) = end(stopped).await;
    assert_eq!((code, &report["status"]), (0, &json!("complete")), "{report}");
    profile.json(["sync"], 0).await;
}
