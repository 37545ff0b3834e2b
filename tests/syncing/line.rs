//! A line to Halo that is taken away at each step of the set-up and given back: what was typed and read is there, and the
//! step is gone on with. One that drips, and one whose name leads elsewhere by now.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pia_halo::demo::Options;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::wire::{address, set_up};
use super::{stored, truth};
use crate::support::interface::Interface;
use crate::support::walk::Person;
use crate::support::{Profile, Ran, run, until};

/// What carries bytes to the simulated Halo, and can be cut.
struct Line {
    at: SocketAddr,
    halo: SocketAddr,
    carried: Arc<AtomicUsize>,
    open: Option<JoinHandle<()>>,
    /// Keeps the port while nobody listens at it: another test would be given it.
    _port: TcpSocket,
}

/// A socket that has an address, and does not listen there.
fn bound(at: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    let began = Instant::now();
    loop {
        match socket.bind(at) {
            // A child that another test of this process forks still listens until it has become its program.
            Err(error) if error.kind() == ErrorKind::AddrInUse && began.elapsed() < Duration::from_secs(10) => {
                std::thread::yield_now();
            }
            done => break done.unwrap(),
        }
    }
    socket
}

impl Line {
    fn to(profile: &Profile) -> Self {
        Self::at("127.0.0.1:0", profile)
    }

    fn at(own: &str, profile: &Profile) -> Self {
        let port = bound(own.parse().unwrap());
        let (at, halo) = (port.local_addr().unwrap(), address(profile));
        let mut line = Self { at, halo, carried: Arc::default(), open: None, _port: port };
        line.mend();
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

    fn mend(&mut self) {
        self.carry(bound(self.at).listen(1_024).unwrap());
    }
}

/// R18: by keys: at the test of the credentials, in the middle of the sync, at the look into Halo, and with the list open.
#[tokio::test(flavor = "multi_thread")]
async fn network_lost_at_each_step_costs_no_finished_work() {
    let profile = Profile::with(Options { clients: 830, ..Options::default() }).await;
    let mut line = Line::to(&profile);
    set_up(&profile, &line.url(), None).await;

    // The check of the connection.
    line.cut().await;
    profile.run(["check"]).await.expect(5).says("127.0.0.1");
    line.mend();
    profile.run(["check"]).await.expect(0);

    // The sync: cut in its middle, it goes on by itself once the line is there again.
    let mut person = Interface::open(&profile).await;
    person.is_at("Sync Now").await;
    profile.halo.change(|state| state.behaviour.latency = Duration::from_millis(40));
    profile.halo.clear_requests();
    person.press("Enter").await;
    until(|| profile.halo.requests().iter().filter(|request| request.path == "/api/client").count() >= 3).await;
    line.cut().await;
    // Keys are answered meanwhile.
    person.press("Enter").await;
    person.sees("Already syncing").await;
    line.mend();
    person.sees("✓ Complete").await;
    assert_eq!(stored(&profile), truth(&profile));
    profile.halo.change(|state| state.behaviour.latency = Duration::ZERO);
    person.leave().await;

    // Configure: nothing is written without a line, and it goes on once it is there.
    line.cut().await;
    let before = profile.halo.snapshot();
    profile.run(["configure", "--yes"]).await.expect(5);
    assert_eq!(profile.halo.snapshot(), before);
    line.mend();
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

/// R13: while a server sends its list byte by byte, every key is answered as it comes.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_answered_while_server_drips() {
    let profile = Profile::set_up(Options { clients: 230, ..Options::default() }).await;
    let mut person = Interface::open(&profile).await;
    person.is_at("Sync Now").await;
    profile.halo.change(|state| {
        state.behaviour.drip_pause = Duration::from_secs(1);
        state.set_fault("slow-drip".parse().unwrap(), true);
    });
    profile.halo.clear_requests();
    person.press("Enter").await;
    until(|| !profile.halo.requests().is_empty()).await;
    let asked = || profile.halo.requests().len();
    let before = asked();
    let mut took = Vec::new();
    for _ in 0..10 {
        for key in ["2", "1"] {
            let pressed = Instant::now();
            person.press(key).await;
            took.push(pressed.elapsed());
        }
    }
    took.sort_unstable();
    assert_eq!(asked(), before, "the reply was still dripping all the while");
    // 100 ms are the promise, and three times that on a machine with other work to do.
    assert!(took[took.len() / 2] < Duration::from_millis(300), "{took:?}");
    person.leave().await;
}

/// A sync by the program where `localhost` has these addresses, in a mount name space of its own.
async fn sync_where_localhost_is(profile: &Profile, hosts: &Path) -> Ran {
    where_localhost_is(profile, hosts, &["sync", "--json"]).await
}

async fn where_localhost_is(profile: &Profile, hosts: &Path, arguments: &[&str]) -> Ran {
    let program = profile.command(arguments);
    let mut alone = Command::new("unshare");
    alone.args(["-rm", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""]).arg(hosts);
    alone.arg(program.get_program()).args(program.get_args()).env_clear();
    alone.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    alone.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    alone.stdout(Stdio::piped()).stderr(Stdio::piped());
    run(alone, String::new()).await
}

/// R17: a name with a dead address before a living one, of either family, is reached; one that leads to another address by
/// the next run is followed there; and one that leads nowhere is said to.
#[tokio::test(flavor = "multi_thread")]
async fn name_with_dead_address_is_reached_at_its_living_one() {
    let profile = Profile::with(Options { clients: 230, ..Options::default() }).await;
    let hosts = profile.folder.path().join("hosts");
    let may = Command::new("unshare").args(["-rm", "mount", "--bind", "/etc/hosts", "/etc/hosts"]).output();
    if !may.is_ok_and(|made| made.status.success()) {
        println!("SKIPPED: there are no mount name spaces for everybody on this machine, so no name was led elsewhere");
        return;
    }
    let mut line = Line::to(&profile);
    let url = format!("http://localhost:{}", line.at.port());
    set_up(&profile, &url, None).await;
    for addresses in ["::1 localhost\n127.0.0.1 localhost\n", "127.0.0.9 localhost\n127.0.0.1 localhost\n"] {
        std::fs::write(&hosts, addresses).unwrap();
        sync_where_localhost_is(&profile, &hosts).await.expect(0);
        assert_eq!(stored(&profile), truth(&profile), "{addresses}");
    }
    // Nobody is at the address that the name has now: nothing is lost, and the name is said.
    std::fs::write(&hosts, "127.0.0.9 localhost\n").unwrap();
    where_localhost_is(&profile, &hosts, &["check"]).await.expect(5).says("localhost");
    // Halo is there now, and no more where it was.
    line.cut().await;
    let _moved = Line::at(&format!("127.0.0.9:{}", line.at.port()), &profile);
    profile.halo.change(|state| state.clients[20].name = "Renamed meanwhile".to_owned());
    sync_where_localhost_is(&profile, &hosts).await.expect(0);
    assert_eq!(stored(&profile), truth(&profile));
}
