//! The Halo API: discovery, token, paging, request limit, wire shapes, errors.
//!
//! [`HaloApi`] is the only entry point. A clone is cheap and shares what has to be shared: one token, one gate for
//! all requests, one connection pool. A handle is either interactive, with priority at the gate, or the sync's
//! ([`HaloApi::in_background`]); any handle can be given a token that cancels whatever it is waiting for
//! ([`HaloApi::cancelled_by`]).
//!
//! ```text
//! clients, lists, webhooks, delivery_log, tabs, ticket_types     what is asked, and how the replies are read
//!        └─ send: token, one renewal after a 401
//!             └─ retry: repeats a request if that is safe
//!                  └─ governor: the request limit
//!                       └─ http: one exchange, bounded in time and size, never redirected
//! ```
//!
//! Reads are repeated after transient failures. Writes are repeated only if they certainly did not arrive; otherwise
//! [`HaloError::may_have_been_applied`] tells the caller to read back.

mod authority;
mod catch_up;
pub(crate) mod certificate;
mod clients;
pub(crate) mod delivery;
mod delivery_log;
mod discovery;
mod error;
mod governor;
mod governors;
mod handle;
mod hearing;
mod http;
pub(crate) mod install;
mod limit;
mod lists;
mod loopback;
mod moment;
mod pace;
pub(crate) mod product;
pub mod proxy;
mod retry;
pub(crate) mod rights;
mod said;
mod scopes;
mod shared_count;
mod tabs;
mod ticket_types;
mod tickets;
mod token;
mod webhooks;
mod wire;
mod x509;

#[cfg(test)]
mod endpoint_tests;
#[cfg(test)]
mod slow_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod transport_tests;

use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use reqwest::Method;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

pub use authority::authorities;
pub use catch_up::{ChangedTicket, LogPart, LoggedCall};
pub use clients::{ClientPage, PAGE_SIZE};
pub use discovery::Discovery;
pub use error::{BadReply, HaloError, TlsCause, Unreached};
pub use governors::{Governors, SharedCount};
pub use handle::MayWrite;
pub use http::Limits;
pub use lists::Instance;
pub use loopback::LoopbackOnly;
pub use retry::Patience;
pub use scopes::ScopeTrial;
pub use tabs::TabDraft;
pub use tickets::{NewTicket, Note};
pub use token::Token;
pub use webhooks::WebhookDraft;
pub use wire::BadRow;

use self::discovery::Kept;
use self::error::HaloError as E;
use self::governor::{Governor, Urgency};
use self::http::{Call, Payload, Transport};
use self::proxy::Proxy;
use self::retry::{Answer, Attempts, CONNECTS_FOR_A_PERSON, Cause, Counters, OF_A_COMMAND, Stop, WaitedInVain};
use self::token::{Bearer, TokenHold};
use crate::domain::address::{AuthUrl, HaloUrl};
use crate::domain::redaction::Watch;
use crate::domain::secret::Secret;
use crate::domain::sync_run::{BudgetWait, RequestBudget, Silence};
use crate::domain::untrusted::Untrusted;
use crate::halo::product::Product;

/// For finding out the address of this machine.
const OWN_ADDRESS: Duration = Duration::from_secs(2);

/// Tokens that may die under one request.
const MAX_RENEWALS: u32 = 8;

/// Asks for an answer that is not a remembered one.
const FRESH: (&str, &str) = ("nocache", "true");

/// What is needed to talk to a Halo.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The address of the Halo.
    pub url: HaloUrl,
    /// The sign-in server, where it is not on the host of `url`.
    pub auth_url: Option<AuthUrl>,
    /// The tenant, where Halo does not name it.
    pub tenant: Option<String>,
    /// The Client ID.
    pub client_id: String,
    /// The Client Secret. It goes into the body of the token call and nowhere else.
    pub client_secret: Secret,
    /// Requests per rolling five minutes. Without it 90 % of what Halo publishes, and any number on loopback; 0 is any
    /// number.
    pub request_budget: Option<u32>,
    /// A file of certificates in PEM form that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The other secrets of this configuration: no text from outside may show them.
    pub hide: Vec<Secret>,
    /// Those of them that callback addresses end in.
    pub tokens: Vec<Secret>,
    /// Whether a person looks on, who would give up; otherwise nobody's patience bounds a wait.
    pub attended: bool,
    /// The proxy that leads there.
    pub proxy: Option<Proxy>,
}

impl Connection {
    /// Everything that no text from outside may show.
    fn secrets(&self) -> Vec<Secret> {
        self.hide.iter().chain([&self.client_secret]).cloned().collect()
    }
}

/// What a handle has asked for so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Requests sent, repeated ones included.
    pub requests: u64,
    /// Requests that were sent again.
    pub retries: u64,
    /// For how long the request limit held requests up: a second in which several waited is one second.
    pub waited: Duration,
    /// The wait that goes on now, whoever it holds up.
    pub waiting: Option<BudgetWait>,
    /// How much of the request limit is used, by whomever; none as long as no limit is known.
    pub budget: Option<RequestBudget>,
    /// The silence that goes on now, whoever waits for an answer.
    pub silence: Option<Silence>,
}

/// A Halo. Cheap to clone.
#[derive(Clone)]
pub struct HaloApi {
    shared: Arc<Shared>,
    counters: Arc<Counters>,
    /// How long the limit had held somebody up before this handle began to count.
    held_before: Duration,
    urgency: Urgency,
    cancel: CancellationToken,
    renews: bool,
    patience: Patience,
    /// What a person who looks on has waited in vain; none where nobody does.
    in_vain: Option<Arc<WaitedInVain>>,
    /// How long it waits where Halo has refused.
    limit_patience: Duration,
    /// Until when it waits there at all.
    limit_until: Option<Instant>,
    /// Whether a write may still be sent; none where nobody can forbid it.
    may_write: Option<MayWrite>,
}

struct Shared {
    connection: Connection,
    limits: Limits,
    transport: Transport,
    governor: Arc<Governor>,
    token: TokenHold,
    discovery: Mutex<Kept>,
    product: RwLock<Product>,
    version: OnceLock<Untrusted>,
    /// For what Halo's answers are not to bring back.
    watch: Watch,
}

impl fmt::Debug for HaloApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HaloApi")
            .field("host", &self.shared.connection.url.host())
            .field("urgency", &self.urgency)
            .finish_non_exhaustive()
    }
}

impl HaloApi {
    /// A person's handle with the usual limits. Nothing is sent yet.
    ///
    /// # Errors
    /// [`HaloError::CaFile`] if the file of certificates cannot be used, [`HaloError::Tls`] on a machine without any.
    pub fn new(connection: Connection) -> Result<Self, HaloError> {
        Self::with_limits(connection, Limits::default())
    }

    /// The same behind a governor that it shares with whoever asks this Halo through the same `governors`: together they keep
    /// to one request budget.
    ///
    /// # Errors
    /// As [`HaloApi::new`].
    pub fn behind(connection: Connection, governors: &Governors) -> Result<Self, HaloError> {
        let governor = governors.of(&connection);
        Self::with_governor(connection, Limits::default(), governor)
    }

    /// The same with other limits.
    ///
    /// # Errors
    /// As [`HaloApi::new`].
    pub fn with_limits(connection: Connection, limits: Limits) -> Result<Self, HaloError> {
        let governor = Governors::default().of(&connection);
        Self::with_governor(connection, limits, governor)
    }

    fn with_governor(connection: Connection, limits: Limits, governor: Arc<Governor>) -> Result<Self, HaloError> {
        let host = connection.url.host();
        let watch = Watch::new(connection.secrets());
        let product = RwLock::new(Product::at(host.split(':').next().unwrap_or_default()));
        let shared = Shared {
            transport: Transport::new(&connection, limits)?,
            connection,
            limits,
            governor,
            token: TokenHold::default(),
            discovery: Mutex::default(),
            product,
            version: OnceLock::new(),
            watch,
        };
        let held_before = shared.governor.held_up();
        Ok(Self {
            patience: limits.patience,
            in_vain: None,
            limit_patience: Duration::MAX,
            limit_until: Some(Instant::now() + OF_A_COMMAND),
            shared: Arc::new(shared),
            counters: Arc::default(),
            held_before,
            urgency: Urgency::Person,
            cancel: CancellationToken::new(),
            renews: true,
            may_write: None,
        })
    }

    /// Where it signs in and with what, for whoever compares two of them.
    pub fn signs_in_with(&self) -> impl Hash + '_ {
        let Connection { url, auth_url, tenant, client_id, client_secret, ca_file, .. } = &self.shared.connection;
        let auth_url = auth_url.as_ref().map(ToString::to_string);
        (url.as_str(), auth_url, tenant, client_id, client_secret.expose(), ca_file)
    }

    /// The variable of the proxy that leads to it, where one does.
    pub fn proxy(&self) -> Option<&'static str> {
        let Connection { url, proxy, .. } = &self.shared.connection;
        proxy.as_ref().filter(|proxy| !url.is_loopback() && proxy.leads_to(url.as_str())).map(|proxy| proxy.variable)
    }

    /// How far Halo's clock is ahead of this machine's, by its last answer; none where it did not say.
    pub fn clock_ahead(&self) -> Option<jiff::SignedDuration> {
        self.shared.transport.clock_ahead()
    }

    /// What this handle and its clones have asked for. A handle from [`HaloApi::in_background`] is counted apart.
    pub fn usage(&self) -> Usage {
        Usage {
            requests: self.counters.requests.load(Ordering::Relaxed),
            retries: self.counters.retries.load(Ordering::Relaxed),
            waited: self.shared.governor.held_up().saturating_sub(self.held_before),
            waiting: self.shared.governor.waiting(),
            budget: self.shared.governor.budget(),
            silence: self.shared.governor.silence(),
        }
    }

    /// How many requests of a sync are let into the air at once: asking for more ahead is of no use.
    pub fn pace(&self) -> usize {
        self.shared.governor.pace()
    }

    /// The status that the last write of this handle was answered with, once: for the audit trail. None where none was
    /// sent since it was last asked for, or no answer came.
    pub fn take_write_status(&self) -> Option<u16> {
        Some(self.counters.write_status.swap(0, Ordering::Relaxed)).filter(|status| *status > 0)
    }

    /// Follows the wait for the request limit, from its begin to its end.
    pub fn waits(&self) -> watch::Receiver<Option<BudgetWait>> {
        self.shared.governor.subscribe()
    }

    /// Which Halo it is, as far as is known by now.
    pub fn product(&self) -> Product {
        self.shared.product.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The version of Halo, once it was asked for.
    pub fn version(&self) -> Option<&Untrusted> {
        self.shared.version.get()
    }

    /// Goes by a name that Halo told, now or to an earlier connection.
    pub fn call_it(&self, product: Product) {
        *self.shared.product.write().unwrap_or_else(PoisonError::into_inner) = product;
    }

    /// A read of `path`, which begins with `/api/`.
    fn get(&self, does: &'static str, path: &'static str, query: &[(&'static str, &str)]) -> Call {
        let query = query.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.call(does, Method::GET, path, None, query, None)
    }

    /// A write: an array of one, as Halo wants it.
    fn post(&self, does: &'static str, path: &'static str, element: serde_json::Value) -> Call {
        let body = serde_json::Value::Array(vec![element]);
        self.call(does, Method::POST, path, None, Vec::new(), Some(Payload::Json(body)))
    }

    /// One object of `path`. `id` has to be safe in an address.
    fn one(&self, does: &'static str, method: Method, path: &'static str, id: &str) -> Call {
        // Whoever asks for one object looks what has become of it, perhaps after a write of a run before this one.
        let query = if method == Method::GET { vec![(FRESH.0, FRESH.1.to_owned())] } else { Vec::new() };
        self.call(does, method, path, Some(id), query, None)
    }

    fn call(
        &self,
        does: &'static str,
        method: Method,
        path: &'static str,
        id: Option<&str>,
        query: Vec<(&'static str, String)>,
        payload: Option<Payload>,
    ) -> Call {
        let mut address = self.shared.connection.url.join(path);
        if let Some(id) = id {
            address.push('/');
            address.push_str(id);
        }
        let repeatable = method == Method::GET;
        Call {
            does,
            method,
            address,
            path,
            query,
            payload,
            repeatable,
            by_value: false,
            hide: self.shared.connection.secrets(),
            product: self.product(),
        }
    }

    /// Whether a token was good for another call; a stop ends the wait for that call.
    async fn was_good(&self, bearer: &Bearer) -> Result<bool, HaloError> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(HaloError::Cancelled { in_flight: false }),
            good = self.shared.token.was_good(bearer) => Ok(good),
        }
    }

    /// Sends with the token. A 401 drops exactly the token that was used and renews it once: Halo answers 401 to some
    /// questions for good, and then renewing for ever helps nobody. It is renewed again only where
    /// the new token was good for another call meanwhile: then it was the token that died, and not this question's
    /// fault.
    async fn send(&self, mut call: Call) -> Result<Answer, HaloError> {
        // Halo may answer from memory, and would show a list as it was before the write.
        let is_fresh = call.query.iter().any(|(name, _)| *name == FRESH.0);
        if call.method == Method::GET && !is_fresh && self.counters.has_written.load(Ordering::Relaxed) {
            call.query.push((FRESH.0, FRESH.1.to_owned()));
        }
        let mut bearer = self.bearer().await?;
        let mut renewals = 0;
        loop {
            let on_the_way = self.shared.token.set_out(&bearer);
            let answer = self.deliver(&call, Some(&bearer), self.urgency).await?;
            if answer.status != 401 {
                self.shared.token.note_good(&bearer);
            }
            drop(on_the_way);
            if answer.status == 401 && self.renews {
                let died = renewals > 0 && renewals < MAX_RENEWALS && self.was_good(&bearer).await?;
                if renewals == 0 || died {
                    renewals += 1;
                    bearer = self.bearer_after(&bearer).await?;
                    continue;
                }
            }
            if answer.is_success() {
                let (watch, body) = (&self.shared.watch, answer.body);
                let body = match call.path {
                    _ if call.by_value => body,
                    webhooks::PATH => watch.clean_but_addresses(body, &self.shared.connection.tokens),
                    _ => watch.clean(body),
                };
                return Ok(Answer { body, ..answer });
            }
            return Err(self.refusal(&call, &answer, Some(&bearer)));
        }
    }

    /// A text from Halo that is kept.
    fn without_secrets(&self, text: String) -> String {
        self.shared.watch.clean_text(text)
    }

    /// Sends through the gate until there is an answer. Any status but a server error is one.
    async fn deliver(&self, call: &Call, bearer: Option<&Bearer>, urgency: Urgency) -> Result<Answer, HaloError> {
        let course = Attempts {
            does: call.does,
            governor: &self.shared.governor,
            urgency,
            cancel: &self.cancel,
            counters: &self.counters,
            patience: self.patience,
            in_vain: self.in_vain.as_deref(),
            limit_patience: self.limit_patience,
            limit_until: self.limit_until,
            connects: match self.urgency {
                Urgency::Person => CONNECTS_FOR_A_PERSON,
                Urgency::Again | Urgency::Background => self.patience.attempts,
            },
            repeatable: call.repeatable,
        };
        let text = bearer.map(|bearer| &bearer.text);
        let may_write = self.may_write.as_ref().filter(|_| !call.repeatable);
        let attempt = |time| {
            Box::pin(async move {
                // After every wait, right before it is sent.
                handle::require(may_write).await?;
                self.shared.transport.exchange(call, text, time).await
            })
        };
        if !call.repeatable {
            self.counters.write_status.store(0, Ordering::Relaxed);
            self.counters.has_written.store(true, Ordering::Relaxed);
        }
        let answer = match course.run(attempt).await {
            Ok(answer) => answer,
            Err(stop) => return Err(with_own_address(self.stopped(call, stop)).await),
        };
        if !call.repeatable {
            self.counters.write_status.store(answer.status, Ordering::Relaxed);
        }
        if answer.status >= 500 { Err(self.refusal(call, &answer, bearer)) } else { Ok(answer) }
    }

    fn refusal(&self, call: &Call, answer: &Answer, bearer: Option<&Bearer>) -> HaloError {
        call.refusal(answer, bearer.map(|bearer| &bearer.text).as_slice(), &self.shared.token.scopes())
    }

    fn stopped(&self, call: &Call, stop: Stop) -> HaloError {
        let lost = match stop {
            Stop::Cancelled { in_flight } => return E::Cancelled { in_flight: in_flight && !call.repeatable },
            Stop::RateLimited(until) => return E::RateLimited { until },
            Stop::Lost(lost) => lost,
        };
        let host = host_of(&call.address);
        match lost.cause {
            Cause::Net(cause) => E::NotReached { host, cause, sent: lost.sent && !call.repeatable, from: None },
            Cause::Proxy(fault) => self.shared.transport.lost_at_proxy(host, fault),
            Cause::Tls(cause) => E::Tls { host, cause: cause.beside(self.shared.connection.ca_file.is_some()) },
            Cause::TooLarge => E::TooLarge { does: call.does, limit: self.shared.limits.body },
            Cause::NotEncrypted => E::NotEncrypted,
            Cause::Forbidden => E::LockLost,
        }
    }

    async fn unless_cancelled<T>(&self, work: impl Future<Output = T>) -> Result<T, HaloError> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(E::Cancelled { in_flight: false }),
            done = work => Ok(done),
        }
    }

    /// Reads one object; `None` where Halo has none (404).
    async fn read_one<R: DeserializeOwned>(&self, call: Call) -> Result<Option<R>, HaloError> {
        let does = call.does;
        match self.send(call).await {
            Ok(answer) => {
                let read = wire::read_object(&answer.body);
                read.map(Some).map_err(|misread| E::Unexpected { does, what: misread })
            }
            Err(E::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a list, bare or in an envelope under one of `names`. Where Halo gives words in place of one, they are
    /// told.
    async fn read_list<R: DeserializeOwned>(&self, call: Call, names: &[&str]) -> Result<wire::Rows<R>, HaloError> {
        let (does, hide) = (call.does, call.hide.clone());
        let answer = self.send(call).await?;
        wire::read_rows(&answer.body, names).map_err(|misread| {
            let hide: Vec<&Secret> = hide.iter().chain([&self.shared.connection.client_secret]).collect();
            let is_object = misread == BadReply::OtherShape && answer.body.trim_ascii_start().starts_with(b"{");
            match said::said(&answer.body, &hide).filter(|_| is_object) {
                said @ Some(_) => E::Declined { does, status: answer.status, said },
                None => E::Unexpected { does, what: misread },
            }
        })
    }

    /// Sends a write and reads of its reply what it names as the id. A reply without one is no failure: the caller
    /// reads back anyway. A web page is: something stood between.
    async fn write(&self, call: Call) -> Result<Option<String>, HaloError> {
        #[derive(serde::Deserialize)]
        struct Stored {
            #[serde(default)]
            id: wire::Text,
        }
        let stored: Option<Stored> = self.write_and_read(call).await?;
        Ok(stored.and_then(|stored| stored.id.untrusted()).map(|id| id.display()))
    }

    /// The same for what else the reply tells.
    async fn write_and_read<R: DeserializeOwned>(&self, call: Call) -> Result<Option<R>, HaloError> {
        let does = call.does;
        let answer = self.send(call).await?;
        match wire::read_object::<R>(&answer.body) {
            Ok(stored) => Ok(Some(stored)),
            Err(BadReply::WebPage) => Err(E::Unexpected { does, what: BadReply::WebPage }),
            Err(_) => Ok(None),
        }
    }

    /// Deletes; what is already gone is done.
    async fn delete(&self, call: Call) -> Result<(), HaloError> {
        let does = call.does;
        match self.send(call).await {
            Ok(answer) if wire::text_of(&answer.body) == Err(BadReply::WebPage) => {
                Err(E::Unexpected { does, what: BadReply::WebPage })
            }
            Ok(_) | Err(E::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Says from which address of this machine no connection came about: the other end may keep a list of those it lets in.
async fn with_own_address(error: HaloError) -> HaloError {
    let E::NotReached { host, cause: cause @ (Unreached::Connect | Unreached::ConnectTimeout), sent, .. } = error
    else {
        return error;
    };
    let from = timeout(OWN_ADDRESS, own_address(&host)).await.ok().flatten();
    E::NotReached { host, cause, sent, from }
}

/// The address from which packets to a host would go out. Nothing is sent.
async fn own_address(host: &str) -> Option<IpAddr> {
    let target = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        host.to_owned()
    } else {
        format!("{host}:443")
    };
    let target = tokio::net::lookup_host(target).await.ok()?.next()?;
    let any: IpAddr = if target.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let socket = tokio::net::UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect(target).await.ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_unspecified()).then_some(own)
}

/// The host of an address with its port.
fn host_of(address: &str) -> String {
    reqwest::Url::parse(address).ok().map_or_else(String::new, |url| {
        let host = url.host_str().unwrap_or_default();
        url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    })
}
