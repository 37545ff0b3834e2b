//! `rotate`: Halo gets a new callback token and password, and no true event is lost on the way, whatever ends it.

use pia_halo::demo::{Object, ScriptedAnswer};
use pia_halo::domain::callback::CallbackSecrets;
use pia_halo::domain::secret::Secret;
use pia_halo::settings::StoredSecrets;
use serde_json::{Value, json};

use crate::support::Profile;
use crate::support::changing::{When, at_write, killed_at, outcomes, small};
use crate::support::service::{Service, event, stored};

const ROTATE: &[&str] = &["rotate", "--yes"];
const WEBHOOKS: [(&str, &str); 2] =
    [("Pia - Ticket Created", "ticket-created"), ("Pia - Ticket Updated", "ticket-updated")];

async fn configured() -> Profile {
    let profile = Profile::synced(small()).await;
    profile.run(["configure", "--yes"]).await.expect(0);
    profile
}

fn secrets(profile: &Profile) -> StoredSecrets {
    profile.settings().secrets(&profile.id()).unwrap()
}

/// What Halo itself sends for a webhook at this moment: its address and its password, whatever we think of them.
fn sent_by_halo(profile: &Profile, webhook: &str) -> CallbackSecrets {
    let webhook: Object = profile.halo.look(|state| state.webhook(webhook).unwrap().clone());
    let token = webhook.text("url").rsplit('/').next().unwrap().to_owned();
    let password = webhook.write_only["basic_password"].as_str().unwrap().to_owned();
    CallbackSecrets { token: Secret::new(token), password: Secret::new(password) }
}

/// True events, counted: each under a number of its own, so that none can be lost unseen.
struct Halo<'a> {
    profile: &'a Profile,
    service: &'a Service,
    sent: i64,
}

impl<'a> Halo<'a> {
    fn new(profile: &'a Profile, service: &'a Service) -> Self {
        Self { profile, service, sent: 0 }
    }

    /// Halo sends an event of each kind, with what it holds now.
    async fn sends(&mut self, when: &str) {
        for (webhook, group) in WEBHOOKS {
            let pair = sent_by_halo(self.profile, webhook);
            assert_eq!(self.status(&pair, group).await, 200, "{when}: {group}");
        }
    }

    async fn status(&mut self, pair: &CallbackSecrets, group: &str) -> u16 {
        let id = format!("event-{}", self.sent + 1);
        let status = self.service.callback(pair, group, &event(&id, self.sent + 1)).await.status;
        self.sent += i64::from(status == 200);
        status
    }

    async fn nothing_is_lost(&self) {
        assert_eq!(stored(self.profile).await.len() as i64, self.sent);
    }
}

/// R74: both pairs are good for the overlap, the running service takes them up by itself, and Halo has the new one.
#[tokio::test(flavor = "multi_thread")]
async fn rotation_replaces_token_and_password_and_keeps_old_valid() {
    let profile = configured().await;
    let service = Service::start(&profile).await;
    let mut halo = Halo::new(&profile, &service);
    let old = secrets(&profile).callback.unwrap();
    let before = profile.halo.snapshot();
    halo.sends("before").await;

    let report = profile.json(["rotate", "--yes", "--overlap", "36h"], 0).await;
    assert_eq!(report["status"], "rotated", "{report}");
    assert_eq!(outcomes(&report, "webhook"), ["done", "done"]);
    let until: jiff::Timestamp = report["former_good_until"].as_str().unwrap().parse().unwrap();
    let hours = until.duration_since(jiff::Timestamp::now()).as_hours();
    assert!((35..=36).contains(&hours), "{report}");

    let now = secrets(&profile);
    let new = now.callback.clone().unwrap();
    assert!(new.token != old.token && new.password != old.password);
    assert_eq!((now.next_callback, now.former_callback.map(|former| former.secrets)), (None, Some(old.clone())));
    for (webhook, group) in WEBHOOKS {
        assert_eq!(sent_by_halo(&profile, webhook), new, "Halo sends both of the new pair");
        assert_eq!(halo.status(&old, group).await, 200, "what was under way arrives");
        assert_eq!(halo.status(&new, group).await, 200);
        let mixed = CallbackSecrets { token: old.token.clone(), password: new.password.clone() };
        assert_eq!(halo.status(&mixed, group).await, 404);
    }
    halo.sends("after").await;
    halo.nothing_is_lost().await;

    // Nothing but the addresses is different in Halo, and that is nobody's drift.
    let after = profile.halo.snapshot();
    let rows = |of: &Value| -> Vec<Value> {
        let rows = of["webhooks"].as_array().unwrap().iter().cloned();
        let without = |mut row: Value| {
            row.as_object_mut().unwrap().retain(|name, _| !["url", "basic_password", "disabled"].contains(&&**name));
            row
        };
        rows.map(without).collect()
    };
    assert_eq!(rows(&before), rows(&after));
    for list in ["notifications", "tabs", "ticket_types", "clients"] {
        assert_eq!(before[list], after[list], "{list}");
    }
    assert_eq!(profile.json(["plan"], 0).await["changes_pending"], false);
    let status = profile.json(["status"], 0).await;
    assert_eq!(
        status["integration"]["rotation"],
        json!({ "under_way": false, "former_good_until": until.to_string() })
    );
    profile.run(["status"]).await.expect(0).says("the old token works until");
    let audit = profile.run(["audit"]).await.expect(0).says("rotate").says("rotated");
    for pair in [&old, &new] {
        assert!(!audit.stdout.contains(pair.token.expose()) && !audit.stdout.contains(pair.password.expose()));
    }
}

/// R74: with no overlap left, the old pair is refused, in the program that was running all the time.
#[tokio::test(flavor = "multi_thread")]
async fn without_overlap_old_pair_is_refused_once_halo_has_new() {
    let profile = configured().await;
    let service = Service::start(&profile).await;
    let mut halo = Halo::new(&profile, &service);
    let old = secrets(&profile).callback.unwrap();
    let report = profile.json(["rotate", "--yes", "--overlap", "0"], 0).await;
    assert_eq!((&report["status"], &report["former_good_until"]), (&json!("rotated"), &Value::Null));
    assert_eq!(halo.status(&old, "ticket-created").await, 404);
    assert_eq!(secrets(&profile).former_callback, None);
    halo.sends("after").await;
    halo.nothing_is_lost().await;
}

/// R74: killed before, at or after each write: whatever Halo sends then is taken, under the old address and the new, and
/// the next run finishes with the token of the first.
async fn killed(when: When) {
    let profile = configured().await;
    let service = Service::start(&profile).await;
    let mut halo = Halo::new(&profile, &service);
    let mut writes = 0;
    loop {
        let old = secrets(&profile).callback.unwrap();
        if !killed_at(&profile, ROTATE, writes, when).await {
            break;
        }
        let point = format!("{when:?} {writes}");
        let half = secrets(&profile);
        let next = half.next_callback.clone().expect(&point);
        assert_eq!(half.callback.as_ref(), Some(&old), "{point}: nothing is replaced before Halo has it all");
        halo.sends(&point).await;
        assert_eq!(halo.status(&old, "ticket-created").await, 200, "{point}");
        assert_eq!(halo.status(&next, "ticket-updated").await, 200, "{point}");

        let report = profile.json(["rotate", "--yes"], 0).await;
        assert_eq!(report["status"], "rotated", "{point}");
        let done = secrets(&profile);
        assert_eq!(done.callback.as_ref(), Some(&next), "{point}: the same token, no third one");
        assert_eq!(done.next_callback, None, "{point}");
        assert_eq!(done.former_callback.map(|former| former.secrets), Some(old.clone()), "{point}");
        for (webhook, _) in WEBHOOKS {
            assert_eq!(sent_by_halo(&profile, webhook), next, "{point}");
        }
        halo.sends(&point).await;
        assert_eq!(halo.status(&old, "ticket-created").await, 200, "{point}");
        // Whoever did not see the end and runs it once more makes no third token either.
        profile.run(ROTATE).await.expect(3).says("--end-overlap");
        assert_eq!(secrets(&profile).callback.as_ref(), Some(&next), "{point}");
        // The overlap ends, for the next round.
        let end = |secrets: &mut StoredSecrets| {
            secrets.former_callback = None;
            Ok::<_, pia_halo::settings::SettingsError>(())
        };
        profile.settings().update_secrets(&profile.id(), end).unwrap();
        writes += 1;
    }
    assert_eq!(writes, 2, "two webhooks");
    halo.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_killed_before_each_write_ends_with_same_token() {
    killed(When::Before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_write_rotation_is_finished_with_same_token() {
    killed(When::At).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_each_write_rotation_is_finished_with_same_token() {
    killed(When::After).await;
}

fn status(status: u16) -> ScriptedAnswer {
    let body = b"{}".to_vec();
    ScriptedAnswer::Reply { status, content_type: "application/json", headers: Vec::new(), body }
}

/// The reply is lost, or it is a 500, though it was done: Halo is read back, and nothing is written twice.
#[tokio::test(flavor = "multi_thread")]
async fn lost_reply_or_false_500_in_rotation_is_found_by_reading_back() {
    let profile = configured().await;
    for answer in [ScriptedAnswer::Reset, status(500)] {
        for write in 0..2 {
            let old = secrets(&profile).callback.unwrap();
            at_write(&profile, write, true, &answer);
            let report = profile.json(["rotate", "--yes", "--overlap", "0"], 0).await;
            profile.halo.change(|state| state.on_request = None);
            assert_eq!(report["status"], "rotated", "{write}: {report}");
            let new = secrets(&profile).callback.unwrap();
            assert!(new != old);
            assert_eq!(WEBHOOKS.map(|(webhook, _)| sent_by_halo(&profile, webhook)), [new.clone(), new], "{write}");
        }
    }
}

/// R74: events come all the while, under whatever Halo holds at that moment: over a rotation, a killed one, and its end.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_come_all_while_are_all_taken() {
    let profile = configured().await;
    let service = Service::start(&profile).await;
    let mut halo = Halo::new(&profile, &service);
    let work = async {
        assert!(killed_at(&profile, ROTATE, 1, When::At).await);
        profile.run(ROTATE).await.expect(0);
    };
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            () = &mut work => break,
            () = halo.sends("all the while") => {}
        }
    }
    halo.sends("afterwards").await;
    // One that was cut off in the middle may be stored and was not counted.
    let stored = stored(&profile).await.len() as i64;
    assert!(halo.sent > 10 && (halo.sent..=halo.sent + 1).contains(&stored), "{stored} of {}", halo.sent);
}

/// Halo says 200 and does nothing, or refuses: it is not called done, both pairs stay good, and the next run finishes.
#[tokio::test(flavor = "multi_thread")]
async fn what_halo_does_not_show_is_not_promoted() {
    let profile = configured().await;
    let service = Service::start(&profile).await;
    let mut halo = Halo::new(&profile, &service);
    for answer in [status(201), status(400)] {
        for (write, (webhook, _)) in WEBHOOKS.into_iter().enumerate() {
            let old = secrets(&profile).callback.unwrap();
            at_write(&profile, write, false, &answer);
            let report = profile.json(["rotate", "--yes", "--overlap", "0"], 3).await;
            profile.halo.change(|state| state.on_request = None);
            assert_eq!((&report["status"], &report["former_good_until"]), (&json!("partly_done"), &Value::Null));
            let half = secrets(&profile);
            assert_eq!((half.callback.as_ref(), half.former_callback), (Some(&old), None));
            halo.sends("half done").await;

            // It is said wherever somebody looks, and is nobody's drift.
            let plan = profile.json(["plan"], 3).await;
            let pending: Vec<&Value> =
                plan["changes"].as_array().unwrap().iter().filter(|change| change["action"] != "keep").collect();
            assert_eq!((pending.len(), pending[0]["name"].as_str()), (1, Some(webhook)), "{plan}");
            assert!(pending[0]["reason"].as_str().unwrap().contains("run Rotate again"), "{plan}");
            profile.run(["status"]).await.expect(0).says("Rotation   not finished");
            profile.run(["configure", "--roll-back", "--yes"]).await.expect(1).says("pia-halo rotate");

            let again = profile.json(["rotate", "--yes", "--overlap", "0"], 0).await;
            assert_eq!(again["status"], "rotated");
            assert_eq!(secrets(&profile).callback, half.next_callback, "the token of the first run");
            halo.sends("done").await;
        }
    }
    // None of the two: that failed, and nothing is lost either.
    let next = {
        profile.halo.change(|state| {
            state.on_request = Some(Box::new(|state, request| {
                if request.method == "POST" && request.path.to_lowercase() == "/api/webhook" {
                    let (path, answer) = (request.path.clone(), status(201));
                    let scripted =
                        pia_halo::demo::Scripted { method: "POST", path, skip: 0, times: 1, apply: false, answer };
                    state.scripted.insert(0, scripted);
                }
            }));
        });
        let report = profile.json(["rotate", "--yes"], 1).await;
        assert_eq!(report["status"], "failed");
        profile.halo.change(|state| state.on_request = None);
        secrets(&profile).next_callback
    };
    halo.sends("none of them").await;
    profile.run(ROTATE).await.expect(0);
    assert_eq!(secrets(&profile).callback, next);
    halo.nothing_is_lost().await;
}

/// A webhook that Halo switches off on the way is not called done, and Configure, then `rotate`, put it right.
#[tokio::test(flavor = "multi_thread")]
async fn webhook_that_is_switched_off_on_way_is_said_and_put_right() {
    let profile = configured().await;
    let mut is_written = false;
    profile.halo.change(|state| {
        state.on_request = Some(Box::new(move |state, request| {
            if is_written {
                state.webhook_mut("Pia - Ticket Created").unwrap().set("disabled", true);
            }
            is_written |= request.method == "POST" && request.path.to_lowercase() == "/api/webhook";
        }));
    });
    profile.run(ROTATE).await.expect(3).says("changed in Halo: active").says("pia-halo configure, then rotate again");
    profile.halo.change(|state| state.on_request = None);
    let half = secrets(&profile);
    profile.run(ROTATE).await.expect(1).says("First pia-halo configure");
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.run(ROTATE).await.expect(0);
    assert_eq!(secrets(&profile).callback, half.next_callback);
}

/// Configure in the middle of a rotation goes on with the new pair and repairs what it finds; `rotate` then finishes.
#[tokio::test(flavor = "multi_thread")]
async fn configure_in_middle_of_rotation_loses_nothing() {
    let profile = configured().await;
    let service = Service::start(&profile).await;
    let mut halo = Halo::new(&profile, &service);
    let old = secrets(&profile).callback.unwrap();
    assert!(killed_at(&profile, ROTATE, 1, When::Before).await);
    let next = secrets(&profile).next_callback.unwrap();
    // Somebody deletes a webhook in between: a rotation mends nothing in silence.
    profile.halo.change(|state| state.webhooks.retain(|webhook| webhook.name() != "Pia - Ticket Created"));
    profile.run(ROTATE).await.expect(1).says("First pia-halo configure");
    assert_eq!(secrets(&profile).next_callback.as_ref(), Some(&next));

    profile.run(["configure", "--yes"]).await.expect(0).says("pia-halo rotate finishes it");
    halo.sends("configured").await;
    assert_eq!(halo.status(&old, "ticket-created").await, 200);
    assert_eq!(WEBHOOKS.map(|(webhook, _)| sent_by_halo(&profile, webhook)), [next.clone(), next.clone()]);
    // No former token was written into the store, where what can be rolled back is kept.
    for file in crate::support::files(&profile.folder.path().join("data")) {
        let bytes = std::fs::read(&file).unwrap();
        for pair in [&old, &next] {
            let token = pair.token.expose().as_bytes();
            assert!(!bytes.windows(token.len()).any(|window| window == token), "in {}", file.display());
        }
    }
    profile.run(ROTATE).await.expect(0);
    assert_eq!(secrets(&profile).callback, Some(next));
    profile.json(["configure", "--yes"], 0).await;
    halo.nothing_is_lost().await;
}

/// What is not as Configure has left it is said and not written, and no token is made for it.
#[tokio::test(flavor = "multi_thread")]
async fn rotation_repairs_no_drift_and_needs_installation() {
    let profile = Profile::synced(small()).await;
    let before = profile.halo.snapshot();
    profile.run(ROTATE).await.expect(1).says("not in Halo").says("First pia-halo configure");
    assert_eq!(profile.halo.snapshot(), before);
    assert_eq!(secrets(&profile).next_callback, None);

    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.change(|state| state.webhook_mut("Pia - Ticket Updated").unwrap().set("disabled", true));
    let before = profile.halo.snapshot();
    let error = profile.json(["rotate", "--yes"], 1).await;
    assert_eq!(error["error"]["code"], "refused");
    assert!(error["error"]["message"].as_str().unwrap().contains("Pia - Ticket Updated: changed in Halo: active"));
    assert_eq!(profile.halo.snapshot(), before);
    assert_eq!(secrets(&profile).next_callback, None);
    // What is not of the webhooks is left as it is, whatever became of it.
    profile.run(["configure", "--yes"]).await.expect(0);
    profile.halo.change(|state| state.tab_mut("Pia Chat Pod").unwrap().set("name", "Chat"));
    profile.run(ROTATE).await.expect(0);
    assert!(profile.halo.look(|state| state.tab("Chat").is_some()));
}

/// Without a yes nothing is made, stored or written; a failed check refuses; the overlap of the last one is not cut short
/// unasked.
#[tokio::test(flavor = "multi_thread")]
async fn rotation_asks_and_refuses_without_trace() {
    let profile = configured().await;
    let (before, stored) = (profile.halo.snapshot(), secrets(&profile));
    profile.run(["rotate"]).await.expect(3).says("Replace the callback token and password in Halo (2 to update");
    let question = profile.json(["rotate"], 3).await;
    assert_eq!(question["error"]["code"], "needs_confirmation");
    for overlap in ["soon", "-1h", "31d", "24"] {
        profile.run(["rotate", "--yes", &format!("--overlap={overlap}")]).await.expect(2);
    }
    profile.halo.change(|state| {
        let path = "/api/webhook".to_owned();
        let answer = status(403);
        let scripted = pia_halo::demo::Scripted { method: "GET", path, skip: 0, times: 1, apply: false, answer };
        state.scripted.push(scripted);
    });
    let refused = profile.json(["rotate", "--yes"], 4).await;
    assert_eq!((&refused["status"], &refused["results"]), (&json!("refused"), &json!([])));
    profile.halo.change(|state| state.scripted.clear());
    assert_eq!((profile.halo.snapshot(), secrets(&profile)), (before, stored));

    profile.run(ROTATE).await.expect(0).says("work until");
    let first = secrets(&profile);
    profile.run(ROTATE).await.expect(3).says("work until").says("--end-overlap");
    assert_eq!(secrets(&profile), first, "not cut short, and no new token");
    profile.run(["rotate", "--yes", "--end-overlap"]).await.expect(0);
    let second = secrets(&profile);
    assert_eq!(second.former_callback.unwrap().secrets, first.callback.unwrap());
}

/// Two at once: one rotates, the other is told who does; one token is made.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_rotations_at_once_one_is_told_of_other() {
    let profile = configured().await;
    let (one, other) = tokio::join!(profile.run(ROTATE), profile.run(ROTATE));
    let mut codes = [one.code, other.code];
    codes.sort_unstable();
    // Held off by the lock, or, where the first had ended by then, by its overlap.
    assert!(codes == [0, 6] || codes == [0, 3], "{codes:?} {one:?} {other:?}");
    let stored = secrets(&profile);
    assert_eq!(stored.next_callback, None);
    assert_eq!(
        WEBHOOKS.map(|(webhook, _)| sent_by_halo(&profile, webhook)),
        [(); 2].map(|()| stored.callback.clone().unwrap())
    );
}

/// A save of the settings, and the first secret for forwarding, in the middle of a rotation keep its token.
#[tokio::test(flavor = "multi_thread")]
async fn other_changes_of_secrets_keep_token_of_rotation() {
    let profile = configured().await;
    assert!(killed_at(&profile, ROTATE, 0, When::At).await);
    let next = secrets(&profile).next_callback.unwrap();
    profile.save("acme", "").await.expect(0);
    profile.run(["events", "--forward-secret"]).await;
    assert_eq!(secrets(&profile).next_callback.as_ref(), Some(&next));
    profile.run(ROTATE).await.expect(0);
    assert_eq!(secrets(&profile).callback, Some(next));
}
