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
                // Half a change, or a slip of somebody's: what was good stays good until the files are whole again.
                tracing::warn!(%failure, "the settings cannot be read; those before them stay in use");
                known
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
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use super::super::testing::Desk;
    use super::*;

    /// Samples of each kind: a few, so that this test cannot rot, and by hand a million.
    fn samples() -> usize {
        std::env::var("PIA_HALO_SAMPLES").ok().and_then(|number| number.parse().ok()).unwrap_or(3_000)
    }

    /// Mean and variance as the samples come (Welford).
    #[derive(Clone, Copy, Default)]
    struct Spread {
        count: f64,
        mean: f64,
        squares: f64,
    }

    impl Spread {
        fn add(&mut self, sample: f64) {
            self.count += 1.0;
            let off = sample - self.mean;
            self.mean += off / self.count;
            self.squares += off * (sample - self.mean);
        }

        fn error(&self) -> f64 {
            self.squares / (self.count - 1.0) / self.count
        }
    }

    /// Welch's t between the times of two works, taken in turns that nobody can guess; what the machine does in between
    /// (the slowest hundredth of a first round) is left out for both alike.
    fn welch(mut work: impl FnMut(usize)) -> f64 {
        let mut time = |kind| {
            let begun = Instant::now();
            work(kind);
            begun.elapsed().as_nanos() as f64
        };
        let samples = samples();
        let mut first: Vec<f64> = (0..samples.min(20_000)).map(|n| time(n % 2)).collect();
        first.sort_by(f64::total_cmp);
        let most = first[first.len() * 99 / 100];
        let mut kinds = [Spread::default(); 2];
        let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
        while kinds.iter().any(|kind| (kind.count as usize) < samples) {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            let kind = (chance >> 33) as usize & 1;
            let sample = time(kind);
            if sample <= most {
                kinds[kind].add(sample);
            }
        }
        let [one, other] = kinds;
        (one.mean - other.mean) / (one.error() + other.error()).sqrt()
    }

    /// R72: `PIA_HALO_SAMPLES=1000000 cargo test --lib a_wrong_token -- --nocapture`.
    #[test]
    fn a_wrong_token_takes_as_long_whichever_byte_is_wrong() {
        let desk = Desk::open("2026-11-23T10:53:00Z");
        let workspace = desk.shared().workspace.clone();
        let id: ConfigurationId = "acme".parse().unwrap();
        let callback = new_callback_secrets().unwrap();
        let stored = StoredSecrets { callback: Some(callback.clone()), ..StoredSecrets::default() };
        workspace.settings.save_secrets(&id, &stored).unwrap();
        let gate = Gate::open(&workspace).unwrap();
        let wrong_at = |at: usize| {
            let mut token = callback.token.expose().as_bytes().to_vec();
            token[at] = if token[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(token).unwrap()
        };
        let wrong = [wrong_at(0), wrong_at(callback.token.length() - 1)];
        let paths = wrong.each_ref().map(|token| format!("/callbacks/acme/ticket-created/{token}"));
        let secrets = wrong.map(Secret::new);
        let password = format!("Basic {}", STANDARD.encode(format!("{BASIC_USER}:{}", callback.password.expose())));
        let comparison = welch(|kind| {
            black_box(black_box(&callback.token) == black_box(&secrets[kind]));
        });
        let whole = welch(|kind| assert!(gate.admit(&paths[kind], Some(password.as_bytes())).is_none()));
        let told = format!("Welch's t: {comparison:.2} comparing, {whole:.2} at the gate");
        assert!(comparison.abs() < 10.0 && whole.abs() < 10.0, "{told}");
        std::io::Write::write_all(&mut std::io::stderr(), format!("{told}\n").as_bytes()).unwrap();
    }
}
