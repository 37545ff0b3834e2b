//! What Halo wanted to tell while nobody listened: fetched from its log of deliveries, or from the tickets that have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use pia_halo::demo::{Fault, Object, Scripted, ScriptedAnswer};
use pia_halo::domain::callback::EventGroup;
use pia_halo::domain::event::{EventBody, FetchedFrom, Incoming};
use pia_halo::domain::gap::Gap;
use pia_halo::ops::{self, catch_up};
use pia_halo::store::NewEvent;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::delivering::{self, configured, few};
use crate::support::service::{Service, event, guid, stored};
use crate::support::{Profile, until};

const CREATED: &str = "Pia - Ticket Created";

/// A service that was configured to be called, and has been stopped; and its address.
async fn stopped() -> (Profile, String) {
    let (profile, service) = configured(few()).await;
    let address = service.address.to_string();
    // Its first look at this configuration: from here on a gap is one.
    service.terminate().await;
    let service = Service::start_at(&profile, &address, &[]).await;
    until(|| is_looked_after(&profile)).await;
    service.terminate().await;
    (profile, address)
}

fn is_looked_after(profile: &Profile) -> bool {
    profile.store().complete_until(&"acme".parse().unwrap()).unwrap().is_some()
}

async fn control(profile: &Profile, method: &str, ticket: Option<i64>, body: &Value) -> i64 {
    let ticket = ticket.map(|id| format!("/{id}")).unwrap_or_default();
    let answer = delivering::control(&format!("{}{ticket}", profile.halo.control()), method, body).await;
    answer["id"].as_i64().unwrap()
}

/// Fifty tickets made, changed, closed and deleted; what has to be told of each, in its order.
async fn traffic(profile: &Profile) -> BTreeMap<i64, Vec<&'static str>> {
    let mut told: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for n in 0..50 {
        let id = control(profile, "POST", None, &json!({ "summary": format!("ticket {n}"), "team": "Pia" })).await;
        told.entry(id).or_default().push("New Ticket Logged");
        if n % 5 == 0 {
            control(profile, "POST", Some(id), &json!({ "summary": "changed" })).await;
            told.entry(id).or_default().push("Ticket Updated by User");
        }
        if n % 7 == 0 {
            control(profile, "POST", Some(id), &json!({ "status_id": 9 })).await;
            told.entry(id).or_default().extend(["Ticket Status Changed", "Ticket Closed"]);
        }
        if n % 10 == 0 {
            control(profile, "DELETE", Some(id), &json!({})).await;
            told.entry(id).or_default().push("Ticket Deleted");
        }
    }
    let all: usize = told.values().map(Vec::len).sum();
    until(|| profile.halo.look(|halo| halo.webhook_events.len()) >= all).await;
    told
}

/// As if all of it had taken so many minutes, and the service had been stopped as long.
fn spread(profile: &Profile, minutes: i64) {
    let id = profile.id();
    profile.store().note_complete(&id, ago(minutes)).unwrap();
    let body = |row: &Object| serde_json::from_str::<Value>(row.text("requestbody")).unwrap();
    let sent = |row: &Object| body(row)["timestamp"].as_str().unwrap().parse::<Timestamp>().unwrap();
    profile.halo.change(|halo| {
        let times: Vec<Timestamp> = halo.webhook_events.iter().map(sent).collect();
        let (first, last) = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
        let took = last.duration_since(first).as_secs_f64();
        for (row, time) in halo.webhook_events.iter_mut().zip(times) {
            let part = time.duration_since(first).as_secs_f64() / took;
            let then = ago(minutes) + SignedDuration::from_secs_f64(part * 60.0 * minutes as f64);
            let mut body = body(row);
            body["timestamp"] = json!(then);
            row.set("requestbody", body.to_string());
            row.set("timestamp", then.strftime("%Y-%m-%dT%H:%M:%S").to_string());
        }
    });
}

/// What is stored of each ticket, in its order.
async fn heard(profile: &Profile) -> (usize, BTreeMap<i64, Vec<String>>) {
    let events = stored(profile).await;
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len(), "none twice");
    let mut heard: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for event in &events {
        let ticket = event["ticket_id"].as_i64().unwrap();
        heard.entry(ticket).or_default().push(event["event"].as_str().unwrap_or("-").to_owned());
    }
    (events.len(), heard)
}

async fn eventually(profile: &Profile, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut look_again = tokio::time::interval(Duration::from_millis(100));
    let id = "acme".parse().unwrap();
    while profile.store().count_events(&id).unwrap() < count as u64 {
        assert!(Instant::now() < deadline, "the events are never fetched");
        look_again.tick().await;
    }
}

/// Ten minutes of traffic while the service is stopped.
#[tokio::test(flavor = "multi_thread")]
async fn events_missed_while_stopped_are_fetched_once_in_order() {
    let (profile, address) = stopped().await;
    let told = traffic(&profile).await;
    spread(&profile, 10);
    let all: usize = told.values().map(Vec::len).sum();
    let before = profile.halo.requests().len();
    // Killed on the way, at whatever moment: nothing is lost by it, and nothing comes twice.
    for milliseconds in [60, 150, 400] {
        let service = Service::start_at(&profile, &address, &[]).await;
        let end = Instant::now() + Duration::from_millis(milliseconds);
        until(|| Instant::now() >= end).await;
        service.kill();
    }
    let service = Service::start_at(&profile, &address, &[]).await;
    eventually(&profile, all).await;
    let requests = profile.halo.requests().len() - before;
    let (count, heard) = heard(&profile).await;
    assert_eq!(count, all);
    for (ticket, told) in &told {
        assert_eq!(heard[ticket], *told, "{ticket}");
    }
    assert!(requests < 5 * all + 200, "{requests} requests for {all} events");
    let events = stored(&profile).await;
    assert!(events.iter().all(|event| event["fetched_from"] == "halo_log"), "marked");
    let status = profile.run(["status"]).await.expect(0);
    assert!(status.stdout.contains(&format!("{all} events between ")), "{}", status.stdout);
    assert!(status.stdout.contains("were fetched from Halo's log"), "{}", status.stdout);
    // Another start finds nothing that is not known.
    service.terminate().await;
    let service = Service::start_at(&profile, &address, &[]).await;
    let id = control(&profile, "POST", None, &json!({})).await;
    eventually(&profile, all + 1).await;
    let events = stored(&profile).await;
    assert_eq!((events.len(), events[all]["ticket_id"].as_i64()), (all + 1, Some(id)));
    assert!(events[all].get("fetched_from").is_none());
    service.terminate().await;
}

/// Halo does not answer, and the service is stopped in order: the gap stays one for the next start.
#[tokio::test(flavor = "multi_thread")]
async fn stop_before_anything_was_fetched_forgets_no_gap() {
    let (profile, address) = stopped().await;
    let id = profile.id();
    profile.store().note_complete(&id, ago(10)).unwrap();
    profile.halo.change(|halo| {
        let answer = ScriptedAnswer::Reply { status: 503, content_type: "", headers: Vec::new(), body: Vec::new() };
        let all = |method, path: &str| Scripted {
            method,
            path: path.to_owned(),
            skip: 0,
            times: u32::MAX,
            apply: false,
            answer: answer.clone(),
        };
        halo.scripted = ["/api/webhook", "/api/webhookevent", "/api/tickets"].map(|path| all("GET", path)).into();
    });
    let service = Service::start_at(&profile, &address, &[]).await;
    service.terminate().await;
    assert!(profile.store().complete_until(&id).unwrap().unwrap() < ago(9));
}

/// Without bodies, which ticket it was is known; without a log, which tickets are new.
#[tokio::test(flavor = "multi_thread")]
async fn log_that_says_less_is_made_up_for_by_tickets() {
    let (profile, address) = stopped().await;
    profile.halo.change(|halo| halo.webhook_mut(CREATED).unwrap().set("use_lightweight_logs", true));
    let logged = || {
        profile.halo.look(|halo| {
            let id = halo.webhook(CREATED).unwrap().text("id").to_owned();
            halo.webhook_events.iter().filter(|row| row.text("webhook_id") == id).count()
        })
    };
    let before = logged();
    let ticket = control(&profile, "POST", None, &json!({ "team": "Pia" })).await;
    until(|| logged() > before).await;
    let service = Service::start_at(&profile, &address, &[]).await;
    eventually(&profile, 1).await;
    let events = stored(&profile).await;
    assert_eq!((&events[0]["ticket_id"], &events[0]["fetched_from"]), (&json!(ticket), &json!("halo_log")));
    service.terminate().await;

    profile.halo.set_fault(Fault::DeliveriesNone, true);
    let ticket = control(&profile, "POST", None, &json!({ "team": "Pia" })).await;
    let service = Service::start_at(&profile, &address, &[]).await;
    eventually(&profile, 2).await;
    let events = stored(&profile).await;
    assert_eq!((&events[1]["ticket_id"], &events[1]["fetched_from"]), (&json!(ticket), &json!("tickets")));
    assert_eq!(events[1]["group"], "ticket-created");
    let status = profile.run(["status"]).await.expect(0);
    assert!(status.stdout.contains("deleted tickets may have been missed"), "{}", status.stdout);
    service.terminate().await;
    let service = Service::start_at(&profile, &address, &[]).await;
    let metrics = service.get("/metrics").await.1;
    assert!(metrics.contains("pia_halo_events_total"), "{metrics}");
    service.terminate().await;
    assert_eq!(stored(&profile).await.len(), 2, "once");
}

/// A webhook that Halo has switched off meanwhile is named.
#[tokio::test(flavor = "multi_thread")]
async fn webhook_switched_off_while_stopped_is_named_in_status() {
    let (profile, address) = stopped().await;
    profile.halo.change(|halo| halo.webhook_mut(CREATED).unwrap().set("auto_disable_attempts", 1));
    control(&profile, "POST", None, &json!({})).await;
    until(|| profile.halo.look(|halo| !halo.webhook(CREATED).unwrap().flag("active"))).await;
    let _service = Service::start_at(&profile, &address, &[]).await;
    eventually(&profile, 1).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut look_again = tokio::time::interval(Duration::from_millis(200));
    loop {
        let status = profile.run(["status"]).await.expect(0);
        if status.stdout.contains("Halo switched it off") {
            break;
        }
        assert!(Instant::now() < deadline, "{}", status.stdout);
        look_again.tick().await;
    }
}

/// Halo switches the webhook off while nobody listens: what happened afterwards is not in its log. Where the settings ask
/// for it, the service switches the webhook on again, and changes nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn webhook_that_was_off_is_caught_up_and_switched_on_if_asked() {
    let (profile, address) = stopped().await;
    profile.halo.change(|halo| halo.webhook_mut(CREATED).unwrap().set("auto_disable_attempts", 1));
    let is_on = || profile.halo.look(|halo| halo.webhook(CREATED).unwrap().flag("active"));
    let first = control(&profile, "POST", None, &json!({})).await;
    until(|| !is_on()).await;
    let second = control(&profile, "POST", None, &json!({})).await;
    let change = |config: &mut pia_halo::settings::Config| {
        let acme = config.configurations.get_mut(&"acme".parse().unwrap()).unwrap();
        acme.integration.webhook_options = "switch on again = yes".parse().unwrap();
        Ok::<_, pia_halo::domain::failure::Failure>(())
    };
    profile.settings().update(change).unwrap();
    let service = Service::start_at(&profile, &address, &[]).await;
    eventually(&profile, 2).await;
    let events = stored(&profile).await;
    let told: Vec<_> =
        events.iter().map(|event| (event["ticket_id"].as_i64().unwrap(), &event["fetched_from"])).collect();
    assert_eq!(told, [(first, &json!("halo_log")), (second, &json!("tickets"))]);
    until(is_on).await;
    // A person switches it off: whichever host looks, knows from the store that it was on meanwhile.
    let (store, id) = (profile.store(), profile.id());
    until(|| store.on_at(&id).unwrap() > store.configured_at(&id).unwrap()).await;
    let switch = |on: bool| profile.halo.change(|halo| halo.webhook_mut(CREATED).unwrap().set("active", on));
    switch(false);
    let verdicts = ops::delivery::read(&profile.workspace(), &id, CancellationToken::new()).await.unwrap();
    let told: Vec<_> = verdicts.iter().map(|verdict| verdict.message.as_str()).collect();
    assert!(told.iter().any(|told| told.contains("somebody switched it off")), "{told:?}");
    switch(true);
    let third = control(&profile, "POST", None, &json!({})).await;
    eventually(&profile, 3).await;
    let events = stored(&profile).await;
    assert_eq!((events[2]["ticket_id"].as_i64(), events[2].get("fetched_from")), (Some(third), None));
    service.terminate().await;
    profile.run(["plan"]).await.expect(0);
}

fn ago(minutes: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_mins(minutes)
}

/// A call in Halo's log, so many minutes old.
pub fn log(profile: &Profile, webhook: &str, minutes: i64, status: Option<u16>, body: Option<Value>, ticket: i64) {
    profile.halo.change(|state| {
        let id = state.webhook(webhook).unwrap().text("id").to_owned();
        let row = json!({
            "id": guid(&format!("{} {minutes}", &webhook[13..16])), "webhook_id": id, "responsestatus": status,
            "timestamp": ago(minutes).strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "requestbody": body.map(|body| body.to_string()), "entity_id": ticket,
        });
        state.webhook_events.push(Object::new(row));
    });
}

/// Looks after the last half hour; how many lists of tickets that took.
async fn look_after(profile: &Profile, was_off: bool) -> (Gap, usize) {
    let workspace = profile.workspace();
    let (id, configuration) = workspace.active_configuration(None).unwrap();
    profile.store().note_complete(&id, ago(30)).unwrap();
    let halo = workspace.halo(&id, &configuration.api).await.unwrap();
    profile.halo.clear_requests();
    let look = catch_up::CatchUpRange { earlier: None, until: workspace.now(), was_off, forward: false };
    let gap = catch_up::run(&workspace, &id, &halo, look, None).await.unwrap().unwrap();
    let lists = profile.halo.requests().iter().filter(|request| request.path == "/api/tickets").count();
    (gap, lists)
}

/// Webhooks that were installed long ago, each with a log that goes back far enough.
async fn with_logs() -> Profile {
    let profile = Profile::synced(few()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    let store = rusqlite::Connection::open(profile.store().path()).unwrap();
    store.execute("UPDATE installed SET installed_at = '2020-01-01T00:00:00Z'", []).unwrap();
    log(&profile, CREATED, 50, None, Some(event("told before", 1)), 1);
    log(&profile, "Pia - Ticket Updated", 50, Some(200), Some(event("of another time", 1)), 1);
    profile
}

fn tickets(profile: &Profile) -> Vec<(i64, &'static str, Option<FetchedFrom>)> {
    let mut events = profile.store().events(&profile.id(), None, None, 100).unwrap();
    events.reverse();
    let told = events.iter().map(|event| (event.ticket_id.unwrap(), event.group.slug(), event.fetched_from));
    told.collect()
}

/// What failed is fetched, in the order in which it happened, by whatever the log tells of it; what was taken is not taken
/// again where nothing tells it apart.
#[tokio::test(flavor = "multi_thread")]
async fn whole_log_is_believed_in_order_and_nothing_comes_twice() {
    let profile = with_logs().await;
    // Halo's clock may be behind ours.
    log(&profile, CREATED, 33, None, Some(event("early", 2)), 2);
    log(&profile, CREATED, 20, Some(200), Some(json!({ "ticket_id": 3 })), 3);
    log(&profile, CREATED, 19, Some(200), None, 4);
    log(&profile, CREATED, 18, Some(500), None, 5);
    log(&profile, CREATED, 17, None, Some(json!({ "ticket_id": 6 })), 6);
    let mut late = event("tried late", 7);
    late["timestamp"] = json!(ago(25));
    log(&profile, CREATED, 10, None, Some(late), 7);
    let (gap, lists) = look_after(&profile, false).await;
    assert_eq!((gap.from_log, gap.from_tickets, gap.problems.len(), lists), (4, 0, 0, 0), "{gap:?}");
    let (group, from) = ("ticket-created", Some(FetchedFrom::HaloLog));
    assert_eq!(tickets(&profile), [2, 7, 5, 6].map(|ticket| (ticket, group, from)));
    let (again, _) = look_after(&profile, false).await;
    assert_eq!((again.from_log, tickets(&profile).len()), (0, 4), "each is known");

    // While one was off, or is, Halo did not try: the log is not all of it.
    assert!(look_after(&profile, true).await.1 > 0);
    profile.halo.change(|state| state.webhook_mut(CREATED).unwrap().set("active", false));
    assert!(look_after(&profile, false).await.1 > 0);
    // A log that may not be read is told, and keeps nobody from the tickets.
    profile.halo.change(|state| {
        let answer =
            ScriptedAnswer::Reply { status: 403, content_type: "application/json", headers: vec![], body: vec![] };
        let path = "/api/webhookevent".to_owned();
        state.scripted.push(Scripted { method: "GET", path, skip: 0, times: 9, apply: false, answer });
    });
    let (gap, lists) = look_after(&profile, false).await;
    assert!(lists > 0 && gap.problems[0].contains("cannot be read"), "{gap:?}");
}

/// Before the first ticket of all, an empty log is no loss, and a ticket that was made is found all the same.
#[tokio::test(flavor = "multi_thread")]
async fn empty_log_before_first_event_is_no_issue() {
    let profile = with_logs().await;
    profile.halo.change(|state| state.webhook_events.clear());
    let (gap, lists) = look_after(&profile, false).await;
    assert!(lists > 0 && gap.problems.is_empty(), "{gap:?}");
    profile.halo.change(|state| {
        let mut ticket = state.tickets[0].clone();
        ticket.set("id", 40_001);
        ticket.set("dateoccurred", ago(10).to_string());
        state.tickets.push(ticket);
    });
    let (gap, _) = look_after(&profile, false).await;
    assert_eq!((gap.from_tickets, gap.problems.len()), (1, 1), "{gap:?}");
    // Once one has come in, Halo keeps no log of it, and says nothing of others.
    let heard = EventBody::read(event("told", 40_002).to_string().into_bytes()).unwrap();
    let (configuration, group) = (profile.id(), EventGroup::TicketUpdated);
    let events = heard.events().map(|incoming| NewEvent {
        configuration: configuration.clone(),
        group,
        incoming,
        received_at: ago(5),
        fetched_from: None,
        forward: false,
    });
    profile.store().add_events(events).unwrap();
    let (gap, _) = look_after(&profile, false).await;
    assert!(gap.problems.iter().any(|problem| problem.contains("does not report when")), "{gap:?}");
}

/// Where a log is too short, the tickets that have changed since are read: each once, and none that was told.
#[tokio::test(flavor = "multi_thread")]
async fn short_log_is_made_up_for_by_tickets_that_were_not_told() {
    let profile = with_logs().await;
    // While one of them reaches back, Halo keeps the rows of the other one as long.
    profile.halo.change(|state| state.webhook_events.remove(0));
    assert_eq!(look_after(&profile, false).await.1, 0);
    profile.halo.change(|state| state.webhook_events.clear());
    log(&profile, CREATED, 20, None, Some(event("told by log", 40_001)), 40_001);
    profile.halo.change(|state| {
        let first = state.tickets[0].clone();
        let changed = [(40_001, 15), (40_002, 10), (40_003, 60), (40_004, -10), (40_005, 12), (40_006, 8)];
        for (id, minutes) in changed {
            let mut ticket = first.clone();
            ticket.set("id", id);
            let member = if id == 40_006 { "dateoccurred" } else { "last_update" };
            ticket.set(member, ago(minutes).to_string());
            state.tickets.push(ticket);
        }
    });
    // Its callback came in after it had changed.
    let heard = Incoming {
        id: None,
        event: None,
        ticket_id: Some(40_005),
        sent_at: None,
        not_understood: None,
        body: "{}".into(),
    };
    let (group, fetched_from) = (EventGroup::TicketUpdated, Some(FetchedFrom::HaloLog));
    let configuration = profile.id();
    let heard = NewEvent { configuration, group, incoming: heard, received_at: ago(5), fetched_from, forward: false };
    profile.store().add_events([heard]).unwrap();

    let (gap, _) = look_after(&profile, false).await;
    assert_eq!((gap.from_log, gap.from_tickets), (1, 2), "{gap:?}");
    let [log, from] = [FetchedFrom::HaloLog, FetchedFrom::Tickets].map(Some);
    let all = [
        (40_005, "ticket-updated", log),
        (40_001, "ticket-created", log),
        (40_002, "ticket-updated", from),
        (40_006, "ticket-created", from),
    ];
    assert_eq!(tickets(&profile), all);
    assert!(gap.problems.iter().any(|problem| problem.contains("does not report when")), "{gap:?}");
    let (again, _) = look_after(&profile, false).await;
    assert_eq!((again.from_log + again.from_tickets, tickets(&profile).len()), (0, 4), "each is known");
    // A Halo that gives the same rows for every page is asked twice.
    profile.halo.set_fault(Fault::TicketsNotPaged, true);
    profile.halo.change(|state| {
        for id in 0..230 {
            let mut ticket = state.tickets[0].clone();
            ticket.set("id", 50_000 + id);
            state.tickets.push(ticket);
        }
    });
    assert_eq!(look_after(&profile, false).await.1, 2);
}
