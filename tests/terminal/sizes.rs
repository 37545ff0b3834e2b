//! Any size of the terminal, at any time.

use pia_halo::demo::Options;

use super::{demo, running};
use crate::support::Profile;
use crate::support::pty::key;
use crate::support::walk::Person;

/// A few hundred sizes from nothing to far too much, in no order that anybody would draw.
fn storm() -> impl Iterator<Item = (u16, u16)> {
    let edges = [(1, 1), (0, 0), (80, 0), (0, 24), (500, 200), (1, 200), (500, 1), (3, 1), (1, 3), (39, 10), (40, 9)];
    let others = (1..=250_u16).map(|step| (1 + step * 181 % 500, step * 67 % 201));
    edges.into_iter().chain(others)
}

#[tokio::test(flavor = "multi_thread")]
async fn storm_of_resizes_disturbs_no_sync_typing_or_dialogue() {
    let profile = Profile::set_up(Options { clients: 4_000, ..Options::default() }).await;
    profile.halo.change(|state| state.behaviour.latency = std::time::Duration::from_millis(100));
    let mut pty = profile.in_terminal().spawn();
    pty.is_at("Sync Now").await;
    pty.press("Enter").await;
    pty.sees("Syncing").await;
    pty.storm(storm(), (80, 24));
    pty.wait("the same page", |screen| screen.contains("Syncing") || screen.contains("✓ Complete")).await;
    pty.sees("✓ Complete").await;

    pty.press("^O").await;
    pty.sees("View All").await;
    pty.press("Down").await;
    pty.sees("▸ Halo PSA   + new").await;
    pty.press("Enter").await;
    pty.is_at("Configuration Name").await;
    pty.type_text("Typed before the storm").await;
    pty.storm(storm(), (80, 24));
    pty.sees("Typed before the storm").await;

    pty.press("F1").await;
    pty.sees("What you need").await;
    pty.storm(storm(), (80, 24));
    pty.sees("What you need").await;
    pty.press("Esc").await;
    pty.wait("the form", |screen| screen.contains("Typed before the storm") && !screen.contains("What you need")).await;
    pty.press("^C").await;
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

#[test]
fn terminal_below_least_size_says_so_in_line() {
    for (columns, rows, is_enough) in [(39, 24, false), (80, 9, false), (40, 10, true), (12, 1, false)] {
        let (_home, start) = demo();
        let pty = running(start);
        pty.storm([], (columns, rows));
        if is_enough {
            pty.wait_until("Halo PSA");
            assert!(!pty.screen().contains("Too small"));
        } else {
            // Where a sentence does not fit, what it takes does.
            pty.wait_for("what it takes", |screen| {
                screen.contains("40x10") && ["Too small", "Needs"].iter().any(|word| screen.starts_with(word))
            });
        }
        pty.storm([], (80, 24));
        pty.wait_until("Halo PSA");
    }
}

#[test]
fn typing_in_too_small_terminal_does_nothing_but_quit() {
    let (_home, start) = demo();
    let mut pty = running(start);
    pty.storm([], (30, 5));
    pty.wait_until("Too small");
    pty.send(key::ENTER);
    pty.settle();
    pty.storm([], (80, 24));
    pty.wait_until("Enter Configure");
    pty.storm([], (30, 5));
    pty.wait_until("Too small");
    pty.send(&key::ctrl('c'));
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}
