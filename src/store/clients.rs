//! The stored clients.

use std::collections::BinaryHeap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::Trouble;
use super::{Store, StoreError, count_in, maybe_time_in, time_in};
use crate::domain::client::{Client, ClientStatus, DisabledReason, StoredClient, Traits, fold, folds_after};
use crate::domain::configuration::ConfigurationId;
use crate::domain::status::ClientCounts;
use crate::domain::untrusted::Untrusted;

const ROWS: &str = "SELECT id, name, toplevel, main_site, inactive, gone, first_seen, last_seen, left_out, toplevel_id,
                           customer_type, custom_fields
                    FROM clients WHERE configuration = ?1";

impl Store {
    /// Every stored client of a configuration, by id, disabled ones included.
    pub fn clients(&self, id: &ConfigurationId) -> Result<Vec<StoredClient>, StoreError> {
        self.clients_after(id, None, usize::MAX)
    }

    /// The stored clients of a configuration whose ids come after `after`, at most so many, by id: a long list in parts,
    /// the first of which is there in no time. A list that is read in parts may be published anew between two of them;
    /// [`Store::published_at`] tells.
    pub fn clients_after(
        &self,
        id: &ConfigurationId,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<StoredClient>, StoreError> {
        self.with(|inner| {
            // One transaction, so that rows and their time are of one moment.
            let transaction = inner.connection.transaction()?;
            let published = published_at(&transaction, id)?;
            let mut statement = transaction.prepare_cached(&format!("{ROWS} AND id >= ?2 ORDER BY id LIMIT ?3"))?;
            let from = match after {
                None => i64::MIN,
                Some(i64::MAX) => return Ok(Vec::new()),
                Some(after) => after + 1,
            };
            let mut rows = statement.query(params![id.as_str(), from, i64::try_from(limit).unwrap_or(i64::MAX)])?;
            let mut clients = Vec::new();
            let mut times = [Moment::default(), Moment::default()];
            while let Some(row) = rows.next()? {
                clients.push(client(row, published, &mut times)?);
            }
            if after.is_none() && clients.len() < limit {
                require_whole(&transaction, id, clients.len() as u64)?;
            }
            Ok(clients)
        })
    }

    /// The first so many stored clients by name, without regard to case and accents, equal names by id: what a screen shows
    /// first, without the whole list in memory. `in_use` leaves the others out. And how many are stored in all.
    pub fn first_clients(
        &self,
        id: &ConfigurationId,
        in_use: Option<bool>,
        limit: usize,
    ) -> Result<(Vec<StoredClient>, u64), StoreError> {
        self.with(|inner| {
            let transaction = inner.connection.transaction()?;
            let published = published_at(&transaction, id)?;
            let mut first: BinaryHeap<(String, i64)> = BinaryHeap::new();
            let mut statement = transaction.prepare_cached(
                "SELECT id, name, NOT inactive AND NOT gone AND NOT left_out FROM clients WHERE configuration = ?1",
            )?;
            let mut rows = statement.query(params![id.as_str()])?;
            let mut stored = 0;
            while let Some(row) = rows.next()? {
                stored += 1;
                if in_use.is_some_and(|wanted| row.get(2) != Ok(wanted)) {
                    continue;
                }
                let name = row.get_ref(1)?.as_str().map_err(|_| Trouble::Content("a name"))?;
                // Of a long list nearly every name comes later, and most of them say so with their first letters.
                if first.len() >= limit && first.peek().is_none_or(|(last, _)| folds_after(name, last)) {
                    continue;
                }
                let name = fold(name);
                let entry = (name, row.get(0)?);
                if first.len() < limit {
                    first.push(entry);
                } else if let Some(mut last) = first.peek_mut()
                    && entry < *last
                {
                    *last = entry;
                }
            }
            require_whole(&transaction, id, stored)?;
            let mut statement = transaction.prepare_cached(&format!("{ROWS} AND id = ?2"))?;
            let mut times = [Moment::default(), Moment::default()];
            let mut clients = Vec::with_capacity(first.len());
            for (_, client_id) in first.into_sorted_vec() {
                let mut rows = statement.query(params![id.as_str(), client_id])?;
                if let Some(row) = rows.next()? {
                    clients.push(client(row, published, &mut times)?);
                }
            }
            Ok((clients, stored))
        })
    }

    /// When the list of a configuration was last published; none before its first sync.
    pub fn published_at(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        self.with(|inner| published_at(&inner.connection, id))
    }

    /// How many clients of a configuration are in use, and how many are not.
    pub fn client_counts(&self, id: &ConfigurationId) -> Result<ClientCounts, StoreError> {
        self.with(|inner| {
            let transaction = inner.connection.transaction()?;
            let counts = counts(&transaction, id)?;
            require_whole(&transaction, id, counts.active + counts.disabled)?;
            Ok(counts)
        })
    }
}

/// Refuses a list that is not the one that the last sync left: a damaged file can lose whole pages of rows and still read
/// without an error.
fn require_whole(connection: &Connection, id: &ConfigurationId, found: u64) -> Result<(), Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT active + disabled FROM runs
         WHERE configuration = ?1 AND status IN ('complete', 'complete_with_warnings') ORDER BY id DESC LIMIT 1",
    )?;
    let published = statement.query_row(params![id.as_str()], |row| row.get(0).map(count_in)).optional()?;
    match published {
        Some(published) if published != found => Err(Trouble::Short { found, published }),
        _ => Ok(()),
    }
}

pub(super) fn counts(connection: &Connection, id: &ConfigurationId) -> Result<ClientCounts, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*), coalesce(sum(NOT inactive AND NOT gone AND NOT left_out), 0),
                coalesce(sum(NOT inactive AND NOT gone AND left_out), 0)
         FROM clients WHERE configuration = ?1",
    )?;
    let count = |row: &Row<'_>, index| row.get(index).map(count_in);
    let (all, active, left_out) =
        statement.query_row(params![id.as_str()], |row| Ok((count(row, 0)?, count(row, 1)?, count(row, 2)?)))?;
    Ok(ClientCounts { active, disabled: all - active, left_out })
}

fn published_at(connection: &Connection, id: &ConfigurationId) -> Result<Option<Timestamp>, Trouble> {
    let mut statement = connection.prepare_cached("SELECT published_at FROM configurations WHERE id = ?1")?;
    let text = statement.query_row(params![id.as_str()], |row| row.get::<_, Option<String>>(0)).optional()?;
    maybe_time_in(text.flatten())
}

/// The time that was read last: in a long list nearly all rows have the same.
#[derive(Default)]
pub(super) struct Moment {
    text: String,
    time: Timestamp,
}

impl Moment {
    fn read(&mut self, text: &str) -> Result<Timestamp, Trouble> {
        if self.text != text {
            self.time = time_in(text)?;
            text.clone_into(&mut self.text);
        }
        Ok(self.time)
    }
}

pub(super) fn client(
    row: &Row<'_>,
    published: Option<Timestamp>,
    [first, last]: &mut [Moment; 2],
) -> Result<StoredClient, Trouble> {
    let text = |index| row.get::<_, Option<String>>(index).map(|text| text.map(Untrusted::new));
    let odd = |_| Trouble::Content("a time");
    let (inactive, gone): (bool, bool) = (row.get(4)?, row.get(5)?);
    let status = match (gone, inactive, row.get(8)?) {
        (true, ..) => ClientStatus::Disabled(DisabledReason::NoLongerInHalo),
        (false, true, _) => ClientStatus::Disabled(DisabledReason::InactiveInHalo),
        (false, false, true) => ClientStatus::Disabled(DisabledReason::LeftOut),
        (false, false, false) => ClientStatus::Active,
    };
    let first_seen = first.read(row.get_ref(6)?.as_str().map_err(odd)?)?;
    let last_seen = match row.get_ref(7)?.as_str_or_null().map_err(odd)? {
        Some(text) => last.read(text)?,
        None => published.unwrap_or(first_seen),
    };
    Ok(StoredClient {
        client: Client {
            id: row.get(0)?,
            name: Untrusted::new(row.get::<_, String>(1)?),
            toplevel: text(2)?,
            main_site: text(3)?,
            inactive,
            traits: Traits { toplevel_id: row.get(9)?, customer_type: row.get(10)?, fields: row.get(11)? },
        },
        status,
        first_seen,
        last_seen,
    })
}
