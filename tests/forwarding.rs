//! What becomes of an event after it is stored: its ticket is read again from Halo, and it is forwarded, signed, in order,
//! until it is taken.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use pia_halo::demo::{Fault, Options, Scripted, ScriptedAnswer};
use pia_halo::domain::callback::CallbackSecrets;
use pia_halo::domain::callback::EventGroup;
use pia_halo::domain::event::{ForwardState, Incoming};
use pia_halo::ops::events::{NextLookUp, Progress, look_up};
use pia_halo::ops::{Clock, Workspace};
use pia_halo::settings::{Environment, Paths};
use pia_halo::store::NewEvent;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::destination::Destination;
use crate::support::service::{Service, event, guid, named, secrets, stored};
use crate::support::{Profile, files, run, until};

const TICKET: i64 = 33_470;

/// A profile whose Halo has ticket 33470 on the Pia Board and 33471 elsewhere.
async fn profile() -> (Profile, CallbackSecrets) {
    let profile = Profile::set_up(Options { clients: 40, ..Options::default() }).await;
    profile.halo.change(|state| {
        state.tickets[0].set("team", "Pia");
        state.tickets[1].set("team", "1st Line Support");
    });
    profile.halo.clear_requests();
    let secrets = secrets(&profile);
    (profile, secrets)
}

async fn forwarding() -> (Profile, CallbackSecrets, Destination, Service) {
    let (profile, secrets) = profile().await;
    let destination = Destination::start().await;
    let service = Service::start_with(&profile, &["--forward-to", &destination.url]).await;
    (profile, secrets, destination, service)
}

async fn send(service: &Service, secrets: &CallbackSecrets, id: &str, ticket: i64) {
    assert_eq!(service.callback(secrets, "ticket-created", &event(id, ticket)).await.status, 200);
}

/// The stored events by name, as the program's own store tells them.
fn known(profile: &Profile) -> BTreeMap<String, pia_halo::domain::event::Event> {
    let events = profile.store().events(&profile.id(), None, None, 10_000).unwrap();
    events.into_iter().map(|event| (named(&event.id), event)).collect()
}

/// Whether Halo was asked for the tickets behind all events.
fn all_looked_up(profile: &Profile) -> bool {
    profile.store().events_to_look_up(&profile.id(), 0, 1).unwrap().is_empty()
}

fn asked_for(profile: &Profile, ticket: i64) -> usize {
    let path = format!("/api/tickets/{ticket}");
    profile.halo.requests().iter().filter(|request| request.path == path).count()
}

fn state_of(profile: &Profile, id: &str) -> Option<ForwardState> {
    known(profile).get(id)?.forwarding.as_ref().map(|forwarding| forwarding.state)
}

/// On the board, on another one, deleted, not about a ticket: true, false and null, and each ticket is asked for once.
#[tokio::test(flavor = "multi_thread")]
async fn ticket_of_event_is_read_again_with_its_board() {
    let (profile, secrets) = profile().await;
    let service = Service::start(&profile).await;
    // All at once, so that one question serves the five events of a ticket. What the body says of the ticket is not believed.
    let lies = json!({ "event": "lie", "ticket": { "id": 33_471, "team": "Pia", "status": "Closed", "client_id": "Northwind" } });
    let mut batch: Vec<Value> = (0..5).map(|n| event(&format!("on-{n}"), TICKET)).collect();
    batch.extend([lies, event("gone", 4_711), json!({ "event": "about nothing" })]);
    assert_eq!(service.callback(&secrets, "ticket-updated", &json!(batch)).await.status, 200);
    until(|| all_looked_up(&profile)).await;
    let events = known(&profile);
    assert_eq!(events["on-0"].on_pia_board, Some(true));
    assert_eq!(events["on-4"].on_pia_board, Some(true));
    let of =
        |name: &str| events.values().find(|own| own.event.as_ref().is_some_and(|event| event.raw() == name)).unwrap();
    assert_eq!(of("lie").on_pia_board, Some(false));
    assert_eq!((events["gone"].on_pia_board, of("about nothing").on_pia_board), (None, None));
    assert!(events["gone"].ticket_problem.as_ref().unwrap().contains("no such ticket"));
    let ticket = events["on-0"].ticket.as_ref().unwrap();
    let status = ticket.status.as_ref().unwrap().to_string();
    assert_eq!((ticket.status_id, &*status, ticket.ticket_type_id), (Some(2), "In Progress", Some(1)));
    assert!(ticket.client.is_some() && ticket.client_id.is_some() && ticket.ticket_type.is_some());
    assert_eq!((asked_for(&profile, TICKET), asked_for(&profile, 33_471), asked_for(&profile, 4_711)), (1, 1, 1));
    let printed = stored(&profile).await;
    assert_eq!(printed.iter().find(|event| event["id"] == guid("gone")).unwrap()["on_pia_board"], Value::Null);
    // Another event of that ticket is another question; the one that is gone is not asked for again.
    send(&service, &secrets, "later", TICKET).await;
    until(|| all_looked_up(&profile)).await;
    assert_eq!((asked_for(&profile, TICKET), asked_for(&profile, 4_711)), (2, 1));
    profile.run(["events", "--show", &guid("on-0")]).await.expect(0).says("Status   In Progress").says("Board    Pia");
}

/// Tenants that tell a team by its id: the name is asked for, once.
#[tokio::test(flavor = "multi_thread")]
async fn team_told_by_its_id_is_known_as_board() {
    let (profile, secrets) = profile().await;
    profile.halo.set_fault(Fault::TeamsAsIds, true);
    let service = Service::start(&profile).await;
    let batch = json!([event("on", TICKET), event("off", 33_471)]);
    assert_eq!(service.callback(&secrets, "ticket-updated", &batch).await.status, 200);
    until(|| all_looked_up(&profile)).await;
    let events = known(&profile);
    assert_eq!((events["on"].on_pia_board, events["off"].on_pia_board), (Some(true), Some(false)));
    assert_eq!(profile.halo.requests().iter().filter(|request| request.path == "/api/team").count(), 1);
}

/// Halo fails over one ticket: the others are known all the same, and it is asked for again later. A web page in place of an
/// answer is no answer about a ticket.
#[tokio::test(flavor = "multi_thread")]
async fn one_ticket_that_cannot_be_read_holds_up_no_other() {
    let (profile, secrets) = profile().await;
    let page = |status, body: &str| ScriptedAnswer::Reply {
        status,
        content_type: "text/html",
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    };
    profile.halo.change(|state| {
        let (path, answer) = (format!("/api/tickets/{TICKET}"), page(200, "<html>maintenance</html>"));
        state.scripted.push(Scripted { method: "GET", path, skip: 0, times: 1, apply: false, answer });
    });
    let service = Service::start(&profile).await;
    let batch = json!([event("first", TICKET), event("second", 33_471)]);
    assert_eq!(service.callback(&secrets, "ticket-updated", &batch).await.status, 200);
    until(|| known(&profile).get("second").is_some_and(|event| event.on_pia_board == Some(false))).await;
    until(|| known(&profile)["first"].on_pia_board == Some(true)).await;
    assert_eq!((asked_for(&profile, TICKET), asked_for(&profile, 33_471)), (2, 1));
    assert_eq!(known(&profile)["first"].ticket_problem, None);
}

/// Halo lets nobody in, and the service is stopped: the look-ups go on when the secret is put right, and after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn look_ups_wait_for_refusing_halo_and_survive_restart() {
    let (profile, secrets) = profile().await;
    profile.halo.set_fault(Fault::WrongSecret, true);
    let service = Service::start(&profile).await;
    send(&service, &secrets, "one", TICKET).await;
    until(|| profile.halo.requests().iter().any(|request| request.path == "/auth/token")).await;
    assert!(!all_looked_up(&profile));
    assert_eq!(service.terminate().await, 143);
    profile.halo.set_fault(Fault::WrongSecret, false);
    let service = Service::start(&profile).await;
    until(|| known(&profile)["one"].on_pia_board == Some(true)).await;
    // And within one run: a saved secret is tried at once, however long the wait was to be.
    profile.halo.set_fault(Fault::WrongSecret, true);
    profile.halo.expire_tokens();
    send(&service, &secrets, "two", 33_471).await;
    until(|| profile.halo.requests().iter().rev().take(1).any(|request| request.path == "/auth/token")).await;
    profile.halo.set_fault(Fault::WrongSecret, false);
    profile.save("acme", "").await.expect(0);
    until(|| known(&profile)["two"].on_pia_board == Some(false)).await;
}

/// Signed so that the scheme's own library finds it right; the ticket is told as Halo has it, the body as it came.
#[tokio::test(flavor = "multi_thread")]
async fn event_is_forwarded_signed_by_scheme() {
    let (profile, secrets, destination, service) = forwarding().await;
    send(&service, &secrets, "8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77", TICKET).await;
    until(|| destination.arrived().len() == 1).await;
    let arrived = destination.arrived().remove(0);
    let shown = profile.run(["events", "--forward-secret"]).await.expect(0).stdout;
    assert!(arrived.is_signed_with(shown.trim()));
    assert!(!arrived.is_signed_with("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"));
    let forged = crate::support::destination::Arrived { payload: b"{}".to_vec().into(), ..arrived.clone() };
    assert!(!forged.is_signed_with(shown.trim()), "the payload is part of it");
    let payload = arrived.json();
    assert_eq!((&payload["type"], &payload["data"]["event"]["on_pia_board"]), (&json!("ticket-created"), &json!(true)));
    assert_eq!(payload["data"]["event"]["ticket"]["team"], "Pia");
    assert_eq!(payload["data"]["body"], event("8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77", TICKET));
    assert_eq!(
        (arrived.id().as_str(), arrived.uri.as_str()),
        ("8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77", "/in?key=sup3rs3cretpart")
    );
    until(|| state_of(&profile, "8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77") == Some(ForwardState::Delivered)).await;
    // A copy of the event is not forwarded again.
    send(&service, &secrets, "8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77", TICKET).await;
    send(&service, &secrets, "next", TICKET).await;
    until(|| destination.arrived().len() == 2).await;
    assert_eq!(destination.ids()[1], "next");
}

/// The secret of the signature is replaced, in its file and in the settings, while the service runs: the next event is signed
/// with the new one. While it cannot be read, the one before signs.
#[tokio::test(flavor = "multi_thread")]
async fn changed_secret_of_signature_is_taken_up_without_restart() {
    let (profile, secrets) = profile().await;
    let destination = Destination::start().await;
    let keys = ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_b5sSYspob7oDC2FVsBQIhrscChlQIMV+"];
    let file = profile.folder.path().join("forward_secret");
    let give = |text: &str| {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    };
    let arrives = async |service: &Service, id: &str| {
        send(service, &secrets, id, TICKET).await;
        until(|| destination.ids().iter().any(|seen| seen == id)).await;
        destination.arrived().into_iter().rfind(|arrived| arrived.id() == id).unwrap()
    };
    give(keys[0]);
    let mut command = profile.command(["serve", "--listen", "127.0.0.1:0", "--forward-to", &destination.url]);
    command.env("PIA_HALO_FORWARD_SECRET_FILE", &file);
    let service = Service::start_by(command).await;
    assert!(arrives(&service, "first").await.is_signed_with(keys[0]));
    give(keys[1]);
    let second = arrives(&service, "second").await;
    assert!(second.is_signed_with(keys[1]) && !second.is_signed_with(keys[0]));
    // What is told is what is used.
    let told = async |json: &[&str]| {
        let mut command = profile.command([&["events", "--forward-secret"], json].concat());
        command.env("PIA_HALO_FORWARD_SECRET_FILE", &file);
        run(command, String::new()).await
    };
    assert_eq!(told(&[]).await.expect(0).stdout.trim(), keys[1]);
    assert_eq!(told(&["--json"]).await.expect(0).json()["forward_secret"], keys[1]);
    give("");
    let refused = told(&[]).await;
    assert!(refused.code != 0 && !refused.stderr.contains("Client Secret"), "{refused:?}");
    refused.says("the secret that signs forwarded events from ").says("empty");
    give("half of it");
    assert!(arrives(&service, "third").await.is_signed_with(keys[1]));
    assert_eq!(service.terminate().await, 143);

    let service = Service::start_with(&profile, &["--forward-to", &destination.url]).await;
    arrives(&service, "fourth").await;
    let change = |secrets: &mut pia_halo::settings::StoredSecrets| {
        secrets.forward = Some(pia_halo::domain::secret::Secret::new(keys[0]));
        Ok::<_, pia_halo::domain::failure::Failure>(())
    };
    profile.settings().update_secrets(&profile.id(), change).unwrap();
    assert!(arrives(&service, "fifth").await.is_signed_with(keys[0]));
}

/// While one ticket's event is not taken, that ticket's others wait behind it, and other tickets pass.
#[tokio::test(flavor = "multi_thread")]
async fn order_of_ticket_is_kept_while_others_pass() {
    let (profile, secrets, destination, service) = forwarding().await;
    destination.answer(|arrived| if arrived.id() == "a1" { 503 } else { 200 });
    for (id, ticket) in [("a1", TICKET), ("a2", TICKET), ("b1", 33_471), ("a3", TICKET), ("b2", 33_471)] {
        send(&service, &secrets, id, ticket).await;
    }
    until(|| state_of(&profile, "b2") == Some(ForwardState::Delivered)).await;
    until(|| destination.ids().iter().filter(|id| *id == "a1").count() >= 2).await;
    assert!(!destination.ids().iter().any(|id| id == "a2" || id == "a3"));
    // The next try comes after thirty seconds: the service is started again, and nothing is lost or out of order.
    let waiting = known(&profile)["a1"].forwarding.clone().unwrap();
    assert!(waiting.last_error.unwrap().contains("503") && waiting.next_at.is_some());
    assert_eq!(service.terminate().await, 143);
    destination.answer(|_| 200);
    let now = Timestamp::now();
    let store = profile.store();
    store.forwarded(&profile.id(), known(&profile)["a1"].number, ForwardState::Pending, Some(now), None, now).unwrap();
    let service = Service::start_with(&profile, &["--forward-to", &destination.url]).await;
    until(|| state_of(&profile, "a3") == Some(ForwardState::Delivered)).await;
    let ids = destination.ids();
    let first = |id: &str| ids.iter().position(|seen| seen == id).unwrap();
    assert!(first("a2") > ids.iter().rposition(|id| id == "a1").unwrap() && first("a3") > first("a2"), "{ids:?}");
    assert!(first("b1") < first("b2"));
    drop(service);
}

/// A redirect is not followed, and the secret part of the address is in no file and no message.
#[tokio::test(flavor = "multi_thread")]
async fn redirect_is_not_followed_and_address_is_told_to_nobody() {
    let (profile, secrets) = profile().await;
    let (elsewhere, destination) = (Destination::start().await, Destination::start().await);
    let target = elsewhere.url.clone();
    destination.answer_with(move |_| (307, vec![("location", target.clone())]));
    let service = Service::start_with(&profile, &["--forward-to", &destination.url]).await;
    send(&service, &secrets, "moved", TICKET).await;
    until(|| known(&profile)["moved"].forwarding.as_ref().is_some_and(|forwarding| forwarding.attempts > 0)).await;
    assert_eq!(elsewhere.arrived().len(), 0);
    let error = known(&profile)["moved"].forwarding.clone().unwrap().last_error.unwrap();
    assert!(error.contains("307"), "{error}");
    assert_eq!(service.terminate().await, 143);
    // Nobody listens there.
    let gone = "http://127.0.0.1:9/in?key=sup3rs3cretpart";
    let service = Service::start_with(&profile, &["--forward-to", gone]).await;
    send(&service, &secrets, "lost", 33_471).await;
    until(|| known(&profile)["lost"].forwarding.as_ref().is_some_and(|forwarding| forwarding.attempts > 0)).await;
    assert_eq!(known(&profile)["lost"].forwarding.clone().unwrap().last_error.unwrap(), "no connection");
    assert_eq!(service.terminate().await, 143);
    for file in files(profile.folder.path()) {
        let bytes = std::fs::read(&file).unwrap();
        let found = bytes.windows(15).any(|part| part == b"sup3rs3cretpart");
        assert!(!found, "{}", file.display());
    }
    let refused = profile.run(["serve", "--forward-to", "http://x.example/?key=sup3rs3cretpart"]).await.expect(2);
    assert!(!format!("{}{}", refused.stdout, refused.stderr).contains("sup3rs3cret"));
    // A proxy is meant and not named well: the events would go past it.
    let mut past = profile.command(["serve", "--listen", "127.0.0.1:0", "--forward-to", "https://127.0.0.1:9/in"]);
    past.env("HTTPS_PROXY", "http://u:hunter2#@proxy");
    let refused = run(past, String::new()).await.expect(2).says("HTTPS_PROXY has a #");
    assert!(!refused.stderr.contains("hunter2"));
}

/// 410 is "no more": nothing is sent until a person sends again, or the next start, and then what waited.
#[tokio::test(flavor = "multi_thread")]
async fn destination_that_is_gone_is_left_alone_until_next_start() {
    let (profile, secrets, destination, service) = forwarding().await;
    destination.first([410]);
    send(&service, &secrets, "one", TICKET).await;
    until(|| known(&profile)["one"].forwarding.as_ref().is_some_and(|forwarding| forwarding.attempts == 1)).await;
    send(&service, &secrets, "two", 33_471).await;
    until(|| all_looked_up(&profile)).await;
    assert_eq!(service.terminate().await, 143);
    assert_eq!(destination.ids(), ["one"]);
    assert_eq!(state_of(&profile, "two"), Some(ForwardState::Pending));
    let service = Service::start_with(&profile, &["--forward-to", &destination.url]).await;
    until(|| state_of(&profile, "one") == Some(ForwardState::Delivered)).await;
    until(|| state_of(&profile, "two") == Some(ForwardState::Delivered)).await;
    // And once more, while it runs.
    destination.first([410]);
    send(&service, &secrets, "three", TICKET).await;
    until(|| known(&profile)["three"].forwarding.as_ref().is_some_and(|forwarding| forwarding.attempts == 1)).await;
    profile.run(["issues", "retry", "forwarding"]).await.expect(0);
    until(|| state_of(&profile, "three") == Some(ForwardState::Delivered)).await;
    drop(service);
}

/// Tried for three days: given up, listed, counted in the status, and sent again by the command while the service runs.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_listed_and_can_be_sent_again() {
    let (profile, secrets, destination, service) = forwarding().await;
    destination.answer(|_| 500);
    send(&service, &secrets, "dead", TICKET).await;
    send(&service, &secrets, "other", 33_471).await;
    until(|| known(&profile).values().all(|event| event.forwarding.as_ref().is_some_and(|f| f.attempts == 1))).await;
    assert_eq!(service.terminate().await, 143);
    // They were refused, and are not given up.
    for command in [&["status"][..], &["events", "--undelivered"]] {
        profile.run(command).await.expect(0).says("2 events are waiting to be forwarded; pia-halo events shows");
    }
    assert_eq!(profile.json(["status"], 0).await["service"]["events_to_forward"], 2);
    // As if its first try had been three days ago, and it were due now.
    let database = rusqlite::Connection::open(profile.workspace().paths().store()).unwrap();
    let moved =
        database.execute("UPDATE events SET forward_since = forward_since - 259200000, forward_at = 0", []).unwrap();
    assert_eq!(moved, 2);
    drop(database);
    let service = Service::start_with(&profile, &["--forward-to", &destination.url]).await;
    until(|| state_of(&profile, "dead") == Some(ForwardState::Undelivered)).await;
    until(|| state_of(&profile, "other") == Some(ForwardState::Undelivered)).await;
    let listed = profile.run(["events", "--undelivered"]).await.expect(0);
    listed.says(&guid("dead")).says("not forwarded after 2 tries: answered 500");
    let listed = profile.run(["events", "--undelivered", "--json"]).await.expect(0);
    let first: Value = serde_json::from_str(listed.stdout.lines().next().unwrap()).unwrap();
    assert_eq!((&first["id"], &first["forwarding"]["state"]), (&json!(guid("dead")), &json!("undelivered")));
    assert_eq!(profile.json(["status"], 0).await["service"]["undelivered"], 2);
    // The service sleeps, and hears of it.
    destination.answer(|_| 200);
    let tries = destination.arrived().len();
    profile.run(["events", "--send-again", &guid("dead")]).await.expect(0).says("1 queued again");
    until(|| state_of(&profile, "dead") == Some(ForwardState::Delivered)).await;
    assert_eq!(
        (destination.arrived().len(), state_of(&profile, "other")),
        (tries + 1, Some(ForwardState::Undelivered))
    );
    profile.run(["events", "--send-again", "all"]).await.expect(0).says("1 queued again");
    until(|| state_of(&profile, "other") == Some(ForwardState::Delivered)).await;
    profile.run(["events", "--undelivered"]).await.expect(0).says("No undelivered events");
    profile.run(["events", "--send-again", "nobody"]).await.expect(2).says("there is no event nobody");
    drop(service);
}

/// A clock that a test sets.
struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Halo has no answer for one ticket, for a day: asked for after growing waits, given up then. No answer for three in a row
/// is Halo's fault and nobody is given up for it.
#[tokio::test(flavor = "multi_thread")]
async fn unanswered_ticket_is_asked_for_after_growing_waits() {
    let (profile, _) = profile().await;
    let start: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    let hand = Arc::new(Hand(Mutex::new(start)));
    let environment = Environment::from_pairs(profile.environment());
    let paths = Paths::from_environment(&environment).unwrap();
    let workspace = Workspace::open(paths, environment, Arc::clone(&hand) as Arc<dyn Clock>).unwrap();
    let (id, configuration) = workspace.active_configuration(None).unwrap();
    let halo = workspace.halo(&id, &configuration.api).await.unwrap();
    let add = |ticket: i64| {
        let incoming = Incoming {
            id: None,
            event: None,
            ticket_id: Some(ticket),
            sent_at: None,
            not_understood: None,
            body: "{}".into(),
        };
        let (configuration, received_at) = (id.clone(), hand.now());
        let group = EventGroup::TicketCreated;
        crate::support::store_of(&workspace)
            .add_events([NewEvent { configuration, group, incoming, received_at, fetched_from: None, forward: false }])
            .unwrap();
    };
    let page = |path: &str| {
        let body = b"<html>maintenance</html>".to_vec();
        let answer = ScriptedAnswer::Reply { status: 200, content_type: "text/html", headers: Vec::new(), body };
        let path = path.to_owned();
        profile.halo.change(|state| {
            state.scripted = vec![Scripted { method: "GET", path, skip: 0, times: 1_000, apply: false, answer }];
        });
    };
    let mut progress = Progress::default();
    let cancel = CancellationToken::new();
    page("/api/tickets/33470");
    add(TICKET);
    for (asked, wait) in [(1, 2), (2, 10), (3, 60), (4, 300), (5, 900), (6, 900)] {
        let due = hand.now() + SignedDuration::from_secs(wait);
        for _ in 0..2 {
            // The second call comes too early.
            let next = look_up(&workspace, &id, &configuration, &halo, &mut progress, &cancel).await.unwrap();
            assert_eq!((next, asked_for(&profile, TICKET)), (NextLookUp::At(Some(due)), asked));
        }
        *hand.0.lock().unwrap() = due;
    }
    *hand.0.lock().unwrap() = start + SignedDuration::from_hours(24);
    let next = look_up(&workspace, &id, &configuration, &halo, &mut progress, &cancel).await.unwrap();
    assert_eq!(next, NextLookUp::At(None));
    let event = crate::support::store_of(&workspace).events(&id, None, None, 1).unwrap().remove(0);
    assert_eq!(event.on_pia_board, None);
    assert!(event.ticket_problem.unwrap().contains("a web page"));

    page("/api/tickets/");
    profile.halo.clear_requests();
    for ticket in 33_471..33_481 {
        add(ticket);
    }
    look_up(&workspace, &id, &configuration, &halo, &mut progress, &cancel).await.unwrap_err();
    assert_eq!(profile.halo.requests().len(), 3);
    profile.halo.change(|state| state.scripted.clear());
    let later = hand.now() + SignedDuration::from_secs(60);
    *hand.0.lock().unwrap() = later;
    let next = look_up(&workspace, &id, &configuration, &halo, &mut progress, &cancel).await.unwrap();
    assert_eq!(
        (next, crate::support::store_of(&workspace).events_to_look_up(&id, 0, 10).unwrap().len()),
        (NextLookUp::At(None), 0)
    );
}

/// Three tickets that cannot be read look as if Halo were out of reach: the next ones are asked for all the same.
#[tokio::test(flavor = "multi_thread")]
async fn three_tickets_that_cannot_be_read_do_not_stop_look_ups() {
    let (profile, secrets) = profile().await;
    profile.halo.change(|state| {
        for ticket in TICKET..TICKET + 3 {
            let body = b"<html>broken</html>".to_vec();
            let answer = ScriptedAnswer::Reply { status: 200, content_type: "text/html", headers: Vec::new(), body };
            let path = format!("/api/tickets/{ticket}");
            state.scripted.push(Scripted { method: "GET", path, skip: 0, times: 1_000, apply: false, answer });
        }
    });
    let service = Service::start(&profile).await;
    let batch: Vec<Value> = (0..4).map(|n| event(&format!("event {n}"), TICKET + n)).collect();
    assert_eq!(service.callback(&secrets, "ticket-updated", &json!(batch)).await.status, 200);
    until(|| known(&profile)["event 3"].ticket.is_some()).await;
    assert!(known(&profile)["event 0"].ticket.is_none());
}

/// The look-ups, a sync and a command of one process: one budget, and the others know what each has used.
#[tokio::test(flavor = "multi_thread")]
async fn everything_in_process_keeps_to_one_request_budget() {
    let (profile, _) = profile().await;
    let workspace = profile.workspace();
    let (id, mut configuration) = workspace.active_configuration(None).unwrap();
    configuration.api.request_budget = Some(100);
    let look_ups = workspace.halo(&id, &configuration.api).await.unwrap().in_background();
    for _ in 0..5 {
        look_ups.ticket(TICKET).await.unwrap();
    }
    let command = workspace.clone().halo(&id, &configuration.api).await.unwrap();
    let used = command.usage().budget.unwrap();
    assert!((5..=8).contains(&used.used), "{used:?}");
    assert_eq!((used.limit, command.usage().requests), (100, 0));
    configuration.api.request_budget = Some(50);
    let other = workspace.halo(&id, &configuration.api).await.unwrap();
    assert_eq!(other.usage().budget.map(|budget| (budget.used, budget.limit)), Some((0, 50)));
}

/// What a receiver was told of clients: the event, the client and the id of the message, in their order.
fn told_of_clients(destination: &Destination) -> Vec<(String, i64, String)> {
    let told = destination.arrived().into_iter().filter_map(|arrived| {
        let payload = arrived.json();
        let event = payload["type"].as_str().unwrap().to_owned();
        event.starts_with("client.").then(|| (event, payload["data"]["client"]["id"].as_i64().unwrap(), arrived.id()))
    });
    told.collect()
}

/// The list that is there, then what each sync changes, signed as events are; killed at any moment, nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn companies_are_forwarded_as_syncs_change_them() {
    let profile = Profile::synced(Options { clients: 12, ..Options::default() }).await;
    let destination = Destination::start().await;
    let forward = ["--forward-to", &destination.url];
    profile.run(["clients", "--forward"]).await.expect(2).says("forwarding is off");
    profile.save("beta", "").await.expect(0);
    profile.run(["clients", "--forward", "--configuration", "beta"]).await.expect(2).says("beta is not the active");
    let service = Service::start_with(&profile, &forward).await;
    let all: Vec<i64> = profile.halo.look(|halo| halo.clients.iter().map(|client| client.id).collect());
    until(|| told_of_clients(&destination).len() >= all.len()).await;
    let added = told_of_clients(&destination);
    let ids = |told: &[(String, i64, String)], event: &str| -> Vec<i64> {
        let mut ids: Vec<i64> = told.iter().filter(|told| told.0 == event).map(|told| told.1).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!((added.len(), ids(&added, "client.added")), (all.len(), all.clone()), "each once");
    // By another process, while the service runs: it is told.
    profile.halo.change(|halo| halo.clients[3].name = "Renamed Ltd".to_owned());
    let first = profile.json(["sync"], 0).await["run"].to_string();
    until(|| told_of_clients(&destination).len() == all.len() + 1).await;
    let updated = destination.arrived().pop().unwrap();
    let (payload, secret) = (updated.json(), profile.run(["events", "--forward-secret"]).await.expect(0).stdout);
    assert!(updated.is_signed_with(secret.trim()));
    assert_eq!((&payload["type"], payload["data"]["run"].to_string()), (&json!("client.updated"), first.clone()));
    assert_eq!(
        (&payload["data"]["client"]["name"], &payload["data"]["client"]["status"]),
        (&json!("Renamed Ltd"), &json!("active"))
    );
    assert!(payload["data"]["name_before"].is_string());

    // Killed, and synced meanwhile: what was published waits in the store.
    service.kill();
    let gone = profile.halo.change(|halo| halo.clients.remove(3));
    profile.run(["sync"]).await.expect(0);
    profile.halo.change(|halo| halo.clients.insert(3, gone.clone()));
    profile.run(["sync"]).await.expect(0);
    profile.run(["status"]).await.expect(0).says("2 client changes waiting to be forwarded");
    let service = Service::start_with(&profile, &forward).await;
    until(|| told_of_clients(&destination).len() == all.len() + 3).await;
    let told = told_of_clients(&destination);
    let last: Vec<(&str, i64)> = told[all.len() + 1..].iter().map(|told| (told.0.as_str(), told.1)).collect();
    assert_eq!(last, [("client.disabled", gone.id), ("client.returned", gone.id)], "in order");
    until(|| profile.store().count_clients_to_forward(&profile.id()).unwrap() == 0).await;

    // What changed since a run, each client once; and the whole list on demand.
    let since = profile.json(["clients", "--changed-since", &first], 0).await;
    assert_eq!(
        (since[0]["id"].as_i64(), &since[0]["change"], since.as_array().unwrap().len()),
        (Some(gone.id), &json!("returned"), 1)
    );
    profile.run(["clients", "--changed-since", "4711"]).await.expect(2).says("there is no run 4711");
    profile.run(["clients", "--forward"]).await.expect(0).says("12 clients to be forwarded");
    until(|| ids(&told_of_clients(&destination), "client.snapshot") == all).await;
    service.terminate().await;

    // Nobody forwards any more: nothing is kept.
    let service = Service::start(&profile).await;
    profile.halo.change(|halo| halo.clients[4].name = "Renamed too".to_owned());
    profile.run(["sync"]).await.expect(0);
    assert_eq!(profile.store().count_clients_to_forward(&profile.id()).unwrap(), 0);
    service.terminate().await;
}

/// A receiver that is away is asked for a few, and not for each of a long list; what was not taken has the same id again.
#[tokio::test(flavor = "multi_thread")]
async fn receiver_that_is_away_is_not_asked_for_every_client() {
    let profile = Profile::synced(Options { clients: 120, ..Options::default() }).await;
    let destination = Destination::start().await;
    destination.answer(|_| 503);
    let service = Service::start_with(&profile, &["--forward-to", &destination.url]).await;
    until(|| !told_of_clients(&destination).is_empty()).await;
    destination.answer(|_| 200);
    until(|| profile.store().count_clients_to_forward(&profile.id()).unwrap() == 0).await;
    let told = told_of_clients(&destination);
    let refused = told.len() - 120;
    assert!((1..=32).contains(&refused), "{refused}");
    let messages: std::collections::BTreeSet<&String> = told.iter().map(|told| &told.2).collect();
    assert_eq!(messages.len(), 120);
    service.terminate().await;
}
