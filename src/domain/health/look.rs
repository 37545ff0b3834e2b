//! Findings of the rules that can only be judged by querying Halo.

use jiff::{SignedDuration, Timestamp};

use super::finding::{Finding, NAMES_APART, NOT_ANSWERED, Rule, State, WRITING};
use crate::domain::calendar::rfc3339;
use crate::domain::check::{Check, CheckId, CheckReport, CheckStatus};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::full_circle::{Hop, HopReport};
use crate::domain::next::{Hint, Next, Part};
use crate::domain::object::ObjectKind;
use crate::domain::owner::Belongs;
use crate::domain::plan::{
    Action, CHANGED, Change, ChangeResult, ConfigureReport, MISSING, Plan, SWITCHED_OFF, how_far, untold,
};
use crate::domain::record::{InstalledObject, Written};
use crate::domain::status::Unrecorded;
use crate::domain::sync_run::{Sight, SyncReport};
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;

/// How far the clocks may be apart: certificates and tokens bear a few minutes, an order of events does not.
const APART: SignedDuration = SignedDuration::from_secs(60);

/// Objects that a sentence names.
const NAMED: usize = 3;

/// What a problem of syncs is about that failed: the short words tell it from one that is overdue.
pub const FAILED: &str = "failed";

/// What a problem of syncs is about where the newest one was interrupted.
pub const CUT_SHORT: &str = "interrupted at";

// The newest run, which was interrupted behind one that was stored.
pub(super) fn cut_short(run: &SyncReport) -> Finding {
    Finding::new(Rule::SyncAge, State::Watch, "the newest sync was interrupted")
        .about(format!("{CUT_SHORT} {}", rfc3339(run.finished_at)))
}

/// What a run is about that a person has stopped: it has not failed.
pub const STOPPED: &str = "stopped";

/// A refusal that a sync met is disproved by a later sync that succeeds.
pub const BY_SYNC: &str = "company sync";

/// What a connection test says. Where Halo was not reached, nothing new is known.
pub fn from_check(report: &CheckReport) -> Vec<Finding> {
    let mut found = Vec::new();
    let of = |id: CheckId| report.checks.iter().find(|check| check.id == id);
    let sign_in = [CheckId::Address, CheckId::Token].into_iter().filter_map(of);
    match sign_in.clone().find(|check| check.status == CheckStatus::Fail) {
        Some(failed) if is_unreached(failed) => return found,
        Some(failed) => {
            found.push(told(Rule::Credentials, State::Broken, failed));
            return found;
        }
        None if of(CheckId::Token).is_some_and(|check| check.status != CheckStatus::Skip) => {
            found.push(Finding::well(Rule::Credentials, "accepted by Halo"));
        }
        None => return found,
    }
    let rights = report.checks.iter().filter(|check| is_right(check.id));
    let is_partial = rights.clone().any(is_unreached);
    let worst = rights.filter(|check| !is_unreached(check)).max_by_key(|check| severity(check));
    found.extend(match worst.map(|worst| (severity(worst), worst)) {
        None => None,
        // One that was not reached may be missing.
        Some((State::Well | State::Unknown, _)) if is_partial => {
            let fact = "some could not be checked: Halo did not answer";
            Some(Finding::new(Rule::Rights, State::Unknown, fact).next(Hint::from("Look again: ").next(Next::Doctor)))
        }
        Some((State::Well | State::Unknown, _)) => Some(Finding::well(Rule::Rights, "what is needed can be read")),
        Some((state, _)) => {
            let failing = report.checks.iter().filter(|check| is_right(check.id) && !is_unreached(check));
            failing
                .filter(|check| severity(check) == state)
                .map(|check| told(Rule::Rights, state, check))
                .reduce(beside)
        }
    });
    // A short list of clients is the agent's reach, and no missing right.
    found.extend(of(CheckId::Clients).and_then(|clients| match clients.status {
        CheckStatus::Pass if report.sight == Some(Sight::All) => Some(sees_all()),
        CheckStatus::Pass => Some(sight_not_told()),
        CheckStatus::Warn => Some(told(Rule::AgentRestricted, State::Watch, clients)),
        _ => None,
    }));
    found
}

/// What a sync has heard of the agent with this Client ID. Where the agent sees chosen clients only, the run says so.
pub fn from_sync(report: &SyncReport, client_id: &str) -> Option<Finding> {
    match report.sight().filter(|_| report.status.has_published())? {
        Sight::All => Some(sees_all()),
        Sight::NotTold => Some(sight_not_told().about(client_id)),
        Sight::Chosen | Sight::NotHeard => None,
    }
}

/// The Client ID of whose agent a sync has warned that Halo does not tell what it sees, by what is known.
pub fn not_told_to(known: &[Finding]) -> Option<&str> {
    let is_it = |found: &&Finding| (found.rule, found.state) == (Rule::AgentRestricted, State::Unknown);
    known.iter().find(is_it)?.object.as_deref()
}

fn sees_all() -> Finding {
    Finding::well(Rule::AgentRestricted, "it sees every client")
}

/// What the agent sees is not known.
pub(super) fn sight_not_told() -> Finding {
    let look =
        "Asking again tells no more: in Halo, check \"Allow use of all Customers/Clients\" of the agent and its role";
    Finding::new(Rule::AgentRestricted, State::Unknown, SIGHT_NOT_TOLD).next(look)
}

/// What is known of an agent that Halo says nothing of.
pub const SIGHT_NOT_TOLD: &str = "Halo does not say whether the agent sees every client";

fn is_unreached(check: &Check) -> bool {
    matches!(check.failure, Some(FailureKind::NotReached | FailureKind::RateLimited(_)))
}

fn is_right(id: CheckId) -> bool {
    use CheckId as C;
    let others = [C::Address, C::Token, C::Clients, C::PiaBoard, C::EscalationBoard, C::EscalateTo];
    !others.contains(&id) || id == C::Clients
}

// What cannot be read is missing; what cannot be written for certain is worth a look.
fn severity(check: &Check) -> State {
    match check.status {
        CheckStatus::Fail => State::Broken,
        CheckStatus::Warn if check.id != CheckId::Clients => State::Watch,
        CheckStatus::Skip => State::Unknown,
        _ => State::Well,
    }
}

fn told(rule: Rule, state: State, check: &Check) -> Finding {
    let fact = format!("{}: {}", check.id.title(), check.message);
    Finding { next: check.hint.clone(), ..Finding::new(rule, state, fact) }.about(check.id.title())
}

/// How it is told that everything was taken out of Halo on purpose.
pub const REMOVED: &str = "removed from Halo";

/// How it is told of objects that are wanted in Halo, and that our record says are not there.
pub const NOT_THERE: &str = "not in Halo: removed, or not created yet";

/// How it is told of objects that Remove took out, while others stayed.
pub const TAKEN_OUT: &str = "removed from Halo on purpose";

/// What Remove has taken out, while others stayed.
pub fn taken_out(objects: &[(ObjectKind, String)]) -> Finding {
    not_there(objects, ["was", "were"], TAKEN_OUT, "; create them again: ")
}

// Objects that are wanted in Halo and are not there: how it is told of one and of several, and what Configure does.
fn not_there(objects: &[(ObjectKind, String)], [is, are]: [&str; 2], how: &str, does: &str) -> Finding {
    let kinds: Vec<ObjectKind> = objects.iter().map(|(kind, _)| *kind).collect();
    let names: Vec<&str> = objects.iter().map(|(_, name)| name.as_str()).collect();
    let verb = if names.len() == 1 { is } else { are };
    Finding::new(Rule::Drift, State::Watch, format!("{} {verb} {how}", ObjectKind::counted(&kinds)))
        .about(names.join(NAMES_APART))
        .next(Hint::from("See the plan: ").next(Next::Plan).text(does).next(Next::Configure))
}

/// What a plan says beside our record: what Remove took out is no drift, though it has to be created again. What Configure
/// wrote, and our record has no more, was taken out.
pub fn from_plan_and_record(plan: &Plan, recorded: &[InstalledObject], written: &[Written]) -> Finding {
    let pending: Vec<_> = plan.changes.iter().filter(|change| change.action != Action::Keep).collect();
    let is_known = |change: &Change| recorded.iter().any(|own| own.kind == change.kind && own.name == change.name);
    let was_written = |change: &Change| written.iter().any(|own| own.kind == change.kind && own.name == change.name);
    // The links go with their tab.
    let is_tab_out = pending.iter().any(|own| (own.kind, own.action) == (ObjectKind::CustomTab, Action::Create));
    let is_removed = |change: &&Change| match change.action {
        Action::Create => !is_known(change),
        Action::Link => !is_known(change) && is_tab_out,
        // What a run that was stopped had sent, and could not write down any more.
        Action::Adopt => !is_known(change) && was_written(change),
        _ => false,
    };
    if pending.is_empty() || recorded.is_empty() || !plan.blocked.is_empty() || !pending.iter().all(is_removed) {
        return from_plan(plan);
    }
    let missing: Vec<_> = pending.iter().filter(|change| change.action != Action::Adopt).collect();
    let names: Vec<(ObjectKind, String)> = missing.iter().map(|change| (change.kind, change.name.display())).collect();
    let was_stopped = missing.len() < pending.len();
    if missing.is_empty() {
        return from_plan(plan);
    }
    if !was_stopped && missing.iter().filter(|change| change.action == Action::Create).all(|change| was_written(change))
    {
        return taken_out(&names);
    }
    let found = not_there(&names, ["is", "are"], NOT_THERE, "; create them: ");
    let sent: Vec<ObjectKind> =
        pending.iter().filter(|change| change.action == Action::Adopt).map(|change| change.kind).collect();
    let fact = match sent.is_empty() {
        true => found.fact,
        // As many as the plan has to do.
        false => format!("{} to be taken over; {}", ObjectKind::counted(&sent), found.fact),
    };
    Finding { fact, ..found }
}

/// How it is told of links that Halo says nothing of.
pub const NOT_TOLD: &str = "Halo does not say whether ";

/// What a run has tried to link and nobody can read back, where it has done everything else.
pub fn from_untold(report: &ConfigureReport) -> Option<Finding> {
    let names: Vec<String> = untold(&report.results).iter().map(|result| result.name.display()).collect();
    (!names.is_empty()).then(|| links_not_told(&names))
}

// Another run says no more: whoever looks in Halo can.
fn links_not_told(names: &[String]) -> Finding {
    let mut shown: Vec<String> = names.iter().take(NAMED).cloned().collect();
    shown.extend(names.len().checked_sub(NAMED + 1).map(|more| format!("{} more", more + 1)));
    let last = shown.pop().unwrap_or_default();
    let whether = match shown.is_empty() {
        true => format!("{last} shows"),
        false => format!("{} and {last} show", shown.join(", ")),
    };
    Finding::new(Rule::Drift, State::Watch, format!("{NOT_TOLD}{whether} the Pia Chat Pod"))
        .about(names.join(NAMES_APART))
        .next(if_by_hand())
}

/// What settles a link that Halo says nothing of.
pub fn if_by_hand() -> Hint {
    Hint::from("If you have allowed it there by hand: ").next(Next::Dismiss("drift"))
}

/// What a plan says: what Configure made, and somebody changed since.
pub(super) fn from_plan(plan: &Plan) -> Finding {
    let rule = Rule::Drift;
    let mut pending: Vec<_> = plan.changes.iter().filter(|change| change.action != Action::Keep).collect();
    if pending.is_empty() && plan.blocked.is_empty() {
        return Finding::well(rule, "unchanged since Configure");
    }
    if plan.blocked.is_empty() && pending.iter().all(|change| change.is_untold()) {
        return links_not_told(&pending.iter().map(|change| change.name.display()).collect::<Vec<_>>());
    }
    // A webhook that sends nothing is always named.
    pending.sort_by_key(|change| !change.is_off());
    let named = pending.iter().take(NAMED).map(|change| format!("{} ({})", change.name.display(), change.reason));
    let mut facts: Vec<String> = named.collect();
    if pending.len() > NAMED {
        facts.push(format!("{} more", pending.len() - NAMED));
    }
    let told = plan.blocked.iter().take(NAMED);
    facts.extend(told.map(|blocked| format!("{}: {}", blocked.name.display(), blocked.reason)));
    let state = pending.iter().map(|change| of_change(change)).max().unwrap_or(State::Watch);
    let blocked = plan.blocked.iter().map(|blocked| &blocked.name);
    let names: Vec<String> = pending.iter().map(|change| &change.name).chain(blocked).map(Untrusted::display).collect();
    // What Configure cannot do it does not repair either.
    let next = match pending.is_empty() {
        true => Hint::from("Why that cannot be done: ").next(Next::Plan),
        false => repair(),
    };
    Finding::new(rule, state, facts.join("; ")).about(names.join(NAMES_APART)).next(next)
}

/// How much it means that an object differs for a reason. Without the webhooks or the tab nothing arrives; a ticket type that is
/// not linked only misses the tab, and what the settings or a rotation have still to bring there works as it is.
pub fn of_reason(kind: ObjectKind, reason: &str) -> State {
    let is_lost = kind.is_our_own() && [MISSING, SWITCHED_OFF, CHANGED].iter().any(|lost| reason.contains(lost));
    if is_lost { State::Broken } else { State::Watch }
}

/// The same of a change. What is taken over delivers already.
pub fn of_change(change: &Change) -> State {
    if change.action == Action::Adopt { State::Watch } else { of_reason(change.kind, &change.reason) }
}

/// The plan, and then Configure.
pub(super) fn see_and(what: &str) -> Hint {
    Hint::from("See the plan: ").next(Next::Plan).text(format!("; {what}")).next(Next::Configure)
}

fn repair() -> Hint {
    see_and("repair it: ")
}

/// Objects that Configure made and a sync saw to be gone or switched off, each with how; none where it saw none.
pub fn gone_or_off(faults: &[(String, &str)]) -> Option<Finding> {
    let facts: Vec<String> = faults.iter().take(NAMED).map(|(name, how)| format!("{name} ({how})")).collect();
    let names: Vec<&str> = faults.iter().map(|(name, _)| name.as_str()).collect();
    let found = Finding::new(Rule::Drift, State::Broken, facts.join("; "));
    (!faults.is_empty()).then(|| found.about(names.join(NAMES_APART)).next(repair()))
}

/// What a run of Configure says that has ended: whatever it did not do is an issue until another run has done it.
pub fn from_run(report: &ConfigureReport) -> Finding {
    let rule = Rule::Interrupted;
    let open: Vec<&ChangeResult> = report.results.iter().filter(|result| !result.is_made()).collect();
    if report.status.is_complete() {
        return Finding::well(rule, "the last one did everything");
    }
    if from_untold(report).is_some() {
        return Finding::well(rule, "the last one did everything that can be read back");
    }
    let (how, end, left) = match report.cause {
        Some(FailureKind::Interrupted) => ("was stopped", STOPPED, "to do"),
        _ => ("failed", FAILED, "not made"),
    };
    let why = open.iter().find_map(|result| result.message.as_deref()).map(first_sentence);
    let why = why.map(|why| format!(": {}", why.trim_end_matches('.'))).unwrap_or_default();
    let changes = report.results.iter().filter(|result| result.action != Action::Keep).count();
    let fact = format!("the last run {how}, {}{why}", how_far(&report.results, changes, left));
    let names: Vec<String> = open.iter().map(|result| result.name.display()).collect();
    Finding::new(rule, State::Broken, fact)
        .about(format!("{end}{NAMES_APART}{}", names.join(NAMES_APART)))
        .next(see_and("run it again: "))
}

/// What holds from the beginning of a first run to its first write: a run that ends there has no report.
pub fn before_first_write() -> Finding {
    Finding::new(
        Rule::Interrupted,
        State::Watch,
        "the last run was stopped before its first change: nothing was written",
    )
    .about(STOPPED)
    .next(Hint::from("Run it again: ").next(Next::Configure))
}

/// Where none has failed.
pub fn none_failed() -> Finding {
    Finding::well(Rule::Interrupted, NONE_FAILED)
}

/// The same in words.
pub(super) const NONE_FAILED: &str = "none was interrupted, and the last one did not fail";

// Without what to do about it: the results say that.
fn first_sentence(why: &str) -> String {
    Untrusted::new(why.split_once(". ").map_or(why, |(first, _)| first)).display()
}

/// What is refused where Halo does not let such an object be written.
pub fn writing(kind: ObjectKind) -> String {
    format!("{WRITING}{}", kind.word())
}

/// What is said where this program did not sign in, for what Halo has told it first.
pub const NOT_SENT: &str = "the Client Secret was not sent";

/// A write of such an object that Halo has refused, and the command that tries it again.
pub fn write_refused(kind: ObjectKind, name: &str, why: &str, again: Next) -> Finding {
    let (fact, remedy) = why.split_once(". ").unwrap_or((why.trim_end_matches('.'), "Allow it in Halo"));
    let fact = Untrusted::new(format!("{name}: {fact}")).display();
    let remedy = Untrusted::new(remedy.trim_end_matches('.')).display();
    Finding::new(Rule::Rights, State::Broken, fact)
        .about(writing(kind))
        .next(Hint::from(remedy + ". Then run it again: ").next(again))
}

/// What a test says of the permissions, which only reads: a write that Halo has refused stays refused until one succeeds.
pub fn beside_refused_writes(known: &[Finding], found: Finding) -> Finding {
    let Some(issue) = known.iter().find(|known| known.rule == Rule::Rights && known.is_issue()) else { return found };
    let (writes, others): (Vec<&str>, Vec<&str>) = issue.objects().partition(|name| name.starts_with(WRITING));
    if found.rule != Rule::Rights || writes.is_empty() {
        return found;
    }
    match others.iter().try_fold(issue.clone(), |issue, other| without(&issue, other)) {
        // That writing is doubtful says less.
        Some(refused) if found.state == State::Broken => beside(found, refused),
        Some(refused) => Finding { seen_at: None, ..refused },
        None => found,
    }
}

/// What a test ticket has shown of the way that events take; nothing where it did not come as far as this machine.
pub fn from_circle(hops: &[HopReport]) -> Option<Finding> {
    let stored = hops.iter().find(|report| report.hop == Hop::Stored)?;
    match stored.status {
        CheckStatus::Pass => Some(Finding::well(Rule::Deliveries, "a test ticket's event arrived")),
        CheckStatus::Fail if stored.hint.is_some() => {
            let fact = format!("{TEST_TICKET}: {}", stored.message);
            Some(
                Finding { next: stored.hint.clone(), ..Finding::new(Rule::Deliveries, State::Broken, fact) }
                    .about(TEST_TICKET),
            )
        }
        _ => None,
    }
}

/// What the finding is about where a test ticket has shown it.
pub(super) const TEST_TICKET: &str = "the event of a test ticket";

/// Halo was not reached, for whatever cause: that is known from now on, and what was well at the last look is not known to be
/// so now.
pub fn not_answered(before: &[Finding], failure: &Failure) -> Vec<Finding> {
    let check = || Hint::from("Check now: ").next(Next::Doctor);
    let is_well = |finding: &&Finding| finding.rule == Rule::Drift && finding.state == State::Well;
    let drift = before.iter().find(is_well);
    let objects = drift.map(|drift| Finding::new(drift.rule, State::Unknown, NOT_ANSWERED).next(check()));
    let silent = Finding::new(Rule::Halo, State::Watch, failure.message.as_str());
    let persists = || check().text(". If it persists, check the network and Halo's status page");
    let silent = silent.next(failure.hint.clone().unwrap_or_else(persists));
    std::iter::once(silent).chain(objects).collect()
}

/// Halo has answered, whatever it said.
pub fn answered() -> Finding {
    Finding::well(Rule::Halo, ANSWERED)
}

/// What to do about a clock that is wrong.
pub(super) const SET_CLOCK: &str = "Synchronise this machine's clock: timedatectl set-ntp true";

/// How it is told that no look at Halo was in vain.
pub(super) const ANSWERED: &str = "it answered the last check";

/// What whoever looked last for the owner has seen in Halo.
pub fn saw_owner(known: &[Finding]) -> Unrecorded {
    match known.iter().find(|found| found.rule == Rule::Owner && found.seen_at.is_some()) {
        None => Unrecorded::NotKnown,
        Some(found) if found.fact == NOTHING_THERE => Unrecorded::Nothing,
        Some(_) => Unrecorded::Something,
    }
}

const NOTHING_THERE: &str = "no objects of this configuration are in Halo";

/// Who owns the configuration in Halo. A missing owner is no fault: the next run of Configure records one.
pub fn from_owner(belongs: &Belongs) -> Finding {
    let rule = Rule::Owner;
    match belongs {
        Belongs::Nowhere => Finding::well(rule, NOTHING_THERE),
        Belongs::ToNobody => {
            Finding::well(rule, "no owner is recorded in Halo yet; the next run of Configure records it")
        }
        Belongs::Here(owner) => Finding::well(rule, format!("it belongs to this machine, {}", owner.machine)),
        Belongs::Elsewhere(owner) => {
            Finding::new(rule, State::Broken, format!("this configuration belongs to {owner}"))
                .since(owner.since)
                .next(Hint::from("Work on that machine, or take it over: ").next(Next::TakeOver))
        }
    }
}

/// What a failure says of the credentials and of the rights; nothing where Halo was only not reached.
pub fn from_failure(failure: &Failure) -> Option<Finding> {
    let rule = match failure.kind {
        FailureKind::WrongCredentials => Rule::Credentials,
        FailureKind::MissingRight => Rule::Rights,
        _ => return None,
    };
    let next = failure.hint.clone();
    Some(Finding { next, ..Finding::new(rule, State::Broken, failure.to_string()) })
}

/// What stands between the refusals of one issue, each of the object at its place.
const ALSO: &str = "; also ";

/// Two refusals in one issue.
fn beside(one: Finding, other: Finding) -> Finding {
    let about = |found: &Finding| found.object.clone().unwrap_or_default();
    let are_writes = one.is_of_writes() && other.is_of_writes();
    let again = last_command(&one).filter(|again| are_writes && last_command(&other).as_ref() == Some(again));
    let next = match again {
        _ if one.next == other.next => one.next.clone(),
        Some(again) => Some(Hint::from("Allow them in Halo, then run it again: ").next(again)),
        None => Some(Hint::from("To see what each needs: ").next(Next::Check)),
    };
    let fact = [one.fact.as_str(), other.fact.as_str()].join(ALSO);
    let object = Some([about(&one), about(&other)].join(NAMES_APART));
    Finding { fact, object, next, state: one.state.max(other.state), ..one }
}

fn last_command(finding: &Finding) -> Option<Next> {
    let parts = finding.next.as_ref()?.parts();
    parts.iter().rev().find_map(|part| if let Part::Next(next) = part { Some(next.clone()) } else { None })
}

// An issue without the refusal of one object; none where nothing else was refused.
fn without(issue: &Finding, by: &str) -> Option<Finding> {
    let (names, facts): (Vec<&str>, Vec<&str>) = (issue.objects().collect(), issue.fact.split(ALSO).collect());
    if names.len() != facts.len() || !names.contains(&by) {
        return Some(issue.clone());
    }
    let (names, facts): (Vec<&str>, Vec<&str>) = names.into_iter().zip(facts).filter(|(name, _)| *name != by).unzip();
    let object = Some(names.join(NAMES_APART));
    (!names.is_empty()).then(|| Finding { fact: facts.join(ALSO), object, ..issue.clone() })
}

/// What Halo has refused to somebody: beside all that it has refused before, and that nobody has seen it allow since.
pub fn refused(known: &[Finding], found: Finding) -> Finding {
    let before = known.iter().find(|known| known.rule == Rule::Rights && known.is_issue());
    // Whoever has said it before knows more of it: one sentence is not told twice.
    let says = |issue: &&Finding| issue.rule == found.rule && issue.fact.split(ALSO).any(|f| f.contains(&found.fact));
    if let Some(before) = before.filter(says) {
        return Finding { seen_at: None, ..before.clone() };
    }
    let by = found.object.clone().unwrap_or_default();
    let others = before.filter(|_| found.rule == Rule::Rights).and_then(|before| without(before, &by));
    others.into_iter().fold(found, beside)
}

/// What is left of an issue once Halo has allowed what it had refused to somebody; none where that was no issue.
pub fn allowed(known: &[Finding], by: &str) -> Option<Finding> {
    let issue = known.iter().find(|known| known.rule == Rule::Rights && known.is_issue())?;
    issue.objects().any(|name| name == by).then(|| {
        let fact = format!("a {by} has succeeded since; the other permissions were not checked");
        without(issue, by).unwrap_or_else(|| {
            Finding::new(Rule::Rights, State::Unknown, fact).next(Hint::from("Check now: ").next(Next::Doctor))
        })
    })
}

pub(super) const CHECK_SENDER: &str =
    "Check what sends it: Halo sends plain JSON in UTF-8. What was missed is fetched from Halo's log";

/// How the fact about a refused callback begins.
pub(super) const NOT_STORED: &str = "not stored: ";

/// Callbacks with the right token that were not stored, and come in the same form again; why the last one was not.
pub fn not_stored(whys: &[(&str, u64)], first: Timestamp, last: Timestamp) -> Finding {
    let count = whys.iter().map(|(_, count)| count).sum();
    let why = match whys {
        [(why, _)] => (*why).to_owned(),
        whys => whys.iter().map(|(why, count)| format!("{} {why}", thousands(*count))).collect::<Vec<_>>().join(", "),
    };
    let deliveries = match count {
        1 => "a delivery with the right token was".to_owned(),
        count => format!("{} deliveries with the right token were", thousands(count)),
    };
    Finding::new(Rule::NotUnderstood, State::Watch, format!("{deliveries} {NOT_STORED}{why}"))
        .about(rfc3339(last))
        .since(first)
        .next(CHECK_SENDER)
}

/// The command that is to tell people of problems has not done so.
pub fn not_told(why: &str) -> Finding {
    let next = "Check it, and what it calls: the service tries again every five minutes";
    Finding::new(Rule::Notices, State::Watch, format!("problems are told to nobody: the notify command {why}"))
        .about(why)
        .next(next)
}

/// It has done so again.
pub fn told_again() -> Finding {
    Finding::well(Rule::Notices, "the last one was given")
}

/// What a 410 from the receiver of forwarded events means.
pub fn forwarding_stopped() -> Finding {
    Finding::new(Rule::Forwarding, State::Broken, "forwarding stopped: the receiver answered 410")
        .about("410")
        .next(Hint::from("Set up the receiver again, then send again: ").next(Next::Retry("forwarding")))
}

/// How far Halo's clock is ahead of this machine's.
pub fn clock(ahead: SignedDuration, now: Timestamp) -> Finding {
    let rule = Rule::Clock;
    if ahead.abs() < APART {
        return Finding::well(rule, "it agrees with Halo's");
    }
    let (seconds, which) = (ahead.abs().as_secs(), if ahead.is_negative() { "ahead of" } else { "behind" });
    let state = if ahead.abs() >= 5 * APART { State::Broken } else { State::Watch };
    let minutes = seconds.div_euclid(60);
    let plural = if minutes == 1 { "" } else { "s" };
    Finding::new(rule, state, format!("this machine is about {minutes} minute{plural} {which} Halo"))
        .since(now)
        .next(SET_CLOCK)
}
