//! Values that must never be seen: client secrets, callback tokens, passwords, bearers.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// A secret. It has no form that shows it but [`Secret::expose`], and it is erased when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_text() {
        let secret = Secret::new("correct horse battery staple");
        assert_eq!(format!("{secret:?} {secret:#?}"), "[secret] [secret]");
    }

    #[test]
    fn last_four_hides_the_end_of_a_short_secret() {
        assert_eq!(Secret::new("hunter2").last_four(), "…");
        assert_eq!(Secret::new("0123456789abcdef").last_four(), "…cdef");
    }
}
