//! A PostgreSQL that goes away and comes back: what Halo sends meanwhile waits on the host, and is stored once and in its order.
//!
//! `PIA_HALO_ROUNDS=50 cargo test --test promises spooling` kills the server fifty times, and `PIA_HALO_KILLS=1` a receiver at
//! each call that writes its spool.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pia_halo::domain::callback::CallbackSecrets;
use rusqlite::OpenFlags;
use rustix::process::{Pid, Signal, kill_process};

use crate::sharing::{Host, shared};
use crate::support::disk::{at_every_call, may_trace, traced};
use crate::support::postgres::Server;
use crate::support::service::{Service, event, named, secrets};
use crate::support::{Profile, until};

/// What is stored, in its order: the ticket and the name of each event.
fn stored(server: &Server, database: &str) -> Vec<(String, String)> {
    let rows = server.sql(database, "SELECT ticket_id || ' ' || id FROM events ORDER BY number");
    let row = |row: &str| row.split_once(' ').map(|(ticket, id)| (ticket.to_owned(), named(id)));
    rows.lines().filter_map(row).collect()
}

/// What waits in the spool of a profile.
fn waiting(profile: &Profile) -> i64 {
    let path = profile.folder.path().join("data/pia-halo/spool.db");
    let Ok(spool) = rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY) else { return 0 };
    let count = spool.query_row("SELECT count(*) FROM events WHERE forward_error IS NULL", [], |row| row.get(0));
    count.unwrap_or(0)
}

async fn sent(service: &Service, secrets: &CallbackSecrets, name: &str, ticket: i64) -> u16 {
    service.callback(secrets, "ticket-updated", &event(name, ticket)).await.status
}

/// Each event once, and those of each ticket in the order in which they came.
fn whole_and_in_order(found: &[(String, String)], expected: &[(i64, String)]) {
    let mut by_ticket: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (ticket, name) in found {
        by_ticket.entry(ticket).or_default().push(name);
    }
    assert_eq!(found.len(), expected.len(), "{by_ticket:?}");
    for (ticket, names) in by_ticket {
        let sent = expected.iter().filter(|(of, _)| of.to_string() == ticket).map(|(_, name)| name.as_str());
        assert_eq!(names, sent.collect::<Vec<_>>(), "ticket {ticket}");
    }
}

/// Two receivers of a store, each on a host of its own.
async fn receivers(profile: &Profile, host: &Host) -> [Service; 2] {
    let other: Command = host.command(&["serve", "--listen", "127.0.0.1:0"]);
    [Service::start(profile).await, Service::start_by(other).await]
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_wait_while_server_is_away_and_are_stored_once() {
    let Some(mut server) = Server::start() else { return };
    let (profile, _) = shared(&server, "spool").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let other = Host::beside(&profile);
    let services = receivers(&profile, &other).await;
    let secrets = secrets(&profile);
    let (mut expected, mut back_at) = (Vec::new(), jiff::Timestamp::MAX);
    for number in 0..200 {
        match number {
            60 => server.stop(),
            140 => {
                back_at = jiff::Timestamp::now();
                server.start_again(&[]);
            }
            _ => {}
        }
        // A ticket's events come to one of them, and those of one more ticket to both.
        let (at, ticket) = (number % 2, 1 + i64::try_from(number % 6).unwrap());
        let name = format!("event {number}");
        assert_eq!(sent(&services[at], &secrets, &name, ticket).await, 200, "{number}");
        expected.push((ticket, name));
        if number % 10 == 0 {
            let name = format!("both {number}");
            for service in &services {
                assert_eq!(sent(service, &secrets, &name, 99).await, 200, "{number}");
            }
            expected.push((99, name));
        }
        if number == 139 {
            assert_eq!(private(&profile), 0o600);
            // Another process of the host tells what waits there, and since when.
            let told = format!("{} events wait on this host for the store, the oldest since ", waiting(&profile));
            assert!(waiting(&profile) >= 40);
            for command in ["status", "issues", "sync"] {
                profile.run([command]).await.expect(5).says("it is not reached").says(&told);
            }
            let metrics = services[0].get("/metrics").await.1;
            assert!(metrics.contains(&format!("\npia_halo_spool_events {}\n", waiting(&profile))), "{metrics}");
            assert!(metrics.contains("\npia_halo_spool_oldest_timestamp_seconds "), "{metrics}");
        }
    }
    until(|| stored(&server, "spool").len() >= expected.len() && waiting(&profile) == 0).await;
    let mut found = stored(&server, "spool");
    // Of what came to both, one may have been quicker.
    found.retain(|(ticket, _)| ticket != "99");
    expected.retain(|(ticket, _)| *ticket != 99);
    assert_eq!(server.sql("spool", "SELECT count(*) FROM events WHERE ticket_id = 99"), "20");
    whole_and_in_order(&found, &expected);
    let early =
        format!("SELECT count(*) FROM events WHERE ticket_id <> 99 AND received_at < {}", back_at.as_millisecond());
    assert_eq!(server.sql("spool", &early), "140", "each has the time at which it came");
    let late = "SELECT count(*) FROM events a JOIN events b ON a.ticket_id = b.ticket_id AND a.number < b.number
                WHERE a.received_at > b.received_at AND a.ticket_id <> 99";
    assert_eq!(server.sql("spool", late), "0");
    for service in services {
        assert_eq!(service.terminate().await, 143);
    }
}

fn private(profile: &Profile) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    let spool = profile.folder.path().join("data/pia-halo/spool.db");
    std::fs::metadata(spool).unwrap().permissions().mode() & 0o777
}

/// A row that the server refuses holds up nobody; it is told, kept, and tried again by the next start.
#[tokio::test(flavor = "multi_thread")]
async fn event_that_store_does_not_take_is_kept_and_holds_up_nobody() {
    let Some(mut server) = Server::start() else { return };
    let (profile, _) = shared(&server, "poison").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let service = Service::start(&profile).await;
    let secrets = secrets(&profile);
    server.sql("poison", "ALTER TABLE events ADD CONSTRAINT odd CHECK (ticket_id <> 13)");
    assert_eq!(sent(&service, &secrets, "at once", 13).await, 200);
    server.stop();
    for (name, ticket) in [("one", 1), ("bad", 13), ("two", 1), ("three", 2)] {
        assert_eq!(sent(&service, &secrets, name, ticket).await, 200);
    }
    server.start_again(&[]);
    until(|| stored(&server, "poison").len() == 3 && waiting(&profile) == 0).await;
    let names: Vec<String> = stored(&server, "poison").into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["one", "two", "three"]);
    let told = "2 events are kept on this host, because the store does not take what is in them";
    profile.run(["status"]).await.expect(0).says(told);
    profile.run(["issues"]).await.expect(0).says(told);
    let status = profile.json(["status"], 0).await;
    assert_eq!(status["service"]["spool"]["not_taken"], 2, "{status}");
    assert!(service.get("/metrics").await.1.contains("\npia_halo_spool_refused 2\n"));
    let kept = profile.json(["store", "spool"], 0).await;
    let refused = kept["refused"].as_array().unwrap();
    let is_told =
        |event: &serde_json::Value| event["ticket_id"] == 13 && event["why"].as_str().unwrap().contains("odd");
    assert!(refused.len() == 2 && refused.iter().all(is_told), "{kept}");
    profile.run(["store", "spool", "--forget"]).await.expect(3).says("nothing was changed");
    profile.run(["store", "spool"]).await.expect(0).says("ticket 13: ").says(told);
    assert_eq!(service.terminate().await, 143);
    server.sql("poison", "ALTER TABLE events DROP CONSTRAINT odd");
    let service = Service::start(&profile).await;
    until(|| stored(&server, "poison").len() == 5).await;
    let status = profile.json(["status"], 0).await;
    assert_eq!(status["service"]["spool"], serde_json::Value::Null, "{status}");
    // One that nobody wants any more is forgotten, and who did that stands in the trail.
    server.sql("poison", "ALTER TABLE events ADD CONSTRAINT odd CHECK (ticket_id <> 14)");
    assert_eq!(sent(&service, &secrets, "not wanted", 14).await, 200);
    let refused = || {
        let spool = rusqlite::Connection::open(profile.folder.path().join("data/pia-halo/spool.db")).unwrap();
        spool
            .query_row("SELECT count(forward_error) FROM events", [], |row| row.get::<_, i64>(0))
            .is_ok_and(|many| many == 1)
    };
    until(refused).await;
    let forget = ["store", "spool", "--forget", "--yes"];
    assert_eq!(profile.json(forget, 0).await["forgotten"], 1);
    assert_eq!(profile.json(forget, 0).await["status"], "nothing_to_do");
    profile.run(["store", "spool"]).await.expect(0).says("Nothing waits on this host");
    profile.run(["audit"]).await.expect(0).says("forget events that the store does not take");
    assert_eq!(service.terminate().await, 143);
}

/// Whether a callback was acknowledged; who was killed acknowledges nothing.
async fn is_acknowledged(service: &Service, secrets: &CallbackSecrets, name: &str, ticket: i64) -> bool {
    let path = format!("http://{}/callbacks/acme/ticket-updated/{}", service.address, secrets.token.expose());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(path).basic_auth("pia", Some(secrets.password.expose()));
    request.body(event(name, ticket).to_string()).send().await.is_ok_and(|answer| answer.status() == 200)
}

/// The program that strace runs, while it runs.
fn of_strace(strace: i32) -> Option<Pid> {
    let children = std::fs::read_to_string(format!("/proc/{strace}/task/{strace}/children")).ok()?;
    Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
}

/// At whichever write of the spool, as it fills and as it empties: what was acknowledged is stored, once and in its order.
#[tokio::test(flavor = "multi_thread")]
async fn receiver_killed_at_any_write_of_spool_loses_nothing() {
    if !may_trace() {
        return;
    }
    let Some(mut server) = Server::start() else { return };
    let (profile, _) = shared(&server, "killed").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let secrets = secrets(&profile);
    let mut round = 0;
    let play = async |what: &str, options: [&str; 6]| {
        round += 1;
        for file in ["spool.db", "spool.db-wal", "spool.db-shm"] {
            _ = std::fs::remove_file(profile.folder.path().join("data/pia-halo").join(file));
        }
        server.sql("killed", "DELETE FROM events");
        let serve = profile.command(["serve", "--listen", "127.0.0.1:0"]);
        let Ok(service) = Service::try_start(traced(&serve, &options)).await else { return 1 };
        server.stop();
        let mut acknowledged = Vec::new();
        let mut sent = Vec::new();
        for number in 0..6 {
            let (ticket, name) = (1 + number % 2, format!("{round} {number}"));
            if is_acknowledged(&service, &secrets, &name, ticket).await {
                acknowledged.push(name.clone());
            }
            sent.push((ticket, name));
        }
        server.start_again(&[]);
        // Until it is killed, or has stored everything.
        until(|| of_strace(service.pid()).is_none() || waiting(&profile) == 0).await;
        let survived = match of_strace(service.pid()) {
            Some(pid) => waiting(&profile) == 0 && kill_process(pid, Signal::KILL).is_ok(),
            None => false,
        };
        service.kill();
        let next = Service::start(&profile).await;
        until(|| waiting(&profile) == 0).await;
        next.kill();
        let found = stored(&server, "killed");
        let is_stored = |name: &String| found.iter().filter(|(_, is)| is == name).count() == 1;
        assert!(acknowledged.iter().all(is_stored), "{what}: {acknowledged:?} and {found:?}");
        // What was on the disk before its answer was on its way may be there, too.
        sent.retain(|(_, name)| found.iter().any(|(_, is)| is == name));
        whole_and_in_order(&found, &sent);
        if survived { 0 } else { 1 }
    };
    at_every_call(&[("fsync", 2), ("pwrite64", 11)], play).await;
}

/// At whichever write of the spool, or to the server, as it empties: what waited is stored, once and in its order.
#[tokio::test(flavor = "multi_thread")]
async fn receiver_killed_as_spool_empties_doubles_nothing() {
    if !may_trace() {
        return;
    }
    let Some(mut server) = Server::start() else { return };
    let (profile, _) = shared(&server, "emptied").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let secrets = secrets(&profile);
    let (mut round, mut expected) = (0, Vec::new());
    let play = async |what: &str, options: [&str; 6]| {
        round += 1;
        let service = Service::start(&profile).await;
        server.stop();
        for number in 0..8 {
            let (ticket, name) = (1 + number % 2, format!("{round} {number}"));
            assert_eq!(sent(&service, &secrets, &name, ticket).await, 200, "{what}");
            expected.push((ticket, name));
        }
        service.kill();
        assert_eq!(waiting(&profile), 8, "{what}");
        server.start_again(&[]);
        let serve = profile.command(["serve", "--listen", "127.0.0.1:0"]);
        let survived = match Service::try_start(traced(&serve, &options)).await {
            Err(_) => false,
            Ok(service) => {
                until(|| of_strace(service.pid()).is_none() || waiting(&profile) == 0).await;
                let pid = of_strace(service.pid());
                let survived = pid.is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok());
                service.kill();
                survived
            }
        };
        let next = Service::start(&profile).await;
        until(|| waiting(&profile) == 0).await;
        next.kill();
        whole_and_in_order(&stored(&server, "emptied"), &expected);
        if survived { 0 } else { 1 }
    };
    at_every_call(&[("pwrite64", 1), ("write", 7)], play).await;
}

/// All processes of the server killed again and again, while Halo goes on calling two receivers.
#[tokio::test(flavor = "multi_thread")]
async fn server_killed_again_and_again_loses_and_doubles_nothing() {
    let Some(mut server) = Server::start() else { return };
    let (profile, _) = shared(&server, "rounds").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let other = Host::beside(&profile);
    let services = Arc::new(receivers(&profile, &other).await);
    let (secrets, ends) = (secrets(&profile), Arc::new(AtomicBool::new(false)));
    let callers = [0, 1].map(|at| {
        let (services, secrets, ends) = (Arc::clone(&services), secrets.clone(), Arc::clone(&ends));
        tokio::spawn(async move {
            let mut taken = Vec::new();
            while !ends.load(Ordering::Relaxed) {
                let (ticket, name) = (1 + at + 2 * (taken.len() as i64 % 3), format!("{at} {}", taken.len()));
                assert_eq!(sent(&services[at as usize], &secrets, &name, ticket).await, 200, "{name}");
                taken.push((ticket, name));
            }
            taken
        })
    });
    let rounds = std::env::var("PIA_HALO_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
    for _ in 0..rounds {
        let before = stored(&server, "rounds").len();
        until(|| stored(&server, "rounds").len() > before + 10).await;
        server.kill();
        server.start_again(&[]);
    }
    ends.store(true, Ordering::Relaxed);
    let mut expected = Vec::new();
    for caller in callers {
        expected.extend(caller.await.unwrap());
    }
    until(|| stored(&server, "rounds").len() >= expected.len()).await;
    whole_and_in_order(&stored(&server, "rounds"), &expected);
}

/// Without a place for it, nothing is acknowledged; and a service does not begin without the store, which has the secrets.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_where_spool_cannot_be_written() {
    let Some(mut server) = Server::start() else { return };
    let (profile, _) = shared(&server, "refused").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let service = Service::start(&profile).await;
    let secrets = secrets(&profile);
    let spool = profile.folder.path().join("data/pia-halo/spool.db");
    std::fs::create_dir(&spool).unwrap();
    server.stop();
    assert_eq!(sent(&service, &secrets, "one", 1).await, 503);
    std::fs::remove_dir(&spool).unwrap();
    assert_eq!(sent(&service, &secrets, "two", 1).await, 200);
    service.kill();
    profile.run(["serve"]).await.expect(5).says("1 event waits on this host for the store");
    server.start_again(&[]);
    let service = Service::start(&profile).await;
    until(|| stored(&server, "refused").len() == 1).await;
    assert_eq!(service.terminate().await, 143);
}

/// Back in a file, the store gets what still waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_goes_into_store_that_settings_name() {
    let Some(mut server) = Server::start() else { return };
    let (profile, _) = shared(&server, "moved").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let service = Service::start(&profile).await;
    let secrets = secrets(&profile);
    server.stop();
    assert_eq!(sent(&service, &secrets, "one", 1).await, 200);
    service.kill();
    server.start_again(&[]);
    let url = format!("{}/moved", server.url());
    profile.run(["store", "copy", "--from", &url, "--switch", "--yes"]).await.expect(0);
    let service = Service::start(&profile).await;
    assert_eq!(crate::support::service::stored(&profile).await.len(), 1);
    assert_eq!(service.terminate().await, 143);
}
