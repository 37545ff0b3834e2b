//! Of several services at one store, one leads: it alone syncs, looks, forwards and repairs. The others receive, and stand by.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::clock::WallClock;
use super::forwarder::Destination;
use super::scheduler::Scheduler;
use super::{Parts, Shared, catch_up, expiry, forwarder, health, lookups, owner};
use crate::domain::failure::{Failure, FailureKind};
use crate::ops::leading::{self, Lead, Leadership, Others};
use crate::ops::serving;
use crate::ops::signals::{Changes, Signals};
use crate::store::Service;

/// How often whoever stands by tries to lead, and how often each service tells the others that it is there.
const TRY: Duration = Duration::from_secs(5);

/// How long whoever could not begin to lead lets others go first.
const RESTS: Duration = Duration::from_secs(600);

/// How often the leader looks whether it still is, and how long whoever follows it waits: by then it has looked.
const LOOK: Duration = Duration::from_secs(1);
const SETTLES: Duration = Duration::from_secs(3);

/// How long what it did is waited for once it leads no more: a server that says nothing may keep it for minutes.
const ENDS: Duration = Duration::from_secs(60);

/// What whoever leads was asked to do.
pub struct Work {
    pub forward: Option<Destination>,
    pub notify: Option<Vec<String>>,
}

/// Leads, or stands by, until the service ends.
pub async fn run(shared: Arc<Shared>, work: Work, parts: Parts) {
    let own = leading::service(&shared.workspace, work.forward.as_ref().map(Destination::named));
    let (mut told, mut could_not): (Option<String>, Option<Instant>) = (None, None);
    while !shared.cancel.is_cancelled() {
        could_not = could_not.filter(|since| since.elapsed() < RESTS);
        let (asking, could) = (own.clone(), could_not.is_none());
        let asked = shared.workspace.run_blocking(move |workspace| leading::lead(workspace, &asking, could)).await;
        match asked {
            Ok((Lead::Here(leadership), others)) => {
                told = None;
                shared.hear(&others);
                if let Err(failure) = lead(&shared, *leadership, &own, &work, parts.beside()).await {
                    tracing::error!(%failure, "this service cannot lead");
                    could_not = Some(Instant::now());
                }
                shared.metrics.leads(false);
            }
            Ok((Lead::Elsewhere(leader), others)) => {
                shared.hear(&others);
                if told.as_ref() != Some(&leader) {
                    tracing::info!(%leader, "this service stands by: another one leads");
                    tell(&shared, Some(&leader));
                    told = Some(leader);
                }
            }
            Err(failure) => {
                // A server that is away says nothing of this host.
                if failure.kind != FailureKind::NotReached {
                    could_not = Some(Instant::now());
                }
                let why = failure.to_string();
                if told.as_ref() != Some(&why) {
                    tracing::warn!(%failure, "cannot tell which service leads");
                    told = Some(why);
                }
            }
        }
        rest(&shared.cancel, TRY).await;
    }
    if serving::is_on_server(&shared.workspace) {
        _ = shared.workspace.run_blocking(move |workspace| leading::end(workspace, &own)).await;
    }
}

/// Leads until the lock is lost, another service can do more, or the service ends: then every part has ended.
async fn lead(
    shared: &Arc<Shared>,
    leadership: Leadership,
    own: &Service,
    work: &Work,
    parts: Parts,
) -> Result<(), Failure> {
    let (cancel, leadership) = (shared.cancel.child_token(), Arc::new(leadership));
    if serving::is_on_server(&shared.workspace) {
        rest(&cancel, SETTLES).await;
        if cancel.is_cancelled() || !is_held(shared, &leadership).await {
            return Ok(());
        }
        let (leads, own) = (Arc::clone(&leadership), own.clone());
        shared.workspace.run_blocking(move |_| leads.begin(&own)).await?;
        tracing::info!("this service leads");
        tell(shared, None);
    }
    shared.metrics.leads(true);
    shared.failing.forget();
    let leader = Shared { workspace: leadership.workspace(), cancel: cancel.clone(), hub: Arc::clone(&shared.hub) };
    let started = start(&parts, &Arc::new(leader), work).await;
    if started.is_err() {
        cancel.cancel();
    }
    if !serving::is_on_server(&shared.workspace) {
        // Nobody can take it: nothing wakes for that.
        cancel.cancelled().await;
    }
    let (mut said, mut gives_back) = (Instant::now(), false);
    while !cancel.is_cancelled() {
        rest(&cancel, LOOK).await;
        let mut is_held = cancel.is_cancelled() || is_held(shared, &leadership).await;
        if is_held && !cancel.is_cancelled() && said.elapsed() >= TRY {
            said = Instant::now();
            match go_on(shared, &leadership, own).await {
                Ok(None) => is_held = false,
                Ok(Some(others)) => {
                    shared.hear(&others);
                    // In the middle of a sync it would be lost, and begun again there.
                    let better = others.better.filter(|_| !shared.is_syncing.load(Ordering::Relaxed));
                    if let Some(host) = better {
                        tracing::warn!(host, "this service gives its lead to one that can do more");
                        gives_back = true;
                        cancel.cancel();
                    }
                }
                // Whether it leads still, the next look tells.
                Err(failure) => tracing::debug!(%failure, "cannot tell the others that this service leads"),
            }
        }
        if !is_held {
            tracing::warn!("this service has lost its lead, and stands by");
            cancel.cancel();
        }
    }
    shared.led_to_end.store(shared.cancel.is_cancelled(), Ordering::Relaxed);
    // One that is left behind does nothing more: whatever it writes, it writes under the lock that is given back here.
    parts.wait(ENDS).await;
    if gives_back {
        let (leads, own) = (Arc::clone(&leadership), own.clone());
        shared.workspace.run_blocking(move |_| leads.give_back(&own)).await?;
    }
    started
}

async fn go_on(shared: &Shared, leadership: &Arc<Leadership>, own: &Service) -> Result<Option<Others>, Failure> {
    let (leads, own, is_failing) = (Arc::clone(leadership), own.clone(), shared.failing.is_any());
    shared.workspace.run_blocking(move |_| leads.go_on(&own, is_failing)).await
}

async fn is_held(shared: &Shared, leadership: &Arc<Leadership>) -> bool {
    let asked = Arc::clone(leadership);
    shared.workspace.run_blocking(move |_| Ok(asked.is_held())).await.unwrap_or(false)
}

fn tell(shared: &Shared, leader: Option<&str>) {
    if let Some(tell) = shared.tell_lead {
        tell(leader);
    }
}

async fn rest(cancel: &CancellationToken, time: Duration) {
    tokio::select! {
        () = cancel.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}

async fn start(parts: &Parts, leader: &Arc<Shared>, work: &Work) -> Result<(), Failure> {
    match work.forward.clone() {
        Some(destination) => parts.start("forwarder", forwarder::run(Arc::clone(leader), destination)?),
        // What others forward waits for them.
        None if leader.others_forward.load(Ordering::Relaxed) => {}
        None => leader.workspace.run_blocking(serving::end_forwarding).await?,
    }
    parts.start("lookups", lookups::run(Arc::clone(leader)));
    parts.start("scheduler", Scheduler::new(Arc::clone(leader), WallClock).run());
    parts.start("catch-up", catch_up::run(Arc::clone(leader)));
    parts.start("health", health::run(Arc::clone(leader), work.notify.clone(), WallClock));
    parts.start("owner", owner::run(Arc::clone(leader)));
    parts.start("expiry", expiry::run(Arc::clone(leader), WallClock));
    if serving::is_on_server(&leader.workspace) {
        parts.start("news", news(Arc::clone(leader)));
    }
    Ok(())
}

/// Wakes whoever waits for an event, or for one that was missed: other services at the store receive some, and miss some, too.
async fn news(leader: Arc<Shared>) {
    let mut signals = Signals::of(&leader.workspace, Changes::STORE);
    loop {
        tokio::select! {
            biased;
            () = leader.cancel.cancelled() => return,
            _ = signals.wait_for_change() => {}
        }
        leader.arrived.notify_one();
        leader.looked_up.notify_one();
        leader.missed_noted.notify_one();
    }
}
