//! Clients, agents, teams, ticket types, and who Halo says it is.

use pia_halo::domain::people::Agent;
use pia_halo::halo::HaloError;
use serde_json::json;

use super::{Recorded, Scene};

const TICKET_TYPE: &str = "/api/TicketType";

pub async fn expect(name: &str) -> bool {
    let scene = Scene::of(name).await;
    let (api, replay) = (&scene.api, &scene.replay);
    match name {
        "client-list-page" => {
            let page = api.clients_page(1).await.unwrap();
            let names: Vec<&str> = page.clients.iter().map(|client| client.name.raw()).collect();
            let told = Recorded::read(name).value();
            let told: Vec<&str> =
                told["clients"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
            assert_eq!((names, page.record_count, page.bad_rows.len()), (told, Some(4), 0));
        }
        "client-list-no-paging" => {
            let page = api.clients_page(1).await.unwrap();
            let query = replay.last("GET", "/api/Client").query;
            assert!(query.contains("pageinate=true") && query.contains("page_no=1"), "{query}");
            assert!(page.record_count.unwrap() > page.clients.len() as u64, "{:?}", page.record_count);
        }
        "client-list-capped" => {
            let page = api.clients_page(1).await.unwrap();
            assert_eq!((page.clients.len(), page.record_count), (100, Some(137)));
        }
        "client-list-past-the-end" => {
            let page = api.clients_page(3).await.unwrap();
            assert_eq!((page.clients.len(), page.record_count), (0, Some(137)));
        }
        "client-detail" => {
            let one = api.client(12).await.unwrap().unwrap();
            replay.replay("client-list-page");
            let listed = api.clients_page(1).await.unwrap().clients.into_iter().find(|client| client.id == 12).unwrap();
            assert_eq!((one.name, one.inactive), (listed.name, listed.inactive));
        }
        "agent-list-bare" | "agent-list-results" => agents(&api.agents().await.unwrap()),
        "agent-me" => {
            let own = api.own_agent().await.unwrap();
            assert_eq!((own.is_admin, own.sees_chosen_clients), (Some(true), false));
        }
        "agent-me-restricted" => {
            let own = api.own_agent().await.unwrap();
            assert_eq!((own.is_admin, own.sees_chosen_clients), (None, true), "not known is not no");
        }
        "team-list" => {
            let names: Vec<String> = api.teams().await.unwrap().iter().map(|team| team.name.display()).collect();
            assert!(names.contains(&"Pia".to_owned()) && names.contains(&"1st Line Support".to_owned()), "{names:?}");
        }
        "instanceinfo-hosted" => {
            let told = api.instance().await.unwrap();
            assert_eq!((told.version.unwrap().raw(), told.product.unwrap().raw()), ("2.236.133", "Halo PSA"));
        }
        "instanceinfo-onpremise" => {
            let told = api.instance().await.unwrap();
            assert_eq!((told.version.unwrap().raw(), told.product.unwrap().raw()), ("2.184.10", "HaloITSM"));
        }
        "tickettype-list" => {
            let types = api.ticket_types().await.unwrap();
            let told: Vec<_> = types.iter().map(|kind| (kind.id, kind.name.raw(), kind.active)).collect();
            let all = Recorded::read(name).value();
            let row = |row: &serde_json::Value| row["visible"].as_bool().unwrap();
            let seen: Vec<_> = all.as_array().unwrap().iter().map(row).collect();
            assert_eq!(told.iter().map(|kind| kind.2).collect::<Vec<_>>(), seen);
            assert_eq!((told[2], told[3]), ((36, "General Purpose", true), (41, "Old Form", false)));
        }
        "tickettype-detail-allow-all" => {
            let held = api.ticket_type(36).await.unwrap().unwrap();
            assert_eq!((held.allows_all_tabs, held.active, held.tabs.len()), (Some(true), true, 0));
        }
        "tickettype-detail-allowed-list" => {
            let held = Recorded::read(name).value();
            let links = held["allowed_iframe_customtabs"].as_array().unwrap().clone();
            let id = held["id"].as_i64().unwrap();
            replay.put("POST", TICKET_TYPE, super::server::Reply::json(201, json!({ "id": id })));
            api.change_tabs(id, |tabs| tabs.push(47)).await.unwrap();
            let sent = replay.last("POST", TICKET_TYPE).json();
            let written = sent[0]["allowed_iframe_customtabs"].as_array().unwrap();
            assert_eq!(written.len(), links.len() + 1);
            for link in &links {
                assert!(
                    written.iter().any(|own| own["id"] == link["id"] && own["iframetab_id"] == link["iframetab_id"])
                );
            }
            assert_eq!(sent[0]["allowall_iframe_customtabs"], false);
        }
        "tickettype-detail-no-tab-members" => {
            let id = Recorded::read(name).value()["id"].as_i64().unwrap();
            let held = api.ticket_type(id).await.unwrap().unwrap();
            assert_eq!((held.allows_all_tabs, held.tabs.len()), (None, 0), "not known is not no");
            api.change_tabs(id, |tabs| tabs.push(46)).await.unwrap();
            assert!(replay.asked("POST", TICKET_TYPE).is_empty(), "a list that was not told is not replaced");
        }
        "tickettype-post-400-database" => {
            let error = api.change_tabs(1, |tabs| tabs.push(46)).await.unwrap_err();
            assert!(matches!(error, HaloError::Declined { status: 400, .. }), "{error:?}");
            assert!(error.halo_said().unwrap().raw().starts_with("A database error occurred (515)"));
            assert_eq!((replay.asked("POST", TICKET_TYPE).len(), error.may_have_been_applied()), (1, false));
        }
        _ => return false,
    }
    true
}

/// Agent 1 is nobody, and an agent for programs alone can be given no ticket.
fn agents(agents: &[Agent]) {
    let choices: Vec<_> = agents.iter().filter(|agent| agent.assignable).map(|agent| agent.name.raw()).collect();
    assert!(choices.contains(&"Robin Example") && choices.contains(&"Tech 1"), "{choices:?}");
    assert!(!choices.contains(&"Unassigned") && !choices.contains(&"Pia Service"), "{choices:?}");
    assert!(agents.iter().any(|agent| agent.api_only && agent.name.raw() == "Pia Service"));
}
