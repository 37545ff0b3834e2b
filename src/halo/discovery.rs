//! Where the sign-in server is and which tenant to name.

use serde::Deserialize;

use super::HaloApi;
use super::error::{BadReply, HaloError};
use super::governor::Urgency;
use super::rights::Scopes;
use super::wire::{Text, read_object};
use crate::domain::address::{AuthUrl, HaloUrl, SignInPlace};
use crate::domain::redaction::host_without_secrets;
use crate::domain::untrusted::Untrusted;

/// No tenant has a longer name.
const LONGEST_TENANT: usize = 200;

/// Where to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The sign-in server.
    pub auth_url: AuthUrl,
    /// The tenant to name there, where there is one.
    pub tenant: Option<String>,
    /// Whether Halo itself said so; otherwise it is what the settings say, or what is usual.
    pub found: bool,
}

/// What a connection knows of its sign-in server.
#[derive(Default)]
pub(super) struct Kept {
    discovery: Option<Discovery>,
    /// Whether it is what an earlier connection found, and has not proved good in this one.
    is_remembered: bool,
}

#[derive(Default, Deserialize)]
struct AuthInfo {
    #[serde(default)]
    auth_url: Text,
    #[serde(default)]
    tenant_id: Text,
}

/// What the sign-in server says of itself, as OpenID has it.
#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    token_endpoint: Text,
}

impl HaloApi {
    /// Finds the sign-in server: what the settings say, else what Halo says of itself, else what OpenID's metadata at
    /// `/auth` on the same host say, else that place itself. Once found it is kept.
    ///
    /// # Errors
    /// [`HaloError::ForeignAuthHost`] if Halo names another host and the settings do not; those of the network. A Halo
    /// that does not know the question is no error.
    pub async fn discover(&self) -> Result<Discovery, HaloError> {
        let mut kept = self.unless_cancelled(self.shared.discovery.lock()).await?;
        if let Some(discovery) = &kept.discovery {
            return Ok(discovery.clone());
        }
        Ok(kept.discovery.insert(self.find_out().await?).clone())
    }

    /// Begins with what an earlier connection has found, which saves asking again. Where Halo does not give a token
    /// there, it is asked all the same.
    pub async fn begin_at(&self, place: SignInPlace) {
        let connection = &self.shared.connection;
        let is_allowed = match &connection.auth_url {
            Some(configured) => *configured == place.auth_url,
            None => place.auth_url.is_on_host_of(&connection.url),
        };
        let mut kept = self.shared.discovery.lock().await;
        if is_allowed && kept.discovery.is_none() {
            let discovery = Discovery { auth_url: place.auth_url, tenant: place.tenant, found: true };
            *kept = Kept { discovery: Some(discovery), is_remembered: true };
        }
    }

    /// Where this connection signs in, if it has found that out.
    pub async fn sign_in_place(&self) -> Option<SignInPlace> {
        let kept = self.shared.discovery.lock().await;
        kept.discovery.clone().map(|Discovery { auth_url, tenant, .. }| SignInPlace { auth_url, tenant })
    }

    /// A token came from there: for this connection the place holds. Where it stops to, whatever Halo names by then may be
    /// another tenant, of which nothing may be mixed into what was read before.
    pub(super) async fn confirm_place(&self) {
        self.shared.discovery.lock().await.is_remembered = false;
    }

    /// Another place than one that was only remembered, where Halo names another one by now.
    pub(super) async fn discover_anew(&self, tried: &Discovery) -> Result<Option<Discovery>, HaloError> {
        let mut kept = self.unless_cancelled(self.shared.discovery.lock()).await?;
        if !std::mem::take(&mut kept.is_remembered) {
            return Ok(None);
        }
        kept.discovery = None;
        let found = kept.discovery.insert(self.find_out().await?);
        let is_another = (&found.auth_url, &found.tenant) != (&tried.auth_url, &tried.tenant);
        Ok(is_another.then(|| found.clone()))
    }

    async fn find_out(&self) -> Result<Discovery, HaloError> {
        let connection = &self.shared.connection;
        match (&connection.auth_url, &connection.tenant) {
            (Some(auth_url), Some(tenant)) => {
                Ok(Discovery { auth_url: auth_url.clone(), tenant: Some(tenant.clone()), found: false })
            }
            _ => self.settle(self.ask_auth_info().await?),
        }
    }

    /// What Halo says of itself, if it can be understood.
    async fn ask_auth_info(&self) -> Result<Option<AuthInfo>, HaloError> {
        let call = self.get("report its sign-in server", "/api/AuthInfo", &[]);
        let answer = match self.deliver(&call, None, Urgency::Person).await {
            // The sign-in server is known: what is missing is at most the tenant.
            Err(HaloError::ServerError { .. } | HaloError::TooLarge { .. })
                if self.shared.connection.auth_url.is_some() =>
            {
                return Ok(None);
            }
            answer => answer?,
        };
        // A redirect to another host says that the address has moved; one on the same host, that the question is
        // unknown.
        if (300..400).contains(&answer.status) && call.redirect_host(&answer, &[]).is_some() {
            return Err(call.refusal(&answer, &[], &Scopes::unknown()));
        }
        let told = answer.is_success().then(|| read_object::<AuthInfo>(&answer.body).ok()).flatten();
        let is_named = told.as_ref().is_some_and(|info| info.auth_url.0.is_some());
        if is_named || self.shared.connection.auth_url.is_some() {
            return Ok(told);
        }
        let named = self.ask_metadata().await?;
        Ok(Some(AuthInfo { auth_url: Text(named), ..told.unwrap_or_default() }))
    }

    /// Where OpenID's metadata lead, for a Halo that keeps its own word back. They know of no tenant.
    async fn ask_metadata(&self) -> Result<Option<String>, HaloError> {
        let call = self.get("report its sign-in server", "/auth/.well-known/openid-configuration", &[]);
        let answer = match self.deliver(&call, None, Urgency::Person).await {
            Err(HaloError::ServerError { .. } | HaloError::TooLarge { .. }) => return Ok(None),
            answer => answer?,
        };
        let told =
            answer.is_success().then(|| read_object::<Metadata>(&answer.body).ok()).flatten().unwrap_or_default();
        let endpoint = told.token_endpoint.filled();
        Ok(endpoint.and_then(|endpoint| endpoint.trim_end_matches('/').strip_suffix("/token").map(ToOwned::to_owned)))
    }

    /// Weighs what the settings and Halo say. The settings win, and another host is only theirs to name.
    fn settle(&self, info: Option<AuthInfo>) -> Result<Discovery, HaloError> {
        let connection = &self.shared.connection;
        let info = info.unwrap_or_default();
        let named = info.auth_url.filled().and_then(|text| named(&text, &connection.url));
        let tenant = info.tenant_id.filled().map(|tenant| tenant.trim().to_owned()).filter(|tenant| is_plain(tenant));
        // Both are shown and kept. What says a secret back is no place of a Halo.
        let is_clean = |text: &str| self.without_secrets(text.to_owned()) == text;
        let named = named.filter(|place| !place.is_on_host_of(&connection.url) || is_clean(place.as_str()));
        let tenant = tenant.filter(|tenant| is_clean(tenant));
        let found = named.is_some();
        let auth_url = match (&connection.auth_url, named) {
            (Some(configured), _) => configured.clone(),
            (None, Some(named)) if named.is_on_host_of(&connection.url) => named,
            (None, Some(named)) => {
                let secrets = connection.secrets();
                let host = host_without_secrets(&named.host(), &secrets.iter().collect::<Vec<_>>());
                let host = Untrusted::new(host);
                return Err(HaloError::ForeignAuthHost { host, product: self.product() });
            }
            (None, None) => {
                let usual = AuthUrl::read(&connection.url.join("/auth"));
                let odd = HaloError::Unexpected { does: "report its sign-in server", what: BadReply::OtherShape };
                usual.map_err(|_| odd)?.address
            }
        };
        Ok(Discovery { auth_url, tenant: connection.tenant.clone().or(tenant), found })
    }
}

/// The sign-in server that Halo names. One behind a proxy often knows itself by http only; nothing goes there in the
/// clear, so the encrypted place of that name is meant.
fn named(text: &str, halo: &HaloUrl) -> Option<AuthUrl> {
    let encrypted = |rest: &str| AuthUrl::read(&format!("https://{}", rest.replacen(":80/", "/", 1))).ok();
    match text.trim().strip_prefix("http://") {
        Some(rest) if halo.is_encrypted() => encrypted(rest),
        _ => AuthUrl::read(text).ok(),
    }
    .map(|read| read.address)
}

/// Whether a tenant's name is one that can be shown and sent without a second thought.
fn is_plain(tenant: &str) -> bool {
    tenant.len() <= LONGEST_TENANT && Untrusted::new(tenant).display() == tenant
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_in_server_named_by_http_is_asked_encrypted() {
        let halo = HaloUrl::read("https://acme.halopsa.com").unwrap().address;
        let same = ["http://acme.halopsa.com/auth", "http://acme.halopsa.com:80/auth", "https://acme.halopsa.com/auth"];
        for text in same {
            let found = named(text, &halo).unwrap();
            assert_eq!(found.as_str(), "https://acme.halopsa.com/auth", "{text}");
            assert!(found.is_on_host_of(&halo), "{text}");
        }
        assert!(!named("http://auth.example/auth", &halo).unwrap().is_on_host_of(&halo));
        let here = HaloUrl::read("http://127.0.0.1:8080").unwrap().address;
        assert!(named("http://127.0.0.1:8080/auth", &here).unwrap().is_on_host_of(&here));
    }
}
