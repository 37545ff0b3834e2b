//! The walk by commands: from an answers file to a working integration, with the JSON of the schemas and the exit codes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use pia_halo::demo::{Client, Options};

use crate::support::{PIA, Profile};

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}

/// S2, S54: the whole job through Halo's public API alone, and each object that was made is told with its id.
#[tokio::test(flavor = "multi_thread")]
async fn walk_by_commands_ends_with_exactly_our_objects() {
    let profile = Profile::new().await;
    let before = profile.halo.snapshot();
    profile.save("acme", "").await.expect(0).says("acme saved, active");

    let check = profile.json(["check"], 0).await;
    assert_eq!(check["ok"], true);
    assert_eq!(check["configuration"], "acme");
    assert_eq!(check["halo"]["url"], profile.halo.url());
    assert_eq!(check["halo"]["version"], "2.196.1");
    let ids: Vec<_> = check["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap()).collect();
    let all = [
        "address",
        "token",
        "clients",
        "agents",
        "teams",
        "ticket_types",
        "webhooks",
        "custom_tabs",
        "tickets",
        "actions",
        "statuses",
        "pia_board",
        "escalation_board",
        "escalate_to",
    ];
    assert_eq!(ids, all);
    assert!(profile.halo.requests().len() < 15, "a check is cheap");

    let sync = profile.json(["sync"], 0).await;
    assert_eq!((&sync["status"], &sync["halo_count"], &sync["stored"]), (&json!("complete"), &json!(237), &json!(237)));
    assert_eq!(sync["pages"], 3);
    assert_eq!(sync["changes"]["added"], 237);

    let plan = profile.json(["plan"], 3).await;
    assert_eq!(plan["changes_pending"], true);
    assert_eq!(
        plan["counts"],
        json!({"create": 8, "update": 0, "adopt": 0, "link": 6, "unlink": 0, "delete": 0, "keep": 2})
    );
    let reasons: Vec<_> = plan["changes"].as_array().unwrap().iter().map(|change| &change["reason"]).collect();
    assert!(reasons.contains(&&json!("skipped: inactive")), "{reasons:?}");
    let host = profile.halo.url().trim_start_matches("http://");
    profile.run(["plan"]).await.expect(3).says(&format!("Acme MSP (acme), in {host}"));
    assert_eq!(profile.halo.snapshot(), before, "nothing so far has changed Halo");

    let configure = profile.json(["configure", "--yes"], 0).await;
    assert_eq!(configure["status"], "configured");
    assert_eq!(configure["message"], "Webhook install was successful");
    let results = configure["results"].as_array().unwrap();
    let id_of = |name: &str| results.iter().find(|result| result["name"] == name).unwrap()["id"].clone();
    profile.halo.look(|state| {
        for name in ["Pia - Ticket Created", "Pia - Ticket Updated"] {
            assert_eq!(id_of(name), state.webhook(name).unwrap().text("id"));
        }
        assert_eq!(id_of("Pia Chat Pod"), state.tab("Pia Chat Pod").unwrap().int("id").unwrap().to_string());
    });

    let again = profile.json(["configure", "--yes"], 0).await;
    assert_eq!(again["status"], "nothing_to_do");
    assert_eq!(profile.json(["plan"], 0).await["changes_pending"], false);

    holds_exactly_our_objects(&before, &profile.halo.snapshot());

    let status = profile.json(["status"], 0).await;
    assert_eq!(
        status["steps"],
        json!({"credentials": "done", "company_sync": "done", "pia_screen": "done", "initial_sync": "done",
               "configure": "done"})
    );
    assert_eq!(status["active"], true);
    assert_eq!(status["last_sync"]["status"], "complete");
    assert!(status["next_sync"].as_str().unwrap().ends_with("T04:30:00Z"));
    assert!(status["integration"]["configured_at"].is_string());
}

/// What stood in Halo before is untouched, and what was added is every object of ours, to the letter.
pub fn holds_exactly_our_objects(before: &Value, after: &Value) {
    let added = |list: &str| -> Vec<Value> {
        let old = before[list].as_array().unwrap();
        after[list].as_array().unwrap().iter().filter(|row| !old.contains(row)).cloned().collect()
    };
    let webhooks = Value::from(added("webhooks"));
    let mut webhook_names = names(&webhooks);
    webhook_names.sort_unstable();
    assert_eq!(webhook_names, ["Pia - Ticket Created", "Pia - Ticket Updated"]);
    for (name, group, events) in [
        ("Pia - Ticket Created", "ticket-created", vec![3]),
        ("Pia - Ticket Updated", "ticket-updated", vec![19, 39, 76, 1072]),
    ] {
        let webhook = webhooks.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
        let url = webhook["url"].as_str().unwrap();
        assert!(url.starts_with(&format!("{PIA}/callbacks/")) && url.contains(&format!("/{group}/")), "{group}");
        assert_eq!(url.rsplit('/').next().unwrap().len(), 43, "32 random bytes in URL-safe base64");
        assert_eq!((&webhook["type"], &webhook["method"]), (&json!(0), &json!(0)));
        assert_eq!((&webhook["authentication_type"], &webhook["basic_username"]), (&json!(1), &json!("pia")));
        assert_eq!((&webhook["content_type"], &webhook["active"]), (&json!("application/json"), &json!(true)));
        let bound = added("notifications");
        let mut bound: Vec<i64> = bound
            .iter()
            .filter(|row| row["webhook_id"] == webhook["id"])
            .map(|row| row["eventno"].as_i64().unwrap())
            .collect();
        bound.sort_unstable();
        assert_eq!(bound, events);
    }
    let tabs = added("tabs");
    assert_eq!(names(&Value::from(tabs.clone())), ["Pia Chat Pod"]);
    assert_eq!(tabs[0]["url"], format!("{PIA}/pod?ticket=$FAULTID&agent=$LOGGEDINAGENTID"));
    assert_eq!(tabs[0]["tableid"], 1);
    for (old, new) in before["ticket_types"].as_array().unwrap().iter().zip(after["ticket_types"].as_array().unwrap()) {
        let tabs_of = |kind: &Value| -> BTreeSet<i64> {
            let links = kind["allowed_iframe_customtabs"].as_array().unwrap();
            links.iter().map(|link| link["iframetab_id"].as_i64().unwrap()).collect()
        };
        let mut expected = tabs_of(old);
        if old["inactive"] == false && old["allowall_iframe_customtabs"] == false {
            expected.insert(tabs[0]["id"].as_i64().unwrap());
        }
        assert_eq!(tabs_of(new), expected, "{}", old["name"]);
    }
    for list in ["clients", "agents", "teams"] {
        assert_eq!(before[list], after[list], "{list}");
    }
    for list in ["webhooks", "notifications", "tabs"] {
        let kept = |row: &Value| after[list].as_array().unwrap().contains(row);
        assert!(before[list].as_array().unwrap().iter().all(kept), "a foreign row of {list} was changed");
    }
}

/// S3: the first configuration becomes the active one; a second activation is refused, and names the first.
#[tokio::test(flavor = "multi_thread")]
async fn only_one_configuration_is_active_and_switch_needs_yes() {
    let profile = Profile::set_up(Options::default()).await;
    profile.save("other", "").await.expect(0);
    let refused = profile.run(["activate", "other", "--json"]).await.expect(3).json();
    assert_eq!(refused["error"]["code"], "needs_confirmation");
    assert!(refused["error"]["message"].as_str().unwrap().contains("acme (Acme MSP) is active"));
    assert_eq!(profile.json(["status"], 0).await["configuration"], "acme");

    profile.run(["sync", "--configuration", "other"]).await.expect(2).says("other is not the active configuration");
    profile.run(["check", "--configuration", "other"]).await.expect(0);
    for (value, code, says) in
        [("other", 2, "other is not the active"), ("", 0, ""), ("A b", 2, "PIA_HALO_CONFIGURATION: ")]
    {
        let mut command = profile.command(["sync"]);
        command.env("PIA_HALO_CONFIGURATION", value);
        crate::support::run(command, String::new()).await.expect(code).says(says);
    }
    profile.run(["activate", "other", "--yes"]).await.expect(0).says("other is active");
    profile.run(["activate", "other"]).await.expect(0);
    assert_eq!(profile.json(["status"], 0).await["configuration"], "other");
    profile.run(["deactivate"]).await.expect(0);
    profile.run(["sync"]).await.expect(2).says("no configuration is active");
}

/// A variable goes before the file, for commands and never for what is saved, and each value says where it comes from.
#[tokio::test(flavor = "multi_thread")]
async fn variable_goes_before_file_and_sources_say_so() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let run = |arguments: &'static [&'static str], value: &'static str| {
        let mut command = profile.command(arguments);
        command.env("PIA_HALO_COMPANY_SYNC_DAILY_SYNC_TIME", value);
        crate::support::run(command, String::new())
    };
    let status = run(&["status", "--json"], "23:15").await.expect(0).json();
    assert!(status["next_sync"].as_str().unwrap().ends_with("T23:15:00Z"), "{status}");
    run(&["sync"], "25:00").await.expect(2).says("PIA_HALO_COMPANY_SYNC_DAILY_SYNC_TIME: ");
    let told = run(&["config", "show", "--sources", "--json"], "23:15").await.expect(0).json();
    let from = |key: &str| {
        let row = told["sources"].as_array().unwrap().iter().find(|row| row["key"] == key).unwrap();
        (row["value"].clone(), row["source"].clone())
    };
    assert_eq!(from("company_sync.daily_sync_time"), (json!("23:15"), json!("environment")));
    assert_eq!(from("pia_screen.pia_board"), (json!("Pia"), json!("file")));
    assert_eq!(from("api.request_budget"), (json!(null), json!("default")));
    assert_eq!(from("client_secret").1, "file");
    assert_eq!(from("configuration"), (json!("acme"), json!("file")));
    run(&["config", "show", "--sources", "--configuration", "acme"], "23:15").await.expect(0).says("flag");
    assert!(std::fs::read_to_string(profile.config()).unwrap().contains("04:30"));
}

/// S3: also `setup --activate` names the active one, and saves nothing without a yes.
#[tokio::test(flavor = "multi_thread")]
async fn setup_with_activate_needs_yes_while_another_is_active() {
    let profile = Profile::set_up(Options::default()).await;
    let file = profile.folder.path().join("second.toml");
    std::fs::write(&file, profile.answers("second", "")).unwrap();
    let file = file.to_string_lossy().into_owned();
    let arguments = ["setup", "--answers", &file, "--activate", "--client-secret-file", "-"];
    let run = |arguments: &[&str]| {
        crate::support::run(profile.command(arguments.to_vec()), profile.halo.client_secret().to_owned())
    };
    run(&arguments).await.expect(3).says("acme (Acme MSP) is active");
    assert!(!std::fs::read_to_string(profile.config()).unwrap().contains("second"));
    run(&[&arguments[..], &["--yes"]].concat()).await.expect(0).says("second saved, active");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_terminal_or_command_names_commands_and_exits_2() {
    let profile = Profile::new().await;
    profile.run([""; 0]).await.expect(2).says("setup, check, sync, clients, history, plan, configure");
    profile.run(["demo"]).await.expect(2).says("demo --serve");
    profile.run(["no-such-command"]).await.expect(2);
    profile.run(["check"]).await.expect(2).says("nothing is configured yet");
}

/// S47: the client list, offline, in every form.
#[tokio::test(flavor = "multi_thread")]
async fn client_list_is_printed_in_every_form_with_halo_gone() {
    let profile = Profile::synced(Options { clients: 60, ..Options::default() }).await;
    profile.halo.change(|state| state.set_fault("silence".parse().unwrap(), true));
    let all = profile.json(["clients", "--status", "all"], 0).await;
    assert_eq!(all.as_array().unwrap().len(), 60);
    let row = &all[0];
    for member in ["id", "name", "status", "disabled_reason", "toplevel", "main_site", "first_seen", "last_seen"] {
        assert!(row.get(member).is_some(), "{member}");
    }
    let disabled = profile.json(["clients", "--status", "disabled"], 0).await;
    assert!(disabled.as_array().unwrap().iter().all(|row| row["disabled_reason"] == "inactive in Halo"));
    let active = profile.json(["clients"], 0).await;
    assert_eq!(active.as_array().unwrap().len() + disabled.as_array().unwrap().len(), 60);

    let by_id = profile.json(["clients", "--sort", "id", "--limit", "3"], 0).await;
    let ids: Vec<_> = by_id.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert!(ids.len() == 3 && ids.is_sorted());

    let name = active[5]["name"].as_str().unwrap().to_uppercase();
    let found = profile.json(["clients", "--search", &name], 0).await;
    assert!(found.as_array().unwrap().iter().any(|row| row["id"] == active[5]["id"]), "{name}");

    let lines = profile.run(["clients", "--format", "ndjson"]).await.expect(0).stdout;
    assert_eq!(lines.lines().count(), active.as_array().unwrap().len());
    let table = profile.run(["clients", "--format", "csv"]).await.expect(0).stdout;
    assert!(table.starts_with("id,name,status,disabled_reason,toplevel,main_site,first_seen,last_seen\n"));
}

/// An empty list would tell a program that every client is gone.
#[tokio::test(flavor = "multi_thread")]
async fn list_that_was_never_synced_or_lost_is_no_empty_list() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let forms = [&["clients"][..], &["clients", "--json"], &["clients", "--format", "csv"], &["clients", "--quiet"]];
    for form in forms {
        profile.run(form.to_vec()).await.expect(3).says("No sync yet");
    }
    profile.run(["sync"]).await.expect(0);
    profile.run(["clients", "--json"]).await.expect(0);
    std::fs::remove_dir_all(profile.folder.path().join("data")).unwrap();
    for form in forms {
        profile.run(form.to_vec()).await.expect(3).says("the client list was lost");
    }
    for (command, what) in [("clients", "client list"), ("history", "history"), ("events", "list of events")] {
        let told = profile.json([command], 3).await;
        assert!(told["error"]["message"].as_str().unwrap().contains(&format!("the {what}")), "{told}");
    }
    // What a sync has filled is no lost one.
    profile.run(["sync"]).await.expect(0);
    for command in ["clients", "history", "events"] {
        profile.run([command]).await.expect(0);
    }
}

/// One -v says what a command works with, offline too; two say each request.
#[tokio::test(flavor = "multi_thread")]
async fn verbose_names_files_person_and_configuration() {
    let profile = Profile::synced(Options { clients: 3, ..Options::default() }).await;
    for (command, code) in [("status", 0), ("history", 0), ("audit", 0), ("check", 0), ("plan", 3)] {
        let quiet = profile.run([command]).await.expect(code).stderr;
        let once = profile.run([command, "-v"]).await.expect(code).stderr;
        assert!(once.contains("config.toml") && once.contains("acting=") && !quiet.contains("acting="), "{once}");
        assert!(command == "audit" || once.contains("configuration=acme"), "{command}: {once}");
        assert!(!once.contains("path=\"/api"), "{once}");
    }
    let twice = profile.run(["check", "-vv"]).await.expect(0).stderr;
    assert!(twice.contains("the Client Secret is from") && twice.contains("path=\"/api/Client\""), "{twice}");
}

/// New, changed, disabled, and two that fold to one name: by the command, after the sync that found them.
#[tokio::test(flavor = "multi_thread")]
async fn clients_are_filtered_by_what_last_sync_found() {
    let profile = Profile::synced(Options { clients: 30, ..Options::default() }).await;
    let [renamed, gone, new, twin] = profile.halo.change(|state| {
        let used: Vec<usize> = (0..state.clients.len()).filter(|at| !state.clients[*at].inactive).collect();
        let ids = [state.clients[used[0]].id, state.clients[used[1]].id];
        let (last, name) = (state.clients.last().unwrap().id, state.clients[used[2]].name.to_uppercase());
        let twin = state.clients[used[2]].id;
        state.clients[used[0]].name = "Renamed Ltd".to_owned();
        state.clients.push(Client::new(last + 1, name));
        state.clients.remove(used[1]);
        [ids[0], ids[1], last + 1, twin]
    });
    profile.run(["sync"]).await.expect(0);
    for (status, found) in [("new", vec![new]), ("changed", vec![renamed, gone]), ("conflicting", vec![twin, new])] {
        let rows = profile.json(["clients", "--sort", "id", "--status", status], 0).await;
        let ids: Vec<i64> = rows.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
        assert_eq!(ids, found, "{status}");
    }
    // Since a run: what was added stays so, whatever became of it; a run that was held has changed nothing.
    profile.halo.change(|state| {
        state.clients.iter_mut().find(|client| client.id == new).unwrap().name = "Renamed, too".to_owned();
    });
    profile.run(["sync"]).await.expect(0);
    profile.halo.change(|state| state.clients.truncate(2));
    profile.run(["sync"]).await.expect(3);
    let since = profile.json(["clients", "--changed-since", "1"], 0).await;
    let mut since: Vec<(i64, &str)> = since
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["id"].as_i64().unwrap(), row["change"].as_str().unwrap()))
        .collect();
    since.sort_unstable();
    assert_eq!(since, [(renamed, "updated"), (gone, "disabled"), (new, "added")]);
}

/// What was dropped from an address is told to a script, too.
#[tokio::test(flavor = "multi_thread")]
async fn json_of_setup_tells_what_was_made_of_address() {
    let profile = Profile::new().await;
    let answers = profile.answers("acme", "").replace(PIA, "https:/pia.acme.example./");
    let file = profile.folder.path().join("acme.toml");
    std::fs::write(&file, answers).unwrap();
    let setup = ["setup", "--answers", &file.to_string_lossy(), "--client-secret-file", "-", "--json"];
    let ran = crate::support::run(profile.command(setup), profile.halo.client_secret().to_owned()).await.expect(0);
    let told = ran.json()["notes"].clone();
    let told: Vec<_> = told.as_array().unwrap().iter().filter(|note| note["key"] == "integration.pia_url").collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1]["note"], "the dot after the host is not needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn configure_without_yes_or_terminal_ends_with_question() {
    let profile = Profile::synced(Options::default()).await;
    let ran = profile
        .run(["configure"])
        .await
        .expect(3)
        .says("Apply this plan to Halo (8 to create, 6 to link, 2 unchanged)?");
    assert_eq!(ran.stdout, "");
    assert_eq!(profile.halo.writes().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn simulated_halo_runs_alone_until_it_is_interrupted() {
    use std::io::{BufRead, BufReader};
    let profile = Profile::new().await;
    let mut child = profile.command(["demo", "--serve", "--clients", "5"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    for member in ["url", "client_id", "client_secret", "tenant", "control"] {
        assert!(ready[member].is_string(), "{member}");
    }
    assert!(ready["url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    profile.run(["demo", "--list-faults"]).await.expect(0).says("wrong-secret");
    profile.run(["demo", "--serve", "--listen", "0.0.0.0:0"]).await.expect(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_and_manual_page_are_printed() {
    let profile = Profile::new().await;
    profile.run(["completions", "bash"]).await.expect(0).says("pia-halo");
    profile.run(["man"]).await.expect(0).says(".TH PIA-HALO");
    profile.run(["--help"]).await.expect(0).says("pia-halo help exit-codes");
    profile.run(["help", "exit-codes"]).await.expect(0).says("cannot be reached");
    profile.run(["help", "nothing"]).await.expect(2).says("exit-codes, environment, files, rights");
    let version = profile.run(["--version"]).await.expect(0).stdout;
    let told = profile.json(["--version"], 0).await;
    for member in ["version", "sqlite"] {
        assert!(version.contains(told[member].as_str().unwrap()), "{member}: {version}");
    }
    assert_eq!(version.contains("commit unknown"), told["commit"].is_null(), "{version}");
    profile.run(["man", "--json"]).await.expect(2).says("--json makes no sense with man");
}

/// A result that cannot be written is a failure, not a short list.
#[tokio::test(flavor = "multi_thread")]
async fn full_disk_under_output_is_failure() {
    let profile = Profile::synced(Options { clients: 20, ..Options::default() }).await;
    for arguments in [&["clients", "--json"][..], &["status"], &["man"]] {
        let mut command = profile.command(arguments);
        command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
        crate::support::run(command, String::new()).await.expect(7).says("could not be written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_error_object_where_json_was_asked_for() {
    let profile = Profile::new().await;
    let error = profile.run(["clients", "--sort", "colour", "--json"]).await.expect(2).json();
    assert_eq!(error["error"]["code"], "usage");
    let error = profile.run(["status", "--json"]).await.expect(2).json();
    assert_eq!(error["error"]["message"], "nothing is configured yet");
}

/// What makes plan refuse is an error object, with the checks beside it.
#[tokio::test(flavor = "multi_thread")]
async fn refused_plan_is_error_object_with_its_checks() {
    let profile = Profile::synced(Options { clients: 20, ..Options::default() }).await;
    profile.halo.set_fault("forbidden-tabs".parse().unwrap(), true);
    let refused = profile.json(["plan"], 4).await;
    assert_eq!(refused["error"]["code"], "missing_right");
    assert_eq!(refused["checks"].as_array().unwrap().len(), 14);
}
