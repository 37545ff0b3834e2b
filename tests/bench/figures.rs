//! What the interface costs on the line: the bytes that the real program sends to a terminal of 80 by 24, in the demo.
//!
//! Measured by a person at the keys, for `cargo bench --bench terminal`, which prints it, and for the tests, which hold
//! it against its limits.

use std::fmt;
use std::time::{Duration, Instant};

use crate::support::pty::{Pty, Start, key};

/// One figure and its limit.
#[derive(Debug)]
pub struct Figure {
    what: &'static str,
    limit: usize,
    measured: usize,
    unit: &'static str,
}

impl Figure {
    fn bytes(what: &'static str, limit: usize, measured: usize) -> Self {
        Self { what, limit, measured, unit: "bytes" }
    }

    /// Whether it keeps to its limit.
    pub fn is_met(&self) -> bool {
        (1..=self.limit).contains(&self.measured)
    }
}

/// A row of the table.
impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = format!("{} {}", self.limit, self.unit);
        write!(f, "{:<46} {limit:>12} {:>9}{}", self.what, self.measured, if self.is_met() { "" } else { "  !" })
    }
}

/// The sizes of the frames in what was sent.
pub fn frames(raw: &[u8]) -> Vec<usize> {
    let marks = |mark: &'static [u8]| (0..raw.len()).filter(move |at| raw[*at..].starts_with(mark));
    marks(b"\x1b[?2026h").zip(marks(b"\x1b[?2026l")).map(|(begin, end)| end + 8 - begin).collect()
}

fn largest(figures: &[usize]) -> usize {
    figures.iter().copied().max().unwrap_or_default()
}

/// Walks through the demo and measures on the way.
pub fn measure() -> Vec<Figure> {
    let home = tempfile::tempdir().expect("a folder");
    // So many clients, so slowly, that the sync runs for a few seconds.
    let mut pty = Start::pia_halo(home.path(), ["demo", "--clients", "30000", "--latency-ms", "300"]).spawn();
    pty.wait_until("Enter Configure");
    go(&mut pty, key::ENTER, "▸ Test");
    let typed = typed_character(&mut pty);
    let a_second_of_sync = save_and_sync(&mut pty);
    to_clients(&mut pty);
    let moved = [key::DOWN, key::DOWN, key::DOWN, key::UP, key::DOWN].map(|key| cost(&mut pty, key));
    let (drawn, within) = held_key(&mut pty);
    go(&mut pty, "/", "Search");
    let searched = ["s", "o", "n", key::BACKSPACE, "u"].map(|key| cost(&mut pty, key));
    cost(&mut pty, key::ESC);
    go(&mut pty, "1", "Last run");
    go(&mut pty, "2", "of 30,000");
    go(&mut pty, "?", "Moving");
    cost(&mut pty, key::ESC);
    go(&mut pty, &key::ctrl('o'), "View All");
    let screens = frames(&pty.raw());
    pty.send(&key::ctrl('c'));
    assert_eq!(pty.exit_code(), 0);
    vec![
        Figure::bytes("a typed character in a form", 100, typed),
        Figure::bytes("a move in the client list", 200, largest(&moved)),
        Figure::bytes("a search key that changes the whole list", 1_200, largest(&searched)),
        Figure::bytes("a change of screen: the largest frame of all", 2_500, largest(&screens)),
        Figure::bytes("a second of a running sync", 400, a_second_of_sync),
        Figure {
            what: "a second with a key held down",
            limit: 30,
            measured: (drawn as f64 / within.as_secs_f64()).floor() as usize,
            unit: "frames",
        },
    ]
}

/// What is sent in answer to keys, until nothing more comes.
fn cost(pty: &mut Pty, keys: &str) -> usize {
    let before = pty.settle();
    pty.send(keys);
    pty.wait_for("an answer", |_| pty.byte_count() > before);
    pty.settle() - before
}

fn go(pty: &mut Pty, keys: &str, words: &str) {
    pty.send(keys);
    pty.wait_until(words);
}

/// The dearest character of a few, in a field that the title of the screen follows.
fn typed_character(pty: &mut Pty) -> usize {
    while !pty.screen().contains("▸ Configuration Name") {
        cost(pty, key::BACK_TAB);
    }
    // The first key of all says that the test is out of date as well.
    let typed = [" ", "N", "o", "r", "t", "h"].map(|key| cost(pty, key));
    while !pty.screen().contains("▸ Test") {
        cost(pty, key::TAB);
    }
    largest(&typed)
}

fn save_and_sync(pty: &mut Pty) -> usize {
    for words in ["passed in", "▸ Daily Sync Time", "▸ Pia Board", "▸ Pia Url"] {
        go(pty, key::ENTER, words);
    }
    go(pty, key::ENTER, "elapsed 1 s");
    let (began, before) = (Instant::now(), pty.byte_count());
    pty.wait_until("elapsed 4 s");
    let bytes = pty.byte_count() - before;
    let a_second = (bytes as f64 / began.elapsed().as_secs_f64()).ceil() as usize;
    pty.wait_until("to create");
    a_second
}

fn to_clients(pty: &mut Pty) {
    pty.wait_until("y Apply");
    go(pty, "y", "finished");
    go(pty, "2", "of 30,000");
}

/// A key that repeats two hundred times a second, for a second.
fn held_key(pty: &mut Pty) -> (usize, Duration) {
    let before = pty.settle();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(1) {
        pty.send(key::DOWN);
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let within = began.elapsed();
    pty.settle();
    (frames(&pty.raw()[before..]).len(), within)
}
