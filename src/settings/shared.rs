//! Settings that hosts have in common: the configurations, which one is active, and their secrets without the Client Secret. They
//! are texts in the store that the hosts share, of the same form as the files of a host that is alone, and read and saved in
//! place of those. Its keys, the address of the store and the Client Secret stay with each host.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use toml_edit::{DocumentMut, Item};

use super::Settings;
use super::document::VERSION;
use super::error::SettingsError;
use crate::domain::failure::Failure;

/// What each host keeps for itself in `config.toml`.
const OWN: [&str; 2] = ["keys", "store"];

/// What hosts have in common of it.
const COMMON: [&str; 2] = ["active", "configurations"];

/// One of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The configurations, and which one is active.
    Configurations,
    /// Their secrets, sealed.
    Secrets,
    /// What tells their owner in Halo from every other one: all hosts are that one.
    Owner,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Configurations, Self::Secrets, Self::Owner];

    /// What it is called in the store.
    pub fn key(self) -> &'static str {
        match self {
            Self::Configurations => "configurations",
            Self::Secrets => "secrets",
            Self::Owner => "owner",
        }
    }
}

/// A text as it was saved last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// What it says.
    pub content: String,
    /// How often it was saved.
    pub save: u64,
    /// When that was last.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// On which host.
    pub host: String,
}

/// How often a text was saved, once it is saved again.
pub fn next_save(before: Option<u64>) -> u64 {
    before.unwrap_or(0).saturating_add(1)
}

/// Where the texts are.
pub trait SharedSettings: Debug + Send + Sync {
    /// Its name, for a person.
    fn name(&self) -> &str;

    /// Reads one; none where the files of this host count.
    ///
    /// # Errors
    ///
    /// What keeps it from being read.
    fn read(&self, part: Part) -> Result<Option<Text>, Failure>;

    /// Saves texts, all or none, unless one was saved since: says whether it did. `before` is how often each was saved when it
    /// was read.
    ///
    /// # Errors
    ///
    /// What keeps them from being saved.
    fn save(&self, texts: &[(Part, &str, Option<u64>)]) -> Result<bool, Failure>;

    /// Keeps every other program from saving until it is dropped.
    ///
    /// # Errors
    ///
    /// Who saves now, or what keeps this from being known.
    fn take_turn(&self, part: Part) -> Result<Box<dyn Send>, Failure>;
}

impl Settings {
    /// The same settings, with what hosts have in common where it is.
    #[must_use]
    pub fn sharing(self, shared: Arc<dyn SharedSettings>) -> Self {
        Self { shared: Some(shared), ..self }
    }

    /// The text of the configurations that hosts have in common; none where the files of this host count.
    ///
    /// # Errors
    ///
    /// What keeps it from being read.
    pub fn common_saved(&self) -> Result<Option<Text>, SettingsError> {
        self.common_text(Part::Configurations)
    }

    /// What all hosts are in Halo as the owner of the configurations; none where this host is one of its own.
    ///
    /// # Errors
    ///
    /// What keeps it from being read.
    pub fn common_owner(&self) -> Result<Option<String>, SettingsError> {
        Ok(self.common_text(Part::Owner)?.map(|text| text.content))
    }

    /// A text that hosts have in common; that of the secrets is sealed.
    pub(super) fn common_text(&self, part: Part) -> Result<Option<Text>, SettingsError> {
        let Some(text) = self.common_as_it_is(part)? else {
            // They were saved together, and each is changed alone: none is taken out.
            let is_alone = part == Part::Configurations || self.common_as_it_is(Part::Configurations)?.is_none();
            return if is_alone { Ok(None) } else { Err(SettingsError::Tampered { name: self.common_name() }) };
        };
        match part {
            Part::Secrets => Ok(Some(text)),
            Part::Configurations | Part::Owner => Ok(Some(Text { content: self.signed(part, &text)?, ..text })),
        }
    }

    /// A text, whoever has written it.
    pub(super) fn common_as_it_is(&self, part: Part) -> Result<Option<Text>, SettingsError> {
        Ok(self.shared.as_ref().map(|shared| shared.read(part)).transpose()?.flatten())
    }

    /// What they are called where something is wrong with them.
    pub(super) fn common_place(&self) -> PathBuf {
        PathBuf::from(format!("the settings in {}", self.common_name()))
    }

    pub(super) fn common_name(&self) -> String {
        self.shared.as_ref().map(|shared| shared.name()).unwrap_or_default().to_owned()
    }

    /// Keeps others from saving what hosts have in common, where they do.
    pub(super) fn take_turn(&self, part: Part) -> Result<Option<Box<dyn Send>>, SettingsError> {
        Ok(self.shared.as_ref().map(|shared| shared.take_turn(part)).transpose()?)
    }

    /// Saves the configurations, or the secrets, in place of the text that was read.
    pub(super) fn save_common(&self, part: Part, plain: &[u8], read: &Text) -> Result<(), SettingsError> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let (key, save) = (self.key_in_use()?, next_save(Some(read.save)));
        let content = key.kept(part, save, plain)?;
        if shared.save(&[(part, &content, Some(read.save))])? {
            return Ok(());
        }
        Err(SettingsError::SavedMeanwhile { name: self.common_name() })
    }
}

/// Both texts as one, for an editor. What is not one of ours is left to whoever reads it.
pub(super) fn joined(own: &str, common: &str) -> String {
    let (Ok(mut own), Ok(mut both)) = (own.parse::<DocumentMut>(), common.parse::<DocumentMut>()) else {
        return own.to_owned();
    };
    for key in OWN {
        if let Some((name, item)) = own.remove_entry(key) {
            both.insert_formatted(&name, item);
        }
    }
    both.to_string()
}

/// The two texts that such a one is made of: what hosts have in common, and what stays here.
pub(super) fn parted(both: &str) -> (String, String) {
    let without = |keys: &[&str]| {
        let mut text: DocumentMut = both.parse().unwrap_or_default();
        keys.iter().for_each(|key| _ = text.remove(key));
        text.entry("version").or_insert(Item::Value(VERSION.into()));
        text.to_string()
    };
    (without(&OWN), without(&COMMON))
}
