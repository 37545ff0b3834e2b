//! The company sync: complete only when proved, and nobody disabled by mistake.

use std::collections::BTreeSet;

use pia_halo::demo::{Client, Options};
use serde_json::{Value, json};

use crate::support::Profile;

fn small() -> Options {
    Options { clients: 230, ..Options::default() }
}

async fn ids(profile: &Profile, status: &str) -> BTreeSet<i64> {
    let list = profile.json(["clients", "--status", status], 0).await;
    list.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// S47: Halo's count and the stored list agree, id by id.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_stores_every_client_in_pages_of_a_hundred() {
    let profile = Profile::synced(Options { clients: 717, ..Options::default() }).await;
    let truth: BTreeSet<i64> = profile.halo.look(|state| state.clients.iter().map(|client| client.id).collect());
    assert_eq!(ids(&profile, "all").await, truth);
    let pages = profile.halo.requests().into_iter().filter(|request| request.path == "/api/client").collect::<Vec<_>>();
    assert!(pages.len() <= 8 + 2, "{}", pages.len());
    for page in pages {
        let sent = |name: &str| page.parameter(name).map(str::to_owned);
        assert_eq!(sent("pageinate").as_deref(), Some("true"));
        assert_eq!(sent("page_size").as_deref(), Some("100"));
        assert_eq!(sent("order").as_deref(), Some("id"));
        assert_eq!(sent("includeinactive").as_deref(), Some("true"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_disabled_and_not_deleted_and_come_back() {
    let profile = Profile::synced(small()).await;
    let gone: Vec<Client> = profile.halo.change(|state| state.clients.drain(10..13).collect());
    let inactive = gone.iter().filter(|client| client.inactive).count() as u64;
    let report = profile.json(["sync"], 0).await;
    assert_eq!(report["changes"]["disabled"], 3 - inactive);
    let disabled = profile.json(["clients", "--status", "disabled"], 0).await;
    for client in &gone {
        let row = disabled.as_array().unwrap().iter().find(|row| row["id"] == client.id).unwrap();
        assert_eq!(row["disabled_reason"], "no longer in Halo");
    }
    let first_seen = |list: &Value, id: i64| {
        list.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap()["first_seen"].clone()
    };
    let before = first_seen(&disabled, gone[0].id);
    profile.halo.change(|state| state.clients.extend(gone.iter().cloned()));
    let report = profile.json(["sync"], 0).await;
    assert_eq!(report["changes"]["returned"], 3 - inactive);
    let all = profile.json(["clients", "--status", "all"], 0).await;
    assert_eq!(first_seen(&all, gone[0].id), before, "with its history");
}

/// R8: a list that has lost most of its clients is held, and nothing is disabled without a yes.
#[tokio::test(flavor = "multi_thread")]
async fn a_mass_change_is_held_until_somebody_says_yes() {
    let profile = Profile::synced(small()).await;
    let active = ids(&profile, "active").await;
    profile.halo.change(|state| state.clients.truncate(40));
    let held = profile.json(["sync"], 3).await;
    assert_eq!(held["status"], "needs_confirmation");
    assert_eq!(ids(&profile, "active").await, active);
    let done = profile.json(["sync", "--yes"], 0).await;
    assert_eq!(done["status"], "complete");
    assert!(ids(&profile, "active").await.len() <= 40);
}

/// A second run with nothing changed finds nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_sync_changes_nothing() {
    let profile = Profile::synced(small()).await;
    let report = profile.json(["sync"], 0).await;
    assert_eq!(report["changes"], json!({"added": 0, "updated": 0, "disabled": 0, "returned": 0, "unchanged": 230}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_dies_in_mid_sync_is_renewed_and_no_page_is_lost() {
    let profile = Profile::set_up(Options { clients: 900, ..Options::default() }).await;
    profile.halo.set_fault("token-expiry-mid-sync".parse().unwrap(), true);
    let report = profile.json(["sync"], 0).await;
    assert_eq!((&report["status"], &report["stored"]), (&json!("complete"), &json!(900)));
}

/// A lying count, a repeated page: never "complete", never without an end, and nobody disabled.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_does_not_add_up_is_never_called_complete() {
    for fault in ["record-count-wrong", "repeated-page"] {
        let profile = Profile::synced(small()).await;
        let active = ids(&profile, "active").await;
        profile.halo.set_fault(fault.parse().unwrap(), true);
        let report = profile.json(["sync"], 3).await;
        assert_eq!(
            (&report["status"], &report["proved"]),
            (&json!("complete_with_warnings"), &json!(false)),
            "{fault}"
        );
        assert!(!report["warnings"].as_array().unwrap().is_empty(), "{fault}");
        assert!(report["pages"].as_u64().unwrap() <= 2 * (3 + 10), "{fault}");
        assert_eq!(ids(&profile, "active").await, active, "{fault}");
    }
}

/// R4: rows that slide while pages are read; nobody that Halo still has is disabled.
#[tokio::test(flavor = "multi_thread")]
async fn clients_deleted_while_pages_are_read_take_nobody_else_with_them() {
    for seed in 1..=10 {
        let profile = Profile::synced(Options { clients: 330, seed, ..Options::default() }).await;
        profile.halo.set_fault("rows-deleted-mid-sync".parse().unwrap(), true);
        let ran = profile.run(["sync", "--json"]).await;
        let active: BTreeSet<i64> = profile
            .halo
            .look(|state| state.clients.iter().filter(|client| !client.inactive).map(|client| client.id).collect());
        let stored = ids(&profile, "active").await;
        let lost: Vec<_> = active.difference(&stored).collect();
        assert!(lost.is_empty(), "seed {seed}: {lost:?} {}", ran.stdout);
    }
}

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

/// S9: a sync that was not proved does not finish its step, and does not unlock Configure.
#[tokio::test(flavor = "multi_thread")]
async fn an_unproved_sync_does_not_unlock_configure() {
    let profile = Profile::set_up(small()).await;
    profile.halo.set_fault("record-count-wrong".parse().unwrap(), true);
    profile.run(["sync"]).await.expect(3).says("nothing was disabled");
    assert_eq!(profile.json(["status"], 0).await["steps"]["initial_sync"], "todo");
    profile.run(["configure", "--yes"]).await.expect(1).says("no sync yet");
    profile.halo.set_fault("record-count-wrong".parse().unwrap(), false);
    profile.run(["sync"]).await.expect(0);
    assert_eq!(profile.json(["status"], 0).await["steps"]["initial_sync"], "done");
}

/// An agent that may suddenly see no client at all looks like a Halo without clients: held at any size.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_is_held_for_a_small_tenant_too() {
    let profile = Profile::synced(Options { clients: 12, ..Options::default() }).await;
    let active = ids(&profile, "active").await;
    profile.halo.change(|state| state.clients.clear());
    profile.run(["sync"]).await.expect(3).says("Allow use of all Customers/Clients");
    assert_eq!(ids(&profile, "active").await, active);
    profile.run(["sync", "--yes"]).await.expect(0);
    assert!(ids(&profile, "active").await.is_empty());
}

/// More missing clients than are asked for one by one: they are disabled only after a second reading of the list.
#[tokio::test(flavor = "multi_thread")]
async fn many_missing_clients_are_looked_for_twice() {
    let profile = Profile::synced(Options { clients: 2_400, ..Options::default() }).await;
    profile.halo.change(|state| state.clients.truncate(2_170));
    profile.halo.clear_requests();
    let report = profile.json(["sync"], 0).await;
    assert_eq!(report["status"], "complete");
    assert!(report["changes"]["disabled"].as_u64().unwrap() > 200);
    let first_pages = profile.halo.requests();
    let first_pages = first_pages.iter().filter(|request| request.parameter("page_no") == Some("1")).count();
    assert_eq!(first_pages, 2);
}

/// A first sync has nothing to compare with: a list that changes while it is read is not proved by its count alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_sync_over_a_changing_list_is_not_called_proved() {
    for seed in 1..=5 {
        let profile = Profile::set_up(Options { clients: 330, seed, ..Options::default() }).await;
        profile.halo.set_fault("rows-deleted-mid-sync".parse().unwrap(), true);
        let report = profile.run(["sync", "--json"]).await.json();
        let truth: BTreeSet<i64> = profile.halo.look(|state| state.clients.iter().map(|client| client.id).collect());
        let stored = ids(&profile, "all").await;
        assert!(report["proved"] == false || stored.is_superset(&truth), "seed {seed}: {report}");
    }
}

/// One client deleted and another made between two pages: Halo's count stands still and agrees, and yet a row has slid
/// away unseen. It is asked for by its id before anybody disables it.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_slid_away_behind_an_unchanged_count_is_found_by_its_id() {
    let profile = Profile::synced(small()).await;
    let victim = profile.halo.change(|state| {
        state.clients.iter_mut().for_each(|client| client.inactive = false);
        state.on_request = Some(Box::new(|state, request| {
            if request.path == "/api/client" && request.parameter("page_no") == Some("2") {
                state.on_request = None;
                state.clients.remove(49);
                let last = state.clients.last().map_or(0, |client| client.id);
                state.clients.push(Client::new(last + 1, "Came in between"));
            }
        }));
        state.clients[100].id
    });
    let report = profile.json(["sync"], 0).await;
    assert_eq!((&report["halo_count"], &report["stored"]), (&json!(230), &json!(230)));
    assert!(report["warnings"][0].as_str().unwrap().contains(&format!("client {victim}")), "{report}");
    let truth: BTreeSet<i64> = profile.halo.look(|state| state.clients.iter().map(|client| client.id).collect());
    assert!(ids(&profile, "active").await.is_superset(&truth));
}
