//! One owner: two hosts with one configuration in Halo name each other, and neither takes from the other unasked.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pia_halo::demo::{Fault, Scripted, ScriptedAnswer};
use pia_halo::domain::failure::FailureKind;
use pia_halo::ops::{self, SystemClock, Workspace};
use pia_halo::settings::{Environment, Paths};
use ratatui::layout::Size;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::changing::{When, at_write, killed_by};
use crate::support::interface::Interface;
use crate::support::service::Service;
use crate::support::walk::Person;
use crate::support::{Profile, Ran, environment_of, files, run};
use crate::tickets::{TICKET, escalating, notes};

const HOST: &str = "PIA_HALO_HOST";
const CREATED: &str = "Pia - Ticket Created";

/// A program of this profile as it runs on a host of that name.
fn on(host: &str, profile: &Profile, arguments: &[&str]) -> Command {
    let mut command = profile.command(arguments);
    command.env(HOST, host);
    command
}

async fn on_first(profile: &Profile, arguments: &[&str]) -> Ran {
    run(on("jump1", profile, arguments), String::new()).await
}

/// A host that got a copy of another one's folders, token and record included.
struct Copy<'a> {
    folder: TempDir,
    of: &'a Profile,
}

impl<'a> Copy<'a> {
    fn of(profile: &'a Profile) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in files(profile.folder.path()) {
            let to = folder.path().join(file.strip_prefix(profile.folder.path()).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(&file, to).unwrap();
        }
        private(folder.path());
        Self { folder, of: profile }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = on("jump2", self.of, arguments);
        for (name, value) in self.of.environment() {
            let value = value
                .to_string_lossy()
                .replace(&*self.of.folder.path().to_string_lossy(), &self.folder.path().to_string_lossy());
            command.env(name, value);
        }
        command
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        run(self.command(arguments), String::new()).await
    }
}

/// Folders that were copied as they were.
fn private(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    for entry in std::fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        private(&entry.path());
    }
}

/// The interface as it runs on a host of that name, in these folders.
async fn interface(host: &str, folder: &Path) -> Interface {
    let environment = Environment::from_pairs(environment_of(folder)).with(HOST, host);
    let paths = Paths::from_environment(&environment).unwrap();
    let workspace = Workspace::open(paths, environment, std::sync::Arc::new(SystemClock)).unwrap();
    Interface::open_in(workspace, Size { width: 80, height: 24 }).await
}

/// The machine that the note of a webhook names.
fn owner(profile: &Profile) -> String {
    let note = profile.halo.look(|halo| halo.webhook(CREATED).unwrap().text("note").to_owned());
    note.split_once("[pia-halo owner: ").unwrap().1.split_once(' ').unwrap().0.to_owned()
}

/// A profile that the first host has configured.
async fn configured() -> Profile {
    let profile = escalating().await;
    on_first(&profile, &["configure", "--yes"]).await.expect(0);
    profile.halo.clear_requests();
    profile
}

#[tokio::test(flavor = "multi_thread")]
async fn copied_folder_on_second_machine_writes_nothing_unasked() {
    let profile = configured().await;
    on_first(&profile, &["plan"]).await.expect(0);
    let second = Copy::of(&profile);
    let ticket = TICKET.to_string();
    let commands: [&[&str]; 7] = [
        &["plan"],
        &["configure", "--yes"],
        &["configure"],
        &["rotate", "--yes"],
        &["remove", "--yes"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["escalate", &ticket, "--note", "once"],
    ];
    let login = crate::support::login_name();
    for command in commands {
        let ran = second.run(command).await.expect(3).says(&format!("belongs to jump1 ({login}, since "));
        ran.says("configure --take-over");
    }
    assert!(profile.halo.writes().is_empty(), "{:?}", profile.halo.writes());
    let owner = second.run(&["plan", "--json"]).await.expect(3).json()["owner"].clone();
    assert_eq!((&owner["host"], &owner["person"]), (&json!("jump1"), &json!(login)));
    second.run(&["issues"]).await.says("this configuration belongs to jump1");
    on_first(&profile, &["plan"]).await.expect(0);
}

/// Taken over by a typed word: the first host knows at its next look, and repairs, fetches and escalates nothing.
#[tokio::test(flavor = "multi_thread")]
async fn host_that_was_taken_over_turns_red_and_stops_repairing() {
    let profile = configured().await;
    let first = Service::start_by(on("jump1", &profile, &["serve", "--listen", "127.0.0.1:0"])).await;
    let second = Copy::of(&profile);
    let pty = crate::support::pty::Start::pia_halo(second.folder.path(), ["configure"]);
    let environment = second.command(&[]);
    let pty = environment
        .get_envs()
        .fold(pty, |pty, (name, value)| pty.env(&name.to_string_lossy(), &value.unwrap_or_default().to_string_lossy()));
    let mut pty = pty.spawn();
    pty.wait_until("Type \"jump1\" to take it over");
    pty.send("jump1\r");
    pty.wait_until("Apply this plan to Halo");
    pty.send("y\r");
    assert_eq!(pty.exit_code(), 0, "{}", pty.screen());
    second.run(&["plan"]).await.expect(0);
    let note = profile.halo.look(|halo| halo.webhook(CREATED).unwrap().text("note").to_owned());
    assert!(note.contains("jump2") && !note.contains("jump1"), "{note}");

    // The service looks every 45 seconds, which a test of that figure holds below the minute that is promised, and at once
    // where the settings change.
    let config = std::fs::read(profile.config()).unwrap();
    std::fs::write(profile.config(), config).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut look_again = tokio::time::interval(Duration::from_millis(100));
    while !first.get("/metrics").await.1.contains("pia_halo_health{rule=\"owner\"} 2") {
        assert!(Instant::now() < deadline, "the first host does not know");
        look_again.tick().await;
    }
    on_first(&profile, &["issues"]).await.says("this configuration belongs to jump2");
    profile.halo.change(|halo| halo.webhook_mut(CREATED).unwrap().set("active", false));
    profile.halo.clear_requests();
    let environment = Environment::from_pairs(profile.environment()).with(HOST, "jump1");
    let paths = Paths::from_environment(&environment).unwrap();
    let workspace = Workspace::open(paths, environment, std::sync::Arc::new(SystemClock)).unwrap();
    let refused =
        ops::configure::switch_on(&workspace, &profile.id(), &[], CancellationToken::new()).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::NeedsYes, "{refused}");
    assert!(profile.halo.writes().is_empty());
    first.terminate().await;

    // A person there takes it back, and the second host is told in the same way.
    let back = on("jump1", &profile, &["serve", "--listen", "127.0.0.1:0", "--take-over"]);
    let first = Service::start_by(back).await;
    second.run(&["plan"]).await.expect(3).says("belongs to jump1");
    first.terminate().await;
}

/// What is stored here of the last rotation is not what the other machine's Halo has.
#[tokio::test(flavor = "multi_thread")]
async fn rotation_asks_first_whose_webhooks_are() {
    let profile = configured().await;
    let second = Copy::of(&profile);
    on_first(&profile, &["rotate", "--yes"]).await.expect(0);
    second.run(&["configure", "--take-over", "--yes"]).await.expect(0);
    on_first(&profile, &["rotate", "--yes"]).await.expect(3).says("belongs to jump2");
}

/// By keys: the plan names the other machine, and Configure, Rotate and Remove write once that one's name is typed.
#[tokio::test(flavor = "multi_thread")]
async fn take_over_by_keys_wants_name_of_other_machine() {
    let profile = configured().await;
    let second = Copy::of(&profile);
    let login = crate::support::login_name();

    let mut person = interface("jump2", second.folder.path()).await;
    person.press("3").await;
    person.sees("belongs to another machine").await;
    person.press("Enter").await;
    person.sees(&format!("This configuration belongs to jump1 ({login}, since")).await;
    person.sees("y Apply").await;
    person.press("y").await;
    person.sees("Type \"jump1\" to confirm").await;
    person.type_text("yes").await;
    person.press("Enter").await;
    assert!(profile.halo.writes().is_empty(), "a yes is not the name: {:?}", profile.halo.writes());
    person.press("^U").await;
    person.type_text("jump1").await;
    person.press("Enter").await;
    person.sees("All changes were made").await;
    assert_eq!(owner(&profile), "jump2");
    person.leave().await;
    second.run(&["plan"]).await.expect(0);

    let mut person = interface("jump1", profile.folder.path()).await;
    person.press("3 :").await;
    person.type_text("rotate callback").await;
    person.press("Enter").await;
    person.sees("This configuration belongs to jump2").await;
    person.sees("y Rotate").await;
    profile.halo.clear_requests();
    person.press("y").await;
    person.sees("Type \"jump2\" to confirm").await;
    assert!(profile.halo.writes().is_empty());
    person.type_text("jump2").await;
    person.press("Enter").await;
    person.sees("Halo has the new callback token and password").await;
    assert_eq!(owner(&profile), "jump1");
    person.leave().await;

    let mut person = interface("jump2", second.folder.path()).await;
    person.press("3").await;
    person.sees("belongs to another machine").await;
    person.press("x").await;
    person.sees("This configuration belongs to jump1").await;
    person.sees("y Remove").await;
    person.press("y").await;
    person.sees("Type \"jump1\" to confirm").await;
    person.type_text("jump1").await;
    person.press("Enter").await;
    person.sees("Type \"acme\" or \"Acme MSP\" to confirm").await;
    assert_eq!(owner(&profile), "jump1", "the id is still to be typed");
    person.type_text("acme").await;
    person.press("Enter").await;
    person.sees("Pia has been removed from Halo").await;
    person.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn escalation_gets_one_note_from_two_hosts() {
    let profile = configured().await;
    let second = Copy::of(&profile);
    let ticket = TICKET.to_string();
    let escalate = ["escalate", ticket.as_str(), "--note", "once"];
    on_first(&profile, &escalate).await.expect(0);
    second.run(&escalate).await.expect(3);
    second.run(&["configure", "--yes", "--take-over"]).await.expect(0);
    second.run(&escalate).await.expect(0);
    on_first(&profile, &escalate).await.expect(3).says("belongs to jump2");
    assert_eq!(notes(&profile), ["once"]);
}

/// The mark is a line in the note: what people write around it, and what they change, leaves it as it is.
#[tokio::test(flavor = "multi_thread")]
async fn mark_survives_what_people_change_in_webhook() {
    let profile = configured().await;
    profile.halo.change(|halo| {
        let webhook = halo.webhook_mut(CREATED).unwrap();
        let note = format!("Ask Tom first.\n{}\nsee the wiki", webhook.text("note"));
        webhook.set("note", note);
        webhook.set("active", false);
        webhook.set("name", "Renamed");
    });
    on_first(&profile, &["configure", "--yes"]).await.expect(0);
    let note = profile.halo.look(|halo| halo.webhook(CREATED).unwrap().text("note").to_owned());
    assert!(note.starts_with("Ask Tom first.\n[pia-halo owner: jump1 | "), "{note}");
    assert!(note.ends_with("]\nsee the wiki"), "{note}");
    // A host that gets another name is the same one.
    run(on("renamed", &profile, &["plan"]), String::new()).await.expect(0);
}

/// As before there were marks: nothing is wrong without one, and the next run of Configure leaves it. Where Halo keeps none,
/// nothing ever is.
#[tokio::test(flavor = "multi_thread")]
async fn unmarked_installation_is_well_and_next_configure_marks_it() {
    let profile = configured().await;
    const UPDATED: &str = "Pia - Ticket Updated";
    let notes = [Some(""), Some("mine"), None];
    for note in notes {
        profile.halo.change(|halo| {
            for name in [CREATED, UPDATED] {
                let webhook = halo.webhook_mut(name).unwrap();
                match note {
                    Some(note) => webhook.set("note", note),
                    None => _ = webhook.members.remove("note"),
                }
            }
        });
        profile.halo.clear_requests();
        on_first(&profile, &["plan"]).await.expect(0).says("Plan: ");
        let issues = on_first(&profile, &["issues"]).await;
        assert!(!issues.stdout.contains("owner") && !issues.stdout.contains("drift"), "{}", issues.stdout);
        assert!(profile.halo.writes().is_empty());
        on_first(&profile, &["configure", "--yes"]).await.expect(0).says("Everything is in place already");
        let marked = profile.halo.look(|halo| halo.webhook(CREATED).unwrap().text("note").to_owned());
        assert!(marked.contains("[pia-halo owner: jump1 | "), "{marked}");
        profile.halo.clear_requests();
        on_first(&profile, &["configure", "--yes"]).await.expect(0);
        assert!(profile.halo.writes().is_empty(), "marked once");
    }
}

/// Whoever cannot read the mark does not know whose it is, and writes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn escalation_is_refused_while_mark_cannot_be_read() {
    let profile = configured().await;
    profile.halo.set_fault(Fault::ForbiddenWebhooks, true);
    let ticket = TICKET.to_string();
    let refused = on_first(&profile, &["escalate", &ticket, "--note", "once"]).await;
    refused.says("cannot tell whether another machine owns this configuration");
    assert!(profile.halo.writes().is_empty() && notes(&profile).is_empty());
    profile.halo.set_fault(Fault::ForbiddenWebhooks, false);
    on_first(&profile, &["escalate", &ticket, "--note", "once"]).await.expect(0);
}

/// The same configuration in another folder with another Pia Url: refused before anything is written, and the one command
/// that is named takes over what is there, with nothing doubled.
#[tokio::test(flavor = "multi_thread")]
async fn folder_with_other_pia_url_takes_over_all_or_nothing() {
    let profile = configured().await;
    let objects = || profile.halo.look(|halo| (halo.webhooks.len(), halo.tabs.len()));
    let before = objects();
    let second = Copy::of(&profile);
    let config = second.folder.path().join(profile.config().strip_prefix(profile.folder.path()).unwrap());
    let settings = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, settings.replace("https://pia.acme.example", "https://elsewhere.example")).unwrap();
    std::fs::remove_dir_all(second.folder.path().join("data")).unwrap();
    second.run(&["sync"]).await.expect(0);
    for command in [&["plan"][..], &["configure", "--yes"], &["serve", "--listen", "127.0.0.1:0"]] {
        second.run(command).await.expect(3).says("belongs to jump1").says("configure --take-over");
    }
    assert!(profile.halo.writes().is_empty(), "{:?}", profile.halo.writes());
    on_first(&profile, &["plan"]).await.expect(0);

    let counted = |ran: &Ran| ran.stdout.lines().find(|line| line.starts_with("In Halo")).unwrap().to_owned();
    let all = counted(&on_first(&profile, &["status"]).await);
    let all = all.split(',').next().unwrap();
    second.run(&["configure", "--take-over", "--yes"]).await.expect(0).says("Webhook install was successful");
    assert_eq!((objects(), owner(&profile)), (before, "jump2".to_owned()));
    assert!(counted(&second.run(&["status"]).await).starts_with(all), "with all that hangs on them: {all}");
    let addresses = profile.halo.look(|halo| {
        let all = halo.webhooks.iter().chain(&halo.tabs);
        all.filter(|own| own.text("name").starts_with("Pia ")).map(|own| own.text("url").to_owned()).collect::<Vec<_>>()
    });
    assert!(addresses.iter().all(|url| url.starts_with("https://elsewhere.example/")), "{addresses:?}");
    second.run(&["plan"]).await.expect(0);
    on_first(&profile, &["plan"]).await.expect(3).says("belongs to jump2");
    // The webhooks differ, and the remedy for that would be refused.
    on_first(&profile, &["rotate", "--yes"]).await.expect(3).says("belongs to jump2").says("configure --take-over");
}

/// The password that the other machine's webhooks had is gone: with the address alone it would refuse every callback.
#[tokio::test(flavor = "multi_thread")]
async fn take_over_is_not_rolled_back() {
    let profile = configured().await;
    let second = Copy::of(&profile);
    second.run(&["configure", "--take-over", "--yes"]).await.expect(0);
    let taken = profile.halo.snapshot();
    let refused = second.run(&["configure", "--roll-back", "--yes"]).await.expect(1);
    refused.says("took the webhooks over from jump1").says("run there: pia-halo configure --take-over");
    assert_eq!(profile.halo.snapshot(), taken);
    on_first(&profile, &["configure", "--take-over", "--yes"]).await.expect(0);
    on_first(&profile, &["plan"]).await.expect(0);
}

/// A tab of the same name may be somebody else's: what a take-over would write over is told.
#[tokio::test(flavor = "multi_thread")]
async fn tab_with_name_alone_is_told_as_that() {
    let profile = configured().await;
    let tab = profile.halo.change(|halo| {
        let tab = halo.tabs.iter_mut().find(|tab| tab.text("name") == "Pia Chat Pod").unwrap();
        tab.set("url", "https://other-vendor.example/app?x=$FAULTID");
        tab.int("id").unwrap()
    });
    let second = Copy::of(&profile);
    elsewhere(&second, &profile);
    second.run(&["sync"]).await.expect(0);
    let told = format!("id {tab} is the only tab of this name, and leads to https://other-vendor.example/app");
    second.run(&["plan"]).await.expect(3).says(&told);
}

/// The settings of a copy with another Pia Url, and with no record: as somebody sets them up anew.
fn elsewhere(second: &Copy<'_>, profile: &Profile) {
    let config = second.folder.path().join(profile.config().strip_prefix(profile.folder.path()).unwrap());
    let settings =
        std::fs::read_to_string(&config).unwrap().replace("https://pia.acme.example", "https://elsewhere.example");
    let settings: Vec<&str> = settings.lines().filter(|line| !line.starts_with("chat_pod_url")).collect();
    std::fs::write(&config, settings.join("\n")).unwrap();
    std::fs::remove_dir_all(second.folder.path().join("data")).unwrap();
}

/// Where our objects lead: the webhooks and the tab.
fn addresses(profile: &Profile) -> Vec<String> {
    profile.halo.look(|halo| {
        let all = halo.webhooks.iter().chain(&halo.tabs);
        all.filter(|own| own.text("name").starts_with("Pia ")).map(|own| own.text("url").to_owned()).collect()
    })
}

/// A take-over that is killed between two objects is finished by the same command, with nothing doubled; one of which a
/// part failed says which.
#[tokio::test(flavor = "multi_thread")]
async fn take_over_that_was_cut_is_finished_by_second_one() {
    let take_over = ["configure", "--take-over", "--yes", "--json"];
    for write in 0..4 {
        let profile = configured().await;
        let objects = || profile.halo.look(|halo| (halo.webhooks.len(), halo.tabs.len()));
        let before = objects();
        let second = Copy::of(&profile);
        elsewhere(&second, &profile);
        second.run(&["sync"]).await.expect(0);
        if write < 3 {
            assert!(killed_by(&profile, second.command(&take_over), write, When::At).await, "{write}");
            let is_whole = addresses(&profile).iter().all(|url| url.starts_with("https://elsewhere.example/"));
            assert_eq!(is_whole, write == 2, "the tab and two webhooks: {write}");
            if !is_whole {
                second.run(&["issues"]).await.says("Finish it: pia-halo configure --take-over");
            }
        } else {
            let body = b"{\"error\":\"no\"}".to_vec();
            let no = ScriptedAnswer::Reply { status: 400, content_type: "application/json", headers: Vec::new(), body };
            at_write(&profile, 1, false, &no);
            let told = second.run(&take_over).await.expect(3).json();
            profile.halo.change(|halo| halo.on_request = None);
            let of = |outcome: &str| {
                told["results"].as_array().unwrap().iter().filter(|result| result["outcome"] == outcome).count()
            };
            assert!(of("done") > 0 && of("failed") == 1, "{told}");
            let issues = second.run(&["issues", "--json"]).await.json();
            let interrupted = issues["issues"].as_array().unwrap().iter().find(|issue| issue["id"] == "interrupted");
            let next = interrupted.unwrap()["next"].to_string();
            assert!(next.contains("configure --take-over"), "{issues}");
        }
        second.run(&take_over).await.expect(0);
        assert_eq!((objects(), owner(&profile)), (before, "jump2".to_owned()), "{write}");
        let addresses = addresses(&profile);
        assert!(addresses.iter().all(|url| url.starts_with("https://elsewhere.example/")), "{addresses:?}");
        second.run(&["plan"]).await.expect(0);
    }
}

/// The tab of the other folder may show a chat pod of its own: it is known by the webhooks beside it.
#[tokio::test(flavor = "multi_thread")]
async fn tab_with_address_of_its_own_is_taken_over_with_its_webhooks() {
    let profile = escalating().await;
    let url = "pia_url = \"https://pia.acme.example\"";
    let settings = std::fs::read_to_string(profile.config()).unwrap();
    let own = format!("{url}\nchat_pod_url = \"https://pods.example/chat?t=$FAULTID\"");
    assert!(settings.contains(url), "{settings}");
    std::fs::write(profile.config(), settings.replace(url, &own)).unwrap();
    on_first(&profile, &["configure", "--yes"]).await.expect(0);
    let tabs = profile.halo.look(|halo| halo.tabs.len());
    let second = Copy::of(&profile);
    elsewhere(&second, &profile);
    second.run(&["sync"]).await.expect(0);
    second.run(&["configure", "--take-over", "--yes"]).await.expect(0);
    let addresses = addresses(&profile);
    assert!(addresses.iter().all(|url| url.starts_with("https://elsewhere.example/")), "{addresses:?}");
    assert_eq!(profile.halo.look(|halo| halo.tabs.len()), tabs);
}

/// A sync by hand, with no service and no other command: what it could read of the webhooks and the tab is told.
#[tokio::test(flavor = "multi_thread")]
async fn sync_alone_sees_new_owner_and_what_is_gone() {
    let profile = configured().await;
    let issues = async || {
        let issues = on_first(&profile, &["issues", "--json"]).await.json();
        let of = |rule: &str| issues["issues"].as_array().unwrap().iter().any(|issue| issue["id"] == rule);
        (of("owner"), of("drift"))
    };
    on_first(&profile, &["sync"]).await.expect(0);
    assert_eq!(issues().await, (false, false));
    let tab = profile.halo.change(|halo| {
        let at = halo.tabs.iter().position(|tab| tab.text("name") == "Pia Chat Pod").unwrap();
        halo.tabs.remove(at)
    });
    on_first(&profile, &["sync"]).await.expect(0);
    assert_eq!(issues().await, (false, true), "the tab is gone");
    profile.halo.change(|halo| halo.tabs.push(tab));
    on_first(&profile, &["plan"]).await.expect(0);
    on_first(&profile, &["sync"]).await.expect(0);
    assert_eq!(issues().await, (false, false), "it is back");
    // A list may leave out what its id gives.
    profile.halo.change(|halo| {
        let answer = ScriptedAnswer::Reply {
            status: 200,
            content_type: "application/json",
            headers: Vec::new(),
            body: b"[]".to_vec(),
        };
        let path = "/api/tabs".to_owned();
        halo.scripted.push(Scripted { method: "GET", path, skip: 0, times: 1, apply: false, answer });
    });
    on_first(&profile, &["sync"]).await.expect(0);
    assert!(profile.halo.look(|halo| halo.scripted.iter().all(|script| script.times == 0)), "it was asked");
    assert_eq!(issues().await, (false, false), "it is there");
    profile.halo.change(|halo| halo.webhook_mut(CREATED).unwrap().set("active", false));
    on_first(&profile, &["sync"]).await.expect(0);
    assert_eq!(issues().await, (false, true), "a webhook is off");
    let second = Copy::of(&profile);
    second.run(&["configure", "--take-over", "--yes"]).await.expect(0);
    on_first(&profile, &["sync"]).await.expect(0);
    assert!(issues().await.0, "it is another machine's now");
}

/// A configuration with another id has the names: the way on keeps what was to be taken over.
#[tokio::test(flavor = "multi_thread")]
async fn hint_of_refused_adoption_names_ids_again() {
    let (profile, webhook, tab) = crate::adopting::with_portal().await;
    let other = "[pia-halo owner: jump9 | dana | 2026-11-29T12:00:00Z | k]";
    profile.halo.change(|halo| halo.webhooks[0].set("note", other));
    let ids = format!("{webhook},{tab}");
    let named = format!("configure --take-over --adopt {ids}");
    for yes in [&["configure", "--adopt", &ids, "--yes"][..], &["configure", "--adopt", &ids]] {
        on_first(&profile, yes).await.expect(3).says("belongs to jump9").says(&named);
    }
    assert!(profile.halo.writes().is_empty());
    on_first(&profile, &["configure", "--take-over", "--adopt", &ids, "--yes"]).await.expect(0);
}
