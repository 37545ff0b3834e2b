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

    /// Adds so many rows.
    pub(in crate::store) fn insert(&self, rows: usize) -> String {
        let width = self.columns.len();
        let row = |row: usize| {
            let values: Vec<String> = (1..=width).map(|column| format!("?{}", row * width + column)).collect();
            format!("({})", values.join(", "))
        };
        let rows: Vec<String> = (0..rows).map(row).collect();
        format!("INSERT INTO {} ({}) VALUES {}", quoted(&self.name), listed(&self.columns), rows.join(", "))
    }

    /// The column that numbers its rows.
    pub(super) fn number(&self) -> Option<&str> {
        self.keys.first().filter(|_| self.is_numbered).map(String::as_str)
    }
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
