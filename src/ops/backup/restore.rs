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
use super::super::aside;
use super::seal::{Key, wants_passphrase};
use super::{ANCHOR, AUDIT, CONFIG, FORMAT, Hashing, LOCK, MANIFEST, Manifest, SEALED, STORE, empty};
use crate::domain::activity::Activity;
use crate::domain::failure::{Failure, FailureKind};
use crate::settings::private_file::{self, Exclusive};
use crate::settings::{Copies, Environment, Paths, Settings, SettingsError};
use crate::store::{self, Audit, Lock, StoreError};

/// The secrets, opened; never in an archive.
const CREDENTIALS: &str = "credentials.toml";
/// Says when what is replaced was set aside.
const AT: &str = "at";

/// No manifest, settings or secrets come near this.
const LARGEST: u64 = 4 << 20;

/// A backup that was unpacked and proved. Nothing of this host is changed yet.
pub struct Proved {
    pub manifest: Manifest,
    /// What is here already and would be replaced, such as `the settings`.
    pub replaces: Vec<&'static str>,
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
    Failure::new(FailureKind::LocalState, format!("this is no whole backup: {why}"))
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
    let turn = Lock::take(&paths.lock(LOCK), "restore", &actor_of(environment), now)?;
    let folder = paths.data_dir.join("restore.part");
    empty(&folder)?;
    let unpacked = unpack(&folder, Stoppable { from, cancel });
    let unpacked = unpacked.and_then(|(manifest, sealed, copies)| {
        if let Some(proof) = &manifest.store
            && store::prove(&folder.join(STORE))? != *proof
        {
            return Err(not_whole("a table is not as it was when the backup was made"));
        }
        copies.require_readable()?;
        Ok((manifest, sealed, copies))
    });
    match unpacked {
        Ok((manifest, sealed, copies)) => {
            Ok(Proved { replaces: there(paths), manifest, folder, sealed, copies, _turn: turn })
        }
        Err(failure) => {
            _ = fs::remove_dir_all(&folder);
            Err(if cancel.is_cancelled() { stopped() } else { failure })
        }
    }
}

fn there(paths: &Paths) -> Vec<&'static str> {
    [
        (paths.config(), "the settings"),
        (paths.credentials(), "the secrets"),
        (paths.store(), "the store"),
        (paths.audit(), "the audit trail"),
    ]
    .into_iter()
    .filter(|(path, _)| path.symlink_metadata().is_ok())
    .map(|(_, what)| what)
    .collect()
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
        let Some(name) = name else { return Err(not_whole("it holds what no backup holds")) };
        if manifest.is_some() || found.iter().any(|(known, _): &(&str, _)| *known == name) {
            return Err(not_whole(format!("{name} is there twice, or behind the manifest")));
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
        return Err(not_whole("the manifest does not name all that is in it"));
    }
    Ok((manifest, sealed, copies))
}

fn read_manifest(bytes: &[u8]) -> Result<Manifest, Failure> {
    let format = serde_json::from_slice::<serde_json::Value>(bytes).ok().and_then(|json| json["format"].as_u64());
    if format.is_some_and(|format| format > u64::from(FORMAT)) {
        return Err(Failure::new(FailureKind::LocalState, "this backup was made by a newer pia-halo")
            .hint("update pia-halo; nothing was changed"));
    }
    serde_json::from_slice(bytes).map_err(|_| not_whole("its manifest cannot be read"))
}

/// Puts a proved backup in place, and answers with the folder that the store, the settings and the trail from before are in
/// now; none where there were none. Not while the service, a sync or Configure works.
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
    let locks = aside::hold_everything(paths, environment, "restore", now)?;
    let folder = proved.folder.clone();
    let write = |name: &str, bytes: &[u8]| private_file::replace(&folder.join(name), bytes).map_err(StoreError::from);
    for (name, bytes) in [(CONFIG, proved.copies.config.take()), (CREDENTIALS, proved.copies.credentials.take())] {
        if let Some(bytes) = bytes {
            write(name, &bytes)?;
        }
    }
    write(AT, now.to_string().as_bytes())?;
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

/// Finishes putting a backup in place, where one counts and a program was ended before it was all there. Answers with where
/// the store, the settings and the trail from before are now.
///
/// # Errors
///
/// What keeps a file from being put in place.
pub fn finish(paths: &Paths) -> Result<Option<PathBuf>, Failure> {
    let ready = paths.restored();
    if !ready.exists() {
        return Ok(None);
    }
    let turn_path = paths.lock("restore");
    let turn = private_file::open_private(&turn_path, false).map_err(StoreError::from)?;
    private_file::lock(&turn, &turn_path).map_err(StoreError::from)?;
    // Another program has finished it meanwhile.
    let done = if ready.exists() { place(paths, &ready) } else { Ok(None) };
    private_file::unlock(&turn);
    done
}

fn place(paths: &Paths, ready: &Path) -> Result<Option<PathBuf>, Failure> {
    let at = fs::read_to_string(ready.join(AT)).ok().and_then(|text| text.parse::<Timestamp>().ok());
    let aside = paths.data_dir.join(store::aside_name(at.unwrap_or_default()));
    // Each is gone from here once it is in its place: what is done is not done again.
    let is_due = |name: &str| ready.join(name).exists();
    let gone =
        |name: &str| fs::remove_file(ready.join(name)).map_err(|error| cannot("remove", &ready.join(name), error));
    for (name, target, is_kept) in [
        (CONFIG, paths.config(), true),
        (CREDENTIALS, paths.credentials(), false),
        (AUDIT, paths.audit(), true),
        (ANCHOR, paths.anchor(), false),
    ] {
        if !is_due(name) {
            continue;
        }
        let kept = aside.join(name);
        if is_kept && target.exists() && !kept.exists() {
            copy(&target, &kept)?;
        }
        copy(&ready.join(name), &target)?;
        gone(name)?;
    }
    if is_due(STORE) {
        store::set_aside(&paths.store(), at.unwrap_or_default())?;
        let from = ready.join(STORE);
        fs::rename(&from, paths.store()).map_err(|error| cannot("rename", &from, error))?;
        _ = File::open(&paths.data_dir).and_then(|folder| folder.sync_all());
    }
    fs::remove_dir_all(ready).map_err(|error| cannot("remove", ready, error))?;
    Ok(aside.exists().then_some(aside))
}

/// Copies a file, whole or not at all, for its owner alone.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let copied = Exclusive::take(to).and_then(|file| {
        file.replace_by(|fresh| {
            let mut fresh = File::options().write(true).open(fresh)?;
            io::copy(&mut File::open(from)?, &mut fresh).map(drop)
        })
    });
    Ok(copied.map_err(SettingsError::from)?)
}

/// Whether the settings can be read, and name a configuration: what a report says next depends on it.
pub fn has_active(paths: &Paths) -> bool {
    Settings::new(paths.clone()).load().is_ok_and(|config| config.active.is_some())
}
