//! Refusals, and answers that are none.

use pia_halo::domain::failure::{Failure, FailureKind};
use pia_halo::halo::{BadReply, HaloError};

use super::{Recorded, Scene};

const TEAMS: &str = "/api/Team";

pub async fn expect(name: &str) -> bool {
    let scene = Scene::new().await;
    let (api, replay) = (&scene.api, &scene.replay);
    let reply = Recorded::read(name).reply;
    replay.put("GET", TEAMS, reply.clone());
    replay.put("GET", "/api/Client/{id}", reply.clone());
    replay.put("POST", "/api/Actions", reply);
    match name {
        "error-400-model-state" => {
            let error = api.add_note(7, "n", &Default::default()).await.unwrap_err();
            let said = error.halo_said().unwrap().raw();
            assert!(said.starts_with("[0].outcome_id: Could not convert string to integer: private."), "{said}");
        }
        "error-401-empty" => {
            let error = api.teams().await.unwrap_err();
            assert!(matches!(error, HaloError::MissingRight { status: 401, .. }), "{error:?}");
            let tokens = replay.asked("POST", "/auth/token").len();
            assert_eq!((tokens, replay.asked("GET", TEAMS).len()), (2, 2), "renewed once");
            assert!(error.to_string().ends_with("although the token is good"));
        }
        "error-403-empty" => {
            let failure = Failure::from(api.teams().await.unwrap_err());
            assert_eq!((failure.kind, failure.http_status), (FailureKind::MissingRight, Some(403)));
            // Of the two gates the token has shown one to be open: it is for everything.
            let hint = failure.hint.unwrap().to_string();
            assert!(hint.contains("role of the application's agent") && !hint.contains("View Applications"), "{hint}");
            assert_eq!(replay.asked("GET", TEAMS).len(), 1);
        }
        "error-404-empty" => {
            assert_eq!(api.client(12).await.unwrap(), None);
            assert_eq!(api.teams().await.unwrap_err(), HaloError::NotFound { does: "list the teams" });
        }
        "error-429" => {
            let waits = tokio::time::timeout(std::time::Duration::from_millis(500), api.teams()).await;
            assert!(waits.is_err(), "it waits, and does not hammer: {waits:?}");
            let budget = api.usage().budget.unwrap();
            assert_eq!((budget.window_seconds, replay.asked("GET", TEAMS).len()), (300, 1), "{budget:?}");
            assert!(budget.limit <= 300, "{budget:?}");
        }
        "error-504-gateway" => {
            let error = api.teams().await.unwrap_err();
            assert!(matches!(error, HaloError::ServerError { status: 504, .. }), "{error:?}");
            assert_eq!((replay.asked("GET", TEAMS).len(), error.halo_said()), (3, None), "worth another try");
        }
        "error-200-null" => {
            let error = api.teams().await.unwrap_err();
            assert!(matches!(error, HaloError::Unexpected { what: BadReply::Empty, .. }), "{error:?}");
        }
        _ => return false,
    }
    true
}
