//! R11, R13, R14, R16: servers that are slow, garbled or far too large, over real sockets; where it is about time, with the
//! usual limits and the clock in our hand.

use std::time::Duration;

use tokio::time::Instant;

use super::testing::{Play, Server, bound, json, token};
use super::*;

/// One with the usual limits.
fn api(server: &Server) -> HaloApi {
    HaloApi::new(server.connection()).unwrap()
}

/// A whole page as bytes.
fn page() -> (Vec<u8>, Vec<u8>) {
    let body = r#"{"record_count":2,"clients":[{"id":1,"name":"North"},{"id":2,"name":"South"}]}"#;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    (head.into_bytes(), body.as_bytes().to_vec())
}

fn parts(play: &str) -> Play {
    let (head, body) = page();
    let padded = [b"HTTP/1.1 200 OK\r\nX-Slow: ".to_vec(), vec![b'x'; 500]].concat();
    match play {
        "a byte a second of the head" => Play::Slow(Vec::new(), padded),
        "a byte a second of the body" => Play::Slow(head, [body, vec![b' '; 500]].concat()),
        "silence after half of the head" => Play::Slow(head[..30].to_vec(), Vec::new()),
        "silence after the head" => Play::Slow(head, Vec::new()),
        "taken and never answered" => Play::Hang,
        _ => Play::Slow(head, body[..30].to_vec()),
    }
}

/// R13: whatever a server does to keep us waiting, one exchange takes no longer than 120 seconds, no silence in it longer
/// than 30, and the request as a whole is given up within two minutes and a bit. Nothing of it is taken for a page.
#[tokio::test(start_paused = true)]
async fn server_that_drips_or_falls_silent_is_given_up_in_time() {
    // How long one exchange of each may last.
    for (play, longest) in [
        ("a byte a second of the head", 120),
        ("silence after half of the head", 30),
        ("silence after the head", 30),
        ("taken and never answered", 30),
        ("half open after half a minute", 60),
    ] {
        let server = Server::halo(move |_, _| parts(play)).await;
        let api = api(&server);
        api.sign_in().await.unwrap();
        let started = Instant::now();
        let error = api.clients_page(1).await.unwrap_err();
        let took = started.elapsed();
        assert!(matches!(error, HaloError::NotReached { .. }), "{play}: {error:?}");
        assert!(took <= Duration::from_secs(125), "{play}: {took:?}");
        let asked = server.count("/api/Client") as u64;
        let pauses = 20;
        assert!(took.as_secs() <= asked * longest + pauses, "{play}: {asked} exchanges in {took:?}");
        assert!(asked == 1 || took.as_secs() / asked <= longest + pauses, "{play}: {asked} exchanges in {took:?}");
    }
}

/// A person's patience is for a person; and what is only nice to have takes a small part of its own.
#[tokio::test(start_paused = true)]
async fn patience_ends_waits_only_where_person_looks_on() {
    let server = Server::halo(|seen, _| match seen.path() {
        "/api/Agent/me" | "/api/Client" => Play::Hang,
        _ => json(200, "[]"),
    })
    .await;
    for (attended, least, most) in [(true, 9, 11), (false, 60, 125)] {
        let api = HaloApi::new(Connection { attended, ..server.connection() }).unwrap();
        api.sign_in().await.unwrap();
        let api = api.while_a_person_waits();
        let started = Instant::now();
        api.in_passing(Duration::from_secs(3)).own_agent().await.unwrap_err();
        assert!(started.elapsed().as_secs() <= 4, "{:?}", started.elapsed());
        let started = Instant::now();
        api.clients_page(1).await.unwrap_err();
        let took = started.elapsed().as_secs();
        assert!((least..=most).contains(&took), "{attended}: {took} s");
    }
}

/// That an answer was not finished is said only of one that was begun.
#[tokio::test(start_paused = true)]
async fn answer_is_called_unfinished_only_where_it_was_begun() {
    for (play, cause) in [
        ("taken and never answered", Unreached::NoAnswer),
        ("silence after half of the head", Unreached::NoAnswer),
        ("silence after the head", Unreached::TooSlow),
    ] {
        let server = Server::halo(move |_, _| parts(play)).await;
        let api = HaloApi::new(Connection { attended: true, ..server.connection() }).unwrap();
        api.sign_in().await.unwrap();
        let error = api.while_a_person_waits().clients_page(1).await.unwrap_err();
        assert!(matches!(error, HaloError::NotReached { cause: of, .. } if of == cause), "{play}: {error:?}");
    }
}

/// R13: a body that comes a byte a second and is whole within the time is read; one that is not, is cut off as a whole.
#[tokio::test(start_paused = true)]
async fn slow_body_is_read_as_long_as_it_comes_within_time() {
    let server = Server::halo(|_, _| {
        let (head, body) = page();
        Play::Slow(head, body)
    })
    .await;
    let started = Instant::now();
    assert_eq!(api(&server).clients_page(1).await.unwrap().clients.len(), 2);
    assert!(started.elapsed() >= Duration::from_secs(60));

    let server = Server::halo(|_, _| {
        let (_, body) = page();
        let length = body.len() + 500;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        Play::Slow(head.into_bytes(), [body, vec![b' '; 500]].concat())
    })
    .await;
    let (api, started) = (api(&server), Instant::now());
    let error = api.clients_page(1).await.unwrap_err();
    assert!(matches!(error, HaloError::NotReached { cause: Unreached::TooSlow, .. }), "{error:?}");
    assert!((120..=125).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

/// R13: a connection that is never made ready, its TLS never answered, is given up after ten seconds each time.
#[tokio::test(start_paused = true)]
async fn dead_connection_is_given_up_after_ten_seconds() {
    let server = Server::bare(|_, _| Play::Hang).await;
    let url = HaloUrl::read(&server.url.as_str().replace("http://", "https://")).unwrap().address;
    let api = HaloApi::new(Connection { url, ..server.connection() }).unwrap();
    let started = Instant::now();
    let error = api.sign_in().await.unwrap_err();
    assert!(matches!(error, HaloError::NotReached { sent: false, .. }), "{error:?}");
    let most = u64::from(CONNECTS_FOR_A_PERSON) * 10;
    assert!((10..=most + 5).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

/// R13: a stop ends each of these waits at once.
#[tokio::test(start_paused = true)]
async fn stop_ends_wait_for_slow_server_at_once() {
    for play in ["a byte a second of the head", "a byte a second of the body", "taken and never answered"] {
        let server = Server::halo(move |_, _| parts(play)).await;
        let cancel = CancellationToken::new();
        let api = api(&server).cancelled_by(cancel.clone());
        api.sign_in().await.unwrap();
        let (ended, stopped) = tokio::join!(api.clients_page(1), async {
            tokio::time::sleep(Duration::from_secs(7)).await;
            cancel.cancel();
            Instant::now()
        });
        assert_eq!(ended, Err(HaloError::Cancelled { in_flight: false }), "{play}");
        assert!(stopped.elapsed() < Duration::from_millis(200), "{play}");
    }
}

/// R11: what is garbled on the way is asked for again, and never taken for a page.
#[tokio::test(start_paused = true)]
async fn garbled_reply_is_asked_for_again_and_never_taken() {
    let (head, body) = page();
    let with =
        |headers: &str, body: &[u8]| [format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes(), body.to_vec()].concat();
    let chunk = |size: &str| [size.as_bytes(), b"\r\n", &body[..], b"\r\n0\r\n\r\n"].concat();
    let wrong = [
        with("Content-Encoding: gzip\r\nContent-Length: 20\r\n", &[0x1f; 20]),
        with("Content-Encoding: gzip\r\nContent-Length: 4\r\n", &[0x1f, 0x8b, 8, 0]),
        with("Content-Length: 5000\r\n", &body),
        with("Content-Length: 40\r\n", &body),
        with("Transfer-Encoding: chunked\r\n", &chunk("zz")),
        with("Transfer-Encoding: chunked\r\n", &chunk("ffffffffffffffffff")),
        with("Transfer-Encoding: chunked\r\n", &chunk("9")),
        with("Transfer-Encoding: chunked\r\n", b"10\r\n{\"record"),
        b"HTTP/9.9 wonderful\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00".to_vec(),
        head[..20].to_vec(),
    ];
    for bytes in wrong {
        let whole = body.clone();
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let server = Server::halo(move |_, before| match before {
            0 => Play::Raw(bytes.clone()),
            _ => json(200, String::from_utf8(whole.clone()).unwrap()),
        })
        .await;
        let read = api(&server).clients_page(1).await.unwrap_or_else(|error| panic!("{shown:?}: {error}"));
        assert_eq!((read.record_count, read.clients.len()), (Some(2), 2), "{shown:?}");
        assert_eq!(server.count("/api/Client"), 2, "{shown:?}");
    }
}

/// R14: spellings of a page that are none of Halo's: taken where it is plain what is meant, refused with a reason where not.
#[tokio::test]
async fn other_forms_of_page_are_read_or_refused_with_reason() {
    let text = r#"{"record_count":1,"clients":[{"id":7,"name":"Zürich"}]}"#;
    let reply = |content_type: &'static str, body: Vec<u8>| {
        let head = format!("HTTP/1.1 200 OK\r\n{content_type}Content-Length: {}\r\n\r\n", body.len());
        Play::Raw([head.into_bytes(), body].concat())
    };
    let read = |content_type: &'static str, body: Vec<u8>| async move {
        let server = Server::halo(move |_, _| reply(content_type, body.clone())).await;
        let outcome = server.api().clients_page(1).await;
        outcome.map(|page| page.clients.iter().map(|client| client.name.raw().to_owned()).collect::<Vec<_>>())
    };
    let utf_16: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let zurich = Ok(vec!["Zürich".to_owned()]);
    assert_eq!(read("", [b"\xef\xbb\xbf", text.as_bytes()].concat()).await, zurich, "a mark at its beginning");
    assert_eq!(read("Content-Type: text/plain\r\n", text.as_bytes().to_vec()).await, zurich);
    assert_eq!(read("", br#"[{"id":7,"name":"Z\u00fcrich"}]"#.to_vec()).await, zurich, "a list without its envelope");
    let does = "list the clients";
    let refused = |what| Err(HaloError::Unexpected { does, what });
    assert_eq!(read("", utf_16).await, refused(BadReply::NotJson));
    assert_eq!(read("", b"\"clients\"".to_vec()).await, refused(BadReply::OtherShape));
}

/// R16: rows of any size and depth cost that row at most: it is read, or named as one that cannot be.
#[tokio::test]
async fn monstrous_rows_are_read_or_counted_and_page_goes_on() {
    let logo = "A".repeat(10 * 1024 * 1024);
    let name = "n".repeat(1024 * 1024);
    let fields: Vec<String> = (0..10_000).map(|at| format!(r#"{{"id":{at},"name":"CF{at}","value":null}}"#)).collect();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let rows = [
        format!(r#"{{"id":1,"name":"Logo","logo":"{logo}"}}"#),
        format!(r#"{{"id":2,"name":"{name}"}}"#),
        format!(r#"{{"id":3,"name":"Fields","customfields":[{}]}}"#, fields.join(",")),
        format!(r#"{{"id":4,"name":"Deep","extra":{deep}}}"#),
        r#"{"id":"5","name":"Text"}"#.to_owned(),
        r#"{"id":6.0,"name":"Float","inactive":"true"}"#.to_owned(),
        r#"{"id":2147483648,"name":"Beyond 32"}"#.to_owned(),
        r#"{"id":9007199254740993,"name":"Beyond 53"}"#.to_owned(),
        r#"{"id":-1,"name":null}"#.to_owned(),
        r#"{"id":0,"name":{"first":"x"},"toplevel_name":7}"#.to_owned(),
        r#"{"id":null,"name":"Nobody"}"#.to_owned(),
        r#"{"id":1e40,"name":"Far"}"#.to_owned(),
    ];
    let body = format!(r#"{{"record_count":12,"clients":[{}]}}"#, rows.join(","));
    let server = Server::halo(move |_, _| json(200, &body)).await;
    let page = api(&server).clients_page(1).await.unwrap();
    let mut seen: Vec<i64> = page.clients.iter().map(|client| client.id).collect();
    seen.extend(page.bad_rows.iter().filter_map(|bad| bad.id));
    seen.sort_unstable();
    assert_eq!(seen, [-1, 0, 1, 2, 3, 4, 5, 6, 2_147_483_648, 9_007_199_254_740_993]);
    assert_eq!(page.clients.len() + page.bad_rows.len(), 12);
}

/// R17: kept connections of a server that was started anew on the same port are no reason to fail.
#[tokio::test]
async fn restarted_server_is_found_again_over_new_connections() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let (_port, address) = bound("127.0.0.1:0");
    let listen = || bound(&address.to_string()).0.listen(1_024).unwrap();
    let serve = |listener: tokio::net::TcpListener| {
        tokio::spawn(async move {
            let mut streams = tokio::task::JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                streams.spawn(async move {
                    let mut buffer = [0; 4096];
                    // Each reply keeps the connection, as Halo's do.
                    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                        let asked = String::from_utf8_lossy(&buffer[..count]).into_owned();
                        let body = match asked.split(' ').nth(1) {
                            Some(path) if path.starts_with("/auth/token") => {
                                r#"{"access_token":"abc","expires_in":3600}"#
                            }
                            Some("/api/AuthInfo") => "{}",
                            _ => r#"{"record_count":0,"clients":[]}"#,
                        };
                        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                        if stream.write_all(reply.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        })
    };
    let first = serve(listen());
    let template = Server::bare(|_, before| token(before)).await;
    let url = HaloUrl::read(&format!("http://{address}")).unwrap().address;
    let api = HaloApi::new(Connection { url, ..template.connection() }).unwrap();
    api.clients_page(1).await.unwrap();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled(), "its connections are closed with it");
    let second = serve(listen());
    for page in 1..5 {
        api.clients_page(page).await.unwrap();
    }
    second.abort();
}
