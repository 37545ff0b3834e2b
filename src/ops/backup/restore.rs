//! A backup brought back: proved whole first, and put in place whole or not at all.
//!
//! Everything is unpacked into a folder and proved there. Renaming that folder is the moment in which the backup counts:
//! before it everything is as it was; from it on, whoever starts finishes putting the files in their places.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::super::actor::actor_of;
use super::super::archive::{Stoppable, cannot, stopped};
use super::super::locks::hold_everything;
use super::super::restored::{ANCHOR, AT, AUDIT, CONFIG, CREDENTIALS, STORE, copy, finish};
use super::seal::{Key, wants_passphrase};
use super::{FORMAT, Hashing, LOCK, MANIFEST, Manifest, SEALED, empty};
use crate::coordination::Lock;
use crate::domain::activity::Activity;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::untrusted::Untrusted;
use crate::ops::place::require_file;
use crate::settings::private_file;
use crate::settings::{Copies, Environment, Paths, Settings};
use crate::store::{self, Audit, StoreError};

/// No manifest, settings or secrets come near this.
const LARGEST: u64 = 4 << 20;

/// A backup that was unpacked and proved. Nothing of this machine is changed yet.
pub struct Proved {
    pub manifest: Manifest,
    folder: PathBuf,
    sealed: Option<Vec<u8>>,
    copies: Copies,
    // Until it is put in place or given up.
    _turn: Lock,
}

impl Drop for Proved {
    fn drop(&mut self) {
        // Nothing is there any more once it was put in place.
        _ = fs::remove_dir_all(&self.folder);
    }
}

fn not_whole(why: impl std::fmt::Display) -> Failure {
    // The reader of archives quotes what it finds in one.
    let why = Untrusted::new(why.to_string()).display();
    Failure::new(FailureKind::LocalState, format!("this backup is not complete: {why}"))
        .hint("use another backup; nothing was changed")
}

impl Proved {
    /// Whether the secrets in it are opened by a passphrase; none where it holds no secrets.
    ///
    /// # Errors
    ///
    /// Where they are damaged.
    pub fn wants_passphrase(&self) -> Result<Option<bool>, Failure> {
        self.sealed.as_deref().map(wants_passphrase).transpose()
    }

    /// Opens the secrets in it.
    ///
    /// # Errors
    ///
    /// Where the key is the wrong one, or they cannot be read by this program.
    pub fn open_secrets(&mut self, key: &Key) -> Result<(), Failure> {
        if let Some(sealed) = &self.sealed {
            let copies = Copies { config: None, credentials: Some(key.open(sealed)?) };
            copies.require_readable()?;
            self.copies.credentials = copies.credentials;
        }
        Ok(())
    }

    /// What it brings that is here already, such as `the settings`: that is replaced.
    pub fn replaces(&self, paths: &Paths) -> Vec<&'static str> {
        let brings = |name| self.manifest.members.iter().any(|member| member.name == name);
        [
            (brings(CONFIG), paths.config(), "the settings"),
            (self.has_secrets(), paths.credentials(), "the secrets"),
            (brings(STORE), paths.store(), "the store"),
            (brings(AUDIT), paths.audit(), "the audit trail"),
        ]
        .into_iter()
        .filter(|(is_brought, path, _)| *is_brought && path.symlink_metadata().is_ok())
        .map(|(.., what)| what)
        .collect()
    }

    /// Whether secrets come with it.
    pub fn has_secrets(&self) -> bool {
        self.copies.credentials.is_some()
    }
}

/// Unpacks a backup beside the store and proves it: each file, each table, and that this program can read them.
///
/// # Errors
///
/// [`FailureKind::LocalState`] where it is not whole or from a newer program, [`FailureKind::Busy`] where another one is
/// being made or brought back. Nothing was changed.
pub fn prove(
    paths: &Paths,
    environment: &Environment,
    from: impl Read,
    now: Timestamp,
    cancel: &CancellationToken,
) -> Result<Proved, Failure> {
    let by = "restore it there with pg_restore; for a store in a file again, take [store] out of config.toml first";
    require_file(paths, "restore", by)?;
    let turn = Lock::take(&paths.lock(LOCK), "restore", &actor_of(environment), now)?;
    let folder = paths.data_dir.join("restore.part");
    empty(&folder)?;
    let unpacked = unpack(&folder, Stoppable { from, cancel });
    let unpacked = unpacked.and_then(|(manifest, sealed, copies)| {
        if let Some(proof) = &manifest.store
            && store::prove(&folder.join(STORE))? != *proof
        {
            return Err(not_whole("a table has changed since the backup was made"));
        }
        copies.require_readable()?;
        Ok((manifest, sealed, copies))
    });
    match unpacked {
        Ok((manifest, sealed, copies)) => Ok(Proved { manifest, folder, sealed, copies, _turn: turn }),
        Err(failure) => {
            _ = fs::remove_dir_all(&folder);
            Err(if cancel.is_cancelled() { stopped() } else { failure })
        }
    }
}

fn unpack(folder: &Path, from: impl Read) -> Result<(Manifest, Option<Vec<u8>>, Copies), Failure> {
    let mut archive = tar::Archive::new(GzDecoder::new(from));
    let mut found = Vec::new();
    let (mut manifest, mut sealed) = (None, None);
    let mut copies = Copies { config: None, credentials: None };
    for entry in archive.entries().map_err(not_whole)? {
        let entry = entry.map_err(not_whole)?;
        let path = entry.path().map_err(not_whole)?.into_owned();
        let is_file = entry.header().entry_type().is_file();
        // A name is looked for among ours, and never made a path.
        let name = [CONFIG, SEALED, AUDIT, ANCHOR, STORE, MANIFEST]
            .into_iter()
            .find(|name| is_file && path == Path::new(name));
        let Some(name) = name else { return Err(not_whole("it contains a file that belongs in no backup")) };
        if manifest.is_some() || found.iter().any(|(known, _): &(&str, _)| *known == name) {
            return Err(not_whole(format!("{name} appears twice, or after the manifest")));
        }
        // Its name is asked for nothing until its end is reached: a packed file may unpack to more than the disk.
        if room(folder).is_some_and(|room| entry.size() > room) {
            return Err(too_large(name));
        }
        let mut content = Hashing::new(entry);
        match name {
            STORE | AUDIT | ANCHOR => {
                let to = folder.join(name);
                let mut file = private_file::open_private(&to, false).map_err(StoreError::from)?;
                io::copy(&mut content, &mut file).map_err(|error| cannot("unpack", &to, error))?;
                file.sync_all().map_err(|error| cannot("write", &to, error))?;
            }
            _ => {
                let mut bytes = Zeroizing::new(Vec::new());
                Read::by_ref(&mut content).take(LARGEST + 1).read_to_end(&mut bytes).map_err(not_whole)?;
                if bytes.len() as u64 > LARGEST {
                    return Err(not_whole(format!("{name} is far too large")));
                }
                match name {
                    CONFIG => copies.config = Some(bytes),
                    SEALED => sealed = Some(bytes.to_vec()),
                    _ => {
                        manifest = Some(read_manifest(&bytes)?);
                        continue;
                    }
                }
            }
        }
        found.push((name, content.member(name)));
    }
    let manifest = manifest.ok_or_else(|| not_whole("its end is missing"))?;
    if let Some(wrong) = manifest.members.iter().find(|member| !found.iter().any(|(_, found)| found == *member)) {
        return Err(not_whole(format!("{} is missing or was changed", wrong.name)));
    }
    let is_known = |name: &str| manifest.members.iter().any(|member| member.name == name);
    if !found.iter().all(|(name, _)| is_known(name)) || manifest.store.is_some() != is_known(STORE) {
        return Err(not_whole("the manifest does not list everything in it"));
    }
    Ok((manifest, sealed, copies))
}

/// Stays free on the disk while a backup is unpacked: the service beside it stores what Halo sends.
const RESERVE: u64 = 64 << 20;

/// How much may be unpacked.
fn room(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize).saturating_sub(RESERVE))
}

fn too_large(name: &str) -> Failure {
    Failure::new(FailureKind::LocalState, format!("{name} in this backup does not fit on the disk"))
        .hint("free some space, or use another backup; nothing was changed")
}

fn read_manifest(bytes: &[u8]) -> Result<Manifest, Failure> {
    let format = serde_json::from_slice::<serde_json::Value>(bytes).ok().and_then(|json| json["format"].as_u64());
    if format.is_some_and(|format| format > u64::from(FORMAT)) {
        return Err(Failure::new(FailureKind::LocalState, "this backup was made by a newer pia-halo")
            .hint("update pia-halo; nothing was changed"));
    }
    serde_json::from_slice(bytes).map_err(|_| not_whole("its manifest cannot be read"))
}

/// Puts a proved backup in place, and answers with the folder that what it has replaced is in now, the secrets too; none where there were none. Not while the service, a sync or Configure works.
///
/// # Errors
///
/// Until it counts: what is in the way, and nothing was changed. Afterwards: what keeps a file from being put in place; the
/// next start of the program goes on with that.
pub fn put_in_place(
    mut proved: Proved,
    paths: &Paths,
    environment: &Environment,
    now: Timestamp,
) -> Result<Option<PathBuf>, Failure> {
    let locks = hold_everything(paths, environment, "restore", now)?;
    let folder = proved.folder.clone();
    let write = |name: &str, bytes: &[u8]| private_file::replace(&folder.join(name), bytes).map_err(StoreError::from);
    for (name, bytes) in [(CONFIG, proved.copies.config.take()), (CREDENTIALS, proved.copies.credentials.take())] {
        if let Some(bytes) = bytes {
            write(name, &bytes)?;
        }
    }
    write(AT, now.to_string().as_bytes())?;
    if !folder.join(AUDIT).exists() {
        // A backup without a trail: the one of this machine goes on.
        for (name, from) in [(AUDIT, paths.audit()), (ANCHOR, paths.anchor())] {
            if from.exists() {
                copy(&from, &folder.join(name))?;
            }
        }
    }
    let made = &proved.manifest;
    let activity = Activity {
        at: now,
        who: actor_of(environment),
        configuration: None,
        action: "restore".to_owned(),
        object: None,
        fields: Vec::new(),
        outcome: "done".to_owned(),
        message: Some(format!("the backup of {} made at {} by {}", made.host, made.made_at, made.by)),
        halo: None,
    };
    Audit::new(folder.join(AUDIT)).anchored(folder.join(ANCHOR)).append(&activity)?;
    let ready = paths.restored();
    fs::rename(&folder, &ready)
        .and_then(|()| File::open(&paths.data_dir)?.sync_all())
        .map_err(|error| cannot("rename", &folder, error))?;
    let aside = finish(paths)?;
    drop(locks);
    Ok(aside)
}

/// Whether the settings can be read, and name a configuration: what a report says next depends on it.
pub fn has_active(paths: &Paths) -> bool {
    Settings::new(paths.clone()).load().is_ok_and(|config| config.active.is_some())
}
