//! A page: lines with one left margin, what has to stay in sight, and the cursor.

use std::ops::Range;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::notice::Tone;
use crate::app::text::{width, wrap};
use crate::domain::failure::Failure;

use super::text::{fit, pad};
use super::theme::{Look, symbol};

/// Columns of the label column, margin excluded.
pub const LABEL: usize = 23;

/// Columns of the left margin.
pub const MARGIN: usize = 3;

/// A page.
pub struct Page {
    /// How it looks.
    pub look: Look,
    /// Its columns.
    pub width: usize,
    /// Its lines.
    pub lines: Vec<Line<'static>>,
    /// The lines that have to be in sight.
    pub keep: Option<Range<usize>>,
    /// The cursor: line and column.
    pub cursor: Option<(usize, u16)>,
}

/// A line while it is put together: the mark of the focus, then cells.
pub struct Row {
    spans: Vec<Span<'static>>,
    used: usize,
}

impl Row {
    /// A line that can have the focus.
    pub fn new(look: Look, focused: bool) -> Self {
        let mark = if focused { Span::styled(" ▸ ", look.focus()) } else { Span::raw("   ") };
        // The blanks around the mark are not part of it: reversed, they would be a bar.
        let spans =
            if focused { vec![Span::raw(" "), Span::styled("▸", mark.style), Span::raw(" ")] } else { vec![mark] };
        Self { spans, used: MARGIN }
    }

    /// A text, padded to a number of columns; what is too long is cut, one column before the next cell.
    #[must_use]
    pub fn cell(mut self, text: &str, style: Style, columns: usize) -> Self {
        let shown = fit(text, columns.saturating_sub(1));
        let used = width(&shown);
        self.spans.push(Span::styled(shown, style));
        self.spans.push(Span::raw(" ".repeat(columns.saturating_sub(used))));
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
            self.used += span.width();
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

    /// A text that ends one column before the edge; left out where there is no room for it.
    #[must_use]
    pub fn right(self, text: &str, style: Style, edge: usize) -> Self {
        let from = edge.saturating_sub(1 + width(text));
        if from <= self.used { self } else { self.to(from).text(text, style) }
    }

    /// The columns used so far.
    pub fn used(&self) -> usize {
        self.used
    }
}

impl Page {
    /// An empty page.
    pub fn new(look: Look, width: usize) -> Self {
        Self { look, width, lines: Vec::new(), keep: None, cursor: None }
    }

    /// An empty line.
    pub fn blank(&mut self) {
        self.lines.push(Line::default());
    }

    /// A line, cut to the page.
    pub fn push(&mut self, row: Row) {
        let mut left = self.width;
        let mut spans = Vec::with_capacity(row.spans.len());
        for span in row.spans {
            let wide = span.width();
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

    /// A line that does not take the focus.
    pub fn plain(&mut self, text: &str, style: Style) {
        self.push(Row::new(self.look, false).text(text, style));
    }

    /// A heading, with something on its right.
    pub fn heading(&mut self, text: &str, right: &str, style: Style) {
        self.blank();
        let row = Row::new(self.look, false).text(text, self.look.title());
        self.push(row.right(right, style, self.width));
        self.blank();
    }

    /// A paragraph, wrapped, from a column on.
    pub fn paragraph(&mut self, text: &str, column: usize, style: Style) {
        for line in wrap(text, self.width.saturating_sub(column + 1).max(8)) {
            self.push(Row::new(self.look, false).to(column).text(&line, style));
        }
    }

    /// A state with its symbol: the first line behind it, the rest below.
    pub fn state(&mut self, tone: Tone, text: &str, column: usize) {
        let style = self.look.tone(tone);
        for (index, line) in wrap(text, self.width.saturating_sub(column + 3).max(8)).into_iter().enumerate() {
            let row = Row::new(self.look, false).to(column);
            let row = if index == 0 { row.text(symbol(tone), style).text(" ", style) } else { row.text("  ", style) };
            self.push(row.text(&line, style));
        }
    }

    /// A failure: what happened, Halo's words, what to do next.
    pub fn failure(&mut self, failure: &Failure, column: usize) {
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
        if let Some(hint) = &failure.hint {
            self.paragraph(hint, column + 2, Style::new());
        }
    }

    /// A line with a label and a value.
    pub fn pair(&mut self, label: &str, value: &str, style: Style) {
        let column = MARGIN + LABEL;
        let mut lines = wrap(value, self.width.saturating_sub(column + 1).max(8)).into_iter();
        let first = lines.next().unwrap_or_default();
        self.push(Row::new(self.look, false).cell(label, Style::new(), LABEL).text(&first, style));
        for line in lines {
            self.push(Row::new(self.look, false).to(column).text(&line, style));
        }
    }

    /// From here to the end of what follows has to stay in sight.
    pub fn keep_from(&mut self, line: usize) {
        self.keep = Some(line..self.lines.len());
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

    /// The lines, padded so that a popup or a rule can be laid over.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }
}

/// Words for a list: padded.
pub fn padded(text: &str, columns: usize, style: Style) -> Span<'static> {
    Span::styled(pad(text, columns), style)
}
