//! What says that there is more than what is shown: a scrollbar, and words.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::domain::thousands;

use super::theme::Styles;

/// A scrollbar in a column; nothing where everything is shown.
pub fn bar(frame: &mut Frame, area: Rect, first: usize, shown: usize, total: usize, styles: Styles) {
    let area = area.intersection(frame.area());
    let rows = usize::from(area.height);
    if area.is_empty() || rows < 2 || shown >= total {
        return;
    }
    let thumb = (rows * shown / total).clamp(1, rows - 1);
    let hidden = total - shown;
    let room = rows - thumb;
    // At an end only where there is nothing more on that side.
    let top = match first.min(hidden) {
        0 => 0,
        first if first == hidden => room,
        first => (room * first / hidden).clamp(usize::from(room > 1), room.saturating_sub(1).max(1)),
    };
    let line = |row: usize| if (top..top + thumb).contains(&row) { "█" } else { "│" };
    let lines: Vec<Line<'_>> = (0..rows).map(|row| Line::styled(line(row), styles.dim())).collect();
    frame.render_widget(Paragraph::new(lines), area);
}

/// How much more there is: `↑ 3 more`, `↓ 1,200 more`; above first.
pub fn words(above: usize, below: usize) -> String {
    let one = |arrow: &str, count: usize| (count > 0).then(|| format!("{arrow} {} more", thousands(count as u64)));
    [one("↑", above), one("↓", below)].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Cuts what cannot be scrolled to its room; the last line says how much is left out.
pub fn cut(lines: &mut Vec<Line<'static>>, height: usize, styles: Styles) {
    if lines.len() > height && height > 0 {
        let left_out = lines.len() - (height - 1);
        lines.truncate(height - 1);
        lines.push(Line::styled(format!("↓ {left_out} more: make the window taller"), styles.dim()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_both_sides() {
        assert_eq!(words(0, 0), "");
        assert_eq!(words(3, 0), "↑ 3 more");
        assert_eq!(words(3, 1_200), "↑ 3 more · ↓ 1,200 more");
    }
}
