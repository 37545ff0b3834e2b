//! The stored clients.

use std::borrow::Cow;
use std::collections::BinaryHeap;

use jiff::Timestamp;

use super::database::{Database, Row, args};
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
        let from = match after {
            None => i64::MIN,
            Some(i64::MAX) => return Ok(Vec::new()),
            Some(after) => after + 1,
        };
        // Rows and their time are of one moment.
        self.read(|db| {
            let published = published_at(db, id)?;
            let mut times = [Moment::default(), Moment::default()];
            let sql = format!("{ROWS} AND id >= ?2 ORDER BY id LIMIT ?3");
            let args = args![id.as_str(), from, i64::try_from(limit).unwrap_or(i64::MAX)];
            let clients = db.rows(&sql, args, |row| client(row, published, &mut times))?;
            if after.is_none() && clients.len() < limit {
                require_whole(db, id, clients.len() as u64)?;
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
        self.read(|db| {
            let published = published_at(db, id)?;
            let mut first: BinaryHeap<(String, i64)> = BinaryHeap::new();
            let mut stored = 0;
            let sql =
                "SELECT id, name, inactive = 0 AND gone = 0 AND left_out = 0 FROM clients WHERE configuration = ?1";
            db.each(sql, args![id.as_str()], |row| {
                stored += 1;
                if let Some(wanted) = in_use
                    && row.get::<bool>(2)? != wanted
                {
                    return Ok(());
                }
                let name: Cow<'_, str> = row.get(1)?;
                // Of a long list nearly every name comes later, and most of them say so with their first letters.
                if first.len() >= limit && first.peek().is_none_or(|(last, _)| folds_after(&name, last)) {
                    return Ok(());
                }
                let entry = (fold(&name), row.get(0)?);
                if first.len() < limit {
                    first.push(entry);
                } else if let Some(mut last) = first.peek_mut()
                    && entry < *last
                {
                    *last = entry;
                }
                Ok(())
            })?;
            require_whole(db, id, stored)?;
            let mut row_of = db.prepare(&format!("{ROWS} AND id = ?2"))?;
            let mut times = [Moment::default(), Moment::default()];
            let mut clients = Vec::with_capacity(first.len());
            for (_, number) in first.into_sorted_vec() {
                clients.extend(row_of.first(args![id.as_str(), number], |row| client(row, published, &mut times))?);
            }
            Ok((clients, stored))
        })
    }

    /// When the list of a configuration was last published; none before its first sync.
    pub fn published_at(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        self.ask(|db| published_at(db, id))
    }

    /// How many clients of a configuration are in use, and how many are not.
    pub fn client_counts(&self, id: &ConfigurationId) -> Result<ClientCounts, StoreError> {
        self.read(|db| {
            let counts = counts(db, id)?;
            require_whole(db, id, counts.active + counts.disabled)?;
            Ok(counts)
        })
    }
}

/// Refuses a list that is not the one that the last sync left: a damaged file can lose whole pages of rows and still read
/// without an error.
fn require_whole(db: &Database, id: &ConfigurationId, found: u64) -> Result<(), Trouble> {
    let sql = "SELECT active + disabled FROM runs
         WHERE configuration = ?1 AND status IN ('complete', 'complete_with_warnings') ORDER BY id DESC LIMIT 1";
    let published = db.first(sql, args![id.as_str()], |row| row.get(0).map(count_in))?;
    match published {
        Some(published) if published != found => Err(Trouble::Short { found, published }),
        _ => Ok(()),
    }
}

pub(super) fn counts(db: &Database, id: &ConfigurationId) -> Result<ClientCounts, Trouble> {
    let sql = "SELECT count(*), count(*) FILTER (WHERE inactive = 0 AND gone = 0 AND left_out = 0),
                count(*) FILTER (WHERE inactive = 0 AND gone = 0 AND left_out = 1)
         FROM clients WHERE configuration = ?1";
    let counted = db.first(sql, args![id.as_str()], |row| {
        let count = |index: usize| row.get(index).map(count_in);
        Ok((count(0)?, count(1)?, count(2)?))
    })?;
    let (all, active, left_out) = counted.unwrap_or_default();
    Ok(ClientCounts { active, disabled: all - active, left_out })
}

fn published_at(db: &Database, id: &ConfigurationId) -> Result<Option<Timestamp>, Trouble> {
    let sql = "SELECT published_at FROM configurations WHERE id = ?1";
    let text: Option<Option<String>> = db.first(sql, args![id.as_str()], |row| row.get(0))?;
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

/// Whether a client is in use, and the first reason of those why it is not.
pub(super) fn status(gone: bool, inactive: bool, left_out: bool) -> ClientStatus {
    match (gone, inactive, left_out) {
        (true, ..) => ClientStatus::Disabled(DisabledReason::NoLongerInHalo),
        (false, true, _) => ClientStatus::Disabled(DisabledReason::InactiveInHalo),
        (false, false, true) => ClientStatus::Disabled(DisabledReason::LeftOut),
        (false, false, false) => ClientStatus::Active,
    }
}

pub(super) fn client(
    row: &Row<'_>,
    published: Option<Timestamp>,
    [first, last]: &mut [Moment; 2],
) -> Result<StoredClient, Trouble> {
    let text = |index: usize| row.get::<Option<String>>(index).map(|text| text.map(Untrusted::new));
    let inactive: bool = row.get(4)?;
    let status = status(row.get(5)?, inactive, row.get(8)?);
    let first_seen = first.read(&row.get::<Cow<'_, str>>(6)?)?;
    let last_seen = match row.get::<Option<Cow<'_, str>>>(7)? {
        Some(text) => last.read(&text)?,
        None => published.unwrap_or(first_seen),
    };
    Ok(StoredClient {
        client: Client {
            id: row.get(0)?,
            name: Untrusted::new(row.get::<String>(1)?),
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
