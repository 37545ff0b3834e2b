//! What is said of a run holds: what Halo keeps only in part, what it drops beside it, what was not tested and what this
//! agent may not see is never called done without a word.

use pia_halo::coordination::Lock;
use pia_halo::demo::{RecordedRequest, State};
use pia_halo::domain::activity::Actor;
use pia_halo::domain::object::ObjectKind;
use pia_halo::domain::plan::Action;
use pia_halo::domain::record::BeforeAfter;
use pia_halo::domain::record::Written;
use serde_json::{Value, json};

use crate::support::Profile;
use crate::support::changing::{outcomes, small};

/// Calls this with every request from now on, before it is answered.
fn meanwhile(profile: &Profile, act: impl FnMut(&mut State, &RecordedRequest) + Send + 'static) {
    profile.halo.change(|state| state.on_request = Some(Box::new(act)));
}

fn message(report: &Value, kind: &str, outcome: &str) -> String {
    let rows = report["results"].as_array().unwrap();
    let row = rows.iter().find(|row| row["kind"] == kind && row["outcome"] == outcome);
    row.unwrap_or_else(|| panic!("{report}"))["message"].as_str().unwrap_or_default().to_owned()
}

/// The plan and the read-back judge by one rule: what the next plan would mend is not done.
#[tokio::test(flavor = "multi_thread")]
async fn what_halo_keeps_in_part_is_not_called_done() {
    let profile = Profile::synced(small()).await;
    meanwhile(&profile, |state, _| {
        for name in ["Pia - Ticket Created", "Pia - Ticket Updated"] {
            let Some(webhook) = state.webhook_mut(name) else { continue };
            webhook.set("authentication_type", 0);
        }
        state.notifications.iter_mut().filter(|row| row.int("eventno") == Some(76)).for_each(|row| row.set("type", 3));
    });
    let report = profile.json(["configure", "--yes"], 3).await;
    assert_eq!(report["status"], "partly_done");
    assert_eq!(outcomes(&report, "webhook"), ["unverified", "unverified"]);
    assert!(message(&report, "webhook", "unverified").contains("authentication"), "{report}");
    assert!(message(&report, "webhook_event", "unverified").contains("type"), "{report}");
    assert_eq!(profile.json(["status"], 0).await["integration"]["configured_at"], Value::Null);
    assert_eq!(profile.json(["plan"], 3).await["changes_pending"], true);
}

/// Whether Halo replaces the list of tabs or adds to it is not known: what it drops of others is said.
#[tokio::test(flavor = "multi_thread")]
async fn tabs_of_others_that_halo_drops_are_named() {
    let profile = Profile::synced(small()).await;
    let shown = |state: &State| state.ticket_types.iter().map(|kind| kind.links.len()).max().unwrap();
    assert!(profile.halo.look(shown) > 0, "some type shows a foreign tab");
    meanwhile(&profile, |state, request| {
        let Some(ours) = state.tab("Pia Chat Pod").and_then(|tab| tab.int("id")) else { return };
        if request.method == "GET" && request.path.starts_with("/api/tickettype/") {
            for kind in &mut state.ticket_types {
                if kind.links.iter().any(|link| link.iframetab_id == ours) {
                    kind.links.retain(|link| link.iframetab_id == ours);
                }
            }
        }
    });
    let report = profile.json(["configure", "--yes"], 3).await;
    assert_eq!(report["status"], "partly_done");
    let words = message(&report, "ticket_type", "unverified");
    assert!(words.contains("dropped other tabs") && words.contains("By hand"), "{words}");
}

/// N1: what a restricted agent does not see is neither repaired nor taken out, and every command that judges by it says so.
#[tokio::test(flavor = "multi_thread")]
async fn what_agent_may_not_see_is_said_with_each_result() {
    let profile = Profile::synced(small()).await;
    profile.halo.set_fault("restricted-agent".parse().unwrap(), true);
    let about_types = |report: &Value| {
        let warnings = report["warnings"].as_array().unwrap_or_else(|| panic!("{report}"));
        let mut words = warnings.iter().map(|warning| warning.as_str().unwrap());
        assert!(words.any(|words| words.starts_with("Ticket types") && words.contains("may be more")), "{report}");
    };
    about_types(&profile.json(["plan"], 3).await);
    about_types(&profile.json(["configure", "--yes"], 0).await);
    let told = profile.run(["plan"]).await.expect(0);
    assert!(told.stderr.contains("Custom tabs") && told.stderr.contains("the agent is restricted"), "{told:#?}");
    about_types(&profile.json(["remove", "--yes"], 0).await);
}

/// Another Url would forget what the run in flight has just noted, and note the rest as done in another Halo.
#[tokio::test(flavor = "multi_thread")]
async fn another_halo_is_not_saved_while_configure_works() {
    let profile = Profile::synced(small()).await;
    let lock = profile.workspace().paths().lock("configure");
    let somebody = Actor { user: "fox".to_owned(), ..Actor::default() };
    let held = Lock::take(&lock, "Configure", &somebody, jiff::Timestamp::now()).unwrap();
    let settings = std::fs::read_to_string(profile.config()).unwrap();
    let file = profile.folder.path().join("moved.toml");
    let moved = profile.answers("acme", "").replace(profile.halo.url(), "https://other.example");
    std::fs::write(&file, moved).unwrap();
    let save = ["setup", "--answers", &*file.to_string_lossy()];
    profile.run(save).await.expect(6).says("fox");
    assert_eq!(std::fs::read_to_string(profile.config()).unwrap(), settings);
    drop(held);
    profile.run(save).await.expect(0).says("another Halo");
}

/// The report of what was done in Halo is not lost with our own disk.
#[tokio::test(flavor = "multi_thread")]
async fn report_is_given_also_where_nothing_can_be_noted_any_more() {
    let profile = Profile::synced(small()).await;
    let trail = profile.folder.path().join("state/pia-halo/audit.jsonl");
    let mut done = false;
    meanwhile(&profile, move |_, request| {
        if request.method == "POST" && request.path == "/api/webhook" && !done {
            done = true;
            std::fs::remove_file(&trail).unwrap();
            std::fs::create_dir(&trail).unwrap();
        }
    });
    let report = profile.json(["configure", "--yes"], 3).await;
    assert_eq!(report["status"], "partly_done");
    assert!(report["message"].as_str().unwrap().contains("the local record cannot be saved"), "{report}");
    assert!(profile.halo.look(|state| state.webhook("Pia - Ticket Created").is_some()));
}

/// "Killed at any write and started again": that something is open is seen before anything is started.
#[tokio::test(flavor = "multi_thread")]
async fn status_tells_of_run_that_was_killed_and_of_both_ways_on() {
    let profile = Profile::synced(small()).await;
    let workspace = profile.workspace();
    let write = Written {
        kind: ObjectKind::Webhook,
        name: "Pia - Ticket Created".into(),
        action: Action::Create,
        object: None,
        proof: BeforeAfter::default(),
    };
    crate::support::store_of(&workspace).begin_intent(&profile.id(), None, &write, jiff::Timestamp::now()).unwrap();
    assert_eq!(profile.json(["status"], 0).await["integration"]["unfinished"], 1);
    profile.run(["status"]).await.expect(0).says("interrupted").says("--roll-back");
    profile.run(["configure", "--yes"]).await.expect(0);
    assert_eq!(profile.json(["status"], 0).await["integration"]["unfinished"], 0);
}

/// Whoever was made active meanwhile is not replaced, and the exit code does not say that it was.
#[tokio::test(flavor = "multi_thread")]
async fn switch_that_was_forestalled_after_removal_says_so() {
    let profile = Profile::synced(small()).await;
    profile.save("other", "").await.expect(0);
    profile.save("third", "").await.expect(0);
    profile.run(["configure", "--yes"]).await.expect(0);
    let config = profile.config();
    meanwhile(&profile, move |_, request| {
        if request.method == "DELETE" {
            let text = std::fs::read_to_string(&config).unwrap();
            std::fs::write(&config, text.replace("active = \"acme\"", "active = \"third\"")).unwrap();
        }
    });
    let report = profile.json(["activate", "other", "--remove-old", "--yes"], 3).await;
    assert_eq!((&report["active"], &report["removal"]["status"]), (&json!("third"), &json!("removed")));
}

/// An event that somebody has changed since cannot be given back, and then Halo is not as it was.
#[tokio::test(flavor = "multi_thread")]
async fn roll_back_that_leaves_event_says_so() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let set_type = |kind: i64| {
        profile.halo.change(|state| {
            let ours = state.webhook("Pia - Ticket Created").unwrap().text("id").to_owned();
            let row = state.notifications.iter_mut().find(|row| row.text("webhook_id") == ours).unwrap();
            row.set("type", kind);
        });
    };
    set_type(3);
    profile.run(["configure", "--yes"]).await.expect(0);
    set_type(5);
    let ran = profile.run(["configure", "--roll-back", "--yes", "--json"]).await;
    let report = ran.json();
    assert!(["failed", "partly_done"].contains(&report["status"].as_str().unwrap()), "{report}");
    // A second yes does not reach the run before the last.
    let before = profile.halo.snapshot();
    profile.run(["configure", "--roll-back", "--yes"]).await;
    assert_eq!(profile.halo.snapshot()["webhooks"], before["webhooks"]);
}
