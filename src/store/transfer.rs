//! Everything of a store, put into another one: from a file to a server, or back.

use std::sync::Arc;

use jiff::Timestamp;

use super::copy::{Sum, sum};
use super::database::{Address, Database, GoOn, Holding, Installation, Table, Value};
use super::error::Trouble;
use super::{NamedLock, Proof, Store, StoreError, host_name, maybe_time_in, schema, settings, time_out};
use crate::domain::host::Host;

/// Rows that are written at once, and the bytes of text from which on they are. A server ends a session that says nothing for
/// long, so they do not gather for long.
const ROWS: usize = 100;
const BYTES: usize = 1 << 20;

/// What SQLite notes the numbers in that it gave last.
const NUMBERS: &str = "sqlite_sequence";

/// The tables that are not copied: numbers, which follow from the rows, and what hosts have in common.
const BESIDE: [&str; 4] = [NUMBERS, settings::TABLE, "trails", "trail"];

/// A PostgreSQL that was signed in to, with what is there. Nothing is written by that.
pub struct Remote {
    database: Database,
    /// The version of the form that is there; none where nothing is.
    form: Option<i64>,
    shown: String,
    go_on: GoOn,
    alone: Option<Holding>,
    /// For which installation every other one is kept away, once one is: what it holds lasts as long as that.
    own: Option<Installation>,
}

/// What is in a store on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The machine whose copy it is, and as of when; none where that is not known.
    pub copied: Option<(String, Timestamp)>,
    /// Clients of all configurations.
    pub clients: u64,
    /// Events of all configurations.
    pub events: u64,
    /// Rows of every other kind.
    pub others: u64,
    /// Who has saved the settings there that hosts have in common, and on which host; none where there are none.
    pub settings: Option<(String, String)>,
}

impl Held {
    /// Whether there is anything but settings.
    pub fn has_rows(&self) -> bool {
        self.clients + self.events + self.others > 0
    }
}

impl Remote {
    /// Signs in, and looks what is there. What is done from then on ends soon once `go_on` says no.
    ///
    /// # Errors
    ///
    /// [`StoreError::Server`] with what is in the way: also a store of a newer program, or tables of another one.
    pub fn open(server: &Address, go_on: GoOn) -> Result<Self, StoreError> {
        let (database, form) = Database::look(server).map_err(|trouble| trouble.on(server.shown()))?;
        database.heed(&go_on);
        Ok(Self { database, form, shown: server.shown().to_owned(), go_on, alone: None, own: None })
    }

    /// From now on nothing is kept of a copy that has lost this lock on its way: another one may have been begun.
    pub fn under(&mut self, lock: &NamedLock) {
        self.alone = Some(lock.held);
    }

    /// Keeps every other installation away from the store there, as long as this is open.
    ///
    /// # Errors
    ///
    /// [`StoreError::Server`] where one works with it now.
    pub fn come_in(&mut self, own: &Installation) -> Result<(), StoreError> {
        if self.own.is_none() {
            let come_in = self.database.come_in(own, self.form.is_some());
            come_in.map_err(|trouble| trouble.on(&self.shown))?;
            self.own = Some(own.clone());
        }
        Ok(())
    }

    /// The version of the form that is there; none where nothing is.
    pub fn form(&self) -> Option<i64> {
        self.form
    }

    /// Whether it is the form that this program makes.
    pub fn is_of_now(&self) -> bool {
        self.form == Some(schema::VERSION)
    }

    /// The server and its database, for a person.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// What is in the store there; none where there is not one row.
    pub fn holds(&mut self) -> Result<Option<Held>, StoreError> {
        if self.form.is_none() {
            return Ok(None);
        }
        self.database.read(held).map_err(|trouble| trouble.on(&self.shown))
    }

    /// Puts everything that is in a store now there, in place of what is there, in one step, and says what both hold then.
    /// Where `expected` is given, not if anything else is there now. A copy says of when it is; what was moved is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] of the one that cannot be read or written, [`StoreError::Stopped`]; what is there is as it was then, but
    /// for [`ServerFault::Unknown`](super::ServerFault::Unknown).
    pub fn take(
        &mut self,
        from: &Store,
        expected: Option<&Option<Held>>,
        copied: Option<Timestamp>,
    ) -> Result<Option<Proof>, StoreError> {
        let (shown, go_on) = (self.shown.clone(), Arc::clone(&self.go_on));
        let alone = self.alone;
        let note = copied.map(|at| (host_name(), time_out(at)));
        let target = &mut self.database;
        let copied = from.read(|source| {
            Ok(target.write(|target| {
                require_alone(target, alone)?;
                target.bring_up()?;
                if let Some(expected) = expected
                    && held(target)? != *expected
                {
                    return Ok(None);
                }
                let proof = fill(source, target, &|trouble| from.told(trouble, source), &*go_on)?;
                target.set_copied(note.as_ref().map(|(host, at)| (host.as_str(), at.as_str())))?;
                require_alone(target, alone)?;
                Ok(Some(proof))
            }))
        })?;
        copied.map_err(|trouble| trouble.on(&shown))
    }

    /// Puts everything that is there now into a store, in place of what is in that, and says what both hold then.
    ///
    /// # Errors
    ///
    /// As [`Remote::take`]; the store is as it was then.
    pub fn give(&mut self, to: &Store) -> Result<Proof, StoreError> {
        let (shown, go_on) = (self.shown.clone(), Arc::clone(&self.go_on));
        let alone = self.alone;
        let copied = self.database.read_upgraded(self.form.unwrap_or(schema::VERSION), |source| {
            Ok(to.write(|target| {
                let told = |trouble: Trouble| trouble.on(&shown);
                let require_alone =
                    || require_alone(source, alone).map_err(|trouble| Trouble::Elsewhere(Box::new(told(trouble))));
                require_alone()?;
                let proof = fill(source, target, &told, &*go_on)?;
                require_alone()?;
                Ok(proof)
            }))
        });
        copied.map_err(|trouble| trouble.on(&self.shown))?
    }
}

fn require_alone(server: &Database, lock: Option<Holding>) -> Result<(), Trouble> {
    lock.map_or(Ok(()), |held| server.require_lock(&held))
}

/// What a store is, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The engine, with its version.
    pub engine: (&'static str, String),
    /// Where it is: its file, or the server and its database.
    pub place: String,
    /// The version of its form; none where nothing was made yet.
    pub form: Option<i64>,
    /// How much room it takes, with everything that is ready to be used again.
    pub bytes: u64,
    /// What is in it; none where not one row is.
    pub held: Option<Held>,
    /// The machines that work with a server now, or have lately.
    pub hosts: Vec<Host>,
}

impl Store {
    /// What it is, and what is in it.
    pub fn figures(&self) -> Result<Figures, StoreError> {
        let place = self.path().display().to_string();
        self.read(|db| figures(db, place, Some(db.version()?)))
    }
}

impl Remote {
    /// What it is, and what is in it.
    pub fn figures(&mut self) -> Result<Figures, StoreError> {
        let (place, form) = (self.shown.clone(), self.form);
        self.database.read(|db| figures(db, place, form)).map_err(|trouble| trouble.on(&self.shown))
    }
}

fn figures(db: &Database, place: String, form: Option<i64>) -> Result<Figures, Trouble> {
    let held = if form.is_some() { held(db)? } else { None };
    Ok(Figures { engine: db.engine()?, place, form, bytes: db.bytes()?, held, hosts: db.hosts()? })
}

/// Counts every row of every table, whatever the version of the form. What others have put beside it on a server is theirs.
fn held(db: &Database) -> Result<Option<Held>, Trouble> {
    let copied = if db.is_file() { None } else { db.copied()? };
    let copied = copied.and_then(|(host, at)| Some((host, maybe_time_in(Some(at)).ok()??)));
    let (names, ours) = (db.table_names()?, tables()?);
    let is_shared = !db.is_file() && names.iter().any(|name| name == settings::TABLE);
    let settings = if is_shared { settings::saved_by(db)? } else { None };
    let mut held = Held { copied, clients: 0, events: 0, others: 0, settings };
    for table in names.into_iter().filter(|name| ours.iter().any(|table| table.name == *name)) {
        let rows = db.count(&table)?;
        match table.as_str() {
            "clients" => held.clients = rows,
            "events" => held.events = rows,
            _ => held.others += rows,
        }
    }
    Ok((held.has_rows() || held.settings.is_some()).then_some(held))
}

/// The tables of the form. Their names come from no file: one could have been made to say more than a name. What hosts have in
/// common is not among them: a machine of its own has files for it.
fn tables() -> Result<Vec<Table>, Trouble> {
    let mut tables = Database::of(schema::blank()?).tables()?;
    tables.retain(|table| !BESIDE.contains(&table.name.as_str()));
    Ok(tables)
}

/// Refuses a file with a table that is not of the form: it would not be copied.
fn require_no_other(source: &Database, tables: &[Table]) -> Result<(), Trouble> {
    if !source.is_file() {
        return Ok(());
    }
    let is_known = |name: &String| BESIDE.contains(&name.as_str()) || tables.iter().any(|table| table.name == *name);
    if source.table_names()?.iter().all(is_known) { Ok(()) } else { Err(Trouble::Content("a table")) }
}

fn fill(
    source: &Database,
    target: &Database,
    told: &dyn Fn(Trouble) -> StoreError,
    go_on: &dyn Fn() -> bool,
) -> Result<Proof, Trouble> {
    let read = |trouble| Trouble::Elsewhere(Box::new(told(trouble)));
    let tables = tables()?;
    require_no_other(source, &tables).map_err(read)?;
    let mut sums = Vec::new();
    for table in &tables {
        target.empty(table)?;
        let mut rows = Rows { target, table, waiting: Vec::new(), bytes: 0 };
        let (mut there, mut trouble) = (Sum::default(), None);
        // Summed up on its way: a second look at it would keep the other side waiting.
        let read_all = source.stream(&table.all(), |row| {
            if !go_on() {
                return Err(Trouble::Stopped);
            }
            there.add(row, table)?;
            for column in 0..table.columns.len() {
                rows.push(row.get::<Value<'_>>(column)?.owned());
            }
            // What the other side says is no trouble of this one.
            rows.write(false).map_err(|error| {
                trouble = Some(error);
                Trouble::Content("a row")
            })
        });
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        read_all.map_err(read)?;
        rows.write(true)?;
        if let Some(last) = source.last_number(table).map_err(read)? {
            target.set_last_number(table, last)?;
            if target.last_number(table)? != Some(last) {
                return Err(Trouble::Content("a copied number"));
            }
        }
        let here = sum(target, table, go_on)?;
        if there.of(table) != here {
            return Err(Trouble::Content("a copied row"));
        }
        sums.push(here);
    }
    Ok(Proof { version: schema::VERSION, tables: sums })
}

/// Rows on their way into a table.
struct Rows<'a> {
    target: &'a Database,
    table: &'a Table,
    waiting: Vec<Value<'static>>,
    bytes: usize,
}

impl Rows<'_> {
    fn push(&mut self, value: Value<'static>) {
        if let Value::Text(text) = &value {
            self.bytes += text.len();
        }
        self.waiting.push(value);
    }

    /// Writes what waits once it is worth it, or at the end.
    fn write(&mut self, is_end: bool) -> Result<(), Trouble> {
        if is_end || self.waiting.len() >= ROWS * self.table.columns.len() || self.bytes >= BYTES {
            self.target.add_rows(&self.table.name, &self.table.columns, &self.waiting, || Ok(()))?;
            self.waiting.clear();
            self.bytes = 0;
        }
        Ok(())
    }
}

/// Whether a copy holds what another one was compared with; a file's own notes of its numbers apart.
pub fn is_same(compared: &Proof, kept: &Proof) -> bool {
    let copied = kept.tables.iter().filter(|sum| !BESIDE.contains(&sum.table.as_str()));
    kept.version == compared.version && copied.eq(&compared.tables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Snapshot;
    use crate::store::test_support::{at, client, file_store, id, opener, store, sync};

    fn transfer(from: &Store, to: &Store) -> Result<Proof, StoreError> {
        from.read(
            |source| Ok(to.write(|target| fill(source, target, &|trouble| from.told(trouble, source), &|| true))),
        )?
    }

    /// There and back: what comes last holds what was there first, and goes on where that had come to.
    #[test]
    fn everything_comes_back_from_other_store() {
        let (_one, first) = file_store();
        let (_two, second) = store();
        let (_three, third) = file_store();
        let names = (0..120).map(|n| client(n, &format!("a name\0of \u{1}some 'kind' – {n}"))).collect::<Vec<_>>();
        first.begin_to_forward_clients(&id("acme"), at(0)).unwrap();
        sync(&first, "acme", 0, &names);
        sync(&first, "acme", 1, &names[1..]);
        sync(&second, "other", 1, &names);
        let there = transfer(&first, &second).unwrap();
        let back = transfer(&second, &third).unwrap();
        assert_eq!(there, back);
        assert!(there.tables.iter().filter(|table| table.rows > 0).count() > 4, "{there:?}");
        for store in [&second, &third] {
            assert_eq!(store.clients(&id("acme")).unwrap(), first.clients(&id("acme")).unwrap());
            assert_eq!(store.runs(&id("acme"), 9).unwrap(), first.runs(&id("acme"), 9).unwrap());
            assert_eq!(store.clients(&id("other")).unwrap(), [], "in place of what was there");
        }
        let numbers = [&first, &second, &third].map(|store| store.begin_run(&id("acme"), at(9)).unwrap().number());
        assert!(
            numbers[0] > std::num::NonZeroU64::new(2) && numbers.iter().all(|number| *number == numbers[0]),
            "{numbers:?}"
        );
        opener(&second)().is_current().unwrap();
    }

    #[test]
    fn store_stays_as_it_was_when_other_one_cannot_be_read() {
        let (_one, first) = file_store();
        let (_two, second) = store();
        sync(&first, "acme", 0, &[client(1, "a")]);
        sync(&second, "acme", 0, &[client(1, "a"), client(2, "b")]);
        let change = |sql: &str| first.ask(|db| Ok(db.sqlite().execute_batch(sql)?)).unwrap();
        change("CREATE TABLE \"runs; DROP TABLE runs\" (id INTEGER)");
        let planted = transfer(&first, &second).unwrap_err();
        assert!(planted.to_string().ends_with("a table in it is not readable"), "{planted}");
        change("DROP TABLE \"runs; DROP TABLE runs\"; DROP TABLE pages");
        change("CREATE TABLE pages (run REAL); INSERT INTO pages VALUES (0.5)");
        let damaged = transfer(&first, &second).unwrap_err();
        assert!(damaged.to_string().starts_with(&first.path().display().to_string()), "by its own name: {damaged}");
        assert_eq!(second.clients(&id("acme")).unwrap().len(), 2);
        // Numbers are taken back as well.
        let runs = tables().unwrap().into_iter().find(|table| table.name == "runs").unwrap();
        let failed = second.write(|db| {
            db.set_last_number(&runs, 40)?;
            Err::<(), _>(Trouble::Stopped)
        });
        assert!(matches!(failed, Err(StoreError::Stopped)));
        assert_eq!(second.ask(|db| db.last_number(&runs)).unwrap(), Some(1));
    }

    #[test]
    fn copy_that_is_kept_is_compared_with_what_was_read() {
        let (folder, first) = file_store();
        let (_two, second) = file_store();
        sync(&first, "acme", 0, &[client(1, "a")]);
        let compared = transfer(&first, &second).unwrap();
        let kept = |name: &str| {
            Snapshot::take(second.path()).unwrap().unwrap().write(&folder.path().join(name), || true).unwrap().unwrap()
        };
        assert!(is_same(&compared, &kept("same.db")));
        sync(&second, "acme", 1, &[client(1, "a"), client(2, "b")]);
        assert!(!is_same(&compared, &kept("other.db")));
    }
}
