//! Halo's request budget is one for all hosts that share a store.

use std::io::{BufRead as _, BufReader};

use pia_halo::demo::Options;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::sharing::{Host, shared_with};
use crate::support::Profile;
use crate::support::postgres::Server;

/// How many requests Halo has had so far, but for sign-ins.
fn requests(profile: &Profile) -> usize {
    profile.halo.requests().iter().filter(|request| request.path.starts_with("/api/")).count()
}

/// What one host has used of the budget is not there for another, which waits and says so; Halo refuses neither.
#[tokio::test(flavor = "multi_thread")]
async fn budget_is_one_for_all_hosts() {
    let Some(server) = Server::start() else { return };
    let (profile, _) = shared_with(&server, "budget", Options { clients: 600, ..Options::default() }).await;
    let other = Host::beside(&profile);
    profile.halo.change(|state| state.behaviour.page_cap = 10);
    let before = requests(&profile);
    other.run(&["sync"]).await.expect(0);
    let of_one = requests(&profile) - before;
    // Enough for one of them, and not for two.
    let budget = of_one + of_one / 2;
    let (answers, set) = (profile.folder.path().join("acme.answers.toml"), format!("api.request_budget={budget}"));
    profile.run(["setup", "--answers", &answers.to_string_lossy(), "--set", &set]).await.expect(0);
    profile.halo.clear_requests();
    other.run(&["sync"]).await.expect(0);
    let mut waits = profile.command(["sync", "--progress", "json"]).spawn().unwrap();
    let lines = BufReader::new(waits.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut told = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let wait = told.find(|line| line["waiting_until"].is_string());
    assert!(wait.is_some(), "the sync did not wait: {} requests of {budget}", requests(&profile));
    kill_process(Pid::from_child(&waits), Signal::INT).unwrap();
    told.for_each(drop);
    waits.wait().unwrap();
    let sent = requests(&profile);
    assert!((of_one..=budget).contains(&sent), "{sent} requests of {budget}");
    assert!(profile.halo.requests().iter().all(|request| request.status != 429));
}
