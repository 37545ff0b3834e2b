//! This host, as its mark in Halo names it, and the refusal to write what is another one's.

use sha2::{Digest as _, Sha256};

use super::Workspace;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::domain::owner::{Belongs, Owner};

/// A name for this host that a test gives.
const HOST: &str = "PIA_HALO_HOST";

/// What says of a machine which one it is, as long as its system is installed.
const MACHINE: &str = "/etc/machine-id";

/// This host, as its mark names it. A copy of the settings on another host, or in another folder, is another one.
pub(super) fn here(workspace: &Workspace) -> Owner {
    let name = workspace.environment().text(HOST).map(str::to_owned);
    let name = name.unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned());
    let machine = std::fs::read_to_string(MACHINE).unwrap_or_default();
    let folder = workspace.settings.paths().config();
    let digest = Sha256::digest(format!("{name}\n{}\n{}", machine.trim(), folder.display()));
    let key: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Owner::new(&name, &workspace.actor().account(), workspace.now(), &key)
}

/// Refuses to write where the configuration in Halo is another host's, unless a person has agreed to take it over.
pub(super) fn require(workspace: &Workspace, belongs: &Belongs) -> Result<(), Failure> {
    match belongs.other() {
        Some(owner) if !workspace.takes_over() => Err(elsewhere(owner)),
        _ => Ok(()),
    }
}

/// What is said of a configuration that is another host's.
pub fn elsewhere(owner: &Owner) -> Failure {
    let message = format!("this configuration belongs to {owner}; nothing was written");
    let hint = Hint::from("Work there, or take it over: ").next(Next::TakeOver);
    Failure::new(FailureKind::NeedsYes, message).hint(hint)
}
