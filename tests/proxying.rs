//! The examples for a reverse proxy, run by the proxies themselves in front of the real service, where they are installed.

use std::fs::File;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pia_halo::demo::Options;

use crate::secrecy::forms;
use crate::support::service::{Service, basic, event, secrets, stored};
use crate::support::{Profile, files, project, until};

/// What a callback may have at most.
const LIMIT: usize = 16 << 20;

fn example(name: &str) -> String {
    std::fs::read_to_string(project().join("assets/reverse-proxy").join(name)).unwrap()
}

/// The example with nothing but its name, its ports and its folders changed.
fn changed(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the example has no {from} any more");
        text.replace(from, to)
    })
}

/// A proxy that runs; it is killed when dropped.
struct Front {
    child: Child,
    url: String,
    http: reqwest::Client,
}

impl Drop for Front {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Runs the proxy once it finds nothing to say about its file; none where it is not installed.
async fn front(program: &str, check: &[&str], run: &[&str], folder: &Path, url: String) -> Option<Front> {
    let command = |arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        // Whatever it keeps, it keeps there.
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env(name, folder);
        }
        command
    };
    let Ok(checked) = command(check).output() else {
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no {program} on this machine");
        return None;
    };
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && !said.contains("[warn]"), "{said}");
    let output = |name: &str| File::create(folder.join(name)).unwrap();
    let child = command(run).stdout(output("stdout.log")).stderr(output("stderr.log")).spawn().unwrap();
    let port: u16 = url.rsplit(':').next().unwrap().parse().unwrap();
    let mut client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30));
    client = client.resolve("pia.acme.example", SocketAddr::from(([127, 0, 0, 1], port)));
    if let Ok(pem) = std::fs::read(folder.join("fullchain.pem")) {
        client = client.add_root_certificate(reqwest::Certificate::from_pem(&pem).unwrap());
    }
    let front = Front { child, url, http: client.build().unwrap() };
    until(|| TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
    Some(front)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn nginx(folder: &Path, service: SocketAddr) -> Option<Front> {
    let key = rcgen::generate_simple_self_signed(["pia.acme.example".to_owned()]).unwrap();
    std::fs::write(folder.join("fullchain.pem"), key.cert.pem()).unwrap();
    std::fs::write(folder.join("privkey.pem"), key.signing_key.serialize_pem()).unwrap();
    let (port, at) = (free_port(), folder.to_str().unwrap());
    let ours = changed(
        &example("nginx.conf"),
        &[
            ("listen 443 ssl;", &format!("listen 127.0.0.1:{port} ssl;")),
            ("listen [::]:443 ssl;", ""),
            ("/etc/ssl/pia.acme.example", at),
            ("/var/log/nginx", at),
            ("127.0.0.1:8477", &service.to_string()),
        ],
    );
    std::fs::write(folder.join("ours.conf"), ours).unwrap();
    // As a host has it around it: with a log of its own that names each address.
    let temporary =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {at}/{name};"));
    let around = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/main.log info;\nevents {{}}\n\
         http {{ {} access_log {at}/host.log combined; include {at}/ours.conf; }}\n",
        temporary.join(" ")
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, around).unwrap();
    let file = file.to_str().unwrap();
    let url = format!("https://pia.acme.example:{port}");
    front("nginx", &["-q", "-t", "-c", file, "-p", at], &["-c", file, "-p", at], folder, url).await
}

async fn caddy(folder: &Path, service: SocketAddr) -> Option<Front> {
    let (port, at) = (free_port(), folder.to_str().unwrap());
    let url = format!("http://127.0.0.1:{port}");
    let ours = changed(
        &example("Caddyfile"),
        &[
            ("\n{\n", "\n{\n\tadmin off\n"),
            ("\npia.acme.example {", &format!("\n{url} {{")),
            ("/var/log/caddy", at),
            ("127.0.0.1:8477", &service.to_string()),
        ],
    );
    let file = folder.join("Caddyfile");
    std::fs::write(&file, ours).unwrap();
    let file = file.to_str().unwrap();
    let with = ["--adapter", "caddyfile", "--config", file];
    front("caddy", &[&["validate"], &with[..]].concat(), &[&["run"], &with[..]].concat(), folder, url).await
}

/// An event of exactly so many bytes.
fn sized(bytes: usize) -> String {
    let empty = r#"{"event":"e","x":""}"#;
    empty.replace(r#""x":""#, &format!(r#""x":"{}"#, "y".repeat(bytes - empty.len())))
}

/// Behind each proxy: callbacks come through, as large as the service takes them and no larger; nothing else does; and
/// whether the service takes them, refuses them or is gone, no file of the proxy's has what would let somebody in.
async fn holds(front: Front, profile: &Profile, service: Service, folder: &Path) {
    let secrets = secrets(profile);
    let (token, password) = (secrets.token.expose(), secrets.password.expose());
    let post = async |path: &str, body: String| {
        let request = front.http.post(format!("{}{path}", front.url)).basic_auth("pia", Some(password)).body(body);
        request.send().await.map_err(reqwest::Error::without_url).unwrap().status().as_u16()
    };
    let good = format!("/callbacks/acme/ticket-created/{token}");
    assert_eq!(post(&good, event("through", 7).to_string()).await, 200);
    assert_eq!(post(&good, sized(LIMIT)).await, 200);
    assert_eq!(stored(profile).await.len(), 2);
    // A Caddy of 2022 ends it with a 502 of its own.
    assert!([413, 502].contains(&post(&good, sized(LIMIT + 1)).await));
    assert_eq!(stored(profile).await.len(), 2);
    assert_eq!(post(&format!("{good}x"), "{}".to_owned()).await, 404);
    assert_eq!(post(&good, "no JSON".to_owned()).await, 400);
    for inside in ["/healthz", "/metrics", "/", "/callbacks", "/callbacks/../metrics", "/callbacks/%2e%2e/healthz"] {
        let answer = front.http.get(format!("{}{inside}", front.url)).send().await.unwrap();
        let (status, body) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert!(status >= 400 && !body.contains("pia_halo_") && body != "ok", "{inside}: {status} {body}");
    }
    service.kill();
    assert_eq!(post(&good, event("nobody", 7).to_string()).await, 502);
    assert_eq!(stored(profile).await.len(), 2);
    // What stands in the log of requests stands there by now.
    let log = folder.join("pia-halo.access.log");
    until(|| std::fs::read_to_string(&log).is_ok_and(|text| text.contains("502"))).await;
    drop(front);
    let credentials = basic("pia", password);
    let secret = [token, password, &credentials["Basic ".len()..]];
    let forms: Vec<String> = secret.into_iter().flat_map(forms).collect();
    for file in files(folder).into_iter().filter(|file| !file.ends_with("privkey.pem")) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        assert!(forms.iter().all(|form| !text.contains(form)), "a secret is in {}", file.display());
    }
}

async fn serving() -> (Profile, Service, tempfile::TempDir) {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let service = Service::start(&profile).await;
    (profile, service, tempfile::tempdir().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_passes_only_callbacks_and_logs_no_token() {
    let (profile, service, folder) = serving().await;
    if let Some(front) = nginx(folder.path(), service.address).await {
        holds(front, &profile, service, folder.path()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_passes_only_callbacks_and_logs_no_token() {
    let (profile, service, folder) = serving().await;
    if let Some(front) = caddy(folder.path(), service.address).await {
        holds(front, &profile, service, folder.path()).await;
    }
}

/// The seconds that stand behind a word of an example.
fn seconds(text: &str, word: &str) -> u64 {
    let rest = text.split(word).nth(1).unwrap_or_else(|| panic!("no {word}")).trim_start();
    rest[..rest.find('s').unwrap()].parse().unwrap()
}

/// The proxy waits longer for an answer than the service does for a body, and for a body no longer than that; and it tells
/// nothing of the client, because nothing here would read it.
#[test]
fn proxies_wait_as_long_as_service_does() {
    let connections = std::fs::read_to_string(project().join("src/service/connections.rs")).unwrap();
    let service = seconds(
        &connections.replace("from_secs(", "from_secs( ").replace(");", "s;"),
        "const HEAD: Duration = Duration::from_secs(",
    );
    let (nginx, caddy) = (example("nginx.conf"), example("Caddyfile"));
    assert!(seconds(&nginx, "client_body_timeout") <= service);
    assert!(seconds(&nginx, "proxy_read_timeout") > service && seconds(&caddy, "response_header_timeout") > service);
    assert!(seconds(&nginx, "proxy_connect_timeout") < service && seconds(&caddy, "dial_timeout") < service);
    let sources = files(&project().join("src/service")).into_iter().map(|file| std::fs::read_to_string(file).unwrap());
    let sources = sources.collect::<String>().to_lowercase();
    for header in ["x-forwarded-for", "x-real-ip", "\"forwarded\""] {
        assert!(!sources.contains(header) && !nginx.to_lowercase().contains(header), "{header}");
    }
}
