//! Every scene with a hostile Halo behind it: what is sent to the terminal is ours, in its place, and bounded.

use ratatui::buffer::Buffer;
use ratatui::layout::Size;

use super::tests::{drawn, scenes};
use crate::app::testing::{in_panes, with_halo_saying};
use crate::app::text::width;
use crate::tui::pen::Pen;
use vt::{From, findings};

#[path = "../../tests/support/vt.rs"]
#[allow(dead_code, reason = "the commands and files among its streams are for other tests")]
mod vt;

/// More than a frame may have.
const LARGEST_FRAME: usize = 64 * 1024;

/// Short texts of a hostile Halo, which are also put into sentences of ours.
fn short_texts() -> impl Iterator<Item = [String; 2]> {
    let all = |from: u8, to: u8| (from..=to).map(char::from).collect::<String>();
    let short = [
        all(0x00, 0x1f),
        all(0x7f, 0x9f),
        "\u{1b}[31m\u{1b}]0;t\u{7}\u{1b}]8;;x\u{1b}\\\u{1b}]52;c;aGk=\u{7}\u{1b}P$qm\u{1b}\\\u{1b}_a\u{1b}\\\u{1b}c\u{1b}[21t".to_owned(),
        "\u{202e}\u{202a}\u{2066}\u{2067}\u{2069}\u{200e}\u{61c}\u{200b}\u{200d}\u{2060}\u{feff}\u{ad}\u{e0041}\u{fe0f}\u{e0100}".to_owned(),
        "line\r\nbreak\ttab\u{2028}\u{2029}\u{85}".to_owned(),
        "北京ＷＩＤＥｶﾞ👩\u{200d}🚀👍🏽🇦🇺 שלום الاتصالات क्षत्रिय 한\u{1100}\u{1161}".to_owned(),
        format!(" e{}", "\u{301}".repeat(300)),
    ];
    short.map(|text| [text.clone(), text]).into_iter()
}

/// Names of a size that nobody expects.
fn towers(size: usize) -> [String; 8] {
    [
        "\u{301}".repeat(size),
        "\u{202e}".repeat(size / 2),
        "Ξ".repeat(size * 3),
        "x\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}".repeat(size / 4),
        "क\u{94d}".repeat(size / 4),
        "\u{1100}".repeat(size / 2),
        "\u{1f3fb}".repeat(size / 4),
        "𝕏\u{1d165}\u{1d165}\u{1d165}\u{1d165}\u{1d165}\u{1d165}".repeat(size / 20),
    ]
}

/// The bytes of a first frame, in which every cell is new.
fn frame(screen: &Buffer) -> Vec<u8> {
    let (mut pen, mut bytes) = (Pen::default(), Vec::new());
    pen.clear(&mut bytes, screen.area.as_size());
    pen.draw(&mut bytes, Buffer::empty(screen.area).diff(screen).into_iter());
    bytes
}

/// Draws every scene with these texts in it: the stream is ours, each character is where it belongs and the
/// frame is bounded. A scene takes far longer to reach than to draw, so one walk serves all three.
fn check_every_scene([foreign, quoted]: [String; 2], sizes: &[(u16, u16)]) -> usize {
    let behind: String = foreign.chars().take(20).collect();
    let mut largest = 0;
    for (name, mut stage) in with_halo_saying([&foreign, &quoted], scenes) {
        for (columns, rows) in sizes {
            stage.resize(*columns, *rows);
            let (screen, _) = drawn(&stage.model, *columns, *rows);
            let bytes = frame(&screen);
            let what = format!("{name} with {behind:?}");
            assert_eq!(findings(&bytes, From::Interface), [""; 0], "{what}");
            assert!(bytes.len() < LARGEST_FRAME, "{what} sends {} bytes", bytes.len());
            check_columns(&screen, &bytes, &what);
            largest = largest.max(bytes.len());
        }
    }
    largest
}

/// A terminal that knows nothing of clusters shows each character where it belongs.
fn check_columns(screen: &Buffer, bytes: &[u8], what: &str) {
    let Size { width: columns, height: rows } = screen.area.as_size();
    let mut terminal = vt100::Parser::new(rows, columns, 0);
    // vt100 takes the mark for what cannot be shown as a fault of the line, and drops it.
    let plain = |text: &str| text.replace('\u{fffd}', "?");
    terminal.process(plain(std::str::from_utf8(bytes).unwrap()).as_bytes());
    for y in 0..rows {
        let mut x = 0;
        while x < columns {
            let symbol = screen[(x, y)].symbol();
            let shown = terminal.screen().cell(y, x).map(vt100::Cell::contents).unwrap_or_default();
            if symbol.len() == 1 && symbol == shown {
                x += 1;
                continue;
            }
            let ours = &*plain(symbol);
            // What leans on a character may be left out there; where it stands may not.
            let same = ours.chars().next() == shown.chars().next() || (ours == " " && shown.is_empty());
            assert!(same, "{what} at {x},{y}: {ours:?} is shown as {shown:?}");
            x += u16::try_from(width(ours).max(1)).unwrap();
        }
    }
}

#[test]
fn hostile_texts_leave_every_scene_ours_bounded_and_aligned() {
    // A second column shows more of them.
    let largest = short_texts().map(|texts| check_every_scene(texts, &[(80, 24), (120, 40)])).max();
    assert!(largest > Some(4_000), "the frames were drawn: {largest:?}");
}

#[test]
fn towers_of_marks_leave_every_scene_ours_bounded_and_aligned() {
    // What bounds a tower shows on one size.
    let largest = towers(500).into_iter().map(|text| check_every_scene([text, String::new()], &[(80, 24)])).max();
    assert!(largest.is_some_and(|bytes| (4_000..20_000).contains(&bytes)), "a tower is cut: {largest:?}");
}

/// 200,000 marks, a name of a megabyte, 100,000 overrides: the client list with them, on a large screen too.
#[test]
fn names_of_megabytes_make_no_large_frame() {
    for tower in towers(200_000) {
        let mut stage = with_halo_saying([&tower, ""], in_panes);
        for keys in ["2", "Enter", "3", "4", "5", "1"] {
            stage.keys(keys);
            for (width, height) in [(80, 24), (200, 50)] {
                stage.resize(width, height);
                let bytes = frame(&drawn(&stage.model, width, height).0);
                assert_eq!(findings(&bytes, From::Interface), [""; 0]);
                assert!(bytes.len() < LARGEST_FRAME, "{} bytes", bytes.len());
            }
        }
    }
}
