//! Nothing is written and nobody is woken while nothing happens.

use pia_halo::demo::Options;

use super::{demo, running};
use crate::support::Profile;
use crate::support::pty::key;
use crate::support::service::Service;

#[test]
fn idle_program_writes_nothing_and_wakes_nobody() {
    let (_home, start) = demo();
    let pty = running(start);
    let bytes = pty.settle();
    // A second, a few times over: a spare thread of the runtime ends some seconds after its last work.
    let is_quiet = (0..5).any(|_| {
        let before = pty.wakes();
        (0..5).for_each(|_| assert_eq!(pty.settle(), bytes));
        pty.wakes() == before
    });
    assert!(is_quiet, "{:?}", pty.wakes());
}

#[test]
fn key_that_means_nothing_writes_nothing() {
    let (_home, start) = demo();
    let mut pty = running(start);
    for unknown in ["z", "\x1b[15~", key::LEFT, "\x1b[99~", &key::ctrl('b')] {
        let before = pty.byte_count();
        pty.send(unknown);
        assert_eq!(pty.settle(), before, "{unknown:?}");
    }
    pty.send(key::F1);
    pty.wait_until("Moving");
}

/// Every byte between the first and the last is in a frame, begun and ended by itself.
#[test]
fn frame_is_one_synchronised_update() {
    let (_home, start) = demo();
    let mut pty = running(start);
    for keys in [key::F1, key::ESC, "/", "h", "a", key::ESC, key::ENTER] {
        let before = pty.byte_count();
        pty.send(keys);
        pty.wait_for("a frame", |_| pty.byte_count() > before);
        pty.settle();
    }
    pty.send(&key::ctrl('c'));
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
    let raw = String::from_utf8(pty.raw()).unwrap();
    let frames = raw.strip_prefix("\x1b[?1049h\x1b[?2004h\x1b[?25l").unwrap();
    // Behind it stands what is said at the end.
    let (frames, _) = frames.split_once("\x1b[?2026l\x1b[?2004l\x1b[0m\x1b[?1049l\x1b[?25h").unwrap();
    let frames: Vec<&str> = frames.split_inclusive("\x1b[?2026l").collect();
    for frame in &frames {
        assert_eq!(frame.matches("\x1b[?2026h").count(), 1);
        assert!(frame.starts_with("\x1b[?2026h") && frame.ends_with("\x1b[?2026l"));
    }
    assert!((8..=12).contains(&frames.len()), "{} frames", frames.len());
}

/// The store is watched for events by the kernel: nobody asks again and again, and our own look calls for no second one.
#[tokio::test(flavor = "multi_thread")]
async fn events_pane_wakes_nobody_while_nothing_comes_in() {
    let profile = Profile::synced(Options { clients: 5, ..Options::default() }).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    // Its lock is there from now on, and looked at with each look at the events.
    assert_eq!(Service::start(&profile).await.terminate().await, 143);
    let mut pty = profile.in_terminal().spawn();
    pty.wait_until("1 Sync");
    pty.send("4");
    pty.wait_until("service not running");
    // What was asked at the start may be answered late; then nothing more is drawn, and nobody wakes.
    let is_quiet = (0..5).any(|_| {
        let before = (pty.settle(), pty.wakes());
        (0..5).for_each(|_| _ = pty.settle());
        (pty.settle(), pty.wakes()) == before
    });
    assert!(is_quiet, "{:?}", pty.wakes());
}
