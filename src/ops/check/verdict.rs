//! What one check of the connection test comes to, with the next step.

use std::fmt::Display;

use crate::domain::check::{CheckId, CheckStatus, Gate, MissingRight, WriteProof};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::Hint;
use crate::halo::rights::{self, APPLICATION, ROLE, Scopes};

/// How one check ends.
pub(super) struct Verdict {
    pub(super) status: CheckStatus,
    pub(super) message: String,
    pub(super) hint: Option<Hint>,
    pub(super) http_status: Option<u16>,
    pub(super) failure: Option<FailureKind>,
    pub(super) missing: Option<MissingRight>,
    pub(super) writes: Option<WriteProof>,
}

impl Verdict {
    pub(super) fn new(status: CheckStatus, message: String, hint: Option<Hint>) -> Self {
        let http_status = (status != CheckStatus::Skip).then_some(200);
        Self { status, message, hint, http_status, failure: None, missing: None, writes: None }
    }

    pub(super) fn pass(message: String) -> Self {
        Self::new(CheckStatus::Pass, message, None)
    }

    pub(super) fn warn(message: String, hint: impl Into<Hint>) -> Self {
        Self::new(CheckStatus::Warn, message, Some(hint.into()))
    }

    pub(super) fn skip(message: impl Display) -> Self {
        Self::new(CheckStatus::Skip, message.to_string(), None)
    }

    /// Says what is known of writing what could be read. Reading proves nothing of it, and nothing is written to find
    /// out.
    pub(super) fn and_writing(mut self, id: CheckId, write: WriteProof, scopes: &Scopes) -> Self {
        self.writes = Some(write);
        match write {
            WriteProof::Expected => self.message.push_str("; writing allowed by scope and role"),
            WriteProof::NotProvable => self.message.push_str("; writing not tested yet"),
            WriteProof::Doubtful => {
                self.status = CheckStatus::Warn;
                // The gate that is shut, and no other; in the words of whatever else it keeps out.
                let (needs, advice) = if matches!(id, CheckId::Tickets | CheckId::Actions) {
                    let advice = format!("in Halo, {APPLICATION}: tick \"all\", or at least \"edit:tickets\"");
                    ("the scope \"edit:tickets\"", advice)
                } else if scopes.are_wide() {
                    ("an administrator", format!("in Halo, {ROLE}: {}", rights::role_right(CheckId::Webhooks)))
                } else {
                    ("the scope \"all\"", rights::tick_all())
                };
                self.message.push_str(&format!("; writing may be refused: it needs {needs}"));
                self.hint = Some(match self.hint.take() {
                    Some(hint) => hint.and("; ", advice),
                    None => advice.into(),
                });
            }
        }
        self
    }

    /// A check that failed; where a right is missing, with which gate is shut.
    pub(super) fn fail(id: CheckId, failure: Failure, scopes: &Scopes) -> Self {
        let mut message = failure.to_string();
        let mut hint = failure.hint;
        let missing =
            (failure.kind == FailureKind::MissingRight).then(|| rights::missing(id, failure.http_status, scopes));
        if let Some(missing) = &missing {
            message.push_str(match missing.gate {
                Gate::Application if failure.http_status == Some(401) => "",
                Gate::Application => "; the application's permissions do not cover it",
                Gate::AgentRole => "; the application's permissions cover it, so the agent's role lacks it",
                Gate::Either => "; either the application's permissions or the agent's role lacks it",
            });
            hint = Some(missing.advice().into());
        }
        Self {
            status: CheckStatus::Fail,
            message,
            hint,
            http_status: failure.http_status,
            failure: Some(failure.kind),
            missing,
            writes: None,
        }
    }

    /// Not asked, so that the test stays short.
    pub(super) fn no_room() -> Self {
        Self::skip("not tested: a test is limited to 14 requests, and what came before took them")
    }

    /// Nothing is known of what this check is about, because that could not be read.
    pub(super) fn not_tried(because: CheckId) -> Self {
        Self::skip(format_args!("not tested: \"{}\" has to pass first", because.title()))
    }
}

/// A list that Halo gives: what a restricted agent may not see is simply absent from it.
pub(super) fn list(length: usize, (one, many): (&str, &str), restricted: bool, hint: &str) -> Verdict {
    let read = format!("{} can be read", counted(length as u64, one, many));
    match length {
        0 => Verdict::warn(format!("Halo lists no {one} for this agent"), hint),
        1 => Verdict::warn(format!("{read}; if there are more, the agent does not see them"), hint),
        _ if restricted => Verdict::warn(format!("{read}; there may be more: the agent is restricted"), hint),
        _ => Verdict::pass(read),
    }
}

/// A list that may well be empty. Webhooks and tabs can be closed to an agent one by one.
pub(super) fn there(length: usize, (one, many): (&str, &str), restricted: bool) -> Verdict {
    let read = format!("{} can be read", counted(length as u64, one, many));
    if !restricted {
        return Verdict::pass(read);
    }
    let hint = "in Halo, check who may see them; what the agent cannot see is neither repaired nor removed";
    Verdict::warn(format!("{read}; there may be more: the agent is restricted"), hint)
}

pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", crate::domain::thousands(count), if count == 1 { one } else { many })
}
