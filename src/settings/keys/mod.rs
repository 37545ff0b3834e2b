//! The table `[keys]` of `config.toml`: the person's own keys.

use std::collections::BTreeMap;

use toml::Value;

use super::fields::Problem;
use crate::domain::likeness::nearest;
use crate::domain::untrusted::Untrusted;
use crate::keys::{Key, KeyMap, NotAKey};

/// Reads the table; the first mistake ends it.
pub fn read(value: &Value) -> Result<KeyMap, Problem> {
    let problem = |id: &str, why: String| Problem { key: format!("keys.{}", Untrusted::new(id).display()), why };
    let Value::Table(table) = value else {
        let why = "this is a table: each command goes below a line [keys], such as quit = [\"q\"]".to_owned();
        return Err(Problem { key: "keys".to_owned(), why });
    };
    let mut overrides = BTreeMap::new();
    for (id, keys) in table {
        let known = KeyMap::commands();
        if !known.contains(&id.as_str()) {
            let near = nearest(&id.to_lowercase().replace('-', "_"), known.iter().copied());
            let why = match near {
                Some(near) => format!("unknown command; did you mean {near}?"),
                None => format!("unknown command; known here: {}", known.join(", ")),
            };
            return Err(problem(id, why));
        }
        let list = keys.as_array().and_then(|keys| keys.iter().map(Value::as_str).collect::<Option<Vec<&str>>>());
        let Some(list) = list else {
            return Err(problem(id, "a list of keys is needed, such as [\"f5\", \"s\"]".to_owned()));
        };
        let keys: Result<Vec<Key>, Problem> = list
            .into_iter()
            .map(|word| Key::parse(word).map_err(|error| problem(id, not_a_key(word, error))))
            .collect();
        overrides.insert(id.clone(), keys?);
    }
    KeyMap::overridden(overrides).map_err(|refused| problem(&refused.command, refused.why))
}

fn not_a_key(word: &str, error: NotAKey) -> String {
    // Whatever was put here by mistake is not repeated at length.
    let shown = if word.chars().count() > 16 { "this".to_owned() } else { Untrusted::new(word).display() };
    if let NotAKey::SameAs(other) = error {
        return format!("in a terminal, {shown} is the same as {other}: choose another key");
    }
    // `control+p`, `pgup`, `C-p`: as other programs write it.
    let plain = word.to_lowercase().replace(['+', '_', ' '], "-");
    let plain = match plain.split_once('-') {
        Some(("c" | "control" | "strg", rest)) => format!("ctrl-{rest}"),
        _ => plain,
    };
    let plain = match plain.as_str() {
        "pgup" | "pageup" => "page-up",
        "pgdn" | "pgdown" | "pagedown" => "page-down",
        "return" => "enter",
        "escape" => "esc",
        "backtab" => "shift-tab",
        "del" => "delete",
        other => other,
    };
    let names = Key::names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match nearest(plain, names) {
        Some(near) => format!("{shown} is not a key; did you mean {near}?"),
        None => {
            format!(
                "{shown} is not a key; a key is a character, ctrl- and a letter, f1 to f12, or a name such as \
                 page-up"
            )
        }
    }
}

#[cfg(test)]
mod tests;
