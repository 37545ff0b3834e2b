//! What became of each object of a plan: those of one cause are one row.

use ratatui::style::Style;

use super::page::{MARGIN, Page, Row};
use super::text::fit;
use super::theme::symbol;
use crate::app::Model;
use crate::app::layout::LOW;
use crate::app::text::width;
use crate::domain::next::Hint;
use crate::domain::plan::ChangeResult;
use crate::domain::untrusted::Untrusted;
use crate::words::{self, Phrase};

/// Columns of the sign and the kind of an object.
pub(super) const KIND: usize = 14;

/// Each object with what became of it and with Halo's id; one of them may have the focus.
pub fn rows_of_results(model: &Model, page: &mut Page, results: &[ChangeResult], focus: Option<usize>) {
    let styles = page.styles;
    let columns = name_columns(page, results.iter().map(|result| &result.name));
    let outcomes = results.iter().map(|result| width(words::plan::outcome(result).1)).max().unwrap_or_default();
    for (at, told) in words::plan::told(results).iter().enumerate() {
        let (focused, result) = (focus == Some(at), told.first());
        let from = page.lines.len();
        let (tone, word) = words::plan::outcome(result);
        let style = if focused { styles.selected() } else { Style::new() };
        let gap = outcomes - width(word) + 3;
        let sign = words::plan::sign(result).unwrap_or(symbol(tone));
        let row = Row::new(styles, focused).text(sign, styles.tone(tone)).text(" ", Style::new());
        let counted = told.counted();
        let row = match &counted {
            Some(counted) => row.cell(counted, style, (KIND - 2 + columns).max(width(counted) + 2)),
            None => row.cell(result.kind.word(), style, KIND - 2).cell(&result.name.display(), style, columns),
        };
        let id = result.id.as_ref().filter(|_| counted.is_none());
        let id = id.map(|id| format!("{:gap$}id {}", "", short(id))).unwrap_or_default();
        if row.used() + width(word) + width(&id) < page.width {
            page.push(row.text(word, styles.tone(tone)).text(&id, styles.dim()));
        } else {
            page.words(row, word, styles.tone(tone));
        }
        if let Some(why) = told.why() {
            page.paragraph(&said(model, &why), MARGIN + KIND, Style::new());
        }
        if focused {
            // With how it ended in sight.
            page.keep_row(from, at == 0 && model.layout.body.height < LOW);
        }
    }
}

// A message names commands; here they are keys.
pub fn said(model: &Model, message: &str) -> String {
    Phrase::from(&Hint::read(message)).with_keys(&model.keys)
}

// A GUID by its beginning: the second column and the command line have it whole.
fn short(id: &str) -> String {
    let clean = Untrusted::new(id).display();
    fit(&clean, 14)
}

// As wide as the longest name, so that the words beside it have the room.
pub(super) fn name_columns<'a>(page: &Page, names: impl Iterator<Item = &'a Untrusted>) -> usize {
    let longest = names.map(|name| width(&name.display()) + 2).max().unwrap_or_default();
    longest.clamp(10, page.width.saturating_sub(MARGIN + KIND + 1).clamp(10, 27))
}
