//! The real `pia-halo serve`, and a Halo's side of its sockets.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pia_halo::domain::callback::CallbackSecrets;
use serde_json::{Value, json};

use super::Profile;

/// A service that runs; it is killed when dropped.
pub struct Service {
    child: Child,
    pub address: SocketAddr,
    /// What it has said on standard error, but for where it listens.
    pub said: Arc<Mutex<String>>,
    http: reqwest::Client,
}

/// What a request was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    pub body: String,
    /// The names of its headers.
    pub headers: Vec<String>,
}

impl Service {
    pub async fn start(profile: &Profile) -> Self {
        Self::start_with(profile, &[]).await
    }

    pub async fn start_with(profile: &Profile, more: &[&str]) -> Self {
        Self::start_at(profile, "127.0.0.1:0", more).await
    }

    /// Starts it at an address of one's own.
    pub async fn start_at(profile: &Profile, listen: &str, more: &[&str]) -> Self {
        Self::start_by(profile.command([&["serve", "--listen", listen], more].concat())).await
    }

    /// Starts what a profile's command runs, once it listens.
    pub async fn start_by(command: Command) -> Self {
        Self::try_start(command).await.unwrap_or_else(|said| panic!("the service did not begin: {said}"))
    }

    /// The same where it may end before; then what it has said.
    pub async fn try_start(mut command: Command) -> Result<Self, String> {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let said: Arc<Mutex<String>> = Arc::default();
        let heard = Arc::clone(&said);
        let address = tokio::task::spawn_blocking(move || {
            let mut said = String::new();
            loop {
                let before = said.len();
                if lines.read_line(&mut said).unwrap() == 0 {
                    return Err(said);
                }
                if let Some(address) = said[before..].trim().strip_prefix("listening on http://") {
                    let address: SocketAddr = address.parse().unwrap();
                    heard.lock().unwrap().push_str(&said[..before]);
                    // Whatever it says later must not fill the pipe.
                    std::thread::spawn(move || {
                        lines.lines().map_while(Result::ok).for_each(|line| *heard.lock().unwrap() += &(line + "\n"));
                    });
                    return Ok(address);
                }
            }
        })
        .await
        .unwrap();
        let address = match address {
            Ok(address) => address,
            Err(said) => {
                child.wait().unwrap();
                return Err(said);
            }
        };
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        Ok(Self { child, address, said, http })
    }

    /// Posts a body to a path.
    pub async fn post(&self, path: &str, user: Option<(&str, &str)>, body: impl Into<reqwest::Body>) -> Answered {
        let mut request = self.http.post(format!("http://{}{path}", self.address)).body(body);
        if let Some((user, password)) = user {
            request = request.basic_auth(user, Some(password));
        }
        // The address holds the token: it has no place in what a test says.
        let answer = request.send().await.map_err(reqwest::Error::without_url).unwrap();
        let status = answer.status().as_u16();
        let mut headers: Vec<String> = answer.headers().keys().map(ToString::to_string).collect();
        headers.sort();
        Answered { status, headers, body: answer.text().await.unwrap() }
    }

    /// Posts as Halo does, with what was installed there.
    pub async fn callback(&self, secrets: &CallbackSecrets, group: &str, body: &Value) -> Answered {
        let path = format!("/callbacks/acme/{group}/{}", secrets.token.expose());
        self.post(&path, Some(("pia", secrets.password.expose())), body.to_string()).await
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.http.get(format!("http://{}{path}", self.address)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A connection on which nothing was said yet.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// Writes bytes on a connection of their own, and gives what comes back until it is closed.
    pub async fn raw(&self, bytes: Vec<u8>) -> String {
        let mut stream = self.connect();
        tokio::task::spawn_blocking(move || {
            // The other side may close before it has read everything.
            _ = stream.write_all(&bytes);
            let mut answer = Vec::new();
            _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        })
        .await
        .unwrap()
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    pub fn kill(mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }

    /// Tells it to end, and gives its exit code.
    pub async fn terminate(mut self) -> i32 {
        let pid = rustix::process::Pid::from_raw(self.pid()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        tokio::task::spawn_blocking(move || self.child.wait().unwrap().code().unwrap_or(-1)).await.unwrap()
    }

    /// Waits until it ends by itself, and gives its exit code.
    pub async fn exit(mut self) -> i32 {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap().code().unwrap_or(-1)).await.unwrap()
    }

    /// Kilobytes that it has ever had in memory.
    pub fn peak_memory(&self) -> u64 {
        self.kilobytes("VmHWM:")
    }

    /// The same besides its code, of which a development build has several times as much as the shipped program.
    pub fn own_peak_memory(&self) -> u64 {
        self.peak_memory() - self.kilobytes("RssFile:")
    }

    /// Kilobytes that it has in memory now.
    pub fn memory(&self) -> u64 {
        self.kilobytes("VmRSS:")
    }

    /// What it has in use now besides its code, in KiB.
    pub fn own_memory(&self) -> u64 {
        self.kilobytes("RssAnon:")
    }

    fn kilobytes(&self, which: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(which)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// How often its threads went to sleep since they began: every wake-up ends with that.
    pub fn wakes(&self) -> BTreeMap<String, u64> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap().flatten();
        let wakes = |thread: &std::fs::DirEntry| {
            // A thread may end while it is looked at.
            let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            line.map_or(0, |count| count.trim().parse().unwrap())
        };
        threads.map(|thread| (thread.file_name().to_string_lossy().into_owned(), wakes(&thread))).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// What callbacks of a saved configuration identify themselves with.
pub fn secrets(profile: &Profile) -> CallbackSecrets {
    profile.workspace().secrets(&"acme".parse().unwrap()).unwrap().callback.unwrap()
}

/// A GUID that stands for a name of up to 16 characters; one that is a GUID already stays as it is.
pub fn guid(name: &str) -> String {
    if uuid::Uuid::try_parse(name).is_ok() {
        return name.to_owned();
    }
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    uuid::Uuid::from_bytes(bytes).to_string()
}

/// The name that a GUID stands for.
pub fn named(guid: &str) -> String {
    let Ok(id) = uuid::Uuid::try_parse(guid) else { return guid.to_owned() };
    let name = std::str::from_utf8(id.as_bytes()).unwrap_or_default().trim_end_matches('\0');
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if is_name { name } else { guid }.to_owned()
}

/// An event as Halo sends one.
pub fn event(name: &str, ticket: i64) -> Value {
    let id = guid(name);
    json!({ "id": id, "event": "New Ticket Logged", "object_id": ticket, "ticket": { "id": ticket, "summary": "Printer" } })
}

/// The header that goes with user and password.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The events that are stored, as `events --json` prints them.
pub async fn stored(profile: &Profile) -> Vec<Value> {
    let ran = profile.run(["events", "--json", "--limit", "100000"]).await.expect(0);
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
