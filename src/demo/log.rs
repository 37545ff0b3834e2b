//! The log of requests: what a client really sent, for the tests' questions "how many?" and "what was written?".

use serde_json::Value;
use std::time::Duration;

/// One request as it reached the simulated Halo, with the status that it got.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedRequest {
    /// The method, in capitals.
    pub method: String,
    /// The path in lower case, without the query.
    pub path: String,
    /// The query's pairs in the order sent, names in lower case.
    pub query: Vec<(String, String)>,
    /// The body: JSON as sent, a form as an object with its secret masked, other text as a string.
    pub body: Option<Value>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// Whether an `Authorization` header was sent. Its value is never kept.
    pub authorized: bool,
    /// The status of the reply; 0 when the connection was ended or left silent instead.
    pub status: u16,
    /// When it came, on the simulated Halo's clock.
    pub at: Duration,
}

impl RecordedRequest {
    /// Whether this request could change Halo: anything but a read under `/api`.
    #[must_use]
    pub fn is_write(&self) -> bool {
        (self.path == "/api" || self.path.starts_with("/api/"))
            && !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    /// The first value of a query parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
