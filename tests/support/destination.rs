//! The other side of `serve --forward-to`: an address on this machine that answers as it is told, and keeps what came.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use standardwebhooks::Webhook;

/// One try to hand an event on.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub headers: HeaderMap,
    pub payload: Bytes,
    pub uri: String,
}

impl Arrived {
    /// The event's id.
    pub fn id(&self) -> String {
        super::service::named(self.headers["webhook-id"].to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap()
    }

    /// Whether the scheme's own library finds the signature right.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        Webhook::new(secret).unwrap().verify(&self.payload, &self.headers).is_ok()
    }
}

/// How a try is answered: the status, and more headers.
pub type Answers = dyn Fn(&Arrived) -> (u16, Vec<(&'static str, String)>) + Send + Sync;

#[derive(Clone)]
pub struct Destination {
    pub url: String,
    desk: Arc<Inbox>,
}

struct Inbox {
    arrived: Mutex<Vec<Arrived>>,
    next: Mutex<VecDeque<u16>>,
    answers: Mutex<Box<Answers>>,
}

impl Destination {
    /// One that takes everything.
    pub async fn start() -> Self {
        let desk = Arc::new(Inbox {
            arrived: Mutex::default(),
            next: Mutex::default(),
            answers: Mutex::new(Box::new(|_| (200, Vec::new()))),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in?key=sup3rs3cretpart", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&desk));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, desk }
    }

    /// How it answers from now on.
    pub fn answer(&self, answers: impl Fn(&Arrived) -> u16 + Send + Sync + 'static) {
        self.answer_with(move |arrived| (answers(arrived), Vec::new()));
    }

    /// The same with headers.
    pub fn answer_with(
        &self,
        answers: impl Fn(&Arrived) -> (u16, Vec<(&'static str, String)>) + Send + Sync + 'static,
    ) {
        *self.desk.answers.lock().unwrap() = Box::new(answers);
    }

    /// What the next tries are answered, whatever they bring.
    pub fn first(&self, statuses: impl IntoIterator<Item = u16>) {
        self.desk.next.lock().unwrap().extend(statuses);
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.desk.arrived.lock().unwrap().clone()
    }

    /// The ids in the order in which they came.
    pub fn ids(&self) -> Vec<String> {
        self.arrived().iter().map(Arrived::id).collect()
    }
}

async fn answer(State(desk): State<Arc<Inbox>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let payload = axum::body::to_bytes(body, 1 << 22).await.unwrap();
    let arrived = Arrived { headers: parts.headers, payload, uri: parts.uri.to_string() };
    let told = desk.next.lock().unwrap().pop_front();
    let (status, headers) = told.map_or_else(|| desk.answers.lock().unwrap()(&arrived), |status| (status, Vec::new()));
    desk.arrived.lock().unwrap().push(arrived);
    let mut response = axum::http::StatusCode::from_u16(status).unwrap().into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
