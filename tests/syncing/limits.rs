//! Halo's request limit, its failures and its silences, with the clock in our hand.

use std::time::Duration;

use pia_halo::demo::{Fault, Options, RateLimit, RetryAfter, Scripted, ScriptedAnswer};
use pia_halo::domain::sync_run::Brake;
use pia_halo::ops::sync;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{in_use, stored, sync_here, truth};
use crate::support::Profile;

/// R12: whatever a refusal says of waiting, the sync ends, and is refused no more than twice in a window after the first.
#[tokio::test(start_paused = true)]
async fn sync_ends_whatever_refusals_say() {
    let date = RetryAfter::Date;
    let text = |text: &str| RetryAfter::Text(text.to_owned());
    let all = [
        RetryAfter::Absent,
        RetryAfter::Seconds,
        date,
        text("0"),
        text("1"),
        text("-5"),
        text("1000000000"),
        text("soon"),
    ];
    for (requests, window) in [(15, 300), (4, 60)] {
        for retry_after in all.iter().take(if window == 300 { all.len() } else { 1 }) {
            let limit = RateLimit { requests, window: Duration::from_secs(window) };
            let options = Options { clients: 2_050, rate_limit: None, ..Options::default() };
            let profile = Profile::set_up(options).await;
            profile.halo.change(|state| {
                state.behaviour.rate_limit = Some(limit);
                state.behaviour.retry_after = retry_after.clone();
            });
            let report = sync_here(&profile).await;
            assert_eq!((report.status.code(), report.stored), ("complete", 2_050), "{retry_after:?} {report:?}");
            let refused: Vec<Duration> = profile
                .halo
                .requests()
                .iter()
                .filter(|request| request.status == 429)
                .map(|request| request.at)
                .collect();
            // What was in the air together with the first refusal counts as that one.
            let later: Vec<&Duration> =
                refused.iter().filter(|at| **at > refused[0] + Duration::from_secs(1)).collect();
            let worst = later.iter().map(|start| {
                later.iter().filter(|at| *at >= start && ***at < **start + Duration::from_secs(window)).count()
            });
            assert!(worst.max().unwrap_or(0) <= 2, "{limit} {retry_after:?}: {refused:?}");
            assert_eq!(stored(&profile), truth(&profile));
        }
    }
}

/// R12: a thousand pages at 300 requests in five minutes end in a quarter of an hour, and in no more than twenty minutes.
/// By default a tenth of each: a hundred pages at 30; `PIA_HALO_CLIENTS=100000` reads them all.
#[tokio::test(start_paused = true)]
async fn large_list_at_low_limit_takes_what_limit_says_and_no_more() {
    let clients: usize = std::env::var("PIA_HALO_CLIENTS").map_or(10_000, |clients| clients.parse().unwrap());
    let pages = (clients / 100) as u64;
    let profile = Profile::set_up(Options { clients, ..Options::default() }).await;
    let limit = RateLimit { requests: u32::try_from(pages * 3 / 10).unwrap(), window: Duration::from_secs(300) };
    profile.halo.change(|state| state.behaviour.rate_limit = Some(limit));
    let started = Instant::now();
    let report = sync_here(&profile).await;
    let took = started.elapsed();
    assert_eq!((report.status.code(), report.stored), ("complete", clients as u64));
    assert!(took >= Duration::from_secs(15 * 60) && took <= Duration::from_secs(22 * 60), "{took:?}");
    // Beside what was in the air together with the first refusal, each page is asked for once, and the end looked at.
    let asked: Vec<_> = profile.halo.requests().into_iter().filter(|request| request.path == "/api/client").collect();
    let (refused, answered): (Vec<_>, Vec<_>) = asked.iter().partition(|request| request.status == 429);
    assert!(report.rate_limited_ms > 0 && !refused.is_empty(), "{report:?}");
    assert!(answered.len() as u64 <= pages + 2, "{} answered of {pages} pages", answered.len());
    let at_once = refused.iter().all(|request| request.at <= refused[0].at + Duration::from_secs(1));
    assert!(at_once && refused.len() <= 16, "{} refused: {refused:?}", refused.len());
    assert!(report.requests <= pages + 10 + refused.len() as u64, "{report:?}");
}

/// R12: a thousand pages of a Halo that holds everybody to its fair use, 500 requests in three minutes: no refusal, as the
/// windows are kept from the first request on, and no longer than a tenth below 500 in 3 minutes and 700 in 5 lets it.
#[tokio::test(start_paused = true)]
async fn thousand_pages_within_fair_use_cost_no_refusal_and_no_time() {
    let profile = Profile::set_up(Options { clients: 2_999, ..Options::default() }).await;
    profile.halo.change(|state| {
        state.behaviour.page_cap = 3;
        state.behaviour.rate_limit = Some(RateLimit { requests: 500, window: Duration::from_secs(180) });
    });
    let (workspace, id) = (profile.workspace(), profile.id());
    let mut configuration = workspace.active_configuration(Some(&id)).unwrap().1;
    // As it is by default, but for a Halo on this machine.
    configuration.api.request_budget = Some(630);
    let started = Instant::now();
    let report = sync::run(&workspace, &id, &configuration, Brake::On, CancellationToken::new(), |_| {}).await.unwrap();
    let took = started.elapsed();
    assert_eq!((report.status.code(), report.stored, report.pages), ("complete", 2_999, 1_000));
    let refused: Vec<_> = profile.halo.requests().into_iter().filter(|request| request.status == 429).collect();
    assert!(refused.is_empty(), "{} refused: {refused:?}", refused.len());
    // 450 at once, 180 after three minutes, 270 after five, the others after six.
    let shortest = Duration::from_secs(6 * 60);
    assert!(took >= shortest && took <= shortest.mul_f64(1.02), "{took:?}");
}

/// R12: the wait is shown with its figures, and ends at once when it is stopped.
#[tokio::test(start_paused = true)]
async fn wait_for_limit_is_shown_and_stops_at_once() {
    let profile = Profile::set_up(Options { clients: 4_000, ..Options::default() }).await;
    let limit = RateLimit { requests: 20, window: Duration::from_secs(300) };
    profile.halo.change(|state| state.behaviour.rate_limit = Some(limit));
    let (workspace, id, cancel) = (profile.workspace(), profile.id(), CancellationToken::new());
    let configuration = workspace.active_configuration(Some(&id)).unwrap().1;
    let mut stopped_at = None;
    let mut shown = Vec::new();
    let report = sync::run(&workspace, &id, &configuration, Brake::On, cancel.clone(), |progress| {
        shown.extend(progress.waiting.map(|wait| (wait.limit, progress.budget)));
        if progress.waiting.is_some() && stopped_at.is_none() {
            stopped_at = Some(Instant::now());
            cancel.cancel();
        }
    })
    .await
    .unwrap();
    assert!(stopped_at.unwrap().elapsed() < Duration::from_millis(200));
    assert_eq!(report.status.code(), "interrupted");
    let (limit, budget) = shown[0];
    let budget = budget.unwrap();
    assert_eq!((limit, budget.limit, budget.window_seconds), (18, 18, 300), "a tenth below what Halo says");
    assert!(budget.used >= 18 && budget.more_at.is_some());
    // What was read is not lost.
    profile.halo.change(|state| state.behaviour.rate_limit = None);
    let report = sync_here(&profile).await;
    assert!(report.status.code() == "complete" && report.resumed_pages > 5, "{report:?}");
}

/// F21, N20, C2: by the command, in earnest: the limit is waited out, and the wait is told with the requests that were made.
#[tokio::test(flavor = "multi_thread")]
async fn command_waits_limit_out_and_tells_its_requests() {
    let profile = Profile::set_up(Options { clients: 500, ..Options::default() }).await;
    let limit = RateLimit { requests: 8, window: Duration::from_secs(2) };
    profile.halo.change(|state| {
        state.behaviour.rate_limit = Some(limit);
        state.behaviour.retry_after = RetryAfter::Seconds;
    });
    let ran = profile.run(["sync", "--json", "--progress", "json"]).await.expect(0);
    let report = ran.json();
    assert_eq!((&report["status"], &report["stored"]), (&"complete".into(), &500.into()));
    assert!(report["rate_limited_ms"].as_u64().unwrap() > 500, "{report}");
    let lines = ran.stderr.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let waits: Vec<_> = lines.filter(|line| line["waiting_until"].is_string()).collect();
    assert!(waits.iter().any(|line| line["requests"].as_u64() >= Some(8)), "{}", ran.stderr);
}

/// R10: some replies fail; the sync does not. All fail: it ends in time, and nothing is changed.
#[tokio::test(start_paused = true)]
async fn server_errors_are_outlasted_up_to_point_where_nothing_works() {
    let profile = Profile::set_up(Options { clients: 1_030, ..Options::default() }).await;
    profile.halo.set_fault(Fault::ServerErrors, true);
    for percent in [10, 30, 50] {
        profile.halo.change(|state| state.behaviour.server_error_percent = percent);
        let report = sync_here(&profile).await;
        assert_eq!((report.status.code(), report.stored), ("complete", 1_030), "{percent} %");
        assert!(report.retries > 0);
    }
    assert_eq!(stored(&profile), truth(&profile));
    let before = in_use(&stored(&profile));
    profile.halo.change(|state| state.behaviour.server_error_percent = 100);
    let started = Instant::now();
    assert_eq!(sync_here(&profile).await.status.code(), "failed");
    assert!(started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());
    assert_eq!(in_use(&stored(&profile)), before);
}

/// A list beside the clients that never answers: the clients are proved and stored all the same, and what failed is said.
#[tokio::test(start_paused = true)]
async fn side_list_that_always_fails_costs_no_client() {
    let broken = |status| ScriptedAnswer::Reply { status, content_type: "", headers: Vec::new(), body: Vec::new() };
    for (path, answer, title) in [
        ("/api/tickettype", broken(500), "Ticket types"),
        ("/api/agent", broken(504), "Agents"),
        ("/api/team", ScriptedAnswer::Reset, "Teams"),
    ] {
        let profile = Profile::set_up(Options { clients: 230, ..Options::default() }).await;
        profile.halo.change(|state| {
            let (path, skip, times) = (path.to_owned(), 0, u32::MAX);
            state.scripted.push(Scripted { method: "GET", path, skip, times, apply: false, answer });
        });
        let report = sync_here(&profile).await;
        assert_eq!((report.status.code(), report.proved), ("complete_with_warnings", true), "{report:?}");
        let of_list = |warning: &&String| warning.to_lowercase().starts_with(&title.to_lowercase());
        assert_eq!((report.warnings.iter().filter(of_list).count(), report.error.is_none()), (1, true), "{report:?}");
        // Who the agent itself is, is read below the same path.
        assert_eq!(report.warnings.len(), 1 + usize::from(title == "Agents"), "{report:?}");
        assert_eq!(stored(&profile), truth(&profile));
    }
}

/// The line dies while missing clients are asked for one by one: the run ends with the first of them, and disables nobody.
#[tokio::test(start_paused = true)]
async fn line_that_dies_while_clients_are_asked_for_ends_run_at_once() {
    let profile = Profile::set_up(Options { clients: 2_050, ..Options::default() }).await;
    assert_eq!(sync_here(&profile).await.status.code(), "complete");
    let before = in_use(&stored(&profile));
    profile.halo.change(|state| {
        state.clients.drain(100..250);
        let (path, skip, times) = ("/api/client/".to_owned(), 0, u32::MAX);
        let answer = ScriptedAnswer::Reset;
        state.scripted.push(Scripted { method: "GET", path, skip, times, apply: false, answer });
    });
    let started = Instant::now();
    assert_eq!(sync_here(&profile).await.status.code(), "failed");
    assert!(started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());
    assert_eq!(in_use(&stored(&profile)), before);
}

/// R15: the token dies at page k, for every k, and at every second request.
#[tokio::test(start_paused = true)]
async fn token_that_dies_at_any_page_costs_no_page() {
    let profile = Profile::set_up(Options { clients: 1_030, ..Options::default() }).await;
    for page in 1..=11 {
        profile.halo.change(|state| {
            let page = page.to_string();
            state.on_request = Some(Box::new(move |state, request| {
                if request.path == "/api/client" && request.parameter("page_no") == Some(&page) {
                    state.revoke_tokens();
                }
            }));
        });
        // The page itself is asked for again, and kills the token again: the run must not go on for ever.
        profile.halo.clear_requests();
        let report = sync_here(&profile).await;
        let asked = profile.halo.requests().iter().filter(|request| request.path == "/api/client").count();
        assert!(report.status.code() == "failed" && asked < 60, "page {page}: {asked} {report:?}");
        profile.halo.change(|state| {
            let (page, mut struck) = (page.to_string(), false);
            state.on_request = Some(Box::new(move |state, request| {
                if !struck && request.path == "/api/client" && request.parameter("page_no") == Some(&page) {
                    struck = true;
                    state.revoke_tokens();
                }
            }));
        });
        let report = sync_here(&profile).await;
        assert_eq!((report.status.code(), report.stored), ("complete", 1_030), "page {page}: {report:?}");
    }
    assert_eq!(stored(&profile), truth(&profile));
}

/// Lets a second of the paused clock last five milliseconds at least. The clock leaps ahead whenever nobody has anything to
/// do, and on a busy machine the kernel may deliver a reply a moment later: three leaps, and it counts as never answered.
async fn held_clock() {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// R19: eight things that happen to a reply, once, twice or five times, at the beginning, in the middle and at the end.
#[tokio::test(start_paused = true)]
async fn seventy_two_disturbances_leave_old_list_or_make_new_one() {
    let reply = |status, content_type, body: &str| ScriptedAnswer::Reply {
        status,
        content_type,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    };
    let json = "application/json; charset=utf-8";
    let kinds = [
        ("reset", ScriptedAnswer::Reset, true),
        ("silence", ScriptedAnswer::Silence, true),
        ("500", reply(500, "", ""), true),
        ("504", reply(504, "text/html", "<html>Gateway Time-out</html>"), true),
        ("cut", reply(200, json, r#"{"record_count":1030,"clients":[{"id":1,"#), true),
        ("empty", reply(200, json, ""), false),
        ("web page", reply(200, "text/html", "<!DOCTYPE html><html>login</html>"), false),
        ("another shape", reply(200, json, r#"{"users":[]}"#), false),
    ];
    let profile = Profile::synced(Options { clients: 1_030, ..Options::default() }).await;
    let mut last = 0;
    for (name, answer, passes) in kinds {
        for times in [1, 2, 5] {
            for skip in [0, 5, 10] {
                let before = in_use(&stored(&profile));
                profile.halo.change(|state| {
                    // One goes, one comes.
                    state.clients.remove(200);
                    last = state.clients.last().map_or(last, |client| client.id) + 1;
                    state.clients.push(pia_halo::demo::Client::new(last, format!("New {last}")));
                    state.scripted.clear();
                    let (path, answer) = ("/api/client".to_owned(), answer.clone());
                    state.scripted.push(Scripted { method: "GET", path, skip, times, apply: false, answer });
                });
                let report = tokio::select! {
                    report = sync_here(&profile) => report,
                    () = held_clock() => unreachable!("the clock goes on for ever"),
                };
                let what = format!("{name}, {times} times after {skip}: {report:?}");
                // A silence is waited for half a minute each time, and not five times.
                let must_pass = passes && !(name == "silence" && times == 5);
                if must_pass || report.status.code() == "complete" {
                    assert_eq!(report.status.code(), "complete", "{what}");
                } else {
                    assert!(report.status.code() == "failed" && in_use(&stored(&profile)) == before, "{what}");
                    profile.halo.change(|state| state.scripted.clear());
                    assert_eq!(sync_here(&profile).await.status.code(), "complete", "{what}");
                }
                assert!(in_use(&stored(&profile)) == in_use(&truth(&profile)), "{what}");
            }
        }
    }
}
