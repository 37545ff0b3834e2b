//! Tickets and their notes.

use pia_halo::domain::failure::{Failure, FailureKind};
use pia_halo::halo::HaloError;

use super::server::Reply;
use super::{Recorded, Scene};

const TICKETS: &str = "/api/Tickets";
const ACTIONS: &str = "/api/Actions";

pub async fn expect(name: &str) -> bool {
    let scene = Scene::of(name).await;
    let (api, replay) = (&scene.api, &scene.replay);
    match name {
        "tickets-list" => {
            let found = api.tickets_on("Pia", None).await.unwrap();
            let told: Vec<_> = found.tickets.iter().map(|ticket| (ticket.id, ticket.status_id)).collect();
            // Which of them are over is for the list of statuses to say, and no business of one page.
            assert_eq!((told, found.cut), (vec![(4250, Some(2)), (4242, Some(9))], false));
            let first = &found.tickets[0];
            assert_eq!((&first.status, first.agent.as_ref().unwrap().raw()), (&None, "Tech 1"));
            assert!(replay.last("GET", TICKETS).query.contains("open_only=true"));
        }
        "ticket-detail-2024" => {
            let ticket = api.ticket(4242).await.unwrap().unwrap();
            assert_eq!(ticket.ticket_type.unwrap().raw(), "General Purpose");
            assert_eq!((ticket.team.unwrap().raw(), ticket.team_id), ("1st Line Support", Some(26)));
            assert_eq!((ticket.agent_id, ticket.agent, ticket.status_id, ticket.status), (None, None, Some(1), None));
            let nameless = Recorded::read(name).reply.body.replacen("\"team\":\"1st Line Support\",", "", 1);
            replay.put("GET", "/api/Tickets/{id}", Reply::json(200, nameless));
            assert_eq!(api.ticket(4242).await.unwrap().unwrap().team_id, Some(26), "by its id, else");
        }
        "ticket-detail-include-agent" => {
            let ticket = api.ticket(4242).await.unwrap().unwrap();
            assert_eq!((ticket.agent_id, ticket.agent.unwrap().raw()), (Some(7), "Robin Example"));
            let query = replay.last("GET", "/api/Tickets/{id}").query;
            assert!(query.contains("includeagent=true") && query.contains("nocache=true"), "{query}");
        }
        "ticket-post-rule-moved-it" => {
            let rule = api.move_ticket(4242, "Pia", None).await.unwrap().unwrap();
            assert_eq!(rule.raw(), "Matched Rules Changed: Add default 1st line support group to new ticket");
        }
        "ticket-post-400-reassign" => {
            let error = api.move_ticket(4242, "Pia", None).await.unwrap_err();
            let said = error.halo_said().unwrap().raw();
            assert!(said.ends_with("did not have access to the Ticket Type or Client."), "{said}");
            assert!(matches!(error, HaloError::Declined { status: 400, .. }));
        }
        "actions-list" => {
            let notes = api.notes(4242).await.unwrap();
            let told: Vec<_> = notes.iter().map(|note| (note.id, note.text.len() > 8)).collect();
            assert_eq!((told, notes[2].text.as_str()), (vec![(3, true), (2, true), (1, false)], ""));
            assert!(replay.last("GET", ACTIONS).query.contains("nocache=true"));
        }
        "actions-post-reply" => {
            assert_eq!(api.add_note(4242, "Pia: handed over", &Default::default()).await.unwrap(), Some(4));
            let sent = replay.last("POST", ACTIONS).json();
            assert_eq!((&sent[0]["note"], &sent[0]["hiddenfromuser"]), (&"Pia: handed over".into(), &true.into()));
        }
        "actions-post-400-no-access" => {
            let error = api.add_note(4242, "n", &Default::default()).await.unwrap_err();
            assert_eq!(error.halo_said().unwrap().raw(), "You do not have access to this Action at the moment");
            assert_eq!(Failure::from(error).kind, FailureKind::Declined);
        }
        _ => return false,
    }
    true
}
