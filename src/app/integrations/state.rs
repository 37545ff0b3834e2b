//! The state of the Integrations page.

use tui_input::Input;

use crate::app::layout::Window;

#[derive(Debug, Default)]
pub struct IntegrationsPage {
    /// What is searched for.
    pub query: Input,
    /// Whether the search line has the focus.
    pub searching: bool,
    /// Whether every known integration is listed.
    pub all: bool,
    /// The selected card.
    pub window: Window,
}
