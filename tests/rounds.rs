//! Hosts at one store that Configure, Remove, Rotate and Sync at once, round for round, and are killed in the middle of it.
//!
//! `PIA_HALO_ROUNDS=100 cargo test --test promises rounds_of_hosts` plays a hundred rounds of each number of hosts;
//! `PIA_HALO_ROUNDS=300 cargo test --test promises rounds_of_kills` kills all programs three hundred times.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Output};

use pia_halo::domain::callback::CallbackSecrets;
use pia_halo::domain::sync_run::SyncStatus;
use pia_halo::ops;

use crate::commands::holds_exactly_our_objects;
use crate::sharing::{Host, shared};
use crate::support::changing::plain;
use crate::support::postgres::Server;
use crate::support::service::{Service, basic, event, guid, secrets};
use crate::support::{Profile, until, until_with};

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

/// What was done leaves Halo and the store in one mind: with a set of objects that the plan finds in place, or with none.
async fn is_in_one_mind(profile: &Profile, server: &Server, before: &serde_json::Value, at: &str) {
    assert_eq!(server.sql("rounds", HELD), "0", "{at}: an orphan lock");
    assert_eq!(
        server.sql("rounds", "SELECT count(*) FROM intents WHERE ended_at IS NULL"),
        "0",
        "{at}: a write that nobody has seen the end of"
    );
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
            let runs = ops::sync::runs(&profile.workspace(), &profile.id(), 99).unwrap();
            assert!(runs.iter().all(|run| run.status == SyncStatus::Complete), "{at}");
        }
    }
    println!("{figures:?}");
}

/// All programs are killed in the middle, each time after another request to Halo: three that work, and a service that Halo
/// calls. The next one that comes brings all into one mind, and whatever was acknowledged is stored, once.
#[tokio::test(flavor = "multi_thread")]
async fn rounds_of_kills_lose_nothing_and_keep_nobody_away() {
    let Some(server) = Server::start() else { return };
    let (profile, _) = shared(&server, "rounds").await;
    let before = plain(profile.halo.snapshot());
    let hosts: Vec<Host> = (0..4).map(|_| Host::beside(&profile)).collect();
    profile.run(["configure", "--yes"]).await.expect(0);
    let rounds: usize = std::env::var("PIA_HALO_ROUNDS").map_or(5, |rounds| rounds.parse().unwrap());
    let (mut acknowledged, mut in_the_middle): (Vec<String>, _) = (Vec::new(), 0);
    for round in 0..rounds {
        let at = format!("round {round}");
        let service = Service::start_by(hosts[3].command(&["serve", "--listen", "127.0.0.1:0"])).await;
        let called_with = secrets(&profile);
        let requests = profile.halo.requests().len();
        let work = (0..3).map(|host| start(&hosts[host], &format!("jump{host}"), WORK[(host + round) % WORK.len()]));
        let mut working: Vec<Child> = work.collect();
        let early = call(&service, &called_with, round, "early");
        let due = requests + 1 + round * 7 % 60;
        let is_due = |child: &mut Child| profile.halo.requests().len() >= due || child.try_wait().unwrap().is_some();
        until_with(&mut working, is_due).await;
        let late = call(&service, &called_with, round, "late");
        service.kill();
        for child in &mut working {
            in_the_middle += usize::from(child.try_wait().unwrap().is_none());
            _ = child.kill();
            _ = child.wait();
        }
        acknowledged.extend([early, late].into_iter().filter_map(is_acknowledged));
        // The server ends their sessions.
        until(|| server.sql("rounds", HELD) == "0").await;
        let next = &hosts[round % 3];
        let ran = next.run(&["configure", "--yes"]).await;
        assert_eq!(ran.code, 0, "{at}: {ran:?}");
        is_in_one_mind(&profile, &server, &before, &at).await;
    }
    println!("{in_the_middle} killed in the middle, {} events acknowledged", acknowledged.len());
    assert!(in_the_middle >= rounds, "{in_the_middle}");
    profile.run(["sync"]).await.expect(0);
    let stored = server.sql("rounds", "SELECT id FROM events ORDER BY id");
    for id in acknowledged {
        assert_eq!(stored.lines().filter(|stored| **stored == id).count(), 1, "{id}");
    }
}

/// Calls a service as Halo does, and does not wait for the answer: it may die first.
fn call(service: &Service, secrets: &CallbackSecrets, round: usize, name: &str) -> (String, TcpStream) {
    let name = format!("{name} {round}");
    let (body, token) = (event(&name, 1).to_string(), secrets.token.expose());
    let mut line = service.connect();
    _ = write!(
        line,
        "POST /callbacks/acme/ticket-created/{token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Authorization: {}\r\nContent-Length: {}\r\n\r\n{body}",
        basic("pia", secrets.password.expose()),
        body.len()
    );
    (guid(&name), line)
}

/// The id of an event whose answer was 200.
fn is_acknowledged((id, mut line): (String, TcpStream)) -> Option<String> {
    let mut answer = Vec::new();
    _ = line.read_to_end(&mut answer);
    answer.starts_with(b"HTTP/1.1 200 ").then_some(id)
}
