//! Values that must never be seen: client secrets, callback tokens, passwords, bearers.

use std::fmt;
use std::hash::{Hash, Hasher};

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::untrusted::{is_invisible, unquoted, without_margin};

/// A secret. It has no form that shows it but [`Secret::expose`], and it is erased when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// A secret as a person hands it over: without the blanks, quotes and invisible characters that a copy brings along.
    pub fn typed(text: &str) -> Self {
        let mut room = String::with_capacity(text.len());
        room.extend(unquoted(without_margin(text)).chars().filter(|character| !is_invisible(*character)));
        Self::new(room)
    }

    /// The one door to the text. Every use is a place to look at in a review.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// How many characters it has: what a form may show of it.
    pub fn length(&self) -> usize {
        self.expose().chars().count()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// The last four characters behind an ellipsis: what a plan may show of it.
    pub fn last_four(&self) -> String {
        let characters: Vec<char> = self.expose().chars().collect();
        // A short secret would be given away by its end.
        if characters.len() < 16 {
            return "…".to_owned();
        }
        let tail: String = characters[characters.len() - 4..].iter().collect();
        format!("…{tail}")
    }
}

/// Whether a Client Secret as Halo makes them stands in a text: two GUIDs joined by a hyphen.
pub fn holds_client_secret(text: &str) -> bool {
    const HYPHENS: [usize; 9] = [8, 13, 18, 23, 36, 45, 50, 55, 60];
    let is_secret = |part: &[u8]| {
        part.iter().enumerate().all(|(at, byte)| match HYPHENS.contains(&at) {
            true => *byte == b'-',
            false => byte.is_ascii_hexdigit(),
        })
    };
    text.as_bytes().windows(CLIENT_SECRET_LENGTH).any(is_secret)
}

/// The characters of a Client Secret as Halo makes them.
pub const CLIENT_SECRET_LENGTH: usize = 73;

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Compared in constant time, so that the comparison itself tells nothing.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for Secret {}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expose().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_text() {
        let secret = Secret::new("correct horse battery staple");
        assert_eq!(format!("{secret:?} {secret:#?}"), "[secret] [secret]");
    }

    #[test]
    fn typed_secret_loses_blanks_quotes_and_invisible_characters() {
        for text in [
            "s3 cret",
            " s3 cret\u{a0}",
            "\u{feff}s3 cret",
            "\u{200b}\u{2060}s3 cr\u{ad}et\u{202c} ",
            "\u{feff}\"s3 cret\"\u{3000}",
        ] {
            assert_eq!(Secret::typed(text).expose(), "s3 cret", "{text:?}");
        }
        assert!(Secret::typed("\u{feff}\u{a0}").is_empty());
    }

    #[test]
    fn last_four_hides_end_of_short_secret() {
        assert_eq!(Secret::new("hunter2").last_four(), "…");
        assert_eq!(Secret::new("0123456789abcdef").last_four(), "…cdef");
    }
}
