//! The sockets: how many at once, and how long each may take to say what it wants.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::busy::{Busy, Peer, Serves};
use super::receiver::Receiver;
use super::throttle::Throttle;

/// Connections at once. With one more, one of those gives way: see [`Open::close_one`].
const MOST: usize = 1_024;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);

/// How long a connection that has said nothing yet may begin when the service ends: its request may be on its way.
const BEGIN: Duration = Duration::from_secs(1);

/// How long an open connection is waited for when the service ends.
pub const LAST: Duration = Duration::from_secs(3);

/// The longest head of a request, and all that is read ahead of a body.
const BUFFER: usize = 16 << 10;

/// The open connections.
#[derive(Clone, Default)]
pub struct Connections {
    open: Arc<Mutex<Open>>,
    not_taken: Arc<Throttle>,
}

#[derive(Default)]
struct Open {
    next: u64,
    connections: BTreeMap<u64, (Busy, CancellationToken)>,
}

impl Open {
    /// Closes the connection that is missed least; says whether there is one. That is the oldest that serves nobody who may.
    /// But where most connections belong to senders who have not said all, the oldest of those is closed: a newcomer is a
    /// stranger until his head is read, and would lose his place to a crowd of slow senders. So a crowd that says nothing, or
    /// says it slowly, keeps nobody out.
    fn close_one(&mut self) -> bool {
        let of =
            |serves| self.connections.iter().filter(move |(_, (busy, _))| busy.is(serves)).map(|(number, _)| *number);
        let (strangers, readings) = (|| of(Serves::Stranger).next(), || of(Serves::Reading).next());
        let is_slow_crowd = of(Serves::Reading).count() > MOST / 2;
        let least = if is_slow_crowd { readings() } else { strangers().or_else(readings) };
        let closed = least.and_then(|number| self.connections.remove(&number));
        closed.is_some_and(|(_, close)| {
            close.cancel();
            true
        })
    }
}

impl Connections {
    /// Takes connections until it is cancelled; those that are open then may finish what they are at.
    pub async fn serve(self, listener: TcpListener, receiver: Receiver, cancel: CancellationToken) {
        let tasks = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Some((number, busy, close)) = self.admit() else { continue };
                    let (open, receiver, cancel) = (self.clone(), receiver.clone(), cancel.clone());
                    tasks.spawn(async move {
                        converse((stream, peer.ip()), receiver, busy, close, cancel).await;
                        open.forget(number);
                    });
                }
                Err(error) => {
                    // Out of file handles: one that is open has to end first.
                    self.lock().close_one();
                    if let Some(times) = self.not_taken.again() {
                        tracing::warn!(%error, times, "a connection could not be taken");
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        // Nobody is let into the queue any more: a proxy hears at once that there is no service.
        drop(listener);
        tasks.close();
        let _ = tokio::time::timeout(LAST, tasks.wait()).await;
        for (_, close) in self.lock().connections.values() {
            close.cancel();
        }
        tasks.wait().await;
    }

    fn admit(&self) -> Option<(u64, Busy, CancellationToken)> {
        let mut open = self.lock();
        if open.connections.len() >= MOST && !open.close_one() {
            return None;
        }
        let number = open.next;
        open.next += 1;
        let (busy, close) = (Busy::default(), CancellationToken::new());
        open.connections.insert(number, (busy.clone(), close.clone()));
        Some((number, busy, close))
    }

    fn forget(&self, number: u64) {
        self.lock().connections.remove(&number);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The service ends, and the connection's first request has begun, or will not.
async fn end(cancel: &CancellationToken, begun: &CancellationToken) {
    cancel.cancelled().await;
    _ = tokio::time::timeout(BEGIN, begun.cancelled()).await;
}

async fn converse(
    (stream, peer): (TcpStream, IpAddr),
    receiver: Receiver,
    busy: Busy,
    close: CancellationToken,
    cancel: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    let begun = CancellationToken::new();
    let begins = begun.clone();
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        begins.cancel();
        request.extensions_mut().insert(Peer(peer));
        receiver.clone().answer(request.map(axum::body::Body::new), busy.clone())
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let mut ending = false;
    loop {
        tokio::select! {
            biased;
            () = close.cancelled() => return,
            // Whatever a stranger does to his own connection is no news.
            _ = connection.as_mut() => return,
            () = end(&cancel, &begun), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_crowd_gives_way() {
        let of = |readings: usize, strangers: usize| {
            let connections = Connections::default();
            let reads: Vec<_> = (0..readings).map(|_| connections.admit().unwrap()).collect();
            let serving: Vec<_> = reads.iter().map(|(_, busy, _)| busy.begin()).collect();
            let silent: Vec<_> = (0..strangers).map(|_| connections.admit().unwrap()).collect();
            let (_, _, newest) = connections.admit().unwrap();
            assert!(!newest.is_cancelled(), "{readings} readings, {strangers} strangers");
            let closed = |of: &[(u64, Busy, CancellationToken)]| -> Vec<usize> {
                (0..of.len()).filter(|at| of[*at].2.is_cancelled()).collect()
            };
            let said = (closed(&reads), closed(&silent));
            drop(serving);
            said
        };
        assert_eq!(of(100, MOST - 100), (vec![], vec![0]), "a crowd of strangers");
        assert_eq!(of(MOST - 1, 1), (vec![0], vec![]), "a crowd of slow senders, and one who has just come");
        assert_eq!(of(MOST, 0), (vec![0], vec![]), "slow senders alone");
        assert_eq!(of(10, 10), (vec![], vec![]), "there is room");
    }

    #[test]
    fn connection_that_waits_for_answer_is_not_closed() {
        let connections = Connections::default();
        let waits: Vec<_> = (0..MOST).map(|_| connections.admit().unwrap()).collect();
        let serving: Vec<_> = waits.iter().map(|(_, busy, _)| busy.begin()).collect();
        serving.iter().for_each(super::super::busy::Serving::waits);
        assert!(connections.admit().is_none() && waits.iter().all(|(_, _, close)| !close.is_cancelled()));
    }
}
