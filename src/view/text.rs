//! Text to its column: by Unicode widths, cut with an ellipsis; and times as a person says them.

use unicode_segmentation::UnicodeSegmentation;

use crate::app::text::width;
pub use crate::words::time::{age, ago, duration, moment, took};

/// Cuts a text to a number of columns; what is cut ends in an ellipsis.
pub fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let mut out = String::new();
    let mut used = 0;
    for cluster in text.graphemes(true) {
        let wide = width(cluster);
        if used + wide > columns - 1 {
            break;
        }
        out.push_str(cluster);
        used += wide;
    }
    out.push('…');
    out
}

/// Cuts a text to a number of columns and fills them with blanks.
pub fn pad(text: &str, columns: usize) -> String {
    let mut out = fit(text, columns);
    let used = width(&out);
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(used)));
    out
}

/// The part of a text that is seen through a window that begins after `skip` columns.
pub fn window(text: &str, skip: usize, columns: usize) -> String {
    let mut out = String::new();
    let (mut at, mut used) = (0, 0);
    for cluster in text.graphemes(true) {
        let wide = width(cluster);
        if at >= skip {
            if used + wide > columns {
                break;
            }
            out.push_str(cluster);
            used += wide;
        } else if at + wide > skip && columns > 0 {
            // Half of a wide character stays outside.
            out.push(' ');
            used += 1;
        }
        at += wide;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_leaves_its_column() {
        for text in ["", "plain", "北京技术有限公司", "e\u{301}e\u{301}e\u{301}", "👩🚀 Labs", "Łódź"] {
            for columns in 0..20 {
                assert!(width(&fit(text, columns)) <= columns);
                assert_eq!(width(&pad(text, columns)), columns);
                for skip in 0..20 {
                    assert!(width(&window(text, skip, columns)) <= columns);
                }
            }
        }
        assert_eq!(fit("Northwind", 5), "Nort…");
        assert_eq!(fit("北京技术", 5), "北京…");
        assert_eq!(fit("北京技术", 4), "北…");
    }
}
