//! The real socket: bytes in, bytes out, late, broken or not at all where a hazard wants it so.

use super::answering;
use super::control;
use super::query::Query;
use super::reply::{Delivery, Reply};
use super::request::Received;
use super::state::State;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{self, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use futures_util::stream;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The greatest request body that is read.
const BODY_CAP: usize = 16 * 1024 * 1024;

/// What the server's tasks and its owner share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) stop: CancellationToken,
}

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self { state: Mutex::new(state), stop: CancellationToken::new() }
    }

    /// The state; a panic of some earlier holder does not matter to a simulation.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until the shared token says stop.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let stop = shared.stop.clone();
    // One handler for every path: Halo's paths are case-insensitive, which no route table is.
    let router = Router::new().fallback(answer).with_state(shared);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

async fn answer(extract::State(shared): extract::State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_CAP).await else { return finished(Reply::empty(413), Duration::ZERO) };
    let received = Received {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_lowercase(),
        query: Query::parse(head.uri.query().unwrap_or_default()),
        content_type: text(&head.headers, header::CONTENT_TYPE),
        authorization: text(&head.headers, header::AUTHORIZATION),
        user_agent: text(&head.headers, header::USER_AGENT),
        body: body.to_vec(),
    };
    let (reply, delay, drip) = {
        let mut state = shared.state();
        if let Some(reply) = control::answer(&mut state, &received) {
            return finished(reply, Duration::ZERO);
        }
        let (reply, delay) = answering::answer(&mut state, &received);
        (reply, delay, state.behaviour.drip_pause)
    };
    let silent = reply.delivery == Delivery::Silence;
    tokio::select! {
        () = shared.stop.cancelled() => return finished(reply.delivered(Delivery::Reset), drip),
        () = tokio::time::sleep(delay), if !silent && !delay.is_zero() => {}
        () = std::future::ready(()), if !silent && delay.is_zero() => {}
    }
    finished(reply, drip)
}

fn finished(reply: Reply, drip: Duration) -> Response<Body> {
    let length = reply.body.len();
    let whole = Bytes::from(reply.body);
    let broken = || Err::<Bytes, io::Error>(io::ErrorKind::ConnectionReset.into());
    let body = match reply.delivery {
        Delivery::Whole => Body::from(whole),
        // A body that fails at once takes the connection down before a byte of the head is sent.
        Delivery::Reset | Delivery::Silence => Body::from_stream(stream::iter([broken()])),
        Delivery::CutOff => cut_off(whole.slice(..length / 2)),
        Delivery::Drip => dripping(whole, drip),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if reply.delivery == Delivery::CutOff {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    if !reply.content_type.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    }
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    response
}

/// A first part, and after it has been sent the end of the connection.
fn cut_off(part: Bytes) -> Body {
    Body::from_stream(stream::unfold(Some(part), |part| async move {
        if let Some(part) = part {
            return Some((Ok(part), None));
        }
        tokio::task::yield_now().await;
        Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
    }))
}

/// At most two hundred pieces, with a pause before each.
fn dripping(whole: Bytes, pause: Duration) -> Body {
    let piece = whole.len() / 200 + 1;
    Body::from_stream(stream::unfold(whole, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let next = rest.split_to(piece.min(rest.len()));
        Some((Ok::<Bytes, io::Error>(next), rest))
    }))
}
