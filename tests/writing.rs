//! What is written to Halo: whatever is ours, and of the rest only what was read.

use std::collections::BTreeSet;

use pia_halo::demo::{Fault, State};
use serde_json::Value;

use crate::delivering::{configured, few};
use crate::support::Profile;

/// The members that are ours, by path.
const OURS: [(&str, &[&str]); 6] = [
    (
        "/api/webhook",
        &[
            "name",
            "type",
            "url",
            "method",
            "content_type",
            "authentication_type",
            "basic_username",
            "basic_password",
            "batch_method",
            "active",
            "note",
        ],
    ),
    ("/api/notification", &["type", "delivery_method", "conditions"]),
    ("/api/tabs", &["name", "url", "tableid"]),
    ("/api/tickettype", &["allowed_iframe_customtabs"]),
    ("/api/tickets", &["team", "agent_id", "status_id"]),
    ("/api/actions", &[]),
];

/// The members of an object as Halo tells them.
fn told(state: &State, path: &str, id: &Value) -> BTreeSet<String> {
    let is_it = |object: &&pia_halo::demo::Object| object.members.get("id") == Some(id);
    let found = match path {
        "/api/tickettype" => return ["allowall_iframe_customtabs".to_owned()].into(),
        "/api/webhook" => state.webhooks.iter().find(is_it),
        "/api/notification" => state.notifications.iter().find(is_it),
        "/api/tabs" => state.tabs.iter().find(is_it),
        _ => None,
    };
    found.map(|object| object.members.keys().cloned().collect()).unwrap_or_default()
}

/// Runs a command, and looks at each object that it has changed in Halo.
async fn looked_at(profile: &Profile, arguments: &[&str], seen: &mut BTreeSet<&'static str>) {
    let before: Vec<_> = profile.halo.look(|state| {
        let objects = [("/api/webhook", &state.webhooks), ("/api/notification", &state.notifications)];
        let objects = objects.into_iter().chain([("/api/tabs", &state.tabs)]);
        let all = objects.flat_map(|(path, all)| all.iter().map(move |one| (path, one.members["id"].clone())));
        all.map(|(path, id)| (path, id.clone(), told(state, path, &id))).collect()
    });
    profile.halo.clear_requests();
    profile.run(arguments).await.expect(0);
    for request in profile.halo.writes().iter().filter(|request| request.method == "POST") {
        let (path, ours) =
            *OURS.iter().find(|(path, _)| *path == request.path).expect("a write that is not known here");
        let Some(Value::Array(elements)) = &request.body else { panic!("{request:?}") };
        for element in elements.iter().filter(|element| element.get("id").is_some()) {
            let read = before.iter().find(|(own, id, _)| *own == path && *id == element["id"]);
            let read = read.map_or_else(
                || profile.halo.look(|state| told(state, path, &element["id"])),
                |(_, _, members)| members.clone(),
            );
            for member in element.as_object().unwrap().keys().filter(|member| *member != "id") {
                assert!(ours.contains(&member.as_str()) || read.contains(member), "{arguments:?}: {member} of {path}");
            }
            seen.insert(path);
        }
    }
}

/// Every kind of write, at a Halo that leaves members out of what it tells.
#[tokio::test(flavor = "multi_thread")]
async fn every_write_sends_only_what_is_ours_or_was_read() {
    const CREATED: &str = "Pia - Ticket Created";
    let (profile, service) = configured(few()).await;
    let mut seen = BTreeSet::new();
    let leave_out = |state: &mut State| {
        for webhook in &mut state.webhooks {
            webhook
                .members
                .retain(|member, _| !["disabled", "batch_method", "note", "icon"].contains(&member.as_str()));
        }
        for tab in &mut state.tabs {
            tab.members.retain(|member, _| !["type", "icon", "sequence"].contains(&member.as_str()));
        }
    };
    let drift = |state: &mut State| {
        state.webhook_mut(CREATED).unwrap().set("active", false);
        let tab = state.tabs.iter_mut().find(|tab| tab.name() == "Pia Chat Pod").unwrap();
        tab.set("name", "Chat");
        let id = state.webhook(CREATED).unwrap().text("id").to_owned();
        let row = state.notifications.iter_mut().find(|row| row.text("webhook_id") == id).unwrap();
        row.set("delivery_method", 0);
        state.ticket_types.iter_mut().for_each(|kind| kind.links.clear());
    };
    for faults in [&[][..], &[Fault::TabMembersMissing]] {
        profile.halo.change(|state| {
            leave_out(state);
            drift(state);
            faults.iter().for_each(|fault| state.set_fault(*fault, true));
        });
        let configure = profile.run(["plan", "--json"]).await;
        assert_eq!(configure.code, 3);
        if faults.is_empty() {
            looked_at(&profile, &["configure", "--yes"], &mut seen).await;
            let sent = profile.halo.writes();
            let webhooks = sent.iter().filter(|request| request.path == "/api/webhook");
            assert!(
                webhooks.clone().count() > 0
                    && webhooks.into_iter().all(|one| one.body.as_ref().unwrap()[0].get("disabled").is_none())
            );
            looked_at(&profile, &["configure", "--roll-back", "--yes"], &mut seen).await;
            looked_at(&profile, &["configure", "--yes"], &mut seen).await;
            looked_at(&profile, &["rotate", "--yes"], &mut seen).await;
            looked_at(&profile, &["escalate", "33470", "--note", "needs a person"], &mut seen).await;
            looked_at(&profile, &["check", "--full-circle", "--yes"], &mut seen).await;
        } else {
            profile.halo.clear_requests();
            profile.run(["configure", "--yes"]).await;
            let types = profile.halo.writes().into_iter().filter(|request| request.path == "/api/tickettype");
            assert_eq!(types.count(), 0, "what Halo does not tell of a ticket type is not written");
        }
    }
    profile.halo.set_fault(Fault::TabMembersMissing, false);
    looked_at(&profile, &["remove", "--yes"], &mut seen).await;
    let kinds: Vec<_> = seen.into_iter().collect();
    assert_eq!(kinds, ["/api/notification", "/api/tabs", "/api/tickets", "/api/tickettype", "/api/webhook"]);
    drop(service);
}

/// Halo switches a webhook off by either of two members: the one that it tells is written back.
#[tokio::test(flavor = "multi_thread")]
async fn webhook_that_tells_disabled_is_switched_on_by_it() {
    let (profile, service) = configured(few()).await;
    profile.halo.change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("disabled", true));
    profile.halo.clear_requests();
    profile.run(["configure", "--yes"]).await.expect(0);
    let sent = profile.halo.writes();
    let body = sent.iter().find(|request| request.path == "/api/webhook").and_then(|request| request.body.as_ref());
    assert_eq!(body.unwrap()[0]["disabled"], false);
    drop(service);
}
