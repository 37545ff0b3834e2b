//! Handing a ticket over: by two programs at once, and by one that is killed on the way.

use pia_halo::demo::{Scripted, ScriptedAnswer, State};
use serde_json::{Value, json};

use crate::support::changing::{When, killed_at};
use crate::support::{Profile, until};
use crate::tickets::{TICKET, escalate, escalating, held, notes, trail, writes};

const NOTE: &[&str] = &["--note", "once"];
const COMMAND: &[&str] = &["escalate", "33470", "--note", "once"];

/// What stands in the trail about the ticket: what was done, and what came of it.
fn told(profile: &Profile) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    trail(profile).iter().map(|line| (text(&line["action"]), text(&line["outcome"]))).collect()
}

fn lines(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(action, outcome)| ((*action).to_owned(), (*outcome).to_owned())).collect()
}

/// While one is at its write, a second one changes nothing and says who is at it.
#[tokio::test(flavor = "multi_thread")]
async fn second_escalation_at_same_time_is_busy_and_says_who_is_at_it() {
    let profile = escalating().await;
    profile.halo.change(|state| {
        let (path, answer) = ("/api/tickets".to_owned(), ScriptedAnswer::Silence);
        state.scripted.push(Scripted { method: "POST", path, skip: 0, times: 1, apply: true, answer });
    });
    let mut first = profile.command(COMMAND).spawn().unwrap();
    until(|| writes(&profile, "/api/tickets") == 1).await;
    let busy = escalate(&profile, NOTE, 6).await;
    assert_eq!(busy["error"]["code"], "busy");
    let said = busy["error"]["message"].as_str().unwrap();
    assert!(said.contains(&format!("already running: escalate ticket {TICKET} by ")), "{said}");
    assert!(said.contains(&format!("(process {})", first.id())), "{said}");
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!((writes(&profile, "/api/tickets"), writes(&profile, "/api/actions")), (1, 0));
    // A killed holder frees the lock, and the next one adds what was missing.
    let done = escalate(&profile, NOTE, 0).await;
    assert_eq!((&done["moved"], &done["noted"]), (&json!(false), &json!(true)));
    assert_eq!((writes(&profile, "/api/tickets"), notes(&profile).len()), (1, 1));
}

/// Of many at once, whoever comes first: one change and one note.
#[tokio::test(flavor = "multi_thread")]
async fn many_escalations_at_once_make_one_change_and_one_note() {
    let profile = escalating().await;
    let running: Vec<_> = (0..6).map(|_| profile.command(COMMAND).spawn().unwrap()).collect();
    let mut codes = Vec::new();
    for mut child in running {
        codes.push(tokio::task::spawn_blocking(move || child.wait().unwrap().code().unwrap()).await.unwrap());
    }
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 6].contains(code)), "{codes:?}");
    assert_eq!((writes(&profile, "/api/tickets"), writes(&profile, "/api/actions")), (1, 1), "{codes:?}");
    assert_eq!((held(&profile).1, notes(&profile)), (7, vec!["once".to_owned()]));
}

/// Killed at each write, before and after Halo took it: there is a trace, the next one looks, and neither writes again
/// what stands there nor adds the note twice.
#[tokio::test(flavor = "multi_thread")]
async fn killed_escalation_leaves_trace_for_next_one() {
    let (begun, done) = ("begun", "done");
    let there = "read back later: in place";
    let not_there = "read back later: not as planned";
    let found = "found after an interrupted run";
    // The move, and then the note: what the next run makes of it, and the writes of both runs together.
    for (write, when, rest, made) in [
        (0, When::Before, &[(found, not_there), ("escalate", begun), ("escalate", done)][..], (2, 1)),
        (0, When::At, &[(found, there)], (1, 1)),
        (1, When::Before, &[(found, not_there)], (1, 2)),
        (1, When::At, &[(found, there)], (1, 1)),
    ] {
        let profile = escalating().await;
        assert!(killed_at(&profile, COMMAND, write, when).await);
        let mut expected = lines(&[("escalate", begun)]);
        if write == 1 {
            expected.extend(lines(&[("escalate", done), ("add note", begun)]));
        }
        assert_eq!(told(&profile), expected, "{write} {when:?}");
        let next = escalate(&profile, NOTE, 0).await;
        expected.extend(lines(rest));
        if (write, when) != (1, When::At) {
            expected.extend(lines(&[("add note", begun), ("add note", done)]));
        }
        assert_eq!(told(&profile), expected, "{write} {when:?}");
        assert_eq!(next["moved"], json!((write, when) == (0, When::Before)), "{when:?}");
        assert_eq!((writes(&profile, "/api/tickets"), writes(&profile, "/api/actions")), made, "{write} {when:?}");
        assert_eq!((held(&profile).1, notes(&profile)), (7, vec!["once".to_owned()]), "{write} {when:?}");
        // What was looked at is not looked at again.
        assert_eq!(escalate(&profile, NOTE, 0).await["status"], "nothing_to_do");
        assert_eq!(told(&profile), expected, "{write} {when:?}");
    }
}

/// What cannot be written down is not sent.
#[tokio::test(flavor = "multi_thread")]
async fn without_trail_nothing_is_sent() {
    let profile = escalating().await;
    let trail = profile.folder.path().join("state/pia-halo/audit.jsonl");
    std::fs::remove_file(&trail).unwrap();
    std::fs::create_dir(&trail).unwrap();
    escalate(&profile, NOTE, 7).await;
    assert_eq!(profile.halo.writes().len(), 0);
}

/// Does this to Halo when that write reaches it.
fn once_written(profile: &Profile, path: &'static str, then: impl Fn(&mut State) + Send + 'static) {
    profile.halo.change(|state| {
        state.on_request = Some(Box::new(move |state, request| {
            if request.method == "POST" && request.path == path {
                then(state);
            }
        }));
    });
}

/// A web page in place of the answer to one look.
fn page(path: &str) -> Scripted {
    let answer = ScriptedAnswer::Reply {
        status: 200,
        content_type: "text/html",
        headers: Vec::new(),
        body: b"<html>maintenance</html>".to_vec(),
    };
    Scripted { method: "GET", path: path.to_owned(), skip: 0, times: 1, apply: false, answer }
}

/// Halo took it and cannot be asked what it made of it: not called undone, nor done, and the next run looks.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_back_is_called_neither_done_nor_undone() {
    let profile = escalating().await;
    once_written(&profile, "/api/tickets", |state| state.scripted.push(page("/api/tickets/33470")));
    let open = profile.run(["escalate", "33470", "--note", "once"]).await;
    assert!(open.code != 0 && !open.stderr.contains("was not escalated"), "{open:?}");
    open.says("Ticket 33470 may not have been escalated: it was sent and could not be read back")
        .says("what is already done is not repeated");
    assert_eq!((held(&profile).1, notes(&profile).len()), (7, 0));
    assert_eq!(told(&profile).pop(), lines(&[("escalate", "unverified")]).pop());

    once_written(&profile, "/api/actions", |state| {
        let one = state.actions.len() + 1;
        state.scripted.extend([page(&format!("/api/actions/{one}")), page("/api/actions")]);
    });
    let open = profile.run(["escalate", "33470", "--note", "once"]).await;
    open.says("Ticket 33470 is escalated; its note may not have been saved: it was sent");
    profile.halo.change(|state| {
        state.on_request = None;
        state.scripted.clear();
    });
    assert_eq!(escalate(&profile, NOTE, 0).await["status"], "nothing_to_do");
    assert_eq!((writes(&profile, "/api/tickets"), writes(&profile, "/api/actions")), (1, 1));
}

/// Our own record cannot be kept any more once Halo has the change: the change is told all the same.
#[tokio::test(flavor = "multi_thread")]
async fn change_in_halo_is_reported_where_it_cannot_be_audited() {
    for (note, words) in [
        (&[][..], "Ticket 33470 is escalated, but that could not be recorded: "),
        (NOTE, "Ticket 33470 is escalated, but its note is missing: "),
    ] {
        let profile = escalating().await;
        let trail = profile.folder.path().join("state/pia-halo/audit.jsonl");
        once_written(&profile, "/api/tickets", move |_| {
            std::fs::remove_file(&trail).unwrap();
            std::fs::create_dir(&trail).unwrap();
        });
        let told = escalate(&profile, note, 7).await;
        let said = told["error"]["message"].as_str().unwrap();
        assert!(said.starts_with(words), "{said}");
        assert_eq!((held(&profile).1, notes(&profile).len()), (7, 0));
    }
}
