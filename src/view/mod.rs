//! Pure drawing of the app's model: it reads, and writes nothing back.

pub(crate) mod integrations;
pub(crate) mod page;
mod palette;
pub(crate) mod panes;
pub(crate) mod plan;
pub(crate) mod popup;
pub(crate) mod progress;
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
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::app::Model;
use crate::app::hints::{self, Hint};
use crate::app::keymap::{Command, Place};
use crate::app::model::Screen;
use crate::app::notice::Tone;
use crate::app::panes::Pane;
use crate::app::popup::{Ask, Confirm, Popup};
use crate::app::text::{width, wrap};
use crate::app::wizard::{Mark, STEPS, connection, mark};
use crate::domain::draft::Step;

use page::Page;
use text::{fit, window};
use theme::{Styles, clean, symbol, to_ascii};

/// Columns that the name of the configuration keeps in the header.
const NAME: usize = 16;

/// Below this many lines of the body, air always gives way to what is to be read; above, where all can be seen then.
const LOW: usize = 14;

/// The most lines of a notice.
const NOTICE: usize = 4;

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

// A line into an area that may lie outside what there is.
fn put(frame: &mut Frame, area: Rect, line: Line<'_>) {
    let area = area.intersection(frame.area());
    if !area.is_empty() {
        frame.render_widget(Paragraph::new(line), Rect { height: 1, ..area });
    }
}

fn screen(model: &Model, frame: &mut Frame, styles: Styles) {
    let layout = &model.layout;
    put(frame, layout.header, header(model, styles));
    if layout.steps.height > 0 {
        let line = if model.screen == Screen::Wizard { steps(model, styles) } else { panes_line(model, styles) };
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
    let notice = notice(model);
    let extra = (notice.len().saturating_sub(1) as u16).min(layout.body.height.saturating_sub(1));
    let body = Rect { height: layout.body.height - extra, ..layout.body }.intersection(frame.area());
    let height = usize::from(body.height);
    let full = page.lines.iter().filter(|line| !line.spans.is_empty()).count();
    if page.lines.len() > height && (height < LOW || full <= height) {
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

    put(frame, layout.upper, rule(layout.upper.width, styles, &scroll::words(above, 0)));
    let lower = Rect { y: layout.lower.y - extra, ..layout.lower };
    lower_rule(model, frame, styles, lower, &notice, &scroll::words(0, below));
    put(frame, layout.keys, keys(model, styles));
    popup::draw(model, frame, styles);
    palette::draw(model, frame, styles);
}

fn starting(styles: Styles, columns: usize) -> Page {
    let mut page = Page::new(styles, columns);
    page.blank();
    page.plain("Reading what is set up here.", styles.dim());
    page
}

fn header(model: &Model, styles: Styles) -> Line<'static> {
    let columns = usize::from(model.layout.header.width);
    let mut spans = vec![Span::raw(" "), Span::styled("pia-halo", styles.title())];
    if model.demo {
        spans.push(Span::styled(" demo", styles.dim()));
    }
    spans.push(Span::raw("  "));
    let used: usize = spans.iter().map(|span| width(&span.content)).sum();
    let (tone, words) = match model.screen {
        Screen::Wizard => connection(model),
        Screen::Panes => panes::state(model),
        Screen::Starting | Screen::Integrations => (Tone::Calm, String::new()),
    };
    let mut right = match tone {
        Tone::Calm => words,
        tone => format!("{} {words}", symbol(tone)),
    };
    // What stands behind three blanks gives way before the name does.
    let title = model.title();
    let room = columns.saturating_sub(used + 3);
    while let Some((front, _)) = right.rsplit_once("   ")
        && width(&right) + width(&title).min(NAME) > room
    {
        right = front.to_owned();
    }
    let right = fit(&right, columns.saturating_sub(used + 10));
    let title = fit(&title, columns.saturating_sub(used + width(&right) + 3));
    let gap = columns.saturating_sub(used + width(&title) + width(&right) + 1);
    spans.push(Span::raw(title));
    spans.push(Span::raw(" ".repeat(gap)));
    spans.push(Span::styled(right, styles.tone(tone)));
    Line::from(spans)
}

fn steps(model: &Model, styles: Styles) -> Line<'static> {
    let columns = usize::from(model.layout.steps.width);
    if model.wizard.as_ref().is_some_and(|wizard| wizard.settings) {
        let words = "Settings: what is saved applies at once, also to a running service";
        return Line::from(vec![Span::raw(" "), Span::styled(fit(words, columns.saturating_sub(2)), Style::new())]);
    }
    let mut spans = Vec::new();
    for (step, name) in STEPS {
        let (glyph, style, words) = match mark(model, step) {
            Mark::Current => ("●", styles.focus(), styles.focus()),
            Mark::Done => ("✓", styles.tone(Tone::Good), Style::new()),
            Mark::Warn => ("!", styles.tone(Tone::Warn), Style::new()),
            Mark::Todo => ("○", styles.dim(), styles.dim()),
        };
        spans.extend([Span::raw(" "), Span::styled(glyph, style), Span::raw(" "), Span::styled(name, words)]);
    }
    let line = Line::from(spans);
    if line.spans.iter().map(|span| width(&span.content)).sum::<usize>() < columns {
        return line;
    }
    let step = model.wizard.as_ref().map_or(Step::Checklist, |wizard| wizard.step);
    let at = STEPS.iter().position(|(other, _)| *other == step);
    let words = match at {
        Some(at) => {
            let next = STEPS.get(at + 1).map(|(_, name)| format!(" · then {name}")).unwrap_or_default();
            format!("step {} of {}  {}{next}", at + 1, STEPS.len(), STEPS[at].1)
        }
        None => crate::words::step::name(step).to_owned(),
    };
    Line::from(vec![Span::raw(" "), Span::styled(fit(&words, columns.saturating_sub(2)), styles.focus())])
}

fn panes_line(model: &Model, styles: Styles) -> Line<'static> {
    let mut spans = Vec::new();
    for pane in Pane::ALL {
        let (mark, style) = if pane == model.panes.pane { ("▸", styles.focus()) } else { (" ", Style::new()) };
        let key = model
            .keys
            .key(Command::Pane(pane), Place::Pane(pane))
            .map(|key| format!("{} ", key.name()))
            .unwrap_or_default();
        spans.push(Span::styled(mark, styles.title()));
        spans.push(Span::styled(format!("{key}{}", pane.title()), style));
        spans.push(Span::raw(" "));
    }
    let columns = usize::from(model.layout.steps.width);
    if spans.iter().map(|span| width(&span.content)).sum::<usize>() <= columns {
        return Line::from(spans);
    }
    let at = Pane::ALL.iter().position(|pane| *pane == model.panes.pane).unwrap_or_default();
    let words = format!("pane {} of {}  {}", at + 1, Pane::ALL.len(), model.panes.pane.title());
    Line::from(vec![Span::raw(" "), Span::styled(words, styles.focus())])
}

// A rule that says at its end what there is more to see.
fn rule(columns: u16, styles: Styles, more: &str) -> Line<'static> {
    let more = if more.is_empty() { String::new() } else { format!(" {more} ──") };
    let left = usize::from(columns).saturating_sub(width(&more));
    Line::styled(format!("{}{more}", "─".repeat(left)), styles.dim())
}

// What just happened, line by line.
fn notice(model: &Model) -> Vec<String> {
    let room = usize::from(model.layout.lower.width).saturating_sub(8).max(8);
    let mut lines =
        model.notice.as_ref().map(|notice| wrap(&notice.text.with_keys(&model.keys), room)).unwrap_or_default();
    if lines.len() > NOTICE {
        lines.truncate(NOTICE);
        if let Some(last) = lines.last_mut() {
            *last = format!("{}…", fit(last, room - 1).trim_end_matches('…'));
        }
    }
    lines
}

// The lower rule: what just happened stands in it, or that there is more to see.
fn lower_rule(model: &Model, frame: &mut Frame, styles: Styles, area: Rect, notice: &[String], more: &str) {
    let columns = usize::from(area.width);
    let (Some(said), Some((first, rest))) = (&model.notice, notice.split_first()) else {
        put(frame, area, rule(area.width, styles, more));
        return;
    };
    let style = styles.tone(said.tone);
    let mark = if said.tone == Tone::Calm { "·" } else { symbol(said.tone) };
    let used = 4 + width(mark) + width(first) + 1;
    // In the first line, where there is room for both.
    let more = if used + width(more) + 6 > columns { "" } else { more };
    let mut line =
        vec![Span::styled("── ", styles.dim()), Span::styled(format!("{mark} {first}"), style), Span::raw(" ")];
    line.extend(
        rule(columns.saturating_sub(used) as u16, styles, more).spans.into_iter().map(|span| span.style(styles.dim())),
    );
    put(frame, area, Line::from(line));
    for (at, words) in rest.iter().enumerate() {
        let area = Rect { y: area.y + 1 + at as u16, ..area };
        put(frame, area, Line::from(vec![Span::raw("     "), Span::styled(words.clone(), style)]));
    }
}

fn keys(model: &Model, styles: Styles) -> Line<'static> {
    let columns = usize::from(model.layout.keys.width);
    let (left, right) = hints::hints(model, columns);
    let spans = |hints: Vec<Hint>| -> Vec<Span<'static>> {
        let one = |hint: Hint| {
            [Span::styled(hint.key, styles.title()), Span::raw(format!(" {}", hint.words)), Span::raw("  ")]
        };
        hints.into_iter().flat_map(one).collect()
    };
    let mut line = vec![Span::raw(" ")];
    line.extend(spans(left));
    let mut right = spans(right);
    right.pop();
    let used: usize = line.iter().chain(&right).map(|span| width(&span.content)).sum();
    line.push(Span::raw(" ".repeat(columns.saturating_sub(used + 1))));
    line.extend(right);
    Line::from(line)
}

/// A text seen through a window, for a field that has the focus.
pub(crate) fn seen(text: &str, skip: usize, columns: usize) -> String {
    window(text, skip, columns)
}
