//! Tickets.

use std::collections::BTreeSet;

use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::wire::{Each, Int, Named, Rows, Scalar, Text};
use super::{BadReply, FRESH, HaloApi, HaloError, PAGE_SIZE};
use crate::domain::note_outcome::NoteOutcome;
use crate::domain::people::UNASSIGNED;
use crate::domain::ticket::{BoardTickets, Ticket};
use crate::domain::untrusted::Untrusted;

const PATH: &str = "/api/Tickets";
const ACTIONS: &str = "/api/Actions";
const OUTCOMES: &str = "/api/Outcome";

/// Pages that are read to find the tickets of one board. Halo ignores filters whose name it does not know, and then
/// every open ticket of the tenant comes.
const MAX_PAGES: u32 = 50;

/// A ticket that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewTicket<'a> {
    /// What it is called.
    pub summary: &'a str,
    /// What it says.
    pub details: &'a str,
    /// Halo's id of the client it is for.
    pub client: i64,
    /// The team it is to stand on.
    pub board: &'a str,
    /// Its type; Halo's own choice where there is none.
    pub ticket_type: Option<i64>,
}

/// A note on a ticket, or another action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its id, which counts for its ticket alone.
    pub id: i64,
    /// What it says; an action may say nothing.
    pub text: String,
}

#[derive(Deserialize)]
struct TicketRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    summary: Text,
    #[serde(default)]
    team: Scalar,
    #[serde(default)]
    team_id: Int,
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
    /// A ticket that is read by its id tells its type whole, and leaves the name beside the id out.
    #[serde(default)]
    tickettype: Named,
    #[serde(default)]
    client_id: Int,
    #[serde(default)]
    client_name: Text,
}

impl TicketRow {
    fn ticket(self) -> Option<Ticket> {
        let (team, number) = match self.team {
            Scalar::Text(name) => (Some(name).filter(|name| !name.trim().is_empty()).map(Untrusted::new), None),
            // Tenants can be set to tell ids for names.
            Scalar::Int(id) => (None, Some(id)),
            _ => (None, None),
        };
        Some(Ticket {
            id: self.id.0?,
            summary: self.summary.untrusted(),
            team,
            team_id: number.or(self.team_id.0).filter(|id| *id > 0),
            // Agent 1 is called "Unassigned" and is nobody.
            agent_id: self.agent_id.0.filter(|id| *id > UNASSIGNED),
            agent: self.agent_name.untrusted(),
            status_id: self.status_id.0,
            status: self.status_name.untrusted(),
            ticket_type_id: self.tickettype_id.0,
            ticket_type: self.tickettype_name.or(self.tickettype.0).untrusted(),
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
        let mut call = self.one(does, Method::GET, PATH, &id.to_string());
        // The agent's name stands beside its id only then; no version tells a status by more than its id.
        call.query.extend([("includedetails", "true".to_owned()), ("includeagent", "true".to_owned())]);
        let Some(row) = self.read_one::<TicketRow>(call).await? else { return Ok(None) };
        let ticket = row.ticket().filter(|ticket| ticket.id == id);
        ticket.map(Some).ok_or(HaloError::Unexpected { does, what: BadReply::OtherObject })
    }

    /// One page of the tickets that a question is about, the newest first.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub(super) async fn tickets_page<T: DeserializeOwned>(
        &self,
        page: u32,
        about: &[(&'static str, &str)],
    ) -> Result<Rows<T>, HaloError> {
        let (size, page) = (PAGE_SIZE.to_string(), page.to_string());
        let paging =
            [("pageinate", "true"), ("page_size", &*size), ("page_no", &*page), ("order", "id"), ("orderdesc", "true")];
        let call = self.get("list the tickets", PATH, &[&paging, about].concat());
        self.read_list(call, &["tickets", "results"]).await
    }

    /// The newest ticket, to find out whether tickets can be read; `None` where Halo lists none for this agent.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn probe_tickets(&self) -> Result<Option<i64>, HaloError> {
        let page = [("pageinate", "true"), ("page_size", "1"), ("page_no", "1")];
        let query = [&page[..], &[("order", "id"), ("orderdesc", "true"), FRESH]].concat();
        let call = self.get("list the tickets", PATH, &query);
        let rows = self.read_list::<TicketRow>(call, &["tickets", "results"]).await?.rows;
        Ok(rows.into_iter().find_map(|row| row.id.0))
    }

    /// Reads the newest note of a ticket, to find out whether notes can be read.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn probe_notes(&self, ticket: i64) -> Result<(), HaloError> {
        let query = [("ticket_id", &*ticket.to_string()), ("count", "1"), FRESH];
        let call = self.get("list the notes of a ticket", ACTIONS, &query);
        self.read_list::<ActionRow>(call, &["actions", "results"]).await.map(drop)
    }

    /// The open tickets that stand on a board, the newest first. `team` is the board's id, for a Halo that tells teams
    /// by their ids.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn tickets_on(&self, board: &str, team: Option<i64>) -> Result<BoardTickets, HaloError> {
        let mut found: Vec<Ticket> = Vec::new();
        let mut seen: BTreeSet<i64> = BTreeSet::new();
        for page in 1..=MAX_PAGES {
            let query = [
                ("open_only", "true"),
                ("team_name", board),
                ("includeagent", "true"),
                ("includestatus", "true"),
                ("includetickettype", "true"),
            ];
            let read = self.tickets_page::<TicketRow>(page, &query).await?;
            let (rows, total) = (read.rows.len() + read.bad.len(), read.record_count);
            let mut new = 0;
            for mut ticket in read.rows.into_iter().filter_map(TicketRow::ticket) {
                if !seen.insert(ticket.id) {
                    continue;
                }
                new += 1;
                if ticket.team.is_none() && ticket.team_id.is_some() && ticket.team_id == team {
                    ticket.team = Some(Untrusted::new(board));
                }
                if ticket.is_on(board) {
                    found.push(ticket);
                }
            }
            // The end: the last page, an empty one, or the same one for ever. A page that is not
            // full is the last one only if Halo's own count agrees: some lists take no notice of the size.
            let counted = total.is_none_or(|total| seen.len() as u64 >= total);
            if new == 0 || (rows < PAGE_SIZE as usize && counted) {
                return Ok(BoardTickets { board_exists: !found.is_empty(), tickets: found, cut: !counted });
            }
        }
        Ok(BoardTickets { board_exists: !found.is_empty(), tickets: found, cut: true })
    }

    /// Makes a ticket; gives its id, where Halo tells one. Read back afterwards.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn make_ticket(&self, ticket: &NewTicket<'_>) -> Result<Option<i64>, HaloError> {
        let mut element = json!({
            "summary": ticket.summary, "details": ticket.details, "client_id": ticket.client, "team": ticket.board,
        });
        if let Some(kind) = ticket.ticket_type {
            element["tickettype_id"] = kind.into();
        }
        let id = self.write(self.post("create a ticket", PATH, element)).await?;
        Ok(id.and_then(|id| id.trim().parse().ok()))
    }

    /// Gives a ticket another status. Read back afterwards.
    ///
    /// # Errors
    /// Whatever a write can fail with: a workflow may forbid a status.
    pub async fn set_status(&self, id: i64, status: i64) -> Result<(), HaloError> {
        let element = json!({ "id": id, "status_id": status });
        self.write(self.post("change the status of the ticket", PATH, element)).await.map(drop)
    }

    /// Moves a ticket to a board and gives it to an agent, or to nobody. Gives what Halo says of a rule of its own that
    /// it applied to the ticket on that occasion, if it did. Read back afterwards.
    ///
    /// # Errors
    /// Whatever a write can fail with: Halo refuses in its own words where the agent may not.
    pub async fn move_ticket(&self, id: i64, board: &str, agent: Option<i64>) -> Result<Option<Untrusted>, HaloError> {
        let element = json!({ "id": id, "team": board, "agent_id": agent.unwrap_or(UNASSIGNED) });
        let moved: Option<MovedRow> = self.write_and_read(self.post("move the ticket", PATH, element)).await?;
        let actions = moved.map(|row| row.extra_actions.0).unwrap_or_default();
        let rule = actions.into_iter().find(|action| action.outcome.0.as_deref() == Some("Rule Applied"));
        Ok(rule.and_then(|rule| rule.note.untrusted()))
    }

    /// Adds a private note to a ticket by an action of Halo's; gives its id, where Halo tells one. Read back
    /// afterwards.
    ///
    /// # Errors
    /// Whatever a write can fail with.
    pub async fn add_note(&self, ticket: i64, note: &str, outcome: &NoteOutcome) -> Result<Option<i64>, HaloError> {
        let mut element = json!({ "ticket_id": ticket, "note": note, "hiddenfromuser": true });
        match outcome {
            NoteOutcome::Number(number) => element["outcome_id"] = (*number).into(),
            NoteOutcome::Name(name) => element["outcome"] = name.as_str().into(),
        }
        let id = self.write(self.post("add a note to the ticket", ACTIONS, element)).await?;
        Ok(id.and_then(|id| id.trim().parse().ok()))
    }

    /// The actions that there are for tickets, by number and name; none where this Halo does not list them.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn note_outcomes(&self) -> Result<Vec<(i64, Untrusted)>, HaloError> {
        let call = self.get("list the actions of tickets", OUTCOMES, &[]);
        let rows = match self.read_list::<OutcomeRow>(call, &["outcomes", "results"]).await {
            Err(HaloError::NotFound { .. } | HaloError::MissingRight { .. }) => return Ok(Vec::new()),
            read => read?.rows,
        };
        Ok(rows.into_iter().filter_map(|row| Some((row.id.0?, row.outcome.or(row.buttonname).untrusted()?))).collect())
    }

    /// One note of a ticket; `None` where Halo has none with this id.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn note(&self, ticket: i64, id: i64) -> Result<Option<Note>, HaloError> {
        let mut call = self.one("read a note of a ticket", Method::GET, ACTIONS, &id.to_string());
        // Notes are counted for each ticket.
        call.query.push(("ticket_id", ticket.to_string()));
        Ok(self.read_one::<ActionRow>(call).await?.and_then(ActionRow::note))
    }

    /// The notes of a ticket, as many as Halo gives.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn notes(&self, ticket: i64) -> Result<Vec<Note>, HaloError> {
        let query = [("ticket_id", &*ticket.to_string()), FRESH];
        let call = self.get("list the notes of a ticket", ACTIONS, &query);
        let rows = self.read_list::<ActionRow>(call, &["actions", "results"]).await?.rows;
        Ok(rows.into_iter().filter_map(ActionRow::note).collect())
    }
}

#[derive(Deserialize)]
struct ActionRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    note: Text,
    #[serde(default)]
    outcome: Text,
}

#[derive(Deserialize)]
struct OutcomeRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    outcome: Text,
    #[serde(default)]
    buttonname: Text,
}

/// What Halo did to a ticket beside what it was told.
#[derive(Deserialize)]
struct MovedRow {
    #[serde(default)]
    extra_actions: Each<ActionRow>,
}

impl ActionRow {
    fn note(self) -> Option<Note> {
        Some(Note { id: self.id.0?, text: self.note.0.unwrap_or_default() })
    }
}
