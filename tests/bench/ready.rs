//! A Halo with its pages ready-made, in a process of its own: what it is asked for once, it remembers. So it costs next to
//! nothing, and a figure beside it is that of the program.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, header};
use tokio::time::sleep;

struct Ready {
    /// Where the Halo behind it is.
    upstream: String,
    /// Where this one is.
    address: String,
    latency: Duration,
    client: reqwest::Client,
    pages: Mutex<HashMap<String, Bytes>>,
}

/// Serves for ever; the first line of its output is its address.
pub async fn serve(upstream: String, latency: Duration) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    println!("{address}");
    let ready = Arc::new(Ready { upstream, address, latency, client, pages: Mutex::default() });
    axum::serve(listener, Router::new().fallback(answer).with_state(ready)).await.unwrap();
}

async fn answer(State(ready): State<Arc<Ready>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let asked = head.uri.path_and_query().unwrap().to_string();
    let page = ready.pages.lock().unwrap().get(&asked).cloned();
    if let Some(page) = page {
        if !ready.latency.is_zero() {
            sleep(ready.latency).await;
        }
        return json(page);
    }
    let mut onward = ready.client.request(head.method.clone(), format!("{}{asked}", ready.upstream));
    for name in [header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT] {
        if let Some(value) = head.headers.get(&name) {
            onward = onward.header(name, value);
        }
    }
    let reply = onward.body(to_bytes(body, 1 << 20).await.unwrap()).send().await.unwrap();
    let status = reply.status();
    let body = reply.bytes().await.unwrap();
    if status.is_success() && head.method == "GET" && asked.to_lowercase().starts_with("/api/client?") {
        ready.pages.lock().unwrap().insert(asked, body.clone());
        return json(body);
    }
    // What else it says names itself, above all where one signs in: nobody would send a secret to another address.
    let text = String::from_utf8(body.to_vec()).unwrap().replace(&ready.upstream, &ready.address);
    let mut response = json(text.into());
    *response.status_mut() = status;
    response
}

fn json(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}
