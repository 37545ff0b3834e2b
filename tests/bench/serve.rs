//! What `serve` bears: callbacks at a constant rate, a flood of forgeries beside them, kills in the middle, and nothing
//! at all.
//!
//! `cargo bench --bench serve` prints a table in Markdown. The callbacks are sent by wrk2 (github.com/giltene/wrk2), a
//! public load generator that keeps its rate whatever the other side does, and counts each answer from the moment at which
//! its request was due. It is looked for by that name in PATH, or `PIA_HALO_WRK2` says where it is.
//! `PIA_HALO_BENCH_SECONDS=15` makes each part shorter; wrk2 needs its first ten seconds to find its pace.
//! `PIA_HALO_BENCH_SERVER=1` has the store on a PostgreSQL, which shares the processor with all of that.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "the table is the result")]
#![allow(dead_code, reason = "what it shares with the other benchmarks is theirs")]

#[path = "../support/postgres.rs"]
mod postgres;
mod runs;

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pia_halo::domain::callback::CallbackSecrets;
use pia_halo::ops::{SystemClock, Workspace};
use pia_halo::settings::{Environment, Paths};
use serde::Deserialize;

use runs::{Halo, Profile, figure, machine, on_server};

/// Callbacks in a second, with the store in a file and on a server, and the connections that they come by.
const RATE: u64 = 2_000;
const RATE_ON_SERVER: u64 = 1_000;
const CONNECTIONS: u64 = 64;

/// More forgeries than any machine answers, and the connections that they come by; and the true callbacks beside them.
const FLOOD: u64 = 1_000_000;
const FORGERS: u64 = 64;
const TRUE: u64 = 200;
const TRUE_CONNECTIONS: u64 = 16;

/// How often the service is killed in the middle.
const KILLS: u32 = 3;

/// The service; it is killed when dropped.
struct Service {
    child: Child,
    address: SocketAddr,
}

impl Service {
    fn start(profile: &Profile, listen: &str) -> Self {
        let mut command = profile.command(&["serve", "--listen", listen]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the service did not begin");
            if let Some(address) = line.trim().strip_prefix("listening on http://") {
                break address.parse().unwrap();
            }
        };
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self { child, address }
    }

    fn proc(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.child.id()))
    }

    /// MiB in memory, and the most that there ever were.
    fn memory(&self) -> (f64, f64) {
        let of = |word| figure(&self.proc().join("status"), word) as f64 / 1024.0;
        (of("VmRSS:"), of("VmHWM:"))
    }

    /// Processor time that it has used.
    fn processor(&self) -> Duration {
        let stat = std::fs::read_to_string(self.proc().join("stat")).unwrap();
        let after_name: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = after_name[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        // Linux counts hundredths of a second there, on every machine that this runs on.
        Duration::from_millis(ticks * 10)
    }

    /// How often each of its threads has run.
    fn wakes(&self) -> BTreeMap<OsString, u64> {
        let threads = std::fs::read_dir(self.proc().join("task")).unwrap().flatten();
        let of = |thread: &Path| {
            ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"]
                .map(|word| figure(&thread.join("status"), word))
                .iter()
                .sum()
        };
        threads.map(|thread| (thread.file_name(), of(&thread.path()))).collect()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What wrk2 has measured; times in microseconds.
#[derive(Deserialize)]
struct Measured {
    requests: u64,
    p50: u64,
    p99: u64,
    max: u64,
    not_200: u64,
    broken: u64,
}

/// A sender of callbacks.
struct Sender {
    child: Child,
}

impl Sender {
    fn start(stage: &Stage, round: &str, to: SocketAddr, token: &str, (rate, lines): (u64, u64), lasts: u64) -> Self {
        let threads = if rate == FLOOD { 1 } else { lines };
        let basic = STANDARD.encode(format!("pia:{}", stage.secrets.password.expose()));
        let child = Command::new(&stage.wrk2)
            .args([format!("-t{threads}"), format!("-c{lines}"), format!("-R{rate}"), format!("-d{lasts}s")])
            .arg("-s")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/callbacks.lua"))
            .arg(format!("http://{to}"))
            .env("BENCH_PATH", format!("/callbacks/bench/ticket-created/{token}"))
            .env("BENCH_AUTHORIZATION", format!("Basic {basic}"))
            .env("BENCH_FOLDER", stage.acknowledged.path())
            .env("BENCH_ROUND", round)
            .env("BENCH_MARK", mark(round))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child }
    }

    /// Ends it without a measurement, once it has had time to write down the last answers.
    fn stop(mut self) {
        pause(Duration::from_millis(300));
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn finish(self) -> Measured {
        let output = self.child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("wrk2 said {text}"))
    }
}

/// What the ids of a round begin with.
fn mark(round: &str) -> String {
    let number = round.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    format!("{number:08x}")
}

struct Stage {
    profile: Profile,
    secrets: CallbackSecrets,
    wrk2: OsString,
    /// The ids that were answered with 200, a file for each connection.
    acknowledged: tempfile::TempDir,
    seconds: u64,
    all_hold: bool,
}

impl Stage {
    fn row(&mut self, what: &str, wanted: &str, measured: String, holds: bool) {
        println!("| {what} | {wanted} | {measured} | {} |", if holds { "yes" } else { "**no**" });
        self.all_hold &= holds;
    }

    fn service(&self) -> Service {
        Service::start(&self.profile, "127.0.0.1:0")
    }

    fn token(&self) -> String {
        self.secrets.token.expose().to_owned()
    }

    fn acknowledged(&self, round: &str) -> HashSet<String> {
        let files = std::fs::read_dir(self.acknowledged.path()).unwrap().flatten();
        let files = files.filter(|file| file.file_name().to_string_lossy().starts_with(&format!("{round}-")));
        files.flat_map(|file| lines(&file.path())).collect()
    }

    /// The ids of a round that are in the store, and how many rows those are.
    fn stored(&self, round: &str) -> (HashSet<String>, usize) {
        let ids = self.profile.texts(&format!("SELECT id FROM events WHERE id LIKE '{}-%'", mark(round)));
        let rows = ids.len();
        (ids.into_iter().collect(), rows)
    }

    /// Every id that was acknowledged is in the store, once.
    fn prove(&mut self, round: &str, what: &str) {
        let (acknowledged, (stored, rows)) = (self.acknowledged(round), self.stored(round));
        let lost = acknowledged.difference(&stored).count();
        let holds = lost == 0 && rows == stored.len() && !acknowledged.is_empty();
        self.row(what, "0", format!("{lost} of {}", acknowledged.len()), holds);
    }

    fn idle(&mut self) {
        let service = self.service();
        // The threads that began it end some seconds after their last work.
        let mut before = service.wakes();
        for _ in 0..30 {
            pause(Duration::from_secs(1));
            let now = service.wakes();
            if now == std::mem::replace(&mut before, now.clone()) && now.len() < 6 {
                break;
            }
        }
        let used = service.processor();
        pause(Duration::from_secs(self.seconds));
        let after = service.wakes();
        let woken: u64 = after.iter().map(|(thread, wakes)| wakes - before.get(thread).unwrap_or(&0)).sum();
        let (now, most) = service.memory();
        let used = service.processor() - used;
        // With several hosts each tells the others that it is there.
        let wanted = if on_server() { ["", "", ""] } else { ["< 20 MiB", "0", "0 ms"] };
        let holds = |is_so: bool| on_server() || is_so;
        let memory = format!("{now:.1} MiB (at most {most:.1})");
        self.row("idle: resident memory", wanted[0], memory, holds(now < 20.0));
        self.row("idle: wake-ups of all threads", wanted[1], woken.to_string(), holds(woken == 0));
        self.row("idle: processor", wanted[2], format!("{} ms", used.as_millis()), holds(used.is_zero()));
    }

    fn load(&mut self) {
        let service = self.service();
        let (rate, within) = if on_server() { (RATE_ON_SERVER, 100) } else { (RATE, 50) };
        let done =
            Sender::start(self, "load", service.address, &self.token(), (rate, CONNECTIONS), self.seconds).finish();
        let (_, most) = service.memory();
        let share = service.processor().as_secs_f64() * 100.0 / self.seconds as f64;
        let answered = done.requests as f64 / self.seconds as f64;
        let steady = done.requests >= rate * self.seconds * 98 / 100 && done.not_200 + done.broken == 0;
        self.row("load: callbacks answered in a second", &rate.to_string(), format!("{answered:.0}"), steady);
        self.row("load: answered within, 50 %", "", milliseconds(done.p50), true);
        let wanted = format!("< {within} ms");
        self.row("load: answered within, 99 %", &wanted, milliseconds(done.p99), done.p99 < within * 1_000);
        self.row("load: the slowest", "", milliseconds(done.max), true);
        self.row("load: memory, at most", "< 100 MiB", format!("{most:.1} MiB"), most < 100.0);
        self.row("load: processor of the service", "", format!("{share:.0} % of a core"), true);
        self.prove("load", "load: acknowledged and not stored");
    }

    fn flood(&mut self) {
        let service = self.service();
        let forger = Sender::start(self, "forged", service.address, "forged", (FLOOD, FORGERS), self.seconds + 2);
        let pace = (TRUE, TRUE_CONNECTIONS);
        let done = Sender::start(self, "true", service.address, &self.token(), pace, self.seconds).finish();
        let (_, most) = service.memory();
        let forged = forger.finish();
        let rate = forged.requests / (self.seconds + 2);
        self.row("flood: forgeries refused in a second", "", rate.to_string(), forged.not_200 == forged.requests);
        let rate = done.requests as f64 / self.seconds as f64;
        let steady = done.requests >= TRUE * self.seconds * 95 / 100 && done.not_200 + done.broken == 0;
        self.row("flood: true callbacks beside them in a second", "200", format!("{rate:.0}"), steady);
        self.row("flood: true ones answered within, 99 %", "", milliseconds(done.p99), true);
        self.row("flood: the slowest true one", "< 1 s", milliseconds(done.max), done.max < 1_000_000);
        self.row("flood: memory, at most", "< 100 MiB", format!("{most:.1} MiB"), most < 100.0);
        self.prove("true", "flood: acknowledged and not stored");
    }

    fn kills(&mut self) {
        let rate = if on_server() { RATE_ON_SERVER } else { RATE };
        for round in 0..KILLS {
            let name = format!("kill{round}");
            let service = self.service();
            let sender = Sender::start(self, &name, service.address, &self.token(), (rate, CONNECTIONS), 60);
            pause(Duration::from_millis(3_000 + u64::from(round) * 317));
            service.kill();
            sender.stop();
            // What the next start makes of the store counts.
            drop(self.service());
            self.prove(&name, &format!("kill -9 under load, {}: acknowledged and not stored", round + 1));
        }
    }
}

fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    // The last line of a sender that was interrupted may be half a line.
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    whole.lines().map(str::to_owned).collect()
}

fn milliseconds(microseconds: u64) -> String {
    format!("{:.1} ms", microseconds as f64 / 1000.0)
}

fn pause(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

/// What callbacks of the profile identify themselves with.
fn secrets(profile: &Profile) -> CallbackSecrets {
    let environment = Environment::from_pairs([("HOME", profile.folder.path())]);
    let paths = Paths::from_environment(&environment).unwrap();
    let workspace = Workspace::open(paths, environment, Arc::new(SystemClock)).unwrap();
    workspace.secrets(&"bench".parse().unwrap()).unwrap().callback.unwrap()
}

fn main() {
    let wrk2 = std::env::var_os("PIA_HALO_WRK2").unwrap_or_else(|| "wrk2".into());
    if Command::new(&wrk2).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        println!("wrk2 is needed: git clone https://github.com/giltene/wrk2 && make -C wrk2");
        println!("then PIA_HALO_WRK2=wrk2/wrk cargo bench --bench serve");
        std::process::exit(1);
    }
    let seconds = std::env::var("PIA_HALO_BENCH_SECONDS").map_or(60, |text| text.parse().unwrap());
    println!("{}, {seconds} s each\n", machine());
    let halo = Halo::start(1_000, 0);
    let profile = Profile::new(&halo);
    let secrets = secrets(&profile);
    let acknowledged = tempfile::tempdir().unwrap();
    let mut stage = Stage { profile, secrets, wrk2, acknowledged, seconds, all_hold: true };
    println!("| what | wanted | measured | holds |");
    println!("| --- | ---: | ---: | --- |");
    stage.idle();
    stage.load();
    stage.flood();
    stage.kills();
    let holds = stage.all_hold;
    drop((stage, halo));
    if !holds {
        std::process::exit(1);
    }
}
