//! The Activity pane: the audit trail.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::app::Model;
use crate::app::notice::Tone;
use crate::app::panes::activity_height;
use crate::app::text::wrap;
use crate::domain::activity::Activity;
use crate::domain::untrusted::Untrusted;
use crate::view::page::{MARGIN, Page, Row};
use crate::view::text::{fit, moment};
use crate::view::theme::{Look, symbol};

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

/// The page.
pub fn body(model: &Model, page: &mut Page) {
    let look = page.look;
    page.blank();
    if let Some(failure) = &model.facts.standing_failed {
        page.failure(failure, MARGIN);
    }
    let Some(standing) = &model.facts.standing else {
        page.plain("reading the audit trail", look.dim());
        return;
    };
    if standing.activity.is_empty() {
        page.plain("Nothing has been done yet.", look.dim());
        return;
    }
    let who = if page.width >= 70 { 14 } else { 0 };
    let what = page.width.saturating_sub(MARGIN + 15 + who + 16).max(10);
    let mut header = Row::new(look, false).cell("When (UTC)", look.dim(), 15);
    if who > 0 {
        header = header.cell("Who", look.dim(), who);
    }
    page.push(header.cell("What", look.dim(), what).text("Outcome", look.dim()));
    let window = model.panes.activity;
    for (at, activity) in standing.activity.iter().enumerate().skip(window.first).take(activity_height(model)) {
        let focused = at == window.selected;
        let style = if focused { look.focus() } else { Style::new() };
        let mut row = Row::new(look, focused).cell(&moment(model.now, activity.at), style, 15);
        if who > 0 {
            row = row.cell(&shown(&activity.who.user), Style::new(), who);
        }
        let tone = tone(activity);
        row = row.cell(&title(activity), style, what);
        page.push(row.text(&format!("{} {}", symbol(tone), shown(&activity.outcome)), look.tone(tone)));
        if focused {
            page.keep_from(page.lines.len() - 1);
        }
    }
}

/// What was done, to what.
pub fn title(activity: &Activity) -> String {
    match &activity.object {
        Some(object) => format!("{} {}", shown(&activity.action), shown(object)),
        None => shown(&activity.action),
    }
}

/// The second column: the selected line, whole.
pub fn detail(model: &Model, look: Look, columns: usize) -> Vec<Line<'static>> {
    let activity = model.facts.standing.as_ref().and_then(|s| s.activity.get(model.panes.activity.selected));
    let Some(activity) = activity else { return Vec::new() };
    let mut lines = vec![Line::default(), Line::styled(fit(&title(activity), columns), look.title()), Line::default()];
    let from = activity.who.ssh_from.as_ref().map(|from| format!(" from {}", shown(from))).unwrap_or_default();
    let when = activity.at.strftime("%a %d %b %Y %H:%M:%S UTC");
    let mut put = |text: String| lines.extend(wrap(&text, columns).into_iter().map(Line::raw));
    put(format!("{when}"));
    put(format!("by {}{from}", shown(&activity.who.user)));
    if let Some(configuration) = &activity.configuration {
        put(format!("configuration {}", shown(configuration)));
    }
    if let Some(message) = &activity.message {
        put(shown(message));
    }
    for field in &activity.fields {
        let text = |text: &Option<String>| text.as_ref().map_or_else(|| "–".to_owned(), |text| shown(text));
        put(format!("{}: {} → {}", shown(&field.name), text(&field.before), text(&field.after)));
    }
    lines
}
