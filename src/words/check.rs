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

/// The verdict on one check: what could be read, and may or may not be written, is no right that is known.
pub fn sign(check: &Check) -> (Tone, &'static str) {
    match (check.status, check.writes) {
        (CheckStatus::Pass, Some(WriteProof::NotProvable)) => READ,
        (status, _) => verdict(status),
    }
}

/// The verdict on what could be read, where nothing more is known.
pub const READ: (Tone, &str) = (Tone::Calm, "read");

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
const ALLOWED: &str = "writing allowed by scope and role";

/// What the scope and the role say of writing, in short: nothing was written to find out.
const MAY_WRITE: &str = "writing allowed";

/// The same where Halo does not tell, and where they speak against it.
const NOT_TESTED: &str = "writing not tested";
const DOUBTFUL: &str = "writing may be refused";

/// What is known of writing once Halo has refused it.
pub const REFUSED: (Tone, &str) = (Tone::Bad, "writing refused");

/// Checks that passed and of which no more has to be said than what can be said of writing: by that, with their names.
pub fn by_caveat<'a>(checks: impl Iterator<Item = &'a Check>) -> Vec<(Option<WriteProof>, Vec<&'static str>)> {
    let mut groups: Vec<(Option<WriteProof>, Vec<&'static str>)> = Vec::new();
    for check in checks {
        let caveat = check.writes;
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

/// A check as it is told, in a row of its own; or several that failed for one cause.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its name, or how many they are.
    pub title: String,
    /// The check; of several the first, with the words of all.
    pub check: Check,
    /// Where it stands among the checks.
    pub at: usize,
}

/// The checks at these places, in their order. Those that failed for one cause, with one remedy, are told in one row.
pub fn told(checks: &[Check], order: impl IntoIterator<Item = usize>) -> Vec<Told> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in order {
        let check = &checks[at];
        match groups.iter_mut().find(|group| is_one_cause(&checks[group[0]], check)) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups.into_iter().map(|group| together(checks, &group)).collect()
}

/// The rows of a whole report: what failed first.
pub fn report_rows(report: &CheckReport) -> Vec<Told> {
    let mut order: Vec<usize> = (0..report.checks.len()).collect();
    order.sort_by_key(|at| match report.checks[*at].status {
        CheckStatus::Fail => 0,
        CheckStatus::Warn => 1,
        CheckStatus::Pass => 2,
        CheckStatus::Skip => 3,
    });
    told(&report.checks, order)
}

fn is_one_cause(one: &Check, other: &Check) -> bool {
    let is_alike = (&one.failure, one.http_status, &one.hint) == (&other.failure, other.http_status, &other.hint);
    if let Some(doubt) = only_doubt(one) {
        return is_alike && only_doubt(other) == Some(doubt);
    }
    let have_failed = [one, other].iter().all(|check| check.status == CheckStatus::Fail);
    have_failed && is_alike && in_common([&one.message, &other.message]).is_some()
}

// What is said behind what could be read of a check that is no more than that in doubt.
fn only_doubt(check: &Check) -> Option<&str> {
    let (_, doubt) = check.message.split_once("; ").filter(|_| check.status == CheckStatus::Warn)?;
    (check.writes == Some(WriteProof::Doubtful) && !doubt.contains("; ")).then_some(doubt)
}

fn together(checks: &[Check], group: &[usize]) -> Told {
    let first = &checks[group[0]];
    if let Some(doubt) = only_doubt(first).filter(|_| group.len() > 1) {
        // What could be read of each is nothing wrong: what is, is told once.
        let names: Vec<&str> = group.iter().map(|at| checks[*at].id.title()).collect();
        let check = Check { message: format!("{}: read; {doubt}", names.join(", ")), ..first.clone() };
        return Told { title: format!("{} checks", group.len()), check, at: group[0] };
    }
    let messages: Vec<&str> = group.iter().map(|at| checks[*at].message.as_str()).collect();
    match in_common(&messages).filter(|_| group.len() > 1) {
        None => Told { title: first.id.title().to_owned(), check: first.clone(), at: group[0] },
        Some(words) => {
            let names: Vec<&str> = group.iter().map(|at| checks[*at].id.title()).collect();
            let check = Check { message: format!("{}: {words}", names.join(", ")), ..first.clone() };
            Told { title: format!("{} checks", group.len()), check, at: group[0] }
        }
    }
}

// What sentences say alike that differ in what was asked for: "Halo does not let the agent list them".
fn in_common<T: AsRef<str>>(messages: impl AsRef<[T]>) -> Option<String> {
    let split = |message: &T| -> Vec<String> { message.as_ref().split(' ').map(str::to_owned).collect() };
    let all: Vec<Vec<String>> = messages.as_ref().iter().map(split).collect();
    let (first, others) = all.split_first()?;
    let alike = |same: &dyn Fn(&[String]) -> bool| others.iter().all(|words| same(words));
    if alike(&|words| words == first) {
        return Some(first.join(" "));
    }
    let begin = (0..first.len()).take_while(|at| alike(&|words| words.get(*at) == Some(&first[*at]))).count();
    let from_end = |words: &[String], back: usize| words.len().checked_sub(back + 1).map(|at| words[at].clone());
    let end = (0..first.len() - begin)
        .take_while(|back| {
            alike(&|words| words.len() > begin + back && from_end(words, *back) == from_end(first, *back))
        })
        .count();
    let middle = &first[begin..first.len() - end];
    // The sign behind what differs belongs to the sentence.
    let sign = middle.last().and_then(|word| word.chars().last()).filter(|last| [',', ':', ';'].contains(last));
    let sign = sign.map(String::from).unwrap_or_default();
    let mut words: Vec<&str> = first[..begin].iter().map(String::as_str).collect();
    if words.len() < 3 || middle.len() > 5 {
        return None;
    }
    if words.last() == Some(&"the") {
        words.pop();
    }
    // Where not even what is done with them is the same, it is that they are read.
    let them = if matches!(words.last(), Some(&("to" | "agent"))) { "read them" } else { "them" };
    let them = format!("{them}{sign}");
    words.push(&them);
    words.extend(first[first.len() - end..].iter().map(String::as_str));
    Some(words.join(" "))
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
pub fn writing(proof: WriteProof) -> (Tone, &'static str) {
    match proof {
        WriteProof::Expected => (Tone::Good, MAY_WRITE),
        WriteProof::NotProvable => (Tone::Calm, NOT_TESTED),
        WriteProof::Doubtful => (Tone::Warn, DOUBTFUL),
    }
}

/// A permission, as the plan lists it: that something can be read is not called a right to write.
pub fn permission(check: Option<&Check>) -> (Tone, &'static str) {
    match check.map(|check| (check.status, check.writes)) {
        Some((CheckStatus::Pass | CheckStatus::Warn, Some(proof))) => writing(proof),
        Some((CheckStatus::Pass | CheckStatus::Warn, None)) => (Tone::Calm, NOT_TESTED),
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

/// The rows that say a remedy or a doubt instead of the row at this place, where they share it: those of the same weight that
/// follow, and those that failed, which are read first.
pub fn instead(rows: &[Told], at: usize) -> impl Iterator<Item = &Check> + Clone {
    let failed = |told: &Told| told.check.status == CheckStatus::Fail;
    let is_worse = move |other: &Told| failed(other) && !failed(&rows[at]);
    let is_alike = move |other: &Told| failed(other) == failed(&rows[at]);
    let others = rows.iter().enumerate();
    let others = others.filter(move |(place, other)| is_worse(other) || (*place > at && is_alike(other)));
    others.map(|(_, told)| &told.check)
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

/// What is said of a passed test, with how long it took; green where all is known that could be.
pub fn passed(report: &CheckReport) -> (Tone, String) {
    let words = passed_words(report);
    match report.checks.iter().any(is_untested) {
        true => (Tone::Calm, format!("{words}; {NOT_TESTED}")),
        false => (Tone::Good, words),
    }
}

/// Whether it could be read, and nothing is known of writing.
pub fn is_untested(check: &Check) -> bool {
    (check.status, check.writes) == (CheckStatus::Pass, Some(WriteProof::NotProvable))
}

fn passed_words(report: &CheckReport) -> String {
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
        assert_eq!(permission(Some(&unsure)), (Tone::Calm, "writing not tested"));
        assert_eq!(permission(Some(&check(Some(WriteProof::Expected)))).0, Tone::Good);
        assert_eq!(permission(Some(&check(None))).0, Tone::Calm, "nothing is known of writing");
        let groups = by_caveat([&unsure, &check(None)].into_iter());
        assert_eq!(groups, [(Some(WriteProof::NotProvable), vec!["Webhooks"]), (None, vec!["Webhooks"])]);
    }

    #[test]
    fn one_doubt_of_several_checks_is_told_once() {
        let check = |id, writes, message| check(id, CheckStatus::Warn, writes, message);
        let doubtful = Some(WriteProof::Doubtful);
        let checks = [
            check(CheckId::Webhooks, doubtful, "2 webhooks can be read; writing may be refused"),
            check(CheckId::Clients, None, "237 clients; perhaps not all"),
            check(CheckId::CustomTabs, doubtful, "1 custom tab can be read; writing may be refused"),
        ];
        let told = ["Webhooks, Custom tabs: writing may be refused", "Clients: 237 clients; perhaps not all"];
        assert_eq!(warnings(&checks), told);
    }

    /// A check in which nothing is wrong is no warning: those that share a doubt share a row.
    #[test]
    fn checks_with_one_doubt_share_row() {
        let check = |id, message| check(id, CheckStatus::Warn, Some(WriteProof::Doubtful), message);
        let checks = [
            check(CheckId::Webhooks, "2 webhooks can be read; writing may be refused: it needs x"),
            check(CheckId::CustomTabs, "1 custom tab can be read; writing may be refused: it needs x"),
            check(CheckId::TicketTypes, "6 ticket types can be read; writing may be refused: it needs y"),
        ];
        let rows = told(&checks, 0..3);
        let words: Vec<(&str, &str)> = rows.iter().map(|row| (&*row.title, &*row.check.message)).collect();
        assert_eq!(
            words,
            [
                ("2 checks", "Webhooks, Custom tabs: read; writing may be refused: it needs x"),
                ("Ticket types", "6 ticket types can be read; writing may be refused: it needs y"),
            ]
        );
    }

    #[test]
    fn one_remedy_of_several_checks_is_said_once() {
        let check = |id, hint: &str| Check { hint: Some(hint.into()), ..check(id, CheckStatus::Fail, None, "refused") };
        let checks = [check(CheckId::Clients, "a"), check(CheckId::Teams, "b"), check(CheckId::Webhooks, "a")];
        let said = |at: usize| advice_once(&checks[at], checks[at + 1..].iter()).map(|advice| advice.without_keys());
        assert_eq!([said(0), said(1), said(2)], [None, Some("b".to_owned()), Some("a".to_owned())]);
    }

    /// Six lines that say one thing leave no room for the remedy.
    #[test]
    fn checks_that_failed_for_one_cause_share_row() {
        let check = |id, message: &str| Check {
            hint: Some("in Halo, look".into()),
            http_status: Some(401),
            ..check(id, CheckStatus::Fail, None, message)
        };
        let lists = |what: &str| format!("Halo does not let the agent list the {what}: it answers 401");
        let checks = [
            check(CheckId::Clients, &lists("clients")),
            check(CheckId::TicketTypes, &lists("ticket types")),
            Check { http_status: Some(500), ..check(CheckId::Teams, "Halo failed when asked to list the teams (500)") },
            check(CheckId::Webhooks, &lists("webhooks")),
            check(CheckId::Tickets, "Halo does not let the agent find a ticket: it answers 401"),
        ];
        let rows = told(&checks, 0..checks.len());
        assert_eq!(rows.iter().map(|row| row.at).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(rows[0].title, "4 checks");
        let words = "Clients, Ticket types, Webhooks, Tickets: Halo does not let the agent read them: it answers 401";
        assert_eq!(rows[0].check.message, words);
        let rows = told(&checks, 0..4);
        assert!(rows[0].check.message.ends_with(": Halo does not let the agent list them: it answers 401"));
        let sent = |what: &str| check(CheckId::Agents, &format!("Halo sent a web page when asked to list the {what}"));
        let rows = told(&[sent("agents"), sent("teams")], 0..2);
        assert!(rows[0].check.message.ends_with(": Halo sent a web page when asked to list them"), "{rows:?}");
        let other = Check { hint: Some("elsewhere".into()), ..sent("teams") };
        assert_eq!(told(&[sent("agents"), other], 0..2).len(), 2, "another remedy");
    }
}
