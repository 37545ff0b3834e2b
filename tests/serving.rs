//! `serve`: callbacks are stored before they are answered, each once; what is no callback is refused, all alike.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pia_halo::demo::Options;
use pia_halo::domain::callback::CallbackSecrets;
use serde_json::{Value, json};

use crate::support::service::{Answered, Service, basic, event, guid, named, secrets, stored};
use crate::support::{Profile, login_name};

async fn serving() -> (Profile, Service, CallbackSecrets) {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let service = Service::start(&profile).await;
    let secrets = secrets(&profile);
    (profile, service, secrets)
}

/// R71: a copy is acknowledged and not stored twice: at once, later, in a batch, after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_stored_once_also_across_restart() {
    let (profile, service, secrets) = serving().await;
    let first = event("8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77", 33_479);
    for _ in 0..3 {
        assert_eq!(service.callback(&secrets, "ticket-created", &first).await.status, 200);
    }
    let same = async || service.callback(&secrets, "ticket-created", &event("two-at-once", 1)).await.status;
    let (one, other) = tokio::join!(same(), same());
    assert_eq!((one, other), (200, 200));
    let batch: Vec<Value> =
        (0..97).map(|n| event(&format!("batch-{n}"), n + 1)).chain((0..3).map(|_| first.clone())).collect();
    assert_eq!(service.callback(&secrets, "ticket-updated", &json!(batch)).await.status, 200);
    assert_eq!(service.terminate().await, 143);

    let service = Service::start(&profile).await;
    assert_eq!(service.callback(&secrets, "ticket-created", &first).await.status, 200);
    let events = stored(&profile).await;
    assert_eq!(events.len(), 1 + 1 + 97);
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len());
    assert_eq!(events[0]["group"], "ticket-created");
    assert_eq!(events[0]["ticket_id"], 33_479);
    assert_eq!(events[0]["event"], "New Ticket Logged");
    assert!(events[0]["received_at"].as_str().unwrap().ends_with('Z'));
}

/// What somebody's own payload calls `id` is no event's id: two events with the same one are two.
#[tokio::test(flavor = "multi_thread")]
async fn two_events_with_same_id_of_somebodys_own_are_both_stored() {
    let (profile, service, secrets) = serving().await;
    let bodies = [
        json!({ "id": 123 }),
        json!({ "id": "abc", "event": "e", "object_id": 7 }),
        json!({ "id": "33479", "ticket_id": 7 }),
        json!({ "id": guid("a client"), "ticket_id": 7 }),
        json!({ "ticket_id": 7 }),
    ];
    for body in &bodies {
        for _ in 0..2 {
            assert_eq!(service.callback(&secrets, "ticket-updated", body).await.status, 200);
        }
        let batch = json!([body, body]);
        assert_eq!(service.callback(&secrets, "ticket-updated", &batch).await.status, 200);
    }
    assert_eq!(stored(&profile).await.len(), 4 * bodies.len());
}

/// The answer comes after the disk: whatever moment the program is killed at, what was acknowledged is there.
#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_event_is_lost_by_kill() {
    let (profile, mut service, secrets) = serving().await;
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    for round in 0..8_u64 {
        let until = Instant::now() + Duration::from_millis(20 + round * 17);
        let send = async |worker: u64| {
            let mut mine = Vec::new();
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let url = format!("http://{}/callbacks/acme/ticket-created/{}", service.address, secrets.token.expose());
            for n in 0.. {
                let id = format!("{round}-{worker}-{n}");
                let body = event(&id, 7).to_string();
                let request = http.post(&url).basic_auth("pia", Some(secrets.password.expose())).body(body);
                match request.send().await {
                    Ok(answer) if answer.status().is_success() => mine.push(id),
                    _ => break,
                }
                if Instant::now() > until {
                    // In the middle of what the others do.
                    let pid = rustix::process::Pid::from_raw(service.pid()).unwrap();
                    _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                }
            }
            mine
        };
        let (a, b, c) = tokio::join!(send(0), send(1), send(2));
        acknowledged.extend([a, b, c].concat());
        service.kill();
        service = Service::start(&profile).await;
    }
    let events = stored(&profile).await;
    let ids: BTreeSet<String> = events.iter().map(|event| named(event["id"].as_str().unwrap())).collect();
    assert_eq!(ids.len(), events.len(), "none twice");
    let lost: Vec<&String> = acknowledged.difference(&ids).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(acknowledged.len() > 8);
}

/// The same, seen from the kernel: between the arrival of a callback and the write of its 200 the log of the database is
/// synced to the disk, each time.
#[tokio::test(flavor = "multi_thread")]
async fn status_200_is_written_after_disk_has_event() {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("SKIPPED: there is no strace on this machine, so nobody saw the order of the calls");
        return;
    }
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let calls = profile.folder.path().join("calls");
    let program = profile.command(["serve", "--listen", "127.0.0.1:0"]);
    let mut traced = Command::new("strace");
    // The tracer stands beside the service and not above it; of each text it writes too little to hold a token.
    traced.args(["-D", "-f", "-q", "-y", "-s", "30", "-o"]).arg(&calls);
    traced.args(["-e", "trace=fsync,fdatasync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg"]);
    traced.arg(program.get_program()).args(program.get_args()).env_clear();
    traced.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if traced_by_nobody(&profile).await {
        println!("SKIPPED: strace may not trace here");
        return;
    }
    let service = Service::start_by(traced).await;
    let secrets = secrets(&profile);
    for n in 0..5 {
        // About no ticket: nothing else has a reason to write meanwhile.
        let body = json!({ "id": format!("e{n}") });
        assert_eq!(service.callback(&secrets, "ticket-created", &body).await.status, 200);
    }
    assert_eq!(service.terminate().await, 143);
    let is_over = || std::fs::read_to_string(&calls).unwrap().contains("+++ exited with");
    crate::support::until(is_over).await;

    let text = std::fs::read_to_string(&calls).unwrap();
    let mut syncing: BTreeSet<&str> = BTreeSet::new();
    let mut seen = Vec::new();
    for line in text.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        let is_sync = call.starts_with("fsync(") || call.starts_with("fdatasync(");
        let of_log = is_sync && call.contains("pia-halo.db-wal>");
        if of_log && call.contains("<unfinished") {
            syncing.insert(thread);
        }
        let resumed = call.starts_with("<... f") && call.contains("sync resumed>") && syncing.remove(thread);
        if (of_log || resumed) && call.ends_with("= 0") {
            seen.push("synced");
        } else if call.contains("\"POST /callbacks/") {
            seen.push("came");
        } else if call.contains("\"HTTP/1.1 200") && (call.starts_with("write") || call.starts_with("send")) {
            seen.push("answered");
        }
    }
    let asked: Vec<usize> = (0..seen.len()).filter(|at| seen[*at] == "came").collect();
    assert_eq!(asked.len(), 5, "{seen:?}");
    for came in asked {
        let answered = (came..seen.len()).find(|at| seen[*at] == "answered").expect("it was answered");
        assert!(seen[came..answered].contains(&"synced"), "{seen:?}");
    }
}

/// Whether strace exists and may not trace, as in some containers.
async fn traced_by_nobody(profile: &Profile) -> bool {
    let program = profile.command(["--version"]);
    let mut traced = Command::new("strace");
    traced.args(["-D", "-f", "-q", "-o", "/dev/null"]).arg(program.get_program()).args(program.get_args()).env_clear();
    traced.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = crate::support::run(traced, String::new()).await;
    ran.code != 0 || ran.stderr.contains("ptrace")
}

/// R70: nothing but the whole truth is let in, and every refusal looks alike.
#[tokio::test(flavor = "multi_thread")]
async fn forgeries_are_refused_and_none_is_told_from_another() {
    let (profile, service, secrets) = serving().await;
    profile.save("other", "").await.expect(0);
    let other = profile.settings().secrets(&"other".parse().unwrap()).unwrap().callback.unwrap();
    let (token, password) = (secrets.token.expose(), secrets.password.expose());
    let mut paths: Vec<String> = vec![
        "/callbacks/acme/ticket-created/".into(),
        "/callbacks/acme/ticket-created".into(),
        "/callbacks/acme".into(),
        "/".into(),
        "//callbacks/acme/ticket-created/".to_owned() + token,
        format!("/callbacks/acme/ticket-created//{token}"),
        format!("/callbacks/acme/ticket-created/{token}/"),
        format!("/callbacks/acme/ticket-created/{token}/x"),
        format!("/callbacks/acme/ticket-created/../ticket-created/{token}x"),
        format!("/callbacks/acme/ticket-deleted/{token}"),
        format!("/callbacks/ACME/ticket-created/{token}"),
        format!("/callbacks/nobody/ticket-created/{token}"),
        format!("/callbacks/other/ticket-created/{token}"),
        format!("/callbacks/acme/ticket-created/{}", other.token.expose()),
        format!("/callbacks/acme/ticket-created/{}", token.to_uppercase()),
        format!("/callbacks/acme/ticket-created/{}", &token[1..]),
        format!("/callbacks/acme/ticket-created/{}", &token[..token.len() - 1]),
        format!("/callbacks/acme/ticket-created/x?token={token}"),
        format!("/callbacks/acme/ticket-created/?{token}"),
        format!("/callbacks/acme/ticket-created/%{:02x}{}", token.as_bytes()[0], &token[1..]),
    ];
    // Every bit of the token, turned.
    for at in 0..token.len() {
        for bit in 0..7 {
            let mut forged = token.as_bytes().to_vec();
            forged[at] ^= 1 << bit;
            if forged[at].is_ascii_alphanumeric() || b"-_".contains(&forged[at]) {
                paths.push(format!("/callbacks/acme/ticket-created/{}", String::from_utf8(forged).unwrap()));
            }
        }
    }
    let body = event("forged", 1).to_string();
    let mut seen: Vec<Answered> = Vec::new();
    for path in &paths {
        seen.push(service.post(path, Some(("pia", password)), body.clone()).await);
    }
    let good = format!("/callbacks/acme/ticket-created/{token}");
    for user in [
        None,
        Some(("pia", "")),
        Some(("pia", token)),
        Some(("PIA", password)),
        Some(("", password)),
        Some(("pia", &password[1..])),
    ] {
        seen.push(service.post(&good, user, body.clone()).await);
    }
    let refusal = Answered { status: 404, body: "not found\n".into(), headers: seen[0].headers.clone() };
    for (answer, path) in seen.iter().zip(&paths) {
        assert_eq!(*answer, refusal, "{}", path.replace(token, "TOKEN"));
    }
    assert!(seen.iter().all(|answer| *answer == refusal));
    assert!(seen.len() > 150, "{}", seen.len());
    // Another method, and a body that nobody reads: the same.
    assert_eq!(service.get(&good).await, (404, refusal.body.clone()));
    let head = "POST /callbacks/acme/ticket-created/x HTTP/1.1\r\nhost: x\r\ncontent-length: 4194304\r\n\r\n";
    let unread = service.raw(head.into()).await;
    assert!(unread.starts_with("HTTP/1.1 404") && unread.ends_with(&refusal.body), "{unread}");
    assert_eq!(stored(&profile).await, [] as [Value; 0]);
    assert_eq!(service.callback(&secrets, "ticket-created", &event("true", 1)).await.status, 200);
    assert_eq!(stored(&profile).await.len(), 1);
}

/// R73: sizes, types and depths; none of them stores anything or takes memory.
#[tokio::test(flavor = "multi_thread")]
async fn body_that_is_no_event_is_refused_with_its_reason() {
    let (profile, service, secrets) = serving().await;
    let path = format!("/callbacks/acme/ticket-created/{}", secrets.token.expose());
    let user = Some(("pia", secrets.password.expose()));
    let largest = format!("{{\"id\":\"large\",\"x\":\"{}\"}}", "y".repeat((16 << 20) - 21));
    assert_eq!(largest.len(), 16 << 20);
    let deep = "[".repeat(200) + &"]".repeat(200);
    for (body, status) in [
        (largest.clone().into_bytes(), 200),
        (format!("{largest} ").into_bytes(), 413),
        (Vec::new(), 400),
        (b"null".to_vec(), 400),
        (b"not json".to_vec(), 400),
        (deep.into_bytes(), 200),
        (vec![0xff; 100], 400),
        (vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0], 400),
        (format!("{{\"id\":\"20 kB\",\"x\":\"{}\"}}", "y".repeat(20 << 10)).into_bytes(), 200),
        (b"[1]".to_vec(), 200),
        (b"{\"id\":7,\"ticket\":[],\"event\":{}}".to_vec(), 200),
        (b"[]".to_vec(), 200),
        (b"{}".to_vec(), 200),
    ] {
        let length = body.len();
        assert_eq!(service.post(&path, user, body).await.status, status, "{length} bytes");
    }
    // More than is read on: the connection closes while the sender still writes, and the answer is there all the same.
    let length = 24 << 20;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: {length}\r\n\r\n",
        basic("pia", secrets.password.expose())
    );
    let larger = service.raw([head.into_bytes(), vec![b'x'; length]].concat()).await;
    assert!(larger.starts_with("HTTP/1.1 413"), "{larger}");
    // Without a length, and without an end.
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        basic("pia", secrets.password.expose())
    );
    let chunk = format!("10000\r\n{}\r\n", "z".repeat(0x10000));
    let endless = service.raw([head.into_bytes(), chunk.repeat(300).into_bytes()].concat()).await;
    assert!(endless.starts_with("HTTP/1.1 413"), "{endless}");
    // A hundred and sixty megabytes, packed into less than one: nothing is unpacked, whatever the header says.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..160 {
        bomb.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-encoding: gzip\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        basic("pia", secrets.password.expose()),
        bomb.len()
    );
    let unpacked = service.raw([head.into_bytes(), bomb].concat()).await;
    assert!(unpacked.starts_with("HTTP/1.1 415"), "{unpacked}");
    assert_eq!(stored(&profile).await.len(), 6);
    assert!(service.peak_memory() < 100 << 10, "{} KiB", service.peak_memory());
}

/// R73: five hundred senders who may, and dribble: ended in their time, and others are served meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_dribble_are_ended_and_hold_up_nobody() {
    let (profile, service, secrets) = serving().await;
    let head = format!(
        "POST /callbacks/acme/ticket-created/{} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: 1000\r\n\r\n{{",
        secrets.token.expose(),
        basic("pia", secrets.password.expose())
    );
    let mut slow: Vec<_> = (0..500).map(|_| service.connect()).collect();
    for stream in &mut slow {
        stream.write_all(head.as_bytes()).unwrap();
    }
    for n in 0..20 {
        assert_eq!(service.callback(&secrets, "ticket-created", &event(&format!("true-{n}"), 1)).await.status, 200);
    }
    let answers = tokio::task::spawn_blocking(move || {
        let read = |stream: &mut std::net::TcpStream| {
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).map(|()| String::from_utf8_lossy(&answer).into_owned()).unwrap_or_default()
        };
        slow.iter_mut().map(read).collect::<BTreeSet<String>>()
    });
    assert_eq!(answers.await.unwrap(), BTreeSet::from(["HTTP/1.1 408".to_owned()]));
    assert_eq!(stored(&profile).await.len(), 20);
}

/// R73: five hundred connections that say nothing, and a flood of forgeries, keep no true event out.
#[tokio::test(flavor = "multi_thread")]
async fn crowd_that_says_nothing_keeps_nobody_out() {
    let (profile, service, secrets) = serving().await;
    let mut crowd = Vec::new();
    for n in 0..1_200 {
        let mut stream = service.connect();
        if n % 2 == 0 {
            stream.write_all(b"POST /callbacks/acme/ticket-created/x HTTP/1.1\r\nhost: x\r\nx-").unwrap();
        }
        crowd.push(stream);
    }
    let forged = async {
        for _ in 0..200 {
            let answer = service.post("/callbacks/acme/ticket-created/forged", None, "{}").await;
            assert_eq!(answer.status, 404);
        }
    };
    let truly = async {
        for n in 0..50 {
            assert_eq!(service.callback(&secrets, "ticket-created", &event(&format!("true-{n}"), 1)).await.status, 200);
        }
    };
    tokio::join!(forged, truly);
    assert_eq!(stored(&profile).await.len(), 50);
    assert!(service.peak_memory() < 100 << 10, "{} KiB", service.peak_memory());
    // The oldest of those who say nothing had to make room.
    let mut byte = [0];
    assert_eq!(crowd[0].read(&mut byte).unwrap_or(0), 0);
}

/// A second service of the same profile is refused, and says who has it; the first ends tidily.
#[tokio::test(flavor = "multi_thread")]
async fn one_service_runs_at_time_and_status_knows_it() {
    let (profile, service, secrets) = serving().await;
    assert_eq!(service.get("/healthz").await, (200, "ok\n".to_owned()));
    profile.run(["serve", "--listen", "127.0.0.1:0"]).await.expect(6).says(&format!("serve by {}", login_name()));
    service.callback(&secrets, "ticket-created", &event("one", 1)).await;
    let status = profile.json(["status"], 0).await;
    assert_eq!(status["service"]["running"], true);
    assert!(status["service"]["last_event_at"].is_string());
    let (code, metrics) = service.get("/metrics").await;
    assert_eq!(code, 200);
    assert!(metrics.contains("pia_halo_events_total 1\n"), "{metrics}");
    assert!(metrics.contains("pia_halo_next_sync_timestamp_seconds 1"), "{metrics}");
    assert!(!metrics.contains(secrets.token.expose()));
    assert_eq!(service.terminate().await, 143);
    let status = profile.json(["status"], 0).await;
    assert_eq!(status["service"]["running"], false);
}

/// A restart is no event: what was known before it is shown from the first moment on, and what never was is not there.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_know_last_event_and_last_sync_after_restart() {
    let (profile, service, secrets) = serving().await;
    let of = |metrics: &str, name: &str| -> Option<i64> {
        let name = format!("pia_halo_last_{name}_timestamp_seconds ");
        metrics.lines().find_map(|line| line.strip_prefix(&*name)).map(|moment| moment.parse().unwrap())
    };
    let (_, metrics) = service.get("/metrics").await;
    assert_eq!((of(&metrics, "event"), of(&metrics, "sync")), (None, None), "{metrics}");
    assert_eq!(service.callback(&secrets, "ticket-created", &event("one", 1)).await.status, 200);
    assert_eq!(service.terminate().await, 143);
    let workspace = profile.workspace();
    let synced: jiff::Timestamp = "2026-11-01T04:30:20Z".parse().unwrap();
    let day = ("2026-11-01".parse().unwrap(), pia_halo::domain::daily::DailyOutcome::Synced);
    crate::support::store_of(&workspace).note_days(&profile.id(), &[day], synced).unwrap();
    let last = crate::support::store_of(&workspace).last_event_at(&profile.id()).unwrap().unwrap();
    let service = Service::start(&profile).await;
    let (_, metrics) = service.get("/metrics").await;
    let wanted = (Some(last.as_second()), Some(synced.as_second()));
    assert_eq!((of(&metrics, "event"), of(&metrics, "sync")), wanted, "{metrics}");
}

/// Settings that another program changes are taken up without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn new_configuration_is_known_to_running_service() {
    let (profile, service, _) = serving().await;
    profile.save("later", "").await.expect(0);
    let later = profile.settings().secrets(&"later".parse().unwrap()).unwrap().callback.unwrap();
    let path = format!("/callbacks/later/ticket-created/{}", later.token.expose());
    let answer = service.post(&path, Some(("pia", later.password.expose())), event("x", 1).to_string()).await;
    assert_eq!(answer.status, 200);
}
