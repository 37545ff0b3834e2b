//! News of a write, from whichever program it is.

use std::future::poll_fn;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{AsyncMessage, Connection};
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::connect;
use crate::store::StoreError;
use crate::store::error::Trouble;

/// Tells of a write, once it is kept.
pub(super) const TELL: &str = "NOTIFY pia_halo";

/// The same of one into what hosts have in common.
pub(in crate::store::database) const TELL_SETTINGS: &str = "NOTIFY pia_halo, 'settings'";

/// What the payload is then.
const SETTINGS: &str = "settings";

/// What may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Clients, events, runs, findings.
    Rows,
    /// What hosts have in common.
    Settings,
    /// Any of it: a word may have gone unheard.
    Anything,
}

/// How soon a server is tried again that is away.
const AGAIN: Duration = Duration::from_secs(1);

/// Hears of every write into a store on a server, from the moment it is made until it is dropped.
pub struct News {
    ends: CancellationToken,
    thread: JoinHandle<()>,
}

impl News {
    /// Calls `told` after each write, and where one may have gone unheard: once a server is lost, and once it is there again.
    ///
    /// # Errors
    ///
    /// Where the system gives no thread for it.
    pub fn of(server: &Address, told: impl Fn(Told) + Clone + Send + 'static) -> Result<Self, StoreError> {
        let ends = CancellationToken::new();
        let (address, ended) = (server.clone().to_look(), ends.clone());
        let hear = move || {
            while !ended.is_cancelled() {
                if let Err(trouble) = hear(&address, told.clone(), &ended) {
                    tracing::debug!(error = %trouble.on(address.shown()), "no news of the store");
                }
                if !ended.is_cancelled() {
                    thread::park_timeout(AGAIN);
                }
            }
        };
        let thread = thread::Builder::new().name("news".to_owned()).spawn(hear);
        let thread = thread.map_err(|error| Trouble::session(error).on(server.shown()))?;
        Ok(Self { ends, thread })
    }
}

impl Drop for News {
    fn drop(&mut self) {
        self.ends.cancel();
        self.thread.thread().unpark();
    }
}

/// Hears in one session, until that ends.
fn hear(address: &Address, told: impl Fn(Told) + Clone + 'static, ends: &CancellationToken) -> Result<(), Trouble> {
    let (runtime, client, traffic) = connect(address, told.clone())?;
    let listening = async {
        client.batch_execute("LISTEN pia_halo; SET idle_session_timeout = 0").await?;
        // What was written before that, nobody has told.
        told(Told::Anything);
        ends.cancelled().await;
        Ok(())
    };
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = traffic => ended,
            ended = listening => ended,
        }
    });
    told(Told::Anything);
    Ok(ended?)
}

/// What goes on between the two ends of a session.
pub(super) async fn traffic<S, T>(
    mut connection: Connection<S, T>,
    told: impl Fn(Told),
) -> Result<(), tokio_postgres::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(word) = message? {
            told(if word.payload() == SETTINGS { Told::Settings } else { Told::Rows });
        }
    }
    Ok(())
}
