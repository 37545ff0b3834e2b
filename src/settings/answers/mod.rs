//! Answers files: one configuration as a person writes it for `setup`, without the wizard.

use thiserror::Error;
use toml::{Table, Value};

use super::document;
use super::fields;
pub use super::fields::{EscalateChoice, Problem};
use crate::domain::address::Note;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::fields::{FIELDS, Kind};
use crate::domain::next::{Hint, Next};
use crate::domain::untrusted::Untrusted;

/// What an answers file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The id, where one is chosen.
    pub id: Option<ConfigurationId>,
    /// The configuration. Its contact is set only where the file gave both id and name.
    pub configuration: Configuration,
    /// The contact, in whatever way the file names it; none means no default escalation.
    pub escalate_to: Option<EscalateChoice>,
    /// What was changed in an address, or is worth a second look, each with its key.
    pub notes: Vec<(String, Note)>,
}

/// Everything that is wrong with an answers file, at least one problem.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the answers are not valid\n{}", lines(.problems))]
pub struct AnswersError {
    pub problems: Vec<Problem>,
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("  {}: {}", problem.key, problem.why)).collect();
    lines.join("\n")
}

impl From<AnswersError> for Failure {
    fn from(error: AnswersError) -> Self {
        Self::new(FailureKind::Usage, error.to_string())
            .hint(Hint::from("To print an answers file with every key: ").next(Next::AnswersTemplate))
    }
}

/// A commented answers file with every key.
pub fn template() -> &'static str {
    include_str!("../../../assets/answers.toml")
}

#[cfg(test)]
pub fn parse(text: &str) -> Result<Answers, AnswersError> {
    parse_with(text, &[])
}

/// Reads an answers file, with single answers in place of its own: `api.url=https://acme.halopsa.com`.
///
/// # Errors
///
/// [`AnswersError`] with every problem that can be told at once: unknown keys by name, wrong values with what would be
/// right, and any place for a secret, because an answers file never holds one.
pub fn parse_with(text: &str, given: &[String]) -> Result<Answers, AnswersError> {
    let mut table = text.trim_start_matches('\u{feff}').parse::<Table>().map_err(|error| {
        let (line, column) = document::position(text, &error);
        let problem = Problem { key: format!("line {line}, column {column}"), why: document::words(&error) };
        AnswersError { problems: vec![problem] }
    })?;
    for answer in given {
        put(&mut table, answer).map_err(|problem| AnswersError { problems: vec![problem] })?;
    }
    let mut problems = Vec::new();
    let id = table
        .remove("id")
        .and_then(|value| read_id(&value).map_err(|why| problems.push(Problem { key: "id".to_owned(), why })).ok());
    let read = fields::read(&table, "", true);
    problems.extend(read.problems);
    let why = read.configuration.as_ref().and_then(Configuration::unreachable);
    problems.extend(why.map(|why| Problem { key: "integration.pia_url".to_owned(), why: why.to_owned() }));
    match (read.configuration, problems.is_empty()) {
        (Some(configuration), true) => {
            Ok(Answers { id, configuration, escalate_to: read.escalate_to, notes: read.notes })
        }
        _ => Err(AnswersError { problems }),
    }
}

/// A single answer into its place; a blank one takes the file's away.
fn put(table: &mut Table, answer: &str) -> Result<(), Problem> {
    let problem = |key: &str, why: &str| Problem { key: Untrusted::new(key.trim()).display(), why: why.to_owned() };
    let (key, text) = answer
        .split_once('=')
        .map(|(key, text)| (key.trim(), text.trim()))
        .ok_or_else(|| problem("--set", "an answer is KEY=VALUE, such as api.url=https://acme.halopsa.com"))?;
    let (within, name) = match key.split_once('.') {
        None => (table, key),
        Some((within, name)) => {
            let inner = table.entry(within).or_insert_with(|| Table::new().into());
            let why = || problem(within, "this is a table in an answers file");
            (inner.as_table_mut().ok_or_else(why)?, name)
        }
    };
    if text.is_empty() {
        within.remove(name);
        return Ok(());
    }
    // A text needs no quotes here. What is no line of the wizard's may be a number, a list or a table.
    let is_text = FIELDS
        .iter()
        .find(|info| info.is_line() && info.key == key)
        .map_or(key == "id", |info| info.kind != Kind::Number);
    let literal = format!("it = {text}").parse::<Table>().ok().and_then(|mut read| read.remove("it"));
    let value = literal.filter(|_| !is_text).unwrap_or_else(|| text.into());
    within.insert(name.to_owned(), value);
    Ok(())
}

fn read_id(value: &Value) -> Result<ConfigurationId, String> {
    let text = value.as_str().ok_or("a text in quotes is needed, such as \"acme\"")?;
    ConfigurationId::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
