//! Health: the findings of the rules.

use jiff::Timestamp;

use super::{Phrase, Tone};
use crate::domain::calendar::lies_ahead;
use crate::domain::fields::FieldId;
use crate::domain::health::{
    CUT_SHORT, FAILED, Finding, Light, NONE_SENDS, NOT_ALL_SAVED, NOT_SENT, NOT_THERE, NOT_TOLD, ONE_SENDS_NONE, Rule,
    STOPPED, State, TAKEN_OUT, known_here,
};
use crate::domain::plan::SWITCHED_OFF;
use crate::domain::status::{DOES_NOT_ANSWER, NOT_IN_STORE, RECONFIGURE};

/// What a light stands for.
pub fn light(light: Light) -> &'static str {
    match light {
        Light::Credentials => "Credentials",
        Light::Service => "Service",
        Light::Sync => "Sync",
        Light::Objects => "Objects in Halo",
        Light::Deliveries => "Deliveries",
    }
}

pub fn state(state: State) -> (Tone, &'static str) {
    match state {
        State::Well => (Tone::Good, "ok"),
        State::Unknown => (Tone::Calm, "unknown"),
        State::Watch => (Tone::Warn, "needs attention"),
        State::Broken => (Tone::Bad, "broken"),
    }
}

/// The state of a finding as a light shows it: a dismissed one is neither an issue nor ok.
pub fn burns(finding: &Finding) -> (Tone, &'static str) {
    if finding.is_issue() && finding.dismissed { (Tone::Calm, "dismissed") } else { state(finding.state) }
}

/// How long it is so: `for 3 hours`; of what is well, when it was: `3 hours ago`.
pub fn age(finding: &Finding, now: Timestamp) -> Option<String> {
    // Of a silent Halo it is known when it was asked, and not that it is silent still.
    let since = if finding.rule == Rule::Halo && finding.is_issue() { finding.seen_at? } else { finding.since? };
    if lies_ahead(now, since) {
        return Some(super::time::ago(now, since));
    }
    let seconds = now.duration_since(since).as_secs().max(0);
    let time = match seconds {
        ..60 if was_cut_short(finding) => "less than 1 min".to_owned(),
        ..60 => return Some("just now".to_owned()),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..7_200 => "1 hour".to_owned(),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    };
    if finding.rule == Rule::SyncAge && finding.is_issue() && !has_failed(finding) {
        let which = if was_cut_short(finding) { "last good one" } else { "last one" };
        return Some(format!("{which} {time} ago"));
    }
    Some(if is_event(finding) { format!("{time} ago") } else { format!("for {time}") })
}

// Whether its moment is that of something which happened, and not the begin of a state.
fn is_event(finding: &Finding) -> bool {
    match finding.rule {
        Rule::SyncAge => true,
        Rule::Halo => finding.is_issue(),
        Rule::SyncProved | Rule::Lag => finding.state != State::Unknown,
        Rule::Missed | Rule::NotUnderstood | Rule::EscalationNote => finding.is_issue(),
        Rule::Silence => finding.state == State::Well,
        Rule::Interrupted => has_failed(finding) || was_stopped(finding),
        _ => false,
    }
}

// Of syncs and of Configure: whether the last one failed, and not only is too long ago or was cut short.
fn has_failed(finding: &Finding) -> bool {
    finding.object.as_deref().is_some_and(|object| object.starts_with(FAILED))
}

// Of syncs: whether the newest one was interrupted, behind one that was stored.
fn was_cut_short(finding: &Finding) -> bool {
    finding.object.as_deref().is_some_and(|object| object.starts_with(CUT_SHORT))
}

// Of Configure: whether a person has stopped the last one.
fn was_stopped(finding: &Finding) -> bool {
    finding.object.as_deref().is_some_and(|object| object.starts_with(STOPPED))
}

/// When somebody last looked, where that was not just now.
pub fn seen(finding: &Finding, now: Timestamp) -> Option<String> {
    let at = finding.seen_at?;
    if lies_ahead(now, at) {
        return Some(format!("checked: {}", super::time::ago(now, at)));
    }
    let seconds = now.duration_since(at).as_secs();
    (seconds >= 3_600).then(|| match seconds {
        ..172_800 => format!("checked {} h ago", seconds / 3_600),
        _ => format!("checked {} days ago", seconds / 86_400),
    })
}

/// The fact where the look that has just ended could not renew it: how long it has been so since then, nobody knows.
pub fn not_renewed(finding: &Finding, now: Timestamp) -> String {
    match finding.seen_at {
        Some(at) => format!("{} (last seen so {})", finding.fact, super::time::ago(now, at)),
        None => fact(finding, now),
    }
}

/// When an issue was found, where somebody has to look for it.
pub fn found(finding: &Finding, now: Timestamp) -> Option<String> {
    finding.seen_at.map(|at| format!("found {}", super::time::ago(now, at)))
}

/// The fact with its ages.
pub fn fact(finding: &Finding, now: Timestamp) -> String {
    // What somebody has looked at and found well is as old as that look.
    if let (State::Well, Some(at), false) = (finding.state, finding.seen_at, is_event(finding)) {
        return format!("{} (checked {})", finding.fact, super::time::ago(now, at));
    }
    let ages: Vec<String> = age(finding, now).into_iter().chain(seen(finding, now)).collect();
    match ages.is_empty() {
        true => finding.fact.clone(),
        false => format!("{} ({})", finding.fact, ages.join(", ")),
    }
}

/// The same of what is well in fewer words: that it is as old as a look stands there already.
pub fn fact_in_short(finding: &Finding, now: Timestamp) -> String {
    match finding.seen_at {
        Some(at) => format!("{} ({})", finding.fact, super::time::ago(now, at)),
        None => fact(finding, now),
    }
}

/// The same where its own age is told beside it.
pub fn fact_ageless(finding: &Finding, now: Timestamp) -> String {
    match seen(finding, now) {
        Some(seen) => format!("{} ({seen})", finding.fact),
        None => finding.fact.clone(),
    }
}

/// An issue in whole sentences: of what, the fact, and what to do next.
pub fn issue(finding: &Finding, now: Timestamp) -> Phrase {
    let told = format!("{}: {}.", finding.rule.title(), dismissible(finding, &fact(finding, now)));
    match &finding.next {
        Some(next) => Phrase::from(told + " ").hint(next).text("."),
        None => told.into(),
    }
}

/// The words of an issue, which say where a person has dismissed it.
pub fn dismissible(finding: &Finding, words: &str) -> String {
    if finding.dismissed { format!("dismissed: {words}") } else { words.to_owned() }
}

/// A problem in a few words, with how long it is so.
pub fn brief(finding: &Finding, now: Timestamp) -> String {
    match age(finding, now) {
        Some(age) => format!("{}, {age}", short(finding)),
        None => short(finding).to_owned(),
    }
}

/// A problem in a few words beside the name of its light, which is not said twice.
pub fn beside(finding: &Finding, now: Timestamp) -> String {
    without_noun(finding, brief(finding, now))
}

/// The same without its age, where that is told with the problem itself.
pub fn beside_ageless(finding: &Finding) -> String {
    without_noun(finding, short(finding).to_owned())
}

fn without_noun(finding: &Finding, words: String) -> String {
    let noun = light(finding.light()).split(' ').next().unwrap_or_default().to_lowercase();
    words.strip_prefix(&format!("{noun} ")).map(str::to_owned).unwrap_or(words)
}

/// What a light of the deliveries says whose cause another light tells.
pub fn sends_nothing(findings: &[Finding]) -> &'static str {
    let is_all = findings.iter().any(|found| found.rule == Rule::Deliveries && found.fact == NONE_SENDS);
    if is_all { NONE_SENDS } else { ONE_SENDS_NONE }
}

/// A problem in a few words, for the header.
pub fn short(finding: &Finding) -> &str {
    match (finding.rule, finding.state) {
        (Rule::Credentials, State::Broken) if finding.fact.ends_with(NOT_SENT) => "sign-in server not confirmed",
        // Halo has said so.
        (Rule::Credentials, State::Broken) if finding.seen_at.is_some() => "credentials refused",
        (Rule::Credentials, State::Broken) => "credentials do not work",
        (Rule::Credentials, _) => "credentials not tested",
        (Rule::Halo, _) => "Halo was not reached",
        (Rule::Rights, State::Broken) => "a permission is missing",
        (Rule::Rights, _) => "a permission is not proved",
        (Rule::AgentRestricted, _) => "agent sees too few clients",
        (Rule::Boards, _) => unknown_name(finding),
        (Rule::SettingsFiles, _) => "settings files need repair",
        (Rule::Service, _) if finding.fact.starts_with(DOES_NOT_ANSWER) => "service does not answer",
        (Rule::Service, _) => "service not running",
        (Rule::Clock, _) => "a clock is wrong",
        (Rule::Disk, State::Broken) => "disk almost full",
        (Rule::Disk, _) => "disk space is low",
        (Rule::Store, _) => "database damaged",
        (Rule::StoreLost, _) => "store was lost",
        (Rule::SyncAge, _) if has_failed(finding) => "last sync failed",
        (Rule::SyncAge, _) if was_cut_short(finding) => "sync interrupted",
        (Rule::SyncAge, _) if finding.object.is_none() => "no sync yet",
        (Rule::SyncAge, _) => "sync overdue",
        (Rule::SyncHeld, _) => "sync on hold",
        (Rule::SyncProved, _) => "sync not proved complete",
        (Rule::Interrupted, _) if has_failed(finding) => "Configure failed",
        (Rule::Interrupted, _) if was_stopped(finding) => "Configure stopped",
        (Rule::Interrupted, _) => "Configure interrupted",
        (Rule::Owner, _) => "owned by another machine",
        (Rule::Drift, _) if finding.fact == NOT_ALL_SAVED => RECONFIGURE,
        (Rule::Drift, _) if finding.fact == NOT_IN_STORE => "objects are not in the store",
        (Rule::Drift, _) if finding.fact.ends_with(TAKEN_OUT) => "objects were removed from Halo",
        (Rule::Drift, _) if finding.fact.ends_with(NOT_THERE) => "objects are missing",
        (Rule::Drift, _) if finding.fact.starts_with(NOT_TOLD) => "links not confirmed",
        // It stops its events, and the others only differ.
        (Rule::Drift, _) if finding.fact.contains(SWITCHED_OFF) => "a webhook is switched off",
        (Rule::Drift, _) => "objects differ in Halo",
        (Rule::WebhookOff, _) => "a webhook is off or missing",
        (Rule::Deliveries, State::Broken) => "deliveries failing",
        (Rule::Deliveries, _) => "a delivery is not proved",
        (Rule::Silence, _) => "no event for a day",
        (Rule::Lag, _) => "events arrive late",
        (Rule::Missed, _) => "events may be missing",
        (Rule::NotUnderstood, _) => "deliveries not understood",
        (Rule::Forwarding, _) => "events not forwarded",
        (Rule::Certificate, State::Broken) => "certificate refused",
        (Rule::Certificate, _) => "certificate expires soon",
        (Rule::Rotation, _) => "rotation unfinished",
        (Rule::EscalationNote, _) if !finding.fact.contains("note") => "escalation to check",
        (Rule::EscalationNote, _) => "escalation note to check",
        (Rule::Notices, _) => "problems are told to nobody",
    }
}

// Which of the names is not there: the fact begins with its field, and each further one with its own.
fn unknown_name(finding: &Finding) -> &'static str {
    let [board, escalation, contact] = [FieldId::PiaBoard, FieldId::EscalationBoard, FieldId::EscalateTo]
        .map(|field| finding.fact.contains(&format!("{}: ", field.info().label)));
    match (board, escalation, contact) {
        (true, false, false) => "Pia Board not found",
        (false, true, false) if finding.fact.contains(" and ") => "Pia boards not found",
        (false, true, false) => "Pia Escalation Board not found",
        (true, true, false) => "Pia boards not found",
        (false, false, true) if finding.fact.contains("cannot be assigned") => "Pia Escalate To not found",
        (false, false, true) => "Pia Escalate To was renamed",
        _ => "names not found in Halo",
    }
}

/// What is said beside a list that a new store has begun.
pub fn known_since(since: Timestamp) -> String {
    format!("Only what is {} is listed: the store before was lost or set aside.", known_here(since))
}

/// Where nothing but what the first event brings is unknown.
pub const NO_EVENT: &str = "no event yet";

/// What the list of issues says where it is empty.
pub const NOTHING_TO_DO: &str = "No issues, nothing to do";

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: Rule, state: State) -> Finding {
        Finding::new(rule, state, "f")
    }

    /// Which name is not known is known: it is said, and not that one of two may be.
    #[test]
    fn unknown_name_is_told_by_its_field() {
        for (fact, told) in [
            ("Pia Board: no team \"Pai\"", "Pia Board not found"),
            ("Pia Escalation Board: no team \"Pai\"", "Pia Escalation Board not found"),
            ("Pia Board and Pia Escalation Board: no team \"Pai\"", "Pia boards not found"),
            ("Pia Board: no team \"a\"; Pia Escalation Board: no team \"b\"", "Pia boards not found"),
            ("Pia Escalate To: tickets cannot be assigned to Dana", "Pia Escalate To not found"),
            ("Pia Escalate To: Dana is called Fox in Halo now", "Pia Escalate To was renamed"),
            ("Pia Board: no team \"a\"; Pia Escalate To: Dana is called Fox in Halo now", "names not found in Halo"),
        ] {
            assert_eq!(short(&Finding::new(Rule::Boards, State::Watch, fact)), told, "{fact}");
        }
    }

    #[test]
    fn sync_that_failed_is_not_called_overdue() {
        let of =
            |object: Option<&str>| Finding { object: object.map(str::to_owned), ..found(Rule::SyncAge, State::Watch) };
        assert_eq!(short(&of(None)), "no sync yet");
        assert_eq!(short(&of(Some("2026-11-28T12:00:00Z"))), "sync overdue");
        assert_eq!(short(&of(Some("failed after 2026-11-28T12:00:00Z"))), "last sync failed");
    }

    /// A person who stops Configure has not made it fail.
    #[test]
    fn stopped_configure_is_not_called_failed() {
        let stopped = found(Rule::Interrupted, State::Broken).about(format!("{STOPPED}, a"));
        assert_eq!(short(&stopped), "Configure stopped");
        assert_eq!(short(&found(Rule::Interrupted, State::Broken).about(format!("{FAILED}, a"))), "Configure failed");
    }

    #[test]
    fn age_says_how_long_it_is_so_or_when_it_was() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let at = |rule, hours| found(rule, State::Broken).since(now - jiff::SignedDuration::from_hours(hours));
        assert_eq!(age(&at(Rule::Service, 5), now).as_deref(), Some("for 5 hours"));
        assert_eq!(age(&at(Rule::SyncAge, 72), now).as_deref(), Some("last one 3 days ago"));
        assert_eq!(age(&found(Rule::Disk, State::Watch), now), None);
        let seen_at = Some(now - jiff::SignedDuration::from_hours(30));
        let drift = Finding { seen_at, ..at(Rule::Drift, 60) };
        assert_eq!(fact(&drift, now), "f (for 2 days, checked 30 h ago)");
    }
}
