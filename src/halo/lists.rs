//! The short lists: agents, teams, and who Halo says it is.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::wire::{Each, Flag, Int, Text};
use super::{HaloApi, HaloError};
use crate::domain::people::{Agent, Status, Team, UNASSIGNED};
use crate::domain::untrusted::Untrusted;
use crate::halo::product::Product;
use crate::halo::rights::AgentRights;

/// What Halo says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The version of the program.
    pub version: Option<Untrusted>,
    /// The name of the product: Halo PSA, HaloITSM.
    pub product: Option<Untrusted>,
}

#[derive(Deserialize)]
struct InstanceReply {
    #[serde(default)]
    app_version: Text,
    #[serde(default)]
    app_name: Text,
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
    #[serde(default)]
    isapiagent: Flag,
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

#[derive(Deserialize)]
struct StatusRow {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    name: Text,
}

impl HaloApi {
    /// What Halo says of itself.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn instance(&self) -> Result<Instance, HaloError> {
        let does = "report its version";
        let reply = self.read_one::<InstanceReply>(self.get(does, "/api/InstanceInfo", &[])).await?;
        let reply = reply.ok_or(HaloError::NotFound { does })?;
        if let Some(product) = reply.app_name.clone().untrusted().as_ref().and_then(Product::named) {
            self.call_it(product);
        }
        if let Some(version) = reply.app_version.clone().untrusted() {
            _ = self.shared.version.set(version);
        }
        Ok(Instance { version: reply.app_version.untrusted(), product: reply.app_name.untrusted() })
    }

    /// What Halo tells of the agent that this application logs in as. The reply has megabytes.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn own_agent(&self) -> Result<AgentRights, HaloError> {
        let does = "report the agent that the application logs in as";
        let reply = self.read_one::<OwnAgentReply>(self.get(does, "/api/Agent/me", &[])).await?;
        let reply = reply.ok_or(HaloError::NotFound { does })?;
        Ok(AgentRights { is_admin: reply.is_admin.0, sees_chosen_clients: !reply.clients.0.is_empty() })
    }

    /// Every agent, disabled ones included: a choice made earlier has to be recognised. The reply is a bare list or an
    /// envelope.
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
                let is_somebody = id != UNASSIGNED && !row.isdisabled.is_set() && row.is_agent.0 != Some(false);
                // Halo gives no ticket to an agent that is there for programs alone.
                let api_only = row.isapiagent.is_set();
                Some(Agent { id, name: row.name.untrusted()?, assignable: is_somebody && !api_only, api_only })
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

    /// Every status. Which of them end a ticket is what Halo leaves out of its list of the others; where it leaves
    /// nothing out, it does not know the question, and their names tell.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn statuses(&self) -> Result<Vec<Status>, HaloError> {
        let all = self.list_statuses(&[]).await?;
        let open = self.list_statuses(&[("excludeclosed", "true")]).await?;
        let open: BTreeSet<i64> = open.into_iter().map(|(id, _)| id).collect();
        let knows = !open.is_empty() && all.iter().any(|(id, _)| !open.contains(id));
        let ends = |id: i64, name: &Untrusted| if knows { !open.contains(&id) } else { Status::sounds_final(name) };
        Ok(all.into_iter().map(|(id, name)| Status { id, ends: ends(id, &name), name }).collect())
    }

    /// The statuses that a question is about, by id and name.
    async fn list_statuses(&self, query: &[(&'static str, &str)]) -> Result<Vec<(i64, Untrusted)>, HaloError> {
        let call = self.get("list the statuses", "/api/Status", query);
        let rows = self.read_list::<StatusRow>(call, &["statuses", "results"]).await?.rows;
        Ok(rows.into_iter().filter_map(|row| Some((row.id.0?, row.name.untrusted()?))).collect())
    }

    /// How many statuses there are, to find out whether they can be read.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn probe_statuses(&self) -> Result<usize, HaloError> {
        self.list_statuses(&[]).await.map(|statuses| statuses.len())
    }
}
