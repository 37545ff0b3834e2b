//! A database set aside whole: with the log beside it, in which the newest events are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::StoreError;
use super::schema::{beside, by_cause};
use crate::settings::private_file::{self, Exclusive, FileError};

/// The folder for what is set aside at a moment, beside the store.
pub fn aside_name(at: Timestamp) -> String {
    format!("set-aside-{}", at.strftime("%Y%m%dT%H%M%SZ"))
}

/// Moves the database and the files beside it into a folder of their own, and answers with the folder; none where there is
/// no database. What is in it stays readable there.
///
/// The caller makes sure that no program works with it. Whoever is about to open it waits.
///
/// # Errors
///
/// [`StoreError`] where a file cannot be moved; what was moved before is put back.
pub fn set_aside(path: &Path, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
    let _turn = Exclusive::take(path).map_err(by_cause)?;
    let Some(target) = private_file::resolve(path).map_err(by_cause)? else { return Ok(None) };
    let folder = target.with_file_name(aside_name(now));
    private_file::ensure_folder(&folder).map_err(by_cause)?;
    // The database last: a log without it could be taken for the log of the next one, and be emptied.
    let mut moved: Vec<(PathBuf, PathBuf)> = Vec::new();
    for ending in ["-wal", "-shm", "-journal", ""] {
        let from = beside(&target, ending);
        let to = folder.join(from.file_name().unwrap_or_default());
        match fs::rename(&from, &to) {
            Ok(()) => moved.push((from, to)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => {
                for (from, to) in moved.iter().rev() {
                    _ = fs::rename(to, from);
                }
                return Err(by_cause(FileError::Io { doing: "move", path: from, source }));
            }
        }
    }
    if target != path {
        // The link that led there would lead nowhere.
        _ = fs::remove_file(path);
    }
    Ok(Some(folder))
}
