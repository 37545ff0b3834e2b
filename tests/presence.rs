//! Who works with a store on a server is shown, and while that is away, what was known last.

use std::process::Command;

use pia_halo::demo::Options;

use crate::sharing::{Host, shared};
use crate::support::postgres::Server;
use crate::support::pty::Pty;
use crate::support::service::{Service, event, secrets};
use crate::support::walk::Person;
use crate::support::{Profile, until};

/// The service of a host with this name.
async fn serve(mut command: Command, host: &str) -> Service {
    command.env("PIA_HALO_HOST", host);
    Service::start_by(command).await
}

/// Two services; the first one leads, and the other one is on this host.
async fn two(server: &Server, database: &str, profile: &Profile, host: &Host) -> (Service, Service) {
    let arguments = ["serve", "--listen", "127.0.0.1:0"];
    let first = serve(profile.command(arguments), "jump1").await;
    let leads = "SELECT count(*) FROM pia_halo_services WHERE leads";
    until(|| server.sql(database, leads) == "1").await;
    (first, serve(host.command(&arguments), "jump2").await)
}

async fn terminal(profile: &Profile) -> Pty {
    let mut terminal = profile.in_terminal().env("PIA_HALO_HOST", "desk").size(200, 40).spawn();
    terminal.sees("5 Activity").await;
    terminal
}

/// The line of a host, wherever it stands.
fn line<'a>(text: &'a str, host: &str) -> &'a str {
    text.lines().find(|line| line.contains(&format!(" {host}"))).unwrap_or_default()
}

/// Who leads, who stands by and who has ended is on the screen, and told by both commands.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_at_store_are_shown_with_what_they_do() {
    let Some(server) = Server::start() else { return };
    let (profile, _) = shared(&server, "seen").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let host = Host::beside(&profile);
    let (first, second) = two(&server, "seen", &profile, &host).await;
    let told = async || {
        let [status, store] = [
            profile.json(["status"], 0).await["hosts"].clone(),
            profile.json(["store", "status"], 0).await["hosts"].clone(),
        ];
        let of = |told: &serde_json::Value, host: &str| {
            let mut named = told.as_array().unwrap().iter().filter(|one| one["host"] == host);
            let one = named.next().unwrap();
            assert!(named.next().is_none(), "{told}");
            (one["service"].as_str().unwrap().to_owned(), one["version"] == env!("CARGO_PKG_VERSION"))
        };
        let each = ["jump1", "jump2"].map(|host| of(&status, host));
        assert_eq!(each, ["jump1", "jump2"].map(|host| of(&store, host)));
        each.map(|(service, has_version)| if has_version { service } else { String::new() })
    };
    assert_eq!(told().await, ["leads", "stands_by"]);
    let text = profile.run(["status"]).await.expect(0).stdout;
    assert!(line(&text, "jump1").contains(", leads, there now"), "{text}");
    assert!(line(&text, "jump2").contains(", stands by, there now"), "{text}");
    let mut person = terminal(&profile).await;
    person.wait("the header", |screen| screen.lines().next().is_some_and(|line| line.contains("PostgreSQL"))).await;
    person.press("1").await;
    person.wait("the store", |screen| line(screen, "Store").contains("PostgreSQL ")).await;
    person.press("5").await;
    person.wait("who leads", |screen| line(screen, "jump1").contains(", leads, there now")).await;
    person.wait("who stands by", |screen| line(screen, "jump2").contains(", stands by, there now")).await;
    first.kill();
    until(|| server.sql("seen", "SELECT host FROM pia_halo_services WHERE leads") == "jump2").await;
    // As if it had been away for long.
    let back = |table: &str, host: &str| {
        let column = if table == "pia_halo_hosts" { "name" } else { "host" };
        let sql = format!("UPDATE {table} SET seen_at = seen_at - INTERVAL '2 hours' WHERE {column} = '{host}'");
        server.sql("seen", &sql);
    };
    ["pia_halo_hosts", "pia_halo_services"].iter().for_each(|table| back(table, "jump1"));
    profile.run(["sync"]).await.expect(0);
    person.wait("who ended", |screen| line(screen, "jump1").contains("service not running, last seen 2 h ago")).await;
    person.wait("who follows", |screen| line(screen, "jump2").contains(", leads, there now")).await;
    assert_eq!(told().await, ["not_running", "leads"]);
    drop(second);
}

/// With a store in a file nothing is said of hosts.
#[tokio::test]
async fn store_in_file_tells_of_no_hosts() {
    let profile = Profile::synced(Options { clients: 5, ..Options::default() }).await;
    let status = profile.json(["status"], 0).await;
    assert_eq!((&status["store"], &status["hosts"]), (&serde_json::Value::Null, &serde_json::json!([])));
    let text = profile.run(["status"]).await.expect(0).stdout;
    assert!(!text.contains("Hosts") && !text.contains("Store"), "{text}");
    assert_eq!(profile.json(["store", "status"], 0).await["hosts"], serde_json::json!([]));
}

/// Its rows stay on the screen, each pane says since when they are of before, and all goes on once it is back.
#[tokio::test(flavor = "multi_thread")]
async fn panes_keep_rows_while_server_is_away() {
    let Some(mut server) = Server::start() else { return };
    let (profile, _) = shared(&server, "away").await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let service = serve(profile.command(["serve", "--listen", "127.0.0.1:0"]), "jump1").await;
    let body = event("kept", 33_471);
    assert_eq!(service.callback(&secrets(&profile), "ticket-created", &body).await.status, 200);
    let client = server.sql("away", "SELECT name FROM clients ORDER BY name LIMIT 1");
    let rows =
        [("2", client.as_str()), ("3", "Pia - Ticket Created"), ("4", "33471"), ("5", "jump1"), ("1", "Complete")];
    let mut person = terminal(&profile).await;
    for (pane, row) in rows {
        person.press(pane).await;
        person.wait(row, |screen| screen.replace(',', "").contains(row)).await;
    }
    server.kill();
    let said = " reached since ";
    let kept = "; shown is what was known then.";
    for (pane, row) in rows {
        person.press(pane).await;
        let holds = |screen: &str| {
            screen.contains(kept)
                && screen.lines().next().is_some_and(|header| header.contains("store not reached since "))
                && screen.replace(',', "").contains(row)
        };
        person.wait(row, holds).await;
    }
    person.press("0").await;
    person.sees(kept).await;
    for command in ["status", "clients", "events", "issues", "history"] {
        profile.run([command]).await.expect(5).says("PostgreSQL ");
    }
    server.start_again(&[]);
    person.wait("all as before", |screen| !screen.contains(said) && !screen.contains(kept)).await;
    person.press("2").await;
    person.sees(&client).await;
}
