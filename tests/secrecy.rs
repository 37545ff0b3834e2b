//! Planted secrets are searched for in everything that a whole run leaves behind.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pia_halo::demo::{Fault, Options};

use crate::support::{Profile, files};

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

/// A secret on the command line does not exist.
#[tokio::test(flavor = "multi_thread")]
async fn no_argument_takes_a_secret() {
    let profile = Profile::new().await;
    for argument in ["--client-secret", "--client-secret=x", "--secret", "--password", "--token"] {
        profile.run(["setup", argument, "x"]).await.expect(2);
    }
    let help = profile.run(["setup", "--help"]).await.expect(0).stdout;
    assert!(!help.contains("--client-secret "), "{help}");
}
