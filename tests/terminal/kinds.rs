//! Terminals of all kinds, and none.

use std::process::{Command, Stdio};

use super::sequences::assert_only_known_sequences;
use super::{demo, running};
use crate::support::pty::{Pty, Start, key};

/// Looks at a few screens and leaves.
fn look_around(mut pty: Pty) -> String {
    pty.send(key::F1);
    pty.wait_until("Moving");
    pty.send(key::ESC);
    pty.wait_for("the first screen", |screen| screen.contains("Enter Configure") && !screen.contains("Moving"));
    pty.send(key::ENTER);
    pty.wait_until("API Credentials");
    pty.settle();
    pty.send(&key::ctrl('c'));
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
    assert_only_known_sequences(&pty.raw());
    String::from_utf8(pty.raw()).unwrap()
}

#[test]
fn every_kind_of_terminal_gets_screen_that_it_can_show() {
    for term in ["linux", "xterm", "screen", "screen-256color", "tmux-256color", "vt100", "", "nobody-knows-it"] {
        let (_home, start) = demo();
        let sent = look_around(running(start.env("TERM", term)));
        let is_plain = ["linux", "vt100", ""].contains(&term);
        assert_eq!(sent.contains("\x1b[?2026h"), !is_plain, "{term:?}");
        assert_eq!(sent.is_ascii(), is_plain, "{term:?}");
    }
    let (_home, start) = demo();
    look_around(running(start.without_env("TERM")));
}

#[test]
fn terminal_without_utf8_gets_nothing_but_ascii() {
    for locale in ["C", "POSIX", "en_AU.ISO-8859-1", ""] {
        let (_home, start) = demo();
        assert!(look_around(running(start.env("LANG", locale))).is_ascii(), "{locale:?}");
    }
}

#[test]
fn no_color_is_kept_and_selection_is_seen_all_same() {
    let (_home, start) = demo();
    let sent = look_around(running(start.env("NO_COLOR", "1")));
    let styles = sent.split("\x1b[").skip(1).filter_map(|rest| {
        let end = rest.find(|character: char| character.is_ascii_alphabetic())?;
        rest[end..].starts_with('m').then(|| &rest[..end])
    });
    let figures: Vec<u16> =
        styles.flat_map(|style| style.split(';')).filter_map(|figure| figure.parse().ok()).collect();
    assert!(figures.contains(&1) || figures.contains(&7), "{figures:?}");
    assert!(!figures.iter().any(|figure| matches!(figure, 30..=38 | 40..=48 | 90..=107)), "{figures:?}");
}

#[test]
fn without_terminal_program_refuses_and_names_commands() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pia-halo"));
    let output = command.env("HOME", home.path()).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("setup"));
}

/// With one end of it only: neither a screen into a file nor keys out of one.
#[test]
fn with_half_terminal_program_refuses_and_names_commands() {
    for redirected in ["< /dev/null", "> out"] {
        let home = tempfile::tempdir().unwrap();
        let script = format!("\"$0\" {redirected}; echo code $?");
        let mut pty = Start::program("sh", home.path(), ["-c", &script, env!("CARGO_BIN_EXE_pia-halo")]).spawn();
        pty.wait_until("the terminal interface needs a terminal");
        pty.wait_until("setup, check, sync");
        pty.wait_until("code 2");
        assert_eq!(pty.exit_code(), 0);
        pty.assert_restored();
        assert!(!String::from_utf8_lossy(&pty.raw()).contains("\x1b["));
    }
}
