//! What several use-cases share: names of a lock and of what the audit trail says, and where a session has its draft.

use std::sync::Mutex;

use crate::store::Lock;

/// The file of a session's draft, by its number, and the lock that keeps others from it once it was written.
pub(super) type Chosen = Option<(usize, Option<Lock>)>;

/// The same, for all parts of a program.
#[derive(Debug, Default)]
pub(super) struct Place(pub(super) Mutex<Chosen>);

/// The lock of whoever writes into a Halo, or changes which one that is. One for the whole profile: what is being
/// configured stays the active configuration until it is done.
pub(super) const CONFIGURE_LOCK: &str = "configure";

/// The lock of the service.
pub(super) const SERVICE_LOCK: &str = "service";

/// What the audit trail calls a look at what a killed run has left open.
pub(super) const INTERRUPTED: &str = "found after an interrupted run";

/// What the audit trail calls it that the service switches webhooks on which Halo has switched off.
pub(super) const SWITCH_ON: &str = "switch webhooks on again";
