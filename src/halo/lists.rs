//! The short lists: agents, teams, and who Halo says it is (api facts, sections 1 and 5).

use serde::Deserialize;

use super::wire::{Each, Flag, Int, Text};
use super::{HaloApi, HaloError};
use crate::domain::people::{Agent, Team, UNASSIGNED};
use crate::domain::untrusted::Untrusted;
use crate::halo::rights::AgentRights;

/// What Halo says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The version of the program.
    pub version: Option<Untrusted>,
}

#[derive(Deserialize)]
struct InstanceReply {
    #[serde(default)]
    app_version: Text,
}

#[derive(Deserialize)]
struct OwnAgentReply {
    #[serde(default)]
    is_admin: Flag,
    #[serde(default)]
    clients: Each<Chosen>,
}

/// A client that an agent is restricted to. That there is one is enough.
#[derive(Deserialize)]
struct Chosen {}

#[derive(Deserialize)]
struct AgentRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    isdisabled: Flag,
    #[serde(default)]
    is_agent: Flag,
}

#[derive(Deserialize)]
struct TeamRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    inactive: Flag,
}

impl HaloApi {
    /// What Halo says of itself.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn instance(&self) -> Result<Instance, HaloError> {
        let does = "tell its version";
        let reply = self.read_one::<InstanceReply>(self.get(does, "/api/InstanceInfo", &[])).await?;
        let reply = reply.ok_or(HaloError::NotFound { does })?;
        Ok(Instance { version: reply.app_version.untrusted() })
    }

    /// What Halo tells of the agent that this application logs in as. The reply has megabytes (api facts, section 5).
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn own_agent(&self) -> Result<AgentRights, HaloError> {
        let does = "tell who it logs in as";
        let reply = self.read_one::<OwnAgentReply>(self.get(does, "/api/Agent/me", &[])).await?;
        let reply = reply.ok_or(HaloError::NotFound { does })?;
        Ok(AgentRights { is_admin: reply.is_admin.0, sees_chosen_clients: !reply.clients.0.is_empty() })
    }

    /// Every agent, disabled ones included: a choice made earlier has to be recognised. The reply is a bare list or an
    /// envelope (api facts, section 5).
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn agents(&self) -> Result<Vec<Agent>, HaloError> {
        let query = [("includeenabled", "true"), ("includedisabled", "true")];
        let call = self.get("list the agents", "/api/Agent", &query);
        let rows = self.read_list::<AgentRow>(call, &["results", "agents"]).await?.rows;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let id = row.id.0?;
                let assignable = id != UNASSIGNED && !row.isdisabled.is_set() && row.is_agent.0 != Some(false);
                Some(Agent { id, name: row.name.untrusted()?, assignable })
            })
            .collect())
    }

    /// Every team that the agent may see.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn teams(&self) -> Result<Vec<Team>, HaloError> {
        let call = self.get("list the teams", "/api/Team", &[("showall", "true")]);
        let rows = self.read_list::<TeamRow>(call, &["teams", "results"]).await?.rows;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                Some(Team { id: row.id.0?, name: row.name.untrusted()?, inactive: row.inactive.is_set() })
            })
            .collect())
    }
}
