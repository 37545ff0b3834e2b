//! From files of a host to what hosts have in common, and back.

use toml_edit::DocumentMut;
use zeroize::Zeroizing;

use super::credentials::no_secrets;
use super::error::SettingsError;
use super::private_file::{self, Exclusive};
use super::shared::{Part, joined};
use super::{SealKey, Settings, config};

impl Settings {
    /// All settings as one text, that of `config.toml` where hosts have nothing in common; none where there are none.
    ///
    /// # Errors
    ///
    /// What keeps them from being read.
    pub fn text(&self) -> Result<Option<Zeroizing<Vec<u8>>>, SettingsError> {
        let own = private_file::read(&self.paths().config())?;
        let Some(common) = self.common_saved()? else { return Ok(own) };
        let text = own.as_deref().and_then(|own| std::str::from_utf8(own).ok()).unwrap_or_default();
        Ok(Some(Zeroizing::new(joined(text, &common.content).into_bytes())))
    }

    /// What hosts would have in common of the files of this host: the configurations, and their secrets, sealed.
    ///
    /// # Errors
    ///
    /// What keeps the files or the key from being read.
    pub fn to_share(&self) -> Result<[String; 2], SettingsError> {
        Ok([self.common_of_file()?, self.sealed_secrets()?])
    }

    /// Takes what hosts have in common now out of the files of this host.
    ///
    /// # Errors
    ///
    /// What keeps them from being saved.
    pub fn forget_shared(&self) -> Result<(), SettingsError> {
        self.forget_common()?;
        self.forget_common_secrets()
    }

    /// Makes a new key, and forgets the secrets that were sealed with the one before it.
    ///
    /// # Errors
    ///
    /// What keeps key or secrets from being saved.
    pub fn seal_anew(&self) -> Result<SealKey, SettingsError> {
        let _turn = self.take_turn(Part::Secrets)?;
        let key = SealKey::new()?;
        if let Some(text) = self.common_text(Part::Secrets)? {
            self.save_common(Part::Secrets, &key.seal(&no_secrets()?)?, &text)?;
        }
        self.replace_seal_key(key)
    }

    /// Makes files of this host of everything that hosts have in common, and names no server any more: that last.
    ///
    /// # Errors
    ///
    /// What keeps the secrets from being opened, or the files from being saved.
    pub fn leave_store(&self) -> Result<(), SettingsError> {
        let alone = Self::new(self.paths().clone());
        if self.common_saved()?.is_some() {
            self.take_secrets_home(&alone)?;
        }
        let path = self.paths().config();
        let file = Exclusive::take(&path)?;
        let text = self.text()?;
        let text = text.as_deref().and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        let mut text: DocumentMut = text.parse().unwrap_or_default();
        text.remove("store");
        let text = text.to_string();
        config::parse(&path, text.as_bytes())?;
        Ok(file.replace(text.as_bytes())?)
    }
}
