//! Health: doctor, status, issues and the figures say the same of one cause, from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pia_halo::demo::{Fault, Options};
use pia_halo::domain::health::Rule;
use serde_json::{Value, json};

use crate::delivering::{configured, control};
use crate::support::pty::Pty;
use crate::support::service::Service;
use crate::support::walk::Person;
use crate::support::{Profile, until};

fn few() -> Options {
    Options { clients: 3, ..Options::default() }
}

fn finding<'a>(report: &'a Value, rule: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["rule"] == rule).unwrap_or_else(|| panic!("{rule} in {report}"))
}

fn ids(issues: &Value) -> Vec<&str> {
    issues["issues"].as_array().unwrap().iter().filter_map(|issue| issue["id"].as_str()).collect()
}

/// One cause from its begin to its end: found by doctor, told by all, dismissed until it changes, gone once mended.
#[tokio::test]
async fn doctor_status_and_issues_tell_one_cause_until_it_is_mended() {
    let profile = Profile::synced(few()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let service = Service::start(&profile).await;
    let well = profile.json(["doctor"], 0).await;
    assert_eq!(well["findings"].as_array().unwrap().len(), 28);
    assert!(finding(&well, "drift")["seen_at"].is_string() && finding(&well, "clock")["state"] == "well", "{well}");
    profile.run(["status", "--exit-code"]).await.expect(0);

    profile.halo.change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("active", false));
    let off = profile.json(["doctor"], 3).await;
    assert_eq!(finding(&off, "drift")["state"], "broken");
    let since = finding(&off, "drift")["since"].clone();
    assert!(since.is_string(), "{off}");
    // Told by whoever asks later, with its age, and by the service's figures.
    profile.run(["status", "--exit-code"]).await.expect(8).says("a webhook is switched off");
    let issues = profile.json(["issues"], 0).await;
    assert_eq!(ids(&issues), ["drift"], "one cause is told once: {issues}");
    let drift = issues["issues"].as_array().unwrap().iter().find(|issue| issue["id"] == "drift").unwrap();
    assert_eq!((&drift["since"], &drift["can_retry"]), (&since, &true.into()));

    for id in ids(&issues) {
        profile.run(["issues", "dismiss", id]).await.expect(0);
    }
    profile.run(["status", "--exit-code"]).await.expect(0).says("dismissed issue");
    profile.json(["doctor"], 0).await;
    // Another cause of the same rule is no longer what was dismissed.
    profile.halo.change(|state| state.webhook_mut("Pia - Ticket Updated").unwrap().set("active", false));
    profile.run(["issues", "retry", "drift"]).await.expect(3);
    profile.run(["status", "--exit-code"]).await.expect(8);
    profile.run(["configure", "--yes"]).await.expect(0);
    // What was read before it is no longer so: nobody has to look again.
    profile.json(["doctor", "--offline"], 0).await;
    profile.json(["doctor"], 0).await;
    assert!(ids(&profile.json(["issues"], 0).await).is_empty());
    profile.run(["issues", "dismiss", "drift"]).await.expect(2);
    profile.run(["issues", "dismiss", "nonsense"]).await.expect(2);
    drop(service);
    // Without a request: nobody runs to whom Halo could deliver.
    let offline = profile.json(["doctor", "--offline"], 3).await;
    assert_eq!(finding(&offline, "service")["state"], "broken");
}

/// Whoever sees a webhook that is off knows that it delivers nothing, whatever its log said before; and that it is on again.
#[tokio::test]
async fn webhook_seen_off_is_no_webhook_that_delivers() {
    let profile = Profile::synced(few()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.run(["deliveries"]).await;
    let switch =
        |on: bool| profile.halo.change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("active", on));
    let states = async || {
        let status = profile.json(["status"], 0).await;
        let read = status["integration"]["deliveries"].as_array().unwrap().clone();
        read.iter().map(|own| own["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(states().await, ["never", "never"]);
    for look in ["plan", "sync"] {
        switch(false);
        profile.run([look]).await;
        assert_eq!(states().await, ["switched_off", "never"], "{look}");
        profile.run(["issues"]).await.says("Pia - Ticket Created (switched off in Halo)");
        switch(true);
        profile.run([look]).await;
        assert_eq!(states().await, [""; 0], "{look}: its log has to be read");
        profile.run(["deliveries"]).await;
    }
}

/// Halo may switch a webhook off between two requests of one look: what that look says of the objects and of the deliveries
/// agrees all the same.
#[tokio::test]
async fn look_agrees_on_webhook_that_goes_off_meanwhile() {
    let profile = Profile::synced(few()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let lists = Arc::new(AtomicUsize::new(0));
    let count = |off_at: Option<usize>| {
        let lists = Arc::clone(&lists);
        lists.store(0, Ordering::SeqCst);
        profile.halo.change(move |state| {
            state.on_request = Some(Box::new(move |state, request| {
                let is_list = request.method == "GET" && request.path.eq_ignore_ascii_case("/api/webhook");
                if is_list && Some(lists.fetch_add(1, Ordering::SeqCst) + 1) == off_at {
                    state.webhook_mut("Pia - Ticket Created").unwrap().set("active", false);
                }
            }));
        });
    };
    count(None);
    // Nobody else asks: no service runs.
    let well = profile.json(["doctor"], 3).await;
    assert_eq!(finding(&well, "drift")["state"], "well", "{well}");
    // The last list is that of the deliveries, behind the plan.
    count(Some(lists.load(Ordering::SeqCst)));
    let off = profile.json(["doctor"], 3).await;
    assert_eq!(finding(&off, "drift")["state"], "broken", "{off}");
    assert!(finding(&off, "drift")["fact"].as_str().unwrap().contains("switched off in Halo"), "{off}");
}

/// A service that hangs holds its lock as one that works: no command and no screen calls it running.
#[tokio::test]
async fn service_that_hangs_is_not_called_running() {
    let profile = Profile::synced(few()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let service = Service::start_at(&profile, "0.0.0.0:0", &[]).await;
    let works = profile.json(["status"], 0).await;
    assert!(works["service"]["running"] == true && works["service"].get("unanswered").is_none(), "{works}");
    let process = rustix::process::Pid::from_raw(service.pid()).unwrap();
    // Not in the middle of a write, which would keep every other program from the store.
    let store = rusqlite::Connection::open(profile.workspace().paths().store()).unwrap();
    store.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::STOP).unwrap();
    store.execute_batch("ROLLBACK").unwrap();

    let hangs = profile.json(["status"], 0).await;
    assert!(hangs["service"]["running"] == false && hangs["service"]["unanswered"] == "silent", "{hangs}");
    let told = profile.run(["status", "--exit-code"]).await.expect(8).says("Service    does not answer");
    let told = told.says("service does not answer").stdout;
    assert!(!told.contains("runs since") && !told.contains("due 2"), "{told}");
    let doctor = profile.json(["doctor"], 3).await;
    let found = finding(&doctor, "service");
    assert!(found["state"] == "broken" && found["fact"].as_str().unwrap().starts_with("does not answer"), "{found}");
    assert!(found["next"].to_string().contains(&format!("process {}", service.pid())), "{found}");
    assert_eq!(ids(&profile.json(["issues"], 0).await), ["service"]);
    let screen = profile.in_terminal().size(120, 40).spawn();
    screen.wait_until("service does not answer");
    let shown = screen.screen();
    assert!(!shown.contains("service since") && !shown.contains("Service running"), "{shown}");
    drop(screen);

    rustix::process::kill_process(process, rustix::process::Signal::CONT).unwrap();
    assert_eq!(profile.json(["status"], 0).await["service"]["running"], true);
}

/// Refused, and not reached: each has its exit code, and a refusal is still known without a request.
#[tokio::test]
async fn doctor_tells_refused_from_not_reached() {
    let profile = Profile::synced(few()).await;
    let file = profile.credentials();
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, good.replace(profile.halo.client_secret(), "wrong")).unwrap();
    let refused = profile.json(["doctor"], 4).await;
    assert_eq!(finding(&refused, "credentials")["state"], "broken");
    assert_eq!(profile.json(["doctor", "--offline"], 4).await["ok"], false);
    std::fs::write(&file, &good).unwrap();
    profile.run(["check"]).await.expect(0);
    assert_eq!(finding(&profile.json(["doctor", "--offline"], 0).await, "credentials")["state"], "well");
    let (asked, _port) = profile.without_halo(few()).await;
    let unreached = asked.json(["doctor"], 5).await;
    assert_eq!(finding(&unreached, "credentials")["state"], "well", "nothing new is known: {unreached}");
    // Also later, and until Halo answers.
    let later = asked.json(["doctor", "--offline"], 3).await;
    assert_eq!(finding(&later, "halo")["state"], "watch", "{later}");
}

/// Each list that a sync was refused is told, and no longer than it is refused.
#[tokio::test]
async fn every_list_refused_to_sync_is_told_until_it_is_given() {
    let profile = Profile::synced(few()).await;
    let told = async || profile.run(["issues"]).await.expect(0).stdout;
    profile.halo.set_fault(Fault::ForbiddenAgents, true);
    profile.halo.set_fault(Fault::ForbiddenTeams, true);
    profile.run(["sync"]).await;
    let issues = told().await;
    assert!(issues.contains("Agents could not be read") && issues.contains("Teams could not be read"), "{issues}");
    profile.halo.set_fault(Fault::ForbiddenTeams, false);
    profile.run(["sync"]).await;
    let issues = told().await;
    assert!(issues.contains("Agents could not be read") && !issues.contains("Teams could"), "{issues}");
    // Whoever is refused something else hides none of it.
    profile.halo.set_fault(Fault::ForbiddenTickets, true);
    profile.run(["tickets"]).await.expect(4);
    assert!(told().await.contains("Agents could not be read; also ") || told().await.contains("; also Agents could"));
}

/// A write that Halo has refused is known to every later program, whatever a test expects that only reads, and until one succeeds.
#[tokio::test]
async fn refused_write_is_told_until_one_succeeds() {
    let profile = Profile::synced(few()).await;
    let rights = async || finding(&profile.run(["doctor", "--offline", "--json"]).await.json(), "rights").clone();
    profile.halo.set_fault(Fault::ForbiddenWebhookWrites, true);
    profile.run(["configure", "--yes"]).await;
    assert_eq!(rights().await["state"], "broken", "{}", rights().await);
    profile.run(["check"]).await.expect(0);
    assert_eq!(rights().await["state"], "broken", "it was only read: {}", rights().await);
    profile.halo.set_fault(Fault::ForbiddenWebhookWrites, false);
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.run(["check"]).await.expect(0);
    assert_eq!(rights().await["state"], "well", "{}", rights().await);
}

/// A pager that is not there is said at once, and what it was not told is an issue.
#[tokio::test]
async fn notify_command_that_is_not_there_is_said_at_once() {
    let profile = Profile::synced(few()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("active", false));
    profile.run(["plan"]).await;
    profile.run(["status"]).await.says("; 1 of them differs or is gone: pia-halo issues");
    let command = serde_json::json!(["/nonexistent/prog", "x"]).to_string();
    let service = profile.command(["serve", "--listen", "127.0.0.1:0", "--notify-command", &command]);
    let service = Service::start_by(service).await;
    until(|| service.said.lock().unwrap().contains("the notify command /nonexistent/prog is not there")).await;
    until(|| {
        profile
            .store()
            .health(&profile.id())
            .unwrap()
            .iter()
            .any(|found| found.rule == Rule::Notices && found.is_issue())
    })
    .await;
    profile.run(["issues"]).await.says("problems are told to nobody: the notify command cannot be run");
}

/// The service looks by itself: drift is in the figures, the log and the notice, before anybody asks.
#[tokio::test]
async fn service_tells_drift_before_anybody_asks() {
    let profile = Profile::synced(few()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("active", false));
    // As if nobody had looked for days: after each daily sync, and then, the service does.
    let path = profile.workspace().paths().store();
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute("DELETE FROM health", []).unwrap();
    drop(connection);
    let notice = profile.folder.path().join("notice");
    let command = serde_json::json!(["sh", "-c", "env >> \"$0\"; cat >> \"$0\"", notice]).to_string();
    let mut service = profile.command(["serve", "--listen", "127.0.0.1:0", "--notify-command", &command]);
    service.env("PIA_HALO_FORWARD_SECRET_FILE", "/nowhere");
    let service = Service::start_by(service).await;
    let read = || std::fs::read_to_string(&notice).unwrap_or_default();
    until(|| read().contains("\"rule\":\"drift\"")).await;
    let figures = service.get("/metrics").await.1;
    assert!(figures.contains("pia_halo_health{rule=\"drift\"} 2"), "{figures}");
    let notice = std::fs::read_to_string(&notice).unwrap();
    assert!(!notice.contains(profile.halo.client_secret()) && !notice.contains("SECRET"), "{notice}");
    assert!(ids(&profile.json(["issues"], 0).await).contains(&"drift"));
}

/// A run of Configure that Halo refused is an issue until another one has done it.
#[tokio::test]
async fn failed_configure_is_told_until_another_run_has_done_it() {
    let profile = Profile::synced(few()).await;
    let refused = "forbidden-writes".parse().unwrap();
    profile.halo.set_fault(refused, true);
    let failed = profile.run(["configure", "--yes"]).await;
    assert_ne!(failed.code, 0);
    assert!(ids(&profile.json(["issues"], 0).await).contains(&"interrupted"));
    // What kept it from being done comes first.
    profile.run(["status"]).await.says("2 issues: a permission is missing");
    profile.halo.set_fault(refused, false);
    profile.run(["configure", "--yes"]).await.expect(0);
    assert!(!ids(&profile.json(["issues"], 0).await).contains(&"interrupted"));
}

/// A Halo that is not reached has shown nothing of what is in it: that is no longer called in place.
#[tokio::test]
async fn objects_in_halo_that_is_not_reached_are_unknown() {
    let profile = Profile::synced(few()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let (asked, _port) = profile.without_halo(few()).await;
    let unreached = asked.json(["doctor"], 5).await;
    assert_eq!(finding(&unreached, "drift")["state"], "unknown", "{unreached}");
    assert_eq!(finding(&asked.json(["doctor", "--offline"], 3).await, "drift")["state"], "unknown");
}

/// The credentials file with another Client Secret in it, or with the right one again.
fn change_secret(profile: &Profile, from: &str, to: &str) {
    let file = profile.credentials();
    let stored = std::fs::read_to_string(&file).unwrap();
    assert!(stored.contains(from));
    std::fs::write(&file, stored.replace(from, to)).unwrap();
}

/// Halo has told the service of a ticket, and of a change of it: by both webhooks.
async fn heard(profile: &Profile) {
    let place = profile.halo.control();
    let ticket = control(&place, "POST", &json!({ "summary": "Printer" })).await["id"].clone();
    control(&format!("{place}/{ticket}"), "POST", &json!({ "summary": "Printer, too" })).await;
    until(|| profile.store().count_events(&profile.id()).unwrap() > 1).await;
}

/// What `status` claims of Halo and the service has the moment it is from, and is not claimed any more once it is not so.
#[tokio::test(flavor = "multi_thread")]
async fn every_claim_of_status_has_its_age_and_is_taken_back() {
    let (profile, service) = configured(few()).await;
    let told = async || profile.run(["status", "--configuration", "acme"]).await.expect(0).stdout;
    assert!(!told().await.contains("Events  "), "nothing came yet");
    heard(&profile).await;
    profile.run(["deliveries"]).await.expect(0);
    profile.run(["check"]).await.expect(0);
    profile.run(["plan"]).await.expect(0);
    let all = told().await;
    for claim in [
        "+ API Credentials  done, checked 20",
        "+ Configure        done, checked 20",
        "Last sync  Complete at 20",
        "Next sync  due 20",
        "Service    runs since 20",
        "Events     the last one at 20",
        "In Halo    14 objects, configured 20",
        "Delivery   Pia - Ticket Created: ",
    ] {
        let line = all.lines().find(|line| line.starts_with(claim));
        assert!(line.is_some_and(|line| line.contains(" UTC")), "{claim}\n{all}");
    }
    assert!(all.contains("(acme), active") && all.contains("+ Initial Sync     done"), "{all}");

    let becomes = async |before: &str, after: &str| {
        let all = told().await;
        assert!(!all.contains(before) && all.contains(after), "{before} -> {after}\n{all}");
    };
    assert_eq!(service.terminate().await, 143);
    becomes("Service    runs", "Next sync  none by itself").await;
    profile.halo.set_fault(Fault::ForbiddenClients, true);
    profile.run(["sync"]).await.expect(4);
    becomes("Complete at", "Last sync  Failed at 20").await;
    profile.halo.set_fault(Fault::ForbiddenClients, false);
    profile.run(["sync"]).await.expect(0);
    change_secret(&profile, profile.halo.client_secret(), "wrong");
    profile.run(["check"]).await.expect(4);
    becomes("API Credentials  done", "! API Credentials  needs attention, checked 20").await;
    change_secret(&profile, "wrong", profile.halo.client_secret());
    profile.run(["check"]).await.expect(0);
    becomes("needs attention", "+ API Credentials  done, checked 20").await;
    profile.halo.change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("active", false));
    profile.run(["plan"]).await.expect(3);
    becomes("Configure        done", "! Configure        needs attention, checked 20").await;
    profile.run(["deactivate"]).await.expect(0);
    becomes("(acme), active", "(acme), not active").await;
    profile.run(["activate", "acme"]).await.expect(0);
    profile.run(["remove", "--yes"]).await.expect(0);
    becomes("objects, configured", "In Halo    removed from Halo").await;
    becomes("Delivery  ", "Configure        to do").await;
    profile.run(["store", "set-aside"]).await.expect(0);
    becomes("Initial Sync     done", "Last sync  none yet").await;
}

/// Waits until the header says this, and not that.
async fn header(pty: &mut Pty, says: &str, not: &str) {
    let holds = |screen: &str| {
        let line = screen.lines().next().unwrap_or_default();
        line.contains(says) && !line.contains(not)
    };
    pty.wait(&format!("a header that says {says} and not {not}"), holds).await;
}

/// In the panes and in the wizard, the header stops claiming what another program has found untrue.
#[tokio::test(flavor = "multi_thread")]
async fn header_claims_nothing_that_is_no_longer_so() {
    let (profile, service) = configured(few()).await;
    let mut pty = profile.in_terminal().size(140, 40).spawn();
    header(&mut pty, "no event yet", "event just now").await;
    heard(&profile).await;
    header(&mut pty, "event just now", "no event yet").await;
    profile.run(["deliveries"]).await.expect(0);
    profile.run(["doctor"]).await.expect(0);
    header(&mut pty, "✓ service since", "unknown").await;
    assert_eq!(service.terminate().await, 143);
    header(&mut pty, "✗ service not running", "service since").await;
    profile.run(["deactivate"]).await.expect(0);
    header(&mut pty, "! not active", "service").await;
    profile.run(["activate", "acme"]).await.expect(0);
    header(&mut pty, "✗ service not running", "not active").await;

    pty.press("e").await;
    pty.sees("connection tested").await;
    // The settings are no greener than the panes.
    header(&mut pty, "✗ service not running", "✓").await;
    change_secret(&profile, profile.halo.client_secret(), "wrong");
    profile.run(["check"]).await.expect(4);
    header(&mut pty, "credentials refused", "✓").await;
    pty.wait("nothing of a test that passed", |screen| !screen.contains("✓ connection tested")).await;
    change_secret(&profile, "wrong", profile.halo.client_secret());
    profile.run(["check"]).await.expect(0);
    header(&mut pty, "✗ service not running", "credentials").await;
    pty.type_text(" and more").await;
    header(&mut pty, "✗ service not running · not saved", "✓").await;
    pty.press("^C ^C").await;
    assert_eq!(pty.exit_code(), 0);
}

/// A new store knows none of the objects that are in Halo: nobody is told that there are none before somebody has looked, and
/// whoever has looked tells everybody.
#[tokio::test]
async fn objects_that_store_does_not_know_are_not_denied() {
    let profile = Profile::synced(few()).await;
    profile.run(["doctor"]).await.expect(0);
    profile.run(["status"]).await.says("In Halo    not configured yet");
    profile.run(["configure", "--yes"]).await.expect(0);
    for look in ["doctor", "plan"] {
        profile.run(["store", "set-aside"]).await.expect(0).says("pia-halo plan");
        profile.run(["sync"]).await.expect(0);
        profile.run(["status"]).await.says("In Halo    not known: no look in Halo has succeeded yet");
        let unseen = profile.json(["doctor", "--offline"], 0).await;
        for rule in ["drift", "owner", "webhook-off", "deliveries", "service"] {
            assert_eq!(finding(&unseen, rule)["state"], "unknown", "{unseen}");
        }
        profile.run([look]).await.expect(3);
        profile.run(["status", "--exit-code"]).await.expect(8).says("its objects are in Halo");
        let issues = profile.json(["issues"], 0).await;
        assert!(ids(&issues).contains(&"drift") && ids(&issues).contains(&"service"), "{issues}");
        profile.run(["configure", "--yes"]).await.expect(0);
        profile.run(["status"]).await.says("objects, configured");
    }
}

/// What is saved and not yet in Halo needs a person: also where somebody has looked at Halo before it was saved.
#[tokio::test]
async fn setting_that_is_not_in_halo_yet_is_issue() {
    let profile = Profile::synced(few()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let _service = Service::start(&profile).await;
    profile.run(["doctor"]).await.expect(0);
    let answers = profile.answers("acme", "").replace("pia.acme.example", "moved.example");
    let file = profile.folder.path().join("moved.toml");
    std::fs::write(&file, answers).unwrap();
    profile.run(["setup", "--answers", &file.to_string_lossy()]).await.expect(0);
    profile.run(["status", "--exit-code"]).await.expect(8).says("needs Re-configure");
    let issues = profile.json(["issues"], 0).await;
    assert_eq!(ids(&issues), ["drift"], "and no webhook that is too new to have delivered: {issues}");
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.run(["status", "--exit-code"]).await.expect(0);
}

/// Halo does not answer: what was well is only known to have been so, and nobody is told that there is nothing to do.
#[tokio::test]
async fn doctor_without_answer_says_when_each_was_last_seen_so() {
    let profile = Profile::synced(few()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let service = Service::start(&profile).await;
    profile.run(["doctor"]).await.expect(0).says("No issue is open, but ");
    let offline = profile.json(["doctor", "--offline"], 0).await;
    let seen = |report: &Value| {
        let all = report["findings"].as_array().unwrap();
        all.iter().filter(|found| found["seen_at"].is_string()).count()
    };
    let was_seen = seen(&offline);
    let connection = rusqlite::Connection::open(profile.workspace().paths().store()).unwrap();
    let earlier = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-600 seconds')";
    let age =
        format!("UPDATE health SET finding = json_set(finding, '$.seen_at', {earlier}) WHERE finding LIKE '%seen_at%'");
    connection.execute(&age, []).unwrap();
    connection.execute(&format!("UPDATE runs SET finished_at = {earlier}"), []).unwrap();
    connection.execute(&format!("UPDATE configurations SET lists_at = {earlier}"), []).unwrap();
    drop(connection);
    let (profile, _port) = profile.without_halo(few()).await;
    let told = profile.run(["doctor"]).await.expect(5);
    let told = format!("{}{}", told.stdout, told.stderr);
    assert!(!told.contains("Nothing to do") && !told.contains("No issue is open"), "{told}");
    for rule in ["Credentials", "Permissions", "Boards and contact", "Owner"] {
        let line = told.lines().find(|line| line.contains(&format!(" {rule} "))).unwrap();
        assert!(line.contains("(last seen so ") && !line.starts_with('+'), "{line}");
    }
    let unknown = told.lines().filter(|line| line.starts_with("- ")).count();
    assert!(told.contains("! Halo ") && told.contains("1 issue needs attention."), "{told}");
    assert!(unknown > 4 && was_seen > 4, "{told}");
    drop(service);
}

/// What somebody takes out on purpose is told as that, also by whoever looks at Halo afterwards.
#[tokio::test]
async fn what_is_removed_on_purpose_is_no_drift() {
    let profile = Profile::synced(few()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    for part in ["webhooks", "chat-pod"] {
        profile.run(["configure", "--yes"]).await.expect(0);
        profile.run(["remove", "--yes", "--only", part]).await.expect(0);
        let count = if part == "webhooks" { "2 webhooks and their 5 events" } else { "1 custom tab, 6 links" };
        // Counted by what was removed, and by what is missing now: it is one count.
        for found in [profile.json(["doctor", "--offline"], 3).await, profile.json(["doctor"], 3).await] {
            let drift = finding(&found, "drift");
            assert_eq!(drift["state"], "watch", "{part}: {found}");
            let fact = format!("{count} were removed from Halo on purpose");
            assert_eq!(drift["fact"], fact.as_str(), "{part}: {found}");
        }
    }
}

/// What a command or a sync is refused is an issue for everybody, until a look has found otherwise.
#[tokio::test]
async fn refusals_that_commands_and_syncs_meet_are_issues() {
    let profile = Profile::synced(few()).await;
    for (fault, command, code) in [
        (Fault::ForbiddenTickets, &["tickets"][..], 4),
        (Fault::ForbiddenTickets, &["escalate", "33470"], 4),
        (Fault::ForbiddenAgents, &["sync"], 3),
    ] {
        profile.halo.set_fault(fault, true);
        profile.run(command).await.expect(code);
        let issues = profile.json(["issues"], 0).await;
        assert!(ids(&issues).contains(&"rights"), "{command:?}: {issues}");
        profile.run(["status", "--exit-code"]).await.expect(8);
        profile.halo.set_fault(fault, false);
        profile.run(["issues", "retry", "rights"]).await.expect(0);
        assert!(!ids(&profile.json(["issues"], 0).await).contains(&"rights"), "{command:?}");
    }
}
