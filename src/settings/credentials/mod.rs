//! `credentials.toml`: the secrets of every configuration, and how callback secrets are made.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::Serialize;
use toml::{Table, Value};
use zeroize::Zeroizing;

use super::Settings;
use super::comments;
use super::document::{self, Discretion, VERSION};
use super::error::SettingsError;
use super::private_file::{self, Exclusive};
use super::random;
use super::shared::{Part, Text};
use crate::domain::callback::CallbackSecrets;
use crate::domain::configuration::ConfigurationId;
use crate::domain::secret::Secret;

/// The secrets that are stored for one configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredSecrets {
    /// The Client Secret; none where it comes from elsewhere.
    pub client_secret: Option<Secret>,
    /// What Halo's callbacks identify themselves with; none before the first save.
    pub callback: Option<CallbackSecrets>,
    /// What takes the place of `callback` once it is installed in Halo: a rotation is under way.
    pub next_callback: Option<CallbackSecrets>,
    /// What `callback` has taken the place of, and is good for a while longer: Halo may still have callbacks under way.
    pub former_callback: Option<FormerCallback>,
    /// What events that are forwarded are signed with.
    pub forward: Option<Secret>,
}

/// Callback secrets that a rotation has replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerCallback {
    /// What callbacks that are still under way may carry.
    pub secrets: CallbackSecrets,
    /// How long they are good.
    pub until: Timestamp,
}

impl StoredSecrets {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn with_client_secret(self, client_secret: Option<Secret>) -> Self {
        Self { client_secret, ..self }
    }

    /// What Halo is to send: from the moment at which a rotation has stored it, the next pair.
    pub fn wanted_callback(&self) -> Option<&CallbackSecrets> {
        self.next_callback.as_ref().or(self.callback.as_ref())
    }

    /// Every pair that is stored, good or not: what must not be shown.
    pub fn every_callback(&self) -> impl Iterator<Item = &CallbackSecrets> {
        let former = self.former_callback.as_ref().map(|former| &former.secrets);
        [self.callback.as_ref(), self.next_callback.as_ref(), former].into_iter().flatten()
    }

    /// Everything that is stored: no text from outside may hold it.
    pub fn all(&self) -> impl Iterator<Item = &Secret> {
        let callbacks = self.every_callback().flat_map(|pair| [&pair.token, &pair.password]);
        callbacks.chain(&self.forward).chain(&self.client_secret)
    }

    /// The next pair takes its place, and the one before it stays good until the given moment. Whatever was good besides
    /// is forgotten.
    pub fn finish_rotation(&mut self, until: Timestamp, now: Timestamp) {
        let Some(next) = self.next_callback.take() else { return };
        let former = self.callback.replace(next);
        self.former_callback = former.map(|secrets| FormerCallback { secrets, until });
        self.forget_expired(now);
    }

    /// Forgets the former pair once it is not good any more.
    pub fn forget_expired(&mut self, now: Timestamp) {
        self.former_callback.take_if(|former| former.until <= now);
    }

    /// Every pair that a callback may identify itself with at this moment.
    pub fn accepted(&self, now: Timestamp) -> Vec<CallbackSecrets> {
        let former = self.former_callback.as_ref().filter(|former| now < former.until).map(|former| &former.secrets);
        [self.callback.as_ref(), self.next_callback.as_ref(), former].into_iter().flatten().cloned().collect()
    }
}

/// Makes the token and the password of a new configuration's callbacks: 32 random bytes each, as URL-safe base64.
///
/// # Errors
///
/// [`SettingsError::NoRandom`] where the operating system gives no random bytes. A weaker source is never used.
pub fn new_callback_secrets() -> Result<CallbackSecrets, SettingsError> {
    Ok(CallbackSecrets { token: random_token()?, password: random_token()? })
}

/// Makes the secret that events are signed with when they are forwarded, as the Standard Webhooks scheme writes it.
///
/// # Errors
///
/// As [`new_callback_secrets`].
pub fn new_forward_secret() -> Result<Secret, SettingsError> {
    Ok(Secret::new(format!("whsec_{}", STANDARD.encode(random::bytes()?.as_slice()))))
}

fn random_token() -> Result<Secret, SettingsError> {
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(random::bytes()?.as_slice())))
}

impl Settings {
    /// The stored secrets of a configuration; empty where there are none. Makes nothing.
    ///
    /// # Errors
    ///
    /// [`FileError::OthersRead`](super::private_file::FileError::OthersRead) where group or others can read the file, and whatever else makes it unusable.
    pub fn secrets(&self, id: &ConfigurationId) -> Result<StoredSecrets, SettingsError> {
        Ok(self.all_secrets()?.remove(id).unwrap_or_default())
    }

    /// Every secret that is stored, of whichever configuration.
    ///
    /// # Errors
    ///
    /// As [`Settings::secrets`].
    pub fn every_secret(&self) -> Result<Vec<Secret>, SettingsError> {
        Ok(self.all_secrets()?.values().flat_map(StoredSecrets::all).cloned().collect())
    }

    /// Changes the secrets of a configuration, whole or not at all. They are read under the lock of the file, so that two
    /// programs that change different ones at once lose none: least of all a pair that Halo sends already.
    ///
    /// # Errors
    ///
    /// As [`Settings::secrets`], whatever `change` answers, or what keeps the file from being saved; it is then as it was.
    pub fn update_secrets<T, E: From<SettingsError>>(
        &self,
        id: &ConfigurationId,
        change: impl FnOnce(&mut StoredSecrets) -> Result<T, E>,
    ) -> Result<T, E> {
        let path = self.paths.credentials();
        // Before the lock, which closes the folder: what was planted in it would be believed from then on.
        self.require_secret(&path).map_err(SettingsError::from)?;
        let file = Exclusive::take(&path).map_err(SettingsError::from)?;
        let _turn = self.take_turn(Part::Secrets)?;
        let old = private_file::read(&path).map_err(SettingsError::from)?;
        let mut own = all_in(&path, old.as_deref().map(Vec::as_slice))?;
        let common = self.common_secrets()?;
        let of = |all: &Secrets| all.get(id).cloned().unwrap_or_default();
        let before = match &common {
            Some((common, _)) => of(common).with_client_secret(of(&own).client_secret),
            None => of(&own),
        };
        let mut after = before.clone();
        let answer = change(&mut after)?;
        if before == after {
            return Ok(answer);
        }
        let mut here = after.clone();
        if let Some((mut all, text)) = common {
            let fresh = after.clone().with_client_secret(None);
            if of(&all) != fresh {
                put(&mut all, id, fresh);
                self.save_common(Part::Secrets, &write(&all)?, &text)?;
            }
            here = StoredSecrets { client_secret: after.client_secret, ..StoredSecrets::default() };
        }
        if here != of(&own) {
            let was = own.clone();
            put(&mut own, id, here);
            replace(&file, old.as_deref().map(Vec::as_slice), &was, &own)?;
        }
        Ok(answer)
    }

    /// Keeps everything that is stored in the file of this host alone.
    pub(super) fn take_secrets_home(&self, alone: &Self) -> Result<(), SettingsError> {
        for (id, secrets) in &self.all_secrets()? {
            alone.save_secrets(id, secrets)?;
        }
        Ok(())
    }

    /// Takes what hosts have in common out of `credentials.toml`: from then on it is in their store.
    pub(super) fn forget_common_secrets(&self) -> Result<(), SettingsError> {
        let path = self.paths.credentials();
        self.require_secret(&path)?;
        if private_file::read(&path)?.is_none() {
            return Ok(());
        }
        let file = Exclusive::take(&path)?;
        let old = private_file::read(&path)?;
        let was = all_in(&path, old.as_deref().map(Vec::as_slice))?;
        let mut own = Secrets::new();
        for (id, secrets) in &was {
            let left = StoredSecrets { client_secret: secrets.client_secret.clone(), ..StoredSecrets::default() };
            put(&mut own, id, left);
        }
        if own == was { Ok(()) } else { replace(&file, old.as_deref().map(Vec::as_slice), &was, &own) }
    }

    /// The secrets that hosts have in common, with their text; none where the file of this host counts.
    fn common_secrets(&self) -> Result<Option<(Secrets, Text)>, SettingsError> {
        let Some(text) = self.common_text(Part::Secrets)? else { return Ok(None) };
        Ok(Some((all_in(&self.common_place(), Some(&self.unsealed(&text)?))?, text)))
    }

    /// What hosts would have in common of the secrets that are stored here.
    pub(super) fn secrets_to_share(&self) -> Result<Zeroizing<Vec<u8>>, SettingsError> {
        let mut all = self.own_secrets()?;
        all.values_mut().for_each(|secrets| secrets.client_secret = None);
        all.retain(|_, secrets| !secrets.is_empty());
        write(&all)
    }

    /// Stores the secrets of a configuration in place of those stored before. Those of others are kept.
    ///
    /// # Errors
    ///
    /// As [`Settings::secrets`], or what keeps the file from being saved; it is then as it was.
    pub fn save_secrets(&self, id: &ConfigurationId, secrets: &StoredSecrets) -> Result<(), SettingsError> {
        self.update_secrets(id, |stored| {
            stored.clone_from(secrets);
            Ok(())
        })
    }

    /// Forgets the secrets of a configuration.
    ///
    /// # Errors
    ///
    /// As [`Settings::save_secrets`].
    pub fn remove_secrets(&self, id: &ConfigurationId) -> Result<(), SettingsError> {
        // Nothing is made only to find that there is nothing to forget.
        if self.secrets(id)?.is_empty() {
            return Ok(());
        }
        self.save_secrets(id, &StoredSecrets::default())
    }

    /// Those of every configuration that has any, in one reading.
    ///
    /// # Errors
    ///
    /// As [`Settings::secrets`].
    pub fn all_secrets(&self) -> Result<Secrets, SettingsError> {
        let mut all = self.own_secrets()?;
        if let Some((mut common, _)) = self.common_secrets()? {
            for (id, own) in all {
                if let Some(client_secret) = own.client_secret {
                    common.entry(id).or_default().client_secret = Some(client_secret);
                }
            }
            all = common;
        }
        Ok(all)
    }

    fn own_secrets(&self) -> Result<Secrets, SettingsError> {
        let path = self.paths.credentials();
        self.require_secret(&path)?;
        all_in(&path, private_file::read(&path)?.as_deref().map(Vec::as_slice))
    }
}

/// Those of every configuration.
pub type Secrets = BTreeMap<ConfigurationId, StoredSecrets>;

fn put(all: &mut Secrets, id: &ConfigurationId, secrets: StoredSecrets) {
    match secrets.is_empty() {
        true => _ = all.remove(id),
        false => _ = all.insert(id.clone(), secrets),
    }
}

/// A text that says of no configuration anything.
pub(super) fn no_secrets() -> Result<Zeroizing<Vec<u8>>, SettingsError> {
    write(&Secrets::new())
}

/// Writes `credentials.toml` with the comments of the file before it.
fn replace(file: &Exclusive, old: Option<&[u8]>, was: &Secrets, all: &Secrets) -> Result<(), SettingsError> {
    let commented = old.and_then(|old| std::str::from_utf8(old).ok()).filter(|old| old.contains('#'));
    let fresh = write(all)?;
    let kept = match commented {
        Some(old) => with_comments(old, &write(was)?, &fresh, file.path(), all),
        None => None,
    };
    Ok(file.replace(&kept.unwrap_or(fresh))?)
}

fn all_in(path: &Path, contents: Option<&[u8]>) -> Result<Secrets, SettingsError> {
    let Some(contents) = contents else { return Ok(BTreeMap::new()) };
    read_at(path, &document::parse(path, contents, Discretion::Secret)?)
}

/// What is to be written, with the comments of the file before it; none where that would not say the same. Only for a file that
/// has comments: what edits TOML leaves copies of the secrets in memory.
fn with_comments(old: &str, was: &[u8], fresh: &[u8], path: &Path, all: &Secrets) -> Option<Zeroizing<Vec<u8>>> {
    let [was, fresh] = [was, fresh].map(|text| std::str::from_utf8(text).ok());
    let kept = Zeroizing::new(comments::kept(old, was?, fresh?).into_bytes());
    all_in(path, Some(&kept)).is_ok_and(|said| said == *all).then_some(kept)
}

fn read_at(path: &Path, table: &Table) -> Result<Secrets, SettingsError> {
    read(table).map_err(|(key, why)| SettingsError::Invalid { path: path.to_owned(), key, why: why.to_owned() })
}

/// Makes sure that the content of such a file can be read.
pub(super) fn require_readable(path: &Path, table: &Table) -> Result<(), SettingsError> {
    read_at(path, table).map(drop)
}

/// A key of ours and what is wrong with it. Neither quotes the file: a slip can turn a secret into a key.
type Mistake = (String, &'static str);

fn read(table: &Table) -> Result<Secrets, Mistake> {
    const CONFIGURATIONS: &str = "configurations";
    let top = |why| (CONFIGURATIONS.to_owned(), why);
    if table.keys().any(|key| key != CONFIGURATIONS) {
        return Err(top("the only key besides version"));
    }
    let Some(configurations) = table.get(CONFIGURATIONS) else { return Ok(BTreeMap::new()) };
    let configurations = configurations.as_table().ok_or_else(|| top("a table is needed"))?;
    let mut all = BTreeMap::new();
    for (id, content) in configurations {
        let id = ConfigurationId::parse(id)
            .map_err(|_| top("below it only ids: small letters, digits and hyphens, such as acme"))?;
        let secrets = read_secrets(&id, content)?;
        all.insert(id, secrets);
    }
    Ok(all)
}

fn read_secrets(id: &ConfigurationId, content: &Value) -> Result<StoredSecrets, Mistake> {
    const KNOWN: [&str; 9] = [
        "client_secret",
        "callback_token",
        "callback_password",
        "next_callback_token",
        "next_callback_password",
        "former_callback_token",
        "former_callback_password",
        "former_callback_until",
        "forward_secret",
    ];
    let whole = |why| (format!("configurations.{id}"), why);
    let table = content.as_table().ok_or_else(|| whole("a table is needed"))?;
    if table.keys().any(|key| !KNOWN.contains(&key.as_str())) {
        return Err(whole("unknown key; only client_secret is written by hand"));
    }
    let secret = |key: &str| match table.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(Secret::new(text.as_str()))),
        Some(_) => Err((format!("configurations.{id}.{key}"), "a text in quotes is needed, and not an empty one")),
    };
    let pair = |token: &str, password: &str| match (secret(token)?, secret(password)?) {
        (Some(token), Some(password)) => Ok(Some(CallbackSecrets { token, password })),
        (None, None) => Ok(None),
        _ => Err(whole("a callback token and its password go together")),
    };
    let until = match table.get("former_callback_until") {
        None => None,
        Some(Value::String(text)) => {
            Some(text.parse::<Timestamp>().map_err(|_| whole("former_callback_until is no time"))?)
        }
        Some(_) => return Err(whole("former_callback_until is no time")),
    };
    let former = pair("former_callback_token", "former_callback_password")?;
    Ok(StoredSecrets {
        client_secret: secret("client_secret")?,
        callback: pair("callback_token", "callback_password")?,
        next_callback: pair("next_callback_token", "next_callback_password")?,
        former_callback: former.zip(until).map(|(secrets, until)| FormerCallback { secrets, until }),
        forward: secret("forward_secret")?,
    })
}

fn write(all: &Secrets) -> Result<Zeroizing<Vec<u8>>, SettingsError> {
    #[derive(Serialize)]
    struct Document<'a> {
        version: i64,
        configurations: BTreeMap<&'a str, Row<'a>>,
    }
    #[derive(Serialize)]
    struct Row<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        client_secret: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        callback_token: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        callback_password: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_callback_token: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_callback_password: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        former_callback_token: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        former_callback_password: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        former_callback_until: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        forward_secret: Option<&'a str>,
    }
    let configurations = all.iter().map(|(id, secrets)| {
        let (callback, next) = (secrets.callback.as_ref(), secrets.next_callback.as_ref());
        let former = secrets.former_callback.as_ref();
        let row = Row {
            client_secret: secrets.client_secret.as_ref().map(Secret::expose),
            callback_token: callback.map(|callback| callback.token.expose()),
            callback_password: callback.map(|callback| callback.password.expose()),
            next_callback_token: next.map(|next| next.token.expose()),
            next_callback_password: next.map(|next| next.password.expose()),
            former_callback_token: former.map(|former| former.secrets.token.expose()),
            former_callback_password: former.map(|former| former.secrets.password.expose()),
            former_callback_until: former.map(|former| former.until.to_string()),
            forward_secret: secrets.forward.as_ref().map(Secret::expose),
        };
        (id.as_str(), row)
    });
    let document = Document { version: VERSION, configurations: configurations.collect() };
    // Not through confy: its buffer would keep the secrets in memory after the save.
    let text = toml::to_string_pretty(&document).map_err(|_| SettingsError::NotSaveable {
        key: "credentials.toml".to_owned(),
        why: "the secrets cannot be written as TOML".to_owned(),
    })?;
    Ok(Zeroizing::new(text.into_bytes()))
}

#[cfg(test)]
mod tests;
