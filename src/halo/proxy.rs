//! The way through the proxy that the environment names.

use axum::http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, NoProxy};

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
