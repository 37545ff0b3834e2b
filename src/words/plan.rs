//! The plan: what is done to an object, and how that went.

use super::Tone;
use crate::domain::health::{Finding, Rule};
use crate::domain::owner::Owner;
use crate::domain::plan::{Action, Change, ChangeResult, FieldChange, Outcome};
use crate::domain::untrusted::Untrusted;

/// What a rotation does to the webhooks.
pub const ROTATING: &str =
    "The webhooks get a new callback token and password. The old ones keep working for 24 h, so that no event is lost.";

/// What is lost where the stored secrets are forgotten.
pub const FORGETTING: &str = "This deletes the Client Secret and the callback secrets stored here. It is refused while a \
    webhook in Halo still uses them.";

/// Said of a plan that is older than what somebody else did meanwhile.
pub const STALE: &str = "Another program has changed the integration since this plan was read.";

/// What it means that nothing of ours is in Halo: once it was, or never.
pub const GONE: &str = "The integration was removed from Halo: no tickets reach Pia until you run Configure again.";
pub const NOT_YET: &str = "The integration is not in Halo yet: no tickets reach Pia until you run Configure.";

/// Whose a configuration is, where it is another machine's.
pub fn belongs(owner: &Owner) -> String {
    format!("This configuration belongs to {owner}.")
}

/// What comes of taking it over: said before the name of that machine is typed.
pub fn taking_over(owner: &Owner) -> String {
    format!("If you take it over, this machine repairs it and receives its events, and {} stops.", owner.place())
}

/// Said of a plan that comes after a run of Configure which did not come to its end.
pub fn unfinished(findings: &[Finding]) -> Option<String> {
    let issue = findings.iter().find(|finding| finding.rule == Rule::Interrupted && finding.is_issue())?;
    let mut fact = issue.fact.clone();
    // A sentence of its own here.
    if let Some(first) = fact.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Some(format!("{fact}. This plan was made from what Halo holds now: nothing is done twice."))
}

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

/// What is done to an object and why. What is kept is said in one word.
pub fn change(change: &Change) -> String {
    let (_, _, verb) = action(change.action);
    match (change.action, change.reason.as_str()) {
        (_, "") => verb.to_owned(),
        (Action::Keep, reason) => reason.to_owned(),
        (_, reason) => format!("{verb}: {reason}"),
    }
}

/// What stays as it is, in one line.
pub fn kept(count: usize) -> String {
    format!("{count} unchanged")
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

/// How far something came that ended before its end, of all changes, and how to go on. What was to be kept is none.
pub fn how_far(what: &str, results: &[ChangeResult], all: usize) -> String {
    let is_made = |result: &&ChangeResult| matches!(result.outcome, Outcome::Done | Outcome::Unchanged);
    let done = results.iter().filter(|result| result.action != Action::Keep).filter(is_made).count();
    format!("{done} of {all} changes made. Run {what} again to finish: it reads Halo first, and does nothing twice.")
}

/// What a result says beside its outcome; one cause of several is said once, with the last of them.
pub fn why(results: &[ChangeResult], at: usize) -> Option<&str> {
    let of = |at: usize| {
        let open = results.get(at).filter(|result| !matches!(outcome(result).0, Tone::Good | Tone::Calm));
        open.and_then(|result| result.message.as_deref())
    };
    of(at).filter(|why| of(at + 1) != Some(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::object::ObjectKind;

    fn result(outcome: Outcome, message: &str) -> ChangeResult {
        ChangeResult {
            kind: ObjectKind::Webhook,
            name: "w".into(),
            id: None,
            action: if message == "kept" { Action::Keep } else { Action::Create },
            outcome,
            message: Some(message.to_owned()),
        }
    }

    #[test]
    fn one_cause_of_several_results_is_said_once() {
        use Outcome::{Done, Failed, Skipped};
        let results =
            [result(Failed, "refused"), result(Skipped, "not tried"), result(Skipped, "not tried"), result(Done, "ok")];
        let said: Vec<_> = (0..results.len()).map(|at| why(&results, at)).collect();
        assert_eq!(said, [Some("refused"), None, Some("not tried"), None]);
        assert!(how_far("Configure", &[result(Done, "kept"), result(Done, "ok")], 10).starts_with("1 of 10 changes"));
        assert!(how_far("Configure", &results, 16).starts_with("1 of 16 changes made. Run Configure again"));
    }
}
