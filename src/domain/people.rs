//! Agents and teams. A team is what the guide calls a board.

use super::untrusted::Untrusted;

/// A Halo agent, as a choice for Pia Escalate To.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Halo's id.
    pub id: i64,
    /// As Halo writes it; two agents may share one.
    pub name: Untrusted,
    /// Whether tickets can be assigned to the agent: enabled, a person, and not Halo's "Unassigned".
    pub assignable: bool,
    /// Whether the agent is there for programs alone, as far as Halo told just now. It is not stored.
    pub api_only: bool,
}

/// Halo's "Unassigned" is an agent with this id.
pub const UNASSIGNED: i64 = 1;

/// A Halo team: a board that tickets stand on, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Halo's id.
    pub id: i64,
    /// As Halo writes it: tickets name their board by it.
    pub name: Untrusted,
    /// Whether Halo has switched it off.
    pub inactive: bool,
}

/// A Halo ticket type, as the sync knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketType {
    /// Halo's id.
    pub id: i64,
    /// As Halo writes it.
    pub name: Untrusted,
    /// Whether it can be used.
    pub active: bool,
}

/// A status that tickets can have. Numbers and names differ from Halo to Halo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Halo's id.
    pub id: i64,
    /// As Halo writes it.
    pub name: Untrusted,
    /// Whether it ends a ticket.
    pub ends: bool,
}

impl Status {
    /// Whether a name is one of those by which people mean that a ticket is over.
    pub fn sounds_final(name: &Untrusted) -> bool {
        let lower = name.raw().to_lowercase();
        let mut words = lower.split(|sign: char| !sign.is_alphanumeric());
        let is_final = |word: &str| matches!(word, "closed" | "resolved" | "completed" | "cancelled" | "canceled");
        words.clone().any(is_final) && !words.any(|word| matches!(word, "not" | "re" | "un" | "reopened"))
    }
}
