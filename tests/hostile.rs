//! Hostile text: whatever Halo writes, the terminal gets only what the program itself means to send, and programs that
//! read JSON get every text as it is.

use std::path::PathBuf;

use pia_halo::demo::{Fault, Options, Scripted, ScriptedAnswer};
use serde_json::Value;

use crate::support::vt::{From, findings};
use crate::support::walk::{self, Person};
use crate::support::{Profile, Ran, run};

fn hostile() -> Options {
    Options { clients: 40, faults: [Fault::HostileText].into(), ..Options::default() }
}

fn state_file(profile: &Profile, name: &str) -> PathBuf {
    profile.folder.path().join("state/pia-halo").join(name)
}

#[track_caller]
fn is_clean(what: &str, bytes: &[u8], from: From) {
    assert_eq!(findings(bytes, from), [""; 0], "{what}");
}

/// The walk through every step and pane of the real program, in a terminal, with a hostile Halo.
#[tokio::test(flavor = "multi_thread")]
async fn interface_sends_nothing_but_its_own_sequences() {
    let profile = Profile::with(hostile()).await;
    let mut pty = profile.in_terminal().spawn();
    walk::to_credentials(&mut pty).await;
    walk::type_credentials(&mut pty, &profile.halo, "wrong-secret-of-the-test-0123456789").await;
    pty.press("Enter").await;
    pty.sees("The specified").await;
    pty.is_at("Client Secret").await;
    Person::paste(&mut pty, profile.halo.client_secret()).await;
    walk::test_connection(&mut pty).await;
    walk::to_save(&mut pty).await;
    walk::save(&mut pty).await;
    let before_detail = pty.byte_count();
    for _ in 0..12 {
        pty.press("Down").await;
    }
    assert!(pty.settle() > before_detail);
    walk::configure(&mut pty).await;
    pty.press("Enter").await;
    pty.sees("1 Sync").await;
    pty.press("2").await;
    pty.sees(" of 40").await;
    for _ in 0..45 {
        pty.press("Down").await;
    }
    pty.settle();
    pty.press("3").await;
    pty.sees("Callback URLs").await;
    pty.press("4").await;
    pty.sees("Service: not running").await;
    pty.press("5").await;
    pty.sees("configure (+14)").await;
    pty.press("Enter").await;
    // The first entries are further down the list.
    pty.sees("link ticket type").await;
    // Save tells every field, and fills the screen.
    pty.press("End Up Up").await;
    pty.sees("create webhook").await;
    profile.halo.set_fault(Fault::ForbiddenClients, true);
    pty.press("1 s").await;
    pty.sees("✗ Failed").await;
    // What Halo says when it refuses stands on the page.
    profile.halo.set_fault(Fault::ForbiddenTabs, true);
    pty.press("3").await;
    pty.sees("Callback URLs").await;
    pty.press("t").await;
    pty.sees("does not let").await;
    pty.settle();
    // A wide screen shows more of everything.
    for (columns, rows) in [(200, 60), (60, 16), (120, 40)] {
        pty.resize(columns, rows);
        pty.settle();
        for pane in ["2", "3", "4", "1"] {
            pty.press(pane).await;
            pty.settle();
        }
    }
    pty.press("^C").await;
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
    is_clean("the terminal", &pty.raw(), From::Interface);
    left_behind_is_clean(&profile);
}

/// The log, the audit trail.
fn left_behind_is_clean(profile: &Profile) {
    for name in ["pia-halo.log", "audit.jsonl"] {
        let bytes = std::fs::read(state_file(profile, name)).unwrap();
        assert!(!bytes.is_empty(), "{name}");
        is_clean(name, &bytes, From::File);
    }
    let audit = std::fs::read_to_string(state_file(profile, "audit.jsonl")).unwrap();
    assert!(audit.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert!(audit.lines().all(|line| line.len() < 16 * 1024), "a line of the audit trail has an end");
}

const COMMANDS: [&[&str]; 10] = [
    &["check"],
    &["sync"],
    &["plan"],
    &["configure", "--yes"],
    &["configure"],
    &["clients", "--status", "all"],
    &["clients", "--format", "csv", "--status", "all"],
    &["clients", "--format", "ndjson", "--status", "all"],
    &["status"],
    &["config", "show"],
];

async fn ran(profile: &Profile, arguments: &[&str], json: bool) -> Ran {
    let mut all = arguments.to_vec();
    all.extend(json.then_some("--json"));
    all.push("-vv");
    let mut command = profile.command(all);
    command.env("PIA_HALO_LOG", "trace");
    run(command, String::new()).await
}

/// Every command, in text and in JSON, on both streams, whatever is wrong as well.
#[tokio::test(flavor = "multi_thread")]
async fn no_command_lets_anything_through() {
    let profile = Profile::synced(hostile()).await;
    let wrong = ["wrong-secret", "forbidden-clients", "forbidden-teams", "forbidden-webhooks", "forbidden-tabs"];
    let wrong = wrong.into_iter().chain(["forbidden-writes", "error-forms", "html-with-200", "redirect-elsewhere"]);
    for fault in [None].into_iter().chain(wrong.map(Some)) {
        if let Some(fault) = fault {
            profile.halo.set_fault(fault.parse().unwrap(), true);
        }
        for arguments in COMMANDS {
            let offline = ["clients", "status", "config"].contains(&arguments[0]);
            if offline && fault.is_some() {
                continue;
            }
            for json in [false, true] {
                let ran = ran(&profile, arguments, json).await;
                let what = format!("{arguments:?}, json {json}, with {fault:?}");
                let read_by = if arguments.contains(&"csv") { From::Data } else { From::File };
                is_clean(&what, ran.stdout.as_bytes(), read_by);
                is_clean(&what, ran.stderr.as_bytes(), From::File);
                if json && !arguments.contains(&"csv") && !arguments.contains(&"ndjson") {
                    serde_json::from_str::<Value>(&ran.stdout).unwrap_or_else(|error| panic!("{what}: {error}"));
                }
            }
        }
        if let Some(fault) = fault {
            profile.halo.set_fault(fault.parse().unwrap(), false);
        }
    }
    left_behind_is_clean(&profile);
}

/// Error texts in each of Halo's forms, and as a page, on both ways that lead to a person.
#[tokio::test(flavor = "multi_thread")]
async fn error_in_any_form_is_shown_harmless() {
    let profile = Profile::set_up(Options { clients: 5, ..Options::default() }).await;
    let hostile = "no\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\r\nway";
    let json = serde_json::to_string(hostile).unwrap();
    let bodies = [
        json.clone(),
        format!("{{\"ClassName\":\"System.Exception\",\"Message\":{json}}}"),
        format!("{{\"Message\":{json}}}"),
        format!("{{\"error\":{json}}}"),
        format!("{{\"resultCode\":1,\"errorMessage\":{json}}}"),
        format!("{{{json}:[{json}]}}"),
        format!("<html><title>{hostile}</title>"),
        hostile.to_owned(),
        format!("{{\"error\":\"invalid_client\",\"error_description\":{json}}}"),
        "{\"Message\":\"half \\ud800\u{9b}2J\"}".to_owned(),
    ];
    for (path, method) in [("/api/client", "GET"), ("/auth/token", "POST"), ("/api/authinfo", "GET")] {
        for body in &bodies {
            for status in [400, 401, 403, 500] {
                profile.halo.change(|state| {
                    state.scripted.clear();
                    state.scripted.push(Scripted {
                        method,
                        path: path.into(),
                        skip: 0,
                        times: if status == 500 { 0 } else { 9 },
                        apply: false,
                        answer: ScriptedAnswer::Reply {
                            status,
                            content_type: "application/json",
                            headers: vec![("www-authenticate", format!("Bearer error={}", "\u{9b}2J"))],
                            body: body.clone().into_bytes(),
                        },
                    });
                });
                let ran = profile.run(["check"]).await;
                is_clean(body, ran.stdout.as_bytes(), From::File);
                is_clean(body, ran.stderr.as_bytes(), From::File);
                if path == "/api/client" && status == 400 && !body.starts_with('<') && !body.contains("ud800") {
                    assert!(ran.stdout.contains("no^[]0;owned^G\u{fffd}2J^M^Jway"), "{body}: {}", ran.stdout);
                }
            }
        }
    }
}

/// A tenant, a version and a host that Halo names.
#[tokio::test(flavor = "multi_thread")]
async fn what_halo_says_of_itself_is_shown_harmless() {
    let profile = Profile::set_up(hostile()).await;
    let report = profile.json(["check"], 0).await;
    assert!(report["halo"]["version"].as_str().unwrap().starts_with("2.196.1 "), "{}", report["halo"]);
    for tenant in ["demo\u{1b}[2J", "de\u{202e}mo", "demo\r\nX: y", "\u{9b}2J"] {
        profile.halo.change(|state| state.tenant = tenant.to_owned());
        for json in [false, true] {
            let ran = ran(&profile, &["check"], json).await;
            is_clean(tenant, ran.stdout.as_bytes(), From::File);
            is_clean(tenant, ran.stderr.as_bytes(), From::File);
        }
    }
    profile.halo.change(|state| state.tenant = "demo".to_owned());
    for target in ["https://else\u{9b}2J.example/\u{202e}", "https://xn--80ak6aa92e.example", "//\u{1b}]0;x\u{7}"] {
        profile.halo.change(|state| {
            state.behaviour.redirect_to = target.to_owned();
            state.behaviour.foreign_auth_url = target.to_owned();
        });
        for fault in [Fault::RedirectElsewhere, Fault::ForeignAuthHost] {
            profile.halo.set_fault(fault, true);
            let ran = ran(&profile, &["check"], false).await;
            is_clean(target, ran.stdout.as_bytes(), From::File);
            is_clean(target, ran.stderr.as_bytes(), From::File);
            profile.halo.set_fault(fault, false);
        }
    }
}

/// A webhook's id is Halo's text as well, and it is repeated where two webhooks lead to one address.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_id_is_shown_harmless() {
    let profile = Profile::synced(Options { clients: 5, ..Options::default() }).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.change(|state| {
        let own = state.webhooks.iter().find(|webhook| webhook.name().starts_with("Pia - ")).unwrap().clone();
        let mut copy = own;
        copy.set("id", "../Client/7\u{1b}[2J\u{9b}2J\u{202e}");
        copy.set("name", "copy");
        state.webhooks.push(copy);
    });
    for json in [false, true] {
        // For people the plan names the webhook and its address; its id is for programs.
        let ran = ran(&profile, &["plan"], json).await;
        assert!(ran.stdout.contains(if json { "../Client/7^[" } else { "copy" }), "{}", ran.stdout);
        is_clean("the plan", ran.stdout.as_bytes(), From::File);
    }
    // An id that is no word is asked for never, also where what bears it is to go.
    let clients = profile.halo.look(|state| state.clients.len());
    for json in [false, true] {
        let ran = ran(&profile, &["configure", "--yes"], json).await;
        is_clean("configure", ran.stdout.as_bytes(), From::File);
        assert!(profile.halo.look(|state| state.webhooks.iter().any(|webhook| webhook.name() == "copy")));
        assert!(ran.stdout.contains("copy"), "{}", ran.stdout);
    }
    assert_eq!(profile.halo.look(|state| state.clients.len()), clients);
}

/// On a terminal a command has colours and a line that is written over, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn command_on_terminal_sends_its_colours_alone() {
    let profile = Profile::synced(hostile()).await;
    for (arguments, code) in [(["check", "-v"], 0), (["sync", "-v"], 0), (["clients", "-v"], 0), (["plan", "-v"], 3)] {
        let mut pty = profile.command_in_terminal(arguments).spawn();
        assert_eq!(pty.exit_code(), code, "{arguments:?}: {}", pty.screen());
        pty.settle();
        is_clean(arguments[0], &pty.raw(), From::Command);
    }
    let mut pty = profile.command_in_terminal(["check"]).spawn();
    pty.exit_code();
    pty.settle();
    assert!(String::from_utf8_lossy(&pty.raw()).contains("\u{1b}[32m✓\u{1b}[0m pass"), "the colours are there");
}

/// What is stored is what Halo wrote, and who reads it by a program gets just that.
#[tokio::test(flavor = "multi_thread")]
async fn programs_get_every_text_as_halo_wrote_it() {
    let profile = Profile::synced(hostile()).await;
    let all = profile.json(["clients", "--status", "all", "--sort", "id"], 0).await;
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 40);
    let name = |at: usize| all[at]["name"].as_str().unwrap();
    assert_eq!(name(2), format!("Tower e{}", "\u{301}".repeat(200_000)));
    assert_eq!(name(3), format!("Long {}", "Ξ".repeat(1 << 19)));
    assert_eq!(name(4), format!("Right{}to left", "\u{202e}".repeat(100_000)));
    assert_eq!(name(5), "=cmd|' /C calc'!A0");
    let names: Vec<&str> = (0..40).map(name).collect();
    assert!(names.iter().any(|name| name.contains("\u{1b}]")), "escape sequences are in the values");
    let lines = profile.run(["clients", "--status", "all", "--sort", "id", "--format", "ndjson"]).await.expect(0);
    let lines: Vec<Value> = lines.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, *all);
    let added = profile.json(["history", "1"], 0).await;
    let added: Vec<&str> = added.as_array().unwrap().iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(added, names);
    // Nothing has changed in Halo, so nothing changes here.
    let again = profile.json(["sync"], 0).await;
    assert_eq!((&again["changes"]["updated"], &again["changes"]["unchanged"]), (&0.into(), &40.into()));
}

/// A table for a spreadsheet holds no formula and no control character, and else what Halo has, to the letter.
#[tokio::test(flavor = "multi_thread")]
async fn no_cell_of_csv_is_formula() {
    let profile = Profile::with(Options { clients: 20, ..Options::default() }).await;
    let formulas =
        ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "＝1", "\u{200b}=1", "\u{202e}@x", "\u{3000}=1"];
    profile.halo.change(|state| {
        for (client, formula) in state.clients.iter_mut().skip(3).zip(formulas) {
            client.name = formula.to_owned();
            client.main_site_name = Some(formula.to_owned());
        }
        state.clients[0].name = "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} 👨\u{200d}👩".to_owned();
    });
    profile.save("acme", "").await.expect(0);
    profile.run(["sync"]).await.expect(0);
    let clients = ["clients", "--format", "csv", "--status", "all"].as_slice();
    let changes = ["history", "1", "--format", "csv"].as_slice();
    for (arguments, columns) in [(clients, 2), (changes, 1)] {
        let table = profile.run(arguments.iter().copied()).await.expect(0).stdout;
        is_clean("the table", table.as_bytes(), From::Data);
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let mut quoted = 0;
        assert!(table.contains("🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} 👨\u{200d}👩"), "{table}");
        for record in reader.records() {
            for cell in &record.unwrap() {
                assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '\t', '\r']), "{cell:?}");
                quoted += usize::from(cell.starts_with('\''));
            }
        }
        assert_eq!(quoted, columns * (formulas.len() - 2), "a tab and a return are shown as carets, and harmless");
    }
}

/// One name in two spellings is found by either, and by what is seen of it.
#[tokio::test(flavor = "multi_thread")]
async fn name_is_found_in_whatever_form_it_is_typed() {
    let profile = Profile::with(Options { clients: 20, ..Options::default() }).await;
    profile.halo.change(|state| {
        let names = ["Québec Inc", "Que\u{301}bec Inc", "QUE\u{200b}\u{301}BEC\u{202e} inc", "Ｑｕéｂｅｃ Inc"];
        for (client, name) in state.clients.iter_mut().skip(3).zip(names) {
            client.name = name.to_owned();
            client.inactive = false;
        }
    });
    profile.save("acme", "").await.expect(0);
    profile.run(["sync"]).await.expect(0);
    for typed in ["québec", "que\u{301}bec", "quebec", "QUÉBEC INC"] {
        let found = profile.json(["clients", "--search", typed], 0).await;
        assert_eq!(found.as_array().unwrap().len(), 4, "{typed:?} finds {found}");
    }
}

/// No line for people is longer because a name is.
#[tokio::test(flavor = "multi_thread")]
async fn name_of_megabytes_takes_one_line_of_ordinary_length() {
    let profile = Profile::synced(hostile()).await;
    let table = profile.run(["clients", "--status", "all"]).await.expect(0).stdout;
    assert_eq!(table.lines().count(), 41, "one row a client");
    assert!(table.len() < 41 * 4_096, "{}", table.len());
    let csv = profile.run(["clients", "--status", "all", "--format", "csv"]).await.expect(0).stdout;
    assert!(csv.lines().all(|line| line.len() < 4 * 4 * 32_767), "no cell is more than a spreadsheet takes");
}

/// Local files are no safer than Halo: a name that somebody wrote into the settings.
#[tokio::test(flavor = "multi_thread")]
async fn name_in_settings_is_shown_harmless() {
    let profile = Profile::synced(Options { clients: 5, ..Options::default() }).await;
    let settings = std::fs::read_to_string(profile.config()).unwrap();
    // The first is refused when it is read, the second is a name like any other.
    for (name, code) in [("Acme\\u001b]0;x\\u0007\\u009b2J MSP", 7), ("Acme \\u202e\\u2066\\u200b\\U000e0041 MSP", 0)] {
        std::fs::write(profile.config(), settings.replace("\"Acme MSP\"", &format!("\"{name}\""))).unwrap();
        profile.run(["status"]).await.expect(code);
        for arguments in [&["status"][..], &["config", "show"], &["activate", "acme"], &["plan"], &["check"]] {
            for json in [false, true] {
                let ran = ran(&profile, arguments, json).await;
                is_clean(arguments[0], ran.stdout.as_bytes(), From::File);
                is_clean(arguments[0], ran.stderr.as_bytes(), From::File);
            }
        }
    }
    std::fs::write(profile.config(), "version = 1\n\"\u{9b}2J\u{202e}\" = 1\n").unwrap();
    let ran = ran(&profile, &["status"], false).await.expect(7);
    is_clean("an unreadable file", ran.stderr.as_bytes(), From::File);
}
