//! The engine below the store: a connection with its statements, rows and values. Beside it, only what opens, copies or
//! tidies a file of SQLite knows which engine it is.
//!
//! Statements are written once, in what SQLite and PostgreSQL both understand: `?1` for a value, `ON CONFLICT (column)`,
//! `IS DISTINCT FROM`, `CASE`, truth as 0 and 1.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::{CachedStatement, Connection, Transaction, TransactionBehavior, params_from_iter};

use self::postgres::FORM;
pub use self::postgres::{Address, GoOn, Installation, News, Seen, Service, Told};
pub(super) use self::postgres::{Holding, Session};
pub(super) use self::table::Table;
use self::table::quoted;
use self::value::Column;
pub(super) use self::value::{Row, Value, args};
use super::error::Trouble;
use super::schema;

mod on_server;
mod postgres;
mod table;
mod value;

/// Fewer bytes are left in the file: what comes next takes their place.
const WORTH_IT: i64 = 4 << 20;

/// A statement that is used again and again.
pub(super) enum Statement<'a> {
    Sqlite(CachedStatement<'a>),
    Postgres(&'a Session, tokio_postgres::Statement),
}

impl Statement<'_> {
    /// Does it; answers how many rows it has changed.
    pub(super) fn execute(&mut self, args: &[Value<'_>]) -> Result<u64, Trouble> {
        match self {
            Self::Sqlite(statement) => Ok(statement.execute(params_from_iter(args))? as u64),
            Self::Postgres(session, statement) => session.execute(statement, args),
        }
    }

    /// Hands over each row that it finds.
    pub(super) fn each(
        &mut self,
        args: &[Value<'_>],
        mut take: impl FnMut(&Row<'_>) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        match self {
            Self::Sqlite(statement) => {
                let mut rows = statement.query(params_from_iter(args))?;
                while let Some(row) = rows.next()? {
                    take(&Row::Sqlite(row))?;
                }
                Ok(())
            }
            Self::Postgres(session, statement) => {
                session.query(statement, args)?.iter().try_for_each(|row| take(&Row::Postgres(row)))
            }
        }
    }

    /// Reads the first row that it finds.
    pub(super) fn first<R>(
        &mut self,
        args: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<R, Trouble>,
    ) -> Result<Option<R>, Trouble> {
        match self {
            Self::Sqlite(statement) => {
                let mut rows = statement.query(params_from_iter(args))?;
                rows.next()?.map(|row| read(&Row::Sqlite(row))).transpose()
            }
            Self::Postgres(session, statement) => {
                session.query(statement, args)?.first().map(|row| read(&Row::Postgres(row))).transpose()
            }
        }
    }
}

/// A connection. What stands in no [`Database::write`] only reads.
pub(super) struct Database {
    engine: Engine,
    /// How long another program's write is waited for.
    patience: Duration,
    /// When a server was last waited for in vain, and what is said of that.
    silent: Option<(Instant, String)>,
}

enum Engine {
    Sqlite(Connection),
    Postgres(Box<Address>, Box<Session>),
}

impl Database {
    /// A file of SQLite that was opened.
    pub(super) fn of(connection: Connection) -> Self {
        Self::with(Engine::Sqlite(connection))
    }

    fn with(engine: Engine) -> Self {
        Self { engine, patience: schema::PATIENCE, silent: None }
    }

    /// Signs in to PostgreSQL, and brings the form there up to date; where there is none, only if it `makes` one.
    pub(super) fn on(server: &Address, makes: bool) -> Result<Self, Trouble> {
        let engine = Engine::Postgres(Box::new(server.clone()), Box::new(begin(server, schema::PATIENCE, makes)?));
        Ok(Self::with(engine))
    }

    /// Signs in to PostgreSQL and looks which version of the form is there, if any is. Nothing is written.
    pub(super) fn look(server: &Address) -> Result<(Self, Option<i64>), Trouble> {
        let session = Session::open(server)?;
        session.set_patience(schema::PATIENCE)?;
        let form = session.form()?;
        let engine = Engine::Postgres(Box::new(server.clone()), Box::new(session));
        Ok((Self::with(engine), form))
    }

    /// As [`Database::read`], in the form of now: one of an older version is upgraded for it, and left as it was.
    pub(super) fn read_upgraded<R>(
        &mut self,
        form: i64,
        work: impl FnOnce(&Self) -> Result<R, Trouble>,
    ) -> Result<R, Trouble> {
        match &self.engine {
            Engine::Postgres(_, session) if form < schema::VERSION => {
                let _taken_back = session.begin(Work::Write)?;
                session.bring_up()?;
                work(self)
            }
            _ => self.read(work),
        }
    }

    /// Signs in again where the server has ended the session, or was gone for a while. Whoever has `asked` before somebody else
    /// waited for it in vain hears that, and does not wait as long once more.
    pub(super) fn be_ready(&mut self, asked: Instant) -> Result<(), Trouble> {
        if let Engine::Postgres(server, session) = &mut self.engine
            && session.has_ended()
        {
            if let Some((at, why)) = &self.silent
                && *at > asked
            {
                return Err(Trouble::Session(why.clone()));
            }
            **session = begin(server, self.patience, false)?;
        }
        Ok(())
    }

    /// Remembers that a server was waited for in vain.
    pub(super) fn note_silence(&mut self, trouble: &Trouble) {
        if let Trouble::Session(why) = trouble {
            self.silent = Some((Instant::now(), why.clone()));
        }
    }

    /// Whether it is a file of SQLite.
    pub(super) fn is_file(&self) -> bool {
        matches!(self.engine, Engine::Sqlite(_))
    }

    /// What belongs to SQLite alone.
    #[cfg(test)]
    pub(super) fn sqlite(&self) -> &Connection {
        match &self.engine {
            Engine::Sqlite(connection) => connection,
            Engine::Postgres(..) => panic!("this test is for SQLite"),
        }
    }

    /// Its server, where it is on one.
    pub(super) fn server(&self) -> Option<&Address> {
        if let Engine::Postgres(server, _) = &self.engine { Some(&**server) } else { None }
    }

    /// Does what belongs to no transaction.
    #[cfg(test)]
    pub(super) fn batch(&self, sql: &str) {
        match &self.engine {
            Engine::Sqlite(connection) => connection.execute_batch(sql).unwrap(),
            Engine::Postgres(_, session) => session.batch(sql).unwrap(),
        }
    }

    /// Makes a statement ready; the second time it is there already.
    pub(super) fn prepare(&self, sql: &str) -> Result<Statement<'_>, Trouble> {
        Ok(match &self.engine {
            Engine::Sqlite(connection) => Statement::Sqlite(connection.prepare_cached(sql)?),
            Engine::Postgres(_, session) => Statement::Postgres(session, session.prepare(sql)?),
        })
    }

    /// Does a statement; answers how many rows it has changed.
    pub(super) fn execute(&self, sql: &str, args: &[Value<'_>]) -> Result<u64, Trouble> {
        debug_assert!(self.is_writing(), "this stands in no Database::write: {sql}");
        self.prepare(sql)?.execute(args)
    }

    fn is_writing(&self) -> bool {
        match &self.engine {
            Engine::Sqlite(connection) => !connection.is_autocommit(),
            Engine::Postgres(_, session) => session.is_writing(),
        }
    }

    /// Adds a row to a table that numbers its rows by `id`; answers the number.
    pub(super) fn add(&self, sql: &str, args: &[Value<'_>]) -> Result<i64, Trouble> {
        match &self.engine {
            Engine::Sqlite(connection) => {
                self.execute(sql, args)?;
                Ok(connection.last_insert_rowid())
            }
            Engine::Postgres(..) => self.value(&format!("{sql} RETURNING id"), args),
        }
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

    /// Hands over each row that a question finds, however many there are: they are not all in memory. Nothing else can be asked
    /// here meanwhile. On a server, in a transaction.
    pub(super) fn stream(
        &self,
        sql: &str,
        mut take: impl FnMut(&Row<'_>) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        match &self.engine {
            Engine::Postgres(_, session) => session.stream(sql, |row| take(&Row::Postgres(row))),
            Engine::Sqlite(_) => self.each(sql, &[], take),
        }
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

    /// Reads the first row that a question finds with each of these values. A server is asked all of them at once.
    pub(super) fn first_of_each<'a, R>(
        &self,
        sql: &str,
        rows: &[impl AsRef<[Value<'a>]>],
        read: impl Fn(&Row<'_>) -> Result<R, Trouble>,
    ) -> Result<Vec<Option<R>>, Trouble> {
        match self.prepare(sql)? {
            Statement::Postgres(session, statement) => {
                let found = session.query_each(&statement, rows)?;
                found.iter().map(|rows| rows.first().map(|row| read(&Row::Postgres(row))).transpose()).collect()
            }
            mut statement => rows.iter().map(|args| statement.first(args.as_ref(), &read)).collect(),
        }
    }

    /// Does a statement with each of these values, in their order; answers how many rows each has changed. A server does all of
    /// them at once.
    pub(super) fn execute_each<'a>(&self, sql: &str, rows: &[impl AsRef<[Value<'a>]>]) -> Result<Vec<u64>, Trouble> {
        debug_assert!(self.is_writing(), "this stands in no Database::write: {sql}");
        match self.prepare(sql)? {
            Statement::Postgres(session, statement) => session.execute_each(&statement, rows),
            mut statement => rows.iter().map(|args| statement.execute(args.as_ref())).collect(),
        }
    }

    /// Adds rows to a table; the values of a row follow those of the one before. While a server reads them, something else is
    /// done here.
    ///
    /// # Errors
    ///
    /// Also where one of them is there already.
    pub(super) fn add_rows(
        &self,
        table: &str,
        columns: &[impl AsRef<str>],
        values: &[Value<'_>],
        meanwhile: impl FnOnce() -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        debug_assert!(self.is_writing(), "this stands in no Database::write: {table}");
        if values.is_empty() {
            return meanwhile();
        }
        let (table, listed) = (quoted(table), table::listed(columns));
        match &self.engine {
            Engine::Postgres(_, session) => session.add_rows(&table, &listed, values, meanwhile),
            Engine::Sqlite(_) => {
                let places: Vec<String> = (1..=columns.len()).map(|column| format!("?{column}")).collect();
                let sql = format!("INSERT INTO {table} ({listed}) VALUES ({})", places.join(", "));
                let mut insert = self.prepare(&sql)?;
                values.chunks_exact(columns.len()).try_for_each(|row| insert.execute(row).map(drop))?;
                meanwhile()
            }
        }
    }

    /// Reads the one value that a question has for an answer.
    pub(super) fn value<T: for<'r> Column<'r>>(&self, sql: &str, args: &[Value<'_>]) -> Result<T, Trouble> {
        let found = self.first(sql, args, |row| row.get(0))?;
        found.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
    }

    /// Everything that is read in here is of one moment.
    pub(super) fn read<R>(&mut self, work: impl FnOnce(&Self) -> Result<R, Trouble>) -> Result<R, Trouble> {
        self.within(Work::Read, work)
    }

    /// Everything that is written in here is kept, or, with an error, nothing of it. Nobody else writes meanwhile. When this
    /// returns, it is on the disk.
    pub(super) fn write<R>(&mut self, work: impl FnOnce(&Self) -> Result<R, Trouble>) -> Result<R, Trouble> {
        self.within(Work::Write, work)
    }

    /// The same, without waiting for the disk at its end: it survives the end of the program at once, and a power cut a
    /// moment later.
    pub(super) fn write_soon<R>(&mut self, work: impl FnOnce(&Self) -> Result<R, Trouble>) -> Result<R, Trouble> {
        let this = &*self;
        let set = |how: &str| match &this.engine {
            Engine::Sqlite(connection) => connection.execute_batch(&format!("PRAGMA synchronous = {how}")),
            Engine::Postgres(..) => Ok(()),
        };
        set("NORMAL")?;
        let done = this.within(Work::WriteSoon, work);
        set("FULL")?;
        done
    }

    fn within<R>(&self, kind: Work, work: impl FnOnce(&Self) -> Result<R, Trouble>) -> Result<R, Trouble> {
        // Either takes itself back where it is dropped, in a panic too.
        match &self.engine {
            Engine::Sqlite(connection) => {
                let behaviour = match kind {
                    Work::Read => TransactionBehavior::Deferred,
                    Work::Write | Work::WriteSoon => TransactionBehavior::Immediate,
                };
                let transaction = Transaction::new_unchecked(connection, behaviour)?;
                let done = work(self)?;
                transaction.commit()?;
                Ok(done)
            }
            Engine::Postgres(_, session) => {
                let transaction = session.begin(kind)?;
                let done = work(self)?;
                transaction.commit()?;
                Ok(done)
            }
        }
    }

    /// The tables that have this column.
    pub(super) fn tables_with(&self, column: &str) -> Result<Vec<String>, Trouble> {
        let sql = match &self.engine {
            Engine::Sqlite(_) => {
                "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
                 WHERE t.type = 'table' AND c.name = ?1"
            }
            Engine::Postgres(..) => {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.columns
                 WHERE table_schema = current_schema() AND column_name = CAST(?1 AS TEXT)"
            }
        };
        self.rows(sql, args![column], |row| row.get(0))
    }

    /// The names of all tables, whatever the version of the form.
    pub(super) fn table_names(&self) -> Result<Vec<String>, Trouble> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(self.tables()?.into_iter().map(|table| table.name).collect()),
            Engine::Postgres(_, session) => session.tables(),
        }
    }

    /// The engine, with its version.
    pub(super) fn engine(&self) -> Result<(&'static str, String), Trouble> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(("SQLite", sqlite_version().to_owned())),
            Engine::Postgres(..) => Ok(("PostgreSQL", self.value("SELECT current_setting('server_version')", &[])?)),
        }
    }

    /// How much room it takes.
    pub(super) fn bytes(&self) -> Result<u64, Trouble> {
        let sql = match &self.engine {
            Engine::Sqlite(_) => "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            Engine::Postgres(..) => "SELECT pg_database_size(current_database())",
        };
        let bytes: i64 = self.value(sql, &[])?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    /// How many rows a table has.
    pub(super) fn count(&self, table: &str) -> Result<u64, Trouble> {
        let rows: i64 = self.value(&format!("SELECT count(*) FROM {}", quoted(table)), &[])?;
        Ok(u64::try_from(rows).unwrap_or(0))
    }

    /// Takes every row out of a table.
    pub(super) fn empty(&self, table: &Table) -> Result<(), Trouble> {
        self.execute(&format!("DELETE FROM {}", quoted(&table.name)), &[]).map(drop)
    }

    /// All tables of a file, by name.
    pub(super) fn tables(&self) -> Result<Vec<Table>, Trouble> {
        let sql = "SELECT name, coalesce(sql, '') LIKE '% AUTOINCREMENT%' FROM sqlite_schema
                   WHERE type = 'table' AND name <> 'sqlite_stat1' ORDER BY name";
        let names: Vec<(String, bool)> = self.rows(sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let table = |(name, is_numbered): (String, bool)| {
            let columns = self.rows("SELECT name FROM pragma_table_info(?1)", args![&name], |row| row.get(0))?;
            let sql = "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk";
            let keys = self.rows(sql, args![&name], |row| row.get(0))?;
            Ok(Table { name, columns, keys, is_numbered })
        };
        names.into_iter().map(table).collect()
    }

    /// The last number that a table has given to a row, also to one that is gone; none where it numbers none.
    pub(super) fn last_number(&self, table: &Table) -> Result<Option<i64>, Trouble> {
        let Some(column) = table.number() else { return Ok(None) };
        match &self.engine {
            Engine::Sqlite(_) => {
                self.first("SELECT seq FROM sqlite_sequence WHERE name = ?1", args![&table.name], |row| row.get(0))
            }
            Engine::Postgres(..) => {
                let sequence = self.sequence(table, column)?;
                // What was set and not called yet is the number of the next row.
                let sql = format!(
                    "SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM {sequence} \
                     WHERE is_called OR last_value > 1"
                );
                self.first(&sql, &[], |row| row.get(0))
            }
        }
    }

    /// What numbers the rows of a table on a server, quoted.
    fn sequence(&self, table: &Table, column: &str) -> Result<String, Trouble> {
        let sql = "SELECT pg_get_serial_sequence(CAST(?1 AS TEXT), CAST(?2 AS TEXT))";
        self.value(sql, args![quoted(&table.name), column])
    }

    /// Goes on numbering the rows of a table behind this number.
    pub(super) fn set_last_number(&self, table: &Table, last: i64) -> Result<(), Trouble> {
        let Some(column) = table.number() else { return Ok(()) };
        match &self.engine {
            Engine::Sqlite(_) => {
                self.execute("DELETE FROM sqlite_sequence WHERE name = ?1", args![&table.name])?;
                let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)";
                self.execute(sql, args![&table.name, last]).map(drop)
            }
            Engine::Postgres(..) => {
                // Unlike `setval`, it is taken back with the rest where the copy fails.
                let next = last.saturating_add(1);
                let sql = format!("ALTER SEQUENCE {} RESTART WITH {next}", self.sequence(table, column)?);
                self.execute(&sql, &[]).map(drop)
            }
        }
    }

    /// The version of its form.
    pub(super) fn version(&self) -> Result<i64, Trouble> {
        match &self.engine {
            Engine::Sqlite(_) => self.value("PRAGMA user_version", &[]),
            Engine::Postgres(..) => self.value(&format!("SELECT version FROM {FORM}"), &[]),
        }
    }

    /// Waits no longer than this for another program's write.
    pub(super) fn set_patience(&mut self, patience: Duration) -> Result<(), Trouble> {
        self.patience = patience;
        match &mut self.engine {
            Engine::Sqlite(connection) => Ok(schema::be_patient(connection, patience)?),
            Engine::Postgres(_, session) => session.set_patience(patience),
        }
    }

    /// How long it waits for another program's write.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Its file, where it can be written: its log and that log's index are beside it. Nobody removes or replaces them while a
    /// connection is open that writes; one that only reads needs none.
    pub(super) fn written_file(&self) -> Option<PathBuf> {
        let Engine::Sqlite(connection) = &self.engine else { return None };
        let writes = connection.is_readonly(rusqlite::MAIN_DB).is_ok_and(|only_reads| !only_reads);
        connection.path().filter(|path| writes && !path.is_empty()).map(PathBuf::from)
    }

    /// Returns deleted space to the disk if that is most of the file and worth it, by rewriting the rest. PostgreSQL does so by
    /// itself.
    pub(super) fn give_back(&mut self) -> Result<(), Trouble> {
        let patience = self.patience;
        let Engine::Sqlite(connection) = &mut self.engine else { return Ok(()) };
        let ask = |what: &str| connection.query_row(what, [], |row| row.get::<_, i64>(0));
        let (free, all) = (ask("PRAGMA freelist_count")?, ask("PRAGMA page_count")?);
        let bytes = free.saturating_mul(ask("PRAGMA page_size")?);
        if bytes < WORTH_IT || free < all / 4 * 3 {
            return Ok(());
        }
        connection.execute_batch("VACUUM")?;
        // Whoever reads, such as a backup, is not waited for: nobody could write meanwhile.
        schema::be_patient(connection, Duration::ZERO)?;
        let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        schema::be_patient(connection, patience)?;
        Ok(emptied?)
    }

    /// What is wrong with a file; reads all of it. PostgreSQL looks after its own.
    pub(super) fn fault(&self) -> Result<Option<String>, Trouble> {
        let Engine::Sqlite(_) = &self.engine else { return Ok(None) };
        let said: String = self.value("PRAGMA quick_check(1)", &[])?;
        Ok((said != "ok").then_some(said))
    }
}

fn begin(server: &Address, patience: Duration, makes: bool) -> Result<Session, Trouble> {
    let session = Session::open(server)?;
    session.set_patience(patience)?;
    let form = session.form()?;
    // Nobody may be in the middle of something while the form changes.
    let changes = form.map_or(makes, |found| found < schema::VERSION);
    if let Some(own) = &server.own {
        session.come_in(own, form.is_some(), own.alone || changes)?;
    }
    match form {
        None if !makes => return Err(Trouble::NoForm),
        Some(found) if server.only_looks && found < schema::VERSION => {
            return Err(Trouble::OlderForm { found, known: schema::VERSION });
        }
        _ if server.only_looks => {}
        _ => session.be_of_form()?,
    }
    if let Some(own) = server.own.as_ref().filter(|own| changes && !own.alone) {
        session.let_others_in(own)?;
    }
    Ok(session)
}

/// What a transaction is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Read,
    Write,
    WriteSoon,
}

/// The version of SQLite.
pub(super) fn sqlite_version() -> &'static str {
    rusqlite::version()
}
