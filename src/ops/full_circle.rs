//! The full-circle test: creates a ticket on the Pia Board, follows its event all the way, and closes the ticket.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::answering::may_work;
use super::boards::Boards;
use super::{Workspace, delivery};
use crate::domain::callback::EventGroup;
use crate::domain::check::CheckStatus;
use crate::domain::client::ClientStatus;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::delivery::let_in;
use crate::domain::event::{Event, ForwardState};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::full_circle::{Earlier, FullCircle, Hop, HopReport, LeftOpen, question};
use crate::domain::health::from_circle;
use crate::domain::next::{Hint, Next};
use crate::domain::object::ObjectKind;
use crate::domain::record::InstalledObject;
use crate::domain::secret::Secret;
use crate::domain::ticket::Ticket;
use crate::domain::untrusted::Untrusted;
use crate::halo::delivery::LoggedDelivery;
use crate::halo::{HaloApi, HaloError, NewTicket};
use crate::words::service;
use crate::words::time::took;

/// How the summary of the ticket begins; its time makes it one of a kind.
const SUMMARY: &str = "pia-halo full circle";

/// What the ticket says to whoever finds it.
fn details() -> String {
    format!("Created by {} to see whether Halo's events arrive. It closes by itself.", Next::FullCircle)
}

/// The lock: only one test at a time.
const LOCK: &str = "full-circle";

/// The two writes, as the audit trail calls them.
const MAKE: &str = "make test ticket";
const CLOSE: &str = "close test ticket";

/// The waits between two looks at Halo's log. The last one repeats.
const LOOKS: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5)];

/// How often what is stored here is looked at in between.
const GLANCE: Duration = Duration::from_millis(250);

/// How long Halo's log may lag behind an event that has arrived.
const LOG_LAG: Duration = Duration::from_secs(10);

/// How long closing the ticket may take, interrupted or not.
const CLOSING: Duration = Duration::from_secs(60);

/// Statuses that are tried to close the ticket with: a workflow may forbid some.
const CLOSING_STATUSES: usize = 3;

/// Lines of the audit trail among which those of a run that was killed are looked for.
const LOOK_BACK: usize = 2_000;

/// Events among which the one of the ticket is looked for.
const RECENT: usize = 200;

/// What the full circle will do: looked up here, without a request.
pub struct Prepared {
    id: ConfigurationId,
    configuration: Configuration,
    webhook: InstalledObject,
    client: (i64, Untrusted),
    ticket_type: Option<i64>,
    /// Whether the service runs on this machine.
    pub is_served: bool,
}

impl Prepared {
    /// What has to be confirmed.
    pub fn question(&self) -> String {
        let board = Untrusted::new(&*self.configuration.pia_screen.pia_board);
        question(&board, &format!("the client \"{}\"", self.client.1))
    }
}

/// Checks that there is something to follow, and decides what the ticket will be.
pub fn prepare(workspace: &Workspace, id: Option<&ConfigurationId>) -> Result<Prepared, Failure> {
    let (id, configuration) = workspace.active_configuration(id)?;
    workspace.recognise(&id, &configuration.api)?;
    let installed = workspace.store.installed(&id)?;
    let name = EventGroup::TicketCreated.webhook_name();
    let webhook = installed.into_iter().find(|object| object.kind == ObjectKind::Webhook && object.name.raw() == name);
    let Some(webhook) = webhook else { return Err(delivery::no_webhook(workspace, &id, "no event can arrive")?) };
    let clients = workspace.store.clients_after(&id, None, RECENT)?;
    let client = clients.into_iter().find(|stored| stored.status == ClientStatus::Active).ok_or_else(|| {
        Failure::new(FailureKind::Declined, "there is no active client to create the ticket for")
            .hint(Hint::from("Sync first: ").next(Next::Sync))
    })?;
    let kinds = workspace.store.lists(&id)?.ticket_types;
    let ticket_type = kinds.iter().find(|kind| kind.active).map(|kind| kind.id);
    Ok(Prepared {
        webhook,
        client: (client.client.id, client.client.name),
        ticket_type,
        is_served: may_work(&workspace.service()),
        id,
        configuration,
    })
}

/// Runs the test once. `on_hop` is called for each hop as it is reached.
///
/// # Errors
///
/// Where nothing could be tried. What broke on the way is in the report; the ticket is closed whatever happens.
pub async fn prove(
    workspace: &Workspace,
    prepared: &Prepared,
    patience: Duration,
    cancel: CancellationToken,
    on_hop: impl FnMut(&HopReport) + Send,
) -> Result<FullCircle, Failure> {
    let lock = workspace.lock(LOCK, "check --full-circle")?;
    let workspace = &workspace.under(&lock);
    let id = &prepared.id;
    let halo = workspace.halo(id, &prepared.configuration.api).await?;
    let secrets = workspace.settings.secrets(id)?;
    let mut circle = Circle {
        workspace,
        prepared,
        asked: halo.cancelled_by(cancel.clone()),
        halo,
        cancel,
        hide: secrets.every_callback().flat_map(|pair| [pair.token.clone(), pair.password.clone()]).collect(),
        made: Instant::now(),
        hops: Vec::new(),
        on_hop,
    };
    let earlier = circle.close_earlier().await?;
    // What is in the log before is not ours.
    let before = circle.asked.logged_ids(&prepared.webhook.id).await;
    let ticket = match circle.make().await {
        Ok(ticket) => ticket,
        Err(failure) => {
            circle.tell(HopReport::failed(Hop::Made, failure));
            return Ok(FullCircle::of(None, circle.hops, earlier));
        }
    };
    circle.follow(ticket.id, before, patience).await;
    workspace.note_health(id, from_circle(&circle.hops));
    let closing = timeout(CLOSING, circle.close(ticket.id)).await;
    let closed = closing.unwrap_or_else(|_| Err(silent()));
    circle.tell(match closed {
        Ok(status) => {
            let report = HopReport::new(Hop::Closed, CheckStatus::Pass, format!("its status is {status}"));
            report.reached(Some(workspace.now()), circle.elapsed())
        }
        Err(failure) => {
            let hint = format!("close ticket {} in Halo by hand", ticket.id);
            HopReport::failed(Hop::Closed, failure.hint(hint))
        }
    });
    // What is known of the deliveries is as new as this one.
    if let Err(failure) = delivery::read(workspace, id, circle.cancel).await {
        tracing::debug!(%failure, "Halo's log could not be read again");
    }
    Ok(FullCircle::of(Some(ticket.id), circle.hops, earlier))
}

/// The tickets that runs before this one have left open, by the audit trail: killed in the middle, or refused by Halo at
/// the end. None while one runs.
pub fn left_open(workspace: &Workspace, id: &ConfigurationId) -> Result<Vec<LeftOpen>, Failure> {
    // Where it is not known, one may.
    if !matches!(workspace.holder(LOCK), Ok(None)) {
        return Ok(Vec::new());
    }
    opened(workspace, id)
}

fn opened(workspace: &Workspace, id: &ConfigurationId) -> Result<Vec<LeftOpen>, Failure> {
    let mut open: Vec<LeftOpen> = Vec::new();
    let lines = workspace.activities(LOOK_BACK)?.into_iter().rev();
    for line in lines.filter(|line| line.configuration.as_deref() == Some(id.as_str())) {
        let ticket = line.object.as_deref().and_then(|object| object.strip_prefix("ticket ")?.parse().ok());
        let summary = line.message.unwrap_or_default();
        match (line.action.as_str(), line.outcome.as_str()) {
            (MAKE, "begun") => open.push(LeftOpen { ticket: None, summary }),
            (MAKE, "done") => {
                open.iter_mut().filter(|left| left.summary == summary).for_each(|left| left.ticket = ticket)
            }
            (MAKE, "failed") => open.retain(|left| left.summary != summary),
            (CLOSE, "done") => open.retain(|left| left.ticket != ticket),
            _ => {}
        }
    }
    Ok(open)
}

struct Circle<'a, F> {
    workspace: &'a Workspace,
    prepared: &'a Prepared,
    /// What has to be ended whatever happens is ended through it.
    halo: HaloApi,
    /// Ends with the interruption.
    asked: HaloApi,
    cancel: CancellationToken,
    hide: Vec<Secret>,
    made: Instant,
    hops: Vec<HopReport>,
    on_hop: F,
}

/// What has been seen of the event so far.
#[derive(Default)]
struct Seen {
    log: Option<LoggedDelivery>,
    /// Why Halo's log is not looked at any more.
    unreadable: Option<String>,
    event: Option<Event>,
    event_after: Option<u64>,
    log_after: Option<u64>,
    handed_after: Option<u64>,
}

impl Seen {
    fn is_forwarding(&self) -> bool {
        self.event.as_ref().is_some_and(|event| event.forwarding.is_some())
    }

    fn is_forwarded(&self) -> bool {
        let state = self.event.as_ref().and_then(|event| event.forwarding.as_ref()).map(|forwarding| forwarding.state);
        state == Some(ForwardState::Delivered)
    }
}

impl<F: FnMut(&HopReport) + Send> Circle<'_, F> {
    fn tell(&mut self, hop: HopReport) {
        (self.on_hop)(&hop);
        self.hops.push(hop);
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Closes what earlier runs have left open.
    async fn close_earlier(&self) -> Result<Vec<Earlier>, Failure> {
        let mut earlier = Vec::new();
        for left in opened(self.workspace, &self.prepared.id)? {
            let ticket = match left.ticket {
                Some(ticket) => Some(ticket),
                None => self.find(&left.summary).await?.map(|ticket| ticket.id),
            };
            let Some(ticket) = ticket else {
                self.write_down(MAKE, None, "failed", Some(&left.summary))?;
                continue;
            };
            self.write_down(MAKE, Some(ticket), "done", Some(&left.summary))?;
            let closed = timeout(CLOSING, self.close(ticket)).await.unwrap_or_else(|_| Err(silent()));
            earlier.push(Earlier { ticket, problem: closed.err().map(|failure| failure.to_string()) });
        }
        Ok(earlier)
    }

    /// Makes the ticket, once: a lost answer is looked for, and not sent again.
    async fn make(&mut self) -> Result<Ticket, Failure> {
        let board = &self.prepared.configuration.pia_screen.pia_board;
        let at = self.workspace.now();
        let summary = format!("{SUMMARY} {}", at.strftime("%Y-%m-%d %H:%M:%S%.3f UTC"));
        let ticket = NewTicket {
            summary: &summary,
            details: &details(),
            client: self.prepared.client.0,
            board,
            ticket_type: self.prepared.ticket_type,
        };
        self.write_down(MAKE, None, "begun", Some(&summary))?;
        self.made = Instant::now();
        let made = self.asked.make_ticket(&ticket).await;
        let found = match made {
            Ok(Some(id)) => self.halo.ticket(id).await?,
            Err(error) if !error.may_have_been_applied() => {
                self.write_down(MAKE, None, "failed", Some(&summary))?;
                return Err(error.into());
            }
            lost => match timeout(CLOSING, self.find(&summary)).await.unwrap_or_else(|_| Err(silent()))? {
                Some(ticket) => Some(ticket),
                None => {
                    self.write_down(MAKE, None, "unverified", Some(&summary))?;
                    let failure = lost.err().map_or_else(not_found, Failure::from);
                    return Err(failure.hint(format!("find the ticket \"{summary}\" in Halo and close it")));
                }
            },
        };
        let ticket = found.ok_or_else(not_found)?;
        self.write_down(MAKE, Some(ticket.id), "done", Some(&summary))?;
        let stands = self.boards()?.name(&self.asked, ticket.clone()).await.unwrap_or_else(|_| ticket.clone());
        let hop = if stands.is_on(board) {
            HopReport::new(
                Hop::Made,
                CheckStatus::Pass,
                format!("ticket {} on {}", ticket.id, Untrusted::new(&**board)),
            )
        } else {
            let where_ = stands.team.as_ref().map_or("another board".to_owned(), ToString::to_string);
            let mut hop = HopReport::new(Hop::Made, CheckStatus::Warn, format!("ticket {} on {where_}", ticket.id));
            hop.hint = Some(format!("A rule in Halo moved it there from {}", Untrusted::new(&**board)).into());
            hop
        };
        self.tell(hop.reached(Some(at), 0));
        Ok(ticket)
    }

    fn boards(&self) -> Result<Boards, Failure> {
        Boards::stored(self.workspace, &self.prepared.id)
    }

    async fn find(&self, summary: &str) -> Result<Option<Ticket>, Failure> {
        let board = &self.prepared.configuration.pia_screen.pia_board;
        let team = self.boards()?.find(&self.halo, board).await?;
        let found = self.halo.tickets_on(board, team).await?.tickets;
        Ok(found.into_iter().find(|ticket| ticket.summary.as_ref().is_some_and(|text| text.raw() == summary)))
    }

    /// Waits for the event, and tells of each station.
    async fn follow(&mut self, ticket: i64, before: Result<BTreeSet<String>, HaloError>, patience: Duration) {
        let (mut seen, mut known) = (Seen::default(), BTreeSet::new());
        match before {
            Ok(ids) => known = ids,
            Err(error) => seen.unreadable = Some(error.to_string()),
        }
        let mut looks = LOOKS.into_iter();
        let (mut due, mut wait) = (Instant::now(), LOOKS[0]);
        let mut sent = None;
        loop {
            if seen.log.is_none() && seen.unreadable.is_none() && due <= Instant::now() {
                self.look_at_log(ticket, &mut known, &mut seen).await;
                wait = looks.next().unwrap_or(wait);
                due = Instant::now() + wait;
            }
            if self.prepared.is_served {
                self.look_at_store(ticket, &mut seen);
            }
            if seen.log.is_some() && sent.is_none() {
                // Whoever waits for the rest sees how far it has come.
                sent = Some(self.tell_sent(&seen).await);
            }
            if self.has_ended(&seen) || self.made.elapsed() >= patience || self.cancel.is_cancelled() {
                break;
            }
            // A glance and no signal: what ends the wait is Halo's log and the time that has passed as often as the store.
            tokio::select! {
                () = self.cancel.cancelled() => {}
                () = sleep(GLANCE) => {}
            }
        }
        let ends = match sent {
            Some(ends) => ends,
            None => self.tell_sent(&seen).await,
        };
        self.tell_arrived(&seen, ends);
    }

    /// Whether there is nothing more to wait for.
    fn has_ended(&self, seen: &Seen) -> bool {
        let failed = seen.log.as_ref().is_some_and(|log| !log.is_success());
        let arrived = seen.event.is_some() && (!seen.is_forwarding() || seen.is_forwarded());
        let lag = Duration::from_millis(seen.event_after.unwrap_or(0)) + LOG_LAG;
        let log_is_done = seen.log.is_some() || seen.unreadable.is_some() || (arrived && self.made.elapsed() > lag);
        failed || (log_is_done && (arrived || !self.prepared.is_served))
    }

    async fn look_at_log(&mut self, ticket: i64, known: &mut BTreeSet<String>, seen: &mut Seen) {
        let hide: Vec<&Secret> = self.hide.iter().collect();
        match self.asked.delivery_of(&self.prepared.webhook.id, ticket, known, &hide).await {
            Ok(None) => {}
            Ok(log) => (seen.log, seen.log_after) = (log, Some(self.elapsed())),
            // What passes by itself is tried again.
            Err(_) if self.cancel.is_cancelled() => {}
            Err(error) if matches!(Failure::from(error.clone()).kind, FailureKind::NotReached) => {}
            Err(error) => seen.unreadable = Some(error.to_string()),
        }
    }

    fn look_at_store(&self, ticket: i64, seen: &mut Seen) {
        let Ok(events) = self.workspace.store.events(&self.prepared.id, None, None, RECENT) else {
            return;
        };
        let is_it = |event: &Event| event.ticket_id == Some(ticket) && event.group == EventGroup::TicketCreated;
        seen.event = events.into_iter().find(is_it).or(seen.event.take());
        if seen.event.is_some() {
            seen.event_after.get_or_insert_with(|| self.elapsed());
        }
        if seen.is_forwarded() {
            seen.handed_after.get_or_insert_with(|| self.elapsed());
        }
    }

    /// Tells what Halo has done, and whether the way ends there.
    async fn tell_sent(&mut self, seen: &Seen) -> bool {
        let arrived = seen.event.is_some();
        let at = seen.log.as_ref().and_then(|log| log.at);
        let logged = match (&seen.log, &seen.unreadable) {
            (Some(_), _) => HopReport::new(Hop::Logged, CheckStatus::Pass, "Halo's delivery log has it")
                .reached(at, seen.log_after.unwrap_or(0)),
            (None, Some(why)) => {
                HopReport::new(Hop::Logged, CheckStatus::Skip, format!("the log cannot be read: {why}"))
            }
            (None, None) if arrived => HopReport::new(Hop::Logged, CheckStatus::Warn, "Halo's log does not show it"),
            (None, None) => self.not_sent().await,
        };
        let ends = logged.status == CheckStatus::Fail;
        self.tell(logged);
        let delivered = match &seen.log {
            _ if ends => unreached(Hop::Delivered),
            Some(log) => delivered(log).reached(at, seen.log_after.unwrap_or(0)),
            None if arrived => HopReport::new(Hop::Delivered, CheckStatus::Pass, "the event arrived here"),
            None => HopReport::new(Hop::Delivered, CheckStatus::Skip, "unknown without the log"),
        };
        let ends = ends || delivered.status == CheckStatus::Fail;
        self.tell(delivered);
        ends
    }

    /// Tells what has come of it here, unless the way has ended before.
    fn tell_arrived(&mut self, seen: &Seen, ends: bool) {
        let stored = match &seen.event {
            Some(event) => HopReport::new(Hop::Stored, CheckStatus::Pass, format!("event {}", event.id))
                .reached(Some(event.received_at), seen.event_after.unwrap_or(0)),
            None if ends => unreached(Hop::Stored),
            None if !self.prepared.is_served => {
                HopReport::new(Hop::Stored, CheckStatus::Skip, format!("{} on this machine", service::STOPPED))
            }
            None => HopReport::broken(
                Hop::Stored,
                "not stored here, although the address accepted it",
                "Something else answers at the Pia Url: check where the reverse proxy sends /callbacks",
            ),
        };
        let ends = ends || stored.status == CheckStatus::Fail;
        self.tell(stored);
        let forwarding = seen.event.as_ref().and_then(|event| event.forwarding.as_ref());
        let handed = match forwarding {
            _ if ends => unreached(Hop::Forwarded),
            None => HopReport::new(Hop::Forwarded, CheckStatus::Skip, "forwarding is off"),
            Some(_) if seen.is_forwarded() => {
                HopReport::new(Hop::Forwarded, CheckStatus::Pass, "accepted by the receiver")
                    .reached(None, seen.handed_after.unwrap_or(0))
            }
            Some(forwarding) => {
                let why = forwarding.last_error.clone().unwrap_or_else(|| "no answer yet".to_owned());
                HopReport::broken(
                    Hop::Forwarded,
                    format!("not accepted after {}: {why}", tries(forwarding.attempts)),
                    Hint::from("Check the address given to ")
                        .next(Next::ForwardTo)
                        .text("; the event is kept and tried again"),
                )
            }
        };
        self.tell(handed);
    }

    /// Why Halo may have sent nothing.
    async fn not_sent(&self) -> HopReport {
        let message = match self.cancel.is_cancelled() {
            true => "interrupted before anything came".to_owned(),
            false => format!("Halo sent nothing within {} s", self.made.elapsed().as_secs()),
        };
        let states = self.asked.webhook_states().await.ok();
        let state = states.as_ref().map(|states| states.get(&self.prepared.webhook.id.to_ascii_lowercase()));
        let name = &self.prepared.webhook.name;
        let hint = match state {
            Some(None) => {
                Hint::from(format!("The webhook \"{name}\" is gone. To create it again: ")).next(Next::Configure)
            }
            Some(Some(state)) if !state.active => {
                Hint::from(format!("The webhook \"{name}\" is switched off. To switch it on: ")).next(Next::Configure)
            }
            _ => Hint::from("Halo may be slow. To check that the webhook still has the event: ").next(Next::Plan),
        };
        HopReport::broken(Hop::Logged, message, hint)
    }

    /// Closes the ticket with a status that ends one, by what Halo says of its statuses.
    async fn close(&self, ticket: i64) -> Result<Untrusted, Failure> {
        let halo = &self.halo;
        let statuses = halo.statuses().await?;
        let mut final_ones: Vec<_> = statuses.iter().filter(|status| status.ends).collect();
        final_ones.sort_by_key(|status| !status.name.raw().to_lowercase().contains("closed"));
        let mut last = Failure::new(FailureKind::Declined, "Halo has no status that closes a ticket");
        self.write_down(CLOSE, Some(ticket), "begun", None)?;
        for status in final_ones.into_iter().take(CLOSING_STATUSES) {
            let written = halo.set_status(ticket, status.id).await;
            let held = halo.ticket(ticket).await?;
            let ended = held.and_then(|held| statuses.iter().find(|one| one.ends && Some(one.id) == held.status_id));
            if let Some(ended) = ended {
                self.write_down(CLOSE, Some(ticket), "done", None)?;
                return Ok(ended.name.clone());
            }
            last = written.err().map_or_else(
                || Failure::new(FailureKind::Declined, format!("Halo did not keep the status {}", status.name)),
                Failure::from,
            );
        }
        self.write_down(CLOSE, Some(ticket), "failed", None)?;
        Err(last)
    }

    fn write_down(
        &self,
        action: &str,
        ticket: Option<i64>,
        outcome: &str,
        summary: Option<&str>,
    ) -> Result<(), Failure> {
        let mut activity = self.workspace.activity(Some(&self.prepared.id), action, outcome);
        activity.object = ticket.map(|ticket| format!("ticket {ticket}"));
        activity.message = summary.map(str::to_owned);
        self.workspace.write_down(&activity)
    }
}

fn delivered(log: &LoggedDelivery) -> HopReport {
    let milliseconds = log.duration.as_ref().and_then(|text| text.trim().parse::<f64>().ok());
    let took = milliseconds.map(|ms| format!(", in {}", took(ms.max(0.0).round() as u64))).unwrap_or_default();
    let words = log.words.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
    match log.http_status {
        Some(status) if log.is_success() => {
            HopReport::new(Hop::Delivered, CheckStatus::Pass, format!("answered with {status}{took}"))
        }
        Some(status) => {
            let hint = match status {
                401 | 403 => let_in(),
                404 => Hint::from("The address leads elsewhere: check the Pia Url and the reverse proxy"),
                _ => Hint::from("Check what answers at the Pia Url. To see what is refused: ").next(Next::ServeVerbose),
            };
            HopReport::broken(Hop::Delivered, format!("answered with {status}{words}"), hint)
        }
        None => HopReport::broken(
            Hop::Delivered,
            format!("Halo had no answer from the address{words}"),
            "The Pia Url must be reachable from the internet: check DNS, the firewall and the certificate",
        ),
    }
}

fn unreached(hop: Hop) -> HopReport {
    HopReport::new(hop, CheckStatus::Skip, "not reached")
}

fn silent() -> Failure {
    Failure::new(FailureKind::NotReached, format!("Halo did not answer for {} s", CLOSING.as_secs()))
}

fn not_found() -> Failure {
    Failure::new(FailureKind::Declined, "Halo accepted the ticket but does not show it")
}

fn tries(count: u32) -> String {
    format!("{count} {}", if count == 1 { "try" } else { "tries" })
}
