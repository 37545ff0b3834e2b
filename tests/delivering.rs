//! From a ticket made in Halo to the event that is stored here: the simulated Halo delivers for real, to the real service.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use pia_halo::demo::{BodyForm, Fault, Options};
use serde_json::{Value, json};

use crate::support::pty::Start;
use crate::support::service::{Service, stored};
use crate::support::walk::Person;
use crate::support::{PIA, Profile, run, until};

const CREATED: &str = "Pia - Ticket Created";
const UPDATED: &str = "Pia - Ticket Updated";

/// A service that began before anything was configured, and a Halo that was configured to deliver to it.
pub(crate) async fn configured(options: Options) -> (Profile, Service) {
    let profile = Profile::with(options).await;
    let service = Service::start(&profile).await;
    let answers = profile.answers("acme", "").replace(PIA, &format!("http://{}", service.address));
    let file = profile.folder.path().join("answers.toml");
    std::fs::write(&file, answers).unwrap();
    let setup = profile.command(["setup", "--answers", &file.to_string_lossy(), "--client-secret-file", "-"]);
    run(setup, profile.halo.client_secret().to_owned()).await.expect(0);
    profile.run(["sync"]).await.expect(0);
    profile.run(["configure", "--yes"]).await.expect(0);
    (profile, service)
}

pub(crate) fn few() -> Options {
    Options { clients: 20, ..Options::default() }
}

/// What a person does in Halo's own screens.
pub(crate) async fn control(url: &str, method: &str, body: &Value) -> Value {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.request(method.parse().unwrap(), url).body(body.to_string()).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// The log of one webhook's deliveries: status of the answer and body.
fn log(profile: &Profile, webhook: &str) -> Vec<(Option<i64>, String)> {
    profile.halo.look(|halo| {
        let id = halo.webhook(webhook).unwrap().text("id").to_owned();
        let own = halo.webhook_events.iter().filter(|row| row.text("webhook_id") == id);
        own.map(|row| (row.int("responsestatus"), row.text("requestbody").to_owned())).collect()
    })
}

async fn logged(profile: &Profile, webhook: &str, count: usize) -> Vec<(Option<i64>, String)> {
    until(|| log(profile, webhook).len() >= count).await;
    log(profile, webhook)
}

/// The whole way: a ticket in Halo, its callback, `events`, Halo's own log, and what `deliveries` makes of it.
#[tokio::test(flavor = "multi_thread")]
async fn ticket_made_in_halo_is_stored_here_and_halos_log_says_200() {
    let (profile, service) = configured(few()).await;
    let ticket = control(&profile.halo.control(), "POST", &json!({ "summary": "VPN drops", "team": "Pia" })).await;
    assert_eq!(logged(&profile, CREATED, 1).await[0].0, Some(200));
    let events = stored(&profile).await;
    assert_eq!((events.len(), &events[0]["ticket_id"]), (1, &ticket["id"]));
    assert_eq!((&events[0]["group"], &events[0]["event"]), (&json!("ticket-created"), &json!("New Ticket Logged")));
    let one = format!("{}/{}", profile.halo.control(), ticket["id"]);
    control(&one, "POST", &json!({ "summary": "VPN drops again" })).await;
    control(&one, "POST", &json!({ "status_id": 9 })).await;
    control(&one, "DELETE", &json!({})).await;
    assert!(logged(&profile, UPDATED, 4).await.iter().all(|(status, _)| *status == Some(200)));
    let events: Vec<Value> =
        stored(&profile).await.into_iter().filter(|event| event["group"] == "ticket-updated").collect();
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["Ticket Updated by User", "Ticket Status Changed", "Ticket Closed", "Ticket Deleted"]);
    let report = profile.json(["deliveries"], 0).await;
    assert!(report["deliveries"].as_array().unwrap().iter().all(|webhook| webhook["state"] == "delivered"), "{report}");
    // The scheduler of a service that began before the configuration knows of it, too.
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut look_again = tokio::time::interval(Duration::from_millis(20));
    while !service.get("/metrics").await.1.contains("pia_halo_next_sync_timestamp_seconds 1") {
        assert!(Instant::now() < deadline, "the daily sync is never planned");
        look_again.tick().await;
    }
}

/// A service that is down, a Halo that gives up, a plan that names it, a Configure that mends it.
#[tokio::test(flavor = "multi_thread")]
async fn switched_off_webhook_is_planned_and_repaired() {
    let (profile, service) = configured(few()).await;
    profile.halo.change(|halo| halo.webhook_mut(CREATED).unwrap().set("auto_disable_attempts", 3));
    let address = service.address.to_string();
    service.terminate().await;
    profile.run(["plan"]).await.expect(0);
    for count in 1..=3 {
        control(&profile.halo.control(), "POST", &json!({})).await;
        assert_eq!(logged(&profile, CREATED, count).await.last().unwrap().0, None, "nobody is there");
    }
    profile.halo.look(|halo| assert!(!halo.webhook(CREATED).unwrap().flag("active")));
    profile.run(["deliveries"]).await.expect(3).says("Halo switched it off");
    let plan = profile.json(["plan"], 3).await;
    let drift: Vec<&Value> =
        plan["changes"].as_array().unwrap().iter().filter(|change| change["action"] != "keep").collect();
    assert_eq!((drift.len(), &drift[0]["name"], &drift[0]["action"]), (1, &json!(CREATED), &json!("update")), "{plan}");
    assert!(drift[0]["fields"].as_array().unwrap().iter().any(|field| field["name"] == "active"), "{plan}");
    profile.run(["configure", "--yes"]).await.expect(0);
    let _service = Service::start_at(&profile, &address, &[]).await;
    let ticket = control(&profile.halo.control(), "POST", &json!({})).await;
    assert_eq!(logged(&profile, CREATED, 4).await[3].0, Some(200));
    // What was sent while nobody was there is fetched as well, before or after.
    let events = stored(&profile).await;
    assert_eq!(events.iter().filter(|event| event["ticket_id"] == ticket["id"]).count(), 1, "{events:?}");
}

/// What came to another address says nothing of this one.
#[tokio::test(flavor = "multi_thread")]
async fn deliveries_to_former_address_are_forgotten() {
    let (profile, _service) = configured(few()).await;
    control(&profile.halo.control(), "POST", &json!({})).await;
    logged(&profile, CREATED, 1).await;
    profile.run(["deliveries"]).await;
    let known = profile.json(["status"], 0).await["integration"]["deliveries"].clone();
    assert!(!known.as_array().unwrap().is_empty(), "{known}");
    let settings = std::fs::read_to_string(profile.config()).unwrap();
    let moved = settings.lines().map(|line| match line.starts_with("pia_url") {
        true => format!("pia_url = \"{PIA}\"\n"),
        false => format!("{line}\n"),
    });
    std::fs::write(profile.config(), moved.collect::<String>()).unwrap();
    profile.run(["configure", "--yes"]).await.expect(0);
    assert_eq!(profile.json(["status"], 0).await["integration"]["deliveries"], json!([]));
}

/// R71, where it happens: Halo batches a hundred events, three of them for the second time.
#[tokio::test(flavor = "multi_thread")]
async fn batch_of_hundred_with_three_repeats_stores_ninety_seven() {
    let (profile, _service) = configured(few()).await;
    profile.halo.change(|halo| {
        let webhook = halo.webhook_mut(CREATED).unwrap();
        webhook.set("batch_method", 1);
        webhook.set("batch_limit", 100);
        halo.behaviour.deliveries_repeated = 3;
        (0..97).for_each(|_| halo.raise(3, 33_470));
    });
    let log = logged(&profile, CREATED, 1).await;
    assert_eq!((log.len(), log[0].0), (1, Some(200)));
    assert_eq!(serde_json::from_str::<Vec<Value>>(&log[0].1).unwrap().len(), 100);
    assert_eq!(stored(&profile).await.len(), 97);
}

/// Whatever body this Halo sends, the group and the ticket are known.
#[tokio::test(flavor = "multi_thread")]
async fn each_known_body_is_understood() {
    let (profile, _service) = configured(few()).await;
    let forms =
        [BodyForm::Event, BodyForm::Ticket, BodyForm::TicketId, BodyForm::EventData, BodyForm::Array, BodyForm::Custom];
    for (number, form) in forms.into_iter().enumerate() {
        profile.halo.change(|halo| halo.behaviour.body_form = form);
        let ticket = control(&profile.halo.control(), "POST", &json!({})).await;
        assert_eq!(logged(&profile, CREATED, number + 1).await[number].0, Some(200), "{form:?}");
        let events = stored(&profile).await;
        let last = events.last().unwrap();
        assert_eq!(events.len(), number + 1, "{form:?}");
        assert_eq!((&last["group"], &last["ticket_id"]), (&json!("ticket-created"), &ticket["id"]), "{form:?}");
    }
}

/// No order is promised: what comes late is stored all the same.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_arrive_in_wrong_order_are_all_stored() {
    let (profile, _service) = configured(few()).await;
    profile.halo.set_fault(Fault::CallbacksOutOfOrder, true);
    profile.halo.change(|halo| (33_470..33_475).for_each(|id| halo.raise(3, id)));
    logged(&profile, CREATED, 5).await;
    let tickets: Vec<i64> = stored(&profile).await.iter().map(|event| event["ticket_id"].as_i64().unwrap()).collect();
    assert_eq!(tickets, [33_474, 33_473, 33_472, 33_471, 33_470]);
}

/// The demo, with nothing but Enter: Configure, and a ticket in the simulated Halo is stored within a second and stands in
/// the Events pane by itself.
#[tokio::test(flavor = "multi_thread")]
async fn demo_ticket_reaches_events_pane_within_one_second() {
    let home = tempfile::tempdir().unwrap();
    let start = Start::pia_halo(home.path(), ["demo", "--clients", "20"]).env("TMPDIR", home.path().to_str().unwrap());
    let mut pty = start.spawn();
    for (words, keys) in [
        ("▸ Halo PSA", "Enter"),
        ("▸ Test", "Enter"),
        ("passed in", "Enter"),
        ("▸ Daily Sync Time", "Enter"),
        ("▸ Pia Board", "Enter"),
        ("▸ Pia Url", "Enter"),
        ("y Apply", "y"),
    ] {
        pty.sees(words).await;
        pty.press(keys).await;
    }
    pty.sees("Webhook install was successful").await;
    // The last screen says how.
    pty.sees("curl -X POST http://127.0.0.1:").await;
    let screen = pty.screen();
    let address = screen.split_whitespace().find(|word| word.ends_with("/control/tickets")).unwrap();
    let address = address.to_owned();
    pty.press("Enter").await;
    pty.sees("1 Sync").await;
    pty.press("4").await;
    pty.sees("No events yet").await;
    let asked = Instant::now();
    let ticket = control(&address, "POST", &json!({})).await;
    // Nothing is pressed any more.
    pty.sees(&format!(" {} ", ticket["id"])).await;
    let shown = asked.elapsed();
    eprintln!("shown after {} ms", shown.as_millis());
    assert!(shown < Duration::from_secs(10), "{shown:?}");
    assert!(pty.screen().contains("New Ticket Logged") && pty.screen().contains("1 of 1"), "{}", pty.screen());
    let profile = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
    let profile = profile.into_iter().find(|path| path.to_string_lossy().contains("pia-halo-demo-")).unwrap();
    let store = pia_halo::store::Store::open(&profile.join("data/pia-halo.db")).unwrap();
    let id = "demo".parse().unwrap();
    let newest = || store.events(&id, None, None, 1).unwrap().pop();
    until(|| newest().is_some()).await;
    let event = newest().unwrap();
    assert_eq!(event.ticket_id, ticket["id"].as_i64());
    let made: Timestamp = ticket["dateoccurred"].as_str().unwrap().parse().unwrap();
    let took = event.received_at.duration_since(made);
    assert!(took < jiff::SignedDuration::from_secs(1), "{took}");
    pty.press("q").await;
    let left = Instant::now();
    assert_eq!(pty.exit_code(), 0);
    assert!(left.elapsed() < Duration::from_secs(3), "it ends without waiting: {:?}", left.elapsed());
    assert!(!profile.exists(), "the profile is thrown away");
}
