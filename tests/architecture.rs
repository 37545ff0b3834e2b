//! The rules of the house that can be read off the source tree.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::support::{files, project};

/// Which rooms each room may look into. Layers look down only.
const ROOMS: [(&str, &[&str]); 13] = [
    ("domain", &[]),
    ("keys", &["domain"]),
    ("words", &["domain", "keys"]),
    ("settings", &["domain", "keys"]),
    ("halo", &["domain"]),
    ("store", &["domain", "settings"]),
    ("ops", &["domain", "settings", "halo", "store"]),
    ("service", &["domain", "settings", "halo", "store", "ops"]),
    ("app", &["domain", "keys", "words"]),
    ("view", &["domain", "keys", "words", "app"]),
    ("tui", &["domain", "keys", "words", "app", "view", "ops"]),
    ("cli", &["domain", "keys", "words", "settings", "halo", "store", "ops", "service", "app", "view", "tui", "demo"]),
    ("demo", &[]),
];

/// A source file with its tests cut off.
struct Source {
    path: PathBuf,
    room: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = project().join("src");
    let rust: Vec<(PathBuf, String)> = files(&root)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    let for_tests: BTreeSet<&str> = rust.iter().flat_map(|(_, text)| test_modules(text)).collect();
    let is_test = |path: &PathBuf| {
        path.with_extension("").components().any(|part| for_tests.contains(&*part.as_os_str().to_string_lossy()))
    };
    rust.iter()
        .filter(|(path, _)| !is_test(&path.strip_prefix(&root).unwrap().to_owned()))
        .map(|(path, text)| {
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
            let relative = path.strip_prefix(&root).unwrap();
            let room = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
            Source { path: path.clone(), room, code }
        })
        .collect()
}

/// The modules that a file declares for tests alone.
fn test_modules(text: &str) -> impl Iterator<Item = &str> {
    text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
        let line = rest.lines().next()?.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        line.strip_prefix("mod ")?.strip_suffix(';')
    })
}

/// The lines of code, without comments.
fn lines(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn pure_rooms_name_no_runtime_network_file_environment_or_clock() {
    let outside = [
        "tokio",
        "reqwest",
        "axum",
        "rusqlite",
        "std::fs",
        "std::env",
        "std::net::Tcp",
        "std::process",
        "std::thread",
        "std::time::Instant",
        "SystemTime",
        "Timestamp::now",
        "Zoned::now",
        "Instant::now",
        "TimeZone::system",
        "std::io::stdout",
        "std::io::stdin",
        "getrandom",
    ];
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| ["domain", "keys", "words", "app", "view"].contains(&&*source.room))
    {
        for line in lines(&source.code) {
            for word in outside {
                if line.contains(word) {
                    found.push(format!("{}: {word}: {line}", source.path.display()));
                }
            }
        }
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn layers_look_down_only() {
    let mut found = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == source.room) else { continue };
        for line in lines(&source.code) {
            for (room, _) in ROOMS {
                let named = line.contains(&format!("crate::{room}::")) || line.contains(&format!("crate::{room};"));
                if named && room != source.room && !allowed.contains(&room) {
                    found.push(format!("{} looks into {room}: {line}", source.path.display()));
                }
            }
        }
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn only_the_command_that_starts_it_knows_the_simulated_halo() {
    for source in sources().iter().filter(|source| source.room != "demo") {
        let may = ["cli/demo.rs", "cli/args.rs", "lib.rs"].iter().any(|end| source.path.ends_with(end));
        assert!(may || !lines(&source.code).any(|line| line.contains("crate::demo")), "{}", source.path.display());
    }
}

#[test]
fn the_terminals_own_sixteen_colours_are_the_only_ones() {
    for source in sources() {
        for word in ["Color::Rgb", "Color::Indexed", "from_u32", "from_hsl"] {
            assert!(!(source.room != "demo" && source.code.contains(word)), "{}: {word}", source.path.display());
        }
    }
}

#[test]
fn nothing_can_switch_the_check_of_certificates_off() {
    for source in sources() {
        assert!(!source.code.contains("danger_accept"), "{}", source.path.display());
    }
}

/// R72: how long a comparison takes tells nothing about the secret. It is written once, and nothing goes around it.
#[test]
fn secrets_are_compared_in_constant_time_and_in_one_place() {
    let mut comparisons = Vec::new();
    for source in sources() {
        let path = source.path.strip_prefix(project()).unwrap().display().to_string();
        let code: String = lines(&source.code).collect::<Vec<_>>().join(" ");
        if path == "src/domain/secret.rs" {
            let body = code.split("impl PartialEq for Secret").nth(1).unwrap();
            assert!(body.contains("self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()"), "{body}");
        }
        if path == "src/service/gate.rs" {
            // Both, whatever the first one says, and no step less where one was good.
            assert!(code.contains("good |= (secrets.token == token) & (secrets.password == password)"), "{path}");
        }
        // The planner compares addresses with those that Halo holds: no stranger hands them in, and none waits for it.
        if path.starts_with("src/halo/install/planner/") {
            continue;
        }
        // An exposed secret is a text, and texts are compared byte by byte until one differs.
        for around in ["expose() ==", "expose() !=", "== secret.expose", "expose().eq(", "expose().starts_with("] {
            if code.contains(around) {
                comparisons.push(format!("{path}: {around}"));
            }
        }
    }
    assert_eq!(comparisons, [""; 0]);
}

#[test]
fn no_room_is_a_maze() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| source.code.lines().count() > 600)
        .map(|source| format!("{}: {} lines", source.path.display(), source.code.lines().count()))
        .collect();
    assert_eq!(long, [""; 0]);
    let main = std::fs::read_to_string(project().join("src/main.rs")).unwrap();
    assert!(main.lines().count() <= 30, "main is thin");
}

#[test]
fn no_test_sleeps_and_nothing_is_left_undone() {
    let sleep = concat!("sl", "eep(");
    let mut found = Vec::new();
    for path in files(&project().join("tests")).into_iter().chain(files(&project().join("src"))) {
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let tests = if path.starts_with(project().join("tests")) {
            &*text
        } else {
            text.split_once("mod tests {").map_or("", |(_, tests)| tests)
        };
        // Under paused time a sleep takes none; and what waits for a condition has to look again now and then.
        let paused = text.contains("start_paused") || path.starts_with(project().join("tests/support"));
        if !paused && lines(tests).any(|line| line.contains(&format!("::{sleep}"))) {
            found.push(format!("{} sleeps", path.display()));
        }
        for word in [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("#[ig", "nore")] {
            if text.contains(word) {
                found.push(format!("{} has {word}", path.display()));
            }
        }
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn messages_and_effects_are_small_plain_data() {
    use pia_halo::app::{effect::Effect, message::Message};
    fn is_plain_data<T: std::fmt::Debug + PartialEq + Clone>() {}
    is_plain_data::<Effect>();
    is_plain_data::<Message>();
    assert!(size_of::<Message>() <= 64, "{}", size_of::<Message>());
    assert!(size_of::<Effect>() <= 64, "{}", size_of::<Effect>());
}

#[test]
fn the_top_level_holds_nothing_but_its_six_things() {
    let known = ["Cargo.toml", "Cargo.lock", "src", "assets", "tests", "README.md", "target"];
    for entry in std::fs::read_dir(project()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || known.contains(&&*name), "{name}");
    }
}
