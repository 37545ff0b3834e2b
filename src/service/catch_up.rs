//! Fetches what Halo wanted to tell while nobody listened: after a start, after callbacks that were refused, and where its
//! own log names deliveries that have failed on their way here.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::Shared;
use super::at_halo::AtHalo;
use crate::domain::configuration::{Configuration, ConfigurationId};
use crate::domain::delivery::{Delivery, DeliveryState};
use crate::domain::failure::Failure;
use crate::domain::next::Next;
use crate::domain::owner::Belongs;
use crate::ops::{Workspace, catch_up, configure, delivery, events, serving, spooled, take_over};

/// After the first callback that was refused: what refuses them may go on for a while.
const SETTLES: Duration = Duration::from_secs(30);

/// The least time between two looks that refused callbacks ask for: anybody can have one refused.
const BETWEEN: Duration = Duration::from_secs(600);

/// How often Halo's log is asked whether deliveries fail: what fails on its way, nobody here hears of.
const ASKED: Duration = Duration::from_secs(3_600);

/// How soon it is looked again whether callbacks were missed, after news of something else.
const NEWS: Duration = Duration::from_secs(5);

/// How far Halo's clock and ours may be apart.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(5);

/// What is known from one turn to the next.
#[derive(Default)]
struct Known {
    /// From when on callbacks may have been missed.
    missed_since: Option<Timestamp>,
    /// Whose gap was looked after, until when, and when that was.
    looked_after: Option<(ConfigurationId, Timestamp, Instant)>,
    /// Halo's log is to be asked.
    is_asked: bool,
}

/// How often it is looked whether what waits on this host is stored.
const SPOOLS: Duration = Duration::from_secs(1);

/// Runs until the service ends.
pub async fn run(shared: Arc<Shared>) {
    let mut reloaded = shared.reloaded.subscribe();
    let (mut failures, mut known) = (0, Known::default());
    loop {
        spool_is_empty(&shared).await;
        let turned = shared.failing.ended(AtHalo::Missed, turn(&shared, &mut known).await);
        let is_caught_up = turned.is_ok() && known.looked_after.is_some() && known.missed_since.is_none();
        shared.is_caught_up.store(is_caught_up, Ordering::Relaxed);
        let wait = match turned {
            Ok(()) => {
                failures = 0;
                ASKED
            }
            Err(failure) => {
                tracing::warn!(%failure, "missed events could not be fetched; it will be tried again");
                failures += 1;
                Duration::try_from(events::wait_after(failures)).unwrap_or_default()
            }
        };
        let due = Instant::now() + wait;
        loop {
            tokio::select! {
                biased;
                () = shared.cancel.cancelled() => return,
                // Another configuration may be the active one now.
                Ok(()) = reloaded.changed() => break,
                () = tokio::time::sleep_until(due) => {
                    known.is_asked |= failures == 0;
                    break;
                }
                // Last: a store that is written all the time wakes it all the time.
                () = shared.missed_noted.notified() => {
                    let is_missed = is_missed(&shared).await;
                    if is_missed {
                        shared.is_caught_up.store(false, Ordering::Relaxed);
                    }
                    tokio::select! {
                        () = shared.cancel.cancelled() => return,
                        () = tokio::time::sleep(if is_missed { SETTLES } else { NEWS }) => {}
                    }
                    if is_missed {
                        break;
                    }
                }
            }
        }
    }
}

/// Whether callbacks were missed, here or by another service, that nobody has looked after.
async fn is_missed(shared: &Shared) -> bool {
    let is_missed = |workspace: &Workspace| match workspace.active()? {
        Some((id, _)) => Ok(serving::missed(workspace, &id)?.is_some()),
        None => Ok(false),
    };
    shared.workspace.run_blocking(is_missed).await.unwrap_or(false)
}

/// Waits until what Halo has sent to this host meanwhile is in the store: it was not missed, and must not be fetched before it.
async fn spool_is_empty(shared: &Shared) {
    let waits = |workspace: &Workspace| Ok(spooled::spooled(workspace.paths())?.waiting > 0);
    while shared.workspace.run_blocking(waits).await.unwrap_or(false) {
        tokio::select! {
            () = shared.cancel.cancelled() => return,
            () = tokio::time::sleep(SPOOLS) => {}
        }
    }
}

async fn turn(shared: &Shared, known: &mut Known) -> Result<(), Failure> {
    let workspace = &shared.workspace;
    let active = workspace.run_blocking(|workspace| workspace.active()).await?;
    let Some((id, configuration)) = active else { return Ok(()) };
    let of = id.clone();
    let noted = workspace.run_blocking(move |workspace| serving::missed(workspace, &of)).await?;
    known.missed_since = known.missed_since.into_iter().chain(noted.map(|(since, _)| since)).min();
    let of = id.clone();
    let is_off = |verdict: &Delivery| verdict.state == DeliveryState::SwitchedOff;
    // Somebody may have switched it on again since.
    let mut was_off = workspace.run_blocking(move |workspace| serving::saw_switched_off(workspace, &of)).await?;
    if let Some((_, until, last)) = known.looked_after.as_ref().filter(|(of, ..)| *of == id) {
        if known.missed_since.is_none() {
            if !known.is_asked {
                return Ok(());
            }
            let verdicts = read_log(shared, &id).await?;
            known.is_asked = false;
            known.missed_since = lost_since(&verdicts, was_off, *until);
            if known.missed_since.is_none() {
                known.missed_since = failed_since(shared, &id, *until).await?;
            }
            was_off |= verdicts.iter().any(is_off);
            if known.missed_since.is_none() {
                return Ok(());
            }
        } else {
            tokio::select! {
                () = shared.cancel.cancelled() => return Ok(()),
                () = tokio::time::sleep_until(*last + BETWEEN) => {}
            }
        }
    }
    let halo = workspace.halo(&id, &configuration.api).await?.in_background().cancelled_by(shared.cancel.clone());
    let owner = match take_over::look_with(workspace, &id, &configuration, &halo).await? {
        // What it did not hear, the other machine did.
        Belongs::Elsewhere(_) => return Ok(()),
        Belongs::Here(owner) => Some(owner),
        Belongs::ToNobody | Belongs::Nowhere => None,
    };
    let until = workspace.now();
    let range = catch_up::CatchUpRange { earlier: known.missed_since, until, was_off, forward: shared.forwards() };
    let ours_since = owner.map(|owner| owner.since);
    let gap = catch_up::run(workspace, &id, &halo, range, ours_since).await?;
    known.looked_after = Some((id.clone(), until, Instant::now()));
    known.missed_since = None;
    if let Some((_, misses)) = noted {
        let of = id.clone();
        workspace.run_blocking(move |workspace| serving::forget_missed(workspace, &of, misses, until)).await?;
    }
    let Some(gap) = gap else { return Ok(()) };
    for words in gap.words() {
        tracing::warn!("{words}");
    }
    if gap.from_log + gap.from_tickets > 0 {
        shared.arrived.notify_one();
        shared.looked_up.notify_one();
    }
    // Halo may have switched a webhook off meanwhile: the status names it. It is switched on after what it did not tell
    // was fetched: from then on nothing shows that it was off. What a person has switched off stays off.
    let verdicts = read_log(shared, &id).await?;
    let off: Vec<String> = verdicts
        .into_iter()
        .filter(|verdict| is_off(verdict) && verdict.off_by_halo)
        .map(|verdict| verdict.id)
        .collect();
    if !off.is_empty() {
        switch_on(shared, &id, &configuration, &off).await;
    }
    Ok(())
}

/// What Halo's log says of each webhook, which the status names from then on; nothing where Halo does not let it be read.
async fn read_log(shared: &Shared, id: &ConfigurationId) -> Result<Vec<Delivery>, Failure> {
    match delivery::read(&shared.workspace, id, shared.cancel.clone()).await {
        Err(failure) if catch_up::is_final(&failure) => Ok(Vec::new()),
        read => read,
    }
}

/// From when on a delivery has failed since the last look, though a later one came; none where Halo's log is not readable.
async fn failed_since(
    shared: &Shared,
    id: &ConfigurationId,
    looked_until: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    let since = looked_until.checked_sub(CLOCKS_APART).unwrap_or(looked_until);
    match delivery::failed_since(&shared.workspace, id, since, shared.cancel.clone()).await {
        Err(failure) if catch_up::is_final(&failure) => Ok(None),
        found => found,
    }
}

/// Switches on what is off, where the settings ask for that.
async fn switch_on(shared: &Shared, id: &ConfigurationId, configuration: &Configuration, off: &[String]) {
    let workspace = &shared.workspace;
    if configuration.integration.webhook_options.switches_on_again {
        match configure::switch_on(workspace, id, off, shared.cancel.clone()).await {
            Ok(0) => {
                tracing::warn!("a webhook is off in Halo and was changed in other ways, too. To see it: {}", Next::Plan)
            }
            Ok(webhooks) => tracing::warn!(webhooks, "Halo had switched webhooks off; they were switched on again"),
            Err(failure) => tracing::warn!(%failure, "a webhook that Halo has switched off could not be switched on"),
        }
    }
}

/// From when on events may have been lost, by what Halo's log says of deliveries after the last look; none where they came.
fn lost_since(verdicts: &[Delivery], was_off: bool, looked_until: Timestamp) -> Option<Timestamp> {
    let before = looked_until.checked_sub(CLOCKS_APART).unwrap_or(looked_until);
    if was_off {
        return Some(before);
    }
    let is_new = |verdict: &&Delivery| match verdict.state {
        DeliveryState::SwitchedOff => true,
        state => state.loses_events() && verdict.last_at.is_none_or(|at| at > before),
    };
    let since = |verdict: &Delivery| verdict.last_success_at.map_or(before, |success| success.max(before));
    verdicts.iter().filter(is_new).map(since).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-23T{text}:00Z").parse().unwrap()
    }

    fn verdict(state: DeliveryState, last: &str, success: Option<&str>) -> Delivery {
        Delivery {
            webhook: "Pia - Ticket Created".to_owned(),
            id: "a".to_owned(),
            state,
            last_at: Some(at(last)),
            http_status: None,
            duration: None,
            error: None,
            last_success_at: success.map(at),
            off_by_halo: false,
            unbound: false,
            message: String::new(),
            advice: None,
            read_at: at("13:00"),
        }
    }

    /// Only what is new asks for a look, and it goes back to what came last.
    #[test]
    fn failures_in_halos_log_are_looked_after_once() {
        let lost = |verdicts: &[Delivery]| lost_since(verdicts, false, at("12:00"));
        assert_eq!(lost(&[verdict(DeliveryState::Delivered, "12:50", Some("12:50"))]), None);
        assert_eq!(lost(&[verdict(DeliveryState::Unreadable, "12:50", None)]), None);
        let failed = verdict(DeliveryState::NotReached, "12:50", Some("12:30"));
        assert_eq!(lost(&[verdict(DeliveryState::Delivered, "12:55", None), failed.clone()]), Some(at("12:30")));
        let older = verdict(DeliveryState::ServerError, "11:00", Some("10:00"));
        assert_eq!(lost(std::slice::from_ref(&older)), None, "looked after before");
        assert_eq!(lost(&[failed, verdict(DeliveryState::TimeOut, "12:40", None)]), Some(at("11:55")));
        // While one is off, Halo tries nothing: each look goes on from the one before.
        assert_eq!(lost(&[verdict(DeliveryState::SwitchedOff, "10:00", Some("09:00"))]), Some(at("11:55")));
    }
}
