//! From a request to its reply: counting, the gates of login and rights, and the table of endpoints.

use super::body::Body;
use super::faults::Fault;
use super::limit::{self, RateLimit, RetryAfter};
use super::log::RecordedRequest;
use super::query::Query;
use super::reply::{Answer, Delivery, Reply, invalid_value, login_page};
use super::state::State;
use super::token::{self, Subject, TokenRequest, allows};
use super::{clients, deliveries, hazards, lists, notifications, tabs, ticket_types, tickets, webhooks};
use serde_json::Value;
use std::time::Duration;

/// A request as it came over the socket.
#[derive(Debug, Clone, Default)]
pub(super) struct Received {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Query,
    pub(super) content_type: Option<String>,
    pub(super) authorization: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    AuthInfo,
    Token,
    Api,
    /// The web interface, which shows its login page.
    Page,
}

impl Received {
    fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|segment| !segment.is_empty()).collect()
    }

    pub(super) fn place(&self, state: &State) -> Place {
        match self.segments()[..] {
            ["api", "authinfo"] => Place::AuthInfo,
            ["api", ..] => Place::Api,
            ["auth", "token"] if !state.has(Fault::AuthAtRoot) => Place::Token,
            ["token"] if state.has(Fault::AuthAtRoot) => Place::Token,
            _ => Place::Page,
        }
    }

    pub(super) fn is_read(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }

    /// What the log keeps; secrets of the login are masked.
    fn recorded(&self, state: &State) -> RecordedRequest {
        let login = self.place(state) == Place::Token || self.path.ends_with("/token");
        let body = if self.body.is_empty() {
            None
        } else if login {
            Some(token::masked_form(&self.body))
        } else {
            let text = || Value::from(String::from_utf8_lossy(&self.body).into_owned());
            Some(serde_json::from_slice(&self.body).unwrap_or_else(|_| text()))
        };
        RecordedRequest {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.0.clone(),
            body,
            user_agent: self.user_agent.clone(),
            authorized: self.authorization.is_some(),
            status: 0,
            at: state.clock.now(),
        }
    }
}

/// Answers a request and writes it into the log. The second value is how long the reply is to take.
pub(super) fn answer(state: &mut State, request: &Received) -> (Reply, Duration) {
    let mut record = request.recorded(state);
    if let Some(mut hook) = state.on_request.take() {
        hook(state, &record);
        state.on_request.get_or_insert(hook);
    }
    let reply = match admitted(state) {
        Ok(()) => hazards::scripted(state, request).unwrap_or_else(|| hazards::hazarded(state, request)),
        Err(refusal) => refusal,
    };
    let reply = if reply.delivery == Delivery::Whole && state.has(Fault::SlowDrip) {
        reply.delivered(Delivery::Drip)
    } else {
        reply
    };
    record.status = if matches!(reply.delivery, Delivery::Reset | Delivery::Silence) { 0 } else { reply.status };
    state.requests.push(record);
    let slow = state.has(Fault::Slow) || (state.has(Fault::GatewayTimeout) && reply.status == 504);
    let delay = state.behaviour.latency + if slow { state.behaviour.slow_by } else { Duration::ZERO };
    (reply, delay)
}

pub(super) fn retry_after(state: &State) -> RetryAfter {
    let by_fault = [
        (Fault::RetryAfter, RetryAfter::Seconds),
        (Fault::RetryAfterDate, RetryAfter::Date),
        (Fault::RetryAfterHuge, RetryAfter::Text("1000000000".into())),
        (Fault::RetryAfterOdd, RetryAfter::Text("soon".into())),
    ];
    let chosen = by_fault.into_iter().find(|(fault, _)| state.has(*fault)).map(|(_, what)| what);
    chosen.unwrap_or_else(|| state.behaviour.retry_after.clone())
}

/// The rate limit counts every request, the token and AuthInfo calls too (api facts, section 3).
fn admitted(state: &mut State) -> Result<(), Reply> {
    let limit = if state.has(Fault::RateLimit) { Some(RateLimit::SMALL) } else { state.behaviour.rate_limit };
    let Some(limit) = limit else { return Ok(()) };
    let now = state.clock.now();
    state.window.admit(limit, now).map_err(|wait| limit::refusal(limit, wait, &retry_after(state)))
}

/// Does what the request asks for, without any hazard around it.
pub(super) fn carried_out(state: &mut State, request: &Received) -> Reply {
    let answer = match request.place(state) {
        Place::Page => Ok(login_page()),
        Place::AuthInfo if request.method == "GET" => Ok(token::auth_info(state)),
        Place::AuthInfo => Err(Reply::empty(405)),
        Place::Token => {
            let details = TokenRequest {
                method: &request.method,
                content_type: request.content_type.as_deref(),
                authorization: request.authorization.as_deref(),
                tenant: request.query.text("tenant"),
                body: &request.body,
            };
            token::token(state, &details)
        }
        Place::Api => api(state, request),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

/// The subject of an endpoint, for reading and for writing, and the hazard that forbids it.
fn gate(resource: &str) -> Option<(Subject, Subject, Option<Fault>)> {
    use Subject::{Common, Configuration, Customers, Tickets};
    Some(match resource {
        "client" => (Customers, Customers, Some(Fault::ForbiddenClients)),
        "site" | "users" => (Customers, Customers, None),
        "agent" => (Common, Configuration, Some(Fault::ForbiddenAgents)),
        "team" => (Common, Configuration, Some(Fault::ForbiddenTeams)),
        "tickettype" => (Common, Configuration, Some(Fault::ForbiddenTicketTypes)),
        "status" | "lookup" | "instanceinfo" => (Common, Configuration, None),
        // Actions go with tickets (api facts, section 2).
        "tickets" | "actions" => (Tickets, Tickets, Some(Fault::ForbiddenTickets)),
        "webhook" | "notification" | "webhookevent" => (Configuration, Configuration, Some(Fault::ForbiddenWebhooks)),
        "tabs" => (Configuration, Configuration, Some(Fault::ForbiddenTabs)),
        _ => return None,
    })
}

/// The hazard that forbids writing to an endpoint that can be read.
fn closed_to_writes(state: &State, resource: &str) -> Option<Fault> {
    let of_resource = match resource {
        "webhook" | "notification" => Some(Fault::ForbiddenWebhookWrites),
        "tabs" => Some(Fault::ForbiddenTabWrites),
        "tickettype" => Some(Fault::ForbiddenTicketTypeWrites),
        "tickets" | "actions" => Some(Fault::ForbiddenTicketWrites),
        _ => None,
    };
    [Some(Fault::ForbiddenWrites), of_resource].into_iter().flatten().find(|fault| state.has(*fault))
}

fn api(state: &mut State, request: &Received) -> Answer {
    let segments = request.segments();
    // A wrong route is 404 with no body, with or without a token (api facts, section 8).
    let (Some(&resource), true) = (segments.get(1), segments.len() <= 3) else { return Err(Reply::empty(404)) };
    let (reading, writing, forbidding) = gate(resource).ok_or_else(|| Reply::empty(404))?;
    let scopes = token::bearer(state, request.authorization.as_deref())?;
    let write = !request.is_read();
    let forbidden =
        forbidding.is_some_and(|fault| state.has(fault)) || (write && closed_to_writes(state, resource).is_some());
    if forbidden || !allows(&scopes, if write { writing } else { reading }, write) {
        return Err(Reply::empty(403));
    }
    let body = Body { content_type: request.content_type.as_deref(), bytes: &request.body };
    let query = &request.query;
    let id = segments.get(2).copied();
    match (request.method.as_str(), resource, id) {
        ("GET", "client", None) => clients::list(state, query),
        // An endpoint of another kind of login: 401 although the token is good (api facts, section 2).
        ("GET", "client", Some("me")) => Err(Reply::empty(401)),
        ("GET", "client", Some(id)) => clients::get(state, int(id)?, query),
        ("POST", "client", None) => clients::post(state, body),
        ("DELETE", "client", Some(id)) => clients::delete(state, int(id)?),
        ("GET", "agent", None) => lists::agents(state, query),
        ("GET", "agent", Some("me")) => lists::me(state),
        ("GET", "agent", Some(id)) => lists::agent(state, int(id)?),
        ("GET", "team", None) => lists::teams(state, query),
        ("GET", "team", Some(id)) => lists::team(state, int(id)?),
        ("GET", "status", None) => Ok(lists::statuses(state)),
        ("GET", "users", None) => lists::enveloped(state, query, "users"),
        ("GET", "site", None) => lists::enveloped(state, query, "sites"),
        ("GET", "tickets", None) => tickets::list(state, query),
        ("GET", "tickets", Some(id)) => tickets::get(state, int(id)?, query),
        ("POST", "tickets", None) => tickets::post(state, body),
        ("GET", "actions", None) => tickets::actions(state, query),
        ("GET", "actions", Some(id)) => tickets::action(state, int(id)?, query),
        ("POST", "actions", None) => tickets::post_action(state, body),
        ("GET", "lookup", None) => lists::lookup(state, query),
        ("GET", "instanceinfo", None) => Ok(token::instance_info(state)),
        ("GET", "tickettype", None) => ticket_types::list(state, query),
        ("GET", "tickettype", Some(id)) => ticket_types::get(state, int(id)?, query),
        ("POST", "tickettype", None) => ticket_types::post(state, body),
        ("GET", "webhook", None) => webhooks::list(state, query),
        ("GET", "webhook", Some(id)) => webhooks::get(state, guid(id)?, query),
        ("POST", "webhook", None) => webhooks::post(state, body),
        ("DELETE", "webhook", Some(id)) => webhooks::delete(state, guid(id)?),
        ("GET", "webhookevent", None) => deliveries::list(state, query),
        ("GET", "webhookevent", Some(id)) => deliveries::get(state, guid(id)?),
        ("GET", "notification", None) => notifications::list(state, query),
        ("GET", "notification", Some(id)) => notifications::get(state, int(id)?),
        ("POST", "notification", None) => notifications::post(state, body),
        ("DELETE", "notification", Some(id)) => notifications::delete(state, int(id)?),
        ("GET", "tabs", None) => tabs::list(state, query),
        ("GET", "tabs", Some(id)) => tabs::get(state, int(id)?, query),
        ("POST", "tabs", None) => tabs::post(state, body),
        ("DELETE", "tabs", Some(id)) => tabs::delete(state, int(id)?),
        // There is no PUT and no PATCH (api facts, section 8).
        _ => Err(Reply::empty(405)),
    }
}

/// An id in a path, or the 400 for one of the wrong type (api facts, section 8).
fn int(text: &str) -> Result<i64, Reply> {
    text.parse::<i32>().map(i64::from).map_err(|_| invalid_value("id", text))
}

fn guid(text: &str) -> Result<&str, Reply> {
    uuid::Uuid::parse_str(text).map(|_| text).map_err(|_| invalid_value("id", text))
}

#[cfg(test)]
mod tests {
    use super::super::Fault;
    use super::super::testing::{read, tester};
    use super::*;
    use serde_json::json;

    fn tab() -> Value {
        json!([{ "name": "Pia Chat Pod", "tableid": 1, "type": 1, "url": "https://pia.example/pod" }])
    }

    #[tokio::test]
    async fn paths_have_no_case_and_wrong_ones_no_body() {
        let tester = tester().await;
        for path in ["/api/client", "/API/CLIENT", "/Api/Client/"] {
            assert_eq!(tester.get(path).await.0, 200, "{path}");
        }
        for path in ["/api", "/api/Clients", "/api/Client/1/2", "/api/swagger"] {
            assert_eq!(tester.get(path).await, (404, Value::Null), "{path}");
        }
        let open = tester.http.get(tester.url("/api/nothing")).send().await.unwrap();
        assert_eq!(open.status(), 404);
        let (status, page) = tester.get("/tickets").await;
        assert_eq!(status, 200);
        assert!(page.as_str().unwrap().contains("<html>"));
        for method in ["PUT", "PATCH", "HEAD"] {
            let reply = tester.request(method, "/api/Tabs").json(&tab()).send().await.unwrap();
            assert_eq!(read(reply).await, (405, Value::Null), "{method}");
        }
    }

    #[tokio::test]
    async fn a_write_takes_json_arrays_only() {
        let tester = tester().await;
        let (status, body) = tester.post("/api/Tabs", &tab()[0]).await;
        assert_eq!(status, 400);
        assert!(body[""][0].as_str().unwrap().contains("requires a JSON array"), "{body}");
        for (media, status) in [
            ("text/plain", 415),
            ("application/x-www-form-urlencoded", 415),
            ("application/json; charset=utf-8", 201),
            ("text/json", 201),
            ("application/vnd.halo+json", 201),
        ] {
            let reply = tester.request("POST", "/api/Tabs").header("content-type", media).body(tab().to_string());
            assert_eq!(reply.send().await.unwrap().status(), status, "{media}");
        }
        let bare = tester.request("POST", "/api/Tabs").body(tab().to_string()).send().await.unwrap();
        assert_eq!(read(bare).await, (415, Value::Null));
        for body in ["", "[", "[]", "null", "[1]", "\u{feff}[]"] {
            let reply = tester.request("POST", "/api/Tabs").header("content-type", "application/json").body(body);
            assert_eq!(reply.send().await.unwrap().status(), 400, "{body:?}");
        }
        assert_eq!(tester.halo.look(|state| state.tabs.len()), 5);
    }

    #[tokio::test]
    async fn what_is_forbidden_is_a_403_with_no_body_and_changes_nothing() {
        let tester = tester().await;
        let before = tester.halo.snapshot();
        for (fault, paths) in [
            (Fault::ForbiddenClients, &["/api/Client"][..]),
            (Fault::ForbiddenAgents, &["/api/Agent"]),
            (Fault::ForbiddenTeams, &["/api/Team"]),
            (Fault::ForbiddenTicketTypes, &["/api/TicketType"]),
            (Fault::ForbiddenWebhooks, &["/api/Webhook", "/api/Notification", "/api/WebhookEvent"]),
            (Fault::ForbiddenTabs, &["/api/Tabs"]),
        ] {
            tester.halo.set_fault(fault, true);
            for path in paths {
                assert_eq!(tester.get(path).await, (403, Value::Null), "{fault}");
                assert_eq!(tester.post(path, &json!([{}])).await, (403, Value::Null), "{fault}");
            }
            tester.halo.set_fault(fault, false);
            assert_eq!(tester.get(paths[0]).await.0, 200);
        }
        tester.halo.set_fault(Fault::ForbiddenWrites, true);
        assert_eq!(tester.get("/api/Tabs").await.0, 200);
        assert_eq!(tester.post("/api/Tabs", &tab()).await, (403, Value::Null));
        assert_eq!(tester.halo.snapshot(), before);
    }

    #[tokio::test]
    async fn writing_can_be_forbidden_for_one_thing_alone() {
        let tester = tester().await;
        let webhook = json!([{ "name": "W", "type": 0, "url": "https://pia.example/x" }]);
        let kind = |id| json!([{ "id": id, "allowed_iframe_customtabs": [] }]);
        let before = tester.halo.snapshot();
        for (fault, path, body, other) in [
            (Fault::ForbiddenWebhookWrites, "/api/Webhook", webhook.clone(), "/api/Tabs"),
            (Fault::ForbiddenTabWrites, "/api/Tabs", tab(), "/api/Webhook"),
            (Fault::ForbiddenTicketTypeWrites, "/api/TicketType", kind(2), "/api/Tabs"),
            (Fault::ForbiddenOneTicketType, "/api/TicketType", kind(1), "/api/Tabs"),
        ] {
            tester.halo.set_fault(fault, true);
            assert_eq!(tester.get(path).await.0, 200, "{fault}");
            assert_eq!(tester.post(path, &body).await, (403, Value::Null), "{fault}");
            assert_ne!(tester.post(other, &json!([1])).await.0, 403, "{fault}");
            assert_eq!(tester.halo.snapshot(), before, "{fault}");
            tester.halo.set_fault(fault, false);
        }
        tester.halo.set_fault(Fault::ForbiddenOneTicketType, true);
        assert_eq!(tester.post("/api/TicketType", &kind(2)).await.0, 201);
        tester.halo.set_fault(Fault::ForbiddenOneTicketType, false);
        assert_eq!(tester.post("/api/TicketType", &kind(1)).await.0, 201);
    }
}
