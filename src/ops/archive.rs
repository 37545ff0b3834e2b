//! One file with several in it, for its owner alone: the same content gives the same bytes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

use crate::domain::failure::{Failure, FailureKind};
use crate::settings::private_file::FileError;
use crate::store::StoreError;

/// A packed archive that is being written.
pub(super) struct Archive<W: Write> {
    tar: tar::Builder<GzEncoder<W>>,
    at: u64,
}

impl<W: Write> Archive<W> {
    /// Begins one; each file in it has this time.
    pub(super) fn new(to: W, at: Timestamp) -> Self {
        let at = at.as_second().try_into().unwrap_or_default();
        Self { tar: tar::Builder::new(GzEncoder::new(to, Compression::default())), at }
    }

    /// Adds a file of exactly so many bytes.
    pub(super) fn add(&mut self, name: &str, size: u64, content: impl Read) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(self.at);
        self.tar.append_data(&mut header, name, content)
    }

    pub(super) fn finish(self) -> io::Result<W> {
        self.tar.into_inner()?.finish()
    }
}

/// Writes a file whole or not at all, whatever was there before; only its owner can read it. The folder is the person's:
/// it stays as it is.
pub(super) fn to_file<R>(path: &Path, fill: impl FnOnce(&File) -> Result<R, Failure>) -> Result<R, Failure> {
    let fail = |source: io::Error| cannot("write", path, source);
    let fresh = beside(path)?;
    let answer = fill(fresh.as_file())?;
    fresh.as_file().sync_all().map_err(fail)?;
    fresh.persist(path).map_err(|error| fail(error.error))?;
    // Some file systems cannot sync a folder: the file is there all the same.
    _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    Ok(answer)
}

/// Refuses a file that [`to_file`] would not write in the end, before all the work for it.
pub(super) fn require_writable(path: &Path) -> Result<(), Failure> {
    beside(path).map(drop)
}

/// An empty file that takes the place of `path`.
fn beside(path: &Path) -> Result<NamedTempFile, Failure> {
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(Failure::new(FailureKind::Usage, format!("{} is not a file", path.display())));
    }
    let fresh = tempfile::Builder::new().prefix(".pia-halo-").tempfile_in(folder_of(path));
    fresh.map_err(|source| cannot("write", path, source))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The failure of work with a file.
pub(super) fn cannot(doing: &'static str, path: &Path, source: io::Error) -> Failure {
    StoreError::from(FileError::Io { doing, path: path.to_owned(), source }).into()
}

/// The failure of work that the person has stopped.
pub(super) fn stopped() -> Failure {
    Failure::new(FailureKind::Interrupted, "interrupted; nothing was changed")
}

/// A source that ends with an error where the person stops the work.
pub(super) struct Stoppable<'a, R> {
    pub(super) from: R,
    pub(super) cancel: &'a CancellationToken,
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("interrupted"));
        }
        self.from.read(buffer)
    }
}
