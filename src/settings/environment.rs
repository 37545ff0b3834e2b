//! The environment variables, read once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// The environment variables as they were when the program started. Everything below takes them from here, so that a
/// test can give its own and two tests never disturb each other.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// Takes the variables of this process. Only `main` and the tests call it.
    pub fn capture() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// An environment with these variables and no other.
    pub fn from_pairs<K: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The same environment with one variable set.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut variables = self.0.clone();
        variables.insert(name.into(), value.into());
        Self(variables)
    }

    /// The same environment without one variable.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut variables = self.0.clone();
        variables.remove(OsStr::new(name));
        Self(variables)
    }

    /// The value of a variable, exactly as it is set; none where it is not set.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The value of a variable as text; none where it is not set, blank or not UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(OsStr::to_str).filter(|value| !value.trim().is_empty())
    }

    /// Every variable with its value: what a program that is started gets.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

/// Names only: a value may be a secret.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_names_and_no_value() {
        let environment = Environment::from_pairs([("PIA_HALO_CLIENT_SECRET", "hunter2")]);
        assert_eq!(format!("{environment:?}"), r#"{"PIA_HALO_CLIENT_SECRET"}"#);
    }

    #[test]
    fn blank_variable_counts_as_unset_where_text_is_asked_for() {
        let environment = Environment::from_pairs([("A", " "), ("B", "b")]);
        assert_eq!((environment.text("A"), environment.text("B"), environment.text("C")), (None, Some("b"), None));
        assert_eq!(environment.get("A"), Some(OsStr::new(" ")));
    }
}
