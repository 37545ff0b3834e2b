//! An API application, and a token issued to it.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// An API application of Halo: credentials and scopes.
#[derive(Clone, PartialEq, Eq)]
pub struct Application {
    /// Looks like a GUID.
    pub client_id: String,
    /// Looks like two GUIDs.
    pub client_secret: String,
    /// What its Permissions tab allows; `all` at first.
    pub scopes: BTreeSet<String>,
    /// Whether it is active.
    pub active: bool,
}

impl fmt::Debug for Application {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Application");
        shown.field("client_id", &self.client_id).field("scopes", &self.scopes).field("active", &self.active);
        shown.finish_non_exhaustive()
    }
}

/// An issued bearer. It keeps the scopes with which it was issued.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) expires: Duration,
    pub(super) scopes: BTreeSet<String>,
    pub(super) requests: u32,
}
