//! Notes in the store that a callback was refused or could not be stored, whichever service has done so: whoever leads looks
//! after it, also after this one has ended.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};

use super::Shared;
use crate::ops::serving;

/// A refused callback was sent shortly before.
const BEFORE: SignedDuration = SignedDuration::from_mins(1);

/// How long it rests after one was noted: anybody can have one refused. How soon a store is tried again that is away.
const RESTS: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_secs(1);

/// Runs until the service ends.
pub async fn run(shared: Arc<Shared>) {
    let shortly_before = || shared.workspace.now().checked_sub(BEFORE).ok();
    let mut since: Option<Timestamp> = None;
    loop {
        tokio::select! {
            biased;
            () = shared.cancel.cancelled() => {}
            () = shared.missed.notified(), if since.is_none() => {
                since = shortly_before();
            }
            () = tokio::time::sleep(AGAIN), if since.is_some() => {}
        }
        let ends = shared.cancel.is_cancelled();
        if ends && since.is_none() && shared.missed.notified().now_or_never().is_some() {
            since = shortly_before();
        }
        if let Some(moment) = since {
            match shared.workspace.run_blocking(move |workspace| serving::note_missed(workspace, moment)).await {
                Ok(()) => {
                    since = None;
                    shared.missed_noted.notify_one();
                }
                Err(failure) => tracing::debug!(%failure, "cannot note that callbacks were missed"),
            }
        }
        if ends {
            return;
        }
        if since.is_none() {
            tokio::select! {
                () = shared.cancel.cancelled() => {}
                () = tokio::time::sleep(RESTS) => {}
            }
        }
    }
}
