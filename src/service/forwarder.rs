//! Hands events on to the automation behind Pia, signed by the Standard Webhooks scheme, and does not let go until they
//! are taken.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use serde_json::value::RawValue;
use standardwebhooks::Webhook;

use super::Shared;
use super::seldom::Seldom;
use crate::domain::configuration::ConfigurationId;
use crate::domain::event::ForwardState;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::secret::Secret;
use crate::store::ToForward;

/// The waits between tries. The last one repeats until [`GIVE_UP`].
const WAITS: [SignedDuration; 8] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(30),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(10),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(3),
    SignedDuration::from_hours(6),
];

/// How long an event is tried for.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(24 * 3);

/// How long a try may take.
const ANSWER: Duration = Duration::from_secs(15);

/// Events that are handed on at the same time: of different tickets, so no order is lost.
const AT_ONCE: usize = 8;

/// Where events are handed on to.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The address; https, or plain http on this machine.
    pub url: url::Url,
    /// The secret of the signature, as the scheme writes it: `whsec_` and base64.
    pub secret: Secret,
}

impl Destination {
    /// Checks an address and a secret.
    ///
    /// # Errors
    ///
    /// Where the address is not https, and not on this machine either; where the secret is none of the scheme's.
    pub fn new(url: &str, secret: Secret) -> Result<Self, Failure> {
        let usage = |message: &str| Failure::new(FailureKind::Usage, message.to_owned());
        let url = url::Url::parse(url).map_err(|_| usage("--forward-to is no address"))?;
        let loopback = match url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err(usage("--forward-to has to be https; plain http is only for this machine"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(usage("--forward-to must not hold a password: events are signed"));
        }
        Webhook::new(secret.expose()).map_err(|_| {
            usage("the secret of the signature is not usable").hint("it is whsec_ and base64, as pia-halo makes it")
        })?;
        Ok(Self { url, secret })
    }
}

struct Forwarder {
    shared: Arc<Shared>,
    destination: Destination,
    webhook: Webhook,
    http: reqwest::Client,
    not_taken: Seldom,
}

/// The task that hands events on until the service ends.
pub fn run(shared: Arc<Shared>, destination: Destination) -> Result<impl Future<Output = ()>, Failure> {
    let broken = |error: String| Failure::new(FailureKind::LocalState, format!("events cannot be handed on: {error}"));
    let webhook = Webhook::new(destination.secret.expose()).map_err(|error| broken(error.to_string()))?;
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .timeout(ANSWER)
        .user_agent(concat!("pia-halo/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| broken(error.without_url().to_string()))?;
    let forwarder = Forwarder { shared, destination, webhook, http, not_taken: Seldom::default() };
    Ok(async move { forwarder.run().await })
}

impl Forwarder {
    async fn run(self) {
        loop {
            let again = match self.turn().await {
                Ok(again) => again,
                Err(failure) => {
                    tracing::error!(%failure, "events could not be handed on");
                    Some(self.shared.workspace.now() + WAITS[1])
                }
            };
            let wait = async {
                match again {
                    Some(moment) => {
                        let ahead = moment.duration_since(self.shared.workspace.now());
                        tokio::time::sleep(Duration::try_from(ahead).unwrap_or_default()).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.shared.cancel.cancelled() => return,
                () = self.shared.looked_up.notified() => {}
                () = wait => {}
            }
        }
    }

    /// Hands on what is due; says when the next one is.
    async fn turn(&self) -> Result<Option<Timestamp>, Failure> {
        let workspace = &self.shared.workspace;
        let Ok((id, _)) = workspace.active_configuration(None) else { return Ok(None) };
        loop {
            let due = workspace.store.events_to_forward(&id, workspace.now(), 4 * AT_ONCE)?;
            if due.is_empty() || self.shared.cancel.is_cancelled() {
                return Ok(workspace.store.next_forward_at(&id)?);
            }
            let done: Vec<Result<(), Failure>> =
                stream::iter(due).map(|due| self.hand_on(&id, due)).buffer_unordered(AT_ONCE).collect().await;
            done.into_iter().collect::<Result<Vec<()>, Failure>>()?;
        }
    }

    async fn hand_on(&self, id: &ConfigurationId, due: ToForward) -> Result<(), Failure> {
        let workspace = &self.shared.workspace;
        let outcome = tokio::select! {
            biased;
            // Not tried, as far as anybody knows: it is tried again after the next start.
            () = self.shared.cancel.cancelled() => return Ok(()),
            outcome = self.send(&due) => outcome,
        };
        let now = workspace.now();
        let attempts = due.event.forwarding.as_ref().map_or(0, |forwarding| forwarding.attempts) as usize;
        let (state, next, error) = match outcome {
            Ok(()) => (ForwardState::Delivered, None, None),
            Err(error) if now.duration_since(due.since.unwrap_or(now)) >= GIVE_UP => {
                (ForwardState::Undelivered, None, Some(error))
            }
            Err(error) => (ForwardState::Pending, Some(now + WAITS[attempts.min(WAITS.len() - 1)]), Some(error)),
        };
        if let Some(error) = &error
            && let Some(times) = self.not_taken.again()
        {
            tracing::warn!(event = due.event.id, error, times, "an event was not taken; it is tried again");
        }
        self.shared.metrics.forwarded(if state == ForwardState::Delivered { "delivered" } else { "failed" });
        workspace.store.forwarded(id, due.event.number, state, next, error.as_deref(), now)?;
        Ok(())
    }

    async fn send(&self, due: &ToForward) -> Result<(), String> {
        let event = &due.event;
        let body: Option<&RawValue> = serde_json::from_str(&due.body).ok();
        let payload = json!({
            "type": event.group.slug(),
            "timestamp": event.received_at,
            "data": { "event": event, "body": body },
        })
        .to_string();
        // The time of this try: whoever receives it refuses what is old.
        let timestamp = self.shared.workspace.now().as_second();
        let signature =
            self.webhook.sign(&event.id, timestamp, payload.as_bytes()).map_err(|error| error.to_string())?;
        let answer = self
            .http
            .post(self.destination.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
            .body(payload)
            .send()
            .await
            .map_err(|error| error.without_url().to_string())?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(format!("answered {status}")) }
    }
}
