//! The hazards around a request: what strikes before it is looked at, and what becomes of its reply.

use super::endpoints::carried_out;
use super::faults::Fault;
use super::hostile;
use super::limit::{self, RateLimit, RetryAfter};
use super::reply::{Delivery, Reply, gateway_page, login_page};
use super::request::{Place, Received};
use super::state::{Client, Object, Scripted, ScriptedAnswer, State, TicketType};
use serde_json::Value;
use std::time::Duration;

/// The answer laid down beforehand for this request, if there is one.
pub(super) fn scripted(state: &mut State, request: &Received) -> Option<Reply> {
    let matching = |script: &&mut Scripted| {
        script.times > 0 && script.method == request.method && request.path.starts_with(&script.path)
    };
    let script = state.scripted.iter_mut().find(matching)?;
    if script.skip > 0 {
        script.skip -= 1;
        return None;
    }
    script.times -= 1;
    let (apply, answer) = (script.apply, script.answer.clone());
    if apply {
        let _ = carried_out(state, request);
    }
    Some(match answer {
        ScriptedAnswer::Reply { status, content_type, headers, body } => {
            Reply { status, content_type, headers, body, delivery: Delivery::Whole }
        }
        ScriptedAnswer::Reset => Reply::empty(500).delivered(Delivery::Reset),
        ScriptedAnswer::Silence => Reply::empty(500).delivered(Delivery::Silence),
    })
}

/// The hazards that strike before and after the request itself.
pub(super) fn hazarded(state: &mut State, request: &Received) -> Reply {
    let place = request.place(state);
    let reply = answered(state, request, place);
    hostile::spoil(state, place, reply)
}

fn answered(state: &mut State, request: &Received, place: Place) -> Reply {
    if let Some(reply) = struck_before(state, request, place) {
        return reply;
    }
    if place == Place::Api && request.is_read() && request.segments().len() == 3 && state.has(Fault::StaleReads) {
        return remembered(state, request);
    }
    let undo = (place == Place::Api && !request.is_read()).then(|| Stored::of(state, request)).flatten();
    let reply = carried_out(state, request);
    if place != Place::Api || !(200..300).contains(&reply.status) {
        return reply;
    }
    if let Some(stored) = undo {
        stored.restore(state);
    }
    if request.is_read() { read_spoilt(state, reply) } else { write_spoilt(state, reply) }
}

fn struck_before(state: &mut State, request: &Received, place: Place) -> Option<Reply> {
    if place == Place::Token && state.has(Fault::TokenRateLimit) {
        let limit = state.behaviour.rate_limit.unwrap_or(RateLimit::PUBLISHED);
        return Some(limit::refusal(limit, limit.window, &retry_after(state)));
    }
    if place != Place::Page
        && state.has(Fault::ServerErrors)
        && state.chance.chance(state.behaviour.server_error_percent)
    {
        let status = [500, 502, 503, 504].get(state.chance.below(4)).copied().unwrap_or(500);
        return Some(if status == 500 { Reply::empty(500) } else { gateway_page(status) });
    }
    if matches!(place, Place::Token | Place::Api) && state.has(Fault::RedirectElsewhere) {
        let target = format!("{}{}", state.behaviour.redirect_to, request.path);
        return Some(Reply::empty(307).with_header("location", target));
    }
    if place != Place::Api {
        return None;
    }
    if state.has(Fault::RedirectToLogin) {
        return Some(Reply::empty(302).with_header("location", format!("{}/login", state.base)));
    }
    if state.has(Fault::Silence) {
        return Some(Reply::empty(500).delivered(Delivery::Silence));
    }
    state.has(Fault::GatewayTimeout).then(|| gateway_page(504))
}

/// What a 429 says of waiting.
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

/// A read of one object, from the cache where that has it and no fresh answer is asked for.
fn remembered(state: &mut State, request: &Received) -> Reply {
    let now = state.clock.now();
    let is_fresh = |(name, _): &&(String, String)| name == "nocache";
    let asks =
        format!("{} {:?}", request.path, request.query.0.iter().filter(|pair| !is_fresh(pair)).collect::<Vec<_>>());
    let stale = state.remembered.get(&asks).filter(|(until, _)| *until > now).map(|(_, reply)| reply.clone());
    match stale.filter(|_| request.query.word("nocache") != Some(true)) {
        Some(reply) => reply,
        None => {
            let reply = carried_out(state, request);
            if reply.status == 200 {
                state.remembered.insert(asks, (now + Duration::from_secs(60), reply.clone()));
            }
            reply
        }
    }
}

fn read_spoilt(state: &State, reply: Reply) -> Reply {
    if state.has(Fault::HtmlWith200) {
        login_page()
    } else if state.has(Fault::NullBody) {
        Reply::json(200, &Value::Null)
    } else if state.has(Fault::EmptyBody) {
        Reply::empty(200)
    } else if state.has(Fault::TruncatedJson) {
        let half = reply.body.len() / 2;
        Reply { body: reply.body.get(..half).unwrap_or_default().to_vec(), ..reply }
    } else if state.has(Fault::CutOffBody) {
        reply.delivered(Delivery::CutOff)
    } else {
        reply
    }
}

fn write_spoilt(state: &State, reply: Reply) -> Reply {
    if state.has(Fault::ConnectionResetAfterWrite) {
        reply.delivered(Delivery::Reset)
    } else if state.has(Fault::AppliedBut500) {
        Reply::empty(500)
    } else {
        reply
    }
}

/// What a write can change, kept to undo a write that was only said to be stored.
struct Stored {
    clients: Vec<Client>,
    ticket_types: Vec<TicketType>,
    webhooks: Vec<Object>,
    notifications: Vec<Object>,
    tabs: Vec<Object>,
    tickets: Vec<Object>,
    actions: Vec<Object>,
}

impl Stored {
    /// A copy, if this write is to be undone.
    fn of(state: &mut State, request: &Received) -> Option<Self> {
        let first_try = request.method == "DELETE"
            && state.has(Fault::DeleteNeedsTwoTries)
            && state.tried_deletes.insert(request.path.clone());
        (first_try || state.has(Fault::AcceptedButNotStored)).then(|| Self {
            clients: state.clients.clone(),
            ticket_types: state.ticket_types.clone(),
            webhooks: state.webhooks.clone(),
            notifications: state.notifications.clone(),
            tabs: state.tabs.clone(),
            tickets: state.tickets.clone(),
            actions: state.actions.clone(),
        })
    }

    fn restore(self, state: &mut State) {
        state.clients = self.clients;
        state.ticket_types = self.ticket_types;
        state.webhooks = self.webhooks;
        state.notifications = self.notifications;
        state.tabs = self.tabs;
        state.tickets = self.tickets;
        state.actions = self.actions;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::tester;
    use super::*;
    use serde_json::json;

    fn tab() -> Value {
        json!([{ "name": "Pia Chat Pod", "tableid": 1, "type": 1, "url": "https://pia.example/pod" }])
    }

    #[tokio::test]
    async fn reads_can_come_back_as_anything() {
        let tester = tester().await;
        let text = async |fault| {
            tester.halo.set_fault(fault, true);
            let reply = tester.request("GET", "/api/Team").send().await.unwrap();
            let kept = (reply.status().as_u16(), reply.headers().get("location").cloned());
            let text = reply.text().await;
            tester.halo.set_fault(fault, false);
            (kept.0, kept.1, text)
        };
        let (status, _, page) = text(Fault::HtmlWith200).await;
        assert!(status == 200 && page.unwrap().starts_with("<!DOCTYPE html>"));
        assert_eq!(text(Fault::NullBody).await.2.unwrap(), "null");
        assert_eq!(text(Fault::EmptyBody).await.2.unwrap(), "");
        let cut = text(Fault::TruncatedJson).await.2.unwrap();
        assert!(!cut.is_empty() && serde_json::from_str::<Value>(&cut).is_err());
        assert!(text(Fault::CutOffBody).await.2.is_err());
        let (status, location, _) = text(Fault::RedirectToLogin).await;
        assert_eq!((status, location.unwrap().to_str().unwrap()), (302, tester.url("/login").as_str()));
        let (status, location, _) = text(Fault::RedirectElsewhere).await;
        assert_eq!((status, location.unwrap().to_str().unwrap()), (307, "https://elsewhere.example/api/team"));
        tester.halo.change(|state| {
            state.behaviour.drip_pause = Duration::ZERO;
            state.behaviour.slow_by = Duration::ZERO;
        });
        let dripped = text(Fault::SlowDrip).await.2.unwrap();
        assert!(serde_json::from_str::<Value>(&dripped).unwrap().is_array());
        let (status, _, page) = text(Fault::GatewayTimeout).await;
        assert!(status == 504 && page.unwrap().starts_with("<html>"));
    }

    #[tokio::test]
    async fn server_errors_strike_some_replies_and_same_ones_for_seed() {
        let mut seen = Vec::new();
        for _ in 0..2 {
            let tester = tester().await;
            tester.halo.set_fault(Fault::ServerErrors, true);
            let mut statuses = Vec::new();
            for _ in 0..30 {
                statuses.push(tester.get("/api/Status").await.0);
            }
            assert!(statuses.contains(&200) && statuses.contains(&500) && statuses.iter().any(|status| *status > 500));
            seen.push(statuses);
        }
        assert_eq!(seen[0], seen[1]);
    }

    #[tokio::test]
    async fn write_can_be_done_and_look_undone_or_look_done_and_be_undone() {
        let tester = tester().await;
        let tabs = || tester.halo.look(|state| state.tabs.len());
        tester.halo.set_fault(Fault::ConnectionResetAfterWrite, true);
        assert!(tester.request("POST", "/api/Tabs").json(&tab()).send().await.is_err());
        assert_eq!(tabs(), 3);
        assert_eq!(tester.halo.writes().last().unwrap().status, 0);
        tester.halo.set_fault(Fault::ConnectionResetAfterWrite, false);
        tester.halo.set_fault(Fault::AppliedBut500, true);
        assert_eq!(tester.post("/api/Tabs", &tab()).await, (500, Value::Null));
        assert_eq!(tabs(), 4);
        tester.halo.set_fault(Fault::AppliedBut500, false);
        tester.halo.set_fault(Fault::AcceptedButNotStored, true);
        let (status, made) = tester.post("/api/Tabs", &tab()).await;
        assert_eq!((status, &made["name"], tabs()), (201, &json!("Pia Chat Pod"), 4));
        tester.halo.set_fault(Fault::AcceptedButNotStored, false);
        tester.halo.set_fault(Fault::DeleteNeedsTwoTries, true);
        assert_eq!((tester.delete("/api/Tabs/16").await.0, tabs()), (200, 4));
        assert_eq!((tester.delete("/api/Tabs/16").await.0, tabs()), (200, 3));
    }

    #[tokio::test]
    async fn answers_can_be_laid_down_and_changes_made_at_exact_request() {
        let tester = tester().await;
        tester.halo.change(|state| {
            state.scripted.push(Scripted {
                method: "POST",
                path: "/api/tabs".into(),
                skip: 1,
                times: 1,
                apply: true,
                answer: ScriptedAnswer::Reply {
                    status: 418,
                    content_type: "text/plain",
                    headers: vec![],
                    body: b"teapot".to_vec(),
                },
            });
            let reset = ScriptedAnswer::Reset;
            state.scripted.push(Scripted {
                method: "GET",
                path: "/api/team".into(),
                skip: 0,
                times: 1,
                apply: false,
                answer: reset,
            });
            let mut count = 0;
            state.on_request = Some(Box::new(move |state, request| {
                count += usize::from(request.path == "/api/status");
                if count == 2 {
                    state.statuses.clear();
                }
            }));
        });
        assert_eq!(tester.post("/api/Tabs", &tab()).await.0, 201);
        assert_eq!(tester.post("/api/Tabs", &tab()).await, (418, json!("teapot")));
        assert_eq!(tester.post("/api/Tabs", &tab()).await.0, 201);
        assert_eq!(tester.halo.look(|state| state.tabs.len()), 5);
        assert!(tester.request("GET", "/api/Team").send().await.is_err());
        assert_eq!(tester.get("/api/Team").await.0, 200);
        assert_eq!(tester.get("/api/Status").await.1.as_array().unwrap().len(), 11);
        assert_eq!(tester.get("/api/Status").await.1, json!([]));
    }

    #[tokio::test]
    async fn cached_object_is_stale_for_minute_unless_nocache_is_sent() {
        let tester = tester().await;
        tester.halo.set_fault(Fault::StaleReads, true);
        tester.halo.change(|state| state.clock.stop());
        let name = async |query: &str| tester.get(&format!("/api/Tabs/14{query}")).await.1["name"].clone();
        assert_eq!(name("").await, "Asset Map");
        tester.halo.change(|state| state.tabs[0].set("name", "Other"));
        assert_eq!((name("").await, name("?nocache=true").await), (json!("Asset Map"), json!("Other")));
        tester.halo.change(|state| state.tabs[0].set("name", "Third"));
        assert_eq!(name("").await, "Other", "a fresh answer is kept too");
        tester.halo.change(|state| state.clock.advance(Duration::from_secs(60)));
        assert_eq!(name("").await, "Third");
    }
}
