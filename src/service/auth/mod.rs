//! Who may hand in callbacks.
//!
//! Every refusal looks alike and takes the same steps: an unknown configuration is compared with secrets that nobody
//! knows, and no comparison ends early.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::Shared;
use crate::domain::callback::{BASIC_USER, CallbackSecrets, EventGroup};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::domain::redaction::Watch;
use crate::domain::secret::Secret;
use crate::ops::{Workspace, events, serving};
use crate::settings::{SecretSource, StoredSecrets, new_callback_secrets};

/// What tells one state of a file from another: device, number, length, and when its content and its mode or owner changed.
type Stamp = Vec<Option<[i128; 5]>>;

/// Settings that could not be read are tried again so soon; not for every probe.
const TRY_AGAIN: SignedDuration = SignedDuration::from_secs(1);

/// While the settings cannot be read nobody knows whether a rotation has replaced what is known. It stays good for as long
/// as a rotation lets it by default, and no longer.
const UNREAD: SignedDuration = SignedDuration::from_hours(24);

/// The secrets of every saved configuration. Changed settings are taken up without a restart.
pub struct Auth {
    workspace: Workspace,
    known: RwLock<Arc<Known>>,
    /// Whether the secrets are in a store that hosts share. No callback waits for that: it is read when it tells of a change.
    is_told: bool,
    /// What an unknown configuration is compared with.
    nobody: CallbackSecrets,
}

#[derive(Clone)]
struct Known {
    stamp: Stamp,
    secrets: BTreeMap<ConfigurationId, StoredSecrets>,
    watches: BTreeMap<ConfigurationId, Watch>,
    /// How many secrets were read elsewhere by then: there is none less.
    read: usize,
    unread: Option<Unread>,
}

/// The settings have changed and cannot be read.
#[derive(Clone, Copy)]
struct Unread {
    since: Timestamp,
    tried: Timestamp,
}

impl Auth {
    /// Begins with the settings as they are.
    pub fn open(workspace: &Workspace) -> Result<Self, Failure> {
        let nobody = new_callback_secrets()?;
        let stamp = stamp(workspace);
        let secrets = events::secrets(workspace)?;
        read_outside(workspace);
        let read = workspace.read_secrets().clone();
        let known = Known { stamp, watches: watches(&secrets, &read), read: read.len(), secrets, unread: None };
        let is_told = serving::is_on_server(workspace);
        Ok(Self { workspace: workspace.clone(), known: RwLock::new(Arc::new(known)), is_told, nobody })
    }

    /// Whose callback this is, and of which group; none where it is nobody's.
    pub fn admit(&self, path: &str, authorization: Option<&[u8]>) -> Option<(ConfigurationId, EventGroup)> {
        let mut parts = path.split('/');
        let (empty, callbacks, id) = (parts.next()?, parts.next()?, parts.next().unwrap_or_default());
        let (slug, token) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if !empty.is_empty() || callbacks != "callbacks" || parts.next().is_some() {
            return None;
        }
        let token = Secret::new(token);
        let (user, password) = basic(authorization);
        let known = self.known();
        let id = ConfigurationId::parse(id).ok();
        let accepted = id.as_ref().and_then(|id| known.secrets.get(id)).map(|all| all.accepted(self.workspace.now()));
        let is_known = accepted.as_ref().is_some_and(|accepted| !accepted.is_empty());
        let mut good = false;
        for secrets in accepted.as_deref().filter(|_| is_known).unwrap_or(std::slice::from_ref(&self.nobody)) {
            // Compared in constant time, and both of them whatever the first one says.
            good |= (secrets.token == token) & (secrets.password == password);
        }
        let group = events::group(slug);
        // `nobody` lets nobody in: the configuration has to be known, too.
        (good & is_known & (user == BASIC_USER)).then_some(id.zip(group)).flatten()
    }

    /// A body without the secrets of the configuration, which Halo has been told and may say back.
    pub fn without_secrets(&self, id: &ConfigurationId, body: Vec<u8>) -> Vec<u8> {
        match self.known().watches.get(id) {
            Some(watch) => watch.clean(body),
            None => body,
        }
    }

    fn known(&self) -> Arc<Known> {
        let known = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner));
        let now = self.workspace.now();
        let is_current = self.is_told
            || (known.stamp == stamp(&self.workspace)
                && known.unread.is_none_or(|unread| within(unread.tried, now, TRY_AGAIN)));
        if !is_current {
            return self.read_again(&known);
        }
        let read = self.workspace.read_secrets().clone();
        if known.read == read.len() {
            return known;
        }
        // Whatever was read meanwhile stays.
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Arc::new(Known { watches: watches(&known.secrets, &read), read: read.len(), ..(**known).clone() });
        Arc::clone(&known)
    }

    /// Reads the secrets again; whether they could be read.
    pub fn reload(&self) -> bool {
        let known = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner));
        self.read_again(&known).unread.is_none()
    }

    fn read_again(&self, known: &Known) -> Arc<Known> {
        let (stamp, now) = (stamp(&self.workspace), self.workspace.now());
        let secrets = events::secrets(&self.workspace);
        let read = self.workspace.read_secrets().clone();
        self.keep(match secrets {
            Ok(secrets) => {
                if secrets != known.secrets || known.unread.is_some() {
                    tracing::info!("changed settings are in use");
                }
                Known { stamp, watches: watches(&secrets, &read), read: read.len(), secrets, unread: None }
            }
            Err(failure) => {
                // Half a change, or a slip of somebody's: what was good stays good for a while.
                let since = known.unread.map_or(now, |unread| unread.since);
                let mut old = Known { stamp, unread: Some(Unread { since, tried: now }), ..known.clone() };
                if known.unread.is_none() {
                    tracing::warn!(%failure, "the settings cannot be read; the old ones stay in use for a day");
                }
                if !within(since, now, UNREAD) && !old.secrets.is_empty() {
                    tracing::error!(%failure, "the settings have been unreadable for a day; callbacks are rejected until they can be read");
                    old.secrets.clear();
                }
                old
            }
        })
    }

    fn keep(&self, known: Known) -> Arc<Known> {
        let known = Arc::new(known);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&known);
        known
    }
}

/// Reads the secrets again whenever the store that hosts share tells of a change, until the service ends; and until they can be
/// read.
pub async fn follow(shared: Arc<Shared>, auth: Arc<Auth>) {
    let mut reloaded = shared.reloaded.subscribe();
    let mut is_read = true;
    while !shared.cancel.is_cancelled() {
        tokio::select! {
            biased;
            () = shared.cancel.cancelled() => return,
            Ok(()) = reloaded.changed() => {}
            () = tokio::time::sleep(TRY_AGAIN.unsigned_abs()), if !is_read => {}
        }
        let auth = Arc::clone(&auth);
        let read = shared.workspace.run_blocking(move |_| Ok(auth.reload())).await;
        is_read = read.unwrap_or_default();
    }
}

fn watches(secrets: &BTreeMap<ConfigurationId, StoredSecrets>, read: &[Secret]) -> BTreeMap<ConfigurationId, Watch> {
    let watch = |stored: &StoredSecrets| Watch::new(stored.all().chain(read).cloned());
    secrets.iter().map(|(id, stored)| (id.clone(), watch(stored))).collect()
}

/// Reads the Client Secret where it is not in the settings, so that it is known before the first callback. A command may take
/// its time: what it gives is known from its first use on.
fn read_outside(workspace: &Workspace) {
    let Ok(Some((id, configuration))) = workspace.active() else { return };
    let command = configuration.api.client_secret_command.as_deref();
    let source = workspace.secret_source(Some(&id), command).ok().flatten();
    if source.is_some_and(|source| !matches!(source, SecretSource::Command(_))) {
        // One that cannot be read is told where it is needed.
        _ = workspace.find_secret(Some(&id), command);
    }
}

/// Whether so little time has passed; a clock that was set back by more than that is no reason to go on waiting.
fn within(since: Timestamp, now: Timestamp, length: SignedDuration) -> bool {
    now.duration_since(since).abs() < length
}

// Looked at for each callback, which costs two calls of the system: a signal of the change may come after the callback, and a
// token that was taken back lets nobody in any more.
fn stamp(workspace: &Workspace) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    let paths = workspace.paths();
    let of = |path: PathBuf| {
        let data = std::fs::metadata(path).ok()?;
        let moment = |seconds: i64, nanoseconds: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
        let (content, mode) = (moment(data.mtime(), data.mtime_nsec()), moment(data.ctime(), data.ctime_nsec()));
        Some([data.dev().into(), data.ino().into(), data.len().into(), content, mode])
    };
    vec![of(paths.config()), of(paths.credentials())]
}

/// User name and password of a Basic `Authorization`; empty where there is none.
fn basic(header: Option<&[u8]>) -> (String, Secret) {
    let read = || {
        let header = std::str::from_utf8(header?).ok()?;
        let (scheme, code) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = zeroize::Zeroizing::new(STANDARD.decode(code.trim()).ok()?);
        let (user, password) = std::str::from_utf8(&text).ok()?.split_once(':')?;
        Some((user.to_owned(), Secret::new(password)))
    };
    read().unwrap_or_else(|| (String::new(), Secret::new("")))
}

#[cfg(test)]
mod timing;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::testing::{Fixture, at};
    use super::*;
    use crate::ops::SystemClock;
    use crate::ops::events::group;
    use crate::settings::{Environment, SettingsError};

    const BEGIN: &str = "2026-11-23T12:00:00Z";
    const END: &str = "2026-11-24T12:00:00Z";

    fn acme() -> ConfigurationId {
        "acme".parse().unwrap()
    }

    fn change(fixture: &Fixture, change: impl FnOnce(&mut StoredSecrets)) {
        let change = |secrets: &mut StoredSecrets| {
            change(secrets);
            Ok::<_, SettingsError>(())
        };
        fixture.settings().update_secrets(&acme(), change).unwrap();
    }

    fn admits(auth: &Auth, token: &CallbackSecrets, password: &CallbackSecrets) -> bool {
        let path = format!("/callbacks/acme/ticket-created/{}", token.token.expose());
        let header = format!("Basic {}", STANDARD.encode(format!("pia:{}", password.password.expose())));
        let admitted = auth.admit(&path, Some(header.as_bytes()));
        admitted.inspect(|admitted| assert_eq!(*admitted, (acme(), group("ticket-created").unwrap()))).is_some()
    }

    /// R74: from the moment on at which the next pair is stored, and until the overlap ends, both are good; then the old one
    /// is refused, whether it is still in the file or not. Never a token with the other's password.
    #[test]
    fn old_and_new_are_good_for_overlap_and_then_old_is_refused() {
        let fixture = Fixture::open(BEGIN);
        let [old, new, nobody] = std::array::from_fn(|_| new_callback_secrets().unwrap());
        change(&fixture, |secrets| secrets.callback = Some(old.clone()));
        let auth = Auth::open(fixture.workspace()).unwrap();
        let good = || [&old, &new, &nobody].map(|pair| admits(&auth, pair, pair));
        assert_eq!(good(), [true, false, false]);

        change(&fixture, |secrets| secrets.next_callback = Some(new.clone()));
        assert_eq!(good(), [true, true, false], "stored, and Halo has not heard of it");
        change(&fixture, |secrets| secrets.finish_rotation(at(END), at(BEGIN)));
        let moments = [
            (BEGIN, true),
            ("2026-11-24T11:59:59.999Z", true),
            (END, false),
            ("2026-11-24T12:00:00.001Z", false),
            ("2036-01-01T00:00:00Z", false),
        ];
        for (moment, is_good) in moments {
            fixture.sleep_until(at(moment));
            assert_eq!(good(), [is_good, true, false], "{moment}");
        }
        let stored = fixture.settings().secrets(&acme()).unwrap();
        assert!(stored.former_callback.is_some(), "refused although it is still in the file");
        fixture.sleep_until(at(BEGIN));
        assert!(!admits(&auth, &old, &new) && !admits(&auth, &new, &old));
    }

    #[test]
    fn without_overlap_old_one_is_refused_at_once_and_forgotten() {
        let fixture = Fixture::open(BEGIN);
        let [old, new] = std::array::from_fn(|_| new_callback_secrets().unwrap());
        change(&fixture, |secrets| {
            secrets.callback = Some(old.clone());
            secrets.next_callback = Some(new.clone());
        });
        let auth = Auth::open(fixture.workspace()).unwrap();
        assert!(admits(&auth, &old, &old) && admits(&auth, &new, &new));
        change(&fixture, |secrets| secrets.finish_rotation(at(BEGIN), at(BEGIN)));
        assert!(!admits(&auth, &old, &old) && admits(&auth, &new, &new));
        assert_eq!(fixture.settings().secrets(&acme()).unwrap().former_callback, None);
    }

    /// R70: each bit turned, cut, longer, empty, in other letters, doubled, random: whatever is not both secrets is nobody's.
    #[test]
    fn none_of_ten_thousand_forgeries_is_let_in() {
        let (_fixture, auth, pair, _) = with_one_pair();
        let (token, password) = (pair.token.expose().to_owned(), pair.password.expose().to_owned());
        let mut forged: BTreeSet<String> = BTreeSet::new();
        for secret in [&token, &password] {
            for at in 0..secret.len() {
                forged.extend([secret[at + 1..].to_owned(), secret[..at].to_owned()]);
                for other in (0..=127).map(char::from) {
                    forged.insert(format!("{}{other}{}", &secret[..at], &secret[at + 1..]));
                }
            }
            forged.extend([secret.to_uppercase(), secret.to_lowercase(), secret.repeat(2), format!("{secret} ")]);
        }
        while forged.len() < 10_010 {
            forged.insert(new_callback_secrets().unwrap().token.expose().to_owned());
        }
        let is_let_in = |token: &str, password: &str| {
            let header = format!("Basic {}", STANDARD.encode(format!("pia:{password}")));
            auth.admit(&format!("/callbacks/acme/ticket-created/{token}"), Some(header.as_bytes())).is_some()
        };
        let forgeries = forged.iter().filter(|forged| **forged != token && **forged != password);
        assert!(forgeries.clone().count() >= 10_000);
        for forged in forgeries {
            assert!(!is_let_in(forged, &password) && !is_let_in(&token, forged), "{}", forged.len());
        }
        assert!(is_let_in(&token, &password) && !is_let_in(&password, &token));
    }

    fn with_one_pair() -> (Arc<Fixture>, Auth, CallbackSecrets, PathBuf) {
        let fixture = Fixture::open(BEGIN);
        let pair = new_callback_secrets().unwrap();
        change(&fixture, |secrets| secrets.callback = Some(pair.clone()));
        let auth = Auth::open(fixture.workspace()).unwrap();
        let file = fixture.workspace().paths().credentials();
        (fixture, auth, pair, file)
    }

    /// Before anybody has used it: what a variable gives is looked for from the first callback on.
    #[test]
    fn secret_from_outside_is_known_before_first_callback() {
        let (fixture, ..) = with_one_pair();
        let given = "an-outside-secret-7f3c9b2e51d8";
        let environment = Environment::from_pairs([("PIA_HALO_CLIENT_SECRET", given)]);
        let paths = fixture.workspace().paths().clone();
        let workspace = Workspace::open(paths, environment, Arc::new(SystemClock)).unwrap();
        let auth = Auth::open(&workspace).unwrap();
        let kept = auth.without_secrets(&acme(), format!("see {given} there").into_bytes());
        let kept = String::from_utf8(kept).unwrap();
        assert!(kept.starts_with("see ") && kept.ends_with(" there") && !kept.contains(&given[..16]), "{kept}");
    }

    /// A later moment of the file system's clock than any that it has written down before.
    fn tick(file: &std::path::Path) {
        use std::os::unix::fs::MetadataExt;
        let beside = file.with_extension("tick");
        let written = |path: &std::path::Path| {
            let data = std::fs::metadata(path).unwrap();
            (data.ctime(), data.ctime_nsec())
        };
        let before = written(file);
        loop {
            std::fs::write(&beside, "x").unwrap();
            if written(&beside) > before {
                break std::fs::remove_file(&beside).unwrap();
            }
        }
    }

    /// The same file, the same length and the same time on it: only the kernel knows that it was changed.
    #[test]
    fn change_that_leaves_length_and_time_as_they_were_is_taken_up() {
        let (fixture, auth, old, file) = with_one_pair();
        assert!(admits(&auth, &old, &old));
        let new = new_callback_secrets().unwrap();
        let time = std::fs::metadata(&file).unwrap().modified().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace(old.token.expose(), new.token.expose());
        tick(&file);
        std::fs::write(&file, text.replace(old.password.expose(), new.password.expose())).unwrap();
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        assert_eq!([&old, &new].map(|pair| admits(&auth, pair, pair)), [false, true]);
        drop(fixture);
    }

    /// One look at the wrong moment: nothing about the file changes afterwards, and its new secrets are taken up all the same.
    #[test]
    fn unreadable_settings_are_read_again_without_change() {
        let (fixture, auth, old, file) = with_one_pair();
        let new = new_callback_secrets().unwrap();
        change(&fixture, |secrets| secrets.callback = Some(new.clone()));
        // The settings themselves are at fault: this file is as it will be.
        let config = fixture.workspace().paths().config();
        let good = std::fs::read(&config).unwrap();
        std::fs::write(&config, "no toml [").unwrap();
        assert!(admits(&auth, &old, &old), "what was good before stays good");
        std::fs::write(&config, good).unwrap();
        // As if that had been the state of the files at the look that failed.
        let now = stamp(fixture.workspace());
        auth.known.write().map(|mut known| Arc::make_mut(&mut known).stamp = now).unwrap();
        assert!(admits(&auth, &old, &old), "not for every probe");
        fixture.sleep_until(fixture.now() + TRY_AGAIN);
        assert_eq!([&old, &new].map(|pair| admits(&auth, pair, pair)), [false, true]);
        assert!(file.exists());
    }

    /// What nobody can look up any more may have been replaced: it is not good for longer than a rotation leaves it good.
    #[test]
    fn unreadable_secrets_stay_good_for_one_day() {
        let (fixture, auth, pair, file) = with_one_pair();
        let good = std::fs::read(&file).unwrap();
        std::fs::write(&file, "no toml [").unwrap();
        for (later, is_good) in [(0, true), (86_399, true), (86_400, false), (90_000, false)] {
            fixture.sleep_until(at(BEGIN) + SignedDuration::from_secs(later));
            assert_eq!(admits(&auth, &pair, &pair), is_good, "after {later} s");
        }
        std::fs::write(&file, good).unwrap();
        assert!(admits(&auth, &pair, &pair), "readable again");
    }
}
