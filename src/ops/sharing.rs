//! What hosts have in common of the settings, in the store that they share.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::actor::actor_of;
use super::installation;
use super::place::{Entry, Place};
use super::{Clock, SystemClock};
use crate::coordination::Shared;
use crate::domain::activity::{Activity, Actor};
use crate::domain::failure::{Failure, FailureKind};
use crate::settings::{Environment, Part, Paths, Settings, SharedSettings, Text};
use crate::store::{Address, Audit, Store, StoreError};

/// How long whoever saves now is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

type LastRead = Vec<(Part, Option<Text>)>;

/// The settings in the store of a server, by sessions of their own: whoever works with the store need not be waited for.
#[derive(Clone)]
pub(super) struct Shelf {
    place: Place,
    server: Address,
    who: Actor,
    host: String,
    clock: Arc<dyn Clock>,
    store: Arc<Mutex<Option<Store>>>,
    /// What was read last of each: a server that is away for a while has taken nothing back.
    last: Arc<Mutex<LastRead>>,
    /// Written under the locks that it is written under: without them, nothing is saved.
    under: Option<Store>,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shelf").field(&self.server).finish()
    }
}

impl Shelf {
    /// The settings in the store of this place; none where that is a file.
    pub(super) fn at(place: &Place, environment: &Environment, who: Actor, clock: Arc<dyn Clock>) -> Option<Self> {
        let server = place.server()?.clone();
        let (store, last, host) = (Arc::default(), Arc::default(), installation::name(environment));
        Some(Self { place: place.clone(), server, who, host, clock, store, last, under: None })
    }

    /// The same for whoever works under the locks of this store.
    pub(super) fn under(&self, store: &Store) -> Self {
        Self { under: Some(store.clone()), ..self.clone() }
    }

    fn store(&self) -> Result<Store, StoreError> {
        let mut store = lock(&self.store);
        match &*store {
            Some(store) => Ok(store.clone()),
            None => Ok(store.insert(self.place.open()?).clone()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SharedSettings for Shelf {
    fn name(&self) -> &str {
        self.server.shown()
    }

    fn read(&self, part: Part) -> Result<Option<Text>, Failure> {
        let read = self.store().and_then(|store| store.settings(part)).map_err(Failure::from);
        let mut last = lock(&self.last);
        match read {
            Ok(text) => {
                last.retain(|(known, _)| *known != part);
                last.push((part, text.clone()));
                Ok(text)
            }
            Err(failure) if failure.kind == FailureKind::NotReached => {
                last.iter().find(|(known, _)| *known == part).map(|(_, text)| text.clone()).ok_or(failure)
            }
            Err(failure) => Err(failure),
        }
    }

    fn save(&self, texts: &[(Part, &str, Option<u64>)]) -> Result<bool, Failure> {
        let who = self.who.account();
        let store = self.under.as_ref().map_or_else(|| self.store(), |under| Ok(self.store()?.locked_as(under)))?;
        Ok(store.save_settings(texts, (&who, &self.host), self.clock.now())?)
    }

    fn take_turn(&self, part: Part) -> Result<Box<dyn Send>, Failure> {
        let (name, who) = (format!("settings {}", part.key()), (&self.who, self.clock.now()));
        Ok(Box::new(Shared::take_within(&self.server, &name, "save", who, PATIENCE)?))
    }
}

/// The settings with what hosts have in common, where there is any.
pub(super) fn around(settings: Settings, shelf: Option<Shelf>) -> Settings {
    match shelf {
        Some(shelf) => settings.sharing(Arc::new(shelf)),
        None => settings,
    }
}

/// The same for whoever has no workspace yet.
fn at(settings: Settings, place: &Place, environment: &Environment) -> Settings {
    around(settings, Shelf::at(place, environment, actor_of(environment), Arc::new(SystemClock)))
}

/// The settings, with what is in the store of the server that they name, if they name one.
///
/// # Errors
///
/// What is wrong with the address or the server.
pub fn settings(paths: &Paths, environment: &Environment) -> Result<Settings, Failure> {
    opened(paths, environment, Entry::Work)
}

/// The same for whoever only looks.
///
/// # Errors
///
/// As [`settings`].
pub(super) fn settings_to_look(paths: &Paths, environment: &Environment) -> Result<Settings, Failure> {
    opened(paths, environment, Entry::Look)
}

fn opened(paths: &Paths, environment: &Environment, entry: Entry) -> Result<Settings, Failure> {
    let settings = Settings::new(paths.clone());
    let place = Place::of(&settings, environment, entry)?;
    let settings = at(settings, &place, environment);
    // What is wrong is said at once, and not in the middle of a save.
    settings.common_saved()?;
    Ok(settings)
}

/// Puts what hosts have in common of this host's settings into the store of a server, sealed with the key of this host. Unless
/// they `replace` what is there, nothing is changed where something is: says whether it was done. The files are left as they are.
///
/// # Errors
///
/// What keeps the files from being read, the key from being made, or the store from being written.
pub(super) fn put(
    settings: &Settings,
    store: &Store,
    environment: &Environment,
    replace: bool,
) -> Result<bool, Failure> {
    let before = |part| store.settings(part).map(|text| text.map(|text| text.save));
    let saves = [before(Part::Configurations)?, before(Part::Secrets)?, before(Part::Owner)?];
    // A host that has none of its own has put them there already.
    if saves[0].is_some() && (!replace || settings.load_own()?.configurations.is_empty()) {
        return Ok(false);
    }
    let host = installation::name(environment);
    // What it has in Halo already stays its own.
    let [common, sealed, owner] = settings.to_share(&installation::key(&host, settings.paths()), saves)?;
    let texts = [
        (Part::Configurations, common.as_str(), saves[0]),
        (Part::Secrets, sealed.as_str(), saves[1]),
        (Part::Owner, owner.as_str(), saves[2]),
    ];
    let who = actor_of(environment);
    if store.save_settings(&texts, (&who.account(), &host), SystemClock.now())? {
        return Ok(true);
    }
    Err(Failure::new(FailureKind::Busy, "another host is putting its settings into the store").hint("run this again"))
}

/// Refuses to replace settings that this host could not read: they would be lost to the hosts that can.
///
/// # Errors
///
/// [`FailureKind::LocalState`] where the key is missing, is no key, or is another one; what the store says.
pub(super) fn require_fit(server: &Address, paths: &Paths, environment: &Environment) -> Result<(), Failure> {
    let there = at(Settings::new(paths.clone()), &Place::on(server), environment);
    there.every_secret()?;
    Ok(there.common_saved().map(drop)?)
}

/// Whether this host's key opens the secrets that hosts have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It does.
    Fits,
    /// Nothing is sealed: the store is a file, or has no settings in it yet.
    NothingSealed,
}

/// Looks whether this host holds the right key; answers with its fingerprint, where it holds one.
///
/// # Errors
///
/// [`FailureKind::LocalState`] where the key is missing, is no key, or is another one; what the store says.
pub fn key(paths: &Paths, environment: &Environment) -> Result<(Fit, Option<String>), Failure> {
    let settings = settings_to_look(paths, environment)?;
    let fingerprint = settings.seal_key()?.map(|key| key.fingerprint());
    // Opens them.
    settings.every_secret()?;
    let fit = if settings.common_saved()?.is_some() { Fit::Fits } else { Fit::NothingSealed };
    Ok((fit, fingerprint))
}

/// The configurations that hosts have in common, where this host cannot tell who has written them: a person has to look at them
/// before they are signed.
///
/// # Errors
///
/// [`FailureKind::Declined`] where hosts have nothing in common; what the store says.
pub fn unverified(paths: &Paths, environment: &Environment) -> Result<Option<String>, Failure> {
    Ok(to_sign(paths, environment)?.0.unverified()?)
}

/// Makes a new key, and signs and seals with it what hosts have in common; the configurations that nobody can verify only as they
/// were `seen`. Answers with the fingerprint, and whether the secrets were kept: what no key of this host opens is forgotten.
///
/// # Errors
///
/// [`FailureKind::Declined`] where hosts have nothing in common; what keeps the key or the texts from being saved. This host then
/// opens what is there as before.
pub fn new_key(
    paths: &Paths,
    environment: &Environment,
    seen: Option<&str>,
    now: Timestamp,
) -> Result<(String, bool), Failure> {
    let (settings, place) = to_sign(paths, environment)?;
    let former = settings.seal_key()?;
    let trail = Audit::new(paths.audit()).anchored(paths.anchor());
    trail.require_writable()?;
    let (key, is_kept) = settings.seal_anew(seen)?;
    place.open()?.tag_trails_anew(&|text| former.as_ref()?.tag(text), &|text| key.tag(text))?;
    let message = match (is_kept, seen) {
        (true, None) => "everything was sealed and signed anew",
        (true, Some(_)) => "configurations that could not be verified were signed",
        (false, None) => "secrets that could not be opened were forgotten",
        (false, Some(_)) => "configurations that could not be verified were signed, and secrets were forgotten",
    };
    trail.append(&Activity {
        at: now,
        who: actor_of(environment),
        configuration: None,
        action: "make a store key".to_owned(),
        object: Some(key.fingerprint()),
        fields: Vec::new(),
        outcome: "done".to_owned(),
        message: Some(message.to_owned()),
        halo: None,
    })?;
    Ok((key.fingerprint(), is_kept))
}

fn to_sign(paths: &Paths, environment: &Environment) -> Result<(Settings, Place), Failure> {
    let settings = Settings::new(paths.clone());
    let place = Place::of(&settings, environment, Entry::Work)?;
    let settings = at(settings, &place, environment);
    if !settings.has_common()? {
        return Err(Failure::new(FailureKind::Declined, "nothing is sealed: the settings are files of this host"));
    }
    Ok((settings, place))
}
