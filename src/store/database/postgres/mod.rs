//! PostgreSQL, for several hosts: a session that lives on a thread of its own, and whoever asks waits for the answer as for a
//! file.
//!
//! What SQLite promises holds here as well. One writes at a time, under an advisory lock that ends with the transaction, so
//! that numbers come in the order in which rows are seen, and what was read before a write is still so at the write. A
//! reader sees one moment. Texts come in the order of their bytes, and every text can be kept.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures_util::StreamExt as _;
use tokio::runtime::Runtime;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, NoTls, Row, Statement};

pub use self::address::Address;
use self::address::Trust;
use self::tls::Tls;
use super::{Value, Work};
use crate::store::error::Trouble;

mod address;
mod password;
mod tls;

/// Whoever brings the form up to date holds it: "PiaF".
const FORM_LOCK: i64 = 0x5069_6146;

/// Whoever writes holds it: "PiaW".
const WRITE_LOCK: i64 = 0x5069_6157;

/// The oldest server that will do: whoever made its database alone may make tables there.
const OLDEST: i32 = 15;

/// How long a transaction may do nothing, such as that of a program that was stopped: others wait for its end.
const IDLE: &str = "SET idle_in_transaction_session_timeout = '60s'";

/// What stands for a character that a text cannot hold here, in a text of ours.
const ESCAPE: char = '\u{1}';

/// A session, with the statements that are ready in it.
pub(in crate::store) struct Session {
    client: Client,
    statements: RefCell<HashMap<String, Statement>>,
    writes: Cell<bool>,
    /// How long an answer is waited for.
    limit: Duration,
    /// Nobody waits for its answers any more, so nobody knows what it has done.
    given_up: Cell<bool>,
}

impl Session {
    /// Signs in.
    pub(super) fn open(address: &Address) -> Result<Self, Trouble> {
        let (address, limit) = (address.clone(), address.limit);
        let (tell, told) = mpsc::channel();
        thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || serve(&address, &tell))
            .map_err(Trouble::session)?;
        let client = told.recv().map_err(Trouble::session)??;
        let session = Self {
            client,
            statements: RefCell::default(),
            writes: Cell::new(false),
            limit,
            given_up: Cell::new(false),
        };
        let version = session.wait(session.client.query_one("SHOW server_version_num", &[]))??;
        let version: i32 = version.try_get::<_, &str>(0)?.parse().map_err(Trouble::session)?;
        if version < OLDEST * 10_000 {
            return Err(Trouble::OldServer { found: version / 10_000, oldest: OLDEST });
        }
        session.batch(IDLE)?;
        Ok(session)
    }

    /// Whether the server has ended it, or is not reached any more.
    pub(super) fn has_ended(&self) -> bool {
        self.client.is_closed() || self.given_up.get()
    }

    fn wait<F: Future>(&self, answer: F) -> Result<F::Output, Trouble> {
        wait(answer, self.limit).ok_or_else(|| {
            self.given_up.set(true);
            Trouble::Session(format!("it has not answered for {} s", self.limit.as_secs()))
        })
    }

    /// Makes a statement of the store ready; the second time it is there already.
    pub(super) fn prepare(&self, sql: &str) -> Result<Statement, Trouble> {
        if let Some(ready) = self.statements.borrow().get(sql) {
            return Ok(ready.clone());
        }
        let statement = self.wait(self.client.prepare(&translated(sql)))??;
        self.statements.borrow_mut().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) fn execute(&self, statement: &Statement, args: &[Value<'_>]) -> Result<u64, Trouble> {
        Ok(self.wait(self.client.execute_raw(statement, args))??)
    }

    pub(super) fn query(&self, statement: &Statement, args: &[Value<'_>]) -> Result<Vec<Row>, Trouble> {
        Ok(self.wait(
            self.client.query(statement, &args.iter().map(|arg| arg as &(dyn ToSql + Sync)).collect::<Vec<_>>()),
        )??)
    }

    /// Hands over each row as it comes.
    pub(super) fn stream(
        &self,
        statement: &Statement,
        mut take: impl FnMut(&Row) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let none: [&Value<'_>; 0] = [];
        let mut rows = pin!(self.wait(self.client.query_raw(statement, none))??);
        while let Some(row) = self.wait(rows.next())? {
            take(&row?)?;
        }
        Ok(())
    }

    /// Does what asks for no answer.
    pub(super) fn batch(&self, sql: &str) -> Result<(), Trouble> {
        Ok(self.wait(self.client.batch_execute(sql))??)
    }

    /// Begins a transaction. Whoever else writes is waited for.
    pub(super) fn begin(&self, work: Work) -> Result<Begun<'_>, Trouble> {
        let begin = match work {
            Work::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned(),
            Work::Write => format!("BEGIN; SELECT pg_advisory_xact_lock({WRITE_LOCK})"),
            Work::WriteSoon => {
                format!("BEGIN; SET LOCAL synchronous_commit = off; SELECT pg_advisory_xact_lock({WRITE_LOCK})")
            }
        };
        // Whatever of it was done is taken back with it.
        let begun = Begun { session: self, is_open: true };
        self.batch(&begin)?;
        self.writes.set(work != Work::Read);
        Ok(begun)
    }

    /// Whether a write was begun.
    pub(super) fn is_writing(&self) -> bool {
        self.writes.get()
    }

    /// Waits no longer than this for another program's write.
    pub(super) fn set_patience(&self, patience: Duration) -> Result<(), Trouble> {
        self.batch(&format!("SET lock_timeout = {}", patience.as_millis().max(1)))
    }

    /// Brings the form up to date, one program at a time, or refuses one that is newer than this program.
    pub(super) fn bring_up(&self, known: i64, upgrades: impl FnOnce(i64) -> Vec<&'static str>) -> Result<(), Trouble> {
        let begun = Begun { session: self, is_open: true };
        self.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock({FORM_LOCK})"))?;
        let made = self.wait(self.client.query_one("SELECT to_regclass('form') IS NOT NULL", &[]))??;
        let found = if made.try_get(0)? {
            let rows = self.wait(self.client.query("SELECT version FROM form", &[]))??;
            rows.first().map_or(Ok(0), |row| row.try_get(0))?
        } else {
            self.batch("CREATE TABLE form (version BIGINT NOT NULL)")?;
            0
        };
        if found > known {
            return Err(Trouble::Newer { found, known });
        }
        for upgrade in upgrades(found) {
            self.batch(&form(upgrade))?;
        }
        if found < known {
            self.batch(&format!("DELETE FROM form; INSERT INTO form VALUES ({known})"))?;
        }
        begun.commit()
    }
}

/// A transaction that was begun: taken back where it is dropped before its end.
pub(super) struct Begun<'a> {
    session: &'a Session,
    is_open: bool,
}

impl Begun<'_> {
    pub(super) fn commit(mut self) -> Result<(), Trouble> {
        self.is_open = false;
        self.session.writes.set(false);
        self.session.batch("COMMIT")
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.session.writes.set(false);
            // A session that has ended has taken it back already, and one that does not answer will.
            if !self.session.has_ended() {
                _ = self.session.batch("ROLLBACK");
            }
        }
    }
}

/// What goes on between the two ends of a session, until it ends.
type Traffic = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>>>>;

/// Serves a session until nobody has it any more.
fn serve(address: &Address, tell: &mpsc::Sender<Result<Client, Trouble>>) {
    match connect(address) {
        Ok((runtime, client, traffic)) => {
            _ = tell.send(Ok(client));
            if let Err(error) = runtime.block_on(traffic) {
                tracing::warn!(%error, "the connection to PostgreSQL has ended");
            }
        }
        Err(error) => _ = tell.send(Err(error)),
    }
}

/// A server that takes a connection and says nothing is not waited for.
fn answered<T>(
    runtime: &Runtime,
    address: &Address,
    connecting: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Trouble> {
    let limit = 2 * address.config.get_connect_timeout().copied().unwrap_or_default();
    let silent = || Trouble::Session(format!("it has not answered for {} s", limit.as_secs()));
    Ok(runtime.block_on(async { tokio::time::timeout(limit, connecting).await }).map_err(|_| silent())??)
}

fn connect(address: &Address) -> Result<(Runtime, Client, Traffic), Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Trouble::session)?;
    let (client, traffic): (_, Traffic) = match &address.trust {
        Trust::Host => {
            let (client, connection) = answered(&runtime, address, address.config.connect(NoTls))?;
            (client, Box::pin(connection))
        }
        Trust::Certificate(authority) => {
            let tls = Tls::new(authority.as_deref())?;
            let (client, connection) = answered(&runtime, address, address.config.connect(tls))?;
            (client, Box::pin(connection))
        }
    };
    Ok((runtime, client, traffic))
}

/// Waits so long for an answer of the session's thread. Unlike that of a runtime, this can be done within one.
fn wait<F: Future>(answer: F, limit: Duration) -> Option<F::Output> {
    struct Waiting(Thread);
    impl Wake for Waiting {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let began = Instant::now();
    let mut answer = pin!(answer);
    let waker = Waker::from(Arc::new(Waiting(thread::current())));
    loop {
        match answer.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return Some(answer),
            Poll::Pending => thread::park_timeout(limit.checked_sub(began.elapsed())?),
        }
    }
}

/// A statement of the store as it is said here.
fn translated(sql: &str) -> String {
    let sql = sql.replace('?', "$");
    // Which index is best is known here.
    match sql.split_once(" INDEXED BY ") {
        Some((before, after)) => {
            let rest = after.split_once(char::is_whitespace).map_or("", |(_, rest)| rest);
            format!("{before} {rest}")
        }
        None => sql,
    }
}

/// A statement that makes a part of the form as it is said here.
fn form(sql: &str) -> String {
    [
        (" STRICT, WITHOUT ROWID", ""),
        (" STRICT", ""),
        ("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"),
        (" INTEGER", " BIGINT"),
        (" TEXT", " TEXT COLLATE \"C\""),
    ]
    .iter()
    .fold(sql.to_owned(), |sql, (there, here)| sql.replace(there, here))
}

/// A text without the one character that no text can hold here.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    text.replace(ESCAPE, "\u{1}1").replace('\0', "\u{1}0").into()
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains(ESCAPE) {
        return Cow::Borrowed(text);
    }
    text.replace("\u{1}0", "\0").replace("\u{1}1", "\u{1}").into()
}

type Odd = Box<dyn std::error::Error + Sync + Send>;

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Odd> {
        match (self, ty) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Integer(number), &Type::INT8) => number.to_sql(ty, out),
            (Self::Integer(number), &Type::INT4) => i32::try_from(*number)?.to_sql(ty, out),
            (Self::Text(text), &Type::TEXT) => escaped(text).to_sql(ty, out),
            _ => Err(format!("no value for a column of {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'r> FromSql<'r> for Value<'r> {
    fn from_sql(ty: &Type, raw: &'r [u8]) -> Result<Self, Odd> {
        Ok(match *ty {
            Type::INT8 => Self::Integer(i64::from_sql(ty, raw)?),
            Type::INT4 => Self::Integer(i32::from_sql(ty, raw)?.into()),
            Type::BOOL => Self::Integer(bool::from_sql(ty, raw)?.into()),
            _ => Self::Text(unescaped(<&str>::from_sql(ty, raw)?)),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Odd> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn every_text_comes_back() {
        for text in ["", "a", "\0", "\u{1}", "\u{1}0", "\u{1}1\0", "\0\u{1}\u{1}0é"] {
            let kept = escaped(text);
            assert!(!kept.contains('\0'));
            assert_eq!(unescaped(&kept), text);
        }
    }

    /// Something listens there that is no PostgreSQL, or one that is stopped.
    #[test]
    fn server_that_says_nothing_is_given_up() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        for more in ["", "?sslmode=verify-full"] {
            let mut address = Address::new(&format!("postgres://pia@127.0.0.1:{port}/x{more}")).unwrap();
            address.config.connect_timeout(Duration::from_millis(500));
            let Err(Trouble::Session(why)) = Session::open(&address) else { panic!("{more}") };
            assert_eq!(why, "it has not answered for 1 s");
        }
        assert!(wait(std::future::pending::<()>(), Duration::from_millis(1)).is_none());
    }
}
