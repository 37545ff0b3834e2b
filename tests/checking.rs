//! The connection test: each fault of a Halo gets its own verdict, with what to change where.

use std::collections::BTreeSet;

use pia_halo::demo::{Fault, Options, Scripted, ScriptedAnswer};
use pia_halo::domain::check::CheckId;
use serde_json::Value;

use crate::support::pty::Pty;
use crate::support::walk::{self, Person};
use crate::support::{Profile, quick_faults};

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
async fn wrong_secret_is_named_and_nothing_else_is_tried() {
    let (_profile, report) = faulty("wrong-secret", 4).await;
    assert_eq!(report["ok"], false);
    let token = verdict(&report, "token");
    assert_eq!((token["status"].as_str(), token["http_status"].as_u64()), (Some("fail"), Some(401)));
    assert!(token["hint"].as_str().unwrap().contains("changes when the application is first saved"));
    assert_eq!(verdict(&report, "clients")["status"], "skip");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_right_is_named_for_each_thing_that_later_steps_need() {
    for (fault, id) in [
        ("forbidden-clients", "clients"),
        ("forbidden-agents", "agents"),
        ("forbidden-teams", "teams"),
        ("forbidden-ticket-types", "ticket_types"),
        ("forbidden-webhooks", "webhooks"),
        ("forbidden-tabs", "custom_tabs"),
        ("forbidden-tickets", "tickets"),
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
async fn halo_that_is_not_there_is_told_apart_from_one_that_refuses() {
    let profile = Profile::set_up(Options::default()).await;
    let file = std::fs::read_to_string(profile.config()).unwrap();
    // A port that nothing listens on, and that nobody else is given.
    let port = tokio::net::TcpSocket::new_v4().unwrap();
    port.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = port.local_addr().unwrap();
    std::fs::write(profile.config(), file.replace(profile.halo.url(), &format!("http://{closed}"))).unwrap();
    let report = profile.json(["check"], 5).await;
    assert_eq!(verdict(&report, "address")["status"], "fail");
    assert_eq!(verdict(&report, "token")["status"], "skip");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_sign_in_server_never_gets_secret_unasked() {
    let (profile, report) = faulty("foreign-auth-host", 1).await;
    assert_eq!(verdict(&report, "address")["status"], "fail");
    assert!(verdict(&report, "address")["hint"].as_str().unwrap().contains("auth_url"));
    assert!(profile.halo.requests().iter().all(|request| !request.path.ends_with("/token")));
}

/// C12: a restricted agent gets shorter lists and no error; that is said.
#[tokio::test(flavor = "multi_thread")]
async fn board_that_agent_does_not_see_is_warning() {
    let (_profile, report) = faulty("restricted-agent", 0).await;
    let board = verdict(&report, "pia_board");
    assert_eq!(board["status"], "warn");
    assert!(board["message"].as_str().unwrap().contains("no team \"Pia\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_changes_nothing_whatever_it_meets() {
    for fault in quick_faults() {
        let name = fault.name();
        let profile = Profile::set_up(Options { clients: 20, ..Options::default() }).await;
        profile.halo.set_fault(fault, true);
        profile.run(["check"]).await;
        assert_eq!(profile.halo.writes().len(), 0, "{name}");
    }
}

fn small() -> Options {
    Options { clients: 30, ..Options::default() }
}

/// What each check reads.
const READ: [(&str, &str); 8] = [
    ("clients", "/api/client"),
    ("agents", "/api/agent"),
    ("teams", "/api/team"),
    ("ticket_types", "/api/tickettype"),
    ("webhooks", "/api/webhook"),
    ("custom_tabs", "/api/tabs"),
    ("tickets", "/api/tickets"),
    ("actions", "/api/actions"),
];

/// Whatever check fails, and in whatever way, Configure stops before its first write.
#[tokio::test(flavor = "multi_thread")]
async fn whichever_check_fails_configure_is_refused_with_no_write() {
    let profile = Profile::synced(small()).await;
    let before = profile.halo.snapshot();
    let mut stopped = BTreeSet::new();
    let refused = async |id: &'static str, how: &str| {
        let ran = profile.run(["configure", "--yes", "--json"]).await;
        let report = ran.json();
        assert_eq!(report["status"], "refused", "{id}, {how}: {report}");
        let of = format!("{} requests", profile.halo.requests().len());
        assert_eq!(profile.halo.writes(), [], "{id}, {how}: {of}");
        let title = CheckId::ALL.into_iter().find(|check| serde_json::to_value(check).unwrap() == id).unwrap().title();
        let message = report["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("{title}: ")), "{id}, {how}: {message}");
        assert_ne!(ran.code, 0);
        profile.halo.clear_requests();
        id
    };
    for (id, fault) in [("address", "foreign-auth-host"), ("token", "redirect-elsewhere"), ("token", "wrong-secret")] {
        profile.halo.set_fault(fault.parse().unwrap(), true);
        stopped.insert(refused(id, fault).await);
        profile.halo.set_fault(fault.parse().unwrap(), false);
    }
    // An application without a single permission.
    let scopes = profile.halo.change(|halo| std::mem::take(&mut halo.applications[0].scopes));
    profile.halo.set_fault(Fault::ScopeMustBeNamed, true);
    stopped.insert(refused("token", "no scope at all").await);
    profile.halo.set_fault(Fault::ScopeMustBeNamed, false);
    profile.halo.change(|halo| halo.applications[0].scopes = scopes);

    for (id, path) in READ {
        for (status, content_type, body) in [
            (403, "text/plain", ""),
            (401, "text/plain", ""),
            (404, "text/plain", ""),
            (400, "application/json", "\"Invalid Data Type\""),
            (200, "text/html", "<!DOCTYPE html><html></html>"),
            (200, "application/json", "null"),
            (200, "application/json", "{\"other\":1}"),
        ] {
            if id == "actions" && status == 401 {
                continue; // Nice to know: it is left out where the token has run out.
            }
            profile.halo.change(|halo| {
                let answer = ScriptedAnswer::Reply { status, content_type, headers: vec![], body: body.into() };
                // Who the agent is, is asked at another address below the same one.
                let skip = u32::from(id == "agents");
                let script = Scripted { method: "GET", path: path.to_owned(), skip, times: 99, apply: false, answer };
                halo.scripted = vec![script];
            });
            stopped.insert(refused(id, &format!("{status} {body}")).await);
        }
        profile.halo.change(|halo| halo.scripted.clear());
    }
    let can_fail: BTreeSet<&str> = ["address", "token"].into_iter().chain(READ.map(|(id, _)| id)).collect();
    assert_eq!(stopped, can_fail, "the checks of the Pia Screen warn and do not fail");
    assert_eq!(profile.halo.snapshot(), before);
    profile.run(["configure", "--yes"]).await.expect(0);
}

/// N1, F19, C7: what is needed when, what of it is there, and where the rest is ticked.
#[tokio::test(flavor = "multi_thread")]
async fn rights_are_table_by_phase() {
    let state = |report: &Value, id: &str, access: &str| {
        let rows = report["rights"].as_array().unwrap().iter();
        let row = rows.clone().find(|row| row["id"] == id && row["access"] == access);
        row.unwrap_or_else(|| panic!("{id} {access}: {report}")).clone()
    };
    let (profile, report) = faulty("forbidden-tickets", 4).await;
    let read = state(&report, "tickets", "read");
    assert_eq!((&read["state"], &read["phases"]), (&"missing".into(), &serde_json::json!(["daily", "escalate"])));
    assert!(read["place"].as_str().unwrap().contains("Tickets Access Level"), "{read}");
    assert_eq!(state(&report, "tickets", "write")["phases"], serde_json::json!(["escalate"]));
    assert_eq!(state(&report, "actions", "read")["state"], "unknown", "no ticket, no notes");
    assert_eq!(state(&report, "webhooks", "write")["state"], "expected");
    let text = profile.run(["check"]).await.expect(4).stdout;
    assert!(text.lines().any(|line| line.starts_with("Tickets, read") && line.contains("MISSING")), "{text}");

    profile.halo.set_fault(Fault::ForbiddenTickets, false);
    let report = profile.json(["check"], 0).await;
    for id in ["tickets", "actions", "statuses"] {
        assert_eq!(state(&report, id, "read")["state"], "have", "{report}");
    }
    assert_eq!(profile.halo.writes(), [], "reads only");
    assert!(!profile.run(["check"]).await.expect(0).stdout.contains("Needed for"), "all there: not asked for");
    assert!(profile.run(["check", "--rights"]).await.expect(0).stdout.contains("Needed for"));

    let report = {
        let script = Scripted {
            method: "GET",
            path: "/api/status".to_owned(),
            skip: 0,
            times: 9,
            apply: false,
            answer: ScriptedAnswer::Reply { status: 403, content_type: "text/plain", headers: vec![], body: "".into() },
        };
        profile.halo.change(|halo| halo.scripted = vec![script]);
        profile.json(["check"], 0).await
    };
    assert_eq!(verdict(&report, "statuses")["status"], "warn", "only names hang on it: {report}");
    assert_eq!(state(&report, "statuses", "read")["state"], "missing");
}

/// N1: under 15 requests, whatever is missing.
#[tokio::test(flavor = "multi_thread")]
async fn check_needs_fewer_than_fifteen_requests_whatever_it_meets() {
    let profile = Profile::set_up(small()).await;
    let mut sets: Vec<Vec<Fault>> = quick_faults().map(|fault| vec![fault]).collect();
    sets.push(vec![]);
    for scope in [Fault::NarrowScope, Fault::StandardScope, Fault::ShortenedScope] {
        sets.push(vec![scope, Fault::ScopeMustBeNamed]);
        sets.push(vec![scope, Fault::ForbiddenTabs, Fault::RestrictedAgent]);
    }
    for faults in sets {
        faults.iter().for_each(|fault| profile.halo.set_fault(*fault, true));
        profile.halo.clear_requests();
        profile.run(["check"]).await;
        let requests = profile.halo.requests();
        assert!(requests.len() < 15, "{faults:?}: {} requests", requests.len());
        assert_eq!(profile.halo.writes(), [], "{faults:?}");
        faults.iter().for_each(|fault| profile.halo.set_fault(*fault, false));
    }
}

/// N1: which of Halo's two gates is shut, what the right is called there, and where it is ticked.
#[tokio::test(flavor = "multi_thread")]
async fn two_gates_are_told_apart_and_right_is_named_with_its_place() {
    for (fault, id, words) in [
        ("forbidden-clients", "clients", "Customers Access Level"),
        ("forbidden-agents", "agents", "Default Team"),
        ("forbidden-teams", "teams", "member of the teams"),
        ("forbidden-ticket-types", "ticket_types", "Allow use of all Ticket Types"),
        ("forbidden-webhooks", "webhooks", "Is a HaloPSA Administrator"),
        ("forbidden-tabs", "custom_tabs", "Is a HaloPSA Administrator"),
        ("forbidden-tickets", "tickets", "Tickets Access Level"),
    ] {
        let (_profile, report) = faulty(fault, 4).await;
        let check = verdict(&report, id);
        assert_eq!(check["missing"]["gate"], "agent_role", "{fault}: the scope is \"all\": {check}");
        assert!(check["missing"]["place"].as_str().unwrap().contains("Teams & Agents › Roles"), "{check}");
        assert!(check["hint"].as_str().unwrap().contains(words), "{check}");
        assert!(check["message"].as_str().unwrap().contains("so the agent's role lacks it"), "{check}");
    }
    for faults in ["narrow-scope", "standard-scope", "shortened-scope"] {
        let (_profile, report) = faulty(faults, 4).await;
        assert_eq!(verdict(&report, "token")["status"], "warn", "{faults}: {report}");
        for id in ["webhooks", "custom_tabs"] {
            let check = verdict(&report, id);
            assert_eq!(check["missing"]["gate"], "application", "{faults}: {check}");
            assert!(check["hint"].as_str().unwrap().contains("View Applications › the application › Permissions"));
            assert!(check["hint"].as_str().unwrap().contains("tick \"all\""), "{check}");
        }
        // One cause, one remedy: in the same words, so that it is told once.
        for id in ["token", "ticket_types", "custom_tabs"] {
            assert_eq!(verdict(&report, id)["hint"], verdict(&report, "webhooks")["hint"], "{faults}: {id}");
        }
        assert_eq!(verdict(&report, "clients")["status"], "pass", "{faults}: what is permitted is used");
    }
}

/// C9: a scope that is not permitted spoils a request for several, so they are tried one at a time.
#[tokio::test(flavor = "multi_thread")]
async fn scopes_are_tried_one_by_one_where_all_is_refused() {
    let (profile, report) = faulty("standard-scope", 4).await;
    let token = verdict(&report, "token");
    let words = "but only for the scope \"all:standard\", not \"all\"; asked one by one, Halo grants all:standard";
    assert!(token["message"].as_str().unwrap().contains(words), "{token}");
    assert!(token["message"].as_str().unwrap().contains("refuses admin"), "{token}");
    let asked: Vec<Option<Value>> = profile
        .halo
        .requests()
        .iter()
        .filter(|request| request.path == "/auth/token")
        .map(|request| request.body.as_ref().unwrap().get("scope").cloned())
        .collect();
    let scope = |name: &str| Some(Value::from(name));
    assert_eq!(asked, [scope("all"), None, scope("admin"), scope("all:standard"), scope("read:customers")]);

    // A Halo that wants its scopes named gets those that it gave one at a time, and the work goes on.
    profile.halo.set_fault(Fault::ScopeMustBeNamed, true);
    let report = profile.json(["check"], 4).await;
    assert_eq!(verdict(&report, "clients")["status"], "pass", "{report}");
    profile.run(["sync"]).await.expect(0);

    // "admin" is as good as "all".
    let profile = Profile::synced(small()).await;
    profile.halo.change(|halo| halo.applications[0].scopes = ["admin".to_owned()].into());
    let report = profile.json(["check"], 0).await;
    assert_eq!(verdict(&report, "token")["status"], "pass", "{report}");
    profile.run(["configure", "--yes"]).await.expect(0);
}

/// C12, F17: what a restricted agent does not see is absent without an error. That is said, and not taken for the truth.
#[tokio::test(flavor = "multi_thread")]
async fn lists_of_restricted_agent_are_not_taken_for_truth() {
    let (profile, report) = faulty("restricted-agent", 0).await;
    for (id, words) in [
        ("clients", "Allow use of all Customers/Clients"),
        ("teams", "member of every team"),
        ("ticket_types", "Allow use of all Ticket Types"),
    ] {
        let check = verdict(&report, id);
        assert_eq!(check["status"], "warn", "{check}");
        assert!(check["message"].as_str().unwrap().contains("there may be more"), "{check}");
        assert!(check["hint"].as_str().unwrap().contains(words), "{check}");
    }
    profile.halo.set_fault(Fault::RestrictedAgent, false);
    for (keep, words) in [(1, "if there are more"), (0, "lists no team")] {
        profile.halo.change(|halo| halo.teams.truncate(keep));
        let report = profile.json(["check"], 0).await;
        let teams = verdict(&report, "teams");
        assert!(teams["status"] == "warn" && teams["message"].as_str().unwrap().contains(words), "{teams}");
    }
}

/// Reading proves nothing of writing: what can be said before the first write is said, and no more.
#[tokio::test(flavor = "multi_thread")]
async fn of_writing_no_more_is_said_than_is_known() {
    let profile = Profile::set_up(small()).await;
    for (fault, writes, status, words) in [
        (None, "expected", "pass", "writing allowed by scope and role"),
        (Some(Fault::AgentUnknown), "not_provable", "pass", "not tested yet"),
        (Some(Fault::ForbiddenWrites), "doubtful", "warn", "writing may be refused"),
    ] {
        fault.into_iter().for_each(|fault| profile.halo.set_fault(fault, true));
        let report = profile.json(["check"], 0).await;
        for id in ["ticket_types", "webhooks", "custom_tabs"] {
            let check = verdict(&report, id);
            assert_eq!((&check["writes"], &check["status"]), (&writes.into(), &status.into()), "{fault:?}: {check}");
            assert!(check["message"].as_str().unwrap().contains(words), "{check}");
        }
        assert!(verdict(&report, "clients").get("writes").is_none());
        fault.into_iter().for_each(|fault| profile.halo.set_fault(fault, false));
    }
}

/// A right that only writing one thing needs shows at the first write. It is named, the rest is done and kept, and
/// with the right given the next run makes only what is missing.
#[tokio::test(flavor = "multi_thread")]
async fn right_missing_for_one_kind_of_write_is_named() {
    for (fault, kind, code) in [
        (Fault::ForbiddenWebhookWrites, "webhook", 3),
        (Fault::ForbiddenTabWrites, "custom_tab", 3),
        (Fault::ForbiddenTicketTypeWrites, "ticket_type", 3),
        (Fault::ForbiddenOneTicketType, "ticket_type", 3),
    ] {
        let profile = Profile::synced(small()).await;
        profile.halo.set_fault(fault, true);
        let report = profile.json(["configure", "--yes"], code).await;
        let results = report["results"].as_array().unwrap();
        let failed: Vec<&Value> = results.iter().filter(|result| result["outcome"] == "failed").collect();
        assert!(!failed.is_empty() && failed.iter().all(|result| result["kind"] == kind), "{fault}: {report}");
        let message = failed[0]["message"].as_str().unwrap();
        // Where others were just taken, it is about that one alone.
        let told: &[&str] = match fault {
            Fault::ForbiddenOneTicketType => &["Others were allowed", "Ticket Type Restrictions"],
            Fault::ForbiddenTicketTypeWrites => &["role of the application's agent", "Allow use of all Ticket Types"],
            _ => &["role of the application's agent", "Is a HaloPSA Administrator"],
        };
        assert!(told.iter().all(|words| message.contains(words)), "{fault}: {message}");
        // The scope is known to cover it: that gate is not named.
        assert!(!message.contains("Login Type") && !message.contains("View Applications"), "{fault}: {message}");
        assert!(results.iter().any(|result| result["outcome"] == "done"), "{fault}: {report}");
        profile.halo.set_fault(fault, false);
        let again = profile.json(["configure", "--yes"], 0).await;
        assert_eq!(again["status"], "configured", "{fault}: {again}");
        assert_eq!(profile.json(["plan"], 0).await["changes_pending"], false, "{fault}");
    }
}

/// C11: permissions that were changed in Halo count from the next check on.
#[tokio::test(flavor = "multi_thread")]
async fn permission_that_is_given_counts_from_next_check_on() {
    let (profile, report) = faulty("narrow-scope", 4).await;
    assert_eq!(report["ok"], false);
    profile.halo.set_fault(Fault::NarrowScope, false);
    assert_eq!(profile.json(["check"], 0).await["ok"], true);
}

/// F26: a team that was added in Halo is suggested without a sync.
#[tokio::test(flavor = "multi_thread")]
async fn teams_are_refreshed_without_sync() {
    let profile = Profile::synced(Options { clients: 5, ..Options::default() }).await;
    let (workspace, id) = (profile.workspace(), profile.id());
    let has_it =
        |lists: &pia_halo::domain::status::Lists| lists.teams.iter().any(|team| team.name.raw() == "Night Desk");
    profile.halo.change(|state| {
        let mut team = state.teams[0].clone();
        team.set("id", 9_999);
        team.set("name", "Night Desk");
        state.teams.push(team);
    });
    assert!(!has_it(&pia_halo::ops::clients::lists(&workspace, &id).unwrap()));
    let fresh = pia_halo::ops::clients::refresh_lists(&workspace, &id, Default::default()).await.unwrap();
    assert!(has_it(&fresh));
    assert!(has_it(&pia_halo::ops::clients::lists(&workspace, &id).unwrap()));
}

/// F26: what `check` has read is known afterwards: a form judges by it, and says of when it is.
#[tokio::test(flavor = "multi_thread")]
async fn teams_that_check_has_read_are_known_to_form() {
    let profile = Profile::synced(Options { clients: 5, ..Options::default() }).await;
    let rename = |name: &str| profile.halo.change(|state| state.teams[0].set("name", name));
    let known = || {
        let lists = pia_halo::ops::clients::lists(&profile.workspace(), &profile.id()).unwrap();
        lists.teams.iter().map(|team| team.name.display()).collect::<Vec<_>>()
    };
    rename("Quo Vadis");
    assert!(!known().contains(&"Quo Vadis".to_owned()));
    profile.json(["check"], 0).await;
    assert!(known().contains(&"Quo Vadis".to_owned()), "{:?}", known());
    let mut person = profile.in_terminal().size(140, 40).spawn();
    person.sees("8 to create").await;
    person.press("^O").await;
    person.sees("Integrations").await;
    person.press("e").await;
    person.is_at("Configuration Name").await;
    person.press("^P").await;
    person.type_text("Pia Board").await;
    person.press("Enter").await;
    person.is_at("Pia Board").await;
    person.press("^U").await;
    person.type_text("Quo Vadis").await;
    person.wait("no warning", |screen| screen.contains("Quo Vadis") && !screen.contains("no team")).await;
    person.press("^U").await;
    person.type_text("Quo Vadimus").await;
    person.sees("Did you mean \"Quo Vadis\"?").await;
}

/// Somebody in whose settings another Client ID is typed: it was tested, and not saved.
async fn test_of_unsaved(profile: &Profile) -> Pty {
    let mut person = profile.in_terminal().spawn();
    walk::to_settings(&mut person).await;
    person.press("Down Down").await;
    person.is_at("Client ID").await;
    person.type_text("X").await;
    person.press("^S").await;
    person.sees("failed").await;
    person
}

/// Halo answers a test of what is not saved, too: whoever was silent at the last look is so no more.
#[tokio::test(flavor = "multi_thread")]
async fn answer_to_unsaved_settings_ends_silence() {
    let profile = Profile::set_up(Options::default()).await;
    profile.halo.set_fault("silence".parse().unwrap(), true);
    profile.run(["doctor"]).await.expect(5);
    let issues = async || profile.run(["issues"]).await.stdout;
    assert!(issues().await.contains("never answered"), "{}", issues().await);
    profile.halo.set_fault("silence".parse().unwrap(), false);
    let _person = test_of_unsaved(&profile).await;
    assert!(!issues().await.contains("never answered"), "{}", issues().await);
    assert!(!issues().await.contains("refused"), "and what is not saved is no word on what is");
}

/// A test of what is typed and not saved says nothing of what is saved, which runs on.
#[tokio::test(flavor = "multi_thread")]
async fn failed_test_of_unsaved_settings_is_no_word_on_saved_ones() {
    let profile = Profile::set_up(Options::default()).await;
    profile.json(["check"], 0).await;
    let before = profile.run(["issues"]).await.stdout;
    let _person = test_of_unsaved(&profile).await;
    assert_eq!(profile.run(["issues"]).await.stdout, before);
    assert_eq!(profile.json(["status"], 0).await["steps"]["credentials"], "done");
}
