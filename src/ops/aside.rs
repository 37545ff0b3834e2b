//! The store set aside whole, also one that cannot be opened.

use std::path::PathBuf;

use jiff::Timestamp;

use super::actor::actor_of;
use super::locks::hold_everything;
use super::place::require_file;
use crate::domain::activity::Activity;
use crate::domain::failure::Failure;
use crate::settings::{Environment, Paths};
use crate::store::{self, Audit, in_place};

/// What the trail says of it.
const ACTION: &str = "set the store aside";

/// Whether somebody has set aside the last store that there was; none where there was none: every line of the trail but that one
/// is by a program that had one open.
pub(super) fn was_set_aside(audit: &Audit) -> Option<bool> {
    Some(audit.recent(1).ok()?.first()?.action == ACTION)
}

/// Sets the store aside, and answers with the folder that it is in now; none where there is no store. Not while the service,
/// a sync or Configure works with it.
///
/// # Errors
///
/// [`FailureKind::Busy`](crate::domain::failure::FailureKind::Busy) with who works with it, or what keeps the files from
/// being moved; they are then where they were.
pub fn set_aside(paths: &Paths, environment: &Environment, now: Timestamp) -> Result<Option<PathBuf>, Failure> {
    // A file that lies beside a store on a server is nobody's store any more.
    if in_place(&paths.store()).is_none() {
        require_file(paths, "store set-aside", "to begin anew, name another database in config.toml")?;
    }
    let actor = actor_of(environment);
    let _locks = hold_everything(paths, environment, "store set-aside", now)?;
    let trail = Audit::new(paths.audit()).anchored(paths.anchor());
    trail.require_writable()?;
    let Some(folder) = store::set_aside(&paths.store(), now)? else { return Ok(None) };
    let activity = Activity {
        at: now,
        who: actor,
        configuration: None,
        action: ACTION.to_owned(),
        object: Some(folder.display().to_string()),
        fields: Vec::new(),
        outcome: "done".to_owned(),
        message: None,
        halo: None,
    };
    trail.append(&activity)?;
    Ok(Some(folder))
}
