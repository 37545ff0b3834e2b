//! Why settings, credentials or a draft cannot be used, with the next step.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::private_file::{FileError, quoted};
use super::secret_source::SecretSource;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::merge::Conflict;
use crate::domain::next::Next;

/// Why the settings room could not do what it was asked. No message holds a secret or a line of a file.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// Neither `HOME` nor the variable of a folder is an absolute path.
    #[error("no folder for settings: neither HOME nor {variable} is set to an absolute path")]
    NoHome {
        /// The variable that would name the folder.
        variable: &'static str,
    },
    /// The operating system, or what stands in the file's place.
    #[error(transparent)]
    File(#[from] FileError),
    /// Written by a newer pia-halo. It is left untouched.
    #[error("{} has version {found}; this pia-halo supports version {known}", path.display())]
    NewerVersion {
        /// The file as it was opened.
        path: PathBuf,
        /// The version that it names, fit to be shown.
        found: String,
        /// The version that is known.
        known: i64,
    },
    /// Not TOML.
    #[error("{}, line {line}, column {column}: {why}", path.display())]
    NotToml {
        /// The file as it was opened.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in characters.
        column: usize,
        /// What is wrong there, without the text of the file.
        why: String,
    },
    /// Not UTF-8.
    #[error("{} is not a text file in UTF-8", path.display())]
    NotText {
        /// The file as it was opened.
        path: PathBuf,
    },
    /// TOML, but a key or a value is wrong.
    #[error("{}: {key}: {why}", path.display())]
    Invalid {
        /// The file as it was opened.
        path: PathBuf,
        /// The key, with the tables it is in.
        key: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A change that could not be read back: it is not saved.
    #[error("not saved: {key}: {why}")]
    NotSaveable {
        /// The key.
        key: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A place that ought to give a secret does not.
    #[error("the {} from {origin}: {why}", .origin.what())]
    Secret {
        /// The place.
        origin: SecretSource,
        /// What is wrong, without the secret.
        why: String,
    },
    /// Saved by another program while an editor had a copy.
    #[error("the settings were saved by another program in the meantime{}; nothing was changed", told(changes))]
    ChangedMeanwhile {
        /// The copy that was edited.
        copy: PathBuf,
        /// Where the settings are as they are now.
        config: PathBuf,
        /// What the other program changed; none where it is only comments.
        changes: Vec<Conflict>,
    },
    /// The store is another one than that which was opened.
    #[error("{} names another store since this program was started", path.display())]
    OtherStore {
        /// The settings.
        path: PathBuf,
    },
    /// Another host has saved what hosts have in common.
    #[error("the settings in {name} were saved by another program in the meantime; nothing was changed")]
    SavedMeanwhile {
        /// The store.
        name: String,
    },
    /// The store with what hosts have in common cannot be used.
    #[error("{}", .0.message)]
    Shared(Box<Failure>),
    /// What is in the place of a key is none.
    #[error("{} holds no key of a store", path.display())]
    NoKey {
        /// Where the key should be.
        path: PathBuf,
    },
    /// What hosts have in common is signed and sealed, and this host has no key.
    #[error("the settings in the store are signed and sealed, and this host has no key for them: {} is missing", path.display())]
    KeyMissing {
        /// Where the key should be.
        path: PathBuf,
    },
    /// The key of this host is another one.
    #[error("the key in {} is not the one that the settings in the store are signed and sealed with", path.display())]
    OtherKey {
        /// Where the key is.
        path: PathBuf,
    },
    /// The key fits what hosts have in common, but not all of it.
    #[error("somebody without the key has changed the settings in {name}, or has taken some of them out")]
    Tampered {
        /// The store.
        name: String,
    },
    /// The cipher has failed.
    #[error("the settings cannot be sealed or signed: the cipher has failed")]
    NoCipher,
    /// An edit of what is this host's own that says something else.
    #[error("{}: {why}", copy.display())]
    NotEditable {
        /// The copy that was edited.
        copy: PathBuf,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    NoRandom(String),
}

impl SettingsError {
    /// Whether it is the key of this host that does not fit, or that is missing.
    pub(super) fn is_of_key(&self) -> bool {
        matches!(self, Self::KeyMissing { .. } | Self::OtherKey { .. } | Self::Tampered { .. })
    }

    /// The next step for the person.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoHome { variable } => format!("set HOME, or {variable}, to an absolute path"),
            Self::File(error) => error.hint(),
            Self::NewerVersion { path, .. } => {
                format!("update pia-halo; {} was left untouched", path.display())
            }
            Self::NotToml { path, .. } | Self::NotText { path } | Self::Invalid { path, .. } if is_copy(path) => {
                kept(path)
            }
            Self::NotToml { path, .. } | Self::NotText { path } | Self::Invalid { path, .. } => {
                format!("Fix it in an editor: {}. pia-halo does not change it until then", path.display())
            }
            Self::ChangedMeanwhile { copy, config, .. } => format!(
                "yours are kept in {}, theirs are in {}. Put theirs into yours, then save with {}; to drop yours: rm {}",
                copy.display(),
                config.display(),
                Next::ConfigEdit,
                quoted(copy)
            ),
            Self::OtherStore { .. } => "Start it again to use that store; nothing was changed".to_owned(),
            Self::SavedMeanwhile { .. } => "look at what was saved, and try again".to_owned(),
            Self::NoKey { path } | Self::KeyMissing { path } | Self::OtherKey { path } => {
                let name = path.file_name().unwrap_or_default().display();
                format!("Copy {name} to {} from a host that has the right one, for nobody else to read", quoted(path))
            }
            Self::Tampered { .. } => {
                format!("To see the configurations, and to sign them if they are right: {}", Next::NewStoreKey)
            }
            Self::NotEditable { copy, .. } => kept(copy),
            Self::NotSaveable { .. } | Self::NoRandom(_) | Self::NoCipher | Self::Shared(_) => return None,
            Self::Secret { origin, .. } => origin.hint()?,
        })
    }
}

fn kept(copy: &Path) -> String {
    format!("your edit is kept; to go on with it: {}; to drop it: rm {}", Next::ConfigEdit, quoted(copy))
}

/// Whether it is a copy that `config edit` keeps.
fn is_copy(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("config.edit"))
}

fn told(changes: &[Conflict]) -> String {
    let lines: Vec<String> = changes.iter().map(Conflict::line).collect();
    if lines.is_empty() { String::new() } else { format!(": {}", lines.join("; ")) }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let kind = match &error {
            SettingsError::Shared(failure) => return (**failure).clone(),
            SettingsError::File(FileError::Locked { .. })
            | SettingsError::ChangedMeanwhile { .. }
            | SettingsError::SavedMeanwhile { .. }
            | SettingsError::OtherStore { .. } => FailureKind::Busy,
            SettingsError::NotSaveable { .. } => FailureKind::Usage,
            _ => FailureKind::LocalState,
        };
        let failure = Self::new(kind, error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<Failure> for SettingsError {
    fn from(failure: Failure) -> Self {
        Self::Shared(Box::new(failure))
    }
}
