//! The bearer token: asked for by client credentials, shared by every call, renewed once for all of them.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;

use super::HaloApi;
use super::discovery::Discovery;
use super::error::{BadReply, HaloError};
use super::governor::Urgency;
use super::http::{Call, Payload};
use super::moment::show;
use super::retry::Answer;
use super::rights::Scopes;
use super::said::oauth_error;
use super::scopes::{Asked, ScopeTrial};
use super::wire::{Int, Text, read_object};
use crate::domain::secret::Secret;
use crate::domain::untrusted::Untrusted;

/// What Halo gives a token when it does not say.
const USUAL_LIFE: Duration = Duration::from_secs(3600);

/// A token that dies at once is used once; what is shorter is not worth counting.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);

/// Nothing that claims to live longer is believed.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How long before its end a token is renewed.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// What may be known of a token. Never its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The scope that Halo granted, as far as it says.
    pub scope: Option<Untrusted>,
    /// Whether it was asked for with "all", and given.
    pub is_for_all: bool,
    /// The scopes that had to be tried one at a time before there was a token.
    pub trials: Vec<ScopeTrial>,
    /// When it ends, by this machine's clock: to be shown, not to be reckoned with.
    pub valid_until: Timestamp,
}

impl Token {
    /// The scopes that it has, as far as that is known.
    pub fn scopes(&self) -> Scopes {
        match &self.scope {
            Some(told) => Scopes::told(told.raw()),
            // Whoever gives a token without a word on its scope gives the one that was asked for.
            None if self.is_for_all => Scopes::told("all"),
            None => Scopes::unknown(),
        }
    }
}

#[derive(Clone)]
pub(super) struct Bearer {
    /// The text for the header.
    pub text: Secret,
    /// Tells it from the ones before and after.
    generation: u64,
}

/// The token of one connection.
#[derive(Default)]
pub(super) struct TokenHold {
    state: Mutex<State>,
    /// The generation of the newest token.
    newest: AtomicU64,
    /// The newest generation that Halo has taken.
    good: AtomicU64,
    /// How many calls are on their way with each generation.
    on_the_way: std::sync::Mutex<BTreeMap<u64, usize>>,
    /// One of them has come back.
    back: Notify,
}

/// A call that is on its way with a token.
pub(super) struct OnTheWay<'a> {
    hold: &'a TokenHold,
    generation: u64,
}

impl Drop for OnTheWay<'_> {
    fn drop(&mut self) {
        let mut calls = self.hold.on_the_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = calls.get_mut(&self.generation) {
            *count -= 1;
            if *count == 0 {
                calls.remove(&self.generation);
            }
        }
        drop(calls);
        self.hold.back.notify_waiters();
    }
}

impl TokenHold {
    /// The scopes of the token that is held; unknown while one is asked for.
    pub(super) fn scopes(&self) -> Scopes {
        let state = self.state.try_lock().ok();
        let held = state.as_ref().and_then(|state| state.held.as_ref());
        held.map_or_else(Scopes::unknown, |held| held.token.scopes())
    }

    /// Remembers that Halo has taken a token.
    pub(super) fn note_good(&self, bearer: &Bearer) {
        self.good.fetch_max(bearer.generation, Ordering::AcqRel);
    }

    /// Counts a call as being on its way, for as long as the answer lives.
    pub(super) fn set_out(&self, bearer: &Bearer) -> OnTheWay<'_> {
        *self.on_the_way.lock().unwrap_or_else(PoisonError::into_inner).entry(bearer.generation).or_default() += 1;
        OnTheWay { hold: self, generation: bearer.generation }
    }

    /// Whether Halo has ever taken this token, or a newer one. As long as other calls are on their way with it, nobody
    /// knows, and theirs is the answer that is waited for.
    pub(super) async fn was_good(&self, bearer: &Bearer) -> bool {
        loop {
            let back = self.back.notified();
            if self.good.load(Ordering::Acquire) >= bearer.generation {
                return true;
            }
            if !self.on_the_way.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&bearer.generation) {
                return false;
            }
            back.await;
        }
    }
}

#[derive(Default)]
struct State {
    held: Option<HeldToken>,
    /// What is asked for: "all", until Halo has refused it.
    asked: Asked,
    /// How the last renewal failed: for the calls that waited for it.
    failed: Option<(Instant, HaloError)>,
}

pub(super) struct HeldToken {
    bearer: Bearer,
    renew_at: Instant,
    pub(super) token: Token,
}

#[cfg(test)]
impl TokenHold {
    /// Makes the held token one that is due for renewal.
    pub(super) async fn make_due(&self) {
        self.state.lock().await.held.as_mut().unwrap().renew_at = Instant::now();
    }
}

#[derive(Deserialize)]
struct TokenReply {
    #[serde(default)]
    access_token: Text,
    #[serde(default)]
    expires_in: Int,
    #[serde(default)]
    scope: Text,
}

impl HaloApi {
    /// Asks for a fresh token, whatever is held: the proof that the credentials are right. Calls that ask for it at the
    /// same time share one.
    ///
    /// # Errors
    /// [`HaloError::WrongCredentials`], [`HaloError::InvalidScope`], those of [`HaloApi::discover`] and of the network.
    pub async fn sign_in(&self) -> Result<Token, HaloError> {
        let seen = self.shared.token.newest.load(Ordering::Acquire);
        self.held_token(|bearer| bearer.generation > seen, |held| held.token.clone()).await
    }

    /// A token that is good for now.
    pub(super) async fn bearer(&self) -> Result<Bearer, HaloError> {
        self.held_token(|_| true, |held| held.bearer.clone()).await
    }

    /// Another token than the one that Halo has just refused.
    pub(super) async fn bearer_after(&self, refused: &Bearer) -> Result<Bearer, HaloError> {
        self.held_token(|bearer| bearer.generation > refused.generation, |held| held.bearer.clone()).await
    }

    async fn held_token<T>(
        &self,
        is_good: impl Fn(&Bearer) -> bool,
        take: impl Fn(&HeldToken) -> T,
    ) -> Result<T, HaloError> {
        let arrived = Instant::now();
        // Whoever holds the lock renews; the others wait here and find the outcome, good or bad.
        let mut state = self.unless_cancelled(self.shared.token.state.lock()).await?;
        if let Some(held) = &state.held
            && is_good(&held.bearer)
            && Instant::now() < held.renew_at
        {
            return Ok(take(held));
        }
        if let Some((at, error)) = &state.failed
            && *at >= arrived
        {
            return Err(error.clone());
        }
        state.held = None;
        match self.request_token(&mut state.asked).await {
            Ok(held) => {
                state.failed = None;
                Ok(take(state.held.insert(held)))
            }
            Err(error) => {
                if !matches!(error, HaloError::Cancelled { .. }) {
                    state.failed = Some((Instant::now(), error.clone()));
                }
                Err(error)
            }
        }
    }

    /// Asks for a token with every permission. An application that has fewer may not ask for that; then it is asked for
    /// what the application has and, where Halo wants scopes named, for those that are given one at a time.
    async fn request_token(&self, asked: &mut Asked) -> Result<HeldToken, HaloError> {
        let refused = match self.ask_for_token(asked).await {
            Err(error @ HaloError::InvalidScope { .. }) if *asked == Asked::All => error,
            outcome => return outcome,
        };
        match self.ask_for_token(&Asked::Own).await {
            Err(HaloError::InvalidScope { .. } | HaloError::Declined { .. }) => {}
            outcome => {
                *asked = Asked::Own;
                return outcome;
            }
        }
        let trials = self.try_scopes().await?;
        let given: Vec<&'static str> = trials.iter().filter(|trial| trial.granted).map(|trial| trial.scope).collect();
        if given.is_empty() {
            return Err(refused);
        }
        let named = Asked::Named(given);
        let mut held = self.ask_for_token(&named).await?;
        held.token.trials = trials;
        *asked = named;
        Ok(held)
    }

    /// Asks for a token once, and keeps it nowhere. A place that was only remembered may be the wrong one by now.
    pub(super) async fn ask_for_token(&self, asked: &Asked) -> Result<HeldToken, HaloError> {
        let place = self.discover().await?;
        match self.ask_there(asked, &place).await {
            Ok(held) => {
                self.confirm_place().await;
                Ok(held)
            }
            Err(error) if may_be_elsewhere(&error) => match self.discover_anew(&place).await? {
                Some(place) => self.ask_there(asked, &place).await,
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    async fn ask_there(&self, asked: &Asked, place: &Discovery) -> Result<HeldToken, HaloError> {
        let connection = &self.shared.connection;
        let mut form = vec![
            ("grant_type", Secret::new("client_credentials")),
            ("client_id", Secret::new(connection.client_id.clone())),
            ("client_secret", connection.client_secret.clone()),
        ];
        form.extend(asked.words().map(|scope| ("scope", Secret::new(scope))));
        let call = Call {
            does: "issue a token",
            method: Method::POST,
            address: place.auth_url.join("/token"),
            path: "/token",
            query: place.tenant.iter().map(|tenant| ("tenant", tenant.clone())).collect(),
            payload: Some(Payload::Form(form)),
            // Issuing a token twice changes nothing.
            repeatable: true,
            by_value: false,
            hide: connection.secrets(),
            product: self.product(),
        };
        // Everybody waits for the token, a person perhaps among them.
        let sent = Instant::now();
        let answer = self.deliver(&call, None, Urgency::Person).await?;
        if !answer.is_success() {
            return Err(token_refusal(&call, &answer));
        }
        let unexpected = |what| HaloError::Unexpected { does: call.does, what };
        let reply: TokenReply = read_object(&answer.body)
            .map_err(|misread| unexpected(if misread == BadReply::OtherShape { BadReply::NoToken } else { misread }))?;
        let text = reply.access_token.filled().filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
        let text = Secret::new(text.ok_or_else(|| unexpected(BadReply::NoToken))?);
        let life = life(reply.expires_in);
        Ok(HeldToken {
            bearer: Bearer { text, generation: self.shared.token.newest.fetch_add(1, Ordering::AcqRel) + 1 },
            renew_at: sent + renew_after(life),
            token: Token {
                scope: reply.scope.untrusted(),
                is_for_all: *asked == Asked::All,
                trials: Vec::new(),
                valid_until: show(life),
            },
        })
    }
}

/// Whether an answer can mean that another server or another tenant has to be asked.
fn may_be_elsewhere(error: &HaloError) -> bool {
    matches!(
        error,
        HaloError::WrongCredentials { .. }
            | HaloError::WrongMethod { .. }
            | HaloError::Declined { .. }
            | HaloError::NotFound { .. }
            | HaloError::ServerError { .. }
            | HaloError::Unexpected { .. }
            | HaloError::Intercepted { .. }
            | HaloError::Redirected { .. }
    )
}

/// How long a token lives, whatever the reply says.
fn life(expires_in: Int) -> Duration {
    match expires_in.0 {
        None => USUAL_LIFE,
        Some(seconds) => Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).clamp(SHORTEST_LIFE, LONGEST_LIFE),
    }
}

fn renew_after(life: Duration) -> Duration {
    if life >= MARGIN * 2 { life - MARGIN } else { life / 2 }
}

/// What a refusal of the token call means.
fn token_refusal(call: &Call, answer: &Answer) -> HaloError {
    let (status, product) = (answer.status, call.product.clone());
    let said = call.said(answer, &[]);
    match oauth_error(&answer.body).as_deref() {
        Some("invalid_scope") => HaloError::InvalidScope { status, said, product },
        Some("unauthorized_client" | "unsupported_grant_type") => HaloError::WrongMethod { status, said, product },
        Some("invalid_client" | "invalid_grant" | "access_denied") => {
            HaloError::WrongCredentials { status, said, product }
        }
        // By the standard these pass.
        Some("server_error" | "temporarily_unavailable" | "slow_down") => {
            HaloError::ServerError { does: call.does, status, said }
        }
        _ => match call.refusal(answer, &[], &Scopes::unknown()) {
            HaloError::MissingRight { .. } => HaloError::WrongCredentials { status, said, product },
            // Whatever answers there issues none.
            HaloError::NotFound { does } => HaloError::Unexpected { does, what: BadReply::NoToken },
            refusal => refusal,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expires_in_gives_sane_life() {
        let of = |json: &str| life(serde_json::from_str(json).unwrap()).as_secs();
        assert_eq!([of("3600"), of("\"3600\""), of("3600.0"), of("null"), of("\"soon\"")], [3600; 5]);
        assert_eq!([of("0"), of("-1"), of("1"), of("-9223372036854775808")], [1; 4]);
        assert_eq!([of("9223372036854775807"), of("86401")], [86_400; 2]);
        assert_eq!(of("59"), 59);
    }

    #[test]
    fn token_is_renewed_before_it_ends() {
        assert_eq!(renew_after(USUAL_LIFE), Duration::from_secs(3300));
        assert_eq!(renew_after(Duration::from_secs(59)), Duration::from_millis(29_500));
        for seconds in 1..10_000 {
            let life = Duration::from_secs(seconds);
            assert!(renew_after(life) < life && renew_after(life) * 2 >= life);
        }
    }
}
