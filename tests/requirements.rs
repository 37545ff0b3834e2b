//! Every requirement of the set-up guide, what goes beyond it, and every disturbance of a sync, of the daily time and of
//! callbacks, is shown by a test that exists.

use std::collections::BTreeMap;

use crate::support::{files, project};

#[test]
fn every_requirement_names_test_that_exists() {
    let list = std::fs::read_to_string(project().join("tests/requirements.md")).unwrap();
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let is_row = |line: &&str| "SFNCDRHP".chars().any(|kind| line.starts_with(&format!("| {kind}")));
    for line in list.lines().filter(is_row) {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let number = cells.next().unwrap().to_owned();
        let tests = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned);
        assert!(shown.insert(number.clone(), tests.collect()).is_none(), "{number} is listed twice");
    }
    let sources = sources();
    let features = [("S", 1..=73), ("F", 1..=28), ("N", 1..=21), ("C", 1..=16), ("D", 1..=10)];
    let disturbances = [1..=22, 26..=26, 28..=28, 40..=42, 45..=49, 70..=76].map(|numbers| ("R", numbers));
    let all = features.into_iter().chain(disturbances);
    for number in all.flat_map(|(kind, numbers)| numbers.map(move |number| format!("{kind}{number}"))) {
        let tests = shown.get(&number).unwrap_or_else(|| panic!("{number} is not listed"));
        assert!(!tests.is_empty(), "{number} names no test");
    }
    for (number, tests) in shown {
        for test in tests {
            assert!(sources.contains(&format!("fn {test}(")), "{number}: there is no test {test}");
        }
    }
}

/// A promise is held by a test that `cargo test NAME` finds: `_4` stands for the last of several.
#[test]
fn every_promise_names_test_that_exists() {
    let list = std::fs::read_to_string(project().join("assets/docs/promises.md")).unwrap();
    let rows: Vec<&str> = list.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() > 50, "{}", rows.len());
    let sources = sources();
    for row in rows {
        let tests = row.trim_end_matches(['|', ' ']).rsplit(" | ").next().unwrap();
        let mut named = tests.split('`').skip(1).step_by(2).peekable();
        assert!(named.peek().is_some(), "no test: {row}");
        for test in named {
            let is_there = if test.starts_with('_') {
                sources.contains(&format!("{test}("))
            } else {
                sources.contains(&format!("fn {test}("))
            };
            assert!(is_there, "there is no test {test}: {row}");
        }
    }
}

/// Whoever finds S12 or R46 in a comment finds in the list what it stands for.
#[test]
fn every_number_in_comments_is_listed() {
    let list = std::fs::read_to_string(project().join("tests/requirements.md")).unwrap();
    let sources = sources();
    let comments = sources.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
    let words = comments.flat_map(|comment| comment.split(|sign: char| !sign.is_alphanumeric()));
    let is_number = |word: &&str| {
        let digits = word.strip_prefix(|kind| "SFNCDRHP".contains(kind)).unwrap_or_default();
        (1..=2).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
    };
    let unknown = words.filter(is_number).filter(|number| !list.contains(&format!("\n| {number} |")));
    assert_eq!(unknown.collect::<Vec<_>>(), [""; 0]);
}

fn sources() -> String {
    let files = ["src", "tests"].iter().flat_map(|folder| files(&project().join(folder)));
    let sources = files.filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    sources.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}
