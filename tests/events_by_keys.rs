//! The Events pane over a real service: what Halo posts is on the screen while somebody looks, and nobody looks for it.

use pia_halo::demo::Options;

use crate::support::Profile;
use crate::support::interface::Interface;
use crate::support::service::{Service, event, secrets};
use crate::support::walk::Person;

async fn configured() -> Profile {
    let profile = Profile::synced(Options { clients: 5, ..Options::default() }).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile
}

/// N7: the service is seen to begin, each callback appears by itself, is opened with its body, and the end of the service
/// is seen too, by whatever it ends.
#[tokio::test(flavor = "multi_thread")]
async fn posted_callback_is_on_screen_while_somebody_looks() {
    let profile = configured().await;
    let mut person = Interface::open(&profile).await;
    person.sees("1 Sync").await;
    person.press("4").await;
    person.sees("Service: not running").await;
    person.sees("service not running").await;

    let service = Service::start(&profile).await;
    let secrets = secrets(&profile);
    person.sees("service since").await;
    for (ticket, group) in [(33_479, "ticket-created"), (33_480, "ticket-updated"), (33_481, "ticket-created")] {
        let body = event(&format!("event-{ticket}"), ticket);
        assert_eq!(service.callback(&secrets, group, &body).await.status, 200);
        person.sees(&format!(" {ticket} ")).await;
    }
    person.sees("event just now").await;
    person.sees("3 of 3").await;

    person.press("Enter").await;
    person.sees("\"event\":").await;
    person.press("End").await;
    person.sees("\"summary\": \"Printer\"").await;
    person.press("Esc").await;
    service.kill();
    person.sees("service not running").await;
    person.leave().await;
}

/// Neither a body nor a name of an event gets to the terminal as it came.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_callback_is_shown_and_does_nothing() {
    let profile = configured().await;
    let service = Service::start(&profile).await;
    let secrets = secrets(&profile);
    let mut person = Interface::open(&profile).await;
    person.press("4").await;
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}live\u{9b}31m";
    let body = serde_json::json!({ "id": "hostile", "event": hostile, "object_id": 7, "x": hostile });
    assert_eq!(service.callback(&secrets, "ticket-created", &body).await.status, 200);
    // Not the header's "deliveries".
    person.sees("[2Jlive").await;
    person.press("Enter").await;
    person.sees("\"event\":").await;
    person.press("End").await;
    person.sees("\"object_id\": 7").await;
    for frame in person.frames() {
        assert!(!frame.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{frame}");
    }
    person.leave().await;
}
