//! The Activity pane: the audit trail.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::app::Model;
use crate::app::keymap::spoken;
use crate::app::layout::LOW;
use crate::app::panes::Pane;
use crate::app::panes::activity::controls::height;
use crate::app::panes::activity::{self, Filter, ended};
use crate::app::text::{width, wrap};
use crate::domain::activity::Activity;
use crate::domain::host::HostService;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::view::integrations::search_line;
use crate::view::page::{MARGIN, Page, Part, Row, title_lines};
use crate::view::text::moment;
use crate::view::theme::{Styles, symbol};
use crate::words::audit::{outcome, title};
use crate::words::store;

fn shown(text: &str) -> String {
    Untrusted::new(text).display()
}

pub fn body(model: &Model, page: &mut Page) {
    let (styles, state) = (page.styles, &model.panes.activity);
    page.blank();
    let hint = format!("{} to search", spoken(model, "search"));
    search_line(page, state.query.value(), state.query.visual_cursor(), state.searching, &hint);
    let lines = activity::lines(model);
    if !lines.is_empty() {
        let filter = if state.filter == Filter::All { String::new() } else { format!("{} · ", state.filter.word()) };
        // Where one is among the rows that are seen: the lines of a run stand behind one of them.
        let at = (model.panes.window(Pane::Activity).selected + 1).min(state.rows.len());
        let words = format!("{filter}{} of {}", thousands(at as u64), thousands(state.rows.len() as u64));
        page.beside_last(&words, styles.dim());
    }
    page.blank();
    super::not_read(model, page, model.facts.standing_failed.as_ref());
    hosts(model, page);
    if model.facts.standing.is_none() {
        if model.facts.standing_failed.is_none() {
            page.plain("Reading the audit trail.", styles.dim());
        }
        return;
    }
    if lines.is_empty() {
        page.paragraph("Nothing yet. Every save, sync and Configure is recorded here.", MARGIN, Style::new());
        return;
    }
    if state.rows.is_empty() {
        let words = format!("No match. Esc clears the search, {} changes the filter.", spoken(model, "filter"));
        page.paragraph(&words, MARGIN, Style::new());
        return;
    }
    // As wide as what they say: nothing is cut while there is room.
    let longest = |of: fn(&Activity) -> usize| lines.iter().map(of).max().unwrap_or_default();
    let end = longest(|line| width(&outcome(&line.outcome).1) + 3).clamp(9, 24);
    let who = if page.width >= 70 { longest(|line| width(&line.who.account()) + 2).clamp(5, 14) } else { 0 };
    let when = if page.width < 60 { 12 } else { 14 };
    let what = page.width.saturating_sub(MARGIN + when + who + end + 1).max(10);
    let mut header = Row::new(styles, false).cell("When (UTC)", styles.dim(), when);
    if who > 0 {
        header = header.cell("Who", styles.dim(), who);
    }
    page.push(header.cell("What", styles.dim(), what).text("Outcome", styles.dim()));
    let window = model.panes.window(Pane::Activity);
    let fit = height(model).min(state.rows.len() - window.first.min(state.rows.len()));
    page.part = Some(Part { line: page.lines.len(), first: window.first, shown: fit, total: state.rows.len() });
    for (at, row) in state.rows.iter().enumerate().skip(window.first).take(height(model)) {
        let Some(entry) = lines.get(row.at) else { continue };
        let focused = at == window.selected;
        let style = if focused { styles.selected() } else { Style::new() };
        let mut line = Row::new(styles, focused).cell(&moment(model.now, entry.at), style, when);
        if who > 0 {
            line = line.cell(&entry.who.account(), Style::new(), who);
        }
        let words = row_title(row, entry);
        let (tone, word) = ended(lines, row.at);
        page.push(line.cell(&words, style, what).text(&format!("{} {word}", symbol(tone)), styles.tone(tone)));
        if focused {
            let from = page.lines.len() - 1;
            // Without a second column, what it would say stands below.
            if model.layout.detail.is_none() {
                let whole = width(&words) < what;
                for text in said(entry).into_iter().skip(usize::from(whole)) {
                    page.paragraph(&text, MARGIN + 4, Style::new());
                }
            }
            page.keep_row(from, at == 0 && model.layout.body.height < LOW);
        }
    }
}

// Who works with the store, where it is on a server.
fn hosts(model: &Model, page: &mut Page) {
    let (shown, left_out) = activity::hosts(model);
    let column = shown.iter().map(|host| width(&store::name(host)) + 2).max().unwrap_or_default().clamp(8, 24);
    for (number, host) in shown.iter().enumerate() {
        let label = if number == 0 { "Hosts" } else { "" };
        let row =
            Row::new(page.styles, false).cell(label, Style::new(), 8).cell(&store::name(host), Style::new(), column);
        let tone = if host.service == HostService::NotRunning { page.styles.dim() } else { Style::new() };
        page.push(row.text(&store::host(host, model.now), tone));
    }
    if shown.is_empty() {
        return;
    }
    if left_out > 0 {
        let words = format!("and {left_out} more");
        page.push(Row::new(page.styles, false).to(MARGIN + 8).text(&words, page.styles.dim()));
    }
    page.blank();
}

// A run says how many lines belong to it, and whether they are shown.
fn row_title(row: &activity::Row, entry: &Activity) -> String {
    match (row.is_inner, row.inner, row.is_open) {
        (true, ..) => format!("  {}", title(entry)),
        (_, 0, _) => title(entry),
        (_, inner, false) => format!("{} (+{inner})", title(entry)),
        (_, _, true) => format!("{} ↓", title(entry)),
    }
}

/// The second column: the selected line, whole.
pub fn detail(model: &Model, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let listed = activity::lines(model);
    let Some((row, entry)) = activity::selected(model).and_then(|row| Some((row, listed.get(row.at)?))) else {
        return Vec::new();
    };
    let mut lines = vec![Line::default()];
    lines.extend(title_lines(&title(entry), styles, columns));
    let (tone, word) = ended(listed, row.at);
    lines.push(Line::styled(format!("{} {word}", symbol(tone)), styles.tone(tone)));
    for text in said(entry).into_iter().skip(1) {
        lines.extend(wrap(&text, columns).into_iter().map(Line::raw));
    }
    lines
}

/// The audit trail read out, an entry a line.
pub fn lines(model: &Model) -> Vec<String> {
    let line = |entry: &Activity| {
        let when = moment(model.now, entry.at);
        let message = entry.message.as_deref().map(|text| format!(". {}", shown(text))).unwrap_or_default();
        format!("{when} UTC, {}: {}, {}{message}", entry.who.account(), title(entry), outcome(&entry.outcome).1)
    };
    let all = activity::lines(model);
    let state = &model.panes.activity;
    if state.is_filtered() {
        return state.rows.iter().filter_map(|row| all.get(row.at)).map(line).collect();
    }
    let hosts = model.status().map_or(&[][..], |status| &status.hosts);
    let host = |host| format!("Host {}: {}", store::name(host), store::host(host, model.now));
    hosts.iter().map(host).chain(all.iter().map(line)).collect()
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
