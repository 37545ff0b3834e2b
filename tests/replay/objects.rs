//! Webhooks, their events and their log, custom tabs, the catalogue, and what Halo sends to a callback address.

use pia_halo::domain::callback::EventNumber;
use pia_halo::domain::event::EventBody;
use pia_halo::domain::secret::Secret;
use pia_halo::halo::{TabDraft, WebhookDraft};
use serde_json::json;

use super::server::Reply;
use super::{Recorded, Scene};

const OURS: &str = "5d0f6f1e-5b0c-4b0e-9d55-0c9a7c1f2a01";
const PIA: &str = "https://pia.larkfield.example/callbacks/larkfield/ticket-created/SYNTHETICTOKEN";

fn webhook() -> WebhookDraft {
    WebhookDraft {
        id: None,
        name: "Pia - Ticket Created".to_owned(),
        url: Secret::new(PIA),
        username: "pia".to_owned(),
        password: None,
        active: true,
        tells_disabled: false,
        making: Default::default(),
        options: Default::default(),
        note: None,
    }
}

pub async fn expect(name: &str) -> bool {
    if name.starts_with("delivery") {
        return delivery(name);
    }
    let scene = Scene::of(name).await;
    let (api, replay) = (&scene.api, &scene.replay);
    match name {
        "webhook-list" => {
            let webhooks = api.webhooks().await.unwrap();
            let ours: Vec<_> = webhooks.iter().filter(|own| own.url.expose() == PIA).map(|own| &*own.id).collect();
            assert_eq!(ours, [OURS]);
            let states = api.webhook_states().await.unwrap();
            assert!(states.values().all(|state| state.switched_off_at.is_none()), "1900 is never");
        }
        "webhook-detail-with-events" => {
            let held = api.webhook(&OURS.to_uppercase()).await.unwrap().unwrap();
            assert_eq!((held.active, held.authentication_type, held.batch_method), (true, Some(1), Some(0)));
            api.save_webhook(&webhook()).await.unwrap();
            let sent = replay.last("POST", "/api/Webhook").json();
            assert!(sent[0].get("events").is_none() && sent[0].get("steps").is_none(), "only for reading: {sent}");
        }
        "webhook-post-reply-object" | "webhook-post-reply-array" => {
            assert_eq!(api.save_webhook(&webhook()).await.unwrap().as_deref(), Some(OURS));
        }
        "webhook-post-400-url" => {
            let error = api.save_webhook(&webhook()).await.unwrap_err();
            assert_eq!(error.halo_said().unwrap().raw(), "Please enter a valid URL");
        }
        "webhook-switched-off" => {
            assert!(!api.webhook(OURS).await.unwrap().unwrap().active, "whatever active says");
            let listed = format!("[{}]", Recorded::read(name).reply.body);
            replay.put("GET", "/api/Webhook", Reply::json(200, listed));
            let states = api.webhook_states().await.unwrap();
            let since = states[OURS].switched_off_at.unwrap().to_string();
            assert_eq!((states[OURS].active, &*since), (false, "2026-10-02T11:04:09.207Z"));
        }
        "notification-list" => {
            let theirs = "b7a1c9c2-0a41-4c1a-8a0e-3f5f2a9d7e02";
            let events: Vec<i64> = api.bindings(theirs).await.unwrap().iter().map(|own| own.event.0).collect();
            assert_eq!(events, [19, 39, 76, 1072]);
        }
        "notification-list-unfiltered" => {
            let bindings = api.bindings(OURS).await.unwrap();
            assert_eq!(bindings.iter().map(|own| own.id).collect::<Vec<_>>(), [41]);
        }
        "notification-post-reply" => {
            let told = Recorded::read(name).value()["id"].as_i64();
            let bound = api.bind_event(OURS, EventNumber(3), &"New Ticket Logged".into()).await.unwrap();
            assert_eq!(bound, told);
            assert_eq!(replay.last("POST", "/api/Notification").json()[0]["guid"], json!(null));
        }
        "webhookevent-list" => {
            replay.replay("webhookevent-detail-delivered");
            let delivered = Recorded::read("webhookevent-detail-delivered").reply;
            let failed = Recorded::read("webhookevent-detail-lightweight").reply;
            replay.put("GET", "/api/WebhookEvent/e0216c3e-ca97-f111-86b7-02725cb0e102", delivered);
            replay.put("GET", "/api/WebhookEvent/abe8409b-43a5-f111-8761-02725cb0e102", failed);
            let logged = api.deliveries(OURS, &[]).await.unwrap();
            let newest: Vec<_> = logged.iter().map(|own| (own.failed, own.http_status)).collect();
            assert_eq!(newest, [(true, Some(401)), (false, Some(200))], "by their own times");
            assert!(!format!("{logged:?}").contains("c3ludGhldGlj"), "the request's headers");
        }
        "webhookevent-detail-delivered" => {
            replay.replay("webhookevent-list");
            let failed = Recorded::read("webhookevent-detail-lightweight").reply;
            replay.put("GET", "/api/WebhookEvent/abe8409b-43a5-f111-8761-02725cb0e102", failed);
            let logged = api.deliveries(OURS, &[]).await.unwrap();
            assert_eq!((logged[1].duration.as_deref(), logged[1].http_status), (Some("84.5"), Some(200)));
        }
        "webhookevent-detail-lightweight" => {
            let list = json!({ "events": [{ "id": "abe8409b-43a5-f111-8761-02725cb0e102", "webhook_id": OURS }] });
            replay.put("GET", "/api/WebhookEvent", Reply::json(200, list));
            let logged = api.deliveries(OURS, &[]).await.unwrap();
            assert_eq!((logged[0].failed, logged[0].http_status, &logged[0].words), (true, Some(401), &None));
        }
        "tabs-list" => {
            let tabs = api.tabs().await.unwrap();
            let told: Vec<_> = tabs.iter().map(|tab| (tab.id, tab.url.is_some(), tab.tab_type)).collect();
            assert_eq!(told, [(14, true, Some(1)), (15, false, Some(0)), (31, false, Some(2))]);
        }
        "tabs-detail-2026" => {
            assert_eq!(api.ticket_types_of_tab(46).await.unwrap(), Some(vec![1, 36]));
            assert_eq!(api.tab(46).await.unwrap().unwrap().name.raw(), "Pia Chat Pod");
        }
        "tabs-post-reply" => {
            let told = Recorded::read(name).value()["id"].as_i64();
            let draft = TabDraft { id: None, name: "Pia Chat Pod".to_owned(), url: PIA.to_owned(), kind: Some(1) };
            assert_eq!(api.save_tab(&draft).await.unwrap(), told);
        }
        "lookup-64" => {
            let catalogue = api.event_catalogue().await.unwrap();
            let told: Vec<_> = catalogue.iter().map(|(number, name)| (number.0, name.raw())).collect();
            assert!(told.contains(&(76, "Ticket Status Changed - All")), "{told:?}");
            assert_eq!((told.len(), told[0]), (5, (3, "New Ticket Logged - All")));
        }
        _ => return false,
    }
    true
}

/// What Halo sends, as it is taken in.
fn delivery(name: &str) -> bool {
    let recorded = Recorded::read(name);
    let body = EventBody::read(recorded.reply.body.as_bytes().to_vec()).unwrap();
    let events: Vec<_> = body.events().collect();
    let told: Vec<_> = events.iter().map(|event| (event.id.as_deref(), event.ticket_id.unwrap())).collect();
    let ids = |name: &str| recorded.value()[name].as_str().unwrap().to_owned();
    match name {
        "delivery-status-changed-2026" | "delivery-event-only" => assert_eq!(told, [(Some(&*ids("id")), 4242)]),
        "delivery-new-ticket-with-action" => assert_eq!(told, [(Some(&*ids("id")), 4250)]),
        "delivery-batch" => {
            assert_eq!(told.iter().map(|(_, ticket)| *ticket).collect::<Vec<_>>(), [4242, 4250, 4242]);
            let ids: std::collections::BTreeSet<_> = told.iter().map(|(id, _)| id.unwrap()).collect();
            assert_eq!(ids.len(), 3, "one event each");
        }
        "delivery-runbook-payload" => assert_eq!(told, [(None, 4242)]),
        _ => return false,
    }
    true
}
