//! What is answered to a request.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tokio::time::Instant;
use tower::ServiceExt;
use uuid::Uuid;

use super::Shared;
use super::auth::Auth;
use super::busy::{Busy, Peer, Serving};
use super::intake::{Callback, NotStored, Queue, Stored};
use super::losses::Losses;
use super::metrics::{Answer, Form};
use super::room::{LARGEST, Room, Share, USUAL};
use super::throttle::Throttle;
use crate::domain::configuration::ConfigurationId;
use crate::domain::event::{EventBody, NotEvents};
use crate::ops::{serving, spooled};

/// How much of a body that nobody wants is read, and for how long.
const DRAINED: usize = 16 << 20;
const DRAIN: Duration = Duration::from_secs(2);

/// How long a body may take, and one that is larger than what Halo usually sends.
const READ: Duration = Duration::from_secs(10);
const READ_LARGE: Duration = Duration::from_secs(30);

/// The service behind the sockets. Cheap to clone.
#[derive(Clone)]
pub struct Receiver {
    router: Router,
}

struct Context {
    shared: Arc<Shared>,
    auth: Arc<Auth>,
    queue: Queue,
    room: Room,
    refused: Throttle,
    not_taken: Throttle,
    losses: Losses,
}

impl Drop for Context {
    /// What is in no line by then is told in a last one.
    fn drop(&mut self) {
        if let Some(times) = self.refused.rest() {
            tracing::warn!(times, "more requests were rejected");
        }
        if let Some(times) = self.not_taken.rest() {
            tracing::warn!(times, "more callbacks with the right token were not accepted");
        }
    }
}

impl Receiver {
    /// A receiver that hands what it is given to the intake.
    pub fn new(shared: Arc<Shared>, auth: Arc<Auth>, queue: Queue) -> Self {
        // One handler for every path: what is refused must not be told apart by who refuses it.
        let router = Router::new().fallback(answer).with_state(Arc::new(Context {
            shared,
            auth,
            queue,
            room: Room::default(),
            refused: Throttle::default(),
            not_taken: Throttle::default(),
            losses: Losses::default(),
        }));
        Self { router }
    }

    /// Answers one request. `busy` is told while somebody who may is served.
    pub async fn answer(self, mut request: Request, busy: Busy) -> Result<Response, Infallible> {
        request.extensions_mut().insert(busy);
        self.router.oneshot(request).await
    }
}

/// Whether a request comes from this machine: the figures are nobody else's.
fn is_from_here(parts: &Parts) -> bool {
    parts.extensions.get::<Peer>().is_some_and(|peer| peer.0.to_canonical().is_loopback())
}

/// The forms that are asked for, in one or several headers.
fn accepted(headers: &HeaderMap) -> String {
    let all: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    all.join(",")
}

async fn answer(State(context): State<Arc<Context>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match (&parts.method, parts.uri.path()) {
        (&Method::GET | &Method::HEAD, "/healthz") => return "ok\n".into_response(),
        (&Method::GET, "/metrics") if is_from_here(&parts) => {
            let form = Form::asked(&accepted(&parts.headers));
            let figures = context.shared.workspace.run_blocking(serving::figures).await;
            context.shared.metrics.figures(figures.ok().flatten().as_ref());
            let spooled = context.shared.workspace.run_blocking(|workspace| spooled::spooled(workspace.paths())).await;
            context.shared.metrics.spooled(spooled.ok().as_ref());
            return ([(CONTENT_TYPE, form.content_type())], context.shared.metrics.written(form)).into_response();
        }
        _ => {}
    }
    let authorization = parts.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    let admitted = context.auth.admit(parts.uri.path(), authorization).filter(|_| parts.method == Method::POST);
    let Some((configuration, group)) = admitted else {
        context.shared.metrics.answered(Answer::Refused);
        if let Some(times) = context.refused.again() {
            // Not the address: a token that is wrong here may be right elsewhere.
            tracing::warn!(times, "request rejected: address, user and password match no saved configuration");
        }
        if parts.method == Method::POST && parts.uri.path().starts_with("/callbacks/") {
            context.shared.missed.notify_one();
        }
        drain(body).await;
        return refused();
    };
    let serving = parts.extensions.get::<Busy>().map(Busy::begin);
    let (bytes, room) = match read(&parts.headers, body, context.room.begin()).await {
        Ok(read) => read,
        Err(not_read) => return context.not_read(&configuration, not_read),
    };
    // What is called packed is believed to be where it does not read as it is: senders put all kinds of things there.
    let is_called_packed = is_packed(&parts.headers);
    if is_wide(&bytes) || (is_called_packed && std::str::from_utf8(&bytes).is_err()) {
        return context.not_read(&configuration, NotRead::Encoded);
    }
    let body = match EventBody::read(context.auth.without_secrets(&configuration, bytes)) {
        Ok(body) if body.is_whole() || !is_called_packed => body,
        Ok(_) => return context.not_read(&configuration, NotRead::Encoded),
        Err(NotEvents::NotJson) if is_called_packed => return context.not_read(&configuration, NotRead::Encoded),
        Err(NotEvents::TooMany) => return context.not_read(&configuration, NotRead::TooMany),
        Err(NotEvents::NotJson) => return context.not_read(&configuration, NotRead::NotJson),
    };
    if !body.is_whole() {
        // Halo's log may tell what it was.
        context.shared.missed.notify_one();
    }
    serving.iter().for_each(Serving::waits);
    let (received_at, forward) = (context.shared.workspace.now(), context.shared.forwards());
    let configuration = configuration.clone();
    let callback = Callback {
        configuration: configuration.clone(),
        group,
        body,
        received_at,
        forward,
        name: Uuid::new_v4(),
        _room: room,
    };
    match context.queue.store(callback).await {
        Ok(Stored { new, known }) => {
            context.shared.metrics.answered(Answer::Stored);
            context.shared.metrics.stored(new, known, received_at);
            if new > 0 {
                context.shared.arrived.notify_one();
                // Its ticket may not be known for long: handing it on does not wait for that.
                context.shared.looked_up.notify_one();
            }
            tracing::debug!(%configuration, group = group.slug(), new, known, "a callback was stored");
            (StatusCode::OK, "stored\n").into_response()
        }
        Err(problem) => {
            context.shared.metrics.answered(Answer::NotStored);
            context.shared.missed.notify_one();
            if problem == NotStored::Gone && !context.shared.intake_gone.swap(true, Ordering::Relaxed) {
                tracing::error!("the thread that stores callbacks has stopped: stopping the service");
                context.shared.cancel.cancel();
            }
            let words = match problem {
                NotStored::Full => CROWDED,
                NotStored::Broken | NotStored::Gone => "not stored; send it again\n",
            };
            (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
        }
    }
}

const TOO_LARGE: &str = "larger than 16 MiB: nothing of it was stored\n";

const ENCODED: &str = "not plain JSON in UTF-8: nothing of it was stored\n";

const TOO_MANY: &str = "more than 100000 events in one array: nothing of it was stored\n";

const CROWDED: &str = "too many callbacks at once; send it again\n";

/// What senders write there of a body that is as it is; some mistake the characters for a coding.
const PLAIN: [&[u8]; 7] = [b"identity", b"none", b"utf-8", b"utf8", b"7bit", b"8bit", b"binary"];

fn is_packed(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CONTENT_ENCODING).iter();
    let mut codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    codings.any(|coding| !coding.is_empty() && !PLAIN.iter().any(|plain| coding.eq_ignore_ascii_case(plain)))
}

/// Whether a body is in characters of two or four bytes. The first one of JSON is an ASCII one.
fn is_wide(bytes: &[u8]) -> bool {
    let first = &bytes[..bytes.len().min(2)];
    first == [0xff, 0xfe] || first == [0xfe, 0xff] || first.contains(&0)
}

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NotRead {
    /// Neither an object nor an array, or cut off.
    NotJson,
    /// Packed, or in other characters than UTF-8: Halo sends neither, and what is stored is to be read as it came.
    Encoded,
    TooLarge,
    /// More events in one array than are taken at once.
    TooMany,
    TooSlow,
    /// No memory was free for it for long.
    Crowded,
}

impl Context {
    /// Somebody who may was not served: what Halo had to say is asked for later.
    fn not_read(&self, configuration: &ConfigurationId, why: NotRead) -> Response {
        let (answer, status, words) = match why {
            NotRead::NotJson => {
                (Answer::NotJson, StatusCode::BAD_REQUEST, "not JSON: an object or an array of objects\n")
            }
            NotRead::Encoded => (Answer::NotJson, StatusCode::UNSUPPORTED_MEDIA_TYPE, ENCODED),
            NotRead::TooLarge => (Answer::TooLarge, StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE),
            NotRead::TooMany => (Answer::TooLarge, StatusCode::PAYLOAD_TOO_LARGE, TOO_MANY),
            NotRead::TooSlow => (Answer::TooSlow, StatusCode::REQUEST_TIMEOUT, "too slow; send it again\n"),
            NotRead::Crowded => (Answer::NotStored, StatusCode::SERVICE_UNAVAILABLE, CROWDED),
        };
        self.shared.metrics.answered(answer);
        self.shared.missed.notify_one();
        if let Some(times) = self.not_taken.again() {
            tracing::warn!(
                times,
                status = status.as_u16(),
                why = words.trim_end(),
                "a callback with the right token was not accepted"
            );
        }
        // What comes again by itself is nobody's to mend.
        if !matches!(why, NotRead::TooSlow | NotRead::Crowded) {
            self.losses.note(&self.shared.workspace, configuration, words.split(':').next().unwrap_or(words));
        }
        (status, words).into_response()
    }
}

/// The one answer to everything that is not let in.
fn refused() -> Response {
    (StatusCode::NOT_FOUND, "not found\n").into_response()
}

/// Reads a body into the room that it gets. What nobody wants is read on for a while: see [`drain`].
async fn read(headers: &HeaderMap, mut body: Body, mut share: Share) -> Result<(Vec<u8>, Share), NotRead> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LARGEST) {
        drain(body).await;
        return Err(NotRead::TooLarge);
    }
    let mut bytes = Vec::new();
    let mut deadline = Instant::now() + READ;
    loop {
        let frame = tokio::select! {
            biased;
            () = share.gives_way() => return Err(NotRead::Crowded),
            frame = tokio::time::timeout_at(deadline, body.frame()) => frame.map_err(|_| NotRead::TooSlow)?,
        };
        let Some(frame) = frame else { break };
        // The sender may go away in the middle of it.
        let Ok(data) = frame.map_err(|_| NotRead::NotJson)?.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > LARGEST {
            drop(share);
            drain(body).await;
            return Err(NotRead::TooLarge);
        }
        if length > share.capacity() {
            let size = announced.unwrap_or(if length > USUAL { LARGEST } else { USUAL }).max(length);
            if !share.grow(size).await {
                return Err(NotRead::Crowded);
            }
            // What he waited for was no slowness of his.
            deadline = Instant::now() + if size > USUAL { READ_LARGE } else { READ };
            bytes.reserve_exact(size - bytes.len());
        }
        share.has_read(data.len());
        bytes.extend_from_slice(&data);
    }
    share.is_whole();
    Ok((bytes, share))
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
    use bytes::Bytes;

    use super::super::intake::Intake;
    use super::*;
    use crate::ops::Workspace;
    use crate::service::testing::Fixture;
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
        crate::service::testing::settings_of(workspace).save_secrets(&"acme".parse().unwrap(), &secrets).unwrap();
        let intake = Intake::start(workspace).unwrap();
        let receiver = Receiver::new(shared, Arc::new(Auth::open(workspace).unwrap()), intake.queue());
        let basic = base64::engine::general_purpose::STANDARD.encode(user);
        (receiver, intake, path, format!("Basic {basic}"))
    }

    #[tokio::test]
    async fn figures_are_for_this_machine_alone() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let shared = fixture.shared();
        let (receiver, intake, ..) = receiver(&shared.workspace, Arc::clone(&shared));
        for (from, status) in [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 404), ("::ffff:192.0.2.7", 404)] {
            let mut request = Request::get("/metrics").body(Body::empty()).unwrap();
            request.extensions_mut().insert(Peer(from.parse().unwrap()));
            let answer = receiver.clone().answer(request, Busy::default()).await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{from}");
        }
        for (accept, kind, words) in [
            ("*/*", "text/plain; version=0.0.4; charset=utf-8", "\npia_halo_events_pending 0\n"),
            ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8", "\n# EOF\n"),
        ] {
            let mut request = Request::get("/metrics").header(ACCEPT, accept).body(Body::empty()).unwrap();
            request.extensions_mut().insert(Peer("127.0.0.1".parse().unwrap()));
            let answer = receiver.clone().answer(request, Busy::default()).await.unwrap();
            assert_eq!(answer.headers()[CONTENT_TYPE], kind);
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert!(String::from_utf8_lossy(&body).contains(words), "{accept}");
        }
        drop(receiver);
        intake.finish();
    }

    /// The status that a callback is answered with.
    pub async fn callback(receiver: &Receiver, path: &str, authorization: &str, body: &'static str) -> u16 {
        let request = Request::post(path).header(AUTHORIZATION, authorization).body(Body::from(body)).unwrap();
        receiver.clone().answer(request, Busy::default()).await.unwrap().status().as_u16()
    }

    /// Halo knows the callback address and may write it into an event; what is kept and forwarded has no token in it.
    #[tokio::test]
    async fn secret_that_halo_says_back_in_event_is_not_kept() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let shared = fixture.shared();
        let (receiver, intake, path, authorization) = receiver(&shared.workspace, Arc::clone(&shared));
        let token = path.rsplit('/').next().unwrap();
        let body = format!(r#"{{"event":"e","object_id":7,"summary":"sent to https://pia.example{path} today"}}"#);
        let request = Request::post(&path).header(AUTHORIZATION, authorization).body(Body::from(body)).unwrap();
        assert_eq!(receiver.clone().answer(request, Busy::default()).await.unwrap().status(), StatusCode::OK);
        drop(receiver);
        intake.finish();
        let id = "acme".parse().unwrap();
        let event = crate::service::testing::store_of(&shared.workspace).events(&id, None, None, 1).unwrap().remove(0);
        let (_, kept) = crate::service::testing::store_of(&shared.workspace).event(&id, &event.id).unwrap().unwrap();
        assert!(!kept.raw().contains(token) && kept.raw().contains("/ticket-created/[secret] today"), "{kept}");
    }

    #[tokio::test]
    async fn service_ends_where_thread_that_stores_is_gone() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let shared = fixture.shared();
        let (_, intake, path, authorization) = receiver(&shared.workspace, Arc::clone(&shared));
        let (queue, thread) = crate::service::intake::unheard();
        drop(thread);
        let receiver = Receiver::new(Arc::clone(&shared), Arc::new(Auth::open(&shared.workspace).unwrap()), queue);
        assert_eq!(callback(&receiver, &path, &authorization, "{}").await, 503);
        assert!(shared.cancel.is_cancelled() && shared.intake_gone.load(Ordering::Relaxed));
        intake.finish();
    }

    /// An event is promised to Halo only where a crash would not take it.
    #[tokio::test]
    async fn nothing_is_taken_once_log_of_store_is_gone() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let shared = fixture.shared();
        let (receiver, intake, path, authorization) = receiver(&shared.workspace, Arc::clone(&shared));
        assert_eq!(callback(&receiver, &path, &authorization, r#"{"ticket_id":1}"#).await, 200);
        let store = shared.workspace.paths().store();
        std::fs::remove_file(store.with_extension("db-wal")).unwrap();
        assert_eq!(callback(&receiver, &path, &authorization, r#"{"ticket_id":2}"#).await, 503);
        assert!(shared.cancel.is_cancelled() && shared.intake_gone.load(Ordering::Relaxed));
        drop(receiver);
        intake.finish();
    }

    /// What is broken costs no event before it, and Halo's log is asked for the rest.
    #[tokio::test]
    async fn events_before_broken_one_are_taken() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let shared = fixture.shared();
        let (receiver, intake, path, authorization) = receiver(&shared.workspace, Arc::clone(&shared));
        let broken = r#"[{"ticket_id":1},{"ticket_id":2,"s":"oops},{"ticket_id":3}]"#;
        assert_eq!(callback(&receiver, &path, &authorization, broken).await, 200);
        tokio::time::timeout(Duration::from_secs(20), shared.missed.notified()).await.expect("nobody is told");
        assert_eq!(callback(&receiver, &path, &authorization, r#"{"ticket_id":"#).await, 400);
        drop(receiver);
        intake.finish();
        let events =
            crate::service::testing::store_of(&shared.workspace).events(&"acme".parse().unwrap(), None, None, 9);
        let odd = events.unwrap().into_iter().map(|event| (event.ticket_id, event.not_understood.is_some()));
        assert_eq!(odd.collect::<Vec<_>>(), [(Some(2), true), (Some(1), false)]);
    }

    /// R73: nobody is waited for longer than ten seconds, and who may not come in for two.
    #[tokio::test(start_paused = true)]
    async fn body_that_never_ends_is_not_waited_for() {
        let fixture = Fixture::open("2026-11-20T12:00:00Z");
        let shared = fixture.shared();
        let (receiver, intake, path, authorization) = receiver(&shared.workspace, Arc::clone(&shared));
        for (path, status, limit) in [(path.as_str(), 408, READ), ("/callbacks/acme/ticket-created/x", 404, DRAIN)] {
            let began = Instant::now();
            let answer = receiver.clone().answer(endless(path, &authorization), Busy::default());
            let answer =
                tokio::time::timeout(Duration::from_secs(60), answer).await.expect("it waits for good").unwrap();
            assert_eq!((answer.status().as_u16(), began.elapsed().as_secs()), (status, limit.as_secs()));
        }
        drop(receiver);
        intake.finish();
    }
}
