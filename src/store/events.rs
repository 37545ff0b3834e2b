//! The callbacks: stored before they are answered, each once, and what became of them since.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};
use serde_json::json;
use uuid::Uuid;

use super::error::Trouble;
use super::{Store, StoreError, count_in};
use crate::domain::callback::EventGroup;
use crate::domain::configuration::ConfigurationId;
use crate::domain::event::{Event, ForwardState, Forwarding, Incoming};
use crate::domain::ticket::Ticket;
use crate::domain::untrusted::Untrusted;

/// How long events are kept. Their ids are kept as long: an event seen again within this time is known.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// How much of the oldest is forgotten in one go. A day's is what there is to forget each day; a clock that was put years
/// ahead must not cost everything.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24 * 2);

/// How long an event waits for its ticket before it is handed on without it: Halo may be out of reach.
const WAITS_FOR_TICKET: SignedDuration = SignedDuration::from_secs(60);

/// An event on its way into the store.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Whose.
    pub configuration: ConfigurationId,
    /// Which address it came to.
    pub group: EventGroup,
    /// What came.
    pub incoming: Incoming,
    /// When.
    pub received_at: Timestamp,
    /// Whether it is to be handed on.
    pub forward: bool,
}

/// An event whose ticket has to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToLookUp {
    /// Its number.
    pub number: i64,
    /// The ticket.
    pub ticket_id: i64,
    /// When it came in.
    pub received_at: Timestamp,
}

/// An event that is to be handed on now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToForward {
    /// The event.
    pub event: Event,
    /// As it came.
    pub body: String,
    /// When it was tried first; none before the first try.
    pub since: Option<Timestamp>,
}

impl Store {
    /// Stores events, all of them in one write. When this returns they are on the disk. Says of each whether it is new:
    /// one whose id is there already is not stored again.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written; then none of them is stored.
    pub fn add_events(&self, events: &[NewEvent]) -> Result<Vec<bool>, StoreError> {
        self.with(|inner| {
            let transaction = inner.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut new = Vec::with_capacity(events.len());
            {
                let mut insert = transaction.prepare_cached(
                    "INSERT INTO events (configuration, id, received_at, grp, event, ticket_id, body, looked_up, forward)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
                )?;
                for event in events {
                    let incoming = &event.incoming;
                    let id = incoming.id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
                    let added = insert.execute(params![
                        event.configuration.as_str(),
                        id,
                        event.received_at.as_millisecond(),
                        event.group.slug(),
                        incoming.event,
                        incoming.ticket_id,
                        incoming.body,
                        incoming.ticket_id.is_none(),
                        event.forward.then_some(ForwardState::Pending.word()),
                    ])?;
                    new.push(added > 0);
                }
            }
            transaction.commit()?;
            Ok(new)
        })
    }

    /// The newest events first, or, of those that came after the event `after`, the oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn events(
        &self,
        id: &ConfigurationId,
        after: Option<i64>,
        state: Option<ForwardState>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.with(|inner| {
            let order = if after.is_some() { "ASC" } else { "DESC" };
            let mut read = inner.connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM events WHERE configuration = ?1 AND number > ?2
                 AND (?3 IS NULL OR forward = ?3) ORDER BY number {order} LIMIT ?4"
            ))?;
            let state = state.map(ForwardState::word);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = read.query_map(params![id.as_str(), after.unwrap_or(0), state, limit], |row| Ok(event(row)))?;
            rows.map(|row| row?).collect()
        })
    }

    /// One event with its body as it came.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn event(&self, id: &ConfigurationId, event_id: &str) -> Result<Option<(Event, Untrusted)>, StoreError> {
        self.with(|inner| {
            let mut read = inner
                .connection
                .prepare_cached(&format!("SELECT {COLUMNS}, body FROM events WHERE configuration = ?1 AND id = ?2"))?;
            let mut rows = read.query(params![id.as_str(), event_id])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            Ok(Some((event(row)?, row.get::<_, String>("body")?.into())))
        })
    }

    /// The body of an event as it came, by its place among the others.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn event_body(&self, id: &ConfigurationId, number: i64) -> Result<Option<Untrusted>, StoreError> {
        self.with(|inner| {
            let sql = "SELECT body FROM events WHERE configuration = ?1 AND number = ?2";
            let body = inner.connection.query_row(sql, params![id.as_str(), number], |row| row.get(0)).optional()?;
            Ok(body.map(|text: String| Untrusted::new(text)))
        })
    }

    /// How many events are kept.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn count_events(&self, id: &ConfigurationId) -> Result<u64, StoreError> {
        self.with(|inner| {
            let sql = "SELECT count(*) FROM events WHERE configuration = ?1";
            Ok(count_in(inner.connection.query_row(sql, [id.as_str()], |row| row.get(0))?))
        })
    }

    /// When the last event came in.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn last_event_at(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        self.with(|inner| {
            // The one stored last: by the index, and not by a look at each of them.
            let sql = "SELECT received_at FROM events WHERE configuration = ?1 ORDER BY number DESC LIMIT 1";
            let last: Option<i64> = inner.connection.query_row(sql, [id.as_str()], |row| row.get(0)).optional()?;
            last.map(moment).transpose()
        })
    }

    /// How many events wait to be handed on, and how many were given up.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn forward_counts(&self, id: &ConfigurationId) -> Result<(u64, u64), StoreError> {
        self.with(|inner| {
            let sql =
                "SELECT count(*) FILTER (WHERE forward = 'pending'), count(*) FILTER (WHERE forward = 'undelivered')
                       FROM events WHERE configuration = ?1 AND forward IS NOT NULL";
            let counts: (i64, i64) =
                inner.connection.query_row(sql, [id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok((count_in(counts.0), count_in(counts.1)))
        })
    }

    /// Events after the event `after` whose ticket is not known yet, the oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn events_to_look_up(
        &self,
        id: &ConfigurationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<ToLookUp>, StoreError> {
        self.with(|inner| {
            let mut read = inner.connection.prepare_cached(
                "SELECT number, ticket_id, received_at FROM events
                 WHERE configuration = ?1 AND looked_up = 0 AND number > ?3 ORDER BY number LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut rows = read.query(params![id.as_str(), limit, after])?;
            let mut waiting = Vec::new();
            while let Some(row) = rows.next()? {
                let received_at = moment(row.get(2)?)?;
                waiting.push(ToLookUp { number: row.get(0)?, ticket_id: row.get(1)?, received_at });
            }
            Ok(waiting)
        })
    }

    /// Remembers what Halo said of a ticket, for every event about it up to `number`: none where there is no such ticket
    /// any more or it could not be asked for, and why.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written.
    pub fn looked_up(
        &self,
        id: &ConfigurationId,
        number: i64,
        ticket_id: i64,
        found: Result<(&Ticket, Option<bool>), &str>,
    ) -> Result<(), StoreError> {
        self.with(|inner| {
            let (ticket, on_board, problem) = match found {
                Ok((ticket, on_board)) => (Some(ticket_out(ticket)), on_board, None),
                Err(problem) => (None, None, Some(problem)),
            };
            inner.connection.execute(
                "UPDATE events SET looked_up = 1, ticket = ?4, on_pia_board = ?5, ticket_problem = ?6
                 WHERE configuration = ?1 AND ticket_id = ?2 AND number <= ?3 AND looked_up = 0",
                params![id.as_str(), ticket_id, number, ticket, on_board, problem],
            )?;
            Ok(())
        })
    }

    /// The events that are to be handed on now. Those of one ticket go one after the other, so only its oldest is here.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn events_to_forward(
        &self,
        id: &ConfigurationId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<ToForward>, StoreError> {
        self.with(|inner| {
            let mut read = inner.connection.prepare_cached(&format!(
                "SELECT {COLUMNS}, body, forward_since FROM events e
                 WHERE configuration = ?1 AND forward = 'pending' AND (looked_up = 1 OR received_at <= ?4)
                 AND (forward_at IS NULL OR forward_at <= ?2)
                 AND NOT EXISTS (SELECT 1 FROM events b WHERE b.configuration = e.configuration
                                 AND b.forward = 'pending' AND b.ticket_id = e.ticket_id AND b.number < e.number)
                 ORDER BY number LIMIT ?3"
            ))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let overdue = now.checked_sub(WAITS_FOR_TICKET).unwrap_or(Timestamp::MIN);
            let mut rows = read.query(params![id.as_str(), now.as_millisecond(), limit, overdue.as_millisecond()])?;
            let mut due = Vec::new();
            while let Some(row) = rows.next()? {
                let since: Option<i64> = row.get("forward_since")?;
                due.push(ToForward {
                    event: event(row)?,
                    body: row.get("body")?,
                    since: since.map(moment).transpose()?,
                });
            }
            Ok(due)
        })
    }

    /// When the next event that waits is to be handed on; none where none waits for its time. One that stands behind
    /// another of its ticket waits for that one, and not for a time.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be read.
    pub fn next_forward_at(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        self.with(|inner| {
            let sql = "SELECT min(coalesce(forward_at, CASE looked_up WHEN 0 THEN received_at + ?2 END))
                       FROM events e WHERE configuration = ?1 AND forward = 'pending'
                       AND NOT EXISTS (SELECT 1 FROM events b WHERE b.configuration = e.configuration
                                       AND b.forward = 'pending' AND b.ticket_id = e.ticket_id AND b.number < e.number)";
            let wait = WAITS_FOR_TICKET.as_millis() as i64;
            let next: Option<i64> = inner.connection.query_row(sql, params![id.as_str(), wait], |row| row.get(0))?;
            next.map(moment).transpose()
        })
    }

    /// Remembers how a try to hand an event on has ended: `next` is when it is tried again.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written.
    pub fn forwarded(
        &self,
        id: &ConfigurationId,
        number: i64,
        state: ForwardState,
        next: Option<Timestamp>,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.with(|inner| {
            inner.connection.execute(
                "UPDATE events SET forward = ?3, forward_attempts = forward_attempts + 1, forward_at = ?4,
                 forward_error = ?5, forward_since = coalesce(forward_since, ?6)
                 WHERE configuration = ?1 AND number = ?2",
                params![
                    id.as_str(),
                    number,
                    state.word(),
                    next.map(Timestamp::as_millisecond),
                    error,
                    now.as_millisecond()
                ],
            )?;
            Ok(())
        })
    }

    /// Puts events that were given up, or one event whatever became of it, at the end of what is to be handed on. Answers
    /// how many.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written.
    pub fn forward_again(&self, id: &ConfigurationId, event_id: Option<&str>) -> Result<u64, StoreError> {
        self.with(|inner| {
            let changed = inner.connection.execute(
                "UPDATE events SET forward = 'pending', forward_at = NULL, forward_since = NULL, forward_attempts = 0,
                 forward_error = NULL
                 WHERE configuration = ?1 AND (id = ?2 OR (?2 IS NULL AND forward = 'undelivered'))",
                params![id.as_str(), event_id],
            )?;
            Ok(changed as u64)
        })
    }

    /// Forgets events that are older than thirty days, but none that still has to be handed on, and no more than the oldest
    /// two days of them: it is called each day.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the database cannot be written.
    pub fn forget_old_events(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.with(|inner| {
            let before = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN).as_millisecond();
            let sql = "DELETE FROM events WHERE received_at < ?1 AND forward IS NOT 'pending' AND received_at <
                       (SELECT min(received_at) FROM events WHERE forward IS NOT 'pending') + ?2";
            Ok(inner.connection.execute(sql, [before, FORGOTTEN.as_millis() as i64])? as u64)
        })
    }
}

const COLUMNS: &str = "number, id, received_at, grp, event, ticket_id, on_pia_board, ticket, ticket_problem, forward, \
                       forward_attempts, forward_at, forward_error";

fn event(row: &Row<'_>) -> Result<Event, Trouble> {
    let group: String = row.get("grp")?;
    let forward: Option<String> = row.get("forward")?;
    let forwarding = match forward {
        None => None,
        Some(word) => Some(Forwarding {
            state: ForwardState::of_word(&word).ok_or(Trouble::Content("the state of an event"))?,
            attempts: row.get("forward_attempts")?,
            next_at: row.get::<_, Option<i64>>("forward_at")?.map(moment).transpose()?,
            last_error: row.get("forward_error")?,
        }),
    };
    let ticket: Option<String> = row.get("ticket")?;
    Ok(Event {
        number: row.get("number")?,
        id: Untrusted::new(row.get::<_, String>("id")?).display(),
        received_at: moment(row.get("received_at")?)?,
        group: EventGroup::ALL
            .into_iter()
            .find(|known| known.slug() == group)
            .ok_or(Trouble::Content("the group of an event"))?,
        event: row.get::<_, Option<String>>("event")?.map(Untrusted::new),
        ticket_id: row.get("ticket_id")?,
        on_pia_board: row.get("on_pia_board")?,
        ticket: ticket.and_then(|text| serde_json::from_str(&text).ok()),
        ticket_problem: row.get("ticket_problem")?,
        forwarding,
    })
}

/// A ticket as a column holds it: to the letter, which its `Serialize` is not.
fn ticket_out(ticket: &Ticket) -> String {
    let raw = |text: &Option<Untrusted>| text.as_ref().map(|text| text.raw().to_owned());
    json!({
        "id": ticket.id,
        "summary": raw(&ticket.summary),
        "team": raw(&ticket.team),
        "team_id": ticket.team_id,
        "agent_id": ticket.agent_id,
        "agent": raw(&ticket.agent),
        "status_id": ticket.status_id,
        "status": raw(&ticket.status),
        "ticket_type_id": ticket.ticket_type_id,
        "ticket_type": raw(&ticket.ticket_type),
        "client_id": ticket.client_id,
        "client": raw(&ticket.client),
    })
    .to_string()
}

fn moment(milliseconds: i64) -> Result<Timestamp, Trouble> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| Trouble::Content("a time"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::test_support::{id, store};

    fn now() -> Timestamp {
        "2026-11-23T10:53:00Z".parse().unwrap()
    }

    fn incoming(event_id: Option<&str>, ticket_id: Option<i64>) -> NewEvent {
        NewEvent {
            configuration: id("acme"),
            group: EventGroup::TicketCreated,
            incoming: Incoming {
                id: event_id.map(ToOwned::to_owned),
                event: Some("New Ticket Logged".to_owned()),
                ticket_id,
                body: "{}".to_owned(),
            },
            received_at: now(),
            forward: true,
        }
    }

    fn ticket(team: &str) -> Ticket {
        serde_json::from_value(json!({ "id": 7, "team": team, "summary": "a\u{202e}b" })).unwrap()
    }

    /// R71: a copy, now or much later, in a batch or alone, is known; another configuration's event is not a copy.
    #[test]
    fn an_event_is_stored_once() {
        let (folder, mut store) = store();
        let batch = [incoming(Some("a"), Some(7)), incoming(Some("b"), Some(7)), incoming(Some("a"), Some(7))];
        assert_eq!(store.add_events(&batch).unwrap(), [true, true, false]);
        assert_eq!(store.add_events(&batch[..1]).unwrap(), [false]);
        let other = NewEvent { configuration: id("trial"), ..incoming(Some("a"), None) };
        assert_eq!(store.add_events(&[other]).unwrap(), [true]);
        // Without an id of Halo's, two are two: dropping a true one would be worse.
        assert_eq!(store.add_events(&[incoming(None, Some(7)), incoming(None, Some(7))]).unwrap(), [true, true]);
        // A second, an hour, a week and more later, each time by another process.
        for later in [1, 3_600, 7 * 86_400, 8 * 86_400, 29 * 86_400].map(SignedDuration::from_secs) {
            store.forget_old_events(now() + later).unwrap();
            drop(store);
            store = Store::open(&folder.path().join("data/pia-halo.db")).unwrap();
            let again = NewEvent { received_at: now() + later, forward: false, ..batch[0].clone() };
            assert_eq!(store.add_events(&[again]).unwrap(), [false], "{later:?} later");
        }
    }

    #[test]
    fn what_is_old_goes_unless_it_has_to_be_handed_on() {
        let (_folder, store) = store();
        store
            .add_events(&[incoming(Some("a"), None), NewEvent { forward: false, ..incoming(Some("b"), None) }])
            .unwrap();
        let later = now() + KEPT + SignedDuration::from_secs(1);
        assert_eq!(store.forget_old_events(now() + KEPT).unwrap(), 0);
        assert_eq!(store.forget_old_events(later).unwrap(), 1);
        let left = store.events(&id("acme"), None, None, 10).unwrap();
        assert_eq!(left.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn a_clock_that_is_years_ahead_does_not_forget_everything() {
        let (_folder, store) = store();
        for day in 0..30 {
            let received_at = now() + SignedDuration::from_hours(24 * day);
            store.add_events(&[NewEvent { received_at, forward: false, ..incoming(None, None) }]).unwrap();
        }
        let far = now() + SignedDuration::from_hours(24 * 3_650);
        assert_eq!(store.forget_old_events(far).unwrap(), 2);
        assert_eq!(store.forget_old_events(now() + SignedDuration::from_hours(24 * 30)).unwrap(), 0, "put right");
        // The machine was off for long: day by day the old ones go.
        for _ in 0..14 {
            assert_eq!(store.forget_old_events(far).unwrap(), 2);
        }
        assert_eq!(store.count_events(&id("acme")).unwrap(), 0);
    }

    #[test]
    fn one_answer_of_halo_serves_every_event_of_its_ticket_that_came_before() {
        let (_folder, store) = store();
        store
            .add_events(&[incoming(Some("a"), Some(7)), incoming(Some("b"), Some(8)), incoming(Some("c"), Some(7))])
            .unwrap();
        let waiting = store.events_to_look_up(&id("acme"), 0, 10).unwrap();
        assert_eq!(waiting.iter().map(|event| event.ticket_id).collect::<Vec<_>>(), [7, 8, 7]);
        let last = waiting[2].number;
        store.add_events(&[incoming(Some("d"), Some(7))]).unwrap();
        store.looked_up(&id("acme"), last, 7, Ok((&ticket("Pia"), Some(true)))).unwrap();
        store.looked_up(&id("acme"), last, 8, Err("the ticket is not there any more")).unwrap();
        let events = store.events(&id("acme"), None, None, 10).unwrap();
        let boards: Vec<_> = events.iter().map(|event| (event.id.as_str(), event.on_pia_board)).collect();
        assert_eq!(boards, [("d", None), ("c", Some(true)), ("b", None), ("a", Some(true))]);
        assert_eq!(events[1].ticket.as_ref(), Some(&ticket("Pia")), "to the letter");
        assert!(events[2].ticket_problem.as_ref().unwrap().contains("not there"));
        assert_eq!(store.events_to_look_up(&id("acme"), 0, 10).unwrap().len(), 1);
        assert_eq!(store.events_to_look_up(&id("acme"), i64::MAX, 10).unwrap(), []);
    }

    /// Handing on keeps the order of each ticket: nothing overtakes an event that waits.
    #[test]
    fn events_of_one_ticket_are_handed_on_in_order() {
        let (_folder, store) = store();
        let acme = id("acme");
        store
            .add_events(&[incoming(Some("a"), Some(7)), incoming(Some("b"), Some(7)), incoming(Some("c"), Some(8))])
            .unwrap();
        let due = |now| -> Vec<String> {
            store.events_to_forward(&acme, now, 10).unwrap().into_iter().map(|due| due.event.id).collect()
        };
        assert_eq!(due(now()), [""; 0], "nothing before its ticket was asked for");
        for ticket_id in [7, 8] {
            store.looked_up(&acme, i64::MAX, ticket_id, Err("")).unwrap();
        }
        assert_eq!(due(now()), ["a", "c"]);
        let later = now() + SignedDuration::from_secs(60);
        store.forwarded(&acme, 1, ForwardState::Pending, Some(later), Some("503"), now()).unwrap();
        assert_eq!(due(now()), ["c"], "b waits behind a");
        assert_eq!(store.next_forward_at(&acme).unwrap(), Some(later));
        assert_eq!(due(later), ["a", "c"]);
        // An event behind it, whose ticket was not asked for in time, is no reason to look again before.
        store.add_events(&[incoming(Some("d"), Some(7))]).unwrap();
        assert_eq!(due(later), ["a", "c"]);
        assert_eq!(store.next_forward_at(&acme).unwrap(), Some(later));
        store.forwarded(&acme, 4, ForwardState::Delivered, None, None, now()).unwrap();
        store.forwarded(&acme, 1, ForwardState::Undelivered, None, Some("503"), later).unwrap();
        assert_eq!(due(later), ["b", "c"], "what is given up holds up nothing");
        assert_eq!(store.forward_counts(&acme).unwrap(), (2, 1));
        assert_eq!(store.forward_again(&acme, None).unwrap(), 1);
        assert_eq!(due(later), ["a", "c"]);
        store.forwarded(&acme, 1, ForwardState::Delivered, None, None, later).unwrap();
        let given = store.events(&acme, None, Some(ForwardState::Delivered), 10).unwrap();
        assert_eq!(given[0].forwarding.as_ref().map(|forwarding| forwarding.attempts), Some(1));
    }

    #[test]
    fn events_can_be_followed_and_looked_at() {
        let (_folder, store) = store();
        store.add_events(&[incoming(Some("a"), None), incoming(Some("b"), None), incoming(Some("c"), None)]).unwrap();
        let ids = |after| -> Vec<String> {
            store.events(&id("acme"), after, None, 2).unwrap().into_iter().map(|event| event.id).collect()
        };
        assert_eq!(ids(None), ["c", "b"]);
        assert_eq!(ids(Some(1)), ["b", "c"]);
        assert_eq!(store.last_event_at(&id("acme")).unwrap(), Some(now()));
        assert_eq!(store.last_event_at(&id("other")).unwrap(), None);
        let (event, body) = store.event(&id("acme"), "b").unwrap().unwrap();
        assert_eq!((event.id.as_str(), body.raw()), ("b", "{}"));
        assert!(store.event(&id("other"), "b").unwrap().is_none());
    }
}
