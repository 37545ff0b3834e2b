//! Agents and teams. A team is what the guide calls a board.

use super::untrusted::Untrusted;

/// A Halo agent, as a choice for Pia Escalate To.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Halo's id.
    pub id: i64,
    /// The name.
    pub name: Untrusted,
    /// Whether tickets can be assigned to the agent: enabled, and not Halo's "Unassigned".
    pub assignable: bool,
}

/// Halo's "Unassigned" is an agent with this id (api facts, section 5).
pub const UNASSIGNED: i64 = 1;

/// A Halo team: a board that tickets stand on, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Halo's id.
    pub id: i64,
    /// The name.
    pub name: Untrusted,
    /// Whether Halo has switched it off.
    pub inactive: bool,
}

/// A Halo ticket type, as the sync knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketType {
    /// Halo's id.
    pub id: i64,
    /// The name.
    pub name: Untrusted,
    /// Whether it can be used.
    pub active: bool,
}
