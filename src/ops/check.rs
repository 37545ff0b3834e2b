//! The connection test: each thing that later steps need is read once, and gets a verdict of its own.
//!
//! It writes nothing, and it needs fewer than fifteen requests: what is only nice to know is left out where the sign-in took
//! many.

mod verdict;

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use self::verdict::{Verdict, counted, list, there};
use super::Workspace;
use crate::domain::check::{Check, CheckId, CheckReport, CheckStatus, HaloIdentity};
use crate::domain::check::{MissingRight, NEEDED, Right, RightState};
use crate::domain::configuration::{ApiCredentials, ConfigurationId, EscalateTo, PiaScreen};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::{clock, from_check};
use crate::domain::note_outcome::NoteOutcome;
use crate::domain::people::{Agent, Team};
use crate::domain::product::Product;
use crate::domain::request::{SecretChoice, VerifyRequest};
use crate::domain::untrusted::{Untrusted, same_name};
use crate::halo::rights::{self, APPLICATION, AgentRights, Scopes};
use crate::halo::{HaloApi, HaloError, Token};

/// How long is waited for who the agent is: megabytes, and nice to have.
const OWN_AGENT: Duration = Duration::from_secs(10);

/// A question that failed after so long was asked again and again: what comes behind it would be as long in coming, and
/// somebody waits.
const IN_VAIN: Duration = Duration::from_secs(8);

/// The same for all that failed in a way that may pass: what comes behind it fails alike, and says nothing new.
const IN_VAIN_TOGETHER: Duration = Duration::from_secs(3);

/// The most requests of a test.
const REQUESTS: u64 = 14;

/// Reads after the sign-in that are always made: clients, agents, teams, ticket types, webhooks, custom tabs, tickets.
const READS: u64 = 7;

/// Checks that read something, before that of the custom tabs.
const READS_BEFORE_IT: usize = 5;

/// Actions of Halo's that a hint names.
const ACTIONS_NAMED: usize = 5;

/// What to do about clients that are not listed.
const ALL_CLIENTS: &str = "in Halo, set \"Allow use of all Customers/Clients\" of the agent or its role to Yes";

/// Tests a connection. `on_check` hears each verdict as it falls.
///
/// An `Err` means that the test could not be made at all (no secret, interrupted); a failed check is a report.
pub async fn verify(
    workspace: &Workspace,
    request: &VerifyRequest,
    cancel: CancellationToken,
    mut on_check: impl FnMut(&Check) + Send,
) -> Result<CheckReport, Failure> {
    let secret = match &request.secret {
        SecretChoice::Typed(secret) => secret.clone(),
        SecretChoice::Stored => workspace.client_secret(request.id.as_ref(), &request.api).await?.0,
    };
    let halo = workspace.connect(request.id.as_ref(), &request.api, secret)?.cancelled_by(cancel);
    let id = request.id.as_ref();
    let report = with_halo(&halo, id, &request.api, request.pia_screen.as_ref(), &mut on_check).await?;
    // What is typed and not saved yet says nothing of what is saved.
    let of_saved = id.filter(|_| request.secret == SecretChoice::Stored);
    if let Some(id) = of_saved {
        note(workspace, id, &report, &halo);
    }
    if let (true, Some(id)) = (report.ok, of_saved) {
        workspace.remember_verified(id, &request.api, &halo).await?;
    }
    Ok(report)
}

/// Writes down what a test of what is saved says of its health.
pub(super) fn note(workspace: &Workspace, id: &ConfigurationId, report: &CheckReport, halo: &HaloApi) {
    let mut found = from_check(report);
    found.extend(halo.clock_ahead().map(|ahead| clock(ahead, workspace.now())));
    workspace.note_health(id, found);
}

/// The same for work that needs only some of it: no other verdict is told, and no other one counts.
pub(super) async fn needed(
    halo: &HaloApi,
    id: &ConfigurationId,
    api: &ApiCredentials,
    needs: impl Fn(CheckId) -> bool + Send + Sync,
    on_check: &mut (dyn FnMut(&Check) + Send),
) -> Result<CheckReport, Failure> {
    let mut on_needed = |check: &Check| {
        if needs(check.id) {
            on_check(check);
        }
    };
    let mut report = with_halo(halo, Some(id), api, None, &mut on_needed).await?;
    report.ok = keep_needed(&mut report.checks, needs);
    report.rights.clear();
    Ok(report)
}

/// Leaves the verdicts that count, and says whether they are a yes. What was not tried was not passed, and what kept it from
/// being tried is to be told.
fn keep_needed(checks: &mut Vec<Check>, needs: impl Fn(CheckId) -> bool) -> bool {
    let was_stopped = checks.iter().any(|check| needs(check.id) && check.status == CheckStatus::Skip);
    checks.retain(|check| needs(check.id) || (was_stopped && check.status == CheckStatus::Fail));
    !was_stopped && checks.iter().all(|check| check.status != CheckStatus::Fail)
}

/// The same with a Halo that is connected already: what Configure does before its first write.
pub(super) async fn with_halo(
    halo: &HaloApi,
    id: Option<&ConfigurationId>,
    api: &ApiCredentials,
    pia_screen: Option<&PiaScreen>,
    on_check: &mut (dyn FnMut(&Check) + Send),
) -> Result<CheckReport, Failure> {
    let halo = &halo.while_a_person_waits();
    let mut run = Run {
        checks: Vec::new(),
        on_check,
        stopped: None,
        answers_401: false,
        is_shut_out: false,
        in_vain: Duration::ZERO,
        scopes: Scopes::unknown(),
        product: halo.product(),
    };
    let mut identity =
        HaloIdentity { url: api.url.to_string(), auth_url: None, tenant: api.tenant.clone(), version: None };

    let discovery = run.attempt(CheckId::Address, halo.discover(), |discovery| {
        let encrypted = if api.url.is_encrypted() { "" } else { " (not encrypted)" };
        if discovery.found {
            Verdict::pass(format!("Halo answers{encrypted}"))
        } else {
            Verdict::warn(
                format!("Halo answers, but does not report its sign-in server{encrypted}"),
                format!("trying {}; set auth_url in the settings if that is wrong", discovery.auth_url),
            )
        }
    });
    if let Some(discovery) = discovery.await? {
        identity.auth_url = Some(discovery.auth_url.to_string());
        identity.tenant = discovery.tenant.map(|tenant| Untrusted::new(tenant).display());
    }

    let token = sign_in(&mut run, halo).await?;
    let mut is_silent = false;
    // A version is nice to have, and an agent without the right to it can still do everything else.
    if token.is_some() && has_room(halo, READS) {
        let started = Instant::now();
        match halo.instance().await {
            Ok(instance) => identity.version = instance.version.map(|version| version.display()),
            Err(error) => {
                run.look_at(&error, started);
                is_silent = matches!(error, HaloError::NotReached { .. });
            }
        }
    }
    run.product = halo.product();
    // Who the agent is decides what can be said of writing. Where the scopes are too narrow for it, nothing does.
    let mut agent = None;
    if token.is_some() && !is_silent && run.scopes.are_wide() && has_room(halo, READS) {
        let asked = run.handle(halo);
        let started = Instant::now();
        match timeout(OWN_AGENT, asked.own_agent()).await {
            Ok(Ok(rights)) => agent = Some(rights),
            // Every login may read itself, but the one that is no agent.
            Ok(Err(error)) => {
                run.is_shut_out = matches!(error, HaloError::MissingRight { .. }) && error.http_status() == Some(403);
                run.look_at(&error, started);
            }
            Err(_) => {}
        }
    }
    let restricted = agent.as_ref().is_some_and(|agent| agent.sees_chosen_clients);

    let asked = run.handle(halo);
    run.attempt(CheckId::Clients, asked.probe_clients(), |count| match count {
        Some(0) => Verdict::warn("Halo lists no client for this agent".to_owned(), ALL_CLIENTS),
        Some(count) if restricted => Verdict::warn(
            format!(
                "{} can be read; there may be more: the agent sees chosen ones",
                counted(*count, "client", "clients")
            ),
            ALL_CLIENTS,
        ),
        Some(count) => Verdict::pass(format!("{} can be read", counted(*count, "client", "clients"))),
        None => Verdict::warn(
            "clients can be read, but Halo gives no count".to_owned(),
            "without it a sync cannot verify that it is complete",
        ),
    })
    .await?;
    let asked = run.handle(halo);
    let agents = run
        .attempt(CheckId::Agents, asked.agents(), |agents: &Vec<Agent>| {
            let assignable = agents.iter().filter(|agent| agent.assignable).count();
            list(assignable, ("agent", "agents"), false, "in Halo, give the application's agent a Default Team")
        })
        .await?;
    let asked = run.handle(halo);
    let teams = run
        .attempt(CheckId::Teams, asked.teams(), |teams: &Vec<Team>| {
            list(
                teams.len(),
                ("team", "teams"),
                restricted,
                "in Halo, make the agent a member of every team it should see",
            )
        })
        .await?;
    let asked = run.handle(halo);
    let writes = |check, scopes: &Scopes| rights::writes(check, scopes, agent.as_ref());
    let write = writes(CheckId::TicketTypes, &run.scopes);
    run.attempt(CheckId::TicketTypes, asked.ticket_types(), |types| {
        let hint = "in Halo, set Ticket Type Restrictions › \"Allow use of all Ticket Types\" of the role to Yes";
        list(types.len(), ("ticket type", "ticket types"), restricted, hint).and_writing(CheckId::TicketTypes, write)
    })
    .await?;
    let asked = run.handle(halo);
    let write = writes(CheckId::Webhooks, &run.scopes);
    run.attempt(CheckId::Webhooks, asked.webhooks(), |webhooks| {
        there(webhooks.len(), ("webhook", "webhooks"), restricted).and_writing(CheckId::Webhooks, write)
    })
    .await?;
    let asked = run.handle(halo);
    let write = writes(CheckId::CustomTabs, &run.scopes);
    run.attempt(CheckId::CustomTabs, asked.tabs(), |tabs| {
        there(tabs.len(), ("custom tab", "custom tabs"), restricted).and_writing(CheckId::CustomTabs, write)
    })
    .await?;
    // Apart: all that waits here would make every future around it large.
    Box::pin(read_tickets(&mut run, halo, agent.as_ref(), pia_screen)).await?;

    match pia_screen {
        Some(screen) => {
            run.judge(CheckId::PiaBoard, judge_board(&screen.pia_board, teams.as_deref()));
            run.judge(CheckId::EscalationBoard, judge_board(&screen.escalation_board, teams.as_deref()));
            run.judge(CheckId::EscalateTo, judge_contact(screen, agents.as_deref()));
        }
        None => {
            for check in [CheckId::PiaBoard, CheckId::EscalationBoard, CheckId::EscalateTo] {
                run.judge(check, Verdict::skip("not chosen yet"));
            }
        }
    }

    let checks = run.checks;
    let rights = rights_of(&checks, run.product);
    Ok(CheckReport {
        rights,
        ok: checks.iter().all(|check| check.status != CheckStatus::Fail),
        configuration: id.map(ToString::to_string),
        halo: identity,
        checks,
        token_valid_until: token.map(|token| token.valid_until),
        teams: teams.unwrap_or_default(),
    })
}

/// What the daily work and Escalate need: tickets, their notes and the statuses.
async fn read_tickets(
    run: &mut Run<'_>,
    halo: &HaloApi,
    agent: Option<&AgentRights>,
    pia_screen: Option<&PiaScreen>,
) -> Result<(), Failure> {
    let asked = run.handle(halo);
    let write = rights::writes(CheckId::Tickets, &run.scopes, agent);
    // A token that has run out once more would be requests too many.
    let spare = has_room(halo, 2);
    let asked = if spare { asked } else { halo.without_renewal() };
    let full = !has_room(halo, 0);
    let question = async { if full { Ok(None) } else { unless_dead(spare, asked.probe_tickets()).await } };
    let newest = run.attempt(CheckId::Tickets, question, |newest| {
        let Some(newest) = newest else { return Verdict::no_room() };
        let none = if newest.is_none() { "; Halo lists none for this agent" } else { "" };
        Verdict::pass(format!("can be read{none}")).and_writing(CheckId::Tickets, write)
    });
    let newest = newest.await?;
    let write = rights::writes(CheckId::Actions, &run.scopes, agent);
    match newest.map(Option::flatten) {
        None => run.judge(CheckId::Actions, Verdict::not_tried(CheckId::Tickets)),
        Some(None) => run.judge(CheckId::Actions, Verdict::skip("there is no ticket to read notes from")),
        Some(Some(_)) if !has_room(halo, 0) => run.judge(CheckId::Actions, Verdict::no_room()),
        Some(Some(ticket)) => {
            let asked = halo.without_renewal();
            let question = async {
                asked.probe_notes(ticket).await?;
                match pia_screen {
                    // That notes can be read stands, whatever becomes of this.
                    Some(_) if has_room(halo, 1) => Ok(asked.note_outcomes().await.unwrap_or_default()),
                    _ => Ok(Vec::new()),
                }
            };
            let set = pia_screen.and_then(|screen| screen.note_outcome.as_ref());
            let verdict = |answer: &Option<Vec<_>>| match answer {
                None => Verdict::no_room(),
                Some(listed) => judge_outcome(set, listed).and_writing(CheckId::Actions, write),
            };
            run.attempt(CheckId::Actions, unless_dead(false, question), verdict).await?;
        }
    }
    if has_room(halo, 0) {
        let asked = halo.without_renewal();
        run.attempt(CheckId::Statuses, unless_dead(false, asked.probe_statuses()), |count| match count {
            None => Verdict::no_room(),
            Some(count) => Verdict::pass(format!("{} can be read", counted(*count as u64, "status", "statuses"))),
        })
        .await?;
    } else {
        run.judge(CheckId::Statuses, Verdict::no_room());
    }
    Ok(())
}

/// Whether there is room for a read that is only nice to have, beside so many that are not.
fn has_room(halo: &HaloApi, needed: u64) -> bool {
    halo.usage().requests + needed < REQUESTS
}

/// An answer; none where the token has just run out and there is no room to ask for another one.
async fn unless_dead<T>(
    spare: bool,
    question: impl Future<Output = Result<T, HaloError>>,
) -> Result<Option<T>, HaloError> {
    match question.await {
        Err(error) if !spare && error.http_status() == Some(401) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Every right that is needed, and where in Halo it is ticked; nothing is asked.
pub fn rights() -> Vec<Right> {
    rights_of(&[], Product::default())
}

/// The table of rights: what is there, and where in Halo the rest is ticked.
fn rights_of(checks: &[Check], product: Product) -> Vec<Right> {
    let row = |(id, access, phases): (CheckId, _, _)| {
        let check = checks.iter().find(|check| check.id == id);
        let missing = check.and_then(|check| check.missing.as_ref()).map(MissingRight::advice);
        Right {
            id,
            access,
            phases,
            state: check.map_or(RightState::Unknown, |check| check.right(access)),
            place: missing.unwrap_or_else(|| product.in_words(&rights::place(id))),
        }
    };
    NEEDED.into_iter().map(row).collect()
}

/// Asks for a token, and for what it is good: Halo may give less than was asked for. Then the scopes are tried one at a
/// time, because one that is not permitted spoils a request for several.
async fn sign_in(run: &mut Run<'_>, halo: &HaloApi) -> Result<Option<Token>, Failure> {
    if let Some(stopped) = run.stopped {
        run.judge(CheckId::Token, Verdict::not_tried(stopped));
        return Ok(None);
    }
    let started = Instant::now();
    let token = halo.sign_in().await;
    let mut trials = Vec::new();
    if let Ok(token) = &token {
        run.scopes = match &token.scope {
            Some(told) => Scopes::told(told.raw()),
            // Whoever gives a token without a word on its scope gives the one that was asked for.
            None if token.is_for_all => Scopes::told("all"),
            None => Scopes::unknown(),
        };
        if !run.scopes.are_wide() {
            trials.clone_from(&token.trials);
            if trials.is_empty() {
                // What cannot be tried is not known; the token is good all the same.
                trials = halo.try_scopes().await.unwrap_or_default();
            }
            if token.scope.is_none() && !trials.is_empty() {
                run.scopes = Scopes::found(trials.iter().filter(|trial| trial.granted).map(|trial| trial.scope));
            }
        }
    }
    let wide = run.scopes.are_wide();
    let judge = |token: &Token| {
        let until = token.valid_until.strftime("%H:%M UTC");
        if wide {
            return Verdict::pass(format!("valid until {until}"));
        }
        let scope = match &token.scope {
            Some(told) => format!("the scope \"{told}\""),
            None => "the application's own scopes, which Halo does not report".to_owned(),
        };
        let of = |granted| {
            let names: Vec<&str> = trials.iter().filter(|t| t.granted == granted).map(|t| t.scope).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        let tried = match trials.is_empty() {
            true => String::new(),
            false => format!("; asked one by one, Halo grants {} and refuses {}", of(true), of(false)),
        };
        let message = format!("valid until {until}, but only for {scope}, not \"all\"{tried}");
        Verdict::warn(message, format!("webhooks, custom tabs and ticket types need \"all\": in Halo, {APPLICATION}"))
    };
    let outcome = run.conclude(CheckId::Token, token, started, judge)?;
    Ok(outcome)
}

fn judge_board(board: &str, teams: Option<&[Team]>) -> Verdict {
    let Some(teams) = teams else { return Verdict::not_tried(CheckId::Teams) };
    let known = teams.iter().any(|team| !team.inactive && team.name.raw() == board);
    if known {
        return Verdict::pass(format!("Halo has a team \"{board}\""));
    }
    let near = teams.iter().find(|team| same_name(team.name.raw(), board));
    let hint = match near {
        Some(team) => format!("did you mean \"{}\"? Names must match exactly", team.name),
        None => "make the team in Halo, or choose one that the agent is a member of".to_owned(),
    };
    Verdict::warn(format!("this agent sees no team \"{board}\" in Halo"), hint)
}

/// Whether Halo has the action with which notes are added. Where it lists none, nothing is known.
fn judge_outcome(set: Option<&NoteOutcome>, listed: &[(i64, Untrusted)]) -> Verdict {
    let read = "can be read".to_owned();
    let first = set.cloned().unwrap_or_default();
    let other = first.other();
    let has = |outcome: &NoteOutcome| listed.iter().any(|row| outcome.is(row));
    if listed.is_empty() || has(&first) || (set.is_none() && has(&other)) {
        return Verdict::pass(read);
    }
    let names: Vec<String> = listed.iter().take(ACTIONS_NAMED).map(|(id, name)| format!("\"{name}\" ({id})")).collect();
    let hint = format!("Name one of Halo's actions in the setting note_outcome, such as {}", names.join(", "));
    match has(&other) {
        true => Verdict::warn(format!("{read}; Halo lists no action {first}, so notes are added by {other}"), hint),
        false => Verdict::warn(format!("{read}; Halo lists no action {first} and no {other} to add a note with"), hint),
    }
}

fn judge_contact(screen: &PiaScreen, agents: Option<&[Agent]>) -> Verdict {
    let Some(contact) = &screen.escalate_to else { return Verdict::skip("no default escalation") };
    let Some(agents) = agents else { return Verdict::not_tried(CheckId::Agents) };
    match find_contact(contact, agents) {
        Ok(agent) => Verdict::pass(format!("{} is an agent", agent.name)),
        Err((fault, hint)) => Verdict::warn(fault, hint),
    }
}

/// The agent that a contact is; or why tickets cannot be given to that one, and what to do.
pub(super) fn find_contact<'a>(contact: &EscalateTo, agents: &'a [Agent]) -> Result<&'a Agent, (String, &'static str)> {
    match agents.iter().find(|agent| agent.id == contact.agent_id) {
        Some(agent) if agent.assignable => Ok(agent),
        Some(agent) if agent.api_only => Err((
            format!("{} is an API-only agent in Halo, and tickets cannot be assigned to one", agent.name),
            "choose another contact, or untick \"API-only Agent\" of this one in Halo",
        )),
        Some(agent) => Err((format!("{} is disabled in Halo", agent.name), "choose another contact")),
        None => {
            let name = Untrusted::new(contact.name.as_str());
            Err((format!("{name} is no longer an agent in Halo"), "choose another contact"))
        }
    }
}

/// Whether the same question may get a better answer later.
fn may_pass(error: &HaloError) -> bool {
    matches!(error, HaloError::ServerError { .. } | HaloError::Unexpected { .. })
}

/// A run over the checks: says each verdict, and stops asking Halo once it cannot be reached or will not sign us in.
struct Run<'a> {
    checks: Vec<Check>,
    on_check: &'a mut (dyn FnMut(&Check) + Send),
    stopped: Option<CheckId>,
    /// Whether Halo has answered 401 to a token that had been renewed just before.
    answers_401: bool,
    /// Whether Halo refuses every read: then it is the login that is wrong, and no right.
    is_shut_out: bool,
    /// How long was waited for answers that failed in a way that may pass.
    in_vain: Duration,
    /// What the token is good for.
    scopes: Scopes,
    product: Product,
}

impl Run<'_> {
    async fn attempt<T>(
        &mut self,
        id: CheckId,
        question: impl Future<Output = Result<T, HaloError>>,
        judge: impl FnOnce(&T) -> Verdict,
    ) -> Result<Option<T>, Failure> {
        if let Some(stopped) = self.stopped {
            self.judge(id, Verdict::not_tried(stopped));
            return Ok(None);
        }
        let started = Instant::now();
        let answer = question.await;
        self.conclude(id, answer, started, judge)
    }

    /// The handle for the next question. Where Halo answers 401 for good, renewing the token for every question would
    /// only cost requests.
    fn handle(&self, halo: &HaloApi) -> HaloApi {
        if self.answers_401 { halo.without_renewal() } else { halo.clone() }
    }

    fn look_at(&mut self, error: &HaloError, started: Instant) {
        self.answers_401 |= error.http_status() == Some(401);
        if may_pass(error) {
            self.in_vain += started.elapsed();
        }
    }

    fn conclude<T>(
        &mut self,
        id: CheckId,
        answer: Result<T, HaloError>,
        started: Instant,
        judge: impl FnOnce(&T) -> Verdict,
    ) -> Result<Option<T>, Failure> {
        match answer {
            Ok(answer) => {
                self.is_shut_out &= matches!(id, CheckId::Address | CheckId::Token);
                self.push(id, judge(&answer), started.elapsed());
                Ok(Some(answer))
            }
            Err(error) => {
                self.look_at(&error, started);
                let fails_alike = may_pass(&error) && self.in_vain >= IN_VAIN_TOGETHER;
                let failure = Failure::from(error);
                let failure_words = failure.to_string();
                if failure.kind == FailureKind::Interrupted {
                    return Err(failure);
                }
                let fatal = matches!(id, CheckId::Address | CheckId::Token)
                    || matches!(failure.kind, FailureKind::NotReached | FailureKind::RateLimited(_))
                    || started.elapsed() >= IN_VAIN
                    || fails_alike;
                if fatal {
                    self.stopped = Some(id);
                }
                let is_refused = failure.http_status == Some(403) && failure.kind == FailureKind::MissingRight;
                // Scopes and roles are shut one by one. Where nothing at all can be read, it is the login that is wrong.
                let refused = self.checks.iter().filter(|check| check.http_status == Some(403)).count();
                self.is_shut_out |= is_refused && id == CheckId::CustomTabs && refused == READS_BEFORE_IT;
                let mut verdict = Verdict::fail(id, failure, &self.scopes);
                if id == CheckId::Statuses && !fatal {
                    // Nothing depends on it but the names of statuses.
                    (verdict.status, verdict.failure) = (CheckStatus::Warn, None);
                }
                if self.is_shut_out && is_refused {
                    let login = rights::missing(id, Some(401), &self.scopes);
                    verdict.message = failure_words;
                    verdict.hint = Some(format!("every read is refused: {}", login.advice()).into());
                    verdict.missing = Some(login);
                }
                self.push(id, verdict, started.elapsed());
                Ok(None)
            }
        }
    }

    fn judge(&mut self, id: CheckId, mut verdict: Verdict) {
        if let Some(stopped) = self.stopped
            && verdict.status != CheckStatus::Skip
        {
            verdict = Verdict::not_tried(stopped);
        }
        // Judged from what was read before, so no request and no status of its own.
        verdict.http_status = None;
        self.push(id, verdict, Duration::ZERO);
    }

    fn push(&mut self, id: CheckId, verdict: Verdict, took: Duration) {
        let by_name = |missing: MissingRight| MissingRight {
            right: self.product.in_words(&missing.right),
            place: self.product.in_words(&missing.place),
            ..missing
        };
        let check = Check {
            id,
            status: verdict.status,
            message: verdict.message,
            hint: verdict.hint.map(|hint| hint.reworded(|text| self.product.in_words(text))),
            http_status: verdict.http_status,
            failure: verdict.failure,
            missing: verdict.missing.map(by_name),
            writes: verdict.writes,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        };
        (self.on_check)(&check);
        self.checks.push(check);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::halo::BadReply;

    fn check(id: CheckId, status: CheckStatus) -> Check {
        Check {
            id,
            status,
            message: String::new(),
            hint: None,
            http_status: None,
            failure: None,
            missing: None,
            writes: None,
            duration_ms: 0,
        }
    }

    /// What adds a note is compared with Halo's own list once, before the first note.
    #[test]
    fn note_action_that_halo_does_not_list_is_warned_about() {
        let listed = [(5, Untrusted::new("Email User")), (7, Untrusted::new("Internal Note"))];
        let judge = |set: Option<NoteOutcome>, listed: &[_]| {
            let verdict = judge_outcome(set.as_ref(), listed);
            (verdict.status, verdict.message, verdict.hint.unwrap_or_default())
        };
        let name = |name: &str| Some(NoteOutcome::Name(name.to_owned()));
        for (set, listed) in [
            (None, &listed[..]),
            (name("internal note"), &listed),
            (Some(NoteOutcome::Number(5)), &listed),
            (name("Private Note"), &[]),
        ] {
            assert_eq!(judge(set.clone(), listed).0, CheckStatus::Pass, "{set:?}");
        }
        let (status, message, hint) = judge(name("Private Note"), &listed);
        assert_eq!(
            (status, &*message),
            (CheckStatus::Warn, "can be read; Halo lists no action \"Private Note\", so notes are added by 7")
        );
        assert!(hint.contains("note_outcome, such as \"Email User\" (5), \"Internal Note\" (7)"), "{hint}");
        let (status, message, _) = judge(None, &listed[..1]);
        assert_eq!(status, CheckStatus::Warn);
        assert!(message.ends_with("no action \"Private Note\" and no 7 to add a note with"), "{message}");
    }

    /// Whoever waits hears within seconds what is wrong, and not after the same wait for each of the other checks, nor the
    /// same words for each.
    #[tokio::test(start_paused = true)]
    async fn check_that_was_asked_in_vain_ends_test() {
        let refused = || HaloError::MissingRight {
            does: "list the clients",
            status: 403,
            said: None,
            product: Product::default(),
        };
        let cut = || HaloError::Unexpected { does: "list the clients", what: BadReply::Cut };
        for (before, takes, error, goes_on) in [
            (0, 0, refused(), true),
            (0, 9, refused(), false),
            (0, 0, cut(), true),
            (4, 0, cut(), false),
            (4, 0, refused(), true),
        ] {
            let mut on_check = |_: &Check| {};
            let mut run = Run {
                checks: Vec::new(),
                on_check: &mut on_check,
                stopped: None,
                answers_401: false,
                is_shut_out: false,
                in_vain: Duration::from_secs(before),
                scopes: Scopes::unknown(),
                product: Product::default(),
            };
            let fails = async {
                tokio::time::sleep(Duration::from_secs(takes)).await;
                Err::<(), _>(error.clone())
            };
            let pass = |(): &()| Verdict::pass("read".to_owned());
            run.attempt(CheckId::Clients, fails, pass).await.unwrap();
            let next = run.attempt(CheckId::Agents, async { Ok(()) }, pass).await.unwrap();
            assert_eq!(next.is_some(), goes_on, "{error:?} after {before} s and {takes} s");
        }
    }

    /// Halo was not reached when it was asked for its clients, which Remove does not need: so it was not asked for its
    /// webhooks any more, which Remove does need.
    #[test]
    fn check_that_was_not_made_is_no_yes() {
        use CheckStatus::{Fail, Pass, Skip, Warn};
        let needs = |id| matches!(id, CheckId::Token | CheckId::Webhooks);
        for (clients, webhooks, ok, left) in
            [(Pass, Pass, true, 2), (Fail, Warn, true, 2), (Fail, Skip, false, 3), (Pass, Fail, false, 2)]
        {
            let mut checks =
                vec![check(CheckId::Token, Pass), check(CheckId::Clients, clients), check(CheckId::Webhooks, webhooks)];
            assert_eq!((keep_needed(&mut checks, needs), checks.len()), (ok, left), "{clients:?} {webhooks:?}");
        }
    }
}
