//! The names behind the ids of a ticket: its team, its agent, its type and its status, as this Halo calls them.

use super::Workspace;
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::domain::people::{Status, Team};
use crate::domain::status::Lists;
use crate::domain::ticket::Ticket;
use crate::domain::untrusted::same_name;
use crate::halo::{HaloApi, HaloError};

/// The lists as the last sync read them, and Halo's own where those do not suffice: each is asked for once.
#[derive(Default)]
pub struct Boards {
    lists: Lists,
    asked_teams: bool,
    statuses: Vec<Status>,
    asked_statuses: bool,
}

impl Boards {
    /// What is stored of this configuration.
    pub fn stored(workspace: &Workspace, id: &ConfigurationId) -> Result<Self, Failure> {
        Ok(Self { lists: workspace.store.lists(id)?, ..Self::default() })
    }

    /// The same with statuses that were read before: they are not stored.
    #[must_use]
    pub fn knowing(self, statuses: Vec<Status>) -> Self {
        Self { statuses, ..self }
    }

    /// The statuses that were read, for the next one.
    pub fn into_statuses(self) -> Vec<Status> {
        self.statuses
    }

    /// Gives a ticket the names that Halo left out. What Halo does not tell either has none.
    ///
    /// # Errors
    ///
    /// Where Halo was not reached.
    pub async fn name(&mut self, halo: &HaloApi, mut ticket: Ticket) -> Result<Ticket, HaloError> {
        if !ticket.name_team(&self.lists.teams) && self.ask_teams(halo).await? {
            ticket.name_team(&self.lists.teams);
        }
        if ticket.agent.is_none() {
            let known = self.lists.agents.iter().find(|agent| Some(agent.id) == ticket.agent_id);
            ticket.agent = known.map(|agent| agent.name.clone());
        }
        if ticket.ticket_type.is_none() {
            let known = self.lists.ticket_types.iter().find(|kind| Some(kind.id) == ticket.ticket_type_id);
            ticket.ticket_type = known.map(|kind| kind.name.clone());
        }
        if let (None, Some(id)) = (&ticket.status, ticket.status_id) {
            ticket.status = self.status(halo, id).await?.map(|status| status.name.clone());
        }
        Ok(ticket)
    }

    /// Whether a ticket is over: by the kind of its status, which Halo's own filter does not always go by.
    ///
    /// # Errors
    ///
    /// Where Halo was not reached.
    pub async fn is_over(&mut self, halo: &HaloApi, ticket: &Ticket) -> Result<bool, HaloError> {
        let Some(id) = ticket.status_id else { return Ok(ticket.status.as_ref().is_some_and(Status::sounds_final)) };
        let known = self.status(halo, id).await?.map(|status| status.ends);
        Ok(known.unwrap_or_else(|| ticket.status.as_ref().is_some_and(Status::sounds_final)))
    }

    /// The board of this name, if Halo has one.
    ///
    /// # Errors
    ///
    /// Where Halo was not reached.
    pub async fn find(&mut self, halo: &HaloApi, name: &str) -> Result<Option<i64>, HaloError> {
        let known = self.id_of(name);
        if known.is_none() && self.ask_teams(halo).await? {
            return Ok(self.id_of(name));
        }
        Ok(known)
    }

    fn id_of(&self, name: &str) -> Option<i64> {
        self.lists.teams.iter().find(|team| same_name(team.name.raw(), name)).map(|team| team.id)
    }

    /// Asks Halo for its teams, if that was not done yet; says whether there is an answer.
    async fn ask_teams(&mut self, halo: &HaloApi) -> Result<bool, HaloError> {
        if self.asked_teams {
            return Ok(false);
        }
        self.asked_teams = true;
        let teams: Option<Vec<Team>> = where_told(halo.teams().await)?;
        let told = teams.is_some();
        self.lists.teams = teams.unwrap_or_else(|| std::mem::take(&mut self.lists.teams));
        Ok(told)
    }

    async fn status(&mut self, halo: &HaloApi, id: i64) -> Result<Option<&Status>, HaloError> {
        let is_it = |status: &&Status| status.id == id;
        if !self.asked_statuses && !self.statuses.iter().any(|status| is_it(&status)) {
            self.asked_statuses = true;
            self.statuses = where_told(halo.statuses().await)?.unwrap_or_default();
        }
        Ok(self.statuses.iter().find(is_it))
    }
}

/// What Halo told. The names are a help: where it does not tell them, that is no reason to give up what they were for.
pub(super) fn where_told<T>(answer: Result<T, HaloError>) -> Result<Option<T>, HaloError> {
    match answer {
        Ok(told) => Ok(Some(told)),
        Err(
            HaloError::MissingRight { .. }
            | HaloError::Declined { .. }
            | HaloError::NotFound { .. }
            | HaloError::Unexpected { .. },
        ) => Ok(None),
        Err(error) => Err(error),
    }
}
