//! The state of the Integrations page.

use tui_input::Input;

use crate::app::layout::Window;
use crate::domain::configuration::ConfigurationId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Card {
    /// A saved configuration.
    Saved(ConfigurationId),
    /// A draft of a configuration that was never saved.
    Draft,
    /// The way to a new configuration.
    New,
    /// An integration that is set up elsewhere.
    Other(&'static str),
}

#[derive(Debug, Default)]
pub struct IntegrationsPage {
    /// What is searched for.
    pub query: Input,
    /// Whether the search line has the focus.
    pub searching: bool,
    /// Whether every known integration is listed.
    pub all: bool,
    /// Where the selection stands.
    pub window: Window,
    /// The selected card: the list may change around it.
    pub card: Option<Card>,
}
