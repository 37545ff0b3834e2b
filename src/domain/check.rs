//! The verdict on a connection: each thing that later steps need, tried for itself.

use serde::Serialize;

use super::failure::FailureKind;
use super::fields::FieldId;
use super::next::Hint;
use super::people::{Agent, Team, TicketType};
use super::sync_run::Sight;

/// What is tried, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckId {
    /// The Url leads to a Halo.
    Address,
    /// The Client ID and Client Secret give a token.
    Token,
    /// Clients can be read.
    Clients,
    /// Agents can be read.
    Agents,
    /// Teams can be read.
    Teams,
    /// Ticket types can be read.
    TicketTypes,
    /// Webhooks can be read.
    Webhooks,
    /// Custom tabs can be read.
    CustomTabs,
    /// Tickets can be read.
    Tickets,
    /// The notes of a ticket can be read.
    Actions,
    /// Statuses can be read.
    Statuses,
    /// The Pia Board is a team in Halo.
    PiaBoard,
    /// The Pia Escalation Board is a team in Halo.
    EscalationBoard,
    /// Pia Escalate To is an agent in Halo.
    EscalateTo,
}

impl CheckId {
    /// Every check.
    pub const ALL: [Self; 14] = [
        Self::Address,
        Self::Token,
        Self::Clients,
        Self::Agents,
        Self::Teams,
        Self::TicketTypes,
        Self::Webhooks,
        Self::CustomTabs,
        Self::Tickets,
        Self::Actions,
        Self::Statuses,
        Self::PiaBoard,
        Self::EscalationBoard,
        Self::EscalateTo,
    ];

    /// Whether Halo is asked for it: the others are judged by what was read.
    pub fn is_asked(self) -> bool {
        !matches!(self, Self::PiaBoard | Self::EscalationBoard | Self::EscalateTo)
    }

    /// The words for it on a screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Address => FieldId::Url.info().label,
            Self::Token => FieldId::Token.info().label,
            Self::Clients => "Clients",
            Self::Agents => "Agents",
            Self::Teams => "Teams",
            Self::TicketTypes => "Ticket types",
            Self::Webhooks => "Webhooks",
            Self::CustomTabs => "Custom tabs",
            Self::Tickets => "Tickets",
            Self::Actions => "Notes of tickets",
            Self::Statuses => "Statuses",
            Self::PiaBoard => FieldId::PiaBoard.info().label,
            Self::EscalationBoard => FieldId::EscalationBoard.info().label,
            Self::EscalateTo => FieldId::EscalateTo.info().label,
        }
    }
}

/// When a right is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// By the wizard, the first sync and Configure.
    Setup,
    /// By the daily sync, and to look up the tickets behind events.
    Daily,
    /// To hand a ticket over to people.
    Escalate,
}

impl Phase {
    /// The word for it on a screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Daily => "daily",
            Self::Escalate => "escalate",
        }
    }
}

/// What is done with something in Halo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// It is read.
    Read,
    /// It is made or changed.
    Write,
}

/// Every right that is needed, and when.
pub const NEEDED: [(CheckId, Access, &[Phase]); 14] = {
    use Access::{Read, Write};
    use Phase::{Daily, Escalate, Setup};
    [
        (CheckId::Clients, Read, &[Setup, Daily]),
        (CheckId::Agents, Read, &[Setup, Daily]),
        (CheckId::Teams, Read, &[Setup, Daily]),
        (CheckId::TicketTypes, Read, &[Setup, Daily]),
        (CheckId::TicketTypes, Write, &[Setup]),
        (CheckId::Webhooks, Read, &[Setup, Daily]),
        (CheckId::Webhooks, Write, &[Setup]),
        (CheckId::CustomTabs, Read, &[Setup]),
        (CheckId::CustomTabs, Write, &[Setup]),
        (CheckId::Tickets, Read, &[Daily, Escalate]),
        (CheckId::Tickets, Write, &[Escalate]),
        (CheckId::Actions, Read, &[Escalate]),
        (CheckId::Actions, Write, &[Escalate]),
        (CheckId::Statuses, Read, &[Daily]),
    ]
};

/// Whether a right is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RightState {
    /// It was used just now.
    Have,
    /// Nothing was written to find out; scope and role allow it.
    Expected,
    /// Halo refused.
    Missing,
    /// Nothing was written to find out; scope or role speak against it.
    Doubtful,
    /// Nothing is known of it.
    Unknown,
}

impl RightState {
    /// The words for it on a screen.
    pub fn words(self) -> &'static str {
        match self {
            Self::Have => "have",
            Self::Expected => "expected",
            Self::Missing => "MISSING",
            Self::Doubtful => "doubtful",
            Self::Unknown => "unknown",
        }
    }
}

/// A row of the table of rights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Right {
    /// What it is a right to.
    pub id: CheckId,
    /// What is done with it.
    pub access: Access,
    /// When it is needed.
    pub phases: &'static [Phase],
    /// Whether it is there.
    pub state: RightState,
    /// Where in Halo it is ticked.
    pub place: String,
}

/// How one check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// As needed.
    Pass,
    /// Usable, but worth a look.
    Warn,
    /// Not as needed.
    Fail,
    /// Not tried, because something before it failed or it is not configured.
    Skip,
}

/// Which gate is shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// The application's permissions.
    Application,
    /// The agent's role.
    AgentRole,
    /// One of the two: Halo does not tell.
    Either,
}

/// A right that is missing, and where in Halo it is ticked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingRight {
    /// Which gate is shut.
    pub gate: Gate,
    /// The right, in Halo's words.
    pub right: String,
    /// Where it is ticked.
    pub place: String,
}

impl MissingRight {
    /// What to do, as a sentence without a full stop.
    pub fn advice(&self) -> String {
        format!("in Halo, {}: {}", self.place, self.right)
    }
}

/// What can be said of writing something before the first write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteProof {
    /// The scope covers it and the agent is an administrator.
    Expected,
    /// Halo does not tell.
    NotProvable,
    /// The scope does not cover it, or the agent is no administrator.
    Doubtful,
}

/// One check with its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was tried.
    pub id: CheckId,
    /// How it ended.
    pub status: CheckStatus,
    /// What was found, Halo's own words included, already fit to be shown.
    pub message: String,
    /// What to change, and where.
    pub hint: Option<Hint>,
    /// Halo's status code.
    pub http_status: Option<u16>,
    /// The right that is missing, and where in Halo it is ticked, where that is what it failed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<MissingRight>,
    /// What can be said before the first write of writing what was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes: Option<WriteProof>,
    /// How long it took.
    pub duration_ms: u64,
    /// What kind of failure it is, where it failed: decides the exit code.
    #[serde(skip)]
    pub failure: Option<FailureKind>,
}

/// Which Halo answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HaloIdentity {
    /// The address that was used.
    pub url: String,
    /// The sign-in server.
    pub auth_url: Option<String>,
    /// The tenant, where Halo or the settings name one.
    pub tenant: Option<String>,
    /// Halo's version.
    pub version: Option<String>,
}

/// All verdicts together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// False when any check failed.
    pub ok: bool,
    /// The configuration's id, once it has one.
    pub configuration: Option<String>,
    /// Which Halo answered.
    pub halo: HaloIdentity,
    /// One verdict each, in order.
    pub checks: Vec<Check>,
    /// Every right that is needed; empty where only some of them were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rights: Vec<Right>,
    /// When the token runs out: what the field Authentication Token shows.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::domain::calendar::json")]
    pub token_valid_until: Option<jiff::Timestamp>,
    /// The teams that were read: suggestions for the boards before the first sync.
    #[serde(skip)]
    pub teams: Option<Vec<Team>>,
    /// The agents that were read.
    #[serde(skip)]
    pub agents: Option<Vec<Agent>>,
    /// The ticket types that were read.
    #[serde(skip)]
    pub ticket_types: Option<Vec<TicketType>>,
    /// Which clients the agent sees; none where nobody has asked.
    #[serde(skip)]
    pub sight: Option<Sight>,
}

impl Check {
    /// Whether the right to read, or to write, what it is about is there.
    pub fn right(&self, access: Access) -> RightState {
        let is_read = matches!(self.status, CheckStatus::Pass | CheckStatus::Warn) && self.missing.is_none();
        match (access, self.writes) {
            (Access::Read, _) if is_read => RightState::Have,
            (_, _) if self.missing.is_some() => RightState::Missing,
            (Access::Write, Some(WriteProof::Expected)) => RightState::Expected,
            (Access::Write, Some(WriteProof::Doubtful)) => RightState::Doubtful,
            _ => RightState::Unknown,
        }
    }

    /// What there is to look at although nothing failed.
    pub fn warning(&self) -> Option<String> {
        (self.status == CheckStatus::Warn).then(|| format!("{}: {}", self.id.title(), self.message))
    }
}

impl CheckReport {
    /// Everything that is worth a look although it did not fail.
    pub fn warnings(&self) -> Vec<String> {
        self.checks.iter().filter_map(Check::warning).collect()
    }

    /// The first check that failed.
    pub fn first_failure(&self) -> Option<&Check> {
        self.checks.iter().find(|check| check.status == CheckStatus::Fail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_that_is_needed_has_phase_and_check() {
        for (id, access, phases) in NEEDED {
            assert!(!phases.is_empty(), "{id:?} {access:?}");
        }
        let read = |id| NEEDED.iter().any(|(needed, access, _)| (*needed, *access) == (id, Access::Read));
        let judged =
            [CheckId::Address, CheckId::Token, CheckId::PiaBoard, CheckId::EscalationBoard, CheckId::EscalateTo];
        for id in CheckId::ALL {
            assert_eq!(read(id), !judged.contains(&id), "{id:?}");
        }
    }
}
