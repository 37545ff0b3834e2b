//! What this room's tests share: a plain HTTP client that knows nothing of the program.

use super::{Options, SimulatedHalo};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;

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
