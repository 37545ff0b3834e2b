//! The state of the client list.

use std::fmt;

use jiff::Timestamp;
use tui_input::Input;

use crate::app::layout::Window;
use crate::domain::client::{StoredClient, fold};
use crate::domain::failure::Failure;
use crate::domain::include::IncludeRule;

use super::list::{Change, ClientList, Filter, Sort};

/// The client list.
#[derive(Default)]
pub struct Clients {
    pub(super) list: ClientList,
    /// The rows of the list in the chosen order.
    pub(super) order: Vec<u32>,
    /// The places in that order that are listed, best first.
    pub(super) shown: Vec<u32>,
    /// What is searched for.
    pub query: Input,
    /// What was searched for on the way to `shown`, each with what it found: a key more looks at these rows alone, and a
    /// key less has them already.
    pub(super) trail: Vec<(String, Vec<u32>)>,
    /// Whether the search line has the focus.
    pub searching: bool,
    /// Which clients are listed.
    pub filter: Filter,
    /// In which order; of a search, what matches equally well.
    pub sort: Sort,
    /// The window on the rows.
    pub window: Window,
    /// The client that is selected, whatever becomes of the rows.
    pub(super) selected_id: Option<i64>,
    /// When the newest client was last seen in Halo: the age of the list.
    pub seen: Option<Timestamp>,
    /// Whether the list was ever read whole.
    pub read: bool,
    /// Whether it is asked where to write it as soon as it is read.
    pub asks_where: bool,
    /// Why it could not be read.
    pub failed: Option<Failure>,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Clients");
        out.field("list", &self.list).field("shown", &self.shown.len());
        out.field("query", &self.query.value()).field("filter", &self.filter).finish_non_exhaustive()
    }
}

impl Clients {
    /// Another pane is shown.
    pub(crate) fn leave(&mut self) {
        self.searching = false;
        self.asks_where = false;
    }

    /// Takes a list over. The search, the filter and the selected client stay. The beginning of a list is not taken in
    /// place of a whole one.
    pub fn fill(&mut self, list: ClientList) {
        if self.read && !list.is_whole() {
            return;
        }
        self.read = list.is_whole();
        self.failed = None;
        self.seen = list.seen();
        self.list = list;
        self.order = self.list.order(self.sort);
        self.search(false);
    }

    /// Rows that are listed.
    pub fn count(&self) -> usize {
        self.shown.len()
    }

    /// What a rule would leave out of the list; none while it is being read.
    pub fn preview(&self, rule: &IncludeRule) -> Option<String> {
        self.read.then(|| self.list.preview(rule))
    }

    /// All clients, those included that are still being read.
    pub fn total(&self) -> usize {
        self.list.total()
    }

    /// Whether only the beginning of the list is there yet.
    pub fn is_beginning(&self) -> bool {
        !self.list.is_whole()
    }

    fn at(&self, shown: u32) -> Option<u32> {
        self.order.get(shown as usize).copied()
    }

    /// A listed row.
    pub fn row(&self, at: usize) -> Option<&StoredClient> {
        self.list.client(self.at(*self.shown.get(at)?)?)
    }

    /// What the last sync did to the client of a listed row, where that was anything.
    pub fn change(&self, at: usize) -> Option<Change> {
        self.list.change(self.at(*self.shown.get(at)?)?)
    }

    /// The selected client.
    pub fn selected(&self) -> Option<&StoredClient> {
        self.row(self.window.selected)
    }

    /// Remembers the selected client by its id.
    pub fn note_selected(&mut self) {
        self.selected_id = self.selected().map(|client| client.client.id);
    }

    /// Lists what matches the search line and the filter. `typed`: nothing but the search line is different.
    pub fn search(&mut self, typed: bool) {
        let query = fold(self.query.value().trim());
        if !typed {
            self.trail.clear();
        }
        while self.trail.pop_if(|(before, _)| !query.starts_with(&*before)).is_some() {}
        match self.trail.last() {
            Some((before, found)) if *before == query => self.shown.clone_from(found),
            _ => {
                // A number guesses nothing, so what it left out may match again once letters follow.
                let number = |query: &str| query.bytes().all(|byte| byte.is_ascii_digit());
                let from = self.trail.last().filter(|(before, _)| !number(before)).map(|(_, found)| found.as_slice());
                self.shown = self.list.listed(&self.order, from, self.filter, &query);
                if !query.is_empty() {
                    self.trail.push((query, self.shown.clone()));
                }
            }
        }
        // A new search begins at its best row; anything else follows the client.
        let kept = self
            .selected_id
            .filter(|_| !self.searching)
            .and_then(|id| (0..self.shown.len()).find(|at| self.row(*at).is_some_and(|row| row.client.id == id)));
        self.window.selected = kept.unwrap_or_default();
        self.window.first = self.window.first.min(self.window.selected);
    }

    /// What is listed, in its order, to be written to a file.
    pub(super) fn listed(&self) -> (ClientList, Vec<u32>) {
        (self.list.clone(), self.shown.iter().filter_map(|shown| self.at(*shown)).collect())
    }
}
