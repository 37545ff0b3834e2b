//! The connection test: each fault of a Halo gets its own verdict, with what to change where.

use pia_halo::demo::Options;
use serde_json::Value;

use crate::support::Profile;

async fn faulty(fault: &str, code: i32) -> (Profile, Value) {
    let profile = Profile::set_up(Options::default()).await;
    profile.halo.set_fault(fault.parse().unwrap(), true);
    let report = profile.json(["check"], code).await;
    (profile, report)
}

fn verdict<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap()
}

/// S53: the cause, Halo's words, what to change.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_named_and_nothing_else_is_tried() {
    let (_profile, report) = faulty("wrong-secret", 4).await;
    assert_eq!(report["ok"], false);
    let token = verdict(&report, "token");
    assert_eq!((token["status"].as_str(), token["http_status"].as_u64()), (Some("fail"), Some(401)));
    assert!(token["hint"].as_str().unwrap().contains("changes when the application is first saved"));
    assert_eq!(verdict(&report, "clients")["status"], "skip");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_is_named_for_each_thing_that_later_steps_need() {
    for (fault, id) in [
        ("forbidden-clients", "clients"),
        ("forbidden-agents", "agents"),
        ("forbidden-teams", "teams"),
        ("forbidden-ticket-types", "ticket_types"),
        ("forbidden-webhooks", "webhooks"),
        ("forbidden-tabs", "custom_tabs"),
    ] {
        let (_profile, report) = faulty(fault, 4).await;
        for check in report["checks"].as_array().unwrap() {
            let own = check["id"] == id;
            assert_eq!(check["status"] == "fail", own, "{fault}: {check}");
        }
        assert!(verdict(&report, id)["hint"].is_string(), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halo_that_is_not_there_is_told_apart_from_one_that_refuses() {
    let profile = Profile::set_up(Options::default()).await;
    let file = std::fs::read_to_string(profile.config()).unwrap();
    // A port that nothing listens on.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::fs::write(profile.config(), file.replace(profile.halo.url(), &format!("http://{closed}"))).unwrap();
    let report = profile.json(["check"], 5).await;
    assert_eq!(verdict(&report, "address")["status"], "fail");
    assert_eq!(verdict(&report, "token")["status"], "skip");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_sign_in_server_never_gets_the_secret_unasked() {
    let (profile, report) = faulty("foreign-auth-host", 1).await;
    assert_eq!(verdict(&report, "address")["status"], "fail");
    assert!(verdict(&report, "address")["hint"].as_str().unwrap().contains("auth_url"));
    assert!(profile.halo.requests().iter().all(|request| !request.path.ends_with("/token")));
}

/// C12: a restricted agent gets shorter lists and no error; that is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_board_that_the_agent_does_not_see_is_a_warning() {
    let (_profile, report) = faulty("restricted-agent", 0).await;
    let board = verdict(&report, "pia_board");
    assert_eq!(board["status"], "warn");
    assert!(board["message"].as_str().unwrap().contains("no team \"Pia\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_changes_nothing_whatever_it_meets() {
    for fault in crate::support::quick_faults() {
        let name = fault.name();
        let profile = Profile::set_up(Options { clients: 20, ..Options::default() }).await;
        profile.halo.set_fault(fault, true);
        profile.run(["check"]).await;
        assert_eq!(profile.halo.writes().len(), 0, "{name}");
    }
}
