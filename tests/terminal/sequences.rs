//! The program sends no sequence but its own few: the list of them stands in `support/vt.rs`.

use crate::support::vt::{From, findings};

pub fn assert_only_known_sequences(raw: &[u8]) {
    assert_eq!(findings(raw, From::Interface), [""; 0]);
}

#[test]
fn our_own_sequences_pass_where_they_belong() {
    let frame = b"\x1b[?1049h\x1b[?2004h\x1b[?25l\x1b[?2026h\x1b[2;1H\x1b[0;31mo\x1b[2Ck\x1b[0m\x1b[2J\x1b[?2026l";
    assert_eq!(findings(frame, From::Interface), [""; 0]);
    assert_eq!(findings(b"\r\x1b[KSyncing\r\n\x1b[32m+\x1b[0m pass\r\n", From::Command), [""; 0]);
    assert_eq!(findings("Ångström 北京 👍🏽\n".as_bytes(), From::File), [""; 0]);
    assert_eq!(findings(frame, From::File).len(), 10);
}

#[test]
fn everything_else_is_found_everywhere() {
    for hostile in [
        "\x1b]0;x\x07",
        "\x1b]52;c;aGk=\x07",
        "\x1bP$qm\x1b\\",
        "\x1bc",
        "\x1b[5n",
        "\x1b[21t",
        "\x1b[?1000h",
        "\x1b(0",
        "\x1b[38;5;200m",
        "\x1b[38;2;1;2;3m",
        "\x1b[6n",
        "\x1b[>1u",
        "\x1b[?u",
        "\x1b[c",
        "\u{9b}2J",
        "\u{90}",
        "\x07",
        "\x08",
        "\x00",
        "\x7f",
        "\u{202e}",
        "\u{2066}",
        "\u{200b}",
        "\u{e0041}",
        "\u{85}",
        "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "\x1b",
        "\x1b[",
        "\x1b[1",
        "\x0b",
    ] {
        for from in [From::Interface, From::Command, From::File] {
            assert!(!findings(hostile.as_bytes(), from).is_empty(), "{hostile:?} from {from:?}");
        }
    }
    assert!(!findings(b"a\x9b2Jb", From::Interface).is_empty());
    assert!(!findings(b"line\rover", From::Command).is_empty());
}
