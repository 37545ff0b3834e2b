//! Several services at one store: all receive, one leads, and another one takes over.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pia_halo::coordination::Shared;
use pia_halo::demo::{Scripted, ScriptedAnswer};
use pia_halo::store::Address;

use crate::commands::holds_exactly_our_objects;
use crate::sharing::{Host, shared};
use crate::support::changing::plain;
use crate::support::destination::Destination;
use crate::support::postgres::Server;
use crate::support::service::{Service, event, secrets, stored};
use crate::support::{Profile, until};

/// The process of the service that leads, by its lock.
fn leader(url: &str) -> Option<i32> {
    let holder = Shared::holder(&Address::new(url).unwrap(), "lead").unwrap()?.0;
    holder.map(|holder| holder.pid.cast_signed())
}

/// Services on hosts of their own; the first one leads.
async fn services(profile: &Profile, url: &str, hosts: &[Host], more: &[&str]) -> Vec<Service> {
    let arguments = [&["serve", "--listen", "127.0.0.1:0"], more].concat();
    let mut services = vec![Service::start_by(profile.command(&arguments)).await];
    until(|| leader(url) == Some(services[0].pid())).await;
    for (number, host) in hosts.iter().enumerate() {
        let mut command = host.command(&arguments);
        command.env("PIA_HALO_HOST", format!("jump{}", number + 2));
        services.push(Service::start_by(command).await);
    }
    services
}

/// Waits until just one of them says that it leads, and it is who has the lock.
async fn one_leads(url: &str, services: &[Service]) -> usize {
    let mut look_again = tokio::time::interval(Duration::from_millis(100));
    let began = std::time::Instant::now();
    loop {
        let mut leads = Vec::new();
        for (number, service) in services.iter().enumerate() {
            let (code, text) = service.get("/metrics").await;
            assert_eq!(code, 200);
            leads.extend(text.contains("\npia_halo_leader 1").then_some(number));
        }
        assert!(leads.len() < 2, "{leads:?}");
        if let [one] = leads[..]
            && leader(url) == Some(services[one].pid())
        {
            return one;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "nobody leads");
        look_again.tick().await;
    }
}

/// The day's sync is made once, whoever dies; and within a minute of that another one leads.
#[tokio::test(flavor = "multi_thread")]
async fn killed_leader_is_followed_and_no_day_is_synced_twice() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "days").await;
    let hosts = [Host::beside(&profile), Host::beside(&profile)];
    is_due(&server, "days");
    let mut services = services(&profile, &url, &hosts, &[]).await;
    assert_eq!(one_leads(&url, &services).await, 0);
    let shown = profile.json(["store", "status"], 0).await;
    let work: Vec<&str> = shown["at_work"].as_array().unwrap().iter().filter_map(|who| who["what"].as_str()).collect();
    assert!(work.contains(&"lead"), "{shown}");
    assert!(["jump2", "jump3"].iter().all(|host| shown["hosts"].to_string().contains(host)), "{shown}");
    let synced = || server.sql("days", "SELECT count(*) FROM runs WHERE status IS NOT NULL");
    let today = || server.sql("days", "SELECT count(*) FROM daily WHERE outcome = 'synced'");
    until(|| today() == "1").await;
    assert_eq!(synced(), "2");
    services.remove(0).kill();
    let next = one_leads(&url, &services).await;
    // It has looked at what is due.
    let mut look_again = tokio::time::interval(Duration::from_millis(50));
    while !services[next].get("/metrics").await.1.contains("\npia_halo_next_sync_timestamp_seconds ") {
        look_again.tick().await;
    }
    assert_eq!((synced(), today()), ("2".to_owned(), "1".to_owned()));
    for service in services {
        assert_eq!(service.terminate().await, 143);
    }
}

/// Its session ends, and the service goes on: it stands by, or leads again, and never beside another one.
#[tokio::test(flavor = "multi_thread")]
async fn leader_whose_session_ends_stands_by_and_one_leads() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "lost").await;
    let hosts = [Host::beside(&profile), Host::beside(&profile)];
    let services = services(&profile, &url, &hosts, &[]).await;
    for _ in 0..3 {
        let before = one_leads(&url, &services).await;
        let held = "locktype = 'advisory' AND objsubid = 2 AND classid = 1349083470";
        let ended = format!("SELECT count(pg_terminate_backend(pid, 9000)) FROM pg_locks WHERE {held}");
        assert_ne!(server.sql("lost", &ended), "0");
        let said = std::sync::Arc::clone(&services[before].said);
        let after = one_leads(&url, &services).await;
        assert!(after < services.len(), "{said:?}");
    }
}

/// Nothing ends its session: it is there, and does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn hung_leader_is_followed_and_finds_out() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "hung").await;
    let hosts = [Host::beside(&profile)];
    let services = services(&profile, &url, &hosts, &[]).await;
    assert_eq!(one_leads(&url, &services).await, 0);
    let signal = |name: &str| {
        let pid = services[0].pid().to_string();
        assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    };
    signal("-STOP");
    // As if a minute had passed.
    server.sql("hung", "UPDATE pia_halo_services SET seen_at = seen_at - INTERVAL '61 seconds' WHERE leads");
    until(|| leader(&url) == Some(services[1].pid())).await;
    signal("-CONT");
    assert_eq!(one_leads(&url, &services).await, 1);
}

/// It leads while nobody else can, and gives the lead to whoever has a Client Secret.
#[tokio::test(flavor = "multi_thread")]
async fn service_without_secret_leaves_lead_to_one_that_has_it() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "secret").await;
    let host = Host::beside(&profile);
    host.forget_secret();
    let without = Service::start_by(host.command(&["serve", "--listen", "127.0.0.1:0"])).await;
    until(|| leader(&url) == Some(without.pid())).await;
    let with = Service::start_by(profile.command(["serve", "--listen", "127.0.0.1:0"])).await;
    until(|| leader(&url) == Some(with.pid())).await;
    assert_eq!(one_leads(&url, &[without, with]).await, 1);
}

/// One that fails at Halo for a cause of its own goes behind one that has not failed, for a while.
#[tokio::test(flavor = "multi_thread")]
async fn leader_that_fails_for_minutes_gives_lead_back() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "fails").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let host = Host::beside(&profile);
    let mut command = host.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("PIA_HALO_CLIENT_SECRET", "not the one");
    let fails = Service::start_by(command).await;
    let is_failing = "SELECT count(*) FROM pia_halo_services WHERE failing_since IS NOT NULL";
    until(|| leader(&url) == Some(fails.pid())).await;
    until(|| server.sql("fails", is_failing) == "1").await;
    let works = Service::start_by(profile.command(["serve", "--listen", "127.0.0.1:0"])).await;
    // As if minutes had passed.
    server
        .sql("fails", "UPDATE pia_halo_services SET failing_since = failing_since - INTERVAL '6 minutes' WHERE leads");
    until(|| leader(&url) == Some(works.pid())).await;
    assert_eq!(server.sql("fails", "SELECT count(*) FROM pia_halo_services WHERE rests_until > now()"), "1");
    // Where nobody else is there it leads again.
    works.terminate().await;
    until(|| leader(&url) == Some(fails.pid())).await;
}

/// As if nobody had synced for days.
fn is_due(server: &Server, database: &str) {
    let then = Timestamp::now() - SignedDuration::from_hours(72);
    server.sql(
        database,
        &format!(
            "UPDATE runs SET started_at = '{then}', finished_at = '{then}';
             UPDATE configurations SET served_since = '{then}', published_at = '{then}', proved_at = '{then}'"
        ),
    );
}

/// Where nothing is installed, the sync alone tells that a host cannot work.
#[tokio::test(flavor = "multi_thread")]
async fn leader_whose_sync_fails_by_its_host_is_failing() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "syncfails").await;
    is_due(&server, "syncfails");
    let host = Host::beside(&profile);
    let mut command = host.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("PIA_HALO_CLIENT_SECRET", "not the one");
    let fails = Service::start_by(command).await;
    until(|| leader(&url) == Some(fails.pid())).await;
    let is_failing = "SELECT count(*) FROM pia_halo_services WHERE failing_since IS NOT NULL";
    let mut look_again = tokio::time::interval(Duration::from_millis(100));
    let began = std::time::Instant::now();
    // A late run waits a random part of a minute first.
    while server.sql("syncfails", is_failing) != "1" {
        assert!(began.elapsed() < Duration::from_secs(100), "{:?}", fails.said);
        look_again.tick().await;
    }
    let works = Service::start_by(profile.command(["serve", "--listen", "127.0.0.1:0"])).await;
    server.sql("syncfails", "UPDATE pia_halo_services SET failing_since = now() - INTERVAL '6 minutes' WHERE leads");
    until(|| leader(&url) == Some(works.pid())).await;
    until(|| server.sql("syncfails", "SELECT count(*) FROM daily WHERE outcome = 'synced'") == "1").await;
}

/// Another one that can do more waits for the end of a sync: what is half read is not thrown away.
#[tokio::test(flavor = "multi_thread")]
async fn lead_is_not_given_away_in_middle_of_sync() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "middle").await;
    is_due(&server, "middle");
    let busy = |busy: bool| {
        profile.halo.change(|state| {
            state.behaviour.server_error_percent = if busy { 100 } else { 0 };
            state.set_fault("server-errors".parse().unwrap(), busy);
        });
    };
    busy(true);
    let plain = Service::start_by(profile.command(["serve", "--listen", "127.0.0.1:0"])).await;
    until(|| leader(&url) == Some(plain.pid())).await;
    let open = || server.sql("middle", "SELECT count(*) FROM runs WHERE status IS NULL") == "1";
    until(open).await;
    let destination = Destination::start().await;
    let host = Host::beside(&profile);
    let better = ["serve", "--listen", "127.0.0.1:0", "--forward-to", &destination.url];
    let better = Service::start_by(host.command(&better)).await;
    // It is there, and the leader has looked twice since.
    until(|| server.sql("middle", "SELECT count(*) FROM pia_halo_services WHERE forwards IS NOT NULL") == "1").await;
    let seen = || server.sql("middle", "SELECT seen_at FROM pia_halo_services WHERE leads");
    for _ in 0..2 {
        let before = seen();
        until(|| seen() != before).await;
    }
    assert!(leader(&url) == Some(plain.pid()) && open(), "{:?}", plain.said);
    busy(false);
    until(|| leader(&url) == Some(better.pid())).await;
    let ended = "SELECT string_agg(DISTINCT status, ',') FROM runs";
    assert_eq!(server.sql("middle", ended), "complete");
}

/// What one forwards, another one that does not keeps for it.
#[tokio::test(flavor = "multi_thread")]
async fn service_that_does_not_forward_leaves_that_to_one_that_does() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "differs").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let destination = Destination::start().await;
    let host = Host::beside(&profile);
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--forward-to", &destination.url];
    let plain = Service::start_by(profile.command(["serve", "--listen", "127.0.0.1:0"])).await;
    until(|| leader(&url) == Some(plain.pid())).await;
    let forwards = Service::start_by(host.command(&arguments)).await;
    until(|| leader(&url) == Some(forwards.pid())).await;
    let log = profile.workspace().paths().log();
    until(|| std::fs::read_to_string(&log).unwrap_or_default().contains("start all with the same --forward-to")).await;
    let hands_on = || server.sql("differs", "SELECT hands_on FROM configurations");
    until(|| hands_on() == "1").await;
    forwards.kill();
    until(|| leader(&url) == Some(plain.pid())).await;
    let services = [plain];
    assert_eq!(one_leads(&url, &services).await, 0);
    let [plain] = services;
    assert_eq!(plain.callback(&secrets(&profile), "ticket-created", &event("kept", 33_470)).await.status, 200);
    assert_eq!(hands_on(), "1", "the clients are kept for it");
    let _forwards = Service::start_by(host.command(&arguments)).await;
    until(|| destination.arrived().iter().any(|arrived| arrived.id() == "kept")).await;
}

/// Whoever refuses it may stand by, and die; whoever leads then asks Halo for it.
#[tokio::test(flavor = "multi_thread")]
async fn callback_that_standby_refuses_is_noted_for_next_leader() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "missed").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let hosts = [Host::beside(&profile)];
    let mut services = services(&profile, &url, &hosts, &[]).await;
    let looked = || server.sql("missed", "SELECT count(*) FROM configurations WHERE complete_until IS NOT NULL") == "1";
    until(looked).await;
    let missed = || server.sql("missed", "SELECT count(*) FROM configurations WHERE missed_since IS NOT NULL");
    assert_eq!(missed(), "0");
    let secrets = secrets(&profile);
    let path = format!("/callbacks/acme/ticket-created/{}", secrets.token.expose());
    let cut_off = services[1].post(&path, Some(("pia", secrets.password.expose())), "{").await;
    assert!(cut_off.status >= 400, "{}", cut_off.status);
    until(|| missed() == "1").await;
    services.remove(0).kill();
    assert_eq!(one_leads(&url, &services).await, 0);
    until(|| missed() == "0").await;
}

/// What went to a leader that died was lost before the others heard of anything.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_looks_back_to_last_sign_of_leader() {
    let Some(server) = Server::start() else { return };
    let (profile, _) = shared(&server, "sign").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let first = Service::start_by(profile.command(["serve", "--listen", "127.0.0.1:0"])).await;
    let looked = || server.sql("sign", "SELECT count(*) FROM configurations WHERE complete_until IS NOT NULL") == "1";
    until(looked).await;
    first.kill();
    let wait =
        || server.sql("sign", "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pia-halo on %'");
    until(|| wait() == "0").await;
    let before = Timestamp::now() - SignedDuration::from_mins(12);
    server.sql("sign", &format!("UPDATE pia_halo_services SET seen_at = '{before}' WHERE leads"));
    crate::catching_up::log(&profile, "Pia - Ticket Created", 9, None, Some(event("went to the dead", 40_001)), 40_001);
    let now = Timestamp::now().as_millisecond();
    server.sql("sign", &format!("UPDATE configurations SET complete_until = {now}"));
    let host = Host::beside(&profile);
    let _next = Service::start_by(host.command(&["serve", "--listen", "127.0.0.1:0"])).await;
    let fetched = "SELECT count(*) FROM events WHERE fetched_from = 'halo_log'";
    until(|| server.sql("sign", fetched) == "1").await;
}

/// Each event once, wherever it comes in, and forwarded by whoever leads; a rotated token is known everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn all_receive_and_each_event_is_stored_and_forwarded_once() {
    let Some(server) = Server::start() else { return };
    let (profile, url) = shared(&server, "receive").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let destination = Destination::start().await;
    let hosts = [Host::beside(&profile)];
    let services = services(&profile, &url, &hosts, &["--forward-to", &destination.url]).await;
    let before = secrets(&profile);
    // The one that stands by takes it first; the other one is told the same.
    for service in services.iter().rev() {
        for number in 0..5 {
            let body = event(&format!("event {number}"), 33_470 + number);
            assert_eq!(service.callback(&before, "ticket-created", &body).await.status, 200);
        }
    }
    assert_eq!(stored(&profile).await.len(), 5);
    // Clients are forwarded, too.
    let arrived = || {
        let ids = destination.arrived().into_iter().map(|arrived| arrived.id());
        ids.filter(|id| id.starts_with("event ") || id.starts_with("after ")).collect::<Vec<_>>()
    };
    until(|| arrived().len() >= 5).await;
    hosts[0].run(&["rotate", "--yes"]).await.expect(0);
    let rotated = std::time::Instant::now();
    let after = secrets(&profile);
    for (number, service) in services.iter().enumerate() {
        let body = event(&format!("after {number}"), 33_480);
        while service.callback(&after, "ticket-created", &body).await.status != 200 {
            assert!(rotated.elapsed() < Duration::from_secs(5), "a rotated token is not known");
        }
    }
    until(|| arrived().len() >= 7).await;
    let mut ids = arrived();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), arrived().len()), (7, 7));
}

/// Two hosts that Configure at once: one is told who is at it and where, and there is one set of objects.
#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_that_configure_at_once_make_one_set() {
    let Some(server) = Server::start() else { return };
    let (profile, _) = shared(&server, "twice").await;
    let before = plain(profile.halo.snapshot());
    let other = Host::beside(&profile);
    profile.halo.change(|state| {
        let (path, answer) = ("/api/webhook".to_owned(), ScriptedAnswer::Silence);
        state.scripted.push(Scripted { method: "POST", path, skip: 0, times: 1, apply: true, answer });
    });
    let mut first = profile.command(["configure", "--yes"]).env("PIA_HALO_HOST", "jump1").spawn().unwrap();
    until(|| !profile.halo.writes().is_empty()).await;
    for command in ["configure", "remove", "rotate"] {
        let told = other.run(&[command, "--yes"]).await.expect(6);
        assert!(told.stderr.contains("Configure by ") && told.stderr.contains(" on jump1 since "), "{told:?}");
    }
    assert_eq!(profile.halo.writes().len(), 1);
    first.kill().unwrap();
    first.wait().unwrap();
    other.run(&["configure", "--yes"]).await.expect(0);
    holds_exactly_our_objects(&before, &plain(profile.halo.snapshot()));
    let plan = profile.run(["plan", "--json"]).await.expect(0).json();
    assert_eq!(plan["changes_pending"], false, "{plan}");
}
