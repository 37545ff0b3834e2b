//! `status`: the current state, offline.

use jiff::Timestamp;

use super::output::Output;
use super::{Call, args, doctor};
use crate::domain::calendar::utc;
use crate::domain::daily::DailyOutcome;
use crate::domain::delivery::OVERTAKEN;
use crate::domain::exit_code;
use crate::domain::failure::Failure;
use crate::domain::gap::Gap;
use crate::domain::health::{Finding, Rule};
use crate::domain::next::Next;
use crate::domain::status::{DOES_NOT_ANSWER, ServiceStatus, Status, StepState, Unanswered};
use crate::domain::step::Step;
use crate::domain::sync_run::usage;
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::ops;
use crate::words::service::{BY_TIMER, idle};
use crate::words::{self, Tone};

pub(super) fn run(call: &mut Call, options: &args::Status) -> Result<u8, Failure> {
    let workspace = call.look()?;
    let (id, _, _) = call.chosen(&workspace)?;
    let status = ops::status::of(&workspace, &id)?;
    if call.output.json {
        call.output.object(&status)?;
    } else {
        print(call, &status, workspace.now());
    }
    let open = status.health.iter().any(Finding::is_open);
    Ok(if options.exit_code && open { exit_code::ATTENTION } else { 0 })
}

fn print(call: &mut Call, status: &Status, now: Timestamp) {
    let output = &mut call.output;
    let active = if status.active { "active" } else { "not active" };
    let name = if status.name.is_empty() { String::new() } else { format!("{} ", status.name) };
    output.line(format!("{name}({}), {active}", status.configuration));
    if let Some(halo) = &status.halo {
        output.line(format!("Halo       {}", halo.line()));
    }
    if let Some(store) = words::store::on_server(status) {
        output.line(format!("Store      {store}"));
    }
    for (number, host) in status.hosts.iter().enumerate() {
        let label = if number == 0 { "Hosts" } else { "" };
        output.line(format!("{label:<10} {}: {}", words::store::name(host), words::store::host(host, now)));
    }
    if !status.health.is_empty() {
        let line = doctor::line(output, &status.health);
        output.line(line);
    }
    let steps = &status.steps;
    for (step, state) in words::step::states(steps) {
        let (tone, word) = words::step::state(state);
        let mark = output.sign(tone);
        let age = checked(status, step).map_or_else(String::new, |at| format!(", checked {}", utc(at)));
        output.line(format!("{mark} {:<16} {word}{age}", words::step::name(step)));
    }
    syncs(output, status);
    service(output, &status.service);
    in_halo(output, status);
}

// When somebody last saw in Halo whether a step still holds; the sync has a line of its own.
fn checked(status: &Status, step: Step) -> Option<Timestamp> {
    let rule = match step {
        Step::Credentials => Rule::Credentials,
        Step::Configure if status.integration.is_in_halo() => Rule::Drift,
        _ => return None,
    };
    status.health.iter().find(|finding| finding.rule == rule)?.seen_at
}

// Whether the clients are those of the Halo before: what was read of it was forgotten with its Url.
fn is_of_another_halo(status: &Status) -> bool {
    let has_published = status.last_sync.as_ref().is_some_and(|sync| sync.status.has_published());
    has_published && status.steps.initial_sync == StepState::Todo
}

// When the clients were and will be read, and the days on which they were not.
fn syncs(output: &mut Output, status: &Status) {
    match &status.last_sync {
        Some(sync) => output.line(format!(
            "Last sync  {}{} at {}; clients: {}{}",
            sync.status.word(),
            if is_of_another_halo(status) { ", of another Halo," } else { "" },
            utc(sync.finished_at),
            usage(status.clients.active, status.clients.disabled, status.clients.left_out),
            sync.as_seen
        )),
        None => output.line("Last sync  none yet"),
    }
    if let Some(holder) = &status.known.syncing {
        output.line(format!("Syncing    {holder}"));
    }
    let service = &status.service;
    if let Some(next) = status.next_sync {
        let at = utc(next);
        output.line(match service.running {
            true => format!("Next sync  due {at}"),
            false if service.timer => format!("Next sync  {BY_TIMER}"),
            false if service.is_silent() => format!("Next sync  none by itself, as {}. Due {at}", idle(service)),
            false => format!(
                "Next sync  none by itself, as {}: sudo {}, or your own timer. Due {at}",
                idle(service),
                Next::InstallService
            ),
        });
    }
    let missed: Vec<String> = service
        .days
        .iter()
        .filter(|day| day.outcome != DailyOutcome::Synced)
        .take(7)
        .map(|day| format!("{} {}", day.day, day.outcome.word()))
        .collect();
    if !missed.is_empty() {
        output.line(format!("Days       {}", missed.join(", ")));
    }
}

// What the service receives and forwards.
fn service(output: &mut Output, service: &ServiceStatus) {
    if let Some(since) = service.since {
        let since = utc(since);
        output.line(match service.unanswered {
            None => format!("Service    runs since {since}"),
            Some(Unanswered::Silent) => format!("Service    {DOES_NOT_ANSWER}; started {since}"),
            Some(Unanswered::NotAsked) => format!("Service    started {since}; whether it answers is not known"),
        });
    }
    if let Some(last) = service.last_event_at {
        output.line(format!("Events     the last one at {}", utc(last)));
    }
    if let Some(late) = service.late() {
        let mark = output.sign(Tone::Warn);
        output.line(format!("         {mark} {late}"));
    }
    for words in service.spool.waits().into_iter().chain(service.spool.refused()) {
        let mark = output.sign(Tone::Warn);
        output.line(format!("         {mark} {words}"));
    }
    for words in service.gaps.iter().take(3).flat_map(Gap::words) {
        output.line(format!("           {}", Untrusted::new(words).display()));
    }
    if service.undelivered > 0 {
        let count = thousands(service.undelivered);
        let (list, again) = (Next::Undelivered, Next::SendAgain);
        output.line(format!("           {count} not forwarded. To see them: {list}; to try again: {again}"));
    }
    if service.events_to_forward > 0 {
        output.line(format!("           {}", words::event::waiting(service.events_to_forward)));
    }
    if service.clients_to_forward > 0 {
        let count = thousands(service.clients_to_forward);
        output.line(format!("           {count} client changes waiting to be forwarded by {}", Next::ForwardTo));
    }
}

// What is installed, and what is unfinished there.
fn in_halo(output: &mut Output, status: &Status) {
    let integration = &status.integration;
    let state = match integration.configured_at {
        Some(at) => format!("configured {}", utc(at)),
        None => integration.unconfigured().to_owned(),
    };
    // What a look has found since then is not passed over.
    let drift = status.health.iter().find(|found| found.rule == Rule::Drift && found.is_issue());
    let differ = match drift.map_or(0, |drift| drift.objects().count()) {
        0 => String::new(),
        1 => format!("; 1 of them differs or is gone: {}", Next::Issues),
        some => format!("; {some} of them differ or are gone: {}", Next::Issues),
    };
    output.line(match integration.objects.len() {
        0 => format!("In Halo    {state}"),
        1 => format!("In Halo    1 object, {state}{differ}"),
        many => format!("In Halo    {many} objects, {state}{differ}"),
    });
    for words in integration.left_behind() {
        output.line(format!("           {}", Untrusted::new(words.to_string()).display()));
    }
    let rotation = &integration.rotation;
    if rotation.under_way {
        output.line(format!("Rotation   not finished: both tokens still work. To finish it: {}", Next::Rotate));
    }
    if let Some(until) = rotation.former_good_until {
        output.line(format!("Rotation   the old token works until {}", utc(until)));
    }
    for delivery in &integration.deliveries {
        let read = utc(delivery.read_at);
        let since = if delivery.is_overtaken(status.service.last_event_at) { OVERTAKEN } else { "" };
        output.line(format!("Delivery   {}: {} (read {read}{since})", delivery.webhook, delivery.message));
    }
}
