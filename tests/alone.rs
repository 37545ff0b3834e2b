//! What one host does alone, it does alone among all that share a store; and without its lock it does nothing more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pia_halo::coordination::Shared;
use pia_halo::demo::State;
use pia_halo::domain::activity::Actor;
use pia_halo::domain::sync_run::SyncStatus;
use pia_halo::ops;
use pia_halo::store::{Address, Installation};

use crate::commands::holds_exactly_our_objects;
use crate::delivering::few;
use crate::full_circle::made;
use crate::sharing::shared;
use crate::support::changing::{plain, small};
use crate::support::postgres::Server;
use crate::support::{Profile, until};
use crate::tickets::{escalate, escalating, writes};

/// Sessions that hold a lock by name.
const HOLD: &str = "locktype = 'advisory' AND objsubid = 2 AND classid = 1349083470";

/// A lock that another host holds, until this is dropped.
fn elsewhere(url: &str, name: &str) -> Shared {
    let who = Actor { user: "bea".to_owned(), ..Actor::default() };
    let address = Address::new(url).unwrap().called("jump9");
    Shared::take(&address, name, "Configure", &who, Timestamp::now()).unwrap()
}

/// Brings the store of a profile to a new database.
async fn moved(profile: &Profile, server: &Server, database: &str) {
    let url = server.new_database(database);
    profile.run(["store", "copy", "--to", &url, "--switch"]).await.expect(0);
}

/// Ends the sessions that hold a lock at the request of this number, counted from 0, of those that are meant.
fn lost_at(profile: &Profile, server: &Arc<Server>, database: &str, at: usize, is_meant: fn(&str, &str) -> bool) {
    let (server, database, count) = (Arc::clone(server), database.to_owned(), AtomicUsize::new(0));
    profile.halo.change(|state| {
        state.on_request = Some(Box::new(move |_: &mut State, request| {
            if is_meant(&request.method, &request.path) && count.fetch_add(1, Ordering::SeqCst) == at {
                let ended = format!("SELECT count(pg_terminate_backend(pid, 9000)) FROM pg_locks WHERE {HOLD}");
                assert_eq!(server.sql(&database, &ended), "1");
            }
        }));
    });
}

fn is_write(method: &str, path: &str) -> bool {
    ["POST", "DELETE"].contains(&method) && path.starts_with("/api/")
}

#[tokio::test(flavor = "multi_thread")]
async fn second_host_is_told_who_and_where_and_writes_nothing() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "told").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.clear_requests();
    for (name, commands) in [
        ("configure", &["configure --yes", "remove --yes", "rotate --yes", "config delete acme --yes"][..]),
        ("sync-acme", &["sync", "config delete acme --yes"]),
        ("escalate", &["escalate 33470"]),
        ("full-circle", &["check --full-circle --yes"]),
    ] {
        let held = elsewhere(&url, name);
        for command in commands {
            let told = profile.run(command.split(' ')).await.expect(6);
            assert!(format!("{told:?}").contains("Configure by bea on jump9 since "), "{command}: {told:?}");
        }
        drop(held);
    }
    assert!(profile.halo.writes().is_empty());
    profile.run(["configure", "--yes"]).await.expect(0);
}

/// Whatever the write, and whatever it is for.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_into_halo_without_lock() {
    let Some(server) = Server::start().map(Arc::new) else { return };
    let profile = Profile::synced(small()).await;
    moved(&profile, &server, "lost").await;
    let before = plain(profile.halo.snapshot());
    for (command, again, writes) in [
        ("configure --yes", "configure --yes", &[0, 4, 5][..]),
        ("rotate --yes", "rotate --yes", &[0]),
        ("remove --yes", "remove --yes", &[0, 6]),
    ] {
        for at in writes {
            profile.halo.clear_requests();
            lost_at(&profile, &server, "lost", *at, is_write);
            let ran = profile.run(command.split(' ')).await;
            profile.halo.change(|state| state.on_request = None);
            assert_ne!(ran.code, 0, "{ran:?}");
            assert_eq!(profile.halo.writes().len(), at + 1, "{command}: {ran:?}");
            assert!(format!("{ran:?}").contains("the lock that keeps other machines away was lost"), "{ran:?}");
        }
        // As after a run that was killed.
        profile.run(again.split(' ')).await.expect(0);
        if command != "remove --yes" {
            holds_exactly_our_objects(&before, &plain(profile.halo.snapshot()));
        }
    }
    assert_eq!(plain(profile.halo.snapshot()), before);
}

/// Whoever works without his lock would take away what the next one has saved.
#[tokio::test(flavor = "multi_thread")]
async fn settings_are_not_saved_without_lock() {
    let Some(server) = Server::start().map(Arc::new) else { return };
    let (profile, _) = shared(&server, "saves").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let saves = || server.sql("saves", "SELECT save FROM settings WHERE part = 'secrets'");
    let before = saves();
    lost_at(&profile, &server, "saves", 0, |method, path| method == "GET" && path.starts_with("/api/webhook"));
    let ran = profile.run(["rotate", "--yes"]).await;
    profile.halo.change(|state| state.on_request = None);
    assert!(ran.code != 0 && saves() == before, "{ran:?}");
    profile.run(["rotate", "--yes"]).await.expect(0);
    assert_ne!(saves(), before);
}

/// Where nothing is noted in the store before it, too.
#[tokio::test(flavor = "multi_thread")]
async fn escalation_and_full_circle_write_nothing_without_lock() {
    let Some(server) = Server::start().map(Arc::new) else { return };
    let profile = escalating().await;
    moved(&profile, &server, "escalating").await;
    lost_at(&profile, &server, "escalating", 0, |method, path| method == "GET" && path.starts_with("/api/tickets/"));
    let stopped = escalate(&profile, &["--note", "once"], 130).await;
    assert!(stopped["error"]["message"].as_str().unwrap().contains("another machine may be at it"), "{stopped}");
    profile.halo.change(|state| state.on_request = None);
    assert_eq!((writes(&profile, "/api/tickets"), writes(&profile, "/api/actions")), (0, 0));
    escalate(&profile, &["--note", "once"], 0).await;
    assert_eq!((writes(&profile, "/api/tickets"), writes(&profile, "/api/actions")), (1, 1));

    let profile = Profile::synced(few()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    moved(&profile, &server, "circle").await;
    profile.halo.clear_requests();
    // The ticket is made, and not closed any more: the next one does that.
    lost_at(&profile, &server, "circle", 0, is_write);
    let circle = ["check", "--full-circle", "--yes", "--timeout", "1"];
    let stopped = profile.run(circle).await;
    assert!(format!("{stopped:?}").contains("another machine may be at it"), "{stopped:?}");
    profile.halo.change(|state| state.on_request = None);
    assert_eq!(profile.halo.writes().len(), 1, "{stopped:?}");
    assert_eq!(made(&profile), [1]);
    profile.run(circle).await;
    assert_eq!(made(&profile), [9, 9], "the one before is closed as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_without_lock_publishes_nothing_and_ends_interrupted() {
    let Some(server) = Server::start().map(Arc::new) else { return };
    let (profile, _) = shared(&server, "syncs").await;
    profile.halo.change(|state| state.clients.truncate(4));
    lost_at(&profile, &server, "syncs", 0, |_, path| path == "/api/client");
    profile.run(["sync", "--yes"]).await.expect(5).says("the lock that keeps other machines away was lost");
    profile.halo.change(|state| state.on_request = None);
    let known = || async { profile.json(["clients"], 0).await.as_array().unwrap().len() };
    assert_eq!(known().await, 5);
    let runs = ops::sync::runs(&profile.workspace(), &profile.id(), 9).unwrap();
    assert_eq!(runs.iter().map(|run| run.status).collect::<Vec<_>>(), [SyncStatus::Interrupted, SyncStatus::Complete]);
    profile.run(["sync", "--yes"]).await.expect(0);
    assert_eq!(known().await, 4);
}

/// One that was killed is told of on a host, too, that has never synced.
#[tokio::test(flavor = "multi_thread")]
async fn run_of_another_host_is_interrupted_once_its_lock_is_gone() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "runs").await;
    let open = "INSERT INTO runs (configuration, started_at, baseline) VALUES ('acme', '2026-11-30T10:00:00Z', ' ')";
    server.sql("runs", open);
    let held = elsewhere(&url, "sync-acme");
    let own = profile.folder.path().join("data/pia-halo/sync-acme.lock");
    std::fs::remove_file(own).unwrap();
    let workspace = profile.workspace();
    let runs = || ops::sync::runs(&workspace, &profile.id(), 9).unwrap();
    assert_eq!(runs().len(), 1);
    drop(held);
    assert_eq!((runs().len(), runs()[0].status), (2, SyncStatus::Interrupted));
}

/// The server may hear of its end a moment later than the machine does.
#[tokio::test(flavor = "multi_thread")]
async fn lock_of_program_that_was_killed_here_is_waited_for() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "here").await;
    let key = server.sql("here", "SELECT installation FROM pia_halo_hosts");
    let own = |key: &str| Installation::new(key.to_owned(), "jump1".to_owned());
    let (who, address) = (Actor::default(), Address::new(&url).unwrap());
    let here = address.clone().of(own(&key));
    // Another machine may have the same name: that one is not.
    let held = Shared::take(&address.of(own("another")), "sync-acme", "Sync Now", &who, Timestamp::now()).unwrap();
    let began = Instant::now();
    let told = profile.command(["sync"]).env("PIA_HALO_HOST", "jump1").output().unwrap();
    assert!(told.status.code() == Some(6) && began.elapsed() < Duration::from_secs(3), "{told:?}");
    drop(held);
    let held = Shared::take(&here, "sync-acme", "Sync Now", &who, Timestamp::now()).unwrap();
    let mut next = profile.command(["sync"]).spawn().unwrap();
    let is_told = "pid <> pg_backend_pid() AND query LIKE '%JOIN pg_locks%'";
    until(|| server.sql("here", &format!("SELECT count(*) FROM pg_stat_activity WHERE {is_told}")) != "0").await;
    drop(held);
    let code = tokio::task::spawn_blocking(move || next.wait().unwrap().code());
    assert_eq!(code.await.unwrap(), Some(0));
}
