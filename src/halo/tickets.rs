//! Tickets (api facts, sections 5 and 6).

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::wire::{Int, Text};
use super::{HaloApi, HaloError, Oddity, PAGE_SIZE};
use crate::domain::people::UNASSIGNED;
use crate::domain::ticket::{BoardTickets, Ticket};

const PATH: &str = "/api/Tickets";

/// Pages that are read to find the tickets of one board. Halo ignores filters whose name it does not know (api facts,
/// section 4), and then every open ticket of the tenant comes.
const MAX_PAGES: u32 = 50;

#[derive(Deserialize)]
struct TicketRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    summary: Text,
    #[serde(default)]
    team: Text,
    #[serde(default)]
    agent_id: Int,
    #[serde(default)]
    agent_name: Text,
    #[serde(default)]
    status_id: Int,
    #[serde(default)]
    status_name: Text,
    #[serde(default)]
    tickettype_id: Int,
    #[serde(default)]
    tickettype_name: Text,
    #[serde(default)]
    client_id: Int,
    #[serde(default)]
    client_name: Text,
}

impl TicketRow {
    fn ticket(self) -> Option<Ticket> {
        Some(Ticket {
            id: self.id.0?,
            summary: self.summary.untrusted(),
            team: self.team.untrusted(),
            // Agent 1 is called "Unassigned" and is nobody (api facts, section 5).
            agent_id: self.agent_id.0.filter(|id| *id > UNASSIGNED),
            agent: self.agent_name.untrusted(),
            status_id: self.status_id.0,
            status: self.status_name.untrusted(),
            ticket_type_id: self.tickettype_id.0,
            ticket_type: self.tickettype_name.untrusted(),
            client_id: self.client_id.0,
            client: self.client_name.untrusted(),
        })
    }
}

impl HaloApi {
    /// One ticket; `None` where Halo has none with this id, or none that the agent may see.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn ticket(&self, id: i64) -> Result<Option<Ticket>, HaloError> {
        let does = "read a ticket";
        let call = self.one(does, Method::GET, PATH, &id.to_string());
        let Some(row) = self.read_one::<TicketRow>(call).await? else { return Ok(None) };
        let ticket = row.ticket().filter(|ticket| ticket.id == id);
        ticket.map(Some).ok_or(HaloError::Unexpected { does, what: Oddity::OtherObject })
    }

    /// The open tickets that stand on a board, the newest first.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn tickets_on(&self, board: &str) -> Result<BoardTickets, HaloError> {
        let mut found: Vec<Ticket> = Vec::new();
        let mut last_page: Vec<i64> = Vec::new();
        for page in 1..=MAX_PAGES {
            let (size, page) = (PAGE_SIZE.to_string(), page.to_string());
            let query = [
                ("pageinate", "true"),
                ("page_size", &*size),
                ("page_no", &*page),
                ("order", "id"),
                ("orderdesc", "true"),
                ("open_only", "true"),
                ("team_name", board),
            ];
            let call = self.get("list the tickets", PATH, &query);
            let rows = self.read_list::<TicketRow>(call, &["tickets", "results"]).await?.rows;
            let tickets: Vec<Ticket> = rows.into_iter().filter_map(TicketRow::ticket).collect();
            let ids: Vec<i64> = tickets.iter().map(|ticket| ticket.id).collect();
            // The end: an empty page, or the same one for ever (api facts, section 4).
            if ids.is_empty() || ids == last_page {
                return Ok(BoardTickets { tickets: found, cut: false });
            }
            for ticket in tickets {
                if ticket.is_on(board) && found.iter().all(|known| known.id != ticket.id) {
                    found.push(ticket);
                }
            }
            if ids.len() < PAGE_SIZE as usize {
                return Ok(BoardTickets { tickets: found, cut: false });
            }
            last_page = ids;
        }
        Ok(BoardTickets { tickets: found, cut: true })
    }

    /// Moves a ticket to a board and gives it to an agent, or to nobody. Read back afterwards.
    ///
    /// # Errors
    /// Whatever a write can fail with: Halo refuses in its own words where the agent may not.
    pub async fn move_ticket(&self, id: i64, board: &str, agent: Option<i64>) -> Result<(), HaloError> {
        let element = json!({ "id": id, "team": board, "agent_id": agent.unwrap_or(UNASSIGNED) });
        self.write(self.post("move the ticket", PATH, element)).await.map(drop)
    }

    /// Adds a private note to a ticket.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn add_note(&self, ticket: i64, note: &str) -> Result<(), HaloError> {
        let element = json!({ "ticket_id": ticket, "outcome": "Private Note", "note": note, "hiddenfromuser": true });
        self.write(self.post("add a note to the ticket", "/api/Actions", element)).await.map(drop)
    }

    /// The notes of a ticket, the newest first as Halo gives them.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn notes(&self, ticket: i64) -> Result<Vec<String>, HaloError> {
        #[derive(Deserialize)]
        struct ActionRow {
            #[serde(default)]
            note: Text,
        }
        let call = self.get("list the notes of a ticket", "/api/Actions", &[("ticket_id", &ticket.to_string())]);
        let rows = self.read_list::<ActionRow>(call, &["actions", "results"]).await?.rows;
        Ok(rows.into_iter().filter_map(|row| row.note.0).collect())
    }
}
