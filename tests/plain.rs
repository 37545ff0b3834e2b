//! Plain mode, in a real terminal that only knows lines: nothing but text, the secret unseen, nothing lost.

use std::time::Duration;

use pia_halo::demo::Options;
use pia_halo::domain::fields::FieldId;
use rustix::process::Signal;

use crate::commands::holds_exactly_our_objects;
use crate::secrecy::{forms, secrets_of};
use crate::support::changing::{plain, small};
use crate::support::interface::Interface;
use crate::support::pty::{PATIENCE, Pty, Start, key};
use crate::support::walk::{self, Person};
use crate::support::{PIA, Profile, files, until};

/// The limit is one second; the process also has to be started and waited for on a busy machine.
const WITHIN_A_SECOND: Duration = Duration::from_millis(1_500);

/// Somebody who listens to the lines and answers the questions.
struct Listener {
    pty: Pty,
    /// The bytes that were heard already.
    heard: usize,
}

impl Listener {
    fn start(start: Start) -> Self {
        Self { pty: start.env("TERM", "dumb").spawn(), heard: 0 }
    }

    /// Waits until these words are said, after all that was heard before.
    #[track_caller]
    fn hears(&mut self, words: &str) {
        let find = |raw: &[u8]| raw.windows(words.len()).position(|window| window == words.as_bytes());
        let from = self.heard;
        self.pty.wait_for(words, |_| find(&self.pty.raw()[from..]).is_some());
        self.heard += find(&self.pty.raw()[from..]).unwrap_or_default() + words.len();
    }

    /// Waits for a question, and answers it.
    #[track_caller]
    fn answers(&mut self, question: &str, answer: &str) {
        self.hears(question);
        // The prompt ends in a colon and a blank; what is typed before would be no answer to it.
        self.hears(": ");
        self.pty.send(&format!("{answer}{}", key::ENTER));
    }

    fn answer_all(&mut self, answers: &[(&str, &str)]) {
        for (question, answer) in answers {
            self.answers(question, answer);
        }
    }

    /// The number in front of a row that was heard last.
    #[track_caller]
    fn number_of(&self, row: &str) -> String {
        let text = self.text();
        let line = text.lines().rev().find_map(|line| line.split_once(". ").filter(|(_, name)| name.starts_with(row)));
        line.unwrap_or_else(|| panic!("{row} was not offered: {text}")).0.to_owned()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.pty.raw()).into_owned()
    }

    /// Nothing but text: no escape sequence, no cursor, no line that is written over.
    #[track_caller]
    fn heard_only_text(&self) {
        let text = self.text();
        let odd: Vec<char> = text.chars().filter(|c| c.is_control() && !['\r', '\n', '\t'].contains(c)).collect();
        assert!(odd.is_empty(), "{odd:?} in {text:?}");
        assert_eq!(text.matches('\r').count(), text.matches("\r\n").count(), "a return of its own in {text:?}");
        assert!(String::from_utf8(self.pty.raw()).is_ok());
        assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200b}']), "what turns or hides text in {text:?}");
    }

    #[track_caller]
    fn never_heard(&self, secret: &str) {
        for form in forms(secret) {
            assert!(!self.text().contains(&form), "a secret was said");
        }
    }
}

/// From nothing to the Client Secret.
fn to_secret(profile: &Profile) -> Vec<(&'static str, String)> {
    vec![
        ("Enter when", String::new()),
        ("Configuration Name", "Acme MSP".to_owned()),
        ("Url", format!("{}/api/", profile.halo.url())),
        ("Client ID", profile.halo.client_id().to_owned()),
    ]
}

fn begin(profile: &Profile, arguments: &[&str]) -> Listener {
    let mut listener = Listener::start(profile.in_terminal().arguments(arguments));
    for (question, answer) in to_secret(profile) {
        listener.answers(question, &answer);
    }
    listener
}

/// S2, N21: from nothing to the end by questions, with the same result as by keys and by commands.
#[tokio::test(flavor = "multi_thread")]
async fn walk_by_questions_ends_with_exactly_our_objects() {
    let profile = Profile::new().await;
    let before = profile.halo.snapshot();
    // No answers and a terminal that only knows lines: setup asks.
    let mut listener = begin(&profile, &["setup"]);
    listener.answers("Client Secret", profile.halo.client_secret());
    listener.hears("73 characters");
    listener.hears("Clients: passed, 237 clients can be read");
    listener.hears("Connection test: passed");
    let answers = [
        ("Daily Sync Time", "00:45"),
        ("Pia Board", ""),
        ("Pia Escalation Board", "Pia Escalations"),
        ("Pia Url", PIA),
        ("Chat Pod Url", ""),
    ];
    listener.answer_all(&answers);
    listener.hears("9. Pia Escalation Board: Pia Escalations");
    listener.answers("Save?", "");
    listener.hears("Saved.");
    listener.answers("Enter is Sync Now", "");
    listener.hears("Halo says 237, stored 237.");
    listener.answers("Pia Escalate To", "dana");
    listener.answers("Enter takes Dana", "");
    listener.hears("The plan: 8 to create, 6 to link, 2 unchanged.");
    assert_eq!(profile.halo.writes().len(), 0, "nothing is written before a yes");
    listener.answers("Apply this plan", "y");
    listener.hears("Custom tab Pia Chat Pod: created");
    listener.hears("Webhook install was successful");
    listener.hears("You have finished setting up your Halo PSA integration.");
    assert_eq!(listener.pty.exit_code(), 0);
    assert!(listener.pty.has_former_modes());
    listener.heard_only_text();
    for secret in secrets_of(&profile) {
        listener.never_heard(&secret);
    }
    holds_exactly_our_objects(&before, &profile.halo.snapshot());
    let status = profile.json(["status"], 0).await;
    assert_eq!(status["steps"]["configure"], "done");
    let config = std::fs::read_to_string(profile.config()).unwrap();
    assert!(config.contains("Dana Scully") && config.contains("00:45"), "{config}");
    assert!(profile.settings().load_draft(1).unwrap().is_none());
}

/// Names with escape sequences in them reach no terminal as such, wherever they are read out.
#[tokio::test(flavor = "multi_thread")]
async fn menu_says_hostile_names_as_text() {
    let profile = Profile::synced(Options { clients: 60, ..Options::default() }).await;
    profile.halo.set_fault("hostile-text".parse().unwrap(), true);
    let mut listener = Listener::start(profile.in_terminal().arguments(["--plain"]));
    listener.answers("Apply this plan", "y");
    listener.hears("Webhook install was successful");
    for (choice, words) in
        [("1", "Complete at"), ("2", "clients, active"), ("4", "Halo says 60"), ("6", "sync, complete")]
    {
        listener.answers("Your choice", choice);
        listener.hears(words);
        match choice {
            "2" => {
                listener.answer_all(&[("Search", ""), ("Search", ""), ("Search", "f"), ("Search", ""), ("Search", "<")])
            }
            "6" => listener.answers("Enter shows more", "<"),
            _ => {}
        }
    }
    listener.answers("Your choice", "q");
    assert_eq!(listener.pty.exit_code(), 0);
    listener.heard_only_text();
}

/// What it is called, its exit code, and how it is done.
type Way = (&'static str, u32, fn(&mut Pty));

/// Whatever ends it while the secret is typed: what was answered is kept, and the terminal shows typing again.
#[tokio::test(flavor = "multi_thread")]
async fn every_way_out_keeps_draft_and_gives_echo_back() {
    let ways: [Way; 5] = [
        ("Ctrl-C", 130, |pty| pty.send(&key::ctrl('c'))),
        ("Ctrl-D", 0, |pty| pty.send(&key::ctrl('d'))),
        ("q", 0, |pty| pty.send("q\r")),
        ("SIGTERM", 143, |pty| pty.signal(Signal::TERM)),
        ("SIGHUP", 129, |pty| pty.signal(Signal::HUP)),
    ];
    for (name, code, leave) in ways {
        let profile = Profile::new().await;
        let mut listener = begin(&profile, &[]);
        listener.hears("Client Secret (not shown");
        listener.hears(": ");
        assert!(!listener.pty.has_former_modes(), "{name}: the secret would show");
        leave(&mut listener.pty);
        assert_eq!(listener.pty.exit_code(), code, "{name}");
        assert!(listener.pty.has_former_modes(), "{name}: typing would not show");
        listener.heard_only_text();
        let draft = profile.settings().load_draft(1).unwrap().unwrap();
        assert_eq!((draft.name(), draft.text(FieldId::ClientId)), ("Acme MSP", profile.halo.client_id()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_line_keeps_draft_of_dialogue() {
    for controlling in [true, false] {
        let profile = Profile::new().await;
        let start = profile.in_terminal().arguments(["setup", "--plain"]);
        let start = if controlling { start } else { start.without_controlling_terminal() };
        let mut listener = Listener::start(start);
        for (question, answer) in to_secret(&profile) {
            listener.answers(question, &answer);
        }
        listener.hears("Client Secret (not shown");
        listener.pty.hang_up();
        assert_eq!(listener.pty.exit_code_within(WITHIN_A_SECOND), 129);
        let draft = profile.settings().load_draft(1).unwrap().unwrap();
        assert_eq!(draft.text(FieldId::ClientId), profile.halo.client_id());
    }
}

/// A stop while the secret is typed gives the shell its echo; going on takes it away again, and asks again.
#[tokio::test(flavor = "multi_thread")]
async fn stop_while_secret_is_typed_gives_echo_back_meanwhile() {
    let profile = Profile::new().await;
    let shell = Start::program("bash", profile.folder.path(), ["--norc", "--noprofile", "--noediting", "-i"])
        .env("PS1", "ready> ")
        .env("HALO", env!("CARGO_BIN_EXE_pia-halo"));
    let mut listener = Listener::start(shell);
    listener.hears("ready>");
    listener.pty.send("\"$HALO\" demo\r");
    listener.answers("Configuration Name", "");
    listener.answers("Url", "");
    listener.answers("Client ID", "");
    listener.hears("Client Secret (not shown");
    listener.hears(": ");
    assert!(!listener.pty.has_former_modes());
    listener.pty.send(&key::ctrl('z'));
    listener.hears("ready>");
    assert!(listener.pty.has_former_modes(), "the shell shows what is typed");
    listener.pty.send("fg\r");
    listener.hears("Client Secret (not shown");
    listener.hears(": ");
    assert!(!listener.pty.has_former_modes());
    listener.pty.send("unseen-canary\r");
    listener.hears("13 characters");
    assert!(!listener.text().contains("unseen-canary"));
    listener.pty.send(&key::ctrl('c'));
    listener.hears("ready>");
    assert!(listener.pty.has_former_modes());
}

/// Where no shell could say fg, a stop changes nothing: what is typed stays unseen.
#[tokio::test(flavor = "multi_thread")]
async fn without_shell_stop_leaves_secret_unseen() {
    let profile = Profile::new().await;
    let mut listener = Listener::start(profile.command_in_terminal(["demo", "--plain"]));
    listener.answers("Configuration Name", "");
    listener.answers("Url", "");
    listener.answers("Client ID", "");
    listener.hears("Client Secret (not shown");
    listener.hears(": ");
    listener.pty.send(&key::ctrl('z'));
    listener.hears("There is no shell here");
    listener.hears(": ");
    listener.pty.send("unseen-canary\r");
    listener.hears("13 characters");
    assert!(!listener.text().contains("unseen-canary"));
}

/// The demo by questions: nothing but Enter, one yes, and what Halo delivers is stored.
#[tokio::test(flavor = "multi_thread")]
async fn plain_demo_tells_how_to_make_ticket_and_stores_its_event() {
    let home = tempfile::tempdir().unwrap();
    let start = Start::pia_halo(home.path(), ["demo", "--plain", "--clients", "20"]);
    let mut listener = Listener::start(start.env("TMPDIR", home.path().to_str().unwrap()));
    for question in ["Configuration Name", "Url", "Client ID", "Client Secret", "Daily Sync Time", "Pia Board"] {
        listener.answers(question, "");
    }
    for question in ["Pia Escalation Board", "Pia Url", "Chat Pod Url", "Save?", "Enter is Sync Now", "Pia Escalate To"]
    {
        listener.answers(question, "");
    }
    listener.answers("Apply this plan", "y");
    listener.hears("You have finished");
    listener.hears("Make a ticket in the simulated Halo: curl -X POST");
    listener.hears("/control/tickets");
    let text = listener.text();
    let address = text.split_whitespace().find(|word| word.ends_with("/control/tickets")).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(http.post(address).send().await.unwrap().status(), 201);
    let store = files(home.path()).into_iter().find(|path| path.ends_with("data/pia-halo.db")).unwrap();
    let store = pia_halo::store::Store::open(&store).unwrap();
    let id = "demo".parse().unwrap();
    until(|| store.last_event_at(&id).unwrap().is_some()).await;
    listener.heard_only_text();
}

/// One draft: what the wizard began, the dialogue goes on with, and the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn wizard_and_dialogue_continue_each_others_draft() {
    let profile = Profile::new().await;
    let mut wizard = Interface::open(&profile).await;
    walk::to_credentials(&mut wizard).await;
    walk::type_credentials(&mut wizard, &profile.halo, profile.halo.client_secret()).await;
    walk::test_connection(&mut wizard).await;
    wizard.hang_up().await;

    let mut listener = Listener::start(profile.in_terminal());
    listener.hears("Acme MSP, at the step Company Sync");
    listener.answers("continue?", "");
    listener.answer_all(&[
        ("Daily Sync Time", "05:15"),
        ("Pia Board", "Service Desk"),
        ("Pia Escalation Board", "<"),
        ("Pia Board", "q"),
    ]);
    assert_eq!(listener.pty.exit_code(), 0);

    let mut wizard = Interface::open(&profile).await;
    wizard.sees("continue?").await;
    wizard.press("Enter").await;
    wizard.sees("Service Desk").await;
    wizard.press("Esc").await;
    wizard.sees("05:15").await;
    wizard.hang_up().await;
}

/// The draft never holds the secret: it is asked for again before the save, without a way through every step.
#[tokio::test(flavor = "multi_thread")]
async fn draft_without_its_secret_is_asked_for_it_at_save() {
    let profile = Profile::new().await;
    let mut wizard = Interface::open(&profile).await;
    walk::to_credentials(&mut wizard).await;
    walk::type_credentials(&mut wizard, &profile.halo, profile.halo.client_secret()).await;
    walk::test_connection(&mut wizard).await;
    walk::to_save(&mut wizard).await;
    wizard.hang_up().await;

    let mut listener = Listener::start(profile.in_terminal().arguments(["setup"]));
    listener.answers("continue?", "y");
    listener.answer_all(&[("Pia Url", ""), ("Chat Pod Url", "")]);
    listener.hears("4. Client Secret: not right yet, the Client Secret is needed");
    listener.answers("Save?", "");
    listener.answers("Client Secret", profile.halo.client_secret());
    listener.answers("Save?", "");
    listener.hears("Connection test: passed");
    listener.hears("Saved.");
    listener.hears("Enter is Sync Now");
    listener.never_heard(profile.halo.client_secret());
}

/// What is pasted in several lines answers one question, not the ones after it.
#[tokio::test(flavor = "multi_thread")]
async fn paste_of_several_lines_answers_one_question() {
    let profile = Profile::new().await;
    let mut listener = Listener::start(profile.in_terminal().arguments(["setup"]));
    listener.answers("Enter when", "");
    listener.answers("Configuration Name", "Acme\rhttps://evil.example\rnot-an-id\rnot-a-secret");
    listener.hears("Several lines were pasted: only the first is taken.");
    listener.hears("Url: ");
    listener.pty.send("<\r");
    listener.hears("Configuration Name (Enter keeps Acme)");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_chosen_by_itself_or_by_name_and_help_says_how() {
    let home = tempfile::tempdir().unwrap();
    for (term, arguments) in [
        ("dumb", vec![]),
        ("dumb", vec!["demo"]),
        ("xterm-256color", vec!["--plain"]),
        ("xterm-256color", vec!["demo", "--plain"]),
        ("xterm-256color", vec!["setup", "--plain"]),
    ] {
        let pty = Start::pia_halo(home.path(), arguments.clone()).env("TERM", term).spawn();
        let mut listener = Listener { pty, heard: 0 };
        // The demo has what is needed.
        listener.answers(if arguments.contains(&"demo") { "Configuration Name" } else { "Enter when" }, "q");
        assert_eq!(listener.pty.exit_code(), 0, "{term} {arguments:?}");
        listener.heard_only_text();
    }
    let profile = Profile::new().await;
    profile.run(["--help"]).await.expect(0).says("--plain").says("TERM=dumb");
}

/// Where there is no terminal nothing is asked: the way without one is named.
#[tokio::test(flavor = "multi_thread")]
async fn without_terminal_setup_names_answers_file() {
    let profile = Profile::new().await;
    for arguments in [&["setup"][..], &["setup", "--plain"], &["setup", "--activate"]] {
        profile.run(arguments).await.expect(2).says("--answers");
    }
    profile.run(["--plain"]).await.expect(2).says("setup, check, sync");
    let error = profile.json(["setup"], 2).await;
    assert_eq!(error["error"]["code"], "usage");
}

/// Commands on a terminal that only knows lines write no line over another and no colour.
#[tokio::test(flavor = "multi_thread")]
async fn commands_write_whole_lines_to_dumb_terminal() {
    let profile = Profile::set_up(Options { clients: 60, ..Options::default() }).await;
    for command in ["check", "sync", "plan", "status"] {
        let mut listener = Listener::start(profile.in_terminal().arguments([command]));
        let code = listener.pty.exit_code_within(PATIENCE);
        assert_eq!(code, if command == "plan" { 3 } else { 0 }, "{command}");
        listener.pty.settle();
        listener.heard_only_text();
    }
}

/// N5, S65, S73: Remove by questions: the plan, its parts, and nothing before the id is typed as it stands there.
#[tokio::test(flavor = "multi_thread")]
async fn remove_by_questions_takes_typed_id_or_name_alone_for_yes() {
    let profile = Profile::synced(small()).await;
    let before = plain(profile.halo.snapshot());
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.clear_requests();
    let mut listener = Listener::start(profile.in_terminal().arguments(["--plain"]));
    listener.answers("Your choice", "8");
    listener.hears("To remove: webhooks, Pia Chat Pod, links.");
    listener.hears("The plan: 6 to unlink, 8 to delete.");
    for wrong in ["y", "yes", "acm", "ACME", ""] {
        listener.answers("Type \"acme\" or \"Acme MSP\" to remove this", wrong);
        listener.hears("Nothing was written. To go on, type \"acme\" or \"Acme MSP\" exactly");
    }
    // A part less, and the same again.
    listener.answer_all(&[("Type \"acme\"", "p"), ("Which part", "2")]);
    listener.hears("To remove: webhooks.");
    listener.hears("7 to delete.");
    listener.answer_all(&[("Type \"acme\"", "p"), ("Which part", "2")]);
    listener.hears("The plan: 6 to unlink, 8 to delete.");
    listener.answers("Type \"acme\"", "n");
    listener.hears("Remove was not started; nothing was written.");
    assert_eq!(profile.halo.writes().len(), 0, "nothing is written before the id is typed");
    listener.answers("Your choice", "8");
    listener.answers("Type \"acme\"", "Acme MSP");
    listener.hears("Custom tab Pia Chat Pod: deleted");
    listener.hears("Pia has been removed from Halo");
    listener.answers("Your choice", "q");
    assert_eq!(listener.pty.exit_code(), 0);
    listener.heard_only_text();
    assert_eq!(plain(profile.halo.snapshot()), before);
}

/// What Halo refuses is said, with the clicks that do it by hand; the next try finishes.
#[tokio::test(flavor = "multi_thread")]
async fn refused_removal_says_clicks_and_can_be_tried_again() {
    let profile = Profile::synced(small()).await;
    let before = plain(profile.halo.snapshot());
    profile.run(["configure", "--yes"]).await.expect(0);
    let refuses = |on| profile.halo.set_fault("forbidden-webhooks".parse().unwrap(), on);
    let mut listener = Listener::start(profile.in_terminal().arguments(["--plain"]));
    listener.hears("Your choice");
    refuses(true);
    listener.hears(": ");
    listener.pty.send("8\r");
    listener.hears("The connection test failed, so nothing was changed in Halo.");
    listener.hears("1. Sign in to Halo as an administrator.");
    listener.hears("Enter reads Halo again");
    refuses(false);
    listener.hears(": ");
    listener.pty.send("\r");
    listener.answers("Type \"acme\"", "acme");
    listener.hears("Pia has been removed from Halo");
    listener.answers("Your choice", "q");
    assert_eq!(plain(profile.halo.snapshot()), before);
}

/// What is offered because one row can be dismissed is picked for another that cannot: what helps is said, and nothing is done.
#[tokio::test(flavor = "multi_thread")]
async fn pick_that_can_do_nothing_says_what_can() {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let mut listener = Listener::start(profile.in_terminal().arguments(["--plain"]));
    listener.hears("What can be done");
    listener.hears(": ");
    for (row, question) in
        [("Other commands", "Which command"), ("Dismiss", "Which one"), ("Deliveries: Halo's", "Read it: Deliveries")]
    {
        listener.pty.send(&format!("{}{}", listener.number_of(row), key::ENTER));
        listener.hears(question);
        listener.hears(": ");
    }
    listener.pty.send(&format!("q{}", key::ENTER));
    assert_eq!(listener.pty.exit_code(), 0);
    listener.heard_only_text();
    assert!(!profile.run(["issues"]).await.expect(0).stdout.contains("dismissed"));
}

/// S3: the third answer of the switch question: first the old one's objects, then the switch, and without the typed id
/// neither.
#[tokio::test(flavor = "multi_thread")]
async fn switch_by_questions_can_remove_first() {
    let profile = Profile::synced(small()).await;
    let before = plain(profile.halo.snapshot());
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.save("other", "").await.expect(0);
    let mut listener = Listener::start(profile.in_terminal().arguments(["--plain"]));
    let to_the_question = [("Your choice", "9"), ("Your choice", "2"), ("Your choice", "3")];
    listener.answer_all(&to_the_question);
    listener.answers("y is Switch, r is Remove first, n is No", "r");
    listener.hears("once everything is removed from Halo, not before.");
    listener.answers("to remove this and switch", "n");
    listener.hears("Not switched.");
    assert_eq!(profile.json(["status"], 0).await["configuration"], "acme");
    listener.answer_all(&to_the_question);
    listener.answer_all(&[("r is Remove first", "r"), ("to remove this and switch", "acme")]);
    listener.hears("is active now");
    listener.hears("Pia has been removed from Halo");
    listener.answers("Enter is Sync Now", "q");
    assert_eq!(listener.pty.exit_code(), 0);
    listener.heard_only_text();
    assert_eq!(profile.json(["status"], 0).await["configuration"], "other");
    assert_eq!(plain(profile.halo.snapshot()), before);
}
