//! From a request to its reply: counting, the rate limit, and the hazards around the endpoints.

use super::faults::Fault;
use super::hazards::{self, retry_after};
use super::limit::{self, RateLimit};
use super::reply::{Delivery, Reply};
use super::request::Received;
use super::state::State;
use std::time::Duration;

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

/// The rate limit counts every request, the token and AuthInfo calls too.
fn admitted(state: &mut State) -> Result<(), Reply> {
    let limit = if state.has(Fault::RateLimit) { Some(RateLimit::SMALL) } else { state.behaviour.rate_limit };
    let Some(limit) = limit else { return Ok(()) };
    let now = state.clock.now();
    state.window.admit(limit, now).map_err(|wait| limit::refusal(limit, wait, &retry_after(state)))
}

#[cfg(test)]
mod tests {
    use super::super::Fault;
    use super::super::testing::{read, tester};
    use serde_json::{Value, json};

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
    async fn write_takes_json_arrays_only() {
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
    async fn what_is_forbidden_is_403_with_no_body_and_changes_nothing() {
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
