//! The way through the proxy that the environment names.

use axum::http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::{ClientBuilder, NoProxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use crate::domain::secret::Secret;

/// A proxy, and the variable that names it.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// The variable.
    pub variable: &'static str,
    /// Its address, which may hold a password.
    pub address: Secret,
    /// The hosts that are reached without it, as a list with commas.
    pub except: String,
}

impl Proxy {
    /// Whether the HTTP client goes through it to reach this address. It reads the addresses of proxies more strictly than others
    /// do: what it cannot read is no proxy to it.
    pub fn leads_to(&self, address: &str) -> bool {
        let matcher = Matcher::builder().https(self.address.expose()).no(self.except.as_str()).build();
        address.parse::<Uri>().is_ok_and(|address| matcher.intercept(&address).is_some())
    }

    /// Its host with its port, and nothing of who signs in there.
    pub(super) fn place(&self) -> String {
        let Some(way) = self.way() else { return String::new() };
        let (host, port) = (way.uri().host().unwrap_or_default(), way.uri().port_u16());
        port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Whether it is told who asks.
    pub(super) fn has_user(&self) -> bool {
        self.way().is_some_and(|way| way.basic_auth().is_some())
    }

    /// The status with which it refuses the way to an address: the HTTP client does not tell it. None where it does not refuse,
    /// or cannot be asked as simply as that.
    pub(super) async fn refusal(&self, address: &str) -> Option<u16> {
        let way = self.way().filter(|way| way.uri().scheme_str() == Some("http"))?;
        let address: Uri = address.parse().ok()?;
        let target = format!("{}:{}", address.host()?, address.port_u16().unwrap_or(443));
        let user =
            way.basic_auth().and_then(|user| user.to_str().ok()).map(|user| format!("Proxy-Authorization: {user}\r\n"));
        let user = Zeroizing::new(user.unwrap_or_default());
        let asked = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{}\r\n", *user));
        let host = way.uri().host()?.trim_start_matches('[').trim_end_matches(']');
        let mut stream = TcpStream::connect((host, way.uri().port_u16().unwrap_or(80))).await.ok()?;
        stream.write_all(asked.as_bytes()).await.ok()?;
        let mut answer = [0; "HTTP/1.1 200".len()];
        stream.read_exact(&mut answer).await.ok()?;
        let status = answer.strip_prefix(b"HTTP/1.")?.get(2..)?;
        std::str::from_utf8(status).ok()?.parse().ok().filter(|status| (300..600).contains(status))
    }

    fn way(&self) -> Option<Intercept> {
        let matcher = Matcher::builder().https(self.address.expose()).build();
        matcher.intercept(&Uri::from_static("https://halo.example"))
    }
}

/// Goes through the proxy. The HTTP client's own look at the environment would stop at a variable that is empty, and pass by the
/// one beside it.
pub fn through(builder: ClientBuilder, proxy: Option<&Proxy>) -> ClientBuilder {
    let Some(named) = proxy else { return builder };
    let address = named.address.expose();
    let whole = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    match reqwest::Proxy::https(whole) {
        Ok(proxy) => builder.proxy(proxy.no_proxy(NoProxy::from_string(&named.except))),
        Err(_) => builder,
    }
}

/// How a proxy made no way to the host behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyFault {
    /// Its name is not known.
    NameNotFound,
    /// Nobody listens there, or no way leads there.
    Connect,
    /// Nothing came of it in time.
    Silent,
    /// It could not prove who it is.
    Certificate,
    /// It wants to know who asks.
    SignIn,
    /// It does not know the user that it was told, or not with this password.
    WrongSignIn,
    /// It refused with this status, or failed; none where it did not say so.
    Declined(Option<u16>),
    /// It says that the way is open, and what comes through is no TLS.
    NoTunnel,
}

impl ProxyFault {
    pub(super) fn sentence(self, proxy: &str, variable: &str, host: &str) -> String {
        let named = format!("{proxy}, the proxy of {variable},");
        match self {
            Self::NameNotFound => format!("host not found: {proxy}, the proxy of {variable}"),
            Self::Connect => format!("cannot connect to {proxy}, the proxy of {variable}"),
            Self::Silent => format!("{named} does not answer in time"),
            Self::Certificate => format!("no TLS connection to {proxy}, the proxy of {variable}, comes about"),
            Self::SignIn => format!("{named} requires a sign-in before it connects to {host}"),
            Self::WrongSignIn => format!("{named} refuses the user and the password in {variable}"),
            Self::Declined(Some(status @ 500..)) => format!("{named} could not reach {host} ({status})"),
            Self::Declined(Some(status)) => format!("{named} does not let this machine connect to {host} ({status})"),
            Self::Declined(None) => format!("{named} does not connect to {host}"),
            Self::NoTunnel => format!("{named} answers, but no TLS connection to {host} comes through it"),
        }
    }

    pub(super) fn hint(self, variable: &str, host: &str) -> String {
        // Exceptions are hosts; a port is the proxy's own affair.
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let step = match self {
            Self::NameNotFound | Self::Connect => format!("Check the proxy's name and port in {variable}"),
            Self::Silent => {
                format!(
                    "Check {variable}: the proxy's name and port, and whether the proxy itself speaks http:// or https://"
                )
            }
            Self::Certificate => format!(
                "Check {variable}: whether the proxy speaks https:// at all, and whether this machine trusts its certificate"
            ),
            Self::SignIn => {
                format!("Put the user and the password for the proxy into {variable} (http://user:password@proxy:port)")
            }
            Self::WrongSignIn => {
                "Correct them there; in a user or a password, write @ as %40, : as %3A, / as %2F and % as %25"
                    .to_owned()
            }
            Self::Declined(Some(500..)) => "Whoever runs the proxy finds the reason in its log".to_owned(),
            Self::Declined(_) | Self::NoTunnel => {
                format!("Check {variable}, and ask whoever runs the proxy to let this machine through to {host}")
            }
        };
        format!("{step}; or name {host} in NO_PROXY, if it can be reached without the proxy")
    }
}
