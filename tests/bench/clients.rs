//! How fast the client list is with a hundred thousand clients in the store: to open it, to search it, to move in it, and
//! how much memory it takes; each beside a plain number of the same kind.
//!
//! `cargo bench --bench clients` prints a table in Markdown. `PIA_HALO_BENCH=10000` measures with so many clients. Opening
//! is measured at the real program in a pseudo-terminal; keys in this process, from the key to the last byte of its frame.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "the table is the result")]
#![allow(dead_code, reason = "what it shares with the promises is theirs")]

mod runs;
#[path = "../support/mod.rs"]
mod support;

use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pia_halo::app::effect::Effect;
use pia_halo::app::message::{Message, Reply};
use pia_halo::app::panes::clients::ClientList;
use pia_halo::app::{Model, Start, Theme, update};
use pia_halo::domain::client::{StoredClient, fold};
use pia_halo::domain::draft::Draft;
use pia_halo::ops::{self, SystemClock, Workspace};
use pia_halo::settings::{Environment, Paths};
use pia_halo::view;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};

use runs::{Halo, PROGRAM, Profile, best, figure, machine};
use support::postgres;
use support::pty::{Pty, Start as Program, key};

/// A large terminal: more to draw at each key.
const SIZE: Size = Size { width: 120, height: 40 };

/// Names that are typed, key by key, and deleted again.
const SEARCHES: usize = 60;

const MOVES: usize = 2_000;

/// Rows of the list on a terminal of 80 by 24.
const ROWS: usize = 14;

/// What a series of the same thing took, by the clock and of the processor: on a machine that has other work to do, the
/// clock says how long the others took too.
#[derive(Default)]
struct Series {
    clock: Vec<Duration>,
    processor: Vec<Duration>,
}

impl Series {
    fn of(times: usize, mut work: impl FnMut(usize)) -> Self {
        let mut series = Self::default();
        for at in 0..times {
            let (started, used) = (Instant::now(), used());
            work(at);
            series.clock.push(started.elapsed());
            series.processor.push(self::used() - used);
        }
        series.clock.sort_unstable();
        series.processor.sort_unstable();
        series
    }

    fn row(&self, what: &str, goal: &str, plain: &str) -> String {
        let clock = [0.5, 0.99, 1.0].map(|share| shown(at(&self.clock, share)));
        let processor = [0.99, 1.0].map(|share| shown(at(&self.processor, share)));
        format!("| {what} | {goal} | {} | {} | {plain} |", clock.join(" | "), processor.join(" | "))
    }
}

/// The time at a share of the sorted ones.
fn at(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// The processor's time of this thread so far.
fn used() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

fn shown(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}

/// The interface without its loop: the real model and the real drawing, into nothing.
struct Pane {
    model: Model,
    terminal: Terminal<CrosstermBackend<io::Sink>>,
}

impl Pane {
    /// Opens the client list of a profile.
    fn open(workspace: &Workspace, list: ClientList) -> Self {
        let start = Start {
            size: SIZE,
            zone: TimeZone::UTC,
            theme: Theme::default(),
            demo: false,
            systemd: true,
            prefill: Draft::default(),
            keys: workspace.config().unwrap().keys,
            tip: None,
        };
        let viewport = Viewport::Fixed(Rect::new(0, 0, SIZE.width, SIZE.height));
        let terminal = Terminal::with_options(CrosstermBackend::new(io::sink()), TerminalOptions { viewport }).unwrap();
        let mut pane = Self { model: Model::new(start).0, terminal };
        pane.take(Message::Resize(SIZE));
        pane.reply(Reply::Overview(ops::status::overview(workspace)));
        assert!(pane.press(KeyCode::Char('2')).iter().any(|effect| matches!(effect, Effect::LoadClients(_))));
        pane.reply(Reply::Clients(Ok(list)));
        pane.draw();
        pane
    }

    fn take(&mut self, message: Message) -> Vec<Effect> {
        update(&mut self.model, message, Timestamp::now())
    }

    fn reply(&mut self, reply: Reply) {
        self.take(Message::Reply(Box::new(reply)));
    }

    fn press(&mut self, code: KeyCode) -> Vec<Effect> {
        self.take(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    fn draw(&mut self) {
        self.terminal.draw(|frame| view::draw(&self.model, frame)).unwrap();
    }

    /// A key and its frame.
    fn key(&mut self, code: KeyCode) {
        self.press(code);
        self.draw();
    }
}

fn workspace(profile: &Profile) -> Workspace {
    let home = profile.folder.path().as_os_str().to_owned();
    let environment = Environment::from_pairs([("HOME".to_owned(), home), ("USER".to_owned(), "bench".into())]);
    let paths = Paths::from_environment(&environment).unwrap();
    Workspace::open(paths, environment, Arc::new(SystemClock)).unwrap()
}

/// Names from all over the list, as somebody types them: the beginning, the middle, and letters left out.
fn typed(clients: &[StoredClient]) -> Vec<String> {
    let name = |at: usize| fold(clients[at * (clients.len() / SEARCHES)].client.name.raw());
    let as_typed = |(at, name): (usize, String)| match at % 3 {
        0 => name.chars().take(12).collect(),
        1 => name.split(' ').next_back().unwrap_or_default().to_owned(),
        _ => name.chars().filter(|letter| !"aeiou".contains(*letter)).take(8).collect(),
    };
    (0..SEARCHES).map(name).enumerate().map(as_typed).collect()
}

/// Every key of these searches, the deleting ones too.
fn searched(pane: &mut Pane, words: &[String]) -> Series {
    pane.key(KeyCode::Char('/'));
    let there = words.iter().flat_map(|word| {
        let deleted = word.chars().map(|_| KeyCode::Backspace);
        word.chars().map(KeyCode::Char).chain(deleted).collect::<Vec<_>>()
    });
    let keys: Vec<KeyCode> = there.collect();
    let series = Series::of(keys.len(), |at| pane.key(keys[at]));
    pane.key(KeyCode::Esc);
    series
}

/// The same searches with nothing but a look for the letters in each name, in their order or not.
fn plainly(clients: &[StoredClient], words: &[String]) -> Series {
    let names: Vec<String> = clients.iter().map(|client| fold(client.client.name.raw())).collect();
    let begun: Vec<&str> = words.iter().flat_map(|word| word.char_indices().map(|(end, _)| &word[..end])).collect();
    Series::of(begun.len(), |at| {
        black_box(names.iter().filter(|name| name.contains(begun[at])).count());
    })
}

/// From the start of the program to the client list on the screen: to the first screen, to the list, and until all of it
/// can be searched; and the most memory that it held by then, in KiB, before the list was asked for and after.
struct Opened {
    first_screen: Duration,
    listed: Duration,
    whole: Duration,
    before: u64,
    peak: u64,
}

fn opened(profile: &Profile) -> Opened {
    let program = Program::program(PROGRAM, profile.folder.path(), []).size(80, 24);
    let started = Instant::now();
    let mut pty = program.spawn();
    let first_screen = until(&pty, started, |screen| screen.contains("1 Sync") && screen.contains("Quit"));
    let before = peak(&pty);
    pty.send("2");
    // Every row of the list, and the keys below it.
    let rows = |screen: &str| screen.matches("✓ active").count();
    let listed = until(&pty, started, |screen| rows(screen) >= ROWS && screen.contains("Quit"));
    let whole = until(&pty, started, |screen| rows(screen) >= ROWS && !screen.contains("reading more"));
    let peak = peak(&pty);
    pty.send(&key::ctrl('c'));
    assert_eq!(pty.exit_code(), 0);
    Opened { first_screen, listed, whole, before, peak }
}

/// Waits for the screen more closely than a test would.
fn until(pty: &Pty, started: Instant, holds: impl Fn(&str) -> bool) -> Duration {
    loop {
        if holds(&pty.screen()) {
            return started.elapsed();
        }
        assert!(started.elapsed() < Duration::from_secs(20), "in vain:\n{}", pty.screen());
        std::thread::park_timeout(Duration::from_micros(500));
    }
}

fn peak(pty: &Pty) -> u64 {
    figure(&PathBuf::from(format!("/proc/{}/status", pty.pid())), "VmHWM:")
}

/// A program of the same size that does nothing: what starting takes.
fn bare_start(home: &Path) -> Duration {
    let started = Instant::now();
    let mut command = Command::new(PROGRAM);
    command.arg("--version").env_clear().env("HOME", home).stdout(Stdio::null());
    assert!(command.status().unwrap().success());
    started.elapsed()
}

fn main() {
    let clients = std::env::var("PIA_HALO_BENCH").map_or(100_000, |text| text.parse().unwrap());
    let profile = {
        let halo = Halo::start(clients, 0);
        let profile = Profile::new(&halo);
        profile.sync(clients);
        profile.run(&["configure", "--yes", "--json"]);
        profile
    };
    println!("{clients} clients, {}\n", machine());

    let open = best(10, || opened(&profile), |open| open.listed);
    let bare = best(10, || bare_start(profile.folder.path()), |time| *time);
    let workspace = workspace(&profile);
    let id = workspace.configuration(None).unwrap().0;
    let read = best(3, || timed(|| profile.store().clients(&id).unwrap()), |(time, _)| *time);
    let (read, stored) = read;
    let words = typed(&stored);
    let plain_search = plainly(&stored, &words);
    let text: usize = stored.iter().map(|client| client.client.name.raw().len()).sum();
    let list = ClientList::from(stored);
    let mut pane = Pane::open(&workspace, list);
    let search = searched(&mut pane, &words);
    let drawing = Series::of(MOVES, |_| pane.draw());
    let down = Series::of(MOVES, |_| pane.key(KeyCode::Down));
    let pages = Series::of(MOVES, |_| pane.key(KeyCode::PageDown));
    let ends = Series::of(MOVES, |at| pane.key(if at % 2 == 0 { KeyCode::End } else { KeyCode::Home }));

    println!("| what | goal | middle | 99 of 100 | worst | 99 of 100, processor | worst, processor | beside |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
    let opened =
        |what: &str, goal: &str, time, plain: &str| println!("| {what} | {goal} | {} | | | | | {plain} |", shown(time));
    let starting = format!("{} for `--version`", shown(bare));
    opened("start to the first screen", "", open.first_screen, &starting);
    opened("start to the list on the screen, by the key `2`", "100 ms", open.listed, &starting);
    let reading = format!("{} to read the rows alone", shown(read));
    opened("start to the whole list, ready to be searched", "", open.whole, &reading);
    let scan = |share| shown(at(&plain_search.processor, share));
    let scan = format!("{} for a bare `contains` of every name (99 of 100: {})", scan(0.5), scan(0.99));
    println!("{}", search.row("a key of search, drawing included", "10 ms", &scan));
    let frame = format!("{} for the same frame again", shown(at(&drawing.processor, 0.5)));
    for (what, series) in [("a row down", &down), ("a page down", &pages), ("to an end", &ends)] {
        println!("{}", series.row(&format!("{what}, drawing included"), "", &frame));
    }
    let mib = |kib: u64| format!("{:.0} MiB", kib as f64 / 1024.0);
    println!(
        "| most memory, the list open | | {} | | | | | {} before it was opened; the names alone are {} |",
        mib(open.peak),
        mib(open.before),
        mib(text as u64 / 1024)
    );
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let done = work();
    (started.elapsed(), done)
}
