use std::collections::BTreeSet;

use super::*;

fn with(changes: &[(&str, &[&str])]) -> Result<KeyMap, KeyProblem> {
    let keys = |keys: &[&str]| keys.iter().map(|key| Key::parse(key).unwrap()).collect();
    KeyMap::overridden(changes.iter().map(|(id, list)| ((*id).to_owned(), keys(list))).collect())
}

#[track_caller]
fn refused(changes: &[(&str, &[&str])], command: &str, words: &[&str]) {
    let problem = with(changes).unwrap_err();
    assert_eq!(problem.command, command, "{problem:?}");
    for word in words {
        assert!(problem.why.contains(word), "{word}: {problem:?}");
    }
}

/// The file is where the keys are: each line of the table has its line there, and each line there its line in the table.
#[test]
fn file_of_keys_and_table_agree() {
    let lines: Vec<(&str, Vec<Key>)> = DEFAULTS.lines().filter_map(default_line).collect();
    let in_file: BTreeSet<&str> = lines.iter().map(|(id, _)| *id).collect();
    assert_eq!(lines.len(), in_file.len(), "no command has two lines");
    let in_table: BTreeSet<&str> = BINDINGS.iter().map(|binding| binding.id).collect();
    assert_eq!(in_file, in_table);
    for (id, keys) in &lines {
        let quoted = DEFAULTS.lines().find(|line| line.starts_with(&format!("#{id} = "))).unwrap().matches('"').count();
        assert_eq!(keys.len() * 2, quoted, "every key of {id} is one");
    }
    assert!(lines.iter().all(|(_, keys)| !keys.is_empty()));
}

/// What a person may write is what is shipped: with every default written down, nothing is refused or different.
#[test]
fn default_keys_are_key_map_that_would_be_accepted() {
    let all = DEFAULT_KEYS.iter().map(|(id, keys)| ((*id).to_owned(), keys.clone())).collect();
    let written = KeyMap::overridden(all).unwrap();
    assert_eq!(written.rows, KeyMap::default().rows);
    assert_eq!(KeyMap::default().clash(), None);
    assert!(KeyMap::default().is_default() && !written.is_default());
}

#[test]
fn command_has_keys_that_it_is_given() {
    let map = with(&[("sync_now", &["f5", "s"]), ("filter", &[]), ("quit", &["x", "Q"]), ("remove", &["S"])]);
    // `x` discards a draft, on the same page as `quit` quits.
    assert_eq!(map.unwrap_err().command, "quit");
    let map = with(&[("sync_now", &["f5", "s"]), ("filter", &[]), ("quit", &["z"])]).unwrap();
    assert_eq!(map.key(Command::SyncNow, Place::Pane(Pane::Sync)), Some(Key::F(5)));
    assert_eq!(map.key(Command::Filter, Place::Pane(Pane::Clients)), None);
    assert_eq!(map.key(Command::Quit, Place::Pane(Pane::Clients)), Some(Key::Letter('z')));
    assert_eq!(map.key(Command::Quit, Place::Field), Some(Key::Ctrl('c')), "there a letter is a letter");
    assert_eq!(map.key(Command::ClosePopup, Place::HelpPage), Some(Key::Esc));
    let close: Vec<Key> =
        map.rows(Place::HelpPage).filter(|(row, _)| row.id == "quit").flat_map(|(_, keys)| keys).collect();
    assert_eq!(close, [Key::Letter('z')], "what closes the help follows");
    // The letters for moving give way to whoever wants them.
    let map = with(&[("yes", &["j"]), ("sort", &["g"])]).unwrap();
    assert_eq!(map.key(Command::Sort, Place::Pane(Pane::Clients)), Some(Key::Letter('g')));
    assert_eq!((map.first("down"), map.first("first")), (Some(Key::Down), Some(Key::Home)));
}

#[test]
fn key_with_two_meanings_is_refused_with_both_and_place() {
    refused(&[("sync_now", &["f"])], "sync_now", &["f is already the key of", "filter", "in the Clients pane"]);
    refused(&[("filter", &["s"])], "filter", &["sync_now", "in the Clients pane"]);
    refused(&[("help", &["f1", "q"])], "help", &["quit"]);
    refused(&[("yes", &["n"])], "yes", &["no", "in a question"]);
    refused(&[("filter", &["x"]), ("quit", &["x"])], "quit", &["discard_draft"]);
    refused(&[("commands", &["ctrl-o"])], "commands", &["integrations"]);
    // Two that change places, and one letter for two in places that never meet.
    assert!(with(&[("sync_now", &["f"]), ("filter", &["s"])]).is_ok());
    assert!(with(&[("filter", &["x"])]).is_ok());
}

#[test]
fn keys_without_which_one_is_locked_out_stay() {
    let map = with(&[
        ("quit_always", &["f10"]),
        ("accept", &["f2"]),
        ("cancel", &[]),
        ("next", &["f3"]),
        ("down", &["j"]),
        ("up", &["k"]),
    ])
    .unwrap();
    for place in BINDINGS.iter().flat_map(|binding| binding.places).copied() {
        let keys = |map: &KeyMap| -> Vec<Key> {
            let rows: Vec<Key> = map.rows(place).flat_map(|(_, keys)| keys).collect();
            rows.into_iter().filter(|key| KEPT.contains(key)).collect()
        };
        assert_eq!(keys(&map), keys(&KeyMap::default()), "{place:?}");
    }
    refused(&[("filter", &["enter"])], "filter", &["accept", "locked out"]);
    refused(&[("sync_now", &["ctrl-c"])], "sync_now", &["quit_always"]);
    refused(&[("help", &["f1", "esc"])], "help", &["cancel"]);
}

#[test]
fn where_text_is_typed_letter_is_letter_and_editing_key_edits() {
    refused(&[("take_better", &["y"])], "take_better", &["in a field", "ctrl-y"]);
    refused(&[("help", &["h"])], "help", &["characters are text", "f1"]);
    refused(&[("integrations", &["o"])], "integrations", &["ctrl-o"]);
    refused(&[("help", &["?", "home"])], "help", &["home edits"]);
    refused(&[("commands", &["ctrl-u"])], "commands", &["ctrl-u edits"]);
    // Where nothing is typed they are keys as any other.
    assert!(with(&[("filter", &["ctrl-u"]), ("view_all", &["ctrl-a", "v"])]).is_ok());
}

#[test]
fn commands_are_to_be_had_in_every_place() {
    for place in BINDINGS.iter().flat_map(|binding| binding.places).copied() {
        let command = if place == Place::Palette { Command::CloseCommands } else { Command::Commands };
        let keys: Vec<Key> = KeyMap::default()
            .rows(place)
            .filter(|(binding, _)| binding.command == command)
            .flat_map(|(_, keys)| keys)
            .collect();
        assert!(keys.contains(&Key::Ctrl('p')), "{place:?}");
        assert_eq!(keys.contains(&Key::Letter(':')), !place.takes_text(), "{place:?}");
    }
}

#[test]
fn unknown_command_is_refused() {
    refused(&[("dance", &["d"])], "dance", &["no such command"]);
}
