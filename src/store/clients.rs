//! The stored clients.

use rusqlite::{Row, params};

use super::error::Trouble;
use super::{Store, StoreError, count_in, time_in};
use crate::domain::client::{Client, ClientStatus, DisabledReason, StoredClient};
use crate::domain::configuration::ConfigurationId;
use crate::domain::status::ClientCounts;
use crate::domain::untrusted::Untrusted;

impl Store {
    /// Every stored client of a configuration, by id, disabled ones included.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn clients(&self, id: &ConfigurationId) -> Result<Vec<StoredClient>, StoreError> {
        self.with(|inner| {
            let mut statement = inner.connection.prepare_cached(
                "SELECT c.id, c.name, c.toplevel, c.main_site, c.inactive, c.gone, c.first_seen,
                        coalesce(c.last_seen, p.published_at, c.first_seen)
                 FROM clients c LEFT JOIN configurations p ON p.id = c.configuration
                 WHERE c.configuration = ?1 ORDER BY c.id",
            )?;
            let mut rows = statement.query(params![id.as_str()])?;
            let mut clients = Vec::new();
            while let Some(row) = rows.next()? {
                clients.push(client(row)?);
            }
            Ok(clients)
        })
    }

    /// How many clients of a configuration are in use, and how many are not.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn client_counts(&self, id: &ConfigurationId) -> Result<ClientCounts, StoreError> {
        self.with(|inner| {
            let mut statement = inner.connection.prepare_cached(
                "SELECT count(*), coalesce(sum(NOT inactive AND NOT gone), 0) FROM clients WHERE configuration = ?1",
            )?;
            let (all, active) =
                statement.query_row(params![id.as_str()], |row| Ok((count_in(row.get(0)?), count_in(row.get(1)?))))?;
            Ok(ClientCounts { active, disabled: all - active })
        })
    }
}

fn client(row: &Row<'_>) -> Result<StoredClient, Trouble> {
    let text = |index| row.get::<_, Option<String>>(index).map(|text| text.map(Untrusted::new));
    let (inactive, gone): (bool, bool) = (row.get(4)?, row.get(5)?);
    let status = match (gone, inactive) {
        (true, _) => ClientStatus::Disabled(DisabledReason::NoLongerInHalo),
        (false, true) => ClientStatus::Disabled(DisabledReason::InactiveInHalo),
        (false, false) => ClientStatus::Active,
    };
    Ok(StoredClient {
        client: Client {
            id: row.get(0)?,
            name: Untrusted::new(row.get::<_, String>(1)?),
            toplevel: text(2)?,
            main_site: text(3)?,
            inactive,
        },
        status,
        first_seen: time_in(row.get_ref(6)?.as_str().map_err(|_| Trouble::Content("a time"))?)?,
        last_seen: time_in(row.get_ref(7)?.as_str().map_err(|_| Trouble::Content("a time"))?)?,
    })
}
