//! Recorded replies of Halo, answered by a small server in front of a healthy Halo: each is read as the index beside the
//! files says. A file without an expectation here fails.

mod lists;
mod objects;
mod programs;
mod refusals;
mod server;
mod signing_in;
mod tickets;

use std::time::Duration;

use pia_halo::demo::{Options, SimulatedHalo};
use pia_halo::domain::address::HaloUrl;
use pia_halo::domain::secret::Secret;
use pia_halo::halo::{Connection, HaloApi, Limits, Patience};

use server::{Recorded, Replay, names};

/// A recorded file, the server that answers with it, and a client.
struct Scene {
    replay: Replay,
    halo: SimulatedHalo,
    api: HaloApi,
}

impl Scene {
    async fn new() -> Self {
        let halo = SimulatedHalo::start(Options { clients: 30, ..Options::default() }).await.unwrap();
        let replay = Replay::before(&halo).await;
        let api = HaloApi::with_limits(connection(&replay, &halo), quick()).unwrap();
        Self { replay, halo, api }
    }

    /// One in which the call that a file is about is answered with it.
    async fn of(name: &str) -> Self {
        let scene = Self::new().await;
        scene.replay.replay(name);
        scene
    }
}

fn connection(replay: &Replay, halo: &SimulatedHalo) -> Connection {
    Connection {
        url: HaloUrl::read(replay.url()).unwrap().address,
        auth_url: None,
        tenant: None,
        client_id: halo.client_id().to_owned(),
        client_secret: Secret::new(halo.client_secret()),
        request_budget: None,
        ca_file: None,
        hide: Vec::new(),
        tokens: Vec::new(),
        attended: true,
        proxy: None,
    }
}

/// Limits under which failing takes no time.
fn quick() -> Limits {
    let patience = Patience {
        attempts: 3,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(2),
        total: Duration::from_secs(5),
        attempt: Duration::MAX,
    };
    Limits { patience, ..Limits::default() }
}

/// Reads one recorded file and asserts what the index says of it; false where nothing is expected of it yet.
async fn expect(name: &str) -> bool {
    match name.split('-').next().unwrap_or_default() {
        "authinfo" | "openid" | "token" => signing_in::expect(name).await,
        "client" | "agent" | "team" | "instanceinfo" | "tickettype" => lists::expect(name).await,
        "ticket" | "tickets" | "actions" => tickets::expect(name).await,
        "webhook" | "notification" | "webhookevent" | "tabs" | "lookup" | "delivery" => objects::expect(name).await,
        "error" => refusals::expect(name).await,
        _ => false,
    }
}

/// All recorded replies and deliveries, each as the index says; and a new file needs an expectation.
#[tokio::test(flavor = "multi_thread")]
async fn each_recorded_reply_is_read_as_its_index_says() {
    let mut wrong = Vec::new();
    let names = names();
    for name in &names {
        let one = name.clone();
        match tokio::spawn(async move { expect(&one).await }).await {
            Ok(true) => {}
            Ok(false) => wrong.push(format!("{name}: nothing is expected of it")),
            Err(_) => wrong.push(format!("{name}: read otherwise")),
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(names.len(), 62);
}

/// The index names each file, and no other.
#[test]
fn index_of_recorded_replies_is_complete() {
    let index = std::fs::read_to_string(server::folder().join("README.md")).unwrap();
    let listed: Vec<&str> =
        index.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(".json`").map(|(name, _)| name)).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, names());
    let odd = Recorded::read("ticket-detail-2024").reply.body;
    assert!(odd.contains("\"estimate\":-0.0") && odd.contains("\"site_id\":18.0"), "numbers are sent as they are");
}
