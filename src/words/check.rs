//! The verdict on a connection.

use jiff::Timestamp;

use super::time::{ago, took};
use super::{Phrase, Tone};
use crate::domain::check::{Check, CheckReport, CheckStatus, WriteProof};
use crate::domain::health::Finding;

pub fn verdict(status: CheckStatus) -> (Tone, &'static str) {
    match status {
        CheckStatus::Pass => (Tone::Good, "passed"),
        CheckStatus::Warn => (Tone::Warn, "warning"),
        CheckStatus::Fail => (Tone::Bad, "failed"),
        CheckStatus::Skip => (Tone::Calm, "skipped"),
    }
}

/// What was found, with Halo's status code where that says more.
pub fn found(check: &Check) -> String {
    match check.http_status.filter(|_| check.status == CheckStatus::Fail) {
        Some(status) if !check.message.contains(&status.to_string()) => format!("{} ({status})", check.message),
        _ => check.message.clone(),
    }
}

/// The same in one line, where there is room for so much: what was found, without what can be said of writing. A caveat
/// is no part that can be left out: then there is none.
pub fn in_short(check: &Check, room: usize) -> Option<String> {
    let found = found(check);
    if found.chars().count() <= room {
        return Some(found);
    }
    // Behind a semicolon stands what can be said of writing, or else a caveat: neither is left out.
    let short = match (check.writes, found.split_once("; ")) {
        (Some(WriteProof::Expected), Some((read, _))) => format!("{read}; {}", MAY_WRITE),
        (None, None) => found.split_once(", ")?.0.to_owned(),
        _ => return None,
    };
    (short.chars().count() <= room).then_some(short)
}

/// What is said where the scope and the role cover writing.
const ALLOWED: &str = "scope and role allow writing";

/// What the scope and the role say of writing, in short: nothing was written to find out.
const MAY_WRITE: &str = "writing allowed";

/// Checks that passed and of which no more has to be said than what can be said of writing: by that, with their names.
pub fn by_caveat<'a>(checks: impl Iterator<Item = &'a Check>) -> Vec<(Option<&'static str>, Vec<&'static str>)> {
    let mut groups: Vec<(Option<&'static str>, Vec<&'static str>)> = Vec::new();
    for check in checks {
        let caveat = check.writes.map(writing);
        match groups.iter_mut().find(|(known, _)| *known == caveat) {
            Some((_, names)) => names.push(check.id.title()),
            None => groups.push((caveat, vec![check.id.title()])),
        }
    }
    // What has to be read first.
    groups.sort_by_key(|(caveat, _)| caveat.is_none());
    groups
}

/// Whether what was found is told with its group. A caveat of its own is told with it.
pub fn is_plain(check: &Check) -> bool {
    check.status == CheckStatus::Pass && (check.writes.is_some() || !check.message.contains("; "))
}

/// What there is to look at although nothing failed; a doubt that several share is told once, with their names.
pub fn warnings(checks: &[Check]) -> Vec<String> {
    let warns: Vec<&Check> = checks.iter().filter(|check| check.status == CheckStatus::Warn).collect();
    let is_shared =
        |doubt: &str| warns.iter().filter(|check| doubts(&check.message).any(|other| other == doubt)).count() > 1;
    let mut groups: Vec<(Vec<&str>, String)> = Vec::new();
    for check in &warns {
        let name = check.id.title();
        let (shared, own): (Vec<&str>, Vec<&str>) = doubts(&check.message).partition(|doubt| is_shared(doubt));
        if shared.is_empty() || !own.is_empty() {
            let read = check.message.split("; ").next().unwrap_or_default();
            groups.push((vec![name], std::iter::once(read).chain(own).collect::<Vec<_>>().join("; ")));
        }
        for doubt in shared {
            match groups.iter_mut().find(|(_, other)| *other == doubt) {
                Some((names, _)) => names.push(name),
                None => groups.push((vec![name], doubt.to_owned())),
            }
        }
    }
    groups.into_iter().map(|(names, told)| format!("{}: {told}", names.join(", "))).collect()
}

// What is said behind what could be read, but that it may be written.
fn doubts(message: &str) -> impl Iterator<Item = &str> {
    message.split("; ").skip(1).filter(|clause| *clause != ALLOWED)
}

/// What was found, beside the rows that follow: what several are in doubt for is said once, with the last of them.
pub fn found_once<'a>(check: &Check, later: impl Iterator<Item = &'a Check>) -> String {
    if !matches!(check.status, CheckStatus::Warn | CheckStatus::Fail) {
        return found(check);
    }
    let said: Vec<&str> =
        later.filter(|later| later.status == check.status).flat_map(|c| c.message.split("; ").skip(1)).collect();
    let mut clauses = check.message.split("; ");
    let read = clauses.next().unwrap_or_default();
    let left = clauses.filter(|clause| !said.contains(clause));
    let message = std::iter::once(read).chain(left).collect::<Vec<_>>().join("; ");
    found(&Check { message, ..check.clone() })
}

/// What is known of writing where something could be read.
pub fn writing(proof: WriteProof) -> &'static str {
    match proof {
        WriteProof::Expected => "read; scope and role allow writing",
        WriteProof::NotProvable => "read; write access not tested",
        WriteProof::Doubtful => "read; write access is doubtful",
    }
}

/// A permission, as the plan lists it: that something can be read is not called a right to write.
pub fn permission(check: Option<&Check>) -> (Tone, &'static str) {
    match check.map(|check| (check.status, check.writes)) {
        Some((CheckStatus::Pass, Some(WriteProof::Expected))) => (Tone::Good, MAY_WRITE),
        Some((CheckStatus::Pass, _)) => (Tone::Calm, "write untested"),
        Some((CheckStatus::Warn, _)) => (Tone::Warn, "in doubt"),
        Some((CheckStatus::Fail, _)) => (Tone::Bad, "missing"),
        Some((CheckStatus::Skip, _)) | None => (Tone::Calm, "not tested"),
    }
}

/// What to change, where something is not as it should be.
pub fn advice(check: &Check) -> Option<Phrase> {
    let hint = check.hint.as_ref().filter(|_| matches!(check.status, CheckStatus::Fail | CheckStatus::Warn));
    hint.map(Phrase::from)
}

/// The advice of a check beside the checks that follow it: one remedy of several is said once, with the last of them.
pub fn advice_once<'a>(check: &Check, later: impl Iterator<Item = &'a Check>) -> Option<Phrase> {
    advice(check).filter(|advice| later.map(self::advice).all(|other| other.as_ref() != Some(advice)))
}

/// How the connection stands, where it is about to be saved.
pub fn tested(known: Option<&Finding>, passed: bool, untested: bool, ago: Option<String>) -> (Tone, String) {
    match (known, passed, untested) {
        (Some(found), ..) => (super::health::state(found.state).0, super::health::short(found).to_owned()),
        (None, true, _) => (Tone::Good, format!("connection tested {}", ago.unwrap_or_else(|| "earlier".to_owned()))),
        (None, false, true) => (Tone::Warn, "credentials not verified".to_owned()),
        (None, false, false) => (Tone::Warn, "credentials not tested".to_owned()),
    }
}

/// Of a test that was made before what is on the screen.
pub fn passed_before(ago: Option<String>) -> String {
    format!("passed {}", ago.unwrap_or_else(|| "earlier".to_owned()))
}

/// What was found after the test had passed, and when.
pub fn refused_since(found: &Finding, now: Timestamp) -> String {
    let seen = found.seen_at.map(|at| format!(", {}", ago(now, at))).unwrap_or_default();
    format!("failed since it was tested{seen}: {}", found.fact)
}

/// What is said of a passed test, with how long it took.
pub fn passed(report: &CheckReport) -> String {
    let took = took(report.checks.iter().map(|check| check.duration_ms).sum());
    let version = report.halo.version.as_ref().map(|version| format!(", Halo {version}")).unwrap_or_default();
    let skipped = report.checks.iter().filter(|check| check.status == CheckStatus::Skip && check.id.is_asked()).count();
    match report.warnings().len() {
        0 if skipped > 0 => {
            format!(
                "passed, {skipped} of {} not tested{version}",
                report.checks.iter().filter(|c| c.id.is_asked()).count()
            )
        }
        0 => format!("passed in {took}{version}"),
        1 => format!("passed with 1 warning{version}"),
        count => format!("passed with {count} warnings{version}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::check::CheckId;

    fn check(id: CheckId, status: CheckStatus, writes: Option<WriteProof>, message: &str) -> Check {
        Check {
            id,
            status,
            message: message.to_owned(),
            hint: None,
            http_status: Some(200),
            missing: None,
            writes,
            duration_ms: 1,
            failure: None,
        }
    }

    /// Below a green tick nothing is cut: what can be left out is, and a caveat cannot.
    #[test]
    fn caveat_is_never_left_out() {
        let check = |writes, message| check(CheckId::TicketTypes, CheckStatus::Pass, Some(writes), message);
        let sure = check(WriteProof::Expected, "7 ticket types can be read; scope and role allow writing");
        assert_eq!(in_short(&sure, 45).as_deref(), Some("7 ticket types can be read; writing allowed"));
        assert_eq!(in_short(&sure, 30), None, "that it was only read is not left out");
        assert_eq!(in_short(&sure, 80), Some(found(&sure)));
        let unsure = check(WriteProof::NotProvable, "7 ticket types can be read; write access not tested yet");
        assert_eq!((in_short(&unsure, 30), in_short(&unsure, 80)), (None, Some(found(&unsure))));
        let doubt = "237 clients can be read; Halo does not tell whether that is all";
        let doubtful = Check { writes: None, ..check(WriteProof::Expected, doubt) };
        assert_eq!(in_short(&doubtful, 30), None);
    }

    /// What was only read is never called a right to write.
    #[test]
    fn right_to_write_is_told_with_its_caveat() {
        let check = |writes| check(CheckId::Webhooks, CheckStatus::Pass, writes, "2 webhooks can be read");
        let unsure = check(Some(WriteProof::NotProvable));
        assert_eq!(permission(Some(&unsure)), (Tone::Calm, "write untested"));
        assert_eq!(permission(Some(&check(Some(WriteProof::Expected)))).0, Tone::Good);
        assert_eq!(permission(Some(&check(None))).0, Tone::Calm, "nothing is known of writing");
        let groups = by_caveat([&unsure, &check(None)].into_iter());
        assert_eq!(groups, [(Some("read; write access not tested"), vec!["Webhooks"]), (None, vec!["Webhooks"])]);
    }

    #[test]
    fn one_doubt_of_several_checks_is_told_once() {
        let check = |id, writes, message| check(id, CheckStatus::Warn, writes, message);
        let doubtful = Some(WriteProof::Doubtful);
        let checks = [
            check(CheckId::Webhooks, doubtful, "2 webhooks can be read; write access is doubtful"),
            check(CheckId::Clients, None, "237 clients; perhaps not all"),
            check(CheckId::CustomTabs, doubtful, "1 custom tab can be read; write access is doubtful"),
        ];
        let told = ["Webhooks, Custom tabs: write access is doubtful", "Clients: 237 clients; perhaps not all"];
        assert_eq!(warnings(&checks), told);
    }

    #[test]
    fn one_remedy_of_several_checks_is_said_once() {
        let check = |id, hint: &str| Check { hint: Some(hint.into()), ..check(id, CheckStatus::Fail, None, "refused") };
        let checks = [check(CheckId::Clients, "a"), check(CheckId::Teams, "b"), check(CheckId::Webhooks, "a")];
        let said = |at: usize| advice_once(&checks[at], checks[at + 1..].iter()).map(|advice| advice.without_keys());
        assert_eq!([said(0), said(1), said(2)], [None, Some("b".to_owned()), Some("a".to_owned())]);
    }
}
