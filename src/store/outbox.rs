//! Clients on their way to Pia: what each sync changed, kept until it was taken; nothing where clients are not forwarded.

use jiff::Timestamp;
use uuid::Uuid;

use super::changes::each_change;
use super::clients::{Moment, client};
use super::database::{Database, Row, args};
use super::error::Trouble;
use super::events::moment;
use super::{RunId, Store, StoreError, count_in, time_in, time_out};
use crate::domain::client::StoredClient;
use crate::domain::configuration::ConfigurationId;
use crate::domain::sync_run::{ChangeKind, ClientEvent};
use crate::domain::untrusted::Untrusted;

/// Beyond twice the list and this, the whole list takes the place of what waits: a receiver that is away for long gets each
/// client as it is then, and the outbox stays as long as the list is.
const SPARE: i64 = 1_000;

/// A client that is to be forwarded now.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientToForward {
    /// Its place among the others.
    pub number: i64,
    /// The id of the message, the same at each try.
    pub message: String,
    /// What is told of it.
    pub what: ClientEvent,
    /// The run that has changed it.
    pub run: Option<i64>,
    /// When that was.
    pub at: Timestamp,
    /// The client as it was then.
    pub client: StoredClient,
    /// Its name before, where that was another one.
    pub name_before: Option<Untrusted>,
    /// Tries that failed.
    pub attempts: usize,
}

/// How a try to forward a client has ended: none where it was taken, or when it is tried again.
pub type ForwardTry = (i64, Option<Timestamp>);

impl Store {
    /// Whether the clients of a configuration are forwarded.
    pub fn forwards_clients(&self, id: &ConfigurationId) -> Result<bool, StoreError> {
        self.ask(|db| forwards_clients(db, id))
    }

    /// From now on, what a sync changes is kept to be forwarded. The list that is there already is forwarded as added;
    /// answers how many those are, and none where it was so before.
    pub fn begin_to_forward_clients(&self, id: &ConfigurationId, now: Timestamp) -> Result<Option<u64>, StoreError> {
        self.with(|inner| {
            if forwards_clients(&inner.database, id)? {
                return Ok(None);
            }
            self.write_in(&mut inner.database, |db| {
                db.execute(
                    "INSERT INTO configurations (id, hands_on) VALUES (?1, 1) ON CONFLICT (id) DO UPDATE SET hands_on = 1",
                    args![id.as_str()],
                )?;
                keep_all(db, id, ClientEvent::Change(ChangeKind::Added), &time_out(now)).map(Some)
            })
        })
    }

    /// Nothing is forwarded any more, and nothing is kept for it.
    pub fn end_forwarding_clients(&self) -> Result<(), StoreError> {
        self.with(|inner| {
            let sql = "SELECT EXISTS (SELECT 1 FROM configurations WHERE hands_on = 1)";
            if !inner.database.value::<bool>(sql, &[])? {
                return Ok(());
            }
            self.write_in(&mut inner.database, |db| {
                db.execute("DELETE FROM outbox", &[])?;
                db.execute("UPDATE configurations SET hands_on = 0", &[]).map(drop)
            })
        })
    }

    /// Puts every client, as it is stored now, behind what waits to be forwarded; answers how many, and none where nothing
    /// is forwarded.
    pub fn forward_all_clients(&self, id: &ConfigurationId, now: Timestamp) -> Result<Option<u64>, StoreError> {
        self.write(|db| {
            if !forwards_clients(db, id)? {
                return Ok(None);
            }
            // One that was asked for before and was not taken yet says less than this one.
            let older = args![id.as_str(), ClientEvent::Snapshot.word()];
            db.execute("DELETE FROM outbox WHERE configuration = ?1 AND what = ?2", older)?;
            let now = time_out(now);
            let count = keep_all(db, id, ClientEvent::Snapshot, &now)?;
            keep_within_bounds(db, id, &now)?;
            Ok(Some(count))
        })
    }

    /// The clients that are to be forwarded now, the oldest change first. Those of one client go one after the other, so
    /// only its oldest is here.
    pub fn clients_to_forward(
        &self,
        id: &ConfigurationId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClientToForward>, StoreError> {
        let sql = format!(
            "SELECT client, name, toplevel, main_site, inactive, gone, first_seen, last_seen, left_out, NULL, NULL,
                        NULL, number, message, what, run, at, name_before, attempts
                 FROM outbox o WHERE configuration = ?1 AND (next_at IS NULL OR next_at <= ?2) AND {OLDEST}
                 ORDER BY number LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.ask(|db| db.rows(&sql, args![id.as_str(), now.as_millisecond(), limit], to_forward))
    }

    /// When the next client that was not taken is tried again; none where none waits for its time.
    pub fn next_client_at(&self, id: &ConfigurationId) -> Result<Option<Timestamp>, StoreError> {
        let sql = format!("SELECT min(next_at) FROM outbox o WHERE configuration = ?1 AND {OLDEST}");
        self.ask(|db| {
            let next: Option<i64> = db.value(&sql, args![id.as_str()])?;
            next.map(moment).transpose()
        })
    }

    /// Remembers how tries have ended: what was taken is not kept any longer.
    pub fn clients_forwarded(&self, tries: &[ForwardTry]) -> Result<(), StoreError> {
        self.write(|db| {
            for (number, next) in tries {
                match next {
                    None => db.execute("DELETE FROM outbox WHERE number = ?1", args![*number])?,
                    Some(next) => db.execute(
                        "UPDATE outbox SET attempts = attempts + 1, next_at = ?2 WHERE number = ?1",
                        args![*number, next.as_millisecond()],
                    )?,
                };
            }
            Ok(())
        })
    }

    /// How many changes of clients wait to be forwarded.
    pub fn count_clients_to_forward(&self, id: &ConfigurationId) -> Result<u64, StoreError> {
        self.ask(|db| Ok(count_in(waiting(db, id)?)))
    }
}

/// Nothing of a client overtakes what waits of it.
const OLDEST: &str = "NOT EXISTS (SELECT 1 FROM outbox b WHERE b.configuration = o.configuration
                                  AND b.client = o.client AND b.number < o.number)";

/// A row for a client as it is stored now. `last_seen` is empty there while every sync sees it.
const KEEP: &str = "
INSERT INTO outbox (configuration, client, message, what, run, at, name_before, name, toplevel, main_site, inactive, gone,
                    left_out, first_seen, last_seen)
SELECT c.configuration, c.id, ?3, ?4, ?5, ?6, ?7, c.name, c.toplevel, c.main_site, c.inactive, c.gone, c.left_out,
       c.first_seen, coalesce(c.last_seen, (SELECT published_at FROM configurations WHERE id = ?1))
FROM clients c WHERE c.configuration = ?1 AND c.id = ?2";

/// The id of a message.
fn message() -> String {
    Uuid::new_v4().simple().to_string()
}

/// Keeps what a run has changed, by its report, to be forwarded; nothing where clients are not.
pub(super) fn keep(db: &Database, id: &ConfigurationId, run: RunId, now: &str) -> Result<(), Trouble> {
    if !forwards_clients(db, id)? {
        return Ok(());
    }
    let mut keep = db.prepare(KEEP)?;
    each_change(db, run, |line| {
        let before = line.name_before.as_ref().map(Untrusted::raw);
        keep.execute(args![id.as_str(), line.id, message(), line.change.word(), run.0, now, before]).map(drop)
    })?;
    keep_within_bounds(db, id, now)
}

fn keep_all(db: &Database, id: &ConfigurationId, what: ClientEvent, now: &str) -> Result<u64, Trouble> {
    let clients: Vec<i64> =
        db.rows("SELECT id FROM clients WHERE configuration = ?1 ORDER BY id", args![id.as_str()], |row| row.get(0))?;
    let mut keep = db.prepare(KEEP)?;
    for client in &clients {
        let none: (Option<i64>, Option<&str>) = (None, None);
        keep.execute(args![id.as_str(), *client, message(), what.word(), none.0, now, none.1])?;
    }
    Ok(clients.len() as u64)
}

fn keep_within_bounds(db: &Database, id: &ConfigurationId, now: &str) -> Result<(), Trouble> {
    let sql = "SELECT count(*) FROM clients WHERE configuration = ?1";
    let stored: i64 = db.value(sql, args![id.as_str()])?;
    if waiting(db, id)? <= 2 * stored + SPARE {
        return Ok(());
    }
    db.execute("DELETE FROM outbox WHERE configuration = ?1", args![id.as_str()])?;
    keep_all(db, id, ClientEvent::Snapshot, now)?;
    Ok(())
}

fn forwards_clients(db: &Database, id: &ConfigurationId) -> Result<bool, Trouble> {
    let found = db.first("SELECT hands_on FROM configurations WHERE id = ?1", args![id.as_str()], |row| row.get(0))?;
    Ok(found.unwrap_or(false))
}

fn waiting(db: &Database, id: &ConfigurationId) -> Result<i64, Trouble> {
    db.value("SELECT count(*) FROM outbox WHERE configuration = ?1", args![id.as_str()])
}

fn to_forward(row: &Row<'_>) -> Result<ClientToForward, Trouble> {
    let what: String = row.get("what")?;
    Ok(ClientToForward {
        number: row.get("number")?,
        message: row.get("message")?,
        what: ClientEvent::from_word(&what).ok_or(Trouble::Content("a change"))?,
        run: row.get("run")?,
        at: time_in(&row.get::<String>("at")?)?,
        client: client(row, None, &mut [Moment::default(), Moment::default()])?,
        name_before: row.get::<Option<String>>("name_before")?.map(Untrusted::new),
        attempts: count_in(row.get("attempts")?) as usize,
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::client::Client;
    use crate::store::test_support::{at, client, id, store, sync};

    fn waiting(store: &Store) -> Vec<(i64, &'static str, String)> {
        let due = store.clients_to_forward(&id("acme"), at(1_000_000), 10_000).unwrap();
        due.into_iter().map(|due| (due.client.client.id, due.what.event(), due.client.client.name.display())).collect()
    }

    fn take_all(store: &Store) -> Vec<(i64, &'static str, String)> {
        let mut taken = Vec::new();
        loop {
            let due = waiting(store);
            if due.is_empty() {
                return taken;
            }
            taken.extend(due);
            let numbers = store.clients_to_forward(&id("acme"), at(1_000_000), 10_000).unwrap();
            let tries: Vec<ForwardTry> = numbers.iter().map(|due| (due.number, None)).collect();
            store.clients_forwarded(&tries).unwrap();
        }
    }

    fn list(names: &[(i64, &str)]) -> Vec<Client> {
        names.iter().map(|(id, name)| client(*id, name)).collect()
    }

    #[test]
    fn nothing_is_kept_where_nobody_forwards() {
        let (_folder, store) = store();
        sync(&store, "acme", 1, &list(&[(1, "Acme"), (2, "Zest")]));
        assert_eq!(store.count_clients_to_forward(&id("acme")).unwrap(), 0);
        assert_eq!(store.forward_all_clients(&id("acme"), at(2)).unwrap(), None);
        // Whoever begins is told the list; whoever stops has nothing left behind.
        assert_eq!(store.begin_to_forward_clients(&id("acme"), at(2)).unwrap(), Some(2));
        assert_eq!(store.begin_to_forward_clients(&id("acme"), at(3)).unwrap(), None);
        assert_eq!(waiting(&store).len(), 2);
        store.end_forwarding_clients().unwrap();
        sync(&store, "acme", 4, &list(&[(1, "Acme"), (2, "Zest"), (3, "New")]));
        assert_eq!(store.count_clients_to_forward(&id("acme")).unwrap(), 0);
    }

    #[test]
    fn each_change_is_kept_once_and_in_order() {
        let (_folder, store) = store();
        store.begin_to_forward_clients(&id("acme"), at(1)).unwrap();
        sync(&store, "acme", 2, &list(&[(1, "Acme"), (2, "Zest")]));
        sync(&store, "acme", 3, &list(&[(1, "Acme Ltd"), (2, "Zest")]));
        sync(&store, "acme", 4, &list(&[(2, "Zest")]));
        sync(&store, "acme", 5, &list(&[(1, "Acme Ltd"), (2, "Zest")]));
        let named = |id: i64, event, name: &str| (id, event, name.to_owned());
        assert_eq!(
            take_all(&store),
            [
                named(1, "client.added", "Acme"),
                named(2, "client.added", "Zest"),
                named(1, "client.updated", "Acme Ltd"),
                named(1, "client.disabled", "Acme Ltd"),
                named(1, "client.returned", "Acme Ltd"),
            ]
        );
        sync(&store, "acme", 6, &list(&[(1, "Acme Ltd"), (2, "Zest")]));
        assert_eq!(take_all(&store), [], "a sync that changes nothing");
        assert_eq!(store.forward_all_clients(&id("acme"), at(7)).unwrap(), Some(2));
        assert_eq!(store.forward_all_clients(&id("acme"), at(8)).unwrap(), Some(2));
        assert_eq!(
            take_all(&store),
            [named(1, "client.snapshot", "Acme Ltd"), named(2, "client.snapshot", "Zest")],
            "the second takes the place of the first"
        );
    }

    /// What waits of a client is not overtaken by what came after it, and each try has the same id.
    #[test]
    fn client_that_is_not_taken_holds_up_itself_alone() {
        let (_folder, store) = store();
        store.begin_to_forward_clients(&id("acme"), at(1)).unwrap();
        sync(&store, "acme", 2, &list(&[(1, "Acme"), (2, "Zest")]));
        sync(&store, "acme", 3, &list(&[(1, "Acme Ltd"), (2, "Zest Ltd")]));
        let due = |now| store.clients_to_forward(&id("acme"), now, 10).unwrap();
        let first = due(at(4));
        let later = at(4) + SignedDuration::from_secs(5);
        store.clients_forwarded(&[(first[0].number, Some(later)), (first[1].number, None)]).unwrap();
        let now: Vec<i64> = due(at(5)).iter().map(|due| due.client.client.id).collect();
        assert_eq!((now, store.next_client_at(&id("acme")).unwrap().is_some()), (vec![2], true));
        let again = &due(later)[0];
        assert_eq!((&again.message, again.attempts), (&first[0].message, 1));
        assert_ne!(first[0].message, first[1].message);
    }

    /// The receiver is away, and everything changes again and again.
    #[test]
    fn what_waits_is_never_much_longer_than_list() {
        let (_folder, store) = store();
        store.begin_to_forward_clients(&id("acme"), at(1)).unwrap();
        let clients = |turn: i64| -> Vec<Client> { (1..=300).map(|n| client(n, &format!("{n} in {turn}"))).collect() };
        for turn in 2..12 {
            sync(&store, "acme", turn, &clients(turn));
            assert!(store.count_clients_to_forward(&id("acme")).unwrap() <= 1_600);
        }
        let taken = take_all(&store);
        assert_eq!(taken[0], (1, "client.snapshot", "1 in 7".to_owned()));
        let last: Vec<_> = taken.iter().filter(|(client, ..)| *client == 300).map(|(.., name)| name.as_str()).collect();
        assert_eq!(last, ["300 in 7", "300 in 8", "300 in 9", "300 in 10", "300 in 11"]);
    }
}
