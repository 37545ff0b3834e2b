//! The rules of the house that can be read off the source tree.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::tree::{File, circles, read};
use crate::support::{files, project};

/// Which rooms each room may look into. Layers look down only.
const ROOMS: [(&str, &[&str]); 14] = [
    ("domain", &[]),
    ("keys", &["domain"]),
    ("words", &["domain", "keys"]),
    ("settings", &["domain", "keys"]),
    ("halo", &["domain"]),
    ("store", &["domain", "settings"]),
    ("coordination", &["domain", "settings", "store"]),
    ("ops", &["domain", "words", "settings", "halo", "store", "coordination"]),
    ("service", &["domain", "settings", "halo", "store", "ops"]),
    ("app", &["domain", "keys", "words"]),
    ("view", &["domain", "keys", "words", "app"]),
    ("tui", &["domain", "keys", "words", "app", "view", "ops"]),
    (
        "cli",
        &[
            "domain",
            "keys",
            "words",
            "settings",
            "halo",
            "store",
            "coordination",
            "ops",
            "service",
            "app",
            "view",
            "tui",
            "demo",
        ],
    ),
    ("demo", &[]),
];

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
    let is_pure = |file: &&File| {
        let room = file.room.as_str();
        ["domain", "keys", "words", "app", "view"].contains(&room) || file.name.starts_with("halo/install/")
    };
    for source in read().iter().filter(is_pure) {
        for line in lines(&source.code) {
            for word in outside {
                if line.contains(word) {
                    found.push(format!("{}: {word}: {line}", source.name));
                }
            }
        }
    }
    assert_eq!(found, [""; 0]);
}

/// Where a file is opened or read that may be waited for, were it a pipe: folders, what the system has, and what was looked at
/// before or made just now. Everything else goes through `private_file` or `given`.
const OPENED: [(&str, usize); 14] = [
    ("cli/interactive.rs", 1),
    ("cli/limits.rs", 1),
    ("halo/http.rs", 1),
    ("ops/actor.rs", 2),
    ("ops/archive.rs", 1),
    ("ops/backup/mod.rs", 1),
    ("ops/backup/restore.rs", 1),
    ("ops/installation.rs", 1),
    ("ops/restored.rs", 1),
    ("settings/config/mod.rs", 1),
    ("settings/private_file/mod.rs", 3),
    ("store/audit/mod.rs", 2),
    ("tui/hangup.rs", 1),
    ("tui/session.rs", 1),
];

#[test]
fn files_that_may_be_pipes_are_opened_without_waiting() {
    let opens = ["File::open", "fs::read(", "fs::read_to_string"];
    let count =
        |file: &File| lines(&file.code).map(|line| opens.iter().filter(|open| line.contains(**open)).count()).sum();
    let found = read().iter().map(|file| (file.name.as_str(), count(file))).filter(|(_, count)| *count > 0);
    assert_eq!(found.collect::<Vec<(_, usize)>>(), OPENED);
}

#[test]
fn layers_look_down_only() {
    let mut found = Vec::new();
    for source in read() {
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == source.room) else { continue };
        let named = source.rooms.iter().filter(|room| **room != source.room && !allowed.contains(&room.as_str()));
        found.extend(named.filter(|room| is_room(room)).map(|room| format!("{} looks into {room}", source.name)));
    }
    assert_eq!(found, [""; 0]);
}

fn is_room(name: &str) -> bool {
    ROOMS.iter().any(|(room, _)| *room == name)
}

/// Every form of import is an arrow: groups, `super::`, paths in code and in macros, and what a module hands on.
#[test]
fn every_form_of_import_is_seen() {
    let tree = read();
    let names = |from: &str, to: &str| {
        let at = tree.iter().position(|file| file.name == to).unwrap_or_else(|| panic!("{to} is there"));
        tree.iter().find(|file| file.name == from).is_some_and(|file| file.names.contains(&at))
    };
    for (from, to, form) in [
        ("cli/mod.rs", "cli/sync.rs", "a path in code"),
        ("halo/install/planner/restored_ids.rs", "halo/install/planner/ours.rs", "super"),
        ("store/publish.rs", "store/runs/mod.rs", "a group, and a type that the module hands on"),
        ("ops/plan.rs", "halo/install/existing.rs", "crate"),
        ("ops/apply/restore.rs", "ops/apply/webhook.rs", "a module in a group"),
        ("app/shell.rs", "app/panes/clients/mod.rs", "a module of one that was brought in"),
        ("app/replies.rs", "words/service.rs", "the same, within a macro"),
    ] {
        assert!(names(from, to), "{from} names {to}: {form}");
    }
}

/// Files that name each other in a circle cannot be read, moved or tested alone. A file may name the `mod.rs` above it.
#[test]
fn no_files_name_each_other_in_circle() {
    let found: Vec<_> = ROOMS.iter().flat_map(|(room, _)| circles(read(), room)).collect();
    assert_eq!(found, [[""; 0]; 0]);
}

/// A module with files of its own is a folder with a `mod.rs`.
#[test]
fn module_with_files_is_folder_with_mod() {
    let names: Vec<&str> = read().iter().map(|file| file.name.trim_end_matches(".rs")).collect();
    let is_beside =
        |name: &&&str| names.iter().any(|other| other.strip_prefix(**name).is_some_and(|rest| rest.starts_with('/')));
    assert_eq!(names.iter().filter(is_beside).collect::<Vec<_>>(), [&""; 0]);
}

/// Whoever is not a use-case has no way to the store and the settings of a workspace but by one.
#[test]
fn workspace_keeps_store_and_settings_to_use_cases() {
    let tree = read();
    let workspace = tree.iter().find(|source| source.name == "ops/workspace.rs").expect("the file is there");
    for door in ["store: Store", "settings: Settings"] {
        assert!(workspace.code.contains(&format!("    pub(super) {door},")), "{door}");
    }
    for answer in ["-> &Store", "-> Store", "-> &Settings", "-> Settings"] {
        assert!(!workspace.code.contains(answer), "{answer}");
    }
}

/// The screen that a file belongs to.
fn screen(name: &str) -> Option<String> {
    let path = name.strip_prefix("app/")?.strip_suffix(".rs")?;
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["panes", "mod" | "state"] | ["popup" | "palette", "mod"] => None,
        ["panes", "report"] => Some("sync".to_owned()),
        ["panes" | "popup", screen, ..] | [screen @ ("wizard" | "integrations" | "palette"), ..] => {
            Some(screen.to_owned())
        }
        _ => None,
    }
}

/// A screen says where to go, and names no other; a job, which any of them may start, names none.
#[test]
fn no_screen_names_another() {
    let tree = read();
    assert!(tree.iter().filter_map(|file| screen(&file.name)).collect::<BTreeSet<_>>().len() >= 10);
    let mut found = Vec::new();
    for file in tree {
        let own = screen(&file.name);
        if own.is_none() && !file.name.starts_with("app/jobs/") {
            continue;
        }
        let others =
            file.names.iter().map(|at| &tree[*at].name).filter(|name| screen(name).is_some_and(|of| Some(of) != own));
        found.extend(others.map(|other| format!("{} names {other}", file.name)));
    }
    assert_eq!(found, [""; 0]);
}

/// What a screen keeps is its own: another one asks the model.
#[test]
fn no_screen_reaches_into_what_another_keeps() {
    let kept = [
        ("wizard", "model.wizard"),
        ("integrations", "model.integrations"),
        ("clients", "model.panes.clients"),
        ("events", "model.panes.events"),
        ("activity", "model.panes.activity"),
        ("sync", "model.panes.report"),
        ("overview", "model.panes.issue"),
        ("integration", "model.panes.planning"),
    ];
    let mut found = Vec::new();
    for file in read().iter().filter(|file| screen(&file.name).is_some() || file.name == "app/panes/mod.rs") {
        let own = screen(&file.name);
        for (of, part) in kept.iter().filter(|(of, _)| own.as_deref() != Some(*of)) {
            // The common part of the panes knows whether there is a set-up to go back to.
            let goes_back = |line: &str| own.is_none() && line.contains("from_wizard && model.wizard.is_some()");
            let taken = lines(&file.code).filter(|line| line.contains(part) && !goes_back(line));
            found.extend(taken.map(|line| format!("{} reaches into {of}: {}", file.name, line.trim())));
        }
    }
    assert_eq!(found, [""; 0]);
}

/// A type of ours goes by one name: where two would meet, one of them is called by its module or gets a better name.
/// A person who waits comes before whatever the service asks by itself.
#[test]
fn service_asks_halo_in_background() {
    let mut asked = 0;
    for source in read().iter().filter(|source| source.room == "service") {
        let code = source.code.split("#[cfg(test)]").next().unwrap();
        assert!(!code.contains("take_over::look("), "{}: this look is for people", source.name);
        for (at, _) in code.match_indices(".halo(&") {
            let ask: String = code[at..].lines().take(2).collect();
            assert!(ask.contains(".in_background()"), "{}: {ask}", source.name);
            asked += 1;
        }
    }
    assert!(asked > 2);
}

#[test]
fn no_type_of_ours_is_imported_under_another_name() {
    let mut found = Vec::new();
    for file in read() {
        for line in lines(&file.code).filter(|line| line.contains("use crate::") || line.contains("use super::")) {
            let names = line.split(" as ").skip(1).map(|rest| rest.split([',', ';', '}']).next().unwrap_or_default());
            let is_type = |name: &&str| {
                name.starts_with(|first: char| first.is_ascii_uppercase())
                    && name.contains(|sign: char| sign.is_ascii_lowercase())
            };
            found.extend(names.filter(is_type).map(|name| format!("{}: {name}", file.name)));
        }
    }
    assert_eq!(found, [""; 0]);
}

/// What is done to an object in Halo is taken apart where it is made up, and where it is handed to the file of its kind.
#[test]
fn operation_is_taken_apart_in_one_place_for_each_kind() {
    let taking_apart = |name: &str| {
        let apart = |file: &&File| file.matches.contains(name);
        read().iter().filter(apart).map(|file| file.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(taking_apart("Operation"), ["halo/install/plan.rs", "ops/apply/mod.rs"]);
    for (write, file) in
        [("WebhookWrite", "webhook"), ("EventWrite", "event"), ("TabWrite", "tab"), ("LinkWrite", "link")]
    {
        let elsewhere: Vec<_> =
            taking_apart(write).into_iter().filter(|name| *name != "halo/install/plan.rs").collect();
        assert_eq!(elsewhere, [""; 0], "{write} belongs to ops/apply/{file}.rs");
    }
}

/// A name that a person would search for: short, and without articles.
#[test]
fn test_names_are_short_and_without_articles() {
    let mut found = BTreeSet::new();
    let mut tests = 0;
    for folder in ["src", "tests"] {
        for path in files(&project().join(folder)) {
            if path.extension().is_none_or(|ending| ending != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let mut lines = text.lines().map(str::trim);
            while lines.any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test")) {
                let Some(name) = lines.by_ref().find_map(|line| line.split("fn ").nth(1)?.split('(').next()) else {
                    break;
                };
                tests += 1;
                if name.len() > 60 || name.split('_').any(|word| ["a", "an", "the"].contains(&word)) {
                    found.insert(name.to_owned());
                }
            }
        }
    }
    assert!(tests > 1_000, "{tests}");
    assert_eq!(found, BTreeSet::new());
}

/// The figures of the house; to see them: `cargo test --test promises figures -- --nocapture`.
#[test]
fn figures_of_house_can_be_told() {
    let tree = read();
    println!("{:<10} {:>6} {:>6} {:>7}", "room", "files", "lines", "circle");
    for (room, _) in ROOMS {
        let files: Vec<_> = tree.iter().filter(|file| file.room == room).collect();
        let lines: usize = files.iter().map(|file| file.lines).sum();
        let largest = circles(tree, room).first().map_or(0, Vec::len);
        println!("{room:<10} {:>6} {lines:>6} {largest:>7}", files.len());
    }
    let all: usize = tree.iter().map(|file| file.lines).sum();
    let apart = tree.iter().filter(|file| file.matches.contains("Operation")).count();
    let mut types: BTreeMap<&str, usize> = BTreeMap::new();
    tree.iter().flat_map(|file| &file.types).for_each(|name| *types.entry(name).or_default() += 1);
    let shared = types.values().filter(|files| **files > 1).count();
    println!(
        "{all} lines; {apart} files take an operation apart; {shared} names of types are defined in several files"
    );
}

/// Plain mode changes the model by messages alone, as the keys do: one file has it, and hands out what is read. Its words
/// are nobody's drawing: all it takes from there is what a pane says line by line.
#[test]
fn plain_mode_has_no_way_around_messages() {
    let tree = read();
    for source in tree.iter().filter(|source| source.name.starts_with("tui/plain/")) {
        let drawn: Vec<&str> = lines(&source.code).filter(|line| line.contains("crate::view")).collect();
        assert!(drawn.iter().all(|line| *line == "use crate::view::panes::lines;"), "{drawn:?}");
        assert!(!source.code.contains("&mut Model"), "{}", source.name);
        assert!(source.name == "tui/plain/dialogue.rs" || !source.code.contains("&mut self.model"), "{}", source.name);
    }
}

/// The store is written for a database; only what opens, copies and asks the file knows which one that is.
#[test]
fn only_engine_of_store_knows_sqlite() {
    let knows = |file: &&File| lines(&file.code).any(|line| line.contains("rusqlite"));
    let found: Vec<&str> = read().iter().filter(knows).map(|file| file.name.as_str()).collect();
    assert_eq!(
        found,
        ["store/copy.rs", "store/database/mod.rs", "store/database/value.rs", "store/error.rs", "store/schema.rs"]
    );
}

#[test]
fn only_command_that_starts_it_knows_simulated_halo() {
    for source in read().iter().filter(|source| source.room != "demo") {
        let may = ["cli/demo.rs", "cli/args/mod.rs", "lib.rs"].contains(&source.name.as_str());
        assert!(may || !source.rooms.contains("demo"), "{}", source.name);
    }
}

#[test]
fn terminals_own_sixteen_colours_are_only_ones() {
    for source in read() {
        for word in ["Color::Rgb", "Color::Indexed", "Color::from_u32", "Color::from_hsl"] {
            assert!(!(source.room != "demo" && source.code.contains(word)), "{}: {word}", source.name);
        }
    }
}

#[test]
fn nothing_can_switch_check_of_certificates_off() {
    for source in read() {
        assert!(!source.code.contains("danger_accept"), "{}", source.name);
    }
}

/// In a year that jiff does not count to, its own clock panics: ours are read through what ends before it.
#[test]
fn no_clock_panics_in_year_9999() {
    for source in read() {
        for clock in ["Timestamp::now()", "Zoned::now()"] {
            assert!(!lines(&source.code).any(|line| line.contains(clock)), "{}: {clock}", source.name);
        }
    }
}

/// R72: how long a comparison takes tells nothing about the secret. It is written once, and nothing goes around it.
#[test]
fn secrets_are_compared_in_constant_time_and_in_one_place() {
    let mut comparisons = Vec::new();
    for source in read() {
        let path = format!("src/{}", source.name);
        let code: String = lines(&source.code).collect::<Vec<_>>().join(" ");
        if path == "src/domain/secret.rs" {
            let body = code.split("impl PartialEq for Secret").nth(1).unwrap();
            assert!(body.contains("self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()"), "{body}");
        }
        if path == "src/service/auth/mod.rs" {
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
fn no_room_is_maze() {
    let long: Vec<String> = read()
        .iter()
        .filter(|source| source.code.lines().count() > 600)
        .map(|source| format!("{}: {} lines", source.name, source.code.lines().count()))
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
fn top_level_holds_nothing_but_its_six_things() {
    let known = ["Cargo.toml", "Cargo.lock", "src", "assets", "tests", "README.md", "target"];
    for entry in std::fs::read_dir(project()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || known.contains(&&*name), "{name}");
    }
}

/// Whoever follows the map arrives: what it names in backticks with a slash is there, from `src/` or from the top.
#[test]
fn every_path_that_maps_name_is_there() {
    let mut lost = Vec::new();
    for map in ["assets/docs/architecture.md", ".github/CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(project().join(map)).unwrap();
        // The blocks of commands are no map.
        let prose: String = text.split("```").step_by(2).collect();
        let named = prose.split('`').skip(1).step_by(2);
        let paths = named.filter(|name| name.contains('/') && !name.contains(' ') && !name.starts_with("target/"));
        let is_there =
            |path: &&str| [project().join("src"), project().to_owned()].iter().any(|from| from.join(path).exists());
        lost.extend(paths.filter(|path| !is_there(path)).map(|path| format!("{map}: {path}")));
    }
    assert_eq!(lost, [""; 0]);
}

/// What is linked is what the notices of the packages name, by the command that stands in them.
#[test]
fn notices_name_every_crate_that_is_linked_and_no_other() {
    let notices = std::fs::read_to_string(project().join("assets/licenses/THIRD-PARTY.md")).unwrap();
    let command = notices.lines().find(|line| line.starts_with("cargo tree ")).unwrap();
    let (words, format) = command.split_once(" --format ").unwrap();
    let mut cargo = std::process::Command::new(env!("CARGO"));
    cargo.args(words.split(' ').skip(1)).args(["--offline", "--format", format.trim_matches('"')]);
    let said = cargo.current_dir(project()).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let linked = String::from_utf8(said.stdout).unwrap();
    let linked: BTreeSet<&str> = linked.lines().filter(|line| !line.starts_with("pia-halo ")).collect();
    let rows = notices.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")).skip(2);
    let named: BTreeSet<&str> = rows.collect();
    assert_eq!(named, linked);
    assert!(named.len() > 100);

    // The packages bring the text of each.
    let folder = tempfile::tempdir().unwrap();
    let texts = folder.path().join("texts");
    if std::process::Command::new("jq").arg("--version").output().is_err() {
        eprintln!("SKIPPED: jq is not installed");
        return;
    }
    let mut licences = std::process::Command::new(project().join("assets/packaging/licences.sh"));
    let said = licences.arg(&texts).env("CARGO_NET_OFFLINE", "true").output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let texts = std::fs::read_to_string(texts).unwrap();
    for row in &named {
        let name = row.split(" | ").next().unwrap();
        assert!(texts.lines().any(|line| line == name), "{name}");
    }
}

/// The pages beside the package are the repository's, and their links lead to what is installed with them.
#[test]
fn links_of_installed_pages_lead_to_what_is_installed() {
    let staged = tempfile::tempdir().unwrap();
    let mut stage = std::process::Command::new(project().join("assets/packaging/stage.sh"));
    let said = stage.arg(env!("CARGO_BIN_EXE_pia-halo")).arg(staged.path()).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let packages = std::fs::read_to_string(project().join("Cargo.toml")).unwrap();
    let (mut folders, mut links) = (vec![staged.path().join("doc")], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // Debian's own copy is made by cargo-deb.
            let file = path.strip_prefix(staged.path()).unwrap();
            let end = file.extension().map(|end| format!("/*.{}", end.to_string_lossy())).unwrap_or_default();
            let of = |tail: &str| format!("\"target/dist-assets/{}{tail}\"", file.parent().unwrap().display());
            let named = [of("/*"), of(&end)].iter().map(|glob| packages.matches(glob).count()).sum::<usize>();
            assert!(named == 2 || path.ends_with("copyright"), "{} is not in both packages", file.display());
            let text = std::fs::read_to_string(&path).unwrap();
            for target in text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap()) {
                let elsewhere = ["https://", "/usr/share/pia-halo/"].iter().any(|start| target.starts_with(start));
                let is_there = target.is_empty() || folder.join(target).exists();
                assert!(
                    path.extension().is_none_or(|end| end != "md") || elsewhere || is_there,
                    "{}: {target}",
                    file.display()
                );
                links += usize::from(is_there);
            }
        }
    }
    assert!(links > 40, "{links}");
}
