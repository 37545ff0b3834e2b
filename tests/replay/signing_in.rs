//! Where Halo signs one in, and the token.

use pia_halo::domain::address::AuthUrl;
use pia_halo::domain::failure::Failure;
use pia_halo::halo::{BadReply, HaloApi, HaloError};

use super::{Replay, Scene, connection, quick};

const TOKEN: &str = "/auth/token";

pub async fn expect(name: &str) -> bool {
    let scene = Scene::of(name).await;
    match name {
        "authinfo-hosted" => {
            scene.replay.replay("token-all");
            let token = scene.api.sign_in().await.unwrap();
            assert_eq!(token.scope.unwrap().raw(), "all");
            assert_eq!(scene.replay.last("POST", TOKEN).query, "tenant=larkfield");
            assert!(scene.api.discover().await.unwrap().found);
        }
        "authinfo-trial-other-host" => other_host(&scene).await,
        "authinfo-onpremise-no-tenant" => {
            let token = super::Recorded::read("token-all").reply;
            scene.replay.put("POST", "/halo/auth/token", token);
            scene.api.sign_in().await.unwrap();
            let asked = scene.replay.last("POST", "/halo/auth/token");
            assert!(asked.query.is_empty() && !asked.body.contains("tenant"), "{asked:?}");
        }
        "openid-configuration" => metadata(&scene).await,
        "token-all" => {
            let token = scene.api.sign_in().await.unwrap();
            let life = token.valid_until.duration_since(jiff::Timestamp::now()).as_secs();
            assert!((3590..=3600).contains(&life), "{life}");
            scene.api.teams().await.unwrap();
            scene.api.sign_in().await.unwrap();
            let sent = format!("{:?}", scene.replay.all());
            assert!(!sent.contains("CfDJ8") && !sent.contains("refresh_token"), "kept: {sent}");
        }
        "token-narrow" => {
            let token = scene.api.sign_in().await.unwrap();
            assert_eq!(token.scope.unwrap().raw(), "edit:tickets read:tickets read:customers read:teams");
        }
        "token-401-invalid-client" => {
            let error = scene.api.sign_in().await.unwrap_err();
            assert_eq!((error.http_status(), error.may_have_been_applied()), (Some(401), false));
            let failure = Failure::from(error);
            assert_eq!(failure.halo_said.unwrap().raw(), "The specified client credentials are invalid.");
            assert!(failure.hint.unwrap().to_string().contains("changes when the application is first saved"));
            assert_eq!(scene.replay.asked("POST", TOKEN).len(), 1, "one try");
        }
        "token-400-invalid-scope" => {
            let error = scene.api.sign_in().await.unwrap_err();
            assert!(matches!(error, HaloError::InvalidScope { status: 400, .. }), "{error:?}");
            let asked = scene.replay.asked("POST", TOKEN);
            assert!(asked[0].body.contains("scope=all") && !asked[1].body.contains("scope="), "{asked:?}");
            let scopes: Vec<_> = asked[2..].iter().map(|asked| asked.body.split("scope=").nth(1).unwrap()).collect();
            assert!(
                !scopes.is_empty()
                    && scopes.iter().all(|scope| !scope.contains(['+', '%'].as_slice()) || scope.contains("%3A"))
            );
        }
        "token-200-web-page" => {
            let error = scene.api.sign_in().await.unwrap_err();
            assert!(matches!(error, HaloError::Unexpected { what: BadReply::WebPage, .. }), "{error:?}");
            let failure = Failure::from(error);
            assert!(failure.hint.unwrap().to_string().starts_with("Check the Url"));
        }
        _ => return false,
    }
    true
}

/// The secret goes to another host only where the settings name it.
async fn other_host(scene: &Scene) {
    let error = scene.api.sign_in().await.unwrap_err();
    assert!(
        matches!(&error, HaloError::ForeignAuthHost { host, .. } if host.raw() == "uk-trial.halo.example"),
        "{error:?}"
    );
    assert!(Failure::from(error).hint.unwrap().to_string().contains("auth_url"));
    let secret = scene.halo.client_secret();
    assert!(scene.replay.all().iter().all(|asked| !asked.body.contains(secret)), "it was sent");
    let elsewhere = Replay::before(&scene.halo).await;
    elsewhere.put("POST", "/token", super::Recorded::read("token-all").reply);
    let mut agreed = connection(&scene.replay, &scene.halo);
    agreed.auth_url = Some(AuthUrl::read(elsewhere.url()).unwrap().address);
    HaloApi::with_limits(agreed, quick()).unwrap().sign_in().await.unwrap();
    assert_eq!(elsewhere.last("POST", "/token").query, "tenant=Tenant481");
}

/// Where AuthInfo is shut, what OpenID says leads to the token.
async fn metadata(scene: &Scene) {
    scene.replay.put("GET", "/api/AuthInfo", super::Recorded::read("error-404-empty").reply);
    scene.replay.replay("token-all");
    let found = scene.api.discover().await.unwrap();
    assert_eq!((found.auth_url.to_string(), found.found), (format!("{}/auth", scene.replay.url()), true));
    assert_eq!(found.tenant, None);
    scene.api.sign_in().await.unwrap();
}
