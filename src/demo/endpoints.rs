//! The gates of login and rights, and the table of endpoints.

use super::body::Body;
use super::faults::Fault;
use super::reply::{Answer, Reply, invalid_value, login_page};
use super::request::{Place, Received};
use super::state::State;
use super::token::{self, Subject, TokenRequest, allows};
use super::{clients, deliveries, lists, notifications, tabs, ticket_types, tickets, webhooks};

/// Does what the request asks for, without any hazard around it.
pub(super) fn carried_out(state: &mut State, request: &Received) -> Reply {
    let answer = match request.place(state) {
        Place::Page => Ok(login_page()),
        Place::AuthInfo if request.method == "GET" => Ok(token::auth_info(state)),
        Place::Metadata if request.method == "GET" => Ok(token::metadata(state)),
        Place::AuthInfo | Place::Metadata => Err(Reply::empty(405)),
        Place::Token => {
            let details = TokenRequest {
                method: &request.method,
                content_type: request.content_type.as_deref(),
                authorization: request.authorization.as_deref(),
                tenant: request.query.text("tenant"),
                body: &request.body,
            };
            token::token(state, &details)
        }
        Place::Api => api(state, request),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

/// The subject of an endpoint, for reading and for writing, and the hazard that forbids it.
fn gate(resource: &str) -> Option<(Subject, Subject, Option<Fault>)> {
    use Subject::{Common, Configuration, Customers, Tickets};
    Some(match resource {
        "client" => (Customers, Customers, Some(Fault::ForbiddenClients)),
        "site" | "users" => (Customers, Customers, None),
        "agent" => (Common, Configuration, Some(Fault::ForbiddenAgents)),
        "team" => (Common, Configuration, Some(Fault::ForbiddenTeams)),
        "tickettype" => (Common, Configuration, Some(Fault::ForbiddenTicketTypes)),
        "status" | "lookup" | "instanceinfo" => (Common, Configuration, None),
        // Actions go with tickets.
        "tickets" | "actions" | "outcome" => (Tickets, Tickets, Some(Fault::ForbiddenTickets)),
        "webhook" | "notification" | "webhookevent" => (Configuration, Configuration, Some(Fault::ForbiddenWebhooks)),
        "tabs" => (Configuration, Configuration, Some(Fault::ForbiddenTabs)),
        _ => return None,
    })
}

/// The hazard that forbids writing to an endpoint that can be read.
fn closed_to_writes(state: &State, resource: &str) -> Option<Fault> {
    let of_resource = match resource {
        "webhook" | "notification" => Some(Fault::ForbiddenWebhookWrites),
        "tabs" => Some(Fault::ForbiddenTabWrites),
        "tickettype" => Some(Fault::ForbiddenTicketTypeWrites),
        "tickets" | "actions" => Some(Fault::ForbiddenTicketWrites),
        _ => None,
    };
    [Some(Fault::ForbiddenWrites), of_resource].into_iter().flatten().find(|fault| state.has(*fault))
}

fn api(state: &mut State, request: &Received) -> Answer {
    let segments = request.segments();
    // A wrong route is 404 with no body, with or without a token.
    let (Some(&resource), true) = (segments.get(1), segments.len() <= 3) else { return Err(Reply::empty(404)) };
    let (reading, writing, forbidding) = gate(resource).ok_or_else(|| Reply::empty(404))?;
    let scopes = token::bearer(state, request.authorization.as_deref())?;
    let write = !request.is_read();
    let forbidden =
        forbidding.is_some_and(|fault| state.has(fault)) || (write && closed_to_writes(state, resource).is_some());
    if forbidden || !allows(&scopes, if write { writing } else { reading }, write) {
        return Err(Reply::empty(403));
    }
    let body = Body { content_type: request.content_type.as_deref(), bytes: &request.body };
    let query = &request.query;
    let id = segments.get(2).copied();
    match (request.method.as_str(), resource, id) {
        ("GET", "client", None) => clients::list(state, query),
        // An endpoint of another kind of login: 401 although the token is good.
        ("GET", "client", Some("me")) => Err(Reply::empty(401)),
        ("GET", "client", Some(id)) => clients::get(state, int(id)?, query),
        ("POST", "client", None) => clients::post(state, body),
        ("DELETE", "client", Some(id)) => clients::delete(state, int(id)?),
        ("GET", "agent", None) => lists::agents(state, query),
        ("GET", "agent", Some("me")) => lists::me(state),
        ("GET", "agent", Some(id)) => lists::agent(state, int(id)?),
        ("GET", "team", None) => lists::teams(state, query),
        ("GET", "team", Some(id)) => lists::team(state, int(id)?),
        ("GET", "status", None) => lists::statuses(state, query),
        ("GET", "users", None) => lists::enveloped(state, query, "users"),
        ("GET", "site", None) => lists::enveloped(state, query, "sites"),
        ("GET", "tickets", None) => tickets::list(state, query),
        ("GET", "tickets", Some(id)) => tickets::get(state, int(id)?, query),
        ("POST", "tickets", None) => tickets::post(state, body),
        ("GET", "actions", None) => tickets::actions(state, query),
        ("GET", "actions", Some(id)) => tickets::action(state, int(id)?, query),
        ("POST", "actions", None) => tickets::post_action(state, body),
        ("GET", "outcome", None) => Ok(tickets::outcomes()),
        ("GET", "lookup", None) => lists::lookup(state, query),
        ("GET", "instanceinfo", None) => Ok(token::instance_info(state)),
        ("GET", "tickettype", None) => ticket_types::list(state, query),
        ("GET", "tickettype", Some(id)) => ticket_types::get(state, int(id)?, query),
        ("POST", "tickettype", None) => ticket_types::post(state, body),
        ("GET", "webhook", None) => webhooks::list(state, query),
        ("GET", "webhook", Some(id)) => webhooks::get(state, guid(id)?, query),
        ("POST", "webhook", None) => webhooks::post(state, body),
        ("DELETE", "webhook", Some(id)) => webhooks::delete(state, guid(id)?),
        ("GET", "webhookevent", None) => deliveries::list(state, query),
        ("GET", "webhookevent", Some(id)) => deliveries::get(state, guid(id)?),
        ("GET", "notification", None) => notifications::list(state, query),
        ("GET", "notification", Some(id)) => notifications::get(state, int(id)?),
        ("POST", "notification", None) => notifications::post(state, body),
        ("DELETE", "notification", Some(id)) => notifications::delete(state, int(id)?),
        ("GET", "tabs", None) => tabs::list(state, query),
        ("GET", "tabs", Some(id)) => tabs::get(state, int(id)?, query),
        ("POST", "tabs", None) => tabs::post(state, body),
        ("DELETE", "tabs", Some(id)) => tabs::delete(state, int(id)?),
        // There is no PUT and no PATCH.
        _ => Err(Reply::empty(405)),
    }
}

/// An id in a path, or the 400 for one of the wrong type.
fn int(text: &str) -> Result<i64, Reply> {
    text.parse::<i32>().map(i64::from).map_err(|_| invalid_value("id", text))
}

fn guid(text: &str) -> Result<&str, Reply> {
    uuid::Uuid::parse_str(text).map(|_| text).map_err(|_| invalid_value("id", text))
}
