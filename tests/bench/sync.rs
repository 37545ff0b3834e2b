//! How long a company sync takes, beside the plain download of the same pages.
//!
//! `cargo bench --bench sync` prints a table in Markdown. `PIA_HALO_BENCH=1000,10000` measures these numbers of clients
//! only. The simulated Halo runs in a process of its own; each figure is the best of a few rounds, because other programs
//! of the machine can only make it worse.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "the table is the result")]
#![allow(dead_code, reason = "what it shares with the other benchmarks is theirs")]

mod runs;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pia_halo::domain::configuration::ConfigurationId;
use pia_halo::store::Store;
use serde_json::Value;

use runs::{Halo, Profile, Run, best, machine, milliseconds};

/// As many as the sync has.
const CONNECTIONS: u64 = 4;

async fn token(halo: &Halo, client: &reqwest::Client) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &halo.client_id),
        ("client_secret", &halo.client_secret),
        ("scope", "all"),
    ];
    let url = format!("{}/auth/token?tenant=demo", halo.url);
    let reply: Value = client.post(url).form(&form).send().await.unwrap().json().await.unwrap();
    reply["access_token"].as_str().unwrap().to_owned()
}

/// Fetches every page on as many connections, and throws it away. The token is there already.
async fn download(halo: &Halo, clients: u64) -> Duration {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let token = token(halo, &client).await;
    let (next, pages) = (Arc::new(AtomicU64::new(1)), clients.div_ceil(100));
    let started = Instant::now();
    let mut connections = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (client, token, next, url) = (client.clone(), token.clone(), Arc::clone(&next), halo.url.clone());
        connections.spawn(async move {
            loop {
                let page = next.fetch_add(1, Ordering::Relaxed);
                if page > pages {
                    return;
                }
                let address = format!(
                    "{url}/api/Client?pageinate=true&page_size=100&page_no={page}&order=id&orderdesc=false&includeinactive=true"
                );
                let reply = client.get(address).bearer_auth(&token).send().await.unwrap();
                assert!(reply.status().is_success());
                let _ = reply.bytes().await.unwrap();
            }
        });
    }
    while connections.join_next().await.is_some() {}
    started.elapsed()
}

/// How long this program takes to open the store and read the whole list, and how long for the first window of it.
fn open(profile: &Profile) -> (Duration, Duration) {
    let id = ConfigurationId::parse("bench").unwrap();
    let started = Instant::now();
    let store = Store::open_existing(&profile.store()).unwrap().unwrap();
    let counts = store.client_counts(&id).unwrap();
    assert_eq!(store.first_clients(&id, Some(true), 50).unwrap().0.len(), 50);
    let window = started.elapsed();
    drop(store);
    let started = Instant::now();
    let store = Store::open_existing(&profile.store()).unwrap().unwrap();
    let clients = store.clients(&id).unwrap();
    assert_eq!(clients.len() as u64, counts.active + counts.disabled);
    (window, started.elapsed())
}

/// The stored clients as they are on the disk, to be compared.
fn rows(profile: &Profile) -> Vec<(i64, String, Option<String>)> {
    let store = rusqlite::Connection::open(profile.store()).unwrap();
    let mut statement = store.prepare("SELECT id, name, last_seen FROM clients ORDER BY id").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn main() {
    let sizes = std::env::var("PIA_HALO_BENCH").unwrap_or_else(|_| "1000,10000,100000".to_owned());
    let sizes: Vec<u64> = sizes.split(',').map(|size| size.trim().parse().unwrap()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("{}\n", machine());
    println!(
        "| clients | latency | download | first sync | ratio | peak | second sync | ratio | peak | written | open: first window | open: all | list as JSON |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for clients in sizes {
        for latency in [0, 50] {
            let rounds = if clients >= 100_000 { 2 } else { 3 };
            let halo = Halo::start(clients, latency);
            let download = best(rounds, || runtime.block_on(download(&halo, clients)), |time| *time);
            let (profile, first) = best(
                rounds,
                || {
                    let profile = Profile::new(&halo);
                    let first = profile.sync(clients);
                    (profile, first)
                },
                |(_, run)| run.wall,
            );
            let before = rows(&profile);
            let second = best(rounds, || profile.sync(clients), |run| run.wall);
            assert!(before == rows(&profile), "an unchanged list was written");
            let (window, all) = best(rounds, || open(&profile), |(_, all)| *all);
            let list = best(rounds, || profile.run(&["clients", "--json", "--status", "all"]), |run| run.wall);
            let ratio = |run: &Run| run.wall.as_secs_f64() / download.as_secs_f64();
            println!(
                "| {clients} | {latency} ms | {} | {} | {:.2} | {:.0} MiB | {} | {:.2} | {:.0} MiB | {} KiB | {} | {} | {} |",
                milliseconds(download),
                milliseconds(first.wall),
                ratio(&first),
                first.peak as f64 / 1024.0,
                milliseconds(second.wall),
                ratio(&second),
                second.peak as f64 / 1024.0,
                second.written / 1024,
                milliseconds(window),
                milliseconds(all),
                milliseconds(list.wall),
            );
        }
    }
}
