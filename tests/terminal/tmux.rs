//! A real tmux in between: it counts columns in its own way.

use std::cell::Cell;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use pia_halo::demo::Options;

use crate::support::Profile;

/// tmux with a server of its own, and our program in its only window.
pub(super) struct Tmux<'a>(&'a Profile);

impl<'a> Tmux<'a> {
    /// None where there is no tmux, and that is said.
    pub(super) fn start(profile: &'a Profile) -> Option<Self> {
        let tmux = Self(profile);
        let program = env!("CARGO_BIN_EXE_pia-halo");
        if tmux.run(["new-session", "-d", "-x", "80", "-y", "24", program]).is_err() {
            let _ = writeln!(std::io::stderr(), "SKIPPED: there is no tmux on this machine");
            return None;
        }
        Some(tmux)
    }

    pub(super) fn run<const N: usize>(&self, arguments: [&str; N]) -> std::io::Result<String> {
        let mut command = Command::new("tmux");
        command.env_clear().envs(self.0.environment()).env("TERM", "xterm-256color");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TMUX_TMPDIR", self.0.folder.path());
        let output = command.args(["-L", "test", "-f", "/dev/null"]).args(arguments).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub(super) fn sees(&self, words: &str) {
        let seen = |screen: &str| screen.contains(words);
        self.wait(&format!("{words:?}"), || seen(&self.screen()));
    }

    fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < deadline, "waited in vain for {what}; the screen:\n{}", self.screen());
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    fn screen(&self) -> String {
        self.run(["capture-pane", "-p"]).unwrap()
    }

    /// Bytes that the program has written since this was first asked for.
    fn written(&self) -> (PathBuf, Vec<u8>) {
        let log = self.0.folder.path().join("written");
        let written = std::fs::read(&log).unwrap_or_default();
        (log, written)
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        let _ = self.run(["kill-server"]);
    }
}

/// Names that take other columns in tmux than in our tables, some of them.
const NAMES: [&str; 8] = [
    "น้ำใจ กำไร จำกัด",
    "हिन्दी क्षत्रिय स्त्री",
    "বাংলা ক্ষুদ্র শিল্প",
    "🇹🇭🇮🇳 Flags",
    "👩🏽\u{200d}🚀 Rocket 👨\u{200d}👩\u{200d}👧",
    "தமிழ் நிறுவனம்",
    "ကုမ္ပဏီ မြန်မာ",
    "🫠 🫨 Younger ㈱",
];

/// Whatever was searched, opened and left: what tmux shows is what it shows after Ctrl-L.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_in_tmux_of_names_in_any_script() {
    let profile = Profile::with(Options { clients: 40, ..Options::default() }).await;
    profile.halo.change(|state| {
        for (n, client) in state.clients.iter_mut().enumerate() {
            client.name = format!("{} {n}", NAMES[n % NAMES.len()]);
            client.inactive = false;
        }
    });
    profile.save("acme", "").await.expect(0);
    profile.run(["sync"]).await.expect(0);
    profile.run(["configure", "--yes"]).await.expect(0);
    tokio::task::block_in_place(|| {
        let Some(tmux) = Tmux::start(&profile) else { return };
        let (log, _) = tmux.written();
        tmux.sees("Halo");
        tmux.run(["pipe-pane", "-o", &format!("cat >> '{}'", log.display())]).unwrap();
        let clears = || tmux.written().1.windows(4).filter(|part| part == b"\x1b[2J").count();
        let repainted = || {
            let before = clears();
            tmux.run(["send-keys", "C-l"]).unwrap();
            tmux.wait("a repaint", || clears() > before);
            tmux.screen()
        };
        // Whatever is written is in the log before tmux shows it: a still log is a still screen.
        let still = || {
            let last = Cell::new(usize::MAX);
            tmux.wait("a still screen", || {
                std::thread::park_timeout(Duration::from_millis(60));
                let now = tmux.written().1.len();
                last.replace(now) == now && !tmux.screen().contains(" Checking ")
            });
            tmux.screen()
        };
        for keys in
            ["2", "Down", "Down", "/", "r", "o", "Escape", "/", "क", "Escape", "1", "2", "End", "3", "2", "?", "Escape"]
        {
            tmux.run(["send-keys", keys]).unwrap();
            let (shown, meant) = (still(), repainted());
            assert!(shown == meant, "after {keys}, tmux shows\n{shown}\nand after Ctrl-L\n{meant}");
        }
    });
}
