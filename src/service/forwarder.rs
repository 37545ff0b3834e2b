//! Hands events on to the automation behind Pia, signed by the Standard Webhooks scheme, and does not let go until they
//! are taken.
//!
//! What an answer means, by that scheme: 2xx is taken. 410 is "send nothing any more": nothing is until a person sends
//! again or the service is started again, and what waits is kept. Everything else, a redirect and a 4xx too, is a failure that may pass (a wrong
//! secret is put right, a route comes back), and is tried again for three days; a 429 or 503 may ask for more time by its
//! `Retry-After`. An event may arrive twice, with the same `webhook-id`: an answer that was lost is none.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, TryStreamExt, stream};
use hmac::{Hmac, KeyInit as _, Mac};
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Shared;
use super::room::Room;
use super::throttle::Throttle;
use crate::domain::address::is_loopback;
use crate::domain::client::StoredClient;
use crate::domain::configuration::ConfigurationId;
use crate::domain::event::{Event, ForwardState};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::health::forwarding_stopped;
use crate::domain::hex;
use crate::domain::next::Next;
use crate::domain::retry_after;
use crate::domain::secret::Secret;
use crate::domain::untrusted::{Exact, Untrusted};
use crate::halo::LoopbackOnly;
use crate::halo::proxy::through;
use crate::ops::serving::{self, AtOnce, Due};
use crate::ops::{Workspace, events};
use crate::settings::given_forward_secret;
use crate::store::{ClientToForward, ForwardTry, ToForward};

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

/// The most that a `Retry-After` is believed.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_hours(6);

/// The shortest key of a signature, in bytes: what the scheme asks for.
const SHORTEST_KEY: usize = 24;

/// How long a try may take.
const ANSWER: Duration = Duration::from_secs(15);

/// Events that are forwarded at the same time: of different tickets, so no order is lost.
const AT_ONCE: usize = 8;

/// Clients that are forwarded between two writes to the store.
const CLIENTS: usize = 32;

/// The waits while no client is taken at all: whoever does not answer is not asked for each of a long list.
const AWAY: [SignedDuration; 4] = [WAITS[0], WAITS[1], WAITS[2], WAITS[3]];

/// Where events are forwarded to.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The address; https, or plain http on this machine.
    pub url: url::Url,
    /// The file with the secret of the signature; without one, the secret that was made for the configuration signs.
    pub secret_file: Option<PathBuf>,
}

impl Destination {
    /// What tells it from others, without what may be secret in it.
    pub(super) fn named(&self) -> String {
        let sum = Sha256::digest(self.url.as_str());
        format!("{} {}", self.url.origin().ascii_serialization(), hex(&sum[..4]))
    }

    /// Checks an address.
    ///
    /// # Errors
    ///
    /// Where it is not https, and not on this machine either.
    pub fn new(url: &str, secret_file: Option<PathBuf>) -> Result<Self, Failure> {
        let url = url::Url::parse(url).map_err(|_| usage("--forward-to is not an address"))?;
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
            return Err(usage("--forward-to must be https; plain http is only for this machine"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(usage("--forward-to must not contain a password: events are signed"));
        }
        Ok(Self { url, secret_file })
    }

    /// What signs the events of a configuration, by the secret as it is now. May wait for the disk.
    ///
    /// # Errors
    ///
    /// Where the secret cannot be read, or is none of the scheme's.
    pub fn signature(&self, workspace: &Workspace, id: &ConfigurationId) -> Result<Signer, Failure> {
        let secret = match &self.secret_file {
            Some(file) => given_forward_secret(file)?,
            None => events::forward_secret(workspace, id)?,
        };
        workspace.watch_for(&secret);
        signature(&secret)
    }
}

/// Signs as the scheme asks: HMAC-SHA-256 of the id, the time and the payload.
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

impl Signer {
    fn sign(&self, id: &str, timestamp: i64, payload: &str) -> String {
        let mac = self.0.clone().chain_update(format!("{id}.{timestamp}.{payload}"));
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The secret as the scheme writes it: `whsec_` and base64.
fn signature(secret: &Secret) -> Result<Signer, Failure> {
    let code = secret.expose().strip_prefix("whsec_").unwrap_or(secret.expose());
    let key = STANDARD.decode(code).map(Zeroizing::new).ok().filter(|key| key.len() >= SHORTEST_KEY);
    key.and_then(|key| Hmac::new_from_slice(&key).ok()).map(Signer).ok_or_else(|| {
        usage("the signing secret is not valid")
            .hint("It is whsec_ and at least 24 bytes in base64, as pia-halo makes it")
    })
}

fn usage(message: &str) -> Failure {
    Failure::new(FailureKind::Usage, message.to_owned())
}

/// The wait after a try that failed; `tries` came before it.
fn wait(tries: usize, asked: Option<SignedDuration>) -> SignedDuration {
    WAITS[tries.min(WAITS.len() - 1)].max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

/// When an event is tried next after a try that failed; none where it is given up. `tries` came before this one, the
/// first of them at `since`. The last try is made when the three days are over, and not before.
fn next_try(tries: usize, since: Timestamp, now: Timestamp, asked: Option<SignedDuration>) -> Option<Timestamp> {
    let end = since.checked_add(GIVE_UP).ok()?;
    let wait = wait(tries, asked);
    (now < end).then(|| now.checked_add(wait).map_or(end, |next| next.min(end)))
}

/// The `webhook-id` of an event. It is a GUID; what an earlier version has stored under an id that no header can carry is
/// told by its hash.
fn webhook_id(event: &str) -> String {
    if event.bytes().all(|byte| byte.is_ascii_graphic()) {
        return event.to_owned();
    }
    format!("sha256-{}", hex(&Sha256::digest(event.as_bytes())))
}

/// Why an event was not taken.
#[derive(Debug, PartialEq, Eq)]
struct NotTaken {
    error: String,
    /// The other side wants nothing any more.
    is_gone: bool,
    /// How long it asked to wait.
    asked: Option<SignedDuration>,
}

impl NotTaken {
    fn lost(error: impl Into<String>) -> Self {
        Self { error: error.into(), is_gone: false, asked: None }
    }
}

#[derive(Serialize)]
struct Payload<T> {
    r#type: &'static str,
    #[serde(serialize_with = "crate::domain::calendar::json")]
    timestamp: Timestamp,
    data: T,
}

#[derive(Serialize)]
struct Data<'a> {
    event: &'a Event,
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

#[derive(Serialize)]
struct ClientData<'a> {
    /// The run that has changed it; none of a list that was there before, or of a snapshot.
    run: Option<i64>,
    client: &'a StoredClient,
    name_before: Option<Exact<'a>>,
}

fn to_json(payload: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(payload).map_err(|error| Failure::new(FailureKind::LocalState, error.to_string()))
}

/// What is sent of a client.
fn client_payload(due: &ClientToForward) -> Result<String, Failure> {
    let name_before = due.name_before.as_ref().map(Untrusted::exact);
    let data = ClientData { run: due.run, client: &due.client, name_before };
    to_json(&Payload { r#type: due.what.event(), timestamp: due.at, data })
}

/// What is sent of an event.
fn payload(workspace: &Workspace, id: &ConfigurationId, event: &Event) -> Result<String, Failure> {
    let body = serving::body(workspace, id, event.number)?;
    // What no reader of JSON understands goes as a text.
    let json = serde_json::from_str(body.raw()).ok().filter(|_| event.not_understood.is_none());
    let body = json.map_or(Body::Text(body.raw()), Body::Json);
    to_json(&Payload { r#type: event.group.slug(), timestamp: event.received_at, data: Data { event, body } })
}

/// What is known from one turn to the next.
#[derive(Default)]
struct Known {
    /// What signed last, and for which configuration.
    signs: Option<(ConfigurationId, Signer)>,
    /// Rounds in a row in which no client was taken.
    away: usize,
    /// Until when no client is forwarded.
    away_until: Option<Timestamp>,
}

struct Forwarder {
    shared: Arc<Shared>,
    /// The memory for bodies that are on their way.
    room: Room,
    destination: Destination,
    http: reqwest::Client,
    not_taken: Throttle,
    not_read: Throttle,
    /// The other side has said that it wants nothing any more.
    is_off: AtomicBool,
}

/// The task that hands events on until the service ends.
pub fn run(shared: Arc<Shared>, destination: Destination) -> Result<impl Future<Output = ()>, Failure> {
    let broken = |error: String| Failure::new(FailureKind::LocalState, format!("events cannot be forwarded: {error}"));
    let http = reqwest::Client::builder();
    // What is not encrypted stays on this machine, and passes by no proxy.
    let http = match destination.url.scheme() {
        "http" => http.no_proxy().dns_resolver(LoopbackOnly),
        _ => through(http, shared.workspace.proxy().as_ref()),
    };
    let http = http
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .timeout(ANSWER)
        .user_agent(concat!("pia-halo/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| broken(error.without_url().to_string()))?;
    let is_off = AtomicBool::new(false);
    let (not_taken, not_read) = Default::default();
    let forwarder = Forwarder { shared, room: Room::default(), destination, http, is_off, not_taken, not_read };
    Ok(async move { forwarder.run().await })
}

/// What signs; none where there is nothing to sign.
type Signs = Option<Result<Signer, Failure>>;

/// What there is to forward now, and what signs it; none without an active configuration.
fn due(workspace: &Workspace, destination: &Destination, at_once: &AtOnce) -> Result<Option<(Due, Signs)>, Failure> {
    let Some(due) = serving::due(workspace, at_once)? else { return Ok(None) };
    // Read each time: it may have been replaced since, and then the old one is not taken any more.
    let signs = (!due.is_idle()).then(|| destination.signature(workspace, &due.id));
    Ok(Some((due, signs)))
}

impl Forwarder {
    async fn run(self) {
        let mut changed = self.shared.reloaded.subscribe();
        let mut known = Known::default();
        loop {
            let again = match self.turn(&mut known).await {
                Ok(again) => again,
                Err(failure) => {
                    tracing::error!(%failure, "events could not be forwarded");
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
                // Another configuration may be the active one now.
                Ok(()) = changed.changed() => {}
                () = wait => {}
            }
        }
    }

    /// Forwards what is due; says when the next one is.
    async fn turn(&self, known: &mut Known) -> Result<Option<Timestamp>, Failure> {
        let workspace = &self.shared.workspace;
        loop {
            if self.is_off.load(Ordering::Relaxed) {
                let is_stopped = |workspace: &Workspace| match workspace.active()? {
                    Some((id, _)) => events::is_forwarding_stopped(workspace, &id),
                    None => Ok(true),
                };
                if workspace.run_blocking(is_stopped).await? {
                    return Ok(None);
                }
                self.is_off.store(false, Ordering::Relaxed);
            }
            let clients = if known.away == 0 { CLIENTS } else { AT_ONCE };
            let at_once = AtOnce { events: AT_ONCE, clients, away_until: known.away_until };
            let destination = self.destination.clone();
            let read = move |workspace: &Workspace| due(workspace, &destination, &at_once);
            let Some((due, signs)) = workspace.run_blocking(read).await? else { return Ok(None) };
            let Due { id, events, clients, next } = due;
            if self.shared.cancel.is_cancelled() {
                return Ok(None);
            }
            let Some(signs) = signs else { return Ok(next) };
            match signs {
                Ok(signer) => known.signs = Some((id.clone(), signer)),
                // Half a change, or a slip of somebody's: the one before may still be good, and if not, it is tried again.
                Err(failure) if known.signs.as_ref().is_some_and(|(of, _)| *of == id) => {
                    if let Some(times) = self.not_read.again() {
                        tracing::warn!(%failure, times, "cannot read the signing secret; using the previous one");
                    }
                }
                Err(failure) => return Err(failure),
            }
            let Some((_, signer)) = &known.signs else { return Ok(None) };
            let done: Vec<Result<(), Failure>> = stream::iter(events)
                .map(|due| self.forward(&id, signer, due))
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            done.into_iter().collect::<Result<Vec<()>, Failure>>()?;
            let tries = stream::iter(clients).map(|due| self.forward_client(&id, signer, due));
            let tries = tries.buffer_unordered(AT_ONCE);
            let tries: Vec<Option<ForwardTry>> = tries.try_collect().await?;
            let tries: Vec<ForwardTry> = tries.into_iter().flatten().collect();
            if tries.is_empty() {
                continue;
            }
            if tries.iter().any(|(_, next)| next.is_none()) {
                (known.away, known.away_until) = (0, None);
            } else {
                let wait = AWAY[known.away.min(AWAY.len() - 1)];
                (known.away, known.away_until) = (known.away + 1, workspace.now().checked_add(wait).ok());
            }
            workspace.run_blocking(move |workspace| serving::clients_forwarded(workspace, &tries)).await?;
        }
    }

    /// Tries to hand a client on. None where nobody knows how that has ended: it is tried again after the next start.
    async fn forward_client(
        &self,
        id: &ConfigurationId,
        signer: &Signer,
        due: ClientToForward,
    ) -> Result<Option<ForwardTry>, Failure> {
        let payload = client_payload(&due)?;
        let Some(outcome) = self.attempt(id, signer, due.message, payload).await else { return Ok(None) };
        let next = match outcome {
            Ok(()) => None,
            Err(not) => {
                if let Some(times) = self.not_taken.again() {
                    let (client, error) = (due.client.client.id, not.error);
                    tracing::warn!(client, error, times, "a client was not accepted by the receiver; will retry");
                }
                self.shared.workspace.now().checked_add(wait(due.attempts, not.asked)).ok()
            }
        };
        self.shared.metrics.forwarded(if next.is_none() { "delivered" } else { "failed" });
        Ok(Some((due.number, next)))
    }

    async fn forward(&self, id: &ConfigurationId, signer: &Signer, due: ToForward) -> Result<(), Failure> {
        let workspace = &self.shared.workspace;
        if self.is_off.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut held = self.room.begin();
        // The body, and what is made of it.
        if !held.grow(2 * due.size).await {
            return Ok(());
        }
        held.is_whole();
        let (of, event) = (id.clone(), due.event.clone());
        let payload = workspace.run_blocking(move |workspace| payload(workspace, &of, &event)).await?;
        // Not tried, as far as anybody knows: it is tried again after the next start.
        let Some(outcome) = self.attempt(id, signer, webhook_id(&due.event.id), payload).await else { return Ok(()) };
        let now = workspace.now();
        let attempts = due.event.forwarding.as_ref().map_or(0, |forwarding| forwarding.attempts) as usize;
        let (state, next, error) = match outcome {
            Ok(()) => (ForwardState::Delivered, None, None),
            Err(not) => {
                let next = next_try(attempts, due.since.unwrap_or(now), now, not.asked);
                let state = if next.is_some() { ForwardState::Pending } else { ForwardState::Undelivered };
                (state, next, Some(not.error))
            }
        };
        if let Some(error) = &error
            && let Some(times) = self.not_taken.again()
        {
            let given_up = format!("giving up. To list it: {}", Next::Undelivered);
            let what = if next.is_some() { "will retry" } else { &given_up };
            tracing::warn!(event = due.event.id, error, times, "an event was not accepted by the receiver; {what}");
        }
        self.shared.metrics.forwarded(if state == ForwardState::Delivered { "delivered" } else { "failed" });
        let (id, number) = (id.clone(), due.event.number);
        let write =
            move |workspace: &Workspace| serving::forwarded(workspace, &id, number, state, next, error.as_deref());
        workspace.run_blocking(write).await
    }

    /// One try; none where the service ends on the way, or nothing is to be sent any more.
    async fn attempt(
        &self,
        of: &ConfigurationId,
        signer: &Signer,
        id: String,
        payload: String,
    ) -> Option<Result<(), NotTaken>> {
        if self.is_off.load(Ordering::Relaxed) {
            return None;
        }
        // A machine that was suspended goes on here, and another service may have sent it meanwhile, and newer ones.
        let leads = self.shared.workspace.run_blocking(|workspace| Ok(workspace.holds_locks())).await;
        if !leads.unwrap_or(false) {
            return None;
        }
        let outcome = tokio::select! {
            biased;
            () = self.shared.cancel.cancelled() => return None,
            outcome = self.send(signer, id, payload) => outcome,
        };
        if outcome.as_ref().is_err_and(|not| not.is_gone) && !self.is_off.swap(true, Ordering::Relaxed) {
            let again = Next::Retry("forwarding");
            tracing::error!("forwarding stopped: the receiver answered 410; to try again: {again}");
            let of = of.clone();
            let note = move |workspace: &Workspace| {
                workspace.note_health(&of, [forwarding_stopped()]);
                Ok(())
            };
            _ = self.shared.workspace.run_blocking(note).await;
        }
        Some(outcome)
    }

    async fn send(&self, signer: &Signer, id: String, payload: String) -> Result<(), NotTaken> {
        // The time of this try: whoever receives it refuses what is old.
        let timestamp = self.shared.workspace.now().as_second();
        let signature = signer.sign(&id, timestamp, &payload);
        let answer = self
            .http
            .post(self.destination.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
            .body(payload)
            .send()
            .await
            .map_err(|error| NotTaken::lost(reason(error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let asked = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let asked = asked
            .and_then(|asked| SignedDuration::try_from(retry_after::read(asked, self.shared.workspace.now())?).ok());
        Err(NotTaken { error: format!("answered {status}"), is_gone: status == StatusCode::GONE, asked })
    }
}

/// Why there was no answer, in a word: an address may hold a token, and has no place in it.
fn reason(error: reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "not answered in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "incomplete answer"
    };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hours * 3_600).unwrap()
    }

    /// Growing delays, and the last try when the three days are over.
    #[test]
    fn event_is_tried_with_growing_delays_for_three_days() {
        let since = at(0);
        let (mut now, mut tries) = (since, vec![since]);
        while let Some(next) = next_try(tries.len() - 1, since, now, None) {
            assert!(tries.len() < 100 && next > now);
            tries.push(next);
            now = next;
        }
        assert_eq!(now.duration_since(since), GIVE_UP, "the last one");
        let waits: Vec<i64> = tries.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs()).collect();
        assert_eq!(waits[..8], [5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600]);
        assert!(waits[8..waits.len() - 1].iter().all(|wait| *wait == 21_600), "{waits:?}");
        assert_eq!(tries.len(), 20);
        // The service was off in between: one more try, and then no more.
        assert_eq!(next_try(3, since, at(100), None), None);
    }

    #[test]
    fn destination_can_ask_for_more_time_and_not_for_ever() {
        let asked = |seconds| Some(SignedDuration::from_secs(seconds));
        let wait = |asked| next_try(0, at(0), at(1), asked).unwrap().duration_since(at(1)).as_secs();
        assert_eq!((wait(None), wait(asked(1)), wait(asked(90)), wait(asked(i64::MAX))), (5, 5, 90, 21_600));
    }

    #[test]
    fn forward_address_is_encrypted_or_local_and_secret_is_long() {
        for good in ["https://x.example/in?k=1", "http://127.0.0.1:9/x", "http://[::1]/", "http://localhost:1/"] {
            assert!(Destination::new(good, None).is_ok(), "{good}");
        }
        for bad in [
            "http://x.example/",
            "http://10.0.0.1/",
            "http://localhost.example/",
            "ftp://127.0.0.1/",
            "https://user:pw@x.example/",
            "x.example",
            "",
        ] {
            let failure = Destination::new(bad, None).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Usage, "{bad}");
            assert!(!failure.to_string().contains("pw"), "{failure}");
        }
        assert!(signature(&Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs=")).is_ok());
        for short in ["", "whsec_", "whsec_AAAA", "hunter2"] {
            let failure = signature(&Secret::new(short)).map(|_| ()).unwrap_err();
            assert!(!failure.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn every_id_can_stand_in_header() {
        assert_eq!(webhook_id("8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77"), "8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77");
        let odd = webhook_id("an id of ünknown kind");
        assert!(odd.starts_with("sha256-") && odd.len() == 7 + 64 && odd != webhook_id("another one"));
    }

    /// Nobody looks the ticket up: Halo is out of reach.
    #[tokio::test(start_paused = true)]
    async fn event_is_forwarded_after_one_minute_without_its_ticket() {
        use crate::service::intake::Intake;
        use crate::service::receiver::tests::{callback, receiver};
        use crate::service::testing::Fixture;

        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let shared = fixture.shared_with_forwarding();
        let destination = Destination::new("http://127.0.0.1:1/", None).unwrap();
        let forwarder = tokio::spawn(run(Arc::clone(&shared), destination).unwrap());
        // It sleeps before anything is there.
        tokio::task::yield_now().await;
        let (receiver, intake, path, authorization): (_, Intake, _, _) =
            receiver(fixture.workspace(), Arc::clone(&shared));
        assert_eq!(callback(&receiver, &path, &authorization, r#"{"ticket_id":7}"#).await, 200);
        let tries = || {
            let events = fixture.store().events(&"acme".parse().unwrap(), None, None, 1).unwrap();
            events[0].forwarding.as_ref().unwrap().attempts
        };
        assert_eq!(tries(), 0, "its ticket is waited for");
        fixture.sleep_until(fixture.now() + SignedDuration::from_secs(60));
        for _ in 0..1_000 {
            if tries() > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(tries(), 1);
        shared.cancel.cancel();
        forwarder.await.unwrap();
        drop(receiver);
        intake.finish();
    }

    /// How the try has ended is to be written down, and another program holds the database: no thread of the runtime waits.
    #[tokio::test]
    async fn database_that_somebody_else_holds_does_not_hold_up_runtime() {
        use crate::domain::callback::EventGroup;
        use crate::domain::event::EventBody;
        use crate::service::testing::{Fixture, goes_on_while_the_database_is_held};
        use crate::store::NewEvent;

        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let body = EventBody::read(b"{}".to_vec()).unwrap();
        let event = NewEvent {
            configuration: "acme".parse().unwrap(),
            group: EventGroup::TicketCreated,
            incoming: body.events().next().unwrap(),
            fetched_from: None,
            received_at: fixture.now(),
            forward: true,
        };
        let store = fixture.store();
        store.add_events([event]).unwrap();
        let forwarder = run(fixture.shared_with_forwarding(), Destination::new("http://127.0.0.1:1/", None).unwrap());
        // By a connection of its own: who waits for the database holds the other one.
        let looking = crate::store::Store::open(store.path()).unwrap();
        let tried = move || {
            let events = looking.events(&"acme".parse().unwrap(), None, None, 1).unwrap();
            events[0].forwarding.as_ref().unwrap().attempts > 0
        };
        let took = goes_on_while_the_database_is_held(&fixture, forwarder.unwrap(), tried).await;
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
}
