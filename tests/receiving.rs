//! What Halo really sends: its forms as recorded, a large batch, broken elements; and what somebody with the right token can do
//! to the service.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use pia_halo::demo::Options;
use pia_halo::domain::callback::CallbackSecrets;
use serde_json::{Value, json};

use crate::support::service::{Service, basic, event, guid, secrets, stored};
use crate::support::{Profile, files, until};

async fn serving() -> (Profile, Service, CallbackSecrets) {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let service = Service::start(&profile).await;
    let secrets = secrets(&profile);
    (profile, service, secrets)
}

fn path(secrets: &CallbackSecrets) -> String {
    format!("/callbacks/acme/ticket-updated/{}", secrets.token.expose())
}

/// A ticket as a real tenant sends it: 83 kB, most of it a nested ticket type.
fn full(name: &str, ticket: i64) -> Value {
    let mut event = event(name, ticket);
    event["event"] = json!("ticket status changed");
    event["ticket"]["tickettype"] =
        json!((0..700).map(|n| (format!("member_{n}"), "x".repeat(97))).collect::<Vec<_>>());
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_deliveries_are_stored_as_index_says() {
    let (profile, service, secrets) = serving().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let (status, new) = ("Ticket Status Changed", "New Ticket Logged");
    // Each event: its id, its ticket, what happened.
    let wanted = [
        ("status-changed-2026", vec![(Some("47936930-b1bb-4a57-836a-d9b47fa4bf52"), 4242, Some(status))]),
        ("new-ticket-with-action", vec![(Some("0450116a-6c37-480e-83c2-bb531e4869ec"), 4250, Some(new))]),
        ("event-only", vec![(Some("81e22883-7e2a-407b-8e44-e9d66533b440"), 4242, Some(status))]),
        (
            "batch",
            vec![
                (Some("f31b9bea-1bed-4122-b612-eeb7ec9e1975"), 4242, Some(status)),
                (Some("c8a8feae-9c5c-4952-afd2-29549c5e940a"), 4250, Some(new)),
                (Some("094a29ac-03bb-4d74-86ba-aa174cd51be9"), 4242, Some(status)),
            ],
        ),
        ("runbook-payload", vec![(None, 4242, None)]),
    ];
    let mut seen = 0;
    for (name, wanted) in wanted {
        let text = std::fs::read_to_string(folder.join(format!("delivery-{name}.json"))).unwrap();
        let recorded: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(service.callback(&secrets, "ticket-updated", &recorded["body"]).await.status, 200, "{name}");
        let events = stored(&profile).await;
        for (event, (id, ticket, what)) in events[seen..].iter().zip(&wanted) {
            assert_eq!((event["ticket_id"].as_i64(), event["event"].as_str()), (Some(*ticket), *what), "{name}");
            assert!(id.is_none_or(|id| event["id"] == id) && event.get("not_understood").is_none(), "{name}: {event}");
        }
        assert_eq!(events.len() - seen, wanted.len(), "{name}");
        seen = events.len();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_of_200_full_tickets_is_stored_each_event_once() {
    let (profile, service, secrets) = serving().await;
    let batch: Vec<Value> = (0..200).map(|n| full(&format!("full-{n}"), n + 1)).collect();
    let batch = json!(batch);
    let length = batch.to_string().len();
    assert!((16_000_000..16 << 20).contains(&length), "{length}");
    for _ in 0..2 {
        assert_eq!(service.callback(&secrets, "ticket-updated", &batch).await.status, 200);
        assert_eq!(stored(&profile).await.len(), 200);
    }
    let peak = service.peak_memory();
    assert!(peak < 100 << 10, "{peak} kB");
}

/// One of the largest size each, in every shape that takes a reader the most memory; at once.
#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_below_100_mib_under_large_bodies_at_once() {
    let (profile, service, secrets) = serving().await;
    let url = format!("http://{}{}", service.address, path(&secrets));
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(300)).build().unwrap();
    let of = |part: &str| part.repeat((15 << 20) / part.len());
    let bodies = [
        (format!("{{\"ticket_id\":1,\"x\":[{}0]}}", of("0,")), 200),
        (format!("{{\"ticket_id\":2,\"x\":{}{}}}", "[".repeat(7 << 20), "]".repeat(7 << 20)), 200),
        (format!("{{\"ticket_id\":3,{}\"x\":0}}", of("\"a\":0,")), 200),
        (format!("[{}{{}}]", of("{},")), 413),
        (format!("{{\"ticket_id\":4,\"x\":\"{}\"}}", of("y")), 200),
        (format!("{{\"ticket_id\":5,\"x\":\"{}\"}}", of("y")), 200),
    ];
    let sent = bodies.iter().map(|(body, status)| {
        let request = || http.post(&url).basic_auth("pia", Some(secrets.password.expose())).body(body.clone());
        async move {
            let answer = request().send().await.map_err(reqwest::Error::without_url).unwrap();
            assert_eq!(answer.status().as_u16(), *status, "{body:.40}");
        }
    });
    futures_util::future::join_all(sent).await;
    // The code of the shipped program is at most 16 MiB of the hundred.
    let peak = service.own_peak_memory();
    assert!(peak < 84 << 10, "{peak} kB");
    assert_eq!(stored(&profile).await.len(), 5);
}

/// Fifteen hundred senders with the right token that never end, each with more than is free: true events come in all the same.
#[tokio::test(flavor = "multi_thread")]
async fn slow_senders_with_right_token_starve_nobody() {
    let (profile, service, secrets) = serving().await;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: 1000000\r\n\r\n{}",
        path(&secrets),
        basic("pia", secrets.password.expose()),
        " ".repeat(9_000)
    );
    // As many as this process may open.
    let mut slow = Vec::new();
    for _ in 0..1_500 {
        let Ok(mut stream) = std::net::TcpStream::connect(service.address) else { break };
        stream.set_nonblocking(true).unwrap();
        _ = stream.write(head.as_bytes());
        slow.push(stream);
    }
    assert!(slow.len() > 500, "{}", slow.len());
    drop(slow.drain(..10));
    for n in 0..5 {
        let began = Instant::now();
        let answer = service.callback(&secrets, "ticket-updated", &full(&format!("true-{n}"), n + 1)).await;
        assert_eq!(answer.status, 200);
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    }
    assert_eq!(stored(&profile).await.len(), 5);
    let peak = service.peak_memory();
    assert!(peak < 100 << 10, "{peak} kB");
}

/// Shown by its members, never by their values; the events beside it as if it were not there.
#[tokio::test(flavor = "multi_thread")]
async fn bad_element_is_stored_as_it_came_and_named() {
    let (profile, service, secrets) = serving().await;
    let user = Some(("pia", secrets.password.expose()));
    let bad =
        format!("{{\"id\":\"{}\",\"event\":\"e\",\"object_id\":7,\"summary\":\"plain words \\ud83d\"}}", guid("bad"));
    let body = format!("[{},{bad},null,{}]", event("before", 1), event("after", 2));
    assert_eq!(service.post(&path(&secrets), user, body).await.status, 200);
    assert_eq!(service.post(&path(&secrets), user, bad.clone()).await.status, 200, "known already");
    let events = stored(&profile).await;
    let problems: Vec<&str> = events.iter().map(|event| event["not_understood"].as_str().unwrap_or("-")).collect();
    assert_eq!((events.len(), problems[0], problems[3]), (4, "-", "-"));
    assert!(problems[1].ends_with("its members: id, event, object_id, summary"), "{problems:?}");
    assert_eq!(problems[2], "null instead of an object");
    let shown = profile.run(["events", "--show", &guid("bad"), "--json"]).await.expect(0);
    assert_eq!(serde_json::from_str::<Value>(&shown.stdout).unwrap()["body"], bad);
    let listed = profile.run(["events"]).await.expect(0);
    assert!(listed.stdout.contains("not understood: ") && !listed.stdout.contains("plain words"), "{}", listed.stdout);
    let log = std::fs::read_to_string(profile.folder.path().join("state/pia-halo/pia-halo.log")).unwrap();
    assert!(log.contains("an event was not understood") && !log.contains("plain words"), "{log}");
    let is_issue = async || profile.run(["issues"]).await.expect(0).stdout.contains("not-understood");
    assert!(is_issue().await, "for a week");
    let store = rusqlite::Connection::open(profile.store().path()).unwrap();
    store.execute("UPDATE events SET received_at = received_at - 8 * 86400000", []).unwrap();
    assert!(!is_issue().await, "it is known by then");
}

/// Halo sends plain JSON in UTF-8. Whatever comes otherwise is refused by one rule, and a person hears of it once, with how
/// many there were. What is only called packed is taken.
#[tokio::test(flavor = "multi_thread")]
async fn packed_or_wide_callback_is_refused_and_told_once() {
    let (profile, service, secrets) = serving().await;
    let user = Some(("pia", secrets.password.expose()));
    let plain = event("e", 7).to_string();
    let wide = |units: Vec<u16>| units.into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let marked = wide(std::iter::once(0xfeff).chain(plain.encode_utf16()).collect());
    for body in [marked, wide(plain.encode_utf16().collect())] {
        let answer = service.post(&path(&secrets), user, body).await;
        assert!(answer.status == 415 && answer.body.contains("plain JSON in UTF-8"), "{answer:?}");
    }
    let called = |coding: &str, body: &[u8]| {
        let sign_in = basic("pia", secrets.password.expose());
        let head = format!("POST {} HTTP/1.1\r\nHost: pia\r\nAuthorization: {sign_in}\r\n", path(&secrets));
        let length = body.len();
        let rest = format!("Content-Encoding: {coding}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        [head.as_bytes(), rest.as_bytes(), body].concat()
    };
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff\xabV*I,I\xb5R\xb0\xaa\x05\0";
    let chunked = format!("{:x};chunk-signature=0\r\n{plain}\r\n0\r\n\r\n", plain.len());
    let cut = [b"{\"event\":\"e\",\"object_id\":7},", &gzip[..]].concat();
    let not_plain: [(&str, &[u8]); 5] = [
        ("gzip", gzip),
        ("br", gzip),
        ("identity, gzip", gzip),
        ("aws-chunked", chunked.as_bytes()),
        ("deflate", &cut),
    ];
    for (coding, body) in not_plain {
        assert!(service.raw(called(coding, body)).await.starts_with("HTTP/1.1 415 "), "{coding}");
    }
    assert!(stored(&profile).await.is_empty());
    let all = "7 deliveries with the right token were not stored: ";
    until(|| profile.store().health(&profile.id()).unwrap().iter().any(|found| found.fact.starts_with(all))).await;
    let issues = profile.json(["issues"], 0).await;
    let rows = issues["issues"].as_array().unwrap().iter().filter(|issue| issue["id"] == "not-understood");
    let rows: Vec<&Value> = rows.collect();
    assert!(rows.len() == 1 && rows[0]["cause"].as_str().unwrap().contains("not plain JSON in UTF-8"), "{issues}");
    profile.run(["issues", "dismiss", "not-understood"]).await.expect(0);
    for coding in ["identity", "identity, identity", "UTF-8", "none", "", "8bit", "binary", "aws-chunked", "gzip"] {
        assert!(service.raw(called(coding, plain.as_bytes())).await.starts_with("HTTP/1.1 200 "), "{coding}");
    }
    assert_eq!(stored(&profile).await.len(), 1);
}

/// Where the Client Secret is not in the settings, what comes in may not hold it either.
#[tokio::test(flavor = "multi_thread")]
async fn client_secret_of_environment_is_kept_of_no_callback() {
    let profile = Profile::set_up(Options { clients: 3, ..Options::default() }).await;
    let outside = "an-outside-secret-7f3c9b2e51d8";
    let mut command = profile.command(["serve", "--listen", "127.0.0.1:0"]);
    command.env("PIA_HALO_CLIENT_SECRET", outside);
    let (service, secrets) = (Service::start_by(command).await, secrets(&profile));
    let mut body = event("tells", 1);
    body["summary"] = json!(format!("see {outside}"));
    assert_eq!(service.callback(&secrets, "ticket-updated", &body).await.status, 200);
    let shown = profile.run(["events", "--show", &guid("tells"), "--json"]).await.expect(0).stdout;
    assert!(shown.contains("see ") && !shown.contains(&outside[..16]), "{shown}");
    for file in files(&profile.folder.path().join("data")) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(16).any(|window| window == &outside.as_bytes()[..16]), "{}", file.display());
    }
}

/// Whatever was acknowledged is in the file that the next start opens.
#[tokio::test(flavor = "multi_thread")]
async fn service_acknowledges_nothing_into_database_that_was_moved() {
    let (profile, service, secrets) = serving().await;
    assert_eq!(service.callback(&secrets, "ticket-updated", &event("before", 1)).await.status, 200);
    let store = profile.workspace().paths().store();
    for ending in ["", "-wal", "-shm"] {
        let name = |moved: &str| std::path::PathBuf::from(format!("{}{ending}{moved}", store.display()));
        _ = std::fs::rename(name(""), name(".old"));
    }
    assert_eq!(service.callback(&secrets, "ticket-updated", &event("after", 2)).await.status, 503);
    assert_eq!(service.exit().await, 1, "the next start opens what is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn service_writes_nothing_into_newer_database() {
    let (profile, service, secrets) = serving().await;
    let store = profile.workspace().paths().store();
    let newer = rusqlite::Connection::open(&store).unwrap();
    newer.pragma_update(None, "user_version", 100).unwrap();
    assert_eq!(service.callback(&secrets, "ticket-updated", &event("after", 2)).await.status, 503);
    let said = std::sync::Arc::clone(&service.said);
    assert_eq!(service.exit().await, 7, "a new start is refused, too");
    until(|| said.lock().unwrap().contains("this pia-halo supports version")).await;
    assert!(!said.lock().unwrap().contains("Start the service again"), "{}", said.lock().unwrap());
    let count: i64 = newer.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_event_shows_its_lag_and_status_warns() {
    let (profile, service, secrets) = serving().await;
    let sent = |ago: i64| (jiff::Timestamp::now() - jiff::SignedDuration::from_secs(ago)).to_string();
    let mut body = event("quick", 1);
    body["timestamp"] = json!(sent(2));
    assert_eq!(service.callback(&secrets, "ticket-updated", &body).await.status, 200);
    let status = profile.run(["status"]).await.expect(0);
    assert!(!status.stdout.contains("late"), "{}", status.stdout);
    let mut body = event("late", 1);
    body["timestamp"] = json!(sent(12 * 60));
    assert_eq!(service.callback(&secrets, "ticket-updated", &body).await.status, 200);
    let status = profile.run(["status"]).await.expect(0);
    assert!(status.stdout.contains("12 min late"), "{}", status.stdout);
    let status: Value = serde_json::from_str(&profile.run(["status", "--json"]).await.expect(0).stdout).unwrap();
    let lag = status["service"]["last_lag_ms"].as_i64().unwrap();
    assert!((720_000..780_000).contains(&lag), "{lag}");
    let shown = profile.run(["events", "--show", &guid("late")]).await.expect(0);
    assert!(shown.stdout.contains("12 min after it happened"), "{}", shown.stdout);
}

/// The token and the password come before the body: nobody else's is read.
#[tokio::test(flavor = "multi_thread")]
async fn body_is_read_after_token_and_password_were_found_right() {
    let (_profile, service, secrets) = serving().await;
    let head = |authorization: &str| {
        format!(
            "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\nexpect: 100-continue\r\n\
             connection: close\r\ncontent-length: 2\r\n\r\n",
            path(&secrets)
        )
    };
    let mut stream = service.connect();
    stream.write_all(head(&basic("pia", secrets.password.expose())).as_bytes()).unwrap();
    let mut first = [0; 25];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"{}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
