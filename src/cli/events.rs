//! `events`: the received callbacks, from the store.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Call;
use super::args::Events;
use super::output::Output;
use crate::domain::body::Body;
use crate::domain::configuration::ConfigurationId;
use crate::domain::event::{EVENTS_KEPT_DAYS, Event, ForwardState};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::next::{Hint, Next};
use crate::domain::thousands;
use crate::domain::untrusted::Untrusted;
use crate::ops::signals::{Changes, Signals};
use crate::ops::{self, Workspace};
use crate::settings::given_forward_secret;
use crate::words;

/// How often it is looked whether anybody still reads what is printed.
const LOOK: Duration = Duration::from_millis(250);

/// Events that are read in one go.
const BATCH: usize = 1_000;

pub(super) async fn run(call: &mut Call, options: Events) -> Result<u8, Failure> {
    // Who stays would keep everybody else from a store that is opened on a full disk.
    let works = options.forward_secret || options.catalogue || options.send_again.is_some();
    let workspace = match options.follow {
        _ if works => call.workspace()?,
        true => call.read()?,
        false => call.look()?,
    };
    let (id, _, _) = call.chosen(&workspace)?;
    if options.forward_secret {
        // What a service signs with that is started here.
        let secret = match super::serve::secret_file(call) {
            Some(file) => given_forward_secret(&file)?,
            None => ops::events::forward_secret(&workspace, &id)?,
        };
        if call.output.json {
            call.output.object(&json!({ "configuration": id, "forward_secret": secret.expose() }))?;
        } else {
            call.output.line(secret.expose());
        }
        return Ok(0);
    }
    if options.catalogue {
        let catalogue = ops::events::catalogue(&workspace, &id, call.cancel.clone()).await?;
        if call.output.json {
            call.output.object(&catalogue)?;
            return Ok(0);
        }
        let rows = catalogue.into_iter().map(|event| {
            let told = if event.told { "yes" } else { "" };
            [event.number.to_string(), event.name.display(), told.to_owned()]
        });
        call.output.table(["EVENT", "NAME", "SENT TO PIA"], rows);
        return Ok(0);
    }
    if let Some(which) = &options.send_again {
        let one = (which != "all").then_some(which.as_str());
        let count = ops::events::send_again(&workspace, &id, one)?;
        if count == 0 && one.is_none() {
            ops::clients::require_not_lost(&workspace, &id, LIST)?;
            tell_known_since(call, known_since(&workspace, &id)?, true);
        }
        if count == 0 && one.is_some() {
            return Err(unknown(which));
        }
        if call.output.json {
            call.output.object(&json!({ "configuration": id, "status": "queued", "events": count }))?;
        }
        call.output.say(format!("{count} queued again, to be forwarded by {}", Next::ForwardTo));
        return Ok(0);
    }
    if let Some(which) = &options.show {
        let (event, body) = ops::events::one(&workspace, &id, which)?.ok_or_else(|| unknown(which))?;
        return show(&mut call.output, &event, &body);
    }
    let state = options.undelivered.then_some(ForwardState::Undelivered);
    let mut events = ops::events::list(&workspace, &id, None, state, options.limit)?;
    if events.is_empty() && !options.follow {
        ops::clients::require_not_lost(&workspace, &id, LIST)?;
    }
    events.reverse();
    for event in &events {
        print(&mut call.output, event)?;
    }
    if !options.follow {
        if events.is_empty() && options.undelivered {
            let waiting = ops::events::waiting(&workspace, &id)?;
            let still = if waiting > 0 { format!(" {}", words::event::waiting(waiting)) } else { String::new() };
            call.output.say(format!("No undelivered events.{still}"));
        } else if events.is_empty() {
            call.output.say(format!("No events yet. Halo sends them to {}.", Next::Serve));
        }
        tell_known_since(call, known_since(&workspace, &id)?, events.is_empty());
        return Ok(0);
    }
    let mut signals = Signals::of(&workspace, Changes::STORE);
    let mut last = match events.last() {
        Some(event) => event.number,
        None => ops::events::list(&workspace, &id, None, None, 1)?.first().map_or(0, |event| event.number),
    };
    loop {
        loop {
            let events = ops::events::list(&workspace, &id, Some(last), None, BATCH)?;
            for event in &events {
                last = event.number;
                print(&mut call.output, event)?;
            }
            if events.len() < BATCH {
                break;
            }
        }
        loop {
            tokio::select! {
                () = call.cancel.cancelled() => return Ok(0),
                _ = signals.wait_for_change() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
            if call.output.is_unread() {
                return Ok(0);
            }
        }
    }
}

/// What was lost with the store.
const LIST: &str = "the list of events";

/// An empty list of a new store is told to a program, too: it would take it for all that there is.
pub(super) fn tell_known_since(call: &mut Call, since: Option<Timestamp>, is_empty: bool) {
    match since.map(words::health::known_since) {
        Some(words) if is_empty => call.output.warn(words),
        Some(words) => call.output.say(words),
        None => {}
    }
}

// Events from before would be gone by now anyway once they have had their time.
fn known_since(workspace: &Workspace, id: &ConfigurationId) -> Result<Option<Timestamp>, Failure> {
    let kept = SignedDuration::from_hours(24 * EVENTS_KEPT_DAYS);
    let is_new = |since: &Timestamp| workspace.now().duration_since(*since) < kept;
    Ok(ops::clients::known_since(workspace, id)?.filter(is_new))
}

fn unknown(id: &str) -> Failure {
    let id = Untrusted::new(id).display();
    Failure::new(FailureKind::Usage, format!("there is no event {id}"))
        .hint(Hint::from("To list them: ").next(Next::Events))
}

fn print(output: &mut Output, event: &Event) -> Result<(), Failure> {
    if output.json {
        return output.object(event);
    }
    let ticket = event.ticket_id.map_or("–".to_owned(), |id| id.to_string());
    let (_, _, board) = words::event::board(event);
    let what = words::event::name(event);
    let at = event.received_at.strftime("%Y-%m-%d %H:%M:%S UTC");
    output.line(format!("{at}  {what:<28}  ticket {ticket:<9}  {board}  {}", event.id));
    for remark in event.remarks() {
        output.line(format!("    {}", Untrusted::new(remark).display()));
    }
    if let Some(given_up) = event.forwarding.as_ref().filter(|forwarding| forwarding.state == ForwardState::Undelivered)
    {
        let error = given_up.last_error.as_deref().unwrap_or("no answer");
        output.line(format!("    not forwarded after {} tries: {error}", given_up.attempts));
    }
    Ok(())
}

fn show(output: &mut Output, event: &Event, body: &Untrusted) -> Result<u8, Failure> {
    if output.json {
        let mut shown = serde_json::to_value(event)
            .map_err(|error| Failure::new(FailureKind::LocalState, format!("not printable as JSON: {error}")))?;
        shown["body"] = serde_json::from_str(body.raw()).unwrap_or_else(|_| body.raw().into());
        output.object(&shown)?;
        return Ok(0);
    }
    print(output, event)?;
    if let Some(ticket) = &event.ticket {
        let word = |text: &Option<Untrusted>| text.as_ref().map_or("–".to_owned(), ToString::to_string);
        output.line(format!("  Summary  {}", word(&ticket.summary)));
        output.line(format!("  Client   {}", word(&ticket.client)));
        output.line(format!("  Board    {}", word(&ticket.team)));
        output.line(format!("  Status   {}", word(&ticket.status)));
    }
    if let Some(problem) = &event.ticket_problem {
        output.line(format!("  Ticket   {problem}"));
    }
    if let Some(forwarding) = &event.forwarding {
        let error = forwarding.last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        output.line(format!("  Forwarding  {}, {} tries{error}", forwarding.state.word(), forwarding.attempts));
    }
    let body = Body::of(body);
    for line in &body.lines {
        output.line(format!("  {line}"));
    }
    if body.cut > 0 {
        output.say(format!("{} more lines; --json prints all of it", thousands(body.cut as u64)));
    }
    Ok(0)
}
