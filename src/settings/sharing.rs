//! From files of a host to what hosts have in common, and back.

use toml_edit::DocumentMut;
use zeroize::Zeroizing;

use super::credentials::no_secrets;
use super::error::SettingsError;
use super::private_file::{self, Exclusive};
use super::seal::unsigned;
use super::shared::{Part, joined, next_save};
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

    /// What hosts would have in common of the files of this host, each to be saved as the save after the one that was read: the
    /// configurations, their secrets, sealed, and what they are in Halo.
    ///
    /// # Errors
    ///
    /// What keeps the files or the key from being read.
    pub fn to_share(&self, owner: &str, read: [Option<u64>; 3]) -> Result<[String; 3], SettingsError> {
        let key = self.make_seal_key()?;
        let [configurations, secrets, of_owner] = read.map(next_save);
        Ok([
            key.kept(Part::Configurations, configurations, self.common_of_file()?.as_bytes())?,
            key.kept(Part::Secrets, secrets, &self.secrets_to_share()?)?,
            key.kept(Part::Owner, of_owner, owner.as_bytes())?,
        ])
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

    /// The configurations that hosts have in common, where no key of this host says who has written them.
    ///
    /// # Errors
    ///
    /// What keeps the text or the key from being read.
    pub fn unverified(&self) -> Result<Option<String>, SettingsError> {
        let Some(text) = self.common_as_it_is(Part::Configurations)? else { return Ok(None) };
        match self.signed(Part::Configurations, &text) {
            Ok(_) => Ok(None),
            Err(error) if error.is_of_key() => Ok(Some(unsigned(&text.content).to_owned())),
            Err(error) => Err(error),
        }
    }

    /// Makes a new key, and signs and seals everything with it that a key of this host fits. Configurations that none fits are
    /// only signed if they are the ones `seen` by a person; secrets that none opens are forgotten. Answers with the key, and whether they
    /// were kept.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Tampered`] where the configurations are others; what keeps key or texts from being saved: this host then
    /// opens whatever is in the store as before.
    pub fn seal_anew(&self, seen: Option<&str>) -> Result<(SealKey, bool), SettingsError> {
        let Some(shared) = &self.shared else { return Ok((self.make_seal_key()?, true)) };
        let _turns = [self.take_turn(Part::Configurations)?, self.take_turn(Part::Secrets)?];
        self.settle_key()?;
        let (mut plain, mut is_kept) = (Vec::new(), true);
        for part in Part::ALL {
            let Some(text) = self.common_as_it_is(part)? else { continue };
            let content = match part {
                Part::Secrets => match self.unsealed(&text) {
                    Ok(secrets) => secrets,
                    Err(error) if error.is_of_key() => {
                        is_kept = false;
                        no_secrets()?
                    }
                    Err(error) => return Err(error),
                },
                Part::Configurations | Part::Owner => {
                    let was = unsigned(&text.content);
                    let content = match self.signed(part, &text) {
                        Ok(content) => content,
                        // What a person has seen is what is signed, and nothing that came in between.
                        Err(error)
                            if error.is_of_key() && seen.is_some_and(|seen| part == Part::Owner || seen == was) =>
                        {
                            was.to_owned()
                        }
                        Err(error) => return Err(error),
                    };
                    if part == Part::Configurations {
                        config::parse(&self.common_place(), content.as_bytes())?;
                    }
                    Zeroizing::new(content.into_bytes())
                }
            };
            plain.push((part, content, text.save));
        }
        let (key, mut texts) = (self.make_next_key()?, Vec::new());
        for (part, content, read) in &plain {
            let save = next_save(Some(*read));
            texts.push((*part, key.kept(*part, save, content)?, Some(*read)));
        }
        let texts: Vec<_> = texts.iter().map(|(part, content, save)| (*part, content.as_str(), *save)).collect();
        if !shared.save(&texts)? {
            return Err(SettingsError::SavedMeanwhile { name: self.common_name() });
        }
        self.settle_key()?;
        Ok((key, is_kept))
    }

    /// The settings of this host alone, as they would be without what is in the store: the text is made and read before anything is
    /// changed.
    ///
    /// # Errors
    ///
    /// What keeps the secrets from being opened, or the text from being read.
    pub fn text_without_store(&self) -> Result<String, SettingsError> {
        self.every_secret()?;
        let text = self.text()?;
        let text = text.as_deref().and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        let mut text: DocumentMut = text.parse().unwrap_or_default();
        text.remove("store");
        let text = text.to_string();
        config::parse(&self.paths().config(), text.as_bytes())?;
        Ok(text)
    }

    /// Makes files of this host of everything that hosts have in common, and names no server any more: that last.
    ///
    /// # Errors
    ///
    /// What keeps the secrets from being opened, or the files from being saved.
    pub fn leave_store(&self) -> Result<(), SettingsError> {
        let alone = Self::new(self.paths().clone());
        let is_shared = self.common_saved()?.is_some();
        if is_shared {
            self.take_secrets_home(&alone)?;
        }
        let leave = || {
            let file = Exclusive::take(&self.paths().config())?;
            Ok(file.replace(self.text_without_store()?.as_bytes())?)
        };
        // They are still in the store then, and sealed.
        leave().inspect_err(|_| _ = if is_shared { alone.forget_common_secrets() } else { Ok(()) })
    }
}
