//! Everything that ever happens to the interface, in one total order.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;

use crate::domain::body::Body;
use crate::domain::callback::{CallbackUrl, EventGroup};
use crate::domain::check::{Check, CheckReport};
use crate::domain::configuration::ConfigurationId;
use crate::domain::delivery::Delivery;
use crate::domain::failure::Failure;
use crate::domain::full_circle::{FullCircle, HopReport};
use crate::domain::merge::Clash;
use crate::domain::plan::{ChangeResult, ConfigureReport, Plan};
use crate::domain::request::{Activation, SaveReport, Standing};
use crate::domain::secret::Secret;
use crate::domain::status::{Lists, Overview};
use crate::domain::sync_run::{BudgetWait, ClientChange, Silence, SyncProgress, SyncReport};
use crate::domain::ticket::{BoardTickets, Escalation, Unfinished};
use crate::keys::Command;

use super::effect::Slot;
use super::form::FieldId;
use super::go::Go;
use super::panes::clients::list::ClientList;
use super::panes::events::list::Recent;
use super::wizard::state::Item;

/// Something happened. Its `Debug` does not tell what was typed or pasted: that may be a secret.
#[derive(Clone, PartialEq)]
pub enum Message {
    /// A key was pressed (or repeated; releases never arrive).
    Key(KeyEvent),
    /// Characters came faster than anybody types: a paste that the terminal does not mark, or what was typed while the
    /// line stalled.
    Burst(Secret),
    /// Enter right behind characters that came at once, in a terminal that marks its pastes.
    QuickEnter,
    /// A text was pasted, to the letter.
    Paste(Secret),
    /// A paste was begun whose end has not come: every key is taken for a part of it.
    PasteOpen,
    /// The terminal has a new size.
    Resize(Size),
    /// A command by its name, as its key would do it: for whoever has no keys, and has read what is asked.
    Do(Command),
    /// Straight to a place.
    Go(Go),
    /// The focus, straight to an item of the set-up.
    Focus(Item),
    /// A field of the set-up, answered whole: an agent by the id, nothing for blank.
    Answer(FieldId, Secret),
    /// What a slot reads of the open configuration is to be read once more.
    Read(Slot),
    /// A task answered. Answers of tasks that were replaced or cancelled never arrive.
    Reply(Box<Reply>),
    /// The moment has come that `next_wake` asked for.
    Wake,
    /// The program is asked to end: a signal, or the terminal is gone.
    Leave,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(KeyEvent { code: KeyCode::Char(_), modifiers, .. })
                if !modifiers.contains(KeyModifiers::CONTROL) =>
            {
                f.write_str("Key(_)")
            }
            Self::Key(key) => write!(f, "Key({:?}, {:?})", key.code, key.modifiers),
            Self::Do(command) => f.debug_tuple("Do").field(command).finish(),
            Self::Go(go) => f.debug_tuple("Go").field(go).finish(),
            Self::Focus(item) => f.debug_tuple("Focus").field(item).finish(),
            Self::Answer(field, _) => write!(f, "Answer({field:?}, _)"),
            Self::Read(slot) => f.debug_tuple("Read").field(slot).finish(),
            Self::Burst(_) => f.write_str("Burst(_)"),
            Self::QuickEnter => f.write_str("QuickEnter"),
            Self::Paste(_) => f.write_str("Paste(_)"),
            Self::PasteOpen => f.write_str("PasteOpen"),
            Self::Resize(size) => f.debug_tuple("Resize").field(size).finish(),
            Self::Reply(reply) => f.debug_tuple("Reply").field(reply).finish(),
            Self::Wake => f.write_str("Wake"),
            Self::Leave => f.write_str("Leave"),
        }
    }
}

/// The answer of an effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Every configuration, and the draft.
    Overview(Result<Overview, Failure>),
    /// What is waited for while a plan is read or applied.
    Waiting {
        /// Halo's request limit.
        limit: Option<BudgetWait>,
        /// An answer.
        silence: Option<Silence>,
    },
    /// One check is done.
    Checked(Check),
    /// The connection test has ended.
    Verified(Result<CheckReport, Failure>),
    /// A configuration was saved.
    Saved(Result<SaveReport, Failure>),
    /// It was not: another person has changed the same since it was read.
    Clashed(Box<Clash>),
    /// Somebody else is changing the configuration that is open, in words.
    AlsoEditing(String),
    /// The draft could not be kept.
    DraftFailed(Failure),
    /// The sync goes on.
    SyncProgress(SyncProgress),
    /// Another program, told in words, is at a sync already: that one is followed.
    SyncFollows(String),
    /// The sync has ended.
    Synced(Result<SyncReport, Failure>),
    /// It is noted that the person goes on with clients that no sync has proved to be all.
    Agreed(Result<ConfigurationId, Failure>),
    /// Agents, teams, ticket types.
    Lists(Result<Lists, Failure>),
    /// The plan; where the check before it failed, its report.
    Planned(Result<Result<Plan, CheckReport>, Failure>),
    /// One object is done.
    Applied(ChangeResult),
    /// Configure has ended.
    Configured(Result<ConfigureReport, Failure>),
    /// What Halo's log says of the deliveries of each webhook.
    Deliveries(Result<Vec<Delivery>, Failure>),
    /// A station of the full circle.
    Hop(HopReport),
    /// The full circle is over.
    Proved(Result<FullCircle, Failure>),
    /// The newest events, and how the service stands.
    Events(Result<Box<Recent>, Failure>),
    /// The body of an event; none where it is not kept any more.
    Event(Result<Option<Body>, Failure>),
    /// The open tickets on the Pia Board.
    Tickets(Result<BoardTickets, Failure>),
    /// A ticket was handed over to people, or why not.
    Escalated(Result<Box<Escalation>, Unfinished>),
    /// The stored clients.
    Clients(Result<ClientList, Failure>),
    /// Their beginning, while the rest is being read.
    FirstClients(ClientList),
    /// What is listed was written: how many clients, and to which file.
    Exported(Result<(usize, String), Failure>),
    /// What a run changed; none where it is not remembered.
    Changes(Result<Option<Vec<ClientChange>>, Failure>),
    /// Where a configuration stands.
    Status(Result<Box<Standing>, Failure>),
    /// The callback addresses.
    Callbacks(Result<Vec<(EventGroup, CallbackUrl)>, Failure>),
    /// The steps that install the service, or why it cannot be done from here.
    Installation(Result<Vec<String>, Failure>),
    /// The service was installed, and whether the account it runs as is set up; or why not.
    Installed(Result<bool, Failure>),
    /// The stored secrets were deleted, or why not.
    Forgotten(Result<ConfigurationId, Failure>),
    /// A configuration was deleted, or why not.
    Deleted(Result<ConfigurationId, Failure>),
    /// Halo was asked whether everything is as it should be, and what kept that from its end.
    Looked(Result<Option<Failure>, Failure>),
    /// What became of a problem, in words.
    Issue(Result<&'static str, Failure>),
    /// The active configuration changed, or why it did not.
    Activated(Result<Activation, Failure>),
    /// A text went to the terminal's clipboard, or why not.
    Copied(Result<(), String>),
    /// The program was not stopped: nobody is there who could bring it back.
    NotSuspended,
}

impl Reply {
    /// Whether it says how far a task is. There are many of these, and a last reply follows.
    pub fn is_progress(&self) -> bool {
        matches!(self, Self::Checked(_) | Self::SyncProgress(_) | Self::Applied(_) | Self::Waiting { .. })
    }
}
