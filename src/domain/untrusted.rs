//! Text that somebody else wrote: names, errors and ids from Halo.
//!
//! It leaves the program in three ways. [`Untrusted::display`] is for people: harmless and short. [`Untrusted::exact`] is
//! for programs, inside JSON alone, where [`escape_json`] keeps the terminal safe and the value true. [`harmless`] is the
//! second net, under whole lines of ours that may quote something.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize, Serializer};
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// The longest text that is shown, in characters that stand on their own.
const SHOWN: usize = 256;

/// The most characters that a cell of a spreadsheet takes.
const CELL: usize = 32_767;

/// The most characters that are looked at for it: work has an end too. Also how much of a text is searched.
pub(super) const LOOKED_AT: usize = 4_096;

/// Characters that may lean on the one before them: marks, halves of syllables, shades of skin. Living scripts need fewer;
/// one name can carry 200,000, and a terminal gets all of them as one cell.
const LEANING: usize = 6;

/// The most bytes that one character of a person's may take, and so one cell: letters can be chained without a mark
/// between them. The longest that a living script writes is half of it.
const CHARACTER: usize = 96;

/// Text from Halo. It is kept exactly and shown only through [`Untrusted::display`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// Takes the text over as it came.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as Halo wrote it: for the store, for comparing and for sending back. Never for a screen, file or log.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// The same, to be looked through before it is kept.
    pub fn into_raw(self) -> String {
        self.0
    }

    /// Whether there is nothing in it to see.
    pub fn is_blank(&self) -> bool {
        self.0.chars().all(|character| character.is_whitespace() || is_invisible(character))
    }

    /// The one form that may reach a screen, a file or a log: control characters in caret notation, no character that
    /// reorders, hides or joins, a bounded number of combining marks, a bounded length.
    pub fn display(&self) -> String {
        sanitise(&self.0)
    }

    /// The text for a table that another program reads: to the letter, with control characters in caret notation, because
    /// such a table is looked at in a terminal too, and no longer than a cell of a spreadsheet may be.
    pub fn cell(&self) -> String {
        let mut out = String::with_capacity(self.0.len().min(CELL));
        for (at, character) in self.0.chars().enumerate() {
            if at + 1 >= CELL {
                out.push('…');
                break;
            }
            match character {
                '\u{00}'..='\u{1f}' | '\u{7f}' => out.extend(['^', char::from(character as u8 ^ b'@')]),
                '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => out.push('\u{fffd}'),
                _ => out.push(character),
            }
        }
        out
    }

    /// The text as Halo wrote it, to be written into JSON for other programs. That JSON has to go through
    /// [`escape_json`], as all of the command line's does.
    pub fn exact(&self) -> Exact<'_> {
        Exact(&self.0)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display())
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.display())
    }
}

/// Written out, for JSON and the like, in its displayed form.
impl Serialize for Untrusted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.display())
    }
}

/// A text from Halo on its way into JSON: it can be serialised and nothing else.
pub struct Exact<'a>(&'a str);

impl Serialize for Exact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

/// Escapes in finished JSON what a terminal would act upon and JSON itself lets pass: DEL, the C1 controls, whatever
/// reorders or hides, towers of marks. The values stay what they are.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte < 0x7f;
    if json.bytes().all(is_plain) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let mut leaning = Leaning::default();
    for character in json.chars() {
        // Beyond ASCII there is nothing in JSON but the insides of its strings.
        let escaped = match character {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => true,
            _ => is_invisible(character) || leaning.is_too_much(character),
        };
        if escaped {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Into a text: that cannot fail.
                _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            leaning.take(character);
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// Lines of our own without anything that a terminal would act upon but line ends and tabs. Texts from Halo have been
/// through [`Untrusted::display`] by then; a name out of a file that somebody edited has not.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b'\n' | b'\t' | 0x20..0x7f)) {
        return Cow::Borrowed(text);
    }
    // A single character, such as a cell of a frame, leans on nothing.
    let mut alone = text.chars();
    if let (Some(character), None) = (alone.next(), alone.next())
        && !character.is_control()
        && !is_invisible(character)
        && !matches!(character, '\u{2028}' | '\u{2029}')
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut leaning = Leaning::default();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => out.push(character),
            _ => match shown(character, leaning.last, characters.peek().copied()) {
                Shown::As(letter) if leaning.is_too_much(letter) => continue,
                Shown::As(letter) => out.push(letter),
                Shown::Caret(letter) => out.extend(['^', letter]),
                Shown::Nothing => continue,
            },
        }
        out.chars().next_back().into_iter().for_each(|last| leaning.take(last));
    }
    Cow::Owned(without_giants(out))
}

/// A text without the blanks and invisible characters around it that a copy brings along.
pub fn without_margin(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || is_invisible(character))
}

/// A passphrase without the line's end and the invisible characters that a copy brings along. A space may be part of it.
pub fn passphrase_of(line: &str) -> &str {
    line.trim_matches(|character: char| character != ' ' && (character.is_whitespace() || is_invisible(character)))
}

/// A text without the pair of quotes around it, if there is one.
pub fn unquoted(text: &str) -> &str {
    let quotes = ['"', '\'', '`', '“', '”', '‘', '’'];
    let inside = text.strip_prefix(quotes).and_then(|rest| rest.strip_suffix(quotes));
    inside.map_or(text, without_margin)
}

/// Whether Halo would take two names for one: it compares without case and without blanks around them.
pub fn same_name(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

fn sanitise(text: &str) -> String {
    // The usual name is short and plain: no need to look at it twice.
    if text.len() <= SHOWN && text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut standing = 0;
    let mut leaning = Leaning::default();
    let mut characters = text.chars().peekable();
    let mut looked_at = 0;
    while let Some(character) = characters.next() {
        let form = shown(character, leaning.last, characters.peek().copied());
        let (pushed, columns) = match form {
            Shown::As(letter) if leaning.is_too_much(letter) => (None, 0),
            Shown::As(letter) => (Some(letter), usize::from(!leaning.leans(letter))),
            Shown::Caret(letter) => (Some(letter), 2),
            Shown::Nothing => (None, 0),
        };
        looked_at += 1;
        if standing + columns > SHOWN || looked_at > LOOKED_AT {
            // What would join a letter that does not come joins nothing, and not the mark for the rest either.
            let joins = |last| matches!(last, '\u{200c}' | '\u{200d}') || are_one(last, '…');
            out.truncate(out.trim_end_matches(joins).len());
            out.push('…');
            break;
        }
        standing += columns;
        if let Some(pushed) = pushed {
            out.extend(matches!(form, Shown::Caret(_)).then_some('^'));
            out.push(pushed);
            leaning.take(pushed);
        }
    }
    without_giants(out)
}

/// The text with a mark in place of each character that no script has.
fn without_giants(text: String) -> String {
    if text.graphemes(true).all(|character| character.len() <= CHARACTER) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for character in text.graphemes(true) {
        if character.len() > CHARACTER {
            out.truncate(out.trim_end_matches(['\u{200c}', '\u{200d}']).len());
            out.push('\u{fffd}');
        } else {
            out.push_str(character);
        }
    }
    out
}

/// How a character is shown.
enum Shown {
    /// As it is, or as the mark for what cannot be shown.
    As(char),
    /// As a caret and this letter.
    Caret(char),
    Nothing,
}

/// How a character is shown between the one that was shown last and the one that comes next.
fn shown(character: char, last: Option<char>, next: Option<char>) -> Shown {
    match character {
        '\u{00}'..='\u{1f}' => Shown::Caret(char::from(character as u8 + b'@')),
        '\u{7f}' => Shown::Caret('?'),
        // C1 controls and the two separators that some terminals take for a line end.
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => Shown::As('\u{fffd}'),
        // Spelling needs them inside words of these scripts: Persian, and those of India, Burma and Cambodia. Between
        // pictures they are left out, because terminals do not agree how wide the picture is that they make.
        '\u{200c}' | '\u{200d}' if last.is_some_and(is_cursive) && next.is_some_and(is_cursive_letter) => {
            Shown::As(character)
        }
        _ if is_invisible(character) => Shown::Nothing,
        // Nor how wide a hand is that has a shade.
        '\u{1f3fb}'..='\u{1f3ff}' if last.is_some_and(|last| are_one(last, character)) => Shown::Nothing,
        _ => Shown::As(character),
    }
}

fn is_cursive(character: char) -> bool {
    matches!(character,
        '\u{610}'..='\u{61a}' | '\u{620}'..='\u{6d3}' | '\u{6d5}'..='\u{6dc}' | '\u{6df}'..='\u{7ff}'
        | '\u{8a0}'..='\u{8e1}' | '\u{8e3}'..='\u{dff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}')
}

fn is_cursive_letter(character: char) -> bool {
    is_cursive(character) && character.is_alphabetic() && !is_combining_mark(character)
}

/// Counts what leans on one character, so that no cell of a terminal becomes a tower.
#[derive(Default)]
struct Leaning {
    last: Option<char>,
    count: usize,
}

impl Leaning {
    fn leans(&self, character: char) -> bool {
        if character.is_ascii() {
            return false;
        }
        is_combining_mark(character) || self.last.is_some_and(|last| are_one(last, character))
    }

    fn is_too_much(&self, character: char) -> bool {
        self.count >= LEANING && self.leans(character)
    }

    fn take(&mut self, character: char) {
        self.count = if self.leans(character) { self.count + 1 } else { 0 };
        self.last = Some(character);
    }
}

/// Whether two characters are one to a person, and so in one cell: not marks alone, but the parts of a Korean syllable,
/// the number signs of Arabic, shades of skin. Flags are pairs, and no more than pairs.
fn are_one(a: char, b: char) -> bool {
    if ('\u{1f1e6}'..='\u{1f1ff}').contains(&b) {
        return false;
    }
    let mut pair = [0; 8];
    let first = a.encode_utf8(&mut pair).len();
    let both = first + b.encode_utf8(&mut pair[first..]).len();
    std::str::from_utf8(&pair[..both]).is_ok_and(|pair| pair.graphemes(true).count() == 1)
}

/// Characters without a glyph of their own that reorder, join, hide or restyle their neighbours.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn display(text: &str) -> String {
        Untrusted::new(text).display()
    }

    #[test]
    fn control_characters_are_shown_in_caret_notation() {
        assert_eq!(display("a\u{1b}[31mb\nc\u{7f}\u{9b}2J"), "a^[[31mb^Jc^?\u{fffd}2J");
    }

    #[test]
    fn cell_of_table_is_text_to_letter_without_controls() {
        for name in [
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} Ltd",
            "👨\u{200d}👩\u{200d}👧",
            "می\u{200c}خواهم",
            "a\u{ad}b\u{200f}",
        ] {
            assert_eq!(Untrusted::new(name).cell(), name);
        }
        let long = "é".repeat(40_000);
        assert_eq!(Untrusted::new(&long[..2 * CELL]).cell().chars().count(), CELL);
        assert_eq!(Untrusted::new(&long[..600]).cell(), long[..600], "longer than what is shown");
        assert_eq!(Untrusted::new("a\u{1b}[31mb\nc\u{7f}\u{9b}2J\t").cell(), "a^[[31mb^Jc^?\u{fffd}2J^I");
    }

    #[test]
    fn nothing_that_reorders_or_hides_is_shown() {
        assert_eq!(display("evil\u{202e}txt.exe\u{200b}\u{2066}\u{feff}"), "eviltxt.exe");
    }

    #[test]
    fn tower_of_marks_is_cut_and_long_name_ends() {
        let tower = format!("e{}", "\u{301}".repeat(200_000));
        assert_eq!(display(&tower), format!("e{}…", "\u{301}".repeat(LEANING)));
        let long = display(&"x".repeat(1 << 20));
        assert_eq!(long.chars().count(), SHOWN + 1);
        assert!(long.ends_with('…'));
    }

    /// Marks are not the only characters that share a cell with the one before them.
    #[test]
    fn nothing_else_makes_tower_either() {
        for part in
            ["क\u{94d}", "\u{1100}", "\u{1161}", "\u{11a8}", "\u{600}", "\u{1f3fb}", "\u{ff9e}", "\u{301}\u{200b}"]
        {
            let shown = display(&format!("x{}", part.repeat(100_000)));
            let widest = shown.graphemes(true).map(str::len).max().unwrap_or_default();
            assert!(widest <= CHARACTER, "{part:?} makes {widest} bytes in one cell");
        }
    }

    /// A sign that takes the next character into its cell does not take the mark for the rest.
    #[test]
    fn what_is_cut_after_sign_that_joins_is_shown_same_way_twice() {
        let shown = display(&format!("{}{}x", "x".repeat(SHOWN - 1), "\u{600}".repeat(LEANING + 1)));
        assert!(shown.ends_with("x…"), "{shown:?}");
        assert_eq!(display(&shown), shown);
    }

    #[test]
    fn joiners_that_spelling_needs_are_kept_inside_words_alone() {
        for name in ["می\u{200c}خواهم", "শিক্ষা\u{200c}র", "क\u{94d}\u{200d}ष"] {
            assert_eq!(display(name), name);
        }
        assert_eq!(display("pay\u{200c}pal می\u{200c} \u{200d}x"), "paypal می x");
        assert_eq!(display("👩\u{200d}🚀 ❤\u{fe0f} 👍🏽"), "👩🚀 ❤ 👍");
    }

    #[test]
    fn debug_and_json_are_sanitised_and_raw_is_exact() {
        let text = Untrusted::new("a\u{1b}b");
        assert_eq!(format!("{text:?}"), "\"a^[b\"");
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"a^[b\"");
        assert_eq!(text.raw(), "a\u{1b}b");
    }

    #[test]
    fn json_keeps_exact_value_and_harms_no_terminal() {
        let text = Untrusted::new(format!("a\u{1b}\u{7f}\u{9b}2J\u{202e}\u{e0041}Ω 北京{}", "\u{301}".repeat(100)));
        let json = serde_json::to_string(&text.exact()).unwrap();
        let escaped = escape_json(&json);
        assert!(escaped.starts_with(r#""a\u001b\u007f\u009b2J\u202e\udb40\udc41Ω 北京"#), "{escaped}");
        assert_eq!(escaped.matches('\u{301}').count(), LEANING);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text.raw());
        assert!(matches!(escape_json(r#"{"name":"plain"}"#), Cow::Borrowed(_)));
    }

    #[test]
    fn passphrase_keeps_its_spaces_and_nothing_unseen() {
        for line in ["\u{feff} a b \r\n", "\u{a0}\u{200b} a b \u{a0}\n", " a b "] {
            assert_eq!(passphrase_of(line), " a b ", "{line:?}");
        }
    }

    #[test]
    fn own_lines_keep_their_ends_and_length() {
        let quoted = format!("a\n\tb\u{1b}]0;x\u{7}\u{9d}\r\u{202e}c{}", "\u{301}".repeat(9));
        assert_eq!(harmless(&quoted), format!("a\n\tb^[]0;x^G\u{fffd}^Mc{}", "\u{301}".repeat(LEANING)));
        assert_eq!(harmless(&"x\u{e9}".repeat(9_000)).chars().count(), 18_000);
    }
}
