//! Configure: the check first, one set of objects whatever happens, and nothing of anybody else's touched.

use std::collections::BTreeSet;

use pia_halo::demo::{Object, Options, Scripted, ScriptedAnswer};
use pia_halo::domain::callback::EventGroup;
use pia_halo::domain::configuration::ConfigurationId;
use pia_halo::domain::health::{Rule, State};
use pia_halo::domain::plan::{Outcome, Plan};
use pia_halo::ops::Workspace;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::commands::holds_exactly_our_objects;
use crate::support::{Profile, login_name, run};

fn small() -> Options {
    Options { clients: 30, ..Options::default() }
}

async fn with_fault(fault: &str) -> Profile {
    let profile = Profile::synced(small()).await;
    profile.halo.set_fault(fault.parse().unwrap(), true);
    profile.halo.clear_requests();
    profile
}

fn outcomes<'a>(report: &'a Value, kind: &str) -> Vec<&'a str> {
    let of_kind = report["results"].as_array().unwrap().iter().filter(|result| result["kind"] == kind);
    of_kind.map(|result| result["outcome"].as_str().unwrap()).collect()
}

/// S52: when the connection test fails, not one write is made.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_when_check_fails() {
    for (fault, code) in [
        ("wrong-secret", 4),
        ("forbidden-clients", 4),
        ("forbidden-agents", 4),
        ("forbidden-teams", 4),
        ("forbidden-ticket-types", 4),
        ("forbidden-webhooks", 4),
        ("forbidden-tabs", 4),
        ("foreign-auth-host", 1),
    ] {
        let profile = with_fault(fault).await;
        let report = profile.json(["configure", "--yes"], code).await;
        assert_eq!(report["status"], "refused", "{fault}");
        assert_eq!(profile.halo.writes().len(), 0, "{fault}");
    }
}

/// S40: no sync yet blocks Configure, with the reason.
#[tokio::test(flavor = "multi_thread")]
async fn configure_waits_for_first_sync() {
    let profile = Profile::set_up(small()).await;
    profile.run(["configure", "--yes"]).await.expect(1).says("no complete sync yet");
    assert_eq!(profile.halo.writes().len(), 0);
}

/// What Halo's webhooks tell and how they behave: chosen from Halo's own list, written, taken back, and mended.
#[tokio::test(flavor = "multi_thread")]
async fn webhook_options_reach_halo_are_taken_back_and_mended() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let catalogue = profile.json(["events", "--catalogue"], 0).await;
    let told: Vec<&Value> = catalogue.as_array().unwrap().iter().filter(|event| event["told"] == true).collect();
    assert_eq!(told.len(), 5, "the safe set");
    let is_other = |event: &&Value| event["told"] == false && !event["name"].as_str().unwrap().contains("Assigned");
    let other = catalogue.as_array().unwrap().iter().find(is_other).unwrap()["number"].as_i64().unwrap();
    let held = || {
        profile.halo.look(|state| {
            let member = |webhook: &Object| {
                let number = |name| webhook.int(name).unwrap_or_default();
                (
                    number("log_retention_policy_days"),
                    webhook.flag("notify_on_failure"),
                    number("auto_disable_attempts"),
                )
            };
            let bound = state.notifications.iter().filter(|row| row.made_by_api).filter_map(|row| row.int("eventno"));
            let options: Vec<_> =
                EventGroup::ALL.map(|group| member(state.webhook(group.webhook_name()).unwrap())).into();
            (options, bound.collect::<BTreeSet<i64>>())
        })
    };
    let usual = held();
    let line = format!("events = 3, 19, {other}; log days = 60; notify on failure = yes; switch off after = 20");
    let file = profile.folder.path().join("options.toml");
    std::fs::write(&file, format!("{}webhook_options = \"{line}\"\n", profile.answers("acme", ""))).unwrap();
    profile.run(["setup", "--answers", &file.to_string_lossy()]).await.expect(0);
    profile.run(["plan"]).await.expect(3).says("auto_disable_attempts: 0 -> 20");
    profile.run(["configure", "--yes"]).await.expect(0);
    let chosen = (vec![(60, true, 20); 2], BTreeSet::from([3, 19, other]));
    assert_eq!(held(), chosen);
    profile.run(["configure", "--roll-back", "--yes"]).await.expect(0);
    assert_eq!(held(), usual);
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("auto_disable_attempts", 3));
    profile.run(["plan"]).await.expect(3).says("auto_disable_attempts: 3 -> 20");
    profile.run(["configure", "--yes"]).await.expect(0);
    assert_eq!(held(), chosen);
}

/// No dead end: where Halo's count is never right, the stored clients are gone on with by a word of its own, and nothing
/// calls them proved.
#[tokio::test(flavor = "multi_thread")]
async fn unproved_clients_are_gone_on_with_by_word_of_its_own() {
    let profile = Profile::set_up(small()).await;
    profile.run(["configure", "--unproved", "--yes"]).await.expect(1).says("Run the first sync");
    profile.halo.set_fault("record-count-wrong".parse().unwrap(), true);
    profile.run(["sync"]).await.says("Complete with warnings");
    profile.run(["configure", "--yes"]).await.expect(1).says("pia-halo configure --unproved");
    assert_eq!(profile.halo.writes().len(), 0);
    assert_eq!(profile.json(["configure", "--unproved", "--yes"], 0).await["status"], "configured");
    assert_eq!(profile.json(["configure", "--yes"], 0).await["status"], "nothing_to_do", "it is asked once");
    assert_eq!(profile.json(["status"], 0).await["steps"]["initial_sync"], "not_proved");
    profile.run(["audit"]).await.expect(0).says("continue with a list that is not proved complete");
    // What was agreed to was the list of this Halo.
    let other = Profile::with(small()).await;
    edit(&profile, "url", other.halo.url());
    profile.run(["configure", "--yes"]).await.expect(1).says("no complete sync yet");
    edit(&profile, "url", profile.halo.url());
    profile.halo.set_fault("record-count-wrong".parse().unwrap(), false);
    profile.run(["sync"]).await.expect(0);
    assert_eq!(profile.json(["status"], 0).await["steps"]["initial_sync"], "done");
}

/// S51: a missing Pia address is said before anything is asked of Halo.
#[tokio::test(flavor = "multi_thread")]
async fn configure_needs_to_know_where_pia_is() {
    let profile = Profile::synced(small()).await;
    let settings = std::fs::read_to_string(profile.config()).unwrap();
    let without: Vec<_> = settings.lines().filter(|line| !line.starts_with("pia_url")).collect();
    std::fs::write(profile.config(), without.join("\n")).unwrap();
    profile.run(["configure", "--yes"]).await.expect(2).says("pia_url");
}

/// S55: run 1, 2 and 10 times, and by two programs at once: exactly one set of objects.
#[tokio::test(flavor = "multi_thread")]
async fn configure_ten_times_makes_one_set_of_objects() {
    let profile = Profile::synced(small()).await;
    let before = profile.halo.snapshot();
    let (one, two) = tokio::join!(profile.run(["configure", "--yes"]), profile.run(["configure", "--yes"]));
    let mut codes = [one.code, two.code];
    codes.sort_unstable();
    // One works; the other is told that it is busy or, coming just after, finds nothing to do.
    assert!(codes == [0, 6] || codes == [0, 0], "{one:#?} {two:#?}");
    let once = profile.halo.snapshot();
    holds_exactly_our_objects(&before, &once);
    for _ in 0..8 {
        assert_eq!(profile.json(["configure", "--yes"], 0).await["status"], "nothing_to_do");
    }
    assert_eq!(profile.halo.snapshot(), once);
}

/// A write whose answer is lost, or that is answered with an error and done all the same, is never made twice.
#[tokio::test(flavor = "multi_thread")]
async fn write_with_lost_answer_is_found_and_not_repeated() {
    for fault in ["connection-reset-after-write", "applied-but-500", "array-reply", "links-are-added"] {
        let profile = with_fault(fault).await;
        let before = profile.halo.snapshot();
        let report = profile.json(["configure", "--yes"], 0).await;
        assert_eq!(report["status"], "configured", "{fault}: {report}");
        holds_exactly_our_objects(&before, &profile.halo.snapshot());
        assert_eq!(profile.json(["plan"], 0).await["changes_pending"], false, "{fault}");
    }
}

/// S50: accepted is not done: what Halo does not show after the write is never called done.
#[tokio::test(flavor = "multi_thread")]
async fn what_halo_accepts_but_does_not_store_is_never_called_done() {
    let profile = with_fault("link-not-stored").await;
    let report = profile.json(["configure", "--yes"], 3).await;
    assert_eq!(report["status"], "partly_done");
    assert!(outcomes(&report, "ticket_type").iter().all(|outcome| ["unverified", "unchanged"].contains(outcome)));
    assert!(outcomes(&report, "ticket_type").contains(&"unverified"));
    let by_hand =
        report["results"].as_array().unwrap().iter().find(|result| result["outcome"] == "unverified").unwrap();
    assert!(by_hand["message"].as_str().unwrap().contains("Ticket Types"), "says how to do it by hand");
    profile.run(["status"]).await.expect(0).says("In Halo    8 objects, needs Re-configure");
    let status = profile.json(["status"], 0).await;
    assert_eq!(status["steps"]["configure"], "needs_reconfigure");

    profile.halo.set_fault("link-not-stored".parse().unwrap(), false);
    let report = profile.json(["configure", "--yes"], 0).await;
    assert_eq!(report["status"], "configured");

    let profile = with_fault("accepted-but-not-stored").await;
    let report = profile.json(["configure", "--yes"], 1).await;
    assert_eq!(report["status"], "failed");
    assert!(report["results"].as_array().unwrap().iter().all(|result| result["outcome"] != "done"));
}

/// A link that Halo does not tell goes no circle: everything else is in place, it is told as what nobody knows, another run is
/// no way on, and once it is dismissed it stays so.
#[tokio::test(flavor = "multi_thread")]
async fn link_that_halo_does_not_tell_goes_no_circle() {
    let profile = with_fault("tab-members-missing").await;
    let report = profile.json(["configure", "--yes"], 3).await;
    let message = report["message"].as_str().unwrap();
    assert!(message.contains("7 not known") && !message.contains("again"), "{message}");
    let results = report["results"].as_array().unwrap();
    let mut untold = results.iter().filter(|result| result["outcome"] == "unverified");
    assert!(untold.all(|result| result["message"].as_str().unwrap().ends_with("pia-halo issues dismiss drift")));
    let open = async || {
        let issues = profile.run(["issues", "--json"]).await.json();
        let of = |issue: &Value| {
            issue["dismissed"] == false && ["drift", "interrupted"].contains(&issue["id"].as_str().unwrap())
        };
        issues["issues"].as_array().unwrap().iter().filter(|issue| of(issue)).cloned().collect::<Vec<_>>()
    };
    let told = open().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].to_string().contains("Halo does not say whether "), "{told:?}");
    assert_eq!(profile.json(["status"], 0).await["steps"]["configure"], "done");
    profile.run(["issues", "dismiss", "drift"]).await.expect(0);
    assert_eq!(open().await, [] as [Value; 0]);
    profile.json(["plan"], 3).await;
    assert_eq!(open().await, [] as [Value; 0], "another look says no more");
}

/// Writes are refused although reads are not: the missing right is named, what was done is kept.
#[tokio::test(flavor = "multi_thread")]
async fn right_that_only_writes_need_is_named_when_it_is_missing() {
    let profile = with_fault("forbidden-writes").await;
    let report = profile.json(["configure", "--yes"], 4).await;
    assert_eq!(report["status"], "failed");
    let first = &report["results"][0];
    assert_eq!(first["outcome"], "failed");
    assert!(first["message"].as_str().unwrap().contains("\"Is a HaloPSA Administrator\" must be Yes"), "{first}");
}

/// One ticket type is closed to the agent; the others are linked all the same.
#[tokio::test(flavor = "multi_thread")]
async fn one_closed_ticket_type_does_not_stop_others() {
    let profile = Profile::synced(small()).await;
    profile.halo.change(|state| state.ticket_type_mut("Incident").unwrap().locked = true);
    let report = profile.json(["configure", "--yes"], 3).await;
    assert_eq!(report["status"], "partly_done");
    let mut links = outcomes(&report, "ticket_type");
    links.retain(|outcome| *outcome != "unchanged");
    links.sort_unstable();
    assert_eq!(links, ["done", "done", "done", "done", "done", "failed"]);
}

/// S60: a ticket type that is made later is seen as missing, and Re-configure adds only what is missing.
#[tokio::test(flavor = "multi_thread")]
async fn re_configure_links_new_ticket_type_and_nothing_else() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.change(|state| {
        let mut new = state.ticket_types[0].clone();
        new.row.set("id", 77);
        new.row.set("name", "Onboarding");
        new.links.clear();
        state.ticket_types.push(new);
    });
    let plan = profile.json(["plan"], 3).await;
    assert_eq!((&plan["counts"]["link"], &plan["counts"]["create"]), (&json!(1), &json!(0)));
    profile.halo.clear_requests();
    profile.run(["reconfigure", "--yes"]).await.expect(0);
    assert_eq!(profile.halo.writes().len(), 1);
    profile.run(["plan"]).await.expect(0);
}

/// S61: objects that the portal made are taken over by address, not doubled.
#[tokio::test(flavor = "multi_thread")]
async fn objects_made_earlier_are_taken_over_and_not_doubled() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let once = profile.halo.snapshot();
    // The same person on another host: same settings and token, no record of what is in Halo.
    std::fs::remove_dir_all(profile.folder.path().join("data")).unwrap();
    profile.run(["sync"]).await.expect(0);
    let plan = profile.json(["plan"], 3).await;
    assert_eq!((&plan["counts"]["adopt"], &plan["counts"]["create"]), (&json!(3), &json!(0)));
    profile.run(["configure", "--yes"]).await.expect(0);
    assert_eq!(profile.json(["plan"], 0).await["changes_pending"], false);
    let names = |snapshot: &Value| {
        let rows = snapshot["webhooks"].as_array().unwrap().iter().chain(snapshot["tabs"].as_array().unwrap());
        rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&profile.halo.snapshot()), names(&once));
}

/// A foreign object that holds a name of ours is reported by name, and left alone.
#[tokio::test(flavor = "multi_thread")]
async fn foreign_object_with_our_name_is_left_alone_and_reported() {
    let profile = Profile::synced(small()).await;
    profile.halo.change(|state| {
        state.webhooks[0].set("name", "Pia - Ticket Created");
        state.tabs[0].set("name", "Pia Chat Pod");
    });
    let before = profile.halo.snapshot();
    let report = profile.json(["configure", "--yes"], 3).await;
    assert_eq!(report["status"], "partly_done");
    let after = profile.halo.snapshot();
    for list in ["webhooks", "tabs"] {
        let all = after[list].as_array().unwrap();
        assert!(before[list].as_array().unwrap().iter().all(|row| all.contains(row)), "{list}");
    }
    // Halo's own refusal blocks the one object, which is told with the foreign one's id; the other webhook is made.
    let results = report["results"].as_array().unwrap();
    let failed: Vec<&Value> = results.iter().filter(|result| result["outcome"] == "failed").collect();
    assert_eq!(failed[0]["name"], "Pia - Ticket Created");
    let message = failed[0]["message"].as_str().unwrap();
    let foreign =
        before["webhooks"].as_array().unwrap().iter().find(|row| row["name"] == "Pia - Ticket Created").unwrap();
    let id = foreign["id"].as_str().unwrap();
    assert!(message.contains(&format!("\"Pia - Ticket Created\" ({id}) already has this name, take it over with pia-halo configure --adopt {id}, or rename or delete")), "{message}");
    assert!(results.iter().any(|result| result["name"] == "Pia - Ticket Updated" && result["outcome"] == "done"));
}

/// Links of other tabs stand in the same list that ours is written into.
#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_ticket_type_shows_already_stay() {
    let profile = Profile::synced(small()).await;
    let links = |profile: &Profile| -> Vec<Vec<i64>> {
        profile.halo.look(|state| {
            let links = state.ticket_types.iter().map(|kind| kind.links.iter().map(|link| link.iframetab_id).collect());
            links.collect()
        })
    };
    let before = links(&profile);
    assert!(before.iter().any(|links| !links.is_empty()), "some type shows a foreign tab");
    profile.run(["configure", "--yes"]).await.expect(0);
    for (old, new) in before.iter().zip(links(&profile)) {
        assert!(old.iter().all(|tab| new.contains(tab)));
    }
}

/// The plan as a person sees it, and what stops whatever is made of it.
async fn shown_plan(workspace: &Workspace, id: &ConfigurationId) -> (Plan, CancellationToken) {
    let configuration = workspace.active_configuration(Some(id)).unwrap().1;
    let cancel = CancellationToken::new();
    let plan = pia_halo::ops::plan::load(workspace, id, &configuration, cancel.clone(), |_| {}).await;
    (plan.unwrap().unwrap(), cancel)
}

/// Halo has changed between the look at the plan and the yes: nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_is_plan_that_was_shown() {
    let profile = Profile::synced(small()).await;
    let (workspace, id) = (profile.workspace(), profile.id());
    let (plan, cancel) = shown_plan(&workspace, &id).await;
    profile.halo.change(|state| state.ticket_type_mut("Incident").unwrap().allow_all_tabs = true);
    let consent = pia_halo::ops::configure::Consent::Plan(&plan);
    let failure = pia_halo::ops::configure::install(&workspace, &id, consent, cancel, |_| {}).await.unwrap_err();
    assert!(failure.message.contains("Halo has changed"), "{failure}");
    assert_eq!(profile.halo.writes().len(), 0);
}

/// A person stops it after the first object: none of the others has failed, and what is not looked at since is not called changed.
#[tokio::test(flavor = "multi_thread")]
async fn object_before_which_configure_was_stopped_has_not_failed() {
    let profile = Profile::synced(small()).await;
    let (workspace, id) = (profile.workspace(), profile.id());
    let (plan, cancel) = shown_plan(&workspace, &id).await;
    let consent = pia_halo::ops::configure::Consent::Plan(&plan);
    let stop = cancel.clone();
    let stops = move |event: pia_halo::ops::configure::Event<'_>| {
        if matches!(event, pia_halo::ops::configure::Event::Applied(_)) {
            stop.cancel();
        }
    };
    let report = pia_halo::ops::configure::install(&workspace, &id, consent, cancel, stops).await.unwrap();
    let outcomes: Vec<Outcome> = report.results.iter().map(|result| result.outcome).collect();
    assert_eq!(outcomes[0], Outcome::Done, "{report:?}");
    assert!(outcomes[1..].iter().all(|outcome| matches!(outcome, Outcome::Skipped | Outcome::Unchanged)), "{report:?}");
    let drift = profile.store().health(&id).unwrap().into_iter().find(|found| found.rule == Rule::Drift).unwrap();
    assert_eq!(drift.state, State::Unknown, "{drift:?}");
}

/// Every change stands in the audit trail with who, what and Halo's answer.
#[tokio::test(flavor = "multi_thread")]
async fn every_change_stands_in_audit_trail() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let trail = std::fs::read_to_string(profile.folder.path().join("state/pia-halo/audit.jsonl")).unwrap();
    let lines: Vec<Value> = trail.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["who"]["user"] == login_name() && line["configuration"] == "acme"));
    let actions: Vec<_> = lines.iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(actions[..2], ["save", "sync"]);
    assert_eq!(actions.iter().filter(|action| **action == "create webhook").count(), 2);
    assert_eq!(actions.iter().filter(|action| **action == "create event").count(), 5);
    assert_eq!(actions.iter().filter(|action| **action == "link ticket type").count(), 6);
}

/// Replaces a line of the settings, as an editor would.
fn edit(profile: &Profile, key: &str, value: &str) {
    let text = std::fs::read_to_string(profile.config()).unwrap();
    let line = |line: &str| match line.starts_with(&format!("{key} = ")) {
        true => format!("{key} = \"{value}\""),
        false => line.to_owned(),
    };
    std::fs::write(profile.config(), text.lines().map(line).collect::<Vec<_>>().join("\n")).unwrap();
}

/// Ids mean nothing in another Halo: what our record holds of the old one is never taken for the new one's.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_another_halo_is_taken_for_ours() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let other = Profile::with(small()).await;
    let tab = profile.halo.look(|state| state.tab("Pia Chat Pod").unwrap().clone());
    other.halo.change(|state| {
        let mut foreign = tab;
        foreign.set("name", "Accounting of somebody else");
        foreign.set("url", "https://accounts.example.invalid/?t=$FAULTID");
        state.tabs.push(foreign);
    });
    profile.run(["doctor"]).await.expect(3);
    edit(&profile, "url", other.halo.url());
    let before = other.halo.snapshot();
    profile.run(["configure", "--yes"]).await.expect(1).says("no complete sync yet");
    profile.run(["configure", "--unproved", "--yes"]).await.expect(1).says("no complete sync yet");
    let status = profile.json(["status"], 0).await;
    assert_eq!((&status["steps"]["initial_sync"], &status["steps"]["configure"]), (&json!("todo"), &json!("todo")));
    assert_eq!(status["integration"]["objects"], json!([]));
    profile.run(["status"]).await.expect(0).says("Complete, of another Halo, at");
    let rights = status["health"].as_array().unwrap().iter().find(|finding| finding["rule"] == "rights").unwrap();
    assert_eq!(rights["state"], "unknown", "what was seen, was seen elsewhere");
    profile.run(["sync"]).await.expect(0);
    assert!(!profile.run(["status"]).await.stdout.contains("of another Halo"));
    profile.run(["configure", "--yes"]).await.expect(0);
    holds_exactly_our_objects(&before, &other.halo.snapshot());
}

/// A variable is for one run: it leads to another Halo, and what is stored of the saved one stays.
#[tokio::test(flavor = "multi_thread")]
async fn variable_that_names_another_halo_forgets_nothing() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let other = Profile::with(small()).await;
    let known = async || {
        let status = profile.json(["status"], 0).await;
        (status["steps"].clone(), status["integration"]["objects"].clone())
    };
    let before = known().await;
    for halo in [other.halo.url(), "http://127.0.0.1:1"] {
        for line in ["sync", "plan", "configure --yes", "remove --yes", "deliveries"] {
            let mut command = profile.command(line.split(' '));
            command.env("PIA_HALO_API_URL", halo);
            run(command, String::new()).await.expect(2).says("the environment names another Halo");
        }
    }
    assert_eq!(known().await, before);
    profile.run(["plan"]).await.expect(0);
    assert_eq!(other.halo.writes().len(), 0);
}

/// A check that fails once is not a yes.
#[tokio::test(flavor = "multi_thread")]
async fn check_that_fails_in_passing_is_no_consent() {
    let profile = Profile::synced(small()).await;
    profile.halo.change(|state| {
        state.scripted.push(Scripted {
            method: "GET",
            path: "/api/webhook".to_owned(),
            skip: 0,
            times: 1,
            apply: false,
            answer: ScriptedAnswer::Reply { status: 403, content_type: "", headers: Vec::new(), body: Vec::new() },
        });
    });
    let report = profile.json(["configure"], 4).await;
    assert_eq!(report["status"], "refused");
    assert_eq!(profile.halo.writes().len(), 0);
}

/// An address that was changed in Halo still ends in our token: it is masked wherever it is shown.
#[tokio::test(flavor = "multi_thread")]
async fn token_in_changed_address_is_shown_nowhere() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let address = profile.halo.look(|state| state.webhook("Pia - Ticket Created").unwrap().text("url").to_owned());
    let token = address.rsplit('/').next().unwrap();
    for changed in
        [format!("{address}/"), format!("{address}/x"), format!("{address}?y"), address.replace("://", "://u:p@")]
    {
        profile.halo.change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("url", changed.clone()));
        let plan = profile.run(["plan"]).await.expect(3);
        let json = profile.run(["plan", "--json"]).await.expect(3);
        let done = profile.run(["configure", "--yes"]).await.expect(0);
        let trail = std::fs::read_to_string(profile.folder.path().join("state/pia-halo/audit.jsonl")).unwrap();
        for text in [plan.stdout, json.stdout, done.stdout, trail] {
            assert!(!text.contains(token), "{changed} is shown");
        }
    }
}

/// S10: done only while the last word is that every object was read back.
#[tokio::test(flavor = "multi_thread")]
async fn configured_is_taken_back_when_it_is_not_true_any_more() {
    let profile = Profile::synced(small()).await;
    let step = async || profile.json(["status"], 0).await["steps"]["configure"].clone();
    profile.run(["configure", "--yes"]).await.expect(0);
    assert_eq!(step().await, "done");
    let file = profile.folder.path().join("moved.toml");
    std::fs::write(&file, profile.answers("acme", "").replace("pia.acme.example", "pia2.acme.example")).unwrap();
    profile.run(["setup", "--answers", &file.to_string_lossy()]).await.expect(0);
    assert_eq!(step().await, "needs_reconfigure", "and not as if nothing were there");
    profile.run(["configure", "--yes"]).await.expect(0);
    assert_eq!(step().await, "done");
    profile.halo.change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("active", false));
    profile.halo.set_fault("forbidden-writes".parse().unwrap(), true);
    profile.run(["configure", "--yes"]).await.expect(4);
    assert_eq!(step().await, "needs_reconfigure");
}

/// An event that this Halo does not know is reported, not guessed; everything else is finished all the same.
#[tokio::test(flavor = "multi_thread")]
async fn event_that_halo_does_not_know_is_reported_and_not_waited_for() {
    let profile = Profile::synced(small()).await;
    profile.halo.change(|state| state.event_catalogue.retain(|row| !row.has_id(1072)));
    let report = profile.json(["configure", "--yes"], 0).await;
    assert_eq!(report["status"], "configured");
    let skipped = report["results"].as_array().unwrap().iter().find(|row| row["outcome"] == "skipped").unwrap();
    assert!(skipped["message"].as_str().unwrap().contains("no event 1072"));
    profile.run(["plan"]).await.expect(0);
    assert_eq!(profile.json(["configure", "--yes"], 0).await["status"], "nothing_to_do");
}

/// Killed after a write whose answer never came: the next run finds what was done, and doubles nothing.
#[tokio::test(flavor = "multi_thread")]
async fn run_that_was_killed_in_write_is_finished_by_next() {
    for path in ["/api/webhook", "/api/notification", "/api/tabs", "/api/tickettype"] {
        for apply in [false, true] {
            let profile = Profile::synced(small()).await;
            let before = profile.halo.snapshot();
            profile.halo.change(|state| {
                state.scripted.push(Scripted {
                    method: "POST",
                    path: path.to_owned(),
                    skip: 0,
                    times: 1,
                    apply,
                    answer: ScriptedAnswer::Silence,
                });
            });
            let mut child = profile.command(["configure", "--yes"]).spawn().unwrap();
            crate::support::until(|| {
                profile.halo.writes().iter().any(|write| write.method == "POST" && write.path == path)
            })
            .await;
            child.kill().unwrap();
            child.wait().unwrap();
            profile.run(["configure", "--yes"]).await.expect(0);
            holds_exactly_our_objects(&before, &profile.halo.snapshot());
            let trail = std::fs::read_to_string(profile.folder.path().join("state/pia-halo/audit.jsonl")).unwrap();
            let found = trail.lines().find(|line| line.contains("found after an interrupted run"));
            let found = found.unwrap_or_else(|| panic!("{path} {apply}: the intent was forgotten"));
            assert_eq!(found.contains("read back later: in place"), apply, "{path}: {found}");
        }
    }
}

/// S3: what is being configured stays the active configuration until that is done.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_switches_configuration_while_configure_works() {
    let profile = Profile::synced(small()).await;
    profile.save("other", "").await.expect(0);
    let lock = profile.workspace().paths().lock("configure");
    let somebody = pia_halo::domain::activity::Actor { user: "fox".to_owned(), ..Default::default() };
    let held = pia_halo::coordination::Lock::take(&lock, "Configure", &somebody, jiff::Timestamp::now()).unwrap();
    profile.run(["activate", "other", "--yes"]).await.expect(6).says("fox");
    profile.run(["deactivate"]).await.expect(6);
    profile.run(["configure", "--yes"]).await.expect(6);
    drop(held);
    profile.run(["activate", "other", "--yes"]).await.expect(0);
}

/// What is in Halo and not in the record, because the run that made it was stopped before it saw it, is recorded by the next
/// run: nobody counts without it.
#[tokio::test(flavor = "multi_thread")]
async fn object_that_stays_and_record_lacks_is_recorded() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let objects = async || profile.json(["status"], 0).await["integration"]["objects"].as_array().unwrap().len();
    let before = objects().await;
    let store = rusqlite::Connection::open(profile.workspace().paths().store()).unwrap();
    for kind in ["webhook_event", "ticket_type"] {
        let one = "DELETE FROM installed WHERE kind = ?1 AND id = (SELECT min(id) FROM installed WHERE kind = ?1)";
        assert_eq!(store.execute(one, [kind]).unwrap(), 1);
    }
    drop(store);
    assert_eq!(objects().await, before - 2);
    profile.halo.change(|state| state.webhook_mut("Pia - Ticket Created").unwrap().set("active", false));
    profile.run(["configure", "--yes"]).await.expect(0);
    assert_eq!(objects().await, before);
}
