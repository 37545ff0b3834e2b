//! What the tests of this room share.

use jiff::Timestamp;

use super::database::{Address, Database};
use super::{Evidence, FreshLists, Known, Publication, RunId, StagedPage, Store, StoreError};
use crate::domain::client::{Client, Traits};
use crate::domain::configuration::ConfigurationId;
use crate::domain::include::IncludeRule;
use crate::domain::status::ClientCounts;
use crate::domain::sync_run::{Brake, ChangeCounts, ListedPage, SyncReport, SyncStatus};
use crate::domain::untrusted::Untrusted;

/// What makes of a database one of the first version.
pub const BACK_TO_THE_FIRST_VERSION: &str = "
DROP TABLE configure_runs;
ALTER TABLE intents DROP COLUMN run;
ALTER TABLE intents DROP COLUMN object;
ALTER TABLE intents DROP COLUMN proof;
DROP TABLE deliveries;
DROP TABLE pages;
DROP TABLE change_reports;
ALTER TABLE runs DROP COLUMN resumed_pages;
ALTER TABLE runs DROP COLUMN baseline;
DROP TABLE events;
DROP TABLE daily;
ALTER TABLE configurations DROP COLUMN served_since;
ALTER TABLE configurations DROP COLUMN unproved_at;
ALTER TABLE installed DROP COLUMN mark;
ALTER TABLE configurations DROP COLUMN sign_in_url;
ALTER TABLE configurations DROP COLUMN sign_in_tenant;
ALTER TABLE configurations DROP COLUMN halo_product;
ALTER TABLE configurations DROP COLUMN halo_version;
ALTER TABLE configurations DROP COLUMN halo_version_before;
ALTER TABLE configurations DROP COLUMN halo_changed_at;
ALTER TABLE configurations DROP COLUMN complete_until;
DROP TABLE gaps;
DROP TABLE trails;
DROP TABLE trail;
DROP TABLE health;
ALTER TABLE clients DROP COLUMN toplevel_id;
ALTER TABLE clients DROP COLUMN customer_type;
ALTER TABLE clients DROP COLUMN custom_fields;
ALTER TABLE clients DROP COLUMN left_out;
ALTER TABLE runs DROP COLUMN left_out;
DROP TABLE outbox;
DROP TABLE settings;
ALTER TABLE configurations DROP COLUMN hands_on;
ALTER TABLE configurations DROP COLUMN on_at;
ALTER TABLE configurations DROP COLUMN missed_since;
ALTER TABLE configurations DROP COLUMN misses;
PRAGMA user_version = 1;
PRAGMA wal_checkpoint(TRUNCATE);
";

/// Names the PostgreSQL on which the tests of this room are done; without it each has a file.
pub const SERVER: &str = "PIA_HALO_TESTS_POSTGRES";

/// A store of its own: a file in a folder, or a database on the server.
pub fn store() -> (tempfile::TempDir, Store) {
    let Ok(server) = std::env::var(SERVER) else { return file_store() };
    (tempfile::tempdir().unwrap(), Store::on(&database(&server)).unwrap())
}

/// A new database on a server.
pub fn database(server: &str) -> Address {
    let name = format!("t{}", uuid::Uuid::new_v4().simple());
    let admin = Database::on(&Address::new(&format!("{server}/template1")).unwrap(), true).unwrap();
    admin.batch(&format!("CREATE DATABASE {name} TEMPLATE template0"));
    Address::new(&format!("{server}/{name}")).unwrap()
}

/// Opens the same store once more, as another program does.
pub fn opener(store: &Store) -> impl Fn() -> Store + use<> {
    let path = store.path().to_owned();
    let server = store.ask(|db| Ok(db.server().cloned())).unwrap();
    move || server.as_ref().map_or_else(|| Store::open(&path).unwrap(), |server| Store::on(server).unwrap())
}

/// A store in a file, in a folder of its own: what is tried is about files.
pub fn file_store() -> (tempfile::TempDir, Store) {
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
    Client {
        id,
        name: Untrusted::new(name),
        toplevel: None,
        main_site: None,
        inactive: false,
        traits: Traits::default(),
    }
}

pub fn inactive(id: i64, name: &str) -> Client {
    Client { inactive: true, ..client(id, name) }
}

pub fn report(status: SyncStatus, second: i64) -> SyncReport {
    SyncReport {
        run: None,
        proved: true,
        would_disable: None,
        disabling: Vec::new(),
        error: None,
        status,
        halo_count: Some(237),
        stored: 236,
        active: 230,
        disabled: 6,
        left_out: 2,
        changes: ChangeCounts { added: 1, updated: 2, disabled: 3, returned: 4, unchanged: 5 },
        pages: 3,
        resumed_pages: 1,
        requests: 9,
        retries: 1,
        rate_limited_ms: 250,
        duration_ms: 412,
        warnings: vec!["one \"quoted\"".to_owned(), "two\nlines".to_owned()],
        started_at: at(second),
        finished_at: at(second + 1),
    }
}

/// The report of a run that publishes, with what it stored.
pub fn told(changes: ChangeCounts, counts: ClientCounts, second: i64) -> SyncReport {
    let ClientCounts { active, disabled, .. } = counts;
    SyncReport { changes, active, disabled, ..report(SyncStatus::Complete, second) }
}

/// What a run publishes that has seen everybody.
pub fn all_seen<'a>(fresh: FreshLists<'a>, rule: &'a IncludeRule) -> Publication<'a> {
    let (evidence, brake) = (Evidence::Look(1), Brake::On);
    Publication { evidence, unseen: &[], gone: &[], unread: 0, proved: true, fresh, rule, brake }
}

/// The page that lists these clients.
pub fn page(number: u32, clients: &[Client]) -> ListedPage {
    ListedPage { page: number, ids: clients.iter().map(|client| client.id).collect(), ..ListedPage::default() }
}

/// A page that lists these clients, none of which is known.
pub fn staged(look: u32, number: u32, clients: &[Client]) -> [StagedPage; 1] {
    [StagedPage { look, page: page(number, clients), differing: clients.to_vec() }]
}

/// Stages clients as a page of the first look, those that differ from what is known.
pub fn stage(store: &Store, run: RunId, known: &Known, number: u32, clients: &[Client]) {
    let differing: Vec<Client> = clients.iter().filter(|client| !known.has(client)).cloned().collect();
    store.stage(run, &[StagedPage { look: 1, page: page(number, clients), differing }], at(0)).unwrap();
}

/// Publishes what was staged; whoever is not among `seen` is gone where that is `proved`.
pub fn publish(
    store: &Store,
    run: RunId,
    known: &Known,
    seen: &[Client],
    second: i64,
    proved: bool,
) -> Result<ChangeCounts, StoreError> {
    let is_seen = |id: &i64| seen.iter().any(|client| client.id == *id);
    let unseen: Vec<i64> = known.expected().map(|(id, _)| id).filter(|id| !is_seen(id)).collect();
    let gone = if proved { unseen.as_slice() } else { &[] };
    let rule = IncludeRule::default();
    let publication = Publication { unseen: &unseen, gone, proved, ..all_seen(FreshLists::default(), &rule) };
    let tell = |changes, counts| told(changes, counts, second);
    Ok(store.publish(run, known, &publication, at(second), tell)?.changes)
}

/// A whole run: staged, published, ended.
pub fn sync(store: &Store, configuration: &str, second: i64, clients: &[Client]) -> ChangeCounts {
    let run = store.begin_run(&id(configuration), at(second)).unwrap();
    let known = store.known(&id(configuration)).unwrap();
    stage(store, run, &known, 1, clients);
    publish(store, run, &known, clients, second, true).unwrap()
}
