//! What the measurements are made on: a simulated Halo in a process of its own, and a throw-away profile that knows it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pia-halo");

/// The simulated Halo; it ends when dropped.
pub struct Halo {
    child: Child,
    pub url: String,
    pub client_id: String,
    pub client_secret: String,
}

impl Halo {
    pub fn start(clients: u64, latency_ms: u64) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["demo", "--serve", "--clients", &clients.to_string(), "--latency-ms", &latency_ms.to_string()])
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

/// The folders of somebody who has saved the configuration `bench`; thrown away afterwards.
pub struct Profile {
    pub folder: tempfile::TempDir,
}

impl Profile {
    pub fn new(halo: &Halo) -> Self {
        let profile = Self { folder: tempfile::tempdir().unwrap() };
        let answers = profile.folder.path().join("answers.toml");
        let text = format!(
            "id = \"bench\"\nname = \"Bench\"\n[api]\nurl = \"{}\"\nclient_id = \"{}\"\n\
             [company_sync]\ndaily_sync_time = \"04:30\"\n",
            halo.url, halo.client_id
        );
        std::fs::write(&answers, text).unwrap();
        let mut command = profile.command(&["setup", "--client-secret-file", "-", "--answers"]);
        let mut setup = command.arg(&answers).stdin(Stdio::piped()).spawn().unwrap();
        setup.stdin.take().unwrap().write_all(halo.client_secret.as_bytes()).unwrap();
        assert!(setup.wait().unwrap().success());
        profile
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env_clear().env("HOME", self.folder.path()).env("USER", "bench");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join(".local/share/pia-halo/pia-halo.db")
    }
}

/// The number after a word in a file of /proc; 0 where there is none.
pub fn figure(file: &Path, word: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(word));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// What the figures were made on.
pub fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    format!("{cores} cores of {model}, load {load}")
}
