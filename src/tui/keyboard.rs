//! The grammar of what a terminal sends: text, keys, pastes, reports.
//!
//! Ours, because crossterm 0.29 waits for ever for the end of a report that it does not know, and swallows every key
//! after it, Ctrl-C too; and the kept parsers (vte, vtparse) read what programs send to a terminal, where a lone Escape,
//! Alt and SS3 mean other things. Here each sequence ends at its final byte, whatever it means, and silence ends what
//! has none. Bytes may come in any pieces.

use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use zeroize::{Zeroize as _, Zeroizing};

/// After so long an Escape is a key of its own. A slow line splits a sequence more seldom than people press Escape.
const LONE_ESCAPE: Duration = Duration::from_millis(50);

/// After so much silence the rest of a sequence does not come any more.
const UNFINISHED: Duration = Duration::from_millis(500);

/// The same for the end of a paste, which may come over a line that stalls.
const UNCLOSED: Duration = Duration::from_secs(10);

/// A terminal does not rest so long within a paste before a single Ctrl-C: that is the key, and the end of the paste was lost.
const PRESSED: Duration = Duration::from_millis(500);

/// The longest sequence that means a key. What is longer is read to its end and means nothing.
const LONGEST: usize = 32;

/// As much of a paste as is kept: fields take far less.
const LONGEST_PASTE: usize = 1 << 20;

/// As the terminal's mark, and with it as one byte or one character; the longest form is looked for first.
const PASTE_END: &[u8] = b"\x1b[201~";
const PASTE_ENDS: [&[u8]; 3] = [PASTE_END, b"\xc2\x9b201~", b"\x9b201~"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// Within a character of several bytes.
    Utf8,
    Escape,
    /// After ESC O: a key of the application's keypad.
    Ss3,
    Csi,
    /// After ESC [ [: a function key of the Linux console.
    Console,
    /// Within the three bytes of a mouse report of old.
    Mouse(u8),
    /// Within OSC, DCS, APC, PM or SOS, which end at ST, and OSC also at BEL.
    Words,
    /// After ESC within one of them: ST, if a backslash follows.
    WordsEscape,
    /// Between the two marks of a paste.
    Paste,
}

/// Reads bytes into events. Holds what is not whole yet; it may be a secret, and is erased.
pub struct Keyboard {
    state: State,
    /// The sequence or the character that is being read.
    held: Zeroizing<Vec<u8>>,
    paste: Zeroizing<Vec<u8>>,
    /// Whether the paste was begun by a control of eight bits: only then may one end it. Within another it is text.
    in_eight_bits: bool,
    alt: bool,
}

impl Default for Keyboard {
    fn default() -> Self {
        let held = Zeroizing::new(Vec::with_capacity(LONGEST));
        Self { state: State::Text, held, paste: Zeroizing::default(), in_eight_bits: false, alt: false }
    }
}

impl Keyboard {
    /// How long to wait for the next byte before [`Keyboard::silence`]; for ever between two keys.
    pub fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Text => None,
            State::Escape => Some(LONE_ESCAPE),
            State::Paste => Some(UNCLOSED),
            _ => Some(UNFINISHED),
        }
    }

    /// Whether a paste was begun whose end has not come.
    pub fn is_pasting(&self) -> bool {
        self.state == State::Paste
    }

    /// Nothing came for that long: what was begun has no end.
    pub fn silence(&mut self, events: &mut Vec<Event>) {
        match self.state {
            State::Escape => events.push(key(KeyCode::Esc)),
            State::Paste => self.end_paste(events),
            // Alt and one of the letters that begin a sequence.
            State::Ss3 | State::Csi | State::Words if self.held.len() == 1 && self.held[0].is_ascii() => {
                let letter = char::from(self.held[0]);
                events.push(Event::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::ALT)));
            }
            _ => {}
        }
        self.rest();
    }

    /// Takes what came at once, after so long a silence.
    pub fn accept_all(&mut self, bytes: &[u8], silence: Duration, events: &mut Vec<Event>) {
        if self.state == State::Paste && bytes == [0x03] && silence >= PRESSED {
            self.end_paste(events);
        }
        bytes.iter().for_each(|byte| self.accept(*byte, events));
    }

    /// Takes the next byte.
    fn accept(&mut self, byte: u8, events: &mut Vec<Event>) {
        match (self.state, byte) {
            (State::Paste, _) => self.accept_pasted(byte, events),
            // Whatever is being read: Ctrl-C is Ctrl-C.
            (State::Words | State::WordsEscape | State::Csi | State::Ss3 | State::Console, 0x03) => {
                self.rest();
                self.begin(byte, events);
            }
            (State::Text, _) => self.begin(byte, events),
            (State::Utf8, _) => self.accept_utf8(byte, events),
            (State::Escape, 0x1b) => events.push(key(KeyCode::Esc)),
            (State::Escape, _) => self.after_escape(byte, events),
            (State::Words, 0x1b) => self.state = State::WordsEscape,
            (State::Words, 0x07 | 0x18 | 0x1a) | (State::WordsEscape, b'\\') => self.rest(),
            // Elsewhere it is a part of a character.
            (State::Words, 0x9c) if self.held.first().is_some_and(|begun| !begun.is_ascii()) => self.rest(),
            (State::Words, _) => self.hold(byte),
            (State::WordsEscape, _) => {
                self.enter(State::Escape);
                self.accept(byte, events);
            }
            (State::Mouse(1), _) => self.rest(),
            (State::Mouse(left), _) => self.state = State::Mouse(left - 1),
            (_, 0x1b) => self.enter(State::Escape),
            (State::Ss3, b'0'..=b'9' | b';') => self.hold(byte),
            (State::Ss3, _) => {
                self.rest();
                events.extend(ss3(byte).map(key));
            }
            (State::Console, _) => {
                self.rest();
                events.extend(matches!(byte, b'A'..=b'E').then(|| key(KeyCode::F(1 + byte - b'A'))));
            }
            (State::Csi, 0x20..=0x3f) => self.hold(byte),
            (State::Csi, 0x40..=0x7e) => self.end_csi(byte, events),
            // No byte of a sequence: it ends here, and the byte counts for itself.
            (State::Csi, _) => {
                self.rest();
                self.begin(byte, events);
            }
        }
    }

    fn rest(&mut self) {
        self.enter(State::Text);
        self.alt = false;
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.held.zeroize();
    }

    fn hold(&mut self, byte: u8) {
        // One byte more than has a meaning, so that it has none.
        if self.held.len() <= LONGEST {
            self.held.push(byte);
        }
    }

    // What a sequence that was begun by one byte is known by: without an end it is no key with Alt.
    fn begun_by(&mut self, byte: u8) {
        self.held[0] = byte;
    }

    /// The first byte of a key, or of a character.
    fn begin(&mut self, byte: u8, events: &mut Vec<Event>) {
        let alt = if self.alt { KeyModifiers::ALT } else { KeyModifiers::NONE };
        let control = |letter: u8| KeyEvent::new(KeyCode::Char(char::from(letter)), KeyModifiers::CONTROL);
        let mut pressed = match byte {
            0x1b => return self.enter(State::Escape),
            // A control of eight bits is Escape and a letter in one byte.
            0x8f | 0x90 | 0x98 | 0x9b | 0x9d..=0x9f => {
                self.after_escape(byte - 0x40, events);
                return self.begun_by(byte);
            }
            0x80..=0xff => {
                self.enter(State::Utf8);
                return self.accept_utf8(byte, events);
            }
            b'\r' => KeyCode::Enter.into(),
            b'\t' => KeyCode::Tab.into(),
            0x7f => KeyCode::Backspace.into(),
            0 => control(b' '),
            0x01..=0x1a => control(byte - 1 + b'a'),
            0x1c..=0x1f => control(byte - 0x1c + b'4'),
            0x20..=0x7e => character(char::from(byte)),
        };
        pressed.modifiers |= alt;
        self.rest();
        events.push(Event::Key(pressed));
    }

    fn accept_utf8(&mut self, byte: u8, events: &mut Vec<Event>) {
        self.held.push(byte);
        match std::str::from_utf8(&self.held) {
            // The same control, written as a character.
            Ok(text) if text.chars().all(|sign| matches!(sign, '\u{80}'..='\u{9f}')) => {
                let control = self.held[1];
                self.enter(State::Text);
                self.begin(control, events);
            }
            Ok(text) => {
                let alt = if self.alt { KeyModifiers::ALT } else { KeyModifiers::NONE };
                let letters = text.chars().filter(|letter| !letter.is_control()).map(character);
                events.extend(
                    letters.map(|pressed| Event::Key(KeyEvent { modifiers: pressed.modifiers | alt, ..pressed })),
                );
                self.rest();
            }
            Err(error) if error.error_len().is_none() => {}
            // No character. A byte that can begin something else does.
            Err(_) => {
                let is_first = self.held.len() == 1;
                self.rest();
                if !is_first {
                    self.begin(byte, events);
                }
            }
        }
    }

    fn after_escape(&mut self, byte: u8, events: &mut Vec<Event>) {
        let next = match byte {
            b'[' => State::Csi,
            b'O' => State::Ss3,
            b']' | b'P' | b'X' | b'^' | b'_' => State::Words,
            _ => {
                self.rest();
                self.alt = true;
                return self.begin(byte, events);
            }
        };
        self.enter(next);
        self.hold(byte);
    }

    fn end_csi(&mut self, last: u8, events: &mut Vec<Event>) {
        let parameters = std::mem::take(&mut *self.held);
        self.rest();
        // The first byte is the bracket itself.
        match (&parameters[1..], last) {
            (b"", b'M') => self.state = State::Mouse(3),
            (b"", b'[') => self.state = State::Console,
            (b"200", b'~') => {
                self.state = State::Paste;
                self.in_eight_bits = !parameters[0].is_ascii();
            }
            (parameters, _) if parameters.len() < LONGEST => events.extend(csi(parameters, last).map(Event::Key)),
            _ => {}
        }
        self.held = Zeroizing::new(parameters);
        self.held.zeroize();
    }

    fn accept_pasted(&mut self, byte: u8, events: &mut Vec<Event>) {
        if self.paste.is_empty() {
            self.paste.reserve_exact(4096);
        }
        self.paste.push(byte);
        let ends = if self.in_eight_bits { &PASTE_ENDS[..] } else { &PASTE_ENDS[..1] };
        if let Some(end) = ends.iter().find(|end| self.paste.ends_with(end)) {
            let length = self.paste.len() - end.len();
            self.paste.truncate(length);
            self.end_paste(events);
        } else if self.paste.len() > LONGEST_PASTE + PASTE_END.len() {
            // The rest is too much for every field; only the end of it is looked for.
            let length = self.paste.len() - PASTE_END.len();
            self.paste.copy_within(length.., LONGEST_PASTE);
            self.paste.truncate(LONGEST_PASTE + PASTE_END.len());
        }
    }

    fn end_paste(&mut self, events: &mut Vec<Event>) {
        events.push(Event::Paste(String::from_utf8_lossy(&self.paste).into_owned()));
        self.paste.zeroize();
        self.paste = Zeroizing::default();
        self.rest();
    }
}

fn key(code: KeyCode) -> Event {
    Event::Key(code.into())
}

fn character(letter: char) -> KeyEvent {
    let shift = if letter.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    KeyEvent::new(KeyCode::Char(letter), shift)
}

/// The keys that both SS3 and CSI name by a letter.
fn lettered(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P' => KeyCode::F(1),
        b'Q' => KeyCode::F(2),
        b'S' => KeyCode::F(4),
        _ => return None,
    })
}

fn ss3(last: u8) -> Option<KeyCode> {
    match last {
        b'R' => Some(KeyCode::F(3)),
        b'M' => Some(KeyCode::Enter),
        _ => lettered(last),
    }
}

/// A key by its number and its modifiers; none for a release, or for what is no key.
fn csi(parameters: &[u8], last: u8) -> Option<KeyEvent> {
    let text = std::str::from_utf8(parameters).ok()?;
    // What begins with a mark of its own is a report: of the mouse, of a mode, of a colour scheme.
    if !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':')) {
        return None;
    }
    let mut fields = text.split(';').map(|field| field.split(':').map(|part| part.parse::<u32>().unwrap_or(0)));
    let first = fields.next().and_then(|mut parts| parts.next()).unwrap_or(0);
    let mut second = fields.next().into_iter().flatten();
    let modifiers = modifiers(second.next().unwrap_or(0));
    if second.next() == Some(3) {
        return None;
    }
    let third = fields.next().and_then(|mut parts| parts.next());
    let code = match (last, first) {
        (b'Z', _) => return Some(KeyEvent::new(KeyCode::BackTab, modifiers | KeyModifiers::SHIFT)),
        (b'u', _) => return typed(first, modifiers),
        (b'~', 27) => return typed(third?, modifiers),
        (b'~', _) => numbered(first)?,
        _ => lettered(last)?,
    };
    Some(KeyEvent::new(code, modifiers))
}

fn numbered(number: u32) -> Option<KeyCode> {
    let function = |number: u32| Some(KeyCode::F(u8::try_from(number).ok()?));
    match number {
        1 | 7 => Some(KeyCode::Home),
        2 => Some(KeyCode::Insert),
        3 => Some(KeyCode::Delete),
        4 | 8 => Some(KeyCode::End),
        5 => Some(KeyCode::PageUp),
        6 => Some(KeyCode::PageDown),
        11..=15 => function(number - 10),
        17..=21 => function(number - 11),
        23..=26 => function(number - 12),
        28..=29 => function(number - 13),
        31..=34 => function(number - 14),
        _ => None,
    }
}

/// A key by the number of its character, as newer terminals send it.
fn typed(number: u32, modifiers: KeyModifiers) -> Option<KeyEvent> {
    let shift = modifiers.contains(KeyModifiers::SHIFT);
    let code = match number {
        13 | 57414 => KeyCode::Enter,
        27 => KeyCode::Esc,
        9 if shift => KeyCode::BackTab,
        9 => KeyCode::Tab,
        8 | 127 => KeyCode::Backspace,
        // Keys without a character, by the numbers of the kitty keyboard protocol.
        57344..=63743 => return None,
        _ => {
            let letter = char::try_from(number).ok().filter(|letter| !letter.is_control())?;
            KeyCode::Char(if shift { letter.to_uppercase().next().unwrap_or(letter) } else { letter })
        }
    };
    Some(KeyEvent::new(code, modifiers))
}

fn modifiers(parameter: u32) -> KeyModifiers {
    const IN_ORDER: [KeyModifiers; 6] = [
        KeyModifiers::SHIFT,
        KeyModifiers::ALT,
        KeyModifiers::CONTROL,
        KeyModifiers::SUPER,
        KeyModifiers::HYPER,
        KeyModifiers::META,
    ];
    let mask = parameter.saturating_sub(1);
    IN_ORDER.into_iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, modifier)| modifier).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::fuzz::{like, lines, tries};

    fn read(bytes: &[u8]) -> Vec<Event> {
        let (mut keyboard, mut events) = (Keyboard::default(), Vec::new());
        bytes.iter().for_each(|byte| keyboard.accept(*byte, &mut events));
        if keyboard.patience().is_some() {
            keyboard.silence(&mut events);
        }
        assert_eq!(keyboard.patience(), None);
        events
    }

    fn with(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    const UNKNOWN: [&[u8]; 36] = [
        b"\x9b?1n",
        b"\x9b?997;1n",
        b"\x8fz",
        b"\x9d11;rgb:0000/0000/0000\x9c",
        "\u{9b}?1n".as_bytes(),
        "\u{9d}11;rgb:0000/0000/0000\u{9c}".as_bytes(),
        b"\x1b[?997;1n",
        b"\x1b[?2026;2$y",
        b"\x1b[?1;2c",
        b"\x1b[>0;276;0c",
        b"\x1b[24;80R",
        b"\x1b[99~",
        b"\x1b[I",
        b"\x1b[O",
        b"\x1b[201~",
        b"\x1b[<0;10;10M",
        b"\x1b[<0;10;10m",
        b"\x1b[32;10;10M",
        b"\x1b[M !!",
        b"\x1b[M\xff\xff\x03",
        b"\x1b[8;24;80t",
        b"\x1b[48;24;80;400;800t",
        b"\x1b[?u",
        b"\x1b[1;1:3A",
        b"\x1b[57441;1u",
        b"\x1b[[Z",
        b"\x1bOz",
        b"\x1b]11;rgb:0000/0000/0000\x07",
        b"\x1b]52;c;aGk=\x1b\\",
        b"\x1bP1$r0m\x1b\\",
        b"\x1bP>|tmux 3.4\x1b\\",
        b"\x1b_Gi=31;OK\x1b\\",
        b"\x1b^private\x1b\\",
        b"\x1bXstart\x1b\\",
        b"\x1b[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19A",
        b"\x1b[ q",
    ];

    #[test]
    fn unknown_report_ends_at_its_final_byte_and_no_key_is_lost() {
        for unknown in UNKNOWN {
            let shown = String::from_utf8_lossy(unknown).into_owned();
            assert_eq!(read(unknown), [], "{shown:?}");
            let events = read(&[b"a", unknown, b"b\x03"].concat());
            let wanted =
                [key(KeyCode::Char('a')), key(KeyCode::Char('b')), with(KeyCode::Char('c'), KeyModifiers::CONTROL)];
            assert_eq!(events, wanted, "{shown:?}");
        }
    }

    #[test]
    fn keys_are_known_in_every_spelling() {
        let (shift, alt, control) = (KeyModifiers::SHIFT, KeyModifiers::ALT, KeyModifiers::CONTROL);
        for (bytes, wanted) in [
            (&b"\x1b[A"[..], key(KeyCode::Up)),
            (b"\x1bOB", key(KeyCode::Down)),
            (b"\x1b[1;5C", with(KeyCode::Right, control)),
            (b"\x1b[1;3D", with(KeyCode::Left, alt)),
            (b"\x1b[H", key(KeyCode::Home)),
            (b"\x1b[8~", key(KeyCode::End)),
            (b"\x1b[3;5~", with(KeyCode::Delete, control)),
            (b"\x1b[5~", key(KeyCode::PageUp)),
            (b"\x1b[6~", key(KeyCode::PageDown)),
            (b"\x1b[Z", with(KeyCode::BackTab, shift)),
            (b"\x1bOP", key(KeyCode::F(1))),
            (b"\x1bOR", key(KeyCode::F(3))),
            (b"\x1b[[E", key(KeyCode::F(5))),
            (b"\x1b[15~", key(KeyCode::F(5))),
            (b"\x1b[17~", key(KeyCode::F(6))),
            (b"\x1b[21~", key(KeyCode::F(10))),
            (b"\x1b[24~", key(KeyCode::F(12))),
            (b"\x1b[1;1:1A", key(KeyCode::Up)),
            (b"\x1b[97;5u", with(KeyCode::Char('a'), control)),
            (b"\x1b[97;2u", with(KeyCode::Char('A'), shift)),
            (b"\x1b[27;5;13~", with(KeyCode::Enter, control)),
            (b"\x1b[9;2u", with(KeyCode::BackTab, shift)),
            (b"\r", key(KeyCode::Enter)),
            (b"\n", with(KeyCode::Char('j'), control)),
            (b"\t", key(KeyCode::Tab)),
            (b"\x7f", key(KeyCode::Backspace)),
            (b"\0", with(KeyCode::Char(' '), control)),
            (b"\x1c", with(KeyCode::Char('4'), control)),
            (b"\x1a", with(KeyCode::Char('z'), control)),
            (b"Q", with(KeyCode::Char('Q'), shift)),
            ("é".as_bytes(), key(KeyCode::Char('é'))),
            ("京".as_bytes(), key(KeyCode::Char('京'))),
            (b"\x1bx", with(KeyCode::Char('x'), alt)),
            ("\x1bé".as_bytes(), with(KeyCode::Char('é'), alt)),
            (b"\x1b\r", with(KeyCode::Enter, alt)),
            (b"\x1b\x7f", with(KeyCode::Backspace, alt)),
            (b"\x1b/", with(KeyCode::Char('/'), alt)),
            (b"\x1b", key(KeyCode::Esc)),
            // Alt with a letter that begins a sequence, once nothing follows.
            (b"\x1bP", with(KeyCode::Char('P'), alt)),
            (b"\x1b[", with(KeyCode::Char('['), alt)),
            (b"\x1bO", with(KeyCode::Char('O'), alt)),
        ] {
            assert_eq!(read(bytes), [wanted], "{:?}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(read(b"\x1b\x1b[A"), [key(KeyCode::Esc), key(KeyCode::Up)]);
        assert_eq!(read(b"\x1b\x1b"), [key(KeyCode::Esc), key(KeyCode::Esc)]);
        for no_text in [&b"\xe9"[..], b"\x9b", b"\xff\xfe", b"\xc3", b"\xc2\x9b"] {
            assert_eq!(read(no_text), [], "{no_text:?}");
        }
        assert_eq!(read(b"\xc3Z"), [with(KeyCode::Char('Z'), shift)]);
    }

    #[test]
    fn paste_is_taken_whole_and_ends_at_its_mark_or_in_silence() {
        let pasted = |text: &str| Event::Paste(text.to_owned());
        let text = "a\r\n\x1b[A\x1b]0;x\x07\x03é";
        assert_eq!(read(format!("\x1b[200~{text}\x1b[201~q").as_bytes()), [pasted(text), key(KeyCode::Char('q'))]);
        assert_eq!(read(b"\x1b[200~never closed"), [pasted("never closed")]);
        let long = "x".repeat(LONGEST_PASTE + 5_000);
        let events = read(format!("\x1b[200~{long}\x1b[201~q").as_bytes());
        let [Event::Paste(cut), last] = events.as_slice() else { panic!("{} events", events.len()) };
        assert!(cut.len() >= LONGEST_PASTE && cut.len() < long.len());
        assert_eq!(*last, key(KeyCode::Char('q')));
    }

    /// A mark ends a paste that began with one of its kind; within others it is text, which cannot get out of its paste.
    #[test]
    fn paste_in_eight_bits_ends_at_its_mark() {
        let (pasted, letter) = (|text: &str| Event::Paste(text.to_owned()), key(KeyCode::Char('q')));
        for begin in [&b"\x9b200~"[..], b"\xc2\x9b200~"] {
            for end in PASTE_ENDS {
                assert_eq!(
                    read(&[begin, b"evil", end, b"q"].concat()),
                    [pasted("evil"), letter.clone()],
                    "{begin:?} {end:?}"
                );
            }
        }
        let inside = "evil\u{9b}201~";
        assert_eq!(read(format!("\x1b[200~{inside}\x1b[201~q").as_bytes()), [pasted(inside), letter]);
    }

    /// Whoever waits in vain for the end of a paste presses it more than once: each time would put the end of the wait off.
    #[test]
    fn interrupt_by_itself_ends_paste_that_has_no_end() {
        let interrupt = with(KeyCode::Char('c'), KeyModifiers::CONTROL);
        let pasting = |next: &[u8], silence| {
            let (mut keyboard, mut events) = (Keyboard::default(), Vec::new());
            keyboard.accept_all(b"\x1b[200~pasted", Duration::ZERO, &mut events);
            keyboard.accept_all(next, silence, &mut events);
            events
        };
        let half_a_second = Duration::from_millis(500);
        for silence in [half_a_second, Duration::from_secs(9)] {
            assert_eq!(
                pasting(b"\x03", silence),
                [Event::Paste("pasted".to_owned()), interrupt.clone()],
                "{silence:?}"
            );
        }
        // As a part of what is pasted it is text, also where the line stalls before it.
        let before = half_a_second - Duration::from_millis(1);
        for (part, silence) in [(&b"\x03"[..], before), (b"\x03x", half_a_second), (b"q", half_a_second)] {
            assert_eq!(pasting(part, silence), [], "{part:?}");
        }
    }

    #[test]
    fn interrupt_is_heard_inside_every_sequence_but_paste() {
        let interrupt = with(KeyCode::Char('c'), KeyModifiers::CONTROL);
        for begun in [&b"\x1b["[..], b"\x1b[?99", b"\x1bO", b"\x1b]11;", b"\x1bP", b"\x1b_x", b"\x1b[[", b"\xe4\xba"] {
            assert_eq!(read(&[begun, b"\x03"].concat()), std::slice::from_ref(&interrupt), "{begun:?}");
        }
    }

    proptest! {
        #![proptest_config(tries())]

        /// The same for what terminals really send, garbled; and no paste is more than a field could want.
        #[test]
        fn fuzzed_keys_leave_keyboard_alive(bytes in like(lines(include_str!("../../tests/corpus/keys.txt")))) {
            let (mut keyboard, mut events) = (Keyboard::default(), Vec::new());
            bytes.iter().for_each(|byte| keyboard.accept(*byte, &mut events));
            if keyboard.patience().is_some() {
                keyboard.silence(&mut events);
            }
            prop_assert!(keyboard.patience().is_none() && keyboard.held.is_empty() && keyboard.paste.is_empty());
            prop_assert!(events.len() <= bytes.len(), "more keys than bytes: {events:?}");
            events.clear();
            keyboard.accept(0x03, &mut events);
            prop_assert_eq!(events, [with(KeyCode::Char('c'), KeyModifiers::CONTROL)]);
        }

        /// Whatever came, after a moment of silence every key is a key.
        #[test]
        fn no_bytes_leave_keyboard_dead(bytes in proptest::collection::vec(prop_oneof![
            any::<u8>(), Just(0x1b), Just(b'['), Just(b';'), Just(b'?'), Just(b']'), Just(b'P'), Just(b'O'), 0x30_u8..0x40,
        ], 0..60)) {
            let (mut keyboard, mut events) = (Keyboard::default(), Vec::new());
            bytes.iter().for_each(|byte| keyboard.accept(*byte, &mut events));
            if keyboard.patience().is_some() {
                keyboard.silence(&mut events);
            }
            events.clear();
            keyboard.accept(b'q', &mut events);
            prop_assert_eq!(events, [key(KeyCode::Char('q'))]);
        }

        /// Reports between keys, in any order: the keys are all there, and nothing else is.
        #[test]
        fn keys_between_reports_all_arrive(reports in proptest::collection::vec(0..UNKNOWN.len(), 1..8)) {
            let mut bytes = b"x".to_vec();
            for report in &reports {
                bytes.extend_from_slice(UNKNOWN[*report]);
                bytes.push(b'x');
            }
            prop_assert_eq!(read(&bytes), vec![key(KeyCode::Char('x')); reports.len() + 1]);
        }
    }
}
