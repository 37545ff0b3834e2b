//! The program in front of a healthy Halo of which one answer is a recorded one.

use pia_halo::demo::Options;
use serde_json::{Value, json};

use super::server::{Recorded, Replay, Reply, names};
use crate::support::service::{Service, secrets};
use crate::support::{PIA, Profile, Ran, run};

/// A synced profile of which Halo is reached through the server.
struct Stage {
    profile: Profile,
    replay: Replay,
}

impl Stage {
    async fn new() -> Self {
        let profile = Profile::with(Options { clients: 30, ..Options::default() }).await;
        let replay = Replay::before(&profile.halo).await;
        let stage = Self { profile, replay };
        stage.save("", PIA).await.expect(0);
        stage.profile.run(["sync"]).await.expect(0);
        stage
    }

    /// Saves the configuration with more in its section of the boards.
    async fn save(&self, more: &str, pia: &str) -> Ran {
        let answers = self.profile.answers("acme", "").replace(self.profile.halo.url(), self.replay.url());
        let answers = answers.replace("[integration]", &format!("{more}\n[integration]")).replace(PIA, pia);
        let file = self.profile.folder.path().join("answers.toml");
        std::fs::write(&file, answers).unwrap();
        let arguments = ["setup", "--answers", &*file.to_string_lossy(), "--client-secret-file", "-"];
        run(self.profile.command(arguments), self.profile.halo.client_secret().to_owned()).await
    }

    async fn json<const N: usize>(&self, arguments: [&str; N], code: i32) -> Value {
        self.profile.json(arguments, code).await
    }

    fn put(&self, method: &str, path: &str, body: impl ToString) {
        self.replay.put(method, path, Reply::json(200, body));
    }
}

fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap()
}

/// Whatever single answer is a recorded one: a command ends as it should, says no secret, and touches nothing foreign.
#[tokio::test(flavor = "multi_thread")]
async fn no_recorded_reply_in_place_of_one_answer_does_harm() {
    let stage = Stage::new().await;
    let foreign = |snapshot: &Value| -> Vec<String> {
        let lists = ["webhooks", "tabs"].into_iter().flat_map(|list| snapshot[list].as_array().unwrap());
        lists.filter(|row| !row["name"].as_str().unwrap().starts_with("Pia")).map(ToString::to_string).collect()
    };
    let before = foreign(&stage.profile.halo.snapshot());
    // Those are waited for, minutes long, and are tried where the clock is the test's own.
    let waits = ["error-429", "error-504-gateway"];
    let mut tried = 0;
    for name in names().into_iter().filter(|name| !name.starts_with("delivery") && !waits.contains(&&**name)) {
        stage.replay.forget();
        let recorded = Recorded::read(&name);
        if recorded.path.starts_with('/') {
            stage.replay.put(&recorded.method, &recorded.path, recorded.reply.clone());
        } else {
            for path in ["/api/Team", "/api/Webhook", "/api/Tabs/{id}"] {
                stage.replay.put("GET", path, recorded.reply.clone());
            }
        }
        let command: &[&str] = match name.split('-').next().unwrap() {
            "client" => &["sync", "--json"],
            "tickets" => &["tickets", "--json"],
            "ticket" | "actions" => &["escalate", "33470", "--note", "n", "--json"],
            _ => &["configure", "--yes", "--json"],
        };
        let ran = stage.profile.run(command).await;
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!([0, 1, 2, 3, 4, 5].contains(&ran.code), "{name}: {ran:?}");
        assert!(serde_json::from_str::<Value>(&ran.stdout).is_ok(), "{name}: {ran:?}");
        assert!(!all.contains("panicked"), "{name}: {all}");
        for secret in [stage.profile.halo.client_secret(), "SYNTHETICTOKEN", "c3ludGhldGlj", "CfDJ8", "eyJhbGci"] {
            assert!(!all.contains(secret), "{name} shows {secret}: {all}");
        }
        assert_eq!(foreign(&stage.profile.halo.snapshot()), before, "{name}");
        tried += 1;
    }
    assert_eq!(tried, 62 - 5 - 2);
    stage.replay.forget();
    stage.profile.run(["configure", "--yes"]).await.expect(0);
    assert_eq!(stage.json(["plan"], 0).await["changes_pending"], false);
}

/// What a ticket type did not tell is not written, and one that shows every tab is not written at all.
#[tokio::test(flavor = "multi_thread")]
async fn ticket_type_gets_back_only_what_was_read_of_it() {
    for kind in ["no-tab-members", "allowed-list", "allow-all"] {
        let name = &format!("tickettype-detail-{kind}");
        let stage = Stage::new().await;
        let recorded = stage.replay.replay(name);
        let held = recorded.value();
        stage.put("GET", "/api/TicketType", json!([{ "id": held["id"], "name": held["name"], "visible": true }]));
        // The tab that is made gets the number that one of these types shows already.
        let report = stage.profile.run(["configure", "--yes", "--json"]).await.json();
        let written = stage.replay.asked("POST", "/api/TicketType");
        match kind {
            "no-tab-members" => {
                assert!(written.is_empty(), "{written:?}");
                assert!(
                    report.to_string().contains("Halo does not say whether the Pia Chat Pod is linked"),
                    "{report}"
                );
            }
            "allow-all" => {
                assert!(written.is_empty(), "{written:?}");
                assert_eq!(report["status"], "configured", "{report}");
            }
            _ => {
                let links = written.first().map(|asked| asked.json()[0]["allowed_iframe_customtabs"].clone());
                let kept = links.is_none_or(|links| {
                    links.as_array().unwrap().iter().any(|link| link["id"] == 101 && link["iframetab_id"] == 14)
                });
                assert!(kept, "{written:?}");
            }
        }
    }
}

/// A ticket whose status ends it is over, whatever Halo's filter lets through; statuses go by Halo's own list.
#[tokio::test(flavor = "multi_thread")]
async fn resolved_tickets_are_not_shown_as_open() {
    let stage = Stage::new().await;
    stage.replay.replay("tickets-list");
    let (progress, over) = (json!({ "id": 2, "name": "Working" }), json!({ "id": 9, "name": "Parked for good" }));
    stage.put("GET", "/api/Status", json!([progress, over]));
    stage.replay.put_where("GET", "/api/Status", "excludeclosed=true", Reply::json(200, json!([progress])));
    let listed = stage.json(["tickets"], 0).await;
    let told: Vec<_> = listed["tickets"].as_array().unwrap().iter().map(|row| (&row["id"], &row["status"])).collect();
    assert_eq!(told, [(&json!(4250), &json!("Working"))]);
    assert_eq!(listed["tickets"][0]["agent"], "Tech 1");
    // A Halo that does not know the question: then the name tells, and a number never does.
    stage.put("GET", "/api/Status", json!([{ "id": 2, "name": "Resolved" }, { "id": 9, "name": "Not resolved" }]));
    stage.replay.put_where(
        "GET",
        "/api/Status",
        "excludeclosed=true",
        Reply::json(200, json!([{ "id": 2, "name": "Resolved" }, { "id": 9, "name": "Not resolved" }])),
    );
    let listed = stage.json(["tickets"], 0).await;
    let told: Vec<_> = listed["tickets"].as_array().unwrap().iter().map(|row| (&row["id"], &row["status"])).collect();
    assert_eq!(told, [(&json!(4242), &json!("Not resolved"))]);
}

/// An agent that may not read the statuses: then the name beside the ticket tells which one is over.
#[tokio::test(flavor = "multi_thread")]
async fn name_tells_which_ticket_is_over_without_readable_statuses() {
    let stage = Stage::new().await;
    stage.replay.put("GET", "/api/Status", Reply::json(403, json!("")));
    let row = |id: i64, name: &str| json!({ "id": id, "team": "Pia", "status_id": 60 + id, "status_name": name });
    let rows = json!({ "record_count": 2, "tickets": [row(8, "Waiting"), row(7, "Resolved by phone")] });
    stage.put("GET", "/api/Tickets", rows);
    let listed = stage.json(["tickets"], 0).await;
    let told: Vec<_> = listed["tickets"].as_array().unwrap().iter().map(|row| (&row["id"], &row["status"])).collect();
    assert_eq!(told, [(&json!(8), &json!("Waiting"))]);
}

/// A page that Halo caps is not the last one, and a list that ends early is not complete.
#[tokio::test(flavor = "multi_thread")]
async fn capped_page_is_read_on_to_count() {
    let stage = Stage::new().await;
    let first = Recorded::read("client-list-capped").reply;
    let rest: Vec<Value> = (0..37).map(|at| json!({ "id": 5_000 + at, "name": format!("Rest {at}") })).collect();
    let page = json!({ "page_no": 2, "page_size": 100, "record_count": 137, "clients": rest });
    stage.replay.put("GET", "/api/Client", Recorded::read("client-list-past-the-end").reply);
    stage.replay.put_where("GET", "/api/Client", "page_no=2", Reply::json(200, page));
    stage.replay.put_where("GET", "/api/Client", "page_no=1&", first);
    let report = stage.profile.run(["sync", "--yes", "--json"]).await.json();
    // Beside those of before, which are asked for one by one: what is stored are these, too.
    let [added, stored] = [&report["changes"]["added"], &report["stored"]].map(|count| count.as_u64().unwrap());
    assert_eq!((&report["halo_count"], added), (&json!(137), 137), "{report}");
    assert_eq!(stored, added + report["changes"]["unchanged"].as_u64().unwrap(), "{report}");
    stage.replay.put("GET", "/api/Client", Recorded::read("client-list-past-the-end").reply);
    let report = stage.profile.run(["sync", "--yes", "--json"]).await.json();
    assert_ne!(report["status"], "complete", "{report}");
}

/// Fewer scopes than all, and a login that may read nothing: each says what to change in Halo.
#[tokio::test(flavor = "multi_thread")]
async fn shut_gates_are_named_for_recorded_refusals() {
    let stage = Stage::new().await;
    stage.replay.replay("token-narrow");
    let report = stage.profile.run(["check", "--json"]).await.json();
    let token = check(&report, "token");
    assert!(token["message"].as_str().unwrap().contains("read:customers read:teams"), "{token}");
    let webhooks = check(&report, "webhooks");
    assert!(webhooks["message"].as_str().unwrap().contains("writing may be refused"), "{webhooks}");
    stage.replay.forget();
    stage.replay.replay("instanceinfo-onpremise");
    for path in ["Client", "Agent", "Team", "TicketType", "Webhook", "Tabs"] {
        stage.replay.put("GET", &format!("/api/{path}"), Recorded::read("error-403-empty").reply);
    }
    let report = stage.json(["check"], 4).await;
    assert_eq!(report["halo"]["version"], "2.184.10");
    let hint = check(&report, "custom_tabs")["hint"].as_str().unwrap();
    assert!(hint.starts_with("every read is refused") && hint.contains("Login Type must be \"Agent\""), "{hint}");
    assert!(hint.contains("HaloITSM API › View Applications") && !hint.contains("Halo PSA"), "{hint}");
    stage.replay.put("GET", "/api/Agent/me", Recorded::read("error-403-empty").reply);
    let report = stage.json(["check"], 4).await;
    for id in ["clients", "webhooks", "custom_tabs"] {
        let hint = check(&report, id)["hint"].as_str().unwrap();
        assert!(hint.contains("Login Type must be \"Agent\"") && !hint.contains("role"), "{id}: {hint}");
    }
}

/// Tickets cannot be given to an agent that is there for programs alone: said where one was chosen.
#[tokio::test(flavor = "multi_thread")]
async fn api_only_agent_as_contact_is_told() {
    let stage = Stage::new().await;
    stage.replay.replay("agent-list-bare");
    stage.save("escalate_to = { agent_id = 22, name = \"Pia Service\" }", PIA).await.expect(0);
    let report = stage.json(["check"], 0).await;
    let contact = check(&report, "escalate_to");
    assert_eq!(contact["status"], "warn");
    assert!(contact["message"].as_str().unwrap().contains("API-only"), "{contact}");
}

/// The release that answered stands in the status, with the one before it.
#[tokio::test(flavor = "multi_thread")]
async fn version_of_halo_and_its_change_are_told() {
    let stage = Stage::new().await;
    stage.profile.run(["check"]).await.expect(0);
    let before = stage.json(["status"], 0).await["halo"]["version"].as_str().unwrap().to_owned();
    stage.replay.replay("instanceinfo-hosted");
    stage.profile.run(["check"]).await.expect(0);
    let halo = &stage.json(["status"], 0).await["halo"];
    assert_eq!(
        (&halo["product"], &halo["version"], &halo["before"]),
        (&json!("Halo PSA"), &json!("2.236.133"), &json!(before))
    );
    stage.profile.run(["status"]).await.expect(0).says(&format!("Halo PSA 2.236.133; updated from {before} on "));
}

/// A rule of Halo's that takes a ticket back within the write is named.
#[tokio::test(flavor = "multi_thread")]
async fn rule_that_moves_ticket_back_is_named() {
    let stage = Stage::new().await;
    stage.replay.replay("ticket-post-rule-moved-it");
    stage.put("GET", "/api/Tickets/{id}", Recorded::read("ticket-detail-2024").reply.body);
    let refused = stage.json(["escalate", "4242"], 1).await;
    let (message, hint) = (refused["error"]["message"].to_string(), refused["error"]["hint"].to_string());
    assert!(message.contains("is on 1st Line Support, unassigned"), "{message}");
    assert!(hint.contains("Add default 1st line support group to new ticket"), "{hint}");
}

/// A Halo that does not let the agent do one action is asked for the other one.
#[tokio::test(flavor = "multi_thread")]
async fn refused_note_is_tried_by_other_action() {
    let stage = Stage::new().await;
    let refusal = Recorded::read("actions-post-400-no-access").reply;
    stage.replay.put_where("POST", "/api/Actions", "Private Note", refusal.clone());
    let done = stage.json(["escalate", "33470", "--note", "needs a person"], 0).await;
    assert_eq!(done["noted"], true);
    let sent = stage.replay.asked("POST", "/api/Actions");
    assert_eq!((sent.len(), &sent[1].json()[0]["outcome_id"]), (2, &json!(7)));
    // By the settings, a number comes first; where both are refused, the note is said back to be used again.
    stage.save("note_outcome = 12", PIA).await.expect(0);
    stage.replay.put("POST", "/api/Actions", refusal);
    let refused = stage.json(["escalate", "33470", "--note", "one more thing"], 4).await;
    let sent = stage.replay.asked("POST", "/api/Actions");
    assert_eq!((&sent[2].json()[0]["outcome_id"], &sent[3].json()[0]["outcome_id"]), (&json!(12), &json!(7)));
    let hint = refused["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("one more thing") && hint.contains("note_outcome"), "{hint}");
}

/// Every read after a write asks for what is held now, and not for what Halo remembers.
#[tokio::test(flavor = "multi_thread")]
async fn each_read_after_write_is_fresh() {
    let stage = Stage::new().await;
    stage.profile.run(["configure", "--yes"]).await.expect(0);
    stage.profile.run(["escalate", "33470", "--note", "n"]).await.expect(0);
    let all = stage.replay.all();
    let mut after_write = all.iter().skip_while(|asked| asked.method != "POST" || !asked.path.starts_with("/api/"));
    let stale: Vec<_> = after_write
        .by_ref()
        .take_while(|asked| !asked.path.ends_with("/AuthInfo"))
        .filter(|asked| asked.method == "GET" && !asked.query.contains("nocache=true"))
        .collect();
    assert!(stale.is_empty(), "{stale:?}");
    let escalated = all.iter().filter(|asked| asked.path.to_lowercase().contains("tickets") && asked.method == "GET");
    assert!(escalated.clone().count() >= 2 && escalated.clone().all(|asked| asked.query.contains("nocache=true")));
}

/// Halo keeps 500 characters of an address: a longer one is refused before anything is asked or written.
#[tokio::test(flavor = "multi_thread")]
async fn address_longer_than_halo_keeps_is_refused_before_plan() {
    let stage = Stage::new().await;
    stage.save("", &format!("https://pia.acme.example/{}", "a".repeat(420))).await.expect(0);
    let before = stage.profile.halo.snapshot();
    for command in [&["plan", "--json"][..], &["configure", "--yes", "--json"]] {
        let refused = stage.profile.run(command).await.expect(2).json();
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains("Halo keeps 500; nothing was written"), "{message}");
        assert!(refused["error"]["hint"].as_str().unwrap().contains("pia_url"));
    }
    assert_eq!(stage.profile.halo.snapshot(), before);
}

/// The same for the address of the chat pod, of which Halo keeps more: not saved, and not read where it is written by
/// hand.
#[tokio::test(flavor = "multi_thread")]
async fn pod_address_longer_than_halo_keeps_is_neither_saved_nor_read() {
    let stage = Stage::new().await;
    let pod = |length: usize| format!("{PIA}/{}?ticket=$FAULTID", "a".repeat(length));
    let with = |length: usize| format!("{PIA}\"\nchat_pod_url = \"{}", pod(length));
    stage.save("", &with(1_000)).await.expect(2).says("chat_pod_url: at most 1000 characters");
    stage.save("", &with(900)).await.expect(0);
    let file = stage.profile.folder.path().join("config/pia-halo/config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&pod(900), &pod(1_000))).unwrap();
    let before = stage.profile.halo.snapshot();
    let refused = stage.profile.run(["configure", "--yes"]).await.expect(7);
    refused.says("chat_pod_url: at most 1000 characters");
    assert_eq!(stage.profile.halo.snapshot(), before);
}

/// Several events in one delivery are somebody's change: named and mended.
#[tokio::test(flavor = "multi_thread")]
async fn batching_of_webhook_is_drift() {
    let stage = Stage::new().await;
    stage.profile.run(["configure", "--yes"]).await.expect(0);
    stage.profile.halo.change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("batch_method", 3));
    let plan = stage.json(["plan"], 3).await;
    let change = plan["changes"].as_array().unwrap().iter().find(|change| change["action"] == "update").unwrap();
    assert_eq!(change["fields"][0]["name"], "batch_method", "{change}");
    stage.profile.run(["configure", "--yes"]).await.expect(0);
    assert_eq!(stage.json(["plan"], 0).await["changes_pending"], false);
}

/// What Halo sends is stored as the index says: one event each, by its own id and its ticket.
#[tokio::test(flavor = "multi_thread")]
async fn recorded_deliveries_are_stored_one_event_each() {
    let stage = Stage::new().await;
    let service = Service::start(&stage.profile).await;
    let path = format!("/callbacks/acme/ticket-created/{}", secrets(&stage.profile).token.expose());
    let password = secrets(&stage.profile).password;
    for name in names().into_iter().filter(|name| name.starts_with("delivery")) {
        let body = Recorded::read(&name).reply.body;
        let answered = service.post(&path, Some(("pia", password.expose())), body).await;
        assert_eq!(answered.status, 200, "{name}: {answered:?}");
    }
    let stored = crate::support::service::stored(&stage.profile).await;
    let mut tickets: Vec<_> = stored.iter().map(|event| event["ticket_id"].as_i64().unwrap()).collect();
    tickets.sort_unstable();
    assert_eq!(tickets, [4242, 4242, 4242, 4242, 4242, 4250, 4250]);
    assert!(stored.iter().any(|event| event["id"] == "47936930-b1bb-4a57-836a-d9b47fa4bf52"));
}
