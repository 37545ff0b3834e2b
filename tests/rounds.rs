//! Hosts at one store that Configure, Remove, Rotate and Sync at once, round for round.
//!
//! `PIA_HALO_ROUNDS=100 cargo test --test promises rounds_of_hosts` plays a hundred rounds of each number of hosts.

use std::process::{Child, Output};

use pia_halo::domain::sync_run::SyncStatus;
use pia_halo::ops;

use crate::commands::holds_exactly_our_objects;
use crate::sharing::{Host, shared};
use crate::support::changing::plain;
use crate::support::postgres::Server;
use crate::support::service::secrets;
use crate::support::{Profile, until_with};

/// Sessions that hold a lock by name.
const HELD: &str =
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND classid = 1349083470";

/// What the hosts of a round do, by turns: two of them at least want the same lock.
const WORK: [&[&str]; 4] =
    [&["configure", "--yes"], &["rotate", "--yes", "--end-overlap"], &["sync"], &["remove", "--yes"]];

/// What was done in all rounds, and how often another one was in the way.
#[derive(Debug, Default)]
struct Figures {
    done: usize,
    busy: usize,
    refused: usize,
}

fn start(host: &Host, name: &str, arguments: &[&str]) -> Child {
    host.command(arguments).env("PIA_HALO_HOST", name).spawn().unwrap()
}

/// What each of them said, in the order of the hosts.
async fn ends(running: Vec<Child>) -> Vec<Output> {
    let ends = running.into_iter().map(|child| tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()));
    futures_util::future::join_all(ends).await.into_iter().map(Result::unwrap).collect()
}

/// Each run is whole, and leaves Halo and the store in one mind: with a set of objects that the plan finds in place, or with none.
async fn is_in_one_mind(profile: &Profile, server: &Server, before: &serde_json::Value, at: &str) {
    assert_eq!(server.sql("rounds", HELD), "0", "{at}: an orphan lock");
    assert_eq!(
        server.sql("rounds", "SELECT count(*) FROM intents WHERE ended_at IS NULL"),
        "0",
        "{at}: a write that nobody has seen the end of"
    );
    let runs = ops::sync::runs(&profile.workspace(), &profile.id(), 99).unwrap();
    assert!(runs.iter().all(|run| run.status == SyncStatus::Complete), "{at}");
    let after = plain(profile.halo.snapshot());
    let installed = server.sql("rounds", "SELECT count(*) FROM installed");
    if installed == "0" {
        assert_eq!(after, *before, "{at}: nothing of ours is left");
    } else {
        holds_exactly_our_objects(before, &after);
        let token = secrets(profile).token.expose().to_owned();
        let webhooks = after["webhooks"].as_array().unwrap();
        let ours = webhooks.iter().filter(|webhook| webhook["url"].as_str().is_some_and(|url| url.ends_with(&token)));
        assert_eq!(ours.count(), 2, "{at}: both have the token that is saved");
        let plan = profile.run(["plan", "--json"]).await.expect(0).json();
        assert_eq!(plan["changes_pending"], false, "{at}: {plan}");
    }
}

/// Two, four and eight at once.
#[tokio::test(flavor = "multi_thread")]
async fn rounds_of_hosts_that_all_work_at_once_leave_one_set() {
    let Some(server) = Server::start() else { return };
    let (profile, _) = shared(&server, "rounds").await;
    let before = plain(profile.halo.snapshot());
    let hosts: Vec<Host> = (0..8).map(|_| Host::beside(&profile)).collect();
    let mut figures = Figures::default();
    for (count, few) in [(2, 3), (4, 2), (8, 1)] {
        let rounds = std::env::var("PIA_HALO_ROUNDS").map_or(few, |rounds| rounds.parse().unwrap());
        for round in 0..rounds {
            let at = format!("round {round} of {count}");
            // What all of them begin with turns from round to round.
            let work: Vec<&[&str]> =
                (0..count).map(|host| WORK[(host * (1 + round % 3) + round) % WORK.len()]).collect();
            let running = work.iter().zip(&hosts).enumerate();
            let running = running.map(|(host, (work, of))| start(of, &format!("jump{host}"), work)).collect();
            for (work, ended) in work.iter().zip(ends(running).await) {
                let said =
                    format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
                match ended.status.code() {
                    Some(0) => figures.done += 1,
                    // Who is at it, and where.
                    Some(6) => {
                        assert!(said.contains(" on jump"), "{at}: {work:?}: {said}");
                        figures.busy += 1;
                    }
                    // Nothing of ours is in Halo at that moment, and so nothing can be rotated.
                    Some(1) if work[0] == "rotate" && said.contains("; nothing was written") => figures.refused += 1,
                    code => panic!("{at}: {work:?}: {code:?}: {said}"),
                }
            }
            is_in_one_mind(&profile, &server, &before, &at).await;
        }
    }
    println!("{figures:?}");
    // One that is killed in the middle of it all keeps nobody away either.
    let mut killed: Vec<Child> = WORK.iter().zip(&hosts).map(|(work, host)| start(host, "jump9", work)).collect();
    until_with(&mut killed, |child| child.try_wait().unwrap().is_some()).await;
    for child in &mut killed {
        _ = child.kill();
        _ = child.wait();
    }
    profile.run(["configure", "--yes"]).await.expect(0);
    holds_exactly_our_objects(&before, &plain(profile.halo.snapshot()));
}
