//! Pure drawing of the app's model: it reads, and writes nothing back.

mod footer;
mod header;
pub(crate) mod integrations;
pub(crate) mod page;
mod palette;
pub(crate) mod panes;
pub(crate) mod plan;
pub(crate) mod popup;
pub(crate) mod progress;
mod results;
mod scroll;
pub mod text;
pub(crate) mod theme;
pub(crate) mod wizard;

#[cfg(test)]
mod hostile_scenes;
#[cfg(test)]
mod pictures;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::app::Model;
use crate::app::layout::LOW;
use crate::app::model::Screen;
use crate::app::popup::{Ask, Confirm, Popup};
use crate::app::text::wrap;

use page::{Page, put};
use text::window;
use theme::{Styles, clean, to_ascii};

/// Draws the model.
pub fn draw(model: &Model, frame: &mut Frame) {
    let styles = Styles::new(model.theme);
    if frame.area().is_empty() {
        return;
    }
    if model.layout.too_small {
        too_small(model, frame);
    } else {
        screen(model, frame, styles);
    }
    clean(frame.buffer_mut());
    if model.theme.ascii {
        to_ascii(frame.buffer_mut());
    }
}

// What it needs comes first: it is read even where only its first words fit.
fn too_small(model: &Model, frame: &mut Frame) {
    let (least, size) = (crate::app::layout::SMALLEST, model.size);
    let words = match &model.popup {
        // Asked where its box has no room: what would be lost has to be read before it is.
        Some(Popup::Confirm(Confirm { ask: Ask::Quit { reason }, .. })) => {
            format!("Quit? {reason} Ctrl-C again quits.")
        }
        _ => format!(
            "Too small: make the terminal {}x{} or larger. It is {}x{}. Ctrl-C quits.",
            least.width, least.height, size.width, size.height
        ),
    };
    let area = frame.area();
    let mut lines = wrap(&words, usize::from(area.width));
    if lines.len() > usize::from(area.height) {
        let short = match &model.popup {
            Some(Popup::Confirm(Confirm { ask: Ask::Quit { .. }, .. })) => "Quit? Ctrl-C again".to_owned(),
            _ => format!("Needs {}x{}", least.width, least.height),
        };
        lines = wrap(&short, usize::from(area.width));
    }
    frame.render_widget(Paragraph::new(lines.into_iter().map(Line::raw).collect::<Vec<_>>()), area);
}

fn screen(model: &Model, frame: &mut Frame, styles: Styles) {
    let layout = &model.layout;
    put(frame, layout.header, header::line(model, styles));
    if layout.steps.height > 0 {
        let line =
            if model.screen == Screen::Wizard { header::steps(model, styles) } else { header::panes(model, styles) };
        put(frame, layout.steps, line);
    }

    let columns = usize::from(layout.body.width);
    let mut page = match model.screen {
        Screen::Starting => starting(styles, columns),
        Screen::Integrations => integrations::page(model, styles, columns),
        Screen::Wizard => wizard::page(model, styles, columns),
        Screen::Panes => panes::page(model, styles, columns),
    };
    // A long notice takes the last lines of the body: it is there to be read whole.
    let notice = footer::notice(model);
    let extra = (notice.len().saturating_sub(1) as u16).min(layout.body.height.saturating_sub(1));
    let body = Rect { height: layout.body.height - extra, ..layout.body }.intersection(frame.area());
    let height = usize::from(body.height);
    let full = page.lines.iter().filter(|line| !line.spans.is_empty()).count();
    // On a low one air always gives way to what is to be read; else where all can be seen then, and no notice that comes and
    // goes moves the rows.
    let is_low = height < usize::from(LOW);
    let room = if is_low { height } else { usize::from(layout.body.height) };
    if page.is_tight || page.lines.len() > room && (is_low || full <= room) {
        page.squeeze();
    }
    let first = page.scroll(height);
    if let Some((line, column)) = page.cursor
        && line >= first
        && line < first + height
        && model.popup.is_none()
    {
        let position = Position::new(body.x + column, body.y + (line - first) as u16);
        if body.contains(position) {
            frame.set_cursor_position(position);
        }
    }
    let all = page.lines.len();
    let lines: Vec<Line<'_>> = page.lines.drain(..).skip(first).take(height).collect();
    frame.render_widget(Paragraph::new(lines), body);
    let bar = Rect { x: body.right().saturating_sub(1), width: 1, ..body };
    let (mut above, mut below) = (first, all.saturating_sub(first + height));
    match page.part {
        Some(part) if part.shown < part.total => {
            above += part.first;
            below += part.total - part.first - part.shown;
            let top = body.y + part.line.saturating_sub(first) as u16;
            let beside = Rect { y: top, height: part.shown as u16, ..bar }.intersection(body);
            scroll::bar(frame, beside, part.first, part.shown, part.total, styles);
        }
        _ => scroll::bar(frame, bar, first, height, all, styles),
    }

    if let Some(area) = layout.detail {
        let area = Rect { height: area.height - extra, ..area }.intersection(frame.area());
        let mut detail = match model.screen {
            Screen::Wizard => wizard::detail(model, styles, usize::from(area.width)),
            Screen::Panes => panes::detail(model, styles, usize::from(area.width)),
            Screen::Starting | Screen::Integrations => Vec::new(),
        };
        scroll::cut(&mut detail, usize::from(area.height), styles);
        frame.render_widget(Paragraph::new(detail), area);
    }

    put(frame, layout.upper, footer::rule(layout.upper.width, styles, &scroll::words(above, 0)));
    let lower = Rect { y: layout.lower.y - extra, ..layout.lower };
    footer::lower_rule(model, frame, styles, lower, &notice, &scroll::words(0, below));
    put(frame, layout.keys, footer::keys(model, styles));
    popup::draw(model, frame, styles);
    palette::draw(model, frame, styles);
}

fn starting(styles: Styles, columns: usize) -> Page {
    let mut page = Page::new(styles, columns);
    page.blank();
    page.plain("Reading what is set up here.", styles.dim());
    page
}

/// A text seen through a window, for a field that has the focus.
pub(crate) fn seen(text: &str, skip: usize, columns: usize) -> String {
    window(text, skip, columns)
}
