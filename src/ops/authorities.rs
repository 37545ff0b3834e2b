//! The authorities that the environment names: believed only where nobody else could have written them, as `ca_file` is.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::Workspace;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::untrusted::Untrusted;
use crate::halo::authorities;
use crate::settings::SettingsError;
use crate::settings::private_file::{self, require_trusted};

/// The variables that take the place of the authorities of this machine.
const FILE: &str = "SSL_CERT_FILE";
const FOLDERS: &str = "SSL_CERT_DIR";

/// No collection of authorities is larger.
const LARGEST: u64 = 16 << 20;

// Why a file gives no authority; none where it gives one.
fn why_unusable(file: &Path) -> Option<String> {
    let read = match fs::metadata(file) {
        Ok(found) if found.is_dir() => return Some("is a folder".to_owned()),
        // A pipe would be waited for, and a device may have no end.
        Ok(found) if !found.is_file() => return Some("is no file".to_owned()),
        Ok(_) => private_file::open(file).map(|file| {
            let mut pem = Vec::new();
            file.take(LARGEST).read_to_end(&mut pem).map(|_| pem)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some("does not exist".to_owned()),
        Err(error) => Ok(Err(error)),
    };
    match read {
        Ok(Ok(pem)) => authorities(&pem).err().map(str::to_owned),
        Ok(Err(error)) => Some(format!("cannot be read: {error}")),
        Err(error) => Some(format!("cannot be used: {error}")),
    }
}

// The same of a folder.
fn why_no_authorities(folder: &Path) -> Option<String> {
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some("does not exist".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Some("is no folder".to_owned()),
        Err(error) => return Some(format!("cannot be read: {error}")),
    };
    let gives_one = entries.flatten().any(|entry| why_unusable(&entry.path()).is_none());
    (!gives_one).then(|| "holds no certificate in PEM form".to_owned())
}

impl Workspace {
    // The file and the folders that the environment names; what is empty is no file and no folder that is there.
    fn named_authorities(&self) -> (Option<PathBuf>, Vec<PathBuf>) {
        let folders = self.environment().get(FOLDERS);
        let folders = folders.map(|all| std::env::split_paths(all).collect()).unwrap_or_default();
        (self.environment().get(FILE).map(PathBuf::from), folders)
    }

    /// Refuses authorities of the environment that others could have written.
    ///
    /// # Errors
    ///
    /// With the file or folder in question, and what closes it.
    pub fn require_own_authorities(&self) -> Result<(), Failure> {
        let (file, folders) = self.named_authorities();
        let within = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
        let within: Vec<PathBuf> = within.map(|entry| entry.path()).collect();
        // What is not there is said by whoever needs it.
        for path in file.iter().chain(&folders).chain(&within).filter(|path| path.exists()) {
            require_trusted(path, None).map_err(SettingsError::from)?;
        }
        Ok(())
    }

    /// Refuses authorities of the environment of which none can be used: they take the place of this machine's own, so no
    /// certificate would be trusted, and each would be blamed for it.
    ///
    /// # Errors
    ///
    /// With what each variable names.
    pub fn require_usable_authorities(&self) -> Result<(), Failure> {
        let (file, folders) = self.named_authorities();
        let folders = folders.iter().filter(|folder| !folder.as_os_str().is_empty());
        let file = file.map(|file| (FILE, why_unusable(&file), file));
        let folders = folders.map(|folder| (FOLDERS, why_no_authorities(folder), folder.clone()));
        let named: Vec<_> = file.into_iter().chain(folders).collect();
        let mut why = Vec::new();
        for (name, unusable, path) in &named {
            let Some(unusable) = unusable else { return Ok(()) };
            why.push(match path.as_os_str().is_empty() {
                true => format!("{name} is empty"),
                false => format!("{name} names {}, which {unusable}", Untrusted::new(path.to_string_lossy()).display()),
            });
        }
        if why.is_empty() {
            return Ok(());
        }
        let message = format!("{}, so no certificate is trusted", why.join("; "));
        let mut names: Vec<&str> = named.iter().map(|(name, ..)| *name).collect();
        names.dedup();
        Err(Failure::new(FailureKind::LocalState, message).hint(format!(
            "run: unset {}; or name the certificates of your authorities there, in PEM form",
            names.join(" ")
        )))
    }
}
