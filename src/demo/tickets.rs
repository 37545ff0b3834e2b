//! `/api/Tickets` and `/api/Actions`: what stands on a board, a ticket's way to another team and agent, and its notes.

use super::body::{Body, Kind, Shape};
use super::callbacks::{CLOSED_STATUS, CREATED};
use super::faults::Fault;
use super::paging::{Paging, unstable_by};
use super::query::Query;
use super::reply::{Answer, Reply, Row, wire};
use super::state::{Object, State, next_id};
use serde_json::{Value, json};

const SHAPE: Shape = Shape {
    entity: "NHAPI.DataTransferObjects.Faults",
    members: &[
        ("id", Kind::Id),
        ("summary", Kind::Text),
        ("details", Kind::Text),
        ("client_id", Kind::Int),
        ("site_id", Kind::Int),
        ("user_id", Kind::Int),
        ("tickettype_id", Kind::Int),
        ("status_id", Kind::Int),
        ("priority_id", Kind::Int),
        ("team", Kind::Text),
        ("agent_id", Kind::Int),
    ],
};

const ACTION: Shape = Shape {
    entity: "NHAPI.DataTransferObjects.Actions",
    members: &[
        ("id", Kind::Id),
        ("ticket_id", Kind::Int),
        ("outcome", Kind::Text),
        ("outcome_id", Kind::Int),
        ("note", Kind::Text),
        ("hiddenfromuser", Kind::Bool),
        ("important", Kind::Bool),
        ("sendemail", Kind::Bool),
    ],
};

/// What a support log quotes. Halo does not fill in the placeholder.
const NOT_REASSIGNED: &str = "Unable to re-assign. The Agent or Team was not found or did not have access to the \
                              $#request Type or Client.";

/// The team of a ticket that was given to none.
const FIRST_LINE: &str = "1st Line Support";

/// The action by which Halo tells that a rule has changed a ticket.
fn rule_applied(ticket: Option<i64>) -> Value {
    json!({
        "ticket_id": ticket, "id": 3, "outcome": "Rule Applied", "who": "System", "who_type": 0, "who_agentid": 0,
        "note": "Matched Rules Changed: Add default 1st line support group to new ticket"
    })
}

fn team<'a>(state: &'a State, name: &str) -> Option<&'a Object> {
    state.teams.iter().find(|team| team.name().eq_ignore_ascii_case(name))
}

/// A restricted agent sees the tickets of its clients and of its teams.
fn seen(state: &State, ticket: &Object) -> bool {
    if !state.has(Fault::RestrictedAgent) {
        return true;
    }
    let client = ticket.int("client_id");
    state.clients.iter().any(|known| known.allowed && Some(known.id) == client)
        && team(state, ticket.text("team")).is_none_or(|team| !team.hidden_from_restricted)
}

/// A ticket by its ids: names were asked for and did not come on the tenants on record.
fn row(state: &State, ticket: &Object) -> Value {
    let mut row = state.told(ticket);
    if state.has(Fault::TeamsAsIds) {
        let id = row.get("team_id").cloned().unwrap_or_default();
        row.insert("team".into(), id);
    }
    wire(&row)
}

/// A ticket that is read by its id or was just written: its type, priority and user are objects, with ids as floats
/// here and there.
fn detailed(state: &State, ticket: &Object) -> Value {
    let mut value = row(state, ticket);
    let Some(row) = value.as_object_mut() else { return value };
    if let Some(kind) = state.ticket_types.iter().find(|kind| kind.row.int("id") == ticket.int("tickettype_id")) {
        let mut nested = kind.row.members.clone();
        nested.insert("use".into(), "tickets".into());
        row.insert("tickettype".into(), nested.into());
    }
    let priority = ticket.int("priority_id");
    row.insert("priority".into(), json!({ "id": "76e4b18d-d5e0-f111-8a68-b01041c8667a", "priorityid": priority, "name": "Medium", "fixtime": 5.0 }));
    let user = ticket.int("user_id").unwrap_or(38);
    let site = ticket.int("site_id").unwrap_or(18);
    row.insert(
        "user".into(),
        json!({
            "id": user, "name": ticket.text("user_name"), "site_id": site as f64, "inactive": false, "use": "user",
            "site": { "id": site, "name": "Main", "client_id": ticket.int("client_id").unwrap_or(0) as f64, "upwho": 3.0 }
        }),
    );
    value
}

/// `GET /api/Tickets`: an envelope. Whether a filter by the team's name filters is a switch; `tickettype_id` and
/// everything misspelt are none.
pub(super) fn list(state: &mut State, query: &Query) -> Answer {
    let paging = Paging::read(query)?;
    let open_only = query.flag("open_only")?;
    let descending = query.flag("orderdesc")?;
    let numbers = [
        ("client_id", query.int("client_id")?),
        ("status_id", query.int("status_id")?),
        ("agent_id", query.int("agent_id")?),
        ("tickettype_id", query.int("requesttype_id")?),
    ];
    let board = query.text("team_name").filter(|_| state.behaviour.tickets_filtered_by_team).map(str::to_lowercase);
    let ordered = query.text("order").is_some_and(|order| order.eq_ignore_ascii_case("id"));
    let mut found: Vec<&Object> = state
        .tickets
        .iter()
        .filter(|ticket| !open_only || ticket.int("status_id") != Some(CLOSED_STATUS))
        .filter(|ticket| numbers.iter().all(|(member, wanted)| wanted.is_none() || ticket.int(member) == *wanted))
        .filter(|ticket| board.as_ref().is_none_or(|board| ticket.text("team").to_lowercase() == *board))
        .filter(|ticket| seen(state, ticket))
        .collect();
    found.sort_by_key(|ticket| ticket.int("id"));
    if ordered && descending {
        found.reverse();
    }
    if !ordered {
        found = unstable_by(found, state.seed, paging.page_no(), |ticket| ticket.int("id").unwrap_or(0));
    }
    let rows = found.into_iter().map(|ticket| row(state, ticket)).collect();
    if state.has(Fault::TicketsNotPaged) {
        return Paging::default().page(state, "tickets", rows);
    }
    paging.page(state, "tickets", rows)
}

/// `GET /api/Tickets/{id}`: the agent's name with `includeagent=true`.
pub(super) fn get(state: &State, id: i64, query: &Query) -> Answer {
    let named = query.flag("includeagent")?;
    let ticket = &state.tickets[position(state, id)?];
    let mut value = detailed(state, ticket);
    let agent = state.agents.iter().find(|agent| agent.int("id") == ticket.int("agent_id")).filter(|_| named);
    if let (Some(agent), Some(row)) = (agent, value.as_object_mut()) {
        row.insert("agent_name".into(), agent.name().into());
    }
    Ok(Reply::json(200, &value))
}

fn position(state: &State, id: i64) -> Result<usize, Reply> {
    let found = state.tickets.iter().position(|ticket| ticket.has_id(id) && seen(state, ticket));
    found.ok_or_else(|| Reply::empty(404))
}

/// `POST /api/Tickets`: an element with an id is merged into that ticket, one without makes a ticket.
pub(super) fn post(state: &mut State, body: Body<'_>) -> Answer {
    let mut stored = Vec::new();
    for mut members in body.rows(&SHAPE)? {
        let id = members.remove("id").and_then(|id| id.as_i64()).filter(|id| *id != 0);
        let at = id.map(|id| position(state, id)).transpose()?;
        reassigned(state, &mut members)?;
        let at = match at {
            Some(at) => at,
            None => {
                let made = logged(state, &members)?;
                state.tickets.push(made);
                state.tickets.len() - 1
            }
        };
        let team = state.tickets[at].text("team").to_owned();
        let before = state.tickets[at].members.clone();
        state.tickets[at].members.extend(members);
        if state.has(Fault::TicketsMovedBack) && id.is_some() {
            state.tickets[at].set("team", team);
        }
        if state.has(Fault::RuleApplied) {
            state.tickets[at].set("team", FIRST_LINE);
        }
        let mut reply = detailed(state, &state.tickets[at]);
        if let (true, Some(row)) = (state.has(Fault::RuleApplied), reply.as_object_mut()) {
            row.insert("matched_rule_ids".into(), "45".into());
            row.insert("extra_actions".into(), json!([rule_applied(state.tickets[at].int("id"))]));
        }
        stored.push(reply);
        // Changes made through the API raise events too.
        let number = state.tickets[at].int("id").unwrap_or_default();
        match id {
            None => state.raise(CREATED, number),
            Some(_) => state.raise_changes(number, &before),
        }
    }
    Ok(state.created(stored))
}

/// Whether the team and the agent of a write can be had; the team is stored as it is called.
fn reassigned(state: &mut State, members: &mut Row) -> Result<(), Reply> {
    let restricted = state.has(Fault::RestrictedAgent);
    let known_team = match members.get("team").and_then(Value::as_str) {
        None => Some(None),
        Some(name) => team(state, name)
            .filter(|team| !(team.flag("inactive") || restricted && team.hidden_from_restricted))
            .map(|team| Some(team.name().to_owned())),
    };
    let known_agent = members.get("agent_id").is_none_or(|id| {
        state
            .agents
            .iter()
            .any(|agent| agent.int("id") == id.as_i64() && !agent.flag("isdisabled") && !agent.flag("isapiagent"))
    });
    let moves = members.contains_key("team") || members.contains_key("agent_id");
    let refused = moves && state.has(Fault::ReassignRefused);
    let (Some(name), true, false) = (known_team, known_agent, refused) else {
        return Err(state.refuse(NOT_REASSIGNED));
    };
    if let Some(name) = name {
        members.insert("team".into(), name.into());
    }
    Ok(())
}

/// A ticket that was just logged: `agent_id` 1 is nobody.
fn logged(state: &mut State, members: &Row) -> Result<Object, Reply> {
    let client = members.get("client_id").and_then(Value::as_i64);
    let Some(client) = state.clients.iter().find(|known| Some(known.id) == client) else {
        return Err(state.refuse("Please select a valid Customer"));
    };
    Ok(Object::new(json!({
        "id": next_id(&state.tickets), "client_id": client.id, "client_name": client.name, "tickettype_id": 1, "status_id": 1,
        "priority_id": 3, "team": FIRST_LINE, "agent_id": 1, "estimate": -0.0, "use": "ticket"
    })))
}

/// `GET /api/Actions?ticket_id=`: an envelope, the newest first. It knows `count` and no pages.
pub(super) fn actions(state: &mut State, query: &Query) -> Answer {
    let Some(ticket) = query.int("ticket_id")? else {
        return Err(state.refuse("Parameter ticket_id must be included"));
    };
    let count = query.int("count")?.filter(|count| *count > 0).and_then(|count| usize::try_from(count).ok());
    position(state, ticket)?;
    let of_ticket: Vec<&Object> =
        state.actions.iter().rev().filter(|action| action.int("ticket_id") == Some(ticket)).collect();
    let total = of_ticket.len();
    let rows: Vec<Value> = of_ticket.into_iter().take(count.unwrap_or(total)).map(Object::wire).collect();
    Ok(Reply::json(200, &json!({ "record_count": total, "ticket_id": ticket, "actions": rows })))
}

/// `GET /api/Actions/{id}?ticket_id=`: actions are counted for each ticket, so the id alone names none.
pub(super) fn action(state: &State, id: i64, query: &Query) -> Answer {
    let ticket = query.int("ticket_id")?;
    let found = state.actions.iter().find(|action| action.has_id(id) && action.int("ticket_id") == ticket);
    let found = found.filter(|_| ticket.is_some_and(|ticket| position(state, ticket).is_ok()));
    Ok(Reply::json(200, &found.ok_or_else(|| Reply::empty(404))?.wire()))
}

/// `GET /api/Outcome`: the actions that an administrator has set up; two that come with every Halo.
pub(super) fn outcomes() -> Reply {
    let row = |id: i64, name: &str| json!({ "id": id, "outcome": name, "buttonname": name });
    Reply::json(200, &json!([row(1, "Email User"), row(7, "Private Note")]))
}

/// `POST /api/Actions`: a note, a mail, whatever is done on a ticket.
pub(super) fn post_action(state: &mut State, body: Body<'_>) -> Answer {
    let mut stored = Vec::new();
    for mut members in body.rows(&ACTION)? {
        let Some(ticket) = members.get("ticket_id").and_then(Value::as_i64) else {
            return Err(state.refuse("Ticket ID must be specified"));
        };
        position(state, ticket)?;
        if state.has(Fault::ActionRefused) {
            return Err(state.refuse("You do not have access to this Action at the moment"));
        }
        let of_ticket = state.actions.iter().filter(|action| action.int("ticket_id") == Some(ticket));
        let last = of_ticket.filter_map(|action| action.int("id")).max().unwrap_or(0);
        members.insert("id".into(), (last + 1).into());
        members.insert("who".into(), "Pia".into());
        let made = Object::new(Value::Object(members));
        stored.push(made.wire());
        state.actions.push(made);
    }
    Ok(state.created(stored))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Tester, tester, tester_of};
    use super::super::{Fault, Options};
    use super::*;

    const TICKET: &str = "/api/Tickets/33470";

    async fn moved(tester: &Tester, element: Value) -> (u16, Value) {
        tester.post("/api/Tickets", &json!([element])).await
    }

    fn ids(body: &Value) -> Vec<i64> {
        body["tickets"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
    }

    #[tokio::test]
    async fn list_is_ordered_and_filtered_only_by_what_halo_knows() {
        let tester = tester().await;
        tester.halo.change(|state| state.tickets[3].set("status_id", CLOSED_STATUS));
        let all = "/api/Tickets?pageinate=true&page_no=1&page_size=100&order=id&orderdesc=true";
        let (_, body) = tester.get(all).await;
        assert_eq!((ids(&body).len(), ids(&body)[0]), (12, 33_481));
        assert_eq!(ids(&tester.get(&format!("{all}&open_only=true")).await.1).len(), 11);
        for ignored in ["tickettype_id=99", "assigned_to=37", "team_name=Pia", "teamname=Pia"] {
            assert_eq!(ids(&tester.get(&format!("{all}&{ignored}")).await.1).len(), 12, "{ignored}");
        }
        assert_eq!(ids(&tester.get(&format!("{all}&requesttype_id=99")).await.1), [] as [i64; 0]);
        tester.halo.change(|state| state.behaviour.tickets_filtered_by_team = true);
        let (_, board) = tester.get(&format!("{all}&team_name=pia")).await;
        assert!(!ids(&board).is_empty() && ids(&board).len() < 12);
        assert!(board["tickets"].as_array().unwrap().iter().all(|row| row["team"] == "Pia"));
        tester.halo.set_fault(Fault::TicketsNotPaged, true);
        assert_eq!(ids(&tester.get("/api/Tickets?pageinate=true&page_no=2&page_size=5&order=id").await.1).len(), 12);
    }

    #[tokio::test]
    async fn names_are_left_out_even_where_they_are_asked_for() {
        let tester = tester().await;
        let nameless = |row: &Value| {
            ["status_name", "tickettype_name"].iter().all(|name| row.get(name).is_none()) && row["agent_id"] == 1
        };
        let (_, bare) = tester.get(&format!("{TICKET}?includedetails=true")).await;
        assert!(nameless(&bare) && bare.get("agent_name").is_none(), "{bare}");
        assert_eq!((&bare["tickettype"]["name"], &bare["team_id"]), (&json!("Incident"), &json!(8)));
        let (_, named) = tester.get(&format!("{TICKET}?includedetails=true&includeagent=true")).await;
        assert!(nameless(&named) && named["agent_name"] == "Unassigned", "{named}");
        let all = "/api/Tickets?includeagent=true&includestatus=true&includetickettype=true";
        let (_, list) = tester.get(all).await;
        let rows = list["tickets"].as_array().unwrap();
        assert!(rows.iter().all(|row| row.get("agent_name").is_none() && row.get("status_name").is_none()), "{list}");
        assert!(rows.iter().all(|row| row.get("tickettype_name").is_none() && row["team_id"].is_i64()), "{list}");
        tester.halo.set_fault(Fault::TeamsAsIds, true);
        let (_, by_id) = tester.get(TICKET).await;
        assert!(by_id["team"] == 8 || by_id["team"] == 3, "{by_id}");
    }

    #[tokio::test]
    async fn write_merges_and_goes_only_where_agent_may() {
        let tester = tester().await;
        let (_, before) = tester.get(TICKET).await;
        let (status, reply) = moved(&tester, json!({ "id": 33470, "team": "pia escalations", "agent_id": 7 })).await;
        assert_eq!((status, &reply["team"], &reply["agent_id"]), (201, &json!("Pia Escalations"), &json!(7)));
        let (_, after) = tester.get(TICKET).await;
        assert_eq!((&after["summary"], &after["team"]), (&before["summary"], &json!("Pia Escalations")));
        let snapshot = tester.halo.snapshot();
        for element in [
            json!({ "id": 33470, "team": "Nowhere" }),
            json!({ "id": 33470, "team": "Old Night Shift" }),
            json!({ "id": 33470, "agent_id": 0 }),
            json!({ "id": 33470, "agent_id": 15 }),
        ] {
            assert_eq!(moved(&tester, element.clone()).await, (400, json!(NOT_REASSIGNED)), "{element}");
        }
        assert_eq!(moved(&tester, json!({ "id": 1 })).await, (404, Value::Null));
        assert_eq!(moved(&tester, json!({ "id": 33470, "agent_id": "seven" })).await.0, 400);
        tester.halo.set_fault(Fault::ReassignRefused, true);
        assert_eq!(moved(&tester, json!({ "id": 33470, "team": "Pia" })).await.1, json!(NOT_REASSIGNED));
        tester.halo.set_fault(Fault::ForbiddenTicketWrites, true);
        assert_eq!(moved(&tester, json!({ "id": 33470, "team": "Pia" })).await, (403, Value::Null));
        assert_eq!(tester.get(TICKET).await.0, 200);
        tester.halo.set_fault(Fault::ForbiddenTickets, true);
        assert_eq!(tester.get(TICKET).await, (403, Value::Null));
        assert_eq!(tester.halo.snapshot(), snapshot);
    }

    #[tokio::test]
    async fn rule_can_move_ticket_back_and_success_be_none() {
        let tester = tester().await;
        let (_, before) = tester.get(TICKET).await;
        let there = json!({ "id": 33470, "team": "Pia Escalations", "agent_id": 7 });
        tester.halo.set_fault(Fault::AcceptedButNotStored, true);
        assert_eq!(moved(&tester, there.clone()).await.0, 201);
        assert_eq!(tester.get(TICKET).await.1, before);
        tester.halo.set_fault(Fault::AcceptedButNotStored, false);
        tester.halo.set_fault(Fault::TicketsMovedBack, true);
        assert_eq!(moved(&tester, there).await.0, 201);
        let (_, after) = tester.get(TICKET).await;
        assert_eq!((&after["team"], &after["agent_id"]), (&before["team"], &json!(7)));
    }

    #[tokio::test]
    async fn restricted_agent_sees_tickets_of_its_clients_and_teams() {
        let tester = tester_of(Options { clients: 40, ..Options::default() }).await;
        tester.halo.set_fault(Fault::RestrictedAgent, true);
        let (_, body) = tester.get("/api/Tickets").await;
        let rows = body["tickets"].as_array().unwrap();
        assert!(rows.len() < 12 && rows.iter().all(|row| row["team"] != "Pia"), "{body}");
        assert_eq!(body["record_count"], rows.len());
        let hidden = tester.halo.look(|state| {
            let hidden = state.tickets.iter().find(|ticket| ticket.text("team") == "Pia");
            hidden.and_then(|ticket| ticket.int("id")).unwrap()
        });
        assert_eq!(tester.get(&format!("/api/Tickets/{hidden}")).await, (404, Value::Null));
    }

    #[tokio::test]
    async fn ticket_is_made_for_client_and_belongs_to_nobody() {
        let tester = tester().await;
        let (status, made) = moved(&tester, json!({ "summary": "New", "client_id": 1 })).await;
        assert_eq!((status, &made["id"], &made["agent_id"]), (201, &json!(33_482), &json!(1)));
        assert_eq!(tester.get("/api/Tickets/33482").await.1["summary"], "New");
        assert_eq!(moved(&tester, json!({ "summary": "New" })).await.0, 400);
    }

    #[tokio::test]
    async fn notes_are_counted_for_each_ticket() {
        let tester = tester().await;
        let note = |ticket: i64, text: &str| json!([{ "ticket_id": ticket, "note": text, "hiddenfromuser": true }]);
        assert_eq!(tester.post("/api/Actions", &note(33470, "one")).await.1["id"], 1);
        assert_eq!(tester.post("/api/Actions", &note(33471, "other")).await.1["id"], 1);
        assert_eq!(tester.post("/api/Actions", &note(33470, "two")).await.1["id"], 2);
        let (_, body) = tester.get("/api/Actions?ticket_id=33470").await;
        assert_eq!(body["record_count"], 2);
        assert_eq!((&body["actions"][0]["note"], &body["actions"][1]["note"]), (&json!("two"), &json!("one")));
        assert_eq!(tester.get("/api/Actions/1?ticket_id=33471").await.1["note"], "other");
        assert_eq!(tester.get("/api/Actions/2?ticket_id=33471").await.0, 404);
        assert_eq!(tester.get("/api/Actions/1").await.0, 404);
        assert_eq!(tester.get("/api/Actions").await.0, 400);
        assert_eq!(tester.post("/api/Actions", &json!([{ "note": "x" }])).await.0, 400);
        assert_eq!(tester.post("/api/Actions", &note(1, "x")).await.0, 404);
        tester.halo.set_fault(Fault::ActionRefused, true);
        let refused = tester.post("/api/Actions", &note(33470, "x")).await;
        assert_eq!(refused, (400, json!("You do not have access to this Action at the moment")));
    }

    #[tokio::test]
    async fn rule_moves_ticket_within_write_and_says_so() {
        let tester = tester().await;
        tester.halo.set_fault(Fault::RuleApplied, true);
        let (status, reply) = moved(&tester, json!({ "id": 33470, "team": "Pia Escalations" })).await;
        assert_eq!((status, &reply["team"], &reply["team_id"]), (201, &json!(FIRST_LINE), &json!(3)));
        assert_eq!(reply["extra_actions"][0]["outcome"], "Rule Applied");
        assert_eq!(tester.get(TICKET).await.1["team"], FIRST_LINE);
    }

    #[tokio::test]
    async fn several_statuses_end_ticket_and_filter_knows_one() {
        let tester = tester().await;
        tester.halo.change(|state| {
            state.tickets[0].set("status_id", 13);
            state.tickets[1].set("status_id", CLOSED_STATUS);
        });
        let open = ids(&tester.get("/api/Tickets?open_only=true&count=100").await.1);
        assert!(open.contains(&33470) && !open.contains(&33471));
        assert_eq!(tester.get(TICKET).await.1["hasbeenclosed"], true);
        let statuses = async |query: &str| tester.get(&format!("/api/Status{query}")).await.1.as_array().unwrap().len();
        assert_eq!((statuses("").await, statuses("?excludeclosed=true").await), (11, 8));
        tester.halo.set_fault(Fault::StatusFilterIgnored, true);
        assert_eq!(statuses("?excludeclosed=true").await, 11);
    }
}
