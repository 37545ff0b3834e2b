//! Where to lead next: a screen never names another, it says where to go.

use crate::domain::configuration::ConfigurationId;
use crate::domain::draft::{Draft, Step};
use crate::domain::fields::FieldId;
use crate::keys::Pane;

use super::popup::Answer;

#[derive(Clone, Debug, PartialEq)]
pub enum Go {
    /// On from a question, with its answer.
    Answer(Answer),
    /// On from a yes that was typed.
    Agreed,
    /// The Integrations page.
    Integrations,
    /// The Integrations page, from anywhere: what is typed is kept, and the page is read anew.
    Overview,
    Panes,
    Pane(Pane),
    /// The plan of Configure, in the panes, to be read anew.
    Configure,
    /// The plan of what Remove takes out, in the panes.
    Removal,
    /// The panes, at the clients, with the way back into the set-up.
    Clients,
    /// The set-up that is in memory.
    Wizard,
    /// A step of the set-up that is in memory.
    Step(Step),
    /// Out of the set-up; what is typed is kept.
    Leave,
    /// A saved configuration, where it stands.
    Saved(ConfigurationId),
    /// The set-up of a new configuration.
    New,
    /// The set-up of a saved configuration, where it is not finished.
    Unfinished(ConfigurationId),
    /// The settings of a saved configuration, or its draft.
    Edit(ConfigurationId),
    /// One setting of what is open.
    Setting(FieldId),
    /// The set-up that a draft was kept of.
    Draft(Box<Draft>),
}
