//! The connection test: each thing that later steps need is read once, and gets a verdict of its own.
//!
//! It writes nothing, and it needs fewer than fifteen requests: what is only nice to know is left out where the sign-in took
//! many.

pub(super) mod lately;
mod named;
mod noting;
pub(super) mod passed;
mod verdict;

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(super) use self::named::find_contact;
use self::named::{judge_board, judge_contact, judge_outcome};
use self::noting::was_answered;
pub(super) use self::noting::{failure_of, keep_lists, note, note_refusal, note_rights, note_silence, note_writes};
use self::verdict::{Verdict, counted, list, there};
use super::Workspace;
use crate::domain::check::{Check, CheckId, CheckReport, CheckStatus, HaloIdentity};
use crate::domain::check::{MissingRight, NEEDED, Right, RightState};
use crate::domain::configuration::{ApiCredentials, ConfigurationId, PiaScreen};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::answered;
use crate::domain::people::{Agent, Team};
use crate::domain::request::{SecretChoice, VerifyRequest};
use crate::domain::sync_run::Sight;
use crate::domain::untrusted::Untrusted;
use crate::halo::product::Product;
use crate::halo::rights::{self, AgentRights, Scopes};
use crate::halo::{HaloApi, HaloError, Token};

/// What a test is made before: a plan, or the writing of what a plan has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Planning,
    Writing,
}

/// How long is waited for the version, which is nice to have.
const VERSION: Duration = Duration::from_secs(3);

/// The same for who the agent is: megabytes.
const OWN_AGENT: Duration = Duration::from_secs(5);

/// A question that failed after so long was asked again and again: what comes behind it would be as long in coming, and
/// somebody waits.
const IN_VAIN: Duration = Duration::from_secs(8);

/// The same for all that failed in a way that may pass: what comes behind it fails alike, and says nothing new.
const IN_VAIN_TOGETHER: Duration = Duration::from_secs(3);

/// The most requests of a test.
const REQUESTS: u64 = 14;

/// Reads after the sign-in that are always made: clients, agents, teams, ticket types, webhooks, custom tabs, tickets.
const READS: u64 = 7;

/// Checks that read something, up to that of the custom tabs.
const READS_UNTIL_TABS: usize = 6;

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
    let halo = workspace.connect(request.id.as_ref(), &request.api, secret)?.cancelled_by(cancel).giving_up_at_limit();
    let id = request.id.as_ref();
    let report = with_halo(&halo, id, &request.api, request.pia_screen.as_ref(), &mut on_check).await?;
    let Some(id) = id else { return Ok(report) };
    let saved = workspace.configuration(Some(id)).ok().map(|(_, saved, _)| saved.api);
    if request.secret == SecretChoice::Stored && saved.as_ref() == Some(&request.api) {
        note(workspace, id, &report, &halo);
        keep_lists(workspace, id, &request.api, &report);
        if report.ok {
            workspace.remember_verified(id, &request.api, &halo).await?;
        }
    } else if was_answered(&report) && saved.is_some_and(|saved| saved.url == request.api.url) {
        // What is typed and not saved yet says nothing of what is saved, but that a Halo which has answered is not silent.
        workspace.note_health(id, [answered()]);
    }
    Ok(report)
}

/// The same for work that needs only some of it: no other verdict is told, and no other one counts.
pub(super) async fn needed(
    workspace: &Workspace,
    halo: &HaloApi,
    id: &ConfigurationId,
    api: &ApiCredentials,
    needs: impl Fn(CheckId) -> bool + Send + Sync,
    before: Before,
    on_check: &mut (dyn FnMut(&Check) + Send),
) -> Result<CheckReport, Failure> {
    let asked: Vec<CheckId> = CheckId::ALL.into_iter().filter(|id| needs(*id)).collect();
    let about = lately::about(id, halo, &format!("{asked:?}"));
    if before == Before::Writing
        && let Some(report) = lately::take(workspace, about)
    {
        report.checks.iter().for_each(on_check);
        return Ok(report);
    }
    let mut on_needed = |check: &Check| {
        if needs(check.id) {
            on_check(check);
        }
    };
    let mut report = with_halo(halo, Some(id), api, None, &mut on_needed).await?;
    report.ok = keep_needed(&mut report.checks, needs);
    report.rights.clear();
    if before == Before::Planning {
        lately::keep(workspace, about, &report);
    }
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
    let mut run = Run::new(on_check, halo.product());
    let mut identity =
        HaloIdentity { url: api.url.to_string(), auth_url: None, tenant: api.tenant.clone(), version: None };

    let way = halo.proxy().map_or(String::new(), |variable| format!(", through the proxy of {variable}"));
    let discovery = run.attempt(CheckId::Address, halo.discover(), |discovery| {
        let encrypted = if api.url.is_encrypted() { "" } else { " (not encrypted)" };
        if discovery.found {
            Verdict::pass(format!("Halo answers{encrypted}{way}"))
        } else {
            Verdict::warn(
                format!("Halo answers{way}, but does not report its sign-in server{encrypted}"),
                format!("trying {}; set Sign-in Address if that is wrong", discovery.auth_url),
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
        match halo.in_passing(VERSION).instance().await {
            Ok(instance) => identity.version = instance.version.map(|version| version.display()),
            Err(error) => {
                run.look_at(&error);
                is_silent = matches!(error, HaloError::NotReached { .. } | HaloError::Proxy { .. });
            }
        }
    }
    run.product = halo.product();
    // Who the agent is decides what can be said of writing. Where the scopes are too narrow for it, nothing does.
    let (mut agent, mut heard) = (None, None);
    if token.is_some() && !is_silent && run.scopes.are_wide() && has_room(halo, READS) {
        let told = run.handle(halo).in_passing(OWN_AGENT).own_agent().await;
        heard = Some(sight(Some(&told)));
        match told {
            Ok(rights) => agent = Some(rights),
            // Every login may read itself, but the one that is no agent.
            Err(error) => {
                run.is_shut_out = error.is_shut_out();
                run.look_at(&error);
            }
        }
    }
    let restricted = heard == Some(Sight::Chosen);
    let scopes = run.scopes.clone();

    let asked = run.handle(halo);
    run.attempt(CheckId::Clients, asked.probe_clients(), |count| match count {
        Some(0) => Verdict::warn("Halo lists no client for this agent".to_owned(), ALL_CLIENTS),
        Some(count) if restricted => Verdict::warn(
            format!("{} can be read; there may be more: the agent is restricted", counted(*count, "client", "clients")),
            ALL_CLIENTS,
        ),
        Some(count) => {
            let doubt = match heard {
                Some(Sight::NotTold) => "; Halo does not tell whether that is all",
                Some(Sight::NotHeard) => "; whether that is all could not be found out",
                _ => "",
            };
            Verdict::pass(format!("{} can be read{doubt}", counted(*count, "client", "clients")))
        }
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
    let writes = |check| rights::writes(check, &scopes, agent.as_ref());
    let write = writes(CheckId::TicketTypes);
    let ticket_types = run.attempt(CheckId::TicketTypes, asked.ticket_types(), |types| {
        let hint = "in Halo, set Ticket Type Restrictions › \"Allow use of all Ticket Types\" of the role to Yes";
        list(types.len(), ("ticket type", "ticket types"), restricted, hint).and_writing(
            CheckId::TicketTypes,
            write,
            &scopes,
        )
    });
    let ticket_types = ticket_types.await?;
    let asked = run.handle(halo);
    let write = writes(CheckId::Webhooks);
    run.attempt(CheckId::Webhooks, asked.webhooks(), |webhooks| {
        there(webhooks.len(), ("webhook", "webhooks"), restricted).and_writing(CheckId::Webhooks, write, &scopes)
    })
    .await?;
    let asked = run.handle(halo);
    let write = writes(CheckId::CustomTabs);
    run.attempt(CheckId::CustomTabs, asked.tabs(), |tabs| {
        there(tabs.len(), ("custom tab", "custom tabs"), restricted).and_writing(CheckId::CustomTabs, write, &scopes)
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
        teams,
        agents,
        ticket_types,
        sight: heard,
    })
}

/// What the daily work and Escalate need: tickets, their notes and the statuses.
async fn read_tickets(
    run: &mut Run<'_>,
    halo: &HaloApi,
    agent: Option<&AgentRights>,
    pia_screen: Option<&PiaScreen>,
) -> Result<(), Failure> {
    let scopes = run.scopes.clone();
    let asked = run.handle(halo);
    let write = rights::writes(CheckId::Tickets, &scopes, agent);
    // A token that has run out once more would be requests too many.
    let spare = has_room(halo, 2);
    let asked = if spare { asked } else { halo.without_renewal() };
    let full = !has_room(halo, 0);
    let question = async { if full { Ok(None) } else { unless_dead(spare, asked.probe_tickets()).await } };
    let newest = run.attempt(CheckId::Tickets, question, |newest| {
        let Some(newest) = newest else { return Verdict::no_room() };
        let none = if newest.is_none() { "; Halo lists none for this agent" } else { "" };
        Verdict::pass(format!("can be read{none}")).and_writing(CheckId::Tickets, write, &scopes)
    });
    let newest = newest.await?;
    let write = rights::writes(CheckId::Actions, &scopes, agent);
    match newest {
        None => run.judge(CheckId::Actions, Verdict::not_tried(CheckId::Tickets)),
        Some(None) => run.judge(CheckId::Actions, Verdict::no_room()),
        Some(Some(None)) => run.judge(CheckId::Actions, Verdict::skip("there is no ticket to read notes from")),
        Some(Some(Some(_))) if !has_room(halo, 0) => run.judge(CheckId::Actions, Verdict::no_room()),
        Some(Some(Some(ticket))) => {
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
                Some(listed) => judge_outcome(set, listed).and_writing(CheckId::Actions, write, &scopes),
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

/// Which clients the agent sees, by what Halo told of it; none where that did not come in time.
pub(in crate::ops) fn sight(told: Option<&Result<AgentRights, HaloError>>) -> Sight {
    match told {
        Some(Ok(rights)) if rights.sees_chosen_clients => Sight::Chosen,
        Some(Ok(_)) => Sight::All,
        // Halo's word, today and tomorrow.
        Some(Err(HaloError::MissingRight { .. } | HaloError::NotFound { .. } | HaloError::Declined { .. })) => {
            Sight::NotTold
        }
        Some(Err(_)) | None => Sight::NotHeard,
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
        run.scopes = token.scopes();
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
        // The remedy is that of each check which it keeps out, so that it is told once with them.
        let needs = "; webhooks, custom tabs and ticket types need \"all\"";
        let message = format!("valid until {until}, but only for {scope}, not \"all\"{tried}{needs}");
        Verdict::warn(message, rights::tick_all())
    };
    let outcome = run.conclude(CheckId::Token, token, started, judge)?;
    Ok(outcome)
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
    /// Reads that Halo has refused.
    refused: usize,
    /// How long was waited, since the last answer, for some that failed in a way that may pass.
    in_vain: Duration,
    /// What the token is good for.
    scopes: Scopes,
    product: Product,
}

impl<'a> Run<'a> {
    fn new(on_check: &'a mut (dyn FnMut(&Check) + Send), product: Product) -> Self {
        Self {
            checks: Vec::new(),
            on_check,
            stopped: None,
            answers_401: false,
            is_shut_out: false,
            refused: 0,
            in_vain: Duration::ZERO,
            scopes: Scopes::unknown(),
            product,
        }
    }

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

    fn look_at(&mut self, error: &HaloError) {
        self.answers_401 |= error.http_status() == Some(401);
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
                self.in_vain = Duration::ZERO;
                self.push(id, judge(&answer), started.elapsed());
                Ok(Some(answer))
            }
            Err(error) => {
                self.look_at(&error);
                self.in_vain += if error.may_pass() { started.elapsed() } else { Duration::ZERO };
                let fails_alike = error.may_pass() && self.in_vain >= IN_VAIN_TOGETHER;
                let is_refused = error.is_shut_out();
                self.refused += usize::from(is_refused);
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
                // Scopes and roles are shut one by one. Where nothing at all can be read, it is the login that is wrong.
                self.is_shut_out |= id == CheckId::CustomTabs && self.refused == READS_UNTIL_TABS;
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

    const DOES: &str = "list the clients";

    fn refused() -> HaloError {
        HaloError::MissingRight { does: DOES, needs: None, status: 403, said: None, product: Product::default() }
    }

    fn unexpected(what: BadReply) -> HaloError {
        HaloError::Unexpected { does: DOES, what }
    }

    /// Whoever waits hears within seconds what is wrong, and not after the same wait for each of the other checks, nor the
    /// same words for each.
    #[tokio::test(start_paused = true)]
    async fn check_that_was_asked_in_vain_ends_test() {
        let page = || HaloError::Intercepted { does: DOES, status: 403 };
        for (before, takes, error, goes_on) in [
            (0, 0, refused(), true),
            (0, 9, refused(), false),
            (0, 0, unexpected(BadReply::Cut), true),
            (4, 0, unexpected(BadReply::Cut), false),
            (4, 0, unexpected(BadReply::WebPage), false),
            (4, 0, unexpected(BadReply::OtherShape), true),
            (4, 0, refused(), true),
            (0, 0, page(), false),
        ] {
            let mut on_check = |_: &Check| {};
            let mut run = Run::new(&mut on_check, Product::default());
            run.in_vain = Duration::from_secs(before);
            let fails = async {
                tokio::time::sleep(Duration::from_secs(takes)).await;
                Err::<(), _>(error.clone())
            };
            let pass = |(): &()| Verdict::pass("read".to_owned());
            run.attempt(CheckId::Clients, fails, pass).await.unwrap();
            let next = run.attempt(CheckId::Agents, async { Ok(()) }, pass).await.unwrap();
            assert_eq!(next.is_some(), goes_on, "{error:?} after {before} s and {takes} s");
            assert!(next.is_none() || run.in_vain.is_zero(), "whoever has an answer is patient again");
        }
    }

    /// Where Halo refuses every read, it is the login; a page of a firewall before it says nothing of that.
    #[tokio::test]
    async fn only_halos_own_refusals_of_all_reads_blame_login() {
        let reads = [
            CheckId::Clients,
            CheckId::Agents,
            CheckId::Teams,
            CheckId::TicketTypes,
            CheckId::Webhooks,
            CheckId::CustomTabs,
        ];
        assert_eq!(reads.len(), READS_UNTIL_TABS);
        for (first, blames) in [
            (refused(), true),
            (unexpected(BadReply::OtherShape), false),
            (HaloError::Intercepted { does: DOES, status: 403 }, false),
            (HaloError::Declined { does: DOES, status: 403, said: None }, false),
        ] {
            let mut on_check = |_: &Check| {};
            let mut run = Run::new(&mut on_check, Product::default());
            for (at, id) in reads.into_iter().enumerate() {
                let error = if at == 0 { first.clone() } else { refused() };
                let read = std::future::ready(Err::<(), _>(error));
                run.attempt(id, read, |(): &()| Verdict::pass(String::new())).await.unwrap();
            }
            let hint = run.checks.last().unwrap().hint.as_ref().map(ToString::to_string).unwrap_or_default();
            assert_eq!(hint.contains("every read is refused"), blames, "{first:?}: {hint}");
            let is_wrong_login = |check: &Check| check.failure == Some(FailureKind::WrongCredentials);
            assert!(!run.checks.iter().any(is_wrong_login), "{first:?}");
        }
    }

    #[test]
    fn agent_that_is_not_told_is_doubted_by_what_reply_says() {
        let does = "report the agent";
        let rights = |sees_chosen_clients| Ok(AgentRights { is_admin: Some(true), sees_chosen_clients });
        assert_eq!(sight(Some(&rights(false))), Sight::All);
        assert_eq!(sight(Some(&rights(true))), Sight::Chosen);
        for refused in [
            HaloError::MissingRight { does, needs: None, status: 401, said: None, product: Product::default() },
            HaloError::MissingRight { does, needs: None, status: 403, said: None, product: Product::default() },
            HaloError::NotFound { does },
            HaloError::Declined { does, status: 400, said: None },
        ] {
            assert_eq!(sight(Some(&Err(refused))), Sight::NotTold);
        }
        for failed in [
            Some(&Err(HaloError::ServerError { does, status: 503, said: None })),
            Some(&Err(HaloError::RateLimited { until: None })),
            None,
        ] {
            assert_eq!(sight(failed), Sight::NotHeard);
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
