//! How the service begins, lives and ends: what systemd is told, what is written down, and that an end is tidy and soon.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use pia_halo::demo::{Fault, Options};
use serde_json::{Value, json};

use crate::secrecy::{forms, secrets_of};
use crate::support::pty::key;
use crate::support::service::{Service, basic, event, secrets, stored};
use crate::support::{Profile, until};

/// Well below the ten seconds of the unit, on a machine that has other work to do as well.
const SOON: Duration = Duration::from_secs(9);

async fn profile() -> Profile {
    Profile::set_up(Options { clients: 3, ..Options::default() }).await
}

fn serve(profile: &Profile, more: &[&str]) -> Command {
    profile.command([&["serve", "--listen", "127.0.0.1:0"], more].concat())
}

/// What systemd would hear.
struct Systemd {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Systemd {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { folder, socket }
    }

    fn hears(&self, command: &mut Command) {
        command.env("NOTIFY_SOCKET", self.folder.path().join("notify"));
    }

    fn next(&self) -> String {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).expect("nothing was said in time");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    /// Nothing more was said.
    fn is_silent(&self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        let silent = self.socket.recv(&mut [0; 4096]).is_err();
        self.socket.set_nonblocking(false).unwrap();
        silent
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_ready_watchdog_and_stopping() {
    let (profile, systemd) = (profile().await, Systemd::new());
    let mut command = serve(&profile, &[]);
    systemd.hears(&mut command);
    command.env("WATCHDOG_USEC", "200000");
    let service = Service::start_by(command).await;
    let first = systemd.next();
    assert!(first.lines().any(|line| line == "READY=1"), "{first}");
    assert_eq!(service.get("/healthz").await.0, 200);
    let began = Instant::now();
    for _ in 0..10 {
        assert_eq!(systemd.next().trim_end(), "WATCHDOG=1");
    }
    // Twice in each interval, and no faster: what was sent before we listened waits in the socket.
    assert!(began.elapsed() > Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(service.terminate().await, 143);
    let last = loop {
        let said = systemd.next();
        if said.trim_end() != "WATCHDOG=1" {
            break said;
        }
    };
    assert!(last.lines().any(|line| line == "STOPPING=1"), "{last}");
    assert!(systemd.is_silent());
}

/// Whoever starts it by hand is told what it does, and that it has stopped; what is no terminal hears where it listens.
#[tokio::test(flavor = "multi_thread")]
async fn service_tells_person_what_it_does_and_that_it_stopped() {
    let profile = profile().await;
    let arguments = ["serve", "--listen", "127.0.0.1:0"];
    let mut pty = profile.in_terminal().arguments(arguments).size(160, 24).spawn();
    for words in ["listening on http://127.0.0.1:", "daily sync: next run", "forwards no events", "Ctrl-C stops it"] {
        pty.wait_until(words);
    }
    pty.send(&key::ctrl('c'));
    pty.wait_until("stopped: no daily sync");
    assert_eq!(pty.exit_code(), 130);

    let service = Service::start(&profile).await;
    let said = std::sync::Arc::clone(&service.said);
    service.terminate().await;
    let said = said.lock().unwrap().clone();
    assert!(!said.contains("daily sync") && !said.contains("stopped:"), "{said}");
}

/// The disk is held by somebody else, so no callback could be stored: systemd hears nothing until it is free again.
#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_nothing_while_callback_would_not_reach_disk() {
    let (profile, systemd) = (profile().await, Systemd::new());
    let mut command = serve(&profile, &[]);
    systemd.hears(&mut command);
    command.env("WATCHDOG_USEC", "100000");
    let service = Service::start_by(command).await;
    assert!(systemd.next().contains("READY=1"));
    let holder = rusqlite::Connection::open(profile.folder.path().join("data/pia-halo/pia-halo.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let secrets = secrets(&profile);
    let body = event("held-up", 1);
    let (answer, ()) = tokio::join!(service.callback(&secrets, "ticket-created", &body), async {
        tokio::task::spawn_blocking(move || {
            // What was on its way may still come; then there is a second of silence, ten times what was asked for.
            systemd.socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            let began = Instant::now();
            while systemd.socket.recv(&mut [0; 4096]).is_ok() {
                assert!(began.elapsed() < Duration::from_secs(60), "it says that it lives");
            }
            holder.execute_batch("ROLLBACK").unwrap();
            systemd.socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            assert_eq!(systemd.next().trim_end(), "WATCHDOG=1");
        })
        .await
        .unwrap();
    });
    assert_eq!(answer.status, 200, "it was stored in the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_not_told_ready_where_address_is_taken() {
    let (profile, systemd) = (profile().await, Systemd::new());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = profile.command(["serve", "--listen", &taken.local_addr().unwrap().to_string()]);
    systemd.hears(&mut command);
    crate::support::run(command, String::new()).await.expect(7).says("cannot listen on");
    assert!(systemd.is_silent());
}

/// A request that is half there, a sync that waits for Halo, and an event that nobody takes: the end comes soon all the
/// same, what is whole by then is stored and answered, and nothing is half stored.
#[tokio::test(flavor = "multi_thread")]
async fn end_is_tidy_and_soon_whatever_service_is_at() {
    let profile = profile().await;
    // Due since this minute began, so the service runs it as it starts.
    let now = Timestamp::now();
    let minute = now.strftime("%H:%M").to_string();
    let id = profile.id();
    let workspace = profile.workspace();
    let set = |config: &mut pia_halo::settings::Config| {
        let time = pia_halo::domain::daily_sync_time::DailySyncTime::parse(&minute).unwrap();
        config.configurations.get_mut(&id).unwrap().company_sync.daily_sync_time = time;
        Ok::<_, pia_halo::domain::failure::Failure>(())
    };
    crate::support::settings_of(&workspace).update(set).unwrap();
    crate::support::store_of(&workspace).served_since(&id, now - SignedDuration::from_hours(1)).unwrap();
    profile.halo.set_fault(Fault::Silence, true);
    profile.halo.clear_requests();
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let forward = format!("http://{}/events", target.local_addr().unwrap());
    let service = Service::start_with(&profile, &["--forward-to", &forward]).await;
    let secrets = secrets(&profile);
    let taken = tokio::task::spawn_blocking(move || target.accept().unwrap());
    let whole = json!({ "event": "whole" });
    assert_eq!(service.callback(&secrets, "ticket-created", &whole).await.status, 200);
    let (_never_answered, _) = taken.await.unwrap();
    until(|| !profile.halo.requests().is_empty()).await;

    let half = |event: &str| {
        let body = json!({ "event": event }).to_string();
        let head = format!(
            "POST /callbacks/acme/ticket-created/{} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: {}\r\n\r\n",
            secrets.token.expose(),
            basic("pia", secrets.password.expose()),
            body.len()
        );
        let mut stream = service.connect();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body.as_bytes()[..10]).unwrap();
        (stream, body)
    };
    let (mut finished, rest) = half("finished-in-time");
    let (_unfinished, _) = half("never-finished");
    // Both are at the service: it has answered somebody who came after them.
    let later = service.raw(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_vec()).await;
    assert!(later.starts_with("HTTP/1.1 200"), "{later}");

    let began = Instant::now();
    let address = service.address;
    let ending = tokio::spawn(service.terminate());
    until(|| std::net::TcpStream::connect(address).is_err()).await;
    finished.write_all(&rest.as_bytes()[10..]).unwrap();
    let answer = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        _ = finished.read_to_string(&mut answer);
        answer
    });
    assert_eq!(ending.await.unwrap(), 143);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let events = stored(&profile).await;
    let mut names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["finished-in-time", "whole"]);
    let of = |name: &str| events.iter().find(|event| event["event"] == name).unwrap();
    assert_eq!(of("whole")["forwarding"]["state"], "pending", "tried again after the next start: {}", of("whole"));
    // The sync: nothing of it counts, the day stays open, and the next run is complete.
    assert!(crate::support::store_of(&workspace).clients(&id).unwrap().is_empty());
    assert!(crate::support::store_of(&workspace).days(&id).unwrap().is_empty());
    profile.halo.set_fault(Fault::Silence, false);
    profile.run(["sync"]).await.expect(0).says("Complete");
}

/// Another program holds the database, and a callback, tries to forward events and the daily sync all wait to write: the end
/// comes as soon. What was acknowledged before is there, and of what waited everything or nothing.
#[tokio::test(flavor = "multi_thread")]
async fn end_is_soon_while_another_program_holds_database() {
    let profile = profile().await;
    let workspace = profile.workspace();
    let service = Service::start_with(&profile, &["--forward-to", "http://127.0.0.1:9/"]).await;
    let secrets = secrets(&profile);
    let before: Vec<Value> = (0..20).map(|n| json!({ "id": format!("before-{n}") })).collect();
    assert_eq!(service.callback(&secrets, "ticket-created", &json!(before)).await.status, 200);
    assert_eq!(service.terminate().await, 143);

    let holder = rusqlite::Connection::open(workspace.paths().store()).unwrap();
    // Each of them is due again: eight at once are tried, and each try is to be written down.
    holder.execute_batch("UPDATE events SET forward_at = NULL; BEGIN IMMEDIATE").unwrap();
    let service = Service::start_with(&profile, &["--forward-to", "http://127.0.0.1:9/"]).await;
    let batch: Vec<Value> = (0..50).map(|n| json!({ "id": format!("held-up-{n}") })).collect();
    let body = json!(batch).to_string();
    let request = format!(
        "POST /callbacks/acme/ticket-created/{} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: {}\r\n\r\n{body}",
        secrets.token.expose(),
        basic("pia", secrets.password.expose()),
        body.len()
    );
    let mut streams: Vec<_> = (0..3).map(|_| service.connect()).collect();
    for stream in &mut streams {
        stream.write_all(request.as_bytes()).unwrap();
    }
    // They are at the service: it has answered somebody who came after them.
    assert_eq!(service.get("/healthz").await.0, 200);
    let began = Instant::now();
    assert_eq!(service.terminate().await, 143);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    for mut stream in streams {
        let mut answer = String::new();
        _ = stream.read_to_string(&mut answer);
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let whole: String = holder.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    holder.execute_batch("ROLLBACK").unwrap();

    // It comes again, as Halo sends it again: everything is there once.
    let service = Service::start(&profile).await;
    let ids = async || stored(&profile).await.into_iter().map(|event| event["id"].as_str().unwrap().to_owned());
    let held_up = ids().await.filter(|id| id.starts_with("held-up")).count();
    assert!(held_up == 0 || held_up == 50, "{held_up} of 50 are stored");
    assert_eq!(service.callback(&secrets, "ticket-created", &json!(batch)).await.status, 200);
    let ids: std::collections::BTreeSet<String> = ids().await.collect();
    assert_eq!(ids.len(), 70);
}

/// Nothing ticks: while nothing comes in, no thread of the service wakes up before the next sync is due.
#[tokio::test(flavor = "multi_thread")]
async fn idle_service_wakes_nobody_and_is_small() {
    let profile = profile().await;
    let service = Service::start(&profile).await;
    let secrets = secrets(&profile);
    assert_eq!(service.callback(&secrets, "ticket-created", &json!({ "id": "one" })).await.status, 200);
    // A spare thread of the runtime ends ten seconds after its last work, and an idle connection of ours some time later.
    let mut look = tokio::time::interval(Duration::from_secs(2));
    look.tick().await;
    let mut seen = Vec::new();
    for _ in 0..30 {
        let before = service.wakes();
        look.tick().await;
        let after = service.wakes();
        if before == after {
            seen.clear();
            break;
        }
        seen.push(after);
    }
    assert!(seen.is_empty(), "{seen:?}");
    // An unoptimised program is large by its code alone, more or less of it as other programs of the same file run; what it
    // holds besides is its own.
    assert!(service.own_memory() < 10 << 10, "{} KiB of its own", service.own_memory());
    assert!(cfg!(debug_assertions) || service.memory() < 20 << 10, "{} KiB", service.memory());
}

/// What is written down: how the service began and ended, and one line for a flood; no line for each callback, and nothing
/// that would let somebody in.
#[tokio::test(flavor = "multi_thread")]
async fn log_is_line_for_what_is_noteworthy_and_has_no_token() {
    let profile = profile().await;
    let service = Service::start(&profile).await;
    let secrets = secrets(&profile);
    for n in 0..50 {
        assert_eq!(service.callback(&secrets, "ticket-created", &event(&format!("e{n}"), 1)).await.status, 200);
        let forged = format!("/callbacks/acme/ticket-created/{}x", secrets.token.expose());
        assert_eq!(service.post(&forged, Some(("pia", secrets.password.expose())), "{}").await.status, 404);
    }
    // Files that cannot be read are told of once, and not read again for each who knocks.
    let whole = std::fs::read_to_string(profile.config()).unwrap();
    // Put in its place whole, as editors do: written in place, it would be seen empty as well.
    let replace = |text: &str| {
        let fresh = profile.config().with_extension("fresh");
        std::fs::write(&fresh, text).unwrap();
        std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(&fresh, profile.config()).unwrap();
    };
    replace("no settings");
    for n in 0..50 {
        assert_eq!(service.callback(&secrets, "ticket-created", &event(&format!("f{n}"), 1)).await.status, 200);
    }
    replace(&whole);
    assert_eq!(service.callback(&secrets, "ticket-created", &event("last", 1)).await.status, 200);
    let (_, metrics) = service.get("/metrics").await;
    for line in ["pia_halo_callbacks_total{outcome=\"refused\"} 50", "pia_halo_callbacks_total{outcome=\"stored\"} 101"]
    {
        assert!(metrics.lines().any(|found| found == line), "{metrics}");
    }
    assert_eq!(service.terminate().await, 143);
    let log = std::fs::read_to_string(profile.folder.path().join("state/pia-halo/pia-halo.log")).unwrap();
    let lines = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    assert_eq!(lines("the service is receiving callbacks"), 1, "{log}");
    assert_eq!(lines("the service has stopped"), 1);
    assert_eq!(lines("request rejected: address"), 1);
    assert_eq!(lines("the settings cannot be read"), 1, "{log}");
    let of_service: Vec<&str> =
        log.lines().skip_while(|line| !line.contains("the service is receiving callbacks")).collect();
    // Each part of the service may say once that it cannot read them; but no line stands for a callback.
    assert!(of_service.len() < 20, "{of_service:#?}");
    // Each line is a moment, a level, and words with their values as `name=value`.
    for line in &of_service {
        let mut words = line.split_whitespace();
        assert!(words.next().unwrap().parse::<Timestamp>().is_ok(), "{line}");
        assert!(["INFO", "WARN", "ERROR"].contains(&words.next().unwrap()), "{line}");
    }
    assert!(of_service[0].contains("address=127.0.0.1:"), "{}", of_service[0]);
    for secret in secrets_of(&profile) {
        for form in forms(&secret) {
            assert!(!log.contains(&form) && !metrics.contains(&form));
        }
    }
}

/// Waits until the service means to sync at this time.
async fn runs_at(service: &Service, time: &str) {
    let (hour, minute) = time.split_once(':').unwrap();
    let wanted = hour.parse::<i64>().unwrap() * 3_600 + minute.parse::<i64>().unwrap() * 60;
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut look_again = tokio::time::interval(Duration::from_millis(20));
    loop {
        let (_, metrics) = service.get("/metrics").await;
        let line = metrics.lines().find_map(|line| line.strip_prefix("pia_halo_next_sync_timestamp_seconds "));
        // Not there before the settings were looked at for the first time.
        if line.is_some_and(|moment| moment.parse::<i64>().unwrap().rem_euclid(86_400) == wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "{time}: {line:?}");
        look_again.tick().await;
    }
}

/// The settings are a link into another folder, over a second link, as managers of configurations make them: what they lead
/// to is written in place, replaced, and switched to another folder, and each time the service knows before anybody knocks.
#[tokio::test(flavor = "multi_thread")]
async fn settings_behind_link_are_taken_up_without_restart() {
    use std::os::unix::fs::symlink;
    let profile = profile().await;
    let managed = profile.folder.path().join("managed");
    let text = std::fs::read_to_string(profile.config()).unwrap();
    let put = |version: &str, time: &str| {
        std::fs::create_dir_all(managed.join(version)).unwrap();
        let (new, file) = (managed.join("new"), managed.join(version).join("config.toml"));
        std::fs::write(&new, text.replace("04:30", time)).unwrap();
        std::fs::rename(new, file).unwrap();
    };
    put("1", "05:01");
    symlink("1", managed.join("now")).unwrap();
    std::fs::remove_file(profile.config()).unwrap();
    symlink("../../managed/now/config.toml", profile.config()).unwrap();
    let service = Service::start(&profile).await;
    runs_at(&service, "05:01").await;
    std::fs::write(managed.join("1/config.toml"), text.replace("04:30", "05:02")).unwrap();
    runs_at(&service, "05:02").await;
    put("1", "05:03");
    runs_at(&service, "05:03").await;
    put("2", "05:04");
    symlink("2", managed.join("next")).unwrap();
    std::fs::rename(managed.join("next"), managed.join("now")).unwrap();
    runs_at(&service, "05:04").await;
    put("2", "05:05");
    runs_at(&service, "05:05").await;
}

/// Another program changes the time: the service knows before anybody knocks.
#[tokio::test(flavor = "multi_thread")]
async fn time_changed_by_another_program_needs_no_restart() {
    let profile = profile().await;
    let service = Service::start(&profile).await;
    runs_at(&service, "04:30").await;
    let text = std::fs::read_to_string(profile.folder.path().join("acme.answers.toml")).unwrap();
    let file = profile.folder.path().join("later.toml");
    std::fs::write(&file, text.replace("04:30", "17:05")).unwrap();
    let mut command = profile.command(["setup", "--answers", &file.to_string_lossy(), "--client-secret-file", "-"]);
    command.env("TERM", "dumb");
    crate::support::run(command, profile.halo.client_secret().to_owned()).await.expect(0);
    runs_at(&service, "17:05").await;
    let status: Value = profile.json(["status"], 0).await;
    assert_eq!(status["service"]["running"], true);
}

/// `pia-halo.socket`: the listening socket stays with systemd while the service is restarted, so nobody is refused. Each
/// callback has a connection and an id of its own; what was answered 200 is in the store, once.
/// `PIA_HALO_RESTARTS=1000` for as many restarts.
#[tokio::test(flavor = "multi_thread")]
async fn restarts_on_handed_over_socket_refuse_and_lose_no_callback() {
    let restarts: usize = std::env::var("PIA_HALO_RESTARTS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let profile = profile().await;
    let systemd = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = systemd.local_addr().unwrap();
    let start = || {
        // As systemd does it: the socket is descriptor 3 of the program, by its own process id.
        let handed = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", handed, env!("CARGO_BIN_EXE_pia-halo"), "serve"]).env_clear().envs(profile.environment());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(std::os::fd::OwnedFd::from(systemd.try_clone().unwrap()));
        Service::start_by(command)
    };
    let mut service = start().await;
    assert_eq!(service.address, address);
    let secrets = secrets(&profile);
    let is_over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let over = std::sync::Arc::clone(&is_over);
    let caller = tokio::spawn(async move {
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        let url = format!("http://{address}/callbacks/acme/ticket-created/{}", secrets.token.expose());
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        let (mut calls, mut sent) = (tokio::task::JoinSet::new(), 0_u64);
        while !over.load(std::sync::atomic::Ordering::Relaxed) {
            pace.tick().await;
            sent += 1;
            let body = event(&format!("call-{sent}"), 33_470).to_string();
            let call = http.post(&url).basic_auth("pia", Some(secrets.password.expose())).body(body);
            calls.spawn(async move { call.send().await.map(|answer| answer.status().as_u16()) });
        }
        let answers = calls.join_all().await;
        let failed: Vec<_> = answers.into_iter().filter(|answer| !matches!(answer, Ok(200))).collect();
        assert!(failed.is_empty(), "{} of {sent} failed, such as {:?}", failed.len(), failed.first());
        sent
    });
    for _ in 0..restarts {
        assert_eq!(service.terminate().await, 143);
        service = start().await;
    }
    is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    let sent = caller.await.unwrap();
    let id = "acme".parse().unwrap();
    assert_eq!(profile.store().count_events(&id).unwrap(), sent, "each once");
    println!("{restarts} restarts, {sent} callbacks: none refused, none lost, none double");
    service.terminate().await;
}
