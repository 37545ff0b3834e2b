//! One at a time: syncs and activations, across threads and programs.
//!
//! `PIA_HALO_ROUNDS=100 cargo test --test promises one_at_a_time` plays a hundred rounds of each number of programs, and ten
//! times as many races for the active configuration.

use std::process::Child;
use std::sync::{Arc, Barrier};

use jiff::{SignedDuration, Timestamp};
use pia_halo::domain::configuration::ConfigurationId;
use pia_halo::domain::failure::{Failure, FailureKind};
use pia_halo::domain::request::Activation;
use pia_halo::domain::sync_run::{Brake, SyncStatus};
use pia_halo::ops::activate::{self, Replacing};
use pia_halo::ops::{Clock, Workspace, sync};
use pia_halo::settings::{Environment, Paths};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{small, stored, truth};
use crate::support::{Profile, login_name};

/// S44: one at a time, also across programs; the second one says who holds it.
#[tokio::test(flavor = "multi_thread")]
async fn second_sync_at_same_time_is_busy_and_says_who_holds_it() {
    let profile = Profile::set_up(small()).await;
    let lock = lock_file(&profile);
    let somebody = pia_halo::domain::activity::Actor { user: "fox".to_owned(), ..Default::default() };
    let held = pia_halo::coordination::Lock::take(&lock, "Sync Now", &somebody, Timestamp::now()).unwrap();
    let report = profile.json(["sync"], 6).await;
    assert_eq!(report["status"], "busy");
    assert!(report["error"]["message"].as_str().unwrap().contains("fox"), "{report}");
    // Nobody is sent into it: the first one is under way, and is told as that.
    profile.run(["status"]).await.expect(0).says("Syncing    Sync Now by fox");
    let told = profile.run(["history"]).await.expect(0).says("Syncing: Sync Now by fox");
    profile.run(["clients"]).await.expect(3).says("Syncing: Sync Now by fox");
    let issues = profile.run(["issues"]).await.expect(0);
    let told = format!("{}{}{}", told.stderr, issues.stdout, issues.stderr);
    assert!(!told.contains("Sync now") && !told.contains("Run the first one"), "{told}");
    drop(held);
    profile.run(["issues"]).await.expect(0).says("Sync now: pia-halo sync");
    profile.run(["sync"]).await.expect(0);
    assert!(!profile.run(["status"]).await.expect(0).stdout.contains("Syncing"));
}

fn lock_file(profile: &Profile) -> std::path::PathBuf {
    profile.workspace().paths().lock("sync-acme")
}

/// How many rounds were asked for.
fn rounds() -> Option<usize> {
    std::env::var("PIA_HALO_ROUNDS").ok().map(|rounds| rounds.parse().unwrap())
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
async fn of_many_programs_at_once_one_syncs_and_others_say_who() {
    let profile = Profile::set_up(small()).await;
    let by = format!("by {}", login_name());
    for (programs, few) in [(2, 8), (4, 8), (16, 5)] {
        for round in 0..rounds().unwrap_or(few) {
            keep_busy(&profile, true);
            profile.halo.clear_requests();
            let mut running: Vec<Child> = (0..programs).map(|_| start(&profile)).collect();
            let mut busy = 0;
            while running.len() > 1 {
                crate::support::until_with(&mut running, |child| child.try_wait().unwrap().is_some()).await;
                let at = running.iter_mut().position(|child| child.try_wait().unwrap().is_some()).unwrap();
                let (code, report) = end(running.swap_remove(at)).await;
                assert_eq!((code, &report["status"]), (6, &json!("busy")), "round {round} of {programs}: {report}");
                assert!(report["error"]["message"].as_str().unwrap().contains(&by), "{report}");
                busy += 1;
            }
            // One comes, so that there is something to do in each round.
            profile.halo.change(|state| {
                let id = state.clients.last().map_or(0, |last| last.id) + 1;
                state.clients.push(pia_halo::demo::Client::new(id, format!("New {id}")));
            });
            keep_busy(&profile, false);
            let (code, report) = end(running.remove(0)).await;
            let ended = (code, report["status"].as_str(), busy);
            assert_eq!(ended, (0, Some("complete"), programs - 1), "round {round} of {programs}: {report}");
            assert_eq!(stored(&profile), truth(&profile), "round {round} of {programs}");
        }
    }
}

/// Sync Now while another program syncs: where that one is killed, the sync that was asked for runs.
#[tokio::test(flavor = "multi_thread")]
async fn sync_that_waits_for_killed_one_runs_after_it() {
    let profile = Profile::set_up(small()).await;
    keep_busy(&profile, true);
    let mut other = start(&profile);
    has_begun(&profile).await;
    let (workspace, acme) = (profile.workspace(), profile.id());
    let configuration = workspace.active_configuration(Some(&acme)).unwrap().1;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let on_other = move |who| tell.send(who).unwrap();
    let cancel = CancellationToken::new();
    let asked_for = sync::run_or_follow(&workspace, &acme, &configuration, Brake::On, cancel, |_| {}, on_other);
    let kills = async {
        assert!(told.recv().await.unwrap().contains("Sync Now"));
        other.kill().unwrap();
        other.wait().unwrap();
        keep_busy(&profile, false);
    };
    let (report, ()) = tokio::join!(asked_for, kills);
    assert_eq!(report.unwrap().status, SyncStatus::Complete);
    assert_eq!(stored(&profile), truth(&profile));
}

/// R41: two that activate at once, where none is active: one gets the place, the other is told so, and there are never two.
#[tokio::test(flavor = "multi_thread")]
async fn two_programs_that_activate_at_once_leave_one_active() {
    let profile = Profile::set_up(small()).await;
    profile.save("other", "").await.expect(0);
    let ids = ["acme", "other"].map(|id| ConfigurationId::parse(id).unwrap());
    let workspaces = ids.clone().map(|_| profile.workspace());
    let mut raced = 0;
    for race in 0..rounds().unwrap_or(10) * 10 {
        // A child that another test of this process forks holds every lock of it until it has become its program.
        crate::support::until(|| activate::deactivate(&workspaces[0]).is_ok()).await;
        let start = Barrier::new(2);
        let activate = |at: usize| {
            start.wait();
            activate::activate(&workspaces[at], &ids[at], &Replacing::Nobody)
        };
        let answers = std::thread::scope(|scope| {
            let other = scope.spawn(|| activate(1));
            [activate(0), other.join().unwrap()]
        });
        if answers.iter().all(|answer| matches!(answer, Err(failure) if failure.kind == FailureKind::Busy)) {
            // Such a child kept both out.
            continue;
        }
        raced += 1;
        let won = |at: usize| matches!(&answers[at], Ok(Activation::Active(Some(id))) if *id == ids[at]);
        let (winner, loser) = if won(0) { (0, 1) } else { (1, 0) };
        assert!(won(winner) && !won(loser), "race {race}: {answers:?}");
        match &answers[loser] {
            Ok(Activation::NeedsYes { active, .. }) => assert_eq!(*active, ids[winner], "race {race}"),
            Err(failure) => assert_eq!(failure.kind, FailureKind::Busy, "race {race}: {failure:?}"),
            Ok(other) => panic!("race {race}: {other:?}"),
        }
        let config = workspaces[0].config().unwrap();
        assert_eq!(config.active().map(|(id, _)| id.clone()), Some(ids[winner].clone()), "race {race}");
        assert_eq!(config.configurations.len(), 2, "race {race}");
    }
    assert!(raced > rounds().unwrap_or(10) * 5, "{raced}");
}

/// R41: the same by two programs, each with a yes for whichever is active: who ends last has the place, and the others of
/// the profile see one or the other at each moment.
#[tokio::test(flavor = "multi_thread")]
async fn two_programs_that_switch_at_once_leave_one_active() {
    let profile = Profile::set_up(small()).await;
    profile.save("other", "").await.expect(0);
    for race in 0..rounds().unwrap_or(10) {
        let start = |id: &str| profile.command(["activate", id, "--yes", "--json"]).spawn().unwrap();
        let (one, two) = (start("acme"), start("other"));
        let ended = [end(one).await, end(two).await];
        let won: Vec<&Value> = ended.iter().filter(|(code, _)| *code == 0).map(|(_, said)| &said["active"]).collect();
        // Who meets the other at it is told that somebody is.
        assert!(!won.is_empty() && ended.iter().all(|(code, _)| [0, 6].contains(code)), "race {race}: {ended:?}");
        let active = profile.json(["status"], 0).await["configuration"].clone();
        assert!(won.contains(&&active), "race {race}: {active} {ended:?}");
    }
}

/// R42: a holder that is killed frees the lock at once; one that is stopped is named and never robbed.
#[tokio::test(flavor = "multi_thread")]
async fn killed_holder_frees_lock_and_stopped_one_keeps_it() {
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

/// What the note in the lock's file says; `change` writes another.
fn note(profile: &Profile, change: impl FnOnce(&mut Value)) {
    let path = lock_file(profile);
    let mut note: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut note);
    std::fs::write(path, note.to_string()).unwrap();
}

/// R42: whether a lock is held the kernel says, not the note: the number of a killed holder may be another process by now,
/// and that of a living one may say nothing.
#[tokio::test(flavor = "multi_thread")]
async fn reused_pid_of_holder_holds_nobody_up() {
    let profile = Profile::set_up(small()).await;
    keep_busy(&profile, true);
    let mut holder = start(&profile);
    has_begun(&profile).await;
    // A number that no process has, in the note of one that lives and holds it.
    note(&profile, |note| note["pid"] = json!(u32::MAX));
    profile.json(["sync"], 6).await;

    holder.kill().unwrap();
    holder.wait().unwrap();
    // The number of a process that lives, and is none of ours: the first of them all.
    note(&profile, |note| note["pid"] = json!(1));
    keep_busy(&profile, false);
    let report = profile.json(["sync"], 0).await;
    assert_eq!(report["status"], "complete");
    assert_eq!(stored(&profile), truth(&profile));
}

/// The machine's clock, set wrong by so much.
struct SetBy(SignedDuration);

impl Clock for SetBy {
    fn now(&self) -> Timestamp {
        Timestamp::now() + self.0
    }
}

/// R42: a clock that is set back or on by a day robs no holder and holds nobody up: the time in the note is for people.
#[tokio::test(flavor = "multi_thread")]
async fn clock_set_by_day_robs_no_holder_and_holds_nobody_up() {
    let profile = Profile::set_up(small()).await;
    let sync_by = async |clock: SetBy| {
        let environment = Environment::from_pairs(profile.environment());
        let paths = Paths::from_environment(&environment).unwrap();
        let workspace = Workspace::open(paths, environment, Arc::new(clock)).unwrap();
        let (id, cancel) = (profile.id(), CancellationToken::new());
        let configuration = workspace.active_configuration(Some(&id)).unwrap().1;
        sync::run(&workspace, &id, &configuration, Brake::On, cancel, |_| {}).await
    };
    for hours in [-24, 24] {
        let wrong = || SetBy(SignedDuration::from_hours(hours));
        keep_busy(&profile, true);
        profile.halo.clear_requests();
        let mut holder = start(&profile);
        has_begun(&profile).await;
        let report = sync_by(wrong()).await.unwrap();
        let message = report.error.map(|error: Failure| error.message).unwrap_or_default();
        assert_eq!(report.status.code(), "busy", "{message}");
        assert!(message.contains(&format!("(process {})", holder.id())), "{message}");
        holder.kill().unwrap();
        holder.wait().unwrap();
        keep_busy(&profile, false);
        // The note of the killed one is from tomorrow, or from yesterday.
        let report = sync_by(wrong()).await.unwrap();
        assert_eq!(report.status.code(), "complete", "{report:?}");
        assert_eq!(stored(&profile), truth(&profile));
    }
}
