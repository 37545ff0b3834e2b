//! The terminal interface in the test's own process: the real loop, the real effects over a real profile, a screen in
//! memory, and a person at the keys.
//!
//! A key counts as pressed once the screen shows what came of it. What a task answers later is waited for by its words,
//! with a deadline.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pia_halo::app::effect::Effect;
use pia_halo::app::keymap::KeyMap;
use pia_halo::app::message::Message;
use pia_halo::app::{Model, Start, Theme};
use pia_halo::domain::draft::Draft;
use pia_halo::domain::secret::Secret;
use pia_halo::ops::Workspace;
use pia_halo::tui::canvas::Canvas;
use pia_halo::tui::effects::Effects;
use pia_halo::tui::event_loop::{self, App, LoopParts};
use pia_halo::tui::hangup::{Exit, Signal, SignalSender};
use pia_halo::tui::input::Input;
use pia_halo::tui::session::{Session, TerminalControl};
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Size;
use ratatui::{Frame, Terminal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use unicode_width::UnicodeWidthStr;

use super::Profile;
use super::walk::Person;

/// How long words may take to come. Generous: a busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(30);
const SIZE: Size = Size { width: 80, height: 24 };

/// What the person sees, and how many of their inputs it answers.
#[derive(Clone, Default)]
struct Seen {
    text: String,
    answered: usize,
}

/// The interface, watched: every frame is copied for the person.
struct Watched {
    model: Model,
    taken: usize,
    /// Whether the screen is behind the model.
    behind: AtomicBool,
    seen: watch::Sender<Seen>,
    frames: Arc<Mutex<Vec<String>>>,
}

impl App for Watched {
    fn update(&mut self, message: Message, now: Timestamp) -> Vec<Effect> {
        if matches!(message, Message::Key(_) | Message::Paste(_) | Message::Resize(_)) {
            self.taken += 1;
        }
        App::update(&mut self.model, message, now)
    }

    fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        App::next_wake(&self.model, now)
    }

    fn take_dirty(&mut self) -> bool {
        let dirty = self.model.take_dirty();
        if dirty {
            self.behind.store(true, Ordering::SeqCst);
        } else if !self.behind.load(Ordering::SeqCst) {
            // Nothing to draw: the screen answers what was typed already.
            let taken = self.taken;
            self.seen.send_if_modified(|seen| std::mem::replace(&mut seen.answered, taken) != taken);
        }
        dirty
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        App::draw(&self.model, frame);
        let text = text_of(frame.buffer_mut());
        self.frames.lock().unwrap().push(text.clone());
        self.behind.store(false, Ordering::SeqCst);
        self.seen.send_replace(Seen { text, answered: self.taken });
    }
}

fn text_of(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    buffer.content.chunks(width).fold(String::new(), |text, row| text + line_of(row).trim_end() + "\n")
}

/// A wide character takes two cells, and stands in the first.
fn line_of(row: &[Cell]) -> String {
    let mut cells = row.iter();
    let mut line = String::new();
    while let Some(cell) = cells.next() {
        line.push_str(cell.symbol());
        for _ in 1..cell.symbol().width() {
            cells.next();
        }
    }
    line
}

/// A terminal that is always there and takes everything.
struct Quiet;

impl TerminalControl for Quiet {
    fn raw(&self) -> io::Result<()> {
        Ok(())
    }

    fn cooked(&self) -> io::Result<()> {
        Ok(())
    }

    fn send(&self, _: &'static [u8]) -> io::Result<()> {
        Ok(())
    }

    fn size(&self) -> Option<Size> {
        Some(SIZE)
    }

    fn is_gone(&self) -> bool {
        false
    }

    fn stop(&self) {}
}

/// A running interface, with the hands and the eyes of the person before it.
pub struct Interface {
    keys: mpsc::Sender<Message>,
    signals: SignalSender,
    typed: usize,
    seen: watch::Receiver<Seen>,
    frames: Arc<Mutex<Vec<String>>>,
    ended: JoinHandle<Exit>,
}

impl Interface {
    /// Starts the interface in a profile, in Brisbane, on 80 by 24 cells.
    pub async fn open(profile: &Profile) -> Self {
        Self::open_with(profile, SIZE).await
    }

    /// Starts it on a screen of this size.
    pub async fn open_with(profile: &Profile, size: Size) -> Self {
        Self::open_in(profile.workspace(), size).await
    }

    /// Starts it in a workspace.
    pub async fn open_in(workspace: Workspace, size: Size) -> Self {
        let zone = TimeZone::get("Australia/Brisbane").unwrap();
        let start = Start {
            size,
            zone,
            theme: Theme::default(),
            demo: false,
            systemd: true,
            prefill: Draft::default(),
            keys: KeyMap::default(),
            tip: None,
        };
        let (model, effects) = Model::new(start);
        let (watched, seen) = watch::channel(Seen::default());
        let frames = Arc::new(Mutex::new(Vec::new()));
        let (keys, input) = Input::channel();
        let (signals, receiver) = mpsc::unbounded_channel();
        let parts = LoopParts {
            canvas: Canvas::immediate(Terminal::new(TestBackend::new(size.width, size.height)).unwrap(), size),
            session: Session::enter(Quiet, true).unwrap(),
            input,
            signals: receiver,
            outside: Arc::new(Effects::new(workspace.asking_nobody())),
            clock: Timestamp::now,
        };
        let mut app =
            Watched { model, taken: 0, behind: AtomicBool::new(true), seen: watched, frames: Arc::clone(&frames) };
        let ended = tokio::spawn(async move { event_loop::run(&mut app, effects, parts).await });
        let mut interface = Self { keys, signals, typed: 0, seen, frames, ended };
        let screens = ["Integrations", "Credentials", "1 Sync"];
        interface.wait("the first screen", |screen| screens.iter().any(|words| screen.contains(words))).await;
        interface
    }

    async fn send(&mut self, message: Message) {
        self.put(message).await;
        self.be_answered().await;
    }

    async fn put(&mut self, message: Message) {
        self.keys.send(message).await.unwrap();
        self.typed += 1;
    }

    async fn be_answered(&mut self) {
        let typed = self.typed;
        let answered = tokio::time::timeout(PATIENCE, self.seen.wait_for(|seen| seen.answered >= typed)).await.is_ok();
        // A key that ends the program is answered by its end.
        assert!(answered, "a key was never answered; the screen:\n{}", self.screen());
    }

    /// Every screen so far.
    pub fn frames(&self) -> Vec<String> {
        self.frames.lock().unwrap().clone()
    }

    /// Loses the line, and waits for the end.
    pub async fn hang_up(self) {
        self.signals.send(Signal::Hangup).unwrap();
        assert_eq!(self.ended.await.unwrap(), Exit::HungUp);
    }

    /// Leaves with Ctrl-C, and waits for the end.
    pub async fn leave(mut self) {
        self.press("^C").await;
        if self.screen().contains("Quit now?") {
            self.press("^C").await;
        }
        let ended = tokio::time::timeout(PATIENCE, self.ended).await;
        assert_eq!(ended.expect("the program ends").unwrap(), Exit::Quit);
    }
}

impl Person for Interface {
    async fn press(&mut self, keys: &str) {
        for name in keys.split_whitespace() {
            self.send(Message::Key(key(name))).await;
        }
    }

    async fn type_text(&mut self, text: &str) {
        for character in text.chars() {
            self.put(Message::Key(KeyEvent::from(KeyCode::Char(character)))).await;
        }
        self.be_answered().await;
    }

    async fn paste(&mut self, text: &str) {
        self.send(Message::Paste(Secret::new(text))).await;
    }

    async fn wait(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let came = tokio::time::timeout(PATIENCE, self.seen.wait_for(|seen| holds(&seen.text)))
            .await
            .is_ok_and(|seen| seen.is_ok());
        assert!(came, "waited in vain for {what:?}; the screen:\n{}", self.screen());
    }

    fn screen(&self) -> String {
        self.seen.borrow().text.clone()
    }
}

fn key(name: &str) -> KeyEvent {
    let code = match name {
        "Enter" => KeyCode::Enter,
        "Space" => KeyCode::Char(' '),
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Shift-Tab" => return KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT),
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "End" => KeyCode::End,
        "F1" => KeyCode::F(1),
        _ => {
            let mut letters = name.chars();
            return match (letters.next(), letters.next(), letters.next()) {
                (Some(letter), None, None) => KeyEvent::from(KeyCode::Char(letter)),
                (Some('^'), Some(letter), None) => {
                    KeyEvent::new(KeyCode::Char(letter.to_ascii_lowercase()), KeyModifiers::CONTROL)
                }
                _ => panic!("no key is named {name}"),
            };
        }
    };
    KeyEvent::from(code)
}
