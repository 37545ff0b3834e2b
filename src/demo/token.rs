//! The login: AuthInfo, the token endpoint with OpenIddict's errors, and what a bearer may do.

use super::application::Token;
use super::faults::Fault;
use super::reply::{Answer, Reply, Row, wire};
use super::state::State;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// The scopes that Halo knows.
const READ_EDIT: &[&str] = &[
    "tickets",
    "calendar",
    "customers",
    "crm",
    "contracts",
    "suppliers",
    "items",
    "projects",
    "sales",
    "quotes",
    "sos",
    "pos",
    "invoices",
    "reporting",
    "software",
    "softwarelicensing",
    "kb",
    "assets",
    "timesheets",
];
const OTHER_SCOPES: &[&str] = &[
    "all",
    "all:standard",
    "admin",
    "editMine:timesheets",
    "access:chat",
    "access:adpasswordreset",
    "all:teams",
    "read:teams",
    "read:agents",
    "delete:tickets",
    "openid",
    "offline_access",
    "profile",
    "email",
    "roles",
];

fn is_scope(name: &str) -> bool {
    OTHER_SCOPES.contains(&name)
        || name
            .strip_prefix("read:")
            .or_else(|| name.strip_prefix("edit:"))
            .is_some_and(|area| READ_EDIT.contains(&area))
}

/// `GET /api/AuthInfo`, open to anyone.
pub(super) fn auth_info(state: &State) -> Reply {
    if state.has(Fault::NoAuthinfo) {
        return Reply::empty(404);
    }
    Reply::json(200, &json!({ "auth_url": auth_url(state), "tenant_id": state.tenant }))
}

fn auth_url(state: &State) -> String {
    if state.has(Fault::ForeignAuthHost) {
        state.behaviour.foreign_auth_url.clone()
    } else if state.has(Fault::AuthAtRoot) {
        format!("{}/", state.base)
    } else {
        format!("{}/auth/", state.base)
    }
}

/// `GET {auth}/.well-known/openid-configuration`, open to anyone: the other way to the token endpoint.
pub(super) fn metadata(state: &State) -> Reply {
    let issuer = auth_url(state);
    Reply::json(
        200,
        &json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}authorize"),
            "token_endpoint": format!("{issuer}token"), "jwks_uri": format!("{issuer}.well-known/jwks"),
            "grant_types_supported": ["authorization_code", "client_credentials", "password", "refresh_token"],
            "response_types_supported": ["code", "token", "id_token"], "scopes_supported": ["openid", "offline_access", "all"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"]
        }),
    )
}

/// What the token endpoint looks at.
pub(super) struct TokenRequest<'a> {
    pub(super) method: &'a str,
    pub(super) content_type: Option<&'a str>,
    pub(super) authorization: Option<&'a str>,
    pub(super) tenant: Option<&'a str>,
    pub(super) body: &'a [u8],
}

fn refuse(status: u16, error: &str, description: &str, id: &str) -> Reply {
    let uri = format!("https://documentation.openiddict.com/errors/{id}");
    Reply::json(status, &json!({ "error": error, "error_description": description, "error_uri": uri }))
}

fn invalid_client() -> Reply {
    refuse(401, "invalid_client", "The specified client credentials are invalid.", "ID2055")
}

/// A form with its secrets masked, for the log.
pub(super) fn masked_form(body: &[u8]) -> Value {
    let mut row = Row::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        let secret = !matches!(name.as_ref(), "grant_type" | "client_id" | "scope" | "tenant");
        row.insert(name.into_owned(), if secret { json!("***") } else { json!(value) });
    }
    Value::Object(row)
}

/// The id and the secret of HTTP Basic client authentication, each form-encoded before it is joined.
fn basic(authorization: Option<&str>) -> Option<(String, String)> {
    let (scheme, value) = authorization?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    let decode = |text: &str| {
        let query = format!("x={}", text.replace('&', "%26"));
        url::form_urlencoded::parse(query.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((decode(id)?, decode(secret)?))
}

/// `POST {auth}/token`.
pub(super) fn token(state: &mut State, request: &TokenRequest<'_>) -> Answer {
    if request.method != "POST" {
        return Err(refuse(400, "invalid_request", "The specified HTTP method is not valid.", "ID2084"));
    }
    let media = request.content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media.is_empty() {
        return Err(refuse(400, "invalid_request", "The mandatory 'Content-Type' header is missing.", "ID2081"));
    }
    if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(refuse(400, "invalid_request", "The specified 'Content-Type' header is invalid.", "ID2082"));
    }
    let form: Vec<(String, String)> = url::form_urlencoded::parse(request.body).into_owned().collect();
    let field = |name: &str| {
        form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    };
    if let Some(tenant) = request.tenant.or_else(|| field("tenant"))
        && !tenant.eq_ignore_ascii_case(&state.tenant)
    {
        return Err(Reply::text(state.behaviour.wrong_tenant_status, "Tenant not found"));
    }
    match field("grant_type") {
        None => {
            return Err(refuse(400, "invalid_request", "The mandatory 'grant_type' parameter is missing.", "ID2029"));
        }
        Some("client_credentials") => {}
        Some(_) => {
            return Err(refuse(
                400,
                "unsupported_grant_type",
                "The specified 'grant_type' is not supported.",
                "ID2032",
            ));
        }
    }
    let given = match (basic(request.authorization), field("client_id"), field("client_secret")) {
        (Some(_), _, Some(_)) => {
            return Err(refuse(400, "invalid_request", "Multiple client credentials cannot be specified.", "ID2087"));
        }
        (Some(given), _, None) => given,
        (None, Some(id), Some(secret)) => (id.to_owned(), secret.to_owned()),
        (None, None, _) => {
            return Err(refuse(400, "invalid_request", "The mandatory 'client_id' parameter is missing.", "ID2029"));
        }
        (None, Some(_), None) => {
            let text = "The 'client_secret' or 'client_assertion' parameter must be specified when using the client credentials grant.";
            return Err(refuse(400, "invalid_request", text, "ID2057"));
        }
    };
    let application = state
        .applications
        .iter()
        .find(|known| known.client_id.eq_ignore_ascii_case(&given.0) && known.client_secret == given.1)
        .ok_or_else(invalid_client)?;
    if !application.active || state.has(Fault::WrongSecret) {
        return Err(invalid_client());
    }
    let permitted: BTreeSet<String> = if state.has(Fault::NarrowScope) || state.has(Fault::ShortenedScope) {
        ["read:customers", "read:tickets", "edit:tickets"].map(String::from).into()
    } else if state.has(Fault::StandardScope) {
        ["all:standard".to_owned()].into()
    } else {
        application.scopes.clone()
    };
    let invalid_scope = || refuse(400, "invalid_scope", "The specified 'scope' is invalid.", "ID2052");
    let scopes: BTreeSet<String> = match field("scope") {
        None if state.has(Fault::ScopeMustBeNamed) => return Err(invalid_scope()),
        None => permitted,
        Some(wanted) if state.has(Fault::ShortenedScope) && wanted == "all" => permitted,
        Some(wanted) => {
            let wanted: BTreeSet<String> = wanted.split_whitespace().map(str::to_owned).collect();
            if wanted.iter().any(|scope| !is_scope(scope) || !grants(&permitted, scope)) {
                return Err(invalid_scope());
            }
            wanted
        }
    };
    Ok(issue(state, scopes))
}

/// Whether an application's scopes contain a wanted one: `all` holds every one, `edit:` holds `read:`.
fn grants(permitted: &BTreeSet<String>, wanted: &str) -> bool {
    permitted.contains("all")
        || permitted.contains(wanted)
        || wanted.strip_prefix("read:").is_some_and(|area| permitted.contains(&format!("edit:{area}")))
}

fn issue(state: &mut State, scopes: BTreeSet<String>) -> Reply {
    let opaque = |prefix: &str, parts: usize| {
        let bytes: Vec<u8> = (0..parts).flat_map(|_| uuid::Uuid::new_v4().into_bytes()).collect();
        format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
    };
    let bearer = opaque("eyJhbGciOi", 12);
    let seconds = state.behaviour.token_seconds;
    let row = json!({
        "scope": scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" "), "token_type": "Bearer", "access_token": bearer,
        "expires_in": seconds, "refresh_token": opaque("CfDJ8", 6), "id_token": opaque("eyJhbGciOi", 8),
    });
    let now = state.clock.now();
    state.tokens.retain(|_, token| token.expires > now);
    state.tokens.insert(bearer, Token { expires: now + Duration::from_secs(seconds), scopes, requests: 0 });
    Reply::json(200, &row).with_header("cache-control", "no-store").with_header("pragma", "no-cache")
}

/// The scopes of the bearer in an `Authorization` header, or the 401 without a body.
pub(super) fn bearer(state: &mut State, authorization: Option<&str>) -> Result<BTreeSet<String>, Reply> {
    let dead = Reply::empty(if state.has(Fault::ExpiredTokenIs400) { 400 } else { 401 });
    let Some((scheme, value)) = authorization.and_then(|header| header.split_once(' ')) else {
        return Err(Reply::empty(401));
    };
    if !scheme.eq_ignore_ascii_case("bearer") || state.has(Fault::Endless401) {
        return Err(Reply::empty(401));
    }
    let now = state.clock.now();
    let mortal = state.has(Fault::TokenExpiryMidSync).then_some(state.behaviour.requests_per_token);
    let token = state.tokens.get_mut(value.trim()).filter(|token| token.expires > now);
    let Some(token) = token.filter(|token| mortal.is_none_or(|limit| token.requests < limit)) else { return Err(dead) };
    token.requests += 1;
    Ok(token.scopes.clone())
}

/// What an endpoint is about, for the scope gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Customers,
    Tickets,
    /// Look-ups that every login can read.
    Common,
    /// Webhooks, custom tabs and ticket type writes: no scope of their own is known.
    Configuration,
}

/// Whether these scopes open an endpoint.
pub(super) fn allows(scopes: &BTreeSet<String>, subject: Subject, write: bool) -> bool {
    let any = |names: &[&str]| names.iter().any(|name| scopes.contains(*name));
    if any(&["all", "admin"]) {
        return true;
    }
    match (subject, write) {
        (Subject::Customers, false) => any(&["all:standard", "read:customers", "edit:customers"]),
        (Subject::Customers, true) => any(&["all:standard", "edit:customers"]),
        (Subject::Tickets, false) => any(&["all:standard", "read:tickets", "edit:tickets"]),
        (Subject::Tickets, true) => any(&["all:standard", "edit:tickets"]),
        (Subject::Common, false) => true,
        (Subject::Common, true) | (Subject::Configuration, _) => false,
    }
}

/// `GET /api/InstanceInfo`.
pub(super) fn instance_info(state: &State) -> Reply {
    let mut row = state.instance.members.clone();
    row.insert("tenant_id".into(), state.tenant.as_str().into());
    for (member, path) in
        [("agent_url", ""), ("portal_url", "/portal"), ("auth_url", "/auth"), ("chat_service_url", "/api")]
    {
        row.insert(member.into(), format!("{}{path}", state.base).into());
    }
    for service in ["automation", "incoming", "outgoing", "report", "schedule"] {
        row.insert(format!("{service}_service_url"), format!("{}/api/$ENDPOINT", state.base).into());
    }
    Reply::json(200, &wire(&row))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Tester, read, tester, tester_of};
    use super::super::{Fault, Options};
    use super::*;

    type Form<'a> = &'a [(&'a str, &'a str)];

    fn form<'a>(tester: &'a Tester, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", tester.halo.client_id()),
            ("client_secret", tester.halo.client_secret()),
        ];
        form.extend(more);
        form
    }

    #[tokio::test]
    async fn auth_info_is_open_and_names_login_with_trailing_slash() {
        let tester = tester().await;
        let reply = tester.http.get(tester.url("/API/authInfo")).send().await.unwrap();
        assert_eq!(reply.headers()["content-type"], "application/json; charset=utf-8");
        let (status, body) = read(reply).await;
        assert_eq!(status, 200);
        assert_eq!(body, json!({ "auth_url": tester.url("/auth/"), "tenant_id": "demo" }));
        let (status, metadata) = tester.get("/auth/.well-known/openid-configuration").await;
        assert_eq!((status, &metadata["token_endpoint"]), (200, &json!(tester.url("/auth/token"))));
    }

    #[tokio::test]
    async fn token_comes_by_form_or_basic_with_or_without_tenant() {
        let tester = tester().await;
        let mut bearers = BTreeSet::new();
        for (query, more) in
            [("", None), ("?tenant=demo", None), ("?tenant=DEMO", None), ("", Some(("tenant", "demo")))]
        {
            let form = form(&tester, more.as_slice());
            let reply = tester.http.post(tester.url(&format!("/auth/token{query}"))).form(&form).send().await.unwrap();
            let (status, body) = read(reply).await;
            assert_eq!(status, 200, "{body}");
            assert_eq!((body["token_type"].as_str(), body["expires_in"].as_i64()), (Some("Bearer"), Some(3600)));
            assert_eq!(body["scope"], "all");
            bearers.insert(body["access_token"].as_str().unwrap().to_owned());
        }
        let basic = tester
            .http
            .post(tester.url("/Auth/Token"))
            .basic_auth(tester.halo.client_id(), Some(tester.halo.client_secret()))
            .form(&[("grant_type", "client_credentials")]);
        let (status, body) = read(basic.send().await.unwrap()).await;
        assert_eq!(status, 200, "{body}");
        bearers.insert(body["access_token"].as_str().unwrap().to_owned());
        assert_eq!(bearers.len(), 5, "every token is a new one");
        let wrong =
            tester.http.post(tester.url("/auth/token?tenant=other")).form(&form(&tester, &[])).send().await.unwrap();
        assert_eq!(wrong.status(), 400);
    }

    #[tokio::test]
    async fn token_endpoint_refuses_as_openiddict_does() {
        let tester = tester().await;
        let (id, secret) = (tester.halo.client_id(), tester.halo.client_secret());
        let good = ("grant_type", "client_credentials");
        let cases: [(Form<'_>, u16, &str); 7] = [
            (&[good, ("client_id", id), ("client_secret", "wrong")], 401, "invalid_client"),
            (&[good, ("client_id", "wrong"), ("client_secret", secret)], 401, "invalid_client"),
            (
                &[good, ("client_id", id), ("client_secret", secret), ("scope", "all read:actions")],
                400,
                "invalid_scope",
            ),
            (&[("client_id", id), ("client_secret", secret)], 400, "invalid_request"),
            (&[good, ("client_secret", secret)], 400, "invalid_request"),
            (&[good, ("client_id", id)], 400, "invalid_request"),
            (
                &[("grant_type", "password"), ("client_id", id), ("client_secret", secret)],
                400,
                "unsupported_grant_type",
            ),
        ];
        for (form, status, error) in cases {
            let (got, body) = read(tester.token(form).await).await;
            assert_eq!((got, body["error"].as_str()), (status, Some(error)), "{body}");
            assert!(body["error_uri"].as_str().unwrap().starts_with("https://documentation.openiddict.com/errors/ID2"));
            assert!(!body["error_description"].as_str().unwrap().is_empty());
        }
        let json = tester.http.post(tester.url("/auth/token")).json(&json!({ "grant_type": "client_credentials" }));
        let (status, body) = read(json.send().await.unwrap()).await;
        assert_eq!((status, body["error"].as_str()), (400, Some("invalid_request")), "{body}");
    }

    #[tokio::test]
    async fn application_gives_its_own_scopes_and_no_more() {
        let tester = tester().await;
        tester.halo.change(|state| state.applications[0].scopes = ["edit:customers".to_owned()].into());
        let refused = tester.token(&form(&tester, &[("scope", "all")])).await;
        assert_eq!(refused.status(), 400);
        let (_, body) = read(tester.token(&form(&tester, &[])).await).await;
        assert_eq!(body["scope"], "edit:customers");
        let bearer = body["access_token"].as_str().unwrap();
        let status = async |path: &str| {
            tester.http.get(tester.url(path)).bearer_auth(bearer).send().await.unwrap().status().as_u16()
        };
        assert_eq!(status("/api/Client").await, 200);
        assert_eq!(status("/api/Team").await, 200);
        assert_eq!(status("/api/Webhook").await, 403);
        assert_eq!(status("/api/Tickets").await, 403);
        // A token keeps the scopes with which it was issued.
        assert_eq!(tester.get("/api/Webhook").await.0, 200);
        tester.halo.change(|state| state.applications[0].active = false);
        assert_eq!(tester.token(&form(&tester, &[])).await.status(), 401);
    }

    #[tokio::test]
    async fn missing_expired_or_revoked_bearer_is_401_without_body() {
        let mut tester = tester().await;
        assert_eq!(tester.get("/api/Team").await.0, 200);
        let bare = tester.http.get(tester.url("/api/Team")).send().await.unwrap();
        assert_eq!(read(bare).await, (401, Value::Null));
        tester.halo.change(|state| state.clock.advance(Duration::from_secs(3601)));
        assert_eq!(tester.get("/api/Team").await, (401, Value::Null));
        tester.log_in().await;
        assert_eq!(tester.get("/api/Team").await.0, 200);
        tester.halo.expire_tokens();
        assert_eq!(tester.get("/api/Team").await, (401, Value::Null));
        // Another kind of login: 401 although the token is good.
        tester.log_in().await;
        assert_eq!(tester.get("/api/Client/me").await, (401, Value::Null));
    }

    #[tokio::test]
    async fn login_s_hazards() {
        let tester = tester().await;
        let login = async || tester.token(&form(&tester, &[])).await.status().as_u16();
        let auth_url = async || tester.get("/api/authinfo").await.1["auth_url"].as_str().map(str::to_owned);
        let on = |fault, on| tester.halo.set_fault(fault, on);

        on(Fault::WrongSecret, true);
        assert_eq!(login().await, 401);
        on(Fault::WrongSecret, false);
        on(Fault::NoAuthinfo, true);
        assert_eq!(tester.get("/api/authinfo").await, (404, Value::Null));
        on(Fault::NoAuthinfo, false);
        on(Fault::ForeignAuthHost, true);
        assert_eq!(auth_url().await.unwrap(), "https://login.elsewhere.example/auth/");
        on(Fault::ForeignAuthHost, false);
        on(Fault::AuthAtRoot, true);
        assert_eq!(auth_url().await.unwrap(), tester.url("/"));
        let at_root = tester.http.post(tester.url("/token")).form(&form(&tester, &[])).send().await.unwrap();
        assert_eq!(at_root.status(), 200);
        assert!(tester.token(&form(&tester, &[])).await.text().await.unwrap().starts_with("<!DOCTYPE html>"));
        on(Fault::AuthAtRoot, false);
        on(Fault::TokenRateLimit, true);
        assert_eq!(login().await, 429);
        on(Fault::TokenRateLimit, false);
        on(Fault::NarrowScope, true);
        assert_eq!(tester.token(&form(&tester, &[("scope", "all")])).await.status(), 400);
        assert_eq!(
            read(tester.token(&form(&tester, &[])).await).await.1["scope"],
            "edit:tickets read:customers read:tickets"
        );
    }

    #[tokio::test]
    async fn scopes_can_be_shortened_standard_or_wanted_by_name() {
        let tester = tester().await;
        let login = async |scope: &[(&str, &str)]| {
            let (status, body) = read(tester.token(&form(&tester, scope)).await).await;
            (status, body["scope"].as_str().unwrap_or_default().to_owned())
        };
        tester.halo.set_fault(Fault::ShortenedScope, true);
        assert_eq!(login(&[("scope", "all")]).await, (200, "edit:tickets read:customers read:tickets".to_owned()));
        assert_eq!(login(&[("scope", "admin")]).await.0, 400);
        tester.halo.set_fault(Fault::ShortenedScope, false);
        tester.halo.set_fault(Fault::StandardScope, true);
        assert_eq!(login(&[("scope", "all")]).await.0, 400);
        assert_eq!(login(&[]).await, (200, "all:standard".to_owned()));
        tester.halo.set_fault(Fault::ScopeMustBeNamed, true);
        assert_eq!(login(&[]).await.0, 400);
        assert_eq!(login(&[("scope", "all:standard")]).await.0, 200);
    }

    #[tokio::test]
    async fn tokens_die_in_middle_of_sync_or_are_never_good() {
        let mut tester = tester_of(Options { faults: [Fault::TokenExpiryMidSync].into(), ..Options::default() }).await;
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(tester.get("/api/Team").await.0);
        }
        assert_eq!(statuses, [200, 200, 200, 401]);
        tester.halo.set_fault(Fault::ExpiredTokenIs400, true);
        assert_eq!(tester.get("/api/Team").await, (400, Value::Null));
        tester.log_in().await;
        assert_eq!(tester.get("/api/Team").await.0, 200);
        tester.halo.set_fault(Fault::Endless401, true);
        tester.log_in().await;
        assert!(!tester.bearer.is_empty());
        assert_eq!(tester.get("/api/Team").await, (401, Value::Null));
    }

    #[tokio::test]
    async fn log_keeps_no_secret_of_login() {
        let tester = tester().await;
        tester.get("/api/Team?ShowAll=true").await;
        let state = tester.halo.look(|state| format!("{state:?} {:?}", state.applications));
        let log = format!("{:?} {:?} {state}", tester.halo.requests(), tester.halo);
        assert!(!log.contains(tester.halo.client_secret()) && !log.contains(&tester.bearer));
        let requests = tester.halo.requests();
        assert_eq!(requests[0].body.as_ref().unwrap()["client_secret"], "***");
        assert_eq!((requests[1].path.as_str(), requests[1].parameter("showall")), ("/api/team", Some("true")));
        assert!(requests[1].authorized && requests[1].status == 200 && !requests[1].is_write());
        assert!(tester.halo.writes().is_empty(), "a login is no write");
    }
}
