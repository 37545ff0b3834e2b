//! What is answered to a request (contract, section 7).

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::Shared;
use super::connections::Busy;
use super::gate::Gate;
use super::intake::{Door, NotStored};
use super::metrics::Answer;
use super::seldom::Seldom;
use crate::domain::event::Incoming;
use crate::store::NewEvent;

/// The longest body.
pub const LARGEST: usize = 1 << 20;

/// How much of a body that nobody wants is read, and for how long.
const DRAINED: usize = 16 << 20;
const DRAIN: Duration = Duration::from_secs(2);

/// How long a body may take.
const READ: Duration = Duration::from_secs(10);

/// The service behind the sockets. Cheap to clone.
#[derive(Clone)]
pub struct Receiver {
    router: Router,
}

struct Desk {
    shared: Arc<Shared>,
    gate: Gate,
    door: Door,
    refused: Seldom,
}

impl Receiver {
    /// A receiver that hands what it is given to the intake.
    pub fn new(shared: Arc<Shared>, gate: Gate, door: Door) -> Self {
        // One handler for every path: what is refused must not be told apart by who refuses it.
        let router = Router::new().fallback(answer).with_state(Arc::new(Desk {
            shared,
            gate,
            door,
            refused: Seldom::default(),
        }));
        Self { router }
    }

    /// Answers one request. `busy` is told while somebody who may is served.
    pub async fn answer(self, mut request: Request, busy: Busy) -> Result<Response, Infallible> {
        request.extensions_mut().insert(busy);
        self.router.oneshot(request).await
    }
}

async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match (&parts.method, parts.uri.path()) {
        (&Method::GET | &Method::HEAD, "/healthz") => return "ok\n".into_response(),
        (&Method::GET, "/metrics") => {
            let kind = [(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
            return (kind, desk.shared.metrics.text()).into_response();
        }
        _ => {}
    }
    let authorization = parts.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    let admitted = desk.gate.admit(parts.uri.path(), authorization).filter(|_| parts.method == Method::POST);
    let Some((configuration, group)) = admitted else {
        desk.shared.metrics.answered(Answer::Refused);
        if let Some(times) = desk.refused.again() {
            // Not the address: a token that is wrong here may be right elsewhere.
            tracing::warn!(times, "refused: no address, user and password of a saved configuration");
        }
        drain(body).await;
        return refused();
    };
    let _busy = parts.extensions.get::<Busy>().map(Busy::begin);
    let bytes = match read(&parts.headers, body).await {
        Ok(bytes) => bytes,
        Err((answer, status)) => {
            desk.shared.metrics.answered(answer);
            return status.into_response();
        }
    };
    let Ok(incoming) = Incoming::read(&bytes) else {
        desk.shared.metrics.answered(Answer::NotJson);
        return (StatusCode::BAD_REQUEST, "not JSON: an object or an array of objects\n").into_response();
    };
    let received_at = desk.shared.workspace.now();
    let forward = desk.shared.forwards;
    let events: Vec<NewEvent> = incoming
        .into_iter()
        .map(|incoming| NewEvent { configuration: configuration.clone(), group, incoming, received_at, forward })
        .collect();
    let count = events.len();
    match desk.door.store(events).await {
        Ok(new) => {
            let new = new.into_iter().filter(|new| *new).count();
            desk.shared.metrics.answered(Answer::Stored);
            desk.shared.metrics.stored(new, count - new, received_at);
            if new > 0 {
                desk.shared.arrived.notify_one();
                // Its ticket may not be known for long: handing it on does not wait for that.
                desk.shared.looked_up.notify_one();
            }
            tracing::debug!(%configuration, group = group.slug(), count, new, "a callback was stored");
            (StatusCode::OK, "stored\n").into_response()
        }
        Err(problem) => {
            desk.shared.metrics.answered(Answer::NotStored);
            if problem == NotStored::Gone && !desk.shared.intake_gone.swap(true, Ordering::Relaxed) {
                tracing::error!("the thread that stores callbacks has ended: the service ends, too");
                desk.shared.cancel.cancel();
            }
            let words = match problem {
                NotStored::Full => "too many callbacks at once; send it again\n",
                NotStored::Broken | NotStored::Gone => "not stored; send it again\n",
            };
            (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
        }
    }
}

/// The one answer to everything that is not let in.
fn refused() -> Response {
    (StatusCode::NOT_FOUND, "not found\n").into_response()
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, (Answer, StatusCode)> {
    const TOO_LARGE: (Answer, StatusCode) = (Answer::TooLarge, StatusCode::PAYLOAD_TOO_LARGE);
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LARGEST) {
        drain(body).await;
        return Err(TOO_LARGE);
    }
    let mut body = body;
    let whole = async {
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Some(data) = frame.ok()?.into_data().ok() else { continue };
            bytes.extend_from_slice(&data);
            if bytes.len() > LARGEST {
                break;
            }
        }
        Some(bytes)
    };
    match tokio::time::timeout(READ, whole).await {
        Err(_) => Err((Answer::TooSlow, StatusCode::REQUEST_TIMEOUT)),
        // The sender went away in the middle of it.
        Ok(None) => Err((Answer::NotJson, StatusCode::BAD_REQUEST)),
        Ok(Some(bytes)) if bytes.len() > LARGEST => {
            drain(body).await;
            Err(TOO_LARGE)
        }
        Ok(Some(bytes)) => Ok(bytes.freeze()),
    }
}

/// Reads on what nobody wants, within bounds: who is still sending when the connection closes may never see the answer.
async fn drain(mut body: Body) {
    let mut left = DRAINED;
    let rest = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len()));
            if left == 0 {
                return;
            }
        }
    };
    // However slow it comes: then the answer goes out without the end of the question.
    let _ = tokio::time::timeout(DRAIN, rest).await;
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::intake::Intake;
    use super::*;
    use crate::ops::Workspace;
    use crate::service::testing::Desk;
    use crate::settings::{StoredSecrets, new_callback_secrets};

    /// A request whose body begins and then neither goes on nor ends.
    fn endless(path: &str, authorization: &str) -> Request {
        let begins = futures_util::stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{\"id\":"))]);
        let body = Body::from_stream(futures_util::StreamExt::chain(begins, futures_util::stream::pending()));
        Request::post(path).header(AUTHORIZATION, authorization).body(body).unwrap()
    }

    /// A receiver, and the path and the header that let a callback in.
    pub fn receiver(workspace: &Workspace, shared: Arc<Shared>) -> (Receiver, Intake, String, String) {
        use base64::Engine;
        let callback = new_callback_secrets().unwrap();
        let path = format!("/callbacks/acme/ticket-created/{}", callback.token.expose());
        let user = format!("pia:{}", callback.password.expose());
        let secrets = StoredSecrets { callback: Some(callback), ..StoredSecrets::default() };
        workspace.settings.save_secrets(&"acme".parse().unwrap(), &secrets).unwrap();
        let intake = Intake::start(workspace).unwrap();
        let receiver = Receiver::new(shared, Gate::open(workspace).unwrap(), intake.door());
        let basic = base64::engine::general_purpose::STANDARD.encode(user);
        (receiver, intake, path, format!("Basic {basic}"))
    }

    /// The status that a callback is answered with.
    pub async fn callback(receiver: &Receiver, path: &str, authorization: &str, body: &'static str) -> u16 {
        let request = Request::post(path).header(AUTHORIZATION, authorization).body(Body::from(body)).unwrap();
        receiver.clone().answer(request, Busy::default()).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn the_service_ends_where_the_thread_that_stores_is_gone() {
        let desk = Desk::open("2026-11-20T12:00:00Z");
        let shared = desk.shared();
        let (_, intake, path, authorization) = receiver(&shared.workspace, Arc::clone(&shared));
        let (door, thread) = crate::service::intake::unheard();
        drop(thread);
        let receiver = Receiver::new(Arc::clone(&shared), Gate::open(&shared.workspace).unwrap(), door);
        assert_eq!(callback(&receiver, &path, &authorization, "{}").await, 503);
        assert!(shared.cancel.is_cancelled() && shared.intake_gone.load(Ordering::Relaxed));
        intake.finish();
    }

    /// R73: nobody is waited for longer than ten seconds, and who may not come in for two.
    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let desk = Desk::open("2026-11-20T12:00:00Z");
        let shared = desk.shared();
        let (receiver, intake, path, authorization) = receiver(&shared.workspace, Arc::clone(&shared));
        for (path, status, limit) in [(path.as_str(), 408, READ), ("/callbacks/acme/ticket-created/x", 404, DRAIN)] {
            let began = tokio::time::Instant::now();
            let answer = receiver.clone().answer(endless(path, &authorization), Busy::default());
            let answer =
                tokio::time::timeout(Duration::from_secs(60), answer).await.expect("it waits for good").unwrap();
            assert_eq!((answer.status().as_u16(), began.elapsed().as_secs()), (status, limit.as_secs()));
        }
        drop(receiver);
        intake.finish();
    }
}
