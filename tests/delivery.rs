//! R75, N4: whether Halo's callbacks arrive is read from Halo's own log, told with Halo's time and with what to do.

use pia_halo::demo::{Delivered, Fault, Options};
use serde_json::Value;

use crate::secrecy::{forms, secrets_of};
use crate::support::service::{Service, event, secrets};
use crate::support::{Profile, Ran};

const CREATED: &str = "Pia - Ticket Created";

async fn configured() -> Profile {
    let profile = Profile::synced(Options { clients: 20, ..Options::default() }).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.clear_requests();
    profile
}

fn of<'a>(report: &'a Value, webhook: &str) -> &'a Value {
    let mut all = report["deliveries"].as_array().unwrap().iter();
    all.find(|delivery| delivery["webhook"] == webhook).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_outcome_in_halos_log_is_told_with_halos_time_and_advice() {
    let profile = configured().await;
    for (fault, state, status, advice) in [
        ("deliveries-fine", "delivered", Some(200), None),
        ("deliveries-401", "unauthorised", Some(401), Some("proxy")),
        ("deliveries-404", "not_found", Some(404), Some("pia_url")),
        ("deliveries-500", "server_error", Some(500), Some("their logs for that time")),
        ("deliveries-time-out", "time_out", None, Some("firewall")),
        ("deliveries-not-reached", "not_reached", None, Some("DNS")),
        ("deliveries-none", "never", None, Some("create a ticket")),
    ] {
        profile.halo.set_fault(fault.parse().unwrap(), true);
        let is_fine = matches!(state, "delivered" | "never");
        let report = profile.json(["deliveries"], if is_fine { 0 } else { 3 }).await;
        assert_eq!(report["ok"], is_fine, "{fault}");
        for webhook in [CREATED, "Pia - Ticket Updated"] {
            let found = of(&report, webhook);
            assert_eq!(
                (&found["state"], found["http_status"].as_u64()),
                (&Value::from(state), status),
                "{fault}: {found}"
            );
            let halos = profile.halo.look(|halo| {
                let id = halo.webhook(webhook).unwrap().text("id").to_owned();
                let last = halo.webhook_events.iter().rev().find(|row| row.text("webhook_id") == id).unwrap();
                last.text("timestamp").to_owned()
            });
            match found["last_at"].as_str() {
                Some(at) => assert!(halos.starts_with(at.trim_end_matches('Z')), "{fault}: {at} is not {halos}"),
                None => assert_eq!(state, "never"),
            }
            match advice {
                Some(word) => assert!(found["advice"].as_str().unwrap().contains(word), "{fault}: {found}"),
                None => assert!(found["advice"].is_null()),
            }
        }
        profile.halo.set_fault(fault.parse().unwrap(), false);
    }
    assert_eq!(profile.halo.writes().len(), 0, "nothing is written, and no test is fired");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_delivery_since_installation_is_warning_with_cause() {
    let profile = configured().await;
    let report = profile.json(["deliveries"], 0).await;
    let found = of(&report, CREATED);
    assert_eq!((&found["state"], &found["last_at"]), (&Value::from("never"), &Value::Null));
    assert!(found["message"].as_str().unwrap().contains("since it was installed on "), "{found}");
    assert!(profile.halo.requests().len() < 15, "{:?}", profile.halo.requests().len());
    // A webhook that lost its events has a cause of its own.
    profile.halo.change(|halo| halo.notifications.retain(|row| !row.made_by_api));
    let report = profile.json(["deliveries"], 3).await;
    assert!(of(&report, CREATED)["advice"].as_str().unwrap().contains("it has no events"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_webhook_is_reported_with_its_cause() {
    for by_disabled in [false, true] {
        let profile = configured().await;
        profile.halo.change(|halo| halo.behaviour.switches_off_by_disabled = by_disabled);
        profile.halo.set_fault(Fault::DeliveriesSwitchOff, true);
        profile.json(["deliveries"], 3).await;
        let report = profile.json(["deliveries"], 3).await;
        let found = of(&report, CREATED);
        assert_eq!((&found["state"], &found["http_status"]), (&Value::from("switched_off"), &Value::from(500)));
        assert!(found["message"].as_str().unwrap().contains("Halo switched it off"), "{found}");
        assert!(found["advice"].as_str().unwrap().contains("then run Configure again"), "{found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verdict_holds_whatever_is_unknown_of_halos_log() {
    let profile = configured().await;
    profile.halo.change(|halo| {
        halo.behaviour.log_oldest_first = true;
        halo.behaviour.log_filter_ignored = true;
        halo.behaviour.log_times_with_zone = true;
        halo.behaviour.log_error_is_text = true;
        // More than a page, of both webhooks, and the last of each differs.
        for _ in 0..60 {
            halo.deliver(CREATED, Delivered::Answered(500));
            halo.deliver("Pia - Ticket Updated", Delivered::Answered(200));
        }
        halo.deliver(CREATED, Delivered::Answered(200));
        halo.deliver("Pia - Ticket Updated", Delivered::TimedOut);
    });
    let report = profile.json(["deliveries"], 3).await;
    assert_eq!(of(&report, CREATED)["state"], "delivered", "{report}");
    let updated = of(&report, "Pia - Ticket Updated");
    assert_eq!(updated["state"], "time_out");
    assert!(updated["last_success_at"].is_string() && updated["error"].as_str().unwrap().contains("100 seconds"));
}

#[tokio::test(flavor = "multi_thread")]
async fn last_deliveries_are_shown_offline_while_webhook_is_ours() {
    let profile = configured().await;
    assert_eq!(profile.json(["status"], 0).await["integration"]["deliveries"], Value::Array(vec![]));
    profile.halo.set_fault(Fault::DeliveriesNotFound, true);
    let read = profile.json(["deliveries"], 3).await;
    profile.halo.clear_requests();
    let status = profile.json(["status"], 0).await;
    assert_eq!(status["integration"]["deliveries"], read["deliveries"]);
    profile.run(["status"]).await.expect(0).says("was answered with 404");
    assert!(profile.halo.requests().is_empty());
}

/// As issues and doctor judge it: a webhook of today has had nothing to deliver, and nobody has anything to do.
#[tokio::test(flavor = "multi_thread")]
async fn webhook_of_today_without_delivery_is_no_issue_of_any_command() {
    let profile = configured().await;
    profile.run(["deliveries"]).await.expect(0).says("nothing was delivered since it was installed");
    let report = profile.json(["deliveries"], 0).await;
    assert_eq!((&report["ok"], &of(&report, CREATED)["state"]), (&Value::Bool(true), &Value::from("never")));
    let issues = profile.json(["issues"], 0).await;
    assert!(issues["issues"].as_array().unwrap().iter().all(|issue| issue["id"] != "deliveries"), "{issues}");
    profile.halo.set_fault(Fault::DeliveriesNotFound, true);
    profile.run(["deliveries"]).await.expect(3);
}

/// Read hours later, a stored verdict is as true as when it was made: it tells moments, and what came in since.
#[tokio::test(flavor = "multi_thread")]
async fn stored_verdict_tells_moments_and_what_came_since() {
    let profile = configured().await;
    profile.run(["deliveries"]).await.expect(0);
    let before = profile.run(["status"]).await.expect(0).says("nothing was delivered since it was installed on ");
    assert!(!before.stdout.contains(" ago") && !before.stdout.contains("since)"), "{before:?}");
    let service = Service::start(&profile).await;
    let answer = service.callback(&secrets(&profile), "ticket-created", &event("event-1", 1)).await;
    assert_eq!(answer.status, 200);
    profile.run(["status"]).await.expect(0).says("UTC; an event came in since)");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_or_is_not_there_is_never_called_fine() {
    let profile = Profile::synced(Options { clients: 20, ..Options::default() }).await;
    profile.run(["deliveries"]).await.expect(1).says("no look in Halo has succeeded yet");
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.set_fault(Fault::DeliveriesFine, true);
    profile.run(["deliveries"]).await.expect(0).says("answered with 200");
    profile.halo.set_fault(Fault::ForbiddenWebhooks, true);
    profile.run(["deliveries"]).await.expect(4);
    profile.halo.set_fault(Fault::ForbiddenWebhooks, false);
    profile.halo.change(|halo| {
        let path = "/api/webhookevent".to_owned();
        let answer = pia_halo::demo::ScriptedAnswer::Reply {
            status: 403,
            content_type: "application/json",
            headers: vec![],
            body: vec![],
        };
        halo.scripted.push(pia_halo::demo::Scripted { method: "GET", path, skip: 0, times: 9, apply: false, answer });
    });
    let report = profile.json(["deliveries"], 3).await;
    assert_eq!(of(&report, CREATED)["state"], "unreadable");
    profile.halo.change(|halo| {
        halo.scripted.clear();
        halo.webhooks.retain(|webhook| webhook.name() != CREATED);
    });
    assert_eq!(of(&profile.json(["deliveries"], 3).await, CREATED)["state"], "missing");
}

/// R60: an error that repeats the callback address, token and all, shows neither it nor the password.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_log_is_shown_or_kept() {
    let profile = configured().await;
    let secrets = secrets_of(&profile);
    let leak = secrets.join(" ");
    profile.halo.change(|halo| {
        halo.deliver(CREATED, Delivered::NotReached);
        let url = halo.webhook(CREATED).unwrap().text("url").to_owned();
        let row = halo.webhook_events.last_mut().unwrap();
        row.set("requestheaders", format!("Authorization: Basic {leak}"));
        row.set("responsebody", format!("{url} could not be reached: {leak}"));
    });
    let Ran { stdout, stderr, .. } = profile.run(["deliveries", "--json", "-vv"]).await.expect(3);
    assert!(stdout.contains("could not be reached"), "{stdout}");
    let status = profile.run(["status"]).await.expect(0).stdout;
    let store = std::fs::read(profile.folder.path().join("data/pia-halo/pia-halo.db-wal"))
        .or_else(|_| std::fs::read(profile.folder.path().join("data/pia-halo/pia-halo.db")))
        .unwrap();
    let store = String::from_utf8_lossy(&store).into_owned();
    for secret in &secrets {
        for form in forms(secret) {
            assert!(![&stdout, &stderr, &status, &store].iter().any(|text| text.contains(&form)), "{form}");
        }
    }
}
