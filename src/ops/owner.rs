//! This machine as the owner recorded in Halo, and the refusal to write to what belongs to another one.

use super::{Workspace, installation};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::domain::owner::{Belongs, Owner};

/// This machine, as its mark names it. The name is for people: a renamed machine is the same one, and so is every host that has
/// the configurations in common.
///
/// # Errors
///
/// What keeps that from being read: a wrong mark would take the configuration from all of them.
pub(super) fn here(workspace: &Workspace) -> Result<Owner, Failure> {
    let name = installation::name(workspace.environment());
    let common = workspace.settings.common_owner()?;
    let key = common.unwrap_or_else(|| installation::key(&name, workspace.settings.paths()));
    Ok(Owner::new(&name, &workspace.actor().account(), workspace.now(), &key))
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
