//! Pure drawing of the app's model: it reads, and writes nothing back.

pub mod integrations;
pub mod page;
mod palette;
pub mod panes;
pub mod popup;
pub mod text;
pub mod theme;
pub mod wizard;

#[cfg(test)]
mod hostile_scenes;
#[cfg(test)]
mod pictures;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::app::Model;
use crate::app::keymap::{self, Command, Hint, Place};
use crate::app::model::Screen;
use crate::app::notice::Tone;
use crate::app::panes::Pane;
use crate::app::text::width;
use crate::app::wizard::{Mark, STEPS, connection, mark, step_name};
use crate::domain::draft::Step;
use crate::domain::untrusted::harmless;

use page::Page;
use text::{fit, window};
use theme::{Look, symbol, to_ascii};

/// Draws the model.
pub fn draw(model: &Model, frame: &mut Frame) {
    let look = Look::new(model.theme);
    if frame.area().is_empty() {
        return;
    }
    if model.layout.too_small {
        too_small(model, frame);
    } else {
        screen(model, frame, look);
    }
    harmless_cells(frame.buffer_mut());
    if model.theme.ascii {
        to_ascii(frame.buffer_mut());
    }
}

// The second net under every text: what somebody pasted into a field or wrote into a file has no type of its own.
fn harmless_cells(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        // The cell after this one holds what a joiner at its end joins.
        let symbol = cell.symbol().trim_end_matches(['\u{200c}', '\u{200d}']);
        let clean = harmless(symbol);
        if clean != symbol {
            let clean = if clean.is_empty() { " ".to_owned() } else { clean.into_owned() };
            cell.set_symbol(&clean);
        }
    }
}

fn too_small(model: &Model, frame: &mut Frame) {
    let size = crate::app::layout::SMALLEST;
    let words = format!("too small: {}x{} of {}x{}", model.size.width, model.size.height, size.width, size.height);
    put(frame, frame.area(), Line::raw(fit(&words, usize::from(frame.area().width))));
}

// A line into an area that may lie outside what there is.
fn put(frame: &mut Frame, area: Rect, line: Line<'_>) {
    let area = area.intersection(frame.area());
    if !area.is_empty() {
        frame.render_widget(Paragraph::new(line), Rect { height: 1, ..area });
    }
}

fn screen(model: &Model, frame: &mut Frame, look: Look) {
    let layout = &model.layout;
    put(frame, layout.header, header(model, look));
    if layout.steps.height > 0 {
        let line = if model.screen == Screen::Wizard { steps(model, look) } else { panes_line(model, look) };
        put(frame, layout.steps, line);
    }
    put(frame, layout.upper, rule(layout.upper.width, look));

    let columns = usize::from(layout.body.width);
    let page = match model.screen {
        Screen::Starting => Page::new(look, columns),
        Screen::Integrations => integrations::page(model, look, columns),
        Screen::Wizard => wizard::page(model, look, columns),
        Screen::Panes => panes::page(model, look, columns),
    };
    let height = usize::from(layout.body.height);
    let first = page.scroll(height);
    let body = layout.body.intersection(frame.area());
    let below = page.lines.len().saturating_sub(first + height);
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
    let lines: Vec<Line<'_>> = page.lines.into_iter().skip(first).take(height).collect();
    frame.render_widget(Paragraph::new(lines), body);

    if let Some(area) = layout.detail {
        let area = area.intersection(frame.area());
        let detail = match model.screen {
            Screen::Wizard => wizard::detail(model, look, usize::from(area.width)),
            Screen::Panes => panes::detail(model, look, usize::from(area.width)),
            Screen::Starting | Screen::Integrations => Vec::new(),
        };
        frame.render_widget(Paragraph::new(detail), area);
    }

    put(frame, layout.lower, lower_rule(model, look, first > 0, below));
    put(frame, layout.keys, keys(model, look));
    popup::draw(model, frame, look);
    palette::draw(model, frame, look);
}

fn header(model: &Model, look: Look) -> Line<'static> {
    let columns = usize::from(model.layout.header.width);
    let mut spans = vec![Span::raw(" "), Span::styled("pia-halo", look.title())];
    if model.demo {
        spans.push(Span::styled(" demo", look.dim()));
    }
    spans.push(Span::raw("  "));
    let used: usize = spans.iter().map(Span::width).sum();
    let (tone, words) = match model.screen {
        Screen::Wizard => connection(model),
        Screen::Panes => panes::state(model),
        Screen::Starting | Screen::Integrations => (Tone::Calm, String::new()),
    };
    let right = match tone {
        Tone::Calm => words,
        tone => format!("{} {words}", symbol(tone)),
    };
    let right = fit(&right, columns.saturating_sub(used + 10));
    let room = columns.saturating_sub(used + width(&right) + 3);
    let title = fit(&model.title(), room);
    let gap = columns.saturating_sub(used + width(&title) + width(&right) + 1);
    spans.push(Span::raw(title));
    spans.push(Span::raw(" ".repeat(gap)));
    spans.push(Span::styled(right, look.tone(tone)));
    Line::from(spans)
}

fn steps(model: &Model, look: Look) -> Line<'static> {
    let columns = usize::from(model.layout.steps.width);
    let mut spans = Vec::new();
    for (step, name) in STEPS {
        let (glyph, style, words) = match mark(model, step) {
            Mark::Current => ("●", look.focus(), look.focus()),
            Mark::Done => ("✓", look.tone(Tone::Good), Style::new()),
            Mark::Warn => ("!", look.tone(Tone::Warn), Style::new()),
            Mark::Todo => ("○", look.dim(), look.dim()),
        };
        spans.extend([Span::raw(" "), Span::styled(glyph, style), Span::raw(" "), Span::styled(name, words)]);
    }
    let line = Line::from(spans);
    if line.width() < columns {
        return line;
    }
    let step = model.wizard.as_ref().map_or(Step::Checklist, |wizard| wizard.step);
    let at = STEPS.iter().position(|(other, _)| *other == step);
    let words = match at {
        Some(at) => {
            let next = STEPS.get(at + 1).map(|(_, name)| format!(" · then {name}")).unwrap_or_default();
            format!("step {} of {}  {}{next}", at + 1, STEPS.len(), STEPS[at].1)
        }
        None => step_name(step).to_owned(),
    };
    Line::from(vec![Span::raw(" "), Span::styled(fit(&words, columns.saturating_sub(2)), look.focus())])
}

fn panes_line(model: &Model, look: Look) -> Line<'static> {
    let mut spans = vec![Span::raw(" ")];
    let commands = [Command::PaneSync, Command::PaneClients, Command::PaneIntegration, Command::PaneActivity];
    for (pane, command) in Pane::ALL.into_iter().zip(commands) {
        let style = if pane == model.panes.pane { look.focus() } else { Style::new() };
        let key = model.keys.key(command, Place::PaneSync).map(|key| format!("{} ", key.name())).unwrap_or_default();
        spans.push(Span::styled(format!("{key}{}", pane.title()), style));
        spans.push(Span::raw("  "));
    }
    Line::from(spans)
}

fn rule(columns: u16, look: Look) -> Line<'static> {
    Line::styled("─".repeat(usize::from(columns)), look.dim())
}

// The lower rule: what just happened stands in it, or that there is more to see.
fn lower_rule(model: &Model, look: Look, above: bool, below: usize) -> Line<'static> {
    let columns = usize::from(model.layout.lower.width);
    if let Some(notice) = &model.notice {
        let words = fit(&notice.text, columns.saturating_sub(8));
        let mark = if notice.tone == Tone::Calm { "·" } else { symbol(notice.tone) };
        let used = 4 + width(mark) + width(&words) + 1;
        return Line::from(vec![
            Span::styled("── ", look.dim()),
            Span::styled(format!("{mark} {words}"), look.tone(notice.tone)),
            Span::raw(" "),
            Span::styled("─".repeat(columns.saturating_sub(used)), look.dim()),
        ]);
    }
    let more = match (above, below) {
        (_, 1..) => format!(" ↓ {below} more "),
        (true, 0) => " ↑ more ".to_owned(),
        (false, 0) => return rule(model.layout.lower.width, look),
    };
    let left = columns.saturating_sub(width(&more) + 2);
    Line::styled(format!("{}{more}──", "─".repeat(left)), look.dim())
}

fn keys(model: &Model, look: Look) -> Line<'static> {
    let columns = usize::from(model.layout.keys.width);
    let (left, right) = keymap::hints(model, columns);
    let spans = |hints: Vec<Hint>| -> Vec<Span<'static>> {
        let one =
            |hint: Hint| [Span::styled(hint.key, look.title()), Span::raw(format!(" {}", hint.words)), Span::raw("  ")];
        hints.into_iter().flat_map(one).collect()
    };
    let mut line = vec![Span::raw(" ")];
    line.extend(spans(left));
    let mut right = spans(right);
    right.pop();
    let used: usize = line.iter().chain(&right).map(Span::width).sum();
    line.push(Span::raw(" ".repeat(columns.saturating_sub(used + 1))));
    line.extend(right);
    Line::from(line)
}

/// A text seen through a window, for a field that has the focus.
pub(crate) fn seen(text: &str, skip: usize, columns: usize) -> String {
    window(text, skip, columns)
}
