//! Killed in the middle: at every write, before it, at it and after it. The next run finishes, or brings back what was.

use pia_halo::demo::{Fault, ScriptedAnswer};

use crate::commands::holds_exactly_our_objects;
use crate::support::changing::{When, at_write, killed_at, plain, small, without_ids};
use crate::support::{Profile, until};

const CONFIGURE: &[&str] = &["configure", "--yes"];
const ROLL_BACK: &[&str] = &["configure", "--roll-back", "--yes"];
const REMOVE: &[&str] = &["remove", "--yes"];

/// Killed at every write, then continued: exactly one set, and Remove leaves Halo as it was.
async fn continued(when: When) {
    let profile = Profile::synced(small()).await;
    let before = plain(profile.halo.snapshot());
    let mut writes = 0;
    while killed_at(&profile, CONFIGURE, writes, when).await {
        profile.run(CONFIGURE).await.expect(0);
        holds_exactly_our_objects(&before, &plain(profile.halo.snapshot()));
        profile.run(REMOVE).await.expect(0);
        assert_eq!(plain(profile.halo.snapshot()), before, "{when:?} {writes}");
        writes += 1;
    }
    // Two webhooks, five events, a tab and six links.
    let answered_last = usize::from(when == When::After);
    assert!(writes >= 14 - answered_last, "{when:?}: only {writes} writes");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_each_write_configure_goes_on_and_makes_one_set() {
    continued(When::Before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_write_configure_goes_on_and_makes_one_set() {
    continued(When::At).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_each_write_configure_goes_on_and_makes_one_set() {
    continued(When::After).await;
}

/// Killed at every write, then rolled back: Halo equals the snapshot, field by field.
async fn rolled_back(when: When) {
    let profile = Profile::synced(small()).await;
    let before = plain(profile.halo.snapshot());
    let mut writes = 0;
    while killed_at(&profile, CONFIGURE, writes, when).await {
        profile.run(ROLL_BACK).await.expect(0);
        assert_eq!(plain(profile.halo.snapshot()), before, "{when:?} {writes}");
        writes += 1;
    }
    assert!(writes >= 13, "{when:?}: only {writes} writes");
    // And the whole of it, which nothing killed.
    profile.run(ROLL_BACK).await.expect(0);
    assert_eq!(plain(profile.halo.snapshot()), before);
    profile.run(ROLL_BACK).await.expect(2).says("no run of Configure");
    assert_eq!(profile.json(["status"], 0).await["integration"]["objects"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn roll_back_killed_before_each_write_restores_halo() {
    rolled_back(When::Before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_write_roll_back_returns_halo_field_by_field() {
    rolled_back(When::At).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roll_back_killed_after_each_write_restores_halo() {
    rolled_back(When::After).await;
}

/// A Halo in which somebody has changed everything that can be mended by an update.
fn meddle(profile: &Profile) {
    profile.halo.change(|state| {
        let webhook = state.webhook_mut("Pia - Ticket Created").unwrap();
        webhook.set("name", "Renamed by somebody");
        webhook.set("url", "https://elsewhere.example/hook/0123456789abcdef0123");
        webhook.set("method", 2);
        let id = webhook.text("id").to_owned();
        let other = state.webhook_mut("Pia - Ticket Updated").unwrap();
        other.set("active", false);
        other.set("disabled", true);
        other.set("basic_username", "root");
        let binding = state.notifications.iter_mut().find(|row| row.text("webhook_id") == id).unwrap();
        binding.set("conditions", serde_json::json!([{ "fieldname": "team", "type": 0 }]));
        let tab = state.tab_mut("Pia Chat Pod").unwrap();
        tab.set("name", "Chat");
        tab.set("url", "https://pia.acme.example/pod?old=$FAULTID");
        let tab = tab.int("id").unwrap();
        for kind in state.ticket_types.iter_mut().take(2) {
            kind.links.retain(|link| link.iframetab_id != tab);
        }
    });
}

/// With updates: former fields, links and events come back, killed at whichever write.
#[tokio::test(flavor = "multi_thread")]
async fn roll_back_killed_at_each_repair_restores_fields() {
    let profile = Profile::synced(small()).await;
    profile.run(CONFIGURE).await.expect(0);
    meddle(&profile);
    let before = plain(profile.halo.snapshot());
    let mut writes = 0;
    while killed_at(&profile, CONFIGURE, writes, When::At).await {
        profile.run(ROLL_BACK).await.expect(0);
        assert_eq!(plain(profile.halo.snapshot()), before, "{writes}");
        writes += 1;
    }
    assert_eq!(writes, 6, "two webhooks, an event, a tab and two links");
    profile.run(ROLL_BACK).await.expect(0);
    assert_eq!(plain(profile.halo.snapshot()), before);
}

/// With deletions: what was taken out as a second copy is made again, under new ids.
#[tokio::test(flavor = "multi_thread")]
async fn roll_back_makes_deleted_copies_again_under_new_ids() {
    let profile = Profile::synced(small()).await;
    profile.run(CONFIGURE).await.expect(0);
    profile.halo.change(|state| {
        let original = state.webhook("Pia - Ticket Created").unwrap().clone();
        let id = original.text("id").to_owned();
        let mut copy = original;
        copy.set("id", "00000000-0000-4000-8000-000000000001");
        copy.set("name", "Copy");
        let mut binding = state.bindings(&id).next().unwrap().clone();
        binding.set("id", 990);
        binding.set("webhook_id", "00000000-0000-4000-8000-000000000001");
        state.webhooks.push(copy);
        state.notifications.push(binding);
        let mut tab = state.tab("Pia Chat Pod").unwrap().clone();
        tab.set("id", 99);
        tab.set("guid", "00000000-0000-4000-8000-000000000002");
        state.tabs.push(tab);
        let id = state.ticket_types.iter().flat_map(|kind| &kind.links).map(|link| link.id).max().unwrap() + 1;
        state.ticket_types[1].links.push(pia_halo::demo::TabLink { id, iframetab_id: 99 });
    });
    let before = without_ids(plain(profile.halo.snapshot()));
    let mut writes = 0;
    while killed_at(&profile, CONFIGURE, writes, When::At).await {
        profile.run(ROLL_BACK).await.expect(0);
        assert_eq!(without_ids(plain(profile.halo.snapshot())), before, "{writes}");
        writes += 1;
    }
    assert_eq!(writes, 4, "an event, a webhook, a link and a tab");
}

/// A roll back that is killed is made again.
#[tokio::test(flavor = "multi_thread")]
async fn roll_back_that_is_killed_at_each_write_is_finished_by_next() {
    let profile = Profile::synced(small()).await;
    let before = plain(profile.halo.snapshot());
    for when in [When::Before, When::At] {
        profile.run(CONFIGURE).await.expect(0);
        for write in (0..14).step_by(3) {
            killed_at(&profile, ROLL_BACK, write, when).await;
        }
        profile.run(ROLL_BACK).await;
        assert_eq!(plain(profile.halo.snapshot()), before, "{when:?}");
    }
}

/// Nothing that somebody has edited since is put back: it is named and stays.
#[tokio::test(flavor = "multi_thread")]
async fn roll_back_leaves_what_somebody_has_edited_since() {
    let profile = Profile::synced(small()).await;
    profile.run(CONFIGURE).await.expect(0);
    meddle(&profile);
    profile.run(CONFIGURE).await.expect(0);
    profile
        .halo
        .change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("url", "https://third.example/"));
    let report = profile.json(["configure", "--roll-back", "--yes"], 3).await;
    assert_eq!(report["status"], "partly_done");
    let webhook = profile.halo.look(|state| state.webhook("Renamed by somebody").unwrap().clone());
    assert_eq!(webhook.text("url"), "https://third.example/");
}

/// Remove killed at every write, and made again: nothing of ours, everything of theirs.
async fn removal_killed(when: When) {
    let profile = Profile::synced(small()).await;
    let before = plain(profile.halo.snapshot());
    for write in 0..14 {
        profile.run(CONFIGURE).await.expect(0);
        let came_so_far = killed_at(&profile, REMOVE, write, when).await;
        assert!(came_so_far || write >= 13, "{write}");
        let again = profile.run(["remove", "--yes", "--json"]).await.expect(0).json();
        assert!(["removed", "nothing_to_do"].contains(&again["status"].as_str().unwrap()), "{again}");
        assert_eq!(plain(profile.halo.snapshot()), before, "{when:?} {write}");
        let status = profile.json(["status"], 0).await;
        assert_eq!(status["integration"]["objects"], serde_json::json!([]), "{when:?} {write}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_each_write_remove_is_finished_by_next() {
    removal_killed(When::Before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_write_remove_is_finished_by_next() {
    removal_killed(When::At).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_each_write_remove_is_finished_by_next() {
    removal_killed(When::After).await;
}

fn status(status: u16) -> ScriptedAnswer {
    let body = b"{}".to_vec();
    ScriptedAnswer::Reply { status, content_type: "application/json", headers: Vec::new(), body }
}

/// For each write of Configure and of Remove: the reply is lost, or it is a 500, though it was done.
#[tokio::test(flavor = "multi_thread")]
async fn write_with_lost_reply_or_false_500_is_not_doubled() {
    let profile = Profile::synced(small()).await;
    let before = plain(profile.halo.snapshot());
    for answer in [ScriptedAnswer::Reset, status(500)] {
        for write in 0..14 {
            at_write(&profile, write, true, &answer);
            profile.run(CONFIGURE).await.expect(0);
            holds_exactly_our_objects(&before, &plain(profile.halo.snapshot()));
            at_write(&profile, write, true, &answer);
            profile.run(REMOVE).await.expect(0);
            profile.halo.change(|state| state.on_request = None);
            assert_eq!(plain(profile.halo.snapshot()), before, "{write}");
        }
    }
}

/// For each write: 200 though it was not done. It is said, and the next run does it.
#[tokio::test(flavor = "multi_thread")]
async fn write_that_did_not_happen_is_reported_and_made_next() {
    let profile = Profile::synced(small()).await;
    let before = plain(profile.halo.snapshot());
    for write in 0..14 {
        at_write(&profile, write, false, &status(201));
        let report = profile.run(["configure", "--yes", "--json"]).await.json();
        let open = ["failed", "unverified", "skipped"];
        let results = report["results"].as_array().unwrap();
        let said = results.iter().any(|result| open.contains(&result["outcome"].as_str().unwrap()));
        // A link is tried once more by itself.
        assert!(said || write >= 8, "{write}: {report}");
        profile.halo.change(|state| state.on_request = None);
        profile.run(CONFIGURE).await.expect(0);
        holds_exactly_our_objects(&before, &plain(profile.halo.snapshot()));
        at_write(&profile, write, false, &status(200));
        profile.run(REMOVE).await.expect(0);
        profile.halo.change(|state| state.on_request = None);
        assert_eq!(plain(profile.halo.snapshot()), before, "{write}");
    }
}

/// A first run that is killed while it still tests the connection has no report: the next start knows of it, and a run that
/// comes to its end is told instead.
#[tokio::test(flavor = "multi_thread")]
async fn run_killed_before_its_first_write_is_known_afterwards() {
    let profile = Profile::synced(small()).await;
    let told = |issues: serde_json::Value| issues.to_string().contains("stopped before its first change");
    profile.halo.set_fault(Fault::Silence, true);
    profile.halo.clear_requests();
    let mut child = profile.command(CONFIGURE).spawn().unwrap();
    until(|| !profile.halo.requests().is_empty()).await;
    child.kill().unwrap();
    child.wait().unwrap();
    profile.halo.set_fault(Fault::Silence, false);
    assert!(told(profile.run(["issues", "--json"]).await.json()));
    profile.halo.set_fault(Fault::WrongSecret, true);
    profile.run(CONFIGURE).await;
    profile.halo.set_fault(Fault::WrongSecret, false);
    assert!(told(profile.run(["issues", "--json"]).await.json()), "nothing has run to its end since");
    profile.run(CONFIGURE).await.expect(0);
    assert!(!told(profile.run(["issues", "--json"]).await.json()));
}
