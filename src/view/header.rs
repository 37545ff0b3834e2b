//! The top of the screen: whose configuration it is and how it stands, and the line of steps or panes below.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::text::fit;
use super::theme::{Styles, symbol};
use crate::app::Model;
use crate::app::header;
use crate::app::keymap::{Command, Place};
use crate::app::notice::Tone;
use crate::app::panes::Pane;
use crate::app::text::width;
use crate::app::wizard::{STEPS, StepSign, step_sign};
use crate::domain::draft::Step;

/// Columns that the name of the configuration keeps.
const NAME: usize = 16;

/// Columns that it keeps beside a single word on how it stands.
const LEAST: usize = 7;

/// The first line.
pub fn line(model: &Model, styles: Styles) -> Line<'static> {
    let columns = usize::from(model.layout.header.width);
    let (tone, words) = header::standing(model);
    let mut right = match tone {
        Tone::Calm => words,
        tone => format!("{} {words}", symbol(tone)),
    };
    let mut spans = vec![Span::raw(" "), Span::styled("pia-halo", styles.title())];
    if model.demo {
        spans.push(Span::styled(" demo", styles.dim()));
    }
    spans.push(Span::raw("  "));
    let taken = |spans: &[Span<'_>]| -> usize { spans.iter().map(|span| width(&span.content)).sum() };
    // How it stands is read here alone: it is not cut for the name of the program.
    let whole = right.split("   ").next().map(width).unwrap_or_default();
    if tone != Tone::Calm && taken(&spans) + LEAST + whole + 3 > columns {
        spans.remove(1);
    }
    let used = taken(&spans);
    // What stands behind three blanks gives way before the name does; a name that is the address is enough.
    let title = model.title();
    if let Some(front) = right.strip_suffix(&format!("   {title}")).filter(|_| !title.is_empty()) {
        right = front.to_owned();
    }
    let room = columns.saturating_sub(used + 3);
    while let Some((front, _)) = right.rsplit_once("   ")
        && width(&right) + width(&title).min(NAME) > room
    {
        right = front.to_owned();
    }
    let right = fit(&right, columns.saturating_sub(used + width(&title).min(LEAST) + 3));
    let title = fit(&title, columns.saturating_sub(used + width(&right) + 3));
    let gap = columns.saturating_sub(used + width(&title) + width(&right) + 1);
    spans.push(Span::raw(title));
    spans.push(Span::raw(" ".repeat(gap)));
    spans.push(Span::styled(right, styles.tone(tone)));
    Line::from(spans)
}

/// The steps of the wizard.
pub fn steps(model: &Model, styles: Styles) -> Line<'static> {
    let columns = usize::from(model.layout.steps.width);
    if model.wizard.as_ref().is_some_and(|wizard| wizard.settings) {
        let words = crate::words::step::SETTINGS;
        return Line::from(vec![Span::raw(" "), Span::styled(fit(words, columns.saturating_sub(2)), Style::new())]);
    }
    let mut spans = Vec::new();
    for (step, name) in STEPS {
        let (glyph, style, words) = match step_sign(model, step) {
            StepSign::Current => ("●", styles.focus(), styles.focus()),
            StepSign::Done => ("✓", styles.tone(Tone::Good), Style::new()),
            StepSign::Warn => ("!", styles.tone(Tone::Warn), Style::new()),
            StepSign::Todo => ("○", styles.dim(), styles.dim()),
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

pub fn panes(model: &Model, styles: Styles) -> Line<'static> {
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
    // The names do not fit: the keys of all, and the name of this one.
    let mut spans = Vec::new();
    for pane in Pane::ALL {
        let key = model.keys.key(Command::Pane(pane), Place::Pane(pane)).map(|key| key.name()).unwrap_or_default();
        if pane == model.panes.pane {
            spans.push(Span::styled(format!("▸{key} {}  ", pane.title()), styles.focus()));
        } else {
            spans.push(Span::raw(format!(" {key} ")));
        }
    }
    Line::from(spans)
}
