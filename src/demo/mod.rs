//! A simulated Halo behind a real loopback socket.
//!
//! It stands in for Halo where Halo cannot be had: in tests, and in the `demo` command for somebody who wants to see
//! the program work. It is built from public recordings of Halo's API, and is as harsh as the real one and never
//! kinder: what Halo ignores it ignores, what Halo refuses it refuses, and what nobody knows is a switch in
//! [`Behaviour`]. It uses no other room of the crate, above all none of the client's wire shapes, so that a mistake
//! made there cannot hide behind the same mistake here.
//!
//! ```text
//!  server.rs   bytes in, bytes out, late or broken
//!     ├─ control.rs  what a person does in Halo's own screens: tickets
//!     └─ answering.rs  counting, the rate limit
//!          └─ hazards.rs  what strikes before a request, and what becomes of its reply
//!               └─ endpoints.rs  the gates of login and rights, the table of endpoints
//!                    └─ token.rs  clients.rs  lists.rs  webhooks.rs  deliveries.rs  notifications.rs  tabs.rs
//!                         ticket_types.rs  tickets.rs
//!                         └─ callbacks.rs  an event is raised: letters into the mailbag
//!                              └─ state.rs  what it knows, made by seed.rs, open to tests
//!  courier.rs  takes letters out of the mailbag and posts them to the webhooks
//! ```
//!
//! No file knows one above it: the state knows neither its endpoints nor the courier.
//!
//! Answering is a plain function of the state and the request, under one lock: what the log of requests shows in an order
//! was done in that order.

mod answering;
mod application;
mod behaviour;
mod body;
mod callbacks;
mod catalogue;
mod client_rows;
mod clients;
mod clock;
mod control;
mod courier;
mod deliveries;
#[cfg(test)]
mod delivering_tests;
mod endpoints;
mod faults;
mod hazards;
mod hostile;
mod limit;
mod lists;
mod log;
mod mailbag;
mod names;
mod notifications;
mod options;
mod paging;
mod parse_error;
mod query;
mod random;
mod reply;
mod request;
mod seed;
mod server;
mod state;
mod tabs;
#[cfg(test)]
mod testing;
mod ticket_types;
mod tickets;
mod token;
mod webhooks;

pub use application::Application;
pub use behaviour::{Behaviour, BodyForm, LinksMode};
pub use clock::Clock;
pub use deliveries::Delivered;
pub use faults::Fault;
pub use limit::{RateLimit, RetryAfter};
pub use log::RecordedRequest;
pub use options::Options;
pub use parse_error::ParseError;
pub use reply::{ErrorForm, Row};
pub use state::{Client, Hook, Object, Scripted, ScriptedAnswer, State, TabLink, TicketType};

use serde_json::Value;
use server::Shared;
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running simulated Halo. Dropping it stops the server.
pub struct SimulatedHalo {
    url: String,
    client_id: String,
    client_secret: String,
    tenant: String,
    shared: Arc<Shared>,
    task: Option<JoinHandle<io::Result<()>>>,
}

impl fmt::Debug for SimulatedHalo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SimulatedHalo").field("url", &self.url).finish_non_exhaustive()
    }
}

impl SimulatedHalo {
    /// Starts one and returns when it can be reached.
    ///
    /// # Errors
    ///
    /// When the address is not a loopback address (`InvalidInput`) or cannot be listened on.
    pub async fn start(options: Options) -> io::Result<Self> {
        if !options.listen.ip().is_loopback() {
            let text = format!("the simulated Halo listens on loopback addresses only, not on {}", options.listen.ip());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let listener = TcpListener::bind(options.listen).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = seed::state(&options, url.clone());
        let (client_id, client_secret) = state
            .applications
            .first()
            .map(|application| (application.client_id.clone(), application.client_secret.clone()))
            .unwrap_or_default();
        let tenant = state.tenant.clone();
        let shared = Arc::new(Shared::new(state));
        tokio::spawn(courier::run(Arc::clone(&shared)));
        let task = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Self { url, client_id, client_secret, tenant, shared, task: Some(task) })
    }

    /// Its address, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where a ticket is made by posting one, as a person makes one in Halo's own screens: no part of Halo's API.
    #[must_use]
    pub fn control(&self) -> String {
        format!("{}{}", self.url, control::TICKETS)
    }

    /// The client id that it takes.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The client secret that goes with it.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.client_secret
    }

    /// The tenant's name.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Every request so far, in the order in which they were answered.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.look(|state| state.requests.clone())
    }

    /// The requests that could have changed Halo, refused ones included.
    #[must_use]
    pub fn writes(&self) -> Vec<RecordedRequest> {
        self.look(|state| state.requests.iter().filter(|request| request.is_write()).cloned().collect())
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.change(|state| state.requests.clear());
    }

    /// What a client could have changed, as JSON in a stable order; see [`State::snapshot`].
    #[must_use]
    pub fn snapshot(&self) -> Value {
        self.look(State::snapshot)
    }

    /// Switches a hazard on or off.
    pub fn set_fault(&self, fault: Fault, on: bool) {
        self.change(|state| state.set_fault(fault, on));
    }

    /// Changes the state between two requests. Must not call the simulated Halo's own methods, which would wait for ever.
    pub fn change<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.shared.state();
        let done = work(&mut state);
        state.mailbag.look_again();
        done
    }

    /// Looks at the state between two requests; the same rule holds.
    pub fn look<R>(&self, work: impl FnOnce(&State) -> R) -> R {
        work(&self.shared.state())
    }

    /// Makes every token invalid at once, as a revocation does.
    pub fn expire_tokens(&self) {
        self.change(State::revoke_tokens);
    }

    /// Stops the server and waits until its socket is closed.
    ///
    /// # Errors
    ///
    /// When the server had ended with an error before.
    pub async fn stop(mut self) -> io::Result<()> {
        self.shared.stop.cancel();
        match self.task.take() {
            Some(task) => task.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}

impl Drop for SimulatedHalo {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{tester, tester_of};
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    #[tokio::test]
    async fn only_loopback_addresses_are_listened_on() {
        for listen in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
            let refused = SimulatedHalo::start(Options { listen: listen.parse().unwrap(), ..Options::default() }).await;
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput, "{listen}");
        }
        let halo = SimulatedHalo::start(Options::default()).await.unwrap();
        assert!(halo.url().starts_with("http://127.0.0.1:") && halo.tenant() == "demo");
    }

    #[tokio::test]
    async fn stopping_closes_socket_even_under_silent_request() {
        let tester = tester().await;
        tester.halo.set_fault(Fault::Silence, true);
        let waiting = tokio::spawn(tester.request("GET", "/api/Team").send());
        while !tester.halo.requests().iter().any(|request| request.path == "/api/team") {
            tokio::task::yield_now().await;
        }
        let url = tester.halo.url().to_owned();
        drop(tester.halo);
        assert!(waiting.await.unwrap().is_err());
        let again = SimulatedHalo::start(Options::default()).await.unwrap();
        again.stop().await.unwrap();
        assert_ne!(url, "");
    }

    #[tokio::test]
    async fn stopped_halo_restarts_at_same_address_with_same_credentials() {
        let halo = SimulatedHalo::start(Options::default()).await.unwrap();
        let (url, id, secret) = (halo.url().to_owned(), halo.client_id().to_owned(), halo.client_secret().to_owned());
        let listen = url.trim_start_matches("http://").parse().unwrap();
        halo.stop().await.unwrap();
        let again = SimulatedHalo::start(Options { listen, ..Options::default() }).await.unwrap();
        assert_eq!(
            (again.url(), again.client_id(), again.client_secret()),
            (url.as_str(), id.as_str(), secret.as_str())
        );
    }

    #[tokio::test]
    async fn snapshot_shows_writes_and_nothing_else() {
        let tester = tester().await;
        let before = tester.halo.snapshot();
        tester.get("/api/Client?pageinate=true&page_no=1&page_size=100").await;
        assert_eq!(tester.halo.snapshot(), before);
        tester.post("/api/Tabs", &json!([{ "name": "New" }])).await;
        assert_ne!(tester.halo.snapshot(), before);
        assert_eq!(tester.halo.writes().len(), 1);
        tester.delete("/api/Tabs/16").await;
        assert_eq!(tester.halo.snapshot(), before);
        tester.halo.clear_requests();
        assert!(tester.halo.requests().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn latency_and_slowness_are_added_to_each_reply() {
        let options = Options { latency: Duration::from_millis(250), ..Options::default() };
        let tester = tester_of(options).await;
        let started = tokio::time::Instant::now();
        tester.get("/api/Team").await;
        assert!(started.elapsed() >= Duration::from_millis(250));
        tester.halo.set_fault(Fault::Slow, true);
        tester.get("/api/Team").await;
        assert!(started.elapsed() >= Duration::from_millis(3500));
    }

    #[tokio::test]
    async fn hundred_thousand_clients_are_made_and_paged() {
        let tester = tester_of(Options { clients: 100_000, ..Options::default() }).await;
        let (ids, count) =
            tester.client_ids("pageinate=true&page_no=1000&page_size=100&order=id&includeinactive=true").await;
        assert_eq!((ids.len(), count), (100, json!(100_000)));
    }
}
