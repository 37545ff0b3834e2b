//! Where everything stands: a pure function of the size and of what kind of screen it is.

use ratatui::layout::{Rect, Size};

use crate::keys::Command;

/// Below this, only a line is shown that says so.
pub const SMALLEST: Size = Size { width: 40, height: 10 };

/// From this width on there is a second column.
pub const WIDE: u16 = 100;

/// Below this many lines of the body room is scarce.
pub const LOW: u16 = 14;

/// No line of the body is longer.
const LONGEST: u16 = 128;

/// The same of what is read line by line, and not beside a help: checks, a plan, results.
const READABLE: u16 = 110;

/// Fewer columns are no second column beside that.
const BESIDE: u16 = 34;

/// What a screen has beside its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing, and no line of steps or panes.
    Nothing,
    /// The help or the detail of what is selected, where the terminal is wide.
    Detail,
    /// The same once the body, which is read line by line, has all the columns that it can use.
    Rest,
}

/// The rooms of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Layout {
    /// Whether the terminal is too small for anything.
    pub too_small: bool,
    pub header: Rect,
    /// The line of steps or panes; without height where there is none.
    pub steps: Rect,
    pub upper: Rect,
    pub body: Rect,
    /// The second column, on a wide terminal.
    pub detail: Option<Rect>,
    /// The lower rule; a notice stands in it.
    pub lower: Rect,
    pub keys: Rect,
}

/// Divides a terminal.
pub fn layout(size: Size, beside: Beside) -> Layout {
    let too_small = size.width < SMALLEST.width || size.height < SMALLEST.height;
    if too_small {
        return Layout { too_small, body: Rect::new(0, 0, size.width, size.height), ..Layout::default() };
    }
    let row = |y: u16, height: u16| Rect::new(0, y, size.width, height);
    let steps = beside != Beside::Nothing;
    let steps_height = u16::from(steps);
    let top = 2 + steps_height;
    let height = size.height - top - 2;
    let main = match size.width {
        width if !steps => width.min(WIDE),
        width if beside == Beside::Rest => width.min(READABLE),
        width if width < WIDE => width,
        // What is listed has most of the room; lines as long as that are not read any more.
        width => (width - 35 - (width - WIDE) / 10).min(LONGEST),
    };
    let has_detail = match beside {
        Beside::Nothing => false,
        Beside::Detail => size.width >= WIDE,
        Beside::Rest => size.width >= main + 5 + BESIDE,
    };
    let detail = has_detail.then(|| Rect::new(main + 3, top, size.width - main - 5, height));
    Layout {
        too_small,
        header: row(0, 1),
        steps: row(1, steps_height),
        upper: row(1 + steps_height, 1),
        body: Rect::new(0, top, main, height),
        detail,
        lower: row(size.height - 2, 1),
        keys: row(size.height - 1, 1),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    Rows(isize),
    Pages(isize),
    First,
    Last,
}

impl Move {
    /// What a command means as a move.
    pub fn of(command: Command) -> Option<Self> {
        Some(match command {
            Command::Up => Self::Rows(-1),
            Command::Down => Self::Rows(1),
            Command::PageUp => Self::Pages(-1),
            Command::PageDown => Self::Pages(1),
            Command::First => Self::First,
            Command::Last => Self::Last,
            _ => return None,
        })
    }

    /// The row that it leads to, from one of a list that shows `height` rows; it may lie beyond the last.
    pub fn from(self, row: usize, height: usize) -> usize {
        match self {
            Self::Rows(by) => row.saturating_add_signed(by),
            Self::Pages(by) => row.saturating_add_signed(by.saturating_mul(height as isize)),
            Self::First => 0,
            Self::Last => usize::MAX / 2,
        }
    }
}

/// A list of which only a window is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Window {
    pub selected: usize,
    /// The first row that is shown.
    pub first: usize,
}

impl Window {
    /// Selects a row, as far as there is one, and moves the window no further than needed. Says whether anything moved.
    pub fn select(&mut self, row: usize, rows: usize, height: usize) -> bool {
        let before = *self;
        self.selected = row.min(rows.saturating_sub(1));
        let height = height.max(1);
        if self.selected < self.first {
            self.first = self.selected;
        } else if self.selected >= self.first + height {
            self.first = self.selected + 1 - height;
        }
        self.first = self.first.min(rows.saturating_sub(height));
        before != *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_lies_inside_terminal() {
        for width in 0..140 {
            for height in 0..60 {
                for beside in [Beside::Nothing, Beside::Detail, Beside::Rest] {
                    let whole = Rect::new(0, 0, width, height);
                    let l = layout(Size { width, height }, beside);
                    for part in [l.header, l.steps, l.upper, l.body, l.detail.unwrap_or_default(), l.lower, l.keys] {
                        assert_eq!(part.intersection(whole).area(), part.area(), "{width}x{height} {part:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn window_moves_no_further_than_needed() {
        let mut window = Window::default();
        assert!(window.select(4, 100, 5));
        assert_eq!(window, Window { selected: 4, first: 0 });
        window.select(5, 100, 5);
        assert_eq!(window, Window { selected: 5, first: 1 });
        window.select(1_000, 100, 5);
        assert_eq!(window, Window { selected: 99, first: 95 });
        assert!(!window.select(99, 100, 5));
        window.select(99, 3, 5);
        assert_eq!(window, Window { selected: 2, first: 0 });
    }
}
