//! The tests of this room once more, on a real PostgreSQL that is started for them, and what only a server can do.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::test_support::{SERVER, all_seen, at, client, database, file_store, id, report, stage, staged, sync};
use super::*;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::include::IncludeRule;
use crate::domain::sync_run::SyncStatus;

#[path = "../../tests/support/postgres.rs"]
mod postgres;

/// A server for a test; none where PostgreSQL is not installed, or where the tests of this room run on one.
pub struct Postgres(postgres::Server);

impl Postgres {
    pub fn start() -> Option<Self> {
        Self::start_with(None)
    }

    pub fn start_with(password: Option<&str>) -> Option<Self> {
        if std::env::var_os(SERVER).is_some() { None } else { postgres::Server::start_with(password).map(Self) }
    }

    pub fn store(&self) -> (Address, Store) {
        let address = database(&self.url());
        let store = Store::on(&address).unwrap();
        (address, store)
    }
}

impl std::ops::Deref for Postgres {
    type Target = postgres::Server;

    fn deref(&self) -> &postgres::Server {
        &self.0
    }
}

impl std::ops::DerefMut for Postgres {
    fn deref_mut(&mut self) -> &mut postgres::Server {
        &mut self.0
    }
}

/// The name of the database of an address.
fn name_of(address: &Address) -> String {
    address.shown().rsplit(' ').next().unwrap().to_owned()
}

/// The kind of failure, and what it says behind the name of the server.
pub fn told<T: std::fmt::Debug>(result: Result<T, StoreError>) -> (FailureKind, String) {
    let error = result.unwrap_err();
    let StoreError::Server { fault, .. } = &error else { panic!("{error}") };
    let said = fault.to_string();
    (Failure::from(error).kind, said)
}

fn batch(store: &Store, sql: &str) {
    let done = store.ask(|db| {
        db.batch(sql);
        Ok(())
    });
    done.unwrap();
}

/// What is not about the file of the store holds on PostgreSQL as well.
#[test]
fn every_promise_of_store_holds_on_postgres() {
    let Some(server) = Postgres::start() else { return };
    let done = Command::new(std::env::current_exe().unwrap())
        .args("store:: --skip store::audit --skip store::copy --skip store::aside".split(' '))
        // It is about the file alone, and heavy: once is enough, and that is beside this.
        .args(["--skip", "many_programs_may_open_new_database_at_once", "--test-threads=2"])
        .env(SERVER, server.url())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}");
    // A room that has got another name would be left out without a word.
    let passed = said.split_once("test result: ok. ").and_then(|(_, rest)| rest.split_once(" passed"));
    let passed: u32 = passed.unwrap().0.parse().unwrap();
    assert!(passed >= 100, "{said}");
}

/// Two programs never write at once: numbers come in the order in which rows are seen.
#[test]
fn one_writes_to_server_at_once_and_other_is_told() {
    let Some(server) = Postgres::start() else { return };
    let (address, store) = server.store();
    let other = Store::on(&address).unwrap().patient_for(Duration::from_millis(1_100)).unwrap();
    thread::scope(|scope| {
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let store = &store;
        scope.spawn(move || {
            let held = store.write(|db| {
                db.execute("INSERT INTO configurations (id) VALUES ('acme')", &[])?;
                begun.send(()).unwrap();
                ends.recv().unwrap();
                Ok(())
            });
            held.unwrap();
        });
        has_begun.recv().unwrap();
        let (kind, said) = told(other.begin_run(&id("acme"), at(0)));
        assert_eq!((kind, said), (FailureKind::Busy, format!("pia-halo on {} is writing to it for 1 s", host_name())));
        assert_eq!(other.clients(&id("acme")).unwrap(), [], "whoever reads does not wait");
        end.send(()).unwrap();
    });
    other.begin_run(&id("acme"), at(0)).unwrap();
}

/// What the server has taken is there after it was killed, and whoever has it open goes on with it.
#[test]
fn store_is_used_again_once_server_is_back() {
    let Some(mut server) = Postgres::start() else { return };
    let (address, store) = server.store();
    sync(&store, "acme", 0, &[client(1, "a")]);
    server.stop();
    for again in 0..2 {
        let (kind, said) = told(store.clients(&id("acme")));
        assert!(kind == FailureKind::NotReached && said.starts_with("it is not reached: "), "{again}: {said}");
    }
    let (kind, _) = told(Store::on(&address));
    assert_eq!(kind, FailureKind::NotReached);
    server.start_again(&[]);
    assert_eq!(store.clients(&id("acme")).unwrap().len(), 1);
    sync(&store, "acme", 1, &[client(1, "a"), client(2, "b")]);
    assert_eq!(Store::on(&address).unwrap().clients(&id("acme")).unwrap().len(), 2);
}

/// The server itself ends it, so that nobody waits for the write that was given up; and the session goes on.
#[test]
fn statement_that_takes_too_long_is_ended_and_taken_back() {
    let Some(server) = Postgres::start() else { return };
    let mut address = server.store().0;
    address.limit = Duration::from_secs(1);
    let store = Store::on(&address).unwrap();
    let hangs = store.write(|db| {
        db.execute("INSERT INTO configurations (id) VALUES ('acme')", &[])?;
        db.value::<i64>("SELECT CAST(length(CAST(pg_sleep(30) AS TEXT)) AS BIGINT)", &[])
    });
    let (kind, said) = told(hangs);
    assert_eq!(
        (kind, said.as_str()),
        (FailureKind::NotReached, "it is not reached: it has taken too long and was stopped there")
    );
    let count = |db: &Database| db.value::<i64>("SELECT count(*) FROM configurations", &[]);
    assert_eq!(store.ask(count).unwrap(), 0);
    Store::on(&address).unwrap().begin_run(&id("acme"), at(0)).unwrap();
}

/// A server that does not answer any more, such as one whose disk hangs.
#[test]
fn statement_that_is_not_answered_is_given_up() {
    let Some(server) = Postgres::start() else { return };
    let mut address = server.store().0;
    address.limit = Duration::from_secs(1);
    let store = Store::on(&address).unwrap();
    let pid = store.ask(|db| db.value::<i64>("SELECT CAST(pg_backend_pid() AS BIGINT)", &[])).unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let (kind, said) = told(store.clients(&id("acme")));
    assert_eq!((kind, said.as_str()), (FailureKind::NotReached, "it is not reached: it has not answered for 6 s"));
    assert_eq!(store.clients(&id("acme")).unwrap(), [], "by a session of its own");
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
}

/// The answer to the last word of a write is lost on its way: the write counts, so nobody may say that it does not.
#[test]
fn write_whose_answer_is_lost_is_told_as_not_known() {
    let Some(server) = Postgres::start() else { return };
    let (address, _) = server.store();
    let socket = server.folder.path().join(format!(".s.PGSQL.{}", server.port));
    let way = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://pia@127.0.0.1:{}/{}", way.local_addr().unwrap().port(), name_of(&address));
    thread::spawn(move || {
        for client in way.incoming() {
            let (mut client, server) = (client.unwrap(), UnixStream::connect(&socket).unwrap());
            let (mut back, mut answers) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let mut server = server;
            let cut = Arc::new(AtomicUsize::new(0));
            let is_cut = Arc::clone(&cut);
            thread::spawn(move || {
                let mut bytes = [0; 1 << 16];
                while let Ok(count @ 1..) = answers.read(&mut bytes) {
                    if is_cut.load(Ordering::SeqCst) == 1 {
                        break;
                    }
                    back.write_all(&bytes[..count]).unwrap();
                }
                _ = back.shutdown(std::net::Shutdown::Both);
            });
            let mut bytes = [0; 1 << 16];
            while let Ok(count @ 1..) = client.read(&mut bytes) {
                if bytes[..count].windows(6).any(|word| word == b"COMMIT") {
                    cut.store(1, Ordering::SeqCst);
                }
                server.write_all(&bytes[..count]).unwrap();
            }
        }
    });
    let store = Store::around(Path::new("there"), Database::look(&Address::new(&url).unwrap()).unwrap().0);
    let (kind, said) = told(store.write(|db| db.execute("INSERT INTO configurations (id) VALUES ('acme')", &[])));
    assert_eq!(kind, FailureKind::NotReached);
    assert!(said.starts_with("it is not known whether it has kept what was written: "), "{said}");
    assert_eq!(server.sql(&name_of(&address), "SELECT count(*) FROM configurations"), "1");
}

/// The server would take everything back without a word.
#[test]
fn write_with_failed_statement_is_no_success() {
    let Some(server) = Postgres::start() else { return };
    let (_, store) = server.store();
    let swallowed = store.write(|db| {
        db.execute("INSERT INTO configurations (id) VALUES ('acme')", &[])?;
        _ = db.execute("INSERT INTO configurations (id) VALUES (NULL)", &[]);
        Ok(())
    });
    let (_, said) = told(swallowed);
    assert!(said.contains("transaction is aborted"), "{said}");
    sync(&store, "acme", 0, &[client(1, "a")]);
}

/// One that waits for a person or a disk between two statements is not ended by the server, as long as it goes on.
#[test]
fn copy_that_is_slow_to_read_is_not_ended_by_server() {
    let Some(server) = Postgres::start() else { return };
    let mut address = database(&server.url());
    address.idle = Duration::from_secs(3);
    let (_folder, own) = file_store();
    sync(&own, "acme", 0, &(0..300).map(|n| client(n, "a")).collect::<Vec<_>>());
    let slow = Arc::new(|| {
        thread::park_timeout(Duration::from_millis(15));
        true
    });
    let began = Instant::now();
    Remote::open(&address, slow).unwrap().take(&own, None, Some(at(1))).unwrap();
    assert!(began.elapsed() > Duration::from_secs(3));
    // One that has stopped in the middle keeps the others for so long, and no longer.
    let store = Store::on(&address).unwrap();
    let stops = store.write(|db| {
        thread::park_timeout(Duration::from_secs(4));
        db.execute("DELETE FROM clients", &[])
    });
    assert_eq!(told(stops).0, FailureKind::NotReached);
}

/// Signs in to a database of a server, and looks.
fn look(server: &Postgres, name: &str) -> Result<Remote, StoreError> {
    Remote::open(&Address::new(&format!("{}/{name}", server.url())).unwrap(), Arc::new(|| true))
}

const TABLES: &str = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
                      WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'";

/// Signing in writes nothing, whatever is there: that is for whoever has agreed to it.
#[test]
fn look_at_server_writes_nothing() {
    let Some(server) = Postgres::start() else { return };
    server.new_database("empty");
    assert_eq!(look(&server, "empty").unwrap().holds().unwrap(), None);
    assert_eq!(server.sql("empty", TABLES), "");
    // Somebody else's, with a table of a name of ours.
    server.new_database("theirs");
    server.sql("theirs", "CREATE TABLE clients (id INT); CREATE TABLE form (version INT); INSERT INTO form VALUES (3)");
    let (kind, said) = told(look(&server, "theirs").map(drop));
    assert_eq!((kind, said.as_str()), (FailureKind::LocalState, "the database holds tables of another program"));
    assert_eq!(server.sql("theirs", TABLES), "clients form");
}

/// What is made between the look and the write, while that waits for its turn, is ours as well.
#[test]
fn form_that_another_machine_makes_meanwhile_is_seen() {
    let Some(server) = Postgres::start() else { return };
    for _ in 0..5 {
        let address = database(&server.url());
        let together = std::sync::Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let (mut database, form) = Database::look(&address).unwrap();
                    assert_eq!(form, None);
                    together.wait();
                    database.write(Database::bring_up).unwrap();
                });
            }
        });
    }
}

/// Where it was made, it is found again, whatever is made beside it; that is nobody's copy.
#[test]
fn copy_is_found_in_its_schema_beside_tables_of_others() {
    let Some(server) = Postgres::start() else { return };
    let (_folder, own) = file_store();
    sync(&own, "acme", 0, &[client(1, "a")]);
    server.new_database("copy");
    look(&server, "copy").unwrap().take(&own, None, Some(at(1))).unwrap();
    let before = look(&server, "copy").unwrap().holds().unwrap();
    // A schema with the name of the role comes before every other one by itself.
    server.sql("copy", "CREATE SCHEMA pia; CREATE TABLE pia.clients (id INT); INSERT INTO pia.clients VALUES (7), (8)");
    server.sql("copy", "CREATE TABLE public.mine (id INT); INSERT INTO public.mine VALUES (7)");
    let mut remote = look(&server, "copy").unwrap();
    assert_eq!(remote.holds().unwrap(), before);
    let (_other, empty) = file_store();
    remote.give(&empty).unwrap();
    assert_eq!(empty.clients(&id("acme")).unwrap().len(), 1);
    sync(&own, "acme", 1, &[client(1, "a"), client(2, "b")]);
    remote.take(&own, Some(&before), Some(at(2))).unwrap().unwrap();
    let counts = ["public.clients", "public.mine", "pia.clients"]
        .map(|table| server.sql("copy", &format!("SELECT count(*) FROM {table}")));
    assert_eq!(counts, ["2", "1", "2"]);
    // Where no copy was made yet, the database is not for it.
    server.new_database("theirs");
    server.sql("theirs", "CREATE SCHEMA theirs; CREATE TABLE theirs.orders (id INT)");
    let (_, said) = told(look(&server, "theirs").map(drop));
    assert_eq!(said, "the database holds tables of another program");
}

/// Another machine may have begun meanwhile: nothing of such a copy is kept, at either end.
#[test]
fn copy_that_loses_its_lock_is_taken_back() {
    let Some(server) = Postgres::start() else { return };
    let (_folder, own) = file_store();
    let (_other, empty) = file_store();
    sync(&own, "acme", 0, &[client(1, "a")]);
    let address = Address::new(&server.new_database("copy")).unwrap();
    let (mut lock_is_lost, in_the_middle) = (false, Arc::new(AtomicUsize::new(0)));
    let ends = {
        let (address, in_the_middle) = (address.clone(), Arc::clone(&in_the_middle));
        // Once the copy is at the clients, its lock ends.
        move || {
            if in_the_middle.load(Ordering::SeqCst) == 1 {
                let other = Database::look(&address).unwrap().0;
                other.batch(
                    "SELECT pg_terminate_backend(pid, 9000) FROM pg_locks WHERE objsubid = 2
                     AND EXISTS (SELECT FROM pg_locks WHERE relation = 'clients'::regclass AND pid <> pg_backend_pid())",
                );
            }
            true
        }
    };
    let mut remote = Remote::open(&address, Arc::new(ends)).unwrap();
    for at_second in 1..3 {
        let lock = NamedLock::take(&address, "store copy", "{}", (Duration::ZERO, |_: &str| false)).unwrap().unwrap();
        remote.under(&lock);
        let taken = remote.take(&own, None, Some(at(at_second)));
        if lock_is_lost {
            let lost = "it is not reached: the lock that keeps other machines away was lost";
            assert_eq!(told(taken), (FailureKind::NotReached, lost.to_owned()));
            in_the_middle.store(0, Ordering::SeqCst);
            assert_eq!(told(remote.give(&empty)), (FailureKind::NotReached, lost.to_owned()));
        } else {
            taken.unwrap().unwrap();
            (lock_is_lost, _) = (true, in_the_middle.store(1, Ordering::SeqCst));
        }
    }
    assert_eq!(look(&server, "copy").unwrap().holds().unwrap().unwrap().copied.unwrap().1, at(1));
    assert_eq!(empty.clients(&id("acme")).unwrap(), []);
}

/// Whoever has lost his lock neither publishes nor ends a run, nor notes anything else: another host may be at it by now.
#[test]
fn nothing_is_written_under_lock_that_is_lost() {
    let Some(server) = Postgres::start() else { return };
    let (address, store) = server.store();
    let lock = NamedLock::take(&address, "sync-acme", "{}", (Duration::ZERO, |_: &str| false)).unwrap().unwrap();
    let under = store.under(&lock);
    sync(&under, "acme", 0, &[client(1, "a")]);
    let run = under.begin_run(&id("acme"), at(1)).unwrap();
    let known = under.known(&id("acme")).unwrap();
    stage(&under, run, &known, 1, &[client(1, "a"), client(2, "b")]);
    server.sql(
        &name_of(&address),
        "SELECT pg_terminate_backend(pid, 9000) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1349083470",
    );
    let lost =
        (FailureKind::NotReached, "it is not reached: the lock that keeps other machines away was lost".to_owned());
    let rule = IncludeRule::default();
    let publication = all_seen(FreshLists::default(), &rule);
    let complete = |_, _| report(SyncStatus::Complete, 1);
    assert_eq!(told(under.publish(run, &known, &publication, at(1), complete)), lost);
    assert_eq!(told(under.end_run(run, &report(SyncStatus::Failed, 1))), lost);
    let staged = staged(0, 2, &[client(3, "c")]);
    assert!(under.stage(run, &staged, at(1)).is_err());
    assert_eq!(told(under.set_configured_at(&id("acme"), Some(at(1)))), lost);
    assert_eq!(under.clients(&id("acme")).unwrap().len(), 1, "reading is no harm");
    assert_eq!(store.runs(&id("acme"), 9).unwrap().len(), 1);
    // Another one goes on, under a lock that it has.
    let other = Store::on(&address).unwrap();
    let lock = NamedLock::take(&address, "sync-acme", "{}", (Duration::ZERO, |_: &str| false)).unwrap().unwrap();
    sync(&other.under(&lock), "acme", 2, &[client(1, "a"), client(2, "b")]);
    let runs: Vec<SyncStatus> = other.runs(&id("acme"), 9).unwrap().iter().map(|run| run.status).collect();
    assert_eq!(runs, [SyncStatus::Complete, SyncStatus::Interrupted, SyncStatus::Complete]);
}

/// The last word of a write was said already: whether it counts is waited for, whoever wants to stop.
#[test]
fn write_that_is_stopped_at_its_end_is_told_as_what_it_is() {
    let Some(server) = Postgres::start() else { return };
    let (address, _) = server.store();
    let mut database = Database::look(&address).unwrap().0;
    let stop = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&stop);
    let go_on: GoOn = Arc::new(move || asked.load(Ordering::SeqCst) == 0);
    database.heed(&go_on);
    let written = database.write(|db| {
        db.execute("INSERT INTO configurations (id) VALUES ('acme')", &[])?;
        stop.store(1, Ordering::SeqCst);
        Ok(())
    });
    written.unwrap();
    assert_eq!(server.sql(&name_of(&address), "SELECT count(*) FROM configurations"), "1");
}

/// It is read as one of now, and stays what it is until it is replaced.
#[test]
fn older_form_on_server_is_read_and_left_as_it_is() {
    let Some(server) = Postgres::start() else { return };
    let (_folder, own) = file_store();
    sync(&own, "acme", 0, &[client(1, "a")]);
    server.new_database("older");
    look(&server, "older").unwrap().take(&own, None, Some(at(1))).unwrap();
    server.sql(
        "older",
        "ALTER TABLE configurations DROP COLUMN on_at, DROP COLUMN missed_since, DROP COLUMN misses;
         DROP TABLE settings, trails, trail; DROP TABLE change_reports; CREATE TABLE change_reports (run BIGINT PRIMARY KEY, changes TEXT NOT NULL);
         DROP INDEX events_by_age; UPDATE pia_halo_form SET version = 10",
    );
    let before = server.sql("older", TABLES);
    let (_other, empty) = file_store();
    let mut remote = look(&server, "older").unwrap();
    assert_eq!(remote.holds().unwrap().unwrap().clients, 1);
    remote.give(&empty).unwrap();
    assert_eq!(empty.clients(&id("acme")).unwrap().len(), 1);
    let version = "SELECT version FROM pia_halo_form";
    assert_eq!((server.sql("older", version), server.sql("older", TABLES)), ("10".to_owned(), before));
    look(&server, "older").unwrap().take(&own, None, Some(at(2))).unwrap();
    assert_eq!(server.sql("older", version), schema::VERSION.to_string());
    assert_eq!(server.sql("older", "SELECT count(*) FROM pg_class WHERE relname = 'events_by_age'"), "1");
}

/// Where nothing is to be made, nobody who writes is waited for.
#[test]
fn sign_in_waits_for_no_writer() {
    let Some(server) = Postgres::start() else { return };
    let (address, store) = server.store();
    let ended = store.write(|db| {
        db.execute("DELETE FROM events", &[])?;
        Ok(Store::on(&address).map(drop))
    });
    ended.unwrap().unwrap();
}

/// Each has a sentence of its own, and nothing is written.
#[test]
fn server_that_will_not_do_is_told_by_what_is_wrong() {
    let Some(server) = Postgres::start() else { return };
    let (address, store) = server.store();
    let said_by = |text: &str| told(Store::on(&Address::new(text).unwrap()));
    let (kind, said) = said_by(&format!("{}/nowhere", server.url()));
    assert_eq!(
        (kind, said.as_str()),
        (FailureKind::LocalState, "the sign-in is refused: database \"nowhere\" does not exist")
    );
    let (kind, said) = said_by(&server.url().replace("pia@", "nobody@"));
    assert_eq!(
        (kind, said.as_str()),
        (FailureKind::LocalState, "the sign-in is refused: role \"nobody\" does not exist")
    );
    // A role that may sign in, and no more.
    batch(&store, "CREATE ROLE guest LOGIN");
    let empty = database(&server.url());
    let name = name_of(&empty);
    let (kind, said) = said_by(&format!("{}/{name}", server.url().replace("pia@", "guest@")));
    assert_eq!(kind, FailureKind::LocalState);
    assert_eq!(said, "the role may not do this: permission denied for schema public");
    // A form of a newer program, before and while it is open.
    batch(&store, "UPDATE pia_halo_form SET version = 1000");
    let newer = format!("the store in it has version 1000; this pia-halo supports version {}", schema::VERSION);
    for (kind, said) in [told(Store::on(&address)), told(store.begin_run(&id("acme"), at(0)))] {
        assert_eq!((kind, said), (FailureKind::LocalState, newer.clone()));
    }
    let (kind, said) = told::<()>(Err(Trouble::OldServer { found: 14, oldest: 15 }.on("there")));
    assert_eq!((kind, said.as_str()), (FailureKind::LocalState, "it is version 14; version 15 or newer is needed"));
    let unread = format!("{}/{name}?sslmode=verify-full&sslrootcert=/none", server.url());
    let (kind, said) = said_by(&unread);
    assert!(
        kind == FailureKind::LocalState && said.starts_with("the file of sslrootcert cannot be used: /none: "),
        "{said}"
    );
}

/// A certificate has to be for the name in the address, by an authority that is believed.
#[test]
fn server_whose_certificate_does_not_fit_is_not_told_anything() {
    let Some(mut server) = Postgres::start() else { return };
    let (address, _) = server.store();
    let name = name_of(&address);
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = KeyPair::generate().unwrap();
    let root = params.self_signed(&authority).unwrap();
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::from_params(&params, &authority);
    let shown = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let (cert, key) = (server.file("server.crt", &shown.pem()), server.file("server.key", &key.serialize_pem()));
    let root = server.file("root.crt", &root.pem());
    let port = server.port;
    let at = |host: &str, more: &str| {
        let address = format!("postgres://pia@{host}:{port}/{name}?sslmode=verify-full{more}");
        Store::on(&Address::new(&address).unwrap())
    };
    let ours = format!("&sslrootcert={}", root.display());
    let by_tcp = "listen_addresses=127.0.0.1";
    server.stop();
    server.start_again(&[by_tcp]);
    let (kind, said) = told(at("localhost", &ours));
    assert!(kind == FailureKind::NotReached && said.starts_with("it cannot be trusted: "), "{said}");
    server.stop();
    let (cert, key) = (format!("ssl_cert_file={}", cert.display()), format!("ssl_key_file={}", key.display()));
    server.start_again(&[by_tcp, "ssl=on", &cert, &key]);
    at("localhost", &ours).unwrap();
    for (host, more) in [("127.0.0.1", ours.as_str()), ("localhost", "")] {
        let (kind, said) = told(at(host, more));
        assert!(kind == FailureKind::NotReached && said.starts_with("it cannot be trusted: "), "{host}: {said}");
    }
}

fn installation(name: &str) -> Installation {
    Installation::new(format!("key of {name}"), name.to_owned())
}

/// Several installations come in beside each other. One that has to be alone comes in beside nobody, and nobody beside it.
#[test]
fn installations_come_in_together_and_one_alone() {
    let Some(server) = Postgres::start() else { return };
    let address = server.store().0;
    let of = |name: &str| Store::at(&address.clone().of(installation(name)));
    let alone = |name: &str| Store::at(&address.clone().of(installation(name).alone()));
    let first = of("jump1").unwrap();
    let second = of("jump2").unwrap();
    sync(&first, "acme", 0, &[client(1, "a")]);
    sync(&second, "acme", 1, &[client(1, "a"), client(2, "b")]);
    let (kind, said) = told(alone("jump3"));
    assert_eq!(kind, FailureKind::Busy);
    let words = [" works with it since ", ", and this is only done alone"];
    assert!(said.starts_with("jump") && words.iter().all(|words| said.contains(words)), "{said}");
    // Whoever only looks keeps nobody away, and writes nothing.
    let looks = Store::at(&address.clone().of(installation("jump2")).to_look()).unwrap();
    assert_eq!(looks.clients(&id("acme")).unwrap().len(), 2);
    assert!(looks.begin_run(&id("acme"), at(0)).is_err());
    drop(second);
    assert_eq!(told(alone("jump3")).0, FailureKind::Busy, "one of them is left");
    // Its own programs are no others; a clone of its machine is.
    let clone = installation("jump1").running("clone".to_owned(), tempfile::tempfile().unwrap()).alone();
    let cloned = || Store::at(&address.clone().of(clone.clone()));
    assert!(told(cloned()).1.starts_with("jump1 works with it since "));
    drop(alone("jump1").unwrap());
    drop(first);
    // The program that has just ended is waited for.
    let last = loop {
        if let Ok(alone) = alone("jump3") {
            break alone;
        }
    };
    assert!(told(of("jump1")).1.starts_with("jump3 works with it since "));
    drop(last);
    while of("jump1").is_err() {}
}

/// Of many at once that have to be alone one comes in, and nobody waits for good.
#[test]
fn one_of_many_comes_in_alone() {
    let Some(server) = Postgres::start() else { return };
    let address = server.store().0;
    let (together, have) = (std::sync::Barrier::new(8), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 0..8 {
            let (address, together, have) = (&address, &together, &have);
            scope.spawn(move || {
                together.wait();
                let came = Store::at(&address.clone().of(installation(&format!("jump{number}")).alone()));
                have.fetch_add(usize::from(came.is_ok()), Ordering::SeqCst);
                together.wait();
            });
        }
    });
    assert_eq!(have.load(Ordering::SeqCst), 1);
}

/// The form changes under nobody's hands, and whoever has changed it lets others in again.
#[test]
fn form_is_changed_alone() {
    let Some(server) = Postgres::start() else { return };
    let (address, _) = server.store();
    let database = name_of(&address);
    let first = Store::at(&address.clone().of(installation("jump1"))).unwrap();
    server.sql(&database, "UPDATE pia_halo_form SET version = version - 1");
    let second = || Store::at(&address.clone().of(installation("jump2")));
    assert!(told(second()).1.starts_with("jump1 works with it since "));
    server.sql(&database, "UPDATE pia_halo_form SET version = version + 1");
    second().unwrap();
    drop(first);
}

/// What a lost host knew may not be so any more: it does not go on, also where the other one is gone again.
#[test]
fn installation_that_another_was_alone_after_stops() {
    let Some(server) = Postgres::start() else { return };
    let (address, own) = (server.store().0, installation("jump1"));
    let database = name_of(&address);
    let store = Store::at(&address.clone().of(own.clone())).unwrap();
    let lose = || {
        let ours = "application_name LIKE 'pia-halo on %' AND pid <> pg_backend_pid()";
        server.sql(&database, &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}"));
        while server.sql(&database, &format!("SELECT count(*) FROM pg_stat_activity WHERE {ours}")) != "0" {}
    };
    let write = |store: &Store| loop {
        match store.begin_run(&id("acme"), at(0)) {
            // The first call after the end hears of it.
            Err(StoreError::Server { fault: ServerFault::NotReached(_) | ServerFault::Unknown(_), .. }) => {}
            other => return other,
        }
    };
    lose();
    write(&store).unwrap();
    lose();
    drop(Store::at(&address.clone().of(installation("jump3"))).unwrap());
    write(&store).unwrap();
    lose();
    let other = Store::at(&address.clone().of(installation("jump2").alone())).unwrap();
    assert!(told(write(&store)).1.starts_with("jump2 works with it"));
    drop(other);
    let gone = loop {
        let (kind, said) = told(write(&store));
        assert_eq!(kind, FailureKind::Busy);
        if !said.starts_with("jump2 works with it since ") {
            break said;
        }
    };
    assert_eq!(gone, "jump2 has replaced or upgraded what is in it since this program was started");
    // Also where its own host is in again, by another program.
    drop(Store::at(&address.clone().of(installation("jump1"))).unwrap());
    assert!(told(write(&store)).1.ends_with(" has replaced or upgraded what is in it since this program was started"));
    write(&Store::at(&address.of(installation("jump1"))).unwrap()).unwrap();
}

/// One write, one word, whoever writes; a look is none.
#[test]
fn every_write_is_told_and_no_look() {
    let Some(mut server) = Postgres::start() else { return };
    let (address, store) = server.store();
    let (tell, told) = std::sync::mpsc::channel();
    let news = store.news(move |word| _ = tell.send(word)).unwrap().unwrap();
    let soon = Duration::from_secs(20);
    assert_eq!(told.recv_timeout(soon), Ok(Told::Anything), "it has begun to hear");
    let other = Store::on(&address).unwrap();
    other.clients(&id("acme")).unwrap();
    other.begin_run(&id("acme"), at(0)).unwrap();
    assert_eq!(told.recv_timeout(soon), Ok(Told::Rows), "the write");
    let text = [(crate::settings::Part::Owner, "one", None)];
    assert!(other.save_settings(&text, ("ada", "jump1"), at(0)).unwrap());
    let words = [told.recv_timeout(soon).unwrap(), told.recv_timeout(soon).unwrap()];
    assert!(words.contains(&Told::Settings), "{words:?}");
    let failed = other.write(|db| {
        db.execute("INSERT INTO configurations (id) VALUES ('beta')", &[])?;
        Err::<(), _>(Trouble::Stopped)
    });
    assert!(failed.is_err());
    assert!(told.recv_timeout(Duration::from_millis(300)).is_err(), "neither a look nor what was taken back");
    // A server that is away is told once, however often it is tried: whoever is told reads everything again.
    server.stop();
    assert_eq!(told.recv_timeout(soon), Ok(Told::Anything));
    assert!(told.recv_timeout(Duration::from_millis(2_500)).is_err(), "nothing is new");
    server.start_again(&[]);
    assert_eq!(told.recv_timeout(soon), Ok(Told::Anything));
    drop(news);
}

/// Nothing is acknowledged that a crash could take, whatever the role, the database or the server says of it.
#[test]
fn write_waits_for_disk_whatever_server_says() {
    let Some(server) = Postgres::start() else { return };
    let address = server.store().0;
    server.sql(&name_of(&address), &format!("ALTER DATABASE {} SET synchronous_commit = off", name_of(&address)));
    let store = Store::on(&address).unwrap();
    let asked = |db: &Database| db.value::<String>("SELECT current_setting('synchronous_commit')", &[]);
    assert_eq!(store.ask(asked).unwrap(), "off");
    assert_eq!(store.write(asked).unwrap(), "on");
    server.sql(&name_of(&address), &format!("ALTER DATABASE {} SET synchronous_commit = local", name_of(&address)));
    assert_eq!(Store::on(&address).unwrap().write(asked).unwrap(), "local", "that is no less than here");
}
