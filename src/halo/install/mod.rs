//! What Configure, Remove, a roll back and a rotation have to do with the objects in Halo. Pure: it reads nothing and
//! sends nothing.
//!
//! ```text
//!  existing.rs  what is wanted, and what Halo holds
//!  planner/     from both, and our record, to a plan
//!  plan.rs      the plan: lines that are shown, with what is sent for each
//!  snapshot.rs  what the plan saw, to be compared before each write
//! ```

pub(crate) mod existing;
pub(crate) mod plan;
pub(crate) mod planner;
pub(crate) mod snapshot;
