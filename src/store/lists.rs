//! The lists that a sync keeps beside the clients: agents, teams, ticket types.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::database::{Database, args};
use super::error::Trouble;
use super::{Store, StoreError, maybe_time_in, time_out};
use crate::domain::configuration::ConfigurationId;
use crate::domain::people::{Agent, Team, TicketType};
use crate::domain::status::Lists;
use crate::domain::untrusted::Untrusted;

/// Lists as Halo gave them just now. What could not be read is none, and stays as it was stored.
#[derive(Clone, Copy, Debug, Default)]
pub struct FreshLists<'a> {
    /// Agents.
    pub agents: Option<&'a [Agent]>,
    /// Teams.
    pub teams: Option<&'a [Team]>,
    /// Ticket types.
    pub ticket_types: Option<&'a [TicketType]>,
}

const AGENTS: &str = "agent";
const TEAMS: &str = "team";
const TICKET_TYPES: &str = "ticket_type";

/// Id, name and whether it can be used: what every list comes down to.
type Entries<'a> = BTreeMap<i64, (&'a str, bool)>;

impl Store {
    /// The stored lists, each by id.
    pub fn lists(&self, id: &ConfigurationId) -> Result<Lists, StoreError> {
        self.read(|db| {
            let entries = |kind| read(db, id, kind);
            let sql = "SELECT lists_at FROM configurations WHERE id = ?1";
            let read_at: Option<Option<String>> = db.first(sql, args![id.as_str()], |row| row.get(0))?;
            let agent = |(id, name, assignable)| Agent { id, name, assignable, api_only: false };
            let agents = entries(AGENTS)?.into_iter().map(agent);
            let teams = entries(TEAMS)?.into_iter().map(|(id, name, used)| Team { id, name, inactive: !used });
            let types = entries(TICKET_TYPES)?.into_iter().map(|(id, name, active)| TicketType { id, name, active });
            Ok(Lists {
                agents: agents.collect(),
                teams: teams.collect(),
                ticket_types: types.collect(),
                read_at: maybe_time_in(read_at.flatten())?,
            })
        })
    }

    /// Keeps lists that were read outside of a sync.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written. Nothing is changed then.
    pub fn keep_lists(&self, id: &ConfigurationId, fresh: FreshLists<'_>, now: Timestamp) -> Result<(), StoreError> {
        self.write(|db| replace(db, id, fresh, now))
    }
}

/// Replaces the lists that are given, inside a transaction of the caller. A list that is as it was is not written.
pub(super) fn replace(
    db: &Database,
    id: &ConfigurationId,
    fresh: FreshLists<'_>,
    now: Timestamp,
) -> Result<(), Trouble> {
    let FreshLists { agents, teams, ticket_types } = fresh;
    if agents.is_none() && teams.is_none() && ticket_types.is_none() {
        return Ok(());
    }
    if let Some(agents) = agents {
        let entries = agents.iter().map(|agent| (agent.id, (agent.name.raw(), agent.assignable)));
        replace_one(db, id, AGENTS, &entries.collect())?;
    }
    if let Some(teams) = teams {
        let entries = teams.iter().map(|team| (team.id, (team.name.raw(), !team.inactive)));
        replace_one(db, id, TEAMS, &entries.collect())?;
    }
    if let Some(types) = ticket_types {
        let entries = types.iter().map(|kind| (kind.id, (kind.name.raw(), kind.active)));
        replace_one(db, id, TICKET_TYPES, &entries.collect())?;
    }
    // The moment is told with the teams. The others alone make those no younger.
    let moment =
        if teams.is_some() { "excluded.lists_at" } else { "COALESCE(configurations.lists_at, excluded.lists_at)" };
    let sql = format!(
        "INSERT INTO configurations (id, lists_at) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET lists_at = {moment}"
    );
    db.execute(&sql, args![id.as_str(), time_out(now)])?;
    Ok(())
}

fn replace_one(db: &Database, id: &ConfigurationId, kind: &str, entries: &Entries<'_>) -> Result<(), Trouble> {
    let stored = read(db, id, kind)?;
    let stored: Entries<'_> = stored.iter().map(|(id, name, usable)| (*id, (name.raw(), *usable))).collect();
    if stored == *entries {
        return Ok(());
    }
    db.execute("DELETE FROM lists WHERE configuration = ?1 AND kind = ?2", args![id.as_str(), kind])?;
    let mut insert =
        db.prepare("INSERT INTO lists (configuration, kind, id, name, usable) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (entry, (name, usable)) in entries {
        insert.execute(args![id.as_str(), kind, *entry, *name, *usable])?;
    }
    Ok(())
}

fn read(db: &Database, id: &ConfigurationId, kind: &str) -> Result<Vec<(i64, Untrusted, bool)>, Trouble> {
    let sql = "SELECT id, name, usable FROM lists WHERE configuration = ?1 AND kind = ?2 ORDER BY id";
    db.rows(sql, args![id.as_str(), kind], |row| Ok((row.get(0)?, Untrusted::new(row.get::<String>(1)?), row.get(2)?)))
}
