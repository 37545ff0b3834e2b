//! A table of the form, in statements.

/// A table of the form.
pub(in crate::store) struct Table {
    pub(in crate::store) name: String,
    pub(in crate::store) columns: Vec<String>,
    /// What orders its rows.
    pub(super) keys: Vec<String>,
    /// Whether it numbers them itself, and never one as another one that is gone.
    pub(super) is_numbered: bool,
}

impl Table {
    /// Asks for every row, in order.
    pub(in crate::store) fn all(&self) -> String {
        let keys = if self.keys.is_empty() { "1".to_owned() } else { listed(&self.keys) };
        format!("SELECT {} FROM {} ORDER BY {keys}", listed(&self.columns), quoted(&self.name))
    }

    /// The column that numbers its rows.
    pub(super) fn number(&self) -> Option<&str> {
        self.keys.first().filter(|_| self.is_numbered).map(String::as_str)
    }
}

pub(super) fn listed(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| quoted(name.as_ref())).collect::<Vec<_>>().join(", ")
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
