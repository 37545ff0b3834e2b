//! `/api/TicketType`: the list that hides much, and the detail that holds the links to custom tabs.

use super::behaviour::LinksMode;
use super::body::{Body, Kind, Shape, nested};
use super::faults::Fault;
use super::query::Query;
use super::reply::{Answer, Reply, Row, database_error};
use super::state::{State, TabLink, TicketType};
use serde_json::{Value, json};

const SHAPE: Shape = Shape {
    entity: "NHAPI.DataTransferObjects.RequestType",
    members: &[
        ("id", Kind::Id),
        ("name", Kind::Text),
        ("sequence", Kind::Int),
        ("visible", Kind::Bool),
        ("cancreate", Kind::Bool),
        ("default_team", Kind::Text),
        ("default_agent", Kind::Int),
        ("allowall_iframe_customtabs", Kind::Bool),
        ("allowed_iframe_customtabs", Kind::List),
    ],
};

const LINK: Shape = Shape {
    entity: "NHAPI.DataTransferObjects.IframeTabRequestType",
    members: &[
        ("id", Kind::Id),
        ("tickettype_id", Kind::Id),
        ("iframetab_id", Kind::Id),
        ("iframetab_name", Kind::Text),
    ],
};

fn seen(state: &State, kind: &TicketType) -> bool {
    !(kind.row.hidden_from_restricted && state.has(Fault::RestrictedAgent))
}

/// `GET /api/TicketType`: a bare array without link data. Types that this agent may not log come only with
/// `showall=true`, retired ones only with `showinactive=true`.
pub(super) fn list(state: &State, query: &Query) -> Answer {
    let all = query.flag("showall")?;
    let retired = query.flag("showinactive")?;
    let rows = state
        .ticket_types
        .iter()
        .filter(|kind| all || kind.row.flag("visible"))
        .filter(|kind| retired || !kind.inactive)
        .filter(|kind| seen(state, kind));
    Ok(Reply::json(200, &rows.map(|kind| kind.row.wire()).collect()))
}

fn position(state: &State, id: i64) -> Result<usize, Reply> {
    state.ticket_types.iter().position(|kind| kind.row.has_id(id) && seen(state, kind)).ok_or_else(|| Reply::empty(404))
}

/// A ticket type with the custom tabs that it allows.
fn detailed(state: &State, kind: &TicketType) -> Value {
    let mut value = kind.row.wire();
    let links: Vec<Value> = kind
        .links
        .iter()
        .map(|link| {
            let mut row =
                json!({ "id": link.id, "tickettype_id": kind.row.int("id"), "iframetab_id": link.iframetab_id });
            // The name comes from a join: a link to a deleted tab has none.
            if let (Some(tab), Some(row)) =
                (state.tabs.iter().find(|tab| tab.has_id(link.iframetab_id)), row.as_object_mut())
            {
                row.insert("iframetab_name".into(), tab.name().into());
            }
            row
        })
        .collect();
    if let Some(row) = value.as_object_mut() {
        // Null members are left out: one that shows every tab has no list, and older versions have neither.
        let told = !state.has(Fault::TabMembersMissing);
        let all = kind.allow_all_tabs || state.has(Fault::TypesShowAllTabs);
        row.insert("use".into(), "tickets".into());
        if told {
            row.insert("allowall_iframe_customtabs".into(), all.into());
        }
        if told && !all {
            row.insert("allowed_iframe_customtabs".into(), links.into());
        }
        row.insert("tab_config".into(), json!([]));
        row.insert("workflow_id".into(), json!(-1));
        row.insert("initial_status".into(), json!(1));
    }
    value
}

/// `GET /api/TicketType/{id}`.
pub(super) fn get(state: &State, id: i64, query: &Query) -> Answer {
    let details = query.flag("includedetails")?;
    let kind = state.ticket_types.get(position(state, id)?).ok_or_else(|| Reply::empty(404))?;
    Ok(Reply::json(200, &if details { detailed(state, kind) } else { kind.row.wire() }))
}

/// The id that the next link row gets.
pub(super) fn next_link_id(state: &State) -> i64 {
    state.ticket_types.iter().flat_map(|kind| &kind.links).map(|link| link.id).max().unwrap_or(0) + 1
}

/// `POST /api/TicketType`: updates, above all of the links. A new one fails as a copied list row did.
pub(super) fn post(state: &mut State, body: Body<'_>) -> Answer {
    let mut stored = Vec::new();
    for (index, mut members) in body.rows(&SHAPE)?.into_iter().enumerate() {
        let wanted = nested(&LINK, &members, index, "allowed_iframe_customtabs")?;
        members.remove("allowed_iframe_customtabs");
        let Some(id) = members.remove("id").and_then(|id| id.as_i64()).filter(|id| *id != 0) else {
            return Err(database_error(
                515,
                "Cannot insert the value NULL into column 'RTAppointmentDefaultBody', table 'D_DEMO.dbo.REQUESTTYPE'; column \
                 does not allow nulls. INSERT fails..",
            ));
        };
        let at = position(state, id)?;
        // One of those that need a link.
        let closed = state.has(Fault::TicketTypeRefused) && at == 0;
        if closed || state.ticket_types.get(at).is_some_and(|kind| kind.locked) {
            return Err(Reply::empty(403));
        }
        let links = wanted.map(|wanted| linked(state, at, &wanted));
        let dropped = state.has(Fault::LinkNotStored);
        if let Some(kind) = state.ticket_types.get_mut(at) {
            let all = members.remove("allowall_iframe_customtabs").and_then(|value| value.as_bool());
            if !dropped {
                kind.allow_all_tabs = all.unwrap_or(kind.allow_all_tabs);
                kind.links = links.unwrap_or_else(|| kind.links.clone());
            }
            kind.row.members.extend(members);
        }
        if let Some(kind) = state.ticket_types.get(at) {
            stored.push(detailed(state, kind));
        }
    }
    Ok(state.created(stored))
}

/// The link rows after a write. Rows of known tabs keep their ids; a tab that does not exist is silently not stored.
fn linked(state: &State, at: usize, wanted: &[Row]) -> Vec<TabLink> {
    let old = state.ticket_types.get(at).map(|kind| kind.links.clone()).unwrap_or_default();
    let added = state.behaviour.links_mode == LinksMode::Add || state.has(Fault::LinksAreAdded);
    let mut links = if added { old.clone() } else { Vec::new() };
    let mut next = next_link_id(state);
    for tab in wanted.iter().filter_map(|row| row.get("iframetab_id")?.as_i64()) {
        if links.iter().any(|link| link.iframetab_id == tab) || !state.tabs.iter().any(|known| known.has_id(tab)) {
            continue;
        }
        let kept = old.iter().find(|link| link.iframetab_id == tab).cloned();
        links.push(kept.unwrap_or_else(|| {
            next += 1;
            TabLink { id: next - 1, iframetab_id: tab }
        }));
    }
    links
}

#[cfg(test)]
mod tests {
    use super::super::Fault;
    use super::super::testing::{Tester, tester};
    use super::*;

    async fn tabs_of(tester: &Tester, id: i64) -> Vec<i64> {
        let (_, body) = tester.get(&format!("/api/TicketType/{id}?includedetails=true")).await;
        let rows = body["allowed_iframe_customtabs"].as_array().unwrap().iter();
        rows.map(|row| row["iframetab_id"].as_i64().unwrap()).collect()
    }

    async fn link(tester: &Tester, id: i64, tabs: &[i64]) -> u16 {
        let rows: Vec<Value> = tabs.iter().map(|tab| json!({ "tickettype_id": id, "iframetab_id": tab })).collect();
        tester.post("/api/TicketType", &json!([{ "id": id, "allowed_iframe_customtabs": rows }])).await.0
    }

    #[tokio::test]
    async fn tab_list_has_27_members_no_links_and_hides_secrets() {
        let tester = tester().await;
        let count =
            async |query: &str| tester.get(&format!("/api/TicketType{query}")).await.1.as_array().unwrap().len();
        assert_eq!(count("").await, 7);
        assert_eq!(count("?showall=true").await, 7, "a retired one needs showinactive too");
        assert_eq!(count("?showall=true&showinactive=true").await, 8);
        tester.halo.change(|state| state.ticket_type_mut("Alert").unwrap().row.set("visible", false));
        assert_eq!((count("").await, count("?showall=true").await), (6, 7));
        let (_, rows) = tester.get("/api/TicketType").await;
        for row in rows.as_array().unwrap() {
            assert_eq!(row.as_object().unwrap().len(), 27);
            assert!(row.get("allowed_iframe_customtabs").is_none());
        }
        assert!(tester.get("/api/TicketType/1").await.1.get("allowed_iframe_customtabs").is_none());
        tester.halo.set_fault(Fault::RestrictedAgent, true);
        assert_eq!(count("?showall=true").await, 4);
        assert_eq!(tester.get("/api/TicketType/5?includedetails=true").await.0, 404);
    }

    #[tokio::test]
    async fn details_show_links_and_six_active_types_need_one() {
        let tester = tester().await;
        let (_, incident) = tester.get("/api/tickettype/1?includedetails=true").await;
        assert_eq!(
            incident["allowed_iframe_customtabs"],
            json!([{ "id": 101, "tickettype_id": 1, "iframetab_id": 14, "iframetab_name": "Asset Map" }])
        );
        let (_, project) = tester.get("/api/tickettype/5?includedetails=true").await;
        assert_eq!(project["allowall_iframe_customtabs"], true);
        let needing = tester
            .halo
            .look(|state| state.ticket_types.iter().filter(|kind| !kind.inactive && !kind.allow_all_tabs).count());
        assert_eq!(needing, 6);
    }

    #[tokio::test]
    async fn written_list_replaces_or_adds_and_merges_with_rest() {
        let tester = tester().await;
        assert_eq!(link(&tester, 1, &[15]).await, 201);
        assert_eq!(tabs_of(&tester, 1).await, [15], "the foreign link is lost when it is not sent along");
        assert_eq!(tester.get("/api/TicketType/1").await.1["name"], "Incident");
        tester.halo.set_fault(Fault::LinksAreAdded, true);
        assert_eq!(link(&tester, 1, &[14]).await, 201);
        assert_eq!(tabs_of(&tester, 1).await, [15, 14]);
        tester.halo.set_fault(Fault::LinksAreAdded, false);
        tester.halo.change(|state| state.behaviour.links_mode = LinksMode::Add);
        assert_eq!(link(&tester, 1, &[]).await, 201);
        assert_eq!(tabs_of(&tester, 1).await, [15, 14]);
        tester.post("/api/TicketType", &json!([{ "id": 2, "allowall_iframe_customtabs": true }])).await;
        assert!(tester.halo.change(|state| state.ticket_type_mut("Change Request").unwrap().allow_all_tabs));
    }

    #[tokio::test]
    async fn kept_link_keeps_its_id_and_unknown_tab_is_dropped() {
        let tester = tester().await;
        assert_eq!(link(&tester, 1, &[14, 15, 15, 999]).await, 201);
        let links = tester.halo.change(|state| state.ticket_type_mut("Incident").unwrap().links.clone());
        assert_eq!(links, [TabLink { id: 101, iframetab_id: 14 }, TabLink { id: 104, iframetab_id: 15 }]);
    }

    #[tokio::test]
    async fn what_cannot_be_written() {
        let tester = tester().await;
        let (status, body) = tester.post("/api/TicketType", &json!([{ "name": "Copied" }])).await;
        assert_eq!(status, 400);
        assert!(body["Message"].as_str().unwrap().starts_with("A database error occurred (515)"));
        assert!(body["ClassName"].as_str().is_some_and(|class| class.ends_with("Exception")), "{body}");
        assert_eq!(tester.post("/api/TicketType", &json!([{ "id": 999 }])).await, (404, Value::Null));
        let body = json!([{ "id": 1, "allowed_iframe_customtabs": [{ "iframetab_id": "14a" }] }]);
        let (status, body) = tester.post("/api/TicketType", &body).await;
        assert_eq!(status, 400);
        assert!(body.get("[0].allowed_iframe_customtabs[0].iframetab_id").is_some(), "{body}");
        tester.halo.change(|state| state.ticket_type_mut("Incident").unwrap().locked = true);
        assert_eq!(link(&tester, 1, &[14]).await, 403);
        assert_eq!(link(&tester, 2, &[14]).await, 201);
        tester.halo.set_fault(Fault::LinkNotStored, true);
        assert_eq!(link(&tester, 4, &[14]).await, 201);
        assert!(tabs_of(&tester, 4).await.is_empty());
    }

    #[tokio::test]
    async fn what_type_says_of_tabs_can_be_missing() {
        let tester = tester().await;
        let members = async |id: i64| {
            let (_, body) = tester.get(&format!("/api/TicketType/{id}?includedetails=true")).await;
            let has = |member: &str| body.get(member).is_some();
            (body["allowall_iframe_customtabs"].clone(), has("allowed_iframe_customtabs"))
        };
        assert_eq!((members(1).await, members(5).await), ((json!(false), true), (json!(true), false)));
        tester.halo.set_fault(Fault::TypesShowAllTabs, true);
        assert_eq!(members(1).await, (json!(true), false));
        tester.halo.set_fault(Fault::TabMembersMissing, true);
        assert_eq!(members(5).await, (Value::Null, false));
    }
}
