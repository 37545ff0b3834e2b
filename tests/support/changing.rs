//! What the tests of Configure and Remove share: Halo before and after, and a program that is killed at a write.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pia_halo::demo::{Options, Scripted, ScriptedAnswer, State};
use serde_json::{Value, json};

use super::{Profile, until};

pub fn small() -> Options {
    Options { clients: 30, ..Options::default() }
}

/// What a client could have changed. What is left out, null, empty or `disabled: false` means the same in Halo.
pub fn plain(mut snapshot: Value) -> Value {
    for list in ["webhooks", "notifications", "tabs", "ticket_types"] {
        for row in snapshot[list].as_array_mut().unwrap() {
            let row = row.as_object_mut().unwrap();
            row.retain(|name, value| {
                let empty = value.is_null() || *value == json!("") || (name == "disabled" && *value == json!(false));
                !empty
            });
        }
    }
    snapshot
}

/// The same without ids, for objects that were made again; and without the password, which Halo never shows.
pub fn without_ids(mut snapshot: Value) -> Value {
    for list in ["webhooks", "notifications", "tabs"] {
        let rows = snapshot[list].as_array_mut().unwrap();
        for row in rows.iter_mut() {
            for name in ["id", "guid", "webhook_id", "basic_password"] {
                row.as_object_mut().unwrap().remove(name);
            }
        }
        rows.sort_by_key(ToString::to_string);
    }
    for row in snapshot["ticket_types"].as_array_mut().unwrap() {
        let links = row["allowed_iframe_customtabs"].as_array().unwrap().len();
        row["allowed_iframe_customtabs"] = json!(links);
    }
    snapshot
}

/// Where in a write the program is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It was sent, and Halo has not done it.
    Before,
    /// Halo has done it, and the answer never came.
    At,
    /// The answer came, and the next request was on its way.
    After,
}

/// Kills the program with `kill -9` at its write number `write`, counted from 0. Says whether it came that far.
pub async fn killed_at(profile: &Profile, arguments: &[&str], write: usize, when: When) -> bool {
    killed_by(profile, profile.command(arguments), write, when).await
}

/// The same with a command of one's own.
pub async fn killed_by(profile: &Profile, mut command: Command, write: usize, when: When) -> bool {
    let reached = Arc::new(AtomicUsize::new(0));
    let (seen, counted) = (Arc::clone(&reached), Arc::new(Mutex::new((0, false))));
    profile.halo.change(|state| {
        state.on_request = Some(Box::new(move |state: &mut State, request| {
            let mut counted = counted.lock().unwrap();
            let is_write = ["POST", "DELETE"].contains(&request.method.as_str()) && request.path.starts_with("/api/");
            let mut freeze = |method: &str, apply| {
                let method = match method {
                    "POST" => "POST",
                    "DELETE" => "DELETE",
                    _ => "GET",
                };
                let path = request.path.clone();
                let answer = ScriptedAnswer::Silence;
                state.scripted.insert(0, Scripted { method, path, skip: 0, times: 1, apply, answer });
                seen.store(1, Ordering::SeqCst);
            };
            if counted.1 {
                freeze(&request.method, false);
                counted.1 = false;
            } else if is_write {
                if counted.0 == write {
                    match when {
                        When::Before => freeze(&request.method, false),
                        When::At => freeze(&request.method, true),
                        When::After => counted.1 = true,
                    }
                }
                counted.0 += 1;
            }
        }));
    });
    let mut child = command.spawn().unwrap();
    let child_over = Mutex::new(&mut child);
    until(|| reached.load(Ordering::SeqCst) == 1 || child_over.lock().unwrap().try_wait().unwrap().is_some()).await;
    let came_so_far = reached.load(Ordering::SeqCst) == 1;
    // SIGKILL: nothing of the program gets a chance to tidy up.
    child.kill().ok();
    child.wait().unwrap();
    profile.halo.change(|state| {
        state.on_request = None;
        state.scripted.clear();
    });
    came_so_far
}

/// The outcomes of a report for one kind of object.
pub fn outcomes<'a>(report: &'a Value, kind: &str) -> Vec<&'a str> {
    let of_kind = report["results"].as_array().unwrap().iter().filter(|result| result["kind"] == kind);
    of_kind.map(|result| result["outcome"].as_str().unwrap()).collect()
}

/// A fault that answers the write number `write` of all writes, and only that one.
pub fn at_write(profile: &Profile, write: usize, apply: bool, answer: &ScriptedAnswer) {
    let (answer, mut count) = (answer.clone(), 0);
    profile.halo.change(|state| {
        state.on_request = Some(Box::new(move |state: &mut State, request| {
            let method = match request.method.as_str() {
                "POST" => "POST",
                "DELETE" => "DELETE",
                _ => return,
            };
            if !request.path.starts_with("/api/") {
                return;
            }
            if count == write {
                let (path, answer) = (request.path.clone(), answer.clone());
                state.scripted.insert(0, Scripted { method, path, skip: 0, times: 1, apply, answer });
            }
            count += 1;
        }));
    });
}
