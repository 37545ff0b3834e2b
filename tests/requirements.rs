//! Every requirement of the set-up guide, what goes beyond it, and every disturbance of a sync, of the daily time and of
//! callbacks, is shown by a test that exists.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{files, project};

#[test]
fn every_requirement_names_test_that_exists() {
    let shown = listed();
    let sources = sources();
    let there = names(&sources);
    let features = [("S", 1..=73), ("F", 1..=28), ("N", 1..=21), ("C", 1..=16), ("D", 1..=10)];
    let disturbances = [1..=22, 26..=26, 28..=28, 40..=42, 45..=49, 70..=76].map(|numbers| ("R", numbers));
    let all = features.into_iter().chain(disturbances);
    for number in all.flat_map(|(kind, numbers)| numbers.map(move |number| format!("{kind}{number}"))) {
        let tests = shown.get(&number).unwrap_or_else(|| panic!("{number} is not listed"));
        assert!(!tests.is_empty(), "{number} names no test");
    }
    for (number, tests) in shown {
        for test in tests {
            assert!(there.contains(&*test), "{number}: there is no test {test}");
        }
    }
}

/// What a person sees or a script reads is shown with the real binary. F28 is not there, and so has nothing to show.
#[test]
fn every_requirement_is_shown_from_outside() {
    let outside = from_outside();
    assert!(outside.len() > 300, "{}", outside.len());
    let is_of_person = |number: &str| number.starts_with(['S', 'F', 'N', 'C', 'D']) && number != "F28";
    let rows = listed().into_iter().filter(|(number, _)| is_of_person(number));
    let without: Vec<String> =
        rows.filter(|(_, tests)| !tests.iter().any(|test| outside.contains(test))).map(|(number, _)| number).collect();
    assert_eq!(without, [""; 0]);
}

/// Each row of the list with its tests.
fn listed() -> BTreeMap<String, Vec<String>> {
    let list = std::fs::read_to_string(project().join("tests/requirements.md")).unwrap();
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let is_row = |line: &&str| "SFNCDRHP".chars().any(|kind| line.starts_with(&format!("| {kind}")));
    for line in list.lines().filter(is_row) {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let number = cells.next().unwrap().to_owned();
        let tests = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned);
        assert!(shown.insert(number.clone(), tests.collect()).is_none(), "{number} is listed twice");
    }
    shown
}

/// What starts the real binary, alone or in a pseudo-terminal.
const STARTS: [&str; 7] =
    [".run(", ".json(", ".command(", "in_terminal", "Service::start", "Start::pia_halo", "CARGO_BIN_EXE_pia-halo"];

/// The tests that meet the program from outside: they start it themselves, or by a helper of their file that does more than
/// prepare a profile. One that opens the interface in its own process, itself or by a helper, does not.
fn from_outside() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in files(&project().join("tests")).iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let text = std::fs::read_to_string(path).unwrap();
        let functions = functions(&text);
        let starting = reaching(&functions, &STARTS, |helper| !helper.prepares());
        let opening = reaching(&functions, &["Interface::open"], |_| true);
        let tests = functions.iter().filter(|function| function.is_test);
        let outside = tests.filter(|it| it.reaches(&STARTS, &starting) && !it.reaches(&["Interface::open"], &opening));
        found.extend(outside.map(|it| it.name.to_owned()));
    }
    found
}

/// The helpers that do something of this kind, themselves or by another one.
fn reaching<'a>(
    functions: &[Function<'a>],
    ways: &[&str],
    counts: impl Fn(&Function<'a>) -> bool,
) -> BTreeSet<&'a str> {
    let mut reaching: BTreeSet<&str> = BTreeSet::new();
    loop {
        let helpers = functions.iter().filter(|function| !function.is_test && counts(function));
        let all: BTreeSet<&str> = helpers.filter(|it| it.reaches(ways, &reaching)).map(|it| it.name).collect();
        if all == reaching {
            return reaching;
        }
        reaching = all;
    }
}

struct Function<'a> {
    name: &'a str,
    is_test: bool,
    head: &'a str,
    body: &'a str,
}

impl Function<'_> {
    /// Whether it only prepares: what it gives back is a profile, alone or with what is in it, and nothing that runs or ran.
    fn prepares(&self) -> bool {
        let given = self.head.rsplit_once("->").map_or("", |(_, given)| given);
        given.contains("Profile") && !["Service", "Pty", "Ran", "Value"].iter().any(|runs| given.contains(runs))
    }

    fn reaches(&self, ways: &[&str], helpers: &BTreeSet<&str>) -> bool {
        // A method of that name is another one.
        let is_behind = |before: &str| before.ends_with(|sign: char| sign.is_alphanumeric() || "_.".contains(sign));
        let calls = |name: &str| {
            let call = format!("{name}(");
            self.body.match_indices(&call).any(|(at, _)| !is_behind(&self.body[..at]))
        };
        let is_code = |line: &str| !line.trim_start().starts_with("//");
        let does = |way: &&str| self.body.lines().any(|line| is_code(line) && line.contains(*way));
        ways.iter().any(does) || helpers.iter().any(|name| calls(name))
    }
}

/// The functions of a file: each ends where a line closes it at the depth at which it began.
fn functions(text: &str) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    let mut is_test = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let (begin, code) = (at, line.trim_start());
        at += line.len();
        is_test |= code.starts_with("#[test]") || code.starts_with("#[tokio::test");
        let words = code.trim_start_matches("pub ").trim_start_matches("pub(super) ").trim_start_matches("async ");
        let Some(name) = words.strip_prefix("fn ") else { continue };
        let depth = &line[..line.len() - code.len()];
        let rest = &text[begin..];
        let is_line = line.trim_end().ends_with('}');
        let end = if is_line { line.len() } else { rest.find(&format!("\n{depth}}}")).unwrap_or(rest.len()) };
        let (head, body) = rest[..end].split_once(" {").unwrap_or((line, ""));
        let name = name.split(['(', '<']).next().unwrap_or_default();
        found.push(Function { name, is_test: std::mem::take(&mut is_test), head: head.trim_end(), body });
    }
    found
}

/// A promise is held by a test that `cargo test NAME` finds: `_4` stands for the last of several.
#[test]
fn every_promise_names_test_that_exists() {
    let list = |name| std::fs::read_to_string(project().join(name)).unwrap();
    let [promises, requirements] = ["assets/docs/promises.md", "tests/requirements.md"].map(list);
    let rows: Vec<&str> = promises.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() > 50, "{}", rows.len());
    let sources = sources();
    let there = names(&sources);
    // Whatever a row of the other list names is there, too.
    let rows =
        rows.into_iter().chain(requirements.lines().filter(|line| line.starts_with("| ") && line.contains("` |")));
    for row in rows {
        let tests = row.trim_end_matches(['|', ' ']).rsplit(" | ").next().unwrap();
        let mut named = tests.split('`').skip(1).step_by(2).peekable();
        assert!(named.peek().is_some(), "no test: {row}");
        for test in named {
            let is_there =
                if test.starts_with('_') { sources.contains(&format!("{test}(")) } else { there.contains(test) };
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

/// The names of all functions.
fn names(sources: &str) -> BTreeSet<&str> {
    let name = |rest| str::split(rest, |sign: char| !sign.is_alphanumeric() && sign != '_').next();
    sources.split("fn ").skip(1).filter_map(name).collect()
}

fn sources() -> String {
    let files = ["src", "tests"].iter().flat_map(|folder| files(&project().join(folder)));
    let sources = files.filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    sources.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}
