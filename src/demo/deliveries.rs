//! `/api/WebhookEvent`: the log of deliveries, and what failed ones do to a webhook.
//!
//! The log is written by the courier, which delivers; by [`State::deliver`], which tests call for an outcome without a
//! delivery; and by the faults whose names begin with `deliveries-`, which write it when it is read and decide what
//! comes of the courier's calls.

use super::faults::Fault;
use super::paging::Paging;
use super::query::Query;
use super::reply::{Answer, Reply, wire};
use super::state::{Object, State, switch_off};
use serde_json::{Value, json};

/// What came of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// An answer with this status.
    Answered(u16),
    /// None in time.
    TimedOut,
    /// The address was not reached.
    NotReached,
}

impl Delivered {
    fn is_success(self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }

    fn status(self) -> Option<u16> {
        match self {
            Self::Answered(status) => Some(status),
            Self::TimedOut | Self::NotReached => None,
        }
    }

    /// The words of .NET's own HTTP client, which Halo is built on.
    pub(super) fn error(self) -> Option<&'static str> {
        match self {
            Self::Answered(_) => None,
            Self::TimedOut => {
                Some("The request was canceled due to the configured HttpClient.Timeout of 100 seconds elapsing.")
            }
            Self::NotReached => Some("No such host is known. (pia.acme.example:443)"),
        }
    }

    fn milliseconds(self) -> f64 {
        match self {
            Self::Answered(_) => 84.5,
            Self::TimedOut => 100_000.0,
            Self::NotReached => 12.0,
        }
    }

    /// What a fault has in store for the deliveries.
    pub(super) fn by_fault(state: &State) -> Option<Self> {
        [
            (Fault::DeliveriesFine, Self::Answered(200)),
            (Fault::DeliveriesUnauthorised, Self::Answered(401)),
            (Fault::DeliveriesNotFound, Self::Answered(404)),
            (Fault::DeliveriesFailing, Self::Answered(500)),
            (Fault::DeliveriesTimeOut, Self::TimedOut),
            (Fault::DeliveriesNotReached, Self::NotReached),
            (Fault::DeliveriesSwitchOff, Self::Answered(500)),
        ]
        .into_iter()
        .find(|(fault, _)| state.has(*fault))
        .map(|(_, how)| how)
    }
}

/// One delivery, as the log keeps it.
pub(super) struct Logged {
    /// The GUID of the event.
    pub(super) event_id: String,
    pub(super) notification_id: Option<i64>,
    pub(super) ticket_id: i64,
    pub(super) milliseconds: f64,
    pub(super) request_body: Value,
    pub(super) response_headers: Option<String>,
    pub(super) response_body: Value,
    pub(super) error: Option<String>,
    pub(super) how: Delivered,
}

impl State {
    /// Writes one delivery of a webhook into the log, as if an event had just happened. A webhook that is off delivers
    /// nothing. Enough failures in a row switch it off, where its `auto_disable_attempts` says so.
    pub fn deliver(&mut self, webhook_name: &str, how: Delivered) {
        let Some(webhook_id) = self.webhook(webhook_name).map(|webhook| webhook.text("id").to_owned()) else { return };
        let logged = Logged {
            event_id: self.random.guid(),
            notification_id: self.bindings(&webhook_id).next().and_then(|row| row.int("id")),
            ticket_id: 33479,
            milliseconds: how.milliseconds(),
            request_body: json!("{\"id\":33479}"),
            response_headers: how.status().map(|_| "Content-Length: 2".to_owned()),
            response_body: json!(how.error().unwrap_or("{}")),
            error: how.error().map(str::to_owned),
            how,
        };
        self.log_delivery(&webhook_id, logged);
    }

    /// Writes a delivery into the log, and switches the webhook off where enough of them have failed.
    pub(super) fn log_delivery(&mut self, webhook_id: &str, logged: Logged) {
        let Some(webhook) = self.webhooks.iter().find(|webhook| webhook.text("id") == webhook_id) else { return };
        if self.has(Fault::DeliveriesNone) || !webhook.flag("active") || webhook.flag("disabled") {
            return;
        }
        let (how, attempts) = (logged.how, webhook.int("auto_disable_attempts").unwrap_or(0));
        let error = match (logged.error, self.behaviour.log_error_is_text) {
            (Some(text), true) => json!(text),
            (None, true) => Value::Null,
            (error, false) => json!(error.is_some() || !how.is_success()),
        };
        // Whether the row's id is that of the event is not on record; where it is not, the database makes it.
        let id = if self.has(Fault::LogIdsAreEvents) { logged.event_id } else { self.random.guid_in_sequence() };
        let row = json!({
            "id": id, "webhook_id": webhook_id, "notification_id": logged.notification_id,
            "integation_method_name": "", "timestamp": self.log_time(), "status": if how.is_success() { 1 } else { 2 },
            "duration": logged.milliseconds, "requestheaders": "Content-Type: application/json",
            "requestbody": logged.request_body, "responsestatus": how.status(), "responseheaders": logged.response_headers,
            "responsebody": logged.response_body, "error": error, "entity_id": logged.ticket_id,
        });
        self.webhook_events.push(Object::new(row));
        let by_disabled = self.behaviour.switches_off_by_disabled;
        let fails = self.failures_in_a_row(webhook_id);
        if let Some(webhook) = self.webhooks.iter_mut().find(|webhook| webhook.text("id") == webhook_id) {
            webhook.set("last_status", how.status().unwrap_or(0));
            if attempts > 0 && fails >= attempts {
                switch_off(webhook, by_disabled);
            }
        }
    }

    fn failures_in_a_row(&self, webhook_id: &str) -> i64 {
        let own = self.webhook_events.iter().rev().filter(|row| row.text("webhook_id") == webhook_id);
        i64::try_from(own.take_while(|row| row.int("status") != Some(1)).count()).unwrap_or(i64::MAX)
    }

    fn log_time(&self) -> String {
        let now = super::clock::now();
        let form = if self.behaviour.log_times_with_zone { "%Y-%m-%dT%H:%M:%S%.7fZ" } else { "%Y-%m-%dT%H:%M:%S%.3f" };
        now.strftime(form).to_string()
    }

    /// What the faults have made happen since the log was last read.
    fn catch_up(&mut self) {
        let Some(how) = Delivered::by_fault(self) else { return };
        let bound = |webhook: &&Object| webhook.made_by_api && self.bindings(webhook.text("id")).next().is_some();
        let due: Vec<(String, String)> = self
            .webhooks
            .iter()
            .filter(bound)
            .map(|webhook| (webhook.name().to_owned(), webhook.text("id").to_owned()))
            .collect();
        for (name, id) in due {
            if self.has(Fault::DeliveriesSwitchOff) {
                if let Some(webhook) = self.webhook_mut(&name)
                    && webhook.int("auto_disable_attempts").unwrap_or(0) == 0
                {
                    webhook.set("auto_disable_attempts", 3);
                }
                // It ends by itself: once it is off, nothing is delivered any more.
                (0..3).for_each(|_| self.deliver(&name, how));
                continue;
            }
            let last = self.webhook_events.iter().rev().find(|row| row.text("webhook_id") == id);
            let same = last.is_some_and(|row| {
                row.int("responsestatus") == how.status().map(i64::from)
                    && how.error().is_none_or(|error| row.text("responsebody") == error)
            });
            if !same {
                self.deliver(&name, how);
            }
        }
    }
}

/// `GET /api/WebhookEvent`: newest first unless asked for otherwise; headers and bodies only in the detail read.
pub(super) fn list(state: &mut State, query: &Query) -> Answer {
    const LIST_MEMBERS: [&str; 6] =
        ["id", "webhook_id", "notification_id", "timestamp", "status", "integation_method_name"];
    let paging = Paging::read(query)?;
    let ordered = query.text("order").is_some();
    let descending = query.flag("orderdesc")?;
    state.catch_up();
    let webhook = query.text("webhook_id").map(str::to_lowercase).filter(|_| !state.behaviour.log_filter_ignored);
    let hidden = state.has(Fault::DeliveriesNone);
    let mut rows: Vec<Value> = state
        .webhook_events
        .iter()
        .filter(|_| !hidden)
        .filter(|row| webhook.as_ref().is_none_or(|id| row.text("webhook_id").to_lowercase() == *id))
        .map(|row| {
            let listed = row.members.iter().filter(|(member, _)| LIST_MEMBERS.contains(&member.as_str()));
            wire(&listed.map(|(member, value)| (member.clone(), value.clone())).collect())
        })
        .collect();
    if !state.behaviour.log_oldest_first && (descending || !ordered) {
        rows.reverse();
    }
    paging.page(state, "events", rows)
}

/// `GET /api/WebhookEvent/{guid}`.
pub(super) fn get(state: &State, id: &str) -> Answer {
    let row = state.webhook_events.iter().find(|row| row.text("id").eq_ignore_ascii_case(id));
    row.map(|row| Reply::json(200, &row.wire())).ok_or_else(|| Reply::empty(404))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Tester, tester};
    use super::*;

    async fn webhook(tester: &Tester) -> String {
        let body = json!([{ "name": "One", "type": 0, "url": "https://pia.example/x", "active": true }]);
        let id = tester.post("/api/Webhook", &body).await.1["id"].as_str().unwrap().to_owned();
        assert_eq!(tester.post("/api/Notification", &json!([{ "webhook_id": id, "eventno": 3 }])).await.0, 201);
        id
    }

    async fn log(tester: &Tester, query: &str) -> Vec<Value> {
        let (status, body) = tester.get(&format!("/api/WebhookEvent{query}")).await;
        assert_eq!(status, 200, "{body}");
        body["events"].as_array().unwrap().clone()
    }

    #[tokio::test]
    async fn log_of_deliveries_shows_headers_and_bodies_in_detail_only() {
        let tester = tester().await;
        tester.halo.change(|state| {
            state.webhook_events.push(Object::new(json!({
                "id": "8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77", "webhook_id": "60b2ec55-fabe-417a-b354-40d962ef8031", "notification_id": 42,
                "timestamp": "2026-03-02T09:12:44.173", "status": 2, "requestbody": "{}", "responsestatus": 200
            })));
        });
        let (_, list) = tester.get("/api/WebhookEvent?webhook_id=60b2ec55-fabe-417a-b354-40d962ef8031").await;
        assert_eq!((&list["record_count"], list["events"][0].get("requestbody")), (&json!(1), None));
        assert_eq!(tester.get("/api/WebhookEvent?webhook_id=none").await.1["record_count"], 0);
        let (_, detail) = tester.get("/api/WebhookEvent/8C0F3B1E-63d2-4d55-9a56-6f1f4c1c2b77").await;
        assert_eq!(detail["requestbody"], "{}");
    }

    #[tokio::test]
    async fn every_outcome_can_be_written_into_log_by_fault() {
        for (fault, status) in [
            (Fault::DeliveriesFine, json!(200)),
            (Fault::DeliveriesUnauthorised, json!(401)),
            (Fault::DeliveriesNotFound, json!(404)),
            (Fault::DeliveriesFailing, json!(500)),
            (Fault::DeliveriesTimeOut, Value::Null),
            (Fault::DeliveriesNotReached, Value::Null),
        ] {
            let tester = tester().await;
            let id = webhook(&tester).await;
            assert!(log(&tester, "").await.is_empty(), "nothing happens by itself");
            tester.halo.set_fault(fault, true);
            let rows = log(&tester, &format!("?webhook_id={id}")).await;
            assert_eq!(log(&tester, "").await.len(), 1, "{fault}: once, however often the log is read");
            let (_, detail) = tester.get(&format!("/api/WebhookEvent/{}", rows[0]["id"].as_str().unwrap())).await;
            assert_eq!(detail["responsestatus"], status, "{fault}");
            assert_eq!(detail["error"], json!(status != 200), "{fault}");
            assert!(rows[0].get("error").is_none() && rows[0].get("responsestatus").is_none());
            tester.halo.set_fault(Fault::DeliveriesNone, true);
            assert!(log(&tester, "").await.is_empty());
        }
    }

    #[tokio::test]
    async fn consecutive_failures_switch_webhook_off_by_either_member() {
        for by_disabled in [false, true] {
            let tester = tester().await;
            tester.halo.change(|state| {
                state.behaviour.auto_disable_attempts = 2;
                state.behaviour.switches_off_by_disabled = by_disabled;
            });
            let id = webhook(&tester).await;
            let fail = || tester.halo.change(|state| state.deliver("One", Delivered::Answered(500)));
            fail();
            tester.halo.change(|state| state.deliver("One", Delivered::Answered(200)));
            fail();
            let off = async || {
                let row = tester.get(&format!("/api/Webhook/{id}")).await.1;
                (
                    row["active"] == false || row["disabled"] == true,
                    row["last_auto_disable_date"] != "1900-01-01T00:00:00",
                )
            };
            assert_eq!(off().await, (false, false), "one success begins the count anew");
            fail();
            assert_eq!(off().await, (true, true));
            fail();
            assert_eq!(log(&tester, "").await.len(), 4);
        }
        let tester = tester().await;
        let id = webhook(&tester).await;
        tester.halo.set_fault(Fault::DeliveriesSwitchOff, true);
        assert_eq!(log(&tester, "").await.len(), 3);
        assert_eq!(tester.get(&format!("/api/Webhook/{id}")).await.1["active"], false);
    }

    #[tokio::test]
    async fn what_is_not_known_of_log_is_switch() {
        let tester = tester().await;
        let id = webhook(&tester).await;
        for status in [200, 500] {
            tester.halo.change(|state| state.deliver("One", Delivered::Answered(status)));
        }
        let statuses = async |query: &str| {
            let rows = log(&tester, query).await;
            rows.iter().map(|row| row["status"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(statuses("").await, [2, 1]);
        assert_eq!(statuses("?order=timestamp").await, [1, 2]);
        assert_eq!(statuses("?order=timestamp&orderdesc=true").await, [2, 1]);
        assert!(!log(&tester, "").await[0]["timestamp"].as_str().unwrap().ends_with('Z'));
        tester.halo.change(|state| {
            state.behaviour.log_oldest_first = true;
            state.behaviour.log_filter_ignored = true;
            state.behaviour.log_times_with_zone = true;
            state.behaviour.log_error_is_text = true;
            state.deliver("One", Delivered::TimedOut);
        });
        assert_eq!(statuses("?webhook_id=none&order=timestamp&orderdesc=true").await, [1, 2, 2]);
        let last = log(&tester, &format!("?webhook_id={id}")).await.pop().unwrap();
        assert!(last["timestamp"].as_str().unwrap().ends_with('Z'));
        let (_, detail) = tester.get(&format!("/api/WebhookEvent/{}", last["id"].as_str().unwrap())).await;
        assert!(detail["error"].as_str().unwrap().contains("Timeout"));
    }
}
