//! `check --full-circle`: a ticket is made, its event followed, and the ticket closed again, whatever breaks on the way.

use pia_halo::demo::{Fault, Scripted, ScriptedAnswer, State};
use ratatui::layout::Size;
use serde_json::{Value, json};

use crate::delivering::{configured, few};
use crate::support::destination::Destination;
use crate::support::interface::Interface;
use crate::support::service::Service;
use crate::support::walk::Person;
use crate::support::{Profile, until};

const CREATED: &str = "Pia - Ticket Created";

async fn circle(profile: &Profile, seconds: &str, code: i32) -> Value {
    profile.json(["check", "--full-circle", "--yes", "--timeout", seconds], code).await
}

fn hops(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    report["hops"].as_array().unwrap().iter().map(|hop| (text(&hop["hop"]), text(&hop["status"]))).collect()
}

fn statuses(report: &Value) -> Vec<String> {
    hops(report).into_iter().map(|(_, status)| status).collect()
}

/// The statuses of the tickets that the program has made.
pub fn made(profile: &Profile) -> Vec<i64> {
    profile.halo.look(|state| {
        let ours = state.tickets.iter().filter(|ticket| ticket.text("summary").starts_with("pia-halo full circle"));
        ours.map(|ticket| ticket.int("status_id").unwrap()).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn full_circle_shows_every_hop_and_closes_its_ticket() {
    let (profile, service) = configured(few()).await;
    service.terminate().await;
    let destination = Destination::start().await;
    let listen = profile.halo.look(|state| {
        let url = state.webhook(CREATED).unwrap().text("url").to_owned();
        url.trim_start_matches("http://").split('/').next().unwrap().to_owned()
    });
    let service = Service::start_at(&profile, &listen, &["--forward-to", &destination.url]).await;
    let report = circle(&profile, "60", 0).await;
    let names = ["made", "logged", "delivered", "stored", "forwarded", "closed"];
    assert_eq!(hops(&report), names.map(|name| (name.to_owned(), "pass".to_owned())), "{report}");
    assert_eq!((&report["ok"], &report["broken_at"]), (&json!(true), &Value::Null));
    let stations = report["hops"].as_array().unwrap();
    assert!(stations.iter().all(|hop| hop["after_ms"].is_u64()), "{report}");
    assert_eq!(made(&profile), [9], "closed by a status that ends a ticket");
    assert_eq!(profile.halo.look(|state| state.tickets.last().unwrap().int("id")), report["ticket"].as_i64());
    let text = profile.run(["check", "--full-circle", "--yes"]).await.expect(0);
    text.says("Ticket made").says("Forwarded").says("its status is Closed");
    drop(service);
}

#[tokio::test(flavor = "multi_thread")]
async fn full_circle_needs_yes_and_installed_webhook() {
    let (profile, service) = configured(few()).await;
    profile.halo.clear_requests();
    let asked = profile.run(["check", "--full-circle"]).await.expect(3);
    asked.says("makes a ticket in Halo on the board").says("--yes");
    assert!(profile.halo.writes().is_empty());
    profile.run(["check", "--timeout", "3"]).await.expect(2);
    profile.run(["remove", "--yes"]).await.expect(0);
    profile.halo.clear_requests();
    profile.run(["check", "--full-circle", "--yes"]).await.expect(1).says("pia-halo configure");
    assert!(profile.halo.requests().is_empty());
    drop(service);
}

/// The hop, and the fault or the change that breaks it.
type Breaking = (&'static str, Option<Fault>, fn(&mut State));

/// Each hop broken by what breaks it, and the ticket closed all the same.
#[tokio::test(flavor = "multi_thread")]
async fn full_circle_names_hop_that_broke_and_closes_ticket() {
    let broken: [Breaking; 4] = [
        ("logged", Some(Fault::DeliveriesNone), |_| {}),
        ("logged", None, |state| state.webhook_mut(CREATED).unwrap().set("active", false)),
        ("delivered", Some(Fault::DeliveriesNotFound), |_| {}),
        ("stored", Some(Fault::DeliveriesFine), |_| {}),
    ];
    let (profile, service) = configured(few()).await;
    for (number, (hop, fault, change)) in broken.into_iter().enumerate() {
        profile.halo.change(|state| {
            fault.into_iter().for_each(|fault| state.set_fault(fault, true));
            state.webhook_mut(CREATED).unwrap().set("active", true);
            change(state);
        });
        let report = circle(&profile, "3", 1).await;
        assert_eq!(report["broken_at"], hop, "{report}");
        let stations = report["hops"].as_array().unwrap();
        let station = stations.iter().find(|station| station["hop"] == hop).unwrap();
        assert!(station["hint"].as_str().unwrap().len() > 20, "{station}");
        assert_eq!(
            (number == 1, stations[5]["status"].as_str()),
            (report.to_string().contains("switched off"), Some("pass"))
        );
        assert_eq!(made(&profile), vec![9; number + 1], "{report}");
        profile.halo.change(|state| fault.into_iter().for_each(|fault| state.set_fault(fault, false)));
    }
    drop(service);
    // Forwarded to nobody.
    let listen = profile.halo.look(|state| {
        let url = state.webhook(CREATED).unwrap().text("url").to_owned();
        url.trim_start_matches("http://").split('/').next().unwrap().to_owned()
    });
    profile.halo.change(|state| state.webhook_mut(CREATED).unwrap().set("active", true));
    let service = Service::start_at(&profile, &listen, &["--forward-to", "http://127.0.0.1:9/"]).await;
    let report = circle(&profile, "4", 1).await;
    assert_eq!(report["broken_at"], "forwarded", "{report}");
    assert_eq!(made(&profile).len(), 5);
    drop(service);
}

#[tokio::test(flavor = "multi_thread")]
async fn full_circle_says_what_halo_refuses() {
    let (profile, service) = configured(few()).await;
    profile.halo.set_fault(Fault::ForbiddenTicketWrites, true);
    let report = circle(&profile, "3", 4).await;
    assert_eq!((&report["broken_at"], &report["ticket"]), (&json!("made"), &Value::Null));
    assert!(made(&profile).is_empty());
    profile.halo.set_fault(Fault::ForbiddenTicketWrites, false);
    // Closing is refused: that alone is partly done.
    let answer =
        ScriptedAnswer::Reply { status: 400, content_type: "text/plain", headers: vec![], body: b"No.".to_vec() };
    let closing = Scripted { method: "POST", path: "/api/tickets".into(), skip: 1, times: 9, apply: false, answer };
    profile.halo.change(|state| state.scripted.push(closing));
    let report = circle(&profile, "60", 3).await;
    assert_eq!((&report["broken_at"], &report["hops"][5]["status"]), (&json!("closed"), &json!("fail")));
    assert!(report["hops"][5]["hint"].as_str().unwrap().contains("by hand"), "{report}");
    assert_eq!(made(&profile), [1]);
    drop(service);
}

/// Halo says yes to the closing and keeps the ticket open: read back, and not called closed.
#[tokio::test(flavor = "multi_thread")]
async fn ticket_of_full_circle_is_closed_only_where_halo_keeps_it() {
    let (profile, service) = configured(few()).await;
    let answer = ScriptedAnswer::Reply {
        status: 201,
        content_type: "application/json",
        headers: vec![],
        body: br#"[{"id":1}]"#.to_vec(),
    };
    let closing = Scripted { method: "POST", path: "/api/tickets".into(), skip: 1, times: 9, apply: false, answer };
    profile.halo.change(|state| state.scripted.push(closing));
    let report = circle(&profile, "60", 3).await;
    assert_eq!((&report["broken_at"], &report["hops"][5]["status"]), (&json!("closed"), &json!("fail")), "{report}");
    assert_eq!(made(&profile), [1]);
    drop(service);
}

/// Numbers of statuses are each tenant's own: where 9 is none, another one that ends a ticket closes it.
#[tokio::test(flavor = "multi_thread")]
async fn full_circle_closes_by_kind_of_status_and_never_by_number() {
    let (profile, service) = configured(few()).await;
    profile.halo.change(|state| state.statuses.retain(|status| status.int("id") != Some(9)));
    let report = circle(&profile, "60", 0).await;
    assert_eq!(report["hops"][5]["status"], "pass", "{report}");
    assert!([[8], [13]].contains(&made(&profile).try_into().unwrap()), "{report}");
    drop(service);
}

#[tokio::test(flavor = "multi_thread")]
async fn full_circle_looks_for_ticket_when_answer_is_lost() {
    let (profile, service) = configured(few()).await;
    let lost = Scripted {
        method: "POST",
        path: "/api/tickets".into(),
        skip: 0,
        times: 1,
        apply: true,
        answer: ScriptedAnswer::Reset,
    };
    profile.halo.change(|state| state.scripted.push(lost));
    assert_eq!(circle(&profile, "60", 0).await["ok"], true);
    assert_eq!(made(&profile), [9], "made once");
    drop(service);
}

#[tokio::test(flavor = "multi_thread")]
async fn full_circle_without_service_ends_in_halos_log() {
    let (profile, service) = configured(few()).await;
    profile.halo.set_fault(Fault::RuleApplied, true);
    profile.halo.set_fault(Fault::StaleReads, true);
    service.kill();
    let report = circle(&profile, "20", 1).await;
    assert_eq!((&report["broken_at"], &report["hops"][0]["status"]), (&json!("delivered"), &json!("warn")), "{report}");
    profile.halo.set_fault(Fault::DeliveriesFine, true);
    let report = circle(&profile, "20", 0).await;
    assert_eq!(statuses(&report), ["warn", "pass", "pass", "skip", "skip", "pass"], "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_full_circle_closes_its_ticket() {
    let (profile, service) = configured(few()).await;
    profile.halo.set_fault(Fault::DeliveriesNone, true);
    let mut child = profile.command(["check", "--full-circle", "--yes"]).spawn().unwrap();
    until(|| made(&profile).len() == 1).await;
    let pid = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let code = tokio::task::spawn_blocking(move || child.wait().unwrap().code()).await.unwrap();
    assert_eq!((code, made(&profile)), (Some(130), vec![9]));
    drop(service);
}

/// Killed with its ticket in Halo, whether it heard of it or not: named by status, and closed by the next one.
#[tokio::test(flavor = "multi_thread")]
async fn killed_full_circle_is_named_and_next_one_closes_its_ticket() {
    let (profile, service) = configured(few()).await;
    let silent = Scripted {
        method: "POST",
        path: "/api/tickets".into(),
        skip: 0,
        times: 1,
        apply: true,
        answer: ScriptedAnswer::Silence,
    };
    for (number, script) in [None, Some(silent)].into_iter().enumerate() {
        let is_told = script.is_none();
        profile.halo.change(|state| {
            state.set_fault(Fault::DeliveriesNone, true);
            state.scripted.extend(script);
        });
        let mut child = profile.command(["check", "--full-circle", "--yes"]).spawn().unwrap();
        let audit = profile.folder.path().join("state/pia-halo/audit.jsonl");
        let lines = || std::fs::read_to_string(&audit).unwrap().matches("make test ticket").count();
        let before = 3 * number;
        until(|| made(&profile).len() == 2 * number + 1 && (!is_told || lines() == before + 2)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(made(&profile).last(), Some(&1), "left open");
        let left = &profile.json(["status"], 0).await["integration"]["left_open"];
        assert_eq!((left.as_array().unwrap().len(), left[0]["ticket"].is_i64()), (1, is_told), "{left}");
        profile.run(["status"]).await.says("To close it: pia-halo check --full-circle");
        profile.halo.set_fault(Fault::DeliveriesNone, false);
        let report = circle(&profile, "60", 0).await;
        assert_eq!(report["earlier"].as_array().unwrap().len(), 1, "{report}");
        assert_eq!(made(&profile), vec![9; 2 * number + 2]);
        assert!(profile.json(["status"], 0).await["integration"].get("left_open").is_none());
    }
    drop(service);
}

/// The same by keys: a typed yes, each hop with its time, where it broke, and Esc that stops it.
#[tokio::test(flavor = "multi_thread")]
async fn prove_it_by_keys_goes_round_and_says_where_it_broke() {
    let (profile, service) = configured(few()).await;
    let mut person = Interface::open_with(&profile, Size { width: 120, height: 40 }).await;
    person.sees("1 Sync").await;
    person.press("3 p").await;
    person.sees("makes a ticket in Halo on the board").await;
    assert!(made(&profile).is_empty(), "nothing before the yes");
    person.type_text("yes").await;
    person.press("Enter").await;
    person.sees("Passed: the event of the test ticket arrived").await;
    person.sees("Stored here after").await;
    assert_eq!(made(&profile), [9]);
    for (fault, hop) in [(Fault::ForbiddenTicketWrites, "Ticket made"), (Fault::DeliveriesNotFound, "Delivered")] {
        profile.halo.set_fault(fault, true);
        person.press("p").await;
        person.type_text("yes").await;
        person.press("Enter").await;
        person.sees(&format!("Failed at \"{hop}\"")).await;
        profile.halo.set_fault(fault, false);
    }
    // Esc stops what would wait for long; the ticket is closed all the same.
    profile.halo.set_fault(Fault::DeliveriesNone, true);
    person.press("p").await;
    person.type_text("yes").await;
    person.press("Enter").await;
    person.sees("A test ticket is on its way").await;
    until(|| made(&profile).len() == 3).await;
    person.press("Esc").await;
    person.sees("Failed at \"In Halo's log\"").await;
    person.sees("interrupted before anything came").await;
    assert_eq!(made(&profile), [9; 3], "each is closed again");
    person.leave().await;
    drop(service);
}
