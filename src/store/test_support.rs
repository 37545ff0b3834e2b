//! What the tests of this room share.

use jiff::Timestamp;

use super::Store;
use crate::domain::client::Client;
use crate::domain::configuration::ConfigurationId;
use crate::domain::sync_run::{ChangeCounts, SyncReport, SyncStatus};
use crate::domain::untrusted::Untrusted;

/// What makes of a database one of the first version.
pub const BACK_TO_THE_FIRST_VERSION: &str = "
DROP TABLE configure_runs;
ALTER TABLE intents DROP COLUMN run;
ALTER TABLE intents DROP COLUMN object;
ALTER TABLE intents DROP COLUMN proof;
DROP TABLE deliveries;
PRAGMA user_version = 1;
PRAGMA wal_checkpoint(TRUNCATE);
";

/// A store in a folder of its own.
pub fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("data/pia-halo.db")).unwrap();
    (folder, store)
}

pub fn id(text: &str) -> ConfigurationId {
    ConfigurationId::parse(text).unwrap()
}

/// The given second of a day, with nanoseconds, which must not be lost either.
pub fn at(second: i64) -> Timestamp {
    Timestamp::new(1_795_000_000 + second, 123_456_789).unwrap()
}

pub fn client(id: i64, name: &str) -> Client {
    Client { id, name: Untrusted::new(name), toplevel: None, main_site: None, inactive: false }
}

pub fn inactive(id: i64, name: &str) -> Client {
    Client { inactive: true, ..client(id, name) }
}

pub fn report(status: SyncStatus, second: i64) -> SyncReport {
    SyncReport {
        proved: true,
        error: None,
        status,
        halo_count: Some(237),
        stored: 236,
        active: 230,
        disabled: 6,
        changes: ChangeCounts { added: 1, updated: 2, disabled: 3, returned: 4, unchanged: 5 },
        pages: 3,
        requests: 9,
        retries: 1,
        rate_limited_ms: 250,
        duration_ms: 412,
        warnings: vec!["one \"quoted\"".to_owned(), "two\nlines".to_owned()],
        started_at: at(second),
        finished_at: at(second + 1),
    }
}

/// A whole run: staged, published, ended.
pub fn sync(store: &Store, configuration: &str, second: i64, clients: &[Client]) -> ChangeCounts {
    let run = store.begin_run(&id(configuration), at(second)).unwrap();
    store.stage(run, clients).unwrap();
    let changes = store.publish(run, at(second), Default::default(), true).unwrap();
    store.end_run(run, &report(SyncStatus::Complete, second)).unwrap();
    changes
}
