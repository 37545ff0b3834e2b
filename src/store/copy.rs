//! A copy of the whole database as it is at one moment, and what proves that two of them hold the same.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::StoreError;
use super::database::{Database, Row, Table, Value};
use super::error::Trouble;
use super::schema;
use crate::domain::hex;

/// Pages that are copied between two looks whether to go on: 4 MiB.
const STEP: std::ffi::c_int = 1_000;

/// What a table holds, in one number: equal where every value of every row is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSum {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// The SHA-256 of all of them in order.
    pub sha256: String,
}

/// What a database is: the version of its form, and what each table holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The version of the form.
    pub version: i64,
    /// Every table, by name.
    pub tables: Vec<TableSum>,
}

/// The database as it is at one moment, however much is written meanwhile.
pub struct Snapshot {
    connection: Connection,
    path: PathBuf,
}

impl Snapshot {
    /// Holds on to what is in the database now; none where there is no database. Nobody waits for it.
    ///
    /// # Errors
    ///
    /// As [`Store::open`](super::Store::open).
    pub fn take(path: &Path) -> Result<Option<Self>, StoreError> {
        let Some(connection) = schema::open_existing(path)? else { return Ok(None) };
        let begin = || {
            connection.execute_batch("BEGIN")?;
            // A transaction that has read nothing holds on to nothing.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        };
        begin().map_err(|error| Trouble::from(error).at(path))?;
        Ok(Some(Self { connection, path: path.to_owned() }))
    }

    /// Writes it into a file that is not there yet, without what was deleted, and says what is in it; none where
    /// `go_on` says no.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the one cannot be read or the other cannot be written.
    pub fn write(self, to: &Path, mut go_on: impl FnMut() -> bool) -> Result<Option<Proof>, StoreError> {
        let mut work = || -> Result<Option<Proof>, Trouble> {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            let mut copy = Connection::open_with_flags(to, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            let pages = Backup::new(&self.connection, &mut copy)?;
            while pages.step(STEP)? != StepResult::Done {
                if !go_on() {
                    return Ok(None);
                }
            }
            drop(pages);
            // One file, with no log beside it.
            copy.execute_batch("PRAGMA journal_mode = DELETE; VACUUM")?;
            proof(&Database::of(copy)).map(Some)
        };
        work().map_err(|trouble| trouble.at(&self.path))
    }
}

/// Reads a whole database that nobody uses, checks that it is sound and for this program, and says what is in it.
///
/// # Errors
///
/// [`StoreError::Newer`] and [`StoreError::Corrupt`]; the file is not touched.
pub fn prove(path: &Path) -> Result<Proof, StoreError> {
    let connection = schema::look_first(path, path)?;
    let at = |error: rusqlite::Error| Trouble::from(error).at(path);
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(at)?;
    if found != "ok" {
        return Err(StoreError::Corrupt { path: path.to_owned(), why: "it is damaged".to_owned() });
    }
    proof(&Database::of(connection)).map_err(|trouble| trouble.at(path))
}

fn proof(db: &Database) -> Result<Proof, Trouble> {
    let tables = db.tables()?.iter().map(|table| sum(db, table, &|| true)).collect::<Result<_, _>>()?;
    Ok(Proof { version: db.version()?, tables })
}

/// Sums a table up, the same on every engine, unless `go_on` says no.
pub(super) fn sum(db: &Database, table: &Table, go_on: &dyn Fn() -> bool) -> Result<TableSum, Trouble> {
    let mut sum = Sum::default();
    db.stream(&table.all(), |row| if go_on() { sum.add(row, table) } else { Err(Trouble::Stopped) })?;
    Ok(sum.of(table))
}

/// The rows that were summed up until now.
#[derive(Default)]
pub(super) struct Sum {
    hash: Sha256,
    rows: u64,
}

impl Sum {
    pub(super) fn add(&mut self, row: &Row<'_>, table: &Table) -> Result<(), Trouble> {
        self.rows += 1;
        for column in 0..table.columns.len() {
            // The kind and the length first: no two rows have the same bytes.
            let (kind, bytes) = match row.get(column)? {
                Value::Null => (b'n', Cow::default()),
                Value::Integer(number) => (b'i', Cow::from(number.to_be_bytes().to_vec())),
                Value::Text(Cow::Borrowed(text)) => (b't', Cow::from(text.as_bytes())),
                Value::Text(Cow::Owned(text)) => (b't', Cow::from(text.into_bytes())),
            };
            self.hash.update([kind]);
            self.hash.update((bytes.len() as u64).to_be_bytes());
            self.hash.update(&bytes);
        }
        Ok(())
    }

    pub(super) fn of(self, table: &Table) -> TableSum {
        TableSum { table: table.name.clone(), rows: self.rows, sha256: hex(&self.hash.finalize()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::test_support::file_store;

    #[test]
    fn copy_holds_what_was_there_when_it_was_taken() {
        let (folder, store) = file_store();
        let write = |sql: &str| store.ask(|db| Ok(db.sqlite().execute_batch(sql)?)).unwrap();
        write("INSERT INTO configurations (id, halo) VALUES ('acme', 'one')");
        let snapshot = Snapshot::take(store.path()).unwrap().unwrap();
        write("UPDATE configurations SET halo = 'two'");
        let to = folder.path().join("copy.db");
        let copied = snapshot.write(&to, || true).unwrap().unwrap();
        assert_eq!(prove(&to).unwrap(), copied);
        let later = Snapshot::take(store.path()).unwrap().unwrap();
        let later = later.write(&folder.path().join("later.db"), || true).unwrap().unwrap();
        let of = |proof: &Proof| proof.tables.iter().find(|sum| sum.table == "configurations").cloned().unwrap();
        assert_eq!((of(&copied).rows, of(&later).rows), (1, 1));
        assert_ne!(of(&copied).sha256, of(&later).sha256, "one value is another");
        write("UPDATE configurations SET halo = 'one'");
        let again = Snapshot::take(store.path()).unwrap().unwrap();
        assert_eq!(again.write(&folder.path().join("again.db"), || true).unwrap().unwrap(), copied);
        assert!(!beside(&to, "-wal").exists());
        assert_eq!(Snapshot::take(&folder.path().join("none.db")).map(|none| none.is_none()).ok(), Some(true));
    }

    #[test]
    fn copy_that_is_damaged_or_newer_is_refused() {
        let (folder, store) = file_store();
        let to = folder.path().join("copy.db");
        Snapshot::take(store.path()).unwrap().unwrap().write(&to, || true).unwrap();
        let newer = Connection::open(&to).unwrap();
        newer.pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
        drop(newer);
        assert!(matches!(prove(&to), Err(StoreError::Newer { .. })));
        let mut bytes = std::fs::read(&to).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..].fill(0x5a);
        bytes[60..64].copy_from_slice(&(schema::VERSION as u32).to_be_bytes());
        std::fs::write(&to, bytes).unwrap();
        assert!(matches!(prove(&to), Err(StoreError::Corrupt { .. })), "{:?}", prove(&to));
    }

    use crate::store::schema::beside;
}
