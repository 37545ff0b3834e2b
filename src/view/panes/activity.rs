//! The Activity pane: the audit trail.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::app::Model;
use crate::app::notice::Tone;
use crate::app::panes::Pane;
use crate::app::panes::activity::height;
use crate::app::text::{width, wrap};
use crate::domain::activity::Activity;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::view::page::{MARGIN, Page, Part, Row, title_lines};
use crate::view::text::moment;
use crate::view::theme::{Styles, symbol};

fn tone(activity: &Activity) -> Tone {
    match activity.outcome.as_str() {
        "done" | "complete" | "configured" | "saved" => Tone::Good,
        "failed" | "refused" => Tone::Bad,
        "unchanged" | "nothing_to_do" => Tone::Calm,
        _ => Tone::Warn,
    }
}

fn shown(text: &str) -> String {
    Untrusted::new(text).display()
}

pub fn body(model: &Model, page: &mut Page) {
    let styles = page.styles;
    let count = model.facts.standing.as_ref().map_or(0, |standing| standing.activity.len());
    let words = if count == 0 {
        String::new()
    } else {
        format!(
            "{} of {} entries",
            thousands(model.panes.window(Pane::Activity).selected as u64 + 1),
            thousands(count as u64)
        )
    };
    page.heading("Activity", &words, styles.dim());
    if let Some(failure) = &model.facts.standing_failed {
        page.failure(failure, MARGIN, &model.keys);
    }
    let Some(standing) = &model.facts.standing else {
        if model.facts.standing_failed.is_none() {
            page.plain("Reading the audit trail.", styles.dim());
        }
        return;
    };
    if standing.activity.is_empty() {
        page.paragraph("Nothing yet. Every save, sync and Configure is recorded here.", MARGIN, Style::new());
        return;
    }
    let who = if page.width >= 70 { 14 } else { 0 };
    // On a narrow terminal no word of the outcome is cut.
    let when = if page.width < 60 { 12 } else { 15 };
    let what = page.width.saturating_sub(MARGIN + when + who + 16).max(10);
    let mut header = Row::new(styles, false).cell("When (UTC)", styles.dim(), when);
    if who > 0 {
        header = header.cell("Who", styles.dim(), who);
    }
    page.push(header.cell("What", styles.dim(), what).text("Outcome", styles.dim()));
    let window = model.panes.window(Pane::Activity);
    let rows = height(model).min(count - window.first.min(count));
    page.part = Some(Part { line: page.lines.len(), first: window.first, shown: rows, total: count });
    for (at, activity) in standing.activity.iter().enumerate().skip(window.first).take(height(model)) {
        let focused = at == window.selected;
        let style = if focused { styles.focus() } else { Style::new() };
        let mut row = Row::new(styles, focused).cell(&moment(model.now, activity.at), style, when);
        if who > 0 {
            row = row.cell(&activity.who.account(), Style::new(), who);
        }
        let tone = tone(activity);
        let words = title(activity);
        row = row.cell(&words, style, what);
        page.push(row.text(&format!("{} {}", symbol(tone), shown(&activity.outcome)), styles.tone(tone)));
        if focused {
            let from = page.lines.len() - 1;
            // Without a second column, what it would say stands below.
            if model.layout.detail.is_none() {
                let whole = width(&words) < what;
                for text in said(activity).into_iter().skip(usize::from(whole)) {
                    page.paragraph(&text, MARGIN + 4, Style::new());
                }
            }
            page.keep_from(from);
        }
    }
}

// What was done, to what.
fn title(activity: &Activity) -> String {
    match &activity.object {
        Some(object) => format!("{} {}", shown(&activity.action), shown(object)),
        None => shown(&activity.action),
    }
}

/// The second column: the selected line, whole.
pub fn detail(model: &Model, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let activity =
        model.facts.standing.as_ref().and_then(|s| s.activity.get(model.panes.window(Pane::Activity).selected));
    let Some(activity) = activity else { return Vec::new() };
    let mut lines = vec![Line::default()];
    lines.extend(title_lines(&title(activity), styles, columns));
    let tone = tone(activity);
    lines.push(Line::styled(format!("{} {}", symbol(tone), shown(&activity.outcome)), styles.tone(tone)));
    for text in said(activity).into_iter().skip(1) {
        lines.extend(wrap(&text, columns).into_iter().map(Line::raw));
    }
    lines
}

/// The audit trail read out, an entry a line.
pub fn lines(model: &Model) -> Vec<String> {
    let line = |entry: &Activity| {
        let when = moment(model.now, entry.at);
        let message = entry.message.as_deref().map(|text| format!(". {}", shown(text))).unwrap_or_default();
        format!("{when} UTC, {}: {}, {}{message}", entry.who.account(), title(entry), shown(&entry.outcome))
    };
    model.facts.standing.iter().flat_map(|standing| &standing.activity).map(line).collect()
}

// Everything that is known of an entry, a line each.
fn said(activity: &Activity) -> Vec<String> {
    let when = activity.at.strftime("%a %d %b %Y %H:%M:%S UTC");
    let configuration = activity.configuration.as_ref().map(|id| format!(", configuration {}", shown(id)));
    let configuration = configuration.unwrap_or_default();
    let mut said = vec![title(activity), format!("{when}, by {}{configuration}", activity.who)];
    said.extend(activity.message.as_ref().map(|message| shown(message)));
    for field in &activity.fields {
        let text = |text: &Option<String>| text.as_ref().map_or_else(|| "–".to_owned(), |text| shown(text));
        said.push(format!("{}: {} → {}", shown(&field.name), text(&field.before), text(&field.after)));
    }
    said
}
