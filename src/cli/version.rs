//! `--version`: which build this is, and of which SQLite.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::domain::version::{COMMIT, DATE, VERSION};
use crate::store::sqlite_version;

/// What `--version` prints behind the program's name.
pub(super) fn lines() -> &'static str {
    static LINES: LazyLock<String> = LazyLock::new(|| {
        let commit = match (COMMIT, DATE) {
            (Some(commit), Some(date)) => format!("commit {commit} of {date}"),
            (Some(commit), None) => format!("commit {commit}"),
            (None, _) => "commit unknown: not built by the packaging script".to_owned(),
        };
        format!("{VERSION}\n{commit}\nSQLite {}", sqlite_version())
    });
    LINES.as_str()
}

/// The same for programs.
pub(super) fn object() -> Value {
    json!({ "version": VERSION, "commit": COMMIT, "date": DATE, "sqlite": sqlite_version() })
}
