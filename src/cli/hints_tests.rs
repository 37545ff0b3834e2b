//! Every command that a sentence of the program names is one that the program takes.

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap::error::ErrorKind as K;

use super::*;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The words after the program's name that can belong to a command, with something in each placeholder.
fn words_of(rest: &str) -> Vec<String> {
    let mut commands = Arguments::command();
    let mut words = Vec::new();
    for word in rest.split_whitespace() {
        let word = word.split(['`', '"', '\\', '(', ')', ',', ';', ':']).next().unwrap_or_default();
        let plain = word.trim_end_matches('.');
        let is_placeholder =
            word.starts_with('{') || (plain.len() > 1 && plain.chars().all(|c| c.is_ascii_uppercase()));
        if word.starts_with("--") {
            words.push(plain.to_owned());
        } else if is_placeholder {
            words.push("7".to_owned());
        } else if let Some(command) = commands.find_subcommand(plain).cloned() {
            words.push(plain.to_owned());
            commands = command;
        } else {
            break;
        }
        if word != plain || rest.trim_start().len() == word.len() {
            break;
        }
        let whole = rest.split_whitespace().find(|whole| whole.starts_with(word)).unwrap_or_default();
        if whole.len() > word.len() {
            break;
        }
    }
    words
}

#[test]
fn every_command_that_hint_names_is_taken() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let (mut refused, mut seen) = (Vec::new(), 0);
    for file in files.iter().filter(|file| !file.to_string_lossy().contains("tests")) {
        let text = std::fs::read_to_string(file).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for (at, _) in line.match_indices("pia-halo ") {
                let words = words_of(&line[at + "pia-halo ".len()..]);
                if words.is_empty() {
                    continue;
                }
                seen += 1;
                let all = ["pia-halo".to_owned()].into_iter().chain(words.clone());
                // A sentence may name a command or an option without what goes with it.
                let is_prose = |kind| matches!(kind, K::DisplayHelp | K::MissingRequiredArgument | K::InvalidValue);
                if let Err(error) = Arguments::try_parse_from(all)
                    && !is_prose(error.kind())
                {
                    refused.push(format!(
                        "{}: {words:?}: {}",
                        file.display(),
                        error.to_string().lines().next().unwrap_or_default()
                    ));
                }
            }
        }
    }
    assert!(seen > 40, "only {seen} were found");
    assert_eq!(refused, [""; 0]);
}
