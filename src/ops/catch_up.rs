//! Events that were missed: what Halo wanted to tell while nobody listened is fetched from its log of deliveries, and, where
//! that holds nothing, from the tickets that have changed since.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Workspace;
use crate::domain::callback::EventGroup;
use crate::domain::configuration::ConfigurationId;
use crate::domain::event::{EventBody, FetchedFrom, Incoming};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::gap::Gap;
use crate::domain::object::ObjectKind;
use crate::halo::{HaloApi, HaloError, LogPart, LoggedCall};
use crate::store::NewEvent;

/// How far Halo's clock and ours may be apart.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(5);

/// What Halo had to tell, on its way into the store.
struct Missed {
    at: Timestamp,
    group: EventGroup,
    what: What,
    /// Whether another machine was told, before the configuration was taken over from it.
    was_told: bool,
}

enum What {
    /// A call's body out of the log, and Halo's id of the row.
    Body(EventBody, String),
    /// A ticket that has changed.
    Ticket(i64),
}

/// The time in which callbacks may have been missed.
#[derive(Clone, Copy, Debug)]
pub struct CatchUpRange {
    /// From when on callbacks may have been missed, where that is known to be before the last good moment.
    pub earlier: Option<Timestamp>,
    /// Until when.
    pub until: Timestamp,
    /// Whether a webhook was off meanwhile: then Halo's log does not tell all of it.
    pub was_off: bool,
    /// Whether events are forwarded.
    pub forward: bool,
}

/// Fetches what was missed since nothing was. What somebody took before the configuration was ours, the machine took that had
/// it then: that is stored, and not forwarded a second time. None where no service has looked after this configuration before: then there is no gap, and one can be known
/// of from now on.
///
/// # Errors
///
/// Where Halo cannot be asked: nothing is written down, and the next look finds the same gap.
pub async fn run(
    workspace: &Workspace,
    id: &ConfigurationId,
    halo: &HaloApi,
    range: CatchUpRange,
    ours_since: Option<Timestamp>,
) -> Result<Option<Gap>, Failure> {
    let CatchUpRange { earlier, until, was_off, forward } = range;
    let of = id.clone();
    let read = move |workspace: &Workspace| {
        let Some(since) = workspace.store.complete_until(&of)? else {
            workspace.store.note_complete(&of, until)?;
            return Ok(None);
        };
        let mut webhooks = workspace.store.installed(&of)?;
        webhooks.retain(|object| object.kind == ObjectKind::Webhook);
        let has_heard = !workspace.store.last_deliveries(&of)?.is_empty();
        Ok(Some((earlier.map_or(since, |earlier| earlier.min(since)), webhooks, has_heard)))
    };
    let Some((since, webhooks, has_heard)) = workspace.run_blocking(read).await? else { return Ok(None) };
    let mut gap = Gap { since, until, from_log: 0, from_tickets: 0, problems: Vec::new() };
    let from = since.checked_sub(CLOCKS_APART).unwrap_or(since);
    let states = if webhooks.is_empty() { Default::default() } else { halo.webhook_states().await? };
    let mut logs = Vec::new();
    for webhook in &webhooks {
        let name = webhook.name.display();
        let Some(group) = EventGroup::ALL.into_iter().find(|group| group.webhook_name() == name) else { continue };
        let log = match halo.calls_since(&webhook.id, from).await {
            Ok(log) => log,
            Err(error) if is_refused(&error) => {
                gap.problems.push(format!("Halo's log of {name} cannot be read: {}", Failure::from(error)));
                LogPart::default()
            }
            Err(error) => return Err(error.into()),
        };
        let state = states.get(&webhook.id.to_ascii_lowercase());
        let (is_on, days) = (state.is_some_and(|state| state.active), state.and_then(|state| state.log_days));
        logs.push(Log { group, part: log, is_new: webhook.installed_at > from, is_on, days });
    }
    let tells_nothing = was_off || !tell_everything(&logs);
    let is_first_time = !has_heard && are_blank(&logs, until.duration_since(from));
    let calls = logs.into_iter().flat_map(|log| log.part.calls.into_iter().map(move |call| (call, log.group)));
    let mut missed: Vec<Missed> = calls.filter_map(|(call, group)| of_log(call, group, ours_since)).collect();
    if tells_nothing {
        let (tickets, untold) = halo.tickets_changed_since(since).await?;
        // Before the first ticket of all there is nothing to doubt.
        if untold > 0 && !is_first_time {
            let tickets = if untold == 1 { "1 ticket" } else { &format!("{untold} tickets") };
            gap.problems.push(format!(
                "Halo's log is incomplete, and Halo does not report when {tickets} last changed; no loss is known"
            ));
        }
        let known: Vec<i64> = missed.iter().filter_map(Missed::ticket).collect();
        for ticket in tickets.into_iter().filter(|ticket| ticket.at <= until && !known.contains(&ticket.id)) {
            let group = if ticket.is_new { EventGroup::TicketCreated } else { EventGroup::TicketUpdated };
            missed.push(Missed { at: ticket.at, group, what: What::Ticket(ticket.id), was_told: false });
        }
    }
    missed.sort_by_key(|missed| missed.at);
    let (of, problem) = (id.clone(), "Halo's log is incomplete, so deleted tickets may have been missed");
    let write = move |workspace: &Workspace| {
        let mut events = Vec::new();
        for missed in &missed {
            // A callback about that ticket came in after it had changed: it was told.
            if let What::Ticket(ticket) = missed.what
                && workspace.store.heard_of(&of, ticket, missed.at)?
            {
                continue;
            }
            events.extend(missed.events().map(|incoming| NewEvent {
                configuration: of.clone(),
                group: missed.group,
                fetched_from: Some(missed.from()),
                incoming,
                received_at: until,
                forward: forward && !missed.was_told,
            }));
        }
        if events.iter().any(|event| event.fetched_from == Some(FetchedFrom::Tickets)) {
            gap.problems.push(problem.to_owned());
        }
        Ok(workspace.store.close_gap(&of, gap, events)?)
    };
    workspace.run_blocking(write).await.map(Some)
}

/// What Halo's log says of one webhook.
struct Log {
    group: EventGroup,
    part: LogPart,
    /// Whether the webhook was installed since the moment that was asked for.
    is_new: bool,
    is_on: bool,
    /// How long Halo keeps its rows, where it tells.
    days: Option<i64>,
}

/// Whether the logs hold everything that Halo wanted to tell since the moment that was asked for.
///
/// Each log needs a row from before it, or was installed since and has one. Of one that has none, another one speaks that is
/// kept as long: all webhooks write into one log of Halo's, and nothing but their retention tells their rows apart. Without
/// any row nobody knows whether Halo keeps a log at all, and for an older one a newer one cannot speak.
fn tell_everything(logs: &[Log]) -> bool {
    let speaks = |other: &Log, log: &Log| {
        let from_the_start = other.is_new && !other.part.calls.is_empty();
        other.days == log.days && (other.part.reaches_back || log.is_new && from_the_start)
    };
    logs.iter().all(|log| {
        // What happens while a webhook is off, Halo does not even try to tell.
        log.is_on && log.part.was_read_out && logs.iter().any(|other| speaks(other, log))
    })
}

/// Whether Halo keeps logs that reach back so far and have no row at all. Where nothing has ever come in either, Halo has most
/// likely not had anything to tell yet: a ticket that says when it was made is looked for all the same.
fn are_blank(logs: &[Log], back: SignedDuration) -> bool {
    let is_blank = |log: &Log| {
        let reaches = log.days.is_some_and(|days| SignedDuration::from_hours(days.saturating_mul(24)) > back);
        log.is_on && log.part.was_read_out && log.part.calls.is_empty() && reaches
    };
    !logs.is_empty() && logs.iter().all(is_blank)
}

fn is_refused(error: &HaloError) -> bool {
    matches!(error, HaloError::Declined { .. } | HaloError::MissingRight { .. } | HaloError::Unexpected { .. })
}

/// What a call of the log has to tell that we may not know.
fn of_log(call: LoggedCall, group: EventGroup, ours_since: Option<Timestamp>) -> Option<Missed> {
    let was_told = call.taken && call.at.zip(ours_since).is_some_and(|(at, since)| at < since);
    let at = call.at.unwrap_or(Timestamp::MIN);
    let body = match (call.body, call.ticket_id) {
        (Some(body), _) => body,
        // A lightweight log keeps which ticket it was about.
        (None, Some(ticket)) if !call.taken => json!({
            "id": &call.id,
            "event": if group == EventGroup::TicketCreated { "New Ticket Logged" } else { "Ticket Changed" },
            "object_id": ticket,
            "timestamp": call.at,
        })
        .to_string(),
        _ => return None,
    };
    let body = EventBody::read(body.into_bytes()).ok().filter(EventBody::is_whole)?;
    // When it happened, and not when Halo told of it: that keeps the order of each ticket.
    let at = body.events().find_map(|event| event.sent_at).unwrap_or(at);
    // What was taken and cannot be told from another one is not stored again.
    let can_be_told = !call.taken || body.events().all(|event| event.id.is_some());
    can_be_told.then_some(Missed { at, group, what: What::Body(body, call.id), was_told })
}

impl Missed {
    fn from(&self) -> FetchedFrom {
        match self.what {
            What::Body(..) => FetchedFrom::HaloLog,
            What::Ticket(_) => FetchedFrom::Tickets,
        }
    }

    fn ticket(&self) -> Option<i64> {
        match &self.what {
            What::Body(body, _) => body.events().find_map(|event| event.ticket_id),
            What::Ticket(ticket) => Some(*ticket),
        }
    }

    fn events(&self) -> Box<dyn Iterator<Item = Incoming<'_>> + '_> {
        match &self.what {
            What::Body(body, call) => Box::new(body.events().enumerate().map(move |(number, mut event)| {
                // Read again with the next look, it is the same event.
                event.id.get_or_insert_with(|| format!("call-{call}-{number}"));
                event
            })),
            What::Ticket(ticket) => Box::new(std::iter::once(Incoming {
                // The same ticket as it changed then: found again, it is known.
                id: Some(format!("ticket-{ticket}-{}", self.at.as_millisecond())),
                event: None,
                ticket_id: Some(*ticket),
                sent_at: Some(self.at),
                not_understood: None,
                body: json!({ "ticket_id": ticket, "changed_at": self.at }).to_string().into(),
            })),
        }
    }
}

/// That nothing was missed until now: the service ends in order.
///
/// # Errors
///
/// Where the store cannot be written: the next start looks at a longer time than it has to.
pub fn note_complete(workspace: &Workspace) -> Result<(), Failure> {
    match workspace.active()? {
        Some((id, _)) if workspace.store.complete_until(&id)?.is_some() => {
            Ok(workspace.store.note_complete(&id, workspace.now())?)
        }
        _ => Ok(()),
    }
}

/// Whether a failure is Halo's word, which asking again in a minute does not change.
pub fn is_final(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::MissingRight | FailureKind::Declined)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A webhook of which nothing happened for a month has no row: that is no loss, where Halo's log reaches back.
    #[test]
    fn log_of_sibling_proves_empty_log_complete() {
        let log = |reaches_back, days| Log {
            group: EventGroup::TicketCreated,
            part: LogPart { calls: Vec::new(), reaches_back, was_read_out: true },
            is_new: false,
            is_on: true,
            days,
        };
        let month = Some(30);
        assert!(tell_everything(&[log(true, month), log(false, month)]));
        assert!(tell_everything(&[log(true, None), log(false, None)]));
        assert!(!tell_everything(&[log(false, month), log(false, month)]), "perhaps Halo keeps no log");
        assert!(!tell_everything(&[log(true, month), log(false, Some(1))]), "its rows are deleted sooner");
        assert!(!tell_everything(&[log(true, month), Log { is_on: false, ..log(false, month) }]));
        let unread = LogPart { reaches_back: false, ..LogPart::default() };
        assert!(!tell_everything(&[log(true, month), Log { part: unread, ..log(false, month) }]));

        // Configured a moment ago: the first ticket was made, and none was changed yet.
        let call = LoggedCall { id: "1".to_owned(), at: None, taken: true, body: None, ticket_id: None };
        let new = |calls| Log { is_new: true, part: LogPart { calls, ..log(false, month).part }, ..log(false, month) };
        assert!(tell_everything(&[new(vec![call.clone()]), new(Vec::new())]));
        assert!(!tell_everything(&[new(Vec::new()), new(Vec::new())]), "perhaps Halo keeps no log");
        assert!(!tell_everything(&[new(vec![call.clone()]), log(false, month)]), "what it had before is not known");

        // Nothing has happened yet, and the log is kept for long enough.
        let day = SignedDuration::from_hours(24);
        assert!(are_blank(&[log(false, month), log(false, month)], day));
        assert!(!are_blank(&[log(false, month), log(false, month)], day * 31));
        for other in [log(false, None), log(false, Some(0)), Log { is_on: false, ..log(false, month) }, new(vec![call])]
        {
            assert!(!are_blank(&[log(false, month), other], day));
        }
        assert!(!are_blank(&[], day));
    }

    /// Nothing is lost with a take-over, and nothing is told twice.
    #[test]
    fn call_taken_before_take_over_is_kept_and_not_forwarded() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let ours_since = Some(at("2026-11-29T12:00:00Z"));
        let was_told = |taken, time: &str, ours_since| {
            let guid = "0198c0de-0000-7000-8000-000000000001";
            let body = json!({ "id": guid, "webhook_id": "w", "event": "Ticket Closed", "object_id": 5 });
            let body = Some(body.to_string());
            let call = LoggedCall { id: "c".to_owned(), at: Some(at(time)), taken, ticket_id: Some(5), body };
            of_log(call, EventGroup::TicketUpdated, ours_since).expect("it is kept").was_told
        };
        assert!(was_told(true, "2026-11-29T11:59:00Z", ours_since));
        assert!(!was_told(true, "2026-11-29T12:01:00Z", ours_since));
        assert!(!was_told(false, "2026-11-29T11:59:00Z", ours_since), "nobody has taken it");
        assert!(!was_told(true, "2026-11-29T11:59:00Z", None));
    }
}
