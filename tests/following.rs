//! The panes follow what other programs do, while somebody looks and presses nothing.

use std::time::Duration;

use pia_halo::demo::Options;

use crate::support::Profile;
use crate::support::interface::Interface;
use crate::support::service::{Service, event, secrets};
use crate::support::walk::Person;

/// What is promised is 2 s; the rest is for a machine that does much else.
const SOON: Duration = Duration::from_secs(5);

/// Sees it while nobody presses anything, and soon.
async fn follows(person: &mut Interface, words: &str) {
    let came = tokio::time::timeout(SOON, person.sees(words)).await;
    assert!(came.is_ok(), "{words:?} came too late; the screen:\n{}", person.screen());
}

/// One pane after another is open while the command line or the service does its work.
#[tokio::test(flavor = "multi_thread")]
async fn every_pane_follows_other_programs() {
    let profile = Profile::synced(Options { clients: 5, ..Options::default() }).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let mut person = Interface::open(&profile).await;
    person.sees("✗ Service         not running").await;
    let service = Service::start(&profile).await;
    follows(&mut person, "No issues. ").await;

    person.press("1").await;
    person.sees("1 sync so far").await;
    profile.run(["sync"]).await.expect(0);
    follows(&mut person, "1 of 2 syncs").await;
    // One that is still at it is told, too.
    profile.halo.change(|state| state.behaviour.latency = Duration::from_millis(500));
    let (done, ()) = tokio::join!(profile.run(["sync"]), follows(&mut person, "Another sync is running"));
    done.expect(0);
    profile.halo.change(|state| state.behaviour.latency = Duration::ZERO);
    person.wait("its end", |screen| !screen.contains("Another sync is running")).await;
    let config = std::fs::read_to_string(profile.config()).unwrap();
    let time = config.lines().find(|line| line.starts_with("daily_sync_time")).unwrap();
    std::fs::write(profile.config(), config.replace(time, "daily_sync_time = \"03:21\"")).unwrap();
    follows(&mut person, "03:21 UTC").await;

    person.press("2").await;
    person.sees("5 of 5").await;
    profile.halo.change(|state| state.clients.truncate(4));
    profile.run(["sync", "--yes"]).await.expect(0);
    follows(&mut person, "4 of 5").await;

    person.press("5").await;
    person.sees("Activity").await;
    profile.run(["rotate", "--yes"]).await.expect(0);
    follows(&mut person, "rotate").await;

    person.press("4").await;
    assert_eq!(service.callback(&secrets(&profile), "ticket-created", &event("one", 33_479)).await.status, 200);
    follows(&mut person, " 33479 ").await;

    person.press("3").await;
    person.sees("Pia - Ticket Created").await;
    profile.run(["remove", "--yes"]).await.expect(0);
    follows(&mut person, "removed from Halo").await;
    person.leave().await;
}
