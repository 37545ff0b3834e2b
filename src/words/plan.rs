//! The plan: what is done to an object, and how that went.

use super::Tone;
use crate::domain::plan::{Action, ChangeResult, FieldChange, Outcome};
use crate::domain::untrusted::Untrusted;

/// What a rotation does to the webhooks.
pub const ROTATING: &str =
    "The webhooks get a new callback token and password. The old ones keep working for 24 h, so that no event is lost.";

/// What is lost where the stored secrets are forgotten.
pub const FORGETTING: &str = "This deletes the Client Secret and the callback secrets stored here. It is refused while a \
    webhook in Halo still uses them.";

/// Said of a plan that is older than what somebody else did meanwhile.
pub const STALE: &str = "Another program has changed the integration since this plan was read.";

/// What is done to an object: its sign in a list, and the verb.
pub fn action(action: Action) -> (&'static str, Tone, &'static str) {
    match action {
        Action::Create => ("+", Tone::Good, "create"),
        Action::Update => ("~", Tone::Warn, "update"),
        Action::Link => ("~", Tone::Warn, "link"),
        Action::Adopt => ("~", Tone::Warn, "take over"),
        Action::Unlink => ("-", Tone::Bad, "unlink"),
        Action::Delete => ("-", Tone::Bad, "delete"),
        Action::Keep => ("=", Tone::Calm, "keep"),
    }
}

/// How a change went.
pub fn outcome(result: &ChangeResult) -> (Tone, &'static str) {
    match (result.outcome, result.action) {
        (Outcome::Done, Action::Create) => (Tone::Good, "created"),
        (Outcome::Done, Action::Update) => (Tone::Good, "updated"),
        (Outcome::Done, Action::Adopt) => (Tone::Good, "taken over"),
        (Outcome::Done, Action::Link) => (Tone::Good, "linked"),
        (Outcome::Done, Action::Unlink) => (Tone::Good, "unlinked"),
        (Outcome::Done, Action::Delete) => (Tone::Good, "deleted"),
        (Outcome::Done, Action::Keep) | (Outcome::Unchanged, _) => (Tone::Calm, "unchanged"),
        (Outcome::Failed, _) => (Tone::Bad, "failed"),
        (Outcome::Unverified, _) => (Tone::Warn, "not verified"),
        (Outcome::Skipped, _) => (Tone::Warn, "skipped"),
    }
}

/// A field before and after, with what stands for the change between them: an arrow, or `becomes`.
pub fn before_after(field: &FieldChange, becomes: &str) -> String {
    // They may hold what Halo holds: shown like everything that somebody else wrote.
    let clean = |text: &String| Untrusted::new(text.as_str()).display();
    match (field.before.as_ref().map(clean), field.after.as_ref().map(clean)) {
        (None, Some(after)) => after,
        (Some(before), Some(after)) => format!("{before} {becomes} {after}"),
        (Some(before), None) => format!("{before} {becomes} nothing"),
        (None, None) => "–".to_owned(),
    }
}

/// What is done, what is not, and that running again finishes it.
pub fn left_over(installs: bool, results: &[ChangeResult]) -> String {
    let done = results.iter().filter(|r| matches!(r.outcome, Outcome::Done | Outcome::Unchanged)).count();
    let open = results.len() - done;
    if !installs {
        return match results.iter().filter(|result| result.outcome == Outcome::Done).count() {
            0 => "It is not certain what was removed. Run Remove again: it reads Halo first.".to_owned(),
            gone => format!("{gone} removed. Run Remove again to finish."),
        };
    }
    match (done, open) {
        (0, _) => "Run it again to finish. Nothing is created twice.".to_owned(),
        (done, 0) => format!("{done} done. Run it again to finish; nothing is created twice."),
        (done, open) => format!("{done} done, {open} not done. Run it again to finish; nothing is created twice."),
    }
}
