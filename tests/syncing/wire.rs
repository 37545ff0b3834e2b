//! The way to Halo: TLS with a private authority, certificates that are refused, and proxies.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pia_halo::demo::Options;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::{small, stored, truth};
use crate::support::{PIA, Profile, Ran, run};

/// The name under which Halo is reached through a proxy. Nobody can resolve it.
const NAME: &str = "halo.acme.example";

/// A private certificate authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for a name, in use from one year to another.
    fn signed(&self, name: &str, from: i32, to: i32) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    fn certificate(&self, name: &str, from: i32, to: i32) -> TlsAcceptor {
        let (certificate, key) = self.signed(name, from, to);
        acceptor(certificate, key)
    }
}

fn self_signed(name: &str) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    acceptor(certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
}

fn acceptor(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> TlsAcceptor {
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Takes TLS off, and hands what is inside on to the simulated Halo.
async fn unwrap(stream: impl AsyncRead + AsyncWrite + Unpin, acceptor: TlsAcceptor, halo: SocketAddr) {
    if let Ok(mut inside) = acceptor.accept(stream).await
        && let Ok(mut halo) = TcpStream::connect(halo).await
    {
        _ = copy_bidirectional(&mut inside, &mut halo).await;
    }
}

pub(super) fn address(profile: &Profile) -> SocketAddr {
    profile.halo.url().trim_start_matches("http://").parse().unwrap()
}

/// The simulated Halo behind TLS, at a port of its own.
async fn behind_tls(profile: &Profile, acceptor: TlsAcceptor) -> u16 {
    let (listener, halo) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), address(profile));
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(unwrap(stream, acceptor.clone(), halo));
        }
    });
    port
}

/// Saves a configuration that reaches Halo at `url` and trusts the authority in `ca_file`.
pub(super) async fn set_up(profile: &Profile, url: &str, ca_file: Option<&str>) {
    let answers = profile.folder.path().join("wire.toml");
    let ca_file = ca_file.map(|pem| {
        let path: PathBuf = profile.folder.path().join("ca.pem");
        std::fs::write(&path, pem).unwrap();
        format!("ca_file = \"{}\"\n", path.display())
    });
    let text = format!(
        "id = \"acme\"\n[api]\nurl = \"{url}\"\nauth_url = \"{url}/auth\"\ntenant = \"demo\"\nclient_id = \"{}\"\n{}\
         [company_sync]\ndaily_sync_time = \"04:30\"\n[integration]\npia_url = \"{PIA}\"\n",
        profile.halo.client_id(),
        ca_file.unwrap_or_default(),
    );
    std::fs::write(&answers, text).unwrap();
    let command = profile.command(["setup", "--answers", &answers.to_string_lossy(), "--client-secret-file", "-"]);
    run(command, profile.halo.client_secret().to_owned()).await.expect(0);
}

async fn sync_with(profile: &Profile, environment: &[(&str, &str)]) -> Ran {
    let mut command = profile.command(["sync", "--json"]);
    command.envs(environment.iter().copied());
    run(command, String::new()).await
}

fn said(ran: &Ran) -> String {
    let report: Value = ran.json();
    format!(
        "{} {}",
        report["error"]["message"].as_str().unwrap_or_default(),
        report["error"]["hint"].as_str().unwrap_or_default()
    )
}

/// A private authority is trusted if its file is named, and no certificate is taken that it did not sign, or that is
/// not for this host and this day.
#[tokio::test(flavor = "multi_thread")]
async fn private_authority_is_trusted_only_for_what_it_signed() {
    let (ours, theirs) = (Authority::new("Ours"), Authority::new("Theirs"));
    for (acceptor, refusal) in [
        (ours.certificate("localhost", 2020, 4000), None),
        (theirs.certificate("localhost", 2020, 4000), Some("certificate authority")),
        (self_signed("localhost"), Some("certificate")),
        (ours.certificate("localhost", 2000, 2001), Some("expired")),
        (ours.certificate("localhost", 3000, 4000), Some("not valid yet")),
        (ours.certificate("elsewhere.example", 2020, 4000), Some("another name")),
    ] {
        let profile = Profile::with(small()).await;
        let port = behind_tls(&profile, acceptor).await;
        set_up(&profile, &format!("https://localhost:{port}"), Some(&ours.pem)).await;
        let ran = sync_with(&profile, &[]).await;
        match refusal {
            None => assert_eq!(stored(&profile), truth(&profile), "{ran:?}"),
            Some(word) => {
                assert_eq!(ran.code, 5, "{ran:?}");
                assert!(said(&ran).to_lowercase().contains(word), "{word:?} is not in {:?}", said(&ran));
                assert!(profile.halo.requests().is_empty(), "nothing was sent");
            }
        }
    }
    // Without the file nobody vouches for it.
    let profile = Profile::with(small()).await;
    let port = behind_tls(&profile, ours.certificate("localhost", 2020, 4000)).await;
    set_up(&profile, &format!("https://localhost:{port}"), None).await;
    let ran = sync_with(&profile, &[]).await.expect(5);
    assert!(said(&ran).contains("ca_file"), "{}", said(&ran));
    assert!(profile.halo.requests().is_empty());
}

/// A Halo that wants a certificate of ours: named at once, and nothing is said to it.
#[tokio::test(flavor = "multi_thread")]
async fn client_certificate_that_is_asked_for_is_named_at_once() {
    let ours = Authority::new("Ours");
    let (certificate, key) = ours.signed("localhost", 2020, 4000);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ours.pem.as_bytes()).unwrap()).unwrap();
    let wants = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let config = ServerConfig::builder().with_client_cert_verifier(wants);
    let config = config.with_single_cert(vec![certificate], key).unwrap();
    let profile = Profile::with(small()).await;
    let port = behind_tls(&profile, TlsAcceptor::from(Arc::new(config))).await;
    set_up(&profile, &format!("https://localhost:{port}"), Some(&ours.pem)).await;
    let begun = Instant::now();
    let ran = sync_with(&profile, &[]).await.expect(5);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(said(&ran).contains("asks for a client certificate"), "{}", said(&ran));
    assert!(said(&ran).contains("not supported") && profile.halo.requests().is_empty());
}

/// A proxy that writes down every byte that a program sends to it, before the tunnel and in it.
struct Proxy {
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    /// Leads to the simulated Halo behind TLS; with `answer`, refuses with it instead.
    async fn start(profile: &Profile, acceptor: TlsAcceptor, answer: Option<&'static str>) -> Self {
        let (listener, halo) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), behind_tls(profile, acceptor).await);
        let proxy = Self { port: listener.local_addr().unwrap().port(), heard: Arc::default() };
        let heard = Arc::clone(&proxy.heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(tunnel(stream, halo, answer, Arc::clone(&heard)));
            }
        });
        proxy
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }

    fn heard_text(&self) -> String {
        String::from_utf8_lossy(&self.heard()).into_owned()
    }
}

async fn tunnel(mut stream: TcpStream, halo: u16, answer: Option<&'static str>, heard: Arc<Mutex<Vec<u8>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    heard.lock().unwrap().extend_from_slice(&head);
    let reply = answer.unwrap_or("HTTP/1.1 200 Connection established\r\n\r\n");
    if stream.write_all(reply.as_bytes()).await.is_err() || answer.is_some() {
        return;
    }
    let Ok(mut halo) = TcpStream::connect(("127.0.0.1", halo)).await else { return };
    let ((mut from, mut to), (mut back_from, mut back_to)) = (stream.split(), halo.split());
    let up = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            heard.lock().unwrap().extend_from_slice(&buffer[..count]);
            if back_to.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
        _ = back_to.shutdown().await;
    };
    let down = async {
        _ = tokio::io::copy(&mut back_from, &mut to).await;
        _ = to.shutdown().await;
    };
    tokio::join!(up, down);
}

/// R17: through the proxy that the environment names. It sees the name of Halo and nothing of what is said.
#[tokio::test(flavor = "multi_thread")]
async fn sync_goes_through_proxy_of_environment_and_tells_it_nothing() {
    let ours = Authority::new("Ours");
    let profile = Profile::with(Options { clients: 717, ..Options::default() }).await;
    set_up(&profile, &format!("https://{NAME}"), Some(&ours.pem)).await;
    let proxy = Proxy::start(&profile, ours.certificate(NAME, 2020, 4000), None).await;
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let with_user = proxy.url().replace("http://", "http://dana:proxy-word@");
        sync_with(&profile, &[(variable, &with_user)]).await.expect(0);
        let heard = proxy.heard_text();
        assert!(heard.starts_with(&format!("CONNECT {NAME}:443 HTTP/1.1\r\n")), "{variable}");
        assert!(heard.to_lowercase().contains("proxy-authorization: basic "), "{variable}");
        for secret in [profile.halo.client_secret(), profile.halo.client_id(), "Bearer", "page_no"] {
            assert!(!heard.contains(secret), "{secret} was told to the proxy");
        }
        proxy.heard.lock().unwrap().clear();
    }
    // An empty one hides no other, and the check names the one that counts.
    let (empty, named) = (("HTTPS_PROXY", ""), ("https_proxy", proxy.url()));
    sync_with(&profile, &[empty, (named.0, named.1.as_str())]).await.expect(0);
    assert!(proxy.heard_text().starts_with("CONNECT "));
    let mut command = profile.command(["check"]);
    command.envs([empty, (named.0, named.1.as_str())]);
    run(command, String::new()).await.expect(0).says("through the proxy of https_proxy");
    proxy.heard.lock().unwrap().clear();
    assert_eq!(stored(&profile), truth(&profile));
    // Named as one to be reached without it: the proxy hears nothing, and the name cannot be resolved.
    let around = [("HTTPS_PROXY", proxy.url()), ("NO_PROXY", format!("localhost,{NAME}"))];
    let around: Vec<(&str, &str)> = around.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut command = profile.command(["check", "--json"]);
    command.envs(around);
    assert_eq!(run(command, String::new()).await.code, 5);
    assert!(proxy.heard().is_empty());
}

/// R17: a proxy that asks who it is, or refuses, is named as what stands in the way, with what to do.
#[tokio::test(flavor = "multi_thread")]
async fn proxy_that_asks_for_sign_in_is_said_to() {
    let ours = Authority::new("Ours");
    let profile = Profile::with(small()).await;
    set_up(&profile, &format!("https://{NAME}"), Some(&ours.pem)).await;
    let named = |words: &str| words.replace("HALO", NAME);
    for (answer, words) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
            "requires a sign-in before it connects to HALO",
        ),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "does not let this machine connect to HALO (403)"),
        ("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "could not reach HALO (502)"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "does not connect to HALO"),
        // It says that the way is open, and there is none.
        ("HTTP/1.1 200 OK\r\n\r\n", "answers, but no TLS connection to HALO"),
        ("HTTP/1.1 200 OK\r\n\r\n<html>sign in here</html>", "answers, but no TLS connection to HALO"),
    ] {
        let proxy = Proxy::start(&profile, ours.certificate(NAME, 2020, 4000), Some(answer)).await;
        let mut command = profile.command(["check", "--json"]);
        command.env("HTTPS_PROXY", proxy.url());
        let ran = run(command, String::new()).await;
        assert_eq!(ran.code, 5, "{ran:?}");
        let address = proxy.url().replace("http://", "");
        let ran = ran.says(&format!("{address}, the proxy of HTTPS_PROXY, {}", named(words)));
        assert!(!format!("{ran:?}").contains("Check the Url"), "{ran:?}");
        assert!(!proxy.heard_text().contains(profile.halo.client_secret()));
        assert!(profile.halo.requests().is_empty());
    }
}

/// A user who is there is not asked for, and a proxy that is not there has said nothing.
#[tokio::test(flavor = "multi_thread")]
async fn proxy_that_refuses_user_or_is_not_there_is_told_as_that() {
    let ours = Authority::new("Ours");
    let profile = Profile::with(small()).await;
    set_up(&profile, &format!("https://{NAME}"), Some(&ours.pem)).await;
    let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    let refusing = Proxy::start(&profile, ours.certificate(NAME, 2020, 4000), Some(answer)).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nameless = format!("{}.example:3128", "a".repeat(70));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (value, words) in [
        (
            refusing.url().replace("http://", "http://dana:proxy-word@"),
            "refuses the user and the password in HTTPS_PROXY",
        ),
        (format!("http://{closed}"), "cannot connect to"),
        (format!("http://{nameless}"), "host not found: "),
        (format!("http://{}", silent.local_addr().unwrap()), "does not answer"),
    ] {
        let mut command = profile.command(["check", "--json"]);
        command.env("HTTPS_PROXY", &value);
        let ran = run(command, String::new()).await;
        assert_eq!(ran.code, 5, "{ran:?}");
        let address = value.rsplit(['/', '@']).next().unwrap();
        let ran = ran.says(words).says(&format!("{address}, the proxy of HTTPS_PROXY"));
        let told = format!("{ran:?}");
        assert!(!told.contains("Check the Url") && !told.contains("proxy-word"), "{told}");
    }
    assert!(profile.halo.requests().is_empty());
}
