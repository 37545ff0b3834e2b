//! What is kept of a test that has passed, until the yes to the plan which it was made for.

use tokio::time::Instant;

use crate::domain::check::CheckReport;
use crate::domain::plan::Basis;

/// A test that passed, and when.
pub(in crate::ops) struct Passed {
    pub(super) about: Basis,
    pub(super) report: CheckReport,
    pub(super) at: Instant,
}
