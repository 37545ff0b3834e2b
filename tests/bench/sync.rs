//! How long a company sync takes, beside the plain download of the same pages by four, eight and sixteen connections, and
//! beside two published Python packages on the same Halo in the same run.
//!
//! `cargo bench --bench sync` prints tables in Markdown. `PIA_HALO_BENCH=1000,10000` measures these numbers of clients
//! only; `PIA_HALO_BENCH_LATENCY=50` these latencies only, in milliseconds. The packages are installed under `target`,
//! where Python and its registry can be had; otherwise they are left out, and it says so. The simulated Halo runs in a process
//! of its own, with its pages ready-made in another; each figure is the best of a few rounds, because other programs of the
//! machine can only make it worse. `PIA_HALO_BENCH_SERVER=1` has the store on a PostgreSQL, and beside it one in a file.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "the table is the result")]
#![allow(dead_code, reason = "what it shares with the other benchmarks is theirs")]

#[path = "../support/postgres.rs"]
mod postgres;
mod ready;
mod runs;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pia_halo::domain::configuration::ConfigurationId;
use serde_json::Value;

use runs::{Halo, Profile, Run, best, machine, milliseconds, on_server};

/// Of the plain downloads.
const CONNECTIONS: [u64; 3] = [4, 8, 16];

/// The packages and their versions.
const PEERS: [&str; 2] = ["haloitsm-python==0.1.0", "HaloPSA==2.0.2"];

/// Where a process of this benchmark is to serve ready-made pages: the address they come from, and how late each is.
const READY_MADE: &str = "PIA_HALO_BENCH_READY_MADE";

/// The process that serves them.
struct ReadyMade(Child);

impl ReadyMade {
    /// Puts itself before a simulated Halo.
    fn before(halo: &mut Halo, latency: u64) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child =
            command.env(READY_MADE, format!("{} {latency}", halo.url)).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line.trim().clone_into(&mut halo.url);
        Self(child)
    }
}

impl Drop for ReadyMade {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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
async fn download(halo: &Halo, clients: u64, connections: u64) -> Duration {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let token = token(halo, &client).await;
    let (next, pages) = (Arc::new(AtomicU64::new(1)), clients.div_ceil(100));
    let started = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (client, token, next, url) = (client.clone(), token.clone(), Arc::clone(&next), halo.url.clone());
        running.spawn(async move {
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
    while running.join_next().await.is_some() {}
    started.elapsed()
}

/// How long this program takes to open the store and read the whole list, and how long for the first window of it.
fn open(profile: &Profile) -> (Duration, Duration) {
    let id = ConfigurationId::parse("bench").unwrap();
    let started = Instant::now();
    let store = profile.store();
    let counts = store.client_counts(&id).unwrap();
    assert_eq!(store.first_clients(&id, Some(true), 50).unwrap().0.len(), 50);
    let window = started.elapsed();
    drop(store);
    let started = Instant::now();
    let store = profile.store();
    let clients = store.clients(&id).unwrap();
    assert_eq!(clients.len() as u64, counts.active + counts.disabled);
    (window, started.elapsed())
}

/// The stored clients as they are on the disk, to be compared.
fn rows(profile: &Profile) -> Vec<String> {
    profile.texts("SELECT id || ' ' || name || ' ' || coalesce(last_seen, '') FROM clients ORDER BY id")
}

/// A Python that has the packages.
fn python() -> Result<PathBuf, String> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("peers");
    let python = folder.join("bin/python");
    let run = |program: &Path, arguments: &[&str]| {
        let done = Command::new(program).args(arguments).stdin(Stdio::null()).output();
        let done = done.map_err(|error| format!("{}: {error}", program.display()))?;
        let said = String::from_utf8_lossy(&done.stderr).lines().last().unwrap_or_default().to_owned();
        if done.status.success() { Ok(()) } else { Err(said) }
    };
    if !python.exists() {
        run(Path::new("python3"), &["-m", "venv", &folder.to_string_lossy()])?;
    }
    run(&python, &[&["-m", "pip", "install", "--quiet", "--disable-pip-version-check"], &PEERS[..]].concat())?;
    Ok(python)
}

/// One package on the same Halo.
fn peer(python: &Path, package: &str, halo: &Halo) -> Run {
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/peers.py"));
    command.args([package, &halo.url, &halo.client_id]).env("HALO_SECRET", &halo.client_secret);
    runs::watch(command)
}

fn numbers(name: &str, default: &str) -> Vec<u64> {
    let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
    text.split(',').map(|number| number.trim().parse().unwrap()).collect()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Ok(told) = std::env::var(READY_MADE) {
        let (upstream, latency) = told.split_once(' ').unwrap();
        return runtime.block_on(ready::serve(upstream.to_owned(), Duration::from_millis(latency.parse().unwrap())));
    }
    let python = python();
    let (mut peers, mut beside) = (String::new(), String::new());
    println!("{}\n", machine());
    println!(
        "| clients | latency | download by 4 | by 8 | by 16 | first sync | to by 4 | to by 8 | processor | peak | second sync | to by 4 | to by 8 | processor | peak | written | open: first window | open: all | list as JSON |"
    );
    println!("|{}", " ---: |".repeat(19));
    let latencies = numbers("PIA_HALO_BENCH_LATENCY", "0,50");
    for clients in numbers("PIA_HALO_BENCH", "1000,10000,100000") {
        for latency in latencies.iter().copied() {
            let rounds = if clients >= 100_000 { 3 } else { 5 };
            let mut halo = Halo::start(clients, latency);
            let _ready_made = ReadyMade::before(&mut halo, latency);
            // Everything is asked for once before it is measured.
            runtime.block_on(download(&halo, clients, 4));
            let plain =
                |connections| best(rounds, || runtime.block_on(download(&halo, clients, connections)), |time| *time);
            let [by_4, by_8, by_16] = CONNECTIONS.map(plain);
            let (profile, first) = best(
                rounds,
                || {
                    let profile = Profile::new(&halo);
                    let first = profile.sync(clients);
                    (profile, first)
                },
                |(_, run)| run.wall,
            );
            if on_server() {
                let in_file = best(rounds, || Profile::with(&halo, false).sync(clients), |run| run.wall);
                beside.push_str(&format!(
                    "| {clients} | {latency} ms | {} | {} | {:.2} |\n",
                    milliseconds(first.wall),
                    milliseconds(in_file.wall),
                    first.wall.as_secs_f64() / in_file.wall.as_secs_f64()
                ));
            }
            let before = rows(&profile);
            let second = best(rounds, || profile.sync(clients), |run| run.wall);
            assert!(before == rows(&profile), "an unchanged list was written");
            let (window, all) = best(rounds, || open(&profile), |(_, all)| *all);
            let list = best(rounds, || profile.run(&["clients", "--json", "--status", "all"]), |run| run.wall);
            let told = |run: &Run| {
                let to = |plain: Duration| run.wall.as_secs_f64() / plain.as_secs_f64();
                let (wall, processor) = (milliseconds(run.wall), milliseconds(run.processor));
                let peak = run.peak as f64 / 1024.0;
                format!("{wall} | {:.2} | {:.2} | {processor} | {peak:.0} MiB", to(by_4), to(by_8))
            };
            println!(
                "| {clients} | {latency} ms | {} | {} | {} | {} | {} | {} KiB | {} | {} | {} |",
                milliseconds(by_4),
                milliseconds(by_8),
                milliseconds(by_16),
                told(&first),
                told(&second),
                second.written / 1024,
                milliseconds(window),
                milliseconds(all),
                milliseconds(list.wall),
            );
            // A hundred thousand rows take a package of Python minutes.
            for package in PEERS.iter().filter_map(|peer| peer.split("==").next()).filter(|_| clients <= 10_000) {
                let Ok(python) = &python else { break };
                let run = best(2, || peer(python, package, &halo), |run| run.wall);
                let (report, times) = (&run.report, run.wall.as_secs_f64() / first.wall.as_secs_f64());
                peers.push_str(&format!(
                    "| {clients} | {latency} ms | {package} | {} | {} | {} | {times:.1} | {:.0} MiB |\n",
                    report["rows"],
                    report["requests"],
                    milliseconds(run.wall),
                    run.peak as f64 / 1024.0
                ));
            }
        }
    }
    if on_server() {
        println!("\n| clients | latency | first sync, store on a server | in a file | ratio |");
        println!("| ---: | ---: | ---: | ---: | ---: |\n{beside}");
    }
    match python {
        Ok(_) => {
            println!("\n| clients | latency | package | rows got | requests | time | to our first sync | peak |");
            println!("| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |\n{peers}");
        }
        Err(why) => println!("\nhaloitsm-python and HaloPSA were not measured: {why}"),
    }
}
