//! A name that somebody typed and that is not there: how that is said, and which one was probably meant.

use super::client::fold;
use super::untrusted::Untrusted;

/// One slip of the finger is forgiven in so many letters.
const LETTERS_A_SLIP: usize = 4;

/// A longer name is compared with none: nobody mistypes it by hand.
const LONGEST: usize = 100;

/// That there is none of this name.
pub fn no_such(what: &str, name: &str) -> String {
    format!("no {what} \"{}\"", Untrusted::new(name).display())
}

/// The question behind it, where another name is near.
pub fn did_you_mean(other: &str) -> String {
    format!("Did you mean \"{}\"?", Untrusted::new(other).display())
}

/// The one of the names that is so near to what was typed that it was probably meant.
pub fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let wanted = fold(typed.trim());
    let letters = wanted.chars().count();
    if letters > LONGEST {
        return None;
    }
    let slips = letters.div_ceil(LETTERS_A_SLIP);
    let far = |name: &str| {
        // Most are told apart by their length alone.
        let name = fold(name.trim());
        let is_near = name.chars().count().abs_diff(letters) <= slips;
        is_near.then(|| strsim::osa_distance(&wanted, &name))
    };
    // In one or two letters a slip leaves nothing of them.
    let near = names.into_iter().filter_map(|name| Some((far(name)?, name)));
    near.filter(|(far, _)| *far == 0 || (letters > 2 && *far <= slips)).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_key_is_understood() {
        let known = ["url", "client_id", "daily_sync_time", "name"];
        for (typed, meant) in [
            ("daily_synctime", Some("daily_sync_time")),
            ("ulr", Some("url")),
            ("clientid", Some("client_id")),
            ("nmae", Some("name")),
            ("colour", None),
            (&"x".repeat(100_000), None),
        ] {
            assert_eq!(nearest(typed, known), meant);
        }
    }

    /// Transposed, left out, doubled, in another case: found; another word is not.
    #[test]
    fn slip_is_found_and_other_word_is_not() {
        let teams = ["Service Desk", "Pia", "Ärzte", "1st Line", "2nd Line"];
        for (typed, meant) in [
            ("Pai", Some("Pia")),
            ("pia", Some("Pia")),
            ("Piaa", Some("Pia")),
            ("Pi", None),
            ("Servcie Desk", Some("Service Desk")),
            ("service  desk", Some("Service Desk")),
            ("Arzte", Some("Ärzte")),
            ("3rd Line", Some("2nd Line")),
            ("Escalations", None),
            ("Projects", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, teams), meant, "{typed}");
        }
    }
}
