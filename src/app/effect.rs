//! What the interface asks of the world outside, as plain data.

use crate::domain::client::StoredClient;
use crate::domain::configuration::ConfigurationId;
use crate::domain::draft::Draft;
use crate::domain::health::Rule;
use crate::domain::plan::Parts;
use crate::domain::plan::Plan;
use crate::domain::request::{SaveRequest, VerifyRequest};
use crate::domain::secret::Secret;
use crate::domain::sync_run::Brake;

use super::panes::clients::list::ClientList;

/// One running task per purpose. Starting a slot again cancels what ran there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The list of configurations.
    Overview,
    /// The connection test.
    Check,
    /// Saving a configuration.
    Save,
    /// Activating, deactivating.
    Activate,
    /// The units of the service.
    Service,
    /// The unfinished wizard.
    Draft,
    /// Letting others know what is being changed here.
    Edit,
    /// The company sync.
    Sync,
    /// The lists kept beside the clients.
    Lists,
    /// Reading what Halo holds, and planning.
    Plan,
    /// Applying a plan.
    Configure,
    /// Halo's delivery log.
    Deliveries,
    /// A test ticket that goes full circle.
    Prove,
    /// Looking out for events.
    Watch,
    /// The body of an event.
    Event,
    /// The tickets on the Pia Board.
    Tickets,
    /// Handing a ticket over to people.
    Escalate,
    /// The stored client list.
    Clients,
    /// Writing what is listed of it to a file.
    Export,
    /// What a run changed.
    Changes,
    /// Where a configuration stands, its last runs, and the audit trail.
    Status,
    /// The callback addresses.
    Callbacks,
    /// Asking Halo whether everything is as it should be.
    Look,
    /// What becomes of a problem.
    Issue,
}

/// Something to be done outside. Plain data: a test compares it whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Stop what runs in a slot.
    Cancel(Slot),
    /// Read the configurations and the draft. Answer: [`Reply::Overview`](super::message::Reply::Overview).
    LoadOverview,
    /// Test a connection. Answers: `Checked` for each check, then `Verified`.
    Verify(Box<VerifyRequest>),
    /// Save a configuration. Answer: `Saved`.
    Save(Box<SaveRequest>),
    /// Keep the unfinished wizard. No answer unless it fails: `DraftFailed`.
    SaveDraft(Box<Draft>),
    /// Forget the unfinished wizard.
    DiscardDraft,
    /// Let others know that a configuration is being changed here, until it is cancelled. Answer where somebody else is
    /// changing it: `AlsoEditing`.
    HoldEdit(ConfigurationId),
    /// Run the company sync. Answers: `SyncProgress`, then `Synced`.
    Sync {
        /// The configuration whose clients are read.
        id: ConfigurationId,
        /// What becomes of it where many clients are gone.
        brake: Brake,
    },
    /// Note that the person goes on with clients that no sync has proved to be all. Answer: `Agreed`.
    AgreeUnproved(ConfigurationId),
    /// Read agents, teams and ticket types from the store. Answer: `Lists`.
    LoadLists(ConfigurationId),
    /// Read them from Halo and keep them. Answer: `Lists`.
    RefreshLists(ConfigurationId),
    /// Check, read what Halo holds, and plan. Answers: `Checked` for each check, then `Planned`.
    LoadPlan(ConfigurationId),
    /// The same, with objects of somebody else's that are taken over, by their ids.
    LoadPlanTaking(ConfigurationId, Vec<String>),
    /// Apply a plan. Answers: `Applied` for each object, then `Configured`.
    Configure(ConfigurationId, Box<Plan>),
    /// Check, read what Halo holds, and plan what is taken out. Answers: as of [`Effect::LoadPlan`].
    LoadRemoval(ConfigurationId, Parts),
    /// Take out what a plan says, and make another configuration active once that is done. Answers: `Applied` for each
    /// object, then `Configured`; then `Activated` where it was.
    Remove {
        /// Whose objects.
        id: ConfigurationId,
        /// Which parts.
        parts: Parts,
        /// What becomes active afterwards.
        then: Option<ConfigurationId>,
        /// The plan that was agreed to.
        plan: Box<Plan>,
    },
    /// Check, read what Halo holds, and plan how the last run of Configure is undone. Answers: as of
    /// [`Effect::LoadPlan`].
    LoadRollBack(ConfigurationId),
    /// Undo what a plan says. Answers: as of [`Effect::Configure`].
    RollBack(ConfigurationId, Box<Plan>),
    /// Check, read what Halo holds, and plan which objects get a new callback token and password. Answers: as of
    /// [`Effect::LoadPlan`].
    LoadRotation(ConfigurationId),
    /// Give them to Halo. Answers: as of [`Effect::Configure`].
    Rotate(ConfigurationId, Box<Plan>),
    /// One of those that write to Halo, by a person who has agreed to take the configuration over from another machine.
    /// Answers: as without that.
    TakingOver(Box<Self>),
    /// Read what would install the service under systemd. Answer: `Installation`.
    LoadInstallation,
    /// Do that. Answer: `Installed`.
    InstallService,
    /// Delete the stored secrets, once Halo does not use them. Answer: `Forgotten`.
    ForgetSecrets(ConfigurationId),
    /// Read Halo's delivery log. Answer: `Deliveries`.
    LoadDeliveries(ConfigurationId),
    /// Send a test ticket full circle. Answers: `Hop` for each station, then `Proved`.
    Prove(ConfigurationId),
    /// Read the newest events now and whenever something changes, until it is cancelled. Answers: `Events`.
    WatchEvents {
        /// The configuration whose events are watched.
        id: ConfigurationId,
        /// How many.
        limit: usize,
    },
    /// Read the newest events once: for whoever asks for them line by line. Answer: `Events`.
    LoadEvents(ConfigurationId),
    /// Read the body of an event. Answer: `Event`.
    LoadEvent {
        /// The configuration that the event came to.
        id: ConfigurationId,
        /// Its place among the events.
        number: i64,
    },
    /// Read the open tickets on the Pia Board from Halo. Answer: `Tickets`.
    LoadTickets(ConfigurationId),
    /// Hand a ticket over to people. Answer: `Escalated`.
    Escalate {
        /// The configuration in whose Halo the ticket is.
        id: ConfigurationId,
        /// Halo's number of it.
        ticket: i64,
        /// The note that goes with it.
        note: Option<String>,
    },
    /// Read the stored clients. Answers: `FirstClients`, then `Clients`.
    LoadClients(ConfigurationId),
    /// Write clients to a new file. Answer: `Exported`.
    Export(Box<Export>),
    /// Read what a run changed. Answer: `Changes`.
    LoadChanges {
        /// The configuration that was synced.
        id: ConfigurationId,
        /// The number of the run.
        run: u64,
    },
    /// Read where a configuration stands, its last runs and the audit trail. Answer: `Status`.
    LoadStatus(ConfigurationId),
    /// Read the callback addresses. Answer: `Callbacks`.
    LoadCallbacks(ConfigurationId),
    /// Make a configuration the active one. Answer: `Activated`.
    Activate {
        /// The one that becomes active.
        id: ConfigurationId,
        /// The other one that the person agreed to leave; no other loses its place.
        replacing: Option<ConfigurationId>,
    },
    /// Ask Halo whether everything is as it should be. Answer: `Looked`.
    Look(ConfigurationId),
    /// Say that a problem is known, or take that back. Answer: `Issue`.
    Dismiss {
        /// The configuration that has the problem.
        id: ConfigurationId,
        /// The rule that is dismissed, or no longer.
        rule: Rule,
        /// Whether it counts again.
        undo: bool,
    },
    /// Forward once more what was given up. Answer: `Issue`.
    SendAgain(ConfigurationId),
    /// Leave no configuration active. Answer: `Activated`.
    Deactivate,
    /// Delete a configuration here; its Halo is not touched. Answer: `Deleted`.
    Delete(ConfigurationId),
    /// Put a text into the clipboard of the person's terminal.
    Copy(Secret),
    /// Stop the program until the shell brings it back.
    Suspend,
    /// Redraw.
    Repaint,
    /// End the program.
    Quit,
}

/// Clients to be written to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The configuration that the clients are of.
    pub id: ConfigurationId,
    /// The file, as it was typed.
    pub file: String,
    /// The name of the file in a folder that was typed.
    pub name: String,
    /// The whole list.
    pub list: ClientList,
    /// The rows of it that are listed, in their order.
    pub rows: Vec<u32>,
}

impl Export {
    /// The clients.
    pub fn clients(&self) -> impl Iterator<Item = &StoredClient> {
        self.rows.iter().filter_map(|row| self.list.client(*row))
    }
}

impl Effect {
    /// Whether it is shown as running and often over before that can be read.
    pub fn is_often_quick(&self) -> bool {
        matches!(
            self,
            Self::Verify(_)
                | Self::LoadPlan(_)
                | Self::LoadPlanTaking(..)
                | Self::LoadRemoval(..)
                | Self::LoadRollBack(_)
                | Self::LoadRotation(_)
                | Self::Save(_)
        )
    }

    /// Whether it is shown as running from its beginning to its end.
    pub fn is_seen_running(&self) -> bool {
        self.is_often_quick() || matches!(self, Self::Sync { .. })
    }

    /// The slot that the effect runs in; none for what is done at once.
    pub fn slot(&self) -> Option<Slot> {
        Some(match self {
            Self::LoadOverview => Slot::Overview,
            Self::Verify(_) => Slot::Check,
            Self::Save(_) | Self::AgreeUnproved(_) => Slot::Save,
            Self::Activate { .. } | Self::Deactivate | Self::Delete(_) | Self::ForgetSecrets(_) => Slot::Activate,
            Self::LoadInstallation | Self::InstallService => Slot::Service,
            Self::SaveDraft(_) | Self::DiscardDraft => Slot::Draft,
            Self::HoldEdit(_) => Slot::Edit,
            Self::Sync { .. } => Slot::Sync,
            Self::LoadLists(_) | Self::RefreshLists(_) => Slot::Lists,
            Self::LoadPlan(_)
            | Self::LoadPlanTaking(..)
            | Self::LoadRemoval(..)
            | Self::LoadRollBack(_)
            | Self::LoadRotation(_) => Slot::Plan,
            Self::Configure(..) | Self::Remove { .. } | Self::RollBack(..) | Self::Rotate(..) => Slot::Configure,
            Self::TakingOver(effect) => return effect.slot(),
            Self::LoadDeliveries(_) => Slot::Deliveries,
            Self::Prove(_) => Slot::Prove,
            Self::WatchEvents { .. } | Self::LoadEvents(_) => Slot::Watch,
            Self::LoadEvent { .. } => Slot::Event,
            Self::LoadTickets(_) => Slot::Tickets,
            Self::Escalate { .. } => Slot::Escalate,
            Self::LoadClients(_) => Slot::Clients,
            Self::Export(_) => Slot::Export,
            Self::LoadChanges { .. } => Slot::Changes,
            Self::LoadStatus(_) => Slot::Status,
            Self::LoadCallbacks(_) => Slot::Callbacks,
            Self::Look(_) => Slot::Look,
            Self::Dismiss { .. } | Self::SendAgain(_) => Slot::Issue,
            Self::Cancel(_) | Self::Copy(_) | Self::Suspend | Self::Repaint | Self::Quit => {
                return None;
            }
        })
    }
}
