//! What waits on this host for a store that is away, as every program of the host sees it.

use jiff::Timestamp;

use super::actor::actor_of;
use super::installation;
use crate::domain::activity::Activity;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::status::{NotTaken, Spooled};
use crate::domain::thousands;
use crate::settings::private_file::quoted;
use crate::settings::{Environment, Paths};
use crate::store::{Audit, Store};

/// What waits on this host for the store.
pub fn spooled(paths: &Paths) -> Result<Spooled, Failure> {
    let path = paths.spool();
    let spooled = Store::spooled_at(&path).map_err(|error| {
        let next = format!("stop the service, and move it away with what waits in it: {}", quoted(&path));
        Failure::from(error).hint(next)
    })?;
    Ok(spooled.unwrap_or_default())
}

/// What is kept on this host because the store does not take it; as many as this.
pub fn refused(paths: &Paths, count: usize) -> Result<Vec<NotTaken>, Failure> {
    Ok(Store::refused_at(&paths.spool(), count)?)
}

/// Forgets what is kept on this host because the store does not take it, as far as it was shown; says how many those were.
pub fn forget_refused(paths: &Paths, environment: &Environment, up_to: i64, now: Timestamp) -> Result<u64, Failure> {
    let (host, trail) = (installation::name(environment), installation::of_trail(paths));
    let audit = Audit::new(paths.audit()).anchored(paths.anchor()).on_host(host, trail);
    audit.require_writable()?;
    let forgotten = Store::forget_refused_at(&paths.spool(), up_to)?;
    if forgotten > 0 {
        let line = Activity {
            at: now,
            who: actor_of(environment),
            configuration: None,
            action: "forget events that the store does not take".to_owned(),
            object: None,
            fields: Vec::new(),
            outcome: "done".to_owned(),
            message: Some(thousands(forgotten)),
            halo: None,
        };
        audit.append(&line)?;
    }
    Ok(forgotten)
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
