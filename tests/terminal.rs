//! The terminal: as it was, whatever ended the program; quiet while nothing happens.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use pia_halo::app::effect::Effect;
use pia_halo::app::message::Message;
use pia_halo::demo::Options;
use pia_halo::tui::Look;
use pia_halo::tui::event_loop::App;
use pia_halo::tui::outside::{Outside, Replies};
use ratatui::Frame;
use rustix::process::{Pid, Signal, kill_process};
use tokio_util::sync::CancellationToken;

use crate::commands::holds_exactly_the_objects_of_the_contract;
use crate::secrecy::{forms, secrets_of};
use crate::support::Profile;
use crate::support::pty::{Pty, Start, key};
use crate::support::walk::{self, Person};

/// The limit is one second; the process also has to be started and waited for on a busy machine.
const WITHIN_A_SECOND: Duration = Duration::from_millis(1_500);

fn demo() -> (tempfile::TempDir, Start) {
    let home = tempfile::tempdir().unwrap();
    let start = Start::pia_halo(home.path(), ["demo"]);
    (home, start)
}

/// Starts the program and waits until its screen stands still.
fn running(start: Start) -> Pty {
    let pty = start.spawn();
    pty.wait_until("Halo PSA");
    pty.settle();
    pty
}

#[test]
fn quitting_restores_the_terminal() {
    let (_home, start) = demo();
    let mut pty = running(start);
    assert!(!pty.has_former_modes());
    assert!(pty.with_screen(|screen| screen.alternate_screen() && screen.bracketed_paste()));
    pty.send(&key::ctrl('c'));
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

#[test]
fn signals_restore_the_terminal() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let (_home, start) = demo();
        let mut pty = running(start);
        pty.signal(signal);
        assert_eq!(pty.exit_code(), code, "{signal:?}");
        pty.assert_restored();
    }
}

#[test]
fn a_lost_line_ends_the_program_within_a_second() {
    let (_home, start) = demo();
    let mut pty = running(start);
    pty.hang_up();
    assert_eq!(pty.exit_code_within(WITHIN_A_SECOND), 129);
}

#[test]
fn a_lost_line_ends_the_program_without_a_controlling_terminal() {
    let (_home, start) = demo();
    let mut pty = running(start.without_controlling_terminal());
    pty.hang_up();
    assert_eq!(pty.exit_code_within(WITHIN_A_SECOND), 129);
}

#[test]
fn a_lost_line_ends_the_program_under_a_parent_that_ignores_hang_ups() {
    let home = tempfile::tempdir().unwrap();
    let mut pty = running(Start::pia_halo_ignoring_hangup(home.path(), ["demo"]));
    pty.hang_up();
    assert_eq!(pty.exit_code_within(WITHIN_A_SECOND), 129);
}

#[test]
fn an_idle_program_writes_nothing() {
    let (_home, start) = demo();
    let pty = running(start);
    let before = pty.settle();
    for _ in 0..10 {
        assert_eq!(pty.settle(), before);
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
fn a_stop_gives_the_terminal_back_and_going_on_takes_it_again() {
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
            pty.wait_for("the screen as it was", |now| bare(now) == bare(&screen));
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

// Blanks that were written look like those that were not, but are text to the recording.
fn bare(screen: &str) -> String {
    screen.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// As under `ssh -t host pia-halo`: nobody is there who could bring it back.
#[test]
fn without_a_shell_a_stop_does_nothing() {
    let home = tempfile::tempdir().unwrap();
    let script = ["-c", "\"$0\" demo; exit $?", env!("CARGO_BIN_EXE_pia-halo")];
    let starts = [(Start::pia_halo(home.path(), ["demo"]), true), (Start::program("sh", home.path(), script), false)];
    for (start, is_leader) in starts {
        let mut pty = running(start);
        let screen = pty.screen();
        let before = pty.byte_count();
        pty.send(&key::ctrl('z'));
        pty.wait_for("a repaint", |now| pty.byte_count() > before && bare(now) == bare(&screen));
        let before = pty.settle();
        if is_leader {
            pty.signal(Signal::TSTP);
            pty.wait_for("a repaint", |now| pty.byte_count() > before && bare(now) == bare(&screen));
        }
        pty.send(key::F1);
        pty.wait_for("another screen", |now| bare(now) != bare(&screen));
        pty.send(key::ESC);
        pty.wait_for("the screen as it was", |now| bare(now) == bare(&screen));
        assert!(!String::from_utf8_lossy(&pty.raw()).contains("\x1b[?1049l"));
        pty.send(&key::ctrl('c'));
        assert_eq!(pty.exit_code(), 0);
        pty.assert_restored();
    }
}

#[test]
fn a_terminal_that_does_not_read_does_not_hold_up_the_end() {
    let (_home, start) = demo();
    let mut pty = running(start);
    pty.stall(true);
    for columns in 1..=200 {
        pty.resize(300 - columns, 100);
    }
    pty.signal(Signal::TERM);
    assert_eq!(pty.exit_code_within(Duration::from_secs(5)), 143);
}

#[test]
fn without_a_terminal_the_program_refuses_and_names_the_commands() {
    let home = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_pia-halo")).env("HOME", home.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("setup"));
}

/// An app with a fault, in the process that [`a_panic_of_the_app_restores_the_terminal_and_says_one_line`] starts.
struct Faulty {
    in_update: bool,
}

impl App for Faulty {
    fn update(&mut self, message: Message, _: Timestamp) -> Vec<Effect> {
        match message {
            Message::Key(_) if self.in_update => panic!("no\x1b[31m\nway"),
            // Comes to no good either.
            Message::Leave => panic!("nor out"),
            _ => Vec::new(),
        }
    }

    fn next_wake(&self, _: Timestamp) -> Option<Timestamp> {
        None
    }

    fn take_dirty(&mut self) -> bool {
        false
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        assert!(self.in_update, "no\x1b[31m\nway");
        frame.render_widget("press a key", frame.area());
    }
}

struct Nothing;

impl Outside for Nothing {
    fn run(&self, _: Effect, _: Replies, _: CancellationToken) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

const FAULT: &str = "PIA_HALO_TEST_FAULT";

/// No test of its own: the program in the terminal of the test below.
#[tokio::test(flavor = "multi_thread")]
async fn faulty_program() {
    let Ok(place) = std::env::var(FAULT) else { return };
    let mut app = Faulty { in_update: place == "update" };
    let look = Look { mono: false, ascii: false, synchronised: true };
    let exit = pia_halo::tui::run_interactive(&mut app, Vec::new(), Arc::new(Nothing), look).await.unwrap();
    std::process::exit(i32::from(exit.code()));
}

#[test]
fn a_panic_of_the_app_restores_the_terminal_and_says_one_line() {
    let home = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    for place in ["update", "draw"] {
        let arguments = ["--exact", "terminal::faulty_program", "--nocapture"];
        let mut pty = Start::program(program.to_str().unwrap(), home.path(), arguments).env(FAULT, place).spawn();
        if place == "update" {
            pty.wait_until("press a key");
            pty.send("x");
        }
        assert_eq!(pty.exit_code(), 101);
        pty.wait_until("a fault in itself: no^[[31m^Jway (tests/terminal.rs:");
        pty.assert_restored();
        assert_eq!(pty.screen().matches("pia-halo stopped").count(), 1);
        assert_eq!(pty.screen().matches("nor out").count(), 0);
        assert_eq!(pty.screen().matches("panicked").count(), 0);
    }
}

/// Every sequence in what the program has sent, and every control character by its number.
fn sequences(raw: &[u8]) -> BTreeSet<String> {
    let text = std::str::from_utf8(raw).expect("the program sends UTF-8");
    let mut found = BTreeSet::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character == '\x1b' {
            let mut sequence: String = rest.next().into_iter().collect();
            if sequence == "[" {
                for character in rest.by_ref() {
                    sequence.push(character);
                    if ('@'..='~').contains(&character) {
                        break;
                    }
                }
            }
            found.insert(sequence);
        } else if character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            found.insert(format!("U+{:04X}", u32::from(character)));
        }
    }
    found
}

/// Whether the program may send a sequence: its own screen, marked pastes, the cursor shown and moved, synchronised
/// updates, clearing, and the terminal's own sixteen colours.
fn is_known(sequence: &str) -> bool {
    let private = ["[?1049h", "[?1049l", "[?2004h", "[?2004l", "[?2026h", "[?2026l", "[?25h", "[?25l"];
    if private.contains(&sequence) || ["[2J", "[H"].contains(&sequence) {
        return true;
    }
    let Some((figures, last)) = sequence.strip_prefix('[').and_then(|rest| rest.split_at_checked(rest.len() - 1))
    else {
        return false;
    };
    let Ok(figures) = figures.split(';').map(str::parse).collect::<Result<Vec<u16>, _>>() else { return false };
    match last {
        "H" => figures.len() == 2,
        "m" => are_known_styles(&figures),
        _ => false,
    }
}

fn are_known_styles(figures: &[u16]) -> bool {
    match figures {
        [] => true,
        [38 | 48, 5, 0..=15, rest @ ..] => are_known_styles(rest),
        // Bold, dim, italic, underlined, reversed, and each of them off; the usual colours, of underlines too.
        [0..=4 | 7 | 22..=24 | 27 | 39 | 49 | 59, rest @ ..] => are_known_styles(rest),
        _ => false,
    }
}

fn assert_only_known_sequences(raw: &[u8]) {
    let found = sequences(raw);
    let unknown: Vec<_> = found.iter().filter(|sequence| !is_known(sequence)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn a_sequence_that_is_not_ours_would_be_noticed() {
    let unknown =
        ["\x1b]0;title\x07", "\x1b[6n", "\x1b[38;5;200m", "\x1b[38;2;1;2;3m", "\x1bc", "\x07", "\u{9b}2J", "\u{202e}"];
    for raw in unknown {
        let found = sequences(raw.as_bytes());
        assert!(found.iter().any(|sequence| !is_known(sequence)), "{raw:?}");
    }
    assert_only_known_sequences("\x1b[?1049h\x1b[12;7Hname\x1b[38;5;2;49m \x1b[0m".as_bytes());
}

/// Every screen that stood there after a frame, without blanks, so that a broken line hides nothing.
fn screens(raw: &[u8], columns: u16, rows: u16) -> Vec<String> {
    let mut parser = vt100::Parser::new(rows, columns, 0);
    let end = b"\x1b[?2026l";
    let mut from = 0;
    let ends: Vec<usize> = (0..raw.len()).filter(|at| raw[*at..].starts_with(end)).map(|at| at + end.len()).collect();
    ends.into_iter()
        .map(|to| {
            parser.process(&raw[from..to]);
            from = to;
            parser.screen().contents().split_whitespace().collect()
        })
        .collect()
}

fn assert_shows_none_of(raw: &[u8], (columns, rows): (u16, u16), secrets: &[String]) {
    let screens = screens(raw, columns, rows);
    let text = String::from_utf8_lossy(raw);
    for form in secrets.iter().flat_map(|secret| forms(secret)) {
        assert!(!text.contains(&form), "a secret was sent to the terminal");
        assert!(screens.iter().all(|screen| !screen.contains(&form)), "a secret was on a screen");
    }
}

/// The whole set-up with the real binary in a terminal of 80 by 24, against a Halo whose names are hostile.
#[tokio::test(flavor = "multi_thread")]
async fn the_whole_walk_in_a_real_terminal_leaves_halo_and_the_terminal_as_promised() {
    let profile = Profile::new().await;
    profile.halo.set_fault("hostile-text".parse().unwrap(), true);
    let before = profile.halo.snapshot();
    let mut pty = profile.in_terminal().spawn();
    walk::to_credentials(&mut pty).await;
    walk::type_credentials(&mut pty, &profile.halo, profile.halo.client_secret()).await;
    walk::test_connection(&mut pty).await;
    walk::to_review(&mut pty).await;
    walk::save(&mut pty).await;
    profile.halo.change(|state| state.behaviour.latency = Duration::from_millis(25));
    walk::sync(&mut pty).await;
    walk::choose_contact(&mut pty).await;
    walk::configure(&mut pty).await;
    pty.press("2").await;
    pty.sees("of 237").await;
    pty.press("Esc").await;
    pty.sees("You have finished").await;
    pty.press("q").await;
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
    holds_exactly_the_objects_of_the_contract(&before, &profile.halo.snapshot());

    let raw = pty.raw();
    assert_only_known_sequences(&raw);
    let secrets = secrets_of(&profile);
    assert_eq!(secrets.len(), 4, "client secret, token, password, and the simulated Halo's own");
    assert_shows_none_of(&raw, (80, 24), &secrets);
}

/// S41: nobody said goodbye, and the set-up is found again all the same, at its step.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_set_up_is_found_again() {
    let profile = Profile::with(Options { clients: 30, ..Options::default() }).await;
    let mut pty = profile.in_terminal().spawn();
    walk::to_credentials(&mut pty).await;
    walk::type_credentials(&mut pty, &profile.halo, profile.halo.client_secret()).await;
    walk::test_connection(&mut pty).await;
    let draft = profile.folder.path().join("state/pia-halo/draft.toml");
    let is_kept = || std::fs::read_to_string(&draft).is_ok_and(|text| text.contains("company-sync"));
    crate::support::until(is_kept).await;
    pty.signal(Signal::KILL);
    pty.exit_code();

    let mut pty = profile.in_terminal().spawn();
    pty.sees("Acme MSP").await;
    pty.press("Enter").await;
    pty.is_at("Daily Sync Time").await;
    pty.press("^C").await;
    assert_eq!(pty.exit_code(), 0);
}

/// S41: killed in the middle of a page, at most the field that is being typed is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_killed_in_the_middle_of_a_page_is_found_again() {
    let profile = Profile::with(Options { clients: 30, ..Options::default() }).await;
    let mut pty = profile.in_terminal().spawn();
    walk::to_credentials(&mut pty).await;
    walk::type_credentials(&mut pty, &profile.halo, profile.halo.client_secret()).await;
    let draft = profile.folder.path().join("state/pia-halo/draft.toml");
    let is_kept = || std::fs::read_to_string(&draft).is_ok_and(|text| text.contains(profile.halo.client_id()));
    crate::support::until(is_kept).await;
    pty.signal(Signal::KILL);
    pty.exit_code();

    let mut pty = profile.in_terminal().spawn();
    pty.sees("Acme MSP").await;
    pty.press("Enter").await;
    pty.sees(profile.halo.client_id()).await;
    assert!(!std::fs::read_to_string(&draft).unwrap().contains(profile.halo.client_secret()));
    pty.press("^C").await;
    assert_eq!(pty.exit_code(), 0);
}

/// S49: the token is sent to the terminal when it is revealed, and at no other time; the rest of the secrets never.
#[tokio::test(flavor = "multi_thread")]
async fn only_reveal_sends_the_callback_token_to_the_terminal() {
    let profile = Profile::synced(Options { clients: 30, ..Options::default() }).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let stored: toml::Table = std::fs::read_to_string(profile.credentials()).unwrap().parse().unwrap();
    let token = stored["configurations"]["acme"]["callback_token"].as_str().unwrap().to_owned();
    let mut pty = profile.in_terminal().size(120, 40).spawn();
    pty.sees("1 Sync").await;
    for (pane, words) in [("2", "of 30"), ("4", "create webhook"), ("3", "as it should be")] {
        pty.press(pane).await;
        pty.sees(words).await;
    }
    let hidden = pty.raw();
    assert_shows_none_of(&hidden, (120, 40), &secrets_of(&profile));
    pty.press("r").await;
    pty.wait("the token", |screen| screen.split_whitespace().collect::<String>().matches(&token).count() == 2).await;
    pty.press("r").await;
    pty.wait("no token", |screen| !screen.contains(&token[..8])).await;
    pty.press("q").await;
    assert_eq!(pty.exit_code(), 0);
    let others: Vec<_> = secrets_of(&profile).into_iter().filter(|secret| *secret != token).collect();
    assert_eq!(others.len(), 3);
    assert_shows_none_of(&pty.raw(), (120, 40), &others);
    assert_only_known_sequences(&pty.raw());
}

/// ^C at a question ends the command at once, and the terminal shows again what is typed.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_at_the_secret_prompt_ends_the_command_with_its_echo_on() {
    let profile = Profile::new().await;
    let file = profile.folder.path().join("answers.toml");
    std::fs::write(&file, profile.answers("acme", "")).unwrap();
    let start = Start::pia_halo(profile.folder.path(), ["setup", "--answers", &file.to_string_lossy()]);
    let mut pty = start.spawn();
    pty.wait_until("Client Secret:");
    pty.send(&key::ctrl('c'));
    assert_eq!(pty.exit_code(), 130);
    assert!(pty.has_former_modes());
}
