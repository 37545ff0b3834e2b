//! What somebody does in Halo while a plan is carried out: between the plan and a write minutes can pass, in which the
//! run waits for Halo's request limit. What is not as the plan saw it is neither written nor deleted.

use pia_halo::demo::{RecordedRequest, Scripted, ScriptedAnswer, State};
use serde_json::{Value, json};

use crate::support::Profile;
use crate::support::changing::{outcomes, plain, small};

async fn configured() -> Profile {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.clear_requests();
    profile
}

/// Does something once, just before the first request of this method and path is answered.
fn before(profile: &Profile, method: &'static str, path: &'static str, act: impl Fn(&mut State) + Send + 'static) {
    let mut is_done = false;
    profile.halo.change(|state| {
        state.on_request = Some(Box::new(move |state: &mut State, request: &RecordedRequest| {
            if !is_done && request.method == method && request.path.starts_with(path) {
                is_done = true;
                act(state);
            }
        }));
    });
}

/// Somebody takes our tab out and makes one of their own, which gets its number.
fn replace_the_tab(state: &mut State) {
    let tab = state.tab_mut("Pia Chat Pod").unwrap();
    tab.set("guid", "00000000-0000-4000-8000-0000000000aa");
    tab.set("name", "Accounting");
    tab.set("url", "https://accounts.example/?t=$FAULTID");
}

fn messages(report: &Value, kind: &str) -> Vec<String> {
    let rows = report["results"].as_array().unwrap().iter().filter(|row| row["kind"] == kind);
    rows.map(|row| row["message"].as_str().unwrap_or_default().to_owned()).collect()
}

fn deletions(profile: &Profile, path: &str) -> usize {
    let is_it = |request: &&RecordedRequest| request.method == "DELETE" && request.path.starts_with(path);
    profile.halo.writes().iter().filter(is_it).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn tab_that_took_our_number_meanwhile_is_not_deleted() {
    let profile = configured().await;
    before(&profile, "POST", "/api/tickettype", replace_the_tab);
    let report = profile.json(["remove", "--yes"], 3).await;
    assert!(profile.halo.look(|state| state.tab("Accounting").is_some()), "{report}");
    assert_eq!(deletions(&profile, "/api/tabs"), 0);
    let links = messages(&report, "ticket_type");
    assert!(links[1].contains("it has changed in Halo since the plan was made"), "{links:?}");
    assert_eq!(outcomes(&report, "custom_tab"), ["skipped"]);
}

/// Its number is free from our deletion on: the second try that Halo is known to need must not hit its new owner.
#[tokio::test(flavor = "multi_thread")]
async fn tab_that_reuses_our_number_is_not_deleted() {
    let profile = configured().await;
    let mut deleted = None;
    profile.halo.change(|state| {
        state.on_request = Some(Box::new(move |state: &mut State, request: &RecordedRequest| {
            if request.method == "DELETE" && request.path.starts_with("/api/tabs/") {
                deleted = state.tab("Pia Chat Pod").cloned();
            } else if let Some(mut tab) = deleted.take() {
                tab.set("guid", "00000000-0000-4000-8000-0000000000aa");
                tab.set("name", "Accounting");
                tab.set("url", "https://accounts.example/?t=$FAULTID");
                state.tabs.push(tab);
            }
        }));
    });
    assert_eq!(profile.json(["remove", "--yes"], 0).await["status"], "removed");
    assert!(profile.halo.look(|state| state.tab("Accounting").is_some()));
    assert_eq!(deletions(&profile, "/api/tabs"), 1);
}

/// Another program sends the guid of a binding, which moves it to its own webhook.
#[tokio::test(flavor = "multi_thread")]
async fn event_moved_to_another_webhook_is_not_deleted() {
    let profile = configured().await;
    let moved = profile.halo.look(|state| {
        let ours = state.webhook("Pia - Ticket Updated").unwrap().text("id").to_owned();
        state.bindings(&ours).next().unwrap().int("id").unwrap()
    });
    before(&profile, "DELETE", "/api/notification", move |state| {
        let thief = state.webhooks.iter().find(|webhook| !webhook.made_by_api).unwrap().text("id").to_owned();
        state.notifications.iter_mut().find(|row| row.has_id(moved)).unwrap().set("webhook_id", thief);
    });
    assert_eq!(profile.json(["remove", "--yes"], 0).await["status"], "removed");
    assert!(profile.halo.look(|state| state.notifications.iter().any(|row| row.has_id(moved))), "it is theirs now");
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_that_was_changed_meanwhile_is_not_deleted() {
    let profile = configured().await;
    before(&profile, "DELETE", "/api/notification", |state| {
        state.webhook_mut("Pia - Ticket Updated").unwrap().set("url", "https://theirs.example/");
    });
    let report = profile.json(["remove", "--yes"], 3).await;
    assert!(profile.halo.look(|state| state.webhook("Pia - Ticket Updated").is_some()));
    let said = messages(&report, "webhook");
    assert!(said.iter().any(|words| words.contains("it has changed in Halo since the plan was made")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_edited_meanwhile_is_not_overwritten() {
    let profile = configured().await;
    profile.halo.change(|state| {
        state.tab_mut("Pia Chat Pod").unwrap().set("name", "Chat");
        state.webhook_mut("Pia - Ticket Created").unwrap().set("method", 3);
    });
    before(&profile, "POST", "/api/webhook", |state| replace_the_named(state, "Chat"));
    let report = profile.json(["configure", "--yes"], 3).await;
    assert_eq!((outcomes(&report, "webhook")[0], outcomes(&report, "custom_tab")[0]), ("done", "failed"), "{report}");
    assert!(profile.halo.look(|state| state.tab("Accounting").is_some()));
}

fn replace_the_named(state: &mut State, name: &str) {
    state.tab_mut(name).unwrap().set("name", "Pia Chat Pod");
    replace_the_tab(state);
}

/// Numbers come back: our record knows our tab by its guid, and a stranger with its number and its very name is one.
#[tokio::test(flavor = "multi_thread")]
async fn tab_with_our_number_and_our_name_is_not_ours_by_that() {
    let profile = configured().await;
    profile.halo.change(|state| {
        replace_the_tab(state);
        state.tab_mut("Accounting").unwrap().set("name", "Pia Chat Pod");
    });
    let report = profile.json(["remove", "--yes"], 0).await;
    assert!(profile.halo.look(|state| state.tab("Pia Chat Pod").is_some()), "{report}");
}

/// Where no row of the list says whose event it is, the webhook itself does.
#[tokio::test(flavor = "multi_thread")]
async fn events_without_owner_are_ours_only_if_our_webhook_names_them() {
    let profile = Profile::synced(small()).await;
    let before = plain(profile.halo.snapshot());
    profile.halo.change(|state| {
        for row in &mut state.notifications {
            row.set("delivery_method", 6);
        }
    });
    let with_theirs = plain(profile.halo.snapshot());
    assert_ne!(before, with_theirs, "somebody else has events that are delivered by webhook");
    profile.halo.set_fault("events-name-no-webhook".parse().unwrap(), true);
    profile.run(["configure", "--yes"]).await.expect(0);
    assert_eq!(profile.json(["plan"], 0).await["changes_pending"], json!(false));
    profile.run(["remove", "--yes"]).await.expect(0);
    assert_eq!(plain(profile.halo.snapshot()), with_theirs);
}

/// A link that outlives the tab makes the next tab of that number show on the ticket type: it stays in our record, is
/// told in every run, and goes as soon as it can.
#[tokio::test(flavor = "multi_thread")]
async fn links_that_outlive_tab_are_told_until_they_are_gone() {
    let profile = Profile::synced(small()).await;
    let untouched = plain(profile.halo.snapshot());
    let switch = |fault: &str, on| profile.halo.set_fault(fault.parse().unwrap(), on);
    switch("links-are-added", true);
    switch("links-outlive-the-tab", true);
    profile.run(["configure", "--yes"]).await.expect(0);
    assert_eq!(profile.json(["remove", "--yes"], 3).await["status"], "partly_done");
    let again = profile.json(["remove", "--yes"], 1).await;
    assert_eq!(outcomes(&again, "ticket_type"), ["unverified"; 6], "{again}");
    assert!(messages(&again, "ticket_type").iter().all(|words| words.contains("By hand: ")), "{again}");
    switch("links-are-added", false);
    assert_eq!(profile.json(["remove", "--yes"], 0).await["status"], "removed");
    assert_eq!(plain(profile.halo.snapshot()), untouched);
}

fn failing(times: u32) -> Scripted {
    let answer = ScriptedAnswer::Reply { status: 500, content_type: "", headers: Vec::new(), body: Vec::new() };
    Scripted { method: "POST", path: "/api/tickettype".to_owned(), skip: 0, times, apply: false, answer }
}

/// One object that Halo always stumbles over does not keep the others from being done.
#[tokio::test(flavor = "multi_thread")]
async fn one_ticket_type_that_halo_fails_at_does_not_stop_others() {
    for (times, done, failed, skipped) in [(1, 5, 1, 0), (6, 0, 2, 4)] {
        let profile = Profile::synced(small()).await;
        profile.halo.change(|state| state.scripted.push(failing(times)));
        let report = profile.json(["configure", "--yes"], 3).await;
        let links = outcomes(&report, "ticket_type");
        let count = |word: &str| links.iter().filter(|outcome| **outcome == word).count();
        assert_eq!((count("done"), count("failed"), count("skipped")), (done, failed, skipped), "{report}");
    }
}
