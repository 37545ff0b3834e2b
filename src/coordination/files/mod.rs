//! Locks between the programs of this machine: files, whose locks the kernel holds.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::{Holder, LockError};
use crate::domain::activity::Actor;
use crate::settings::private_file::{self, FileError};
use crate::store::host_name;

/// A note is a line. Whatever is longer is not ours.
const LONGEST_NOTE: u64 = 4 << 10;

/// A lock that is held until it is dropped, or until the program ends in whatever way.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    holder: Holder,
}

impl Lock {
    /// Takes the lock in this file, or says at once who holds it. Never waits, and never takes a lock away.
    ///
    /// # Errors
    ///
    /// [`LockError::Held`] where another program, or another part of this one, has it; [`LockError::File`] where the file
    /// cannot be used or its file system has no locks.
    pub fn take(path: &Path, what: &str, who: &Actor, now: Timestamp) -> Result<Self, LockError> {
        let mut file = private_file::open_private(path, false)?;
        lock_or_holder(&mut file, path)?;
        let mut lock = Self { file, path: path.to_owned(), holder: Holder::this(what, who, &host_name(), now) };
        lock.sign()?;
        Ok(lock)
    }

    /// Adds to the note where its holder listens.
    ///
    /// # Errors
    ///
    /// Where the note cannot be written.
    pub fn listens(&mut self, address: SocketAddr) -> Result<(), LockError> {
        self.holder.listens = Some(address);
        self.sign()
    }

    fn sign(&mut self) -> Result<(), LockError> {
        let written = write_note(&mut self.file, &self.holder);
        Ok(written.map_err(|source| FileError::Io { doing: "write", path: self.path.clone(), source })?)
    }

    /// Who holds the lock in this file now; nothing is made, and nobody is kept out for longer than the look takes.
    pub fn holder(path: &Path) -> Option<Holder> {
        let mut file = private_file::open(path).ok()?;
        let is_held = !private_file::try_lock_shared(&file, path).ok()?;
        private_file::unlock(&file);
        if is_held { read_note(&mut file) } else { None }
    }

    /// Whether it can be seen that nobody holds it.
    pub fn is_free(path: &Path) -> bool {
        let Ok(file) = private_file::open(path) else { return false };
        let is_free = private_file::try_lock_shared(&file, path).unwrap_or(false);
        if is_free {
            private_file::unlock(&file);
        }
        is_free
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The note of a holder that is gone would only mislead. If it stays, the kernel still knows better.
        let _ = self.file.set_len(0);
        private_file::unlock(&self.file);
    }
}

fn write_note(file: &mut File, holder: &Holder) -> std::io::Result<()> {
    let mut note = serde_json::to_vec(holder)?;
    note.push(b'\n');
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&note)
}

/// Takes the lock, or says who holds it. A lock without a note is tried again for a moment: its holder has just come and
/// not signed yet, or only looks who holds it, and is gone at once.
fn lock_or_holder(file: &mut File, path: &Path) -> Result<(), LockError> {
    for _ in 0..20 {
        if private_file::try_lock(file, path)? {
            return Ok(());
        }
        if let Some(holder) = read_note(file) {
            // It may be of one that was killed.
            return Err(foreign(file, path, Some(holder.pid)).unwrap_or(LockError::Held(Some(Box::new(holder)))));
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    Err(foreign(file, path, None).unwrap_or(LockError::Held(None)))
}

/// The program that holds the lock, where that is neither the one that has signed nor another one of ours.
fn foreign(file: &File, path: &Path, signed: Option<u32>) -> Option<LockError> {
    let (pid, program) = private_file::lock_holder(file).filter(|(pid, _)| Some(*pid) != signed)?;
    let is_ours = private_file::program_of("self").is_none_or(|own| own == program);
    (!is_ours).then(|| LockError::Foreign { program, pid, path: path.to_owned() })
}

fn read_note(file: &mut File) -> Option<Holder> {
    let mut note = Vec::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(LONGEST_NOTE).read_to_end(&mut note).ok()?;
    serde_json::from_slice(&note).ok()
}

#[cfg(test)]
mod tests;
