//! Widths and wrapping, by the tables that the screen is laid out with. Geometry needs them, so they live beside it.

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

use crate::domain::draft::Draft;
use crate::domain::untrusted::Untrusted;

/// Said where the addresses of the callbacks are asked for before there are any.
pub const NO_CALLBACKS: &str = "No Callback URLs yet: they are created at the first save.";

/// The columns that a text takes: character by character, as the screen lays it out. Taken whole, some pairs count as
/// one column (the Arabic lam with alef) and what stands behind them would be a column off.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true).map(|cluster| if cluster.len() == 1 { 1 } else { usize::from(cluster.cell_width()) }).sum()
}

/// Breaks a text at blanks into lines of at most `columns`; a longer word is cut, an address or an id between its parts.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    if width(text) <= columns {
        // It fits: kept to the letter, wider gaps included.
        return vec![text.to_owned()];
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        if width(&line) + width(word) <= columns {
            line.push_str(word);
            continue;
        }
        let mut rest = word;
        while let Some(at) = break_in(rest, columns) {
            lines.push(rest[..at].to_owned());
            rest = &rest[at..];
        }
        line.push_str(rest);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

// Where a word that does not fit is cut: behind a sign that parts it, with a part of it on either side; else where the line ends.
fn break_in(word: &str, columns: usize) -> Option<usize> {
    let (mut end, mut used) = (0, 0);
    for cluster in word.graphemes(true) {
        used += width(cluster);
        if used > columns && end > 0 {
            let is_part = |at: &usize| word[*at..].contains(char::is_alphanumeric) && *at * 3 > end;
            let behind = |at: usize| at + 1;
            let parts =
                word[..end].rmatch_indices(['/', '-', '_', '.', '?', '&', '=', ':', ',']).map(|(at, _)| behind(at));
            return Some(parts.into_iter().find(is_part).unwrap_or(end));
        }
        end += cluster.len();
    }
    None
}

/// An address without the user and the password that somebody put into it: no file and no card shows them.
pub fn without_user(address: &str) -> String {
    let start = address.find("://").map_or(0, |at| at + 3);
    match address[start..].rfind('@') {
        Some(at) => format!("{}{}", &address[..start], &address[start + at + 1..]),
        None => address.to_owned(),
    }
}

/// The name of a draft, fit to be shown. What is saved and has no name is called by its host.
pub fn draft_title(draft: &Draft) -> String {
    let name = draft.name();
    match &draft.read {
        _ if !name.trim().is_empty() => Untrusted::new(name.trim()).display(),
        Some(saved) => Untrusted::new(saved.api.url.host()).display(),
        None => "new configuration".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only what was never saved is new.
    #[test]
    fn saved_configuration_without_name_is_called_by_its_host() {
        assert_eq!(draft_title(&Draft::default()), "new configuration");
        let saved = crate::app::testing::configuration("");
        let draft = Draft::of(&crate::app::testing::id("acme"), &saved);
        assert_eq!(draft_title(&draft), "acme.halopsa.com");
        assert_eq!(draft_title(&draft.with(crate::domain::fields::FieldId::Name, "Acme")), "Acme");
    }

    #[test]
    fn address_is_shown_without_its_user() {
        for (typed, shown) in [
            ("https://dana:pw@acme.halopsa.com/x", "https://acme.halopsa.com/x"),
            ("dana:p/w@acme.halopsa.com", "acme.halopsa.com"),
            ("https://acme.halopsa.com", "https://acme.halopsa.com"),
            ("https://dana@", "https://"),
            ("", ""),
        ] {
            assert_eq!(without_user(typed), shown);
        }
    }

    #[test]
    fn width_is_sum_of_its_characters() {
        for text in ["\u{644}\u{627}\u{644}\u{627}", "北京", "\u{1f1e6}\u{1f1fa}x", "ﾊﾞ", "e\u{301}"] {
            let sum: usize = text.graphemes(true).map(width).sum();
            assert_eq!(width(text), sum);
        }
        assert_eq!(width("\u{644}\u{627}"), 2);
    }

    #[test]
    fn no_line_is_wider_than_its_column() {
        for text in
            ["", "one", "two words and more", "北京技术有限公司 ltd", "https://a.very.long/address/indeed", "👩🚀 x"]
        {
            for columns in 2..30 {
                let lines = wrap(text, columns);
                assert!(lines.iter().all(|line| width(line) <= columns), "{text} at {columns}: {lines:?}");
                let without_blanks = |text: &str| text.replace(' ', "");
                assert_eq!(without_blanks(&lines.concat()), without_blanks(text));
            }
        }
    }

    /// An address, and an id with a bracket behind it: no word of it is torn, and no sign stands alone.
    #[test]
    fn long_word_is_cut_between_its_parts() {
        let address = "http://127.0.0.1:18988/callbacks/acme/ticket-created?token=1";
        for columns in 16..40 {
            let lines = wrap(address, columns);
            let (_, whole) = lines.split_last().unwrap();
            assert!(whole.iter().all(|line| line.ends_with(['/', '-', '.', ':', '?', '='])), "{columns}: {lines:?}");
            let id = wrap("own (0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f)", columns);
            assert!(id.iter().all(|line| line.contains(char::is_alphanumeric)), "{columns}: {id:?}");
        }
    }
}
