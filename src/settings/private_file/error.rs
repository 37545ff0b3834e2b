//! Why a file cannot be used, with the next step.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
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

/// The home of the account that the packaged service runs as.
pub const SERVICE_HOME: &str = "/var/lib/pia-halo";

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
            Self::NotOurs { path } => not_ours(path, fs::symlink_metadata(path).ok().map(|there| there.uid())),
            // All accounts of the machine need a device as it is.
            Self::OthersWrite { path, .. }
                if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) =>
            {
                format!("{} is no regular file: name another one", path.display())
            }
            Self::OthersWrite { path, .. } => format!("run: chmod go-w {}", quoted(path)),
            Self::OthersRead { path, .. } => format!("run: chmod 600 {}", quoted(path)),
            Self::TooLarge { path } => format!("check {}, and move it away if it is a mistake", path.display()),
            Self::Locked { .. } => "try again when the other program has stopped".to_owned(),
            Self::NoLocks { .. } => {
                "put the folder on a local disk, with XDG_CONFIG_HOME, XDG_DATA_HOME and XDG_STATE_HOME".to_owned()
            }
            Self::Io { doing, path, source } => match source.kind() {
                io::ErrorKind::FileTooLarge => RAISE_LIMIT.to_owned(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room on the disk and try again; what was saved before is untouched".to_owned()
                }
                io::ErrorKind::ReadOnlyFilesystem => "nothing can be saved on a read-only file system".to_owned(),
                io::ErrorKind::PermissionDenied => denied(doing, path, Path::new(SERVICE_HOME)),
                _ if source.raw_os_error() == Some(Errno::IO.raw_os_error()) => {
                    format!("the disk of {} has errors: check the system log (dmesg)", path.display())
                }
                _ => format!("check {}", path.display()),
            },
        }
    }
}

/// Where to look: at a file that is there to be read; otherwise at the folder, which alone decides what is made in it.
fn denied(doing: &str, path: &Path, service_home: &Path) -> String {
    let makes = matches!(doing, "write" | "save" | "move" | "remove");
    let absolute = std::path::absolute(path);
    let path = absolute.as_deref().unwrap_or(path);
    let is_there = |at: &&Path| fs::symlink_metadata(at).is_ok();
    let there = path.ancestors().skip(usize::from(makes)).find(is_there).unwrap_or(Path::new("/"));
    let what = if there == path { "its owner and mode" } else { "the owner and mode of the folder" };
    let account = rustix::process::geteuid().as_raw();
    let own = match fs::metadata(service_home) {
        Ok(home) if home.uid() == account && !path.starts_with(service_home) => {
            format!("keep it in {}, the folder of the service's account, or ", quoted(service_home))
        }
        _ => String::new(),
    };
    format!("{own}check {what}: ls -ld {}", quoted(there))
}

/// What root has left behind, as by a `sudo` too many, may be taken over; what another person owns is theirs.
fn not_ours(path: &Path, owner: Option<u32>) -> String {
    match owner {
        Some(0) => format!("run pia-halo as its owner, or take it over: sudo chown \"$USER\" {}", quoted(path)),
        _ => "run pia-halo as its owner, or copy the file to a folder of your own".to_owned(),
    }
}

/// The operating system's words without the number behind them.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_of_another_person_is_not_to_be_taken_over() {
        assert!(not_ours(Path::new("/root/x"), Some(0)).ends_with("sudo chown \"$USER\" /root/x"));
        for other in [Some(1000), None] {
            assert!(!not_ours(Path::new("/home/dana"), other).contains("chown"));
        }
    }

    /// Every account writes into a device: closing it would break the machine.
    #[test]
    fn nobody_is_told_to_close_device() {
        let hint = FileError::OthersWrite { path: "/dev/null".into(), mode: 0o666 }.hint();
        assert_eq!(hint, "/dev/null is no regular file: name another one");
        let folder = tempfile::tempdir().unwrap();
        let hint = FileError::OthersWrite { path: folder.path().to_owned(), mode: 0o777 }.hint();
        assert!(hint.starts_with("run: chmod go-w "), "{hint}");
    }

    /// What is not there nobody can look at; and what a folder forbids is no matter of the file.
    #[test]
    fn denied_file_leads_to_what_is_there() {
        let root = tempfile::tempdir().unwrap();
        let (home, elsewhere) = (root.path().join("service"), root.path().join("none"));
        let (there, missing) = (root.path().join("october.html"), root.path().join("a/b/october.html"));
        fs::create_dir(&home).unwrap();
        fs::write(&there, "").unwrap();
        let look = |what: &str, at: &Path| format!("check {what}: ls -ld {}", at.display());
        let folder = look("the owner and mode of the folder", root.path());
        assert_eq!(denied("read", &there, &elsewhere), look("its owner and mode", &there));
        assert_eq!(denied("write", &there, &elsewhere), folder);
        assert_eq!(denied("write", &missing, &elsewhere), folder);
        assert_eq!(denied("read", &missing, &elsewhere), folder);
        let own = format!("keep it in {}, the folder of the service's account, or {folder}", home.display());
        assert_eq!(denied("write", &there, &home), own);
        assert!(!denied("write", &home.join("october.html"), &home).contains("keep it in"));
        assert!(denied("write", Path::new("october.html"), &elsewhere).contains("ls -ld /"), "its folder by its name");
    }
}
