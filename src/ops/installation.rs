//! What tells this profile of this machine from every other one: as the owner in Halo, and at a store that several share.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::domain::failure::Failure;
use crate::domain::hex;
use crate::settings::private_file::{self, Exclusive, FileError};
use crate::settings::{Environment, Paths};
use crate::store::{Installation, StoreError, host_name};

/// A name for this machine that a person gives.
const HOST: &str = "PIA_HALO_HOST";

/// What tells a machine from all others for as long as its system is installed, whatever name it gets.
const MACHINE: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// What this machine is called.
pub(super) fn name(environment: &Environment) -> String {
    environment.text(HOST).map_or_else(host_name, str::to_owned)
}

/// This profile of this machine, as a store knows it that several machines share. What was copied from it is another one: whether
/// as files to another machine or folder, or as a whole machine that has got another name.
pub(super) fn here(paths: &Paths, environment: &Environment) -> Result<Installation, Failure> {
    let mark = mark(&paths.installation()).map_err(StoreError::from)?;
    // Not the name that the environment gives: a service may have another one than a shell.
    let system = host_name();
    let digest = Sha256::digest(format!("{mark}\n{}\n{system}", key(&system, paths)));
    let (group, held) = group(&paths.running()).map_err(StoreError::from)?;
    Ok(Installation::new(hex(&digest[..16]), name(environment)).running(group, held))
}

/// What the programs of this profile have in common that run now: whoever comes when none runs makes it up anew. The clone of a
/// machine, which is the same in everything else, has another one.
fn group(file: &Path) -> Result<(String, File), FileError> {
    let io = |doing| move |source| FileError::Io { doing, path: file.to_owned(), source };
    // One after the other.
    let _turn = Exclusive::take(file)?;
    let mut held = private_file::open_private(file, false)?;
    if private_file::try_lock(&held, file)? {
        let group = random(file)?;
        held.set_len(0).and_then(|()| held.write_all(group.as_bytes())).map_err(io("write"))?;
        private_file::unlock(&held);
    }
    if !private_file::try_lock_shared(&held, file)? {
        return Err(FileError::Locked { path: file.to_owned(), holder: None });
    }
    let mut group = String::new();
    held.seek(SeekFrom::Start(0)).and_then(|_| held.read_to_string(&mut group)).map_err(io("read"))?;
    Ok((group, held))
}

/// What was made up when it was first asked for.
fn mark(file: &Path) -> Result<String, FileError> {
    let read = || Ok::<_, FileError>(private_file::read(file)?.map(|mark| String::from_utf8_lossy(&mark).into_owned()));
    if let Some(mark) = read()? {
        return Ok(mark);
    }
    let exclusive = Exclusive::take(file)?;
    if let Some(mark) = read()? {
        return Ok(mark);
    }
    let mark = random(file)?;
    exclusive.replace(mark.as_bytes())?;
    Ok(mark)
}

fn random(file: &Path) -> Result<String, FileError> {
    let mut random = [0; 16];
    let none = |error| FileError::Io { doing: "make", path: file.to_owned(), source: io::Error::other(error) };
    getrandom::fill(&mut random).map_err(none)?;
    Ok(hex(&random))
}

/// The id of this machine. A container may have none: there, only the name tells two machines apart.
fn machine(files: &[&str], name: &str) -> String {
    let ids = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    let mut ids = ids.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
    ids.next().unwrap_or_else(|| name.to_owned())
}

/// What tells this profile from others. A copy of the settings on another machine, or in another folder, has another key.
pub(super) fn key(name: &str, paths: &Paths) -> String {
    key_of(&machine(&MACHINE, name), &paths.config_dir)
}

/// What tells the trail of this profile from that of its clone, which has another name.
pub(super) fn of_trail(paths: &Paths) -> String {
    let system = host_name();
    key_of(&format!("{}\n{system}", machine(&MACHINE, &system)), &paths.config_dir)
}

fn key_of(machine: &str, folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let digest = Sha256::digest(format!("{machine}\n{}", folder.display()));
    hex(&digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs that run at the same time are one; a copy of all files is not, even on a machine that looks the same.
    #[test]
    fn programs_that_run_now_have_in_common_what_clone_has_not() {
        let root = tempfile::tempdir().unwrap();
        let [own, clone] = ["own", "clone"].map(|name| root.path().join(name));
        let (first, held) = group(&own).unwrap();
        let (second, also) = group(&own).unwrap();
        assert_eq!(first, second);
        std::fs::copy(&own, &clone).unwrap();
        assert_ne!(group(&clone).unwrap().0, first);
        drop(held);
        assert_eq!(group(&own).unwrap().0, first, "one runs still");
        drop(also);
        assert_ne!(group(&own).unwrap().0, first);
    }

    #[test]
    fn copied_folder_is_another_machine_and_link_to_it_is_not() {
        let root = tempfile::tempdir().unwrap();
        let (folder, copy, link) = (root.path().join("a"), root.path().join("b"), root.path().join("link"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::create_dir(&copy).unwrap();
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        let here = key_of("machine", &folder);
        assert_eq!(here, key_of("machine", &link));
        assert_ne!(here, key_of("machine", &copy), "copied on this machine");
        assert_ne!(here, key_of("other", &folder), "copied to the same folder of another machine");
    }

    #[test]
    fn machine_without_id_is_told_by_its_name() {
        let root = tempfile::tempdir().unwrap();
        let (empty, id) = (root.path().join("empty"), root.path().join("id"));
        std::fs::write(&empty, "\n").unwrap();
        std::fs::write(&id, "0123\n").unwrap();
        let [none, empty, id] = [root.path().join("none"), empty, id].map(|path| path.to_string_lossy().into_owned());
        assert_eq!(machine(&[&none, &empty, &id], "jump1"), "0123");
        assert_eq!(machine(&[&none, &empty], "jump1"), "jump1");
    }
}
