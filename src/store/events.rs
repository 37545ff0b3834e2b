//! The callbacks: stored before they are answered, each once, and what became of them since.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::database::{Row, args};
use super::error::Trouble;
use super::{Store, StoreError, count_in};
use crate::domain::callback::EventGroup;
use crate::domain::configuration::ConfigurationId;
use crate::domain::event::{Event, FetchedFrom, ForwardState, Forwarding};
use crate::domain::report::EventCounts;
use crate::domain::ticket::Ticket;
use crate::domain::untrusted::Untrusted;

/// How long an event waits for its ticket before it is forwarded without it: Halo may be out of reach.
pub(super) const WAITS_FOR_TICKET: SignedDuration = SignedDuration::from_secs(60);

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

/// An event that is to be forwarded now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToForward {
    /// The event.
    pub event: Event,
    /// How long its body is, in bytes.
    pub size: usize,
    /// When it was tried first; none before the first try.
    pub since: Option<Timestamp>,
}

impl Store {
    /// The newest events first, or, of those that came after the event `after`, the oldest first.
    pub fn events(
        &self,
        id: &ConfigurationId,
        after: Option<i64>,
        state: Option<ForwardState>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = listing(after.is_some(), state);
        self.ask(|db| db.rows(&sql, args![id.as_str(), after.unwrap_or(0), limit], event))
    }

    /// The events with these numbers.
    pub fn events_of(&self, id: &ConfigurationId, numbers: &[i64]) -> Result<Vec<Event>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM events WHERE configuration = ?1 AND number = ?2");
        self.read(|db| {
            let mut read = db.prepare(&sql)?;
            let mut found = Vec::new();
            for number in numbers {
                found.extend(read.first(args![id.as_str(), *number], event)?);
            }
            found.sort_by_key(|event: &Event| event.number);
            Ok(found)
        })
    }

    /// One event with its body as it came.
    pub fn event(&self, id: &ConfigurationId, event_id: &str) -> Result<Option<(Event, Untrusted)>, StoreError> {
        let sql = format!("SELECT {COLUMNS}, body FROM events WHERE configuration = ?1 AND id = ?2");
        let read = |row: &Row<'_>| Ok((event(row)?, row.get::<String>("body")?.into()));
        self.ask(|db| db.first(&sql, args![id.as_str(), event_id], read))
    }

    /// The body of an event as it came, by its place among the others.
    pub fn event_body(&self, id: &ConfigurationId, number: i64) -> Result<Option<Untrusted>, StoreError> {
        let sql = "SELECT body FROM events WHERE configuration = ?1 AND number = ?2";
        let read = |row: &Row<'_>| Ok(Untrusted::new(row.get::<String>(0)?));
        self.ask(|db| db.first(sql, args![id.as_str(), number], read))
    }

    /// Whether a callback about a ticket came in at or after a moment.
    pub fn heard_of(&self, id: &ConfigurationId, ticket_id: i64, since: Timestamp) -> Result<bool, StoreError> {
        let sql =
            "SELECT EXISTS (SELECT 1 FROM events WHERE configuration = ?1 AND ticket_id = ?2 AND received_at >= ?3)";
        self.ask(|db| db.value(sql, args![id.as_str(), ticket_id, since.as_millisecond()]))
    }

    /// How many events came in during each of the last 24 hours, the oldest hour first.
    pub fn events_by_hour(&self, id: &ConfigurationId, now: Timestamp) -> Result<Vec<u64>, StoreError> {
        const HOUR: i64 = 3_600_000;
        let from = now.as_millisecond() - 24 * HOUR;
        let mut hours = vec![0; 24];
        self.ask(|db| {
            db.each(BY_HOUR, args![id.as_str(), from, HOUR], |row| {
                let (hour, count): (i64, i64) = (row.get(0)?, row.get(1)?);
                // By a clock that is ahead of ours it is of the last hour too.
                hours[usize::try_from(hour).unwrap_or(0).min(23)] += count_in(count);
                Ok(())
            })
        })?;
        Ok(hours)
    }

    /// How many events came in from one moment until before another, by webhook, and what became of them.
    pub fn count_events_between(
        &self,
        id: &ConfigurationId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(EventGroup, EventCounts)>, StoreError> {
        self.ask(|db| {
            let mut read = db.prepare(BETWEEN)?;
            let mut counted = Vec::new();
            for group in EventGroup::ALL {
                let between = args![id.as_str(), from.as_millisecond(), until.as_millisecond(), group.slug()];
                let counts = read.first(between, |row| {
                    let count = |index: usize| row.get(index).map(count_in);
                    Ok(EventCounts {
                        received: count(0)?,
                        fetched: count(1)?,
                        not_understood: count(2)?,
                        delivered: count(3)?,
                        pending: count(4)?,
                        undelivered: count(5)?,
                    })
                })?;
                counted.extend(counts.filter(|counts| counts.received > 0).map(|counts| (group, counts)));
            }
            Ok(counted)
        })
    }

    /// How many events are kept. It is asked at each change, so only the new ones are counted; what another program has
    /// forgotten meanwhile is noticed within a minute.
    pub fn count_events(&self, id: &ConfigurationId) -> Result<u64, StoreError> {
        self.with(|inner| {
            let db = &inner.database;
            let ends = db.first(EVENT_ENDS, args![id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let Some((Some(oldest), Some(newest))) = ends else { return Ok(0) };
            let known = inner.counted.get(id).filter(|known| known.oldest == oldest && known.newest <= newest);
            let known = known.filter(|known| known.at.elapsed() < COUNTED);
            let (before, at, after) =
                known.map_or_else(|| (0, Instant::now(), 0), |known| (known.count, known.at, known.newest));
            let count = before + count_in(db.value(EVENT_COUNT, args![id.as_str(), after])?);
            inner.counted.insert(id.clone(), Counted { at, oldest, newest, count });
            Ok(count)
        })
    }

    /// When each webhook delivered last, where it ever did.
    pub fn last_deliveries(&self, id: &ConfigurationId) -> Result<Vec<(EventGroup, Timestamp)>, StoreError> {
        self.ask(|db| {
            let mut last = Vec::new();
            for group in EventGroup::ALL {
                let at = db.first(LAST_DELIVERY, args![id.as_str(), group.slug()], |row| moment(row.get(0)?))?;
                last.extend(at.map(|at| (group, at)));
            }
            Ok(last)
        })
    }

    /// When the last event came in.
    pub fn last_event_at(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        // The one stored last: by the index, and not by a look at each of them.
        let sql = "SELECT received_at FROM events WHERE configuration = ?1 ORDER BY number DESC LIMIT 1";
        self.ask(|db| db.first(sql, args![id.as_str()], |row| moment(row.get(0)?)))
    }

    /// When the last event of any configuration came in.
    pub fn last_event_of_all(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT received_at FROM events ORDER BY number DESC LIMIT 1";
        self.ask(|db| db.first(sql, &[], |row| moment(row.get(0)?)))
    }

    /// How many events wait to be forwarded, and how many were given up.
    pub fn forward_counts(&self, id: &ConfigurationId) -> Result<(u64, u64), StoreError> {
        // Each by its own index: the others, with their bodies, are not looked at.
        let read = |row: &Row<'_>| Ok((count_in(row.get(0)?), count_in(row.get(1)?)));
        Ok(self.ask(|db| db.first(FORWARD_COUNTS, args![id.as_str()], read))?.unwrap_or_default())
    }

    /// When the oldest event came in that waits to be forwarded.
    pub fn oldest_to_forward(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        self.ask(|db| {
            let oldest: Option<i64> = db.value(OLDEST_TO_FORWARD, args![id.as_str()])?;
            oldest.map(moment).transpose()
        })
    }

    /// Events after the event `after` whose ticket is not known yet, the oldest first.
    pub fn events_to_look_up(
        &self,
        id: &ConfigurationId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<ToLookUp>, StoreError> {
        let sql = "SELECT number, ticket_id, received_at FROM events
                 WHERE configuration = ?1 AND looked_up = 0 AND number > ?3 ORDER BY number LIMIT ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.ask(|db| {
            db.rows(sql, args![id.as_str(), limit, after], |row| {
                Ok(ToLookUp { number: row.get(0)?, ticket_id: row.get(1)?, received_at: moment(row.get(2)?)? })
            })
        })
    }

    /// Remembers what Halo said of a ticket, for every event about it up to `number`: none where there is no such ticket
    /// any more or it could not be asked for, and why.
    pub fn looked_up(
        &self,
        id: &ConfigurationId,
        number: i64,
        ticket_id: i64,
        found: Result<(&Ticket, Option<bool>), &str>,
    ) -> Result<(), StoreError> {
        let (ticket, on_board, problem) = match found {
            Ok((ticket, on_board)) => (Some(ticket_out(ticket)), on_board, None),
            Err(problem) => (None, None, Some(problem)),
        };
        self.write(|db| {
            db.execute(
                "UPDATE events SET looked_up = 1, ticket = ?4, on_pia_board = ?5, ticket_problem = ?6,
                     forward_at = CASE WHEN forward_attempts = 0 THEN NULL ELSE forward_at END
                 WHERE configuration = ?1 AND ticket_id = ?2 AND number <= ?3 AND looked_up = 0",
                args![id.as_str(), ticket_id, number, ticket, on_board, problem],
            )?;
            Ok(())
        })
    }

    /// The events that are to be forwarded now. Those of one ticket go one after the other, so only its oldest is here.
    pub fn events_to_forward(
        &self,
        id: &ConfigurationId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<ToForward>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, forward_since, octet_length(body) AS size FROM events e
                 WHERE configuration = ?1 AND forward = 'pending' AND (looked_up = 1 OR received_at <= ?4)
                 AND (forward_at IS NULL OR forward_at <= ?2)
                 AND NOT EXISTS (SELECT 1 FROM events b WHERE b.configuration = e.configuration
                                 AND b.forward = 'pending' AND b.ticket_id = e.ticket_id AND b.number < e.number)
                 ORDER BY number LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let overdue = now.checked_sub(WAITS_FOR_TICKET).unwrap_or(Timestamp::MIN);
        self.ask(|db| {
            db.rows(&sql, args![id.as_str(), now.as_millisecond(), limit, overdue.as_millisecond()], |row| {
                let since: Option<i64> = row.get("forward_since")?;
                let size = count_in(row.get("size")?) as usize;
                Ok(ToForward { event: event(row)?, size, since: since.map(moment).transpose()? })
            })
        })
    }

    /// When the next event that waits is to be forwarded; none where none waits for its time. One that stands behind
    /// another of its ticket waits for that one, and not for a time.
    pub fn next_forward_at(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(CASE WHEN looked_up = 1 THEN forward_at
                              WHEN forward_at > received_at + ?2 THEN forward_at ELSE received_at + ?2 END)
                       FROM events e WHERE configuration = ?1 AND forward = 'pending'
                       AND NOT EXISTS (SELECT 1 FROM events b WHERE b.configuration = e.configuration
                                       AND b.forward = 'pending' AND b.ticket_id = e.ticket_id AND b.number < e.number)";
        let wait = WAITS_FOR_TICKET.as_millis() as i64;
        self.ask(|db| {
            let next: Option<i64> = db.value(sql, args![id.as_str(), wait])?;
            next.map(moment).transpose()
        })
    }

    /// Remembers how a try to hand an event on has ended: `next` is when it is tried again.
    pub fn forwarded(
        &self,
        id: &ConfigurationId,
        number: i64,
        state: ForwardState,
        next: Option<Timestamp>,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|db| {
            db.execute(
                "UPDATE events SET forward = ?3, forward_attempts = forward_attempts + 1, forward_at = ?4,
                 forward_error = ?5, forward_since = coalesce(forward_since, ?6)
                 WHERE configuration = ?1 AND number = ?2",
                args![
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

    /// Puts every event that was given up, or one event whatever became of it, among what is to be forwarded. With the one go
    /// the older ones of its ticket that were given up: they are forwarded before it, and the newer ones that wait after it.
    /// Answers how many.
    pub fn forward_again(&self, id: &ConfigurationId, event_id: Option<&str>) -> Result<u64, StoreError> {
        self.write(|db| {
            db.execute(
                "UPDATE events SET forward = 'pending', forward_at = NULL, forward_since = NULL, forward_attempts = 0,
                 forward_error = NULL
                 WHERE configuration = ?1 AND (id = ?2 OR (forward = 'undelivered' AND
                     (?2 IS NULL OR EXISTS (SELECT 1 FROM events n WHERE n.configuration = ?1 AND n.id = ?2
                                            AND n.ticket_id = events.ticket_id AND n.number > events.number))))",
                args![id.as_str(), event_id],
            )
        })
    }
}

const FORWARD_COUNTS: &str = "SELECT
    (SELECT count(*) FROM events WHERE configuration = ?1 AND forward = 'pending'),
    (SELECT count(*) FROM events WHERE configuration = ?1 AND forward = 'undelivered')";

// By itself SQLite would go through all of them in the order of their arrival until it meets one that waits.
const OLDEST_TO_FORWARD: &str = "SELECT min(received_at) FROM events INDEXED BY events_to_forward
    WHERE configuration = ?1 AND forward = 'pending'";

const EVENT_COUNT: &str = "SELECT count(*) FROM events WHERE configuration = ?1 AND number > ?2";

const EVENT_ENDS: &str = "SELECT
    (SELECT number FROM events WHERE configuration = ?1 ORDER BY number LIMIT 1),
    (SELECT number FROM events WHERE configuration = ?1 ORDER BY number DESC LIMIT 1)";

const BY_HOUR: &str = "SELECT (received_at - ?2) / ?3, count(*) FROM events
    WHERE configuration = ?1 AND received_at > ?2 GROUP BY 1";

const BETWEEN: &str =
    "SELECT count(*), count(fetched_from), count(not_understood), count(*) FILTER (WHERE forward = 'delivered'),
    count(*) FILTER (WHERE forward = 'pending'), count(*) FILTER (WHERE forward = 'undelivered')
    FROM events WHERE configuration = ?1 AND received_at >= ?2 AND received_at < ?3 AND grp = ?4";

const LAST_DELIVERY: &str = "SELECT received_at FROM events
    WHERE configuration = ?1 AND grp = ?2 AND fetched_from IS NULL ORDER BY number DESC LIMIT 1";

/// How long a count is built upon before all are counted again.
const COUNTED: Duration = Duration::from_secs(60);

/// How many events there were.
pub(super) struct Counted {
    at: Instant,
    oldest: i64,
    newest: i64,
    count: u64,
}

const COLUMNS: &str = "number, id, received_at, grp, event, ticket_id, on_pia_board, ticket, ticket_problem, forward, \
                       forward_attempts, forward_at, forward_error, sent_at, fetched_from, not_understood";

/// The events after `?2`, `?3` at most. The state stands in the text, and not in a parameter: so its index is found.
fn listing(oldest_first: bool, state: Option<ForwardState>) -> String {
    let order = if oldest_first { "ASC" } else { "DESC" };
    let state = state.map_or(String::new(), |state| format!("AND forward = '{}'", state.word()));
    format!(
        "SELECT {COLUMNS} FROM events WHERE configuration = ?1 AND number > ?2 {state} ORDER BY number {order} LIMIT ?3"
    )
}

fn event(row: &Row<'_>) -> Result<Event, Trouble> {
    let group: String = row.get("grp")?;
    let forward: Option<String> = row.get("forward")?;
    let forwarding = match forward {
        None => None,
        Some(word) => Some(Forwarding {
            state: ForwardState::of_word(&word).ok_or(Trouble::Content("the state of an event"))?,
            attempts: row.get("forward_attempts")?,
            next_at: row.get::<Option<i64>>("forward_at")?.map(moment).transpose()?,
            last_error: row.get("forward_error")?,
        }),
    };
    let ticket: Option<String> = row.get("ticket")?;
    Ok(Event {
        number: row.get("number")?,
        id: Untrusted::new(row.get::<String>("id")?).display(),
        received_at: moment(row.get("received_at")?)?,
        sent_at: row.get::<Option<i64>>("sent_at")?.map(moment).transpose()?,
        fetched_from: row.get::<Option<String>>("fetched_from")?.and_then(|word| FetchedFrom::of_word(&word)),
        not_understood: row.get("not_understood")?,
        group: EventGroup::ALL
            .into_iter()
            .find(|known| known.slug() == group)
            .ok_or(Trouble::Content("the group of an event"))?,
        event: row.get::<Option<String>>("event")?.map(Untrusted::new),
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

pub(super) fn moment(milliseconds: i64) -> Result<Timestamp, Trouble> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| Trouble::Content("a time"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Incoming;
    use crate::store::old_events::{KEPT, KEPT_TO_FORWARD, OLD};
    use crate::store::test_support::{file_store, id, opener, store};
    use crate::store::{NewEvent, STEP, Snapshot, schema};

    fn now() -> Timestamp {
        "2026-11-23T10:53:00Z".parse().unwrap()
    }

    fn incoming(event_id: Option<&str>, ticket_id: Option<i64>) -> NewEvent<'static> {
        NewEvent {
            configuration: id("acme"),
            group: EventGroup::TicketCreated,
            incoming: Incoming {
                id: event_id.map(ToOwned::to_owned),
                event: Some("New Ticket Logged".to_owned()),
                ticket_id,
                sent_at: None,
                not_understood: None,
                body: "{}".into(),
            },
            received_at: now(),
            fetched_from: None,
            forward: true,
        }
    }

    fn ticket(team: &str) -> Ticket {
        serde_json::from_value(json!({ "id": 7, "team": team, "summary": "a\u{202e}b" })).unwrap()
    }

    /// Forgets what there is to forget, in as many steps as it takes.
    fn forget(store: &Store, now: Timestamp) -> usize {
        let old = store.old_events(now).unwrap();
        std::iter::repeat_with(|| store.forget_events(old).unwrap()).take_while(|count| *count > 0).sum()
    }

    /// R71: a copy, now or much later, in a batch or alone, is known; another configuration's event is not a copy.
    #[test]
    fn event_is_stored_once() {
        let (_folder, mut store) = store();
        let open = opener(&store);
        let batch = [incoming(Some("a"), Some(7)), incoming(Some("b"), Some(7)), incoming(Some("a"), Some(7))];
        assert_eq!(store.add_events(batch.clone()).unwrap(), [true, true, false]);
        assert_eq!(store.add_events(batch[..1].to_vec()).unwrap(), [false]);
        let other = NewEvent { configuration: id("trial"), ..incoming(Some("a"), None) };
        assert_eq!(store.add_events([other]).unwrap(), [true]);
        // Without an id of Halo's, two are two: dropping a true one would be worse.
        assert_eq!(store.add_events([incoming(None, Some(7)), incoming(None, Some(7))]).unwrap(), [true, true]);
        // A second, an hour, a week and more later, each time by another process.
        for later in [1, 3_600, 7 * 86_400, 8 * 86_400, 29 * 86_400].map(SignedDuration::from_secs) {
            forget(&store, now() + later);
            drop(store);
            store = open();
            let again = NewEvent { received_at: now() + later, forward: false, ..batch[0].clone() };
            assert_eq!(store.add_events([again]).unwrap(), [false], "{later:?} later");
        }
    }

    #[test]
    fn events_that_share_id_and_tell_of_others_are_each_stored() {
        let (_folder, store) = store();
        let named = |event: NewEvent<'static>, name: &str| NewEvent {
            incoming: Incoming { event: Some(name.to_owned()), ..event.incoming },
            ..event
        };
        let batch = [incoming(Some("a"), Some(7)), incoming(Some("a"), Some(8)), incoming(Some("a"), None)];
        let closed = named(batch[0].clone(), "Ticket Closed");
        let batch = [&batch[..], &[closed]].concat();
        assert_eq!(store.add_events(batch.clone()).unwrap(), [true; 4]);
        assert_eq!(store.add_events(batch).unwrap(), [false; 4]);
    }

    /// What is not understood may hold another event: it is no copy of one that tells something else.
    #[test]
    fn event_that_is_not_understood_is_known_by_its_every_letter() {
        let (_folder, store) = store();
        let told = |body: &'static str, not_understood: Option<&str>| {
            let event = incoming(Some("a"), Some(7));
            let not_understood = not_understood.map(str::to_owned);
            NewEvent { incoming: Incoming { body: body.into(), not_understood, ..event.incoming }, ..event }
        };
        let batch = [told("{1}", None), told("{1}{2}", Some("odd")), told("{1}{3}", Some("odd")), told("{4}", None)];
        assert_eq!(store.add_events(batch.clone()).unwrap(), [true, true, true, false]);
        assert_eq!(store.add_events(batch).unwrap(), [false; 4]);
        let other = |event: NewEvent<'static>| NewEvent { configuration: id("trial"), ..event };
        let first = [told("{1}{2}", Some("odd")), told("{1}", None)].map(other);
        assert_eq!(store.add_events(first).unwrap(), [true, true], "the good one is no copy of the bad one");
    }

    /// Whatever became of it: not forwarded at all, forwarded, given up. One that waits has three days more.
    #[test]
    fn old_events_go_and_pending_ones_three_days_later() {
        let (_folder, store) = store();
        let names = ["waits", "taken", "given up"];
        store.add_events(names.map(|name| incoming(Some(name), None))).unwrap();
        store.add_events([NewEvent { forward: false, ..incoming(Some("stays here"), Some(7)) }]).unwrap();
        for (number, state) in [(2, ForwardState::Delivered), (3, ForwardState::Undelivered)] {
            store.forwarded(&id("acme"), number, state, None, None, now()).unwrap();
        }
        let left = || -> Vec<String> {
            store.events(&id("acme"), None, None, 10).unwrap().into_iter().map(|event| event.id).collect()
        };
        let second = SignedDuration::from_secs(1);
        assert_eq!((forget(&store, now() + KEPT), left().len()), (0, 4));
        assert_eq!((forget(&store, now() + KEPT + second), left()), (3, vec!["waits".to_owned()]));
        assert_eq!(forget(&store, now() + KEPT + KEPT_TO_FORWARD), 0, "as long as a try of the last day may go on");
        assert_eq!((forget(&store, now() + KEPT + KEPT_TO_FORWARD + second), left().len()), (1, 0));
    }

    /// However many there are, one write takes a thousand: whoever stores a callback comes in between.
    #[test]
    fn old_events_go_in_steps() {
        let (_folder, store) = store();
        let event = NewEvent { forward: false, ..incoming(None, None) };
        store.add_events(vec![event; 2 * STEP + 500]).unwrap();
        let old = store.old_events(now() + 2 * KEPT).unwrap();
        let steps: Vec<usize> = (0..4).map(|_| store.forget_events(old).unwrap()).collect();
        assert_eq!(steps, [STEP, STEP, 500, 0]);
    }

    #[test]
    fn file_shrinks_once_most_of_it_is_deleted() {
        let (_folder, store) = file_store();
        let size = || std::fs::metadata(store.path()).unwrap().len();
        let long = format!(r#"{{"event":"x","summary":"{}"}}"#, "x".repeat(600_000));
        for _ in 0..10 {
            let mut event = incoming(None, None);
            event.incoming.body = long.as_str().into();
            store.add_events([event]).unwrap();
        }
        store.ask(|db| Ok(db.sqlite().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?)).unwrap();
        let full = size();
        store.give_back().unwrap();
        assert_eq!(size(), full, "nothing was deleted");
        store.forget(&id("acme")).unwrap();
        // A backup that still reads is not waited for, with everybody else's writes behind it.
        let reads = Snapshot::take(store.path()).unwrap();
        let began = Instant::now();
        store.give_back().unwrap();
        assert!(began.elapsed() < schema::PATIENCE, "{:?}", began.elapsed());
        drop(reads);
        store.ask(|db| Ok(db.sqlite().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?)).unwrap();
        assert!(full > 5 << 20 && size() < 1 << 20, "{full} and then {}", size());
    }

    #[test]
    fn clock_that_is_years_ahead_does_not_forget_everything() {
        let (_folder, store) = store();
        for day in 0..30 {
            let received_at = now() + SignedDuration::from_hours(24 * day);
            store.add_events([NewEvent { received_at, forward: false, ..incoming(None, None) }]).unwrap();
        }
        let far = now() + SignedDuration::from_hours(24 * 3_650);
        assert_eq!(forget(&store, far), 2);
        assert_eq!(forget(&store, now() + SignedDuration::from_hours(24 * 30)), 0, "put right");
        // The machine was off for long: day by day the old ones go.
        for _ in 0..14 {
            assert_eq!(forget(&store, far), 2);
        }
        assert_eq!(store.count_events(&id("acme")).unwrap(), 0);
    }

    /// Only the new ones are counted; what is forgotten is noticed.
    #[test]
    fn count_of_events_follows_what_comes_and_goes() {
        let (_folder, store) = store();
        let names = ["a", "b", "c"];
        let count = || store.count_events(&id("acme")).unwrap();
        assert_eq!(count(), 0);
        for (at, name) in names.into_iter().enumerate() {
            // The one between the others is forgotten first.
            store.add_events([NewEvent { forward: name != "b", ..incoming(Some(name), None) }]).unwrap();
            assert_eq!(count(), at as u64 + 1);
        }
        assert_eq!(store.last_deliveries(&id("acme")).unwrap(), [(EventGroup::TicketCreated, now())]);
        forget(&store, now() + KEPT + SignedDuration::from_secs(1));
        assert_eq!(count(), 2);
        forget(&store, now() + KEPT + KEPT_TO_FORWARD + SignedDuration::from_secs(1));
        assert_eq!((count(), store.last_deliveries(&id("acme")).unwrap()), (0, Vec::new()));
    }

    /// What every look at the service asks, and what is asked for each event: by an index, whatever else is stored.
    #[test]
    fn nothing_that_is_asked_often_looks_at_every_event() {
        let (_folder, store) = file_store();
        let old = format!("SELECT number FROM events WHERE {OLD} ORDER BY received_at LIMIT {STEP}");
        let questions = [
            (EVENT_COUNT.to_owned(), "COVERING INDEX"),
            (EVENT_ENDS.to_owned(), "COVERING INDEX"),
            (BETWEEN.to_owned(), "INDEX events_by_arrival"),
            (LAST_DELIVERY.to_owned(), "INDEX events_delivered"),
            (FORWARD_COUNTS.to_owned(), "INDEX events_given_up"),
            (FORWARD_COUNTS.to_owned(), "INDEX events_to_forward"),
            (OLDEST_TO_FORWARD.to_owned(), "INDEX events_to_forward"),
            (listing(false, None), "INDEX events_of_configuration"),
            (listing(true, Some(ForwardState::Undelivered)), "INDEX events_given_up"),
            (old, "INDEX events_by_age"),
            (format!("SELECT min(received_at) FROM events WHERE {OLD}"), "INDEX events_by_age"),
        ];
        for (question, wanted) in questions {
            let plan: Vec<String> = store
                .ask(|db| {
                    let mut plan = db.sqlite().prepare(&format!("EXPLAIN QUERY PLAN {question}"))?;
                    let steps = plan.parameter_count();
                    let rows = plan.query_map(rusqlite::params_from_iter(vec![1; steps]), |row| row.get(3))?;
                    Ok(rows.collect::<Result<_, _>>()?)
                })
                .unwrap();
            let plan = plan.join("; ");
            assert!(
                plan.contains(wanted) && !plan.contains("SCAN events") && !plan.contains("TEMP"),
                "{question}: {plan}"
            );
        }
    }

    #[test]
    fn one_answer_serves_all_earlier_events_of_its_ticket() {
        let (_folder, store) = store();
        store
            .add_events([incoming(Some("a"), Some(7)), incoming(Some("b"), Some(8)), incoming(Some("c"), Some(7))])
            .unwrap();
        let waiting = store.events_to_look_up(&id("acme"), 0, 10).unwrap();
        assert_eq!(waiting.iter().map(|event| event.ticket_id).collect::<Vec<_>>(), [7, 8, 7]);
        let last = waiting[2].number;
        store.add_events([incoming(Some("d"), Some(7))]).unwrap();
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

    /// One that waited for the store is old when it gets there, and its ticket is not known yet.
    #[test]
    fn event_stored_late_waits_for_its_ticket() {
        let (_folder, store) = store();
        let (acme, late) = (id("acme"), now() + SignedDuration::from_mins(10));
        store.add_late_events([incoming(Some("a"), Some(7)), incoming(Some("b"), Some(8))], late).unwrap();
        let due = |now| -> Vec<String> {
            store.events_to_forward(&acme, now, 10).unwrap().into_iter().map(|due| due.event.id).collect()
        };
        assert_eq!(due(late), [""; 0]);
        assert_eq!(store.next_forward_at(&acme).unwrap(), Some(late + WAITS_FOR_TICKET));
        store.looked_up(&acme, i64::MAX, 7, Err("")).unwrap();
        assert_eq!(due(late), ["a"]);
        assert_eq!(due(late + WAITS_FOR_TICKET), ["a", "b"]);
        // A try that has failed waits for its time, whatever is known of the ticket since.
        let next = late + SignedDuration::from_mins(5);
        store.forwarded(&acme, 2, ForwardState::Pending, Some(next), Some("503"), late).unwrap();
        store.looked_up(&acme, i64::MAX, 8, Err("")).unwrap();
        assert_eq!(due(late + WAITS_FOR_TICKET), ["a"]);
    }

    /// Forwarding keeps the order of each ticket: nothing overtakes an event that waits.
    #[test]
    fn events_of_one_ticket_are_forwarded_in_order() {
        let (_folder, store) = store();
        let acme = id("acme");
        store
            .add_events([incoming(Some("a"), Some(7)), incoming(Some("b"), Some(7)), incoming(Some("c"), Some(8))])
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
        store.add_events([incoming(Some("d"), Some(7))]).unwrap();
        assert_eq!(due(later), ["a", "c"]);
        assert_eq!(store.next_forward_at(&acme).unwrap(), Some(later));
        store.forwarded(&acme, 4, ForwardState::Delivered, None, None, now()).unwrap();
        store.forwarded(&acme, 1, ForwardState::Undelivered, None, Some("503"), later).unwrap();
        assert_eq!(due(later), ["b", "c"], "what is given up holds up nothing");
        assert_eq!(store.forward_counts(&acme).unwrap(), (2, 1));
        assert!(store.oldest_to_forward(&acme).unwrap().is_some());
        assert_eq!(store.forward_again(&acme, None).unwrap(), 1);
        assert_eq!(due(later), ["a", "c"]);
        store.forwarded(&acme, 1, ForwardState::Delivered, None, None, later).unwrap();
        let given = store.events(&acme, None, Some(ForwardState::Delivered), 10).unwrap();
        assert_eq!(given[0].forwarding.as_ref().map(|forwarding| forwarding.attempts), Some(1));
    }

    /// Sending again keeps the order of the ticket: the older ones that were given up go first, the newer ones wait.
    #[test]
    fn event_sent_again_follows_older_ones_of_its_ticket() {
        let (_folder, store) = store();
        let acme = id("acme");
        let tickets = [("a", 7), ("b", 7), ("x", 8), ("c", 7), ("d", 7)];
        store.add_events(tickets.map(|(name, ticket)| incoming(Some(name), Some(ticket)))).unwrap();
        store.looked_up(&acme, i64::MAX, 7, Err("")).unwrap();
        store.looked_up(&acme, i64::MAX, 8, Err("")).unwrap();
        let set = |number, state| store.forwarded(&acme, number, state, None, None, now()).unwrap();
        // Given up, taken, given up, given up; the last one waits.
        let states = [ForwardState::Undelivered, ForwardState::Delivered];
        for (number, state) in [(1, 0), (2, 1), (3, 0), (4, 0)] {
            set(number, states[state]);
        }
        let mut order = Vec::new();
        assert_eq!(store.forward_again(&acme, Some("c")).unwrap(), 2, "with a, and neither b nor x");
        while let Some(due) = store.events_to_forward(&acme, now(), 10).unwrap().first() {
            assert_eq!(store.events_to_forward(&acme, now(), 10).unwrap().len(), 1);
            set(due.event.number, ForwardState::Delivered);
            order.push(due.event.id.clone());
        }
        assert_eq!(order, ["a", "c", "d"]);
        assert_eq!(store.forward_again(&acme, Some("nobody")).unwrap(), 0);
        assert_eq!(store.forward_counts(&acme).unwrap(), (0, 1));
    }

    #[test]
    fn events_can_be_followed_and_looked_at() {
        let (_folder, store) = store();
        store.add_events([incoming(Some("a"), None), incoming(Some("b"), None), incoming(Some("c"), None)]).unwrap();
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
