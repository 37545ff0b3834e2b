//! A screen as text that carries its style.

use std::fmt::Write;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use crate::app::keymap::Pane;
use crate::app::model::Screen;
use crate::app::testing::Stage;
use crate::app::{Model, Theme};
use crate::view::draw;

/// The sizes at which every scene is looked at.
pub const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (50, 15)];

/// The looks in which every scene is looked at.
pub const THEMES: [(&str, Theme); 2] =
    [("colour", Theme { mono: false, ascii: false }), ("mono ASCII", Theme { mono: true, ascii: true })];

/// Draws into a buffer, and says where the cursor stands.
pub fn drawn(model: &Model, width: u16, height: u16) -> (Buffer, Option<(u16, u16)>) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(model, frame)).unwrap();
    let backend = terminal.backend();
    // The backend shows the cursor only where the frame placed it.
    let position = backend.cursor_position();
    let shown = backend.cursor_visible();
    (backend.buffer().clone(), shown.then_some((position.x, position.y)))
}

/// The scene at its size: the buffer, and the cursor.
pub fn shown(stage: &Stage) -> (Buffer, Option<(u16, u16)>) {
    drawn(&stage.model, stage.model.size.width, stage.model.size.height)
}

/// A line of a buffer, without what a wide character covers.
pub fn line(buffer: &Buffer, y: u16) -> String {
    let mut line = String::new();
    let mut skip = 0;
    for x in 0..buffer.area.width {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        let symbol = buffer[(x, y)].symbol();
        line.push_str(symbol);
        skip = crate::app::text::width(symbol).saturating_sub(1);
    }
    line
}

/// The lines of a scene, without its styles.
pub fn plain(stage: &Stage) -> String {
    let (buffer, _) = shown(stage);
    (0..buffer.area.height).map(|y| line(&buffer, y).trim_end().to_owned() + "\n").collect()
}

/// A picture as text: the lines, then where the style is not plain.
pub fn picture(stage: &Stage) -> String {
    let (buffer, cursor) = shown(stage);
    let mut out = String::new();
    let mut styles = String::new();
    for y in 0..buffer.area.height {
        let mut runs: Vec<(u16, u16, String)> = Vec::new();
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = style_name(cell.fg, cell.bg, cell.modifier);
            match runs.last_mut().filter(|(_, end, name)| *end == x && *name == style) {
                Some((_, end, _)) => *end = x + 1,
                None if style.is_empty() => {}
                None => runs.push((x, x + 1, style)),
            }
        }
        writeln!(out, "{}", line(&buffer, y).trim_end()).unwrap();
        if !runs.is_empty() {
            let runs: Vec<String> = runs.iter().map(|(from, to, name)| format!("{from}-{to} {name}")).collect();
            writeln!(styles, "{y:>2}: {}", runs.join(", ")).unwrap();
        }
    }
    let cursor = cursor.map(|(x, y)| format!("cursor {x},{y}\n")).unwrap_or_default();
    format!("{out}--- style\n{styles}{cursor}")
}

fn style_name(fg: Color, bg: Color, modifier: Modifier) -> String {
    let mut parts = Vec::new();
    if fg != Color::Reset {
        parts.push(format!("{fg:?}").to_lowercase());
    }
    assert_eq!(bg, Color::Reset, "nothing is painted");
    for (flag, name) in [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::UNDERLINED, "underlined"),
        (Modifier::REVERSED, "reversed"),
    ] {
        if modifier.contains(flag) {
            parts.push(name.to_owned());
        }
    }
    parts.join(" ")
}

/// The scene in every look and at every size: what one snapshot holds.
pub fn album(stage: &mut Stage) -> String {
    let mut out = String::new();
    // What is looked at most has to be read on the smallest terminal too.
    let is_overview = stage.model.screen == Screen::Panes && stage.model.panes.pane == Pane::Overview;
    for (width, height) in SIZES.into_iter().chain(is_overview.then_some((40, 12))) {
        for (styles, theme) in THEMES {
            stage.model.theme = theme;
            stage.resize(width, height);
            write!(out, "=== {width}x{height} {styles}\n{}\n", picture(stage)).unwrap();
        }
    }
    out
}
