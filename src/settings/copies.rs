//! Settings and secrets as they are at one moment, for a backup, and whether such a copy can be used.

use zeroize::Zeroizing;

use super::document::{self, Discretion};
use super::error::SettingsError;
use super::private_file::{self, Exclusive};
use super::{Settings, config, credentials};

/// The bytes of both files; none where there is no such file. Erased when dropped.
pub struct Copies {
    /// `config.toml`.
    pub config: Option<Zeroizing<Vec<u8>>>,
    /// `credentials.toml`.
    pub credentials: Option<Zeroizing<Vec<u8>>>,
}

impl Settings {
    /// Copies of both files, and what `meanwhile` answers: nobody saves either file while it runs.
    ///
    /// # Errors
    ///
    /// What `meanwhile` answers, or [`SettingsError`] where a file cannot be used.
    pub fn copies<R, E: From<SettingsError>>(
        &self,
        meanwhile: impl FnOnce() -> Result<R, E>,
    ) -> Result<(Copies, R), E> {
        let (config, credentials) = (self.paths.config(), self.paths.credentials());
        self.require_trusted(&config).map_err(SettingsError::from)?;
        self.require_secret(&credentials).map_err(SettingsError::from)?;
        // In the order in which a save takes them.
        let _settings = Exclusive::take(&config).map_err(SettingsError::from)?;
        let _secrets = Exclusive::take(&credentials).map_err(SettingsError::from)?;
        let read = |path| private_file::read(path).map_err(SettingsError::from);
        let copies = Copies { config: read(&config)?, credentials: read(&credentials)? };
        Ok((copies, meanwhile()?))
    }
}

impl Copies {
    /// Makes sure that both can be read by this program.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with the first mistake; it never quotes a secret.
    pub fn require_readable(&self) -> Result<(), SettingsError> {
        if let Some(bytes) = &self.config {
            config::parse("config.toml".as_ref(), bytes)?;
        }
        if let Some(bytes) = &self.credentials {
            let path = std::path::Path::new("credentials.toml");
            let table = document::parse(path, bytes, Discretion::Secret)?;
            credentials::require_readable(path, &table)?;
        }
        Ok(())
    }
}
