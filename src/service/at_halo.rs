//! What of the leader's work has failed at Halo for a cause of this host: one that fails so for minutes is followed by another.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::domain::failure::{Failure, FailureKind};
use crate::domain::sync_run::{SyncReport, SyncStatus};

/// What is done at Halo by whoever leads.
#[derive(Clone, Copy, Debug)]
pub enum AtHalo {
    /// The look at whose the configuration is there.
    Owner = 1,
    Sync = 2,
    /// Reading Halo's log, and what was missed.
    Missed = 4,
    /// Reading the tickets of events.
    Tickets = 8,
    /// The look at whether everything is as it was made.
    Health = 16,
}

/// What has failed there when it was done last.
#[derive(Debug, Default)]
pub struct Failing(AtomicU8);

impl Failing {
    /// Notes how something ended there; what does not come of this host, such as a Halo that refuses a write, is no failing of it.
    pub fn note(&self, what: AtHalo, failure: Option<&Failure>) {
        let is_own = failure.is_some_and(|failure| {
            matches!(failure.kind, FailureKind::NotReached | FailureKind::WrongCredentials | FailureKind::LocalState)
        });
        match is_own {
            true => self.0.fetch_or(what as u8, Ordering::Relaxed),
            false => self.0.fetch_and(!(what as u8), Ordering::Relaxed),
        };
    }

    /// The same of a result.
    pub fn ended<T>(&self, what: AtHalo, result: Result<T, Failure>) -> Result<T, Failure> {
        self.note(what, result.as_ref().err());
        result
    }

    /// The same of a sync, which says in its report what it has failed by.
    pub fn synced(&self, report: &Result<SyncReport, Failure>) {
        match report {
            Ok(report) if report.status.has_published() => self.forget(),
            // Another program is at it: nothing was done here.
            Ok(report) if report.status == SyncStatus::Busy => {}
            Ok(report) => self.note(AtHalo::Sync, report.error.as_ref()),
            Err(failure) => self.note(AtHalo::Sync, Some(failure)),
        }
    }

    /// Halo has answered as it should, or another service has led: what failed before it does no more.
    pub fn forget(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether anything has.
    pub fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::testing::report;

    /// Each is known for itself: one that goes well says nothing of another that does not.
    #[test]
    fn what_fails_at_halo_by_this_host_is_known_until_it_does_not() {
        let failed = |kind| Failure::new(kind, "no");
        let failing = Failing::default();
        let all = [AtHalo::Owner, AtHalo::Sync, AtHalo::Missed, AtHalo::Tickets, AtHalo::Health];
        for what in all {
            for kind in [FailureKind::NotReached, FailureKind::WrongCredentials, FailureKind::LocalState] {
                failing.note(what, Some(&failed(kind.clone())));
                all.iter().filter(|other| **other as u8 != what as u8).for_each(|other| failing.note(*other, None));
                assert!(failing.is_any(), "{what:?} {kind:?}");
                failing.note(what, None);
                assert!(!failing.is_any(), "{what:?} {kind:?}");
            }
            failing.note(what, Some(&failed(FailureKind::Declined)));
            assert!(!failing.is_any(), "{what:?}: that is Halo's");
        }
        let refused = SyncReport { error: Some(failed(FailureKind::WrongCredentials)), ..report(SyncStatus::Failed) };
        failing.synced(&Ok(refused));
        assert!(failing.is_any());
        failing.synced(&Ok(report(SyncStatus::Complete)));
        assert!(!failing.is_any());
        // Nothing is done there meanwhile, and nobody knows better.
        failing.synced(&Err(failed(FailureKind::LocalState)));
        failing.synced(&Ok(report(SyncStatus::Busy)));
        assert!(failing.is_any());
        all.iter().for_each(|what| failing.note(*what, Some(&failed(FailureKind::NotReached))));
        failing.forget();
        assert!(!failing.is_any());
    }
}
