//! What the room promises about discovery, the token and the wire, over real sockets.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::error::{TlsCause, Unreached};
use super::proxy::ProxyFault;
use super::testing::{Play, SECRET, Seen, Server, TOKEN, bound, json, quick, token};
use super::*;
use crate::domain::address::SignInPlace;
use crate::domain::failure::{Failure, FailureKind};
use crate::halo::product::Product;

fn empty_page() -> Play {
    json(200, r#"{"record_count":0,"clients":[]}"#)
}

fn client_error(status: u16, body: &str) -> impl Fn(&Seen, usize) -> Play + Send + Sync + 'static + use<> {
    let body = body.to_owned();
    move |_, _| json(status, &body)
}

// Discovery

async fn discovered(status: u16, body: &str) -> Result<Discovery, HaloError> {
    let body = body.to_owned();
    let server = Server::bare(move |_, _| json(status, &body)).await;
    let found = server.api().discover().await;
    if let Ok(found) = &found {
        assert!(found.auth_url.is_on_host_of(&server.url));
    }
    found
}

#[tokio::test]
async fn halo_is_asked_once_for_sign_in_server_and_tenant() {
    let server = Server::bare(|seen, before| match seen.path() {
        "/api/AuthInfo" => {
            let host = seen.headers.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
            json(200, format!(r#"{{"auth_url":"http://{host}/login/","tenant_id":"acme"}}"#))
        }
        "/login/token" => token(before),
        _ => empty_page(),
    })
    .await;
    let api = server.api();
    let found = api.discover().await.unwrap();
    assert_eq!((found.auth_url.to_string(), found.tenant.as_deref()), (server.url.join("/login"), Some("acme")));
    assert!(found.found);
    api.clients_page(1).await.unwrap();
    assert_eq!(server.count("/api/AuthInfo"), 1);
    assert_eq!(server.last("/login/token").target, "/login/token?tenant=acme");
    assert!(!server.last("/api/AuthInfo").headers.to_lowercase().contains("authorization"));
}

#[tokio::test]
async fn halo_without_discovery_is_signed_in_to_at_default_place() {
    for (status, body) in [
        (404, ""),
        (401, ""),
        (200, "<!DOCTYPE html><html>login</html>"),
        (200, "{}"),
        (200, "null"),
        (200, ""),
        (200, "[]"),
        (200, r#"{"auth_url":7,"tenant_id":{}}"#),
        (200, r#"{"auth_url":"","tenant_id":null}"#),
        (200, r#"{"auth_url":"http://other.example/auth"}"#),
        (200, r#"{"auth_url":"javascript:alert(1)","tenant_id":"a\u001b[2Jb"}"#),
        (302, ""),
    ] {
        let found = discovered(status, body).await.unwrap_or_else(|error| panic!("{status} {body}: {error}"));
        assert!(found.auth_url.as_str().ends_with("/auth") && !found.found, "{status} {body}");
        assert_eq!(found.tenant, None, "{status} {body}");
    }
}

#[tokio::test]
async fn foreign_sign_in_server_is_named_and_secret_stays() {
    let foreign = Server::bare(|_, before| token(before)).await;
    let body = format!(r#"{{"auth_url":"{}/auth","tenant_id":"acme"}}"#, foreign.url);
    let server = Server::bare(move |seen, before| match seen.path() {
        "/api/AuthInfo" => json(200, &body),
        _ => token(before),
    })
    .await;
    let error = server.api().sign_in().await.unwrap_err();
    assert_eq!(error, HaloError::ForeignAuthHost { host: foreign.url.host().into(), product: Product::default() });
    assert!(Failure::from(error).hint.unwrap().contains("auth_url"));
    assert_eq!((foreign.seen().len(), server.seen().len()), (0, 1));

    // Named in the settings too, it is right.
    let connection = Connection {
        auth_url: Some(AuthUrl::read(&foreign.url.join("/auth")).unwrap().address),
        ..server.connection()
    };
    HaloApi::with_limits(connection, quick()).unwrap().sign_in().await.unwrap();
    assert_eq!(foreign.last("/auth/token").target, "/auth/token?tenant=acme");
}

#[tokio::test]
async fn no_place_that_halo_names_shows_secret() {
    const WHOLE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e-7c9e6679-7425-40de-944b-e07fc1f90ae7";
    let hidden = || Untrusted::from("[secret].evil.example");
    let host = format!("{}.{}.evil.example", &WHOLE[..36], &WHOLE[37..]);
    let ask = async |answer: fn(&Seen, &str) -> Play| {
        let host = host.clone();
        let server = Server::bare(move |seen, before| match seen.path() {
            "/api/AuthInfo" => answer(seen, &host),
            "/auth/token" => token(before),
            _ => redirect(seen, &host),
        })
        .await;
        let connection = Connection { hide: vec![Secret::new(WHOLE)], ..server.connection() };
        (HaloApi::with_limits(connection, quick()).unwrap(), server)
    };
    let (api, _server) = ask(|_, host| json(200, format!(r#"{{"auth_url":"https://{host}/auth"}}"#))).await;
    let error = api.sign_in().await.unwrap_err();
    assert_eq!(error, HaloError::ForeignAuthHost { host: hidden(), product: Product::default() });
    let (api, _server) = ask(redirect).await;
    let error = api.sign_in().await.unwrap_err();
    assert_eq!(error, HaloError::Redirected { to_host: Some(hidden()), status: 307 });
    // A place or a tenant that says a secret back is none.
    let own = |seen: &Seen, _: &str| {
        let here = seen.headers.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        json(200, format!(r#"{{"auth_url":"http://{here}/{WHOLE}","tenant_id":"{WHOLE}"}}"#))
    };
    let (api, server) = ask(own).await;
    api.sign_in().await.unwrap();
    assert_eq!(server.last("/auth/token").target, "/auth/token");
    let error = api.clients_page(1).await.unwrap_err();
    assert_eq!(error, HaloError::Redirected { to_host: Some(hidden()), status: 307 });
}

fn redirect(_: &Seen, host: &str) -> Play {
    let location = format!("Location: https://{}/auth\r\n", host.to_uppercase());
    Play::Reply(307, Box::leak(location.into_boxed_str()), String::new())
}

fn place(url: &str, tenant: &str) -> SignInPlace {
    SignInPlace { auth_url: AuthUrl::read(url).unwrap().address, tenant: Some(tenant.to_owned()) }
}

/// A Halo that gives tokens to one tenant at one path.
async fn signs_in_at(path: &'static str, tenant: &'static str) -> Server {
    let right = format!("{path}/token?tenant={tenant}");
    Server::bare(move |seen, before| match seen.path() {
        "/api/AuthInfo" => {
            let host = seen.headers.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
            json(200, format!(r#"{{"auth_url":"http://{host}{path}","tenant_id":"{tenant}"}}"#))
        }
        _ if seen.target == right => token(before),
        "/api/Client" => empty_page(),
        _ => json(400, r#"{"error":"invalid_client"}"#),
    })
    .await
}

#[tokio::test]
async fn remembered_place_saves_question_where_to_sign_in() {
    let server = signs_in_at("/login", "acme").await;
    let api = server.api();
    api.begin_at(place(&server.url.join("/login"), "acme")).await;
    api.clients_page(1).await.unwrap();
    assert_eq!(server.count("/api/AuthInfo"), 0);
    assert_eq!(api.sign_in_place().await, Some(place(&server.url.join("/login"), "acme")));
}

#[tokio::test]
async fn place_that_is_not_right_any_more_is_found_anew() {
    for (path, tenant) in [("/old", "acme"), ("/login", "before")] {
        let server = signs_in_at("/login", "acme").await;
        let api = server.api();
        api.begin_at(place(&server.url.join(path), tenant)).await;
        api.clients_page(1).await.unwrap();
        assert_eq!((server.count("/api/AuthInfo"), server.seen().len()), (1, 4), "{path} {tenant}");
        assert_eq!(api.sign_in_place().await, Some(place(&server.url.join("/login"), "acme")));
    }
}

/// A line that leads to another tenant's Halo in the middle of a run: that one is not signed in to, and nothing is read
/// there.
#[tokio::test]
async fn another_tenant_in_middle_is_not_signed_in_to() {
    let server = Server::bare(|seen, before| match seen.path() {
        "/api/AuthInfo" => {
            let host = seen.headers.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
            json(200, format!(r#"{{"auth_url":"http://{host}/login","tenant_id":"theirs"}}"#))
        }
        "/api/Client" => empty_page(),
        _ if before == 0 || seen.target.ends_with("tenant=theirs") => token(before),
        _ => json(400, r#"{"error":"invalid_client"}"#),
    })
    .await;
    let api = server.api();
    api.begin_at(place(&server.url.join("/login"), "acme")).await;
    api.clients_page(1).await.unwrap();
    let read = server.count("/api/Client");
    api.shared.token.make_due().await;
    assert!(matches!(api.clients_page(2).await, Err(HaloError::WrongCredentials { .. })));
    assert!(server.seen().iter().all(|seen| !seen.target.contains("theirs")), "{:?}", server.seen());
    assert_eq!((server.count("/api/Client"), server.count("/api/AuthInfo")), (read, 0));
}

/// Where Halo still names the same place, the refusal is about the credentials, and stands.
#[tokio::test]
async fn refusal_at_right_place_is_not_asked_for_twice() {
    let server = signs_in_at("/login", "another").await;
    let api = server.api();
    api.begin_at(place(&server.url.join("/login"), "wrong")).await;
    let foreign = Server::bare(|_, before| token(before)).await;
    // Once one is there, no other is taken.
    api.begin_at(place(&foreign.url.join("/auth"), "acme")).await;
    api.sign_in().await.unwrap();

    let refusing = Server::bare(|seen, _| match seen.path() {
        "/api/AuthInfo" => json(404, ""),
        _ => json(400, r#"{"error":"invalid_client"}"#),
    })
    .await;
    let api = refusing.api();
    let usual = SignInPlace { tenant: None, ..place(&refusing.url.join("/auth"), "") };
    api.begin_at(usual).await;
    assert!(matches!(api.sign_in().await, Err(HaloError::WrongCredentials { .. })));
    assert_eq!((refusing.count("/auth/token"), refusing.count("/api/AuthInfo")), (1, 1));
    assert_eq!(foreign.seen().len(), 0);
}

/// Whatever is remembered: the secret goes to no other host unasked.
#[tokio::test]
async fn remembered_place_on_another_host_is_not_used() {
    let server = signs_in_at("/login", "acme").await;
    let foreign = Server::bare(|_, before| token(before)).await;
    let api = server.api();
    let elsewhere = foreign.url.join("/login").replace("127.0.0.1", "localhost");
    api.begin_at(place(&elsewhere, "acme")).await;
    api.sign_in().await.unwrap();
    assert_eq!((foreign.seen().len(), server.count("/login/token")), (0, 1));
}

#[tokio::test]
async fn what_settings_say_wins() {
    let server = Server::bare(|seen, before| match seen.path() {
        "/api/AuthInfo" => json(200, r#"{"auth_url":"https://evil.example/auth","tenant_id":"theirs"}"#),
        _ => token(before),
    })
    .await;
    let auth_url = AuthUrl::read(&server.url.join("/sso")).unwrap().address;
    let connection = Connection { auth_url: Some(auth_url), tenant: Some("a & b".to_owned()), ..server.connection() };
    HaloApi::with_limits(connection, quick()).unwrap().sign_in().await.unwrap();
    assert_eq!(server.last("/sso/token").target, "/sso/token?tenant=a+%26+b");
    assert_eq!(server.count("/api/AuthInfo"), 0);
}

#[tokio::test]
async fn network_error_is_no_reason_to_guess() {
    let server = Server::bare(|_, _| Play::Hang).await;
    let error = server.api().discover().await.unwrap_err();
    assert!(matches!(error, HaloError::NotReached { cause: Unreached::Silent, sent: false, .. }), "{error:?}");
    let (_port, closed) = bound("127.0.0.1:0");
    let url = HaloUrl::read(&format!("http://{closed}")).unwrap().address;
    let nobody = Connection { url, ..server.connection() };
    let error = HaloApi::with_limits(nobody, quick()).unwrap().discover().await.unwrap_err();
    let HaloError::NotReached { cause: Unreached::Connect, from, .. } = &error else { panic!("{error:?}") };
    assert!(from.is_some_and(|own| own.is_loopback()), "own address is looked up: {error:?}");
    assert!(!Failure::from(error).hint.unwrap().contains("127.0.0.1"), "and told where it is one for a list");
}

#[tokio::test]
async fn unknown_name_is_said_to_be_one() {
    let server = Server::bare(|_, _| Play::Hang).await;
    let url = HaloUrl::read("https://no-such-halo.invalid").unwrap().address;
    let api = HaloApi::with_limits(Connection { url, ..server.connection() }, quick()).unwrap();
    let error = api.sign_in().await.unwrap_err();
    assert!(matches!(error, HaloError::NotReached { sent: false, .. }), "{error:?}");
    assert!(error.to_string().contains("no-such-halo.invalid"));
}

// Token

#[tokio::test]
async fn secret_goes_into_body_of_token_call_and_nowhere_else() {
    let server = Server::halo(|_, _| empty_page()).await;
    let api = server.api();
    api.clients_page(1).await.unwrap();
    for seen in server.seen() {
        assert!(!seen.target.contains(SECRET) && !seen.headers.contains(SECRET), "{seen:?}");
        assert_eq!(seen.body.contains(SECRET), seen.path() == "/auth/token");
        assert!(!seen.headers.to_lowercase().contains("referer"));
    }
    let form = server.last("/auth/token");
    assert_eq!(
        form.body,
        format!("grant_type=client_credentials&client_id=client-id&client_secret={SECRET}&scope=all")
    );
    assert!(server.last("/api/Client").headers.contains(&format!("Bearer {TOKEN}0")));
    let shown = format!("{api:?} {:?} {:?}", server.connection(), api.sign_in().await.unwrap());
    assert!(!shown.contains(SECRET) && !shown.contains(TOKEN), "{shown}");
}

#[tokio::test]
async fn sixteen_waiting_calls_share_one_token() {
    let server = Server::halo(|_, _| empty_page()).await;
    let api = server.api();
    let calls: Vec<_> = (0..16)
        .map(|page| {
            let api = api.clone();
            tokio::spawn(async move { api.clients_page(page).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!((server.count("/auth/token"), server.count("/api/Client")), (1, 16));
}

#[tokio::test]
async fn sixteen_waiting_calls_renew_token_once() {
    let server =
        Server::halo(|seen, _| if seen.headers.contains(&format!("{TOKEN}0")) { json(401, "") } else { empty_page() })
            .await;
    let api = server.api();
    api.sign_in().await.unwrap();
    let calls: Vec<_> = (0..16)
        .map(|page| {
            let api = api.clone();
            tokio::spawn(async move { api.clients_page(page).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.count("/auth/token"), 2);
}

#[tokio::test]
async fn sixteen_waiting_calls_are_refused_by_one_token_call() {
    let server = Server::bare(|seen, _| match seen.path() {
        "/api/AuthInfo" => json(404, ""),
        "/auth/token" => json(401, r#"{"error":"invalid_client"}"#),
        _ => empty_page(),
    })
    .await;
    let api = server.api();
    let (first, second, third) = tokio::join!(api.clients_page(1), api.clients_page(2), api.clients_page(3));
    for outcome in [first, second, third] {
        assert!(matches!(outcome, Err(HaloError::WrongCredentials { .. })));
    }
    assert_eq!(server.count("/auth/token"), 1);
    assert!(api.clients_page(4).await.is_err());
    assert_eq!(server.count("/auth/token"), 2, "a later call asks anew");
}

#[tokio::test]
async fn lasting_401_is_missing_right_after_one_renewal() {
    let server = Server::halo(|_, _| json(401, "")).await;
    let error = server.api().agents().await.unwrap_err();
    let HaloError::MissingRight { does: "list the agents", needs: Some(needs), status: 401, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(needs.contains("Login Type must be \"Agent\""), "{needs}");
    assert_eq!((server.count("/auth/token"), server.count("/api/Agent")), (2, 2));
}

#[tokio::test]
async fn write_refused_with_401_is_sent_once_more_with_fresh_token() {
    let server = Server::halo(|_, before| if before == 0 { json(401, "") } else { json(201, r#"{"id":9}"#) }).await;
    let draft = TabDraft { id: None, name: "Pia Chat Pod".into(), url: "https://pia.example".into(), kind: Some(1) };
    assert_eq!(server.api().save_tab(&draft).await, Ok(Some(9)));
    assert_eq!(server.count("/api/Tabs"), 2);
}

#[tokio::test]
async fn token_that_is_due_is_renewed_before_it_is_used() {
    for expires_in in ["0", "-1", "1", "3600", "null", "9223372036854775807"] {
        let server = Server::bare(move |seen, before| match seen.path() {
            "/api/AuthInfo" => json(404, ""),
            "/auth/token" => json(200, format!(r#"{{"access_token":"{TOKEN}{before}","expires_in":{expires_in}}}"#)),
            _ => empty_page(),
        })
        .await;
        let api = server.api();
        api.clients_page(1).await.unwrap();
        api.clients_page(2).await.unwrap();
        assert_eq!(server.count("/auth/token"), 1, "{expires_in}");
        api.shared.token.make_due().await;
        api.clients_page(3).await.unwrap();
        assert_eq!((server.count("/auth/token"), server.count("/api/Client")), (2, 3), "{expires_in}");
        assert!(server.last("/api/Client").headers.contains(&format!("{TOKEN}1")));
    }
}

#[tokio::test]
async fn every_refusal_of_token_call_is_told_apart() {
    let cases = [
        (401, r#"{"error":"invalid_client","error_description":"The specified client credentials are invalid."}"#),
        (400, r#"{"error":"invalid_scope"}"#),
        (400, r#"{"error":"unauthorized_client"}"#),
        (401, ""),
        (400, r#"{"error":"unsupported_grant_type"}"#),
        (404, ""),
        (200, "<html>sign in</html>"),
        (200, "{}"),
        (200, r#"{"access_token":"a\r\nb"}"#),
        (503, ""),
    ];
    let mut kinds = Vec::new();
    for (status, body) in cases {
        let server = Server::bare(move |seen, _| match seen.path() {
            "/api/AuthInfo" => json(404, ""),
            _ => json(status, body),
        })
        .await;
        let failure = Failure::from(server.api().sign_in().await.unwrap_err());
        kinds.push(failure.kind);
    }
    use FailureKind::{Declined, NotReached, WrongCredentials};
    assert_eq!(
        kinds,
        [
            WrongCredentials,
            WrongCredentials,
            WrongCredentials,
            WrongCredentials,
            WrongCredentials,
            Declined,
            Declined,
            Declined,
            Declined,
            NotReached
        ]
    );
}

#[tokio::test]
async fn refused_token_call_waits_for_limit_too() {
    let server = Server::bare(|seen, before| match (seen.path(), before) {
        ("/api/AuthInfo" | "/auth/.well-known/openid-configuration", _) => json(404, ""),
        ("/auth/token", 0) => json(429, "Rate Limit Reached - 90 Requests per rolling 1 second window"),
        ("/auth/token", _) => token(before),
        _ => empty_page(),
    })
    .await;
    let api = server.api();
    api.sign_in().await.unwrap();
    let usage = api.usage();
    assert!(usage.waited >= Duration::from_millis(240), "{usage:?}");
    assert_eq!((usage.requests, usage.retries, usage.waiting), (4, 1, None));
}

// The wire

#[tokio::test]
async fn redirect_is_never_followed_and_secret_stays() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Server::bare(|_, before| token(before)).await;
        let location: &'static str =
            Box::leak(format!("Location: {}/auth/token\r\n", elsewhere.url.as_str()).into_boxed_str());
        for on in ["/api/AuthInfo", "/auth/token", "/api/Client", "/api/Webhook"] {
            let server = Server::bare(move |seen, before| match seen.path() {
                path if path == on => Play::Reply(status, location, String::new()),
                "/api/AuthInfo" => json(404, ""),
                "/auth/token" => token(before),
                _ => empty_page(),
            })
            .await;
            let api = server.api();
            let draft = WebhookDraft {
                id: None,
                name: "w".into(),
                url: Secret::new("https://pia.example/callback-canary"),
                username: "pia".into(),
                password: Some(Secret::new("password-canary")),
                active: true,
                tells_disabled: false,
                making: Default::default(),
                options: Default::default(),
                note: None,
            };
            let error = match on {
                "/api/Webhook" => api.save_webhook(&draft).await.unwrap_err(),
                _ => api.clients_page(1).await.unwrap_err(),
            };
            assert_eq!(error, HaloError::Redirected { to_host: Some(elsewhere.url.host().into()), status }, "{on}");
        }
        assert_eq!(elsewhere.seen().len(), 0, "{status}");
    }
}

#[tokio::test]
async fn nothing_is_sent_unencrypted_to_another_machine() {
    let listener = Server::bare(|_, before| token(before)).await;
    let connection = Connection {
        url: HaloUrl::read("https://acme.halopsa.com").unwrap().address,
        auth_url: Some(AuthUrl::read(&listener.url.join("/auth")).unwrap().address),
        tenant: Some("acme".into()),
        ..listener.connection()
    };
    let error = HaloApi::with_limits(connection, quick()).unwrap().sign_in().await.unwrap_err();
    assert_eq!(error, HaloError::NotEncrypted);
    assert_eq!(listener.seen().len(), 0);
}

#[tokio::test]
async fn body_beyond_cap_is_not_read_on() {
    let server = Server::halo(|_, _| json(200, format!("[{}]", "{},".repeat(200_000)))).await;
    let error = server.api().teams().await.unwrap_err();
    assert_eq!(error, HaloError::TooLarge { does: "list the teams", limit: quick().body });
    assert_eq!(server.count("/api/Team"), 1, "it would be as large again");
}

#[tokio::test]
async fn compressed_body_is_measured_after_decoding() {
    // 1 MiB of spaces between brackets, by `gzip -9`, is a kilobyte on the wire.
    let bomb = gzip_of_blanks(1024 * 1024);
    let server = Server::halo(move |_, _| {
        let mut reply = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            bomb.len()
        )
        .into_bytes();
        reply.extend_from_slice(&bomb);
        Play::Raw(reply)
    })
    .await;
    let error = server.api().teams().await.unwrap_err();
    assert!(matches!(error, HaloError::TooLarge { .. }), "{error:?}");
}

/// A gzip member of one dynamic-free kind: stored bytes are no bomb, so runs are written as fixed-code matches.
fn gzip_of_blanks(count: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    let code = |bits: &mut Vec<bool>, value: u32, length: u32| {
        bits.extend((0..length).rev().map(|bit| value >> bit & 1 == 1));
    };
    // The literal blank (fixed code 0x30 + 32), then matches of length 258 (symbol 285) at distance 1 (code 0).
    code(&mut bits, 0x30 + 32, 8);
    for _ in 0..count / 258 {
        code(&mut bits, 0b1100_0101, 8);
        code(&mut bits, 0, 5);
    }
    code(&mut bits, 0, 7);
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(bits.chunks(8).map(|byte| byte.iter().enumerate().map(|(bit, set)| u8::from(*set) << bit).sum::<u8>()));
    // The checksum is wrong on purpose: nothing may depend on reading that far.
    out.extend([0; 8]);
    out
}

#[tokio::test]
async fn slow_reply_is_cut_off_as_whole() {
    let server = Server::halo(|_, _| Play::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[".to_vec())).await;
    let start = Instant::now();
    let error = server.api().teams().await.unwrap_err();
    assert!(matches!(error, HaloError::NotReached { sent: false, .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn page_cut_at_any_byte_is_asked_for_again_and_never_taken() {
    let page = r#"{"record_count":2,"clients":[{"id":1,"name":"a"},{"id":2,"name":"b"}]}"#;
    for (framed, end) in
        (0..page.len()).map(|end| (true, end)).chain((0..page.len()).step_by(7).map(|end| (false, end)))
    {
        let server = Server::halo(move |_, before| {
            if before > 0 {
                return json(200, page);
            }
            let length = if framed { end } else { page.len() };
            Play::Raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}", &page[..end]).into_bytes())
        })
        .await;
        match server.api().clients_page(1).await {
            Ok(read) => assert_eq!(read.clients.len(), 2, "{framed} {end}"),
            Err(error) => assert!(end == 0 || page[..end].ends_with('}'), "{framed} {end}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn write_whose_reply_is_lost_is_not_sent_again_and_says_so() {
    let draft = TabDraft { id: None, name: "Pia Chat Pod".into(), url: "https://pia.example".into(), kind: Some(1) };
    for script in [
        Box::new(|_: &Seen, _| Play::Raw(Vec::new())) as Box<dyn Fn(&Seen, usize) -> Play + Send + Sync>,
        Box::new(|_: &Seen, _| Play::Hang),
        Box::new(|_: &Seen, _| Play::Raw(b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{\"id\"".to_vec())),
        Box::new(|_: &Seen, _| json(500, "")),
        Box::new(|_: &Seen, _| json(504, "<html>Gateway Time-out</html>")),
        Box::new(|_: &Seen, _| json(200, "<html>sign in</html>")),
    ] {
        let server = Server::halo(script).await;
        let error = server.api().save_tab(&draft).await.unwrap_err();
        assert!(error.may_have_been_applied(), "{error:?}");
        assert_eq!(server.count("/api/Tabs"), 1, "{error:?}");
    }
    for status in [400, 403, 404] {
        let server = Server::halo(client_error(status, "")).await;
        let error = server.api().save_tab(&draft).await.unwrap_err();
        assert!(!error.may_have_been_applied(), "{error:?}");
        assert_eq!(server.count("/api/Tabs"), 1, "{error:?}");
    }
}

#[tokio::test]
async fn cancel_ends_silent_exchange_and_tells_of_open_write() {
    let server = Server::halo(|_, _| Play::Hang).await;
    let limits = Limits { read_gap: Duration::from_secs(60), request: Duration::from_secs(60), ..quick() };
    let api = HaloApi::with_limits(server.connection(), limits).unwrap();
    api.sign_in().await.unwrap();
    let cancel = CancellationToken::new();
    let handle = api.cancelled_by(cancel.clone());
    let (read, write, when) = tokio::join!(handle.clients_page(1), handle.delete_tab(7), async {
        while server.count("/api/Client") + server.count("/api/Tabs/7") < 2 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
        Instant::now()
    });
    assert!(when.elapsed() < Duration::from_millis(200));
    assert_eq!(read, Err(HaloError::Cancelled { in_flight: false }));
    assert_eq!(write, Err(HaloError::Cancelled { in_flight: true }));
    assert!(matches!(handle.teams().await, Err(HaloError::Cancelled { in_flight: false })));
}

/// Whoever has lost what he writes under reads on, and writes nothing.
#[tokio::test]
async fn forbidden_write_is_not_sent() {
    let server = Server::halo(|_, _| json(200, r#"{"id":7}"#)).await;
    let allowed = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&allowed);
    let api = server.api().writing_while(Arc::new(move || asked.load(Ordering::SeqCst)));
    api.delete_tab(7).await.unwrap();
    allowed.store(false, Ordering::SeqCst);
    assert_eq!(api.while_a_person_waits().delete_tab(7).await, Err(HaloError::LockLost));
    assert!(!HaloError::LockLost.may_have_been_applied());
    assert_eq!(server.count("/api/Tabs/7"), 1);
    api.client(7).await.unwrap();
}

/// A gateway's page is not Halo's word that it knows nothing of a client: on that word a client is disabled.
#[tokio::test]
async fn gateways_page_of_404_does_not_say_that_client_is_gone() {
    let asked = |body: &'static str| async move { Server::halo(client_error(404, body)).await.api().client(7).await };
    assert_eq!(asked("").await, Ok(None));
    let odd = HaloError::Unexpected { does: "read a client", what: BadReply::WebPage };
    assert_eq!(asked("\n<!DOCTYPE html><title>404</title>").await, Err(odd));
    let deleted = Server::halo(client_error(404, "<html>404</html>")).await.api().delete_tab(7).await;
    assert!(matches!(deleted, Err(HaloError::Unexpected { what: BadReply::WebPage, .. })), "{deleted:?}");
}

#[tokio::test]
async fn another_way_of_signing_in_names_authentication_method() {
    for error in ["unauthorized_client", "unsupported_grant_type"] {
        let server = Server::bare(move |seen, _| match seen.path() {
            "/auth/token" => json(400, format!(r#"{{"error":"{error}"}}"#)),
            _ => json(404, ""),
        })
        .await;
        let api = server.api();
        api.call_it(Product::at("acme.haloitsm.com"));
        let failure = Failure::from(api.sign_in().await.unwrap_err());
        assert_eq!(failure.kind, FailureKind::WrongCredentials);
        let hint = failure.hint.unwrap();
        assert!(hint.contains("HaloITSM API › View Applications") && hint.contains("Authentication Method"), "{hint}");
    }
}

/// What passes by the standard is told as that, and nothing is looked for in Halo that was never there.
#[tokio::test]
async fn sign_in_server_that_is_out_of_order_is_no_refusal() {
    for (status, body, kind, hint) in [
        (400, r#"{"error":"server_error"}"#, FailureKind::NotReached, "Try again"),
        (400, r#"{"error":"temporarily_unavailable"}"#, FailureKind::NotReached, "Try again"),
        (400, r#"{"error":"slow_down"}"#, FailureKind::NotReached, "Try again"),
        (404, "", FailureKind::Declined, "Check the Url"),
    ] {
        let server = Server::bare(move |seen, _| match seen.path() {
            "/auth/token" => json(status, body),
            _ => json(404, ""),
        })
        .await;
        let failure = Failure::from(server.api().sign_in().await.unwrap_err());
        assert_eq!(failure.kind, kind, "{body}: {failure:?}");
        assert!(failure.hint.clone().unwrap().contains(hint), "{body}: {failure:?}");
    }
}

#[tokio::test]
async fn every_odd_answer_is_named() {
    let odd = |status, body: &'static str| async move {
        Server::halo(client_error(status, body)).await.api().clients_page(1).await.unwrap_err()
    };
    let does = "list the clients";
    let unexpected = |what| HaloError::Unexpected { does, what };
    assert_eq!(odd(200, "<html>sign in</html>").await, unexpected(BadReply::WebPage));
    assert_eq!(odd(200, "").await, unexpected(BadReply::Empty));
    assert_eq!(odd(200, "null").await, unexpected(BadReply::Empty));
    assert_eq!(odd(200, "It works!").await, unexpected(BadReply::NotJson));
    assert_eq!(odd(200, r#"{"users":[]}"#).await, unexpected(BadReply::OtherShape));
    assert_eq!(odd(404, "").await, HaloError::NotFound { does });
    assert_eq!(odd(404, "<html>404</html>").await, unexpected(BadReply::WebPage));
    let refused = odd(403, "").await;
    let HaloError::MissingRight { needs: Some(needs), status: 403, .. } = &refused else { panic!("{refused:?}") };
    // The test says the same: nothing is told of a gate that is open.
    assert!(needs.contains("Customers Access Level") && !needs.contains("tick"), "{needs}");
    let said = Some("Invalid Data Type".into());
    assert_eq!(odd(400, "\"Invalid Data Type\"").await, HaloError::Declined { does, status: 400, said });
    assert_eq!(odd(500, "").await, HaloError::ServerError { does, status: 500, said: None });
    assert_eq!(odd(204, "").await, unexpected(BadReply::Empty));
}

#[tokio::test]
async fn no_error_repeats_secret_or_address() {
    let url = "https://pia.example/callbacks/acme/ticket-created/callback-canary";
    let draft = WebhookDraft {
        id: None,
        name: "w".into(),
        url: Secret::new(url),
        username: "pia".into(),
        password: Some(Secret::new("password-canary")),
        active: true,
        tells_disabled: false,
        making: Default::default(),
        options: Default::default(),
        note: None,
    };
    for status in [400, 401, 403, 500] {
        let server = Server::halo(move |seen, _| {
            let bearer = seen.headers.lines().find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap();
            json(status, format!("\"{SECRET} {bearer} {url} callback-canary password-canary\""))
        })
        .await;
        let error = server.api().save_webhook(&draft).await.unwrap_err();
        let failure = Failure::from(error.clone());
        let shown = format!("{error} {error:?} {failure} {failure:?}");
        assert!(shown.contains("[secret]"), "{shown}");
        for canary in [SECRET, TOKEN, "callback-canary", "password-canary", "/api/"] {
            assert!(!shown.contains(canary), "{canary} in {shown}");
        }
    }
}

#[tokio::test]
async fn connections_of_server_that_was_restarted_are_replaced() {
    let server = Server::halo(|_, before| if before == 0 { Play::Raw(Vec::new()) } else { empty_page() }).await;
    server.api().clients_page(1).await.unwrap();
}

// Certificates

/// An https server with a certificate of its own for 127.0.0.1, which this client is told to trust or not.
async fn encrypted(
    params: impl FnOnce(&mut CertificateParams),
    config: impl FnOnce(CertificateDer<'static>, PrivateKeyDer<'static>) -> ServerConfig,
    named: bool,
) -> HaloError {
    let key = KeyPair::generate().unwrap();
    let mut wanted = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params(&mut wanted);
    let certificate = wanted.self_signed(&key).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, certificate.pem()).unwrap();
    let config = config(certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap());
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let url = HaloUrl::read(&format!("https://{}", listener.local_addr().unwrap())).unwrap().address;
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (inside, outside) = tokio::io::duplex(1 << 16);
            _ = tokio::join!(acceptor.accept(inside), as_openssl(stream, outside));
        }
    });
    let server = Server::bare(|_, _| Play::Hang).await;
    let ca_file = named.then(|| file.path().to_owned());
    let api = HaloApi::with_limits(Connection { url, ca_file, ..server.connection() }, quick()).unwrap();
    let error = api.sign_in().await.unwrap_err();
    task.abort();
    error
}

/// Hands on what a server says, with the alert that OpenSSL sends before TLS 1.3 where rustls is more precise.
async fn as_openssl(mut client: TcpStream, mut server: DuplexStream) {
    let (mut asks, mut answers) = (vec![0; 1 << 14], vec![0; 1 << 14]);
    loop {
        tokio::select! {
            Ok(read @ 1..) = client.read(&mut asks) => drop(server.write_all(&asks[..read]).await),
            Ok(read @ 1..) = server.read(&mut answers) => {
                let said = &mut answers[..read];
                if let [21, 3, 3, 0, 2, _, alert] = said {
                    *alert = 40;
                }
                _ = client.write_all(said).await;
            }
            else => return,
        }
    }
}

/// Before TLS 1.3 the server only says that the handshake has failed.
#[tokio::test]
async fn client_certificate_is_named_in_every_version_of_tls() {
    for version in [&TLS12, &TLS13] {
        let error = encrypted(
            |_| {},
            |certificate, key| {
                let mut roots = RootCertStore::empty();
                roots.add(certificate.clone()).unwrap();
                let wants = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
                let config = ServerConfig::builder_with_protocol_versions(&[version]);
                config.with_client_cert_verifier(wants).with_single_cert(vec![certificate], key).unwrap()
            },
            true,
        )
        .await;
        let cause = Unreached::ClientCertificate;
        assert!(
            matches!(error, HaloError::NotReached { cause: found, .. } if found == cause),
            "{version:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn self_signed_certificate_names_ca_file() {
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let plain = |certificate, key| {
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()
        };
        let error = encrypted(|params| params.is_ca = is_ca, plain, false).await;
        assert!(matches!(error, HaloError::Tls { cause: TlsCause::SelfSigned, .. }), "{error:?}");
        let hint = Failure::from(error).hint.unwrap();
        assert!(hint.contains("set ca_file to"), "{hint}");
    }
}

/// How OpenSSL and others refuse what we offer, byte by byte: with an alert in answer to the first message.
#[tokio::test]
async fn server_of_old_tls_or_old_ciphers_is_told_as_that() {
    for (alert, cause) in [
        (70, Unreached::OldTls),
        (40, Unreached::NoCommonTls),
        (71, Unreached::NoCommonTls),
        (80, Unreached::Handshake),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = HaloUrl::read(&format!("https://{}", listener.local_addr().unwrap())).unwrap().address;
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                _ = stream.read(&mut [0; 4096]).await;
                _ = stream.write_all(&[21, 3, 1, 0, 2, 2, alert]).await;
            }
        });
        let server = Server::bare(|_, _| Play::Hang).await;
        let api = HaloApi::with_limits(Connection { url, ..server.connection() }, quick()).unwrap();
        let error = api.sign_in().await.unwrap_err();
        assert!(matches!(error, HaloError::NotReached { cause: of, .. } if of == cause), "{alert}: {error:?}");
        task.abort();
    }
}

/// Whoever has set it is not told to set it.
#[tokio::test]
async fn ca_file_that_signs_nothing_is_named_as_that() {
    let signed = |_: CertificateDer<'static>, _: PrivateKeyDer<'static>| {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, "an authority");
        let (issuer, key) = (rcgen::Issuer::new(authority, KeyPair::generate().unwrap()), KeyPair::generate().unwrap());
        let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key).unwrap()
    };
    for (named, found) in [(true, TlsCause::NotInCaFile), (false, TlsCause::UnknownAuthority)] {
        let error = encrypted(|_| {}, signed, named).await;
        assert!(matches!(error, HaloError::Tls { cause, .. } if cause == found), "{error:?}");
        let hint = Failure::from(error).hint.unwrap();
        assert_eq!(hint.contains("set ca_file"), !named, "{hint}");
    }
}

/// Before there is a tunnel, nothing that goes wrong is Halo's: nobody is to look at the Url for it.
#[tokio::test]
async fn fault_of_proxy_is_not_told_as_halos() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let untrusted = format!("https://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            _ = acceptor.accept(stream).await;
        }
    });
    let server = Server::bare(|_, _| Play::Hang).await;
    // No name server is asked for a name that no name can be.
    let nameless = format!("http://{}.example:3128", "a".repeat(70));
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (proxy, fault) in [
        (nameless, ProxyFault::NameNotFound),
        (format!("http://{closed}"), ProxyFault::Connect),
        (untrusted, ProxyFault::Certificate),
    ] {
        let url = HaloUrl::read("https://halo.example").unwrap().address;
        let named = Proxy { variable: "HTTPS_PROXY", address: Secret::new(&proxy), except: String::new() };
        let connection = Connection { url, proxy: Some(named), ..server.connection() };
        let error = HaloApi::with_limits(connection, quick()).unwrap().sign_in().await.unwrap_err();
        assert!(matches!(error, HaloError::Proxy { fault: of, .. } if of == fault), "{proxy}: {error:?}");
        let failure = Failure::from(error);
        assert_eq!((failure.field, failure.message.contains("the proxy of HTTPS_PROXY")), (None, true), "{proxy}");
    }
    task.abort();
}

/// A page of nginx, Apache or Cloudflare says nothing of credentials and rights.
#[tokio::test]
async fn refusal_by_web_page_is_not_taken_for_halos() {
    const CLOUDFLARE: &str = "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head></html>";
    const NGINX: &str = "<html><head><title>400 No required SSL certificate was sent</title></head></html>";
    const APACHE: &str = "<html><p>Reason: Cannot perform Post-Handshake Authentication.</p></html>";
    for path in ["/auth/token", "/api/Client"] {
        for (status, page, kind) in [
            (403, CLOUDFLARE, "Intercepted"),
            (401, CLOUDFLARE, "Intercepted"),
            (400, "<html>Bad Request</html>", "Intercepted"),
            (400, NGINX, "ClientCertificate"),
            (403, APACHE, "ClientCertificate"),
        ] {
            let server = Server::bare(move |seen, before| match seen.path() {
                found if found == path => Play::Reply(status, "Content-Type: text/html\r\n", page.to_owned()),
                "/auth/token" => token(before),
                _ => json(404, ""),
            })
            .await;
            let error = server.api().clients_page(1).await.unwrap_err();
            assert!(format!("{error:?}").contains(kind), "{path} {status}: {error:?}");
            let failure = Failure::from(error);
            assert_eq!(failure.kind, FailureKind::NotReached, "{path} {status}");
            assert!(!failure.hint.unwrap().contains("Client ID again"));
        }
    }
}

#[tokio::test]
async fn server_without_tls_is_told_from_bad_certificate() {
    let server = Server::bare(|_, _| Play::Hang).await;
    let url = HaloUrl::read(&server.url.as_str().replace("http://", "https://")).unwrap().address;
    let api = HaloApi::with_limits(Connection { url, ..server.connection() }, quick()).unwrap();
    let error = api.sign_in().await.unwrap_err();
    assert!(matches!(error, HaloError::NotReached { sent: false, .. }), "{error:?}");
}

#[tokio::test]
async fn file_of_authorities_that_cannot_be_used_is_named_with_reason() {
    let server = Server::bare(|_, _| Play::Hang).await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(content.as_bytes()).unwrap();
        path
    };
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (path, problem) in [
        (folder.path().join("missing.pem"), "cannot be read (entity not found)"),
        (folder.path().to_owned(), "is not a file"),
        (file("empty.pem", " \n"), "is empty"),
        (file("text.pem", "not a certificate"), "holds no certificate in PEM form"),
        (file("bad.pem", pem), "holds a certificate that cannot be used"),
    ] {
        let url = HaloUrl::read("https://halo.internal").unwrap().address;
        let connection = Connection { url, ca_file: Some(path.clone()), ..server.connection() };
        let error = HaloApi::new(connection).unwrap_err();
        assert_eq!(error, HaloError::CaFile { path, problem: problem.to_owned() });
        assert_eq!(Failure::from(error).kind, FailureKind::LocalState);
    }
}

// Handles

#[tokio::test]
async fn sync_counts_for_itself_and_shares_token() {
    let server = Server::halo(|_, _| empty_page()).await;
    let person = server.api();
    person.sign_in().await.unwrap();
    let sync = person.in_background();
    sync.clients_page(1).await.unwrap();
    assert_eq!((person.usage().requests, sync.usage().requests), (3, 1));
    assert_eq!(server.count("/auth/token"), 1);
}

#[test]
fn call_can_run_on_any_thread() {
    fn is_send<T: Send>(_: T) {}
    let api = |api: HaloApi| is_send(async move { api.clients_page(1).await });
    let _ = api;
}

#[test]
fn budget_is_halos_unless_settings_or_loopback_differ() {
    let connection = |url: &str, request_budget| Connection {
        url: HaloUrl::read(url).unwrap().address,
        auth_url: None,
        tenant: None,
        client_id: String::new(),
        client_secret: Secret::new(""),
        request_budget,
        ca_file: None,
        hide: Vec::new(),
        tokens: Vec::new(),
        attended: true,
        proxy: None,
    };
    let budget = |url, set| HaloApi::new(connection(url, set)).unwrap().shared.governor.limit();
    let (far, near) = ("https://acme.halopsa.com", "http://127.0.0.1:9");
    assert_eq!([budget(far, None), budget(far, Some(0)), budget(far, Some(50))], [Some(630), None, Some(50)]);
    assert_eq!([budget(near, None), budget(near, Some(50))], [None, Some(50)]);
}

/// The scope of each token call so far; "-" where none was named.
fn scopes_asked(server: &Server) -> Vec<String> {
    let scope = |body: &str| {
        let named = url::form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "scope");
        named.map_or_else(|| "-".to_owned(), |(_, scope)| scope.into_owned())
    };
    server.seen().iter().filter(|seen| seen.path() == "/auth/token").map(|seen| scope(&seen.body)).collect()
}

/// A Halo that gives tokens for these scopes alone; "-" is a call that names none.
async fn permitting(scopes: &'static [&'static str]) -> Server {
    Server::bare(move |seen, before| match seen.path() {
        "/api/AuthInfo" => json(404, ""),
        "/auth/token" => {
            let named = url::form_urlencoded::parse(seen.body.as_bytes()).find(|(name, _)| name == "scope");
            let asked = named.map_or_else(|| "-".to_owned(), |(_, scope)| scope.into_owned());
            if asked.split(' ').all(|word| scopes.contains(&word)) {
                token(before)
            } else {
                json(400, r#"{"error":"invalid_scope","error_description":"The specified 'scope' is invalid."}"#)
            }
        }
        _ => empty_page(),
    })
    .await
}

#[tokio::test]
async fn application_that_may_not_ask_for_all_asks_for_what_it_has() {
    let server = permitting(&["-"]).await;
    let api = server.api();
    assert!(!api.sign_in().await.unwrap().is_for_all);
    api.clients_page(1).await.unwrap();
    api.shared.token.make_due().await;
    api.clients_page(1).await.unwrap();
    assert_eq!(scopes_asked(&server), ["all", "-", "-"], "a renewal does not begin anew");
}

#[tokio::test]
async fn halo_that_wants_scopes_gets_those_it_granted() {
    let server = permitting(&["all:standard", "read:customers"]).await;
    let token = server.api().sign_in().await.unwrap();
    let given: Vec<_> = token.trials.iter().map(|trial| (trial.scope, trial.granted)).collect();
    assert_eq!(given, [("admin", false), ("all:standard", true), ("read:customers", true)]);
    assert_eq!(
        scopes_asked(&server),
        ["all", "-", "admin", "all:standard", "read:customers", "all:standard read:customers"]
    );
    let server = permitting(&["admin"]).await;
    server.api().sign_in().await.unwrap();
    assert_eq!(scopes_asked(&server), ["all", "-", "admin", "admin"], "it holds all others");
    let server = permitting(&[]).await;
    assert!(matches!(server.api().sign_in().await, Err(HaloError::InvalidScope { .. })));
    assert_eq!(scopes_asked(&server).len(), 5);
}

#[tokio::test]
async fn handle_that_does_not_renew_takes_401_for_answer() {
    let server = Server::halo(|_, _| json(401, "")).await;
    let api = server.api().without_renewal();
    assert!(matches!(api.agents().await, Err(HaloError::MissingRight { status: 401, .. })));
    assert_eq!((server.count("/auth/token"), server.count("/api/Agent")), (1, 1));
}
