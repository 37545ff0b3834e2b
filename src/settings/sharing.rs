//! From files of a host to what hosts have in common, and back.

use toml_edit::DocumentMut;
use zeroize::Zeroizing;

use super::credentials::no_secrets;
use super::error::SettingsError;
use super::private_file::{self, Exclusive};
use super::shared::{Part, joined};
use super::{SealKey, Settings, config};

impl Settings {
    /// Whether hosts have anything in common, also where this host cannot read it.
    ///
    /// # Errors
    ///
    /// What keeps that from being known.
    pub fn has_common(&self) -> Result<bool, SettingsError> {
        Ok(self.common_as_it_is(Part::Configurations)?.is_some())
    }

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
        Ok([self.sign(&self.common_of_file()?)?, self.sealed_secrets()?])
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

    /// Makes a new key, forgets the secrets that were sealed with the one before it, and signs the configurations anew, whoever has
    /// written them.
    ///
    /// # Errors
    ///
    /// What keeps key or texts from being saved.
    pub fn seal_anew(&self) -> Result<SealKey, SettingsError> {
        let Some(shared) = &self.shared else { return self.make_seal_key() };
        let _turns = [self.take_turn(Part::Configurations)?, self.take_turn(Part::Secrets)?];
        let (key, mut texts) = (SealKey::new()?, Vec::new());
        for part in [Part::Configurations, Part::Secrets] {
            if let Some(text) = self.common_as_it_is(part)? {
                let content = match part {
                    Part::Secrets => key.seal(&no_secrets()?)?,
                    _ => key.sign(text.content.split_once('\n').map_or("", |(_, text)| text))?,
                };
                texts.push((part, content, Some(text.save)));
            }
        }
        let texts: Vec<_> = texts.iter().map(|(part, content, save)| (*part, content.as_str(), *save)).collect();
        if !shared.save(&texts)? {
            return Err(SettingsError::SavedMeanwhile { name: shared.name().to_owned() });
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
