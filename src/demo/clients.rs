//! `/api/Client`: the list that a company sync reads, with all its traps.

use super::body::{Body, Kind, Shape};
use super::client_rows::{list_row, row};
use super::faults::Fault;
use super::paging::{Paging, unstable_by};
use super::query::Query;
use super::reply::{Answer, Reply};
use super::state::{Client, State};
use serde_json::{Value, json};

const SHAPE: Shape = Shape {
    entity: "NHAPI.DataTransferObjects.Area",
    members: &[
        ("id", Kind::Id),
        ("name", Kind::Text),
        ("toplevel_id", Kind::Int),
        ("inactive", Kind::Bool),
        ("main_site_name", Kind::Text),
        ("colour", Kind::Text),
        ("ref", Kind::Text),
        ("website", Kind::Text),
        ("notes", Kind::Text),
        ("is_vip", Kind::Bool),
        ("hourlyrate", Kind::Float),
        ("customertype", Kind::Int),
    ],
};

/// `GET /api/Client`.
pub(super) fn list(state: &mut State, query: &Query) -> Answer {
    let paging = Paging::read(query)?;
    let with_inactive = query.flag("includeinactive")?;
    let descending = query.flag("orderdesc")?;
    let toplevel = query.int("toplevel_id")?.filter(|id| *id > 0);
    let search = query.text("search").or_else(|| query.text("search_name_only")).map(str::to_lowercase);
    let order = query.text("order").map(str::to_lowercase);
    let (mut skip, take) = paging.range(state)?;
    if state.has(Fault::RepeatedPage) {
        skip = 0;
    }
    let restricted = state.has(Fault::RestrictedAgent);
    let mut found: Vec<&Client> = state
        .clients
        .iter()
        .filter(|client| with_inactive || !client.inactive)
        .filter(|client| client.allowed || !restricted)
        .filter(|client| toplevel.is_none_or(|id| client.toplevel_id == id))
        .filter(|client| search.as_ref().is_none_or(|text| client.name.to_lowercase().contains(text.as_str())))
        .collect();
    let by_name = order.as_deref() == Some("name");
    if by_name {
        found.sort_by_cached_key(|client| (client.name.to_lowercase(), client.id));
    } else {
        found.sort_by_key(|client| client.id);
    }
    let ordered = by_name || order.as_deref() == Some("id");
    if ordered && descending {
        found.reverse();
    }
    if (paging.pageinate && !ordered) || state.has(Fault::RowsMovedMidSync) {
        found = unstable_by(found, state.seed, paging.page_no(), |client| client.id);
    }
    let total = found.len();
    let mut envelope = paging.envelope(total);
    if state.has(Fault::RecordCountWrong) {
        envelope.insert("record_count".into(), (total + 1).into());
    }
    match &state.behaviour.record_count {
        Some(Value::Null) => {
            envelope.remove("record_count");
        }
        Some(value) => {
            envelope.insert("record_count".into(), value.clone());
        }
        None => {}
    }
    let rows: Vec<String> = found.into_iter().skip(skip).take(take).map(|client| list_row(state, client)).collect();
    let mut text = Value::Object(envelope).to_string();
    text.pop();
    let comma = if text.len() > 1 { "," } else { "" };
    text = format!("{text}{comma}\"clients\":[{}]}}", rows.join(","));
    if paging.pageinate {
        shift_rows(state);
    }
    Ok(Reply::raw_json(200, text))
}

/// The faults that change the list while it is being read.
fn shift_rows(state: &mut State) {
    if state.has(Fault::RowsDeletedMidSync) && state.clients.len() > 1 {
        let index = 1 + state.chance.below(state.clients.len() - 1);
        state.clients.remove(index);
    }
    if state.has(Fault::RowsAddedMidSync) {
        let id = next_id(state);
        state.clients.push(Client::new(id, format!("Newly Added {id}")));
    }
}

fn next_id(state: &State) -> i64 {
    state.clients.iter().map(|client| client.id).max().unwrap_or(0).max(1) + 1
}

fn visible(state: &State, id: i64) -> Result<&Client, Reply> {
    let restricted = state.has(Fault::RestrictedAgent);
    state
        .clients
        .iter()
        .find(|client| client.id == id && (client.allowed || !restricted))
        .ok_or_else(|| Reply::empty(404))
}

/// `GET /api/Client/{id}`.
pub(super) fn get(state: &State, id: i64, query: &Query) -> Answer {
    let details = query.flag("includedetails")?;
    let client = visible(state, id)?;
    let mut value = row(state, client);
    if let (true, Some(row)) = (details, value.as_object_mut()) {
        let tier = json!({
            "id": 191, "name": "CFTier", "label": "Tier", "type": 2, "value": if client.tier == "Gold" { "1" } else { "2" },
            "display": client.tier
        });
        row.insert("customfields".into(), json!([tier]));
        row.insert("twilio_subaccount_authtoken".into(), json!(""));
        row.insert("notes".into(), client.overrides.get("notes").cloned().unwrap_or_else(|| json!("")));
    }
    Ok(Reply::json(200, &value))
}

/// `POST /api/Client`: create, rename, make inactive.
pub(super) fn post(state: &mut State, body: Body<'_>) -> Answer {
    let mut stored = Vec::new();
    for sent in body.rows(&SHAPE)? {
        let id = sent.get("id").and_then(Value::as_i64).unwrap_or(0);
        if id != 0 {
            visible(state, id)?;
        }
        let name = sent.get("name").and_then(Value::as_str).map(str::to_owned);
        if let Some(name) = &name
            && state.clients.iter().any(|other| other.id != id && other.name.to_lowercase() == name.to_lowercase())
        {
            return Err(state.refuse("Name must be unique"));
        }
        if name.as_ref().map_or(id == 0, |name| name.trim().is_empty()) {
            return Err(state.refuse("Name must not be blank"));
        }
        let id = if id == 0 {
            let id = next_id(state);
            state.clients.push(Client::new(id, ""));
            id
        } else {
            id
        };
        let Some(client) = state.client_mut(id) else { return Err(Reply::empty(404)) };
        for (member, value) in sent {
            match (member.as_str(), &value) {
                ("id", _) => {}
                ("name", Value::String(name)) => client.name.clone_from(name),
                ("inactive", Value::Bool(inactive)) => client.inactive = *inactive,
                ("toplevel_id", value) => client.toplevel_id = value.as_i64().unwrap_or(1),
                ("main_site_name", Value::String(name)) => client.main_site_name = Some(name.clone()),
                _ => {
                    client.overrides.insert(member, value);
                }
            }
        }
        let client = client.clone();
        stored.push(row(state, &client));
    }
    Ok(state.created(stored))
}

/// `DELETE /api/Client/{id}`: refused for one with a history.
pub(super) fn delete(state: &mut State, id: i64) -> Answer {
    let client = visible(state, id)?;
    let shown = row(state, client);
    if client.has_history {
        return Err(state.refuse("This Client has Tickets and cannot be deleted. Please make it inactive instead."));
    }
    state.clients.retain(|client| client.id != id);
    Ok(state.deleted(&shown))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Tester, tester, tester_of};
    use super::super::{Fault, Options, SimulatedHalo};
    use super::*;
    use std::collections::BTreeSet;

    async fn small(clients: usize) -> Tester {
        tester_of(Options { clients, ..Options::default() }).await
    }

    #[tokio::test]
    async fn page_is_capped_at_100_only_when_pageinate_is_true() {
        let tester = tester().await;
        let all = "includeinactive=true&order=id";
        let (ids, count) = tester.client_ids(&format!("{all}&pageinate=true&page_no=1&page_size=1000")).await;
        assert_eq!((ids.len(), count), (100, json!(250)));
        let (last, _) = tester.client_ids(&format!("{all}&pageinate=true&page_no=3&page_size=1000")).await;
        assert_eq!(last.len(), 50);
        let (beyond, count) = tester.client_ids(&format!("{all}&pageinate=true&page_no=4&page_size=100")).await;
        assert_eq!((beyond.len(), count), (0, json!(250)));
        // Without it, or with the right spelling, page members mean nothing: 50 rows, the oldest first, every time.
        for query in ["page_no=2&page_size=100", "paginate=true&page_no=2&page_size=100", ""] {
            let (ids, count) = tester.client_ids(&format!("{all}&{query}")).await;
            assert_eq!((ids.len(), ids[0], count), (50, 1, json!(250)), "{query}");
        }
        let (counted, _) = tester.client_ids(&format!("{all}&count=170")).await;
        assert_eq!(counted.len(), 170);
    }

    #[tokio::test]
    async fn page_members_are_echoed_only_as_sent_and_page_0_is_refused() {
        let tester = tester().await;
        let (_, body) = tester.get("/api/Client?PageInate=True&page_no=2&page_size=999").await;
        assert_eq!((&body["page_no"], &body["page_size"]), (&json!(2), &json!(999)));
        let (_, body) = tester.get("/api/Client").await;
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["clients", "record_count"]);
        for query in ["pageinate=true&page_no=0&page_size=100", "pageinate=true&page_size=100"] {
            let (status, body) = tester.get(&format!("/api/Client?{query}")).await;
            assert_eq!(status, 400);
            assert!(body.as_str().unwrap().contains("OFFSET"), "{body}");
        }
        let (status, body) = tester.get("/api/Client?pageinate=yes").await;
        assert_eq!((status, body), (400, json!({ "pageinate": ["The value 'yes' is not valid."] })));
    }

    #[tokio::test]
    async fn rows_hold_their_place_only_when_order_is_asked_for() {
        let tester = tester().await;
        let walk = async |order: &str| {
            let mut ids = Vec::new();
            for page in 1..=3 {
                let query = format!("pageinate=true&page_no={page}&page_size=100&includeinactive=true{order}");
                ids.extend(tester.client_ids(&query).await.0);
            }
            ids
        };
        let by_id = walk("&order=id").await;
        assert!(by_id.is_sorted() && by_id.iter().collect::<BTreeSet<_>>().len() == 250);
        let by_name: BTreeSet<i64> = walk("&order=name").await.into_iter().collect();
        assert_eq!(by_name.len(), 250);
        let mut descending = walk("&order=id&orderdesc=true").await;
        descending.reverse();
        assert_eq!(descending, by_id);
        let none = walk("").await;
        assert!(none.iter().collect::<BTreeSet<_>>().len() < 250, "some rows are met twice and others never");
        assert_eq!(none, walk("&order=nonsense").await, "and in the same way for the same seed");
    }

    #[tokio::test]
    async fn inactive_clients_need_filter_and_misspelt_ones_are_ignored() {
        let tester = tester().await;
        let inactive = tester.halo.look(|state| state.clients.iter().filter(|client| client.inactive).count());
        assert!((1..20).contains(&inactive));
        assert_eq!(tester.client_ids("").await.1, json!(250 - inactive));
        assert_eq!(tester.client_ids("includeinactive=true").await.1, json!(250));
        assert_eq!(tester.client_ids("include_inactive=true&clientname=x").await.1, json!(250 - inactive));
        let (found, count) = tester.client_ids("search=NORTHWIND").await;
        assert_eq!((found.len(), count), (1, json!(1)));
    }

    #[tokio::test]
    async fn names_are_unique_in_many_scripts_and_repeat_by_seed() {
        let one = tester().await;
        let names: Vec<String> =
            one.halo.look(|state| state.clients.iter().map(|client| client.name.clone()).collect());
        assert_eq!(names.iter().map(|name| name.to_lowercase()).collect::<BTreeSet<_>>().len(), 250);
        for part in ["&", "\"", "🚀", "شركة", "חברת", "株式会社", "\u{301}", "ß"] {
            assert!(names.iter().any(|name| name.contains(part)), "no name with {part}");
        }
        let two = SimulatedHalo::start(Options::default()).await.unwrap();
        assert_eq!(one.halo.snapshot(), two.snapshot());
        let other = SimulatedHalo::start(Options { seed: 2, ..Options::default() }).await.unwrap();
        assert_ne!(one.halo.snapshot(), other.snapshot());
    }

    #[tokio::test]
    async fn demo_clients_change_and_are_deleted_only_without_history() {
        let tester = small(5).await;
        let (status, made) = tester.post("/api/Client", &json!([{ "name": "Brand New 🎉", "nonsense": 1 }])).await;
        assert_eq!((status, &made["name"]), (201, &json!("Brand New 🎉")));
        let id = made["id"].as_i64().unwrap();
        assert_eq!(
            tester.post("/api/Client", &json!([{ "name": "brand NEW 🎉" }])).await,
            (400, json!("Name must be unique"))
        );
        assert_eq!(tester.post("/api/Client", &json!([{ "id": id, "inactive": true }])).await.0, 201);
        let client = tester.halo.look(|state| state.clients.iter().find(|client| client.id == id).cloned()).unwrap();
        assert!(client.inactive && client.name == "Brand New 🎉", "an update merges");
        let (status, body) = tester.post("/api/Client", &json!([{ "id": format!("{id}a") }])).await;
        assert_eq!(status, 400);
        assert!(body["[0].id"][0].as_str().unwrap().starts_with("Could not convert string to integer"), "{body}");
        assert_eq!(tester.post("/api/Client", &json!([{ "id": 95.5 }])).await.0, 400);
        assert_eq!(tester.delete(&format!("/api/Client/{id}")).await, (200, Value::Null));
        assert_eq!(tester.delete(&format!("/api/Client/{id}")).await, (404, Value::Null));
        assert_eq!(tester.delete("/api/Client/1").await.0, 400);
        assert_eq!(tester.halo.look(|state| state.clients.len()), 5);
    }

    #[tokio::test]
    async fn restricted_agent_sees_fewer_rows_and_count_of_those_only() {
        let tester = tester().await;
        tester.halo.set_fault(Fault::RestrictedAgent, true);
        let (ids, count) =
            tester.client_ids("pageinate=true&page_no=1&page_size=100&order=id&includeinactive=true").await;
        let count = count.as_u64().unwrap();
        assert!((50..150).contains(&count), "{count}");
        let hidden = tester
            .halo
            .look(|state| state.clients.iter().find(|client| !client.allowed).map(|client| client.id))
            .unwrap();
        assert!(!ids.contains(&hidden));
        assert_eq!(tester.get(&format!("/api/Client/{hidden}")).await.0, 404);
    }

    #[tokio::test]
    async fn list_can_lie_and_shift() {
        let tester = small(150).await;
        let page = |number: u32| format!("pageinate=true&page_no={number}&page_size=100&order=id&includeinactive=true");
        let first = tester.client_ids(&page(1)).await.0;
        let on = |fault, on| tester.halo.set_fault(fault, on);
        on(Fault::RepeatedPage, true);
        assert_eq!(tester.client_ids(&page(2)).await.0, first);
        on(Fault::RepeatedPage, false);
        on(Fault::RecordCountWrong, true);
        assert_eq!(tester.client_ids(&page(1)).await.1, json!(151));
        on(Fault::RecordCountWrong, false);
        for (value, shown) in [(json!("150"), json!("150")), (Value::Null, Value::Null), (json!(-1), json!(-1))] {
            tester.halo.change(|state| state.behaviour.record_count = Some(value));
            assert_eq!(tester.client_ids(&page(1)).await.1, shown);
        }
        tester.halo.change(|state| state.behaviour.record_count = None);
        on(Fault::RowsMovedMidSync, true);
        assert_ne!(tester.client_ids(&page(1)).await.0, first);
        on(Fault::RowsMovedMidSync, false);
        on(Fault::RowsDeletedMidSync, true);
        tester.client_ids(&page(1)).await;
        assert_eq!(tester.client_ids(&page(2)).await.1, json!(149));
        on(Fault::RowsDeletedMidSync, false);
        on(Fault::RowsAddedMidSync, true);
        tester.client_ids(&page(1)).await;
        assert_eq!(tester.client_ids(&page(2)).await.1, json!(149));
    }
}
