//! R18: a line to Halo that is taken away at each step of the set-up and given back: what was typed and read is there, and
//! the step is gone on with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pia_halo::demo::Options;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::wire::{address, set_up};
use super::{stored, truth};
use crate::support::interface::Interface;
use crate::support::walk::Person;
use crate::support::{Profile, until};

/// What carries bytes to the simulated Halo, and can be cut.
struct Line {
    at: SocketAddr,
    halo: SocketAddr,
    carried: Arc<AtomicUsize>,
    open: Option<JoinHandle<()>>,
}

impl Line {
    async fn to(profile: &Profile) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, halo) = (listener.local_addr().unwrap(), address(profile));
        let mut line = Self { at, halo, carried: Arc::default(), open: None };
        line.carry(listener);
        line
    }

    fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    fn carry(&mut self, listener: TcpListener) {
        let (halo, carried) = (self.halo, Arc::clone(&self.carried));
        self.open = Some(tokio::spawn(async move {
            // Dropped with this task, and cut with it.
            let mut streams = tokio::task::JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                carried.fetch_add(1, Ordering::SeqCst);
                streams.spawn(async move {
                    if let Ok(mut halo) = TcpStream::connect(halo).await {
                        _ = tokio::io::copy_bidirectional(&mut stream, &mut halo).await;
                    }
                });
            }
        }));
    }

    /// Cuts it: what is under way breaks off, and nobody listens any more.
    async fn cut(&mut self) {
        if let Some(open) = self.open.take() {
            open.abort();
            _ = open.await;
        }
    }

    async fn mend(&mut self) {
        let listener = TcpListener::bind(self.at).await.unwrap();
        self.carry(listener);
    }
}

/// R18: by keys: at the test of the credentials, in the middle of the sync, at the look into Halo, and with the list open.
#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_comes_and_goes_at_each_step_costs_nothing_that_was_done() {
    let profile = Profile::with(Options { clients: 830, ..Options::default() }).await;
    let mut line = Line::to(&profile).await;
    set_up(&profile, &line.url(), None).await;

    // The check of the connection.
    line.cut().await;
    profile.run(["check"]).await.expect(5).says("127.0.0.1");
    line.mend().await;
    profile.run(["check"]).await.expect(0);

    // The sync: cut in its middle, it goes on by itself once the line is there again.
    let mut person = Interface::open(&profile).await;
    person.is_at("Sync Now").await;
    profile.halo.change(|state| state.behaviour.latency = std::time::Duration::from_millis(40));
    profile.halo.clear_requests();
    person.press("Enter").await;
    until(|| profile.halo.requests().iter().filter(|request| request.path == "/api/client").count() >= 3).await;
    line.cut().await;
    // Keys are answered meanwhile.
    person.press("Enter").await;
    person.sees("Sync Now is off").await;
    line.mend().await;
    person.sees("✓ Complete").await;
    assert_eq!(stored(&profile), truth(&profile));
    profile.halo.change(|state| state.behaviour.latency = std::time::Duration::ZERO);
    person.leave().await;

    // Configure: nothing is written without a line, and it goes on once it is there.
    line.cut().await;
    let before = profile.halo.snapshot();
    profile.run(["configure", "--yes"]).await.expect(5);
    assert_eq!(profile.halo.snapshot(), before);
    line.mend().await;
    profile.run(["configure", "--yes"]).await.expect(0);

    // The list opens without a line, says how old it is, and is searched.
    line.cut().await;
    let mut person = Interface::open(&profile).await;
    person.press("2").await;
    person.wait("the list with its age", |screen| screen.contains(" of 830 · ") && screen.contains("✓ active")).await;
    let name = profile.halo.look(|state| state.clients[400].name.clone());
    person.press("/").await;
    person.type_text(&name).await;
    person.wait("the client", |screen| screen.contains(&format!("▸ {}", &name[..8]))).await;
    person.press("Esc Esc").await;
    person.leave().await;
}
