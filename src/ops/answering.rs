//! Whether the service answers. That its lock is held says only that its process is there: one that is stopped or hangs
//! holds it, too.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::Workspace;
use super::locks::{LEAD_LOCK, SERVE, SERVICE_LOCK};
use crate::coordination::{Holder, Lock};
use crate::domain::status::Unanswered;

/// How long it may take: a service that works answers at once.
const LIMIT: Duration = Duration::from_secs(2);

/// How long an answer holds. Where everything stands is read after each event.
const GOOD_FOR: Duration = Duration::from_secs(5);

impl Workspace {
    /// The service whose process is there now, if one is, and why it is not known to work. Whoever else keeps it from running
    /// is none. Waits for its answer, though not for long.
    pub(super) fn service(&self) -> (Option<Holder>, Option<Unanswered>) {
        let here = Lock::holder(&self.settings.paths().lock(SERVICE_LOCK)).filter(|holder| holder.what == SERVE);
        // Of several hosts at one store, one that leads elsewhere serves this one as well.
        let holder = here.or_else(|| self.holder(LEAD_LOCK).ok().flatten()?.0);
        let Some(holder) = holder else { return (None, None) };
        let mut last = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last.as_ref().filter(|(of, _, at)| *of == holder && at.elapsed() < GOOD_FOR);
        if let Some((_, unanswered, _)) = known {
            return (Some(holder), *unanswered);
        }
        let unanswered = ask(&holder);
        *last = Some((holder.clone(), unanswered, Instant::now()));
        (Some(holder), unanswered)
    }
}

/// Whether it may work: its process is there, and it was not asked in vain.
pub(super) fn may_work((holder, unanswered): &(Option<Holder>, Option<Unanswered>)) -> bool {
    holder.is_some() && *unanswered != Some(Unanswered::Silent)
}

/// Asks the service that holds the lock; none where it answers.
fn ask(holder: &Holder) -> Option<Unanswered> {
    if holder.is_self() {
        return None;
    }
    let Some(address) = holder.listens.filter(|_| holder.is_here()).and_then(from_here) else {
        return Some(Unanswered::NotAsked);
    };
    match healthz(address) {
        Ok(true) => None,
        answer => {
            tracing::debug!(%address, ?answer, "the service does not answer");
            Some(Unanswered::Silent)
        }
    }
}

/// The address by which this machine reaches itself there; none where it is another machine's, which is not asked.
fn from_here(listens: SocketAddr) -> Option<SocketAddr> {
    let ip = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let is_own = ip.to_canonical().is_loopback() || UdpSocket::bind((ip, 0)).is_ok();
    is_own.then_some(SocketAddr::new(ip, listens.port()))
}

fn healthz(address: SocketAddr) -> std::io::Result<bool> {
    let until = Instant::now() + LIMIT;
    let left = || until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_write_timeout(Some(left()))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    // As much as the first line takes: that it is our service, its lock says.
    while answer.len() < 12 {
        stream.set_read_timeout(Some(left()))?;
        let mut bytes = [0; 64];
        match stream.read(&mut bytes)? {
            0 => break,
            read => answer.extend_from_slice(&bytes[..read]),
        }
    }
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn holder(listens: Option<SocketAddr>) -> Holder {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("service.lock");
        let actor = crate::domain::activity::Actor::default();
        let _lock = Lock::take(&path, "serve", &actor, jiff::Timestamp::UNIX_EPOCH).unwrap();
        // Of another process than this one, which would not ask itself.
        Holder { pid: 1, listens, ..Lock::holder(&path).unwrap() }
    }

    /// A service that hears connections and says nothing, one that is gone, one that fails, and one that works.
    #[test]
    fn service_answers_only_where_it_says_so_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let begun = Instant::now();
        assert_eq!(ask(&holder(Some(address))), Some(Unanswered::Silent));
        assert!(begun.elapsed() < LIMIT * 3, "{:?}", begun.elapsed());
        drop(listener);
        assert_eq!(ask(&holder(Some(address))), Some(Unanswered::Silent));
        for (said, answer) in [("200 OK", None), ("503 Service Unavailable", Some(Unanswered::Silent))] {
            let listener = TcpListener::bind("0.0.0.0:0").unwrap();
            let address = listener.local_addr().unwrap();
            let served = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                _ = stream.read(&mut [0; 256]).unwrap();
                stream.write_all(format!("HTTP/1.1 {said}\r\n\r\n").as_bytes()).unwrap();
            });
            assert_eq!(ask(&holder(Some(address))), answer, "{said}");
            served.join().unwrap();
        }
    }

    /// Where it cannot be asked, nothing is claimed: without an address, on another machine, at an address of another machine.
    #[test]
    fn service_that_cannot_be_asked_is_not_known() {
        assert_eq!(ask(&holder(None)), Some(Unanswered::NotAsked));
        let listens = Some("127.0.0.1:9".parse().unwrap());
        let elsewhere = Holder { host: "elsewhere.example".to_owned(), ..holder(listens) };
        assert_eq!(ask(&elsewhere), Some(Unanswered::NotAsked));
        assert_eq!(ask(&holder(Some("192.0.2.1:9".parse().unwrap()))), Some(Unanswered::NotAsked));
        let own = Holder { pid: std::process::id(), ..holder(None) };
        assert_eq!(ask(&own), None);
    }
}
