//! Why a file cannot be used, with the next step.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use thiserror::Error;

use super::quoted;

/// Why a file cannot be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// The name belongs to something that is no file.
    #[error("{} is {what}, not a file", path.display())]
    NotAFile { path: PathBuf, what: &'static str },
    /// A file where a folder belongs.
    #[error("{} is a file where a folder belongs", path.display())]
    NotAFolder { path: PathBuf },
    /// The file, the folder or the link belongs to another user.
    #[error("{} belongs to another user", path.display())]
    NotOurs { path: PathBuf },
    /// Others can write there, so what it says may not be the owner's word.
    #[error("{} can be changed by others (mode {mode:04o}), so it is not trusted", path.display())]
    OthersWrite {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file with secrets that others can read.
    #[error("{} holds secrets and others can read it (mode {mode:04o})", path.display())]
    OthersRead {
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A link whose target is gone.
    #[error("{} is a link that leads nowhere", path.display())]
    DanglingLink { path: PathBuf },
    /// Larger than any file of ours.
    #[error("{} is too large to be a file of pia-halo", path.display())]
    TooLarge { path: PathBuf },
    /// Another program has been saving the same file for longer than a save takes.
    #[error("{} is using {}", .holder.as_deref().unwrap_or("another program"), path.display())]
    Locked {
        path: PathBuf,
        /// Who holds its lock, where the system tells.
        holder: Option<String>,
    },
    /// The file system has no locks, so two programs could spoil each other's files.
    #[error("the file system of {} has no file locks", path.display())]
    NoLocks { path: PathBuf },
    /// Anything else that the operating system says.
    #[error("cannot {doing} {}: {}", path.display(), plain(source))]
    Io {
        doing: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// What to do where a file may not grow.
pub const RAISE_LIMIT: &str = "files may not grow beyond a limit here: raise it with ulimit -f unlimited, or LimitFSIZE of the service; what was saved \
     before is untouched";

impl FileError {
    /// The file or folder in question.
    pub fn path(&self) -> &Path {
        match self {
            Self::NotAFile { path, .. }
            | Self::NotAFolder { path }
            | Self::NotOurs { path }
            | Self::OthersWrite { path, .. }
            | Self::OthersRead { path, .. }
            | Self::DanglingLink { path }
            | Self::TooLarge { path }
            | Self::Locked { path, .. }
            | Self::NoLocks { path }
            | Self::Io { path, .. } => path,
        }
    }

    /// The next step for the person.
    pub fn hint(&self) -> String {
        match self {
            // Of a link, the link: what it leads to may be anything, a folder of the system too.
            Self::NotAFile { path, .. } | Self::NotAFolder { path } | Self::DanglingLink { path } => {
                format!("move it away: mv {0} {0}.old", quoted(path))
            }
            Self::NotOurs { path } => {
                format!("run pia-halo as its owner, or take it over: sudo chown \"$USER\" {}", quoted(path))
            }
            Self::OthersWrite { path, .. } => format!("run: chmod go-w {}", quoted(path)),
            Self::OthersRead { path, .. } => format!("run: chmod 600 {}", quoted(path)),
            Self::TooLarge { path } => format!("check {}, and move it away if it is a mistake", path.display()),
            Self::Locked { .. } => "try again when the other program has stopped".to_owned(),
            Self::NoLocks { .. } => {
                "put the folder on a local disk, with XDG_CONFIG_HOME, XDG_DATA_HOME and XDG_STATE_HOME".to_owned()
            }
            Self::Io { path, source, .. } => match source.kind() {
                io::ErrorKind::FileTooLarge => RAISE_LIMIT.to_owned(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room on the disk and try again; what was saved before is untouched".to_owned()
                }
                io::ErrorKind::ReadOnlyFilesystem => "nothing can be saved on a read-only file system".to_owned(),
                io::ErrorKind::PermissionDenied => {
                    format!("check its owner and mode: ls -ld {}", quoted(path))
                }
                _ if source.raw_os_error() == Some(Errno::IO.raw_os_error()) => {
                    format!("the disk of {} has errors: check the system log (dmesg)", path.display())
                }
                _ => format!("check {}", path.display()),
            },
        }
    }
}

/// The operating system's words without the number behind them.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
