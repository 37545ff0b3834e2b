//! Secrets taken out of what somebody else wrote: whole or in pieces, plain or encoded.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::secret::Secret;

/// So many characters of a secret in a row are a piece of it. Fewer are a coincidence.
const PIECE: usize = 8;

/// A secret shorter than this could be any word.
const SHORTEST: usize = 4;

/// What stands in its place.
const MASK: &str = "[secret]";

/// The text without these secrets: plain, URL-encoded, in base64 or hex, in any case, and pieces of all that. Of an address
/// only its end is a secret, and the address as a whole.
pub fn without_secrets(text: &str, secrets: &[&Secret]) -> String {
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    let mut covered = vec![false; text.len()];
    for secret in secrets {
        let whole = secret.expose();
        let end = whole.rsplit('/').next().unwrap_or_default();
        if whole.contains("://") {
            cover(lower.as_bytes(), whole.to_ascii_lowercase().as_bytes(), whole.len(), &mut covered);
        }
        let secret = if whole.contains("://") { end } else { whole };
        if secret.len() >= SHORTEST {
            forms(secret).iter().for_each(|form| cover(lower.as_bytes(), form.as_bytes(), PIECE, &mut covered));
        }
    }
    if !covered.contains(&true) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut hidden = false;
    for (at, character) in text.char_indices() {
        let is_secret = covered[at..at + character.len_utf8()].contains(&true);
        match (is_secret, hidden) {
            (true, false) => out.push_str(MASK),
            (true, true) => {}
            (false, _) => out.push(character),
        }
        hidden = is_secret;
    }
    out
}

/// Marks every piece of the form that is in the text.
fn cover(text: &[u8], form: &[u8], piece: usize, covered: &mut [bool]) {
    let piece = piece.min(form.len()).max(1);
    let pieces: HashSet<&[u8]> = form.windows(piece).collect();
    for (at, window) in text.windows(piece).enumerate() {
        if pieces.contains(window) {
            covered[at..at + piece].fill(true);
        }
    }
}

/// How a secret can be written, all in small letters.
fn forms(secret: &str) -> Vec<Zeroizing<String>> {
    let bytes = secret.as_bytes();
    let mut forms = vec![
        secret.to_owned(),
        bytes.iter().map(|byte| format!("%{byte:02x}")).collect(),
        url::form_urlencoded::byte_serialize(bytes).collect(),
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    ];
    // What stands before it shifts its bits; the first and the last character hold neighbours too, and are left out.
    for before in 0..3 {
        let mut shifted = Zeroizing::new(vec![0; before]);
        shifted.extend_from_slice(bytes);
        let skip = (before * 4).div_ceil(3);
        for encoded in [STANDARD_NO_PAD.encode(&*shifted), URL_SAFE_NO_PAD.encode(&*shifted)] {
            let until = if shifted.len() % 3 == 0 { encoded.len() } else { encoded.len() - 1 };
            forms.push(encoded.get(skip..until).unwrap_or_default().to_owned());
        }
    }
    let mut forms: Vec<_> = forms.into_iter().map(|form| Zeroizing::new(form.to_ascii_lowercase())).collect();
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "xTb7-Qk_93jd8Lw0aZ4nM1vRy2GsHc6EuPo5iWfKqDt";

    fn told(text: &str) -> String {
        without_secrets(text, &[&Secret::new(TOKEN)])
    }

    #[test]
    fn secret_is_hidden_in_every_form() {
        let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = TOKEN.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for form in [TOKEN.to_owned(), TOKEN.to_uppercase(), hex.clone(), hex.to_uppercase(), percent] {
            assert_eq!(told(&format!("no {form} here")), "no [secret] here", "{form}");
        }
        for before in ["", "p", "pi", "pia:", "https://pia.example/callbacks/acme/"] {
            for after in ["", "x", "/y?"] {
                for encoded in [
                    STANDARD.encode(format!("{before}{TOKEN}{after}")),
                    URL_SAFE.encode(format!("{before}{TOKEN}{after}")),
                ] {
                    let told = told(&encoded);
                    let left: String = told.split("[secret]").collect();
                    assert!(
                        told.contains("[secret]") && left.len() <= encoded.len() - STANDARD.encode(TOKEN).len() + 8,
                        "{told}"
                    );
                }
            }
        }
    }

    #[test]
    fn halves_of_secret_are_hidden() {
        let (a, b) = TOKEN.split_at(20);
        assert_eq!(told(&format!("{a} and\n{b}")), "[secret] and\n[secret]");
        assert_eq!(told(&TOKEN[12..24]), "[secret]");
    }

    #[test]
    fn other_words_stay() {
        let text = "Please enter a valid URL: https://pia.example/callbacks/acme/ticket-created/";
        assert_eq!(told(text), text);
        let address = Secret::new(format!("{text}{TOKEN}"));
        assert_eq!(without_secrets(text, &[&address]), text);
        assert_eq!(without_secrets("a ü b", &[&Secret::new("abc")]), "a ü b");
        assert_eq!(without_secrets("", &[&Secret::new(TOKEN)]), "");
    }

    proptest! {
        #[test]
        fn no_text_around_secret_keeps_it(before in ".{0,20}", after in ".{0,20}", secret in "[!-~]{12,40}") {
            let told = without_secrets(&format!("{before}{secret}{after}"), &[&Secret::new(secret.as_str())]);
            prop_assert!(!told.contains(&secret));
        }
    }
}
