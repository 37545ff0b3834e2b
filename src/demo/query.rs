//! Reading query strings as ASP.NET does: names in any case, unknown ones ignored, bad values refused by model state.

use super::reply::{Reply, invalid_value};

/// The pairs of a query string, names in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Query(pub(super) Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).map(|(k, v)| (k.to_lowercase(), v.into_owned())).collect())
    }

    /// The first value of `name`; an empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn int(&self, name: &str) -> Result<Option<i64>, Reply> {
        self.text(name)
            .map(|value| value.trim().parse::<i32>().map(i64::from).map_err(|_| invalid_value(name, value)))
            .transpose()
    }

    /// A real boolean parameter: anything but `true` and `false` is refused.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Reply> {
        match self.text(name) {
            None => Ok(false),
            Some(value) if value.trim().eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.trim().eq_ignore_ascii_case("false") => Ok(false),
            Some(value) => Err(invalid_value(name, value)),
        }
    }

    /// A boolean that Halo types as a string: only `true` means anything.
    pub(super) fn word(&self, name: &str) -> Option<bool> {
        self.text(name).map(|value| value.eq_ignore_ascii_case("true"))
    }
}
