//! The store copied to a real PostgreSQL and back, as a person does it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use pia_halo::demo::Options;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::postgres::Server;
use crate::support::{Profile, files, login_name, until};

/// What is there is replaced only for somebody who was told what it is and said yes.
#[tokio::test(flavor = "multi_thread")]
async fn copy_that_is_there_is_replaced_only_after_yes() {
    let Some(server) = Server::start() else { return };
    let profile = Profile::synced(Options { clients: 3, ..Options::default() }).await;
    let url = server.new_database("copy");
    let to = ["store", "copy", "--to", url.as_str()];
    let copied = || server.sql("copy", "SELECT copied_at FROM pia_halo_form");
    let done = profile.json(to, 0).await;
    assert_eq!((&done["status"], &done["direction"]), (&"done".into(), &"to".into()));
    let first = copied();
    let there = profile.json(["store", "status", "--of", &url], 0).await;
    let here = profile.json(["store", "status"], 0).await;
    assert_eq!((&there["engine"], &here["engine"]), (&"PostgreSQL".into(), &"SQLite".into()));
    assert_eq!((&there["holds"]["others"], &there["form"]), (&here["holds"]["others"], &here["form"]));
    let copied_at = there["holds"]["copied"]["at"].as_str().unwrap();
    assert!(first.starts_with(copied_at.trim_end_matches('Z')) && here["holds"]["copied"].is_null(), "{copied_at}");
    let told = profile.run(to).await.expect(3).says(" as of ").says(" with 3 clients, 0 events and ");
    assert!(told.stderr.contains("which would be replaced") && told.stderr.contains("--yes"), "{told:?}");
    profile.json(to, 3).await;
    for (answer, code, says) in [("n", 3, "not confirmed"), ("y", 0, "and compared")] {
        assert_eq!(copied(), first, "nothing was changed");
        let mut terminal = profile.command_in_terminal(to).size(200, 24).spawn();
        terminal.wait_until("Replace it? [y/N]");
        terminal.submit(answer);
        assert_eq!(terminal.exit_code(), code, "{}", terminal.screen());
        terminal.wait_until(says);
    }
    assert_ne!(copied(), first);
    profile.run(["store", "copy", "--to", &url, "--yes"]).await.expect(0).says("and compared");
    // Onto a machine without a store.
    let other = Profile::with(Options { clients: 3, ..Options::default() }).await;
    let done = other.json(["store", "copy", "--from", &url], 0).await;
    assert_eq!(done["direction"], "from");
    assert_eq!(other.store().clients(&profile.id()).unwrap(), profile.store().clients(&profile.id()).unwrap());
}

/// Each machine is a program with folders of its own. The second one says who is at it, and replaces nothing.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_machines_that_copy_one_is_told_of_other() {
    let Some(server) = Server::start_with(None) else { return };
    let options = || Options { clients: 3, ..Options::default() };
    let (one, two) = tokio::join!(Profile::synced(options()), Profile::synced(options()));
    let url = server.new_database("copy");
    one.run(["store", "copy", "--to", &url]).await.expect(0);
    let before = server.sql("copy", "SELECT copied_at FROM pia_halo_form");
    // The first one comes no further than this.
    let mut blocker = server.psql("copy", "BEGIN; LOCK clients IN EXCLUSIVE MODE; SELECT pg_sleep(600)");
    let mut blocker = blocker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let locks = |which: &str| server.sql("copy", &format!("SELECT count(*) FROM pg_locks WHERE {which}")) != "0";
    until(|| locks("mode = 'ExclusiveLock' AND relation = 'clients'::regclass AND granted")).await;
    let mut first = one.command(["store", "copy", "--to", &url, "--yes"]).spawn().unwrap();
    until(|| locks("NOT granted")).await;
    let says = format!("already running: store copy by {} on ", login_name());
    two.run(["store", "copy", "--to", &url, "--yes"]).await.expect(6).says(&says);
    let status = two.json(["store", "status", "--of", &url], 0).await;
    assert_eq!((&status["copying"]["user"], &status["copying"]["pid"]), (&login_name().into(), &first.id().into()));
    // Its lock ends with it, however it ends, and what it has begun is taken back.
    kill_process(Pid::from_child(&first), Signal::KILL).unwrap();
    tokio::task::spawn_blocking(move || first.wait().unwrap()).await.unwrap();
    until(|| !locks("locktype = 'advisory'")).await;
    let status = two.json(["store", "status", "--of", &url], 0).await;
    assert!(status["copying"].is_null(), "{status}");
    server.sql("copy", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)'");
    _ = blocker.wait();
    assert_eq!(server.sql("copy", "SELECT copied_at FROM pia_halo_form"), before);
    two.run(["store", "copy", "--to", &url, "--yes"]).await.expect(0);
}

/// One Ctrl-C, and nothing is changed, also where the server lets it wait.
#[tokio::test(flavor = "multi_thread")]
async fn copy_is_stopped_by_one_signal() {
    let Some(server) = Server::start() else { return };
    let profile = Profile::synced(Options { clients: 3, ..Options::default() }).await;
    let url = server.new_database("copy");
    profile.run(["store", "copy", "--to", &url]).await.expect(0);
    let before = server.sql("copy", "SELECT copied_at FROM pia_halo_form");
    let other = Profile::with(Options { clients: 3, ..Options::default() }).await;
    for (profile, way) in [(&profile, "--to"), (&other, "--from")] {
        let mut blocker = server.psql("copy", "BEGIN; LOCK clients; SELECT pg_sleep(600)");
        let mut blocker = blocker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let locks = |which: &str| server.sql("copy", &format!("SELECT count(*) FROM pg_locks WHERE {which}")) != "0";
        until(|| locks("mode = 'AccessExclusiveLock' AND relation = 'clients'::regclass AND granted")).await;
        let mut copy = profile.command(["store", "copy", way, &url, "--yes"]).spawn().unwrap();
        until(|| locks("NOT granted")).await;
        let began = Instant::now();
        kill_process(Pid::from_child(&copy), Signal::INT).unwrap();
        let ended = tokio::task::spawn_blocking(move || copy.wait().unwrap()).await.unwrap();
        assert_eq!(ended.code(), Some(130), "{way}");
        assert!(began.elapsed() < Duration::from_secs(3), "{way}: {:?}", began.elapsed());
        server.sql("copy", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)'");
        _ = blocker.wait();
        until(|| !locks("relation = 'clients'::regclass")).await;
    }
    assert_eq!(server.sql("copy", "SELECT copied_at FROM pia_halo_form"), before);
    let left = files(&other.folder.path().join("data"));
    assert!(left.iter().all(|file| file.extension().is_some_and(|ending| ending == "lock")), "{left:?}");
}
