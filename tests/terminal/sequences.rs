//! The program sends no sequence but its own few.

use std::collections::BTreeSet;

/// Every sequence in what the program has sent, and every control character by its number.
fn sequences(raw: &[u8]) -> BTreeSet<String> {
    let text = std::str::from_utf8(raw).expect("the program sends UTF-8");
    let mut found = BTreeSet::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character == '\x1b' {
            let mut sequence: String = rest.next().into_iter().collect();
            if sequence == "[" {
                for character in rest.by_ref() {
                    sequence.push(character);
                    if ('@'..='~').contains(&character) {
                        break;
                    }
                }
            }
            found.insert(sequence);
        } else if character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            found.insert(format!("U+{:04X}", u32::from(character)));
        }
    }
    found
}

/// Whether the program may send a sequence: its own screen, marked pastes, the cursor shown and moved, synchronised
/// updates, clearing, and the terminal's own sixteen colours. No mouse, no other keyboard protocol, no question.
fn is_known(sequence: &str) -> bool {
    let private = ["[?1049h", "[?1049l", "[?2004h", "[?2004l", "[?2026h", "[?2026l", "[?25h", "[?25l"];
    if private.contains(&sequence) || ["[2J", "[K", "[m", "[C", "[D"].contains(&sequence) {
        return true;
    }
    let Some((figures, last)) = sequence.strip_prefix('[').and_then(|rest| rest.split_at_checked(rest.len() - 1))
    else {
        return false;
    };
    let Ok(figures) = figures.split(';').map(str::parse).collect::<Result<Vec<u16>, _>>() else { return false };
    match last {
        "H" => figures.len() <= 2,
        "C" | "D" => figures.len() == 1,
        "m" => are_known_styles(&figures),
        _ => false,
    }
}

fn are_known_styles(figures: &[u16]) -> bool {
    match figures {
        [] => true,
        // Bold, dim, italic, underlined, reversed, and each of them off; the sixteen colours and the usual ones.
        [0..=4 | 7 | 22..=24 | 27 | 30..=37 | 39..=47 | 49 | 90..=97 | 100..=107, rest @ ..] => are_known_styles(rest),
        _ => false,
    }
}

pub fn assert_only_known_sequences(raw: &[u8]) {
    let found = sequences(raw);
    let unknown: Vec<_> = found.iter().filter(|sequence| !is_known(sequence)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn a_sequence_that_is_not_ours_would_be_noticed() {
    let unknown = [
        "\x1b]0;title\x07",
        "\x1b[6n",
        "\x1b[38;5;200m",
        "\x1b[?1000h",
        "\x1b[>1u",
        "\x1b[?u",
        "\x1b[c",
        "\x1b[38;2;1;2;3m",
        "\x1bc",
        "\x07",
        "\u{9b}2J",
        "\u{202e}",
    ];
    for raw in unknown {
        let found = sequences(raw.as_bytes());
        assert!(found.iter().any(|sequence| !is_known(sequence)), "{raw:?}");
    }
    assert_only_known_sequences("\x1b[?1049h\x1b[12;7Hname\x1b[0;32;49m \x1b[0m".as_bytes());
}
