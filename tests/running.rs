//! What is shipped to run the service: every file of it names only what the program has.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::{Profile, project};
use pia_halo::demo::Options;
use pia_halo::settings::{Environment, Paths};

/// The directives of a unit, in order, by section and name; a section and a name may come more than once.
fn unit(name: &str) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(project().join("assets/systemd").join(name)).unwrap();
    let (mut section, mut all) = (String::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => section = name.to_owned(),
            None => {
                let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{name}: {line}"));
                all.push((section.clone(), name.to_owned(), value.to_owned()));
            }
        }
    }
    all
}

fn values(unit: &[(String, String, String)], name: &str) -> Vec<String> {
    unit.iter().filter(|(_, found, _)| found == name).map(|(_, _, value)| value.clone()).collect()
}

fn value(unit: &[(String, String, String)], name: &str) -> String {
    let mut values = values(unit, name);
    assert_eq!(values.len(), 1, "{name}: {values:?}");
    values.remove(0)
}

/// The variables that a unit sets, with systemd's folder for states filled in.
fn variables(unit: &[(String, String, String)]) -> BTreeMap<String, String> {
    let set = values(unit, "Environment").into_iter().map(|text| text.replace("%S", "/var/lib"));
    set.map(|text| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap()).collect()
}

fn sources() -> String {
    let files = crate::support::files(&project().join("src"));
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// What a unit starts is run as it stands there, up to where it would need a network.
#[tokio::test(flavor = "multi_thread")]
async fn what_units_start_is_what_program_takes() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    for (name, command) in
        [("pia-halo.service", "serve"), ("pia-halo-sync.service", "sync"), ("pia-halo-doctor.service", "doctor")]
    {
        let start = value(&unit(name), "ExecStart");
        let mut words = start.split(' ');
        assert_eq!(words.next(), Some("/usr/local/bin/pia-halo"), "{name}");
        let words: Vec<&str> = words.collect();
        assert_eq!(words[0], command, "{name}");
        // Whatever stands before it is read first: an unknown flag would be refused, with 2.
        profile.run(words.iter().copied().chain(["--help"])).await.expect(0);
        profile.run(words.iter().copied().chain(["--no-such-flag"])).await.expect(2);
    }
    profile.run(["sync", "--quiet"]).await.expect(0);
}

#[test]
fn service_unit_matches_address_secrets_files_and_exit_codes() {
    let (service, sources) = (unit("pia-halo.service"), sources());
    let help = Command::new(env!("CARGO_BIN_EXE_pia-halo")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let listen = "127.0.0.1:8477";
    assert!(help.contains(&format!("[default: {listen}]")), "{help}");
    assert!(value(&service, "ExecStart").contains(&format!("--listen {listen}")));
    for proxy in ["nginx.conf", "Caddyfile"] {
        let text = std::fs::read_to_string(project().join("assets/reverse-proxy").join(proxy)).unwrap();
        assert!(text.contains(listen) && text.contains("/callbacks/"), "{proxy}");
    }
    // Each credential is one that the program looks for, and each variable one that it reads.
    for credential in values(&service, "LoadCredential") {
        let (name, file) = credential.split_once(':').unwrap();
        assert!(sources.contains(&format!("\"{name}\"")), "{name}");
        // Found in /etc/credstore, and no failure where it is missing there: only an absolute path has to exist.
        assert_eq!(file, format!("pia-halo.{name}"));
    }
    let set = variables(&service);
    for name in set.keys().filter(|name| name.starts_with("PIA_HALO")) {
        assert!(sources.contains(&format!("\"{name}\"")), "{name}");
    }
    // The account's own command line finds the same files without any of these variables.
    let home = Environment::from_pairs([("HOME", "/var/lib/pia-halo")]);
    let of = |environment: &Environment| Paths::from_environment(environment).unwrap();
    let given = Environment::from_pairs(set.iter());
    assert_eq!(of(&given), of(&home));
    assert_eq!(value(&service, "StateDirectory"), "pia-halo");
    let account = std::fs::read_to_string(project().join("assets/systemd/pia-halo.sysusers.conf")).unwrap();
    assert!(account.starts_with("u pia-halo ") && account.trim().ends_with(" /var/lib/pia-halo"), "{account}");
    assert_eq!(value(&service, "User"), "pia-halo");
    // An end by a signal is no failure; wrong usage is not tried again; the rest is.
    assert_eq!(value(&service, "SuccessExitStatus"), "130 143");
    assert_eq!(value(&service, "RestartPreventExitStatus"), "2 3");
    let socket = unit("pia-halo.socket");
    assert_eq!(value(&socket, "ListenStream"), listen);
    assert_eq!(value(&service, "Restart"), "on-failure");
    assert_eq!((value(&service, "Type"), value(&service, "TimeoutStopSec")), ("notify".into(), "10".into()));
    assert!(value(&service, "WatchdogSec").parse::<u32>().unwrap() >= 30, "a busy disk is no hanging service");
}

/// Both services run in the same cage.
#[test]
fn units_give_program_nothing_that_it_does_not_need() {
    let wanted = [
        ("CapabilityBoundingSet", ""),
        ("NoNewPrivileges", "true"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "true"),
        ("PrivateTmp", "true"),
        ("PrivateDevices", "true"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("MemoryDenyWriteExecute", "true"),
        ("SystemCallArchitectures", "native"),
        ("LimitCORE", "0"),
        ("UMask", "0077"),
        ("StateDirectoryMode", "0700"),
    ];
    let services = ["pia-halo.service", "pia-halo-sync.service", "pia-halo-doctor.service"].map(unit);
    for service in &services {
        for (name, wanted) in wanted {
            assert_eq!(value(service, name), wanted, "{name}");
        }
        assert_eq!(values(service, "SystemCallFilter"), ["@system-service", "~@privileged @resources"]);
        assert!(service.iter().all(|(_, _, value)| !value.contains("SECRET=")), "no secret in a unit");
    }
    assert_eq!(
        variables(&services[0]).into_iter().filter(|(name, _)| !name.starts_with("PIA_HALO")).collect::<Vec<_>>(),
        variables(&services[1]).into_iter().collect::<Vec<_>>()
    );
}

#[test]
fn timer_starts_sync_that_is_shipped_at_time_in_utc() {
    let timer = unit("pia-halo-sync.timer");
    // Without Unit= a timer starts the service of its own name.
    assert!(values(&timer, "Unit").is_empty() && project().join("assets/systemd/pia-halo-sync.service").is_file());
    let calendar = value(&timer, "OnCalendar");
    let time = calendar.strip_prefix("*-*-* ").and_then(|rest| rest.strip_suffix(":00 UTC")).unwrap();
    assert_eq!(time, pia_halo::domain::daily_sync_time::DailySyncTime::EXAMPLE.to_string());
    assert_eq!((value(&timer, "Persistent"), value(&timer, "RandomizedDelaySec")), ("true".into(), "60".into()));
    // A sync that waits for a yes has to be seen; one that another program runs has not.
    assert_eq!(value(&unit("pia-halo-sync.service"), "SuccessExitStatus"), "6");
}

/// systemd's own reading of the units, where there is one.
#[test]
fn systemd_finds_nothing_to_say_about_units() {
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<PathBuf> = Vec::new();
    for name in [
        "pia-halo.socket",
        "pia-halo.service",
        "pia-halo-sync.service",
        "pia-halo-sync.timer",
        "pia-halo-doctor.service",
        "pia-halo-doctor.timer",
    ] {
        let text = std::fs::read_to_string(project().join("assets/systemd").join(name)).unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, text.replace("/usr/local/bin/pia-halo", env!("CARGO_BIN_EXE_pia-halo"))).unwrap();
        files.push(file);
    }
    let said = Command::new("systemd-analyze").arg("verify").args(&files).stdin(Stdio::null()).output();
    let Ok(said) = said else {
        eprintln!("skipped: systemd-analyze is not here");
        return;
    };
    let text = String::from_utf8_lossy(&said.stderr);
    let ours: Vec<&str> = text.lines().filter(|line| line.contains("pia-halo")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
}

/// Everything that the program lets the world see through the proxy is the path of the callbacks, and no log has a token.
#[test]
fn proxies_pass_on_callbacks_alone_and_log_no_token() {
    let read = |name: &str| std::fs::read_to_string(project().join("assets/reverse-proxy").join(name)).unwrap();
    let bare = |text: &str| {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        lines.collect::<Vec<_>>().join("\n")
    };
    let nginx = bare(&read("nginx.conf"));
    assert!(nginx.contains("client_max_body_size 16m;") && nginx.contains("return 404;"));
    assert_eq!(nginx.matches("proxy_pass").count(), 1);
    // Neither the address nor the request line, in any of nginx's names for them.
    let format = nginx.lines().find(|line| line.starts_with("log_format")).unwrap();
    for whole in ["$uri", "$request_uri", "$request ", "$request\"", "$document_uri", "$args", "$http_authorization"] {
        assert!(!format.contains(whole), "{whole}");
    }
    assert!(nginx.contains("error_log /var/log/nginx/pia-halo.error.log emerg;"));
    let caddy = bare(&read("Caddyfile"));
    assert!(caddy.contains("max_size 16MiB") && caddy.contains("respond 404"));
    // The access log, and what Caddy says of its own failures.
    assert_eq!(caddy.matches("request>uri delete\nrequest>headers delete").count(), 2);
    assert_eq!(caddy.matches("log {").count(), 2);
    assert_eq!(caddy.matches("reverse_proxy").count(), 1);
}
