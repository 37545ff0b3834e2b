//! What the portal made under other addresses is taken over, each object by its id and after a yes.

use serde_json::Value;

use crate::support::Profile;
use crate::support::changing::{When, killed_at, outcomes, plain, small, without_ids};

/// A Halo with a webhook and a tab that have our names and lead elsewhere, and their ids.
pub async fn with_portal() -> (Profile, String, String) {
    let profile = Profile::synced(small()).await;
    profile.halo.change(|state| {
        state.webhooks[0].set("name", "Pia - Ticket Created");
        state.webhooks[0].set("url", "https://portal.example/hook");
        state.tabs[0].set("name", "Pia Chat Pod");
        state.tabs[0].set("url", "https://portal.example/pod?t=$FAULTID");
    });
    let webhook = profile.halo.look(|state| state.webhooks[0].text("id").to_owned());
    let tab = profile.halo.look(|state| state.tabs[0].int("id").unwrap().to_string());
    profile.halo.clear_requests();
    (profile, webhook, tab)
}

fn addresses(profile: &Profile) -> (String, String) {
    profile.halo.look(|state| (state.webhooks[0].text("url").to_owned(), state.tabs[0].text("url").to_owned()))
}

const THEIRS: (&str, &str) = ("https://portal.example/hook", "https://portal.example/pod?t=$FAULTID");

/// S61: shown with name, id and what would change; refused without a yes, with the way that takes them over.
#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_taken_over_is_shown_and_left_without_yes() {
    let (profile, webhook, tab) = with_portal().await;
    let plan = profile.json(["plan"], 3).await;
    let offers = plan["adoptable"].as_array().unwrap();
    let ids: Vec<&str> = offers.iter().map(|offer| offer["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [webhook.as_str(), tab.as_str()], "{plan}");
    let url = |offer: &Value| offer["fields"].as_array().unwrap().iter().any(|field| field["name"] == "url");
    assert!(offers.iter().all(url), "{plan}");
    profile.run(["plan"]).await.expect(3).says(&format!("pia-halo configure --adopt {tab}"));

    profile.run(["configure", "--adopt"]).await.expect(3).says(&format!("--adopt {webhook},{tab} --yes"));
    profile.run(["configure", "--adopt", "--yes"]).await.expect(3).says("choose what to take over, by id");
    profile
        .run(["configure", "--adopt", "9999", "--yes"])
        .await
        .expect(2)
        .says("nothing to take over with the id 9999");
    assert!(profile.halo.writes().is_empty());
    profile.run(["configure", "--yes"]).await.expect(3).says(&format!("configure --adopt {webhook}"));
    let (hook, pod) = addresses(&profile);
    assert_eq!((hook.as_str(), pod.as_str()), THEIRS);
}

/// S61: taken over under their own ids, nothing doubled; a roll back gives them back.
#[tokio::test(flavor = "multi_thread")]
async fn objects_that_were_agreed_to_become_ours_and_are_given_back() {
    let (profile, webhook, tab) = with_portal().await;
    let count = profile.halo.look(|state| (state.webhooks.len(), state.tabs.len()));
    let before = without_ids(plain(profile.halo.snapshot()));
    let ids = format!("{webhook},{tab}");
    let report = profile.json(["configure", "--adopt", &ids, "--yes"], 0).await;
    assert_eq!(outcomes(&report, "custom_tab"), ["done"], "{report}");
    let ours = profile.halo.look(|state| (state.webhooks.len(), state.tabs.len()));
    assert_eq!(ours, (count.0 + 1, count.1), "one webhook was missing, and nothing is doubled");
    let (hook, pod) = addresses(&profile);
    assert!(
        hook.starts_with("https://pia.acme.example/callbacks/acme/") && pod.starts_with("https://pia.acme.example/")
    );
    profile.run(["plan"]).await.expect(0);

    let password = || profile.halo.look(|state| state.webhooks[0].write_only["basic_password"].clone());
    let ours = password();
    profile.run(["configure", "--roll-back", "--yes"]).await.expect(3).says("enter its password again in Halo");
    let (hook, pod) = addresses(&profile);
    assert_eq!((hook.as_str(), pod.as_str()), THEIRS);
    assert!(password().as_str().is_some_and(|now| !now.is_empty()) && password() != ours, "ours is nothing for them");
    assert_eq!(without_ids(plain(profile.halo.snapshot())), before);
    assert_eq!(profile.json(["plan"], 3).await["adoptable"].as_array().unwrap().len(), 2, "theirs again");
}

/// Removed as ours: the yes to the takeover said so. The other webhooks and tabs stay.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_over_is_removed_as_one_of_ours() {
    let (profile, webhook, tab) = with_portal().await;
    profile.run(["configure", "--adopt", &webhook, &tab, "--yes"]).await.expect(0);
    let plan = profile.json(["remove", "--plan"], 3).await;
    assert!(plan["changes"].as_array().unwrap().iter().any(|change| change["id"] == tab.as_str()), "{plan}");
    profile.run(["remove", "--yes"]).await.expect(0);
    let left = profile.halo.look(|state| {
        state.webhooks.iter().any(|own| own.text("id") == webhook) || state.tab("Pia Chat Pod").is_some()
    });
    assert!(!left);
}

/// Killed at any of its first writes: the next run finishes it, and nothing is doubled.
#[tokio::test(flavor = "multi_thread")]
async fn killed_take_over_is_finished_and_nothing_is_doubled() {
    let (profile, webhook, tab) = with_portal().await;
    let ids = format!("{webhook},{tab}");
    let count = profile.halo.look(|state| (state.webhooks.len(), state.tabs.len()));
    let before = profile.halo.snapshot();
    for (write, when) in [(0, When::Before), (0, When::At), (1, When::After)] {
        assert!(killed_at(&profile, &["configure", "--adopt", &ids, "--yes"], write, when).await);
    }
    assert_ne!(profile.halo.snapshot(), before);
    profile.run(["configure", "--adopt", &ids, "--yes"]).await.expect(0);
    let ours = profile.halo.look(|state| (state.webhooks.len(), state.tabs.len()));
    assert_eq!(ours, (count.0 + 1, count.1));
    profile.run(["plan"]).await.expect(0);
}
