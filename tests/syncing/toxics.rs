//! R19: eight things that a line does to bytes, each in three strengths and at three moments of a sync: 72 runs, with the
//! clock in our hand. Each ends complete, with the list of Halo, or failed, with the list from before.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pia_halo::demo::{Client, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::wire::{address, set_up};
use super::{in_use, stored, sync_here, truth};
use crate::support::Profile;

/// What the line does to what comes from Halo, and how hard.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Toxic {
    /// Each piece is late by so many milliseconds.
    Latency(u64),
    /// Nobody answers, for so many connections.
    Down(usize),
    /// So many bytes a second.
    Bandwidth(u64),
    /// The end of a connection is late by so many milliseconds.
    SlowClose(u64),
    /// Nothing more comes, for so many connections.
    Timeout(usize),
    /// The connection is reset, so many times.
    ResetPeer(usize),
    /// Pieces of so many bytes.
    Slicer(usize),
    /// The connection ends after so many bytes.
    LimitData(usize),
}

use Toxic::*;

const ALL: [[Toxic; 3]; 8] = [
    [Latency(100), Latency(2_000), Latency(40_000)],
    [Down(1), Down(5), Down(usize::MAX)],
    [Bandwidth(100_000), Bandwidth(5_000), Bandwidth(200)],
    [SlowClose(100), SlowClose(5_000), SlowClose(60_000)],
    [Timeout(1), Timeout(2), Timeout(usize::MAX)],
    [ResetPeer(1), ResetPeer(5), ResetPeer(usize::MAX)],
    [Slicer(1_000), Slicer(200), Slicer(50)],
    [LimitData(20_000), LimitData(2_000), LimitData(20)],
];

#[derive(Default)]
struct State {
    toxic: Option<Toxic>,
    /// Bytes that have come from Halo.
    bytes: usize,
    /// Whether anything moves: grows with each piece, either way.
    moved: usize,
    /// After how many of them the toxic begins.
    moment: usize,
    struck: usize,
}

impl State {
    /// The toxic, where its moment has come.
    fn now(&self) -> Option<Toxic> {
        self.toxic.filter(|_| self.bytes >= self.moment)
    }

    /// Counts a stroke of a toxic that strikes so many times.
    fn strikes(&mut self, times: usize) -> bool {
        let strikes = self.struck < times;
        self.struck += usize::from(strikes);
        strikes
    }
}

type Shared = Arc<Mutex<State>>;

async fn start(halo: SocketAddr, state: Shared) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let down = {
                let mut state = state.lock().unwrap();
                matches!(state.now(), Some(Down(times)) if state.strikes(times))
            };
            if !down {
                tokio::spawn(carry(stream, halo, Arc::clone(&state)));
            }
        }
    });
    url
}

async fn carry(mut near: TcpStream, halo: SocketAddr, state: Shared) -> std::io::Result<()> {
    let mut far = TcpStream::connect(halo).await?;
    let (mut asked, mut said) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut sent = 0;
    loop {
        tokio::select! {
            count = near.read(&mut asked) => match count? {
                0 => return Ok(()),
                count => {
                    state.lock().unwrap().moved += 1;
                    far.write_all(&asked[..count]).await?;
                }
            },
            count = far.read(&mut said) => {
                let count = count?;
                let toxic = {
                    let mut state = state.lock().unwrap();
                    state.bytes += count;
                    state.moved += 1;
                    let toxic = state.now();
                    match toxic {
                        Some(Down(times) | Timeout(times) | ResetPeer(times)) if !state.strikes(times) => None,
                        toxic => toxic,
                    }
                };
                let bytes = &said[..count];
                match toxic {
                    Some(SlowClose(late)) if count == 0 => sleep(Duration::from_millis(late)).await,
                    _ if count == 0 => return Ok(()),
                    Some(Latency(late)) => sleep(Duration::from_millis(late)).await,
                    Some(Bandwidth(rate)) => sleep(Duration::from_millis(count as u64 * 1_000 / rate)).await,
                    Some(Down(_)) => return Ok(()),
                    Some(Timeout(_)) => return std::future::pending().await,
                    Some(ResetPeer(_)) => return near.set_zero_linger(),
                    _ => {}
                }
                match toxic {
                    Some(Slicer(size)) => {
                        for slice in bytes.chunks(size) {
                            near.write_all(slice).await?;
                            state.lock().unwrap().moved += 1;
                            tokio::task::yield_now().await;
                        }
                    }
                    Some(LimitData(limit)) => {
                        let rest = limit.saturating_sub(sent).min(count);
                        near.write_all(&bytes[..rest]).await?;
                        if sent + count > limit {
                            return Ok(());
                        }
                    }
                    _ => near.write_all(bytes).await?,
                }
                sent += count;
            }
        }
    }
}

/// Lets time pass only where nothing moves: a paused clock that goes on by itself jumps to the next deadline although bytes
/// are on their way from one socket to another. A look that comes too late on a busy machine costs a second of that time.
async fn let_time_pass(state: Shared) {
    let moved = || state.lock().unwrap().moved;
    loop {
        let before = moved();
        let look = || std::thread::park_timeout(Duration::from_millis(4));
        tokio::task::spawn_blocking(look).await.unwrap();
        if moved() == before {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }
}

/// R19 by the word: latency, down, bandwidth, slow close, timeout, reset, slices and cut streams.
#[tokio::test]
async fn seventy_two_toxic_lines_leave_old_list_or_make_new_one() {
    // As long as it runs, the clock does not go on by itself.
    let (done, until_done) = std::sync::mpsc::channel::<()>();
    let held = tokio::task::spawn_blocking(move || until_done.recv());
    tokio::time::pause();
    let profile = Profile::with(Options { clients: 230, ..Options::default() }).await;
    let state = Shared::default();
    let url = start(address(&profile), Arc::clone(&state)).await;
    let clock = tokio::spawn(let_time_pass(Arc::clone(&state)));
    set_up(&profile, &url, None).await;
    let report = sync_here(&profile).await;
    assert_eq!(report.status.code(), "complete", "{report:?}");
    let whole = std::mem::take(&mut *state.lock().unwrap()).bytes;
    let (mut completed, mut last) = (0, 0);
    for toxic in ALL.into_iter().flatten() {
        for moment in [0, whole / 2, whole * 9 / 10] {
            let before = in_use(&stored(&profile));
            profile.halo.change(|state| {
                // One goes, one comes.
                state.clients.remove(120);
                last = state.clients.last().map_or(last, |client| client.id) + 1;
                state.clients.push(Client::new(last, format!("New {last}")));
            });
            *state.lock().unwrap() = State { toxic: Some(toxic), moment, ..State::default() };
            let report = sync_here(&profile).await;
            let what = format!("{toxic:?} after {moment} bytes: {report:?}");
            match report.status.code() {
                "complete" => completed += 1,
                status => assert!(status == "failed" && in_use(&stored(&profile)) == before, "{what}"),
            }
            // What passes, or comes back within the time that is waited for, must not fail a run.
            let mild = match toxic {
                Latency(late) | SlowClose(late) => late < 10_000,
                Down(times) | ResetPeer(times) => times < 10,
                Timeout(times) => times < 2,
                Bandwidth(rate) => rate > 1_000,
                Slicer(_) => true,
                LimitData(_) => false,
            };
            assert!(!mild || report.status.code() == "complete", "{what}");
            *state.lock().unwrap() = State::default();
            if report.status.code() != "complete" {
                assert_eq!(sync_here(&profile).await.status.code(), "complete", "{what}");
            }
            assert!(in_use(&stored(&profile)) == in_use(&truth(&profile)), "{what}");
        }
    }
    assert!((40..72).contains(&completed), "{completed} of 72 runs were complete");
    clock.abort();
    drop(done);
    _ = held.await;
}
