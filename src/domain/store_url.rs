//! Where the store is, if it is not a file of this machine: the address of a PostgreSQL as the settings hold it.

use std::fmt;

use serde::Serialize;
use url::form_urlencoded;

/// An address of a PostgreSQL that holds no password. Whatever else is wrong with it shows where it is used.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// Reads an address such as `postgres://pia@db.example/pia_halo`.
    ///
    /// # Errors
    ///
    /// What is wrong with it; it is not repeated, as it may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err("it does not begin with postgres://".to_owned());
        }
        // Also where the rest cannot be read.
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let role = before.rsplit_once('@').map_or("", |(role, _)| role);
        if role.contains(':') || form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "password") {
            return Err("a password does not belong there".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_refused_without_being_repeated() {
        for text in [
            "postgres://pia:canary@db.example/x",
            "postgres://pia:ca/nary@db.example/x",
            "postgres://pia:canary@one:1,two:2/x",
            "postgresql://pia@db.example/x?a=b&password=canary",
            "postgresql://pia@db.example/x?a=b&p%61ssword=canary",
        ] {
            assert_eq!(StoreUrl::parse(text).unwrap_err(), "a password does not belong there");
        }
        assert_eq!(StoreUrl::parse("mysql://canary").unwrap_err(), "it does not begin with postgres://");
        let url = StoreUrl::parse(" postgres://pia@db.example/pia_halo ").unwrap();
        assert_eq!(url.as_str(), "postgres://pia@db.example/pia_halo");
    }
}
