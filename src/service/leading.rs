//! Of several services at one store, one leads: it alone syncs, looks, forwards and repairs. The others receive, and stand by.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::clock::WallClock;
use super::forwarder::Destination;
use super::scheduler::Scheduler;
use super::{Parts, Shared, catch_up, expiry, forwarder, health, lookups, owner};
use crate::domain::failure::Failure;
use crate::ops::serving::{self, Lead, Leadership};
use crate::ops::signals::{Changes, Signals};

/// How often whoever stands by tries to lead.
const TRY: Duration = Duration::from_secs(5);

/// How often the leader looks whether it still is, and how long whoever follows it waits: by then it has looked.
const LOOK: Duration = Duration::from_secs(1);
const SETTLES: Duration = Duration::from_secs(3);

/// What whoever leads was asked to do.
pub struct Work {
    pub forward: Option<Destination>,
    pub notify: Option<Vec<String>>,
}

/// Leads, or stands by, until the service ends.
pub async fn run(shared: Arc<Shared>, work: Work, parts: Parts) {
    let mut told = None;
    while !shared.cancel.is_cancelled() {
        match shared.workspace.run_blocking(serving::lead).await {
            Ok(Lead::Here(leadership)) => {
                told = None;
                lead(&shared, *leadership, &work, parts.beside()).await;
                shared.metrics.leads(false);
            }
            Ok(Lead::Elsewhere(leader)) => {
                if told.as_ref() != Some(&leader) {
                    tracing::info!(%leader, "this service stands by: another one leads");
                    tell(&shared, Some(&leader));
                    told = Some(leader);
                }
            }
            Err(failure) => {
                let why = failure.to_string();
                if told.as_ref() != Some(&why) {
                    tracing::warn!(%failure, "cannot tell which service leads");
                    told = Some(why);
                }
            }
        }
        rest(&shared.cancel, TRY).await;
    }
}

/// Leads until the lock is lost or the service ends: then every part has ended.
async fn lead(shared: &Arc<Shared>, leadership: Leadership, work: &Work, parts: Parts) {
    let (cancel, leadership) = (shared.cancel.child_token(), Arc::new(leadership));
    if serving::is_on_server(&shared.workspace) {
        rest(&cancel, SETTLES).await;
        if cancel.is_cancelled() || !is_held(shared, &leadership).await {
            return;
        }
        tracing::info!("this service leads");
        tell(shared, None);
    }
    shared.metrics.leads(true);
    let leader = Shared { workspace: leadership.workspace(), cancel: cancel.clone(), hub: Arc::clone(&shared.hub) };
    if let Err(failure) = start(&parts, &Arc::new(leader), work).await {
        tracing::error!(%failure, "this service cannot lead");
        cancel.cancel();
    }
    if !serving::is_on_server(&shared.workspace) {
        // Nobody can take it: nothing wakes for that.
        cancel.cancelled().await;
    }
    while !cancel.is_cancelled() {
        rest(&cancel, LOOK).await;
        if !cancel.is_cancelled() && !is_held(shared, &leadership).await {
            tracing::warn!("this service has lost its lead, and stands by");
            cancel.cancel();
        }
    }
    shared.led_to_end.store(shared.cancel.is_cancelled(), Ordering::Relaxed);
    parts.wait().await;
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

/// Wakes whoever waits for an event: other services at the store receive some, too.
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
    }
}
