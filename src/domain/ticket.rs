//! A ticket in Halo, as far as Pia has to know it.

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::people::{Status, Team};
use super::untrusted::{Untrusted, same_name};

/// A ticket. Everything but its id may be missing: Halo leaves out what is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    pub id: i64,
    pub summary: Option<Untrusted>,
    /// The team that it stands with: its board.
    pub team: Option<Untrusted>,
    /// That team's id. Older versions tell the name alone; some tenants are set to tell the id alone.
    pub team_id: Option<i64>,
    /// The agent who has it; none where nobody has.
    pub agent_id: Option<i64>,
    /// That agent's name.
    pub agent: Option<Untrusted>,
    pub status_id: Option<i64>,
    /// The name of its status.
    pub status: Option<Untrusted>,
    pub ticket_type_id: Option<i64>,
    /// The name of its type.
    pub ticket_type: Option<Untrusted>,
    /// The client it belongs to.
    pub client_id: Option<i64>,
    /// That client's name.
    pub client: Option<Untrusted>,
}

impl Ticket {
    /// Whether it stands on a board: a ticket carries its team by name. Unknown where Halo told an
    /// id that nobody has named.
    pub fn stands_on(&self, board: &str) -> Option<bool> {
        match (&self.team, self.team_id) {
            (Some(team), _) => Some(same_name(team.raw(), board)),
            (None, None) => Some(false),
            (None, Some(_)) => None,
        }
    }

    /// Whether it is known to stand on a board.
    pub fn is_on(&self, board: &str) -> bool {
        self.stands_on(board) == Some(true)
    }

    /// Who has it, by the name that Halo calls them, or their id where nobody has told one.
    pub fn holder(&self) -> String {
        match (&self.agent, self.agent_id) {
            (Some(name), Some(_)) => format!("assigned to {name}"),
            (None, Some(id)) => format!("assigned to agent {id}"),
            (_, None) => "unassigned".to_owned(),
        }
    }

    /// Its status, where that sounds like one that ends a ticket.
    pub fn sounds_over(&self) -> Option<&Untrusted> {
        self.status.as_ref().filter(|status| Status::sounds_final(status))
    }

    /// Gives the team its name, where Halo told its id alone. Says whether the name is known now.
    pub fn name_team(&mut self, teams: &[Team]) -> bool {
        if self.team.is_none()
            && let Some(id) = self.team_id
        {
            self.team = teams.iter().find(|team| team.id == id).map(|team| team.name.clone());
            return self.team.is_some();
        }
        true
    }
}

/// Whether an escalation had anything to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EscalationStatus {
    /// The ticket was moved, or its note was added.
    Escalated,
    /// It stood there already, with that note if one was given. Nothing was written.
    NothingToDo,
}

/// The open tickets that stand on a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardTickets {
    /// The tickets, the newest first.
    pub tickets: Vec<Ticket>,
    /// Whether there may be more: reading was stopped before the end.
    pub cut: bool,
    /// Whether Halo has a team of the board's name: without one, no ticket stands there.
    pub board_exists: bool,
}

/// What became of an escalation, as Halo holds it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Escalation {
    /// Whether there was anything to do.
    pub status: EscalationStatus,
    pub ticket: Ticket,
    /// Whether it was moved; it stood there already otherwise.
    pub moved: bool,
    /// Whether a note was added.
    pub noted: bool,
    /// The status that ended the ticket, where one did: escalating opens none again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<Untrusted>,
}

/// What is known of a ticket whose escalation did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Halo has it as it was.
    Unchanged,
    /// The change was sent, and what Halo has made of it is not known.
    Unclear,
    /// Halo took the change and holds something else.
    Elsewhere,
    /// It stands where it has to, and its note is not there.
    NoteMissing,
    /// It stands where it has to, and whether its note is there is not known.
    NoteUnclear,
    /// Everything is done in Halo, and our own record of it is not.
    Unrecorded,
}

impl Known {
    /// The same, with what kept it from its end.
    pub fn because(self, failure: impl Into<Failure>) -> Unfinished {
        Unfinished { known: self, failure: Box::new(failure.into()) }
    }

    /// It in a few words about a ticket.
    pub fn words(self, ticket: i64) -> String {
        match self {
            Self::Unchanged => format!("Ticket {ticket} was not escalated"),
            Self::Unclear => format!("Ticket {ticket} may not have been escalated"),
            Self::Elsewhere => format!("Ticket {ticket} is not where it should be"),
            Self::NoteMissing => format!("Ticket {ticket} is escalated, but its note is missing"),
            Self::NoteUnclear => format!("Ticket {ticket} is escalated; its note may not have been saved"),
            Self::Unrecorded => format!("Ticket {ticket} is escalated, but that could not be recorded"),
        }
    }
}

/// An escalation that did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// What is known of the ticket.
    pub known: Known,
    /// What happened, and what to do next.
    pub failure: Box<Failure>,
}

impl Unfinished {
    /// The failure, with what is known of the ticket in front.
    pub fn told(self, ticket: i64) -> Failure {
        let failure = *self.failure;
        Failure { message: format!("{}: {}", self.known.words(ticket), failure.message), ..failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn board_is_team_by_name() {
        let mut ticket: Ticket = serde_json::from_str(r#"{"id":7,"team":"Pia"}"#).unwrap();
        assert!(ticket.is_on("Pia") && ticket.is_on(" pia "));
        assert!(!ticket.is_on("Pia Escalations"));
        ticket.team = None;
        assert!(!ticket.is_on("") && ticket.stands_on("Pia") == Some(false));
    }

    #[test]
    fn team_that_comes_as_id_is_named_by_list_of_teams() {
        let team = |id, name: &str| Team { id, name: Untrusted::new(name), inactive: false };
        let mut ticket: Ticket = serde_json::from_str(r#"{"id":7,"team_id":8}"#).unwrap();
        assert_eq!(ticket.stands_on("Pia"), None);
        assert!(!ticket.name_team(&[team(3, "Pia")]) && ticket.stands_on("Pia").is_none());
        assert!(ticket.name_team(&[team(3, "Other"), team(8, "Pia")]) && ticket.is_on("Pia"));
        // A name that Halo itself told counts, whatever our list says.
        assert!(ticket.name_team(&[team(8, "Renamed since")]) && ticket.is_on("Pia"));
    }
}
