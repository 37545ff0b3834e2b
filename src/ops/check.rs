//! The connection test: each thing that later steps need is read once, and gets a verdict of its own.
//!
//! It writes nothing, and it needs fewer than fifteen requests.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Workspace;
use crate::domain::check::{Check, CheckId, CheckReport, CheckStatus, HaloIdentity};
use crate::domain::configuration::{ApiCredentials, ConfigurationId, PiaScreen};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::people::{Agent, Team};
use crate::domain::request::{SecretChoice, VerifyRequest};
use crate::domain::untrusted::Untrusted;
use crate::halo::{HaloApi, HaloError};

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
    let halo = Workspace::connect(&request.api, secret)?.cancelled_by(cancel);
    let id = request.id.as_ref();
    let report = with_halo(&halo, id, &request.api, request.pia_screen.as_ref(), &mut on_check).await?;
    if let (true, SecretChoice::Stored, Some(id)) = (report.ok, &request.secret, id) {
        workspace.remember_verified(id, &request.api)?;
    }
    Ok(report)
}

/// The same with a Halo that is connected already: what Configure does before its first write.
pub(super) async fn with_halo(
    halo: &HaloApi,
    id: Option<&ConfigurationId>,
    api: &ApiCredentials,
    pia_screen: Option<&PiaScreen>,
    on_check: &mut (dyn FnMut(&Check) + Send),
) -> Result<CheckReport, Failure> {
    let mut run = Run { checks: Vec::new(), on_check, stopped: None };
    let mut identity =
        HaloIdentity { url: api.url.to_string(), auth_url: None, tenant: api.tenant.clone(), version: None };

    let discovery = run.attempt(CheckId::Address, halo.discover(), |discovery| {
        let encrypted = if api.url.is_encrypted() { "" } else { " (not encrypted)" };
        if discovery.found {
            Verdict::pass(format!("a Halo answers{encrypted}"))
        } else {
            Verdict::warn(
                format!("it answers, but does not name its sign-in server{encrypted}"),
                format!("{} is tried; set auth_url in the settings if that is wrong", discovery.auth_url),
            )
        }
    });
    if let Some(discovery) = discovery.await? {
        identity.auth_url = Some(discovery.auth_url.to_string());
        identity.tenant = discovery.tenant.map(|tenant| Untrusted::new(tenant).display());
    }

    let token = run
        .attempt(CheckId::Token, halo.sign_in(), |token| {
            let until = token.valid_until.strftime("%H:%M UTC");
            match &token.scope {
                Some(scope) if !is_wide_enough(scope.raw()) => Verdict::warn(
                    format!("valid until {until}, for the scope \"{scope}\""),
                    "webhooks, custom tabs and ticket types usually need the permission \"all\": in Halo, \
                     Configuration › Integrations › Halo PSA API › View Applications › Permissions",
                ),
                _ => Verdict::pass(format!("valid until {until}")),
            }
        })
        .await?;
    // A version is nice to have, and an agent without the right to it can still do everything else.
    if token.is_some()
        && let Ok(instance) = halo.instance().await
    {
        identity.version = instance.version.map(|version| version.display());
    }

    run.attempt(CheckId::Clients, halo.probe_clients(), |count| match count {
        Some(0) => Verdict::warn(
            "Halo lists no client for this agent".to_owned(),
            "in Halo, open the agent and set \"Allow use of all Customers/Clients\" to Yes",
        ),
        Some(count) => Verdict::pass(format!("{} can be read", counted(*count, "client", "clients"))),
        None => Verdict::warn(
            "clients can be read, but Halo gives no count".to_owned(),
            "a sync cannot prove itself complete without it",
        ),
    })
    .await?;
    let agents = run
        .attempt(CheckId::Agents, halo.agents(), |agents: &Vec<Agent>| {
            let assignable = agents.iter().filter(|agent| agent.assignable).count();
            short_list(assignable, "agent", "agents", "give the API application's agent the right to see agents")
        })
        .await?;
    let teams = run
        .attempt(CheckId::Teams, halo.teams(), |teams: &Vec<Team>| {
            short_list(teams.len(), "team", "teams", "in Halo, make the agent a member of every team it should see")
        })
        .await?;
    run.attempt(CheckId::TicketTypes, halo.ticket_types(), |types| {
        short_list(types.len(), "ticket type", "ticket types", "give the agent access to the ticket types")
    })
    .await?;
    run.attempt(CheckId::Webhooks, halo.webhooks(), |webhooks| {
        Verdict::pass(format!("{} can be read", counted(webhooks.len() as u64, "webhook", "webhooks")))
    })
    .await?;
    run.attempt(CheckId::CustomTabs, halo.tabs(), |tabs| {
        Verdict::pass(format!("{} can be read", counted(tabs.len() as u64, "custom tab", "custom tabs")))
    })
    .await?;

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
    Ok(CheckReport {
        ok: checks.iter().all(|check| check.status != CheckStatus::Fail),
        configuration: id.map(ToString::to_string),
        halo: identity,
        checks,
        token_valid_until: token.map(|token| token.valid_until),
        teams: teams.unwrap_or_default(),
    })
}

/// Whether a scope is known to reach webhooks, tabs and ticket types (api facts, section 2).
fn is_wide_enough(scope: &str) -> bool {
    scope.split_whitespace().any(|word| word == "all" || word == "admin")
}

fn short_list(length: usize, one: &str, many: &str, hint: &str) -> Verdict {
    match length {
        0 => Verdict::warn(format!("Halo lists no {one} for this agent"), hint),
        length => Verdict::pass(format!("{} can be read", counted(length as u64, one, many))),
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", crate::domain::thousands(count), if count == 1 { one } else { many })
}

fn judge_board(board: &str, teams: Option<&[Team]>) -> Verdict {
    let Some(teams) = teams else { return Verdict::not_tried(CheckId::Teams) };
    let known = teams.iter().any(|team| !team.inactive && team.name.raw() == board);
    if known {
        return Verdict::pass(format!("Halo has a team \"{board}\""));
    }
    let near = teams.iter().find(|team| team.name.raw().trim().to_lowercase() == board.trim().to_lowercase());
    let hint = match near {
        Some(team) => format!("did you mean \"{}\"? Names have to agree to the letter", team.name),
        None => "make the team in Halo, or choose one that the agent is a member of".to_owned(),
    };
    Verdict::warn(format!("this agent sees no team \"{board}\" in Halo"), hint)
}

fn judge_contact(screen: &PiaScreen, agents: Option<&[Agent]>) -> Verdict {
    let Some(contact) = &screen.escalate_to else { return Verdict::skip("no default escalation") };
    let Some(agents) = agents else { return Verdict::not_tried(CheckId::Agents) };
    match agents.iter().find(|agent| agent.id == contact.agent_id) {
        Some(agent) if agent.assignable => Verdict::pass(format!("{} is an agent", agent.name)),
        Some(agent) => Verdict::warn(format!("{} is disabled in Halo", agent.name), "choose another contact"),
        None => {
            let name = Untrusted::new(contact.name.as_str());
            Verdict::warn(format!("{name} is not an agent in Halo any more"), "choose another contact")
        }
    }
}

/// How one check ends.
struct Verdict {
    status: CheckStatus,
    message: String,
    hint: Option<String>,
    http_status: Option<u16>,
    failure: Option<FailureKind>,
}

impl Verdict {
    fn pass(message: String) -> Self {
        Self { status: CheckStatus::Pass, message, hint: None, http_status: Some(200), failure: None }
    }

    fn warn(message: String, hint: impl Into<String>) -> Self {
        Self { status: CheckStatus::Warn, message, hint: Some(hint.into()), http_status: Some(200), failure: None }
    }

    fn skip(message: impl Display) -> Self {
        Self { status: CheckStatus::Skip, message: message.to_string(), hint: None, http_status: None, failure: None }
    }
}

impl Verdict {
    /// Nothing is known of what this check is about, because that could not be read.
    fn not_tried(because: CheckId) -> Self {
        Self::skip(format_args!("not tried, because {} failed", because.title()))
    }
}

/// A run over the checks: says each verdict, and stops asking Halo once it cannot be reached or will not sign us in.
struct Run<'a> {
    checks: Vec<Check>,
    on_check: &'a mut (dyn FnMut(&Check) + Send),
    stopped: Option<CheckId>,
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
        match question.await {
            Ok(answer) => {
                self.push(id, judge(&answer), started.elapsed());
                Ok(Some(answer))
            }
            Err(error) => {
                let failure = Failure::from(error);
                if failure.kind == FailureKind::Interrupted {
                    return Err(failure);
                }
                let fatal = matches!(id, CheckId::Address | CheckId::Token)
                    || matches!(failure.kind, FailureKind::NotReached | FailureKind::RateLimited(_));
                if fatal {
                    self.stopped = Some(id);
                }
                let verdict = Verdict {
                    status: CheckStatus::Fail,
                    message: failure.to_string(),
                    hint: failure.hint,
                    http_status: failure.http_status,
                    failure: Some(failure.kind),
                };
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
        let check = Check {
            id,
            status: verdict.status,
            message: verdict.message,
            hint: verdict.hint,
            http_status: verdict.http_status,
            failure: verdict.failure,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        };
        (self.on_check)(&check);
        self.checks.push(check);
    }
}
