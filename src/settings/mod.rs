//! Where files are; settings, credentials, answers files and the wizard's draft, crash-safe. What hosts have in common that share
//! a store is in that store instead.
//!
//! Three rules apply to this module. Reading creates nothing. A save is complete or did not happen, and if two programs
//! save at the same time, both saves count. A file that is newer, broken or not understood is left unchanged.

use std::path::Path;
use std::sync::Arc;

pub(crate) mod answers;
mod client_secret;
mod comments;
mod config;
mod copies;
mod credentials;
mod document;
mod draft;
mod edit;
mod environment;
mod error;
mod fields;
mod given;
mod keys;
mod paths;
pub(crate) mod private_file;
mod random;
mod seal;
mod secret_source;
mod shared;
mod sharing;
mod variables;

pub use client_secret::{
    FoundSecret, client_secret, given_forward_secret, given_secret, is_there, require_own_command, secret_source,
    store_password,
};
pub use config::{Config, SharedStore};
pub use copies::Copies;
pub use credentials::{FormerCallback, StoredSecrets, new_callback_secrets, new_forward_secret};
pub use environment::Environment;
pub use error::SettingsError;
pub use fields::{EscalateChoice, Problem};
pub use given::{end_waits, names_file, open_named, read_named};
pub use paths::Paths;
pub use seal::SealKey;
pub use secret_source::SecretSource;
pub use shared::{Part, SharedSettings, Text, next_save};
pub use variables::{Setting, set_variables, with_variables, without_variables};

use self::private_file::FileError;

/// The files of one person, or of one throw-away profile. Cheap to clone; holds nothing in memory.
#[derive(Clone, Debug)]
pub struct Settings {
    paths: Paths,
    /// Which store was opened by them, once one was.
    store: Option<Option<SharedStore>>,
    /// What is in that store of what hosts have in common.
    shared: Option<Arc<dyn SharedSettings>>,
}

impl Settings {
    /// The files at these places. Nothing is read or made yet.
    pub fn new(paths: Paths) -> Self {
        Self { paths, store: None, shared: None }
    }

    /// Where the files are.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Refuses one of these files where somebody else could have written it.
    fn require_trusted(&self, path: &Path) -> Result<(), FileError> {
        private_file::require_trusted(path, self.paths.home.as_deref())
    }

    /// The same for a file with secrets, which nobody else may read either.
    fn require_secret(&self, path: &Path) -> Result<(), FileError> {
        private_file::require_secret(path, self.paths.home.as_deref())
    }

    /// Removes what saves that were killed left behind. Called once at the start; never waits and never fails.
    pub fn tidy(&self) {
        let mut files = vec![self.paths.config(), self.paths.credentials()];
        files.extend(Self::DRAFTS.map(|place| self.paths.draft_at(place)));
        // What is refused is left as it is, also its folder's mode.
        files.retain(|path| self.require_trusted(path).is_ok());
        private_file::tidy(&files);
    }
}
