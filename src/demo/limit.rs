//! Halo's rate limit: so many requests in a rolling window, answered beyond that by 429.

use super::parse_error::ParseError;
use super::reply::Reply;
use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How many requests Halo takes in a rolling window, over all endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The number of requests.
    pub requests: u32,
    /// The rolling window in which they are counted.
    pub window: Duration,
}

impl RateLimit {
    /// No limit at all, as `0` reads.
    const NONE: Self = Self { requests: 0, window: Duration::ZERO };
    /// The figure in Halo's own Fair Use Policy. Others have read 700 in 5 minutes there, and met 300 in 5 minutes.
    pub const PUBLISHED: Self = Self { requests: 500, window: Duration::from_secs(180) };
    /// The figure of the `rate-limit` fault: small enough to be met within seconds.
    pub const SMALL: Self = Self { requests: 20, window: Duration::from_secs(10) };
}

impl RateLimit {
    /// This limit, if it is one.
    #[must_use]
    pub fn filled(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.requests, self.window.as_secs())
    }
}

impl FromStr for RateLimit {
    type Err = ParseError;

    /// Reads `REQUESTS/SECONDS`, as in `500/180`; `0` is none.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse =
            || ParseError::new(format!("expected REQUESTS/SECONDS such as 500/180, or 0 for none, not {text:?}"));
        if text.trim() == "0" {
            return Ok(Self::NONE);
        }
        let (requests, seconds) = text.trim().split_once('/').ok_or_else(refuse)?;
        let requests = requests.parse::<u32>().map_err(|_| refuse())?;
        let seconds = seconds.parse::<u32>().map_err(|_| refuse())?;
        if requests == 0 || seconds == 0 {
            return Err(refuse());
        }
        Ok(Self { requests, window: Duration::from_secs(seconds.into()) })
    }
}

/// What a 429 says in its `Retry-After` header. No real trace shows one, so it is absent at first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RetryAfter {
    /// No such header.
    #[default]
    Absent,
    /// The seconds until a request is taken again.
    Seconds,
    /// The same moment as an HTTP date.
    Date,
    /// This text, whatever it says.
    Text(String),
}

/// The moments of the requests that still count.
#[derive(Debug, Default)]
pub(super) struct Window(VecDeque<Duration>);

impl Window {
    /// Counts a request, or refuses it. A refused one counts too: a client that hammers keeps itself out.
    pub(super) fn admit(&mut self, limit: RateLimit, now: Duration) -> Result<(), Duration> {
        while self.0.front().is_some_and(|&then| then + limit.window <= now) {
            self.0.pop_front();
        }
        let full = self.0.len() >= limit.requests as usize;
        self.0.push_back(now);
        if !full {
            return Ok(());
        }
        // The request that has to leave the window before one more fits in.
        let leaves = self.0.len() - limit.requests as usize;
        let free = self.0.get(leaves).map_or(limit.window, |&then| then + limit.window);
        Err(free.saturating_sub(now))
    }
}

/// The 429 itself: plain text, as recorded from a real tenant.
pub(super) fn refusal(limit: RateLimit, wait: Duration, retry_after: &RetryAfter) -> Reply {
    let seconds = limit.window.as_secs();
    let window =
        if seconds.is_multiple_of(60) { format!("{} minute", seconds / 60) } else { format!("{seconds} second") };
    let text = format!("Rate Limit Reached - {} Requests per rolling {window} window", limit.requests);
    let reply = Reply::text(429, &text);
    let wait = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    match retry_after {
        RetryAfter::Absent => reply,
        RetryAfter::Seconds => reply.with_header("retry-after", wait.to_string()),
        RetryAfter::Date => {
            let skew = i64::try_from(wait).unwrap_or(i64::MAX);
            let at = super::clock::now().as_second().saturating_add(skew);
            match jiff::Timestamp::from_second(at) {
                Ok(at) => reply.with_header("retry-after", at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()),
                Err(_) => reply,
            }
        }
        RetryAfter::Text(text) => reply.with_header("retry-after", text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{read, tester};
    use super::super::{Fault, State};
    use super::*;

    #[test]
    fn limit_is_read_from_requests_and_seconds() {
        assert_eq!("500/180".parse(), Ok(RateLimit::PUBLISHED));
        assert_eq!("0".parse::<RateLimit>().unwrap().filled(), None);
        assert_eq!(RateLimit::PUBLISHED.to_string(), "500/180");
        for text in ["", "700", "700/", "/300", "0/300", "700/0", "-1/3", "a/b", "1/2/3"] {
            assert!(text.parse::<RateLimit>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn window_rolls_over_all_requests_and_refuses_in_plain_text() {
        let tester = tester().await;
        let limit = RateLimit { requests: 3, window: Duration::from_secs(300) };
        let advance =
            |seconds| tester.halo.change(|state: &mut State| state.clock.advance(Duration::from_secs(seconds)));
        tester.halo.change(|state| {
            state.clock.stop();
            state.behaviour.rate_limit = Some(limit);
        });
        assert_eq!(tester.get("/api/authinfo").await.0, 200);
        advance(100);
        assert_eq!(tester.token(&[("grant_type", "client_credentials")]).await.status(), 400);
        assert_eq!(tester.get("/api/Team").await.0, 200);
        let reply = tester.request("GET", "/api/Team").send().await.unwrap();
        assert!(reply.headers().get("retry-after").is_none());
        assert_eq!(reply.headers()["content-type"], "text/plain; charset=utf-8");
        let (status, text) = read(reply).await;
        assert_eq!((status, text.as_str()), (429, Some("Rate Limit Reached - 3 Requests per rolling 5 minute window")));
        // The first of them leaves after 300 seconds; the refused one still counts.
        advance(200);
        assert_eq!(tester.get("/api/Team").await.0, 429);
        advance(101);
        assert_eq!(tester.get("/api/Team").await.0, 200);
    }

    #[tokio::test]
    async fn retry_after_is_what_is_switched_on_and_its_seconds_are_true() {
        let tester = tester().await;
        tester.halo.change(|state| {
            state.clock.stop();
            state.set_fault(Fault::RateLimit, true);
        });
        for _ in 0..RateLimit::SMALL.requests {
            assert_eq!(tester.get("/api/authinfo").await.0, 200);
        }
        let said = async |fault| {
            tester.halo.set_fault(fault, true);
            let reply = tester.request("GET", "/api/Team").send().await.unwrap();
            tester.halo.set_fault(fault, false);
            assert_eq!(reply.status(), 429);
            reply.headers()["retry-after"].to_str().unwrap().to_owned()
        };
        assert_eq!(said(Fault::RetryAfter).await, "10");
        assert_eq!(said(Fault::RetryAfterHuge).await, "1000000000");
        assert_eq!(said(Fault::RetryAfterOdd).await, "soon");
        let date = said(Fault::RetryAfterDate).await;
        assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
        tester.halo.change(|state| state.clock.advance(RateLimit::SMALL.window));
        assert_eq!(tester.get("/api/Team").await.0, 200);
    }
}
