//! The whole store, copied to a PostgreSQL or back from one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::actor::actor_of;
use super::archive::stopped;
use super::backup::empty;
use super::locks::hold_everything;
use super::{Clock as _, SystemClock, installation, place, sharing};
use crate::coordination::{Shared, Whoever};
use crate::domain::activity::Activity;
use crate::domain::calendar::utc;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::domain::store_url::StoreUrl;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::settings::private_file::{self, Exclusive};
use crate::settings::{Environment, Paths, Settings, SettingsError, SharedStore};
use crate::store::{
    self, Address, Audit, Figures, Held, Proof, Remote, Snapshot, Store, StoreError, in_place, is_same,
};

/// A PostgreSQL that was named.
pub struct Server {
    remote: Remote,
    url: String,
    address: Address,
    paths: Paths,
    environment: Environment,
    cancel: CancellationToken,
}

/// The lock of whoever copies a store to a server or from it; it is on the server.
const LOCK: &str = "store copy";

/// What a store is, who is at it, and what is in it.
pub struct Status {
    /// What it is; none where this machine has none.
    pub figures: Option<Figures>,
    /// Who copies a store there now.
    pub copying: Option<Whoever>,
    /// Who does something there now that is done alone: leads the services, syncs, configures …
    pub at_work: Vec<Whoever>,
}

/// Looks at the store that the settings name.
///
/// # Errors
///
/// What the store says.
pub fn status_here(paths: &Paths, environment: &Environment, cancel: &CancellationToken) -> Result<Status, Failure> {
    if Settings::new(paths.clone()).store()?.is_some() {
        return saved(paths, environment, cancel)?.status();
    }
    let store = Store::open_to_look(&paths.store())?;
    Ok(Status { figures: store.map(|store| store.figures()).transpose()?, copying: None, at_work: Vec::new() })
}

/// What is in a store on a server, for a person.
pub fn in_words(held: &Held) -> String {
    let whose = held.copied.as_ref().map_or("a store".to_owned(), |(host, at)| {
        format!("a copy of {} as of {}", Untrusted::new(host).display(), utc(*at))
    });
    let [clients, events, others] = [held.clients, held.events, held.others].map(thousands);
    let settings = held.settings.as_ref().map_or(String::new(), |(by, host)| {
        let [by, host] = [by, host].map(|text| Untrusted::new(text).display());
        format!(", and the settings that {by} saved on {host}")
    });
    format!("{whose} with {clients} clients, {events} events and {others} other rows{settings}")
}

/// Signs in to the server that the settings name.
///
/// # Errors
///
/// [`FailureKind::Usage`] where they name none; as [`Server::open`].
pub fn saved(paths: &Paths, environment: &Environment, cancel: &CancellationToken) -> Result<Server, Failure> {
    let Some(shared) = Settings::new(paths.clone()).store()? else {
        let message = format!("{} names no PostgreSQL", paths.config().display());
        let hint = "Name it there, in a table of its own: [store] with url = \"postgres://role@host/database\"";
        return Err(Failure::new(FailureKind::Usage, message).hint(hint));
    };
    Server::at(shared.url.as_str(), place::saved(&shared, paths, environment)?, paths, environment, cancel)
}

impl Server {
    /// Signs in, with the password that the file has in which PostgreSQL's own programs look for it. Nothing is written there.
    /// What is done with it ends soon once it is cancelled.
    ///
    /// # Errors
    ///
    /// What is wrong with the address, the password file or the server.
    pub fn open(
        url: &str,
        paths: &Paths,
        environment: &Environment,
        cancel: &CancellationToken,
    ) -> Result<Self, Failure> {
        Self::at(url, place::address(url, paths, environment)?, paths, environment, cancel)
    }

    fn at(
        url: &str,
        address: Address,
        paths: &Paths,
        environment: &Environment,
        cancel: &CancellationToken,
    ) -> Result<Self, Failure> {
        let asked = cancel.clone();
        let remote = Remote::open(&address, Arc::new(move || !asked.is_cancelled()))?;
        let (paths, environment, cancel) = (paths.clone(), environment.clone(), cancel.clone());
        Ok(Self { remote, url: url.to_owned(), address, paths, environment, cancel })
    }

    /// The server and its database, for a person.
    pub fn shown(&self) -> &str {
        self.remote.shown()
    }

    /// What is in the store there; none where not one row is.
    pub fn holds(&mut self) -> Result<Option<Held>, Failure> {
        Ok(self.remote.holds()?)
    }

    /// Looks at the store there. Nothing is written.
    pub fn status(&mut self) -> Result<Status, Failure> {
        let copying = Shared::holder(&self.address, LOCK)?;
        let at_work = Shared::holders(&self.address)?;
        Ok(Status { figures: Some(self.remote.figures()?), copying, at_work })
    }

    /// Makes the store there, or brings it up to date; says which version it was of before.
    ///
    /// # Errors
    ///
    /// [`FailureKind::LocalState`] where this machine has a store in a file as well; [`FailureKind::Busy`] where anybody works with
    /// it and something is to be made; what the server says.
    pub fn make(&mut self) -> Result<Option<i64>, Failure> {
        place::require_no_file(&self.paths)?;
        let own = installation::here(&self.paths, &self.environment)?;
        if self.remote.is_of_now() {
            // Nobody need be away, and nobody's knowledge grows old by it.
            Store::on(&self.address.clone().of(own))?;
        } else {
            let _locks = hold_everything(&self.paths, &self.environment, "store init", SystemClock.now())?;
            Store::on(&self.address.clone().of(own.alone()))?;
        }
        if self.put_settings(false)? {
            Settings::new(self.paths.clone()).forget_shared()?;
        }
        Ok(self.remote.form())
    }

    /// Puts everything of this machine's store there, in place of what is there. Where somebody has agreed to that, only what
    /// he was told of is replaced.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Declined`] where this machine has no store, [`FailureKind::Busy`] where another machine copies its store
    /// there now, [`FailureKind::NeedsYes`] where something else is there now;
    /// what either store says. The one there is as it was then, but for a server that is lost in the last moment.
    pub fn take(&mut self, agreed: Option<&Option<Held>>, now: Timestamp) -> Result<Proof, Failure> {
        self.take_as(true, agreed, now)
    }

    fn take_as(&mut self, is_copy: bool, agreed: Option<&Option<Held>>, now: Timestamp) -> Result<Proof, Failure> {
        let none = || Failure::new(FailureKind::Declined, "there is no store on this machine").hint(Next::Sync);
        if !self.is_expected(is_copy)? {
            let by = "pg_dump and pg_restore copy a database to another server";
            place::require_file(&self.paths, "store copy --to", by)?;
        }
        let own = Store::open_existing(&self.paths.store())?.ok_or_else(none)?;
        self.trail().require_writable()?;
        let _alone = self.alone(now)?;
        // Whoever works with the store there would go on with another one.
        self.remote.come_in(&installation::here(&self.paths, &self.environment)?.alone())?;
        let Some(proof) = self.remote.take(&own, agreed, is_copy.then_some(now))? else {
            let message = format!("what {} holds has changed meanwhile", self.shown());
            return Err(Failure::new(FailureKind::NeedsYes, message).hint("run this again; nothing was changed"));
        };
        self.note("copied the store to a server", now)?;
        Ok(proof)
    }

    /// The same, and from then on the store is there. The settings say so last, once both were compared: until then everything is
    /// as it was. The file is set aside then; answers with its folder.
    ///
    /// # Errors
    ///
    /// As [`Server::take`]; [`FailureKind::Busy`] where somebody works with the store of this machine.
    pub fn take_and_switch(
        &mut self,
        agreed: Option<&Option<Held>>,
        now: Timestamp,
    ) -> Result<(Proof, Option<PathBuf>), Failure> {
        // Whatever was written meanwhile would stay behind.
        let _locks = hold_everything(&self.paths, &self.environment, LOCK, now)?;
        let url = StoreUrl::parse(&self.url).map_err(|why| Failure::new(FailureKind::Usage, why))?;
        if self.holds()?.is_some_and(|held| held.settings.is_some()) {
            sharing::require_fit(&self.address, &self.paths, &self.environment)?;
        }
        let proof = self.take_as(false, agreed, now)?;
        self.put_settings(true)?;
        Settings::new(self.paths.clone()).update(|config| {
            // With its command, where it was named before.
            let named = config.store.take().filter(|named| named.url == url);
            config.store = Some(named.unwrap_or_else(|| SharedStore::at(url)));
            // They are there now.
            config.configurations.clear();
            config.active = None;
            Ok::<_, SettingsError>(())
        })?;
        self.note("moved the store to a server", now)?;
        Settings::new(self.paths.clone()).forget_shared()?;
        // Nobody may take it for the store that is in use.
        Ok((proof, store::set_aside(&self.paths.store(), now)?))
    }

    /// Whether the settings name just this server already, which has nothing in it yet, for a store that is still in a file.
    fn is_expected(&mut self, is_copy: bool) -> Result<bool, Failure> {
        let named = Settings::new(self.paths.clone()).store()?;
        let is_named = named.is_some_and(|shared| shared.url.as_str() == self.url);
        Ok(!is_copy
            && is_named
            && in_place(&self.paths.store()).is_some()
            && self.holds()?.is_none_or(|held| !held.has_rows()))
    }

    /// Puts what hosts have in common of this host's settings there; says whether it was done.
    fn put_settings(&self, replace: bool) -> Result<bool, Failure> {
        let own = installation::here(&self.paths, &self.environment)?;
        let store = Store::at(&self.address.clone().of(own))?;
        sharing::put(&Settings::new(self.paths.clone()), &store, &self.environment, replace)
    }

    /// Keeps every other machine from copying there meanwhile.
    fn alone(&mut self, now: Timestamp) -> Result<Shared, Failure> {
        let alone = Shared::take(&self.address, LOCK, LOCK, &actor_of(&self.environment), now)?;
        self.remote.under(alone.lock());
        Ok(alone)
    }

    /// Makes this machine's store of what is there.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Declined`] where this machine has a store, or there is no copy; [`FailureKind::Busy`] where somebody
    /// works with it; what either store says. This machine has no store then.
    pub fn give(&mut self, now: Timestamp) -> Result<Proof, Failure> {
        self.give_and(false, now)
    }

    /// The same, and from then on the store is a file of this machine; the settings say so last.
    ///
    /// # Errors
    ///
    /// As [`Server::give`]; [`FailureKind::Busy`] also where another installation works with the store there.
    pub fn give_and_switch(&mut self, now: Timestamp) -> Result<Proof, Failure> {
        self.give_and(true, now)
    }

    fn give_and(&mut self, switches: bool, now: Timestamp) -> Result<Proof, Failure> {
        let _locks = hold_everything(&self.paths, &self.environment, LOCK, now)?;
        let is_own = self.require_own(switches)?;
        let common = match switches {
            true => Some(sharing::settings_to_look(&self.paths, &self.environment)?),
            false => None,
        };
        // What this host cannot open would stay behind.
        common.as_ref().map(Settings::text_without_store).transpose()?;
        let _alone = self.alone(now)?;
        if self.holds()?.is_none() {
            return Err(Failure::new(
                FailureKind::Declined,
                format!("there is no copy of a store in {}", self.shown()),
            ));
        }
        let place = self.paths.store();
        if switches {
            // Whatever was written there meanwhile would stay behind.
            self.remote.come_in(&installation::here(&self.paths, &self.environment)?.alone())?;
            // What a switch that was killed has left here, nobody uses.
            if is_own {
                store::set_aside(&place, now)?;
            }
        }
        let exclusive = Exclusive::take(&place).map_err(StoreError::from)?;
        if let Some(file) = in_place(&place) {
            let hint = Hint::from("Set it aside first: ").next(Next::SetStoreAside);
            let what = format!("there is a store on this machine: {}", private_file::quoted(&file));
            return Err(Failure::new(FailureKind::Declined, what).hint(hint));
        }
        self.trail().require_writable()?;
        // Under one name: what a killed run has left there goes with the next one.
        let part = self.paths.data_dir.join("copy.part");
        empty(&part)?;
        let copied = self.give_by(&part.join("pia-halo.db"), &exclusive);
        _ = fs::remove_dir_all(&part);
        let proof = copied.map_err(|failure| if self.cancel.is_cancelled() { stopped() } else { failure })?;
        self.note("copied the store from a server", now)?;
        if let Some(settings) = common {
            // Otherwise it would lie beside the store that is still in use.
            settings.leave_store().inspect_err(|_| _ = store::set_aside(&place, now))?;
            self.note("moved the store to this machine", now)?;
        }
        Ok(proof)
    }

    /// Where the store is on a server, only that one becomes a file, and only with the settings. Whether it is on this one.
    fn require_own(&self, switches: bool) -> Result<bool, Failure> {
        let Some(shared) = Settings::new(self.paths.clone()).store()? else { return Ok(false) };
        if switches && shared.url.as_str() == self.url {
            return Ok(true);
        }
        let message = format!("{} names {} as the store", self.paths.config().display(), shared.url.as_str());
        let hint = "to make a file of it again: store copy --from with just this address, and --switch";
        Err(Failure::new(FailureKind::Usage, message).hint(hint))
    }

    fn give_by(&mut self, part: &Path, exclusive: &Exclusive) -> Result<Proof, Failure> {
        let own = Store::open(part)?;
        let proof = self.remote.give(&own)?;
        drop(own);
        let whole = Snapshot::take(part)?.ok_or_else(|| Failure::new(FailureKind::LocalState, "the copy is gone"))?;
        let keep = |to: &Path| {
            let kept = whole.write(to, || !self.cancel.is_cancelled()).map_err(io::Error::other)?;
            match kept {
                Some(kept) if is_same(&proof, &kept) => Ok(()),
                _ => Err(io::Error::other("it is not what was read from the server")),
            }
        };
        exclusive.replace_by(keep).map_err(StoreError::from)?;
        Ok(proof)
    }

    fn trail(&self) -> Audit {
        Audit::new(self.paths.audit()).anchored(self.paths.anchor())
    }

    fn note(&self, action: &str, now: Timestamp) -> Result<(), Failure> {
        let activity = Activity {
            at: now,
            who: actor_of(&self.environment),
            configuration: None,
            action: action.to_owned(),
            object: Some(self.shown().to_owned()),
            fields: Vec::new(),
            outcome: "done".to_owned(),
            message: None,
            halo: None,
        };
        Ok(self.trail().append(&activity)?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::coordination::Lock;
    use crate::store::postgres_tests::Postgres;
    use crate::store::test_support::{at, client, id, sync};

    /// Machines with folders of their own.
    struct Machines([tempfile::TempDir; 2]);

    impl Machines {
        fn new() -> Self {
            Self([(); 2].map(|()| tempfile::tempdir().unwrap()))
        }

        fn at(&self, number: usize) -> (Paths, Environment) {
            let environment = Environment::from_pairs([("HOME", self.0[number].path())]);
            (Paths::from_environment(&environment).unwrap(), environment)
        }
    }

    fn open(url: &str, (paths, environment): &(Paths, Environment)) -> Result<Server, Failure> {
        Server::open(url, paths, environment, &CancellationToken::new())
    }

    fn failed<T>(result: Result<T, Failure>) -> Failure {
        result.err().unwrap()
    }

    #[test]
    fn store_goes_to_server_and_comes_to_machine_without_one() {
        let Some(postgres) = Postgres::start() else { return };
        let machines = Machines::new();
        let (this, other) = (machines.at(0), machines.at(1));
        let url = postgres.new_database("copy");
        let mut server = open(&url, &this).unwrap();
        let none = failed(server.take(None, at(0)));
        assert_eq!((none.kind, none.message.as_str()), (FailureKind::Declined, "there is no store on this machine"));
        let own = Store::open(&this.0.store()).unwrap();
        sync(&own, "acme", 0, &[client(1, "a"), client(2, "b")]);
        assert_eq!(server.holds().unwrap(), None);
        let give = |second| open(&url, &other)?.give(at(second));
        let empty = failed(give(1));
        assert!(empty.message.starts_with("there is no copy of a store in "), "{empty:?}");
        assert!(!other.0.store().exists());
        assert_eq!(postgres.sql("copy", "SELECT count(*) FROM pg_class WHERE relname LIKE 'pia_%'"), "0");
        let proof = server.take(Some(&None), at(1)).unwrap();
        let look = || open(&url, &this).unwrap().holds().unwrap().unwrap();
        let held = look();
        let words = in_words(&held);
        assert!(words.starts_with("a copy of ") && words.contains(" with 2 clients, 0 events and "), "{words}");
        assert!(held.others > 0, "a run, at least");
        sync(&own, "acme", 2, &[client(1, "a"), client(2, "b"), client(3, "c")]);
        assert_eq!(look(), held, "as it was then");

        let lock = Lock::take(&other.0.lock("service"), "serve", &actor_of(&other.1), at(3)).unwrap();
        assert_eq!(failed(give(3)).kind, FailureKind::Busy);
        drop(lock);
        for name in ["pia-halo.db-wal", "pia-halo.db-journal"] {
            let log = other.0.store().with_file_name(name);
            fs::write(&log, "a log that a lost store has left").unwrap();
            let refused = failed(give(3));
            assert!(refused.kind == FailureKind::Declined && refused.message.ends_with(name), "{refused:?}");
            fs::remove_file(&log).unwrap();
        }
        // What a killed run has left.
        let part = other.0.data_dir.join("copy.part");
        fs::create_dir_all(&part).unwrap();
        fs::write(part.join("pia-halo.db"), "half a copy").unwrap();
        assert_eq!(give(3).unwrap(), proof);
        assert!(!part.exists());
        let copy = Store::open(&other.0.store()).unwrap();
        assert_eq!(copy.clients(&id("acme")).unwrap().len(), 2);
        let there = failed(give(4));
        assert!(there.kind == FailureKind::Declined && there.message.starts_with("there is a store on this machine: "));
        let lines = Audit::new(other.0.audit()).anchored(other.0.anchor()).recent(1).unwrap();
        assert_eq!(lines[0].action, "copied the store from a server");
    }

    /// Every row counts, and nothing is replaced that nobody was told of.
    #[test]
    fn copy_that_was_changed_since_question_is_not_replaced() {
        let Some(postgres) = Postgres::start() else { return };
        let machines = Machines::new();
        let this = machines.at(0);
        Store::open(&this.0.store()).unwrap();
        let url = postgres.new_database("copy");
        let mut server = open(&url, &this).unwrap();
        server.take(Some(&None), at(0)).unwrap();
        assert_eq!(open(&url, &this).unwrap().holds().unwrap(), None, "not one row");
        postgres.sql("copy", "INSERT INTO daily (configuration, day, outcome, at) VALUES ('acme', 'a', 'b', 'c')");
        let mut server = open(&url, &this).unwrap();
        let held = server.holds().unwrap().unwrap();
        assert_eq!((held.clients, held.events, held.others), (0, 0, 1));
        let changed = failed(server.take(Some(&None), at(1)));
        assert!(changed.kind == FailureKind::NeedsYes && changed.message.ends_with(" has changed meanwhile"));
        assert_eq!(server.holds().unwrap(), Some(held.clone()));
        server.take(Some(&Some(held)), at(1)).unwrap();
        assert_eq!(server.holds().unwrap(), None);
    }

    /// Two machines at once: the second one is told who the first one is, and replaces nothing.
    #[test]
    fn second_machine_that_copies_is_told_who_and_where() {
        let Some(postgres) = Postgres::start() else { return };
        let machines = Machines::new();
        let this = machines.at(0);
        sync(&Store::open(&this.0.store()).unwrap(), "acme", 0, &[client(1, "a")]);
        let url = postgres.new_database("copy");
        let actor = crate::domain::activity::Actor { user: "ada */ /* '".to_owned(), ..Default::default() };
        let held = Shared::take(&Address::new(&url).unwrap(), LOCK, LOCK, &actor, at(1)).unwrap();
        let mut server = open(&url, &this).unwrap();
        let busy = failed(server.take(None, at(2)));
        let host = store::host_name();
        let says = format!("already running: store copy by ada */ /* ' on {host} since ");
        assert!(busy.kind == FailureKind::Busy && busy.message.starts_with(&says), "{busy:?}");
        assert_eq!(server.holds().unwrap(), None);
        let busy = failed(open(&url, &machines.at(1)).unwrap().give(at(2)));
        assert!(busy.kind == FailureKind::Busy && busy.message.starts_with(&says), "{busy:?}");
        let status = server.status().unwrap();
        assert_eq!(status.copying.and_then(|whoever| whoever.0).map(|holder| holder.user), Some(actor.user));
        let figures = status.figures.unwrap();
        let hosts: Vec<_> = figures.hosts.into_iter().map(|host| (host.host, host.signed_in)).collect();
        assert_eq!((figures.form, hosts), (None, vec![(host, true)]));
        drop(held);
        while server.status().unwrap().copying.is_some() {}
        server.take(None, at(3)).unwrap();
        let there = open(&url, &this).unwrap().status().unwrap().figures.unwrap();
        let here = status_here(&this.0, &this.1, &CancellationToken::new()).unwrap().figures.unwrap();
        let without_copied = |figures: &Figures| figures.held.clone().map(|held| Held { copied: None, ..held });
        assert_eq!((there.form, without_copied(&there)), (here.form, without_copied(&here)));
        assert_eq!((here.engine.0, there.engine.0), ("SQLite", "PostgreSQL"));
    }

    /// A trail that cannot be written is told before anything is.
    #[test]
    fn nothing_is_copied_that_trail_cannot_tell() {
        let Some(postgres) = Postgres::start() else { return };
        let machines = Machines::new();
        let (this, other) = (machines.at(0), machines.at(1));
        sync(&Store::open(&this.0.store()).unwrap(), "acme", 0, &[client(1, "a")]);
        let url = postgres.new_database("copy");
        let block = |paths: &Paths| fs::create_dir_all(paths.audit()).unwrap();
        block(&this.0);
        failed(open(&url, &this).unwrap().take(None, at(1)));
        assert_eq!(open(&url, &this).unwrap().holds().unwrap(), None);
        fs::remove_dir(this.0.audit()).unwrap();
        open(&url, &this).unwrap().take(None, at(1)).unwrap();
        block(&other.0);
        failed(open(&url, &other).unwrap().give(at(2)));
        assert!(!other.0.store().exists());
    }

    #[test]
    fn copy_ends_soon_once_it_is_stopped() {
        let Some(postgres) = Postgres::start() else { return };
        let machines = Machines::new();
        let (this, other) = (machines.at(0), machines.at(1));
        let own = Store::open(&this.0.store()).unwrap();
        sync(&own, "acme", 0, &[client(1, "a"), client(2, "b")]);
        let url = postgres.new_database("copy");
        let begin = |machine: &(Paths, Environment)| {
            let cancel = CancellationToken::new();
            let server = Server::open(&url, &machine.0, &machine.1, &cancel).unwrap();
            cancel.cancel();
            server
        };
        assert_eq!(failed(begin(&this).take(None, at(1))).kind, FailureKind::Interrupted);
        assert_eq!(open(&url, &this).unwrap().holds().unwrap(), None);
        // Where the server does not answer either: somebody writes there and does not end.
        open(&url, &this).unwrap().take(None, at(1)).unwrap();
        let cancel = CancellationToken::new();
        let mut server = Server::open(&url, &this.0, &this.1, &cancel).unwrap();
        let stopped = std::thread::scope(|scope| {
            let lock = scope.spawn(|| postgres.sql("copy", "BEGIN; LOCK clients; SELECT pg_sleep(4); ROLLBACK"));
            let waits =
                "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'clients'::regclass";
            while postgres.sql("copy", waits) == "0" {}
            let began = std::time::Instant::now();
            let copy = scope.spawn(|| failed(server.take(None, at(2))));
            while postgres.sql("copy", "SELECT count(*) FROM pg_locks WHERE NOT granted") == "0" {}
            cancel.cancel();
            let stopped = copy.join().unwrap();
            assert!(began.elapsed() < std::time::Duration::from_secs(4), "the server was not waited for");
            lock.join().unwrap();
            stopped
        });
        assert_eq!(stopped.kind, FailureKind::Interrupted);
        assert_eq!(failed(begin(&other).give(at(3))).kind, FailureKind::Interrupted);
        let left = fs::read_dir(&other.0.data_dir).unwrap().flatten().map(|entry| entry.file_name());
        let left: Vec<_> = left.filter(|name| !name.to_string_lossy().ends_with("lock")).collect();
        assert_eq!(left, Vec::<std::ffi::OsString>::new());
    }

    /// As PostgreSQL's own programs find it, and each with its own sentence.
    #[test]
    fn password_comes_from_file_and_nowhere_else() {
        let Some(postgres) = Postgres::start_with(Some("canary: right")) else { return };
        let folder = tempfile::tempdir().unwrap();
        let url = format!("{}/postgres", postgres.url());
        let attempt = |more: &[(&str, &Path)]| {
            let environment = Environment::from_pairs([("HOME", folder.path())].iter().chain(more).copied());
            let machine = (Paths::from_environment(&environment).unwrap(), environment);
            open(&url, &machine).map(drop).map_err(|failure| (failure.kind, failure.message))
        };
        let file = |name: &str, password: &str, mode: u32| {
            let path = folder.path().join(name);
            fs::write(&path, format!("*:*:postgres:pia:{password}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let told = |attempt: Result<(), (FailureKind, String)>, says: &str| {
            let (kind, message) = attempt.unwrap_err();
            assert!(kind == FailureKind::LocalState && message.contains(says), "{says}: {message}");
            assert!(!message.contains("canary"), "{message}");
        };
        told(attempt(&[]), "the sign-in is refused: it wants a password");
        file(".pgpass", "canary\\: wrong", 0o600);
        told(attempt(&[]), "the sign-in is refused: password authentication failed for user \"pia\"");
        let right = file("right", "canary\\: right", 0o600);
        attempt(&[("PGPASSFILE", &right)]).unwrap();
        file("right", "canary\\: right", 0o640);
        told(attempt(&[("PGPASSFILE", &right)]), "holds secrets and others can read it (mode 0640)");
        file(".pgpass", "canary\\: right", 0o600);
        attempt(&[]).unwrap();
        let wrong = file("wrong", "canary\\: wrong", 0o600);
        told(attempt(&[("PGPASSFILE", &wrong)]), "password authentication failed");
    }
}
