//! The file as a whole: how it is opened, refused and kept private.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rusqlite::Connection;

use super::test_support::*;
use super::*;
use crate::coordination::Lock;
use crate::domain::activity::{Activity, Actor};
use crate::domain::address::{AuthUrl, SignInPlace};
use crate::domain::draft::Draft;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::object::ObjectKind;
use crate::domain::people::{Agent, Team, TicketType};
use crate::domain::plan::Action;
use crate::domain::record::Written;
use crate::domain::record::{BeforeAfter, Members};
use crate::domain::untrusted::Untrusted;
use crate::settings::{Paths, Settings, SettingsError, StoredSecrets, new_callback_secrets};

fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let entries = entries.filter(|entry| !entry.file_name().to_string_lossy().ends_with(".lock"));
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

/// Everything that this program keeps, written once.
fn write_everything(root: &Path) {
    let paths = Paths::below(root);
    let settings = Settings::new(paths.clone());
    let answers = crate::settings::answers::parse(crate::settings::answers::template()).unwrap();
    let secrets = StoredSecrets { callback: Some(new_callback_secrets().unwrap()), ..StoredSecrets::default() };
    for _ in 0..2 {
        settings
            .update(|config| {
                config.configurations.insert(id("acme"), answers.configuration.clone());
                config.active = config.active.is_none().then(|| id("acme"));
                Ok::<_, SettingsError>(())
            })
            .unwrap();
        settings.save_secrets(&id("acme"), &secrets).unwrap();
        settings.save_draft(1, &Draft::default()).unwrap();
        let store = Store::open(&paths.store()).unwrap();
        sync(&store, "acme", 0, &[client(1, "a")]);
        let activity = Activity {
            at: at(0),
            who: Actor::default(),
            configuration: None,
            action: "save".to_owned(),
            object: None,
            fields: Vec::new(),
            outcome: "done".to_owned(),
            message: None,
            halo: None,
        };
        Audit::new(paths.audit()).append(&activity).unwrap();
        let lock = Lock::take(&paths.lock("sync-acme"), "sync", &Actor::default(), at(0)).unwrap();
        check_modes(root);
        drop((store, lock));
        check_modes(root);
    }
    for file in [paths.config(), paths.credentials(), paths.draft(), paths.store(), paths.audit()] {
        assert!(file.exists(), "{}", file.display());
    }
}

fn check_modes(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let metadata = entry.metadata().unwrap();
        let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.mode() & 0o7777, wanted, "{}", entry.path().display());
        if metadata.is_dir() {
            check_modes(&entry.path());
        }
    }
}

const ROOT_FOR_CHILD: &str = "PIA_HALO_TEST_ROOT";

/// A umask is the whole process's: the test runs itself again in a process of its own for each.
#[test]
fn every_file_is_private_whatever_umask() {
    if let Some(root) = std::env::var_os(ROOT_FOR_CHILD) {
        return write_everything(Path::new(&root));
    }
    for umask in ["000", "022", "077", "0177"] {
        let root = tempfile::tempdir().unwrap();
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::every_file_is_private_whatever_umask"])
            .env(ROOT_FOR_CHILD, root.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "umask {umask}: {told}");
    }
}

#[test]
fn files_beside_database_are_private_too() {
    let (folder, store) = file_store();
    sync(&store, "acme", 0, &[client(1, "a")]);
    for name in ["pia-halo.db", "pia-halo.db-wal", "pia-halo.db-shm"] {
        let mode = fs::metadata(folder.path().join("data").join(name)).unwrap().mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
}

#[test]
fn database_from_newer_version_is_left_untouched() {
    for version in [schema::VERSION + 1, 101] {
        let (folder, store) = file_store();
        sync(&store, "acme", 0, &[client(1, "a")]);
        let path = store.path().to_owned();
        drop(store);
        Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
        let before = bytes(&folder.path().join("data"));
        for opened in [Store::open(&path).map(|_| ()), Store::open_existing(&path).map(|_| ())] {
            let error = opened.unwrap_err();
            assert!(
                matches!(error, StoreError::Newer { found, known: schema::VERSION, .. } if found == version),
                "{error}"
            );
            let failure = Failure::from(error);
            assert_eq!(failure.kind, FailureKind::LocalState);
            assert!(failure.hint.unwrap().contains("update pia-halo"));
        }
        assert_eq!(bytes(&folder.path().join("data")), before);
    }
}

#[test]
fn newer_version_that_is_only_in_log_so_far_is_left_untouched() {
    let (folder, store) = file_store();
    let path = store.path().to_owned();
    // As a newer program leaves it when it is killed: nobody has moved the log into the file.
    let newer = Connection::open(&path).unwrap();
    newer.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    newer.pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
    let data = folder.path().join("data");
    let copy = tempfile::tempdir().unwrap();
    for (name, content) in bytes(&data) {
        if !name.ends_with("-shm") {
            fs::write(copy.path().join(name), content).unwrap();
        }
    }
    let path = copy.path().join(path.file_name().unwrap());
    let before = bytes(copy.path());
    assert!(matches!(Store::open(&path), Err(StoreError::Newer { known: schema::VERSION, .. })));
    let mut after = bytes(copy.path());
    // The index of the log is no data; SQLite makes it anew whenever it looks.
    after.remove("pia-halo.db-shm");
    assert_eq!(after, before);
}

#[test]
fn what_is_no_database_of_ours_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pia-halo.db");
    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("PRAGMA user_version = 1; CREATE TABLE t (x);").unwrap();
    let plain = folder.path().join("plain.db");
    Connection::open(&plain).unwrap().execute_batch("CREATE TABLE t (x);").unwrap();
    for (content, told) in [
        (b"not a database, but long enough to be one, if somebody only looks at the size".repeat(4), "not a database"),
        (b"short".to_vec(), "not a database"),
        (fs::read(&foreign).unwrap(), "another program"),
        (fs::read(&plain).unwrap(), "another program"),
    ] {
        fs::write(&path, &content).unwrap();
        let error = Store::open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }) && error.to_string().contains(told), "{error}");
        assert!(error.hint().unwrap().contains("pia-halo store set-aside"));
        assert_eq!(fs::read(&path).unwrap(), content);
        assert!(!folder.path().join("pia-halo.db-wal").exists());
    }
}

/// Refused for another reason than that somebody has it: that is no fault of the disk.
#[test]
fn lock_that_file_system_refuses_is_told_as_that() {
    let of = |code| {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        Trouble::from(error).at(Path::new("/x/pia-halo.db")).to_string()
    };
    for code in [rusqlite::ffi::SQLITE_IOERR_RDLOCK, rusqlite::ffi::SQLITE_IOERR_SHMLOCK] {
        assert_eq!(of(code), "the file system of /x/pia-halo.db has no file locks");
    }
    assert!(of(rusqlite::ffi::SQLITE_IOERR_READ).contains("disk I/O error"));
}

#[test]
fn no_damage_of_database_makes_program_panic() {
    let (folder, store) = file_store();
    sync(&store, "acme", 0, &(0..50).map(|n| client(n, "x")).collect::<Vec<_>>());
    let path = store.path().to_owned();
    drop(store);
    let whole = fs::read(&path).unwrap();
    let use_it = |content: &[u8]| {
        let copy = folder.path().join("copy.db");
        for name in ["copy.db-wal", "copy.db-shm"] {
            let _ = fs::remove_file(folder.path().join(name));
        }
        fs::write(&copy, content).unwrap();
        if let Ok(store) = Store::open(&copy) {
            let _ = store.clients(&id("acme"));
            let _ = store.runs(&id("acme"), 5);
            let _ = store.begin_run(&id("acme"), at(9));
        }
    };
    for length in (0..whole.len()).step_by(whole.len() / 40) {
        use_it(&whole[..length]);
    }
    for place in (0..whole.len()).step_by(whole.len() / 40 + 7) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0xff;
        use_it(&damaged);
    }
}

#[test]
fn page_that_lost_rows_is_damage_and_no_short_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pia-halo.db");
    drop(Store::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    for id in 1..=60 {
        let row =
            "INSERT INTO clients (configuration, id, name, inactive, gone, first_seen) VALUES ('a', ?1, 'x', 0, 0, '')";
        connection.execute(row, [id]).unwrap();
    }
    let page: u32 = connection
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'clients'", [], |row| row.get(0))
        .unwrap();
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(connection);
    let mut content = fs::read(&path).unwrap();
    let rows = (page as usize - 1) * 4096 + 3;
    assert_eq!(content[rows..rows + 2], [0, 60]);
    content[rows + 1] = 2;
    fs::write(&path, content).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[test]
fn store_made_anew_is_known_as_new() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pia-halo.db");
    assert!(Store::open(&path).unwrap().is_new());
    assert!(!Store::open(&path).unwrap().is_new());
    assert!(!Store::open_existing(&path).unwrap().unwrap().is_new());
    fs::write(&path, "").unwrap();
    for log in ["pia-halo.db-wal", "pia-halo.db-shm"] {
        _ = fs::remove_file(folder.path().join(log));
    }
    assert!(Store::open_existing(&path).unwrap().unwrap().is_new());
}

#[test]
fn looking_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Store::open_existing(&folder.path().join("data/pia-halo.db")).unwrap().is_none());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn many_programs_may_open_new_database_at_once() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/pia-halo.db");
        thread::scope(|scope| {
            for program in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    let store = Store::open(path).unwrap();
                    sync(&store, &format!("p{program}"), 0, &[client(program, "x")]);
                });
            }
        });
        let store = Store::open(&path).unwrap();
        for program in 0..8 {
            assert_eq!(store.clients(&id(&format!("p{program}"))).unwrap().len(), 1);
        }
    }
}

#[test]
fn database_whose_log_is_half_moved_into_it_can_be_opened() {
    let (folder, store) = file_store();
    let data = folder.path().join("data");
    sync(&store, "acme", 0, &[client(0, "x")]);
    let move_log = || store.ask(|db| Ok(db.sqlite().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?)).unwrap();
    move_log();
    sync(&store, "acme", 1, &(0..500).map(|n| client(n, "a name of some length")).collect::<Vec<_>>());
    let before = bytes(&data);
    move_log();
    // Another program is at it, or was killed at it: of the larger database only the first page has arrived.
    let mut half = before["pia-halo.db"].clone();
    half[..4096].copy_from_slice(&bytes(&data)["pia-halo.db"][..4096]);
    let copy = tempfile::tempdir().unwrap();
    fs::write(copy.path().join("pia-halo.db"), half).unwrap();
    fs::write(copy.path().join("pia-halo.db-wal"), &before["pia-halo.db-wal"]).unwrap();
    let store = Store::open(&copy.path().join("pia-halo.db")).unwrap();
    assert_eq!(store.clients(&id("acme")).unwrap().len(), 500);
}

#[test]
fn opening_again_in_one_program_disturbs_no_connection() {
    // Closing any handle of a file drops all locks of the process on it: then the last one to close, so it believes,
    // removes the log from under the others.
    let (folder, first) = file_store();
    for second in 0..5 {
        sync(&first, "acme", second, &[client(second, "x")]);
        let other = Store::open(first.path()).unwrap();
        drop(other);
        drop(Store::open_existing(first.path()).unwrap());
        let inode = format!(":{} ", fs::metadata(first.path()).unwrap().ino());
        let is_held = |locks: &str| locks.lines().any(|line| line.contains("POSIX") && line.contains(&inode));
        // The list of a whole machine is not read in one piece: while others lock and unlock, a line can be passed over.
        // A lock that was dropped is in none of many readings.
        let read = || fs::read_to_string("/proc/locks").unwrap_or_default();
        if !read().is_empty() {
            assert!((0..100).any(|_| is_held(&read())), "{inode}\n{}", read());
        }
        assert!(folder.path().join("data/pia-halo.db-wal").exists());
    }
    assert_eq!(first.clients(&id("acme")).unwrap().len(), 5);
}

#[test]
fn pipe_or_dangling_link_in_place_of_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pia-halo.db");
    symlink(folder.path().join("nowhere"), &path).unwrap();
    assert!(Store::open(&path).unwrap_err().to_string().contains("leads nowhere"));
    assert!(Store::open_existing(&path).is_err());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(Store::open(&path).unwrap_err().to_string().contains("is a folder"));
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn full_disk_is_named_and_what_was_stored_stays() {
    let (_folder, store) = file_store();
    sync(&store, "acme", 0, &[client(1, "before")]);
    store
        .ask(|db| {
            let pages: i64 = db.value("PRAGMA page_count", &[])?;
            Ok(db.sqlite().pragma_update(None, "max_page_count", pages + 2)?)
        })
        .unwrap();
    let run = store.begin_run(&id("acme"), at(5)).unwrap();
    let many: Vec<_> = (0..5_000).map(|n| client(n, "after")).collect();
    let error = store.stage(run, &staged(1, 1, &many), at(5)).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    store.ask(|db| Ok(db.sqlite().pragma_update(None, "max_page_count", 1 << 20)?)).unwrap();
    store.stage(run, &staged(1, 1, &many), at(5)).unwrap();
    store
        .ask(|db| {
            let pages: i64 = db.value("PRAGMA page_count", &[])?;
            Ok(db.sqlite().pragma_update(None, "max_page_count", pages + 2)?)
        })
        .unwrap();
    let known = store.known(&id("acme")).unwrap();
    let error = publish(&store, run, &known, &many, 5, true).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    let failure = Failure::from(error);
    assert!(failure.message.contains("pia-halo.db") && failure.hint.unwrap().contains("make room"));
    let clients = store.clients(&id("acme")).unwrap();
    assert_eq!((clients.len(), clients[0].client.name.raw()), (1, "before"));
    store.end_run(run, &report(crate::domain::sync_run::SyncStatus::Failed, 5)).unwrap();
}

#[test]
fn store_that_cannot_be_written_can_be_read() {
    let (folder, store) = file_store();
    sync(&store, "acme", 0, &[client(1, "a"), inactive(2, "b")]);
    let path = store.path().to_owned();
    drop(store);
    let connection = schema::open_for_reading(&path, &path).unwrap();
    let store = Store::around(&path, Database::of(connection));
    assert_eq!(store.clients(&id("acme")).unwrap().len(), 2);
    assert_eq!(store.runs(&id("acme"), 10).unwrap().len(), 1);
    assert!(matches!(store.begin_run(&id("acme"), at(1)), Err(StoreError::NoPermission { .. })));
    assert!(!folder.path().join("data/pia-halo.db-shm").exists());
}

/// Where no file can be made beside it, what stands in its log alone is read too, and nothing is written.
#[test]
fn store_without_room_beside_it_is_read_with_its_log() {
    let (folder, store) = file_store();
    sync(&store, "acme", 0, &[client(1, "a")]);
    let copies = folder.path().join("copies");
    fs::create_dir(&copies).unwrap();
    let copy = copies.join("pia-halo.db");
    for ending in ["", "-wal"] {
        fs::copy(schema::beside(store.path(), ending), schema::beside(&copy, ending)).unwrap();
    }
    let before = bytes(&copies);
    let connection = schema::open_alone(&copy, &copy).unwrap().unwrap();
    let alone = Store::around(&copy, Database::of(connection));
    assert_eq!(alone.clients(&id("acme")).unwrap().len(), 1);
    assert!(matches!(alone.begin_run(&id("acme"), at(1)), Err(StoreError::NoPermission { .. })));
    assert!(!schema::beside(&copy, "-shm").exists());
    drop(alone);
    assert_eq!(bytes(&copies), before);
}

/// SQLite's own lock has no name of its holder. That it is a lock, and for how long it was waited for, is said.
#[test]
fn lock_of_other_program_inside_database_is_told_as_one() {
    let (_folder, store) = file_store();
    let other = Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let patient = store.patient_for(Duration::from_millis(1100)).unwrap();
    let failure = Failure::from(patient.begin_run(&id("acme"), at(0)).unwrap_err());
    assert_eq!(failure.kind, FailureKind::Busy);
    assert!(failure.message.ends_with("pia-halo.db open, and has kept it locked for 1 s"), "{}", failure.message);
    assert!(failure.hint.unwrap().contains("fuser"));
    // What a call did before it came to the lock is no wait.
    let works_first = patient.with(|inner| {
        thread::park_timeout(Duration::from_secs(1));
        Ok(inner.database.sqlite().execute_batch("BEGIN IMMEDIATE")?)
    });
    assert!(works_first.unwrap_err().to_string().ends_with("locked for 1 s"));
    other.execute_batch("ROLLBACK").unwrap();
    patient.begin_run(&id("acme"), at(0)).unwrap();
}

/// A service that is sent many callbacks holds the lock nearly all the time: the moments between its writes are enough, and few
/// of them go by.
#[test]
fn writer_gets_its_turn_beside_one_that_writes_without_pause() {
    const TURNS: usize = 8;
    let (_folder, store) = file_store();
    let busy = Connection::open(store.path()).unwrap();
    let (ends, writes) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(move || {
            while !ends.load(Ordering::SeqCst) {
                busy.execute_batch("BEGIN IMMEDIATE").unwrap();
                writes.fetch_add(1, Ordering::SeqCst);
                thread::park_timeout(Duration::from_millis(50));
                busy.execute_batch("COMMIT").unwrap();
                thread::park_timeout(Duration::from_millis(5));
            }
        });
        let turn = |second| {
            let before = writes.load(Ordering::SeqCst);
            // In the middle of a write, and not between two.
            while writes.load(Ordering::SeqCst) == before {
                thread::yield_now();
            }
            store.begin_run(&id("acme"), at(second))
        };
        let turns: Vec<_> = (0..TURNS as i64).map(turn).collect();
        ends.store(true, Ordering::SeqCst);
        turns.into_iter().for_each(|turn| _ = turn.unwrap());
    });
    // One write is waited for before each turn.
    let gone_by = writes.load(Ordering::SeqCst) - TURNS;
    assert!(gone_by <= 3 * TURNS, "{gone_by} writes of the other one went by for {TURNS} of this one");
}

/// A copy in memory is brought up to date: everything can be read, nothing written, and the file stays as it is.
#[test]
fn store_of_first_version_that_cannot_be_written_can_be_read() {
    let (_folder, store) = file_store();
    let acme = id("acme");
    sync(&store, "acme", 0, &[client(1, "a"), inactive(2, "b")]);
    store.set_configured_at(&acme, Some(at(3))).unwrap();
    let clients = store.clients(&acme).unwrap();
    let path = store.path().to_owned();
    drop(store);
    Connection::open(&path).unwrap().execute_batch(BACK_TO_THE_FIRST_VERSION).unwrap();
    let before = fs::read(&path).unwrap();

    let connection = schema::open_for_reading(&path, &path).unwrap();
    let store = Store::around(&path, Database::of(connection));
    assert_eq!(store.clients(&acme).unwrap(), clients);
    assert_eq!(store.runs(&acme, 10).unwrap().len(), 1);
    assert_eq!(store.last_configure_run(&acme).unwrap(), None);
    assert!(matches!(store.begin_run(&acme, at(1)), Err(StoreError::NoPermission { .. })));
    assert!(matches!(store.set_configured_at(&acme, None), Err(StoreError::NoPermission { .. })));
    drop(store);
    assert_eq!(fs::read(&path).unwrap(), before);
}

fn replace_lists(store: &Store, fresh: FreshLists<'_>, now: Timestamp) {
    store.write(|db| lists::replace(db, &id("acme"), fresh, now)).unwrap();
}

#[test]
fn lists_are_replaced_one_by_one_and_kept_exactly() {
    let (_folder, store) = store();
    assert!(!store.lists(&id("acme")).unwrap().are_known());
    let agents = [
        Agent { id: 7, name: "Dana\u{1b}[31m\0Scully".into(), assignable: true, api_only: false },
        Agent { id: 1, name: "Unassigned".into(), assignable: false, api_only: false },
    ];
    let teams =
        [Team { id: 3, name: "Pia".into(), inactive: false }, Team { id: 4, name: "Old".into(), inactive: true }];
    let types = [TicketType { id: 5, name: "Incident".into(), active: true }];
    let all = FreshLists { agents: Some(&agents), teams: Some(&teams), ticket_types: Some(&types) };
    replace_lists(&store, all, at(0));
    let lists = store.lists(&id("acme")).unwrap();
    assert_eq!(lists.agents, [agents[1].clone(), agents[0].clone()]);
    assert_eq!((lists.teams.as_slice(), lists.ticket_types.as_slice()), (&teams[..], &types[..]));
    assert_eq!(lists.read_at, Some(at(0)));
    // What could not be read stays; an empty list is a list, too.
    let some = FreshLists { agents: None, teams: Some(&teams[..1]), ticket_types: Some(&[]) };
    replace_lists(&store, some, at(1));
    let lists = store.lists(&id("acme")).unwrap();
    assert_eq!((lists.agents.len(), lists.teams.len(), lists.ticket_types.len()), (2, 1, 0));
    assert_eq!(store.lists(&id("beta")).unwrap(), crate::domain::status::Lists::default());
}

#[test]
fn installed_object_is_remembered_renamed_and_forgotten() {
    use crate::domain::record::InstalledObject;
    let (_folder, store) = store();
    let object = |kind, id: &str, name: &str, second| InstalledObject {
        kind,
        id: id.to_owned(),
        name: Untrusted::new(name),
        installed_at: at(second),
        identity: (kind == ObjectKind::CustomTab && second == 1).then(|| "a guid".to_owned()),
    };
    let webhook = object(ObjectKind::Webhook, "c0ffee", "Pia - Ticket Created", 2);
    let tab = object(ObjectKind::CustomTab, "46", "Pia Chat Pod", 1);
    for object in [&tab, &webhook] {
        store.record_installed(&id("acme"), object).unwrap();
    }
    store.record_installed(&id("beta"), &webhook).unwrap();
    store.record_installed(&id("acme"), &object(ObjectKind::CustomTab, "46", "Renamed", 9)).unwrap();
    let renamed = object(ObjectKind::CustomTab, "46", "Renamed", 1);
    assert_eq!(store.installed(&id("acme")).unwrap(), [webhook.clone(), renamed]);
    store.forget_installed(&id("acme"), ObjectKind::CustomTab, "46").unwrap();
    store.forget_installed(&id("acme"), ObjectKind::Webhook, "46").unwrap();
    assert_eq!(store.installed(&id("acme")).unwrap(), std::slice::from_ref(&webhook));
    assert_eq!(store.installed(&id("beta")).unwrap(), [webhook]);
}

#[test]
fn connection_test_counts_only_for_credentials_it_was_made_with() {
    let (_folder, store) = store();
    let acme = id("acme");
    let place =
        |url: &str| Some(SignInPlace { auth_url: AuthUrl::read(url).unwrap().address, tenant: Some("t".into()) });
    let verified = |with: &str, second, place| Verified { fingerprint: with.to_owned(), at: at(second), place };
    let one = verified("one", 1, place("https://one.example/auth"));
    let two = verified("two", 2, place("https://two.example/auth"));
    assert_eq!(store.verified(&acme, "one").unwrap(), None);
    store.set_verified(&acme, &one).unwrap();
    assert_eq!(store.verified(&acme, "one").unwrap(), Some(one));
    store.set_verified(&acme, &two).unwrap();
    assert_eq!(store.verified(&acme, "one").unwrap(), None);
    assert_eq!(store.configured_at(&acme).unwrap(), None);
    store.set_configured_at(&acme, Some(at(3))).unwrap();
    assert_eq!(store.configured_at(&acme).unwrap(), Some(at(3)));
    assert_eq!(store.verified(&acme, "two").unwrap(), Some(two), "neither disturbs the other");
    store.forget_sign_in_place(&acme).unwrap();
    assert_eq!(store.verified(&acme, "two").unwrap(), Some(verified("two", 2, None)), "the test counts all the same");
    store.set_configured_at(&acme, None).unwrap();
    assert_eq!(store.configured_at(&acme).unwrap(), None);
}

#[test]
fn intent_of_killed_run_is_found_again() {
    let (_folder, store) = store();
    let create = |kind| written(kind, None);
    let done = store.begin_intent(&id("acme"), None, &create(ObjectKind::Webhook), at(0)).unwrap();
    store.end_intent(done, "done", at(1)).unwrap();
    store.begin_intent(&id("beta"), None, &create(ObjectKind::Webhook), at(2)).unwrap();
    let open = store.begin_intent(&id("acme"), None, &create(ObjectKind::CustomTab), at(3)).unwrap();
    let again = opener(&store);
    drop(store);
    let store = again();
    let intents = store.open_intents(&id("acme")).unwrap();
    let wanted = Intent {
        id: open,
        kind: ObjectKind::CustomTab,
        name: "Pia Chat Pod".into(),
        action: Action::Create,
        object: None,
        begun_at: at(3),
    };
    assert_eq!(intents, [wanted]);
    store.end_intent(open, "unverified", at(4)).unwrap();
    assert!(store.open_intents(&id("acme")).unwrap().is_empty());
    assert_eq!(store.open_intents(&id("beta")).unwrap().len(), 1);
}

/// What Halo refused was never there; another Halo has nothing of what the one before has.
#[test]
fn only_what_halo_took_was_written() {
    let (_folder, store) = store();
    let acme = id("acme");
    store.recognise(&acme, "one halo").unwrap();
    let write = |outcome: &str, second| {
        let intent = store.begin_intent(&acme, None, &written(ObjectKind::Webhook, None), at(second)).unwrap();
        assert!(!store.has_written(&acme).unwrap(), "nothing came of it yet");
        store.end_intent(intent, outcome, at(second + 1)).unwrap();
    };
    write("failed", 0);
    write("done", 2);
    assert!(store.has_written(&acme).unwrap());
    assert!(store.recognise(&acme, "another halo").unwrap());
    assert!(!store.has_written(&acme).unwrap());
}

fn written(kind: ObjectKind, before: Option<Members>) -> Written {
    let proof = BeforeAfter { before, ..BeforeAfter::default() };
    Written { kind, name: "Pia Chat Pod".into(), action: Action::Create, object: None, proof }
}

#[test]
fn run_is_found_with_its_writes_until_it_is_rolled_back() {
    let (_folder, store) = store();
    let acme = id("acme");
    assert_eq!(store.last_configure_run(&acme).unwrap(), None);
    let before = Some(Members::default().with("url", "https://x.example/"));
    let first = store.begin_configure_run(&acme, at(0)).unwrap();
    let tab = store.begin_intent(&acme, Some(first), &written(ObjectKind::CustomTab, before.clone()), at(1)).unwrap();
    store.name_object(tab, "46").unwrap();
    let (last, writes) = store.last_configure_run(&acme).unwrap().unwrap();
    assert_eq!((last, writes[0].object.as_deref()), (first, Some("46")));
    let second = store.begin_configure_run(&acme, at(2)).unwrap();
    assert_eq!(store.last_configure_run(&acme).unwrap().unwrap().0, first, "a run that wrote nothing is none");
    let write = store.begin_intent(&acme, Some(second), &written(ObjectKind::Webhook, None), at(3)).unwrap();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 599)
        INSERT INTO intents (configuration, kind, name, operation, begun_at, ended_at, run, object, proof)
        SELECT configuration, kind, name, operation, begun_at, begun_at, run, object, proof FROM intents, n
        WHERE id = (SELECT max(id) FROM intents)";
    store
        .ask(|db| {
            db.batch(many);
            Ok(())
        })
        .unwrap();
    store.end_intent(write, "done", at(4)).unwrap();
    let (last, writes) = store.last_configure_run(&acme).unwrap().unwrap();
    assert_eq!((last, writes.len()), (second, 600), "all of them, whatever their number");
    store.end_configure_run(second, at(5)).unwrap();
    assert_eq!(store.last_configure_run(&acme).unwrap(), None, "a second yes does not reach the run before it");
    let third = store.begin_configure_run(&acme, at(6)).unwrap();
    store.begin_intent(&acme, Some(third), &written(ObjectKind::CustomTab, before.clone()), at(7)).unwrap();
    let (last, writes) = store.last_configure_run(&acme).unwrap().unwrap();
    assert_eq!((last, &writes[0].proof.before), (third, &before));
    store.forget_configure_runs(&acme).unwrap();
    assert_eq!(store.last_configure_run(&acme).unwrap(), None);
}

#[test]
fn first_version_database_is_migrated_whole() {
    let (_folder, store) = file_store();
    sync(&store, "acme", 0, &[client(1, "a")]);
    let path = store.path().to_owned();
    drop(store);
    let old = Connection::open(&path).unwrap();
    old.execute_batch(BACK_TO_THE_FIRST_VERSION).unwrap();
    drop(old);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.clients(&id("acme")).unwrap().len(), 1);
    let run = store.begin_configure_run(&id("acme"), at(0)).unwrap();
    store.begin_intent(&id("acme"), Some(run), &written(ObjectKind::Webhook, None), at(1)).unwrap();
    drop(store);
    assert!(Store::open(&path).unwrap().last_configure_run(&id("acme")).unwrap().is_some());
}

#[test]
fn list_shorter_than_last_sync_left_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pia-halo.db");
    let store = Store::open(&path).unwrap();
    let clients: Vec<_> = (1..=60).map(|number| client(number, "a")).collect();
    sync(&store, "acme", 0, &clients);
    assert_eq!(store.clients(&id("acme")).unwrap().len(), 60);
    // What a damaged page loses: rows without an error.
    Connection::open(&path).unwrap().execute("DELETE FROM clients WHERE id > 2", []).unwrap();
    let refused = [
        store.clients(&id("acme")).unwrap_err(),
        store.first_clients(&id("acme"), None, 10).unwrap_err(),
        store.client_counts(&id("acme")).unwrap_err(),
    ];
    for error in refused {
        assert!(matches!(&error, StoreError::Corrupt { .. }), "{error}");
        assert!(error.to_string().ends_with("it contains 2 clients, but the last sync stored 60"), "{error}");
    }
}

/// What was stored before the log was removed is still in the hands of those who have it open: the last of them to end puts it
/// into the database.
#[test]
fn store_whose_log_was_removed_keeps_what_it_had_taken() {
    let (_folder, store) = file_store();
    let other = Store::open(store.path()).unwrap();
    sync(&store, "acme", 0, &[client(1, "a"), client(2, "b")]);
    let path = store.path().to_owned();
    fs::remove_file(schema::beside(&path, "-wal")).unwrap();
    assert!(store.is_current().is_err() && other.is_current().is_err());
    drop((store, other));
    assert_eq!(Store::open(&path).unwrap().clients(&id("acme")).unwrap().len(), 2);
}

/// What is written after that would be lost with a crash.
#[test]
fn emptied_store_or_one_without_its_log_takes_nothing() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 4] = [
        ("log removed", |path| fs::remove_file(schema::beside(path, "-wal")).unwrap()),
        ("index removed", |path| fs::remove_file(schema::beside(path, "-shm")).unwrap()),
        ("log replaced", |path| {
            let log = schema::beside(path, "-wal");
            fs::copy(&log, log.with_extension("copy")).unwrap();
            fs::rename(log.with_extension("copy"), log).unwrap();
        }),
        ("emptied", |path| fs::write(path, "").unwrap()),
    ];
    for (what, harm) in harms {
        let (_folder, store) = file_store();
        sync(&store, "acme", 0, &[client(1, "a")]);
        store.is_current().unwrap();
        harm(store.path());
        let refused = store.begin_run(&id("acme"), at(1)).unwrap_err();
        assert!(matches!(refused, StoreError::Moved { .. }), "{what}: {refused}");
        assert!(store.is_current().is_err(), "{what}");
    }
    // Other programs come and go, and what is in the log goes into the database.
    let (_folder, store) = file_store();
    for n in 0..3 {
        let other = Store::open(store.path()).unwrap();
        sync(&other, "acme", n, &[client(n, "a")]);
        other.ask(|db| Ok(db.sqlite().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?)).unwrap();
        drop(other);
        store.is_current().unwrap();
    }
    assert_eq!(store.clients(&id("acme")).unwrap().len(), 3);
}
