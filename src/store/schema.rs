//! How the database is opened without harm.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::{StoreError, Trouble, of_io};
use super::form::{FORM, INDEXES, UPGRADES};
pub(super) use super::form::{VERSION, indexes, upgrades};
use crate::settings::private_file::{self, Exclusive, FileError};

/// Marks a database as ours: "PiaH".
pub(super) const APPLICATION_ID: i64 = 0x5069_6148;

/// How long a call waits for another program's write.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks whether that has ended.
const LOOK: Duration = Duration::from_micros(250);

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
