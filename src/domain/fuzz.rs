//! Inputs for whatever reads what others send: those of a corpus, and what becomes of them when they are cut, doubled,
//! joined and garbled. A few hundred in every run of the tests; `PROPTEST_CASES` says how many.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// The lines of a corpus, with `\xNN` as the byte that it names and `\r` as a return; those that begin with `# ` are notes.
pub fn lines(corpus: &str) -> Vec<Vec<u8>> {
    corpus.lines().filter(|line| !line.starts_with("# ")).map(|line| bytes(line.as_bytes())).collect()
}

fn bytes(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = line;
    while let Some((first, after)) = rest.split_first() {
        let named = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        let (byte, length) = match (first, after.first()) {
            (b'\\', Some(b'x')) => match after.get(1..3).and_then(named) {
                Some(byte) => (byte, 4),
                None => (*first, 1),
            },
            (b'\\', Some(b'r')) => (b'\r', 2),
            _ => (*first, 1),
        };
        out.push(byte);
        rest = &rest[length..];
    }
    out
}

/// One entry of a corpus, whole or with a few changes.
pub fn like(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (0..6_u8, any::<Index>(), any::<Index>(), any::<u8>());
    let changes = proptest::collection::vec(change, 0..6);
    (select(corpus.clone()), select(corpus), changes).prop_map(|(mut text, other, changes)| {
        for (kind, at, to, byte) in changes {
            let (at, to) = (at.index(text.len() + 1), to.index(text.len() + 1));
            let (from, until) = (at.min(to), at.max(to).min(at.min(to) + 16));
            match kind {
                0 => text.insert(at, byte),
                1 => drop(text.drain(from..until)),
                2 => {
                    let again = text[from..until].to_vec();
                    text.splice(from..from, again).for_each(drop);
                }
                3 => text.truncate(at),
                4 => text.splice(at.., other.iter().skip(to.min(other.len())).copied()).for_each(drop),
                _ => text.iter_mut().skip(at).take(1).for_each(|changed| *changed = byte),
            }
        }
        text
    })
}

/// The same as text: bytes that are none are marks.
pub fn text_like(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = String> {
    like(corpus).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// How often a property is tried.
pub fn tries() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn corpus_names_bytes_that_no_line_can_hold() {
    assert_eq!(lines("# a note\na\\x1b[\\xff\\r\\\\ \\xzz\n\n"), [b"a\x1b[\xff\r\\\\ \\xzz".to_vec(), Vec::new()]);
}
