//! The end of a service whose store another host has taken.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::ops::serving;

/// How often it is looked. A session that was lost is begun again by that, too, so that other hosts stay away.
const LOOK: Duration = Duration::from_secs(5);

/// Looks until the service ends. A store in a file is nobody else's.
pub async fn run(shared: Arc<Shared>) {
    if !serving::is_on_server(&shared.workspace) {
        return;
    }
    loop {
        tokio::select! {
            biased;
            () = shared.cancel.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let taken = shared.workspace.run_blocking(|workspace| Ok(serving::taken(workspace))).await;
        if let Ok(Some(failure)) = taken {
            tracing::error!(%failure, "stopping the service");
            _ = shared.taken.set(failure);
            shared.cancel.cancel();
            return;
        }
    }
}
