//! A profile of its own for each test, a simulated Halo, and the real binary.

pub mod changing;
pub mod destination;
pub mod disk;
pub mod interface;
pub mod json;
pub mod postgres;
pub mod pty;
pub mod service;
pub mod tree;
pub mod vt;
pub mod walk;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use pia_halo::demo::{Fault, Options, SimulatedHalo};
use pia_halo::domain::configuration::ConfigurationId;
use pia_halo::domain::failure::Failure;
use pia_halo::ops::{SystemClock, Workspace};
use pia_halo::settings::{Environment, Paths, Settings};
use pia_halo::store::Store;
use serde_json::Value;
use tempfile::TempDir;

use pty::Start;

/// The address at which Halo would reach Pia: never resolved, because nothing is sent there.
pub const PIA: &str = "https://pia.acme.example";

/// A person's folders, thrown away afterwards, and the Halo that they set up.
pub struct Profile {
    pub folder: TempDir,
    pub halo: SimulatedHalo,
}

/// Writes a file with a secret, which nobody else may read.
pub fn private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    what: String,
}

impl Profile {
    pub async fn new() -> Self {
        Self::with(Options { clients: 237, ..Options::default() }).await
    }

    pub async fn with(options: Options) -> Self {
        let halo = SimulatedHalo::start(options).await.unwrap();
        Self { folder: tempfile::tempdir().unwrap(), halo }
    }

    /// A profile that `setup` has saved a configuration `acme` in.
    pub async fn set_up(options: Options) -> Self {
        let profile = Self::with(options).await;
        profile.save("acme", "").await.expect(0);
        profile
    }

    /// A profile that is synced as well.
    pub async fn synced(options: Options) -> Self {
        let profile = Self::set_up(options).await;
        profile.run(["sync"]).await.expect(0);
        profile
    }

    /// The same profile once the Halo of its settings is gone. Its port stays taken: another test's Halo would answer there.
    pub async fn without_halo(self, another: Options) -> (Self, tokio::net::TcpSocket) {
        let Self { folder, halo } = self;
        let address = halo.url().trim_start_matches("http://").parse().unwrap();
        let port = tokio::net::TcpSocket::new_v4().unwrap();
        port.set_reuseaddr(true).unwrap();
        halo.stop().await.unwrap();
        port.bind(address).unwrap();
        (Self { folder, halo: SimulatedHalo::start(another).await.unwrap() }, port)
    }

    /// This profile as the use-cases see it.
    pub fn workspace(&self) -> Workspace {
        workspace_of(self.folder.path()).unwrap()
    }

    /// Its database, by a connection of its own.
    pub fn store(&self) -> Store {
        store_of(&self.workspace())
    }

    /// Its settings.
    pub fn settings(&self) -> Settings {
        settings_of(&self.workspace())
    }

    /// The configuration that [`Profile::set_up`] has saved.
    pub fn id(&self) -> ConfigurationId {
        ConfigurationId::parse("acme").unwrap()
    }

    /// The variables that lead to this profile's folders.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        environment_of(self.folder.path())
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config/pia-halo/config.toml")
    }

    pub fn credentials(&self) -> PathBuf {
        self.folder.path().join("config/pia-halo/credentials.toml")
    }

    /// The program with this profile's folders and nothing else in its environment.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pia-halo"));
        command.args(arguments).env_clear().envs(self.environment());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The program in a pseudo-terminal, with this profile's folders.
    pub fn in_terminal(&self) -> Start {
        self.command_in_terminal([])
    }

    /// A command in a pseudo-terminal, with this profile's folders.
    pub fn command_in_terminal<const N: usize>(&self, arguments: [&str; N]) -> Start {
        self.in_terminal_by(env!("CARGO_BIN_EXE_pia-halo"), arguments)
    }

    /// Another program in a pseudo-terminal, which starts ours.
    pub fn in_terminal_by<const N: usize>(&self, program: &str, arguments: [&str; N]) -> Start {
        let start = Start::program(program, self.folder.path(), arguments);
        self.environment().iter().fold(start, |start, (name, value)| start.env(name, value.to_str().unwrap()))
    }

    pub async fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        run(self.command(arguments), String::new()).await
    }

    /// Runs with `--json`, and reads the one object that it prints.
    pub async fn json<const N: usize>(&self, arguments: [&str; N], code: i32) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        self.run(all).await.expect(code).json()
    }

    /// Saves a configuration by `setup`, with the secret on standard input and the answers in a file.
    pub async fn save(&self, id: &str, more: &str) -> Ran {
        let file = self.folder.path().join(format!("{id}.answers.toml"));
        std::fs::write(&file, self.answers(id, more)).unwrap();
        let command = self.command(["setup", "--answers", &file.to_string_lossy(), "--client-secret-file", "-"]);
        run(command, self.halo.client_secret().to_owned()).await
    }

    pub fn answers(&self, id: &str, more: &str) -> String {
        format!(
            "id = \"{id}\"\nname = \"Acme MSP\"\n{more}\n\
             [api]\nurl = \"{}\"\nclient_id = \"{}\"\n\
             [company_sync]\ndaily_sync_time = \"04:30\"\n\
             [pia_screen]\npia_board = \"Pia\"\nescalation_board = \"Pia Escalations\"\n\
             [integration]\npia_url = \"{PIA}\"\n",
            self.halo.url(),
            self.halo.client_id(),
        )
    }
}

/// The variables that lead to the folders below a home.
pub fn environment_of(home: &Path) -> Vec<(String, OsString)> {
    let folder = |name: &str| home.join(name).into_os_string();
    let xdg = [("CONFIG", "config"), ("DATA", "data"), ("STATE", "state")];
    let mut all: Vec<_> = xdg.iter().map(|(name, at)| (format!("XDG_{name}_HOME"), folder(at))).collect();
    all.push(("HOME".to_owned(), home.as_os_str().to_owned()));
    // Whoever sets these names nobody: every test that reads who acted shows it.
    all.extend(
        [("USER", "the-ceo"), ("LOGNAME", "the-ceo"), ("LANG", "C.UTF-8")]
            .map(|(name, value)| (name.to_owned(), value.into())),
    );
    all
}

/// The login name of the person who runs the tests.
pub fn login_name() -> String {
    let folder = tempfile::tempdir().unwrap();
    workspace_of(folder.path()).unwrap().activity(None, "", "").who.account()
}

/// The folders below a home as the use-cases see them.
pub fn workspace_of(home: &Path) -> Result<Workspace, Failure> {
    let environment = Environment::from_pairs(environment_of(home));
    let paths = Paths::from_environment(&environment).unwrap();
    Workspace::open(paths, environment, Arc::new(SystemClock))
}

/// The database of a workspace, by a connection of its own.
pub fn store_of(workspace: &Workspace) -> Store {
    Store::open(&workspace.paths().store()).unwrap()
}

/// The settings of a workspace.
pub fn settings_of(workspace: &Workspace) -> Settings {
    Settings::new(workspace.paths().clone())
}

/// Runs a program off the runtime's threads, where the simulated Halo works.
pub async fn run(mut command: Command, stdin: String) -> Ran {
    let arguments: Vec<OsString> = command.get_args().map(OsStr::to_owned).collect();
    let what = format!("{arguments:?}");
    let work = tokio::task::spawn_blocking(move || {
        command.stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that does not read its input closes it: no error of the test's.
        _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            what,
        }
    });
    let ran = work.await.unwrap();
    // Onto a full disk nothing is written.
    if !ran.stderr.contains("could not be written") {
        json::judge(&arguments, ran.code, &ran.stdout).unwrap_or_else(|why| panic!("{why}: {ran:#?}"));
    }
    ran
}

impl Ran {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\nstdout: {}\nstderr: {}", self.what, self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        let all = format!("{}{}", self.stdout, self.stderr);
        assert!(all.contains(words), "{} does not say {words:?}\n{all}", self.what);
        self
    }
}

/// The faults that are answered at once. The others are waited for or tried again, minutes long; they are tested where
/// the clock is the test's own.
pub fn quick_faults() -> impl Iterator<Item = Fault> {
    let waits =
        ["slow", "drip", "silence", "timeout", "server-errors", "rate-limit", "retry-after", "truncated", "cut-off"];
    Fault::all().filter(move |fault| !waits.iter().any(|word| fault.name().contains(word)))
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The project's own folder.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Waits until a condition holds for one of these, with a deadline.
pub async fn until_with<T>(all: &mut [T], condition: impl Fn(&mut T) -> bool) {
    let all = std::cell::RefCell::new(all);
    until(|| all.borrow_mut().iter_mut().any(&condition)).await;
}

/// Waits for a condition, with a deadline.
pub async fn until(condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let mut look_again = tokio::time::interval(std::time::Duration::from_millis(5));
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "the condition never came");
        look_again.tick().await;
    }
}
