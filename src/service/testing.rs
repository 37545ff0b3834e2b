//! What the tests of this room share: a service without sockets, on a clock that leaps.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Hub, Shared};
use crate::domain::address::HaloUrl;
use crate::domain::configuration::{
    ApiCredentials, CompanySync, Configuration, ConfigurationId, Integration, PiaScreen,
};
use crate::domain::daily::DailyRun;
use crate::domain::daily_sync_time::DailySyncTime;
use crate::domain::failure::Failure;
use crate::domain::sync_run::{ChangeCounts, SyncReport, SyncStatus};
use crate::ops::{Clock, Workspace};
use crate::settings::{Config, Environment, Paths, Settings};
use crate::store::Store;

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

type Happening = Box<dyn FnOnce(&Fixture) + Send>;

/// The database of a workspace, by a connection of its own.
pub fn store_of(workspace: &Workspace) -> Store {
    Store::open(&workspace.paths().store()).unwrap()
}

pub fn settings_of(workspace: &Workspace) -> Settings {
    Settings::new(workspace.paths().clone())
}

/// A profile with one active configuration, and its clock.
pub struct Fixture {
    _folder: TempDir,
    workspace: Workspace,
    time: Arc<Time>,
    end: Mutex<Timestamp>,
    over: Notify,
    happening: Mutex<Option<(Timestamp, Happening)>>,
    shared: Mutex<Option<Arc<Shared>>>,
}

struct Time(Mutex<Timestamp>);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Saves one active configuration.
fn configure(settings: &Settings) {
    let configuration = Configuration {
        name: "Acme".to_owned(),
        api: ApiCredentials {
            url: HaloUrl::read("http://127.0.0.1:1").unwrap().address,
            client_id: "id".to_owned(),
            tenant: None,
            auth_url: None,
            request_budget: None,
            ca_file: None,
            client_secret_command: None,
        },
        company_sync: CompanySync { daily_sync_time: DailySyncTime::EXAMPLE, include: Default::default() },
        pia_screen: PiaScreen::default(),
        integration: Integration::default(),
    };
    let acme: ConfigurationId = "acme".parse().unwrap();
    settings
        .update(|config: &mut Config| {
            config.configurations.insert(acme.clone(), configuration);
            config.active = Some(acme.clone());
            Ok::<_, Failure>(())
        })
        .unwrap();
}

impl Fixture {
    pub fn open(now: &str) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let time = Arc::new(Time(Mutex::new(at(now))));
        configure(&Settings::new(Paths::below(folder.path())));
        Self::of(folder, "jump1", time)
    }

    /// Hosts that share a new store at this address, and one clock.
    pub fn on_server(url: &str, now: &str, hosts: &[&str]) -> Vec<Arc<Self>> {
        let time = Arc::new(Time(Mutex::new(at(now))));
        let folders: Vec<TempDir> = hosts.iter().map(|_| tempfile::tempdir().unwrap()).collect();
        let first = Paths::below(folders[0].path());
        configure(&Settings::new(first.clone()));
        let named = std::fs::read_to_string(first.config()).unwrap() + &format!("\n[store]\nurl = \"{url}\"\n");
        std::fs::write(first.config(), named).unwrap();
        let environment = Environment::from_pairs([("USER", "dana")]);
        crate::ops::transfer::saved(&first, &environment, &CancellationToken::new()).unwrap().make().unwrap();
        for folder in &folders[1..] {
            let paths = Paths::below(folder.path());
            std::fs::create_dir_all(paths.config().parent().unwrap()).unwrap();
            std::fs::copy(first.config(), paths.config()).unwrap();
            std::fs::copy(first.store_key(), paths.store_key()).unwrap();
        }
        folders.into_iter().zip(hosts).map(|(folder, host)| Self::of(folder, host, Arc::clone(&time))).collect()
    }

    fn of(folder: TempDir, host: &str, time: Arc<Time>) -> Arc<Self> {
        let (paths, clock): (_, Arc<dyn Clock>) = (Paths::below(folder.path()), Arc::clone(&time) as _);
        let environment = Environment::from_pairs([("USER", "dana"), ("PIA_HALO_HOST", host)]);
        let workspace = Workspace::open(paths, environment, clock).unwrap();
        Arc::new(Self {
            _folder: folder,
            end: Mutex::new(time.now()),
            workspace,
            time,
            over: Notify::new(),
            happening: Mutex::default(),
            shared: Mutex::default(),
        })
    }

    /// What the parts of a service share, made anew: as after a restart.
    pub fn shared(&self) -> Arc<Shared> {
        self.shared_by(false)
    }

    /// The same in another workspace, such as one under the lock of whoever leads.
    pub fn shared_in(&self, workspace: Workspace) -> Arc<Shared> {
        Arc::new(Shared { workspace, cancel: CancellationToken::new(), hub: Arc::default() })
    }

    /// The same where events are forwarded.
    pub fn shared_with_forwarding(&self) -> Arc<Shared> {
        self.shared_by(true)
    }

    fn shared_by(&self, forwards: bool) -> Arc<Shared> {
        let hub = Arc::new(Hub { forwards, ..Hub::default() });
        let shared = Arc::new(Shared { workspace: self.workspace.clone(), cancel: CancellationToken::new(), hub });
        *self.shared.lock().unwrap() = Some(Arc::clone(&shared));
        shared
    }

    /// Whether whoever ran last has failed at Halo for a cause of this host.
    pub fn is_failing(&self) -> bool {
        self.shared.lock().unwrap().as_ref().is_some_and(|shared| shared.failing.is_any())
    }

    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    pub fn store(&self) -> Store {
        store_of(&self.workspace)
    }

    pub fn settings(&self) -> Settings {
        settings_of(&self.workspace)
    }

    pub fn now(&self) -> Timestamp {
        self.time.now()
    }

    pub fn end_at(&self, moment: Timestamp) {
        *self.end.lock().unwrap() = moment;
    }

    pub async fn ended(&self) {
        self.over.notified().await;
    }

    /// Ends it at this moment.
    pub fn dies(&self) {
        self.over.notify_one();
    }

    /// Puts the clock where somebody waits for it to be; not past the end.
    pub fn leap_to(&self, moment: Timestamp) -> bool {
        let due = self.happening.lock().unwrap().take_if(|(when, _)| *when <= moment);
        if let Some((when, happening)) = due {
            // A second before: somebody changes something while the service sleeps.
            *self.time.0.lock().unwrap() = when - jiff::SignedDuration::from_secs(1);
            happening(self);
            if let Some(shared) = &*self.shared.lock().unwrap() {
                shared.changed.notify_one();
            }
            return true;
        }
        let end = *self.end.lock().unwrap();
        if moment > end {
            *self.time.0.lock().unwrap() = end;
            self.over.notify_one();
            return false;
        }
        let mut now = self.time.0.lock().unwrap();
        *now = moment.max(*now);
        true
    }

    /// The service is off, or the clock is set.
    pub fn sleep_until(&self, moment: Timestamp) {
        *self.time.0.lock().unwrap() = moment;
    }

    /// Something happens at a moment, while somebody waits for one after it.
    pub fn at_moment(&self, moment: Timestamp, happening: impl FnOnce(&Self) + Send + 'static) {
        *self.happening.lock().unwrap() = Some((moment, Box::new(happening)));
    }

    pub fn set_time(&self, time: &str) {
        let time = DailySyncTime::parse(time).unwrap();
        self.change(|config| {
            for configuration in config.configurations.values_mut() {
                configuration.company_sync.daily_sync_time = time;
            }
        });
    }

    /// Another configuration, the same as the first.
    pub fn add(&self, id: &str) {
        self.change(|config| {
            let configuration = config.configurations.values().next().unwrap().clone();
            config.configurations.insert(id.parse().unwrap(), configuration);
        });
    }

    pub fn activate(&self, id: &str) {
        self.change(|config| config.active = Some(id.parse().unwrap()));
    }

    pub fn deactivate(&self) {
        self.change(|config| config.active = None);
    }

    fn change(&self, change: impl Fn(&mut Config)) {
        self.settings()
            .update(|config: &mut Config| {
                change(config);
                Ok::<_, Failure>(())
            })
            .unwrap();
    }

    pub fn days(&self) -> Vec<DailyRun> {
        self.store().days(&"acme".parse().unwrap()).unwrap()
    }
}

/// How long half a second of short waits takes on a thread that a part of the service shares, while another program holds
/// the database; and then until `done`.
pub async fn goes_on_while_the_database_is_held(
    fixture: &Fixture,
    part: impl Future<Output = ()> + Send + 'static,
    done: impl Fn() -> bool,
) -> Duration {
    let holder = rusqlite::Connection::open(fixture.workspace.paths().store()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let part = tokio::spawn(part);
    let began = Instant::now();
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let took = began.elapsed();
    assert!(!done(), "nothing can be written now");
    holder.execute_batch("ROLLBACK").unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "it is written once it can be");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    part.abort();
    took
}

pub fn report(status: SyncStatus) -> SyncReport {
    SyncReport {
        status,
        proved: status == SyncStatus::Complete,
        halo_count: Some(1),
        stored: 1,
        active: 1,
        disabled: 0,
        left_out: 0,
        changes: ChangeCounts::default(),
        pages: 1,
        requests: 1,
        retries: 0,
        rate_limited_ms: 0,
        duration_ms: 1,
        warnings: Vec::new(),
        run: None,
        resumed_pages: 0,
        started_at: at("2026-11-01T00:00:00Z"),
        finished_at: at("2026-11-01T00:00:01Z"),
        would_disable: None,
        disabling: Vec::new(),
        error: None,
    }
}
