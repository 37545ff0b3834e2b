//! The form of the database, and how it is opened without harm.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::{StoreError, Trouble, of_io};
use crate::settings::private_file::{self, Exclusive, FileError};

/// The version of the form: one more with every change that an older program could not live with.
pub(super) const VERSION: i64 = UPGRADES[UPGRADES.len() - 1].0;

/// Marks a database as ours: "PiaH".
pub(super) const APPLICATION_ID: i64 = 0x5069_6148;

/// How long a call waits for another program's write.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks whether that has ended.
const LOOK: Duration = Duration::from_micros(250);

/// `last_seen` of a client is empty while every run that publishes sees it: then it is the time of the last one
/// (`configurations.published_at`), and a run in which nothing changed does not have to write a row per client.
/// This is the form of version 1.
const FORM: &str = "
CREATE TABLE configurations (
    id TEXT PRIMARY KEY,
    halo TEXT,
    published_at TEXT,
    proved_at TEXT,
    lists_at TEXT,
    configured_at TEXT,
    verified_at TEXT,
    verified_with TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE clients (
    configuration TEXT NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    toplevel TEXT,
    main_site TEXT,
    inactive INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT,
    PRIMARY KEY (configuration, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE lists (
    configuration TEXT NOT NULL,
    kind TEXT NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    usable INTEGER NOT NULL,
    PRIMARY KEY (configuration, kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    configuration TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    status TEXT,
    proved INTEGER NOT NULL DEFAULT 0,
    halo_count INTEGER,
    stored INTEGER NOT NULL DEFAULT 0,
    active INTEGER NOT NULL DEFAULT 0,
    disabled INTEGER NOT NULL DEFAULT 0,
    added INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0,
    newly_disabled INTEGER NOT NULL DEFAULT 0,
    returned INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    pages INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL DEFAULT 0,
    retries INTEGER NOT NULL DEFAULT 0,
    rate_limited_ms INTEGER NOT NULL DEFAULT 0,
    duration_ms INTEGER NOT NULL DEFAULT 0,
    warnings TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX runs_of_configuration ON runs (configuration, id);

CREATE TABLE installed (
    configuration TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    installed_at TEXT NOT NULL,
    PRIMARY KEY (configuration, kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE intents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    configuration TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    operation TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    ended_at TEXT,
    outcome TEXT
) STRICT;
CREATE INDEX intents_of_configuration ON intents (configuration, id);
";

/// What every version added to the one before it. A database is brought up to date when it is opened for writing; a new
/// one goes the same way, so there is one form and not two.
const UPGRADES: &[(i64, &str)] = &[
    (
        2,
        // The runs of Configure, and what each of their writes proves: what a roll back needs. What was last read of Halo's
        // log of deliveries. `pages` is the checkpoint of a sync in progress: a row per page that was read, with the ids on it
        // and only those clients that are not stored just so. The callbacks, and the days that had their sync.
        "
CREATE TABLE configure_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    configuration TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    undone_at TEXT
) STRICT;
ALTER TABLE intents ADD COLUMN run INTEGER;
ALTER TABLE intents ADD COLUMN object TEXT;
ALTER TABLE intents ADD COLUMN proof TEXT;

CREATE TABLE deliveries (
    configuration TEXT NOT NULL,
    webhook TEXT NOT NULL,
    read_at TEXT NOT NULL,
    verdict TEXT NOT NULL,
    PRIMARY KEY (configuration, webhook)
) STRICT, WITHOUT ROWID;

CREATE TABLE pages (
    run INTEGER NOT NULL,
    look INTEGER NOT NULL,
    page INTEGER NOT NULL,
    record_count INTEGER,
    content TEXT NOT NULL,
    read_at TEXT NOT NULL,
    PRIMARY KEY (run, look, page)
) STRICT, WITHOUT ROWID;
CREATE TABLE change_reports (
    run INTEGER PRIMARY KEY,
    changes TEXT NOT NULL
) STRICT;
ALTER TABLE runs ADD COLUMN resumed_pages INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN baseline TEXT;

CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    configuration TEXT NOT NULL,
    id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    grp TEXT NOT NULL,
    event TEXT,
    ticket_id INTEGER,
    body TEXT NOT NULL,
    looked_up INTEGER NOT NULL DEFAULT 0,
    on_pia_board INTEGER,
    ticket TEXT,
    ticket_problem TEXT,
    forward TEXT,
    forward_attempts INTEGER NOT NULL DEFAULT 0,
    forward_since INTEGER,
    forward_at INTEGER,
    forward_error TEXT,
    UNIQUE (configuration, id)
) STRICT;
CREATE INDEX events_of_configuration ON events (configuration, number);
CREATE INDEX events_to_look_up ON events (configuration, number) WHERE looked_up = 0;
CREATE INDEX events_to_forward ON events (configuration, ticket_id, number) WHERE forward = 'pending';

CREATE TABLE daily (
    configuration TEXT NOT NULL,
    day TEXT NOT NULL,
    outcome TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (configuration, day)
) STRICT, WITHOUT ROWID;
ALTER TABLE configurations ADD COLUMN served_since TEXT;
",
    ),
    (
        3,
        // What tells a tab from another one that has got its number, and which tab a ticket type was linked to.
        "ALTER TABLE installed ADD COLUMN mark TEXT;",
    ),
    (
        4,
        // Where the credentials that were verified signed in.
        "
ALTER TABLE configurations ADD COLUMN sign_in_url TEXT;
ALTER TABLE configurations ADD COLUMN sign_in_tenant TEXT;
",
    ),
    (
        5,
        // When Halo says that an event happened, where a missed one was fetched from, and why one is not understood. Until
        // when nothing was missed, and what was done about each gap since.
        "
ALTER TABLE events ADD COLUMN sent_at INTEGER;
ALTER TABLE events ADD COLUMN fetched_from TEXT;
ALTER TABLE events ADD COLUMN not_understood TEXT;
ALTER TABLE configurations ADD COLUMN complete_until INTEGER;
CREATE TABLE gaps (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    configuration TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    gap TEXT NOT NULL
) STRICT;
CREATE INDEX gaps_of_configuration ON gaps (configuration, number);
",
    ),
    (
        6,
        // Which Halo it is and which release it runs, and the one before that.
        "
ALTER TABLE configurations ADD COLUMN halo_product TEXT;
ALTER TABLE configurations ADD COLUMN halo_version TEXT;
ALTER TABLE configurations ADD COLUMN halo_version_before TEXT;
ALTER TABLE configurations ADD COLUMN halo_changed_at TEXT;
",
    ),
    (
        7,
        // What the rule of which clients Pia serves asks for, and whom it leaves out. A page that an older program has
        // read tells nothing of it.
        "
ALTER TABLE clients ADD COLUMN toplevel_id INTEGER;
ALTER TABLE clients ADD COLUMN customer_type INTEGER;
ALTER TABLE clients ADD COLUMN custom_fields TEXT;
ALTER TABLE clients ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
DELETE FROM pages;
",
    ),
    (
        8,
        // Clients that are to be forwarded, each as it was when a sync changed it.
        "
ALTER TABLE configurations ADD COLUMN hands_on INTEGER NOT NULL DEFAULT 0;
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    configuration TEXT NOT NULL,
    client INTEGER NOT NULL,
    message TEXT NOT NULL,
    what TEXT NOT NULL,
    run INTEGER,
    at TEXT NOT NULL,
    name_before TEXT,
    name TEXT NOT NULL,
    toplevel TEXT,
    main_site TEXT,
    inactive INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    left_out INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER
) STRICT;
CREATE INDEX outbox_in_order ON outbox (configuration, number);
CREATE INDEX outbox_of_client ON outbox (configuration, client, number);
",
    ),
    (
        9,
        // What was last found of each rule of health, and the cause that a person has said is known.
        "
CREATE TABLE health (
    configuration TEXT NOT NULL,
    rule TEXT NOT NULL,
    finding TEXT NOT NULL,
    dismissed TEXT,
    PRIMARY KEY (configuration, rule)
) STRICT, WITHOUT ROWID;
",
    ),
    (
        10,
        // When a person agreed to go on with a list that no sync has proved complete.
        "ALTER TABLE configurations ADD COLUMN unproved_at TEXT;",
    ),
    (
        11,
        // A report of changes comes in parts, as it can be as long as the list.
        "
ALTER TABLE change_reports RENAME TO whole_reports;
CREATE TABLE change_reports (
    run INTEGER NOT NULL,
    part INTEGER NOT NULL,
    changes TEXT NOT NULL,
    PRIMARY KEY (run, part)
) STRICT, WITHOUT ROWID;
INSERT INTO change_reports SELECT run, 0, changes FROM whole_reports;
DROP TABLE whole_reports;
",
    ),
    (
        12,
        // What the hosts have in common that share a store; where it is a file of one machine, that has files for it.
        "
CREATE TABLE settings (
    part TEXT PRIMARY KEY,
    save INTEGER NOT NULL,
    content TEXT NOT NULL,
    saved_at TEXT NOT NULL,
    saved_by TEXT NOT NULL,
    host TEXT NOT NULL
) STRICT, WITHOUT ROWID;
",
    ),
    (
        14,
        // The audit trails of the hosts that share a store: how far each is copied, and its lines.
        "
CREATE TABLE trails (
    trail TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    lines INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    hash TEXT NOT NULL,
    tag TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE trail (
    trail TEXT NOT NULL,
    line INTEGER NOT NULL,
    at INTEGER,
    content TEXT NOT NULL,
    PRIMARY KEY (trail, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX trail_by_time ON trail (at);
",
    ),
];

/// What only makes reading quick: an older program lives with it, so it is no version of its own. The age of events is for
/// forgetting them; those that were given up are counted at every look at the service, as are those of the last day, and the
/// last one of each webhook is read.
const INDEXES: &str = "
CREATE INDEX IF NOT EXISTS events_by_age ON events (received_at);
CREATE INDEX IF NOT EXISTS events_by_arrival ON events (configuration, received_at);
CREATE INDEX IF NOT EXISTS events_delivered ON events (configuration, grp, number) WHERE fetched_from IS NULL;
CREATE INDEX IF NOT EXISTS events_given_up ON events (configuration, number) WHERE forward = 'undelivered';
CREATE INDEX IF NOT EXISTS events_not_understood ON events (configuration, received_at) WHERE not_understood IS NOT NULL;
";

/// What brings a form of this version up to date.
pub(super) fn upgrades(version: i64) -> impl Iterator<Item = &'static str> {
    let form = (version == 0).then_some(FORM);
    let due = UPGRADES.iter().filter(move |(since, _)| *since > version).map(|(_, upgrade)| *upgrade);
    form.into_iter().chain(due)
}

/// What makes reading it quick, each with its name.
pub(super) fn indexes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let named = |sql: &'static str| sql.split_once("EXISTS ")?.1.split_once(' ').map(|(name, _)| (name, sql));
    INDEXES.split(';').filter_map(named)
}

/// An empty database of the form of now, in memory.
pub(super) fn blank() -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_in_memory()?;
    upgrades(0).try_for_each(|upgrade| connection.execute_batch(upgrade))?;
    Ok(connection)
}

pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    // One program at a time: making the form and turning to WAL are no matter of a single statement.
    let turn = Exclusive::take(path).map_err(by_cause)?;
    turn.require_record_locks().map_err(by_cause)?;
    let named = private_file::resolve(path).map_err(by_cause)?;
    if named.is_none() && std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(StoreError::LogAlone { path: path.to_owned() });
    }
    // Where there is a log beside the file somebody may be using it, and what is seen without locks may be half a
    // change: then it is judged below, under them. Where there is a journal, the machine stopped while the form was made,
    // and SQLite takes that back first.
    if let Some(target) = named
        && !["-wal", "-journal"].iter().any(|ending| beside(&target, ending).exists())
    {
        look_first(path, &target)?;
    }
    // Made by us first: SQLite would give it the mode that the umask says. The files beside it get the mode of this one.
    let target = private_file::ensure_private(path).map_err(by_cause)?;
    let mut connection = connect(&target, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| Trouble::from(error).at(path))?;
    prepare(&mut connection, path)?;
    drop(turn);
    Ok(connection)
}

pub(super) fn open_existing(path: &Path) -> Result<Option<Connection>, StoreError> {
    let Some(target) = private_file::resolve(path).map_err(by_cause)? else { return Ok(None) };
    match open(path) {
        // We cannot write here: read what is in the file itself.
        Err(StoreError::NoPermission { .. }) => open_for_reading(path, &target).map(Some),
        other => other.map(Some),
    }
}

/// The same for a look, which is given on a full disk, too: there is no room for the files that are beside the database while
/// it is in use.
pub(super) fn open_to_look(path: &Path) -> Result<Option<Connection>, StoreError> {
    let full = match open_existing(path) {
        Err(full @ StoreError::Full { .. }) => full,
        other => return other,
    };
    let Some(target) = private_file::resolve(path).map_err(by_cause)? else { return Ok(None) };
    if has_log(&target) {
        return open_alone(path, &target)?.map(Some).ok_or(full);
    }
    open_for_reading(path, &target).map(Some)
}

fn has_log(target: &Path) -> bool {
    std::fs::metadata(beside(target, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// Reads the file with its log, which may hold the newest word, and needs no file beside them: so nobody else can have it open
/// meanwhile. None where it would have to be brought up to date first.
pub(super) fn open_alone(path: &Path, target: &Path) -> Result<Option<Connection>, StoreError> {
    let at = |error: rusqlite::Error| Trouble::from(error).at(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(target, flags).map_err(at)?;
    connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(())).map_err(at)?;
    connection.pragma_update(None, "query_only", true).map_err(at)?;
    Ok((judge(&connection, path)? == VERSION).then_some(connection))
}

/// A file of an older version cannot be brought up to date where nobody can write: a copy of it in memory is.
pub(super) fn open_for_reading(path: &Path, target: &Path) -> Result<Connection, StoreError> {
    let connection = look_first(path, target)?;
    match judge(&connection, path)? {
        VERSION => Ok(connection),
        older => brought_up_in_memory(target, older).map_err(|error| Trouble::from(error).at(path)),
    }
}

fn brought_up_in_memory(target: &Path, version: i64) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(Path::new(":memory:"), flags)?;
    connection.execute_batch(FORM)?;
    let upgrade = |versions: std::ops::RangeInclusive<i64>| {
        let due = UPGRADES.iter().filter(|(since, _)| versions.contains(since));
        due.map(|(_, upgrade)| *upgrade).try_for_each(|upgrade| connection.execute_batch(upgrade))
    };
    upgrade(0..=version)?;
    if version > 0 {
        let tables: Vec<String> = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        connection.execute("ATTACH ?1 AS old", [immutable(target)])?;
        for table in tables {
            connection.execute_batch(&format!("INSERT INTO main.{table} SELECT * FROM old.{table}"))?;
        }
        connection.execute_batch("DETACH old")?;
    }
    upgrade(version + 1..=VERSION)?;
    // What is written here would be lost: it is refused like a write to the file.
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Another connection that only reads; none where the file is not for reading by several.
pub(super) fn connect_to_read(path: &Path) -> Option<Connection> {
    let target = private_file::resolve(path).ok()??;
    let connection = connect(&target, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX).ok()?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0)).ok()?;
    Some(connection)
}

pub(super) fn by_cause(error: FileError) -> StoreError {
    match error {
        FileError::Io { doing, path, source } => of_io(source, doing, &path),
        other => StoreError::File(other),
    }
}

/// Opens the file as one that nobody changes, which takes no lock and writes nothing, and reads what it is: a file that
/// is not for us must stay as it is. Through SQLite, because closing a handle of our own would take the locks of every
/// other connection in this process with it.
pub(super) fn look_first(path: &Path, target: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(Path::new(&immutable(target)), flags).map_err(|error| Trouble::from(error).at(path))?;
    judge(&connection, path)?;
    Ok(connection)
}

pub(super) fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn immutable(target: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in target.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => uri.push(char::from(*byte)),
            _ => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// Whether the database is for us; answers its version, 0 where its form is not written yet.
fn judge(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let ask = |sql: &str| -> Result<i64, StoreError> {
        connection.query_row(sql, [], |row| row.get(0)).map_err(|error| Trouble::from(error).at(path))
    };
    let (version, application) = (ask("PRAGMA user_version")?, ask("PRAGMA application_id")?);
    let new = || -> Result<bool, StoreError> {
        Ok((application, version) == (0, 0) && ask("SELECT count(*) FROM sqlite_schema")? == 0)
    };
    if application != APPLICATION_ID && !new()? {
        return Err(StoreError::Corrupt { path: path.to_owned(), why: "it belongs to another program".to_owned() });
    }
    if version > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known: VERSION });
    }
    Ok(version)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let mut connection = Connection::open_with_flags(path, flags)?;
    be_patient(&mut connection, PATIENCE)?;
    // A database that is refused later must not be written at its closing.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // What a damaged or planted file says about functions and triggers is not believed.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    Ok(connection)
}

/// Waits so long for another program's write. SQLite's own waits grow to a tenth of a second: whoever looks that seldom can miss
/// every moment between the writes of one that writes without a pause, such as a service that is sent many callbacks.
pub(super) fn be_patient(connection: &mut Connection, patience: Duration) -> Result<(), rusqlite::Error> {
    let mut began = Instant::now();
    connection.busy_handler(Some(move |looks: i32| {
        if looks == 0 {
            began = Instant::now();
        }
        let goes_on = began.elapsed() < patience;
        if goes_on {
            std::thread::sleep(LOOK);
        }
        goes_on
    }))
}

/// The largest database that is looked through whenever it is opened, in bytes: that takes milliseconds.
const LOOKED_THROUGH: i64 = 8 << 20;

/// A page that lost some of its rows is no error to SQLite: the list would only be shorter.
fn require_sound(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let at = |error: rusqlite::Error| Trouble::from(error).at(path);
    let ask = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(at);
    if ask("PRAGMA page_count")?.saturating_mul(ask("PRAGMA page_size")?) > LOOKED_THROUGH {
        return Ok(());
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(at)?;
    if found == "ok" {
        return Ok(());
    }
    Err(StoreError::Corrupt { path: path.to_owned(), why: "it is damaged".to_owned() })
}

fn prepare(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let at = |error: rusqlite::Error| Trouble::from(error).at(path);
    // Once more, with the log beside it, in which the newest word may still stand.
    let version = judge(connection, path)?;
    let mut ready = || -> Result<(), rusqlite::Error> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        if version < VERSION {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if version == 0 {
                transaction.execute_batch(FORM)?;
                transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            }
            for (_, upgrade) in UPGRADES.iter().filter(|(since, _)| *since > version) {
                transaction.execute_batch(upgrade)?;
            }
            transaction.pragma_update(None, "user_version", VERSION)?;
            transaction.commit()?;
        }
        // Where they are there already nothing is written, and nobody is waited for.
        connection.execute_batch(INDEXES)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(())
    };
    ready().map_err(at)?;
    require_sound(connection, path)
}
