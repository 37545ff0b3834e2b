//! The tests of this room once more, on a real PostgreSQL that is started for them, and what only a server can do.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::test_support::{SERVER, at, client, database, id, sync};
use super::*;
use crate::domain::failure::{Failure, FailureKind};

/// A server in a folder of its own, that listens on a socket there and ends with this test.
pub struct Server {
    folder: TempDir,
    bin: PathBuf,
    port: u16,
    process: Child,
}

/// Where PostgreSQL is installed; the newest, where there are several.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let found = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    found.max_by_key(|bin| bin.parent().and_then(|of| of.file_name()?.to_str()?.parse::<u32>().ok()))
}

/// Runs one of its programs, which refuse to be run by root, and end with this test.
fn program(bin: &Path, name: &str, folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if rustix::process::getuid().is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.arg(bin.join(name)).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Gives a file to whoever the server runs as.
fn give(path: &Path) {
    if rustix::process::getuid().is_root() {
        let user = uzers::get_user_by_name("postgres").expect("the package has made this account");
        chown(path, Some(user.uid()), Some(user.primary_group_id())).unwrap();
    }
}

impl Server {
    /// A new one; none where PostgreSQL is not installed, or where the tests of this room run on one.
    pub fn start() -> Option<Self> {
        if std::env::var_os(SERVER).is_some() {
            return None;
        }
        let Some(bin) = programs() else {
            println!("SKIPPED: no PostgreSQL is installed below /usr/lib/postgresql");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        give(folder.path());
        let made = program(&bin, "initdb", folder.path())
            .args(["-D", "data", "-U", "pia", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Self::run(&bin, folder.path(), port, &[]);
        let mut server = Self { folder, bin, port, process };
        server.wait();
        Some(server)
    }

    fn run(bin: &Path, folder: &Path, port: u16, options: &[&str]) -> Child {
        let log = fs::File::create(folder.join("log")).unwrap();
        program(bin, "postgres", folder)
            .args(["-D", "data", "-k"])
            .arg(folder)
            .args(["-p", &port.to_string(), "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "listen_addresses="])
            .args(options.iter().flat_map(|option| ["-c", option]))
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn wait(&mut self) {
        let began = Instant::now();
        while let Err(error) = Store::on(&Address::new(&format!("{}/postgres", self.url())).unwrap()) {
            let ended = self.process.try_wait().unwrap();
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && began.elapsed() < Duration::from_secs(60), "{error}: {}", log());
            thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn stop(&mut self) {
        _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.process),
            rustix::process::Signal::QUIT,
        );
        _ = self.process.wait();
    }

    fn start_again(&mut self, options: &[&str]) {
        self.process = Self::run(&self.bin, self.folder.path(), self.port, options);
        self.wait();
    }

    fn url(&self) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://pia@{folder}:{}", self.port)
    }

    /// The address of a new database.
    pub fn database(&self) -> String {
        let name = database(&self.url()).shown().rsplit(' ').next().unwrap_or_default().to_owned();
        format!("{}/{name}", self.url())
    }

    fn store(&self) -> (Address, Store) {
        let address = database(&self.url());
        let store = Store::on(&address).unwrap();
        (address, store)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The kind of failure, and what it says behind the name of the server.
fn told<T: std::fmt::Debug>(result: Result<T, StoreError>) -> (FailureKind, String) {
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
    let Some(server) = Server::start() else { return };
    let done = Command::new(std::env::current_exe().unwrap())
        .args("store:: --skip store::audit --skip store::lock --skip store::copy --skip store::aside".split(' '))
        // It is about the file alone, and heavy: once is enough, and that is beside this.
        .args(["--skip", "many_programs_may_open_new_database_at_once", "--test-threads=2"])
        .env(SERVER, server.url())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}");
}

/// Two programs never write at once: numbers come in the order in which rows are seen.
#[test]
fn one_writes_to_server_at_once_and_other_is_told() {
    let Some(server) = Server::start() else { return };
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
        assert_eq!((kind, said.as_str()), (FailureKind::Busy, "another program is writing to it for 1 s"));
        assert_eq!(other.clients(&id("acme")).unwrap(), [], "whoever reads does not wait");
        end.send(()).unwrap();
    });
    other.begin_run(&id("acme"), at(0)).unwrap();
}

/// What the server has taken is there after it was killed, and whoever has it open goes on with it.
#[test]
fn store_is_used_again_once_server_is_back() {
    let Some(mut server) = Server::start() else { return };
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

/// A server that does not answer any more, such as one whose disk hangs.
#[test]
fn statement_that_is_not_answered_is_given_up_and_taken_back() {
    let Some(server) = Server::start() else { return };
    let mut address = server.store().0;
    address.limit = Duration::from_secs(1);
    let store = Store::on(&address).unwrap();
    let hangs = store.write(|db| {
        db.execute("INSERT INTO configurations (id) VALUES ('acme')", &[])?;
        db.value::<i64>("SELECT CAST(length(CAST(pg_sleep(3) AS TEXT)) AS BIGINT)", &[])
    });
    let (kind, said) = told(hangs);
    assert_eq!((kind, said.as_str()), (FailureKind::NotReached, "it is not reached: it has not answered for 1 s"));
    let count = |db: &Database| db.value::<i64>("SELECT count(*) FROM configurations", &[]);
    assert_eq!(store.ask(count).unwrap(), 0, "by a session of its own");
}

/// Each has a sentence of its own, and nothing is written.
#[test]
fn server_that_will_not_do_is_told_by_what_is_wrong() {
    let Some(server) = Server::start() else { return };
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
    let name = empty.shown().rsplit(' ').next().unwrap().to_owned();
    let (kind, said) = said_by(&format!("{}/{name}", server.url().replace("pia@", "guest@")));
    assert_eq!(kind, FailureKind::LocalState);
    assert_eq!(said, "the role may not do this: permission denied for schema public");
    // A form of a newer program, before and while it is open.
    batch(&store, "UPDATE form SET version = 1000");
    let newer = format!("the store in it has version 1000; this pia-halo supports version {}", schema::VERSION);
    for (kind, said) in [told(Store::on(&address)), told(store.begin_run(&id("acme"), at(0)))] {
        assert_eq!((kind, said), (FailureKind::LocalState, newer.clone()));
    }
    let old = StoreError::Server { server: String::new(), fault: ServerFault::Old { found: 14, oldest: 15 } };
    let old = Failure::from(old);
    assert!(
        old.kind == FailureKind::LocalState && old.message.ends_with("it is version 14; version 15 or newer is needed")
    );
}

/// A certificate has to be for the name in the address, by an authority that is believed.
#[test]
fn server_whose_certificate_does_not_fit_is_not_told_anything() {
    let Some(mut server) = Server::start() else { return };
    let (address, _) = server.store();
    let name = address.shown().rsplit(' ').next().unwrap().to_owned();
    let folder = server.folder.path().to_owned();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = KeyPair::generate().unwrap();
    let root = params.self_signed(&authority).unwrap();
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::from_params(&params, &authority);
    let shown = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let file = |file: &str, content: String| {
        let path = folder.join(file);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        give(&path);
        path
    };
    let (cert, key) = (file("server.crt", shown.pem()), file("server.key", key.serialize_pem()));
    let root = file("root.crt", root.pem());
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
