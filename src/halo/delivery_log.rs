//! Halo's own log of what its webhooks delivered.
//!
//! Halo's API has no known call that fires a test of a webhook: nothing here writes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil, tz::TimeZone};
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::said;
use super::webhooks::{PATH as WEBHOOKS, safe_id};
use super::wire::{Flag, Int, Scalar, Text};
use super::{BadReply, HaloApi, HaloError};
use crate::domain::secret::Secret;
use crate::halo::delivery::{LoggedDelivery, WebhookState};

const PATH: &str = "/api/WebhookEvent";
const READ_ONE: &str = "read a delivery";

/// Rows of a page: more is never given.
const PAGE: u64 = 100;

/// Pages that are looked through for the rows of one webhook, where Halo gives those of all.
const PAGES: u64 = 5;

/// The same, where everything since a moment is wanted.
const PAGES_SINCE: u64 = 50;

/// Deliveries that are read in full: the newest ones, until one succeeded.
const READ_IN_FULL: usize = 5;

/// Halo's dates before this mean "none".
const FIRST_REAL_YEAR: i16 = 2000;

/// A time in a reply: with a zone or without one, which means UTC.
#[derive(Default)]
pub(super) struct When(pub(super) Option<Timestamp>);

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Text::deserialize(deserializer)?.filled().and_then(|text| time(text.trim()))))
    }
}

fn time(text: &str) -> Option<Timestamp> {
    let plain = || text.parse::<civil::DateTime>().ok().and_then(|time| time.to_zoned(TimeZone::UTC).ok());
    let time = text.parse::<Timestamp>().ok().or_else(|| plain().map(|time| time.timestamp()))?;
    (time.to_zoned(TimeZone::UTC).year() >= FIRST_REAL_YEAR).then_some(time)
}

#[derive(Deserialize)]
struct WebhookRow {
    #[serde(default)]
    id: Text,
    #[serde(default)]
    active: Flag,
    #[serde(default)]
    disabled: Flag,
    #[serde(default)]
    last_auto_disable_date: When,
    #[serde(default)]
    log_retention_policy_days: Int,
}

#[derive(Deserialize)]
struct ListRow {
    #[serde(default)]
    id: Text,
    #[serde(default)]
    webhook_id: Text,
    #[serde(default)]
    timestamp: When,
    /// Halo's number for how it went: what each means is not documented.
    #[serde(default)]
    status: Int,
}

/// A row of the log, as its list has it.
pub(super) struct Listed {
    pub(super) at: Option<Timestamp>,
    pub(super) id: String,
    pub(super) status: Option<i64>,
}

/// Of a delivery's detail: never the request, whose headers hold the password.
#[derive(Deserialize)]
struct DetailRow {
    #[serde(default)]
    id: Text,
    #[serde(default)]
    timestamp: When,
    #[serde(default)]
    entity_id: Int,
    #[serde(default)]
    responsestatus: Int,
    #[serde(default)]
    responsebody: Text,
    #[serde(default)]
    duration: Text,
    /// A flag in the schema, a text in other sources.
    #[serde(default)]
    error: Scalar,
}

impl DetailRow {
    fn logged(self, hide: &[&Secret]) -> LoggedDelivery {
        let http_status =
            self.responsestatus.0.and_then(|status| u16::try_from(status).ok()).filter(|status| *status > 0);
        let (flagged, error) = match self.error {
            Scalar::Bool(failed) => (failed, None),
            Scalar::Int(number) => (number != 0, None),
            Scalar::Text(text) if matches!(text.trim(), "" | "false" | "False") => (false, None),
            Scalar::Text(text) if matches!(text.trim(), "true" | "True") => (true, None),
            Scalar::Text(text) => (true, Some(text)),
            Scalar::Float(_) | Scalar::None => (false, None),
        };
        let words = |text: &str| said::said(text.as_bytes(), hide).map(|said| said.display());
        let words = error.as_deref().and_then(words).or_else(|| self.responsebody.filled().as_deref().and_then(words));
        LoggedDelivery {
            at: self.timestamp.0,
            http_status,
            duration: self.duration.filled(),
            failed: flagged || http_status.is_some_and(|status| status >= 400),
            words,
        }
    }
}

impl HaloApi {
    /// How it stands with each outgoing webhook, by its id in lower case. The events are not read.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn webhook_states(&self) -> Result<BTreeMap<String, WebhookState>, HaloError> {
        let call = self.get("list the webhooks", WEBHOOKS, &[("type", "0")]);
        let rows = self.read_list::<WebhookRow>(call, &["webhooks", "results"]).await?.rows;
        let state = |row: WebhookRow| {
            let state = WebhookState {
                active: row.active.0 != Some(false) && !row.disabled.is_set(),
                switched_off_at: row.last_auto_disable_date.0,
                log_days: row.log_retention_policy_days.0,
                events: None,
            };
            Some((row.id.filled()?.to_ascii_lowercase(), state))
        };
        Ok(rows.into_iter().filter_map(state).collect())
    }

    /// The last deliveries of a webhook, newest first: up to and with the last that succeeded, and a handful at most.
    /// What `hide` names is taken out of their words.
    ///
    /// # Errors
    /// Whatever a read can fail with; [`HaloError::Unexpected`] where the log is too long to be looked through.
    pub async fn deliveries(&self, webhook_id: &str, hide: &[&Secret]) -> Result<Vec<LoggedDelivery>, HaloError> {
        let mut logged = Vec::new();
        for Listed { at, id, .. } in self.delivery_ids(webhook_id, None).await?.into_iter().take(READ_IN_FULL) {
            let Some((_, mut detail)) = self.delivery(&id, hide).await? else { continue };
            detail.at = detail.at.or(at);
            let is_last = detail.is_success();
            logged.push(detail);
            if is_last {
                break;
            }
        }
        Ok(logged)
    }

    /// The ids of the newest deliveries of a webhook.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn logged_ids(&self, webhook_id: &str) -> Result<BTreeSet<String>, HaloError> {
        Ok(self.delivery_ids(webhook_id, None).await?.into_iter().map(|row| row.id).collect())
    }

    /// The delivery that is about a ticket, among those that are not `known`: each that was looked at is from then on.
    /// Where Halo does not tell what a delivery is about, it is taken for that one.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn delivery_of(
        &self,
        webhook_id: &str,
        ticket: i64,
        known: &mut BTreeSet<String>,
        hide: &[&Secret],
    ) -> Result<Option<LoggedDelivery>, HaloError> {
        let rows = self.delivery_ids(webhook_id, None).await?;
        let rows: Vec<_> = rows.into_iter().filter(|row| !known.contains(&row.id)).take(READ_IN_FULL).collect();
        for Listed { at, id, .. } in rows {
            let Some((about, mut logged)) = self.delivery(&id, hide).await? else { continue };
            known.insert(id);
            if about.is_none_or(|about| about == ticket) {
                logged.at = logged.at.or(at);
                return Ok(Some(logged));
            }
        }
        Ok(None)
    }

    /// The first delivery since a moment that has failed, whatever came after it. Of each of Halo's numbers for how it went,
    /// one row is read in full: that tells what the number means.
    ///
    /// # Errors
    /// Whatever a read can fail with.
    pub async fn failed_since(&self, webhook_id: &str, since: Timestamp) -> Result<Option<Timestamp>, HaloError> {
        let (mut failed, mut meaning) = (None, BTreeMap::new());
        let rows = self.delivery_ids(webhook_id, Some(since)).await?;
        for row in rows.into_iter().filter(|row| row.at.is_some_and(|at| at >= since)) {
            let is_failed = match meaning.get(&row.status) {
                Some(is_failed) => *is_failed,
                None => {
                    let Some((_, logged)) = self.delivery(&row.id, &[]).await? else { continue };
                    if logged.has_answer() {
                        meaning.insert(row.status, !logged.is_success());
                    }
                    logged.has_answer() && !logged.is_success()
                }
            };
            if is_failed {
                failed = row.at;
            }
        }
        Ok(failed)
    }

    /// Times and ids of the newest deliveries, newest first: those of a page, or all since a moment and at least one
    /// before it, where there is one. Whether Halo honours the order and the filter is not known, so neither is relied
    /// on.
    pub(super) async fn delivery_ids(
        &self,
        webhook_id: &str,
        since: Option<Timestamp>,
    ) -> Result<Vec<Listed>, HaloError> {
        let does = "read the delivery log";
        let is_enough = |found: &[Listed]| match since {
            None => !found.is_empty(),
            Some(since) => found.iter().any(|row| row.at.is_some_and(|at| at < since)),
        };
        let most = if since.is_some() { PAGES_SINCE } else { PAGES };
        let mut found = Vec::new();
        let (mut page, mut pages) = (1, 0);
        loop {
            let (size, number) = (PAGE.to_string(), page.to_string());
            let query = [
                ("webhook_id", webhook_id),
                ("pageinate", "true"),
                ("page_size", &size),
                ("page_no", &number),
                ("order", "timestamp"),
                ("orderdesc", "true"),
            ];
            let read = self.read_list::<ListRow>(self.get(does, PATH, &query), &["events", "results"]).await?;
            pages += 1;
            let last_page = read.record_count.unwrap_or(0).div_ceil(PAGE);
            let times: Vec<Timestamp> = read.rows.iter().filter_map(|row| row.timestamp.0).collect();
            let oldest_first = times.len() > 1 && times.first() < times.last() && times.is_sorted();
            let rows = read
                .rows
                .into_iter()
                .filter(|row| row.webhook_id.0.as_ref().is_none_or(|id| id.trim().eq_ignore_ascii_case(webhook_id)));
            found.extend(
                rows.filter_map(|row| Some(Listed { at: row.timestamp.0, status: row.status.0, id: row.id.filled()? })),
            );
            // The newest stand on the last page where the order is another than the one asked for.
            page = match page {
                1 if oldest_first && last_page > 1 => {
                    found.clear();
                    last_page
                }
                _ if last_page <= 1 || is_enough(&found) => break,
                _ if oldest_first => page - 1,
                _ => page + 1,
            };
            if page == 0 || page > last_page {
                break;
            }
            if pages == most && since.is_some() {
                break;
            }
            if pages == most {
                return Err(HaloError::Unexpected { does, what: BadReply::EndlessList });
            }
        }
        found.sort_by_key(|row| std::cmp::Reverse(row.at));
        Ok(found)
    }

    /// A row of the log in full; none where it has gone from the log meanwhile.
    pub(super) async fn logged<T: DeserializeOwned>(&self, id: &str) -> Result<Option<T>, HaloError> {
        let Ok(id) = safe_id(READ_ONE, id) else { return Ok(None) };
        let mut call = self.one(READ_ONE, Method::GET, PATH, id);
        call.query.push(("includedetails", "true".to_owned()));
        self.read_one(call).await
    }

    /// One delivery in full, and the ticket it is about where Halo tells; none where its row has gone from the log
    /// meanwhile.
    async fn delivery(&self, id: &str, hide: &[&Secret]) -> Result<Option<(Option<i64>, LoggedDelivery)>, HaloError> {
        let Some(row) = self.logged::<DetailRow>(id).await? else { return Ok(None) };
        if row.id.0.as_ref().is_some_and(|other| !other.eq_ignore_ascii_case(id)) {
            return Err(HaloError::Unexpected { does: READ_ONE, what: BadReply::OtherObject });
        }
        let own = self.shared.connection.secrets();
        let hide: Vec<&Secret> = hide.iter().copied().chain(&own).collect();
        let about = row.entity_id.0.filter(|id| *id > 0);
        Ok(Some((about, row.logged(&hide))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, Server, json};
    use super::*;
    use serde_json::json as value;

    const GUID: &str = "60b2ec55-fabe-417a-b354-40d962ef8031";
    const ROW: &str = "8c0f3b1e-63d2-4d55-9a56-6f1f4c1c2b77";

    fn detail(text: &str) -> LoggedDelivery {
        let row: DetailRow = serde_json::from_str(text).unwrap();
        row.logged(&[&Secret::new("https://pia.example/callbacks/acme/ticket-created/abcdefghijklmnop")])
    }

    #[test]
    fn times_come_in_every_form_and_sentinels_are_none() {
        for text in ["2026-03-02T09:12:44.1730000Z", "2026-03-02T09:12:44.173", "2026-03-02T10:12:44.173+01:00"] {
            assert_eq!(time(text).unwrap().to_string(), "2026-03-02T09:12:44.173Z", "{text}");
        }
        for none in ["", "soon", "0001-01-01T00:00:00", "1900-01-01T00:00:00", "1899-12-30T00:00:00"] {
            assert_eq!(time(none), None, "{none}");
        }
    }

    #[test]
    fn error_is_flag_or_text_and_shows_no_secret() {
        let read = detail(r#"{ "responsestatus": 200, "responsebody": "{}", "error": false, "duration": 84.5 }"#);
        assert_eq!((read.http_status, read.failed, read.duration.as_deref()), (Some(200), false, Some("84.5")));
        let read = detail(r#"{ "error": true, "responsebody": "Timeout at …/ticket-created/abcdefghijklmnop" }"#);
        assert_eq!((read.http_status, read.failed), (None, true));
        assert_eq!(read.words.as_deref(), Some("Timeout at …/ticket-created/[secret]"));
        let read = detail(r#"{ "error": "No such host", "responsestatus": 0, "responsebody": "x" }"#);
        assert_eq!((read.http_status, read.failed, read.words.as_deref()), (None, true, Some("No such host")));
        let read = detail(r#"{ "responsestatus": "404", "responsebody": "<html>no</html>" }"#);
        assert_eq!((read.http_status, read.failed, read.words), (Some(404), true, None));
        let read = detail(r#"{ "responsebody": null }"#);
        assert_eq!((read.http_status, read.failed), (None, false));
    }

    /// A log of so many rows, every one a success, in the order asked for or not.
    async fn log(rows: usize, oldest_first: bool, foreign: usize) -> Server {
        Server::halo(move |seen: &Seen, _| {
            if seen.path() != PATH {
                return json(200, value!({ "id": seen.path().rsplit('/').next(), "responsestatus": 200 }).to_string());
            }
            let page: usize = seen.target.split("page_no=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
            let mut all: Vec<_> = (0..rows)
                .map(|at| {
                    let webhook = if at % (foreign + 1) == 0 { GUID } else { "another" };
                    let time = format!("2026-03-{:02}T{:02}:{:02}:00", 1 + at / 1440, at / 60 % 24, at % 60);
                    value!({ "id": format!("row-{at}"), "webhook_id": webhook, "timestamp": time })
                })
                .collect();
            if !oldest_first {
                all.reverse();
            }
            let page: Vec<_> = all.into_iter().skip((page - 1) * 100).take(100).collect();
            json(200, value!({ "record_count": rows, "events": page }).to_string())
        })
        .await
    }

    #[tokio::test]
    async fn newest_delivery_is_found_whatever_order_halo_keeps() {
        for (rows, oldest_first, requests) in
            [(0, false, 1), (1, false, 1), (250, false, 1), (250, true, 2), (100, true, 1)]
        {
            let server = log(rows, oldest_first, 0).await;
            let found = server.api().deliveries(GUID, &[]).await.unwrap();
            assert_eq!(found.len(), usize::from(rows > 0), "{rows} {oldest_first}: one success is enough");
            assert_eq!(server.count(PATH), requests, "{rows} {oldest_first}");
            if rows > 0 {
                let newest = format!("{PATH}/row-{}", rows - 1);
                assert_eq!(server.count(&newest), 1, "{rows} {oldest_first}");
                assert!(server.last(&newest).target.ends_with("?nocache=true&includedetails=true"));
            }
        }
        let server = log(1, false, 0).await;
        server.api().deliveries(GUID, &[]).await.unwrap();
        assert_eq!(
            server.last(PATH).target,
            format!("{PATH}?webhook_id={GUID}&pageinate=true&page_size=100&page_no=1&order=timestamp&orderdesc=true")
        );
    }

    #[tokio::test]
    async fn filter_that_halo_does_not_know_is_applied_here() {
        // Every third row is ours; the newest of all is not.
        let server = log(300, false, 2).await;
        server.api().deliveries(GUID, &[]).await.unwrap();
        assert_eq!(server.count(&format!("{PATH}/row-297")), 1);
        // Ours is on the third page, and is the only one.
        let server = log(300, false, 299).await;
        assert_eq!(server.api().deliveries(GUID, &[]).await.unwrap().len(), 1);
        assert_eq!((server.count(PATH), server.count(&format!("{PATH}/row-0"))), (3, 1));
        // So many foreign rows that "never" would be a guess.
        let server = log(900, false, 899).await;
        let refused = server.api().deliveries(GUID, &[]).await;
        assert!(matches!(refused, Err(HaloError::Unexpected { what: BadReply::EndlessList, .. })), "{refused:?}");
        assert_eq!(server.count(PATH), 5);
    }

    #[tokio::test]
    async fn failures_are_read_up_to_success_past_missing_rows() {
        let server = Server::halo(|seen: &Seen, _| match seen.path() {
            PATH => {
                let row = |at: usize| value!({ "id": format!("row-{at}"), "webhook_id": GUID, "timestamp": format!("2026-03-02T09:12:{:02}", 50 - at) });
                json(200, value!({ "record_count": 9, "events": (0..9).map(row).collect::<Vec<_>>() }).to_string())
            }
            path if path.ends_with("row-1") => json(404, ""),
            path if path.ends_with("row-3") => json(200, value!({ "responsestatus": 200 }).to_string()),
            _ => json(200, value!({ "responsestatus": 500, "error": true }).to_string()),
        })
        .await;
        let found = server.api().deliveries(GUID, &[]).await.unwrap();
        assert_eq!(found.iter().map(|row| row.http_status).collect::<Vec<_>>(), [Some(500), Some(500), Some(200)]);
        assert_eq!(
            found[0].at.unwrap().to_string(),
            "2026-03-02T09:12:50Z",
            "the list's time where the detail has none"
        );
    }

    #[tokio::test]
    async fn webhook_is_off_in_two_ways_and_deliveries_are_told_apart() {
        let server = Server::halo(|seen: &Seen, _| match seen.path() {
            WEBHOOKS => json(
                200,
                value!([
                    { "id": GUID.to_uppercase(), "active": true, "log_retention_policy_days": 30 },
                    { "id": "b", "active": false, "last_auto_disable_date": "2026-03-02T09:12:44" },
                    { "id": "c", "active": true, "disabled": true, "last_auto_disable_date": "1900-01-01T00:00:00" },
                ])
                .to_string(),
            ),
            PATH => json(200, value!({ "events": [{ "id": ROW, "webhook_id": GUID }] }).to_string()),
            _ => json(200, value!({ "id": GUID, "responsestatus": 200 }).to_string()),
        })
        .await;
        let states = server.api().webhook_states().await.unwrap();
        assert_eq!(states.values().map(|state| state.active).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!((states[GUID].log_days, states["c"].switched_off_at), (Some(30), None));
        assert_eq!(states["b"].switched_off_at.unwrap().to_string(), "2026-03-02T09:12:44Z");
        let other = server.api().deliveries(GUID, &[]).await;
        assert!(matches!(other, Err(HaloError::Unexpected { what: BadReply::OtherObject, .. })), "{other:?}");
    }

    /// One of two numbers means a failure: two rows read in full tell which, and the first failure is found behind a success.
    #[tokio::test]
    async fn failure_followed_by_success_is_found() {
        let server = Server::halo(|seen: &Seen, _| match seen.path() {
            PATH => {
                let status = |at: usize| if matches!(at, 3 | 5) { 2 } else { 1 };
                let row = |at: usize| {
                    value!({ "id": format!("row-{at}"), "webhook_id": GUID, "status": status(at),
                             "timestamp": format!("2026-03-02T09:12:{:02}", 50 - at) })
                };
                json(200, value!({ "record_count": 9, "events": (0..9).map(row).collect::<Vec<_>>() }).to_string())
            }
            path if path.ends_with("row-3") || path.ends_with("row-5") => {
                json(200, value!({ "responsestatus": 503 }).to_string())
            }
            _ => json(200, value!({ "responsestatus": 200 }).to_string()),
        })
        .await;
        let since = |text: &str| text.parse::<Timestamp>().unwrap();
        let api = server.api();
        let found = api.failed_since(GUID, since("2026-03-02T09:12:40Z")).await.unwrap();
        assert_eq!(found, Some(since("2026-03-02T09:12:45Z")));
        assert_eq!(api.failed_since(GUID, since("2026-03-02T09:12:48Z")).await.unwrap(), None);
    }
}
