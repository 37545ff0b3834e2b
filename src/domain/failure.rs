//! Why something did not work, ordered by what the person can do about it.

use std::fmt;

use jiff::Timestamp;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::fields::FieldId;
use super::next::Hint;
use super::untrusted::Untrusted;

/// What kind of failure it is: decides the exit code, the place on the screen and the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The request itself was wrong: bad options, bad input, nothing configured.
    Usage,
    /// A yes is needed before going on.
    NeedsYes,
    /// Part of it was done, and the rest was not.
    PartlyDone,
    /// Halo does not accept the Client ID, the Client Secret or the scope.
    WrongCredentials,
    /// The agent or the application lacks a right.
    MissingRight,
    /// Name, TLS, time-out, server errors that outlast the retries.
    NotReached,
    /// Halo's request limit, until the given time where it is known.
    RateLimited(Option<Timestamp>),
    /// Halo or this program understood and declined: a 400 with its reason, an answer that makes no sense, something that
    /// has to be done first. A missing right is none: that is what the exit code "Halo refused" is for.
    Declined,
    /// Another process holds the sync or the configuration.
    Busy,
    /// Settings, store or disk cannot be used.
    LocalState,
    /// The person stopped it.
    Interrupted,
}

/// A failure as a person meets it: what happened, what Halo said, what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// By what the person can do.
    pub kind: FailureKind,
    /// What happened, in one sentence without a full stop.
    pub message: String,
    /// The next step.
    pub hint: Option<Hint>,
    /// Halo's own words.
    pub halo_said: Option<Untrusted>,
    /// Halo's status code.
    pub http_status: Option<u16>,
    /// The setting it points at. Of Client ID and Client Secret Halo does not say which: then it is the secret.
    pub field: Option<FieldId>,
}

impl Failure {
    /// A failure with nothing but a message.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, halo_said: None, http_status: None, field: None }
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The failure's name in JSON.
    pub fn code(&self) -> &'static str {
        match self.kind {
            FailureKind::Usage => "usage",
            FailureKind::NeedsYes => "needs_confirmation",
            FailureKind::PartlyDone => "partly_done",
            FailureKind::WrongCredentials => "wrong_credentials",
            FailureKind::MissingRight => "missing_right",
            FailureKind::NotReached => "not_reached",
            FailureKind::RateLimited(_) => "rate_limited",
            FailureKind::Declined => "refused",
            FailureKind::Busy => "busy",
            FailureKind::LocalState => "local_state",
            FailureKind::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(said) = &self.halo_said
            && !said.raw().trim().is_empty()
        {
            write!(f, ": Halo says \"{said}\"")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Written out as the `error` object of `assets/schema/`.
impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("error", 3)?;
        object.serialize_field("code", self.code())?;
        object.serialize_field("message", &self.to_string())?;
        object.serialize_field("hint", &self.hint)?;
        object.end()
    }
}
