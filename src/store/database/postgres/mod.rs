//! PostgreSQL, on which the store can be: a session that lives on a thread of its own, and whoever asks waits for the answer as
//! for a file.
//!
//! What SQLite promises holds here as well. One writes at a time, under an advisory lock that ends with the transaction, so
//! that numbers come in the order in which rows are seen, and what was read before a write is still so at the write. A
//! reader sees one moment. Texts come in the order of their bytes, and every text can be kept.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use futures_util::future::{join_all, maybe_done};
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

pub(super) use self::address::SIGNED_IN_FROM;
use self::address::Trust;
pub use self::address::{Address, Installation};
use self::dialect::translated;
use self::tls::Tls;
use super::{Value, Work};
use crate::domain::untrusted::Untrusted;
use crate::store::error::Trouble;
use crate::store::schema;

pub(super) use self::hosts::met;
pub(in crate::store) use self::named::Holding;
pub(super) use self::news::TELL_SETTINGS;
pub use self::news::{News, Told};
pub use self::services::{Seen, Service};

mod address;
mod bulk;
mod dialect;
mod hosts;
mod installations;
mod named;
mod news;
mod password;
mod renewal;
mod requests;
mod services;
mod tls;

/// Whoever writes, or brings the form up to date, holds it: "PiaW".
const WRITE_LOCK: i64 = 0x5069_6157;

/// The oldest server that will do: whoever made its database alone may make tables there.
const OLDEST: i32 = 15;

/// How long a session that reads may do nothing in between: nobody waits for it, but what it sees is kept for it.
const IDLE: &str = "SET idle_in_transaction_session_timeout = '1h'";

/// A plan that was made while a table was empty may read all of it once it is not: each statement is planned for itself.
const PLANS: &str = "SET plan_cache_mode = force_custom_plan";

/// Packs long texts ten times as fast as by itself. A server that was built without it refuses this.
const PACKED: &str = "SET default_toast_compression = lz4";

/// How often the server looks whether whoever asked is still there. One on a system without such a look refuses this.
const LOOKS: &str = "SET client_connection_check_interval = '10s'";

/// The session of a machine that is lost ends within a minute, and its locks with it. By itself, a server asks first after two
/// hours.
const LOST: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; \
                    SET tcp_keepalives_count = 4; SET tcp_user_timeout = 30000";

/// How much longer an answer is waited for than the server may work on it: it says itself that it has stopped.
const GRACE: Duration = Duration::from_secs(5);

/// A write that waits for the disk does so whatever the server, the database or the role says of it.
const DURABLE: &str =
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'; ";

/// How often whoever waits looks whether to go on.
const GLANCE: Duration = Duration::from_millis(100);

/// Rows that come at once where all of a table is read.
const FETCHED: usize = 100;

/// The table that says which form the others have. Its name says whose they are.
pub(super) const FORM: &str = "pia_halo_form";

/// A session, with the statements that are ready in it.
pub(in crate::store) struct Session {
    client: Client,
    statements: RefCell<HashMap<String, Statement>>,
    writes: Cell<bool>,
    only_looks: bool,
    /// How long the server may work on a statement, and how long one is waited for that only reads.
    limit: Duration,
    read_limit: Duration,
    /// How long a write may do nothing in between.
    idle: Duration,
    /// Whether to go on waiting.
    go_on: RefCell<Option<GoOn>>,
    /// Nobody waits for its answers any more, so nobody knows what it has done.
    given_up: Cell<bool>,
}

/// Says whether somebody still wants what is waited for.
pub type GoOn = Arc<dyn Fn() -> bool + Send + Sync>;

impl Session {
    /// Signs in. Nothing is written by that.
    pub(in crate::store) fn open(address: &Address) -> Result<Self, Trouble> {
        let (only_looks, idle) = (address.only_looks, address.idle);
        let (limit, read_limit) = (address.limit, address.read_limit);
        let address = address.clone();
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
            only_looks,
            limit,
            read_limit,
            idle,
            go_on: RefCell::default(),
            given_up: Cell::new(false),
        };
        let version = session.wait(session.client.query_one("SHOW server_version_num", &[]))??;
        require(version.try_get::<_, &str>(0)?.parse().map_err(Trouble::session)?)?;
        session.batch(&format!("{LOST}; {IDLE}; {PLANS}; SET statement_timeout = {}", limit.as_millis().max(1)))?;
        for wish in [LOOKS, PACKED] {
            match session.batch(wish) {
                Err(trouble) if trouble.has_ended_session() => return Err(trouble),
                _ => {}
            }
        }
        Ok(session)
    }

    /// From now on nothing is waited for once this says no.
    pub(super) fn heed(&self, go_on: GoOn) {
        self.go_on.replace(Some(go_on));
    }

    /// Whether the server has ended it, or is not reached any more.
    pub(super) fn has_ended(&self) -> bool {
        self.client.is_closed() || self.given_up.get()
    }

    fn wait<F: Future>(&self, answer: F) -> Result<F::Output, Trouble> {
        let limit = if self.writes.get() { self.limit } else { self.limit.min(self.read_limit) } + GRACE;
        let go_on = self.go_on.borrow();
        wait(answer, limit, go_on.as_deref()).map_err(|end| {
            self.given_up.set(true);
            match end {
                End::TooLate => Trouble::Session(format!("it has not answered for {} s", limit.as_secs())),
                End::Stopped => Trouble::Stopped,
            }
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

    /// Does the same with each of these values. All are on their way before the first answer comes, which takes as long as one.
    pub(super) fn execute_each<'a>(
        &self,
        statement: &Statement,
        rows: &[impl AsRef<[Value<'a>]>],
    ) -> Result<Vec<u64>, Trouble> {
        let sent = rows.iter().map(|args| Box::pin(maybe_done(self.client.execute_raw(statement, args.as_ref()))));
        let mut sent: Vec<_> = sent.collect();
        // Each is sent when it is polled first: in this order.
        let mut nobody = Context::from_waker(Waker::noop());
        sent.iter_mut().for_each(|one| _ = one.as_mut().poll(&mut nobody));
        self.wait(join_all(sent.iter_mut().map(Pin::as_mut)))?;
        let done = sent.iter_mut().filter_map(|one| one.as_mut().take_output());
        Ok(done.collect::<Result<_, _>>()?)
    }

    pub(super) fn query_each<'a>(
        &self,
        statement: &Statement,
        rows: &[impl AsRef<[Value<'a>]>],
    ) -> Result<Vec<Vec<Row>>, Trouble> {
        let asked = rows.iter().map(|args| async move {
            let found = self.client.query_raw(statement, args.as_ref()).await?;
            found.try_collect().await
        });
        Ok(self.wait(join_all(asked))?.into_iter().collect::<Result<_, _>>()?)
    }

    /// Hands over each row, some at a time: no statement lasts as long as all of them. In a transaction.
    pub(super) fn stream(&self, sql: &str, mut take: impl FnMut(&Row) -> Result<(), Trouble>) -> Result<(), Trouble> {
        self.batch(&format!("DECLARE whole NO SCROLL CURSOR FOR {}", translated(sql)))?;
        let fetch = self.wait(self.client.prepare(&format!("FETCH {FETCHED} FROM whole")))??;
        loop {
            let rows = self.query(&fetch, &[])?;
            rows.iter().try_for_each(&mut take)?;
            if rows.len() < FETCHED {
                return self.batch("CLOSE whole");
            }
        }
    }

    /// Does what asks for no answer.
    pub(super) fn batch(&self, sql: &str) -> Result<(), Trouble> {
        Ok(self.wait(self.client.batch_execute(sql))??)
    }

    /// Begins a transaction. Whoever else writes is waited for.
    pub(super) fn begin(&self, work: Work) -> Result<Begun<'_>, Trouble> {
        if self.only_looks && work != Work::Read {
            return Err(Trouble::OnlyLooks);
        }
        let begin = match work {
            Work::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned(),
            Work::Write => self.begin_write(DURABLE),
            Work::WriteSoon => self.begin_write("SET LOCAL synchronous_commit = off; "),
        };
        // Whatever of it was done is taken back with it.
        let begun = Begun { session: self, is_open: true };
        if let Err(trouble) = self.batch(&begin) {
            drop(begun);
            return Err(if trouble.is_lock() { Trouble::Writing(self.writer()) } else { trouble });
        }
        self.writes.set(work != Work::Read);
        Ok(begun)
    }

    /// What the session that writes now is called.
    fn writer(&self) -> Option<String> {
        let sql = format!(
            "SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid)
             WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND CAST(objid AS BIGINT) = {WRITE_LOCK}
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        );
        let rows = self.wait(self.client.query(&sql, &[])).ok()?.ok()?;
        let name: Option<String> = rows.first()?.try_get(0).ok()?;
        name.filter(|name| !name.is_empty()).map(|name| Untrusted::new(&name).display())
    }

    /// Others wait for its end: one of a program that was stopped in the middle is ended there.
    fn begin_write(&self, how: &str) -> String {
        let idle = self.idle.as_millis().max(1);
        format!(
            "BEGIN; {how}SET LOCAL idle_in_transaction_session_timeout = {idle}; \
             SELECT pg_advisory_xact_lock({WRITE_LOCK})"
        )
    }

    /// Whether a write was begun.
    pub(super) fn is_writing(&self) -> bool {
        self.writes.get()
    }

    /// Waits no longer than this for another program's write.
    pub(super) fn set_patience(&self, patience: Duration) -> Result<(), Trouble> {
        self.batch(&format!("SET lock_timeout = {}", patience.as_millis().max(1)))
    }

    /// Makes or upgrades the form where that is due. Where it is not, nothing is written, and nobody is waited for.
    pub(super) fn be_of_form(&self) -> Result<(), Trouble> {
        if self.form()? == Some(schema::VERSION) && self.missing_indexes()?.is_empty() {
            return Ok(());
        }
        let begun = self.begin(Work::Write)?;
        self.bring_up()?;
        begun.commit()
    }

    /// The version of the form that is in the database; none where nothing is. From then on every name is one of its schema,
    /// whatever schemas are made later.
    pub(super) fn form(&self) -> Result<Option<i64>, Trouble> {
        let known = schema::VERSION;
        // One question: between two, another program could make the form.
        let tables = self.tables_there()?;
        let form = tables.iter().find(|(_, table, _)| table == FORM);
        let pinned = "SELECT set_config('search_path', quote_ident(coalesce($1, current_schema()::TEXT)), false)";
        let schema = form.map(|(schema, ..)| schema);
        self.wait(self.client.query_one(pinned, &[&schema]))??;
        if form.is_none() {
            return if tables.is_empty() { Ok(None) } else { Err(Trouble::Foreign) };
        }
        let row = self.wait(self.client.query_one(&format!("SELECT version FROM {FORM}"), &[]))??;
        let found = row.try_get(0)?;
        if found > known { Err(Trouble::Newer { found, known }) } else { Ok(Some(found)) }
    }

    /// The tables that are beside that of the form, but for what belongs to an extension.
    pub(super) fn tables(&self) -> Result<Vec<String>, Trouble> {
        let ours = self.tables_there()?.into_iter().filter(|(_, table, is_in_schema)| *is_in_schema && table != FORM);
        Ok(ours.map(|(_, table, _)| table).collect())
    }

    /// Every table of the database with its schema, and whether that is the one of names without one: that comes first.
    fn tables_there(&self) -> Result<Vec<(String, String, bool)>, Trouble> {
        let sql = "SELECT CAST(nspname AS TEXT), CAST(relname AS TEXT), nspname IS NOT DISTINCT FROM current_schema()
                   FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                   WHERE relkind IN ('r', 'p') AND nspname <> 'information_schema' AND NOT starts_with(nspname::TEXT, 'pg_')
                   AND NOT EXISTS (SELECT 1 FROM pg_depend
                   WHERE classid = CAST('pg_class' AS regclass) AND objid = pg_class.oid AND deptype = 'e')
                   ORDER BY 3 DESC, 1, 2";
        let rows = self.wait(self.client.query(sql, &[]))??;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
    }

    fn missing_indexes(&self) -> Result<Vec<&'static str>, Trouble> {
        let sql = "SELECT CAST(indexname AS TEXT) FROM pg_indexes WHERE schemaname = current_schema()";
        let rows = self.wait(self.client.query(sql, &[]))??;
        let there = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
        let missing = schema::indexes().filter(|(name, _)| !there.iter().any(|is| is == name));
        Ok(missing.map(|(_, sql)| sql).collect())
    }

    /// Makes or upgrades the form, in a write that was begun.
    pub(super) fn bring_up(&self) -> Result<(), Trouble> {
        let found = self.form()?;
        if found.is_none() {
            self.batch(&format!(
                "CREATE TABLE {FORM} (version BIGINT NOT NULL, copied_from TEXT, copied_at TEXT); \
                 INSERT INTO {FORM} (version) VALUES (0)"
            ))?;
        }
        for upgrade in schema::upgrades(found.unwrap_or(0)) {
            self.batch(&dialect::form(upgrade))?;
        }
        for index in self.missing_indexes()? {
            self.batch(index)?;
        }
        self.batch(&format!("UPDATE {FORM} SET version = {}", schema::VERSION))
    }
}

/// Refuses a server that is too old, by the number in which it says its version.
fn require(version: i32) -> Result<(), Trouble> {
    if version < OLDEST * 10_000 {
        return Err(Trouble::OldServer { found: version / 10_000, oldest: OLDEST });
    }
    Ok(())
}

/// A transaction that was begun: taken back where it is dropped before its end.
pub(super) struct Begun<'a> {
    session: &'a Session,
    is_open: bool,
}

impl Begun<'_> {
    /// Keeps what was written.
    ///
    /// # Errors
    ///
    /// [`Trouble::Unknown`] where the answer is lost: it may be kept.
    pub(super) fn commit(mut self) -> Result<(), Trouble> {
        let wrote = self.session.writes.get();
        // The last word is waited for, whoever wants to stop: otherwise nobody knows whether it counts.
        let go_on = self.session.go_on.take();
        // Where a statement has failed, the server would take everything back without a word: then the first of these fails.
        // Whoever waits for news is told once it is kept, and not before.
        let done = self.session.batch(&format!("{}; COMMIT", if wrote { news::TELL } else { "SELECT 1" }));
        self.session.go_on.replace(go_on);
        self.session.writes.set(false);
        self.is_open = done.is_err();
        done.map_err(|trouble| match trouble.has_ended_session() && wrote {
            true => Trouble::Unknown(Box::new(trouble)),
            false => trouble,
        })
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
    match connect(address, |_| {}) {
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

/// Signs in, with another password where the server refuses the one of before; `told` is called for everything that is told
/// unasked.
fn connect(address: &Address, told: impl Fn(Told) + Clone + 'static) -> Result<(Runtime, Client, Traffic), Trouble> {
    let config = address.with_last_password();
    let signed_in = sign_in(address, &config, told.clone());
    if let Err(Trouble::Server(error)) = &signed_in
        && error.code() == Some(&SqlState::INVALID_PASSWORD)
        && let Some(config) = address.with_another_password(&config)
    {
        return sign_in(address, &config, told);
    }
    signed_in
}

fn sign_in(
    address: &Address,
    config: &Config,
    told: impl Fn(Told) + 'static,
) -> Result<(Runtime, Client, Traffic), Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Trouble::session)?;
    let connected = match &address.trust {
        Trust::Host => answered(&runtime, address, config.connect(NoTls))
            .map(|(client, connection)| (client, Box::pin(news::traffic(connection, told)) as Traffic)),
        Trust::Certificate(authority) => Tls::new(authority.as_deref()).and_then(|tls| {
            let (client, connection) = answered(&runtime, address, config.connect(tls))?;
            Ok((client, Box::pin(news::traffic(connection, told)) as Traffic))
        }),
    };
    match connected {
        Ok((client, traffic)) => Ok((runtime, client, traffic)),
        Err(trouble) => {
            // A look-up of the name that hangs is not waited for.
            runtime.shutdown_background();
            Err(trouble)
        }
    }
}

/// Why an answer is not waited for any more.
enum End {
    TooLate,
    Stopped,
}

/// Waits so long for an answer of the session's thread. Unlike that of a runtime, this can be done within one.
fn wait<F: Future>(
    answer: F,
    limit: Duration,
    go_on: Option<&(dyn Fn() -> bool + Send + Sync)>,
) -> Result<F::Output, End> {
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
        if let Poll::Ready(answer) = answer.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Ok(answer);
        }
        let left = limit.checked_sub(began.elapsed()).ok_or(End::TooLate)?;
        match go_on {
            None => thread::park_timeout(left),
            Some(go_on) if go_on() => thread::park_timeout(left.min(GLANCE)),
            Some(_) => return Err(End::Stopped),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::domain::failure::FailureKind;
    use crate::store::postgres_tests::Postgres;

    /// A machine without power says no goodbye.
    #[test]
    fn server_looks_whether_machine_is_still_there() {
        let Some(mut postgres) = Postgres::start() else { return };
        postgres.stop();
        postgres.start_again(&["listen_addresses=127.0.0.1"]);
        let address = Address::new(&format!("postgres://pia@127.0.0.1:{}/postgres", postgres.port)).unwrap();
        let session = Session::open(&address).unwrap();
        for (setting, is) in [
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "4"),
            ("tcp_user_timeout", "30000"),
            ("client_connection_check_interval", "10s"),
        ] {
            let row = session.wait(session.client.query_one(&format!("SHOW {setting}"), &[])).unwrap().unwrap();
            assert_eq!(row.get::<_, &str>(0), is, "{setting}");
        }
    }

    /// Another session may end: it is no fault of the store.
    #[test]
    fn server_with_too_many_clients_is_not_reached() {
        let Some(mut postgres) = Postgres::start() else { return };
        let url = postgres.new_database("crowded");
        postgres.stop();
        postgres.start_again(&["max_connections=4", "max_wal_senders=0", "superuser_reserved_connections=0"]);
        let address = Address::new(&url).unwrap();
        let mut sessions = Vec::new();
        let trouble = loop {
            match Session::open(&address) {
                Ok(session) => sessions.push(session),
                Err(trouble) => break trouble,
            }
        };
        let error = trouble.on("it");
        assert_eq!(crate::domain::failure::Failure::from(error).kind, FailureKind::NotReached, "{}", sessions.len());
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
        let forever = |go_on| wait(std::future::pending::<()>(), Duration::from_millis(1), go_on);
        assert!(matches!(forever(None), Err(End::TooLate)));
        assert!(matches!(forever(Some(&|| false)), Err(End::Stopped)));
    }

    #[test]
    fn server_before_fifteen_is_too_old() {
        assert!(matches!(require(149_999), Err(Trouble::OldServer { found: 14, oldest: 15 })));
        assert!(matches!(require(90_624), Err(Trouble::OldServer { found: 9, .. })));
        require(150_000).unwrap();
        require(180_001).unwrap();
    }
}
