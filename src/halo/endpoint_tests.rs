//! What the room promises about each question that it asks Halo, over real sockets.

use serde_json::json as value;

use super::testing::{Play, Server, json};
use super::*;
use crate::domain::callback::EventNumber;

const GUID: &str = "60b2ec55-fabe-417a-b354-40d962ef8031";

async fn answering(body: serde_json::Value) -> Server {
    let body = body.to_string();
    Server::halo(move |_, _| json(200, &body)).await
}

async fn gone() -> Server {
    Server::halo(|_, _| json(404, "")).await
}

fn draft(id: Option<&str>, password: Option<&str>) -> WebhookDraft {
    WebhookDraft {
        id: id.map(str::to_owned),
        name: "Pia - Ticket Created".into(),
        url: Secret::new("https://pia.example/t"),
        username: "pia".into(),
        password: password.map(Secret::new),
        active: true,
        tells_disabled: id.is_some(),
        making: Default::default(),
        options: Default::default(),
        note: None,
    }
}

#[tokio::test]
async fn page_of_clients_is_asked_for_as_halo_needs_it() {
    let server = answering(value!({ "record_count": 237, "clients": [
        { "id": 12, "name": "Northwind", "toplevel_name": "Customers", "main_site_name": "Main", "inactive": false },
        { "id": "13", "inactive": true, "new_access_token": "x", "logo": "y".repeat(10_000) },
        { "name": "nobody" }, { "id": 1e30 }, 7, { "id": 14, "inactive": "maybe" }, { "id": 15, "inactive": {} },
        { "id": 16, "inactive": "0" }, { "id": 17, "inactive": null },
    ] }))
    .await;
    let page = server.api().clients_page(3).await.unwrap();
    assert_eq!(
        server.last("/api/Client").target,
        "/api/Client?pageinate=true&page_size=100&page_no=3&order=id&orderdesc=false&includeinactive=true"
    );
    assert_eq!(page.record_count, Some(237));
    let rows: Vec<_> = page.clients.iter().map(|row| (row.id, row.name.raw(), row.inactive)).collect();
    assert_eq!(rows, [(12, "Northwind", false), (13, "", true), (16, "", false), (17, "", false)]);
    assert_eq!(page.clients[0].main_site.as_ref().unwrap().raw(), "Main");
    let bad: Vec<_> = page.bad_rows.iter().map(|bad| bad.id).collect();
    assert_eq!(bad, [None, None, None, Some(14), Some(15)]);
}

#[tokio::test]
async fn probe_costs_one_row() {
    let server = answering(value!({ "record_count": 237, "clients": [{ "id": 1 }] })).await;
    assert_eq!(server.api().probe_clients().await, Ok(Some(237)));
    assert!(server.last("/api/Client").target.contains("page_size=1&page_no=1"));
}

#[tokio::test]
async fn one_client_is_read_or_missing_and_never_another() {
    let server = answering(value!({ "id": 12, "name": "Northwind" })).await;
    assert_eq!(server.api().client(12).await.unwrap().unwrap().name.raw(), "Northwind");
    assert_eq!(server.last("/api/Client/12").method, "GET");
    assert!(matches!(server.api().client(13).await, Err(HaloError::Unexpected { what: BadReply::OtherObject, .. })));
    assert_eq!(gone().await.api().client(12).await, Ok(None));
}

#[tokio::test]
async fn agents_come_in_both_forms_and_only_assignable_are_offered() {
    let rows = value!([
        { "id": 1, "name": "Unassigned", "isdisabled": false },
        { "id": 7, "name": "Dana", "isdisabled": false, "is_agent": true },
        { "id": 8, "name": "Fox", "isdisabled": true },
        { "id": 9 },
    ]);
    for body in [rows.clone(), value!({ "results": rows, "record_count": 4 })] {
        let agents = answering(body).await.api().agents().await.unwrap();
        let read: Vec<_> = agents.iter().map(|agent| (agent.id, agent.assignable)).collect();
        assert_eq!(read, [(1, false), (7, true), (8, false)]);
    }
}

#[tokio::test]
async fn teams_and_ticket_types_are_asked_for_in_full() {
    let server = answering(value!([{ "id": 3, "name": "Pia", "inactive": true }, { "id": 4, "name": "Desk" }])).await;
    let api = server.api();
    let teams = api.teams().await.unwrap();
    assert_eq!(teams.iter().map(|team| (team.id, team.inactive)).collect::<Vec<_>>(), [(3, true), (4, false)]);
    let types = api.ticket_types().await.unwrap();
    assert_eq!(types.iter().map(|kind| (kind.id, kind.active)).collect::<Vec<_>>(), [(3, false), (4, true)]);
    assert_eq!(server.last("/api/Team").target, "/api/Team?showall=true");
    assert_eq!(server.last("/api/TicketType").target, "/api/TicketType?showall=true");
}

#[tokio::test]
async fn version_is_read_from_cheap_place() {
    let server = answering(value!({ "app_version": "2.196.1", "agent_count": 3 })).await;
    assert_eq!(server.api().instance().await.unwrap().version.unwrap().raw(), "2.196.1");
    assert_eq!(server.last("/api/InstanceInfo").method, "GET");
}

#[tokio::test]
async fn runbooks_are_no_webhooks_and_webhook_is_off_in_two_ways() {
    let server = answering(value!([
        { "id": GUID, "name": "w", "type": 0, "url": "https://x/t", "active": true, "method": 0,
          "content_type": "application/json", "authentication_type": 1, "basic_username": "pia" },
        { "id": "a", "name": "runbook", "type": 1 },
        { "id": "b", "active": false }, { "id": "c", "active": true, "disabled": true }, { "name": "without id" },
    ]))
    .await;
    let webhooks = server.api().webhooks().await.unwrap();
    assert_eq!(server.last("/api/Webhook").target, "/api/Webhook?type=0");
    let read: Vec<_> = webhooks.iter().map(|webhook| (webhook.id.as_str(), webhook.active)).collect();
    assert_eq!(read, [(GUID, true), ("b", false), ("c", false)]);
    assert_eq!(webhooks[0].url.expose(), "https://x/t");
    assert_eq!((webhooks[0].method, webhooks[0].authentication_type), (Some(0), Some(1)));
}

#[tokio::test]
async fn webhook_is_sent_as_array_and_id_read_from_either_reply() {
    for (status, body) in [(201, value!({ "id": GUID })), (200, value!([{ "id": GUID, "events": [] }]))] {
        let body = body.to_string();
        let server = Server::halo(move |_, _| json(status, &body)).await;
        let id = server.api().save_webhook(&draft(None, Some("hunter2"))).await.unwrap();
        assert_eq!(id.as_deref(), Some(GUID));
        let sent = server.last("/api/Webhook");
        assert!(sent.headers.to_lowercase().contains("content-type: application/json"));
        assert_eq!(
            sent.json(),
            value!([{ "name": "Pia - Ticket Created", "type": 0, "url": "https://pia.example/t", "method": 0,
                "content_type": "application/json", "authentication_type": 1, "basic_username": "pia",
                "basic_password": "hunter2", "batch_method": 0, "active": true }])
        );
    }
}

#[tokio::test]
async fn change_names_id_and_keeps_password_unless_it_is_given() {
    let server = Server::halo(|_, _| Play::Reply(201, "", String::new())).await;
    assert_eq!(server.api().save_webhook(&draft(Some(GUID), None)).await, Ok(None), "an empty reply is read back");
    let sent = server.last("/api/Webhook").json();
    assert_eq!(sent[0]["id"], GUID);
    assert!(sent[0].get("basic_password").is_none());
}

#[tokio::test]
async fn id_from_halo_cannot_lead_to_another_address() {
    let server = answering(value!([])).await;
    let api = server.api();
    for id in ["../Client/7", "..", ".", "", "a/b", "a?b", "a#b", "a%2fb", &"a".repeat(65)] {
        assert!(api.delete_webhook(id).await.is_err(), "{id}");
        assert_eq!(api.webhook(id).await, Ok(None), "{id}");
        assert!(api.save_webhook(&draft(Some(id), None)).await.is_err(), "{id}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn only_bindings_of_webhook_count_even_if_halo_ignores_filter() {
    let server = answering(value!([
        { "id": 1, "eventno": 3, "name": "New Ticket Logged", "webhook_id": GUID.to_uppercase() },
        { "id": 2, "eventno": "19", "webhook_id": GUID },
        { "id": 3, "eventno": 3, "webhook_id": "8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77" },
        { "id": 4, "eventno": 3 },
        { "id": 5, "webhook_id": GUID },
    ]))
    .await;
    let bindings = server.api().bindings(GUID).await.unwrap();
    let read: Vec<_> = bindings.iter().map(|binding| (binding.id, binding.event.0)).collect();
    assert_eq!(read, [(1, 3), (2, 19)]);
    assert_eq!(server.last("/api/Notification").target, format!("/api/Notification?webhook_id={GUID}"));

    // Where no row says whose it is, the webhook does; and where that says nothing either, nothing is guessed.
    let rows =
        value!([{ "id": 1, "eventno": 3, "delivery_method": 6 }, { "id": 2, "eventno": 3, "delivery_method": 6 }]);
    for (webhook, expected) in [
        (value!({ "id": GUID, "events": [{ "id": 2 }] }), Some(vec![2])),
        (value!({ "id": GUID, "events": [] }), Some(Vec::new())),
        (value!({ "id": GUID }), None),
        (value!({ "id": "8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77", "events": [{ "id": 2 }] }), None),
    ] {
        let (rows, webhook) = (rows.to_string(), webhook.to_string());
        let is_list = |seen: &testing::Seen| seen.path() == "/api/Notification";
        let silent = Server::halo(move |seen, _| json(200, if is_list(seen) { &rows } else { &webhook })).await;
        let bindings = silent.api().bindings(GUID).await;
        let ids = bindings.ok().map(|bindings| bindings.iter().map(|binding| binding.id).collect::<Vec<_>>());
        assert_eq!(ids, expected);
    }
}

/// An answer about something else is no word that an object is gone, and its members are nobody's proof.
#[tokio::test]
async fn one_webhook_or_tab_is_read_or_missing_and_never_another() {
    for odd in [value!({}), value!({ "id": 12, "name": "Northwind" }), value!({ "id": "60b2ec55", "name": "x" })] {
        let server = answering(odd).await;
        let api = server.api();
        let is_other = |error| matches!(error, HaloError::Unexpected { what: BadReply::OtherObject, .. });
        assert!(is_other(api.tab(46).await.unwrap_err()));
        assert!(is_other(api.tab_members(46).await.unwrap_err()));
        assert!(is_other(api.webhook(GUID).await.unwrap_err()));
        assert!(is_other(api.webhook_members(GUID).await.unwrap_err()));
    }
    let server = answering(value!({ "id": "46", "name": "Pia Chat Pod" })).await;
    assert!(server.api().tab_members(46).await.unwrap().is_some(), "a number may be written as a text");
}

/// What was read of an object before it is deleted is everything that can be written again, and no id.
#[tokio::test]
async fn webhook_s_own_ways_are_kept_for_roll_back() {
    let ways = value!({ "id": GUID, "guid": GUID, "name": "x", "custom_payload": true, "use_lightweight_logs": true,
        "certificate_id": 7, "icon": "bolt", "last_status": 3 });
    let members = answering(ways).await.api().webhook_members(GUID).await.unwrap().unwrap();
    let names: Vec<&str> = members.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["certificate_id", "custom_payload", "icon", "name", "use_lightweight_logs"]);
}

#[tokio::test]
async fn binding_is_made_without_guid() {
    let server = answering(value!({ "id": 77 })).await;
    let id = server.api().bind_event(GUID, EventNumber(3), &"New $#request Logged - All".into()).await;
    assert_eq!(id, Ok(Some(77)));
    assert_eq!(
        server.last("/api/Notification").json(),
        value!([{ "guid": null, "webhook_id": GUID, "eventno": 3, "name": "New $#request Logged - All", "type": -2,
            "delivery_method": 6, "agent_id": 0, "conditions": [] }])
    );
}

#[tokio::test]
async fn what_is_already_gone_is_deleted() {
    let server = gone().await;
    let api = server.api();
    assert_eq!(api.delete_webhook(GUID).await, Ok(()));
    assert_eq!(api.unbind_event(7).await, Ok(()));
    assert_eq!(api.delete_tab(46).await, Ok(()));
    let methods: Vec<_> = server.seen().into_iter().filter(|seen| seen.method == "DELETE").collect();
    assert_eq!(
        methods.iter().map(|seen| seen.target.as_str()).collect::<Vec<_>>(),
        [format!("/api/Webhook/{GUID}").as_str(), "/api/Notification/7", "/api/Tabs/46"]
    );
    assert_eq!(Server::halo(|_, _| json(200, "")).await.api().delete_tab(46).await, Ok(()));
    let page = Server::halo(|_, _| json(200, "<html>sign in</html>")).await.api().delete_tab(46).await;
    assert!(page.unwrap_err().may_have_been_applied());
}

#[tokio::test]
async fn catalogue_keeps_form_that_fires() {
    let server = answering(value!([
        { "id": 3, "name": "New $#request Logged - Assigned Agent" },
        { "id": 3, "name": "New $#request Logged - All" },
        { "id": "19", "name": "Updated" },
        { "id": 3, "name": "New $#request Logged - Assigned Team" },
        { "name": "no number" },
    ]))
    .await;
    let catalogue = server.api().event_catalogue().await.unwrap();
    let read: Vec<_> = catalogue.iter().map(|(number, name)| (number.0, name.raw())).collect();
    assert_eq!(read, [(3, "New Ticket Logged - All"), (19, "Updated")]);
    assert_eq!(server.last("/api/Lookup").target, "/api/Lookup?lookupid=64");
}

#[tokio::test]
async fn tabs_are_read_made_and_changed() {
    let server = answering(value!([
        { "id": 46, "name": "Pia Chat Pod", "tableid": 1, "type": 1, "url": "https://pia.example" },
        { "id": 47, "name": "Fields", "tableid": 1, "type": 0 },
    ]))
    .await;
    let api = server.api();
    let tabs = api.tabs().await.unwrap();
    assert_eq!(
        tabs.iter().map(|tab| (tab.id, tab.tab_type, tab.url.is_some())).collect::<Vec<_>>(),
        [(46, Some(1), true), (47, Some(0), false)]
    );
    assert_eq!(api.tab(46).await.unwrap().unwrap().name.raw(), "Pia Chat Pod");
    assert_eq!(gone().await.api().tab(46).await, Ok(None));

    let draft =
        TabDraft { id: None, name: "Pia Chat Pod".into(), url: "https://pia.example/$FAULTID".into(), kind: Some(1) };
    assert_eq!(api.save_tab(&draft).await, Ok(Some(46)));
    assert_eq!(
        server.last("/api/Tabs").json(),
        value!([{ "name": "Pia Chat Pod", "tableid": 1, "type": 1, "url": "https://pia.example/$FAULTID",
            "sequence": 10, "columns": 1, "icon": "comments", "send_secure_url_parameter": false }])
    );
    api.save_tab(&TabDraft { id: Some(46), ..draft }).await.unwrap();
    assert_eq!(
        server.last("/api/Tabs").json(),
        value!([{ "id": 46, "name": "Pia Chat Pod", "tableid": 1, "type": 1, "url": "https://pia.example/$FAULTID" }])
    );
}

#[tokio::test]
async fn ticket_type_is_read_with_its_tabs() {
    let server = answering(value!({ "id": 1, "name": "Incident", "allowall_iframe_customtabs": false,
        "allowed_iframe_customtabs": [{ "id": 5, "tickettype_id": 1, "iframetab_id": 46 }, 7, { "id": 6 }] }))
    .await;
    let held = server.api().ticket_type(1).await.unwrap().unwrap();
    assert_eq!((held.allows_all_tabs, held.active, held.tabs), (Some(false), true, vec![46]));
    assert_eq!(
        server.last("/api/TicketType/1").target,
        "/api/TicketType/1?nocache=true&includedetails=true&includeconfig=true"
    );
    assert_eq!(gone().await.api().ticket_type(1).await, Ok(None));
    let bare = answering(value!({ "id": 1, "allowed_iframe_customtabs": null })).await;
    assert!(bare.api().ticket_type(1).await.unwrap().unwrap().tabs.is_empty());
}

#[tokio::test]
async fn setting_tabs_sends_full_list_and_keeps_rows_that_are_there() {
    let server = answering(value!({ "id": 1, "allowall_iframe_customtabs": false,
        "allowed_iframe_customtabs": [{ "id": 5, "tickettype_id": 1, "iframetab_id": 40 }] }))
    .await;
    server.api().change_tabs(1, |tabs| *tabs = vec![40, 46]).await.unwrap();
    assert_eq!(
        server.last("/api/TicketType").json(),
        value!([{ "id": 1, "allowall_iframe_customtabs": false, "allowed_iframe_customtabs": [
            { "id": 5, "tickettype_id": 1, "iframetab_id": 40 }, { "tickettype_id": 1, "iframetab_id": 46 }] }])
    );
    let gone = gone().await;
    assert!(matches!(gone.api().change_tabs(1, |tabs| tabs.push(46)).await, Err(HaloError::NotFound { .. })));
    assert_eq!(gone.count("/api/TicketType"), 0, "nothing was written");
}

/// Versions that do not tell whether a type shows every tab: a "no" in its place would hide every tab of others.
#[tokio::test]
async fn what_was_not_told_of_tabs_is_not_written() {
    let server = answering(value!({ "id": 1, "allowed_iframe_customtabs": [{ "id": 5, "iframetab_id": 40 }] })).await;
    let held = server.api().ticket_type(1).await.unwrap().unwrap();
    assert_eq!((held.allows_all_tabs, held.tabs), (None, vec![40]), "unknown is not no");
    server.api().change_tabs(1, |tabs| tabs.push(46)).await.unwrap();
    assert_eq!(
        server.last("/api/TicketType").json(),
        value!([{ "id": 1, "allowed_iframe_customtabs": [
            { "id": 5, "tickettype_id": 1, "iframetab_id": 40 }, { "tickettype_id": 1, "iframetab_id": 46 }] }])
    );
}

#[tokio::test]
async fn of_own_agent_only_what_matters_is_read_of_megabytes() {
    let claims: Vec<_> = (0..2_000).map(|at| value!({ "type": format!("p{at}"), "value": "0" })).collect();
    for (body, is_admin, chosen) in [
        (value!({ "claims": claims, "new_access_token": "x", "is_admin": true, "clients": [] }), Some(true), false),
        (value!({ "claims": [], "is_admin": false, "clients": [{ "id": 3 }, { "id": "4" }] }), Some(false), true),
        (value!({ "claims": [], "name": "Pia" }), None, false),
    ] {
        let server = answering(body).await;
        let agent = server.api().own_agent().await.unwrap();
        assert_eq!((agent.is_admin, agent.sees_chosen_clients), (is_admin, chosen));
        assert_eq!(server.count("/api/Agent/me"), 1);
    }
}
