//! Deliveries with the right token that were not stored: counted, so that what is told of them says how many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::configuration::ConfigurationId;
use crate::domain::health::{Finding, not_stored};
use crate::ops::Workspace;

/// How long after a note the next one is made: one note is made for a burst of them.
const PAUSE: Duration = Duration::from_secs(1);

/// The losses of each configuration since the service was started.
#[derive(Clone, Default)]
pub struct Losses(Arc<Mutex<HashMap<ConfigurationId, Loss>>>);

struct Loss {
    /// How many there are of each cause.
    whys: Vec<(&'static str, u64)>,
    first: Timestamp,
    last: Timestamp,
    /// Whether somebody is writing it down, and looks again before he ends.
    is_written: bool,
}

impl Losses {
    /// One more was not stored. It is written down beside the answer.
    pub fn note(&self, workspace: &Workspace, configuration: &ConfigurationId, why: &'static str) {
        let now = workspace.now();
        let mut losses = self.lock();
        let new = || Loss { whys: Vec::new(), first: now, last: now, is_written: false };
        let loss = losses.entry(configuration.clone()).or_insert_with(new);
        loss.last = now;
        match loss.whys.iter_mut().find(|(known, _)| *known == why) {
            Some((_, count)) => *count += 1,
            None => loss.whys.push((why, 1)),
        }
        if !std::mem::replace(&mut loss.is_written, true) {
            tokio::spawn(self.clone().write(workspace.clone(), configuration.clone()));
        }
    }

    async fn write(self, workspace: Workspace, configuration: ConfigurationId) {
        let mut told = 0;
        while let Some((count, found)) = self.untold(&configuration, told) {
            told = count;
            let (workspace, id) = (workspace.clone(), configuration.clone());
            _ = tokio::task::spawn_blocking(move || workspace.note_health(&id, [found])).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What is to be told, where there is more than so many; then somebody else writes.
    fn untold(&self, configuration: &ConfigurationId, told: u64) -> Option<(u64, Finding)> {
        let mut losses = self.lock();
        let loss = losses.get_mut(configuration)?;
        let count = loss.whys.iter().map(|(_, count)| count).sum();
        loss.is_written = count > told;
        loss.is_written.then(|| (count, not_stored(&loss.whys, loss.first, loss.last)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConfigurationId, Loss>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
