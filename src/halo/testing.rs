//! A scripted server behind a real socket, for this room's own tests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{Connection, HaloApi, Limits, Patience};
use crate::domain::address::HaloUrl;
use crate::domain::secret::Secret;

/// The Client Secret of every test: it must not turn up where it does not belong.
pub(super) const SECRET: &str = "c0ffee00-dead-4bad-8bad-canary00canary-0001";

/// The first token that a scripted server gives.
pub(super) const TOKEN: &str = "bearer-canary-";

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub method: String,
    pub target: String,
    pub headers: String,
    pub body: String,
}

impl Seen {
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What the server does with a request.
pub(super) enum Play {
    Reply(u16, &'static str, String),
    /// Writes these bytes and closes.
    Raw(Vec<u8>),
    /// Writes the first bytes at once and each of the others a second after the one before it; then it keeps the
    /// connection and stays silent.
    Slow(Vec<u8>, Vec<u8>),
    /// Keeps the connection and stays silent.
    Hang,
}

pub(super) fn json(status: u16, body: impl ToString) -> Play {
    Play::Reply(status, "Content-Type: application/json; charset=utf-8\r\n", body.to_string())
}

type Script = dyn Fn(&Seen, usize) -> Play + Send + Sync;

/// A server that follows a script; it sees the request and how many requests to the same path came before.
pub(super) struct Server {
    pub url: HaloUrl,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// A bare server: the script answers everything.
    pub async fn bare(script: impl Fn(&Seen, usize) -> Play + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = HaloUrl::read(&format!("http://{}", listener.local_addr().unwrap())).unwrap().address;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&seen)));
                }
            }
        });
        Self { url, seen, task }
    }

    /// A server that names itself as sign-in server and gives out tokens; the script answers the rest.
    pub async fn halo(script: impl Fn(&Seen, usize) -> Play + Send + Sync + 'static) -> Self {
        Self::bare(move |seen, before| match seen.path() {
            "/api/AuthInfo" | "/auth/.well-known/openid-configuration" => json(404, ""),
            "/auth/token" => token(before),
            _ => script(seen, before),
        })
        .await
    }

    pub fn connection(&self) -> Connection {
        Connection {
            url: self.url.clone(),
            auth_url: None,
            tenant: None,
            client_id: "client-id".to_owned(),
            client_secret: Secret::new(SECRET),
            request_budget: None,
            ca_file: None,
            hide: Vec::new(),
            tokens: Vec::new(),
            attended: true,
            proxy: None,
        }
    }

    pub fn api(&self) -> HaloApi {
        HaloApi::with_limits(self.connection(), quick()).unwrap()
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self, path: &str) -> usize {
        self.seen().iter().filter(|seen| seen.path() == path).count()
    }

    pub fn last(&self, path: &str) -> Seen {
        self.seen().into_iter().rev().find(|seen| seen.path() == path).unwrap()
    }
}

/// An address that nobody else is given while this lives, and at which nobody listens unless it is made to.
pub(super) fn bound(at: &str) -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(at.parse().unwrap()).unwrap();
    let at = socket.local_addr().unwrap();
    (socket, at)
}

/// A token reply, a new token each time.
pub(super) fn token(before: usize) -> Play {
    json(200, format!(r#"{{"scope":"all","token_type":"Bearer","access_token":"{TOKEN}{before}","expires_in":3600}}"#))
}

/// Limits that make failing quick.
pub(super) fn quick() -> Limits {
    Limits {
        connect: Duration::from_secs(2),
        read_gap: Duration::from_millis(200),
        request: Duration::from_millis(600),
        body: 256 * 1024,
        patience: Patience {
            attempts: 3,
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(4),
            total: Duration::from_secs(5),
            attempt: Duration::MAX,
        },
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, seen: Arc<Mutex<Vec<Seen>>>) {
    let Some(request) = read_request(&mut stream).await else { return };
    let before = {
        let mut seen = seen.lock().unwrap();
        let before = seen.iter().filter(|earlier| earlier.path() == request.path()).count();
        seen.push(request.clone());
        before
    };
    match script(&request, before) {
        Play::Reply(status, headers, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).await;
        }
        Play::Raw(bytes) => {
            let _ = stream.write_all(&bytes).await;
        }
        Play::Slow(at_once, dripped) => {
            let _ = stream.write_all(&at_once).await;
            for byte in dripped {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
            std::future::pending().await
        }
        Play::Hang => std::future::pending().await,
    }
    let _ = stream.shutdown().await;
}

async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
                .unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let (first, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
                let mut words = first.split(' ').map(str::to_owned);
                return Some(Seen {
                    method: words.next()?,
                    target: words.next()?,
                    headers: headers.to_owned(),
                    body: String::from_utf8_lossy(&bytes[end + 4..]).into_owned(),
                });
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
