//! The plan and what becomes of it, in random Halos; and everybody else's objects, byte for byte.

use std::time::Duration;

use pia_halo::demo::{Object, RateLimit, RetryAfter, Scripted, ScriptedAnswer, State, TabLink};
use pia_halo::domain::failure::FailureKind;
use pia_halo::domain::plan::Parts;
use pia_halo::domain::plan::{Action, Outcome};
use pia_halo::ops::configure::{self, Consent};
use pia_halo::ops::delivery;
use pia_halo::ops::remove::{self, Extent};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::Profile;
use crate::support::changing::{plain, small};

/// A small generator of our own: a seed is enough to see a case again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Names that look like ours and are not: a blank more, another alphabet, another case.
const LOOK_ALIKES: [&str; 8] = [
    "\u{200b}Pia Chat Pod",
    "Pi\u{430} Chat Pod",
    "Pia Chat P\u{43e}d",
    "Pia  Chat Pod",
    "Pia - Ticket Create\u{501}",
    "\u{420}ia - Ticket Updated",
    "Pia – Ticket Created",
    "Pia - Ticket Updated 2",
];

/// Adds `count` webhooks and as many tabs of somebody else's.
fn add_foreign(state: &mut State, count: usize) {
    for number in 0..count {
        let name = format!("{}{}", LOOK_ALIKES[number % LOOK_ALIKES.len()], number / LOOK_ALIKES.len());
        let name = name.trim_end_matches('0').to_owned();
        let guid = format!("00000000-0000-4000-9000-{number:012x}");
        let mut webhook = state.webhooks.iter().find(|webhook| !webhook.made_by_api).unwrap().clone();
        webhook.set("id", guid.clone());
        webhook.set("name", name.clone());
        // Some lead to Pia, and to another configuration there.
        let url = if number % 5 == 0 {
            format!("https://pia.acme.example/callbacks/acme-2/ticket-created/{number:043}")
        } else {
            format!("https://pia.acme.example.evil.example/callbacks/acme/ticket-created/{number}")
        };
        webhook.set("url", url);
        state.webhooks.push(webhook);
        let binding = json!({ "id": 5_000 + number, "guid": guid, "eventno": 3, "webhook_id": guid, "type": -2, "delivery_method": 6 });
        state.notifications.push(Object::new(binding));
        let mut tab = state.tabs[0].clone();
        let id = 1_000 + i64::try_from(number).unwrap();
        tab.set("id", id);
        tab.set("guid", format!("00000000-0000-4000-a000-{number:012x}"));
        tab.set("name", name);
        tab.set("url", format!("https://pia.acme.example/podcast/{number}?ticket=$FAULTID"));
        state.tabs.push(tab);
        let at = number % 3;
        state.ticket_types[at].links.push(TabLink { id: 5_000 + i64::try_from(number).unwrap(), iframetab_id: id });
    }
}

/// 200 foreign webhooks and as many tabs with look-alike names stay, byte for byte, through configure and remove.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_look_alikes_are_untouched() {
    let profile = Profile::synced(small()).await;
    profile.halo.change(|state| add_foreign(state, 200));
    let before = profile.halo.snapshot();
    let theirs = |snapshot: &Value, list: &str| -> Vec<String> {
        let old: Vec<&Value> = before[list].as_array().unwrap().iter().map(|row| &row["id"]).collect();
        let rows = snapshot[list].as_array().unwrap().iter().filter(|row| old.contains(&&row["id"]));
        rows.map(ToString::to_string).collect()
    };
    for _ in 0..2 {
        let report = profile.json(["configure", "--yes"], 0).await;
        assert_eq!(report["status"], "configured", "{report}");
        let during = profile.halo.snapshot();
        for list in ["webhooks", "notifications", "tabs", "clients", "agents", "teams"] {
            assert_eq!(theirs(&during, list), theirs(&before, list), "{list}");
        }
        profile.run(["remove", "--yes"]).await.expect(0);
        assert_eq!(profile.halo.snapshot().to_string(), before.to_string());
    }
}

/// Names that Halo takes for ours, on objects that are not: told in the plan with their ids, and left alone.
#[tokio::test(flavor = "multi_thread")]
async fn name_that_halo_takes_for_ours_is_reported_and_left() {
    let profile = Profile::synced(small()).await;
    profile.halo.change(|state| {
        state.webhooks[0].set("name", "PIA - TICKET CREATED");
        state.tabs[0].set("name", "Pia Chat Pod ");
    });
    let before = plain(profile.halo.snapshot());
    let plan = profile.json(["plan"], 3).await;
    let told = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["reason"].to_string().contains("was not created by this configuration"));
    let told: Vec<_> = told.map(|row| (row["action"].as_str().unwrap(), row["kind"].as_str().unwrap())).collect();
    assert_eq!(told, [("create", "webhook"), ("create", "custom_tab")]);
    let warned = |report: &Value| {
        let all = report["warnings"].as_array().unwrap().iter();
        all.filter(|warning| warning.to_string().contains("was not created by this configuration and stays unchanged"))
            .count()
    };
    assert_eq!((warned(&plan), plan["blocked"].as_array().unwrap().len()), (2, 0), "{plan}");
    assert_eq!(warned(&profile.json(["configure", "--yes"], 3).await), 2);
    let removal = profile.json(["remove", "--plan"], 3).await;
    let left = removal["changes"].as_array().unwrap().iter().filter(|change| change["action"] == "keep");
    assert_eq!(left.filter(|change| change["reason"].as_str().unwrap().contains("left unchanged")).count(), 2);
    profile.run(["remove", "--yes"]).await.expect(0);
    assert_eq!(plain(profile.halo.snapshot()), before);
}

/// What people and programs do to a Halo that was configured.
fn meddle(state: &mut State, random: &mut Random) {
    let names = ["Pia - Ticket Created", "Pia - Ticket Updated"];
    for (number, name) in names.into_iter().enumerate() {
        if random.chance(15) {
            state.webhooks.retain(|webhook| webhook.name() != name);
        }
        let Some(webhook) = state.webhook_mut(name) else { continue };
        if random.chance(25) {
            webhook.set("active", false);
        }
        if random.chance(15) {
            webhook.set("method", 3);
        }
        if random.chance(15) {
            webhook.set("authentication_type", 0);
        }
        let id = webhook.text("id").to_owned();
        if random.chance(25) {
            let mut copy = webhook.clone();
            let guid = format!("00000000-0000-4000-b000-{number:012x}");
            copy.set("id", guid);
            copy.set("name", format!("Copy {number}"));
            state.webhooks.push(copy);
        }
        if random.chance(20)
            && let Some(webhook) = state.webhook_mut(name)
        {
            webhook.set("name", format!("renamed {number}"));
            webhook.set("url", "https://elsewhere.example/");
        }
        for row in state.notifications.iter_mut().filter(|row| row.text("webhook_id") == id) {
            if random.chance(15) {
                row.set("conditions", json!([{ "fieldname": "team" }]));
            }
            if random.chance(15) {
                row.set("eventno", 42);
            }
        }
    }
    if random.chance(20) {
        state.tabs.retain(|tab| tab.name() != "Pia Chat Pod");
    }
    if let (Some(tab), true) = (state.tab_mut("Pia Chat Pod"), random.chance(25)) {
        tab.set("name", "renamed");
    }
    for kind in &mut state.ticket_types {
        if random.chance(25) {
            kind.links.clear();
        }
        kind.inactive = random.chance(10);
        kind.allow_all_tabs = random.chance(10);
    }
    let foreign = random.below(10);
    add_foreign(state, foreign);
}

/// Through the whole program: in random Halos every change of the plan is done as it was shown, nothing else is,
/// and afterwards nothing is pending.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_equals_what_plan_showed_in_random_halos() {
    for seed in 0..25 {
        let profile = Profile::synced(small()).await;
        let workspace = profile.workspace();
        let (id, configuration, _) = workspace.configuration(None).unwrap();
        let cancel = CancellationToken::new;
        let mut random = Random(seed);
        if random.chance(80) {
            let consent = Consent::WhateverIsDue;
            configure::install(&workspace, &id, consent, cancel(), |_| {}).await.unwrap();
        }
        profile.halo.change(|state| meddle(state, &mut random));
        let load = async || {
            let loaded = pia_halo::ops::plan::load(&workspace, &id, &configuration, cancel(), |_| {}).await;
            loaded.unwrap().unwrap()
        };
        let plan = load().await;
        let before = profile.halo.snapshot();
        let report = configure::install(&workspace, &id, Consent::Plan(&plan), cancel(), |_| {}).await.unwrap();
        for (change, result) in plan.changes.iter().zip(&report.results) {
            let expected = if change.action == Action::Keep { Outcome::Unchanged } else { Outcome::Done };
            assert_eq!((result.outcome, &result.name), (expected, &change.name), "seed {seed}: {result:?}");
        }
        let after = profile.halo.snapshot();
        for list in ["webhooks", "notifications", "tabs"] {
            let ids = |snapshot: &Value| -> Vec<String> {
                let rows = snapshot[list].as_array().unwrap().iter();
                rows.map(|row| row["id"].as_str().map_or_else(|| row["id"].to_string(), str::to_owned)).collect()
            };
            let (old, new) = (ids(&before), ids(&after));
            let planned = |action| {
                let kind = |code: &str| {
                    matches!(
                        (list, code),
                        ("webhooks", "webhook") | ("notifications", "webhook_event") | ("tabs", "custom_tab")
                    )
                };
                plan.changes.iter().filter(|change| change.action == action && kind(change.kind.code())).count()
            };
            assert_eq!(
                new.iter().filter(|id| !old.contains(id)).count(),
                planned(Action::Create),
                "seed {seed} {list}"
            );
            assert_eq!(
                old.iter().filter(|id| !new.contains(id)).count(),
                planned(Action::Delete),
                "seed {seed} {list}"
            );
            // What the plan did not name is as it was.
            for row in before[list].as_array().unwrap() {
                let id = row["id"].as_str().map_or_else(|| row["id"].to_string(), str::to_owned);
                if !plan.pending().any(|change| change.id.as_ref() == Some(&id)) {
                    assert!(after[list].as_array().unwrap().contains(row), "seed {seed}: {row}");
                }
            }
        }
        assert!(!load().await.changes_pending(), "seed {seed}");
        let everything = Extent::Removal(Parts::ALL);
        let consent = Consent::WhateverIsDue;
        let removed = remove::run(&workspace, &id, everything, consent, cancel(), |_| {}).await.unwrap();
        assert!(removed.status.is_complete(), "seed {seed}: {removed:?}");
        let left = profile.halo.look(|state| {
            let ours = |webhook: &&Object| webhook.text("url").starts_with("https://pia.acme.example/callbacks/acme/");
            state.webhooks.iter().filter(ours).count()
                + state.tabs.iter().filter(|tab| tab.name() == "Pia Chat Pod").count()
        });
        assert_eq!(left, 0, "seed {seed}");
    }
}

/// If Halo changed since the plan was shown, Remove stops as Configure does: nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn removal_stops_when_halo_has_changed_since_its_plan() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let workspace = profile.workspace();
    let (id, _, _) = workspace.configuration(None).unwrap();
    let (everything, cancel) = (Extent::Removal(Parts::ALL), CancellationToken::new);
    let plan = remove::load(&workspace, &id, everything, cancel(), |_| {}).await.unwrap().unwrap();
    profile
        .halo
        .change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("url", "https://theirs.example/"));
    profile.halo.clear_requests();
    let consent = Consent::Plan(&plan);
    let failure = remove::run(&workspace, &id, everything, consent, cancel(), |_| {}).await.unwrap_err();
    assert!(failure.message.contains("Halo has changed"), "{failure}");
    assert_eq!(profile.halo.writes().iter().filter(|write| write.path.starts_with("/api/")).count(), 0);
}

/// Nobody sees the wait of a command that a script runs: it does not last for an hour, and it is said when the limit opens.
#[tokio::test(flavor = "multi_thread")]
async fn plan_of_script_does_not_wait_for_limit_without_end() {
    let profile = Profile::synced(small()).await;
    profile.halo.change(|state| {
        state.behaviour.rate_limit = Some(RateLimit { requests: 1, window: Duration::from_secs(3_600) });
        state.behaviour.retry_after = RetryAfter::Seconds;
    });
    for command in [&["plan", "--json"][..], &["configure", "--yes", "--json"]] {
        let error = profile.run(command.iter().copied()).await.expect(5).json()["error"].clone();
        assert_eq!(error["code"], "rate_limited", "{error}");
        assert!(error["message"].as_str().unwrap().contains("refuses more requests"), "{error}");
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.starts_with("Try again after ") && hint.contains(" UTC; "), "{error}");
    }
}

/// Who looks on is told at once when the limit opens, also where Halo shuts it after the test of the connection.
#[tokio::test(start_paused = true)]
async fn person_is_told_when_limit_opens_before_anything_is_written() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let (id, cancel, consent) = (profile.id(), CancellationToken::new, Consent::WhateverIsDue);
    for (command, skip) in [("configure", 1), ("remove", 1), ("deliveries", 0)] {
        profile.halo.change(|state| {
            let headers = vec![("retry-after", "3600".to_owned())];
            let answer = ScriptedAnswer::Reply { status: 429, content_type: "", headers, body: Vec::new() };
            let path = "/api/webhook".to_owned();
            state.scripted = vec![Scripted { method: "GET", path, skip, times: u32::MAX, apply: false, answer }];
        });
        profile.halo.clear_requests();
        let (workspace, began) = (profile.workspace(), Instant::now());
        let failure = match command {
            "configure" => configure::install(&workspace, &id, consent, cancel(), |_| {}).await.unwrap_err(),
            "remove" => {
                let everything = Extent::Removal(Parts::ALL);
                remove::run(&workspace, &id, everything, consent, cancel(), |_| {}).await.unwrap_err()
            }
            _ => delivery::read(&workspace, &id, cancel()).await.unwrap_err(),
        };
        assert!(matches!(failure.kind, FailureKind::RateLimited(_)), "{command}: {failure}");
        assert!(began.elapsed() < Duration::from_secs(10), "{command}: {:?}", began.elapsed());
        assert!(profile.halo.writes().iter().all(|write| !write.path.starts_with("/api/")), "{command}");
    }
}

/// A Pia Url that a hosted Halo cannot reach, as an older program or a person's editor has left it in the settings: refused
/// before Halo is asked anything.
#[tokio::test(flavor = "multi_thread")]
async fn plan_refuses_private_pia_url_of_hosted_halo() {
    let profile = Profile::synced(small()).await;
    let settings = profile.folder.path().join("config/pia-halo/config.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let text = text.replace(profile.halo.url(), "https://acme.halopsa.com");
    std::fs::write(&settings, text.replace("https://pia.acme.example", "https://192.168.7.20")).unwrap();
    let before = profile.halo.requests().len();
    let error = profile.run(["plan", "--json"]).await.expect(2).json()["error"].clone();
    assert!(error["message"].as_str().unwrap().contains("the Pia Url is"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("pia_url"), "{error}");
    assert_eq!(profile.halo.requests().len(), before);
}
