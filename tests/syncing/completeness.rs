//! Complete only when proved.

use std::collections::BTreeSet;

use pia_halo::demo::{Options, Scripted, ScriptedAnswer};
use serde_json::{Value, json};

use super::{ids, small, stored, truth};
use crate::support::Profile;

/// S47, R2: Halo's count and the stored list agree, id by id; each page is asked for as one, the first like the others.
#[tokio::test(flavor = "multi_thread")]
async fn sync_stores_every_client_in_pages_of_hundred() {
    let profile = Profile::synced(Options { clients: 717, ..Options::default() }).await;
    let truth: BTreeSet<i64> = profile.halo.look(|state| state.clients.iter().map(|client| client.id).collect());
    assert_eq!(ids(&profile, "all").await, truth);
    let pages = profile.halo.requests().into_iter().filter(|request| request.path == "/api/client").collect::<Vec<_>>();
    assert!(pages.len() <= 8 + 2, "{}", pages.len());
    // Several are asked for at once, and may arrive in another order.
    let numbers: BTreeSet<usize> =
        pages.iter().map(|page| page.parameter("page_no").unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=8).collect());
    assert_eq!(pages[0].parameter("page_no"), Some("1"));
    for page in pages {
        let sent = |name: &str| page.parameter(name).map(str::to_owned);
        assert_eq!(sent("pageinate").as_deref(), Some("true"));
        assert_eq!(sent("page_size").as_deref(), Some("100"));
        assert_eq!(sent("order").as_deref(), Some("id"));
        assert_eq!(sent("includeinactive").as_deref(), Some("true"));
    }
}

/// A second run with nothing changed finds nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn second_sync_changes_nothing() {
    let profile = Profile::synced(small()).await;
    let report = profile.json(["sync"], 0).await;
    assert_eq!(report["changes"], json!({"added": 0, "updated": 0, "disabled": 0, "returned": 0, "unchanged": 230}));
}

#[tokio::test(flavor = "multi_thread")]
async fn token_that_dies_in_mid_sync_is_renewed_and_no_page_is_lost() {
    let profile = Profile::set_up(Options { clients: 900, ..Options::default() }).await;
    profile.halo.set_fault("token-expiry-mid-sync".parse().unwrap(), true);
    let report = profile.json(["sync"], 0).await;
    assert_eq!((&report["status"], &report["stored"]), (&json!("complete"), &json!(900)));
}

/// A lying count, a repeated page: never "complete", never without an end, and nobody disabled.
#[tokio::test(flavor = "multi_thread")]
async fn list_that_does_not_add_up_is_never_called_complete() {
    for fault in ["record-count-wrong", "repeated-page"] {
        let profile = Profile::synced(small()).await;
        let active = ids(&profile, "active").await;
        profile.halo.set_fault(fault.parse().unwrap(), true);
        let report = profile.json(["sync"], 3).await;
        assert_eq!(
            (&report["status"], &report["proved"]),
            (&json!("complete_with_warnings"), &json!(false)),
            "{fault}"
        );
        assert!(!report["warnings"].as_array().unwrap().is_empty(), "{fault}");
        assert!(report["pages"].as_u64().unwrap() <= 2 * (3 + 10), "{fault}");
        assert_eq!(ids(&profile, "active").await, active, "{fault}");
    }
}

/// S9: a sync that was not proved does not finish its step, and does not unlock Configure.
#[tokio::test(flavor = "multi_thread")]
async fn unproved_sync_does_not_unlock_configure() {
    let profile = Profile::set_up(small()).await;
    profile.halo.set_fault("record-count-wrong".parse().unwrap(), true);
    profile.run(["sync"]).await.expect(3).says("no client missing from the list was disabled");
    assert_eq!(profile.json(["status"], 0).await["steps"]["initial_sync"], "todo");
    profile.run(["configure", "--yes"]).await.expect(1).says("no complete sync yet");
    profile.halo.set_fault("record-count-wrong".parse().unwrap(), false);
    profile.run(["sync"]).await.expect(0);
    assert_eq!(profile.json(["status"], 0).await["steps"]["initial_sync"], "done");
}

/// A first sync has nothing to compare with: a list that changes while it is read is not proved by its count alone.
#[tokio::test(flavor = "multi_thread")]
async fn first_sync_over_changing_list_is_not_called_proved() {
    for seed in 1..=5 {
        let profile = Profile::set_up(Options { clients: 330, seed, ..Options::default() }).await;
        profile.halo.set_fault("rows-deleted-mid-sync".parse().unwrap(), true);
        let report = profile.run(["sync", "--json"]).await.json();
        let truth: BTreeSet<i64> = profile.halo.look(|state| state.clients.iter().map(|client| client.id).collect());
        let stored = ids(&profile, "all").await;
        assert!(report["proved"] == false || stored.is_superset(&truth), "seed {seed}: {report}");
    }
}

/// N7: what a run changed, by id and name, for people and for programs; and the runs themselves.
#[tokio::test(flavor = "multi_thread")]
async fn history_tells_what_each_run_changed() {
    let profile = Profile::synced(small()).await;
    let (renamed, gone) = profile.halo.change(|state| {
        state.clients.iter_mut().for_each(|client| client.inactive = false);
        let gone = state.clients.remove(20);
        state.clients[10].name = "=cmd|' /C calc'!A0".to_owned();
        (state.clients[10].id, gone)
    });
    let report = profile.json(["sync"], 0).await;
    let run = report["run"].to_string();
    let lines = profile.json(["history", &run], 0).await;
    let line = |kind: &str, id: i64| {
        let found = lines.as_array().unwrap().iter().find(|line| line["change"] == kind && line["id"] == id);
        found.unwrap_or_else(|| panic!("{kind} {id} is not in {lines}")).clone()
    };
    assert!(line("renamed", renamed)["name_before"].is_string());
    assert_eq!(line("disabled", gone.id)["name"], gone.name);
    profile
        .run(["history", &run, "--format", "csv"])
        .await
        .expect(0)
        .says("'=cmd")
        .says("id,change,name,name_before,disabled_reason");
    profile.run(["history", &run]).await.expect(0).says("NAME BEFORE").says("renamed");
    let runs = profile.json(["history"], 0).await;
    assert_eq!((runs.as_array().unwrap().len(), &runs[0]["run"]), (2, &report["run"]));
    profile.run(["history"]).await.expect(0).says("RESULT").says("Complete");
    profile.run(["history", "999"]).await.expect(2).says("there is no run 999");
    let first = profile.json(["history", &runs[1]["run"].to_string(), "--limit", "7"], 0).await;
    assert!(
        first.as_array().unwrap().iter().all(|line| line["change"] == "added") && first.as_array().unwrap().len() == 7
    );
}

/// R1: all rows, and no more requests than the pages need: the address, the token, three lists, who the agent is, and for a
/// list that fills its last page the one after it. A first sync of several pages asks for the highest id before them.
#[tokio::test(flavor = "multi_thread")]
async fn calm_list_takes_as_many_requests_as_it_has_pages() {
    for (clients, pages) in [(0, 1), (1, 2), (99, 2), (100, 2), (717, 8), (1_000, 11), (10_001, 101)] {
        let profile = Profile::set_up(Options { clients, ..Options::default() }).await;
        let report = profile.json(["sync"], 0).await;
        assert_eq!((&report["status"], &report["stored"]), (&json!("complete"), &json!(clients)));
        let (newest, rights) = (i64::from(clients > 100), i64::from(clients > 0));
        let requests = json!(pages + 5 + newest + rights);
        assert_eq!((&report["pages"], &report["requests"]), (&json!(pages), &requests), "{clients} clients");
        // The second time it is known where to sign in, and who is to be found again.
        let report = profile.json(["sync"], 0).await;
        assert_eq!((&report["pages"], &report["requests"]), (&json!(pages), &json!(pages + 4 + rights)));
        assert_eq!(stored(&profile), truth(&profile));
    }
}

/// R5: whatever Halo says in place of its count, the rows are kept, and "complete" is said of a true count alone.
#[tokio::test(flavor = "multi_thread")]
async fn count_that_is_none_proves_nothing_and_costs_nothing() {
    for (count, proved) in [
        (json!("230"), true),
        (json!(230.0), true),
        (json!(0), false),
        (json!(-1), false),
        (json!("many"), false),
        (json!(null), false),
        (json!({"count": 230}), false),
        (json!(i64::MAX), false),
        (json!(200), false),
    ] {
        let profile = Profile::set_up(small()).await;
        profile.halo.change(|state| state.behaviour.record_count = Some(count.clone()));
        let ran = profile.run(["sync", "--json"]).await.expect(if proved { 0 } else { 3 });
        let report = ran.json();
        assert_eq!(report["proved"], proved, "{count}: {report}");
        assert!(report["pages"].as_u64().unwrap() <= 2 * (3 + 10), "{count}: {report}");
        assert_eq!(stored(&profile), truth(&profile), "{count}");
    }
}

/// Rows without an id on every page alike, and no count: read once, and told in one line.
#[tokio::test(flavor = "multi_thread")]
async fn garbage_pages_cost_six_requests_and_one_warning() {
    let profile = Profile::set_up(small()).await;
    let rows = vec![json!({ "name": "nobody" }); 40];
    script(&profile, "/api/client", &json!({ "clients": rows }));
    let report = profile.json(["sync"], 3).await;
    assert_eq!(report["status"], "complete_with_warnings");
    assert!(report["requests"].as_u64().unwrap() <= 6, "{report}");
    let warnings = report["warnings"].as_array().unwrap();
    assert!(warnings.contains(&json!("40 rows could not be read: no id")) && warnings.len() == 2, "{report}");
}

/// The same clients on every page, and no count.
#[tokio::test(flavor = "multi_thread")]
async fn same_rows_on_every_page_are_asked_for_second_time_at_most() {
    let profile = Profile::set_up(small()).await;
    let rows: Vec<_> = (1..=100).map(|id| json!({ "id": id, "name": format!("Client {id}") })).collect();
    script(&profile, "/api/client", &json!({ "clients": rows }));
    let report = profile.json(["sync"], 3).await;
    assert_eq!((&report["stored"], &report["proved"]), (&json!(100), &json!(false)));
    let asked = profile.halo.requests().iter().filter(|request| request.path == "/api/client").count();
    assert!(asked <= 3, "{asked}: {report}");
}

/// What is no list fails, in Halo's words where it has some; the list that is stored stays.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_list_fails_in_halos_words() {
    let profile = Profile::synced(small()).await;
    let before = stored(&profile);
    for (body, words) in [
        (json!([]), "an empty list and no count"),
        (json!({}), "unexpected JSON"),
        (json!({ "message": "Clients are being moved" }), "Clients are being moved"),
        (json!("clients"), "unexpected JSON"),
        (json!({ "clients": "none" }), "unexpected JSON"),
    ] {
        profile.halo.change(|state| state.scripted.clear());
        script(&profile, "/api/client", &body);
        let report = profile.run(["sync", "--json"]).await.expect(1).json();
        assert_eq!(report["status"], "failed", "{body}");
        assert!(report["error"].to_string().contains(words), "{body}: {report}");
        assert_eq!(stored(&profile), before, "{body}");
    }
}

/// Whatever is wrong with each row, a run has no more than twenty lines about it.
#[tokio::test(flavor = "multi_thread")]
async fn no_run_has_more_than_twenty_warnings() {
    let profile = Profile::synced(small()).await;
    profile.halo.change(|state| {
        state.clients.drain(20..60);
        for id in 21..=60 {
            let body = json!({ "message": format!("no client {id} today") }).to_string().into_bytes();
            let (path, skip, times) = (format!("/api/client/{id}"), 0, u32::MAX);
            let answer =
                ScriptedAnswer::Reply { status: 400, content_type: "application/json", headers: Vec::new(), body };
            state.scripted.push(Scripted { method: "GET", path, skip, times, apply: false, answer });
        }
    });
    let ran = profile.run(["sync", "--json"]).await;
    let warnings = ran.json()["warnings"].as_array().unwrap().clone();
    assert!((2..=20).contains(&warnings.len()), "{warnings:#?}");
}

/// F17: an agent that sees chosen clients only gets a shorter list and a true count of it. A script sees that, and the
/// proof does not say more than is known.
#[tokio::test(flavor = "multi_thread")]
async fn restricted_agents_sync_says_what_it_cannot_see() {
    let profile = Profile::set_up(small()).await;
    profile.halo.set_fault("restricted-agent".parse().unwrap(), true);
    profile.run(["sync"]).await.expect(3).says("as this agent sees it").says("the agent sees chosen clients only");
    let report = profile.json(["sync"], 3).await;
    assert_eq!((&report["status"], &report["proved"]), (&json!("complete_with_warnings"), &json!(true)));
    let told = profile.run(["status"]).await.expect(0);
    assert!(told.stdout.lines().any(|line| line.starts_with("Last sync") && line.ends_with("as this agent sees it")));
    assert_eq!(profile.json(["status"], 0).await["last_sync"]["restricted"], true);
    profile.halo.set_fault("restricted-agent".parse().unwrap(), false);
    let told = profile.run(["sync"]).await.expect(0);
    assert!(!told.stdout.contains("as this agent sees it"), "{told:#?}");
}

/// F17, N8: what an agent does not see any more looks as if Halo had deleted it: however few they are, a person says so.
#[tokio::test(flavor = "multi_thread")]
async fn client_that_agent_no_longer_sees_is_not_disabled_unasked() {
    // So few that as many could go unasked.
    let profile = Profile::synced(Options { clients: 36, ..Options::default() }).await;
    let active = profile.json(["status"], 0).await["clients"]["active"].clone();
    profile.halo.set_fault("restricted-agent".parse().unwrap(), true);
    let report = profile.json(["sync"], 3).await;
    assert_eq!((&report["status"], &report["changes"]["disabled"]), (&json!("needs_confirmation"), &json!(0)));
    assert!(report["would_disable"].as_u64().is_some_and(|lost| (1..=20).contains(&lost)), "{report}");
    assert_eq!(profile.json(["status"], 0).await["clients"]["active"], active);
    profile.run(["sync"]).await.expect(3).says("the agent sees chosen clients only").says("no longer in Halo");
    let agreed = profile.json(["sync", "--yes"], 3).await;
    assert_eq!(agreed["changes"]["disabled"], report["would_disable"]);
    profile.halo.set_fault("restricted-agent".parse().unwrap(), false);
    assert_eq!(profile.json(["sync"], 0).await["changes"]["returned"], report["would_disable"]);
}

/// What the agent may see is not told: then nobody knows whether it is all.
#[tokio::test(flavor = "multi_thread")]
async fn sync_of_agent_that_is_not_told_claims_no_whole() {
    let profile = Profile::set_up(small()).await;
    for fault in ["restricted-agent", "agent-unknown"] {
        profile.halo.set_fault(fault.parse().unwrap(), true);
    }
    let words = "as far as this agent sees; whether that is all is not known";
    profile.run(["sync"]).await.expect(3).says(words).says("Halo does not tell whether this agent sees all clients");
    let told = profile.run(["status"]).await.expect(0);
    assert!(told.stdout.lines().any(|line| line.starts_with("Last sync") && line.ends_with(words)), "{told:#?}");
    assert_eq!(profile.json(["status"], 0).await["last_sync"]["restricted"], Value::Null);
}

/// A Halo that never tells what the agent sees warns once: a daily job that always fails is one that nobody looks at. It is said
/// all the same, and warned of anew once Halo has told it in between.
#[tokio::test(flavor = "multi_thread")]
async fn halo_that_never_tells_what_agent_sees_warns_once() {
    let profile = Profile::set_up(small()).await;
    assert_eq!(profile.json(["status"], 0).await["last_sync"], Value::Null);
    let words = "as far as this agent sees; whether that is all is not known";
    let tells = |tells: bool| profile.halo.set_fault("agent-unknown".parse().unwrap(), !tells);
    tells(false);
    profile.run(["sync"]).await.expect(3).says(words);
    for _ in 0..2 {
        profile.run(["sync"]).await.expect(0).says("Complete").says(words);
        assert_eq!(profile.json(["sync"], 0).await["status"], "complete");
        assert_eq!(profile.json(["status"], 0).await["last_sync"]["restricted"], Value::Null);
    }
    // Another warning is one.
    profile.halo.change(|state| state.behaviour.record_count = Some(json!(1)));
    profile.run(["sync"]).await.expect(3);
    profile.halo.change(|state| state.behaviour.record_count = None);
    tells(true);
    profile.run(["sync"]).await.expect(0);
    assert_eq!(profile.json(["status"], 0).await["last_sync"]["restricted"], false);
    assert_eq!(agent_access(&profile).await, "well", "a sync that heard it lifts what was not told");
    tells(false);
    profile.run(["sync"]).await.expect(3).says(words);
    assert_eq!(agent_access(&profile).await, "unknown");
    // A look in between has nothing new to say.
    profile.run(["check"]).await.expect(0);
    profile.run(["sync"]).await.expect(0).says(words);
    // The agent of another application may be another one.
    profile.halo.change(|state| state.applications[0].client_id = "another-application".to_owned());
    let config = std::fs::read_to_string(profile.config()).unwrap();
    std::fs::write(profile.config(), config.replace(profile.halo.client_id(), "another-application")).unwrap();
    profile.run(["check"]).await.expect(0);
    profile.run(["sync"]).await.expect(3).says(words);
    profile.run(["sync"]).await.expect(0).says(words);
}

/// What health says of the agent's access to clients.
async fn agent_access(profile: &Profile) -> String {
    let findings = profile.json(["status"], 0).await["health"].clone();
    let of_agent = |finding: &&Value| finding["rule"] == "agent-restricted";
    findings.as_array().unwrap().iter().find(of_agent).unwrap()["state"].as_str().unwrap().to_owned()
}

/// One rule for scripts: a run with warnings exits with 3, whatever they are about.
#[tokio::test(flavor = "multi_thread")]
async fn sync_with_warnings_exits_with_three() {
    let profile = Profile::set_up(small()).await;
    script(&profile, "/api/agent", &json!({ "message": "not today" }));
    let told = profile.run(["sync"]).await.expect(3);
    assert!(told.stderr.contains("Agents could not be read") && told.stderr.contains("not today"), "{told:#?}");
}

/// Answers every question for a path with this.
fn script(profile: &Profile, path: &str, body: &Value) {
    let (path, skip, times, body) = (path.to_owned(), 0, u32::MAX, body.to_string().into_bytes());
    let answer = ScriptedAnswer::Reply { status: 200, content_type: "application/json", headers: Vec::new(), body };
    profile.halo.change(|state| {
        state.scripted.push(Scripted { method: "GET", path, skip, times, apply: false, answer });
    });
}

/// Neither in use nor out of use is for us to say: the client stays as it was, and the list is not proved.
#[tokio::test(flavor = "multi_thread")]
async fn client_whose_state_is_no_yes_or_no_stays_as_it_was() {
    let profile = Profile::set_up(small()).await;
    profile.json(["sync"], 0).await;
    let before = stored(&profile);
    for odd in [json!("maybe"), json!({}), json!([true]), json!(7)] {
        let id = profile.halo.change(|state| {
            let client = state.clients.iter_mut().find(|client| !client.inactive).unwrap();
            client.overrides.insert("inactive".to_owned(), odd.clone());
            client.id
        });
        let report = profile.run(["sync", "--yes", "--json"]).await.json();
        assert_eq!(report["status"], "complete_with_warnings", "{odd}: {report}");
        let told = report["warnings"].to_string();
        assert!(told.contains(&id.to_string()) && told.contains("neither yes nor no"), "{odd}: {told}");
        assert_eq!(stored(&profile), before, "{odd}");
    }
}

/// A row that Halo has cut renames nobody to nothing; the client keeps the name that is known, and somebody is told.
#[tokio::test(flavor = "multi_thread")]
async fn client_without_name_keeps_known_one() {
    let profile = Profile::set_up(small()).await;
    profile.json(["sync"], 0).await;
    let before = stored(&profile);
    for odd in [json!(""), json!(null), json!(" \u{200b}"), json!({})] {
        let id = profile.halo.change(|state| {
            let client = state.clients.iter_mut().find(|client| !client.inactive).unwrap();
            client.overrides.insert("name".to_owned(), odd.clone());
            client.id
        });
        let report = profile.json(["sync"], 3).await;
        assert_eq!(report["status"], "complete_with_warnings", "{odd}: {report}");
        let told = report["warnings"].to_string();
        assert!(told.contains(&id.to_string()) && told.contains("its name is missing"), "{odd}: {told}");
        assert_eq!(report["changes"]["updated"], 0, "{odd}: {report}");
        assert_eq!(stored(&profile), before, "{odd}");
    }
}

/// Of a row that could not be read nobody can say that it is unchanged.
#[tokio::test(flavor = "multi_thread")]
async fn row_that_was_not_read_is_not_called_unchanged() {
    let profile = Profile::synced(small()).await;
    profile.halo.change(|state| {
        for client in state.clients.iter_mut().take(3) {
            client.overrides.insert("inactive".to_owned(), json!("maybe"));
        }
    });
    let report = profile.json(["sync"], 3).await;
    assert_eq!(report["changes"], json!({"added": 0, "updated": 0, "disabled": 0, "returned": 0, "unchanged": 227}));
    // Rows without an id are none that were read.
    profile.halo.change(|state| {
        for client in state.clients.iter_mut().take(3) {
            client.overrides.insert("id".to_owned(), json!(null));
        }
    });
    let report = profile.json(["sync"], 3).await;
    assert_eq!((&report["stored"], &report["changes"]["unchanged"]), (&json!(227), &json!(227)), "{report}");
}

/// R9: the id is the only key. Each that was renamed, moved, switched off or on again is told as what it is, also where two
/// have one name or have swapped theirs, and where an id has become another client.
#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_told_of_id_that_it_happened_to() {
    let profile = Profile::set_up(small()).await;
    profile.halo.change(|state| {
        for (at, client) in state.clients.iter_mut().enumerate() {
            (client.inactive, client.toplevel_id) = (at == 16, 1);
            client.main_site_name = Some("Main".to_owned());
            client.overrides.clear();
        }
    });
    profile.json(["sync"], 0).await;
    let before = stored(&profile);
    let ids = profile.halo.change(|state| {
        let ids: Vec<i64> = state.clients[10..18].iter().map(|client| client.id).collect();
        let clients = &mut state.clients;
        clients[10].name = "Renamed".to_owned();
        clients[11].toplevel_id = 2;
        clients[12].inactive = true;
        let (one, two) = (clients[13].name.clone(), clients[14].name.clone());
        (clients[13].name, clients[14].name) = (two, one);
        clients[15].name = clients[20].name.clone();
        clients[16].inactive = false;
        // Another client altogether, with the id of one that is gone.
        clients[17] = pia_halo::demo::Client::new(ids[7], "Somebody else");
        ids
    });
    let report = profile.json(["sync"], 0).await;
    let lines = profile.json(["history", &report["run"].to_string()], 0).await;
    let mut told: Vec<(i64, &str)> = lines
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["id"].as_i64().unwrap(), line["change"].as_str().unwrap()))
        .collect();
    told.sort_unstable();
    let kinds = ["renamed", "changed", "disabled", "renamed", "renamed", "renamed", "returned", "renamed"];
    assert_eq!(told, ids.iter().copied().zip(kinds).collect::<Vec<_>>(), "{lines}");
    let names_before = lines.as_array().unwrap().iter().filter(|line| line["change"] == "renamed");
    for line in names_before {
        assert_eq!(line["name_before"], before[&line["id"].as_i64().unwrap()].0, "{line}");
    }
    assert_eq!(stored(&profile), truth(&profile));
}
