//! A backup that was brought back and counts, on its way into its places: whoever starts first finishes that.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::archive::cannot;
use crate::domain::failure::Failure;
use crate::settings::private_file::{self, Exclusive};
use crate::settings::{Paths, SettingsError};
use crate::store::{self, StoreError};

pub(super) const CONFIG: &str = "config.toml";
/// The secrets, opened; never in an archive.
pub(super) const CREDENTIALS: &str = "credentials.toml";
pub(super) const STORE: &str = "pia-halo.db";
pub(super) const AUDIT: &str = "audit.jsonl";
pub(super) const ANCHOR: &str = "audit.anchor";
/// Says when what is replaced was set aside.
pub(super) const AT: &str = "at";

/// Finishes putting a backup in place, where one counts and a program was ended before it was all there. Answers with where
/// what it has replaced is now.
///
/// # Errors
///
/// What keeps a file from being put in place.
pub(crate) fn finish(paths: &Paths) -> Result<Option<PathBuf>, Failure> {
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
    let at = private_file::read(&ready.join(AT)).ok().flatten();
    let at = at.and_then(|at| std::str::from_utf8(&at).ok()?.parse::<Timestamp>().ok());
    let aside = paths.data_dir.join(store::aside_name(at.unwrap_or_default()));
    // Each is gone from here once it is in its place: what is done is not done again.
    let is_due = |name: &str| ready.join(name).exists();
    let gone =
        |name: &str| fs::remove_file(ready.join(name)).map_err(|error| cannot("remove", &ready.join(name), error));
    for (name, target) in
        [(CONFIG, paths.config()), (CREDENTIALS, paths.credentials()), (AUDIT, paths.audit()), (ANCHOR, paths.anchor())]
    {
        if !is_due(name) {
            continue;
        }
        let kept = aside.join(name);
        if target.exists() && !kept.exists() {
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
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let copied = private_file::open(from).and_then(|mut source| {
        Exclusive::take(to)?.replace_by(|fresh| {
            let mut fresh = File::options().write(true).open(fresh)?;
            io::copy(&mut source, &mut fresh).map(drop)
        })
    });
    Ok(copied.map_err(SettingsError::from)?)
}
