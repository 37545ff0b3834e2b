//! A text without what hides its letters: escapes, entities, marks.

use std::borrow::Cow;
use std::ops::Range;

/// The letters and digits of a text as a person would read them in the end: escapes, entities and wide letters stand for what
/// they mean, and marks for nothing.
pub(super) struct Reading<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reading<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// What every such form begins with.
    pub(super) const BEGINS: &'static [u8] = b"\\<&=%\xef";

    /// A mark or an entity is no longer than this.
    const LONGEST: usize = 24;

    // What the text begins with: a letter or nothing, and how long that is.
    fn first(text: &[u8]) -> (Option<u8>, usize) {
        let digits = |from: usize, count: usize| {
            let digits = std::str::from_utf8(text.get(from..from + count)?).ok()?;
            u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
        };
        let until = |end: u8| text[..text.len().min(Self::LONGEST)].iter().position(|byte| *byte == end);
        let read = |code: Option<u32>, length| code.map(|code| (letter_of(code), length));
        let form = match text[0] {
            b'\\' => match text.get(1) {
                Some(b'u') => read(digits(2, 4), 6),
                Some(b'x') => read(digits(2, 2), 4),
                Some(b'n' | b'r' | b't' | b'b' | b'f' | b'"' | b'\\' | b'/') => Some((None, 2)),
                _ => None,
            },
            b'<' if text.get(1).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'/') => {
                until(b'>').map(|end| (None, end + 1))
            }
            b'&' => until(b';').and_then(|end| {
                let name = std::str::from_utf8(&text[1..end]).ok()?;
                let code = match name.strip_prefix("#x").or_else(|| name.strip_prefix("#X")) {
                    Some(digits) => u32::from_str_radix(digits, 16).ok(),
                    None => name.strip_prefix('#').and_then(|digits| digits.parse().ok()),
                };
                let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
                read(code, end + 1).or(is_name.then_some((None, end + 1)))
            }),
            // As mails write it, and addresses, those perhaps more than once.
            b'=' => read(digits(1, 2), 3),
            b'%' => {
                let (pairs, _) = text[1..text.len().min(Self::LONGEST)].as_chunks::<2>();
                let again = 2 * pairs.iter().take_while(|pair| *pair == b"25").count();
                read(digits(1 + again, 2), 3 + again).or_else(|| read(digits(1, 2), 3))
            }
            0xef => match (text.get(1), text.get(2)) {
                (Some(upper @ (0xbc | 0xbd)), Some(lower)) => {
                    let code = 0xf000 + (u32::from(*upper & 0x3f) << 6) + u32::from(*lower & 0x3f);
                    Some((letter_of(code), 3))
                }
                _ => None,
            },
            _ => None,
        };
        form.unwrap_or((Some(text[0]).filter(u8::is_ascii_alphanumeric), 1))
    }
}

impl Iterator for Reading<'_> {
    type Item = (Range<usize>, u8);

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.text.len() {
            let from = self.at;
            let (letter, length) = Self::first(&self.text[from..]);
            self.at = from + length;
            if let Some(letter) = letter {
                return Some((from..self.at, letter));
            }
        }
        None
    }
}

/// The letter or digit that a character stands for: itself, or the plain form of a wide one.
fn letter_of(code: u32) -> Option<u8> {
    let plain = if (0xff01..=0xff5e).contains(&code) { code - 0xfee0 } else { code };
    u8::try_from(plain).ok().filter(u8::is_ascii_alphanumeric)
}

/// JSON with its letters as letters, where it escapes some that need no escape.
pub(super) fn without_escapes(json: &[u8]) -> Cow<'_, [u8]> {
    let letter = |at: usize| {
        let digits = json.get(at + 2..at + 6).filter(|_| json.get(at + 1) == Some(&b'u'))?;
        let byte = u8::try_from(u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?).ok()?;
        matches!(byte, 0x20..=0x7e if !matches!(byte, b'"' | b'\\')).then_some(byte)
    };
    // Most bodies hold none, and this is many times as fast as looking byte by byte.
    if !json.contains(&b'\\') {
        return Cow::Borrowed(json);
    }
    let (mut out, mut at, mut kept) = (Vec::new(), 0, 0);
    while let Some(step) = json[at..].iter().position(|byte| *byte == b'\\') {
        at += step;
        let (plain, length) = match (json.get(at + 1), letter(at)) {
            (_, Some(plain)) => (Some(plain), 6),
            (Some(b'/'), _) => (Some(b'/'), 2),
            _ => (None, 2),
        };
        if let Some(plain) = plain {
            out.extend_from_slice(&json[kept..at]);
            out.push(plain);
            kept = at + length;
        }
        at = (at + length).min(json.len());
    }
    if kept == 0 {
        return Cow::Borrowed(json);
    }
    out.extend_from_slice(&json[kept..]);
    Cow::Owned(out)
}
