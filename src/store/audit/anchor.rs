//! The anchor of the audit trail: how long it is and how it ends, kept in another folder. A trail that was cut, emptied or
//! removed does not fit it any more.
//!
//! It is written after each line: a program that is killed between the two leaves a trail that is ahead of it, which fits.

use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::chain;
use crate::settings::private_file::{self, FileError};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Anchor {
    /// Lines of the trail.
    pub(super) lines: u64,
    pub(super) bytes: u64,
    /// The hash that the next line carries.
    pub(super) hash: String,
}

impl Anchor {
    /// None where there is none, and where it cannot be read as one: it proves nothing then.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, FileError> {
        let contents = private_file::read(path)?;
        Ok(contents.and_then(|contents| serde_json::from_slice(&contents).ok()))
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), FileError> {
        let text = format!("{{\"lines\":{},\"bytes\":{},\"hash\":\"{}\"}}\n", self.lines, self.bytes, self.hash);
        private_file::replace(path, text.as_bytes())
    }

    /// Whether a trail of this length begins with all that there was when the anchor was written.
    pub(super) fn fits(&self, file: &File, length: u64) -> io::Result<bool> {
        Ok(length >= self.bytes && chain::tail(file, self.bytes)?.hash == self.hash)
    }
}
