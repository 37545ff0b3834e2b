//! What a terminal would do with a stream of bytes, held against a list of what the program itself may send.
//!
//! It is not a terminal and forgives nothing: every sequence that is not on the list is a finding, and so is every
//! character that acts without being seen. Used by the tests of the library too, which is why it needs nothing of them.

use unicode_normalization::char::is_combining_mark;

/// Where the bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The terminal interface: frames, and what begins and ends them.
    Interface,
    /// A command on a terminal: lines, in the colours of their marks.
    Command,
    /// A pipe or a file: lines and nothing else.
    File,
    /// The same, for another program: every letter as it is.
    Data,
}

/// The modes that the interface switches: synchronised frames, other screen, marked pastes, cursor.
const MODES: [&str; 4] = ["?2026", "?1049", "?2004", "?25"];

/// More marks than this on one character are a tower.
const MARKS: usize = 6;

/// Everything in the stream that is not the program's own, with what stands before it.
pub fn findings(bytes: &[u8], from: From) -> Vec<String> {
    let mut found = Vec::new();
    for broken in bytes.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()) {
        found.push(format!("{:02x?}, which is no UTF-8, after {:?}", broken.invalid(), tail(broken.valid())));
    }
    let text = String::from_utf8_lossy(bytes);
    let mut marks = 0;
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let mut length = character.len_utf8();
        marks = if is_combining_mark(character) { marks + 1 } else { 0 };
        let is_own = match character {
            '\u{1b}' => match own_sequence(rest, from) {
                Some(own) => {
                    length = own;
                    true
                }
                None => false,
            },
            // The interface writes lines once it has given the screen back.
            '\n' => {
                let last = |switch| text[..at].rfind(switch);
                from != From::Interface || last("\u{1b}[?1049h") <= last("\u{1b}[?1049l")
            }
            '\r' => {
                !matches!(from, From::File | From::Data)
                    && (from == From::Interface || rest.starts_with("\r\n") || rest.starts_with("\r\u{1b}[K"))
            }
            '\u{2028}' | '\u{2029}' => false,
            _ if character.is_control() => false,
            _ => from == From::Data || (!is_unseen(character) && marks <= MARKS),
        };
        if !is_own {
            found.push(format!("{character:?} after {:?}, before {:?}", tail(&text[..at]), head(&rest[length..])));
        }
        at += length;
    }
    found.truncate(20);
    found
}

/// The length of the sequence, if it is one of ours.
fn own_sequence(text: &str, from: From) -> Option<usize> {
    let body = text.strip_prefix("\u{1b}[")?;
    let end = body.find(|c: char| !matches!(c, '0'..='9' | ';' | '?'))?;
    let (parameters, last) = (&body[..end], body[end..].chars().next()?);
    let plain = !parameters.contains('?');
    let is_own = match (from, last) {
        (From::File | From::Data, _) => false,
        (From::Command, 'm') => ["0", "31", "32", "33"].contains(&parameters),
        (From::Command, 'K') => parameters.is_empty(),
        (From::Command, _) => false,
        (From::Interface, 'm') => plain && are_known_styles(parameters),
        (From::Interface, 'H') => plain && parameters.split(';').count() <= 2,
        (From::Interface, 'C' | 'D') => plain && parameters.split(';').count() == 1,
        (From::Interface, 'J') => parameters == "2",
        (From::Interface, 'K') => parameters.is_empty(),
        (From::Interface, 'h' | 'l') => MODES.contains(&parameters),
        (From::Interface, _) => false,
    };
    is_own.then_some(2 + end + 1)
}

/// Bold, dim, italic, underlined, reversed, and each of them off; the terminal's sixteen colours and its usual ones.
fn are_known_styles(parameters: &str) -> bool {
    parameters.is_empty()
        || parameters.split(';').all(|figure| {
            matches!(figure.parse::<u16>(), Ok(0..=4 | 7 | 22..=24 | 27 | 30..=37 | 39..=47 | 49 | 90..=97 | 100..=107))
        })
}

/// Characters that reorder, hide, join or restyle without being seen.
fn is_unseen(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn tail(text: &str) -> String {
    let from = text.char_indices().rev().nth(30).map_or(0, |(at, _)| at);
    text[from..].to_owned()
}

fn head(text: &str) -> String {
    text.chars().take(20).collect()
}
