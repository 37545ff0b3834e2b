//! Delivery and the control address: what is posted where, what the log says of it, and what is never called.

use super::testing::{Inbox, Tester, read, tester};
use super::{BodyForm, Fault, Object};
use serde_json::{Value, json};
use std::time::Duration;

const NAMES: [(i64, &str); 5] = [
    (3, "new ticket logged"),
    (19, "ticket updated by user"),
    (39, "ticket closed"),
    (76, "ticket status changed"),
    (1072, "ticket deleted"),
];

async fn control(tester: &Tester, method: &str, path: &str, body: &str) -> (u16, Value) {
    let request = tester.http.request(method.parse().unwrap(), tester.url(&format!("/control/tickets{path}")));
    read(request.body(body.to_owned()).send().await.unwrap()).await
}

/// A webhook that is on, with Basic authentication, bound to these events.
async fn webhook(tester: &Tester, name: &str, url: &str, events: &[i64]) -> String {
    let body = json!([{
        "name": name, "type": 0, "url": url, "method": 0, "content_type": "application/json", "active": true,
        "authentication_type": 1, "basic_username": "pia", "basic_password": "hunter2"
    }]);
    let (status, made) = tester.post("/api/Webhook", &body).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    for event in events {
        let row = json!([{ "webhook_id": id, "eventno": event, "type": -2, "delivery_method": 6 }]);
        assert_eq!(tester.post("/api/Notification", &row).await.0, 201);
    }
    id
}

/// The rows of the log, whole, oldest first, as soon as there are so many.
async fn log(tester: &Tester, webhook_id: &str, count: usize) -> Vec<Object> {
    let rows = || {
        tester.halo.look(|state| {
            let own = state.webhook_events.iter().filter(|row| row.text("webhook_id") == webhook_id);
            own.cloned().collect::<Vec<_>>()
        })
    };
    let enough = async {
        while rows().len() < count {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), enough).await.is_ok(), "{} rows of {count}", rows().len());
    rows()
}

/// Waits until nothing is on its way any more.
async fn emptied(tester: &Tester) {
    let done = async {
        while tester.halo.look(|state| !state.mailbag.is_empty()) {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), done).await.is_ok());
}

#[tokio::test]
async fn ticket_by_control_address_is_posted_as_halo_does() {
    let tester = tester().await;
    let mut inbox = Inbox::open(200).await;
    let id = webhook(&tester, "Created", &inbox.url, &[3]).await;
    let other = webhook(&tester, "Updated", &inbox.url, &[19]).await;
    tester.halo.clear_requests();
    let (status, ticket) = control(&tester, "POST", "", "").await;
    assert_eq!((status, &ticket["team"]), (201, &json!("Pia")));
    let came = inbox.next().await;
    assert_eq!(came.authorization.as_deref(), Some("Basic cGlhOmh1bnRlcjI="));
    assert_eq!(came.content_type.as_deref(), Some("application/json"));
    assert_eq!((&came.body["event"], &came.body["object_id"]), (&json!("new ticket logged"), &ticket["id"]));
    assert_eq!((&came.body["webhook_id"], &came.body["ticket"]["summary"]), (&json!(id), &ticket["summary"]));
    assert_eq!((&came.body["agent_id"], &came.body["ticket"]["team_id"]), (&json!(3), &json!(8)));
    assert!(came.body["message"].as_str().unwrap().starts_with("A new Ticket has been logged. Ticket ID: 00"));
    assert!(came.body["escmsg_id"].as_str().unwrap().ends_with("-02725cb0e102"));
    assert_eq!(came.body["timestamp"].as_str().unwrap().len(), "2026-09-25T06:41:08.7895915Z".len());
    assert_eq!(came.body["action"]["ticket_id"], ticket["id"]);
    assert!(uuid::Uuid::parse_str(came.body["id"].as_str().unwrap()).is_ok());

    let row = log(&tester, &id, 1).await.remove(0);
    assert_eq!((row.int("responsestatus"), row.int("status"), row.flag("error")), (Some(200), Some(1), false));
    assert_eq!(serde_json::from_str::<Value>(row.text("requestbody")).unwrap(), came.body);
    assert_eq!(row.text("responsebody"), "answered");
    assert_ne!(row.text("id"), came.body["id"], "the log numbers its own rows");
    assert!(row.members["duration"].as_f64().unwrap() > 0.0 && row.int("notification_id").is_some());
    let last = tester.halo.look(|state| state.webhook("Created").unwrap().int("last_status"));
    assert_eq!(last, Some(200));
    assert!(log(&tester, &other, 0).await.is_empty() && inbox.is_empty(), "no other webhook is called");
    assert!(tester.halo.requests().is_empty(), "the control address is in no log of requests");
    assert_eq!(tester.get(&format!("/api/Tickets/{}", ticket["id"])).await.1["summary"], ticket["summary"]);
}

#[tokio::test]
async fn each_change_raises_what_it_is_and_no_change_raises_nothing() {
    let tester = tester().await;
    let mut inbox = Inbox::open(200).await;
    webhook(&tester, "All", &inbox.url, &NAMES.map(|(number, _)| number)).await;
    let (_, ticket) = control(&tester, "POST", "", r#"{"summary":"VPN drops","status_id":2,"client_id":1}"#).await;
    assert_eq!((&ticket["summary"], &ticket["client_name"]), (&json!("VPN drops"), &json!("Unknown")));
    let path = format!("/{}", ticket["id"]);
    let mut heard = async |count: usize| {
        let mut names = Vec::new();
        for _ in 0..count {
            let came = inbox.next().await;
            assert_eq!(came.body["object_id"], ticket["id"]);
            names.push(came.body["event"].as_str().unwrap().to_owned());
        }
        names
    };
    assert_eq!(heard(1).await, ["new ticket logged"]);
    assert_eq!(control(&tester, "POST", &path, r#"{"summary":"VPN drops"}"#).await.0, 200);
    assert_eq!(control(&tester, "POST", &path, r#"{"summary":"VPN is gone"}"#).await.1["summary"], "VPN is gone");
    assert_eq!(heard(1).await, ["ticket updated by user"]);
    control(&tester, "POST", &path, r#"{"status_id":3}"#).await;
    assert_eq!(heard(1).await, ["ticket status changed"]);
    control(&tester, "POST", &path, r#"{"status_id":9,"team":"Pia Escalations"}"#).await;
    assert_eq!(heard(3).await, ["ticket updated by user", "ticket status changed", "ticket closed"]);
    assert_eq!(control(&tester, "DELETE", &path, "").await.0, 200);
    assert_eq!(heard(1).await, ["ticket deleted"]);
    assert_eq!(control(&tester, "DELETE", &path, "").await.0, 404);
    assert_eq!(tester.get(&format!("/api/Tickets{path}")).await.0, 404);
}

#[tokio::test]
async fn unknown_control_request_changes_nothing() {
    let tester = tester().await;
    let count = || tester.halo.look(|state| state.tickets.len());
    let before = count();
    for (method, path, body, status) in [
        ("POST", "", "[]", 400),
        ("POST", "", "not json", 400),
        ("POST", "", r#"{"client_id":"12"}"#, 400),
        ("POST", "", r#"{"client_id":999999}"#, 400),
        ("POST", "", r#"{"status_id":999}"#, 400),
        ("POST", "", r#"{"team":"Nobody"}"#, 400),
        ("POST", "/1", "{}", 404),
        ("POST", "/x", "{}", 404),
        ("POST", "s", "{}", 404),
        ("GET", "", "", 404),
        ("DELETE", "", "", 404),
    ] {
        let (got, said) = control(&tester, method, path, body).await;
        assert_eq!(got, status, "{method} {path} {body}");
        assert!(said["error"].as_str().unwrap().len() > 10, "{said}");
    }
    assert_eq!(count(), before);
    // It is no part of the API, and needs no token; another path is the web interface's.
    assert_eq!(tester.get("/api/control/tickets").await.0, 404);
    assert!(tester.get("/controls").await.1.as_str().unwrap().contains("<html>"));
}

/// Neither an address of another machine, nor a name, nor one that only looks like this machine's, nor a redirect.
#[tokio::test]
async fn courier_calls_at_loopback_addresses_only() {
    let tester = tester().await;
    let mut inbox = Inbox::open(200).await;
    let port = inbox.url.rsplit(':').next().unwrap().trim_end_matches("/in").to_owned();
    let elsewhere = Inbox::open_answering(307, &inbox.url).await;
    let mut ids = Vec::new();
    for (number, host) in
        ["0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "192.0.2.1", "127.0.0.1.nip.example", "localhost.example"]
            .into_iter()
            .enumerate()
    {
        ids.push(webhook(&tester, &format!("Far {number}"), &format!("http://{host}:{port}/in"), &[3]).await);
    }
    let redirected = webhook(&tester, "Redirected", &elsewhere.url, &[3]).await;
    let near = webhook(&tester, "Near", &format!("http://localhost:{port}/in"), &[19]).await;
    control(&tester, "POST", "/33470", r#"{"summary":"near"}"#).await;
    assert_eq!(inbox.next().await.body["object_id"], 33470);
    control(&tester, "POST", "", "").await;
    for id in &ids {
        let row = log(&tester, id, 1).await.remove(0);
        assert_eq!((row.members.get("responsestatus"), row.int("status")), (Some(&Value::Null), Some(2)));
        assert!(row.text("responsebody").starts_with("No such host is known. ("), "{}", row.text("responsebody"));
    }
    assert_eq!(log(&tester, &redirected, 1).await[0].int("responsestatus"), Some(307));
    assert_eq!(log(&tester, &near, 1).await[0].int("responsestatus"), Some(200));
    assert!(inbox.is_empty(), "nothing came that was not sent to this machine");
}

#[tokio::test]
async fn failed_deliveries_are_logged_and_switch_webhook_off() {
    let tester = tester().await;
    tester.halo.change(|state| state.behaviour.auto_disable_attempts = 2);
    let mut inbox = Inbox::open(503).await;
    let id = webhook(&tester, "One", &inbox.url, &[3]).await;
    for _ in 0..2 {
        control(&tester, "POST", "", "").await;
        assert_eq!(inbox.next().await.body["event"], "new ticket logged");
    }
    let rows = log(&tester, &id, 2).await;
    assert_eq!((rows[1].int("responsestatus"), rows[1].flag("error")), (Some(503), true));
    let (_, row) = tester.get(&format!("/api/Webhook/{id}")).await;
    assert_eq!((&row["active"], &row["last_status"]), (&json!(false), &json!(503)));
    assert_ne!(row["last_auto_disable_date"], "1900-01-01T00:00:00");
    control(&tester, "POST", "", "").await;
    let update = json!([{ "id": id, "active": true }]);
    assert_eq!(tester.post("/api/Webhook", &update).await.0, 201);
    let (_, last) = control(&tester, "POST", "", "").await;
    assert_eq!(inbox.next().await.body["object_id"], last["id"], "what happened while it was off is not made up for");
}

#[tokio::test]
async fn silent_address_is_given_up_and_closed_one_is_unreachable() {
    let tester = tester().await;
    tester.halo.change(|state| state.behaviour.delivery_time_out = Duration::from_millis(30));
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let late = webhook(&tester, "Late", &format!("http://{}/", silent.local_addr().unwrap()), &[3]).await;
    let closed = Inbox::open(200).await.url.clone();
    let shut = webhook(&tester, "Shut", &closed, &[19]).await;
    control(&tester, "POST", "", "").await;
    let row = log(&tester, &late, 1).await.remove(0);
    assert!(row.text("responsebody").contains("HttpClient.Timeout of 0.03 seconds"), "{}", row.text("responsebody"));
    control(&tester, "POST", "/33470", r#"{"summary":"x"}"#).await;
    let row = log(&tester, &shut, 1).await.remove(0);
    assert!(row.members["responsestatus"].is_null() && row.flag("error"));
    assert!(!row.text("responsebody").contains("127.0.0.1"), "the address holds a token: {}", row.text("responsebody"));
}

#[tokio::test]
async fn batch_waits_for_its_time_or_its_limit_and_is_one_array() {
    let tester = tester().await;
    let mut inbox = Inbox::open(200).await;
    let id = webhook(&tester, "Batched", &inbox.url, &[3]).await;
    let update = json!([{ "id": id, "batch_method": 1, "batch_delay_seconds": 30, "batch_limit": 3 }]);
    assert_eq!(tester.post("/api/Webhook", &update).await.0, 201);
    tester.halo.change(|state| {
        state.clock.stop();
        state.raise(3, 33470);
        state.raise(3, 33471);
    });
    tester.halo.change(|state| state.clock.advance(Duration::from_secs(29)));
    assert!(inbox.is_empty());
    tester.halo.change(|state| state.clock.advance(Duration::from_secs(1)));
    let ids = |body: &Value| {
        body.as_array().unwrap().iter().map(|event| event["object_id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&inbox.next().await.body), [33470, 33471]);
    tester.halo.change(|state| (33470..33474).for_each(|id| state.raise(3, id)));
    assert_eq!(ids(&inbox.next().await.body), [33470, 33471, 33472], "full before its time");
    tester.halo.change(|state| state.clock.advance(Duration::from_secs(30)));
    assert_eq!(ids(&inbox.next().await.body), [33473]);
    assert_eq!(log(&tester, &id, 3).await.len(), 3, "a row for each call");
    // Two kinds of event do not go together, unless anything does.
    for (method, expected) in [(2, vec![vec![33470, 33472], vec![33471]]), (3, vec![vec![33470, 33471, 33472]])] {
        let row = json!([{ "webhook_id": id, "eventno": 19, "type": -2, "delivery_method": 6 }]);
        if method == 2 {
            assert_eq!(tester.post("/api/Notification", &row).await.0, 201);
        }
        let update = json!([{ "id": id, "batch_method": method, "batch_limit": 0 }]);
        assert_eq!(tester.post("/api/Webhook", &update).await.0, 201);
        tester.halo.change(|state| {
            state.raise(3, 33470);
            state.raise(19, 33471);
            state.raise(3, 33472);
            state.clock.advance(Duration::from_secs(30));
        });
        for together in expected {
            assert_eq!(ids(&inbox.next().await.body), together);
        }
    }
    // Switched off meanwhile: what waits is not delivered.
    tester.halo.change(|state| state.raise(3, 33470));
    tester.halo.change(|state| {
        state.webhook_mut("Batched").unwrap().set("active", false);
        state.clock.advance(Duration::from_secs(60));
    });
    emptied(&tester).await;
    assert!(inbox.is_empty());
}

#[tokio::test]
async fn every_body_that_receivers_have_met_can_be_sent() {
    let tester = tester().await;
    let mut inbox = Inbox::open(200).await;
    let id = webhook(&tester, "One", &inbox.url, &[3]).await;
    let mut sent = async |form: BodyForm| {
        tester.halo.change(|state| {
            state.behaviour.body_form = form;
            state.raise(3, 33470);
        });
        inbox.next().await.body
    };
    assert_eq!(sent(BodyForm::Event).await["object_id"], 33470);
    let small = sent(BodyForm::SmallEvent).await;
    assert_eq!((&small["ticket"]["id"], small["ticket"].get("details")), (&json!(33470), None));
    let bare = sent(BodyForm::EventOnly).await;
    assert_eq!((&bare["object_id"], bare.get("ticket")), (&json!(33470), None));
    assert_eq!(sent(BodyForm::Ticket).await["id"], 33470);
    assert_eq!(sent(BodyForm::TicketId).await, json!({ "ticket_id": 33470 }));
    assert_eq!(sent(BodyForm::EventData).await, json!({ "event_data": { "id": 33470 } }));
    assert_eq!(sent(BodyForm::Array).await[0]["object_id"], 33470);
    let custom = sent(BodyForm::Custom).await;
    assert_eq!(custom["ticket"]["status"], json!({ "id": 2, "name": "In Progress" }));
    assert_eq!((&custom["ticket"]["tickettype"]["name"], custom.get("id")), (&json!("Incident"), None));
    let update = json!([{ "id": id, "custom_payload": true }]);
    assert_eq!(tester.post("/api/Webhook", &update).await.0, 201);
    assert_eq!(sent(BodyForm::Event).await["ticket"]["agent"]["id"], 1, "the webhook's own switch comes first");
}

#[tokio::test]
async fn neither_order_nor_single_delivery_is_promised() {
    let tester = tester().await;
    let mut inbox = Inbox::open(200).await;
    webhook(&tester, "One", &inbox.url, &[3]).await;
    tester.halo.set_fault(Fault::CallbacksOutOfOrder, true);
    tester.halo.change(|state| {
        state.clock.stop();
        (33470..33473).for_each(|id| state.raise(3, id));
    });
    tester.halo.change(|state| state.clock.advance(Duration::from_secs(1)));
    for id in [33472, 33471, 33470] {
        assert_eq!(inbox.next().await.body["object_id"], id);
    }
    tester.halo.set_fault(Fault::CallbacksOutOfOrder, false);
    tester.halo.change(|state| {
        state.behaviour.deliveries_repeated = 1;
        state.raise(3, 33470);
        state.raise(3, 33471);
    });
    let (first, again, next) = (inbox.next().await.body, inbox.next().await.body, inbox.next().await.body);
    assert_eq!((&first, &next["object_id"]), (&again, &json!(33471)));
}

#[tokio::test]
async fn only_known_binding_fires_and_only_under_its_conditions() {
    let tester = tester().await;
    let mut inbox = Inbox::open(200).await;
    let id = webhook(&tester, "One", &inbox.url, &[]).await;
    let bind = async |more: Value| {
        let mut row = json!({ "webhook_id": id, "eventno": 3, "type": -2, "delivery_method": 6 });
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(tester.post("/api/Notification", &json!([row])).await.0, 201);
    };
    bind(json!({ "type": 0 })).await;
    bind(json!({ "delivery_method": 0 })).await;
    bind(json!({ "eventno": 1 })).await;
    let condition = |kind: i64, field: &str, value: Value| json!([{ "fieldname": field, "tablename": "faults", "type": kind, "value_int": value }]);
    for (kind, field, value) in [
        (0, "status_id", json!(2)),
        (1, "status_id", json!(1)),
        (2, "summary", json!("printer")),
        (3, "summary", json!("fire")),
        (29, "summary", json!("")),
    ] {
        bind(json!({ "eventno": 3, "conditions": condition(kind, field, value) })).await;
    }
    tester.halo.set_fault(Fault::DeliveriesNone, true);
    tester.halo.change(|state| state.raise(3, 33470));
    emptied(&tester).await;
    tester.halo.set_fault(Fault::DeliveriesNone, false);
    bind(json!({ "conditions": condition(2, "summary", json!("FIRE")) })).await;
    let (_, ticket) = control(&tester, "POST", "", r#"{"summary":"Fire!"}"#).await;
    let came = inbox.next().await;
    assert_eq!(came.body["object_id"], ticket["id"]);
    assert!(log(&tester, &id, 1).await.len() == 1 && inbox.is_empty());
}

#[tokio::test]
async fn fault_decides_what_comes_of_delivery_and_nobody_is_called() {
    let tester = tester().await;
    let inbox = Inbox::open(200).await;
    let id = webhook(&tester, "One", &inbox.url, &[3]).await;
    tester.halo.set_fault(Fault::DeliveriesNotFound, true);
    let (_, ticket) = control(&tester, "POST", "", "").await;
    let row = log(&tester, &id, 1).await.remove(0);
    assert_eq!((row.int("responsestatus"), row.int("entity_id")), (Some(404), ticket["id"].as_i64()));
    assert!(inbox.is_empty());
}
