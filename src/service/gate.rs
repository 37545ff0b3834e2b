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
