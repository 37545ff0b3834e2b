//! The state of the Events pane.

use tui_input::Input;

use crate::app::layout::{Move, Window};
use crate::app::notice::Tone;
use crate::domain::body::Body;
use crate::domain::event::Event;
use crate::domain::failure::Failure;
use crate::domain::ticket::Ticket;

use super::list::{EventList, Filter};

/// How many events are read at first, and how many more whenever their end is reached.
pub const STEP: usize = 1_000;

/// The most that are held: further back the command reads.
pub const MOST: usize = 20_000;

#[derive(Debug)]
pub struct Events {
    pub(super) list: EventList,
    /// The rows of the list that match.
    pub(super) shown: Vec<usize>,
    /// What is searched for.
    pub query: Input,
    /// Whether the search line has the focus.
    pub searching: bool,
    /// Which events are listed.
    pub filter: Filter,
    /// The window on the rows.
    pub window: Window,
    /// The event that is selected, whatever comes in; none at the top, where the newest is.
    pub(super) selected: Option<i64>,
    /// Whether the store was read.
    pub read: bool,
    /// Why it could not be.
    pub failed: Option<Failure>,
    /// How many events are wanted.
    pub(super) limit: usize,
    /// How many are being watched; none before the first look.
    pub(super) watched: Option<usize>,
    /// The event that is looked at whole.
    pub open: Option<Opened>,
    /// Whether the tickets on the Pia Board are shown in place of the events.
    pub tickets: bool,
    /// The ticket of them that is looked at whole.
    pub ticket: Option<OpenedTicket>,
    /// The window on those.
    pub board: Window,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            list: EventList::default(),
            shown: Vec::new(),
            query: Input::default(),
            searching: false,
            filter: Filter::default(),
            window: Window::default(),
            selected: None,
            read: false,
            failed: None,
            limit: STEP,
            watched: None,
            open: None,
            tickets: false,
            ticket: None,
            board: Window::default(),
        }
    }
}

impl Events {
    /// Another pane is shown.
    pub(crate) fn leave(&mut self) {
        self.searching = false;
        self.open = None;
    }

    /// Takes the newest events over. Who looks at the newest goes on doing so; who has selected another one keeps it.
    pub fn fill(&mut self, list: EventList) {
        self.read = true;
        self.failed = None;
        self.list = list;
        self.search();
    }

    /// Rows that are listed.
    pub fn count(&self) -> usize {
        self.shown.len()
    }

    /// The events that were read.
    pub fn list(&self) -> &EventList {
        &self.list
    }

    pub fn row(&self, at: usize) -> Option<&Event> {
        self.list.event(*self.shown.get(at)?)
    }

    pub fn selected(&self) -> Option<&Event> {
        self.row(self.window.selected)
    }

    /// Remembers what is selected.
    pub fn note_selected(&mut self) {
        self.selected = self.selected().filter(|_| self.window.selected > 0).map(|event| event.number);
    }

    /// Lists what matches the search line and the filter.
    pub fn search(&mut self) {
        self.shown = self.list.listed(self.filter, self.query.value());
        // The numbers fall from row to row. One that is not listed any more leaves its place to the next older one.
        let at =
            |number: i64| self.shown.partition_point(|row| self.list.event(*row).is_some_and(|e| e.number > number));
        let kept = self.selected.filter(|_| !self.searching).map(at).unwrap_or_default();
        let kept = kept.min(self.shown.len().saturating_sub(1));
        // What comes in above does not move what is looked at.
        let moved = kept as isize - self.window.selected as isize;
        self.window.first = if kept == 0 { 0 } else { self.window.first.saturating_add_signed(moved).min(kept) };
        self.window.selected = kept;
    }

    /// Whether all that is kept was read, or as much as may be.
    fn is_all(&self) -> bool {
        self.list.len() as u64 >= self.list.total() || self.list.len() < self.limit || self.limit >= MOST
    }

    /// The end of the rows was reached: the next look reads further back.
    pub fn note_end(&mut self, row: usize) {
        if !self.tickets && row + 1 >= self.shown.len() && self.read && !self.is_all() {
            self.limit = (self.limit + STEP).min(MOST);
        }
    }
}

/// The event that is looked at whole.
#[derive(Debug)]
pub struct Opened {
    /// The event, as it was last read.
    pub event: Event,
    /// Its body, once that was read; none inside where it is not kept any more.
    pub(super) body: Option<Result<Option<Body>, Failure>>,
    pub text: Text,
}

/// The ticket that is looked at whole.
#[derive(Debug)]
pub struct OpenedTicket {
    /// The ticket, as it was last read.
    pub ticket: Ticket,
    pub text: Text,
}

/// What is shown of an event or of a ticket.
#[derive(Debug, Default)]
pub struct Text {
    /// Its lines, to the width of the screen.
    pub lines: Vec<Line>,
    /// The first line that is shown.
    pub first: usize,
}

impl Text {
    /// Other lines: as much of the place as there still is.
    pub(super) fn set(&mut self, lines: Vec<Line>, height: usize) {
        self.lines = lines;
        self.first = self.first.min(self.lines.len().saturating_sub(height));
    }

    /// Scrolls. Says whether anything moved.
    pub(super) fn scroll(&mut self, to: Move, height: usize) -> bool {
        let before = self.first;
        self.first = to.from(before, height).min(self.lines.len().saturating_sub(height));
        self.first != before
    }
}

/// A line of an event or of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A label with what stands beside it; without a label where that goes on.
    Pair(&'static str, String, Tone),
    Title(&'static str),
    /// A part of the body.
    Body(String),
    Help(String),
    Blank,
}
