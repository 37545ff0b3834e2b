//! The commands: a search line, and what can be done below it with its keys.

use ratatui::Frame;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_segmentation::UnicodeSegmentation;

use crate::app::Model;
use crate::app::keymap::KeyMap;
use crate::app::offer::Offer;
use crate::app::palette::{Palette, height, other_name};
use crate::app::text::width;
use crate::domain::search::matched;
use crate::domain::untrusted::Untrusted;

use super::popup::{Seen, float, put_cursor};
use super::seen;
use super::text::{fit, pad};
use super::theme::Styles;

/// No line of them is longer.
const WIDEST: usize = 110;

/// Columns for the keys of a command, on the right.
const KEYS: usize = 12;

/// Draws them, if they are open.
pub fn draw(model: &Model, frame: &mut Frame, styles: Styles) {
    let Some(palette) = &model.palette else { return };
    let columns = usize::from(model.size.width).saturating_sub(8).clamp(20, WIDEST);
    let height = height(&model.layout);
    let query = palette.query.value();
    let cursor = palette.query.visual_cursor();
    let room = columns.saturating_sub(2);
    let skip = (cursor + 1).saturating_sub(room);
    let mut lines = vec![
        Line::from(vec![
            Span::styled("> ", styles.dim()),
            Span::raw(seen(&Untrusted::new(query).display(), skip, room)),
        ]),
        Line::styled(whole_reason(palette, columns, &model.keys), styles.dim()),
    ];
    let shown = palette.window.first..palette.rows.len().min(palette.window.first + height);
    lines.extend(shown.map(|row| line(palette, row, columns, styles, &model.keys)));
    if palette.rows.is_empty() {
        lines.push(Line::styled(fit(&format!("  {}", palette.no_match()), columns), styles.dim()));
    }
    // As high as the whole list, so that the box stands still while it is searched.
    let rows = height.min(palette.offers.len().max(1)) + 2;
    let first = palette.window.first;
    let part = Seen { first, shown: height.min(palette.rows.len()), total: palette.rows.len(), top: 2 };
    let inner = float(frame, styles, "Commands", columns, rows, part);
    frame.render_widget(Paragraph::new(lines), inner);
    put_cursor(frame, inner, 2 + cursor - skip, 0);
}

// Why what is selected cannot be done, where its row has no room to say so.
fn whole_reason(palette: &Palette, columns: usize, keymap: &KeyMap) -> String {
    let offer = palette.offers.iter().find(|offer| palette.chosen == Some(offer.command()));
    let Some((offer, refused)) = offer.and_then(|offer| Some((offer, offer.refused.as_ref()?))) else {
        return String::new();
    };
    let reason = refused.with_keys(keymap);
    let room = beside_keys(offer, columns).saturating_sub(width(offer.title()) + 3);
    if width(&reason) <= room { String::new() } else { fit(&format!("  {reason}"), columns) }
}

// The columns of what can be done and why not, beside its keys.
fn beside_keys(offer: &Offer, columns: usize) -> usize {
    columns.saturating_sub(3 + width(&fit(&offer.keys(), KEYS)))
}

fn line(palette: &Palette, row: usize, columns: usize, styles: Styles, keymap: &KeyMap) -> Line<'static> {
    let Some(offer) = palette.offer(row) else { return Line::default() };
    let selected = palette.chosen == Some(offer.command());
    let style = match (&offer.refused, selected) {
        (Some(_), false) => styles.dim(),
        (_, true) => styles.selected(),
        (None, false) => Style::new(),
    };
    let keys = fit(&offer.keys(), KEYS);
    let room = beside_keys(offer, columns);
    let words = fit(offer.title(), room);
    let matched = matched(&words, palette.query.value());
    let mut spans = vec![Span::styled(if selected { "▸ " } else { "  " }, styles.title())];
    let used = width(&words);
    for (place, cluster) in words.graphemes(true).enumerate() {
        let hit = matched.binary_search(&place).is_ok();
        spans.push(Span::styled(cluster.to_owned(), if hit { style.patch(styles.matched()) } else { style }));
    }
    let reason = offer.refused.as_ref().map(|reason| reason.with_keys(keymap));
    let called = other_name(offer, palette.query.value()).map(ToOwned::to_owned);
    let reason: String = called.into_iter().chain(reason).map(|words| format!(" · {words}")).collect();
    let beside = if selected { style } else { styles.dim() };
    spans.push(Span::styled(pad(&reason, room.saturating_sub(used) + 1), beside));
    spans.push(Span::styled(keys, styles.title()));
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::KeyMap;
    use crate::app::keymap::Key;
    use crate::app::message::Reply;
    use crate::app::testing::{Stage, finished, in_panes, standing, status};
    use crate::keys::{KEPT, Place};
    use crate::view::tests::{drawn, scenes};

    // Every key that can be changed is another one: where no text is typed one that no word of ours holds.
    fn every_key_changed() -> KeyMap {
        let mut letters = ('α'..='ω').chain('а'..='я').map(Key::Letter);
        let mut others = (2..=12).map(Key::F).chain(['g', 'n', 't', 'v', 'x'].map(Key::Ctrl));
        let mut changed = BTreeMap::new();
        for id in KeyMap::commands() {
            let with = |key| BTreeMap::from([(id.to_owned(), vec![key])]);
            let default = KeyMap::default().first(id).unwrap();
            if KEPT.contains(&default) {
                continue;
            }
            let letter = KeyMap::overridden(with(Key::Letter('α'))).is_ok();
            changed.insert(id.to_owned(), vec![if letter { letters.next() } else { others.next() }.unwrap()]);
        }
        KeyMap::overridden(changed).unwrap()
    }

    // The first key that a screen names and that means nothing now.
    fn stale_key<'a>(text: &'a str, keys: &KeyMap) -> Option<&'a str> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let around = |at: usize| words.get(at).copied().unwrap_or_default();
        let found = (0..words.len()).find(|at| {
            let (last, word, next) = (around(at.wrapping_sub(1)), words[*at], around(at + 1));
            let bare = word.trim_matches(['.', ',', ':', ';', '(', ')']);
            // A unit, or the rest of a word beside a box that floats.
            let unit = last.starts_with(|first: char| first.is_ascii_digit())
                || last.ends_with(['│', '┐', '┘'])
                || next.starts_with(['┌', '└']);
            let named = bare.starts_with("Ctrl-") || (bare.starts_with('^') && bare.len() == 2);
            let letter = bare.len() == 1 && bare.starts_with(|key: char| key.is_ascii_lowercase() && key != 'a');
            let known = || {
                KeyMap::commands()
                    .iter()
                    .filter_map(|id| keys.first(id))
                    .any(|key| key.name() == bare || key.spoken() == bare)
            };
            // The letters for moving stay beside the arrows, which cannot be changed.
            let moves = || keys.rows(Place::Cards).flat_map(|(_, keys)| keys).any(|key| key.name() == bare);
            (named && !known()) || (letter && !unit && !moves()) || bare == "/" || word == ":" || word == "?"
        });
        found.map(|at| words[at])
    }

    /// Whatever a screen or a notice says of a key, it says of the person's own.
    #[test]
    fn no_screen_names_key_that_is_another_now() {
        let keys = every_key_changed();
        let mut nothing = Stage::with(finished());
        let mut known = standing(status("Acme MSP", true, true, true));
        known.runs.clear();
        nothing.reply(Reply::Status(Ok(known)));
        nothing.reply(Reply::Clients(Ok(Vec::new().into())));
        nothing.keys("1");
        let mut no_clients = Stage::with(finished());
        no_clients.reply(Reply::Clients(Ok(Vec::new().into())));
        no_clients.keys("2");
        let mut no_match = in_panes();
        no_match.keys("2 / z q z z Enter");
        let more = [("no_sync", nothing), ("no_clients", no_clients), ("no_match", no_match)];
        let mut stale = Vec::new();
        for (name, mut stage) in scenes().into_iter().chain(more) {
            stage.model.keys = keys.clone();
            stage.model.palette = None;
            let size = stage.model.size;
            // The help is written with every message.
            stage.resize(size.width, size.height);
            let (buffer, _) = drawn(&stage.model, size.width, size.height);
            let rows = buffer.content.chunks(usize::from(size.width));
            let text: String =
                rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect();
            stale.extend(stale_key(&text, &keys).map(|key| format!("{name} names {key}: {text}")));
            let own = |id| keys.first(id).unwrap().name();
            let own = match name {
                "no_sync" | "no_clients" => format!("ress {} to sync", own("sync_now")),
                "no_match" => format!("{} changes the filter", own("filter")),
                "integrations_cards" => format!("{} View All", own("view_all")),
                _ => continue,
            };
            assert!(text.contains(&own), "{name}: {text}");
        }
        assert!(stale.is_empty(), "{}", stale.join("\n"));
    }
}
