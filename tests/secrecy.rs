//! Planted secrets are searched for in everything that a whole run leaves behind.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pia_halo::demo::{Fault, Options};
use pia_halo::domain::callback::EventGroup;
use pia_halo::domain::event::EventBody;
use pia_halo::store::NewEvent;

use ratatui::layout::Size;

use crate::support::interface::Interface;
use crate::support::service::{Service, secrets as callback_secrets};
use crate::support::walk::Person;
use crate::support::{Profile, files, until};

/// The forms in which a secret could leak.
pub fn forms(secret: &str) -> Vec<String> {
    let encoded: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    vec![secret.to_owned(), encoded, STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret), secret[8..].to_owned()]
}

/// Every secret of every configuration, and the simulated Halo's own.
pub fn secrets_of(profile: &Profile) -> Vec<String> {
    let stored: toml::Table = std::fs::read_to_string(profile.credentials()).unwrap().parse().unwrap();
    let all = stored["configurations"].as_table().unwrap().values().filter_map(|own| own.as_table());
    let values = all.flatten().filter(|(key, _)| *key != "former_callback_until").map(|(_, value)| value);
    let stored = values.filter_map(|value| value.as_str()).map(str::to_owned);
    stored.chain([profile.halo.client_secret().to_owned()]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_found_in_any_file_log_output_or_error() {
    let profile = Profile::synced(Options { clients: 30, ..Options::default() }).await;
    let mut said = String::new();
    let mut runs: Vec<Vec<&str>> = vec![
        vec!["configure", "--yes", "-vv"],
        vec!["check", "-vv"],
        vec!["plan", "-vv"],
        vec!["status"],
        vec!["config", "show"],
        vec!["plan", "--json"],
    ];
    for run in runs.drain(..) {
        let ran = profile.run(run).await;
        said.push_str(&ran.stdout);
        said.push_str(&ran.stderr);
    }
    let mut secrets: BTreeSet<String> = secrets_of(&profile).into_iter().collect();
    assert_eq!(secrets.len(), 3, "token and password; the client secret is the simulated Halo's own");
    let concerns_rotation = |fault: &Fault| {
        let words = ["webhook", "write", "500", "stored", "forms", "hostile", "redirect", "array"];
        words.iter().any(|word| fault.name().contains(word))
    };
    for fault in crate::support::quick_faults() {
        profile.halo.set_fault(fault, true);
        let runs = [["configure", "--yes", "-vv"].as_slice(), &["rotate", "--yes", "--end-overlap", "-vv"]];
        for run in runs.into_iter().take(1 + usize::from(concerns_rotation(&fault))) {
            let ran = profile.run(run).await;
            said.push_str(&ran.stdout);
            said.push_str(&ran.stderr);
            // Those of a rotation as well, also where a later one has replaced them.
            secrets.extend(secrets_of(&profile));
        }
        profile.halo.set_fault(fault, false);
    }
    for run in
        [["rotate", "--json"].as_slice(), &["rotate", "--yes", "--end-overlap", "--json"], &["audit"], &["status"]]
    {
        let ran = profile.run(run).await;
        said.push_str(&ran.stdout);
        said.push_str(&ran.stderr);
    }
    secrets.extend(secrets_of(&profile));
    assert!(secrets.len() >= 7, "at least two rotations came about: {}", secrets.len());
    let log = std::fs::read_to_string(profile.folder.path().join("state/pia-halo/pia-halo.log")).unwrap();
    assert!(log.contains("/api/client") || log.contains("/api/Client"), "the log tells of requests");
    for secret in &secrets {
        for form in forms(secret) {
            assert!(!said.contains(&form), "in the output");
            for file in files(profile.folder.path()) {
                if file == profile.credentials() {
                    continue;
                }
                let bytes = std::fs::read(&file).unwrap();
                let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
                assert!(!found, "in {}", file.display());
            }
        }
    }
}

/// A Halo that writes our secrets into the texts of its own objects: they are shown nowhere, and not kept in what Configure
/// was to change, so that forgetting the secrets forgets them.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_in_texts_of_webhooks_are_neither_shown_nor_stored() {
    let profile = Profile::synced(Options { clients: 3, ..Options::default() }).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let secrets = secrets_of(&profile);
    let said_back = format!("of {}", secrets.join(" and "));
    profile.halo.change(|state| {
        for webhook in state.webhooks.iter_mut().filter(|webhook| webhook.text("name").starts_with("Pia")) {
            for member in ["name", "content_type", "basic_username", "note", "custom_payload", "group_id"] {
                webhook.set(member, &*said_back);
            }
        }
        for binding in &mut state.notifications {
            binding.set("name", &*said_back);
        }
        state.tabs.iter_mut().for_each(|tab| tab.set("icon", &*said_back));
    });
    let backup = profile.folder.path().join("backup");
    let mut said = String::new();
    for run in [
        ["plan"].as_slice(),
        &["plan", "--json"],
        &["remove", "--plan"],
        &["configure", "--yes", "-vv"],
        &["backup", backup.to_str().unwrap(), "--without-secrets"],
        &["configure", "--roll-back", "--yes"],
        &["plan", "--json"],
        &["audit"],
        &["remove", "--yes", "--forget-secrets"],
    ] {
        let ran = profile.run(run).await;
        said += &format!("{run:?} {}\n{}\n{}\n", ran.code, ran.stdout, ran.stderr);
    }
    assert!(said.contains("of [secret] and [secret]"), "{said}");
    assert!(said.contains("-> application/json"), "{said}");
    for form in secrets.iter().flat_map(|secret| forms(secret)) {
        assert!(!said.contains(&form), "{}", said.replace(&form, "<<<HERE>>>"));
        for file in files(profile.folder.path()) {
            let bytes = std::fs::read(&file).unwrap();
            let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
            assert!(!found || file == profile.credentials(), "in {}", file.display());
        }
    }
}

/// What a callback carries is found where its body is kept and shown, and nowhere else: not in a log, however much that says,
/// in a figure, a list, an answer, or on a pane. Of its headers and its query nothing is kept at all.
#[tokio::test(flavor = "multi_thread")]
async fn what_callback_carries_is_shown_with_its_body_alone() {
    let profile = Profile::synced(Options { clients: 3, ..Options::default() }).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    // Nobody listens there: what is forwarded fails, and says why.
    let arguments = ["serve", "--listen", "127.0.0.1:0", "-vv", "--forward-to", "http://127.0.0.1:9/in"];
    let mut command = profile.command(arguments);
    command.env("PIA_HALO_LOG", "trace");
    let service = Service::start_by(command).await;
    let secrets = callback_secrets(&profile);
    let (token, password) = (secrets.token.expose(), secrets.password.expose());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut said = String::new();
    let good = format!("/callbacks/acme/ticket-created/{token}");
    let event = r#"{"event":"New Ticket Logged","object_id":33479,"x":"canary-in-the-body\u001b[2J"}"#;
    let answers = [
        (good.clone(), password, event, 200),
        (format!("{good}?x=canary-in-the-query"), password, event, 200),
        (format!("{good}-canary-in-the-path"), password, event, 404),
        (good.clone(), "canary-in-the-password", event, 404),
        (good.clone(), password, "canary-in-the-body: no JSON", 400),
        ("/canary-in-the-path".to_owned(), "canary-in-the-password", event, 404),
    ];
    for (path, password, body, status) in answers {
        let mut request = http.post(format!("http://{}{path}", service.address)).basic_auth("pia", Some(password));
        for name in ["x-anything", "cookie", "user-agent", "referer", "x-forwarded-for", "content-type"] {
            request = request.header(name, "canary-in-a-header");
        }
        let answer = request.body(body).send().await.map_err(reqwest::Error::without_url).unwrap();
        assert_eq!(answer.status(), status, "{body}");
        said += &format!("{:?}", answer.headers());
        said += &answer.text().await.unwrap();
    }
    let failed = || profile.store().events(&profile.id(), None, None, 9).unwrap();
    until(|| failed().iter().any(|event| event.forwarding.as_ref().is_some_and(|own| own.last_error.is_some()))).await;
    for path in ["/metrics", "/healthz", "/canary-in-the-path"] {
        said += &service.get(path).await.1;
    }
    let mut person = Interface::open_with(&profile, Size { width: 120, height: 40 }).await;
    person.press("4").await;
    person.sees("2 of 2").await;
    said += &person.frames().concat();
    person.press("Enter").await;
    person.sees("\"event\":").await;
    person.press("End").await;
    person.sees("canary-in-the-body").await;
    assert!(person.frames().iter().all(|frame| !frame.contains('\u{1b}')));
    let shown = person.frames().concat();
    person.leave().await;
    for run in
        [["events"].as_slice(), &["events", "--json"], &["events", "--undelivered"], &["status", "--json"], &["audit"]]
    {
        let ran = profile.run(run).await;
        said += &format!("{}{}", ran.stdout, ran.stderr);
    }
    let service_said = std::sync::Arc::clone(&service.said);
    assert_eq!(service.terminate().await, 143);
    said += &service_said.lock().unwrap();
    assert!(!said.contains("canary"), "{}", &said[said.find("canary").unwrap_or_default()..]);
    for secret in secrets_of(&profile) {
        assert!(forms(&secret).iter().all(|form| !said.contains(form) && !shown.contains(form)), "a secret was said");
    }
    for file in files(profile.folder.path()) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        let is_store = file.file_name().unwrap().to_string_lossy().starts_with("pia-halo.db");
        let text = if is_store { text.replace("canary-in-the-body", "") } else { text };
        assert!(!text.contains("canary-in"), "in {}", file.display());
    }
}

/// Each secret is planted in each source that goes into the bundle: settings, environment, log, deliveries.
#[tokio::test(flavor = "multi_thread")]
async fn planted_secrets_are_in_no_file_of_support_bundle() {
    let profile = Profile::synced(Options { clients: 3, ..Options::default() }).await;
    profile.run(["events", "--forward-secret"]).await.expect(0);
    let secrets = secrets_of(&profile);
    assert_eq!(secrets.len(), 5, "token, password, forward secret, and the client secret twice");
    let settings = std::fs::read_to_string(profile.config()).unwrap();
    let planted = settings
        .replace("client_id =", "client_secret_command = [\"sh\", \"-c\", \"echo canary-command\"]\nclient_id =")
        .replace(
            "pia_url =",
            "chat_pod_url = \"https://pia.acme.example/pod?ticket=$FAULTID&key=canary-pod\"\npia_url =",
        );
    std::fs::write(profile.config(), planted).unwrap();
    let log = profile.folder.path().join("state/pia-halo/pia-halo.log");
    let mut lines = std::fs::read_to_string(&log).unwrap();
    for secret in secrets.iter().flat_map(|secret| forms(secret)) {
        lines += &format!(
            "WARN somebody wrote {secret} here\nGET https://pia.example/callbacks/acme/x/{secret}?x={secret}\n"
        );
    }
    lines += "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9canary99 was a token once\n\
              via http://ada:canary-proxy@127.0.0.1:9/ and https://x.example/?code=canary-query\n\
              password=canary-word client_secret: \"canary-named\"\nAuthorization: Bearer canary-bearer\n\
              passphrase=\"canary-quoted and canary-behind-blank\" TOKEN canary-of-environment\n";
    std::fs::write(&log, lines).unwrap();
    let odd = EventBody::read(br#"{"event":7,"canary":"x" "object_id":"canary-value"}"#.to_vec()).unwrap();
    let workspace = profile.workspace();
    for incoming in odd.events() {
        assert!(incoming.not_understood.is_some());
        let (configuration, group, received_at) = (profile.id(), EventGroup::TicketCreated, workspace.now());
        let event = NewEvent { configuration, group, incoming, received_at, fetched_from: None, forward: false };
        profile.store().add_events([event]).unwrap();
    }
    let support = |arguments: &[&str]| {
        let mut command = profile.command([&["support"], arguments].concat());
        command.env("PIA_HALO_CLIENT_SECRET", profile.halo.client_secret());
        command
            .env("SOME_API_TOKEN", "canary-of-environment")
            .env("HTTPS_PROXY", "http://ada:canary-proxy@127.0.0.1:9");
        crate::support::run(command, String::new())
    };
    let file = profile.folder.path().join("bundle.tar.gz");
    let path = file.to_str().unwrap();
    let asked = support(&[path]).await.expect(3);
    assert!(asked.stderr.contains("check.json") && !file.exists(), "nothing is written without a yes: {asked:?}");
    let shown = support(&["--list"]).await.expect(0).stdout;
    support(&[path, "--yes"]).await.expect(0);
    // Where it cannot be written, nobody waits for it, and nobody is asked.
    profile.halo.clear_requests();
    support(&[profile.folder.path().to_str().unwrap(), "--yes"]).await.expect(2).says("is not a file");
    support(&["/no/such/folder/bundle", "--yes"]).await.expect(7);
    assert_eq!(profile.halo.requests().len(), 0);
    let mut names = Vec::new();
    let mut said = vec![shown.clone()];
    let unpacked = flate2::read::GzDecoder::new(std::fs::File::open(&file).unwrap());
    for entry in tar::Archive::new(unpacked).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        assert!(shown.contains(&format!("--- {name} (")), "{name} is shown before it is written");
        names.push(name);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
        assert!(text.len() > 2, "{names:?} is empty");
        said.push(text);
    }
    let wanted = ["versions", "settings", "check", "status", "plan", "runs", "not-understood"];
    assert_eq!(
        names[..7],
        wanted.map(|name| if name == "settings" { "settings.toml".into() } else { format!("{name}.json") })
    );
    assert_eq!(names[7..], ["log.txt"]);
    assert!(said[7].contains("its members: event, canary"), "the names of members are there: {}", said[7]);
    // What was planted is there, masked: nothing is proved by a file that was left out.
    let masked = [
        "somebody wrote [secret] here",
        "was a token once",
        "http://[secret]@127.0.0.1:9/",
        "https://x.example/?code=[secret]",
        "password=[secret]",
        "client_secret: \"[secret]\"",
        "passphrase=\"[secret]\"",
    ];
    masked.iter().for_each(|line| assert!(said[8].contains(line), "{line}: {}", said[8]));
    assert!(said[2].contains("client_secret_command = [\"sh\"]") && said[2].contains("&key=[secret]"), "{}", said[2]);
    // And what is shown is what is written, but for its times.
    for (name, text) in
        names.iter().zip(&said[1..]).filter(|(name, _)| ["settings.toml", "plan.json"].contains(&&***name))
    {
        assert!(shown.contains(text.as_str()), "{name} is written as it was shown");
    }
    for text in said {
        let values = text.replace("members: event, canary", "");
        assert!(!values.contains("canary"), "{}", &values[values.find("canary").unwrap().saturating_sub(99)..]);
        let leaked = secrets.iter().flat_map(|secret| forms(secret)).find(|form| text.contains(form));
        assert_eq!(leaked, None, "{text}");
    }
}

/// A secret on the command line does not exist.
#[tokio::test(flavor = "multi_thread")]
async fn no_argument_takes_secret() {
    let profile = Profile::new().await;
    for argument in ["--client-secret", "--client-secret=x", "--secret", "--password", "--token"] {
        profile.run(["setup", argument, "x"]).await.expect(2);
    }
    let help = profile.run(["setup", "--help"]).await.expect(0).stdout;
    assert!(!help.contains("--client-secret "), "{help}");
}
