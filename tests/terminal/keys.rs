//! Whatever comes in: pastes of all kinds, keys by the thousand, sequences that nobody knows.

use std::time::Duration;

use super::{demo, running};
use crate::support::pty::{Pty, key};

/// The demo, in the first form, with its first field empty.
fn in_form() -> (tempfile::TempDir, Pty) {
    let (home, start) = demo();
    let mut pty = start.spawn();
    pty.wait_until("Enter Configure");
    pty.send(key::ENTER);
    pty.wait_until("▸ Test");
    while !pty.screen().contains("▸ Configuration Name") {
        let before = pty.byte_count();
        pty.send(key::BACK_TAB);
        pty.wait_for("another field", |_| pty.byte_count() > before);
        pty.settle();
    }
    pty.send(&key::ctrl('u'));
    pty.wait_for("an empty field", |screen| !screen.contains("▸ Configuration Name     Demo"));
    (home, pty)
}

fn leave(mut pty: Pty) {
    pty.send(&key::ctrl('c'));
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

/// As a terminal pastes that marks nothing: a word without a newline, where no text is taken.
#[test]
fn word_pasted_without_marks_runs_no_commands() {
    let (_home, start) = demo();
    let mut pty = running(start);
    for word in ["quit", "qqqq", "xyqq"] {
        pty.send(word);
        pty.wait_until("Ignored several keys");
        pty.send(key::DOWN);
        pty.settle();
    }
    pty.send("q");
    assert_eq!(pty.exit_code(), 0);
}

#[test]
fn paste_of_megabyte_is_cut_and_said_so() {
    let (_home, mut pty) = in_form();
    let memory = pty.memory();
    pty.paste(&"wide load ".repeat(100_000));
    pty.wait_until("The pasted text is too long and was cut");
    let grown = pty.memory().saturating_sub(memory);
    assert!(grown < 48 * 1024, "{grown} KiB more");
    assert!(pty.screen().contains("▸ Configuration Name"));
    leave(pty);
}

#[test]
fn newline_or_escape_in_paste_submits_and_leaves_nothing() {
    let (_home, mut pty) = in_form();
    pty.paste("Acme\rMSP\r\r");
    pty.wait_until("▸ Configuration Name     Acme");
    pty.settle();
    assert!(pty.screen().contains("only the first is taken") && !pty.screen().contains("MSP"));
    pty.paste(" and\x1b[B\x1bOQ\x1b[15~ Sons");
    pty.wait_until("Sons");
    pty.settle();
    assert!(pty.screen().contains("▸ Configuration Name     Acme and"), "{}", pty.screen());
    leave(pty);
}

/// Until its end comes, what is pasted is held back; it is no key press, and the program hears signals all the same.
#[test]
fn paste_that_is_not_closed_acts_on_nothing() {
    let (_home, mut pty) = in_form();
    pty.send("\x1b[200~Acme\r\r");
    pty.wait_until("A paste has no end yet");
    let before = pty.settle();
    pty.send(key::ENTER);
    pty.send(key::ENTER);
    assert_eq!(pty.settle(), before);
    pty.send("\x1b[201~");
    pty.wait_until("▸ Configuration Name     Acme");
    assert!(!pty.screen().contains("no end yet"), "it has one");
    leave(pty);
    let (_home, mut pty) = in_form();
    pty.send("\x1b[200~Acme");
    pty.settle();
    pty.signal(rustix::process::Signal::TERM);
    assert_eq!(pty.exit_code(), 143);
    pty.assert_restored();
}

/// More than a thousand a second, and every one of them counts once.
#[test]
fn key_held_down_counts_each_time_once() {
    let (_home, mut pty) = in_form();
    for _ in 0..50 {
        pty.send("x");
        std::thread::park_timeout(Duration::from_micros(700));
    }
    pty.wait_until(&"x".repeat(50));
    pty.settle();
    assert!(!pty.screen().contains(&"x".repeat(51)));
    for _ in 0..1_000 {
        pty.send(key::BACKSPACE);
    }
    for _ in 0..30 {
        pty.send("y");
        std::thread::park_timeout(Duration::from_micros(700));
    }
    pty.wait_until(&format!("▸ Configuration Name     {}", "y".repeat(30)));
    assert!(!pty.screen().contains(&"y".repeat(31)));
    // Enter for a second goes on from field to field, never past the test without its answer, and never out.
    leave(pty);
}

#[test]
fn sequences_that_nobody_knows_change_nothing() {
    let (_home, mut pty) = in_form();
    let screen = pty.screen();
    let mouse = ["\x1b[<0;10;10M", "\x1b[M !!"];
    let modes = ["\x1b[?997;1n", "\x1b[?2026;2$y", "\x1b[?1;2c", "\x1b[24;80R", "\x1b[I", "\x1b[O", "\x1b[8;24;80t"];
    let keys = ["\x1b[99~", "\x1b[1;9Q", "\x1bOz"];
    let words = ["\x1b]11;rgb:0/0/0\x07", "\x1b]52;c;aGk=\x1b\\", "\x1bP>|tmux 3.4\x1b\\", "\x1b_Gi=31;OK\x1b\\"];
    // The same with the controls of eight bits.
    for bytes in [&b"\x9b?1n"[..], b"\x9b?997;1n", b"\x9d11;rgb:0/0/0\x9c", b"\x8fz", "\u{9b}?1n".as_bytes()] {
        pty.send_bytes(bytes);
        pty.settle();
        assert_eq!(pty.screen(), screen, "{bytes:?}");
    }
    for unknown in [&mouse[..], &modes, &keys, &words].concat() {
        pty.send(unknown);
        pty.settle();
        assert_eq!(pty.screen(), screen, "{unknown:?}");
        for byte in unknown.bytes() {
            pty.send_bytes(&[byte]);
        }
        pty.settle();
        assert_eq!(pty.screen(), screen, "{unknown:?} in pieces");
    }
    pty.send("Ac\x1b[?2026;2$yme\x1b[?997;1n");
    pty.wait_until("▸ Configuration Name     Acme");
    leave(pty);
}

#[test]
fn bytes_that_are_no_text_are_dropped_and_typing_goes_on() {
    let (_home, mut pty) = in_form();
    for bytes in [&b"\xe9"[..], b"\x9b", b"\xff\xfe", b"\xc3"] {
        pty.send_bytes(bytes);
        pty.settle();
    }
    pty.send("Z");
    pty.settle();
    pty.send("Acme");
    pty.wait_until("Acme");
    leave(pty);
}

/// An arrow that a slow line delivers in pieces is Escape and two letters: that must cost nobody anything.
#[test]
fn escape_that_was_arrow_destroys_nothing() {
    let (_home, mut pty) = in_form();
    pty.send("Acme");
    pty.wait_until("▸ Configuration Name     Acme");
    pty.send(key::ESC);
    pty.settle();
    pty.send("[");
    pty.settle();
    pty.send("A");
    pty.settle();
    for _ in 0..6 {
        if pty.screen().contains("Configuration Name     Acme") {
            break;
        }
        let before = pty.byte_count();
        pty.send(key::ENTER);
        pty.wait_for("another screen", |_| pty.byte_count() > before);
        pty.settle();
    }
    assert!(pty.screen().contains("Configuration Name     Acme"), "{}", pty.screen());
    leave(pty);
}
