//! Every command that a sentence of the program names is one that the program takes, and is named in one place.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind as K;
use clap::{CommandFactory, Parser as _};

use super::*;

pub(super) fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn refusal(line: &str) -> Option<String> {
    let words = line.split_whitespace().map(|word| if matches!(word, "ID" | "FILE" | "TICKET") { "7" } else { word });
    match Arguments::try_parse_from(words) {
        Err(error) if error.kind() != K::DisplayHelp => Some(format!("{line}: {error}")),
        _ => None,
    }
}

#[test]
fn every_next_step_is_command_that_program_takes() {
    let every = Next::every();
    let refused: Vec<String> = every.iter().filter_map(|next| refusal(&next.to_string())).collect();
    assert_eq!(refused, [""; 0]);
    let text = include_str!("../domain/next.rs");
    let variants = text.split("pub enum Next {").nth(1).unwrap().split("\n}").next().unwrap();
    let names = variants.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.is_empty());
    for name in names.map(|line| line.split(['(', ',']).next().unwrap()) {
        assert!(every.iter().any(|next| format!("{next:?}").split('(').next() == Some(name)), "{name} is not run");
    }
}

/// The words that a shell makes of a command.
fn words_for_shell(command: &str) -> Vec<String> {
    let script = format!("set -- {command}; printf '%s\\n' \"$@\"");
    let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Copied out of a hint, a command is about the very file.
#[test]
fn every_command_of_hints_survives_shell() {
    use crate::settings::SecretSource;
    use crate::settings::private_file::FileError as F;
    use crate::store::StoreError as S;
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("it's $(x) \"a\"/b c");
    std::fs::create_dir_all(&odd).unwrap();
    let path = || odd.clone();
    let odd = odd.to_str().unwrap();
    let denied = F::Io { doing: "read", path: path(), source: ErrorKind::PermissionDenied.into() };
    let hints = [
        F::NotAFile { path: path(), what: "a pipe" }.hint(),
        F::NotAFolder { path: path() }.hint(),
        F::DanglingLink { path: path() }.hint(),
        F::NotOurs { path: path() }.hint(),
        F::OthersWrite { path: path(), mode: 0o666 }.hint(),
        F::OthersRead { path: path(), mode: 0o644 }.hint(),
        denied.hint(),
        S::NoPermission { path: path().join("db") }.hint().unwrap().to_string(),
        S::Io { path: path().join("db"), why: "odd".to_owned() }.hint().unwrap().to_string(),
        SecretSource::Command(vec!["pass".to_owned(), odd.to_owned()]).hint().unwrap(),
        format!("take it over: {}", Next::Adopt(Some(odd.to_owned()))),
        format!("take it over: {}", Next::AdoptYes(odd.to_owned())),
    ];
    for hint in hints {
        let command = hint.rsplit_once(": ").unwrap().1;
        let words = words_for_shell(command.split("; what").next().unwrap());
        assert!(words.len() > 1 && words.iter().any(|word| word == odd), "{hint}: {words:?}");
    }
}

#[test]
fn every_command_has_examples_and_each_is_taken() {
    let mut without = Vec::new();
    examples::each(&examples::built(), &mut |command| {
        let path = examples::path_of(command);
        let lines: Vec<_> = examples::of(&path).collect();
        let is_group = command.has_subcommands() && command.is_subcommand_required_set();
        if lines.is_empty() && !is_group {
            without.push(path.clone());
        }
        for (line, _) in lines {
            let line = line.split(" > ").next().unwrap().split(" < ").next().unwrap().split(" | ").next().unwrap();
            assert_eq!(refusal(&format!("pia-halo {line}").replace('\'', "")), None);
            assert!(line.starts_with(&path), "{path}: {line}");
        }
    });
    assert_eq!(without, [""; 0]);
}

fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["assets", "assets/docs", "assets/licenses", "assets/monitoring", ".github"];
    let inside = folders.iter().flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap().flatten());
    let pages = inside.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let pages = pages.chain([root.join("README.md")]);
    pages.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The words of a command line in quotation marks as one word, and without what follows the command.
fn command_of(line: &str) -> String {
    let line = line.split(" #").next().unwrap_or_default().split(" > ").next().unwrap_or_default();
    let parts = line.split(['"', '\'']).enumerate();
    parts.map(|(n, part)| if n % 2 == 1 { part.replace(' ', "-") } else { part.to_owned() }).collect()
}

#[test]
fn every_command_of_pages_is_taken() {
    let mut found = 0;
    for (path, text) in pages() {
        for line in text.split("\n```\n").skip(1).step_by(2).flat_map(str::lines) {
            let line =
                ["sudo -u pia-halo -H ", "sudo "].iter().find_map(|sudo| line.strip_prefix(sudo)).unwrap_or(line);
            if line.starts_with("pia-halo ") {
                assert_eq!(refusal(&command_of(line)), None, "{}", path.display());
                found += 1;
            }
        }
    }
    assert!(found > 50, "{found}");
}

#[test]
fn every_link_of_pages_leads_somewhere() {
    let heading = |line: &str| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        text.chars().filter(|c| c.is_alphanumeric() || " -".contains(*c)).collect::<String>().replace(' ', "-")
    };
    let mut found = 0;
    for (path, text) in pages() {
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if target.starts_with("https://") {
                continue;
            }
            let (file, part) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(file.exists(), "{}: {target}", path.display());
            let there = std::fs::read_to_string(&file).unwrap_or_default();
            let has_part = || there.lines().any(|line| line.starts_with('#') && heading(line) == part);
            assert!(part.is_empty() || has_part(), "{}: {target}", path.display());
            found += 1;
        }
    }
    assert!(found > 40, "{found}");
}

/// A command in a sentence is [`Next`], so that the interface can name its key instead.
#[test]
fn no_sentence_spells_command_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let names: Vec<String> =
        Arguments::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !file.to_string_lossy().contains("tests")) {
        if ["domain/next.rs", "cli/args/mod.rs"].iter().any(|own| *file == root.join(own)) {
            continue;
        }
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for (at, prefix) in line.match_indices("pia-halo ") {
                let word = line[at + prefix.len()..].split([' ', '"', ':', ';', ',', '.', '\\']).next().unwrap();
                if word.starts_with("--") || names.iter().any(|name| name == word) {
                    found.push(format!("{}: {}", file.display(), line.trim()));
                }
            }
        }
    }
    assert!(files.len() > 200);
    assert_eq!(found, [""; 0]);
}
