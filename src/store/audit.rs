//! `audit.jsonl`: who did what, when, and what came of it. One JSON object a line, only ever appended to, and each tied
//! to the one before it by a hash.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

mod chain;

use super::StoreError;
use super::error::of_io;
use crate::domain::activity::{Activity, Chain, Record};
use crate::domain::untrusted::escape_json;
use crate::settings::private_file;

/// How much is read at a time, from the end.
const BLOCK: u64 = 64 << 10;

/// The audit trail of one person.
#[derive(Clone, Debug)]
pub struct Audit {
    path: PathBuf,
}

impl Audit {
    /// The trail in this file. Nothing is read or made yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where the trail is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds one line, with whatever has the shape of a token masked. When this returns, it is on the disk. Lines of
    /// several programs do not mix; a line that a killed program left unfinished is ended first, and the new one says so.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the file cannot be written.
    pub fn append(&self, activity: &Activity) -> Result<(), StoreError> {
        let fail = |error: io::Error| of_io(error, "write", &self.path);
        let mut file = private_file::open_private(&self.path, true)?;
        // Looking at the last byte and writing belong together. The lock ends with the file.
        private_file::lock(&file, &self.path)?;
        let length = file.metadata().map_err(fail)?.len();
        let before = chain::tail(&file, length).map_err(fail)?;
        let mut line = Vec::new();
        if before.is_unfinished {
            line.push(b'\n');
        }
        let record = Record {
            activity: activity.clone().masked(),
            host: Some(rustix::system::uname().nodename().to_string_lossy().into_owned()),
            uid: Some(rustix::process::getuid().as_raw()),
            pid: Some(std::process::id()),
            torn: before.is_torn,
            prev: Some(before.hash),
        };
        // People look at this file with `cat` and `tail`.
        let text = serde_json::to_string(&record).map_err(|error| fail(error.into()))?;
        line.extend_from_slice(escape_json(&text).as_bytes());
        line.push(b'\n');
        if let Err(error) = file.write_all(&line) {
            // A full disk takes half a line: take it back, so that the trail stays whole lines.
            let _ = file.set_len(length);
            return Err(fail(error));
        }
        file.sync_data().map_err(fail)
    }

    /// Whether the lines still follow each other, and whether `expected`, a hash that was noted earlier, is among
    /// theirs.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the file is there but cannot be read.
    pub fn verify(&self, expected: Option<&str>) -> Result<Chain, StoreError> {
        let fail = |error: io::Error| of_io(error, "read", &self.path);
        match private_file::resolve(&self.path)? {
            None => chain::verify(io::empty(), expected).map_err(fail),
            Some(target) => {
                let file = File::open(target).map_err(fail)?;
                chain::verify(io::BufReader::new(file), expected).map_err(fail)
            }
        }
    }

    /// The last `count` lines, newest first. A missing file has none. What is not a whole line of ours is passed over.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the file is there but cannot be read.
    pub fn recent(&self, count: usize) -> Result<Vec<Activity>, StoreError> {
        Ok(self.records(count)?.into_iter().map(|record| record.activity).collect())
    }

    /// The same with what else a line holds: by which process on which machine.
    ///
    /// # Errors
    ///
    /// As [`Audit::recent`].
    pub fn records(&self, count: usize) -> Result<Vec<Record>, StoreError> {
        let fail = |error: io::Error| of_io(error, "read", &self.path);
        let Some(target) = private_file::resolve(&self.path)? else { return Ok(Vec::new()) };
        let mut file = File::open(target).map_err(fail)?;
        let mut start = file.seek(SeekFrom::End(0)).map_err(fail)?;
        let mut found = Vec::new();
        // The front of a line whose beginning is in the block before.
        let mut carried: Vec<u8> = Vec::new();
        while start > 0 && found.len() < count {
            let size = start.min(BLOCK);
            start -= size;
            file.seek(SeekFrom::Start(start)).map_err(fail)?;
            let mut block = Vec::with_capacity(size as usize + carried.len());
            Read::by_ref(&mut file).take(size).read_to_end(&mut block).map_err(fail)?;
            block.append(&mut carried);
            let whole = if start == 0 {
                0
            } else {
                block.iter().position(|byte| *byte == b'\n').map_or(block.len(), |at| at + 1)
            };
            let lines = block[whole..].split(|byte| *byte == b'\n').rev();
            found.extend(lines.filter_map(|line| serde_json::from_slice(line).ok()).take(count - found.len()));
            block.truncate(whole);
            carried = block;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
