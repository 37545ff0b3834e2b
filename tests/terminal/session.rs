//! The terminal is given back, whatever ended the program.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use pia_halo::app::effect::Effect;
use pia_halo::app::message::Message;
use pia_halo::tui::Capabilities;
use pia_halo::tui::event_loop::App;
use pia_halo::tui::outside::{Outside, Replies};
use ratatui::Frame;
use rustix::process::{Pid, Signal, kill_process};
use tokio_util::sync::CancellationToken;

use super::{demo, running};
use crate::support::pty::{Pty, Start, key};

#[test]
fn quitting_restores_terminal() {
    let (_home, start) = demo();
    let mut pty = running(start);
    assert!(!pty.has_former_modes());
    assert!(pty.with_screen(|screen| screen.alternate_screen() && screen.bracketed_paste()));
    pty.send(&key::ctrl('c'));
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

#[test]
fn signals_restore_terminal() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let (_home, start) = demo();
        let mut pty = running(start);
        pty.signal(signal);
        assert_eq!(pty.exit_code(), code, "{signal:?}");
        pty.assert_restored();
    }
}

/// Whatever ends a program that does not heed it, but for those by which a fault of its own ends it.
#[test]
fn every_signal_that_ends_program_restores_terminal() {
    const ENDING: [Signal; 11] = [
        Signal::QUIT,
        Signal::ABORT,
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::STKFLT,
        Signal::XCPU,
        Signal::VTALARM,
        Signal::PROF,
        Signal::IO,
        Signal::POWER,
    ];
    for signal in ENDING {
        let (_home, start) = demo();
        let mut pty = running(start);
        pty.signal(signal);
        assert_eq!(pty.exit_code(), 128 + u32::try_from(signal.as_raw()).unwrap(), "{signal:?}");
        pty.assert_restored();
    }
}

/// A shell's `kill` is a signal, and the word to go on: from the background, which must not touch the terminal.
#[test]
fn stopped_program_that_is_told_to_end_ends_without_terminal() {
    // After these two a shell says it; after the others the person does.
    for signal in ["TERM", "HUP"] {
        let (_home, mut pty) = in_shell("echo $$ > pid; exec \"$HALO\" demo");
        pty.send(&key::ctrl('z'));
        pty.wait_for("a stop", |now| now.contains("Stopped") && now.matches("ready>").count() == 2);
        pty.submit(&format!(
            "kill -{signal} %1; while kill -0 $(cat pid) 2>/dev/null; do :; done; clear; echo it is gone"
        ));
        pty.wait_for("the end", |now| now.lines().any(|line| line.trim() == "it is gone"));
        pty.assert_restored();
        // Begun in the background, it waits for the terminal as any other.
        pty.submit("clear; \"$HALO\" demo &");
        pty.wait_for("the prompt", |now| now.trim_start().starts_with("[1] ") && now.contains("ready>"));
        pty.submit("fg");
        pty.wait_until("Halo PSA");
        pty.settle();
        pty.send(&key::ctrl('c'));
        // Only at its prompt: what is typed before is thrown away with the program's other input.
        pty.wait_for("the shell", |now| now.contains("The demo is over") && now.matches("ready>").count() == 2);
        pty.submit("exit 3");
        assert_eq!(pty.exit_code(), 3);
    }
}

/// An interactive shell that runs a script, with the program in `$HALO`.
fn in_shell(script: &str) -> (tempfile::TempDir, Pty) {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("run"), script).unwrap();
    let mut pty = Start::program("bash", home.path(), ["--norc", "--noprofile", "--noediting", "-i"])
        .env("PS1", "ready> ")
        .env("HALO", env!("CARGO_BIN_EXE_pia-halo"))
        .spawn();
    pty.wait_until("ready>");
    pty.submit("sh ./run");
    pty.wait_until("Halo PSA");
    pty.settle();
    (home, pty)
}

#[test]
fn stop_gives_terminal_back_and_going_on_takes_it_again() {
    let itself = "echo $$ > pid; exec \"$HALO\" demo";
    let with_script = "\"$HALO\" demo; echo script ended with $?";
    for (script, by_key) in [(itself, true), (itself, false), (with_script, true)] {
        let (home, mut pty) = in_shell(script);
        let screen = pty.screen();
        for count in 1..=2 {
            if by_key {
                pty.send(&key::ctrl('z'));
            } else {
                let pid = std::fs::read_to_string(home.path().join("pid")).unwrap();
                let pid = pid.trim().parse().ok().and_then(Pid::from_raw).unwrap();
                kill_process(pid, Signal::TSTP).unwrap();
            }
            // Only then: what is typed before belongs to the program.
            pty.wait_for("the shell", |now| now.matches("ready>").count() == count + 1);
            pty.wait_for("a stop", |now| now.matches("Stopped").count() == count);
            pty.assert_restored();
            pty.submit("fg");
            pty.wait_for("the screen as it was", |now| now == screen);
            assert!(!pty.has_former_modes() && pty.with_screen(vt100::Screen::alternate_screen));
        }
        pty.send(&key::ctrl('c'));
        pty.wait_for("the shell", |now| now.matches("ready>").count() == 4);
        pty.assert_restored();
        pty.submit("echo code $?");
        pty.wait_until("code 0");
        if script == with_script {
            pty.wait_until("script ended with 0");
        }
        pty.submit("exit 3");
        assert_eq!(pty.exit_code(), 3);
    }
}

/// As under `ssh -t host pia-halo`: nobody is there who could bring it back.
#[test]
fn without_shell_stop_does_nothing() {
    let home = tempfile::tempdir().unwrap();
    let script = ["-c", "\"$0\" demo; exit $?", env!("CARGO_BIN_EXE_pia-halo")];
    let starts = [(Start::pia_halo(home.path(), ["demo"]), true), (Start::program("sh", home.path(), script), false)];
    for (start, is_leader) in starts {
        let mut pty = running(start);
        let screen = pty.screen();
        let repaints = |pty: &Pty| String::from_utf8_lossy(&pty.raw()).matches("\x1b[2J").count();
        let before = repaints(&pty);
        pty.send(&key::ctrl('z'));
        pty.wait_until("Ctrl-Z does nothing here: there is no shell to return to");
        pty.wait_for("a repaint", |_| repaints(&pty) > before);
        if is_leader {
            let before = repaints(&pty);
            pty.signal(Signal::TSTP);
            pty.wait_for("a repaint", |_| repaints(&pty) > before);
        }
        pty.send(key::F1);
        pty.wait_for("another screen", |now| now.contains("Quit") && !now.contains("Ctrl-Z does nothing"));
        pty.send(key::ESC);
        // Blanks that were written look like those that were not, but are text to the recording.
        let bare = |screen: &str| screen.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        pty.wait_for("the screen as it was", |now| bare(now) == bare(&screen));
        assert!(!String::from_utf8_lossy(&pty.raw()).contains("\x1b[?1049l"));
        pty.send(&key::ctrl('c'));
        assert_eq!(pty.exit_code(), 0);
        pty.assert_restored();
    }
}

/// What a faulty program says of itself.
const WORDS: &str = "no\x1b[31m\nway";

/// An app with a fault, in the process that [`panic_anywhere_restores_terminal_and_says_one_line`] starts.
struct Faulty {
    place: String,
    /// Keys that were pressed.
    pressed: usize,
}

impl App for Faulty {
    fn update(&mut self, message: Message, _: Timestamp) -> Vec<Effect> {
        match message {
            Message::Key(_) => self.press(),
            // Comes to no good either.
            Message::Leave => panic!("nor out"),
            _ => Vec::new(),
        }
    }

    fn next_wake(&self, _: Timestamp) -> Option<Timestamp> {
        assert!(self.place != "next wake" || self.pressed == 0, "{WORDS}");
        None
    }

    fn take_dirty(&mut self) -> bool {
        self.place == "draw" && self.pressed > 0
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        assert!(self.pressed == 0, "{WORDS}");
        frame.render_widget("press a key", frame.area());
    }
}

impl Faulty {
    fn press(&mut self) -> Vec<Effect> {
        self.pressed += 1;
        match &*self.place {
            "update" => panic!("{WORDS}"),
            "task" | "thread of a task" => return vec![Effect::LoadOverview],
            // As the key reader, the writer of frames and the hang-up watch are.
            "thread" => drop(std::thread::spawn(|| panic!("{WORDS}"))),
            _ => {}
        }
        Vec::new()
    }
}

/// A world outside with a fault, in the task itself or in the thread that it waits for.
struct FaultyOutside(bool);

impl Outside for FaultyOutside {
    fn run(&self, _: Effect, _: Replies, _: CancellationToken) -> BoxFuture<'static, ()> {
        let in_thread = self.0;
        Box::pin(async move {
            assert!(in_thread, "{WORDS}");
            let _ = tokio::task::spawn_blocking(|| panic!("{WORDS}")).await;
        })
    }
}

const FAULT: &str = "PIA_HALO_TEST_FAULT";

/// No test of its own: the program in the terminal of the test below.
#[tokio::test(flavor = "multi_thread")]
async fn faulty_program() {
    let Ok(place) = std::env::var(FAULT) else { return };
    let outside = Arc::new(FaultyOutside(place == "thread of a task"));
    let mut app = Faulty { place, pressed: 0 };
    let look = Capabilities::from_values("xterm", "C.UTF-8", false);
    let exit = pia_halo::tui::run_interactive(&mut app, Vec::new(), outside, look).await.unwrap();
    std::process::exit(i32::from(exit.code()));
}

#[test]
fn panic_anywhere_restores_terminal_and_says_one_line() {
    let home = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    for place in ["update", "draw", "next wake", "task", "thread of a task", "thread"] {
        let arguments = ["--exact", "terminal::session::faulty_program", "--nocapture"];
        let mut pty = Start::program(program.to_str().unwrap(), home.path(), arguments).env(FAULT, place).spawn();
        pty.wait_until("press a key");
        assert!(!pty.has_former_modes());
        pty.send("x");
        assert_eq!(pty.exit_code(), 101);
        pty.wait_until("an internal error: no^[[31m^Jway (tests/terminal/session.rs:");
        pty.assert_restored();
        assert_eq!(pty.screen().matches("pia-halo stopped").count(), 1);
        assert_eq!(pty.screen().matches("nor out").count(), 0);
        assert_eq!(pty.screen().matches("panicked").count(), 0);
    }
}
