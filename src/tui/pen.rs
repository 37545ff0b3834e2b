//! Writes cells to the terminal with few bytes: a typed character over a slow line is one small packet.
//!
//! ratatui says which cells changed. The pen remembers what stands on the screen, where the cursor is and with which
//! ink it writes, so it does not repeat a style, steps over a short gap by writing what stands there, and empties the
//! rest of a line at once. Where terminals may disagree about the cursor (after a wide or joined character, and in the
//! last column), the next cell gets its full address. A row with characters that each terminal counts in its own way is
//! written whole: nothing else takes away what stood in columns that we know nothing of.

use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const ERASE_LINE: &[u8] = b"\x1b[K";
const HIDE: &[u8] = b"\x1b[?25l";
const SHOW: &[u8] = b"\x1b[?25h";
/// The usual ink first, because some terminals fill with the one they have.
const CLEAR: &[u8] = b"\x1b[m\x1b[2J";

/// What of a style is seen on a blank.
const ON_BLANK: Modifier = Modifier::REVERSED
    .union(Modifier::UNDERLINED)
    .union(Modifier::SLOW_BLINK)
    .union(Modifier::RAPID_BLINK)
    .union(Modifier::CROSSED_OUT);

/// Modifiers, and what switches each on and off.
const MODIFIERS: [(Modifier, u8, u8); 9] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

/// How characters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ink {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const USUAL: Ink = Ink { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

impl Ink {
    fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    /// Whether a blank looks the same with either. A reversed or underlined one shows the colour of its character.
    fn is_alike_on_blank(self, other: Self) -> bool {
        self == other || self.bg == other.bg && !(self.modifier | other.modifier).intersects(ON_BLANK)
    }

    fn suits(self, cell: &Cell) -> bool {
        let wanted = Self::of(cell);
        self == wanted || cell.symbol() == " " && self.is_alike_on_blank(wanted)
    }
}

/// What stands on the terminal, and the way to change it.
#[derive(Debug)]
pub struct Pen {
    size: Size,
    /// Row by row; none in the further columns of a wide character.
    shown: Vec<Option<Cell>>,
    /// Where the cursor is, as far as every terminal agrees.
    at: Option<Position>,
    ink: Ink,
    /// Whether the cursor is shown, where that is known.
    cursor: Option<bool>,
}

impl Default for Pen {
    fn default() -> Self {
        Self { size: Size::default(), shown: Vec::new(), at: None, ink: USUAL, cursor: None }
    }
}

impl Pen {
    /// Empties the screen. Whatever was known of the terminal is forgotten: somebody else may have written on it.
    pub fn clear(&mut self, out: &mut Vec<u8>, size: Size) {
        let cells = usize::from(size.width) * usize::from(size.height);
        *self = Self { size, shown: vec![Some(Cell::EMPTY); cells], ..Self::default() };
        out.extend_from_slice(CLEAR);
    }

    /// Writes the cells that changed, row by row and from left to right.
    pub fn draw<'a>(&mut self, out: &mut Vec<u8>, cells: impl Iterator<Item = (u16, u16, &'a Cell)>) {
        let mut cells = cells.peekable();
        let mut row = Vec::new();
        while let Some((x, y, cell)) = cells.next() {
            row.push((x, cell));
            if cells.peek().is_none_or(|(_, next, _)| *next != y) {
                self.draw_row(out, y, &row);
                row.clear();
            }
        }
        // Whoever writes in between, such as a neighbour's wall message, finds the usual ink.
        self.take_ink(out, USUAL);
    }

    /// Shows or hides the cursor.
    pub fn show_cursor(&mut self, out: &mut Vec<u8>, shown: bool) {
        if self.cursor.replace(shown) != Some(shown) {
            out.extend_from_slice(if shown { SHOW } else { HIDE });
        }
    }

    /// Brings the cursor to a place.
    pub fn go_to(&mut self, out: &mut Vec<u8>, to: Position) {
        match self.at {
            Some(at) if at == to => return,
            Some(at) if at.y == to.y && at.x < to.x => step(out, to.x - at.x, b'C'),
            Some(at) if at.y == to.y => step(out, at.x - to.x, b'D'),
            _ if to.x == 0 => out.extend(format!("\x1b[{}H", u32::from(to.y) + 1).bytes()),
            _ => out.extend(format!("\x1b[{};{}H", u32::from(to.y) + 1, u32::from(to.x) + 1).bytes()),
        }
        self.at = Some(to);
    }

    fn draw_row(&mut self, out: &mut Vec<u8>, y: u16, row: &[(u16, &Cell)]) {
        let was_disputed = self.is_disputed(y);
        for (x, cell) in row {
            self.note(*x, y, cell);
        }
        if was_disputed || self.is_disputed(y) {
            return self.draw_whole_row(out, y);
        }
        let (text, blanks) = row.split_at(row.partition_point(|(x, _)| *x < self.blank_from(y)));
        let is_shorter = blanks.len() > ERASE_LINE.len();
        for (x, cell) in if is_shorter { text } else { row } {
            self.reach(out, Position::new(*x, y));
            self.put(out, cell);
        }
        if let (true, Some((x, _))) = (is_shorter, blanks.first()) {
            self.reach(out, Position::new(*x, y));
            if !self.ink.is_alike_on_blank(USUAL) {
                self.take_ink(out, USUAL);
            }
            out.extend_from_slice(ERASE_LINE);
        }
    }

    /// Empties a row and writes all that stands in it.
    fn draw_whole_row(&mut self, out: &mut Vec<u8>, y: u16) {
        self.at = None;
        self.go_to(out, Position::new(0, y));
        self.take_ink(out, USUAL);
        out.extend_from_slice(ERASE_LINE);
        for x in 0..self.size.width {
            if let Some(cell) = self.shown(x, y).filter(|cell| !is_blank(cell)).cloned() {
                self.reach(out, Position::new(x, y));
                self.put(out, &cell);
            }
        }
    }

    fn is_disputed(&self, y: u16) -> bool {
        (0..self.size.width).any(|x| self.shown(x, y).is_some_and(is_disputed))
    }

    fn place(&self, x: u16, y: u16) -> Option<usize> {
        (x < self.size.width && y < self.size.height)
            .then(|| usize::from(y) * usize::from(self.size.width) + usize::from(x))
    }

    fn shown(&self, x: u16, y: u16) -> Option<&Cell> {
        self.shown.get(self.place(x, y)?)?.as_ref()
    }

    fn note(&mut self, x: u16, y: u16, cell: &Cell) {
        let width = u16::try_from(cell.symbol().width()).unwrap_or(u16::MAX).max(1);
        for at in x..x.saturating_add(width).min(self.size.width) {
            if let Some(place) = self.place(at, y) {
                self.shown[place] = (at == x).then(|| cell.clone());
            }
        }
    }

    /// The column from which on nothing is seen in a row.
    fn blank_from(&self, y: u16) -> u16 {
        let is_blank = |x: &u16| self.shown(*x, y).is_some_and(is_blank);
        (0..self.size.width).rev().take_while(is_blank).last().unwrap_or(self.size.width)
    }

    /// Goes to a place; over a short gap by writing once more what stands there.
    fn reach(&mut self, out: &mut Vec<u8>, to: Position) {
        if let Some(at) = self.at.filter(|at| at.y == to.y && at.x < to.x) {
            let gap = to.x - at.x;
            let room = if gap == 1 { 3 } else { 4 };
            let between: Option<String> = (at.x..to.x)
                .take(room + 1)
                .map(|x| self.shown(x, to.y).filter(|cell| is_plain(cell) && self.ink.suits(cell)).map(Cell::symbol))
                .collect();
            if let Some(between) = between.filter(|between| between.len() <= room) {
                out.extend(between.bytes());
                self.at = Some(to);
            }
        }
        self.go_to(out, to);
    }

    fn put(&mut self, out: &mut Vec<u8>, cell: &Cell) {
        if !self.ink.suits(cell) {
            self.take_ink(out, Ink::of(cell));
        }
        out.extend_from_slice(cell.symbol().as_bytes());
        let is_last = |at: &Position| at.x + 1 >= self.size.width;
        self.at = self.at.filter(|at| is_plain(cell) && !is_last(at)).map(|at| Position::new(at.x + 1, at.y));
    }

    /// Changes the ink by what differs, or from the usual one where that is shorter.
    fn take_ink(&mut self, out: &mut Vec<u8>, ink: Ink) {
        if self.ink == ink {
            return;
        }
        let (from_usual, change) = (parameters(USUAL, ink), parameters(self.ink, ink));
        let anew = if from_usual.is_empty() { from_usual } else { format!("0;{from_usual}") };
        let shorter = if anew.len() < change.len() { anew } else { change };
        out.extend(format!("\x1b[{shorter}m").bytes());
        self.ink = ink;
    }
}

/// One character that every terminal takes for one column.
fn is_plain(cell: &Cell) -> bool {
    let mut characters = cell.symbol().chars();
    characters.next().is_some() && characters.next().is_none() && cell.symbol().width() == 1
}

/// A blank as the rest of an emptied line.
fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && USUAL.is_alike_on_blank(Ink::of(cell))
}

/// What terminals count in their own ways: letters that join into one character, and the pictures of younger tables.
fn is_disputed(cell: &Cell) -> bool {
    let is_odd = |(at, c): (usize, char)| c >= '\u{1f000}' || (at > 0 && c.width() != Some(0));
    cell.symbol().len() > 1 && cell.symbol().chars().enumerate().any(is_odd)
}

fn step(out: &mut Vec<u8>, count: u16, direction: u8) {
    out.extend_from_slice(b"\x1b[");
    if count > 1 {
        out.extend(count.to_string().bytes());
    }
    out.push(direction);
}

/// What changes one ink into another.
fn parameters(from: Ink, to: Ink) -> String {
    let gone = from.modifier - to.modifier;
    let off = |(modifier, _, off): &(Modifier, u8, u8)| gone.intersects(*modifier).then_some(*off);
    let mut figures: Vec<u8> = MODIFIERS.iter().filter_map(off).collect();
    figures.dedup();
    // One figure switches both of a pair off.
    let stays = |modifier: Modifier, off: u8| from.modifier.intersects(modifier) && !figures.contains(&off);
    let on = MODIFIERS
        .iter()
        .filter(|(modifier, _, off)| to.modifier.intersects(*modifier) && !stays(*modifier, *off))
        .map(|(_, on, _)| *on);
    let on: Vec<u8> = on.collect();
    figures.extend(on);
    if from.fg != to.fg {
        figures.push(30 + colour(to.fg));
    }
    if from.bg != to.bg {
        figures.push(40 + colour(to.bg));
    }
    figures.iter().map(u8::to_string).collect::<Vec<_>>().join(";")
}

/// Beyond the tens. The sixteen are all there are: `architecture.rs` sees to it.
fn colour(colour: Color) -> u8 {
    match colour {
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 60,
        Color::LightRed => 61,
        Color::LightGreen => 62,
        Color::LightYellow => 63,
        Color::LightBlue => 64,
        Color::LightMagenta => 65,
        Color::LightCyan => 66,
        Color::White => 67,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::backend::{Backend, CrosstermBackend};
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    const SIZE: Size = Size { width: 12, height: 4 };

    fn style() -> impl Strategy<Value = Style> {
        let colours =
            [Color::Reset, Color::Red, Color::DarkGray, Color::LightCyan, Color::White, Color::Black, Color::Gray];
        let colour = || proptest::sample::select(colours.to_vec());
        let weight = proptest::sample::select(vec![Modifier::empty(), Modifier::BOLD, Modifier::DIM]);
        let others = [Modifier::ITALIC, Modifier::UNDERLINED, Modifier::REVERSED];
        let others = proptest::sample::subsequence(others.to_vec(), 0..=2);
        (colour(), colour(), weight, others).prop_map(|(fg, bg, weight, others)| {
            let others: Modifier = others.into_iter().collect();
            Style::new().fg(fg).bg(bg).add_modifier(weight | others)
        })
    }

    /// Pieces of text on a screen, most of them short, some of them wide, joined or blank.
    fn screen() -> impl Strategy<Value = Vec<(u16, u16, String, Style)>> {
        let texts = ["a", "bc", "Name", "•", "─", "漢", "é", "e\u{301}", " ", "            ", "    ", "👍"];
        let text = proptest::sample::select(texts.to_vec()).prop_map(str::to_owned);
        let style = prop_oneof![Just(Style::new()), style()];
        proptest::collection::vec((0..SIZE.width, 0..SIZE.height, text, style), 0..12)
    }

    fn buffer(pieces: &[(u16, u16, String, Style)]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, SIZE.width, SIZE.height));
        for (x, y, text, style) in pieces {
            buffer.set_stringn(*x, *y, text, usize::from(SIZE.width - x), *style);
        }
        // The emulator of these tests knows bold or dim, one at a time.
        for cell in buffer.content.iter_mut().filter(|cell| cell.modifier.contains(Modifier::BOLD)) {
            cell.modifier.remove(Modifier::DIM);
        }
        buffer
    }

    /// All that can be seen. The colour of a blank's character, and whether it is bold, cannot.
    fn seen(parser: &vt100::Parser) -> Vec<String> {
        let screen = parser.screen();
        let cells = (0..SIZE.height).flat_map(|y| (0..SIZE.width).map(move |x| (x, y)));
        cells
            .map(|(x, y)| {
                let cell = screen.cell(y, x).unwrap();
                let text = if cell.has_contents() { cell.contents() } else { " " };
                let shape = (cell.underline(), cell.inverse(), cell.is_wide_continuation());
                let colours = if text == " " && !cell.inverse() && !cell.underline() {
                    format!("{:?}", cell.bgcolor())
                } else {
                    format!(
                        "{:?} {:?} {} {} {}",
                        cell.fgcolor(),
                        cell.bgcolor(),
                        cell.bold(),
                        cell.dim(),
                        cell.italic()
                    )
                };
                format!("{text:?} {shape:?} {colours}")
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pen_draws_what_crossterm_draws(screens in proptest::collection::vec(screen(), 1..6)) {
            let mut ours = vt100::Parser::new(SIZE.height, SIZE.width, 0);
            let mut theirs = vt100::Parser::new(SIZE.height, SIZE.width, 0);
            let (mut pen, mut bytes) = (Pen::default(), Vec::new());
            pen.clear(&mut bytes, SIZE);
            let mut before = buffer(&[]);
            for pieces in &screens {
                let after = buffer(pieces);
                let changes = before.diff(&after);
                pen.draw(&mut bytes, changes.iter().copied());
                ours.process(&std::mem::take(&mut bytes));
                CrosstermBackend::new(&mut theirs).draw(changes.iter().copied()).unwrap();
                // What a wide character has left of its colours, whatever is written whole takes away, cell by cell.
                let mut fresh = vt100::Parser::new(SIZE.height, SIZE.width, 0);
                CrosstermBackend::new(&mut fresh).draw(buffer(&[]).diff(&after).iter().copied()).unwrap();
                for (ours, (theirs, fresh)) in seen(&ours).iter().zip(seen(&theirs).iter().zip(&seen(&fresh))) {
                    prop_assert!(ours == theirs || ours == fresh, "{ours:?} {theirs:?} {fresh:?}");
                }
                before = after;
            }
        }
    }

    /// What is written to get from one screen to the next.
    fn written(before: &[(u16, u16, &str, Style)], after: &[(u16, u16, &str, Style)]) -> String {
        let buffers = [before, after].map(|pieces| {
            let owned: Vec<_> = pieces.iter().map(|(x, y, text, style)| (*x, *y, (*text).to_owned(), *style)).collect();
            buffer(&owned)
        });
        let (mut pen, mut bytes) = (Pen::default(), Vec::new());
        pen.clear(&mut bytes, SIZE);
        pen.draw(&mut bytes, buffer(&[]).diff(&buffers[0]).into_iter());
        pen.go_to(&mut bytes, Position::new(0, SIZE.height - 1));
        bytes.clear();
        pen.draw(&mut bytes, buffers[0].diff(&buffers[1]).into_iter());
        String::from_utf8(bytes).unwrap().replace('\x1b', "^")
    }

    #[test]
    fn nothing_is_written_that_stands_there() {
        let plain = Style::new();
        let red = plain.fg(Color::Red);
        assert_eq!(written(&[(0, 0, "abc", red)], &[(0, 0, "abc", red)]), "");
        assert_eq!(written(&[(0, 1, "abcd", plain)], &[(0, 1, "xbcy", plain)]), "^[2Hxbcy");
        assert_eq!(written(&[(0, 1, "abcdefgh", plain)], &[(0, 1, "xbcdefgy", plain)]), "^[2Hx^[6Cy");
        assert_eq!(
            written(&[(2, 1, "a", plain)], &[(2, 1, "a", red.add_modifier(Modifier::BOLD))]),
            "^[2;3H^[1;31ma^[m"
        );
        assert_eq!(written(&[(1, 0, "long text", red)], &[(1, 0, "l", red)]), "^[1;3H^[K");
        // No ink is changed for a blank, and the rest of a line is emptied only where that is shorter.
        assert_eq!(written(&[(0, 0, "abc", red)], &[(0, 0, "x y", red)]), "^[1H^[31mx y^[m");
        assert_eq!(written(&[(0, 0, "abc", plain)], &[(0, 0, "a", plain)]), "^[1;2H  ");
    }

    /// A terminal that gives such a character a column more than we do shows what stood there for ever otherwise.
    #[test]
    fn row_with_disputed_characters_is_written_whole() {
        let plain = Style::new();
        for joined in ["नि", "นำ", "👍", "🇹🇭"] {
            assert_eq!(written(&[(1, 1, joined, plain), (6, 1, "x", plain)], &[(6, 1, "x", plain)]), "^[2H^[K^[6Cx");
            let shown = written(&[(6, 1, "x", plain)], &[(1, 1, joined, plain), (6, 1, "x", plain)]);
            assert_eq!(shown, format!("^[2H^[K {joined}^[2;7Hx"));
        }
        for agreed in ["漢", "é", "e\u{301}", "ﾊ"] {
            assert!(!written(&[(1, 1, agreed, plain), (6, 1, "x", plain)], &[(6, 1, "x", plain)]).contains("^[K"));
        }
    }

    #[test]
    fn one_of_pair_stays_when_other_goes() {
        let ink = |modifier| Ink { modifier, ..USUAL };
        let both = ink(Modifier::BOLD | Modifier::DIM);
        assert_eq!(parameters(both, ink(Modifier::DIM)), "22;2");
        assert_eq!(parameters(both, USUAL), "22");
        assert_eq!(parameters(ink(Modifier::BOLD), both), "2");
    }

    /// Whether the cursor hangs behind the last column or stands in it is every terminal's own affair.
    #[test]
    fn cursor_is_placed_after_last_column_and_wide_characters() {
        for (x, text) in [(SIZE.width - 1, "x"), (2, "漢"), (2, "e\u{301}")] {
            let (mut pen, mut bytes) = (Pen::default(), Vec::new());
            pen.clear(&mut bytes, SIZE);
            let changed = buffer(&[(x, 1, text.to_owned(), Style::new())]);
            pen.draw(&mut bytes, buffer(&[]).diff(&changed).into_iter());
            bytes.clear();
            pen.go_to(&mut bytes, Position::new(5, 1));
            assert_eq!(bytes, b"\x1b[2;6H", "{text}");
        }
    }

    #[test]
    fn cursor_is_told_once() {
        let (mut pen, mut bytes) = (Pen::default(), Vec::new());
        for place in [(3, 2), (3, 2), (5, 2), (4, 2), (0, 0)] {
            pen.show_cursor(&mut bytes, true);
            pen.go_to(&mut bytes, Position::from(place));
        }
        pen.show_cursor(&mut bytes, false);
        assert_eq!(bytes, b"\x1b[?25h\x1b[3;4H\x1b[2C\x1b[D\x1b[1H\x1b[?25l");
    }
}
