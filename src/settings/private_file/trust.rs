//! Whether a file says what its owner wrote. As ssh asks of its own: nobody else may change the file, nor put another one
//! in its place.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

use super::FileError;

/// So many links may lead on, as the kernel has it.
const LINKS: usize = 40;

/// A folder in which each may remove only what is theirs, such as `/tmp`.
const STICKY: u32 = 0o1000;

/// Refuses a file that somebody else could have written: it, and each folder above it up to `home`, has to belong to this
/// user or root, and nobody else may write there. Where `home` is not above it, every folder up to the root is asked. A
/// file that is not there yet is judged by its folders.
///
/// # Errors
///
/// [`FileError::NotOurs`] or [`FileError::OthersWrite`] with the file or folder in question; [`FileError::Io`].
pub fn require_trusted(path: &Path, home: Option<&Path>) -> Result<(), FileError> {
    let io = |source| FileError::Io { doing: "open", path: path.to_owned(), source };
    let real_home = home.and_then(|home| fs::canonicalize(home).ok());
    let mut named = std::path::absolute(path).map_err(io)?;
    // The name as it is written, and what each link on the way makes of it: any of them can be swapped.
    for _ in 0..LINKS {
        require_chain(&named, home)?;
        // What is above home is not asked, so neither are its links.
        let below = home.zip(real_home.as_deref());
        if let Some((real_home, rest)) = below.and_then(|(home, real)| Some((real, named.strip_prefix(home).ok()?))) {
            named = real_home.join(rest);
        }
        let start = real_home.as_deref().filter(|home| named.starts_with(home)).unwrap_or(Path::new("/"));
        let Some(next) = behind_link(&named, start)? else { return Ok(()) };
        named = next;
    }
    Err(io(Errno::LOOP.into()))
}

/// The path with its first link below `start` resolved by one step; none where there is no link. A link of another user's
/// can lead elsewhere tomorrow.
fn behind_link(path: &Path, start: &Path) -> Result<Option<PathBuf>, FileError> {
    let mut walked = start.to_owned();
    let mut rest = path.strip_prefix(start).unwrap_or(path).components();
    while let Some(step) = rest.next() {
        match step {
            Component::ParentDir => _ = walked.pop(),
            step => walked.push(step),
        }
        let Ok(metadata) = fs::symlink_metadata(&walked) else { return Ok(None) };
        if metadata.is_symlink() {
            if !is_ours(metadata.uid()) {
                return Err(FileError::NotOurs { path: walked });
            }
            let io = |source| FileError::Io { doing: "open", path: walked.clone(), source };
            let target = fs::read_link(&walked).map_err(io)?;
            let folder = walked.parent().unwrap_or(Path::new("/"));
            // An empty rest would make a folder of it.
            return Ok(Some(folder.join(target).components().chain(rest).collect()));
        }
    }
    Ok(None)
}

fn require_chain(path: &Path, home: Option<&Path>) -> Result<(), FileError> {
    let real_home = home.and_then(|home| fs::canonicalize(home).ok());
    let is_home = |folder: &Path| Some(folder) == home || Some(folder) == real_home.as_deref();
    for step in path.ancestors() {
        match fs::metadata(step) {
            Ok(metadata) => require_own(step, &metadata)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(FileError::Io { doing: "open", path: step.to_owned(), source }),
        }
        if is_home(step) {
            break;
        }
    }
    Ok(())
}

fn require_own(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    if !is_ours(metadata.uid()) {
        return Err(FileError::NotOurs { path: path.to_owned() });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 && !(metadata.is_dir() && mode & STICKY != 0) && !metadata.file_type().is_symlink() {
        return Err(FileError::OthersWrite { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Root can change everything anyway.
fn is_ours(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

/// Refuses a file with a secret that others could read, or could have written.
///
/// # Errors
///
/// [`FileError::OthersRead`], and as [`require_trusted`].
pub fn require_secret(path: &Path, home: Option<&Path>) -> Result<(), FileError> {
    // Its mode first: the command that closes it to readers closes it to writers.
    if let Ok(metadata) = fs::metadata(path)
        && metadata.is_file()
        && is_ours(metadata.uid())
    {
        // What root hands to a service through its group is not the service's to close.
        let given = metadata.uid() == 0 && !rustix::process::geteuid().is_root();
        let mode = metadata.mode() & 0o7777;
        if mode & if given { 0o027 } else { 0o077 } != 0 {
            return Err(FileError::OthersRead { path: path.to_owned(), mode });
        }
    }
    require_trusted(path, home)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    use super::*;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// A home with a file three folders down.
    fn tree() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        let file = home.join("a/b/file");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "x").unwrap();
        for path in file.ancestors().take(4) {
            chmod(path, 0o700);
        }
        (root, home, file)
    }

    #[test]
    fn file_or_folder_that_others_write_is_refused_up_to_home() {
        let (_root, home, file) = tree();
        require_trusted(&file, Some(&home)).unwrap();
        for step in file.ancestors().take(4) {
            for mode in [0o720, 0o702, 0o777, 0o666] {
                chmod(step, mode);
                let error = require_trusted(&file, Some(&home)).unwrap_err();
                assert!(matches!(&error, FileError::OthersWrite { path, .. } if path == step), "{error} at {mode:o}");
                assert_eq!(error.hint(), format!("run: chmod go-w {}", step.display()));
            }
            chmod(step, 0o755);
            require_trusted(&file, Some(&home)).unwrap();
        }
        // A missing file is judged by its folders.
        chmod(file.parent().unwrap(), 0o777);
        require_trusted(&file.with_file_name("missing"), Some(&home)).unwrap_err();
    }

    #[test]
    fn folders_above_home_are_not_asked_and_all_are_without_one() {
        let (root, home, file) = tree();
        chmod(root.path(), 0o777);
        require_trusted(&file, Some(&home)).unwrap();
        require_trusted(&file, Some(Path::new("/elsewhere"))).unwrap_err();
        require_trusted(&file, None).unwrap_err();
        // Where each may remove only what is theirs, as in /tmp, ours stays.
        chmod(root.path(), 0o1777);
        require_trusted(&file, None).unwrap();
    }

    #[test]
    fn link_is_judged_by_where_it_lies_and_where_it_leads() {
        let (root, home, file) = tree();
        let link = home.join("link");
        symlink(&file, &link).unwrap();
        require_trusted(&link, Some(&home)).unwrap();
        chmod(file.parent().unwrap(), 0o777);
        require_trusted(&link, Some(&home)).unwrap_err();
        chmod(file.parent().unwrap(), 0o700);
        let outside = root.path().join("outside");
        fs::write(&outside, "x").unwrap();
        chmod(&outside, 0o666);
        let link = home.join("a/link");
        symlink(&outside, &link).unwrap();
        require_trusted(&link, Some(&home)).unwrap_err();
    }

    #[test]
    fn every_link_of_chain_is_judged() {
        let (root, home, file) = tree();
        let [public, first, between] = ["public", "first", "public/between"].map(|name| root.path().join(name));
        fs::create_dir(&public).unwrap();
        chmod(&public, 0o755);
        symlink(&file, &between).unwrap();
        symlink("public/between", &first).unwrap();
        let link = home.join("link");
        symlink(&first, &link).unwrap();
        let each = [(&link, Some(home.as_path())), (&link, None), (&first, None)];
        for (name, home) in each {
            require_trusted(name, home).unwrap();
        }
        chmod(&public, 0o777);
        for (name, home) in each {
            let error = require_trusted(name, home).unwrap_err();
            assert!(matches!(&error, FileError::OthersWrite { path, .. } if *path == public), "{error}");
        }
        chmod(&public, 0o755);
        // A link to a folder on the way, and one that leads back to itself.
        symlink(file.parent().unwrap(), public.join("folder")).unwrap();
        symlink(public.join("folder"), home.join("way")).unwrap();
        require_trusted(&home.join("way/file"), Some(&home)).unwrap();
        chmod(&public, 0o777);
        require_trusted(&home.join("way/file"), Some(&home)).unwrap_err();
        symlink("round", home.join("round")).unwrap();
        require_trusted(&home.join("round"), Some(&home)).unwrap_err();
    }

    /// A home that is reached by a link: what is above it is not asked.
    #[test]
    fn home_behind_link_is_trusted_as_before() {
        let (root, home, file) = tree();
        let (named, real) = (root.path().join("named"), root.path().join("real"));
        fs::create_dir(&real).unwrap();
        fs::rename(&home, real.join("home")).unwrap();
        symlink("real/home", &named).unwrap();
        let file = named.join(file.strip_prefix(&home).unwrap());
        chmod(&real, 0o777);
        require_trusted(&file, Some(&named)).unwrap();
        chmod(file.parent().unwrap(), 0o777);
        require_trusted(&file, Some(&named)).unwrap_err();
    }

    #[test]
    fn file_of_another_user_is_refused() {
        let (_root, home, file) = tree();
        if !rustix::process::geteuid().is_root() {
            return; // Only root can give a file away.
        }
        std::os::unix::fs::chown(&file, Some(12_345), None).unwrap();
        let error = require_trusted(&file, Some(&home)).unwrap_err();
        assert!(matches!(error, FileError::NotOurs { .. }), "{error}");
        std::os::unix::fs::chown(&file, Some(0), None).unwrap();
        std::os::unix::fs::chown(file.parent().unwrap(), Some(12_345), None).unwrap();
        require_trusted(&file, Some(&home)).unwrap_err();
    }

    #[test]
    fn secret_file_that_others_read_is_refused() {
        let (_root, _, file) = tree();
        for mode in [0o644, 0o640, 0o604, 0o601] {
            chmod(&file, mode);
            let error = require_secret(&file, None).unwrap_err();
            assert_eq!(error.hint(), format!("run: chmod 600 {}", file.display()), "{error}");
        }
        for mode in [0o600, 0o400] {
            chmod(&file, mode);
            require_secret(&file, None).unwrap();
        }
    }
}
