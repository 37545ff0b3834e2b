use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::*;
use crate::domain::callback::TOKEN_BYTES;
use crate::domain::fuzz::{like, tries};
use crate::settings::Paths;

const CANARY: &str = "c4n4ry-0f-th3-s3cr3t";

fn settings() -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::new(Paths::below(folder.path()));
    (folder, settings)
}

fn id(text: &str) -> ConfigurationId {
    ConfigurationId::parse(text).unwrap()
}

fn secrets(text: &str) -> StoredSecrets {
    StoredSecrets {
        client_secret: Some(Secret::new(text)),
        callback: Some(new_callback_secrets().unwrap()),
        ..StoredSecrets::default()
    }
}

#[test]
fn secrets_come_back_and_others_are_kept() {
    let (folder, settings) = settings();
    assert_eq!(settings.secrets(&id("acme")).unwrap(), StoredSecrets::default());
    settings.remove_secrets(&id("acme")).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "asking makes nothing");
    let (acme, beta) = (secrets("a \"quoted\" \\ one"), StoredSecrets { client_secret: None, ..secrets("") });
    settings.save_secrets(&id("acme"), &acme).unwrap();
    settings.save_secrets(&id("beta"), &beta).unwrap();
    assert_eq!(settings.secrets(&id("acme")).unwrap(), acme);
    assert_eq!(settings.secrets(&id("beta")).unwrap(), beta);
    settings.remove_secrets(&id("acme")).unwrap();
    assert_eq!(settings.secrets(&id("acme")).unwrap(), StoredSecrets::default());
    assert_eq!(settings.secrets(&id("beta")).unwrap(), beta);
}

#[test]
fn file_has_form_that_is_documented() {
    let (_folder, settings) = settings();
    settings.save_secrets(&id("acme"), &secrets("s3cret")).unwrap();
    let table: Table = fs::read_to_string(settings.paths().credentials()).unwrap().parse().unwrap();
    assert_eq!(table["version"].as_integer(), Some(1));
    let acme = table["configurations"]["acme"].as_table().unwrap();
    let keys: Vec<&str> = acme.keys().map(String::as_str).collect();
    assert_eq!(keys, ["callback_password", "callback_token", "client_secret"]);
    assert_eq!(acme["client_secret"].as_str(), Some("s3cret"));
}

#[test]
fn comments_live_through_new_secrets() {
    let (_folder, settings) = settings();
    settings.save_secrets(&id("acme"), &secrets("s3cret")).unwrap();
    settings.save_secrets(&id("beta"), &secrets("another")).unwrap();
    let path = settings.paths().credentials();
    let commented = fs::read_to_string(&path).unwrap().replace("client_secret =", "# ends in May\nclient_secret =");
    fs::write(&path, format!("# ask Dana\n{commented}")).unwrap();
    let change = |secrets: &mut StoredSecrets| {
        secrets.client_secret = Some(Secret::new("new"));
        secrets.next_callback = Some(new_callback_secrets()?);
        secrets.callback = None;
        Ok::<_, SettingsError>(secrets.clone())
    };
    let changed = settings.update_secrets(&id("acme"), change).unwrap();
    assert_eq!(settings.secrets(&id("acme")).unwrap(), changed);
    settings.remove_secrets(&id("beta")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# ask Dana\n") && text.contains("# ends in May\nclient_secret = \"new\""));
    assert!(!text.contains("s3cret") && !text.contains("another"), "nothing of what was replaced is left");
}

/// TOML 1.1 has lines and comments in inline tables: a comment in the wrong place would take secrets out, or end the file.
#[test]
fn comments_cost_no_secret_wherever_they_stand() {
    const INLINE: &str = "version = 1\nconfigurations = {\n  acme = { client_secret = \"a\" } # ours\n  \
                          , beta = { client_secret = \"b\" } # until May\n  , gamma = { client_secret = \"c\" } # x\n}\n";
    const COMMAS: &str = "version = 1\nconfigurations = {\n  acme = { client_secret = \"a\" }, # ours\n  \
                          beta = { client_secret = \"b\" }, # until May\n  gamma = { client_secret = \"c\" }\n}\n";
    const DOTTED: &str = "version = 1\n# a\nconfigurations.acme.client_secret = \"a\" # ours\n# b\n\
                          configurations.beta.client_secret = \"b\" # until May\nconfigurations.gamma.client_secret = \"c\"\n";
    for text in [INLINE, COMMAS, DOTTED, &DOTTED.replace('\n', "\r\n")] {
        for gone in ["acme", "beta", "gamma"] {
            let (_folder, settings) = settings();
            settings.save_secrets(&id("acme"), &StoredSecrets::default()).unwrap();
            let path = settings.paths().credentials();
            private_file::replace(&path, text.as_bytes()).unwrap();
            settings.remove_secrets(&id(gone)).unwrap();
            for (name, secret) in [("acme", "a"), ("beta", "b"), ("gamma", "c")] {
                let left = settings.secrets(&id(name)).unwrap().client_secret;
                assert_eq!(left, (name != gone).then(|| Secret::new(secret)), "{name} without {gone}");
            }
            // What is said of a configuration goes with it.
            let kept = fs::read_to_string(&path).unwrap();
            assert!(!text.contains("configurations.acme") || (gone == "beta") != kept.contains("until May"), "{kept}");
        }
    }
}

#[test]
fn what_rotation_stores_comes_back_and_former_pair_has_its_end() {
    let (_folder, settings) = settings();
    let until: Timestamp = "2026-11-24T12:00:00.123456789Z".parse().unwrap();
    let pair = || new_callback_secrets().unwrap();
    let acme = StoredSecrets {
        next_callback: Some(pair()),
        former_callback: Some(FormerCallback { secrets: pair(), until }),
        ..secrets("s3cret")
    };
    settings.save_secrets(&id("acme"), &acme).unwrap();
    assert_eq!(settings.secrets(&id("acme")).unwrap(), acme);
    let moment = |nanoseconds| until + jiff::SignedDuration::from_nanos(nanoseconds);
    assert_eq!((acme.accepted(moment(-1)).len(), acme.accepted(moment(0)).len()), (3, 2));
    assert_eq!(acme.every_callback().count(), 3);
    let mut later = acme.clone();
    later.forget_expired(moment(-1));
    assert_eq!(later, acme);
    later.forget_expired(moment(0));
    assert_eq!(later, StoredSecrets { former_callback: None, ..acme.clone() });
    // The next takes its place, the present one becomes the former, and the one before that is gone.
    let mut done = acme.clone();
    done.finish_rotation(moment(1), until);
    let former = acme.callback.clone().map(|secrets| FormerCallback { secrets, until: moment(1) });
    assert_eq!(
        done,
        StoredSecrets { callback: acme.next_callback.clone(), next_callback: None, former_callback: former, ..acme }
    );
}

/// Several programs change different secrets of one configuration at once: none of them loses another's.
#[test]
fn changes_at_once_lose_no_secret() {
    let (_folder, settings) = settings();
    let acme = id("acme");
    settings.save_secrets(&acme, &secrets("first")).unwrap();
    let change = |change: &dyn Fn(&mut StoredSecrets)| {
        let change = |secrets: &mut StoredSecrets| {
            change(secrets);
            Ok::<_, SettingsError>(())
        };
        settings.update_secrets(&acme, change).unwrap();
    };
    for round in 0..20 {
        let (next, forward, typed) =
            (new_callback_secrets().unwrap(), new_forward_secret().unwrap(), format!("{round}"));
        std::thread::scope(|scope| {
            scope.spawn(|| change(&|secrets| secrets.next_callback = Some(next.clone())));
            scope.spawn(|| change(&|secrets| secrets.forward = Some(forward.clone())));
            scope.spawn(|| change(&|secrets| secrets.client_secret = Some(Secret::new(typed.as_str()))));
        });
        let stored = settings.secrets(&acme).unwrap();
        assert_eq!(
            (stored.next_callback, stored.forward, stored.client_secret),
            (Some(next), Some(forward), Some(Secret::new(typed))),
        );
    }
}

#[test]
fn secret_readable_by_others_is_refused_with_chmod() {
    let (_folder, settings) = settings();
    settings.save_secrets(&id("acme"), &secrets(CANARY)).unwrap();
    let path = settings.paths().credentials();
    for mode in [0o640, 0o604, 0o644, 0o620, 0o601, 0o777] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = settings.secrets(&id("acme")).unwrap_err();
        assert_eq!(error.hint(), Some(format!("run: chmod 600 {}", path.display())), "{mode:o}: {error}");
        assert!(settings.save_secrets(&id("acme"), &secrets("x")).is_err());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode, "mending is the person's to do");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(settings.secrets(&id("acme")).is_ok());
}

#[test]
fn no_complaint_about_file_shows_what_is_in_it() {
    for text in [
        format!("version = 1\n[configurations.acme]\nclient_secret = {CANARY}"),
        format!("version = 1\n[configurations.acme]\nclient_secret = \n{CANARY} = 1"),
        format!("version = 1\n[configurations.acme]\n{CANARY} = 1\n{CANARY} = 2"),
        format!("version = 1\n[configurations.acme]\n{CANARY} = 1"),
        format!("version = 1\n[configurations.acme.{CANARY}]\nx = 1"),
        format!("version = 1\n{CANARY} = \"x\""),
        format!("version = 1\nconfigurations = \"{CANARY}\""),
        format!("version = 1\n[configurations]\nacme = \"{CANARY}\""),
        format!("version = 1\n[configurations.\"{CANARY} \"]\nx = 1"),
        format!("version = 1\n[configurations.acme]\nclient_secret = [\"{CANARY}\"]"),
        format!("version = 1\n[configurations.acme]\ncallback_token = \"{CANARY}\""),
        format!("[configurations.acme]\nclient_secret = \"{CANARY}\""),
        format!("version = 2\n[configurations.acme]\nclient_secret = \"{CANARY}\""),
        format!("version = 1\n\"{CANARY}"),
        format!("version = \"{CANARY}\"\n"),
    ] {
        let (_folder, settings) = settings();
        settings.save_secrets(&id("acme"), &secrets("x")).unwrap();
        fs::write(settings.paths().credentials(), &text).unwrap();
        let error = settings.secrets(&id("acme")).unwrap_err();
        if let SettingsError::NotToml { why, .. } = &error {
            // Not even the parser's own words: what they quote may change with its version.
            assert_eq!(why, "not valid TOML");
        }
        let shown = format!("{error} {error:?} {:?}", error.hint());
        assert!(!shown.contains(CANARY) && !shown.contains(&CANARY[..8]), "{shown}");
        assert!(settings.save_secrets(&id("acme"), &secrets("y")).is_err());
        assert_eq!(fs::read_to_string(settings.paths().credentials()).unwrap(), text, "left as it is");
    }
}

/// R76: 32 bytes from the operating system each.
#[test]
fn million_tokens_have_no_repeat_and_256_bits_each() {
    let mut seen: HashSet<[u8; TOKEN_BYTES]> = HashSet::with_capacity(1_000_000);
    for _ in 0..5_000 {
        let made = new_callback_secrets().unwrap();
        for secret in [made.token, made.password] {
            let bytes = URL_SAFE_NO_PAD.decode(secret.expose()).unwrap();
            assert!(seen.insert(bytes.try_into().unwrap()));
        }
    }
    // The others without their text, which says the same in letters and takes most of the time.
    seen.extend((10_000..1_000_000).map(|_| *random::bytes().unwrap()));
    assert_eq!(seen.len(), 1_000_000);
}

#[test]
fn debug_shows_no_secret() {
    let secrets = secrets(CANARY);
    let token = secrets.callback.as_ref().unwrap().token.expose().to_owned();
    let shown = format!("{secrets:?}");
    assert!(!shown.contains(CANARY) && !shown.contains(&token), "{shown}");
}

proptest! {
    #![proptest_config(tries())]

    /// A garbled file of secrets is read or refused, and no refusal quotes one.
    #[test]
    fn fuzzed_secrets_are_never_quoted(bytes in like(vec![
        b"version = 1\n[configurations.acme]\nclient_secret = \"hunter22hunter22hunter22\"\nforward_secret = 'hunter22hunter22'\n\
          [configurations.acme.callback]\ntoken = \"hunter22hunter22\"\npassword = \"hunter22hunter22\"\n".to_vec(),
    ])) {
        let path = Path::new("credentials.toml");
        let refused = match document::parse(path, &bytes, Discretion::Secret) {
            Ok(table) => read(&table).err().map(|(key, why)| format!("{key} {why}")),
            Err(error) => Some(format!("{error} {error:?}")),
        };
        prop_assert!(refused.is_none_or(|words| !words.contains("hunter22")));
    }
}
