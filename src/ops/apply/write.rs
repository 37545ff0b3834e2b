//! What every write has to answer, whatever it is about; and what a read-back can find.

use super::Apply;
use crate::domain::plan::{FieldChange, Outcome};
use crate::domain::record::{BeforeAfter, Members};
use crate::halo::HaloError;

/// A write to one kind of object.
pub(super) trait Write {
    /// Why it cannot be tried: something that it needs is not in Halo.
    fn reason_to_skip(&self, _: &Apply<'_>) -> Option<String> {
        None
    }

    /// Whether the object is still as the plan saw it. One that is gone is for the write itself to find.
    async fn is_as_planned(&self, apply: &Apply<'_>) -> Result<bool, HaloError>;

    /// What is there before an object is made again: where its answer is lost, it is none of these.
    async fn beside(&self, _: &Apply<'_>) -> Result<Vec<String>, HaloError> {
        Ok(Vec::new())
    }

    /// What is read before the write, so that it can be undone.
    async fn read_before(&self, apply: &Apply<'_>) -> Result<BeforeAfter, HaloError>;

    /// Sends it, and gives the id that Halo tells.
    async fn send(&self, apply: &mut Apply<'_>) -> Result<Option<String>, HaloError>;

    /// Sends it in another way where there is one, and else once more: Halo took it and did not do it.
    async fn send_otherwise(&self, apply: &mut Apply<'_>) -> Result<Option<String>, HaloError> {
        self.send(apply).await
    }

    /// Reads back: accepted is not done.
    async fn read_back(&self, apply: &Apply<'_>, told: Option<String>) -> Result<Found, HaloError>;

    /// Keeps in mind what later writes build on.
    async fn note(&self, _: &mut Apply<'_>, _id: &str) {}

    /// The object that has to stay because this write was not done.
    fn holds(&self, _: Outcome) -> Option<String> {
        None
    }

    /// What our record keeps beside the id.
    fn identity(&self, _: &Apply<'_>) -> Option<String> {
        None
    }
}

/// What a read-back found.
pub(super) enum Found {
    /// It is as it should be, under this id.
    Yes(String),
    /// The object is there, and differs.
    Differs(String, String),
    /// What was to be done to the object was not done.
    Not(String, String),
    No,
}

/// The members before a write that needs them.
pub(super) fn there(members: Option<Members>) -> Result<Option<Members>, HaloError> {
    members.map(Some).ok_or(HaloError::NotFound { does: "read the object before changing it" })
}

/// The proof of a write that makes or changes something.
pub(super) fn written(after: Members) -> BeforeAfter {
    BeforeAfter { after: Some(after), ..BeforeAfter::default() }
}

/// Whether something that was taken out is gone; otherwise how it is done by hand.
pub(super) fn gone(id: &impl ToString, by_hand: Option<String>) -> Found {
    match by_hand {
        None => Found::Yes(id.to_string()),
        Some(by_hand) => Found::Not(id.to_string(), format!("Halo still shows it. By hand: {by_hand}")),
    }
}

/// Whether an object has the members that were written.
pub(super) fn compare(id: String, wanted: &Members, now: Option<Members>) -> Found {
    let Some(now) = now else { return Found::No };
    let wrong: Vec<&str> = wanted.iter().map(|(name, _)| name).filter(|name| !wanted.agree_on(&now, name)).collect();
    kept_something_else(id, &wrong)
}

/// What the plan would change once more has not been kept: read-back and plan judge by one rule.
pub(super) fn settled(id: String, differs: &[FieldChange]) -> Found {
    let wrong: Vec<&str> = differs.iter().map(|field| field.name).collect();
    kept_something_else(id, &wrong)
}

const SAVED_OTHERS: &str = "Halo saved different values";

/// What differs after a write that Halo has answered with an error: most likely it saved nothing.
pub(super) fn after_error(error: &str, what: &str) -> String {
    format!("{error}; {}", what.replacen(SAVED_OTHERS, "Halo still has different values", 1))
}

fn kept_something_else(id: String, wrong: &[&str]) -> Found {
    if wrong.is_empty() {
        return Found::Yes(id);
    }
    if wrong == ["active"] {
        return Found::Differs(id, "Halo saved it switched off. Switch it on in Halo, then check again".to_owned());
    }
    Found::Differs(id, format!("{SAVED_OTHERS}: {}. Set them in Halo by hand, then check again", wrong.join(", ")))
}

/// The number of an object as the text that ids are.
pub(super) fn text(id: Option<i64>) -> Option<String> {
    id.map(|id| id.to_string())
}
