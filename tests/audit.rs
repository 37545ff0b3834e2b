//! N10: the audit trail says who did what from where, what Halo answered, and shows when somebody changed it.

use pia_halo::demo::Options;
use serde_json::Value;

use crate::secrecy::{forms, secrets_of};
use crate::support::{Profile, login_name, run};

fn entries(report: &Value) -> &Vec<Value> {
    report["entries"].as_array().unwrap()
}

async fn configured() -> Profile {
    let profile = Profile::synced(Options { clients: 20, ..Options::default() }).await;
    let mut command = profile.command(["configure", "--yes"]);
    command.env("SSH_CONNECTION", "192.0.2.7 51234 198.51.100.4 22");
    run(command, String::new()).await.expect(0);
    profile
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_is_audited_with_who_where_before_and_after() {
    let profile = configured().await;
    let report = profile.json(["audit", "--limit", "100"], 0).await;
    let writes: Vec<&Value> = entries(&report).iter().filter(|entry| entry["halo"].is_object()).collect();
    let who = login_name();
    assert_eq!(writes.len(), profile.halo.writes().len(), "a line for each write");
    for entry in &writes {
        assert_eq!(
            (&entry["who"]["user"], &entry["who"]["ssh_from"]),
            (&who.as_str().into(), &"192.0.2.7".into()),
            "{entry}"
        );
        assert_eq!((&entry["halo"]["status"], &entry["configuration"]), (&201.into(), &"acme".into()), "{entry}");
        assert!(entry["host"].is_string() && entry["pid"].is_u64() && entry["uid"].is_u64(), "{entry}");
        assert!(entry["at"].is_string() && entry["outcome"] == "done", "{entry}");
    }
    let webhook = writes.iter().find(|entry| entry["action"] == "create webhook").unwrap();
    let url = webhook["fields"].as_array().unwrap().iter().find(|field| field["name"] == "url").unwrap();
    assert!(url["before"].is_null() && url["after"].as_str().unwrap().contains("/callbacks/acme/ticket-"), "{url}");
    let text = profile.run(["audit", "--limit", "100"]).await.expect(0).stdout;
    let from = format!("{who} from 192.0.2.7 on ");
    for words in
        [from.as_str(), "create webhook Pia - Ticket Created: done, Halo answered 201", "verified: no line is missing"]
    {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let file = std::fs::read_to_string(profile.folder.path().join("state/pia-halo/audit.jsonl")).unwrap();
    for secret in secrets_of(&profile) {
        assert!(forms(&secret).iter().all(|form| !file.contains(form) && !text.contains(form)));
    }
}

/// Taking out is written down as putting in is.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_rolled_back_or_removed_is_written_down_with_answer() {
    for arguments in [["configure", "--roll-back", "--yes"].as_slice(), &["remove", "--yes"]] {
        let profile = configured().await;
        profile.run(arguments.iter().copied()).await.expect(0);
        let report = profile.json(["audit", "--limit", "100"], 0).await;
        for action in ["delete webhook", "delete custom tab"] {
            let deleted: Vec<&Value> = entries(&report).iter().filter(|entry| entry["action"] == action).collect();
            assert!(!deleted.is_empty(), "{arguments:?}: {report}");
            for entry in deleted {
                let status = entry["halo"]["status"].as_u64().unwrap_or_default();
                assert!((200..300).contains(&status), "{arguments:?}: {entry}");
            }
        }
    }
}

/// A refusal is written down with Halo's own words, and a lost answer without a status.
#[tokio::test(flavor = "multi_thread")]
async fn refused_write_is_audited_with_halos_words() {
    let profile = Profile::synced(Options { clients: 20, ..Options::default() }).await;
    // Halo has the event's catalogue and the webhook's name free, but refuses the binding in its own words.
    profile.halo.change(|halo| {
        halo.on_request = Some(Box::new(|halo, request| {
            if request.path == "/api/notification" && request.method == "POST" {
                halo.webhooks.retain(|webhook| !webhook.made_by_api);
            }
        }));
    });
    profile.run(["configure", "--yes"]).await;
    let report = profile.json(["audit", "--limit", "100"], 0).await;
    let refused = entries(&report).iter().find(|entry| entry["halo"]["status"] == 400).unwrap();
    assert_eq!((&refused["outcome"], &refused["halo"]["said"]), (&"failed".into(), &"Webhook was not found".into()));

    let profile = Profile::synced(Options { clients: 20, ..Options::default() }).await;
    profile.halo.set_fault("connection-reset-after-write".parse().unwrap(), true);
    profile.run(["configure", "--yes"]).await.expect(0);
    let report = profile.json(["audit", "--limit", "100"], 0).await;
    let lost = entries(&report).iter().find(|entry| entry["action"] == "create webhook").unwrap();
    assert!(lost["halo"]["status"].is_null() && lost["outcome"] == "done", "found by reading back: {lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn trail_that_was_changed_or_cut_is_told_with_line() {
    let profile = configured().await;
    let path = profile.folder.path().join("state/pia-halo/audit.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    let head = profile.json(["audit"], 0).await["chain"]["head"].as_str().unwrap().to_owned();
    profile.run(["audit", "--limit", "0", "--expect", &head]).await.expect(0).says("the expected hash was found");

    std::fs::write(&path, whole.replacen(&format!("\"{}\"", login_name()), "\"eve\"", 1)).unwrap();
    let report = profile.json(["audit"], 1).await;
    assert_eq!((&report["ok"], &report["chain"]["breaks"][0]["line"]), (&false.into(), &2.into()), "{report}");
    profile.run(["audit"]).await.expect(1).says("line 2: it does not match");

    let lines: Vec<&str> = whole.lines().collect();
    std::fs::write(&path, lines[..lines.len() - 1].join("\n") + "\n").unwrap();
    profile.run(["audit", "--verify"]).await.expect(1).says("the end is missing or was changed");
    profile.run(["audit", "--expect", &head]).await.expect(1).says("lines were cut off");
    std::fs::remove_file(&path).unwrap();
    profile.run(["audit", "--verify"]).await.expect(1).says("there were");

    // A killed program's half line is no tampering, and the next command goes on.
    std::fs::write(&path, format!("{whole}{{\"at\":\"2026")).unwrap();
    profile.run(["audit"]).await.expect(0);
    profile.run(["deactivate"]).await.expect(0);
    profile.run(["audit", "--expect", &head]).await.expect(0).says("unfinished lines");

    // With the anchor gone as well, the runs in the store still show that there was a trail.
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_file(profile.folder.path().join("data/pia-halo/audit.anchor")).unwrap();
    profile.run(["audit", "--verify"]).await.expect(1).says("the trail and its anchor are missing");
}

/// The ways to an account are told apart in `ops/actor.rs`; this is a real process of the person who runs the tests.
#[tokio::test(flavor = "multi_thread")]
async fn no_variable_gives_person_name() {
    let profile = Profile::set_up(Options { clients: 5, ..Options::default() }).await;
    let mut command = profile.command(["deactivate"]);
    for name in ["USER", "LOGNAME", "USERNAME", "SUDO_USER"] {
        command.env(name, "the-ceo");
    }
    command.env("SUDO_UID", "4294967294");
    run(command, String::new()).await.expect(0);
    let report = profile.json(["audit", "--limit", "1"], 0).await;
    let who = &entries(&report)[0]["who"];
    let account = [login_name().into(), uzers::get_current_username().unwrap().to_string_lossy().into()];
    assert!(account.contains(&who["user"]), "{report}");
    assert!(!report.to_string().contains("the-ceo"), "{report}");
}

/// The address alone: no port, and nothing that is no address.
#[tokio::test(flavor = "multi_thread")]
async fn ssh_origin_is_address_and_nothing_else() {
    let profile = Profile::set_up(Options { clients: 5, ..Options::default() }).await;
    for (name, value, from) in [
        ("SSH_CONNECTION", "192.0.2.7 51234 198.51.100.4 22", Value::from("192.0.2.7")),
        ("SSH_CLIENT", "2001:db8::7 51234 22", Value::from("2001:db8::7")),
        ("SSH_CLIENT", "fe80::1%eth0 51234 22", Value::from("fe80::1")),
        ("SSH_CONNECTION", "$(reboot) 1 2 3", Value::Null),
    ] {
        let mut command = profile.command(["deactivate"]);
        command.env(name, value);
        run(command, String::new()).await.expect(0);
        let report = profile.json(["audit", "--limit", "1"], 0).await;
        assert_eq!(entries(&report)[0]["who"]["ssh_from"], from, "{name}={value}");
        profile.run(["activate", "acme"]).await.expect(0);
    }
}

/// A save is written down field by field, and a secret only by its name.
#[tokio::test(flavor = "multi_thread")]
async fn save_is_written_down_with_before_and_after() {
    let profile = Profile::set_up(Options { clients: 5, ..Options::default() }).await;
    profile.save("acme", "").await.expect(0);
    let answers = profile.answers("acme", "").replace("04:30", "05:45");
    let file = profile.folder.path().join("later.toml");
    std::fs::write(&file, answers).unwrap();
    profile.run(["setup", "--answers", &file.to_string_lossy()]).await.expect(0);
    let report = profile.json(["audit"], 0).await;
    let fields = |at: usize| entries(&report)[at]["fields"].clone();
    let first = fields(0);
    let of = |name: &str| first.as_array().unwrap().iter().find(|field| field["name"] == name).unwrap().clone();
    assert_eq!((&of("Url")["before"], &of("Url")["after"]), (&Value::Null, &Value::from(profile.halo.url())));
    assert_eq!((&of("Client Secret")["before"], &of("Client Secret")["after"]), (&Value::Null, &Value::Null));
    assert!(fields(1).is_null(), "nothing changed: {report}");
    let wanted = serde_json::json!([{ "name": "Daily Sync Time", "before": "04:30", "after": "05:45" }]);
    assert_eq!(fields(2), wanted);
}
