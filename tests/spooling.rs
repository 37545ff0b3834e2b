//! A PostgreSQL that goes away and comes back: what Halo sends meanwhile waits on the host, and is stored once and in its order.

use std::collections::BTreeMap;
use std::process::Command;

use pia_halo::domain::callback::CallbackSecrets;
use rusqlite::OpenFlags;

use crate::sharing::{Host, shared};
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
async fn callbacks_wait_while_server_is_away_and_are_stored_once_in_order() {
    let Some(mut server) = Server::start() else { return };
    let (profile, _) = shared(&server, "spool").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let other = Host::beside(&profile);
    let services = receivers(&profile, &other).await;
    let secrets = secrets(&profile);
    let mut expected = Vec::new();
    for number in 0..200 {
        match number {
            60 => server.stop(),
            140 => server.start_again(&[]),
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
            assert!(waiting(&profile) >= 40, "{}", waiting(&profile));
            assert_eq!(private(&profile), 0o600);
        }
    }
    until(|| stored(&server, "spool").len() >= expected.len() && waiting(&profile) == 0).await;
    let mut found = stored(&server, "spool");
    // Of what came to both, one may have been quicker.
    found.retain(|(ticket, _)| ticket != "99");
    expected.retain(|(ticket, _)| *ticket != 99);
    assert_eq!(server.sql("spool", "SELECT count(*) FROM events WHERE ticket_id = 99"), "20");
    whole_and_in_order(&found, &expected);
    let late = "SELECT count(*) FROM events a JOIN events b ON a.ticket_id = b.ticket_id AND a.number < b.number
                WHERE a.received_at > b.received_at AND a.ticket_id <> 99";
    assert_eq!(server.sql("spool", late), "0", "each has the time at which it came");
    for service in services {
        assert_eq!(service.terminate().await, 143);
    }
}

fn private(profile: &Profile) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    let spool = profile.folder.path().join("data/pia-halo/spool.db");
    std::fs::metadata(spool).unwrap().permissions().mode() & 0o777
}
