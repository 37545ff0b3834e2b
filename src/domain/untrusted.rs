//! Text that somebody else wrote: names, errors and ids from Halo.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// The longest text that is shown, in characters as a person counts them.
const SHOWN: usize = 256;

/// Combining marks kept on one character. Living scripts need fewer; one name can carry 200,000.
const MARKS: usize = 6;

/// Characters kept of what counts as one: some scripts join without end, and one cell of a screen would hold it all.
const JOINED: usize = 16;

/// Bytes that are looked at: a name of a megabyte costs a screen no more than one of a line.
const LOOKED_AT: usize = 4_096;

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

    /// The one form that may reach a screen, a file or a log: control characters in caret notation, no character that
    /// reorders, hides or joins, a bounded number of combining marks, a bounded length.
    pub fn display(&self) -> String {
        sanitise(&self.0)
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

fn sanitise(text: &str) -> String {
    // The usual name is short and plain: no need to look at it twice.
    if text.len() <= SHOWN && text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return text.to_owned();
    }
    let mut out = String::new();
    let head = &text[..text.floor_char_boundary(LOOKED_AT)];
    let mut cut = head.len() < text.len();
    for (shown, cluster) in head.graphemes(true).enumerate() {
        if shown == SHOWN {
            cut = true;
            break;
        }
        let mut marks = 0;
        for character in cluster.chars().take(JOINED) {
            if is_combining_mark(character) {
                marks += 1;
                if marks > MARKS {
                    continue;
                }
            }
            push_safely(&mut out, character);
        }
    }
    if cut {
        out.push('…');
    }
    out
}

fn push_safely(out: &mut String, character: char) {
    match character {
        '\u{00}'..='\u{1f}' => {
            out.push('^');
            out.push(char::from(character as u8 + b'@'));
        }
        '\u{7f}' => out.push_str("^?"),
        // C1 controls and the two separators that some terminals take for a line end.
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => out.push('\u{fffd}'),
        _ if is_invisible(character) => {}
        _ => out.push(character),
    }
}

/// Characters without a glyph of their own that reorder, join, hide or restyle their neighbours.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_in_caret_notation() {
        assert_eq!(Untrusted::new("a\u{1b}[31mb\nc\u{7f}\u{9b}2J").display(), "a^[[31mb^Jc^?\u{fffd}2J");
    }

    #[test]
    fn nothing_that_reorders_or_hides_is_shown() {
        assert_eq!(Untrusted::new("evil\u{202e}txt.exe\u{200b}\u{2066}\u{feff}").display(), "eviltxt.exe");
    }

    #[test]
    fn a_tower_of_marks_is_cut_and_a_long_name_ends() {
        let tower = format!("e{}", "\u{301}".repeat(200_000));
        assert_eq!(Untrusted::new(tower).display(), format!("e{}…", "\u{301}".repeat(MARKS)));
        let long = Untrusted::new("x".repeat(1 << 20)).display();
        assert_eq!(long.chars().count(), SHOWN + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn what_joins_without_end_is_bounded() {
        for joined in ["\u{1100}", "क\u{94d}", "👩\u{200d}", "\u{600}"] {
            let shown = Untrusted::new(joined.repeat(100_000)).display();
            assert!(shown.chars().count() <= JOINED + 1, "{}", shown.chars().count());
        }
        // A shade of skin is drawn over the character before it or beside it, as the terminal likes.
        assert_eq!(Untrusted::new("👋🏽 wave").display(), "👋 wave");
    }

    #[test]
    fn names_of_many_scripts_pass_untouched() {
        for name in ["Ångström & Søn", "北京技术有限公司", "شركة النور", "Ωmega «Group»", "👩🚀 Labs", "Łódź"]
        {
            assert_eq!(Untrusted::new(name).display(), name);
        }
    }

    #[test]
    fn debug_and_json_are_sanitised_and_raw_is_exact() {
        let text = Untrusted::new("a\u{1b}b");
        assert_eq!(format!("{text:?}"), "\"a^[b\"");
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"a^[b\"");
        assert_eq!(text.raw(), "a\u{1b}b");
    }
}
