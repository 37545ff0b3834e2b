use std::fs;
use std::path::Path;

use super::*;
use crate::domain::configuration::ConfigurationId;
use crate::keys::{Command, DEFAULTS, Pane, Place};
use crate::settings::{Paths, Settings, SettingsError};

fn settings(text: &str) -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::new(Paths::below(folder.path()));
    fs::create_dir_all(&settings.paths().config_dir).unwrap();
    fs::write(settings.paths().config(), text).unwrap();
    (folder, settings)
}

/// The settings with one line below `[keys]`.
fn with(line: &str) -> Result<KeyMap, SettingsError> {
    settings(&format!("version = 1\n\n[keys]\n{line}\n")).1.load().map(|config| config.keys)
}

#[track_caller]
fn refused(line: &str, key: &str, words: &[&str]) {
    let error = with(line).unwrap_err();
    let SettingsError::Invalid { key: named, why, .. } = &error else { panic!("{error:?}") };
    assert_eq!(named, key, "{error}");
    for word in words {
        assert!(why.contains(word), "{word}: {error}");
    }
    assert!(error.hint().unwrap().contains("Fix it"), "{error:?}");
}

#[test]
fn own_keys_are_read_and_others_stay() {
    let keys = with("sync_now = [\"f5\", \"s\"]\nquit = [\"Ctrl-Q\"]\nfilter = []").unwrap();
    assert_eq!(keys.key(Command::SyncNow, Place::Pane(Pane::Sync)), Some(Key::F(5)));
    assert_eq!(keys.key(Command::Quit, Place::Cards), Some(Key::Ctrl('q')));
    assert_eq!(keys.key(Command::Filter, Place::Pane(Pane::Clients)), None);
    assert_eq!(keys.key(Command::Help, Place::Cards), Some(Key::Letter('?')));
    assert_eq!(with("").unwrap(), KeyMap::default());
}

#[test]
fn mistake_in_keys_is_named_with_what_would_be_right() {
    refused("sync_nwo = [\"s\"]", "keys.sync_nwo", &["unknown command", "did you mean sync_now?"]);
    refused("Sync-Now = [\"s\"]", "keys.Sync-Now", &["did you mean sync_now?"]);
    refused("colour = [\"s\"]", "keys.colour", &["known here", "sync_now"]);
    refused("quit = \"q\"", "keys.quit", &["a list of keys"]);
    refused("quit = [1]", "keys.quit", &["a list of keys"]);
    for (word, near) in [
        ("ctrl+p", "ctrl-p"),
        ("C-p", "ctrl-p"),
        ("Control-P", "ctrl-p"),
        ("PgUp", "page-up"),
        ("pagedwon", "page-down"),
        ("f33", "f3"),
        ("entr", "enter"),
        ("return", "enter"),
        ("escape", "esc"),
    ] {
        refused(&format!("repaint = [\"{word}\"]"), "keys.repaint", &[word, &format!("did you mean {near}?")]);
    }
    refused("repaint = [\"hyper-meta-x\"]", "keys.repaint", &["a key is a character"]);
    refused("repaint = [\"ctrl-i\"]", "keys.repaint", &["is the same as tab"]);
    refused("sync_now = [\"f\"]", "keys.sync_now", &["filter", "in the Clients pane"]);
    refused("sync_now = [\"esc\"]", "keys.sync_now", &["cancel", "locked out"]);
    refused("take_better = [\"y\"]", "keys.take_better", &["in a field", "characters are text"]);
    let error = settings("version = 1\nkeys = [\"q\"]\n").1.load().unwrap_err();
    assert!(error.to_string().contains("this is a table"), "{error}");
    let error = settings("version = 1\n[kyes]\n").1.load().unwrap_err();
    assert!(error.to_string().contains("did you mean keys?"), "{error}");
}

/// What was put here by mistake may be a secret, and is not repeated.
#[test]
fn long_word_is_not_repeated() {
    let error = with("quit = [\"canary-client-secret-0123456789\"]").unwrap_err();
    assert!(!error.to_string().contains("canary"), "{error}");
}

/// The file that is shipped is what a person copies from: with every line uncommented it is read, and changes nothing.
#[test]
fn shipped_keys_can_be_copied_into_settings_line_by_line() {
    let lines: Vec<&str> = DEFAULTS
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .collect();
    assert_eq!(lines.len(), KeyMap::commands().len());
    let all = with(&lines.join("\n")).unwrap();
    for place in crate::keys::BINDINGS.iter().flat_map(|binding| binding.places).copied() {
        let keys = |map: &KeyMap| -> Vec<(&str, Vec<Key>)> {
            map.rows(place).map(|(binding, keys)| (binding.id, keys.collect())).collect()
        };
        assert_eq!(keys(&all), keys(&KeyMap::default()), "{place:?}");
    }
    for line in lines {
        with(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    // The example in its words is one.
    let example = DEFAULTS.lines().find_map(|line| line.strip_prefix("#     sync_now")).unwrap();
    assert!(!with(&format!("sync_now{example}")).unwrap().is_default());
}

/// Saving something else keeps the keys, and settings that cannot be read are left as they are.
#[test]
fn save_keeps_keys() {
    let acme = "[configurations.acme.api]\nurl = \"https://acme.halopsa.com\"\n\
                client_id = \"0d0c6d1c-5a0e-4f57-9c1e-b1a5bb3e3a1f\"\n\
                [configurations.acme.company_sync]\ndaily_sync_time = \"04:30\"\n";
    let (_folder, settings) =
        settings(&format!("version = 1\n[keys]\nsync_now = [\"f5\", \"S\"]\nfilter = []\n{acme}"));
    let before = settings.load().unwrap().keys;
    assert!(!before.is_default());
    settings
        .update(|config| {
            config.active = Some(ConfigurationId::parse("acme").unwrap());
            Ok::<_, SettingsError>(())
        })
        .unwrap();
    let after = settings.load().unwrap();
    assert!(after.active().is_some());
    assert_eq!(after.keys, before);

    let bad = "version = 1\n[keys]\nquit = [\"nonsense\"]\n";
    fs::write(settings.paths().config(), bad).unwrap();
    settings.update(|_| Ok::<_, SettingsError>(())).unwrap_err();
    assert_eq!(fs::read_to_string(settings.paths().config()).unwrap(), bad);
}

#[test]
fn edit_with_bad_key_is_not_taken_over() {
    let (_folder, settings) = settings("version = 1\n");
    let write = |text: &'static str| move |copy: &Path, _: bool| fs::write(copy, text).map_err(|_| unreachable());
    settings.edit(write("version = 1\n[keys]\nhelp = [\"q\"]\n")).unwrap_err();
    assert_eq!(fs::read_to_string(settings.paths().config()).unwrap(), "version = 1\n");
    assert!(settings.edit(write("version = 1\n[keys]\nhelp = [\"f2\"]\n")).unwrap());
    assert_eq!(settings.load().unwrap().keys.key(Command::Help, Place::Field), Some(Key::F(2)));
}

fn unreachable() -> SettingsError {
    SettingsError::NoRandom("the copy can be written".to_owned())
}
