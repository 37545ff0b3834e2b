//! A backup of everything that a machine knows, in one file, made while the service runs; and what brings it back.
//!
//! It is a packed tar archive: the settings, the store, the audit trail, the secrets only where they are asked for and
//! sealed, and last the manifest, which proves each of them. A file without one was not finished.

mod age;
#[cfg(test)]
mod fuzz_tests;
pub(crate) mod restore;
pub(crate) mod seal;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use self::seal::Seal;
use super::Workspace;
use super::archive::{Archive, Stoppable, cannot, stopped, to_file};
use super::place::require_file;
use super::restored::{ANCHOR, AUDIT, CONFIG, STORE};
use super::units::nothing_configured_here;
use crate::domain::failure::Failure;
use crate::domain::hex;
use crate::settings::private_file::{self, ensure_folder};
use crate::store::{Proof, Snapshot, StoreError, host_name};

/// The version of the manifest, and of what the archive holds.
const FORMAT: u32 = 1;

const MANIFEST: &str = "manifest.json";
const SEALED: &str = "credentials.toml.age";

/// The lock of whoever makes a backup or brings one back.
const LOCK: &str = "backup";

/// What a backup holds, and what proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// The version of the program that made it.
    pub program: String,
    #[serde(serialize_with = "crate::domain::calendar::json")]
    pub made_at: Timestamp,
    pub host: String,
    pub by: String,
    /// What the secrets are sealed by; none where it holds none.
    pub sealed_by: Option<String>,
    pub members: Vec<Member>,
    pub store: Option<Proof>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub name: String,
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// Writes a backup into a file, whole or not at all.
///
/// # Errors
///
/// [`FailureKind::Busy`](crate::domain::failure::FailureKind::Busy) where one is being made or brought back; otherwise what
/// cannot be read or written. A file that was there before is then as it was.
pub fn write_file(
    workspace: &Workspace,
    path: &Path,
    seal: Option<&Seal>,
    cancel: &CancellationToken,
) -> Result<Manifest, Failure> {
    let manifest = to_file(path, |file| write(workspace, file, seal, cancel))?;
    write_down(workspace, path.display().to_string())?;
    Ok(manifest)
}

/// Writes a backup to standard output.
///
/// # Errors
///
/// As [`write_file`]; what was written until then has no manifest.
pub fn write_to(
    workspace: &Workspace,
    to: impl Write,
    seal: Option<&Seal>,
    cancel: &CancellationToken,
) -> Result<Manifest, Failure> {
    let manifest = write(workspace, to, seal, cancel)?;
    write_down(workspace, "standard output".to_owned())?;
    Ok(manifest)
}

fn write_down(workspace: &Workspace, to: String) -> Result<(), Failure> {
    let mut activity = workspace.activity(None, "backup", "done");
    activity.object = Some(to);
    workspace.write_down(&activity)
}

// Nobody has to stop for it: settings, store and trail are those of one moment.
fn write(
    workspace: &Workspace,
    to: impl Write,
    seal: Option<&Seal>,
    cancel: &CancellationToken,
) -> Result<Manifest, Failure> {
    let by =
        "back it up there with pg_dump, and config.toml, credentials.toml and store.key as the files that they are";
    require_file(workspace.paths(), "backup", by)?;
    require_something(workspace)?;
    let _turn = workspace.lock_here(LOCK, "backup")?;
    let part = workspace.settings.paths().data_dir.join("backup.part");
    empty(&part)?;
    let written = write_by(workspace, &part, to, seal, cancel);
    _ = fs::remove_dir_all(&part);
    written
}

/// Refuses to back up nothing: whoever runs it as another account than the service would find out at the restore.
fn require_something(workspace: &Workspace) -> Result<(), Failure> {
    let has_settings = workspace.config().map_or(true, |config| !config.configurations.is_empty());
    if has_settings || workspace.store.figures()?.held.is_some() { Ok(()) } else { Err(nothing_configured_here()) }
}

/// A folder with nothing in it: what a killed run has left there is removed.
pub(super) fn empty(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot("empty", folder, error)),
        _ => {}
    }
    Ok(ensure_folder(folder).map_err(StoreError::from)?)
}

fn write_by(
    workspace: &Workspace,
    part: &Path,
    to: impl Write,
    seal: Option<&Seal>,
    cancel: &CancellationToken,
) -> Result<Manifest, Failure> {
    // One moment: nobody saves settings or secrets and nobody writes a line of the trail while the store is held on to.
    let (path, anchor) = (workspace.store.path(), workspace.settings.paths().anchor());
    let held = || {
        let anchor = private_file::read(&anchor).map_err(StoreError::from)?;
        Ok::<_, Failure>((anchor, Snapshot::take(path)?))
    };
    let (copies, (trail, (anchor, snapshot))) = workspace.settings.copies(|| workspace.audit.held(held))?;
    let database = part.join(STORE);
    let store = match snapshot {
        Some(snapshot) => Some(snapshot.write(&database, || !cancel.is_cancelled())?.ok_or_else(stopped)?),
        None => None,
    };
    let credentials = copies.credentials.as_ref().zip(seal);
    let sealed = credentials.map(|(plain, seal)| seal.seal(plain)).transpose()?;
    let mut manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: workspace.now(),
        host: host_name(),
        by: workspace.actor().account(),
        sealed_by: sealed.as_ref().and(seal).map(|seal| seal.word().to_owned()),
        members: Vec::new(),
        store,
    };
    let write = || -> io::Result<()> {
        let mut archive = Archive::new(to, manifest.made_at);
        let mut add = |name: &str, size: u64, content: &mut dyn Read| -> io::Result<()> {
            let mut content = Hashing::new(Stoppable { from: content, cancel });
            archive.add(name, size, &mut content)?;
            manifest.members.push(content.member(name));
            Ok(())
        };
        if let Some(config) = &copies.config {
            add(CONFIG, config.len() as u64, &mut config.as_slice())?;
        }
        if let Some(sealed) = &sealed {
            add(SEALED, sealed.len() as u64, &mut sealed.as_slice())?;
        }
        if let Some((file, length)) = trail {
            add(AUDIT, length, &mut file.take(length))?;
        }
        if let Some(anchor) = &anchor {
            add(ANCHOR, anchor.len() as u64, &mut anchor.as_slice())?;
        }
        if manifest.store.is_some() {
            let file = File::open(&database)?;
            let length = file.metadata()?.len();
            add(STORE, length, &mut file.take(length))?;
        }
        let text = serde_json::to_vec_pretty(&manifest)?;
        archive.add(MANIFEST, text.len() as u64, text.as_slice())?;
        archive.finish()?.flush()
    };
    let written = write();
    if cancel.is_cancelled() {
        return Err(stopped());
    }
    written.map_err(|error| cannot("write", Path::new("the backup"), error))?;
    Ok(manifest)
}

/// Counts and hashes what is read through it.
struct Hashing<R> {
    from: R,
    bytes: u64,
    hash: Sha256,
}

impl<R> Hashing<R> {
    fn new(from: R) -> Self {
        Self { from, bytes: 0, hash: Sha256::new() }
    }

    fn member(self, name: &str) -> Member {
        Member { name: name.to_owned(), bytes: self.bytes, sha256: hex(&self.hash.finalize()) }
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}
