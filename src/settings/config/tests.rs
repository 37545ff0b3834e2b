use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Barrier;
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::domain::address::{HaloUrl, PiaUrl};
use crate::domain::configuration::{ApiCredentials, CompanySync, EscalateTo, Integration, PiaScreen};
use crate::domain::daily_sync_time::DailySyncTime;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::fuzz::{like, tries};
use crate::settings::Paths;
use crate::settings::private_file::FileError;

fn settings() -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::new(Paths::below(folder.path()));
    (folder, settings)
}

fn id(text: &str) -> ConfigurationId {
    ConfigurationId::parse(text).unwrap()
}

fn configuration(name: &str) -> Configuration {
    Configuration {
        name: name.to_owned(),
        api: ApiCredentials {
            url: HaloUrl::read("https://acme.halopsa.com").unwrap().address,
            client_id: "0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f".to_owned(),
            tenant: None,
            auth_url: None,
            request_budget: None,
            ca_file: None,
            client_secret_command: None,
        },
        company_sync: CompanySync { daily_sync_time: DailySyncTime::EXAMPLE, include: Default::default() },
        pia_screen: PiaScreen::default(),
        integration: Integration::default(),
    }
}

fn full() -> Configuration {
    let mut full = configuration("Ünïcode \"MSP\" 北京 # [x]");
    full.api.tenant = Some("acme".to_owned());
    full.api.auth_url = Some(crate::domain::address::AuthUrl::read("https://auth.acme.example/sso").unwrap().address);
    full.api.request_budget = Some(0);
    full.api.ca_file = Some("/etc/ssl/acme ca.pem".into());
    full.api.client_secret_command = Some(["pass", "show", "halo/acme"].map(str::to_owned).to_vec());
    full.pia_screen.escalate_to = Some(EscalateTo { agent_id: 7, name: "Dana Scully".to_owned() });
    full.integration.pia_url = Some(PiaUrl::read("https://pia.acme.example").unwrap().address);
    full.integration.chat_pod_url =
        Some(crate::domain::chat_pod::ChatPodUrl::parse("https://pia.acme.example/p?t=$FAULTID#x").unwrap());
    full
}

fn save(settings: &Settings, name: &str, configuration: Configuration) {
    try_save(settings, name, configuration).unwrap();
}

fn try_save(settings: &Settings, name: &str, configuration: Configuration) -> Result<(), SettingsError> {
    settings.update(|config| {
        config.configurations.insert(id(name), configuration);
        Ok(())
    })
}

fn activate(settings: &Settings, id: Option<ConfigurationId>) -> Result<(), SettingsError> {
    settings.update(|config| {
        config.active = id;
        Ok(())
    })
}

fn write(settings: &Settings, text: &str) {
    fs::create_dir_all(&settings.paths().config_dir).unwrap();
    fs::write(settings.paths().config(), text).unwrap();
}

#[test]
fn missing_file_is_empty_one_and_is_not_made() {
    let (folder, settings) = settings();
    assert_eq!(settings.load().unwrap(), Config::default());
    settings.tidy();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn every_field_comes_back_as_it_was_saved() {
    let (_folder, settings) = settings();
    save(&settings, "acme", full());
    save(&settings, "beta", configuration(""));
    activate(&settings, Some(id("acme"))).unwrap();
    let config = settings.load().unwrap();
    assert_eq!(config.active(), Some((&id("acme"), &full())));
    assert_eq!(config.configurations[&id("beta")], configuration(""));
    let text = fs::read_to_string(settings.paths().config()).unwrap();
    assert!(text.starts_with("version = 1\nactive = \"acme\"\n"), "{text}");
}

#[test]
fn documented_example_is_read() {
    let (_folder, settings) = settings();
    let example = r#"
version = 1
active = "acme"                      # the one active configuration; absent: none

[configurations.acme]
name = "Acme MSP"

[configurations.acme.api]
url = "https://acme.halopsa.com"
client_id = "0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f"
request_budget = 630

[configurations.acme.company_sync]
daily_sync_time = "04:30"

[configurations.acme.pia_screen]
pia_board = "Pia"
escalation_board = "Pia"
escalate_to = { agent_id = 7, name = "Dana Scully" }

[configurations.acme.integration]
pia_url = "https://pia.acme.example"
"#;
    write(&settings, example);
    let config = settings.load().unwrap();
    assert_eq!(config.active().unwrap().1.api.request_budget, Some(630));
}

#[test]
fn of_many_that_claim_free_place_at_once_one_gets_it() {
    let (folder, settings) = settings();
    let ids = ["a", "b", "c", "d"].map(id);
    for id in &ids {
        save(&settings, id.as_str(), configuration(id.as_str()));
    }
    for _ in 0..100 {
        activate(&settings, None).unwrap();
        let start = Barrier::new(ids.len());
        let winners: usize = thread::scope(|scope| {
            let racers = ids.clone().map(|id| {
                // Settings of its own, as another program has.
                let (settings, start) = (Settings::new(Paths::below(folder.path())), &start);
                scope.spawn(move || {
                    start.wait();
                    let won = settings.update(|config| {
                        let free = config.active.is_none();
                        if free {
                            config.active = Some(id.clone());
                        }
                        Ok::<_, SettingsError>(free)
                    });
                    usize::from(won.unwrap())
                })
            });
            racers.into_iter().map(|racer| racer.join().unwrap()).sum()
        });
        assert_eq!(winners, 1);
        assert!(settings.load().unwrap().active().is_some());
    }
}

#[test]
fn no_change_is_lost_when_many_programs_save_at_once() {
    let (folder, settings) = settings();
    thread::scope(|scope| {
        for program in 0..8 {
            let settings = Settings::new(Paths::below(folder.path()));
            scope.spawn(move || {
                for number in 0..10 {
                    // Where the disk is slow, a save is told that another one is under way, and is made again.
                    let save = || try_save(&settings, &format!("p{program}-{number}"), configuration("x"));
                    let mut saved = save();
                    while let Err(SettingsError::File(FileError::Locked { .. })) = saved {
                        saved = save();
                    }
                    saved.unwrap();
                }
            });
        }
    });
    assert_eq!(settings.load().unwrap().configurations.len(), 80);
}

#[test]
fn change_that_fails_or_changes_nothing_does_not_touch_file() {
    let (_folder, settings) = settings();
    save(&settings, "acme", configuration("Acme"));
    // Written by hand, with a comment that a save would lose.
    let text = format!("# mine\n{}", fs::read_to_string(settings.paths().config()).unwrap());
    write(&settings, &text);
    let failed = settings.update(|config| {
        config.configurations.clear();
        Err::<(), _>(SettingsError::NoHome { variable: "X" })
    });
    assert!(matches!(failed, Err(SettingsError::NoHome { .. })));
    settings.update(|config| Ok::<_, SettingsError>(config.configurations.len())).unwrap();
    assert_eq!(fs::read_to_string(settings.paths().config()).unwrap(), text);
}

#[test]
fn file_from_newer_version_is_left_untouched() {
    for (version, found) in [("2", "2"), ("101", "101"), ("\"x\"", "\"x\""), ("1.5", "1.5"), ("[1]", "[1]")] {
        let (_folder, settings) = settings();
        let text = format!("version = {version}\nsomething_new = true\n");
        write(&settings, &text);
        let load = settings.load().unwrap_err();
        assert!(matches!(&load, SettingsError::NewerVersion { found: f, .. } if f == found), "{load}");
        let update = settings.update(|config| {
            config.active = None;
            config.configurations.insert(id("acme"), configuration("x"));
            Ok::<_, SettingsError>(())
        });
        let failure = Failure::from(update.unwrap_err());
        assert_eq!(failure.kind, FailureKind::LocalState);
        assert!(failure.hint.unwrap().contains("untouched"));
        assert_eq!(fs::read_to_string(settings.paths().config()).unwrap(), text);
    }
}

#[test]
fn faulty_settings_are_named_with_place_and_left_alone() {
    let whole = |inner: &str| format!("version = 1\n[configurations.acme]\n{inner}");
    let good = "api = { url = \"https://a.halopsa.com\", client_id = \"x\" }\n\
                company_sync = { daily_sync_time = \"04:30\" }\n";
    for (text, told) in [
        (String::new(), "version: missing; the first line has to be: version = 1"),
        ("version = 0".to_owned(), "version: 0 is not a version; the current one is 1"),
        ("version = 1\nactive = \"a\" x".to_owned(), "config.toml, line 2, column 14"),
        ("version = 1\nactvie = \"a\"".to_owned(), "actvie: unknown key; did you mean active?"),
        ("version = 1\nactive = \"acme\"".to_owned(), "active: there is no configuration acme; leave the key out"),
        ("version = 1\nactive = 7".to_owned(), "active: the id of a configuration is needed"),
        ("version = 1\nconfigurations = 7".to_owned(), "configurations: this is a table"),
        ("version = 1\n[configurations.Acme]".to_owned(), "configurations.Acme: an id has 1 to 40 small letters"),
        (whole(""), "configurations.acme.api.url: an address is needed"),
        (whole("nmae = \"x\""), "configurations.acme.nmae: unknown key; did you mean name?"),
        (
            whole("[configurations.acme.api]\nclient_secret = \"hunter2\""),
            "api.client_secret: secrets do not belong here",
        ),
        (
            whole(&format!("{good}pia_screen = {{ escalate_to = \"Dana\" }}")),
            "pia_screen.escalate_to: an agent is needed",
        ),
    ] {
        let (_folder, settings) = settings();
        write(&settings, &text);
        let error = settings.load().unwrap_err();
        assert!(error.to_string().contains(told), "{text}\n{error}");
        assert!(!error.to_string().contains("hunter2"));
        assert!(Failure::from(error).hint.is_some());
        let update = settings.update(|config| {
            config.configurations.insert(id("new"), configuration("x"));
            Ok::<_, SettingsError>(())
        });
        assert!(update.is_err());
        assert_eq!(fs::read_to_string(settings.paths().config()).unwrap(), text);
    }
}

#[test]
fn file_that_is_not_text_is_said_to_be_so() {
    let (_folder, settings) = settings();
    write(&settings, "");
    fs::write(settings.paths().config(), b"version = 1\n\xff\xfe").unwrap();
    assert!(matches!(settings.load(), Err(SettingsError::NotText { .. })));
}

#[test]
fn what_could_not_be_read_again_is_not_saved() {
    let (_folder, settings) = settings();
    let mut wrong = configuration("Acme");
    wrong.pia_screen.pia_board = String::new();
    let error = settings
        .update(|config| {
            config.configurations.insert(id("acme"), wrong);
            Ok::<_, SettingsError>(())
        })
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "not saved: configurations.acme.pia_screen.pia_board: a board name, usually Pia, is needed"
    );
    let dangling = activate(&settings, Some(id("nobody")));
    assert!(matches!(dangling, Err(SettingsError::NotSaveable { .. })));
    assert!(!settings.paths().config().exists());
}

#[test]
fn save_made_by_confy_is_private_even_where_file_was_open() {
    let (_folder, settings) = settings();
    save(&settings, "acme", configuration("Acme"));
    fs::set_permissions(settings.paths().config(), fs::Permissions::from_mode(0o644)).unwrap();
    save(&settings, "beta", configuration("Beta"));
    let mode = fs::metadata(settings.paths().config()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn no_damage_of_file_makes_program_panic() {
    let (_folder, settings) = settings();
    save(&settings, "acme", full());
    let whole = fs::read(settings.paths().config()).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x15;
        fs::write(settings.paths().config(), &damaged).unwrap();
        let _ = settings.load();
        fs::write(settings.paths().config(), &whole[..at]).unwrap();
        let _ = settings.load();
    }
}

proptest! {
    #![proptest_config(tries())]

    /// A garbled file is refused, or read and can be saved again.
    #[test]
    fn fuzzed_settings_are_refused_or_can_be_saved(
        bytes in like(vec![include_bytes!("../../../tests/corpus/settings.toml").to_vec()]),
    ) {
        if let Ok(config) = parse(Path::new("config.toml"), &bytes) {
            prop_assert!(require_readable(&config).is_ok(), "{config:?}");
        }
    }
}

/// What a person wrote about it stays, and a password is refused without being repeated.
#[test]
fn store_on_server_is_named_without_password() {
    let (_folder, settings) = settings();
    let text = "version = 1\n# Dana's\n[store] # ours\nurl = 'postgres://pia@db.example/pia_halo' # new\n";
    write(&settings, text);
    let url = || settings.store().unwrap().map(|shared| shared.url.as_str().to_owned());
    assert_eq!(url().as_deref(), Some("postgres://pia@db.example/pia_halo"));
    save(&settings, "acme", configuration("Acme"));
    let saved = fs::read_to_string(settings.paths().config()).unwrap();
    assert!(saved.starts_with(text), "{saved}");
    assert_eq!(settings.load().unwrap().configurations.len(), 1);
    // Also where something else is wrong: nothing may be made in the other place meanwhile.
    write(&settings, &format!("{text}[configurations.acme]\nnmae = 1\n"));
    settings.load().unwrap_err();
    assert_eq!(url().as_deref(), Some("postgres://pia@db.example/pia_halo"));
    write(&settings, &format!("{text}password_command = ['pass', 'show', 'pia']\n"));
    save(&settings, "acme", configuration("Acme"));
    let command = settings.store().unwrap().unwrap().password_command;
    assert_eq!(command.unwrap(), ["pass", "show", "pia"]);
    for (store, told) in [
        (
            "[store]\nurl = 'postgres://pia@db.example/x'\npassword_command = 'pass show'",
            "store.password_command: the words",
        ),
        ("[store]\nurl = 'postgres://pia@db.example/x'\npassword_command = []", "store.password_command: the words"),
        ("store = 'postgres://pia@db.example/x'", "store: this is a table"),
        ("[store]", "store.url: an address is needed"),
        ("[store]\nurl = 7", "store.url: an address is needed"),
        ("[store]\nulr = 'x'", "store.ulr: unknown key; did you mean url?"),
        ("[store]\npassword = 'canary'", "store.password: "),
        ("[store]\nurl = 'mysql://x'", "store.url: it does not begin with postgres://"),
        ("[store]\nurl = 'postgres://pia:canary@db.example/x'", "store.url: a password does not belong there"),
    ] {
        write(&settings, &format!("version = 1\n{store}\n"));
        for error in [settings.load().unwrap_err(), settings.store().unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains(told) && !error.contains("canary"), "{store}: {error}");
        }
    }
}

/// Whoever has opened one store reads no settings that name another one: he would write into the wrong one.
#[test]
fn settings_that_name_another_store_are_refused() {
    let (_folder, settings) = settings();
    save(&settings, "acme", configuration("Acme"));
    let opened = settings.clone().with_store(settings.store().unwrap());
    opened.load().unwrap();
    let before = fs::read_to_string(settings.paths().config()).unwrap();
    write(&settings, &format!("{before}[store]\nurl = 'postgres://pia@db.example/x'\n"));
    assert!(matches!(opened.load(), Err(SettingsError::OtherStore { .. })));
    assert!(matches!(try_save(&opened, "beta", configuration("b")), Err(SettingsError::OtherStore { .. })));
    assert_eq!(Failure::from(opened.load().unwrap_err()).kind, FailureKind::Busy);
    settings.load().unwrap();
}
