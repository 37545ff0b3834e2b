//! The lists that a set-up tool reads besides the clients: agents, teams, statuses, contacts, sites, look-ups.

use super::callbacks::is_final;
use super::faults::Fault;
use super::paging::Paging;
use super::query::Query;
use super::reply::{Answer, Reply};
use super::state::{Object, State};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::LazyLock;

fn seen(state: &State, row: &Object) -> bool {
    !(row.hidden_from_restricted && state.has(Fault::RestrictedAgent))
}

fn by_id(state: &State, rows: &[Object], id: i64) -> Answer {
    let row = rows.iter().find(|row| row.has_id(id) && seen(state, row)).ok_or_else(|| Reply::empty(404))?;
    Ok(Reply::json(200, &row.wire()))
}

/// `GET /api/Agent`: a bare array, or an object with `results` when `pageinate=true` was sent; paging itself is
/// ignored. Disabled agents, API agents and "Unassigned" come only when asked for.
pub(super) fn agents(state: &State, query: &Query) -> Answer {
    let enabled = query.word("includeenabled").unwrap_or(true);
    let disabled = query.word("includedisabled").unwrap_or(false);
    let unassigned = query.word("includeunassigned").unwrap_or(false);
    let api = query.flag("includeapiagents")? || state.has(Fault::ApiAgentsListed);
    let search = query.text("search").map(str::to_lowercase);
    let rows: Vec<Value> = state
        .agents
        .iter()
        .filter(|agent| if agent.flag("isdisabled") { disabled } else { enabled })
        .filter(|agent| unassigned || !agent.has_id(1))
        .filter(|agent| api || !agent.flag("isapiagent"))
        .filter(|agent| search.as_ref().is_none_or(|text| agent.name().to_lowercase().contains(text.as_str())))
        .map(|agent| agent.wire())
        .collect();
    let reply = if query.flag("pageinate")? {
        query.int("page_no")?;
        query.int("page_size")?;
        json!({ "record_count": rows.len(), "results": rows })
    } else {
        Value::Array(rows)
    };
    Ok(Reply::json(200, &reply))
}

/// `GET /api/Agent/{id}`.
pub(super) fn agent(state: &State, id: i64) -> Answer {
    by_id(state, &state.agents, id)
}

/// What every agent has: the beginning of its object, without an end.
fn megabytes() -> String {
    let mut text = String::from("{");
    // Where the megabytes are is not on record; not in the claims.
    for (member, rows) in [("claims", 108), ("screenlayout", 27_400)] {
        let _ = write!(text, "\"{member}\":[");
        for number in 0..rows {
            let comma = if number == 0 { "" } else { "," };
            let _ = write!(
                text,
                "{comma}{{\"type\":\"permission_{number}\",\"value\":\"0000000000000000000000000000000000000\"}}"
            );
        }
        text.push_str("],");
    }
    text.push_str("\"new_access_token\":\"\"");
    text
}

/// `GET /api/Agent/me`: 2.1 MB on a production tenant, `claims` first.
pub(super) fn me(state: &State) -> Answer {
    if state.has(Fault::AgentUnknown) {
        return Err(Reply::empty(401));
    }
    static MEGABYTES: LazyLock<String> = LazyLock::new(megabytes);
    let mut text = MEGABYTES.clone();
    if let Some(Value::Object(mut agent)) = state.agents.iter().find(|agent| agent.flag("isapiagent")).map(Object::wire)
    {
        let closed = [
            Fault::ForbiddenWrites,
            Fault::ForbiddenWebhookWrites,
            Fault::ForbiddenTabWrites,
            Fault::ForbiddenTicketTypeWrites,
        ];
        if closed.into_iter().any(|fault| state.has(fault)) {
            agent.insert("is_admin".into(), false.into());
        }
        if state.has(Fault::RestrictedAgent) {
            let allowed = state.clients.iter().filter(|client| client.allowed).take(3);
            let rows: Vec<Value> =
                allowed.map(|client| json!({ "id": client.id, "client_name": client.name })).collect();
            agent.insert("clients".into(), rows.into());
        }
        for (member, value) in &agent {
            let _ = write!(text, ",{}:{value}", Value::from(member.as_str()));
        }
    }
    text.push('}');
    Ok(Reply::raw_json(200, text))
}

/// `GET /api/Team`: a bare array, paging ignored; inactive ones only with `showall` or `includedisabled`.
pub(super) fn teams(state: &State, query: &Query) -> Answer {
    let all = query.flag("showall")? || query.word("includedisabled").unwrap_or(false);
    let rows = state.teams.iter().filter(|team| all || !team.flag("inactive")).filter(|team| seen(state, team));
    Ok(Reply::json(200, &rows.map(|team| team.wire()).collect()))
}

/// `GET /api/Team/{id}`.
pub(super) fn team(state: &State, id: i64) -> Answer {
    by_id(state, &state.teams, id)
}

/// `GET /api/Status`: a bare array; `excludeclosed` leaves out those that end a ticket.
pub(super) fn statuses(state: &State, query: &Query) -> Answer {
    let open = query.flag("excludeclosed")? && !state.has(Fault::StatusFilterIgnored);
    let rows = state.statuses.iter().filter(|row| !(open && row.int("id").is_some_and(is_final)));
    Ok(Reply::json(200, &rows.map(|row| row.wire()).collect()))
}

/// `GET /api/Users` and `GET /api/Site`: an envelope with the list's own name, restricted like the
/// clients that the rows belong to.
pub(super) fn enveloped(state: &mut State, query: &Query, name: &str) -> Answer {
    let paging = Paging::read(query)?;
    let client = query.int("client_id")?;
    let with_inactive = query.flag("includeinactive")?;
    let restricted = state.has(Fault::RestrictedAgent);
    let rows = match name {
        "users" => &state.users,
        _ => &state.sites,
    };
    let allowed = |row: &Object| {
        !restricted || state.clients.iter().any(|client| client.allowed && row.int("client_id") == Some(client.id))
    };
    let rows: Vec<Value> = rows
        .iter()
        .filter(|row| with_inactive || !row.flag("inactive"))
        .filter(|row| client.is_none_or(|id| row.int("client_id") == Some(id)))
        .filter(|row| allowed(row))
        .map(|row| row.wire())
        .collect();
    paging.page(state, name, rows)
}

/// `GET /api/Lookup?lookupid=N`: a bare array; 64 is the event catalogue.
pub(super) fn lookup(state: &mut State, query: &Query) -> Answer {
    match query.int("lookupid")? {
        None => Err(state.refuse("Parameter lookupid must be included")),
        Some(64) => Ok(Reply::json(200, &state.event_catalogue.iter().map(Object::wire).collect())),
        Some(_) => Ok(Reply::json(200, &json!([]))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Fault;
    use super::super::testing::tester;
    use super::*;

    fn names(body: &Value) -> Vec<&str> {
        body.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
    }

    #[tokio::test]
    async fn agents_are_bare_array_or_results_and_paging_is_ignored() {
        let tester = tester().await;
        let (_, plain) = tester.get("/api/Agent").await;
        assert!(names(&plain).contains(&"Dana Scully"));
        for absent in ["Unassigned", "Pia", "Walter Skinner"] {
            assert!(!names(&plain).contains(&absent), "{absent}");
        }
        let (_, all) = tester.get("/api/agent?includeunassigned=true&includeapiagents=true&includedisabled=true").await;
        assert_eq!(names(&all).len(), 10);
        assert_eq!((&all[0]["id"], all[0]["name"].as_str()), (&json!(1), Some("Unassigned")));
        let (_, paged) = tester.get("/api/Agent?pageinate=true&page_no=1&page_size=1").await;
        assert_eq!(paged["results"].as_array().unwrap().len(), names(&plain).len());
        assert_eq!(tester.get("/api/Agent/7").await.1["name"], "Dana Scully");
    }

    #[tokio::test]
    async fn agent_me_is_huge() {
        let tester = tester().await;
        let text = tester.request("GET", "/api/Agent/me").send().await.unwrap().text().await.unwrap();
        assert!(text.len() > 2_000_000 && text.starts_with("{\"claims\":["));
        let agent: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&agent["name"], agent["claims"].as_array().unwrap().len()), (&json!("Pia"), 108));
    }

    #[tokio::test]
    async fn teams_are_boards_and_restricted_agent_sees_fewer() {
        let tester = tester().await;
        let (_, teams) = tester.get("/api/Team").await;
        for name in ["Pia", "Pia Escalations", "1st Line Support"] {
            assert!(names(&teams).contains(&name));
        }
        let (_, all) = tester.get("/api/Team?showall=true").await;
        assert_eq!(names(&all).len(), names(&teams).len() + 1);
        tester.halo.set_fault(Fault::RestrictedAgent, true);
        let (_, fewer) = tester.get("/api/Team").await;
        assert!(names(&fewer).len() < names(&teams).len() && !names(&fewer).contains(&"Pia"));
    }

    #[tokio::test]
    async fn every_list_has_its_own_envelope() {
        let tester = tester().await;
        assert_eq!(names(&tester.get("/api/Status").await.1)[0], "New");
        for (path, name) in [("/api/Users", "users"), ("/api/Site", "sites"), ("/api/Tickets", "tickets")] {
            let (status, body) = tester.get(path).await;
            assert_eq!(status, 200);
            assert_eq!(
                body.as_object().unwrap().keys().filter(|key| *key == name || *key == "record_count").count(),
                2
            );
        }
        let (_, page) = tester.get("/api/Users?pageinate=true&page_no=2&page_size=150").await;
        assert_eq!((page["users"].as_array().unwrap().len(), &page["record_count"]), (100, &json!(200)));
        let (_, info) = tester.get("/api/InstanceInfo").await;
        assert_eq!((&info["app_version"], &info["agent_url"]), (&json!("2.196.1"), &json!(tester.halo.url())));
        assert!(info["tenant_id"].is_string() && info["hosted_group"].is_string() && info["teams_chat_profile"] == "");
        assert_eq!(tester.get("/api/tickets/33470").await.1["estimate"].to_string(), "-0.0");
    }

    #[tokio::test]
    async fn pairs_are_lists_and_their_texts_are_json() {
        let tester = tester().await;
        let (_, client) = tester.get("/api/Client/1?includedetails=true").await;
        let (_, kinds) = tester.get("/api/TicketType").await;
        for (row, member) in [(&client, "customer_relationship"), (&kinds[0], "kanbanstatuschoice")] {
            let text = row[format!("{member}_list")].as_str().unwrap();
            assert!(row[member].is_array() && serde_json::from_str::<Vec<Value>>(text).is_ok(), "{member}: {row}");
        }
        assert!(kinds[0]["kanbanstatuschoice"][0]["id"].is_string());
    }

    #[tokio::test]
    async fn lookup_64_is_event_catalogue() {
        let tester = tester().await;
        let (_, rows) = tester.get("/api/Lookup?lookupid=64").await;
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), 205);
        assert!(rows.contains(&json!({ "id": 3, "name": "New $#request Logged - All" })));
        assert_eq!(tester.get("/api/Lookup?lookupid=65").await.1, json!([]));
        assert_eq!(tester.get("/api/Lookup").await, (400, json!("Parameter lookupid must be included")));
    }
}
