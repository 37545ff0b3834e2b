//! Everything of a store, put into another one: from a file to a server, or back.

use super::copy::sum;
use super::database::{Database, Table, Value};
use super::error::Trouble;
use super::{Proof, Store, StoreError, count_in, schema};

/// Rows that are written at once, and the bytes of text from which on they are.
const ROWS: usize = 50;
const BYTES: usize = 1 << 20;

/// What SQLite notes the numbers in that it gave last.
const NUMBERS: &str = "sqlite_sequence";

/// Puts everything that is in one store now into another one, in place of what is there, in one step, and says what both hold
/// then. One of the two is a file.
///
/// # Errors
///
/// [`StoreError`] of the one that cannot be read or written; the other one is as it was then.
pub fn transfer(from: &Store, to: &Store) -> Result<Proof, StoreError> {
    let file = if from.is_file() { from } else { to };
    let mut tables = file.ask(Database::tables)?;
    tables.retain(|table| table.name != NUMBERS);
    from.read(|source| Ok(to.write(|target| fill(from, source, target, &tables))))?
}

impl Store {
    /// How many clients and events are in it, of all configurations.
    pub fn holds(&self) -> Result<(u64, u64), StoreError> {
        let count = |db: &Database, table: &str| db.value(&format!("SELECT count(*) FROM {table}"), &[]).map(count_in);
        self.read(|db| Ok((count(db, "clients")?, count(db, "events")?)))
    }
}

fn fill(from: &Store, source: &Database, target: &Database, tables: &[Table]) -> Result<Proof, Trouble> {
    let read = |trouble| Trouble::Elsewhere(Box::new(from.told(trouble, source)));
    let mut sums = Vec::new();
    for table in tables {
        target.execute(&format!("DELETE FROM {}", table.name), &[])?;
        let mut rows = Rows { target, table, waiting: Vec::new(), bytes: 0 };
        let mut trouble = None;
        let read_all = source.stream(&table.all(), |row| {
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
        }
        let (there, here) = (sum(source, table).map_err(read)?, sum(target, table)?);
        if there != here {
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
        let width = self.table.columns.len();
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.len() == ROWS * width {
            self.target.execute(&self.table.insert(ROWS), &waiting)?;
        } else if is_end || self.bytes >= BYTES {
            let one = self.table.insert(1);
            for row in waiting.chunks(width) {
                self.target.execute(&one, row)?;
            }
        } else {
            self.waiting = waiting;
            return Ok(());
        }
        self.bytes = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::test_support::{at, client, file_store, id, opener, store, sync};

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
        first
            .ask(|db| {
                Ok(db
                    .sqlite()
                    .execute_batch("DROP TABLE pages; CREATE TABLE pages (run REAL); INSERT INTO pages VALUES (0.5)")?)
            })
            .unwrap();
        assert!(transfer(&first, &second).is_err());
        assert_eq!(second.clients(&id("acme")).unwrap().len(), 2);
    }
}
