//! `/api/Webhook`: GUID ids, a checked address, unique names, and `events` that are only ever read.

use super::body::{Body, Kind, Shape};
use super::faults::Fault;
use super::query::Query;
use super::reply::{Answer, Reply, wire};
use super::state::{Object, State, new_webhook};
use serde_json::{Value, json};

const SHAPE: Shape = Shape {
    entity: "NHAPI.DataTransferObjects.Webhook",
    members: &[
        ("id", Kind::Guid),
        ("name", Kind::Text),
        ("type", Kind::Int),
        ("url", Kind::Text),
        ("content_type", Kind::Text),
        ("authentication_type", Kind::Int),
        ("method", Kind::Int),
        ("basic_username", Kind::Text),
        ("basic_password", Kind::Text),
        ("certificate_id", Kind::Int),
        ("active", Kind::Bool),
        ("disabled", Kind::Bool),
        ("custom_payload", Kind::Bool),
        ("encrypt_request", Kind::Bool),
        ("payload_type", Kind::Int),
        ("note", Kind::Text),
        ("icon", Kind::Text),
        ("batch_method", Kind::Int),
        ("batch_delay_seconds", Kind::Int),
        ("batch_limit", Kind::Int),
        ("infinite_loop_threshold", Kind::Int),
        ("notify_on_failure", Kind::Bool),
        ("auto_disable_attempts", Kind::Int),
        ("log_retention_policy_days", Kind::Int),
        ("use_lightweight_logs", Kind::Bool),
        ("group_id", Kind::Int),
        ("algorithm", Kind::Int),
        ("digest", Kind::Int),
    ],
};

/// What the table's columns hold.
const COLUMNS: [(&str, &str, usize); 4] = [
    ("url", "WHurl", 500),
    ("name", "WHname", 255),
    ("basic_username", "WHbasicusername", 255),
    ("note", "WHnote", 4000),
];

fn position(state: &State, id: &str) -> Option<usize> {
    state.webhooks.iter().position(|webhook| webhook.text("id").eq_ignore_ascii_case(id))
}

/// A read with details joins the event bindings in; a plain one has neither events nor steps.
fn detailed(state: &State, webhook: &Object) -> Value {
    let mut row = webhook.members.clone();
    let events: Vec<Value> = state.bindings(webhook.text("id")).map(Object::wire).collect();
    row.insert("events".into(), events.into());
    row.insert("steps".into(), json!([]));
    wire(&row)
}

/// `GET /api/Webhook`.
pub(super) fn list(state: &State, query: &Query) -> Answer {
    let kind = query.int("type")?;
    let rows = state.webhooks.iter().filter(|webhook| kind.is_none_or(|kind| webhook.int("type") == Some(kind)));
    Ok(Reply::json(200, &rows.map(|webhook| webhook.wire()).collect()))
}

/// `GET /api/Webhook/{guid}`.
pub(super) fn get(state: &State, id: &str, query: &Query) -> Answer {
    let details = query.flag("includedetails")?;
    let webhook = position(state, id).and_then(|at| state.webhooks.get(at)).ok_or_else(|| Reply::empty(404))?;
    Ok(Reply::json(200, &if details { detailed(state, webhook) } else { webhook.wire() }))
}

/// Whether Halo takes this as a webhook's address.
fn valid_url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// `POST /api/Webhook`: elements are stored one after the other, so an early one stays when a later one is refused.
pub(super) fn post(state: &mut State, body: Body<'_>) -> Answer {
    let mut stored = Vec::new();
    for mut sent in body.rows(&SHAPE)? {
        let at = match sent.remove("id") {
            Some(Value::String(id)) => Some(position(state, &id).ok_or_else(|| Reply::empty(404))?),
            _ => None,
        };
        let mut webhook = match at.and_then(|at| state.webhooks.get(at)) {
            Some(webhook) => webhook.clone(),
            None => {
                let mut fresh = Object { members: new_webhook(), made_by_api: true, ..Object::default() };
                fresh.set("auto_disable_attempts", state.behaviour.auto_disable_attempts);
                fresh
            }
        };
        // The password is taken and never shown again.
        for member in ["basic_password"] {
            if let Some(secret) = sent.remove(member) {
                webhook.write_only.insert(member.to_owned(), secret);
            }
        }
        webhook.members.extend(sent);
        check(state, &webhook, at)?;
        let at = if let Some(at) = at {
            at
        } else {
            let id = state.random.guid();
            webhook.set("id", id);
            state.webhooks.push(Object::default());
            state.webhooks.len() - 1
        };
        stored.push(detailed(state, &webhook));
        if let Some(place) = state.webhooks.get_mut(at) {
            *place = webhook;
        }
    }
    if state.has(Fault::WebhookSwitchedOff) {
        state.switch_webhooks_off();
    }
    Ok(state.created(stored))
}

fn check(state: &mut State, webhook: &Object, at: Option<usize>) -> Result<(), Reply> {
    let name = webhook.name().to_lowercase();
    if name.trim().is_empty() {
        return Err(state.refuse("Name must not be blank"));
    }
    if state.webhooks.iter().enumerate().any(|(place, other)| Some(place) != at && other.name().to_lowercase() == name)
    {
        return Err(state.refuse("Name must be unique"));
    }
    webhook.fits("WEBHOOK", &COLUMNS)?;
    if webhook.int("type") == Some(0) && !valid_url(webhook.text("url")) {
        return Err(state.refuse("Please enter a valid URL"));
    }
    Ok(())
}

/// `DELETE /api/Webhook/{guid}`.
pub(super) fn delete(state: &mut State, id: &str) -> Answer {
    let at = position(state, id).ok_or_else(|| Reply::empty(404))?;
    let webhook = state.webhooks.remove(at);
    if state.behaviour.deleting_webhook_clears_events {
        state.notifications.retain(|row| !row.text("webhook_id").eq_ignore_ascii_case(id));
    }
    Ok(state.deleted(&webhook.wire()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::tester;
    use super::super::{ErrorForm, Fault};
    use super::*;

    fn sample(name: &str) -> Value {
        json!({
            "name": name, "type": 0, "url": "https://pia.example/callbacks/x", "method": 0, "content_type": "application/json",
            "authentication_type": 1, "basic_username": "pia", "basic_password": "hunter2", "active": true,
            "events": [{ "eventno": 3 }], "nonsense": { "a": 1 }
        })
    }

    #[tokio::test]
    async fn webhook_gets_guid_and_never_gives_events_or_password() {
        let tester = tester().await;
        let (status, made) = tester.post("/api/Webhook", &json!([sample("Pia - Ticket Created")])).await;
        assert_eq!(status, 201, "{made}");
        let id = made["id"].as_str().unwrap();
        assert!(
            uuid::Uuid::parse_str(id).is_ok() && made.get("basic_password").is_none() && made.get("nonsense").is_none()
        );
        assert_eq!(made["events"], json!([]), "events in the body are dropped");
        let (_, plain) = tester.get(&format!("/api/Webhook/{}", id.to_uppercase())).await;
        let told =
            [&plain["notify_on_failure_tech"], &plain["notify_on_failure_template"], &plain["last_auto_disable_date"]];
        assert_eq!(told, [&json!(-1), &json!(32), &json!("1900-01-01T00:00:00")]);
        assert!(plain.get("events").is_none() && plain.get("basic_password").is_none());
        let binding = json!([{ "guid": null, "webhook_id": id, "eventno": 3, "name": "New Ticket Logged", "type": -2, "delivery_method": 6 }]);
        assert_eq!(tester.post("/api/Notification", &binding).await.0, 201);
        let (_, detailed) = tester.get(&format!("/api/webhook/{id}?includedetails=true")).await;
        assert_eq!(detailed["events"][0]["eventno"], 3);
        assert_eq!(
            tester
                .halo
                .look(|state| state.webhook("Pia - Ticket Created").unwrap().write_only["basic_password"].clone()),
            "hunter2"
        );
    }

    #[tokio::test]
    async fn update_merges_and_unknown_id_is_404() {
        let tester = tester().await;
        let (_, made) = tester.post("/api/Webhook", &json!([sample("One")])).await;
        let id = made["id"].as_str().unwrap();
        let (status, after) = tester.post("/api/Webhook", &json!([{ "id": id, "active": false, "url": null }])).await;
        assert_eq!((status, &after["active"], &after["url"]), (201, &json!(false), &made["url"]));
        let unknown = json!([{ "id": "60b2ec55-fabe-417a-b354-40d962ef8031", "active": false }]);
        assert_eq!(tester.post("/api/Webhook", &unknown).await, (404, Value::Null));
        let (status, body) = tester.post("/api/Webhook", &json!([{ "id": id, "type": "zero" }])).await;
        assert_eq!(status, 400);
        let text = body["[0].type"][0].as_str().unwrap();
        assert!(
            text.starts_with("Could not convert string to integer: zero. Path '[0].type', line 1, position "),
            "{text}"
        );
    }

    #[tokio::test]
    async fn names_are_unique_and_addresses_checked() {
        let tester = tester().await;
        assert_eq!(tester.post("/api/Webhook", &json!([sample("One")])).await.0, 201);
        assert_eq!(tester.post("/api/Webhook", &json!([sample("ONE")])).await, (400, json!("Name must be unique")));
        for url in [json!(null), json!(""), json!("pia.example/x"), json!("ftp://pia.example"), json!("https://")] {
            let mut body = sample("Two");
            body["url"] = url;
            assert_eq!(tester.post("/api/Webhook", &json!([body])).await, (400, json!("Please enter a valid URL")));
        }
        // A runbook is in the same table and needs no address.
        assert_eq!(tester.post("/api/Webhook", &json!([{ "name": "Runbook", "type": 1 }])).await.0, 201);
        let count = async |query: &str| tester.get(&format!("/api/Webhook{query}")).await.1.as_array().unwrap().len();
        assert_eq!((count("").await, count("?type=0").await, count("?type=1").await), (4, 3, 1));
    }

    #[tokio::test]
    async fn reply_is_one_object_for_array_of_one_unless_switched() {
        let tester = tester().await;
        assert!(tester.post("/api/Webhook", &json!([sample("A"), sample("B")])).await.1.is_array());
        tester.halo.set_fault(Fault::ArrayReply, true);
        assert!(tester.post("/api/Webhook", &json!([sample("C")])).await.1.is_array());
        tester.halo.set_fault(Fault::ArrayReply, false);
        tester.halo.change(|state| state.behaviour.array_reply = true);
        assert!(tester.post("/api/Webhook", &json!([sample("D")])).await.1.is_array());
        // An early element stays when a later one is refused.
        assert_eq!(tester.post("/api/Webhook", &json!([sample("E"), sample("E")])).await.0, 400);
        assert!(tester.halo.look(|state| state.webhook("E").is_some()));
    }

    #[tokio::test]
    async fn deleting_is_200_then_404_and_events_may_stay_behind() {
        let tester = tester().await;
        let (_, made) = tester.post("/api/Webhook", &json!([sample("One")])).await;
        let id = made["id"].as_str().unwrap();
        tester.post("/api/Notification", &json!([{ "webhook_id": id, "eventno": 3 }])).await;
        let path = format!("/api/Webhook/{id}");
        assert_eq!(tester.delete(&path).await, (200, Value::Null));
        assert_eq!(tester.get(&path).await, (404, Value::Null));
        assert_eq!(tester.delete(&path).await, (404, Value::Null));
        assert_eq!(tester.halo.look(|state| state.bindings(id).count()), 1);
        assert_eq!(tester.get("/api/Webhook/probe").await.0, 400);
        tester.halo.change(|state| state.behaviour.deleting_webhook_clears_events = true);
        let (_, made) = tester.post("/api/Webhook", &json!([sample("Two")])).await;
        let id = made["id"].as_str().unwrap();
        tester.post("/api/Notification", &json!([{ "webhook_id": id, "eventno": 3 }])).await;
        tester.halo.change(|state| state.behaviour.delete_returns_object = true);
        assert_eq!(tester.delete(&format!("/api/Webhook/{id}")).await.1["name"], "Two");
        assert_eq!(tester.halo.look(|state| state.bindings(id).count()), 0);
    }

    #[tokio::test]
    async fn halo_switches_webhooks_off_by_itself_but_not_those_of_others() {
        let tester = tester().await;
        tester.post("/api/Webhook", &json!([sample("One")])).await;
        let active = |name: &str| tester.halo.look(|state| state.webhook(name).unwrap().flag("active"));
        assert!(active("One"));
        tester.halo.set_fault(Fault::WebhookSwitchedOff, true);
        assert!(!active("One") && active("Billing & closed tickets"));
        tester.post("/api/Webhook", &json!([sample("Two")])).await;
        assert!(!active("Two"));
    }

    #[tokio::test]
    async fn somebody_else_can_hold_name() {
        let tester = tester().await;
        let before = tester.halo.snapshot();
        tester.halo.set_fault(Fault::WebhookNameTaken, true);
        let refused = tester.post("/api/Webhook", &json!([sample("Pia - Ticket Created")])).await;
        assert_eq!(refused, (400, json!("Name must be unique")));
        tester.halo.set_fault(Fault::WebhookNameTaken, false);
        assert_eq!(tester.halo.snapshot(), before);
    }

    #[tokio::test]
    async fn refusal_comes_in_every_form_that_is_known() {
        let tester = tester().await;
        let bad = json!([{ "name": "X", "type": 0 }]);
        let text = json!("Please enter a valid URL");
        let refused = async |form| {
            tester.halo.change(|state| state.behaviour.error_form = form);
            let (status, body) = tester.post("/api/Webhook", &bad).await;
            assert_eq!(status, 400);
            body
        };
        assert_eq!(refused(ErrorForm::JsonString).await, text);
        let exception = refused(ErrorForm::Exception).await;
        assert_eq!((&exception["ClassName"], &exception["Message"]), (&json!("System.Exception"), &text));
        assert_eq!(refused(ErrorForm::Message).await, json!({ "Message": text }));
        assert_eq!(refused(ErrorForm::Error).await, json!({ "error": text }));
        assert_eq!(refused(ErrorForm::ResultCode).await["errorMessage"], text);
        tester.halo.set_fault(Fault::ErrorForms, true);
        let (one, two) = (tester.post("/api/Webhook", &bad).await, tester.post("/api/Webhook", &bad).await);
        assert_ne!(one, two);
    }

    #[tokio::test]
    async fn text_that_is_longer_than_its_column_is_database_error() {
        let tester = tester().await;
        for (member, text, column) in [
            ("url", format!("https://pia.example/{}", "x".repeat(481)), "WHurl"),
            ("name", "n".repeat(256), "WHname"),
            ("basic_username", "🚀".repeat(128), "WHbasicusername"),
        ] {
            let mut row = sample("One");
            row[member] = text.into();
            let (status, body) = tester.post("/api/Webhook", &json!([row])).await;
            let said = body["Message"].as_str().unwrap();
            assert!(status == 400 && said.starts_with("A database error occurred (2628)") && said.contains(column));
        }
        assert!(tester.halo.look(|state| state.webhook("One").is_none()));
    }
}
