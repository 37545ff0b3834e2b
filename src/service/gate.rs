//! Who may hand in callbacks.
//!
//! Every refusal looks alike and takes the same steps: an unknown configuration is compared with secrets that nobody
//! knows, and no comparison ends early.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::callback::{BASIC_USER, CallbackSecrets, EventGroup};
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::domain::secret::Secret;
use crate::ops::{Workspace, events};
use crate::settings::{StoredSecrets, new_callback_secrets};

/// What tells one state of a file from another.
type Stamp = Vec<Option<(SystemTime, u64, u64)>>;

/// The gate. It takes up changed settings by itself.
pub struct Gate {
    workspace: Workspace,
    known: RwLock<Arc<Known>>,
    /// What an unknown configuration is compared with.
    nobody: CallbackSecrets,
}

struct Known {
    stamp: Stamp,
    secrets: BTreeMap<ConfigurationId, StoredSecrets>,
}

impl Gate {
    /// Opens the gate with the settings as they are.
    pub fn open(workspace: &Workspace) -> Result<Self, Failure> {
        let nobody = new_callback_secrets()?;
        let known = Known { stamp: stamp(workspace), secrets: events::secrets(workspace)? };
        Ok(Self { workspace: workspace.clone(), known: RwLock::new(Arc::new(known)), nobody })
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

    fn known(&self) -> Arc<Known> {
        let known = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner));
        let stamp = stamp(&self.workspace);
        if known.stamp == stamp {
            return known;
        }
        match events::secrets(&self.workspace) {
            Ok(secrets) => {
                let fresh = Arc::new(Known { stamp, secrets });
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
                tracing::info!("changed settings are taken up");
                fresh
            }
            Err(failure) => {
                // Half a change, or a slip of somebody's: what was good stays good until the files change again. They are
                // not read for every knock until then.
                tracing::warn!(%failure, "the settings cannot be read; those before them stay in use");
                let same = Arc::new(Known { stamp, secrets: known.secrets.clone() });
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&same);
                same
            }
        }
    }
}

fn stamp(workspace: &Workspace) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    let paths = workspace.settings.paths();
    let of = |path: PathBuf| {
        let data = std::fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.ino(), data.len()))
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
    use super::super::testing::{Desk, at};
    use super::*;
    use crate::ops::events::group;
    use crate::settings::SettingsError;

    const BEGIN: &str = "2026-11-23T12:00:00Z";
    const END: &str = "2026-11-24T12:00:00Z";

    fn acme() -> ConfigurationId {
        "acme".parse().unwrap()
    }

    fn change(desk: &Desk, change: impl FnOnce(&mut StoredSecrets)) {
        let change = |secrets: &mut StoredSecrets| {
            change(secrets);
            Ok::<_, SettingsError>(())
        };
        desk.workspace().settings.update_secrets(&acme(), change).unwrap();
    }

    fn admits(gate: &Gate, token: &CallbackSecrets, password: &CallbackSecrets) -> bool {
        let path = format!("/callbacks/acme/ticket-created/{}", token.token.expose());
        let header = format!("Basic {}", STANDARD.encode(format!("pia:{}", password.password.expose())));
        let admitted = gate.admit(&path, Some(header.as_bytes()));
        admitted.inspect(|admitted| assert_eq!(*admitted, (acme(), group("ticket-created").unwrap()))).is_some()
    }

    /// R74: from the moment on at which the next pair is stored, and until the overlap ends, both are good; then the old one
    /// is refused, whether it is still in the file or not. Never a token with the other's password.
    #[test]
    fn old_and_new_are_good_for_the_overlap_and_then_the_old_is_refused() {
        let desk = Desk::open(BEGIN);
        let [old, new, nobody] = std::array::from_fn(|_| new_callback_secrets().unwrap());
        change(&desk, |secrets| secrets.callback = Some(old.clone()));
        let gate = Gate::open(desk.workspace()).unwrap();
        let good = || [&old, &new, &nobody].map(|pair| admits(&gate, pair, pair));
        assert_eq!(good(), [true, false, false]);

        change(&desk, |secrets| secrets.next_callback = Some(new.clone()));
        assert_eq!(good(), [true, true, false], "stored, and Halo has not heard of it");
        change(&desk, |secrets| secrets.finish_rotation(at(END), at(BEGIN)));
        let moments = [
            (BEGIN, true),
            ("2026-11-24T11:59:59.999Z", true),
            (END, false),
            ("2026-11-24T12:00:00.001Z", false),
            ("2036-01-01T00:00:00Z", false),
        ];
        for (moment, is_good) in moments {
            desk.sleep_until(at(moment));
            assert_eq!(good(), [is_good, true, false], "{moment}");
        }
        let stored = desk.workspace().settings.secrets(&acme()).unwrap();
        assert!(stored.former_callback.is_some(), "refused although it is still in the file");
        desk.sleep_until(at(BEGIN));
        assert!(!admits(&gate, &old, &new) && !admits(&gate, &new, &old));
    }

    #[test]
    fn without_an_overlap_the_old_one_is_refused_at_once_and_forgotten() {
        let desk = Desk::open(BEGIN);
        let [old, new] = std::array::from_fn(|_| new_callback_secrets().unwrap());
        change(&desk, |secrets| {
            secrets.callback = Some(old.clone());
            secrets.next_callback = Some(new.clone());
        });
        let gate = Gate::open(desk.workspace()).unwrap();
        assert!(admits(&gate, &old, &old) && admits(&gate, &new, &new));
        change(&desk, |secrets| secrets.finish_rotation(at(BEGIN), at(BEGIN)));
        assert!(!admits(&gate, &old, &old) && admits(&gate, &new, &new));
        assert_eq!(desk.workspace().settings.secrets(&acme()).unwrap().former_callback, None);
    }
}
