//! What the benchmarks of the sync and of the client list share: the simulated Halo in a process of its own, a profile that
//! is thrown away, and what a run of the program took.
//!
//! With `PIA_HALO_BENCH_SERVER=1` the store is on a PostgreSQL of the benchmark's own, which writes to the disk as it does by
//! default.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pia_halo::store::{Address, Store};
use serde_json::Value;

use crate::postgres::Server;

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_pia-halo");

/// A simulated Halo in a process of its own.
pub struct Halo {
    child: Child,
    pub url: String,
    pub client_id: String,
    pub client_secret: String,
}

impl Halo {
    /// Starts it, with so many clients, each reply so late.
    pub fn start(clients: u64, latency_ms: u64) -> Self {
        let mut child = Command::new(PROGRAM)
            .args([
                "demo",
                "--serve",
                "--clients",
                &clients.to_string(),
                "--latency-ms",
                &latency_ms.to_string(),
                "--rate-limit",
                "0",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self { url: text("url"), client_id: text("client_id"), client_secret: text("client_secret"), child }
    }
}

impl Drop for Halo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A person's folders, and a configuration in them.
pub struct Profile {
    pub folder: tempfile::TempDir,
    /// Where its store is; none where it is a file.
    server: Option<Server>,
}

/// The database on a server.
const DATABASE: &str = "bench";

/// Whether the store is to be on a server.
pub fn on_server() -> bool {
    std::env::var_os("PIA_HALO_BENCH_SERVER").is_some()
}

/// What a run of the program took.
pub struct Run {
    pub wall: Duration,
    /// The most memory that it held, in KiB.
    pub peak: u64,
    /// Bytes that it sent to the disk.
    pub written: u64,
    /// What it took of the processor, to the hundredth of a second: on a machine with other work, the clock says how long
    /// the others took too.
    pub processor: Duration,
    pub report: Value,
}

/// Runs a program that answers with JSON, and watches it.
pub fn watch(mut command: Command) -> Run {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    let proc = PathBuf::from(format!("/proc/{}", child.id()));
    let mut stdout = child.stdout.take().unwrap();
    let output = std::thread::spawn(move || {
        let mut text = Vec::new();
        std::io::copy(&mut stdout, &mut text).unwrap();
        text
    });
    let (mut peak, mut written, mut processor) = (0, 0, Duration::ZERO);
    loop {
        peak = peak.max(figure(&proc.join("status"), "VmHWM:"));
        written = written.max(figure(&proc.join("io"), "write_bytes:"));
        processor = processor.max(used(&proc));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    let wall = started.elapsed();
    // Not the command: its environment may hold a secret.
    assert!(child.wait().unwrap().success(), "{:?}", command.get_args());
    let report = serde_json::from_slice(&output.join().unwrap()).unwrap();
    Run { wall, peak, written, processor, report }
}

/// The processor time of a process and all its threads.
fn used(proc: &Path) -> Duration {
    let text = std::fs::read_to_string(proc.join("stat")).unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.map(|field| field.parse::<u64>().unwrap_or(0)).sum();
    Duration::from_millis(ticks * 10)
}

impl Profile {
    /// One that `setup` has saved a configuration `bench` in.
    pub fn new(halo: &Halo) -> Self {
        Self::with(halo, on_server())
    }

    /// The same with its store in a file or on a server.
    pub fn with(halo: &Halo, on_server: bool) -> Self {
        let server = on_server.then(|| {
            let mut server = Server::start().expect("PostgreSQL is installed below /usr/lib/postgresql");
            server.stop();
            server.start_again(&["fsync=on", "full_page_writes=on"]);
            server
        });
        let profile = Self { folder: tempfile::tempdir().unwrap(), server };
        if let Some(server) = &profile.server {
            let settings = profile.folder.path().join(".config/pia-halo");
            std::fs::create_dir_all(&settings).unwrap();
            let text = format!("version = 1\n[store]\nurl = \"{}\"\n", server.new_database(DATABASE));
            std::fs::write(settings.join("config.toml"), text).unwrap();
            assert!(profile.command(&["store", "init"]).status().unwrap().success());
        }
        let answers = profile.folder.path().join("answers.toml");
        let text = format!(
            "id = \"bench\"\nname = \"Bench\"\n[api]\nurl = \"{}\"\nclient_id = \"{}\"\n\
             [company_sync]\ndaily_sync_time = \"04:30\"\n\
             [integration]\npia_url = \"https://pia.acme.example\"\n",
            halo.url, halo.client_id
        );
        std::fs::write(&answers, text).unwrap();
        let mut command = profile.command(&["setup", "--client-secret-file", "-", "--answers"]);
        let mut setup = command.arg(&answers).stdin(Stdio::piped()).spawn().unwrap();
        setup.stdin.take().unwrap().write_all(halo.client_secret.as_bytes()).unwrap();
        assert!(setup.wait().unwrap().success());
        profile
    }

    /// The program with this profile's folders and nothing else in its environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env_clear().env("HOME", self.folder.path()).env("USER", "bench");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    /// Its store.
    pub fn store(&self) -> Store {
        match &self.server {
            Some(server) => {
                Store::at(&Address::new(&format!("{}/{DATABASE}", server.url())).unwrap().to_look()).unwrap()
            }
            None => Store::open_existing(&self.file()).unwrap().unwrap(),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(".local/share/pia-halo/pia-halo.db")
    }

    /// The one text in each row that a question finds in its store.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        if let Some(server) = &self.server {
            return server.sql(DATABASE, sql).lines().map(str::to_owned).collect();
        }
        let store = rusqlite::Connection::open(self.file()).unwrap();
        let mut read = store.prepare(sql).unwrap();
        read.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Runs the program, and watches it.
    pub fn run(&self, arguments: &[&str]) -> Run {
        watch(self.command(arguments))
    }

    /// A sync that has to be complete.
    pub fn sync(&self, clients: u64) -> Run {
        let run = self.run(&["sync", "--json"]);
        assert_eq!((&run.report["status"], run.report["stored"].as_u64()), (&Value::from("complete"), Some(clients)));
        run
    }
}

/// The number after a word in a file of /proc; 0 where there is none.
pub fn figure(file: &Path, word: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(word));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The machine, in a line.
pub fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    format!("{cores} cores of {model}, load {load}")
}

/// A time for the table.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

/// The best of some rounds.
pub fn best<T>(rounds: usize, mut measure: impl FnMut() -> T, of: impl Fn(&T) -> Duration) -> T {
    (0..rounds).map(|_| measure()).min_by_key(|one| of(one)).unwrap()
}
