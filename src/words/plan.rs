//! The plan: what is done to an object, and how that went.

use jiff::Timestamp;

use super::{Phrase, Tone, time};
use crate::domain::health::{Finding, NOT_TOLD, Rule};
use crate::domain::object::ObjectKind;
use crate::domain::owner::Owner;
use crate::domain::plan::{self, Action, Change, ChangeResult, FieldChange, Outcome, Plan, TABS_NOT_TOLD};
use crate::domain::rotation::RotationStatus;
use crate::domain::untrusted::Untrusted;

/// What a rotation does to the webhooks.
pub const ROTATING: &str =
    "The webhooks get a new callback token and password. The old ones keep working for 24 h, so that no event is lost.";

/// What is lost where the stored secrets are forgotten.
pub const FORGETTING: &str = "This deletes the Client Secret and the callback secrets stored here. It is refused while a \
    webhook in Halo still uses them.";

/// Said of a plan that is older than what somebody else did meanwhile.
pub const STALE: &str = "Another program has changed the integration since this plan was read.";

/// Said once the other program has come to its end for which something was refused.
pub fn freed(at: Timestamp) -> String {
    format!("The other run has finished ({} UTC); nothing was changed from here.", at.strftime("%H:%M:%S"))
}

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
        // What is not said is told whole once, above them.
        _ if change.is_untold() => format!("try to {verb}: Halo does not say"),
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
        _ if result.is_left_out() => (Tone::Calm, plan::LEFT_OUT),
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

/// The sign of a result in a list, where its tone does not tell it: what stays is not what nobody knows.
pub fn sign(result: &ChangeResult) -> Option<&'static str> {
    match outcome(result) {
        _ if result.is_untold() => Some("?"),
        (Tone::Calm, _) => Some(action(Action::Keep).0),
        _ => None,
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

/// How far something came that ended before its end, of all changes, and how to go on.
pub fn how_far(what: &str, results: &[ChangeResult], all: usize, left: &str) -> String {
    let far = plan::how_far(results, all, left);
    format!("{far}. Run {what} again to finish: it reads Halo first, and does nothing twice.")
}

/// What a person reads of several results as one: those of one cause, and each other one alone.
pub fn told(results: &[ChangeResult]) -> Vec<Told<'_>> {
    let mut told: Vec<Told<'_>> = Vec::new();
    for result in results {
        let cause = cause(result);
        let known = told.iter_mut().find(|known| cause.is_some() && known.cause == cause);
        match known {
            Some(known) => known.results.push(result),
            None => told.push(Told { results: vec![result], cause }),
        }
    }
    told
}

/// Results of one cause.
pub struct Told<'a> {
    /// They, in their order.
    pub results: Vec<&'a ChangeResult>,
    cause: Option<(Outcome, String)>,
}

/// Stands for the name of an object where the cause is that of several.
const EACH: &str = "\"\"";

// Why something was not made, whatever the object is called; none of what was made.
fn cause(result: &ChangeResult) -> Option<(Outcome, String)> {
    let is_open = !matches!(outcome(result).0, Tone::Good | Tone::Calm);
    let why = result.message.as_deref().filter(|_| is_open)?;
    Some((result.outcome, why.replace(&format!("\"{}\"", result.name.display()), EACH)))
}

impl Told<'_> {
    /// The first of them: its outcome is that of all.
    pub fn first(&self) -> &ChangeResult {
        self.results[0]
    }

    /// How many there are of each kind, where that is not one.
    pub fn counted(&self) -> Option<String> {
        let kinds: Vec<ObjectKind> = self.results.iter().map(|result| result.kind).collect();
        let types = format!("{} ticket types", kinds.len());
        match kinds.len() {
            1 => None,
            _ if kinds.iter().all(|kind| *kind == ObjectKind::TicketType) => Some(types),
            _ => Some(ObjectKind::counted(&kinds)),
        }
    }

    /// Their names.
    pub fn names(&self) -> String {
        self.results.iter().map(|result| result.name.display()).collect::<Vec<_>>().join(", ")
    }

    /// What there is to say beside the outcome; of several with their names.
    pub fn why(&self) -> Option<String> {
        let (_, why) = self.cause.as_ref()?;
        Some(match self.results.len() {
            1 => why.replace(EACH, &format!("\"{}\"", self.first().name.display())),
            _ if why.contains(EACH) => why.replace(EACH, &format!("each of {}", self.names())),
            _ => format!("{}: {why}", self.names()),
        })
    }
}

/// What stands over a plan that takes back a run of Configure: which one, and what it does not take back.
pub fn rolling_back(began: Option<Timestamp>, rotation: &RotationStatus, now: Timestamp) -> String {
    let which = began.map(|at| format!(" of {} UTC", time::moment(now, at))).unwrap_or_default();
    let rotated = rotation.former_good_until.map(|until| {
        format!(" A rotation is not taken back; the old token works until {} UTC.", time::moment(now, until))
    });
    format!("This takes back the last run of Configure{which}.{}", rotated.unwrap_or_default())
}

/// What a ticket type is called of which Halo says nothing.
pub const UNTOLD: &str = "unknown: Halo does not say";

/// Said over a plan of which nobody can read back that it was made; with the way out, where it was tried before.
pub fn untold(plan: &Plan, findings: &[Finding]) -> Option<Phrase> {
    let is_known = |found: &Finding| found.rule == Rule::Drift && found.is_issue() && found.fact.starts_with(NOT_TOLD);
    let words = plan
        .pending()
        .any(Change::is_untold)
        .then(|| Phrase::from(format!("{TABS_NOT_TOLD}: Configure tries it, and cannot read it back.")))?;
    Some(match findings.iter().find(|found| is_known(found)).and_then(|found| found.next.as_ref()) {
        Some(next) => words.text(" ").hint(next).text("."),
        None => words,
    })
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

    /// One cause is told once, with the names of all that it kept: whatever they are called, and wherever they stand.
    #[test]
    fn one_cause_of_several_results_is_said_once() {
        use Outcome::{Done, Failed, Skipped};
        let of = |outcome, kind, name: &str, message: &str| ChangeResult {
            kind,
            name: name.into(),
            ..result(outcome, message)
        };
        let link = |name: &str| {
            let by_hand = format!("Halo did not save the link. By hand: Ticket Types › \"{name}\" › Save");
            of(Failed, ObjectKind::TicketType, name, &by_hand)
        };
        let results = [
            link("Incident"),
            of(Skipped, ObjectKind::Webhook, "w", "not tried"),
            link("Request"),
            of(Skipped, ObjectKind::WebhookEvent, "e", "not tried"),
            of(Done, ObjectKind::Webhook, "x", "ok"),
            of(Done, ObjectKind::Webhook, "y", "ok"),
        ];
        let told = told(&results);
        let said: Vec<_> = told.iter().map(|told| (told.counted(), told.why())).collect();
        let some = |words: &str| Some(words.to_owned());
        let links = "Halo did not save the link. By hand: Ticket Types › each of Incident, Request › Save";
        assert_eq!(
            said[..2],
            [(some("2 ticket types"), some(links)), (some("1 webhook and its 1 event"), some("w, e: not tried")),]
        );
        assert_eq!(said[2..], [(None, None), (None, None)], "what was made is told one by one");
        let alone = [link("Incident")];
        assert!(super::told(&alone)[0].why().unwrap().contains("› \"Incident\" ›"));
    }

    /// One count: what was made, what nobody knows, and what is left make up all of it; what was only kept is none.
    #[test]
    fn numbers_of_run_add_up() {
        use Outcome::{Done, Skipped, Unverified};
        let results = [
            result(Done, "kept"),
            result(Done, "ok"),
            result(Unverified, "sent, and stopped before it was read back"),
            result(Skipped, "not tried"),
        ];
        let words = how_far("Configure", &results, 14, "to do");
        assert!(words.starts_with("1 made, 1 not known, 12 to do. Run Configure again"), "{words}");
        assert!(how_far("Configure", &results[..2], 10, "not made").starts_with("1 made, 9 not made. Run"));
    }

    /// Whoever takes back a run after a rotation is told which run that is, and that the rotation stays.
    #[test]
    fn roll_back_names_run_and_not_rotation() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-30T18:29:00Z");
        let mut rotation = RotationStatus::default();
        let run = Some(at("2026-11-30T18:17:00Z"));
        assert_eq!(rolling_back(run, &rotation, now), "This takes back the last run of Configure of today 18:17 UTC.");
        rotation.former_good_until = Some(at("2026-12-01T18:20:00Z"));
        let words = rolling_back(run, &rotation, now);
        assert!(words.contains("A rotation is not taken back; the old token works until 01 Dec 18:20 UTC"), "{words}");
    }
}
