//! What waits on this host for a store that is away, as every program of the host sees it.

use crate::domain::failure::{Failure, FailureKind};
use crate::domain::status::Spooled;
use crate::settings::Paths;
use crate::settings::private_file::quoted;
use crate::store::Store;

/// What waits on this host for the store.
pub fn spooled(paths: &Paths) -> Result<Spooled, Failure> {
    let path = paths.spool();
    let spooled = Store::spooled_at(&path).map_err(|error| {
        let next = format!("stop the service, and move it away with what waits in it: {}", quoted(&path));
        Failure::from(error).hint(next)
    })?;
    Ok(spooled.unwrap_or_default())
}

/// Why the store cannot be asked and, where it is away, what waits here for it.
pub(super) fn and_spooled(failure: Failure, paths: &Paths) -> Failure {
    let waits = || spooled(paths).ok()?.waits();
    match &failure.hint {
        Some(hint)
            if failure.kind == FailureKind::NotReached
                && let Some(waits) = waits() =>
        {
            let hint = hint.clone().and("; ", waits);
            failure.hint(hint)
        }
        _ => failure,
    }
}
