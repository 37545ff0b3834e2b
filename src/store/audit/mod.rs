//! `audit.jsonl`: who did what, when, and what came of it. One JSON object a line, only ever appended to, and each tied
//! to the one before it by a hash.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod anchor;
mod chain;
mod shared;

use self::anchor::Anchor;
pub use self::shared::Tag;
use super::error::of_io;
use super::{StoreError, host_name};
use crate::domain::activity::{Activity, BreakReason, Chain, ChainBreak, Cut, Record};
use crate::domain::untrusted::escape_json;
use crate::settings::private_file;

/// How much is read at a time, from the end.
const BLOCK: u64 = 64 << 10;

/// The audit trail of one person.
#[derive(Clone, Debug)]
pub struct Audit {
    path: PathBuf,
    anchor: Option<PathBuf>,
    host: Option<Arc<Host>>,
    /// Says to the person what went wrong beside the work.
    tell: Option<fn(&str)>,
}

/// Whose trail it is.
#[derive(Debug)]
struct Host {
    /// What it is called in its lines.
    name: String,
    /// What tells it from its clone.
    installation: String,
}

impl Audit {
    /// The trail in this file, without an anchor. Nothing is read or made yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), anchor: None, host: None, tell: None }
    }

    /// The same trail, with an anchor in this file: lines that are cut off at its end show.
    #[must_use]
    pub fn anchored(self, anchor: impl Into<PathBuf>) -> Self {
        Self { anchor: Some(anchor.into()), ..self }
    }

    /// The same trail on a host that is called so, whatever its system calls it, and what tells it from its clone.
    #[must_use]
    pub fn on_host(self, host: String, installation: String) -> Self {
        Self { host: Some(Arc::new(Host { name: host, installation })), ..self }
    }

    /// The same trail, with a way to say that its anchor could not be written.
    #[must_use]
    pub fn telling(self, tell: Option<fn(&str)>) -> Self {
        Self { tell, ..self }
    }

    /// What this host is called in its lines.
    fn host_name(&self) -> String {
        self.host.as_ref().map_or_else(host_name, |host| host.name.clone())
    }

    /// Where the trail is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a line could be added now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the file cannot be opened for writing, or another program keeps its lock.
    pub fn require_writable(&self) -> Result<(), StoreError> {
        self.locked().map(drop)
    }

    // The lock ends with the file.
    fn locked(&self) -> Result<File, StoreError> {
        let file = private_file::open_private(&self.path, true)?;
        private_file::lock(&file, &self.path)?;
        Ok(file)
    }

    /// Adds one line, with whatever has the shape of a token masked. When this returns, it is on the disk. Lines of
    /// several programs do not mix; a line that a killed program left unfinished is ended first, and the new one says so.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the file cannot be written.
    pub fn append(&self, activity: &Activity) -> Result<(), StoreError> {
        let fail = |error: io::Error| of_io(error, "write", &self.path);
        // Looking at the last byte and writing belong together.
        let mut file = self.locked()?;
        let length = file.metadata().map_err(fail)?.len();
        let before = chain::tail(&file, length).map_err(fail)?;
        let (lines, cut) = self.lines_before(&file, length, &before)?;
        let mut line = Vec::new();
        if before.is_unfinished {
            line.push(b'\n');
        }
        let record = Record {
            activity: activity.clone().masked(),
            host: Some(self.host_name()),
            uid: Some(rustix::process::getuid().as_raw()),
            pid: Some(std::process::id()),
            torn: before.is_torn,
            line: lines.map(|lines| lines + 1),
            cut,
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
        file.sync_data().map_err(fail)?;
        if let Some((anchor, lines)) = self.anchor.as_deref().zip(lines) {
            let bytes = length + line.len() as u64;
            let hash = chain::tail(&file, bytes).map_err(fail)?.hash;
            self.keep(anchor, &Anchor { lines: lines + 1, bytes, hash });
        }
        Ok(())
    }

    /// How many lines there are before the next one, and whether some that were there are not any more. Where there is no
    /// anchor, the trail as it is gets one before its next line: from then on a missing anchor shows.
    fn lines_before(
        &self,
        file: &File,
        length: u64,
        end: &chain::Tail,
    ) -> Result<(Option<u64>, Option<Cut>), StoreError> {
        let fail = |error: io::Error| of_io(error, "read", &self.path);
        let Some(path) = &self.anchor else { return Ok((None, None)) };
        let ended = u64::from(end.is_unfinished);
        let known = Anchor::read(path).unwrap_or_else(|error| {
            tracing::warn!(%error, "the anchor of the audit trail cannot be read");
            None
        });
        match known {
            Some(anchor) if anchor.fits(file, length).map_err(fail)? => {
                let since = chain::count_lines(file, anchor.bytes, length).map_err(fail)?;
                Ok((Some(anchor.lines + since + ended), None))
            }
            known => {
                let lines = chain::count_lines(file, 0, length).map_err(fail)? + ended;
                let cut = match known {
                    Some(anchor) => Some(Cut { lines: Some(anchor.lines) }),
                    None => end.is_anchored.then_some(Cut { lines: None }),
                };
                // A line that names its number says that there is an anchor.
                let is_kept = self.keep(path, &Anchor { lines, bytes: length, hash: end.hash.clone() });
                Ok((is_kept.then_some(lines), cut))
            }
        }
    }

    /// Writes the anchor. It is a second proof: the line is on the disk without it, and what the line is about goes on.
    fn keep(&self, path: &Path, anchor: &Anchor) -> bool {
        let written = anchor.write(path);
        if let Err(error) = &written {
            tracing::warn!(%error, "the anchor of the audit trail cannot be written: a cut end would go unnoticed");
            if let Some(tell) = self.tell {
                tell(&format!("The anchor of the audit trail was not written: {error}; {}", error.hint()));
            }
        }
        written.is_ok()
    }

    /// The file and how long it is while `meanwhile` runs, during which nobody writes a line. It only ever grows: so many
    /// bytes can be read of it later, too. None where there is no trail.
    ///
    /// # Errors
    ///
    /// What `meanwhile` answers, or [`StoreError`] where the file cannot be read.
    pub fn held<R, E: From<StoreError>>(
        &self,
        meanwhile: impl FnOnce() -> Result<R, E>,
    ) -> Result<(Option<(File, u64)>, R), E> {
        if private_file::resolve(&self.path).map_err(StoreError::from)?.is_none() {
            return Ok((None, meanwhile()?));
        }
        let file = self.locked()?;
        let length = file.metadata().map_err(|error| of_io(error, "read", &self.path))?.len();
        let answer = meanwhile();
        private_file::unlock(&file);
        Ok((Some((file, length)), answer?))
    }

    /// Whether the lines still follow each other, and whether `expected`, a hash that was noted earlier, is among
    /// theirs.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the file is there but cannot be read.
    pub fn verify(&self, expected: Option<&str>) -> Result<Chain, StoreError> {
        let fail = |error: io::Error| of_io(error, "read", &self.path);
        // First: a line that comes meanwhile is only ahead of it.
        let known = self.anchor.as_deref().map(Anchor::read).transpose()?.flatten();
        let Some(target) = private_file::resolve(&self.path)? else {
            let mut chain = chain::verify(io::empty(), expected).map_err(fail)?;
            if let Some(anchor) = known.filter(|anchor| anchor.lines > 0) {
                cut_off(&mut chain, anchor.lines);
            }
            return Ok(chain);
        };
        let file = File::open(target).map_err(fail)?;
        let mut chain = chain::verify(io::BufReader::new(&file), expected).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        match known {
            Some(anchor) if anchor.fits(&file, length).map_err(fail)? => chain.anchored = Some(anchor.lines),
            Some(anchor) => cut_off(&mut chain, anchor.lines),
            None if chain.ends_anchored && self.has_no_anchor()? => {
                chain.breaks.push(ChainBreak { line: chain.lines, why: BreakReason::NoAnchor });
                chain.whole = false;
            }
            None => {}
        }
        Ok(chain)
    }

    /// Looked at again where a line names one: the first line may have come between the two looks.
    fn has_no_anchor(&self) -> Result<bool, StoreError> {
        Ok(self.anchor.as_deref().map(Anchor::read).transpose()?.is_some_and(|anchor| anchor.is_none()))
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

/// The end of the trail is not what it was.
fn cut_off(chain: &mut Chain, had: u64) {
    chain.breaks.push(ChainBreak { line: chain.lines + 1, why: BreakReason::NoEnd { lines: had } });
    chain.whole = false;
}

#[cfg(test)]
mod tests;
