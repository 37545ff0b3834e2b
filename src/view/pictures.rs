//! The README's pictures: the screens as the tests draw them, kept in `assets/pictures` and held to be current.
//!
//! `PIA_HALO_PICTURES=write cargo test --lib pictures` draws them anew.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::tests::{drawn, scenes};
use crate::app::text::width;

/// The scenes that the README shows.
const SHOWN: [&str; 16] = [
    "integrations_cards",
    "wizard_checklist",
    "wizard_credentials_passed",
    "wizard_credentials_refused",
    "wizard_company_sync",
    "wizard_pia_screen",
    "wizard_sync_running",
    "wizard_configure_plan",
    "wizard_finished",
    "pane_clients_search",
    "pane_integration_repair",
    "pane_integration_drift",
    "pane_events",
    "event",
    "removal_plan",
    "removal_typed",
];

/// What the moving picture shows, one after the other, each for [`SECONDS`].
const WALK: [&str; 9] = [
    "integrations_cards",
    "wizard_credentials_passed",
    "wizard_company_sync",
    "wizard_pia_screen",
    "wizard_sync_running",
    "wizard_configure_plan",
    "wizard_finished",
    "pane_clients_search",
    "pane_events",
];
const SECONDS: usize = 3;

const CELL: (usize, usize) = (9, 20);
const PAPER: &str = "#1d1f21";
const INK: &str = "#d0d0d0";

#[test]
fn pictures_of_readme_are_current() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/pictures");
    let mut frames = [const { String::new() }; WALK.len()];
    let mut shown = 0;
    for (name, stage) in scenes() {
        if !SHOWN.contains(&name) {
            continue;
        }
        shown += 1;
        let size = stage.model.size;
        let (buffer, cursor) = drawn(&stage.model, size.width, size.height);
        let picture = screen(&buffer, cursor);
        if let Some(n) = WALK.iter().position(|frame| *frame == name) {
            frames[n].clone_from(&picture);
        }
        let whole = svg(usize::from(size.width), usize::from(size.height), &picture);
        keep(&folder.join(format!("{name}.svg")), &whole);
    }
    assert_eq!(shown, SHOWN.len(), "a scene of the README is gone");
    keep(&folder.join("walk.svg"), &svg(80, 24, &moving(&frames)));
}

fn keep(path: &Path, picture: &str) {
    if std::env::var_os("PIA_HALO_PICTURES").is_some() {
        std::fs::write(path, picture).unwrap();
    } else {
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == picture, "{} is old: PIA_HALO_PICTURES=write cargo test --lib pictures", path.display());
    }
}

/// Each frame lies over the ones before it, and is seen in its turn. Who wants no motion sees the plan; where nothing can move,
/// the last one is seen.
fn moving(frames: &[String]) -> String {
    let all = frames.len() * SECONDS;
    let share = 100.0 / frames.len() as f64;
    let mut out = format!(
        "<style>g{{animation:walk {all}s step-end infinite}}\
         @keyframes walk{{0%{{visibility:visible}}{share:.3}%{{visibility:hidden}}}}\
         @media(prefers-reduced-motion:reduce){{g{{animation:none;visibility:hidden}}#wizard_configure_plan{{visibility:visible}}}}</style>\n"
    );
    for (n, (frame, name)) in frames.iter().zip(WALK).enumerate() {
        let before = all - n * SECONDS;
        let _ = write!(out, "<g id=\"{name}\" style=\"animation-delay:-{before}s\">\n{frame}</g>\n");
    }
    out
}

fn svg(across: usize, down: usize, drawn: &str) -> String {
    let (w, h) = (across * CELL.0 + 20, down * CELL.1 + 20);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"15\">\n\
         {drawn}</svg>\n"
    )
}

/// A screen as a picture: one text per run of a style, placed by cell so that every width is right.
fn screen(buffer: &Buffer, cursor: Option<(u16, u16)>) -> String {
    let (across, down) = (usize::from(buffer.area.width), usize::from(buffer.area.height));
    let mut out = format!("<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{PAPER}\"/>\n");
    for y in 0..down {
        let mut x = 0;
        while x < across {
            let start = x;
            let style = style_of(&buffer[(x as u16, y as u16)]);
            let mut text = String::new();
            while x < across && style_of(&buffer[(x as u16, y as u16)]) == style {
                let symbol = buffer[(x as u16, y as u16)].symbol();
                text.push_str(symbol);
                let wide = width(symbol).max(1);
                x += wide;
                // A wide or an odd character may be drawn wider than its cells: the next run begins anew.
                if wide > 1 || !symbol.is_ascii() && !is_box(symbol) {
                    break;
                }
            }
            run(&mut out, start, y, x - start, &text, &style);
        }
    }
    if let Some((x, y)) = cursor {
        let (left, top) = place(usize::from(x), usize::from(y));
        let _ = writeln!(out, "<rect x=\"{left}\" y=\"{top}\" width=\"2\" height=\"{}\" fill=\"{INK}\"/>", CELL.1);
    }
    out
}

fn is_box(symbol: &str) -> bool {
    symbol.chars().all(|c| ('\u{2500}'..='\u{259f}').contains(&c))
}

fn place(x: usize, y: usize) -> (usize, usize) {
    (10 + x * CELL.0, 10 + y * CELL.1)
}

fn run(out: &mut String, x: usize, y: usize, cells: usize, text: &str, style: &Style) {
    let (left, top) = place(x, y);
    let length = cells * CELL.0;
    if let Some(paper) = style.paper {
        let _ =
            writeln!(out, "<rect x=\"{left}\" y=\"{top}\" width=\"{length}\" height=\"{}\" fill=\"{paper}\"/>", CELL.1);
    }
    if text.trim().is_empty() {
        return;
    }
    let mut extra = String::new();
    if style.bold {
        extra.push_str(" font-weight=\"bold\"");
    }
    if style.dim {
        extra.push_str(" opacity=\"0.6\"");
    }
    if style.underlined {
        extra.push_str(" text-decoration=\"underline\"");
    }
    // Browsers no longer keep spaces for `xml:space`, and stretch what is left over the whole length.
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace(' ', "\u{a0}");
    let base = top + 15;
    let _ = writeln!(
        out,
        "<text x=\"{left}\" y=\"{base}\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\" \
         fill=\"{}\"{extra}>{text}</text>",
        style.ink
    );
}

#[derive(PartialEq)]
struct Style {
    ink: &'static str,
    paper: Option<&'static str>,
    bold: bool,
    dim: bool,
    underlined: bool,
}

fn style_of(cell: &Cell) -> Style {
    let ink = match cell.fg {
        Color::Red | Color::LightRed => "#e06c6c",
        Color::Green | Color::LightGreen => "#8fbf6f",
        Color::Yellow | Color::LightYellow => "#e0b45c",
        Color::Blue | Color::LightBlue => "#6fa8dc",
        Color::Magenta | Color::LightMagenta => "#c08bd0",
        Color::Cyan | Color::LightCyan => "#6fc0c0",
        Color::Black | Color::DarkGray => "#808080",
        _ => INK,
    };
    let has = |modifier| cell.modifier.contains(modifier);
    let (ink, paper) = if has(Modifier::REVERSED) { (PAPER, Some(ink)) } else { (ink, None) };
    Style { ink, paper, bold: has(Modifier::BOLD), dim: has(Modifier::DIM), underlined: has(Modifier::UNDERLINED) }
}
