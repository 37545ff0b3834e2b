//! `tickets` and `escalate`: what stands on the Pia Board, and that handing a ticket over is done once, read back, and told
//! as Halo holds it.

use pia_halo::demo::{Fault, Options, Scripted, ScriptedAnswer};
use serde_json::{Value, json};

use crate::support::Profile;

pub const TICKET: i64 = 33_470;
const REFUSED: &str = "Unable to re-assign. The Agent or Team was not found or did not have access to the Ticket Type or \
                       Client.";

/// A profile with Pia Escalate To, and ticket 33470 on the Pia Board.
async fn escalating_to(contact: Option<i64>) -> Profile {
    let profile = Profile::with(Options { clients: 40, ..Options::default() }).await;
    let more = contact.map_or(String::new(), |id| format!("escalate_to = {id}\n"));
    save(&profile, &more).await;
    place(&profile, "Pia");
    profile.halo.clear_requests();
    profile
}

/// Saves the configuration with one more line in the section of the boards.
async fn save(profile: &Profile, more: &str) {
    let file = profile.folder.path().join("answers.toml");
    let answers = profile.answers("acme", "");
    let answers = answers.replace("[integration]", &format!("{more}[integration]"));
    std::fs::write(&file, answers).unwrap();
    let command = profile.command(["setup", "--answers", &file.to_string_lossy(), "--client-secret-file", "-"]);
    crate::support::run(command, profile.halo.client_secret().to_owned()).await.expect(0);
    profile.run(["sync"]).await.expect(0);
}

pub async fn escalating() -> Profile {
    escalating_to(Some(7)).await
}

/// Puts the ticket on a team, and leaves it to nobody.
pub fn place(profile: &Profile, team: &str) {
    profile.halo.change(|state| {
        let ticket = state.tickets.iter_mut().find(|ticket| ticket.has_id(TICKET)).unwrap();
        ticket.set("team", team);
        ticket.set("agent_id", 1);
    });
}

/// Team and agent of the ticket in Halo.
pub fn held(profile: &Profile) -> (String, i64) {
    profile.halo.look(|state| {
        let ticket = state.tickets.iter().find(|ticket| ticket.has_id(TICKET)).unwrap();
        (ticket.text("team").to_owned(), ticket.int("agent_id").unwrap())
    })
}

pub fn notes(profile: &Profile) -> Vec<String> {
    profile.halo.look(|state| state.actions.iter().map(|action| action.text("note").to_owned()).collect())
}

/// Writes to tickets and actions that reached Halo.
pub fn writes(profile: &Profile, path: &str) -> usize {
    profile.halo.writes().iter().filter(|request| request.path == path).count()
}

pub async fn escalate(profile: &Profile, more: &[&str], code: i32) -> Value {
    let ticket = TICKET.to_string();
    profile.run([&["escalate", &ticket, "--json"], more].concat()).await.expect(code).json()
}

/// The lines of the audit trail about the ticket, with what was begun.
pub fn trail(profile: &Profile) -> Vec<Value> {
    let text = std::fs::read_to_string(profile.folder.path().join("state/pia-halo/audit.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["object"] == format!("ticket {TICKET}")).collect()
}

/// What came of it, by the audit trail.
fn audit(profile: &Profile) -> Vec<Value> {
    trail(profile).into_iter().filter(|line| line["outcome"] != "begun").collect()
}

/// The open tickets of the board and no others, newest first, in a table and as JSON, whatever Halo's filter does.
#[tokio::test(flavor = "multi_thread")]
async fn tickets_on_pia_board_are_listed_whatever_filter_does() {
    let profile = escalating().await;
    let wanted: Vec<i64> = profile.halo.change(|state| {
        for (n, ticket) in state.tickets.iter_mut().enumerate() {
            ticket.set("team", if n % 2 == 0 { "pia" } else { "1st Line Support" });
        }
        state.tickets[2].set("status_id", 9);
        let open =
            state.tickets.iter().filter(|ticket| ticket.text("team") == "pia" && ticket.int("status_id") != Some(9));
        open.filter_map(|ticket| ticket.int("id")).rev().collect()
    });
    for filters in [false, true] {
        profile.halo.change(|state| state.behaviour.tickets_filtered_by_team = filters);
        let listed = profile.json(["tickets"], 0).await;
        let ids: Vec<i64> =
            listed["tickets"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
        assert_eq!(ids, wanted, "{filters}");
        assert_eq!(
            (&listed["board"], &listed["board_exists"], &listed["cut"]),
            (&json!("Pia"), &json!(true), &json!(false))
        );
        assert_eq!(listed["tickets"][0]["status"], "In Progress");
        assert!(listed["tickets"][0]["client"].is_string());
    }
    let table = profile.run(["tickets"]).await.expect(0);
    assert_eq!(table.stdout.lines().count(), wanted.len());
    assert!(table.stdout.contains("In Progress") && table.stdout.contains(&wanted[0].to_string()), "{table:?}");
    assert_eq!(profile.halo.writes().len(), 0);
}

/// It stays closed, which whoever hands it over has to know.
#[tokio::test(flavor = "multi_thread")]
async fn closed_ticket_is_told_as_one_that_nobody_will_see() {
    let profile = escalating().await;
    assert!(escalate(&profile, &[], 0).await.get("closed").is_none());
    place(&profile, "Pia");
    profile
        .halo
        .change(|state| state.tickets.iter_mut().find(|ticket| ticket.has_id(TICKET)).unwrap().set("status_id", 9));
    assert_eq!(escalate(&profile, &[], 0).await["closed"], "Closed");
    let told = profile.run(["escalate", &TICKET.to_string()]).await.expect(0);
    told.says("it is still closed in Halo (Closed): open it there");
}

/// A list of several pages, one that is not paged, and one that says more than it gives.
#[tokio::test(flavor = "multi_thread")]
async fn long_list_of_tickets_is_read_to_its_end_and_cut_one_says_so() {
    let profile = escalating().await;
    profile.halo.change(|state| {
        let first = state.tickets[0].clone();
        state.tickets.clear();
        for id in 0..230 {
            let mut ticket = first.clone();
            ticket.set("id", 40_000 + id);
            ticket.set("team", if id % 10 == 0 { "Pia" } else { "Projects" });
            state.tickets.push(ticket);
        }
    });
    let listed = profile.json(["tickets"], 0).await;
    assert_eq!((listed["tickets"].as_array().unwrap().len(), &listed["cut"]), (23, &json!(false)));
    let pages = profile.halo.requests().iter().filter(|request| request.path == "/api/tickets").count();
    assert_eq!(pages, 3);
    profile.halo.set_fault(Fault::TicketsNotPaged, true);
    let listed = profile.json(["tickets"], 0).await;
    assert_eq!((listed["tickets"].as_array().unwrap().len(), &listed["cut"]), (5, &json!(true)));
    profile.run(["tickets"]).await.expect(0).says("There may be more");
}

/// A team by its id, by a setting of the tenant; a team that was renamed; a board that nobody made.
#[tokio::test(flavor = "multi_thread")]
async fn board_is_known_by_its_id_and_renamed_one_is_named() {
    let profile = escalating().await;
    profile.halo.set_fault(Fault::TeamsAsIds, true);
    let by_id = profile.json(["tickets"], 0).await;
    assert!(
        by_id["tickets"].as_array().unwrap().iter().any(|row| row["id"] == TICKET && row["team"] == "Pia"),
        "{by_id}"
    );
    assert_eq!(escalate(&profile, &[], 0).await["status"], "escalated");
    assert_eq!(escalate(&profile, &[], 0).await["status"], "nothing_to_do");
    profile.halo.set_fault(Fault::TeamsAsIds, false);
    profile.halo.change(|state| {
        for team in &mut state.teams {
            let name = team.name().replace("Pia", "Automation");
            team.set("name", name);
        }
        for ticket in &mut state.tickets {
            let name = ticket.text("team").replace("Pia", "Automation");
            ticket.set("team", name);
        }
    });
    profile.run(["sync"]).await.expect(0);
    let renamed = profile.run(["tickets"]).await.expect(0);
    renamed.says("Halo has no team Pia: it may have been renamed");
    let refused = escalate(&profile, &[], 4).await;
    assert!(refused["error"]["message"].as_str().unwrap().contains(REFUSED), "{refused}");
}

/// Moved, assigned, read back and written down; a second time there is nothing to do and nothing is sent.
#[tokio::test(flavor = "multi_thread")]
async fn ticket_is_escalated_once_and_read_back() {
    let profile = escalating().await;
    let done = escalate(&profile, &["--note", "needs a person"], 0).await;
    assert_eq!((&done["status"], &done["moved"], &done["noted"]), (&json!("escalated"), &json!(true), &json!(true)));
    assert_eq!((&done["ticket"]["team"], &done["ticket"]["agent_id"]), (&json!("Pia Escalations"), &json!(7)));
    assert_eq!(held(&profile), ("Pia Escalations".to_owned(), 7));
    assert_eq!(notes(&profile), ["needs a person"]);
    let private = profile.halo.look(|state| state.actions[0].flag("hiddenfromuser"));
    assert!(private, "the client does not read it");
    let sent = profile.halo.writes();
    let body = json!([{ "id": TICKET, "team": "Pia Escalations", "agent_id": 7 }]);
    assert_eq!(sent.iter().find(|request| request.path == "/api/tickets").unwrap().body, Some(body));

    let again = escalate(&profile, &["--note", "needs  a person\n"], 0).await;
    assert_eq!(
        (&again["status"], &again["moved"], &again["noted"]),
        (&json!("nothing_to_do"), &json!(false), &json!(false))
    );
    profile.run(["escalate", "33470"]).await.expect(0).says("was already on Pia Escalations, assigned to Dana Scully");
    assert_eq!((writes(&profile, "/api/tickets"), writes(&profile, "/api/actions")), (1, 1));
    let lines = audit(&profile);
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["action"], &lines[0]["outcome"]), (&json!("escalate"), &json!("done")));
    assert_eq!(lines[0]["fields"][0], json!({ "name": "team", "before": "Pia", "after": "Pia Escalations" }));
    assert_eq!(lines[0]["fields"][1], json!({ "name": "agent", "before": "nobody", "after": "7" }));
    assert_eq!(lines[0]["halo"]["status"], 201);
    assert_eq!((&lines[1]["action"], &lines[1]["outcome"]), (&json!("add note"), &json!("done")));
    profile.run(["audit", "--limit", "0"]).await.expect(0);
    // Back on the Pia Board, it is another escalation, and the same words are another note.
    place(&profile, "Pia");
    assert_eq!(escalate(&profile, &["--note", "needs a person"], 0).await["noted"], true);
    assert_eq!(notes(&profile).len(), 2);
}

/// Without Pia Escalate To, nobody has the ticket on that board: Halo's agent 1 is nobody.
#[tokio::test(flavor = "multi_thread")]
async fn without_contact_ticket_belongs_to_nobody() {
    let profile = escalating_to(None).await;
    profile.halo.change(|state| state.tickets[0].set("agent_id", 9));
    let done = escalate(&profile, &[], 0).await;
    assert_eq!(
        (&done["moved"], &done["noted"], &done["ticket"]["agent_id"]),
        (&json!(true), &json!(false), &Value::Null)
    );
    assert_eq!(held(&profile), ("Pia Escalations".to_owned(), 1));
    profile.run(["escalate", "33470"]).await.expect(0).says("was already on Pia Escalations, unassigned");
    // On the board but somebody's: it is taken from him.
    profile.halo.change(|state| state.tickets[0].set("agent_id", 9));
    assert_eq!(escalate(&profile, &[], 0).await["moved"], true);
    assert_eq!(held(&profile).1, 1);
    assert_eq!(notes(&profile), [""; 0]);
}

/// Pia Escalate To was deleted, disabled, or made an agent for programs since: nothing is sent, and it is flagged from then
/// on.
#[tokio::test(flavor = "multi_thread")]
async fn contact_who_is_gone_gets_no_ticket_and_is_flagged() {
    let profile = escalating().await;
    let all = profile.halo.look(|state| state.agents.clone());
    let status = |profile: &Value| {
        let findings = profile["health"].as_array().unwrap();
        findings.iter().find(|finding| finding["rule"] == "boards").unwrap()["fact"].to_string()
    };
    for (words, member) in [("is no longer an agent in Halo", None), ("is disabled in Halo", Some("isdisabled"))] {
        profile.run(["sync"]).await.expect(0);
        let before = status(&profile.json(["status"], 0).await);
        assert!(!before.contains("Dana Scully"), "{before}");
        profile.halo.change(|state| match member {
            None => state.agents.retain(|agent| !agent.has_id(7)),
            Some(member) => state.agents.iter_mut().find(|agent| agent.has_id(7)).unwrap().set(member, true),
        });
        let refused = escalate(&profile, &["--note", "n"], 1).await;
        let said = refused["error"]["message"].as_str().unwrap();
        assert!(said.starts_with("Ticket 33470 was not escalated: Dana Scully") && said.contains(words), "{said}");
        assert_eq!((profile.halo.writes().len(), held(&profile)), (0, ("Pia".to_owned(), 1)));
        let after = status(&profile.json(["status"], 0).await);
        assert!(after.contains("cannot be assigned to Dana Scully"), "{after}");
        profile.halo.change(|state| state.agents.clone_from(&all));
    }
    // A Halo that names no agent has not said that this one is gone.
    profile.halo.set_fault(Fault::ForbiddenAgents, true);
    assert_eq!(escalate(&profile, &[], 0).await["moved"], true);
}

/// A lost answer, and a 500 after the deed: looked for, and not written a second time.
#[tokio::test(flavor = "multi_thread")]
async fn lost_answer_makes_no_second_write_and_no_second_note() {
    for fault in [Fault::ConnectionResetAfterWrite, Fault::AppliedBut500] {
        let profile = escalating().await;
        profile.halo.set_fault(fault, true);
        let done = escalate(&profile, &["--note", "once"], 0).await;
        assert_eq!((&done["moved"], &done["noted"]), (&json!(true), &json!(true)), "{fault}");
        assert_eq!((writes(&profile, "/api/tickets"), writes(&profile, "/api/actions")), (1, 1), "{fault}");
        assert_eq!((held(&profile).1, notes(&profile)), (7, vec!["once".to_owned()]), "{fault}");
        let again = escalate(&profile, &["--note", "once"], 0).await;
        assert_eq!(again["status"], "nothing_to_do", "{fault}");
        assert_eq!(notes(&profile).len(), 1, "{fault}");
        assert!(audit(&profile).iter().all(|line| line["outcome"] == "done"));
    }
}

/// A lost answer to a write that was not carried out: said so, and a second run does it.
#[tokio::test(flavor = "multi_thread")]
async fn write_that_never_arrived_is_told_and_can_be_made_again() {
    let profile = escalating().await;
    let lost = |path: &str| {
        let path = path.to_owned();
        profile.halo.change(|state| {
            let answer = ScriptedAnswer::Reset;
            state.scripted.push(Scripted { method: "POST", path, skip: 0, times: 1, apply: false, answer });
        });
    };
    lost("/api/tickets");
    let failed = escalate(&profile, &["--note", "once"], 5).await;
    assert!(failed["error"]["message"].as_str().unwrap().starts_with("Ticket 33470 was not escalated: "), "{failed}");
    assert!(failed["error"]["hint"].as_str().unwrap().contains("The ticket was not moved"), "{failed}");
    assert_eq!((held(&profile).0.as_str(), notes(&profile).len()), ("Pia", 0));
    assert_eq!(audit(&profile)[0]["outcome"], "failed");
    lost("/api/actions");
    let half = escalate(&profile, &["--note", "once"], 3).await;
    assert_eq!(half["error"]["code"], "partly_done");
    let said = half["error"]["message"].as_str().unwrap();
    assert!(said.starts_with("Ticket 33470 is escalated, but its note is missing: "), "{said}");
    assert!(half["error"]["hint"].as_str().unwrap().contains("with the same note"), "{half}");
    assert_eq!((held(&profile).1, notes(&profile).len()), (7, 0));
    let done = escalate(&profile, &["--note", "once"], 0).await;
    assert_eq!((&done["moved"], &done["noted"]), (&json!(false), &json!(true)));
    assert_eq!(notes(&profile), ["once"]);
}

/// Halo's own words, with the word for its placeholder, and exit code 4; nothing is changed.
#[tokio::test(flavor = "multi_thread")]
async fn refusal_shows_halos_own_words_and_changes_nothing() {
    let profile = escalating().await;
    for (fault, words) in [
        (Fault::ReassignRefused, REFUSED),
        (Fault::ForbiddenTicketWrites, "Halo does not let the agent move the ticket"),
        (Fault::ForbiddenTickets, "Halo does not let the agent read a ticket"),
    ] {
        profile.halo.set_fault(fault, true);
        let refused = escalate(&profile, &["--note", "n"], 4).await;
        assert!(refused["error"]["message"].as_str().unwrap().contains(words), "{fault}: {refused}");
        assert!(refused["error"]["hint"].is_string(), "{fault}");
        profile.run(["escalate", "33470"]).await.expect(4).says(words);
        profile.halo.set_fault(fault, false);
        assert_eq!((held(&profile), notes(&profile).len()), (("Pia".to_owned(), 1), 0), "{fault}");
    }
    assert_eq!(audit(&profile)[0]["halo"]["said"], REFUSED);
    assert_eq!(audit(&profile)[0]["outcome"], "failed");
    // The move is done, and the note alone is refused.
    profile.halo.set_fault(Fault::ActionRefused, true);
    let half = escalate(&profile, &["--note", "n"], 3).await;
    assert!(
        half["error"]["message"].as_str().unwrap().starts_with("Ticket 33470 is escalated, but its note is missing: ")
    );
    assert!(half["error"]["message"].as_str().unwrap().contains("You do not have access to this Action"), "{half}");
    let hint = half["error"]["hint"].as_str().unwrap();
    assert!(hint.ends_with("or add the note in Halo: n") && hint.contains("Let the application's agent"), "{hint}");
    assert!(!hint.contains("Nothing was changed"), "{hint}");
    // Where the note alone was wanted, nothing was done: the right is what is missing.
    escalate(&profile, &["--note", "n"], 4).await;
    assert_eq!((held(&profile).1, notes(&profile).len()), (7, 0));
}

/// Halo says yes and keeps something else: never called done.
#[tokio::test(flavor = "multi_thread")]
async fn what_halo_does_not_keep_is_never_called_escalated() {
    let profile = escalating().await;
    profile.halo.set_fault(Fault::AcceptedButNotStored, true);
    let not_kept = escalate(&profile, &["--note", "n"], 1).await;
    assert!(
        not_kept["error"]["message"].as_str().unwrap().contains("did not keep it: the ticket is on Pia,"),
        "{not_kept}"
    );
    profile.halo.set_fault(Fault::AcceptedButNotStored, false);
    profile.halo.set_fault(Fault::TicketsMovedBack, true);
    let moved_back = escalate(&profile, &["--note", "n"], 1).await;
    let said = moved_back["error"]["message"].as_str().unwrap();
    assert!(said.starts_with("Ticket 33470 is not where it should be: "), "{said}");
    assert!(said.contains("the ticket is on Pia, assigned to Dana Scully"), "{said}");
    profile.halo.set_fault(Fault::TicketsMovedBack, false);
    // It is something to do, for whoever looks later, until it is done.
    let open = async || profile.json(["issues"], 0).await["issues"].to_string();
    assert!(open().await.contains("ticket 33470 was escalated, and Halo holds it elsewhere"), "{}", open().await);
    assert_eq!(notes(&profile).len(), 0);
    assert!(audit(&profile).iter().all(|line| line["outcome"] == "unverified"));
    // The move is kept, the note is not.
    profile.halo.change(|state| {
        state.on_request = Some(Box::new(|state, request| {
            state.set_fault(Fault::AcceptedButNotStored, request.path == "/api/actions" && request.method == "POST");
        }));
    });
    let no_note = escalate(&profile, &["--note", "n"], 3).await;
    let said = no_note["error"]["message"].as_str().unwrap();
    assert!(said.starts_with("Ticket 33470 is escalated; its note may not have been saved: "), "{said}");
    assert!(
        no_note["error"]["message"].as_str().unwrap().contains(
            "may not have saved the note as \
         given"
        ),
        "{no_note}"
    );
    assert_eq!((held(&profile).1, notes(&profile).len()), (7, 0));
}

/// A ticket that nobody knows, and one that goes out of sight when it is moved.
#[tokio::test(flavor = "multi_thread")]
async fn missing_ticket_is_told_from_hidden_one() {
    let profile = escalating().await;
    let gone = profile.run(["escalate", "4711"]).await.expect(1);
    gone.says("There is no ticket 4711 in this Halo").says("Nothing was changed");
    assert_eq!(profile.halo.writes().len(), 0);
    profile.run(["escalate", "0"]).await.expect(2);
    profile.halo.change(|state| {
        let mut looks = 0;
        state.on_request = Some(Box::new(move |state, request| {
            looks += usize::from(request.path == "/api/tickets/33470");
            if looks == 2 {
                state.tickets.retain(|ticket| !ticket.has_id(TICKET));
            }
        }));
    });
    let hidden = escalate(&profile, &["--note", "n"], 4).await;
    let said = hidden["error"]["message"].as_str().unwrap();
    assert!(said.starts_with("Ticket 33470 may not have been escalated: Halo accepted the change"), "{said}");
    assert!(hidden["error"]["message"].as_str().unwrap().contains("can no longer see"), "{hidden}");
    assert_eq!(audit(&profile)[0]["outcome"], "unverified");
}

/// What Halo writes into a ticket reaches the terminal sanitised.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_ticket_reaches_terminal_sanitised() {
    let profile = escalating().await;
    profile.halo.change(|state| state.tickets[0].set("summary", "\u{1b}[2Jfire\u{202e}\u{7}"));
    let table = profile.run(["tickets"]).await.expect(0);
    assert!(table.stdout.contains("fire") && !table.stdout.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{table:?}");
}
