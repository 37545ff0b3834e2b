//! What a person names to be read once: a file, a pipe of their shell, standard input. Read to a bound, and never for ever.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::private_file::open_at_once;

/// How long a pipe may give nothing before it is given up. A person's hand at standard input may take longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a wait looks whether the program is to end.
pub(super) const SLICE: Duration = Duration::from_millis(50);

static ENDING: AtomicBool = AtomicBool::new(false);

/// Ends every wait for somebody else's words, now and from now on: the program is to end.
pub fn end_waits() {
    ENDING.store(true, Ordering::Relaxed);
}

/// Whether such a wait is to end.
pub(super) fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}

/// Reads what a path names, `-` being standard input: at most `most` bytes and one more, which tells that there are more.
///
/// # Errors
///
/// What the operating system says; [`io::ErrorKind::FileTooLarge`] for a file with more; [`io::ErrorKind::TimedOut`]
/// where a pipe gives nothing; [`io::ErrorKind::Other`] where the program is to end.
pub fn read_named(path: &Path, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    if path == Path::new("-") {
        return read_open(rustix::stdio::stdin(), most, None);
    }
    let file = open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() > most as u64 {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    read_open(file, most, Some(PATIENCE))
}

/// What a path names, `-` being standard input, to be read in pieces: each is waited for as long as the whole is by
/// [`read_named`].
///
/// # Errors
///
/// What the operating system says.
pub fn open_named(path: &Path) -> io::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(Given { file: rustix::stdio::stdin(), patience: None }));
    }
    Ok(Box::new(Given { file: open(path)?, patience: Some(PATIENCE) }))
}

/// Whether a path names a file, which can be somebody else's to write or to read. Standard input and a pipe are not: what
/// comes through them is of whoever calls.
pub fn names_file(path: &Path) -> bool {
    path != Path::new("-") && std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

fn open(path: &Path) -> io::Result<File> {
    let file = open_at_once(OpenOptions::new().read(true), path, OFlags::empty())?;
    if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
}

/// Something open that may give nothing for a while.
struct Given<F> {
    file: F,
    patience: Option<Duration>,
}

impl<F: AsFd> Read for Given<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_piece(&self.file, buffer, self.patience.map(|patience| Instant::now() + patience))
    }
}

fn read_piece(file: impl AsFd, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
    let slice = Timespec { tv_sec: 0, tv_nsec: SLICE.as_nanos() as i64 };
    loop {
        if is_ending() {
            // Not as interrupted: whoever reads in pieces would only try again.
            return Err(io::Error::other("interrupted"));
        }
        match poll(&mut [PollFd::new(&file, PollFlags::IN)], Some(&slice)) {
            Ok(0) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match rustix::io::read(&file, &mut *buffer) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            read => return Ok(read?),
        }
    }
}

/// Room for all of it at once: a buffer that grows leaves copies of a secret behind.
fn read_open(file: impl AsFd, most: usize, patience: Option<Duration>) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; most + 1]);
    let mut length = 0;
    let deadline = patience.map(|patience| Instant::now() + patience);
    while length < bytes.len() {
        match read_piece(&file, &mut bytes[length..], deadline)? {
            0 => break,
            count => length += count,
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    #[test]
    fn endless_and_large_inputs_are_read_to_bound_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "twelve bytes").unwrap();
        assert_eq!(*read_named(&file, 12).unwrap(), b"twelve bytes");
        assert_eq!(read_named(&file, 11).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_named(Path::new("/dev/zero"), 100).unwrap().len(), 101);
        assert_eq!(read_named(folder.path(), 12).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn pipe_is_read_to_its_end_and_silent_one_given_up() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"from a shell").unwrap();
        let silent = read_open(&reader, 100, Some(Duration::from_millis(60))).unwrap_err();
        assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"from a shell").unwrap();
        drop(writer);
        assert_eq!(*read_open(&reader, 100, Some(PATIENCE)).unwrap(), b"from a shell");
    }

    #[test]
    fn pipe_without_writer_is_opened_and_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let pipe = open(&path).unwrap();
        let silent = read_open(&pipe, 100, Some(Duration::from_millis(60))).unwrap_err();
        assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
        let mut in_pieces = Given { file: pipe, patience: Some(Duration::from_millis(60)) };
        assert_eq!(in_pieces.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
