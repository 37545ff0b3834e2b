//! A list of clients with all that a search wants of it: folded and sorted once, away from the keys, and shared from then on.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use nucleo_matcher::{Config, Matcher, Utf32Str, Utf32String};

use crate::domain::client::{ClientStatus, StoredClient, fold};
use crate::domain::sync_run::{ChangeKind, ClientChange};

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
    /// Those that the last sync was the first to see.
    New,
    /// Those that the last sync found changed.
    Changed,
}

impl Filter {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::All => "all",
            Self::New => "new",
            Self::Changed => "changed",
        }
    }

    /// The one after it.
    pub fn next(self) -> Self {
        match self {
            Self::Active => Self::Disabled,
            Self::Disabled => Self::All,
            Self::All => Self::New,
            Self::New => Self::Changed,
            Self::Changed => Self::Active,
        }
    }

    fn takes(self, row: &Row) -> bool {
        match self {
            Self::Active => row.client.status == ClientStatus::Active,
            Self::Disabled => row.client.status != ClientStatus::Active,
            Self::All => true,
            Self::New => row.change == Some(Change::New),
            Self::Changed => row.change == Some(Change::Changed),
        }
    }
}

/// In which order clients are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sort {
    /// By name, without regard to case, width and accents; equal names by id.
    #[default]
    Name,
    /// By id.
    Id,
    /// Those first that Halo has not shown for the longest time, then by name.
    Seen,
}

impl Sort {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "by name",
            Self::Id => "by id",
            Self::Seen => "longest unseen first",
        }
    }

    /// The one after it.
    pub fn next(self) -> Self {
        match self {
            Self::Name => Self::Id,
            Self::Id => Self::Seen,
            Self::Seen => Self::Name,
        }
    }
}

/// What the last sync did to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was the first to see it.
    New,
    /// It is different, disabled or back since then.
    Changed,
}

/// A client with what is searched in it.
struct Row {
    client: StoredClient,
    change: Option<Change>,
    /// The name, folded.
    name: String,
    /// The main site and the top level, folded.
    place: String,
    /// The name as the fuzzy search wants it, where the name itself is not that already.
    wide: Option<Utf32String>,
    /// The letters of the name: a row that has not all those of the search is passed over without a look at it.
    letters: u64,
    /// The letters of the place.
    place_letters: u64,
}

impl Row {
    fn new(client: StoredClient, change: Option<Change>) -> Self {
        let name = fold(client.client.name.raw());
        let mut place = String::new();
        for part in [&client.client.main_site, &client.client.toplevel].into_iter().flatten() {
            if !place.is_empty() {
                place.push('\n');
            }
            place.push_str(&fold(part.raw()));
        }
        let wide = (!name.is_ascii()).then(|| Utf32String::from(name.as_str()));
        Self { letters: letters(&name), place_letters: letters(&place), client, change, name, place, wide }
    }

    /// Whether a word stands in the name. Of a single letter the letters of an ASCII name say it, and the name itself, one
    /// of a hundred thousand, need not be looked at.
    fn name_has(&self, word: &str) -> bool {
        let told = is_own(word) && self.wide.is_none();
        if told { wanted(word) & !self.letters == 0 } else { self.name.contains(word) }
    }

    /// The same of the place; its letters are told apart only where it is ASCII.
    fn place_has(&self, word: &str) -> bool {
        wanted(word) & !self.place_letters == 0 && self.place.contains(word)
    }

    fn haystack(&self) -> Utf32Str<'_> {
        self.wide.as_ref().map_or_else(|| Utf32Str::Ascii(self.name.as_bytes()), |wide| wide.slice(..))
    }
}

/// Which letters a folded text has: a bit for each letter and digit, and shared ones for the rest. What is not ASCII may
/// match more than itself, and so has all of them.
fn letters(text: &str) -> u64 {
    text.bytes().fold(0, |letters, byte| match byte {
        b'a'..=b'z' => letters | 1 << (byte - b'a'),
        b'0'..=b'9' => letters | 1 << (26 + byte - b'0'),
        0..=127 => letters | 1 << (36 + byte % 28),
        _ => u64::MAX,
    })
}

/// Whether a word is a single letter that has a bit of its own.
fn is_own(word: &str) -> bool {
    matches!(word.as_bytes(), [b'a'..=b'z' | b'0'..=b'9'])
}

/// What a search asks of the letters: what is not ASCII asks nothing.
fn wanted(word: &str) -> u64 {
    word.chars().filter(char::is_ascii).fold(0, |all, character| all | letters(character.encode_utf8(&mut [0; 4])))
}

/// A list of clients, by name, ready to be searched. Cheap to clone.
#[derive(Clone, Default)]
pub struct ClientList {
    rows: Arc<Vec<Row>>,
    /// More than there are rows as long as only the beginning is there.
    total: usize,
}

impl fmt::Debug for ClientList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientList({} of {})", self.rows.len(), self.total)
    }
}

impl PartialEq for ClientList {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&Row, &Row)| a.client == b.client && a.change == b.change;
        self.total == other.total
            && (Arc::ptr_eq(&self.rows, &other.rows)
                || self.rows.len() == other.rows.len() && self.rows.iter().zip(other.rows.iter()).all(same))
    }
}

impl Eq for ClientList {}

/// A whole list, of which nothing is known to have changed.
impl From<Vec<StoredClient>> for ClientList {
    fn from(clients: Vec<StoredClient>) -> Self {
        Self::new(clients, &[])
    }
}

impl ClientList {
    /// The whole list, with what the last sync that renewed it changed. It takes a while for a long one: not for the loop
    /// that answers keys.
    pub fn new(clients: Vec<StoredClient>, changes: &[ClientChange]) -> Self {
        let changes: BTreeMap<i64, Change> = changes
            .iter()
            .map(|line| (line.id, if line.change == ChangeKind::Added { Change::New } else { Change::Changed }))
            .collect();
        let row = |client: StoredClient| {
            let change = changes.get(&client.client.id).copied();
            Row::new(client, change)
        };
        let mut rows: Vec<Row> = clients.into_iter().map(row).collect();
        rows.sort_unstable_by(|a, b| (&a.name, a.client.client.id).cmp(&(&b.name, b.client.client.id)));
        Self { total: rows.len(), rows: Arc::new(rows) }
    }

    /// The beginning of a list that has so many clients; the rest is on its way.
    pub fn beginning(clients: Vec<StoredClient>, total: usize) -> Self {
        let beginning = Self::new(clients, &[]);
        Self { total: total.max(beginning.total), ..beginning }
    }

    /// Whether every client of the list is there.
    pub fn is_whole(&self) -> bool {
        self.rows.len() == self.total
    }

    /// All clients, those included that are not there yet.
    pub fn total(&self) -> usize {
        self.total
    }

    /// A client.
    pub fn client(&self, row: u32) -> Option<&StoredClient> {
        self.rows.get(row as usize).map(|row| &row.client)
    }

    /// What the last sync did to it.
    pub(super) fn change(&self, row: u32) -> Option<Change> {
        self.rows.get(row as usize).and_then(|row| row.change)
    }

    /// When the newest client was last seen in Halo.
    pub(super) fn seen(&self) -> Option<Timestamp> {
        self.rows.iter().map(|row| row.client.last_seen).max()
    }

    /// The rows in an order.
    pub(super) fn order(&self, sort: Sort) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.rows.len() as u32).collect();
        match sort {
            Sort::Name => {}
            Sort::Id => order.sort_unstable_by_key(|row| self.rows[*row as usize].client.client.id),
            // They stand by name already, and a stable sort keeps that.
            Sort::Seen => order.sort_by_key(|row| self.rows[*row as usize].client.last_seen),
        }
        order
    }

    /// The places in the order whose rows match: all that `from` has, or all there are.
    pub(super) fn listed(&self, order: &[u32], from: Option<&[u32]>, filter: Filter, query: &str) -> Vec<u32> {
        let rows = |at: u32| Some((at, self.rows.get(*order.get(at as usize)? as usize)?));
        let taken = |(at, row): (u32, &'_ _)| filter.takes(row).then_some(at);
        let mut search = Search::new(query);
        match (query.is_empty(), from) {
            (true, None) => (0..order.len() as u32).filter_map(rows).filter_map(taken).collect(),
            (true, Some(from)) => from.iter().copied().filter_map(rows).filter_map(taken).collect(),
            (false, None) => search.rank((0..order.len() as u32).filter_map(rows), filter),
            (false, Some(from)) => search.rank(from.iter().copied().filter_map(rows), filter),
        }
    }
}

/// The class of what has nothing but the letters in their order.
const GUESSED: u8 = 4;

/// A search line, taken apart once.
struct Search<'a> {
    query: &'a str,
    words: Vec<&'a str>,
    needles: Vec<Utf32String>,
    letters: u64,
    /// It is a number, and as an id this one.
    number: Option<Option<i64>>,
    matcher: Matcher,
}

impl<'a> Search<'a> {
    fn new(query: &'a str) -> Self {
        let words: Vec<&str> = query.split_whitespace().collect();
        let number = !query.is_empty() && query.bytes().all(|byte| byte.is_ascii_digit());
        Self {
            query,
            needles: words.iter().map(|word| Utf32String::from(*word)).collect(),
            letters: words.iter().fold(0, |letters, word| letters | wanted(word)),
            words,
            number: number.then(|| query.parse().ok().filter(|id: &i64| id.to_string() == query)),
            matcher: Matcher::new(Config::DEFAULT),
        }
    }

    /// The rows that match, best first: the whole name, its beginning, somewhere in it, its site or top level, and last the
    /// letters in their order.
    fn rank<'r>(&mut self, rows: impl Iterator<Item = (u32, &'r Row)>, filter: Filter) -> Vec<u32> {
        // Each class apart: within most of them every row is as good as the other, and stands in the order already.
        let mut classes: [Vec<u32>; GUESSED as usize] = Default::default();
        let mut guessed: Vec<(Reverse<u32>, u32)> = Vec::new();
        for (at, row) in rows {
            match self.matches(row, filter) {
                None => {}
                Some((GUESSED, score)) => guessed.push((Reverse(score), at)),
                Some((class, _)) => classes[usize::from(class)].push(at),
            }
        }
        for class in &mut classes {
            class.sort_unstable();
        }
        guessed.sort_unstable();
        classes.into_iter().flatten().chain(guessed.into_iter().map(|(_, at)| at)).collect()
    }

    fn matches(&mut self, row: &Row, filter: Filter) -> Option<(u8, u32)> {
        if !filter.takes(row) {
            return None;
        }
        if self.number.is_some_and(|id| id == Some(row.client.client.id)) {
            return Some((0, 0));
        }
        let named = self.letters & !row.letters == 0;
        if !named && self.letters & !(row.letters | row.place_letters) != 0 {
            return None;
        }
        if named {
            if row.name.starts_with(self.query) {
                return Some((u8::from(row.name.len() != self.query.len()), 0));
            }
            if self.words.iter().all(|word| row.name_has(word)) {
                return Some((2, 0));
            }
        }
        // By site and top level too, as the command searches.
        if self.words.iter().all(|word| row.place_has(word) || row.name_has(word)) {
            return Some((3, 0));
        }
        // Letters in their order are a guess; digits in their order are noise.
        if !named || self.number.is_some() {
            return None;
        }
        let mut score = 0;
        for needle in &self.needles {
            score += u32::from(self.matcher.fuzzy_match(row.haystack(), needle.slice(..))?);
        }
        Some((GUESSED, score))
    }
}
