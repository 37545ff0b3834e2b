//! A database set aside whole: with the log beside it, in which the newest events are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::StoreError;
use super::schema::{beside, by_cause};
use crate::settings::private_file::{self, Exclusive, FileError};

// What a database leaves beside it, and the database last: a log without it could be taken for the log of the next one, and be
// emptied.
const FILES: [&str; 4] = ["-wal", "-shm", "-journal", ""];

/// What is where a store would be: its file, or a log that a lost one has left and SQLite would play into the next.
pub fn in_place(path: &Path) -> Option<PathBuf> {
    let is_there = |file: &PathBuf| file.symlink_metadata().is_ok_and(|file| file.len() > 0);
    // The index of a log holds nothing.
    FILES.into_iter().rev().filter(|ending| *ending != "-shm").map(|ending| beside(path, ending)).find(is_there)
}

/// The folder for what is set aside at a moment, beside the store.
pub fn aside_name(at: Timestamp) -> String {
    format!("set-aside-{}", at.strftime("%Y%m%dT%H%M%SZ"))
}

/// Moves the database and the files beside it into a folder of their own, and answers with the folder; none where there is
/// nothing. What is in it stays readable there. A log that a lost database has left goes too: SQLite would play it into
/// whichever database comes next.
///
/// The caller makes sure that no program works with it. Whoever is about to open it waits.
///
/// # Errors
///
/// [`StoreError`] where a file cannot be moved; what was moved before is put back.
pub fn set_aside(path: &Path, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
    let _turn = Exclusive::take(path).map_err(by_cause)?;
    let target = private_file::resolve(path).map_err(by_cause)?.unwrap_or_else(|| path.to_owned());
    let folder = target.with_file_name(aside_name(now));
    let files = FILES.map(|ending| beside(&target, ending));
    if files.iter().all(|file| file.symlink_metadata().is_err()) {
        return Ok(None);
    }
    private_file::ensure_folder(&folder).map_err(by_cause)?;
    let mut moved: Vec<(PathBuf, PathBuf)> = Vec::new();
    for from in files {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_of_lost_database_is_set_aside_too() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("pia-halo.db");
        assert_eq!(set_aside(&path, Timestamp::UNIX_EPOCH).unwrap(), None);
        for ending in ["-wal", "-shm", "-journal"] {
            fs::write(beside(&path, ending), "of the one before").unwrap();
        }
        let folder = set_aside(&path, Timestamp::UNIX_EPOCH).unwrap().unwrap();
        for ending in ["-wal", "-shm", "-journal"] {
            assert!(!beside(&path, ending).exists(), "{ending}");
            assert!(beside(&folder.join("pia-halo.db"), ending).exists(), "{ending}");
        }
    }
}
