//! A ticket in Halo, as far as Pia has to know it.

use serde::{Deserialize, Serialize};

use super::untrusted::{Untrusted, same_name};

/// A ticket. Everything but its id may be missing: Halo leaves out what is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Halo's id.
    pub id: i64,
    /// What it is about.
    pub summary: Option<Untrusted>,
    /// The team that it stands with: its board.
    pub team: Option<Untrusted>,
    /// The agent who has it; none where nobody has.
    pub agent_id: Option<i64>,
    /// That agent's name.
    pub agent: Option<Untrusted>,
    /// Its status.
    pub status_id: Option<i64>,
    /// The name of its status.
    pub status: Option<Untrusted>,
    /// Its type.
    pub ticket_type_id: Option<i64>,
    /// The name of its type.
    pub ticket_type: Option<Untrusted>,
    /// The client it belongs to.
    pub client_id: Option<i64>,
    /// That client's name.
    pub client: Option<Untrusted>,
}

impl Ticket {
    /// Whether it stands on a board: a ticket carries its team by name (api facts, section 5).
    pub fn is_on(&self, board: &str) -> bool {
        self.team.as_ref().is_some_and(|team| same_name(team.raw(), board))
    }
}

/// The open tickets that stand on a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardTickets {
    /// The tickets, the newest first.
    pub tickets: Vec<Ticket>,
    /// Whether there may be more: reading was stopped before the end.
    pub cut: bool,
}

/// What became of an escalation, as Halo holds it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Escalation {
    /// The ticket.
    pub ticket: Ticket,
    /// Whether it was moved; it stood there already otherwise.
    pub moved: bool,
    /// Whether a note was added.
    pub noted: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_a_team_by_name() {
        let mut ticket: Ticket = serde_json::from_str(r#"{"id":7,"team":"Pia"}"#).unwrap();
        assert!(ticket.is_on("Pia") && ticket.is_on(" pia "));
        assert!(!ticket.is_on("Pia Escalations"));
        ticket.team = None;
        assert!(!ticket.is_on(""));
    }
}
