//! Where addresses of ours stand in JSON: they end in a secret, and are compared with what was written.

use std::ops::Range;

use crate::domain::secret::Secret;

/// The member that holds an address.
const ADDRESS: &[u8] = b"url";

/// Where the addresses end in one of these tokens, whole and as their last part; only the tokens.
pub(super) fn ends(json: &[u8], tokens: &[Secret]) -> Vec<Range<usize>> {
    let (mut found, mut at, mut is_named) = (Vec::new(), 0, false);
    while let Some(text) = next_text(json, at) {
        at = text.end + 1;
        let value = &json[text.clone()];
        if is_named {
            let token = tokens.iter().map(|token| token.expose().as_bytes());
            let own = token.filter(|token| value.strip_suffix(*token).is_some_and(|front| front.ends_with(b"/")));
            found.extend(own.map(|token| text.end - token.len()..text.end));
        }
        let mut behind = json[at.min(json.len())..].trim_ascii_start().iter();
        let is_key = !is_named && value == ADDRESS && behind.next() == Some(&b':');
        // Its value is a text only where nothing else comes first.
        is_named = is_key && behind.as_slice().trim_ascii_start().first() == Some(&b'"');
    }
    found
}

/// The next text between quotes.
fn next_text(json: &[u8], from: usize) -> Option<Range<usize>> {
    let start = from + json.get(from..)?.iter().position(|byte| *byte == b'"')? + 1;
    let mut at = start;
    loop {
        match json.get(at)? {
            b'"' => return Some(start..at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}
