//! Drift: every object, and everything that can become of it. Each cell has its name, is named by `plan`, and is
//! repaired by `configure`, after which nothing is pending.

use pia_halo::demo::{Object, State, TabLink};
use serde_json::{Value, json};

use crate::support::Profile;
use crate::support::changing::{When, killed_at, small};

/// A cell: its name, what somebody did, and the changes that repair it, as `action kind field`.
struct Cell {
    name: &'static str,
    drift: fn(&mut State, &str),
    repair: &'static [&'static str],
}

const fn cell(name: &'static str, drift: fn(&mut State, &str), repair: &'static [&'static str]) -> Cell {
    Cell { name, drift, repair }
}

/// The changes of a plan that are pending, as `action kind field,field`.
fn pending(plan: &Value) -> Vec<String> {
    let pending = plan["changes"].as_array().unwrap().iter().filter(|change| change["action"] != "keep");
    let text = |change: &Value| {
        let fields: Vec<_> =
            change["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap()).collect();
        let named = if change["action"] == "update" { fields.join(",") } else { String::new() };
        format!("{} {} {named}", change["action"].as_str().unwrap(), change["kind"].as_str().unwrap()).trim().to_owned()
    };
    pending.map(text).collect()
}

/// Goes through cells on one profile: each is repaired before the next begins.
async fn walk(cells: &[Cell], objects: &[&str]) {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    // A ticket type is Halo's own: one more of them is no leftover.
    let recorded = async || {
        let status = profile.json(["status"], 0).await;
        let objects = status["integration"]["objects"].as_array().unwrap();
        objects.iter().filter(|object| object["kind"] != "ticket_type").count()
    };
    let before = recorded().await;
    for object in objects {
        for cell in cells {
            let what = format!("{object}, {}", cell.name);
            profile.halo.change(|state| (cell.drift)(state, object));
            let plan = profile.run(["plan", "--json"]).await;
            assert_eq!(plan.code, 3, "{what}: {plan:#?}");
            let plan = plan.json();
            assert_eq!(pending(&plan), cell.repair, "{what}");
            assert_eq!(plan["blocked"], json!([]), "{what}");
            let report = profile.run(["configure", "--yes", "--json"]).await;
            assert_eq!(report.json()["status"], "configured", "{what}: {report:#?}");
            let plan = profile.run(["plan", "--json"]).await;
            assert_eq!(plan.code, 0, "{what}: {plan:#?}");
        }
        assert_eq!(recorded().await, before, "{object}: what was made anew takes the place of what is gone");
    }
}

fn webhook<'a>(state: &'a mut State, name: &str) -> &'a mut Object {
    state.webhook_mut(name).unwrap()
}

const CREATED: &str = "Pia - Ticket Created";
const UPDATED: &str = "Pia - Ticket Updated";

/// A copy of a webhook with its events, as a second installer leaves it. Its name has to be another one.
fn copy_of(state: &mut State, name: &str) {
    let original = state.webhook(name).unwrap().clone();
    let guid = "00000000-0000-4000-8000-00000000c0de";
    let mut copy = original.clone();
    copy.set("id", guid);
    copy.set("name", "Copy");
    let mut bindings: Vec<Object> = state.bindings(original.text("id")).cloned().collect();
    for (number, binding) in bindings.iter_mut().enumerate() {
        binding.set("id", 900 + i64::try_from(number).unwrap());
        binding.set("webhook_id", guid);
    }
    state.notifications.extend(bindings);
    // In front of the other: what our record holds stays, wherever it stands in the list.
    state.webhooks.insert(0, copy);
}

/// The webhook itself. Thirteen cells for each of the two.
#[tokio::test(flavor = "multi_thread")]
async fn drift_of_webhook_is_named_and_repaired() {
    let cells = [
        cell("renamed", |state, name| webhook(state, name).set("name", "Somebody's"), &["update webhook name"]),
        cell(
            "address changed",
            |state, name| webhook(state, name).set("url", "https://elsewhere.example/"),
            &["update webhook url"],
        ),
        cell(
            "switched off by Halo: not active",
            |state, name| webhook(state, name).set("active", false),
            &["update webhook active"],
        ),
        cell(
            "switched off by Halo: disabled",
            |state, name| webhook(state, name).set("disabled", true),
            &["update webhook active"],
        ),
        cell("method edited", |state, name| webhook(state, name).set("method", 2), &["update webhook method"]),
        cell(
            "body of somebody's own making",
            |state, name| webhook(state, name).set("custom_payload", true),
            &["update webhook custom_payload"],
        ),
        cell(
            "encrypted with a key that is not ours",
            |state, name| webhook(state, name).set("encrypt_request", true),
            &["update webhook encrypt_request"],
        ),
        cell("made something else", |state, name| webhook(state, name).set("type", 5), &["update webhook type"]),
        cell(
            "content type edited",
            |state, name| webhook(state, name).set("content_type", "application/xml"),
            &["update webhook content_type"],
        ),
        cell(
            "authentication edited",
            |state, name| webhook(state, name).set("authentication_type", 0),
            &["update webhook authentication"],
        ),
        cell(
            "user edited",
            |state, name| webhook(state, name).set("basic_username", "root"),
            &["update webhook basic_username"],
        ),
    ];
    walk(&cells, &[CREATED, UPDATED]).await;
    let missing = |state: &mut State, name: &str| state.webhooks.retain(|webhook| webhook.name() != name);
    walk(&[cell("missing", missing, &["create webhook", "create webhook_event"])], &[CREATED]).await;
    let four = [
        "create webhook",
        "create webhook_event",
        "create webhook_event",
        "create webhook_event",
        "create webhook_event",
    ];
    let four: &'static [&'static str] = Box::leak(Box::new(four));
    walk(&[cell("missing", missing, four)], &[UPDATED]).await;
    walk(&[cell("second copy", copy_of, &["delete webhook_event", "delete webhook"])], &[CREATED]).await;
    let four = [
        "delete webhook_event",
        "delete webhook_event",
        "delete webhook_event",
        "delete webhook_event",
        "delete webhook",
    ];
    let four: &'static [&'static str] = Box::leak(Box::new(four));
    walk(&[cell("second copy", copy_of, four)], &[UPDATED]).await;
}

/// The binding of an event, by the event's number.
fn event<'a>(state: &'a mut State, number: &str) -> &'a mut Object {
    let number: i64 = number.parse().unwrap();
    let ours: Vec<String> =
        [CREATED, UPDATED].iter().map(|name| state.webhook(name).unwrap().text("id").to_owned()).collect();
    let is_it =
        |row: &&mut Object| row.int("eventno") == Some(number) && ours.contains(&row.text("webhook_id").to_owned());
    state.notifications.iter_mut().find(is_it).unwrap()
}

/// Each of the five events. Eight cells each.
#[tokio::test(flavor = "multi_thread")]
async fn drift_of_event_is_named_and_repaired() {
    let cells = [
        cell(
            "missing",
            |state, number| {
                let id = event(state, number).int("id");
                state.notifications.retain(|row| row.int("id") != id);
            },
            &["create webhook_event"],
        ),
        cell(
            "moved to somebody's webhook by its guid",
            |state, number| {
                let theirs = state.webhooks.iter().find(|webhook| !webhook.made_by_api).unwrap();
                let theirs = theirs.text("id").to_owned();
                event(state, number).set("webhook_id", theirs);
            },
            &["create webhook_event"],
        ),
        cell(
            "kept back by a condition",
            |state, number| event(state, number).set("conditions", json!([{ "fieldname": "team", "type": 0 }])),
            &["update webhook_event conditions"],
        ),
        cell(
            "switched off",
            |state, number| event(state, number).set("inactive", true),
            &["update webhook_event inactive"],
        ),
        cell(
            "of a kind that does not fire",
            |state, number| event(state, number).set("type", 0),
            &["update webhook_event type"],
        ),
        cell(
            "delivered another way",
            |state, number| event(state, number).set("delivery_method", 1),
            &["update webhook_event delivery"],
        ),
        cell(
            "duplicate",
            |state, number| {
                let mut twin = event(state, number).clone();
                twin.set("id", 950);
                state.notifications.push(twin);
            },
            &["delete webhook_event"],
        ),
        cell(
            "one more than ours",
            |state, number| {
                let mut extra = event(state, number).clone();
                extra.set("id", 951);
                extra.set("eventno", 42);
                state.notifications.push(extra);
            },
            &["delete webhook_event"],
        ),
    ];
    walk(&cells, &["3", "19", "39", "76", "1072"]).await;
}

/// The tab. Eight cells.
#[tokio::test(flavor = "multi_thread")]
async fn drift_of_tab_is_named_and_repaired() {
    let cells = [
        cell("renamed", |state, tab| state.tab_mut(tab).unwrap().set("name", "Chat"), &["update custom_tab name"]),
        cell(
            "address changed",
            |state, tab| state.tab_mut(tab).unwrap().set("url", "https://elsewhere.example/"),
            &["update custom_tab url"],
        ),
        cell(
            "another query behind the address",
            |state, tab| state.tab_mut(tab).unwrap().set("url", "https://pia.acme.example/pod?t=$FAULTID"),
            &["update custom_tab url"],
        ),
        cell(
            "made another kind of tab",
            |state, tab| state.tab_mut(tab).unwrap().set("type", 0),
            &["update custom_tab type"],
        ),
        cell(
            "moved to another entity",
            |state, tab| state.tab_mut(tab).unwrap().set("tableid", 2),
            &["update custom_tab entity"],
        ),
        cell(
            "second copy",
            |state, tab| {
                let mut copy = state.tab(tab).unwrap().clone();
                copy.set("id", 990);
                copy.set("guid", "00000000-0000-4000-8000-00000000c0de");
                state.tabs.insert(0, copy);
            },
            &["delete custom_tab"],
        ),
        cell(
            "second copy that a ticket type shows",
            |state, tab| {
                let mut copy = state.tab(tab).unwrap().clone();
                copy.set("id", 991);
                copy.set("guid", "00000000-0000-4000-8000-00000000c0de");
                state.tabs.push(copy);
                state.ticket_types[0].links.push(TabLink { id: 9_900, iframetab_id: 991 });
            },
            &["unlink ticket_type", "delete custom_tab"],
        ),
        cell(
            "missing",
            |state, tab| {
                let id = state.tab(tab).unwrap().int("id");
                state.tabs.retain(|tab| tab.int("id") != id);
                for kind in &mut state.ticket_types {
                    kind.links.retain(|link| Some(link.iframetab_id) != id);
                }
            },
            &[
                "create custom_tab",
                "link ticket_type",
                "link ticket_type",
                "link ticket_type",
                "link ticket_type",
                "link ticket_type",
                "link ticket_type",
            ],
        ),
    ];
    walk(&cells, &["Pia Chat Pod"]).await;
}

/// The links. A cell for each of the six ticket types, and one for a new type.
#[tokio::test(flavor = "multi_thread")]
async fn drift_of_link_is_named_and_repaired() {
    fn unlink(state: &mut State, name: &str) {
        let tab = state.tab("Pia Chat Pod").unwrap().int("id");
        state.ticket_type_mut(name).unwrap().links.retain(|link| Some(link.iframetab_id) != tab);
    }
    let types = ["Incident", "Change Request", "Service Request", "Problem", "Alert", "Demande & Préstation 🛠"];
    walk(&[cell("tab unlinked", unlink, &["link ticket_type"])], &types).await;
    fn new_type(state: &mut State, name: &str) {
        let mut new = state.ticket_types[0].clone();
        new.row.set("id", 77);
        new.row.set("name", name);
        new.links.clear();
        state.ticket_types.push(new);
    }
    walk(&[cell("new ticket type", new_type, &["link ticket_type"])], &["Onboarding"]).await;
}

/// What is no drift: a ticket type that is gone, retired, or shows every tab now; an edit of what we do not set.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_drift_raises_no_alarm() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.change(|state| {
        state.ticket_types.retain(|kind| kind.row.name() != "Problem");
        state.ticket_type_mut("Alert").unwrap().inactive = true;
        let kind = state.ticket_type_mut("Incident").unwrap();
        kind.allow_all_tabs = true;
        kind.links.clear();
        state.webhook_mut(CREATED).unwrap().set("note", "do not touch");
        state.webhook_mut(CREATED).unwrap().set("batch_limit", 5);
        let tab = state.tab_mut("Pia Chat Pod").unwrap();
        tab.set("sequence", 1);
        tab.set("icon", "robot");
    });
    profile.run(["plan"]).await.expect(0);
}

/// 100 clean runs of plan after configure: not one false alarm, and not one write.
#[tokio::test(flavor = "multi_thread")]
async fn hundred_clean_plans_after_configure_find_nothing() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.clear_requests();
    let workspace = profile.workspace();
    let (id, configuration, _) = workspace.configuration(None).unwrap();
    for run in 0..100 {
        let cancel = tokio_util::sync::CancellationToken::new();
        let plan = pia_halo::ops::plan::load(&workspace, &id, &configuration, cancel, |_| {}).await.unwrap().unwrap();
        assert!(!plan.changes_pending() && plan.blocked.is_empty(), "{run}: {plan:#?}");
    }
    assert_eq!(profile.halo.writes().iter().filter(|write| write.path.starts_with("/api/")).count(), 0);
}

/// What was not there before the first Configure is missing to nobody, also where that was killed half-way.
#[tokio::test(flavor = "multi_thread")]
async fn killed_first_configure_leaves_nothing_told_as_missing() {
    let profile = Profile::synced(small()).await;
    profile.run(["plan"]).await.expect(3);
    assert!(killed_at(&profile, &["configure", "--yes"], 3, When::After).await);
    let status = profile.json(["status"], 0).await;
    assert!(!status["integration"]["objects"].as_array().unwrap().is_empty(), "some of it is there");
    let told = profile.run(["issues"]).await.stdout;
    assert!(!told.contains("missing in Halo") && !told.contains("drift"), "{told}");
}
