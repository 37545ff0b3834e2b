//! Names that several use-cases share: of a lock, and of what the audit trail says.

/// The lock of whoever writes into a Halo, or changes which one that is. One for the whole profile: what is being
/// configured stays the active configuration until it is done.
pub(super) const CONFIGURE_LOCK: &str = "configure";

/// What the audit trail calls a look at what a killed run has left open.
pub(super) const INTERRUPTED: &str = "found after an interrupted run";
