//! One governor for each Halo of this process: a sync, the look-ups of tickets and a person's command have one budget together,
//! and the programs of other machines as well where these count together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Connection;
use super::governor::{DEFAULT_BUDGET, Governor};
pub use super::shared_count::SharedCount;
use crate::domain::sync_run::{BudgetWait, Silence};

/// The governors so far. Cheap to clone, and then the same ones.
#[derive(Clone, Default)]
pub struct Governors {
    known: Arc<Mutex<BTreeMap<Which, Arc<Governor>>>>,
    count: Option<Arc<dyn SharedCount>>,
}

/// A Halo's address and its budget in the settings.
type Which = (String, Option<u32>);

impl Governors {
    /// Those of a machine that counts with others.
    pub fn counting(count: Arc<dyn SharedCount>) -> Self {
        Self { count: Some(count), ..Self::default() }
    }

    /// The governor of a Halo. What it has learnt of Halo's limit stays as long as these governors; another budget in the settings
    /// makes another one.
    pub(super) fn of(&self, connection: &Connection) -> Arc<Governor> {
        let budget = match connection.request_budget {
            Some(0) => None,
            Some(budget) => Some(budget),
            None if connection.url.is_loopback() => None,
            None => Some(DEFAULT_BUDGET),
        };
        let halo = connection.url.to_string();
        let make = || match (budget, &self.count) {
            (Some(budget), Some(count)) => Governor::shared(budget, Arc::clone(count), halo.clone()),
            _ => Governor::new(budget),
        };
        Arc::clone(self.known().entry((halo.clone(), budget)).or_insert_with(|| Arc::new(make())))
    }

    /// The longest wait for a request limit that somebody is in.
    pub fn waiting(&self) -> Option<BudgetWait> {
        self.known().values().filter_map(|governor| governor.waiting()).max_by_key(|wait| wait.until)
    }

    /// The longest silence of a Halo that somebody waits for.
    pub fn silence(&self) -> Option<Silence> {
        self.known().values().filter_map(|governor| governor.silence()).min_by_key(|silence| silence.since)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Which, Arc<Governor>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
