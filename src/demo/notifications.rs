//! `/api/Notification`: the rows that bind events to webhooks, with the trap of the foreign guid.

use super::body::{Body, Kind, Shape};
use super::faults::Fault;
use super::query::Query;
use super::reply::{Answer, Reply};
use super::state::{Object, State, next_id};
use serde_json::{Value, json};

const SHAPE: Shape = Shape {
    entity: "NHAPI.DataTransferObjects.UnameNotification",
    members: &[
        ("guid", Kind::Guid),
        ("id", Kind::Id),
        ("name", Kind::Text),
        ("agent_id", Kind::Int),
        ("type", Kind::Int),
        ("delivery_method", Kind::Int),
        ("sendpushnotification", Kind::Bool),
        ("customisecolour", Kind::Bool),
        ("eventno", Kind::Int),
        ("emailtemplate_id", Kind::Int),
        ("email_list", Kind::Text),
        ("slack_id", Kind::Int),
        ("teams_id", Kind::Int),
        ("mattermost_channelid", Kind::Int),
        ("interval", Kind::Float),
        ("useworkinghours", Kind::Int),
        ("restriction_type", Kind::Int),
        ("filter_type", Kind::Int),
        ("safe_instances", Kind::Int),
        ("webhook_id", Kind::Guid),
        ("conditions", Kind::List),
        ("inactive", Kind::Bool),
    ],
};

/// `GET /api/Notification`: a bare array; without `webhook_id` every row.
pub(super) fn list(state: &State, query: &Query) -> Answer {
    let kind = query.int("type")?;
    let is_silent = state.has(Fault::EventsNameNoWebhook);
    let webhook = query.text("webhook_id").map(str::to_lowercase).filter(|_| !is_silent);
    let rows = state
        .notifications
        .iter()
        .filter(|row| webhook.as_ref().is_none_or(|id| row.text("webhook_id").to_lowercase() == *id))
        .filter(|row| kind.is_none_or(|kind| row.int("type") == Some(kind)));
    let rows = rows.map(|row| {
        let mut row = row.wire();
        if let (true, Some(row)) = (is_silent, row.as_object_mut()) {
            row.remove("webhook_id");
        }
        row
    });
    Ok(Reply::json(200, &rows.collect()))
}

fn position(state: &State, id: i64) -> Result<usize, Reply> {
    state.notifications.iter().position(|row| row.has_id(id)).ok_or_else(|| Reply::empty(404))
}

/// `GET /api/Notification/{id}`.
pub(super) fn get(state: &State, id: i64) -> Answer {
    let row = state.notifications.get(position(state, id)?).ok_or_else(|| Reply::empty(404))?;
    Ok(Reply::json(200, &row.wire()))
}

/// `POST /api/Notification`. A known `guid` updates that row, whoever owns it, and so moves it to another webhook.
pub(super) fn post(state: &mut State, body: Body<'_>) -> Answer {
    let mut stored = Vec::new();
    for mut members in body.rows(&SHAPE)? {
        if let Some(webhook) = members.get("webhook_id").and_then(Value::as_str)
            && !state.webhooks.iter().any(|known| known.text("id").eq_ignore_ascii_case(webhook))
        {
            return Err(state.refuse("Webhook was not found"));
        }
        let id = members.remove("id").and_then(|id| id.as_i64()).filter(|id| *id != 0);
        let guid = members.get("guid").and_then(Value::as_str).map(str::to_owned);
        let twin = guid
            .and_then(|guid| state.notifications.iter().position(|row| row.text("guid").eq_ignore_ascii_case(&guid)));
        let at = match (twin, id) {
            (Some(at), _) => at,
            (None, Some(id)) => position(state, id)?,
            (None, None) => {
                let id = next_id(&state.notifications);
                let fresh = json!({
                    "id": id, "guid": state.random.guid(), "type": 0, "eventno": 0, "delivery_method": 0, "agent_id": 0, "conditions": []
                });
                state.notifications.push(Object { made_by_api: true, ..Object::new(fresh) });
                state.notifications.len() - 1
            }
        };
        if let Some(row) = state.notifications.get_mut(at) {
            row.members.extend(members);
            stored.push(row.wire());
        }
        if state.has(Fault::BindingHijacked) {
            hijack(state);
        }
    }
    Ok(state.created(stored))
}

/// Another program takes the first binding made here over to its own webhook.
fn hijack(state: &mut State) {
    let thief = state.webhooks.iter().find(|webhook| !webhook.made_by_api).map(|webhook| webhook.text("id").to_owned());
    if let (Some(thief), Some(row)) = (thief, state.notifications.iter_mut().find(|row| row.made_by_api)) {
        row.set("webhook_id", thief);
    }
}

/// `DELETE /api/Notification/{id}`.
pub(super) fn delete(state: &mut State, id: i64) -> Answer {
    let at = position(state, id)?;
    let row = state.notifications.remove(at);
    Ok(state.deleted(&row.wire()))
}

#[cfg(test)]
mod tests {
    use super::super::Fault;
    use super::super::testing::{Tester, tester};
    use super::*;

    async fn webhook(tester: &Tester, name: &str) -> String {
        let body = json!([{ "name": name, "type": 0, "url": "https://pia.example/x", "active": true }]);
        tester.post("/api/Webhook", &body).await.1["id"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn bindings_are_listed_by_webhook_and_deleted_by_number() {
        let tester = tester().await;
        let id = webhook(&tester, "One").await;
        let body = json!([{ "guid": null, "webhook_id": id, "eventno": "19", "name": "Updated", "type": -2, "delivery_method": 6,
            "agent_id": 0, "interval": "0", "useworkinghours": "0", "conditions": [] }]);
        let (status, made) = tester.post("/api/Notification", &body).await;
        assert_eq!(
            (status, &made["eventno"], &made["useworkinghours"]),
            (201, &json!(19), &json!(0)),
            "numeric strings are taken"
        );
        assert_eq!(tester.post("/api/Notification", &json!([{ "webhook_id": id, "eventno": "new" }])).await.0, 400);
        let (_, rows) = tester.get(&format!("/api/Notification?webhook_id={}", id.to_uppercase())).await;
        assert_eq!(rows, json!([made]));
        assert_eq!(tester.get("/api/Notification").await.1.as_array().unwrap().len(), 5);
        let path = format!("/api/Notification/{}", made["id"]);
        assert_eq!(tester.get(&path).await.1, made);
        assert_eq!(tester.delete(&path).await, (200, Value::Null));
        assert_eq!(tester.get(&path).await, (404, Value::Null));
    }

    #[tokio::test]
    async fn known_guid_moves_row_to_other_webhook() {
        let tester = tester().await;
        let (one, two) = (webhook(&tester, "One").await, webhook(&tester, "Two").await);
        let (_, made) =
            tester.post("/api/Notification", &json!([{ "webhook_id": one, "eventno": 3, "name": "New" }])).await;
        let (status, moved) =
            tester.post("/api/Notification", &json!([{ "guid": made["guid"], "webhook_id": two }])).await;
        assert_eq!((status, &moved["id"], &moved["name"]), (201, &made["id"], &json!("New")));
        assert_eq!(tester.halo.look(|state| (state.bindings(&one).count(), state.bindings(&two).count())), (0, 1));
    }

    #[tokio::test]
    async fn unknown_rows_and_webhooks_are_refused() {
        let tester = tester().await;
        let body = json!([{ "webhook_id": "60b2ec55-fabe-417a-b354-40d962ef8031", "eventno": 3 }]);
        assert_eq!(tester.post("/api/Notification", &body).await, (400, json!("Webhook was not found")));
        assert_eq!(tester.post("/api/Notification", &json!([{ "id": 9999, "eventno": 3 }])).await.0, 404);
        assert_eq!(tester.post("/api/Notification", &json!([{ "id": null, "eventno": 3 }])).await.0, 400);
    }

    #[tokio::test]
    async fn another_program_can_hijack_binding() {
        let tester = tester().await;
        let id = webhook(&tester, "One").await;
        tester.halo.set_fault(Fault::BindingHijacked, true);
        let (status, made) = tester.post("/api/Notification", &json!([{ "webhook_id": id, "eventno": 3 }])).await;
        assert_eq!((status, &made["webhook_id"]), (201, &json!(id)));
        assert_eq!(tester.get(&format!("/api/Notification?webhook_id={id}")).await.1, json!([]));
    }
}
