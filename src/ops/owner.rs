//! This machine as the owner recorded in Halo, and the refusal to write to what belongs to another one.

use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::Workspace;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::hex;
use crate::domain::next::{Hint, Next};
use crate::domain::owner::{Belongs, Owner};
use crate::settings::private_file::{self, Exclusive, FileError};
use crate::settings::{Environment, Paths};
use crate::store::{Installation, StoreError, host_name};

/// A name for this machine that a test gives.
const HOST: &str = "PIA_HALO_HOST";

/// What tells a machine from all others for as long as its system is installed, whatever name it gets.
const MACHINE: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// This machine, as its mark names it. The name is for people: a renamed machine is the same one.
pub(super) fn here(workspace: &Workspace) -> Owner {
    let name = name(workspace.environment());
    let file = workspace.settings.paths().config();
    let key = key(&machine(&MACHINE, &name), file.parent().unwrap_or(&file));
    Owner::new(&name, &workspace.actor().account(), workspace.now(), &key)
}

/// What this machine is called.
fn name(environment: &Environment) -> String {
    environment.text(HOST).map_or_else(host_name, str::to_owned)
}

/// This profile of this machine, as a store knows it that several machines share. What was copied from it is another one: whether
/// as files to another machine or folder, or as a whole machine that has got another name.
pub(super) fn installation(paths: &Paths, environment: &Environment) -> Result<Installation, Failure> {
    let (name, file) = (name(environment), paths.installation());
    let folder = key(&machine(&MACHINE, &name), &paths.config_dir);
    let digest = Sha256::digest(format!("{}\n{folder}\n{name}", mark(&file).map_err(StoreError::from)?));
    Ok(Installation::new(hex(&digest[..16]), name))
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
    let mut random = [0; 16];
    let none = |error| FileError::Io { doing: "make", path: file.to_owned(), source: io::Error::other(error) };
    getrandom::fill(&mut random).map_err(none)?;
    let mark = hex(&random);
    exclusive.replace(mark.as_bytes())?;
    Ok(mark)
}

/// The id of this machine. A container may have none: there, only the name tells two machines apart.
fn machine(files: &[&str], name: &str) -> String {
    let ids = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    let mut ids = ids.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
    ids.next().unwrap_or_else(|| name.to_owned())
}

/// A copy of the settings on another machine, or in another folder, has another key.
fn key(machine: &str, folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let digest = Sha256::digest(format!("{machine}\n{}", folder.display()));
    hex(&digest[..8])
}

/// Refuses to write where the configuration in Halo is another machine's, unless a person has agreed to take it over.
pub(super) fn require(workspace: &Workspace, belongs: &Belongs) -> Result<(), Failure> {
    match belongs.other() {
        Some(owner) if !workspace.takes_over() => Err(elsewhere(owner)),
        _ => Ok(()),
    }
}

/// The same, where somebody else's objects were to be taken over by their ids: the way on names them again.
pub fn with_taken(failure: Failure, taken: &[String]) -> Failure {
    if taken.is_empty() || failure.kind != FailureKind::NeedsYes {
        return failure;
    }
    failure.hint(Hint::from(TAKE_OVER).next(Next::taking_over(taken)))
}

const TAKE_OVER: &str = "Work on that machine, or take it over: ";

/// What is said of a configuration that is another machine's.
pub fn elsewhere(owner: &Owner) -> Failure {
    let message = format!("this configuration belongs to {owner}; nothing was written");
    let hint = Hint::from(TAKE_OVER).next(Next::TakeOver);
    Failure::new(FailureKind::NeedsYes, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copied_folder_is_another_machine_and_link_to_it_is_not() {
        let root = tempfile::tempdir().unwrap();
        let (folder, copy, link) = (root.path().join("a"), root.path().join("b"), root.path().join("link"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::create_dir(&copy).unwrap();
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        let here = key("machine", &folder);
        assert_eq!(here, key("machine", &link));
        assert_ne!(here, key("machine", &copy), "copied on this machine");
        assert_ne!(here, key("other", &folder), "copied to the same folder of another machine");
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
