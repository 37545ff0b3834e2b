//! `/api/Tabs`: custom tabs, among them the iframe that shows the Pia Chat Pod.

use super::body::{Body, Kind, Shape, nested};
use super::faults::Fault;
use super::query::Query;
use super::reply::{Answer, ErrorForm, Reply, Row, wire};
use super::state::{Object, State, TabLink, next_id};
use serde_json::{Value, json};

const SHAPE: Shape = Shape {
    entity: "NHAPI.DataTransferObjects.Tabname",
    members: &[
        ("id", Kind::Int),
        ("guid", Kind::Guid),
        ("name", Kind::Text),
        ("tableid", Kind::Int),
        ("type", Kind::Int),
        ("sequence", Kind::Int),
        ("columns", Kind::Int),
        ("url", Kind::Text),
        ("icon", Kind::Text),
        ("linked_dashboard_id", Kind::Int),
        ("open_in_new_tab", Kind::Bool),
        ("send_secure_url_parameter", Kind::Bool),
        ("new_iframe_secret", Kind::Text),
        ("module_id", Kind::Int),
        ("tickettypes", Kind::List),
    ],
};

/// The elements of a tab's `tickettypes`: their ids are strings.
const KEY_PAIR: Shape =
    Shape { entity: "NHAPI.DataTransferObjects.KeyPair", members: &[("id", Kind::Text), ("name", Kind::Text)] };

/// Whether a tab's own list of ticket types is shown and honoured.
fn has_tab_side_links(state: &State) -> bool {
    state.behaviour.tab_side_links || state.has(Fault::LinksFromTheTab)
}

/// `GET /api/Tabs`: a bare array; neither paging nor `type` narrows it.
pub(super) fn list(state: &State, query: &Query) -> Answer {
    query.int("type")?;
    query.int("typeid")?;
    Ok(Reply::json(200, &state.tabs.iter().map(|tab| tab.wire()).collect()))
}

fn position(state: &State, id: i64) -> Result<usize, Reply> {
    state.tabs.iter().position(|tab| tab.has_id(id)).ok_or_else(|| Reply::empty(404))
}

/// A tab with the ticket types that allow it, where this version lists them.
fn detailed(state: &State, tab: &Object) -> Value {
    let mut row: Row = tab.members.clone();
    if has_tab_side_links(state) {
        let id = tab.int("id");
        let allowing =
            state.ticket_types.iter().filter(|kind| kind.links.iter().any(|link| Some(link.iframetab_id) == id));
        let pairs: Vec<Value> = allowing
            .map(|kind| json!({ "id": kind.row.int("id").unwrap_or(0).to_string(), "name": kind.row.name() }))
            .collect();
        row.insert("tickettypes".into(), pairs.into());
    }
    wire(&row)
}

/// `GET /api/Tabs/{id}`.
pub(super) fn get(state: &State, id: i64, query: &Query) -> Answer {
    let details = query.flag("includedetails")?;
    let tab = state.tabs.get(position(state, id)?).ok_or_else(|| Reply::empty(404))?;
    Ok(Reply::json(200, &if details { detailed(state, tab) } else { tab.wire() }))
}

/// What the table's columns hold.
fn check(state: &mut State, tab: &Object) -> Result<(), Reply> {
    if tab.name().trim().is_empty() {
        return Err(state.refuse("Name must not be blank"));
    }
    tab.fits("TABNAME", &[("url", "tnurl", 1000), ("icon", "TNicon", 50), ("name", "TNName", 4000)])?;
    let table = tab.int("tableid").unwrap_or(0);
    if !((0..=9).contains(&table) || (1000..2000).contains(&table)) {
        return Err(ErrorForm::Exception.refuse("Invalid Data Type"));
    }
    Ok(())
}

/// `POST /api/Tabs`. The server picks the id; a known `guid` updates that row.
pub(super) fn post(state: &mut State, body: Body<'_>) -> Answer {
    let mut stored = Vec::new();
    for (index, mut members) in body.rows(&SHAPE)?.into_iter().enumerate() {
        let kinds = nested(&KEY_PAIR, &members, index, "tickettypes")?;
        members.remove("tickettypes");
        let id = members.remove("id").and_then(|id| id.as_i64()).filter(|id| *id > 0);
        let guid = members.get("guid").and_then(Value::as_str).map(str::to_owned);
        let twin = guid.and_then(|guid| state.tabs.iter().position(|tab| tab.text("guid").eq_ignore_ascii_case(&guid)));
        let at = match (twin, id) {
            (Some(at), _) => Some(at),
            (None, Some(id)) => Some(position(state, id)?),
            (None, None) => None,
        };
        let mut tab = match at.and_then(|at| state.tabs.get(at)) {
            Some(tab) => tab.clone(),
            None => {
                let fresh = json!({
                    "id": next_id(&state.tabs), "guid": state.random.guid(), "tableid": 0, "type": 0, "sequence": 0, "columns": 1,
                    "linked_dashboard_id": -1, "open_in_new_tab": false, "send_secure_url_parameter": false, "module_id": 0
                });
                Object { made_by_api: true, ..Object::new(fresh) }
            }
        };
        if let Some(secret) = members.remove("new_iframe_secret") {
            tab.write_only.insert("new_iframe_secret".into(), secret);
        }
        tab.members.extend(members);
        if state.has(Fault::IframeIsTypeTwo) && tab.int("type") != Some(2) {
            tab.members.remove("url");
        }
        check(state, &tab)?;
        if let (true, Some(kinds)) = (has_tab_side_links(state), kinds) {
            link_from_tab(state, tab.int("id").unwrap_or(0), &kinds);
        }
        stored.push(detailed(state, &tab));
        match at.and_then(|at| state.tabs.get_mut(at)) {
            Some(place) => *place = tab,
            None => state.tabs.push(tab),
        }
    }
    Ok(state.created(stored))
}

/// The newest versions let the tab itself name its ticket types; its list replaces the stored one.
fn link_from_tab(state: &mut State, tab: i64, wanted: &[Row]) {
    let wanted: Vec<i64> = wanted.iter().filter_map(|pair| pair.get("id")?.as_str()?.trim().parse().ok()).collect();
    let mut id = super::ticket_types::next_link_id(state);
    for kind in &mut state.ticket_types {
        let named = kind.row.int("id").is_some_and(|id| wanted.contains(&id));
        let linked = kind.links.iter().any(|link| link.iframetab_id == tab);
        if named && !linked {
            kind.links.push(TabLink { id, iframetab_id: tab });
            id += 1;
        } else if !named && linked {
            kind.links.retain(|link| link.iframetab_id != tab);
        }
    }
}

/// `DELETE /api/Tabs/{id}`.
pub(super) fn delete(state: &mut State, id: i64) -> Answer {
    let at = position(state, id)?;
    let linked = state.ticket_types.iter().any(|kind| kind.links.iter().any(|link| link.iframetab_id == id));
    if linked && (state.behaviour.linked_tab_cannot_be_deleted || state.has(Fault::LinkedTabStays)) {
        return Err(state.refuse("This Custom Tab is in use by one or more $#request Types and cannot be deleted."));
    }
    let tab = state.tabs.remove(at);
    if state.behaviour.deleting_tab_clears_links && !state.has(Fault::LinksOutliveTheTab) {
        for kind in &mut state.ticket_types {
            kind.links.retain(|link| link.iframetab_id != id);
        }
    }
    Ok(state.deleted(&tab.wire()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::tester;
    use super::*;

    fn pod() -> Value {
        json!({ "name": "Pia Chat Pod", "tableid": 1, "type": 1, "sequence": 10, "columns": 1, "icon": "comments",
                "url": "https://pia.example/pod?ticket=$FAULTID", "new_iframe_secret": "hunter2" })
    }

    #[tokio::test]
    async fn tab_gets_next_id_and_can_be_read_changed_and_deleted() {
        let tester = tester().await;
        let (status, made) = tester.post("/api/Tabs", &json!([pod()])).await;
        assert_eq!((status, &made["id"], &made["type"]), (201, &json!(16), &json!(1)), "{made}");
        assert!(made.get("new_iframe_secret").is_none() && made["guid"].is_string());
        let (_, list) = tester.get("/api/tabs?type=1&typeid=3&pageinate=true&page_size=1").await;
        assert_eq!(list.as_array().unwrap().len(), 3, "nothing narrows the list");
        assert!(list[1].get("url").is_none(), "a null url is left out");
        let (_, changed) = tester.post("/api/Tabs", &json!([{ "id": 16, "sequence": 3 }])).await;
        assert_eq!((&changed["sequence"], &changed["url"]), (&json!(3), &made["url"]));
        assert_eq!(tester.delete("/api/Tabs/16").await, (200, Value::Null));
        assert_eq!(tester.get("/api/Tabs/16").await, (404, Value::Null));
        assert_eq!(tester.delete("/api/Tabs/16").await, (404, Value::Null));
        assert_eq!(tester.post("/api/Tabs", &json!([{ "id": 16, "sequence": 3 }])).await, (404, Value::Null));
    }

    #[tokio::test]
    async fn retry_makes_second_tab_and_known_guid_changes_first() {
        let tester = tester().await;
        let (_, one) = tester.post("/api/Tabs", &json!([pod()])).await;
        let (_, two) = tester.post("/api/Tabs", &json!([pod()])).await;
        assert_ne!(one["id"], two["id"]);
        let (_, again) = tester.post("/api/Tabs", &json!([{ "guid": one["guid"], "name": "Taken over" }])).await;
        assert_eq!((&again["id"], &again["name"]), (&one["id"], &json!("Taken over")));
        assert_eq!(tester.halo.look(|state| state.tabs.len()), 4);
    }

    #[tokio::test]
    async fn columns_have_their_limits_and_tables_their_numbers() {
        let tester = tester().await;
        let refused = async |member: &str, value: Value| {
            let mut tab = pod();
            tab[member] = value;
            let (status, body) = tester.post("/api/Tabs", &json!([tab])).await;
            assert_eq!(status, 400, "{member}");
            body
        };
        assert!(refused("url", json!("x".repeat(1001))).await["Message"].as_str().unwrap().contains("tnurl"));
        refused("icon", json!("x".repeat(51))).await;
        refused("name", json!(" ")).await;
        assert_eq!(refused("tableid", json!(77)).await["Message"], "Invalid Data Type");
        refused("sequence", json!("ten")).await;
        refused("open_in_new_tab", json!("true")).await;
        assert_eq!(tester.halo.look(|state| state.tabs.len()), 2);
    }

    #[tokio::test]
    async fn deleting_tab_clears_its_links_or_leaves_them_or_is_refused() {
        let tester = tester().await;
        let links = || tester.halo.look(|state| state.ticket_types.iter().map(|kind| kind.links.len()).sum::<usize>());
        assert_eq!(links(), 3);
        tester.halo.change(|state| state.behaviour.linked_tab_cannot_be_deleted = true);
        assert_eq!(tester.delete("/api/Tabs/15").await.0, 400);
        tester.halo.change(|state| state.behaviour.linked_tab_cannot_be_deleted = false);
        assert_eq!(tester.delete("/api/Tabs/15").await.0, 200);
        assert_eq!(links(), 2);
        tester.halo.change(|state| state.behaviour.deleting_tab_clears_links = false);
        assert_eq!(tester.delete("/api/Tabs/14").await.0, 200);
        assert_eq!(links(), 2);
        let (_, kind) = tester.get("/api/TicketType/1?includedetails=true").await;
        assert!(kind["allowed_iframe_customtabs"][0].get("iframetab_name").is_none());
    }

    #[tokio::test]
    async fn number_of_iframe_and_what_becomes_of_links_are_switches() {
        let tester = tester().await;
        tester.halo.set_fault(Fault::IframeIsTypeTwo, true);
        assert_eq!(tester.get("/api/Tabs/14").await.1["type"], 2, "what has an address says what an iframe is");
        let (_, made) = tester.post("/api/Tabs", &json!([pod()])).await;
        assert!(made.get("url").is_none(), "a tab of another kind keeps no address");
        let (_, made) =
            tester.post("/api/Tabs", &json!([{ "name": "Pod", "type": 2, "url": "https://x.example/" }])).await;
        assert_eq!(made["url"], "https://x.example/");
        tester.halo.set_fault(Fault::LinkedTabStays, true);
        assert_eq!(tester.delete("/api/Tabs/15").await.0, 400);
        tester.halo.set_fault(Fault::LinkedTabStays, false);
        tester.halo.set_fault(Fault::LinksOutliveTheTab, true);
        assert_eq!(tester.delete("/api/Tabs/15").await.0, 200);
        let links = tester.halo.look(|state| state.ticket_types.iter().map(|kind| kind.links.len()).sum::<usize>());
        assert_eq!(links, 3);
    }

    #[tokio::test]
    async fn newer_versions_link_from_tab_s_side() {
        let tester = tester().await;
        let mut tab = pod();
        tab["tickettypes"] = json!([{ "id": "2", "name": "Change Request" }, { "id": "4" }]);
        let (_, made) = tester.post("/api/Tabs", &json!([tab])).await;
        let linked = || {
            tester.halo.look(|state| {
                state.ticket_types.iter().filter(|kind| kind.links.iter().any(|link| link.iframetab_id == 16)).count()
            })
        };
        assert!(made.get("tickettypes").is_none() && linked() == 0, "older versions neither show nor honour it");
        tester.halo.change(|state| state.behaviour.tab_side_links = true);
        tab["id"] = json!(16);
        let (_, made) = tester.post("/api/Tabs", &json!([tab])).await;
        assert_eq!((linked(), &made["tickettypes"][0]["id"]), (2, &json!("2")));
        tester.post("/api/Tabs", &json!([{ "id": 16, "tickettypes": [{ "id": "4" }] }])).await;
        assert_eq!(linked(), 1);
        assert!(tester.get("/api/Tabs/16").await.1.get("tickettypes").is_none());
        assert_eq!(
            tester.get("/api/Tabs/16?includedetails=true").await.1["tickettypes"],
            json!([{ "id": "4", "name": "Problem" }])
        );
    }
}
