//! A real PostgreSQL, started for a test in a folder of its own. The tests of the store use this file, too.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::print_stdout, reason = "what was left out is said")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server that listens on a socket in its folder, and ends with the test.
pub struct Server {
    pub folder: TempDir,
    pub port: u16,
    bin: PathBuf,
    process: Child,
}

/// Where PostgreSQL is installed; the newest, where there are several.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let found = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    found.max_by_key(|bin| bin.parent().and_then(|of| of.file_name()?.to_str()?.parse::<u32>().ok()))
}

/// Runs one of its programs, which refuse to be run by root, and end with this test.
fn program(bin: &Path, name: &str, folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if rustix::process::getuid().is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.arg(bin.join(name)).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Gives a file to whoever the server runs as.
fn give(path: &Path) {
    if rustix::process::getuid().is_root() {
        let user = uzers::get_user_by_name("postgres").expect("the package has made this account");
        chown(path, Some(user.uid()), Some(user.primary_group_id())).unwrap();
    }
}

impl Server {
    /// A new one that lets everybody in; none where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(None)
    }

    /// A new one; where there is a password, the role `pia` needs it.
    pub fn start_with(password: Option<&str>) -> Option<Self> {
        let Some(bin) = programs() else {
            println!("SKIPPED: no PostgreSQL is installed below /usr/lib/postgresql");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        give(folder.path());
        let mut made = program(&bin, "initdb", folder.path());
        made.args(["-D", "data", "-U", "pia", "-E", "UTF8", "--no-locale", "--no-sync"]);
        match password {
            None => made.args(["-A", "trust"]),
            Some(password) => {
                let file = Self::file_in(folder.path(), "password", password);
                made.args(["-A", "scram-sha-256", "--pwfile"]).arg(file)
            }
        };
        let made = made.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Self::run(&bin, folder.path(), port, &[]);
        let mut server = Self { folder, bin, port, process };
        server.wait();
        Some(server)
    }

    fn run(bin: &Path, folder: &Path, port: u16, options: &[&str]) -> Child {
        let log = fs::File::create(folder.join("log")).unwrap();
        program(bin, "postgres", folder)
            .args(["-D", "data", "-k"])
            .arg(folder)
            .args(["-p", &port.to_string(), "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "listen_addresses="])
            .args(options.iter().flat_map(|option| ["-c", option]))
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn wait(&mut self) {
        let began = Instant::now();
        let is_ready = || {
            let mut asked = program(&self.bin, "pg_isready", self.folder.path());
            asked.arg("-h").arg(self.folder.path()).args(["-p", &self.port.to_string()]).status().unwrap().success()
        };
        while !is_ready() {
            let ended = self.process.try_wait().unwrap();
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && began.elapsed() < Duration::from_secs(60), "{}", log());
            thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Ends it at once, as a kill does.
    pub fn stop(&mut self) {
        _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.process),
            rustix::process::Signal::QUIT,
        );
        _ = self.process.wait();
    }

    /// Kills every process of it: nobody gets to say a last word.
    pub fn kill(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        // It begins no further ones meanwhile.
        _ = kill_process(Pid::from_child(&self.process), Signal::STOP);
        let children = format!("/proc/{0}/task/{0}/children", self.process.id());
        let children = fs::read_to_string(children).unwrap_or_default();
        let children: Vec<Pid> =
            children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect();
        _ = self.process.kill();
        children.iter().for_each(|pid| _ = kill_process(*pid, Signal::KILL));
        _ = self.process.wait();
        // Their memory is theirs until they are gone; whoever takes them in may leave what is left of them for a while.
        let is_there = |pid: &Pid| {
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
        };
        while children.iter().any(is_there) {
            thread::park_timeout(Duration::from_millis(5));
        }
    }

    pub fn start_again(&mut self, options: &[&str]) {
        self.process = Self::run(&self.bin, self.folder.path(), self.port, options);
        self.wait();
    }

    /// Stops every process of it where it stands, until the answer is dropped: connections are taken, and nobody says a word.
    pub fn freeze(&self) -> Frozen {
        let pids = self.sql("postgres", "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
        let pids = pids.lines().filter_map(|pid| rustix::process::Pid::from_raw(pid.parse().ok()?));
        let frozen = Frozen(std::iter::once(rustix::process::Pid::from_child(&self.process)).chain(pids).collect());
        frozen.signal(rustix::process::Signal::STOP);
        frozen
    }

    /// Its address, without a database.
    pub fn url(&self) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://pia@{folder}:{}", self.port)
    }

    /// Its own program, that does something in one of its databases.
    pub fn psql(&self, database: &str, sql: &str) -> Command {
        let mut asked = program(&self.bin, "psql", self.folder.path());
        asked.arg("-h").arg(self.folder.path()).args(["-p", &self.port.to_string(), "-U", "pia", "-d", database]);
        asked.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        asked
    }

    /// What its own program answers.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let done = self.psql(database, sql).stdout(Stdio::piped()).output().unwrap();
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// The address of a new database with this name.
    pub fn new_database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
        format!("{}/{name}", self.url())
    }

    /// A file for the server, which nobody else reads.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        Self::file_in(self.folder.path(), name, content)
    }

    fn file_in(folder: &Path, name: &str, content: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        give(&path);
        path
    }
}

/// The processes of a server that was stopped.
pub struct Frozen(Vec<rustix::process::Pid>);

impl Frozen {
    fn signal(&self, signal: rustix::process::Signal) {
        // One may have ended by then.
        self.0.iter().for_each(|pid| _ = rustix::process::kill_process(*pid, signal));
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal(rustix::process::Signal::CONT);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
