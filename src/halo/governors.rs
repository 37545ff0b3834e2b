//! One governor for each Halo of this process: a sync, the look-ups of tickets and a person's command have one budget together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Connection;
use super::governor::{DEFAULT_BUDGET, Governor};
use crate::domain::sync_run::{BudgetWait, Silence};

/// The governors so far. Cheap to clone, and then the same ones.
#[derive(Clone, Default)]
pub struct Governors(Arc<Mutex<BTreeMap<Which, Arc<Governor>>>>);

/// A Halo's address and its budget in the settings.
type Which = (String, Option<u32>);

impl Governors {
    /// The governor of a Halo. What it has learnt of Halo's limit stays as long as these governors; another budget in the settings
    /// makes another one.
    pub(super) fn of(&self, connection: &Connection) -> Arc<Governor> {
        let budget = match connection.request_budget {
            Some(0) => None,
            Some(budget) => Some(budget),
            None if connection.url.is_loopback() => None,
            None => Some(DEFAULT_BUDGET),
        };
        let mut governors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let governor = governors.entry((connection.url.to_string(), budget));
        Arc::clone(governor.or_insert_with(|| Arc::new(Governor::new(budget))))
    }

    /// The longest wait for a request limit that somebody is in.
    pub fn waiting(&self) -> Option<BudgetWait> {
        let governors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        governors.values().filter_map(|governor| governor.waiting()).max_by_key(|wait| wait.until)
    }

    /// The longest silence of a Halo that somebody waits for.
    pub fn silence(&self) -> Option<Silence> {
        let governors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        governors.values().filter_map(|governor| governor.silence()).min_by_key(|silence| silence.since)
    }
}
