//! A request as it came, and where it goes.

use super::faults::Fault;
use super::log::RecordedRequest;
use super::query::Query;
use super::state::State;
use super::token;
use serde_json::Value;

/// A request as it came over the socket.
#[derive(Debug, Clone, Default)]
pub(super) struct Received {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Query,
    pub(super) content_type: Option<String>,
    pub(super) authorization: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    AuthInfo,
    Token,
    Metadata,
    Api,
    /// The web interface, which shows its login page.
    Page,
}

impl Received {
    pub(super) fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|segment| !segment.is_empty()).collect()
    }

    pub(super) fn place(&self, state: &State) -> Place {
        match self.segments()[..] {
            ["api", "authinfo"] => Place::AuthInfo,
            ["api", ..] => Place::Api,
            ["auth", "token"] if !state.has(Fault::AuthAtRoot) => Place::Token,
            ["token"] if state.has(Fault::AuthAtRoot) => Place::Token,
            ["auth", ".well-known", "openid-configuration"] if !state.has(Fault::AuthAtRoot) => Place::Metadata,
            [".well-known", "openid-configuration"] if state.has(Fault::AuthAtRoot) => Place::Metadata,
            _ => Place::Page,
        }
    }

    pub(super) fn is_read(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }

    /// What the log keeps; secrets of the login are masked.
    pub(super) fn recorded(&self, state: &State) -> RecordedRequest {
        let login = self.place(state) == Place::Token || self.path.ends_with("/token");
        let body = if self.body.is_empty() {
            None
        } else if login {
            Some(token::masked_form(&self.body))
        } else {
            let text = || Value::from(String::from_utf8_lossy(&self.body).into_owned());
            Some(serde_json::from_slice(&self.body).unwrap_or_else(|_| text()))
        };
        RecordedRequest {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.0.clone(),
            body,
            user_agent: self.user_agent.clone(),
            authorized: self.authorization.is_some(),
            status: 0,
            at: state.clock.now(),
        }
    }
}
