//! The bottom of the screen: what just happened, and the keys.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::page::put;
use super::progress::{budget, seconds_since};
use super::text::{duration, fit};
use super::theme::{Styles, symbol};
use crate::app::Model;
use crate::app::footer::{self, KeyHint};
use crate::app::model::Screen;
use crate::app::notice::Tone;
use crate::app::panes::Pane;
use crate::app::text::{width, wrap};
use crate::domain::thousands;
use crate::words;

/// The most lines of a notice.
const NOTICE: usize = 4;

/// A rule that says at its end what there is more to see.
pub fn rule(columns: u16, styles: Styles, more: &str) -> Line<'static> {
    let more = if more.is_empty() { String::new() } else { format!(" {more} ──") };
    let left = usize::from(columns).saturating_sub(width(&more));
    Line::styled(format!("{}{more}", "─".repeat(left)), styles.dim())
}

/// What just happened, line by line.
pub fn notice(model: &Model) -> Vec<String> {
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

/// How the sync of what is open goes, in the panes that do not show it.
fn sync_line(model: &Model) -> Option<(Tone, String)> {
    let is_elsewhere = model.screen == Screen::Panes && model.panes.pane != Pane::Sync;
    let run = model.work.sync.run_of(model.current.as_ref()).filter(|_| is_elsewhere)?;
    let progress = &run.progress;
    Some(match (progress.waiting, progress.silence) {
        _ if run.stopping => (Tone::Calm, "The sync is stopping.".to_owned()),
        _ if let Some(other) = &run.other => (Tone::Calm, words::sync::waits_for(other)),
        (Some(wait), _) => (Tone::Warn, budget(model, wait)),
        (None, Some(silence)) => (Tone::Warn, words::sync::silent(&silence, model.now)),
        (None, None) => {
            let read = thousands(progress.clients_read);
            let read = match progress.clients_total {
                Some(total) => format!("{read} of {} clients", thousands(total)),
                None if progress.clients_read > 0 => format!("{read} clients"),
                None => "asking Halo for its count".to_owned(),
            };
            (Tone::Calm, format!("Syncing: {read} · elapsed {}", duration(seconds_since(model, run.since))))
        }
    })
}

// In one line: of several sentences those that fit, and none by half.
fn in_sentences(words: &str, room: usize) -> String {
    if width(words) <= room {
        return words.to_owned();
    }
    let fitting = words
        .match_indices(['.', ';'])
        .filter(|(at, _)| words[at + 1..].starts_with(' '))
        .map(|(at, _)| &words[..at])
        .rfind(|part| width(part) < room);
    fitting.map_or_else(|| fit(words, room), |part| format!("{part}."))
}

/// The lower rule: what just happened stands in it, or how a sync goes, or that there is more to see.
pub fn lower_rule(model: &Model, frame: &mut Frame, styles: Styles, area: Rect, notice: &[String], more: &str) {
    let columns = usize::from(area.width);
    let runs = sync_line(model).map(|(tone, words)| (tone, in_sentences(&words, columns.saturating_sub(8))));
    let (tone, first, rest) = match (&model.notice, notice.split_first(), &runs) {
        (Some(said), Some((first, rest)), _) => (said.tone, first, rest),
        (_, _, Some((tone, words))) => (*tone, words, &[][..]),
        _ => {
            put(frame, area, rule(area.width, styles, more));
            return;
        }
    };
    let style = styles.tone(tone);
    let mark = if tone == Tone::Calm { "·" } else { symbol(tone) };
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

pub fn keys(model: &Model, styles: Styles) -> Line<'static> {
    let columns = usize::from(model.layout.keys.width);
    let (left, right) = footer::hints(model, columns);
    let spans = |hints: Vec<KeyHint>| -> Vec<Span<'static>> {
        let one = |hint: KeyHint| {
            let (key, words) = if hint.waits { (styles.dim(), styles.dim()) } else { (styles.title(), Style::new()) };
            [Span::styled(hint.key, key), Span::styled(format!(" {}", hint.words), words), Span::raw("  ")]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_sentences_those_that_fit_are_whole() {
        let words = "Halo has not answered for 41 s. Attempt 2 is waiting; it tries again by itself.";
        assert_eq!(in_sentences(words, 90), words);
        assert_eq!(in_sentences(words, 72), "Halo has not answered for 41 s. Attempt 2 is waiting.");
        assert_eq!(in_sentences(words, 40), "Halo has not answered for 41 s.");
        let address = "127.0.0.1 has not answered for 41 s. More";
        assert_eq!(in_sentences(address, 38), "127.0.0.1 has not answered for 41 s.");
    }
}
