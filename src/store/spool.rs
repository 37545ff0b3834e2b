//! What waits on a host for a store that is away: a database of its own in a file, of which only the events are used. It holds
//! each event as it is stored, so that nothing about it is known in two ways.
//!
//! A row that the store does not take stays, with why in `forward_error`.

use std::path::Path;

use jiff::Timestamp;

use super::database::{Row, args};
use super::error::Trouble;
use super::events::moment;
use super::{NewEvent, Store, StoreError, count_in};
use crate::domain::callback::EventGroup;
use crate::domain::configuration::ConfigurationId;
use crate::domain::event::{FetchedFrom, Incoming};
use crate::domain::status::{NotTaken, Spooled};

/// Events that are taken out at once, and how long they are together, unless one alone is longer.
const AT_ONCE: usize = 500;
const BYTES_AT_ONCE: i64 = 8 << 20;

/// An event that waits, by its number.
pub struct Waiting {
    /// Its place among the others.
    pub number: i64,
    /// The event; none where its row is not readable.
    pub event: Option<NewEvent<'static>>,
}

impl Store {
    /// How many events wait in the spool at a path, and since when; none where there is no spool.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where there is one that cannot be read.
    pub fn spooled_at(path: &Path) -> Result<Option<Spooled>, StoreError> {
        if !path.exists() {
            return Ok(None);
        }
        Self::open_to_look(path)?.map(|spool| spool.spooled()).transpose()
    }

    /// How many events wait in this spool, and since when.
    pub fn spooled(&self) -> Result<Spooled, StoreError> {
        let read = |row: &Row<'_>| {
            let since = row.get::<Option<i64>>(1)?.map(moment).transpose()?;
            Ok(Spooled { waiting: count_in(row.get(0)?), since, not_taken: count_in(row.get(2)?) })
        };
        let sql = "SELECT count(*) FILTER (WHERE forward_error IS NULL),
                   min(received_at) FILTER (WHERE forward_error IS NULL), count(forward_error) FROM events";
        Ok(self.ask(|db| db.first(sql, &[], read))?.unwrap_or_default())
    }

    /// Whether an event waits in this spool.
    pub fn has_waiting(&self) -> Result<bool, StoreError> {
        self.ask(|db| db.value("SELECT EXISTS (SELECT 1 FROM events WHERE forward_error IS NULL)", &[]))
    }

    /// What is kept in the spool at a path because the store does not take it, the oldest first; as many as this.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where there is a spool that cannot be read.
    pub fn refused_at(path: &Path, count: usize) -> Result<Vec<NotTaken>, StoreError> {
        if !path.exists() {
            return Ok(Vec::new());
        }
        let sql = "SELECT number, configuration, received_at, event, ticket_id, forward_error FROM events
                   WHERE forward_error IS NOT NULL ORDER BY number LIMIT ?1";
        let read = |row: &Row<'_>| {
            // What nobody can read is told as far as it can be.
            Ok(NotTaken {
                number: row.get(0)?,
                configuration: row.get(1).unwrap_or_default(),
                received_at: row.get::<Option<i64>>(2).ok().flatten().and_then(|at| moment(at).ok()),
                event: row.get(3).unwrap_or_default(),
                ticket_id: row.get(4).unwrap_or_default(),
                why: row.get(5)?,
            })
        };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let Some(spool) = Self::open_to_look(path)? else { return Ok(Vec::new()) };
        spool.ask(|db| db.rows(sql, args![count], read))
    }

    /// Forgets what is kept in the spool at a path because the store does not take it, up to a number; says how many those were.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the spool cannot be written.
    pub fn forget_refused_at(path: &Path, up_to: i64) -> Result<u64, StoreError> {
        let Some(spool) = Self::open_existing(path)? else { return Ok(0) };
        let sql = "DELETE FROM events WHERE forward_error IS NOT NULL AND number <= ?1";
        spool.write(|db| db.execute(sql, args![up_to]))
    }

    /// How long what is kept in this spool is together that the store does not take.
    pub fn refused_bytes(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(octet_length(body)), 0) FROM events WHERE forward_error IS NOT NULL";
        self.ask(|db| db.value(sql, &[])).map(count_in)
    }

    /// How many bytes of this spool are in use.
    pub fn spool_bytes(&self) -> Result<u64, StoreError> {
        let sql = "SELECT (page_count - freelist_count) * page_size
                   FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
        self.ask(|db| db.value(sql, &[])).map(count_in)
    }

    /// The events that wait in this spool, the oldest first: as many as are to be stored at once.
    pub fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        let sizes =
            "SELECT number, octet_length(body) FROM events WHERE forward_error IS NULL ORDER BY number LIMIT ?1";
        let sql = "SELECT number, configuration, id, received_at, grp, event, ticket_id, body, forward, sent_at,
                   fetched_from, not_understood FROM events WHERE forward_error IS NULL AND number <= ?1 ORDER BY number";
        self.read(|db| {
            let (mut last, mut bytes) = (None, 0);
            for (number, size) in db.rows(sizes, args![AT_ONCE as i64], |row| Ok((row.get(0)?, row.get(1)?)))? {
                let size: i64 = size;
                bytes += size;
                if last.is_some() && bytes > BYTES_AT_ONCE {
                    break;
                }
                last = Some(number);
            }
            let Some(last): Option<i64> = last else { return Ok(Vec::new()) };
            db.rows(sql, args![last], |row| Ok(Waiting { number: row.get("number")?, event: waiting(row).ok() }))
        })
    }

    /// Takes out of this spool what waits there up to a number: it is stored now.
    pub fn leave_spool(&self, up_to: i64) -> Result<(), StoreError> {
        self.write(|db| {
            db.execute("DELETE FROM events WHERE number <= ?1 AND forward_error IS NULL", args![up_to]).map(drop)
        })
    }

    /// Keeps an event in this spool that is not to be had in the store, and why.
    pub fn keep_in_spool(&self, number: i64, why: &str) -> Result<(), StoreError> {
        let sql = "UPDATE events SET forward_error = ?2 WHERE number = ?1";
        self.write(|db| db.execute(sql, args![number, why]).map(drop))
    }

    /// Lets everything that was kept wait again: the cause may be gone.
    pub fn try_spool_again(&self) -> Result<(), StoreError> {
        let sql = "UPDATE events SET forward_error = NULL WHERE forward_error IS NOT NULL";
        self.write(|db| db.execute(sql, &[]).map(drop))
    }
}

/// An event as it came. Its own id is what stands before what may tell it from another one with that id.
fn waiting(row: &Row<'_>) -> Result<NewEvent<'static>, Trouble> {
    let odd = || Trouble::Content("an event");
    let (configuration, group): (String, String) = (row.get("configuration")?, row.get("grp")?);
    let id: String = row.get("id")?;
    let at = |column: &'static str| row.get::<Option<i64>>(column)?.map(moment).transpose();
    let received_at: Timestamp = at("received_at")?.ok_or_else(odd)?;
    Ok(NewEvent {
        configuration: ConfigurationId::parse(&configuration).map_err(|_| odd())?,
        group: EventGroup::ALL.into_iter().find(|known| known.slug() == group).ok_or_else(odd)?,
        incoming: Incoming {
            id: id.split('/').next().map(str::to_owned),
            event: row.get("event")?,
            ticket_id: row.get("ticket_id")?,
            sent_at: at("sent_at")?,
            not_understood: row.get("not_understood")?,
            body: row.get::<String>("body")?.into(),
        },
        received_at,
        fetched_from: row.get::<Option<String>>("fetched_from")?.and_then(|word| FetchedFrom::of_word(&word)),
        forward: row.get::<Option<String>>("forward")?.is_some(),
    })
}
