//! One request over the wire: encrypted, bounded in time and size, never redirected.

use std::error::Error as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::header::{ACCEPT, AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method, Url};
use rustls::pki_types::CertificateDer;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::error::{BadReply, HaloError, TlsCause, Unreached};
use super::loopback::{LoopbackOnly, NOT_LOOPBACK};
use super::proxy::{Proxy, ProxyFault, through};
use super::retry::{Answer, Cause, Lost, Patience, millis};
use super::rights::{self, Scopes};
use super::wire;
use super::{Connection, authority, moment, said};
use crate::domain::redaction::host_without_secrets;
use crate::domain::secret::Secret;
use crate::domain::untrusted::Untrusted;
use crate::halo::product::Product;

/// As much of an error reply as is read: enough for its words, whatever a gateway sends.
const ERROR_BODY: usize = 64 * 1024;

/// A reply beyond this is read alone: several at once, each up to its limit, would fill the memory.
const LARGE_BODY: usize = 4 * 1024 * 1024;

/// The largest file of certificates.
const CA_FILE: u64 = 4 * 1024 * 1024;

/// The bounds of every request.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For name, connection and TLS.
    pub connect: Duration,
    /// The longest silence within an exchange.
    pub read_gap: Duration,
    /// For one exchange as a whole.
    pub request: Duration,
    /// Bytes of a reply, after decoding.
    pub body: usize,
    /// How often and how long a request is tried.
    pub patience: Patience,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read_gap: Duration::from_secs(30),
            request: Duration::from_secs(120),
            body: 32 * 1024 * 1024,
            patience: Patience::default(),
        }
    }
}

/// What is sent along with a request.
pub(super) enum Payload {
    Json(serde_json::Value),
    /// A form: the token call's.
    Form(Vec<(&'static str, Secret)>),
}

/// A request, apart from who sends it.
pub(super) struct Call {
    /// What it is for, as a verb: `list the clients`.
    pub does: &'static str,
    pub method: Method,
    /// The whole address without a query.
    pub address: String,
    /// The path for the log, without ids.
    pub path: &'static str,
    pub query: Vec<(&'static str, String)>,
    pub payload: Option<Payload>,
    /// Whether it may be sent twice.
    pub repeatable: bool,
    /// Whether what is kept of the answer is looked through for secrets value by value, and not the answer as a whole.
    pub by_value: bool,
    /// What an error must not repeat.
    pub hide: Vec<Secret>,
    pub product: Product,
}

impl Call {
    /// What a status other than success means. `hide` is what an error must not repeat, besides what the call names; the scopes
    /// are those of the token, so that the same refusal has the same remedy as in a test.
    pub(super) fn refusal(&self, answer: &Answer, hide: &[&Secret], scopes: &Scopes) -> HaloError {
        let (does, status) = (self.does, answer.status);
        let said = || self.said(answer, hide);
        match status {
            400..=499 if said::wants_certificate(&answer.body) => self.wants_certificate(),
            // Halo's own are empty or JSON, and say what is wrong with the credentials or the rights. This one does not.
            400 | 401 | 403 if wire::text_of(&answer.body) == Err(BadReply::WebPage) => {
                HaloError::Intercepted { does, status }
            }
            300..=399 => HaloError::Redirected { to_host: self.redirect_host(answer, hide), status },
            401 | 403 => {
                let (needs, product) = (self.needs(status, scopes), self.product.clone());
                HaloError::MissingRight { does, needs, status, said: said(), product }
            }
            // Halo's own is empty: a page of a gateway says nothing of whether Halo has it. A write is looked at afterwards.
            404 if self.method != Method::POST && wire::text_of(&answer.body) == Err(BadReply::WebPage) => {
                HaloError::Unexpected { does, what: BadReply::WebPage }
            }
            404 => HaloError::NotFound { does },
            500..=599 => HaloError::ServerError { does, status, said: said() },
            _ => HaloError::Declined { does, status, said: said() },
        }
    }

    /// What opens it, where that is known.
    fn needs(&self, status: u16, scopes: &Scopes) -> Option<String> {
        let missing = if self.repeatable { rights::missing } else { rights::missing_to_write };
        rights::about(self.path).map(|check| rights::sentence(&missing(check, Some(status), scopes)))
    }

    fn wants_certificate(&self) -> HaloError {
        let host = Url::parse(&self.address).ok().and_then(|address| address.host_str().map(str::to_owned));
        let (host, cause) = (host.unwrap_or_default(), Unreached::ClientCertificate);
        HaloError::NotReached { host, cause, sent: false, from: None }
    }

    /// Halo's own words in an error reply.
    pub(super) fn said(&self, answer: &Answer, hide: &[&Secret]) -> Option<Untrusted> {
        let hide: Vec<&Secret> = self.hide.iter().chain(hide.iter().copied()).collect();
        said::said(&answer.body, &hide)
    }

    /// The other host that a redirect leads to, without what an error must not repeat.
    pub(super) fn redirect_host(&self, answer: &Answer, hide: &[&Secret]) -> Option<Untrusted> {
        let here = Url::parse(&self.address).ok()?;
        let there = here.join(answer.location.as_deref()?).ok()?;
        let same = there.host() == here.host()
            && there.port_or_known_default() == here.port_or_known_default()
            && there.scheme() == here.scheme();
        if same {
            return None;
        }
        let port = there.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = format!("{}{port}", there.host_str().unwrap_or("another scheme"));
        let hide: Vec<&Secret> = self.hide.iter().chain(hide.iter().copied()).collect();
        Some(Untrusted::new(host_without_secrets(&host, &hide)))
    }
}

/// The connections to one Halo.
pub(super) struct Transport {
    client: Client,
    /// The proxy that the client goes through.
    proxy: Option<Proxy>,
    limits: Limits,
    /// Who reads a large reply.
    large: Semaphore,
    /// How many milliseconds the other end's clock is ahead of ours.
    ahead_ms: AtomicI64,
}

/// Nothing was said of the other end's clock.
const NO_CLOCK: i64 = i64::MIN;

impl Transport {
    pub(super) fn new(connection: &Connection, limits: Limits) -> Result<Self, HaloError> {
        let loopback = connection.url.is_loopback();
        let encrypted =
            connection.url.is_encrypted() || connection.auth_url.as_ref().is_some_and(|auth| auth.is_encrypted());
        let authority = connection.ca_file.as_deref().map(read_authority).transpose()?.unwrap_or_default();
        let builder = || {
            let builder = Client::builder()
                .user_agent(concat!("pia-halo/", env!("CARGO_PKG_VERSION")))
                // The token call carries the Client Secret in its body, and a redirect can ask for it to be sent again.
                .redirect(Policy::none())
                .referer(false)
                .https_only(!loopback)
                .connect_timeout(limits.connect)
                .read_timeout(limits.read_gap)
                .default_headers(HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]));
            if loopback {
                builder.no_proxy().dns_resolver(LoopbackOnly)
            } else {
                through(builder, connection.proxy.as_ref())
            }
        };
        let built = if encrypted {
            build_encrypted(builder, authority)
        } else {
            // Without encryption no authority is needed, and a host without any must not keep the program from
            // talking to itself: the client refuses to be built there (seanmonstar/reqwest issue 2988).
            builder().tls_certs_only([]).build().map_err(Into::into)
        };
        let client = built.map_err(|_| match &connection.ca_file {
            Some(path) => bad_authority(path, "holds a certificate that cannot be used"),
            None => HaloError::Tls { host: connection.url.host(), cause: TlsCause::NoAuthorities },
        })?;
        let ahead_ms = AtomicI64::new(NO_CLOCK);
        let proxy = connection.proxy.clone().filter(|_| !loopback);
        Ok(Self { client, proxy, limits, large: Semaphore::new(1), ahead_ms })
    }

    /// The error that names the proxy and its variable.
    pub(super) fn lost_at_proxy(&self, host: String, fault: ProxyFault) -> HaloError {
        let named = self.proxy.as_ref().map(|proxy| (proxy.place(), proxy.variable));
        let (proxy, variable) = named.unwrap_or_default();
        HaloError::Proxy { host, proxy, variable, fault }
    }

    /// The same, with the status of a proxy that has refused.
    async fn lost_by(&self, lost: Lost, call: &Call) -> Lost {
        let (Cause::Proxy(ProxyFault::Declined(None)), Some(proxy)) = (lost.cause, &self.proxy) else { return lost };
        let status = timeout(self.limits.connect, proxy.refusal(&call.address)).await.ok().flatten();
        Lost { cause: Cause::Proxy(ProxyFault::Declined(status)), ..lost }
    }

    /// How far the other end's clock is ahead of ours, to the second.
    pub(super) fn clock_ahead(&self) -> Option<SignedDuration> {
        let ahead = self.ahead_ms.load(Ordering::Relaxed);
        (ahead != NO_CLOCK).then(|| SignedDuration::from_millis(ahead))
    }

    /// Sends once. `time` bounds it in addition to the limits.
    pub(super) async fn exchange(&self, call: &Call, bearer: Option<&Secret>, time: Duration) -> Result<Answer, Lost> {
        let started = Instant::now();
        let began = AtomicBool::new(false);
        let outcome =
            timeout(self.limits.request.min(time), self.send(call, bearer, &began)).await.unwrap_or_else(|_| {
                let cause = if began.load(Ordering::Relaxed) { Unreached::TooSlow } else { Unreached::NoAnswer };
                Err(Lost { cause: Cause::Net(cause), sent: true })
            });
        let ms = millis(started.elapsed());
        match &outcome {
            Ok(answer) => {
                tracing::debug!(method = %call.method, path = call.path, status = answer.status, ms, "halo");
            }
            Err(lost) => {
                tracing::debug!(method = %call.method, path = call.path, cause = ?lost.cause, ms, "halo");
            }
        }
        outcome
    }

    // `began` is set as soon as an answer has begun to come.
    async fn send(&self, call: &Call, bearer: Option<&Secret>, began: &AtomicBool) -> Result<Answer, Lost> {
        let mut request = self.client.request(call.method.clone(), &call.address);
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        if let Some(bearer) = bearer {
            let mut value = HeaderValue::try_from(format!("Bearer {}", bearer.expose()))
                .map_err(|_| Lost { cause: Cause::Net(Unreached::Broken), sent: false })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request = match &call.payload {
            Some(Payload::Json(body)) => request.json(body),
            Some(Payload::Form(fields)) => {
                let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.expose())).collect();
                request.form(&fields)
            }
            None => request,
        };
        let (sent, wants_certificate) = authority::noting(request.send()).await;
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => {
                let proxy = self.proxy.as_ref().filter(|proxy| proxy.leads_to(&call.address));
                return Err(self.lost_by(lost_connecting(&error, wants_certificate, proxy), call).await);
            }
        };
        began.store(true, Ordering::Relaxed);
        let status = response.status().as_u16();
        let header =
            |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (retry_after, location) = (header(RETRY_AFTER), header(LOCATION));
        if let Some(theirs) = header(DATE).and_then(|date| jiff::fmt::rfc2822::parse(&date).ok()) {
            let ahead = theirs.timestamp().duration_since(moment::now());
            self.ahead_ms.store(i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
        let success = (200..300).contains(&status);
        // What says beforehand that it is too large is not read up to the limit.
        if success && response.content_length().is_some_and(|length| length > self.limits.body as u64) {
            return Err(Lost { cause: Cause::TooLarge, sent: true });
        }
        let told = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        let most = if success { LARGE_BODY } else { ERROR_BODY };
        let (mut body, mut alone) = (Vec::with_capacity(told.min(most)), None);
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if success => {
                    if body.len() + chunk.len() > self.limits.body {
                        return Err(Lost { cause: Cause::TooLarge, sent: true });
                    }
                    if alone.is_none() && body.len() + chunk.len() > LARGE_BODY {
                        alone = self.large.acquire().await.ok();
                    }
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(chunk)) => {
                    body.extend_from_slice(&chunk[..chunk.len().min(ERROR_BODY - body.len())]);
                    if body.len() == ERROR_BODY {
                        break;
                    }
                }
                Ok(None) => break,
                // The status of an error reply says enough; its words are a courtesy.
                Err(_) if !success => break,
                Err(error) => return Err(Lost { sent: true, ..lost(&error) }),
            }
        }
        Ok(Answer { status, body, retry_after, location })
    }
}

/// What happened. Before TLS 1.3 a server that misses a certificate of ours only says that the handshake has failed.
fn lost_connecting(error: &reqwest::Error, wants_certificate: bool, proxy: Option<&Proxy>) -> Lost {
    let lost = lost(error);
    // Whoever speaks TLS and declines is behind the proxy.
    let is_tls = || ["fatal alert", "peer is incompatible"].iter().any(|word| words_of(error).contains(word));
    match lost.cause {
        Cause::Net(Unreached::Handshake | Unreached::NoCommonTls | Unreached::Connect) if wants_certificate => {
            Lost { cause: Cause::Net(Unreached::ClientCertificate), sent: false }
        }
        Cause::Net(Unreached::Handshake | Unreached::Connect) if proxy.is_some() && !is_tls() => {
            Lost { cause: Cause::Proxy(ProxyFault::NoTunnel), sent: false }
        }
        // Whether it came to Halo is not known; but what is waited for is the proxy's.
        Cause::Net(Unreached::ConnectTimeout) if proxy.is_some() => {
            Lost { cause: Cause::Proxy(ProxyFault::Silent), sent: false }
        }
        Cause::Proxy(ProxyFault::SignIn) if proxy.is_some_and(Proxy::has_user) => {
            Lost { cause: Cause::Proxy(ProxyFault::WrongSignIn), sent: false }
        }
        _ => lost,
    }
}

fn build_encrypted(
    builder: impl Fn() -> ClientBuilder,
    named: Vec<CertificateDer<'static>>,
) -> Result<Client, Box<dyn std::error::Error>> {
    let config = authority::trusting(named)?;
    Ok(builder().tls_backend_preconfigured(config).build()?)
}

fn bad_authority(path: &Path, problem: &str) -> HaloError {
    HaloError::CaFile { path: path.to_owned(), problem: problem.to_owned() }
}

fn read_authority(path: &Path) -> Result<Vec<CertificateDer<'static>>, HaloError> {
    let bad = |problem: &str| bad_authority(path, problem);
    let metadata = std::fs::metadata(path).map_err(|error| bad(&format!("cannot be read ({})", error.kind())))?;
    if !metadata.is_file() {
        return Err(bad("is not a file"));
    }
    let mut pem = Vec::new();
    File::open(path)
        .and_then(|file| file.take(CA_FILE + 1).read_to_end(&mut pem))
        .map_err(|error| bad(&format!("cannot be read ({})", error.kind())))?;
    if pem.len() as u64 > CA_FILE {
        return Err(bad("is too large"));
    }
    authority::certificates(&pem).map_err(bad)
}

/// Tells from an error of the HTTP client what happened. Its own text is not used: it holds the whole address.
pub(super) fn lost(error: &reqwest::Error) -> Lost {
    if error.is_builder() {
        return Lost { cause: Cause::NotEncrypted, sent: false };
    }
    let words = words_of(error);
    let says = |word: &str| words.contains(word);
    // Said after the handshake, when the request is on its way; Halo has not read it.
    if says("certificaterequired") {
        return Lost { cause: Cause::Net(Unreached::ClientCertificate), sent: false };
    }
    if !error.is_connect() {
        let cause = if error.is_timeout() { Unreached::Silent } else { Unreached::Broken };
        return Lost { cause: Cause::Net(cause), sent: true };
    }
    // Until there is a tunnel, a name, a certificate or a refusal is the proxy's, and Halo was not asked.
    let cause = if says(NOT_LOOPBACK) {
        Cause::NotEncrypted
    } else if says("proxy authorization required") || says("proxy authentication required") {
        Cause::Proxy(ProxyFault::SignIn)
    } else if says("tunnel error") {
        Cause::Proxy(tunnel_fault(&words))
    } else if says("invalid peer certificate") {
        Cause::Tls(certificate_fault(&words))
    } else if error.is_dns() {
        Cause::Net(Unreached::NameNotFound)
    } else if says("proxy") {
        Cause::Proxy(ProxyFault::Declined(None))
    } else if error.is_timeout() {
        Cause::Net(Unreached::ConnectTimeout)
    } else if says("alert: protocolversion") || says("servertlsversion") || says("serverdoesnotsupporttls12or13") {
        Cause::Net(Unreached::OldTls)
    } else if says("alert: handshakefailure") || says("alert: insufficientsecurity") {
        Cause::Net(Unreached::NoCommonTls)
    } else if says("corrupt message") || says("fatal alert") || says("handshake") || says("peer is incompatible") {
        Cause::Net(Unreached::Handshake)
    } else {
        Cause::Net(Unreached::Connect)
    };
    Lost { cause, sent: false }
}

/// What came of the way to a proxy, or through it.
fn tunnel_fault(words: &str) -> ProxyFault {
    let says = |word: &str| words.contains(word);
    if says("unsuccessful") || says("unexpected end of file") || says("too long") {
        ProxyFault::Declined(None)
    } else if says("dns error") {
        ProxyFault::NameNotFound
    } else if says("certificate") || says("corrupt message") || says("fatal alert") || says("handshake") {
        ProxyFault::Certificate
    } else if says("timed out") || says("deadline") {
        ProxyFault::Silent
    } else {
        ProxyFault::Connect
    }
}

fn words_of(error: &reqwest::Error) -> String {
    let mut words = String::new();
    let mut source = error.source();
    while let Some(inner) = source {
        words.push_str(&inner.to_string().to_ascii_lowercase());
        words.push('\n');
        source = inner.source();
    }
    words
}

pub(super) fn certificate_fault(words: &str) -> TlsCause {
    let says = |word: &str| words.contains(word);
    if says("causedasendentity") || says("selfsigned") {
        TlsCause::SelfSigned
    } else if says("unknownissuer") || says("unknown issuer") {
        TlsCause::UnknownAuthority
    } else if says("expired") {
        TlsCause::Expired
    } else if says("not valid yet") || says("notvalidyet") {
        TlsCause::NotYetValid
    } else if says("not valid for name") || says("notvalidforname") {
        TlsCause::WrongName
    } else if says("revoked") {
        TlsCause::Revoked
    } else if says("smallkey") {
        TlsCause::SmallKey
    } else if says("unsupportedsignaturealgorithm") {
        TlsCause::OldSignature
    } else if says("invalidpurpose") || says("ekuerror") {
        TlsCause::NotForServers
    } else if says("badsignature") {
        TlsCause::BadSignature
    } else if says("badencoding") || says("unhandledcriticalextension") {
        TlsCause::Unreadable
    } else {
        TlsCause::Other
    }
}
