//! The boards of a Halo by id and name: some tenants tell a ticket's team by its id alone.

use super::Workspace;
use crate::domain::configuration::ConfigurationId;
use crate::domain::failure::Failure;
use crate::domain::people::Team;
use crate::domain::ticket::Ticket;
use crate::domain::untrusted::same_name;
use crate::halo::{HaloApi, HaloError};

/// The teams as the last sync read them, and Halo's own list where that does not suffice: asked for once.
pub struct Boards {
    teams: Vec<Team>,
    asked: bool,
}

impl Boards {
    /// What is stored of this configuration.
    pub fn stored(workspace: &Workspace, id: &ConfigurationId) -> Result<Self, Failure> {
        Ok(Self { teams: workspace.store.lists(id)?.teams, asked: false })
    }

    /// Gives a ticket's team its name, where it has none. Where Halo does not tell its teams either, it keeps none.
    ///
    /// # Errors
    ///
    /// Where Halo was not reached.
    pub async fn name(&mut self, halo: &HaloApi, mut ticket: Ticket) -> Result<Ticket, HaloError> {
        if !ticket.name_team(&self.teams) && self.ask(halo).await? {
            ticket.name_team(&self.teams);
        }
        Ok(ticket)
    }

    /// The board of this name, if Halo has one.
    ///
    /// # Errors
    ///
    /// Where Halo was not reached.
    pub async fn find(&mut self, halo: &HaloApi, name: &str) -> Result<Option<i64>, HaloError> {
        let known = self.id_of(name);
        if known.is_none() && self.ask(halo).await? {
            return Ok(self.id_of(name));
        }
        Ok(known)
    }

    fn id_of(&self, name: &str) -> Option<i64> {
        self.teams.iter().find(|team| same_name(team.name.raw(), name)).map(|team| team.id)
    }

    /// Asks Halo, if that was not done yet; says whether there is an answer.
    async fn ask(&mut self, halo: &HaloApi) -> Result<bool, HaloError> {
        if self.asked {
            return Ok(false);
        }
        self.asked = true;
        match halo.teams().await {
            Ok(teams) => {
                self.teams = teams;
                Ok(true)
            }
            // The names are a help, and no reason to give up what they were for.
            Err(HaloError::MissingRight { .. } | HaloError::Refused { .. } | HaloError::Unexpected { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
