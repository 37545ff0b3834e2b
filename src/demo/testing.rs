//! What this room's tests share: a plain HTTP client that knows nothing of the program.

use super::{Options, SimulatedHalo};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

pub(super) struct Tester {
    pub(super) halo: SimulatedHalo,
    pub(super) http: Client,
    pub(super) bearer: String,
}

/// A simulated Halo with its default seed and a token for it.
pub(super) async fn tester() -> Tester {
    tester_of(Options::default()).await
}

pub(super) async fn tester_of(options: Options) -> Tester {
    let halo = SimulatedHalo::start(options).await.unwrap();
    let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut tester = Tester { halo, http, bearer: String::new() };
    tester.log_in().await;
    tester
}

impl Tester {
    /// Fetches a new token; leaves an empty one where the login is refused.
    pub(super) async fn log_in(&mut self) {
        let (id, secret) = (self.halo.client_id().to_owned(), self.halo.client_secret().to_owned());
        let form =
            [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", &secret), ("scope", "all")];
        let reply = self.token(&form).await;
        let body: Value = reply.json().await.unwrap_or_default();
        self.bearer = body["access_token"].as_str().unwrap_or_default().to_owned();
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.halo.url())
    }

    pub(super) async fn token(&self, form: &[(&str, &str)]) -> Response {
        self.http.post(self.url("/auth/token")).form(form).send().await.unwrap()
    }

    pub(super) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.http.request(method.parse().unwrap(), self.url(path)).bearer_auth(&self.bearer)
    }

    /// Status and body as JSON (null when there is none).
    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request("GET", path).send().await.unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        read(self.request("POST", path).json(body).send().await.unwrap()).await
    }

    pub(super) async fn delete(&self, path: &str) -> (u16, Value) {
        read(self.request("DELETE", path).send().await.unwrap()).await
    }

    /// The ids of the rows of one page of the client list, and its `record_count`.
    pub(super) async fn client_ids(&self, query: &str) -> (Vec<i64>, Value) {
        let (status, body) = self.get(&format!("/api/Client?{query}")).await;
        assert_eq!(status, 200, "{body}");
        let ids = body["clients"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
        (ids, body["record_count"].clone())
    }
}

pub(super) async fn read(reply: Response) -> (u16, Value) {
    let status = reply.status().as_u16();
    let text = reply.text().await.unwrap();
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) })
}

/// Where webhooks post to, with what came.
pub(super) struct Inbox {
    pub(super) url: String,
    arrived: UnboundedReceiver<Arrived>,
    server: JoinHandle<()>,
}

/// One delivery as it arrived.
pub(super) struct Arrived {
    pub(super) authorization: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) body: Value,
}

impl Inbox {
    /// One that answers everything with a status.
    pub(super) async fn open(status: u16) -> Self {
        Self::open_answering(status, "").await
    }

    /// The same, with a place that the answer points to.
    pub(super) async fn open_answering(status: u16, location: &str) -> Self {
        let (sender, arrived) = unbounded_channel();
        let location = location.to_owned();
        let take = move |headers: HeaderMap, body: String| {
            let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            let came = Arrived {
                authorization: text(AUTHORIZATION),
                content_type: text(CONTENT_TYPE),
                body: serde_json::from_str(&body).unwrap(),
            };
            // A test that has ended does not look any more.
            let _ = sender.send(came);
            std::future::ready((StatusCode::from_u16(status).unwrap(), [(LOCATION, location.clone())], "answered"))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(take);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, arrived, server }
    }

    /// The next delivery.
    pub(super) async fn next(&mut self) -> Arrived {
        tokio::time::timeout(Duration::from_secs(20), self.arrived.recv()).await.expect("a delivery arrives").unwrap()
    }

    /// Whether nothing more has come.
    pub(super) fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}
