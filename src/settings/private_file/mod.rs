//! Files that only their owner may read, and that are always whole.
//!
//! A file is never written in place: a new one is made beside it, filled, synced and renamed over it, so that a reader
//! sees all of the old file or all of the new one, whenever the program or the machine stops. Everything is made for
//! its owner alone, whatever the umask. A name that turns out to be a folder, a pipe, a device or somebody else's file
//! is refused before a byte is written; a link is followed to the person's own file and stays a link.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::domain::for_shell;
use crate::domain::untrusted::Untrusted;

mod error;
mod trust;

pub use error::{FileError, RAISE_LIMIT, SERVICE_HOME};
pub use trust::{require_secret, require_trusted};

/// No file of ours comes near this; a larger one is a mistake, and reading it could fill the memory.
const LARGEST: u64 = 4 << 20;

/// How long a save waits for another program's save, which takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often the lock is tried meanwhile.
const RETRY: Duration = Duration::from_millis(5);

/// A path as a shell takes it.
pub fn quoted(path: &Path) -> String {
    for_shell(&path.to_string_lossy())
}

/// Opens what a path names without waiting for whoever holds the other end of a pipe; no terminal becomes this program's own.
pub(super) fn open_at_once(options: &mut OpenOptions, path: &Path, flags: OFlags) -> io::Result<File> {
    options.custom_flags((flags | OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32).open(path)
}

/// Opens a file to read it. A pipe or a device is refused, not waited for.
///
/// # Errors
///
/// [`FileError::NotAFile`], or [`FileError::Io`] where there is no such file or it cannot be opened.
pub fn open(path: &Path) -> Result<File, FileError> {
    let io = |source| FileError::Io { doing: "read", path: path.to_owned(), source };
    let file = open_at_once(OpenOptions::new().read(true), path, OFlags::empty()).map_err(|error| {
        // A socket cannot be opened at all: say what it is rather than how that failed.
        let what = fs::metadata(path).ok().and_then(|metadata| require_file(path, &metadata).err());
        what.unwrap_or_else(|| io(error))
    })?;
    require_file(path, &file.metadata().map_err(io)?)?;
    Ok(file)
}

/// Reads a file, into bytes that are erased when dropped; none where there is none. A pipe or a device is refused, not waited
/// for.
///
/// # Errors
///
/// Any [`FileError`] but those of saving.
pub fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    let io = |source| FileError::Io { doing: "read", path: path.to_owned(), source };
    let file = match open(path) {
        Err(FileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return match fs::symlink_metadata(path) {
                Ok(_) => Err(FileError::DanglingLink { path: path.to_owned() }),
                Err(_) => Ok(None),
            };
        }
        opened => opened?,
    };
    let metadata = file.metadata().map_err(io)?;
    if metadata.len() > LARGEST {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    // Room for all of it at once: a buffer that grows leaves copies of a secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 64));
    file.take(LARGEST).read_to_end(&mut bytes).map_err(io)?;
    Ok(Some(bytes))
}

/// Makes a folder for its owner alone, with what is above it. One that is there already is closed to others, unless the
/// person has put a link in its place.
///
/// # Errors
///
/// [`FileError::NotAFolder`], [`FileError::NotOurs`] or [`FileError::Io`].
pub fn ensure_folder(folder: &Path) -> Result<(), FileError> {
    let io = |doing| move |source| FileError::Io { doing, path: folder.to_owned(), source };
    match fs::symlink_metadata(folder) {
        Ok(metadata) if metadata.is_symlink() => {
            let target = fs::metadata(folder).map_err(|_| FileError::DanglingLink { path: folder.to_owned() })?;
            if !target.is_dir() {
                return Err(FileError::NotAFolder { path: folder.to_owned() });
            }
            require_owner(folder, &target)
        }
        Ok(metadata) if metadata.is_dir() => {
            require_owner(folder, &metadata)?;
            if metadata.mode() & 0o077 != 0 {
                fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(io("close"))?;
            }
            Ok(())
        }
        Ok(_) => Err(FileError::NotAFolder { path: folder.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let there = folder.ancestors().find(|above| above.exists());
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io("create"))?;
            fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(io("close"))?;
            // A folder whose name a power cut takes is gone with all that is in it, however well that was synced. What is
            // above may be somebody else's and closed to us: then there is nothing to be done.
            for made in folder.ancestors().take_while(|above| Some(*above) != there) {
                let _ = sync_folder_of(made);
            }
            Ok(())
        }
        Err(error) => Err(io("open")(error)),
    }
}

/// Opens a file of ours for reading and writing, and makes it, empty and private, where there is none. A file that
/// others may read is closed to them. `append` makes every write go to the end.
///
/// # Errors
///
/// Any [`FileError`] but those of locks.
pub fn open_private(path: &Path, append: bool) -> Result<File, FileError> {
    let io = |doing| move |source| FileError::Io { doing, path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        ensure_folder(folder)?;
    }
    let there = resolve(path)?;
    let is_new = there.is_none();
    let target = there.unwrap_or_else(|| path.to_owned());
    let mut options = OpenOptions::new();
    options.read(true).write(true).append(append).create(true).truncate(false).mode(0o600);
    let file = open_at_once(&mut options, &target, OFlags::NOFOLLOW).map_err(io("open"))?;
    let metadata = file.metadata().map_err(io("open"))?;
    require_file(path, &metadata)?;
    require_owner(path, &metadata)?;
    if metadata.mode() & 0o7777 != 0o600 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(io("close"))?;
    }
    if is_new {
        // Whoever syncs the file relies on its name.
        sync_folder_of(&target).map_err(io("create"))?;
    }
    Ok(file)
}

/// Makes a file, empty and private, where there is none, and closes one that is there to others; answers what its name
/// stands for. A file that is there is not opened: closing it again would break the locks of a database in this process.
///
/// # Errors
///
/// Any [`FileError`] but those of locks.
pub fn ensure_private(path: &Path) -> Result<PathBuf, FileError> {
    let io = |doing| move |source| FileError::Io { doing, path: path.to_owned(), source };
    let Some(target) = resolve(path)? else {
        drop(open_private(path, false)?);
        return Ok(path.to_owned());
    };
    let metadata = fs::symlink_metadata(&target).map_err(io("open"))?;
    if metadata.mode() & 0o7777 != 0o600 {
        fs::set_permissions(&target, Permissions::from_mode(0o600)).map_err(io("close"))?;
    }
    Ok(target)
}

/// The file that a name stands for, with links followed; none where there is nothing yet.
///
/// # Errors
///
/// [`FileError::NotAFile`], [`FileError::NotOurs`], [`FileError::DanglingLink`] or [`FileError::Io`].
pub fn resolve(path: &Path) -> Result<Option<PathBuf>, FileError> {
    let io = |source| FileError::Io { doing: "open", path: path.to_owned(), source };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    require_owner(path, &metadata)?;
    if !metadata.is_symlink() {
        require_file(path, &metadata)?;
        return Ok(Some(path.to_owned()));
    }
    let target = fs::canonicalize(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FileError::DanglingLink { path: path.to_owned() },
        _ => io(error),
    })?;
    let metadata = fs::symlink_metadata(&target).map_err(io)?;
    // The link is what is wrong, and all that a person should touch: it may lead to a folder or a device of the system.
    let leads_to = |what| FileError::NotAFile { path: path.to_owned(), what };
    if let Some((_, linked)) = other_kind(&metadata) {
        return Err(leads_to(linked));
    }
    require_owner(&target, &metadata).map_err(|_| leads_to("a link to another user's file"))?;
    Ok(Some(target))
}

fn require_file(path: &Path, metadata: &fs::Metadata) -> Result<(), FileError> {
    other_kind(metadata).map_or(Ok(()), |(what, _)| Err(FileError::NotAFile { path: path.to_owned(), what }))
}

/// What something is that is not a file, and what a link to it is.
fn other_kind(metadata: &fs::Metadata) -> Option<(&'static str, &'static str)> {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    match () {
        () if kind.is_file() => None,
        () if kind.is_dir() => Some(("a folder", "a link to a folder")),
        () if kind.is_fifo() => Some(("a pipe", "a link to a pipe")),
        () if kind.is_socket() => Some(("a socket", "a link to a socket")),
        () => Some(("a device", "a link to a device")),
    }
}

fn require_owner(path: &Path, metadata: &fs::Metadata) -> Result<(), FileError> {
    if metadata.uid() == rustix::process::geteuid().as_raw() {
        Ok(())
    } else {
        Err(FileError::NotOurs { path: path.to_owned() })
    }
}

/// Takes the lock of an open file without waiting; `false` where another holds it.
///
/// # Errors
///
/// [`FileError::NoLocks`] where the file system has none, otherwise [`FileError::Io`].
pub fn try_lock(file: &File, path: &Path) -> Result<bool, FileError> {
    try_lock_by(|| file.try_lock(), path)
}

/// Tries it again where a signal came in between.
fn try_lock_by(take: impl Fn() -> Result<(), TryLockError>, path: &Path) -> Result<bool, FileError> {
    loop {
        return match take() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(TryLockError::Error(error)) => Err(lock_error(error, path)),
        };
    }
}

/// Takes the lock of an open file, and waits up to 5 seconds for whoever holds it. `path` is what it protects.
///
/// # Errors
///
/// [`FileError::Locked`] after that time, with who holds it; as [`try_lock`].
pub fn lock(file: &File, path: &Path) -> Result<(), FileError> {
    lock_within(file, path, PATIENCE)
}

fn lock_within(file: &File, path: &Path, patience: Duration) -> Result<(), FileError> {
    let deadline = Instant::now() + patience;
    while !try_lock(file, path)? {
        if Instant::now() >= deadline {
            let holder = lock_holder(file).map(|(pid, program)| format!("{program} (process {pid})"));
            return Err(FileError::Locked { path: path.to_owned(), holder });
        }
        thread::sleep(RETRY);
    }
    Ok(())
}

/// Who holds the lock of a file, by the kernel's own list: the process and its program.
pub fn lock_holder(file: &File) -> Option<(u32, String)> {
    let metadata = file.metadata().ok()?;
    let (major, minor) = (rustix::fs::major(metadata.dev()), rustix::fs::minor(metadata.dev()));
    let place = format!("{major:02x}:{minor:02x}:{}", metadata.ino());
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let line = locks.lines().find(|line| line.split_whitespace().any(|field| field == place))?;
    let pid = line.split_whitespace().find_map(|field| field.parse::<u32>().ok().filter(|pid| *pid > 0))?;
    Some((pid, program_of(&pid.to_string())?))
}

/// The name of a process's program, and of this one as `self`.
pub fn program_of(process: &str) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    Some(Untrusted::new(name.trim()).display())
}

/// Whether the file system keeps the locks that a database takes; `false` where it has none.
fn has_record_locks(file: &File) -> bool {
    use rustix::io::Errno;
    let probe = rustix::fs::fcntl_lock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    !matches!(probe, Err(Errno::NOLCK | Errno::NOTSUP | Errno::NOSYS | Errno::INVAL))
}

/// Takes the lock of an open file together with others who only look; `false` where somebody holds it for himself.
///
/// # Errors
///
/// As [`try_lock`].
pub fn try_lock_shared(file: &File, path: &Path) -> Result<bool, FileError> {
    try_lock_by(|| file.try_lock_shared(), path)
}

/// Gives a lock back. Closing the file is not enough: a child that is being started has a copy of it for a moment, and the
/// lock would live until that one is closed too.
pub fn unlock(file: &File) {
    // Where this fails, closing the file ends the lock all the same.
    let _ = file.unlock();
}

fn lock_error(source: io::Error, path: &Path) -> FileError {
    use rustix::io::Errno;
    let without = [Errno::NOLCK, Errno::NOTSUP, Errno::NOSYS, Errno::INVAL].map(|errno| Some(errno.raw_os_error()));
    if without.contains(&source.raw_os_error()) {
        FileError::NoLocks { path: path.to_owned() }
    } else {
        FileError::Io { doing: "lock", path: path.to_owned(), source }
    }
}

/// Replaces a file by these bytes, under its lock.
///
/// # Errors
///
/// Any [`FileError`]; the file is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    Exclusive::take(path)?.replace(bytes)
}

/// The right to replace one file. While it is held no other program, and no other thread of this one, has it; it ends
/// with its holder, even with a killed one.
pub struct Exclusive {
    path: PathBuf,
    // Unlocked when dropped. Never deleted: a file that comes and goes cannot be a lock.
    lock: File,
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        unlock(&self.lock);
    }
}

impl Exclusive {
    /// Takes the right to replace `path`, whose folder is made where it is missing. Waits up to 5 seconds.
    ///
    /// # Errors
    ///
    /// [`FileError::Locked`] after that time; [`FileError::NoLocks`]; or what keeps the lock's file from being made.
    pub fn take(path: &Path) -> Result<Self, FileError> {
        Self::take_within(path, PATIENCE)
    }

    /// The same without a wait; none where another has it.
    ///
    /// # Errors
    ///
    /// As [`Exclusive::take`], but for [`FileError::Locked`].
    pub fn take_now(path: &Path) -> Result<Option<Self>, FileError> {
        match Self::take_within(path, Duration::ZERO) {
            Err(FileError::Locked { .. }) => Ok(None),
            taken => taken.map(Some),
        }
    }

    /// The file that may be replaced.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn take_within(path: &Path, patience: Duration) -> Result<Self, FileError> {
        let lock_path = beside(path, "lock");
        let lock = open_private(&lock_path, false)?;
        lock_within(&lock, path, patience)?;
        Ok(Self { path: path.to_owned(), lock })
    }

    /// Refuses a file system without the locks that a database needs: there it would seem to be in use for ever.
    ///
    /// # Errors
    ///
    /// [`FileError::NoLocks`].
    pub fn require_record_locks(&self) -> Result<(), FileError> {
        if has_record_locks(&self.lock) { Ok(()) } else { Err(FileError::NoLocks { path: self.path.clone() }) }
    }

    /// Replaces the file by these bytes.
    ///
    /// # Errors
    ///
    /// Any [`FileError`]; the file is then as it was.
    pub fn replace(&self, bytes: &[u8]) -> Result<(), FileError> {
        self.replace_by(|fresh| OpenOptions::new().write(true).truncate(true).open(fresh)?.write_all(bytes))
    }

    /// Replaces the file by what `fill` writes into the path it is given: an empty, private file beside it.
    ///
    /// # Errors
    ///
    /// Any [`FileError`]; the file is then as it was.
    pub fn replace_by(&self, fill: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), FileError> {
        let target = resolve(&self.path)?.unwrap_or_else(|| self.path.clone());
        self.tidy(&target);
        let fresh = fresh_name(&target)?;
        let outcome = swap(&fresh, &target, fill, &mut |_| Ok(()));
        if outcome.is_err() {
            // Nobody misses it; if even this fails, the next save tidies up.
            let _ = fs::remove_file(&fresh);
        }
        outcome.map_err(|source| FileError::Io { doing: "save", path: self.path.clone(), source })
    }

    /// Removes the file; nothing where there is none.
    ///
    /// # Errors
    ///
    /// Any [`FileError`]; the file is then as it was.
    pub fn remove(&self) -> Result<(), FileError> {
        if resolve(&self.path)?.is_none() {
            return Ok(());
        }
        let io = |source| FileError::Io { doing: "remove", path: self.path.clone(), source };
        fs::remove_file(&self.path).map_err(io)?;
        sync_folder_of(&self.path).map_err(io)
    }

    /// Removes what killed saves of this file left behind. Under the lock nobody is writing one.
    fn tidy(&self, target: &Path) {
        let (Some(folder), Some(name)) = (target.parent(), target.file_name()) else { return };
        let prefix = format!(".{}.", name.to_string_lossy());
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".tmp")).is_some_and(is_random_part) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Removes what killed saves of these files left behind, where that is possible without waiting or making anything.
pub fn tidy(paths: &[PathBuf]) {
    for path in paths {
        let Ok(Some(target)) = resolve(path) else { continue };
        let lock_path = beside(path, "lock");
        // Made by every save: without it there is nothing to tidy.
        if lock_path.exists()
            && let Ok(lock) = Exclusive::take_within(path, Duration::ZERO)
        {
            lock.tidy(&target);
        }
    }
}

/// The steps of a save, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    Fill,
    Sync,
    Rename,
    SyncFolder,
}

/// One save. `reached` is told of every step before it is taken: a test stops there, as a kill would.
fn swap(
    fresh: &Path,
    target: &Path,
    fill: impl FnOnce(&Path) -> io::Result<()>,
    reached: &mut impl FnMut(Step) -> io::Result<()>,
) -> io::Result<()> {
    reached(Step::Create)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(fresh)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    reached(Step::Fill)?;
    fill(fresh)?;
    reached(Step::Sync)?;
    file.sync_all()?;
    reached(Step::Rename)?;
    fs::rename(fresh, target)?;
    reached(Step::SyncFolder)?;
    sync_folder_of(target)
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => match File::open(folder)?.sync_all() {
            // Some file systems keep no folder apart from its disk, and say that there is nothing to sync.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => Ok(()),
            outcome => outcome,
        },
        None => Ok(()),
    }
}

/// `config.toml` and `lock` give `.config.toml.lock` in the same folder.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{ending}"))
}

/// Characters in the random part of a fresh file's name.
const RANDOM_PART: usize = 16;

fn fresh_name(target: &Path) -> Result<PathBuf, FileError> {
    let mut bytes = [0; RANDOM_PART * 3 / 4];
    getrandom::fill(&mut bytes).map_err(|error| FileError::Io {
        doing: "find a name beside",
        path: target.to_owned(),
        source: io::Error::other(error.to_string()),
    })?;
    Ok(beside(target, &format!("{}.tmp", URL_SAFE_NO_PAD.encode(bytes))))
}

fn is_random_part(text: &str) -> bool {
    text.len() == RANDOM_PART && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests;
