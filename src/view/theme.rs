//! The one place that decides how things look: styles from the terminal's own sixteen colours, and glyphs.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use unicode_normalization::UnicodeNormalization;

use crate::app::Theme;
use crate::app::notice::Tone;
use crate::app::text::width;
use crate::domain::untrusted::harmless;

use super::text::window;

#[derive(Clone, Copy, Debug)]
pub struct Styles {
    mono: bool,
}

impl Styles {
    /// The look of a theme.
    pub fn new(theme: Theme) -> Self {
        Self { mono: theme.mono }
    }

    fn colour(self, colour: Color) -> Style {
        if self.mono { Style::new() } else { Style::new().fg(colour) }
    }

    pub fn focus(self) -> Style {
        let extra = if self.mono { Modifier::BOLD | Modifier::REVERSED } else { Modifier::BOLD };
        self.colour(Color::Cyan).add_modifier(extra)
    }

    /// The row of a list that is selected: a filled bar.
    pub fn selected(self) -> Style {
        self.focus().add_modifier(Modifier::REVERSED)
    }

    pub fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Help, and whatever stands back.
    pub fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// What a search matched.
    pub fn matched(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
    }

    pub fn tone(self, tone: Tone) -> Style {
        match tone {
            Tone::Good => self.colour(Color::Green),
            Tone::Warn => self.colour(Color::Yellow),
            Tone::Bad => self.colour(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Calm => Style::new(),
        }
    }
}

/// The symbol of a state; a word always stands beside it.
pub fn symbol(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✓",
        Tone::Warn => "!",
        Tone::Bad => "✗",
        Tone::Calm => "–",
    }
}

/// The second net under every text: what somebody pasted into a field or wrote into a file has no type of its own. Nothing
/// that hides, joins or reorders, and no tower of marks, is left in a cell, and a cell keeps its columns.
pub fn clean(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        // The cell after this one holds what a joiner at its end joins.
        let symbol = cell.symbol().trim_end_matches(['\u{200c}', '\u{200d}']);
        let clean = harmless(symbol);
        if clean != cell.symbol() {
            let clean = window(&clean, 0, width(symbol));
            cell.set_symbol(if clean.is_empty() { " " } else { &clean });
        }
    }
}

/// Turns everything on the screen into ASCII: our own glyphs by a table, letters without their accents, the rest a
/// question mark. A wide character keeps its two columns.
pub fn to_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if !symbol.is_ascii() {
            let plain = ascii(symbol);
            cell.set_char(plain);
        }
    }
}

fn ascii(symbol: &str) -> char {
    match symbol {
        "✓" => '+',
        "✗" => 'x',
        "▸" | "›" | "→" => '>',
        "●" => '*',
        "○" => 'o',
        "←" => '<',
        "↑" => '^',
        "↓" => 'v',
        "–" | "─" | "·" | "—" => '-',
        "│" => '|',
        "┌" | "┐" | "└" | "┘" => '+',
        "…" => '~',
        "•" => '*',
        "█" | "▉" | "▊" | "▋" | "▌" | "▇" => '#',
        "▆" | "▅" => '=',
        "▄" | "▃" => '-',
        "▂" | "▁" => '.',
        "▍" | "▎" | "▏" => ' ',
        "“" | "”" => '"',
        "‘" | "’" => '\'',
        other => other.nfkd().find(char::is_ascii).filter(|c| !c.is_ascii_control()).unwrap_or('?'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_keeps_what_can_be_kept() {
        let got: String = ["✓", "é", "Ł", "北", "ﬁ", "…", "👩‍🚀"].map(ascii).iter().collect();
        assert_eq!(got, "+e??f~?");
    }

    #[test]
    fn mono_has_no_colour() {
        let styles = Styles::new(Theme { mono: true, ascii: false });
        for style in [styles.focus(), styles.title(), styles.dim(), styles.matched()] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        for tone in [Tone::Good, Tone::Warn, Tone::Bad, Tone::Calm] {
            assert_eq!(styles.tone(tone).fg, None);
        }
    }
}
