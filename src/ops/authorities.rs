//! The authorities that the environment names: believed only where nobody else could have written them, as `ca_file` is.

use std::path::PathBuf;

use super::Workspace;
use crate::domain::failure::Failure;
use crate::settings::SettingsError;
use crate::settings::private_file::require_trusted;

impl Workspace {
    /// Refuses authorities of the environment that others could have written.
    ///
    /// # Errors
    ///
    /// With the file or folder in question, and what closes it.
    pub fn require_own_authorities(&self) -> Result<(), Failure> {
        let named = |name| self.environment().get(name).filter(|value| !value.is_empty());
        let file = named("SSL_CERT_FILE").map(PathBuf::from);
        let folders: Vec<PathBuf> =
            named("SSL_CERT_DIR").map(|all| std::env::split_paths(all).collect()).unwrap_or_default();
        let within = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
        let within: Vec<PathBuf> = within.map(|entry| entry.path()).collect();
        // What is not there is said where it is read.
        for path in file.iter().chain(&folders).chain(&within).filter(|path| path.exists()) {
            require_trusted(path, None).map_err(SettingsError::from)?;
        }
        Ok(())
    }
}
