//! A server that answers some questions from the recorded replies, and every other one as a healthy Halo does.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use pia_halo::demo::SimulatedHalo;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::support::project;

/// The address that stands for the tenant's own in the recorded replies.
const RECORDED_AT: &str = "https://larkfield.halo.example";

/// A reply, recorded or made for a test.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn json(status: u16, body: impl ToString) -> Self {
        let media = ("content-type".to_owned(), "application/json; charset=utf-8".to_owned());
        Self { status, headers: vec![media], body: body.to_string() }
    }
}

/// A recorded file.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `GET`, or `Halo` where Halo is the one who asks.
    pub method: String,
    /// The path with `{id}` in it; empty where it answers any.
    pub path: String,
    pub reply: Reply,
}

pub fn folder() -> PathBuf {
    project().join("tests/recorded")
}

/// The names of all recorded files.
pub fn names() -> Vec<String> {
    let files = crate::support::files(&folder()).into_iter();
    let json = files.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    let mut names: Vec<_> = json.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

impl Recorded {
    pub fn read(name: &str) -> Self {
        #[derive(serde::Deserialize)]
        struct File {
            call: String,
            #[serde(default)]
            status: u16,
            headers: BTreeMap<String, String>,
            body: Option<Box<RawValue>>,
            body_text: Option<String>,
        }
        let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        let file: File = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut words = file.call.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let body = file.body_text.unwrap_or_else(|| compact(file.body.unwrap().get()));
        Self {
            method: method.to_owned(),
            path: path.replace("{auth}", "/auth").trim_end_matches(',').to_owned(),
            reply: Reply { status: file.status, headers: file.headers.into_iter().collect(), body },
        }
    }

    /// What the body says.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.reply.body).unwrap()
    }
}

/// JSON without the space between its parts, every number as it is written.
fn compact(json: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    for sign in json.chars() {
        if quoted || !sign.is_whitespace() {
            out.push(sign);
        }
        quoted ^= sign == '"' && !escaped;
        escaped = sign == '\\' && !escaped;
    }
    out
}

/// A request that was sent to the server.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: String,
    pub body: String,
}

impl Asked {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

struct Route {
    method: String,
    /// Its segments in small letters; `{...}` is any.
    path: Vec<String>,
    /// What its query or its body has to hold.
    words: String,
    reply: Reply,
}

struct Shared {
    url: String,
    upstream: String,
    /// The healthy Halo's own token: ours may be a recorded one.
    token: String,
    http: reqwest::Client,
    routes: Mutex<Vec<Route>>,
    asked: Mutex<Vec<Asked>>,
}

/// The server.
pub struct Replay {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Replay {
    /// A server in front of a healthy Halo.
    pub async fn before(halo: &SimulatedHalo) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", halo.client_id()),
            ("client_secret", halo.client_secret()),
            ("scope", "all"),
        ];
        let token: Value =
            http.post(format!("{}/auth/token", halo.url())).form(&form).send().await.unwrap().json().await.unwrap();
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let shared = Arc::new(Shared {
            url: format!("http://{}", listener.local_addr().unwrap()),
            upstream: halo.url().to_owned(),
            token: token["access_token"].as_str().unwrap().to_owned(),
            http,
            routes: Mutex::default(),
            asked: Mutex::default(),
        });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { shared, task }
    }

    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Answers the call that a recorded file is about with that file.
    pub fn replay(&self, name: &str) -> Recorded {
        let recorded = Recorded::read(name);
        self.put(&recorded.method, &recorded.path, recorded.reply.clone());
        recorded
    }

    /// Answers a call with a reply. The last one that fits counts.
    pub fn put(&self, method: &str, path: &str, reply: Reply) {
        self.put_where(method, path, "", reply);
    }

    /// The same where the query or the body holds some words.
    pub fn put_where(&self, method: &str, path: &str, words: &str, reply: Reply) {
        let path = segments(path);
        let route = Route { method: method.to_owned(), path, words: words.to_owned(), reply };
        self.shared.routes.lock().unwrap().insert(0, route);
    }

    /// Forgets the replies.
    pub fn forget(&self) {
        self.shared.routes.lock().unwrap().clear();
    }

    /// The requests to a path, `{id}` in it or not.
    pub fn asked(&self, method: &str, path: &str) -> Vec<Asked> {
        let path = segments(path);
        let all = self.shared.asked.lock().unwrap();
        all.iter().filter(|asked| asked.method == method && fits(&path, &asked.path)).cloned().collect()
    }

    /// The last of these.
    #[track_caller]
    pub fn last(&self, method: &str, path: &str) -> Asked {
        self.asked(method, path).pop().unwrap_or_else(|| panic!("nobody asked {method} {path}"))
    }

    /// Every request.
    pub fn all(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }
}

fn segments(path: &str) -> Vec<String> {
    path.to_ascii_lowercase().split('/').skip(1).map(str::to_owned).collect()
}

fn fits(route: &[String], path: &str) -> bool {
    let path = segments(path);
    route.len() == path.len() && route.iter().zip(&path).all(|(own, part)| own.starts_with('{') || own == part)
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 24).await.unwrap();
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let found = {
        let routes = shared.routes.lock().unwrap();
        let is_it = |route: &&Route| {
            let says = asked.query.contains(&route.words) || asked.body.contains(&route.words);
            route.method == asked.method && fits(&route.path, &asked.path) && says
        };
        routes.iter().find(is_it).map(|route| route.reply.clone())
    };
    shared.asked.lock().unwrap().push(asked);
    match found {
        Some(reply) => {
            let body = reply.body.replace(RECORDED_AT, &shared.url);
            let mut response = Response::builder().status(reply.status);
            for (name, value) in reply.headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        None => forward(&shared, &parts, body).await,
    }
}

/// Asks the healthy Halo.
async fn forward(shared: &Shared, parts: &axum::http::request::Parts, body: Bytes) -> Response {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = shared.http.request(parts.method.clone(), format!("{}{path}", shared.upstream)).body(body);
    if let Some(media) = parts.headers.get("content-type") {
        request = request.header("content-type", media);
    }
    if parts.headers.contains_key("authorization") {
        request = request.bearer_auth(&shared.token);
    }
    // The healthy Halo may have been told to break a connection: then ours breaks too.
    let Ok(reply) = request.send().await else { panic!("the healthy Halo does not answer") };
    let mut response = Response::builder().status(reply.status());
    if let Some(media) = reply.headers().get("content-type") {
        response = response.header("content-type", media);
    }
    let text = reply.text().await.unwrap_or_default();
    response.body(Body::from(text.replace(&shared.upstream, &shared.url))).unwrap()
}
