//! Every command that a hint names is run: as the hint has it, where it has something to do, and after the refusal that names
//! it.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use jiff::Timestamp;
use pia_halo::demo::{Fault, Options};
use pia_halo::domain::callback::EventGroup;
use pia_halo::domain::configuration::ConfigurationId;
use pia_halo::domain::event::{ForwardState, Incoming};
use pia_halo::domain::gap::Gap;
use pia_halo::domain::next::{Hint, Next, Part};
use pia_halo::store::NewEvent;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::adopting::with_portal;
use crate::support::service::guid;
use crate::support::walk::Person;
use crate::support::{Profile, Ran, private};
use crate::tickets::{TICKET, escalating};

fn few() -> Options {
    Options { clients: 30, ..Options::default() }
}

/// Configured, with a ticket to escalate, an event that was given up, a gap that could not be filled, and a backup.
async fn busy() -> Profile {
    let profile = escalating().await;
    // So many commands in a row would wait for Halo's limit.
    profile.halo.change(|state| state.behaviour.rate_limit = None);
    let settings = std::fs::read_to_string(profile.config()).unwrap();
    std::fs::write(profile.config(), settings.replace("client_id = ", "request_budget = 0\nclient_id = ")).unwrap();
    profile.run(["configure", "--yes"]).await.expect(0);
    let (id, now) = (profile.id(), Timestamp::now());
    let incoming = Incoming {
        id: Some(guid("given-up")),
        event: None,
        ticket_id: Some(TICKET),
        sent_at: None,
        not_understood: None,
        body: "{}".into(),
    };
    let (configuration, group) = (id.clone(), EventGroup::TicketCreated);
    let new = NewEvent { configuration, group, incoming, received_at: now, fetched_from: None, forward: true };
    profile.store().add_events([new]).unwrap();
    profile.store().forwarded(&id, 1, ForwardState::Undelivered, None, Some("answered 500"), now).unwrap();
    let problems = vec!["Halo's log does not reach back that far".to_owned()];
    let gap = Gap { since: now, until: now, from_log: 0, from_tickets: 0, problems };
    profile.store().close_gap(&id, gap, []).unwrap();
    profile.run(["backup", &in_folder(&profile, "kept.tgz")]).await.expect(0);
    private(in_folder(&profile, "secret").as_ref(), profile.halo.client_secret());
    private(in_folder(&profile, "acme.answers.toml").as_ref(), &profile.answers("acme", ""));
    profile
}

fn in_folder(profile: &Profile, name: &str) -> String {
    profile.folder.path().join(name).to_string_lossy().into_owned()
}

/// The command of a step, with something of this profile's in the place of each word that a hint leaves open.
fn words(next: &Next, profile: &Profile) -> Vec<String> {
    let command = next.to_string();
    let known = |word: &str| match (word, next) {
        ("FILE", Next::SetupAnswers) => in_folder(profile, "acme.answers.toml"),
        ("FILE", Next::SetupSecret) => in_folder(profile, "secret"),
        ("FILE", Next::Restore) => in_folder(profile, "kept.tgz"),
        ("FILE", _) => in_folder(profile, "new.tgz"),
        ("URL", _) => "http://127.0.0.1:9/".to_owned(),
        ("TICKET", _) => TICKET.to_string(),
        ("ID", Next::ShowEvent) => guid("given-up"),
        ("ID", Next::Activate(_)) => "acme".to_owned(),
        ("7" | "7,8" | "ID", Next::Adopt(_) | Next::AdoptYes(_) | Next::TakeOverAdopting(_)) => {
            profile.halo.look(|state| format!("{},{}", state.webhooks[0].text("id"), state.tabs[0].int("id").unwrap()))
        }
        ("7", Next::Run(_)) => "1".to_owned(),
        (word, _) => word.to_owned(),
    };
    command.split_whitespace().skip(1).map(known).collect()
}

async fn follow(next: &Next, profile: &Profile) -> Ran {
    profile.run(words(next, profile)).await
}

/// What asks somebody, or shows what only they may see, wants their terminal.
async fn follow_in_terminal(next: &Next, profile: &Profile) {
    let mut pty = profile.in_terminal().env("EDITOR", "true").arguments(words(next, profile)).spawn();
    match next {
        Next::Wizard => {
            pty.sees("1 Sync").await;
            pty.press("q").await;
        }
        Next::SetupPlain => {
            pty.sees("Your choice").await;
            pty.send("q\r");
        }
        _ => {}
    }
    assert_eq!(pty.exit_code(), 0, "{next}");
}

/// What runs until it is told to end.
async fn begin(next: &Next, profile: &Profile) {
    let mut command = profile.command(words(next, profile));
    if *next != Next::DemoServe {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    let mut child = command.arg("--json").stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("http://127.0.0.1:"), "{next}: {line}");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_hint_names_runs() {
    let busy = busy().await;
    let (portal, ..) = with_portal().await;
    let (last, others): (Vec<Next>, Vec<Next>) =
        Next::every().into_iter().partition(|next| matches!(next, Next::SetStoreAside));
    for next in others.into_iter().chain(last) {
        let asks = [3];
        let codes: &[i32] = match next {
            Next::Wizard | Next::SetupPlain | Next::ConfigEdit | Next::ByHand => {
                follow_in_terminal(&next, &busy).await;
                continue;
            }
            Next::DemoServe | Next::Serve | Next::ServeVerbose | Next::ForwardTo => {
                begin(&next, &busy).await;
                continue;
            }
            Next::Adopt(_) => {
                follow(&next, &portal).await.expect(3).says("--yes");
                continue;
            }
            Next::TakeOverAdopting(_) => {
                let (portal, ..) = with_portal().await;
                follow(&next, &portal).await.expect(3).says("--yes");
                continue;
            }
            Next::AdoptYes(_) => {
                follow(&next, &portal).await.expect(0);
                continue;
            }
            // It is named where the settings name a server; `sharing` follows it there.
            Next::InitStore => {
                follow(&next, &busy).await.expect(2).says("names no PostgreSQL");
                continue;
            }
            // It is named where somebody has changed what hosts share; `sharing` follows it there.
            Next::NewStoreKey => {
                follow(&next, &busy).await.expect(3).says("--yes");
                continue;
            }
            // It is named where Halo tells no links; `configuring` follows it there.
            Next::Dismiss("drift") => {
                follow(&next, &busy).await.expect(2).says("there is no issue drift");
                continue;
            }
            // Little has happened there that would have to be collected.
            Next::Support => {
                follow(&next, &portal).await.expect(3).says("confirm with --yes");
                continue;
            }
            Next::FullCircle | Next::RollBack | Next::Remove | Next::RemoveOnly(_) | Next::Rotate | Next::Restore => {
                &asks
            }
            // There is something to remove, and something to look after.
            Next::RemovePlan | Next::Doctor => &asks,
            // It waits for the service to try again.
            Next::Retry(_) => &[0, 3],
            // It asks where systemd runs, unless the service is installed.
            Next::InstallService => &[0, 3, 7],
            _ => &[0],
        };
        let ran = follow(&next, &busy).await;
        assert!(codes.contains(&ran.code), "{next}: {ran:?}");
        if ran.code == 3 && !matches!(next, Next::RemovePlan | Next::Doctor | Next::Retry(_)) {
            assert!(ran.stderr.to_lowercase().contains("confirm with --yes"), "{next}: {ran:?}");
        }
    }
}

/// The step that names a configuration of the person's.
fn activation(text: &str) -> Option<Next> {
    let (id, behind) = text.split_once("pia-halo activate ")?.1.split_at_checked(5)?;
    let id = ConfigurationId::parse(id).ok()?;
    Some(if behind.starts_with(" --yes") { Next::ActivateYes(id) } else { Next::Activate(Some(id)) })
}

/// The steps in every text of a report.
fn steps(report: &Value) -> Vec<Next> {
    match report {
        Value::String(text) => {
            let step = |part: &Part| if let Part::Next(next) = part { Some(next.clone()) } else { None };
            Hint::read(text).parts().iter().filter_map(step).chain(activation(text)).collect()
        }
        Value::Array(all) => all.iter().flat_map(steps).collect(),
        Value::Object(all) => all.values().flat_map(steps).collect(),
        _ => Vec::new(),
    }
}

/// Runs a command that is refused, and then each that its hints name: none is refused for its words or for the same reason.
async fn follow_hints_of(profile: &Profile, command: &[&str], code: i32) -> Vec<Next> {
    let ran = profile.run([command, &["--json"]].concat()).await.expect(code);
    let report = ran.json();
    // A list has no place for a hint.
    let steps = [steps(&report), steps(&Value::from(ran.stderr.as_str()))].concat();
    assert!(!steps.is_empty(), "{command:?} names no step: {report}");
    // Of a list each row that needs somebody is one.
    let rows = ["findings", "issues"].into_iter().filter_map(|name| report[name].as_array()).flatten();
    let open = rows.filter(|row| ["watch", "broken"].iter().any(|state| row["state"] == *state));
    let of_rows = open.filter_map(|row| row["fact"].as_str().or_else(|| row["cause"].as_str()));
    let mut why: Vec<&str> = report["error"]["message"].as_str().into_iter().chain(of_rows).collect();
    // A list without rows is explained beside it.
    let beside = ran.stderr.split(". ").next().filter(|words| !words.is_empty());
    why.extend(beside.filter(|_| report.is_array()));
    assert!(!why.is_empty(), "{command:?} refuses nothing: {report}");
    for next in &steps {
        match next {
            Next::Wizard | Next::SetupPlain | Next::ConfigEdit | Next::ByHand => {}
            Next::Serve | Next::ServeVerbose | Next::ForwardTo => begin(next, profile).await,
            next => {
                let ran = follow(next, profile).await;
                assert_ne!(ran.code, 2, "{command:?}: {ran:?}");
                let said = format!("{}{}", ran.stdout, ran.stderr);
                assert!(!why.iter().any(|why| said.contains(why)), "{command:?}, {next:?}: {ran:?}");
            }
        }
    }
    steps
}

/// Whoever does as a hint says is not sent back to where they were.
#[tokio::test(flavor = "multi_thread")]
async fn hint_of_refusal_leads_out_of_it() {
    let profile = Profile::with(few()).await;
    let answers = in_folder(&profile, "acme.answers.toml");
    let text =
        profile.answers("acme", "").replace("[company_sync]", "client_secret_command = [\"true\"]\n[company_sync]");
    private(answers.as_ref(), &text);
    for command in [&["status"][..], &["setup"]] {
        let steps = follow_hints_of(&profile, command, 2).await;
        assert!(steps.contains(&Next::SetupAnswers), "{steps:?}");
    }

    let profile = Profile::set_up(few()).await;
    for command in [&["clients"][..], &["configure", "--yes"]] {
        let code = if command[0] == "clients" { 3 } else { 1 };
        let profile = Profile::set_up(few()).await;
        assert!(follow_hints_of(&profile, command, code).await.contains(&Next::Sync));
        profile.run(command.iter().copied()).await.expect(0);
    }

    profile.run(["deactivate"]).await.expect(0);
    follow_hints_of(&profile, &["sync"], 2).await;
    profile.run(["sync"]).await.expect(0);
    profile.save("other", "").await.expect(0);
    let refused = profile.run(["sync", "--configuration", "other"]).await.expect(2);
    assert_eq!(activation(&refused.stderr), ConfigurationId::parse("other").ok().map(|id| Next::Activate(Some(id))));
    follow_hints_of(&profile, &["activate", "other"], 3).await;
    profile.run(["sync", "--configuration", "other"]).await.expect(0);

    let profile = busy().await;
    for refused in [
        &["history", "99"][..],
        &["events", "--show", "nobody"],
        &["events", "--send-again", "nobody"],
        &["issues", "dismiss", "drift"],
        &["configure", "--adopt", "9999", "--yes"],
    ] {
        follow_hints_of(&profile, refused, 2).await;
    }
    follow_hints_of(&profile, &["doctor"], 3).await;
    follow_hints_of(&profile, &["issues"], 0).await;
    profile.halo.set_fault(Fault::ForbiddenWebhooks, true);
    for refused in [&["configure", "--yes"][..], &["remove", "--yes"], &["plan"]] {
        let ran = profile.run([refused, &["--json"]].concat()).await.expect(4);
        assert!(!steps(&ran.json()).contains(&Next::SetupAnswers));
    }
    profile.halo.set_fault(Fault::ForbiddenWebhooks, false);
    profile.halo.change(|state| state.clients.truncate(2));
    profile.run(["sync"]).await.expect(3).says("pia-halo sync --yes");
    follow(&Next::SyncYes, &profile).await.expect(0);
    std::fs::remove_file(profile.credentials()).unwrap();
    assert!(follow_hints_of(&profile, &["check"], 2).await.contains(&Next::SetupSecret));
    profile.run(["check"]).await.expect(0);
    let store = profile.workspace().paths().store();
    std::fs::write(&store, "no database, but long enough to be looked at as one".repeat(20)).unwrap();
    assert!(follow_hints_of(&profile, &["status"], 7).await.contains(&Next::SetStoreAside));
    profile.run(["status"]).await.expect(0);

    let (profile, ..) = with_portal().await;
    let steps = follow_hints_of(&profile, &["configure", "--yes"], 3).await;
    assert!(steps.iter().any(|next| matches!(next, Next::Adopt(_))), "{steps:?}");
}
