//! A list of clients, with all that a search wants of it: folded and sorted once, away from the keys, and shared from then on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::client::{ClientStatus, DisabledReason, StoredClient, fold};
use crate::domain::include::IncludeRule;
use crate::domain::search::{Index, Search};
use crate::domain::sync_run::{ChangeKind, ClientChange};

/// Which clients are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Filter {
    /// Those in use.
    #[default]
    Active,
    /// Those not in use.
    Disabled,
    /// Those that the rule of which clients Pia serves leaves out.
    LeftOut,
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
            Self::LeftOut => "left out by rule",
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
            Self::Changed => Self::LeftOut,
            Self::LeftOut => Self::Active,
        }
    }

    fn takes(self, row: &Row) -> bool {
        match self {
            Self::Active => row.client.status == ClientStatus::Active,
            Self::Disabled => row.client.status != ClientStatus::Active,
            Self::LeftOut => row.client.status == ClientStatus::Disabled(DisabledReason::LeftOut),
            Self::All => true,
            Self::New => row.change == Some(Change::New),
            Self::Changed => row.change == Some(Change::Changed),
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
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

/// A client of the list.
struct Row {
    client: StoredClient,
    change: Option<Change>,
}

impl Row {
    /// The filters that take it, a bit for each.
    fn taken_by(&self) -> u8 {
        let all = [Filter::Active, Filter::Disabled, Filter::LeftOut, Filter::All, Filter::New, Filter::Changed];
        all.into_iter().filter(|filter| filter.takes(self)).fold(0, |bits, filter| bits | filter.bit())
    }
}

/// The rows of a list, by name. What each key looks at stands in arrays of its own: a hundred thousand clients with all
/// that is known of them are more than a processor has at hand.
#[derive(Default)]
struct Rows {
    rows: Vec<Row>,
    /// The filters that take each.
    taken_by: Vec<u8>,
    index: Index,
}

/// A list of clients, by name, ready to be searched. Cheap to clone.
#[derive(Clone, Default)]
pub struct ClientList {
    rows: Arc<Rows>,
    /// More than there are rows as long as only the beginning is there.
    total: usize,
}

impl fmt::Debug for ClientList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientList({} of {})", self.rows().len(), self.total)
    }
}

impl PartialEq for ClientList {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&Row, &Row)| a.client == b.client && a.change == b.change;
        self.total == other.total
            && (Arc::ptr_eq(&self.rows, &other.rows)
                || self.rows().len() == other.rows().len() && self.rows().iter().zip(other.rows()).all(same))
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
        let named = |client: StoredClient| (fold(client.client.name.raw()), client);
        let mut clients: Vec<(String, StoredClient)> = clients.into_iter().map(named).collect();
        clients.sort_unstable_by(|a, b| (&a.0, a.1.client.id).cmp(&(&b.0, b.1.client.id)));
        let index = Index::new(clients.iter().map(|(name, client)| (name.as_str(), &client.client)));
        let row = |(_, client): (String, StoredClient)| {
            let change = changes.get(&client.client.id).copied();
            Row { client, change }
        };
        let rows: Vec<Row> = clients.into_iter().map(row).collect();
        let taken_by = rows.iter().map(Row::taken_by).collect();
        Self { total: rows.len(), rows: Arc::new(Rows { rows, taken_by, index }) }
    }

    fn rows(&self) -> &[Row] {
        &self.rows.rows
    }

    /// The beginning of a list that has so many clients; the rest is on its way.
    pub fn beginning(clients: Vec<StoredClient>, total: usize) -> Self {
        let beginning = Self::new(clients, &[]);
        Self { total: total.max(beginning.total), ..beginning }
    }

    /// Whether every client of the list is there.
    pub fn is_whole(&self) -> bool {
        self.rows().len() == self.total
    }

    /// All clients, those included that are not there yet.
    pub fn total(&self) -> usize {
        self.total
    }

    /// A client.
    pub fn client(&self, row: u32) -> Option<&StoredClient> {
        self.rows().get(row as usize).map(|row| &row.client)
    }

    /// What the last sync did to it.
    pub(super) fn change(&self, row: u32) -> Option<Change> {
        self.rows().get(row as usize).and_then(|row| row.change)
    }

    /// What a rule would leave out of it.
    pub(super) fn preview(&self, rule: &IncludeRule) -> String {
        rule.preview(self.rows().iter().map(|row| &row.client))
    }

    /// When the newest client was last seen in Halo.
    pub(super) fn seen(&self) -> Option<Timestamp> {
        self.rows().iter().map(|row| row.client.last_seen).max()
    }

    /// The rows in an order.
    pub(super) fn order(&self, sort: Sort) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.rows().len() as u32).collect();
        match sort {
            Sort::Name => {}
            Sort::Id => order.sort_unstable_by_key(|row| self.rows()[*row as usize].client.client.id),
            // They stand by name already, and a stable sort keeps that.
            Sort::Seen => order.sort_by_key(|row| self.rows()[*row as usize].client.last_seen),
        }
        order
    }

    /// The places in the order whose rows match, best first: of all that `from` has, or of all there are.
    pub(super) fn listed(&self, order: &[u32], from: Option<&[u32]>, filter: Filter, query: &str) -> Vec<u32> {
        match from {
            Some(from) => self.found(order, from.iter().copied(), filter, query),
            None => self.found(order, 0..order.len() as u32, filter, query),
        }
    }

    fn found(&self, order: &[u32], places: impl Iterator<Item = u32>, filter: Filter, query: &str) -> Vec<u32> {
        let row = |place: u32| Some((place, *order.get(place as usize)?));
        let taken = |(_, row): &(u32, u32)| self.rows.taken_by[*row as usize] & filter.bit() != 0;
        let rows = places.filter_map(row).filter(taken);
        if query.is_empty() {
            rows.map(|(place, _)| place).collect()
        } else {
            Search::new(&self.rows.index, query).rank(rows)
        }
    }
}
