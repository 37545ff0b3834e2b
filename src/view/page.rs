//! A page: lines with one left margin, what has to stay in sight, and the cursor.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::app::notice::Tone;
use crate::app::text::{width, wrap};
use crate::domain::failure::Failure;
use crate::keys::KeyMap;
use crate::words::{Phrase, capital};

use super::text::fit;
use super::theme::{Styles, symbol};

/// Columns of the label column, margin excluded.
pub const LABEL: usize = 23;

/// Columns of the left margin.
pub const MARGIN: usize = 3;

/// Below this many columns there is no room for two: a value stands under its label.
const TWO_COLUMNS: usize = 60;

/// Columns of the short labels of what can only be read, where there is not much room.
const NARROW: usize = 14;

/// Below this many columns a text is not begun beside what stands before it, but under it.
const BESIDE: usize = 20;

/// The most lines of a title in the second column.
const TITLE: usize = 4;

/// A list of which only a window is shown: what the scrollbar and the marks of more are made from.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The line of the page on which its first row stands.
    pub line: usize,
    /// The first row that is shown.
    pub first: usize,
    /// The rows that are shown.
    pub shown: usize,
    pub total: usize,
}

pub struct Page {
    pub styles: Styles,
    pub width: usize,
    pub lines: Vec<Line<'static>>,
    /// The lines that have to be in sight.
    pub keep: Option<Range<usize>>,
    /// The cursor: line and column.
    pub cursor: Option<(usize, u16)>,
    /// The list on it, where only a window of one is shown.
    pub part: Option<Part>,
    /// Whether it goes without air although not all of it can be seen then either.
    pub is_tight: bool,
}

/// A line while it is put together: the mark of the focus, then cells.
pub struct Row {
    spans: Vec<Span<'static>>,
    used: usize,
    /// Whether it is the label of a field, and no row of a list.
    is_label: bool,
}

impl Row {
    /// A line that can have the focus.
    pub fn new(styles: Styles, focused: bool) -> Self {
        let mark = if focused { Span::styled(" ▸ ", styles.focus()) } else { Span::raw("   ") };
        // The blanks around the mark are not part of it: reversed, they would be a bar.
        let spans =
            if focused { vec![Span::raw(" "), Span::styled("▸", mark.style), Span::raw(" ")] } else { vec![mark] };
        Self { spans, used: MARGIN, is_label: false }
    }

    /// A text, padded to a number of columns; what is too long is cut, one column before the next cell.
    #[must_use]
    pub fn cell(mut self, text: &str, style: Style, columns: usize) -> Self {
        let shown = fit(text, columns.saturating_sub(1));
        let used = width(&shown);
        // The bar of what is selected is filled to the end of its column.
        let filled = style.add_modifier.contains(Modifier::REVERSED) && !self.is_label;
        let blanks = " ".repeat(columns.saturating_sub(used));
        self.spans.push(Span::styled(shown, style));
        self.spans.push(if filled { Span::styled(blanks, style) } else { Span::raw(blanks) });
        self.used += columns;
        self
    }

    /// A text to its own width.
    #[must_use]
    pub fn text(mut self, text: &str, style: Style) -> Self {
        self.used += width(text);
        self.spans.push(Span::styled(text.to_owned(), style));
        self
    }

    /// Spans as they are.
    #[must_use]
    pub fn spans(mut self, spans: Vec<Span<'static>>) -> Self {
        for span in spans {
            self.used += width(&span.content);
            self.spans.push(span);
        }
        self
    }

    /// Blanks up to a column.
    #[must_use]
    pub fn to(mut self, column: usize) -> Self {
        let blanks = column.saturating_sub(self.used);
        self.spans.push(Span::raw(" ".repeat(blanks)));
        self.used += blanks;
        self
    }

    /// A text that ends a column before the scrollbar; left out where there is no room for it.
    #[must_use]
    pub fn right(self, text: &str, style: Style, edge: usize) -> Self {
        let from = edge.saturating_sub(2 + width(text));
        if from <= self.used { self } else { self.to(from).text(text, style) }
    }

    /// The columns used so far.
    pub fn used(&self) -> usize {
        self.used
    }
}

impl Page {
    pub fn new(styles: Styles, width: usize) -> Self {
        Self { styles, width, lines: Vec::new(), keep: None, cursor: None, part: None, is_tight: false }
    }

    pub fn blank(&mut self) {
        self.lines.push(Line::default());
    }

    /// The column in which values stand.
    pub fn value_column(&self) -> usize {
        if self.width < TWO_COLUMNS { MARGIN + 2 } else { MARGIN + LABEL }
    }

    /// The beginning of a line with a label, ready for its value; the label has a line of its own where there is no
    /// room for two columns.
    pub fn label(&mut self, label: &str, style: Style, focused: bool) -> Row {
        let row = Row { is_label: true, ..Row::new(self.styles, focused) };
        if self.width >= TWO_COLUMNS {
            return row.cell(label, style, LABEL);
        }
        self.push(row.text(label, style));
        Row::new(self.styles, false).to(self.value_column())
    }

    /// A line that ends in words, wrapped: beside what stands before them, or under it where that leaves no room.
    pub fn words(&mut self, row: Row, text: &str, style: Style) {
        let column = row.used();
        let room = self.width.saturating_sub(column + 2);
        if room < BESIDE && width(text) > room {
            self.push(row);
            self.paragraph(text, MARGIN + 4, style);
            return;
        }
        let mut lines = wrap(text, room.max(1)).into_iter();
        self.push(row.text(&lines.next().unwrap_or_default(), style));
        for line in lines {
            self.push(Row::new(self.styles, false).to(column).text(&line, style));
        }
    }

    /// A line, cut to the page; its last column is left to the scrollbar.
    pub fn push(&mut self, row: Row) {
        let mut left = self.width.saturating_sub(1);
        let mut spans = Vec::with_capacity(row.spans.len());
        for span in row.spans {
            let wide = width(&span.content);
            if wide > left {
                let cut = fit(span.content.trim_end(), left);
                spans.push(Span::styled(cut, span.style));
                break;
            }
            left -= wide;
            spans.push(span);
        }
        self.lines.push(Line::from(spans));
    }

    /// A word at the right of the last line, or under it where there is no room beside it.
    pub fn beside_last(&mut self, text: &str, style: Style) {
        let room = self.width;
        let Some(line) = self.lines.last_mut() else { return };
        let used: usize = line.spans.iter().map(|span| width(&span.content)).sum();
        if used + width(text) + 4 > room {
            return self.plain(text, style);
        }
        line.push_span(Span::raw(" ".repeat(room - used - width(text) - 2)));
        line.push_span(Span::styled(text.to_owned(), style));
    }

    /// A line that does not take the focus.
    pub fn plain(&mut self, text: &str, style: Style) {
        self.push(Row::new(self.styles, false).text(text, style));
    }

    /// A heading, with something on its right.
    pub fn heading(&mut self, text: &str, right: &str, style: Style) {
        self.blank();
        let row = Row::new(self.styles, false).text(text, self.styles.title());
        if row.used() + width(right) + 4 < self.width {
            self.push(row.right(right, style, self.width));
        } else {
            self.paragraph(text, MARGIN, self.styles.title());
            if !right.is_empty() {
                self.paragraph(right, MARGIN, style);
            }
        }
        self.blank();
    }

    /// A paragraph, wrapped, from a column on.
    pub fn paragraph(&mut self, text: &str, column: usize, style: Style) {
        for line in wrap(text, self.width.saturating_sub(column + 1).max(8)) {
            self.push(Row::new(self.styles, false).to(column).text(&line, style));
        }
    }

    /// A state with its symbol: the first line behind it, the rest below.
    pub fn state(&mut self, tone: Tone, text: &str, column: usize) {
        let style = self.styles.tone(tone);
        for (index, line) in wrap(text, self.width.saturating_sub(column + 3).max(8)).into_iter().enumerate() {
            let row = Row::new(self.styles, false).to(column);
            let row = if index == 0 { row.text(symbol(tone), style).text(" ", style) } else { row.text("  ", style) };
            self.push(row.text(&line, style));
        }
    }

    /// A failure: what happened, Halo's words, what to do next.
    pub fn failure(&mut self, failure: &Failure, column: usize, keys: &KeyMap) {
        self.happened(failure, column);
        self.advice(failure, column, keys);
    }

    /// What happened, and Halo's words.
    pub fn happened(&mut self, failure: &Failure, column: usize) {
        self.state(Tone::Bad, &failure.message, column);
        let said = failure.halo_said.as_ref().map(|said| said.display()).filter(|said| !said.trim().is_empty());
        let said = match (said, failure.http_status) {
            (Some(said), Some(status)) => Some(format!("Halo says: {status} {said}")),
            (Some(said), None) => Some(format!("Halo says: {said}")),
            (None, Some(status)) => Some(format!("Halo answered {status}.")),
            (None, None) => None,
        };
        if let Some(said) = said {
            self.paragraph(&said, column + 2, Style::new());
        }
    }

    /// What to do next.
    pub fn advice(&mut self, failure: &Failure, column: usize, keys: &KeyMap) {
        if let Some(hint) = &failure.hint {
            self.paragraph(&capital(&Phrase::from(hint).with_keys(keys)), column + 2, Style::new());
        }
    }

    /// A line with a label and a value.
    pub fn pair(&mut self, label: &str, value: &str, style: Style) {
        let label_columns = if self.width < TWO_COLUMNS { NARROW } else { LABEL };
        let row = if label.is_empty() {
            Row::new(self.styles, false).to(MARGIN + label_columns)
        } else {
            Row::new(self.styles, false).cell(label, Style::new(), label_columns)
        };
        self.words(row, value, style);
    }

    /// From here to the end of what follows has to stay in sight.
    pub fn keep_from(&mut self, line: usize) {
        self.keep = Some(line..self.lines.len());
    }

    /// The same of a row: with `alone`, what stands below it does not push the top of the page away.
    pub fn keep_row(&mut self, line: usize, alone: bool) {
        self.keep_from(line);
        if alone && let Some(keep) = &mut self.keep {
            keep.end = keep.end.min(line + 1);
        }
    }

    /// Leaves the empty lines out: on a low terminal every line is needed.
    pub fn squeeze(&mut self) {
        let mut kept = 0;
        let places: Vec<usize> = self
            .lines
            .iter()
            .map(|line| {
                let place = kept;
                kept += usize::from(!line.spans.is_empty());
                place
            })
            .collect();
        let place = |line: usize| places.get(line).copied().unwrap_or(kept);
        self.keep = self.keep.take().map(|keep| place(keep.start)..place(keep.end));
        self.cursor = self.cursor.map(|(line, column)| (place(line), column));
        self.part = self.part.map(|part| Part { line: place(part.line), ..part });
        self.lines.retain(|line| !line.spans.is_empty());
    }

    /// The first line to show, so that what has to stay in sight does.
    pub fn scroll(&self, height: usize) -> usize {
        let Some(keep) = &self.keep else { return 0 };
        let most = self.lines.len().saturating_sub(height);
        // A line of air below, where there is one.
        let end = (keep.end + 1).min(self.lines.len());
        let first = end.saturating_sub(height);
        first.min(keep.start).min(most)
    }
}

/// The title of a second column or of a card, wrapped, with a line of air below.
pub fn title_lines(text: &str, styles: Styles, columns: usize) -> Vec<Line<'static>> {
    let lines = wrap(text, columns).into_iter().take(TITLE);
    lines.map(|line| Line::styled(line, styles.title())).chain([Line::default()]).collect()
}

/// Draws a line into an area that may lie outside what there is.
pub fn put(frame: &mut Frame, area: Rect, line: Line<'_>) {
    let area = area.intersection(frame.area());
    if !area.is_empty() {
        frame.render_widget(Paragraph::new(line), Rect { height: 1, ..area });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Theme;

    /// The bar of what is selected reaches to the end of its column, in colour and without; the label of a field is no bar.
    #[test]
    fn selected_row_is_filled_to_end_of_its_column() {
        for mono in [false, true] {
            let styles = Styles::new(Theme { mono, ascii: mono });
            let bar = |row: Row| -> usize {
                let is_bar = |span: &&Span<'_>| span.style.add_modifier.contains(Modifier::REVERSED);
                let mark = |span: &&Span<'_>| span.content != "▸";
                row.spans.iter().filter(is_bar).filter(mark).map(|span| width(&span.content)).sum()
            };
            assert_eq!(bar(Row::new(styles, true).cell("Acme", styles.selected(), 12)), 12);
            assert_eq!(bar(Row::new(styles, false).cell("Acme", Style::new(), 12)), 0);
            let label = Page::new(styles, 80).label("Url", styles.focus(), true);
            assert_eq!(bar(label), if mono { 3 } else { 0 });
        }
    }
}
