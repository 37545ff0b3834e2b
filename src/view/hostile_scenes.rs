//! Every scene with a hostile Halo behind it: what is sent to the terminal is ours, in its place, and bounded.

use ratatui::buffer::Buffer;
use ratatui::layout::Size;

use super::tests::{drawn, scenes};
use crate::app::Model;
use crate::app::testing::{in_panes, with_halo_saying};
use crate::app::text::width;
use crate::tui::pen::Pen;
use vt::{From, findings};

#[path = "../../tests/support/vt.rs"]
#[allow(dead_code, reason = "the commands and files among its streams are for other tests")]
mod vt;

/// More than a frame may have (R52).
const LARGEST_FRAME: usize = 64 * 1024;

/// What a Halo may say: short texts, which are also put into sentences of ours, and long ones, which the type bounds.
fn texts() -> Vec<[String; 2]> {
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
    let twice = short.map(|text| [text.clone(), text]);
    twice.into_iter().chain(towers(2_000).map(|text| [text, String::new()])).collect()
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
fn frame(model: &Model, width: u16, height: u16) -> Vec<u8> {
    let (screen, _) = drawn(model, width, height);
    let (mut pen, mut bytes) = (Pen::default(), Vec::new());
    pen.clear(&mut bytes, Size { width, height });
    pen.draw(&mut bytes, Buffer::empty(screen.area).diff(&screen).into_iter());
    bytes
}

/// R50, R51, R52.
#[test]
fn no_scene_sends_anything_that_is_not_ours_and_no_frame_is_large() {
    let mut largest = 0;
    for [foreign, quoted] in texts() {
        for (name, mut stage) in with_halo_saying([&foreign, &quoted], scenes) {
            // A second column shows more; what bounds a tower shows on either.
            let (columns, rows) = if foreign == quoted { (120, 40) } else { (80, 24) };
            stage.resize(columns, rows);
            let bytes = frame(&stage.model, columns, rows);
            let what = || format!("{name} with {:?}", foreign.chars().take(20).collect::<String>());
            assert_eq!(findings(&bytes, From::Interface), [""; 0], "{}", what());
            assert!(bytes.len() < LARGEST_FRAME, "{} sends {} bytes", what(), bytes.len());
            largest = largest.max(bytes.len());
        }
    }
    assert!(largest > 4_000, "the frames were drawn: {largest}");
}

/// R52: 200,000 marks, a name of a megabyte, 100,000 overrides: the client list with them, on a large screen too.
#[test]
fn names_of_megabytes_make_no_large_frame() {
    for tower in towers(200_000) {
        let mut stage = with_halo_saying([&tower, ""], in_panes);
        for keys in ["2", "Enter", "3", "4", "5", "1"] {
            stage.keys(keys);
            for (width, height) in [(80, 24), (200, 50)] {
                stage.resize(width, height);
                let bytes = frame(&stage.model, width, height);
                assert_eq!(findings(&bytes, From::Interface), [""; 0]);
                assert!(bytes.len() < LARGEST_FRAME, "{} bytes", bytes.len());
            }
        }
    }
}

/// R51: a terminal that knows nothing of clusters shows each character where it belongs.
#[test]
fn columns_stay_aligned_on_a_plain_terminal() {
    for [foreign, quoted] in texts() {
        for (name, mut stage) in with_halo_saying([&foreign, &quoted], scenes) {
            stage.resize(80, 24);
            let mut terminal = vt100::Parser::new(24, 80, 0);
            // vt100 takes the mark for what cannot be shown as a fault of the line, and drops it.
            let plain = |text: &str| text.replace('\u{fffd}', "?");
            let sent = String::from_utf8(frame(&stage.model, 80, 24)).unwrap();
            terminal.process(plain(&sent).as_bytes());
            let (buffer, _) = drawn(&stage.model, 80, 24);
            for y in 0..24 {
                let mut x = 0;
                while x < 80 {
                    let ours = &*plain(buffer[(x, y)].symbol());
                    let shown = terminal.screen().cell(y, x).map(vt100::Cell::contents).unwrap_or_default();
                    // What leans on a character may be left out there; where it stands may not.
                    let same = ours.chars().next() == shown.chars().next() || (ours == " " && shown.is_empty());
                    let behind: String = foreign.chars().take(20).collect();
                    assert!(same, "{name} at {x},{y}: {ours:?} is shown as {shown:?}, with {behind:?}");
                    x += u16::try_from(width(ours).max(1)).unwrap();
                }
            }
        }
    }
}
