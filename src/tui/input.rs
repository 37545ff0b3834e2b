//! Keys, pastes and sizes, as messages.
//!
//! The terminal is read by a thread of its own, because a read of it cannot be stopped, and parsed by `Keyboard`.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures_util::Stream;
use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use zeroize::{Zeroize as _, Zeroizing};

use super::keyboard::Keyboard;
use super::session::{OwnTerminal, TerminalControl as _};

use crate::app::message::Message;
use crate::domain::secret::Secret;

/// Faster than this nobody types.
const BURST_GAP: Duration = Duration::from_millis(5);
/// So many characters at that speed are a paste. Fewer may be a slow line that delivers two keys in one packet.
const BURST_LENGTH: usize = 3;
/// Characters that are held back at most, so that a stuck key is shown in the end.
const HELD: usize = 16 * 1024;
/// A paste whose end has not come for so long is told, and told again while it stays open: no key does anything then.
const PASTE_TOLD: Duration = Duration::from_secs(2);
const PASTE_TOLD_AGAIN: Duration = Duration::from_secs(5);
/// Key presses that may wait for the loop; beyond, they wait in the terminal.
const WAITING: usize = 256;

/// The messages of the person at the terminal.
pub struct Input {
    receiver: mpsc::Receiver<Message>,
    /// Tells that the window has another size; none where nobody watches.
    resized: Option<Signal>,
}

impl Input {
    /// A hand that types, and the input that it types into.
    pub fn channel() -> (mpsc::Sender<Message>, Self) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (sender, Self { receiver, resized: None })
    }

    /// Reads the terminal until it ends.
    pub fn from_terminal() -> std::io::Result<Self> {
        let (sender, mut input) = Self::channel();
        input.resized = Some(signal(SignalKind::window_change())?);
        std::thread::Builder::new().name("keys".to_owned()).spawn(move || read_terminal(&sender))?;
        Ok(input)
    }
}

impl Stream for Input {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        if let Poll::Ready(message) = self.receiver.poll_recv(context) {
            return Poll::Ready(message);
        }
        while let Some(Poll::Ready(Some(()))) = self.resized.as_mut().map(|resized| resized.poll_recv(context)) {
            if let Some(message) = OwnTerminal.size().and_then(resize) {
                return Poll::Ready(Some(message));
            }
        }
        Poll::Pending
    }
}

/// As much as is read at once.
const ROOM: usize = 4 * 1024;

fn read_terminal(sender: &mpsc::Sender<Message>) {
    let (mut keyboard, mut burst, mut open) = (Keyboard::default(), PasteBurst::default(), OpenPaste::default());
    let mut room = Zeroizing::new([0; ROOM]);
    let mut events = Vec::new();
    // When the rest of a sequence is not waited for any longer.
    let mut unfinished = None;
    let mut heard = Instant::now();
    loop {
        let count = match read_until(unfinished.into_iter().chain(burst.due()).chain(open.due()).min(), &mut room[..]) {
            Ok(count) => count,
            Err(error) => {
                tracing::info!(%error, "the terminal gives no more keys");
                return;
            }
        };
        let now = Instant::now();
        if count > 0 {
            keyboard.accept_all(&room[..count], now.duration_since(heard), &mut events);
            room[..count].zeroize();
            heard = now;
            unfinished = keyboard.patience().map(|patience| now + patience);
        } else if unfinished.is_some_and(|due| due <= now) {
            keyboard.silence(&mut events);
            unfinished = None;
        }
        let mut messages: Vec<Message> = events.drain(..).flat_map(|event| burst.accept(event, now)).collect();
        if burst.due().is_some_and(|due| due <= now) {
            messages.extend(burst.flush());
        }
        if open.is_due(keyboard.is_pasting(), now) {
            messages.push(Message::PasteOpen);
        }
        for message in messages {
            if sender.blocking_send(message).is_err() {
                return;
            }
        }
    }
}

/// When a paste without an end is told: whatever is typed meanwhile is taken for a part of it.
#[derive(Default)]
struct OpenPaste {
    due: Option<Instant>,
}

impl OpenPaste {
    fn due(&self) -> Option<Instant> {
        self.due
    }

    fn is_due(&mut self, is_open: bool, now: Instant) -> bool {
        let due = is_open.then(|| self.due.unwrap_or(now + PASTE_TOLD));
        let is_due = due.is_some_and(|due| due <= now);
        self.due = if is_due { Some(now + PASTE_TOLD_AGAIN) } else { due };
        is_due
    }
}

/// Reads what the terminal has; nothing when `due` comes first.
fn read_until(due: Option<Instant>, room: &mut [u8]) -> std::io::Result<usize> {
    let terminal = rustix::stdio::stdin();
    loop {
        let wait = due.map(|due| due.saturating_duration_since(Instant::now()));
        // Rounded up, so that what is due then is due.
        let wait = wait.and_then(|wait| Timespec::try_from(wait + Duration::from_micros(50)).ok());
        match poll(&mut [PollFd::new(&terminal, PollFlags::IN)], wait.as_ref()) {
            Ok(0) if wait.is_some() => return Ok(0),
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match rustix::io::read(terminal, &mut *room) {
            Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => return Ok(count),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tells typing from pasting where the terminal does not mark a paste: a newline at the heels of quick characters
/// belongs to a paste and must not submit a form, and a word pasted where no text is taken must not run commands.
///
/// Characters are held back until a gap follows, five milliseconds that nobody notices, so that they arrive together,
/// as one [`Message::Burst`]. It is only a guess: a line that stalled delivers what was typed meanwhile just so. So a
/// burst is written behind what stands there and replaces nothing, as a marked [`Message::Paste`] may.
///
/// What is held back may be a secret: it is erased afterwards, and its room never grows, which would leave copies.
pub struct PasteBurst {
    held: Zeroizing<Vec<char>>,
    /// The keys of the characters, without the characters.
    keys: Vec<KeyEvent>,
    last: Option<Instant>,
    /// The terminal marks its pastes itself, so quick characters are typing after all; but for the newline behind them.
    marked: bool,
}

impl Default for PasteBurst {
    fn default() -> Self {
        Self { held: Zeroizing::new(Vec::with_capacity(HELD)), keys: Vec::new(), last: None, marked: false }
    }
}

impl PasteBurst {
    /// Takes an event that arrived at `now`.
    pub fn accept(&mut self, event: Event, now: Instant) -> Vec<Message> {
        if let Event::Key(KeyEvent { kind: KeyEventKind::Release, .. }) = event {
            return Vec::new();
        }
        let is_over = self.due().is_some_and(|due| due < now) || self.held.len() >= HELD;
        let mut messages = if is_over { self.flush() } else { Vec::new() };
        match event {
            Event::Key(key) => match typed_character(key) {
                // Enter by itself, as people press it, waits for nothing.
                Some(character) if character != '\n' || !self.held.is_empty() => {
                    self.held.push(character);
                    self.keys.push(without_character(key));
                    self.last = Some(now);
                }
                _ => {
                    messages.extend(self.flush());
                    messages.push(Message::Key(key));
                }
            },
            _ => {
                messages.extend(self.flush());
                self.marked |= matches!(event, Event::Paste(_));
                messages.extend(plain_message(event));
            }
        }
        messages
    }

    /// When [`PasteBurst::flush`] is due, if nothing arrives before.
    pub fn due(&self) -> Option<Instant> {
        self.last.map(|last| last + BURST_GAP)
    }

    /// Ends a burst: what it held back, as keys or as a paste.
    pub fn flush(&mut self) -> Vec<Message> {
        self.last = None;
        let keys = std::mem::take(&mut self.keys);
        let before_newline = self.held.iter().position(|character| *character == '\n').unwrap_or(self.held.len());
        let messages = if before_newline >= BURST_LENGTH && !self.marked {
            let mut text = String::with_capacity(self.held.iter().map(|character| character.len_utf8()).sum());
            text.extend(self.held.iter());
            vec![Message::Burst(Secret::new(text))]
        } else {
            let message = |(place, (key, at)): (usize, (KeyEvent, &char))| match at {
                '\n' if place >= BURST_LENGTH => Message::QuickEnter,
                at => Message::Key(with_character(key, *at)),
            };
            keys.into_iter().zip(self.held.iter()).enumerate().map(message).collect()
        };
        // Erases the whole room and keeps it.
        self.held.zeroize();
        messages
    }
}

/// A key that no longer tells what it typed.
fn without_character(mut key: KeyEvent) -> KeyEvent {
    if typed_character(key).is_some_and(|character| key.code == KeyCode::Char(character)) {
        key.code = KeyCode::Null;
    }
    key
}

/// Undoes [`without_character`].
fn with_character(mut key: KeyEvent, character: char) -> KeyEvent {
    if key.code == KeyCode::Null {
        key.code = KeyCode::Char(character);
    }
    key
}

/// The character that a key types; a newline for Enter and for Ctrl-J, which is what a raw newline reads as.
fn typed_character(key: KeyEvent) -> Option<char> {
    match key.code {
        KeyCode::Enter if key.modifiers.is_empty() => Some('\n'),
        KeyCode::Char('j') if key.modifiers == KeyModifiers::CONTROL => Some('\n'),
        KeyCode::Tab if key.modifiers.is_empty() => Some('\t'),
        KeyCode::Char(character) if (key.modifiers - KeyModifiers::SHIFT).is_empty() => Some(character),
        _ => None,
    }
}

fn plain_message(event: Event) -> Option<Message> {
    match event {
        Event::Paste(text) => Some(Message::Paste(Secret::new(text))),
        Event::Resize(width, height) => resize(Size::new(width, height)),
        Event::Key(_) | Event::Mouse(_) | Event::FocusGained | Event::FocusLost => None,
    }
}

/// A terminal that hangs up reports no size at all before it is gone.
fn resize(size: Size) -> Option<Message> {
    (size.width > 0 && size.height > 0).then_some(Message::Resize(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds keys, each with its distance in milliseconds from the one before, and ends the burst.
    fn type_keys(burst: &mut PasteBurst, keys: &[(u64, KeyCode)]) -> Vec<Message> {
        let mut now = Instant::now();
        let mut messages = Vec::new();
        for (distance, code) in keys {
            now += Duration::from_millis(*distance);
            if burst.due().is_some_and(|due| due < now) {
                messages.extend(burst.flush());
            }
            messages.extend(burst.accept(Event::Key(KeyEvent::new(*code, KeyModifiers::NONE)), now));
        }
        messages.extend(burst.flush());
        messages
    }

    fn key(code: KeyCode) -> Message {
        Message::Key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    const fn quick(character: char) -> (u64, KeyCode) {
        (1, KeyCode::Char(character))
    }

    #[test]
    fn newline_at_heels_of_quick_characters_does_not_submit() {
        let keys = [quick('a'), quick('b'), quick('c'), (1, KeyCode::Enter)];
        let messages = type_keys(&mut PasteBurst::default(), &keys);
        assert_eq!(messages, [Message::Burst(Secret::new("abc\n"))]);
    }

    #[test]
    fn several_lines_arrive_as_one_paste() {
        let keys = [quick('a'), quick('b'), quick('c'), (0, KeyCode::Enter), quick('d'), (2, KeyCode::Enter)];
        let messages = type_keys(&mut PasteBurst::default(), &keys);
        assert_eq!(messages, [Message::Burst(Secret::new("abc\nd\n"))]);
    }

    #[test]
    fn typing_and_then_enter_submits() {
        let keys = [(80, KeyCode::Char('a')), (80, KeyCode::Char('b')), (80, KeyCode::Char('c')), (80, KeyCode::Enter)];
        let messages = type_keys(&mut PasteBurst::default(), &keys);
        assert_eq!(messages, keys.map(|(_, code)| key(code)));
        // A line that delivers two keys in one packet is no paste.
        let keys = [(80, KeyCode::Char('y')), (0, KeyCode::Enter)];
        assert_eq!(type_keys(&mut PasteBurst::default(), &keys), keys.map(|(_, code)| key(code)));
    }

    #[test]
    fn quick_characters_arrive_together_and_two_of_them_as_keys() {
        let keys = [quick('a'), quick('b'), quick('c'), (1, KeyCode::Tab), quick('d'), (1, KeyCode::Down)];
        let messages = type_keys(&mut PasteBurst::default(), &keys);
        assert_eq!(messages, [Message::Burst(Secret::new("abc\td")), key(KeyCode::Down)]);
        let keys = [quick('1'), quick('s'), (1, KeyCode::Down)];
        assert_eq!(type_keys(&mut PasteBurst::default(), &keys), keys.map(|(_, code)| key(code)));
    }

    #[test]
    fn enter_works_again_once_burst_is_over() {
        let keys = [quick('a'), quick('b'), quick('c'), (1, KeyCode::Enter), (50, KeyCode::Enter)];
        let messages = type_keys(&mut PasteBurst::default(), &keys);
        assert_eq!(messages, [Message::Burst(Secret::new("abc\n")), key(KeyCode::Enter)]);
    }

    #[test]
    fn pasted_secret_is_held_in_one_place_and_erased() {
        let mut burst = PasteBurst::default();
        let place = burst.held.as_ptr();
        let keys: Vec<_> =
            std::iter::repeat_n('s', HELD).map(|character| KeyEvent::from(KeyCode::Char(character))).collect();
        let now = Instant::now();
        for key in &keys {
            assert_eq!(burst.accept(Event::Key(*key), now), []);
        }
        assert!(burst.keys.iter().all(|key| key.code == KeyCode::Null));
        let messages = burst.accept(Event::Key(KeyEvent::from(KeyCode::Enter)), now);
        assert_eq!(messages.len(), 2, "{HELD} characters and the Enter after them");
        assert_eq!((burst.held.as_ptr(), burst.held.len(), burst.keys.len()), (place, 0, 0));
    }

    #[test]
    fn keys_come_out_as_they_went_in() {
        let keys = [
            [KeyEvent::new(KeyCode::Char('J'), KeyModifiers::SHIFT), KeyEvent::new(KeyCode::Tab, KeyModifiers::NONE)],
            [
                KeyEvent::new_with_kind(KeyCode::Char('é'), KeyModifiers::NONE, KeyEventKind::Repeat),
                KeyEvent::new(KeyCode::Char(' '), KeyModifiers::NONE),
            ],
        ];
        let mut burst = PasteBurst::default();
        let now = Instant::now();
        for pair in keys {
            for key in pair {
                assert_eq!(burst.accept(Event::Key(key), now), []);
            }
            assert_eq!(burst.flush(), pair.map(Message::Key));
        }
        let newline = [KeyEvent::from(KeyCode::Char('a')), KeyEvent::new(KeyCode::Char('j'), KeyModifiers::CONTROL)];
        let now = Instant::now();
        for key in newline {
            assert_eq!(burst.accept(Event::Key(key), now), []);
        }
        assert_eq!(burst.flush(), newline.map(Message::Key));
    }

    #[test]
    fn enter_by_itself_is_not_held_back() {
        let event = Event::Key(KeyEvent::from(KeyCode::Enter));
        assert_eq!(PasteBurst::default().accept(event, Instant::now()), [key(KeyCode::Enter)]);
    }

    /// However much is typed into it, it is told after two seconds, and no other paste is.
    #[test]
    fn paste_without_end_is_told() {
        let (mut open, began) = (OpenPaste::default(), Instant::now());
        let mut at = |is_open, milliseconds| open.is_due(is_open, began + Duration::from_millis(milliseconds));
        let told: Vec<u64> = (0..100).map(|tenth| tenth * 100).filter(|moment| at(true, *moment)).collect();
        assert_eq!(told, [2_000, 7_000]);
        assert!(!at(false, 12_000) && !at(true, 13_000) && !at(true, 14_999) && at(true, 15_000));
        assert_eq!(open.due(), Some(began + Duration::from_secs(20)));
    }

    #[test]
    fn terminal_that_marks_pastes_is_believed() {
        let mut burst = PasteBurst::default();
        let pasted = burst.accept(Event::Paste("x\ny".to_owned()), Instant::now());
        assert_eq!(pasted, [Message::Paste(Secret::new("x\ny"))]);
        let keys = [quick('a'), quick('b'), quick('c'), (1, KeyCode::Enter)];
        let typed = [KeyCode::Char('a'), KeyCode::Char('b'), KeyCode::Char('c')].map(key);
        // It may paste unmarked all the same: the newline is told as one that nobody need have pressed.
        let expected: Vec<Message> = typed.into_iter().chain([Message::QuickEnter]).collect();
        assert_eq!(type_keys(&mut burst, &keys), expected);
        assert_eq!(type_keys(&mut burst, &[(50, KeyCode::Enter)]), [key(KeyCode::Enter)]);
    }

    #[test]
    fn releases_focus_and_empty_sizes_are_no_messages() {
        let mut burst = PasteBurst::default();
        let release = KeyEvent::new_with_kind(KeyCode::Enter, KeyModifiers::NONE, KeyEventKind::Release);
        for event in [Event::Key(release), Event::FocusGained, Event::Resize(0, 0)] {
            assert_eq!(burst.accept(event, Instant::now()), []);
        }
        let repeat = KeyEvent::new_with_kind(KeyCode::Down, KeyModifiers::NONE, KeyEventKind::Repeat);
        assert_eq!(burst.accept(Event::Key(repeat), Instant::now()), [Message::Key(repeat)]);
        assert_eq!(burst.accept(Event::Resize(1, 2), Instant::now()), [Message::Resize(Size::new(1, 2))]);
    }
}
