//! Events on their way into the store: each is stored once, before it is answered.

use std::collections::HashSet;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::database::{Database, Row, Value};
use super::error::Trouble;
use super::events::WAITS_FOR_TICKET;
use super::{Store, StoreError};
use crate::domain::callback::EventGroup;
use crate::domain::configuration::ConfigurationId;
use crate::domain::event::{FetchedFrom, ForwardState, Incoming};
use crate::domain::hex;

/// An event on its way into the store.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    /// Whose.
    pub configuration: ConfigurationId,
    /// Which address it came to.
    pub group: EventGroup,
    /// What came.
    pub incoming: Incoming<'a>,
    /// When.
    pub received_at: Timestamp,
    /// Where it was fetched from; none where Halo called.
    pub fetched_from: Option<FetchedFrom>,
    /// Whether it is to be forwarded.
    pub forward: bool,
}

impl Store {
    /// Stores events, all of them in one write. When this returns they are on the disk. Says of each whether it is new:
    /// one whose id is there already, for the same event of the same ticket, is not stored again. One that is not understood may
    /// hold more than its id tells: it is known where it is there to the letter.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written; then none of them is stored.
    pub fn add_events<'a>(&self, events: impl IntoIterator<Item = NewEvent<'a>>) -> Result<Vec<bool>, StoreError> {
        self.write(|db| insert_all(db, &events.into_iter().collect::<Vec<_>>(), None))
    }

    /// The same with events that came a while ago: from `now` on each waits for its ticket as long as a new one does.
    ///
    /// # Errors
    ///
    /// As [`Store::add_events`].
    pub fn add_late_events<'a>(
        &self,
        events: impl IntoIterator<Item = NewEvent<'a>>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let until = now.checked_add(WAITS_FOR_TICKET).unwrap_or(now);
        self.write(|db| insert_all(db, &events.into_iter().collect::<Vec<_>>(), Some(until)).map(drop))
    }
}

/// Whether the event that has an id tells something else than the one that comes, and whether it is not a copy to the letter of
/// what is not understood.
const DIFFERS: &str = "SELECT event IS DISTINCT FROM ?3 OR ticket_id IS DISTINCT FROM ?4,
            (CAST(?5 AS TEXT) IS NOT NULL OR not_understood IS NOT NULL) AND body IS DISTINCT FROM ?6
     FROM events WHERE configuration = ?1 AND id = ?2";

const INSERT: &str =
    "INSERT INTO events (configuration, id, received_at, grp, event, ticket_id, body, looked_up, forward, sent_at,
                         fetched_from, not_understood, forward_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING";

/// Stores an event that is not there yet; says whether it is new.
pub(super) fn insert(db: &Database, event: &NewEvent<'_>) -> Result<bool, Trouble> {
    let id = id_of(event);
    let differs = db.first(DIFFERS, &asks(event, &id), differs)?;
    let id = told_apart(event, id, differs);
    Ok(db.execute(INSERT, &holds(event, &id, None))? > 0)
}

/// The same with several, in their order; none is forwarded without its ticket before a moment. A server is asked for all of them
/// at once.
fn insert_all(db: &Database, events: &[NewEvent<'_>], until: Option<Timestamp>) -> Result<Vec<bool>, Trouble> {
    let mut new = Vec::with_capacity(events.len());
    let mut rest = events;
    while !rest.is_empty() {
        let ids: Vec<String> = rest.iter().map(id_of).collect();
        // One that shares its id with one before it has to find that in the store.
        let mut known = HashSet::new();
        let at_once = rest.iter().zip(&ids).take_while(|(event, id)| known.insert((&event.configuration, *id))).count();
        let (these, others) = rest.split_at(at_once);
        let asked: Vec<_> = these.iter().zip(&ids).map(|(event, id)| asks(event, id)).collect();
        let found = db.first_of_each(DIFFERS, &asked, differs)?;
        let ids: Vec<String> =
            these.iter().zip(ids).zip(found).map(|((event, id), found)| told_apart(event, id, found)).collect();
        let rows: Vec<_> = these.iter().zip(&ids).map(|(event, id)| holds(event, id, until)).collect();
        new.extend(db.execute_each(INSERT, &rows)?.into_iter().map(|added| added > 0));
        rest = others;
    }
    Ok(new)
}

fn id_of(event: &NewEvent<'_>) -> String {
    event.incoming.id.clone().unwrap_or_else(|| Uuid::new_v4().to_string())
}

fn differs(row: &Row<'_>) -> Result<(bool, bool), Trouble> {
    Ok((row.get(0)?, row.get(1)?))
}

/// The id under which an event is stored, where this is how another one with its id differs from it.
fn told_apart(event: &NewEvent<'_>, id: String, differs: Option<(bool, bool)>) -> String {
    let incoming = &event.incoming;
    match differs {
        // Nobody knows what else stands in what is not understood: it is a copy only where it is the same to the letter.
        Some((_, true)) => format!("{id}/{}", hex(&Sha256::digest(incoming.body.as_bytes()))),
        // Halo gives each event an id of its own, as far as anybody knows. Where two share one, the second is no copy.
        Some((true, _)) => {
            let ticket = incoming.ticket_id.map(|id| id.to_string()).unwrap_or_default();
            format!("{id}/{ticket}/{}", incoming.event.as_deref().unwrap_or_default())
        }
        _ => id,
    }
}

/// The values of [`DIFFERS`].
fn asks<'a>(event: &'a NewEvent<'_>, id: &'a str) -> [Value<'a>; 6] {
    let incoming = &event.incoming;
    [
        event.configuration.as_str().into(),
        id.into(),
        incoming.event.as_deref().into(),
        incoming.ticket_id.into(),
        incoming.not_understood.as_deref().into(),
        (&*incoming.body).into(),
    ]
}

/// The values of [`INSERT`].
fn holds<'a>(event: &'a NewEvent<'_>, id: &'a str, until: Option<Timestamp>) -> [Value<'a>; 13] {
    let incoming = &event.incoming;
    let until = until.filter(|_| event.forward && incoming.ticket_id.is_some());
    [
        event.configuration.as_str().into(),
        id.into(),
        event.received_at.as_millisecond().into(),
        event.group.slug().into(),
        incoming.event.as_deref().into(),
        incoming.ticket_id.into(),
        (&*incoming.body).into(),
        incoming.ticket_id.is_none().into(),
        event.forward.then_some(ForwardState::Pending.word()).into(),
        incoming.sent_at.map(Timestamp::as_millisecond).into(),
        event.fetched_from.map(FetchedFrom::word).into(),
        incoming.not_understood.as_deref().into(),
        until.map(Timestamp::as_millisecond).into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database::Address;
    use crate::store::postgres_tests::Postgres;
    use crate::store::test_support::{at, id, store};

    fn event(name: &str, ticket_id: i64, event: &str) -> NewEvent<'static> {
        NewEvent {
            configuration: id("acme"),
            group: EventGroup::TicketCreated,
            incoming: Incoming {
                id: Some(name.to_owned()),
                event: Some(event.to_owned()),
                ticket_id: Some(ticket_id),
                sent_at: None,
                body: "{}".into(),
                not_understood: None,
            },
            received_at: at(0),
            fetched_from: None,
            forward: true,
        }
    }

    /// However many come at once: what shares an id with one before it in the same batch stands where it came.
    #[test]
    fn batch_is_stored_in_order_of_its_events() {
        let postgres = Postgres::start();
        let (_folder, file) = store();
        let there = postgres.as_ref().map(|postgres| {
            let address = Address::new(&postgres.new_database("batch")).unwrap();
            Store::on(&address).unwrap()
        });
        for store in [Some(file), there].into_iter().flatten() {
            let mut batch: Vec<_> = (0..150).map(|number| event(&format!("e{number}"), 7, "new")).collect();
            batch.insert(40, event("e3", 7, "other"));
            batch.insert(80, event("e9", 7, "new"));
            let new = store.add_events(batch).unwrap();
            assert_eq!(new.iter().position(|new| !new), Some(80), "a copy");
            assert_eq!(new.iter().filter(|new| **new).count(), 151);
            let stored = store.events(&id("acme"), Some(0), None, 999).unwrap();
            let mut names: Vec<_> = (0..150).map(|number| format!("e{number}")).collect();
            names.insert(40, "e3/7/other".to_owned());
            assert_eq!(stored.into_iter().map(|event| event.id).collect::<Vec<_>>(), names);
        }
    }
}
