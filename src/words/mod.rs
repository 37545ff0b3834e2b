//! The wording of everything that is shown in more than one place: the screens, plain mode and the commands use it from
//! here and add their own marks, colours and keys.

pub(crate) mod audit;
pub(crate) mod by_hand;
pub(crate) mod check;
pub(crate) mod event;
pub(crate) mod health;
pub(crate) mod next;
pub(crate) mod phrase;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod service;
pub(crate) mod step;
pub(crate) mod store;
pub(crate) mod sync;
pub(crate) mod tickets;
pub(crate) mod time;
pub(crate) mod typed;

pub use phrase::Phrase;

/// A sentence begins with a capital; a command, a setting or an address stays as it is.
pub fn capital(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let is_word = first.trim_end_matches([',', ':', ';', '.']).chars().all(|letter| letter.is_ascii_lowercase());
    match text.chars().next().filter(|_| is_word) {
        Some(letter) => format!("{}{}", letter.to_ascii_uppercase(), &text[letter.len_utf8()..]),
        None => text.to_owned(),
    }
}

/// How a state is shown: always with its symbol and a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Warn,
    /// Not as it should be.
    Bad,
    Calm,
}

#[cfg(test)]
mod tests {
    use super::capital;

    #[test]
    fn sentence_begins_with_capital_and_command_does_not() {
        for (text, begun) in [
            ("in Halo, look", "In Halo, look"),
            ("Copy it again", "Copy it again"),
            ("pia-halo sync", "pia-halo sync"),
            ("auth_url is wrong", "auth_url is wrong"),
            ("https://x", "https://x"),
            ("", ""),
        ] {
            assert_eq!(capital(text), begun);
        }
    }
}
