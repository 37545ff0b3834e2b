//! What `config.toml`, `credentials.toml` and the draft have in common: text, TOML, a version.

use std::path::Path;

use toml::{Table, Value};

use super::error::SettingsError;
use crate::domain::untrusted::Untrusted;

/// The version of every file that this program writes.
pub const VERSION: i64 = 1;

/// How much a message may say about a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Discretion {
    /// The parser's own words, which may name a key.
    Plain,
    /// Line and column only: the file holds secrets, and a slip can turn one into a key.
    Secret,
}

/// Reads a file's content and takes its version off.
pub fn parse(path: &Path, contents: &[u8], discretion: Discretion) -> Result<Table, SettingsError> {
    let text = std::str::from_utf8(contents).map_err(|_| SettingsError::NotText { path: path.to_owned() })?;
    let mut table = text.parse::<Table>().map_err(|error| {
        let (line, column) = position(text, &error);
        let why = match discretion {
            Discretion::Plain => words(&error),
            Discretion::Secret => "not valid TOML".to_owned(),
        };
        SettingsError::NotToml { path: path.to_owned(), line, column, why }
    })?;
    match table.remove("version") {
        Some(Value::Integer(VERSION)) => Ok(table),
        Some(Value::Integer(number @ ..VERSION)) => Err(SettingsError::Invalid {
            path: path.to_owned(),
            key: "version".to_owned(),
            why: format!("{number} is not a version; the current one is {VERSION}"),
        }),
        // A line that was lost may have put a secret here.
        Some(other) if discretion == Discretion::Secret && !other.is_integer() => Err(SettingsError::Invalid {
            path: path.to_owned(),
            key: "version".to_owned(),
            why: format!("not a number; the current one is {VERSION}"),
        }),
        Some(other) => Err(SettingsError::NewerVersion {
            path: path.to_owned(),
            found: Untrusted::new(other.to_string()).display(),
            known: VERSION,
        }),
        // An emptied file must not pass for settings that never were.
        None => Err(SettingsError::Invalid {
            path: path.to_owned(),
            key: "version".to_owned(),
            why: format!("missing; the first line has to be: version = {VERSION}"),
        }),
    }
}

/// Line and column of an error, both from 1.
pub fn position(text: &str, error: &toml::de::Error) -> (usize, usize) {
    let offset = error.span().map_or(text.len(), |span| span.start.min(text.len()));
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// The parser's words on one line. They never quote the file, but a key may be named.
pub fn words(error: &toml::de::Error) -> String {
    one_line(error.message())
}

/// A message of a library, fit for one line of a screen.
pub fn one_line(text: &str) -> String {
    Untrusted::new(text.trim().replace('\n', ", ")).display()
}
