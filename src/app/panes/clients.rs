//! The client list: prepared once, searched at each key, and only the rows on the screen ever built.

use std::cmp::Reverse;
use std::fmt;

use jiff::Timestamp;
use nucleo_matcher::{Config, Matcher, Utf32Str, Utf32String};
use tui_input::Input;
use unicode_segmentation::UnicodeSegmentation;

use crate::app::layout::Window;
use crate::app::model::Model;
use crate::domain::client::{ClientStatus, StoredClient, fold};
use crate::domain::failure::Failure;

/// Which clients are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Filter {
    /// Those in use.
    #[default]
    Active,
    /// Those not in use.
    Disabled,
    /// All.
    All,
}

impl Filter {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::All => "all",
        }
    }

    /// The one after it.
    pub fn next(self) -> Self {
        match self {
            Self::Active => Self::Disabled,
            Self::Disabled => Self::All,
            Self::All => Self::Active,
        }
    }

    fn takes(self, status: ClientStatus) -> bool {
        match self {
            Self::Active => status == ClientStatus::Active,
            Self::Disabled => status != ClientStatus::Active,
            Self::All => true,
        }
    }
}

/// A client with what is searched in it.
struct Row {
    client: StoredClient,
    /// The name, folded.
    name: String,
    /// The main site and the top level, folded.
    place: String,
    /// The same, as the fuzzy search wants it.
    haystack: Utf32String,
}

/// The client list.
#[derive(Default)]
pub struct Clients {
    rows: Vec<Row>,
    /// The rows that are listed, best first.
    shown: Vec<u32>,
    /// What is searched for.
    pub query: Input,
    /// What was searched for when `shown` was made.
    searched: String,
    /// Whether the search line has the focus.
    pub searching: bool,
    /// Which clients are listed.
    pub filter: Filter,
    /// The window on the rows.
    pub window: Window,
    /// The client that is selected, whatever becomes of the rows.
    selected_id: Option<i64>,
    /// When the newest client was last seen in Halo: the age of the list.
    pub seen: Option<Timestamp>,
    /// Whether the list was ever read.
    pub read: bool,
    /// Why it could not be read.
    pub failed: Option<Failure>,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Clients");
        out.field("rows", &self.rows.len()).field("shown", &self.shown.len());
        out.field("query", &self.query.value()).field("filter", &self.filter).finish_non_exhaustive()
    }
}

impl Clients {
    /// Takes a list over. The search, the filter and the selected client stay.
    pub fn fill(&mut self, clients: Vec<StoredClient>) {
        self.read = true;
        self.failed = None;
        self.seen = clients.iter().map(|client| client.last_seen).max();
        self.rows = clients
            .into_iter()
            .map(|client| {
                let name = fold(client.client.name.raw());
                let place = [&client.client.main_site, &client.client.toplevel];
                let place: Vec<String> = place.into_iter().flatten().map(|part| fold(part.raw())).collect();
                Row { haystack: Utf32String::from(name.as_str()), name, place: place.join("\n"), client }
            })
            .collect();
        self.rows.sort_by(|a, b| (&a.name, a.client.client.id).cmp(&(&b.name, b.client.client.id)));
        self.search(false);
    }

    /// Rows that are listed.
    pub fn count(&self) -> usize {
        self.shown.len()
    }

    /// All rows.
    pub fn total(&self) -> usize {
        self.rows.len()
    }

    /// A listed row.
    pub fn row(&self, at: usize) -> Option<&StoredClient> {
        self.shown.get(at).and_then(|row| self.rows.get(*row as usize)).map(|row| &row.client)
    }

    /// The selected client.
    pub fn selected(&self) -> Option<&StoredClient> {
        self.row(self.window.selected)
    }

    /// Remembers the selected client by its id.
    pub fn note_selected(&mut self) {
        self.selected_id = self.selected().map(|client| client.client.id);
    }

    /// Lists what matches the search line and the filter. `narrower`: only rows that are listed already can match.
    pub fn search(&mut self, narrower: bool) {
        let query = fold(self.query.value().trim());
        // A number guesses nothing, so what it left out may match again once letters follow.
        let number = !self.searched.is_empty() && self.searched.bytes().all(|byte| byte.is_ascii_digit());
        let narrower = narrower && !number && query.starts_with(&self.searched);
        let all: Vec<u32>;
        let from: &[u32] = if narrower {
            &self.shown
        } else {
            all = (0..self.rows.len() as u32).collect();
            &all
        };
        let filter = self.filter;
        let taken = from.iter().copied().filter(|row| filter.takes(self.rows[*row as usize].client.status));
        self.shown = if query.is_empty() { taken.collect() } else { rank(&self.rows, taken, &query) };
        self.searched = query;
        let kept = self
            .selected_id
            .and_then(|id| self.shown.iter().position(|row| self.rows[*row as usize].client.client.id == id));
        // A new search begins at its best row; anything else follows the client.
        self.window.selected = kept.filter(|_| !self.searching).unwrap_or_default();
        self.window.first = self.window.first.min(self.window.selected);
    }
}

/// The rows that match, best first: the whole name, its beginning, somewhere in it, its site or top level, and last the
/// letters in their order.
fn rank(rows: &[Row], from: impl Iterator<Item = u32>, query: &str) -> Vec<u32> {
    let words: Vec<&str> = query.split_whitespace().collect();
    let number = query.bytes().all(|byte| byte.is_ascii_digit());
    let needles: Vec<Utf32String> = words.iter().map(|word| Utf32String::from(*word)).collect();
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut ranked: Vec<(u8, Reverse<u32>, u32)> = from
        .filter_map(|at| {
            let row = rows.get(at as usize)?;
            if number && row.client.client.id.to_string() == query || row.name == query {
                return Some((0, Reverse(0), at));
            }
            if row.name.starts_with(query) {
                return Some((1, Reverse(0), at));
            }
            if words.iter().all(|word| row.name.contains(word)) {
                return Some((2, Reverse(0), at));
            }
            // By site and top level too, as the command searches.
            if words.iter().all(|word| row.name.contains(word) || row.place.contains(word)) {
                return Some((3, Reverse(0), at));
            }
            // Letters in their order are a guess; digits in their order are noise.
            if number {
                return None;
            }
            let mut score = 0;
            for needle in &needles {
                let needle: Utf32Str<'_> = needle.slice(..);
                score += u32::from(matcher.fuzzy_match(row.haystack.slice(..), needle)?);
            }
            Some((4, Reverse(score), at))
        })
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, _, at)| at).collect()
}

/// The characters of a shown text that a search matched, by their place as a person counts them.
pub fn marks(shown: &str, query: &str) -> Vec<usize> {
    let mut folded: Vec<(char, usize)> = Vec::new();
    for (place, cluster) in shown.graphemes(true).enumerate() {
        folded.extend(fold(cluster).chars().map(|character| (character, place)));
    }
    let mut marked = Vec::new();
    for word in fold(query.trim()).split_whitespace() {
        let word: Vec<char> = word.chars().collect();
        let whole = folded.windows(word.len()).position(|window| window.iter().map(|(c, _)| c).eq(word.iter()));
        if let Some(at) = whole {
            marked.extend(folded[at..at + word.len()].iter().map(|(_, place)| *place));
            continue;
        }
        let mut rest = folded.iter();
        for character in word {
            match rest.find(|(other, _)| *other == character) {
                Some((_, place)) => marked.push(*place),
                None => break,
            }
        }
    }
    marked.sort_unstable();
    marked.dedup();
    marked
}

/// Rows of the list that fit.
pub fn height(model: &Model) -> usize {
    usize::from(model.layout.body.height).saturating_sub(5).max(1)
}

/// The search line was changed.
pub fn searched(model: &mut Model) {
    let narrower = {
        let clients = &model.panes.clients;
        !clients.searched.is_empty() || clients.query.value().trim().is_empty()
    };
    model.panes.clients.search(narrower);
    settle(model);
}

/// The filter was changed.
pub fn filter(model: &mut Model) {
    model.panes.clients.filter = model.panes.clients.filter.next();
    model.panes.clients.search(false);
    settle(model);
}

/// Places the window anew.
pub fn settle(model: &mut Model) {
    let height = height(model);
    let clients = &mut model.panes.clients;
    let (row, rows) = (clients.window.selected, clients.shown.len());
    clients.window.select(row, rows, height);
    if clients.searching || clients.selected_id.is_none() {
        clients.note_selected();
    }
    model.touch();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client::{Client, DisabledReason};

    fn client(id: i64, name: &str, active: bool) -> StoredClient {
        let at: Timestamp = "2026-11-23T04:31:00Z".parse().unwrap();
        let status = if active { ClientStatus::Active } else { ClientStatus::Disabled(DisabledReason::NoLongerInHalo) };
        let client = Client { id, name: name.into(), toplevel: None, main_site: None, inactive: false };
        StoredClient { client, status, first_seen: at, last_seen: at }
    }

    fn listed(clients: &Clients) -> Vec<i64> {
        (0..clients.count()).filter_map(|at| clients.row(at)).map(|client| client.client.id).collect()
    }

    fn search(clients: &mut Clients, query: &str) -> Vec<i64> {
        clients.query = Input::new(query.to_owned());
        clients.search(true);
        listed(clients)
    }

    fn some() -> Clients {
        let mut clients = Clients { filter: Filter::All, ..Clients::default() };
        clients.fill(vec![
            client(42, "Zebra 7", true),
            client(7, "Northwind Traders", true),
            client(8, "The Northwind Group", true),
            client(9, "Norwegian Wind AS", false),
            client(10, "Québec Ltée", true),
        ]);
        clients
    }

    #[test]
    fn the_whole_name_comes_first_then_its_beginning_then_the_middle_then_the_letters() {
        let mut clients = some();
        assert_eq!(search(&mut clients, "northwind"), [7, 8]);
        assert_eq!(search(&mut clients, "norwnd"), [9, 7, 8]);
        assert_eq!(search(&mut clients, "QUEBEC"), [10]);
        assert_eq!(search(&mut clients, "ｑｕé"), [10]);
        assert_eq!(search(&mut clients, "group north"), [8]);
        assert_eq!(search(&mut clients, "zzz"), [0_i64; 0]);
    }

    #[test]
    fn a_number_finds_its_id_first_and_guesses_nothing() {
        let mut clients = some();
        assert_eq!(search(&mut clients, "7"), [7, 42]);
        assert_eq!(search(&mut clients, "42"), [42]);
        assert_eq!(search(&mut clients, "4"), [0_i64; 0]);
        clients.fill(vec![client(1, "4th of 2 firms", true)]);
        assert_eq!(search(&mut clients, "42"), [0_i64; 0]);
        assert_eq!(search(&mut clients, "42f"), [1]);
    }

    #[test]
    fn the_filter_goes_round_and_the_selection_follows_its_client() {
        let mut clients = some();
        clients.window.selected = 2;
        clients.note_selected();
        let id = clients.selected().unwrap().client.id;
        let mut more: Vec<StoredClient> = clients.rows.iter().map(|row| row.client.clone()).collect();
        more.push(client(1, "AAA", true));
        clients.fill(more);
        assert_eq!(clients.selected().unwrap().client.id, id);
        clients.filter = Filter::Disabled;
        clients.search(false);
        assert_eq!(listed(&clients), [9]);
        assert_eq!(Filter::Active.next().next().next(), Filter::Active);
    }

    #[test]
    fn what_matched_is_marked_as_a_person_counts() {
        assert_eq!(marks("Québec", "queb"), [0, 1, 2, 3]);
        assert_eq!(marks("Northwind", "wind"), [5, 6, 7, 8]);
        assert_eq!(marks("Northwind", "nwd"), [0, 5, 8]);
        assert_eq!(marks("北京技术", "京"), [1]);
        assert_eq!(marks("", "x"), [0_usize; 0]);
    }

    #[test]
    fn a_hundred_thousand_rows_are_searched_key_by_key() {
        let mut clients = Clients::default();
        clients.fill((0..100_000).map(|id| client(id, &format!("Client {id} of the North"), true)).collect());
        for query in ["c", "cl", "cli", "clin", "clinth"] {
            search(&mut clients, query);
        }
        assert_eq!(search(&mut clients, "client 99999 of the north"), [99_999]);
    }
}
