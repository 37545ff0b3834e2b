//! The engine below the store: a connection with its statements, rows and values. Beside it, only what opens or copies a
//! file of SQLite knows which engine it is.
//!
//! A statement keeps to the standard where SQLite lets it: `ON CONFLICT (column)`, `IS DISTINCT FROM`, `CASE`, and truth as
//! 0 and 1.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{
    CachedStatement, Connection, Row as SqliteRow, RowIndex, ToSql, Transaction, TransactionBehavior, params_from_iter,
};

use super::error::Trouble;
use super::schema;

/// Fewer bytes are left in the file: what comes next takes their place.
const WORTH_IT: i64 = 4 << 20;

/// A value on its way into a statement, or out of a row. Truth is 0 or 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
}

/// The values of a statement, in the order of their numbers.
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::database::Value::from($value)),*] as &[$crate::store::database::Value<'_>]
    };
}
pub(super) use args;

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Integer(truth.into())
    }
}

impl<T> From<Option<T>> for Value<'_>
where
    Self: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, rusqlite::Error> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// What a column can be read as.
pub(super) trait Column<'r>: Sized {
    /// None where the column holds something else.
    fn of(value: Value<'r>) -> Option<Self>;
}

impl Column<'_> for i64 {
    fn of(value: Value<'_>) -> Option<Self> {
        if let Value::Integer(number) = value { Some(number) } else { None }
    }
}

impl Column<'_> for u32 {
    fn of(value: Value<'_>) -> Option<Self> {
        i64::of(value)?.try_into().ok()
    }
}

impl Column<'_> for bool {
    fn of(value: Value<'_>) -> Option<Self> {
        i64::of(value).map(|number| number != 0)
    }
}

impl<'r> Column<'r> for Cow<'r, str> {
    fn of(value: Value<'r>) -> Option<Self> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
}

impl Column<'_> for String {
    fn of(value: Value<'_>) -> Option<Self> {
        Cow::of(value).map(Cow::into_owned)
    }
}

impl<'r, T: Column<'r>> Column<'r> for Option<T> {
    fn of(value: Value<'r>) -> Option<Self> {
        if value == Value::Null { Some(None) } else { T::of(value).map(Some) }
    }
}

/// A row that was found.
pub(super) struct Row<'a>(&'a SqliteRow<'a>);

impl Row<'_> {
    /// A column, by its place or its name.
    pub(super) fn get<'r, T: Column<'r>>(&'r self, column: impl RowIndex) -> Result<T, Trouble> {
        let odd = || Trouble::Content("a value");
        let value = match self.0.get_ref(column)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Text(text) => Value::from(std::str::from_utf8(text).map_err(|_| odd())?),
            ValueRef::Real(_) | ValueRef::Blob(_) => return Err(odd()),
        };
        T::of(value).ok_or_else(odd)
    }
}

/// A statement that is used again and again.
pub(super) struct Statement<'a>(CachedStatement<'a>);

impl Statement<'_> {
    /// Does it; answers how many rows it has changed.
    pub(super) fn execute(&mut self, args: &[Value<'_>]) -> Result<u64, Trouble> {
        Ok(self.0.execute(params_from_iter(args))? as u64)
    }

    /// Hands over each row that it finds.
    pub(super) fn each(
        &mut self,
        args: &[Value<'_>],
        mut take: impl FnMut(&Row<'_>) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let mut rows = self.0.query(params_from_iter(args))?;
        while let Some(row) = rows.next()? {
            take(&Row(row))?;
        }
        Ok(())
    }

    /// Reads the first row that it finds.
    pub(super) fn first<R>(
        &mut self,
        args: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<R, Trouble>,
    ) -> Result<Option<R>, Trouble> {
        let mut rows = self.0.query(params_from_iter(args))?;
        rows.next()?.map(|row| read(&Row(row))).transpose()
    }
}

/// A connection. What stands in no [`Database::write`] only reads.
pub(super) struct Database {
    connection: Connection,
    /// How long another program's write is waited for.
    patience: Duration,
}

impl Database {
    /// A file of SQLite that was opened.
    pub(super) fn of(connection: Connection) -> Self {
        Self { connection, patience: schema::PATIENCE }
    }

    /// What belongs to SQLite alone.
    #[cfg(test)]
    pub(super) fn sqlite(&self) -> &Connection {
        &self.connection
    }

    /// Makes a statement ready; the second time it is there already.
    pub(super) fn prepare(&self, sql: &str) -> Result<Statement<'_>, Trouble> {
        Ok(Statement(self.connection.prepare_cached(sql)?))
    }

    /// Does a statement; answers how many rows it has changed.
    pub(super) fn execute(&self, sql: &str, args: &[Value<'_>]) -> Result<u64, Trouble> {
        debug_assert!(!self.connection.is_autocommit(), "this stands in no Database::write: {sql}");
        self.prepare(sql)?.execute(args)
    }

    /// Adds a row to a table that numbers its rows by `id`; answers the number.
    pub(super) fn add(&self, sql: &str, args: &[Value<'_>]) -> Result<i64, Trouble> {
        self.execute(sql, args)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Hands over each row that a question finds.
    pub(super) fn each(
        &self,
        sql: &str,
        args: &[Value<'_>],
        take: impl FnMut(&Row<'_>) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        self.prepare(sql)?.each(args, take)
    }

    /// Reads each row that a question finds.
    pub(super) fn rows<R>(
        &self,
        sql: &str,
        args: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<R, Trouble>,
    ) -> Result<Vec<R>, Trouble> {
        let mut found = Vec::new();
        self.each(sql, args, |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Reads the first row that a question finds.
    pub(super) fn first<R>(
        &self,
        sql: &str,
        args: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<R, Trouble>,
    ) -> Result<Option<R>, Trouble> {
        self.prepare(sql)?.first(args, read)
    }

    /// Reads the one value that a question has for an answer.
    pub(super) fn value<T: for<'r> Column<'r>>(&self, sql: &str, args: &[Value<'_>]) -> Result<T, Trouble> {
        let found = self.first(sql, args, |row| row.get(0))?;
        found.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
    }

    /// Everything that is read in here is of one moment.
    pub(super) fn read<R>(&mut self, work: impl FnOnce(&Self) -> Result<R, Trouble>) -> Result<R, Trouble> {
        self.transaction(TransactionBehavior::Deferred, work)
    }

    /// Everything that is written in here is kept, or, with an error, nothing of it. Nobody else writes meanwhile. When this
    /// returns, it is on the disk.
    pub(super) fn write<R>(&mut self, work: impl FnOnce(&Self) -> Result<R, Trouble>) -> Result<R, Trouble> {
        self.transaction(TransactionBehavior::Immediate, work)
    }

    /// The same, without waiting for the disk at its end: it survives the end of the program at once, and a power cut a
    /// moment later.
    pub(super) fn write_soon<R>(&mut self, work: impl FnOnce(&Self) -> Result<R, Trouble>) -> Result<R, Trouble> {
        self.connection.execute_batch("PRAGMA synchronous = NORMAL")?;
        let done = self.write(work);
        self.connection.execute_batch("PRAGMA synchronous = FULL")?;
        done
    }

    fn transaction<R>(
        &mut self,
        behaviour: TransactionBehavior,
        work: impl FnOnce(&Self) -> Result<R, Trouble>,
    ) -> Result<R, Trouble> {
        // It takes itself back where it is dropped, in a panic too.
        let transaction = Transaction::new_unchecked(&self.connection, behaviour)?;
        let done = work(self)?;
        transaction.commit()?;
        Ok(done)
    }

    /// The tables that have this column.
    pub(super) fn tables_with(&self, column: &str) -> Result<Vec<String>, Trouble> {
        let sql = "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
                   WHERE t.type = 'table' AND c.name = ?1";
        self.rows(sql, args![column], |row| row.get(0))
    }

    /// The version of its form.
    pub(super) fn version(&self) -> Result<i64, Trouble> {
        self.value("PRAGMA user_version", &[])
    }

    /// Waits no longer than this for another program's write.
    pub(super) fn set_patience(&mut self, patience: Duration) -> Result<(), Trouble> {
        self.patience = patience;
        Ok(schema::be_patient(&mut self.connection, patience)?)
    }

    /// How long it waits for another program's write.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Its file, where it can be written: its log and that log's index are beside it. Nobody removes or replaces them while a
    /// connection is open that writes; one that only reads needs none.
    pub(super) fn written_file(&self) -> Option<PathBuf> {
        let writes = self.connection.is_readonly(rusqlite::MAIN_DB).is_ok_and(|only_reads| !only_reads);
        self.connection.path().filter(|path| writes && !path.is_empty()).map(PathBuf::from)
    }

    /// Returns deleted space to the disk if that is most of the file and worth it, by rewriting the rest.
    pub(super) fn give_back(&mut self) -> Result<(), Trouble> {
        let ask = |what: &str| self.value::<i64>(what, &[]);
        let (free, all) = (ask("PRAGMA freelist_count")?, ask("PRAGMA page_count")?);
        let bytes = free.saturating_mul(ask("PRAGMA page_size")?);
        if bytes < WORTH_IT || free < all / 4 * 3 {
            return Ok(());
        }
        self.connection.execute_batch("VACUUM")?;
        // Whoever reads, such as a backup, is not waited for: nobody could write meanwhile.
        schema::be_patient(&mut self.connection, Duration::ZERO)?;
        let emptied = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        schema::be_patient(&mut self.connection, self.patience)?;
        Ok(emptied?)
    }

    /// What is wrong with it; reads all of it.
    pub(super) fn fault(&self) -> Result<Option<String>, Trouble> {
        let said: String = self.value("PRAGMA quick_check(1)", &[])?;
        Ok((said != "ok").then_some(said))
    }
}

/// The version of the engine.
pub(super) fn engine_version() -> &'static str {
    rusqlite::version()
}
