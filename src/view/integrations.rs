//! The Integrations page.

use ratatui::style::Style;

use crate::app::Model;
use crate::app::integrations::{self, CATEGORY, Card, CardState};
use crate::app::keymap::spoken;
use crate::app::notice::Tone;
use crate::app::text::width;

use super::page::{MARGIN, Page, Part, Row};
use super::seen;
use super::theme::{Styles, symbol};

/// Columns of a host that are worth showing.
const HOST: usize = 14;

pub fn page(model: &Model, styles: Styles, columns: usize) -> Page {
    let mut page = Page::new(styles, columns);
    let state = &model.integrations;
    page.blank();
    search_line(
        &mut page,
        state.query.value(),
        state.query.visual_cursor(),
        state.searching,
        &format!("{} to search", spoken(model, "search")),
    );
    page.blank();
    if let Some(failure) = &model.overview_failed {
        page.failure(failure, MARGIN, &model.keys);
        page.blank();
    }
    let heading = Row::new(styles, false).text(CATEGORY, styles.title());
    page.push(heading.right("only one active", styles.dim(), columns));
    page.blank();

    let (cards, total) = integrations::cards(model);
    // Columns that give way on a narrow terminal: the host first, then the title.
    let room = columns.saturating_sub(MARGIN);
    let others = cards.iter().any(|card| matches!(card, Card::Other(_)));
    // "ConnectWise Manage", or only "Halo PSA"; then as wide as the longest title.
    let name = if others { 20 } else { 11 };
    let longest =
        cards.iter().map(|card| width(&integrations::card_texts(model, card)[1]) + 2).max().unwrap_or_default();
    let title = longest.clamp(8, room.saturating_sub(name + 18).max(8));
    // As wide as the longest state, so that the host has the rest.
    let states = cards.iter().filter_map(|card| integrations::card_state(model, card));
    let state_width = states.map(|state| width(state.word()) + 4).max().unwrap_or_default();
    let height = integrations::list_height(model);
    let first = state.window.first;
    let shown = height.min(cards.len() - first.min(cards.len()));
    page.part = Some(Part { line: page.lines.len(), first, shown, total: cards.len() });
    for (row, card) in cards.iter().enumerate().skip(state.window.first).take(height) {
        let focused = row == state.window.selected;
        let style = if focused { styles.selected() } else { Style::new() };
        let [integration, words, host] = integrations::card_texts(model, card);
        let mut line = Row::new(styles, focused).cell(&integration, style, name).cell(&words, style, title);
        if let Some(state) = integrations::card_state(model, card) {
            let glyph = match state {
                CardState::NotConfigured | CardState::Saved | CardState::Draft => "○",
                other => symbol(other.tone()),
            };
            line = line
                .text(&format!("{glyph} {}", state.word()), styles.tone(state.tone()))
                .to(MARGIN + name + title + state_width);
        }
        // Half an address tells nothing: it gives way as a whole.
        if columns.saturating_sub(MARGIN + name + title + state_width) > width(&host).min(HOST) {
            line = line.text(&host, Style::new());
        }
        page.push(line);
        if row == state.window.selected {
            page.keep_from(page.lines.len() - 1);
        }
    }
    if cards.is_empty() {
        let words = format!("No match. Esc clears the search, {} views all.", spoken(model, "view_all"));
        page.paragraph(&words, MARGIN, Style::new());
    }
    page.blank();
    let remark = integrations::selected(model).and_then(|card| match card {
        Card::Saved(id) => integrations::card_remark(model, &id),
        _ => None,
    });
    let shown = format!("{} of {total} shown", cards.len());
    let view_all = format!("{shown} · {} View All", spoken(model, "view_all"));
    // What is not shown is named, where there is room.
    let named = format!("{view_all}: {}", integrations::OTHERS.join(", "));
    let shown = match () {
        () if state.all => shown,
        () if MARGIN + width(&named) + 2 <= columns && !others => named,
        () => view_all,
    };
    let foot = Row::new(styles, false).text(&shown, styles.dim());
    match remark {
        Some(remark) if foot.used() + width(&remark) + 4 > columns => {
            let state = integrations::selected(model).and_then(|card| integrations::card_state(model, &card));
            page.state(state.map_or(Tone::Calm, |state| state.tone()), &remark, MARGIN);
            page.push(foot);
        }
        Some(remark) => page.push(foot.right(&remark, styles.tone(Tone::Calm), columns)),
        None => page.push(foot),
    }
    page
}

/// A search line, with its cursor while it has the focus.
pub fn search_line(page: &mut Page, text: &str, cursor: usize, focused: bool, idle: &str) {
    let styles = page.styles;
    let label = if focused { styles.focus() } else { Style::new() };
    let column = MARGIN + 8;
    let room = page.width.saturating_sub(column + 24).max(8);
    let skip = (cursor + 1).saturating_sub(room);
    // The cursor shows that it has the focus; the mark stays with the list.
    let row = Row::new(styles, false).cell("Search", label, 8);
    let row = if text.is_empty() && !focused {
        row.text(idle, styles.dim())
    } else {
        row.text(&seen(&crate::domain::untrusted::Untrusted::new(text).display(), skip, room), Style::new())
    };
    if focused {
        page.cursor = Some((page.lines.len(), (column + cursor - skip) as u16));
    }
    page.push(row);
}
