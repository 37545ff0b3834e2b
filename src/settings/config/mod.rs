//! `config.toml`: every configuration without its secrets, and which one is active.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Serialize;
use toml::{Table, Value};

use super::Settings;
use super::comments;
use super::document::{self, Discretion, VERSION};
use super::error::SettingsError;
use super::fields::{self, Problem};
use super::keys;
use super::private_file::{self, Exclusive};
use super::shared::{self, Part, Text};
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::likeness::nearest;
use crate::domain::store_url::StoreUrl;
use crate::domain::untrusted::Untrusted;
use crate::keys::KeyMap;

/// What `config.toml` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Config {
    /// The version of the file's form: 1.
    pub version: u32,
    /// The one active configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<ConfigurationId>,
    /// Every saved configuration.
    pub configurations: BTreeMap<ConfigurationId, Configuration>,
    /// The person's own keys.
    #[serde(skip_serializing_if = "KeyMap::is_default")]
    pub keys: KeyMap,
    /// Where the store is, if it is not a file of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<SharedStore>,
}

/// The table `[store]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharedStore {
    /// The PostgreSQL that it is on.
    pub url: StoreUrl,
    /// The command that prints the password of its role, program first; no shell reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_command: Option<Vec<String>>,
}

impl SharedStore {
    /// The PostgreSQL at an address.
    pub fn at(url: StoreUrl) -> Self {
        Self { url, password_command: None }
    }
}

impl Default for Config {
    fn default() -> Self {
        let (configurations, keys) = (BTreeMap::new(), KeyMap::default());
        Self { version: VERSION as u32, active: None, store: None, configurations, keys }
    }
}

impl Config {
    /// The active configuration.
    pub fn active(&self) -> Option<(&ConfigurationId, &Configuration)> {
        self.configurations.get_key_value(self.active.as_ref()?)
    }
}

impl Settings {
    /// Reads `config.toml`, and what hosts have in common from their store. A missing file is the same as an empty one, and is
    /// not made.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] where the file is there but cannot be used; the first mistake in it is named.
    pub fn load(&self) -> Result<Config, SettingsError> {
        let own = self.load_own()?;
        Ok(match self.common()? {
            Some((common, _)) => Config { keys: own.keys, store: own.store, ..common },
            None => own,
        })
    }

    /// Reads `config.toml` alone.
    ///
    /// # Errors
    ///
    /// As [`Settings::load`].
    pub fn load_own(&self) -> Result<Config, SettingsError> {
        let path = self.paths.config();
        self.require_trusted(&path)?;
        let config = match private_file::read(&path)? {
            Some(contents) => parse(&path, &contents)?,
            None => Config::default(),
        };
        match &self.store {
            Some(opened) if url_of(opened) != url_of(&config.store) => Err(SettingsError::OtherStore { path }),
            _ => Ok(config),
        }
    }

    /// Where the store is, also where something else in the file cannot be read; none where it is a file of this machine.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] where just that cannot be used.
    pub fn store(&self) -> Result<Option<SharedStore>, SettingsError> {
        let path = self.paths.config();
        let error = match Self::new(self.paths.clone()).load_own() {
            Ok(config) => return Ok(config.store),
            Err(error) => error,
        };
        // What is wrong with the rest is said to whoever needs it.
        let Some(contents) = private_file::read(&path).ok().flatten() else { return Ok(None) };
        let text = std::str::from_utf8(&contents).ok().filter(|_| self.require_trusted(&path).is_ok());
        let Some(table) = text.and_then(|text| text.parse::<Table>().ok()) else {
            // Where it cannot be told which server a file names, nothing is made in a file of this machine.
            return if names_store(&contents) { Err(error) } else { Ok(None) };
        };
        table.get("store").map(read_store).transpose().map_err(|problem| invalid(&path, problem))
    }

    /// The same settings for whoever has opened this store: once the file names another one, they are refused.
    #[must_use]
    pub fn with_store(self, store: Option<SharedStore>) -> Self {
        Self { store: Some(store), ..self }
    }

    /// Changes `config.toml`: reads it, lets `change` have it, and saves it unless `change` fails or changes nothing.
    /// Nobody else changes it meanwhile, so no change is lost, and there is one active configuration at most.
    ///
    /// `change` must not call `update` itself; it may save credentials, which have a lock of their own.
    ///
    /// # Errors
    ///
    /// What `change` answers, or [`SettingsError`] where reading or saving fails. The file is then as it was.
    pub fn update<R, E: From<SettingsError>>(&self, change: impl FnOnce(&mut Config) -> Result<R, E>) -> Result<R, E> {
        let path = self.paths.config();
        // Before the lock, which closes the folder: what was planted in it would be believed from then on.
        self.require_trusted(&path).map_err(SettingsError::from)?;
        let file = Exclusive::take(&path).map_err(SettingsError::from)?;
        let _turn = self.take_turn(Part::Configurations)?;
        let own = self.load_own()?;
        let common = self.common()?;
        let before = match &common {
            Some((common, _)) => Config { keys: own.keys.clone(), store: own.store.clone(), ..common.clone() },
            None => own.clone(),
        };
        let mut config = before.clone();
        let answer = change(&mut config)?;
        if config == before {
            return Ok(answer);
        }
        require_readable(&config)?;
        let here = match &common {
            Some((was, text)) => {
                if common_of(&config) != *was {
                    let fresh = text_of(Some((was, &text.content)), &config)?;
                    self.save_common(Part::Configurations, fresh.as_bytes(), text)?;
                }
                Config { keys: config.keys, store: config.store, ..own.clone() }
            }
            None => config,
        };
        if here != own {
            replace(&file, &own, &here)?;
        }
        Ok(answer)
    }

    /// What hosts would have in common of the file, with its comments.
    pub(super) fn common_of_file(&self) -> Result<String, SettingsError> {
        let own = self.load_own()?;
        let text = private_file::read(&self.paths.config())?;
        let text = text.as_deref().and_then(|text| std::str::from_utf8(text).ok());
        let parted = text.map(|text| shared::parted(text).0);
        text_of(parted.as_deref().map(|text| (&own, text)), &own)
    }

    /// Reads the configurations that hosts have in common; none where the files of this host count.
    pub(super) fn common(&self) -> Result<Option<(Config, Text)>, SettingsError> {
        let Some(text) = self.common_text(Part::Configurations)? else { return Ok(None) };
        let config = parse(&self.common_place(), text.content.as_bytes())?;
        Ok(Some((config, text)))
    }

    /// Takes what hosts have in common out of `config.toml`: from then on it is in their store.
    pub(super) fn forget_common(&self) -> Result<(), SettingsError> {
        let file = Exclusive::take(&self.paths.config())?;
        let own = self.load_own()?;
        let left = own_of(&own);
        if left == own { Ok(()) } else { replace(&file, &own, &left) }
    }
}

/// What hosts have in common of these settings.
fn common_of(config: &Config) -> Config {
    Config { keys: Default::default(), store: None, ..config.clone() }
}

/// What stays with this host.
fn own_of(config: &Config) -> Config {
    Config { active: None, configurations: Default::default(), ..config.clone() }
}

/// The text of what hosts have in common, with the comments of the one before it.
fn text_of(before: Option<(&Config, &str)>, config: &Config) -> Result<String, SettingsError> {
    let plain = |config: &Config| {
        toml::to_string(&common_of(config)).map_err(|error| SettingsError::NotSaveable {
            key: "configurations".to_owned(),
            why: document::one_line(&error.to_string()),
        })
    };
    let fresh = plain(config)?;
    let Some((before, old)) = before else { return Ok(fresh) };
    let kept = comments::kept(old, &plain(before)?, &fresh);
    let says_same = parse(Path::new(""), kept.as_bytes()).is_ok_and(|said| said == common_of(config));
    Ok(if says_same { kept } else { fresh })
}

/// Writes `config.toml` in the form of the file before it.
fn replace(file: &Exclusive, before: &Config, config: &Config) -> Result<(), SettingsError> {
    let old = private_file::read(file.path())?;
    Ok(file.replace_by(|fresh| {
        confy::store_path(fresh, config).map_err(unwrap_confy)?;
        keep_comments(old.as_ref().map(|old| old.as_slice()), before, config, fresh)
    })?)
}

fn url_of(store: &Option<SharedStore>) -> Option<&StoreUrl> {
    store.as_ref().map(|store| &store.url)
}

/// Whether a file that cannot be parsed, or that somebody else could have written, names a store all the same.
fn names_store(contents: &[u8]) -> bool {
    let text = String::from_utf8_lossy(contents);
    text.lines().any(|line| line.trim_start_matches(['[', ' ', '\t', '"']).starts_with("store"))
}

/// Gives what was just written the form of the file before it, unless it would not say the same any more.
fn keep_comments(old: Option<&[u8]>, before: &Config, config: &Config, fresh: &Path) -> io::Result<()> {
    let Some(old) = old.and_then(|old| std::str::from_utf8(old).ok()) else { return Ok(()) };
    let written = std::fs::read_to_string(fresh)?;
    let before = toml::to_string(before).map_err(io::Error::other)?;
    let kept = comments::kept(old, &before, &written);
    let says_same = parse(fresh, kept.as_bytes()).is_ok_and(|said| said == *config);
    if kept == written || !says_same { Ok(()) } else { std::fs::write(fresh, kept) }
}

/// Reads what a file holds; the first mistake in it is named.
pub(super) fn parse(path: &Path, contents: &[u8]) -> Result<Config, SettingsError> {
    read_whole(path, contents).map(|(config, _)| config)
}

/// The same with the table that it was read from, without its version.
pub(super) fn read_whole(path: &Path, contents: &[u8]) -> Result<(Config, Table), SettingsError> {
    let table = document::parse(path, contents, Discretion::Plain)?;
    let config = read(&table).map_err(|problem| invalid(path, problem))?;
    Ok((config, table))
}

/// What the operating system said, out of confy's wrapping, so that a full disk is still known as one.
fn unwrap_confy(error: confy::ConfyError) -> io::Error {
    use confy::ConfyError::{
        DirectoryCreationFailed, OpenConfigurationFileError, SetPermissionsFileError, WriteConfigurationFileError,
    };
    match error {
        DirectoryCreationFailed(error)
        | OpenConfigurationFileError(error)
        | SetPermissionsFileError(error)
        | WriteConfigurationFileError(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

/// What is saved must be readable the next time: better a refusal now than a program that does not start tomorrow.
fn require_readable(config: &Config) -> Result<(), SettingsError> {
    let not_saveable = |problem: Problem| SettingsError::NotSaveable { key: problem.key, why: problem.why };
    let mut table = Table::try_from(config).map_err(|error| {
        not_saveable(Problem { key: "config.toml".to_owned(), why: document::one_line(&error.to_string()) })
    })?;
    table.remove("version");
    read(&table).map(|_| ()).map_err(not_saveable)
}

fn invalid(path: &Path, problem: Problem) -> SettingsError {
    SettingsError::Invalid { path: path.to_owned(), key: problem.key, why: problem.why }
}

/// Reads the table without its version; the first mistake ends it.
fn read(table: &Table) -> Result<Config, Problem> {
    const KNOWN: [&str; 4] = ["active", "configurations", "keys", "store"];
    if let Some(key) = table.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let why = match nearest(key, KNOWN) {
            Some(near) => format!("unknown key; did you mean {near}?"),
            None => fields::explain_unknown(key, "", &KNOWN),
        };
        return Err(Problem { key: Untrusted::new(key.clone()).display(), why });
    }
    let mut config = Config::default();
    match table.get("configurations") {
        None => {}
        Some(Value::Table(configurations)) => {
            for (id, content) in configurations {
                let (id, configuration) = read_configuration(id, content)?;
                config.configurations.insert(id, configuration);
            }
        }
        Some(_) => {
            let why = "this is a table: each configuration goes below a line such as [configurations.acme]";
            return Err(Problem { key: "configurations".to_owned(), why: why.to_owned() });
        }
    }
    config.store = table.get("store").map(read_store).transpose()?;
    if let Some(keys) = table.get("keys") {
        config.keys = keys::read(keys)?;
    }
    if let Some(active) = table.get("active") {
        config.active = Some(read_active(active, &config)?);
    }
    Ok(config)
}

fn read_configuration(id: &str, content: &Value) -> Result<(ConfigurationId, Configuration), Problem> {
    let prefix = format!("configurations.{}", Untrusted::new(id).display());
    let problem = |why: String| Problem { key: prefix.clone(), why };
    let id = ConfigurationId::parse(id).map_err(|error| problem(error.to_string()))?;
    let Value::Table(table) = content else {
        return Err(problem(format!("this is a table: its keys go below a line [{prefix}]")));
    };
    let read = fields::read(table, &prefix, false);
    match (read.configuration, read.problems.into_iter().next()) {
        (_, Some(problem)) => Err(problem),
        (Some(configuration), None) => Ok((id, configuration)),
        (None, None) => Err(problem("incomplete".to_owned())),
    }
}

fn read_store(value: &Value) -> Result<SharedStore, Problem> {
    let problem = |key: &str, why: &str| Problem { key: key.to_owned(), why: why.to_owned() };
    let Value::Table(table) = value else {
        return Err(problem("store", "this is a table: its key goes below a line [store]"));
    };
    const KNOWN: [&str; 2] = ["url", "password_command"];
    if let Some(other) = table.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let key = format!("store.{}", Untrusted::new(other.clone()).display());
        return Err(Problem { key, why: fields::explain_unknown(other, "store", &KNOWN) });
    }
    let Some(Value::String(url)) = table.get("url") else {
        return Err(problem("store.url", "an address is needed, such as \"postgres://pia@db.example/pia_halo\""));
    };
    let url = StoreUrl::parse(url).map_err(|why| problem("store.url", &why))?;
    let command = table
        .get("password_command")
        .map(|value| fields::words(value).ok_or_else(|| problem("store.password_command", fields::NO_WORDS)));
    Ok(SharedStore { url, password_command: command.transpose()? })
}

fn read_active(value: &Value, config: &Config) -> Result<ConfigurationId, Problem> {
    let problem = |why: String| Problem { key: "active".to_owned(), why };
    let text = value.as_str().ok_or_else(|| problem("the id of a configuration is needed, in quotes".to_owned()))?;
    let id = ConfigurationId::parse(text).map_err(|error| problem(error.to_string()))?;
    if config.configurations.contains_key(&id) {
        return Ok(id);
    }
    let ids: Vec<&str> = config.configurations.keys().map(ConfigurationId::as_str).collect();
    Err(problem(if ids.is_empty() {
        format!("there is no configuration {id}; leave the key out")
    } else {
        format!("there is no configuration {id}; there is {}", ids.join(", "))
    }))
}

#[cfg(test)]
mod tests;
